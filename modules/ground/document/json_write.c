/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a tree as JSON: compact, canonical or indented. */
#include "document/document.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct style {
    bool sorted;
    bool indented;
};

/* RFC 8259 section 7: escapes quotes, backslashes and control characters only.
   Runs of other bytes are copied as a whole. */
static void write_json_string(struct text *out, const char *string, size_t len)
{
    size_t plain = 0;

    text_add_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)string[i];
        const char *found;

        if (c >= 0x20 && c != '"' && c != '\\' &&
            (c != 0xc0 || !text_starts(string + i, NODE_KEY_NUL)))
            continue;
        text_add_bytes(out, string + plain, i - plain);
        if (c == 0xc0) {
            text_add(out, "\\u0000");
            plain = ++i + 1;
            continue;
        }
        plain = i + 1;
        found = c ? strchr("\"\"\\\\\bb\ff\nn\rr\tt", c) : NULL;
        if (found)
            text_addf(out, "\\%c", found[1]);
        else
            text_addf(out, "\\u%04x", c);
    }
    text_add_bytes(out, string + plain, len - plain);
    text_add_char(out, '"');
}

static void write_json_value(struct text *out, const struct node *node, struct style style,
                             unsigned depth);

static void write_new_line(struct text *out, struct style style, unsigned depth)
{
    if (!style.indented)
        return;
    text_add_char(out, '\n');
    for (unsigned i = 0; i < depth; i++)
        text_add(out, "  ");
}

/* The end of a key sorts first, then NUL, which NODE_KEY_NUL stands for, then all
   other bytes. */
static int key_rank(const char *at)
{
    if (!*at)
        return -1;
    return *at == *NODE_KEY_NUL ? 0 : (unsigned char)*at;
}

static int compare_json_keys(const void *a, const void *b)
{
    const struct node_member *const *left = a, *const *right = b;
    const char *l = (*left)->key, *r = (*right)->key;

    while (*l && *l == *r) {
        l++;
        r++;
    }
    return key_rank(l) - key_rank(r);
}

static void write_member(struct text *out, const struct node_member *member, struct style style,
                         unsigned depth)
{
    write_new_line(out, style, depth + 1);
    write_json_string(out, member->key, strlen(member->key));
    text_add(out, style.indented ? ": " : ":");
    write_json_value(out, member->value, style, depth + 1);
}

static void write_json_map(struct text *out, const struct node *map, struct style style,
                           unsigned depth)
{
    scoped_mem const struct node_member **order = NULL;

    if (style.sorted && map->len > 1) {
        order = mem_alloc(map->len * sizeof(struct node_member *));
        for (size_t i = 0; i < map->len; i++)
            order[i] = &map->members[i];
        qsort(order, map->len, sizeof(struct node_member *), compare_json_keys);
    }
    text_add_char(out, '{');
    for (size_t i = 0; i < map->len; i++) {
        if (i)
            text_add_char(out, ',');
        write_member(out, order ? order[i] : &map->members[i], style, depth);
    }
    if (map->len)
        write_new_line(out, style, depth);
    text_add_char(out, '}');
}

static void write_json_list(struct text *out, const struct node *list, struct style style,
                            unsigned depth)
{
    text_add_char(out, '[');
    for (size_t i = 0; i < list->len; i++) {
        if (i)
            text_add_char(out, ',');
        write_new_line(out, style, depth + 1);
        write_json_value(out, list->items[i], style, depth + 1);
    }
    if (list->len)
        write_new_line(out, style, depth);
    text_add_char(out, ']');
}

static void write_json_value(struct text *out, const struct node *node, struct style style,
                             unsigned depth)
{
    switch (node ? node->type : NODE_NULL) {
    case NODE_NULL:
        text_add(out, "null");
        break;
    case NODE_BOOL:
        text_add(out, node->boolean ? "true" : "false");
        break;
    case NODE_INT:
        text_addf(out, "%" PRId64, node->integer);
        break;
    case NODE_FLOAT:
        document_write_float(out, node->number);
        break;
    case NODE_STRING:
        write_json_string(out, node->string, node->len);
        break;
    case NODE_LIST:
        write_json_list(out, node, style, depth);
        break;
    case NODE_MAP:
        write_json_map(out, node, style, depth);
        break;
    }
}

void document_write_json(struct text *out, const struct node *node)
{
    write_json_value(out, node, (struct style){0}, 0);
}

void document_write_canonical(struct text *out, const struct node *node)
{
    write_json_value(out, node, (struct style){.sorted = true}, 0);
}

void document_write_pretty(struct text *out, const struct node *node)
{
    write_json_value(out, node, (struct style){.indented = true}, 0);
}

char *document_json(struct arena *arena, const struct node *node)
{
    scoped_text struct text out = {0};

    document_write_json(&out, node);
    return arena_bytes(arena, text_string(&out), out.len);
}
