/* SPDX-License-Identifier: Apache-2.0 */
/* Sprig's functions on lists. None changes the list it was given. */
#include "sprig/groups.h"
#include "sprig/cast.h"

#include <math.h>

/* The list in an argument, or the words Sprig has for anything else. */
static struct list *list_arg(struct call *call, size_t i, const char *words)
{
    struct value v = call->args[i];

    if (v.kind == KIND_LIST && call_spend(call, list_len(v.list)))
        return v.list;
    if (v.kind == KIND_LIST)
        return NULL;
    if (v.kind == KIND_NIL)
        call_fail(call, "runtime error: invalid memory address or nil pointer "
                        "dereference");
    else
        call_fail(call, "%s %s", words, value_kind(v));
    return NULL;
}

/* A copy of a part, for lists are never changed in place. */
static struct list *list_of(struct call *call, const struct list *from, uint32_t start,
                            uint32_t end)
{
    struct list *list = list_new(call->heap, ELEMENT_ANY);

    if (!call_room(call, (uint64_t)(end - start) * 2 * sizeof(struct value)))
        return NULL;
    for (uint32_t i = start; i < end; i++)
        list_add(list, from->items[i]);
    return list;
}

/* NULL stands for a call that has failed already. */
static bool give_list(struct call *call, struct list *list)
{
    return list && call_room(call, 0) && call_give(call, value_list(list));
}

/* Go's nil slice, which prints as an empty list but is equal to none. */
static bool give_nil_list(struct call *call)
{
    struct list *list = list_new(call->heap, ELEMENT_ANY);

    list->nil = true;
    return call_give(call, value_list(list));
}

static bool run_list(struct call *call)
{
    struct list *list = list_new(call->heap, ELEMENT_ANY);

    for (size_t i = 0; i < call->count; i++)
        list_add(list, call->args[i]);
    return give_list(call, list);
}

static bool run_first(struct call *call)
{
    struct list *list = list_arg(call, 0, "Cannot find first on type");

    return list && call_give(call, list->len ? list->items[0] : value_nil());
}

static bool run_last(struct call *call)
{
    struct list *list = list_arg(call, 0, "Cannot find last on type");

    return list && call_give(call, list->len ? list->items[list->len - 1] : value_nil());
}

static bool run_rest(struct call *call)
{
    struct list *list = list_arg(call, 0, "Cannot find rest on type");

    if (!list)
        return false;
    if (!list->len)
        return give_nil_list(call);
    return give_list(call, list_of(call, list, 1, list->len));
}

static bool run_initial(struct call *call)
{
    struct list *list = list_arg(call, 0, "Cannot find initial on type");

    if (!list)
        return false;
    if (!list->len)
        return give_nil_list(call);
    return give_list(call, list_of(call, list, 0, list->len - 1));
}

static bool run_append(struct call *call)
{
    struct list *list = list_arg(call, 0, "Cannot push on type");

    list = list ? list_of(call, list, 0, list->len) : NULL;
    if (list)
        list_add(list, call->args[1]);
    return give_list(call, list);
}

static bool run_prepend(struct call *call)
{
    struct list *from = list_arg(call, 0, "Cannot prepend on type");
    struct list *list = list_new(call->heap, ELEMENT_ANY);

    if (!from || !call_room(call, (uint64_t)from->len * 32))
        return false;
    list_add(list, call->args[1]);
    for (uint32_t i = 0; i < from->len; i++)
        list_add(list, from->items[i]);
    return give_list(call, list);
}

/* Of nothing but nil and empty lists the result is nil, as append gives in Go. */
static bool run_concat(struct call *call)
{
    struct list *list = list_new(call->heap, ELEMENT_ANY);

    list->nil = true;
    for (size_t i = 0; i < call->count; i++) {
        struct list *from;

        if (call->args[i].kind != KIND_LIST && call->args[i].kind != KIND_NIL)
            return call_fail(call, "Cannot concat type %s as list", value_kind(call->args[i]));
        from = list_arg(call, i, "");
        if (!from || !call_room(call, (uint64_t)from->len * 32))
            return false;
        for (uint32_t j = 0; j < from->len; j++)
            list_add(list, from->items[j]);
        list->nil = list->nil && !from->len;
    }
    return give_list(call, list);
}

static bool run_reverse(struct call *call)
{
    struct list *from = list_arg(call, 0, "Cannot find reverse on type");
    struct list *list = list_new(call->heap, ELEMENT_ANY);

    if (!from || !call_room(call, (uint64_t)from->len * 32))
        return false;
    for (uint32_t i = from->len; i; i--)
        list_add(list, from->items[i - 1]);
    return give_list(call, list);
}

static bool run_compact(struct call *call)
{
    struct list *from = list_arg(call, 0, "Cannot compact on type");
    struct list *list = list_new(call->heap, ELEMENT_ANY);

    if (!from || !call_room(call, (uint64_t)from->len * 32))
        return false;
    for (uint32_t i = 0; i < from->len; i++) {
        if (value_true(from->items[i]))
            list_add(list, from->items[i]);
    }
    return give_list(call, list);
}

/* Is a value among others? Each comparison walks what is alike in both. */
static bool is_in_values(struct call *call, struct value v, const struct value *others,
                         size_t count, bool *ret)
{
    uint64_t left = meter_left(call->heap->meter);
    uint64_t size = value_size(v, left);

    *ret = false;
    if (!call_spend(call, size > left ? size : count * (8 + size / 2)))
        return false;
    for (size_t i = 0; i < count && !*ret; i++)
        *ret = value_same(v, others[i], PRINT_DEPTH);
    return true;
}

static bool run_uniq(struct call *call)
{
    struct list *from = list_arg(call, 0, "Cannot find uniq on type");
    struct list *list = list_new(call->heap, ELEMENT_ANY);

    for (uint32_t i = 0; from && i < from->len; i++) {
        bool seen;

        if (!is_in_values(call, from->items[i], list->items, list->len, &seen))
            return false;
        if (!seen)
            list_add(list, from->items[i]);
    }
    return from && give_list(call, list);
}

static bool run_without(struct call *call)
{
    struct list *from = list_arg(call, 0, "Cannot find without on type");
    struct list *list = list_new(call->heap, ELEMENT_ANY);

    for (uint32_t i = 0; from && i < from->len; i++) {
        bool omit;

        if (!is_in_values(call, from->items[i], call->args + 1, call->count - 1, &omit))
            return false;
        if (!omit)
            list_add(list, from->items[i]);
    }
    return from && give_list(call, list);
}

static bool run_has(struct call *call)
{
    struct list *list;
    bool is;

    if (call->args[1].kind == KIND_NIL)
        return call_give(call, value_bool(false));
    list = list_arg(call, 1, "Cannot find has on type");
    return list && is_in_values(call, call->args[0], list->items, list->len, &is) &&
           call_give(call, value_bool(is));
}

static bool run_list_slice(struct call *call)
{
    struct list *from = list_arg(call, 0, "list should be type of slice or array but");
    struct list *list;
    int64_t start, end;

    if (!from)
        return false;
    if (!from->len)
        return call_give(call, value_nil());
    start = call->count > 1 ? cast_int(call->args[1]) : 0;
    end = call->count > 2 ? cast_int(call->args[2]) : from->len;
    if (start < 0 || end < start || end > (int64_t)from->len + from->spare)
        return call_fail(call, "reflect.Value.Slice: slice index out of bounds");
    if (!call_room(call, (uint64_t)(end - start) * 32))
        return false;
    list = list_new(call->heap, from->element);
    for (int64_t i = start; i < end; i++)
        list_add(list, i < from->len ? from->items[i] : value_nil());
    list->spare = end < from->len ? from->len - (uint32_t)end : 0;
    return give_list(call, list);
}

static bool run_chunk(struct call *call)
{
    int64_t size = call->args[0].integer;
    struct list *from, *list = list_new(call->heap, ELEMENT_LIST);

    if (call->args[1].kind != KIND_LIST && call->args[1].kind != KIND_NIL)
        return call_fail(call, "Cannot chunk type %s", value_kind(call->args[1]));
    from = list_arg(call, 1, "");
    if (!from)
        return false;
    /* The count of pieces that Go works out is 0 then, which is no error. */
    if (size < 0 && from->len > 1 && (int64_t)from->len - 1 <= -size)
        return give_list(call, list);
    if (size <= 0)
        return call_fail(call, "runtime error: makeslice: len out of range");
    for (int64_t i = 0; i < from->len; i += size) {
        int64_t end = size < from->len - i ? i + size : from->len;
        struct list *chunk = list_of(call, from, (uint32_t)i, (uint32_t)end);

        if (!chunk)
            return false;
        list_add(list, value_list(chunk));
    }
    return give_list(call, list);
}

const struct function functions_lists[] = {
    {"list", "a*", 'l', run_list, COST_NONE},
    {"tuple", "a*", 'l', run_list, COST_NONE},
    {"first", "a", 'a', run_first, COST_NONE},
    {"mustFirst", "a", 'a', run_first, COST_NONE},
    {"last", "a", 'a', run_last, COST_NONE},
    {"mustLast", "a", 'a', run_last, COST_NONE},
    {"rest", "a", 'l', run_rest, COST_ITEMS},
    {"mustRest", "a", 'l', run_rest, COST_ITEMS},
    {"initial", "a", 'l', run_initial, COST_ITEMS},
    {"mustInitial", "a", 'l', run_initial, COST_ITEMS},
    {"append", "aa", 'l', run_append, COST_ITEMS},
    {"mustAppend", "aa", 'l', run_append, COST_ITEMS},
    {"push", "aa", 'l', run_append, COST_ITEMS},
    {"mustPush", "aa", 'l', run_append, COST_ITEMS},
    {"prepend", "aa", 'l', run_prepend, COST_ITEMS},
    {"mustPrepend", "aa", 'l', run_prepend, COST_ITEMS},
    {"concat", "a*", 'a', run_concat, COST_ITEMS},
    {"reverse", "a", 'l', run_reverse, COST_ITEMS},
    {"mustReverse", "a", 'l', run_reverse, COST_ITEMS},
    {"compact", "a", 'l', run_compact, COST_ITEMS},
    {"mustCompact", "a", 'l', run_compact, COST_ITEMS},
    {"uniq", "a", 'l', run_uniq, COST_ITEMS},
    {"mustUniq", "a", 'l', run_uniq, COST_ITEMS},
    {"without", "aa*", 'l', run_without, COST_ITEMS},
    {"mustWithout", "aa*", 'l', run_without, COST_ITEMS},
    {"has", "aa", 'b', run_has, COST_ITEMS},
    {"mustHas", "aa", 'b', run_has, COST_ITEMS},
    {"slice", "aa*", 'a', run_list_slice, COST_ITEMS},
    {"mustSlice", "aa*", 'a', run_list_slice, COST_ITEMS},
    {"chunk", "ia", 'C', run_chunk, COST_ITEMS},
    {"mustChunk", "ia", 'C', run_chunk, COST_ITEMS},
    {0},
};
