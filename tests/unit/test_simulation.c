/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hub and three spokes in one process, on an invented clock, network and
 * disks, with crashes and partitions by seed: in the end all is as asked.
 *
 *     build/debug/unit/test_simulation [FIRST [COUNT]]
 *
 * runs COUNT seeds from FIRST on; a seed that fails is told by its number.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "document/document.h"
#include "hub/hub.h"
#include "hub/inside.h"
#include "kinds/kinds.h"
#include "loop/loop.h"
#include "objects/objects.h"
#include "runtime/runtime.h"
#include "spoke/spoke.h"
#include "store/store.h"
#include "unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPOKES 3
#define SEEDS 8
#define SEEDS_DEEP 1000 /* with $DEEP, as ./build.sh deep sets it */
#define TROUBLES 6
#define SETTLE (900 * CLOCK_SECOND)

struct host {
    char name[24], disk_name[40], directory[128];
    struct loop *loop;
    struct store_disk *disk;
    struct hub *hub;
    struct spoke *spoke;
    char *token;
};

struct simulation {
    uint64_t seed;
    struct loop_world *world;
    struct host hub, spokes[SPOKES];
    char root[96];
    const char *fault; /* what went wrong, or NULL */
    char said[1400];
};

static void fault(struct simulation *sim, const char *what, const char *why)
{
    snprintf(sim->said, sizeof sim->said, "%s: %s", what, why);
    sim->fault = sim->said;
}

/* ---- Hosts ------------------------------------------------------------------ */

static void host_name(struct simulation *sim, struct host *host, const char *name)
{
    snprintf(host->name, sizeof host->name, "%s", name);
    snprintf(host->disk_name, sizeof host->disk_name, "sim-%s", name);
    snprintf(host->directory, sizeof host->directory, "%s/%s", sim->root, name);
    host->disk = store_disk_new(host->disk_name);
}

static void start_hub(struct simulation *sim)
{
    static const char *const listen[] = {"hub:6443", NULL};
    struct host *host = &sim->hub;
    struct hub_settings settings = {.directory = host->directory,
                                    .listen = listen,
                                    .store_vfs = host->disk_name};
    struct err err = {0};

    host->loop = loop_world_host(sim->world, host->name);
    host->hub = hub_open(host->loop, &settings, &err);
    if (!host->hub)
        fault(sim, "hub", err.text);
}

static void start_spoke(struct simulation *sim, struct host *host)
{
    struct spoke_settings settings = {.directory = host->directory,
                                      .name = host->name,
                                      .hub = "https://hub:6443",
                                      .token = host->token,
                                      .cluster = "local",
                                      .runtime = &runtime_simulated,
                                      .store_vfs = host->disk_name,
                                      .address = host->name};
    struct err err = {0};

    host->loop = loop_world_host(sim->world, host->name);
    host->spoke = spoke_open(host->loop, &settings, &err);
    if (!host->spoke)
        fault(sim, host->name, err.text);
}

static void stop(struct host *host)
{
    spoke_close(&host->spoke);
    hub_close(&host->hub);
    loop_free(&host->loop);
}

/* Everything of it that was not durable is gone. */
static void crash(struct simulation *sim, struct host *host)
{
    loop_world_crash(sim->world, host->name);
    store_disk_crash(host->disk, loop_world_dice(sim->world, UINT32_MAX));
    stop(host);
}

/* ---- What is asked for -------------------------------------------------------- */

static const char *const asked[] = {
    "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"Tenant\",\"metadata\":{"
    "\"name\":\"acme\"},\"spec\":{}}",
    "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"Project\",\"metadata\":{"
    "\"name\":\"lab\"},\"spec\":{\"tenant\":\"acme\"}}",
    "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"WorkloadProfile\","
    "\"metadata\":{\"name\":\"echo\",\"namespace\":\"lab\"},\"spec\":{"
    "\"components\":[{\"name\":\"main\",\"type\":\"worker\",\"properties\":{"
    "\"command\":[\"sleep\",\"1\"]}}]}}",
    "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"ProfileBundle\","
    "\"metadata\":{\"name\":\"echo\",\"namespace\":\"lab\"},\"spec\":{"
    "\"workloadProfileRefs\":[{\"name\":\"echo\"}]}}",
    "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"Environment\","
    "\"metadata\":{\"name\":\"all\",\"namespace\":\"lab\"},\"spec\":{"
    "\"topology\":{\"type\":\"topology-ocm\",\"properties\":{\"placement\":{"
    "\"clusterSets\":[\"global\"]}}}}}",
    "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"AIWorkload\","
    "\"metadata\":{\"name\":\"chat\",\"namespace\":\"lab\"},\"spec\":{"
    "\"profileBundleRef\":{\"name\":\"echo\"},\"environmentRef\":{"
    "\"name\":\"all\"}}}",
};

static bool ask(struct simulation *sim, const char *json)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *object = document_read_json(arena, json, strlen(json),
                                             &document_limits_own, NULL);
    struct err err = {0};

    if (objects_ensure(sim->hub.hub->objects, "somebody", object, NULL, &err) == 0)
        return true;
    if (err.code != ERR_NOT_FOUND)
        fault(sim, "asking", err.text);
    return false;
}

static const char *phase(struct simulation *sim, struct arena *arena)
{
    const struct kind *kind =
        kinds_find(sim->hub.hub->kinds, "axle.dev", "aiworkloads");
    scoped_object struct object *object = objects_get(
        sim->hub.hub->objects, OBJECTS_PUBLISHED, kind, "lab", "chat", NULL);
    const struct node *status;

    if (!object)
        return "none";
    status = node_get(object_read(arena, object), "status");
    return arena_printf(arena, "%s %s", node_get_text(status, "phase"),
                        node_get_text(status, "ready"));
}

static bool is_settled(void *arg)
{
    struct simulation *sim = arg;
    scoped_arena struct arena *arena = NULL;

    if (!sim->hub.hub)
        return false;
    arena = arena_new();
    return strcmp(phase(sim, arena), "Running 3/3") == 0;
}

static bool is_gone(void *arg)
{
    struct simulation *sim = arg;
    static const struct {
        const char *group, *plural;
    } kinds[] = {{"axle.dev", "aiworkloads"},
                 {"axle.dev", "workloaddeployments"},
                 {"axle.dev", "workloads"},
                 {"work.open-cluster-management.io", "manifestworks"}};

    for (size_t i = 0; i < count_of(kinds); i++) {
        struct objects_query query = {
            .kind = kinds_find(sim->hub.hub->kinds, kinds[i].group, kinds[i].plural)};
        scoped_page struct objects_page page = {0};

        if (objects_list(sim->hub.hub->objects, &query, &page, NULL) < 0 ||
            page.count)
            return false;
    }
    return true;
}

/* ---- Troubles ----------------------------------------------------------------- */

static struct host *some_spoke(struct simulation *sim)
{
    return &sim->spokes[loop_world_dice(sim->world, SPOKES)];
}

static void trouble(struct simulation *sim)
{
    struct host *spoke = some_spoke(sim);

    switch (loop_world_dice(sim->world, 5)) {
    case 0:
        crash(sim, &sim->hub);
        loop_world_run(sim->world,
                       (int64_t)loop_world_dice(sim->world, 20) * CLOCK_SECOND);
        start_hub(sim);
        break;
    case 1:
        crash(sim, spoke);
        loop_world_run(sim->world,
                       (int64_t)loop_world_dice(sim->world, 20) * CLOCK_SECOND);
        start_spoke(sim, spoke);
        break;
    case 2:
        loop_world_cut(sim->world, "hub", spoke->name, true,
                       loop_world_dice(sim->world, 2));
        loop_world_run(sim->world,
                       (int64_t)loop_world_dice(sim->world, 60) * CLOCK_SECOND);
        loop_world_cut(sim->world, "hub", spoke->name, false, false);
        break;
    case 3:
        crash(sim, spoke);
        runtime_simulated_reboot(spoke->directory);
        start_spoke(sim, spoke);
        break;
    default:
        loop_world_run(sim->world,
                       (int64_t)loop_world_dice(sim->world, 3000) * CLOCK_MS);
    }
}

/* ---- One seed ------------------------------------------------------------------ */

static void set_up(struct simulation *sim)
{
    struct loop_weather weather = {.latency_least = CLOCK_MS / 10,
                                   .latency_most = 20 * CLOCK_MS,
                                   .cut_ppm = 200,
                                   .split_ppm = 100000,
                                   .refuse_ppm = 20000};
    struct err err = {0};

    sim->world = loop_world_new(sim->seed);
    loop_world_set_weather(sim->world, &weather);
    runtime_simulated_reset();
    host_name(sim, &sim->hub, "hub");
    start_hub(sim);
    for (int i = 0; i < SPOKES && !sim->fault; i++) {
        char name[24];

        snprintf(name, sizeof name, "edge-%d", i + 1);
        host_name(sim, &sim->spokes[i], name);
        sim->spokes[i].token =
            hub_make_token(sim->hub.hub, name, 3600 * CLOCK_SECOND, &err);
        if (!sim->spokes[i].token)
            fault(sim, "token", err.text);
    }
}

static void start_spokes(struct simulation *sim)
{
    /* Tokens are durable before they are carried away. */
    loop_world_run(sim->world, CLOCK_SECOND);
    for (int i = 0; i < SPOKES && !sim->fault; i++)
        start_spoke(sim, &sim->spokes[i]);
}

static void ask_all(struct simulation *sim)
{
    for (size_t i = 0; i < count_of(asked) && !sim->fault;) {
        i += ask(sim, asked[i]);
        /* Long enough to be on disk, or to become possible. */
        loop_world_run(sim->world, CLOCK_SECOND);
        if (loop_world_dice(sim->world, 3) == 0)
            trouble(sim);
    }
}

static void must(struct simulation *sim, bool (*is_so)(void *arg),
                 const char *what)
{
    scoped_arena struct arena *arena = arena_new();

    /* Looking costs more than an event, so it is done once a second. */
    for (int64_t at = 0; at < SETTLE && !sim->fault; at += CLOCK_SECOND) {
        if (is_so(sim))
            return;
        loop_world_run(sim->world, CLOCK_SECOND);
    }
    if (!sim->fault)
        fault(sim, what, phase(sim, arena));
}

static void take_back(struct simulation *sim)
{
    const struct kind *kind =
        kinds_find(sim->hub.hub->kinds, "axle.dev", "aiworkloads");
    struct err err = {0};

    if (objects_remove(sim->hub.hub->objects, "somebody", kind, "lab", "chat",
                       &err) < 0)
        fault(sim, "deleting", err.text);
}

static void tear_down(struct simulation *sim)
{
    for (int i = 0; i < SPOKES; i++) {
        stop(&sim->spokes[i]);
        store_disk_free(&sim->spokes[i].disk);
        free(sim->spokes[i].token);
    }
    stop(&sim->hub);
    store_disk_free(&sim->hub.disk);
    loop_world_free(&sim->world);
}

static bool run_seed(uint64_t seed, const char *root)
{
    struct simulation *sim = mem_alloc(sizeof *sim);
    scoped_mem char *clean = mem_printf("rm -rf '%s'", root);
    bool good;

    sim->seed = seed;
    snprintf(sim->root, sizeof sim->root, "%s", root);
    if (system(clean) != 0)
        fault(sim, "root", "cannot be emptied");
    set_up(sim);
    start_spokes(sim);
    ask_all(sim);
    for (int i = 0; i < TROUBLES && !sim->fault; i++)
        trouble(sim);
    must(sim, is_settled, "never all running");
    if (!sim->fault) {
        take_back(sim);
        loop_world_run(sim->world, CLOCK_SECOND);
        if (loop_world_dice(sim->world, 2))
            trouble(sim);
    }
    must(sim, is_gone, "never all gone");
    if (sim->fault)
        printf("# seed %llu: %s\n", (unsigned long long)seed, sim->fault);
    good = !sim->fault;
    tear_down(sim);
    free(sim);
    return good;
}

int main(int argc, char **argv)
{
    long first = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    long count = argc > 2 ? strtol(argv[2], NULL, 10) : argc > 1 ? 1 : getenv("DEEP") ? SEEDS_DEEP : SEEDS;
    scoped_mem char *root =
        mem_printf("%s/simulation", getenv("TEST_DIR") ? getenv("TEST_DIR") : "/tmp");
    /* Read once, and not at each start of a hub. */
    scoped_kinds struct kinds *kinds = kinds_open(NULL);
    long good = 0;

    log_setup(argc > 1 && count == 1 ? LOG_DEBUG : LOG_ERROR, false);
    for (long i = 0; i < count; i++)
        good += run_seed((uint64_t)(first + i), root);
    CHECK_INT(good, count, "every one of %ld seeds comes to rest", count);
    return check_done();
}
