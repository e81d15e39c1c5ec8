/* SPDX-License-Identifier: Apache-2.0 */
/* Replaces ${spoke.NAME} in manifests by the value that the spoke has for NAME. */
#include "work/work.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define OPENING "${spoke."
#define DEEPEST 16

struct binder {
    struct arena *arena;
    const struct node *values;
    struct node *used;
    struct err *err;
};

/* One expression as it stands in the text. */
struct expression {
    const char *name;
    const char *operator; /* "" or the default operator */
    const char *fallback; /* its text */
    size_t fallback_len;
    size_t len; /* of the whole, braces included */
};

static const char *find_opening(const char *text, size_t len)
{
    return memmem(text, len, OPENING, strlen(OPENING));
}

static bool is_bindable(const char *string, size_t len)
{
    return find_opening(string, len) != NULL;
}

static bool is_name_character(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("_.-/", c));
}

/* The closing brace that belongs to an expression; braces of inner expressions are
   skipped. */
static const char *find_closing_brace(const char *at, const char *end)
{
    unsigned depth = 0;

    for (; at < end; at++) {
        if (at[0] == '$' && at + 1 < end && at[1] == '{')
            depth++;
        else if (*at == '}' && depth-- == 0)
            return at;
    }
    return NULL;
}

/* Reads ${spoke.NAME} with its operator and default, which is not expanded yet. */
static int read_expression(struct binder *binder, const char *at, size_t len,
                           struct expression *ret)
{
    static const char *const operators[] = {":=", ":-", "="};
    const char *end = at + len, *name = at + strlen(OPENING), *p = name, *close;

    while (p < end && is_name_character(*p))
        p++;
    if (p == name)
        return err_set(binder->err, ERR_INVALID, "\"%.*s\": a name must follow \"" OPENING "\"",
                       (int)(len < 40 ? len : 40), at);
    *ret = (struct expression){arena_bytes(binder->arena, name, (size_t)(p - name)), ""};
    for (size_t i = 0; i < count_of(operators) && p < end; i++) {
        size_t size = strlen(operators[i]);

        if ((size_t)(end - p) < size || memcmp(p, operators[i], size))
            continue;
        ret->operator= operators[i];
        p += size;
        break;
    }
    close = find_closing_brace(p, end);
    if (!close)
        return err_set(binder->err, ERR_INVALID, OPENING "%s…: the closing brace is missing",
                       ret->name);
    if (!*ret->operator&& p != close)
        return err_set(binder->err, ERR_INVALID,
                       OPENING "%s%.*s}: only :=, = and :- can follow a name", ret->name,
                       (int)(close - p < 40 ? close - p : 40), p);
    ret->fallback = p;
    ret->fallback_len = (size_t)(close - p);
    ret->len = (size_t)(close + 1 - at);
    return 0;
}

/* Finds the value of a name, and notes in `used` that the object depends on it. A list,
   a map or null cannot become part of a text, and counts as absent. */
static const struct node *look_up_value(struct binder *binder, const char *name)
{
    struct node *value = node_get(binder->values, name);

    if (value && (value->type == NODE_LIST || value->type == NODE_MAP || value->type == NODE_NULL))
        value = NULL;
    if (binder->used)
        node_set(binder->arena, binder->used, name, value ? value : node_null(binder->arena));
    return value;
}

static void add_scalar_text(struct text *out, const struct node *value)
{
    if (value->type == NODE_STRING)
        text_add_bytes(out, value->string, value->len);
    else
        document_write_json(out, value);
}

static int bind_bytes(struct binder *binder, const char *text, size_t len, unsigned depth,
                      struct text *out);

/* The default is expanded only where it is needed, so that names in other defaults need
   not exist. */
static int bind_expression(struct binder *binder, const struct expression *expression,
                           unsigned depth, struct text *out)
{
    const struct node *value = look_up_value(binder, expression->name);
    bool empty = !value || (value->type == NODE_STRING && !value->len);

    if (*expression->operator&& empty)
        return bind_bytes(binder, expression->fallback, expression->fallback_len, depth + 1, out);
    if (!value)
        return err_set(binder->err, ERR_INVALID,
                       OPENING "%s}: this spoke has no value of that name; give "
                               "a default with " OPENING "%s:=…}",
                       expression->name, expression->name);
    add_scalar_text(out, value);
    return 0;
}

static int bind_bytes(struct binder *binder, const char *text, size_t len, unsigned depth,
                      struct text *out)
{
    const char *end = text + len, *at;
    struct expression expression;

    if (depth > DEEPEST)
        return err_set(binder->err, ERR_INVALID, OPENING "…}: defaults are nested deeper than %d",
                       DEEPEST);
    while ((at = find_opening(text, (size_t)(end - text)))) {
        text_add_bytes(out, text, (size_t)(at - text));
        if (read_expression(binder, at, (size_t)(end - at), &expression) < 0 ||
            bind_expression(binder, &expression, depth, out) < 0)
            return -1;
        text = at + expression.len;
    }
    text_add_bytes(out, text, (size_t)(end - text));
    return 0;
}

int work_bind_text(struct arena *arena, const char *string, size_t len, const struct node *values,
                   struct node *used, struct text *out, struct err *err)
{
    struct binder binder = {arena, values, used, err};

    return bind_bytes(&binder, string, len, 0, out);
}

/* ---- Trees ------------------------------------------------------------- */

static struct node *bind_node(struct binder *binder, const struct node *node);

/* A string that is one expression takes over the type of the value: a number stays a
   number. */
static struct node *bind_string(struct binder *binder, const struct node *node)
{
    scoped_text struct text out = {0};
    struct expression expression;

    if (!is_bindable(node->string, node->len))
        return (struct node *)node;
    if (text_starts(node->string, OPENING)) {
        const struct node *value;

        if (read_expression(binder, node->string, node->len, &expression) < 0)
            return NULL;
        value = node_get(binder->values, expression.name);
        if (expression.len == node->len && value && value->type != NODE_STRING &&
            (value = look_up_value(binder, expression.name)))
            return (struct node *)value;
    }
    if (bind_bytes(binder, node->string, node->len, 0, &out) < 0)
        return NULL;
    return node_bytes(binder->arena, text_string(&out), out.len);
}

/* Copies the list only where an item changes; unchanged trees are shared. */
static struct node *bind_list(struct binder *binder, const struct node *node)
{
    struct node *copy = NULL;

    for (size_t i = 0; i < node->len; i++) {
        struct node *next = bind_node(binder, node->items[i]);

        if (!next)
            return NULL;
        if (next == node->items[i])
            continue;
        if (!copy)
            copy = node_share(binder->arena, node);
        copy->items[i] = next;
    }
    return copy ? copy : (struct node *)node;
}

static struct node *bind_map(struct binder *binder, const struct node *node)
{
    struct node *copy = NULL;

    node_each(member, node)
    {
        struct node *next = bind_node(binder, member->value);

        if (!next) {
            err_wrap(binder->err, "%s", member->key);
            return NULL;
        }
        if (next == member->value)
            continue;
        if (!copy)
            copy = node_share(binder->arena, node);
        node_set(binder->arena, copy, member->key, next);
    }
    return copy ? copy : (struct node *)node;
}

static struct node *bind_node(struct binder *binder, const struct node *node)
{
    switch (node->type) {
    case NODE_STRING:
        return bind_string(binder, node);
    case NODE_LIST:
        return bind_list(binder, node);
    case NODE_MAP:
        return bind_map(binder, node);
    default:
        return (struct node *)node;
    }
}

struct node *work_bind(struct arena *arena, const struct node *tree, const struct node *values,
                       struct node *used, struct err *err)
{
    struct binder binder = {arena, values, used, err};

    return bind_node(&binder, tree);
}

void work_bind_hash_input(const struct node *used, struct text *out)
{
    document_write_canonical(out, used);
}
