/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hub and three spokes in one process, on an invented clock, network and
 * disks, with crashes and partitions by seed: in the end all is as asked.
 *
 *     build/debug/unit/test_simulation [FIRST [COUNT]]
 *
 * runs COUNT seeds from FIRST on; a seed that fails says how to run it again.
 * `./build.sh test` runs a few of them with sanitizers and a thousand of them
 * built as a release is (limit: 900).
 */
#include "agent/agent.h"
#include "agent/internal.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "controllers/controllers.h"
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
#include "store/store.h"
#include "unit/check.h"
#include "unit/history.h"
#include "works/works.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPOKES 3
#define SEEDS 12
#define SEEDS_DEEP 300 /* with $DEEP, as ./build.sh deep sets it */
#define TROUBLES 6
#define SETTLE (900 * CLOCK_SECOND)

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
    char said[1400];

    /* A client that writes notes, reads them and watches them. */
    struct history history;
    struct objects_watch *watch;
    int64_t seen; /* revision up to which the watch was told */
    int watches;
    int64_t notes; /* written so far; each has a value of its own */
    int64_t tick;
    bool requested[8]; /* which of `asked` are on disk */
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
    snprintf(host->machine, sizeof host->machine, "%s/workloads", host->directory);
    host->disk = store_disk_new(host->disk_name);
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
    if (!host->hub)
        fault(sim, "hub", err.text);
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

/* ---- A client, whose history is judged ------------------------------------------ */

static const struct kind *kind_of(struct simulation *sim, const char *group, const char *plural)
{
    return kinds_find(sim->hub.hub->kinds, group, plural);
}

/* Which entry waits for its commit; freed by the answer. */
struct promise {
    struct simulation *sim;
    size_t entry;
    int64_t revision;
    bool *on_disk;
};

static void on_durable(void *arg, const struct err *err)
{
    struct promise *promise = arg;
    struct history_entry *e =
        promise->entry == SIZE_MAX ? NULL : &promise->sim->history.entries[promise->entry];

    if (!err && e) {
        e->outcome = HISTORY_OK;
        e->revision = promise->revision;
        e->end = ++promise->sim->tick;
    }
    if (!err && promise->on_disk)
        *promise->on_disk = true;
    free(promise);
}

static void promised(struct simulation *sim, size_t entry, int64_t revision, bool *on_disk)
{
    struct promise *promise = mem_alloc(sizeof *promise);

    *promise = (struct promise){sim, entry, revision, on_disk};
    objects_when_durable(sim->hub.hub->objects, on_durable, promise);
}

static struct node *note(struct arena *arena, const char *name, const char *value, int64_t expected)
{
    struct node *body = node_map(arena), *metadata = node_make(arena, body, "metadata");

    node_set_text(arena, body, "apiVersion", "v1");
    node_set_text(arena, body, "kind", "ConfigMap");
    node_set_text(arena, metadata, "name", name);
    node_set_text(arena, metadata, "namespace", "default");
    if (expected)
        node_set(arena, metadata, "resourceVersion",
                 node_format(arena, "%lld", (long long)expected));
    node_set_text(arena, node_make(arena, body, "data"), "value", value);
    return body;
}

/* Creates it, updates it (on the condition of a revision that may be stale), or
   deletes it. */
static void write_note(struct simulation *sim)
{
    scoped_arena struct arena *arena = arena_new();
    const struct kind *kind = kind_of(sim, "", "configmaps");
    struct history_entry *e = history_add(&sim->history, HISTORY_WRITE);
    size_t at = sim->history.count - 1;
    struct objects_result result = {.arena = arena};
    struct objects_write write = {.who = {"clerk", "clerk", false},
                                  .kind = kind,
                                  .namespace = "default",
                                  .name = e->key,
                                  .grace = -1};
    scoped_object struct object *live = NULL;
    struct err err = {0};
    int status;

    snprintf(e->key, sizeof e->key, "note-%d", (int)loop_world_random(sim->world, 3));
    e->start = ++sim->tick;
    e->end = INT64_MAX;
    e->outcome = HISTORY_UNKNOWN;
    live = objects_get(sim->hub.hub->objects, OBJECTS_PUBLISHED, kind, "default", e->key, NULL);
    if (live && loop_world_random(sim->world, 5) == 0) {
        status = objects_delete(sim->hub.hub->objects, &write, &result, &err);
    } else {
        snprintf(e->value, sizeof e->value, "%lld", (long long)++sim->notes);
        if (live)
            e->expected = live->revision - (loop_world_random(sim->world, 4) == 0);
        write.body = note(arena, e->key, e->value, e->expected);
        status = live ? objects_update(sim->hub.hub->objects, &write, &result, &err)
                      : objects_create(sim->hub.hub->objects, &write, &result, &err);
    }
    if (status < 0) {
        e->outcome =
            err.code == ERR_CONFLICT || err.code == ERR_EXISTS ? HISTORY_REFUSED : HISTORY_MISSING;
        e->end = ++sim->tick;
        return;
    }
    promised(sim, at, result.object ? result.object->revision : 0, NULL);
    object_drop(&result.object);
}

static const char *value_of(struct arena *arena, const struct object *object)
{
    return node_get_text(node_get(object_read(arena, object), "data"), "value");
}

static void read_notes(struct simulation *sim)
{
    scoped_arena struct arena *arena = arena_new();
    struct objects_query query = {.kind = kind_of(sim, "", "configmaps"), .namespace = "default"};
    scoped_page struct objects_page page = {0};
    struct history_entry *e = history_add(&sim->history, HISTORY_READ);
    struct err err = {0};

    e->start = ++sim->tick;
    if (objects_list(sim->hub.hub->objects, &query, &page, &err) < 0)
        fault(sim, "list", err.text);
    for (size_t i = 0; i < page.count; i++)
        history_add_item(e, page.items[i]->name, value_of(arena, page.items[i]),
                         page.items[i]->revision);
    e->revision = page.revision;
    e->end = ++sim->tick;
}

static void on_ready(void *arg)
{
    (void)arg; /* it is drained at every turn of the test */
}

static void watch_notes(struct simulation *sim)
{
    scoped_mem char *from = mem_printf("%lld", (long long)sim->seen);
    struct objects_watch_options options = {
        .query = {.kind = kind_of(sim, "", "configmaps"), .namespace = "default", .revision = from},
        .bookmarks = true};
    struct history_entry *e = history_add(&sim->history, HISTORY_OPEN);
    struct err err = {0};

    e->start = ++sim->tick;
    e->watch = ++sim->watches;
    e->expected = sim->seen;
    sim->watch = objects_watch(sim->hub.hub->objects, &options, on_ready, NULL, &err);
    if (!sim->watch)
        fault(sim, "watch", err.text);
    e->end = ++sim->tick;
}

static void drain_notes(struct simulation *sim)
{
    static const char types[] = {'A', 'M', 'D', 'B'};
    scoped_arena struct arena *arena = arena_new();
    struct objects_event event;

    while (sim->watch && objects_watch_next(sim->watch, &event)) {
        struct history_entry *e = history_add(&sim->history, HISTORY_EVENT);

        if (event.type > OBJECTS_BOOKMARK) {
            fault(sim, "watch", "ended before its time");
            return;
        }
        e->start = e->end = ++sim->tick;
        e->watch = sim->watches;
        e->type = types[event.type];
        e->revision = sim->seen = event.revision;
        if (event.object) {
            snprintf(e->key, sizeof e->key, "%s", event.object->name);
            snprintf(e->value, sizeof e->value, "%s", value_of(arena, event.object));
            object_drop(&event.object);
        }
    }
}

/* The hub goes: what it did not tell yet will be told by the next one. */
static void leave_notes(struct simulation *sim)
{
    drain_notes(sim);
    objects_unwatch(&sim->watch);
}

static void let_run(struct simulation *sim, int64_t duration)
{
    if (sim->hub.hub && !sim->fault) {
        if (!sim->watch)
            watch_notes(sim);
        write_note(sim);
        if (loop_world_random(sim->world, 2))
            read_notes(sim);
    }
    loop_world_run(sim->world, duration);
    drain_notes(sim);
}

/* $HISTORY names a file for test_history, of a seed that is looked into. */
static void keep_history(struct simulation *sim)
{
    FILE *file = getenv("HISTORY") ? fopen(getenv("HISTORY"), "w") : NULL;

    if (!file)
        return;
    history_write(&sim->history, file);
    fclose(file);
}

static void judge(struct simulation *sim)
{
    scoped_text struct text said = {0};
    struct history_entry *e;

    if (sim->fault)
        return;
    if (!sim->watch)
        watch_notes(sim);
    loop_world_run(sim->world, CLOCK_SECOND);
    read_notes(sim);
    drain_notes(sim);
    e = history_add(&sim->history, HISTORY_CLOSE);
    e->watch = sim->watches;
    e->revision = objects_revision(sim->hub.hub->objects);
    if (history_judge(&sim->history, &said))
        fault(sim, "history", text_string(&said));
    keep_history(sim);
}

/* Everything of it that was not durable is gone. */
static void crash(struct simulation *sim, struct host *host)
{
    if (host == &sim->hub)
        leave_notes(sim);
    loop_world_crash(sim->world, host->name);
    store_disk_crash(host->disk, loop_world_random(sim->world, UINT32_MAX));
    stop(host);
}

/* ---- What is asked for -------------------------------------------------------- */

static const char *const requested[] = {
    "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"Tenant\",\"metadata\":{"
    "\"name\":\"acme\"},\"spec\":{\"clusterSets\":[\"global\"]}}",
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

static bool send_request(struct simulation *sim, size_t which)
{
    const char *json = requested[which];
    scoped_arena struct arena *arena = arena_new();
    struct node *object = document_read_json(arena, json, strlen(json), &document_limits_own, NULL);
    struct err err = {0};

    if (objects_ensure(sim->hub.hub->objects, "somebody", object, NULL, &err) == 0) {
        promised(sim, SIZE_MAX, 0, &sim->requested[which]);
        return true;
    }
    if (err.code != ERR_NOT_FOUND)
        fault(sim, "asking", err.text);
    return false;
}

static const char *phase(struct simulation *sim, struct arena *arena)
{
    const struct kind *kind = kind_of(sim, "axle.dev", "aiworkloads");
    scoped_object struct object *object =
        objects_get(sim->hub.hub->objects, OBJECTS_PUBLISHED, kind, "lab", "chat", NULL);
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

        if (objects_list(sim->hub.hub->objects, &query, &page, NULL) < 0 || page.count)
            return false;
    }
    return true;
}

/* ---- What must be so when all is quiet -------------------------------------------- */

static size_t count_of_kind(struct simulation *sim, const char *group, const char *plural)
{
    struct objects_query query = {.kind = kind_of(sim, group, plural)};
    scoped_page struct objects_page page = {0};

    return objects_list(sim->hub.hub->objects, &query, &page, NULL) < 0 ? SIZE_MAX : page.count;
}

/* Each machine runs `wanted` processes in as many pods, and nothing beside. */
static void check_machines(struct simulation *sim, size_t wanted)
{
    for (int i = 0; i < SPOKES && !sim->fault; i++) {
        size_t pods, running = runtime_simulated_running(sim->spokes[i].machine, &pods);

        if (running != wanted || pods != wanted) {
            snprintf(sim->said, sizeof sim->said, "%s runs %zu processes in %zu pods, not %zu",
                     sim->spokes[i].name, running, pods, wanted);
            sim->fault = sim->said;
        }
    }
}

/* What was acknowledged is there, whatever crashed since. */
static void check_asked(struct simulation *sim)
{
    scoped_arena struct arena *arena = arena_new();

    for (size_t i = 0; i < count_of(requested) && !sim->fault; i++) {
        struct node *object = document_read_own(arena, requested[i], strlen(requested[i]), NULL);
        const struct node *metadata = node_get(object, "metadata");
        const struct kind *kind =
            kinds_by_kind(sim->hub.hub->kinds, node_get_text(object, "apiVersion"),
                          node_get_text(object, "kind"));
        scoped_object struct object *kept = objects_get(sim->hub.hub->objects, OBJECTS_PUBLISHED,
                                                        kind, node_get_text(metadata, "namespace"),
                                                        node_get_text(metadata, "name"), NULL);

        if (sim->requested[i] && !kept)
            fault(sim, "acknowledged and lost", requested[i]);
    }
}

/* The status that the user reads says what the machines do. */
static void check_status(struct simulation *sim)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_object struct object *object =
        objects_get(sim->hub.hub->objects, OBJECTS_PUBLISHED,
                    kind_of(sim, "axle.dev", "aiworkloads"), "lab", "chat", NULL);
    const struct node *status = node_get(object_read(arena, object), "status");
    const struct node *spokes = node_get(status, "spokes");

    if (node_get_int(status, "readySpokes", -1) != SPOKES ||
        node_get_int(status, "totalSpokes", -1) != SPOKES || node_count(spokes) != SPOKES)
        fault(sim, "status counts", document_json(arena, status));
    for (size_t i = 0; i < node_count(spokes); i++)
        if (strcmp(node_get_text(node_item(spokes, i), "phase"), "Running") != 0)
            fault(sim, "status of a spoke", document_json(arena, status));
}

static void check_settled(struct simulation *sim)
{
    if (sim->fault)
        return;
    if (controllers_missed(sim->hub.hub->controllers))
        fault(sim, "wake-ups", "a change did not wake whom it concerns (see the log)");
    check_asked(sim);
    check_machines(sim, 1);
    check_status(sim);
    if (count_of_kind(sim, "work.open-cluster-management.io", "manifestworks") != SPOKES)
        fault(sim, "works", "not one for each spoke");
    if (count_of_kind(sim, "axle.dev", "workloads") != SPOKES)
        fault(sim, "workloads", "not one for each spoke");
}

static void check_gone(struct simulation *sim)
{
    if (sim->fault)
        return;
    check_machines(sim, 0);
    for (int i = 0; i < SPOKES; i++)
        if (works_count(sim->spokes[i].spoke->works))
            fault(sim, sim->spokes[i].name, "still knows a work");
}

/* ---- Troubles ----------------------------------------------------------------- */

static struct host *some_spoke(struct simulation *sim)
{
    return &sim->spokes[loop_world_random(sim->world, SPOKES)];
}

static void trouble(struct simulation *sim)
{
    struct host *spoke = some_spoke(sim);

    switch (loop_world_random(sim->world, 5)) {
    case 0:
        /* A moment after a write: before, while or after it reaches the disk. */
        write_note(sim);
        loop_world_run(sim->world, (int64_t)loop_world_random(sim->world, 3) * CLOCK_MS);
        crash(sim, &sim->hub);
        let_run(sim, (int64_t)loop_world_random(sim->world, 20) * CLOCK_SECOND);
        start_hub(sim);
        break;
    case 1:
        crash(sim, spoke);
        let_run(sim, (int64_t)loop_world_random(sim->world, 20) * CLOCK_SECOND);
        start_spoke(sim, spoke);
        break;
    case 2:
        loop_world_cut(sim->world, "hub", spoke->name, true, loop_world_random(sim->world, 2));
        let_run(sim, (int64_t)loop_world_random(sim->world, 60) * CLOCK_SECOND);
        loop_world_cut(sim->world, "hub", spoke->name, false, false);
        break;
    case 3:
        crash(sim, spoke);
        runtime_simulated_reboot(spoke->machine);
        start_spoke(sim, spoke);
        break;
    default:
        let_run(sim, (int64_t)loop_world_random(sim->world, 3000) * CLOCK_MS);
    }
}

/* ---- One seed ------------------------------------------------------------------ */

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
}

static void start_spokes(struct simulation *sim)
{
    /* Tokens are durable before they are carried away. */
    loop_world_run(sim->world, CLOCK_SECOND);
    for (int i = 0; i < SPOKES && !sim->fault; i++)
        start_spoke(sim, &sim->spokes[i]);
}

static void request_all(struct simulation *sim)
{
    for (size_t i = 0; i < count_of(requested) && !sim->fault;) {
        i += send_request(sim, i);
        /* Long enough to be on disk, or to become possible. */
        let_run(sim, CLOCK_SECOND);
        if (loop_world_random(sim->world, 3) == 0)
            trouble(sim);
    }
}

static void must(struct simulation *sim, bool (*is_so)(void *arg), const char *what)
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
    const struct kind *kind = kind_of(sim, "axle.dev", "aiworkloads");
    struct err err = {0};

    if (objects_remove(sim->hub.hub->objects, "somebody", kind, "lab", "chat", &err) < 0)
        fault(sim, "deleting", err.text);
}

static void tear_down(struct simulation *sim)
{
    for (int i = 0; i < SPOKES; i++) {
        stop(&sim->spokes[i]);
        store_disk_free(&sim->spokes[i].disk);
        free(sim->spokes[i].token);
    }
    objects_unwatch(&sim->watch);
    stop(&sim->hub);
    store_disk_free(&sim->hub.disk);
    history_free(&sim->history);
    loop_world_free(&sim->world);
}

static bool run_seed(uint64_t seed, const char *root)
{
    struct simulation *sim = mem_alloc(sizeof *sim);
    scoped_mem char *clean = mem_printf("rm -rf '%s'", root);
    bool good;

    sim->seed = seed;
    /* It takes half the time again. */
    if (seed % 4 == 1)
        setenv("AXLE_PROVE_WAKE_UPS", "1", 1);
    else
        unsetenv("AXLE_PROVE_WAKE_UPS");
    snprintf(sim->root, sizeof sim->root, "%s", root);
    if (system(clean) != 0)
        fault(sim, "root", "cannot be emptied");
    set_up(sim);
    start_spokes(sim);
    request_all(sim);
    for (int i = 0; i < TROUBLES && !sim->fault; i++)
        trouble(sim);
    must(sim, is_settled, "never all running");
    check_settled(sim);
    if (!sim->fault) {
        take_back(sim);
        loop_world_run(sim->world, CLOCK_SECOND);
        if (loop_world_random(sim->world, 2))
            trouble(sim);
    }
    must(sim, is_gone, "never all gone");
    check_gone(sim);
    judge(sim);
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

int main(int argc, char **argv)
{
    long first = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    long count = argc > 2         ? strtol(argv[2], NULL, 10)
                 : argc > 1       ? 1
                 : getenv("DEEP") ? SEEDS_DEEP
                                  : SEEDS;
    scoped_mem char *root =
        mem_printf("%s/simulation", getenv("TEST_DIR") ? getenv("TEST_DIR") : "/tmp");
    /* Read once, and not at each start of a hub. */
    scoped_kinds struct kinds *kinds __attribute__((unused)) = kinds_open(NULL);
    long good = 0;

    log_setup(argc > 1 && count == 1 ? LOG_DEBUG : LOG_ERROR, false);
    for (long i = 0; i < count; i++)
        good += run_seed((uint64_t)(first + i), root);
    CHECK_INT(good, count, "every one of %ld seeds comes to rest", count);
    return check_done();
}
