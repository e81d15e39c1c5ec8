/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, optionals, parseJSON(), and OCM's scores() and hasConditions(). */
#include "cel/internal.h"

#include <string.h>

#define FN(name)                                                                                   \
    static int name(struct cel_run *run, const struct cel_value *args, size_t count,               \
                    struct cel_value *ret)

/* ---- Lists ------------------------------------------------------------- */

/* cel_order() gives 2 for values of two types and for NaN. Such a list has no
   order, so the call fails, as in Kubernetes' lists library. */
FN(fn_is_sorted)
{
    const struct cel_list *list = args[0].list;

    *ret = cel_bool(true);
    if (cel_pay(run, list->len) < 0)
        return -1;
    for (size_t i = 1; i < list->len && ret->boolean; i++) {
        struct cel_value a = cel_item(run->arena, list, i - 1);
        struct cel_value b = cel_item(run->arena, list, i);
        int order = cel_order(&a, &b);

        if (order == 2)
            return cel_fail(run, "no such overload");
        *ret = cel_bool(order <= 0);
    }
    return 0;
}

/* `wanted` is -1 for min() and 1 for max(). Of equal elements the first is returned. */
static int pick_element(struct cel_run *run, const struct cel_list *list, int wanted,
                        const char *name, struct cel_value *ret)
{
    if (!list->len)
        return cel_fail(run, "%s called on empty list", name);
    if (cel_pay(run, list->len) < 0)
        return -1;
    *ret = cel_item(run->arena, list, 0);
    for (size_t i = 1; i < list->len; i++) {
        struct cel_value item = cel_item(run->arena, list, i);
        int order = cel_order(&item, ret);

        if (order == 2)
            return cel_fail(run, "no such overload");
        if (order == wanted)
            *ret = item;
    }
    return 0;
}

FN(fn_min)
{
    return pick_element(run, args[0].list, -1, "min", ret);
}

FN(fn_max)
{
    return pick_element(run, args[0].list, 1, "max", ret);
}

static int add_to_sum(struct cel_run *run, struct cel_value *sum, const struct cel_value *item)
{
    if (sum->type != item->type)
        return cel_fail(run, "no such overload");
    if (sum->type == CEL_DOUBLE)
        sum->number += item->number;
    else if (sum->type == CEL_UINT
                 ? __builtin_add_overflow(sum->natural, item->natural, &sum->natural)
                 : __builtin_add_overflow(sum->integer, item->integer, &sum->integer))
        return cel_fail(run, "return error for overflow");
    return 0;
}

/* The sum of an empty list is the int 0, because no element says which type is meant. */
FN(fn_sum)
{
    const struct cel_list *list = args[0].list;

    *ret = cel_int(0);
    if (cel_pay(run, list->len) < 0)
        return -1;
    for (size_t i = 0; i < list->len; i++) {
        struct cel_value item = cel_item(run->arena, list, i);

        if (item.type != CEL_INT && item.type != CEL_UINT && item.type != CEL_DOUBLE &&
            item.type != CEL_DURATION)
            return cel_fail(run, "no such overload");
        if (i == 0)
            *ret = item;
        else if (add_to_sum(run, ret, &item) < 0)
            return -1;
    }
    return 0;
}

/*
 * Gives -1 if there is no such item. Each comparison may walk all of the value
 * that is searched for, so the price is the length of the list times that value's
 * weight.
 */
static int find_item(struct cel_run *run, const struct cel_value *args, bool last,
                     struct cel_value *ret)
{
    const struct cel_list *list = args[0].list;

    *ret = cel_int(-1);
    if (cel_pay(run, list->len * cel_weight(&args[1], run->limit)) < 0)
        return -1;
    for (size_t i = 0; i < list->len; i++) {
        struct cel_value item = cel_item(run->arena, list, i);

        if (!cel_same(run->arena, &item, &args[1]))
            continue;
        *ret = cel_int((int64_t)i);
        if (!last)
            break;
    }
    return 0;
}

FN(fn_index_of)
{
    return find_item(run, args, false, ret);
}

FN(fn_last_index_of)
{
    return find_item(run, args, true, ret);
}

/* ---- Optionals --------------------------------------------------------- */

FN(fn_optional_of)
{
    *ret = cel_some(run->arena, &args[0]);
    return 0;
}

FN(fn_optional_none)
{
    *ret = cel_some(run->arena, NULL);
    return 0;
}

/* The zero values of optional.ofNonZeroValue(). An int, uint or duration is zero
   if all its 64 bits are, which `natural` shows for each of them. */
static bool is_zero_value(const struct cel_value *value)
{
    switch (value->type) {
    case CEL_NULL:
        return true;
    case CEL_BOOL:
        return !value->boolean;
    case CEL_INT:
    case CEL_UINT:
    case CEL_DURATION:
        return value->natural == 0;
    case CEL_DOUBLE:
        return value->number == 0;
    case CEL_STRING:
    case CEL_BYTES:
        return value->len == 0;
    case CEL_LIST:
        return value->list->len == 0;
    case CEL_MAP:
        return value->map->len == 0;
    default:
        return false;
    }
}

FN(fn_optional_of_non_zero)
{
    *ret = cel_some(run->arena, is_zero_value(&args[0]) ? NULL : &args[0]);
    return 0;
}

FN(fn_has_value)
{
    *ret = cel_bool(args[0].inner != NULL);
    return 0;
}

FN(fn_value)
{
    if (!args[0].inner)
        return cel_fail(run, "optional.none() dereference");
    *ret = *args[0].inner;
    return 0;
}

FN(fn_or)
{
    *ret = args[0].inner ? args[0] : args[1];
    return 0;
}

FN(fn_or_value)
{
    *ret = args[0].inner ? *args[0].inner : args[1];
    return 0;
}

/* ---- Documents --------------------------------------------------------- */

FN(fn_parse_json)
{
    struct err err;
    struct node *node;

    if (cel_pay_bytes(run, args[0].len) < 0)
        return -1;
    node = document_read_json(run->arena, args[0].bytes, args[0].len, &document_limits_api, &err);
    if (!node)
        return cel_fail(run, "failed to parse JSON: %s", err.text);
    *ret = cel_from_node(run->arena, node);
    return 0;
}

/* OCM's function for the CEL selectors of Placements. Only a caller that can read
   AddOnPlacementScores supplies the callback. */
FN(fn_scores)
{
    const struct node *cluster = args[0].type == CEL_MAP ? args[0].map->node : NULL;
    const struct node *scores;

    if (!run->input->scores)
        return cel_fail(run, "scores() is not available here");
    scores = run->input->scores(run->input->scores_arg, cluster, args[1].bytes);
    if (!scores)
        return cel_fail(run,
                        "failed to get score: addonplacementscore \"%s\" not "
                        "found",
                        args[1].bytes);
    *ret = cel_from_node(run->arena, scores);
    return 0;
}

/* OCM's function for condition rules of ManifestWorks: true if a status has at
   least one condition. */
FN(fn_has_conditions)
{
    struct cel_value key = cel_string(run->arena, "conditions", 10), found;

    *ret = cel_bool(args[0].type == CEL_MAP && cel_find(run->arena, args[0].map, &key, &found) &&
                    found.type == CEL_LIST && found.list->len > 0);
    return 0;
}

static const struct cel_overload collections[] = {
    {"isSorted", "l.", 'b', fn_is_sorted},
    {"sum", "l.", 'd', fn_sum},
    {"min", "l.", 'd', fn_min},
    {"max", "l.", 'd', fn_max},
    {"indexOf", "l.d", 'i', fn_index_of},
    {"lastIndexOf", "l.d", 'i', fn_last_index_of},
    {"optional.of", "d", 'o', fn_optional_of},
    {"optional.none", "", 'o', fn_optional_none},
    {"optional.ofNonZeroValue", "d", 'o', fn_optional_of_non_zero},
    {"hasValue", "o.", 'b', fn_has_value},
    {"value", "o.", 'd', fn_value},
    {"or", "o.o", 'o', fn_or},
    {"orValue", "o.d", 'd', fn_or_value},
    {"parseJSON", "s.", 'd', fn_parse_json},
    {"parseJSON", "s", 'd', fn_parse_json},
    {"scores", "d.s", 'l', fn_scores},
    {"hasConditions", "d", 'b', fn_has_conditions},
};
const struct cel_table cel_collections = {collections, count_of(collections)};
