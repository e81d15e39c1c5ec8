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

static bool is_bound_set(const struct placement_reach *reach, const char *set)
{
    for (size_t i = 0; i < reach->count; i++)
        if (!strcmp(reach->sets[i].name, set))
            return true;
    return false;
}

/* Of a pool that selects: each cluster is looked at. */
static struct placement_members count_selected(struct placement_world *world,
                                               const struct placement_reach *reach,
                                               const struct cluster_set *found, const char *set,
                                               struct arena *arena)
{
    struct placement_members ret = {.walked = world->cluster_count};
    struct selector *selector = NULL;
    struct err err;

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
        ret.count++;
        ret.available += seat->available;
    }
    return ret;
}

struct placement_members placement_count_members(struct placement_world *world,
                                                 const char *namespace, const char *set)
{
    const struct cluster_set *found = map_get(world->sets, set);
    const struct set_count *count = map_get(world->counts, set);
    scoped_arena struct arena *arena = arena_new();
    const struct placement_reach *reach = placement_reach_read(world, namespace, arena);

    if (!found)
        return (struct placement_members){0};
    if (!found->exclusive)
        return count_selected(world, reach, found, set, arena);
    /* Within reach by this very set: its label says whose they are (world_reaches). */
    if (!count || !is_bound_set(reach, set))
        return found->pool || !count ? (struct placement_members){0}
                                     : count_selected(world, reach, found, set, arena);
    return (struct placement_members){count->members, count->available, 0};
}

/* By labels alone, as OCM counts, whatever project may use them. */
struct placement_members placement_count_set(struct placement_world *world, const char *set)
{
    const struct cluster_set *found = map_get(world->sets, set);
    const struct set_count *count = map_get(world->counts, set);
    scoped_arena struct arena *arena = arena_new();
    struct placement_members ret = {0};
    struct selector *selector;
    struct err err;

    if (!found || found->wrong)
        return ret;
    if (found->exclusive)
        return (struct placement_members){count ? count->members : 0, count ? count->available : 0,
                                          0};
    if (node_is(found->selector, NODE_MAP) && !node_count(found->selector)) /* everything */
        return (struct placement_members){.count = world->cluster_count};
    selector = selector_from_node(arena, found->selector, &err);
    for (size_t i = 0; selector && i < world->cluster_count; i++)
        ret.count += selector_matches_labels(selector, world->clusters[i]->labels);
    ret.walked = world->cluster_count;
    return ret;
}

void placement_each_selecting_set(const struct placement_world *world,
                                  void (*each)(void *arg, const char *set), void *arg)
{
    const char *name;

    for (size_t at = 0; map_next(world->selecting, &at, &name);)
        each(arg, name);
}
