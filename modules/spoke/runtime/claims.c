/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the folders of claims, and gives what is in them to a pod's fsGroup. */

#include "runtime/claims.h"

#include "base/text.h"
#include "document/document.h"
#include "number/number.h"
#include "runtime/process.h"
#include "runtime/engine.h"
#include "runtime/users.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLAIM_MODE (S_ISGID | 0770)
/* Each level costs a descriptor; a tree that is deeper was made to hurt. */
#define DEPTH_MOST 200

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define scoped_fd SCOPED(close_fd)

/* ---- What a pod does with a claim ------------------------------------------------ */

static bool is_claim(const struct node *volume)
{
    return !strcmp(node_get_text(volume, "type"), "claim");
}

static bool writes(const struct node *spec, const char *volume)
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

static struct runtime *process_driver(struct runtime *runtime)
{
    return runtime->engine ? runtime->engine->process : runtime;
}

static int namespace_group(struct runtime *runtime, const struct node *spec, uint32_t *ret,
                           struct err *err)
{
    return users_take(process_driver(runtime)->users, node_get_text(spec, "owner"), ret, err);
}

int claims_complete(struct runtime *runtime, struct arena *arena, const struct node *spec,
                    const struct node **ret, struct err *err)
{
    const struct node *volumes = node_get(spec, "volumes"), *given = node_get(spec, "groups");
    struct node *groups = node_list(arena), *copy;
    uint32_t group;
    bool any = false;

    *ret = spec;
    for (size_t i = 0; i < node_count(volumes); i++)
        any |= is_claim(node_item(volumes, i));
    if (!any || !process_driver(runtime)->root)
        return 0;
    if (namespace_group(runtime, spec, &group, err) < 0)
        return -1;
    node_add(arena, groups, node_int(arena, group));
    for (size_t i = 0; i < node_count(given); i++)
        node_add(arena, groups, node_item(given, i));
    copy = node_share(arena, spec);
    node_set(arena, copy, "groups", groups);
    *ret = copy;
    return 0;
}

/* ---- The folder itself -------------------------------------------------------------- */

/* One without setgid is of a version that gave the folder to each pod anew. */
static int settle_folder(int fd, bool made, uint32_t user, uint32_t group, bool writer)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    if (!made && (!writer || (st.st_mode & S_ISGID)))
        return 0;
    return fchown(fd, made ? user : (uid_t)-1, group) < 0 ? -1 : fchmod(fd, CLAIM_MODE);
}

int claims_make(struct runtime *runtime, const struct node *spec, const struct node *volume,
                const char *path, uint32_t user, struct err *err)
{
    bool root = process_driver(runtime)->root, made = mkdir(path, 0700) == 0;
    bool writer = writes(spec, node_get_text(volume, "name"));
    uint32_t group = user;
    int fd, failed = 0;

    if (!made && errno != EEXIST)
        return err_set(err, ERR_FULL, "%s: %s", path, strerror(errno));
    if (root && namespace_group(runtime, spec, &group, err) < 0)
        return -1;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (root ? settle_folder(fd, made, user, group, writer)
                        : made ? fchmod(fd, 0770) : 0) < 0)
        failed = err_set(err, ERR_INTERNAL, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return failed;
}

/* ---- fsGroup --------------------------------------------------------------------------- */

/* Where the walk is. Every entry is opened once, without following a link, and all is done
   to what was opened: pods may exchange what is here at any moment. */
struct walk {
    struct claims_gift *gift;
    uint64_t mount;
    int depth;
    int path[DEPTH_MOST + 1]; /* lengths of `where` above each level */
    char where[CLAIMS_WHERE]; /* of the entry, below the claim; cut when it is too long */
};

static void note_failure(struct walk *walk, int number)
{
    struct claims_gift *gift = walk->gift;

    if (gift->failed++)
        return;
    gift->error = number;
    snprintf(gift->first, sizeof gift->first, "%s", *walk->where ? walk->where : ".");
}

/* What is mounted inside a claim is not the claim's; a bind mount has the same device. */
static uint64_t mount_of(int fd)
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
static int give_one(const struct claims_gift *gift, int fd, const struct stat *st)
{
    mode_t mode = (st->st_mode & 01777) | (S_ISDIR(st->st_mode) ? CLAIM_MODE : 0660);

    if (st->st_gid != gift->group && fchownat(fd, "", (uid_t)-1, gift->group, AT_EMPTY_PATH) < 0)
        return -1;
    return S_ISLNK(st->st_mode) || mode == (st->st_mode & 07777) ? 0 : change_mode(fd, mode);
}

static int count_one(struct claims_gift *gift)
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

    if (count_one(walk->gift) < 0)
        return -1;
    fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        if (errno != ENOENT) /* it went away meanwhile */
            note_failure(walk, errno);
        return 0;
    }
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
        return 0;
    if (mount_of(fd) != walk->mount) {
        note_failure(walk, EXDEV);
        return 0;
    }
    /* The folder last: until all in it is given, it does not say that it is. */
    if (S_ISDIR(st.st_mode) && give_below(walk, fd) < 0)
        return -1;
    if (give_one(walk->gift, fd, &st) < 0)
        note_failure(walk, errno);
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
        note_failure(walk, walk->depth >= DEPTH_MOST ? ENAMETOOLONG : errno);
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
static int give_claim(const struct node *spec, const char *source, struct claims_gift *gift)
{
    bool by_root = !strcmp(node_get_text(spec, "fsGroupPolicy"), "OnRootMismatch");
    scoped_fd int fd = open(source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct walk walk = { .gift = gift };
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    if (by_root && st.st_gid == gift->group && (st.st_mode & CLAIM_MODE) == CLAIM_MODE)
        return 0;
    gift->seen = 0;
    walk.mount = mount_of(fd);
    return give_below(&walk, fd) < 0 ? -1 : give_one(gift, fd, &st);
}

int claims_give(const struct node *spec, const struct node *volumes, struct claims_gift *gift)
{
    gift->group = number_id(spec, "fsGroup");
    for (size_t i = 0; gift->group != NUMBER_NO_ID && i < node_count(volumes); i++) {
        const struct node *volume = node_item(volumes, i);

        if (!is_claim(volume) || !writes(spec, node_get_text(volume, "name")))
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

void claims_explain(const struct claims_gift *gift, char *ret, size_t room)
{
    const char *why = gift->error == EXDEV          ? "something else is mounted there"
                      : gift->error == ENAMETOOLONG ? "more than 200 folders deep"
                                                    : strerror(gift->error);

    snprintf(ret, room, "%ld entries of volume %.60s could not be given to fsGroup %u, and are left as "
             "they are: the first is %.160s: %s", gift->failed, gift->volume, gift->group, gift->first,
             why);
    text_make_printable(ret);
}
