/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a command beside a running container, and kills all of it when it is late. */

#include "shim/pod.h"

#include "base/clock.h"
#include "document/document.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Three processes: the guard, child of the shim and still in the machine's pid
 * namespace; its child the reaper, in the container's, to which everything comes
 * back whose parent ended (PR_SET_CHILD_SUBREAPER); and the command. A late
 * command is killed by the guard, child after child of the reaper, until none is
 * left: a new session or a double fork hides nothing.
 */
#define KILL_MOST (5 * CLOCK_SECOND)

static volatile sig_atomic_t is_late;

static void on_late_signal(int number)
{
    (void)number;
    is_late = 1;
}

static void catch_late(int number)
{
    struct sigaction action = {.sa_handler = on_late_signal};
    sigset_t set;

    sigaction(number, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* -1: this kernel has no such namespaces. Of a container whose init has ended meanwhile
   there is none to enter, and the command must not run outside of one. */
static int open_namespace(pid_t init, const char *kind)
{
    char path[64];
    int fd;

    snprintf(path, sizeof path, "/proc/%d/ns/%s", init, kind);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    if (fd < 0 && access(path, F_OK) == 0)
        _exit(126);
    return fd;
}

static void enter_namespaces(const struct shim_launch *launch, pid_t init)
{
    static const struct {
        const char *name;
        int flag;
    } kinds[] = {
        {"user", CLONE_NEWUSER}, {"ipc", CLONE_NEWIPC}, {"pid", CLONE_NEWPID},
        {"uts", CLONE_NEWUTS},   {"mnt", CLONE_NEWNS},
    };
    int fds[count_of(kinds)], root;
    char path[64];

    if (!launch->place->namespaces)
        return;
    snprintf(path, sizeof path, "/proc/%d/root", init);
    root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        _exit(126);
    for (size_t i = 0; i < count_of(kinds); i++)
        fds[i] =
            i == 0 && !launch->place->user_namespace ? -1 : open_namespace(init, kinds[i].name);
    for (size_t i = 0; i < count_of(kinds); i++)
        if (fds[i] >= 0 && setns(fds[i], kinds[i].flag) < 0)
            _exit(126);
    /* An agent that lives in a chroot could only chroot the container as well: the
       root of its mount namespace is then not what the container sees. */
    if (fchdir(root) < 0 || chroot(".") < 0)
        _exit(126);
}

static void be_command(const struct shim_launch *launch, const struct node *command, int empty)
{
    struct shim_message why = {0};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    dup2(empty, 0);
    dup2(launch->out, 1);
    dup2(launch->out, 2);
    syscall(SYS_close_range, 3, ~0U, 0);
    shim_reset_signals();
    shim_run_command(launch, command, &why);
    fprintf(stderr, "%s\n", why.text);
    _exit(126);
}

/* Its own exit code is the command's. A late one waits until nothing is below it. */
static void be_reaper(const struct shim_launch *launch, const struct node *command, int empty)
{
    int status = 0, code = 126;
    pid_t main, gone;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "axle-exec");
    if (!launch->place->user_namespace)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    main = fork();
    if (main == 0)
        be_command(launch, command, empty);
    shim_close_all((int[]){launch->out, empty}, 2); /* the output ends with the command */
    for (;;) {
        gone = waitpid(-1, &status, __WALL);
        if (gone < 0 && errno != EINTR)
            _exit(code);
        if (gone != main)
            continue;
        code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (!is_late)
            _exit(code);
    }
}

/* `proc` is the machine's, opened before the container's namespaces were entered:
   no file of the pod's is read here. */
static int kill_late(int proc, pid_t reaper)
{
    int64_t until = clock_steady() + KILL_MOST;
    int status = 0;

    kill(reaper, SIGUSR1);
    while (waitpid(reaper, &status, WNOHANG) == 0) {
        shim_kill_children(proc, reaper);
        if (clock_steady() > until) { /* one that the kernel itself holds */
            kill(reaper, SIGKILL);
            break;
        }
        usleep(500);
    }
    return 137;
}

/* True: the command has ended; false: it is late. */
static bool wait_for_reaper(pid_t reaper, const sigset_t *signals, int *ret_status)
{
    for (;;) {
        if (waitpid(reaper, ret_status, WNOHANG) != 0)
            return true;
        if (sigwaitinfo(signals, NULL) == SIGTERM)
            return false;
    }
}

static void be_guard(const struct shim_launch *launch, pid_t init, const struct node *command)
{
    int status = 0, empty = shim_open_empty();
    int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    sigset_t signals;
    pid_t reaper;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    catch_late(SIGUSR1); /* of the reaper's; set before it can be sent */
    shim_join_cgroups(launch);
    enter_namespaces(launch, init);
    reaper =
        fork(); /* a process that enters a pid namespace stays outside; its children are in it */
    if (reaper == 0)
        be_reaper(launch, command, empty);
    if (reaper < 0)
        _exit(126);
    close(launch->out);
    if (!wait_for_reaper(reaper, &signals, &status))
        _exit(kill_late(proc, reaper));
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

pid_t shim_exec(const struct shim_launch *launch, pid_t init, const struct node *command)
{
    pid_t pid = fork();

    if (pid == 0)
        be_guard(launch, init, command);
    return pid;
}
