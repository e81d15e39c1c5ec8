/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_FIXTURE_H
#define AGENT_FIXTURE_H

/* A hub and a spoke that has joined it, on simulated machines. */

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

/* Not every test needs all of it. */
#define UNUSED __attribute__((unused))

struct machine {
    char directory[80];
    struct store_disk *disk;
    struct loop *loop;
};

static struct loop_world *world;
static char root[] = "/tmp/axle-test-agent-XXXXXX";
static struct machine hub_host, spoke_host;
static struct hub *hub;
static struct agent *spoke;

UNUSED static void must(bool good, const struct err *err)
{
    if (!good) {
        printf("Bail out! %s\n", err->text);
        exit(1);
    }
}

UNUSED static void make_machine(struct machine *machine, const char *name)
{
    snprintf(machine->directory, sizeof machine->directory, "%s/%s", root, name);
    machine->disk = store_disk_new(name);
    machine->loop = loop_world_host(world, name);
}

UNUSED static char *make_token(void)
{
    struct err err = {0};
    char *token = hub_make_token(hub, "edge-1", 3600 * CLOCK_SECOND, &err);

    must(token, &err);
    return token;
}

UNUSED static void open_hub(void)
{
    static const char *const listen[] = {"hub:6443", NULL};
    struct hub_settings settings = {
        .directory = hub_host.directory, .listen = listen, .store_vfs = "hub"};
    struct err err = {0};

    hub = hub_open(hub_host.loop, &settings, &err);
    must(hub, &err);
    loop_world_run(world, CLOCK_SECOND);
}

static int times_left; /* that the agent said it has left its hub */

static void on_left(void *arg)
{
    times_left++;
}

/* As a spoke that joins for the first time is started; `token` may be NULL. */
UNUSED static struct agent_settings first_settings(const char *token)
{
    return (struct agent_settings){.directory = spoke_host.directory,
                                   .name = "edge-1",
                                   .hub = "https://hub:6443",
                                   .token = token,
                                   .cluster = "local",
                                   .runtime = &runtime_simulated,
                                   .store_vfs = "edge-1",
                                   .address = "edge-1",
                                   .eviction = 100 * CLOCK_SECOND,
                                   .left = on_left};
}

UNUSED static void start(void)
{
    scoped_mem char *token = NULL;
    struct agent_settings settings;
    struct err err = {0};

    open_hub();
    token = make_token();
    settings = first_settings(token);
    spoke = agent_open(spoke_host.loop, &settings, &err);
    must(spoke, &err);
    loop_world_run(world, 30 * CLOCK_SECOND);
}

/* ---- What the hub has of it --------------------------------------------------------- */

UNUSED static struct node *read_of(struct arena *arena, const char *group, const char *plural,
                                   const char *namespace, const char *name)
{
    scoped_object struct object *object =
        objects_get(hub->objects, OBJECTS_PUBLISHED, kinds_find(hub->kinds, group, plural),
                    namespace, name, NULL);

    return object ? object_read(arena, object) : NULL;
}

/* The status of a condition of the spoke's ManagedCluster, and its message. */
UNUSED static const char *cluster_condition(struct arena *arena, const char *type)
{
    const struct node *cluster =
        read_of(arena, "cluster.open-cluster-management.io", "managedclusters", "", "edge-1");
    const struct node *list = node_at(cluster, "status", "conditions", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "type"), type))
            return arena_printf(arena, "%s %s", node_get_text(node_item(list, i), "status"),
                                node_get_text(node_item(list, i), "message"));
    return "";
}

UNUSED static const char *available(struct arena *arena)
{
    const char *words = cluster_condition(arena, "ManagedClusterConditionAvailable");

    return arena_bytes(arena, words, strcspn(words, " "));
}

static struct objects_write cluster_write(struct node *body)
{
    return (struct objects_write){
        .who = {"root", "test", true},
        .name = "edge-1",
        .namespace = "",
        .kind = kinds_find(hub->kinds, "cluster.open-cluster-management.io", "managedclusters"),
        .body = body,
        .patch = OBJECTS_PATCH_MERGE,
        .grace = -1};
}

/* Merges this into the spoke's ManagedCluster, as its administrator. */
UNUSED static void patch_cluster(const char *text)
{
    scoped_arena struct arena *arena = arena_new();
    struct objects_result result = {.arena = arena};
    struct err err = {0};
    struct objects_write write = cluster_write(
        document_read_yaml(arena, text, strlen(text), true, &document_limits_own, &err));

    must(objects_patch(hub->objects, &write, &result, &err) == 0, &err);
    object_drop(&result.object);
}

UNUSED static void delete_cluster(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct objects_result result = {.arena = arena};
    struct err err = {0};
    struct objects_write write = cluster_write(NULL);

    must(objects_delete(hub->objects, &write, &result, &err) == 0, &err);
    object_drop(&result.object);
}

/* ---- The place ---------------------------------------------------------------------- */

UNUSED static void make_place(unsigned seed)
{
    struct err err = {.text = "no folder"};

    world = loop_world_new(seed);
    must(mkdtemp(root), &err);
    make_machine(&hub_host, "hub");
    make_machine(&spoke_host, "edge-1");
}

UNUSED static void drop_place(void)
{
    scoped_mem char *tidy = mem_printf("rm -rf %s", root);

    agent_close(&spoke);
    hub_close(&hub);
    loop_free(&hub_host.loop);
    loop_free(&spoke_host.loop);
    store_disk_free(&hub_host.disk);
    store_disk_free(&spoke_host.disk);
    loop_world_free(&world);
    CHECK(system(tidy) == 0, "cleaned up");
}

#endif
