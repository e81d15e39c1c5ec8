/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at everything that is dirty: Services, then owner by owner, and tells whose report changed.
 */

#include "cluster/inventory.h"
#include "cluster/service.h"
#include "cluster/workload.h"

#include <string.h>

/* The lowest phase in which an object is not healthy yet; objects of higher phases wait for it. */
static int find_open_phase(const struct cluster_owner *owner)
{
    struct cluster_object *object;
    int lowest = INT32_MAX;
    size_t at = 0;

    while ((object = map_next(owner->cluster->objects, &at, NULL)))
        if (object->owner == owner && !object->removing && object->health != CLUSTER_CURRENT &&
            object->phase < lowest)
            lowest = object->phase;
    return lowest;
}

/* Frees an object that is being removed, once nothing of it runs. */
static bool try_free(struct cluster_object *object)
{
    struct cluster *cluster = object->cluster;
    scoped_mem char *project = NULL, *plain = NULL;
    struct cluster_object *other;
    struct pod *pod = NULL;
    size_t at = 0;

    if (object_is_workload(object)) {
        if (object_pods(object, &pod, 1))
            return false;
    } else {
        /* In reverse order: ConfigMaps, claims and so on go after the workloads that use them. */
        while ((other = map_next(object->cluster->objects, &at, NULL)))
            if (other->owner == object->owner && other->removing && object_is_workload(other))
                return false;
    }
    state_forget(object);
    project = mem_copy_string(object->project);
    plain = object->second ? NULL : mem_copy_string(object->plain);
    object_free(object);
    if (plain)
        apply_promote(cluster, project, plain);
    return true;
}

/* An object whose phase has just opened is looked at though nothing else of it has changed. */
static void reconcile_object(struct cluster_object *object, int phase)
{
    bool waits = object->phase > phase;

    if (waits != object->waiting)
        object->dirty = true;
    object->waiting = waits;
    if (!object->dirty)
        return;
    object->dirty = false;
    /* A set must be on disk before it starts. A removal need not be: it may free the full disk. */
    if (object_is_workload(object) && (object->owner->committed || object->owner->removing))
        replicas_pass(object);
    object_judge(object);
}

/* Freeing one object may make another one free, so that is repeated until nothing more goes. */
static void reconcile_owner(struct cluster_owner *owner)
{
    struct cluster *cluster = owner->cluster;
    int before = find_open_phase(owner);
    struct cluster_object *object;
    size_t at = 0;
    bool freed;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (object->owner == owner)
            reconcile_object(object, before);
    do {
        freed = false;
        at = 0;
        while ((object = map_next(cluster->objects, &at, NULL)))
            if (object->owner == owner && object->removing && owner->committed)
                freed |= try_free(object);
    } while (freed);
    if (find_open_phase(owner) != before) {
        owner->dirty = true;
        cluster_wake(cluster);
    }
}

static bool has_objects(const struct cluster_owner *owner)
{
    struct cluster_object *object;
    size_t at = 0;

    while ((object = map_next(owner->cluster->objects, &at, NULL)))
        if (object->owner == owner)
            return true;
    return false;
}

/* A report that is the same as last time, by its hash, is not told. */
static void tell_change(struct cluster_owner *owner)
{
    struct cluster *cluster = owner->cluster;
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text out = {0};
    scoped_mem char *name = mem_copy_string(owner->name);
    struct node *report;
    uint64_t hash;

    if (owner->removing && owner->committed && !has_objects(owner)) {
        owner_free(owner);
    } else {
        report = report_owner(owner, arena);
        document_write_json(&out, report);
        hash = pods_hash(0, out.bytes, out.len);
        if (hash == owner->told)
            return;
        owner->told = hash;
    }
    if (strcmp(name, CLUSTER_ORPHANS) != 0 && cluster->options.on_change)
        cluster->options.on_change(cluster->options.arg, name);
}

/* Re-entrant: on_change() may apply and remove sets at once, so dirty owners are listed by name
   first and looked up again one by one. */
void pass_run(void *arg)
{
    struct cluster *cluster = arg;
    scoped_arena struct arena *arena = arena_new();
    struct node *names = node_list(arena);
    struct cluster_owner *owner;
    size_t at = 0;

    pods_mind_clock(cluster->pods);
    services_reconcile(cluster);
    while ((owner = map_next(cluster->owners, &at, NULL)))
        if (owner->dirty)
            node_add(arena, names, node_string(arena, owner->name));
    for (size_t i = 0; i < node_count(names); i++) {
        owner = map_get(cluster->owners, node_text(node_item(names, i)));
        if (!owner)
            continue;
        owner->dirty = false;
        reconcile_owner(owner);
        tell_change(owner);
    }
}
