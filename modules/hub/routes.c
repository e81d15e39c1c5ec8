/* SPDX-License-Identifier: Apache-2.0 */
/* Lets people and spokes in, and sends requests where they belong. */
#include "hub/inside.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/version.h"
#include "console/console.h"
#include "controllers/controllers.h"
#include "document/document.h"
#include "http/http.h"
#include "objects/objects.h"
#include "store/store.h"

#include <inttypes.h>
#include <string.h>

/* Paths that say nothing of anybody: no credentials are looked at. */
static const char *const open_paths[] = {"/livez", "/readyz", "/healthz",
                                         "/console", "/"};

static bool is_open(const char *path)
{
    for (size_t i = 0; i < count_of(open_paths); i++) {
        size_t len = strlen(open_paths[i]);

        if (strcmp(path, open_paths[i]) == 0 ||
            (len > 1 && strncmp(path, open_paths[i], len) == 0 &&
             path[len] == '/'))
            return true;
    }
    return false;
}

static bool guard(struct http_request *request, void *arg)
{
    struct hub *hub = arg;
    struct auth_user *user;
    struct err err = {0};

    if (is_open(request->path))
        return true;
    if (auth_identify(request, hub->objects, hub->console_secret, request->arena,
                      &user, &err) < 0) {
        if (text_starts(request->path, "/v2"))
            http_answer_header(request, "WWW-Authenticate", "Basic realm=\"axle\"");
        api_answer_err(request, &err);
        return false;
    }
    request->user = user;
    return true;
}

/* ---- What only objects can tell ------------------------------------------ */

struct search {
    const char *space, *name; /* a Secret, or */
    const char *repository;   /* an artifact's */
    bool found;
};

static bool names_secret(const struct node *spec, const struct search *search)
{
    const struct node *refs = node_get(spec, "secretRefs");

    for (size_t i = 0; i < node_count(refs); i++) {
        const struct node *ref = node_item(refs, i);
        const char *space = node_get_text(ref, "namespace");

        if (strcmp(node_get_text(ref, "name"), search->name) == 0 &&
            (!*space || strcmp(space, search->space) == 0))
            return true;
    }
    return false;
}

/* "HOST/NAMESPACE/NAME" or without a host; whole names only, so that the project
   "h" is not read by whoever may read "research". */
static bool names_artifact(const char *reference, const char *repository)
{
    size_t len = strlen(reference), tail = strlen(repository);

    return text_ends(reference, repository) &&
           (len == tail || reference[len - tail - 1] == '/');
}

static void look_into_work(void *arg, const struct object *object)
{
    struct search *search = arg;
    scoped_arena struct arena *arena = NULL;
    const struct node *manifests;

    if (search->found)
        return;
    arena = arena_new();
    manifests = node_at(object_read(arena, object), "spec", "workload",
                        "manifests", NULL);
    for (size_t i = 0; i < node_count(manifests); i++) {
        const struct node *spec = node_get(node_item(manifests, i), "spec");
        const char *reference =
            node_get_text(node_get(spec, "artifact"), "reference");

        if (search->repository ? names_artifact(reference, search->repository)
                               : names_secret(spec, search))
            search->found = true;
    }
}

static bool search_works(struct hub *hub, const char *cluster,
                         struct search *search)
{
    const struct kind *kind = kinds_find(
        hub->kinds, "work.open-cluster-management.io", "manifestworks");

    objects_each(hub->objects, OBJECTS_PUBLISHED, kind, cluster, look_into_work,
                 search);
    return search->found;
}

static bool secret_is_named(void *arg, const char *cluster, const char *space,
                            const char *name)
{
    struct search search = {.space = space, .name = name};

    return *name && search_works(arg, cluster, &search);
}

static bool artifact_is_named(void *arg, const char *cluster,
                              const char *repository)
{
    struct search search = {.repository = repository};

    return *repository && search_works(arg, cluster, &search);
}

struct auth_facts routes_facts(struct hub *hub)
{
    return (struct auth_facts){.arg = hub, .secret_is_named = secret_is_named,
                               .artifact_is_named = artifact_is_named};
}

/* ---- The registry ---------------------------------------------------------- */

static bool may_registry(void *arg, const struct http_request *request,
                         enum registry_want want, const char *repository,
                         const char *digest)
{
    struct hub *hub = arg;
    struct auth_facts facts = routes_facts(hub);
    struct auth_ask ask = {.verb = want == REGISTRY_PULL ? "get" : "create",
                           .group = "", .resource = "", .subresource = "",
                           .space = "", .name = repository, .path = "/v2"};

    return auth_may(request->user, &ask, &facts, NULL);
}

static void commit(void *arg, void (*done)(void *done_arg, const struct err *err),
                   void *done_arg)
{
    struct hub *hub = arg;

    objects_when_durable(hub->objects, done, done_arg);
}

struct registry_settings routes_registry(struct hub *hub)
{
    return (struct registry_settings){
        .authorise = may_registry, .commit = commit, .arg = hub};
}

/* ---- Health and metrics -------------------------------------------------- */

static void on_health(struct http_request *request, void *arg)
{
    request->label = "health";
    if (http_request_query(request, "verbose"))
        http_answer_text(request, 200, "[+]store ok\n[+]objects ok\n%s check passed\n",
                         request->path + 1);
    else
        http_answer(request, 200, "text/plain", "ok", 2);
}

static void on_access(const struct http_access *access, void *arg)
{
    struct hub *hub = arg;

    hub->answers.total++;
    hub->answers.by_class[access->code >= 100 && access->code < 600
                              ? access->code / 100
                              : 0]++;
}

static void write_metrics(struct hub *hub, struct text *out)
{
    struct store_facts facts;
    struct http_server_counts counts = http_server_counts(hub->server);

    store_facts(hub->store, &facts);
    text_addf(out, "axle_build_info{version=\"%s\",commit=\"%s\"} 1\n",
              version_number(), version_commit());
    for (int i = 1; i < 6; i++)
        text_addf(out, "axle_http_requests_total{code=\"%dxx\"} %" PRIu64 "\n", i,
                  hub->answers.by_class[i]);
    text_addf(out,
              "axle_http_connections %zu\naxle_http_requests_in_flight %zu\n"
              "axle_store_revision %" PRId64 "\naxle_store_bytes %" PRId64 "\n"
              "axle_store_commits_total %" PRId64 "\n"
              "axle_store_fsyncs_total %" PRId64 "\n"
              "axle_uptime_seconds %" PRId64 "\n",
              counts.connections, counts.requests, facts.revision, facts.bytes,
              facts.commits, facts.fsyncs,
              (clock_steady() - hub->started) / CLOCK_SECOND);
    controllers_metrics(hub->controllers, out);
}

static void on_metrics(struct http_request *request, void *arg)
{
    struct auth_ask ask = {.verb = "get", .group = "", .resource = "",
                           .subresource = "", .space = "", .name = "",
                           .path = "/metrics"};
    scoped_text struct text out = {0};
    struct err err = {0};

    request->label = "metrics";
    if (!auth_may(request->user, &ask, NULL, NULL)) {
        auth_refuse(request->user, &ask, &err);
        api_answer_err(request, &err);
        return;
    }
    write_metrics(arg, &out);
    http_answer(request, 200, "text/plain; version=0.0.4", out.bytes, out.len);
}

static void on_root(struct http_request *request, void *arg)
{
    if (strcmp(request->path, "/") == 0) {
        http_answer_header(request, "Location", "/console/");
        http_answer(request, 302, NULL, NULL, 0);
        return;
    }
    http_answer_header(request, "X-Content-Type-Options", "nosniff");
    http_answer_text(request, 404, "404 page not found\n");
}

void routes_add(struct hub *hub)
{
    static const char *const api_prefixes[] = {"/api", "/apis", "/openapi",
                                               "/version"};
    static const char *const health_paths[] = {"/livez", "/readyz", "/healthz"};

    http_server_guard(hub->server, guard, hub);
    http_server_observe(hub->server, on_access, hub);
    for (size_t i = 0; i < count_of(api_prefixes); i++)
        http_server_route(hub->server, api_prefixes[i], api_handle, hub->api);
    for (size_t i = 0; i < count_of(health_paths); i++)
        http_server_route(hub->server, health_paths[i], on_health, hub);
    http_server_route(hub->server, "/v2", registry_handle, hub->registry);
    http_server_route(hub->server, "/metrics", on_metrics, hub);
    http_server_route(hub->server, "/console", console_handle, NULL);
    http_server_route(hub->server, "/", on_root, hub);
}
