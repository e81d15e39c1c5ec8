/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the Placement that an Environment's topology describes. */
#include "controllers/allowed.h"
#include "controllers/maps.h"
#include "controllers/table.h"
#include "controllers/claim.h"
#include "controllers/in_use.h"
#include "controllers/failure.h"
#include "meta/meta.h"

#include <string.h>

/*
 * A silent spoke keeps its workloads, so both taints of liveness are
 * tolerated: for ever, or as long as spec.failover says.
 */
static void add_tolerations(struct arena *arena, const struct node *environment, struct node *spec)
{
    static const char *const taints[] = {META_TAINT_PREFIX "unreachable",
                                         META_TAINT_PREFIX "unavailable"};
    const struct node *after = node_at(environment, "spec", "failover", "afterSeconds", NULL);
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

static int make_placement(struct reconcile_run *run, const struct node *environment,
                          struct err *err)
{
    const struct node *placement =
        node_at(environment, "spec", "topology", "properties", "placement", NULL);
    struct node *wanted = reconcile_new(run, KIND_ID_PLACEMENT, run->namespace, run->name);
    struct node *spec;

    meta_add_controller(run->arena, wanted, environment);
    spec = placement ? node_copy(run->arena, placement) : node_map(run->arena);
    add_tolerations(run->arena, environment, spec);
    node_set(run->arena, wanted, "spec", spec);
    return reconcile_ensure(run, wanted, NULL, err);
}

/* What the user must change; `reason` NULL: nothing. */
struct trouble {
    const char *reason, *message;
};

/* Its Placement is there, and cannot be acted upon. */
static struct trouble find_placement_failure(struct reconcile_run *run, const char *placement)
{
    const struct node *there = reconcile_read(run, KIND_ID_PLACEMENT, run->namespace, placement);
    struct failure failure = failure_of(there);

    if (!failure.reason)
        return (struct trouble){0};
    return (struct trouble){failure.reason, arena_printf(run->arena, "the Placement \"%s\": %s",
                                                         placement, failure.message)};
}

static int write_environment_status(struct reconcile_run *run, const struct seen *environment,
                                    const char *placement, const struct trouble *trouble,
                                    struct err *err)
{
    struct arena *arena = run->arena;
    const struct node *there = reconcile_read(run, KIND_ID_PLACEMENT, run->namespace, placement);
    struct node *status = meta_copy_status(arena, environment->node);
    int64_t spokes = node_get_int(node_get(there, "status"), "numberOfSelectedClusters", 0);
    struct meta_condition ready = {"Ready", trouble->reason ? "False" : "True",
                                   trouble->reason ? trouble->reason : "PlacementReady",
                                   trouble->reason ? trouble->message : ""};

    if (!trouble->reason)
        ready.message = arena_printf(arena, "%lld %s chosen", (long long)spokes,
                                     spokes == 1 ? "spoke is" : "spokes are");
    node_set_text(arena, status, "placement", placement);
    node_set_int(arena, status, "spokes", spokes);
    node_set_text(arena, status, "phase", trouble->reason ? "Failed" : "Ready");
    node_set_text(arena, status, "message", ready.message);
    node_set_int(arena, status, "observedGeneration", meta_generation(environment->node));
    meta_condition_set(arena, status, meta_conditions(environment->node), &ready,
                       meta_generation(environment->node), run->now);
    return reconcile_status(run, environment, status, NULL, err);
}

/* A set or namespace that the project has lost since, or never had. */
static struct trouble check_allowed(struct reconcile_run *run, const struct node *environment)
{
    const struct node *spec = node_get(environment, "spec");
    const struct node *sets =
        node_at(spec, "topology", "properties", "placement", "clusterSets", NULL);
    const char *why =
        allowed_target_trouble(run, run->namespace, node_get_text(spec, "targetNamespace"));

    if (why)
        return (struct trouble){"NamespaceNotAllowed",
                                arena_printf(run->arena, "spec.targetNamespace: %s", why)};
    for (size_t i = 0; i < node_count(sets); i++) {
        why = allowed_set_trouble(run, run->namespace, node_text(node_item(sets, i)));
        if (why)
            return (struct trouble){"ClusterSetNotAllowed",
                                    arena_printf(run->arena,
                                                 "spec.topology.properties.placement."
                                                 "clusterSets[%zu]: %s",
                                                 i, why)};
    }
    return (struct trouble){0};
}

/* Its own Placement. Sets that may not be named are not bound, so that they give
   it no spokes; the others do. */
static int settle_placement(struct reconcile_run *run, const struct node *environment,
                            const char **ret_placement, struct trouble *trouble, struct err *err)
{
    struct err why = {0};

    if (!make_placement(run, environment, &why))
        return 0;
    if (!claim_words(run, &why)) {
        *err = why;
        return -1;
    }
    *trouble = (struct trouble){"NameTaken", arena_printf(run->arena,
                                                          "%s; a Placement of your "
                                                          "own is used by topology-ocm-byop",
                                                          claim_words(run, &why))};
    *ret_placement = "";
    return 0;
}

/* Its Placement goes with it, so it stays as long as something runs by that. */
static int drain_environment(struct reconcile_run *run, const struct seen *environment,
                             struct err *err)
{
    const char *users = in_use_environment(run, run->namespace, run->name);

    return users ? in_use_wait(run, environment, users, err)
                 : reconcile_finalizer(run, environment, META_FINALIZER_DRAIN, false, err);
}

static int reconcile_environment(struct reconcile_run *run, struct err *err)
{
    const struct node *topology;
    const char *placement = run->name;
    struct trouble trouble;
    struct seen environment;

    if (!reconcile_get(run, KIND_ID_ENVIRONMENT, run->namespace, run->name, &environment))
        return 0;
    if (meta_is_deleting(environment.node))
        return drain_environment(run, &environment, err);
    if (reconcile_finalizer(run, &environment, META_FINALIZER_DRAIN, true, err) < 0)
        return -1;
    topology = node_at(environment.node, "spec", "topology", NULL);
    trouble = check_allowed(run, environment.node);
    if (strcmp(node_get_text(topology, "type"), "topology-ocm-byop")) {
        if (settle_placement(run, environment.node, &placement, &trouble, err) < 0)
            return -1;
    } else {
        placement = node_get_text(node_at(topology, "properties", "placementRef", NULL), "name");
        if (!reconcile_read(run, KIND_ID_PLACEMENT, run->namespace, placement))
            trouble =
                (struct trouble){"PlacementNotFound", arena_printf(run->arena,
                                                                   "there is no Placement \"%s\" "
                                                                   "in this namespace; create it",
                                                                   placement)};
    }
    if (!trouble.reason)
        trouble = find_placement_failure(run, placement);
    return write_environment_status(run, &environment, placement, &trouble, err);
}

/* What the Project, its Tenant and pools say decides what may be named. */
static void map_project_to_environments(struct controllers *all, const struct controller *to,
                                        const struct object *before, const struct object *after)
{
    controllers_wake_all(
        all, to, KIND_ID_ENVIRONMENT,
        project_concerns_others(all, before, after) ? "" : (after ? after : before)->name);
}

/* A set that is bound, or bound no more. */
static void map_binding_to_environments(struct controllers *all, const struct controller *to,
                                        const struct object *before, const struct object *after)
{
    if (!before || !after)
        controllers_wake_all(all, to, KIND_ID_ENVIRONMENT, (after ? after : before)->namespace);
}

/* Which sets may be named: what a Tenant says, and whom a pool is shared with. */
static void map_sets(struct controllers *all, const struct controller *to,
                     const struct object *before, const struct object *after)
{
    if (!object_spec_is_same(all, before, after))
        controllers_wake_all(all, to, KIND_ID_ENVIRONMENT, "");
}

/* One made here wakes its owner; one of a user's own, all of the namespace. */
static void map_placement_to_environments(struct controllers *all, const struct controller *to,
                                          const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const struct object *any = after ? after : before;
    const char *owner = meta_owner_name(object_read(arena, any), "Environment");

    controllers_wake(all, to, any->namespace, any->name);
    if (*owner)
        controllers_wake(all, to, any->namespace, owner);
    else
        controllers_wake_all(all, to, KIND_ID_ENVIRONMENT, any->namespace);
}

const struct controller controller_environment = {
    .name = "environment",
    .run = reconcile_environment,
    .about = KIND_ID_ENVIRONMENT,
    .condition = RECONCILED,
    .sources = {{KIND_ID_ENVIRONMENT, NULL},
                {KIND_ID_PLACEMENT, map_placement_to_environments},
                {KIND_ID_PROJECT, map_project_to_environments},
                {KIND_ID_BINDING, map_binding_to_environments},
                {KIND_ID_TENANT, map_sets},
                {KIND_ID_POOL, map_sets},
                {KIND_ID_DEPLOYMENT, map_left_place}},
    .source_count = 7,
};
