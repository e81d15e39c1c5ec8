/* SPDX-License-Identifier: Apache-2.0 */
/* A local cluster whose machine has its clock set, and whose disk takes nothing. */

#include "check.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "loop/loop.h"
#include "sim/runtime.h"
#include "sim/world.h"

#define YEARS (10 * 365 * 86400 * CLOCK_SECOND)
#define HOST "edge-1"

static struct map *kept;
static bool full;
static int refused;

static void keep_put(void *arg, const char *name, const void *bytes, size_t len)
{
    char *copy = full ? NULL : mem_alloc(len + 1), *old;

    if (!copy)
        return;
    memcpy(copy, bytes, len);
    old = map_put(kept, name, copy);
    mem_free(&old);
}

static void keep_remove(void *arg, const char *name)
{
    char *old = full ? NULL : map_remove(kept, name);

    mem_free(&old);
}

static void keep_commit(void *arg, cluster_kept_fn *done, void *done_arg)
{
    struct err err = {0};

    refused += full;
    if (full)
        err_set(&err, ERR_FULL, "the disk is full");
    done(done_arg, full ? &err : NULL);
}

static void keep_each(void *arg, void (*each)(void *, const char *, const void *, size_t),
                      void *each_arg)
{
    const char *name;
    size_t at = 0;
    char *bytes;

    while ((bytes = map_next(kept, &at, &name)))
        each(each_arg, name, bytes, strlen(bytes));
}

static struct loop_world *world;
static struct loop *loop;
static struct cluster *cluster;

static void begin(void)
{
    struct cluster_options options = {
        .runtime = &runtime_simulated,
        .runtime_options = {.directory = HOST},
        .keep = {NULL, keep_put, keep_remove, keep_commit, keep_each},
    };
    struct err err = {0};

    kept = map_new();
    full = false;
    world = loop_world_new(1);
    loop = options.loop = loop_world_host(world, HOST);
    CHECK(cluster_open("local", &options, &cluster, &err) == 0, "opens (%s)", err.text);
}

static void end(void)
{
    char *bytes;
    size_t at = 0;

    cluster_close(&cluster);
    loop_free(&loop);
    loop_world_free(&world);
    runtime_simulated_reset();
    while ((bytes = map_next(kept, &at, NULL)))
        mem_free(&bytes);
    map_free(&kept);
}

static void apply(const char *yaml)
{
    scoped_arena struct arena *arena = arena_new();
    struct cluster_manifest item = {
        document_read_yaml(arena, yaml, strlen(yaml), true, &document_limits_api, NULL)};
    struct cluster_set set = {.owner = "w", .items = &item, .count = 1};

    cluster_apply(cluster, &set);
}

static const char *fact(struct arena *arena, const char *key)
{
    return node_get_text(cluster_report(cluster, arena, "w"), key);
}

static int pods(void)
{
    scoped_arena struct arena *arena = arena_new();

    return (int)node_count(node_get(cluster_report(cluster, arena, "w"), "pods"));
}

/* ---- The clock ---------------------------------------------------------------------- */

static const char job[] =
    "{apiVersion: batch/v1, kind: Job, metadata: {name: j, namespace: lab}, spec: {"
    "activeDeadlineSeconds: 600, backoffLimit: 0, template: {spec: {restartPolicy: Never,"
    " containers: [{name: c, command: [serve]}]}}}}";

static void a_deadline_is_not_reached_by_setting_the_clock(int64_t by)
{
    scoped_arena struct arena *arena = arena_new();

    begin();
    apply(job);
    loop_world_run(world, 100 * CLOCK_SECOND);
    CHECK_INT(pods(), 1, "the job runs");
    loop_world_skew(world, HOST, by);
    cluster_sweep(cluster);
    loop_world_run(world, 300 * CLOCK_SECOND);
    CHECK(strcmp(fact(arena, "phase"), "Degraded") != 0 && pods() == 1,
          "after 400 s of 600 it still does: %s %s", fact(arena, "phase"), fact(arena, "message"));
    cluster_sweep(cluster);
    loop_world_run(world, 400 * CLOCK_SECOND);
    CHECK_TEXT(fact(arena, "phase"), "Degraded", "after 800 s its time is over: %s",
               fact(arena, "message"));
    end();
}

static const char deployment[] =
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: lab}, spec: {"
    "replicas: 2, minReadySeconds: 60, template: {spec: {containers: [{name: c, command: "
    "[serve]}]}}}}";

static void ready_for_long_enough_whatever_the_clock_says(int64_t by)
{
    scoped_arena struct arena *arena = arena_new();

    begin();
    apply(deployment);
    loop_world_run(world, 30 * CLOCK_SECOND);
    CHECK(strcmp(fact(arena, "phase"), "Running") != 0, "not before minReadySeconds are over");
    loop_world_skew(world, HOST, by);
    cluster_sweep(cluster);
    loop_world_run(world, 10 * CLOCK_SECOND);
    CHECK(strcmp(fact(arena, "phase"), "Running") != 0, "nor by setting the clock");
    loop_world_run(world, 60 * CLOCK_SECOND);
    CHECK_TEXT(fact(arena, "phase"), "Running", "and then they are: %s", fact(arena, "message"));
    CHECK_INT(pods(), 2, "nothing was ended for it");
    end();
}

/* ---- The disk ------------------------------------------------------------------------- */

static const struct node *first_row(struct arena *arena)
{
    return node_item(cluster_objects(cluster, arena, "w"), 0);
}

static void what_cannot_be_kept_waits(void)
{
    scoped_arena struct arena *arena = arena_new();

    begin();
    full = true;
    apply(deployment);
    loop_world_run(world, 5 * CLOCK_SECOND);
    CHECK_INT(pods(), 0, "nothing is begun");
    CHECK(!node_get_bool(first_row(arena), "applied", true), "it is not applied");
    CHECK_TEXT(node_get_text(first_row(arena), "reason"), "DiskPressure", "for a reason");
    CHECK_TEXT(node_get_text(first_row(arena), "message"),
               "waits until it can be stored: the disk is full", "in words");
    full = false;
    loop_world_run(world, 2 * CLOCK_SECOND);
    CHECK_INT(pods(), 2, "and begins within a second of room");
    CHECK(node_get_bool(first_row(arena), "applied", false), "it is applied");

    full = true;
    cluster_remove(cluster, "w");
    loop_world_run(world, 40 * CLOCK_SECOND);
    CHECK(cluster_report(cluster, arena, "w") && pods() == 0,
          "what is removed ends at once, and is there until its end is kept");
    full = false;
    loop_world_run(world, 3 * CLOCK_SECOND);
    CHECK(!cluster_report(cluster, arena, "w"), "then it is gone");
    CHECK_INT((int)map_count(kept), 0, "from the disk too");
    end();
}

static void all_is_kept_again(void)
{
    begin();
    apply(deployment);
    loop_world_run(world, CLOCK_SECOND);
    keep_put(NULL, "cluster/owner/old", "{}", 2);
    keep_remove(NULL, "cluster/owner/w");
    cluster_keep_again(cluster);
    CHECK(map_get(kept, "cluster/owner/w") != NULL, "what was lost is there");
    CHECK(!map_get(kept, "cluster/owner/old"), "what is no more is not");
    end();
}

int main(void)
{
    a_deadline_is_not_reached_by_setting_the_clock(YEARS);
    a_deadline_is_not_reached_by_setting_the_clock(3 * 3600 * CLOCK_SECOND);
    a_deadline_is_not_reached_by_setting_the_clock(-YEARS);
    ready_for_long_enough_whatever_the_clock_says(-YEARS);
    ready_for_long_enough_whatever_the_clock_says(YEARS);
    what_cannot_be_kept_waits();
    all_is_kept_again();
    return check_done();
}
