/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what the hub decides itself of a request: by which name, from whom, where to. */
#include "site_fixture.h"

enum who { NOBODY, ADMIN, PERSON, SPOKE, STRANGE_SPOKE };

/* "?" as a body: any. A header of the response after "name=". */
static const struct {
    const char *name;
    enum who who;
    const char *method, *target, *headers;
    int status;
    const char *reply_header, *body;
} rows[] = {
    /* Whether it is well. */
    {"everybody may ask whether it lives", NOBODY, "GET", "/livez", "", 200, "axle-epoch=", "ok"},
    {"or is ready", NOBODY, "GET", "/readyz", "", 200, "content-type=text/plain; charset=utf-8",
     "ok"},
    {"by the old name too", NOBODY, "HEAD", "/healthz", "", 200, "content-length=2", ""},
    {"in full it lives by one check", NOBODY, "GET", "/livez?verbose", "", 200,
     "content-type=text/plain; charset=utf-8", "[+]ping ok\nlivez check passed\n"},
    {"and is ready by three", NOBODY, "GET", "/readyz?verbose", "", 200,
     "axle-epoch=", "[+]ping ok\n[+]store ok\n[+]objects ok\nreadyz check passed\n"},
    {"nobody writes there", NOBODY, "POST", "/livez", "", 405, "allow=GET, HEAD", "?"},
    /* The root, the console and what is nowhere. */
    {"the root leads to the console", NOBODY, "GET", "/", "", 302, "location=/console/", ""},
    {"what is nowhere is not found", NOBODY, "GET", "/nowhere", "", 404,
     "axle-epoch=", "404 page not found\n"},
    {"nor is a name that only begins as a route does", NOBODY, "GET", "/livezz", "", 404,
     "location=", "404 page not found\n"},
    {"the console is for everybody", NOBODY, "GET", "/console/", "", 200, "axle-epoch=", "?"},
    {"pages of other sites may not take it in", NOBODY, "GET", "/livez", "", 200,
     "cross-origin-resource-policy=same-origin", "ok"},
    {"nor what is refused", NOBODY, "GET", "/metrics", "", 403,
     "cross-origin-resource-policy=same-origin", "?"},
    /* Paths whose rights are asked. */
    {"nobody reads metrics unasked", NOBODY, "GET", "/metrics", "", 403, "axle-epoch=1", "?"},
    {"an administrator does", ADMIN, "GET", "/metrics", "", 200,
     "content-type=text/plain; version=0.0.4", "?"},
    {"a person without rights does not", PERSON, "GET", "/metrics", "", 403, "retry-after=", "?"},
    {"tokens' keys are for those who may", NOBODY, "GET", "/openid/v1/jwks", "", 403,
     "axle-epoch=1", "?"},
    {"an administrator reads them", ADMIN, "GET", "/openid/v1/jwks", "", 200,
     "content-type=application/jwk-set+json", "?"},
    {"and who issues them", ADMIN, "GET", "/.well-known/openid-configuration", "", 200,
     "content-type=application/json", "?"},
    {"only reading", ADMIN, "PUT", "/.well-known/openid-configuration", "", 405, "allow=GET, HEAD",
     "?"},
    /* The API. */
    {"the version is for everybody", NOBODY, "GET", "/version", "", 200, "axle-epoch=1", "?"},
    {"objects are not", NOBODY, "GET", "/api/v1/namespaces", "", 403, "axle-epoch=1", "?"},
    {"an administrator reads them too", ADMIN, "GET", "/api/v1/namespaces", "", 200, "axle-epoch=1",
     "?"},
    {"groups are read", ADMIN, "GET", "/api", "", 200, "allow=", "?"},
    {"and not written", ADMIN, "POST", "/api", "", 405, "allow=GET, HEAD",
     "*POST is not allowed here; allowed are: GET, HEAD"},
    {"nor is a version of the core", ADMIN, "DELETE", "/api/v1", "", 405, "allow=GET, HEAD",
     "*DELETE is not allowed here; allowed are: GET, HEAD"},
    {"nor all groups", ADMIN, "PATCH", "/apis", "", 405, "allow=GET, HEAD",
     "*PATCH is not allowed here; allowed are: GET, HEAD"},
    {"nor one's version", ADMIN, "PUT", "/apis/axle.dev/v1alpha1", "", 405, "allow=GET, HEAD",
     "*PUT is not allowed here; allowed are: GET, HEAD"},
    {"behind them objects are", ADMIN, "POST", "/apis/axle.dev/v1alpha1/tenants", "", 400,
     "allow=", "?"},
    {"in the core too", ADMIN, "POST", "/api/v1/namespaces", "", 400, "allow=", "?"},
    {"the description is read", ADMIN, "GET", "/openapi/v3", "", 200, "axle-epoch=1", "?"},
    {"and not written by anybody", ADMIN, "DELETE", "/openapi/v3", "", 405, "allow=GET, HEAD", "?"},
    /* The registry. */
    {"the registry asks for a name and a password", NOBODY, "GET", "/v2/", "", 401,
     "www-authenticate=Basic realm=\"axle\"", "?"},
    {"also when a credential is wrong", NOBODY, "GET", "/v2/", "Authorization: Basic eDp5", 401,
     "www-authenticate=Basic realm=\"axle\"", "?"},
    {"the API does not", NOBODY, "GET", "/api/v1", "Authorization: Basic eDp5", 401,
     "www-authenticate=", "?"},
    {"an administrator is let in", ADMIN, "GET", "/v2/", "", 200, "www-authenticate=", "?"},
    {"what is not kept is not found", ADMIN, "GET", "/v2/h/chat/manifests/v1", "", 404,
     "www-authenticate=", "?"},
    {"a person without rights pulls nothing", PERSON, "GET", "/v2/h/chat/manifests/v1", "", 403,
     "location=", "?"},
    {"and pushes nothing", PERSON, "POST", "/v2/h/chat/blobs/uploads/", "", 403, "location=", "?"},
    {"an administrator pushes", ADMIN, "POST", "/v2/h/chat/blobs/uploads/", "", 202,
     "www-authenticate=", "?"},
    /* By which name. */
    {"by another name it does not answer", NOBODY, "GET", "/livez", "Host: elsewhere.example", 421,
     "location=",
     "*this hub is not called \\\"elsewhere.example\\\"; if it is, start it with --tls-san "
     "elsewhere.example"},
    {"by its own it does", NOBODY, "GET", "/livez", "Host: hub", 200, "location=", "ok"},
    {"in whatever case", NOBODY, "GET", "/livez", "Host: LocalHost:6443", 200, "location=", "ok"},
    {"and by its addresses", NOBODY, "GET", "/livez", "Host: 127.0.0.1", 200, "location=", "ok"},
    {"in any writing of them", NOBODY, "GET", "/livez", "Host: [0:0:0:0:0:0:0:1]:6443", 200,
     "location=", "ok"},
    {"not another address", NOBODY, "GET", "/livez", "Host: [::2]:6443", 421, "location=", "?"},
    {"by a name that it was given", NOBODY, "GET", "/livez", "Host: axle.example", 200,
     "location=", "ok"},
    {"a star stands for one label", NOBODY, "GET", "/livez", "Host: a.apps.example", 200,
     "location=", "ok"},
    {"for exactly one", NOBODY, "GET", "/livez", "Host: a.b.apps.example", 421, "location=", "?"},
    {"and not for none", NOBODY, "GET", "/livez", "Host: apps.example", 421, "location=", "?"},
    /* From which page. */
    {"a page of elsewhere changes nothing", ADMIN, "POST", "/api/v1/namespaces",
     "Origin: https://evil.example", 403, "location=",
     "*a page of \\\"https://evil.example\\\" may not write here: only the hub's own console, at "
     "https://hub:6443, may"},
    {"its own page does", ADMIN, "POST", "/api/v1/namespaces", "Origin: https://hub:6443", 400,
     "location=", "?"},
    {"without a port both mean the usual one", ADMIN, "POST", "/api/v1/namespaces",
     "Host: hub\nOrigin: https://hub", 400, "location=", "?"},
    {"not that of HTTP", ADMIN, "POST", "/api/v1/namespaces", "Host: hub\nOrigin: https://hub:80",
     403, "location=", "?"},
    {"written out or not", ADMIN, "POST", "/api/v1/namespaces",
     "Host: hub:443\nOrigin: https://hub", 400, "location=", "?"},
    {"not one of another port", ADMIN, "POST", "/api/v1/namespaces", "Origin: https://hub:6444",
     403, "location=", "?"},
    {"not one without TLS", ADMIN, "POST", "/api/v1/namespaces", "Origin: http://hub:6443", 403,
     "location=", "?"},
    {"not one that nobody names", ADMIN, "POST", "/api/v1/namespaces", "Origin: null", 403,
     "location=", "?"},
    {"not one with more behind it", ADMIN, "POST", "/api/v1/namespaces",
     "Origin: https://hub:6443.evil.example", 403, "location=", "?"},
    {"reading is for all", ADMIN, "GET", "/api/v1/namespaces", "Origin: https://evil.example", 200,
     "location=", "?"},
    {"so are heads", ADMIN, "HEAD", "/api/v1/namespaces", "Origin: https://evil.example", 200,
     "location=", ""},
    {"but not another protocol", ADMIN, "GET", "/api/v1/namespaces",
     "Origin: https://evil.example\nConnection: Upgrade\nUpgrade: websocket", 403,
     "location=", "?"},
    {"a browser that says from another site is believed", ADMIN, "POST", "/api/v1/namespaces",
     "Sec-Fetch-Site: cross-site", 403,
     "location=", "*a page of another site may not write here (Sec-Fetch-Site: cross-site)"},
    {"from a sister site too", ADMIN, "POST", "/api/v1/namespaces", "Sec-Fetch-Site: same-site",
     403, "location=", "?"},
    {"from the same origin it may", ADMIN, "POST", "/api/v1/namespaces",
     "Sec-Fetch-Site: same-origin", 400, "location=", "?"},
    {"and what a person typed", ADMIN, "POST", "/api/v1/namespaces", "Sec-Fetch-Site: none", 400,
     "location=", "?"},
    /* Spokes. */
    {"a spoke that is known is let in", SPOKE, "GET", "/version", "", 200, "axle-spoke=", "?"},
    {"one that is not learns it in a word", STRANGE_SPOKE, "GET", "/version", "", 401,
     "axle-spoke=unknown", "?"},
};

/* The cluster "edge", and whose key it knows. */
static void put_edge(struct site *site, const char *pin, const char *accepted, const char *labels)
{
    site_apply(site,
               arena_printf(site->arena,
                            "{apiVersion: cluster.open-cluster-management.io/v1, kind: "
                            "ManagedCluster, metadata: {name: edge, labels: {%s}, annotations: "
                            "{" META_ANNOTATION_CLIENT_KEYS ": '%s'}}, spec: {hubAcceptsClient: "
                            "%s}}",
                            labels, pin, accepted));
}

/* "NAME", or "NAME\nMORE": more headers. */
static struct reply ask_by_name(struct client *client, const char *words, const char *method,
                                const char *target)
{
    size_t len = strcspn(words, "\n");

    return client_ask_host(client, arena_bytes(client->site->arena, words, len), method, target,
                           words + len + (words[len] == '\n'));
}

static void check_rows(struct site *site)
{
    struct client clients[5];

    client_open(&clients[NOBODY], site, NULL, "");
    client_open(&clients[ADMIN], site, "system:admin", "system:masters");
    client_open(&clients[PERSON], site, "eve", "");
    client_open_spoke(&clients[SPOKE], site, "edge");
    client_open_spoke(&clients[STRANGE_SPOKE], site, "strange");
    put_edge(site, clients[SPOKE].pin, "true", "");
    for (size_t i = 0; i < count_of(rows); i++) {
        struct client *client = &clients[rows[i].who];
        struct reply reply =
            text_starts(rows[i].headers, "Host: ")
                ? ask_by_name(client, rows[i].headers + 6, rows[i].method, rows[i].target)
                : client_ask(client, rows[i].method, rows[i].target, rows[i].headers);
        const char *equals = strchr(rows[i].reply_header, '=');
        const char *header =
            arena_bytes(site->arena, rows[i].reply_header, (size_t)(equals - rows[i].reply_header));

        if (!CHECK_INT(reply.status, rows[i].status, "%s", rows[i].name))
            printf("# %s\n", reply.body);
        CHECK_TEXT(reply_header(&reply, header), equals + 1, "%s: %s", rows[i].name, header);
        if (*rows[i].body == '*')
            CHECK(strstr(reply.body, rows[i].body + 1), "%s: %s", rows[i].name, reply.body);
        else if (*rows[i].body != '?')
            CHECK_TEXT(reply.body, rows[i].body, "%s: the body", rows[i].name);
    }
    for (size_t i = 0; i < count_of(clients); i++)
        client_close(&clients[i]);
}

static void check_table(void)
{
    size_t count = 0;

    while (hub_route(count))
        count++;
    CHECK_INT(count, 13, "every way in is in the table");
    CHECK(!hub_route(count + 1), "and nothing behind it");
    CHECK_TEXT(hub_route(0)->prefix, "/api", "the first");
    CHECK_TEXT(hub_route(12)->prefix, "/", "the last takes the rest");
}

/* ---- Limits -------------------------------------------------------------------- */

/* Ten requests at once are taken of one user, and the eleventh is told when to come again. */
static void check_in_flight(struct site *site)
{
    struct client admin, other;
    struct reply watches[10], reply;
    struct http_call *calls[10];

    site_apply(site, "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, "
                     "metadata: {name: adam}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: "
                     "ClusterRole, name: cluster-admin}, subjects: [{kind: User, name: adam, "
                     "apiGroup: rbac.authorization.k8s.io}]}");
    client_open(&admin, site, "adam", "");
    client_open(&other, site, "eve", "");
    for (size_t i = 0; i < 10; i++)
        calls[i] = client_begin(&admin, &watches[i], "GET", "/api/v1/namespaces?watch=1", "");
    site_settle(site);
    reply = client_ask(&admin, "GET", "/version", "");
    CHECK_INT(reply.status, 429, "beyond its limit of requests at once a user is refused");
    CHECK_TEXT(reply_header(&reply, "retry-after"), "1", "and told when to come again");
    reply = client_ask(&other, "GET", "/version", "");
    CHECK_INT(reply.status, 200, "another user is not");
    http_call_cancel(&calls[0]);
    site_settle(site);
    reply = client_ask(&admin, "GET", "/version", "");
    CHECK_INT(reply.status, 200, "a request that has ended counts no more");
    for (size_t i = 1; i < 10; i++)
        http_call_cancel(&calls[i]);
    client_close(&admin);
    client_close(&other);
}

/* Watches that one spoke can hold at once, of so many that it begins. */
static size_t count_spoke_watches(struct site *site, const char *user, const char *organization,
                                  size_t begun)
{
    struct client spoke;
    struct reply watches[12];
    struct http_call *calls[12];
    size_t open = 0;

    client_open(&spoke, site, user, organization);
    put_edge(site, spoke.pin, "true", "");
    for (size_t i = 0; i < begun; i++) {
        calls[i] = client_begin(
            &spoke, &watches[i], "GET",
            "/apis/work.open-cluster-management.io/v1/namespaces/edge/manifestworks?watch=1", "");
        site_settle(site);
    }
    for (size_t i = 0; i < begun; i++) {
        open += !watches[i].done;
        if (!watches[i].done)
            http_call_cancel(&calls[i]);
    }
    client_close(&spoke);
    return open;
}

static void check_spoke_connections(struct site *site)
{
    CHECK_INT(count_spoke_watches(site, META_USER_AGENT "edge:one", META_USERS_CLUSTERS, 8), 4,
              "a spoke holds as many connections as it may");
    CHECK_INT(count_spoke_watches(site, "system:admin", "system:masters", 8), 8,
              "a person as many as there are");
}

/* ---- Metrics --------------------------------------------------------------------- */

static long long metric(const struct reply *reply, const char *name)
{
    const char *at = strstr(reply->body, arena_printf(reply->site->arena, "\n%s ", name));

    return at ? strtoll(at + strlen(name) + 2, NULL, 10) : -1;
}

static void check_metrics(struct site *site)
{
    static const char *const names[] = {
        "axle_http_connections",   "axle_http_requests_in_flight",
        "axle_store_revision",     "axle_store_epoch",
        "axle_store_full",         "axle_store_revisions_ahead_total",
        "axle_store_bytes",        "axle_store_commits_total",
        "axle_store_fsyncs_total", "axle_uptime_seconds"};
    struct client admin;
    struct reply before, after;

    client_open(&admin, site, "system:admin", "system:masters");
    before = client_ask(&admin, "GET", "/metrics", "");
    CHECK(text_starts(before.body, "axle_build_info{version=\""), "the version is first");
    for (size_t i = 0; i < count_of(names); i++)
        CHECK(metric(&before, names[i]) >= 0, "%s is told", names[i]);
    client_ask(&admin, "GET", "/version", "");
    client_ask(&admin, "GET", "/version", "");
    client_ask(&admin, "GET", "/", "");
    client_ask(&admin, "GET", "/nowhere", "");
    client_ask_host(&admin, "elsewhere.example", "GET", "/livez", "");
    loop_world_run(site->world, 7 * CLOCK_SECOND);
    after = client_ask(&admin, "GET", "/metrics", "");
    CHECK_INT(metric(&after, "axle_http_requests_total{code=\"2xx\"}") -
                  metric(&before, "axle_http_requests_total{code=\"2xx\"}"),
              3, "what was answered well is counted, the metrics too");
    CHECK_INT(metric(&after, "axle_http_requests_total{code=\"3xx\"}") -
                  metric(&before, "axle_http_requests_total{code=\"3xx\"}"),
              1, "what was sent elsewhere");
    CHECK_INT(metric(&after, "axle_http_requests_total{code=\"4xx\"}") -
                  metric(&before, "axle_http_requests_total{code=\"4xx\"}"),
              2, "and what was refused");
    CHECK_INT(metric(&after, "axle_http_requests_total{code=\"5xx\"}"), 0, "nothing failed");
    CHECK_INT(metric(&after, "axle_http_requests_total{code=\"1xx\"}"), 0, "each class has a line");
    CHECK_INT(metric(&after, "axle_http_requests_total{code=\"6xx\"}"), -1, "and there are five");
    CHECK_INT(metric(&after, "axle_uptime_seconds") - metric(&before, "axle_uptime_seconds"), 7,
              "how long it runs");
    CHECK_INT(metric(&after, "axle_http_connections"), 1, "how many are connected");
    CHECK_INT(metric(&after, "axle_http_requests_in_flight"), 1, "and ask");
    client_close(&admin);
}

/* ---- Not well ---------------------------------------------------------------------- */

static void on_committed(void *arg, const struct err *err)
{
}

static void check_health(struct site *site)
{
    struct client nobody;
    struct reply reply;

    client_open(&nobody, site, NULL, "");
    store_disk_limit(site->disk, 0);
    store_value_put(site->hub->store, "test", "x", 1);
    objects_when_durable(site->hub->objects, on_committed, NULL);
    site_settle(site);
    reply = client_ask(&nobody, "GET", "/readyz", "");
    CHECK_INT(reply.status, 503, "a hub whose commit failed is not ready");
    CHECK_TEXT(reply.body,
               "[+]ping ok\n[-]store failed: reason withheld\n[+]objects ok\nreadyz check failed\n",
               "and says by which check, not why");
    reply = client_ask(&nobody, "GET", "/healthz", "");
    CHECK_INT(reply.status, 503, "by the old name neither");
    reply = client_ask(&nobody, "GET", "/livez", "");
    CHECK_INT(reply.status, 200, "but it lives");
    loop_world_run(site->world, 5 * CLOCK_SECOND);
    CHECK_INT(client_ask(&nobody, "GET", "/readyz", "").status, 503, "as long as the disk is full");
    store_disk_limit(site->disk, -1);
    loop_world_run(site->world, 1100 * CLOCK_MS);
    CHECK_INT(client_ask(&nobody, "GET", "/readyz", "").status, 200,
              "and is ready again a second later, though nobody wrote");
    client_close(&nobody);
}

/* ---- Who is let in no more ------------------------------------------------------------ */

/* A watch of a spoke: still open, or how it ended; and what it is told then. */
static const char *spoke_watch_after(struct site *site,
                                     void (*change)(struct site *site, const char *pin))
{
    struct client spoke;
    struct reply watch, reply;
    struct http_call *call;
    const char *how;

    client_open_spoke(&spoke, site, "edge");
    put_edge(site, spoke.pin, "true", "");
    call = client_begin(
        &spoke, &watch, "GET",
        "/apis/work.open-cluster-management.io/v1/namespaces/edge/manifestworks?watch=1", "");
    site_settle(site);
    CHECK(!watch.done, "the spoke watches its works");
    change(site, spoke.pin);
    how = watch.done ? "cut" : "open";
    reply = client_ask(&spoke, "GET", "/version", "");
    if (!watch.done)
        http_call_cancel(&call);
    client_close(&spoke);
    return arena_printf(site->arena, "%s, then %d %s", how, reply.status,
                        reply_header(&reply, "axle-spoke"));
}

static void change_nothing(struct site *site, const char *pin)
{
    put_edge(site, pin, "true", "x: one");
}

static void refuse_edge(struct site *site, const char *pin)
{
    put_edge(site, pin, "false", "");
}

/* The finalizers, and with them the object. */
static void remove_edge(struct site *site, const char *pin)
{
    static const char without[] = "{\"metadata\":{\"finalizers\":null}}";
    struct err err = {0};
    struct objects_result result = {.arena = site->arena};
    struct objects_write write = {.who = {.user = "test", .manager = "test", .trusted = true},
                                  .kind = site_kind(site, "managedclusters"),
                                  .namespace = "",
                                  .name = "edge",
                                  .body = document_read_json(site->arena, without, strlen(without),
                                                             &document_limits_own, &err),
                                  .grace = -1};

    site_remove(site, "managedclusters", "", "edge");
    if (site_get(site, "managedclusters", "", "edge"))
        site_must(objects_patch(site->hub->objects, &write, &result, &err), &err);
    object_drop(&result.object);
    site_settle(site);
}

static void check_revoked(struct site *site)
{
    CHECK_TEXT(spoke_watch_after(site, change_nothing), "open, then 200 ",
               "a change of its cluster disturbs no spoke");
    CHECK_TEXT(spoke_watch_after(site, refuse_edge), "cut, then 401 not-accepted",
               "one that is accepted no more is cut off");
    CHECK_TEXT(spoke_watch_after(site, remove_edge), "cut, then 401 removed",
               "so is one whose cluster is gone");
}

int main(void)
{
    static const char *const names[] = {"axle.example", "*.apps.example", NULL};
    struct site site;

    site_open(&site);
    site.names = names;
    site_set(&site, "user-in-flight", "10");
    site_set(&site, "spoke-connections", "4");
    site_start(&site);
    check_table();
    check_rows(&site);
    check_in_flight(&site);
    check_spoke_connections(&site);
    check_metrics(&site);
    check_health(&site);
    check_revoked(&site);
    site_close(&site);
    return check_done();
}
