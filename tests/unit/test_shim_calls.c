/* SPDX-License-Identifier: Apache-2.0 */
/* The filter of system calls: each number, and the arguments that it looks at. */
#include "shim/launch.h"

#include "base/mem.h"
#include "unit/check.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

#define NUMBERS 600

/* Newer calls than the C library's headers may know. */
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef SYS_process_mrelease
#define SYS_process_mrelease 448
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_map_shadow_stack
#define SYS_map_shadow_stack 453
#endif
#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#define SYS_futex_wait 455
#define SYS_futex_requeue 456
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef SYS_uretprobe
#define SYS_uretprobe 335
#endif

static const int allowed[] = {
#define ALLOW(name) SYS_##name,
#define OLD(name) SYS_##name,
#include "shim/syscalls.def"
#undef ALLOW
#undef OLD
};

/* They would end or stop this program, take long or leave a queue behind, whatever their
   arguments are. The kernel itself lets 335 and 336 pass, which its probes make. */
static const int not_tried[] = {SYS_exit, SYS_exit_group, SYS_pause, SYS_rt_sigreturn,
                                SYS_fork, SYS_vfork,      SYS_sync,  SYS_uretprobe,
                                336,      SYS_msgget};

static bool is_among(int number, const int *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == number)
            return true;
    return false;
}

static bool is_allowed(int number)
{
    return is_among(number, allowed, count_of(allowed));
}

/* What a call with arguments that nothing can be done with ends with: errno, or 0. */
static int try_number(int number)
{
    return syscall(number, -1L, -1L, -1L, -1L, -1L, -1L) < 0 ? errno : 0;
}

/* Each in a process of its own, because some change what others do. */
static int try_alone(int number, bool filtered)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        setsid();
        if (filtered && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscalls_filter() < 0))
            syscall(SYS_exit_group, 250);
        syscall(SYS_exit_group, try_number(number));
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Numbers of 5.0 and later are the same on all machines; 335 to 423 are none. */
static int refusal_of(int number)
{
    bool unknown = number > 462 || (number > 335 && number < 424);

    return unknown || number == SYS_clone3 || (number >= 425 && number <= 427) ? ENOSYS : EPERM;
}

static void test_numbers(void)
{
    int wrong = 0, tried = 0;

    for (int number = 0; number < NUMBERS; number++) {
        int want, got;

        if (is_among(number, not_tried, count_of(not_tried)))
            continue;
        if (number == SYS_clone || number == SYS_socket || number == SYS_socketpair ||
            number == SYS_ioctl || number == SYS_personality)
            continue; /* by their arguments, below */
        want = is_allowed(number) ? try_alone(number, false) : refusal_of(number);
        got = try_alone(number, true);
        tried++;
        if (got == want)
            continue;
        wrong++;
        CHECK_INT(got, want, "call number %d%s", number, is_allowed(number) ? ", allowed" : "");
    }
    CHECK(tried > 500 && !wrong, "each of %d calls is let through or refused as the table says",
          tried);
    CHECK_INT(try_alone(0x40000000 | SYS_getpid, true), ENOSYS, "x32's numbers are unknown");
}

#define UNTOUCHED (-1)

static const struct {
    const char *name;
    long number, first, second, third;
    int want;
} calls[] = {
    {"a process", SYS_clone, SIGCHLD, 0, 0, 0},
    {"a mount namespace", SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, EPERM},
    {"a control group namespace", SYS_clone, CLONE_NEWCGROUP | SIGCHLD, 0, 0, EPERM},
    {"a host name's", SYS_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, EPERM},
    {"an ipc namespace", SYS_clone, CLONE_NEWIPC | SIGCHLD, 0, 0, EPERM},
    {"a user namespace", SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, EPERM},
    {"a pid namespace", SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, EPERM},
    {"a network namespace", SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, EPERM},
    {"a pair of unix sockets", SYS_socketpair, AF_UNIX, 99, 0, UNTOUCHED},
    {"a pair of others", SYS_socketpair, AF_INET, SOCK_STREAM, 0, EAFNOSUPPORT},
    {"a unix socket", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0},
    {"one of IPv4", SYS_socket, AF_INET, SOCK_STREAM, 0, 0},
    {"one of IPv6", SYS_socket, AF_INET6, 99, 0, UNTOUCHED},
    {"the kernel's routes", SYS_socket, AF_NETLINK, SOCK_RAW, 0, 0},
    {"its device events", SYS_socket, AF_NETLINK, SOCK_RAW, 15, 0},
    {"its list of sockets", SYS_socket, AF_NETLINK, SOCK_RAW, 4, EAFNOSUPPORT},
    {"an unused protocol", SYS_socket, AF_NETLINK, SOCK_RAW, 1, EAFNOSUPPORT},
    {"SCSI transports", SYS_socket, AF_NETLINK, SOCK_RAW, 14, EAFNOSUPPORT},
    {"generic netlink", SYS_socket, AF_NETLINK, SOCK_RAW, 16, EAFNOSUPPORT},
    {"frames of the network", SYS_socket, AF_PACKET, SOCK_RAW, 0, EAFNOSUPPORT},
    {"the machine below", SYS_socket, 40, SOCK_STREAM, 0, EAFNOSUPPORT},
    {"cryptography of the kernel", SYS_socket, AF_ALG, SOCK_SEQPACKET, 0, EAFNOSUPPORT},
    {"no family", SYS_socket, 0, SOCK_STREAM, 0, EAFNOSUPPORT},
    {"the family after unix", SYS_socket, 3, SOCK_STREAM, 0, EAFNOSUPPORT},
    {"the one after IPv6", SYS_socket, 11, SOCK_STREAM, 0, EAFNOSUPPORT},
    {"a terminal's size", SYS_ioctl, -1, TIOCGWINSZ, 0, EBADF},
    {"typing into a terminal", SYS_ioctl, -1, TIOCSTI, 0, EPERM},
    {"pasting into the console", SYS_ioctl, -1, TIOCLINUX, 0, EPERM},
    {"what comes before that", SYS_ioctl, -1, TIOCLINUX - 1, 0, EBADF},
    {"what kind of machine", SYS_personality, 0xffffffff, 0, 0, 0},
    {"Linux", SYS_personality, 0, 0, 0, 0},
    {"of 32 bits", SYS_personality, 8, 0, 0, 0},
    {"as 2.6", SYS_personality, 0x20000, 0, 0, 0},
    {"both", SYS_personality, 0x20008, 0, 0, 0},
    {"without randomised addresses", SYS_personality, 0x40000, 0, 0, 0},
    {"another system", SYS_personality, 1, 0, 0, EPERM},
    {"another one of 32 bits", SYS_personality, 9, 0, 0, EPERM},
    {"readable code", SYS_personality, 0x400000, 0, 0, EPERM},
    {"a page at zero", SYS_personality, 0x100000, 0, 0, EPERM},
};

static int try_call(size_t i, bool filtered)
{
    int status = 0, pair[2];
    long result;
    pid_t pid = fork();

    if (pid == 0) {
        if (filtered && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscalls_filter() < 0))
            syscall(SYS_exit_group, 250);
        result = syscall(calls[i].number, calls[i].first, calls[i].second, calls[i].third,
                         calls[i].number == SYS_socketpair ? (long)pair : 0L, 0L, 0L);
        syscall(SYS_exit_group, result < 0 ? errno : 0);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void test_arguments(void)
{
    for (size_t i = 0; i < count_of(calls); i++)
        CHECK_INT(try_call(i, true),
                  calls[i].want == UNTOUCHED ? try_call(i, false) : calls[i].want, "%s",
                  calls[i].name);
}

int main(void)
{
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
        CHECK_SKIP("this kernel filters no system calls");
        return check_done();
    }
    test_numbers();
    test_arguments();
    return check_done();
}

#else

int main(void)
{
    CHECK_SKIP("the numbers are those of another architecture");
    return check_done();
}

#endif
