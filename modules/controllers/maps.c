/* SPDX-License-Identifier: Apache-2.0 */
/* Wakes the owner of what changed, by its ownerReference. */
#include "controllers/controller.h"

static void wake_owner(struct controllers *all, const struct controller *to,
                       const struct object *before, const struct object *after,
                       const char *kind)
{
    scoped_arena struct arena *arena = arena_new();
    const struct object *any = after ? after : before;

    controllers_wake(all, to, any->space,
                     object_owner(object_read(arena, any), kind));
}

#define OWNER_MAP(name, kind)                                                  \
    void name(struct controllers *all, const struct controller *to,            \
              const struct object *before, const struct object *after)         \
    {                                                                          \
        wake_owner(all, to, before, after, kind);                              \
    }

OWNER_MAP(map_owner_aiworkload, "AIWorkload")
OWNER_MAP(map_owner_deployment, "WorkloadDeployment")
OWNER_MAP(map_owner_environment, "Environment")
OWNER_MAP(map_owner_pool, "ComputePool")
OWNER_MAP(map_owner_placement, "Placement")
OWNER_MAP(map_owner_replicaset, "ManifestWorkReplicaSet")
