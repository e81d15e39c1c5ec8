/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deletes and measures folders. Pods wrote the content, so it is not trusted: no symbolic
 * link is followed, no mount inside is entered, and a tree that is deeper than the limit
 * of open descriptors is deleted in several rounds.
 */
#include "cli/internal.h"
#include "cli/uninstall.h"

#include "base/file.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEEPEST 64
#define COMPLAINTS 10

static void close_opened(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define scoped_opened SCOPED(close_opened)

struct erasing {
    int top;        /* the folder to delete; folders that are too deep are moved here */
    long mount;     /* the mount of `top`; other mounts are not entered */
    unsigned moved; /* how many folders were moved up so far */
    unsigned failed;
};

static void add_erase_failure(struct erasing *erasing, int at, const char *name, int why)
{
    scoped_mem char *self = mem_printf("/proc/self/fd/%d", at);
    char folder[4096];
    ssize_t len = readlink(self, folder, sizeof folder - 1);

    folder[len > 0 ? len : 0] = '\0';
    if (erasing->failed++ < COMPLAINTS)
        cli_usage("%.3000s%s%.300s: %s", folder, len > 0 ? "/" : "", name,
                  why == EXDEV || why == EBUSY
                      ? "something is mounted there, which is not touched: "
                        "unmount it"
                      : strerror(why));
}

/*
 * The ID of the mount of a descriptor; -1: not known. The device number does not do: a
 * bind mount has the device of its source.
 */
static long mount_id_of(int fd)
{
    scoped_mem char *path = mem_printf("/proc/self/fdinfo/%d", fd);
    scoped_mem char *text = file_read(path, 4096, NULL, NULL);
    const char *line = text ? strstr(text, "mnt_id:") : NULL;

    return line ? strtol(line + strlen("mnt_id:"), NULL, 10) : -1;
}

/*
 * Opens a folder and makes it writable, for a pod may have removed the permissions.
 * Returns -1 and sets errno.
 */
static int open_to_erase(struct erasing *erasing, int at, const char *name)
{
    scoped_opened int path = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    scoped_mem char *self = mem_printf("/proc/self/fd/%d", path);
    long mount = path >= 0 ? mount_id_of(path) : -1;

    if (path < 0)
        return -1;
    if (!erasing->mount)
        erasing->mount = mount;
    if (mount < 0 || mount != erasing->mount) {
        errno = mount < 0 ? ENOSYS : EXDEV;
        return -1;
    }
    (void)chmod(self, 0700);
    return openat(path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void erase_at(struct erasing *erasing, int at, const char *name, unsigned depth);

static void erase_contents(struct erasing *erasing, int folder, unsigned depth)
{
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = own >= 0 ? fdopendir(own) : NULL;

    for (struct dirent *e; list && (e = readdir(list));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            erase_at(erasing, folder, e->d_name, depth);
    if (list)
        closedir(list);
    else if (own >= 0)
        close(own);
}

/* Moves a folder into the top folder under a free name, to reduce the depth. */
static void move_to_top(struct erasing *erasing, int at, const char *name)
{
    for (;;) {
        scoped_mem char *aside = mem_printf(".deep-%u", erasing->moved++);

        if (renameat(at, name, erasing->top, aside) == 0)
            return;
        if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
            continue;
        add_erase_failure(erasing, at, name, errno);
        return;
    }
}

static void erase_at(struct erasing *erasing, int at, const char *name, unsigned depth)
{
    scoped_opened int fd = -1;
    struct stat st;

    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            add_erase_failure(erasing, at, name, errno);
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        if (unlinkat(at, name, 0) < 0 && errno != ENOENT)
            add_erase_failure(erasing, at, name, errno);
        return;
    }
    fd = open_to_erase(erasing, at, name);
    if (fd < 0) {
        if (errno != ENOENT)
            add_erase_failure(erasing, at, name, errno);
        return;
    }
    if (depth == DEEPEST) {
        move_to_top(erasing, at, name);
        return;
    }
    erase_contents(erasing, fd, depth + 1);
    if (unlinkat(at, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        add_erase_failure(erasing, at, name, errno);
}

/*
 * The top folder may itself be a mount point; its content is deleted all the same. Each
 * round deletes the folders that the round before has moved up.
 */
static void erase_top(struct erasing *erasing, int parent, const char *name)
{
    unsigned before;

    do {
        before = erasing->moved;
        erase_contents(erasing, erasing->top, 0);
    } while (erasing->moved != before);
    if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        add_erase_failure(erasing, parent, name, errno);
}

int erase_tree(const char *folder, const char *name, struct err *err)
{
    scoped_opened int parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    scoped_opened int top = -1;
    struct erasing erasing = {0};

    if (parent < 0)
        return errno == ENOENT ? 0 : err_set(err, ERR_OTHER, "%.200s: %s", folder, strerror(errno));
    top = erasing.top = open_to_erase(&erasing, parent, name);
    if (top >= 0)
        erase_top(&erasing, parent, name);
    else if (errno == ENOTDIR || errno == ELOOP)
        erase_at(&erasing, parent, name, 0);
    else if (errno != ENOENT)
        add_erase_failure(&erasing, parent, name, errno);
    return erasing.failed ? err_set(err, ERR_OTHER,
                                    "%.200s/%.100s: not everything could be "
                                    "deleted",
                                    folder, name)
                          : 0;
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
