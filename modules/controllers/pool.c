/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a pool's ManagedClusterSet, binding and Environment. */
#include "controllers/pool_spokes.h"

#include "render/render.h"

#include <string.h>

static char *set_name(struct pass *pass)
{
    char *whole = arena_printf(pass->arena, "%s.%s", pass->space, pass->name);

    return render_label(pass->arena, whole);
}

static int make_set(struct pass *pass, const struct node *pool, const char *set,
                    struct err *err)
{
    const struct node *labels = node_at(pool, "spec", "clusterSelector", NULL);
    struct node *wanted = pass_new(pass, CLUSTER_SET, "", set), *selector;

    object_set_label(pass->arena, wanted, POOL_LABEL, set);
    selector = node_make(pass->arena, node_make(pass->arena, wanted, "spec"),
                         "clusterSelector");
    node_set_text(pass->arena, selector, "selectorType",
                  labels ? "LabelSelector" : "ExclusiveClusterSetLabel");
    if (labels)
        node_set(pass->arena, selector, "labelSelector",
                 node_copy(pass->arena, labels));
    return pass_ensure(pass, wanted, NULL, err);
}

static int make_binding(struct pass *pass, const struct node *pool,
                        const char *set, struct err *err)
{
    struct node *wanted = pass_new(pass, BINDING, pass->space, set);

    object_own(pass->arena, wanted, pool);
    object_set_label(pass->arena, wanted, "axle.dev/made-by", "pool");
    node_set_text(pass->arena, node_make(pass->arena, wanted, "spec"),
                  "clusterSet", set);
    return pass_ensure(pass, wanted, NULL, err);
}

static int make_environment(struct pass *pass, const struct node *pool,
                            const char *set, struct err *err)
{
    struct arena *arena = pass->arena;
    struct node *wanted = pass_new(pass, ENVIRONMENT, pass->space, pass->name);
    struct node *spec = node_make(arena, wanted, "spec");
    struct node *topology = node_make(arena, spec, "topology"), *placement;

    object_own(arena, wanted, pool);
    node_set_text(arena, node_make(arena, spec, "computePoolRef"), "name",
                  pass->name);
    node_set_text(arena, topology, "type", "topology-ocm");
    placement = node_make(arena, node_make(arena, topology, "properties"),
                          "placement");
    node_add(arena, node_make_list(arena, placement, "clusterSets"),
             node_string(arena, set));
    return pass_ensure(pass, wanted, NULL, err);
}

/* An Environment of the pool's name that somebody else made is left alone. */
static bool environment_is_free(struct pass *pass)
{
    const struct node *there = pass_read(pass, ENVIRONMENT, pass->space,
                                         pass->name);

    return !there || !strcmp(object_owner(there, "ComputePool"), pass->name);
}

struct outlook {
    struct node *rows; /* of the spokes that are expected */
    size_t pending, failed;
};

static struct outlook look_at(const struct node *rows)
{
    struct outlook ret = { .rows = (struct node *)rows };

    for (size_t i = 0; i < node_count(rows); i++) {
        const char *phase = node_get_text(node_item(rows, i), "phase");

        ret.pending += !strcmp(phase, "PendingJoin");
        ret.failed += !strcmp(phase, "Failed");
    }
    return ret;
}

static void say_expected(struct arena *arena, struct node *status, const struct outlook *look,
                         struct condition *ready)
{
    if (!node_count(look->rows)) {
        node_remove(status, "expected");
        return;
    }
    node_set(arena, status, "expected", look->rows);
    /* Those that are there can be used, so the pool is ready all the same. */
    if (!strcmp(ready->status, "True") && (look->pending || look->failed)) {
        ready->reason = look->failed ? "SpokeRefused" : "PendingJoin";
        ready->message = arena_printf(arena, "%s; %zu of %zu expected spokes have not joined%s",
                                      ready->message, look->pending + look->failed,
                                      node_count(look->rows),
                                      look->failed ? ", see status.expected" : "");
        node_set_text(arena, status, "phase", "PendingJoin");
    }
}

static int report(struct pass *pass, const struct seen *pool, const char *set,
                  const struct outlook *look, const char *trouble, struct err *err)
{
    struct arena *arena = pass->arena;
    const struct node *members = pass_list(pass, CLUSTER, NULL, SET_LABEL, set);
    struct node *status = status_copy(arena, pool->node);
    struct condition ready = { "Ready", trouble ? "False" : "True",
                               trouble ? "NameTaken" : "SetReady",
                               trouble ? trouble : "" };
    size_t count = node_count(members), available = 0;

    for (size_t i = 0; i < count; i++)
        available += !strcmp(condition_status(node_item(members, i),
                             "ManagedClusterConditionAvailable"), "True");
    node_set_text(arena, status, "clusterSet", set);
    node_set_int(arena, status, "spokes", (int64_t)count);
    node_set_int(arena, status, "readySpokes", (int64_t)available);
    node_set_text(arena, status, "phase", trouble ? "Failed" : "Ready");
    if (!trouble)
        ready.message = arena_printf(arena, "%zu of %zu spokes are available",
                                     available, count);
    say_expected(arena, status, look, &ready);
    node_set_text(arena, status, "message", ready.message);
    node_set_int(arena, status, "observedGeneration",
                 object_generation(pool->node));
    condition_set(arena, status, node_at(pool->node, "status", "conditions",
                                         NULL), &ready,
                  object_generation(pool->node), pass->now);
    return pass_status(pass, pool, status, NULL, err);
}

/* Spokes of a pool that goes are nobody's for now. */
static int free_spokes(struct pass *pass, const char *set, struct err *err)
{
    const struct node *members = pass_list(pass, CLUSTER, NULL, SET_LABEL, set);

    for (size_t i = 0; i < node_count(members); i++) {
        struct node *patch = node_map(pass->arena);
        struct seen cluster;

        object_set_label(pass->arena, patch, SET_LABEL, "default");
        if (pass_get(pass, CLUSTER, "", object_name(node_item(members, i)),
                     &cluster) && pass_patch(pass, &cluster, patch, err) < 0)
            return -1;
    }
    return 0;
}

static int drain(struct pass *pass, const struct seen *pool, const char *set,
                 struct err *err)
{
    const struct node *there = pass_read(pass, CLUSTER_SET, "", set);

    if (there && !strcmp(object_label(there, POOL_LABEL), set) &&
        (pool_spokes_drop(pass, set, err) < 0 || free_spokes(pass, set, err) < 0 ||
         pass_remove(pass, CLUSTER_SET, "", set, err) < 0))
        return -1;
    return pass_finalizer(pass, pool, DRAIN, false, err);
}

static int run(struct pass *pass, struct err *err)
{
    char *set = set_name(pass);
    struct node *rows = node_list(pass->arena);
    const char *trouble = NULL;
    struct outlook look;
    struct seen pool;

    if (!pass_get(pass, POOL, pass->space, pass->name, &pool))
        return 0;
    if (object_deleting(pool.node))
        return drain(pass, &pool, set, err);
    if (pass_finalizer(pass, &pool, DRAIN, true, err) < 0 ||
        make_set(pass, pool.node, set, err) < 0 ||
        make_binding(pass, pool.node, set, err) < 0 ||
        pool_spokes(pass, pool.node, set, rows, err) < 0)
        return -1;
    look = look_at(rows);
    if (!environment_is_free(pass))
        trouble = arena_printf(pass->arena, "there is an Environment \"%s\" "
                               "that is not this pool's; delete it or rename "
                               "the pool", pass->name);
    else if (make_environment(pass, pool.node, set, err) < 0)
        return -1;
    return report(pass, &pool, set, &look, trouble, err);
}

/* A cluster that joined, left or became ready concerns the pool of its set. */
static void wake_pool_of(struct controllers *all, const struct controller *to,
                         const struct object *cluster)
{
    scoped_arena struct arena *arena = NULL;
    const char *set, *dot;

    if (!cluster)
        return;
    arena = arena_new();
    set = object_label(object_read(arena, cluster), SET_LABEL);
    dot = strchr(set, '.');
    if (dot)
        controllers_wake(all, to, arena_bytes(arena, set, (size_t)(dot - set)),
                         dot + 1);
}

static void map_cluster(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    wake_pool_of(all, to, before);
    wake_pool_of(all, to, after);
}

const struct controller controller_pool = {
    .name = "pool", .run = run,
    .sources = { { POOL, NULL }, { ENVIRONMENT, map_owner_pool },
                 { BINDING, map_owner_pool }, { CLUSTER, map_cluster },
                 { SECRET, map_owner_pool } },
    .source_count = 5,
};
