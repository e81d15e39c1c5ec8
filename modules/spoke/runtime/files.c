/* SPDX-License-Identifier: Apache-2.0 */
/* Lays out a pod's directory and puts delivered files back when they change. */

#include "base/beneath.h"
#include "runtime/claims.h"
#include "runtime/process.h"

#include "base/clock.h"
#include "base/map.h"
#include "document/document.h"
#include "number/number.h"
#include "shim/shim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Small tools on paths ------------------------------------------------------ */

static char *read_machine_file(struct arena *arena, const char *path, size_t *ret_len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char *bytes;
    ssize_t got;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return NULL;
    }
    bytes = arena_alloc(arena, (size_t)st.st_size + 1);
    got = read(fd, bytes, (size_t)st.st_size);
    close(fd);
    if (got < 0)
        return NULL;
    *ret_len = (size_t)got;
    return bytes;
}

/* A path of our own making below `base`: no "..", no absolute, no empty part. */
static bool is_inner_path(const char *path)
{
    if (!*path || *path == '/' || strlen(path) > 1000)
        return false;
    for (const char *at = path; *at; at += strcspn(at, "/"), at += *at == '/')
        if (*at == '/' || (at[0] == '.' && at[1] == '.' && (!at[2] || at[2] == '/')))
            return false;
    return true;
}

/* A folder that lies in one which workloads cannot change. */
static int open_own(const char *path)
{
    return open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* ---- Volumes of files -------------------------------------------------------------- */

static bool content_of(const struct node *file, struct text *ret)
{
    const struct node *text = node_get(file, "text");
    const struct node *base64 = node_get(file, "base64");

    if (text)
        text_add_bytes(ret, text->string, text->len);
    else if (base64)
        return text_add_unbase64(ret, base64->string, base64->len, false);
    return true;
}

static bool is_as_wanted(int folder, const char *name, const struct text *wanted, unsigned mode)
{
    scoped_mem char *have = mem_alloc(wanted->len + 1);
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    bool same;

    if (fd < 0)
        return false;
    same = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == mode &&
           (size_t)st.st_size == wanted->len &&
           read(fd, have, wanted->len + 1) == (ssize_t)wanted->len &&
           !memcmp(have, text_string(wanted), wanted->len);
    close(fd);
    return same;
}

static int write_fresh(int folder, const char *name, const struct text *wanted, unsigned mode,
                       int64_t group)
{
    scoped_mem char *fresh = mem_printf("%s.axle-new", name);
    bool good;
    int fd;

    beneath_delete(folder, fresh);
    fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    errno = ENOSPC;
    good = write(fd, text_string(wanted), wanted->len) == (ssize_t)wanted->len &&
           (group < 0 || fchown(fd, (uid_t)-1, (gid_t)group) == 0) && fchmod(fd, mode) == 0;
    if (close(fd) < 0 || !good || renameat(folder, fresh, folder, name) < 0) {
        int number = errno;

        unlinkat(folder, fresh, 0);
        errno = number;
        return -1;
    }
    return 0;
}

/* 1: was written, 0: was right already. */
static int write_one(int volume, const char *path, const struct node *file, int64_t group,
                     struct err *err)
{
    unsigned mode = (unsigned)number_as_int(file, "mode", NUMBER_MODE, 0444);
    scoped_text struct text wanted = {0};
    const char *name = NULL;
    int folder, done = 0;

    if (!is_inner_path(path))
        return err_set(err, ERR_INVALID, "file name \"%.200s\" leaves its volume", path);
    if (!content_of(file, &wanted))
        return err_set(err, ERR_INVALID, "file \"%.200s\" is not base64", path);
    folder = beneath_parent(volume, path, &name);
    if (folder < 0)
        return err_set(err, ERR_FULL, "%.200s: %s", path, strerror(errno));
    if (!is_as_wanted(folder, name, &wanted, mode)) {
        beneath_delete(folder, name);
        done = write_fresh(folder, name, &wanted, mode, group) < 0 ? -1 : 1;
    }
    if (done < 0)
        err_set(err, ERR_FULL, "%.200s: %s", path, strerror(errno));
    close(folder);
    return done;
}

static bool is_wanted(const struct node *files, const char *path)
{
    size_t len = strlen(path);

    node_each(file, files) if (text_starts(file->key, path) &&
                               (!file->key[len] || file->key[len] == '/')) return true;
    return false;
}

/* Files that were not delivered are deleted: the volume holds what its ConfigMap has. */
static int delete_strays(int folder, const char *below, const struct node *files)
{
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), gone = 0;
    DIR *list = own >= 0 ? fdopendir(own) : NULL;

    for (struct dirent *e; list && (e = readdir(list));) {
        scoped_mem char *path = mem_printf("%s%s%s", below, *below ? "/" : "", e->d_name);
        int inner;

        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
            text_ends(e->d_name, ".axle-new"))
            continue;
        if (!is_wanted(files, path)) {
            beneath_delete(folder, e->d_name);
            gone++;
            continue;
        }
        inner = node_get(files, path)
                    ? -1
                    : openat(folder, e->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner >= 0) {
            gone += delete_strays(inner, path, files);
            close(inner);
        }
    }
    if (list)
        closedir(list);
    return gone;
}

/* The number of changes made, -1 on failure; the first one's name. */
static int write_volume(const struct node *volume, char *ret_name, size_t room, struct err *err)
{
    const char *source = node_get_text(volume, "source");
    const struct node *files = node_get(volume, "files");
    int64_t group = number_get(volume, "group", NUMBER_GROUP, -1);
    int folder, changed = 0;

    if (!files)
        return 0; /* adopted, and not told yet what belongs in it */
    if ((mkdir(source, 0755) < 0 && errno != EEXIST) || (folder = open_own(source)) < 0)
        return err_set(err, ERR_FULL, "%s: %s", source, strerror(errno));
    node_each(file, files)
    {
        int wrote = write_one(folder, file->key, file->value, group, err);

        if (wrote < 0) {
            close(folder);
            return -1;
        }
        if (wrote && !changed++)
            snprintf(ret_name, room, "%s", file->key);
    }
    changed += delete_strays(folder, "", files);
    close(folder);
    return changed;
}

/* ---- Links from the working directory ------------------------------------------------- */

/* The pod may write to its working directory, so nothing there is believed. */
static int write_link(int work, const char *path, const char *target)
{
    scoped_text struct text up = {0};
    const char *name = NULL;
    char have[PATH_MAX];
    int folder, done = 0;
    ssize_t len;

    if (*target != '/')
        text_add(&up, "../");
    for (const char *slash = strchr(path, '/'); slash && *target != '/';
         slash = strchr(slash + 1, '/'))
        text_add(&up, "../");
    text_add(&up, target);
    folder = beneath_parent(work, path, &name);
    if (folder < 0)
        return -1;
    len = readlinkat(folder, name, have, sizeof have - 1);
    if (len <= 0 || (size_t)len != up.len || memcmp(have, up.bytes, up.len) != 0) {
        beneath_delete(folder, name);
        done = symlinkat(up.bytes, folder, name) < 0 ? -1 : 1;
    }
    close(folder);
    return done;
}

static int check_links(struct process_pod *pod, char *ret_name, size_t room)
{
    scoped_mem char *path = mem_printf("%s/work", pod->directory);
    int work = node_count(pod->links) ? open_own(path) : -1, changed = 0;

    if (work < 0)
        return 0;
    node_each(link, pod->links) if (write_link(work, link->key, node_text(link->value)) > 0 &&
                                    !changed++) snprintf(ret_name, room, "%s", link->key);
    close(work);
    return changed;
}

static const struct node *volume_by_name(const struct node *volumes, const char *name)
{
    for (size_t i = 0; i < node_count(volumes); i++)
        if (!strcmp(node_get_text(node_item(volumes, i), "name"), name))
            return node_item(volumes, i);
    return NULL;
}

bool process_is_outside(const struct node *spec, const struct node *mount)
{
    const char *type = node_get_text(
        volume_by_name(node_get(spec, "volumes"), node_get_text(mount, "volume")), "type");

    return !strcmp(type, "claim") || !strcmp(type, "host");
}

static char *clean_path(const struct node *mount)
{
    const char *path = node_get_text(mount, "path");
    char *clean;

    while (text_starts(path, "./"))
        path += 2;
    clean = mem_copy_string(path);
    while (text_ends(clean, "/"))
        clean[strlen(clean) - 1] = '\0';
    return clean;
}

/* A relative mount of a whole volume at "." shows each of its files. */
static void plan_links(struct process_pod *pod, const struct node *mount, const char *source)
{
    const char *volume = node_get_text(mount, "volume");
    const char *sub = node_get_text(mount, "subPath");
    struct node *known = node_get(pod->volumes, volume);
    scoped_mem char *clean = clean_path(mount);
    scoped_mem char *target = source ? mem_copy_string(source) : mem_printf("volumes/%s", volume);

    if (*clean && strcmp(clean, ".") != 0) {
        node_set(pod->arena, process_pod_links(pod), clean,
                 node_format(pod->arena, "%s%s%s", target, *sub ? "/" : "", sub));
        return;
    }
    node_each(file, node_get(known, "files"))
        node_set(pod->arena, process_pod_links(pod), file->key,
                 node_format(pod->arena, "volumes/%s/%s", volume, file->key));
}

/* Folders from outside the pod are linked to only where they cannot be mounted. */
static int link_mount(struct process_pod *pod, const struct node *spec, const struct node *volumes,
                      const struct node *mount, struct err *err)
{
    scoped_mem char *clean = clean_path(mount);
    bool outside = process_is_outside(spec, mount);

    if (*clean && !is_inner_path(clean))
        return err_set(err, ERR_INVALID, "mountPath \"%.200s\" leaves the pod's folder",
                       node_get_text(mount, "path"));
    if (!outside || !pod->runtime->namespaces)
        plan_links(pod, mount,
                   outside ? node_get_text(volume_by_name(volumes, node_get_text(mount, "volume")),
                                           "source")
                           : NULL);
    return 0;
}

/* ---- The whole pod ------------------------------------------------------------------------ */

static bool mounted_relative(const struct node *spec, const char *volume)
{
    const struct node *containers = node_get(spec, "containers");

    for (size_t i = 0; i < node_count(containers); i++) {
        const struct node *mounts = node_get(node_item(containers, i), "mounts");

        for (size_t j = 0; j < node_count(mounts); j++) {
            const struct node *mount = node_item(mounts, j);

            if (!strcmp(node_get_text(mount, "volume"), volume) &&
                node_get_text(mount, "path")[0] != '/')
                return true;
        }
    }
    return false;
}

static int make_pod_folder(const char *path, unsigned mode, uint32_t user, bool root,
                           struct err *err)
{
    int fd, failed = 0;

    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return err_set(err, ERR_FULL, "%s: %s", path, strerror(errno));
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, mode) < 0 || (root && fchown(fd, user, user) < 0))
        failed = err_set(err, ERR_INTERNAL, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return failed;
}

/* ---- Folders of the machine --------------------------------------------------------- */

/* What of the path is below the root, without doubled slashes; NULL: it is not there. */
static char *below_root(struct arena *arena, const char *path, const char *root)
{
    scoped_text struct text out = {0};
    size_t len = strlen(root);

    while (len && root[len - 1] == '/')
        len--;
    if (strncmp(path, root, len) != 0 || (path[len] && path[len] != '/'))
        return NULL;
    for (const char *at = path + len; *at; at += strcspn(at, "/")) {
        size_t part;

        at += strspn(at, "/");
        part = strcspn(at, "/");
        if (part == 2 && at[0] == '.' && at[1] == '.')
            return NULL;
        if (part && out.len)
            text_add_char(&out, '/');
        text_add_bytes(&out, at, part);
    }
    return arena_string(arena, text_string(&out));
}

/* Kubernetes' DirectoryOrCreate makes all folders, FileOrCreate the file alone. */
static int open_host_path(int root, const char *below, const struct node *volume)
{
    bool file = node_get_bool(volume, "file", false);
    int fd = beneath_open(root, below);

    if (fd >= 0 || errno != ENOENT || !node_get_bool(volume, "create", false))
        return fd;
    if (file) {
        scoped_mem char *parent = mem_copy_string(below);
        char *slash = strrchr(parent, '/');

        if (slash) {
            *slash = '\0';
            fd = beneath_open(root, parent);
            if (fd < 0)
                return -1;
            close(fd);
        }
    }
    return beneath_make(root, below, file, file ? 0644 : 0755, (uid_t)-1);
}

static int fail_host_path(const char *path, const char *says, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "MountUnavailable: hostPath \"%.300s\": %s", path, says);
}

/* Looked at once here, to say what is wrong; the shim opens it again in the same
   way and mounts what it has opened. */
static int take_host_path(struct runtime *runtime, const struct node *volume, struct node *ret,
                          struct arena *arena, struct err *err)
{
    const char *const *roots = runtime->options.bounds.host_paths;
    const char *path = node_get_text(volume, "path"), *must = node_get_text(volume, "must");
    char *below = NULL;
    struct stat st = {0};
    int root, fd;

    for (; roots && *roots && !(below = below_root(arena, path, *roots)); roots++)
        continue;
    if (!below)
        return err_set(err, ERR_FORBIDDEN,
                       "NotPermitted: hostPath \"%.300s\" is outside the folders "
                       "that this spoke allows",
                       path);
    root = open(*roots, O_PATH | O_CLOEXEC);
    if (root < 0)
        return fail_host_path(path, strerror(errno), err);
    fd = open_host_path(root, below, volume);
    close(root);
    if (fd < 0 || fstat(fd, &st) < 0)
        return fail_host_path(path,
                              errno == ELOOP ? "it is, or leads through, a symbolic link, and "
                                               "none is followed"
                                             : strerror(errno),
                              err);
    close(fd);
    if (!shim_is_as_it_must(must, st.st_mode))
        return err_set(err, ERR_INVALID,
                       "MountUnavailable: hostPath \"%.300s\" is there, but is "
                       "no %s",
                       path, must);
    node_set_text(arena, ret, "root", *roots);
    node_set_text(arena, ret, "below", below);
    node_set_text(arena, ret, "must", must);
    return 0;
}

/* Only the pod's own group may enter, unless its containers have several. */
static int close_to_others(const char *source, const struct node *spec, uint32_t user,
                           struct err *err)
{
    const struct node *containers = node_get(spec, "containers");
    gid_t group = number_id(spec, "group") == NUMBER_NO_ID ? user : number_id(spec, "group");

    for (size_t i = 0; i < node_count(containers); i++) {
        const struct node *container = node_item(containers, i);

        if (node_get(container, "user") || node_get(container, "group"))
            return 0;
    }
    int fd = open(source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool good = fd >= 0 && fchmod(fd, 0750) == 0 && fchown(fd, (uid_t)-1, group) == 0;

    if (fd >= 0)
        close(fd);
    if (!good)
        return err_set(err, ERR_INTERNAL, "%s: %s", source, strerror(errno));
    return 0;
}

static int make_volume(struct process_pod *pod, const struct node *spec, const struct node *volume,
                       struct node *ret, struct arena *arena, uint32_t user, struct err *err)
{
    struct runtime *runtime = pod->runtime;
    const char *name = node_get_text(volume, "name");
    const char *type = node_get_text(volume, "type");
    bool memory = node_get_bool(volume, "memory", false) || node_get_bool(volume, "secret", false);
    char *source = arena_printf(arena, "%s/volumes/%s", pod->directory, name);
    char changed[256];

    if (memory && runtime->namespaces && !mounted_relative(spec, name) &&
        !(source = process_memory_volume(pod, arena, name, err)))
        return -1;
    if (!strcmp(type, "claim"))
        source =
            arena_printf(arena, "%s/claims/%s", runtime->directory, node_get_text(volume, "claim"));
    if (!strcmp(type, "host"))
        source = arena_string(arena, node_get_text(volume, "path"));
    node_set_text(arena, ret, "name", name);
    node_set_text(arena, ret, "type", type);
    node_set_text(arena, ret, "source", source);
    if (!strcmp(type, "empty"))
        node_set_int(arena, ret, "size", number_get(volume, "size", NUMBER_BYTES, 0));
    if (!strcmp(type, "host"))
        return take_host_path(runtime, volume, ret, arena, err);
    if (!strcmp(type, "claim"))
        return claims_make(runtime, spec, volume, source, user, err);
    if (strcmp(type, "files") != 0)
        return make_pod_folder(source, 0770, user, runtime->root, err);

    struct node *kept = node_make(pod->arena, process_pod_volumes(pod), name);

    node_set_text(pod->arena, kept, "source", source);
    node_set(pod->arena, kept, "files", node_copy(pod->arena, node_get(volume, "files")));
    if (runtime->root)
        node_set_int(pod->arena, kept, "group", user);
    if (write_volume(kept, changed, sizeof changed, err) < 0)
        return -1;
    return node_get_bool(volume, "secret", false) && runtime->root
               ? close_to_others(source, spec, user, err)
               : 0;
}

/*
 * In place, for the file is mounted over the pod's /etc/hosts. One write is
 * seen whole; what is shorter than before ends with empty lines until it is
 * cut, so that no process ever reads half a line.
 */
int process_files_hosts(struct process_pod *pod, const struct node *lines, struct err *err)
{
    scoped_mem char *path = mem_printf("%s/hosts", pod->directory);
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text out = {0};
    size_t len = 0;
    char *own = read_machine_file(arena, "/etc/hosts", &len);
    int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    struct stat st = {0};
    bool good;

    text_add(&out, own ? own : "127.0.0.1 localhost\n");
    text_add(&out, "\n");
    for (size_t i = 0; i < node_count(lines); i++)
        text_addf(&out, "%s\n", node_text(node_item(lines, i)));
    len = out.len;
    good = fd >= 0 && fchmod(fd, 0644) == 0 && fstat(fd, &st) == 0;
    while (good && out.len < (size_t)st.st_size)
        text_add_char(&out, '\n');
    good = good && pwrite(fd, out.bytes, out.len, 0) == (ssize_t)out.len &&
           ftruncate(fd, (off_t)len) == 0;
    if (!good)
        err_set(err, ERR_INTERNAL, "hosts file of pod %s: %s", pod->id, strerror(errno));
    if (fd >= 0)
        close(fd);
    return good ? 0 : -1;
}

int process_files_make(struct process_pod *pod, const struct node *spec, struct node *ret_volumes,
                       struct arena *arena, uint32_t user, struct err *err)
{
    static const char *const folders[] = {"volumes", "logs", "root"};
    const struct node *volumes = node_get(spec, "volumes");
    const struct node *containers = node_get(spec, "containers");
    bool root = pod->runtime->root;
    char name[256];

    for (size_t i = 0; i < count_of(folders); i++) {
        scoped_mem char *path = mem_printf("%s/%s", pod->directory, folders[i]);

        if (make_pod_folder(path, 0755, 0, false, err) < 0)
            return -1;
    }
    scoped_mem char *work = mem_printf("%s/work", pod->directory);
    scoped_mem char *tmp = mem_printf("%s/tmp", pod->directory);

    if (make_pod_folder(work, 0755, user, root, err) < 0 ||
        make_pod_folder(tmp, 01777, user, root, err) < 0)
        return -1;
    if (process_files_hosts(pod, node_get(spec, "hosts"), err) < 0)
        return -1;
    for (size_t i = 0; i < node_count(volumes); i++) {
        struct node *known = node_map(arena);

        node_add(arena, ret_volumes, known);
        if (make_volume(pod, spec, node_item(volumes, i), known, arena, user, err) < 0)
            return err_wrap(err, "volume %s", node_get_text(node_item(volumes, i), "name"));
    }
    for (size_t i = 0; i < node_count(containers); i++) {
        const struct node *mounts = node_get(node_item(containers, i), "mounts");

        for (size_t j = 0; j < node_count(mounts); j++)
            if (node_get_text(node_item(mounts, j), "path")[0] != '/' &&
                link_mount(pod, spec, ret_volumes, node_item(mounts, j), err) < 0)
                return -1;
    }
    check_links(pod, name, sizeof name);
    return 0;
}

int process_files_set(struct process_pod *pod, const char *volume, const struct node *files,
                      struct err *err)
{
    struct node *kept = node_get(pod->volumes, volume);
    char name[256];

    if (!kept)
        return err_set(err, ERR_NOT_FOUND, "pod %s has no volume %s", pod->id, volume);
    if (!node_same(node_get(kept, "files"), files)) {
        node_set(pod->arena, kept, "files", (struct node *)files);
        process_pod_trim(pod);
        kept = node_get(pod->volumes, volume);
    }
    if (write_volume(kept, name, sizeof name, err) < 0)
        return -1;
    process_files_watch(pod);
    return 0;
}

/* ---- Watching ------------------------------------------------------------------------------- */

#define FILE_EVENTS                                                                                \
    (IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_CREATE |                 \
     IN_DELETE_SELF | IN_ONLYDIR)
#define LINK_EVENTS (IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR)

static void watch_folder(struct process_pod *pod, const char *path, uint32_t what)
{
    struct runtime *runtime = pod->runtime;
    int number = inotify_add_watch(runtime->inotify, path, what);
    char key[32];

    if (number < 0)
        return; /* the sweep finds it, later */
    snprintf(key, sizeof key, "%d", number);
    map_put(runtime->watched, key, pod);
}

void process_files_watch(struct process_pod *pod)
{
    scoped_mem char *work = mem_printf("%s/work", pod->directory);

    if (pod->runtime->inotify < 0)
        return;
    node_each(volume, pod->volumes)
    {
        const char *source = node_get_text(volume->value, "source");

        watch_folder(pod, source, FILE_EVENTS);
        node_each(file,
                  node_get(volume->value, "files")) for (const char *slash = strchr(file->key, '/');
                                                         slash; slash = strchr(slash + 1, '/'))
        {
            scoped_mem char *part =
                mem_printf("%s/%.*s", source, (int)(slash - file->key), file->key);

            watch_folder(pod, part, FILE_EVENTS);
        }
    }
    if (node_count(pod->links))
        watch_folder(pod, work, LINK_EVENTS);
}

void process_files_forget(struct process_pod *pod)
{
    const char *key = NULL;
    struct process_pod *whose;
    size_t at = 0;

    while ((whose = map_next(pod->runtime->watched, &at, &key)))
        if (whose == pod) {
            long long number = 0;

            if (text_to_int(key, &number))
                inotify_rm_watch(pod->runtime->inotify, (int)number);
            map_remove(pod->runtime->watched, key);
        }
}

/* A file that was changed by a pod is put back; RUNTIME_DRIFT names it. */
static void restore_files(struct process_pod *pod)
{
    char name[256] = "";
    int changed = check_links(pod, name, sizeof name);

    node_each(volume, pod->volumes)
    {
        struct err err = {0};
        int wrote = write_volume(volume->value, name, sizeof name, &err);

        changed += wrote > 0 ? wrote : 0;
    }
    if (!changed)
        return;
    process_files_watch(pod); /* folders may be new ones */
    process_tell(pod, NULL, RUNTIME_DRIFT, "DriftCorrected", name);
}

/* A pod that changes things without end costs a look now and then. */
#define REST (50 * CLOCK_MS)

static void on_rested(void *arg)
{
    struct process_pod *pod = object_from(process_pod, PROCESS_POD_TAG, arg);

    if (pod->removing)
        return;
    pod->restored = clock_steady();
    restore_files(pod);
}

static void restore_soon(struct process_pod *pod)
{
    int64_t now = clock_steady();

    if (pod->restored && now - pod->restored < REST) {
        if (!pod->restore)
            pod->restore = loop_timer_new(pod->runtime->loop, on_rested, pod);
        if (!loop_timer_is_set(pod->restore))
            loop_timer_set(pod->restore, pod->restored + REST - now);
        return;
    }
    pod->restored = now;
    restore_files(pod);
}

/* Events name folders, not what was done: each pod concerned is looked at as a whole, a moment
   later, since writes come in groups. */
static void on_inotify(int fd, unsigned what, void *arg)
{
    struct runtime *runtime = arg;
    scoped_map struct map *seen = map_new();
    char bytes[16384] __attribute__((aligned(8)));
    struct process_pod *pod;
    size_t at = 0;
    ssize_t got;

    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        for (char *p = bytes; p < bytes + got;) {
            struct inotify_event *event = (struct inotify_event *)p;
            char key[32];

            snprintf(key, sizeof key, "%d", event->wd);
            pod = map_get(runtime->watched, key);
            if (pod && !text_ends(event->len ? event->name : "", ".axle-new"))
                map_put(seen, pod->id, pod);
            if (event->mask & IN_IGNORED)
                map_remove(runtime->watched, key);
            p += sizeof *event + event->len;
        }
    while ((pod = map_next(seen, &at, NULL)))
        if (!pod->removing)
            restore_soon(pod);
}

int process_files_open(struct runtime *runtime, struct err *err)
{
    runtime->watched = map_new();
    runtime->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (runtime->inotify < 0)
        return 0; /* said in the facts; the sweep still works */
    runtime->inotify_watch =
        loop_watch_new(runtime->loop, runtime->inotify, LOOP_READ, on_inotify, runtime, err);
    return runtime->inotify_watch ? 0 : -1;
}

void process_files_close(struct runtime *runtime)
{
    loop_watch_free(&runtime->inotify_watch);
    if (runtime->inotify >= 0)
        close(runtime->inotify);
    map_free(&runtime->watched);
}
