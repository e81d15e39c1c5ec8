/* SPDX-License-Identifier: Apache-2.0 */
/* Accepts blobs, whole or in pieces, and checks each one against its digest. */
#include "registry/serve.h"

#include "base/clock.h"
#include "base/object.h"
#include "base/text.h"
#include "document/document.h"
#include "http/http.h"
#include "pki/pki.h"
#include "registry/index.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

/*
 * The limits of uploads of one project and of all projects. All together may hold
 * as many bytes as one project may. The project with the most makes room, so that
 * it cannot displace another's upload.
 */
#define UPLOADS_MOST 8
#define UPLOADS_ALL 64
/* An upload without a write for so long is dropped. */
#define UPLOAD_AGE (15 * 60 * CLOCK_SECOND)

struct upload {
    struct upload *next;
    int64_t touched; /* steady time of the last byte */
    char id[33];
    char *repository; /* owned */
    struct text bytes;
    bool busy; /* a request is writing to it */
};

static void upload_free(struct upload *upload)
{
    text_free(&upload->bytes);
    mem_free(&upload->repository);
    mem_free(&upload);
}

void uploads_free(struct registry *registry)
{
    while (registry->uploads) {
        struct upload *upload = registry->uploads;

        registry->uploads = upload->next;
        upload_free(upload);
    }
}

static struct upload *find_upload(const struct registry *registry, const char *repository,
                                  const char *id)
{
    for (struct upload *u = registry->uploads; u; u = u->next)
        if (!strcmp(u->id, id) && !strcmp(u->repository, repository))
            return u;
    return NULL;
}

static void drop_upload(struct registry *registry, struct upload *upload)
{
    for (struct upload **u = &registry->uploads; *u; u = &(*u)->next)
        if (*u == upload) {
            *u = upload->next;
            registry->upload_count--;
            upload_free(upload);
            return;
        }
}

/* The first part of a repository's name is its project. */
static bool is_of_project(const struct upload *upload, const char *repository)
{
    size_t len = strcspn(repository, "/");

    return strcspn(upload->repository, "/") == len && !strncmp(upload->repository, repository, len);
}

/* How many uploads the repository's project has, and of how many bytes. */
static size_t count_of_project(const struct registry *registry, const char *repository,
                               size_t *ret_bytes)
{
    size_t count = 0;

    *ret_bytes = 0;
    for (const struct upload *u = registry->uploads; u; u = u->next)
        if (is_of_project(u, repository)) {
            count++;
            *ret_bytes += u->bytes.len;
        }
    return count;
}

/* The project's oldest upload that no request writes to, or NULL. */
static struct upload *oldest_idle(const struct registry *registry, const char *repository)
{
    struct upload *oldest = NULL;

    for (struct upload *u = registry->uploads; u; u = u->next)
        if (!u->busy && is_of_project(u, repository))
            oldest = u;
    return oldest;
}

/* An idle upload of the project whose uploads hold the most bytes. */
static struct upload *heaviest_idle(const struct registry *registry)
{
    struct upload *found = NULL;
    size_t most = 0, bytes;

    for (struct upload *u = registry->uploads; u; u = u->next) {
        if (u->busy || !u->bytes.len)
            continue;
        count_of_project(registry, u->repository, &bytes);
        if (bytes >= most) {
            most = bytes;
            found = u;
        }
    }
    return found;
}

/* Drops idle uploads until `len` more bytes fit. False if they do not. */
static bool make_upload_room(struct registry *registry, size_t len)
{
    size_t most = UPLOADS_MOST * registry->settings.most_blob, sum = len;
    struct upload *heaviest;

    for (const struct upload *u = registry->uploads; u; u = u->next)
        sum += u->bytes.len;
    while (sum > most && (heaviest = heaviest_idle(registry))) {
        sum -= heaviest->bytes.len;
        drop_upload(registry, heaviest);
    }
    return sum <= most;
}

static void drop_old(struct registry *registry)
{
    struct upload *u = registry->uploads, *next;

    for (; u; u = next) {
        next = u->next;
        if (!u->busy && clock_steady() - u->touched > UPLOAD_AGE)
            drop_upload(registry, u);
    }
}

/* NULL if the project has as many as it may and requests write to all of them. */
static struct upload *begin_upload(struct registry *registry, const char *repository)
{
    struct upload *upload, *oldest;
    scoped_text struct text hex = {0};
    unsigned char id[16];
    size_t bytes, count;

    drop_old(registry);
    oldest = oldest_idle(registry, repository);
    count = count_of_project(registry, repository, &bytes);
    if (count >= UPLOADS_MOST || registry->upload_count >= UPLOADS_ALL) {
        if (!oldest)
            return NULL;
        drop_upload(registry, oldest);
    }
    upload = mem_alloc(sizeof *upload);
    random_bytes(id, sizeof id);
    text_add_hex(&hex, id, sizeof id);
    memcpy(upload->id, text_string(&hex), 32);
    upload->repository = mem_copy_string(repository);
    upload->touched = clock_steady();
    upload->next = registry->uploads;
    registry->uploads = upload;
    registry->upload_count++;
    return upload;
}

static void refuse_more(struct http_request *request)
{
    registry_reply_error(
        request, 429, "TOOMANYREQUESTS",
        "too many uploads are in progress: a project may have %d at once; finish some, and try "
        "again",
        UPLOADS_MOST);
}

/* ---- Answers ---------------------------------------------------------------- */

static void add_progress_headers(struct http_request *request, const struct upload *upload)
{
    size_t len = upload->bytes.len;

    http_response_header(
        request, "Location",
        arena_printf(request->arena, "/v2/%s/blobs/uploads/%s", upload->repository, upload->id));
    http_response_header(request, "Docker-Upload-UUID", upload->id);
    http_response_header(request, "Range",
                         arena_printf(request->arena, "0-%zu", len ? len - 1 : 0));
}

static void send_progress(struct http_request *request, int status, const struct upload *upload)
{
    add_progress_headers(request, upload);
    http_respond(request, status, NULL, NULL, 0);
}

static void refuse_digest(struct http_request *request, const char *digest)
{
    registry_reply_error(
        request, 400, "DIGEST_INVALID",
        "\"%.150s\" is not a digest: write sha256: and 64, or sha512: and 128 lower-case hex digits",
        digest ? digest : "");
}

static void finish_blob(struct registry *registry, struct http_request *request,
                        const char *repository, const char *digest, const char *bytes, size_t len)
{
    struct arena *arena = request->arena;
    char text[PKI_DIGEST_MOST];
    struct node *index;
    struct err err = {0};

    if (store_check_read(registry->store, &err) < 0) {
        registry_reply_refused(request, &err);
        return;
    }
    index = index_read(arena, registry->store, repository);
    pki_digest_of(digest, bytes, len, text);
    if (strcmp(text, digest)) {
        registry_reply_error(request, 400, "DIGEST_INVALID", "the bytes have the digest %s, not %s",
                             text, digest);
        return;
    }
    if (store_check_room(registry->store, &err) < 0 ||
        store_check_backlog(registry->store, &err) < 0 ||
        index_check_room(index, repository, &err) < 0) {
        registry_reply_refused(request, &err);
        return;
    }
    /* A damaged copy is removed, so that this push replaces it. */
    if (store_blob_size(registry->store, digest) >= 0 &&
        verify_blob(registry, repository, digest, &err) < 0 &&
        store_blob_size(registry->store, digest) >= 0) {
        registry_reply_error(request, err_http(err.code), "UNKNOWN", "%s", err.text);
        return;
    }
    if (store_blob_size(registry->store, digest) < 0)
        store_blob_put(registry->store, digest, bytes, len);
    node_set_int(arena, node_make(arena, index, "blobs"), digest, 1);
    index_write(arena, registry->store, repository, index);
    registry_reply_created(registry, request,
                           arena_printf(arena, "/v2/%s/blobs/%s", repository, digest), digest);
}

/* ---- Bodies ------------------------------------------------------------------- */

/* The argument of the callbacks for one body. The upload is looked up by id again
   when the body is there: it may have been dropped meanwhile. */
struct body {
    struct registry *registry;
    const char *repository, *id, *digest; /* in the request's arena */
    int64_t from, to;                     /* what Content-Range says; -1: nothing */
};

static void free_upload(struct http_request *request, void *arg)
{
    struct body *body = arg;
    struct upload *upload = find_upload(body->registry, body->repository, body->id);

    if (upload)
        upload->busy = false;
}

static void on_upload_body(struct http_request *request, const char *bytes, size_t len, void *arg)
{
    struct body *body = arg;
    struct registry *registry = object_from(registry, REGISTRY_TAG, body->registry);
    struct upload *upload = find_upload(registry, body->repository, body->id);

    if (!upload) {
        registry_reply_error(request, 404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload");
        return;
    }
    upload->busy = false;
    upload->touched = clock_steady();
    if (body->from >= 0 && (uint64_t)(body->to - body->from) + 1 != len) {
        registry_reply_error(request, 400, "SIZE_INVALID",
                             "Content-Range says %lld bytes, but the body has %zu",
                             (long long)(body->to - body->from + 1), len);
        return;
    }
    if (upload->bytes.len + len > registry->settings.most_blob) {
        drop_upload(registry, upload);
        registry_reply_error(request, 413, "SIZE_INVALID", "a blob may have %zu bytes",
                             registry->settings.most_blob);
        return;
    }
    /* A busy upload is not dropped to make room. */
    upload->busy = true;
    if (!make_upload_room(registry, len)) {
        drop_upload(registry, upload);
        refuse_more(request);
        return;
    }
    upload->busy = false;
    text_add_bytes(&upload->bytes, bytes, len);
    if (!*body->digest) {
        send_progress(request, 202, upload);
        return;
    }
    finish_blob(registry, request, body->repository, body->digest, text_string(&upload->bytes),
                upload->bytes.len);
    drop_upload(registry, upload);
}

/* "START-END", both in decimal digits; saturates. */
static bool parse_content_range(const char *text, int64_t *ret_from, int64_t *ret_to)
{
    size_t first = strspn(text, "0123456789");
    const char *second = text + first + 1;

    if (!first || text[first] != '-' || !*second || strspn(second, "0123456789") != strlen(second))
        return false;
    *ret_from = strtoll(text, NULL, 10);
    *ret_to = strtoll(second, NULL, 10);
    return *ret_from <= *ret_to && *ret_to < INT64_MAX;
}

static void take_upload_body(struct registry_request *request, struct upload *upload,
                             const char *digest)
{
    struct arena *arena = request->http->arena;
    struct body *body = arena_alloc(arena, sizeof *body);
    const char *range = http_request_header(request->http, "content-range");

    *body = (struct body){request->registry,
                          request->repository,
                          arena_string(arena, upload->id),
                          arena_string(arena, digest),
                          -1,
                          -1};
    if (range && !parse_content_range(range, &body->from, &body->to))
        body->from = body->to = -1; /* a POST of the whole needs none */
    upload->busy = true;
    http_request_gone(request->http, free_upload, body);
    http_body_whole(request->http, request->registry->settings.most_blob, on_upload_body, body);
}

/* ---- Requests -------------------------------------------------------------------- */

/* Mounts a blob of another repository (distribution-spec), if the client may pull
   from there. */
static bool mount_from(struct registry_request *request, const char *from, const char *digest)
{
    const struct registry_settings *settings = &request->registry->settings;
    struct arena *arena = request->http->arena;
    struct node *index = index_read(arena, request->registry->store, request->repository);
    struct err err = {0};

    if (!registry_name_is_valid(from) ||
        !settings->authorise(settings->arg, request->http, REGISTRY_PULL, from, digest) ||
        !registry_has(request->registry->store, from, digest) ||
        index_check_room(index, request->repository, &err) < 0)
        return false;
    node_set_int(arena, node_make(arena, index, "blobs"), digest, 1);
    index_write(arena, request->registry->store, request->repository, index);
    registry_reply_created(request->registry, request->http,
                           arena_printf(arena, "/v2/%s/blobs/%s", request->repository, digest),
                           digest);
    return true;
}

/* Without `from`, this many repositories of the project are searched. */
#define MOUNT_LOOKS 100

static bool mount_blob(struct registry_request *request, const char *digest)
{
    const char *from = http_request_query(request->http, "from");
    size_t len = strcspn(request->repository, "/"), looks = 0;

    if (from)
        return mount_from(request, from, digest);
    node_each(
        one,
        index_all(request->http->arena,
                  request->registry->store)) if (strcspn(one->key, "/") == len &&
                                                 !strncmp(one->key, request->repository, len) &&
                                                 looks++ < MOUNT_LOOKS &&
                                                 mount_from(request, one->key, digest)) return true;
    return false;
}

static void handle_post(struct registry_request *request)
{
    const char *wanted = http_request_query(request->http, "mount");
    const char *digest = http_request_query(request->http, "digest");
    const char *algorithm = http_request_query(request->http, "digest-algorithm");
    struct upload *upload;

    if ((wanted && !pki_digest_is_valid(wanted)) || (digest && !pki_digest_is_valid(digest))) {
        refuse_digest(request->http, wanted ? wanted : digest);
        return;
    }
    if (algorithm && !pki_digest_is_algorithm(algorithm)) {
        registry_reply_error(request->http, 400, "DIGEST_INVALID",
                             "?digest-algorithm=%.50s: this registry "
                             "knows sha256 and sha512",
                             algorithm);
        return;
    }
    if (wanted && mount_blob(request, wanted))
        return;
    upload = begin_upload(request->registry, request->repository);
    if (!upload)
        refuse_more(request->http);
    else if (digest)
        take_upload_body(request, upload, digest);
    else
        send_progress(request->http, 202, upload);
}

/* A piece must start where the upload ends, as distribution-spec demands. */
static bool check_upload_range(struct registry_request *request, const struct upload *upload)
{
    const char *range = http_request_header(request->http, "content-range");
    int64_t from = 0, to = 0;

    if (range && !parse_content_range(range, &from, &to)) {
        registry_reply_error(request->http, 400, "BLOB_UPLOAD_INVALID",
                             "Content-Range \"%.100s\" is not "
                             "START-END, the first and the last byte",
                             range);
        return false;
    }
    if (!upload->busy && (!range || (uint64_t)from == upload->bytes.len))
        return true;
    add_progress_headers(request->http, upload);
    registry_reply_error(request->http, 416, "BLOB_UPLOAD_INVALID",
                         "the upload continues at byte %zu%s", upload->bytes.len,
                         upload->busy ? ", and another request writes to it" : "");
    return false;
}

void serve_upload(struct registry_request *request)
{
    struct upload *upload = find_upload(request->registry, request->repository, request->reference);
    const char *digest = http_request_query(request->http, "digest");
    const char *method = request->method;

    if (!strcmp(method, "POST") && !*request->reference) {
        handle_post(request);
    } else if (!upload) {
        registry_reply_error(request->http, 404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload");
    } else if (!strcmp(method, "GET")) {
        send_progress(request->http, 204, upload);
    } else if (!strcmp(method, "DELETE")) {
        drop_upload(request->registry, upload);
        http_respond(request->http, 204, NULL, NULL, 0);
    } else if (strcmp(method, "PATCH") && strcmp(method, "PUT")) {
        registry_reply_error(request->http, 405, "UNSUPPORTED", "%s is not possible here", method);
    } else if (!strcmp(method, "PUT") && (!digest || !pki_digest_is_valid(digest))) {
        refuse_digest(request->http, digest);
    } else if (check_upload_range(request, upload)) {
        take_upload_body(request, upload, !strcmp(method, "PATCH") ? "" : digest);
    }
}
