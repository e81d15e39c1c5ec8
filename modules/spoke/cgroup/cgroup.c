/* SPDX-License-Identifier: Apache-2.0 */
/* Puts containers into control groups: version 2, version 1, or none at all. */

#include "cgroup/cgroup.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup"

static const char *const kind_names[] = {
    [CGROUP_NONE] = "none",
    [CGROUP_V1] = "v1",
    [CGROUP_V2] = "v2",
};

const char *const cgroup_limit_names[CGROUP_LIMITS] = {
    [CGROUP_MEMORY] = "memory",
    [CGROUP_CPU] = "cpu",
    [CGROUP_PIDS] = "pids",
};

const char *cgroup_kind_name(enum cgroup_kind kind)
{
    return kind_names[kind];
}

static int write_file(const char *path, const char *value)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t wrote;

    if (fd < 0)
        return -1;
    wrote = write(fd, value, strlen(value));
    close(fd);
    return wrote < 0 ? -1 : 0;
}

static int write_in(const char *folder, const char *file, const char *value)
{
    scoped_mem char *path = mem_printf("%s/%s", folder, file);

    return write_file(path, value);
}

static char *read_in(const char *folder, const char *file)
{
    scoped_mem char *path = mem_printf("%s/%s", folder, file);
    FILE *in = fopen(path, "re");
    char bytes[4096];
    size_t len;

    if (!in)
        return NULL;
    len = fread(bytes, 1, sizeof bytes - 1, in);
    fclose(in);
    bytes[len] = '\0';
    return mem_copy_string(bytes);
}

/* The path of this process in a hierarchy: controller "" is version 2. */
static bool own_path(const char *controller, char *ret, size_t room)
{
    char line[600];
    FILE *in = fopen("/proc/self/cgroup", "re");
    bool found = false;

    while (in && !found && fgets(line, sizeof line, in)) {
        char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

        if (!path)
            continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        list++;
        found = *controller && text_has_word(list, controller, ',');
        if (!*controller && !*list)
            found = true;
        if (found)
            snprintf(ret, room, "%s", strcmp(path, "/") ? path : "");
    }
    if (in)
        fclose(in);
    return found;
}

static bool make_group_folder(const char *path)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST;
}

static void find_v1(const char *controller, char *ret, size_t room)
{
    char own[400];

    *ret = '\0';
    if (!own_path(controller, own, sizeof own))
        return;
    snprintf(ret, room, ROOT "/%s%.200s/axle", controller, own);
    if (!make_group_folder(ret) || access(ret, W_OK) != 0)
        *ret = '\0';
}

/* Hands a controller down to the groups below; says whether it could. */
static bool hand_down(const char *folder, const char *controller)
{
    scoped_mem char *word = mem_printf("+%s", controller);

    return write_in(folder, "cgroup.subtree_control", word) == 0;
}

static bool has_file(const char *folder, const char *name)
{
    scoped_mem char *path = mem_printf("%s/%s", folder, name);

    return access(path, F_OK) == 0;
}

/*
 * In version 2 a group with processes of its own cannot hand controllers
 * down, so this process first moves to a leaf beside the pods.
 */
static bool leave_for_leaf(struct cgroup_base *base, const char *folder)
{
    char leaf[500];

    snprintf(leaf, sizeof leaf, "%.400s/axle-agent", folder);
    if (make_group_folder(leaf) && write_in(leaf, "cgroup.procs", "0") == 0)
        return true;
    snprintf(base->note, sizeof base->note, "cgroup v2, but %.200s is not delegated to this user",
             folder);
    return false;
}

static void hand_down_limits(struct cgroup_base *base, const char *folder)
{
    for (int i = 0; i < CGROUP_LIMITS; i++)
        base->limits[i] = hand_down(folder, cgroup_limit_names[i]) &&
                          hand_down(base->unified, cgroup_limit_names[i]);
}

bool cgroup_find_v2(struct cgroup_base *base, const char *root, const char *own)
{
    scoped_mem char *mine = mem_copy_string(own), *folder = NULL;

    /* An agent started again finds itself in the leaf already. */
    if (text_ends(mine, "/axle-agent"))
        mine[strlen(mine) - strlen("/axle-agent")] = '\0';
    folder = mem_printf("%s%s", root, mine);
    /* Only the root of the machine has no type, and may keep processes. */
    if ((*mine || has_file(folder, "cgroup.type")) && !leave_for_leaf(base, folder))
        return false;
    snprintf(base->unified, sizeof base->unified, "%.280s/axle", folder);
    if (!make_group_folder(base->unified) || access(base->unified, W_OK) != 0) {
        snprintf(base->note, sizeof base->note, "cgroup v2, but no group can be made in %.200s",
                 folder);
        return false;
    }
    hand_down_limits(base, folder);
    base->kind = CGROUP_V2;
    return true;
}

static bool look_for_v2(struct cgroup_base *base)
{
    char own[400];

    return access(ROOT "/cgroup.controllers", R_OK) == 0 && own_path("", own, sizeof own) &&
           cgroup_find_v2(base, ROOT, own);
}

static void look_for_v1(struct cgroup_base *base)
{
    find_v1("memory", base->memory, sizeof base->memory);
    find_v1("cpu", base->cpu, sizeof base->cpu);
    find_v1("pids", base->pids, sizeof base->pids);
    find_v1("freezer", base->freezer, sizeof base->freezer);
    /* A kernel may have the hierarchy and yet no bandwidth control. */
    base->limits[CGROUP_MEMORY] = *base->memory != '\0';
    base->limits[CGROUP_CPU] = *base->cpu && has_file(base->cpu, "cpu.cfs_quota_us");
    base->limits[CGROUP_PIDS] = *base->pids != '\0';
    if (*base->memory || *base->pids)
        base->kind = CGROUP_V1;
}

void cgroup_find(struct cgroup_base *base)
{
    *base = (struct cgroup_base){.kind = CGROUP_NONE};
    if (look_for_v2(base))
        return;
    look_for_v1(base);
    if (base->kind == CGROUP_NONE && !*base->note)
        snprintf(base->note, sizeof base->note,
                 "no cgroup may be made here: limits are not enforced");
}

/* ---- Below another unit's group ---------------------------------------------------------- */

/* A shim in this leaf finds the pods' groups by itself; see cgroup_find_v2(). */
static bool use_parent_v2(struct cgroup_base *base, const char *parent)
{
    snprintf(base->unified, sizeof base->unified, ROOT "%.200s/axle", parent);
    snprintf(base->shims[0], sizeof base->shims[0], ROOT "%.200s/axle-agent", parent);
    return make_group_folder(base->unified) && make_group_folder(base->shims[0]) &&
           access(base->unified, W_OK) == 0;
}

/* Version 1: limits stay below the agent's group, and only the hierarchies by which
   the service manager tells processes apart have another place. */
static bool use_parent_v1(struct cgroup_base *base, const char *parent)
{
    static const char *const roots[] = {ROOT "/systemd", ROOT "/unified"};
    bool found = false;

    for (size_t i = 0; i < count_of(roots); i++) {
        snprintf(base->shims[i], sizeof base->shims[i], "%s%.200s", roots[i], parent);
        if (access(base->shims[i], W_OK) == 0)
            found = true;
        else
            base->shims[i][0] = '\0';
    }
    return found;
}

void cgroup_find_below(struct cgroup_base *base, const char *parent)
{
    scoped_mem char *folder = parent && *parent ? mem_printf(ROOT "%s", parent) : NULL;
    bool v2 = access(ROOT "/cgroup.controllers", R_OK) == 0;

    if (folder && v2 && access(folder, W_OK) == 0) {
        *base = (struct cgroup_base){.kind = CGROUP_V2};
        if (use_parent_v2(base, parent)) {
            hand_down_limits(base, folder);
            return;
        }
    }
    cgroup_find(base);
    if (!folder || (!v2 && use_parent_v1(base, parent)))
        return;
    if (!*base->note)
        snprintf(base->note, sizeof base->note,
                 "cgroup-parent %.150s does not exist or belongs to another user: pods run in the "
                 "agent's group",
                 parent);
}

void cgroup_join_listed(void)
{
    const char *list = getenv(CGROUP_JOIN);

    while (list && *list) {
        size_t len = strcspn(list, ":");
        scoped_mem char *folder = mem_printf("%.*s", (int)len, list);

        if (len)
            write_in(folder, "cgroup.procs", "0");
        list += len + (list[len] == ':');
    }
}

/* The service manager starts it in a subgroup of its own. */
#define CONTROL "/.control"

void cgroup_leave_control(void)
{
    struct cgroup_base ignored;
    scoped_mem char *folder = NULL;
    char own[400];

    if (!own_path("", own, sizeof own) || !text_ends(own, CONTROL))
        return;
    own[strlen(own) - strlen(CONTROL)] = '\0';
    folder = mem_printf(ROOT "%s", own);
    leave_for_leaf(&ignored, folder);
}

/* ---- Groups of containers ------------------------------------------------------------------ */

static char *path_of_group(const char *base, const char *pod, const char *name)
{
    return mem_printf("%s/%s_%s", base, pod, name);
}

static int join_file(const char *folder)
{
    scoped_mem char *path = mem_printf("%s/cgroup.procs", folder);

    return open(path, O_WRONLY | O_CLOEXEC);
}

static void write_limit(const char *folder, const char *file, int64_t value, struct text *problems)
{
    char number[32];

    snprintf(number, sizeof number, "%lld", (long long)value);
    if (write_in(folder, file, number) < 0)
        text_addf(problems, "%s: %s; ", file, strerror(errno));
}

static bool make_v2(const struct cgroup_base *base, const char *pod, const char *name,
                    const struct cgroup_limits *limits, int procs[4], struct text *problems)
{
    scoped_mem char *folder = path_of_group(base->unified, pod, name);
    char quota[64];

    if (!make_group_folder(folder))
        return false;
    if (limits->memory) {
        write_limit(folder, "memory.max", limits->memory, problems);
        write_in(folder, "memory.swap.max", "0");
    }
    if (limits->cpu) {
        snprintf(quota, sizeof quota, "%lld 100000", (long long)limits->cpu * 100);
        if (write_in(folder, "cpu.max", quota) < 0)
            text_addf(problems, "cpu.max: %s; ", strerror(errno));
    }
    if (limits->pids)
        write_limit(folder, "pids.max", limits->pids, problems);
    procs[0] = join_file(folder);
    return procs[0] >= 0;
}

int cgroup_open(const struct cgroup_base *base, const char *pod, const char *name)
{
    scoped_mem char *folder = NULL;

    if (base->kind != CGROUP_V2)
        return -1;
    folder = path_of_group(base->unified, pod, name);
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void make_v1(const char *base, const char *pod, const char *name, const char *file,
                    int64_t value, int *procs, struct text *problems)
{
    scoped_mem char *folder = NULL;

    if (!*base)
        return;
    folder = path_of_group(base, pod, name);
    if (!make_group_folder(folder))
        return;
    if (value && file)
        write_limit(folder, file, value, problems);
    *procs = join_file(folder);
}

/* Memory and swap together; a kernel that does not count swap has no file. */
static void forbid_swap(const char *base, const char *pod, const char *name, int64_t memory)
{
    scoped_mem char *folder = path_of_group(base, pod, name);
    char number[32];

    snprintf(number, sizeof number, "%lld", (long long)memory);
    write_in(folder, "memory.memsw.limit_in_bytes", number);
}

bool cgroup_make(const struct cgroup_base *base, const char *pod, const char *name,
                 const struct cgroup_limits *limits, int procs[4], struct text *problems)
{
    for (int i = 0; i < 4; i++)
        procs[i] = -1;
    if (base->kind == CGROUP_NONE)
        return false;
    if (base->kind == CGROUP_V2)
        return make_v2(base, pod, name, limits, procs, problems);
    /* Only where something is to be limited: joining costs on every start. */
    if (limits->memory) {
        make_v1(base->memory, pod, name, "memory.limit_in_bytes", limits->memory, &procs[0],
                problems);
        forbid_swap(base->memory, pod, name, limits->memory);
    }
    if (limits->cpu)
        make_v1(base->cpu, pod, name, "cpu.cfs_quota_us", limits->cpu * 100, &procs[1], problems);
    if (limits->pids)
        make_v1(base->pids, pod, name, "pids.max", limits->pids, &procs[2], problems);
    if (limits->freezer)
        make_v1(base->freezer, pod, name, NULL, 0, &procs[3], problems);
    return procs[0] >= 0 || procs[2] >= 0;
}

static int64_t number_after(const char *text, const char *word)
{
    const char *at = text ? strstr(text, word) : NULL;

    return at ? strtoll(at + strlen(word), NULL, 10) : 0;
}

int64_t cgroup_oom_kills(const struct cgroup_base *base, const char *pod, const char *name)
{
    const char *root = base->kind == CGROUP_V2 ? base->unified : base->memory;
    scoped_mem char *folder = NULL;
    scoped_mem char *events = NULL;

    if (base->kind == CGROUP_NONE || !*root)
        return 0;
    folder = path_of_group(root, pod, name);
    events = read_in(folder, base->kind == CGROUP_V2 ? "memory.events" : "memory.oom_control");
    return number_after(events, "oom_kill ");
}

static void kill_listed(const char *folder)
{
    scoped_mem char *list = read_in(folder, "cgroup.procs");

    cgroup_kill_listed(list);
}

/* Frozen first, so that nothing is born while the list is read. */
static void kill_v1(const struct cgroup_base *base, const char *pod, const char *name)
{
    const char *root = *base->freezer ? base->freezer : *base->pids ? base->pids : base->memory;
    scoped_mem char *folder = path_of_group(root, pod, name);

    if (*base->freezer)
        write_in(folder, "freezer.state", "FROZEN");
    kill_listed(folder);
    if (*base->freezer)
        write_in(folder, "freezer.state", "THAWED");
}

void cgroup_kill(const struct cgroup_base *base, const char *pod, const char *name)
{
    scoped_mem char *folder = NULL;

    if (base->kind == CGROUP_V1)
        kill_v1(base, pod, name);
    if (base->kind != CGROUP_V2)
        return;
    folder = path_of_group(base->unified, pod, name);
    if (write_in(folder, "cgroup.kill", "1") < 0)
        kill_listed(folder);
}

void cgroup_remove(const struct cgroup_base *base, const char *pod, const char *name)
{
    const char *roots[] = {base->unified, base->memory, base->cpu, base->pids, base->freezer};

    for (size_t i = 0; i < count_of(roots); i++) {
        scoped_mem char *folder = NULL;

        if (!*roots[i])
            continue;
        folder = path_of_group(roots[i], pod, name);
        /* The kernel needs a moment after the last process was reaped. */
        for (int tries = 0; tries < 50 && rmdir(folder) < 0 && errno == EBUSY; tries++)
            usleep(200);
    }
}

/* ---- Spares ------------------------------------------------------------------------ */

static char *spare_path(const struct cgroup_base *base, pid_t pid)
{
    return mem_printf("%s/spare.%d", base->pids, (int)pid);
}

bool cgroup_nest(const struct cgroup_base *base)
{
    scoped_mem char *folder = NULL;

    if (base->kind != CGROUP_V1 || !*base->pids)
        return false;
    folder = spare_path(base, getpid());
    return make_group_folder(folder) && write_in(folder, "cgroup.procs", "0") == 0;
}

void cgroup_leave(const struct cgroup_base *base)
{
    scoped_mem char *folder = spare_path(base, getpid());

    if (write_in(base->pids, "cgroup.procs", "0") == 0)
        rmdir(folder);
}

bool cgroup_move_in(const struct cgroup_base *base, const char *pod, const char *name)
{
    scoped_mem char *from = spare_path(base, getpid());
    scoped_mem char *to = path_of_group(base->pids, pod, name);

    return rename(from, to) == 0;
}

void cgroup_sweep(const struct cgroup_base *base)
{
    DIR *list = base->kind == CGROUP_V1 && *base->pids ? opendir(base->pids) : NULL;

    for (struct dirent *e; list && (e = readdir(list));)
        if (text_starts(e->d_name, "spare."))
            unlinkat(dirfd(list), e->d_name, AT_REMOVEDIR); /* not while it is used */
    if (list)
        closedir(list);
}

void cgroup_kill_listed(const char *pids)
{
    for (char *end; pids && *pids; pids = *end ? end + 1 : end) {
        long pid = strtol(pids, &end, 10);

        if (end == pids)
            end++;
        else if (pid > 1 && pid != getpid())
            kill((pid_t)pid, SIGKILL);
    }
}
