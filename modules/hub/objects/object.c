/* SPDX-License-Identifier: Apache-2.0 */
/* Makes objects: reference-counted, immutable, in one allocation with their strings. */

#include "objects/keeper.h"

#include "base/text.h"
#include "document/document.h"
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct object *object_hold(const struct object *object)
{
    struct object *same = (struct object *)(uintptr_t)object;

    same->references++;
    return same;
}

void object_drop(struct object **object)
{
    if (!*object)
        return;
    assert((*object)->references > 0);
    if (--(*object)->references == 0)
        mem_free(object);
    *object = NULL;
}

struct node *object_read(struct arena *arena, const struct object *object)
{
    struct err err = {0};
    struct node *tree = document_read_own(arena, object->body, object->len, &err);

    if (!tree) {
        fprintf(stderr, "axle: %s %s/%s was kept and cannot be read: %s\n",
                object->kind->store_kind, object->namespace, object->name, err.text);
        abort();
    }
    return tree;
}

static char *append_string(char **at, const char *string)
{
    size_t len = strlen(string) + 1;
    char *copy = *at;

    memcpy(copy, string, len);
    *at += len;
    return copy;
}

static size_t owner_size(const struct node *reference)
{
    static const char *const fields[] = {"uid", "apiVersion", "kind", "name"};
    size_t size = 0;

    for (size_t i = 0; i < count_of(fields); i++)
        size += strlen(node_get_text(reference, fields[i])) + 1;
    return size;
}

static struct object_owner append_owner(char **at, const struct node *reference)
{
    return (struct object_owner){
        .uid = append_string(at, node_get_text(reference, "uid")),
        .api_version = append_string(at, node_get_text(reference, "apiVersion")),
        .kind = append_string(at, node_get_text(reference, "kind")),
        .name = append_string(at, node_get_text(reference, "name")),
        .blocks = node_get_bool(reference, "blockOwnerDeletion", false),
    };
}

/* Lays out an object with its owners, strings and body in one allocation. */
struct object *object_lay_out(const struct kind *kind, const struct node *metadata,
                              int64_t revision, const char *body, size_t len)
{
    const struct node *owners = node_get(metadata, "ownerReferences");
    const char *namespace = node_get_text(metadata, "namespace");
    const char *name = node_get_text(metadata, "name");
    const char *uid = node_get_text(metadata, "uid");
    size_t count = node_count(owners), size;
    struct object *object;
    struct object_owner *owner;
    char *at;

    size = sizeof(*object) + count * sizeof(*owner) + strlen(namespace) + strlen(name) +
           strlen(uid) + 3 + len + 1;
    for (size_t i = 0; i < count; i++)
        size += owner_size(node_item(owners, i));
    object = mem_alloc(size);
    owner = (struct object_owner *)(object + 1);
    at = (char *)(owner + count);
    for (size_t i = 0; i < count; i++)
        owner[i] = append_owner(&at, node_item(owners, i));
    *object = (struct object){
        .references = 1,
        .kind = kind,
        .namespace = append_string(&at, namespace),
        .name = append_string(&at, name),
        .uid = append_string(&at, uid),
        .revision = revision,
        .deleting = node_get(metadata, "deletionTimestamp") != NULL,
        .owners = owner,
        .owner_count = count,
        .finalizer_count = node_count(node_get(metadata, "finalizers")),
        .len = len,
        .body = at,
    };
    memcpy(at, body, len);
    return object;
}

struct object *object_make(struct arena *arena, const struct kind *kind, struct node *tree,
                           int64_t revision)
{
    scoped_text struct text body = {0};
    struct node *metadata = node_make(arena, tree, "metadata");

    if (revision)
        node_set(arena, metadata, "resourceVersion",
                 node_format(arena, "%lld", (long long)revision));
    else
        node_remove(metadata, "resourceVersion");
    document_write_json(&body, tree);
    return object_lay_out(kind, metadata, revision, text_string(&body), body.len);
}
