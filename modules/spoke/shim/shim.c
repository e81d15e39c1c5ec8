/* SPDX-License-Identifier: Apache-2.0 */
/* Is the parent of one pod: starts its containers, keeps their logs and exits. */

#include "shim/pod.h"

#include "base/clock.h"
#include "document/document.h"
#include "number/number.h"

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

/* The descriptors that the agent hands over. */
enum { FD_AGENT = 3, FD_SPEC = 4, FD_LOCK = 5 };

/* ---- Children ----------------------------------------------------------------------- */

static void reap_children(struct shim *shim)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    while (read(shim->signals, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo == SIGTERM)
            shim_end_begin(shim);
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < shim->count; i++)
            if (shim->containers[i].init == pid)
                shim_container_reap(shim, &shim->containers[i], status);
        for (size_t i = 0; i < SHIM_EXECS; i++)
            if (shim->execs[i].id && shim->execs[i].pid == pid)
                shim_exec_end(shim, &shim->execs[i], status);
    }
}

/* ---- The loop --------------------------------------------------------------------------- */

/* -1: nothing is due, so only a descriptor can end the wait. */
static int wait_time(struct shim *shim)
{
    int64_t next = 0, now = clock_steady();

    for (size_t i = 0; i < shim->count; i++)
        next = shim_sooner(next, shim_container_next(&shim->containers[i]));
    next = shim_sooner(next, shim->disk.at);
    next = shim_sooner(next, shim_end_next(shim));
    for (size_t i = 0; i < SHIM_EXECS; i++)
        if (shim->execs[i].id && !shim->execs[i].late)
            next = shim_sooner(next, shim->execs[i].deadline);
    if (!next)
        return -1;
    return next <= now ? 0 : (int)((next - now) / CLOCK_MS) + 1;
}

/* Whatever time has come for; each part knows when it is due. */
static void do_late(struct shim *shim)
{
    int64_t now = clock_steady();

    for (size_t i = 0; i < shim->count; i++)
        shim_container_late(shim, &shim->containers[i], now);
    shim_disk_late(shim, now);
    shim_end_late(shim, now);
    for (size_t i = 0; i < SHIM_EXECS; i++) {
        struct exec *e = &shim->execs[i];

        if (e->id && !e->late && e->deadline <= now) {
            e->late = true;
            kill(e->pid, SIGTERM); /* it kills what it started, and ends */
        }
    }
}

/* A descriptor of -1 is ignored by poll(2), so all places are always filled. */
static size_t gather_descriptors(struct shim *shim, struct pollfd *fds, void **whose)
{
    size_t n = 0;

#define WATCH(descriptor, owner)                                                                   \
    do {                                                                                           \
        fds[n] = (struct pollfd){.fd = (descriptor), .events = POLLIN};                            \
        whose[n++] = (owner);                                                                      \
    } while (0)
    WATCH(shim->signals, &shim->signals);
    WATCH(shim->listener, &shim->listener);
    WATCH(shim->agent, &shim->agent);
    WATCH(shim->disk.fd, &shim->disk.fd);
    for (size_t i = 0; i < shim->count; i++) {
        WATCH(shim->containers[i].control, &shim->containers[i].control);
        WATCH(shim->containers[i].streams[0].fd, &shim->containers[i].streams[0]);
        WATCH(shim->containers[i].streams[1].fd, &shim->containers[i].streams[1]);
    }
    for (size_t i = 0; i < SHIM_EXECS; i++)
        WATCH(shim->execs[i].fd, &shim->execs[i].fd);
#undef WATCH
    return n;
}

static void serve_container(struct shim *shim, struct container *c, void *what)
{
    if (what == &c->control)
        shim_container_hear(shim, c);
    for (int i = 0; i < 2; i++)
        if (what == &c->streams[i] && c->streams[i].fd >= 0)
            shim_log_read(&c->log, &c->streams[i]);
}

/* `what` is the address of the field that holds the descriptor. */
static void serve_descriptor(struct shim *shim, void *what)
{
    if (what == &shim->listener)
        shim_accept_agent(shim);
    else if (what == &shim->agent && shim->agent >= 0)
        shim_hear_agent(shim);
    else if (what == &shim->disk.fd && shim->disk.fd >= 0)
        shim_disk_hear(shim);
    for (size_t i = 0; i < shim->count; i++)
        serve_container(shim, &shim->containers[i], what);
    for (size_t i = 0; i < SHIM_EXECS; i++)
        if (what == &shim->execs[i].fd && shim->execs[i].fd >= 0)
            shim_exec_read(&shim->execs[i]);
    /* Last, because it closes what the lines above read from. */
    if (what == &shim->signals)
        reap_children(shim);
}

static bool anything_runs(const struct shim *shim)
{
    for (size_t i = 0; i < shim->count; i++)
        if (shim->containers[i].init)
            return true;
    return false;
}

static void run_shim(struct shim *shim)
{
    struct pollfd fds[4 + 3 * SHIM_CONTAINERS + SHIM_EXECS];
    void *whose[count_of(fds)];

    for (;;) {
        size_t n;

        if (shim->quitting)
            for (size_t i = 0; i < shim->count; i++)
                shim_container_kill(shim, &shim->containers[i]);
        if ((shim->quitting || shim->end_at) && !anything_runs(shim))
            return;
        n = gather_descriptors(shim, fds, whose);
        /* Logs first, from the last descriptor to the first: the event of an end is sent after
           the last line was written. */
        if (poll(fds, n, wait_time(shim)) > 0)
            for (size_t i = n; i-- > 0;)
                if (fds[i].revents)
                    serve_descriptor(shim, whose[i]);
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
    return got < 0 ? NULL
                   : document_read_json(arena, bytes, (size_t)got, &document_limits_own, NULL);
}

/* The pod's directory is ours already, so that its path may be any length. */
static int listen_here(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "shim.sock"};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    unlink(address.sun_path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        chmod(address.sun_path, 0600) < 0 || listen(fd, 4) < 0)
        return -1;
    return fd;
}

/* SIGCHLD and SIGTERM come through a descriptor, so that no handler runs in the middle of
   something. */
static int watch_children(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* `runs` counts the runs that an earlier shim of this pod has had. */
static void take_containers(struct shim *shim)
{
    const struct node *list = node_get(shim->place.spec, "containers");

    for (size_t i = 0; i < node_count(list) && i < SHIM_CONTAINERS; i++) {
        struct container *c = &shim->containers[shim->count++];
        scoped_mem char *path = NULL;

        *c = (struct container){.spec = node_item(list, i), .state = "none", .control = -1};
        c->name = node_get_text(c->spec, "name");
        c->streams[0].fd = c->streams[1].fd = -1;
        c->run.number = number_get(c->spec, "runs", NUMBER_COUNT, 0);
        path = mem_printf("%s/logs/%s.log", shim->place.directory, c->name);
        shim_log_open(&c->log, path, shim->log_bytes, shim->log_files);
    }
}

/* A spare's group becomes that of the first container, if it is limited. */
static void move_in(struct shim *shim)
{
    struct container *first = &shim->containers[0];

    if (!shim->nested)
        return;
    if (shim->count && number_get(first->spec, "pids", NUMBER_COUNT, 0) > 0 &&
        cgroup_move_in(&shim->cgroups, shim->pod, first->name))
        shim->home = first;
    else
        cgroup_leave(&shim->cgroups);
    shim->nested = false;
}

static bool set_up(struct shim *shim, const char *directory)
{
    struct node *spec = read_spec(shim->arena);
    struct node *isolation = node_get(spec, "isolation");

    if (!spec || chdir(directory) < 0)
        return false;
    shim->pod = node_get_text(spec, "id");
    shim->place = (struct shim_place){
        .directory = directory,
        .spec = spec,
        .namespaces = node_get_bool(isolation, "namespaces", false),
        .user_namespace = node_get_bool(isolation, "userNamespace", false),
    };
    shim->log_bytes = number_get(spec, "logBytes", NUMBER_BYTES, 10 << 20);
    shim->log_files = number_as_int(spec, "logFiles", NUMBER_COUNT, 3);
    shim->listener = listen_here();
    shim->signals = watch_children();
    if (node_get_bool(isolation, "cgroups", false) && !shim->spare)
        cgroup_find(&shim->cgroups);
    for (int i = 0; i < SHIM_EXECS; i++)
        shim->execs[i].fd = -1;
    take_containers(shim);
    move_in(shim);
    shim_disk_begin(shim);
    return shim->listener >= 0 && shim->signals >= 0;
}

/* The others wait for a request. */
static void start_marked(struct shim *shim)
{
    for (size_t i = 0; i < shim->count; i++)
        if (node_get_bool(shim->containers[i].spec, "start", false))
            shim_container_start(shim, &shim->containers[i]);
}

static void clean_up(struct shim *shim)
{
    /* The group that we are in ourselves is left to the agent. */
    for (size_t i = 0; i < shim->count; i++)
        if (&shim->containers[i] != shim->home)
            cgroup_remove(&shim->cgroups, shim->pod, shim->containers[i].name);
    unlink("shim.sock");
}

/* ---- Waiting for a pod ----------------------------------------------------------- */

static bool take_rights(struct msghdr *message)
{
    struct cmsghdr *rights = CMSG_FIRSTHDR(message);
    int fds[2];

    if (!rights || rights->cmsg_type != SCM_RIGHTS || rights->cmsg_len != CMSG_LEN(sizeof fds))
        return false;
    memcpy(fds, CMSG_DATA(rights), sizeof fds);
    for (int i = 0; i < 2; i++) /* to where nothing is in the way */
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 16);
    return dup2(fds[0], FD_SPEC) == FD_SPEC && dup2(fds[1], FD_LOCK) == FD_LOCK &&
           close(fds[0]) == 0 && close(fds[1]) == 0;
}

/* The pod's directory, written over the room that was left in our arguments. */
static char *wait_for_pod(struct shim *shim, char *room, size_t len)
{
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec text = {room, len - 1};
    struct msghdr message = {.msg_iov = &text,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    char *directory = NULL;
    ssize_t got;

    shim->spare = true;
    cgroup_find(&shim->cgroups);
    shim->nested = cgroup_nest(&shim->cgroups);
    do
        got = recvmsg(FD_AGENT, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got > 0 && take_rights(&message)) {
        memset(room + got, 0, len - (size_t)got);
        directory = mem_copy_string(room);
    } else if (shim->nested) {
        cgroup_leave(&shim->cgroups);
    }
    return directory;
}

int shim_main(int argc, char **argv)
{
    static struct shim shim;
    char *directory = argc > 0 ? argv[argc - 1] : NULL;
    bool spare = argc > 2 && !strcmp(argv[argc - 2], "--spare");

    if (argc > 1 && !strcmp(argv[1], "--hold"))
        return shim_hold();
    if (argc > 2 && !strcmp(argv[argc - 2], "--end-all"))
        return shim_end_all(directory);
    if (!directory || (*directory != '/' && !spare)) {
        fprintf(stderr, "axle shim: started by the agent, not by hand\n");
        return 2;
    }
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "axle-shim");
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a pod may be of the same user */
    fcntl(FD_AGENT, F_SETFD, FD_CLOEXEC);
    cgroup_join_listed(); /* before groups are looked for from where we are */
    if (spare)
        directory = wait_for_pod(&shim, argv[argc - 2], strlen(argv[argc - 1]) + 9);
    if (!directory)
        _exit(0);
    fcntl(FD_LOCK, F_SETFD, FD_CLOEXEC); /* the lock lives as long as we do */
    shim.agent = FD_AGENT;
    shim.arena = arena_new();
    if (!set_up(&shim, directory))
        _exit(3);
    start_marked(&shim);
    shim_tell_all(&shim);
    run_shim(&shim);
    clean_up(&shim);
    _exit(0);
}
