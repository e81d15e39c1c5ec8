/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out what this machine supports, for the spoke's status. */

#include "runtime/process.h"

#include "document/document.h"
#include "shim/shim.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a child: a namespace that was entered cannot be left. */
static bool try_child(int (*attempt)(void))
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(attempt() == 0 ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int try_mounts(void)
{
    if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
        return -1;
    return mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
}

static int try_plain(void)
{
    return unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS) < 0 ? -1
                                                                                 : try_mounts();
}

static int try_user(void)
{
    return unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS) < 0
               ? -1
               : try_mounts();
}

void process_look_around(struct runtime *runtime)
{
    runtime->root = geteuid() == 0;
    runtime->namespaces = try_child(try_plain);
    if (!runtime->namespaces && !runtime->root) {
        runtime->user_namespace = try_child(try_user);
        runtime->namespaces = runtime->user_namespace;
    }
    runtime->seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
    cgroup_find_below(&runtime->cgroups, runtime->options.cgroup_parent);
}

static void tell_limits(const struct runtime *runtime, struct arena *arena, struct node *facts,
                        struct node *notes)
{
    const struct cgroup_base *cgroups = &runtime->cgroups;
    struct node *list = node_make_list(arena, facts, "limits");

    for (int i = 0; i < CGROUP_LIMITS; i++)
        if (cgroups->limits[i])
            node_add(arena, list, node_string(arena, cgroup_limit_names[i]));
        else if (cgroups->kind != CGROUP_NONE)
            node_add(arena, notes,
                     node_format(arena,
                                 "cgroup %s without the %s controller: "
                                 "such limits are not enforced",
                                 cgroup_kind_name(cgroups->kind), cgroup_limit_names[i]));
    if (*cgroups->note)
        node_add(arena, notes, node_string(arena, cgroups->note));
}

struct node *process_facts(struct runtime *runtime, struct arena *arena)
{
    struct node *facts = node_map(arena);
    struct node *namespaces = node_make_list(arena, facts, "namespaces");
    struct node *notes = node_make_list(arena, facts, "notes");
    static const char *const names[] = {"mount", "pid", "ipc", "uts"};

    node_set_text(arena, facts, "driver", "process");
    node_set_text(arena, facts, "cgroup", cgroup_kind_name(runtime->cgroups.kind));
    if (runtime->user_namespace)
        node_add(arena, namespaces, node_string(arena, "user"));
    for (size_t i = 0; i < count_of(names) && runtime->namespaces; i++)
        node_add(arena, namespaces, node_string(arena, names[i]));
    node_set_text(arena, facts, "user",
                  runtime->root ? "unprivileged, by namespace" : "the agent's own");
    node_set_bool(arena, facts, "seccomp", runtime->seccomp);
    node_set_text(arena, facts, "landlock", shim_has_scopes() ? "scopes" : "none");
    tell_limits(runtime, arena, facts, notes);
    if (!runtime->seccomp)
        node_add(
            arena, notes,
            node_string(arena, "no seccomp in this kernel: workloads may make any system call"));
    if (!runtime->namespaces)
        node_add(arena, notes,
                 node_string(arena,
                             "no namespaces may be made here: absolute mount paths are refused, "
                             "and workloads see each other's processes"));
    if (!shim_has_scopes())
        node_add(
            arena, notes,
            node_string(
                arena,
                "no scopes of Landlock in this kernel: workloads reach abstract unix sockets of "
                "other programs"));
    if (!runtime->root)
        node_add(
            arena, notes,
            node_string(arena, "not root: workloads run as the agent's user and could harm it"));
    return facts;
}
