/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and sets what every object has: names, labels, owners, conditions. */
#include "controllers/controller.h"

#include "base/clock.h"

#include <string.h>

const char *object_name(const struct node *object)
{
    return node_get_text(node_get(object, "metadata"), "name");
}

const char *object_space(const struct node *object)
{
    return node_get_text(node_get(object, "metadata"), "namespace");
}

const char *object_uid(const struct node *object)
{
    return node_get_text(node_get(object, "metadata"), "uid");
}

bool object_deleting(const struct node *object)
{
    return *node_get_text(node_get(object, "metadata"), "deletionTimestamp");
}

int64_t object_generation(const struct node *object)
{
    return node_get_int(node_get(object, "metadata"), "generation", 0);
}

const char *object_label(const struct node *object, const char *label)
{
    return node_get_text(node_at(object, "metadata", "labels", NULL), label);
}

const char *object_annotation(const struct node *object, const char *name)
{
    return node_get_text(node_at(object, "metadata", "annotations", NULL), name);
}

bool object_has_finalizer(const struct node *object, const char *finalizer)
{
    const struct node *list = node_at(object, "metadata", "finalizers", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_text(node_item(list, i)), finalizer))
            return true;
    return false;
}

void object_set_label(struct arena *arena, struct node *object,
                      const char *label, const char *value)
{
    struct node *metadata = node_make(arena, object, "metadata");

    if (value && *value)
        node_set_text(arena, node_make(arena, metadata, "labels"), label, value);
}

void object_set_annotation(struct arena *arena, struct node *object,
                           const char *name, const char *value)
{
    struct node *metadata = node_make(arena, object, "metadata");

    node_set_text(arena, node_make(arena, metadata, "annotations"), name, value);
}

void object_own(struct arena *arena, struct node *object,
                const struct node *owner)
{
    struct node *metadata = node_make(arena, object, "metadata");
    struct node *list = node_make_list(arena, metadata, "ownerReferences");
    struct node *reference = node_map(arena);

    node_set_text(arena, reference, "apiVersion",
                  node_get_text(owner, "apiVersion"));
    node_set_text(arena, reference, "kind", node_get_text(owner, "kind"));
    node_set_text(arena, reference, "name", object_name(owner));
    node_set_text(arena, reference, "uid", object_uid(owner));
    node_set_bool(arena, reference, "controller", true);
    node_set_bool(arena, reference, "blockOwnerDeletion", true);
    node_add(arena, list, reference);
}

const char *object_owner(const struct node *object, const char *kind)
{
    const struct node *list = node_at(object, "metadata", "ownerReferences",
                                      NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "kind"), kind))
            return node_get_text(node_item(list, i), "name");
    return "";
}

const struct node *object_applied(const struct node *object, const char *manager)
{
    const struct node *list = node_at(object, "metadata", "managedFields", NULL);

    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *one = node_item(list, i);

        if (!strcmp(node_get_text(one, "manager"), manager) &&
            !strcmp(node_get_text(one, "operation"), "Apply") &&
            !*node_get_text(one, "subresource"))
            return node_get(one, "fieldsV1");
    }
    return NULL;
}

const struct node *condition_find(const struct node *conditions,
                                  const char *type)
{
    for (size_t i = 0; i < node_count(conditions); i++)
        if (!strcmp(node_get_text(node_item(conditions, i), "type"), type))
            return node_item(conditions, i);
    return NULL;
}

const char *condition_status(const struct node *object, const char *type)
{
    const struct node *list = node_at(object, "status", "conditions", NULL);

    return node_get_text(condition_find(list, type), "status");
}

bool condition_holds(const struct node *object, const char *type)
{
    const struct node *list = node_at(object, "status", "conditions", NULL);
    const struct node *found = condition_find(list, type);

    return !strcmp(node_get_text(found, "status"), "True") &&
           node_get_int(found, "observedGeneration", 0) ==
               object_generation(object);
}

void condition_set(struct arena *arena, struct node *status,
                   const struct node *old, const struct condition *condition,
                   int64_t generation, int64_t now)
{
    struct node *list = node_make_list(arena, status, "conditions");
    const struct node *before = condition_find(old, condition->type);
    struct node *entry = node_map(arena);
    const char *since = node_get_text(before, "lastTransitionTime");
    char time[CLOCK_TEXT];
    size_t at;

    clock_format(now, false, time);
    if (!*since || strcmp(node_get_text(before, "status"), condition->status))
        since = time;
    node_set_text(arena, entry, "type", condition->type);
    node_set_text(arena, entry, "status", condition->status);
    node_set_text(arena, entry, "reason", condition->reason);
    node_set_text(arena, entry, "message", condition->message);
    if (generation)
        node_set_int(arena, entry, "observedGeneration", generation);
    node_set_text(arena, entry, "lastTransitionTime", since);
    for (at = 0; at < node_count(list); at++)
        if (!strcmp(node_get_text(node_item(list, at), "type"),
                    condition->type)) {
            node_remove_item(list, at);
            break;
        }
    node_insert(arena, list, at, entry);
}

struct node *status_copy(struct arena *arena, const struct node *object)
{
    const struct node *status = node_get(object, "status");

    return node_is(status, NODE_MAP) ? node_copy(arena, status)
                                     : node_map(arena);
}
