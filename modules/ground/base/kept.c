/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps small files twice, with a checksum, so that damage is noticed and undone. */

#include "base/kept.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "axle-sum "
#define HEAD_BYTES (sizeof HEAD - 1 + 16 + 1) /* and the end of the line */

/* FNV-1a: against accidents, not against an attacker, who may write the folder anyway. */
static uint64_t sum_of(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t sum = 14695981039346656037ull;

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ at[i]) * 1099511628211ull;
    return sum;
}

static char *copy_path(const char *path)
{
    return mem_printf("%s.copy", path);
}

/* ---- Writing ------------------------------------------------------------------- */

static int write_aside(const char *path, const char *bytes, size_t len, unsigned mode,
                       struct err *err)
{
    scoped_mem char *fresh = mem_printf("%s.axle-new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    bool good;

    if (fd < 0)
        return err_set(err, ERR_FULL, "%s: %s", fresh, strerror(errno));
    errno = ENOSPC; /* a write that was cut short says nothing */
    good = write(fd, bytes, len) == (ssize_t)len && fchmod(fd, mode) == 0;
    if (close(fd) < 0 || !good || rename(fresh, path) < 0) {
        int number = errno;

        unlink(fresh);
        return err_set(err, ERR_FULL, "%s: %s", path, strerror(number));
    }
    return 0;
}

int kept_write(const char *path, const void *bytes, size_t len, unsigned mode, bool durable,
               struct err *err)
{
    scoped_mem char *copy = copy_path(path);
    scoped_text struct text whole = {0};

    text_addf(&whole, HEAD "%016llx\n", (unsigned long long)sum_of(bytes, len));
    text_add_bytes(&whole, bytes, len);
    if (durable)
        return file_write(copy, whole.bytes, whole.len, mode, err) < 0
                   ? -1
                   : file_write(path, bytes, len, mode, err);
    if (write_aside(copy, whole.bytes, whole.len, mode, err) < 0)
        return -1;
    return write_aside(path, bytes, len, mode, err);
}

void kept_remove(const char *path)
{
    scoped_mem char *copy = copy_path(path);

    file_remove(path);
    file_remove(copy);
}

/* ---- Reading ------------------------------------------------------------------- */

struct copies {
    char *main, *copy;         /* owned */
    size_t main_len, copy_len; /* the copy's with its head */
    uint64_t sum;
    bool has_sum;
};

/* A FIFO would be waited for, and a device has no end: such a thing is no kept file. */
static char *read_regular(const char *path, size_t limit, size_t *ret_len)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? file_read(path, limit, ret_len, NULL)
                                                       : NULL;
}

static bool is_file_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static void read_copies(const char *path, size_t limit, struct copies *ret)
{
    scoped_mem char *copy = copy_path(path);
    unsigned long long sum = 0;
    char head[HEAD_BYTES + 1] = "";

    *ret = (struct copies){0};
    ret->main = read_regular(path, limit, &ret->main_len);
    ret->copy = read_regular(copy, limit + HEAD_BYTES, &ret->copy_len);
    if (ret->copy && ret->copy_len >= HEAD_BYTES && sscanf(ret->copy, HEAD "%16llx", &sum) == 1)
        snprintf(head, sizeof head, HEAD "%016llx\n", sum);
    ret->has_sum = *head && !memcmp(head, ret->copy, HEAD_BYTES);
    ret->sum = sum;
}

static bool is_main_right(const struct copies *copies)
{
    return copies->main && copies->has_sum && sum_of(copies->main, copies->main_len) == copies->sum;
}

static bool is_copy_right(const struct copies *copies)
{
    return copies->has_sum &&
           sum_of(copies->copy + HEAD_BYTES, copies->copy_len - HEAD_BYTES) == copies->sum;
}

/* The checksum itself was hit: two that say the same are right nevertheless. */
static bool are_same(const struct copies *copies)
{
    return copies->main && copies->copy && copies->copy_len == copies->main_len + HEAD_BYTES &&
           !memcmp(copies->main, copies->copy + HEAD_BYTES, copies->main_len);
}

char *kept_read(const char *path, size_t limit, size_t *ret_len, bool *ret_damaged, struct err *err)
{
    struct copies copies;
    bool main, copy, damaged;
    char *found = NULL;

    read_copies(path, limit, &copies);
    /* A copy that is cut before its bytes says nothing against the file. */
    main = is_main_right(&copies) || are_same(&copies) ||
           (copies.main && copies.copy_len < HEAD_BYTES);
    copy = is_copy_right(&copies);
    damaged = copies.copy && !(main && copy);
    if (main) {
        found = take(copies.main);
        *ret_len = copies.main_len;
    } else if (copy) {
        *ret_len = copies.copy_len - HEAD_BYTES;
        memmove(copies.copy, copies.copy + HEAD_BYTES, *ret_len + 1);
        found = take(copies.copy);
    } else if (copies.main || copies.copy || is_file_there(path)) {
        err_set(err, ERR_INVALID, "%s and its copy are damaged", path);
    } else {
        err_set(err, ERR_NOT_FOUND, "%s is not there", path);
    }
    if (ret_damaged)
        *ret_damaged = damaged;
    mem_free(&copies.main);
    mem_free(&copies.copy);
    return found;
}
