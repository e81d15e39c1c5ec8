/* SPDX-License-Identifier: Apache-2.0 */
/* Sprig's functions on dicts; set, unset and merge change what they are given. */
#include "sprig/groups.h"

/* The key of an entry, which may hold NULs. */
static struct str entry_key(const struct dict_entry *entry)
{
    return (struct str){entry->key, entry->len};
}

/* A dict that was paid for while it was made. */
static bool give_dict(struct call *call, struct dict *dict)
{
    return call_room(call, 0) && call_give(call, value_dict(dict));
}

static bool run_dict(struct call *call)
{
    struct dict *dict = dict_new(call->heap, ELEMENT_ANY);

    for (size_t i = 0; i < call->count; i += 2) {
        struct str key;

        if (!call_string(call, call->args[i], &key))
            return false;
        dict_set(dict, key, i + 1 < call->count ? call->args[i + 1] : value_string("", 0));
    }
    return give_dict(call, dict);
}

static bool run_get(struct call *call)
{
    struct value *found = dict_get(call->args[0].dict, call_arg_str(call, 1));

    return call_give(call, found ? *found : value_string("", 0));
}

static bool run_dict_set(struct call *call)
{
    struct dict *dict = call->args[0].dict;

    if (dict->nil)
        return call_fail(call, "assignment to entry in nil map");
    dict_set(dict, call_arg_str(call, 1), call->args[2]);
    return give_dict(call, dict);
}

static bool run_unset(struct call *call)
{
    struct dict *dict = call->args[0].dict;

    dict_remove(dict, call_arg_str(call, 1));
    return give_dict(call, dict);
}

static bool run_has_key(struct call *call)
{
    return call_give(call, value_bool(dict_get(call->args[0].dict, call_arg_str(call, 1))));
}

static bool run_pluck(struct call *call)
{
    struct list *list = list_new(call->heap, ELEMENT_ANY);

    for (size_t i = 1; i < call->count; i++) {
        struct value *found = dict_get(call->args[i].dict, call_arg_str(call, 0));

        if (found)
            list_add(list, *found);
    }
    return call_give(call, value_list(list));
}

/* Go gives them in no order at all; here they are sorted. */
static bool run_keys(struct call *call)
{
    struct list *list = list_new(call->heap, ELEMENT_STRING);

    for (size_t i = 0; i < call->count; i++) {
        struct dict *dict = call->args[i].dict;
        struct dict_entry *entries = dict_sort(dict);

        if (!call_room(call, (uint64_t)dict->len * 32))
            return false;
        for (uint32_t j = 0; j < dict->len; j++)
            list_add(list, value_of_str(entry_key(&entries[j])));
    }
    return call_give(call, value_list(list));
}

static bool run_values(struct call *call)
{
    struct dict *dict = call->args[0].dict;
    struct list *list = list_new(call->heap, ELEMENT_ANY);
    struct dict_entry *entries = dict_sort(dict);

    if (!call_room(call, (uint64_t)dict->len * 32))
        return false;
    for (uint32_t i = 0; i < dict->len; i++)
        list_add(list, entries[i].value);
    return call_give(call, value_list(list));
}

static bool run_pick(struct call *call)
{
    struct dict *dict = dict_new(call->heap, ELEMENT_ANY);

    for (size_t i = 1; i < call->count; i++) {
        struct value *found = dict_get(call->args[0].dict, call_arg_str(call, i));

        if (found)
            dict_set(dict, call_arg_str(call, i), *found);
    }
    return give_dict(call, dict);
}

static bool run_omit(struct call *call)
{
    struct dict *from = call->args[0].dict;
    struct dict *dict = dict_new(call->heap, ELEMENT_ANY);

    if (!call_spend(call, (uint64_t)dict_len(from) * 16 * call->count))
        return false;
    for (uint32_t i = 0; i < from->len; i++) {
        struct dict_entry *entry = &from->entries[i];
        bool omit = false;

        for (size_t j = 1; j < call->count && !omit; j++)
            omit = str_same(entry_key(entry), call_arg_str(call, j));
        if (!omit)
            dict_set(dict, entry_key(entry), entry->value);
    }
    return give_dict(call, dict);
}

/* ---- Merging ---- */

/* Merges one entry, as the Go library mergo does. */
static bool merge_entry(struct call *call, struct dict *into, const struct dict_entry *from,
                        bool overwrite, unsigned depth);

/* Goes into dicts that both have; anything else is taken whole. The depth is bounded because a
   dict may hold itself. */
static bool merge_dicts(struct call *call, struct dict *into, struct dict *from, bool overwrite,
                        unsigned depth)
{
    struct dict_entry *copy;
    uint32_t len = dict_len(from);

    if (!depth)
        return call_fail(call, "dicts are nested too deep to merge");
    if (!call_spend(call, (uint64_t)len * 160) || into == from)
        return into == from;
    if (!len)
        return true;
    if (!call_room(call, (uint64_t)len * sizeof *copy))
        return false;
    /* `into` may hold `from`, or be held by it. */
    copy = arena_alloc(call->arena, len * sizeof *copy);
    memcpy(copy, dict_sort(from), len * sizeof *copy);
    into->nil = false;
    for (uint32_t i = 0; i < len; i++) {
        if (!merge_entry(call, into, &copy[i], overwrite, depth - 1))
            return false;
    }
    return true;
}

static bool merge_entry(struct call *call, struct dict *into, const struct dict_entry *from,
                        bool overwrite, unsigned depth)
{
    struct str key = entry_key(from);
    struct value *old = dict_find(into, key, from->hash);

    if (from->value.kind == KIND_NIL) {
        if (overwrite)
            dict_set(into, key, from->value);
        return true;
    }
    if (from->value.kind == KIND_DICT && old && old->kind == KIND_DICT) {
        if (!merge_dicts(call, old->dict, from->value.dict, overwrite, depth))
            return false;
        old = dict_find(into, key, from->hash);
        if (value_true(*old))
            return true;
    }
    if (overwrite || !old || !value_true(*old))
        dict_set(into, key, from->value);
    return true;
}

/* The first argument is changed and given back, as mergo does. */
static bool merge_arguments(struct call *call, bool overwrite)
{
    for (size_t i = 1; i < call->count; i++) {
        if (!merge_dicts(call, call->args[0].dict, call->args[i].dict, overwrite, PRINT_DEPTH))
            return false;
    }
    return give_dict(call, call->args[0].dict);
}

static bool run_merge(struct call *call)
{
    return merge_arguments(call, false);
}

static bool run_merge_overwrite(struct call *call)
{
    return merge_arguments(call, true);
}

/* ---- Digging and copying ---- */

static bool not_converted(struct call *call, struct value v, const char *type)
{
    return call_fail(call, "interface conversion: interface {} is %s, not %s",
                     v.kind == KIND_NIL ? "nil" : value_type(v), type);
}

static bool is_map(struct value v)
{
    return v.kind == KIND_DICT && v.dict->element == ELEMENT_ANY;
}

static bool run_dig(struct call *call)
{
    static const char map_type[] = "map[string]interface {}";
    size_t keys = call->count - 2;
    struct value v;

    if (call->count < 3)
        return call_fail(call, "dig needs at least three arguments");
    v = call->args[call->count - 1];
    if (!is_map(v))
        return not_converted(call, v, map_type);
    for (size_t i = 0; i < keys; i++) {
        if (call->args[i].kind != KIND_STRING)
            return not_converted(call, call->args[i], "string");
    }
    for (size_t i = 0; i < keys; i++) {
        struct value *found;

        if (!is_map(v))
            return not_converted(call, v, map_type);
        found = dict_get(v.dict, call_arg_str(call, i));
        if (!found)
            return call_give(call, call->args[call->count - 2]);
        v = *found;
    }
    return call_give(call, v);
}

/* False when it is nested too deep or there is no memory for it. */
static bool deep_copy(struct call *call, struct value *v, unsigned depth)
{
    if (v->kind != KIND_LIST && v->kind != KIND_DICT)
        return true;
    if (!depth)
        return call_fail(call, "the value is nested too deep to copy");
    if (v->kind == KIND_LIST) {
        struct list *from = v->list;
        uint32_t len = list_len(from);
        struct list *list = list_new(call->heap, from->element);

        if (!call_spend(call, (uint64_t)len * 64))
            return false;
        list->nil = from->nil;
        for (uint32_t i = 0; i < len; i++) {
            struct value item = from->items[i];

            if (!deep_copy(call, &item, depth - 1))
                return false;
            list_add(list, item);
        }
        v->list = list;
    } else {
        struct dict *from = v->dict;
        uint32_t len = dict_len(from);
        struct dict *dict = dict_new(call->heap, from->element);

        if (!call_spend(call, (uint64_t)len * 64))
            return false;
        dict->nil = from->nil;
        for (uint32_t i = 0; i < len; i++) {
            struct value item = from->entries[i].value;

            if (!deep_copy(call, &item, depth - 1))
                return false;
            dict_set(dict, entry_key(&from->entries[i]), item);
        }
        v->dict = dict;
    }
    return true;
}

static bool run_deep_copy(struct call *call)
{
    struct value v = call->args[0];

    if (v.kind == KIND_NIL)
        return call_fail(call, "reflect: call of reflect.Value.Type on zero Value");
    return deep_copy(call, &v, PRINT_DEPTH) && call_give(call, v);
}

const struct function functions_dicts[] = {
    {"dict", "a*", 'd', run_dict, COST_FLAT},
    {"get", "ds", 'a', run_get, COST_FLAT},
    {"set", "dsa", 'd', run_dict_set, COST_FLAT},
    {"unset", "ds", 'd', run_unset, COST_FLAT},
    {"hasKey", "ds", 'b', run_has_key, COST_FLAT},
    {"pluck", "sd*", 'l', run_pluck, COST_FLAT},
    {"keys", "d*", 'L', run_keys, COST_ITEMS},
    {"values", "d", 'l', run_values, COST_ITEMS},
    {"pick", "ds*", 'd', run_pick, COST_FLAT},
    {"omit", "ds*", 'd', run_omit, COST_FLAT},
    {"merge", "dd*", 'a', run_merge, 4},
    {"mustMerge", "dd*", 'a', run_merge, 4},
    {"mergeOverwrite", "dd*", 'a', run_merge_overwrite, 4},
    {"mustMergeOverwrite", "dd*", 'a', run_merge_overwrite, 4},
    {"dig", "a*", 'a', run_dig, COST_FLAT},
    {"deepCopy", "a", 'a', run_deep_copy, 8},
    {"mustDeepCopy", "a", 'a', run_deep_copy, 8},
    {0},
};
