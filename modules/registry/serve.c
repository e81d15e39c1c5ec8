/* SPDX-License-Identifier: Apache-2.0 */
/* Answers requests of OCI's distribution-spec below /v2. */
#include "registry/serve.h"

#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "document/document.h"
#include "http/http.h"
#include "pki/pki.h"
#include "registry/index.h"
#include "store/store.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define SLICE (256u << 10)

struct registry *registry_new(struct store *store,
                              const struct registry_settings *settings)
{
    struct registry *registry = mem_alloc(sizeof *registry);

    registry->tag = REGISTRY_TAG;
    registry->store = store;
    registry->settings = *settings;
    registry->verified = map_new();
    if (!registry->settings.most_blob)
        registry->settings.most_blob = 64u << 20;
    if (!registry->settings.most_manifest)
        registry->settings.most_manifest = 4u << 20;
    return registry;
}

void registry_free(struct registry **registry)
{
    if (!*registry)
        return;
    uploads_free(*registry);
    map_free(&(*registry)->verified);
    (*registry)->tag = 0;
    mem_free(registry);
}

/* ---- Answers ------------------------------------------------------------------ */

static void common_headers(struct http_request *request)
{
    http_answer_header(request, "Docker-Distribution-Api-Version",
                       "registry/2.0");
    /* Whoever may push chose these bytes: no browser runs them in the hub's name. */
    http_answer_header(request, "Content-Security-Policy", "default-src 'none'; sandbox");
}

void serve_error(struct http_request *request, int status, const char *code,
                 const char *format, ...)
{
    struct arena *arena = request->arena;
    struct node *body = node_map(arena), *one = node_map(arena);
    va_list args;
    char *json;

    va_start(args, format);
    node_set_text(arena, one, "code", code);
    node_set_text(arena, one, "message", arena_vprintf(arena, format, args));
    va_end(args);
    node_add(arena, node_make_list(arena, body, "errors"), one);
    json = document_json(arena, body);
    common_headers(request);
    if (status == 401)
        http_answer_header(request, "WWW-Authenticate", "Basic realm=\"axle\"");
    http_answer(request, status, "application/json", json, strlen(json));
}

static void answer_json(struct http_request *request, const char *type,
                        const struct node *body)
{
    char *json = document_json(request->arena, body);

    common_headers(request);
    http_answer(request, 200, type, json, strlen(json));
}

/* ---- Bytes out of the store ------------------------------------------------------- */

/* "bytes=A-B" within a size. False: not to be had. */
static bool parse_range(const char *text, int64_t size, int64_t *ret_from,
                        int64_t *ret_to)
{
    char *end;
    long long from, to = size - 1;

    if (strncmp(text, "bytes=", 6))
        return false;
    from = strtoll(text + 6, &end, 10);
    if (end == text + 6 || *end != '-')
        return false;
    if (end[1]) {
        to = strtoll(end + 1, &end, 10);
        if (*end)
            return false;
    }
    if (from < 0 || from >= size || to < from)
        return false;
    *ret_from = from;
    *ret_to = to < size ? to : size - 1;
    return true;
}

/* Holds one slice at a time; the store's reads are short. */
struct sending {
    struct registry *registry;
    char *digest;
    int64_t at, end;
};

static void send_more(struct http_request *request, void *arg)
{
    struct sending *sending = arg;
    scoped_mem char *slice = mem_alloc(SLICE);

    while (sending->at < sending->end && http_answer_pending(request) < SLICE) {
        int64_t want = sending->end - sending->at;
        struct err err = {0};
        int64_t got = store_blob_read(sending->registry->store, sending->digest,
                                      sending->at, slice,
                                      want < SLICE ? (size_t)want : SLICE, &err);

        if (got <= 0) {
            /* It was whole a moment ago; the next request looks again. */
            log_error("registry", "sending %s: cut off at byte %lld: %s",
                      sending->digest, (long long)sending->at,
                      err.code ? err.text : "it is gone");
            verify_forget(sending->registry, sending->digest);
            http_answer_break(request);
            return;
        }
        sending->at += got;
        http_answer_write(request, slice, (size_t)got);
    }
    if (sending->at == sending->end)
        http_answer_end(request);
}

static void send_blob(struct ask *ask, const char *digest, const char *type)
{
    struct http_request *request = ask->request;
    int64_t size = store_blob_size(ask->registry->store, digest);
    const char *range = http_request_header(request, "range");
    struct sending *sending;
    struct err err = {0};
    int status = 200;

    if (verify_blob(ask->registry, ask->repository, digest, &err) < 0) {
        serve_error(request, err_http(err.code), "UNKNOWN", "%s", err.text);
        return;
    }
    sending = arena_alloc(request->arena, sizeof *sending);
    *sending = (struct sending) { ask->registry,
                                  arena_string(request->arena, digest), 0, size };
    if (range) {
        int64_t last = 0;

        if (!parse_range(range, size, &sending->at, &last)) {
            serve_error(request, 416, "SIZE_INVALID", "there is no such range");
            return;
        }
        sending->end = last + 1;
        status = 206;
        http_answer_header(request, "Content-Range",
                           arena_printf(request->arena, "bytes %lld-%lld/%lld",
                                        (long long)sending->at, (long long)last,
                                        (long long)size));
    }
    common_headers(request);
    http_answer_header(request, "Docker-Content-Digest", digest);
    http_answer_header(request, "Accept-Ranges", "bytes");
    http_answer_begin(request, status, type, sending->end - sending->at);
    if (!strcmp(ask->method, "HEAD")) {
        http_answer_end(request);
        return;
    }
    http_answer_drained(request, send_more, sending);
    send_more(request, sending);
}

static void get_manifest(struct ask *ask)
{
    struct registry *registry = ask->registry;
    struct arena *arena = ask->request->arena;
    const struct node *index = index_read(arena, registry->store, ask->repository);
    const char *digest = ask->reference, *type;

    if (!registry_digest_is_valid(digest))
        digest = node_get_text(node_get(index, "tags"), ask->reference);
    type = node_get_text(node_get(index, "manifests"), digest);
    if (*type && store_blob_size(registry->store, digest) < 0)
        verify_missing(registry, ask->repository, digest);
    if (!*type || store_blob_size(registry->store, digest) < 0) {
        serve_error(ask->request, 404, "MANIFEST_UNKNOWN",
                    "%s has no manifest %s", ask->repository, ask->reference);
        return;
    }
    send_blob(ask, digest, registry_type_is_manifest(type) ? type : "application/octet-stream");
}

static void get_blob(struct ask *ask)
{
    const struct node *index =
        index_read(ask->request->arena, ask->registry->store, ask->repository);

    if (node_get(node_get(index, "blobs"), ask->reference) &&
        store_blob_size(ask->registry->store, ask->reference) < 0)
        verify_missing(ask->registry, ask->repository, ask->reference);
    if (!registry_digest_is_valid(ask->reference))
        serve_error(ask->request, 400, "DIGEST_INVALID",
                    "\"%s\" is no sha256 digest", ask->reference);
    else if (!registry_has(ask->registry->store, ask->repository, ask->reference))
        serve_error(ask->request, 404, "BLOB_UNKNOWN", "%s has no blob %s",
                    ask->repository, ask->reference);
    else
        send_blob(ask, ask->reference, "application/octet-stream");
}

/* ---- Lists -------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void list_tags(struct ask *ask)
{
    struct http_request *request = ask->request;
    struct arena *arena = request->arena;
    const struct node *index = index_read(arena, ask->registry->store,
                                          ask->repository);
    const struct node *tags = node_get(index, "tags");
    const char *last = http_request_query(request, "last");
    const char *n = http_request_query(request, "n");
    long long most = -1;
    const char **names = arena_alloc(arena, (node_count(tags) + 1) * sizeof *names);
    struct node *body = node_map(arena), *list;
    size_t count = 0;

    if (!node_count(index)) {
        serve_error(request, 404, "NAME_UNKNOWN", "there is no repository %s",
                    ask->repository);
        return;
    }
    if (n && (!text_to_int(n, &most) || most < 0)) {
        serve_error(request, 400, "UNSUPPORTED", "n must be a number");
        return;
    }
    node_each(tag, tags)
        names[count++] = tag->key;
    qsort(names, count, sizeof *names, by_text);
    node_set_text(arena, body, "name", ask->repository);
    list = node_make_list(arena, body, "tags");
    for (size_t i = 0; i < count; i++) {
        if (last && strcmp(names[i], last) <= 0)
            continue;
        if (most >= 0 && (long long)node_count(list) == most) {
            const char *end = most ? node_text(node_item(list, (size_t)most - 1))
                                   : "";

            http_answer_header(request, "Link", arena_printf(arena,
                "</v2/%s/tags/list?n=%lld&last=%s>; rel=\"next\"",
                ask->repository, most, end));
            break;
        }
        node_add(arena, list, node_string(arena, names[i]));
    }
    answer_json(request, "application/json", body);
}

static struct node *descriptor(struct ask *ask, const char *digest,
                               const char *type, const struct node *manifest)
{
    struct arena *arena = ask->request->arena;
    struct node *one = node_map(arena);
    const char *artifact = node_get_text(manifest, "artifactType");

    if (!*artifact)
        artifact = node_get_text(node_get(manifest, "config"), "mediaType");
    node_set_text(arena, one, "mediaType", type);
    node_set_text(arena, one, "digest", digest);
    node_set_int(arena, one, "size", store_blob_size(ask->registry->store, digest));
    node_set_text(arena, one, "artifactType", artifact);
    if (node_get(manifest, "annotations"))
        node_set(arena, one, "annotations", node_get(manifest, "annotations"));
    return one;
}

static struct node *read_manifest(struct ask *ask, const char *digest)
{
    int64_t size = store_blob_size(ask->registry->store, digest);
    char *bytes;

    if (size < 0)
        return NULL;
    bytes = arena_alloc(ask->request->arena, (size_t)size + 1);
    if (store_blob_read(ask->registry->store, digest, 0, bytes, (size_t)size,
                        NULL) != size)
        return NULL;
    return document_read_json(ask->request->arena, bytes, (size_t)size,
                              &document_limits_own, NULL);
}

/* Never 404: a repository that is not there has no referrers. */
static void list_referrers(struct ask *ask)
{
    struct http_request *request = ask->request;
    struct arena *arena = request->arena;
    const struct node *index = index_read(arena, ask->registry->store,
                                          ask->repository);
    const char *wanted = http_request_query(request, "artifactType");
    struct node *body = node_map(arena), *list;

    if (!registry_digest_is_valid(ask->reference)) {
        serve_error(request, 400, "DIGEST_INVALID", "\"%s\" is no sha256 digest",
                    ask->reference);
        return;
    }
    node_set_int(arena, body, "schemaVersion", 2);
    node_set_text(arena, body, "mediaType", INDEX_TYPE);
    list = node_make_list(arena, body, "manifests");
    node_each(entry, node_get(index, "manifests")) {
        const struct node *manifest = read_manifest(ask, entry->key);
        const char *subject = node_get_text(node_get(manifest, "subject"),
                                            "digest");
        struct node *one;

        if (strcmp(subject, ask->reference))
            continue;
        one = descriptor(ask, entry->key, node_text(entry->value), manifest);
        if (!wanted || !strcmp(node_get_text(one, "artifactType"), wanted))
            node_add(arena, list, one);
    }
    if (wanted)
        http_answer_header(request, "OCI-Filters-Applied", "artifactType");
    answer_json(request, INDEX_TYPE, body);
}

/* ---- Deleting ------------------------------------------------------------------------ */

struct waiting {
    struct http_request *request;
    struct registry *registry;
    bool gone;
    int status;
    char *location, *digest; /* owned */
};

static void on_gone(struct http_request *request, void *arg)
{
    struct waiting *waiting = arg;

    waiting->gone = true;
}

static void on_durable(void *arg, const struct err *err)
{
    struct waiting *waiting = arg;

    if (!waiting->gone && err) {
        serve_error(waiting->request, err_http(err->code), "UNSUPPORTED", "%s",
                    err->text);
    } else if (!waiting->gone) {
        common_headers(waiting->request);
        if (waiting->location)
            http_answer_header(waiting->request, "Location", waiting->location);
        if (waiting->digest)
            http_answer_header(waiting->request, "Docker-Content-Digest",
                               waiting->digest);
        http_answer(waiting->request, waiting->status, NULL, NULL, 0);
    }
    mem_free(&waiting->location);
    mem_free(&waiting->digest);
    mem_free(&waiting);
}

static void answer_when_durable(struct registry *registry,
                                struct http_request *request, int status,
                                const char *location, const char *digest)
{
    struct waiting *waiting = mem_alloc(sizeof *waiting);

    waiting->request = request;
    waiting->registry = registry;
    waiting->status = status;
    waiting->location = location ? mem_copy_string(location) : NULL;
    waiting->digest = digest ? mem_copy_string(digest) : NULL;
    http_request_gone(request, on_gone, waiting);
    registry->settings.commit(registry->settings.arg, on_durable, waiting);
}

void serve_created(struct registry *registry, struct http_request *request,
                   const char *location, const char *digest)
{
    answer_when_durable(registry, request, 201, location, digest);
}

/* A digest takes its tags along; a tag goes alone. */
static void delete_entry(struct ask *ask, const char *part)
{
    struct arena *arena = ask->request->arena;
    struct node *index = index_read(arena, ask->registry->store, ask->repository);
    struct node *tags = node_get(index, "tags"), *kept = node_map(arena);
    bool is_digest = registry_digest_is_valid(ask->reference);
    bool found = is_digest ? node_remove(node_get(index, part), ask->reference)
                           : node_remove(tags, ask->reference);

    if (!found) {
        serve_error(ask->request, 404, !strcmp(part, "blobs") ? "BLOB_UNKNOWN"
                    : "MANIFEST_UNKNOWN", "%s has no %s", ask->repository,
                    ask->reference);
        return;
    }
    if (is_digest && tags) {
        node_each(tag, tags)
            if (strcmp(node_text(tag->value), ask->reference))
                node_set(arena, kept, tag->key, tag->value);
        node_set(arena, index, "tags", kept);
    }
    index_write(arena, ask->registry->store, ask->repository, index);
    answer_when_durable(ask->registry, ask->request, 202, NULL, NULL);
}

/* ---- Which is it --------------------------------------------------------------------- */

static bool is_read(const char *method)
{
    return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

/* /v2/NAME…/(manifests|blobs|tags|referrers)/REFERENCE and …/blobs/uploads/ID.
   False: it is none of these. */
static bool take_apart(struct ask *ask)
{
    const char *const *part = ask->request->segments;
    size_t count = ask->request->segment_count, at;
    scoped_text struct text name = { 0 };

    ask->reference = "";
    for (at = count; at-- > 1;) {
        if (!strcmp(part[at], "uploads") && at > 1 && !strcmp(part[at - 1], "blobs")) {
            ask->what = "uploads";
            ask->reference = at + 1 < count ? part[at + 1] : "";
            at--;
            break;
        }
        if (at + 2 == count && (!strcmp(part[at], "manifests") ||
            !strcmp(part[at], "blobs") || !strcmp(part[at], "tags") ||
            !strcmp(part[at], "referrers")) && strcmp(part[at + 1], "uploads")) {
            ask->what = part[at];
            ask->reference = part[at + 1];
            break;
        }
    }
    if (!ask->what || at < 2)
        return false;
    for (size_t i = 1; i < at; i++)
        text_addf(&name, "%s%s", i > 1 ? "/" : "", part[i]);
    ask->repository = arena_string(ask->request->arena, text_string(&name));
    return true;
}

static void route(struct ask *ask)
{
    bool get = is_read(ask->method), put = !strcmp(ask->method, "PUT");
    bool gone = !strcmp(ask->method, "DELETE");

    if (!strcmp(ask->what, "uploads"))
        serve_upload(ask);
    else if (!strcmp(ask->what, "manifests") && get)
        get_manifest(ask);
    else if (!strcmp(ask->what, "manifests") && put)
        serve_manifest_put(ask);
    else if (!strcmp(ask->what, "manifests") && gone)
        delete_entry(ask, "manifests");
    else if (!strcmp(ask->what, "blobs") && get)
        get_blob(ask);
    else if (!strcmp(ask->what, "blobs") && gone &&
             registry_digest_is_valid(ask->reference))
        delete_entry(ask, "blobs");
    else if (!strcmp(ask->what, "tags") && get && !strcmp(ask->reference, "list"))
        list_tags(ask);
    else if (!strcmp(ask->what, "referrers") && get)
        list_referrers(ask);
    else
        serve_error(ask->request, 405, "UNSUPPORTED", "%s is not possible here",
                    ask->method);
}

static bool may(struct ask *ask)
{
    const struct registry_settings *settings = &ask->registry->settings;
    const char *digest = registry_digest_is_valid(ask->reference)
                             ? ask->reference : NULL;

    return settings->authorise(settings->arg, ask->request,
                               is_read(ask->method) ? REGISTRY_PULL
                                                    : REGISTRY_PUSH,
                               ask->repository, digest);
}

void registry_handle(struct http_request *request, void *arg)
{
    struct registry *registry = object_from(registry, REGISTRY_TAG, arg);
    struct ask ask = {
        .registry = registry, .request = request, .repository = "",
        .reference = "", .method = arena_string(request->arena, request->method),
    };
    bool base = request->segment_count == 1;

    request->label = "registry";
    if (!base && !take_apart(&ask)) {
        serve_error(request, 404, "NAME_INVALID", "there is nothing at %s",
                    request->path);
        return;
    }
    if (!base && !registry_name_is_valid(ask.repository)) {
        serve_error(request, 400, "NAME_INVALID", "\"%s\" is no repository name",
                    ask.repository);
        return;
    }
    if (!may(&ask)) {
        if (request->peer || http_request_header(request, "authorization"))
            serve_error(request, 403, "DENIED", "not allowed for %s",
                        *ask.repository ? ask.repository : "this registry");
        else
            serve_error(request, 401, "UNAUTHORIZED",
                        "show a client certificate, or a token as password");
        return;
    }
    if (!base) {
        route(&ask);
    } else if (is_read(ask.method)) {
        answer_json(request, "application/json", node_map(request->arena));
    } else {
        http_answer_header(request, "Allow", "GET, HEAD");
        serve_error(request, 405, "UNSUPPORTED", "%s is not possible here: these are: GET, HEAD",
                    ask.method);
    }
}
