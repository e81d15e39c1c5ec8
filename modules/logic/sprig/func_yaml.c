/* SPDX-License-Identifier: Apache-2.0 */
/* toYaml, fromYaml and their kin, through document's reader and writer. */
#include "document/document.h"
#include "sprig/groups.h"

#include <math.h>
#include <stdlib.h>

/*
 * toYaml goes by way of JSON, which go-yaml then reads as YAML. So characters
 * that are fine in JSON and not in YAML make the whole fail, U+0085 is a line
 * break there, and a key must end within 1,024 characters on its line.
 */
struct detour {
    struct arena *arena;
    bool failed;
};

/* Characters that go-yaml's reader does not allow in a text. */
static bool is_refused_rune(unsigned rune)
{
    return rune == 0x7f || (rune >= 0x80 && rune < 0xa0 && rune != 0x85) || rune == 0xfffe ||
           rune == 0xffff;
}

/* How many characters JSON needs for it. */
static size_t json_width(unsigned rune)
{
    if (rune == '"' || rune == '\\' || rune == '\n' || rune == '\r' || rune == '\t' ||
        rune == '\b' || rune == '\f')
        return 2;
    return rune < 0x20 || rune == '<' || rune == '>' || rune == '&' || rune == 0x2028 ||
                   rune == 0x2029 || rune == 0xfffd
               ? 6
               : 1;
}

/* A break that YAML folds: one is a space, of more each after the first stays;
   spaces around them go. Returns the first byte behind. */
static size_t fold_break(struct text *out, struct str s, size_t at)
{
    size_t breaks = 0;

    while (out->len && out->bytes[out->len - 1] == ' ')
        text_cut(out, out->len - 1);
    for (;;) {
        if (at + 1 < s.len && memcmp(s.at + at, "\xc2\x85", 2) == 0) {
            breaks++;
            at += 2;
        } else if (at < s.len && s.at[at] == ' ') {
            at++;
        } else {
            break;
        }
    }
    if (breaks == 1)
        text_add_char(out, ' ');
    while (--breaks)
        text_add_char(out, '\n');
    return at;
}

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.at[i] >= 0x7f)
            return false;
    }
    return true;
}

/* A string as it comes out of JSON and YAML; almost all are ASCII and stay as they are. */
static struct str detour_string(struct detour *detour, struct str s, bool key)
{
    scoped_text struct text out = {0};
    size_t width = 0;

    if (is_ascii(s) && (!key || s.len <= 170))
        return s;
    for (size_t at = 0; at < s.len && !detour->failed;) {
        unsigned rune = 0;
        size_t len = text_utf8_next((const unsigned char *)s.at + at, s.len - at, &rune);

        if (rune == 0x85 && len) {
            detour->failed |= key;
            at = fold_break(&out, s, at);
            continue;
        }
        if (len)
            text_add_bytes(&out, s.at + at, len);
        else
            text_add(&out, "\xef\xbf\xbd");
        detour->failed |= len && is_refused_rune(rune);
        width += len ? json_width(rune) : 6;
        at += len ? len : 1;
    }
    if (key && width > 1022)
        detour->failed = true;
    return str_take(detour->arena, &out);
}

static struct node *detour_node(struct detour *detour, struct value v, unsigned depth);

/* Each item goes the same way. */
static struct node *detour_list(struct detour *detour, struct list *list, unsigned depth)
{
    struct node *node = node_list(detour->arena);

    for (uint32_t i = 0; i < list_len(list) && !detour->failed; i++)
        node_add(detour->arena, node, detour_node(detour, list->items[i], depth));
    return node;
}

/* Keys as well as values go the same way, in sorted order. */
static struct node *detour_dict(struct detour *detour, struct dict *dict, unsigned depth)
{
    struct node *node = node_map(detour->arena);
    struct dict_entry *entries = dict_sort(dict);

    for (uint32_t i = 0; i < dict->len && !detour->failed; i++) {
        struct str key = detour_string(detour, (struct str){entries[i].key, entries[i].len}, true);

        node_set(detour->arena, node, node_key(detour->arena, key.at, key.len),
                 detour_node(detour, entries[i].value, depth));
    }
    return node;
}

/* Infinity, NaN and complex numbers have no JSON, which makes the whole fail. */
static struct node *detour_node(struct detour *detour, struct value v, unsigned depth)
{
    struct node *node = NULL;
    struct str s;

    if (depth && v.kind == KIND_LIST && !v.list->nil)
        return detour_list(detour, v.list, depth - 1);
    if (depth && v.kind == KIND_DICT && !v.dict->nil)
        return detour_dict(detour, v.dict, depth - 1);
    if (v.kind == KIND_STRING) {
        s = detour_string(detour, value_str(v), false);
        return node_bytes(detour->arena, s.at, s.len);
    }
    if (v.kind != KIND_COMPLEX && (v.kind != KIND_FLOAT || isfinite(v.number)))
        node = value_to_node(detour->arena, v, depth);
    detour->failed |= !node;
    return node ? node : node_null(detour->arena);
}

/* An empty string when a value cannot be written, as in Helm. */
static bool run_to_yaml(struct call *call)
{
    scoped_arena struct arena *arena = arena_new();
    struct detour detour = {.arena = arena};
    struct node *node = detour_node(&detour, call->args[0], PRINT_DEPTH);
    struct text out = call_text(call);

    if (detour.failed)
        return call_give_str(call, STR(""));
    if (!call_room(call, arena_used(arena)))
        return false;
    document_write_yaml(&out, node);
    if (out.len && out.bytes[out.len - 1] == '\n')
        text_cut(&out, out.len - 1);
    return call_give_text(call, &out);
}

/* What go-yaml v3 makes of the values themselves, not of their JSON. */
static bool run_to_yaml_pretty(struct call *call)
{
    scoped_arena struct arena *arena = arena_new();
    struct text out = call_text(call);
    struct node *node = value_to_node(arena, call->args[0], PRINT_DEPTH);

    if (!node || !call_room(call, arena_used(arena)))
        return node ? false : call_give_str(call, STR(""));
    document_write_yaml_pretty(&out, node);
    if (out.len && out.bytes[out.len - 1] == '\n')
        text_cut(&out, out.len - 1);
    return call_give_text(call, &out);
}

/* ---- Reading ---- */

/* NULL with Helm's sentence in `why`. */
static const struct node *read_yaml(struct call *call, struct text *why)
{
    struct document_limits limits = document_limits_own;
    struct str s = call_arg_str(call, 0);
    const struct node *node;
    struct err err = {0};

    limits.bytes = 16 * 1024 * 1024;
    limits.depth = 200;
    limits.nodes = 4096 + s.len;
    limits.duplicates = true;
    limits.nuls = true;
    node = document_read_yaml(call->arena, s.at, s.len, DOCUMENT_KEYS_LAST_WINS, &limits, &err);
    if (!node)
        text_addf(why, "error converting YAML to JSON: %s", err.text);
    return node;
}

/* A node is larger than its text, and reading slower than copying. */
static bool pay_yaml_reading(struct call *call)
{
    uint64_t len = call->args[0].len;

    return call_room(call, len * 100) && call_spend(call, len * 64);
}

/* The sentence of sigs.k8s.io/yaml for a document of another type than is wanted. */
static void refuse_yaml_type(struct text *why, const struct node *node, const char *type)
{
    text_addf(why,
              "error unmarshaling JSON: while decoding JSON: json: cannot "
              "unmarshal %s into Go value of type %s",
              node_is(node, NODE_BOOL)  ? "bool"
              : node_is(node, NODE_INT) ? "number"
                                        : node_type_name(node->type),
              type);
}

/* Numbers that are read by a template are float64, also in a run whose data has int64. */
static struct heap *float_space(struct call *call)
{
    struct heap *heap = arena_alloc(call->arena, sizeof *heap);

    *heap = (struct heap){call->arena, VALUE_FLOAT64};
    return heap;
}

static bool run_from_yaml(struct call *call)
{
    struct dict *dict = dict_new(call->heap, ELEMENT_ANY);
    scoped_text struct text why = {0};
    const struct node *node;

    if (!pay_yaml_reading(call))
        return false;
    node = read_yaml(call, &why);
    if (node_is(node, NODE_MAP))
        return call_give(call, value_from_node(float_space(call), node));
    if (node && !node_is(node, NODE_NULL))
        refuse_yaml_type(&why, node, "map[string]interface {}");
    if (why.len)
        dict_set(dict, STR("Error"), value_of_str(str_take(call->arena, &why)));
    return call_give(call, value_dict(dict));
}

static bool run_from_yaml_array(struct call *call)
{
    struct list *list = list_new(call->heap, ELEMENT_ANY);
    scoped_text struct text why = {0};
    const struct node *node;

    if (!pay_yaml_reading(call))
        return false;
    node = read_yaml(call, &why);
    if (node_is(node, NODE_LIST))
        return call_give(call, value_from_node(float_space(call), node));
    if (node && !node_is(node, NODE_NULL))
        refuse_yaml_type(&why, node, "[]interface {}");
    if (why.len)
        list_add(list, value_of_str(str_take(call->arena, &why)));
    return call_give(call, value_list(list));
}

const struct function functions_yaml[] = {
    {"toYaml", "a", 's', run_to_yaml, 24},
    {"toYamlPretty", "a", 's', run_to_yaml_pretty, 24},
    {"fromYaml", "s", 'd', run_from_yaml, 8},
    {"fromYamlArray", "s", 'l', run_from_yaml_array, 8},
    {0},
};
