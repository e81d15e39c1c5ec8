/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a tree as YAML in the manner of sigs.k8s.io/yaml. */
#include "document/document.h"
#include "document/yaml_scalar.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define YAML_BINARY_TAG "tag:yaml.org,2002:binary"

struct emission {
    yaml_emitter_t emitter;
    struct text *out;
};

static int on_bytes(void *arg, unsigned char *bytes, size_t len)
{
    text_add_bytes(arg, bytes, len);
    return 1;
}

static void emit(struct emission *to, yaml_event_t *event)
{
    /* Our own trees are well formed; the emitter fails on memory only. */
    if (!yaml_emitter_emit(&to->emitter, event))
        abort();
}

static bool needs_quotes(const struct node *string)
{
    return yaml_scalar_is_ambiguous(string->string, string->len);
}

static void emit_scalar(struct emission *to, const char *value, size_t len,
                        yaml_scalar_style_t style)
{
    yaml_event_t event;

    if (!yaml_scalar_event_initialize(&event, NULL, NULL,
                                      (const yaml_char_t *)value, (int)len, 1, 1,
                                      style))
        abort();
    emit(to, &event);
}

/* Bytes that are no text: base64 under the tag that says so. */
static void emit_binary(struct emission *to, const char *bytes, size_t len)
{
    scoped_text struct text out = {0};
    yaml_event_t event;

    text_add_base64(&out, bytes, len, false);
    if (!yaml_scalar_event_initialize(
            &event, NULL, (const yaml_char_t *)YAML_BINARY_TAG,
            (const yaml_char_t *)text_string(&out), (int)out.len, 0, 0,
            YAML_PLAIN_SCALAR_STYLE))
        abort();
    emit(to, &event);
}

static void emit_string(struct emission *to, const char *string, size_t len)
{
    struct node node = {.type = NODE_STRING, .string = string, .len = len};
    yaml_scalar_style_t style = YAML_PLAIN_SCALAR_STYLE;

    if (!text_is_utf8(string, len)) {
        emit_binary(to, string, len);
        return;
    }
    if (needs_quotes(&node))
        style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    else if (memchr(string, '\n', len))
        style = YAML_LITERAL_SCALAR_STYLE;
    emit_scalar(to, string, len, style);
}

static void emit_node(struct emission *to, const struct node *node);

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

/* The digits from here on as a number, and how many there are. */
static size_t read_run(const char *at, unsigned long long *ret)
{
    size_t len = 0;

    for (*ret = 0; is_digit(at[len]); len++)
        *ret = *ret * 10 + (unsigned)(at[len] - '0');
    return len;
}

/*
 * The order of go-yaml: numbers in names count as numbers, so a2 stands before
 * a10; other signs stand before letters, but behind them within a number.
 */
static int order_of(const char *left, const char *right)
{
    bool in_digits = false;
    unsigned long long x, y;
    size_t x_len, y_len;

    while (*left && *left == *right) {
        in_digits = is_digit(*left);
        left++;
        right++;
    }
    if (!*left || !*right)
        return *left ? 1 : *right ? -1 : 0;
    if (is_letter(*left) != is_letter(*right))
        return is_letter(*left) == in_digits ? -1 : 1;
    x_len = read_run(left, &x);
    y_len = read_run(right, &y);
    if (!is_letter(*left) && x != y)
        return x < y ? -1 : 1;
    if (!is_letter(*left) && x_len != y_len)
        return x_len < y_len ? -1 : 1;
    return (unsigned char)*left < (unsigned char)*right ? -1 : 1;
}

static int natural(const void *a, const void *b)
{
    const struct node_member *const *l = a, *const *r = b;

    return order_of((*l)->key, (*r)->key);
}

static void emit_map(struct emission *to, const struct node *map)
{
    scoped_mem const struct node_member **order =
        mem_alloc((map->len + 1) * sizeof(struct node_member *));
    yaml_event_t event;

    for (size_t i = 0; i < map->len; i++)
        order[i] = &map->members[i];
    qsort(order, map->len, sizeof(struct node_member *), natural);
    if (!yaml_mapping_start_event_initialize(
            &event, NULL, NULL, 1,
            map->len ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE))
        abort();
    emit(to, &event);
    for (size_t i = 0; i < map->len; i++) {
        emit_string(to, order[i]->key, strlen(order[i]->key));
        emit_node(to, order[i]->value);
    }
    yaml_mapping_end_event_initialize(&event);
    emit(to, &event);
}

static void emit_list(struct emission *to, const struct node *list)
{
    yaml_event_t event;

    if (!yaml_sequence_start_event_initialize(
            &event, NULL, NULL, 1,
            list->len ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE))
        abort();
    emit(to, &event);
    for (size_t i = 0; i < list->len; i++)
        emit_node(to, list->items[i]);
    yaml_sequence_end_event_initialize(&event);
    emit(to, &event);
}

/* Whole numbers of up to 64 bits in digits; others as Go's %g writes them. */
static void write_float(struct text *out, double value)
{
    char digits[40];
    char *exponent;
    long power;

    if (value == floor(value) && fabs(value) < 18446744073709551616.0) {
        document_write_float(out, value);
        return;
    }
    for (int count = 0; count < 17; count++) {
        snprintf(digits, sizeof digits, "%.*e", count, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    exponent = strchr(digits, 'e');
    power = strtol(exponent + 1, NULL, 10);
    if (power < -4 || power >= 6)
        text_add(out, digits);
    else
        document_write_float(out, value);
}

static void emit_number(struct emission *to, const struct node *node)
{
    scoped_text struct text out = {0};

    if (node->type == NODE_INT)
        text_addf(&out, "%" PRId64, node->integer);
    else if (isnan(node->number))
        text_add(&out, ".nan");
    else if (isinf(node->number))
        text_add(&out, node->number < 0 ? "-.inf" : ".inf");
    else
        write_float(&out, node->number);
    emit_scalar(to, text_string(&out), out.len, YAML_PLAIN_SCALAR_STYLE);
}

static void emit_node(struct emission *to, const struct node *node)
{
    switch (node->type) {
    case NODE_NULL:
        emit_scalar(to, "null", 4, YAML_PLAIN_SCALAR_STYLE);
        break;
    case NODE_BOOL:
        emit_scalar(to, node->boolean ? "true" : "false", node->boolean ? 4 : 5,
                    YAML_PLAIN_SCALAR_STYLE);
        break;
    case NODE_INT:
    case NODE_FLOAT:
        emit_number(to, node);
        break;
    case NODE_STRING:
        emit_string(to, node->string, node->len);
        break;
    case NODE_LIST:
        emit_list(to, node);
        break;
    case NODE_MAP:
        emit_map(to, node);
        break;
    }
}

static void write_yaml(struct text *out, const struct node *node, int width)
{
    struct emission to = {.out = out};
    yaml_event_t event;

    if (!yaml_emitter_initialize(&to.emitter))
        abort();
    yaml_emitter_set_output(&to.emitter, on_bytes, out);
    yaml_emitter_set_unicode(&to.emitter, 1);
    yaml_emitter_set_width(&to.emitter, width);
    yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
    emit(&to, &event);
    yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1);
    emit(&to, &event);
    emit_node(&to, node);
    yaml_document_end_event_initialize(&event, 1);
    emit(&to, &event);
    yaml_stream_end_event_initialize(&event);
    emit(&to, &event);
    yaml_emitter_delete(&to.emitter);
    /* libyaml marks the end of a document whose text ends in empty lines. */
    if (text_ends(text_string(out), "\n...\n"))
        text_cut(out, out->len - 4);
}

void document_write_yaml(struct text *out, const struct node *node)
{
    write_yaml(out, node, 80);
}

void document_write_yaml_wide(struct text *out, const struct node *node)
{
    write_yaml(out, node, -1);
}
