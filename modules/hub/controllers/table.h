/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_TABLE_H
#define CONTROLLERS_TABLE_H

#include "controllers/controller.h"

/* Private to controllers: the table of all of them. A controller that wakes another
   by name includes this, too. */
extern const struct controller *const controller_table[];
extern const size_t controller_count;

extern const struct controller controller_tenant, controller_project, controller_pool,
    controller_environment, controller_component_revision, controller_trait_revision,
    controller_profile_revision, controller_bundle_revision, controller_retention,
    controller_aiworkload, controller_deployment, controller_placement, controller_replicaset,
    controller_managedcluster, controller_clusterset, controller_binding, controller_liveness,
    controller_csr, controller_token, controller_sweep, controller_aggregation, controller_account,
    controller_ttl, controller_event_expiry;

#endif
