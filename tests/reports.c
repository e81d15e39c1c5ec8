/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the sanitizers of a debug build where their reports go.
 *
 * tests/run.sh names a folder in ASAN_OPTIONS and UBSAN_OPTIONS. A shim is
 * started with an empty environment and without a standard error, so its report
 * would be lost: it takes the options of its parent, the agent. The sanitizers
 * ask before the program's first instruction and before libc's functions can be
 * used, hence the plain system calls.
 */
#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UNCHECKED __attribute__((no_sanitize("address"), no_sanitize("undefined")))

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/* `value` begins with `name`: the rest, else NULL. */
UNCHECKED static const char *skip_name(const char *value, const char *name)
{
    while (*name)
        if (*value++ != *name++)
            return NULL;
    return value;
}

/* "/proc/PID/environ" of the parent. */
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

/* The value of `name` (with its "=") in the parent's environment, or "". */
UNCHECKED static const char *parents_value(const char *name, char *room, size_t size)
{
    char path[40];
    long fd, got, at = 0, len = 0;
    const char *value;

    write_path(path, syscall(SYS_getppid));
    fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return "";
    while (len < (long)size - 1 &&
           (got = syscall(SYS_read, fd, room + len, size - 1 - (size_t)len)) > 0)
        len += got;
    syscall(SYS_close, fd);
    room[len] = '\0';
    while (at < len) {
        value = skip_name(room + at, name);
        if (value)
            return value;
        while (at < len && room[at])
            at++;
        at++;
    }
    return "";
}

UNCHECKED const char *__asan_default_options(void)
{
    static char room[16384];

    return parents_value("ASAN_OPTIONS=", room, sizeof room);
}

UNCHECKED const char *__ubsan_default_options(void)
{
    static char room[16384];

    return parents_value("UBSAN_OPTIONS=", room, sizeof room);
}
