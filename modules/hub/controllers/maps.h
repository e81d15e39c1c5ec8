/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_MAPS_H
#define CONTROLLERS_MAPS_H

#include "controllers/controller.h"

/* Private to controllers: maps from a change to keys that several of them use. */

/* Whether a change left the spec as it was; false where there was or is none. */
bool object_spec_is_same(struct controllers *all, const struct object *before,
                         const struct object *after);
/* Whether a Project's change may concern the namespaces of other projects: its name,
   or what it lists, is taken, shared or free. */
bool project_concerns_others(struct controllers *all, const struct object *before,
                             const struct object *after);
/* Whether a change of an object left all but its status as it was. */
bool object_only_status_differs(struct controllers *all, const struct object *before,
                                const struct object *after);

/* Wake the owner of this kind that the object has, or had before the change. */
controller_map_fn map_owner_aiworkload, map_owner_deployment, map_owner_environment, map_owner_pool,
    map_owner_placement, map_owner_replicaset;
/* A work's name is NAMESPACE.NAME of its replica set, whole, and a replica set has the
   name of its deployment. */
controller_map_fn map_work_to_owner;

#endif
