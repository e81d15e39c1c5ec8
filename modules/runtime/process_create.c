/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a pod: looks at what is asked for, lays it out, starts its shim. */

#include "runtime/process.h"

#include "base/clock.h"
#include "base/kept.h"
#include "base/map.h"
#include "document/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER_RANGE 60000u

bool process_is_name(const char *name)
{
    size_t len = strlen(name);

    return len && len <= 120 && *name != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

/* Who shares a namespace shares a user, so that they can share claims. */
uint32_t process_user_of(const struct runtime *runtime, const struct node *spec)
{
    const char *owner = node_get_text(spec, "owner");
    int64_t asked = node_get_int(spec, "user", -1);
    uint32_t hash = 2166136261u;

    if (!runtime->root)
        return geteuid();
    if (asked >= 0)
        return (uint32_t)asked;
    if (node_get(spec, "ownerNumber"))
        return runtime->options.user_base +
               (uint32_t)node_get_int(spec, "ownerNumber", 0) % USER_RANGE;
    for (; *owner; owner++)
        hash = (hash ^ (unsigned char)*owner) * 16777619u;
    return runtime->options.user_base + hash % USER_RANGE;
}

static int check_spec(const struct runtime *runtime, const struct node *spec,
                      struct err *err)
{
    const struct node *containers = node_get(spec, "containers");

    if (!process_is_name(node_get_text(spec, "id")))
        return err_set(err, ERR_INVALID, "id \"%.130s\" is no name", node_get_text(spec, "id"));
    if (!node_count(containers) || node_count(containers) > 32)
        return err_set(err, ERR_INVALID, "containers: from 1 to 32 are possible, not %zu",
                       node_count(containers));
    for (size_t i = 0; i < node_count(containers); i++) {
        const struct node *container = node_item(containers, i);
        const struct node *mounts = node_get(container, "mounts");

        if (!process_is_name(node_get_text(container, "name")))
            return err_set(err, ERR_INVALID, "containers[%zu].name \"%.130s\" is no name", i,
                           node_get_text(container, "name"));
        if (!node_count(node_get(container, "command")))
            return err_set(err, ERR_INVALID, "containers[%zu].command is empty", i);
        for (size_t j = 0; j < node_count(mounts) && !runtime->namespaces; j++)
            if (node_get_text(node_item(mounts, j), "path")[0] == '/')
                return err_set(err, ERR_UNSUPPORTED,
                               "MountUnavailable: mountPath %.200s needs a mount namespace, "
                               "which this machine refuses to this user",
                               node_get_text(node_item(mounts, j), "path"));
    }
    return 0;
}

static bool has_env(const struct node *env, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < node_count(env); i++) {
        const char *line = node_text(node_item(env, i));

        if (!strncmp(line, name, len) && line[len] == '=')
            return true;
    }
    return false;
}

/* A folder from outside the pod is mounted where its working directory is. */
static struct node *complete_mounts(struct arena *arena, const struct node *spec,
                                    const struct node *from)
{
    const struct node *mounts = node_get(from, "mounts");
    struct node *list = node_list(arena);

    for (size_t i = 0; i < node_count(mounts); i++) {
        struct node *mount = node_share(arena, node_item(mounts, i));
        const char *path = node_get_text(mount, "path");

        if (*path != '/' && process_is_outside(spec, mount))
            node_set(arena, mount, "path", node_format(arena, "/pod/work/%s", path));
        node_add(arena, list, mount);
    }
    return list;
}

static struct node *complete_container(struct process_pod *pod, struct arena *arena,
                                       const struct node *spec, const struct node *from)
{
    struct node *container = node_share(arena, from);
    struct node *env = node_list(arena);
    const struct node *given = node_get(from, "env");
    bool inside = pod->runtime->namespaces;
    const char *base = inside ? "/pod" : pod->directory;
    const struct {
        const char *name;
        char *value;
    } usual[] = {
        { "PATH", arena_string(arena, "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin") },
        { "HOME", arena_printf(arena, "%s/work", base) },
        { "TMPDIR", inside ? arena_string(arena, "/tmp") : arena_printf(arena, "%s/tmp", base) },
        { "AXLE_POD", pod->id },
        { "AXLE_HOSTS", arena_printf(arena, "%s/hosts", base) },
    };

    for (size_t i = 0; i < count_of(usual); i++)
        if (!has_env(given, usual[i].name))
            node_add(arena, env, node_format(arena, "%s=%s", usual[i].name, usual[i].value));
    for (size_t i = 0; i < node_count(given); i++)
        node_add(arena, env, node_item(given, i));
    node_set(arena, container, "env", env);
    if (inside)
        node_set(arena, container, "mounts", complete_mounts(arena, spec, from));
    return container;
}

/* What the shim is told; the files are not in it, they are there. */
static struct node *complete_spec(struct process_pod *pod, struct arena *arena,
                                  const struct node *from, struct node *volumes,
                                  uint32_t user)
{
    struct runtime *runtime = pod->runtime;
    const struct node *containers = node_get(from, "containers");
    struct node *spec = node_share(arena, from);
    struct node *list = node_list(arena);
    struct node *isolation = node_map(arena);

    node_remove(spec, "record");
    node_remove(spec, "hosts");
    node_set(arena, spec, "volumes", volumes);
    node_set_int(arena, spec, "user", user);
    for (size_t i = 0; i < node_count(containers); i++)
        node_add(arena, list, complete_container(pod, arena, from, node_item(containers, i)));
    node_set(arena, spec, "containers", list);
    node_set_bool(arena, isolation, "namespaces", runtime->namespaces);
    node_set_bool(arena, isolation, "userNamespace", runtime->user_namespace);
    node_set_bool(arena, isolation, "cgroups", runtime->cgroups.kind != CGROUP_NONE);
    node_set_bool(arena, isolation, "pids", runtime->cgroups.limits[CGROUP_PIDS]);
    node_set(arena, spec, "isolation", isolation);
    node_set_int(arena, spec, "logBytes", runtime->options.log_bytes);
    node_set_int(arena, spec, "logFiles", runtime->options.log_files);
    return spec;
}

static int to_memory(const struct node *spec)
{
    scoped_text struct text out = { 0 };
    int fd = memfd_create("axle-pod", MFD_CLOEXEC);

    document_write_json(&out, spec);
    if (fd >= 0 && write(fd, out.bytes, out.len) != (ssize_t)out.len) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Held before the shim is born, so that there is no moment without it. */
static int take_lock(struct process_pod *pod)
{
    scoped_mem char *path = mem_printf("%s/lock", pod->directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        close(fd);
        errno = EEXIST;
        return -1;
    }
    return fd;
}

static int spawn_shim(struct process_pod *pod, const struct node *spec, struct err *err)
{
    int lock = take_lock(pod), memory = to_memory(spec), failed;

    if (lock < 0 || memory < 0)
        failed = err_set(err, errno == EEXIST ? ERR_EXISTS : ERR_INTERNAL, "pod %s: %s",
                         pod->id, strerror(errno));
    else
        failed = process_shim_start(pod, memory, lock, err);
    if (lock >= 0)
        close(lock);
    if (memory >= 0)
        close(memory);
    return failed;
}

static int keep_record(struct process_pod *pod, const struct node *spec,
                       const struct node *volumes, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *path = mem_printf("%s/pod.json", pod->directory);
    scoped_text struct text out = { 0 };
    const struct node *containers = node_get(spec, "containers");
    struct node *kept = node_map(arena), *names;

    node_set_text(arena, kept, "id", pod->id);
    node_set(arena, kept, "record", pod->record);
    node_set(arena, kept, "links", pod->links);
    node_set(arena, kept, "volumes", (struct node *)volumes);
    node_set_int(arena, kept, "group", node_get_int(spec, "user", -1));
    names = node_make_list(arena, kept, "containers");
    for (size_t i = 0; i < node_count(containers); i++)
        node_add(arena, names, node_get(node_item(containers, i), "name"));
    document_write_json(&out, kept);
    return kept_write(path, out.bytes, out.len, 0600, false, err);
}

static int create_pod(struct process_pod *pod, const struct node *spec, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *volumes = node_list(arena), *complete;
    uint32_t user = process_user_of(pod->runtime, spec);
    const struct node *containers = node_get(spec, "containers");

    if (mkdir(pod->directory, 0711) < 0 && errno != EEXIST)
        return err_set(err, ERR_FULL, "%s: %s", pod->directory, strerror(errno));
    if (process_files_make(pod, spec, volumes, arena, user, err) < 0)
        return -1;
    complete = complete_spec(pod, arena, spec, volumes, user);
    if (keep_record(pod, complete, volumes, err) < 0)
        return -1;
    for (size_t i = 0; i < node_count(containers); i++)
        process_state_of(pod, node_get_text(node_item(containers, i), "name"));
    return spawn_shim(pod, complete, err);
}

int process_create(struct runtime *runtime, const struct node *spec,
                          struct err *err)
{
    const char *id = node_get_text(spec, "id");
    struct process_pod *pod;

    if (check_spec(runtime, spec, err) < 0)
        return -1;
    if (map_get(runtime->pods, id))
        return err_set(err, ERR_EXISTS, "pod %s is there already", id);
    pod = process_pod_new(runtime, id);
    if (node_get(spec, "record"))
        pod->record = node_copy(pod->arena, node_get(spec, "record"));
    else
        pod->record = node_map(pod->arena);
    if (create_pod(pod, spec, err) < 0) {
        process_pod_delete(pod);
        process_pod_free(&pod);
        return -1;
    }
    process_files_watch(pod);
    return 0;
}
