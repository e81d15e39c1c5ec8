/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rollouts and Jobs on an invented machine, by seed: pods crash, blink, are evicted and
 * lost, templates and counts change, agents are killed. Judged by the rules of Kubernetes'
 * controllers: whatever the cluster itself stops leaves enough pods available, there are
 * never more than replicas + maxSurge, a bad template never takes what is good, lost pods
 * come back, each template of a Job runs as often as it may, and in the end all converges.
 */

#include "sim/runtime.h"
#include "sim/world.h"
#include "simulated_fixture.h"

#include <stdlib.h>

#define SEEDS 20
#define SEEDS_DEEP 1000

static uint64_t seed;
static bool verbose; /* tells every move and what came of it */

/* What the test wants now, and what it knows of each version: odd ones do not work. */
static struct wish {
    bool stateful, parallel;
    int version, replicas, surge, unavailable, partition;
    int min_ready, delay; /* minReadySeconds and initialDelaySeconds */
} wish;
static bool blinking;        /* no readiness probe succeeds for a while */
static int64_t late;         /* probes are answered as much as that later */
static int faults;           /* rules that were broken */
static struct map *versions; /* pod id -> struct known */

/* What is known of a pod, whether or not the agent of this moment has heard of it. */
struct known {
    int version;
    bool good;     /* its last probe succeeded, and nothing happened to it since */
    int64_t since; /* when it became so */
    bool was_good; /* before something happened to it, at `hurt` */
    int64_t hurt;
    unsigned life; /* another number after each of its starts, no two pods have one */
};
static unsigned lives;

/* An agent hears of what happens a moment later. */
#define HEARSAY (10 * CLOCK_MS)

static void broken(const char *rule, const char *pod, int is, int bound)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *report = cluster ? cluster_report(cluster, arena, "w") : NULL;

    if (faults++ < 3)
        printf("# seed %llu: %s (%s: %d, bound %d)\n# %s\n", (unsigned long long)seed, rule, pod,
               is, bound, report ? document_json(arena, report) : "nothing is left");
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

/* A StatefulSet's pod beyond `replicas` is on its way out, and counts for nothing. */
static bool is_condemned(const char *name)
{
    const char *dash = strrchr(name, '-');

    return wish.stateful && dash && strtol(dash + 1, NULL, 10) >= wish.replicas;
}

static bool is_available(const struct known *known, bool heard)
{
    int64_t now = clock_wall();

    if (!known->good)
        return !heard && known->was_good && now - known->hurt <= HEARSAY;
    return now - known->since >= wish.min_ready * CLOCK_SECOND;
}

enum kind_id { ALL_PODS, READY_PODS, AVAILABLE_PODS };

/* Pods that are not on their way out: all, those that the agent calls ready, or those that
   are available as far as an agent could know. */
static int count_pods(enum kind_id which)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *pods = node_get(cluster_report(cluster, arena, "w"), "pods");
    int count = 0;

    for (size_t i = 0; i < node_count(pods); i++) {
        const struct node *pod = node_item(pods, i);
        const char *name = node_get_text(pod, "name");
        const struct known *known = map_get(versions, arena_printf(arena, "lab.%s", name));

        if (!strcmp(node_get_text(pod, "phase"), "Terminating") || is_condemned(name))
            continue;
        count += which == ALL_PODS     ? 1
                 : which == READY_PODS ? node_get_bool(pod, "ready", false)
                                       : known && is_available(known, false);
    }
    return count;
}

static int most_of(void)
{
    return wish.stateful ? wish.replicas : wish.replicas + wish.surge;
}

static int fewest_of(void)
{
    int unavailable = wish.stateful ? 1 : wish.unavailable;

    if (!wish.stateful && wish.unavailable + wish.surge == 0)
        unavailable = 1;
    return wish.replicas > unavailable ? wish.replicas - unavailable : 0;
}

static void tell(const char *what, const char *id)
{
    if (verbose)
        printf("# %8.3f %s %s: version %d of %d pods, %d ready, %d available, bounds %d to %d\n",
               (double)(clock_wall() % (86400 * CLOCK_SECOND)) / 1e9, what, id, wish.version,
               count_pods(ALL_PODS), count_pods(READY_PODS), count_pods(AVAILABLE_PODS),
               fewest_of(), most_of());
}

static int watched_create(struct runtime *runtime, const struct node *spec, struct err *err)
{
    const char *id = node_get_text(spec, "id");
    struct known *known = mem_alloc(sizeof *known), *old;
    int now = count_pods(ALL_PODS);

    known->version = version_of(spec);
    known->life = ++lives;
    old = map_put(versions, id, known);
    mem_free(&old);
    tell("create", id);
    if (now > most_of())
        broken("more pods than replicas and maxSurge", id, now, most_of());
    return runtime_simulated.create(runtime, spec, err);
}

/* As Kubernetes' controllers: an ordinal beyond the count goes when the set is Parallel, or
   when all that stay are available; any other pod only if enough others are available. */
static void watched_stop(struct runtime *runtime, const char *id, const char *container,
                         int64_t grace)
{
    struct known *known = map_get(versions, id);
    int left = cluster ? count_pods(AVAILABLE_PODS) : 0;

    if (!cluster) { /* a new agent goes on with what the one before told to end */
        if (known && known->good)
            broken("a new agent stops what is good", id, 0, 0);
        runtime_simulated.stop(runtime, id, container, grace);
        return;
    }
    if (!container)
        tell("stop", id);
    if (!container && is_condemned(id)) {
        if (!wish.parallel && left < wish.replicas && known && clock_wall() - known->hurt > HEARSAY)
            broken("a StatefulSet shrinks before all that stay are available", id, left,
                   wish.replicas);
    } else if (!container && known && is_available(known, true) && left < fewest_of()) {
        broken("an available pod was stopped beyond the budget", id, left, fewest_of());
    }
    if (!container && known) {
        known->good = known->was_good = false;
        known->life = ++lives;
    }
    runtime_simulated.stop(runtime, id, container, grace);
}

/* A probe on its way, which may be answered late. */
struct question {
    char id[128];
    unsigned life;
    bool ok;
    const char *message;
    runtime_probe_fn *done;
    void *arg;
    struct loop_timer *timer; /* owned; NULL: not answered yet */
    struct question *next;
};
static struct question *questions; /* answered, and not delivered yet */
static bool closing;
static struct loop *agent_loop;

static void deliver(void *arg)
{
    struct question *q = arg, **at = &questions;
    struct known *known = map_get(versions, q->id);

    while (*at && *at != q)
        at = &(*at)->next;
    if (*at)
        *at = q->next;
    if (known && known->life == q->life && !closing) {
        if (q->ok != known->good) {
            known->since = clock_wall();
            tell(q->ok ? "good" : "bad", q->id);
        }
        known->good = q->ok;
    }
    loop_timer_free(&q->timer);
    q->done(q->arg, q->ok && !closing, closing ? "the agent ends" : q->message);
    mem_free(&q);
}

static void on_probed(void *arg, bool ok, const char *message)
{
    struct question *q = arg;
    struct known *known = map_get(versions, q->id);

    q->ok = ok && known && known->version % 2 == 0 && !blinking;
    q->message = "simulated";
    if (!late || closing) {
        deliver(q);
        return;
    }
    q->next = questions;
    questions = q;
    q->timer = loop_timer_new(agent_loop, deliver, q);
    loop_timer_set(q->timer, late);
}

static void watched_probe(struct runtime *runtime, const char *id, const char *container,
                          const struct node *probe, int64_t timeout, runtime_probe_fn *done,
                          void *arg)
{
    struct question *q = mem_alloc(sizeof *q);
    const struct known *known = map_get(versions, id);

    snprintf(q->id, sizeof q->id, "%s", id);
    q->life = known ? known->life : 0;
    q->done = done;
    q->arg = arg;
    runtime_simulated.probe(runtime, id, container, probe, timeout, on_probed, q);
}

/* The next agent hears nothing of what this one asked. */
static void watched_close(struct runtime **runtime)
{
    closing = true;
    while (questions)
        deliver(questions);
    runtime_simulated.close(runtime);
    closing = false;
}

/* ---- Rollouts ---------------------------------------------------------------------------- */

static const char template[] =
    "  template:\n    metadata: {labels: {app: w}}\n    spec:\n"
    "      containers: [{name: c, command: [serve], env: [{name: V, value: '%d'}], readinessProbe: "
    "{tcpSocket: {port: 80}, periodSeconds: 1, failureThreshold: 1, initialDelaySeconds: %d}}]\n";

static void apply_wish(void)
{
    scoped_mem char *tail = mem_printf(template, wish.version, wish.delay);
    scoped_mem char *text =
        wish.stateful
            ? mem_printf(
                  "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: w, namespace: lab}\n"
                  "spec:\n  serviceName: w\n  replicas: %d\n  podManagementPolicy: %s\n"
                  "  minReadySeconds: %d\n  updateStrategy: {rollingUpdate: {partition: %d}}\n"
                  "  selector: {matchLabels: {app: w}}\n%s",
                  wish.replicas, wish.parallel ? "Parallel" : "OrderedReady", wish.min_ready,
                  wish.partition, tail)
            : mem_printf(
                  "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w, namespace: lab}\n"
                  "spec:\n  replicas: %d\n  minReadySeconds: %d\n  strategy: {rollingUpdate: "
                  "{maxSurge: %d, maxUnavailable: %d}}\n  selector: {matchLabels: {app: w}}\n%s",
                  wish.replicas, wish.min_ready, wish.surge, wish.unavailable, tail);

    apply_text(text);
    tell("apply", wish.stateful ? wish.parallel ? "Parallel" : "OrderedReady" : "Deployment");
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
    return count_pods(READY_PODS) >= fewest_of();
}

/* A look each second: one at each of the world's steps would take most of the time. */
static bool comes(struct loop_world *world, bool (*is_so)(void *), int seconds)
{
    while (!is_so(NULL) && seconds-- > 0)
        loop_world_run(world, CLOCK_SECOND);
    return seconds > 0;
}

static void hurt(struct known *known)
{
    if (!known)
        return;
    known->hurt = clock_wall();
    known->was_good = known->good;
    known->good = false;
    known->life = ++lives;
}

static void hurt_one(struct loop_world *world)
{
    size_t pods = 0;
    const char *id;

    runtime_simulated_running("edge-1", &pods);
    if (!pods || !(id = runtime_simulated_pod("edge-1", loop_world_random(world, pods))))
        return;
    hurt(map_get(versions, id));
    tell("hurt", id);
    if (loop_world_random(world, 4) == 0)
        runtime_simulated_evict("edge-1", id);
    else
        runtime_simulated_end("edge-1", id, "c", 1, 0, false);
}

static void hurt_all(void)
{
    struct known *known;
    size_t at = 0;

    while ((known = map_next(versions, &at, NULL)))
        hurt(known);
}

static void change_version(struct loop_world *world)
{
    wish.version = (int)loop_world_random(world, 6);
    apply_wish();
}

static void change_count(struct loop_world *world)
{
    wish.replicas = 1 + (int)loop_world_random(world, 5);
    apply_wish();
}

static void wait_moment(struct loop_world *world)
{
    loop_world_run(world, (int64_t)loop_world_random(world, 30) * CLOCK_MS);
}

/* As where the disk is full, or the agent before was of a program that kept nothing. */
static void note_nothing(struct runtime *runtime, const char *pod, int64_t since)
{
}

/* What was ready stays so for a new agent, before it has asked. */
static void judge_restart(void)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *pods = node_get(cluster_report(cluster, arena, "w"), "pods");

    for (size_t i = 0; i < node_count(pods); i++) {
        const struct node *pod = node_item(pods, i);
        const char *name = node_get_text(pod, "name");
        const struct known *known = map_get(versions, arena_printf(arena, "lab.%s", name));

        if (known && known->good && strcmp(node_get_text(pod, "phase"), "Terminating") != 0 &&
            !node_get_bool(pod, "ready", false))
            broken("a pod is not ready only for another agent", name, 0, 1);
    }
}

/* Now and then twice in a row, and with a change before the new agent has looked at anything. */
static void restart_agent(struct loop_world *world, struct loop *loop)
{
    do {
        cluster_close(&cluster);
        if (loop_world_random(world, 6) == 0) {
            hurt_all();
            runtime_simulated_reboot("edge-1");
        }
        open_cluster(loop);
        tell("another agent", "");
        if (driver.note_ready != note_nothing)
            judge_restart();
        if (loop_world_random(world, 2) == 0)
            wait_moment(world);
    } while (loop_world_random(world, 3) == 0);
}

/* A template comes when the one before is on its way, so that there are pods of several. */
static void change_often(struct loop_world *world)
{
    for (int left = 1 + (int)loop_world_random(world, 3); left > 0; left--) {
        change_version(world);
        loop_world_run(world, (int64_t)loop_world_random(world, 3000) * CLOCK_MS);
    }
}

/* What an agent must not do for not knowing what the one before knew: in the middle of a
   rollout that goes well, and of others. */
static void change_after_restart(struct loop_world *world, struct loop *loop)
{
    if (loop_world_random(world, 3) == 0) {
        change_often(world);
    } else {
        wish.version = (wish.version / 2 * 2 + 2 * (1 + (int)loop_world_random(world, 2))) % 6;
        apply_wish();
        loop_world_run(world, (int64_t)loop_world_random(world, 200) * CLOCK_MS + late);
    }
    restart_agent(world, loop);
    if (loop_world_random(world, 3) == 0)
        change_count(world);
    else
        change_version(world);
}

static void blink(struct loop_world *world)
{
    blinking = true;
    loop_world_run(world, (1 + (int64_t)loop_world_random(world, 4)) * CLOCK_SECOND);
    blinking = false;
}

static void one_move(struct loop_world *world, struct loop *loop)
{
    switch (loop_world_random(world, 10)) {
    case 0:
        change_often(world);
        break;
    case 1:
        change_count(world);
        break;
    case 2:
    case 3:
        hurt_one(world);
        break;
    case 4:
        blink(world);
        break;
    case 5:
        restart_agent(world, loop);
        break;
    case 6:
    case 7:
        change_after_restart(world, loop);
        break;
    case 8:
        late = (int64_t)loop_world_random(world, 3) * 300 * CLOCK_MS;
        break;
    default:
        loop_world_run(world, (int64_t)loop_world_random(world, 30) * CLOCK_SECOND);
    }
    loop_world_run(world, (int64_t)loop_world_random(world, 3000) * CLOCK_MS);
}

/* From a version that works and was rolled out, to one that does not: what is good stays
   or comes back, whatever happens to it, and the agent with it. */
static void judge_stuck(struct loop_world *world, struct loop *loop)
{
    wish.version = 2 * (int)loop_world_random(world, 3);
    apply_wish();
    if (!comes(world, is_done, 1500))
        broken("it does not converge", "", count_pods(READY_PODS), wish.replicas);
    wish.version++;
    apply_wish();
    for (int i = 0; i < 6; i++) {
        loop_world_run(world, (int64_t)loop_world_random(world, 4000) * CLOCK_MS);
        if (loop_world_random(world, 3) == 0)
            restart_agent(world, loop);
        else
            hurt_one(world);
    }
    if (!comes(world, is_served, 1500))
        broken("a template that does not work took good pods for good", "", count_pods(READY_PODS),
               fewest_of());
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

    agent_loop = loop;
    late = 0;
    driver.note_ready = seed % 2 ? runtime_simulated.note_ready : note_nothing;
    open_cluster(loop);
    wish = (struct wish){
        .stateful = stateful,
        .parallel = loop_world_random(world, 2) == 0,
        .replicas = 1 + (int)loop_world_random(world, 5),
        .surge = (int)loop_world_random(world, 3),
        .unavailable = (int)loop_world_random(world, 3),
        .min_ready =
            seed % 2 && loop_world_random(world, 3) == 0 ? (int)loop_world_random(world, 8) : 0,
        .delay = loop_world_random(world, 3) == 0 ? (int)loop_world_random(world, 8) : 0};
    apply_wish();
    for (int i = 0; i < 25; i++)
        one_move(world, loop);
    judge_stuck(world, loop);
    wish.version++; /* one that works takes the place of the stuck one */
    apply_wish();
    if (!comes(world, is_done, 1500))
        broken("it does not converge after a stuck rollout", "", count_pods(READY_PODS),
               wish.replicas);
    wish.replicas = 0;
    cluster_remove(cluster, "w");
    if (!loop_world_run_until(world, is_gone, NULL, 600 * CLOCK_SECOND))
        broken("it does not go", "", count_pods(ALL_PODS), 0);
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
    CHECK_INT(faults, 0, "%ss keep their budget and converge",
              stateful ? "StatefulSet" : "Deployment");
}

/* With a number: that seed alone, or with two from the one to the other; -v tells all. */
int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    uint64_t last = argc > 2         ? strtoul(argv[2], NULL, 10)
                    : argc > 1       ? first
                    : getenv("DEEP") ? SEEDS_DEEP
                                     : SEEDS;

    verbose = argc > 3 && !strcmp(argv[3], "-v");
    kept = map_new();
    versions = map_new();
    driver = runtime_simulated;
    driver.close = watched_close;
    driver.create = watched_create;
    driver.stop = watched_stop;
    driver.probe = watched_probe;
    test_rollouts(false, first, last);
    test_rollouts(true, first, last);
    forget_pods();
    map_free(&versions);
    map_free(&kept);
    return check_done();
}
