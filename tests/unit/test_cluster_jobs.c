/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs, and pods that end again and again, on an invented machine with an invented clock. */

#include "sim/runtime.h"
#include "sim/world.h"
#include "simulated_fixture.h"

#include <stdlib.h>

static struct loop_world *world;
static struct loop *loop;

/* How each container ends, a second after it has begun; -1: it runs on. By name. */
static struct ending {
    const char *container;
    int code, signal;
    bool oom, evict;
} endings[4];
static int created, started; /* pods and containers, since it was last set to 0 */
static bool refuses;         /* no pod can be made */
static int runs_of[100];     /* pods made of each version */

static int version_of(const struct node *spec)
{
    const struct node *env = node_get(node_item(node_get(spec, "containers"), 0), "env");

    for (size_t i = 0; i < node_count(env); i++)
        if (text_starts(node_text(node_item(env, i)), "V="))
            return (int)strtol(node_text(node_item(env, i)) + 2, NULL, 10) % 100;
    return 0;
}

static int counting_create(struct runtime *runtime, const struct node *spec, struct err *err)
{
    const struct node *containers = node_get(spec, "containers");

    created++;
    runs_of[version_of(spec)]++;
    if (refuses)
        return err_set(err, ERR_UNSUPPORTED, "MountUnavailable: nothing can be mounted");
    for (size_t i = 0; i < node_count(containers); i++)
        started += node_get_bool(node_item(containers, i), "start", false);
    return runtime_simulated.create(runtime, spec, err);
}

static int counting_start(struct runtime *runtime, const char *pod, const char *container,
                          struct err *err)
{
    started++;
    return runtime_simulated.start(runtime, pod, container, err);
}

static void end_containers(void)
{
    const char *id;

    for (size_t i = 0; (id = runtime_simulated_pod("edge-1", i)); i++)
        for (size_t e = 0; e < count_of(endings); e++)
            if (endings[e].container && endings[e].evict)
                runtime_simulated_evict("edge-1", id);
            else if (endings[e].container && endings[e].code >= 0)
                runtime_simulated_end("edge-1", id, endings[e].container, endings[e].code,
                                      endings[e].signal, endings[e].oom);
}

static void pass_seconds(int seconds)
{
    while (seconds-- > 0) {
        loop_world_run(world, CLOCK_SECOND);
        end_containers();
    }
    loop_world_run(world, 100 * CLOCK_MS);
}

static void restart(void)
{
    cluster_close(&cluster);
    open_cluster(loop);
}

static void begin_seed(uint64_t seed)
{
    told[0] = '\0';
    created = started = 0;
    memset(endings, 0, sizeof endings);
    memset(runs_of, 0, sizeof runs_of);
    world = loop_world_new(seed);
    loop = loop_world_host(world, "edge-1");
    open_cluster(loop);
}

static void begin(void)
{
    begin_seed(1);
}

static void finish(const char *what)
{
    cluster_remove(cluster, "w");
    if (!CHECK(loop_world_run_until(world, is_gone, NULL, 600 * CLOCK_SECOND), "%s: it goes",
               what)) {
        scoped_arena struct arena *arena = arena_new();

        printf("# %s\n", document_json(arena, cluster_report(cluster, arena, "w")));
    }
    cluster_close(&cluster);
    CHECK(map_count(kept) == 0, "%s: nothing is kept of it", what);
    loop_free(&loop);
    loop_world_free(&world);
    runtime_simulated_reset();
}

static const char *health(struct arena *arena)
{
    const struct node *object =
        node_item(node_get(cluster_report(cluster, arena, "w"), "objects"), 0);

    return arena_printf(arena, "%s %s: %s", node_get_text(object, "health"),
                        node_get_text(object, "reason"), node_get_text(object, "message"));
}

static void check_health(const char *starts, const char *what)
{
    scoped_arena struct arena *arena = arena_new();

    if (!CHECK(text_starts(health(arena), starts), "%s", what))
        printf("# %s\n", health(arena));
}

/* ---- One run for each template -------------------------------------------------------- */

static void apply_job(int version, const char *spec, const char *policy)
{
    scoped_mem char *text = mem_printf(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: lab}\nspec:\n  %s\n"
        "  template: {spec: {restartPolicy: %s, containers: [{name: c, command: [work], "
        "env: [{name: V, value: '%d'}]}]}}\n",
        spec, policy, version);

    apply_text(text);
}

static void apply_job_of_config(int version)
{
    scoped_mem char *text = mem_printf(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: lab}\nspec:\n"
        "  ttlSecondsAfterFinished: 2\n"
        "  template: {spec: {restartPolicy: Never, containers: [{name: c, command: [work], "
        "envFrom: [{configMapRef: {name: m}}]}]}}\n---\n"
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, namespace: lab}\ndata: {V: '%d'}\n",
        version);

    apply_text(text);
}

/* `ttl` "": none; each version must be run once, whatever happens in between. */
static void run_versions(const char *ttl, int code, bool restarts, bool config)
{
    scoped_mem char *spec =
        mem_printf("backoffLimit: 0%s%s", *ttl ? "\n  ttlSecondsAfterFinished: " : "", ttl);
    scoped_mem char *what =
        mem_printf("ttl %s, code %d%s%s", ttl, code, restarts ? ", agents die" : "",
                   config ? ", only the ConfigMap changes" : "");
    static const int versions[] = {1, 2, 3, 1, 2};

    begin();
    endings[0] = (struct ending){"c", code, 0, false, false};
    for (size_t i = 0; i < count_of(versions); i++) {
        created = 0;
        if (config)
            apply_job_of_config(versions[i]);
        else
            apply_job(versions[i], spec, "Never");
        if (restarts)
            restart();
        pass_seconds(2);
        if (restarts)
            restart();
        pass_seconds(6);
        if (restarts)
            restart();
        pass_seconds(60);
        CHECK_INT(created, 1, "%s: version %d is run once", what, versions[i]);
        check_health(code ? "Failed" : "Current", what);
    }
    finish(what);
}

static void test_runs_once(void)
{
    static const char *const ttls[] = {"", "0", "2", "1000"};

    for (size_t i = 0; i < count_of(ttls); i++)
        for (int restarts = 0; restarts < 2; restarts++) {
            run_versions(ttls[i], 0, restarts, false);
            run_versions(ttls[i], 7, restarts, false);
        }
    run_versions("2", 0, false, true);
    run_versions("2", 0, true, true);
}

static void restart_while(bool work_ends)
{
    cluster_close(&cluster);
    if (work_ends)
        end_containers();
    open_cluster(loop);
}

/* Templates, ends and agents' deaths close upon each other, in any order. */
static void interleave(const char *spec)
{
    int version = 0, doubled = 0;

    for (int move = 0; move < 40; move++) {
        uint64_t what = loop_world_random(world, 8);

        if (what < 2)
            restart_while(what == 0);
        if (what < 5)
            apply_job(++version, spec, "Never");
        if (what == 4 || what == 5)
            restart_while(what == 5);
        if (what == 6)
            end_containers();
        loop_world_run(world, (int64_t)loop_world_random(world, what == 7 ? 5000 : 30) * CLOCK_MS);
    }
    if (loop_world_random(world, 2))
        restart_while(true);
    pass_seconds(60);
    for (int i = 1; i <= version; i++)
        doubled += runs_of[i] > 1;
    CHECK_INT(doubled, 0, "no template is run twice");
    CHECK_INT(runs_of[version], 1, "the last one is run");
    check_health("Current", "and its end is known");
}

static void test_interleaved(void)
{
    for (uint64_t seed = 1; seed <= (getenv("DEEP") ? 1000 : 40); seed++) {
        begin_seed(seed);
        endings[0] = (struct ending){"c", 0, 0, false, false};
        interleave(seed % 2 ? "backoffLimit: 0" : "backoffLimit: 0\n  ttlSecondsAfterFinished: 0");
        finish("the last Job");
    }
}

static void test_deadline(void)
{
    begin();
    endings[0] = (struct ending){"c", -1, 0, false, false};
    apply_job(1, "activeDeadlineSeconds: 30", "Never");
    pass_seconds(20);
    restart();
    pass_seconds(5);
    check_health("InProgress", "before its activeDeadlineSeconds it is active");
    pass_seconds(8);
    check_health(
        "Failed DeadlineExceeded: it was active for longer than activeDeadlineSeconds, 30 s",
        "an agent's start does not begin them anew");
    endings[0].code = 0;
    created = 0;
    apply_job(2, "activeDeadlineSeconds: 30", "Never");
    pass_seconds(5);
    check_health("Current", "another template has its own");
    endings[0].code = -1;
    apply_job(3, "activeDeadlineSeconds: 0", "Never");
    pass_seconds(2);
    check_health(
        "Failed DeadlineExceeded: it was active for longer than activeDeadlineSeconds, 0 s",
        "0 has passed when it begins, as in Kubernetes");
    finish("a deadline");
}

static void test_suspend(void)
{
    begin();
    endings[0] = (struct ending){"c", -1, 0, false, false};
    apply_job(1, "suspend: true\n  activeDeadlineSeconds: 30", "Never");
    pass_seconds(100);
    CHECK_INT(created, 0, "suspended, nothing runs");
    check_health("InProgress Suspended", "and it says so");
    apply_job(1, "suspend: false\n  activeDeadlineSeconds: 30", "Never");
    pass_seconds(20);
    CHECK_INT(created, 1, "resumed, it does");
    apply_job(1, "suspend: true\n  activeDeadlineSeconds: 30", "Never");
    pass_seconds(100);
    apply_job(1, "suspend: false\n  activeDeadlineSeconds: 30", "Never");
    pass_seconds(20);
    check_health("InProgress Running", "and what it was suspended for is not counted");
    finish("a suspended Job");
}

/* ---- Limits ----------------------------------------------------------------------------- */

static const struct {
    const char *name, *policy, *spec;
    struct ending ending;
    int starts; /* of containers, before it is over */
    const char *health;
} limits[] = {
    {"null is as good as absent",
     "OnFailure",
     "backoffLimit: 0\n  completions: null\n  parallelism: null\n"
     "  backoffLimitPerIndex: null\n  maxFailedIndexes: null\n  podFailurePolicy: null\n  successPolicy: null",
     {"c", 1, 0, false, false},
     1,
     "Failed BackoffLimitExceeded"},
    {"Never, limit 0",
     "Never",
     "backoffLimit: 0",
     {"c", 1, 0, false, false},
     1,
     "Failed BackoffLimitExceeded"},
    {"Never, limit 2",
     "Never",
     "backoffLimit: 2",
     {"c", 1, 0, false, false},
     3,
     "Failed BackoffLimitExceeded"},
    {"OnFailure, limit 0",
     "OnFailure",
     "backoffLimit: 0",
     {"c", 1, 0, false, false},
     1,
     "Failed BackoffLimitExceeded"},
    {"OnFailure, limit 1",
     "OnFailure",
     "backoffLimit: 1",
     {"c", 1, 0, false, false},
     2,
     "Failed BackoffLimitExceeded"},
    {"OnFailure, limit 3",
     "OnFailure",
     "backoffLimit: 3",
     {"c", 1, 0, false, false},
     4,
     "Failed BackoffLimitExceeded"},
    {"by a signal",
     "OnFailure",
     "backoffLimit: 1",
     {"c", 0, 11, false, false},
     2,
     "Failed BackoffLimitExceeded"},
    {"Indexed, OnFailure",
     "OnFailure",
     "backoffLimit: 1\n  completions: 1\n  completionMode: Indexed",
     {"c", 1, 0, false, false},
     2,
     "Failed BackoffLimitExceeded"},
    {"each index for itself",
     "OnFailure",
     "backoffLimitPerIndex: 1\n  completions: 2\n  parallelism: 2\n"
     "  completionMode: Indexed",
     {"c", 1, 0, false, false},
     4,
     "Failed FailedIndexes"},
    {"each index for itself, Never",
     "Never",
     "backoffLimitPerIndex: 2\n  completions: 2\n  parallelism: 2\n"
     "  completionMode: Indexed",
     {"c", 1, 0, false, false},
     6,
     "Failed FailedIndexes"},
    {"no more failed indexes",
     "Never",
     "backoffLimitPerIndex: 0\n  maxFailedIndexes: 1\n  completions: 9\n"
     "  parallelism: 1\n  completionMode: Indexed",
     {"c", 1, 0, false, false},
     2,
     "Failed MaxFailedIndexesExceeded"},
    {"FailJob",
     "Never",
     "podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: "
     "[42]}}]}",
     {"c", 42, 0, false, false},
     1,
     "Failed PodFailurePolicy: container c ended with exit code 42, which matches rule 0"},
    {"FailJob by a signal's code",
     "Never",
     "podFailurePolicy: {rules: [{action: Count, onExitCodes: "
     "{operator: In, values: [1]}}, {action: FailJob, onExitCodes: {operator: NotIn, values: [1, 2]}}]}",
     {"c", 0, 9, false, false},
     1,
     "Failed PodFailurePolicy: container c ended with exit code 137"},
    {"FailIndex",
     "Never",
     "backoffLimitPerIndex: 5\n  completions: 2\n  parallelism: 2\n  completionMode: "
     "Indexed\n  podFailurePolicy: {rules: [{action: FailIndex, onExitCodes: {operator: In, values: [3]}}]}",
     {"c", 3, 0, false, false},
     2,
     "Failed FailedIndexes"},
    {"Count",
     "Never",
     "backoffLimit: 1\n  podFailurePolicy: {rules: [{action: Count, onExitCodes: {operator: "
     "In, values: [3]}}]}",
     {"c", 3, 0, false, false},
     2,
     "Failed BackoffLimitExceeded"},
    {"an eviction counts",
     "Never",
     "backoffLimit: 1",
     {"c", 0, 0, false, true},
     2,
     "Failed BackoffLimitExceeded: 2 pods failed; last: volume v holds too much"},
    {"an eviction fails the Job where it is said",
     "Never",
     "podFailurePolicy: {rules: [{action: FailJob, "
     "onPodConditions: [{type: DisruptionTarget}]}]}",
     {"c", 0, 0, false, true},
     1,
     "Failed PodFailurePolicy: condition DisruptionTarget"},
    {"killed for memory",
     "Never",
     "backoffLimit: 0",
     {"c", 0, 9, true, false},
     1,
     "Failed BackoffLimitExceeded: 1 pods failed; last: container c used more memory"},
    {"a child was, and it ends well",
     "Never",
     "backoffLimit: 0",
     {"c", 0, 0, true, false},
     1,
     "Current Completed"},
    {"a child was, OnFailure",
     "OnFailure",
     "backoffLimit: 0",
     {"c", 0, 0, true, false},
     1,
     "Current Completed"},
    {"a child was, and it ends with 3",
     "Never",
     "backoffLimit: 0",
     {"c", 3, 0, true, false},
     1,
     "Failed BackoffLimitExceeded: 1 pods failed; last: container c ended with exit code 3"},
};

static void test_limits(void)
{
    for (size_t i = 0; i < count_of(limits); i++)
        for (int restarts = 0; restarts < 2; restarts++) {
            begin();
            endings[0] = limits[i].ending;
            apply_job(1, limits[i].spec, limits[i].policy);
            for (int minute = 0; minute < 4; minute++) {
                pass_seconds(45);
                if (restarts)
                    restart();
            }
            pass_seconds(1);
            CHECK_INT(started, limits[i].starts, "%s: so many starts", limits[i].name);
            check_health(limits[i].health, limits[i].name);
            if (limits[i].ending.oom && !limits[i].ending.signal)
                CHECK(strstr(told, "OOMKilling"), "%s: an Event says what happened",
                      limits[i].name);
            pass_seconds(700);
            CHECK_INT(started, limits[i].starts, "%s: and it stays so", limits[i].name);
            finish(limits[i].name);
        }
}

static void test_init_fails(void)
{
    begin();
    endings[0] = (struct ending){"i", 1, 0, false, false};
    apply_text("apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: lab}\nspec:\n"
               "  backoffLimit: 1\n  template: {spec: {restartPolicy: OnFailure, initContainers: "
               "[{name: i, command: [prepare]}], containers: [{name: c, command: [work]}]}}\n");
    pass_seconds(60);
    CHECK_INT(started, 2,
              "an init container that fails is restarted as often as backoffLimit says");
    check_health(
        "Failed BackoffLimitExceeded: 1 pods failed; last: container i ended with exit code 1",
        "and then the Job has failed");
    finish("an init container that fails");
}

static size_t pods_there(void)
{
    size_t pods = 0;

    runtime_simulated_running("edge-1", &pods);
    return pods;
}

/* Failed pods that are too many go, and count all the same. */
static void test_many_failures(void)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        begin();
        endings[0] = (struct ending){"c", 1, 0, false, false};
        apply_job(1, "backoffLimit: 260\n  completions: 900\n  parallelism: 45", "Never");
        for (int minute = 0; minute < 35; minute++) {
            pass_seconds(60);
            if (restarts && minute % 5 == 0)
                restart();
        }
        pass_seconds(1);
        check_health("Failed BackoffLimitExceeded: 270 pods failed", "270 of 261 that may fail");
        CHECK_INT(started, 270, "which is how many were started");
        CHECK(pods_there() <= 200, "of which %zu are kept", pods_there());
        finish("many failures");
    }
}

static void test_many_indexes(void)
{
    begin();
    endings[0] = (struct ending){"c", 1, 0, false, false};
    apply_job(
        1,
        "backoffLimitPerIndex: 3\n  completions: 60\n  parallelism: 60\n  completionMode: Indexed",
        "Never");
    pass_seconds(75);
    CHECK_INT(started, 240, "60 indexes are tried four times each");
    check_health("Failed FailedIndexes: 60 indexes failed", "and no more");
    finish("many indexes");
}

static void test_ignored(void)
{
    begin();
    endings[0] = (struct ending){"c", 0, 0, false, true};
    apply_job(1,
              "backoffLimit: 0\n  podFailurePolicy: {rules: [{action: Ignore, onPodConditions: "
              "[{type: DisruptionTarget}]}]}",
              "Never");
    pass_seconds(100);
    check_health("InProgress", "ignored failures do not count");
    CHECK(started >= 3 && started <= 5, "and are tried again with pauses, not once a second");
    endings[0].evict = false;
    pass_seconds(200);
    check_health("Current", "until it goes well");
    finish("ignored failures");
}

/* ---- Again and again ---------------------------------------------------------------------- */

static const char deployment[] =
    "apiVersion: apps/v1\nkind: %s\nmetadata: {name: d, namespace: lab}\nspec:\n  serviceName: d\n"
    "  selector: {matchLabels: {app: d}}\n  template: {metadata: {labels: {app: d}}, spec: {containers: "
    "[{name: c, command: [serve]}]}}\n";

static void apply_kind(const char *kind)
{
    scoped_mem char *set = mem_printf(deployment, kind);

    if (!strcmp(kind, "Pod"))
        apply_text(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: d, namespace: lab}\nspec: {containers: "
            "[{name: c, command: [serve]}]}\n");
    else if (!strcmp(kind, "Deployment"))
        apply_text(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: lab}\nspec:\n"
            "  selector: {matchLabels: {app: d}}\n  template: {metadata: {labels: {app: d}}, spec: "
            "{containers: [{name: c, command: [serve]}]}}\n");
    else
        apply_text(set);
}

/* Once it has failed twice it is not called available again before it has run well. */
static int count_available(int seconds)
{
    int available = 0;

    while (seconds-- > 0) {
        scoped_arena struct arena *arena = arena_new();

        pass_seconds(1);
        available += text_starts(health(arena), "Current");
    }
    return available;
}

static const struct {
    const char *name, *kind;
    struct ending ending;
    bool refuses;
    int least, most; /* starts, or tries to make it, in ten minutes */
} agains[] = {
    {"a Deployment evicted again and again", "Deployment", {"c", 0, 0, false, true}, false, 4, 9},
    {"a StatefulSet evicted again and again", "StatefulSet", {"c", 0, 0, false, true}, false, 4, 9},
    {"a Pod that is evicted stays ended", "Pod", {"c", 0, 0, false, true}, false, 1, 1},
    {"a Deployment that crashes", "Deployment", {"c", 1, 0, false, false}, false, 4, 9},
    {"a Pod that crashes", "Pod", {"c", 1, 0, false, false}, false, 4, 9},
    {"a Deployment that cannot be made", "Deployment", {"c", -1, 0, false, false}, true, 4, 9},
    {"a Pod that cannot be made", "Pod", {"c", -1, 0, false, false}, true, 4, 9},
};

static void test_again(void)
{
    for (size_t i = 0; i < count_of(agains); i++) {
        int tries;

        begin();
        endings[0] = agains[i].ending;
        refuses = agains[i].refuses;
        apply_kind(agains[i].kind);
        pass_seconds(5);
        CHECK_INT(count_available(595), 0, "%s: it is not available in between", agains[i].name);
        tries = refuses ? created : started;
        CHECK(tries >= agains[i].least && tries <= agains[i].most, "%s: %d times in ten minutes",
              agains[i].name, tries);
        check_health("Failed", agains[i].name);
        if (agains[i].most == 1) {
            restart();
            pass_seconds(60);
            check_health("Failed Evicted: volume v holds too much", "also for the next agent");
            CHECK_INT(started, 1, "which does not make it again");
        }
        refuses = false;
        endings[0].evict = false;
        endings[0].code = -1;
        pass_seconds(900);
        check_health(agains[i].most == 1 ? "Failed" : "Current", "in the end it is well");
        finish(agains[i].name);
    }
}

/* ---- Another agent --------------------------------------------------------------------------- */

static void test_agent_changes_nothing(void)
{
    scoped_arena struct arena *arena = arena_new();

    begin();
    endings[0] = (struct ending){"c", -1, 0, false, false};
    apply_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: lab}\nspec:\n"
               "  minReadySeconds: 60\n  selector: {matchLabels: {app: d}}\n  template: {metadata: "
               "{labels: {app: d}}, spec: {containers: [{name: c, command: [serve]}]}}\n");
    pass_seconds(40);
    check_health("InProgress", "before minReadySeconds it is not available");
    restart();
    pass_seconds(10);
    check_health("InProgress", "nor because of another agent");
    pass_seconds(15);
    check_health("Current", "which knows for how long it was ready");
    restart();
    pass_seconds(1);
    check_health("Current", "and the next one does");
    finish("minReadySeconds");

    begin();
    endings[0] = (struct ending){"c", 0, 0, false, true};
    apply_kind("Deployment");
    for (int i = 0; i < 60; i++) {
        pass_seconds(10);
        restart();
    }
    CHECK(started <= 9, "agents that die do not shorten the pauses of what is evicted: %d starts",
          started);
    finish("evictions and agents that die");

    begin();
    refuses = true;
    apply_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: lab}\nspec:\n"
        "  progressDeadlineSeconds: 100\n  selector: {matchLabels: {app: d}}\n  template: {metadata: "
        "{labels: {app: d}}, spec: {containers: [{name: c, command: [serve], readinessProbe: "
        "{httpGet: {port: 80}}}]}}\n");
    pass_seconds(99);
    CHECK(!strstr(document_json(arena, cluster_read(cluster, arena, "w", "apps/v1", "Deployment",
                                                    "lab", "d")),
                  "ProgressDeadlineExceeded"),
          "until progressDeadlineSeconds it is progressing");
    pass_seconds(5);
    CHECK(strstr(document_json(
                     arena, cluster_read(cluster, arena, "w", "apps/v1", "Deployment", "lab", "d")),
                 "ProgressDeadlineExceeded"),
          "and then its condition says that it is not");
    refuses = false;
    pass_seconds(400);
    check_health("Current", "which passes");
    CHECK(!strstr(document_json(arena, cluster_read(cluster, arena, "w", "apps/v1", "Deployment",
                                                    "lab", "d")),
                  "ProgressDeadlineExceeded"),
          "and its condition with it");
    finish("progressDeadlineSeconds");
}

static int64_t ready_now(void)
{
    scoped_arena struct arena *arena = arena_new();

    return node_get_int(cluster_report(cluster, arena, "w"), "ready", 0);
}

static void apply_probed(const char *container)
{
    scoped_mem char *text = mem_printf(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: lab}\nspec:\n"
        "  minReadySeconds: 20\n  selector: {matchLabels: {app: d}}\n  template: {metadata: "
        "{labels: {app: d}}, spec: {containers: [{name: c, command: [serve], %s}]}}\n",
        container);

    apply_text(text);
}

static void test_agent_keeps_readiness(void)
{
    begin();
    endings[0] = (struct ending){"c", -1, 0, false, false};
    apply_probed("startupProbe: {tcpSocket: {port: 80}}, readinessProbe: {tcpSocket: {port: 80}, "
                 "initialDelaySeconds: 60}");
    pass_seconds(40);
    restart();
    pass_seconds(15);
    CHECK_INT(ready_now(), 0, "before its initialDelaySeconds it is not ready");
    pass_seconds(8);
    CHECK_INT(ready_now(), 1, "which count from the container's start, not from the agent's");
    restart();
    CHECK_INT(ready_now(), 1, "what is ready is so for the next agent before it has asked");
    pass_seconds(10);
    check_health("InProgress", "minReadySeconds go on");
    restart();
    pass_seconds(9);
    check_health("Current", "and are not begun anew");
    restart();
    loop_world_run(world, CLOCK_MS);
    check_health("Current", "its health is what it was");
    cluster_close(&cluster);
    runtime_simulated_end("edge-1", runtime_simulated_pod("edge-1", 0), "c", 1, 0, false);
    open_cluster(loop);
    CHECK_INT(ready_now(), 0, "unless it ended meanwhile");
    finish("readiness over agents");
}

static bool sick; /* no probe succeeds */

static void sick_probe(struct runtime *runtime, const char *pod, const char *container,
                       const struct node *probe, int64_t timeout, runtime_probe_fn *done, void *arg)
{
    runtime_simulated.probe(runtime, sick ? "nobody" : pod, container, probe, timeout, done, arg);
}

/* As often as failureThreshold says, and every failure that came at its time counts. */
static void test_failures_count(void)
{
    begin();
    endings[0] = (struct ending){"c", -1, 0, false, false};
    sick = true;
    apply_probed("livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 10, failureThreshold: 3}");
    pass_seconds(18);
    CHECK_INT(started, 1, "after two failures of its livenessProbe it runs on");
    pass_seconds(5);
    CHECK_INT(started, 2, "after the third it is started again");
    sick = false;
    finish("a livenessProbe");

    begin();
    endings[0] = (struct ending){"c", -1, 0, false, false};
    apply_probed("readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 10, failureThreshold: 1}");
    pass_seconds(5);
    CHECK_INT(ready_now(), 1, "it is ready at once");
    sick = true;
    pass_seconds(10);
    CHECK_INT(ready_now(), 0, "and no more when its next readinessProbe fails");
    sick = false;
    finish("a readinessProbe");
}

static void apply_set(const char *strategy, int version)
{
    scoped_mem char *text = mem_printf(
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: d, namespace: lab}\nspec:\n"
        "  serviceName: d\n  replicas: 3\n  updateStrategy: %s\n  selector: {matchLabels: {app: d}}\n"
        "  template: {metadata: {labels: {app: d}}, spec: {containers: [{name: c, command: [serve], "
        "env: [{name: V, value: '%d'}]}]}}\n",
        strategy, version);

    apply_text(text);
}

static const struct {
    const char *strategy;
    int updated;
} strategies[] = {
    {"{rollingUpdate: {partition: 2}}", 1},
    {"{rollingUpdate: {partition: 9}}", 0},
    {"{type: OnDelete}", 0},
    {"{type: RollingUpdate}", 3},
};

static void test_what_is_left_old(void)
{
    for (size_t i = 0; i < count_of(strategies); i++) {
        scoped_arena struct arena *arena = arena_new();
        const struct node *set;

        begin();
        endings[0] = (struct ending){"c", -1, 0, false, false};
        apply_set(strategies[i].strategy, 1);
        pass_seconds(10);
        apply_set(strategies[i].strategy, 2);
        pass_seconds(700);
        check_health("Current", strategies[i].strategy);
        set = cluster_read(cluster, arena, "w", "apps/v1", "StatefulSet", "lab", "d");
        CHECK_INT(node_get_int(node_get(set, "status"), "updatedReplicas", -1),
                  strategies[i].updated, "%s: so many are updated", strategies[i].strategy);
        for (size_t p = 0; p < 3; p++)
            runtime_simulated_evict("edge-1", runtime_simulated_pod("edge-1", 0));
        pass_seconds(60);
        restart();
        pass_seconds(60);
        set = cluster_read(cluster, arena, "w", "apps/v1", "StatefulSet", "lab", "d");
        CHECK_INT(node_get_int(node_get(set, "status"), "updatedReplicas", -1),
                  strategies[i].updated, "%s: also after they were lost", strategies[i].strategy);
        finish(strategies[i].strategy);
    }
}

int main(void)
{
    kept = map_new();
    driver = runtime_simulated;
    driver.create = counting_create;
    driver.start = counting_start;
    driver.probe = sick_probe;
    test_runs_once();
    test_interleaved();
    test_deadline();
    test_suspend();
    test_limits();
    test_init_fails();
    test_ignored();
    test_many_failures();
    test_many_indexes();
    test_again();
    test_agent_changes_nothing();
    test_agent_keeps_readiness();
    test_failures_count();
    test_what_is_left_old();
    map_free(&kept);
    return check_done();
}
