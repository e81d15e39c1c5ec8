/* SPDX-License-Identifier: Apache-2.0 */
/* Says how many clusters a set has, and whether a binding finds its set. */
#include "controllers/clusterset.h"
#include "controllers/pass.h"
#include "controllers/table.h"
#include "controllers/parse.h"

#include "document/document.h"
#include "meta/meta.h"
#include "placement/placement.h"

#include <string.h>

/* What OCM has from the start: the sets `default` and `global`. */
struct node *clusterset_first(struct arena *arena, size_t index)
{
    static const char *const sets[] = {
        "{\"apiVersion\":\"" META_API_CLUSTER_V1BETA2 "\","
        "\"kind\":\"ManagedClusterSet\",\"metadata\":{\"name\":\"default\"},"
        "\"spec\":{\"clusterSelector\":{\"selectorType\":"
        "\"ExclusiveClusterSetLabel\"}}}",
        "{\"apiVersion\":\"" META_API_CLUSTER_V1BETA2 "\","
        "\"kind\":\"ManagedClusterSet\",\"metadata\":{\"name\":\"global\"},"
        "\"spec\":{\"clusterSelector\":{\"selectorType\":\"LabelSelector\","
        "\"labelSelector\":{}}}}",
    };

    return index < count_of(sets) ? document_read_json(arena, sets[index], strlen(sets[index]),
                                                       &document_limits_own, NULL)
                                  : NULL;
}

/* One that is always there comes again. */
static int make_again(struct reconcile_run *run, struct err *err)
{
    struct node *set;

    for (size_t i = 0; (set = clusterset_first(run->arena, i)); i++)
        if (!strcmp(meta_name(set), run->name))
            return reconcile_ensure(run, set, NULL, err);
    return 0;
}

static int reconcile_clusterset(struct reconcile_run *run, struct err *err)
{
    struct seen set;
    struct node *status;
    struct meta_condition condition;
    struct placement_members counted;
    int64_t members;

    if (!reconcile_get(run, KIND_ID_CLUSTER_SET, "", run->name, &set))
        return make_again(run, err);
    counted = placement_count_set(run->all->world, run->name);
    members = (int64_t)counted.count;
    reconcile_walk(run, counted.walked);
    reconcile_sums_up(run, counted.count);
    condition = (struct meta_condition){
        "ClusterSetEmpty",
        members ? "False" : "True",
        members ? "ClustersSelected" : "NoClusterMatched",
        members ? arena_printf(run->arena, "%lld ManagedClusters selected", (long long)members)
                : "No ManagedCluster selected",
    };
    status = meta_copy_status(run->arena, set.node);
    meta_condition_set(run->arena, status, meta_conditions(set.node), &condition,
                       meta_generation(set.node), run->now);
    return reconcile_status(run, &set, status, NULL, err);
}

static int reconcile_binding(struct reconcile_run *run, struct err *err)
{
    struct meta_condition condition = {"Bound", "True", "ClusterSetBound", ""};
    struct seen binding;
    struct node *status;
    const char *set;

    if (!reconcile_get(run, KIND_ID_BINDING, run->namespace, run->name, &binding))
        return 0;
    set = node_get_text(node_get(binding.node, "spec"), "clusterSet");
    if (!reconcile_read(run, KIND_ID_CLUSTER_SET, "", set))
        condition = (struct meta_condition){
            "Bound",
            "False",
            "ClusterSetNotFound",
            arena_printf(run->arena, "there is no ManagedClusterSet \"%s\"", set),
        };
    status = meta_copy_status(run->arena, binding.node);
    meta_condition_set(run->arena, status, meta_conditions(binding.node), &condition,
                       meta_generation(binding.node), run->now);
    return reconcile_status(run, &binding, status, NULL, err);
}

struct set_waking {
    struct controllers *all;
    const struct controller *to;
};

static void wake_set(void *arg, const char *name)
{
    struct set_waking *waking = arg;

    controllers_wake(waking->all, waking->to, "", name);
}

/* Only labels, arrival and departure change who is in a set: in the one that the label names,
   or named, and in those that select. */
static void map_cluster_to_sets(struct controllers *all, const struct controller *to,
                                const struct object *before, const struct object *after)
{
    struct set_waking waking = {all, to};

    if (before && after) {
        if (node_same(node_at(controllers_read(all, before), "metadata", "labels", NULL),
                      node_at(controllers_read(all, after), "metadata", "labels", NULL)))
            return;
    }
    if (before)
        wake_set(&waking, meta_label(controllers_read(all, before), META_LABEL_CLUSTERSET));
    if (after)
        wake_set(&waking, meta_label(controllers_read(all, after), META_LABEL_CLUSTERSET));
    placement_each_selecting_set(all->world, wake_set, &waking);
}

static void map_set_to_bindings(struct controllers *all, const struct controller *to,
                                const struct object *before, const struct object *after)
{
    if (!before || !after)
        controllers_wake_all(all, to, KIND_ID_BINDING, "");
}

const struct controller controller_clusterset = {
    .name = "clusterset",
    .run = reconcile_clusterset,
    .about = KIND_ID_CLUSTER_SET,
    .condition = RECONCILED,
    .pause = CONTROLLER_PAUSE,
    .sources = {{KIND_ID_CLUSTER_SET, NULL, WAKE_AFTER_PAUSE},
                {KIND_ID_CLUSTER, map_cluster_to_sets, WAKE_AFTER_PAUSE}},
    .source_count = 2,
};

const struct controller controller_binding = {
    .name = "binding",
    .run = reconcile_binding,
    .about = KIND_ID_BINDING,
    .condition = RECONCILED,
    .sources = {{KIND_ID_BINDING, NULL}, {KIND_ID_CLUSTER_SET, map_set_to_bindings}},
    .source_count = 2,
};
