/* SPDX-License-Identifier: Apache-2.0 */
/* toYaml, fromYaml and their kin, through document's reader and writer. */
#include "document/document.h"
#include "template/function.h"
#include "template/json.h"

#include <math.h>

/* What JSON cannot say, YAML by way of JSON cannot either. */
static bool sayable(struct value v, unsigned depth)
{
    if (!depth || v.kind == KIND_COMPLEX ||
        (v.kind == KIND_FLOAT && !isfinite(v.number)))
        return false;
    for (uint32_t i = 0; v.kind == KIND_LIST && i < list_len(v.list); i++) {
        if (!sayable(v.list->items[i], depth - 1))
            return false;
    }
    for (uint32_t i = 0; v.kind == KIND_DICT && i < dict_len(v.dict); i++) {
        if (!sayable(v.dict->entries[i].value, depth - 1))
            return false;
    }
    return true;
}

/* Nothing but an empty string when it cannot be written, as in Helm. */
static bool run_to_yaml(struct call *call)
{
    scoped_arena struct arena *arena = arena_new();
    struct text out = {0};
    struct node *node;

    if (!sayable(call->args[0], PRINT_DEPTH))
        return give_str(call, STR(""));
    node = value_to_node(arena, call->args[0], PRINT_DEPTH);
    if (!node || !call_room(call, arena_used(arena)))
        return node ? false : give_str(call, STR(""));
    document_write_yaml(&out, node);
    if (out.len && out.bytes[out.len - 1] == '\n')
        text_cut(&out, out.len - 1);
    return give_text(call, &out);
}

/* NULL with Helm's sentence in `why`. */
static const struct node *read_yaml(struct call *call, struct text *why)
{
    struct document_limits limits = document_limits_own;
    struct str s = arg_str(call, 0);
    const struct node *node;
    struct err err = {0};

    limits.bytes = 16 * 1024 * 1024;
    limits.depth = 200;
    limits.nodes = 4096 + s.len;
    limits.duplicates = true;
    node = document_read_yaml(call->arena, s.at, s.len, false, &limits, &err);
    if (!node)
        text_addf(why, "error converting YAML to JSON: yaml: %s", err.text);
    return node;
}

static bool can_read(struct call *call)
{
    uint64_t len = call->args[0].len;

    return call_room(call, len * 100) && call_spend(call, len * 64);
}

static void wrong_type(struct text *why, const struct node *node,
                       const char *type)
{
    text_addf(why,
              "error unmarshaling JSON: while decoding JSON: json: cannot "
              "unmarshal %s into Go value of type %s",
              node_is(node, NODE_BOOL) ? "bool"
              : node_is(node, NODE_INT)
                  ? "number"
                  : node_type_name(node->type),
              type);
}

/* Numbers read in a template are float64, whatever those of the data are. */
static struct space *float_space(struct call *call)
{
    struct space *space = arena_alloc(call->arena, sizeof *space);

    *space = (struct space){call->arena, TEMPLATE_FLOAT64};
    return space;
}

static bool run_from_yaml(struct call *call)
{
    struct dict *dict = dict_new(call->space, ELEMENT_ANY);
    scoped_text struct text why = {0};
    const struct node *node;

    if (!can_read(call))
        return false;
    node = read_yaml(call, &why);
    if (node_is(node, NODE_MAP))
        return give(call, value_from_node(float_space(call), node));
    if (node && !node_is(node, NODE_NULL))
        wrong_type(&why, node, "map[string]interface {}");
    if (why.len)
        dict_set(dict, STR("Error"),
                 value_of_str(str_take(call->arena, &why)));
    return give(call, value_dict(dict));
}

static bool run_from_yaml_array(struct call *call)
{
    struct list *list = list_new(call->space, ELEMENT_ANY);
    scoped_text struct text why = {0};
    const struct node *node;

    if (!can_read(call))
        return false;
    node = read_yaml(call, &why);
    if (node_is(node, NODE_LIST))
        return give(call, value_from_node(float_space(call), node));
    if (node && !node_is(node, NODE_NULL))
        wrong_type(&why, node, "[]interface {}");
    if (why.len)
        list_add(list, value_of_str(str_take(call->arena, &why)));
    return give(call, value_list(list));
}

const struct function functions_yaml[] = {
    {"toYaml", "a", 's', run_to_yaml},
    {"fromYaml", "s", 'd', run_from_yaml},
    {"fromYamlArray", "s", 'l', run_from_yaml_array},
    {0},
};
