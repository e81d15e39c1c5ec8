/* SPDX-License-Identifier: Apache-2.0 */
/* A spoke renews its Lease for as long as it lives, as often as the hub asks; then it is missed. */
#include "base/clock.h"
#include "document/document.h"
#include "hub/hub.h"
#include "hub/internal.h"
#include "kinds/kinds.h"
#include "loop/loop.h"
#include "objects/objects.h"
#include "runtime/runtime.h"
#include "agent/agent.h"
#include "sim/disk.h"
#include "sim/runtime.h"
#include "sim/world.h"
#include "store/store.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

struct machine {
    char directory[80];
    struct store_disk *disk;
    struct loop *loop;
};

static struct loop_world *world;
static char root[] = "/tmp/axle-test-lease-XXXXXX";
static struct machine hub_host, spoke_host;
static struct hub *hub;
static struct agent *spoke;

static void must(bool good, const struct err *err)
{
    if (!good) {
        printf("Bail out! %s\n", err->text);
        exit(1);
    }
}

static void make_machine(struct machine *machine, const char *name)
{
    snprintf(machine->directory, sizeof machine->directory, "%s/%s", root, name);
    machine->disk = store_disk_new(name);
    machine->loop = loop_world_host(world, name);
}

static void start(void)
{
    static const char *const listen[] = {"hub:6443", NULL};
    struct hub_settings hub_settings = {
        .directory = hub_host.directory, .listen = listen, .store_vfs = "hub"};
    struct agent_settings settings = {.directory = spoke_host.directory,
                                      .name = "edge-1",
                                      .hub = "https://hub:6443",
                                      .cluster = "local",
                                      .runtime = &runtime_simulated,
                                      .store_vfs = "edge-1",
                                      .address = "edge-1"};
    struct err err = {0};
    scoped_mem char *token = NULL;

    hub = hub_open(hub_host.loop, &hub_settings, &err);
    must(hub, &err);
    token = hub_make_token(hub, "edge-1", 3600 * CLOCK_SECOND, &err);
    must(token, &err);
    loop_world_run(world, CLOCK_SECOND);
    settings.token = token;
    spoke = agent_open(spoke_host.loop, &settings, &err);
    must(spoke, &err);
    loop_world_run(world, 30 * CLOCK_SECOND);
}

/* ---- What the hub has of it --------------------------------------------------------- */

static struct node *read_of(struct arena *arena, const char *group, const char *plural,
                            const char *namespace, const char *name)
{
    scoped_object struct object *object =
        objects_get(hub->objects, OBJECTS_PUBLISHED, kinds_find(hub->kinds, group, plural),
                    namespace, name, NULL);

    return object ? object_read(arena, object) : NULL;
}

/* When the Lease was renewed last; 0: never, or it is not there. */
static int64_t renewed(void)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *lease =
        read_of(arena, "coordination.k8s.io", "leases", "edge-1", "managed-cluster-lease");
    int64_t at = 0;

    clock_parse(node_get_text(node_get(lease, "spec"), "renewTime"), &at);
    return at;
}

static const char *available(struct arena *arena)
{
    const struct node *cluster =
        read_of(arena, "cluster.open-cluster-management.io", "managedclusters", "", "edge-1");
    const struct node *list = node_at(cluster, "status", "conditions", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "type"), "ManagedClusterConditionAvailable"))
            return node_get_text(node_item(list, i), "status");
    return "";
}

/* Runs for so many seconds; how often the Lease was renewed, and the longest pause. */
static int watch_lease(int seconds, int64_t *ret_longest)
{
    int64_t last = renewed();
    int times = 0;

    *ret_longest = 0;
    for (int i = 0; i < seconds; i++) {
        int64_t now;

        loop_world_run(world, CLOCK_SECOND);
        now = renewed();
        if (now != last) {
            times++;
            *ret_longest = now - last > *ret_longest ? now - last : *ret_longest;
        }
        last = now;
    }
    if (clock_wall() - last > *ret_longest)
        *ret_longest = clock_wall() - last;
    return times;
}

static void set_duration(int seconds)
{
    scoped_arena struct arena *arena = arena_new();
    const char *text = arena_printf(arena, "{spec: {leaseDurationSeconds: %d}}", seconds);
    struct objects_result result = {.arena = arena};
    struct err err = {0};
    struct objects_write write = {
        .who = {"root", "test", true},
        .name = "edge-1",
        .namespace = "",
        .kind = kinds_find(hub->kinds, "cluster.open-cluster-management.io", "managedclusters"),
        .body = document_read_yaml(arena, text, strlen(text), true, &document_limits_own, &err),
        .patch = OBJECTS_PATCH_MERGE,
        .grace = -1};

    must(objects_patch(hub->objects, &write, &result, &err) == 0, &err);
    object_drop(&result.object);
}

static void check_lease(void)
{
    scoped_arena struct arena *arena = arena_new();
    int64_t longest;
    int times;

    CHECK(renewed() > 0, "a spoke that has joined has renewed its Lease");
    CHECK_TEXT(available(arena), "True", "and is available");
    times = watch_lease(600, &longest);
    CHECK(times >= 8 && times <= 10,
          "with a duration of 60 s it is renewed 8 to 10 times in ten "
          "minutes: %d",
          times);
    CHECK(longest <= 76 * CLOCK_SECOND, "never later than a quarter after its time: %lld s",
          (long long)(longest / CLOCK_SECOND));
    set_duration(10);
    watch_lease(80, &longest);
    times = watch_lease(120, &longest);
    CHECK(times >= 9 && times <= 12, "a shorter duration is heeded: %d in two minutes", times);
    CHECK_TEXT(available(arena), "True", "it stays available");
    agent_close(&spoke);
    watch_lease(40, &longest);
    CHECK_TEXT(available(arena), "True",
               "one that is gone is missed after five durations, not before");
    watch_lease(30, &longest);
    CHECK_TEXT(available(arena), "Unknown", "and then it is unknown how it is");
}

int main(void)
{
    scoped_mem char *tidy = NULL;
    struct err err = {.text = "no folder"};

    world = loop_world_new(1);
    must(mkdtemp(root), &err);
    tidy = mem_printf("rm -rf %s", root);
    make_machine(&hub_host, "hub");
    make_machine(&spoke_host, "edge-1");
    start();
    check_lease();
    hub_close(&hub);
    loop_free(&hub_host.loop);
    loop_free(&spoke_host.loop);
    store_disk_free(&hub_host.disk);
    store_disk_free(&spoke_host.disk);
    loop_world_free(&world);
    CHECK(system(tidy) == 0, "cleaned up");
    return check_done();
}
