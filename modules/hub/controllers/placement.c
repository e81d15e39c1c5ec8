/* SPDX-License-Identifier: Apache-2.0 */
/* Writes down which clusters each Placement chooses, and why. */
#include "controllers/allowed.h"
#include "controllers/maps.h"
#include "controllers/table.h"
#include "controllers/spokes.h"

#include "controllers/parse.h"

#include "base/map.h"
#include "meta/meta.h"
#include "placement/placement.h"
#include "render/render.h"

#include <string.h>

#define DISABLED META_ANNOTATION_SCHEDULING_DISABLE
#define MOST_EXPLAINED 50

/* Rows for a person: clusters with their reasons, chosen ones first. Those that
   the namespace cannot have at all are nobody's business here. */
static struct node *make_reason_rows(struct reconcile_run *run,
                                     const struct placement_result *result)
{
    struct node *list = node_list(run->arena);

    for (int chosen = 1; chosen >= 0; chosen--)
        for (size_t i = 0; i < result->cluster_count; i++) {
            const struct placement_cluster *cluster = &result->clusters[i];
            scoped_text struct text words = {0};
            struct node *row;

            if (!cluster->within || (cluster->why == PLACEMENT_CHOSEN) != chosen ||
                node_count(list) >= MOST_EXPLAINED)
                continue;
            placement_explain(result, cluster, &words);
            row = node_map(run->arena);
            node_set_text(run->arena, row, "name", cluster->name);
            node_set_text(run->arena, row, "reason", placement_why_name(cluster->why));
            node_set_text(run->arena, row, "message", text_string(&words));
            if (cluster->rank)
                node_set_int(run->arena, row, "score", cluster->total);
            node_add(run->arena, list, row);
        }
    return list;
}

static int write_decision(struct reconcile_run *run, const struct node *wanted,
                          const struct seen *placement, struct err *err)
{
    struct node *object = node_share(run->arena, wanted);
    struct seen stored;
    bool changed = false;

    node_set_text(run->arena, object, "apiVersion", kind_id_rows[KIND_ID_DECISION].api_version);
    node_set_text(run->arena, object, "kind", kind_id_rows[KIND_ID_DECISION].kind);
    node_remove(object, "status");
    /* A label is shorter than a name may be; the owner's name is whole. */
    node_set(run->arena, object, "metadata", node_copy(run->arena, node_get(wanted, "metadata")));
    meta_set_label(run->arena, object, META_LABEL_PLACEMENT, render_label(run->arena, run->name));
    if (reconcile_ensure(run, object, NULL, err) < 0)
        return -1;
    if (!reconcile_get(run, KIND_ID_DECISION, run->namespace, meta_name(wanted), &stored))
        return 0;
    if (reconcile_status(run, &stored, node_get(wanted, "status"), &changed, err) < 0)
        return -1;
    if (changed)
        reconcile_event(run, placement, false, "DecisionUpdate", "decision %s names %zu clusters",
                        meta_name(wanted),
                        node_count(node_at(wanted, "status", "decisions", NULL)));
    return 0;
}

static bool is_decided(struct reconcile_run *run, const struct placement_result *result,
                       const char *name)
{
    for (size_t i = 0; i < result->decision_count; i++)
        if (!strcmp(result->decisions[i].name, name))
            return true;
    return false;
}

static int write_decisions(struct reconcile_run *run, const struct seen *placement,
                           struct placement_result *result, struct err *err)
{
    const struct node *old =
        reconcile_list_own(run, KIND_ID_DECISION, run->namespace, META_LABEL_PLACEMENT,
                           render_label(run->arena, run->name));

    for (size_t i = 0; i < result->decision_count; i++)
        result->decisions[i].name = render_fit(run->arena, result->decisions[i].name, 253);
    for (size_t i = 0; i < result->decision_count; i++) {
        const struct node *wanted;

        wanted = placement_decision_object(run->arena, placement->node, result, i);
        if (write_decision(run, wanted, placement, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < node_count(old); i++) {
        const char *name = meta_name(node_item(old, i));

        if (!is_decided(run, result, name) &&
            reconcile_remove(run, KIND_ID_DECISION, run->namespace, name, err) < 0)
            return -1;
    }
    return 0;
}

/* Where decisions were lost, or the Placement was made anew, what has the works now is
   what it had chosen: Steady keeps it. */
static void decide_placement(struct reconcile_run *run, const struct seen *placement,
                             struct placement_result *ret)
{
    struct placement_world *all = run->all->world;
    struct node *before = NULL;

    if (spokes_undecided(run, run->namespace, run->name)) {
        before = spokes_decision_before(run, run->name);
        placement_world_put(all, kind_id_rows[KIND_ID_DECISION].kind, before);
    }
    placement_decide(all, placement->node, run->now, run->arena, ret);
    if (before)
        placement_world_remove(all, kind_id_rows[KIND_ID_DECISION].kind, run->namespace,
                               meta_name(before));
}

/* Whether a cluster would be lost because a set or its binding is missing, which the
   project may have and will have again. That is not a decision. */
static bool is_left_alone(struct reconcile_run *run, const struct node *placement,
                          const struct placement_result *result)
{
    const struct node *requested = node_at(placement, "spec", "clusterSets", NULL);
    const struct node *old = spokes_chosen(run, run->namespace, run->name);
    scoped_map struct map *chosen = map_new();

    for (size_t i = 0; i < node_count(old); i++)
        map_put(chosen, node_text(node_item(old, i)), chosen);
    for (size_t i = 0; i < result->cluster_count; i++) {
        const struct placement_cluster *cluster = &result->clusters[i];

        if (cluster->why == PLACEMENT_NOT_IN_SETS && map_get(chosen, cluster->name) &&
            (cluster->within ? allowed_keeps_of(run, run->namespace, requested, cluster->name)
                             : allowed_keeps(run, run->namespace, cluster->name)))
            return true;
    }
    return false;
}

/* What is chosen is what the decisions name: where they stay, so does what is said of them. */
static void keep_counts(struct reconcile_run *run, const struct node *placement,
                        struct node *status)
{
    const struct node *old = node_get(placement, "status");
    const struct node *groups = node_get(old, "decisionGroups");

    node_set_int(run->arena, status, "numberOfSelectedClusters",
                 node_get_int(old, "numberOfSelectedClusters", 0));
    node_remove(status, "decisionGroups");
    if (groups)
        node_set(run->arena, status, "decisionGroups", node_copy(run->arena, groups));
}

static int reconcile_placement(struct reconcile_run *run, struct err *err)
{
    struct placement_result result = {0};
    struct seen placement;
    struct node *status;
    bool changed = false, decided;

    if (!reconcile_get(run, KIND_ID_PLACEMENT, run->namespace, run->name, &placement) ||
        meta_is_deleting(placement.node) ||
        !strcmp(meta_annotation(placement.node, DISABLED), "true"))
        return 0;
    decide_placement(run, &placement, &result);
    reconcile_walk(run, result.cluster_count);
    /* When the user must act, what runs stays where it is. */
    decided = (result.outcome == PLACEMENT_OK || result.outcome == PLACEMENT_WARNED) &&
              !is_left_alone(run, placement.node, &result);
    if (decided && write_decisions(run, &placement, &result, err) < 0)
        return -1;
    status = node_copy(run->arena, placement_status(run->arena, placement.node, &result, run->now));
    if (!decided)
        keep_counts(run, placement.node, status);
    node_set(run->arena, status, "clusters", make_reason_rows(run, &result));
    reconcile_wake_at(run, result.requeue_at);
    if (reconcile_status(run, &placement, status, &changed, err) < 0)
        return -1;
    if (changed && result.outcome == PLACEMENT_MISCONFIGURED)
        reconcile_event(run, &placement, true, "Misconfigured", "%s: %s", result.plugin,
                        result.message);
    return 0;
}

/* ---- What wakes it ------------------------------------------------------------ */

/* A heartbeat or a condition concerns nobody here; these parts do. */
static bool cluster_differs(struct controllers *all, const struct object *before,
                            const struct object *after)
{
    static const char *const parts[] = {"clusterClaims", "capacity", "allocatable"};
    const struct node *a, *b;

    if (!before || !after || before->deleting != after->deleting)
        return true;
    a = controllers_read(all, before);
    b = controllers_read(all, after);
    if (!node_same(node_at(a, "metadata", "labels", NULL),
                   node_at(b, "metadata", "labels", NULL)) ||
        !node_same(node_at(a, "spec", "taints", NULL), node_at(b, "spec", "taints", NULL)))
        return true;
    for (size_t i = 0; i < count_of(parts); i++)
        if (!node_same(node_at(a, "status", parts[i], NULL), node_at(b, "status", parts[i], NULL)))
            return true;
    return false;
}

static void map_cluster_to_placements(struct controllers *all, const struct controller *to,
                                      const struct object *before, const struct object *after)
{
    if (cluster_differs(all, before, after))
        controllers_wake_all(all, to, KIND_ID_PLACEMENT, "");
}

static void map_all(struct controllers *all, const struct controller *to,
                    const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, KIND_ID_PLACEMENT, "");
}

static void map_namespace_to_placements(struct controllers *all, const struct controller *to,
                                        const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, KIND_ID_PLACEMENT, (after ? after : before)->namespace);
}

const struct controller controller_placement = {
    .name = "placement",
    .run = reconcile_placement,
    .about = KIND_ID_PLACEMENT,
    .condition = RECONCILED,
    .pause = CONTROLLER_PAUSE,
    .sources = {{KIND_ID_PLACEMENT, NULL},
                {KIND_ID_DECISION, map_owner_placement},
                {KIND_ID_CLUSTER, map_cluster_to_placements, WAKE_AFTER_PAUSE},
                {KIND_ID_CLUSTER_SET, map_all},
                {KIND_ID_BINDING, map_namespace_to_placements},
                {KIND_ID_SCORE, map_all},
                {KIND_ID_TENANT, map_rights_to_sets},
                {KIND_ID_PROJECT, map_rights_to_sets},
                {KIND_ID_POOL, map_rights_to_sets}},
    .source_count = 9,
};
