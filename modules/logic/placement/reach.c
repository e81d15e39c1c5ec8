/* SPDX-License-Identifier: Apache-2.0 */
/* Finds which clusters a namespace may be given at all, whatever it asks for. */
#include "placement/world.h"

#include <string.h>

/*
 * Two rules beside OCM's, for sets that belong to a pool (`axle.dev/pool`):
 *
 * - A cluster whose label puts it into a pool's set is that pool's. It can be
 *   chosen only where this very set is bound; `global` or any other selector does
 *   not reach it. That holds before the set is made and after it has gone, too.
 * - A pool's own selector narrows and never widens: what it matches must be
 *   within reach by another set. So a person who may write a ComputePool gains
 *   no cluster by it.
 */
static bool belongs_to_pool(const struct placement_world *world, const struct seat *seat)
{
    const struct cluster_set *set = seat->set ? map_get(world->sets, seat->set) : NULL;

    if (!seat->set)
        return false;
    /* NAMESPACE.POOL: the name of no set that people are likely to make. */
    return set ? set->pool : strchr(seat->set, '.') != NULL;
}

const struct placement_reach *placement_reach_read(struct placement_world *world,
                                                   const char *namespace, struct arena *arena)
{
    struct placement_reach *reach = arena_alloc(arena, sizeof *reach);
    struct binding *binding;
    size_t at = 0;

    reach->world = world;
    reach->sets = arena_alloc(arena, (map_count(world->bindings) + 1) * sizeof *reach->sets);
    while ((binding = map_next(world->bindings, &at, NULL))) {
        const struct cluster_set *set = map_get(world->sets, binding->set);
        struct bound_set *bound = &reach->sets[reach->count];
        struct err err;

        if (!set || strcmp(binding->namespace, namespace) != 0)
            continue;
        *bound = (struct bound_set){.name = arena_string(arena, binding->set),
                                    .pool = set->pool,
                                    .exclusive = set->exclusive};
        if (!set->exclusive && !set->wrong && !set->pool)
            bound->selector = selector_from_node(arena, set->selector, &err);
        reach->count++;
    }
    return reach;
}

bool world_reaches(const struct placement_reach *reach, const struct seat *seat)
{
    bool reserved = belongs_to_pool(reach->world, seat);

    for (size_t i = 0; i < reach->count; i++) {
        const struct bound_set *bound = &reach->sets[i];
        bool labelled = seat->set && !strcmp(seat->set, bound->name);

        if (labelled && (reserved || bound->exclusive))
            return true;
        if (!reserved && bound->selector && selector_matches_labels(bound->selector, seat->labels))
            return true;
    }
    return false;
}

bool placement_reach_has(const struct placement_reach *reach, const char *cluster)
{
    const struct seat *seat = map_get(reach->world->seats, cluster);

    return seat && seat->arena && world_reaches(reach, seat);
}

size_t placement_count_members(struct placement_world *world, const char *namespace,
                               const char *set, placement_member_fn *each, void *arg)
{
    const struct cluster_set *found = map_get(world->sets, set);
    scoped_arena struct arena *arena = arena_new();
    struct selector *selector = NULL;
    const struct placement_reach *reach = placement_reach_read(world, namespace, arena);
    size_t count = 0;
    struct err err;

    if (!found)
        return 0;
    if (!found->exclusive && !found->wrong)
        selector = selector_from_node(arena, found->selector, &err);
    for (size_t i = 0; i < world->cluster_count; i++) {
        const struct seat *seat = world->clusters[i];
        bool labelled = seat->set && !strcmp(seat->set, set);

        if (!(labelled && (found->exclusive || found->pool)) &&
            !(selector && selector_matches_labels(selector, seat->labels)))
            continue;
        if (!world_reaches(reach, seat))
            continue;
        count++;
        if (each)
            each(arg, seat->name);
    }
    return count;
}

/* By labels alone, as OCM counts, whatever project may use them. */
size_t placement_count_set(struct placement_world *world, const char *set)
{
    const struct cluster_set *found = map_get(world->sets, set);
    scoped_arena struct arena *arena = arena_new();
    struct selector *selector = NULL;
    size_t count = 0;
    struct err err;

    if (!found)
        return 0;
    if (!found->exclusive && !found->wrong)
        selector = selector_from_node(arena, found->selector, &err);
    for (size_t i = 0; i < world->cluster_count; i++) {
        const struct seat *seat = world->clusters[i];

        count += found->exclusive ? seat->set && !strcmp(seat->set, set)
                                  : selector && selector_matches_labels(selector, seat->labels);
    }
    return count;
}
