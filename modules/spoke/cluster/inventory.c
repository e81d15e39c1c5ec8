/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps owners and their objects in memory, each object under the key that it is found by. */

#include "cluster/inventory.h"

#include "base/clock.h"
#include "cluster/service.h"
#include "cluster/workload.h"
#include "meta/meta.h"
#include "query/query.h"

#include <stdio.h>
#include <string.h>

/* ---- Objects ---------------------------------------------------------------------------- */

static void on_object_timer(void *arg)
{
    struct cluster_object *object = arg;

    object_touch(object);
}

struct cluster_object *object_new(struct cluster_owner *owner, const struct naming *naming)
{
    struct cluster_object *object = mem_alloc(sizeof *object);

    object->cluster = owner->cluster;
    object->owner = owner;
    object->key = mem_copy_string(naming->key);
    object->plain = document_intern_text(naming->plain);
    object->project = document_intern_text(owner->project);
    object->second = naming->second;
    object->timer = loop_timer_new(owner->cluster->options.loop, on_object_timer, object);
    object->created = clock_wall();
    object->health = CLUSTER_IN_PROGRESS; /* it is not judged yet */
    object->uid = (int64_t)(random_number() >> 1);
    map_put(owner->cluster->objects, object->key, object);
    return object;
}

/* Its pods, if there are any left, stay: they find no workload any more. */
void object_free(struct cluster_object *object)
{
    map_remove(object->cluster->objects, object->key);
    if (!object->cluster->closing && object->row && object->row->role == MANIFEST_SERVICE)
        cluster_touch_services(object->cluster);
    service_free(object);
    loop_timer_free(&object->timer);
    revision_free(object);
    mem_free(&object->key);
    document_release_text(&object->plain);
    document_release_text(&object->project);
    document_release(&object->object);
    document_release(&object->template);
    mem_free(&object->lost_why);
    mem_free(&object);
}

/* What can be refused without looking into the spec. */
static void check_object_kind(struct cluster_object *object)
{
    const struct node *meta = node_get(object->object, "metadata");
    char refused[NAME_WHY];

    object->broken = (struct manifest_why){0};
    if (!*object->kind || !*object->api_version || !*object->name)
        manifest_why_set(&object->broken, "Invalid",
                         "apiVersion, kind and metadata.name are needed");
    else if (!object->row)
        manifest_why_set(&object->broken, "UnsupportedKind",
                         "%.80s %.80s is not supported on this spoke", object->api_version,
                         object->kind);
    else if (object->row->refused)
        manifest_why_set(&object->broken, "UnsupportedKind",
                         "%s is not supported on this spoke: %s", object->kind,
                         object->row->refused);
    else if (strlen(object->name) > 253 || strlen(object->namespace) > 63 ||
             !name_is_dns_subdomain(object->name, refused) ||
             (*object->namespace && !name_is_dns_label(object->namespace, refused)))
        manifest_why_set(
            &object->broken, "Invalid",
            "metadata.name \"%.100s\" or namespace \"%.80s\" is not a valid Kubernetes name",
            node_get_text(meta, "name"), object->namespace);
    else
        (void)manifest_check_shape(object->row, object->object, &object->broken);
}

/* What its texts point to is in it. */
void object_set(struct cluster_object *object, const struct node *made)
{
    scoped_interned const struct node *former = object->object;
    const struct node *meta;

    (void)former; /* it is released at the end: what is read may be a part of it */
    object->object = document_intern(made);
    meta = node_get(object->object, "metadata");
    object->api_version = node_get_text(object->object, "apiVersion");
    object->kind = node_get_text(object->object, "kind");
    object->name = node_get_text(meta, "name");
    object->row = manifest_kind_find(object->api_version, object->kind);
    object->namespace =
        object->row && object->row->cluster_wide ? "" : node_get_text(meta, "namespace");
    if (!*object->namespace && (!object->row || !object->row->cluster_wide))
        object->namespace = "default";
}

void object_fill(struct cluster_object *object, const struct cluster_manifest *item)
{
    object->adopted = false;
    /* The health of the former content says nothing about the new one. */
    object->health = CLUSTER_IN_PROGRESS;
    manifest_why_set(&object->why, "Progressing", "not checked yet");
    object_set(object, item->object);
    object->generation++;
    document_release(&object->template);
    check_object_kind(object);
    if (!*object->broken.reason && object->row->role == MANIFEST_SERVICE)
        service_read(object);
    else if (!*object->broken.reason)
        workload_read(object);
    if (object->second && object->row && !*object->broken.reason)
        manifest_why_set(&object->broken, OBJECT_OWNED_BY_OTHER,
                         "%s %.100s/%.100s belongs to another work on this spoke", object->kind,
                         object->namespace, object->name);
}

/* The row of its state moves with it. */
void object_rename(struct cluster_object *object, const struct naming *naming, const char *project)
{
    char *key = mem_copy_string(naming->key);
    const char *now = document_intern_text(project);
    bool stateful = object->stateful;

    state_forget(object);
    map_remove(object->cluster->objects, object->key);
    mem_free(&object->key);
    document_release_text(&object->project);
    object->key = key;
    object->project = now;
    object->second = naming->second;
    map_put(object->cluster->objects, object->key, object);
    if (stateful)
        state_keep(object, NULL, NULL);
}

/* ---- How an object is found ------------------------------------------------------------------ */

/* A manifest without a usable name is found by its place in the set, so that it can be refused. */
static const char *plain_of(struct arena *arena, const struct node *object, size_t ordinal)
{
    const char *api_version = node_get_text(object, "apiVersion");
    const char *kind = node_get_text(object, "kind");
    const char *name = meta_name(object);
    const char *namespace = meta_namespace(object);
    const struct manifest_kind *row = manifest_kind_find(api_version, kind);
    char group[128];

    if (!*name || !*kind || strpbrk(name, "|/") || strpbrk(kind, "|/") || strpbrk(namespace, "|/"))
        return arena_printf(arena, "invalid/%zu", ordinal);
    return arena_printf(arena, "%s/%s/%s/%s", manifest_group(api_version, group, sizeof group),
                        kind,
                        row && row->cluster_wide ? ""
                        : *namespace             ? namespace
                                                 : "default",
                        name);
}

/* An object that was left behind belongs to the first work of its project that names it. */
struct naming naming_of(struct arena *arena, const struct cluster_owner *owner,
                        const struct node *object, size_t ordinal)
{
    const struct manifest_kind *row =
        manifest_kind_find(node_get_text(object, "apiVersion"), node_get_text(object, "kind"));
    struct naming ret = {.plain = plain_of(arena, object, ordinal)};
    bool shared = object_is_shared(owner->project, row) || text_starts(ret.plain, "invalid/");
    scoped_mem char *own = object_key(owner->project, ret.plain, owner->name);
    scoped_mem char *alone = object_key(owner->project, ret.plain, NULL);
    const struct cluster_object *there = map_get(owner->cluster->objects, alone);

    ret.second = !shared && there && there->owner != owner &&
                 strcmp(there->owner->name, CLUSTER_ORPHANS) != 0;
    ret.key = arena_string(arena, shared || ret.second ? own : alone);
    return ret;
}

/* ---- Owners ---------------------------------------------------------------------------------- */

struct cluster_owner *owner_get(struct cluster *cluster, const char *name)
{
    struct cluster_owner *owner = map_get(cluster->owners, name);

    if (owner)
        return owner;
    owner = mem_alloc(sizeof *owner);
    owner->cluster = cluster;
    owner->name = document_intern_text(name);
    owner->project = document_intern_text("");
    map_put(cluster->owners, name, owner);
    return owner;
}

void owner_free(struct cluster_owner *owner)
{
    map_remove(owner->cluster->owners, owner->name);
    document_release_text(&owner->name);
    document_release_text(&owner->project);
    document_release(&owner->kept);
    mem_free(&owner->unkept);
    mem_free(&owner);
}

void owner_set_project(struct cluster_owner *owner, const char *project)
{
    const char *former = owner->project;

    owner->project = document_intern_text(project);
    document_release_text(&former);
}

struct node *owner_keys(const struct cluster_owner *owner, struct arena *arena)
{
    struct node *keys = node_list(arena);
    struct cluster_object *object;
    size_t at = 0;

    while ((object = map_next(owner->cluster->objects, &at, NULL)))
        if (object->owner == owner)
            node_add(arena, keys, node_string(arena, object->key));
    return keys;
}

void owner_touch(struct cluster_owner *owner)
{
    struct cluster_object *object;
    size_t at = 0;

    while ((object = map_next(owner->cluster->objects, &at, NULL)))
        if (object->owner == owner)
            object->dirty = true;
    owner->dirty = true;
    cluster_wake(owner->cluster);
}

/*
 * A work is given to a project, or comes from a store that did not know projects:
 * its objects and pods move as they are, and nothing of it is restarted.
 */
void owner_give(struct cluster_owner *owner, const char *project)
{
    struct cluster *cluster = owner->cluster;
    scoped_arena struct arena *arena = arena_new();
    struct node *keys = owner_keys(owner, arena);
    struct pod *pod;
    size_t at = 0;

    if (!strcmp(owner->project, project))
        return;
    owner_set_project(owner, project);
    for (size_t i = 0; i < node_count(keys); i++) {
        struct cluster_object *object = map_get(cluster->objects, node_text(node_item(keys, i)));
        struct naming naming = naming_of(arena, owner, object->object, i);

        object_rename(object, &naming, project);
    }
    while ((pod = pods_next(cluster->pods, &at)))
        if (!strcmp(pod->owner, owner->name))
            pods_give(pod, project);
    cluster_touch_services(cluster);
}
