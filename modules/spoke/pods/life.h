/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PODS_LIFE_H
#define PODS_LIFE_H

#include "pods/pod.h"

/*
 * Private to pods: the parts of a pod's life, the lowest first. Each calls those above
 * it in this list; what has to go the other way is a callback that is given along.
 */

/* ---- probes.c ------------------------------------------------------------------------ */

void probes_begin(struct pod_container *container, probes_fn *on_result);
void probes_end(struct pod_container *container);

/* ---- hook.c: after the start and before the end -------------------------------------- */

/* False: it has none. The hook is given up after `most` nanoseconds. */
bool hook_begin(struct pod_container *container, enum pod_hook kind, int64_t most, hook_fn *on_end);
/* A hook that only sleeps is over. */
void hook_slept(void *container);

/* ---- end.c --------------------------------------------------------------------------- */

void pod_free(struct pod **pod);
/* A pod has ended: those that wait for a port may have it. */
void pod_wake_waiting(struct pods *pods);
/* A container of a pod that was told to end has ended. */
void pod_go_on_ending(struct pod *pod);
/* Runs the container's preStop hook, then stops it alone. */
void pod_stop_container(struct pod_container *container);
/* Its shim is gone or it was evicted: it cannot be started again, only replaced. */
void pod_on_lost(struct pod *pod, const char *reason, const char *message);

/* ---- run.c --------------------------------------------------------------------------- */

/* Starts what is due: init containers one after the other, then all the rest at once. */
void pod_advance(struct pod *pod);
void pod_look_for_end(struct pod *pod);
void pod_on_started(struct pod_container *container, const struct runtime_event *event);
void pod_on_ended(struct pod_container *container, const struct runtime_event *event);
/* The pause of a container is over. */
void pod_on_restart(void *container);

/* ---- make.c -------------------------------------------------------------------------- */

struct pod *pod_new(struct pods *pods, const char *id);
/* Takes the containers out of the template. */
void pod_take_containers(struct pod *pod);
/* Makes it, or notes why that cannot be done now and tries again after a pause. */
void pod_try_make(struct pod *pod);

/* ---- pod_adopt.c: a pod that an agent before has left -------------------------------------- */

void pod_adopt(struct pods *pods, const struct node *found);

#endif
