/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps placement's picture of clusters, sets and decisions up to date. */
#include "controllers/world.h"

#include "controllers/parse.h"
#include "placement/placement.h"

void world_note(struct controllers *all, const struct object *before, const struct object *after)
{
    static const enum kind_id seen[] = {KIND_ID_CLUSTER, KIND_ID_CLUSTER_SET, KIND_ID_BINDING,
                                        KIND_ID_DECISION, KIND_ID_SCORE};
    const struct object *any = after ? after : before;

    for (size_t i = 0; i < count_of(seen); i++) {
        if (all->kinds[seen[i]] != any->kind)
            continue;
        if (after)
            placement_world_put(all->world, any->kind->kind, controllers_read(all, after));
        else
            placement_world_remove(all->world, any->kind->kind, any->namespace, any->name);
    }
}
