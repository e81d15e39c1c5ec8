/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_WORKLOAD_H
#define CLUSTER_WORKLOAD_H

#include "cluster/object.h"

/* Private to cluster: objects that have pods. Each file calls only those above it in this list. */

/* ---- workload.c: what its manifest wants ------------------------------------------------- */

/* Reads the spec; fills broken, hash and template. */
void workload_read(struct cluster_object *object);
/* Of a Deployment or StatefulSet. */
struct plan_workload workload_want(const struct cluster_object *object);
/* Whether its pods are planned at all now. */
bool workload_can_plan(const struct cluster_object *object);
/* minReadySeconds, as nanoseconds. */
int64_t workload_least(const struct cluster_object *object);

/* Starts a pod from the template as it is now, or from the former one. */
void workload_start_pod(struct cluster_object *object, int index, bool former);

/* A pod of it was evicted or lost, and another takes its place: at once the first
   time, then with the pauses of plan_backoff(). */
void workload_on_loss(struct cluster_object *object, const struct pod *pod, const char *reason,
                      const char *message);
/* Wall time before which none of its pods is made anew, after losses; 0: now. */
int64_t workload_held_until(const struct cluster_object *object);
/* How long the pod had to wait after losses before it was made; 0: it had not. */
int64_t workload_pause(const struct cluster_object *object, const struct pod *pod);
bool workload_is_available(const struct cluster_object *object, const struct pod *pod);

/* ---- sight.c: what its pods look like ------------------------------------------------------ */

struct sight {
    int wanted, total, updated, ready, good, old; /* good: of the present template */
    int64_t newest;                               /* wall time at which its newest pod was made */
    struct manifest_why trouble, wait;            /* wait: what one of them waits for to be ready */
    bool troubled, final;
};
void sight_take(const struct cluster_object *object, struct sight *ret);
/* The worst that can be said of its pods; false: nothing, and `ret` is what one of them
   waits for, if for anything. */
bool sight_trouble(const struct cluster_object *object, struct manifest_why *ret);

/* ---- job_run.c
 * ----------------------------------------------------------------------------------- */

/* Starts and ends a Job's pods, and decides its end. */
void job_reconcile(struct cluster_object *object, struct pod *const *pods, size_t count);
/* Whether backoffLimit leaves a container of that pod another start. */
bool job_may_restart(const struct cluster_object *object, const struct pod *pod);
/* A lone Pod was evicted: it stays ended. */
void job_end_pod(struct cluster_object *object, const char *reason, const char *message);
void job_set_health(struct cluster_object *object);

/* ---- replicas.c -------------------------------------------------------------------- */

/* Starts and ends the object's pods as planned. */
void replicas_pass(struct cluster_object *object);

/* ---- object_health.c
 * ------------------------------------------------------------------------------------ */

/* Sets `health` and `why`. */
void object_judge(struct cluster_object *object);

#endif
