/* SPDX-License-Identifier: Apache-2.0 */
/* Filters the system calls of a pod: what the table does not allow is refused. */

#include "shim/launch.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* Since 5.0 a new call has one number everywhere, whatever our headers know. */
#define SINCE_5 424
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
#define LAST_KNOWN 462

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#define LAST_OLD 335
#ifndef SYS_uretprobe
#define SYS_uretprobe 335
#endif
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#define LAST_OLD 294
#endif

#ifdef OUR_ARCH

static const int allowed[] = {
#define ALLOW(name) SYS_##name,
#if defined(__x86_64__)
#define OLD(name) SYS_##name,
#else
#define OLD(name)
#endif
#include "shim/syscalls.def"
#undef ALLOW
#undef OLD
};

#define MOST_CODE 1200
struct program {
    struct sock_filter code[MOST_CODE];
    size_t len;
};

static void add_filter_step(struct program *p, uint16_t op, uint32_t value)
{
    p->code[p->len++] = (struct sock_filter)BPF_STMT(op, value);
}

static void add_branch(struct program *p, uint16_t op, uint32_t value, uint8_t yes, uint8_t no)
{
    p->code[p->len++] =
        (struct sock_filter)BPF_JUMP((uint16_t)(BPF_JMP | op | BPF_K), value, yes, no);
}

#define REFUSE(number) (SECCOMP_RET_ERRNO | (number))

static void add_answer(struct program *p, uint32_t how)
{
    add_filter_step(p, BPF_RET | BPF_K, how);
}

static void load_filter(struct program *p, size_t offset)
{
    add_filter_step(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

/* The kernel takes 32 bits of these arguments, so no more are looked at. */
static void load_argument(struct program *p, int number)
{
    load_filter(p, offsetof(struct seccomp_data, args) + sizeof(uint64_t) * (size_t)number);
}

/* ---- Calls that are allowed for some arguments ------------------------------------------- */

#define CLONE_NEW_ANY 0x7E020000u /* all CLONE_NEW* that clone() knows */

static void judge_clone(struct program *p)
{
    add_branch(p, BPF_JEQ, SYS_clone, 0, 4);
    load_argument(p, 0);
    add_branch(p, BPF_JSET, CLONE_NEW_ANY, 0, 1);
    add_answer(p, REFUSE(EPERM));
    add_answer(p, SECCOMP_RET_ALLOW);
}

/* No AF_VSOCK (the host of a virtual machine), AF_ALG, AF_PACKET, AF_BLUETOOTH, … ; of
   netlink only routes and device events, which the C library and udev read. */
static void judge_sockets(struct program *p)
{
    add_branch(p, BPF_JEQ, SYS_socketpair, 0, 4);
    load_argument(p, 0);
    add_branch(p, BPF_JEQ, AF_UNIX, 0, 1);
    add_answer(p, SECCOMP_RET_ALLOW);
    add_answer(p, REFUSE(EAFNOSUPPORT));
    add_branch(p, BPF_JEQ, SYS_socket, 0, 11);
    load_argument(p, 0);
    add_branch(p, BPF_JEQ, AF_UNIX, 2, 0);
    add_branch(p, BPF_JEQ, AF_INET, 1, 0);
    add_branch(p, BPF_JEQ, AF_INET6, 0, 1);
    add_answer(p, SECCOMP_RET_ALLOW);
    add_branch(p, BPF_JEQ, AF_NETLINK, 0, 4);
    load_argument(p, 2);
    add_branch(p, BPF_JEQ, 0 /* NETLINK_ROUTE */, 1, 0);
    add_branch(p, BPF_JEQ, 15 /* NETLINK_KOBJECT_UEVENT */, 0, 1);
    add_answer(p, SECCOMP_RET_ALLOW);
    add_answer(p, REFUSE(EAFNOSUPPORT));
}

/* TIOCSTI and TIOCLINUX type into terminals of others. */
static void judge_ioctl(struct program *p)
{
    add_branch(p, BPF_JEQ, SYS_ioctl, 0, 5);
    load_argument(p, 1);
    add_branch(p, BPF_JEQ, TIOCSTI, 1, 0);
    add_branch(p, BPF_JEQ, TIOCLINUX, 0, 1);
    add_answer(p, REFUSE(EPERM));
    add_answer(p, SECCOMP_RET_ALLOW);
}

/* What it is; Linux, also in 32 bits and as 2.6, and without randomised addresses. */
static void judge_personality(struct program *p)
{
    static const uint32_t kinds[] = {0xffffffffu, 0, 0x8, 0x20000, 0x20008, 0x40000};

    add_branch(p, BPF_JEQ, SYS_personality, 0, 2 + 2 * (uint8_t)(sizeof kinds / sizeof *kinds));
    load_argument(p, 0);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        add_branch(p, BPF_JEQ, kinds[i], 0, 1);
        add_answer(p, SECCOMP_RET_ALLOW);
    }
    add_answer(p, REFUSE(EPERM));
}

/* ---- The whole ------------------------------------------------------------------------------ */

static int compare_calls(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Neighbouring numbers are one comparison. */
static void allow_ranges(struct program *p)
{
    int sorted[sizeof allowed / sizeof *allowed];
    size_t count = sizeof allowed / sizeof *allowed;

    for (size_t i = 0; i < count; i++)
        sorted[i] = allowed[i];
    qsort(sorted, count, sizeof *sorted, compare_calls);
    for (size_t i = 0; i < count;) {
        size_t last = i;

        while (last + 1 < count && sorted[last + 1] <= sorted[last] + 1)
            last++;
        add_branch(p, BPF_JGE, (uint32_t)sorted[i], 0, 2);
        add_branch(p, BPF_JGT, (uint32_t)sorted[last], 1, 0);
        add_answer(p, SECCOMP_RET_ALLOW);
        i = last + 1;
    }
}

static void refuse_with(struct program *p, int call, int number)
{
    add_branch(p, BPF_JEQ, (uint32_t)call, 0, 1);
    add_answer(p, REFUSE((uint32_t)number));
}

static void write_program(struct program *p)
{
    load_filter(p, offsetof(struct seccomp_data, arch));
    add_branch(p, BPF_JEQ, OUR_ARCH, 1, 0);
    add_answer(p, REFUSE(ENOSYS));
    load_filter(p, offsetof(struct seccomp_data, nr));
    /* Beyond what we know, x32's second set of numbers among it. */
    add_branch(p, BPF_JGT, LAST_KNOWN, 0, 1);
    add_answer(p, REFUSE(ENOSYS));
    add_branch(p, BPF_JGT, LAST_OLD, 0, 2);
    add_branch(p, BPF_JGE, SINCE_5, 1, 0);
    add_answer(p, REFUSE(ENOSYS));
    refuse_with(p, SYS_clone3, ENOSYS);
    for (int call = 425; call <= 427; call++) /* io_uring_* */
        refuse_with(p, call, ENOSYS);
    judge_clone(p);
    judge_sockets(p);
    judge_ioctl(p);
    judge_personality(p);
    allow_ranges(p);
    add_answer(p, REFUSE(EPERM));
}

int syscalls_filter(void)
{
    static struct program program;
    struct sock_fprog whole = {.filter = program.code};

    program.len = 0;
    write_program(&program);
    whole.len = (unsigned short)program.len;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole, 0, 0) == 0)
        return 0;
    /* A kernel without seccomp; the spoke's facts say so. */
    return errno == EINVAL && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 ? 0 : -1;
}

#else

int syscalls_filter(void)
{
    return 0; /* an unknown architecture; the spoke's facts say so */
}

#endif
