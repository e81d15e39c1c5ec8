/* SPDX-License-Identifier: Apache-2.0 */
/* Gives what is in a pod's claims to its fsGroup. */

#include "shim/shim.h"

#include "base/text.h"
#include "document/document.h"
#include "number/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each level costs a descriptor; a tree that is deeper was made to hurt. */
#define DEPTH_MOST 200

static void close_gift_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define scoped_fd SCOPED(close_gift_fd)

bool shim_is_claim(const struct node *volume)
{
    return !strcmp(node_get_text(volume, "type"), "claim");
}

bool shim_writes_volume(const struct node *spec, const char *volume)
{
    const struct node *containers = node_get(spec, "containers");

    for (size_t i = 0; i < node_count(containers); i++) {
        const struct node *mounts = node_get(node_item(containers, i), "mounts");

        for (size_t j = 0; j < node_count(mounts); j++)
            if (!strcmp(node_get_text(node_item(mounts, j), "volume"), volume) &&
                !node_get_bool(node_item(mounts, j), "readOnly", false))
                return true;
    }
    return false;
}

/* Where the walk is. Every entry is opened once, without following a link, and all is done
   to what was opened: pods may exchange what is here at any moment. */
struct walk {
    struct shim_gift *gift;
    uint64_t mount;
    int depth;
    int path[DEPTH_MOST + 1];    /* lengths of `where` above each level */
    char where[SHIM_GIFT_WHERE]; /* of the entry, below the claim; cut when it is too long */
};

static void note_gift_failure(struct walk *walk, int number)
{
    struct shim_gift *gift = walk->gift;

    if (gift->failed++)
        return;
    gift->error = number;
    snprintf(gift->first, sizeof gift->first, "%s", *walk->where ? walk->where : ".");
}

/* What is mounted inside a claim is not the claim's; a bind mount has the same device. */
static uint64_t mount_id_of(int fd)
{
    struct statx stx;

    if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &stx) < 0)
        return 0;
    return stx.stx_mask & STATX_MNT_ID ? stx.stx_mnt_id
                                       : (uint64_t)stx.stx_dev_major << 32 | stx.stx_dev_minor;
}

/* fchmod() wants a descriptor that can be read or written; opening one would wait for a
   FIFO's other end and break leases. */
static int change_mode(int fd, mode_t mode)
{
    char path[40];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return chmod(path, mode);
}

/* A set-user-ID program in a claim is no more one for the group than it was before. */
static int give_one(const struct shim_gift *gift, int fd, const struct stat *st)
{
    mode_t mode = (st->st_mode & 01777) | (S_ISDIR(st->st_mode) ? SHIM_CLAIM_MODE : 0660);

    if (st->st_gid != gift->group && fchownat(fd, "", (uid_t)-1, gift->group, AT_EMPTY_PATH) < 0)
        return -1;
    return S_ISLNK(st->st_mode) || mode == (st->st_mode & 07777) ? 0 : change_mode(fd, mode);
}

static int count_entry(struct shim_gift *gift)
{
    if (gift->most && gift->seen >= gift->most) {
        errno = E2BIG;
        return -1;
    }
    gift->seen++;
    if (gift->go_on && !gift->go_on(gift)) {
        errno = ECANCELED;
        return -1;
    }
    return 0;
}

static int give_below(struct walk *walk, int fd);

/* -1: the walk as a whole is over. What one entry refuses is its own affair. */
static int give_entry(struct walk *walk, int folder, const char *name)
{
    scoped_fd int fd = -1;
    struct stat st;

    if (count_entry(walk->gift) < 0)
        return -1;
    fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        if (errno != ENOENT) /* it went away meanwhile */
            note_gift_failure(walk, errno);
        return 0;
    }
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
        return 0;
    if (mount_id_of(fd) != walk->mount) {
        note_gift_failure(walk, EXDEV);
        return 0;
    }
    /* The folder last: until all in it is given, it does not say that it is. */
    if (S_ISDIR(st.st_mode) && give_below(walk, fd) < 0)
        return -1;
    if (give_one(walk->gift, fd, &st) < 0)
        note_gift_failure(walk, errno);
    return 0;
}

static void step_down(struct walk *walk, const char *name)
{
    size_t len = strlen(walk->where);

    walk->path[walk->depth] = (int)len;
    snprintf(walk->where + len, sizeof walk->where - len, "%s%s", len ? "/" : "", name);
}

static int give_below(struct walk *walk, int fd)
{
    int own = walk->depth >= DEPTH_MOST ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = own >= 0 ? fdopendir(own) : NULL;
    struct dirent *entry;
    int failed = 0;

    if (!folder) {
        note_gift_failure(walk, walk->depth >= DEPTH_MOST ? ENAMETOOLONG : errno);
        if (own >= 0)
            close(own);
        return 0;
    }
    while (!failed && (entry = readdir(folder))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        step_down(walk, entry->d_name);
        walk->depth++;
        failed = give_entry(walk, own, entry->d_name);
        walk->where[walk->path[--walk->depth]] = '\0';
    }
    closedir(folder);
    return failed;
}

/*
 * OnRootMismatch: a top folder that is right speaks for all below it, so it is changed
 * when all below it was. As in Kubernetes, a walk that was cut short begins anew.
 */
static int give_claim(const struct node *spec, const char *source, struct shim_gift *gift)
{
    bool by_root = !strcmp(node_get_text(spec, "fsGroupPolicy"), "OnRootMismatch");
    scoped_fd int fd = open(source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct walk walk = {.gift = gift};
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    if (by_root && st.st_gid == gift->group && (st.st_mode & SHIM_CLAIM_MODE) == SHIM_CLAIM_MODE)
        return 0;
    gift->seen = 0;
    walk.mount = mount_id_of(fd);
    return give_below(&walk, fd) < 0 ? -1 : give_one(gift, fd, &st);
}

int shim_give_claims(const struct node *spec, const struct node *volumes, struct shim_gift *gift)
{
    gift->group = number_id(spec, "fsGroup");
    for (size_t i = 0; gift->group != NUMBER_NO_ID && i < node_count(volumes); i++) {
        const struct node *volume = node_item(volumes, i);

        if (!shim_is_claim(volume) || !shim_writes_volume(spec, node_get_text(volume, "name")))
            continue;
        if (!gift->failed)
            gift->volume = node_get_text(volume, "name");
        if (give_claim(spec, node_get_text(volume, "source"), gift) < 0) {
            gift->volume = node_get_text(volume, "name");
            return -1;
        }
    }
    return 0;
}

void shim_explain_gift(const struct shim_gift *gift, char *ret, size_t room)
{
    const char *why = gift->error == EXDEV          ? "something else is mounted there"
                      : gift->error == ENAMETOOLONG ? "more than 200 folders deep"
                                                    : strerror(gift->error);

    snprintf(ret, room,
             "%ld entries of volume %.60s could not be given to fsGroup %u, and are left as "
             "they are: the first is %.160s: %s",
             gift->failed, gift->volume, gift->group, gift->first, why);
    text_make_printable(ret);
}
