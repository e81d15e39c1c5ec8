/* SPDX-License-Identifier: Apache-2.0 */
/* Routes and serves the requests of the OCI distribution-spec below /v2. */
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

#define SLICE (256u << 10)

struct registry *registry_new(struct store *store, const struct registry_settings *settings)
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

/* ---- Bytes out of the store ------------------------------------------------------- */

enum range { RANGE_WHOLE, RANGE_PART, RANGE_NONE };

/* Reads decimal digits; saturates. -1 if there are none. */
static int64_t read_position(const char **text)
{
    size_t len = strspn(*text, "0123456789");
    int64_t position = len ? strtoll(*text, NULL, 10) : -1;

    *text += len;
    return position;
}

/* RFC 9110 section 14.2: "bytes=A-B", "bytes=A-", "bytes=-LAST". Any other form,
   another unit or a list of ranges means the whole blob. */
static enum range parse_range_header(const char *text, int64_t size, int64_t *ret_from,
                                     int64_t *ret_to)
{
    int64_t from, to;

    if (strncasecmp(text, "bytes=", 6) != 0)
        return RANGE_WHOLE;
    text += 6;
    from = read_position(&text);
    if (*text++ != '-')
        return RANGE_WHOLE;
    to = read_position(&text);
    if (*text || (from < 0 && to < 0))
        return RANGE_WHOLE;
    if (from < 0) {
        from = to < size ? size - to : 0;
        to = to ? size - 1 : -1;
    } else if (to < 0 || to >= size) {
        to = size - 1;
    }
    if (from >= size || to < from)
        return RANGE_NONE;
    *ret_from = from;
    *ret_to = to;
    return RANGE_PART;
}

/* The state of sending a blob. One slice is in memory at a time, because a blob
   may be large and a client slow. */
struct sending {
    struct registry *registry;
    char *digest;
    int64_t at, end;
};

static void send_more(struct http_request *request, void *arg)
{
    struct sending *sending = arg;
    scoped_mem char *slice = mem_alloc(SLICE);

    while (sending->at < sending->end && http_response_pending(request) < SLICE) {
        int64_t want = sending->end - sending->at;
        struct err err = {0};
        int64_t got = store_check_read(sending->registry->store, &err);

        if (got == 0)
            got = store_blob_read(sending->registry->store, sending->digest, sending->at, slice,
                                  want < SLICE ? (size_t)want : SLICE, &err);
        if (got <= 0) {
            /* The blob was complete when sending began. verify_forget() makes the
               next request check it again. */
            log_error("registry", "sending %s: cut off at byte %lld: %s", sending->digest,
                      (long long)sending->at, err.code ? err.text : "it is gone");
            verify_forget(sending->registry, sending->digest);
            http_response_break(request);
            return;
        }
        sending->at += got;
        http_response_write(request, slice, (size_t)got);
    }
    if (sending->at == sending->end)
        http_response_end(request);
}

/* Sets Content-Range if only a part is requested. False: the range is not
   satisfiable, and 416 was sent. */
static bool choose_part(struct registry_request *request, int64_t size, struct sending *sending,
                        int *ret_status)
{
    struct http_request *http = request->http;
    const char *text = http_request_header(http, "range");
    int64_t first = 0, last = size - 1;
    enum range range = RANGE_WHOLE;

    /* If-Range needs a validator, and responses here have none, so the range is
       ignored (RFC 9110 section 13.1.5). */
    if (text && !strcmp(request->method, "GET") && !http_request_header(http, "if-range"))
        range = parse_range_header(text, size, &first, &last);
    if (range == RANGE_NONE) {
        http_response_header(http, "Content-Range",
                             arena_printf(http->arena, "bytes */%lld", (long long)size));
        registry_reply_error(http, 416, "SIZE_INVALID", "there is no such range: it has %lld bytes",
                             (long long)size);
        return false;
    }
    if (range == RANGE_PART)
        http_response_header(http, "Content-Range",
                             arena_printf(http->arena, "bytes %lld-%lld/%lld", (long long)first,
                                          (long long)last, (long long)size));
    *ret_status = range == RANGE_PART ? 206 : 200;
    sending->at = first;
    sending->end = last + 1;
    return true;
}

static void send_blob(struct registry_request *request, const char *digest, const char *type)
{
    struct http_request *http = request->http;
    int64_t size = store_blob_size(request->registry->store, digest);
    struct sending *sending;
    struct err err = {0};
    int status;

    if (strcmp(request->method, "HEAD") != 0 &&
        store_check_read(request->registry->store, &err) < 0) {
        registry_reply_refused(http, &err);
        return;
    }
    if (verify_blob(request->registry, request->repository, digest, &err) < 0) {
        registry_reply_error(http, err_http(err.code), "UNKNOWN", "%s", err.text);
        return;
    }
    sending = arena_alloc(http->arena, sizeof *sending);
    *sending = (struct sending){request->registry, arena_string(http->arena, digest), 0, size};
    if (!choose_part(request, size, sending, &status))
        return;
    registry_reply_headers(http);
    http_response_header(http, "Docker-Content-Digest", digest);
    http_response_header(http, "Accept-Ranges", "bytes");
    http_response_begin(http, status, type, sending->end - sending->at);
    if (!strcmp(request->method, "HEAD")) {
        http_response_end(http);
        return;
    }
    http_response_drained(http, send_more, sending);
    send_more(http, sending);
}

static void get_manifest(struct registry_request *request)
{
    struct registry *registry = request->registry;
    struct arena *arena = request->http->arena;
    const struct node *index = index_read(arena, registry->store, request->repository);
    const char *digest = request->reference, *type;

    if (strchr(digest, ':') && !pki_digest_is_valid(digest)) {
        registry_reply_not_a_digest(request);
        return;
    }
    if (!pki_digest_is_valid(digest))
        digest = node_get_text(node_get(index, "tags"), request->reference);
    type = node_get_text(node_get(index, "manifests"), digest);
    if (*type && store_blob_size(registry->store, digest) < 0)
        verify_missing(registry, request->repository, digest);
    if (!*type || store_blob_size(registry->store, digest) < 0) {
        registry_reply_error(request->http, 404, "MANIFEST_UNKNOWN", "%s has no manifest %s",
                             request->repository, request->reference);
        return;
    }
    send_blob(request, digest, registry_type_is_manifest(type) ? type : "application/octet-stream");
}

static void get_blob(struct registry_request *request)
{
    const struct node *index =
        index_read(request->http->arena, request->registry->store, request->repository);

    if (node_get(node_get(index, "blobs"), request->reference) &&
        store_blob_size(request->registry->store, request->reference) < 0)
        verify_missing(request->registry, request->repository, request->reference);
    if (!pki_digest_is_valid(request->reference))
        registry_reply_not_a_digest(request);
    else if (!registry_has(request->registry->store, request->repository, request->reference))
        registry_reply_error(request->http, 404, "BLOB_UNKNOWN", "%s has no blob %s",
                             request->repository, request->reference);
    else
        send_blob(request, request->reference, "application/octet-stream");
}

/* ---- Deleting ------------------------------------------------------------------------ */

struct held {
    const char *digest;
    bool found;
};

static bool names_digest(void *arg, const char *digest, bool foreign)
{
    struct held *held = arg;

    held->found = held->found || !strcmp(digest, held->digest);
    return !held->found;
}

/* Whether the hub made the manifest, or one of its manifests names the digest:
   works of spokes refer to those. */
static bool is_made_by_hub(struct registry_request *request, const struct node *index,
                           const char *digest)
{
    struct held held = {digest, false};

    if (node_get(node_get(index, "kept"), digest))
        return true;
    node_each(made, node_get(index, "kept"))
        index_each_named(index_manifest(request->http->arena, request->registry->store, made->key),
                         names_digest, &held);
    return held.found;
}

/* Deleting by digest deletes the tags of that digest too; deleting by tag deletes
   the tag only. */
static bool remove_entry(struct registry_request *request, struct node *index, const char *part)
{
    struct arena *arena = request->http->arena;
    struct node *tags = node_get(index, "tags"), *kept;

    if (!pki_digest_is_valid(request->reference))
        return node_remove(tags, request->reference);
    if (!node_remove(node_get(index, part), request->reference))
        return false;
    node_remove(node_get(index, "subjects"), request->reference);
    if (!tags || strcmp(part, "manifests"))
        return true;
    kept = node_map(arena);
    node_each(tag, tags) if (strcmp(node_text(tag->value), request->reference))
        node_set(arena, kept, tag->key, tag->value);
    node_set(arena, index, "tags", kept);
    return true;
}

static void delete_entry(struct registry_request *request, const char *part)
{
    struct arena *arena = request->http->arena;
    struct node *index = index_read(arena, request->registry->store, request->repository);
    bool is_digest = pki_digest_is_valid(request->reference);
    const char *digest =
        is_digest ? request->reference : node_get_text(node_get(index, "tags"), request->reference);

    if (!is_digest && strchr(request->reference, ':')) {
        registry_reply_not_a_digest(request);
    } else if (is_made_by_hub(request, index, digest)) {
        registry_reply_error(request->http, 403, "DENIED",
                             "%s of %s is part of what the hub made for a "
                             "WorkloadDeployment: it is deleted together with that",
                             request->reference, request->repository);
    } else if (!remove_entry(request, index, part)) {
        registry_reply_error(request->http, 404,
                             !strcmp(part, "blobs") ? "BLOB_UNKNOWN" : "MANIFEST_UNKNOWN",
                             "%s has no %s", request->repository, request->reference);
    } else {
        index_write(arena, request->registry->store, request->repository, index);
        registry_reply_when_durable(request->registry, request->http, 202, NULL, NULL);
    }
}

/* ---- Which is it --------------------------------------------------------------------- */

static bool is_read_method(const char *method)
{
    return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

/*
 * Splits /v2/NAME…/(manifests|blobs|tags|referrers)/REFERENCE and
 * …/blobs/uploads/ID. Searches from the end, because a name may contain these
 * words. False for other paths.
 */
static bool take_apart(struct registry_request *request)
{
    const char *const *part = request->http->segments;
    size_t count = request->http->segment_count, at;
    scoped_text struct text name = {0};

    request->reference = "";
    for (at = count; at-- > 1;) {
        if (!strcmp(part[at], "uploads") && at > 1 && !strcmp(part[at - 1], "blobs")) {
            request->what = "uploads";
            request->reference = at + 1 < count ? part[at + 1] : "";
            at--;
            break;
        }
        if (at + 2 == count &&
            (!strcmp(part[at], "manifests") || !strcmp(part[at], "blobs") ||
             !strcmp(part[at], "tags") || !strcmp(part[at], "referrers")) &&
            strcmp(part[at + 1], "uploads")) {
            request->what = part[at];
            request->reference = part[at + 1];
            break;
        }
    }
    if (!request->what || at < 2)
        return false;
    for (size_t i = 1; i < at; i++)
        text_addf(&name, "%s%s", i > 1 ? "/" : "", part[i]);
    request->repository = arena_string(request->http->arena, text_string(&name));
    return true;
}

static void route_request(struct registry_request *request)
{
    bool get = is_read_method(request->method), put = !strcmp(request->method, "PUT");
    bool gone = !strcmp(request->method, "DELETE");

    if (!strcmp(request->what, "uploads"))
        serve_upload(request);
    else if (!strcmp(request->what, "manifests") && get)
        get_manifest(request);
    else if (!strcmp(request->what, "manifests") && put)
        serve_manifest_put(request);
    else if (!strcmp(request->what, "manifests") && gone)
        delete_entry(request, "manifests");
    else if (!strcmp(request->what, "blobs") && get)
        get_blob(request);
    else if (!strcmp(request->what, "blobs") && gone)
        delete_entry(request, "blobs");
    else if (!strcmp(request->what, "tags") && get && !strcmp(request->reference, "list"))
        list_tags(request);
    else if (!strcmp(request->what, "referrers") && get)
        list_referrers(request);
    else
        registry_reply_error(request->http, 405, "UNSUPPORTED", "%s is not possible here",
                             request->method);
}

static bool may_use_repository(struct registry_request *request)
{
    const struct registry_settings *settings = &request->registry->settings;
    const char *digest = pki_digest_is_valid(request->reference) ? request->reference : NULL;

    return settings->authorise(settings->arg, request->http,
                               is_read_method(request->method) ? REGISTRY_PULL : REGISTRY_PUSH,
                               request->repository, digest);
}

/* Most of what is read needs the index only, which is in memory after a push. */
static int check_disk(struct registry_request *request, struct err *err)
{
    struct store *store = request->registry->store;

    if (request->http->segment_count == 1)
        return 0;
    if (*request->repository && is_read_method(request->method) &&
        strcmp(request->what, "referrers") != 0)
        return index_check_read(request->http->arena, store, request->repository, err);
    return store_check_read(store, err);
}

void registry_handle(struct http_request *http, void *arg)
{
    struct registry *registry = object_from(registry, REGISTRY_TAG, arg);
    struct registry_request request = {
        .registry = registry,
        .http = http,
        .repository = "",
        .reference = "",
        .method = arena_string(http->arena, http->method),
    };
    bool catalog = http->segment_count == 2 && !strcmp(http->segments[1], "_catalog");
    bool base = http->segment_count == 1 || catalog;
    struct err err = {0};

    http->label = "registry";
    if (!base && !take_apart(&request)) {
        registry_reply_error(http, 404, "NAME_INVALID", "there is nothing at %s", http->path);
        return;
    }
    if (!base && !registry_name_is_valid(request.repository)) {
        registry_reply_error(http, 400, "NAME_INVALID", "\"%s\" is not a valid repository name",
                             request.repository);
        return;
    }
    if (!may_use_repository(&request)) {
        if (http->peer || http_request_header(http, "authorization"))
            registry_reply_error(
                http, 403, "DENIED",
                "not allowed for %s: it needs the verb %s "
                "on the path /v2/%s, which a ClusterRole with nonResourceURLs gives",
                *request.repository ? request.repository : "this registry",
                is_read_method(request.method) ? "get" : "create", request.repository);
        else
            registry_reply_error(
                http, 401, "UNAUTHORIZED",
                "authenticate with a client certificate, or with a token as the password");
        return;
    }
    if (check_disk(&request, &err) < 0)
        registry_reply_refused(http, &err);
    else if (!base && !is_read_method(request.method) &&
             registry_is_claimed(registry->store, request.repository)) {
        registry_reply_error(http, 403, "DENIED",
                             "%s is kept by the hub for the WorkloadDeployment of "
                             "that name: push to another repository",
                             request.repository);
    } else if (!base) {
        route_request(&request);
    } else if (is_read_method(request.method)) {
        if (catalog)
            list_repositories(&request);
        else
            registry_reply_json(http, "application/json", node_map(http->arena));
    } else {
        http_response_header(http, "Allow", "GET, HEAD");
        registry_reply_error(http, 405, "UNSUPPORTED",
                             "the method %s is not allowed here: use GET or HEAD", request.method);
    }
}
