/* SPDX-License-Identifier: Apache-2.0 */
/* Merges and sums up conditions of manifests and works. */
#include "work/work.h"

#include "base/clock.h"
#include "meta/meta.h"

#include <string.h>

/* Puts a condition in the place of that of its type; the time stays while the status
   does. */
static void merge_condition(struct arena *arena, struct node *list, const struct node *from,
                            int64_t now)
{
    struct node *old = meta_condition_find(list, node_get_text(from, "type"));
    struct node *next = node_share(arena, from);
    const struct node *since = node_get(old, "lastTransitionTime");
    char text[CLOCK_TEXT];

    if (now) {
        clock_format(now, false, text);
        if (old && since && text_same(node_get_text(old, "status"), node_get_text(from, "status")))
            node_set(arena, next, "lastTransitionTime", (struct node *)since);
        else if (old || !node_get(next, "lastTransitionTime"))
            node_set_text(arena, next, "lastTransitionTime", text);
    }
    for (size_t i = 0; i < node_count(list); i++)
        if (list->items[i] == old) {
            list->items[i] = next;
            return;
        }
    node_add(arena, list, next);
}

struct node *work_merge_conditions(struct arena *arena, const struct node *existing,
                                   const struct node *news, int64_t now)
{
    struct node *merged = node_list(arena);

    for (size_t i = 0; i < node_count(existing); i++)
        node_add(arena, merged, node_item(existing, i));
    for (size_t i = 0; i < node_count(news); i++)
        merge_condition(arena, merged, node_item(news, i), now);
    return merged;
}

/* Whether both entries are about the same object, wherever it stands in the spec. */
static bool same_manifest(const struct node *a, const struct node *b)
{
    static const char *const parts[] = {"group",    "version", "kind",
                                        "resource", "name",    "namespace"};
    const struct node *one = node_get(a, "resourceMeta");
    const struct node *two = node_get(b, "resourceMeta");

    for (size_t i = 0; i < count_of(parts); i++)
        if (!text_same(node_get_text(one, parts[i]), node_get_text(two, parts[i])))
            return false;
    return true;
}

struct node *work_merge_manifests(struct arena *arena, const struct node *existing,
                                  const struct node *news, int64_t now)
{
    struct node *merged = node_list(arena);

    for (size_t i = 0; i < node_count(news); i++) {
        struct node *next = node_share(arena, node_item(news, i));
        const struct node *old = NULL;

        for (size_t k = 0; k < node_count(existing) && !old; k++)
            if (same_manifest(node_item(existing, k), next))
                old = node_item(existing, k);
        node_set(arena, next, "conditions",
                 work_merge_conditions(arena, node_get(old, "conditions"),
                                       node_get(next, "conditions"), now));
        node_add(arena, merged, next);
    }
    return merged;
}

bool work_all_in_condition(const char *type, const struct node *manifests, bool *ret_exists)
{
    bool all = true, exists = false;

    for (size_t i = 0; i < node_count(manifests); i++) {
        const struct node *one =
            meta_condition_find(node_get(node_item(manifests, i), "conditions"), type);

        if (!one)
            continue;
        exists = true;
        all = all && text_same(node_get_text(one, "status"), "True");
    }
    if (ret_exists)
        *ret_exists = exists;
    return exists && all;
}

/* The worst status that any manifest has. True is the worst for Progressing and
   Degraded, False for all other types; Unknown comes next. */
static const char *choose_aggregate_status(const char *type, size_t count, const size_t seen[3])
{
    static const char *const names[] = {"True", "False", "Unknown"};
    bool bad_is_true = text_same(type, "Progressing") || text_same(type, "Degraded");
    size_t first = bad_is_true ? 0 : 1;

    if (seen[first])
        return names[first];
    if (seen[2])
        return names[2];
    return names[1 - first];
}

struct node *work_aggregate(struct arena *arena, const char *type, const struct node *manifests,
                            int64_t generation)
{
    size_t seen[3] = {0}, count = 0;
    const struct node *last = NULL;
    struct node *sum = node_map(arena);

    for (size_t i = 0; i < node_count(manifests); i++) {
        const struct node *one =
            meta_condition_find(node_get(node_item(manifests, i), "conditions"), type);
        const char *status = node_get_text(one, "status");

        if (!one)
            continue;
        seen[text_same(status, "True") ? 0 : text_same(status, "False") ? 1 : 2]++;
        last = one;
        count++;
    }
    if (!count)
        return NULL;
    node_set_text(arena, sum, "type", type);
    node_set_text(arena, sum, "status", choose_aggregate_status(type, count, seen));
    node_set_text(arena, sum, "reason", "ConditionRulesAggregated");
    if (count == 1)
        node_set_text(arena, sum, "message", node_get_text(last, "message"));
    else
        node_set(arena, sum, "message",
                 node_format(arena, "Aggregated from %zu manifest conditions", count));
    node_set_int(arena, sum, "observedGeneration", generation);
    return sum;
}
