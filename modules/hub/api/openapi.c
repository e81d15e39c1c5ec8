/* SPDX-License-Identifier: Apache-2.0 */
/* Serves the schemas of all kinds as OpenAPI v3, each document under its hash. */
#include "api/internal.h"

#include "base/map.h"
#include "base/text.h"
#include "document/document.h"

#include <string.h>

#define OPENAPI_V2_TYPE "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
#define METADATA "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

static const char *openapi_group_path(struct arena *arena, const struct kind *kind)
{
    return *kind->group ? arena_printf(arena, "apis/%s", kind->api_version)
                        : arena_printf(arena, "api/%s", kind->version);
}

static struct node *openapi_document(struct arena *arena, const struct api *api, const char *path);

/*
 * The hash of a group version's document, made once, because kinds do not change while the
 * hub runs.
 */
static const char *openapi_document_hash(struct api *api, const char *path)
{
    const char *known = map_get(api->hashes, path);
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text out = {0};
    char *made;

    if (known)
        return known;
    document_write_json(&out, openapi_document(arena, api, path));
    made = mem_copy_string(discovery_hash(arena, out.bytes, out.len));
    map_put(api->hashes, path, made);
    return made;
}

static struct node *openapi_index(struct arena *arena, struct api *api)
{
    struct node *made = node_map(arena);
    struct node *paths = node_make(arena, made, "paths");

    for (size_t i = 0; i < kinds_count(api->kinds); i++) {
        const struct kind *kind = kinds_at(api->kinds, i);
        const char *path = openapi_group_path(arena, kind);

        if (discovery_is_new_version(api->kinds, i))
            node_set(arena, node_make(arena, paths, path), "serverRelativeURL",
                     node_format(arena, "/openapi/v3/%s?hash=%s", path,
                                 openapi_document_hash(api, path)));
    }
    return made;
}

static const char *schema_name(struct arena *arena, const struct kind *kind)
{
    scoped_text struct text name = {0};
    char *group = arena_string(arena, *kind->group ? kind->group : "core.api.k8s.io");

    /* Reverses the group as Kubernetes does: dev.axle.v1alpha1.AIWorkload. */
    for (char *dot; (dot = strrchr(group, '.')); *dot = '\0')
        text_addf(&name, "%s.", dot + 1);
    text_addf(&name, "%s.%s.%s", group, kind->version, kind->kind);
    return arena_string(arena, text_string(&name));
}

static struct node *make_parameter(struct arena *arena, const char *name)
{
    struct node *made = node_map(arena);

    node_set_text(arena, made, "name", name);
    node_set_text(arena, made, "in", "query");
    node_set_text(arena, node_make(arena, made, "schema"), "type", "string");
    return made;
}

static struct node *make_operation(struct arena *arena, const struct kind *kind, const char *action)
{
    static const char *const parameters[] = {"dryRun", "fieldManager", "fieldValidation"};
    struct node *made = node_map(arena);
    struct node *list = node_make_list(arena, made, "parameters");
    struct node *response;

    node_set_text(arena, made, "x-kubernetes-action", action);
    node_set(arena, made, "x-kubernetes-group-version-kind",
             discovery_response_kind(arena, kind->group, kind->version, kind->kind));
    for (size_t i = 0; i < count_of(parameters); i++)
        node_add(arena, list, make_parameter(arena, parameters[i]));
    response = node_make(arena, node_make(arena, made, "responses"), "200");
    node_set_text(arena, response, "description", "OK");
    return made;
}

/* All kinds refer to one schema for metadata. */
static struct node *with_metadata(struct arena *arena, const struct node *schema)
{
    struct node *made = node_share(arena, schema);
    struct node *properties = node_share(arena, node_get(schema, "properties"));
    struct node *metadata = node_map(arena), *reference = node_map(arena);

    node_set_text(arena, reference, "$ref", "#/components/schemas/" METADATA);
    node_set(arena, metadata, "default", node_map(arena));
    node_set_text(arena, metadata, "description",
                  node_get_text(node_get(properties, "metadata"), "description"));
    node_add(arena, node_make_list(arena, metadata, "allOf"), reference);
    node_set(arena, properties, "metadata", metadata);
    node_set(arena, made, "properties", properties);
    return made;
}

static void add_openapi_kind(struct arena *arena, struct node *paths, struct node *schemas,
                             const struct kind *kind)
{
    static const struct {
        const char *method, *action;
        enum kind_verb verb;
        bool named;
    } operations[] = {
        {"get", "list", KIND_LIST, false},    {"post", "post", KIND_CREATE, false},
        {"get", "get", KIND_GET, true},       {"put", "put", KIND_UPDATE, true},
        {"patch", "patch", KIND_PATCH, true}, {"delete", "delete", KIND_DELETE, true},
    };
    const char *many =
        arena_printf(arena, "/%s%s/%s", openapi_group_path(arena, kind),
                     kind->namespaced ? "/namespaces/{namespace}" : "", kind->plural);
    const char *one = arena_printf(arena, "%s/{name}", many);

    for (size_t i = 0; i < count_of(operations); i++) {
        if (kind->verbs & operations[i].verb)
            node_set(arena, node_make(arena, paths, operations[i].named ? one : many),
                     operations[i].method, make_operation(arena, kind, operations[i].action));
    }
    node_set(arena, schemas, schema_name(arena, kind), with_metadata(arena, kind->openapi));
}

static struct node *openapi_document(struct arena *arena, const struct api *api, const char *path)
{
    struct node *made = node_map(arena);
    struct node *info = node_map(arena);
    struct node *paths = node_map(arena);
    struct node *schemas = node_map(arena);

    for (size_t i = 0; i < kinds_count(api->kinds); i++) {
        const struct kind *kind = kinds_at(api->kinds, i);

        if (strcmp(openapi_group_path(arena, kind), path) == 0)
            add_openapi_kind(arena, paths, schemas, kind);
    }
    if (!node_count(schemas))
        return NULL;
    node_set(arena, schemas, METADATA, (struct node *)kinds_metadata(api->kinds));
    node_set_text(arena, info, "title", "Axle");
    node_set_text(arena, info, "version", api->git_version);
    node_set_text(arena, made, "openapi", "3.0.0");
    node_set(arena, made, "info", info);
    node_set(arena, made, "paths", paths);
    node_set(arena, node_make(arena, made, "components"), "schemas", schemas);
    return made;
}

/* ---- Answers ------------------------------------------------------------- */

/*
 * Serves one group version's document. A request with an old hash is redirected to the
 * current one.
 */
static void respond_document(struct api *api, struct http_request *request, const char *path)
{
    const char *wanted = http_request_query(request, "hash");
    struct node *made = openapi_document(request->arena, api, path);
    const char *hash;

    if (!made) {
        reply_nothing_there(request);
        return;
    }
    hash = openapi_document_hash(api, path);
    if (wanted && strcmp(wanted, hash) != 0) {
        http_response_header(request, "Location",
                             arena_printf(request->arena, "/openapi/v3/%s?hash=%s", path, hash));
        http_respond(request, 301, NULL, NULL, 0);
        return;
    }
    http_response_header(request, "Vary", "Accept");
    if (wanted)
        http_response_header(request, "Cache-Control",
                             "public, max-age=31536000, "
                             "immutable");
    if (!reply_known(request, hash))
        reply_node(request, 200, made);
}

void openapi_handle(struct api *api, struct http_request *request)
{
    static const char prefix[] = "/openapi/v3/";
    const char *which = request->segment_count > 1 ? request->segments[1] : "";

    if (text_same(which, "v3") && request->segment_count == 2)
        reply_node(request, 200, openapi_index(request->arena, api));
    else if (text_starts(request->path, prefix))
        respond_document(api, request, request->path + strlen(prefix));
    /* kubectl accepts an empty document of this media type. */
    else if (text_same(which, "v2") && request->segment_count == 2)
        http_respond(request, 200, OPENAPI_V2_TYPE, "", 0);
    else
        reply_nothing_there(request);
}
