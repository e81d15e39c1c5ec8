/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines join with one token, leave, and the hub loses its power in between, by
 * seed: whatever was answered, never more machines than the token has uses.
 *
 *     build/debug/unit/test_joining_races [FIRST [COUNT]]
 */
#include "base/clock.h"
#include "controllers/controllers.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "loop/loop.h"
#include "objects/objects.h"
#include "sim/disk.h"
#include "sim/world.h"
#include "store/store.h"

#include "check.h"

#include <stdlib.h>

#define SEEDS 30
#define SEEDS_DEEP 1000
#define STEPS 60
#define GUESTS 8
#define MOST_JOINS 256

struct race {
    struct loop_world *world;
    struct store_disk *disk;
    struct loop *loop;
    struct store *store;
    struct kinds *kinds;
    struct objects *objects;
    struct controllers *controllers;
    int uses;
    char joined[MOST_JOINS][40]; /* uids that were answered */
    size_t join_count;
    const char *fault;
};

static void must(bool good, const struct err *err)
{
    if (!good) {
        printf("Bail out! %s\n", err->text);
        exit(1);
    }
}

static void start(struct race *race)
{
    struct store_options options = {.vfs = "races"};
    struct controllers_settings settings = {.prove_wake_ups = true};
    struct err err = {0};

    race->loop = loop_world_host(race->world, "hub");
    race->store = store_open("hub.db", &options, &err);
    must(race->store, &err);
    race->kinds = kinds_open(&err);
    must(race->kinds, &err);
    race->objects = objects_open(race->loop, race->store, race->kinds, &err);
    must(race->objects, &err);
    race->controllers = controllers_start(race->objects, race->loop, &settings, &err);
    must(race->controllers, &err);
}

static void stop(struct race *race)
{
    if (race->controllers && controllers_missed(race->controllers)) {
        printf("Bail out! a change did not wake whom it concerns\n");
        exit(1);
    }
    controllers_stop(&race->controllers);
    objects_close(&race->objects);
    kinds_close(&race->kinds);
    store_close(&race->store);
    loop_free(&race->loop);
}

static void crash(struct race *race)
{
    loop_world_crash(race->world, "hub");
    store_disk_crash(race->disk, loop_world_random(race->world, UINT32_MAX));
    stop(race);
    start(race);
}

static const struct kind *clusters(const struct race *race)
{
    return kinds_find(race->kinds, "cluster.open-cluster-management.io", "managedclusters");
}

/* ---- Joining and leaving ------------------------------------------------------ */

/* A join that waits for its commit. */
struct promise {
    struct race *race;
    char uid[40];
};

static void on_durable(void *arg, const struct err *err)
{
    struct promise *promise = arg;
    struct race *race = promise->race;

    if (!err && race->join_count < MOST_JOINS)
        snprintf(race->joined[race->join_count++], sizeof promise->uid, "%s", promise->uid);
    free(promise);
}

static void join(struct race *race)
{
    scoped_arena struct arena *arena = arena_new();
    struct objects_result result = {.arena = arena};
    const char *text =
        arena_printf(arena,
                     "{apiVersion: cluster.open-cluster-management.io/v1, kind: ManagedCluster, "
                     "metadata: {name: guest-%d}}",
                     (int)loop_world_random(race->world, GUESTS));
    struct objects_write write = {
        .who = {.user = "system:bootstrap:t", .manager = "guest"},
        .kind = clusters(race),
        .body = document_read_yaml(arena, text, strlen(text), true, &document_limits_own, NULL),
        .grace = -1};
    struct promise *promise;
    struct err err = {0};

    if (objects_create(race->objects, &write, &result, &err) < 0) {
        if (err.code != ERR_FORBIDDEN && err.code != ERR_EXISTS)
            must(false, &err);
        return;
    }
    promise = mem_alloc(sizeof *promise);
    promise->race = race;
    snprintf(promise->uid, sizeof promise->uid, "%s", result.object->uid);
    object_drop(&result.object);
    objects_when_durable(race->objects, on_durable, promise);
}

static void send_away(struct race *race)
{
    scoped_arena struct arena *arena = arena_new();
    struct objects_result result = {.arena = arena};
    struct objects_write write = {
        .who = {.user = "system:admin", .manager = "kubectl"},
        .kind = clusters(race),
        .name = arena_printf(arena, "guest-%d", (int)loop_world_random(race->world, GUESTS)),
        .grace = -1};
    struct err err = {0};

    if (objects_delete(race->objects, &write, &result, &err) == 0)
        object_drop(&result.object);
}

static void make_token(struct race *race)
{
    scoped_arena struct arena *arena = arena_new();
    const char *text = arena_printf(arena,
                                    "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, "
                                    "metadata: {name: t}, spec: {uses: %d}}",
                                    race->uses);
    struct err err = {0};

    must(objects_ensure(
             race->objects, "test",
             document_read_yaml(arena, text, strlen(text), true, &document_limits_own, &err), NULL,
             &err) == 0,
         &err);
    objects_commit(race->objects);
}

/* ---- The property ---------------------------------------------------------------- */

static void count_one(void *arg, const struct object *object)
{
    (void)object;
    ++*(int *)arg;
}

static void judge(struct race *race)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_object struct object *token =
        objects_get(race->objects, OBJECTS_PUBLISHED,
                    kinds_find(race->kinds, "axle.dev", "jointokens"), "", "t", NULL);
    int there = 0, used;

    objects_each(race->objects, OBJECTS_PUBLISHED, clusters(race), "", count_one, &there);
    used = token ? (int)node_get_int(node_get(object_read(arena, token), "status"), "used", 0) : -1;
    if ((int)race->join_count > race->uses)
        race->fault = "more machines were let in than the token has uses";
    else if (there > race->uses)
        race->fault = "more clusters are there than the token has uses";
    else if (used < (int)race->join_count || used > race->uses)
        race->fault = "the token says something else than was answered";
}

static void run_seed(uint64_t seed, struct race *race)
{
    *race = (struct race){.world = loop_world_new(seed), .disk = store_disk_new("races")};
    race->uses = 1 + (int)loop_world_random(race->world, 4);
    start(race);
    make_token(race);
    for (int step = 0; step < STEPS; step++) {
        switch (loop_world_random(race->world, 10)) {
        case 0:
            crash(race);
            break;
        case 1:
            send_away(race);
            break;
        case 2:
        case 3:
            loop_world_run(race->world, (int64_t)loop_world_random(race->world, 20) * CLOCK_MS);
            break;
        default:
            join(race);
        }
    }
    loop_world_run(race->world, 200 * CLOCK_SECOND);
    judge(race);
    stop(race);
    loop_world_free(&race->world);
    store_disk_free(&race->disk);
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : getenv("DEEP") ? SEEDS_DEEP : SEEDS;
    size_t joins = 0;

    for (uint64_t seed = first; seed < first + count; seed++) {
        struct race race;

        run_seed(seed, &race);
        joins += race.join_count;
        if (race.fault)
            CHECK(false, "seed %llu: %s (%zu answered, %d uses)", (unsigned long long)seed,
                  race.fault, race.join_count, race.uses);
    }
    CHECK(joins >= count, "over %llu seeds %zu machines joined, never more than might",
          (unsigned long long)count, joins);
    return check_done();
}
