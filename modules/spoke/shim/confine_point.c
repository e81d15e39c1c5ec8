/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the places of a container's root where volumes are mounted. */

#include "shim/confine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_STEPS 400
#define MOST_LINKS 40

/* An empty file system in memory, not mounted anywhere yet. */
static int new_tmpfs(void)
{
    int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), tree = -1;

    if (fs < 0)
        return -1;
    if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "mode", "0755", 0) == 0 &&
        syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", "4m", 0) == 0 &&
        syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        tree = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    close(fs);
    return tree;
}

static void show_again(int from, const char *name, int to)
{
    char link[1024];
    struct stat st;
    ssize_t len;
    int made, tree;

    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (S_ISLNK(st.st_mode)) {
        len = readlinkat(from, name, link, sizeof link - 1);
        link[len > 0 ? len : 0] = '\0';
        if (symlinkat(link, to, name) < 0)
            return;
        return;
    }
    made = S_ISDIR(st.st_mode) ? mkdirat(to, name, 0755) : mknodat(to, name, S_IFREG | 0644, 0);
    tree = made < 0 ? -1 : confine_pick_up(from, name);
    if (tree >= 0)
        confine_put_down(tree, to, name);
}

/*
 * A folder of the host in which a mount point is missing: an empty one takes
 * its place, with everything that was in it shown again, so that something
 * can be added beside without touching the host. What the workload could not
 * have listed stays hidden. Returns the new folder; closes the old one.
 */
static int replace_folder(int folder)
{
    int from = confine_pick_up(folder, ""), fresh = new_tmpfs(), to;
    struct stat st;
    DIR *list = NULL;

    to = fresh < 0 ? -1 : openat(fresh, ".", O_PATH | O_CLOEXEC);
    if (from < 0 || to < 0 || fstat(from, &st) < 0 || confine_put_down(fresh, folder, "") < 0) {
        shim_close_all((int[]){from, to, folder}, 3);
        return -1;
    }
    if (st.st_mode & S_IXOTH)
        list = fdopendir(openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (struct dirent *e; list && (e = readdir(list));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            show_again(from, e->d_name, to);
    if (list)
        closedir(list);
    shim_close_all((int[]){from, folder}, 2);
    return to;
}

struct way {
    char rest[8192]; /* what is still to be walked */
    int at;
    int links;
};

/* A user who may write to a folder could put a link there that leads anywhere; a link of
   root's is the administrator's. As another user than root we reach no more than the workload. */
static int follow_link(struct way *way, int link)
{
    char target[4096];
    struct stat st;
    size_t rest = strlen(way->rest);
    ssize_t len = readlinkat(link, "", target, sizeof target - 1);

    if (len <= 0 || fstat(link, &st) < 0 || (geteuid() == 0 && st.st_uid != 0) ||
        ++way->links > MOST_LINKS || (size_t)len + rest + 2 > sizeof way->rest) {
        errno = ELOOP;
        return -1;
    }
    target[len] = '\0';
    memmove(way->rest + len + 1, way->rest, rest + 1);
    memcpy(way->rest, target, (size_t)len);
    way->rest[len] = '/';
    if (*target == '/') {
        close(way->at);
        way->at = open("/", O_PATH | O_CLOEXEC);
    }
    return way->at < 0 ? -1 : 0;
}

static int make_in(struct way *way, const char *part, bool file)
{
    int made = file ? mknodat(way->at, part, S_IFREG | 0644, 0) : mkdirat(way->at, part, 0755);

    if (made < 0 && errno != EEXIST) {
        way->at = replace_folder(way->at);
        if (way->at < 0)
            return -1;
        made = file ? mknodat(way->at, part, S_IFREG | 0644, 0) : mkdirat(way->at, part, 0755);
    }
    return made < 0 && errno != EEXIST ? -1 : 0;
}

/* One part further. 0: made a step; -1: there is no way. */
static int take_step(struct way *way, bool make, bool file)
{
    size_t skip = strspn(way->rest, "/"), len = strcspn(way->rest + skip, "/");
    char part[256];
    struct stat st;
    bool last;
    int next;

    if (len > 255) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(part, way->rest + skip, len);
    part[len] = '\0';
    memmove(way->rest, way->rest + skip + len, strlen(way->rest + skip + len) + 1);
    last = !way->rest[strspn(way->rest, "/")];
    next = openat(way->at, part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0 && errno == ENOENT && make && make_in(way, part, file && last) == 0)
        next = openat(way->at, part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0 || fstat(next, &st) < 0)
        return -1;
    if (S_ISLNK(st.st_mode)) {
        int done = follow_link(way, next);

        close(next);
        return done;
    }
    close(way->at);
    way->at = next;
    return 0;
}

static int walk_to_point(const char *path, bool make, bool file)
{
    struct way way = {.at = open("/", O_PATH | O_CLOEXEC)};

    snprintf(way.rest, sizeof way.rest, "%s", path);
    for (int i = 0; way.at >= 0 && way.rest[strspn(way.rest, "/")]; i++)
        if (i == MOST_STEPS || take_step(&way, make, file) < 0) {
            int number = errno;

            if (way.at >= 0)
                close(way.at);
            errno = number;
            return -1;
        }
    return way.at;
}

int confine_point(const char *path, bool file)
{
    return walk_to_point(path, true, file);
}

int confine_point_open(const char *path)
{
    return walk_to_point(path, false, false);
}
