/* SPDX-License-Identifier: Apache-2.0 */
/* Collects what nobody owns any more, and empties namespaces that are going. */

#include "objects/inside.h"

#include "base/log.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "meta/meta.h"

#include <string.h>

#define MANAGER "axle-collector"
#define DELETES_AT_ONCE 256

/*
 * Two indexes over what is published (uid to object, owner to dependents) and a
 * queue of uids to look at. Looking again changes nothing, so a uid may be
 * queued too often but never too seldom.
 */
struct collector {
    struct map *queue;  /* uid to "" */
    struct map *counts; /* namespace to its number of objects, plus one */
    struct map *told;   /* uids whose owner cannot own: said once, not each time */
};

static const struct objects_write collector_write = {
    .who = {.user = MANAGER, .manager = MANAGER, .trusted = true},
    .validation = OBJECTS_IGNORE,
    .grace = -1,
};

void collect_open(struct objects *objects)
{
    objects->living = map_new();
    objects->dependents = map_new();
    objects->collector = mem_alloc(sizeof(*objects->collector));
    objects->collector->queue = map_new();
    objects->collector->counts = map_new();
    objects->collector->told = map_new();
}

void collect_close(struct objects *objects)
{
    struct map *dependents;
    size_t at = 0;

    if (!objects->collector)
        return;
    while ((dependents = map_next(objects->dependents, &at, NULL)))
        map_free(&dependents);
    map_free(&objects->dependents);
    map_free(&objects->living);
    map_free(&objects->collector->queue);
    map_free(&objects->collector->counts);
    map_free(&objects->collector->told);
    mem_free(&objects->collector);
}

/* ---- Indexes ------------------------------------------------------------ */

static void enqueue(struct objects *objects, const char *uid)
{
    static char present;

    map_put(objects->collector->queue, uid, &present);
    if (objects->loop && !loop_timer_is_set(objects->collect_timer))
        loop_timer_set(objects->collect_timer, 0);
}

static size_t space_count(const struct objects *objects, const char *space)
{
    uintptr_t kept = (uintptr_t)map_get(objects->collector->counts, space);

    return kept ? kept - 1 : 0;
}

static void space_add(struct objects *objects, const char *space, int change)
{
    uintptr_t count = space_count(objects, space) + (size_t)change;

    map_put(objects->collector->counts, space, (void *)(count + 1));
    if (!count)
        map_remove(objects->collector->counts, space);
}

static bool is_of_group(const struct kind *kind, const char *api_version)
{
    size_t len = strchr(api_version, '/') ? strcspn(api_version, "/") : 0;

    return strlen(kind->group) == len && !strncmp(kind->group, api_version, len);
}

/*
 * The owner that a reference means, if it is there. A uid alone makes nobody an
 * owner: kind and name must be those of the object that has it, and what lies in
 * a namespace owns things in that namespace only. Else whoever can read a uid
 * could hold up the deletion of what is another's.
 */
static const struct object *owner_meant(const struct objects *objects,
                                        const struct object *dependent,
                                        const struct owner *reference)
{
    const struct object *owner = map_get(objects->living, reference->uid);

    return owner && !strcmp(owner->kind->kind, reference->kind) &&
                   is_of_group(owner->kind, reference->api_version) &&
                   !strcmp(owner->name, reference->name) &&
                   (!*owner->space || !strcmp(owner->space, dependent->space))
               ? owner
               : NULL;
}

static void forget_owners(struct objects *objects, const struct held *held)
{
    for (size_t i = 0; i < held->owner_count; i++) {
        const char *uid = held->owners[i].uid;
        struct map *dependents = map_get(objects->dependents, uid);

        if (!dependents)
            continue;
        map_remove(dependents, held->object.uid);
        if (map_count(dependents))
            continue;
        map_remove(objects->dependents, uid);
        map_free(&dependents);
    }
}

static void note_owners(struct objects *objects, const struct held *held)
{
    for (size_t i = 0; i < held->owner_count; i++) {
        const char *uid = held->owners[i].uid;
        struct map *dependents = map_get(objects->dependents, uid);

        if (!dependents) {
            dependents = map_new();
            map_put(objects->dependents, uid, dependents);
        }
        map_put(dependents, held->object.uid, (void *)(uintptr_t)&held->object);
        if (!owner_meant(objects, &held->object, &held->owners[i]))
            enqueue(objects, held->object.uid);
    }
}

/* Owners that wait for their dependents look again. */
static void wake_owners(struct objects *objects, const struct held *held)
{
    for (size_t i = 0; i < held->owner_count; i++) {
        const struct object *owner =
            owner_meant(objects, &held->object, &held->owners[i]);

        if (owner && owner->deleting)
            enqueue(objects, owner->uid);
    }
}

static void wake_space(struct objects *objects, const char *space)
{
    const struct kind *kind = kinds_find(objects->kinds, "", "namespaces");
    const struct object *object =
        kind ? table_find(table_of(objects, kind), OBJECTS_PUBLISHED, "", space)
             : NULL;

    if (object && object->deleting)
        enqueue(objects, object->uid);
}

void collect_change(struct objects *objects, const struct object *before,
                    const struct object *after)
{
    const struct object *object = after ? after : before;

    if (!object)
        return;
    if (before)
        forget_owners(objects, held_of(before));
    if (after) {
        map_put(objects->living, after->uid, (void *)(uintptr_t)after);
        note_owners(objects, held_of(after));
        if (after->deleting)
            enqueue(objects, after->uid);
    } else {
        map_remove(objects->living, before->uid);
        map_remove(objects->collector->told, before->uid);
        if (map_get(objects->dependents, before->uid))
            enqueue(objects, before->uid);
        wake_owners(objects, held_of(before));
    }
    if (*object->space && !before)
        space_add(objects, object->space, 1);
    if (*object->space && !after) {
        space_add(objects, object->space, -1);
        wake_space(objects, object->space);
    }
}

bool collect_space_is_empty(const struct objects *objects, const char *space)
{
    if (space_count(objects, space))
        return false;
    for (size_t i = 0; i < objects->table_count; i++) {
        const struct pending *pending;
        size_t at = 0;

        while ((pending = map_next(objects->all[i]->staged, &at, NULL)))
            if (pending->after && !strcmp(pending->after->space, space))
                return false;
    }
    return true;
}

/* ---- Work --------------------------------------------------------------- */

static void remove_object(struct objects *objects, const struct object *object,
                          const char *propagation)
{
    scoped_arena struct arena *arena = arena_new();
    struct objects_result result = {.arena = arena};
    struct objects_write write = collector_write;
    struct err err = {0};

    write.kind = object->kind;
    write.space = object->space;
    write.name = object->name;
    write.uid = object->uid;
    write.propagation = propagation;
    if (objects_delete(objects, &write, &result, &err) == 0)
        object_drop(&result.object);
    else if (err.code != ERR_NOT_FOUND && err.code != ERR_CONFLICT)
        log_warn("objects", "%s %s/%s cannot be collected: %s",
                 object->kind->resource, object->space, object->name, err.text);
}

/* Takes the references to these owners (all that are gone, if `uid` is NULL)
   out of an object. */
static void cut_owners(struct objects *objects, const struct object *object,
                       const char *uid)
{
    scoped_arena struct arena *arena = arena_new();
    struct objects_result result = {.arena = arena};
    struct objects_write write = collector_write;
    struct node *tree = object_read(arena, object), *patch = node_map(arena);
    struct node *old = node_at(tree, "metadata", "ownerReferences", NULL);
    struct node *list = node_list(arena), *metadata;
    const struct held *held = held_of(object);
    struct err err = {0};

    for (size_t i = 0; i < held->owner_count; i++)
        if (uid ? strcmp(held->owners[i].uid, uid) != 0
                : owner_meant(objects, object, &held->owners[i]) != NULL)
            node_add(arena, list, node_item(old, i));
    metadata = node_make(arena, patch, "metadata");
    node_set_text(arena, metadata, "uid", object->uid);
    node_set(arena, metadata, "ownerReferences",
             node_count(list) ? list : node_null(arena));
    write.kind = object->kind;
    write.space = object->space;
    write.name = object->name;
    write.body = patch;
    write.patch = OBJECTS_PATCH_MERGE;
    if (objects_patch(objects, &write, &result, &err) == 0)
        object_drop(&result.object);
    else if (err.code != ERR_NOT_FOUND && err.code != ERR_CONFLICT)
        log_warn("objects", "%s %s/%s keeps an owner: %s",
                 object->kind->resource, object->space, object->name, err.text);
}

/* An owner of a kind that is not served here may live elsewhere. */
static const struct kind *kind_meant(const struct objects *objects,
                                     const struct owner *reference)
{
    return kinds_by_kind(objects->kinds, reference->api_version, reference->kind);
}

/* What has no namespace is owned by nothing in one: by such a reference it is
   never collected, whatever else it names, as by Kubernetes' collector. */
static bool is_of_no_namespace(const struct objects *objects,
                               const struct object *object,
                               const struct owner *reference)
{
    const struct kind *kind = kind_meant(objects, reference);

    return !*object->space && kind && kind->namespaced;
}

/* The reference means what lives in another namespace. */
static bool is_of_another(const struct objects *objects,
                          const struct object *object,
                          const struct owner *reference)
{
    const struct object *owner = map_get(objects->living, reference->uid);

    return owner && *owner->space && strcmp(owner->space, object->space) != 0;
}

static void tell_invalid(struct objects *objects, const struct object *object,
                         const struct owner *reference)
{
    static char present;

    if (map_get(objects->collector->told, object->uid))
        return;
    map_put(objects->collector->told, object->uid, &present);
    objects_event(objects, MANAGER, object, true, "OwnerRefInvalidNamespace",
                  "ownerRef [%s/%s, namespace: %s, name: %s, uid: %s] does not "
                  "exist in namespace \"%s\"",
                  reference->api_version, reference->kind, object->space,
                  reference->name, reference->uid, object->space);
}

/* False where a reference keeps the object from being collected at all. */
static bool check_namespaces(struct objects *objects, const struct object *object)
{
    const struct held *held = held_of(object);
    bool fine = true;

    for (size_t i = 0; i < held->owner_count; i++) {
        const struct owner *reference = &held->owners[i];
        bool never = is_of_no_namespace(objects, object, reference);

        if (never || is_of_another(objects, object, reference))
            tell_invalid(objects, object, reference);
        fine = fine && !never;
    }
    return fine;
}

static void look_at_owners(struct objects *objects, const struct object *object)
{
    const struct held *held = held_of(object);
    size_t gone = 0;

    if (!check_namespaces(objects, object))
        return;
    for (size_t i = 0; i < held->owner_count; i++)
        if (!owner_meant(objects, object, &held->owners[i]) &&
            kind_meant(objects, &held->owners[i]))
            gone++;
    if (gone == 0)
        return;
    if (gone == held->owner_count) {
        if (!object->deleting)
            remove_object(objects, object, "Background");
    } else {
        cut_owners(objects, object, NULL);
    }
}

static bool has_finalizer(const struct object *object, const char *name)
{
    scoped_arena struct arena *arena = arena_new();

    return meta_has_finalizer(object_read(arena, object), name);
}

/* The reference by which the object belongs to this owner, or NULL. */
static const struct owner *reference_to(const struct objects *objects,
                                        const struct object *object,
                                        const struct object *owner)
{
    const struct held *held = held_of(object);

    for (size_t i = 0; i < held->owner_count; i++)
        if (owner_meant(objects, object, &held->owners[i]) == owner)
            return &held->owners[i];
    return NULL;
}

static void let_go(struct objects *objects, const struct object *object,
                   const char *finalizer)
{
    struct err err = {0};

    if (objects_set_finalizer(objects, MANAGER, object, finalizer, false,
                              &err) < 0)
        log_warn("objects", "%s %s/%s keeps its finalizer: %s",
                 object->kind->resource, object->space, object->name, err.text);
}

static void go_in_foreground(struct objects *objects,
                             const struct object *object)
{
    struct map *dependents = map_get(objects->dependents, object->uid);
    const struct object *dependent;
    bool blocked = false;
    size_t at = 0;

    while (dependents && (dependent = map_next(dependents, &at, NULL))) {
        const struct owner *reference = reference_to(objects, dependent, object);

        if (!reference)
            continue;
        blocked = blocked || reference->blocks;
        if (!dependent->deleting)
            remove_object(objects, dependent, "Foreground");
    }
    if (!blocked)
        let_go(objects, object, META_FINALIZER_FOREGROUND);
}

static void orphan(struct objects *objects, const struct object *object)
{
    struct map *dependents = map_get(objects->dependents, object->uid);
    const struct object *dependent;
    size_t at = 0;

    while (dependents && (dependent = map_next(dependents, &at, NULL)))
        if (reference_to(objects, dependent, object))
            cut_owners(objects, dependent, object->uid);
    let_go(objects, object, META_FINALIZER_ORPHAN);
}

/* Deletes what is in the namespace, a slice at a time, and then itself. */
static void empty_space(struct objects *objects, const struct object *space)
{
    size_t deleted = 0;

    if (collect_space_is_empty(objects, space->name)) {
        remove_object(objects, space, NULL);
        return;
    }
    for (size_t i = 0; i < objects->table_count; i++) {
        struct table *table = objects->all[i];
        size_t at = table_seek(table, space->name, "");

        for (; at < table->count; at++) {
            struct object *object = table->items[at];

            if (strcmp(object->space, space->name))
                break;
            if (object->deleting)
                continue;
            if (deleted++ == DELETES_AT_ONCE) {
                enqueue(objects, space->uid);
                return;
            }
            remove_object(objects, object, "Background");
        }
    }
    if (!deleted)
        tell_remaining(objects, space);
}

static void look_at(struct objects *objects, const char *uid)
{
    const struct object *object = map_get(objects->living, uid), *dependent;
    struct map *dependents = map_get(objects->dependents, uid);
    size_t at = 0;

    if (!object) {
        while (dependents && (dependent = map_next(dependents, &at, NULL)))
            look_at_owners(objects, dependent);
        return;
    }
    if (object->deleting && is_core(object->kind, "namespaces"))
        empty_space(objects, object);
    if (object->deleting && held_of(object)->finalizers) {
        if (has_finalizer(object, META_FINALIZER_ORPHAN))
            orphan(objects, object);
        else if (has_finalizer(object, META_FINALIZER_FOREGROUND))
            go_in_foreground(objects, object);
    }
    if (held_of(object)->owner_count)
        look_at_owners(objects, object);
}

/* Writes are staged, so nothing published changes under the walk. */
void collect_run(struct objects *objects)
{
    scoped_map struct map *queue = take(objects->collector->queue);
    const char *uid;
    size_t at = 0;

    objects->collector->queue = map_new();
    while (map_next(queue, &at, &uid))
        look_at(objects, uid);
}
