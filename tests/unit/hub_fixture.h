/* SPDX-License-Identifier: Apache-2.0 */
/* A hub's objects and controllers on a simulated disk, and a person with kubectl. */
#ifndef HUB_FIXTURE_H
#define HUB_FIXTURE_H

#include "controllers/controller.h"
#include "meta/meta.h"

#include "base/clock.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "loop/loop.h"
#include "objects/objects.h"
#include "sim/disk.h"
#include "sim/world.h"
#include "store/store.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

struct hub {
    struct loop_world *world;
    struct store_disk *disk;
    struct loop *loop;
    struct store *store;
    struct kinds *kinds;
    struct objects *objects;
    struct controllers *controllers;
    struct arena *arena;
};

static void hub_must(int result, const struct err *err)
{
    if (result < 0) {
        printf("Bail out! %s\n", err->text);
        exit(1);
    }
}

/* Everything staged is written, and every controller has come to rest. */
static void hub_settle(struct hub *hub)
{
    loop_world_run(hub->world, 10 * CLOCK_MS);
}

static void hub_start(struct hub *hub)
{
    struct store_options options = {.vfs = "sim"};
    struct err err = {0};

    if (!hub->world) {
        hub->world = loop_world_new(1);
        hub->disk = store_disk_new("sim");
        hub->arena = arena_new();
    }
    hub->loop = loop_world_host(hub->world, "hub");
    hub->store = store_open("hub.db", &options, &err);
    hub_must(hub->store ? 0 : -1, &err);
    hub->kinds = kinds_open(&err);
    hub_must(hub->kinds ? 0 : -1, &err);
    hub->objects = objects_open(hub->loop, hub->store, hub->kinds, &err);
    hub_must(hub->objects ? 0 : -1, &err);
    hub->controllers = controllers_start(hub->objects, hub->loop, NULL, &err);
    hub_must(hub->controllers ? 0 : -1, &err);
    hub_settle(hub);
}

static void hub_stop(struct hub *hub)
{
    controllers_stop(&hub->controllers);
    objects_close(&hub->objects);
    kinds_close(&hub->kinds);
    store_close(&hub->store);
    loop_free(&hub->loop);
}

static void hub_end(struct hub *hub)
{
    hub_stop(hub);
    loop_world_free(&hub->world);
    store_disk_free(&hub->disk);
    arena_free(&hub->arena);
}

static const struct kind *hub_kind(struct hub *hub, const char *plural)
{
    for (size_t i = 0; i < KIND_ID_COUNT; i++)
        if (!strcmp(kind_id_rows[i].plural, plural))
            return kinds_find(hub->kinds, kind_id_rows[i].group, plural);
    if (kinds_find(hub->kinds, "", plural))
        return kinds_find(hub->kinds, "", plural);
    abort();
}

static struct object *hub_find(struct hub *hub, const char *plural, const char *namespace,
                               const char *name)
{
    return objects_get(hub->objects, OBJECTS_PUBLISHED, hub_kind(hub, plural), namespace, name,
                       NULL);
}

static struct node *hub_get(struct hub *hub, const char *plural, const char *namespace,
                            const char *name)
{
    scoped_object struct object *object = hub_find(hub, plural, namespace, name);

    return object ? object_read(hub->arena, object) : NULL;
}

static struct objects_write hub_write(struct hub *hub, const char *plural, const char *namespace,
                                      const char *name)
{
    return (struct objects_write){
        .who = {.user = "kubernetes-admin", .manager = "kubectl"},
        .kind = hub_kind(hub, plural),
        .namespace = namespace,
        .name = name,
        .grace = -1,
        .force = true,
    };
}

/* What it is refused with, or "". */
static const char *hub_done(struct hub *hub, struct objects_result *result, int failed,
                            const struct err *err)
{
    object_drop(&result->object);
    hub_settle(hub);
    return failed < 0 ? arena_string(hub->arena, err->text) : "";
}

static const char *hub_patch(struct hub *hub, const char *plural, const char *namespace,
                             const char *name, const char *json)
{
    struct objects_write write = hub_write(hub, plural, namespace, name);
    struct objects_result result = {.arena = hub->arena};
    struct err err = {0};

    write.body = document_read_json(hub->arena, json, strlen(json), &document_limits_own, &err);
    hub_must(write.body ? 0 : -1, &err);
    return hub_done(hub, &result, objects_patch(hub->objects, &write, &result, &err), &err);
}

static const char *hub_apply(struct hub *hub, const char *yaml)
{
    struct err err = {0};
    struct node *all =
        document_read_all(hub->arena, yaml, strlen(yaml), &document_limits_own, &err);
    const char *why = "";

    hub_must(all ? 0 : -1, &err);
    for (size_t i = 0; i < node_count(all) && !*why; i++) {
        const struct node *one = node_item(all, i);
        const struct kind *kind =
            kinds_by_kind(hub->kinds, node_get_text(one, "apiVersion"), node_get_text(one, "kind"));
        struct objects_write write = {
            .who = {.user = "kubernetes-admin", .manager = "kubectl"},
            .kind = kind,
            .namespace = meta_namespace(one),
            .name = meta_name(one),
            .body = one,
            .patch = OBJECTS_PATCH_APPLY,
            .force = true,
            .grace = -1,
        };
        struct objects_result result = {.arena = hub->arena};

        why = hub_done(hub, &result, objects_patch(hub->objects, &write, &result, &err), &err);
    }
    return why;
}

static const char *hub_delete_by(struct hub *hub, const char *plural, const char *namespace,
                                 const char *name, const char *propagation)
{
    struct objects_write write = hub_write(hub, plural, namespace, name);
    struct objects_result result = {.arena = hub->arena};
    struct err err = {0};

    write.propagation = propagation;
    return hub_done(hub, &result, objects_delete(hub->objects, &write, &result, &err), &err);
}

static const char *hub_delete(struct hub *hub, const char *plural, const char *namespace,
                              const char *name)
{
    return hub_delete_by(hub, plural, namespace, name, NULL);
}

/* An administrator who does not wait: the finalizers go, and with them the object. */
__attribute__((unused)) static const char *hub_force_delete(struct hub *hub, const char *plural,
                                                            const char *namespace, const char *name)
{
    const char *why = hub_delete(hub, plural, namespace, name);

    if (!*why && hub_get(hub, plural, namespace, name))
        why = hub_patch(hub, plural, namespace, name, "{\"metadata\":{\"finalizers\":null}}");
    return why;
}

static const struct node *hub_condition(struct hub *hub, const char *plural, const char *namespace,
                                        const char *name, const char *type)
{
    return meta_condition_find(
        node_at(hub_get(hub, plural, namespace, name), "status", "conditions", NULL), type);
}

/* The condition's status and reason: "True Available". */
static const char *hub_says(struct hub *hub, const char *plural, const char *namespace,
                            const char *name, const char *type)
{
    const struct node *found = hub_condition(hub, plural, namespace, name, type);

    return arena_printf(hub->arena, "%s %s", node_get_text(found, "status"),
                        node_get_text(found, "reason"));
}

__attribute__((unused)) static const char *hub_status(struct hub *hub, const char *plural,
                                                      const char *namespace, const char *name,
                                                      const char *field)
{
    return node_get_text(node_get(hub_get(hub, plural, namespace, name), "status"), field);
}

/* ---- A spoke, as far as the hub can see -------------------------------------------------- */

/* It runs what its work says, and says so. */
__attribute__((unused)) static void hub_report(struct hub *hub, const char *cluster,
                                               const char *work)
{
    scoped_object struct object *object = hub_find(hub, "manifestworks", cluster, work);
    static const char *const types[] = {"Applied", "Available", "Progressing", "Degraded"};
    struct node *status = node_map(hub->arena), *list;
    struct err err = {0};

    if (!object)
        return;
    list = node_make_list(hub->arena, status, "conditions");
    for (size_t i = 0; i < count_of(types); i++) {
        struct node *one = node_map(hub->arena);

        node_set_text(hub->arena, one, "type", types[i]);
        node_set_text(hub->arena, one, "status", i < 2 ? "True" : "False");
        node_set_text(hub->arena, one, "reason", "Ok");
        node_set_int(hub->arena, one, "observedGeneration",
                     meta_generation(object_read(hub->arena, object)));
        node_add(hub->arena, list, one);
    }
    hub_must(objects_set_status(hub->objects, "spoke", object, status, NULL, &err), &err);
    hub_settle(hub);
}

__attribute__((unused)) static const char *hub_work_uid(struct hub *hub, const char *cluster,
                                                        const char *work)
{
    const struct node *there = hub_get(hub, "manifestworks", cluster, work);

    return there && !meta_is_deleting(there) ? meta_uid(there) : "";
}

#endif
