/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_ALLOWED_H
#define CONTROLLERS_ALLOWED_H

#include "controllers/pass.h"

/*
 * Private to controllers: what a project may use of the spokes.
 *
 * Controllers write with the hub's rights on behalf of people who have fewer.
 * What bounds them is asked here and nowhere else: which sets of clusters a
 * project may be bound to, and which namespaces on spokes it may fill. Rules
 * (boundaries.c) ask when something is applied, controllers when they act, since
 * Tenants, Projects and pools may have changed in between.
 *
 * Answers are words for a person, or NULL when nothing is wrong.
 */

/* The name of a pool's ManagedClusterSet: NAMESPACE.POOL, hashed over 63. */
char *allowed_pool_set(struct arena *arena, const char *namespace, const char *pool);

/*
 * The sets that the project of this namespace may place on, as a list of names:
 * what its tenant lists (`default` if it lists nothing), the sets of its own
 * pools, and those of pools of the same tenant that are shared with it.
 */
struct node *allowed_sets(struct reconcile_run *run, const char *project);
/* Why a set may not be named there. A namespace that is no project's is not judged. */
const char *allowed_set_trouble(struct reconcile_run *run, const char *project, const char *set);
/*
 * Whether the project keeps what it has on a cluster that no binding reaches now: the
 * set, its binding or its pool is missing, but the right to it was not taken back and
 * the cluster is still in it. For what runs there already, never for something new.
 */
bool allowed_keeps(struct reconcile_run *run, const char *project, const char *cluster);
/* The same where the project reaches the cluster by another set: only one of the
   sets that are asked for can be missing. */
bool allowed_keeps_of(struct reconcile_run *run, const char *project, const struct node *requested,
                      const char *cluster);
/* Wakes the controllers that ask that, when a Tenant, Project or pool changes. */
controller_map_fn map_rights_to_sets;
/* Why the pool may not be shared with this project. */
const char *allowed_share_trouble(struct reconcile_run *run, const char *owner, const char *with);

/* Why the pool may not expect so many spokes: each takes a name on the whole hub. */
const char *allowed_spokes_trouble(struct reconcile_run *run, const char *owner, const char *pool,
                                   size_t count);

/* Why workloads of the project may not go into this namespace on spokes. */
const char *allowed_target_trouble(struct reconcile_run *run, const char *project,
                                   const char *target);
/* Why the Project (as it is to be) may not list this namespace. */
const char *allowed_listing_trouble(struct reconcile_run *run, const struct node *project,
                                    const char *target);

/* Why nobody of this name can be a member (members.c). */
const char *allowed_member_trouble(struct arena *arena, const char *member);

#endif
