/* SPDX-License-Identifier: Apache-2.0 */
/* Opens what is below a folder, and nothing that only seems to be. */

#include "runtime/below.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_in(int folder, const char *path)
{
    struct open_how how = { .flags = O_PATH | O_CLOEXEC,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };

    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

/* One name in an open folder; made if it is not there. */
static int enter(int folder, const char *name, uid_t owner)
{
    int fd = open_in(folder, name);

    if (fd >= 0 || errno != ENOENT || owner == (uid_t)-1)
        return fd;
    if (mkdirat(folder, name, 0770) < 0 && errno != EEXIST)
        return -1;
    /* Never through a link that took its place meanwhile. */
    if (geteuid() == 0 && fchownat(folder, name, owner, (gid_t)owner, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    return open_in(folder, name);
}

int below_open(const char *folder, const char *path, uid_t owner)
{
    int base = open(folder, O_PATH | O_CLOEXEC), at, next;
    int whole = base < 0 ? -1 : *path ? open_in(base, path) : dup(base);
    char name[256];

    if (base < 0 || whole >= 0 || errno != ENOENT || owner == (uid_t)-1) {
        int number = errno;

        if (base >= 0)
            close(base);
        errno = number;
        return whole;
    }
    /* Part by part: what is there is entered, what is missing is made. */
    for (at = base; *path && at >= 0; at = next) {
        size_t len = strcspn(path, "/");

        snprintf(name, sizeof name, "%.*s", (int)(len < 255 ? len : 255), path);
        path += len + (path[len] == '/');
        next = *name ? enter(at, name, owner) : dup(at);
        close(at);
    }
    return at;
}
