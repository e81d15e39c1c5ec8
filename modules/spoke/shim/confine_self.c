/* SPDX-License-Identifier: Apache-2.0 */
/* Takes from a container's process what it must not have: user, capabilities, limits, calls. */

#include "shim/launch.h"

#include "base/text.h"
#include "document/document.h"
#include "number/number.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- Limits ------------------------------------------------------------------------- */

/* A stand-in for a group that counts: it counts the user's processes. */
static void limit_processes(const struct shim_place *place, const struct node *container)
{
    int64_t pids = number_get(container, "pids", NUMBER_COUNT, 0);
    struct rlimit limit = {(rlim_t)pids, (rlim_t)pids};

    if (pids > 0 && !node_get_bool(node_get(place->spec, "isolation"), "pids", false))
        setrlimit(RLIMIT_NPROC, &limit);
}

static void set_process_limits(const struct node *container)
{
    /* 1, not 0: where a program takes core dumps, only this keeps it from being started. */
    struct rlimit core = {1, 1};
    struct rlimit files = {1048576, 1048576};
    struct rlimit have;
    int64_t address = number_get(container, "addressSpace", NUMBER_BYTES, 0);

    setrlimit(RLIMIT_CORE, &core);
    if (getrlimit(RLIMIT_NOFILE, &have) == 0) {
        files.rlim_cur = have.rlim_max < files.rlim_max ? have.rlim_max : files.rlim_max;
        files.rlim_max = files.rlim_cur;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (address > 0) {
        struct rlimit memory = {(rlim_t)address, (rlim_t)address};

        setrlimit(RLIMIT_AS, &memory);
    }
}

/* ---- User and capabilities -------------------------------------------------------------- */

static int fail_confine(struct shim_message *why, const char *reason, const char *what)
{
    why->status = errno;
    snprintf(why->reason, sizeof why->reason, "%s", reason);
    snprintf(why->text, sizeof why->text, "%.200s: %s", what, strerror(errno));
    return -1;
}

/* What the agent's administrator allowed, and nothing that follows from the uid. */
static uint64_t capabilities_of(const struct node *container)
{
    const struct node *list = node_get(container, "capabilities");
    uint64_t mask = 0;

    for (size_t i = 0; i < node_count(list); i++) {
        long long number = -1;

        if (text_to_int(node_text(node_item(list, i)), &number) && number >= 0 && number < 64)
            mask |= UINT64_C(1) << number;
    }
    return mask;
}

static int set_capabilities(uint64_t mask, bool inherit)
{
    struct {
        uint32_t version;
        int pid;
    } header = {0x20080522, 0};
    struct {
        uint32_t effective, permitted, inheritable;
    } sets[2];

    for (int i = 0; i < 2; i++) {
        uint32_t half = (uint32_t)(mask >> (32 * i));

        sets[i].effective = sets[i].permitted = half;
        sets[i].inheritable = inherit ? half : 0;
    }
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, sets) < 0)
        return -1;
    for (int i = 0; i < 64 && inherit; i++)
        if (mask >> i & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
            return -1;
    return 0;
}

static void bound_capabilities(uint64_t mask)
{
    for (int i = 0; i < 64; i++)
        if (!(mask >> i & 1))
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

static size_t add_own_group(gid_t *groups, size_t count, uint32_t group)
{
    if (group == NUMBER_NO_ID)
        return count;
    groups[count] = group;
    return count + 1;
}

/* Delivered files belong to the pod's own group, so each process is in it, whatever its user. */
static int set_groups(const struct node *spec)
{
    const struct node *list = node_get(spec, "groups");
    gid_t groups[SHIM_GROUPS + 2];
    size_t count = add_own_group(groups, 0, number_id(spec, "user"));

    count = add_own_group(groups, count, number_id(spec, "fsGroup"));
    for (size_t i = 0; i < node_count(list) && i < SHIM_GROUPS; i++)
        count = add_own_group(
            groups, count, (uint32_t)number_value(node_item(list, i), NUMBER_GROUP, NUMBER_NO_ID));
    return setgroups(count, groups);
}

static uint32_t id_of(const struct node *container, const struct node *spec, const char *name,
                      uint32_t none)
{
    uint32_t id = number_id(container, name);

    if (id == NUMBER_NO_ID)
        id = number_id(spec, name);
    return id == NUMBER_NO_ID ? none : id;
}

/* As root: to another user, or to uid 0 where that was allowed, with what was given. */
static int become_user(const struct shim_place *place, const struct node *container,
                       bool privileged, struct shim_message *why)
{
    const struct node *spec = place->spec;
    bool root = node_get_bool(node_get(spec, "isolation"), "allowRoot", false);
    uint32_t user = id_of(container, spec, "user", NUMBER_NO_ID);
    uint32_t group = id_of(container, spec, "group", user);
    uint64_t mask = capabilities_of(container);

    errno = EPERM;
    if (user == NUMBER_NO_ID || ((user == 0 || group == 0) && !root))
        return fail_confine(why, "UserUnavailable", "nothing runs as uid 0 or gid 0 here");
    if (!privileged)
        bound_capabilities(mask);
    prctl(PR_SET_KEEPCAPS, user != 0 && !privileged && mask != 0, 0, 0, 0);
    if (set_groups(spec) < 0 || setresgid(group, group, group) < 0)
        return fail_confine(why, "UserUnavailable", "cannot become the pod's group");
    if (setresuid(user, user, user) < 0)
        return fail_confine(why, "UserUnavailable", "cannot become the pod's user");
    if (!privileged && set_capabilities(mask, user != 0) < 0)
        return fail_confine(why, "CannotConfine", "capabilities");
    return 0;
}

/* Without root there is no other user to become. In a user namespace of our own there are
   capabilities all the same, which are dropped. */
static int stay_user(const struct shim_place *place, struct shim_message *why)
{
    if (place->user_namespace)
        bound_capabilities(0);
    return set_capabilities(0, false) < 0 ? fail_confine(why, "CannotConfine", "capabilities") : 0;
}

/* ---- Other processes ------------------------------------------------------------------------ */

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif
#define SCOPE_ABSTRACT_SOCKETS UINT64_C(1)
#define SCOPE_SIGNALS UINT64_C(2)
#define ABI_WITH_SCOPES 6

bool shim_has_scopes(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= ABI_WITH_SCOPES;
}

/*
 * Abstract unix sockets have no folder whose permissions would keep a pod out.
 * Without a pid namespace the pod could also end whatever else its user runs;
 * the agent, for instance. An older kernel can do neither; RUNTIME.md says so.
 */
static void scope_landlock(const struct shim_place *place)
{
    struct {
        uint64_t files, network, scopes;
    } rules = {0, 0, SCOPE_ABSTRACT_SOCKETS | (place->namespaces ? 0 : SCOPE_SIGNALS)};
    long set;

    if (!shim_has_scopes())
        return;
    set = syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    if (set < 0)
        return;
    if (syscall(SYS_landlock_restrict_self, (int)set, 0) < 0)
        errno = 0;
    close((int)set);
}

int confine_self(const struct shim_place *place, const struct node *container,
                 struct shim_message *why)
{
    bool root = geteuid() == 0 && !place->user_namespace;
    bool privileged = root && node_get_bool(container, "privileged", false) &&
                      node_get_bool(node_get(place->spec, "isolation"), "allowPrivileged", false);

    umask(0022);
    set_process_limits(container);
    limit_processes(place, container);
    if (root ? become_user(place, container, privileged, why) < 0 : stay_user(place, why) < 0)
        return -1;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user clears it */
    if (privileged)
        return 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail_confine(why, "CannotConfine", "no_new_privs");
    scope_landlock(place);
    return syscalls_filter() < 0 ? fail_confine(why, "CannotConfine", "filter of system calls") : 0;
}
