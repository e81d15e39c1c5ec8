/* SPDX-License-Identifier: Apache-2.0 */
/* Loads what was kept: owners with their sets, and what is remembered of objects. */

#include "cluster/inventory.h"

#include "number/number.h"

#include <string.h>

/* Each orphan is of the project that left it behind, so the owner stands for each in turn. */
static void take_orphans(struct cluster_owner *owner, const struct node *items, struct map *seen)
{
    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *item = node_item(items, i);
        struct cluster_manifest manifest = {.object = node_get(item, "object")};

        owner_set_project(owner, node_get_text(item, "project"));
        apply_item(owner, &manifest, i, seen);
    }
    owner_set_project(owner, "");
}

/* The same as applying the set, except that nothing is written. */
static void load_owner(struct cluster *cluster, const char *name, const void *bytes, size_t len)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *kept = document_read_json(arena, bytes, len, &document_limits_own, NULL);
    struct node *items = node_get(kept, "items");
    struct cluster_set set = {.owner = name,
                              .count = node_count(items),
                              .no_prune = node_get_bool(kept, "noPrune", false)};
    struct cluster_manifest *manifests = mem_alloc((set.count + 1) * sizeof *manifests);
    struct cluster_owner *owner = owner_get(cluster, name);
    scoped_map struct map *seen = map_new();

    if (node_get(kept, "project"))
        owner_give(owner, node_get_text(kept, "project"));
    else if (cluster->options.project_of)
        owner_give(owner, cluster->options.project_of(cluster->options.arg, name));
    for (size_t i = 0; i < set.count; i++) {
        const struct node *item = node_item(items, i);

        manifests[i] = (struct cluster_manifest){
            .object = node_get(item, "object"),
            .phase = number_as_int(item, "phase", NUMBER_SMALL, 0),
            .strategy = (enum cluster_strategy)number_as_int(item, "strategy", NUMBER_SMALL, 0),
            .orphan = node_get_bool(item, "orphan", false),
        };
    }
    set.items = manifests;
    owner->kept = document_intern(kept ? kept : node_map(arena));
    owner->committed = owner->dirty = true;
    if (!strcmp(name, CLUSTER_ORPHANS))
        take_orphans(owner, items, seen);
    else
        apply_items(owner, &set, seen);
    mem_free(&manifests);
}

void load_owner_row(void *arg, const char *name, const void *bytes, size_t len)
{
    if (text_starts(name, OWNER_ROW))
        load_owner(arg, name + strlen(OWNER_ROW), bytes, len);
}

static struct cluster_object *find_plain(const struct cluster *cluster, const char *plain)
{
    struct cluster_object *object;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (!object->second && !strcmp(object->plain, plain))
            break;
    return object;
}

/* After the owners: what is remembered of an object that is there. */
void load_state_row(void *arg, const char *name, const void *bytes, size_t len)
{
    struct cluster *cluster = arg;
    scoped_arena struct arena *arena = arena_new();
    struct cluster_object *object;
    const struct node *state;

    if (!text_starts(name, STATE_ROW))
        return;
    object = map_get(cluster->objects, name + strlen(STATE_ROW));
    if (!object && !strchr(name, '|'))
        object = find_plain(cluster, name + strlen(STATE_ROW)); /* a row of an older program */
    if (!object)
        return;
    state = document_read_json(arena, bytes, len, &document_limits_own, NULL);
    if (state)
        state_load(object, state);
}
