/* SPDX-License-Identifier: Apache-2.0 */
/* Builds a container's own root: the machine's folders read-only, its own beside them. */

#include "base/beneath.h"
#include "shim/confine.h"
#include "shim/launch.h"

#include "base/text.h"
#include "document/document.h"
#include "number/number.h"

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

/* Where the pod's own directory is, inside its root. */
#define INSIDE "/pod"

const char *confine_work(const struct shim_place *place, char *into, size_t room)
{
    if (place->namespaces)
        snprintf(into, room, INSIDE "/work");
    else
        snprintf(into, room, "%s/work", place->directory);
    return into;
}

/* The pod makes these itself, or must not see the host's. */
static bool is_made_by_pod(const char *name)
{
    static const char *const names[] = {"proc", "tmp", "pod", "dev", "lost+found"};

    for (size_t i = 0; i < count_of(names); i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

/* Links are copied, folders mounted; files in the machine's root are left out. */
static int show_entry(const char *root, const char *name, struct shim_message *why)
{
    char from[300], to[700], link[300];
    struct stat st;
    ssize_t len;

    snprintf(from, sizeof from, "/%.250s", name);
    snprintf(to, sizeof to, "%.400s/%.250s", root, name);
    if (lstat(from, &st) < 0)
        return 0;
    if (S_ISLNK(st.st_mode)) {
        len = readlink(from, link, sizeof link - 1);
        link[len > 0 ? len : 0] = '\0';
        return symlink(link, to) < 0 ? confine_say(why, "link", to) : 0;
    }
    if (!S_ISDIR(st.st_mode))
        return 0;
    if (mkdir(to, 0755) < 0)
        return confine_say(why, "folder", to);
    /* A folder of the host that cannot be shown is not there, and that is
       all; what needs it will say so. */
    confine_place(AT_FDCWD, from, AT_FDCWD, to, CONFINE_READ_ONLY);
    return 0;
}

static int show_host(const char *root, struct shim_message *why)
{
    DIR *top = opendir("/");
    int failed = 0;

    for (struct dirent *e; top && !failed && (e = readdir(top));)
        if (e->d_name[0] != '.' && !is_made_by_pod(e->d_name))
            failed = show_entry(root, e->d_name, why);
    if (top)
        closedir(top);
    return failed;
}

/* A copy of the mounts must be had before the old root goes. */
struct placed {
    int tree;
    bool file;
    const struct node *mount;
};

static const struct node *find_volume(const struct shim_place *place, const char *name)
{
    const struct node *volumes = node_get(place->spec, "volumes");

    for (size_t i = 0; i < node_count(volumes); i++)
        if (!strcmp(node_get_text(node_item(volumes, i), "name"), name))
            return node_item(volumes, i);
    return NULL;
}

void confine_source(const struct shim_place *place, const struct node *mount, char *into,
                    size_t room)
{
    const struct node *volume = find_volume(place, node_get_text(mount, "volume"));
    const char *sub = node_get_text(mount, "subPath");

    snprintf(into, room, "%s%s%s", node_get_text(volume, "source"), *sub ? "/" : "", sub);
}

/* Where the walk to a volume begins, and the way from there: a folder that the
   administrator listed, or one of our own, which no workload can exchange. */
static int open_source(const struct node *volume, const char **ret_below)
{
    const char *root = node_get_text(volume, "root");

    *ret_below = *root ? node_get_text(volume, "below") : "";
    return open(*root ? root : node_get_text(volume, "source"),
                O_PATH | O_CLOEXEC | (*root ? 0 : O_NOFOLLOW));
}

static int open_volume(const struct shim_place *place, const struct node *volume, const char *sub,
                       bool read_only)
{
    const char *type = node_get_text(volume, "type"), *below;
    bool ours = !strcmp(type, "empty") || !strcmp(type, "claim");
    int base = open_source(volume, &below), at, from;
    mode_t mask;

    if (base < 0)
        return -1;
    at = beneath_open(base, below);
    close(base);
    if (at < 0 || !*sub)
        return at;
    mask = umask(0); /* what is made in a claim is for its group too */
    from = ours && !read_only ? beneath_make(at, sub, false, 0770, number_id(place->spec, "user"))
                              : beneath_open(at, sub);
    umask(mask);
    close(at);
    return from;
}

/* Picked up before the old root goes, put down after the new one is entered. */
static int pick_mount(const struct shim_place *place, struct placed *p, struct shim_message *why)
{
    const struct node *volume = find_volume(place, node_get_text(p->mount, "volume"));
    const char *type = node_get_text(volume, "type");
    bool read_only = node_get_bool(p->mount, "readOnly", false) || !strcmp(type, "files");
    char source[8192];
    struct stat st;
    int from;

    confine_source(place, p->mount, source, sizeof source);
    from = open_volume(place, volume, node_get_text(p->mount, "subPath"),
                       node_get_bool(p->mount, "readOnly", false) && !strcmp(type, "claim"));
    if (from < 0 || fstat(from, &st) < 0)
        return confine_say(why, "volume", source);
    p->file = !S_ISDIR(st.st_mode);
    if (!shim_is_as_it_must(node_get_text(volume, "must"), st.st_mode) &&
        !*node_get_text(p->mount, "subPath")) {
        errno = ENOTDIR;
        return confine_say(why, "hostPath", source);
    }
    p->tree = confine_pick_up(from, "");
    close(from);
    if (p->tree < 0 ||
        confine_harden(p->tree, (read_only ? CONFINE_READ_ONLY : 0) |
                                    (!strcmp(type, "host") ? CONFINE_DEVICES : 0)) < 0)
        return confine_say(why, "volume", source);
    return 0;
}

bool shim_is_as_it_must(const char *must, mode_t mode)
{
    static const struct {
        const char *name;
        mode_t type;
    } types[] = {{"Directory", S_IFDIR},
                 {"File", S_IFREG},
                 {"Socket", S_IFSOCK},
                 {"CharDevice", S_IFCHR},
                 {"BlockDevice", S_IFBLK}};

    for (size_t i = 0; i < count_of(types); i++)
        if (!strcmp(types[i].name, must))
            return (mode & S_IFMT) == types[i].type;
    return true;
}

static int put_mount(struct placed *p, struct shim_message *why)
{
    const char *path = node_get_text(p->mount, "path");
    int point = confine_point(path, p->file);

    if (point < 0 || confine_put_down(p->tree, point, "") < 0)
        return confine_say(why, "mountPath", path);
    close(point);
    return 0;
}

/* ---- The pod's own folders ------------------------------------------------------ */

static int bind_own(const char *root, const struct shim_place *place, const char *name,
                    const char *to, unsigned how, struct shim_message *why)
{
    char from[4400], target[900];
    struct stat st;

    snprintf(from, sizeof from, "%.4000s/%.200s", place->directory, name);
    snprintf(target, sizeof target, "%.400s/%.400s", root, to);
    if (lstat(from, &st) < 0)
        return confine_say(why, "folder", from);
    if (S_ISDIR(st.st_mode) ? mkdir(target, 0755) < 0 && errno != EEXIST
                            : mknod(target, S_IFREG | 0644, 0) < 0 && errno != EEXIST)
        return confine_say(why, "folder", target);
    return confine_place(AT_FDCWD, from, AT_FDCWD, target, how) < 0
               ? confine_say(why, "folder", from)
               : 0;
}

/* Empty volumes may be written to; delivered files only change from outside. */
static int bind_volumes(const char *root, const struct shim_place *place, struct shim_message *why)
{
    const struct node *volumes = node_get(place->spec, "volumes");
    char prefix[4400], name[400], to[400];

    if (bind_own(root, place, "volumes", "pod/volumes", CONFINE_READ_ONLY, why) < 0)
        return -1;
    snprintf(prefix, sizeof prefix, "%.4000s/volumes/", place->directory);
    for (size_t i = 0; i < node_count(volumes); i++) {
        const struct node *volume = node_item(volumes, i);

        if (strcmp(node_get_text(volume, "type"), "empty") != 0 ||
            !text_starts(node_get_text(volume, "source"), prefix))
            continue;
        snprintf(name, sizeof name, "volumes/%.200s", node_get_text(volume, "name"));
        snprintf(to, sizeof to, "pod/%.300s", name);
        if (bind_own(root, place, name, to, 0, why) < 0)
            return -1;
    }
    return 0;
}

/* Not the folder as a whole: what is kept about the pod, and the shim's socket, stay outside. */
static int bind_pod(const char *root, const struct shim_place *place, struct shim_message *why)
{
    char pod[500];

    snprintf(pod, sizeof pod, "%.400s/pod", root);
    if (mkdir(pod, 0755) < 0)
        return confine_say(why, "folder", pod);
    if (bind_own(root, place, "work", "pod/work", 0, why) < 0 ||
        bind_own(root, place, "hosts", "pod/hosts", CONFINE_READ_ONLY, why) < 0 ||
        bind_volumes(root, place, why) < 0)
        return -1;
    return bind_own(root, place, "tmp", "tmp", 0, why);
}

/* pivot_root(".", ".") stacks the new root over the old one, which is then unmounted. */
static int turn_root(const char *root, struct shim_message *why)
{
    if (chdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
        chdir("/") < 0)
        return confine_say(why, "root", root);
    return 0;
}

/* A tmpfs of 4 MiB for mount points; everything else is mounted into it. */
static int build_root(const struct shim_place *place, const struct node *container,
                      const char *root, struct shim_message *why)
{
    char proc[500];

    if (mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=4m") < 0)
        return confine_say(why, "private root", root);
    if (show_host(root, why) < 0 || bind_pod(root, place, why) < 0 ||
        confine_devices(root, place, node_get_bool(container, "privileged", false), why) < 0)
        return -1;
    snprintf(proc, sizeof proc, "%.400s/proc", root);
    if (mkdir(proc, 0755) < 0)
        return confine_say(why, "folder", proc);
    if (place->user_namespace) /* where a new one may be refused, see confine_hide() */
        confine_place(AT_FDCWD, "/proc", AT_FDCWD, proc, 0);
    return 0;
}

/* Without an /etc/hosts that can be mounted over, $AXLE_HOSTS still names the file. */
static void bind_hosts(int tree)
{
    int point = tree >= 0 ? confine_point("/etc/hosts", true) : -1;

    if (point >= 0)
        confine_put_down(tree, point, "");
    else if (tree >= 0)
        close(tree);
    if (point >= 0)
        close(point);
}

static int pick_hosts(const struct shim_place *place)
{
    char hosts[4400];
    int tree;

    snprintf(hosts, sizeof hosts, "%.4000s/hosts", place->directory);
    tree = confine_pick_up(AT_FDCWD, hosts);
    if (tree >= 0)
        confine_harden(tree, CONFINE_READ_ONLY);
    return tree;
}

/* The root itself becomes read-only; mounts in it keep their own mode. */
static int close_root(struct shim_message *why)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

    return syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &attr, sizeof attr) < 0
               ? confine_say(why, "private root", "/")
               : 0;
}

int confine_root(const struct shim_place *place, const struct node *container,
                 struct shim_message *why)
{
    const struct node *mounts = node_get(container, "mounts");
    struct placed placed[SHIM_MOUNTS];
    size_t count = 0;
    char root[4400];
    int hosts_tree;

    snprintf(root, sizeof root, "%.4000s/root", place->directory);
    if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
        return confine_say(why, "mount namespace", "/");
    for (size_t i = 0; i < node_count(mounts); i++) {
        const struct node *mount = node_item(mounts, i);

        if (node_get_text(mount, "path")[0] != '/' || count == count_of(placed))
            continue;
        placed[count].mount = mount;
        if (pick_mount(place, &placed[count++], why) < 0)
            return -1;
    }
    hosts_tree = pick_hosts(place);
    if (build_root(place, container, root, why) < 0 || turn_root(root, why) < 0 ||
        confine_hide(place, node_get_bool(container, "privileged", false), why) < 0)
        return -1;
    bind_hosts(hosts_tree);
    for (size_t i = 0; i < count; i++)
        if (put_mount(&placed[i], why) < 0)
            return -1;
    return close_root(why);
}
