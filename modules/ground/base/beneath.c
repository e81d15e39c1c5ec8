/* SPDX-License-Identifier: Apache-2.0 */
/* Opens, makes and deletes what is below a folder, and nothing that only seems to be. */

#include "base/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fail_with(int fd, int number)
{
    if (fd >= 0)
        close(fd);
    errno = number;
    return -1;
}

/* ---- Opening ------------------------------------------------------------------------- */

static int enter_part(int folder, const char *name)
{
    int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return fail_with(fd, errno);
    return S_ISLNK(st.st_mode) ? fail_with(fd, ELOOP) : fd;
}

/* Copies the next part of the path; 0 at its end, -1 for one that leaves it. */
static int next_part(const char **path, char part[256])
{
    size_t len;

    *path += strspn(*path, "/");
    len = strcspn(*path, "/");
    if (len > 255) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(part, *path, len);
    part[len] = '\0';
    *path += len;
    if (!strcmp(part, "..")) {
        errno = EXDEV;
        return -1;
    }
    return len > 0;
}

static int walk_beneath(int folder, const char *path)
{
    int at = fcntl(folder, F_DUPFD_CLOEXEC, 3), next, more = 0;
    char part[256];

    while (at >= 0 && (more = next_part(&path, part)) > 0) {
        next = enter_part(at, part);
        fail_with(at, errno);
        at = next;
    }
    return more < 0 ? fail_with(at, errno) : at;
}

int beneath_open(int folder, const char *path)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int fd;

    if (*path == '/')
        return fail_with(-1, EXDEV);
    fd = (int)syscall(SYS_openat2, folder, *path ? path : ".", &how, sizeof how);
    /* An older kernel has no such call; EAGAIN: something was moved meanwhile. */
    return fd < 0 && (errno == ENOSYS || errno == EAGAIN || errno == EPERM)
               ? walk_beneath(folder, path)
               : fd;
}

int beneath_is_steady(int folder, const char *path)
{
    int at = fcntl(folder, F_DUPFD_CLOEXEC, 3), next, more = 0;
    char part[256];
    struct stat st;

    while (at >= 0 && (more = next_part(&path, part)) > 0) {
        if (fstat(at, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 022))
            return fail_with(at, EPERM);
        next = enter_part(at, part);
        fail_with(at, errno);
        at = next;
    }
    if (at < 0 || more < 0)
        return fail_with(at, errno);
    close(at);
    return 0;
}

/* ---- Making -------------------------------------------------------------------------------- */

/* What was just made still belongs to us. If it does not, another process has put something
   else in its place, which must not be given away. */
static int give_to_owner(int fd, uid_t owner)
{
    struct stat st;

    if (owner == (uid_t)-1 || geteuid() != 0 || fstat(fd, &st) < 0 || st.st_uid != 0 ||
        (!S_ISDIR(st.st_mode) && st.st_nlink != 1))
        return 0;
    /* A folder with setgid says whose group it is, and so does one made in it. */
    return fchownat(fd, "", owner, st.st_mode & S_ISGID ? (gid_t)-1 : (gid_t)owner, AT_EMPTY_PATH);
}

static int make_one(int folder, const char *name, bool file, mode_t mode, uid_t owner)
{
    int fd = enter_part(folder, name), made;

    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (file) {
        made = openat(folder, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, mode);
        if (made >= 0)
            close(made);
    } else {
        made = mkdirat(folder, name, mode);
    }
    if (made < 0 && errno != EEXIST)
        return -1;
    fd = enter_part(folder, name);
    if (fd >= 0 && made >= 0 && give_to_owner(fd, owner) < 0)
        return fail_with(fd, errno);
    return fd;
}

static bool is_last(const char *path)
{
    return !path[strspn(path, "/")];
}

int beneath_make(int folder, const char *path, bool file, mode_t mode, uid_t owner)
{
    int at = *path == '/' ? fail_with(-1, EXDEV) : fcntl(folder, F_DUPFD_CLOEXEC, 3), next;
    char part[256];
    int more = 0;

    while (at >= 0 && (more = next_part(&path, part)) > 0) {
        bool last = is_last(path);

        next = make_one(at, part, file && last, last ? mode : mode | 0111, owner);
        fail_with(at, errno);
        at = next;
    }
    return more < 0 ? fail_with(at, errno) : at;
}

int beneath_parent(int folder, const char *path, const char **ret_name)
{
    const char *name = strrchr(path, '/');
    char head[4096];

    name = name ? name + 1 : path;
    if (!*name || !strcmp(name, ".") || !strcmp(name, "..") || strlen(path) >= sizeof head)
        return fail_with(-1, EINVAL);
    memcpy(head, path, (size_t)(name - path));
    head[name - path] = '\0';
    *ret_name = name;
    return beneath_make(folder, head, false, 0755, (uid_t)-1);
}

/* ---- Deleting ------------------------------------------------------------------------------ */

/* Deeper folders are moved up, so that neither descriptors nor the stack run out. */
#define DEPTH 64
#define PASSES 1000

struct deleting {
    int top;
    unsigned moved;
    int left; /* entries that may still be deleted; below 0: no more */
};

static void move_subfolder_up(struct deleting *d, int folder, const char *name)
{
    static unsigned count;

    /* A name may stand there from a deletion that was not finished. */
    for (int i = 0; i < 1000; i++) {
        char fresh[64];

        snprintf(fresh, sizeof fresh, ".axle-deep-%d-%u", (int)getpid(), count++);
        if (renameat(folder, name, d->top, fresh) == 0) {
            d->moved++;
            return;
        }
        if (errno != EEXIST && errno != ENOTEMPTY)
            return;
    }
}

static void empty_folder(struct deleting *d, int folder, int depth)
{
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = own >= 0 ? fdopendir(own) : NULL;

    for (struct dirent *e; list && d->left >= 0 && (e = readdir(list));) {
        int inner;

        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || d->left-- < 1 ||
            unlinkat(folder, e->d_name, 0) == 0 || errno == ENOENT)
            continue;
        if (geteuid() != 0 && e->d_type == DT_DIR && fchmodat(folder, e->d_name, 0700, 0) < 0)
            continue; /* one that was closed to us stays so */
        if (depth == DEPTH) {
            move_subfolder_up(d, folder, e->d_name);
            continue;
        }
        inner = openat(folder, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner < 0)
            continue;
        empty_folder(d, inner, depth + 1);
        close(inner);
        unlinkat(folder, e->d_name, AT_REMOVEDIR);
    }
    if (list)
        closedir(list);
    else if (own >= 0)
        close(own);
}

bool beneath_delete_some(int at, const char *name, int most)
{
    struct deleting d = {-1, 0, most};

    if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
        return true;
    d.top = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (d.top < 0)
        return true; /* nothing that we could delete */
    for (int i = 0; i < PASSES && d.left >= 0; i++) {
        unsigned before = d.moved;

        empty_folder(&d, d.top, 0);
        if (d.moved == before)
            break;
    }
    close(d.top);
    unlinkat(at, name, AT_REMOVEDIR);
    return d.left >= 0;
}

void beneath_delete(int at, const char *name)
{
    beneath_delete_some(at, name, INT_MAX);
}
