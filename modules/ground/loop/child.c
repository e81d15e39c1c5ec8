/* SPDX-License-Identifier: Apache-2.0 */
/* Starts child processes without copying this one, and learns of their end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/real.h"

struct loop_child {
    struct loop *loop;
    pid_t pid;
    int pidfd;
    bool ended;
    struct event event;
    loop_exit_fn *fn;
    void *arg;
};

static void free_child_later(void *arg)
{
    mem_free(&arg);
}

/* A pidfd becomes readable when the process ends; only then is it reaped. */
static void on_child_exit(evutil_socket_t fd, short what, void *arg)
{
    struct loop_child *child = arg;
    int status = 0;

    (void)fd, (void)what;
    if (waitpid(child->pid, &status, WNOHANG) != child->pid)
        return;
    event_del(&child->event);
    child->ended = true;
    child->fn(child->pid, status, child->arg);
}

/* on_child_exit() may be the caller: the struct stays until the queue runs. */
void loop_child_free(struct loop_child **at)
{
    struct loop_child *child = take(*at);

    if (!child)
        return;
    event_del(&child->event);
    close(child->pidfd);
    loop_later(child->loop, free_child_later, child);
}

bool loop_child_signal(struct loop_child *child, int number)
{
    return !child->ended && !syscall(SYS_pidfd_send_signal, child->pidfd, number, NULL, 0);
}

/* ------------------------------------------------------------- in the child */

/* Moves the descriptors to be kept above all targets first, so that none is
 * overwritten before its turn. */
static bool arrange_descriptors(const struct loop_spawn *spawn, int *moved)
{
    int wanted[3] = {spawn->in, spawn->out, spawn->error};
    size_t i, count = 3 + spawn->keeps;

    for (i = 0; i < count; i++) {
        int fd = i < 3 ? wanted[i] : spawn->keep[i - 3];

        if (fd < 0)
            fd = open("/dev/null", O_RDWR);
        moved[i] = fcntl(fd, F_DUPFD, (int)count);
        if (moved[i] < 0)
            return false;
    }
    for (i = 0; i < count; i++)
        if (dup2(moved[i], (int)i) < 0)
            return false;
    /* Kernels before 5.9 cannot; our own descriptors close by themselves. */
    return !syscall(SYS_close_range, (unsigned)count, ~0u, 0) || errno == ENOSYS;
}

/* The child must not run our handlers, which would see our memory after vfork(). */
static void default_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    int number;

    for (number = 1; number < 32; number++)
        sigaction(number, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Between vfork() and exec only calls that are safe there; errno is what failed. */
static void exec_child(const struct loop_spawn *spawn, int *moved, pid_t parent,
                       char *const *environment)
{
    default_signals();
    if (spawn->dies_with_parent && (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent))
        return;
    if (spawn->own_session)
        setsid();
    if (spawn->directory && chdir(spawn->directory) < 0)
        return;
    if (!arrange_descriptors(spawn, moved))
        return;
    execvpe(spawn->path, spawn->arguments, environment);
}

/*
 * The child borrows our memory until it has become another program; the
 * parent's thread waits meanwhile. What it could not do, it leaves in
 * `*problem`.
 */
static __attribute__((noinline)) pid_t start_child(const struct loop_spawn *spawn, int *moved,
                                                   char *const *environment, volatile int *problem)
{
    pid_t parent = getpid();
    pid_t pid = vfork();

    if (pid)
        return pid;
    exec_child(spawn, moved, parent, environment);
    *problem = errno ? errno : ECHILD;
    _exit(127);
}

struct loop_child *loop_spawn(struct loop *loop, const struct loop_spawn *spawn, loop_exit_fn *fn,
                              void *arg, struct err *err)
{
    scoped_mem int *moved = NULL;
    char *const *environment = spawn->environment ? spawn->environment : environ;
    volatile int problem = 0;
    struct loop_child *child;
    sigset_t all, before;
    pid_t pid;
    int pidfd;

    if (!loop_is_real(loop)) {
        err_set(err, ERR_UNSUPPORTED, "a simulated host has no processes");
        return NULL;
    }
    moved = mem_alloc((3 + spawn->keeps) * sizeof *moved);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = start_child(spawn, moved, environment, &problem);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid < 0 || problem) {
        int why = pid < 0 ? errno : problem;

        if (pid > 0)
            waitpid(pid, NULL, 0);
        err_set(err, why == ENOENT ? ERR_NOT_FOUND : ERR_UNREACHABLE, "cannot start %s: %s",
                spawn->path, strerror(why));
        return NULL;
    }
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        err_set(err, ERR_INTERNAL, "cannot watch process %d: %s", (int)pid, strerror(errno));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return NULL;
    }
    fcntl(pidfd, F_SETFD, FD_CLOEXEC);
    child = mem_alloc(sizeof *child);
    *child = (struct loop_child){.loop = loop, .pid = pid, .pidfd = pidfd, .fn = fn, .arg = arg};
    event_assign(&child->event, real_of(loop)->base, pidfd, EV_READ | EV_PERSIST, on_child_exit,
                 child);
    event_add(&child->event, NULL);
    return child;
}
