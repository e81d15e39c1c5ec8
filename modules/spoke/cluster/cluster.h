/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_H
#define CLUSTER_H

#include "base/err.h"
#include "base/mem.h"
#include "runtime/runtime.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct node;

/*
 * The place where manifests are applied: one interface, several drivers.
 *
 * A caller hands over whole sets: "of owner X these objects, no others". An
 * owner is a project's or nobody's; what belongs to different projects never
 * meets, whatever its namespace and name. The
 * cluster applies them in order, prunes what left the set (its inventory),
 * keeps them healthy by itself, and calls back whenever what it would report
 * about an owner has changed. It does not know the hub, works or artifacts;
 * `work` has bound what only the spoke knows before objects get here.
 *
 * `local` turns Deployments, Jobs and so on into pods that `runtime` runs on
 * this machine, and remembers what it was told through the caller's `keep`,
 * so that it goes on after a restart without being told again. `kubernetes`
 * is not built; opening it says so.
 *
 * Everything happens on the loop's thread; nothing blocks beyond small local
 * files. Callbacks come from the loop, never from inside a call.
 */
struct cluster;

/*
 * Durable bytes by name, the caller's (a spoke's store). put and remove only
 * stage; commit makes everything staged so far durable, the caller's own
 * writes included, and then calls back, with NULL if all is well. So a work
 * and what the cluster keeps of it cost one fsync together.
 */
typedef void cluster_kept_fn(void *arg, const struct err *err);
struct cluster_keep {
    void *arg;
    void (*put)(void *arg, const char *name, const void *bytes, size_t len);
    void (*remove)(void *arg, const char *name);
    void (*commit)(void *arg, cluster_kept_fn *done, void *done_arg);
    /* Calls `each` for everything kept; once, in open. */
    void (*each)(void *arg,
                 void (*each)(void *each_arg, const char *name, const void *bytes, size_t len),
                 void *each_arg);
};

/* Something worth an Event. `type` is "Normal" or "Warning". */
struct cluster_event {
    const char *owner;
    const char *api_version, *kind, *namespace, *name;
    const char *type, *reason, *message;
};

struct cluster_options {
    struct loop *loop;
    const struct runtime_driver *runtime;   /* local */
    struct runtime_options runtime_options; /* on_event and arg are ours */
    struct cluster_keep keep;
    struct runtime_bounds bounds; /* settled by open */
    const char *address;          /* of this spoke as others reach it; for endpoints */
    /* cluster_report(owner) would answer something new. Coalesced. */
    void (*on_change)(void *arg, const char *owner);
    /* Of an owner that was kept by a program which did not know projects; may be
       NULL. */
    const char *(*project_of)(void *arg, const char *owner);
    /* Only note it down: the cluster is in the middle of something. */
    void (*on_event)(void *arg, const struct cluster_event *event);
    void *arg;
};

/*
 * One object of a set. The phases of `deploymentPriority`: an object of a
 * higher phase waits until everything in lower ones is healthy.
 */
enum cluster_strategy {
    CLUSTER_UPDATE,      /* make it so, and keep it so */
    CLUSTER_CREATE_ONLY, /* only if it is not there */
    CLUSTER_READ_ONLY,   /* leave it as it is, or as it is not */
};
struct cluster_manifest {
    const struct node *object;
    enum cluster_strategy strategy;
    int phase;
    bool orphan; /* when it leaves the set or the set goes: leave it there */
};
struct cluster_set {
    const char *owner;   /* the caller's name for it: a uid, or "work/name" */
    const char *project; /* whose it is; NULL or "": of no project */
    const struct cluster_manifest *items;
    size_t count;
    bool no_prune; /* leave alone what is no longer in the set */
};

/* `driver`: "local", or "kubernetes", which is refused. */
int cluster_open(const char *driver, const struct cluster_options *options, struct cluster **ret,
                 struct err *err) MUST_CHECK;
/* Lets go; what runs keeps running. */
void cluster_close(struct cluster **cluster);
#define scoped_cluster SCOPED(cluster_close)

/*
 * Makes the owner's set what it should be, whatever it was before. Calls
 * keep.commit once and acts after that. The same set again does nothing and
 * writes nothing. Mistakes in an object do not stop the others: they are in
 * the report, under the object.
 */
void cluster_apply(struct cluster *cluster, const struct cluster_set *set);

/* Whether cluster_apply() of this set would do nothing. */
bool cluster_has(struct cluster *cluster, const struct cluster_set *set);
/* The disk could not be written and can be now: stages everything that is to be
   kept, and takes out what is not; the caller commits. */
void cluster_keep_again(struct cluster *cluster);

/*
 * Takes the set away, in reverse order; done when report() answers NULL. What
 * runs ends at once; the report stays until the removal is durable.
 */
void cluster_remove(struct cluster *cluster, const char *owner);

/*
 * What is known about an owner, ready for a Workload's status, failing rows
 * first; NULL when nothing of it is left:
 *
 *   phase       Pending | Progressing | Running | Completed | Degraded |
 *               Deleting
 *   reason, message   of the worst object, for a person
 *   ready, total      pods
 *   copies      {wanted, ready}: pods that are asked for, and how many of them are
 *               ready with the present template (or, of a task, have ended well)
 *   restarts          sum over pods
 *   objects   [{apiVersion, kind, namespace, name, applied: bool,
 *               health: Current|InProgress|Failed|Terminating, reason,
 *               message}]
 *   pods      [{namespace, name, workload, phase, ready, restarts, reason,
 *               message, startedAt, containers: [{name, state, restarts,
 *               pid, exitCode, signal, reason, message}]}]
 *   endpoints [{name, address, port, protocol, pod}]
 *   services  [{namespace, name, type, address, ports: [{name, port,
 *               nodePort}], ready, endpoints: [{pod, address, port, name}],
 *               reason, message}], left out when there are none
 *   inventory [{id: "ns_name_group_kind", v: version}]
 *
 * Larger than 64 kB it is cut at the end of `pods` and `objects`, and
 * `truncated` says how many rows are missing.
 */
struct node *cluster_report(struct cluster *cluster, struct arena *arena, const char *owner);
#define CLUSTER_REPORT_BYTES 65536
/* Only `objects` of the report, and all of them; NULL when nothing is left. */
struct node *cluster_objects(struct cluster *cluster, struct arena *arena, const char *owner);

/* An object as the owner sees it here, with the status its kind has in
   Kubernetes; NULL if it is not there, or another project's. What feedback rules
   and JSONPaths look at. */
struct node *cluster_read(struct cluster *cluster, struct arena *arena, const char *owner,
                          const char *api_version, const char *kind, const char *namespace,
                          const char *name);
/* The owners with anything left, as a list of strings. */
struct node *cluster_owners(struct cluster *cluster, struct arena *arena);
/* What this place can do, for the spoke's status. */
struct node *cluster_facts(struct cluster *cluster, struct arena *arena);
/* Takes away everything, also what was to stay behind; done when it is empty. */
void cluster_end(struct cluster *cluster);
bool cluster_is_empty(const struct cluster *cluster);
/* Looks at everything again: the safety net, for a slow timer. */
void cluster_sweep(struct cluster *cluster);

#endif
