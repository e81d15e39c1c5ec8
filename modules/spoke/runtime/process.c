/* SPDX-License-Identifier: Apache-2.0 */
/* Runs pods as processes of this machine, each below a shim of its own. */

#include "base/beneath.h"
#include "runtime/process.h"
#include "runtime/users.h"

#include "base/clock.h"
#include "base/map.h"
#include "document/document.h"
#include "probe/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Opening and closing -------------------------------------------------------- */

static int make_folders(struct runtime *runtime, struct err *err)
{
    static const char *const names[] = {"", "/pods", "/claims"};

    for (size_t i = 0; i < count_of(names); i++) {
        scoped_mem char *path = mem_printf("%s%s", runtime->directory, names[i]);

        if (mkdir(path, 0711) < 0 && errno != EEXIST)
            return err_set(err, ERR_INTERNAL, "%s: %s", path, strerror(errno));
    }
    return 0;
}

/* Shims and pods run on; only what this agent holds of them is freed. */
static void process_close(struct runtime **runtime)
{
    struct runtime *r = *runtime;
    struct process_pod *pod;
    size_t at = 0;

    if (!r)
        return;
    while ((pod = map_next(r->pods, &at, NULL)))
        process_pod_free(&pod);
    probe_client_free(&r->probes);
    process_spare_close(r);
    process_files_close(r);
    users_close(&r->users);
    map_free(&r->pods);
    mem_free(&r->directory);
    mem_free(&r->program);
    mem_free(runtime);
}

static void delete_trash(const struct runtime *runtime)
{
    scoped_mem char *trash = mem_printf("%s/trash", runtime->directory);

    if (access(trash, F_OK) == 0)
        process_empty_trash(trash);
}

/* What an earlier agent left half done is cleared away: spare shims' groups, the trash. */
static int process_open(const struct runtime_options *options, struct runtime **ret,
                        struct err *err)
{
    struct runtime *runtime = mem_alloc(sizeof *runtime);

    runtime->driver = &runtime_process;
    runtime->folder = "pods";
    runtime->options = *options;
    runtime->loop = options->loop;
    runtime->directory = process_absolute(options->directory);
    runtime->program = mem_copy_string(options->program ? options->program : "/proc/self/exe");
    runtime->pods = map_new();
    runtime->probes = probe_client_new(options->loop);
    runtime->inotify = -1;
    if (!runtime->options.log_bytes)
        runtime->options.log_bytes = 10 << 20;
    if (!runtime->options.log_files)
        runtime->options.log_files = 3;
    process_look_around(runtime);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a pod may be of the same user: our memory is not its */
    cgroup_sweep(&runtime->cgroups);
    if (runtime_bounds_settle(&runtime->options.bounds, err) < 0 ||
        make_folders(runtime, err) < 0 || process_files_open(runtime, err) < 0) {
        process_close(&runtime);
        return -1;
    }
    if (runtime->root)
        runtime->users = users_open(runtime->directory, runtime->options.bounds.ids);
    delete_trash(runtime); /* what an earlier agent had no time for */
    process_spare_later(runtime);
    *ret = runtime;
    return 0;
}

/* ---- Verbs on a pod ------------------------------------------------------------- */

/* `after` is the run that the caller knows. */
static int process_start(struct runtime *runtime, const char *id, const char *container,
                         struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct process_pod *pod = map_get(runtime->pods, id);
    struct node *message;

    if (!pod || pod->removing || !process_has_shim(pod))
        return err_set(err, ERR_NOT_FOUND, "pod %s has no shim to start it", id);
    message = process_verb(arena, "start", container);
    /* Not if it was started by itself meanwhile, and ended, and we do not know. */
    node_set_int(arena, message, "after", process_state_of(pod, container)->run.number);
    process_send(pod, message);
    return 0;
}

static void process_stop(struct runtime *runtime, const char *id, const char *container,
                         int64_t grace)
{
    scoped_arena struct arena *arena = arena_new();
    struct process_pod *pod = map_get(runtime->pods, id);
    struct node *message = process_verb(arena, "stop", container);

    if (!pod)
        return;
    if (!container)
        process_note_ending(pod);
    node_set_int(arena, message, "grace", grace / CLOCK_MS);
    process_send(pod, message);
}

static void process_remove(struct runtime *runtime, const char *id)
{
    scoped_arena struct arena *arena = arena_new();
    struct process_pod *pod = map_get(runtime->pods, id);

    if (!pod || pod->removing)
        return;
    pod->removing = true;
    if (process_has_shim(pod)) {
        process_send(pod, process_verb(arena, "quit", NULL));
        return;
    }
    /* Not within the caller's call; a timer ends with the pod, if that goes first. */
    pod->leave = loop_timer_new(runtime->loop, process_end_removed, pod);
    loop_timer_set(pod->leave, 0);
}

static int process_set_files(struct runtime *runtime, const char *id, const char *volume,
                             const struct node *files, struct err *err)
{
    struct process_pod *pod = map_get(runtime->pods, id);

    if (!pod)
        return err_set(err, ERR_NOT_FOUND, "there is no pod %s", id);
    return process_files_set(pod, volume, files, err);
}

static int process_set_hosts(struct runtime *runtime, const char *id, const struct node *lines,
                             struct err *err)
{
    struct process_pod *pod = map_get(runtime->pods, id);

    if (!pod)
        return err_set(err, ERR_NOT_FOUND, "there is no pod %s", id);
    return process_files_hosts(pod, lines, err);
}

static void process_probe(struct runtime *runtime, const char *id, const char *container,
                          const struct node *probe, int64_t timeout, runtime_probe_fn *done,
                          void *arg)
{
    struct process_pod *pod = map_get(runtime->pods, id);
    const struct node *command = node_at(probe, "exec", "command", NULL);

    if (command && pod)
        process_probe_exec(pod, container, command, timeout, done, arg);
    else
        probe_network(runtime->probes, probe, timeout, done, arg);
}

/* ---- Logs and claims ------------------------------------------------------------ */

/* The newest 64 KiB are enough for any number of lines that is asked for. */
static char *process_log_tail(struct runtime *runtime, struct arena *arena, const char *id,
                              const char *container, int lines)
{
    char *path = arena_printf(arena, "%s/pods/%s/logs/%s.log", runtime->directory, id, container);
    int fd =
        process_is_name(id) && process_is_name(container) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    struct stat st;
    char *bytes, *at;
    ssize_t got;

    if (fd < 0 || fstat(fd, &st) < 0)
        return arena_string(arena, "");
    bytes = arena_alloc(arena, 65537);
    got = pread(fd, bytes, 65536, st.st_size > 65536 ? st.st_size - 65536 : 0);
    close(fd);
    if (got <= 0)
        return arena_string(arena, "");
    bytes[got] = '\0';
    for (at = bytes + got; at > bytes; at--)
        if (at[-1] == '\n' && at != bytes + got && --lines <= 0)
            break;
    return at;
}

static int process_claim_delete(struct runtime *runtime, const char *claim, struct err *err)
{
    scoped_mem char *path = mem_printf("%s/claims/%s", runtime->directory, claim);

    if (!process_is_claim(claim))
        return err_set(err, ERR_INVALID, "claim \"%.130s\" is no name", claim);
    beneath_delete(AT_FDCWD, path);
    return 0;
}

/* ---- Finding what runs ---------------------------------------------------------- */

/* Adopts first: what ran before this agent is found in the folders of pods. */
static struct node *process_observe(struct runtime *runtime, struct arena *arena)
{
    struct node *list = node_list(arena);
    struct process_pod *pod;
    size_t at = 0;

    process_adopt_all(runtime);
    while ((pod = map_next(runtime->pods, &at, NULL))) {
        struct node *found = node_map(arena);
        struct node *states = node_make_list(arena, found, "containers");

        node_set_text(arena, found, "id", pod->id);
        /* Damaged beyond mending: that the pod is there is all that is known of it. */
        node_set(arena, found, "record",
                 pod->record ? node_copy(arena, pod->record) : node_map(arena));
        node_set_bool(arena, found, "alive", process_has_shim(pod));
        process_describe_notes(pod, arena, found);
        for (size_t i = 0; i < pod->count; i++)
            node_add(arena, states, process_state_describe(arena, &pod->states[i]));
        node_add(arena, list, found);
    }
    return list;
}

static void process_ready(struct runtime *runtime, const char *id, int64_t since)
{
    const struct process_pod *pod = map_get(runtime->pods, id);

    if (pod)
        process_note_ready(pod, since);
}

const struct runtime_driver runtime_process = {
    .name = "process",
    .open = process_open,
    .close = process_close,
    .facts = process_facts,
    .observe = process_observe,
    .create = process_create,
    .start = process_start,
    .stop = process_stop,
    .remove = process_remove,
    .set_files = process_set_files,
    .set_hosts = process_set_hosts,
    .note_ready = process_ready,
    .probe = process_probe,
    .port = process_port,
    .log_tail = process_log_tail,
    .claim_delete = process_claim_delete,
};
