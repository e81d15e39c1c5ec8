/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacks an archive from outside in a child that can do nothing but that. */
#include "runtime/runtime.h"

#include "archive/archive.h"
#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CPU_SECONDS 10
#define PATIENCE (30 * CLOCK_SECOND)
#define MEMORY ((size_t)1 << 30)
#define ANSWER ((size_t)128 << 20)
#define NOBODY 65534
#define GOOD 'J' /* first byte of the answer: JSON follows, or an error's text */
#define BAD 'E'

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

/* ---- The child ------------------------------------------------------------------ */

static void limit_child(int what, rlim_t most)
{
    struct rlimit limit = {most, most};

    (void)setrlimit((__rlimit_resource_t)what, &limit);
}

static void limit_child_resources(void)
{
    limit_child(RLIMIT_CPU, CPU_SECONDS);
    limit_child(RLIMIT_FSIZE, ANSWER);
    limit_child(RLIMIT_CORE, 0);
    limit_child(RLIMIT_NOFILE, 3);
    limit_child(RLIMIT_NPROC, 0);
#ifndef __SANITIZE_ADDRESS__ /* whose shadow takes terabytes of addresses */
    limit_child(RLIMIT_AS, MEMORY);
#endif
}

/* From root to the user nobody, without a way back. */
static void drop_rights(void)
{
    if (geteuid() == 0) {
        (void)!syscall(SYS_setgroups, 0, NULL);
        (void)!setresgid(NOBODY, NOBODY, NOBODY);
        (void)!setresuid(NOBODY, NOBODY, NOBODY);
    }
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

#ifdef ARCH
/* Memory that is no program, the two descriptors that are there, and the end. */
static const int allowed[] = {
    SYS_read,           SYS_write,     SYS_lseek,       SYS_brk,         SYS_munmap,
    SYS_mremap,         SYS_madvise,   SYS_exit,        SYS_exit_group,  SYS_rt_sigreturn,
    SYS_rt_sigprocmask, SYS_futex,     SYS_getpid,      SYS_gettid,      SYS_tgkill,
    SYS_clock_gettime,  SYS_getrandom, SYS_sigaltstack, SYS_sched_yield,
};

static int allow_only(void)
{
    struct sock_filter code[16 + 2 * count_of(allowed)];
    struct sock_fprog program = {.filter = code};
    size_t n = 0;

#define DO(...) code[n++] = (struct sock_filter)BPF_STMT(__VA_ARGS__)
#define IF(...) code[n++] = (struct sock_filter)BPF_JUMP(__VA_ARGS__)
    DO(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    IF(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
    DO(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    DO(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < count_of(allowed); i++) {
        IF(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1);
        DO(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    IF(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0);
    IF(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3);
    DO(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]));
    IF(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0);
    DO(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    DO(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
#undef DO
#undef IF
    program.len = (unsigned short)n;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}
#else
static int allow_only(void)
{
    errno = ENOSYS;
    return -1;
}
#endif

/* Landlock: no file of any name can be opened any more. A filter of system calls
   says the same; either may be missing in a kernel. */
static int close_files(void)
{
#ifdef SYS_landlock_create_ruleset
    uint64_t every = (1u << 13) - 1; /* the rights of its first version */
    int rules = (int)syscall(SYS_landlock_create_ruleset, &every, sizeof every, 0);
    int done = rules < 0 ? -1 : (int)syscall(SYS_landlock_restrict_self, rules, 0);

    if (rules >= 0)
        close(rules);
    return done;
#else
    return -1;
#endif
}

int runtime_unpack_confine(void)
{
    int files, calls;

    drop_rights();
    files = close_files();
    limit_child_resources();
    calls = allow_only();
    return files == 0 || calls == 0 ? 0 : -1;
}

/* The archive is a file in memory, so its end is known. */
static bool read_input(struct text *ret)
{
    ssize_t got;

    do {
        text_reserve(ret, 1 << 16);
        got = read(STDIN_FILENO, ret->bytes + ret->len, 1 << 16);
        if (got > 0)
            ret->len += (size_t)got;
    } while (got > 0 || (got < 0 && errno == EINTR));
    return got == 0;
}

/* Other files of a bundle are not manifests. */
static bool is_document(const char *name)
{
    return text_ends(name, ".yaml") || text_ends(name, ".yml") || text_ends(name, ".json");
}

static struct node *read_archive(struct arena *arena, const void *bytes, size_t len,
                                 struct err *err)
{
    scoped_text struct text tar = {0};
    struct node *all = node_list(arena);
    struct archive_file *files;
    size_t count;

    if (archive_gunzip(&tar, bytes, len, archive_limits_bundle.bytes, err) < 0 ||
        archive_untar(arena, tar.bytes, tar.len, &archive_limits_bundle, &files, &count, err) < 0)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct node *found;

        if (!is_document(files[i].name))
            continue;
        found = document_read_all(arena, files[i].bytes, files[i].len, &document_limits_own, err);
        if (!found) {
            err_wrap(err, "%s", files[i].name);
            return NULL;
        }
        for (size_t k = 0; k < node_count(found); k++)
            node_add(arena, all, node_item(found, k));
    }
    return all;
}

/* Into a file in memory, which takes any amount without waiting for the parent. */
static void answer_unpacking(const struct text *text)
{
    size_t at = 0;
    ssize_t put;

    do {
        put = write(STDOUT_FILENO, text->bytes + at, text->len - at);
        if (put > 0)
            at += (size_t)put;
    } while (at < text->len && (put > 0 || (put < 0 && errno == EINTR)));
}

/* Ends without any of exit()'s tidying, whose system calls are not allowed. */
int runtime_unpack_main(void)
{
    struct arena *arena;
    struct text in = {0}, out = {0};
    struct err err = {0};
    struct node *all;

    if (runtime_unpack_confine() < 0)
        _exit(2);
    arena = arena_new();
    if (!read_input(&in))
        _exit(3);
    all = read_archive(arena, in.bytes, in.len, &err);
    text_add_char(&out, all ? GOOD : BAD);
    if (all)
        document_write_json(&out, all);
    else
        text_add(&out, err.text);
    answer_unpacking(&out);
    _exit(0);
}

/* ---- The parent ------------------------------------------------------------------- */

struct unpacking {
    struct loop *loop;
    struct loop_child *child; /* owned */
    struct loop_timer *late;  /* owned */
    int answer;               /* owned descriptor; -1 */
    runtime_unpack_fn *done;
    void *arg;
    struct text here; /* a simulated answer */
};

/* Freeing the child does not end it; the callers have seen to that. */
static void unpacking_free(struct unpacking *unpacking)
{
    loop_child_free(&unpacking->child);
    loop_timer_free(&unpacking->late);
    if (unpacking->answer >= 0)
        close(unpacking->answer);
    text_free(&unpacking->here);
    mem_free(&unpacking);
}

/* The child is killed: its work is of no use any more. */
void runtime_unpack_cancel(struct unpacking **unpacking)
{
    if (*unpacking && (*unpacking)->child)
        loop_child_signal((*unpacking)->child, SIGKILL);
    if (*unpacking)
        unpacking_free(*unpacking);
    *unpacking = NULL;
}

/* `done` may start the next one; nothing of this one is used after it but for freeing. */
static void finish_unpacking(struct unpacking *unpacking, const struct text *text,
                             const struct err *err)
{
    runtime_unpack_fn *done = unpacking->done;
    void *arg = unpacking->arg;
    struct err why = {0};

    if (!err && (!text->len || text->bytes[0] != GOOD)) {
        err_set(&why, ERR_INVALID, "%.900s",
                text->len > 1 && text->bytes[0] == BAD
                    ? text->bytes + 1
                    : "the process that unpacks it gave no result");
        err = &why;
    }
    if (err)
        done(arg, NULL, 0, err);
    else
        done(arg, text->bytes + 1, text->len - 1, NULL);
    unpacking_free(unpacking);
}

/* The child may have been killed while it wrote: its status was looked at before. */
static int read_response(int fd, struct text *ret)
{
    off_t size = lseek(fd, 0, SEEK_END);
    off_t at = 0;

    if (size < 0 || (size_t)size > ANSWER)
        return -1;
    text_reserve(ret, (size_t)size + 1);
    while (at < size) {
        ssize_t got = pread(fd, ret->bytes + at, (size_t)(size - at), at);

        if (got <= 0)
            return -1;
        at += got;
    }
    ret->len = (size_t)size;
    ret->bytes[ret->len] = '\0';
    return 0;
}

/* The kernel's signal tells which limit the archive has met. */
static void on_child(pid_t pid, int status, void *arg)
{
    struct unpacking *unpacking = arg;
    scoped_text struct text text = {0};
    struct err err = {0};

    if (WIFSIGNALED(status))
        err_set(
            &err, ERR_INVALID,
            "unpacking it was stopped by signal %d (%s): it made a forbidden system call, or used "
            "more than %d s or %zu MiB",
            WTERMSIG(status), strsignal(WTERMSIG(status)), CPU_SECONDS, MEMORY >> 20);
    else if (WEXITSTATUS(status) == 2)
        err_set(
            &err, ERR_UNSUPPORTED,
            "this kernel has neither Landlock nor seccomp, so files from outside are not unpacked "
            "here");
    else if (WEXITSTATUS(status) != 0 || read_response(unpacking->answer, &text) < 0)
        err_set(&err, ERR_INTERNAL, "unpacking it ended with status %d", WEXITSTATUS(status));
    finish_unpacking(unpacking, &text, err.code ? &err : NULL);
}

/* on_child() then reports the end. */
static void on_unpack_late(void *arg)
{
    struct unpacking *unpacking = arg;

    loop_child_signal(unpacking->child, SIGKILL);
}

/* Without a name, so it ends with its last descriptor. */
static int memory_file(const char *name, const void *bytes, size_t len, struct err *err)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    size_t at = 0;

    while (fd >= 0 && at < len) {
        ssize_t put = write(fd, (const char *)bytes + at, len - at);

        if (put <= 0) {
            close(fd);
            fd = -1;
        } else {
            at += (size_t)put;
        }
    }
    if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return err_set(err, ERR_INTERNAL, "memory for unpacking: %s", strerror(errno));
    return fd;
}

/* The environment is empty but for the sanitizer, which could not look for leaks in there. */
static int spawn_unpacker(struct unpacking *unpacking, const char *program, int in, struct err *err)
{
    static const char *const arguments[] = {"axle", "unpack", NULL};
    static const char *const nothing[] = {"ASAN_OPTIONS=detect_leaks=0", NULL};
    struct loop_spawn spawn = {
        .path = program ? program : "/proc/self/exe",
        .arguments = (char *const *)arguments,
        .environment = (char *const *)nothing,
        .directory = "/",
        .in = in,
        .out = unpacking->answer,
        .error = -1,
        .own_session = true,
        .dies_with_parent = true,
    };

    unpacking->child = loop_spawn(unpacking->loop, &spawn, on_child, unpacking, err);
    if (!unpacking->child)
        return -1;
    unpacking->late = loop_timer_new(unpacking->loop, on_unpack_late, unpacking);
    loop_timer_set(unpacking->late, PATIENCE);
    return 0;
}

static void on_here(void *arg)
{
    struct unpacking *unpacking = arg;

    finish_unpacking(unpacking, &unpacking->here, NULL);
}

/* A simulation has no children: the same work, told a moment later. */
static void unpack_here(struct unpacking *unpacking, const void *bytes, size_t len)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    struct node *all = read_archive(arena, bytes, len, &err);

    text_add_char(&unpacking->here, all ? GOOD : BAD);
    if (all)
        document_write_json(&unpacking->here, all);
    else
        text_add(&unpacking->here, err.text);
    unpacking->late = loop_timer_new(unpacking->loop, on_here, unpacking);
    loop_timer_set(unpacking->late, 0);
}

struct unpacking *runtime_unpack(struct loop *loop, const char *program, const void *bytes,
                                 size_t len, runtime_unpack_fn *done, void *arg, struct err *err)
{
    struct unpacking *unpacking = mem_alloc(sizeof *unpacking);
    int in, result;

    *unpacking = (struct unpacking){.loop = loop, .answer = -1, .done = done, .arg = arg};
    if (loop_is_simulated(loop)) {
        unpack_here(unpacking, bytes, len);
        return unpacking;
    }
    in = memory_file("archive", bytes, len, err);
    unpacking->answer = in < 0 ? -1 : memory_file("manifests", "", 0, err);
    result = unpacking->answer < 0 ? -1 : spawn_unpacker(unpacking, program, in, err);
    if (in >= 0)
        close(in);
    if (result == 0)
        return unpacking;
    unpacking_free(unpacking);
    return NULL;
}
