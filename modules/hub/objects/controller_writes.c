/* SPDX-License-Identifier: Apache-2.0 */
/* Writes for controllers in one call: ensures an object, sets its status or a finalizer, removes
 * it. */

#include "objects/keeper.h"
#include "objects/rules.h"

#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"

#include <string.h>

static struct objects_write make_write(const char *manager, const struct kind *kind,
                                       const char *namespace, const char *name)
{
    return (struct objects_write){
        .who = {.user = manager, .manager = manager, .trusted = true},
        .kind = kind,
        .namespace = namespace,
        .name = name,
        .validation = OBJECTS_STRICT,
        .grace = -1,
    };
}

static void set_changed(bool *ret_changed, bool changed)
{
    if (ret_changed)
        *ret_changed = changed;
}

static void hash_wanted(const struct node *wanted, unsigned char ret[PKI_SHA256])
{
    scoped_text struct text json = {0};

    document_write_json(&json, wanted);
    pki_sha256(json.bytes, json.len, ret);
}

/* Whether it says more than which object it is. */
static bool names_field(const struct node *wanted)
{
    node_each(member, wanted)
    {
        const char *key = member->key;

        if (strcmp(key, "apiVersion") && strcmp(key, "kind") && strcmp(key, "metadata"))
            return true;
    }
    node_each(member, node_get(wanted, "metadata"))
    {
        if (strcmp(member->key, "name") && strcmp(member->key, "namespace"))
            return true;
    }
    return false;
}

/*
 * Wanted to be there and no more, and there it is. A merge would begin to keep account of who
 * wrote what, which is a write that says nothing, at the first start after the one that made
 * the object. A manager that has owned fields gives them up by wanting none: that is a merge's.
 */
static bool is_there_as_wanted(struct objects *objects, const struct objects_write *write,
                               const struct node *wanted)
{
    const struct object *live = table_find(table_of(&objects->keeper, write->kind), OBJECTS_STAGED,
                                           write->namespace, write->name);

    return live && !names_field(wanted) &&
           !memmem(live->body, live->len, "\"managedFields\":[", 17);
}

int objects_ensure(struct objects *objects, const char *manager, const struct node *wanted,
                   bool *ret_changed, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *metadata = node_get(wanted, "metadata");
    unsigned char hash[PKI_SHA256];
    const char *key;
    const struct kind *kind = kinds_by_kind(
        objects->keeper.kinds, node_get_text(wanted, "apiVersion"), node_get_text(wanted, "kind"));
    struct objects_result result = {.arena = arena};
    struct objects_write write;

    if (!kind)
        return err_set(err, ERR_NOT_FOUND,
                       "no matches for kind \"%s\" in "
                       "version \"%s\"",
                       node_get_text(wanted, "kind"), node_get_text(wanted, "apiVersion"));
    write = make_write(manager, kind, node_get_text(metadata, "namespace"),
                       node_get_text(metadata, "name"));
    key =
        arena_printf(arena, "%s %s %s/%s", manager, kind->store_kind, write.namespace, write.name);
    hash_wanted(wanted, hash);
    set_changed(ret_changed, false);
    if (apply_cache_has(objects, key, &write, hash) || is_there_as_wanted(objects, &write, wanted))
        return 0;
    write.body = wanted;
    write.patch = OBJECTS_PATCH_APPLY;
    write.force = true;
    if (objects_patch(objects, &write, &result, err) < 0)
        return -1;
    set_changed(ret_changed, !result.unchanged);
    apply_cache_put(objects, key, hash, result.object->revision);
    object_drop(&result.object);
    return 0;
}

/* The staged state of the object that the caller read: NULL if it is gone, also if
   there is another object of its name by now. */
static struct object *find_same(struct objects *objects, const struct object *object)
{
    struct object *live = table_find(table_of(&objects->keeper, object->kind), OBJECTS_STAGED,
                                     object->namespace, object->name);

    return live && text_same(live->uid, object->uid) ? live : NULL;
}

int objects_set_status(struct objects *objects, const char *manager, const struct object *object,
                       const struct node *status, bool *ret_changed, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    const struct object *live = find_same(objects, object);
    struct objects_result result = {.arena = arena};
    struct objects_write write;
    struct node *body;

    set_changed(ret_changed, false);
    if (!live)
        return 0;
    body = object_read(arena, live);
    if (node_get(body, "status") && node_same(node_get(body, "status"), status))
        return 0;
    node_set(arena, body, "status", node_copy(arena, status));
    write = make_write(manager, live->kind, live->namespace, live->name);
    write.subresource = "status";
    write.body = body;
    if (objects_update(objects, &write, &result, err) < 0)
        return -1;
    set_changed(ret_changed, !result.unchanged);
    object_drop(&result.object);
    return 0;
}

int objects_set_finalizer(struct objects *objects, const char *manager, const struct object *object,
                          const char *finalizer, bool present, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    const struct object *live = find_same(objects, object);
    struct objects_result result = {.arena = arena};
    struct node *list, *patch = node_map(arena);
    const struct node *old;
    struct objects_write write;

    if (!live)
        return 0;
    old = node_at(object_read(arena, live), "metadata", "finalizers", NULL);
    if (meta_list_has(old, finalizer) == present || (present && live->deleting))
        return 0;
    list = meta_list_without(arena, old, finalizer);
    if (present)
        node_add(arena, list, node_string(arena, finalizer));
    node_set(arena, node_make(arena, patch, "metadata"), "finalizers", list);
    write = make_write(manager, live->kind, live->namespace, live->name);
    write.body = patch;
    write.patch = OBJECTS_PATCH_MERGE;
    if (objects_patch(objects, &write, &result, err) < 0)
        return -1;
    object_drop(&result.object);
    return 0;
}

int objects_remove(struct objects *objects, const char *manager, const struct kind *kind,
                   const char *namespace, const char *name, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct objects_result result = {.arena = arena};
    struct objects_write write = make_write(manager, kind, namespace, name);
    struct err why = {0};

    write.propagation = "Background";
    if (objects_delete(objects, &write, &result, &why) < 0) {
        if (why.code == ERR_NOT_FOUND)
            return 0;
        if (err)
            *err = why;
        return -1;
    }
    object_drop(&result.object);
    return 0;
}
