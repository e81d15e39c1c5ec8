/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_OBJECT_H
#define CLUSTER_OBJECT_H

#include "base/map.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "loop/loop.h"
#include "manifest/manifest.h"
#include "plan/plan.h"
#include "pods/pods.h"

/*
 * Private to cluster: its state. An owner has objects; an object of a workload kind
 * has pods, which are of module `pods`. Every file of the module uses this.
 *
 * What has changed is marked dirty, on the object, its owner or the Services, and
 * looked at in the next turn of the loop (reconcile.c). So a file never calls another one
 * upwards to tell that something has changed.
 */

enum cluster_health { CLUSTER_CURRENT, CLUSTER_IN_PROGRESS, CLUSTER_FAILED, CLUSTER_TERMINATING };
extern const char *const cluster_health_names[];

/* What a Service looks like now; see service.h. */
struct object_service {
    struct arena *arena; /* owned */
    struct node *status;
    struct manifest_why why;
};

/* A pod template that a workload has, or had before the rollout that is under way. */
struct object_revision {
    char hash[24];
    const struct node *template; /* interned */
    int replicas;                /* how many pods it had */
    bool *taken; /* owned; of a former one: ordinals that the rollout has reached, PLAN_INDEXES */
};

/* A Job's run of one template, or the end of a lone Pod that is not made again. */
struct object_run {
    int64_t started, finished;  /* wall time; 0: not yet */
    bool ended, complete;       /* it is decided, whatever its pods say from now on */
    bool keeping, kept, tidied; /* the end goes to the disk; is there; its pods were removed */
    int succeeded, failed;
    struct manifest_why why; /* reason as Kubernetes calls it */
};

/* Failed pods of a Job that were removed to make room; in the order of their ends. */
struct object_past {
    struct plan_past sum;
    int64_t until; /* those that had finished by then are in it */
};

struct cluster_object {
    struct cluster *cluster;
    char *key;                 /* owned; see object.c */
    const char *plain;         /* interned; "group/kind/namespace/name" */
    const char *project;       /* interned; "": of no project */
    const struct node *object; /* interned */
    const char *api_version, *kind, *namespace, *name;
    const struct manifest_kind *row; /* NULL: unknown here */
    struct cluster_owner *owner;
    enum cluster_strategy strategy;
    int phase;
    bool orphan, removing, dirty, waiting; /* waiting for a lower phase */
    bool second;                           /* another work has the object of this name already */
    /* Made out of pods that were found running without a set on disk; see adopted.c */
    bool adopted;
    int64_t generation, created, uid;
    struct manifest_why broken;           /* reason "": it can be run */
    char hash[24];                        /* of the template as it is now */
    const struct node *template;          /* interned; of its pods, labels and all */
    struct loop_timer *timer;             /* owned; the next look it asked for */
    struct object_revision *now, *former; /* owned; former NULL: no rollout is under way */
    bool settled;                         /* all of its pods were of this template, and available */
    bool stateful;                        /* something of it is kept in a row of its own */
    int replicas;                         /* as many as were wanted last */
    struct plan_job_state job;
    struct object_run run;
    struct object_past *past; /* owned; NULL: none */
    int64_t progressed;       /* wall time */
    int64_t progress_of;      /* generation; and how far it has come: */
    int most_ready, fewest_old;
    bool late;       /* progressDeadlineSeconds are over */
    unsigned losses; /* pods evicted or lost, one soon after the other; see workload_on_loss() */
    int64_t lost;    /* wall time of the last one */
    struct manifest_why *lost_why;  /* owned; of the last one */
    struct object_service *service; /* owned */
    enum cluster_health health;
    struct manifest_why why;
};

struct cluster_owner {
    struct cluster *cluster;
    const char *name;        /* interned */
    const char *project;     /* interned; "": of no project */
    const struct node *kept; /* interned; the set that was applied last, as its row has it */
    char *unkept; /* owned; why they cannot be made durable; NULL: nothing is known against it */
    bool committed, removing, dirty, no_prune;
    uint64_t told; /* hash of the last report */
};

struct cluster {
    struct cluster_options options;
    struct pods *pods;                  /* owned */
    struct map *owners, *objects;       /* owned */
    struct loop_timer *reconcile_timer; /* owned; set while anything is dirty */
    struct loop_timer *retry;           /* owned; a commit that failed */
    struct services *services;          /* owned */
    bool services_dirty; /* something that Services and the names of pods look at has changed */
    bool closing, names_in_env_only;
};

/* The owner of objects whose own owner has gone and that were to stay. */
#define CLUSTER_ORPHANS "~orphans"

/* ---- object.c: what has changed ----------------------------------------------------- */

/* Looks at everything that is dirty in the next turn of the loop. */
void cluster_wake(struct cluster *cluster);
void cluster_touch_services(struct cluster *cluster);
void object_touch(struct cluster_object *object);
/* Tells an Event; of no object, nothing is told. */
void object_note(const struct cluster_object *object, const char *type, const char *reason,
                 const char *format, ...) PRINTF(4, 5);
/* Touches it at that time. */
void object_look_again(struct cluster_object *object, int64_t wall);

/* ---- object.c: whose an object is ------------------------------------------------------ */

/*
 * A viewer finds its own work's objects and those of other works of its project,
 * never another project's. Works of no project are an administrator's: they share
 * namespaces, Services and claims with each other, but each finds only its own
 * ConfigMaps and Secrets.
 */
struct cluster_object *object_find(const struct cluster *cluster, const struct pods_viewer *viewer,
                                   const char *group, const char *kind, const char *name);
/* Works of one project have an object of such a kind each, side by side. */
bool object_is_shared(const char *project, const struct manifest_kind *kind);
/* A new object's `key`; the caller frees. `owner` NULL: there is one of that name at most. */
char *object_key(const char *project, const char *plain, const char *owner);
/* It is of a kind that has pods and runs here. */
bool object_is_workload(const struct cluster_object *object);
/* NULL: the workload of the pod is not known. */
struct cluster_object *object_of_pod(const struct cluster *cluster, const struct pod *pod);
/* object_of_pod() is that one. All texts of both are interned, so that they are compared by
   their addresses. */
bool object_has_pod(const struct cluster_object *object, const struct pod *pod);
/* The object's pods; returns how many. */
size_t object_pods(const struct cluster_object *object, struct pod **ret, size_t room);
#define OBJECT_PODS PLAN_PODS

/* ---- object_state.c: what is remembered of an object beside its manifest ----------- */

/* Its template is another one now; `hash` is the new one's. */
void revision_change(struct cluster_object *object, const char *hash);
/* All pods are of the present template and available: the rollout is over. */
void revision_settle(struct cluster_object *object);
void revision_free(struct cluster_object *object);
/* Writes or removes its row; `done` is told when that is durable, may be NULL. */
void state_keep(struct cluster_object *object, cluster_kept_fn *done, void *arg);
void state_forget(struct cluster_object *object);
void state_load(struct cluster_object *object, const struct node *kept);
#define STATE_ROW "cluster/state/"

#endif
