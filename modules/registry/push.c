/* SPDX-License-Identifier: Apache-2.0 */
/* Takes manifests in, byte for byte, once everything they name is there. */
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

    return len && len <= 128 && strspn(text, letters) == len &&
           *text != '.' && *text != '-';
}

/* NULL, or the digest of something named here that the repository lacks. */
static const char *missing(const struct push *push, const struct node *manifest)
{
    static const char *const lists[] = { "layers", "blobs", "manifests" };
    const char *config = node_get_text(node_get(manifest, "config"), "digest");
    struct store *store = push->registry->store;

    if (*config && !registry_has(store, push->repository, config))
        return config;
    for (size_t k = 0; k < count_of(lists); k++) {
        const struct node *list = node_get(manifest, lists[k]);

        for (size_t i = 0; i < node_count(list); i++) {
            const char *digest = node_get_text(node_item(list, i), "digest");

            if (!registry_has(store, push->repository, digest))
                return digest;
        }
    }
    return NULL;
}

/* What the client says it is, or what the manifest says. */
static const char *type_of(const struct push *push, const struct node *manifest)
{
    const char *own = node_get_text(manifest, "mediaType");

    return *push->type ? push->type
           : *own      ? own
                       : "application/vnd.oci.image.manifest.v1+json";
}

static void keep(struct push *push, struct http_request *request,
                 const struct node *manifest, const char *digest,
                 const char *bytes, size_t len)
{
    bool tagged = !registry_digest_is_valid(push->reference);
    const char *subject = node_get_text(node_get(manifest, "subject"), "digest");
    const struct registry_blob blob = {digest, type_of(push, manifest), bytes, len};

    struct err err = {0};

    if (store_check_room(push->registry->store, &err) < 0) {
        serve_error(request, err_http(err.code), "DENIED", "%s", err.text);
        return;
    }
    /* One that is damaged is removed, and this push heals it. */
    if (store_blob_size(push->registry->store, digest) >= 0 &&
        verify_blob(push->registry, push->repository, digest, &err) < 0 &&
        store_blob_size(push->registry->store, digest) >= 0) {
        serve_error(request, err_http(err.code), "UNKNOWN", "%s", err.text);
        return;
    }
    registry_keep(push->registry->store, push->repository,
                  tagged ? push->reference : NULL, &blob, NULL, 0);
    if (*subject)
        http_answer_header(request, "OCI-Subject", subject);
    serve_created(push->registry, request,
                  arena_printf(request->arena, "/v2/%s/manifests/%s",
                               push->repository, digest), digest);
}

static void on_manifest(struct http_request *request, const char *bytes,
                        size_t len, void *arg)
{
    struct push *push = arg;
    unsigned char sum[PKI_SHA256];
    char digest[PKI_DIGEST_TEXT];
    const struct node *manifest;
    const char *lacking;
    struct err err = { 0 };

    (void)object_from(registry, REGISTRY_TAG, push->registry);
    pki_sha256(bytes, len, sum);
    pki_digest_text(sum, digest);
    manifest = document_read_json(request->arena, bytes, len,
                                  &document_limits_api, &err);
    if (!node_is(manifest, NODE_MAP))
        serve_error(request, 400, "MANIFEST_INVALID", "%s", err.code ? err.text
                    : "a manifest is a JSON object");
    else if (registry_digest_is_valid(push->reference) &&
             strcmp(push->reference, digest))
        serve_error(request, 400, "DIGEST_INVALID", "the manifest has the digest "
                    "%s", digest);
    else if (!registry_type_is_manifest(type_of(push, manifest)))
        serve_error(request, 400, "MANIFEST_INVALID", "\"%.100s\" is no type of a manifest: it "
                    "is application/json or application/…+json", type_of(push, manifest));
    else if ((lacking = missing(push, manifest)))
        serve_error(request, 400, "MANIFEST_BLOB_UNKNOWN", "push %.80s first",
                    lacking);
    else
        keep(push, request, manifest, digest, bytes, len);
}

void serve_manifest_put(struct ask *ask)
{
    struct arena *arena = ask->request->arena;
    const char *type = http_request_header(ask->request, "content-type");
    struct push *push = arena_alloc(arena, sizeof *push);

    if (!registry_digest_is_valid(ask->reference) && !is_tag(ask->reference)) {
        serve_error(ask->request, 400, "MANIFEST_INVALID", "\"%.130s\" is neither "
                    "tag nor digest", ask->reference);
        return;
    }
    *push = (struct push) { ask->registry, ask->repository,
                            arena_string(arena, ask->reference),
                            type ? arena_bytes(arena, type, strcspn(type, "; \t")) : "" };
    http_body_whole(ask->request, ask->registry->settings.most_manifest,
                    on_manifest, push);
}
