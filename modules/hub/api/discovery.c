/* SPDX-License-Identifier: Apache-2.0 */
/* Serves discovery: groups, versions, kinds, and the server's version. */
#include "api/internal.h"

#include "base/text.h"
#include "document/document.h"
#include "pki/pki.h"

#include <string.h>

static const struct {
    const char *word;
    enum kind_verb verb;
} verb_names[] = {
    {"create", KIND_CREATE}, {"delete", KIND_DELETE}, {"deletecollection", KIND_DELETECOLLECTION},
    {"get", KIND_GET},       {"list", KIND_LIST},     {"patch", KIND_PATCH},
    {"update", KIND_UPDATE}, {"watch", KIND_WATCH},
};

/* A hash of the content in hexadecimal digits, for ETags. */
const char *discovery_hash(struct arena *arena, const void *bytes, size_t len)
{
    unsigned char digest[PKI_SHA256];
    scoped_text struct text out = {0};

    pki_sha256(bytes, len, digest);
    text_add_hex(&out, digest, sizeof digest / 2);
    return arena_string(arena, text_string(&out));
}

static struct node *verbs_node(struct arena *arena, unsigned verbs)
{
    struct node *list = node_list(arena);

    for (size_t i = 0; i < count_of(verb_names); i++) {
        if (verbs & verb_names[i].verb)
            node_add(arena, list, node_string(arena, verb_names[i].word));
    }
    return list;
}

static void set_words(struct arena *arena, struct node *map, const char *key,
                      const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        node_add(arena, node_make_list(arena, map, key), node_string(arena, words[i]));
}

static struct node *make_discovery_document(struct arena *arena, const char *kind,
                                            const char *api_version)
{
    struct node *made = node_map(arena);

    node_set_text(arena, made, "kind", kind);
    if (api_version)
        node_set_text(arena, made, "apiVersion", api_version);
    return made;
}

/* ---- Plain --------------------------------------------------------------- */

static struct node *core_versions(struct arena *arena)
{
    struct node *made = make_discovery_document(arena, "APIVersions", NULL);

    node_add(arena, node_make_list(arena, made, "versions"), node_string(arena, "v1"));
    node_set(arena, made, "serverAddressByClientCIDRs", node_list(arena));
    return made;
}

static struct node *version_node(struct arena *arena, const struct kind *kind)
{
    struct node *made = node_map(arena);

    node_set_text(arena, made, "groupVersion", kind->api_version);
    node_set_text(arena, made, "version", kind->version);
    return made;
}

/*
 * Rows are sorted by group and version, so a new version begins where a row differs from
 * the one before.
 */
bool discovery_is_new_version(const struct kinds *kinds, size_t i)
{
    const struct kind *before = i ? kinds_at(kinds, i - 1) : NULL;

    return !before || strcmp(before->api_version, kinds_at(kinds, i)->api_version) != 0;
}

static struct node *group_list(struct arena *arena, const struct kinds *kinds, const char *only)
{
    struct node *made = make_discovery_document(arena, "APIGroupList", "v1");
    struct node *groups = node_make_list(arena, made, "groups");
    struct node *group = NULL;

    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);

        if (!*kind->group || !discovery_is_new_version(kinds, i) ||
            (only && strcmp(only, kind->group) != 0))
            continue;
        if (!group || strcmp(node_get_text(group, "name"), kind->group) != 0) {
            group = node_map(arena);
            node_set_text(arena, group, "name", kind->group);
            node_make_list(arena, group, "versions");
            node_set(arena, group, "preferredVersion", version_node(arena, kind));
            node_add(arena, groups, group);
        }
        node_add(arena, node_get(group, "versions"), version_node(arena, kind));
    }
    return made;
}

static void add_resource(struct arena *arena, struct node *list, const struct kind *kind)
{
    struct node *made = node_map(arena);

    node_set_text(arena, made, "name", kind->plural);
    node_set_text(arena, made, "singularName", kind->singular);
    node_set_bool(arena, made, "namespaced", kind->namespaced);
    node_set_text(arena, made, "kind", kind->kind);
    node_set(arena, made, "verbs", verbs_node(arena, kind->verbs));
    set_words(arena, made, "shortNames", kind->short_names);
    set_words(arena, made, "categories", kind->categories);
    node_add(arena, list, made);
    for (size_t i = 0; i < kind->subresource_count; i++) {
        const struct kind_subresource *from = &kind->subresources[i];
        struct node *sub = node_map(arena);

        node_set(arena, sub, "name", node_format(arena, "%s/%s", kind->plural, from->name));
        node_set_text(arena, sub, "singularName", "");
        node_set_bool(arena, sub, "namespaced", kind->namespaced);
        if (strcmp(from->group, kind->group) != 0 || strcmp(from->version, kind->version) != 0) {
            node_set_text(arena, sub, "group", from->group);
            node_set_text(arena, sub, "version", from->version);
        }
        node_set_text(arena, sub, "kind", from->kind);
        node_set(arena, sub, "verbs", verbs_node(arena, from->verbs));
        node_add(arena, list, sub);
    }
}

static struct node *resource_list(struct arena *arena, const struct kinds *kinds, const char *group,
                                  const char *version)
{
    struct node *made = make_discovery_document(arena, "APIResourceList", "v1");
    struct node *list;
    bool any = false;

    node_set(arena, made, "groupVersion",
             *group ? node_format(arena, "%s/%s", group, version) : node_string(arena, version));
    list = node_make_list(arena, made, "resources");
    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);

        if (strcmp(kind->group, group) != 0 || strcmp(kind->version, version) != 0)
            continue;
        add_resource(arena, list, kind);
        any = true;
    }
    return any ? made : NULL;
}

/* ---- Aggregated ---------------------------------------------------------- */

struct node *discovery_response_kind(struct arena *arena, const char *group, const char *version,
                                     const char *kind)
{
    struct node *made = node_map(arena);

    node_set_text(arena, made, "group", group);
    node_set_text(arena, made, "version", version);
    node_set_text(arena, made, "kind", kind);
    return made;
}

static struct node *aggregated_resource(struct arena *arena, const struct kind *kind)
{
    struct node *made = node_map(arena);

    node_set_text(arena, made, "resource", kind->plural);
    node_set(arena, made, "responseKind",
             discovery_response_kind(arena, kind->group, kind->version, kind->kind));
    node_set_text(arena, made, "scope", kind->namespaced ? "Namespaced" : "Cluster");
    node_set_text(arena, made, "singularResource", kind->singular);
    node_set(arena, made, "verbs", verbs_node(arena, kind->verbs));
    set_words(arena, made, "shortNames", kind->short_names);
    set_words(arena, made, "categories", kind->categories);
    for (size_t i = 0; i < kind->subresource_count; i++) {
        const struct kind_subresource *from = &kind->subresources[i];
        struct node *sub = node_map(arena);

        node_set_text(arena, sub, "subresource", from->name);
        node_set(arena, sub, "responseKind",
                 discovery_response_kind(arena, from->group, from->version, from->kind));
        node_set(arena, sub, "verbs", verbs_node(arena, from->verbs));
        node_add(arena, node_make_list(arena, made, "subresources"), sub);
    }
    return made;
}

static struct node *make_aggregated_discovery(struct arena *arena, const struct kinds *kinds,
                                              bool core, const char *version)
{
    struct node *made = make_discovery_document(
        arena, "APIGroupDiscoveryList", arena_printf(arena, "apidiscovery.k8s.io/%s", version));
    struct node *items, *group = NULL, *in_version = NULL;
    const char *name = NULL;

    node_set(arena, made, "metadata", node_map(arena));
    items = node_make_list(arena, made, "items");
    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);

        if (core != !*kind->group)
            continue;
        if (!name || strcmp(name, kind->group) != 0) {
            struct node *metadata = node_map(arena);

            name = kind->group;
            group = node_map(arena);
            if (*name)
                node_set_text(arena, metadata, "name", name);
            node_set(arena, group, "metadata", metadata);
            node_make_list(arena, group, "versions");
            node_add(arena, items, group);
            in_version = NULL;
        }
        if (!in_version || strcmp(node_get_text(in_version, "version"), kind->version) != 0) {
            in_version = node_map(arena);
            node_set_text(arena, in_version, "version", kind->version);
            node_set_text(arena, in_version, "freshness", "Current");
            node_make_list(arena, in_version, "resources");
            node_add(arena, node_get(group, "versions"), in_version);
        }
        node_add(arena, node_get(in_version, "resources"), aggregated_resource(arena, kind));
    }
    return made;
}

/*
 * The newest version of aggregated discovery in Accept; NULL: the client wants plain
 * discovery.
 */
static const char *aggregated_version(const struct http_request *request)
{
    const char *accept = http_request_header(request, "accept");

    if (!accept || !strstr(accept, "as=APIGroupDiscoveryList"))
        return NULL;
    for (const char *at = accept; (at = strstr(at, "v=v2")); at += 4)
        if (!strchr("b", at[4]) || !at[4])
            return "v2";
    return strstr(accept, "v=v2beta1") ? "v2beta1" : NULL;
}

static void respond_groups(struct api *api, struct http_request *request, bool core)
{
    struct arena *arena = request->arena;
    const char *version = aggregated_version(request);
    scoped_text struct text out = {0};

    http_response_header(request, "Vary", "Accept");
    if (!version) {
        reply_node(request, 200, core ? core_versions(arena) : group_list(arena, api->kinds, NULL));
        return;
    }
    document_write_json(&out, make_aggregated_discovery(arena, api->kinds, core, version));
    if (reply_known(request, discovery_hash(arena, out.bytes, out.len)))
        return;
    http_respond(request, 200,
                 arena_printf(arena,
                              "application/json;g=apidiscovery.k8s.io;v=%s;as="
                              "APIGroupDiscoveryList",
                              version),
                 out.bytes, out.len);
}

/* ---- Routes -------------------------------------------------------------- */

static void respond_version(struct api *api, struct http_request *request)
{
    static const struct {
        const char *key, *value;
    } facts[] = {
        {"major", "1"},
        {"minor", API_KUBERNETES_MINOR},
        {"gitTreeState", "clean"},
        {"goVersion", "none"},
        {"compiler", "gcc"},
        {"platform", "linux/amd64"},
    };
    struct node *made = node_map(request->arena);

    for (size_t i = 0; i < count_of(facts); i++)
        node_set_text(request->arena, made, facts[i].key, facts[i].value);
    node_set_text(request->arena, made, "gitVersion", api->git_version);
    node_set_text(request->arena, made, "gitCommit", "");
    node_set_text(request->arena, made, "buildDate", "1970-01-01T00:00:00Z");
    reply_node(request, 200, made);
}

static struct node *find_discovery_document(struct api *api, struct http_request *request)
{
    const char *const *at = request->segments;
    size_t count = request->segment_count;

    if (count == 2 && strcmp(at[0], "api") == 0)
        return resource_list(request->arena, api->kinds, "", at[1]);
    if (count == 3 && strcmp(at[0], "apis") == 0)
        return resource_list(request->arena, api->kinds, at[1], at[2]);
    if (count == 2 && strcmp(at[0], "apis") == 0) {
        struct node *group =
            node_item(node_get(group_list(request->arena, api->kinds, at[1]), "groups"), 0);

        if (group) {
            node_set_text(request->arena, group, "kind", "APIGroup");
            node_set_text(request->arena, group, "apiVersion", "v1");
        }
        return group;
    }
    return NULL;
}

void discovery_handle(struct api *api, struct http_request *request)
{
    struct node *found;

    request->label = "discovery";
    /* Compares segments, because some clients end each of these paths with "/". */
    if (request->segment_count == 1 && text_same(request->segments[0], "version")) {
        respond_version(api, request);
        return;
    }
    if (request->segment_count && text_same(request->segments[0], "openapi")) {
        openapi_handle(api, request);
        return;
    }
    if (request->segment_count == 1 &&
        (text_same(request->segments[0], "api") || text_same(request->segments[0], "apis"))) {
        respond_groups(api, request, text_same(request->segments[0], "api"));
        return;
    }
    found = find_discovery_document(api, request);
    if (found) {
        reply_node(request, 200, found);
        return;
    }
    reply_nothing_there(request);
}
