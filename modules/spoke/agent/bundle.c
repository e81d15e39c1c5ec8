/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches rendered bundles by digest, and believes nothing before its hash. */
#include "agent/inside.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/object.h"
#include "document/document.h"
#include "pki/pki.h"
#include "runtime/runtime.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#define MANIFEST_LIMIT ((size_t)1024 * 1024)
#define BLOB_LIMIT ((size_t)64 * 1024 * 1024)
/* A layer that is slow may take its time; one that stops is asked for again. */
#define SILENCE (30 * CLOCK_SECOND)
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
    char text[PKI_DIGEST_MOST];

    pki_digest_of(digest, bytes, len, text);
    return strcmp(text, digest) == 0;
}

/* ---- What is here ---------------------------------------------------------- */

/* What an artifact holds is kept unpacked, as one JSON list. */
static char *blob_name(const char *digest)
{
    return mem_printf("manifests/%s", digest);
}

struct node *bundle_manifests(struct agent *agent, struct arena *arena,
                              const char *digest, struct err *err)
{
    scoped_mem char *name = blob_name(digest), *bytes = NULL;
    int64_t size = store_blob_size(agent->store, name);

    if (size < 0) {
        err_set(err, ERR_NOT_FOUND, "%s is not here", digest);
        return NULL;
    }
    bytes = mem_alloc((size_t)size + 1);
    if (store_blob_read(agent->store, name, 0, bytes, (size_t)size, err) != size)
        return NULL;
    return document_read_json(arena, bytes, (size_t)size, &document_limits_own, err);
}

bool bundle_is_here(struct agent *agent, const char *digest)
{
    scoped_mem char *name = blob_name(digest);

    return store_blob_size(agent->store, name) >= 0;
}

static void name_wanted(struct agent *agent, struct map *wanted)
{
    struct work *work;
    size_t at = 0;

    while ((work = map_next(agent->works, &at, NULL))) {
        const struct node *list =
            node_at(work->object, "spec", "workload", "manifests", NULL);

        for (size_t i = 0; i < node_count(list); i++) {
            scoped_mem char *name = blob_name(node_get_text(
                node_at(node_item(list, i), "spec", "artifact", NULL), "digest"));

            map_put(wanted, name, agent);
        }
    }
}

struct sweep {
    struct map *wanted;
    struct arena *arena;
    struct node *gone;
};

static void on_blob(void *arg, const char *name, int64_t size, int64_t wall)
{
    struct sweep *sweep = arg;

    if (!map_get(sweep->wanted, name))
        node_add(sweep->arena, sweep->gone, node_string(sweep->arena, name));
}

static void partials_sweep(struct agent *agent, const struct map *wanted);

/* Staged: it becomes durable with whatever is committed next. */
void bundle_sweep(struct agent *agent)
{
    scoped_map struct map *wanted = map_new();
    scoped_arena struct arena *arena = arena_new();
    struct sweep sweep = {wanted, arena, node_list(arena)};

    name_wanted(agent, wanted);
    store_blob_each(agent->store, on_blob, &sweep);
    partials_sweep(agent, wanted);
    for (size_t i = 0; i < node_count(sweep.gone); i++)
        store_blob_delete(agent->store, node_text(node_item(sweep.gone, i)));
}

/* ---- Fetching --------------------------------------------------------------- */

#define FETCH_TAG 0x46455443u
struct fetch {
    uint32_t tag;
    struct agent *agent;
    struct fetch *next, **at;    /* in agent->fetches */
    struct unpacking *unpacking; /* owned */
    char *work; /* owned, as all here; works may go meanwhile */
    unsigned turn;
    char *repository, *digest, *wanted;
    struct text got;  /* of the layer */
    struct text words; /* in its place: what an answer says of a failure */
    bool good;        /* what comes is the layer, not words about a failure */
    bool is_layer;
    bool unkept; /* it came, and the disk had no room for it */
    bool gone;   /* the hub has it no more */
};

static void fetch_free(struct fetch *fetch)
{
    fetch->tag = 0;
    *fetch->at = fetch->next;
    if (fetch->next)
        fetch->next->at = fetch->at;
    runtime_unpack_cancel(&fetch->unpacking);
    text_free(&fetch->got);
    free(fetch->work);
    free(fetch->repository);
    free(fetch->digest);
    free(fetch->wanted);
    free(fetch);
}

static void partials_free(struct agent *agent);

/* Those that are being unpacked; the others end with the link. */
void bundle_close(struct agent *agent)
{
    while (agent->fetches)
        fetch_free(agent->fetches);
    partials_free(agent);
}

static struct work *still_wanted(const struct fetch *fetch)
{
    struct work *work = map_get(fetch->agent->works, fetch->work);

    return work && work->turn == fetch->turn ? work : NULL;
}

static void finish(struct fetch *fetch, const char *trouble)
{
    struct work *work = still_wanted(fetch);
    bool unkept = fetch->unkept, gone = fetch->gone;

    fetch_free(fetch);
    if (!work)
        return;
    work->waiting--;
    if (trouble)
        work_retry_later(work, unkept ? "DiskPressure" : gone ? "ArtifactGone" : "ArtifactFetchFailed",
                         trouble);
    else
        work_proceed(work);
    if (gone)
        work_read_again(work);
}

/* ---- What has come of one that was cut -------------------------------------------- */

/*
 * In memory, by the name of the artifact: the next attempt goes on from there, so
 * that a large one also comes over a line that is cut again and again. Nothing of it
 * is used before all of it is there and has its digest.
 */
struct partial {
    char *layer; /* owned */
    struct text bytes;
};

static struct partial *partial_of(const struct fetch *fetch)
{
    return fetch->agent->partials ? map_get(fetch->agent->partials, fetch->digest) : NULL;
}

static void partial_drop(struct agent *agent, const char *digest)
{
    struct partial *partial = agent->partials ? map_get(agent->partials, digest) : NULL;

    if (!partial)
        return;
    map_remove(agent->partials, digest);
    text_free(&partial->bytes);
    free(partial->layer);
    free(partial);
}

static void partials_free(struct agent *agent)
{
    size_t at = 0;
    const char *digest;

    while (agent->partials && map_next(agent->partials, &at, &digest)) {
        partial_drop(agent, digest);
        at = 0;
    }
    map_free(&agent->partials);
}

static void partials_sweep(struct agent *agent, const struct map *wanted)
{
    size_t at = 0;
    const char *digest;

    while (agent->partials && map_next(agent->partials, &at, &digest)) {
        scoped_mem char *name = blob_name(digest);

        if (map_get(wanted, name))
            continue;
        partial_drop(agent, digest);
        at = 0;
    }
}

static size_t partials_size(struct agent *agent)
{
    struct partial *partial;
    size_t at = 0, size = 0;

    while ((partial = map_next(agent->partials, &at, NULL)))
        size += partial->bytes.len;
    return size;
}

static void partial_keep(struct fetch *fetch)
{
    struct agent *agent = fetch->agent;
    struct partial *partial;

    partial_drop(agent, fetch->digest);
    if (!agent->partials)
        agent->partials = map_new();
    if (!fetch->got.len || partials_size(agent) + fetch->got.len > BLOB_LIMIT)
        return;
    partial = mem_alloc(sizeof *partial);
    partial->layer = mem_copy_string(fetch->wanted);
    partial->bytes = fetch->got;
    fetch->got = (struct text){0};
    map_put(agent->partials, fetch->digest, partial);
}

static void partial_take(struct fetch *fetch)
{
    struct partial *partial = partial_of(fetch);

    if (partial && !strcmp(partial->layer, fetch->wanted)) {
        fetch->got = partial->bytes;
        partial->bytes = (struct text){0};
    }
    partial_drop(fetch->agent, fetch->digest);
}

/* ---- Asking ----------------------------------------------------------------------- */

static void ask(struct fetch *fetch);

static void on_dropped(void *arg, const struct err *err)
{
    if (err)
        *(struct err *)arg = *err;
}

/* A large one goes to the disk before the commit does, and may find it full. */
static int keep_bundle(struct agent *agent, const char *name, const char *json, size_t len,
                       struct err *err)
{
    store_blob_put(agent->store, name, json, len);
    if (store_check_stage(agent->store, err) == 0)
        return 0;
    store_commit(agent->store, on_dropped, err); /* drops what was staged */
    return -1;
}

static void on_unpacked(void *arg, const char *json, size_t len, const struct err *err)
{
    struct err why = {0};
    struct fetch *fetch = object_from(fetch, FETCH_TAG, arg);
    scoped_mem char *name = blob_name(fetch->digest);
    scoped_mem char *trouble = NULL;

    fetch->unpacking = NULL;
    if (err)
        trouble = mem_printf("%s of %s: %s", fetch->digest, fetch->repository, err->text);
    else if (keep_bundle(fetch->agent, name, json, len, &why) < 0) {
        fetch->unkept = true;
        trouble = mem_printf("%s of %s cannot be kept: %s", fetch->digest, fetch->repository,
                             why.text);
    }
    finish(fetch, trouble);
}

/* Its digest is right: so it is what the hub named, and still a stranger's. */
static void unpack(struct fetch *fetch, const void *bytes, size_t len)
{
    struct err err = {0};

    fetch->unpacking = runtime_unpack(fetch->agent->loop, NULL, bytes, len, on_unpacked,
                                      fetch, &err);
    if (!fetch->unpacking)
        finish(fetch, err.text);
}

/* The first layer, if it is an archive; anything else is no bundle. */
static void ask_layer(struct fetch *fetch, const void *bytes, size_t len)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    const struct node *manifest =
        document_read_json(arena, bytes, len, &document_limits_api, &err);
    const struct node *layer = node_item(node_get(manifest, "layers"), 0);
    const char *type = node_get_text(layer, "mediaType");
    const char *digest = node_get_text(layer, "digest");

    if (manifest && (!pki_digest_is_valid(digest) || !text_ends(type, "tar+gzip")))
        err_set(&err, ERR_INVALID, "its first layer is \"%.100s\" %.100s, not a tar+gzip",
                type, digest);
    if (err.code) {
        scoped_mem char *trouble = mem_printf("%s of %s: %s", fetch->digest,
                                              fetch->repository, err.text);
        finish(fetch, trouble);
        return;
    }
    free(fetch->wanted);
    fetch->wanted = mem_copy_string(digest);
    fetch->is_layer = true;
    ask(fetch);
}

static void on_whole(struct fetch *fetch, const void *bytes, size_t len)
{
    scoped_mem char *trouble = NULL;

    if (!has_digest(bytes, len, fetch->wanted)) {
        trouble = mem_printf("what %s holds as %s has another digest", fetch->repository,
                             fetch->wanted);
        finish(fetch, trouble);
    } else if (fetch->is_layer) {
        unpack(fetch, bytes, len);
    } else {
        ask_layer(fetch, bytes, len);
    }
}

/* It was collected before it came here: the hub makes another one, or has another
   work by now. */
static void explain_gone(const struct fetch *fetch, struct text *ret)
{
    text_addf(ret, "the hub has %s of %s no more: it was collected before this spoke had pulled "
              "it. The work is read again, and waits for another artifact", fetch->wanted,
              fetch->repository);
}

static void on_failed(struct fetch *fetch, int status, const struct http_answer *answer,
                      const struct err *err)
{
    scoped_text struct text trouble = {0};
    struct err why = {0};

    fetch->gone = status == 404;
    link_explain(status, answer, err, &why);
    if (fetch->gone)
        explain_gone(fetch, &trouble);
    else
        text_addf(&trouble, "cannot fetch %s from %s: %s", fetch->wanted, fetch->repository,
                  why.text);
    if (!fetch->gone && status != 416 && fetch->got.len) {
        text_addf(&trouble, "; %zu KiB of it have come, and it goes on from there",
                  fetch->got.len / 1024);
        partial_keep(fetch);
    }
    finish(fetch, text_string(&trouble));
}

static void on_bytes(void *arg, int status, const struct http_answer *answer,
                     const struct err *err)
{
    struct fetch *fetch = object_from(fetch, FETCH_TAG, arg);

    if (fetch->is_layer && (status == 200 || status == 206))
        on_whole(fetch, text_string(&fetch->got), fetch->got.len);
    else if (status == 200)
        on_whole(fetch, answer->body, answer->len);
    else
        on_failed(fetch, status, answer, err);
}

static void on_head(struct http_call *call, const struct http_answer *answer, void *arg)
{
    struct fetch *fetch = object_from(fetch, FETCH_TAG, arg);
    const char *range = http_answer_get(answer, "content-range");
    scoped_mem char *from = mem_printf("bytes %zu-", fetch->got.len);

    /* All of it anew, or not what was asked for: then its digest says so. */
    if (answer->status == 200 || (answer->status == 206 && !(range && text_starts(range, from))))
        text_cut(&fetch->got, 0);
}

static void on_piece(struct http_call *call, const char *bytes, size_t len, void *arg)
{
    struct fetch *fetch = object_from(fetch, FETCH_TAG, arg);

    text_add_bytes(&fetch->got, bytes, len);
}

/* However slow it is, as long as something comes. */
static void ask(struct fetch *fetch)
{
    scoped_mem char *target =
        mem_printf("/v2/%s/%s/%s", fetch->repository,
                   fetch->is_layer ? "blobs" : "manifests", fetch->wanted);
    scoped_mem char *range = NULL;
    struct http_field accept = {"Accept", MANIFEST_TYPE};
    struct http_ask what = {.target = target, .headers = &accept, .header_count = 1,
                            .limit = MANIFEST_LIMIT, .arg = fetch};

    if (fetch->is_layer) {
        partial_take(fetch);
        range = mem_printf("bytes=%zu-", fetch->got.len);
        accept = (struct http_field){"Range", range};
        what.header_count = fetch->got.len ? 1 : 0;
        what.limit = BLOB_LIMIT;
        what.head = on_head;
        what.data = on_piece;
        what.silence = SILENCE;
    }
    link_ask(fetch->agent, &what, on_bytes, fetch);
}

void bundle_fetch(struct work *work, const char *reference, const char *digest)
{
    struct fetch *fetch = mem_alloc(sizeof *fetch);

    fetch->tag = FETCH_TAG;
    fetch->agent = work->agent;
    fetch->next = work->agent->fetches;
    fetch->at = &work->agent->fetches;
    if (fetch->next)
        fetch->next->at = &fetch->next;
    work->agent->fetches = fetch;
    fetch->work = mem_copy_string(work->name);
    fetch->turn = work->turn;
    fetch->repository = repository_of(reference);
    fetch->digest = mem_copy_string(digest);
    fetch->wanted = mem_copy_string(digest);
    work->waiting++;
    ask(fetch);
}
