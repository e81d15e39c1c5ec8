/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_SUMS_H
#define CONTROLLERS_SUMS_H

#include "controllers/controller.h"
#include "meta/meta.h"

/*
 * Pure: how an AIWorkload stands, from its WorkloadDeployments. One whose status is
 * not yet of its present generation counts as being rendered, and as ready nowhere.
 */
struct sums {
    const char *phase, *message;
    struct node *spokes; /* [{name, phase, message}], the worse of each, worst first */
    struct node *endpoints;
    int64_t ready, total; /* spokes; ready ones have every deployment ready */
    int64_t copies_ready, copies;
};
struct sums sums_of(struct arena *arena, const struct node *deployments);

/*
 * One condition of all: the first that is not True decides. `message` is for a
 * person; an empty list, and what is not known of the present generation, is
 * Unknown.
 */
struct meta_condition sums_condition(const struct node *deployments, const char *type);

#endif
