/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever the hub publishes of a generation, in a condition, phase or count, is
 * true of the machines at that moment, or was at some moment since that generation:
 * at every revision, with crashes, partitions and changes by seed.
 *
 *     build/debug/unit/test_truth [FIRST [COUNT]]
 *
 * Each version of the application has a token that its pods carry; the simulated
 * machines tell which tokens run. A seed that fails says how to run it again.
 * (limit: 900)
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "document/document.h"
#include "hub/hub.h"
#include "hub/internal.h"
#include "kinds/kinds.h"
#include "loop/loop.h"
#include "objects/objects.h"
#include "runtime/runtime.h"
#include "sim/disk.h"
#include "sim/runtime.h"
#include "sim/world.h"
#include "agent/agent.h"
#include "store/store.h"
#include "unit/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPOKES 3
#define REPLICAS 2
#define SEEDS 10
#define SEEDS_DEEP 300 /* with $DEEP, as ./build.sh deep sets it */
#define STEPS 14
#define EDITIONS 3 /* of the profile; they come again */
#define VERSIONS 40
#define SETTLE (900 * CLOCK_SECOND)
#define TOKEN 32

#define AXLE "axle.dev"
#define WORKS "work.open-cluster-management.io"
#define OCM "cluster.open-cluster-management.io"

struct host {
    char name[24], disk_name[40], directory[128], machine[160];
    struct loop *loop;
    struct store_disk *disk;
    struct hub *hub;
    struct agent *spoke;
    char *token;
};

struct simulation {
    uint64_t seed;
    struct loop_world *world;
    struct host hub, spokes[SPOKES];
    char root[96];
    const char *fault; /* what went wrong, or NULL */
    char said[2400];

    /* What was true when: moments are counted, not timed. */
    int64_t moment;
    int64_t full_at[SPOKES][VERSIONS][EDITIONS]; /* all replicas of it ran then */
    struct arena *arena;                         /* of what follows */
    struct map *since;                           /* "UID GENERATION": moment from which on */
    struct map *tokens;                          /* digest of an artifact: token */
    int version, edition;                        /* wanted now */
    int changes;
    size_t judged;
};

static void fault(struct simulation *sim, const char *what, const char *why)
{
    if (sim->fault)
        return;
    snprintf(sim->said, sizeof sim->said, "%s: %s", what, why);
    sim->fault = sim->said;
}

/* ---- What the machines do ---------------------------------------------------------- */

static void write_token(char ret[TOKEN], int version, int edition)
{
    snprintf(ret, TOKEN, "tok-%d-E%d.", version, edition);
}

static void look(struct simulation *sim)
{
    sim->moment++;
    for (int i = 0; i < SPOKES; i++)
        for (int v = 0; v <= sim->version; v++)
            for (int e = 0; e < EDITIONS; e++) {
                char token[TOKEN];

                write_token(token, v, e);
                if (runtime_simulated_running_of(sim->spokes[i].machine, token) >= REPLICAS)
                    sim->full_at[i][v][e] = sim->moment;
            }
}

static void on_start(void *arg, const char *directory)
{
    (void)directory;
    look(arg);
}

/* Whether all replicas ran there at a moment since; `edition` -1: of whichever. */
static bool ran(const struct simulation *sim, int spoke, int version, int edition, int64_t since)
{
    for (int e = 0; e < EDITIONS; e++)
        if ((edition < 0 || e == edition) && sim->full_at[spoke][version][e] >= since)
            return true;
    return false;
}

static int spoke_called(const struct simulation *sim, const char *name)
{
    for (int i = 0; i < SPOKES; i++)
        if (!strcmp(sim->spokes[i].name, name))
            return i;
    return -1;
}

static int count_ran(const struct simulation *sim, int version, int edition, int64_t since)
{
    int count = 0;

    for (int i = 0; i < SPOKES; i++)
        count += ran(sim, i, version, edition, since);
    return count;
}

/* ---- Generations ---------------------------------------------------------------------- */

static int64_t remember(struct simulation *sim, const char *uid, int64_t generation)
{
    char *key = arena_printf(sim->arena, "%s %lld", uid, (long long)generation);
    int64_t *moment = map_get(sim->since, key);

    if (moment)
        return *moment;
    look(sim);
    moment = arena_alloc(sim->arena, sizeof *moment);
    *moment = sim->moment;
    map_put(sim->since, key, moment);
    return *moment;
}

static const char *meta(const struct node *object, const char *field)
{
    return node_get_text(node_get(object, "metadata"), field);
}

static int64_t generation_of(const struct node *object)
{
    return node_get_int(node_get(object, "metadata"), "generation", 0);
}

static int64_t since_of(struct simulation *sim, const struct node *object)
{
    return remember(sim, meta(object, "uid"), generation_of(object));
}

static const struct node *condition_of(const struct node *object, const char *type)
{
    const struct node *list = node_at(object, "status", "conditions", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "type"), type))
            return node_item(list, i);
    return NULL;
}

/* True of the present generation. */
static bool holds(const struct node *object, const char *type)
{
    const struct node *found = condition_of(object, type);

    return !strcmp(node_get_text(found, "status"), "True") &&
           node_get_int(found, "observedGeneration", 0) == generation_of(object);
}

/* ---- The judge ------------------------------------------------------------------------- */

static void lie(struct simulation *sim, const struct node *object, const char *what)
{
    scoped_arena struct arena *arena = arena_new();
    char *words = arena_printf(arena, "%s %s/%s: %s of %lld: %.600s", node_get_text(object, "kind"),
                               meta(object, "namespace"), meta(object, "name"), what,
                               (long long)generation_of(object),
                               document_json(arena, node_get(object, "status")));

    fault(sim, "ahead of the truth", words);
}

static void judge_rows(struct simulation *sim, const struct node *object, int version, int edition,
                       int64_t since)
{
    const struct node *rows = node_at(object, "status", "spokes", NULL);
    int64_t ready = node_get_int(node_get(object, "status"), "readySpokes", 0);
    const char *phase = node_get_text(node_get(object, "status"), "phase");
    int all = count_ran(sim, version, edition, since);

    for (size_t i = 0; i < node_count(rows); i++) {
        const struct node *row = node_item(rows, i);
        int spoke = spoke_called(sim, node_get_text(row, "name"));

        if (!strcmp(node_get_text(row, "phase"), "Running") && spoke >= 0 &&
            !ran(sim, spoke, version, edition, since))
            lie(sim, object, node_get_text(row, "name"));
    }
    if (ready > all)
        lie(sim, object, "readySpokes");
    if (!strcmp(phase, "Running") && (all < ready || !ready))
        lie(sim, object, "phase Running");
    if (holds(object, "Available") && (!ready || all < ready))
        lie(sim, object, "Available");
}

static bool is_status_now(const struct node *object)
{
    return node_get_int(node_get(object, "status"), "observedGeneration", 0) ==
           generation_of(object);
}

static void judge_aiworkload(struct simulation *sim, const struct node *object)
{
    int version = (int)node_get_int(node_at(object, "spec", "variables", NULL), "version", 0);
    int64_t since = since_of(sim, object);
    const char *phase = node_get_text(node_get(object, "status"), "phase");
    bool good = !strcmp(phase, "Running") || !strcmp(phase, "Completed");

    if (node_get(node_get(object, "metadata"), "deletionTimestamp"))
        return;
    if (is_status_now(object))
        judge_rows(sim, object, version, -1, since);
    else if (good && generation_of(object) > 1)
        lie(sim, object, "a phase of the former generation");
}

/* Which edition a revision of the profile is. */
struct lookup {
    int64_t revision;
    int edition;
};

static int edition_of(struct simulation *sim, const char *revision)
{
    struct objects_query query = {
        .kind = kinds_find(sim->hub.hub->kinds, AXLE, "definitionrevisions"), .namespace = "lab"};
    scoped_page struct objects_page page = {0};
    int found = -1;

    if (objects_list(sim->hub.hub->objects, &query, &page, NULL) < 0)
        return -1;
    for (size_t i = 0; i < page.count && found < 0; i++) {
        scoped_arena struct arena *arena = arena_new();
        const struct node *spec = node_get(object_read(arena, page.items[i]), "spec");
        const char *json = document_json(arena, spec), *at = strstr(json, "-E");

        if (!strcmp(node_get_text(spec, "kind"), "WorkloadProfile") && at &&
            node_get_int(spec, "revision", 0) == strtoll(revision + 1, NULL, 10))
            found = at[2] - '0';
    }
    return found;
}

static void judge_deployment(struct simulation *sim, const struct node *object)
{
    const char *digest = node_text(node_at(object, "status", "artifact", "digest", NULL));
    int version = (int)node_get_int(node_at(object, "spec", "variables", NULL), "version", 0);
    const char *revision =
        node_text(node_at(object, "spec", "workloadProfileRef", "revision", NULL));
    int edition = edition_of(sim, revision);
    int64_t since = since_of(sim, object);

    if (!is_status_now(object) || edition < 0)
        return;
    if (holds(object, "Rendered") && *digest && !map_get(sim->tokens, digest)) {
        char *token = arena_alloc(sim->arena, TOKEN);

        write_token(token, version, edition);
        map_put(sim->tokens, arena_string(sim->arena, digest), token);
    }
    judge_rows(sim, object, version, edition, since);
}

/* The version that manifests with a Workload stand for; false: it is not known. */
static bool version_in(struct simulation *sim, const struct node *manifests, int *version,
                       int *edition)
{
    const char *token = NULL;

    for (size_t i = 0; i < node_count(manifests); i++) {
        const char *digest =
            node_text(node_at(node_item(manifests, i), "spec", "artifact", "digest", NULL));

        token = *digest ? map_get(sim->tokens, digest) : token;
    }
    return token && sscanf(token, "tok-%d-E%d.", version, edition) == 2;
}

static void judge_set(struct simulation *sim, const struct node *object)
{
    const struct node *summary = node_at(object, "status", "summary", NULL);
    int64_t since = since_of(sim, object);
    int version, edition, all;

    if (node_get_int(condition_of(object, "PlacementRolledOut"), "observedGeneration", 0) !=
            generation_of(object) ||
        !version_in(sim,
                    node_at(object, "spec", "manifestWorkTemplate", "workload", "manifests", NULL),
                    &version, &edition))
        return;
    all = count_ran(sim, version, edition, since);
    if (node_get_int(summary, "available", 0) > all)
        lie(sim, object, "summary.available");
    if (holds(object, "PlacementRolledOut") && node_get_int(summary, "desiredTotal", 0) > all)
        lie(sim, object, "PlacementRolledOut");
}

static void judge_work(struct simulation *sim, const struct node *object)
{
    int64_t since = since_of(sim, object);
    int spoke = spoke_called(sim, meta(object, "namespace")), version, edition;

    if (spoke < 0 || !version_in(sim, node_at(object, "spec", "workload", "manifests", NULL),
                                 &version, &edition))
        return;
    if (holds(object, "Available") && !ran(sim, spoke, version, edition, since))
        lie(sim, object, "Available");
    if (holds(object, "Applied") &&
        !strcmp(node_get_text(condition_of(object, "Progressing"), "status"), "False") &&
        holds(object, "Progressing") && !ran(sim, spoke, version, edition, since))
        lie(sim, object, "Progressing");
}

static void judge_placement(struct simulation *sim, const struct node *object)
{
    struct objects_query query = {
        .kind = kinds_find(sim->hub.hub->kinds, OCM, "placementdecisions"), .namespace = "lab"};
    scoped_page struct objects_page page = {0};
    scoped_arena struct arena *arena = arena_new();
    int64_t chosen = 0;

    if (!node_get(object, "status") || objects_list(sim->hub.hub->objects, &query, &page, NULL) < 0)
        return;
    for (size_t i = 0; i < page.count; i++)
        chosen += (int64_t)node_count(
            node_at(object_read(arena, page.items[i]), "status", "decisions", NULL));
    if (node_get_int(node_get(object, "status"), "numberOfSelectedClusters", 0) != chosen)
        lie(sim, object, "numberOfSelectedClusters");
}

static const struct {
    const char *group, *plural;
    void (*judge)(struct simulation *sim, const struct node *object);
} judges[] = {
    {AXLE, "workloaddeployments", judge_deployment},
    {AXLE, "aiworkloads", judge_aiworkload},
    {WORKS, "manifestworkreplicasets", judge_set},
    {WORKS, "manifestworks", judge_work},
    {OCM, "placements", judge_placement},
};

static void on_change(void *arg, const struct object *before, const struct object *after)
{
    struct simulation *sim = arg;
    scoped_arena struct arena *arena = NULL;

    (void)before;
    if (!after || sim->fault || !sim->hub.hub)
        return;
    arena = arena_new();
    look(sim);
    sim->judged++;
    for (size_t i = 0; i < count_of(judges); i++)
        if (!strcmp(after->kind->plural, judges[i].plural))
            judges[i].judge(sim, object_read(arena, after));
}

/* ---- Hosts ------------------------------------------------------------------------------- */

static void host_name(struct simulation *sim, struct host *host, const char *name)
{
    snprintf(host->name, sizeof host->name, "%s", name);
    snprintf(host->disk_name, sizeof host->disk_name, "truth-%s", name);
    snprintf(host->directory, sizeof host->directory, "%s/%s", sim->root, name);
    snprintf(host->machine, sizeof host->machine, "%s/workloads", host->directory);
    host->disk = store_disk_new(host->disk_name);
}

static const struct kind *kind_of(struct simulation *sim, const char *group, const char *plural)
{
    return kinds_find(sim->hub.hub->kinds, group, plural);
}

static void start_hub(struct simulation *sim)
{
    static const char *const listen[] = {"hub:6443", NULL};
    struct host *host = &sim->hub;
    struct hub_settings settings = {
        .directory = host->directory, .listen = listen, .store_vfs = host->disk_name};
    struct err err = {0};

    host->loop = loop_world_host(sim->world, host->name);
    host->hub = hub_open(host->loop, &settings, &err);
    if (!host->hub) {
        fault(sim, "hub", err.text);
        return;
    }
    for (size_t i = 0; i < count_of(judges); i++)
        objects_on_change(host->hub->objects, kind_of(sim, judges[i].group, judges[i].plural),
                          on_change, sim);
}

static void start_spoke(struct simulation *sim, struct host *host)
{
    struct agent_settings settings = {.directory = host->directory,
                                      .name = host->name,
                                      .hub = "https://hub:6443",
                                      .token = host->token,
                                      .cluster = "local",
                                      .runtime = &runtime_simulated,
                                      .store_vfs = host->disk_name,
                                      .address = host->name};
    struct err err = {0};

    host->loop = loop_world_host(sim->world, host->name);
    host->spoke = agent_open(host->loop, &settings, &err);
    if (!host->spoke)
        fault(sim, host->name, err.text);
}

static void stop(struct host *host)
{
    agent_close(&host->spoke);
    hub_close(&host->hub);
    loop_free(&host->loop);
}

static void crash(struct simulation *sim, struct host *host)
{
    loop_world_crash(sim->world, host->name);
    store_disk_crash(host->disk, loop_world_random(sim->world, UINT32_MAX));
    stop(host);
}

/* ---- What is asked for ------------------------------------------------------------- */

#define META(name) "\"metadata\":{\"name\":\"" name "\",\"namespace\":\"lab\"}"

static void put(struct simulation *sim, const char *json)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *object = document_read_own(arena, json, strlen(json), NULL);
    struct err err = {0};

    if (!sim->hub.hub || sim->fault)
        return;
    if (!object)
        fault(sim, "no JSON", json);
    /* A deletion may be under way, or the project not be there yet. */
    else if (objects_ensure(sim->hub.hub->objects, "somebody", object, NULL, &err) < 0 &&
             err.code != ERR_NOT_FOUND && err.code != ERR_CONFLICT && err.code != ERR_EXISTS)
        fault(sim, "asking", err.text);
}

static void put_profile(struct simulation *sim)
{
    scoped_mem char *json = mem_printf(
        "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"WorkloadProfile\"," META(
            "echo") ",\"spec\":{\"variables\":[{\"name\":\"version\",\"type\":\"int\",\"default\":0}],"
                    "\"components\":[{\"name\":\"main\",\"type\":\"worker\",\"properties\":{"
                    "\"replicas\":%d,\"command\":[\"sleep\",\"1\"],\"env\":[{\"name\":\"TOKEN\","
                    "\"value\":\"tok-{{ .var.version }}-E%d.\"}]}}]}}",
        REPLICAS, sim->edition);

    put(sim, json);
}

static void put_application(struct simulation *sim)
{
    scoped_mem char *json = mem_printf(
        "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"AIWorkload\"," META(
            "chat") ",\"spec\":{\"profileBundleRef\":{\"name\":\"echo\"},\"environmentRef\":{"
                    "\"name\":\"all\"},\"variables\":{\"version\":%d}}}",
        sim->version);

    put(sim, json);
}

static void put_place(struct simulation *sim, bool one_by_one)
{
    scoped_mem char *json = mem_printf(
        "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"Environment\"," META(
            "all") ",\"spec\":{\"topology\":{\"type\":\"topology-ocm\",\"properties\":{"
                   "\"placement\":{\"clusterSets\":[\"global\"]}%s}}}}",
        one_by_one ? ",\"manifestWorkReplicaSet\":{\"rolloutStrategy\":{\"type\":\"Progressive\","
                     "\"progressive\":{\"maxConcurrency\":1}}}"
                   : "");

    put(sim, json);
}

static void request_all(struct simulation *sim)
{
    put(sim, "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"Tenant\",\"metadata\":{"
             "\"name\":\"acme\"},\"spec\":{\"clusterSets\":[\"global\"]}}");
    loop_world_run(sim->world, CLOCK_SECOND);
    put(sim, "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"Project\",\"metadata\":{"
             "\"name\":\"lab\"},\"spec\":{\"tenant\":\"acme\"}}");
    loop_world_run(sim->world, CLOCK_SECOND);
    put_profile(sim);
    put(sim, "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"ProfileBundle\"," META(
                 "echo") ",\"spec\":{\"workloadProfileRefs\":[{\"name\":\"echo\"}]}}");
    put_place(sim, sim->seed % 3 == 0);
    put_application(sim);
    loop_world_run(sim->world, 5 * CLOCK_SECOND);
}

/* ---- What happens
 * -------------------------------------------------------------------------------- */

static struct host *some_spoke(struct simulation *sim)
{
    return &sim->spokes[loop_world_random(sim->world, SPOKES)];
}

static void remove_object(struct simulation *sim, const char *group, const char *plural,
                          const char *namespace, const char *name)
{
    struct err err = {0};

    if (objects_remove(sim->hub.hub->objects, "somebody", kind_of(sim, group, plural), namespace,
                       name, &err) < 0 &&
        err.code != ERR_NOT_FOUND)
        fault(sim, "deleting", err.text);
}

static void change(struct simulation *sim)
{
    switch (loop_world_random(sim->world, 6)) {
    case 0: /* Another edition, or one that was before. */
        sim->edition =
            (sim->edition + 1 + (int)loop_world_random(sim->world, EDITIONS - 1)) % EDITIONS;
        put_profile(sim);
        break;
    case 1: /* By hand: the hub makes it anew, and generations begin at 1 again. */
        remove_object(sim, WORKS, "manifestworks", some_spoke(sim)->name, "lab.chat-echo");
        break;
    case 2:
        remove_object(sim, AXLE, "aiworkloads", "lab", "chat");
        loop_world_run(sim->world, (int64_t)loop_world_random(sim->world, 2000) * CLOCK_MS);
        put_application(sim);
        break;
    default: /* The next version, and sometimes back at once. */
        sim->version++;
        put_application(sim);
        if (loop_world_random(sim->world, 3) == 0) {
            loop_world_run(sim->world, (int64_t)loop_world_random(sim->world, 300) * CLOCK_MS);
            sim->version--;
            put_application(sim);
            sim->version++;
            put_application(sim);
        }
    }
    sim->changes++;
}

static void trouble(struct simulation *sim)
{
    struct host *spoke = some_spoke(sim);
    int64_t while_away = (int64_t)loop_world_random(sim->world, 20) * CLOCK_SECOND;

    switch (loop_world_random(sim->world, 6)) {
    case 0:
        crash(sim, &sim->hub);
        loop_world_run(sim->world, while_away);
        start_hub(sim);
        break;
    case 1:
        crash(sim, spoke);
        loop_world_run(sim->world, while_away);
        start_spoke(sim, spoke);
        break;
    case 2:
        loop_world_cut(sim->world, "hub", spoke->name, true, loop_world_random(sim->world, 2));
        change(sim);
        loop_world_run(sim->world, 3 * while_away);
        loop_world_cut(sim->world, "hub", spoke->name, false, false);
        break;
    case 3:
        crash(sim, spoke);
        runtime_simulated_reboot(spoke->machine);
        start_spoke(sim, spoke);
        break;
    default:
        loop_world_run(sim->world, while_away / 10);
    }
}

static bool is_settled(struct simulation *sim)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_object struct object *object =
        objects_get(sim->hub.hub->objects, OBJECTS_PUBLISHED, kind_of(sim, AXLE, "aiworkloads"),
                    "lab", "chat", NULL);
    const struct node *status = object ? node_get(object_read(arena, object), "status") : NULL;
    char token[TOKEN];

    if (strcmp(node_get_text(status, "phase"), "Running") != 0 ||
        node_get_int(status, "readySpokes", 0) != SPOKES)
        return false;
    write_token(token, sim->version, sim->edition);
    for (int i = 0; i < SPOKES; i++)
        if (runtime_simulated_running_of(sim->spokes[i].machine, token) != REPLICAS)
            return false;
    return true;
}

static void must_settle(struct simulation *sim)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_object struct object *object = NULL;

    for (int64_t at = 0; at < SETTLE && !sim->fault; at += CLOCK_SECOND) {
        put_application(sim);
        if (is_settled(sim))
            return;
        loop_world_run(sim->world, CLOCK_SECOND);
    }
    if (sim->fault)
        return;
    object = objects_get(sim->hub.hub->objects, OBJECTS_PUBLISHED,
                         kind_of(sim, AXLE, "aiworkloads"), "lab", "chat", NULL);
    fault(sim, "never all running",
          object
              ? document_json(arena, node_at(object_read(arena, object), "status", "spokes", NULL))
              : "gone");
}

/* ---- One seed ---------------------------------------------------------------------- */

static void set_up(struct simulation *sim)
{
    struct loop_faults faults = {.latency_least = CLOCK_MS / 10,
                                 .latency_most = 20 * CLOCK_MS,
                                 .cut_ppm = 200,
                                 .split_ppm = 100000,
                                 .refuse_ppm = 20000};
    struct err err = {0};

    sim->world = loop_world_new(sim->seed);
    loop_world_set_faults(sim->world, &faults);
    runtime_simulated_reset();
    runtime_simulated_on_start(on_start, sim);
    host_name(sim, &sim->hub, "hub");
    start_hub(sim);
    for (int i = 0; i < SPOKES && !sim->fault; i++) {
        char name[24];

        snprintf(name, sizeof name, "edge-%d", i + 1);
        host_name(sim, &sim->spokes[i], name);
        sim->spokes[i].token = hub_make_token(sim->hub.hub, name, 3600 * CLOCK_SECOND, &err);
        if (!sim->spokes[i].token)
            fault(sim, "token", err.text);
    }
    /* Tokens are durable before they are carried away. */
    loop_world_run(sim->world, CLOCK_SECOND);
    for (int i = 0; i < SPOKES && !sim->fault; i++)
        start_spoke(sim, &sim->spokes[i]);
}

static void tear_down(struct simulation *sim)
{
    runtime_simulated_on_start(NULL, NULL);
    for (int i = 0; i < SPOKES; i++) {
        stop(&sim->spokes[i]);
        store_disk_free(&sim->spokes[i].disk);
        free(sim->spokes[i].token);
    }
    stop(&sim->hub);
    store_disk_free(&sim->hub.disk);
    map_free(&sim->since);
    map_free(&sim->tokens);
    arena_free(&sim->arena);
    loop_world_free(&sim->world);
}

static struct simulation *simulation_new(uint64_t seed, const char *root)
{
    struct simulation *sim = mem_alloc(sizeof *sim);
    scoped_mem char *clean = mem_printf("rm -rf '%s'", root);

    sim->seed = seed;
    sim->arena = arena_new();
    sim->since = map_new();
    sim->tokens = map_new();
    snprintf(sim->root, sizeof sim->root, "%s", root);
    if (system(clean) != 0)
        fault(sim, "root", "cannot be emptied");
    set_up(sim);
    return sim;
}

static bool run_seed(uint64_t seed, const char *root)
{
    struct simulation *sim = simulation_new(seed, root);
    bool good;

    request_all(sim);
    for (int i = 0; i < STEPS && !sim->fault && sim->version + 4 < VERSIONS; i++) {
        change(sim);
        loop_world_run(sim->world, (int64_t)loop_world_random(sim->world, 4000) * CLOCK_MS);
        if (loop_world_random(sim->world, 2))
            trouble(sim);
    }
    must_settle(sim);
    if (!sim->fault && sim->judged < 50)
        fault(sim, "the judge", "saw next to nothing");
    if (sim->fault) {
        printf("# seed %llu: %s\n# again: %s %llu\n", (unsigned long long)seed, sim->fault,
               program_invocation_name, (unsigned long long)seed);
        fflush(stdout);
    }
    good = !sim->fault;
    tear_down(sim);
    free(sim);
    return good;
}

/* ---- How often it must be heard of
 * --------------------------------------------------------------- */

static void set_duration(struct simulation *sim, const char *name, int64_t seconds)
{
    scoped_arena struct arena *arena = arena_new();
    struct objects_result result = {.arena = arena};
    struct node *body = node_map(arena);
    struct objects_write write = {.who = {"somebody", "somebody", false},
                                  .name = name,
                                  .kind = kind_of(sim, OCM, "managedclusters"),
                                  .namespace = "",
                                  .patch = OBJECTS_PATCH_MERGE,
                                  .body = body,
                                  .grace = -1};
    struct err err = {0};

    node_set_int(arena, node_make(arena, body, "spec"), "leaseDurationSeconds", seconds);
    if (objects_patch(sim->hub.hub->objects, &write, &result, &err) < 0)
        fault(sim, "duration", err.text);
    object_drop(&result.object);
}

static const char *availability(struct simulation *sim, const char *name, struct arena *arena)
{
    scoped_object struct object *object =
        objects_get(sim->hub.hub->objects, OBJECTS_PUBLISHED, kind_of(sim, OCM, "managedclusters"),
                    "", name, NULL);
    const struct node *cluster = object ? object_read(arena, object) : NULL;

    if (node_count(node_at(cluster, "spec", "taints", NULL)))
        return "tainted";
    return arena_string(
        arena, node_get_text(condition_of(cluster, "ManagedClusterConditionAvailable"), "status"));
}

/* Seconds for which it is as said, 300 at the most. */
static int64_t seconds_of(struct simulation *sim, const char *name, const char *status)
{
    for (int64_t at = 0; at < 300; at++) {
        scoped_arena struct arena *arena = arena_new();

        if (strcmp(availability(sim, name, arena), status) != 0)
            return at;
        loop_world_run(sim->world, CLOCK_SECOND);
    }
    return 300;
}

/* A lowered duration is for renewals to come: none of a running agent's is late by it. */
static void check_durations(const char *root)
{
    static const int64_t durations[] = {5, 1, 3600, 2, 60};
    struct simulation *sim = simulation_new(1, root);
    const char *name = "edge-1";
    int64_t silent;

    loop_world_run(sim->world, 20 * CLOCK_SECOND);
    for (size_t i = 0; i < count_of(durations); i++) {
        set_duration(sim, name, durations[i]);
        CHECK_INT(seconds_of(sim, name, "True"), 300, "%lld s are set, and nothing happens",
                  (long long)durations[i]);
        /* It hears of the next one with its next renewal. */
        if (durations[i] == 3600 || durations[i] == 2)
            loop_world_run(sim->world, 4600 * CLOCK_SECOND);
    }
    set_duration(sim, name, 5);
    loop_world_run(sim->world, 100 * CLOCK_SECOND);
    crash(sim, &sim->spokes[0]);
    silent = seconds_of(sim, name, "True");
    CHECK(silent > 15 && silent <= 27, "and one that is dead is silent in time (%lld s)",
          (long long)silent);
    CHECK(!sim->fault, "%s", sim->fault ? sim->fault : "no fault");
    tear_down(sim);
    free(sim);
}

int main(int argc, char **argv)
{
    long first = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    long count = argc > 2         ? strtol(argv[2], NULL, 10)
                 : argc > 1       ? 1
                 : getenv("DEEP") ? SEEDS_DEEP
                                  : SEEDS;
    scoped_mem char *root =
        mem_printf("%s/truth", getenv("TEST_DIR") ? getenv("TEST_DIR") : "/tmp");
    /* Read once, and not at each start of a hub. */
    scoped_kinds struct kinds *kinds __attribute__((unused)) = kinds_open(NULL);
    long good = 0;

    log_setup(argc > 1 && count == 1 ? LOG_DEBUG : LOG_ERROR, false);
    for (long i = 0; i < count; i++)
        good += run_seed((uint64_t)(first + i), root);
    if (first == 1)
        check_durations(root);
    CHECK_INT(good, count, "every one of %ld seeds: what is published is true", count);
    return check_done();
}
