/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rollouts and Jobs on an invented machine, by seed: pods crash, blink, are evicted and
 * lost, templates and counts change, agents are killed. Judged by the rules of Kubernetes'
 * controllers: whatever the cluster itself stops leaves enough pods available, there are
 * never more than replicas + maxSurge, a bad template never takes what is good, lost pods
 * come back, each template of a Job runs as often as it may, and in the end all converges.
 */

#include "simulated_fixture.h"

#include <stdlib.h>

#define SEEDS 15

static uint64_t seed;

/* What the test wants now, and what it knows of each version: odd ones do not work. */
static struct wish {
    bool stateful, parallel;
    int version, replicas, surge, unavailable, partition;
} wish;
static bool blinking; /* no readiness probe succeeds for a while */
static int faults;    /* rules that were broken */
static struct map *versions; /* pod id -> its version, and a flag for each that was ready */

struct known {
    int version;
    bool good; /* its last probe succeeded, and nothing happened to it since */
};

static void broken(const char *rule, const char *pod, int is, int bound)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *report = cluster ? cluster_report(cluster, arena, "w") : NULL;

    if (faults++ < 3)
        printf("# seed %llu: %s (%s: %d, bound %d)\n# %s\n", (unsigned long long)seed, rule, pod, is,
               bound, report ? document_json(arena, report) : "nothing is left");
}

/* ---- A runtime that is watched --------------------------------------------------------- */

static int version_of(const struct node *spec)
{
    const struct node *env = node_get(node_item(node_get(spec, "containers"), 0), "env");

    for (size_t i = 0; i < node_count(env); i++)
        if (text_starts(node_text(node_item(env, i)), "V="))
            return (int)strtol(node_text(node_item(env, i)) + 2, NULL, 10);
    return -1;
}

/* Pods that are not on their way out, and those of them that are ready. */
static int count_pods(bool ready)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *pods = node_get(cluster_report(cluster, arena, "w"), "pods");
    int count = 0;

    for (size_t i = 0; i < node_count(pods); i++) {
        const struct node *pod = node_item(pods, i);

        if (strcmp(node_get_text(pod, "phase"), "Terminating") != 0)
            count += !ready || node_get_bool(pod, "ready", false);
    }
    return count;
}

/* Those whose last probe succeeded, whether or not this agent has heard of it. */
static int count_good(void)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *pods = node_get(cluster_report(cluster, arena, "w"), "pods");
    int count = 0;

    for (size_t i = 0; i < node_count(pods); i++) {
        const struct node *pod = node_item(pods, i);
        const struct known *known =
            map_get(versions, arena_printf(arena, "lab.%s", node_get_text(pod, "name")));

        count += known && known->good && strcmp(node_get_text(pod, "phase"), "Terminating") != 0;
    }
    return count;
}

static int most_of(void)
{
    return wish.stateful ? wish.replicas : wish.replicas + wish.surge;
}

static int fewest_of(void)
{
    int unavailable = wish.stateful || wish.unavailable + wish.surge == 0 ? 1 : wish.unavailable;

    return wish.replicas > unavailable ? wish.replicas - unavailable : 0;
}

static int watched_create(struct runtime *runtime, const struct node *spec, struct err *err)
{
    const char *id = node_get_text(spec, "id");
    struct known *known = mem_alloc(sizeof *known), *old;
    int now = count_pods(false);

    known->version = version_of(spec);
    old = map_put(versions, id, known);
    mem_free(&old);
    if (now > most_of())
        broken("more pods than replicas and maxSurge", id, now, most_of());
    return runtime_simulated.create(runtime, spec, err);
}

static void watched_stop(struct runtime *runtime, const char *id, const char *container, int64_t grace)
{
    const struct known *known = map_get(versions, id);
    int left = count_good();

    if (!container && known && known->good && left < fewest_of())
        broken("an available pod was stopped beyond the budget", id, left, fewest_of());
    runtime_simulated.stop(runtime, id, container, grace);
}

static int agents; /* how many there have been: an earlier one hears no answer */

struct question {
    char id[128];
    int agent;
    runtime_probe_fn *done;
    void *arg;
};

static void on_probed(void *arg, bool ok, const char *message)
{
    struct question *q = arg;
    struct known *known = map_get(versions, q->id);

    ok = ok && known && known->version % 2 == 0 && !blinking;
    if (known && q->agent == agents)
        known->good = ok;
    q->done(q->arg, ok, message);
    mem_free(&q);
}

static void watched_probe(struct runtime *runtime, const char *id, const char *container,
                          const struct node *probe, int64_t timeout, runtime_probe_fn *done, void *arg)
{
    struct question *q = mem_alloc(sizeof *q);

    snprintf(q->id, sizeof q->id, "%s", id);
    q->agent = agents;
    q->done = done;
    q->arg = arg;
    runtime_simulated.probe(runtime, id, container, probe, timeout, on_probed, q);
}

/* ---- Rollouts ---------------------------------------------------------------------------- */

static const char template[] =
    "  template:\n    metadata: {labels: {app: w}}\n    spec:\n"
    "      containers: [{name: c, command: [serve], env: [{name: V, value: '%d'}], readinessProbe: "
    "{tcpSocket: {port: 80}, periodSeconds: 1, failureThreshold: 1}}]\n";

static void apply_wish(void)
{
    scoped_mem char *tail = mem_printf(template, wish.version);
    scoped_mem char *text =
        wish.stateful
            ? mem_printf("apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: w, namespace: lab}\n"
                         "spec:\n  serviceName: w\n  replicas: %d\n  podManagementPolicy: %s\n"
                         "  updateStrategy: {rollingUpdate: {partition: %d}}\n"
                         "  selector: {matchLabels: {app: w}}\n%s",
                         wish.replicas, wish.parallel ? "Parallel" : "OrderedReady", wish.partition, tail)
            : mem_printf("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w, namespace: lab}\n"
                         "spec:\n  replicas: %d\n  strategy: {rollingUpdate: {maxSurge: %d, "
                         "maxUnavailable: %d}}\n  selector: {matchLabels: {app: w}}\n%s",
                         wish.replicas, wish.surge, wish.unavailable, tail);

    apply_text(text);
}

static bool is_done(void *arg)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *report = cluster_report(cluster, arena, "w");

    return !strcmp(node_get_text(report, "phase"), "Running") &&
           node_get_int(report, "ready", 0) == wish.replicas &&
           (int)node_count(node_get(report, "pods")) == wish.replicas;
}

static bool is_served(void *arg)
{
    return count_pods(true) >= fewest_of();
}

static void hurt_one(struct loop_world *world)
{
    size_t pods = 0;
    const char *id;

    runtime_simulated_running("edge-1", &pods);
    if (!pods || !(id = runtime_simulated_pod("edge-1", loop_world_dice(world, pods))))
        return;
    if (map_get(versions, id))
        ((struct known *)map_get(versions, id))->good = false;
    if (loop_world_dice(world, 4) == 0)
        runtime_simulated_evict("edge-1", id);
    else
        runtime_simulated_end("edge-1", id, "c", 1, 0, false);
}

static void forget_goodness(void)
{
    struct known *known;
    size_t at = 0;

    while ((known = map_next(versions, &at, NULL)))
        known->good = false;
}

static void restart_agent(struct loop_world *world, struct loop *loop)
{
    cluster_close(&cluster);
    agents++;
    if (loop_world_dice(world, 4) == 0) {
        forget_goodness();
        runtime_simulated_reboot("edge-1");
    }
    open_cluster(loop);
}

static void one_move(struct loop_world *world, struct loop *loop)
{
    switch (loop_world_dice(world, 8)) {
    case 0:
        wish.version = (int)loop_world_dice(world, 6);
        apply_wish();
        break;
    case 1:
        wish.replicas = 1 + (int)loop_world_dice(world, 5);
        apply_wish();
        break;
    case 2:
    case 3:
    case 4:
        hurt_one(world);
        break;
    case 5:
        blinking = true;
        loop_world_run(world, (1 + (int64_t)loop_world_dice(world, 4)) * CLOCK_SECOND);
        blinking = false;
        break;
    case 6:
        restart_agent(world, loop);
        break;
    default:
        loop_world_run(world, (int64_t)loop_world_dice(world, 30) * CLOCK_SECOND);
    }
    loop_world_run(world, (int64_t)loop_world_dice(world, 3000) * CLOCK_MS);
}

/* From a version that works and was rolled out, to one that does not: what is good stays
   or comes back, whatever happens to it, and the agent with it. */
static void judge_stuck(struct loop_world *world, struct loop *loop)
{
    wish.version = 2 * (int)loop_world_dice(world, 3);
    apply_wish();
    if (!loop_world_run_until(world, is_done, NULL, 1500 * CLOCK_SECOND))
        broken("it does not converge", "", count_pods(true), wish.replicas);
    wish.version++;
    apply_wish();
    for (int i = 0; i < 6; i++) {
        loop_world_run(world, (int64_t)loop_world_dice(world, 4000) * CLOCK_MS);
        if (loop_world_dice(world, 3) == 0)
            restart_agent(world, loop);
        else
            hurt_one(world);
    }
    if (!loop_world_run_until(world, is_served, NULL, 1500 * CLOCK_SECOND))
        broken("a template that does not work took good pods for good", "", count_pods(true), fewest_of());
}

static void forget_pods(void)
{
    struct known *known;
    size_t at = 0;

    while ((known = map_next(versions, &at, NULL)))
        mem_free(&known);
    map_free(&versions);
    versions = map_new();
}

static void run_rollouts(bool stateful)
{
    scoped_world struct loop_world *world = loop_world_new(seed);
    struct loop *loop = loop_world_host(world, "edge-1");

    open_cluster(loop);
    wish = (struct wish){ .stateful = stateful, .parallel = loop_world_dice(world, 2) == 0,
                          .replicas = 1 + (int)loop_world_dice(world, 5),
                          .surge = (int)loop_world_dice(world, 3),
                          .unavailable = (int)loop_world_dice(world, 3) };
    apply_wish();
    for (int i = 0; i < 25; i++)
        one_move(world, loop);
    judge_stuck(world, loop);
    wish.version++; /* one that works takes the place of the stuck one */
    apply_wish();
    if (!loop_world_run_until(world, is_done, NULL, 1500 * CLOCK_SECOND))
        broken("it does not converge after a stuck rollout", "", count_pods(true), wish.replicas);
    wish.replicas = 0;
    cluster_remove(cluster, "w");
    if (!loop_world_run_until(world, is_gone, NULL, 600 * CLOCK_SECOND))
        broken("it does not go", "", count_pods(false), 0);
    cluster_close(&cluster);
    loop_free(&loop);
    runtime_simulated_reset();
    forget_pods();
    if (map_count(kept))
        broken("something is kept of what has gone", "", (int)map_count(kept), 0);
}

static void test_rollouts(bool stateful, uint64_t first, uint64_t last)
{
    faults = 0;
    for (seed = first; seed <= last && faults < 3; seed++)
        run_rollouts(stateful);
    CHECK_INT(faults, 0, "%ss keep their budget and converge", stateful ? "StatefulSet" : "Deployment");
}

/* With a number: that seed alone. */
int main(int argc, char **argv)
{
    uint64_t only = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;

    kept = map_new();
    versions = map_new();
    driver = runtime_simulated;
    driver.create = watched_create;
    driver.stop = watched_stop;
    driver.probe = watched_probe;
    test_rollouts(false, only ? only : 1, only ? only : SEEDS);
    test_rollouts(true, only ? only : 1, only ? only : SEEDS);
    forget_pods();
    map_free(&versions);
    map_free(&kept);
    return check_done();
}
