/* SPDX-License-Identifier: Apache-2.0 */
/* Runs pods as processes of this machine, each below a shim of its own. */

#include "runtime/process.h"

#include "base/clock.h"
#include "base/map.h"
#include "document/document.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGE ((size_t)96 * 1024)
#define USER_RANGE 60000u

/* ---- Telling ------------------------------------------------------------------- */

void process_tell(struct process_pod *pod, const struct process_state *state,
                  enum runtime_event_kind kind, const char *reason,
                  const char *message)
{
    struct runtime *runtime = pod->runtime;
    struct runtime_event event = { .kind = kind, .pod = pod->id,
                                   .reason = reason, .message = message };

    if (state) {
        event.container = state->name;
        event.run = state->run;
        event.pid = state->pid;
        event.code = state->code;
        event.signal = state->signal;
        event.oom = state->oom;
        event.started = state->started;
        event.finished = state->finished;
    }
    if (runtime->options.on_event)
        runtime->options.on_event(runtime->options.arg, &event);
}

struct process_state *process_state_of(struct process_pod *pod, const char *name)
{
    for (size_t i = 0; i < pod->count; i++)
        if (!strcmp(pod->states[i].name, name))
            return &pod->states[i];
    pod->states = mem_resize_array(pod->states, pod->count + 1, sizeof *pod->states);
    pod->states[pod->count] = (struct process_state){ .state = "none" };
    snprintf(pod->states[pod->count].name, sizeof pod->states->name, "%s", name);
    return &pod->states[pod->count++];
}

/* ---- Pods in memory ---------------------------------------------------------------- */

struct process_pod *process_pod_new(struct runtime *runtime, const char *id)
{
    struct process_pod *pod = mem_alloc(sizeof *pod);

    pod->tag = PROCESS_POD_TAG;
    pod->runtime = runtime;
    pod->id = mem_copy_string(id);
    pod->directory = mem_printf("%s/pods/%s", runtime->directory, id);
    pod->arena = arena_new();
    pod->volumes = node_map(pod->arena);
    pod->links = node_map(pod->arena);
    pod->socket = -1;
    map_put(runtime->pods, id, pod);
    return pod;
}

static void answer_ask(struct process_pod *pod, struct process_ask *ask, bool ok,
                       const char *message)
{
    struct process_ask **at = &pod->asks;

    while (*at != ask)
        at = &(*at)->next;
    *at = ask->next;
    loop_timer_free(&ask->timer);
    ask->done(ask->arg, ok, message);
    mem_free(&ask);
}

static void end_connection(struct process_pod *pod)
{
    loop_watch_free(&pod->watch);
    if (pod->socket >= 0)
        close(pod->socket);
    pod->socket = -1;
}

void process_pod_free(struct process_pod **pod)
{
    struct process_pod *p = *pod;

    if (!p)
        return;
    process_files_forget(p);
    end_connection(p);
    while (p->asks)
        answer_ask(p, p->asks, false, "the pod has gone");
    loop_child_free(&p->child);
    map_remove(p->runtime->pods, p->id);
    mem_free(&p->id);
    mem_free(&p->directory);
    mem_free(&p->states);
    arena_free(&p->arena);
    p->tag = 0;
    mem_free(pod);
}

/* ---- Hearing the shim ------------------------------------------------------------------- */

static void take_state(struct process_state *state, const struct node *from)
{
    snprintf(state->state, sizeof state->state, "%s", node_get_text(from, "state"));
    snprintf(state->reason, sizeof state->reason, "%s", node_get_text(from, "reason"));
    snprintf(state->message, sizeof state->message, "%s", node_get_text(from, "message"));
    state->run = node_get_int(from, "run", 0);
    state->pid = node_get_int(from, "pid", 0);
    state->code = (int)node_get_int(from, "code", 0);
    state->signal = (int)node_get_int(from, "signal", 0);
    state->oom = node_get_bool(from, "oom", false);
    state->started = node_get_int(from, "started", 0) * 1000;
    state->finished = node_get_int(from, "finished", 0) * 1000;
}

static void tell_event(struct process_pod *pod, const char *word,
                       const struct process_state *state)
{
    static const struct {
        const char *word;
        enum runtime_event_kind kind;
    } words[] = {
        { "started", RUNTIME_STARTED },
        { "exited", RUNTIME_EXITED },
        { "failed", RUNTIME_FAILED },
    };

    for (size_t i = 0; i < count_of(words); i++)
        if (!strcmp(words[i].word, word))
            process_tell(pod, state, words[i].kind, state->reason, state->message);
}

static void hear_exec(struct process_pod *pod, const struct node *message)
{
    int64_t id = node_get_int(message, "exec", 0), code = node_get_int(message, "code", 0);
    scoped_mem char *text = NULL;
    struct process_ask *ask = pod->asks;

    while (ask && ask->id != id)
        ask = ask->next;
    if (!ask)
        return;
    text = node_get_bool(message, "late", false)
               ? mem_printf("command timed out")
               : mem_printf("exit code %lld: %s", (long long)code,
                            node_get_text(message, "output"));
    answer_ask(pod, ask, code == 0, text);
}

/* A first state that differs from what is known is told as what happened. */
static void hear_state(struct process_pod *pod, const struct node *from)
{
    struct process_state *state = process_state_of(pod, node_get_text(from, "name"));
    struct process_state before = *state;

    take_state(state, from);
    if (!strcmp(before.state, state->state) && before.run == state->run)
        return;
    if (!strcmp(state->state, "running") && state->pid)
        tell_event(pod, "started", state);
    else if (strcmp(state->state, "running") != 0)
        tell_event(pod, state->state, state);
}

static void hear_message(struct process_pod *pod, const struct node *message)
{
    const char *event = node_get_text(message, "event");
    const struct node *list = node_get(message, "state");

    if (node_get(message, "exec")) {
        hear_exec(pod, message);
    } else if (*event) {
        struct process_state *state = process_state_of(pod, node_get_text(message, "name"));

        take_state(state, message);
        tell_event(pod, event, state);
    } else {
        for (size_t i = 0; i < node_count(list); i++)
            hear_state(pod, node_item(list, i));
    }
}

/* ---- The end of a shim -------------------------------------------------------------------- */

static void kill_leftovers(struct process_pod *pod)
{
    for (size_t i = 0; i < pod->count; i++) {
        cgroup_kill(&pod->runtime->cgroups, pod->id, pod->states[i].name);
        cgroup_remove(&pod->runtime->cgroups, pod->id, pod->states[i].name);
    }
}

static void delete_pod(struct process_pod *pod)
{
    kill_leftovers(pod);
    node_each(volume, pod->volumes)
        if (text_starts(node_get_text(volume->value, "source"), "/dev/shm/axle-"))
            process_delete_tree(node_get_text(volume->value, "source"));
    process_files_forget(pod);
    process_delete_tree(pod->directory);
}

static void on_removed(void *arg)
{
    struct process_pod *pod = object_from(process_pod, PROCESS_POD_TAG, arg);
    struct runtime_event event = { .kind = RUNTIME_REMOVED };
    scoped_mem char *id = mem_copy_string(pod->id);
    struct runtime *runtime = pod->runtime;

    delete_pod(pod);
    process_pod_free(&pod);
    event.pod = id;
    if (runtime->options.on_event)
        runtime->options.on_event(runtime->options.arg, &event);
}

/* Somebody killed the shim itself: its containers died with it. */
static void lose_pod(struct process_pod *pod)
{
    end_connection(pod);
    kill_leftovers(pod);
    for (size_t i = 0; i < pod->count; i++)
        if (!strcmp(pod->states[i].state, "running")) {
            snprintf(pod->states[i].state, sizeof pod->states->state, "exited");
            pod->states[i].signal = SIGKILL;
            pod->states[i].finished = clock_wall();
        }
    process_tell(pod, NULL, RUNTIME_LOST, "ShimLost", "the pod's shim was killed");
}

static void end_of_shim(struct process_pod *pod)
{
    end_connection(pod);
    if (pod->removing)
        on_removed(pod);
    else
        lose_pod(pod);
}

static void on_shim_exit(pid_t pid, int status, void *arg)
{
    struct process_pod *pod = object_from(process_pod, PROCESS_POD_TAG, arg);

    loop_child_free(&pod->child);
    if (pod->socket < 0)
        return; /* the socket told it already */
    end_of_shim(pod);
}

static void on_message(int fd, unsigned what, void *arg)
{
    struct process_pod *pod = object_from(process_pod, PROCESS_POD_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    char *bytes = arena_alloc(arena, MESSAGE);
    ssize_t got = recv(fd, bytes, MESSAGE, MSG_DONTWAIT);
    struct node *message;

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        end_of_shim(pod);
        return;
    }
    message = got < 0 ? NULL : document_read_json(arena, bytes, (size_t)got,
                                                  &document_limits_own, NULL);
    if (message)
        hear_message(pod, message);
}

void process_pod_listen(struct process_pod *pod, int socket)
{
    pod->socket = socket;
    pod->watch = loop_watch_new(pod->runtime->loop, socket, LOOP_READ, on_message, pod, NULL);
}

void process_send(struct process_pod *pod, const struct node *message)
{
    scoped_text struct text out = { 0 };

    if (pod->socket < 0)
        return;
    document_write_json(&out, message);
    if (send(pod->socket, out.bytes, out.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        shutdown(pod->socket, SHUT_RDWR); /* and the loop tells us */
}

/* ---- What this machine allows ----------------------------------------------------------------- */

static bool try_child(int (*attempt)(void))
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(attempt() == 0 ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int try_mounts(void)
{
    if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
        return -1;
    return mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
}

static int try_plain(void)
{
    return unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC) < 0 ? -1 : try_mounts();
}

static int try_user(void)
{
    return unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC) < 0
               ? -1 : try_mounts();
}

static void look_around(struct runtime *runtime)
{
    runtime->root = geteuid() == 0;
    runtime->namespaces = try_child(try_plain);
    if (!runtime->namespaces && !runtime->root) {
        runtime->user_namespace = try_child(try_user);
        runtime->namespaces = runtime->user_namespace;
    }
    runtime->seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
    cgroup_find(&runtime->cgroups);
}

static struct node *process_facts(struct runtime *runtime, struct arena *arena)
{
    struct node *facts = node_map(arena);
    struct node *spaces = node_make_list(arena, facts, "namespaces");
    struct node *notes = node_make_list(arena, facts, "notes");
    static const char *const names[] = { "mount", "pid", "ipc" };

    node_set_text(arena, facts, "driver", "process");
    node_set_text(arena, facts, "cgroup", cgroup_kind_name(runtime->cgroups.kind));
    if (runtime->user_namespace)
        node_add(arena, spaces, node_string(arena, "user"));
    for (size_t i = 0; i < count_of(names) && runtime->namespaces; i++)
        node_add(arena, spaces, node_string(arena, names[i]));
    node_set_text(arena, facts, "user", runtime->root ? "unprivileged, by namespace"
                                                      : "the agent's own");
    node_set_bool(arena, facts, "seccomp", runtime->seccomp);
    if (*runtime->cgroups.note)
        node_add(arena, notes, node_string(arena, runtime->cgroups.note));
    if (!runtime->namespaces)
        node_add(arena, notes, node_string(arena,
                 "no namespaces may be made here: absolute mount paths are refused, "
                 "and workloads see each other's processes"));
    if (!runtime->root)
        node_add(arena, notes, node_string(arena,
                 "not root: workloads run as the agent's user and could harm it"));
    return facts;
}

/* ---- Opening and closing ------------------------------------------------------------------------ */

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

static char *absolute(const char *path)
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
    process_files_close(r);
    map_free(&r->pods);
    mem_free(&r->directory);
    mem_free(&r->program);
    mem_free(runtime);
}

static int process_open(const struct runtime_options *options, struct runtime **ret,
                        struct err *err)
{
    struct runtime *runtime = mem_alloc(sizeof *runtime);

    runtime->driver = &runtime_process;
    runtime->options = *options;
    runtime->loop = options->loop;
    runtime->directory = absolute(options->directory);
    runtime->program = mem_copy_string(options->program ? options->program
                                                        : "/proc/self/exe");
    runtime->pods = map_new();
    runtime->inotify = -1;
    if (!runtime->options.log_bytes)
        runtime->options.log_bytes = 10 << 20;
    if (!runtime->options.log_files)
        runtime->options.log_files = 3;
    if (!runtime->options.user_base)
        runtime->options.user_base = 700000;
    look_around(runtime);
    if (make_folders(runtime, err) < 0 || process_files_open(runtime, err) < 0) {
        process_close(&runtime);
        return -1;
    }
    *ret = runtime;
    return 0;
}

/* ---- Making a pod ---------------------------------------------------------------------------------- */

static bool is_name(const char *name)
{
    size_t len = strlen(name);

    return len && len <= 120 && *name != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

/* Who shares a namespace shares a user, so that they can share claims. */
static uint32_t user_of(const struct runtime *runtime, const struct node *spec)
{
    const char *owner = node_get_text(spec, "owner");
    int64_t asked = node_get_int(spec, "user", -1);
    uint32_t hash = 2166136261u;

    if (!runtime->root)
        return geteuid();
    if (asked >= 0)
        return (uint32_t)asked;
    for (; *owner; owner++)
        hash = (hash ^ (unsigned char)*owner) * 16777619u;
    return runtime->options.user_base + hash % USER_RANGE;
}

static int check_spec(const struct runtime *runtime, const struct node *spec,
                      struct err *err)
{
    const struct node *containers = node_get(spec, "containers");

    if (!is_name(node_get_text(spec, "id")))
        return err_set(err, ERR_INVALID, "id \"%.130s\" is no name", node_get_text(spec, "id"));
    if (!node_count(containers) || node_count(containers) > 32)
        return err_set(err, ERR_INVALID, "containers: from 1 to 32 are possible, not %zu",
                       node_count(containers));
    for (size_t i = 0; i < node_count(containers); i++) {
        const struct node *container = node_item(containers, i);
        const struct node *mounts = node_get(container, "mounts");

        if (!is_name(node_get_text(container, "name")))
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

static struct node *complete_container(struct process_pod *pod, struct arena *arena,
                                       const struct node *from)
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
        node_add(arena, list, complete_container(pod, arena, node_item(containers, i)));
    node_set(arena, spec, "containers", list);
    node_set_bool(arena, isolation, "namespaces", runtime->namespaces);
    node_set_bool(arena, isolation, "userNamespace", runtime->user_namespace);
    node_set_bool(arena, isolation, "cgroups", runtime->cgroups.kind != CGROUP_NONE);
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
    int pair[2] = { -1, -1 }, lock = take_lock(pod), memory = to_memory(spec);
    char *const arguments[] = { (char *)"axle", (char *)"shim", pod->directory, NULL };
    char *const environment[] = { (char *)"PATH=/usr/bin:/bin", NULL };
    int keep[3];
    struct loop_spawn spawn = { .path = pod->runtime->program, .arguments = arguments,
                                .environment = environment, .in = -1, .out = -1, .error = -1,
                                .keep = keep, .keeps = 3, .own_session = true };
    int failed = 0;

    if (lock < 0 || memory < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        failed = err_set(err, errno == EEXIST ? ERR_EXISTS : ERR_INTERNAL, "pod %s: %s",
                         pod->id, strerror(errno));
    } else {
        keep[0] = pair[1];
        keep[1] = memory;
        keep[2] = lock;
        pod->child = loop_spawn(pod->runtime->loop, &spawn, on_shim_exit, pod, err);
        failed = pod->child ? 0 : -1;
    }
    for (size_t i = 0; i < 3; i++)
        if ((int[]){ pair[1], memory, lock }[i] >= 0)
            close((int[]){ pair[1], memory, lock }[i]);
    if (!failed)
        process_pod_listen(pod, pair[0]);
    else if (pair[0] >= 0)
        close(pair[0]);
    return failed;
}

static int keep_record(struct process_pod *pod, const struct node *spec,
                       const struct node *volumes, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *path = mem_printf("%s/pod.json", pod->directory);
    scoped_text struct text out = { 0 };
    struct node *kept = node_map(arena);

    node_set_text(arena, kept, "id", pod->id);
    node_set(arena, kept, "record", pod->record);
    node_set(arena, kept, "links", pod->links);
    node_set(arena, kept, "volumes", (struct node *)volumes);
    node_set_int(arena, kept, "group", node_get_int(spec, "user", -1));
    document_write_json(&out, kept);
    return process_write_file(path, out.bytes, out.len, 0600, err);
}

static int create_pod(struct process_pod *pod, const struct node *spec, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *volumes = node_list(arena), *complete;
    uint32_t user = user_of(pod->runtime, spec);
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

static int process_create(struct runtime *runtime, const struct node *spec,
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
        delete_pod(pod);
        process_pod_free(&pod);
        return -1;
    }
    process_files_watch(pod);
    return 0;
}

/* ---- Verbs on a pod ------------------------------------------------------------------------------------ */

static struct node *verb(struct arena *arena, const char *word, const char *container)
{
    struct node *message = node_map(arena);

    node_set_text(arena, message, "do", word);
    if (container)
        node_set_text(arena, message, "container", container);
    return message;
}

static int process_start(struct runtime *runtime, const char *id, const char *container,
                         struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct process_pod *pod = map_get(runtime->pods, id);

    if (!pod || pod->removing || pod->socket < 0)
        return err_set(err, ERR_NOT_FOUND, "pod %s has no shim to start it", id);
    process_send(pod, verb(arena, "start", container));
    return 0;
}

static void process_stop(struct runtime *runtime, const char *id, const char *container,
                         int64_t grace)
{
    scoped_arena struct arena *arena = arena_new();
    struct process_pod *pod = map_get(runtime->pods, id);
    struct node *message = verb(arena, "stop", container);

    if (!pod)
        return;
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
    if (pod->socket >= 0)
        process_send(pod, verb(arena, "quit", NULL));
    else
        loop_later(runtime->loop, on_removed, pod);
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

/* ---- Probes ------------------------------------------------------------------------------------------------ */

static void on_ask_late(void *arg)
{
    struct process_ask *ask = arg;

    answer_ask(ask->pod, ask, false, "command timed out");
}

static void probe_exec(struct process_pod *pod, const char *container,
                       const struct node *command, int64_t timeout,
                       runtime_probe_fn *done, void *arg)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *message = verb(arena, "exec", container);
    struct process_ask *ask = mem_alloc(sizeof *ask);

    *ask = (struct process_ask){ .id = ++pod->next_ask, .done = done, .arg = arg,
                                 .pod = pod, .next = pod->asks };
    pod->asks = ask;
    ask->timer = loop_timer_new(pod->runtime->loop, on_ask_late, ask);
    loop_timer_set(ask->timer, timeout + CLOCK_SECOND);
    node_set_int(arena, message, "id", ask->id);
    node_set_int(arena, message, "timeout", timeout / CLOCK_MS);
    node_set(arena, message, "command", (struct node *)command);
    process_send(pod, message);
}

static void process_probe(struct runtime *runtime, const char *id, const char *container,
                          const struct node *probe, int64_t timeout,
                          runtime_probe_fn *done, void *arg)
{
    struct process_pod *pod = map_get(runtime->pods, id);
    const struct node *command = node_at(probe, "exec", "command", NULL);

    if (command && pod)
        probe_exec(pod, container, command, timeout, done, arg);
    else
        probe_network(runtime, probe, timeout, done, arg);
}

/* ---- Logs and claims ------------------------------------------------------------------------------------------ */

static char *process_log_tail(struct runtime *runtime, struct arena *arena, const char *id,
                              const char *container, int lines)
{
    char *path = arena_printf(arena, "%s/pods/%s/logs/%s.log", runtime->directory, id, container);
    int fd = is_name(id) && is_name(container) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
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

    if (!is_name(claim))
        return err_set(err, ERR_INVALID, "claim \"%.130s\" is no name", claim);
    process_delete_tree(path);
    return 0;
}

static struct node *process_observe(struct runtime *runtime, struct arena *arena);

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
    .probe = process_probe,
    .port = process_port,
    .log_tail = process_log_tail,
    .claim_delete = process_claim_delete,
};

/* ---- Finding what runs -------------------------------------------------------------------------------------------- */

static struct node *describe_state(struct arena *arena, const struct process_state *state)
{
    struct node *node = node_map(arena);

    node_set_text(arena, node, "name", state->name);
    node_set_text(arena, node, "state", state->state);
    node_set_int(arena, node, "run", state->run);
    node_set_int(arena, node, "pid", state->pid);
    node_set_int(arena, node, "code", state->code);
    node_set_int(arena, node, "signal", state->signal);
    node_set_bool(arena, node, "oom", state->oom);
    node_set_int(arena, node, "started", state->started / 1000);
    node_set_int(arena, node, "finished", state->finished / 1000);
    node_set_text(arena, node, "reason", state->reason);
    node_set_text(arena, node, "message", state->message);
    return node;
}

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
        node_set(arena, found, "record", node_copy(arena, pod->record));
        node_set_bool(arena, found, "alive", pod->socket >= 0);
        for (size_t i = 0; i < pod->count; i++)
            node_add(arena, states, describe_state(arena, &pod->states[i]));
        node_add(arena, list, found);
    }
    return list;
}
