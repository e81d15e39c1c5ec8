/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves out of a container's root: devices, the kernel's settings, the agent's own data. */

#include "shim/confine.h"

#include "base/mem.h"
#include "base/text.h"
#include "document/document.h"
#include "number/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Devices ------------------------------------------------------------------------ */

/* Those that every program may need, and accelerators as far as the machine's own
   permissions let the pod's user use them. A '*' at the end stands for anything. */
static const char *const devices[] = {
    "null", "zero", "full",   "random",   "urandom",   "tty",      "nvidia*", "dri",
    "kfd",  "dxg",  "accel*", "davinci*", "devmm_svm", "hisi_hdc", "neuron*", "infiniband",
};

static const struct {
    const char *name, *target;
} device_links[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},
};

static bool is_device(const char *name)
{
    for (size_t i = 0; i < count_of(devices); i++) {
        size_t len = strlen(devices[i]);

        if (devices[i][len - 1] == '*' ? !strncmp(devices[i], name, len - 1)
                                       : !strcmp(devices[i], name))
            return true;
    }
    return false;
}

static void show_device(int to, const char *name)
{
    char from[300];
    struct stat st;
    int made;

    snprintf(from, sizeof from, "/dev/%.250s", name);
    if (lstat(from, &st) < 0 || S_ISLNK(st.st_mode))
        return;
    made = S_ISDIR(st.st_mode) ? mkdirat(to, name, 0755) : mknodat(to, name, S_IFREG | 0644, 0);
    /* What cannot be shown stays an empty file; what needs it will say so. */
    if (made == 0)
        confine_place(AT_FDCWD, from, to, name, CONFINE_DEVICES);
}

static void mount_in(const char *dev, const char *name, const char *type, unsigned long flags,
                     const char *options)
{
    char path[600];

    snprintf(path, sizeof path, "%.500s/%.60s", dev, name);
    if (mkdir(path, 0755) == 0 &&
        mount(type, path, type, MS_NOSUID | MS_NOEXEC | flags, options) < 0)
        errno = 0; /* not every kernel has it, nor lets every user */
}

int confine_devices(const char *root, const struct shim_place *place, bool privileged,
                    struct shim_message *why)
{
    char dev[500], shm[64];
    DIR *list;
    int to;

    snprintf(dev, sizeof dev, "%.400s/dev", root);
    if (mkdir(dev, 0755) < 0)
        return confine_say(why, "folder", dev);
    if (privileged)
        return confine_place(AT_FDCWD, "/dev", AT_FDCWD, dev, CONFINE_DEVICES) < 0
                   ? confine_say(why, "folder", dev)
                   : 0;
    if (mount("tmpfs", dev, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=64k") < 0)
        return confine_say(why, "devices", dev);
    to = open(dev, O_PATH | O_DIRECTORY | O_CLOEXEC);
    list = opendir("/dev");
    for (struct dirent *e; list && (e = readdir(list));)
        if (is_device(e->d_name))
            show_device(to, e->d_name);
    if (list)
        closedir(list);
    for (size_t i = 0; i < count_of(device_links); i++)
        if (symlinkat(device_links[i].target, to, device_links[i].name) < 0)
            errno = 0;
    close(to);
    mount_in(dev, "pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620");
    mount_in(dev, "mqueue", "mqueue", MS_NODEV, NULL);
    snprintf(shm, sizeof shm, "mode=1777,size=%lld",
             (long long)number_get(place->spec, "shm", NUMBER_BYTES, 64 << 20));
    mount_in(dev, "shm", "tmpfs", MS_NODEV, shm);
    return 0;
}

/* ---- What is hidden ------------------------------------------------------------------- */

/* Each process of uid 0 could write to these, whatever its capabilities. */
static const char *const read_only[] = {
    "/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/asound",
};
static const char *const hidden[] = {
    "/proc/kcore", "/proc/keys",     "/proc/timer_list", "/proc/sched_debug",    "/proc/scsi",
    "/proc/acpi",  "/proc/kallsyms", "/sys/firmware",    "/sys/kernel/security", "/sys/fs/bpf",
};

/* An empty folder, or nothing to read, in the place of what is there. */
static int cover_path(const char *path)
{
    int point = confine_point_open(path), done;
    struct stat st;

    if (point < 0 || fstat(point, &st) < 0)
        return errno == ENOENT ? 0 : -1; /* what is not there need not be hidden */
    if (S_ISDIR(st.st_mode)) {
        char place[64];

        snprintf(place, sizeof place, "/proc/self/fd/%d", point);
        done = mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
                     "mode=0555,size=4k");
    } else {
        done = confine_place(AT_FDCWD, "/dev/null", point, "", CONFINE_READ_ONLY | CONFINE_DEVICES);
    }
    close(point);
    return done;
}

static void hide_kernel(void)
{
    for (size_t i = 0; i < count_of(read_only); i++) {
        int point = confine_point_open(read_only[i]);

        if (point < 0)
            continue;
        confine_place(point, "", point, "", CONFINE_READ_ONLY);
        close(point);
    }
    for (size_t i = 0; i < count_of(hidden); i++)
        if (cover_path(hidden[i]) < 0)
            errno = 0; /* its own permissions hold as well */
}

int confine_hide(const struct shim_place *place, bool privileged, struct shim_message *why)
{
    const struct node *list = node_get(place->spec, "hidden");

    /* A masked /proc cannot be mounted anew; the host's is better than none. */
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        errno = 0;
    if (privileged)
        return 0;
    for (size_t i = 0; i < node_count(list); i++)
        if (cover_path(node_text(node_item(list, i))) < 0)
            return confine_say(why, "hiding", node_text(node_item(list, i)));
    hide_kernel();
    return 0;
}
