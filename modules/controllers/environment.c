/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the Placement that an Environment's topology describes. */
#include "controllers/controller.h"

#include <string.h>

#define TAINTS "cluster.open-cluster-management.io/"

/*
 * A silent spoke keeps its workloads, so both taints of liveness are
 * tolerated: for ever, or as long as spec.failover says.
 */
static void add_tolerations(struct arena *arena, const struct node *environment,
                            struct node *spec)
{
    static const char *const taints[] = { TAINTS "unreachable",
                                          TAINTS "unavailable" };
    const struct node *after = node_at(environment, "spec", "failover",
                                       "afterSeconds", NULL);
    const struct node *old = node_get(spec, "tolerations");
    struct node *list = node_list(arena);

    for (size_t i = 0; i < count_of(taints); i++) {
        struct node *one = node_map(arena);

        node_set_text(arena, one, "key", taints[i]);
        node_set_text(arena, one, "operator", "Exists");
        if (after)
            node_set(arena, one, "tolerationSeconds", node_copy(arena, after));
        node_add(arena, list, one);
    }
    for (size_t i = 0; i < node_count(old); i++)
        node_add(arena, list, node_item(old, i));
    node_set(arena, spec, "tolerations", list);
}

static int make_placement(struct pass *pass, const struct node *environment,
                          struct err *err)
{
    const struct node *placement = node_at(environment, "spec", "topology",
                                           "properties", "placement", NULL);
    struct node *wanted = pass_new(pass, PLACEMENT, pass->space, pass->name);
    struct node *spec;

    object_own(pass->arena, wanted, environment);
    spec = placement ? node_copy(pass->arena, placement)
                     : node_map(pass->arena);
    add_tolerations(pass->arena, environment, spec);
    node_set(pass->arena, wanted, "spec", spec);
    return pass_ensure(pass, wanted, NULL, err);
}

static int report(struct pass *pass, const struct seen *environment,
                  const char *placement, const char *trouble, struct err *err)
{
    struct arena *arena = pass->arena;
    const struct node *there = pass_read(pass, PLACEMENT, pass->space, placement);
    struct node *status = status_copy(arena, environment->node);
    int64_t spokes = node_get_int(node_get(there, "status"),
                                  "numberOfSelectedClusters", 0);
    struct condition ready = { "Ready", trouble ? "False" : "True",
                               trouble ? "PlacementNotFound" : "PlacementReady",
                               trouble ? trouble : "" };

    if (!trouble)
        ready.message = arena_printf(arena, "%lld %s chosen", (long long)spokes,
                                     spokes == 1 ? "spoke is" : "spokes are");
    node_set_text(arena, status, "placement", placement);
    node_set_int(arena, status, "spokes", spokes);
    node_set_text(arena, status, "phase", trouble ? "Failed" : "Ready");
    node_set_text(arena, status, "message", ready.message);
    node_set_int(arena, status, "observedGeneration",
                 object_generation(environment->node));
    condition_set(arena, status, node_at(environment->node, "status",
                                         "conditions", NULL), &ready,
                  object_generation(environment->node), pass->now);
    return pass_status(pass, environment, status, NULL, err);
}

static int run(struct pass *pass, struct err *err)
{
    const struct node *topology;
    const char *placement = pass->name, *trouble = NULL;
    struct seen environment;

    if (!pass_get(pass, ENVIRONMENT, pass->space, pass->name, &environment) ||
        object_deleting(environment.node))
        return 0;
    topology = node_at(environment.node, "spec", "topology", NULL);
    if (strcmp(node_get_text(topology, "type"), "topology-ocm-byop")) {
        if (make_placement(pass, environment.node, err) < 0)
            return -1;
    } else {
        placement = node_get_text(node_at(topology, "properties",
                                          "placementRef", NULL), "name");
        if (!pass_read(pass, PLACEMENT, pass->space, placement))
            trouble = arena_printf(pass->arena, "there is no Placement \"%s\" "
                                   "in this namespace; create it", placement);
    }
    return report(pass, &environment, placement, trouble, err);
}

/* One made here wakes its owner; one of a user's own, all of the namespace. */
static void map_placement(struct controllers *all, const struct controller *to,
                          const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const struct object *any = after ? after : before;
    const char *owner = object_owner(object_read(arena, any), "Environment");

    if (*owner)
        controllers_wake(all, to, any->space, owner);
    else
        controllers_wake_all(all, to, ENVIRONMENT, any->space);
}

const struct controller controller_environment = {
    .name = "environment", .run = run,
    .sources = { { ENVIRONMENT, NULL }, { PLACEMENT, map_placement } },
    .source_count = 2,
};
