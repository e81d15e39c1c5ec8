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

UNUSED static void start(void)
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
                                      .address = "edge-1",
                                      .eviction = 100 * CLOCK_SECOND};
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

UNUSED static struct node *read_of(struct arena *arena, const char *group, const char *plural,
                                   const char *namespace, const char *name)
{
    scoped_object struct object *object =
        objects_get(hub->objects, OBJECTS_PUBLISHED, kinds_find(hub->kinds, group, plural),
                    namespace, name, NULL);

    return object ? object_read(arena, object) : NULL;
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
