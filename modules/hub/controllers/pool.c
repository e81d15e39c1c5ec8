/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a pool's ManagedClusterSet, binding and Environment. */
#include "controllers/pool_spokes.h"
#include "controllers/table.h"

#include "controllers/allowed.h"
#include "controllers/claim.h"
#include "controllers/expected.h"
#include "controllers/in_use.h"
#include "meta/meta.h"
#include "placement/placement.h"

#include <string.h>

static char *owner_name(struct reconcile_run *run)
{
    return arena_printf(run->arena, "%s/%s", run->namespace, run->name);
}

static int make_set(struct reconcile_run *run, const struct node *pool, const char *set,
                    struct err *err)
{
    const struct node *labels = node_at(pool, "spec", "clusterSelector", NULL);
    struct node *wanted = reconcile_new(run, KIND_ID_CLUSTER_SET, "", set), *selector;

    meta_set_label(run->arena, wanted, META_LABEL_POOL, set);
    meta_set_annotation(run->arena, wanted, META_ANNOTATION_OWNER, owner_name(run));
    selector = node_make(run->arena, node_make(run->arena, wanted, "spec"), "clusterSelector");
    node_set_text(run->arena, selector, "selectorType",
                  labels ? "LabelSelector" : "ExclusiveClusterSetLabel");
    if (labels)
        node_set(run->arena, selector, "labelSelector", node_copy(run->arena, labels));
    return reconcile_ensure(run, wanted, NULL, err);
}

static int make_binding(struct reconcile_run *run, const struct node *pool, const char *set,
                        struct err *err)
{
    struct node *wanted = reconcile_new(run, KIND_ID_BINDING, run->namespace, set);

    meta_add_controller(run->arena, wanted, pool);
    meta_set_label(run->arena, wanted, META_LABEL_MADE_BY, "pool");
    node_set_text(run->arena, node_make(run->arena, wanted, "spec"), "clusterSet", set);
    return reconcile_ensure(run, wanted, NULL, err);
}

static int make_environment(struct reconcile_run *run, const struct node *pool, const char *set,
                            struct err *err)
{
    struct arena *arena = run->arena;
    struct node *wanted = reconcile_new(run, KIND_ID_ENVIRONMENT, run->namespace, run->name);
    struct node *spec = node_make(arena, wanted, "spec");
    struct node *topology = node_make(arena, spec, "topology"), *placement;

    meta_add_controller(arena, wanted, pool);
    node_set_text(arena, node_make(arena, spec, "computePoolRef"), "name", run->name);
    node_set_text(arena, topology, "type", "topology-ocm");
    placement = node_make(arena, node_make(arena, topology, "properties"), "placement");
    node_add(arena, node_make_list(arena, placement, "clusterSets"), node_string(arena, set));
    return reconcile_ensure(run, wanted, NULL, err);
}

struct outlook {
    struct node *rows; /* of the spokes that are expected */
    size_t pending, failed;
    const char *taken; /* why the first of them cannot have its name */
};

static struct outlook sum_up_spokes(const struct node *rows)
{
    struct outlook ret = {.rows = (struct node *)rows};

    for (size_t i = 0; i < node_count(rows); i++) {
        const char *phase = node_get_text(node_item(rows, i), "phase");

        ret.pending += !strcmp(phase, "PendingJoin");
        ret.failed += !strcmp(phase, "Failed");
        if (!ret.taken && !strcmp(phase, "Failed") &&
            !strcmp(node_get_text(node_item(rows, i), "reason"), "NameTaken"))
            ret.taken = node_get_text(node_item(rows, i), "message");
    }
    return ret;
}

static void say_expected(struct arena *arena, struct node *status, const struct outlook *look,
                         struct meta_condition *ready)
{
    if (!node_count(look->rows)) {
        node_remove(status, "expected");
        return;
    }
    node_set(arena, status, "expected", look->rows);
    /* Those that are there can be used; the pool as it was asked for is not there yet. */
    if (!strcmp(ready->status, "True") && (look->pending || look->failed)) {
        ready->status = "False";
        ready->reason = look->taken ? "NameTaken" : look->failed ? "SpokeRefused" : "PendingJoin";
        ready->message =
            arena_printf(arena, "%s; %zu of %zu expected spokes have not joined%s%s",
                         ready->message, look->pending + look->failed, node_count(look->rows),
                         look->failed ? ", see status.expected" : "",
                         look->taken ? arena_printf(arena, ": %s", look->taken) : "");
        node_set_text(arena, status, "phase", "PendingJoin");
    }
}

static int write_pool_status(struct reconcile_run *run, const struct seen *pool, const char *set,
                             const struct outlook *look, const char *trouble, struct err *err)
{
    struct arena *arena = run->arena;
    struct placement_members members =
        placement_count_members(run->all->world, run->namespace, set);
    struct node *status = meta_copy_status(arena, pool->node);
    struct meta_condition ready = {"Ready", trouble ? "False" : "True",
                                   trouble ? "NameTaken" : "SetReady", trouble ? trouble : ""};
    bool changed = false;

    reconcile_walk(run, members.walked + node_count(look->rows));
    reconcile_sums_up(run, members.count);
    node_set_text(arena, status, "clusterSet", set);
    node_set_int(arena, status, "spokes", (int64_t)members.count);
    node_set_int(arena, status, "readySpokes", (int64_t)members.available);
    node_set_text(arena, status, "phase", trouble ? "Failed" : "Ready");
    if (!trouble)
        ready.message = arena_printf(arena, "%zu of %zu spokes are available", members.available,
                                     members.count);
    say_expected(arena, status, look, &ready);
    node_set_text(arena, status, "message", ready.message);
    node_set_int(arena, status, "observedGeneration", meta_generation(pool->node));
    meta_condition_set(arena, status, meta_conditions(pool->node), &ready,
                       meta_generation(pool->node), run->now);
    if (reconcile_status(run, pool, status, &changed, err) < 0)
        return -1;
    if (changed && !strcmp(ready.reason, "NameTaken"))
        reconcile_event(run, pool, true, "NameTaken", "%s", ready.message);
    return 0;
}

/*
 * Spokes of a pool that goes are nobody's: an administrator looks at them and
 * labels them into a set. Whoever had the pool may have had the machines, so
 * they must not fall into a set that others place on.
 */
static int make_released(struct reconcile_run *run, struct err *err)
{
    struct node *wanted = reconcile_new(run, KIND_ID_CLUSTER_SET, "", POOL_RELEASED);

    meta_set_label(run->arena, wanted, META_LABEL_POOL, POOL_RELEASED);
    node_set_text(run->arena,
                  node_make(run->arena, node_make(run->arena, wanted, "spec"), "clusterSelector"),
                  "selectorType", "ExclusiveClusterSetLabel");
    return reconcile_ensure(run, wanted, NULL, err);
}

static int free_spokes(struct reconcile_run *run, const char *set, struct err *err)
{
    const struct node *members =
        reconcile_list(run, KIND_ID_CLUSTER, NULL, META_LABEL_CLUSTERSET, set);

    if (node_count(members) && make_released(run, err) < 0)
        return -1;
    for (size_t i = 0; i < node_count(members); i++) {
        struct node *patch = node_map(run->arena);
        struct seen cluster;

        meta_set_label(run->arena, patch, META_LABEL_CLUSTERSET, POOL_RELEASED);
        node_set(run->arena, node_at(patch, "metadata", "labels", NULL), META_LABEL_POOL,
                 node_null(run->arena));
        if (!reconcile_get(run, KIND_ID_CLUSTER, "", meta_name(node_item(members, i)), &cluster))
            continue;
        if (reconcile_patch(run, &cluster, patch, err) < 0)
            return -1;
        reconcile_event(
            run, &cluster, false, "Released",
            "its pool %s is deleted: label it into a ManagedClusterSet so that others can use it",
            owner_name(run));
    }
    return 0;
}

static int drain_pool(struct reconcile_run *run, const struct seen *pool, const char *set,
                      struct err *err)
{
    bool own = reconcile_read_own(run, KIND_ID_CLUSTER_SET, "", set) != NULL;
    const char *users = in_use_pool(run, run->namespace, run->name, own ? set : "");

    if (users)
        return in_use_wait(run, pool, users, err);
    if (own && (pool_spokes_drop(run, set, err) < 0 || free_spokes(run, set, err) < 0 ||
                reconcile_remove(run, KIND_ID_CLUSTER_SET, "", set, err) < 0))
        return -1;
    return reconcile_finalizer(run, pool, META_FINALIZER_DRAIN, false, err);
}

/* The set comes first: what it allows is written only in the name of one's own. */
static int make_all(struct reconcile_run *run, const struct seen *pool, const char *set,
                    struct node *rows, const char **ret_trouble, struct err *err)
{
    struct err why = {0};

    if (!make_set(run, pool->node, set, &why) && !make_binding(run, pool->node, set, &why) &&
        !pool_spokes(run, pool->node, set, rows, &why) &&
        !make_environment(run, pool->node, set, &why))
        return 0;
    *ret_trouble = claim_words(run, &why);
    if (!*ret_trouble)
        *err = why;
    return *ret_trouble ? 0 : -1;
}

static int reconcile_pool(struct reconcile_run *run, struct err *err)
{
    char *set = allowed_pool_set(run->arena, run->namespace, run->name);
    struct node *rows = node_list(run->arena);
    const char *trouble = NULL;
    struct outlook look;
    struct seen pool;

    if (!reconcile_get(run, KIND_ID_POOL, run->namespace, run->name, &pool))
        return 0;
    if (meta_is_deleting(pool.node))
        return drain_pool(run, &pool, set, err);
    if (reconcile_finalizer(run, &pool, META_FINALIZER_DRAIN, true, err) < 0 ||
        make_all(run, &pool, set, rows, &trouble, err) < 0)
        return -1;
    look = sum_up_spokes(rows);
    return write_pool_status(run, &pool, set, &look, trouble, err);
}

/* Which spokes a project may have at all hangs on other sets, and pools that select
   count among those. */
static void wake_selecting(void *arg, const char *namespace, const char *name)
{
    controllers_wake(arg, &controller_pool, namespace, name);
}

static void map_other_set(struct controllers *all, const struct controller *to,
                          const struct object *before, const struct object *after)
{
    expected_each_selecting(all, wake_selecting, all);
}

static void wake_if_deleting(void *arg, const struct object *pool)
{
    if (pool->deleting)
        controllers_wake(arg, &controller_pool, pool->namespace, pool->name);
}

/* Users of a pool that waits for them may be of any project, and few pools wait. */
static void map_user_to_pools(struct controllers *all, const struct controller *to,
                              const struct object *before, const struct object *after)
{
    if (!after || (before && !before->deleting && after->deleting))
        objects_each(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_POOL], "", wake_if_deleting,
                     all);
}

/* One that named its set. */
static void map_environment(struct controllers *all, const struct controller *to,
                            const struct object *before, const struct object *after)
{
    objects_each(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_POOL], "", wake_if_deleting, all);
}

const struct controller controller_pool = {
    .name = "pool",
    .run = reconcile_pool,
    .about = KIND_ID_POOL,
    .condition = RECONCILED,
    .pause = CONTROLLER_PAUSE,
    .sources = {{KIND_ID_POOL, NULL, WAKE_AFTER_PAUSE},
                {KIND_ID_ENVIRONMENT, pool_map_environment},
                {KIND_ID_ENVIRONMENT, map_environment},
                {KIND_ID_BINDING, pool_map_namespaced},
                {KIND_ID_CLUSTER, pool_map_cluster, WAKE_AFTER_PAUSE},
                {KIND_ID_SECRET, pool_map_namespaced},
                {KIND_ID_CLUSTER_SET, pool_map_set},
                {KIND_ID_CLUSTER_SET, map_other_set},
                {KIND_ID_JOIN_TOKEN, pool_map_token},
                {KIND_ID_NAMESPACE, pool_map_name},
                {KIND_ID_PROJECT, pool_map_name},
                {KIND_ID_TENANT, pool_map_name},
                {KIND_ID_WORK, map_user_to_pools},
                {KIND_ID_DEPLOYMENT, map_user_to_pools},
                {KIND_ID_DEPLOYMENT, map_left_place}},
    .source_count = 15,
};
