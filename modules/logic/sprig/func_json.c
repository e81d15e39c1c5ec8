/* SPDX-License-Identifier: Apache-2.0 */
/* toJson and fromJson in all their kinds. */
#include "sprig/groups.h"

/* Without `must` what cannot be written gives an empty string. */
static bool give_json(struct call *call, enum json_style style, bool strict)
{
    struct text out = call_text(call);
    const char *why;

    if (json_write(&out, call->args[0], style, &why))
        return call_give_text(call, &out);
    text_free(&out);
    if (strict)
        return call_fail(call, "%s", why);
    return call_give_str(call, STR(""));
}

static bool run_to_json(struct call *call)
{
    return give_json(call, JSON_COMPACT, false);
}

static bool run_must_to_json(struct call *call)
{
    return give_json(call, JSON_COMPACT, true);
}

static bool run_to_pretty_json(struct call *call)
{
    return give_json(call, JSON_PRETTY, false);
}

static bool run_must_to_pretty_json(struct call *call)
{
    return give_json(call, JSON_PRETTY, true);
}

static bool run_to_raw_json(struct call *call)
{
    return give_json(call, JSON_RAW, true);
}

/* What a value read costs, as a multiple of its text. */
static bool pay_json_reading(struct call *call, struct str text)
{
    return call_room(call, (uint64_t)text.len * 32) && call_spend(call, (uint64_t)text.len * 16);
}

/* The names of types in encoding/json's errors. */
static const char *json_type(struct value v)
{
    switch (v.kind) {
    case KIND_DICT:
        return "object";
    case KIND_LIST:
        return "array";
    case KIND_STRING:
        return "string";
    case KIND_BOOL:
        return "bool";
    default:
        return "number";
    }
}

/* The sentence of encoding/json for JSON of another type than is wanted. */
static void refuse_json_type(struct text *why, struct value v, const char *type)
{
    text_addf(why, "json: cannot unmarshal %s into Go value of type %s", json_type(v), type);
}

/* Errors are not raised: they become the entry "Error" of the result, as in Helm. */
static bool run_from_json(struct call *call)
{
    scoped_text struct text why = {0};
    struct dict *dict = dict_new(call->heap, ELEMENT_ANY);
    struct value v;

    if (!pay_json_reading(call, call_arg_str(call, 0)))
        return false;
    if (json_read(call->heap, call_arg_str(call, 0), &v, &why) && v.kind == KIND_NIL) {
        dict->nil = true;
        return call_give(call, value_dict(dict));
    }
    if (v.kind == KIND_DICT)
        dict = v.dict;
    else if (!why.len)
        refuse_json_type(&why, v, "map[string]interface {}");
    if (why.len)
        dict_set(dict, STR("Error"), value_of_str(str_take(call->arena, &why)));
    return call_give(call, value_dict(dict));
}

/* Errors become the one item of the result, as in Helm. */
static bool run_from_json_array(struct call *call)
{
    scoped_text struct text why = {0};
    struct list *list = list_new(call->heap, ELEMENT_ANY);
    struct value v;

    if (!pay_json_reading(call, call_arg_str(call, 0)))
        return false;
    if (json_read(call->heap, call_arg_str(call, 0), &v, &why)) {
        if (v.kind == KIND_LIST)
            return call_give(call, v);
        list->nil = v.kind == KIND_NIL;
        if (list->nil)
            return call_give(call, value_list(list));
        refuse_json_type(&why, v, "[]interface {}");
    }
    list_add(list, value_of_str(str_take(call->arena, &why)));
    return call_give(call, value_list(list));
}

static bool run_must_from_json(struct call *call)
{
    scoped_text struct text why = {0};
    struct value v;

    if (!pay_json_reading(call, call_arg_str(call, 0)))
        return false;
    if (!json_read(call->heap, call_arg_str(call, 0), &v, &why))
        return call_fail(call, "%s", text_string(&why));
    return call_give(call, v);
}

const struct function functions_json[] = {
    {"toJson", "a", 's', run_to_json, 24},
    {"mustToJson", "a", 's', run_must_to_json, 24},
    {"toPrettyJson", "a", 's', run_to_pretty_json, 24},
    {"mustToPrettyJson", "a", 's', run_must_to_pretty_json, 24},
    {"toRawJson", "a", 's', run_to_raw_json, 24},
    {"mustToRawJson", "a", 's', run_to_raw_json, 24},
    {"fromJson", "s", 'd', run_from_json, 8},
    {"fromJsonArray", "s", 'l', run_from_json_array, 8},
    {"mustFromJson", "s", 'a', run_must_from_json, 8},
    {0},
};
