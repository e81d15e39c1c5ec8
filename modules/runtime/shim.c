/* SPDX-License-Identifier: Apache-2.0 */
/* Is the parent of one pod: starts its containers, keeps their logs and exits. */

#include "runtime/runtime.h"
#include "runtime/shim.h"

#include "base/clock.h"
#include "document/document.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CONTAINERS 32
#define MAX_EXECS 16
#define MESSAGE ((size_t)96 * 1024)

/* The descriptors that the agent hands over. */
enum { FD_AGENT = 3, FD_SPEC = 4, FD_LOCK = 5 };

struct container {
    const char *name;
    const struct node *spec;
    const char *state; /* none, running, exited, failed */
    int64_t run, pid, started, finished, kill_at, oom_before;
    int64_t sync_at; /* steady time; 0: its last exit is on disk */
    pid_t init;
    int status_fd;
    struct shim_stream streams[2];
    struct shim_log log;
    int code, signal;
    bool oom, told_start;
    struct shim_message last;
};

struct exec {
    int64_t id; /* 0: free */
    pid_t pid;
    int fd;
    int64_t deadline;
    bool late, over;
    int status;
    struct text output;
};

struct shim {
    struct shim_place place;
    struct cgroup_base cgroups;
    const char *pod;
    int64_t log_bytes;
    int log_files;
    struct container containers[MAX_CONTAINERS];
    size_t count;
    struct exec execs[MAX_EXECS];
    int agent, listener, signals;
    bool quitting;
};

/* ---- Telling the agent --------------------------------------------------------- */

static void drop_agent(struct shim *shim)
{
    if (shim->agent >= 0)
        close(shim->agent);
    shim->agent = -1;
}

static void send_node(struct shim *shim, const struct node *message)
{
    scoped_text struct text out = { 0 };

    if (shim->agent < 0)
        return;
    document_write_json(&out, message);
    /* An agent that does not read comes back and is told the whole state. */
    if (send(shim->agent, out.bytes, out.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        drop_agent(shim);
}

static struct node *container_state(struct arena *arena, const struct container *c)
{
    struct node *state = node_map(arena);

    node_set_text(arena, state, "name", c->name);
    node_set_text(arena, state, "state", c->state);
    node_set_int(arena, state, "run", c->run);
    node_set_int(arena, state, "pid", c->pid);
    node_set_int(arena, state, "code", c->code);
    node_set_int(arena, state, "signal", c->signal);
    node_set_bool(arena, state, "oom", c->oom);
    node_set_int(arena, state, "started", c->started / 1000);
    node_set_int(arena, state, "finished", c->finished / 1000);
    node_set_text(arena, state, "reason", c->last.reason);
    node_set_text(arena, state, "message", c->last.text);
    return state;
}

static void tell(struct shim *shim, const struct container *c, const char *event)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *message = container_state(arena, c);

    node_set_text(arena, message, "event", event);
    send_node(shim, message);
}

static void tell_all(struct shim *shim)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *message = node_map(arena);
    struct node *list = node_make_list(arena, message, "state");

    for (size_t i = 0; i < shim->count; i++)
        node_add(arena, list, container_state(arena, &shim->containers[i]));
    node_set_int(arena, message, "pid", getpid());
    send_node(shim, message);
}

#define SYNC_DELAY (50 * CLOCK_MS)

/*
 * Written before anybody hears of it, so that no agent's death loses it. Power
 * may: a moment later it is made safe from that too, unless the container was
 * started again by then and nobody needs it.
 */
static void sync_exit(struct shim *shim, struct container *c)
{
    scoped_mem char *path = mem_printf("%s/exit-%s.json", shim->place.directory, c->name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    c->sync_at = 0;
    if (fd < 0)
        return;
    fdatasync(fd);
    close(fd);
}

static void keep_exit(struct shim *shim, struct container *c)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text out = { 0 };
    scoped_mem char *path = mem_printf("%s/exit-%s.json", shim->place.directory, c->name);
    scoped_mem char *fresh = mem_printf("%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good;

    if (fd < 0)
        return;
    document_write_json(&out, container_state(arena, c));
    good = write(fd, out.bytes, out.len) == (ssize_t)out.len;
    close(fd);
    if (!good || rename(fresh, path) < 0)
        unlink(fresh);
    c->sync_at = clock_steady() + SYNC_DELAY;
}

/* ---- Containers -------------------------------------------------------------------- */

static struct container *find(struct shim *shim, const char *name)
{
    for (size_t i = 0; i < shim->count; i++)
        if (!strcmp(shim->containers[i].name, name))
            return &shim->containers[i];
    return NULL;
}

static bool is_running(const struct container *c)
{
    return c->init > 0;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void fail_start(struct shim *shim, struct container *c, const char *what)
{
    c->state = "failed";
    c->finished = clock_wall();
    snprintf(c->last.reason, sizeof c->last.reason, "CannotRun");
    snprintf(c->last.text, sizeof c->last.text, "%s: %s", what, strerror(errno));
    keep_exit(shim, c);
    tell(shim, c, "failed");
}

static bool join_group(struct shim *shim, const struct container *c, int procs[4],
                       struct text *problems)
{
    struct cgroup_limits limits = {
        .memory = node_get_int(c->spec, "memory", 0),
        .cpu = node_get_int(c->spec, "cpu", 0),
        .pids = node_get_int(c->spec, "pids", 0),
    };

    return cgroup_make(&shim->cgroups, shim->pod, c->name, &limits, procs, problems);
}

static void begin_run(struct container *c)
{
    c->run++;
    c->state = "running";
    c->pid = 0;
    c->code = c->signal = 0;
    c->oom = c->told_start = false;
    c->kill_at = c->sync_at = 0;
    c->started = clock_wall();
    c->finished = 0;
    c->last = (struct shim_message){ 0 };
}

static void start(struct shim *shim, struct container *c)
{
    int out[2] = { -1, -1 }, error[2] = { -1, -1 }, status[2] = { -1, -1 };
    scoped_text struct text problems = { 0 };
    struct shim_launch launch = { .place = &shim->place, .container = c->spec };

    if (is_running(c))
        return;
    begin_run(c);
    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(error, O_CLOEXEC) < 0 ||
        pipe2(status, O_CLOEXEC) < 0) {
        fail_start(shim, c, "pipe");
        return;
    }
    join_group(shim, c, launch.cgroup_procs, &problems);
    c->oom_before = cgroup_oom_kills(&shim->cgroups, shim->pod, c->name);
    launch.out = out[1];
    launch.error = error[1];
    launch.status = status[1];
    c->init = shim_launch(&launch);
    close_all((int[]){ out[1], error[1], status[1] }, 3);
    close_all(launch.cgroup_procs, 4);
    if (c->init < 0) {
        close_all((int[]){ out[0], error[0], status[0] }, 3);
        c->init = 0;
        fail_start(shim, c, "clone");
        return;
    }
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(error[0], F_SETFL, O_NONBLOCK);
    fcntl(status[0], F_SETFL, O_NONBLOCK);
    c->streams[0] = (struct shim_stream){ .fd = out[0], .name = "stdout" };
    c->streams[1] = (struct shim_stream){ .fd = error[0], .name = "stderr" };
    c->status_fd = status[0];
}

/* The command is the one child of its init that has begun. */
static pid_t child_of(pid_t init)
{
    char path[64];
    FILE *in;
    long pid = 0;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", init, init);
    in = fopen(path, "re");
    if (!in)
        return init;
    if (fscanf(in, "%ld", &pid) != 1)
        pid = init;
    fclose(in);
    return (pid_t)pid;
}

static void take_end(struct container *c, int status)
{
    c->code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    c->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void hear_init(struct shim *shim, struct container *c)
{
    struct shim_message message;

    while (c->status_fd >= 0 && read(c->status_fd, &message, sizeof message) ==
                                    (ssize_t)sizeof message) {
        if (message.word == SHIM_STARTED) {
            c->pid = child_of(c->init);
            c->told_start = true;
            if (c->kill_at) /* it was to stop before it could hear of it */
                kill(c->init, SIGTERM);
            tell(shim, c, "started");
        } else if (message.word == SHIM_EXITED) {
            c->state = "exited";
            take_end(c, message.status);
        } else {
            c->state = "failed";
            c->last = message;
        }
    }
}

static void end_run(struct shim *shim, struct container *c, int init_status)
{
    hear_init(shim, c);
    close(c->status_fd);
    c->status_fd = -1;
    c->init = 0;
    if (!strcmp(c->state, "running")) { /* the init itself was killed */
        cgroup_kill(&shim->cgroups, shim->pod, c->name);
        c->state = "exited";
        take_end(c, init_status);
    }
    c->finished = clock_wall();
    c->kill_at = 0;
    c->oom = cgroup_oom_kills(&shim->cgroups, shim->pod, c->name) > c->oom_before;
    for (int i = 0; i < 2; i++)
        if (c->streams[i].fd >= 0)
            shim_log_finish(&c->log, &c->streams[i]);
    keep_exit(shim, c);
    tell(shim, c, c->state);
}

static void kill_now(struct shim *shim, struct container *c)
{
    if (!is_running(c))
        return;
    cgroup_kill(&shim->cgroups, shim->pod, c->name);
    kill(c->init, shim->place.namespaces ? SIGKILL : shim_kill_all_signal());
}

/* The group kill takes the init as well, which is what tells us the end. */
static void stop(struct container *c, int64_t grace)
{
    int64_t at = clock_steady() + grace;

    if (!is_running(c))
        return;
    if (!c->kill_at && c->told_start)
        kill(c->init, SIGTERM);
    if (!c->kill_at || at < c->kill_at)
        c->kill_at = at;
}

/* ---- Commands beside a container ------------------------------------------------------ */

static void answer_exec(struct shim *shim, struct exec *e, int code)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *message = node_map(arena);

    node_set_int(arena, message, "exec", e->id);
    node_set_int(arena, message, "code", code);
    node_set_bool(arena, message, "late", e->late);
    if (!text_is_utf8(text_string(&e->output), e->output.len))
        text_cut(&e->output, 0);
    node_set(arena, message, "output", node_bytes(arena, text_string(&e->output), e->output.len));
    send_node(shim, message);
    text_free(&e->output);
    if (e->fd >= 0)
        close(e->fd);
    *e = (struct exec){ .fd = -1 };
}

static void start_exec(struct shim *shim, const struct node *ask)
{
    struct container *c = find(shim, node_get_text(ask, "container"));
    struct shim_launch launch = { .place = &shim->place, .status = -1, .error = -1,
                                  .cgroup_procs = { -1, -1, -1, -1 } };
    scoped_text struct text problems = { 0 };
    struct exec *e = NULL;
    int out[2];

    for (size_t i = 0; i < MAX_EXECS && !e; i++)
        if (!shim->execs[i].id)
            e = &shim->execs[i];
    if (!e)
        return; /* the agent's own timeout answers */
    *e = (struct exec){ .id = node_get_int(ask, "id", 1), .fd = -1 };
    if (!c || !is_running(c) || pipe2(out, O_CLOEXEC) < 0) {
        text_add(&e->output, "the container is not running");
        answer_exec(shim, e, 126);
        return;
    }
    launch.container = c->spec;
    launch.out = out[1];
    join_group(shim, c, launch.cgroup_procs, &problems);
    e->pid = shim_exec(&launch, c->init, node_get(ask, "command"));
    close(out[1]);
    close_all(launch.cgroup_procs, 4);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    e->fd = out[0];
    e->deadline = clock_steady() + node_get_int(ask, "timeout", 1000) * CLOCK_MS;
}

static void read_exec(struct exec *e)
{
    char bytes[4096];
    ssize_t got = read(e->fd, bytes, sizeof bytes);

    if (got > 0 && e->output.len < 1024)
        text_add_bytes(&e->output, bytes,
                       (size_t)got < 1024 - e->output.len ? (size_t)got : 1024 - e->output.len);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        close(e->fd);
        e->fd = -1;
    }
}

static void end_exec(struct shim *shim, struct exec *e, int status)
{
    if (e->fd >= 0)
        read_exec(e);
    answer_exec(shim, e, WIFEXITED(status) ? WEXITSTATUS(status) : 137);
}

/* ---- Being told --------------------------------------------------------------------- */

static void each_container(struct shim *shim, const char *name, int64_t grace)
{
    for (size_t i = 0; i < shim->count; i++)
        if (!*name || !strcmp(shim->containers[i].name, name))
            stop(&shim->containers[i], grace);
}

static void obey(struct shim *shim, const struct node *ask)
{
    const char *verb = node_get_text(ask, "do");
    const char *name = node_get_text(ask, "container");
    struct container *c = find(shim, name);

    if (!strcmp(verb, "start") && c)
        start(shim, c);
    else if (!strcmp(verb, "stop"))
        each_container(shim, name, node_get_int(ask, "grace", 0) * CLOCK_MS);
    else if (!strcmp(verb, "exec"))
        start_exec(shim, ask);
    else if (!strcmp(verb, "quit"))
        shim->quitting = true;
}

static void hear_agent(struct shim *shim)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *bytes = mem_alloc(MESSAGE);
    ssize_t got = recv(shim->agent, bytes, MESSAGE, MSG_DONTWAIT);
    struct node *ask;

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        drop_agent(shim);
    if (got <= 0)
        return;
    ask = document_read_json(arena, bytes, (size_t)got, &document_limits_own, NULL);
    if (ask)
        obey(shim, ask);
}

/* Only the newest agent counts; it hears everything from the start. */
static void accept_agent(struct shim *shim)
{
    struct ucred who;
    socklen_t len = sizeof who;
    int fd = accept4(shim->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 ||
        (who.uid != geteuid() && who.uid != 0)) {
        close(fd);
        return;
    }
    drop_agent(shim);
    shim->agent = fd;
    tell_all(shim);
}

static void bury(struct shim *shim)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    while (read(shim->signals, &info, sizeof info) == (ssize_t)sizeof info)
        continue;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < shim->count; i++)
            if (shim->containers[i].init == pid)
                end_run(shim, &shim->containers[i], status);
        for (size_t i = 0; i < MAX_EXECS; i++)
            if (shim->execs[i].id && shim->execs[i].pid == pid)
                end_exec(shim, &shim->execs[i], status);
    }
}

/* ---- The loop --------------------------------------------------------------------------- */

static int64_t sooner(int64_t a, int64_t b)
{
    return !b || (a && a < b) ? a : b;
}

static int wait_time(struct shim *shim)
{
    int64_t next = 0, now = clock_steady();

    for (size_t i = 0; i < shim->count; i++)
        next = sooner(next, sooner(shim->containers[i].kill_at, shim->containers[i].sync_at));
    for (size_t i = 0; i < MAX_EXECS; i++)
        if (shim->execs[i].id && !shim->execs[i].late)
            next = sooner(next, shim->execs[i].deadline);
    if (!next)
        return -1;
    return next <= now ? 0 : (int)((next - now) / CLOCK_MS) + 1;
}

static void do_late(struct shim *shim)
{
    int64_t now = clock_steady();

    for (size_t i = 0; i < shim->count; i++) {
        struct container *c = &shim->containers[i];

        if (c->sync_at && c->sync_at <= now)
            sync_exit(shim, c);
        if (c->kill_at && c->kill_at <= now) {
            kill_now(shim, c);
            c->kill_at = now + CLOCK_SECOND; /* again, should it not be enough */
        }
    }
    for (size_t i = 0; i < MAX_EXECS; i++) {
        struct exec *e = &shim->execs[i];

        if (e->id && !e->late && e->deadline <= now) {
            e->late = true;
            kill(e->pid, SIGKILL);
        }
    }
}

static size_t gather(struct shim *shim, struct pollfd *fds, void **whose)
{
    size_t n = 0;

#define WATCH(descriptor, owner)                                               \
    do {                                                                       \
        fds[n] = (struct pollfd){ .fd = (descriptor), .events = POLLIN };      \
        whose[n++] = (owner);                                                  \
    } while (0)
    WATCH(shim->signals, &shim->signals);
    WATCH(shim->listener, &shim->listener);
    WATCH(shim->agent, &shim->agent);
    for (size_t i = 0; i < shim->count; i++) {
        WATCH(shim->containers[i].status_fd, &shim->containers[i].status_fd);
        WATCH(shim->containers[i].streams[0].fd, &shim->containers[i].streams[0]);
        WATCH(shim->containers[i].streams[1].fd, &shim->containers[i].streams[1]);
    }
    for (size_t i = 0; i < MAX_EXECS; i++)
        WATCH(shim->execs[i].fd, &shim->execs[i].fd);
#undef WATCH
    return n;
}

static void serve_container(struct shim *shim, struct container *c, void *what)
{
    if (what == &c->status_fd)
        hear_init(shim, c);
    for (int i = 0; i < 2; i++)
        if (what == &c->streams[i] && c->streams[i].fd >= 0)
            shim_log_read(&c->log, &c->streams[i]);
}

static void serve(struct shim *shim, void *what)
{
    if (what == &shim->listener)
        accept_agent(shim);
    else if (what == &shim->agent && shim->agent >= 0)
        hear_agent(shim);
    for (size_t i = 0; i < shim->count; i++)
        serve_container(shim, &shim->containers[i], what);
    for (size_t i = 0; i < MAX_EXECS; i++)
        if (what == &shim->execs[i].fd && shim->execs[i].fd >= 0)
            read_exec(&shim->execs[i]);
    /* Last, because it closes what the lines above read from. */
    if (what == &shim->signals)
        bury(shim);
}

static bool anything_runs(const struct shim *shim)
{
    for (size_t i = 0; i < shim->count; i++)
        if (is_running(&shim->containers[i]))
            return true;
    return false;
}

static void run(struct shim *shim)
{
    struct pollfd fds[3 + 3 * MAX_CONTAINERS + MAX_EXECS];
    void *whose[count_of(fds)];

    for (;;) {
        size_t n;

        if (shim->quitting)
            for (size_t i = 0; i < shim->count; i++)
                kill_now(shim, &shim->containers[i]);
        if (shim->quitting && !anything_runs(shim))
            return;
        n = gather(shim, fds, whose);
        /* Logs first: an end is told after the last line was written. */
        if (poll(fds, n, wait_time(shim)) > 0)
            for (size_t i = n; i-- > 0;)
                if (fds[i].revents)
                    serve(shim, whose[i]);
        do_late(shim);
    }
}

/* ---- Beginning ---------------------------------------------------------------------------- */

static struct node *read_spec(struct arena *arena)
{
    struct stat st;
    char *bytes;
    ssize_t got;

    if (fstat(FD_SPEC, &st) < 0 || st.st_size <= 0)
        return NULL;
    bytes = arena_alloc(arena, (size_t)st.st_size + 1);
    got = pread(FD_SPEC, bytes, (size_t)st.st_size, 0);
    close(FD_SPEC);
    return got < 0 ? NULL : document_read_json(arena, bytes, (size_t)got,
                                               &document_limits_own, NULL);
}

/* The pod's directory is ours already, so that its path may be any length. */
static int listen_here(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "shim.sock" };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    unlink(address.sun_path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        chmod(address.sun_path, 0600) < 0 || listen(fd, 4) < 0)
        return -1;
    return fd;
}

static int watch_children(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN); /* the pod ends when the agent says so */
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void take_containers(struct shim *shim)
{
    const struct node *list = node_get(shim->place.spec, "containers");

    for (size_t i = 0; i < node_count(list) && i < MAX_CONTAINERS; i++) {
        struct container *c = &shim->containers[shim->count++];
        scoped_mem char *path = NULL;

        *c = (struct container){ .spec = node_item(list, i), .state = "none",
                                 .status_fd = -1 };
        c->name = node_get_text(c->spec, "name");
        c->streams[0].fd = c->streams[1].fd = -1;
        c->run = node_get_int(c->spec, "runs", 0);
        path = mem_printf("%s/logs/%s.log", shim->place.directory, c->name);
        shim_log_open(&c->log, path, shim->log_bytes, shim->log_files);
    }
}

static bool set_up(struct shim *shim, struct arena *arena, const char *directory)
{
    struct node *spec = read_spec(arena);
    struct node *isolation = node_get(spec, "isolation");

    if (!spec || chdir(directory) < 0)
        return false;
    shim->pod = node_get_text(spec, "id");
    shim->place = (struct shim_place){
        .directory = directory, .spec = spec,
        .namespaces = node_get_bool(isolation, "namespaces", false),
        .user_namespace = node_get_bool(isolation, "userNamespace", false),
    };
    shim->log_bytes = node_get_int(spec, "logBytes", 10 << 20);
    shim->log_files = (int)node_get_int(spec, "logFiles", 3);
    shim->listener = listen_here();
    shim->signals = watch_children();
    if (node_get_bool(isolation, "cgroups", false))
        cgroup_find(&shim->cgroups);
    for (int i = 0; i < MAX_EXECS; i++)
        shim->execs[i].fd = -1;
    take_containers(shim);
    return shim->listener >= 0 && shim->signals >= 0;
}

static void start_marked(struct shim *shim)
{
    for (size_t i = 0; i < shim->count; i++)
        if (node_get_bool(shim->containers[i].spec, "start", false))
            start(shim, &shim->containers[i]);
}

static void clean_up(struct shim *shim)
{
    for (size_t i = 0; i < shim->count; i++)
        cgroup_remove(&shim->cgroups, shim->pod, shim->containers[i].name);
    unlink("shim.sock");
}

int runtime_shim_main(int argc, char **argv)
{
    static struct shim shim;
    struct arena *arena = arena_new();

    if (argc < 1 || argv[argc - 1][0] != '/') {
        fprintf(stderr, "axle shim: started by the agent, not by hand\n");
        return 2;
    }
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "axle-shim");
    fcntl(FD_LOCK, F_SETFD, FD_CLOEXEC); /* the lock lives as long as we do */
    fcntl(FD_AGENT, F_SETFD, FD_CLOEXEC);
    shim.agent = FD_AGENT;
    if (!set_up(&shim, arena, argv[argc - 1]))
        _exit(3);
    start_marked(&shim);
    tell_all(&shim);
    run(&shim);
    clean_up(&shim);
    _exit(0);
}
