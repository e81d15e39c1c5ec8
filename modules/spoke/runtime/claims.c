/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the folders of claims, and gives them to the group of their namespace. */

#include "runtime/claims.h"

#include "base/text.h"
#include "document/document.h"
#include "number/number.h"
#include "runtime/process.h"
#include "runtime/engine.h"
#include "runtime/users.h"
#include "shim/shim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
        any |= shim_is_claim(node_item(volumes, i));
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
    return fchown(fd, made ? user : (uid_t)-1, group) < 0 ? -1 : fchmod(fd, SHIM_CLAIM_MODE);
}

int claims_make(struct runtime *runtime, const struct node *spec, const struct node *volume,
                const char *path, uint32_t user, struct err *err)
{
    bool root = process_driver(runtime)->root, made = mkdir(path, 0700) == 0;
    bool writer = shim_writes_volume(spec, node_get_text(volume, "name"));
    uint32_t group = user;
    int fd, failed = 0;

    if (!made && errno != EEXIST)
        return err_set(err, ERR_FULL, "%s: %s", path, strerror(errno));
    if (root && namespace_group(runtime, spec, &group, err) < 0)
        return -1;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (root   ? settle_folder(fd, made, user, group, writer)
                   : made ? fchmod(fd, 0770)
                          : 0) < 0)
        failed = err_set(err, ERR_INTERNAL, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return failed;
}
