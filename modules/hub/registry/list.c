/* SPDX-License-Identifier: Apache-2.0 */
/* Lists tags, repositories and referrers page by page. */
#include "registry/serve.h"

#include "base/text.h"
#include "document/document.h"
#include "http/http.h"
#include "pki/pki.h"
#include "registry/index.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
/* The size of a page of repositories if the client names none or a larger one. */
#define CATALOG_PAGE 1000
/* The size of a page of referrers: a number of them, or of bytes of their manifests. */
#define REFERRERS_PAGE 1000
#define REFERRERS_BYTES ((int64_t)4 << 20)

static int compare_tags(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of a map, in order. */
static const char **sorted_keys(struct arena *arena, const struct node *map)
{
    const char **keys = arena_alloc(arena, (node_count(map) + 1) * sizeof *keys);
    size_t count = 0;

    node_each(member, map) keys[count++] = member->key;
    qsort(keys, count, sizeof *keys, compare_tags);
    return keys;
}

/* Reads ?n=, -1 if it is absent. False: an error was sent. */
static bool read_page_size(struct http_request *request, long long *ret)
{
    const char *n = http_request_query(request, "n");

    *ret = -1;
    if (!n || (text_to_int(n, ret) && *ret >= 0))
        return true;
    registry_reply_error(request, 400, "PAGINATION_NUMBER_INVALID",
                         "n is \"%.50s\", and must be a "
                         "number of at least 0",
                         n);
    return false;
}

void list_tags(struct registry_request *request)
{
    struct http_request *http = request->http;
    struct arena *arena = http->arena;
    const struct node *index = index_read(arena, request->registry->store, request->repository);
    const struct node *tags = node_get(index, "tags");
    const char *last = http_request_query(http, "last");
    const char **names = sorted_keys(arena, tags);
    struct node *body = node_map(arena), *list;
    long long most;

    if (!node_count(index)) {
        registry_reply_error(http, 404, "NAME_UNKNOWN", "there is no repository %s",
                             request->repository);
        return;
    }
    if (!read_page_size(http, &most))
        return;
    node_set_text(arena, body, "name", request->repository);
    list = node_make_list(arena, body, "tags");
    for (size_t i = 0; i < node_count(tags) && most; i++) {
        if (last && strcmp(names[i], last) <= 0)
            continue;
        if (most >= 0 && (long long)node_count(list) == most) {
            http_response_header(http, "Link",
                                 arena_printf(arena,
                                              "</v2/%s/tags/list?n=%lld&last=%s>; rel=\"next\"",
                                              request->repository, most,
                                              node_text(node_item(list, (size_t)most - 1))));
            break;
        }
        node_add(arena, list, node_string(arena, names[i]));
    }
    registry_reply_json(http, "application/json", body);
}

/* Lists only repositories that the client may pull from. */
void list_repositories(struct registry_request *request)
{
    const struct registry_settings *settings = &request->registry->settings;
    struct http_request *http = request->http;
    struct arena *arena = http->arena;
    const struct node *all = index_all(arena, request->registry->store);
    const char **names = sorted_keys(arena, all);
    const char *last = http_request_query(http, "last");
    struct node *body = node_map(arena);
    struct node *list = node_make_list(arena, body, "repositories");
    long long most;

    if (!read_page_size(http, &most))
        return;
    if (most < 0 || most > CATALOG_PAGE)
        most = CATALOG_PAGE;
    for (size_t i = 0; i < node_count(all) && most; i++) {
        if ((last && strcmp(names[i], last) <= 0) ||
            !settings->authorise(settings->arg, http, REGISTRY_PULL, names[i], NULL))
            continue;
        if ((long long)node_count(list) == most) {
            http_response_header(http, "Link",
                                 arena_printf(arena, "</v2/_catalog?n=%lld&last=%s>; rel=\"next\"",
                                              most, node_text(node_item(list, (size_t)most - 1))));
            break;
        }
        node_add(arena, list, node_string(arena, names[i]));
    }
    registry_reply_json(http, "application/json", body);
}

/* ---- Referrers ---------------------------------------------------------------- */

static void add_descriptor(struct registry_request *request, struct node *list,
                           const struct node *index, const char *digest, const char *artifact)
{
    struct arena *arena = request->http->arena;
    const struct node *manifest = index_manifest(arena, request->registry->store, digest);
    const struct node *notes = node_get(manifest, "annotations");
    struct node *one = node_map(arena);

    node_set_text(arena, one, "mediaType", node_get_text(node_get(index, "manifests"), digest));
    node_set_text(arena, one, "digest", digest);
    node_set_int(arena, one, "size", store_blob_size(request->registry->store, digest));
    if (*artifact)
        node_set_text(arena, one, "artifactType", artifact);
    if (notes)
        node_set(arena, one, "annotations", (struct node *)notes);
    node_add(arena, list, one);
}

/* A Link header to the next page, which begins after `last` (RFC 5988). */
static void add_next_link(struct registry_request *request, const char *last, const char *filter)
{
    struct arena *arena = request->http->arena;
    scoped_text struct text escaped = {0};

    if (filter)
        http_escape(&escaped, filter);
    http_response_header(request->http, "Link",
                         arena_printf(arena, "</v2/%s/referrers/%s?last=%s%s%s>; rel=\"next\"",
                                      request->repository, request->reference, last,
                                      filter ? "&artifactType=" : "", text_string(&escaped)));
}

static struct node *referrers_page(struct registry_request *request, struct node *index,
                                   const char *filter)
{
    struct arena *arena = request->http->arena;
    const struct node *subjects = index_subjects(arena, request->registry->store, index);
    const char **digests = sorted_keys(arena, subjects);
    const char *last = http_request_query(request->http, "last"), *shown = NULL;
    struct node *list = node_list(arena);
    int64_t bytes = 0;

    for (size_t i = 0; i < node_count(subjects); i++) {
        const struct node *entry = node_get(subjects, digests[i]);
        const char *artifact = node_get_text(entry, "artifactType");
        int64_t size = store_blob_size(request->registry->store, digests[i]);

        if ((last && strcmp(digests[i], last) <= 0) || size < 0 ||
            strcmp(node_get_text(entry, "subject"), request->reference) != 0 ||
            (filter && strcmp(artifact, filter) != 0))
            continue;
        if (shown && (bytes + size > REFERRERS_BYTES || node_count(list) == REFERRERS_PAGE)) {
            add_next_link(request, shown, filter);
            break;
        }
        bytes += size;
        shown = digests[i];
        add_descriptor(request, list, index, shown, artifact);
    }
    return list;
}

/* distribution-spec: the response is never 404; a repository that does not exist
   has no referrers. */
void list_referrers(struct registry_request *request)
{
    struct arena *arena = request->http->arena;
    struct node *index = index_read(arena, request->registry->store, request->repository);
    const char *filter = http_request_query(request->http, "artifactType");
    struct node *body = node_map(arena);

    if (!pki_digest_is_valid(request->reference)) {
        registry_reply_not_a_digest(request);
        return;
    }
    if (filter && !*filter)
        filter = NULL;
    node_set_int(arena, body, "schemaVersion", 2);
    node_set_text(arena, body, "mediaType", INDEX_TYPE);
    node_set(arena, body, "manifests", referrers_page(request, index, filter));
    if (filter)
        http_response_header(request->http, "OCI-Filters-Applied", "artifactType");
    registry_reply_json(request->http, INDEX_TYPE, body);
}
