/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps manifests, tags and blobs of repositories in the store. */
#include "registry/registry.h"

#include "base/map.h"
#include "base/text.h"
#include "document/document.h"
#include "registry/index.h"
#include "store/store.h"

#include <string.h>

/* The member of an index that marks a repository as the hub's own. */
#define CLAIMED "claimed"

void registry_keep(struct store *store, const char *repository, const char *tag,
                   const struct registry_blob *manifest, const struct registry_blob *blobs,
                   size_t count)
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
    node_set_int(arena, node_make(arena, index, "kept"), manifest->digest, 1);
    if (tag && *tag && strcmp(node_get_text(node_get(index, "tags"), tag), manifest->digest)) {
        /* Tags stand in the order in which they were set, which registry_trim()
           relies on. */
        node_remove(node_make(arena, index, "tags"), tag);
        node_set_text(arena, node_get(index, "tags"), tag, manifest->digest);
    }
    index_write(arena, store, repository, index);
}

bool registry_is_claimed(struct store *store, const char *repository)
{
    scoped_arena struct arena *arena = arena_new();

    return node_get_bool(index_read(arena, store, repository), CLAIMED, false);
}

/* A repository that a client has pushed to is not claimed: the hub would take its
   contents over. */
bool registry_claim(struct store *store, const char *repository, bool was_kept)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *index = index_read(arena, store, repository);

    if (node_get_bool(index, CLAIMED, false))
        return true;
    if (!was_kept &&
        (node_count(node_get(index, "manifests")) || node_count(node_get(index, "blobs"))))
        return false;
    node_set_bool(arena, index, CLAIMED, true);
    index_write(arena, store, repository, index);
    return true;
}

const char *registry_tag(struct arena *arena, struct store *store, const char *repository,
                         const char *tag)
{
    const struct node *index = index_read(arena, store, repository);
    const char *digest = node_get_text(node_get(index, "tags"), tag);

    return *digest ? digest : NULL;
}

bool registry_has(struct store *store, const char *repository, const char *digest)
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

    index_drop(arena, store, repository);
}

void registry_drop_project(struct store *store, const char *project)
{
    scoped_arena struct arena *arena = arena_new();
    const char *prefix = arena_printf(arena, "%s/", project);

    node_each(repository, index_all(arena, store)) if (text_starts(repository->key, prefix))
        registry_drop(store, repository->key);
}

/* ---- What a manifest names -------------------------------------------------- */

static bool add_named_digest(void *arg, const char *digest, bool foreign)
{
    struct map *named = arg;

    if (*digest)
        map_put(named, digest, named);
    return true;
}

bool registry_manifest_has(struct store *store, const char *manifest, const char *digest)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_map struct map *named = map_new();

    if (!strcmp(manifest, digest))
        return true;
    index_each_named(index_manifest(arena, store, manifest), add_named_digest, named);
    return map_get(named, digest) != NULL;
}

/* ---- Trimming ---------------------------------------------------------------- */

struct trim {
    struct arena *arena;
    struct store *store;
    const struct node *old;
    struct node *next;
};

static bool add_blob(void *arg, const char *digest, bool foreign)
{
    struct trim *trim = arg;

    /* A blob that was never pushed to this repository does not become part of it. */
    if (node_get(node_get(trim->old, "blobs"), digest))
        node_set_int(trim->arena, node_make(trim->arena, trim->next, "blobs"), digest, 1);
    return true;
}

/* Copies the entry of a manifest in the member `part` of the index. */
static void carry_index_member(struct trim *trim, const char *part, const char *digest)
{
    struct node *value = node_get(node_get(trim->old, part), digest);

    if (value)
        node_set(trim->arena, node_make(trim->arena, trim->next, part), digest, value);
}

static void carry_tag(struct trim *trim, const char *tag, struct node *digest)
{
    const char *text = node_text(digest);

    node_set(trim->arena, node_make(trim->arena, trim->next, "tags"), tag, digest);
    carry_index_member(trim, "manifests", text);
    carry_index_member(trim, "kept", text);
    carry_index_member(trim, "subjects", text);
    index_each_named(index_manifest(trim->arena, trim->store, text), add_blob, trim);
}

static bool is_kept_tag(const struct node *index, const struct node_member *tag)
{
    return node_get(node_get(index, "kept"), node_text(tag->value)) != NULL;
}

/* Tags of clients and tags of the hub are counted apart, so that pushes cannot
   displace the hub's. */
void registry_trim(struct store *store, const char *repository, size_t tags)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *old = index_read(arena, store, repository);
    struct trim trim = {arena, store, old, node_map(arena)};
    size_t left[2] = {0};

    node_each(tag, node_get(old, "tags")) left[is_kept_tag(old, tag)]++;
    node_each(tag, node_get(old, "tags")) if (left[is_kept_tag(old, tag)]-- <= tags)
        carry_tag(&trim, tag->key, tag->value);
    if (node_get(old, "subjects"))
        node_make(arena, trim.next, "subjects");
    if (node_get_bool(old, CLAIMED, false))
        node_set_bool(arena, trim.next, CLAIMED, true);
    index_write(arena, store, repository, trim.next);
}

static bool is_stored_digest(void *arg, const char *digest, bool foreign)
{
    return !*digest || foreign || store_blob_size(arg, digest) >= 0;
}

bool registry_is_complete(struct store *store, const char *repository, const char *digest)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *manifest;

    if (!registry_has(store, repository, digest))
        return false;
    manifest = index_manifest(arena, store, digest);
    return manifest && index_each_named(manifest, is_stored_digest, store);
}

/* ---- Sweeping ------------------------------------------------------------------ */

struct sweep {
    struct arena *arena;
    struct node *wanted, *old;
    int64_t before;
};

static void collect_old_blob(void *arg, const char *digest, int64_t size, int64_t wall)
{
    struct sweep *sweep = arg;

    if (wall < sweep->before && !node_get(sweep->wanted, digest))
        node_add(sweep->arena, sweep->old, node_string(sweep->arena, digest));
}

/* Mark and sweep. `before` protects blobs of a push whose manifest has not come yet. */
size_t registry_sweep(struct store *store, int64_t before)
{
    scoped_arena struct arena *arena = arena_new();
    struct sweep sweep = {arena, node_map(arena), node_list(arena), before};

    node_each(repository, index_all(arena, store))
    {
        const struct node *index = index_read(arena, store, repository->key);

        node_each(manifest, node_get(index, "manifests"))
            node_set_int(arena, sweep.wanted, manifest->key, 1);
        node_each(blob, node_get(index, "blobs")) node_set_int(arena, sweep.wanted, blob->key, 1);
    }
    store_blob_each(store, collect_old_blob, &sweep);
    for (size_t i = 0; i < node_count(sweep.old); i++)
        store_blob_delete(store, node_text(node_item(sweep.old, i)));
    return node_count(sweep.old);
}

/* ---- Names ------------------------------------------------------------------------ */

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* distribution-spec's grammar of names: [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*, parts
   joined by "/", 255 bytes in all. */
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
        gap = strspn(name + i, name[i] == '-'   ? "-"
                               : name[i] == '_' ? "_"
                               : name[i] == '.' ? "."
                                                : "/");
        if (!gap || (gap > 1 && name[i] != '-' && !(name[i] == '_' && gap == 2)))
            return false;
        i += gap;
    }
    return false;
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
