/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the sanitizers of a debug build where their reports go.
 *
 * tests/run.sh names a folder in ASAN_OPTIONS. A shim is started with an empty
 * environment and without a standard error, so its report would be lost: it takes
 * the options of its parent, the agent. AddressSanitizer asks before the program's
 * first instruction and before libc's functions can be used, hence the plain system
 * calls. UndefinedBehaviorSanitizer writes to the standard error only (beside the
 * other, gcc's ignores log_path), and says where it is about to: that is written
 * down in the folder as well.
 *
 * LeakSanitizer looks when a program ends by exit(). A shim ends by _exit(), which
 * is therefore another one here: it looks for what a shim has lost before.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UNCHECKED __attribute__((no_sanitize("address"), no_sanitize("undefined")))

const char *__asan_default_options(void);
int __lsan_do_recoverable_leak_check(void);
void __ubsan_on_report(void);
void __ubsan_get_current_report_data(const char **ret_kind, const char **ret_message,
                                     const char **ret_file, unsigned *ret_line,
                                     unsigned *ret_column, char **ret_address);

/* `value` begins with `name`: the rest, else NULL. */
UNCHECKED static const char *skip_name(const char *value, const char *name)
{
    while (*name)
        if (*value++ != *name++)
            return NULL;
    return value;
}

/* "/proc/PID/environ" */
UNCHECKED static void write_path(char *path, long pid)
{
    const char *head = "/proc/", *tail = "/environ";
    char digits[20];
    size_t count = 0;

    while (*head)
        *path++ = *head++;
    do
        digits[count++] = (char)('0' + pid % 10);
    while ((pid /= 10) > 0);
    while (count > 0)
        *path++ = digits[--count];
    do
        *path++ = *tail;
    while (*tail++);
}

/* Moves the value of `name` (with its "=") in a process's environment to the start of
   `room`, and gives that back; "" if it has none. */
UNCHECKED static const char *value_of(long pid, const char *name, char *room, size_t size)
{
    long fd, got, at = 0, len = 0, to = 0;
    char path[40];
    const char *value = NULL;

    write_path(path, pid);
    fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && len < (long)size - 1 &&
           (got = syscall(SYS_read, fd, room + len, size - 1 - (size_t)len)) > 0)
        len += got;
    if (fd >= 0)
        syscall(SYS_close, fd);
    room[len] = '\0';
    while (at < len && !(value = skip_name(room + at, name))) {
        while (at < len && room[at])
            at++;
        at++;
    }
    while (value && *value)
        room[to++] = *value++;
    room[to] = '\0';
    return room;
}

static char options[16384]; /* of this process or its parent, cut at a page's worth */

UNCHECKED const char *__asan_default_options(void)
{
    if (!*value_of(syscall(SYS_getpid), "ASAN_OPTIONS=", options, sizeof options))
        value_of(syscall(SYS_getppid), "ASAN_OPTIONS=", options, sizeof options);
    return options;
}

/* "log_path=PATH:…" of the options: where the report of this process goes. */
static bool name_report(char *path, size_t size)
{
    const char *at = strstr(options, "log_path=");

    if (!at)
        return false;
    at += strlen("log_path=");
    snprintf(path, size, "%.*s.ubsan.%d", (int)strcspn(at, ":"), at, getpid());
    return true;
}

void __ubsan_on_report(void)
{
    const char *kind = "", *message = "", *file = "";
    char *address = NULL, path[4096];
    unsigned line = 0, column = 0;
    FILE *report;

    __ubsan_get_current_report_data(&kind, &message, &file, &line, &column, &address);
    report = name_report(path, sizeof path) ? fopen(path, "ae") : NULL;
    if (!report)
        return;
    fprintf(report, "%s:%u:%u: runtime error: %s (%s)\n", file, line, column, message, kind);
    fclose(report);
}

static pid_t shim_pid; /* 0: this program was not started as a shim */

__attribute__((constructor)) static void notice_shim(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "shim"))
        shim_pid = getpid();
}

/* Not the inits, probes and hooks, which are forks of it: what they lost is the shim's. */
static bool is_shim(void)
{
    char name[16] = "";

    return getpid() == shim_pid && prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "axle-shim");
}

/* LeakSanitizer stops the program's threads by ptrace(2), which a shim has forbidden to
   others of its user. Other programs may be confined here, and make no further call. */
void _exit(int status)
{
    if (shim_pid && is_shim()) {
        prctl(PR_SET_DUMPABLE, 1);
        __lsan_do_recoverable_leak_check();
    }
    for (;;)
        syscall(SYS_exit_group, status);
}
