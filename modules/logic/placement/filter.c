/* SPDX-License-Identifier: Apache-2.0 */
/* Filters clusters by cluster set, by predicate and by taint. */
#include "placement/world.h"

#include "cel/cel.h"
#include "meta/meta.h"

#include <stdlib.h>
#include <string.h>

/* ---- Cluster sets ------------------------------------------------------ */

static int compare_set_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether spec.clusterSets lists the set; an empty list means all sets. */
static bool is_wanted_set(const struct node *names, const char *name)
{
    for (size_t i = 0; i < node_count(names); i++)
        if (text_same(node_text(node_item(names, i)), name))
            return true;
    return node_count(names) == 0;
}

/* Finds the sets that exist, are bound in the namespace and are listed in
   spec.clusterSets. */
static void find_eligible_sets(struct choice *choice)
{
    struct placement_result *result = choice->result;
    const struct node *requested = node_get(choice->spec, "clusterSets");
    struct binding *binding;
    size_t at = 0, count = 0;

    result->sets =
        arena_alloc(choice->arena, (map_count(choice->world->bindings) + 1) * sizeof *result->sets);
    while ((binding = map_next(choice->world->bindings, &at, NULL))) {
        if (!text_same(binding->namespace, choice->namespace) ||
            !map_get(choice->world->sets, binding->set))
            continue;
        result->bindings++;
        if (is_wanted_set(requested, binding->set))
            result->sets[count++] = arena_string(choice->arena, binding->set);
    }
    if (count)
        qsort(result->sets, count, sizeof *result->sets, compare_set_names);
    result->set_count = count;
}

struct membership {
    const char *exclusive;     /* the label's value, or NULL */
    struct selector *selector; /* NULL: by the label alone */
};

/* A cluster is in a set by its clusterset label or by the label selector of the set. */
static bool is_set_member(const struct seat *seat, const struct membership *sets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sets[i].exclusive && seat->set && !strcmp(sets[i].exclusive, seat->set))
            return true;
        if (sets[i].selector && selector_matches_labels(sets[i].selector, seat->labels))
            return true;
    }
    return false;
}

/* Reads how each eligible set selects its clusters. A set that cannot be read fails the
   whole decision, so that the earlier PlacementDecisions stay. */
static int read_set_members(struct choice *choice, struct membership *sets)
{
    struct placement_result *result = choice->result;

    for (size_t i = 0; i < result->set_count; i++) {
        const char *name = result->sets[i];
        const struct cluster_set *set = map_get(choice->world->sets, name);
        struct err err;

        if (set->wrong)
            return choice_complain(choice, PLACEMENT_FAILED, "",
                                   "failed to get clusters from ClusterSet \"%s\": selectorType is "
                                   "not right: %s",
                                   name, set->wrong);
        /* The spokes of a pool are in its set by their label, whatever its selector says. */
        if (set->exclusive || set->pool)
            sets[i].exclusive = name;
        if (set->exclusive)
            continue;
        sets[i].selector = selector_from_node(choice->arena, set->selector, &err);
        if (!sets[i].selector)
            return choice_complain(choice, PLACEMENT_FAILED, "",
                                   "failed to get clusters from ClusterSet "
                                   "\"%s\": %s",
                                   name, err.text);
    }
    return 0;
}

int choice_find_sets(struct choice *choice)
{
    struct placement_world *world = choice->world;
    struct membership *sets;
    const struct placement_reach *reach =
        placement_reach_read(world, choice->namespace, choice->arena);

    find_eligible_sets(choice);
    for (size_t i = 0; i < world->cluster_count; i++)
        world->clusters[i]->row->within = world_reaches(reach, world->clusters[i]);
    sets = arena_alloc(choice->arena, (choice->result->set_count + 1) * sizeof *sets);
    if (read_set_members(choice, sets) < 0)
        return -1;
    for (size_t i = 0; i < world->cluster_count; i++) {
        struct seat *seat = world->clusters[i];

        if (!seat->row->within || !is_set_member(seat, sets, choice->result->set_count))
            seat->row->why = PLACEMENT_NOT_IN_SETS;
        else if (seat->leaving)
            seat->row->why = PLACEMENT_LEAVING;
        else
            choice->feasible[choice->count++] = seat;
    }
    return 0;
}

/* ---- Predicates -------------------------------------------------------- */

struct predicate {
    struct selector *labels, *claims; /* NULL asks nothing */
    struct cel_program **expressions;
    size_t expression_count;
};

/* Compiles the CEL expressions once for a decision, and not for each cluster. */
static int read_expressions(struct choice *choice, const struct node *list, struct predicate *ret)
{
    static const char *const variables[] = {"managedCluster", NULL};
    struct err err;

    ret->expressions =
        arena_alloc(choice->arena, (node_count(list) + 1) * sizeof *ret->expressions);
    for (size_t i = 0; i < node_count(list); i++) {
        struct cel_program *program =
            cel_compile(choice->arena, node_text(node_item(list, i)), variables, &err);

        if (!program)
            return choice_complain(choice, PLACEMENT_MISCONFIGURED, "Predicate",
                                   "compilation failed: %s", err.text);
        ret->expressions[ret->expression_count++] = program;
    }
    return 0;
}

static int read_predicate(struct choice *choice, const struct node *node, struct predicate *ret)
{
    const struct node *required = node_get(node, "requiredClusterSelector");
    struct err err;

    if (choice_selector(choice, node_get(required, "labelSelector"), &ret->labels, &err) < 0 ||
        choice_selector(choice, node_get(required, "claimSelector"), &ret->claims, &err) < 0)
        return choice_complain(choice, PLACEMENT_MISCONFIGURED, "Predicate", "%s", err.text);
    return read_expressions(choice, node_at(required, "celSelector", "celExpressions", NULL), ret);
}

/* What scores(NAME) returns in a CEL expression: the AddOnPlacementScore of the cluster. */
static const struct node *find_addon_scores(void *arg, const struct node *cluster, const char *name)
{
    const struct choice *choice = arg;
    const struct seat *seat = map_get(choice->world->seats, meta_name(cluster));
    const struct addon_score *score = seat ? seat->addon_scores : NULL;

    while (score && strcmp(score->name, name))
        score = score->next;
    return score ? score->scores : NULL;
}

/* Whether all CEL expressions are true for the cluster. One that fails, because a field
   is missing for example, does not match. */
static bool matches_expressions(struct choice *choice, const struct predicate *predicate,
                                const struct seat *seat, struct arena *scratch)
{
    struct cel_variable variable = {"managedCluster", seat->object};
    uint64_t cost = 0;
    struct cel_input input = {&variable, 1, find_addon_scores, choice, 0, &cost};
    bool yes = true;

    for (size_t i = 0; i < predicate->expression_count && yes; i++)
        if (cel_eval_bool(predicate->expressions[i], scratch, &input, &yes, NULL) < 0)
            yes = false;
    choice->result->cel_cost += cost;
    return yes;
}

/* Predicates are combined by OR, the parts of one predicate by AND. */
static bool matches_any_predicate(struct choice *choice, const struct predicate *predicates,
                                  size_t count, const struct seat *seat, struct arena *scratch)
{
    for (size_t i = 0; i < count; i++) {
        const struct predicate *one = &predicates[i];

        if ((!one->labels || selector_matches_labels(one->labels, seat->labels)) &&
            (!one->claims || selector_matches_labels(one->claims, seat->claims)) &&
            matches_expressions(choice, one, seat, scratch))
            return true;
    }
    return false;
}

/* Memory of CEL evaluations is freed after so many bytes, and not once for the whole fleet. */
#define SCRATCH_MOST ((size_t)1 << 18)

int choice_filter_predicates(struct choice *choice)
{
    const struct node *list = node_get(choice->spec, "predicates");
    size_t count = node_count(list), kept = 0;
    scoped_arena struct arena *scratch = arena_new();
    struct predicate *predicates;

    if (!count || !choice->count)
        return 0;
    predicates = arena_alloc(choice->arena, count * sizeof *predicates);
    for (size_t i = 0; i < count; i++)
        if (read_predicate(choice, node_item(list, i), &predicates[i]) < 0)
            return -1;
    for (size_t i = 0; i < choice->count; i++) {
        struct seat *seat = choice->feasible[i];

        if (arena_used(scratch) > SCRATCH_MOST) {
            arena_free(&scratch);
            scratch = arena_new();
        }
        if (matches_any_predicate(choice, predicates, count, seat, scratch))
            choice->feasible[kept++] = seat;
        else
            seat->row->why = PLACEMENT_NOT_MATCHED;
    }
    choice->count = kept;
    return 0;
}

/* ---- Taints ------------------------------------------------------------ */

struct toleration {
    const char *key, *value, *effect;
    bool exists, known; /* an unknown operator matches nothing */
    bool limited;
    int64_t seconds;
};

#define PLUGIN_TAINTS "TaintToleration"

static struct toleration *read_tolerations(const struct choice *choice, size_t *ret_count)
{
    const struct node *list = node_get(choice->spec, "tolerations");
    size_t count = node_count(list);
    struct toleration *all = arena_alloc(choice->arena, (count + 1) * sizeof *all);

    for (size_t i = 0; i < count; i++) {
        const struct node *from = node_item(list, i);
        const char *operator= node_get_text(from, "operator");
        const struct node *seconds = node_get(from, "tolerationSeconds");

        all[i] = (struct toleration){
            node_get_text(from, "key"),
            node_get_text(from, "value"),
            node_get_text(from, "effect"),
            text_same(operator, "Exists"),
            !*operator|| text_same(operator, "Equal") || text_same(operator, "Exists"),
            node_is(seconds, NODE_INT),
            node_get_int(from, "tolerationSeconds", 0),
        };
    }
    *ret_count = count;
    return all;
}

/* Refuses the combinations that OCM refuses, in its words. */
static int check_tolerations(struct choice *choice, const struct toleration *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!*all[i].key && !all[i].exists)
            return choice_complain(choice, PLACEMENT_MISCONFIGURED, PLUGIN_TAINTS,
                                   "If the key is empty, operator must be "
                                   "Exists.");
        if (all[i].exists && *all[i].value)
            return choice_complain(choice, PLACEMENT_MISCONFIGURED, PLUGIN_TAINTS,
                                   "If the operator is Exists, the value should "
                                   "be empty.");
    }
    return 0;
}

/* Whether the toleration is for this taint; without an effect or a key it is for any. */
static bool tolerates_taint(const struct toleration *toleration, const struct taint *taint)
{
    if (*toleration->effect && strcmp(toleration->effect, taint->effect))
        return false;
    if (*toleration->key && strcmp(toleration->key, taint->key))
        return false;
    return toleration->exists || (toleration->known && !strcmp(toleration->value, taint->value));
}

/* Until when the taint is tolerated; 0: not at all, INT64_MAX: without end. */
static int64_t tolerated_until(const struct toleration *tolerations, size_t count,
                               const struct taint *taint, bool chosen_before, int64_t now)
{
    if (!strcmp(taint->effect, "PreferNoSelect"))
        return INT64_MAX;
    if (!strcmp(taint->effect, "NoSelectIfNew") && chosen_before)
        return INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        int64_t until;

        if (!tolerates_taint(&tolerations[i], taint))
            continue;
        if (!tolerations[i].limited)
            return INT64_MAX;
        if (__builtin_mul_overflow(tolerations[i].seconds, 1000000000, &until) ||
            __builtin_add_overflow(until, taint->added, &until))
            until = tolerations[i].seconds < 0 ? INT64_MIN : INT64_MAX;
        if (now < until)
            return until;
    }
    return 0;
}

/* The first taint that excludes the cluster; NULL if there is none, and then `ret_until`
   is when the first of its tolerations ends. */
static const struct taint *find_untolerated_taint(const struct choice *choice,
                                                  const struct seat *seat,
                                                  const struct toleration *tolerations,
                                                  size_t count, int64_t *ret_until)
{
    *ret_until = INT64_MAX;
    for (size_t i = 0; i < seat->taint_count; i++) {
        int64_t until =
            tolerated_until(tolerations, count, &seat->taints[i], seat->own > 0, choice->now);

        if (!until)
            return &seat->taints[i];
        if (until < *ret_until)
            *ret_until = until;
    }
    return NULL;
}

void choice_find_requeue(struct choice *choice)
{
    int64_t earliest = INT64_MAX, until;
    size_t count;
    const struct toleration *tolerations;

    if (!choice->own)
        return;
    tolerations = read_tolerations(choice, &count);
    for (struct decision *d = choice->own->decisions; d; d = d->next)
        for (size_t i = 0; i < d->count; i++)
            if (!find_untolerated_taint(choice, d->seats[i], tolerations, count, &until) &&
                until < earliest)
                earliest = until;
    if (earliest != INT64_MAX)
        choice->result->requeue_at = earliest;
}

int choice_filter_taints(struct choice *choice)
{
    size_t count, kept = 0;
    const struct toleration *tolerations;

    if (!choice->count)
        return 0;
    tolerations = read_tolerations(choice, &count);
    if (check_tolerations(choice, tolerations, count) < 0)
        return -1;
    for (size_t i = 0; i < choice->count; i++) {
        struct seat *seat = choice->feasible[i];
        int64_t until;
        const struct taint *taint =
            find_untolerated_taint(choice, seat, tolerations, count, &until);

        if (!taint) {
            choice->feasible[kept++] = seat;
            continue;
        }
        seat->row->why = PLACEMENT_TAINTED;
        seat->row->detail = arena_printf(choice->arena, "%s%s%s:%s", taint->key,
                                         *taint->value ? "=" : "", taint->value, taint->effect);
    }
    choice->count = kept;
    return 0;
}
