/* SPDX-License-Identifier: Apache-2.0 */
/* Deletes objects whose owners are gone, and empties namespaces that are being deleted. */
#include "controllers/collector.h"

#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "loop/loop.h"
#include "objects/objects.h"

#include <string.h>

#define MANAGER "axle-collector"
#define DELETES_AT_ONCE 256
#define COLLECTOR_TAG 0x636f6c6cu

/*
 * Two indexes over what is published and a queue of uids to look at. To look again
 * changes nothing, so a uid may be queued too often but never too seldom.
 */
struct collector {
    uint32_t tag;
    struct objects *objects;
    const struct kind *namespaces; /* NULL: there is no such kind */
    struct loop_timer *timer;      /* NULL: the caller runs the collector */
    struct map *queue;             /* uid to "" */
    struct map *by_uid;            /* uid to its object, held */
    struct map *dependents;        /* owner uid to a map of uid to the object in by_uid */
    struct map *reported;          /* uids whose invalid owner an Event has told of */
};

static const struct objects_write collector_write = {
    .who = {.user = MANAGER, .manager = MANAGER, .trusted = true},
    .validation = OBJECTS_IGNORE,
    .grace = -1,
};

/* ---- Indexes ------------------------------------------------------------ */

static void enqueue_uid(struct collector *collector, const char *uid)
{
    static char present;

    map_put(collector->queue, uid, &present);
    if (collector->timer && !loop_timer_is_set(collector->timer))
        loop_timer_set(collector->timer, 0);
}

static bool is_of_group(const struct kind *kind, const char *api_version)
{
    size_t len = strchr(api_version, '/') ? strcspn(api_version, "/") : 0;

    return strlen(kind->group) == len && !strncmp(kind->group, api_version, len);
}

/*
 * The owner that a reference means, or NULL if it is gone. A uid alone makes no
 * owner: kind and name must be those of the object that has it, and an object of a
 * namespace owns objects of that namespace only. Otherwise a user who can read a
 * uid could hold up the deletion of an object that belongs to another user.
 */
static const struct object *find_owner(const struct collector *collector,
                                       const struct object *dependent,
                                       const struct object_owner *reference)
{
    const struct object *owner = map_get(collector->by_uid, reference->uid);

    return owner && !strcmp(owner->kind->kind, reference->kind) &&
                   is_of_group(owner->kind, reference->api_version) &&
                   !strcmp(owner->name, reference->name) &&
                   (!*owner->namespace || !strcmp(owner->namespace, dependent->namespace))
               ? owner
               : NULL;
}

static void forget_owners(struct collector *collector, const struct object *object)
{
    for (size_t i = 0; i < object->owner_count; i++) {
        const char *uid = object->owners[i].uid;
        struct map *dependents = map_get(collector->dependents, uid);

        if (!dependents)
            continue;
        map_remove(dependents, object->uid);
        if (map_count(dependents))
            continue;
        map_remove(collector->dependents, uid);
        map_free(&dependents);
    }
}

static void note_owners(struct collector *collector, struct object *object)
{
    for (size_t i = 0; i < object->owner_count; i++) {
        const char *uid = object->owners[i].uid;
        struct map *dependents = map_get(collector->dependents, uid);

        if (!dependents) {
            dependents = map_new();
            map_put(collector->dependents, uid, dependents);
        }
        map_put(dependents, object->uid, object);
        if (!find_owner(collector, object, &object->owners[i]))
            enqueue_uid(collector, object->uid);
    }
}

/* Owners that are being deleted and wait for this dependent are looked at again. */
static void wake_owners(struct collector *collector, const struct object *object)
{
    for (size_t i = 0; i < object->owner_count; i++) {
        const struct object *owner = find_owner(collector, object, &object->owners[i]);

        if (owner && owner->deleting)
            enqueue_uid(collector, owner->uid);
    }
}

/* The namespace of an object that is gone may be empty now. */
static void wake_namespace(struct collector *collector, const char *name)
{
    scoped_object struct object *namespace =
        collector->namespaces && *name ? objects_get(collector->objects, OBJECTS_PUBLISHED,
                                                     collector->namespaces, "", name, NULL)
                                       : NULL;

    if (namespace && namespace->deleting)
        enqueue_uid(collector, namespace->uid);
}

static void index_object(struct collector *collector, const struct object *after)
{
    struct object *old = map_get(collector->by_uid, after->uid);
    struct object *held = object_hold(after);

    map_put(collector->by_uid, after->uid, held);
    object_drop(&old);
    note_owners(collector, held);
    if (after->deleting)
        enqueue_uid(collector, after->uid);
}

static void unindex_object(struct collector *collector, const struct object *before)
{
    struct object *old = map_get(collector->by_uid, before->uid);

    map_remove(collector->by_uid, before->uid);
    object_drop(&old);
    map_remove(collector->reported, before->uid);
    if (map_get(collector->dependents, before->uid))
        enqueue_uid(collector, before->uid);
    wake_owners(collector, before);
    wake_namespace(collector, before->namespace);
}

static void on_published(void *arg, const struct object *before, const struct object *after)
{
    struct collector *collector = object_from(collector, COLLECTOR_TAG, arg);

    if (before)
        forget_owners(collector, before);
    if (after)
        index_object(collector, after);
    else if (before)
        unindex_object(collector, before);
}

static void on_each(void *arg, const struct object *object)
{
    on_published(arg, NULL, object);
}

/* ---- Life --------------------------------------------------------------- */

static void on_collector_timer(void *arg)
{
    collector_run(object_from(collector, COLLECTOR_TAG, arg));
}

struct collector *collector_new(struct objects *objects, struct loop *loop)
{
    struct collector *collector = mem_alloc(sizeof *collector);
    const struct kind *kind;

    *collector = (struct collector){
        .tag = COLLECTOR_TAG,
        .objects = objects,
        .namespaces = kinds_find(objects_kinds(objects), "", "namespaces"),
        .timer = loop ? loop_timer_new(loop, on_collector_timer, collector) : NULL,
        .queue = map_new(),
        .by_uid = map_new(),
        .dependents = map_new(),
        .reported = map_new(),
    };
    for (size_t i = 0; (kind = objects_stored_kind(objects, i)); i++) {
        objects_each(objects, OBJECTS_PUBLISHED, kind, "", on_each, collector);
        objects_on_change(objects, kind, on_published, collector);
    }
    return collector;
}

void collector_free(struct collector **pointer)
{
    struct collector *collector = *pointer;
    struct map *dependents;
    struct object *object;
    size_t at = 0;

    if (!collector)
        return;
    while ((dependents = map_next(collector->dependents, &at, NULL)))
        map_free(&dependents);
    for (at = 0; (object = map_next(collector->by_uid, &at, NULL));)
        object_drop(&object);
    map_free(&collector->dependents);
    map_free(&collector->by_uid);
    map_free(&collector->queue);
    map_free(&collector->reported);
    if (collector->timer)
        loop_timer_free(&collector->timer);
    collector->tag = 0;
    mem_free(pointer);
}

/* ---- Work --------------------------------------------------------------- */

static void delete_object(struct collector *collector, const struct object *object,
                          const char *propagation)
{
    scoped_arena struct arena *arena = arena_new();
    struct objects_result result = {.arena = arena};
    struct objects_write write = collector_write;
    struct err err = {0};

    write.kind = object->kind;
    write.namespace = object->namespace;
    write.name = object->name;
    write.uid = object->uid;
    write.propagation = propagation;
    if (objects_delete(collector->objects, &write, &result, &err) == 0)
        object_drop(&result.object);
    else if (err.code != ERR_NOT_FOUND && err.code != ERR_CONFLICT)
        log_warn("objects", "%s %s/%s cannot be collected: %s", object->kind->resource,
                 object->namespace, object->name, err.text);
}

/* Takes the references to these owners (all that are gone, if `uid` is NULL)
   out of an object. */
static void cut_owners(struct collector *collector, const struct object *object, const char *uid)
{
    scoped_arena struct arena *arena = arena_new();
    struct objects_result result = {.arena = arena};
    struct objects_write write = collector_write;
    struct node *tree = object_read(arena, object), *patch = node_map(arena);
    struct node *old = node_at(tree, "metadata", "ownerReferences", NULL);
    struct node *list = node_list(arena), *metadata;
    struct err err = {0};

    for (size_t i = 0; i < object->owner_count; i++)
        if (uid ? strcmp(object->owners[i].uid, uid) != 0
                : find_owner(collector, object, &object->owners[i]) != NULL)
            node_add(arena, list, node_item(old, i));
    metadata = node_make(arena, patch, "metadata");
    node_set_text(arena, metadata, "uid", object->uid);
    node_set(arena, metadata, "ownerReferences", node_count(list) ? list : node_null(arena));
    write.kind = object->kind;
    write.namespace = object->namespace;
    write.name = object->name;
    write.body = patch;
    write.patch = OBJECTS_PATCH_MERGE;
    if (objects_patch(collector->objects, &write, &result, &err) == 0)
        object_drop(&result.object);
    else if (err.code != ERR_NOT_FOUND && err.code != ERR_CONFLICT)
        log_warn("objects", "%s %s/%s still has an owner that could not be removed: %s",
                 object->kind->resource, object->namespace, object->name, err.text);
}

/* An owner of a kind that is not served here may live elsewhere. */
static const struct kind *find_kind(const struct collector *collector,
                                    const struct object_owner *reference)
{
    return kinds_by_kind(objects_kinds(collector->objects), reference->api_version,
                         reference->kind);
}

/* What has no namespace is owned by nothing in one: by such a reference it is
   never collected, whatever else it names, as by Kubernetes' collector. */
static bool is_of_no_namespace(const struct collector *collector, const struct object *object,
                               const struct object_owner *reference)
{
    const struct kind *kind = find_kind(collector, reference);

    return !*object->namespace && kind && kind->namespaced;
}

/* The reference means what lives in another namespace. */
static bool is_of_another(const struct collector *collector, const struct object *object,
                          const struct object_owner *reference)
{
    const struct object *owner = map_get(collector->by_uid, reference->uid);

    return owner && *owner->namespace && strcmp(owner->namespace, object->namespace) != 0;
}

static void report_invalid(struct collector *collector, const struct object *object,
                           const struct object_owner *reference)
{
    static char present;

    if (map_get(collector->reported, object->uid))
        return;
    map_put(collector->reported, object->uid, &present);
    objects_event(collector->objects, MANAGER, object, true, "OwnerRefInvalidNamespace",
                  "ownerRef [%s/%s, namespace: %s, name: %s, uid: %s] does not "
                  "exist in namespace \"%s\"",
                  reference->api_version, reference->kind, object->namespace, reference->name,
                  reference->uid, object->namespace);
}

/* False where a reference keeps the object from being collected at all. */
static bool check_namespaces(struct collector *collector, const struct object *object)
{
    bool fine = true;

    for (size_t i = 0; i < object->owner_count; i++) {
        const struct object_owner *reference = &object->owners[i];
        bool never = is_of_no_namespace(collector, object, reference);

        if (never || is_of_another(collector, object, reference))
            report_invalid(collector, object, reference);
        fine = fine && !never;
    }
    return fine;
}

static void collect_if_unowned(struct collector *collector, const struct object *object)
{
    size_t gone = 0;

    if (!check_namespaces(collector, object))
        return;
    for (size_t i = 0; i < object->owner_count; i++)
        if (!find_owner(collector, object, &object->owners[i]) &&
            find_kind(collector, &object->owners[i]))
            gone++;
    if (gone == 0)
        return;
    if (gone == object->owner_count) {
        if (!object->deleting)
            delete_object(collector, object, "Background");
    } else {
        cut_owners(collector, object, NULL);
    }
}

/* The reference by which the object belongs to this owner, or NULL. */
static const struct object_owner *reference_to(const struct collector *collector,
                                               const struct object *object,
                                               const struct object *owner)
{

    for (size_t i = 0; i < object->owner_count; i++)
        if (find_owner(collector, object, &object->owners[i]) == owner)
            return &object->owners[i];
    return NULL;
}

static void remove_finalizer(struct collector *collector, const struct object *object,
                             const char *finalizer)
{
    struct err err = {0};

    if (objects_set_finalizer(collector->objects, MANAGER, object, finalizer, false, &err) < 0)
        log_warn("objects", "%s %s/%s still has its finalizer, which could not be removed: %s",
                 object->kind->resource, object->namespace, object->name, err.text);
}

static void delete_in_foreground(struct collector *collector, const struct object *object)
{
    struct map *dependents = map_get(collector->dependents, object->uid);
    const struct object *dependent;
    bool blocked = false;
    size_t at = 0;

    while (dependents && (dependent = map_next(dependents, &at, NULL))) {
        const struct object_owner *reference = reference_to(collector, dependent, object);

        if (!reference)
            continue;
        blocked = blocked || reference->blocks;
        if (!dependent->deleting)
            delete_object(collector, dependent, "Foreground");
    }
    if (!blocked)
        remove_finalizer(collector, object, META_FINALIZER_FOREGROUND);
}

static void orphan_dependents(struct collector *collector, const struct object *object)
{
    struct map *dependents = map_get(collector->dependents, object->uid);
    const struct object *dependent;
    size_t at = 0;

    while (dependents && (dependent = map_next(dependents, &at, NULL)))
        if (reference_to(collector, dependent, object))
            cut_owners(collector, dependent, object->uid);
    remove_finalizer(collector, object, META_FINALIZER_ORPHAN);
}

/* The propagation that a delete asked for stands in the object's finalizers. */
static void deal_with_dependents(struct collector *collector, const struct object *object)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *tree = object_read(arena, object);

    if (meta_has_finalizer(tree, META_FINALIZER_ORPHAN))
        orphan_dependents(collector, object);
    else if (meta_has_finalizer(tree, META_FINALIZER_FOREGROUND))
        delete_in_foreground(collector, object);
}

/* A slice of what has to be deleted from a namespace. */
struct slice {
    struct object *objects[DELETES_AT_ONCE]; /* held */
    size_t count;
    bool more;
};

static void add_to_slice(void *arg, const struct object *object)
{
    struct slice *slice = arg;

    if (object->deleting)
        return;
    if (slice->count == DELETES_AT_ONCE)
        slice->more = true;
    else
        slice->objects[slice->count++] = object_hold(object);
}

/* Deletes what is in the namespace, a slice at a time, and then the namespace. */
static void empty_namespace(struct collector *collector, const struct object *namespace)
{
    struct slice slice = {.count = 0};
    const struct kind *kind;

    if (objects_space_is_empty(collector->objects, namespace->name)) {
        delete_object(collector, namespace, NULL);
        return;
    }
    for (size_t i = 0; !slice.more && (kind = objects_stored_kind(collector->objects, i)); i++)
        objects_each(collector->objects, OBJECTS_PUBLISHED, kind, namespace->name, add_to_slice,
                     &slice);
    for (size_t i = 0; i < slice.count; i++) {
        delete_object(collector, slice.objects[i], "Background");
        object_drop(&slice.objects[i]);
    }
    if (slice.more)
        enqueue_uid(collector, namespace->uid);
    else if (!slice.count)
        namespace_content_report(collector->objects, namespace);
}

static void check_uid(struct collector *collector, const char *uid)
{
    const struct object *object = map_get(collector->by_uid, uid), *dependent;
    struct map *dependents = map_get(collector->dependents, uid);
    size_t at = 0;

    if (!object) {
        while (dependents && (dependent = map_next(dependents, &at, NULL)))
            collect_if_unowned(collector, dependent);
        return;
    }
    if (object->deleting && object->kind == collector->namespaces)
        empty_namespace(collector, object);
    if (object->deleting && object->finalizer_count)
        deal_with_dependents(collector, object);
    if (object->owner_count)
        collect_if_unowned(collector, object);
}

void collector_wake_all(struct collector *collector)
{
    const struct object *object;
    size_t at = 0;

    while ((object = map_next(collector->by_uid, &at, NULL)))
        if (object->deleting || object->owner_count)
            enqueue_uid(collector, object->uid);
}

/* Writes are staged, so nothing published changes under the walk. */
void collector_run(struct collector *collector)
{
    scoped_map struct map *queue = take(collector->queue);
    const char *uid;
    size_t at = 0;

    collector->queue = map_new();
    while (map_next(queue, &at, &uid))
        check_uid(collector, uid);
}
