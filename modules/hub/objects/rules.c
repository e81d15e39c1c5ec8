/* SPDX-License-Identifier: Apache-2.0 */
/* Holds the rules that others have put before the writes of a kind. */

#include "objects/rules.h"

#include "objects/keeper.h"

struct rules *rules_new(void)
{
    struct rules *rules = mem_alloc(sizeof(*rules));

    rules->of_kind = map_new();
    return rules;
}

void rules_free(struct rules **pointer)
{
    struct rules *rules = *pointer;
    struct rule *rule;
    size_t at = 0;

    if (!rules)
        return;
    while ((rule = map_next(rules->of_kind, &at, NULL)))
        while (rule) {
            struct rule *next = rule->next;

            mem_free(&rule);
            rule = next;
        }
    map_free(&rules->of_kind);
    mem_free(pointer);
}

const struct rule *rules_of(const struct rules *rules, const struct kind *kind)
{
    return map_get(rules->of_kind, kind->store_kind);
}

/* Rules run in the order in which they were added. */
static void append_rule(struct rules *rules, const struct kind *kind, const struct rule *value)
{
    struct rule *rule = mem_copy(value, sizeof(*value));
    struct rule *last = map_get(rules->of_kind, kind->store_kind);

    if (!last) {
        map_put(rules->of_kind, kind->store_kind, rule);
        return;
    }
    while (last->next)
        last = last->next;
    last->next = rule;
}

void objects_rule(struct objects *objects, const struct kind *kind, const char *subresource,
                  objects_rule_fn *fn, void *arg)
{
    const struct keeper *keeper = &objects->keeper;
    const struct rule rule = {.fn = fn, .arg = arg, .subresource = subresource};

    for (size_t i = 0; i < keeper->table_count; i++)
        if (!kind || keeper->all[i] == table_of(keeper, kind))
            append_rule(objects->rules, keeper->all[i]->kind, &rule);
}
