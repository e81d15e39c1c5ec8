/* SPDX-License-Identifier: Apache-2.0 */
/* Applies sets: takes their items up, prunes what left them, and removes them. */

#include "cluster/inventory.h"

#include "cluster/workload.h"
#include "work/work.h"

#include <string.h>

/* ---- One item ---------------------------------------------------------------------------- */

/* Takes up an object that another work of the project has left behind; NULL: there is none. */
static struct cluster_object *take_orphan(struct cluster_owner *owner, const struct naming *naming)
{
    scoped_mem char *key = object_key(owner->project, naming->plain, CLUSTER_ORPHANS);
    struct cluster_object *object = map_get(owner->cluster->objects, key);

    if (object)
        object_rename(object, naming, owner->project);
    return object;
}

static bool is_mounted(const struct cluster_object *object)
{
    return object->row &&
           (object->row->role == MANIFEST_CONFIG || object->row->role == MANIFEST_CLAIM);
}

/* A ConfigMap, Secret or claim has changed: volumes get their files anew, and a workload that takes
   environment from it has another hash, and rolls. */
static void touch_namespace(struct cluster *cluster, const char *project, const char *namespace)
{
    struct cluster_object *object;
    struct pod *pod;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (manifest_is_workload(object->row) && !strcmp(object->namespace, namespace) &&
            !strcmp(object->project, project)) {
            workload_read(object);
            object_touch(object);
        }
    at = 0;
    while ((pod = pods_next(cluster->pods, &at)))
        if (!strcmp(pod->namespace, namespace) && !strcmp(pod->project, project) &&
            !pods_is_leaving(pod))
            pods_refresh_files(pod);
}

void apply_item(struct cluster_owner *owner, const struct cluster_manifest *item, size_t ordinal,
                struct map *seen)
{
    scoped_arena struct arena *arena = arena_new();
    struct naming naming = naming_of(arena, owner, item->object, ordinal);
    struct cluster_object *object = map_get(owner->cluster->objects, naming.key);
    bool there, same, taken;

    if (item->strategy == CLUSTER_READ_ONLY) {
        if (object && object->owner == owner && !object->removing)
            map_put(seen, naming.key, object);
        return;
    }
    if (!object)
        object = take_orphan(owner, &naming);
    there = object != NULL;
    if (!object)
        object = object_new(owner, &naming);
    same = there && !object->removing && !object->adopted &&
           node_same(object->object, item->object) &&
           (object->second || strcmp(object->broken.reason, OBJECT_OWNED_BY_OTHER) != 0);
    taken = object->owner != owner;
    object->owner = owner;
    if (taken)
        owner_stage_orphans(owner->cluster);
    object->removing = false;
    object->strategy = item->strategy;
    object->phase = item->phase;
    object->orphan = item->orphan;
    map_put(seen, naming.key, object);
    if (same || (there && !object->adopted && item->strategy == CLUSTER_CREATE_ONLY))
        return;
    object_fill(object, item);
    object->dirty = true;
    cluster_touch_services(owner->cluster);
    if (is_mounted(object))
        touch_namespace(owner->cluster, object->project, object->namespace);
}

/* In the order of kinds, so that ConfigMaps and claims are there before the workloads. */
void apply_items(struct cluster_owner *owner, const struct cluster_set *set, struct map *seen)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *list = node_list(arena);
    size_t *order = mem_alloc((set->count + 1) * sizeof *order);

    for (size_t i = 0; i < set->count; i++)
        node_add(arena, list, (struct node *)set->items[i].object);
    work_apply_order(list, order);
    for (size_t i = 0; i < set->count; i++)
        apply_item(owner, &set->items[order[i]], order[i], seen);
    mem_free(&order);
}

/* Objects of other works that were refused as second of that name get their turn, one of them. */
void apply_promote(struct cluster *cluster, const char *project, const char *plain)
{
    scoped_mem char *key = object_key(project, plain, NULL);
    struct naming naming = {plain, key, false};
    struct cluster_object *object;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (object->second && !object->removing && !strcmp(object->project, project) &&
            !strcmp(object->plain, plain))
            break;
    if (!object || map_get(cluster->objects, key))
        return;
    object_rename(object, &naming, project);
    object_fill(object, &(struct cluster_manifest){.object = object->object});
    object_touch(object);
}

/* ---- What is kept of a set ------------------------------------------------------------------ */

/* The item as it takes effect: where its strategy does not write, the object as it is. False: there
   will be none. */
static bool find_effective(struct cluster_owner *owner, const struct cluster_manifest *item,
                           size_t ordinal, struct cluster_manifest *ret)
{
    scoped_arena struct arena *arena = arena_new();
    const struct cluster_object *there =
        map_get(owner->cluster->objects, naming_of(arena, owner, item->object, ordinal).key);

    *ret = *item;
    if (item->strategy == CLUSTER_UPDATE)
        return true;
    if (!there || there->owner != owner || there->removing || there->adopted)
        return item->strategy == CLUSTER_CREATE_ONLY;
    ret->object = there->object;
    ret->strategy = CLUSTER_CREATE_ONLY;
    return true;
}

static struct node *make_set(struct cluster_owner *owner, const struct cluster_set *set,
                             struct arena *arena)
{
    struct node *kept = node_map(arena), *items = node_make_list(arena, kept, "items");
    struct cluster_manifest item;

    for (size_t i = 0; i < set->count; i++)
        if (find_effective(owner, &set->items[i], i, &item))
            owner_add_row_item(arena, items, &item);
    if (set->no_prune)
        node_set_bool(arena, kept, "noPrune", true);
    node_set_text(arena, kept, "project", owner->project);
    return kept;
}

/* ---- What leaves a set ----------------------------------------------------------------------- */

/* False: an object of that name is left behind or owned already. */
static bool leave_behind(struct cluster_object *object)
{
    struct cluster *cluster = object->cluster;
    bool shared = object_is_shared(object->project, object->row);
    scoped_mem char *key =
        object_key(object->project, object->plain, shared ? CLUSTER_ORPHANS : NULL);
    struct cluster_object *there = map_get(cluster->objects, key);
    struct naming naming = {object->plain, key, false};

    if (object->second || (object->row && object->row->cluster_wide) || (there && there != object))
        return false;
    object_rename(object, &naming, object->project);
    object->owner = owner_get(cluster, CLUSTER_ORPHANS);
    object->orphan = false;
    owner_stage_orphans(cluster);
    return true;
}

/* An object that left the set is removed, or stays behind with the owner of orphans. */
static void leave_owner_set(struct cluster_object *object)
{
    if (object->orphan && leave_behind(object))
        return;
    object->removing = true;
    object->dirty = true;
    cluster_touch_services(object->cluster);
}

/* Keys are listed first, since an object that stays behind gets another key. */
static void prune_owner(struct cluster_owner *owner, const struct map *seen)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *gone = owner_keys(owner, arena);

    for (size_t i = 0; i < node_count(gone); i++)
        if (!map_get(seen, node_text(node_item(gone, i))))
            leave_owner_set(map_get(owner->cluster->objects, node_text(node_item(gone, i))));
}

/* ---- Sets -------------------------------------------------------------------------- */

bool cluster_has(struct cluster *cluster, const struct cluster_set *set)
{
    struct cluster_owner *owner = map_get(cluster->owners, set->owner);
    scoped_arena struct arena *arena = arena_new();

    if (!owner || !owner->kept || owner->removing ||
        strcmp(owner->project, set->project ? set->project : "") != 0)
        return false;
    return node_same(owner->kept, make_set(owner, set, arena));
}

/* A set that is the same as the one on disk does nothing, so it may be applied as often as one
 * likes. */
void cluster_apply(struct cluster *cluster, const struct cluster_set *set)
{
    struct cluster_owner *owner = owner_get(cluster, set->owner);
    scoped_map struct map *seen = map_new();
    scoped_arena struct arena *arena = arena_new();
    scoped_interned const struct node *former = NULL;
    const struct node *made;

    owner_give(owner, set->project ? set->project : "");
    made = make_set(owner, set, arena);
    if (owner->kept && !owner->removing && node_same(owner->kept, made))
        return;
    owner->removing = false;
    owner->no_prune = set->no_prune;
    former = owner->kept;
    owner->kept = document_intern(made);
    apply_items(owner, set, seen);
    if (!set->no_prune)
        prune_owner(owner, seen);
    owner_stage(owner, owner->kept);
    owner_commit(owner);
    owner_touch(owner);
}

void cluster_remove(struct cluster *cluster, const char *name)
{
    struct cluster_owner *owner = map_get(cluster->owners, name);
    scoped_map struct map *nothing = map_new();

    if (!owner || owner->removing)
        return;
    owner->removing = true;
    prune_owner(owner, nothing);
    owner_stage(owner, NULL);
    owner_commit(owner);
    owner_touch(owner);
}

void cluster_end(struct cluster *cluster)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *names = node_list(arena);
    struct cluster_object *object;
    const char *name;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        object->orphan = false;
    at = 0;
    while (map_next(cluster->owners, &at, &name))
        node_add(arena, names, node_string(arena, name));
    for (size_t i = 0; i < node_count(names); i++)
        cluster_remove(cluster, node_text(node_item(names, i)));
}
