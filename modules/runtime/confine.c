/* SPDX-License-Identifier: Apache-2.0 */
/* Shuts a container's process in: its own root, user, limits and system calls. */

#include "runtime/below.h"
#include "runtime/shim.h"

#include "document/document.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

static int say(struct shim_message *why, const char *what, const char *path)
{
    why->status = errno;
    snprintf(why->reason, sizeof why->reason, "MountUnavailable");
    snprintf(why->text, sizeof why->text, "%.60s %.240s: %s", what, path,
             strerror(errno));
    return -1;
}

/* ---- Mounts --------------------------------------------------------------- */

/* A detached copy of what is at `path` ("": `at` itself), to be put elsewhere later. */
static int pick_up(int at, const char *path, bool whole)
{
    return (int)syscall(SYS_open_tree, at, path,
                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
                            (*path ? 0 : AT_EMPTY_PATH) |
                            (whole ? AT_RECURSIVE : 0));
}

static int put_down(int tree, int at, const char *path)
{
    int done = (int)syscall(SYS_move_mount, tree, "", at, path,
                            MOVE_MOUNT_F_EMPTY_PATH);

    close(tree);
    return done;
}

static void harden(int tree, bool read_only)
{
    struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_NOSUID | (read_only ? MOUNT_ATTR_RDONLY : 0),
    };

    syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
            sizeof attr);
}

static int place_tree(int at, const char *from, const char *to, bool read_only)
{
    int tree = pick_up(at, from, true);

    if (tree < 0)
        return -1;
    harden(tree, read_only);
    return put_down(tree, AT_FDCWD, to);
}

/* The pod makes these itself, or must not see the host's. */
static bool is_ours(const char *name)
{
    static const char *const names[] = { "proc", "tmp", "pod", "lost+found" };

    for (size_t i = 0; i < count_of(names); i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

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
        return symlink(link, to) < 0 ? say(why, "link", to) : 0;
    }
    if (!S_ISDIR(st.st_mode))
        return 0;
    if (mkdir(to, 0755) < 0)
        return say(why, "folder", to);
    /* A folder of the host that cannot be shown is not there, and that is
       all; what needs it will say so. */
    place_tree(AT_FDCWD, from, to, strcmp(name, "dev") != 0);
    return 0;
}

static int show_host(const char *root, struct shim_message *why)
{
    DIR *top = opendir("/");
    int failed = 0;

    for (struct dirent *e; top && !failed && (e = readdir(top));)
        if (e->d_name[0] != '.' && !is_ours(e->d_name))
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

static const struct node *find_volume(const struct shim_place *place,
                                      const char *name)
{
    const struct node *volumes = node_get(place->spec, "volumes");

    for (size_t i = 0; i < node_count(volumes); i++)
        if (!strcmp(node_get_text(node_item(volumes, i), "name"), name))
            return node_item(volumes, i);
    return NULL;
}

void confine_source(const struct shim_place *place, const struct node *mount,
                    char *into, size_t room)
{
    const struct node *volume = find_volume(place, node_get_text(mount, "volume"));
    const char *sub = node_get_text(mount, "subPath");

    snprintf(into, room, "%s%s%s", node_get_text(volume, "source"), *sub ? "/" : "", sub);
}

static int pick_mount(const struct shim_place *place, struct placed *p,
                      struct shim_message *why)
{
    const struct node *volume = find_volume(place, node_get_text(p->mount, "volume"));
    const char *type = node_get_text(volume, "type");
    bool ours = !strcmp(type, "empty") || !strcmp(type, "claim");
    char source[8192];
    struct stat st;
    int from;

    confine_source(place, p->mount, source, sizeof source);
    from = below_open(node_get_text(volume, "source"), node_get_text(p->mount, "subPath"),
                      ours ? (uid_t)node_get_int(place->spec, "user", 0) : (uid_t)-1);
    p->tree = from < 0 ? -1 : pick_up(from, "", true);
    if (from >= 0)
        close(from);
    if (p->tree < 0 || fstat(p->tree, &st) < 0)
        return say(why, "volume", source);
    p->file = !S_ISDIR(st.st_mode);
    harden(p->tree, node_get_bool(p->mount, "readOnly", false));
    return 0;
}

static int touch(int at, const char *name, bool file)
{
    int fd;

    if (!file)
        return mkdirat(at, name, 0755) < 0 && errno != EEXIST ? -1 : 0;
    fd = openat(at, name, O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

static void show_again(int from, const char *name, const char *folder)
{
    char to[4400], link[1024];
    struct stat st;
    ssize_t len;
    int tree;

    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    snprintf(to, sizeof to, "%.4000s/%.255s", folder, name);
    if (S_ISLNK(st.st_mode)) {
        len = readlinkat(from, name, link, sizeof link - 1);
        link[len > 0 ? len : 0] = '\0';
        if (symlink(link, to) < 0)
            return;
    } else if (touch(AT_FDCWD, to, !S_ISDIR(st.st_mode)) == 0) {
        tree = pick_up(from, name, true);
        if (tree >= 0)
            put_down(tree, AT_FDCWD, to);
    }
}

/*
 * A folder of the host in which a mount point is missing: an empty one takes
 * its place, with everything that was in it shown again, so that something
 * can be added beside without touching the host. What the workload could not
 * have listed stays hidden.
 */
static int explode(const char *folder)
{
    struct stat st;
    int from = pick_up(AT_FDCWD, folder, true);
    DIR *list = NULL;

    if (from < 0)
        return -1;
    if (fstat(from, &st) < 0 ||
        mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0) {
        close(from);
        return -1;
    }
    if (st.st_mode & S_IXOTH)
        list = fdopendir(openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (struct dirent *e; list && (e = readdir(list));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            show_again(from, e->d_name, folder);
    if (list)
        closedir(list);
    close(from);
    return 0;
}

static int make_point(const char *path, bool file)
{
    char part[4096];

    for (const char *at = path;;) {
        const char *end = strchr(at + 1, '/');
        bool last = !end;
        struct stat st;
        char *slash;

        snprintf(part, sizeof part, "%.*s", last ? 4000 : (int)(end - path), path);
        if (stat(part, &st) < 0 && touch(AT_FDCWD, part, last && file) < 0) {
            slash = strrchr(part, '/');
            if (slash == part)
                return -1;
            *slash = '\0';
            if (explode(part) < 0)
                return -1;
            *slash = '/';
            if (touch(AT_FDCWD, part, last && file) < 0)
                return -1;
        }
        if (last)
            return 0;
        at = end;
    }
}

static int put_mount(struct placed *p, struct shim_message *why)
{
    const char *path = node_get_text(p->mount, "path");

    if (make_point(path, p->file) < 0 || put_down(p->tree, AT_FDCWD, path) < 0)
        return say(why, "mountPath", path);
    return 0;
}

static int bind_own(const char *root, const struct shim_place *place,
                    const char *name, const char *to, struct shim_message *why)
{
    char from[4400], target[900];

    snprintf(from, sizeof from, "%.4000s/%.200s", place->directory, name);
    snprintf(target, sizeof target, "%.400s/%.400s", root, to);
    if (mkdir(target, 0755) < 0 && errno != EEXIST)
        return say(why, "folder", target);
    return place_tree(AT_FDCWD, from, target, false) < 0 ? say(why, "folder", from) : 0;
}

static int turn_root(const char *root, struct shim_message *why)
{
    if (chdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return say(why, "root", root);
    return 0;
}

static void mount_own(const struct shim_place *place)
{
    char options[64];

    /* A masked /proc cannot be mounted anew; the host's is better than none. */
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        errno = 0;
    snprintf(options, sizeof options, "mode=1777,size=%lld",
             (long long)node_get_int(place->spec, "shm", 64 << 20));
    if (mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
        errno = 0;
}

static int build_root(const struct shim_place *place, const char *root,
                      struct shim_message *why)
{
    char proc[500];

    if (mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=4m") < 0)
        return say(why, "private root", root);
    if (show_host(root, why) < 0 || bind_own(root, place, "", "pod", why) < 0 ||
        bind_own(root, place, "tmp", "tmp", why) < 0)
        return -1;
    snprintf(proc, sizeof proc, "%.400s/proc", root);
    if (mkdir(proc, 0755) < 0)
        return say(why, "folder", proc);
    if (place->user_namespace) /* where a new one may be refused, see above */
        place_tree(AT_FDCWD, "/proc", proc, false);
    return 0;
}

static void bind_hosts(int tree)
{
    if (tree >= 0 && access("/etc/hosts", F_OK) == 0)
        put_down(tree, AT_FDCWD, "/etc/hosts");
    else if (tree >= 0)
        close(tree);
}

int confine_root(const struct shim_place *place, const struct node *container,
                 struct shim_message *why)
{
    const struct node *mounts = node_get(container, "mounts");
    struct placed placed[64];
    size_t count = 0;
    char root[4400], hosts[4400];
    int hosts_tree;

    snprintf(root, sizeof root, "%.4000s/root", place->directory);
    snprintf(hosts, sizeof hosts, "%.4000s/hosts", place->directory);
    if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
        return say(why, "mount namespace", "/");
    for (size_t i = 0; i < node_count(mounts); i++) {
        const struct node *mount = node_item(mounts, i);

        if (node_get_text(mount, "path")[0] != '/' || count == count_of(placed))
            continue;
        placed[count].mount = mount;
        if (pick_mount(place, &placed[count++], why) < 0)
            return -1;
    }
    hosts_tree = pick_up(AT_FDCWD, hosts, false);
    /* Through the folder of the descriptor, the path may be too long. */
    if (build_root(place, root, why) < 0 || turn_root(root, why) < 0)
        return -1;
    mount_own(place);
    bind_hosts(hosts_tree);
    for (size_t i = 0; i < count; i++)
        if (put_mount(&placed[i], why) < 0)
            return -1;
    return 0;
}

/* ---- User, limits, capabilities ----------------------------------------------- */

/* A stand-in for a group that counts: it counts the user's processes. */
static void limit_processes(const struct shim_place *place, const struct node *container)
{
    int64_t pids = node_get_int(container, "pids", 0);
    struct rlimit limit = { (rlim_t)pids, (rlim_t)pids };

    if (pids > 0 && !node_get_bool(node_get(place->spec, "isolation"), "pids", false))
        setrlimit(RLIMIT_NPROC, &limit);
}

static int set_limits(const struct node *container)
{
    struct rlimit core = { 0, 0 };
    struct rlimit files = { 1048576, 1048576 };
    struct rlimit have;
    int64_t address = node_get_int(container, "addressSpace", 0);

    setrlimit(RLIMIT_CORE, &core);
    if (getrlimit(RLIMIT_NOFILE, &have) == 0) {
        files.rlim_cur = have.rlim_max < files.rlim_max ? have.rlim_max : files.rlim_max;
        files.rlim_max = files.rlim_cur;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (address > 0) {
        struct rlimit space = { (rlim_t)address, (rlim_t)address };

        setrlimit(RLIMIT_AS, &space);
    }
    return 0;
}

static int fail_user(struct shim_message *why, const char *what, long id)
{
    why->status = errno;
    snprintf(why->reason, sizeof why->reason, "UserUnavailable");
    snprintf(why->text, sizeof why->text, "cannot become %s %ld: %s", what, id,
             strerror(errno));
    return -1;
}

static size_t further_groups(const struct node *spec, gid_t ret[2])
{
    size_t count = 0;

    if (node_get_int(spec, "user", 0) > 0)
        ret[count++] = (gid_t)node_get_int(spec, "user", 0);
    if (node_get_int(spec, "fsGroup", 0) > 0)
        ret[count++] = (gid_t)node_get_int(spec, "fsGroup", 0);
    return count;
}

static int become_user(const struct shim_place *place,
                       const struct node *container, struct shim_message *why)
{
    const struct node *spec = place->spec;
    long user = (long)node_get_int(container, "user", node_get_int(spec, "user", -1));
    long group = (long)node_get_int(container, "group", node_get_int(spec, "group", user));
    gid_t groups[2];

    if (geteuid() != 0 || place->user_namespace || user < 0)
        return 0;
    for (int i = 0; i <= 63; i++)
        if (user != 0)
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    /* Delivered files belong to the pod's own group, whoever the process is. */
    if (setgroups(further_groups(spec, groups), groups) < 0 || setresgid((gid_t)group, (gid_t)group, (gid_t)group) < 0)
        return fail_user(why, "group", group);
    if (setresuid((uid_t)user, (uid_t)user, (uid_t)user) < 0)
        return fail_user(why, "user", user);
    return 0;
}

static void drop_capabilities(const struct shim_place *place)
{
    struct {
        uint32_t version;
        int pid;
    } header = { 0x20080522, 0 };
    struct {
        uint32_t effective, permitted, inheritable;
    } none[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

    if (!place->user_namespace && geteuid() == 0)
        return; /* the administrator allowed uid 0 */
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (int i = 0; i <= 63 && place->user_namespace; i++)
        prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    syscall(SYS_capset, &header, none);
}

/* ---- System calls --------------------------------------------------------------- */

/* What no workload needs and what past escapes went through. */
static const int refused[] = {
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_setns, SYS_open_tree,
    SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick,
    SYS_mount_setattr, SYS_kexec_load, SYS_kexec_file_load, SYS_init_module,
    SYS_finit_module, SYS_delete_module, SYS_bpf, SYS_perf_event_open,
    SYS_keyctl, SYS_add_key, SYS_request_key, SYS_reboot, SYS_swapon,
    SYS_swapoff, SYS_open_by_handle_at, SYS_userfaultfd, SYS_acct,
    SYS_quotactl, SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime,
    SYS_adjtimex, SYS_sethostname, SYS_setdomainname, SYS_syslog,
    SYS_vhangup, SYS_process_vm_writev, SYS_unshare, SYS_kcmp,
    SYS_move_pages, SYS_lookup_dcookie,
#ifdef SYS_iopl
    SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
};

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

#define CLONE_NEW_ANY 0x7E020080u /* CLONE_NEW*, without NEWTIME */

#ifdef OUR_ARCH
static int filter_calls(void)
{
    struct sock_filter code[16 + 2 * count_of(refused)];
    size_t n = 0;
    struct sock_fprog program = { .filter = code };

#define DO(op, value) code[n++] = (struct sock_filter)BPF_STMT((op), (value))
#define IF(op, value, yes, no)                                                 \
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | (op) | BPF_K, (value), (yes), (no))
    DO(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    IF(BPF_JEQ, OUR_ARCH, 1, 0);
    DO(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
    DO(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    IF(BPF_JGE, 0x40000000u, 0, 1); /* x32 */
    DO(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
    /* clone3 hides its flags from us; ENOSYS makes libc use clone. */
    IF(BPF_JEQ, SYS_clone3, 0, 1);
    DO(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
    for (size_t i = 0; i < count_of(refused); i++) {
        IF(BPF_JEQ, (uint32_t)refused[i], 0, 1);
        DO(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    }
    IF(BPF_JEQ, SYS_clone, 0, 3);
    DO(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]));
    IF(BPF_JSET, CLONE_NEW_ANY, 0, 1);
    DO(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    DO(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
#undef DO
#undef IF
    program.len = (unsigned short)n;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}
#else
static int filter_calls(void)
{
    return 0;
}
#endif

int confine_self(const struct shim_place *place, const struct node *container,
                 struct shim_message *why)
{
    bool privileged = node_get_bool(container, "privileged", false);

    umask(0022);
    set_limits(container);
    limit_processes(place, container);
    if (become_user(place, container, why) < 0)
        return -1;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user clears it */
    if (privileged)
        return 0;
    drop_capabilities(place);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        snprintf(why->reason, sizeof why->reason, "CannotConfine");
        snprintf(why->text, sizeof why->text, "no_new_privs: %s", strerror(errno));
        return -1;
    }
    /* A kernel without seccomp: the spoke's facts say so. */
    filter_calls();
    return 0;
}
