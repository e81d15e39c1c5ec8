/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_VERBS_H
#define OBJECTS_VERBS_H

#include "check.h"

#include "base/text.h"
#include "document/document.h"
#include "objects/objects.h"
#include "pki/pki.h"
#include "store/store.h"

#include <string.h>

/* One store of objects without a loop, and short verbs for what tests do with it. */

static struct kinds *kinds;
static struct store_disk *disk;
static const char *database = "hub.db";
static struct store *store;
static struct objects *objects;
static struct arena *arena;
static struct err err;
static struct objects_result result;
static const unsigned char seal[PKI_SEAL_KEY] = "one key for all of these tests";
static const unsigned char *key = seal;
static struct store_options store_how = {.vfs = "test"};

static inline void open_all(void)
{
    store = store_open(database, &store_how, &err);
    objects = store ? objects_open_sealed(NULL, store, kinds, key, &err) : NULL;
    if (!objects)
        printf("# %s\n", err.text);
}

static inline void close_all(void)
{
    object_drop(&result.object);
    objects_close(&objects);
    store_close(&store);
}

static inline void reopen(void)
{
    close_all();
    open_all();
}

static inline const struct kind *kind_of(const char *plural)
{
    static const char *const groups[] = {
        "",
        "axle.dev",
        "coordination.k8s.io",
        "work.open-cluster-management.io",
        "rbac.authorization.k8s.io",
        "certificates.k8s.io",
    };

    for (size_t i = 0; i < count_of(groups); i++) {
        const struct kind *kind = kinds_find(kinds, groups[i], plural);
        if (kind)
            return kind;
    }
    return NULL;
}

static inline struct node *json(const char *text)
{
    scoped_mem char *copy = mem_copy_string(text);

    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    return document_read_json(arena, copy, strlen(copy), &document_limits_api, &err);
}

static inline struct objects_write write_of(const char *plural, const char *name, const char *body)
{
    const struct kind *kind = kind_of(plural);

    object_drop(&result.object);
    result = (struct objects_result){.arena = arena};
    err = (struct err){0};
    return (struct objects_write){
        .who = {.user = "test", .manager = "test"},
        .kind = kind,
        .namespace = kind->namespaced ? "talk" : "",
        .name = name,
        .body = body ? json(body) : NULL,
        .grace = -1,
    };
}

static inline int create(const char *plural, const char *body)
{
    struct objects_write write = write_of(plural, NULL, body);

    return objects_create(objects, &write, &result, &err);
}

static inline int update(const char *plural, const char *name, const char *body)
{
    struct objects_write write = write_of(plural, name, body);

    return objects_update(objects, &write, &result, &err);
}

static inline int merge(const char *plural, const char *name, const char *body)
{
    struct objects_write write = write_of(plural, name, body);

    write.patch = OBJECTS_PATCH_MERGE;
    return objects_patch(objects, &write, &result, &err);
}

static inline int merge_status(const char *plural, const char *name, const char *body)
{
    struct objects_write write = write_of(plural, name, body);

    write.patch = OBJECTS_PATCH_MERGE;
    write.subresource = "status";
    return objects_patch(objects, &write, &result, &err);
}

static inline int apply(const char *plural, const char *name, const char *manager, const char *body)
{
    struct objects_write write = write_of(plural, name, body);

    write.patch = OBJECTS_PATCH_APPLY;
    write.who.manager = manager;
    return objects_patch(objects, &write, &result, &err);
}

static inline int drop(const char *plural, const char *name, const char *propagation)
{
    struct objects_write write = write_of(plural, name, NULL);

    write.propagation = propagation;
    return objects_delete(objects, &write, &result, &err);
}

/* The published object as a tree, NULL if it is not there. */
static inline struct node *see(const char *plural, const char *name)
{
    const struct kind *kind = kind_of(plural);
    struct err why;
    scoped_object struct object *object =
        objects_get(objects, OBJECTS_PUBLISHED, kind, kind->namespaced ? "talk" : "", name, &why);

    return object ? object_read(arena, object) : NULL;
}

static inline const char *metadata_of(const char *plural, const char *name, const char *field)
{
    const struct node *value = node_get(node_get(see(plural, name), "metadata"), field);

    return !value                        ? ""
           : node_is(value, NODE_STRING) ? node_text(value)
                                         : document_json(arena, value);
}

static inline void seed(void)
{
    create("namespaces", "{'metadata':{'name':'talk'}}");
    create("namespaces", "{'metadata':{'name':'default'}}");
    objects_commit(objects);
}

#endif
