/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a parsed copy of what placements read: clusters, sets, bindings, decisions, scores. */
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
    world->selecting = map_new();
    world->counts = map_new();
    world->bindings = map_new();
    world->decisions = map_new();
    world->owners = map_new();
    return world;
}

static char *join_key(const char *namespace, const char *name)
{
    return mem_printf("%s/%s", namespace, name);
}

/* A seat is made by the first object that names the cluster, and stays when the
   ManagedCluster goes: decisions and scores may still name it. */
static struct seat *find_or_add_seat(struct placement_world *world, const char *name)
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

static void count_member(struct placement_world *world, const struct seat *seat, bool there)
{
    struct set_count *count = seat->set ? map_get(world->counts, seat->set) : NULL;

    if (!seat->set)
        return;
    if (!count) {
        count = mem_alloc(sizeof *count);
        map_put(world->counts, seat->set, count);
    }
    count->members = there ? count->members + 1 : count->members - 1;
    if (seat->available)
        count->available = there ? count->available + 1 : count->available - 1;
    if (!count->members) {
        map_remove(world->counts, seat->set);
        mem_free(&count);
    }
}

/* Forgets the ManagedCluster of the seat, and keeps its decisions and scores. */
static void clear_seat(struct placement_world *world, struct seat *seat)
{
    count_member(world, seat, false);
    arena_free(&seat->arena);
    seat->object = seat->labels = seat->claims = NULL;
    seat->set = NULL;
    seat->taints = NULL;
    seat->resources = NULL;
    seat->taint_count = seat->resource_count = 0;
    seat->leaving = seat->available = false;
}

static void read_cluster_taints(struct seat *seat)
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

/* As a map, so that selectors read claims as they read labels. */
static void read_cluster_claims(struct seat *seat)
{
    const struct node *list = node_at(seat->object, "status", "clusterClaims", NULL);
    struct node *claims = node_map(seat->arena);

    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *claim = node_item(list, i);
        const char *name = node_get_text(claim, "name");

        if (*name)
            node_set_text(seat->arena, claims, name, node_get_text(claim, "value"));
    }
    seat->claims = claims;
}

/* The one copy of a resource's name: equal names are equal pointers, so that scoring
   compares no texts. */
static const char *intern_name(struct placement_world *world, const char *name)
{
    char *copy = map_get(world->names, name);

    if (!copy) {
        copy = mem_copy_string(name);
        map_put(world->names, name, copy);
    }
    return copy;
}

/* Only a resource that has a capacity too can be scored, as in OCM. */
static void read_resources(struct placement_world *world, struct seat *seat)
{
    const struct node *have = node_at(seat->object, "status", "allocatable", NULL);
    const struct node *most = node_at(seat->object, "status", "capacity", NULL);
    size_t count = node_count(have);

    seat->resources = count <= FEW_RESOURCES
                          ? seat->few
                          : arena_alloc(seat->arena, count * sizeof *seat->resources);
    node_each(member, have)
    {
        struct quantity quantity;

        if (!node_get(most, member->key) ||
            quantity_from_node(seat->arena, member->value, &quantity, NULL) < 0)
            continue;
        seat->resources[seat->resource_count++] =
            (struct resource){intern_name(world, member->key), quantity_float(&quantity)};
    }
}

static void put_cluster(struct placement_world *world, const struct node *object)
{
    struct seat *seat = find_or_add_seat(world, meta_name(object));
    bool fresh = !seat->arena;

    clear_seat(world, seat);
    seat->arena = arena_new();
    seat->object = node_copy(seat->arena, object);
    seat->labels = node_at(seat->object, "metadata", "labels", NULL);
    if (node_is(node_get(seat->labels, META_LABEL_CLUSTERSET), NODE_STRING))
        seat->set = node_get_text(seat->labels, META_LABEL_CLUSTERSET);
    seat->leaving = meta_is_deleting(seat->object);
    seat->available = meta_condition_is_true(seat->object, META_CONDITION_CLUSTER_AVAILABLE);
    count_member(world, seat, true);
    read_cluster_taints(seat);
    read_cluster_claims(seat);
    read_resources(world, seat);
    if (!fresh)
        return;
    world->clusters =
        mem_resize_array(world->clusters, world->cluster_count + 1, sizeof *world->clusters);
    world->clusters[world->cluster_count++] = seat;
    world->sorted = false;
}

const struct node *placement_world_cluster(const struct placement_world *world, const char *name)
{
    const struct seat *seat = map_get(world->seats, name);

    return seat ? seat->object : NULL;
}

static int compare_seats(const void *a, const void *b)
{
    return strcmp((*(struct seat *const *)a)->name, (*(struct seat *const *)b)->name);
}

void world_sort(struct placement_world *world)
{
    if (!world->sorted && world->cluster_count)
        qsort(world->clusters, world->cluster_count, sizeof *world->clusters, compare_seats);
    world->sorted = true;
}

/* Taking one out keeps the list sorted. */
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
    clear_seat(world, seat);
}

/* ---- Sets and bindings ------------------------------------------------- */

static void free_set(struct cluster_set *set)
{
    struct arena *arena = set ? set->arena : NULL;

    arena_free(&arena); /* the set itself lives in it */
}

static void remove_set(struct placement_world *world, const char *name)
{
    map_remove(world->selecting, name);
    free_set(map_remove(world->sets, name));
}

/* A selectorType that is not known is kept in `wrong`: a decision that needs the set
   fails and says so. */
static void put_set(struct placement_world *world, const struct node *object)
{
    struct arena *arena = arena_new();
    struct cluster_set *set = arena_alloc(arena, sizeof *set);
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
    set->pool = *meta_label(object, META_LABEL_POOL) != 0;
    remove_set(world, meta_name(object));
    map_put(world->sets, meta_name(object), set);
    if (!set->exclusive)
        map_put(world->selecting, meta_name(object), set);
}

static void free_set_binding(struct binding *binding)
{
    if (!binding)
        return;
    mem_free(&binding->namespace);
    mem_free(&binding->set);
    mem_free(&binding);
}

static void put_binding(struct placement_world *world, const char *key, const struct node *object)
{
    const char *set = node_get_text(node_get(object, "spec"), "clusterSet");
    struct binding *binding = mem_alloc(sizeof *binding);

    binding->namespace = mem_copy_string(meta_namespace(object));
    binding->set = mem_copy_string(*set ? set : meta_name(object));
    free_set_binding(map_put(world->bindings, key, binding));
}

/* ---- Decisions --------------------------------------------------------- */

static void count_seat(struct placement_world *world, struct seat *seat, int change)
{
    size_t next = change > 0 ? seat->decided + 1 : seat->decided - 1;

    if (next >= world->tally_room) {
        size_t room = world->tally_room ? world->tally_room * 2 : 16;

        world->tally = mem_resize_array(world->tally, room, sizeof *world->tally);
        memset(world->tally + world->tally_room, 0,
               (room - world->tally_room) * sizeof *world->tally);
        world->tally_room = room;
    }
    if (seat->decided)
        world->tally[seat->decided]--;
    seat->decided = next;
    world->tally[next]++;
}

/* Takes the decision out of the list of its placement and out of the counts of its
   clusters. */
static void unlink_decision(struct placement_world *world, struct decision *decision)
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
        count_seat(world, decision->seats[i], -1);
}

static void remove_decision(struct placement_world *world, const char *key)
{
    struct decision *decision = map_remove(world->decisions, key);

    if (!decision)
        return;
    unlink_decision(world, decision);
    mem_free(&decision->owner);
    mem_free(&decision->seats);
    mem_free(&decision);
}

/* From the ownerReference if there is one, because a label's value may be cut and
   hashed. */
static const char *find_placement_name(const struct node *object)
{
    const char *owner = meta_owner_name(object, "Placement");

    return *owner ? owner : meta_label(object, META_LABEL_PLACEMENT);
}

/* The counts of the clusters change with each decision, so that no placement has to
   count all decisions. */
static void put_decision(struct placement_world *world, const char *key, const struct node *object)
{
    const struct node *list = node_at(object, "status", "decisions", NULL);
    struct decision *decision = mem_alloc(sizeof *decision);
    struct owner *owner;

    remove_decision(world, key);
    decision->owner = join_key(meta_namespace(object), find_placement_name(object));
    decision->count = node_count(list);
    decision->seats = mem_resize_array(NULL, decision->count + 1, sizeof *decision->seats);
    for (size_t i = 0; i < decision->count; i++) {
        decision->seats[i] =
            find_or_add_seat(world, node_get_text(node_item(list, i), "clusterName"));
        count_seat(world, decision->seats[i], 1);
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

static void remove_score(struct placement_world *world, const char *namespace, const char *name)
{
    struct seat *seat = map_get(world->seats, namespace);
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

static void put_score(struct placement_world *world, const char *namespace, const char *name,
                      const struct node *object)
{
    struct seat *seat = find_or_add_seat(world, namespace);
    struct arena *arena = arena_new();
    struct addon_score *score = arena_alloc(arena, sizeof *score);
    const struct node *status = node_get(object, "status");

    remove_score(world, namespace, name);
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

bool placement_world_put(struct placement_world *world, const char *kind, const struct node *object)
{
    const char *name = meta_name(object);
    const char *namespace = meta_namespace(object);
    scoped_mem char *key = join_key(namespace, name);

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
        put_score(world, namespace, name, object);
    else
        return false;
    return true;
}

void placement_world_remove(struct placement_world *world, const char *kind, const char *namespace,
                            const char *name)
{
    scoped_mem char *key = join_key(namespace, name);

    if (text_same(kind, "ManagedCluster"))
        remove_cluster(world, name);
    else if (text_same(kind, "ManagedClusterSet"))
        remove_set(world, name);
    else if (text_same(kind, "ManagedClusterSetBinding"))
        free_set_binding(map_remove(world->bindings, key));
    else if (text_same(kind, "PlacementDecision"))
        remove_decision(world, key);
    else if (text_same(kind, "AddOnPlacementScore"))
        remove_score(world, namespace, name);
}

/* remove_score() finds a seat by its name, so the names are freed in a second loop. */
static void free_seats(struct placement_world *world)
{
    struct seat *seat;
    size_t at = 0;

    while ((seat = map_next(world->seats, &at, NULL))) {
        while (seat->addon_scores)
            remove_score(world, seat->name, seat->addon_scores->name);
        clear_seat(world, seat);
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
        free_set(value);
    for (at = 0; (value = map_next(world->bindings, &at, &key));)
        free_set_binding(value);
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
    map_free(&world->selecting);
    map_free(&world->counts);
    map_free(&world->bindings);
    map_free(&world->decisions);
    map_free(&world->owners);
    mem_free(&world->clusters);
    mem_free(&world->tally);
    mem_free(&world);
}
