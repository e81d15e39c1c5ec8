/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_POOL_SPOKES_H
#define CONTROLLERS_POOL_SPOKES_H

#include "controllers/pass.h"
#include "meta/meta.h"

/*
 * Private to controllers: spokes that a pool expects (spec.spokes).
 *
 * Each is made ahead: a ManagedCluster that nothing is placed on yet, a join
 * token for this name alone, and a Secret POOL-SPOKE-join that holds it for
 * whoever sets the machine up. Token and Secret go when the spoke has joined,
 * and all of it when a spoke that has not is no longer expected.
 */

/* `ret_rows`: [{name, phase: PendingJoin|Joined|Available|Failed, secret, message}]. */
int pool_spokes(struct reconcile_run *run, const struct node *pool, const char *set,
                struct node *ret_rows, struct err *err) MUST_CHECK;
/* The pool goes: those that never came are taken back. */
int pool_spokes_drop(struct reconcile_run *run, const char *set, struct err *err) MUST_CHECK;

/* NULL if this spoke is in the pool's set, else why it is not the pool's. */
const char *pool_spoke_trouble(struct reconcile_run *run, const char *name, const char *set);
/* The set of spokes whose pool has gone: no project may place on it. */
#define POOL_RELEASED "axle-released"

/* What wakes a pool (pool_wake.c). */
controller_map_fn pool_map_environment, pool_map_namespaced, pool_map_cluster, pool_map_set,
    pool_map_token, pool_map_name;

#endif
