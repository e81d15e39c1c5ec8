/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and sets metadata: names, labels, annotations, owners, finalizers. */
#include "meta/meta.h"

#include <string.h>

/* ---- Identity ---- */

static const char *read_text(const struct node *object, const char *field)
{
    return node_get_text(node_get(object, "metadata"), field);
}

const char *meta_name(const struct node *object)
{
    return read_text(object, "name");
}

const char *meta_namespace(const struct node *object)
{
    return read_text(object, "namespace");
}

const char *meta_uid(const struct node *object)
{
    return read_text(object, "uid");
}

int64_t meta_generation(const struct node *object)
{
    return node_get_int(node_get(object, "metadata"), "generation", 0);
}

bool meta_is_deleting(const struct node *object)
{
    return *read_text(object, "deletionTimestamp") != '\0';
}

/* ---- Labels and annotations ---- */

const char *meta_label(const struct node *object, const char *key)
{
    return node_get_text(node_at(object, "metadata", "labels", NULL), key);
}

const char *meta_annotation(const struct node *object, const char *key)
{
    return node_get_text(node_at(object, "metadata", "annotations", NULL), key);
}

void meta_set_label(struct arena *arena, struct node *object, const char *key, const char *value)
{
    struct node *metadata = node_make(arena, object, "metadata");

    if (value && *value)
        node_set_text(arena, node_make(arena, metadata, "labels"), key, value);
}

void meta_set_annotation(struct arena *arena, struct node *object, const char *key,
                         const char *value)
{
    struct node *metadata = node_make(arena, object, "metadata");

    node_set_text(arena, node_make(arena, metadata, "annotations"), key, value);
}

/* ---- Owners and managers ---- */

void meta_add_controller(struct arena *arena, struct node *object, const struct node *owner)
{
    struct node *metadata = node_make(arena, object, "metadata");
    struct node *list = node_make_list(arena, metadata, "ownerReferences");
    struct node *reference = node_map(arena);

    node_set_text(arena, reference, "apiVersion", node_get_text(owner, "apiVersion"));
    node_set_text(arena, reference, "kind", node_get_text(owner, "kind"));
    node_set_text(arena, reference, "name", meta_name(owner));
    node_set_text(arena, reference, "uid", meta_uid(owner));
    node_set_bool(arena, reference, "controller", true);
    node_set_bool(arena, reference, "blockOwnerDeletion", true);
    node_add(arena, list, reference);
}

const char *meta_owner_name(const struct node *object, const char *kind)
{
    const struct node *list = node_at(object, "metadata", "ownerReferences", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "kind"), kind))
            return node_get_text(node_item(list, i), "name");
    return "";
}

/* Only the main resource: an entry with a subresource is another manager's set. */
const struct node *meta_applied_fields(const struct node *object, const char *manager)
{
    const struct node *list = node_at(object, "metadata", "managedFields", NULL);

    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *entry = node_item(list, i);

        if (!strcmp(node_get_text(entry, "manager"), manager) &&
            !strcmp(node_get_text(entry, "operation"), "Apply") &&
            !*node_get_text(entry, "subresource"))
            return node_get(entry, "fieldsV1");
    }
    return NULL;
}

/* ---- Lists of words ---- */

bool meta_list_has(const struct node *list, const char *word)
{
    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_text(node_item(list, i)), word))
            return true;
    return false;
}

struct node *meta_list_without(struct arena *arena, const struct node *list, const char *word)
{
    struct node *rest = node_list(arena);

    for (size_t i = 0; i < node_count(list); i++)
        if (strcmp(node_text(node_item(list, i)), word) != 0)
            node_add(arena, rest, node_item(list, i));
    return rest;
}

/* ---- Finalizers ---- */

static void set_finalizers(struct arena *arena, struct node *object, struct node *list)
{
    struct node *metadata = node_make(arena, object, "metadata");

    if (node_count(list))
        node_set(arena, metadata, "finalizers", list);
    else
        node_remove(metadata, "finalizers");
}

bool meta_has_finalizer(const struct node *object, const char *finalizer)
{
    return meta_list_has(node_at(object, "metadata", "finalizers", NULL), finalizer);
}

void meta_add_finalizer(struct arena *arena, struct node *object, const char *finalizer)
{
    struct node *list =
        meta_list_without(arena, node_at(object, "metadata", "finalizers", NULL), finalizer);

    node_add(arena, list, node_string(arena, finalizer));
    set_finalizers(arena, object, list);
}

void meta_remove_finalizer(struct arena *arena, struct node *object, const char *finalizer)
{
    const struct node *list = node_at(object, "metadata", "finalizers", NULL);

    set_finalizers(arena, object, meta_list_without(arena, list, finalizer));
}
