/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_POD_H
#define CLUSTER_POD_H

#include "cluster/local.h"

/*
 * Private to cluster: the parts of a pod's life. pod.c keeps it and says what
 * it is, pod_make.c makes it, pod_run.c takes it through its life, pod_adopt.c
 * takes it over from an agent that has gone.
 */

struct local_pod *pod_new(struct cluster *cluster, const char *id);
void pod_take_containers(struct local_pod *pod);
const char *pod_policy(const struct local_pod *pod);
bool pod_runs(const struct local_container *container);
bool pod_has_failed(const struct local_container *container);

/* ports.c: the ports that it declares, or the reason why one is not to be had. */
int ports_take(struct local_pod *pod, struct manifest_why *why);
void pod_try_make(struct local_pod *pod);
/* A pod has ended: those that wait for a port may have it. */
void pod_wake_waiting(struct cluster *cluster);

/* ---- hook.c: after the start and before the end ---------------------------------- */
/* False: there is none. It is given up after `most` nanoseconds. */
bool hook_begin(struct local_container *container, enum local_hook kind, int64_t most);
void hook_slept(void *container);
/* Called when a preStop hook is over, well or not. */
void pod_hook_over(struct local_container *container);

void pod_on_restart(void *container);
void pod_advance(struct local_pod *pod);
void pod_look_for_end(struct local_pod *pod);
void pod_on_started(struct local_container *container, const struct runtime_event *event);
void pod_on_ended(struct local_container *container, const struct runtime_event *event);
void pod_on_lost(struct local_pod *pod, const char *reason, const char *message);

#endif
