/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that a report costs one row: rows, pauses and turns of the controllers, by counts. */
#include "controllers/key_heap.h"
#include "controllers/queue.h"
#include "controllers/rows.h"
#include "controllers/table.h"

#include "base/text.h"

/* Of the fixture it takes what it needs. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "hub_fixture.h"

#include <math.h>

#define WORK "research.hi-echo"

static const char place[] =
    "apiVersion: axle.dev/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\n"
    "spec: {displayName: Acme, clusterSets: [global]}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: Project\nmetadata: {name: research}\n"
    "spec: {tenant: acme}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: Environment\n"
    "metadata: {name: all, namespace: research}\n"
    "spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: WorkloadProfile\n"
    "metadata: {name: echo, namespace: research}\n"
    "spec:\n  type: Application\n  variables: [{name: word, type: string, default: hello}]\n"
    "  components:\n  - name: server\n    type: webservice\n"
    "    properties: {command: [echo, \"{{ .var.word }}\"], port: 8080}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: ProfileBundle\n"
    "metadata: {name: echo, namespace: research}\n"
    "spec: {type: Application, workloadProfileRefs: [{name: echo}]}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: AIWorkload\n"
    "metadata: {name: hi, namespace: research}\n"
    "spec: {profileBundleRef: {name: echo}, environmentRef: {name: all}}\n";

/* ---- A fleet, as far as the hub can see -------------------------------------------------- */

static char *spoke_name(struct hub *hub, size_t i)
{
    return arena_printf(hub->arena, "s%04zu", i);
}

static void rest(struct hub *hub)
{
    for (int i = 0; i < 100 && !controllers_idle(hub->controllers); i++)
        loop_world_run(hub->world, 50 * CLOCK_MS);
    loop_world_run(hub->world, 200 * CLOCK_MS);
}

static void open_fleet(struct hub *hub, size_t count)
{
    scoped_text struct text yaml = {0};

    hub_start(hub);
    for (size_t i = 0; i < count; i++)
        text_addf(&yaml,
                  "%sapiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\n"
                  "metadata: {name: %s}\nspec: {hubAcceptsClient: true}\n",
                  i ? "---\n" : "", spoke_name(hub, i));
    CHECK_TEXT(hub_apply(hub, text_string(&yaml)), "", "%zu spokes", count);
    rest(hub);
    CHECK_TEXT(hub_apply(hub, place), "", "and an application");
    rest(hub);
}

/* The spoke runs it, or tries to; nothing is waited for. */
static void tell(struct hub *hub, size_t spoke, bool well)
{
    char *cluster = spoke_name(hub, spoke);
    scoped_object struct object *work = hub_find(hub, "manifestworks", cluster, WORK);
    scoped_object struct object *load = hub_find(hub, "workloads", cluster, "hi-echo");
    static const char *const types[] = {"Applied", "Available", "Progressing", "Degraded"};
    struct node *status = node_map(hub->arena),
                *list = node_make_list(hub->arena, status, "conditions");
    struct node *mirror = node_map(hub->arena), *part;
    struct err err = {0};
    int64_t generation;

    if (!work || !load) {
        CHECK(false, "%s has the work and the Workload", cluster);
        return;
    }
    generation = meta_generation(object_read(hub->arena, work));
    for (size_t i = 0; i < count_of(types); i++) {
        bool holds = i == 0 || (i == 1 && well) || (i == 3 && !well);
        struct node *one = node_map(hub->arena);

        node_set_text(hub->arena, one, "type", types[i]);
        node_set_text(hub->arena, one, "status", holds ? "True" : "False");
        node_set_text(hub->arena, one, "reason", "Ok");
        node_set_text(hub->arena, one, "message", i == 3 && !well ? "no such command" : "");
        node_set_int(hub->arena, one, "observedGeneration", generation);
        node_add(hub->arena, list, one);
    }
    part = node_make(hub->arena, mirror, "work");
    node_set_text(hub->arena, part, "uid", work->uid);
    node_set_int(hub->arena, part, "generation", generation);
    part = node_make(hub->arena, mirror, "copies");
    node_set_int(hub->arena, part, "wanted", 1);
    node_set_int(hub->arena, part, "ready", well);
    hub_must(objects_set_status(hub->objects, "spoke", load, mirror, NULL, &err), &err);
    hub_must(objects_set_status(hub->objects, "spoke", work, status, NULL, &err), &err);
}

static const char *told(struct hub *hub, const char *field)
{
    const struct node *status = node_get(hub_get(hub, "aiworkloads", "research", "hi"), "status");

    return node_get_text(status, field);
}

static const struct node *summary_of(struct hub *hub)
{
    return node_at(hub_get(hub, "manifestworkreplicasets", "research", "hi-echo"), "status",
                   "summary", NULL);
}

/* ---- What N reports cost ---------------------------------------------------------------- */

struct cost {
    double parsed, walked;
    int64_t told; /* writes of the hub's own */
};

/* Every spoke reports once, in the course of one second. */
static struct cost report_all(struct hub *hub, size_t count)
{
    struct turn_counts before = hub->controllers->counts;
    int64_t revision = objects_revision(hub->objects);

    for (size_t i = 0; i < count; i++) {
        tell(hub, i, true);
        loop_world_run(hub->world, CLOCK_SECOND / (int64_t)count);
    }
    rest(hub);
    return (struct cost){(double)(hub->controllers->counts.parsed - before.parsed),
                         (double)(hub->controllers->counts.walked - before.walked),
                         objects_revision(hub->objects) - revision - 2 * (int64_t)count};
}

static struct cost measure_fleet(size_t count)
{
    struct hub hub = {0};
    struct cost ret;
    char *ready;

    open_fleet(&hub, count);
    ret = report_all(&hub, count);
    ready = arena_printf(hub.arena, "%zu/%zu", count, count);
    CHECK_TEXT(told(&hub, "ready"), ready, "all %zu are ready", count);
    CHECK_TEXT(told(&hub, "copies"), ready, "with their copies");
    CHECK_INT(node_get_int(summary_of(&hub), "available", 0), count, "the replica set counts them");
    CHECK(ret.told <= 80, "%zu reports in a second are %lld writes of the hub's", count,
          (long long)ret.told);
    printf("# %zu reports: %.0f objects parsed, %.0f rows walked\n", count, ret.parsed, ret.walked);
    hub_end(&hub);
    return ret;
}

static void check_costs(void)
{
    static const size_t counts[] = {10, 100, 1000};
    struct cost costs[count_of(counts)];

    for (size_t i = 0; i < count_of(counts); i++)
        costs[i] = measure_fleet(counts[i]);
    for (size_t i = 1; i < count_of(counts); i++) {
        double parsed = log10(costs[i].parsed / costs[i - 1].parsed);
        double walked = log10(costs[i].walked / costs[i - 1].walked);

        CHECK(parsed <= 1.0, "from %zu to %zu reports parsed objects grow by N^%.2f", counts[i - 1],
              counts[i], parsed);
        CHECK(walked <= 1.1, "and rows by N^%.2f", walked);
    }
    CHECK(costs[2].parsed / 1000 <= 12, "a report parses %.1f objects", costs[2].parsed / 1000);
}

/* ---- When it is told -------------------------------------------------------------------- */

static int64_t degraded(struct hub *hub)
{
    return node_get_int(summary_of(hub), "degraded", 0);
}

/* Of many spokes: the first report at once, others together, the last one always. */
static void check_pause(void)
{
    struct hub hub = {0};
    uint64_t runs;

    open_fleet(&hub, 80);
    report_all(&hub, 80);
    tell(&hub, 3, false);
    loop_world_run(hub.world, 5 * CLOCK_MS);
    CHECK_INT(degraded(&hub), 1, "a report after a rest is told at once");
    CHECK_TEXT(told(&hub, "phase"), "Degraded", "to the top");
    runs = hub.controllers->counts.runs;
    for (size_t i = 10; i < 40; i++) {
        tell(&hub, i, false);
        loop_world_run(hub.world, CLOCK_MS);
    }
    CHECK_INT(hub.controllers->counts.runs, runs,
              "30 reports in the pause that follows run nothing");
    CHECK(!controllers_idle(hub.controllers), "but something is still to do");
    hub_patch(&hub, "aiworkloads", "research", "hi",
              "{\"spec\":{\"variables\":{\"word\":\"again\"}}}");
    CHECK_INT(node_get_int(summary_of(&hub), "updated", -1), 0,
              "what changes the object itself does not wait");
    rest(&hub);
    report_all(&hub, 80);
    tell(&hub, 7, false);
    tell(&hub, 8, false);
    loop_world_run(hub.world, 5 * CLOCK_MS);
    tell(&hub, 8, true);
    tell(&hub, 9, false);
    rest(&hub);
    CHECK_INT(degraded(&hub), 2, "what came last is told, too");
    CHECK_TEXT(told(&hub, "ready"), "78/80", "to the top");
    hub_end(&hub);
}

/* One of few spokes says six times in 12 ms that something else is so. */
static void check_few(void)
{
    struct hub hub = {0};
    size_t at_once = 0;

    open_fleet(&hub, 3);
    report_all(&hub, 3);
    for (size_t i = 0; i < 6; i++) {
        tell(&hub, 1, i % 2);
        loop_world_run(hub.world, 2 * CLOCK_MS);
        at_once += degraded(&hub) == !(i % 2) &&
                   !strcmp(told(&hub, "phase"), i % 2 ? "Running" : "Degraded");
    }
    CHECK_INT(at_once, 6, "of few spokes each report is told at once");
    rest(&hub);
    CHECK_TEXT(told(&hub, "phase"), "Running", "and the last one holds");
    hub_end(&hub);
}

/* ---- The recount ------------------------------------------------------------------------ */

static void check_recount(void)
{
    struct hub hub = {0};
    scoped_text struct text why = {0};
    struct work_row *row;

    open_fleet(&hub, 3);
    report_all(&hub, 3);
    CHECK(rows_are_true(hub.controllers, &why), "rows are what a recount gives: %s",
          text_string(&why));
    row = (struct work_row *)rows_work(hub.controllers, WORK, "s0001");
    row->available = !row->available;
    CHECK(!rows_are_true(hub.controllers, &why), "one that is not is found");
    CHECK(strstr(text_string(&why), "ManifestWork s0001/" WORK) &&
              strstr(text_string(&why), "available"),
          "and named: %s", text_string(&why));
    row->available = !row->available;
    hub_stop(&hub);
    hub_start(&hub);
    text_cut(&why, 0);
    CHECK(rows_work(hub.controllers, WORK, "s0002") && rows_are_true(hub.controllers, &why),
          "after a start they are there again");
    hub_end(&hub);
}

/* ---- Whose turn it is ------------------------------------------------------------------- */

/* One namespace has a thousand keys, another one. */
static void check_lanes(void)
{
    struct hub hub = {0};
    struct controllers *all;
    struct key *key;
    size_t taken = 0, place_of_other = 0, many = 0;

    hub_start(&hub);
    all = hub.controllers;
    queue_begin_turn(all);
    for (size_t i = 0; i < 1000; i++)
        controllers_wake(all, &controller_aiworkload, "many", spoke_name(&hub, i));
    controllers_wake(all, &controller_aiworkload, "other", "one");
    CHECK_INT(queue_length(all), 1001, "each key is in the queue once");
    while ((key = queue_take(all))) {
        taken++;
        many += !strcmp(key->namespace, "many");
        if (!strcmp(key->namespace, "other"))
            place_of_other = taken;
        queue_settle(all, key);
    }
    queue_end_turn(all);
    CHECK(place_of_other && place_of_other <= 3, "the other namespace runs as number %zu",
          place_of_other);
    CHECK_INT(many, 1000, "and the thousand, too");
    hub_settle(&hub);
    CHECK(controllers_idle(all), "nothing is left");
    hub_end(&hub);
}

static void check_times(void)
{
    struct key keys[300] = {0};
    struct key_heap heap = {0};
    uint64_t random = 88172645463325252ull;
    int64_t last = 0;
    size_t count = 0, left = 0;
    bool ordered = true;

    for (size_t i = 0; i < 3000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        key_heap_set(&heap, &keys[random % count_of(keys)], (int64_t)(random >> 40) % 1000);
    }
    for (struct key *first; (first = key_heap_first(&heap)); count++) {
        ordered = ordered && first->at >= last;
        last = first->at;
        key_heap_set(&heap, first, 0);
    }
    for (size_t i = 0; i < count_of(keys); i++)
        left += keys[i].at || keys[i].heap_place;
    CHECK(ordered && count > 200 && !left, "%zu times come in order, and none stays", count);
    key_heap_free(&heap);
}

int main(void)
{
    check_times();
    check_lanes();
    check_recount();
    check_pause();
    check_few();
    check_costs();
    return check_done();
}
