/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the folders of claims, and gives what is in them to a pod's fsGroup. */

#include "runtime/claims.h"

#include "document/document.h"
#include "number/number.h"
#include "runtime/process.h"
#include "runtime/engine.h"
#include "runtime/users.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLAIM_MODE (S_ISGID | 0770)
/* Each level costs a descriptor; a tree that is deeper was made to hurt. */
#define DEPTH_MOST 200

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

struct gift {
    gid_t group;
    long left; /* entries; -1: any number */
    int depth;
};

/* Pods may exchange what is here at any moment: all is done to what was opened. */
static int give_one(int fd, struct gift *gift)
{
    struct stat st;
    mode_t mode;

    if (gift->left == 0) {
        errno = E2BIG;
        return -1;
    }
    gift->left -= gift->left > 0;
    if (fstat(fd, &st) < 0 ||
        (st.st_gid != gift->group && fchown(fd, (uid_t)-1, gift->group) < 0))
        return -1;
    mode = (st.st_mode & 01777) | (S_ISDIR(st.st_mode) ? CLAIM_MODE : 0660);
    return mode == (st.st_mode & 07777) ? 0 : fchmod(fd, mode);
}

static int give_folder(int fd, struct gift *gift);

/* Links, devices and sockets are left alone, and what went away meanwhile. */
static int give_entry(int folder, const char *name, struct gift *gift)
{
    int fd, failed;
    struct stat st;

    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
        return 0;
    fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    /* A pod that holds a lease on its own file keeps that from us, and nothing else. */
    if (fd < 0)
        return errno == ENOENT || errno == ELOOP || errno == ENXIO || errno == EAGAIN ? 0 : -1;
    if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
        close(fd);
        return 0;
    }
    if (S_ISDIR(st.st_mode))
        return give_folder(fd, gift);
    failed = give_one(fd, gift);
    close(fd);
    return failed;
}

/* Closes `fd`. */
static int give_folder(int fd, struct gift *gift)
{
    DIR *folder = fdopendir(fd);
    struct dirent *entry;
    int failed;

    if (!folder) {
        close(fd);
        return -1;
    }
    failed = give_one(fd, gift);
    if (!failed && ++gift->depth > DEPTH_MOST) {
        errno = ENAMETOOLONG;
        failed = -1;
    }
    while (!failed && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            failed = give_entry(fd, entry->d_name, gift);
    gift->depth--;
    closedir(folder);
    return failed;
}

/* OnRootMismatch: a top folder that is right speaks for all below it. */
static int give_claim(const struct node *spec, const char *source, struct gift gift)
{
    bool by_root = !strcmp(node_get_text(spec, "fsGroupPolicy"), "OnRootMismatch");
    int fd = open(source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (by_root && st.st_gid == gift.group && (st.st_mode & CLAIM_MODE) == CLAIM_MODE) {
        close(fd);
        return 0;
    }
    return give_folder(fd, &gift);
}

int claims_give(const struct node *spec, const struct node *volumes, long most,
                const char **ret_where)
{
    uint32_t group = number_id(spec, "fsGroup");
    struct gift gift = { .group = group, .left = most ? most : -1 };

    for (size_t i = 0; group != NUMBER_NO_ID && i < node_count(volumes); i++) {
        const struct node *volume = node_item(volumes, i);

        if (!is_claim(volume) || !writes(spec, node_get_text(volume, "name")))
            continue;
        *ret_where = node_get_text(volume, "name");
        if (give_claim(spec, node_get_text(volume, "source"), gift) < 0)
            return -1;
    }
    return 0;
}
