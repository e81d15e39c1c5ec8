/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps manifests, tags and blobs of repositories in the store. */
#include "registry/registry.h"

#include "base/text.h"
#include "document/document.h"
#include "registry/index.h"
#include "store/store.h"

#include <string.h>

#define ALL "registry"

static struct node *read_value(struct arena *arena, struct store *store,
                               const char *name)
{
    struct node *node = NULL;
    size_t len = 0;
    scoped_mem char *bytes = store_value_get(store, name, &len);

    if (bytes && len)
        node = document_read_json(arena, bytes, len, &document_limits_own, NULL);
    return node_is(node, NODE_MAP) ? node : node_map(arena);
}

static void write_value(struct store *store, const char *name,
                        const struct node *node)
{
    scoped_text struct text json = { 0 };

    document_write_json(&json, node);
    store_value_put(store, name, json.bytes, json.len);
}

struct node *index_read(struct arena *arena, struct store *store,
                        const char *repository)
{
    return read_value(arena, store, arena_printf(arena, ALL "/%s", repository));
}

struct node *index_all(struct arena *arena, struct store *store)
{
    return read_value(arena, store, ALL);
}

void index_write(struct arena *arena, struct store *store,
                 const char *repository, const struct node *index)
{
    struct node *all = index_all(arena, store);

    if (node_same(index, index_read(arena, store, repository)))
        return;
    write_value(store, arena_printf(arena, ALL "/%s", repository), index);
    if (!node_get(all, repository)) {
        node_set_int(arena, all, repository, 1);
        write_value(store, ALL, all);
    }
}

void registry_keep(struct store *store, const char *repository, const char *tag,
                   const struct registry_blob *manifest,
                   const struct registry_blob *blobs, size_t count)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *index = index_read(arena, store, repository);

    for (size_t i = 0; i < count; i++) {
        if (store_blob_size(store, blobs[i].digest) < 0)
            store_blob_put(store, blobs[i].digest, blobs[i].bytes, blobs[i].len);
        node_set_int(arena, node_make(arena, index, "blobs"), blobs[i].digest, 1);
    }
    if (store_blob_size(store, manifest->digest) < 0)
        store_blob_put(store, manifest->digest, manifest->bytes, manifest->len);
    node_set_text(arena, node_make(arena, index, "manifests"), manifest->digest,
                  manifest->media_type);
    if (tag && *tag && strcmp(node_get_text(node_get(index, "tags"), tag),
                              manifest->digest)) {
        /* The tag moved last stands last. */
        node_remove(node_make(arena, index, "tags"), tag);
        node_set_text(arena, node_get(index, "tags"), tag, manifest->digest);
    }
    index_write(arena, store, repository, index);
}

const char *registry_tag(struct arena *arena, struct store *store,
                         const char *repository, const char *tag)
{
    const struct node *index = index_read(arena, store, repository);
    const char *digest = node_get_text(node_get(index, "tags"), tag);

    return *digest ? digest : NULL;
}

bool registry_has(struct store *store, const char *repository,
                  const char *digest)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *index = index_read(arena, store, repository);

    return (node_get(node_get(index, "manifests"), digest) ||
            node_get(node_get(index, "blobs"), digest)) &&
           store_blob_size(store, digest) >= 0;
}

void registry_drop(struct store *store, const char *repository)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *all = index_all(arena, store);

    if (!node_remove(all, repository))
        return;
    write_value(store, ALL, all);
    write_value(store, arena_printf(arena, ALL "/%s", repository),
                node_map(arena));
}

void registry_drop_project(struct store *store, const char *project)
{
    scoped_arena struct arena *arena = arena_new();
    const char *prefix = arena_printf(arena, "%s/", project);

    node_each(repository, index_all(arena, store))
        if (text_starts(repository->key, prefix))
            registry_drop(store, repository->key);
}

/* ---- What a manifest names -------------------------------------------------- */

static void add_named(struct arena *arena, struct node *blobs,
                      const struct node *manifest)
{
    const struct node *layers = node_get(manifest, "layers");

    node_set_int(arena, blobs,
                 node_get_text(node_get(manifest, "config"), "digest"), 1);
    for (size_t i = 0; i < node_count(layers); i++)
        node_set_int(arena, blobs,
                     node_get_text(node_item(layers, i), "digest"), 1);
}

static struct node *read_manifest(struct arena *arena, struct store *store,
                                  const char *digest)
{
    int64_t size = store_blob_size(store, digest);
    char *bytes;

    if (size < 0)
        return NULL;
    bytes = arena_alloc(arena, (size_t)size + 1);
    if (store_blob_read(store, digest, 0, bytes, (size_t)size, NULL) != size)
        return NULL;
    return document_read_json(arena, bytes, (size_t)size, &document_limits_own,
                              NULL);
}

bool registry_manifest_has(struct store *store, const char *manifest,
                           const char *digest)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *named = node_map(arena);

    if (!strcmp(manifest, digest))
        return true;
    add_named(arena, named, read_manifest(arena, store, manifest));
    return node_get(named, digest) != NULL;
}

/* ---- Trimming ---------------------------------------------------------------- */

void registry_trim(struct store *store, const char *repository, size_t tags)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *old = index_read(arena, store, repository);
    const struct node *all = node_get(old, "tags");
    struct node *next = node_map(arena), *manifests, *blobs, *kept;
    size_t passed = 0;

    kept = node_make(arena, next, "tags");
    manifests = node_make(arena, next, "manifests");
    blobs = node_make(arena, next, "blobs");
    node_each(tag, all) {
        const char *digest = node_text(tag->value);

        if (passed++ + tags < node_count(all))
            continue;
        node_set(arena, kept, tag->key, tag->value);
        node_set_text(arena, manifests, digest,
                      node_get_text(node_get(old, "manifests"), digest));
        add_named(arena, blobs, read_manifest(arena, store, digest));
    }
    index_write(arena, store, repository, next);
}

bool registry_is_complete(struct store *store, const char *repository,
                          const char *digest)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *manifest;
    struct node *named = node_map(arena);

    if (!registry_has(store, repository, digest))
        return false;
    manifest = read_manifest(arena, store, digest);
    if (!manifest)
        return false;
    add_named(arena, named, manifest);
    node_each(blob, named)
        if (*blob->key && store_blob_size(store, blob->key) < 0)
            return false;
    return true;
}

/* ---- Sweeping ------------------------------------------------------------------ */

struct sweep {
    struct arena *arena;
    struct node *wanted, *old;
    int64_t before;
};

static void look_at(void *arg, const char *digest, int64_t size, int64_t wall)
{
    struct sweep *sweep = arg;

    if (wall < sweep->before && !node_get(sweep->wanted, digest))
        node_add(sweep->arena, sweep->old, node_string(sweep->arena, digest));
}

size_t registry_sweep(struct store *store, int64_t before)
{
    scoped_arena struct arena *arena = arena_new();
    struct sweep sweep = { arena, node_map(arena), node_list(arena), before };

    node_each(repository, index_all(arena, store)) {
        const struct node *index = index_read(arena, store, repository->key);

        node_each(manifest, node_get(index, "manifests"))
            node_set_int(arena, sweep.wanted, manifest->key, 1);
        node_each(blob, node_get(index, "blobs"))
            node_set_int(arena, sweep.wanted, blob->key, 1);
    }
    store_blob_each(store, look_at, &sweep);
    for (size_t i = 0; i < node_count(sweep.old); i++)
        store_blob_delete(store, node_text(node_item(sweep.old, i)));
    return node_count(sweep.old);
}

/* ---- Names ------------------------------------------------------------------------ */

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*, parts joined by "/", 255 in all. */
bool registry_name_is_valid(const char *name)
{
    size_t len = strlen(name), i = 0;

    if (!len || len > 255)
        return false;
    while (i < len) {
        size_t start = i, gap;

        while (i < len && is_alnum(name[i]))
            i++;
        if (i == start)
            return false;
        if (i == len)
            return true;
        gap = strspn(name + i, name[i] == '-' ? "-" : name[i] == '_' ? "_" :
                     name[i] == '.' ? "." : "/");
        if (!gap || (gap > 1 && name[i] != '-' && !(name[i] == '_' && gap == 2)))
            return false;
        i += gap;
    }
    return false;
}

bool registry_digest_is_valid(const char *digest)
{
    static const char prefix[] = "sha256:";

    return !strncmp(digest, prefix, 7) && strlen(digest) == 71 &&
           strspn(digest + 7, "0123456789abcdef") == 64;
}

bool registry_type_is_manifest(const char *type)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789!#$&^_.+-";
    static const char prefix[] = "application/";
    const char *rest = type + sizeof prefix - 1;

    return text_starts(type, prefix) && strspn(rest, letters) == strlen(rest) &&
           (!strcmp(rest, "json") || (text_ends(rest, "+json") && strlen(rest) > 5));
}
