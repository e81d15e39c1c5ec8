/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes small files whole and durably. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text.h"

static void close_descriptor(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define scoped_fd SCOPED(close_descriptor)

static int fail_file(struct err *err, const char *what, const char *path)
{
    enum err_code code = errno == ENOENT                                       ? ERR_NOT_FOUND
                         : errno == ENOSPC || errno == EDQUOT                  ? ERR_FULL
                         : errno == EACCES || errno == EPERM || errno == EROFS ? ERR_FORBIDDEN
                         : errno == EIO                                        ? ERR_UNREACHABLE
                                                                               : ERR_INTERNAL;

    return err_set(err, code, "cannot %s %s: %s", what, path, strerror(errno));
}

#define WRITER_WAIT (10 * 1000)

/* Opened so that a FIFO without a writer holds nothing up; whatever else it is, a terminal
   for one, is waited for as usual. */
static int open_to_read(const char *path, bool *ret_fifo)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    *ret_fifo = fd >= 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
    if (fd >= 0 && !*ret_fifo)
        (void)fcntl(fd, F_SETFL, O_RDONLY);
    return fd;
}

static int wait_for_writer(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    if (poll(&ready, 1, WRITER_WAIT) != 0)
        return 0;
    errno = ETIMEDOUT;
    return -1;
}

char *file_read(const char *path, size_t limit, size_t *ret_len, struct err *err)
{
    bool fifo;
    scoped_fd int fd = open_to_read(path, &fifo);
    scoped_text struct text bytes = {0};

    if (fd < 0) {
        fail_file(err, "open", path);
        return NULL;
    }
    for (;;) {
        ssize_t got =
            fifo && wait_for_writer(fd) < 0 ? -1 : read(fd, text_reserve(&bytes, 4096), 4096);

        if (got < 0 && (errno == EINTR || (fifo && errno == EAGAIN)))
            continue;
        if (got < 0) {
            fail_file(err, "read", path);
            return NULL;
        }
        if (got == 0)
            break;
        bytes.len += (size_t)got;
        bytes.bytes[bytes.len] = '\0';
        if (bytes.len > limit) {
            err_set(err, ERR_TOO_LARGE, "%s has more than %zu bytes", path, limit);
            return NULL;
        }
    }
    if (ret_len)
        *ret_len = bytes.len;
    return text_take(&bytes);
}

static int write_whole(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t done = write(fd, bytes, len);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        bytes += done;
        len -= (size_t)done;
    }
    return fsync(fd);
}

/* The new name itself must be on disk too. */
static void sync_folder_of(const char *path)
{
    scoped_mem char *folder = mem_copy_string(path);
    char *slash = strrchr(folder, '/');
    scoped_fd int fd = -1;

    if (slash == folder)
        slash++;
    if (slash)
        *slash = '\0';
    fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        fsync(fd);
}

int file_write(const char *path, const void *bytes, size_t len, unsigned mode, struct err *err)
{
    scoped_mem char *aside = mem_printf("%s.new", path);
    scoped_fd int fd = -1;

    unlink(aside);
    fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd < 0)
        return fail_file(err, "create", aside);
    if (write_whole(fd, bytes, len) < 0) {
        fail_file(err, "write", aside);
        unlink(aside);
        return -1;
    }
    if (rename(aside, path) < 0) {
        fail_file(err, "rename to", path);
        unlink(aside);
        return -1;
    }
    sync_folder_of(path);
    return 0;
}

int file_make_folder(const char *path, struct err *err)
{
    scoped_mem char *copy = mem_copy_string(path);

    for (char *at = copy + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            return fail_file(err, "make folder", copy);
        *at = '/';
    }
    if (mkdir(copy, 0700) < 0 && errno != EEXIST)
        return fail_file(err, "make folder", copy);
    return 0;
}

int file_let_pass(const char *folder, struct err *err)
{
    struct stat st;

    if (stat(folder, &st) < 0)
        return fail_file(err, "look at", folder);
    if (st.st_uid != geteuid() || (st.st_mode & 0011) == 0011)
        return 0;
    if (chmod(folder, (st.st_mode & 07777) | 0011) < 0)
        return fail_file(err, "open the way through", folder);
    return 0;
}

char *file_barrier(const char *path)
{
    char *whole = realpath(path, NULL);
    char *slash = whole;
    struct stat st;

    while (slash && (slash = strchr(slash + 1, '/'))) {
        *slash = '\0';
        if (stat(whole, &st) == 0 && !(st.st_mode & 0001))
            return whole;
        *slash = '/';
    }
    if (whole && stat(whole, &st) == 0 && !(st.st_mode & 0001))
        return whole;
    mem_free(&whole);
    return NULL;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

int file_move(const char *from, const char *to, struct err *err)
{
    scoped_mem char *folder = mem_copy_string(to);
    char *slash = strrchr(folder, '/');
    scoped_fd int fd = -1;

    if (rename(from, to) < 0)
        return fail_file(err, "move", from);
    if (slash)
        *slash = '\0';
    fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) < 0 ? fail_file(err, "sync", folder) : 0;
}

void file_remove(const char *path)
{
    unlink(path);
}

size_t file_raise_limit(size_t most)
{
    struct rlimit limit;
    rlim_t wanted;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return most;
    wanted = limit.rlim_max < most ? limit.rlim_max : most;
    if (limit.rlim_cur < wanted) {
        struct rlimit raised = {wanted, limit.rlim_max};

        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    return limit.rlim_cur < most ? (size_t)limit.rlim_cur : most;
}

/* ---- The disk below --------------------------------------------------------- */

bool file_room(const char *path, struct file_room *ret)
{
    struct statvfs disk;

    if (statvfs(path, &disk) < 0)
        return false;
    ret->free = (uint64_t)(geteuid() == 0 ? disk.f_bfree : disk.f_bavail) * disk.f_frsize;
    ret->all = (uint64_t)disk.f_blocks * disk.f_frsize;
    ret->read_only = disk.f_flag & ST_RDONLY;
    ret->no_names = disk.f_files && !disk.f_ffree;
    return true;
}

bool file_can_write(const char *path, size_t bytes)
{
    scoped_mem char *zeros = mem_alloc(bytes);
    scoped_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && write_whole(fd, zeros, bytes) == 0;

    unlink(path);
    return good;
}

/* A process that was killed may have left a child that is about to execute something else,
   and has the lock until then. */
static int lock_soon(int fd)
{
    for (int i = 0; i < 100; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
            return 0; /* or there are no locks here, and it goes without */
        usleep(10000);
    }
    return -1;
}

int file_lock_folder(const char *path, struct err *err)
{
    scoped_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int held;

    if (fd < 0)
        return -1;
    if (lock_soon(fd) < 0)
        return err_set(err, ERR_CONFLICT,
                       "%s is in use by another process: stop that one, or give "
                       "this one a --data-dir of its own",
                       path);
    held = fd;
    fd = -1;
    return held;
}
