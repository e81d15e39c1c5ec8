/* SPDX-License-Identifier: Apache-2.0 */
/* Scores and ranks the clusters that passed the filters. */
#include "placement/world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BEST 100

struct prioritizer {
    const char *name;
    int64_t weight;
    const char *resource;       /* of ResourceAllocatable… */
    const char *object, *score; /* of AddOn/… */
};

/* ---- Which prioritizers, and how much each counts ---------------------- */

/* The names of resources in OCM; any other word is the resource's own name. */
static const struct {
    const char *word, *resource;
} resources[] = {
    {"CPU", "cpu"},
    {"Memory", "memory"},
    {"Pods", "pods"},
    {"Storage", "storage"},
    {"EphemeralStorage", "ephemeral-storage"},
    {"GPU", "nvidia.com/gpu"},
};
#define RESOURCE_PREFIX "ResourceAllocatable"

static const char *find_resource_name(const char *builtin)
{
    const char *word = builtin + strlen(RESOURCE_PREFIX);

    if (!text_starts(builtin, RESOURCE_PREFIX) || !*word)
        return NULL;
    for (size_t i = 0; i < count_of(resources); i++)
        if (!strcmp(resources[i].word, word))
            return resources[i].resource;
    return word;
}

/* A prioritizer that is configured, or configured again, has the later weight. */
static void set_weight(struct prioritizer *all, size_t *count, const struct prioritizer *one)
{
    for (size_t i = 0; i < *count; i++)
        if (!strcmp(all[i].name, one->name)) {
            all[i].weight = one->weight;
            return;
        }
    all[(*count)++] = *one;
}

/* Reads one entry of prioritizerPolicy.configurations. */
static int read_configuration(struct choice *choice, const struct node *node,
                              struct prioritizer *ret)
{
    const struct node *coordinate = node_get(node, "scoreCoordinate");
    const char *type = node_get_text(coordinate, "type");
    const struct node *addon = node_get(coordinate, "addOn");

    *ret = (struct prioritizer){.weight = node_get_int(node, "weight", 1)};
    if (!*type || text_same(type, "BuiltIn")) {
        ret->name = node_get_text(coordinate, "builtIn");
        ret->resource = find_resource_name(ret->name);
        return 0;
    }
    if (!text_same(type, "AddOn"))
        return choice_complain(choice, PLACEMENT_MISCONFIGURED, "",
                               "incorrect score coordinate type: %s", type);
    ret->object = node_get_text(addon, "resourceName");
    ret->score = node_get_text(addon, "scoreName");
    ret->name = arena_printf(choice->arena, "AddOn/%s/%s", ret->object, ret->score);
    return 0;
}

static int compare_prioritizers(const void *a, const void *b)
{
    return strcmp(((const struct prioritizer *)a)->name, ((const struct prioritizer *)b)->name);
}

/* The mode Additive, which is the default, begins with Balance and Steady; Exact begins
   with none. */
static int read_policy(struct choice *choice, struct prioritizer **ret, size_t *ret_count)
{
    const struct node *policy = node_get(choice->spec, "prioritizerPolicy");
    const struct node *list = node_get(policy, "configurations");
    const char *mode = node_get_text(policy, "mode");
    struct prioritizer *all = arena_alloc(choice->arena, (node_count(list) + 2) * sizeof *all);
    size_t count = 0;

    if (!*mode || text_same(mode, "Additive")) {
        all[count++] = (struct prioritizer){"Balance", 1};
        all[count++] = (struct prioritizer){"Steady", 1};
    } else if (!text_same(mode, "Exact")) {
        return choice_complain(choice, PLACEMENT_MISCONFIGURED, "",
                               "incorrect prioritizer policy mode: %s", mode);
    }
    for (size_t i = 0; i < node_count(list); i++) {
        struct prioritizer one;

        if (read_configuration(choice, node_item(list, i), &one) < 0)
            return -1;
        set_weight(all, &count, &one);
    }
    if (count)
        qsort(all, count, sizeof *all, compare_prioritizers);
    *ret = all;
    *ret_count = count;
    return 0;
}

/* ---- The formulas ------------------------------------------------------ */

/*
 * How often other placements have chosen the busiest cluster. The decisions of
 * this placement are taken out of the tally, which is read, and are put back.
 */
static size_t count_most_decisions(const struct choice *choice)
{
    size_t *tally = choice->world->tally;
    size_t most = choice->world->tally_room;

    for (int back = 0; back < 2; back++) {
        for (struct decision *d = choice->own ? choice->own->decisions : NULL; d; d = d->next)
            for (size_t i = 0; i < d->count; i++) {
                struct seat *seat = d->seats[i];

                if (seat->taken_out == (back == 0))
                    continue; /* named twice */
                seat->taken_out = back == 0;
                tally[seat->decided] += back ? 1 : (size_t)-1;
                tally[seat->decided - seat->own] += back ? (size_t)-1 : 1;
            }
        while (!back && most && !tally[most - 1])
            most--;
    }
    return most ? most - 1 : 0;
}

/* From 100, chosen by no other placement, down to -100 for the cluster that is chosen
   most, by OCM's formula. */
static void score_balance(struct choice *choice, const struct prioritizer *by, int64_t *scores)
{
    size_t most = count_most_decisions(choice);

    for (size_t i = 0; i < choice->count; i++) {
        const struct seat *seat = choice->feasible[i];
        size_t others = seat->decided - seat->own;

        scores[i] = others ? 2 * (int64_t)(BEST * (0.5 - (double)others / (double)most)) : BEST;
    }
}

/* 100 for clusters that this placement has chosen before, so that it keeps them. */
static void score_steady(struct choice *choice, const struct prioritizer *by, int64_t *scores)
{
    for (size_t i = 0; i < choice->count; i++)
        scores[i] = choice->feasible[i]->own ? BEST : 0;
}

static const double *find_allocatable(const struct seat *seat, const char *name)
{
    for (size_t i = 0; i < seat->resource_count; i++)
        if (seat->resources[i].name == name)
            return &seat->resources[i].allocatable;
    return NULL;
}

/* Scales the allocatable amount from -100 for the least to 100 for the most of the
   feasible clusters. */
static void score_resource(struct choice *choice, const struct prioritizer *by, int64_t *scores)
{
    const char *name = map_get(choice->world->names, by->resource);
    double least = INFINITY, most = -INFINITY;
    double *values = arena_alloc(choice->arena, (choice->count + 1) * sizeof *values);

    for (size_t i = 0; i < choice->count; i++) {
        const double *have = find_allocatable(choice->feasible[i], name);

        values[i] = have ? *have : NAN;
        if (have && *have < least)
            least = *have;
        if (have && *have > most)
            most = *have;
    }
    for (size_t i = 0; i < choice->count; i++) {
        if (isnan(values[i]))
            scores[i] = PLACEMENT_NO_SCORE;
        else if (most > least)
            scores[i] = (int64_t)(((values[i] - least) / (most - least) - 0.5) * 2 * BEST);
        else
            scores[i] = BEST;
    }
}

static const struct addon_score *find_addon_score(const struct seat *seat, const char *name)
{
    const struct addon_score *score = seat->addon_scores;

    while (score && strcmp(score->name, name))
        score = score->next;
    return score;
}

/* An AddOnPlacementScore that has expired counts as 0 and gives a warning. */
static void score_addon(struct choice *choice, const struct prioritizer *by, int64_t *scores)
{
    scoped_text struct text expired = {0};

    for (size_t i = 0; i < choice->count; i++) {
        const struct seat *seat = choice->feasible[i];
        const struct addon_score *from = find_addon_score(seat, by->object);

        scores[i] = 0;
        if (!from)
            continue;
        if (from->valid_until && choice->now > from->valid_until) {
            text_addf(&expired, " %s/%s", seat->name, by->object);
            continue;
        }
        for (size_t k = 0; k < node_count(from->scores); k++)
            if (text_same(node_get_text(node_item(from->scores, k), "name"), by->score))
                scores[i] = node_get_int(node_item(from->scores, k), "value", 0);
    }
    if (expired.len)
        choice_complain(choice, PLACEMENT_WARNED, by->name, "AddOnPlacementScores%s expired",
                        expired.bytes);
}

/* ---- All of them ------------------------------------------------------- */

typedef void score_fn(struct choice *choice, const struct prioritizer *by, int64_t *scores);

static score_fn *find_formula(const struct prioritizer *by)
{
    if (by->object)
        return score_addon;
    if (by->resource)
        return score_resource;
    if (!strcmp(by->name, "Balance"))
        return score_balance;
    return strcmp(by->name, "Steady") ? NULL : score_steady;
}

/* Writes the scores of one prioritizer into its column of the table, and adds them to
   the totals by their weight. */
static void add_weighted_scores(struct choice *choice, size_t column, size_t columns,
                                const int64_t *scores, int64_t *table)
{
    int64_t weight = choice->result->prioritizers[column].weight;

    for (size_t i = 0; i < choice->count; i++) {
        table[i * columns + column] = scores[i];
        if (scores[i] != PLACEMENT_NO_SCORE)
            choice->feasible[i]->row->total += weight * scores[i];
    }
}

/* Drops prioritizers of weight 0, and refuses names that are not built in. */
static int drop_unweighted(struct choice *choice, struct prioritizer *all, size_t *count)
{
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++) {
        if (!all[i].weight)
            continue;
        if (!find_formula(&all[i]))
            return choice_complain(choice, PLACEMENT_MISCONFIGURED, "",
                                   "incorrect builtin prioritizer: %s", all[i].name);
        all[kept++] = all[i];
    }
    *count = kept;
    return 0;
}

int choice_score(struct choice *choice)
{
    struct placement_result *result = choice->result;
    struct prioritizer *all = NULL;
    int64_t *table, *scores;
    size_t count = 0;

    if (read_policy(choice, &all, &count) < 0 || drop_unweighted(choice, all, &count) < 0)
        return -1;
    result->prioritizers = arena_alloc(choice->arena, (count + 1) * sizeof *result->prioritizers);
    table = arena_alloc(choice->arena, (choice->count * count + 1) * sizeof *table);
    scores = arena_alloc(choice->arena, (choice->count + 1) * sizeof *scores);
    for (size_t k = 0; k < count; k++) {
        result->prioritizers[k] = (struct placement_prioritizer){all[k].name, all[k].weight};
        find_formula (&all[k])(choice, &all[k], scores);
        add_weighted_scores(choice, k, count, scores, table);
    }
    result->prioritizer_count = count;
    for (size_t i = 0; i < choice->count; i++)
        choice->feasible[i]->row->scores = &table[i * count];
    return 0;
}

static int compare_totals(const void *a, const void *b)
{
    const struct placement_cluster *one = *(struct placement_cluster *const *)a;
    const struct placement_cluster *two = *(struct placement_cluster *const *)b;

    if (one->total != two->total)
        return one->total > two->total ? -1 : 1;
    return one < two ? -1 : one > two; /* rows stand in name order */
}

/* Totals that lie within this range, as they mostly do, are sorted by counting. */
#define COUNTED_RANGE 65536

/* A counting sort, which is stable: the rows stand in the order of names, which decides
   between equal totals. False: the totals differ too much for it. */
static bool rank_by_counting(struct choice *choice)
{
    struct placement_cluster **chosen = choice->result->chosen;
    int64_t least = INT64_MAX, most = INT64_MIN;
    size_t count = choice->count, at = 0;
    uint64_t range;
    uint32_t *starts;

    for (size_t i = 0; i < count; i++) {
        int64_t total = choice->feasible[i]->row->total;

        least = total < least ? total : least;
        most = total > most ? total : most;
    }
    range = (uint64_t)most - (uint64_t)least;
    if (count < 64 || range >= COUNTED_RANGE)
        return false;
    starts = arena_alloc(choice->arena, (range + 1) * sizeof *starts);
    for (size_t i = 0; i < count; i++)
        starts[most - choice->feasible[i]->row->total]++;
    for (uint64_t k = 0; k <= range; k++) {
        uint32_t here = starts[k];

        starts[k] = (uint32_t)at;
        at += here;
    }
    for (size_t i = 0; i < count; i++) {
        struct placement_cluster *row = choice->feasible[i]->row;

        chosen[starts[most - row->total]++] = row;
    }
    return true;
}

void choice_rank(struct choice *choice)
{
    struct placement_result *result = choice->result;
    size_t count = choice->count;

    result->chosen = arena_alloc(choice->arena, (count + 1) * sizeof *result->chosen);
    if (count && !rank_by_counting(choice)) {
        for (size_t i = 0; i < count; i++)
            result->chosen[i] = choice->feasible[i]->row;
        qsort(result->chosen, count, sizeof *result->chosen, compare_totals);
    }
    for (size_t i = 0; i < count; i++)
        result->chosen[i]->rank = i + 1;
}
