/* SPDX-License-Identifier: Apache-2.0 */
/* toYaml, fromYaml and their kin, through document's reader and writer. */
#include "document/document.h"
#include "template/function.h"
#include "template/json.h"

#include <math.h>
#include <stdlib.h>

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

/* ---- toYamlPretty: lists stand in from their keys, nothing is folded ---- */

struct pretty {
    struct arena *arena;
    struct text *out;
    bool failed;
};

static void pretty_value(struct pretty *pretty, struct value v, unsigned indent,
                         unsigned depth);

static void add_spaces(struct text *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        text_add_char(out, ' ');
}

/* A scalar as document writes it; the lines of a block moved to `indent`. */
static void pretty_string(struct pretty *pretty, struct str s, unsigned indent)
{
    scoped_text struct text alone = {0};

    document_write_yaml_wide(&alone, node_bytes(pretty->arena, s.at, s.len));
    for (size_t i = 0; i < alone.len; i++) {
        char c = alone.bytes[i];

        if (c == '\n' && i + 1 == alone.len)
            break;
        text_add_char(pretty->out, c);
        /* A block's lines stand two in. */
        if (c == '\n' && i + 2 < alone.len && alone.bytes[i + 1] == ' ') {
            add_spaces(pretty->out, indent);
            i += 2;
        }
    }
}

static void pretty_list(struct pretty *pretty, struct list *list,
                        unsigned indent, unsigned depth)
{
    for (uint32_t i = 0; i < list_len(list) && !pretty->failed; i++) {
        if (i) {
            text_add_char(pretty->out, '\n');
            add_spaces(pretty->out, indent);
        }
        text_add(pretty->out, "- ");
        pretty_value(pretty, list->items[i], indent + 2, depth);
    }
}

static bool is_nested(struct value v)
{
    return (v.kind == KIND_LIST && list_len(v.list)) ||
           (v.kind == KIND_DICT && dict_len(v.dict));
}

/* The keys in document's order and spelling: "key: 3", the number being the
   entry's. */
static void pretty_dict(struct pretty *pretty, struct dict *dict,
                        unsigned indent, unsigned depth)
{
    struct entry *entries = dict_sort(dict);
    struct node *order = node_map(pretty->arena);
    scoped_text struct text keys = {0};
    const char *line, *end;
    bool first = true;

    for (uint32_t i = 0; i < dict->len; i++)
        node_set_int(pretty->arena, order,
                     arena_bytes(pretty->arena, entries[i].key,
                                 entries[i].len),
                     i);
    document_write_yaml_wide(&keys, order);
    for (line = text_string(&keys); *line && !pretty->failed; line = end + 1) {
        const char *digits;
        unsigned long at;

        end = strchrnul(line, '\n');
        for (digits = end; digits > line && digits[-1] != ' ';)
            digits--;
        at = strtoul(digits, NULL, 10);
        if (*end != '\n' || digits < line + 2 || digits[-2] != ':' ||
            at >= dict->len) {
            pretty->failed = true;
            return;
        }
        if (!first) {
            text_add_char(pretty->out, '\n');
            add_spaces(pretty->out, indent);
        }
        first = false;
        text_add_bytes(pretty->out, line, (size_t)(digits - 1 - line));
        if (is_nested(entries[at].value)) {
            text_add_char(pretty->out, '\n');
            add_spaces(pretty->out, indent + 2);
        } else {
            text_add_char(pretty->out, ' ');
        }
        pretty_value(pretty, entries[at].value, indent + 2, depth);
    }
}

static void pretty_value(struct pretty *pretty, struct value v, unsigned indent,
                         unsigned depth)
{
    if (depth > PRINT_DEPTH || pretty->out->len > PRINT_LIMIT) {
        pretty->failed = true;
        return;
    }
    switch (v.kind) {
    case KIND_NIL:
        text_add(pretty->out, "null");
        break;
    case KIND_STRING:
        pretty_string(pretty, value_str(v), indent);
        break;
    case KIND_LIST:
        if (list_len(v.list))
            pretty_list(pretty, v.list, indent, depth + 1);
        else
            text_add(pretty->out, "[]");
        break;
    case KIND_DICT:
        if (dict_len(v.dict))
            pretty_dict(pretty, v.dict, indent, depth + 1);
        else
            text_add(pretty->out, "{}");
        break;
    case KIND_FLOAT:
        if (isfinite(v.number))
            print_float(pretty->out, v.number, 'g', -1);
        else
            text_add(pretty->out, isnan(v.number)  ? ".nan"
                                  : v.number < 0 ? "-.inf"
                                                 : ".inf");
        break;
    default:
        pretty->failed = pretty->failed || !print_value(pretty->out, v);
        break;
    }
}

static bool run_to_yaml_pretty(struct call *call)
{
    scoped_arena struct arena *arena = arena_new();
    struct text out = {0};
    struct pretty pretty = {.arena = arena, .out = &out};

    pretty_value(&pretty, call->args[0], 0, 0);
    if (pretty.failed)
        text_cut(&out, 0);
    return give_text(call, &out);
}

/* ---- Reading ---- */

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
        text_addf(why, "error converting YAML to JSON: %s", err.text);
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
    {"toYamlPretty", "a", 's', run_to_yaml_pretty},
    {"fromYaml", "s", 'd', run_from_yaml},
    {"fromYamlArray", "s", 'l', run_from_yaml_array},
    {0},
};
