/* SPDX-License-Identifier: Apache-2.0 */
/* Makes, reads and changes the nodes of a tree. */
#include "document/document.h"
#include "document/node.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Open addressing: position + 1 in members, 0 is free. A power of two. */
struct node_index {
    size_t slots;
    uint32_t at[];
};

static struct node *new_node(struct arena *arena, enum node_type type)
{
    struct node *node = arena_alloc(arena, sizeof *node);

    node->type = type;
    return node;
}

struct node *node_null(struct arena *arena)
{
    return new_node(arena, NODE_NULL);
}

struct node *node_bool(struct arena *arena, bool value)
{
    struct node *node = new_node(arena, NODE_BOOL);

    node->boolean = value;
    return node;
}

struct node *node_int(struct arena *arena, int64_t value)
{
    struct node *node = new_node(arena, NODE_INT);

    node->integer = value;
    return node;
}

struct node *node_float(struct arena *arena, double value)
{
    struct node *node = new_node(arena, NODE_FLOAT);

    node->number = value;
    return node;
}

struct node *node_bytes(struct arena *arena, const void *bytes, size_t len)
{
    struct node *node = new_node(arena, NODE_STRING);

    node->string = arena_bytes(arena, bytes, len);
    node->len = len;
    return node;
}

struct node *node_string(struct arena *arena, const char *string)
{
    return node_bytes(arena, string, strlen(string));
}

struct node *node_format(struct arena *arena, const char *format, ...)
{
    struct node *node = new_node(arena, NODE_STRING);
    va_list args;

    va_start(args, format);
    node->string = arena_vprintf(arena, format, args);
    va_end(args);
    node->len = strlen(node->string);
    return node;
}

struct node *node_list(struct arena *arena)
{
    return new_node(arena, NODE_LIST);
}

struct node *node_map(struct arena *arena)
{
    return new_node(arena, NODE_MAP);
}

/* Room for one more item or member of `size` bytes each. */
static void *grown_room(struct arena *arena, struct node *node, const void *old, size_t size)
{
    size_t room = node->room ? (size_t)node->room * 2 : 4;
    void *wider;

    if (node->len < node->room)
        return (void *)old;
    if (room > UINT32_MAX)
        abort();
    wider = arena_alloc(arena, room * size);
    if (node->len)
        memcpy(wider, old, node->len * size);
    node->room = (unsigned)room;
    return wider;
}

/* Salted with an address of this program, which the kernel chooses at random: a sender
   cannot make keys that all have one hash, and so an index that is searched linearly. */
static uint64_t key_hash(const char *key)
{
    static const char here;
    uint64_t hash = 14695981039346656037u ^ (uint64_t)(uintptr_t)&here * 0x9e3779b97f4a7c15u;

    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 1099511628211u;
    return hash ^ hash >> 29;
}

/* Of equal keys the first stays, so that many of them cost no more. */
static void add_to_index(struct node *map, const char *key, size_t at)
{
    struct node_index *index = map->index;
    size_t mask = index->slots - 1;
    size_t slot = key_hash(key) & mask;

    for (; index->at[slot]; slot = (slot + 1) & mask) {
        if (strcmp(map->members[index->at[slot] - 1].key, key) == 0)
            return;
    }
    index->at[slot] = (uint32_t)(at + 1);
}

/* In the arena, or without one on its own. */
static void build_index(struct arena *arena, struct node *map)
{
    size_t slots = 64, size;

    while (slots < map->len * 3)
        slots *= 2;
    size = sizeof *map->index + slots * sizeof map->index->at[0];
    map->index = arena ? arena_alloc(arena, size) : mem_alloc(size);
    map->index->slots = slots;
    for (size_t i = 0; i < map->len; i++)
        add_to_index(map, map->members[i].key, i);
}

void node_make_index(struct arena *arena, struct node *map)
{
    if (map->len > NODE_INDEX_FROM)
        build_index(arena, map);
}

void node_own_index(struct node *map)
{
    if (map->type == NODE_MAP && map->len > NODE_INDEX_FROM)
        build_index(NULL, map);
}

/* The position of a key, or the length if it is not there. */
static size_t index_position(const struct node *map, const char *key)
{
    const struct node_index *index = map->index;

    if (!index) {
        for (size_t i = 0; i < map->len; i++) {
            const char *other = map->members[i].key;

            if (*other == *key && strcmp(other, key) == 0)
                return i;
        }
        return map->len;
    }
    for (size_t slot = key_hash(key) & (index->slots - 1); index->at[slot];
         slot = (slot + 1) & (index->slots - 1)) {
        size_t i = index->at[slot] - 1;

        if (strcmp(map->members[i].key, key) == 0)
            return i;
    }
    return map->len;
}

static void append_item(struct arena *arena, struct node *map, const char *key, struct node *value)
{
    map->members = grown_room(arena, map, map->members, sizeof *map->members);
    map->members[map->len] = (struct node_member){key, value};
    map->len++;
    if (map->len > NODE_INDEX_FROM) {
        if (map->index && map->len * 2 < map->index->slots)
            add_to_index(map, key, map->len - 1);
        else
            build_index(arena, map);
    }
}

/*
 * What is written to must be a map, or a list, and may come from a document in
 * which something else stands there: that gives way, as node_make() has it.
 */
static bool becomes_number(struct node *node, enum node_type type)
{
    if (!node)
        return false;
    if (node->type != type)
        *node = (struct node){.type = type};
    return true;
}

void node_set(struct arena *arena, struct node *map, const char *key, struct node *value)
{
    size_t at;

    if (!value || !becomes_number(map, NODE_MAP))
        return;
    at = index_position(map, key);
    if (at < map->len)
        map->members[at].value = value;
    else
        append_item(arena, map, arena_string(arena, key), value);
}

void node_set_text(struct arena *arena, struct node *map, const char *key, const char *string)
{
    node_set(arena, map, key, node_string(arena, string));
}

void node_set_int(struct arena *arena, struct node *map, const char *key, int64_t value)
{
    node_set(arena, map, key, node_int(arena, value));
}

void node_set_bool(struct arena *arena, struct node *map, const char *key, bool value)
{
    node_set(arena, map, key, node_bool(arena, value));
}

struct node *node_make(struct arena *arena, struct node *map, const char *key)
{
    struct node *child = node_get(map, key);

    if (!node_is(child, NODE_MAP)) {
        child = node_map(arena);
        node_set(arena, map, key, child);
    }
    return child;
}

struct node *node_make_list(struct arena *arena, struct node *map, const char *key)
{
    struct node *child = node_get(map, key);

    if (!node_is(child, NODE_LIST)) {
        child = node_list(arena);
        node_set(arena, map, key, child);
    }
    return child;
}

/* Positions behind the gap moved, so a large map is searched in order until
   it grows again. */
bool node_remove(struct node *map, const char *key)
{
    size_t at;

    if (!node_is(map, NODE_MAP))
        return false;
    at = index_position(map, key);
    if (at == map->len)
        return false;
    map->len--;
    memmove(&map->members[at], &map->members[at + 1], (map->len - at) * sizeof *map->members);
    map->index = NULL;
    return true;
}

void node_insert(struct arena *arena, struct node *list, size_t index, struct node *value)
{
    if (!value || !becomes_number(list, NODE_LIST))
        return;
    if (index > list->len)
        index = list->len;
    list->items = grown_room(arena, list, list->items, sizeof *list->items);
    memmove(&list->items[index + 1], &list->items[index],
            (list->len - index) * sizeof *list->items);
    list->items[index] = value;
    list->len++;
}

void node_add(struct arena *arena, struct node *list, struct node *value)
{
    node_insert(arena, list, SIZE_MAX, value);
}

void node_remove_item(struct node *list, size_t index)
{
    if (!node_item(list, index))
        return;
    list->len--;
    memmove(&list->items[index], &list->items[index + 1],
            (list->len - index) * sizeof *list->items);
}

static int compare_node_keys(const void *a, const void *b)
{
    const struct node_member *left = a, *right = b;

    return strcmp(left->key, right->key);
}

void node_sort(struct node *map)
{
    if (!node_is(map, NODE_MAP))
        return;
    if (map->len)
        qsort(map->members, map->len, sizeof *map->members, compare_node_keys);
    map->index = NULL;
}

struct node *node_share(struct arena *arena, const struct node *from)
{
    struct node *node = new_node(arena, from ? from->type : NODE_MAP);

    if (!from)
        return node;
    *node = *from;
    node->room = (unsigned)from->len;
    node->index = NULL;
    if (from->type == NODE_LIST && from->len) {
        node->items = arena_alloc(arena, from->len * sizeof *from->items);
        memcpy(node->items, from->items, from->len * sizeof *from->items);
    } else if (from->type == NODE_MAP && from->len) {
        node->members = arena_alloc(arena, from->len * sizeof *from->members);
        memcpy(node->members, from->members, from->len * sizeof *from->members);
        if (node->len > NODE_INDEX_FROM)
            build_index(arena, node);
    }
    return node;
}

struct node *node_copy(struct arena *arena, const struct node *from)
{
    struct node *node = from ? node_share(arena, from) : NULL;

    if (!node)
        return NULL;
    if (node->type == NODE_STRING)
        node->string = arena_bytes(arena, from->string, from->len);
    for (size_t i = 0; node->type == NODE_LIST && i < node->len; i++)
        node->items[i] = node_copy(arena, node->items[i]);
    for (size_t i = 0; node->type == NODE_MAP && i < node->len; i++) {
        struct node_member *member = &node->members[i];

        member->key = arena_string(arena, member->key);
        member->value = node_copy(arena, member->value);
    }
    return node;
}

const char *node_key(struct arena *arena, const char *bytes, size_t len)
{
    scoped_text struct text out = {0};

    if (!memchr(bytes, '\0', len))
        return arena_bytes(arena, bytes, len);
    for (size_t i = 0; i < len; i++) {
        if (bytes[i])
            text_add_char(&out, bytes[i]);
        else
            text_add(&out, NODE_KEY_NUL);
    }
    return arena_string(arena, text_string(&out));
}

void node_key_bytes(struct text *out, const char *key)
{
    const char *nul;

    for (; (nul = strstr(key, NODE_KEY_NUL)); key = nul + strlen(NODE_KEY_NUL)) {
        text_add_bytes(out, key, (size_t)(nul - key));
        text_add_char(out, '\0');
    }
    text_add(out, key);
}

struct node *node_get(const struct node *map, const char *key)
{
    size_t at;

    if (!node_is(map, NODE_MAP))
        return NULL;
    at = index_position(map, key);
    return at < map->len ? map->members[at].value : NULL;
}

struct node *node_at(const struct node *map, ...)
{
    const struct node *at = map;
    const char *key;
    va_list keys;

    va_start(keys, map);
    while (at && (key = va_arg(keys, const char *)))
        at = node_get(at, key);
    va_end(keys);
    return (struct node *)at;
}

struct node *node_item(const struct node *list, size_t index)
{
    return node_is(list, NODE_LIST) && index < list->len ? list->items[index] : NULL;
}

const char *node_text(const struct node *string)
{
    return node_is(string, NODE_STRING) ? string->string : "";
}

const char *node_get_text(const struct node *map, const char *key)
{
    return node_text(node_get(map, key));
}

int64_t node_get_int(const struct node *map, const char *key, int64_t none)
{
    const struct node *value = node_get(map, key);

    if (node_is(value, NODE_INT))
        return value->integer;
    /* A whole number may have been written as 3.0. */
    if (node_is(value, NODE_FLOAT) && value->number >= -9e15 && value->number <= 9e15)
        return (int64_t)value->number;
    return none;
}

int64_t node_get_within(const struct node *map, const char *key, int64_t least, int64_t most,
                        int64_t none)
{
    int64_t value = node_get_int(map, key, none);

    return value < least ? least : value > most ? most : value;
}

bool node_get_bool(const struct node *map, const char *key, bool none)
{
    const struct node *value = node_get(map, key);

    return node_is(value, NODE_BOOL) ? value->boolean : none;
}

bool(node_is)(const struct node *node, enum node_type type)
{
    return node && node->type == type;
}

size_t node_count(const struct node *list_or_map)
{
    return node_is(list_or_map, NODE_LIST) || node_is(list_or_map, NODE_MAP) ? list_or_map->len : 0;
}

const char *node_type_name(enum node_type type)
{
    static const char *const names[] = {
        [NODE_NULL] = "null",    [NODE_BOOL] = "boolean",  [NODE_INT] = "integer",
        [NODE_FLOAT] = "number", [NODE_STRING] = "string", [NODE_LIST] = "array",
        [NODE_MAP] = "object",
    };

    return names[type];
}

static bool are_same_maps(const struct node *a, const struct node *b)
{
    for (size_t i = 0; i < a->len; i++) {
        const struct node_member *member = &a->members[i];
        const struct node *other = strcmp(member->key, b->members[i].key) == 0
                                       ? b->members[i].value
                                       : node_get(b, member->key);

        if (!other || !node_same(member->value, other))
            return false;
    }
    return true;
}

static bool are_same_lists(const struct node *a, const struct node *b)
{
    for (size_t i = 0; i < a->len; i++) {
        if (!node_same(a->items[i], b->items[i]))
            return false;
    }
    return true;
}

/* Integers up to 2^63 against doubles, without losing the last digits. */
static bool same_numbers(const struct node *a, const struct node *b)
{
    if (a->type == b->type)
        return a->type == NODE_INT ? a->integer == b->integer : a->number == b->number;
    if (a->type == NODE_FLOAT)
        return same_numbers(b, a);
    return (double)a->integer == b->number && b->number < 9.2e18 && b->number > -9.2e18 &&
           (int64_t)b->number == a->integer;
}

static bool is_node_number(const struct node *node)
{
    return node->type == NODE_INT || node->type == NODE_FLOAT;
}

static void add_node_weight(const struct node *node, uint64_t most, uint64_t *weight)
{
    *weight += 64;
    if (node_is(node, NODE_STRING))
        *weight += node->len;
    for (size_t i = 0; node_is(node, NODE_LIST) && i < node->len && *weight <= most; i++)
        add_node_weight(node->items[i], most, weight);
    node_each(member, node)
    {
        if (*weight > most)
            return;
        *weight += strlen(member->key) + 64;
        add_node_weight(member->value, most, weight);
    }
}

uint64_t node_weight(const struct node *node, uint64_t most)
{
    uint64_t weight = 0;

    if (node)
        add_node_weight(node, most, &weight);
    return weight;
}

bool node_same(const struct node *a, const struct node *b)
{
    if (a == b)
        return true;
    if (!a || !b)
        return false;
    if (is_node_number(a) && is_node_number(b))
        return same_numbers(a, b);
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case NODE_BOOL:
        return a->boolean == b->boolean;
    case NODE_STRING:
        return a->len == b->len && memcmp(a->string, b->string, a->len) == 0;
    case NODE_LIST:
        return a->len == b->len && are_same_lists(a, b);
    case NODE_MAP:
        return a->len == b->len && are_same_maps(a, b);
    default:
        return true;
    }
}

/* What a text may become, so that it costs in proportion, and never much. */
size_t document_most_nodes(const struct document_limits *limits, size_t len)
{
    size_t most = 4096 + len / 10;

    if (limits->nodes)
        return limits->nodes;
    return most < MOST_NODES ? most : MOST_NODES;
}
