/* SPDX-License-Identifier: Apache-2.0 */
/* Decides a Placement: runs filters, scores, spread and groups one after the other. */
#include "placement/world.h"

#include "meta/meta.h"

/* Makes a row of the result for each cluster of the world; every stage records in it
   what it decides. */
static void make_rows(struct choice *choice)
{
    struct placement_world *world = choice->world;
    struct placement_result *result = choice->result;

    world_sort(world);
    result->cluster_count = world->cluster_count;
    result->clusters =
        arena_alloc(choice->arena, (world->cluster_count + 1) * sizeof *result->clusters);
    choice->feasible =
        arena_alloc(choice->arena, (world->cluster_count + 1) * sizeof *choice->feasible);
    for (size_t i = 0; i < world->cluster_count; i++) {
        struct seat *seat = world->clusters[i];

        seat->row = &result->clusters[i];
        seat->row->name = seat->name;
        seat->row->detail = "";
        seat->row->why = PLACEMENT_UNDECIDED;
    }
}

/* Counts how often this placement itself has chosen each cluster so far: Balance, Steady
   and NoSelectIfNew depend on it. */
static void mark_own_decisions(struct choice *choice)
{
    scoped_mem char *key = mem_printf("%s/%s", choice->namespace, choice->name);

    choice->own = map_get(choice->world->owners, key);
    if (!choice->own)
        return;
    for (struct decision *d = choice->own->decisions; d; d = d->next)
        for (size_t i = 0; i < d->count; i++)
            d->seats[i]->own++;
}

/* The counts are scratch of one decision; the next placement begins with 0. */
static void clear_own_decisions(struct choice *choice)
{
    if (!choice->own)
        return;
    for (struct decision *d = choice->own->decisions; d; d = d->next)
        for (size_t i = 0; i < d->count; i++)
            d->seats[i]->own = 0;
}

/* Each stage narrows `feasible`; one that complains ends the decision. */
static void run_stages(struct choice *choice)
{
    struct placement_result *result = choice->result;

    if (choice_find_sets(choice) < 0)
        return;
    result->available = choice->count;
    if (choice_filter_predicates(choice) < 0)
        return;
    result->matched = choice->count;
    if (choice_filter_taints(choice) < 0)
        return;
    if (choice_score(choice) < 0)
        return;
    result->feasible = choice->count;
    choice_rank(choice);
    choice_take(choice);
    choice_find_requeue(choice);
}

void placement_decide(struct placement_world *world, const struct node *placement, int64_t now,
                      struct arena *arena, struct placement_result *ret)
{
    struct choice choice = {world,
                            placement,
                            node_get(placement, "spec"),
                            meta_namespace(placement),
                            meta_name(placement),
                            now,
                            arena,
                            ret};

    *ret = (struct placement_result){.plugin = "", .message = ""};
    make_rows(&choice);
    mark_own_decisions(&choice);
    run_stages(&choice);
    /* Groups that cannot be read: no cluster is chosen, and the groups are made of none. */
    if (choice_group(&choice) < 0) {
        ret->chosen_count = 0;
        choice_group(&choice);
    }
    clear_own_decisions(&choice);
}

/* ---- In words ---------------------------------------------------------- */

static const struct {
    const char *name, *sentence;
} whys[] = {
    [PLACEMENT_CHOSEN] = {"Chosen", "chosen"},
    [PLACEMENT_NOT_IN_SETS] = {"NotInClusterSets", "member of no cluster set that is bound to the "
                                                   "namespace and asked for"},
    [PLACEMENT_LEAVING] = {"Leaving", "the cluster is being deleted"},
    [PLACEMENT_NOT_MATCHED] = {"NotMatched", "no predicate matches"},
    [PLACEMENT_TAINTED] = {"Tainted", "is not tolerated"},
    [PLACEMENT_WOULD_SKEW] = {"WouldSkew", "one more would break the spread over"},
    [PLACEMENT_RANKED_LOW] = {"RankedLow", "numberOfClusters others rank higher"},
    [PLACEMENT_UNDECIDED] = {"Undecided", "the placement could not be decided"},
};

const char *placement_why_name(enum placement_why why)
{
    return whys[why].name;
}

void placement_explain(const struct placement_result *result,
                       const struct placement_cluster *cluster, struct text *out)
{
    const char *sentence = whys[cluster->why].sentence;

    if (cluster->why == PLACEMENT_TAINTED)
        text_addf(out, "taint %s %s", cluster->detail, sentence);
    else if (cluster->why == PLACEMENT_WOULD_SKEW)
        text_addf(out, "%s %s", sentence, cluster->detail);
    else
        text_add(out, sentence);
    if (cluster->rank)
        text_addf(out, "; rank %zu with score %lld", cluster->rank, (long long)cluster->total);
    if (cluster->why == PLACEMENT_UNDECIDED && *result->message)
        text_addf(out, ": %s", result->message);
}
