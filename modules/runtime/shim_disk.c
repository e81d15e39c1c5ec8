/* SPDX-License-Identifier: Apache-2.0 */
/* Ends a pod whose empty volumes hold more than they may. */

#include "runtime/shim_inside.h"

#include "base/clock.h"
#include "document/document.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Nothing in the kernel counts a plain folder, so a child of ours adds its
 * files up now and then, at the lowest priority; more often when it is nearly
 * full, less often when it takes long.
 */
#define OFTEN CLOCK_SECOND
#define SELDOM (5 * CLOCK_SECOND)
#define SHARE 20 /* of the time at most one in so many is spent on it */

static int64_t add_up(int at, const char *name, dev_t device)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    int64_t sum = 0;

    for (struct dirent *e; list && (e = readdir(list));) {
        struct stat st;

        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
            fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != device)
            continue;
        sum += (int64_t)st.st_blocks * 512 / (st.st_nlink > 1 && !S_ISDIR(st.st_mode)
                                                  ? (int64_t)st.st_nlink : 1);
        if (S_ISDIR(st.st_mode))
            sum += add_up(fd, e->d_name, device);
    }
    if (list)
        closedir(list);
    return sum;
}

static const struct node *limited(const struct shim *shim, size_t i)
{
    const struct node *volume = node_item(node_get(shim->place.spec, "volumes"), i);

    return node_get_int(volume, "size", 0) > 0 ? volume : NULL;
}

/* How full the fullest is, in thousandths, and which one it is. */
struct fullness {
    int64_t share, holds;
    size_t volume;
};

static void measure(const struct shim *shim, int out)
{
    struct fullness most = { 0 };

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpriority(PRIO_PROCESS, 0, 19);
    for (size_t i = 0; i < node_count(node_get(shim->place.spec, "volumes")); i++) {
        const struct node *volume = limited(shim, i);
        const char *source = node_get_text(volume, "source");
        struct stat st;
        int64_t holds, share;

        if (!volume || stat(source, &st) < 0)
            continue;
        holds = add_up(AT_FDCWD, source, st.st_dev);
        share = holds * 1000 / node_get_int(volume, "size", 1);
        if (share >= most.share)
            most = (struct fullness){ share, holds, i };
    }
    _exit(write(out, &most, sizeof most) == (ssize_t)sizeof most ? 0 : 1);
}

void disk_begin(struct shim *shim)
{
    shim->disk = (struct disk){ .fd = -1 };
    for (size_t i = 0; i < node_count(node_get(shim->place.spec, "volumes")); i++)
        if (limited(shim, i))
            shim->disk.at = clock_steady() + OFTEN;
}

void disk_late(struct shim *shim, int64_t now)
{
    int ends[2];

    if (!shim->disk.at || shim->disk.at > now)
        return;
    shim->disk.at = 0; /* set again by the answer */
    if (pipe2(ends, O_CLOEXEC) < 0) {
        shim->disk.at = now + SELDOM;
        return;
    }
    shim->disk.began = now;
    shim->disk.fd = ends[0];
    if (fork() == 0)
        measure(shim, ends[1]);
    close(ends[1]);
}

static void evict(struct shim *shim, const struct fullness *most)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *volume = limited(shim, most->volume);
    struct node *message = node_map(arena);

    node_set_text(arena, message, "event", "evicted");
    node_set(arena, message, "message",
             node_format(arena, "volume %s holds %lld bytes, more than its sizeLimit of %lld",
                         node_get_text(volume, "name"), (long long)most->holds,
                         (long long)node_get_int(volume, "size", 0)));
    shim_send(shim, message);
    for (size_t i = 0; i < shim->count; i++)
        container_stop(&shim->containers[i], 0);
}

void disk_hear(struct shim *shim)
{
    struct fullness most = { 0 };
    ssize_t got = read(shim->disk.fd, &most, sizeof most);
    int64_t now = clock_steady(), wait = most.share > 700 ? OFTEN : SELDOM;
    int64_t took = now - shim->disk.began;

    close(shim->disk.fd);
    shim->disk.fd = -1;
    shim->disk.at = now + (wait > took * SHARE ? wait : took * SHARE);
    if (got == (ssize_t)sizeof most && most.share > 1000)
        evict(shim, &most);
}
