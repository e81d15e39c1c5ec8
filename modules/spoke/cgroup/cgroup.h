/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CGROUP_H
#define CGROUP_H

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Control groups of pods, of version 1 and version 2: limits, and that all of a
 * container's processes can be found and killed.
 *
 * A pod's groups lie below the agent's own, or below one that the service manager
 * keeps for pods. What this machine cannot do is said in a note and left out: a pod
 * without groups runs too. Every call is made of reads and writes below
 * /sys/fs/cgroup, which do not wait, except that version 1 lets a process that joins a
 * group wait for all processors (cgroup_nest).
 */

enum cgroup_kind { CGROUP_NONE, CGROUP_V1, CGROUP_V2 };
/* Where this process may make groups of its own; chosen once per program. */
enum { CGROUP_MEMORY, CGROUP_CPU, CGROUP_PIDS, CGROUP_LIMITS };
extern const char *const cgroup_limit_names[CGROUP_LIMITS];
struct cgroup_base {
    enum cgroup_kind kind;
    bool limits[CGROUP_LIMITS];                          /* which ones this machine enforces */
    char unified[300];                                   /* v2: the folder under which pods go */
    char memory[300], cpu[300], pids[300], freezer[300]; /* v1; "": absent */
    char note[300];                                      /* why not, for a person */
    char shims[2][300]; /* groups that shims join; "": they stay in the agent's */
};
void cgroup_find(struct cgroup_base *base);
/*
 * The same for an agent whose pods and shims live in a group of another unit of
 * the service manager, so that its own unit has no process but the agent: ended or
 * started anew, no pod is in the way, nor mentioned. "" or NULL, or a group that is
 * not there: as cgroup_find(), with the reason in `note`.
 */
void cgroup_find_below(struct cgroup_base *base, const char *parent);
/* In a shim that was just born: joins what $CGROUP_JOIN lists. */
#define CGROUP_JOIN "AXLE_CGROUPS"
void cgroup_join_listed(void);
/* Of a process that holds such a group: goes where shims are. */
void cgroup_leave_control(void);
/* The same for a version 2 hierarchy mounted at `root`, of which `own` is this
   process's group; "": the root itself. */
bool cgroup_find_v2(struct cgroup_base *base, const char *root, const char *own);
const char *cgroup_kind_name(enum cgroup_kind kind);

struct cgroup_limits {
    int64_t memory, cpu, pids; /* bytes, thousandths of a core, count; 0: none */
    bool freezer;              /* nothing else gets hold of all its processes */
};
#define CGROUP_V1_PIDS 2 /* which of the doors is that of the processes */
/* Makes the group of a container and opens its cgroup.procs files into
   `procs` (-1 for unused). False: no group; the container runs without. */
bool cgroup_make(const struct cgroup_base *base, const char *pod, const char *name,
                 const struct cgroup_limits *limits, int procs[4], struct text *problems);
/* A version 2 group's folder, for clone3() to put a child into; -1: join. */
int cgroup_open(const struct cgroup_base *base, const char *pod, const char *name);
/* How many processes the kernel killed for memory in it. */
int64_t cgroup_oom_kills(const struct cgroup_base *base, const char *pod, const char *name);
void cgroup_kill(const struct cgroup_base *base, const char *pod, const char *name);
/*
 * Version 1 makes each process that joins a group wait for all processors. A
 * spare shim waits beforehand, in a group of processes that it moves into
 * later: the group gets the name of the pod's first container, whose init is
 * born in it.
 */
bool cgroup_nest(const struct cgroup_base *base);
void cgroup_leave(const struct cgroup_base *base);
bool cgroup_move_in(const struct cgroup_base *base, const char *pod, const char *name);
/* Removes what spares that were killed have left. */
void cgroup_sweep(const struct cgroup_base *base);
/* Removes the pod's groups; harmless when there are none. */
void cgroup_remove(const struct cgroup_base *base, const char *pod, const char *name);

/* Kills each process of a list of numbers, ourselves excepted: what cgroup.procs and
   /proc/PID/task/TID/children hold. */
void cgroup_kill_listed(const char *pids);

#endif
