/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps what placements need to know of clusters, parsed once. */
#include "placement/world.h"

#include "base/clock.h"
#include "meta/meta.h"

#include <stdlib.h>
#include <string.h>

struct placement_world *placement_world_new(void)
{
    struct placement_world *world = mem_alloc(sizeof *world);

    world->names = map_new();
    world->seats = map_new();
    world->sets = map_new();
    world->bindings = map_new();
    world->decisions = map_new();
    world->owners = map_new();
    return world;
}

static char *joined(const char *space, const char *name)
{
    return mem_printf("%s/%s", space, name);
}

static struct seat *seat_of(struct placement_world *world, const char *name)
{
    struct seat *seat = map_get(world->seats, name);

    if (seat)
        return seat;
    seat = mem_alloc(sizeof *seat);
    seat->name = mem_copy_string(name);
    map_put(world->seats, name, seat);
    return seat;
}

/* ---- ManagedCluster ---------------------------------------------------- */

static void seat_clear(struct seat *seat)
{
    arena_free(&seat->arena);
    seat->object = seat->labels = seat->claims = NULL;
    seat->set = NULL;
    seat->taints = NULL;
    seat->resources = NULL;
    seat->taint_count = seat->resource_count = 0;
    seat->leaving = false;
}

static void read_taints(struct seat *seat)
{
    const struct node *list = node_at(seat->object, "spec", "taints", NULL);
    size_t count = node_count(list);

    seat->taints = arena_alloc(seat->arena, (count + 1) * sizeof *seat->taints);
    for (size_t i = 0; i < count; i++) {
        const struct node *from = node_item(list, i);
        struct taint *to = &seat->taints[seat->taint_count++];

        to->key = node_get_text(from, "key");
        to->value = node_get_text(from, "value");
        to->effect = node_get_text(from, "effect");
        if (!clock_parse(node_get_text(from, "timeAdded"), &to->added))
            to->added = INT64_MIN; /* so long ago that no toleration holds */
    }
}

static void read_claims(struct seat *seat)
{
    const struct node *list =
        node_at(seat->object, "status", "clusterClaims", NULL);
    struct node *claims = node_map(seat->arena);

    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *claim = node_item(list, i);
        const char *name = node_get_text(claim, "name");

        if (*name)
            node_set_text(seat->arena, claims, name,
                          node_get_text(claim, "value"));
    }
    seat->claims = claims;
}

static const char *one_name(struct placement_world *world, const char *name)
{
    char *copy = map_get(world->names, name);

    if (!copy) {
        copy = mem_copy_string(name);
        map_put(world->names, name, copy);
    }
    return copy;
}

/* Only what has a capacity too is a score; that is OCM's rule. */
static void read_resources(struct placement_world *world, struct seat *seat)
{
    const struct node *have = node_at(seat->object, "status", "allocatable", NULL);
    const struct node *most = node_at(seat->object, "status", "capacity", NULL);
    size_t count = node_count(have);

    seat->resources =
        count <= FEW_RESOURCES
            ? seat->few
            : arena_alloc(seat->arena, count * sizeof *seat->resources);
    node_each(member, have) {
        struct quantity quantity;

        if (!node_get(most, member->key) ||
            quantity_from_node(seat->arena, member->value, &quantity, NULL) < 0)
            continue;
        seat->resources[seat->resource_count++] =
            (struct resource){ one_name(world, member->key),
                               quantity_float(&quantity) };
    }
}

static void put_cluster(struct placement_world *world, const struct node *object)
{
    struct seat *seat =
        seat_of(world, meta_name(object));
    bool fresh = !seat->arena;
    const struct node *meta;

    seat_clear(seat);
    seat->arena = arena_new();
    seat->object = node_copy(seat->arena, object);
    meta = node_get(seat->object, "metadata");
    seat->labels = node_get(meta, "labels");
    if (node_is(node_get(seat->labels, META_LABEL_CLUSTERSET), NODE_STRING))
        seat->set = node_get_text(seat->labels, META_LABEL_CLUSTERSET);
    seat->leaving = *node_get_text(meta, "deletionTimestamp") != 0;
    read_taints(seat);
    read_claims(seat);
    read_resources(world, seat);
    if (!fresh)
        return;
    world->clusters = mem_resize_array(world->clusters, world->cluster_count + 1,
                                       sizeof *world->clusters);
    world->clusters[world->cluster_count++] = seat;
    world->sorted = false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct seat *const *)a)->name,
                  (*(struct seat *const *)b)->name);
}

void world_sort(struct placement_world *world)
{
    if (!world->sorted && world->cluster_count)
        qsort(world->clusters, world->cluster_count, sizeof *world->clusters,
              by_name);
    world->sorted = true;
}

static void remove_cluster(struct placement_world *world, const char *name)
{
    struct seat *seat = map_get(world->seats, name);
    size_t at = 0;

    if (!seat || !seat->arena)
        return;
    while (world->clusters[at] != seat)
        at++;
    world->cluster_count--;
    memmove(&world->clusters[at], &world->clusters[at + 1],
            (world->cluster_count - at) * sizeof *world->clusters);
    seat_clear(seat);
}

size_t placement_world_clusters(const struct placement_world *world)
{
    return world->cluster_count;
}

/* ---- Sets and bindings ------------------------------------------------- */

static void set_free(struct cluster_set *set)
{
    struct arena *arena = set ? set->arena : NULL;

    arena_free(&arena); /* the set itself lives in it */
}

static void put_set(struct placement_world *world, const struct node *object)
{
    struct arena *arena = arena_new();
    struct cluster_set *set = arena_alloc(arena, sizeof *set);
    const struct node *meta = node_get(object, "metadata");
    const struct node *selector;
    const char *type;

    set->arena = arena;
    selector = node_at(node_copy(arena, object), "spec", "clusterSelector", NULL);
    type = node_get_text(selector, "selectorType");
    set->exclusive = !*type || text_same(type, "ExclusiveClusterSetLabel") ||
                     text_same(type, "LegacyClusterSetLabel");
    if (!set->exclusive && !text_same(type, "LabelSelector"))
        set->wrong = type;
    set->selector = node_get(selector, "labelSelector");
    set->leaving = *node_get_text(meta, "deletionTimestamp") != 0;
    set->pool = *node_get_text(node_get(meta, "labels"), META_LABEL_POOL) != 0;
    set_free(map_put(world->sets, node_get_text(meta, "name"), set));
}

static void binding_free(struct binding *binding)
{
    if (!binding)
        return;
    mem_free(&binding->space);
    mem_free(&binding->set);
    mem_free(&binding);
}

static void put_binding(struct placement_world *world, const char *key,
                        const struct node *object)
{
    const struct node *meta = node_get(object, "metadata");
    const char *set = node_get_text(node_get(object, "spec"), "clusterSet");
    struct binding *binding = mem_alloc(sizeof *binding);

    binding->space = mem_copy_string(node_get_text(meta, "namespace"));
    binding->set = mem_copy_string(*set ? set : node_get_text(meta, "name"));
    binding_free(map_put(world->bindings, key, binding));
}

/* ---- Decisions --------------------------------------------------------- */

void world_count(struct placement_world *world, struct seat *seat, int change)
{
    size_t next = seat->decided + (change > 0 ? 1 : 0) - (change < 0 ? 1 : 0);

    if (next >= world->tally_room) {
        size_t room = world->tally_room ? world->tally_room * 2 : 16;

        world->tally =
            mem_resize_array(world->tally, room, sizeof *world->tally);
        memset(world->tally + world->tally_room, 0,
               (room - world->tally_room) * sizeof *world->tally);
        world->tally_room = room;
    }
    if (seat->decided)
        world->tally[seat->decided]--;
    seat->decided = next;
    world->tally[next]++;
}

static void decision_unlink(struct placement_world *world,
                            struct decision *decision)
{
    struct owner *owner = map_get(world->owners, decision->owner);
    struct decision **at = &owner->decisions;

    while (*at != decision)
        at = &(*at)->next;
    *at = decision->next;
    if (!owner->decisions) {
        map_remove(world->owners, decision->owner);
        mem_free(&owner);
    }
    for (size_t i = 0; i < decision->count; i++)
        world_count(world, decision->seats[i], -1);
}

static void remove_decision(struct placement_world *world, const char *key)
{
    struct decision *decision = map_remove(world->decisions, key);

    if (!decision)
        return;
    decision_unlink(world, decision);
    mem_free(&decision->owner);
    mem_free(&decision->seats);
    mem_free(&decision);
}

/* Whole in the ownerReference, where there is one: a label may be a hash. */
static const char *placement_name(const struct node *meta)
{
    const struct node *owners = node_get(meta, "ownerReferences");

    for (size_t i = 0; i < node_count(owners); i++)
        if (!strcmp(node_get_text(node_item(owners, i), "kind"), "Placement"))
            return node_get_text(node_item(owners, i), "name");
    return node_get_text(node_get(meta, "labels"), META_LABEL_PLACEMENT);
}

static void put_decision(struct placement_world *world, const char *key,
                         const struct node *object)
{
    const struct node *meta = node_get(object, "metadata");
    const struct node *list = node_at(object, "status", "decisions", NULL);
    struct decision *decision = mem_alloc(sizeof *decision);
    struct owner *owner;

    remove_decision(world, key);
    decision->owner = joined(node_get_text(meta, "namespace"), placement_name(meta));
    decision->count = node_count(list);
    decision->seats = mem_resize_array(NULL, decision->count + 1,
                                       sizeof *decision->seats);
    for (size_t i = 0; i < decision->count; i++) {
        decision->seats[i] =
            seat_of(world, node_get_text(node_item(list, i), "clusterName"));
        world_count(world, decision->seats[i], 1);
    }
    owner = map_get(world->owners, decision->owner);
    if (!owner) {
        owner = mem_alloc(sizeof *owner);
        map_put(world->owners, decision->owner, owner);
    }
    decision->next = owner->decisions;
    owner->decisions = decision;
    map_put(world->decisions, key, decision);
}

/* ---- Add-on scores: their namespace is the cluster --------------------- */

static void remove_score(struct placement_world *world, const char *space,
                         const char *name)
{
    struct seat *seat = map_get(world->seats, space);
    struct addon_score **at = seat ? &seat->addon_scores : NULL;

    while (at && *at && !text_same((*at)->name, name))
        at = &(*at)->next;
    if (at && *at) {
        struct addon_score *score = *at;
        struct arena *arena = score->arena;

        *at = score->next;
        arena_free(&arena);
    }
}

static void put_score(struct placement_world *world, const char *space,
                      const char *name, const struct node *object)
{
    struct seat *seat = seat_of(world, space);
    struct arena *arena = arena_new();
    struct addon_score *score = arena_alloc(arena, sizeof *score);
    const struct node *status = node_get(object, "status");

    remove_score(world, space, name);
    score->arena = arena;
    score->name = arena_string(arena, name);
    score->scores = node_is(node_get(status, "scores"), NODE_LIST)
                        ? node_copy(arena, node_get(status, "scores"))
                        : node_list(arena);
    if (!clock_parse(node_get_text(status, "validUntil"), &score->valid_until))
        score->valid_until = 0;
    score->next = seat->addon_scores;
    seat->addon_scores = score;
}

/* ---- By kind ----------------------------------------------------------- */

bool placement_world_put(struct placement_world *world, const char *kind,
                         const struct node *object)
{
    const struct node *meta = node_get(object, "metadata");
    const char *name = node_get_text(meta, "name");
    const char *space = node_get_text(meta, "namespace");
    scoped_mem char *key = joined(space, name);

    if (!*name)
        return false;
    if (text_same(kind, "ManagedCluster"))
        put_cluster(world, object);
    else if (text_same(kind, "ManagedClusterSet"))
        put_set(world, object);
    else if (text_same(kind, "ManagedClusterSetBinding"))
        put_binding(world, key, object);
    else if (text_same(kind, "PlacementDecision"))
        put_decision(world, key, object);
    else if (text_same(kind, "AddOnPlacementScore"))
        put_score(world, space, name, object);
    else
        return false;
    return true;
}

void placement_world_remove(struct placement_world *world, const char *kind,
                            const char *space, const char *name)
{
    scoped_mem char *key = joined(space, name);

    if (text_same(kind, "ManagedCluster"))
        remove_cluster(world, name);
    else if (text_same(kind, "ManagedClusterSet"))
        set_free(map_remove(world->sets, name));
    else if (text_same(kind, "ManagedClusterSetBinding"))
        binding_free(map_remove(world->bindings, key));
    else if (text_same(kind, "PlacementDecision"))
        remove_decision(world, key);
    else if (text_same(kind, "AddOnPlacementScore"))
        remove_score(world, space, name);
}

static void free_seats(struct placement_world *world)
{
    struct seat *seat;
    size_t at = 0;

    while ((seat = map_next(world->seats, &at, NULL))) {
        while (seat->addon_scores)
            remove_score(world, seat->name, seat->addon_scores->name);
        arena_free(&seat->arena);
    }
    for (at = 0; (seat = map_next(world->seats, &at, NULL));) {
        mem_free(&seat->name);
        mem_free(&seat);
    }
}

void placement_world_free(struct placement_world **ret)
{
    struct placement_world *world = *ret;
    const char *key;
    void *value;
    size_t at;

    *ret = NULL;
    if (!world)
        return;
    for (at = 0; (value = map_next(world->sets, &at, &key));)
        set_free(value);
    for (at = 0; (value = map_next(world->bindings, &at, &key));)
        binding_free(value);
    for (at = 0; map_next(world->decisions, &at, &key);) {
        scoped_mem char *copy = mem_copy_string(key);

        remove_decision(world, copy);
    }
    free_seats(world);
    for (at = 0; (value = map_next(world->names, &at, &key));)
        mem_free(&value);
    map_free(&world->names);
    map_free(&world->seats);
    map_free(&world->sets);
    map_free(&world->bindings);
    map_free(&world->decisions);
    map_free(&world->owners);
    mem_free(&world->clusters);
    mem_free(&world->tally);
    mem_free(&world);
}
