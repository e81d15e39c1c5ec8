/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the clusters of the best rank, spread over topology domains as spreadConstraints say. */
#include "placement/world.h"

#include <stdlib.h>
#include <string.h>

/*
 * Clusters with equal values of all topology keys count alike for every
 * constraint. They share a bucket, and each step compares only the best cluster
 * that is left in each bucket.
 */
struct domain {
    int64_t chosen;
};

struct constraint {
    const char *key;
    bool claim, must;
    int64_t skew;
    struct map *index; /* value → domain */
    struct domain **domains;
    size_t count;
    int64_t least; /* chosen in the emptiest domain */
};

struct bucket {
    struct placement_cluster **rows; /* best first */
    struct domain **domains;         /* one per constraint; NULL: key absent */
    size_t count, next;
};

struct spread {
    struct choice *choice;
    struct constraint *constraints;
    size_t constraint_count;
    struct bucket **buckets;
    size_t bucket_count;
};

static void read_constraints(struct spread *spread, const struct node *list)
{
    struct arena *arena = spread->choice->arena;

    spread->constraint_count = node_count(list);
    spread->constraints = arena_alloc(arena, spread->constraint_count * sizeof(struct constraint));
    for (size_t i = 0; i < spread->constraint_count; i++) {
        const struct node *from = node_item(list, i);

        spread->constraints[i] = (struct constraint){
            .key = node_get_text(from, "topologyKey"),
            .claim = text_same(node_get_text(from, "topologyKeyType"), "Claim"),
            .must = text_same(node_get_text(from, "whenUnsatisfiable"), "DoNotSchedule"),
            .skew = node_get_int(from, "maxSkew", 1),
            .index = map_new(),
            .domains = arena_alloc(arena, (spread->choice->count + 1) * sizeof(struct domain *)),
        };
    }
}

/* The domain of a cluster for one constraint: its value of the topology key. NULL: it
   has none. */
static struct domain *find_domain(struct spread *spread, struct constraint *rule,
                                  const struct seat *seat)
{
    const struct node *value = node_get(rule->claim ? seat->claims : seat->labels, rule->key);
    struct domain *domain;

    if (!node_is(value, NODE_STRING))
        return NULL;
    domain = map_get(rule->index, value->string);
    if (domain)
        return domain;
    domain = arena_alloc(spread->choice->arena, sizeof *domain);
    map_put(rule->index, value->string, domain);
    rule->domains[rule->count++] = domain;
    return domain;
}

/* The bucket of a cluster, made when its combination of domains occurs first. */
static struct bucket *find_bucket(struct spread *spread, struct map *index, const struct seat *seat)
{
    struct arena *arena = spread->choice->arena;
    scoped_text struct text key = {0};
    struct domain **domains = arena_alloc(arena, spread->constraint_count * sizeof *domains);
    struct bucket *bucket;

    for (size_t i = 0; i < spread->constraint_count; i++) {
        domains[i] = find_domain(spread, &spread->constraints[i], seat);
        text_addf(&key, "%p/", (void *)domains[i]);
    }
    bucket = map_get(index, text_string(&key));
    if (bucket)
        return bucket;
    bucket = arena_alloc(arena, sizeof *bucket);
    bucket->domains = domains;
    map_put(index, text_string(&key), bucket);
    spread->buckets[spread->bucket_count++] = bucket;
    return bucket;
}

/* Sorts the clusters into buckets; each bucket keeps the order of rank. */
static void fill_buckets(struct spread *spread)
{
    struct choice *choice = spread->choice;
    struct placement_cluster *first = choice->result->clusters;
    struct bucket **homes =
        arena_alloc(choice->arena, (choice->result->cluster_count + 1) * sizeof *homes);
    scoped_map struct map *index = map_new();

    spread->buckets = arena_alloc(choice->arena, (choice->count + 1) * sizeof *spread->buckets);
    for (size_t i = 0; i < choice->count; i++) {
        struct bucket *home = find_bucket(spread, index, choice->feasible[i]);

        homes[choice->feasible[i]->row - first] = home;
        home->count++;
    }
    for (size_t i = 0; i < spread->bucket_count; i++) {
        struct bucket *bucket = spread->buckets[i];

        bucket->rows = arena_alloc(choice->arena, bucket->count * sizeof *bucket->rows);
        bucket->count = 0;
    }
    for (size_t i = 0; i < choice->count; i++) {
        struct placement_cluster *row = choice->result->chosen[i];
        struct bucket *bucket = homes[row - first];

        bucket->rows[bucket->count++] = row;
    }
}

/* By how much one more cluster in this domain would exceed maxSkew; 0 or less is
   allowed. */
static int64_t measure_excess_skew(const struct constraint *rule, const struct domain *domain)
{
    return domain ? domain->chosen + 1 - rule->least - rule->skew : 0;
}

/* The key of a DoNotSchedule constraint that forbids taking from the bucket, or NULL.
   Clusters without the key are in no domain, and are forbidden too. */
static const char *find_violated_rule(const struct spread *spread, const struct bucket *bucket)
{
    for (size_t i = 0; i < spread->constraint_count; i++) {
        const struct constraint *rule = &spread->constraints[i];

        if (rule->must &&
            (!bucket->domains[i] || measure_excess_skew(rule, bucket->domains[i]) > 0))
            return rule->key;
    }
    return NULL;
}

/* By how much the ScheduleAnyway constraints would be exceeded together. */
static int64_t sum_soft_skew(const struct spread *spread, const struct bucket *bucket)
{
    int64_t sum = 0;

    for (size_t i = 0; i < spread->constraint_count; i++) {
        const struct constraint *rule = &spread->constraints[i];
        int64_t over = measure_excess_skew(rule, bucket->domains[i]);

        if (!rule->must && over > 0)
            sum += over;
    }
    return sum;
}

/* The bucket to take from next: that with the least excess, and of those the best rank. */
static struct bucket *find_best_bucket(const struct spread *spread)
{
    struct bucket *best = NULL;
    int64_t least = 0;

    for (size_t i = 0; i < spread->bucket_count; i++) {
        struct bucket *bucket = spread->buckets[i];
        int64_t cost;

        if (bucket->next == bucket->count || find_violated_rule(spread, bucket))
            continue;
        cost = sum_soft_skew(spread, bucket);
        if (best && (cost > least || (cost == least && bucket->rows[bucket->next]->rank >
                                                           best->rows[best->next]->rank)))
            continue;
        best = bucket;
        least = cost;
    }
    return best;
}

/* Counts a cluster that was taken in its domains, and finds the emptiest domain of each
   constraint again. */
static void count_taken_cluster(struct spread *spread, struct bucket *bucket)
{
    for (size_t i = 0; i < spread->constraint_count; i++) {
        struct constraint *rule = &spread->constraints[i];

        if (!bucket->domains[i])
            continue;
        bucket->domains[i]->chosen++;
        rule->least = INT64_MAX;
        for (size_t k = 0; k < rule->count; k++)
            if (rule->domains[k]->chosen < rule->least)
                rule->least = rule->domains[k]->chosen;
    }
}

/* Gives the reason to each cluster that was not taken: the spread, if one of a worse
   rank was taken or too few could be, else its own rank. */
static void explain_rest(const struct spread *spread, size_t last_rank, bool enough)
{
    for (size_t i = 0; i < spread->bucket_count; i++) {
        struct bucket *bucket = spread->buckets[i];
        const char *key = find_violated_rule(spread, bucket);

        for (size_t k = bucket->next; k < bucket->count; k++) {
            struct placement_cluster *row = bucket->rows[k];
            bool skipped = !enough || row->rank < last_rank;

            row->why = skipped ? PLACEMENT_WOULD_SKEW : PLACEMENT_RANKED_LOW;
            row->detail = !skipped ? "" : key ? key : spread->constraints[0].key;
        }
    }
}

/* Takes the best allowed cluster, one after the other. Returns how many were taken. */
static size_t take_spread(struct choice *choice, const struct node *list, size_t limit)
{
    struct spread spread = {.choice = choice};
    struct placement_result *result = choice->result;
    size_t taken = 0, last_rank = 0, kept = 0, ranked = choice->count;
    struct bucket *bucket;

    read_constraints(&spread, list);
    fill_buckets(&spread);
    while (taken < limit && (bucket = find_best_bucket(&spread))) {
        struct placement_cluster *row = bucket->rows[bucket->next++];

        row->why = PLACEMENT_CHOSEN;
        if (row->rank > last_rank)
            last_rank = row->rank;
        count_taken_cluster(&spread, bucket);
        taken++;
    }
    explain_rest(&spread, last_rank, taken == limit);
    for (size_t i = 0; i < ranked; i++)
        if (result->chosen[i]->why == PLACEMENT_CHOSEN)
            result->chosen[kept++] = result->chosen[i];
    for (size_t i = 0; i < spread.constraint_count; i++)
        map_free(&spread.constraints[i].index);
    return taken;
}

void choice_take(struct choice *choice)
{
    struct placement_result *result = choice->result;
    const struct node *number = node_get(choice->spec, "numberOfClusters");
    const struct node *rules = node_at(choice->spec, "spreadPolicy", "spreadConstraints", NULL);
    int64_t requested = node_is(number, NODE_INT) ? number->integer : INT64_MAX;
    size_t limit = requested < 0                         ? 0
                   : (uint64_t)requested < choice->count ? (size_t)requested
                                                         : choice->count;

    if (node_count(rules)) {
        result->chosen_count = take_spread(choice, rules, limit);
    } else {
        for (size_t i = 0; i < choice->count; i++)
            result->chosen[i]->why = i < limit ? PLACEMENT_CHOSEN : PLACEMENT_RANKED_LOW;
        result->chosen_count = limit;
    }
    if (requested != INT64_MAX && requested > (int64_t)result->chosen_count)
        result->unscheduled = (size_t)requested - result->chosen_count;
}
