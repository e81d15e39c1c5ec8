/* SPDX-License-Identifier: Apache-2.0 */
/* Wakes the owner of what changed, by its ownerReference, and who was it before. */
#include "controllers/controller.h"
#include "controllers/maps.h"

#include "meta/meta.h"

#include <string.h>

static void wake_owner(struct controllers *all, const struct controller *to,
                       const struct object *before, const struct object *after, const char *kind)
{
    scoped_arena struct arena *arena = arena_new();
    const char *was = before ? meta_owner_name(object_read(arena, before), kind) : "";
    const char *is = after ? meta_owner_name(object_read(arena, after), kind) : "";

    if (*was && strcmp(was, is) != 0)
        controllers_wake(all, to, before->namespace, was);
    if (*is)
        controllers_wake(all, to, after->namespace, is);
}

#define OWNER_MAP(name, kind)                                                                      \
    void name(struct controllers *all, const struct controller *to, const struct object *before,   \
              const struct object *after)                                                          \
    {                                                                                              \
        wake_owner(all, to, before, after, kind);                                                  \
    }

bool object_spec_is_same(const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = NULL;
    const struct node *old, *new;

    if (!before || !after)
        return before == after;
    arena = arena_new();
    old = node_get(object_read(arena, before), "spec");
    new = node_get(object_read(arena, after), "spec");
    return old && new ? node_same(old, new) : old == new;
}

bool project_concerns_others(const struct object *before, const struct object *after)
{
    static const char *const fields[] = {"targetNamespaces", "sharedTargetNamespaces"};
    scoped_arena struct arena *arena = NULL;

    if (!before || !after)
        return true;
    arena = arena_new();
    for (size_t i = 0; i < count_of(fields); i++) {
        const struct node *old = node_at(object_read(arena, before), "spec", fields[i], NULL);
        const struct node *now = node_at(object_read(arena, after), "spec", fields[i], NULL);

        if (old && now ? !node_same(old, now) : old != now)
            return true;
    }
    return false;
}

OWNER_MAP(map_owner_aiworkload, "AIWorkload")
OWNER_MAP(map_owner_deployment, "WorkloadDeployment")
OWNER_MAP(map_owner_environment, "Environment")
OWNER_MAP(map_owner_pool, "ComputePool")
OWNER_MAP(map_owner_placement, "Placement")
OWNER_MAP(map_owner_replicaset, "ManifestWorkReplicaSet")
