/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches rendered bundles by digest, and uses nothing whose digest is not right. */
#include "works/gather.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/object.h"
#include "document/document.h"
#include "http/http.h"
#include "pki/pki.h"
#include "runtime/runtime.h"
#include "storage/storage.h"
#include "store/store.h"

#include <string.h>

#define MANIFEST_LIMIT ((size_t)1024 * 1024)
#define BLOB_LIMIT ((size_t)64 * 1024 * 1024)
/* A slow layer may take its time; one that stops is requested again. */
#define SILENCE (30 * CLOCK_SECOND)
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"

/* "HOST/NAMESPACE/WD:TAG@sha256:…" and shorter forms: NAMESPACE/WD. */
static char *repository_name(const char *reference)
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
    char text[PKI_DIGEST_MOST];

    pki_digest_of(digest, bytes, len, text);
    return strcmp(text, digest) == 0;
}

/* ---- What is here ---------------------------------------------------------------- */

/* A bundle is kept unpacked, as a JSON list of its manifests. */
static char *blob_name(const char *digest)
{
    return mem_printf("manifests/%s", digest);
}

struct node *bundle_manifests(struct works *works, struct arena *arena, const char *digest,
                              struct err *err)
{
    scoped_mem char *name = blob_name(digest), *bytes = NULL;
    int64_t size = store_blob_size(storage_store(works->storage), name);

    if (size < 0) {
        err_set(err, ERR_NOT_FOUND, "%s is not here", digest);
        return NULL;
    }
    bytes = mem_alloc((size_t)size + 1);
    if (store_blob_read(storage_store(works->storage), name, 0, bytes, (size_t)size, err) != size)
        return NULL;
    return document_read_json(arena, bytes, (size_t)size, &document_limits_own, err);
}

bool bundle_is_here(struct works *works, const char *digest)
{
    scoped_mem char *name = blob_name(digest);

    return store_blob_size(storage_store(works->storage), name) >= 0;
}

/* Every digest that a work names, as the name of its blob. */
static void name_wanted(struct works *works, struct map *wanted)
{
    struct work *work;
    size_t at = 0;

    while ((work = map_next(works->by_name, &at, NULL))) {
        const struct node *list = work_manifests(work);

        for (size_t i = 0; i < node_count(list); i++) {
            scoped_mem char *name = blob_name(
                node_get_text(node_at(node_item(list, i), "spec", "artifact", NULL), "digest"));

            map_put(wanted, name, works);
        }
    }
}

struct sweep {
    struct map *wanted;
    struct arena *arena;
    struct node *gone;
};

static void note_unwanted(void *arg, const char *name, int64_t size, int64_t wall)
{
    struct sweep *sweep = arg;

    if (!map_get(sweep->wanted, name))
        node_add(sweep->arena, sweep->gone, node_string(sweep->arena, name));
}

static bool is_bundle_wanted(void *arg, const char *digest)
{
    scoped_mem char *name = blob_name(digest);

    return map_get(arg, name) != NULL;
}

/* It becomes durable with the next commit. */
void bundle_sweep(struct works *works)
{
    struct store *store = storage_store(works->storage);
    scoped_map struct map *wanted = map_new();
    scoped_arena struct arena *arena = arena_new();
    struct sweep sweep = {wanted, arena, node_list(arena)};

    name_wanted(works, wanted);
    store_blob_each(store, note_unwanted, &sweep);
    partial_sweep(works, is_bundle_wanted, wanted);
    for (size_t i = 0; i < node_count(sweep.gone); i++)
        store_blob_delete(store, node_text(node_item(sweep.gone, i)));
}

/* ---- Fetching -------------------------------------------------------------------- */

/*
 * The manifest of the artifact comes first, then its first layer, which is unpacked in a
 * child process. Each step is begun by the response to the one before, and any of them may
 * end the fetch: end_fetch() frees it.
 */
#define FETCH_TAG 0x46455443u
struct fetch {
    uint32_t tag;
    struct works *works;
    struct fetch *next, **at;    /* in works->fetches */
    struct unpacking *unpacking; /* owned */
    struct need *need;           /* owned; works may go meanwhile */
    char *repository;            /* owned */
    char *digest;                /* owned; of the artifact */
    char *wanted;                /* owned; of what is asked for now: the manifest or the layer */
    bool is_layer;
    struct text got; /* of the layer */
};

static void fetch_free(struct fetch *fetch)
{
    fetch->tag = 0;
    *fetch->at = fetch->next;
    if (fetch->next)
        fetch->next->at = fetch->at;
    runtime_unpack_cancel(&fetch->unpacking);
    text_free(&fetch->got);
    mem_free(&fetch->repository);
    mem_free(&fetch->digest);
    mem_free(&fetch->wanted);
    mem_free(&fetch);
}

/* Those that are being unpacked: the others ended when the connection was closed. */
void bundle_close(struct works *works)
{
    while (works->fetches) {
        need_free(works->fetches->need);
        fetch_free(works->fetches);
    }
    partial_close(works);
}

/* Frees the fetch first, since the work may begin another one. `reason` NULL: all is well. */
static void end_fetch(struct fetch *fetch, const char *reason, const char *trouble)
{
    struct need *need = fetch->need;

    fetch_free(fetch);
    if (reason)
        need_failed(need, reason, trouble);
    else
        need_met(need);
}

static void fail_fetch(struct fetch *fetch, const char *trouble)
{
    end_fetch(fetch, "ArtifactFetchFailed", trouble);
}

/* ---- Unpacking ------------------------------------------------------------------- */

static void on_stage_dropped(void *arg, const struct err *err)
{
    if (err)
        *(struct err *)arg = *err;
}

/* A large blob goes to the disk before the commit does, and may find the disk full. */
static int put_bundle(struct works *works, const char *name, const char *json, size_t len,
                      struct err *err)
{
    struct store *store = storage_store(works->storage);

    store_blob_put(store, name, json, len);
    if (store_check_stage(store, err) == 0)
        return 0;
    store_commit(store, on_stage_dropped, err); /* drops what was staged */
    return -1;
}

static void on_unpacked(void *arg, const char *json, size_t len, const struct err *err)
{
    struct err why = {0};
    struct fetch *fetch = object_from(fetch, FETCH_TAG, arg);
    scoped_mem char *name = blob_name(fetch->digest);
    scoped_mem char *trouble = NULL;

    fetch->unpacking = NULL;
    if (err) {
        trouble = mem_printf("%s of %s: %s", fetch->digest, fetch->repository, err->text);
        fail_fetch(fetch, trouble);
    } else if (put_bundle(fetch->works, name, json, len, &why) < 0) {
        trouble =
            mem_printf("%s of %s cannot be stored: %s", fetch->digest, fetch->repository, why.text);
        end_fetch(fetch, WORKS_DISK_PRESSURE, trouble);
    } else {
        end_fetch(fetch, NULL, NULL);
    }
}

/* Its digest is right, so it is what the hub named; a stranger may still have made it. */
static void unpack_layer(struct fetch *fetch, const void *bytes, size_t len)
{
    struct err err = {0};

    fetch->unpacking =
        runtime_unpack(fetch->works->loop, NULL, bytes, len, on_unpacked, fetch, &err);
    if (!fetch->unpacking)
        fail_fetch(fetch, err.text);
}

/* ---- Requests -------------------------------------------------------------------- */

static void request_part(struct fetch *fetch);

/* A bundle is the first layer of its artifact, an archive. */
static void request_layer(struct fetch *fetch, const void *bytes, size_t len)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    const struct node *manifest = document_read_json(arena, bytes, len, &document_limits_api, &err);
    const struct node *layer = node_item(node_get(manifest, "layers"), 0);
    const char *type = node_get_text(layer, "mediaType");
    const char *digest = node_get_text(layer, "digest");

    if (manifest && (!pki_digest_is_valid(digest) || !text_ends(type, "tar+gzip")))
        err_set(&err, ERR_INVALID, "its first layer is \"%.100s\" %.100s, not a tar+gzip", type,
                digest);
    if (err.code) {
        scoped_mem char *trouble =
            mem_printf("%s of %s: %s", fetch->digest, fetch->repository, err.text);
        fail_fetch(fetch, trouble);
        return;
    }
    mem_free(&fetch->wanted);
    fetch->wanted = mem_copy_string(digest);
    fetch->is_layer = true;
    request_part(fetch);
}

static void take_part(struct fetch *fetch, const void *bytes, size_t len)
{
    scoped_mem char *trouble = NULL;

    if (!has_digest(bytes, len, fetch->wanted)) {
        trouble =
            mem_printf("what %s holds as %s has another digest", fetch->repository, fetch->wanted);
        fail_fetch(fetch, trouble);
    } else if (fetch->is_layer) {
        unpack_layer(fetch, bytes, len);
    } else {
        request_layer(fetch, bytes, len);
    }
}

/* The hub's registry has collected the artifact: the hub renders another one, or has another
   version of the work by now. */
static void explain_gone(const struct fetch *fetch, struct text *ret)
{
    text_addf(
        ret,
        "the hub does not have %s of %s any more: it was deleted before this spoke pulled it. The "
        "work is read again, and waits for another artifact",
        fetch->wanted, fetch->repository);
}

static void fail_part(struct fetch *fetch, int status, const struct err *why)
{
    scoped_text struct text trouble = {0};

    if (status == 404) {
        explain_gone(fetch, &trouble);
        end_fetch(fetch, BUNDLE_GONE, text_string(&trouble));
        return;
    }
    text_addf(&trouble, "cannot fetch %s from %s: %s", fetch->wanted, fetch->repository, why->text);
    /* 416: there is less of it than had come, so that is worth nothing. */
    if (status != 416 && fetch->got.len) {
        text_addf(&trouble, "; %zu KiB of it have arrived, and the download continues from there",
                  fetch->got.len / 1024);
        partial_put(fetch->works, fetch->digest, fetch->wanted, &fetch->got);
    }
    fail_fetch(fetch, text_string(&trouble));
}

static void on_part(void *arg, int status, const struct http_response *response,
                    const struct err *why)
{
    struct fetch *fetch = object_from(fetch, FETCH_TAG, arg);

    if (fetch->is_layer && (status == 200 || status == 206))
        take_part(fetch, text_string(&fetch->got), fetch->got.len);
    else if (status == 200)
        take_part(fetch, response->body, response->len);
    else
        fail_part(fetch, status, why);
}

static void on_layer_head(struct http_call *call, const struct http_response *response, void *arg)
{
    struct fetch *fetch = object_from(fetch, FETCH_TAG, arg);
    const char *range = http_response_get(response, "content-range");
    scoped_mem char *from = mem_printf("bytes %zu-", fetch->got.len);

    /* The hub begins anew (200), or at another place than asked for: what had come before is
       dropped. Where that was wrong, the digest shows it. */
    if (response->status == 200 ||
        (response->status == 206 && !(range && text_starts(range, from))))
        text_cut(&fetch->got, 0);
}

static void on_layer_bytes(struct http_call *call, const char *bytes, size_t len, void *arg)
{
    struct fetch *fetch = object_from(fetch, FETCH_TAG, arg);

    text_add_bytes(&fetch->got, bytes, len);
}

/* A layer may take as long as it needs, as long as something comes. */
static void request_part(struct fetch *fetch)
{
    scoped_mem char *target = mem_printf("/v2/%s/%s/%s", fetch->repository,
                                         fetch->is_layer ? "blobs" : "manifests", fetch->wanted);
    scoped_mem char *range = NULL;
    struct http_field accept = {"Accept", MANIFEST_TYPE};
    struct http_client_request what = {.target = target,
                                       .headers = &accept,
                                       .header_count = 1,
                                       .limit = MANIFEST_LIMIT,
                                       .arg = fetch};

    if (fetch->is_layer) {
        partial_take(fetch->works, fetch->digest, fetch->wanted, &fetch->got);
        range = mem_printf("bytes=%zu-", fetch->got.len);
        accept = (struct http_field){"Range", range};
        what.header_count = fetch->got.len ? 1 : 0;
        what.limit = BLOB_LIMIT;
        what.head = on_layer_head;
        what.data = on_layer_bytes;
        what.silence = SILENCE;
    }
    fetch->works->hub.fetch(fetch->works->hub.arg, &what, on_part, fetch);
}

void bundle_fetch(struct work *work, const char *reference, const char *digest)
{
    struct works *works = work->works;
    struct fetch *fetch = mem_alloc(sizeof *fetch);

    fetch->tag = FETCH_TAG;
    fetch->works = works;
    fetch->next = works->fetches;
    fetch->at = &works->fetches;
    if (fetch->next)
        fetch->next->at = &fetch->next;
    works->fetches = fetch;
    fetch->need = need_new(work);
    fetch->repository = repository_name(reference);
    fetch->digest = mem_copy_string(digest);
    fetch->wanted = mem_copy_string(digest);
    request_part(fetch);
}
