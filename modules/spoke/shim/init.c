/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one container: the small first process, and the command below it. */

#include "shim/pod.h"

#include "base/clock.h"
#include "document/document.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t main_pid;
static volatile sig_atomic_t kill_all;
static volatile sig_atomic_t asked_to_end; /* before there was a command to tell */

/* The command is the only one to get the signal, as if it were the container's first process. */
static void on_forward(int number)
{
    if (main_pid > 0)
        kill(main_pid, number);
    else if (number == SIGTERM)
        asked_to_end = 1;
}

static void on_kill_all(int number)
{
    (void)number;
    kill_all = 1;
}

static void send_word(int fd, const struct shim_message *message)
{
    if (write(fd, message, sizeof *message) < 0)
        return; /* the shim has gone, and we are about to be killed */
}

static void become_command(const struct shim_launch *launch, int failed)
{
    struct shim_message why = {.word = SHIM_FAILED};

    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(launch->empty, 0);
    dup2(launch->out, 1);
    dup2(launch->error, 2);
    if (failed != 3)
        dup3(failed, 3, O_CLOEXEC);
    syscall(SYS_close_range, 4, ~0U, 0);
    shim_reset_signals();
    shim_run_command(launch, node_get(launch->container, "command"), &why);
    send_word(3, &why);
    _exit(127);
}

/* ---- The init's side -------------------------------------------------------- */

/* Without a pid namespace every orphan comes to its init (PR_SET_CHILD_SUBREAPER), so
   killing the children again and again gets all of them. */
static void kill_children(void)
{
    int proc;

    if (getpid() == 1) {
        kill(-1, SIGKILL);
        return;
    }
    proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0)
        return;
    shim_kill_children(proc, getpid());
    close(proc);
}

static void reap_all(void)
{
    for (;;) {
        pid_t gone;

        kill_children();
        do
            gone = waitpid(-1, NULL, WNOHANG | __WALL);
        while (gone > 0);
        if (gone < 0)
            return;
        usleep(200);
    }
}

/* Orphans of the command are reaped on the way. */
static int wait_for_main(void)
{
    for (;;) {
        int status;
        pid_t gone;

        if (kill_all)
            kill_children();
        gone = waitpid(-1, &status, __WALL);
        if (gone == main_pid)
            return status;
        if (gone < 0 && errno != EINTR)
            return SIGKILL;
    }
}

static void catch_signals(void)
{
    static const int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};
    struct sigaction forward = {.sa_handler = on_forward, .sa_flags = SA_RESTART};
    struct sigaction all = {.sa_handler = on_kill_all};

    for (size_t i = 0; i < count_of(forwarded); i++)
        sigaction(forwarded[i], &forward, NULL);
    sigaction(shim_kill_all_signal(), &all, NULL);
    shim_unblock_signals();
}

/* The pipe closes at exec: what comes through it before is why exec failed. */
static bool start_main(const struct shim_launch *launch, struct shim_message *why)
{
    int failed[2];
    pid_t pid;

    if (pipe2(failed, O_CLOEXEC) < 0)
        return false;
    pid = fork();
    if (pid == 0)
        become_command(launch, failed[1]);
    main_pid = pid;
    close(failed[1]);
    if (pid < 0 || read(failed[0], why, sizeof *why) == (ssize_t)sizeof *why) {
        close(failed[0]);
        return false;
    }
    close(failed[0]);
    return true;
}

static int compare_descriptors(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* The init is a fork of the shim, whose sockets and logs must not stay open here. */
static void keep_only(const struct shim_launch *launch)
{
    int keep[] = {2,
                  launch->out,
                  launch->error,
                  launch->control,
                  launch->empty,
                  launch->cgroup_procs[0],
                  launch->cgroup_procs[1],
                  launch->cgroup_procs[2],
                  launch->cgroup_procs[3]};

    qsort(keep, count_of(keep), sizeof keep[0], compare_descriptors);
    for (size_t i = 0; i < count_of(keep); i++) {
        unsigned from = (unsigned)keep[i] + 1;
        unsigned to = i + 1 < count_of(keep) ? (unsigned)keep[i + 1] - 1 : ~0u;

        if (keep[i] >= 2 && from <= to)
            syscall(SYS_close_range, from, to, 0);
    }
}

/* The shim gets the reason, and the init's end after it. */
static void fail_init(const struct shim_launch *launch, struct shim_message *why)
{
    why->word = SHIM_FAILED;
    if (!*why->reason)
        snprintf(why->reason, sizeof why->reason, "CannotRun");
    if (!*why->text)
        snprintf(why->text, sizeof why->text, "cannot start: %s", strerror(errno));
    send_word(launch->control, why);
    reap_all();
    _exit(127);
}

/* The last word counts, and it counts once. */
static bool is_permitted(int control, int status)
{
    char word, last = SHIM_FORBID;

    while (recv(control, &word, 1, MSG_DONTWAIT) == 1)
        last = word;
    return last == SHIM_PERMIT || (last == SHIM_PERMIT_FAILURE && status != 0);
}

/* The shim's word to run once more; without a shim there is none. */
static void wait_for_word(int control)
{
    char word = 0;

    while (word != SHIM_AGAIN) {
        ssize_t got = recv(control, &word, 1, 0);

        if (got == 0 || (got < 0 && errno != EINTR) || kill_all)
            _exit(0);
    }
}

static int run_once(const struct shim_launch *launch)
{
    struct shim_message message = {0};
    int status;

    /* A previous user of the pipe may have left it O_NONBLOCK. */
    fcntl(launch->out, F_SETFL, 0);
    fcntl(launch->error, F_SETFL, 0);
    if (!start_main(launch, &message))
        fail_init(launch, &message);
    message = (struct shim_message){.word = SHIM_STARTED};
    send_word(launch->control, &message);
    status = wait_for_main();
    main_pid = 0;
    /* What the command left behind ends with it. */
    reap_all();
    return status;
}

/* The shim may have died before its death could reach us. */
static bool is_alone(int control)
{
    char word;

    return recv(control, &word, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* A claim may hold millions of files: SHIM_WAITS says how far it is, and SIGTERM ends it. */
#define TELL_EVERY CLOCK_SECOND

struct giving {
    struct shim_gift gift;
    int control;
    int64_t tell_at;
};

static bool go_on_giving(struct shim_gift *gift)
{
    struct giving *giving = (struct giving *)gift;
    struct shim_message message = {.word = SHIM_WAITS, .reason = "VolumeInPreparation"};
    int64_t now = clock_steady();

    if (asked_to_end || kill_all)
        return false;
    if (now < giving->tell_at)
        return true;
    giving->tell_at = now + TELL_EVERY;
    snprintf(message.text, sizeof message.text,
             "volume %.100s is being given to fsGroup %u: %ld entries "
             "so far",
             gift->volume, gift->group, gift->seen);
    send_word(giving->control, &message);
    return true;
}

static int fail_giving(const struct shim_gift *gift, struct shim_message *why)
{
    snprintf(why->reason, sizeof why->reason, "MountUnavailable");
    snprintf(why->text, sizeof why->text,
             "volume \"%.100s\" cannot be given to the pod's fsGroup: %s", gift->volume,
             errno == ECANCELED ? "the pod is to end" : strerror(errno));
    return -1;
}

/* By its size; that needs no room on the disk. */
static void mark_given(int lock)
{
    if (lock >= 0 && ftruncate(lock, 1) < 0)
        return; /* the next container does it once more */
}

/* Once a pod, whichever container is first: the others wait, and what the containers make
   later is theirs. */
static int give_claims(const struct shim_launch *launch, struct shim_message *why)
{
    const struct shim_place *place = launch->place;
    scoped_mem char *path = mem_printf("%s/fs-group", place->directory);
    struct giving giving = {.gift.go_on = go_on_giving,
                            .control = launch->control,
                            .tell_at = clock_steady() + TELL_EVERY};
    struct shim_message note = {.word = SHIM_NOTE, .reason = "FsGroupIncomplete"};
    int lock = node_get(place->spec, "fsGroup")
                   ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)
                   : -1;
    struct stat st;
    int failed = 0;

    if (!node_get(place->spec, "fsGroup"))
        return 0;
    /* Without room for the file each container gives once more, which changes nothing. */
    while (lock >= 0 && flock(lock, LOCK_EX) < 0 && errno == EINTR && !asked_to_end)
        continue;
    if (lock < 0 || fstat(lock, &st) < 0 || !st.st_size) {
        giving.gift.volume = "";
        if (shim_give_claims(place->spec, node_get(place->spec, "volumes"), &giving.gift) < 0)
            failed = fail_giving(&giving.gift, why);
        else
            mark_given(lock);
    }
    if (!failed && giving.gift.failed) {
        shim_explain_gift(&giving.gift, note.text, sizeof note.text);
        send_word(launch->control, &note);
    }
    if (lock >= 0)
        close(lock);
    return failed;
}

/* Before its root is built: /proc/sys may be read-only there, and a service that looks
   itself up finds the same name in its hosts file. */
static void set_host_name(const struct shim_launch *launch)
{
    const char *name = node_get_text(launch->place->spec, "hostname");

    if (*name && sethostname(name, strlen(name)) < 0)
        return; /* the machine's name stays, as it does without namespaces */
}

static void be_init(const struct shim_launch *launch)
{
    struct shim_message message = {0};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (is_alone(launch->control))
        _exit(127);
    prctl(PR_SET_NAME, "axle-init");
    if (!launch->place->user_namespace) /* there its capabilities keep others out */
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    catch_signals();
    keep_only(launch);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    shim_join_cgroups(launch);
    shim_close_all(launch->cgroup_procs, 4);
    if (geteuid() == 0 && !launch->place->user_namespace && give_claims(launch, &message) < 0)
        fail_init(launch, &message);
    if (launch->place->namespaces)
        set_host_name(launch);
    if (launch->place->namespaces && confine_root(launch->place, launch->container, &message) < 0)
        fail_init(launch, &message);
    for (;;) {
        int status = run_once(launch);
        bool again = !kill_all && is_permitted(launch->control, status);

        message = (struct shim_message){.word = again ? SHIM_EXITED_AGAIN : SHIM_EXITED,
                                        .status = status};
        send_word(launch->control, &message);
        if (kill_all)
            _exit(0);
        if (!again)
            wait_for_word(launch->control);
    }
}

/* Our own ids only: with one line each no helper program is needed. */
static void map_self(uid_t uid, gid_t gid)
{
    static const char *const files[] = {"/proc/self/setgroups", "/proc/self/uid_map",
                                        "/proc/self/gid_map"};
    char values[3][64] = {"deny"};

    snprintf(values[1], sizeof values[1], "%u %u 1", uid, uid);
    snprintf(values[2], sizeof values[2], "%u %u 1", gid, gid);
    for (size_t i = 0; i < count_of(files); i++) {
        int fd = open(files[i], O_WRONLY | O_CLOEXEC);

        if (fd >= 0 && write(fd, values[i], strlen(values[i])) < 0)
            values[i][0] = '\0';
        if (fd >= 0)
            close(fd);
    }
}

/* clone3() without a stack is fork() with namespaces and, of version 2, a control group. */
static pid_t clone_as_fork(unsigned long flags, int group)
{
    struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};

    if (group >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)group;
    }
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

pid_t shim_launch(const struct shim_launch *launch)
{
    struct shim_launch own = *launch;
    unsigned long flags = 0;
    uid_t uid = geteuid();
    gid_t gid = getegid();
    pid_t pid;

    if (launch->place->namespaces)
        flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
    if (launch->place->user_namespace)
        flags |= CLONE_NEWUSER;
    own.empty = shim_open_empty();
    if (own.group >= 0)
        own.cgroup_procs[0] = -1; /* it is born there */
    pid = clone_as_fork(flags, own.group);
    if (pid < 0 && own.group >= 0) {
        memcpy(own.cgroup_procs, launch->cgroup_procs, sizeof own.cgroup_procs);
        pid = clone_as_fork(flags, -1);
    }
    if (pid != 0) {
        if (own.empty >= 0)
            close(own.empty);
        return pid;
    }
    if (launch->place->user_namespace) {
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else the maps are not ours to write */
        map_self(uid, gid);
    }
    be_init(&own);
    _exit(127);
}
