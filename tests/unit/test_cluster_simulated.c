/* SPDX-License-Identifier: Apache-2.0 */
/* A local cluster on an invented machine: agents crash, machines reboot, by seed. */

#include "check.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "loop/loop.h"
#include "sim/runtime.h"
#include "sim/world.h"

static struct map *kept;

static void keep_put(void *arg, const char *name, const void *bytes, size_t len)
{
    char *copy = mem_alloc(len + 1), *old;

    memcpy(copy, bytes, len);
    old = map_put(kept, name, copy);
    mem_free(&old);
}

static void keep_remove(void *arg, const char *name)
{
    char *old = map_remove(kept, name);

    mem_free(&old);
}

static void keep_commit(void *arg, cluster_kept_fn *done, void *done_arg)
{
    done(done_arg, NULL);
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

static struct cluster *open_cluster(struct loop *loop)
{
    struct cluster_options options = {
        .loop = loop,
        .runtime = &runtime_simulated,
        .runtime_options = {.directory = "edge-1"},
        .keep = {NULL, keep_put, keep_remove, keep_commit, keep_each},
    };
    struct cluster *cluster = NULL;
    struct err err = {0};

    if (cluster_open("local", &options, &cluster, &err) < 0)
        printf("Bail out! %s\n", err.text);
    return cluster;
}

static const char yaml[] =
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: lab}\n"
    "spec:\n  replicas: 3\n  template:\n    spec:\n"
    "      containers: [{name: c, command: [serve], readinessProbe: {tcpSocket: {port: 80}},"
    " env: [{name: V, value: '%d'}]}]\n";

static void apply(struct cluster *cluster, int version)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *text = mem_printf(yaml, version);
    struct cluster_manifest item = {
        document_read_yaml(arena, text, strlen(text), true, &document_limits_api, NULL)};
    struct cluster_set set = {.owner = "w", .items = &item, .count = 1};

    cluster_apply(cluster, &set);
}

static bool is_running(void *arg)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *report = cluster_report(arg, arena, "w");

    return !strcmp(node_get_text(report, "phase"), "Running") &&
           node_get_int(report, "ready", 0) == 3 && node_count(node_get(report, "pods")) == 3;
}

static bool is_gone(void *arg)
{
    scoped_arena struct arena *arena = arena_new();

    return !cluster_report(arg, arena, "w");
}

static bool run_seed(uint64_t seed)
{
    scoped_world struct loop_world *world = loop_world_new(seed);
    struct loop *loop = loop_world_host(world, "edge-1");
    struct cluster *cluster = open_cluster(loop);
    bool good = true;

    for (int round = 0; round < 12 && good; round++) {
        apply(cluster, (int)loop_world_random(world, 3));
        loop_world_run(world, (int64_t)loop_world_random(world, 50) * CLOCK_MS);
        if (loop_world_random(world, 3) == 0) { /* the agent is killed and starts again */
            cluster_close(&cluster);
            if (loop_world_random(world, 2) == 0)
                runtime_simulated_reboot("edge-1");
            cluster = open_cluster(loop);
        }
        if (loop_world_random(world, 3) == 0)
            good = loop_world_run_until(world, is_running, cluster, 900 * CLOCK_SECOND);
    }
    good = good && loop_world_run_until(world, is_running, cluster, 900 * CLOCK_SECOND);
    cluster_remove(cluster, "w");
    good = good && loop_world_run_until(world, is_gone, cluster, 60 * CLOCK_SECOND);
    if (!good) {
        scoped_arena struct arena *arena = arena_new();
        struct node *report = cluster_report(cluster, arena, "w");

        printf("# seed %llu: %s\n", (unsigned long long)seed,
               report ? document_json(arena, report) : "gone");
    }
    cluster_close(&cluster);
    loop_free(&loop);
    runtime_simulated_reset();
    return good && map_count(kept) == 0;
}

int main(void)
{
    int converged = 0;

    kept = map_new();
    for (uint64_t seed = 1; seed <= 200; seed++)
        converged += run_seed(seed);
    CHECK_INT(converged, 200, "every seed ends with three ready pods, and then with none");
    map_free(&kept);
    return check_done();
}
