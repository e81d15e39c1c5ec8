/* SPDX-License-Identifier: Apache-2.0 */
/* Finds, reads and sets the conditions in an object's status. */
#include "meta/meta.h"

#include "base/clock.h"

#include <string.h>

struct node *meta_conditions(const struct node *object)
{
    return node_at(object, "status", "conditions", NULL);
}

struct node *meta_condition_find(const struct node *conditions, const char *type)
{
    for (size_t i = 0; i < node_count(conditions); i++)
        if (!strcmp(node_get_text(node_item(conditions, i), "type"), type))
            return node_item(conditions, i);
    return NULL;
}

struct node *meta_condition(const struct node *object, const char *type)
{
    return meta_condition_find(meta_conditions(object), type);
}

const char *meta_condition_status(const struct node *object, const char *type)
{
    return node_get_text(meta_condition(object, type), "status");
}

bool meta_condition_is_true(const struct node *object, const char *type)
{
    return !strcmp(meta_condition_status(object, type), "True");
}

/*
 * The time of the last change of the condition's status: the stored time if the
 * status is the same as before, otherwise now. Kubernetes' API conventions define
 * lastTransitionTime so.
 */
static const char *find_transition_time(struct arena *arena, const struct node *before,
                                        const struct meta_condition *condition, int64_t now)
{
    const struct node *stored = meta_condition_find(before, condition->type);
    const char *since = node_get_text(stored, "lastTransitionTime");
    char time[CLOCK_TEXT];

    if (*since && !strcmp(node_get_text(stored, "status"), condition->status))
        return since;
    clock_format(now, false, time);
    return arena_string(arena, time);
}

/* Replaces an earlier condition of the same type in its place, so that the order
   of the list does not change. */
static void put_condition(struct arena *arena, struct node *list, struct node *entry)
{
    const char *type = node_get_text(entry, "type");
    size_t at;

    for (at = 0; at < node_count(list); at++)
        if (!strcmp(node_get_text(node_item(list, at), "type"), type)) {
            node_remove_item(list, at);
            break;
        }
    node_insert(arena, list, at, entry);
}

void meta_condition_set(struct arena *arena, struct node *status, const struct node *before,
                        const struct meta_condition *condition, int64_t generation, int64_t now)
{
    struct node *list = node_make_list(arena, status, "conditions");
    struct node *entry = node_map(arena);

    node_set_text(arena, entry, "type", condition->type);
    node_set_text(arena, entry, "status", condition->status);
    node_set_text(arena, entry, "reason", condition->reason);
    node_set_text(arena, entry, "message", condition->message);
    if (generation)
        node_set_int(arena, entry, "observedGeneration", generation);
    node_set_text(arena, entry, "lastTransitionTime",
                  find_transition_time(arena, before, condition, now));
    put_condition(arena, list, entry);
}

struct node *meta_copy_status(struct arena *arena, const struct node *object)
{
    const struct node *status = node_get(object, "status");

    return node_is(status, NODE_MAP) ? node_copy(arena, status) : node_map(arena);
}
