/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a pod: looks at what is asked for, lays it out, starts its shim. */

#include "runtime/engine.h"
#include "runtime/claims.h"
#include "runtime/process.h"
#include "runtime/users.h"

#include "base/clock.h"
#include "base/kept.h"
#include "base/map.h"
#include "base/text.h"
#include "document/document.h"
#include "number/number.h"
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool process_is_name(const char *name)
{
    size_t len = strlen(name);

    return len && len <= 120 && *name != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

/* NAMESPACE.NAME: longer than a pod's, and still a folder's name. */
bool process_is_claim(const char *name)
{
    size_t len = strlen(name);

    return len && len <= 250 && *name != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

/* ---- What may be asked for ------------------------------------------------------ */

static int check_spec_id(struct runtime *runtime, const struct node *spec, const char *what,
                         const struct node *value, bool group, struct err *err)
{
    struct runtime *process = runtime->engine ? runtime->engine->process : runtime;
    const struct runtime_bounds *bounds = &process->options.bounds;
    int64_t id = number_value(value, NUMBER_USER, -1);

    if (!value)
        return 0;
    if (id < 0)
        return err_set(err, ERR_INVALID, "%s is not %s", what, number_words(NUMBER_USER));
    if (runtime_bounds_id(bounds, (uint32_t)id, group, err) < 0 ||
        (process->users &&
         users_claim(process->users, node_get_text(spec, "owner"), (uint32_t)id, err) < 0))
        return err_wrap(err, "NotPermitted: %s", what);
    return 0;
}

static int check_spec_ids(struct runtime *runtime, const struct node *spec, const struct node *of,
                          struct err *err)
{
    const struct node *groups = node_get(of, "groups");

    if (node_count(groups) > SHIM_GROUPS)
        return err_set(err, ERR_INVALID, "NotPermitted: more than %d supplementalGroups",
                       SHIM_GROUPS);
    for (size_t i = 0; i < node_count(groups); i++)
        if (check_spec_id(runtime, spec, "supplementalGroups", node_item(groups, i), true, err) < 0)
            return -1;
    if (check_spec_id(runtime, spec, "runAsUser", node_get(of, "user"), false, err) < 0 ||
        check_spec_id(runtime, spec, "runAsGroup", node_get(of, "group"), true, err) < 0)
        return -1;
    return check_spec_id(runtime, spec, "fsGroup", node_get(of, "fsGroup"), true, err);
}

/* Pods of one namespace have one user, so that they can share claims. */
int process_user_of(struct runtime *runtime, const struct node *spec, uint32_t *ret,
                    struct err *err)
{
    struct runtime *process = runtime->engine ? runtime->engine->process : runtime;
    const struct node *containers = node_get(spec, "containers");

    if (check_spec_ids(runtime, spec, spec, err) < 0)
        return -1;
    for (size_t i = 0; i < node_count(containers); i++)
        if (check_spec_ids(runtime, spec, node_item(containers, i), err) < 0)
            return -1;
    *ret = number_id(spec, "user");
    if (!process->root)
        *ret = geteuid();
    else if (*ret == NUMBER_NO_ID)
        return users_take(process->users, node_get_text(spec, "owner"), ret, err);
    return 0;
}

/* The administrator's bounds are checked here too, whatever the caller has checked. */
static int check_spec_privileges(const struct runtime *runtime, const struct node *container,
                                 struct err *err)
{
    const struct node *capabilities = node_get(container, "capabilities");
    bool usual = true;

    for (size_t i = 0; i < node_count(capabilities); i++) {
        long long number = -1;

        usual &= text_to_int(node_text(node_item(capabilities, i)), &number) && number < 64 &&
                 runtime_capability_is_usual((int)number);
    }
    if ((runtime->options.bounds.allow_privileged && runtime->root) ||
        (usual && !node_get_bool(container, "privileged", false)))
        return 0;
    return err_set(err, ERR_FORBIDDEN,
                   "NotPermitted: container %.100s asks for privileges, which "
                   "this spoke does not give",
                   node_get_text(container, "name"));
}

/* Root makes folders of these names. */
static int check_volumes(const struct node *spec, struct err *err)
{
    const struct node *volumes = node_get(spec, "volumes");

    for (size_t i = 0; i < node_count(volumes); i++) {
        const struct node *volume = node_item(volumes, i);
        const char *name = node_get_text(volume, "name"), *claim = node_get_text(volume, "claim");

        if (!process_is_name(name))
            return err_set(err, ERR_INVALID, "volumes[%zu].name \"%.130s\" is no name", i, name);
        if (!strcmp(node_get_text(volume, "type"), "claim") && !process_is_claim(claim))
            return err_set(err, ERR_INVALID, "volumes[%zu].claim \"%.130s\" is no name", i, claim);
    }
    return 0;
}

/* Delivered files are the pod's own copies, which nothing else reads: read-only or not, what it
   changes there is lost. A claim or a folder that others share is another matter. */
static bool is_shared_read_only(const struct node *spec, const struct node *mount)
{
    const struct node *volumes = node_get(spec, "volumes");

    if (!node_get_bool(mount, "readOnly", false))
        return false;
    for (size_t i = 0; i < node_count(volumes); i++) {
        const struct node *volume = node_item(volumes, i);

        if (!strcmp(node_get_text(volume, "name"), node_get_text(mount, "volume")))
            return strcmp(node_get_text(volume, "type"), "files") != 0;
    }
    return true;
}

static int check_spec_mounts(const struct runtime *runtime, const struct node *spec,
                             const struct node *container, struct err *err)
{
    const struct node *mounts = node_get(container, "mounts");

    if (node_count(mounts) > SHIM_MOUNTS)
        return err_set(err, ERR_INVALID, "container %.100s has %zu mounts, more than %d",
                       node_get_text(container, "name"), node_count(mounts), SHIM_MOUNTS);
    for (size_t i = 0; i < node_count(mounts) && !runtime->namespaces; i++) {
        const struct node *mount = node_item(mounts, i);
        bool read_only = is_shared_read_only(spec, mount);

        if (node_get_text(mount, "path")[0] == '/' || read_only)
            return err_set(err, ERR_UNSUPPORTED,
                           "MountUnavailable: mountPath %.200s%s needs a mount namespace, "
                           "which this machine refuses to this user",
                           node_get_text(mount, "path"), read_only ? " is readOnly, and that" : "");
    }
    return 0;
}

/* Bounds first: what the machine's administrator forbids is refused whatever else is wrong. */
int process_check_spec(struct runtime *runtime, const struct node *spec, struct err *err)
{
    const struct node *containers = node_get(spec, "containers");

    if (!process_is_name(node_get_text(spec, "id")))
        return err_set(err, ERR_INVALID, "id \"%.130s\" is no name", node_get_text(spec, "id"));
    if (!node_count(containers) || node_count(containers) > 32)
        return err_set(err, ERR_INVALID, "containers: from 1 to 32 are possible, not %zu",
                       node_count(containers));
    if (check_volumes(spec, err) < 0)
        return -1;
    for (size_t i = 0; i < node_count(containers); i++) {
        const struct node *container = node_item(containers, i);

        if (!process_is_name(node_get_text(container, "name")))
            return err_set(err, ERR_INVALID, "containers[%zu].name \"%.130s\" is no name", i,
                           node_get_text(container, "name"));
        if (check_spec_privileges(runtime, container, err) < 0 ||
            check_spec_mounts(runtime, spec, container, err) < 0)
            return -1;
    }
    return 0;
}

/* The process driver has no image that could name a command. */
static int check_commands(const struct node *spec, struct err *err)
{
    const struct node *containers = node_get(spec, "containers");

    for (size_t i = 0; i < node_count(containers); i++)
        if (!node_count(node_get(node_item(containers, i), "command")))
            return err_set(err, ERR_INVALID, "containers[%zu].command is empty", i);
    return 0;
}

/* ---- The description for the shim */

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
        {"PATH",
         arena_string(arena, "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin")},
        {"HOME", arena_printf(arena, "%s/work", base)},
        {"TMPDIR", inside ? arena_string(arena, "/tmp") : arena_printf(arena, "%s/tmp", base)},
        {"AXLE_POD", pod->id},
        {"AXLE_HOSTS", arena_printf(arena, "%s/hosts", base)},
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

/* The agent's own data, and those of a hub beside it. */
static struct node *hidden_folders(const struct runtime *runtime, struct arena *arena)
{
    scoped_mem char *folder = process_absolute(
        runtime->options.private_folder ? runtime->options.private_folder : runtime->directory);
    const char *slash = strrchr(folder, '/');
    struct node *list = node_list(arena);

    node_add(arena, list, node_string(arena, folder));
    node_add(arena, list, node_format(arena, "%.*s/hub", (int)(slash - folder), folder));
    return list;
}

/* Without the contents of files, which are written before the shim starts. */
static struct node *complete_spec(struct process_pod *pod, struct arena *arena,
                                  const struct node *from, struct node *volumes, uint32_t user)
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
    node_set_bool(arena, isolation, "allowRoot", runtime->options.bounds.allow_root);
    node_set_bool(arena, isolation, "allowPrivileged", runtime->options.bounds.allow_privileged);
    node_set(arena, spec, "isolation", isolation);
    node_set(arena, spec, "hidden", hidden_folders(runtime, arena));
    node_set_int(arena, spec, "logBytes", runtime->options.log_bytes);
    node_set_int(arena, spec, "logFiles", runtime->options.log_files);
    return spec;
}

/* In memory, because the description may hold secrets and the disk may be full. */
static int to_memory(const struct node *spec)
{
    scoped_text struct text out = {0};
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

static int start_shim(struct process_pod *pod, const struct node *spec, struct err *err)
{
    int lock = take_lock(pod), memory = to_memory(spec), socket;

    if (lock < 0 || memory < 0)
        socket = err_set(err, errno == EEXIST ? ERR_EXISTS : ERR_INTERNAL, "pod %s: %s", pod->id,
                         strerror(errno));
    else
        socket = process_shim_start(pod, memory, lock, process_on_shim_exit, err);
    if (lock >= 0)
        close(lock);
    if (memory >= 0)
        close(memory);
    if (socket < 0)
        return -1;
    process_listen(pod, socket);
    return 0;
}

static int keep_pod_record(struct process_pod *pod, const struct node *spec,
                           const struct node *volumes, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *path = mem_printf("%s/pod.json", pod->directory);
    scoped_text struct text out = {0};
    const struct node *containers = node_get(spec, "containers");
    struct node *kept = node_map(arena), *names;

    node_set_text(arena, kept, "id", pod->id);
    node_set(arena, kept, "record", (struct node *)pod->record);
    node_set(arena, kept, "links", pod->links ? pod->links : node_map(arena));
    node_set(arena, kept, "volumes", (struct node *)volumes);
    node_set_int(arena, kept, "group", number_get(spec, "user", NUMBER_USER, -1));
    names = node_make_list(arena, kept, "containers");
    for (size_t i = 0; i < node_count(containers); i++)
        node_add(arena, names, node_get(node_item(containers, i), "name"));
    document_write_json(&out, kept);
    return kept_write(path, out.bytes, out.len, 0600, false, err);
}

/* What was made when this fails is deleted by the caller. */
static int create_pod(struct process_pod *pod, const struct node *spec, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *volumes = node_list(arena), *complete;
    const struct node *containers = node_get(spec, "containers");
    uint32_t user = 0;

    if (process_user_of(pod->runtime, spec, &user, err) < 0 ||
        claims_complete(pod->runtime, arena, spec, &spec, err) < 0)
        return -1;
    if (mkdir(pod->directory, 0711) < 0 && errno != EEXIST)
        return err_set(err, ERR_FULL, "%s: %s", pod->directory, strerror(errno));
    if (process_files_make(pod, spec, volumes, arena, user, err) < 0)
        return -1;
    complete = complete_spec(pod, arena, spec, volumes, user);
    if (keep_pod_record(pod, complete, volumes, err) < 0)
        return -1;
    for (size_t i = 0; i < node_count(containers); i++)
        process_state_of(pod, node_get_text(node_item(containers, i), "name"));
    return start_shim(pod, complete, err);
}

int process_create(struct runtime *runtime, const struct node *spec, struct err *err)
{
    const char *id = node_get_text(spec, "id");
    struct process_pod *pod;

    if (process_check_spec(runtime, spec, err) < 0 || check_commands(spec, err) < 0)
        return -1;
    if (map_get(runtime->pods, id))
        return err_set(err, ERR_EXISTS, "pod %s is there already", id);
    pod = process_pod_new(runtime, id);
    process_pod_set_record(pod, node_get(spec, "record"));
    if (create_pod(pod, spec, err) < 0) {
        process_pod_delete(pod);
        process_pod_free(&pod);
        return -1;
    }
    process_files_watch(pod);
    return 0;
}
