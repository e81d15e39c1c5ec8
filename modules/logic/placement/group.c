/* SPDX-License-Identifier: Apache-2.0 */
/* Divides the chosen clusters into decision groups and PlacementDecisions. */
#include "placement/world.h"

#include <stdlib.h>
#include <string.h>

#define MOST_PER_DECISION 100

struct grouping {
    struct choice *choice;
    struct placement_cluster **left; /* not in a group yet, by name */
    size_t left_count;
    size_t most; /* per group */
};

static int compare_rows(const void *a, const void *b)
{
    const struct placement_cluster *one = *(struct placement_cluster *const *)a;
    const struct placement_cluster *two = *(struct placement_cluster *const *)b;

    return one < two ? -1 : one > two; /* rows stand in name order */
}

/* clustersPerDecisionGroup: a number or "N%", rounded up; else all of them. */
static int read_group_size(struct grouping *grouping, size_t total)
{
    struct choice *choice = grouping->choice;
    const struct node *size = node_at(choice->spec, "decisionStrategy", "groupStrategy",
                                      "clustersPerDecisionGroup", NULL);
    int64_t most = (int64_t)total;
    struct err err;

    if (size && percent_scale(size, (int64_t)total, true, &most, &err) < 0)
        return choice_complain(choice, PLACEMENT_MISCONFIGURED, "DecisionStrategy", "%s", err.text);
    if (most <= 0 || most > (int64_t)total)
        most = (int64_t)total;
    grouping->most = (size_t)most;
    return 0;
}

/* Adds one PlacementDecision; they are numbered over all groups. */
static void add_decision(struct grouping *grouping, struct placement_cluster **rows, size_t count)
{
    struct choice *choice = grouping->choice;
    struct placement_result *result = choice->result;
    struct placement_decision *decision = &result->decisions[result->decision_count++];

    decision->name =
        arena_printf(choice->arena, "%s-decision-%zu", choice->name, result->decision_count);
    decision->group = result->group_count;
    decision->clusters = arena_alloc(choice->arena, (count + 1) * sizeof *decision->clusters);
    for (size_t i = 0; i < count; i++)
        decision->clusters[i] = rows[i];
    decision->count = count;
}

/* Adds one group, with a PlacementDecision for each 100 clusters. An empty group has one
   too, by which its readers see that it was decided. */
static void add_decision_group(struct grouping *grouping, const char *name,
                               struct placement_cluster **rows, size_t count)
{
    struct placement_result *result = grouping->choice->result;
    struct placement_group *group = &result->groups[result->group_count];
    size_t done = 0;

    *group = (struct placement_group){name, result->decision_count, 0, count};
    do {
        size_t part = count - done < MOST_PER_DECISION ? count - done : MOST_PER_DECISION;

        add_decision(grouping, rows + done, part);
        done += part;
    } while (done < count);
    group->decisions = result->decision_count - group->first;
    result->group_count++;
}

/* Cuts a list of clusters into groups of at most clustersPerDecisionGroup. */
static void add_decision_groups(struct grouping *grouping, const char *name,
                                struct placement_cluster **rows, size_t count)
{
    for (size_t done = 0; done < count; done += grouping->most)
        add_decision_group(grouping, name, rows + done,
                           count - done < grouping->most ? count - done : grouping->most);
}

/* Makes groups of the clusters that a decisionGroup selects; the others stay in `left`
   for the groups after it. */
static int group_selected_clusters(struct grouping *grouping, const struct node *node)
{
    struct choice *choice = grouping->choice;
    const struct node *requested = node_get(node, "groupClusterSelector");
    struct selector *labels, *claims;
    struct placement_cluster **rows =
        arena_alloc(choice->arena, (grouping->left_count + 1) * sizeof *rows);
    size_t count = 0, kept = 0;
    struct err err;

    if (choice_selector(choice, node_get(requested, "labelSelector"), &labels, &err) < 0 ||
        choice_selector(choice, node_get(requested, "claimSelector"), &claims, &err) < 0)
        return choice_complain(choice, PLACEMENT_MISCONFIGURED, "DecisionStrategy", "%s", err.text);
    for (size_t i = 0; i < grouping->left_count; i++) {
        struct placement_cluster *row = grouping->left[i];
        const struct seat *seat = choice->world->clusters[row - choice->result->clusters];

        if ((!labels || selector_matches_labels(labels, seat->labels)) &&
            (!claims || selector_matches_labels(claims, seat->claims)))
            rows[count++] = row;
        else
            grouping->left[kept++] = row;
    }
    grouping->left_count = kept;
    add_decision_groups(grouping, node_get_text(node, "groupName"), rows, count);
    return 0;
}

int choice_group(struct choice *choice)
{
    struct placement_result *result = choice->result;
    const struct node *list =
        node_at(choice->spec, "decisionStrategy", "groupStrategy", "decisionGroups", NULL);
    size_t total = result->chosen_count, most = total + 1;
    struct grouping grouping = {.choice = choice, .left_count = total};

    result->group_count = result->decision_count = 0;
    result->groups = arena_alloc(choice->arena, most * sizeof *result->groups);
    result->decisions = arena_alloc(choice->arena, most * sizeof *result->decisions);
    grouping.left = arena_alloc(choice->arena, most * sizeof *grouping.left);
    if (total)
        memcpy(grouping.left, result->chosen, total * sizeof *grouping.left);
    if (total)
        qsort(grouping.left, total, sizeof *grouping.left, compare_rows);
    if (total && read_group_size(&grouping, total) < 0)
        return -1;
    for (size_t i = 0; i < node_count(list); i++)
        if (total && group_selected_clusters(&grouping, node_item(list, i)) < 0)
            return -1;
    add_decision_groups(&grouping, "", grouping.left, grouping.left_count);
    if (!result->group_count)
        add_decision_group(&grouping, "", grouping.left, 0);
    return 0;
}
