/* SPDX-License-Identifier: Apache-2.0 */
/* Accepts manifests, byte for byte, once everything that they name is stored. */
#include "registry/serve.h"

#include "base/object.h"
#include "document/document.h"
#include "http/http.h"
#include "pki/pki.h"
#include "registry/index.h"
#include "store/store.h"

#include <string.h>

struct push {
    struct registry *registry;
    const char *repository, *reference, *type; /* in the request's arena */
};

/* [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127} */
static bool is_tag(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t len = strlen(text);

    return len && len <= 128 && strspn(text, letters) == len && *text != '.' && *text != '-';
}

/* The check whether everything that a manifest names is in its repository. */
struct needs {
    const struct push *push;
    const struct node *index;
    const char *lacking; /* the first digest that is not there */
};

static bool check_named(void *arg, const char *digest, bool foreign)
{
    struct needs *needs = arg;
    const struct node *index = needs->index;

    if (foreign || ((node_get(node_get(index, "manifests"), digest) ||
                     node_get(node_get(index, "blobs"), digest)) &&
                    store_blob_size(needs->push->registry->store, digest) >= 0))
        return true;
    needs->lacking = digest;
    return false;
}

/* The type of the request's header, otherwise the manifest's own. */
static const char *manifest_type_of(const struct push *push, const struct node *manifest)
{
    const char *own = node_get_text(manifest, "mediaType");

    return *push->type ? push->type : *own ? own : "application/vnd.oci.image.manifest.v1+json";
}

/* The manifest's own type, which a list of referrers shows for it. */
#define MOST_TYPE ((size_t)255)

static int check_pushed_manifest(const struct push *push, const struct node *manifest,
                                 struct err *err)
{
    const struct node *subject = node_get(manifest, "subject");
    const char *type = manifest_type_of(push, manifest);

    if (!registry_type_is_manifest(type))
        return err_set(
            err, ERR_INVALID,
            "\"%.100s\" is not the media type of a manifest, which is application/json or "
            "application/…+json",
            type);
    if (strlen(node_get_text(manifest, "artifactType")) > MOST_TYPE)
        return err_set(err, ERR_INVALID, "its artifactType has more than %zu bytes", MOST_TYPE);
    if (subject && !pki_digest_is_valid(node_get_text(subject, "digest")))
        return err_set(err, ERR_INVALID,
                       "its subject's digest \"%.150s\" is neither sha256: "
                       "and 64 nor sha512: and 128 lower-case hex digits",
                       node_get_text(subject, "digest"));
    return 0;
}

/* Refuses to move a tag away from a manifest that the hub made: works of spokes
   refer to it. */
static int check_tag(const struct push *push, const struct node *index, const char *digest,
                     struct err *err)
{
    const char *old = node_get_text(node_get(index, "tags"), push->reference);

    if (strcmp(old, digest) && node_get(node_get(index, "kept"), old))
        return err_set(err, ERR_FORBIDDEN,
                       "the tag %s of %s names an artifact that the hub made: use another tag",
                       push->reference, push->repository);
    return index_check_room(index, push->repository, err);
}

static void set_tag(struct arena *arena, struct node *index, const char *tag, const char *digest)
{
    struct node *tags = node_make(arena, index, "tags");

    if (!strcmp(node_get_text(tags, tag), digest))
        return;
    /* Tags stand in the order in which they were set. */
    node_remove(tags, tag);
    node_set_text(arena, tags, tag, digest);
}

static void store_manifest(struct push *push, struct http_request *request, struct node *index,
                           const struct node *manifest, const char *digest, const char *bytes,
                           size_t len)
{
    struct store *store = push->registry->store;
    const char *subject = node_get_text(node_get(manifest, "subject"), "digest");
    struct arena *arena = request->arena;

    if (store_blob_size(store, digest) < 0)
        store_blob_put(store, digest, bytes, len);
    index_set_subject(arena, index_subjects(arena, store, index), digest, manifest);
    node_set_text(arena, node_make(arena, index, "manifests"), digest,
                  manifest_type_of(push, manifest));
    if (!pki_digest_is_valid(push->reference))
        set_tag(arena, index, push->reference, digest);
    index_write(arena, store, push->repository, index);
    if (*subject)
        http_response_header(request, "OCI-Subject", subject);
    registry_reply_created(push->registry, request,
                           arena_printf(arena, "/v2/%s/manifests/%s", push->repository, digest),
                           digest);
}

/* Stores the manifest if everything that it names is there and the repository has
   room for it. */
static void admit_manifest(struct push *push, struct http_request *request,
                           const struct node *manifest, const char *digest, const char *bytes,
                           size_t len)
{
    struct registry *registry = push->registry;
    struct node *index = index_read(request->arena, registry->store, push->repository);
    struct needs needs = {push, index, NULL};
    struct err err = {0};

    if (check_pushed_manifest(push, manifest, &err) < 0)
        registry_reply_error(request, 400, "MANIFEST_INVALID", "%s", err.text);
    else if (!index_each_named(manifest, check_named, &needs))
        registry_reply_error(request, 400, "MANIFEST_BLOB_UNKNOWN",
                             pki_digest_is_valid(needs.lacking)
                                 ? "push %.150s first"
                                 : "\"%.150s\" is neither a sha256 nor a sha512 digest",
                             needs.lacking);
    else if (check_tag(push, index, digest, &err) < 0 ||
             store_check_room(registry->store, &err) < 0 ||
             store_check_backlog(registry->store, &err) < 0)
        registry_reply_refused(request, &err);
    /* A damaged copy is removed, so that this push replaces it. */
    else if (store_blob_size(registry->store, digest) >= 0 &&
             verify_blob(registry, push->repository, digest, &err) < 0 &&
             store_blob_size(registry->store, digest) >= 0)
        registry_reply_error(request, err_http(err.code), "UNKNOWN", "%s", err.text);
    else
        store_manifest(push, request, index, manifest, digest, bytes, len);
}

/* Manifests come from outside: their depth is limited here, their size by the
   settings before they are read. */
static const struct document_limits limits = {
    .bytes = SIZE_MAX / 2,
    .depth = 128,
    .any_integer = true,
};

static void on_manifest(struct http_request *request, const char *bytes, size_t len, void *arg)
{
    struct push *push = arg;
    char digest[PKI_DIGEST_MOST];
    const struct node *manifest;
    struct err err = {0};

    (void)object_from(registry, REGISTRY_TAG, push->registry);
    if (store_check_read(push->registry->store, &err) < 0) {
        registry_reply_refused(request, &err);
        return;
    }
    pki_digest_of(push->reference, bytes, len, digest);
    manifest = document_read_json(request->arena, bytes, len, &limits, &err);
    if (!node_is(manifest, NODE_MAP))
        registry_reply_error(request, 400, "MANIFEST_INVALID", "%s",
                             err.code ? err.text : "a manifest is a JSON object");
    else if (pki_digest_is_valid(push->reference) && strcmp(push->reference, digest))
        registry_reply_error(request, 400, "DIGEST_INVALID",
                             "the manifest has the digest "
                             "%s",
                             digest);
    else
        admit_manifest(push, request, manifest, digest, bytes, len);
}

void serve_manifest_put(struct registry_request *request)
{
    struct arena *arena = request->http->arena;
    const char *type = http_request_header(request->http, "content-type");
    size_t most = request->registry->settings.most_manifest;
    struct push *push = arena_alloc(arena, sizeof *push);

    if (strchr(request->reference, ':') ? !pki_digest_is_valid(request->reference)
                                        : !is_tag(request->reference)) {
        registry_reply_error(request->http, 400,
                             strchr(request->reference, ':') ? "DIGEST_INVALID"
                                                             : "MANIFEST_INVALID",
                             "\"%.150s\" is neither a tag nor a sha256 or sha512 "
                             "digest",
                             request->reference);
        return;
    }
    if (request->http->body_length > (int64_t)most) {
        registry_reply_error(request->http, 413, "SIZE_INVALID",
                             "a manifest may have %zu bytes, not "
                             "%lld",
                             most, (long long)request->http->body_length);
        return;
    }
    *push = (struct push){request->registry, request->repository,
                          arena_string(arena, request->reference),
                          type ? arena_bytes(arena, type, strcspn(type, "; \t")) : ""};
    http_body_whole(request->http, most, on_manifest, push);
}
