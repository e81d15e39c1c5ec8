/* SPDX-License-Identifier: Apache-2.0 */
/* Writes down which clusters each Placement chooses, and why. */
#include "controllers/controller.h"

#include "placement/placement.h"

#include <string.h>

#define PLACEMENT_LABEL "cluster.open-cluster-management.io/placement"
#define DISABLED                                                               \
    "cluster.open-cluster-management.io/experimental-scheduling-disable"
#define MOST_EXPLAINED 50

/* Rows for a person: clusters with their reasons, chosen ones first. Those that
   the namespace cannot have at all are nobody's business here. */
static struct node *explain(struct pass *pass,
                            const struct placement_result *result)
{
    struct node *list = node_list(pass->arena);

    for (int chosen = 1; chosen >= 0; chosen--)
        for (size_t i = 0; i < result->cluster_count; i++) {
            const struct placement_cluster *cluster = &result->clusters[i];
            scoped_text struct text words = { 0 };
            struct node *row;

            if (!cluster->within ||
                (cluster->why == PLACEMENT_CHOSEN) != chosen ||
                node_count(list) >= MOST_EXPLAINED)
                continue;
            placement_explain(result, cluster, &words);
            row = node_map(pass->arena);
            node_set_text(pass->arena, row, "name", cluster->name);
            node_set_text(pass->arena, row, "reason",
                          placement_why_name(cluster->why));
            node_set_text(pass->arena, row, "message", text_string(&words));
            if (cluster->rank)
                node_set_int(pass->arena, row, "score", cluster->total);
            node_add(pass->arena, list, row);
        }
    return list;
}

static int write_decision(struct pass *pass, const struct node *wanted,
                          const struct seen *placement, struct err *err)
{
    struct node *object = node_share(pass->arena, wanted);
    struct seen stored;
    bool changed = false;

    node_set_text(pass->arena, object, "apiVersion",
                  which_rows[DECISION].api_version);
    node_set_text(pass->arena, object, "kind", which_rows[DECISION].kind);
    node_remove(object, "status");
    if (pass_ensure(pass, object, NULL, err) < 0)
        return -1;
    if (!pass_get(pass, DECISION, pass->space, object_name(wanted), &stored))
        return 0;
    if (pass_status(pass, &stored, node_get(wanted, "status"), &changed, err) < 0)
        return -1;
    if (changed)
        pass_event(pass, placement, false, "DecisionUpdate",
                   "decision %s names %zu clusters", object_name(wanted),
                   node_count(node_at(wanted, "status", "decisions", NULL)));
    return 0;
}

static bool is_decided(struct pass *pass, const struct placement_result *result,
                       const char *name)
{
    for (size_t i = 0; i < result->decision_count; i++)
        if (!strcmp(result->decisions[i].name, name))
            return true;
    return false;
}

static int write_decisions(struct pass *pass, const struct seen *placement,
                           const struct placement_result *result,
                           struct err *err)
{
    const struct node *old = pass_list(pass, DECISION, pass->space,
                                       PLACEMENT_LABEL, pass->name);

    for (size_t i = 0; i < result->decision_count; i++) {
        const struct node *wanted;

        wanted = placement_decision_object(pass->arena, placement->node, result,
                                           i);
        if (write_decision(pass, wanted, placement, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < node_count(old); i++) {
        const char *name = object_name(node_item(old, i));

        if (!is_decided(pass, result, name) &&
            pass_remove(pass, DECISION, pass->space, name, err) < 0)
            return -1;
    }
    return 0;
}

static int run(struct pass *pass, struct err *err)
{
    struct placement_result result = { 0 };
    struct seen placement;
    struct node *status;
    bool changed = false;

    if (!pass_get(pass, PLACEMENT, pass->space, pass->name, &placement) ||
        object_deleting(placement.node) ||
        !strcmp(object_annotation(placement.node, DISABLED), "true"))
        return 0;
    placement_decide(pass->all->world, placement.node, pass->now, pass->arena,
                     &result);
    /* When the user must act, what runs stays where it is. */
    if ((result.outcome == PLACEMENT_OK || result.outcome == PLACEMENT_WARNED) &&
        write_decisions(pass, &placement, &result, err) < 0)
        return -1;
    status = node_copy(pass->arena, placement_status(pass->arena, placement.node,
                                                     &result, pass->now));
    node_set(pass->arena, status, "clusters", explain(pass, &result));
    pass_wake_at(pass, result.requeue_at);
    if (pass_status(pass, &placement, status, &changed, err) < 0)
        return -1;
    if (changed && result.outcome == PLACEMENT_MISCONFIGURED)
        pass_event(pass, &placement, true, "Misconfigured", "%s: %s",
                   result.plugin, result.message);
    return 0;
}

/* ---- What wakes it ------------------------------------------------------------ */

/* A heartbeat or a condition concerns nobody here; these parts do. */
static bool cluster_differs(const struct object *before,
                            const struct object *after)
{
    static const char *const parts[] = { "clusterClaims", "capacity",
                                         "allocatable" };
    scoped_arena struct arena *arena = arena_new();
    const struct node *a, *b;

    if (!before || !after || before->deleting != after->deleting)
        return true;
    a = object_read(arena, before);
    b = object_read(arena, after);
    if (!node_same(node_at(a, "metadata", "labels", NULL),
                   node_at(b, "metadata", "labels", NULL)) ||
        !node_same(node_at(a, "spec", "taints", NULL),
                   node_at(b, "spec", "taints", NULL)))
        return true;
    for (size_t i = 0; i < count_of(parts); i++)
        if (!node_same(node_at(a, "status", parts[i], NULL),
                       node_at(b, "status", parts[i], NULL)))
            return true;
    return false;
}

static void map_cluster(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    if (cluster_differs(before, after))
        controllers_wake_all(all, to, PLACEMENT, "");
}

static void map_all(struct controllers *all, const struct controller *to,
                    const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, PLACEMENT, "");
}

static void map_space(struct controllers *all, const struct controller *to,
                      const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, PLACEMENT, (after ? after : before)->space);
}

const struct controller controller_placement = {
    .name = "placement", .run = run, .about = PLACEMENT, .condition = RECONCILED,
    .sources = { { PLACEMENT, NULL }, { DECISION, map_owner_placement },
                 { CLUSTER, map_cluster }, { CLUSTER_SET, map_all },
                 { BINDING, map_space }, { SCORE, map_all } },
    .source_count = 6,
};
