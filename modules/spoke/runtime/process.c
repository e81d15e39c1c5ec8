/* SPDX-License-Identifier: Apache-2.0 */
/* Runs pods as processes of this machine, each below a shim of its own. */

#include "runtime/beneath.h"
#include "runtime/process.h"
#include "runtime/users.h"

#include "base/clock.h"
#include "base/map.h"
#include "document/document.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Pods in memory ------------------------------------------------------------- */

struct process_pod *process_pod_new(struct runtime *runtime, const char *id)
{
    struct process_pod *pod = mem_alloc(sizeof *pod);

    pod->tag = PROCESS_POD_TAG;
    pod->runtime = runtime;
    pod->id = mem_copy_string(id);
    pod->directory = mem_printf("%s/%s/%s", runtime->directory, runtime->folder, id);
    pod->arena = arena_new();
    pod->volumes = node_map(pod->arena);
    pod->links = node_map(pod->arena);
    pod->socket = -1;
    map_put(runtime->pods, id, pod);
    return pod;
}

void process_pod_free(struct process_pod **pod)
{
    struct process_pod *p = *pod;

    if (!p)
        return;
    process_files_forget(p);
    loop_timer_free(&p->restore);
    process_let_go(p);
    map_remove(p->runtime->pods, p->id);
    mem_free(&p->id);
    mem_free(&p->directory);
    mem_free(&p->states);
    arena_free(&p->arena);
    p->tag = 0;
    mem_free(pod);
}

void process_kill_leftovers(struct process_pod *pod)
{
    for (size_t i = 0; i < pod->count; i++) {
        cgroup_kill(&pod->runtime->cgroups, pod->id, pod->states[i].name);
        cgroup_remove(&pod->runtime->cgroups, pod->id, pod->states[i].name);
    }
}

/* More files than this take so long that everything else would wait for them. */
#define AT_ONCE 20000

static void empty_trash(const char *trash)
{
    pid_t pid = fork();

    /* A grandchild is nobody's to wait for, and keeps no socket of ours open. */
    if (pid == 0 && fork() == 0) {
        syscall(SYS_close_range, 3, ~0U, 0);
        setpriority(PRIO_PROCESS, 0, 19);
        beneath_delete(AT_FDCWD, trash);
    }
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

static void delete_folder(const struct process_pod *pod)
{
    static unsigned count;
    scoped_mem char *trash = mem_printf("%s/trash", pod->runtime->directory);
    scoped_mem char *to = mem_printf("%s/%s-%lld-%u", trash, pod->id, (long long)clock_wall(), count++);

    if (beneath_delete_some(AT_FDCWD, pod->directory, AT_ONCE))
        return;
    if ((mkdir(trash, 0700) < 0 && errno != EEXIST) || rename(pod->directory, to) < 0)
        beneath_delete(AT_FDCWD, pod->directory);
    else
        empty_trash(trash);
}

void process_pod_delete(struct process_pod *pod)
{
    process_kill_leftovers(pod);
    process_memory_delete(pod);
    process_files_forget(pod);
    delete_folder(pod);
}

/* ---- Opening and closing -------------------------------------------------------- */

static int make_folders(struct runtime *runtime, struct err *err)
{
    static const char *const names[] = { "", "/pods", "/claims" };

    for (size_t i = 0; i < count_of(names); i++) {
        scoped_mem char *path = mem_printf("%s%s", runtime->directory, names[i]);

        if (mkdir(path, 0711) < 0 && errno != EEXIST)
            return err_set(err, ERR_INTERNAL, "%s: %s", path, strerror(errno));
    }
    return 0;
}

char *process_absolute(const char *path)
{
    char here[4096];

    if (*path == '/' || !getcwd(here, sizeof here))
        return mem_copy_string(path);
    return mem_printf("%s/%s", here, path);
}

static void process_close(struct runtime **runtime)
{
    struct runtime *r = *runtime;
    struct process_pod *pod;
    size_t at = 0;

    if (!r)
        return;
    while ((pod = map_next(r->pods, &at, NULL)))
        process_pod_free(&pod);
    probe_end_all(r);
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
        empty_trash(trash);
}

static int process_open(const struct runtime_options *options, struct runtime **ret,
                        struct err *err)
{
    struct runtime *runtime = mem_alloc(sizeof *runtime);

    runtime->driver = &runtime_process;
    runtime->folder = "pods";
    runtime->options = *options;
    runtime->loop = options->loop;
    runtime->directory = process_absolute(options->directory);
    runtime->program = mem_copy_string(options->program ? options->program
                                                        : "/proc/self/exe");
    runtime->pods = map_new();
    runtime->inotify = -1;
    if (!runtime->options.log_bytes)
        runtime->options.log_bytes = 10 << 20;
    if (!runtime->options.log_files)
        runtime->options.log_files = 3;
    process_look_around(runtime);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a pod may be of the same user: our memory is not its */
    cgroup_sweep(&runtime->cgroups);
    if (runtime_bounds_settle(&runtime->options.bounds, err) < 0 || make_folders(runtime, err) < 0 ||
        process_files_open(runtime, err) < 0) {
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
                          const struct node *probe, int64_t timeout,
                          runtime_probe_fn *done, void *arg)
{
    struct process_pod *pod = map_get(runtime->pods, id);
    const struct node *command = node_at(probe, "exec", "command", NULL);

    if (command && pod)
        process_probe_exec(pod, container, command, timeout, done, arg);
    else
        probe_network(runtime, probe, timeout, done, arg);
}

/* ---- Logs and claims ------------------------------------------------------------ */

static char *process_log_tail(struct runtime *runtime, struct arena *arena, const char *id,
                              const char *container, int lines)
{
    char *path = arena_printf(arena, "%s/pods/%s/logs/%s.log", runtime->directory, id, container);
    int fd = process_is_name(id) && process_is_name(container) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
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
    process_delete_tree(path);
    return 0;
}

/* ---- Finding what runs ---------------------------------------------------------- */

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
        /* Damaged beyond mending: nobody knows what it is, only that it is there. */
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
