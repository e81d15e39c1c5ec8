/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REGISTRY_SERVE_H
#define REGISTRY_SERVE_H

#include "base/err.h"
#include "registry/registry.h"

struct http_request;

struct map;
struct node;
struct upload;
struct registry {
    uint32_t tag;
    struct store *store;
    struct registry_settings settings;
    struct upload *uploads; /* a list; few at a time */
    size_t upload_count;
    bool freed;
    struct map *verified; /* owned: digests of blobs that were found whole */
};
#define REGISTRY_TAG 0x52656769u

/* One request, taken apart. */
struct registry_request {
    struct registry *registry;
    struct http_request *http;
    const char *repository;
    const char *what;      /* "manifests", "blobs", "uploads", "tags", … */
    const char *reference; /* digest, tag, upload's id, or "" */
    const char *method;
};

/* ---- reply.c ---- */

/* The headers of every response of the registry. */
void registry_reply_headers(struct http_request *request);
/* Sends the status, location and digest once everything staged is on disk. */
void registry_reply_when_durable(struct registry *registry, struct http_request *request,
                                 int status, const char *location, const char *digest);
/* An error in the specification's form. */
void registry_reply_error(struct http_request *request, int status, const char *code,
                          const char *format, ...) PRINTF(4, 5);
/* The hub has no room, or the disk cannot keep up: with which status, and when to try again. */
void registry_reply_refused(struct http_request *request, const struct err *err);
void registry_reply_json(struct http_request *request, const char *type, const struct node *body);
/* 400: the reference has the form of a digest but is not a valid one. */
void registry_reply_not_a_digest(struct registry_request *request);
/* GET …/tags/list, …/referrers/DIGEST and /v2/_catalog (list.c). */
void list_tags(struct registry_request *request);
void list_referrers(struct registry_request *request);
void list_repositories(struct registry_request *request);
/* POST, PATCH, PUT, GET, DELETE below …/blobs/uploads/ (upload.c). */
void serve_upload(struct registry_request *request);
/* PUT …/manifests/REFERENCE (push.c). */
void serve_manifest_put(struct registry_request *request);
/* verify.c: compares a blob with its digest, once. A damaged one is logged,
   removed, and made again if the hub rendered it. */
int verify_blob(struct registry *registry, const char *repository, const char *digest,
                struct err *err) MUST_CHECK;
/* A blob that the index names is missing: logged, and made again as above. */
void verify_missing(struct registry *registry, const char *repository, const char *digest);
void verify_forget(struct registry *registry, const char *digest);
void uploads_free(struct registry *registry);
/* Sends 201 once everything staged is on disk. */
void registry_reply_created(struct registry *registry, struct http_request *request,
                            const char *location, const char *digest);

#endif
