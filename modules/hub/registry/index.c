/* SPDX-License-Identifier: Apache-2.0 */
/* Stores what belongs to a repository, and finds what its manifests name. */
#include "registry/index.h"

#include "base/text.h"
#include "document/document.h"
#include "store/store.h"

#include <string.h>

/* An index is read and written as a whole, so its size is limited. */
#define MOST_ENTRIES ((size_t)10000)
#define ALL "registry"

static struct node *read_index_value(struct arena *arena, struct store *store, const char *name)
{
    struct node *node = NULL;
    size_t len = 0;
    scoped_mem char *bytes = store_value_get(store, name, &len);

    if (bytes && len)
        node = document_read_json(arena, bytes, len, &document_limits_own, NULL);
    return node_is(node, NODE_MAP) ? node : node_map(arena);
}

static void write_index_value(struct store *store, const char *name, const struct node *node)
{
    scoped_text struct text json = {0};

    document_write_json(&json, node);
    store_value_put(store, name, json.bytes, json.len);
}

static const char *index_name(struct arena *arena, const char *repository)
{
    return arena_printf(arena, ALL "/%s", repository);
}

int index_check_read(struct arena *arena, struct store *store, const char *repository,
                     struct err *err)
{
    return store_check_value(store, index_name(arena, repository), err);
}

struct node *index_read(struct arena *arena, struct store *store, const char *repository)
{
    return read_index_value(arena, store, index_name(arena, repository));
}

struct node *index_all(struct arena *arena, struct store *store)
{
    return read_index_value(arena, store, ALL);
}

void index_write(struct arena *arena, struct store *store, const char *repository,
                 const struct node *index)
{
    struct node *all = index_all(arena, store);

    if (node_same(index, index_read(arena, store, repository)))
        return;
    write_index_value(store, arena_printf(arena, ALL "/%s", repository), index);
    if (!node_get(all, repository)) {
        node_set_int(arena, all, repository, 1);
        write_index_value(store, ALL, all);
    }
}

void index_drop(struct arena *arena, struct store *store, const char *repository)
{
    struct node *all = index_all(arena, store);

    if (!node_remove(all, repository))
        return;
    write_index_value(store, ALL, all);
    write_index_value(store, arena_printf(arena, ALL "/%s", repository), node_map(arena));
}

int index_check_room(const struct node *index, const char *repository, struct err *err)
{
    size_t count = node_count(node_get(index, "manifests")) + node_count(node_get(index, "blobs")) +
                   node_count(node_get(index, "tags"));

    if (count < MOST_ENTRIES)
        return 0;
    return err_set(err, ERR_FORBIDDEN,
                   "%s has %zu manifests, blobs and tags and may have no "
                   "more: delete some, or push to another repository",
                   repository, count);
}

/* ---- Manifests ---------------------------------------------------------------- */

struct node *index_manifest(struct arena *arena, struct store *store, const char *digest)
{
    int64_t size = store_blob_size(store, digest);
    char *bytes;

    if (size < 0)
        return NULL;
    bytes = arena_alloc(arena, (size_t)size + 1);
    if (store_blob_read(store, digest, 0, bytes, (size_t)size, NULL) != size)
        return NULL;
    return document_read_json(arena, bytes, (size_t)size, &document_limits_own, NULL);
}

void index_set_subject(struct arena *arena, struct node *subjects, const char *digest,
                       const struct node *manifest)
{
    const char *subject = node_get_text(node_get(manifest, "subject"), "digest");
    const char *type = node_get_text(manifest, "artifactType");
    struct node *entry;

    if (!*subject)
        return;
    /* OCI image-spec: artifactType is optional, and the config's media type
       stands for it. An index has neither. */
    if (!*type)
        type = node_get_text(node_get(manifest, "config"), "mediaType");
    entry = node_make(arena, subjects, digest);
    node_set_text(arena, entry, "subject", subject);
    node_set_text(arena, entry, "artifactType", type);
}

/* Indexes of older versions have no "subjects": it is made once from the manifests. */
struct node *index_subjects(struct arena *arena, struct store *store, struct node *index)
{
    struct node *subjects = node_get(index, "subjects");

    if (subjects)
        return subjects;
    subjects = node_make(arena, index, "subjects");
    node_each(manifest, node_get(index, "manifests"))
    {
        scoped_arena struct arena *scratch = arena_new();

        index_set_subject(arena, subjects, manifest->key,
                          index_manifest(scratch, store, manifest->key));
    }
    return subjects;
}

/* Layers that OCI image-spec calls nondistributable: their licence forbids a
   registry to distribute them, so clients get them from the layer's own URLs. */
static bool is_foreign(const struct node *descriptor)
{
    static const char *const types[] = {
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    };

    for (size_t i = 0; i < count_of(types); i++)
        if (!strcmp(node_get_text(descriptor, "mediaType"), types[i]))
            return true;
    return false;
}

bool index_each_named(const struct node *manifest, index_named_fn *each, void *arg)
{
    static const char *const lists[] = {"layers", "blobs", "manifests"};
    const struct node *config = node_get(manifest, "config");

    if (config && !each(arg, node_get_text(config, "digest"), false))
        return false;
    for (size_t k = 0; k < count_of(lists); k++) {
        const struct node *list = node_get(manifest, lists[k]);

        for (size_t i = 0; i < node_count(list); i++) {
            const struct node *one = node_item(list, i);

            if (!each(arg, node_get_text(one, "digest"),
                      !strcmp(lists[k], "layers") && is_foreign(one)))
                return false;
        }
    }
    return true;
}
