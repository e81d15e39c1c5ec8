/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deletes and measures folders whose contents strangers wrote: pods made what is in
 * them. No symbolic link is followed, no other file system is entered, and a tree that
 * is deeper than there are descriptors is taken apart from the top.
 */
#include "cli/inside.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEEPEST 64
#define COMPLAINTS 10

struct erasing {
    int top;        /* the folder that what is too deep is moved to */
    dev_t device;   /* nothing on another one is touched */
    unsigned moved; /* what was too deep, so far */
    unsigned failed;
};

static void complain(struct erasing *erasing, const char *name, const char *why)
{
    if (erasing->failed++ < COMPLAINTS)
        cli_usage("%.200s: %s", name, why);
}

/* Its own folder becomes one that can be emptied, whatever mode a pod gave it. */
static int open_to_erase(int at, const char *name)
{
    scoped_mem char *self = NULL;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), path;

    if (fd >= 0) {
        (void)fchmod(fd, 0700);
        return fd;
    }
    path = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (path < 0)
        return -1;
    self = mem_printf("/proc/self/fd/%d", path);
    (void)chmod(self, 0700);
    close(path);
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void erase_at(struct erasing *erasing, int at, const char *name, unsigned depth);

static void erase_folder(struct erasing *erasing, int at, const char *name, unsigned depth)
{
    int fd = open_to_erase(at, name);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;

    for (struct dirent *e; list && (e = readdir(list));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            erase_at(erasing, fd, e->d_name, depth + 1);
    if (list)
        closedir(list);
    else if (fd >= 0)
        close(fd);
    if (unlinkat(at, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        complain(erasing, name, strerror(errno));
}

static void erase_at(struct erasing *erasing, int at, const char *name, unsigned depth)
{
    scoped_mem char *aside = NULL;
    struct stat st;

    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            complain(erasing, name, strerror(errno));
    } else if (!S_ISDIR(st.st_mode)) {
        if (unlinkat(at, name, 0) < 0 && errno != ENOENT)
            complain(erasing, name, strerror(errno));
    } else if (st.st_dev != erasing->device) {
        complain(erasing, name, "another file system is mounted there: unmount it");
    } else if (depth < DEEPEST) {
        erase_folder(erasing, at, name, depth);
    } else {
        aside = mem_printf(".deep-%u", erasing->moved++);
        if (renameat(at, name, erasing->top, aside) < 0)
            complain(erasing, name, strerror(errno));
    }
}

int erase_tree(const char *folder, const char *name, struct err *err)
{
    struct erasing erasing = {.top = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    struct stat st;

    if (erasing.top < 0 || fstat(erasing.top, &st) < 0) {
        if (erasing.top >= 0)
            close(erasing.top);
        return errno == ENOENT ? 0 : err_set(err, ERR_OTHER, "%.200s: %s", folder, strerror(errno));
    }
    erasing.device = st.st_dev;
    /* The top folder itself may be a file system of its own, which an administrator
       mounted there; what is in it goes all the same. */
    if (fstatat(erasing.top, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
        erasing.device = st.st_dev;
    erase_at(&erasing, erasing.top, name, 0);
    for (unsigned i = 0; i < erasing.moved; i++) {
        scoped_mem char *aside = mem_printf(".deep-%u", i);

        erase_at(&erasing, erasing.top, aside, 0);
    }
    close(erasing.top);
    return erasing.failed ? err_set(err, ERR_OTHER, "%.200s/%.100s: not everything could be "
                                    "deleted", folder, name) : 0;
}

/* ---- How much it is ------------------------------------------------------------------- */

static void measure_at(int at, const char *name, unsigned depth, struct erase_size *size)
{
    struct stat st;
    DIR *list;
    int fd;

    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    size->bytes += (uint64_t)st.st_blocks * 512;
    size->files += !S_ISDIR(st.st_mode);
    if (!S_ISDIR(st.st_mode) || depth == DEEPEST)
        return;
    fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    list = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *e; list && (e = readdir(list));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            measure_at(fd, e->d_name, depth + 1, size);
    if (list)
        closedir(list);
    else if (fd >= 0)
        close(fd);
}

struct erase_size erase_measure(const char *path)
{
    struct erase_size size = {0};

    measure_at(AT_FDCWD, path, 0, &size);
    return size;
}

void erase_write_size(struct erase_size size, char ret[48])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double bytes = (double)size.bytes;
    size_t unit = 0;

    while (bytes >= 1024 && unit < count_of(units) - 1) {
        bytes /= 1024;
        unit++;
    }
    snprintf(ret, 48, "%.*f %s, %llu files", unit ? 1 : 0, bytes, units[unit],
             (unsigned long long)size.files);
}
