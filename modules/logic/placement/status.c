/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a decision as PlacementDecisions and as the status of the Placement. */
#include "placement/world.h"

#include "base/clock.h"
#include "meta/meta.h"

#include <string.h>

/* ---- Conditions -------------------------------------------------------- */

static const char *join_names(struct arena *arena, const char **names, size_t count)
{
    scoped_text struct text text = {0};

    for (size_t i = 0; i < count; i++)
        text_addf(&text, "%s%s", i ? "," : "", names[i]);
    return arena_string(arena, text_string(&text));
}

static struct meta_condition make_satisfied(bool yes, const char *reason, const char *message)
{
    return (struct meta_condition){"PlacementSatisfied", yes ? "True" : "False", reason, message};
}

struct meta_condition placement_satisfied(struct arena *arena,
                                          const struct placement_satisfied *facts)
{
    if (!facts->bindings)
        return make_satisfied(false, "NoManagedClusterSetBindings",
                              "No valid ManagedClusterSetBindings found in placement "
                              "namespace");
    if (!facts->set_count)
        return make_satisfied(false, "NoIntersection",
                              arena_printf(arena,
                                           "None of ManagedClusterSets [%s] is bound to placement "
                                           "namespace",
                                           join_names(arena, facts->sets_wanted, facts->wanted)));
    if (!facts->available)
        return make_satisfied(false, "AllManagedClusterSetsEmpty",
                              arena_printf(arena,
                                           "All ManagedClusterSets [%s] have no member "
                                           "ManagedCluster",
                                           join_names(arena, facts->sets, facts->set_count)));
    if (facts->failed)
        return make_satisfied(false, "NotAllDecisionsScheduled", facts->message);
    if (!facts->feasible)
        return make_satisfied(false, "NoManagedClusterMatched",
                              "No ManagedCluster matches any of the cluster "
                              "predicate");
    if (!facts->unscheduled)
        return make_satisfied(true, "AllDecisionsScheduled", "All cluster decisions scheduled");
    return make_satisfied(
        false, "NotAllDecisionsScheduled",
        arena_printf(arena, "%zu cluster decisions unscheduled", facts->unscheduled));
}

struct meta_condition placement_misconfigured(struct arena *arena, enum placement_outcome outcome,
                                              const char *plugin, const char *message)
{
    if (outcome != PLACEMENT_MISCONFIGURED)
        return (struct meta_condition){"PlacementMisconfigured", "False", "Succeedconfigured",
                                       "Placement configurations check pass"};
    return (struct meta_condition){"PlacementMisconfigured", "True", "Misconfigured",
                                   arena_printf(arena, "%s:%s", plugin, message)};
}

/* ---- The Placement's status -------------------------------------------- */

static struct node *list_groups(struct arena *arena, const struct placement_result *result)
{
    struct node *list = node_list(arena);

    for (size_t i = 0; i < result->group_count; i++) {
        const struct placement_group *group = &result->groups[i];
        struct node *node = node_map(arena);
        struct node *names;

        node_set_int(arena, node, "decisionGroupIndex", (int64_t)i);
        node_set_text(arena, node, "decisionGroupName", group->name);
        names = node_make_list(arena, node, "decisions");
        for (size_t k = 0; k < group->decisions; k++)
            node_add(arena, names, node_string(arena, result->decisions[group->first + k].name));
        node_set_int(arena, node, "clusterCount", (int64_t)group->count);
        node_add(arena, list, node);
    }
    return list;
}

/* What the condition PlacementSatisfied depends on. */
static struct placement_satisfied gather_satisfied(struct arena *arena,
                                                   const struct node *placement,
                                                   const struct placement_result *result)
{
    const struct node *requested = node_at(placement, "spec", "clusterSets", NULL);
    struct placement_satisfied facts = {
        .wanted = node_count(requested),
        .sets = result->sets,
        .set_count = result->set_count,
        .bindings = result->bindings,
        .available = result->available,
        .feasible = result->chosen_count,
        .unscheduled = result->unscheduled,
        .failed = result->outcome == PLACEMENT_FAILED,
        .message = result->message,
    };

    facts.sets_wanted = arena_alloc(arena, (facts.wanted + 1) * sizeof *facts.sets_wanted);
    for (size_t i = 0; i < facts.wanted; i++)
        facts.sets_wanted[i] = node_text(node_item(requested, i));
    return facts;
}

struct node *placement_status(struct arena *arena, const struct node *placement,
                              const struct placement_result *result, int64_t now)
{
    const struct node *old = node_get(placement, "status");
    struct node *status = old ? node_copy(arena, old) : node_map(arena);
    int64_t generation = meta_generation(placement);
    struct placement_satisfied facts = gather_satisfied(arena, placement, result);
    struct meta_condition misconfigured =
        placement_misconfigured(arena, result->outcome, result->plugin, result->message);
    struct meta_condition done = placement_satisfied(arena, &facts);
    const struct node *before;

    if (!node_is(status, NODE_MAP))
        status = node_map(arena);
    node_set_int(arena, status, "numberOfSelectedClusters", (int64_t)result->chosen_count);
    node_set(arena, status, "decisionGroups", list_groups(arena, result));
    before = meta_conditions(placement);
    meta_condition_set(arena, status, before, &misconfigured, generation, now);
    meta_condition_set(arena, status, before, &done, generation, now);
    return status;
}

/* ---- PlacementDecisions ------------------------------------------------ */

/*
 * Makes the Placement the controller of its PlacementDecision. Its kind is written
 * here, because a Placement in a case file has none; nor has it a uid, and then it
 * owns nothing.
 */
static void set_placement_owner(struct arena *arena, struct node *meta,
                                const struct node *placement)
{
    struct node *owner = node_map(arena);

    if (!*meta_uid(placement))
        return;
    node_set_text(arena, owner, "apiVersion", META_API_CLUSTER_V1BETA1);
    node_set_text(arena, owner, "kind", "Placement");
    node_set_text(arena, owner, "name", meta_name(placement));
    node_set_text(arena, owner, "uid", meta_uid(placement));
    node_set_bool(arena, owner, "controller", true);
    node_set_bool(arena, owner, "blockOwnerDeletion", true);
    node_add(arena, node_make_list(arena, meta, "ownerReferences"), owner);
}

struct node *placement_decision_object(struct arena *arena, const struct node *placement,
                                       const struct placement_result *result, size_t index)
{
    const struct placement_decision *decision = &result->decisions[index];
    struct node *object = node_map(arena);
    struct node *meta, *labels, *list;

    node_set_text(arena, object, "apiVersion", META_API_CLUSTER_V1BETA1);
    node_set_text(arena, object, "kind", "PlacementDecision");
    meta = node_make(arena, object, "metadata");
    node_set_text(arena, meta, "name", decision->name);
    node_set_text(arena, meta, "namespace", meta_namespace(placement));
    labels = node_make(arena, meta, "labels");
    node_set_text(arena, labels, META_LABEL_PLACEMENT, meta_name(placement));
    node_set(arena, labels, META_LABEL_DECISION_GROUP_INDEX,
             node_format(arena, "%zu", decision->group));
    node_set_text(arena, labels, META_LABEL_DECISION_GROUP_NAME,
                  result->groups[decision->group].name);
    set_placement_owner(arena, meta, placement);
    list = node_make_list(arena, node_make(arena, object, "status"), "decisions");
    for (size_t i = 0; i < decision->count; i++) {
        struct node *entry = node_map(arena);

        node_set_text(arena, entry, "clusterName", decision->clusters[i]->name);
        node_set_text(arena, entry, "reason", "");
        if (decision->clusters[i]->total)
            node_set_int(arena, entry, "score", decision->clusters[i]->total);
        node_add(arena, list, entry);
    }
    return object;
}
