/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_IN_USE_H
#define CONTROLLERS_IN_USE_H

#include "controllers/pass.h"

/*
 * Private to controllers: who uses an Environment or a ComputePool. One that is in
 * use is not let go when it is deleted: it waits for its users and says who they
 * are. Answers are words for a person, or NULL when it is not used.
 */
const char *in_use_environment(struct reconcile_run *run, const char *namespace, const char *name);
/* By name, by its set, or by what runs on its spokes, from whatever project. */
const char *in_use_pool(struct reconcile_run *run, const char *namespace, const char *name,
                        const char *set);

/* Says in the status of what waits to be deleted for whom it waits. */
int in_use_wait(struct reconcile_run *run, const struct seen *seen, const char *users,
                struct err *err) MUST_CHECK;

/* Wakes the place that a WorkloadDeployment has left. */
controller_map_fn map_left_place;

#endif
