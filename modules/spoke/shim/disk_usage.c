/* SPDX-License-Identifier: Apache-2.0 */
/* Ends a pod whose folders hold more than they may. */

#include "shim/pod.h"

#include "base/clock.h"
#include "document/document.h"
#include "number/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/*
 * Nothing in the kernel counts a plain folder, so a child of ours adds its
 * files up now and then, at the lowest priority; more often when it is nearly
 * full, less often when it takes long. While only the pod as a whole has a
 * limit and its disk holds hardly more than at the last count, there is
 * nothing to count.
 */
#define OFTEN CLOCK_SECOND
#define SELDOM (5 * CLOCK_SECOND)
#define AT_LEAST (60 * CLOCK_SECOND)
#define SHARE 20 /* of the time at most one in so many is spent on it */
#define DEEPEST 256
#define ENTRY 4096 /* an empty file costs the disk something, too */

/* How full the fullest is, in thousandths, and which one it is. */
#define WHOLE_POD (-1)
struct fullness {
    int64_t share, holds;
    int volume;
    bool too_deep;
};

static int64_t add_up_folder(int at, const char *name, dev_t device, int depth, bool *ret_deep)
{
    int fd =
        depth > DEEPEST ? -1 : openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    int64_t sum = 0;

    *ret_deep |= depth > DEEPEST;
    for (struct dirent *e; list && (e = readdir(list));) {
        int64_t bytes;
        struct stat st;

        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
            fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != device)
            continue;
        bytes = (int64_t)st.st_blocks * 512;
        if (bytes < ENTRY)
            bytes = ENTRY;
        sum += bytes / (st.st_nlink > 1 && !S_ISDIR(st.st_mode) ? (int64_t)st.st_nlink : 1);
        if (S_ISDIR(st.st_mode))
            sum += add_up_folder(fd, e->d_name, device, depth + 1, ret_deep);
    }
    if (list)
        closedir(list);
    return sum;
}

/* ---- Files without a name ----------------------------------------------------------------- */

/* A file that was deleted while it is open is in no folder, and on the disk. */
#define NAMELESS 4096
struct nameless {
    ino_t seen[NAMELESS];
    size_t count;
    int64_t sum;
    dev_t device;
};

static void take_descriptor(struct nameless *all, const struct stat *st)
{
    if (!S_ISREG(st->st_mode) || st->st_nlink || st->st_dev != all->device)
        return;
    for (size_t i = 0; i < all->count; i++)
        if (all->seen[i] == st->st_ino)
            return;
    if (all->count < NAMELESS)
        all->seen[all->count++] = st->st_ino;
    all->sum += (int64_t)st->st_blocks * 512;
}

static ino_t pid_namespace_of(const char *pid)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof path, "/proc/%.20s/ns/pid", pid);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* By pid namespace; without one, by the folder that the file was in. */
static void look_at_process(const struct shim *shim, const char *pid, struct nameless *all)
{
    char path[64], link[600];
    struct stat st;
    DIR *list;

    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    list = opendir(path);
    for (struct dirent *e; list && (e = readdir(list));) {
        if (!shim->place.namespaces) {
            ssize_t len = readlinkat(dirfd(list), e->d_name, link, sizeof link - 1);

            link[len > 0 ? len : 0] = '\0';
            if (!text_starts(link, shim->place.directory))
                continue;
        }
        if (fstatat(dirfd(list), e->d_name, &st, 0) == 0)
            take_descriptor(all, &st);
    }
    if (list)
        closedir(list);
}

static bool is_of_pod(const struct shim *shim, const char *pid)
{
    ino_t whose = shim->place.namespaces ? pid_namespace_of(pid) : 0;

    for (size_t i = 0; whose && i < shim->count; i++) {
        char init[24];

        snprintf(init, sizeof init, "%d", (int)shim->containers[i].init);
        if (shim->containers[i].init && pid_namespace_of(init) == whose)
            return true;
    }
    return !shim->place.namespaces;
}

static int64_t add_nameless(const struct shim *shim, dev_t device)
{
    static struct nameless all;
    DIR *list = opendir("/proc");

    all = (struct nameless){.device = device};
    for (struct dirent *e; list && (e = readdir(list));)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && is_of_pod(shim, e->d_name))
            look_at_process(shim, e->d_name, &all);
    if (list)
        closedir(list);
    return all.sum;
}

/* ---- Measuring, in a child ----------------------------------------------------------------- */

static const struct node *limited_volume(const struct shim *shim, size_t i)
{
    const struct node *volume = node_item(node_get(shim->place.spec, "volumes"), i);

    return number_get(volume, "size", NUMBER_BYTES, 0) > 0 ? volume : NULL;
}

static int64_t limit_of_pod(const struct shim *shim)
{
    return number_get(shim->place.spec, "disk", NUMBER_BYTES, 0);
}

static void take_fuller(struct fullness *most, int64_t holds, int64_t limit, int volume)
{
    int64_t share = holds / (limit / 1000 > 0 ? limit / 1000 : 1);

    if (share >= most->share)
        *most = (struct fullness){share, holds, volume, most->too_deep};
}

static void measure_pod(const struct shim *shim, struct fullness *most)
{
    static const char *const folders[] = {"work", "tmp", "logs", "volumes"};
    struct stat st;
    int64_t sum = 0;

    if (!limit_of_pod(shim) || stat(".", &st) < 0)
        return;
    for (size_t i = 0; i < count_of(folders); i++)
        sum += add_up_folder(AT_FDCWD, folders[i], st.st_dev, 0, &most->too_deep);
    take_fuller(most, sum + add_nameless(shim, st.st_dev), limit_of_pod(shim), WHOLE_POD);
}

static void measure_folders(const struct shim *shim, int out)
{
    struct fullness most = {.volume = WHOLE_POD};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpriority(PRIO_PROCESS, 0, 19);
    measure_pod(shim, &most);
    for (size_t i = 0; i < node_count(node_get(shim->place.spec, "volumes")); i++) {
        const struct node *volume = limited_volume(shim, i);
        const char *source = node_get_text(volume, "source");
        struct stat st;

        if (volume && lstat(source, &st) == 0)
            take_fuller(&most, add_up_folder(AT_FDCWD, source, st.st_dev, 0, &most.too_deep),
                        number_get(volume, "size", NUMBER_BYTES, 1), (int)i);
    }
    _exit(write(out, &most, sizeof most) == (ssize_t)sizeof most ? 0 : 1);
}

/* ---- When ------------------------------------------------------------------------------------ */

/* What is used of the whole disk, with the same cost for a file as above. */
static int64_t used_here(void)
{
    struct statvfs fs;

    return statvfs(".", &fs) < 0 ? 0
                                 : (int64_t)((fs.f_blocks - fs.f_bfree) * fs.f_frsize +
                                             (fs.f_files - fs.f_ffree) * ENTRY);
}

void shim_disk_begin(struct shim *shim)
{
    shim->disk = (struct disk){.fd = -1};
    for (size_t i = 0; i < node_count(node_get(shim->place.spec, "volumes")); i++)
        shim->disk.volumes |= limited_volume(shim, i) != NULL;
    if (shim->disk.volumes || limit_of_pod(shim))
        shim->disk.at = clock_steady() + OFTEN;
}

/* All that was added to the disk since might be the pod's; it has so much left. */
static bool is_due(const struct shim *shim, int64_t now)
{
    const struct disk *disk = &shim->disk;

    return disk->volumes || !disk->counted || now - disk->began >= AT_LEAST ||
           used_here() - disk->used > (limit_of_pod(shim) - disk->holds) / 4;
}

void shim_disk_late(struct shim *shim, int64_t now)
{
    int ends[2];

    if (!shim->disk.at || shim->disk.at > now)
        return;
    if (!is_due(shim, now)) {
        shim->disk.at = now + OFTEN;
        return;
    }
    shim->disk.at = 0; /* set again by the answer */
    if (pipe2(ends, O_CLOEXEC) < 0) {
        shim->disk.at = now + SELDOM;
        return;
    }
    shim->disk.began = now;
    shim->disk.used = used_here();
    shim->disk.fd = ends[0];
    if (fork() == 0)
        measure_folders(shim, ends[1]);
    close(ends[1]);
}

static void evict_pod(struct shim *shim, const struct fullness *most)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *volume =
        most->volume < 0 ? NULL : limited_volume(shim, (size_t)most->volume);
    struct node *message = node_map(arena), *says;

    if (most->too_deep)
        says = node_format(arena,
                           "a folder of the pod lies more than %d folders deep, where nothing "
                           "can be counted",
                           DEEPEST);
    else if (volume)
        says = node_format(arena, "volume %s holds %lld bytes, more than its sizeLimit of %lld",
                           node_get_text(volume, "name"), (long long)most->holds,
                           (long long)number_get(volume, "size", NUMBER_BYTES, 0));
    else
        says = node_format(arena,
                           "the pod's own folders (work, /tmp, logs, emptyDir) hold %lld bytes, "
                           "more than its ephemeral-storage limit of %lld",
                           (long long)most->holds, (long long)limit_of_pod(shim));
    node_set_text(arena, message, "event", "evicted");
    node_set(arena, message, "message", says);
    shim_send(shim, message);
    for (size_t i = 0; i < shim->count; i++) {
        struct container *c = &shim->containers[i];

        /* With its exit, for an agent that does not listen now. */
        if (c->running) {
            snprintf(c->run.why.reason, sizeof c->run.why.reason, "Evicted");
            snprintf(c->run.why.text, sizeof c->run.why.text, "%.390s", node_text(says));
        }
        shim_container_stop(c, 0);
    }
}

void shim_disk_hear(struct shim *shim)
{
    struct fullness most = {0};
    ssize_t got = read(shim->disk.fd, &most, sizeof most);
    int64_t now = clock_steady(), wait = most.share > 700 || !shim->disk.volumes ? OFTEN : SELDOM;
    int64_t took = now - shim->disk.began;

    close(shim->disk.fd);
    shim->disk.fd = -1;
    shim->disk.at = now + (wait > took * SHARE ? wait : took * SHARE);
    if (got != (ssize_t)sizeof most)
        return;
    shim->disk.counted = true;
    shim->disk.holds = most.volume < 0 ? most.holds : 0;
    if (most.share > 1000 || most.too_deep)
        evict_pod(shim, &most);
}
