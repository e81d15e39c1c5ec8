/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent makes of what a hub says of its works: lists, watches, refusals of writes. */
#include "agent_fixture.h"

#include "agent/internal.h"
#include "http/http.h"
#include "works/works.h"

/* ---- A hub whose works are what the test says ---------------------------------------- */

#define WORKS "/apis/work.open-cluster-management.io/v1/namespaces/edge-1/manifestworks"
#define FINALIZER "cluster.open-cluster-management.io/manifest-work-cleanup"

static const char *list_text; /* what a list is answered with */
static int list_status, lists, watches, watch_from, watch_status;
static struct http_request *watch; /* open; NULL: none */
static int refusals;               /* so many patches are answered 429 */
static int patches, finalizer_status = 200;
static int base = 1000; /* the hub's revision; "@N" in its words stands for base + N */
static char last_patch[16384];
static bool forgotten; /* what the agent would go on from, until it lists */

static void render(const char *text, struct text *ret)
{
    while (*text) {
        size_t plain = strcspn(text, "@");
        char *end;

        text_add_bytes(ret, text, plain);
        text += plain;
        if (*text) {
            text_addf(ret, "%ld", base + strtol(text + 1, &end, 10));
            text = end;
        }
    }
}

static void on_watch_gone(struct http_request *request, void *arg)
{
    if (watch == request)
        watch = NULL;
}

static void on_patch(struct http_request *request, const char *bytes, size_t len, void *arg)
{
    patches++;
    if (refusals > 0) {
        refusals--;
        http_response_header(request, "Retry-After", "3");
        http_respond_text(request, 429, "slow down");
        return;
    }
    if (finalizer_status != 200 && !text_ends(request->path, "/status")) {
        http_respond_text(request, finalizer_status, "not now");
        return;
    }
    snprintf(last_patch, sizeof last_patch, "%s %.*s", request->path, (int)len, bytes);
    http_respond(request, 200, "application/json", "{}", 2);
}

static void serve_works(struct http_request *request, void *arg)
{
    const char *from = http_request_query(request, "resourceVersion");

    if (!strcmp(request->method, "PATCH")) {
        http_body_whole(request, 1 << 20, on_patch, NULL);
    } else if (http_request_query(request, "watch")) {
        watches++;
        watch_from = from ? (int)strtol(from, NULL, 10) : -1;
        if (watch_status != 200 || forgotten) {
            http_respond_text(request, forgotten ? 410 : watch_status, "no watch");
            return;
        }
        watch = request;
        http_request_gone(request, on_watch_gone, NULL);
        http_response_begin(request, 200, "application/json", -1);
    } else {
        scoped_text struct text list = {0};

        lists++;
        forgotten = false;
        base += 100;
        render(list_text, &list);
        http_respond(request, list_status, "application/json", list.bytes, list.len);
    }
}

/* Sends lines on the watch. */
static void say(const char *lines)
{
    scoped_text struct text rendered = {0};

    render(lines, &rendered);
    if (watch)
        http_response_write(watch, rendered.bytes, rendered.len);
}

static bool is_anyone(const struct pki_cert *peer, void *arg)
{
    return true;
}

/* From now on the works are ours; the agent connects anew. */
static void take_over(void)
{
    http_server_route(hub->server, WORKS, NULL, serve_works, NULL);
}

static void run(int seconds)
{
    loop_world_run(world, seconds * CLOCK_SECOND);
}

#define WORK(name, uid, revision)                                                                  \
    "{\"apiVersion\": \"work.open-cluster-management.io/v1\", \"kind\": \"ManifestWork\", "        \
    "\"metadata\": {\"name\": \"" name "\", \"namespace\": \"edge-1\", \"uid\": \"" uid            \
    "\", \"generation\": 1, \"resourceVersion\": \"" revision "\", \"finalizers\": [\"" FINALIZER  \
    "\"]}, \"spec\": {\"workload\": {\"manifests\": []}}}"
#define LIST(revision, items)                                                                      \
    "{\"kind\": \"ManifestWorkList\", \"metadata\": {\"resourceVersion\": \"" revision             \
    "\"}, \"items\": [" items "]}"
#define GOOD LIST("@0", WORK("chat", "u1", "@-50"))

/* Its connections end, and it cannot go on from where it was. */
static void cut_off(void)
{
    forgotten = true;
    http_server_cut(hub->server, is_anyone, NULL);
    watch = NULL;
}

/* Until the agent watches after a good list. */
static void settle_watch(void)
{
    list_text = GOOD;
    list_status = watch_status = 200;
    refusals = 0;
    cut_off();
    for (int i = 0; i < 200 && !watch; i++)
        run(1);
    CHECK(watch != NULL, "the agent watches after a list");
    run(5);
}

/* ---- Lists --------------------------------------------------------------------------- */

static const struct {
    const char *name, *text;
    int status;
    bool is_taken;
} list_cases[] = {
    {"a list", GOOD, 200, true},
    {"a list without items",
     "{\"kind\": \"ManifestWorkList\", \"metadata\": {\"resourceVersion\": "
     "\"@1\"}, \"items\": null}",
     200, true},
    {"an empty object", "{}", 200, false},
    {"a list of something else",
     "{\"kind\": \"PodList\", \"metadata\": {\"resourceVersion\": \"@0\"}, \"items\": []}", 200,
     false},
    {"a list without a revision",
     "{\"kind\": \"ManifestWorkList\", \"metadata\": {}, \"items\": []}", 200, false},
    {"a list of revision 0", LIST("0", ""), 200, false},
    {"items that are none",
     "{\"kind\": \"ManifestWorkList\", \"metadata\": {\"resourceVersion\": \"@0\"}, \"items\": "
     "{}}",
     200, false},
    {"the same work twice", LIST("@0", WORK("chat", "u1", "@-50") "," WORK("chat", "u1", "@-50")),
     200, false},
    {"no JSON", "no JSON", 200, false},
    {"a hub in trouble", GOOD, 500, false},
    {"a hub that has no works at all", GOOD, 404, false},
};

static void check_lists(void)
{
    for (size_t i = 0; i < count_of(list_cases); i++) {
        int before;

        settle_watch();
        list_text = list_cases[i].text;
        list_status = list_cases[i].status;
        before = lists;
        cut_off();
        for (int s = 0; s < 120 && lists == before; s++)
            run(1);
        run(1);
        CHECK((watch != NULL) == list_cases[i].is_taken, "%s is %s", list_cases[i].name,
              list_cases[i].is_taken ? "followed by a watch" : "not taken");
        CHECK(works_count(spoke->works) >= 1, "%s: what runs here stays", list_cases[i].name);
        if (list_cases[i].is_taken)
            continue;
        before = lists;
        run(120);
        CHECK(lists > before && lists < before + 60,
              "%s: it lists again, but not all the time (%d)", list_cases[i].name, lists - before);
    }
}

/* ---- Watches -------------------------------------------------------------------------- */

#define EVENT(type, object) "{\"type\": \"" type "\", \"object\": " object "}\n"
#define BOOKMARK(revision)                                                                         \
    EVENT("BOOKMARK", "{\"metadata\": {\"resourceVersion\": \"" revision "\"}}")

static const struct {
    const char *name, *lines;
    bool goes_on;
    size_t works; /* that the agent knows then */
} watch_cases[] = {
    {"an empty line", "\n", true, 1},
    {"an empty line before an event", "\n" EVENT("ADDED", WORK("new", "u2", "@1")), true, 2},
    {"a bookmark", BOOKMARK("@10"), true, 1},
    {"a bookmark of the list's revision", BOOKMARK("@0"), true, 1},
    {"a work that is new", EVENT("ADDED", WORK("new", "u2", "@1")), true, 2},
    {"a work that changes", EVENT("MODIFIED", WORK("chat", "u1", "@1")), true, 1},
    {"two works", EVENT("ADDED", WORK("new", "u2", "@1")) EVENT("ADDED", WORK("more", "u3", "@2")),
     true, 3},
    {"a work without a uid", EVENT("ADDED", WORK("new", "", "@1")), true, 1},
    {"a work whose name is none", EVENT("ADDED", WORK("New/Work", "u2", "@1")), true, 1},
    {"a work of another namespace",
     EVENT("ADDED", "{\"metadata\": {\"name\": \"new\", \"namespace\": \"edge-2\", \"uid\": \"u\", "
                    "\"resourceVersion\": \"@1\"}, \"spec\": {}}"),
     true, 1},
    {"what is no JSON", "no JSON\n", false, 1},
    {"an error", EVENT("ERROR", "{\"kind\": \"Status\", \"code\": 410}"), false, 1},
    {"a type that is none", EVENT("RENAMED", WORK("new", "u2", "@1")), false, 1},
    {"an event without a revision", EVENT("ADDED", WORK("new", "u2", "")), false, 1},
    {"an event of before the list", EVENT("ADDED", WORK("new", "u2", "@-1")), false, 1},
    {"an event that goes back", BOOKMARK("@10") EVENT("ADDED", WORK("new", "u2", "@9")), false, 1},
    {"a bookmark that goes back", BOOKMARK("@10") BOOKMARK("@9"), false, 1},
};

static void check_watches(void)
{
    for (size_t i = 0; i < count_of(watch_cases); i++) {
        int before;

        settle_watch();
        run(300); /* so that what one case brought has left */
        if (!watch)
            settle_watch();
        before = lists;
        CHECK_INT(watch_from, base, "a watch goes on from its list");
        say(watch_cases[i].lines);
        run(60);
        CHECK((lists == before) == watch_cases[i].goes_on, "%s %s (%d lists)", watch_cases[i].name,
              watch_cases[i].goes_on ? "is no end of the watch" : "is followed by a list",
              lists - before);
        CHECK_INT((int64_t)works_count(spoke->works), (int64_t)watch_cases[i].works,
                  "%s: so many works are known", watch_cases[i].name);
    }
}

static void check_ends(void)
{
    int before;

    settle_watch();
    before = lists;
    for (int minute = 0; minute < 20; minute++) {
        run(60);
        say(BOOKMARK("@1"));
    }
    CHECK(watch && lists == before, "a watch with a bookmark each minute goes on");
    before = lists;
    if (watch)
        http_response_end(watch);
    watch = NULL;
    run(2);
    CHECK(watch && lists == before, "a watch that the hub ends goes on at once, without a list");
    CHECK_INT(watch_from, base + 1, "from where it was");
    before = watches;
    for (int i = 0; i < 20; i++) {
        if (watch)
            http_response_end(watch);
        watch = NULL;
        run(1);
    }
    CHECK(watches - before < 12, "but not one after the other (%d)", watches - before);
    settle_watch();
    before = lists;
    watch_status = 410;
    http_server_cut(hub->server, is_anyone, NULL);
    run(60);
    CHECK(lists > before && !watch, "a watch that is refused is followed by a list, later");
    settle_watch();
}

/* ---- Writes --------------------------------------------------------------------------- */

static void check_writes(void)
{
    int before;

    settle_watch();
    run(300);
    if (!watch)
        settle_watch();
    refusals = 2;
    before = patches;
    say(EVENT("ADDED", WORK("slow", "u9", "@1")));
    run(2);
    CHECK_INT(patches - before, 1, "a status is sent, and refused for its rate");
    run(2);
    CHECK_INT(patches - before, 2, "it is sent again when the hub said");
    run(1);
    CHECK_INT(patches - before, 2, "and not before");
    run(3);
    CHECK(strstr(last_patch, "/slow/status") && strstr(last_patch, "AppliedManifestWorkComplete"),
          "until the hub takes it (%s)", last_patch);
}

#define LEAVING(name, uid, revision)                                                               \
    "{\"metadata\": {\"name\": \"" name "\", \"namespace\": \"edge-1\", \"uid\": \"" uid           \
    "\", \"generation\": 2, \"resourceVersion\": \"" revision "\", \"deletionTimestamp\": "        \
    "\"2026-01-01T00:00:00Z\", \"finalizers\": [\"" FINALIZER "\"]}, \"spec\": {\"workload\": "    \
    "{\"manifests\": []}}}"

/* The hub does not take the removal of a finalizer: the work would stay there for good. */
static void check_finalizer(void)
{
    int before;

    settle_watch();
    say(EVENT("ADDED", WORK("old", "u8", "@1")));
    run(10);
    before = lists;
    finalizer_status = 500;
    list_text = LIST("@0", WORK("chat", "u1", "@-50") "," LEAVING("old", "u8", "@-1"));
    say(EVENT("MODIFIED", LEAVING("old", "u8", "@2")));
    run(1);
    CHECK_INT(lists - before, 0, "a finalizer that the hub does not take off is no lost link");
    run(60);
    CHECK(lists - before >= 2, "the works are listed, and it is tried again (%d)", lists - before);
    finalizer_status = 200;
    run(120);
    CHECK(strstr(last_patch, "/old ") && strstr(last_patch, "\"finalizers\":[]"),
          "until the hub takes it (%s)", last_patch);
    list_text = GOOD;
    before = lists;
    run(150);
    CHECK(lists - before <= 2, "then it is quiet (%d)", lists - before);
}

/* ---- The lease ------------------------------------------------------------------------ */

static int lease_status = 200, leases;

static void serve_lease(struct http_request *request, void *arg)
{
    static const char lease[] = "{\"spec\": {\"leaseDurationSeconds\": 20}}";

    leases++;
    if (lease_status == 200)
        http_respond(request, 200, "application/json", lease, sizeof lease - 1);
    else
        http_respond_text(request, lease_status, "no lease");
}

static void check_lease(void)
{
    int before;

    settle_watch();
    http_server_route(hub->server, "/apis/coordination.k8s.io/v1/namespaces/edge-1/leases", NULL,
                      serve_lease, NULL);
    run(90);
    before = leases;
    run(200);
    CHECK(leases - before >= 8 && leases - before <= 10,
          "a Lease is renewed as often as its last response says (%d in 200 s)", leases - before);
    lease_status = 404;
    run(30);
    before = leases;
    run(300);
    CHECK(leases - before >= 8 && leases - before <= 30,
          "one that is not there is tried again, with pauses (%d in 300 s)", leases - before);
    lease_status = 200;
    run(60);
    before = leases;
    run(200);
    CHECK(leases - before >= 8 && leases - before <= 10, "and renewed as before when it is (%d)",
          leases - before);
    lease_status = 500;
    before = leases;
    for (int i = 0; i < 60 && leases == before; i++)
        run(1);
    before = leases;
    run(10);
    CHECK(leases - before >= 1, "the first pause is short again (%d)", leases - before);
    lease_status = 200;
}

/* ---- A hub that has lost writes --------------------------------------------------------- */

static void check_lost_writes(void)
{
    scoped_arena struct arena *arena = arena_new();
    const char *lost;
    int revision;

    settle_watch();
    run(300);
    if (!watch)
        settle_watch();
    say(BOOKMARK("@5000"));
    revision = base + 5000;
    lost = arena_printf(
        arena, "False the hub no longer knows revision %d, which this spoke has seen", revision);
    run(1);
    list_text = LIST("@4000", "");
    cut_off();
    run(400);
    CHECK_INT((int64_t)works_count(spoke->works), 1,
              "a list of before what was seen removes nothing");
    CHECK(strstr(cluster_condition(arena, "HubEpochConfirmed"), lost),
          "its ManagedCluster says why (%s)", cluster_condition(arena, "HubEpochConfirmed"));
    {
        const char *said = cluster_condition(arena, "HubEpochConfirmed");
        const char *at = strstr(said, "confirmed-epoch=");
        long long epoch = at ? strtoll(at + strlen("confirmed-epoch="), NULL, 10) : 0;
        const char *text =
            arena_printf(arena, "{metadata: {annotations: {axle.dev/confirmed-epoch: '%lld-%d'}}}",
                         epoch, revision);

        CHECK(epoch > 0, "it says which annotation confirms that");
        patch_cluster(text);
    }
    run(900);
    CHECK_INT((int64_t)works_count(spoke->works), 0, "once that is confirmed, the hub is followed");
    CHECK(strstr(cluster_condition(arena, "HubEpochConfirmed"), "True the hub is in epoch"),
          "and the ManagedCluster says so (%s)", cluster_condition(arena, "HubEpochConfirmed"));
}

int main(void)
{
    make_place(1);
    start();
    take_over();
    check_lists();
    check_watches();
    check_ends();
    check_writes();
    check_finalizer();
    check_lost_writes();
    check_lease();
    drop_place();
    return check_done();
}
