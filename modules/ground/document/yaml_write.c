/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a tree as YAML in the form of sigs.k8s.io/yaml. */
#include "document/document.h"
#include "document/yaml_emit.h"
#include "document/yaml_order.h"
#include "document/yaml_scalar.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum place { AT_ROOT, IN_LIST, IN_MAP };

static void write_yaml_node(struct yaml_pen *pen, const struct node *node, enum place place);

/* ---- Scalars ------------------------------------------------------------ */

/* Writes bytes that are not UTF-8 as !!binary, base64 in lines of 70. */
static void write_yaml_binary(struct yaml_pen *pen, const char *bytes, size_t len)
{
    scoped_text struct text code = {0}, lines = {0};

    text_add_base64(&code, bytes, len, false);
    for (size_t i = 0; i < code.len; i += 70) {
        size_t left = code.len - i < 70 ? code.len - i : 70;

        text_add_bytes(&lines, code.bytes + i, left);
        if (code.len >= 70)
            text_add_char(&lines, '\n');
    }
    yaml_pen_mark(pen, "!!binary", true, false);
    yaml_pen_scalar(pen, text_string(&lines), lines.len, code.len >= 70 ? YAML_LITERAL : YAML_PLAIN,
                    false);
}

static enum yaml_style style_of(const char *string, size_t len)
{
    if (memchr(string, '\n', len))
        return YAML_LITERAL;
    return yaml_scalar_is_ambiguous(string, len) ? YAML_DOUBLE : YAML_PLAIN;
}

static void write_yaml_string(struct yaml_pen *pen, const char *string, size_t len)
{
    if (!text_is_utf8(string, len))
        write_yaml_binary(pen, string, len);
    else
        yaml_pen_scalar(pen, string, len, style_of(string, len), false);
}

/* sigs.k8s.io/yaml (v2) converts from JSON, where whole numbers of up to 64 bits
   are integers. Other numbers, and all in v3, have the form of Go's %g. */
static void add_yaml_float(struct text *out, double value, bool modern)
{
    char digits[20];
    int len, point;

    if (!modern && value == floor(value) && value > -9223372036854775808.0 &&
        value < 18446744073709551616.0) {
        document_write_float(out, value);
        return;
    }
    len = document_float_digits(fabs(value), digits, &point);
    if (signbit(value))
        text_add_char(out, '-');
    if (!len)
        text_add_char(out, '0');
    else if (point - 1 < -4 || point - 1 >= 6)
        text_addf(out, "%c%s%se%c%02d", digits[0], len > 1 ? "." : "", digits + 1,
                  point - 1 < 0 ? '-' : '+', abs(point - 1));
    else
        document_write_float(out, fabs(value)); /* the same in this range */
}

static void write_yaml_number(struct yaml_pen *pen, const struct node *node)
{
    scoped_text struct text out = {0};

    if (node->type == NODE_INT)
        text_addf(&out, "%" PRId64, node->integer);
    else if (isnan(node->number))
        text_add(&out, ".nan");
    else if (isinf(node->number))
        text_add(&out, node->number < 0 ? "-.inf" : ".inf");
    else
        add_yaml_float(&out, node->number, pen->modern);
    yaml_pen_scalar(pen, text_string(&out), out.len, YAML_PLAIN, false);
}

/* ---- Collections -------------------------------------------------------- */

static void write_yaml_key(struct yaml_pen *pen, const char *name)
{
    scoped_text struct text bytes = {0};
    const char *key;
    size_t len;

    node_key_bytes(&bytes, name);
    key = text_string(&bytes);
    len = bytes.len;
    if (yaml_pen_is_simple(key, len, pen->modern) && text_is_utf8(key, len)) {
        yaml_pen_scalar(pen, key, len, style_of(key, len), true);
        yaml_pen_mark(pen, ":", false, false);
        return;
    }
    yaml_pen_mark(pen, "?", true, true);
    write_yaml_string(pen, key, len);
    yaml_pen_indent(pen);
    yaml_pen_mark(pen, ":", true, true);
}

static void write_yaml_map(struct yaml_pen *pen, const struct node *map)
{
    scoped_mem const struct node_member **order = yaml_order(map, pen->modern);
    int indent = pen->indent;

    pen->indent = indent < 0 ? 0 : indent + 2;
    for (size_t i = 0; i < map->len; i++) {
        yaml_pen_indent(pen);
        write_yaml_key(pen, order[i]->key);
        write_yaml_node(pen, order[i]->value, IN_MAP);
    }
    pen->indent = indent;
}

/* In v2 a list stands at the indentation of its key. */
static void write_yaml_list(struct yaml_pen *pen, const struct node *list, enum place place)
{
    int indent = pen->indent;

    if (indent < 0)
        pen->indent = 0;
    else if (pen->modern || place != IN_MAP || pen->indention)
        pen->indent += 2;
    for (size_t i = 0; i < list->len; i++) {
        yaml_pen_indent(pen);
        yaml_pen_mark(pen, "-", true, true);
        write_yaml_node(pen, list->items[i], IN_LIST);
    }
    pen->indent = indent;
}

static void write_yaml_word(struct yaml_pen *pen, const char *word)
{
    yaml_pen_scalar(pen, word, strlen(word), YAML_PLAIN, false);
}

static void write_yaml_node(struct yaml_pen *pen, const struct node *node, enum place place)
{
    switch (node->type) {
    case NODE_NULL:
        write_yaml_word(pen, "null");
        break;
    case NODE_BOOL:
        write_yaml_word(pen, node->boolean ? "true" : "false");
        break;
    case NODE_INT:
    case NODE_FLOAT:
        write_yaml_number(pen, node);
        break;
    case NODE_STRING:
        write_yaml_string(pen, node->string, node->len);
        break;
    case NODE_LIST:
        if (node->len)
            write_yaml_list(pen, node, place);
        else
            yaml_pen_mark(pen, "[]", true, false);
        break;
    case NODE_MAP:
        if (node->len)
            write_yaml_map(pen, node);
        else
            yaml_pen_mark(pen, "{}", true, false);
        break;
    }
}

static void write_yaml(struct text *out, const struct node *node, bool modern)
{
    static const struct node nothing; /* null */
    struct yaml_pen pen = {
        .out = out, .modern = modern, .indent = -1, .whitespace = true, .indention = true};

    write_yaml_node(&pen, node ? node : &nothing, AT_ROOT);
    yaml_pen_indent(&pen);
}

void document_write_yaml(struct text *out, const struct node *node)
{
    write_yaml(out, node, false);
}

void document_write_yaml_pretty(struct text *out, const struct node *node)
{
    write_yaml(out, node, true);
}
