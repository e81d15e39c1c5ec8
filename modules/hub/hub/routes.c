/* SPDX-License-Identifier: Apache-2.0 */
/* Lets people and spokes in, and sends requests where they belong. */
#include "hub/internal.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "console/console.h"
#include "controllers/controllers.h"
#include "config/config.h"
#include "document/document.h"
#include "http/http.h"
#include "limits/limits.h"
#include "meta/meta.h"
#include "objects/objects.h"
#include "store/store.h"
#include "tls/tls.h"

#include <inttypes.h>
#include <string.h>

#define READ "GET, HEAD"
#define ANY "GET, HEAD, POST, PUT, PATCH, DELETE"

/* ---- Who comes in ---------------------------------------------------------- */

static const struct hub_route *route_of(const char *path);

/* `wait` in seconds. */
static bool refuse_for(struct http_request *request, int wait, const struct err *err)
{
    if (text_starts(request->path, "/v2"))
        http_response_header(request, "WWW-Authenticate", "Basic realm=\"axle\"");
    if (err->code == ERR_TOO_MANY)
        http_response_header(request, "Retry-After",
                             arena_printf(request->arena, "%d", wait ? wait : 1));
    api_respond_err(request, err);
    return false;
}

static bool refuse_guarded(struct http_request *request, const struct err *err)
{
    return refuse_for(request, 1, err);
}

/* What is served there is read, whatever the rest of the route may take: groups
   and versions, and objects only behind those. */
static bool is_discovery(const struct http_request *request)
{
    size_t count = request->segment_count;

    return count && ((!strcmp(request->segments[0], "api") && count <= 2) ||
                     (!strcmp(request->segments[0], "apis") && count <= 3));
}

static bool is_read_request(const struct http_request *request)
{
    return !strcmp(request->method, "GET") || !strcmp(request->method, "HEAD");
}

static int check_supported_method(struct http_request *request, struct err *err)
{
    if (!is_discovery(request) || is_read_request(request))
        return 0;
    http_response_header(request, "Allow", READ);
    return err_set(err, ERR_METHOD, "the method %s is not allowed here; allowed are: " READ,
                   request->method);
}

/* A spoke that is refused learns by one word why: what it does then hangs on it. */
static void tell_refusal(const struct hub *hub, struct http_request *request)
{
    const char *word = auth_refusal(hub->auth, request, request->arena);

    if (word)
        http_response_header(request, "Axle-Spoke", word);
}

/* Of paths that the row says so of: whether the user may. */
static bool check_path(struct hub *hub, struct http_request *request)
{
    struct auth_request what = {.verb = "get",
                                .group = "",
                                .resource = "",
                                .subresource = "",
                                .namespace = "",
                                .name = "",
                                .path = request->path};
    struct err err = {0};

    if (route_of(request->path)->rule == HUB_PATH &&
        auth_check(hub->auth, request->user, &what, &err) < 0)
        return refuse_guarded(request, &err);
    return true;
}

static bool identify_user(struct hub *hub, struct http_request *request)
{
    struct auth_user *user;
    struct err err = {0};

    if (auth_identify(hub->auth, request, request->arena, &user, &err) < 0) {
        tell_refusal(hub, request);
        return refuse_guarded(request, &err);
    }
    request->user = user;
    return true;
}

/* A request that waited: its credential may have ended meanwhile. */
void routes_go_on(void *arg, struct http_request *request)
{
    struct hub *hub = arg;

    if (identify_user(hub, request) && check_path(hub, request))
        http_server_go_on(hub->server, request);
}

void routes_refuse(void *arg, struct http_request *request, int wait, const struct err *err)
{
    refuse_for(request, wait, err);
}

static bool admit_request(struct hub *hub, struct http_request *request)
{
    struct err err = {0};
    int wait = 0;

    switch (limits_begin(hub->limits, request, &wait, &err)) {
    case LIMITS_RUN:
        return check_path(hub, request);
    case LIMITS_REFUSE:
        return refuse_for(request, wait, &err);
    case LIMITS_WAIT:
        break; /* until routes_go_on() or routes_refuse() */
    }
    return false;
}

/* Says who is asking, and whether it is the request's turn. */
static bool guard_request(struct http_request *request, void *arg)
{
    struct hub *hub = arg;
    struct err err = {0};

    /* No page of another site may take a response in, as a script or a picture. */
    http_response_header(request, "Cross-Origin-Resource-Policy", "same-origin");
    if (check_supported_method(request, &err) < 0 || origin_check(hub, request, &err) < 0)
        return refuse_guarded(request, &err);
    if (route_of(request->path)->rule == HUB_OPEN)
        return true;
    health_tell_epoch(hub, request);
    return identify_user(hub, request) && admit_request(hub, request);
}

/* ---- The registry ---------------------------------------------------------- */

static bool may_registry(void *arg, const struct http_request *request, enum registry_want want,
                         const char *repository, const char *digest)
{
    struct hub *hub = arg;
    scoped_mem char *path = mem_printf("/v2%s%s", *repository ? "/" : "", repository);
    struct auth_request what = {.verb = want == REGISTRY_PULL ? "get" : "create",
                                .group = "",
                                .resource = "",
                                .subresource = "",
                                .namespace = "",
                                .name = "",
                                .path = path,
                                .digest = digest};

    return auth_may(hub->auth, request->user, &what, NULL);
}

static void when_registry_durable(void *arg, void (*done)(void *done_arg, const struct err *err),
                                  void *done_arg)
{
    struct hub *hub = arg;

    objects_when_durable(hub->objects, done, done_arg);
}

static void report_damaged_artifact(void *arg, const char *repository)
{
    struct hub *hub = arg;

    controllers_render_again(hub->controllers, repository);
}

struct registry_settings routes_registry(struct hub *hub)
{
    return (struct registry_settings){.authorise = may_registry,
                                      .commit = when_registry_durable,
                                      .damaged = report_damaged_artifact,
                                      .arg = hub,
                                      .most_blob =
                                          (size_t)config_number(hub->config, CONFIG_ID_BLOB_SIZE)};
}

/* ---- Metrics -------------------------------------------------- */

static void on_access(const struct http_access *access, void *arg)
{
    struct hub *hub = arg;

    limits_end(hub->limits, access);
    hub->responses.total++;
    hub->responses.by_class[access->code >= 100 && access->code < 600 ? access->code / 100 : 0]++;
}

static void write_metrics(struct hub *hub, struct text *out)
{
    struct store_facts facts;
    struct http_server_counts counts = http_server_counts(hub->server);
    struct tls_counts handshakes = tls_server_counts(hub->tls);

    store_facts(hub->store, &facts);
    text_addf(out, "axle_build_info{version=\"%s\",commit=\"%s\"} 1\n", version_number(),
              version_commit());
    for (int i = 1; i < 6; i++)
        text_addf(out, "axle_http_requests_total{code=\"%dxx\"} %" PRIu64 "\n", i,
                  hub->responses.by_class[i]);
    text_addf(out,
              "axle_http_connections %zu\naxle_http_requests_in_flight %zu\n"
              "axle_tls_handshakes_total{kind=\"full\"} %" PRIu64 "\n"
              "axle_tls_handshakes_total{kind=\"resumed\"} %" PRIu64 "\n"
              "axle_tls_handshakes_total{kind=\"failed\"} %" PRIu64 "\n"
              "axle_store_revision %" PRId64 "\naxle_store_epoch %" PRId64 "\n"
              "axle_store_full %d\n"
              "axle_store_revisions_ahead_total %" PRId64 "\naxle_store_bytes %" PRId64 "\n"
              "axle_store_commits_total %" PRId64 "\n"
              "axle_store_fsyncs_total %" PRId64 "\n"
              "axle_uptime_seconds %" PRId64 "\n",
              counts.connections, counts.requests, handshakes.full, handshakes.resumed,
              handshakes.failed, facts.revision, facts.epoch, store_is_full(hub->store),
              objects_ahead(hub->objects), facts.bytes, facts.commits, facts.fsyncs,
              (clock_steady() - hub->started) / CLOCK_SECOND);
    limits_metrics(hub->limits, out);
    controllers_metrics(hub->controllers, out);
}

static void on_metrics(struct http_request *request, void *arg)
{
    scoped_text struct text out = {0};

    request->label = "metrics";
    write_metrics(arg, &out);
    http_respond(request, 200, "text/plain; version=0.0.4", out.bytes, out.len);
}

/* ---- For those who check tokens of ServiceAccounts themselves --------------- */

static void respond_json(struct http_request *request, const struct node *node, const char *type)
{
    scoped_text struct text out = {0};

    document_write_json(&out, node);
    http_respond(request, 200, type, out.bytes, out.len);
}

static void on_issuer(struct http_request *request, void *arg)
{
    struct hub *hub = arg;

    request->label = "openid";
    respond_json(request, auth_token_issuer(request->arena, hub->url), "application/json");
}

static void on_keys(struct http_request *request, void *arg)
{
    struct hub *hub = arg;

    request->label = "openid";
    respond_json(request, auth_token_keys(hub->auth, request->arena), "application/jwk-set+json");
}

static void on_root(struct http_request *request, void *arg)
{
    if (strcmp(request->path, "/") == 0) {
        http_response_header(request, "Location", "/console/");
        http_respond(request, 302, NULL, NULL, 0);
        return;
    }
    http_respond_text(request, 404, "404 page not found\n");
}

/* ---- The table --------------------------------------------------------------- */

static void on_api(struct http_request *request, void *arg)
{
    struct hub *hub = arg;
    void *account = request->account; /* the handler may end the request */
    int64_t start = clock_steady();

    api_handle(request, hub->api);
    limits_spent(hub->limits, account, clock_steady() - start);
}

static void on_registry(struct http_request *request, void *arg)
{
    struct hub *hub = arg;

    registry_handle(request, hub->registry);
}

static void on_console(struct http_request *request, void *arg)
{
    console_handle(request, NULL);
}

/* Every way in, and by which methods. A row without a rule cannot be written. */
static const struct row {
    struct hub_route route;
    http_handler_fn *handle;
} rows[] = {
    {{"/api", HUB_API, ANY}, on_api},
    {{"/apis", HUB_API, ANY}, on_api},
    {{"/openapi", HUB_API, READ}, on_api},
    {{"/version", HUB_API, READ}, on_api},
    {{"/livez", HUB_OPEN, READ}, health_handle},
    {{"/readyz", HUB_OPEN, READ}, health_handle},
    {{"/healthz", HUB_OPEN, READ}, health_handle},
    {{"/v2", HUB_REGISTRY, ANY}, on_registry},
    {{"/metrics", HUB_PATH, READ}, on_metrics},
    {{"/openid/v1/jwks", HUB_PATH, READ}, on_keys},
    {{"/.well-known/openid-configuration", HUB_PATH, READ}, on_issuer},
    {{"/console", HUB_OPEN, READ}, on_console},
    {{"/", HUB_OPEN, READ}, on_root},
};

const struct hub_route *hub_route(size_t index)
{
    return index < count_of(rows) ? &rows[index].route : NULL;
}

/* The longest prefix of whole segments, as the server chooses the handler. */
static const struct hub_route *route_of(const char *path)
{
    const struct hub_route *best = &rows[count_of(rows) - 1].route;

    for (size_t i = 0; i < count_of(rows); i++) {
        const char *prefix = rows[i].route.prefix;
        size_t len = strlen(prefix);

        if (strncmp(path, prefix, len) == 0 && (!path[len] || path[len] == '/') &&
            len > strlen(best->prefix))
            best = &rows[i].route;
    }
    return best;
}

/* A spoke holds two or three; one that was taken over shall not hold them all. */
static size_t most_connections(const struct pki_cert *peer, void *arg)
{
    const struct hub *hub = arg;

    if (!pki_cert_in(peer, META_USERS_CLUSTERS))
        return 0;
    return (size_t)config_number(hub->config, CONFIG_ID_SPOKE_CONNECTIONS);
}

void routes_add(struct hub *hub)
{
    http_server_most(hub->server, most_connections, hub);
    http_server_guard(hub->server, guard_request, hub);
    http_server_observe(hub->server, on_access, hub);
    for (size_t i = 0; i < count_of(rows); i++)
        http_server_route(hub->server, rows[i].route.prefix, rows[i].route.methods, rows[i].handle,
                          hub);
    if (!console_is_built())
        log_info("hub", "this program was built without its console (CONSOLE=no): "
                        "/console/ is a page that says how to get it");
}
