/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches rendered bundles by digest, and believes nothing before its hash. */
#include "spoke/inside.h"

#include "archive/archive.h"
#include "base/map.h"
#include "base/object.h"
#include "document/document.h"
#include "pki/pki.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#define MANIFEST_LIMIT ((size_t)1024 * 1024)
#define BLOB_LIMIT ((size_t)64 * 1024 * 1024)
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"

/* "HOST/NAMESPACE/WD:TAG@sha256:…" and shorter forms: NAMESPACE/WD. */
static char *repository_of(const char *reference)
{
    const char *start = reference, *slash;
    char *copy, *cut;

    if (text_starts(start, "oci://"))
        start += 6;
    slash = strchr(start, '/');
    if (slash && strchr(slash + 1, '/'))
        start = slash + 1;
    copy = mem_copy_string(start);
    cut = strpbrk(copy, "@");
    if (cut)
        *cut = '\0';
    slash = strrchr(copy, '/');
    cut = strchr(slash ? slash : copy, ':');
    if (cut)
        *cut = '\0';
    return copy;
}

static bool has_digest(const void *bytes, size_t len, const char *digest)
{
    unsigned char hash[PKI_SHA256];
    char text[PKI_DIGEST_TEXT];

    pki_sha256(bytes, len, hash);
    pki_digest_text(hash, text);
    return strcmp(text, digest) == 0;
}

/* ---- What is here ---------------------------------------------------------- */

static char *read_blob(struct spoke *spoke, const char *digest, size_t *ret_len,
                       struct err *err)
{
    int64_t size = store_blob_size(spoke->store, digest);
    scoped_mem char *bytes = NULL;

    if (size < 0) {
        err_set(err, ERR_NOT_FOUND, "%s is not here", digest);
        return NULL;
    }
    bytes = mem_alloc((size_t)size + 1);
    if (store_blob_read(spoke->store, digest, 0, bytes, (size_t)size, err) != size)
        return NULL;
    *ret_len = (size_t)size;
    return take(bytes);
}

static const char *layer_of(const struct node *manifest)
{
    return node_get_text(node_item(node_get(manifest, "layers"), 0), "digest");
}

static int add_file(struct arena *arena, const struct archive_file *file,
                    struct node *all, struct err *err)
{
    struct node *found = document_read_all(arena, file->bytes, file->len,
                                           &document_limits_own, err);

    if (!found)
        return err_wrap(err, "%s", file->name);
    for (size_t i = 0; i < node_count(found); i++)
        node_add(arena, all, node_item(found, i));
    return 0;
}

static struct node *unpack(struct arena *arena, const char *bytes, size_t len,
                           struct err *err)
{
    scoped_text struct text tar = {0};
    struct node *all = node_list(arena);
    struct archive_file *files;
    size_t count;

    if (archive_gunzip(&tar, bytes, len, archive_limits_bundle.bytes, err) < 0 ||
        archive_untar(arena, tar.bytes, tar.len, &archive_limits_bundle, &files,
                      &count, err) < 0)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if ((text_ends(files[i].name, ".yaml") || text_ends(files[i].name, ".yml") ||
             text_ends(files[i].name, ".json")) &&
            add_file(arena, &files[i], all, err) < 0)
            return NULL;
    }
    return all;
}

struct node *bundle_manifests(struct spoke *spoke, struct arena *arena,
                                const char *digest, struct err *err)
{
    size_t len;
    scoped_mem char *manifest = read_blob(spoke, digest, &len, err);
    scoped_mem char *layer = NULL;
    const struct node *tree;

    if (!manifest)
        return NULL;
    tree = document_read_json(arena, manifest, len, &document_limits_own, err);
    if (!tree)
        return NULL;
    layer = read_blob(spoke, layer_of(tree), &len, err);
    return layer ? unpack(arena, layer, len, err) : NULL;
}

/* ---- Fetching --------------------------------------------------------------- */

#define FETCH_TAG 0x46455443u
struct fetch {
    uint32_t tag;
    struct spoke *spoke;
    char *work; /* owned, as all here; works may go meanwhile */
    unsigned turn;
    char *repository, *digest, *wanted;
    bool is_layer;
};

static void fetch_free(struct fetch *fetch)
{
    fetch->tag = 0;
    free(fetch->work);
    free(fetch->repository);
    free(fetch->digest);
    free(fetch->wanted);
    free(fetch);
}

static struct work *still_wanted(const struct fetch *fetch)
{
    struct work *work = map_get(fetch->spoke->works, fetch->work);

    return work && work->turn == fetch->turn ? work : NULL;
}

static void finish(struct fetch *fetch, const char *trouble)
{
    struct work *work = still_wanted(fetch);

    fetch_free(fetch);
    if (!work)
        return;
    work->waiting--;
    if (trouble)
        work_retry_later(work, "ArtifactFetchFailed", trouble);
    else
        work_proceed(work);
}

static void ask(struct fetch *fetch);

static void on_bytes(void *arg, int status, const struct http_answer *answer,
                     const struct err *err)
{
    struct fetch *fetch = object_from(fetch, FETCH_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *trouble = NULL;

    if (status != 200) {
        struct err why = {0};

        link_explain(status, answer, err, &why);
        trouble = mem_printf("cannot fetch %s from %s: %s", fetch->wanted,
                             fetch->repository, why.text);
    } else if (!has_digest(answer->body, answer->len, fetch->wanted)) {
        trouble = mem_printf("what %s holds as %s has another digest",
                             fetch->repository, fetch->wanted);
    } else {
        store_blob_put(fetch->spoke->store, fetch->wanted, answer->body,
                       answer->len);
    }
    if (trouble || fetch->is_layer) {
        finish(fetch, trouble);
        return;
    }
    free(fetch->wanted);
    fetch->wanted = mem_copy_string(layer_of(document_read_json(
        arena, answer->body, answer->len, &document_limits_api, NULL)));
    fetch->is_layer = true;
    if (store_blob_size(fetch->spoke->store, fetch->wanted) >= 0)
        finish(fetch, NULL);
    else
        ask(fetch);
}

static void ask(struct fetch *fetch)
{
    scoped_mem char *target =
        mem_printf("/v2/%s/%s/%s", fetch->repository,
                   fetch->is_layer ? "blobs" : "manifests", fetch->wanted);
    struct http_field accept = {"Accept", MANIFEST_TYPE};
    struct http_ask what = {.target = target,
                            .headers = &accept,
                            .header_count = fetch->is_layer ? 0 : 1,
                            .limit =
                                fetch->is_layer ? BLOB_LIMIT : MANIFEST_LIMIT};

    link_ask(fetch->spoke, &what, on_bytes, fetch);
}

void bundle_fetch(struct work *work, const char *reference, const char *digest)
{
    struct fetch *fetch = mem_alloc(sizeof *fetch);

    fetch->tag = FETCH_TAG;
    fetch->spoke = work->spoke;
    fetch->work = mem_copy_string(work->name);
    fetch->turn = work->turn;
    fetch->repository = repository_of(reference);
    fetch->digest = mem_copy_string(digest);
    fetch->wanted = mem_copy_string(digest);
    work->waiting++;
    ask(fetch);
}
