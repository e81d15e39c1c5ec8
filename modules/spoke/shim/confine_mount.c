/* SPDX-License-Identifier: Apache-2.0 */
/* Takes mounts up, makes them harmless and puts them down elsewhere. */

#include "shim/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

int confine_say(struct shim_message *why, const char *what, const char *path)
{
    why->status = errno;
    snprintf(why->reason, sizeof why->reason, "MountUnavailable");
    snprintf(why->text, sizeof why->text, "%.60s %.240s: %s", what, path,
             errno == ELOOP || errno == EXDEV ? "it is, or leads through, a link"
                                              : strerror(errno));
    return -1;
}

int confine_pick_up(int at, const char *path)
{
    return (int)syscall(SYS_open_tree, at, path,
                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW |
                            (*path ? 0 : AT_EMPTY_PATH));
}

int confine_put_down(int tree, int at, const char *path)
{
    int done = (int)syscall(SYS_move_mount, tree, "", at, path,
                            MOVE_MOUNT_F_EMPTY_PATH | (*path ? 0 : MOVE_MOUNT_T_EMPTY_PATH));
    int number = errno;

    close(tree);
    errno = number;
    return done;
}

/* Nothing that cannot be made harmless is shown. */
int confine_harden(int tree, unsigned how)
{
    struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_NOSUID | (how & CONFINE_READ_ONLY ? MOUNT_ATTR_RDONLY : 0) |
                    (how & CONFINE_DEVICES ? 0 : MOUNT_ATTR_NODEV),
    };

    return (int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
                        sizeof attr);
}

int confine_place(int at, const char *from, int to_at, const char *to, unsigned how)
{
    int tree = confine_pick_up(at, from);

    if (tree < 0)
        return -1;
    if (confine_harden(tree, how) < 0) {
        close(tree);
        return -1;
    }
    return confine_put_down(tree, to_at, to);
}
