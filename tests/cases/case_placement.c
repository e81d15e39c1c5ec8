/* SPDX-License-Identifier: Apache-2.0 */
/* Placements, as OCM's own scheduler decides them. */
#include "cases.h"

#include "base/clock.h"
#include "cel/cel.h"
#include "meta/meta.h"
#include "placement/placement.h"

#include <stdlib.h>
#include <string.h>

static int64_t time_of(const struct node *map, const char *key)
{
    int64_t at = 0;

    return clock_parse(node_get_text(map, key), &at) ? at : 0;
}

/* Only the members that `like` has: what a case does not name is not asked. */
static struct node *named_in(struct arena *arena, const struct node *like, const struct node *full)
{
    struct node *part = node_map(arena);

    if (!node_is(like, NODE_MAP) || !node_is(full, NODE_MAP))
        return full ? (struct node *)full : node_null(arena);
    node_each(member, like)
    {
        struct node *value = node_get(full, member->key);

        if (value)
            node_set(arena, part, member->key, value);
    }
    return part;
}

/* ---- An answer in the words of the case files --------------------------- */

struct world {
    struct arena *arena;
    struct placement_world *world;
    const struct node *placement;
    int64_t now;
    struct placement_result result;
    const struct node *existing; /* PlacementDecisions that stood before */
    struct node *full;
};

static struct node *names_from(struct world *w, const char **names, size_t count)
{
    struct node *list = node_list(w->arena);

    for (size_t i = 0; i < count; i++)
        node_add(w->arena, list, node_string(w->arena, names[i]));
    return list;
}

/* Clusters that came at least past the stage before `below`. */
static struct node *passed(struct world *w, bool matched, bool tolerated)
{
    struct node *list = node_list(w->arena);

    if (w->result.outcome == PLACEMENT_FAILED)
        return list;
    for (size_t i = 0; i < w->result.cluster_count; i++) {
        const struct placement_cluster *row = &w->result.clusters[i];

        if (row->why == PLACEMENT_NOT_IN_SETS || row->why == PLACEMENT_LEAVING ||
            (matched && row->why == PLACEMENT_NOT_MATCHED) ||
            (tolerated && row->why == PLACEMENT_TAINTED))
            continue;
        node_add(w->arena, list, node_string(w->arena, row->name));
    }
    return list;
}

static void add_filtered(struct world *w)
{
    struct node *filtered = node_make(w->arena, w->full, "filtered");
    bool wrong = w->result.outcome == PLACEMENT_MISCONFIGURED;

    if (wrong && text_same(w->result.plugin, "Predicate"))
        return;
    node_set(w->arena, filtered, "Predicate", passed(w, true, false));
    if (wrong && text_same(w->result.plugin, "TaintToleration"))
        return;
    node_set(w->arena, filtered, "Predicate,TaintToleration", passed(w, true, true));
}

static void add_scores(struct world *w)
{
    struct node *scores = node_make(w->arena, w->full, "scores");
    struct node *weights = node_make(w->arena, w->full, "weights");
    struct node *totals = node_make(w->arena, w->full, "totalScores");

    for (size_t k = 0; k < w->result.prioritizer_count; k++) {
        const struct placement_prioritizer *by = &w->result.prioritizers[k];
        struct node *column = node_make(w->arena, scores, by->name);

        node_set_int(w->arena, weights, by->name, by->weight);
        for (size_t i = 0; i < w->result.cluster_count; i++) {
            const struct placement_cluster *row = &w->result.clusters[i];

            if (row->scores && row->scores[k] != PLACEMENT_NO_SCORE)
                node_set_int(w->arena, column, row->name, row->scores[k]);
        }
    }
    for (size_t i = 0; i < w->result.cluster_count; i++)
        if (w->result.clusters[i].rank)
            node_set_int(w->arena, totals, w->result.clusters[i].name, w->result.clusters[i].total);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_selected(struct world *w)
{
    size_t count = w->result.chosen_count;
    const char **names = arena_alloc(w->arena, (count + 1) * sizeof *names);

    for (size_t i = 0; i < count; i++)
        names[i] = w->result.chosen[i]->name;
    node_set(w->arena, w->full, "selectedInScoreOrder", names_from(w, names, count));
    if (count)
        qsort(names, count, sizeof *names, by_text);
    node_set(w->arena, w->full, "selected", names_from(w, names, count));
    node_set_int(w->arena, w->full, "unscheduled", (int64_t)w->result.unscheduled);
}

static void add_outcome(struct world *w)
{
    static const char *const codes[] = {"Success", "Warning", "Misconfigured", "Error"};
    struct node *status = node_make(w->arena, w->full, "schedulerStatus");

    node_set_text(w->arena, status, "code", codes[w->result.outcome]);
    node_set_bool(w->arena, w->full, "misconfigured", w->result.outcome == PLACEMENT_MISCONFIGURED);
    if (w->result.outcome == PLACEMENT_OK)
        return;
    node_set_text(w->arena, status, "plugin", w->result.plugin);
    node_set_text(w->arena, status, "message", w->result.message);
    node_set_text(w->arena, w->full, "plugin", w->result.plugin);
    node_set_text(w->arena, w->full, "error", w->result.message);
    node_set_text(w->arena, w->full, "warning", w->result.message);
    node_set_text(w->arena, w->full, "syncError", w->result.message);
    node_set_text(w->arena, w->full, "availableError", w->result.message);
}

static struct node *cluster_names(struct arena *arena, const struct node *object)
{
    const struct node *list = node_at(object, "status", "decisions", NULL);
    struct node *names = node_list(arena);

    for (size_t i = 0; i < node_count(list); i++)
        node_add(arena, names, node_get(node_item(list, i), "clusterName"));
    return names;
}

/*
 * Where the clusters of a PlacementDecision change, OCM's binder leaves its
 * labels for a later pass. Ours writes both at once; here OCM's way is gone, so
 * that the rest can be compared.
 */
static struct node *labels_that_stand(const struct world *w, const struct node *object)
{
    const struct node *meta = node_get(object, "metadata");

    for (size_t i = 0; i < node_count(w->existing); i++) {
        const struct node *old = node_item(w->existing, i);
        const struct node *was = node_get(old, "metadata");

        if (node_same(node_get(was, "name"), node_get(meta, "name")) &&
            node_same(node_get(was, "namespace"), node_get(meta, "namespace")) &&
            !node_same(cluster_names(w->arena, old), cluster_names(w->arena, object)))
            return node_get(was, "labels");
    }
    return node_get(meta, "labels");
}

static void add_decisions(struct world *w)
{
    struct node *list = node_make_list(w->arena, w->full, "placementDecisions");

    for (size_t i = 0; i < w->result.decision_count; i++) {
        struct node *object = placement_decision_object(w->arena, w->placement, &w->result, i);
        struct node *short_one = node_map(w->arena);

        node_set(w->arena, short_one, "name", node_at(object, "metadata", "name", NULL));
        node_set(w->arena, short_one, "labels", labels_that_stand(w, object));
        node_set(w->arena, short_one, "clusters", cluster_names(w->arena, object));
        node_add(w->arena, list, short_one);
    }
}

static void add_status(struct world *w)
{
    struct node *status = placement_status(w->arena, w->placement, &w->result, w->now);
    struct node *conditions = node_get(status, "conditions");
    struct node *keys = node_map(w->arena);

    node_set_int(w->arena, keys, "numberOfSelectedClusters", 0);
    node_set_int(w->arena, keys, "decisionGroups", 0);
    node_set_int(w->arena, keys, "conditions", 0);
    for (size_t i = 0; i < node_count(conditions); i++) {
        node_remove(node_item(conditions, i), "lastTransitionTime");
        node_remove(node_item(conditions, i), "observedGeneration");
    }
    node_set(w->arena, w->full, "status", named_in(w->arena, keys, status));
    node_set_int(w->arena, w->full, "numberOfSelectedClusters", (int64_t)w->result.chosen_count);
    node_set_int(w->arena, w->full, "numberOfPlacementDecisions",
                 (int64_t)w->result.decision_count);
    node_set(w->arena, w->full, "decisionGroups", node_get(status, "decisionGroups"));
}

static void decide(struct world *w)
{
    char at[CLOCK_TEXT];

    placement_decide(w->world, w->placement, w->now, w->arena, &w->result);
    w->full = node_map(w->arena);
    node_set(w->arena, w->full, "eligibleClusterSets",
             names_from(w, w->result.sets, w->result.set_count));
    node_set(w->arena, w->full, "available", passed(w, false, false));
    add_filtered(w);
    add_scores(w);
    add_selected(w);
    add_outcome(w);
    add_decisions(w);
    add_status(w);
    clock_format(w->result.requeue_at, false, at);
    node_set(w->arena, w->full, "requeueAt",
             w->result.requeue_at ? node_string(w->arena, at) : node_null(w->arena));
    node_set_int(w->arena, w->full, "celCost", (int64_t)w->result.cel_cost);
}

/* ---- What a case asks --------------------------------------------------- */

static struct node *condition_of(struct world *w, const char *type)
{
    const struct node *list = node_at(w->full, "status", "conditions", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (text_same(node_get_text(node_item(list, i), "type"), type))
            return node_item(list, i);
    return NULL;
}

/* In `expect` the conditions are a map by type with only status and reason. */
static struct node *status_like(struct world *w, const struct node *like)
{
    struct node *part = node_share(w->arena, named_in(w->arena, like, node_get(w->full, "status")));
    struct node *conditions = node_get(like, "conditions");
    struct node *map;

    if (!node_is(conditions, NODE_MAP))
        return part;
    map = node_map(w->arena);
    node_each(member, conditions)
        node_set(w->arena, map, member->key,
                 named_in(w->arena, member->value, condition_of(w, member->key)));
    node_set(w->arena, part, "conditions", map);
    return part;
}

static bool is_by_name(const char *key)
{
    return text_same(key, "filtered") || text_same(key, "scores") || text_same(key, "weights") ||
           text_same(key, "schedulerStatus");
}

/*
 * The same members out of the full answer. Of tables by name, `expect` lists
 * only those that the test was about; `observed` lists all of them.
 */
static struct node *respond_like(struct world *w, const struct node *like, bool whole)
{
    struct node *response = node_map(w->arena);

    node_each(member, like)
    {
        struct node *have = node_get(w->full, member->key);

        if (text_same(member->key, "status"))
            have = status_like(w, member->value);
        else if (text_same(member->key, "PlacementSatisfied") ||
                 text_same(member->key, "PlacementMisconfigured"))
            have = named_in(w->arena, member->value, condition_of(w, member->key));
        else if (text_same(member->key, "schedulerStatus") || (!whole && is_by_name(member->key)))
            have = named_in(w->arena, member->value, have);
        else if (text_same(member->key, "error") && node_is(member->value, NODE_BOOL))
            have = node_bool(w->arena, w->result.outcome == PLACEMENT_FAILED);
        if (have)
            node_set(w->arena, response, member->key, have);
    }
    return response;
}

static void put_all(struct placement_world *world, const struct node *input)
{
    static const char *const lists[][2] = {
        {"managedClusterSets", "ManagedClusterSet"},
        {"managedClusterSetBindings", "ManagedClusterSetBinding"},
        {"managedClusters", "ManagedCluster"},
        {"placementDecisions", "PlacementDecision"},
        {"addOnPlacementScores", "AddOnPlacementScore"},
    };

    for (size_t i = 0; i < count_of(lists); i++) {
        const struct node *list = node_get(input, lists[i][0]);

        for (size_t k = 0; k < node_count(list); k++)
            placement_world_put(world, lists[i][1], node_item(list, k));
    }
}

/* Would a controller write? Compares with the decisions that stand. */
static bool would_write(struct world *w, const struct node *input)
{
    const struct node *existing = node_get(input, "placementDecisions");
    const struct node *now = node_get(w->full, "placementDecisions");
    size_t same = 0;

    for (size_t i = 0; i < node_count(now); i++)
        for (size_t k = 0; k < node_count(existing); k++) {
            const struct node *old = node_item(existing, k);
            if (!text_same(node_get_text(node_get(old, "metadata"), "name"),
                           node_get_text(node_item(now, i), "name")))
                continue;
            same +=
                node_same(cluster_names(w->arena, old), node_get(node_item(now, i), "clusters")) &&
                node_same(node_at(old, "metadata", "labels", NULL),
                          node_get(node_item(now, i), "labels"));
        }
    return same != node_count(now);
}

/* The controller's part: a placement that asks to be left alone is. */
static bool left_alone(const struct node *placement)
{
    return text_same(node_get_text(node_at(placement, "metadata", "annotations", NULL),
                                   META_TAINT_PREFIX "experimental-scheduling-disable"),
                     "true");
}

static void leave_alone(struct world *w)
{
    struct node *status = node_make(w->arena, w->full, "status");

    node_set(w->arena, w->full, "placementDecisions", node_list(w->arena));
    node_set_int(w->arena, status, "numberOfSelectedClusters", 0);
    node_set(w->arena, status, "decisionGroups", node_null(w->arena));
    node_set(w->arena, status, "conditions", node_list(w->arena));
}

/* A budget below the program's, and a cluster that is nothing: by CEL alone. */
static void run_by_cel(struct world *w, const struct node *input, bool poor)
{
    static const char *const variables[] = {"managedCluster", NULL};
    const struct node *predicate = node_item(node_at(w->placement, "spec", "predicates", NULL), 0);
    const struct node *list =
        node_at(predicate, "requiredClusterSelector", "celSelector", "celExpressions", NULL);
    struct node *nothing = node_map(w->arena);
    struct cel_variable variable = {
        "managedCluster", poor ? node_item(node_get(input, "managedClusters"), 0) : nothing};
    uint64_t cost = 0;
    struct cel_input run = {&variable, 1, NULL, NULL, poor ? 15 : 0, &cost};
    bool yes = true;

    node_make(w->arena, nothing, "metadata");
    for (size_t i = 0; i < node_count(list) && yes; i++) {
        struct cel_program *program =
            cel_compile(w->arena, node_text(node_item(list, i)), variables, NULL);

        if (!program || cel_eval_bool(program, w->arena, &run, &yes, NULL) < 0)
            yes = false;
    }
    node_set_int(w->arena, w->full, "celCost", (int64_t)cost);
    if (!yes)
        node_set(w->arena, w->full, "selected", node_list(w->arena));
}

static struct node *expectation(struct case_run *run, struct world *w)
{
    const struct node *input = node_get(run->one, "input");
    struct node *expect = node_copy(run->arena, node_get(run->one, "expect"));
    const char *id = node_get_text(run->one, "id");

    node_remove(expect, "note");
    if (text_same(id, "cel-06") || text_same(id, "cel-07"))
        run_by_cel(w, input, text_same(id, "cel-06"));
    if (node_get(expect, "noWrites") || node_get(expect, "noWritesToDecisions")) {
        bool quiet = left_alone(w->placement) || !would_write(w, input);

        node_set_bool(w->arena, w->full, "noWrites", quiet);
        node_set_bool(w->arena, w->full, "noWritesToDecisions", quiet);
        node_set_bool(w->arena, w->full, "noDecisions", left_alone(w->placement));
    }
    return expect;
}

static struct node *observation(struct case_run *run, struct world *w)
{
    static const char *const of_a_failure[] = {"eligibleClusterSets", "available", "availableError",
                                               "syncError"};
    struct node *observed = node_get(run->one, "observed");
    struct node *keys = node_map(run->arena);

    if (w->result.outcome != PLACEMENT_FAILED)
        return observed;
    /* OCM stops there; the file shows what the rest would have said. */
    for (size_t i = 0; i < count_of(of_a_failure); i++)
        node_set_int(run->arena, keys, of_a_failure[i], 0);
    return named_in(run->arena, keys, observed);
}

static void run_world(struct case_run *run)
{
    const struct node *input = node_get(run->one, "input");
    scoped_placement_world struct placement_world *world = placement_world_new();
    struct world w = {.arena = run->arena,
                      .world = world,
                      .placement = node_get(input, "placement"),
                      .now = time_of(run->one, "now"),
                      .existing = node_get(input, "placementDecisions")};
    struct node *observed, *expect;

    run->expected = node_map(run->arena);
    run->got = node_map(run->arena);
    put_all(world, input);
    decide(&w);
    if (node_get(run->one, "observed")) {
        observed = observation(run, &w);
        if (left_alone(w.placement))
            leave_alone(&w);
        node_set(run->arena, run->expected, "observed", observed);
        node_set(run->arena, run->got, "observed", respond_like(&w, observed, true));
    }
    if (node_get(run->one, "expect")) {
        expect = expectation(run, &w);
        node_set(run->arena, run->expected, "expect", expect);
        node_set(run->arena, run->got, "expect", respond_like(&w, expect, false));
    }
}
CASE_ROW(placement, "placement", "cases", NULL, run_world)

/* ---- The two conditions by themselves ----------------------------------- */

static const char **names_of(struct arena *arena, const struct node *list)
{
    const char **names = arena_alloc(arena, (node_count(list) + 1) * sizeof *names);

    for (size_t i = 0; i < node_count(list); i++)
        names[i] = node_text(node_item(list, i));
    return names;
}

static void give_condition(struct case_run *run, const struct meta_condition *condition)
{
    struct node *full = node_map(run->arena);

    run->expected = node_copy(run->arena, node_get(run->one, "expect"));
    node_set_text(run->arena, full, "status", condition->status);
    node_set_text(run->arena, full, "reason", condition->reason);
    node_set_text(run->arena, full, "message", condition->message);
    run->got = named_in(run->arena, run->expected, full);
}

static void run_satisfied(struct case_run *run)
{
    const struct node *in = node_get(run->one, "input");
    const struct node *requested = node_get(in, "clusterSetsInSpec");
    const struct node *sets = node_get(in, "eligibleClusterSets");
    struct placement_satisfied facts = {
        names_of(run->arena, requested),
        node_count(requested),
        names_of(run->arena, sets),
        node_count(sets),
        (size_t)node_get_int(in, "numOfBindings", 0),
        (size_t)node_get_int(in, "numOfAvailableClusters", 0),
        (size_t)node_get_int(in, "numOfFeasibleClusters", 0),
        (size_t)node_get_int(in, "numOfUnscheduledDecisions", 0),
        false,
        "",
    };
    struct meta_condition condition = placement_satisfied(run->arena, &facts);

    give_condition(run, &condition);
}
CASE_ROW(placement_satisfied, "placement", "cases", "condition:PlacementSatisfied", run_satisfied)

static void run_misconfigured(struct case_run *run)
{
    const struct node *in = node_get(run->one, "input");
    const char *code = node_get_text(in, "schedulerStatus");
    enum placement_outcome outcome = text_same(code, "Misconfigured") ? PLACEMENT_MISCONFIGURED
                                     : text_same(code, "Error")       ? PLACEMENT_FAILED
                                                                      : PLACEMENT_OK;
    struct meta_condition condition = placement_misconfigured(
        run->arena, outcome, node_get_text(in, "plugin"), node_get_text(in, "message"));

    give_condition(run, &condition);
}
CASE_ROW(placement_misconfigured, "placement", "cases", "condition:PlacementMisconfigured",
         run_misconfigured)

/* ---- Scenarios: one world, several steps -------------------------------- */

struct story {
    struct world w;
    struct node *decisions; /* PlacementDecisions that stand */
};

static void drop_decision(struct story *story, const char *name)
{
    for (size_t i = node_count(story->decisions); i-- > 0;)
        if (text_same(node_get_text(node_get(node_item(story->decisions, i), "metadata"), "name"),
                      name))
            node_remove_item(story->decisions, i);
}

static void do_op(struct story *story, const struct node *op)
{
    const char *what = node_get_text(op, "op");
    struct node *object = node_get(op, "object");
    const char *kind = object ? node_get_text(object, "kind") : node_get_text(op, "kind");

    if (text_same(what, "setNow")) {
        story->w.now = time_of(op, "now");
    } else if (text_same(what, "apply") && text_same(kind, "Placement")) {
        story->w.placement = object;
    } else if (text_same(what, "apply")) {
        placement_world_put(story->w.world, kind, object);
    } else if (text_same(what, "delete")) {
        placement_world_remove(story->w.world, kind, node_get_text(op, "namespace"),
                               node_get_text(op, "name"));
        if (text_same(kind, "PlacementDecision"))
            drop_decision(story, node_get_text(op, "name"));
    } else if (text_same(what, "markDeleting")) {
        struct node *leaving = node_map(story->w.arena);
        struct node *meta = node_make(story->w.arena, leaving, "metadata");

        node_set(story->w.arena, meta, "name", node_get(op, "name"));
        node_set_text(story->w.arena, meta, "deletionTimestamp", "2022-01-01T00:00:00Z");
        placement_world_put(story->w.world, kind, leaving);
    }
}

/* Writes the decisions of this step; what is superfluous goes. */
static void keep_decisions(struct story *story)
{
    struct world *w = &story->w;
    struct node *next = node_list(w->arena);

    for (size_t i = 0; i < node_count(story->decisions); i++) {
        const struct node *meta = node_get(node_item(story->decisions, i), "metadata");

        placement_world_remove(w->world, "PlacementDecision", node_get_text(meta, "namespace"),
                               node_get_text(meta, "name"));
    }
    for (size_t i = 0; i < w->result.decision_count; i++) {
        struct node *object = placement_decision_object(w->arena, w->placement, &w->result, i);

        placement_world_put(w->world, "PlacementDecision", object);
        node_set(w->arena, node_get(object, "metadata"), "labels", labels_that_stand(w, object));
        node_add(w->arena, next, object);
    }
    story->decisions = next;
    w->existing = next;
}

static void run_scenario(struct case_run *run)
{
    scoped_placement_world struct placement_world *world = placement_world_new();
    struct story story = {.w = {.arena = run->arena, .world = world}};
    const struct node *steps = node_get(run->one, "steps");

    story.w.existing = story.decisions = node_list(run->arena);
    (void)clock_parse("2022-01-01T00:00:00Z", &story.w.now);
    run->expected = node_list(run->arena);
    run->got = node_list(run->arena);
    for (size_t i = 0; i < node_count(steps); i++) {
        const struct node *step = node_item(steps, i);
        const struct node *ops = node_get(step, "do");
        struct node *expect = node_get(step, "expect");
        struct node *observed = node_get(step, "observed");

        for (size_t k = 0; k < node_count(ops); k++)
            do_op(&story, node_item(ops, k));
        decide(&story.w);
        node_add(run->arena, run->expected, expect);
        node_add(run->arena, run->got, respond_like(&story.w, expect, false));
        node_add(run->arena, run->expected, observed);
        node_add(run->arena, run->got, respond_like(&story.w, observed, true));
        keep_decisions(&story);
    }
}
CASE_ROW(placement_scenario, "placement", "scenarios", NULL, run_scenario)
