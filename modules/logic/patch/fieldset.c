/* SPDX-License-Identifier: Apache-2.0 */
/* Computes with sets of field paths, and reads and writes them as fieldsV1. */
#include "patch/internal.h"

#include <stdlib.h>
#include <string.h>

/* The reader recurses, so fieldsV1 that is deeper than any document is refused. */
#define DEPTH_MAX 256

bool field_set_empty(const struct field_set *set)
{
    return !set || !set->count;
}

void field_set_append(struct arena *arena, struct field_set **set, const struct field_entry *entry)
{
    struct field_set *s = *set;

    if (!entry->member && field_set_empty(entry->below))
        return;
    if (!s)
        s = *set = arena_alloc(arena, sizeof *s);
    if (s->count == s->room) {
        size_t room = s->room ? s->room * 2 : 4;
        struct field_entry *items = arena_alloc(arena, room * sizeof *items);

        if (s->count)
            memcpy(items, s->items, s->count * sizeof *items);
        s->items = items;
        s->room = room;
    }
    s->items[s->count++] = *entry;
}

static int compare_entries(const void *a, const void *b)
{
    return element_compare(&((const struct field_entry *)a)->element,
                           &((const struct field_entry *)b)->element);
}

void field_set_settle(struct field_set *set)
{
    bool sorted = true;

    /* The same element twice is invalid. */
    for (size_t i = 1; set && i < set->count; i++)
        sorted &= compare_entries(&set->items[i - 1], &set->items[i]) <= 0;
    if (!sorted)
        qsort(set->items, set->count, sizeof *set->items, compare_entries);
}

const struct field_entry *field_set_find(const struct field_set *set, const struct element *element)
{
    size_t low = 0, high = set ? set->count : 0;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = element_compare(element, &set->items[middle].element);

        if (!order)
            return &set->items[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/*
 * Advances over two sorted sets together, and gives the entries with the smaller
 * element: one of them, or both if the elements are equal. False at the end of
 * both.
 */
static bool next_pair(const struct field_set *a, const struct field_set *b, size_t *i, size_t *j,
                      const struct field_entry **ret_a, const struct field_entry **ret_b)
{
    const struct field_entry *x = a && *i < a->count ? &a->items[*i] : NULL;
    const struct field_entry *y = b && *j < b->count ? &b->items[*j] : NULL;
    int order = !x ? 1 : !y ? -1 : element_compare(&x->element, &y->element);

    *ret_a = x && order <= 0 ? x : NULL;
    *ret_b = y && order >= 0 ? y : NULL;
    *i += *ret_a != NULL;
    *j += *ret_b != NULL;
    return x || y;
}

/* Equal parts are shared with the arguments: sets never change once they are made. */
struct field_set *field_set_union(struct arena *arena, struct field_set *a, struct field_set *b)
{
    const struct field_entry *x, *y;
    struct field_set *all = NULL;
    size_t i = 0, j = 0;

    if (field_set_empty(a))
        return b;
    if (field_set_empty(b))
        return a;
    while (next_pair(a, b, &i, &j, &x, &y)) {
        struct field_entry both = x ? *x : *y;

        if (x && y) {
            both.member |= y->member;
            both.below = field_set_union(arena, x->below, y->below);
        }
        field_set_append(arena, &all, &both);
    }
    return all;
}

struct field_set *field_set_intersection(struct arena *arena, struct field_set *a,
                                         struct field_set *b)
{
    const struct field_entry *x, *y;
    struct field_set *common = NULL;
    size_t i = 0, j = 0;

    while (next_pair(a, b, &i, &j, &x, &y)) {
        struct field_entry both;

        if (!x || !y)
            continue;
        both = *x;
        both.member &= y->member;
        both.below = field_set_intersection(arena, x->below, y->below);
        field_set_append(arena, &common, &both);
    }
    return common;
}

struct field_set *field_set_difference(struct arena *arena, struct field_set *a,
                                       struct field_set *b)
{
    const struct field_entry *x, *y;
    struct field_set *rest = NULL;
    size_t i = 0, j = 0;

    if (field_set_empty(b))
        return a;
    while (next_pair(a, b, &i, &j, &x, &y)) {
        struct field_entry left;

        if (!x)
            continue;
        left = *x;
        if (y) {
            left.member &= !y->member;
            left.below = field_set_difference(arena, x->below, y->below);
        }
        field_set_append(arena, &rest, &left);
    }
    return rest;
}

/* Upstream adds a declared field to a set that holds anything below it, before
   sets are compared. */
struct field_set *field_set_with_named(struct arena *arena, struct field_set *set,
                                       const struct schema *schema)
{
    struct field_set *all = NULL;

    for (size_t i = 0; set && i < set->count; i++) {
        struct field_entry entry = set->items[i];
        const struct schema *below = NULL;

        if (entry.element.kind == ELEMENT_FIELD)
            below = schema_field(schema, entry.element.text);
        else if (entry.element.kind == ELEMENT_KEY)
            below = schema_items(schema);
        if (entry.below && entry.element.kind == ELEMENT_FIELD &&
            schema_declares(schema, entry.element.text))
            entry.member = true;
        entry.below = field_set_with_named(arena, entry.below, below);
        field_set_append(arena, &all, &entry);
    }
    return all;
}

struct field_set *field_set_without(struct arena *arena, struct field_set *set, const char *path,
                                    bool all_below)
{
    size_t len = strcspn(path, ".");
    struct field_set *rest = NULL;

    for (size_t i = 0; set && i < set->count; i++) {
        struct field_entry entry = set->items[i];
        bool here = entry.element.kind == ELEMENT_FIELD &&
                    !strncmp(entry.element.text, path, len) && !entry.element.text[len];

        if (here && path[len])
            entry.below = field_set_without(arena, entry.below, path + len + 1, all_below);
        else if (here)
            entry.member = false;
        if (here && !path[len] && all_below)
            entry.below = NULL;
        field_set_append(arena, &rest, &entry);
    }
    return rest;
}

/* ---- fieldsV1 ----------------------------------------------------------- */

static struct field_set *read_fields_node(struct arena *arena, const struct node *fields,
                                          unsigned depth, bool *ret_bad)
{
    struct field_set *set = NULL;

    if (!node_is(fields, NODE_MAP) || depth > DEPTH_MAX) {
        *ret_bad = true;
        return NULL;
    }
    node_each(member, fields)
    {
        struct field_entry entry = {0};

        if (!strcmp(member->key, "."))
            continue;
        if (!element_read(arena, member->key, &entry.element)) {
            *ret_bad = true;
            return NULL;
        }
        entry.below = read_fields_node(arena, member->value, depth + 1, ret_bad);
        /* In fieldsV1 a leaf is {}, and "." says that an inner node is in the set
           itself. */
        entry.member = !node_count(member->value) || node_get(member->value, ".");
        field_set_append(arena, &set, &entry);
    }
    field_set_settle(set);
    for (size_t i = 1; set && i < set->count; i++)
        *ret_bad |= !compare_entries(&set->items[i - 1], &set->items[i]);
    return set;
}

struct field_set *field_set_read(struct arena *arena, const struct node *fields, bool *ret_bad)
{
    return read_fields_node(arena, fields, 0, ret_bad);
}

struct node *field_set_write(struct arena *arena, const struct field_set *set)
{
    struct node *map = node_map(arena);

    for (size_t i = 0; set && i < set->count; i++) {
        const struct field_entry *entry = &set->items[i];
        struct node *below = node_map(arena);

        if (entry->below && entry->member)
            node_set(arena, below, ".", node_map(arena));
        if (entry->below) {
            struct node *rest = field_set_write(arena, entry->below);

            node_each(member, rest) node_set(arena, below, member->key, member->value);
        }
        node_set(arena, map, element_key(arena, &entry->element), below);
    }
    return map;
}

/* Members of this level come before those below it, the order of upstream's messages. */
void field_set_each(const struct field_set *set, struct text *path, field_set_each_fn *each,
                    void *arg)
{
    size_t len = path->len;

    for (int below = 0; below < 2; below++)
        for (size_t i = 0; set && i < set->count; i++) {
            const struct field_entry *entry = &set->items[i];

            element_print(path, &entry->element);
            if (!below && entry->member)
                each(arg, text_string(path));
            if (below && entry->below)
                field_set_each(entry->below, path, each, arg);
            text_cut(path, len);
        }
}
