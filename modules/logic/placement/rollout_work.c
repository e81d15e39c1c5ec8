/* SPDX-License-Identifier: Apache-2.0 */
/* Reads rollout groups from decisions, and a work's rollout status. */
#include "placement/world.h"

#include "base/clock.h"
#include "meta/meta.h"

#include <stdlib.h>
#include <string.h>

/* ---- Groups ------------------------------------------------------------ */

struct loose_group {
    const char *name;
    int64_t index;
    const char **clusters;
    size_t count;
};

/* Finds the group that a PlacementDecision belongs to by its labels, or begins a new
   one. A group of more than 100 clusters has several PlacementDecisions. */
static struct loose_group *find_loose_group(struct loose_group *all, size_t *count,
                                            const struct node *decision)
{
    const struct node *labels = node_at(decision, "metadata", "labels", NULL);
    const char *name = node_get_text(labels, META_LABEL_DECISION_GROUP_NAME);
    long long index = 0;

    (void)text_to_int(node_get_text(labels, META_LABEL_DECISION_GROUP_INDEX), &index);
    for (size_t i = 0; i < *count; i++)
        if (all[i].index == index && text_same(all[i].name, name))
            return &all[i];
    all[*count] = (struct loose_group){.name = name, .index = index};
    return &all[(*count)++];
}

void placement_rollout_groups(struct arena *arena, const struct node *decisions,
                              struct placement_rollout_group **ret, size_t *ret_count)
{
    size_t count = 0, most = node_count(decisions);
    struct loose_group *all = arena_alloc(arena, (most + 1) * sizeof *all);
    struct placement_rollout_group *groups = arena_alloc(arena, (most + 1) * sizeof *groups);

    for (size_t i = 0; i < most; i++) {
        const struct node *decision = node_item(decisions, i);
        const struct node *list = node_at(decision, "status", "decisions", NULL);
        struct loose_group *into = find_loose_group(all, &count, decision);
        const char **names =
            arena_alloc(arena, (into->count + node_count(list) + 1) * sizeof *names);

        if (into->count)
            memcpy(names, into->clusters, into->count * sizeof *names);
        for (size_t k = 0; k < node_count(list); k++)
            names[into->count++] = node_get_text(node_item(list, k), "clusterName");
        into->clusters = names;
    }
    for (size_t i = 0; i < count; i++)
        groups[i] = (struct placement_rollout_group){all[i].name, all[i].index, all[i].clusters,
                                                     all[i].count};
    *ret = groups;
    *ret_count = count;
}

/* ---- The status of one work -------------------------------------------- */

static bool is_of_generation(const struct node *one, int64_t generation)
{
    return node_get_int(one, "observedGeneration", 0) == generation;
}

static bool status_is_true(const struct node *one)
{
    return text_same(node_get_text(one, "status"), "True");
}

bool placement_rollout_is_to_apply(int64_t generation, const struct node *conditions)
{
    const struct node *applied = meta_condition_find(conditions, "Applied");
    const struct node *progressing = meta_condition_find(conditions, "Progressing");
    const struct node *degraded = meta_condition_find(conditions, "Degraded");

    if (!status_is_true(applied) || !is_of_generation(applied, generation))
        return true;
    if (!progressing || !is_of_generation(progressing, generation))
        return true;
    return degraded && !is_of_generation(degraded, generation);
}

/* When the condition got its status; 0: not known. */
static int64_t read_transition_time(const struct node *one)
{
    int64_t at = 0;

    return clock_parse(node_get_text(one, "lastTransitionTime"), &at) ? at : 0;
}

enum placement_rollout_status placement_rollout_of_work(const struct node *work, int64_t *ret_since)
{
    const struct node *conditions = meta_conditions(work);
    const struct node *progressing = meta_condition_find(conditions, "Progressing");
    const struct node *degraded = meta_condition_find(conditions, "Degraded");

    *ret_since = 0;
    if (placement_rollout_is_to_apply(meta_generation(work), conditions))
        return ROLLOUT_TO_APPLY;
    *ret_since = read_transition_time(progressing);
    if (text_same(node_get_text(progressing, "status"), "False"))
        return ROLLOUT_SUCCEEDED;
    if (status_is_true(progressing) && status_is_true(degraded)) {
        *ret_since = read_transition_time(degraded);
        return ROLLOUT_FAILED;
    }
    return ROLLOUT_PROGRESSING;
}
