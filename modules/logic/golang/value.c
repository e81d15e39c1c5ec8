/* SPDX-License-Identifier: Apache-2.0 */
/* Makes, reads and changes the values of a run. */
#include "golang/dates.h"
#include "golang/print.h"
#include "golang/semver.h"
#include "golang/value.h"
#include "document/document.h"

#include <stdlib.h>

/* Dicts with more entries than this are found through a hash index. */
#define INDEX_FROM 12

/* Lists and dicts are not copied here but when something looks into them: most of the data of a
   template is never looked at. */
struct value value_from_node(struct heap *heap, const struct node *node)
{
    struct list *list;
    struct dict *dict;

    if (!node)
        return value_nil();
    switch (node->type) {
    case NODE_BOOL:
        return value_bool(node->boolean);
    case NODE_INT:
        return heap->numbers == VALUE_INT64 ? value_int64(node->integer)
                                            : value_float((double)node->integer);
    case NODE_FLOAT:
        return value_float(node->number);
    case NODE_STRING:
        return value_string(node->string, node->len);
    case NODE_LIST:
        list = list_new(heap, ELEMENT_ANY);
        list->from = node;
        return value_list(list);
    case NODE_MAP:
        dict = dict_new(heap, ELEMENT_ANY);
        dict->from = node;
        return value_dict(dict);
    default:
        return value_nil();
    }
}

struct list *list_new(struct heap *heap, enum element element)
{
    struct list *list = arena_alloc(heap->arena, sizeof *list);

    list->heap = heap;
    list->element = (unsigned char)element;
    return list;
}

/* A list read from JSON has the capacity that Go's decoder grew it to. */
static uint32_t spare_of(uint32_t len)
{
    uint32_t room = len ? 1 : 0;

    while (room < len)
        room *= 2;
    return room - len;
}

void list_load(struct list *list)
{
    const struct node *from = list->from;

    list->from = NULL;
    meter_spend(list->heap->meter, from->len * 32);
    list->room = list->len = (uint32_t)from->len;
    list->spare = spare_of(list->len);
    list->items = arena_alloc(list->heap->arena, (from->len ? from->len : 1) * sizeof *list->items);
    for (size_t i = 0; i < from->len; i++)
        list->items[i] = value_from_node(list->heap, from->items[i]);
}

/* Items are stored without their static type, which the list itself has. */
void list_add(struct list *list, struct value v)
{
    if (list->from)
        list_load(list);
    if (list->len == list->room) {
        uint32_t room = list->room ? list->room * 2 : 4;
        struct value *wider = arena_alloc(list->heap->arena, room * sizeof *wider);

        if (list->len)
            memcpy(wider, list->items, list->len * sizeof *wider);
        list->items = wider;
        list->room = room;
    }
    v.any = false;
    list->items[list->len++] = v;
}

struct dict *dict_new(struct heap *heap, enum element element)
{
    struct dict *dict = arena_alloc(heap->arena, sizeof *dict);

    dict->heap = heap;
    dict->element = (unsigned char)element;
    dict->sorted = true;
    return dict;
}

/* FNV-1a, seeded with the address at which the program is loaded. The author of the
   keys cannot know it, so keys cannot be chosen to collide. No order depends on it. */
uint32_t str_hash(struct str key)
{
    static const char here;
    uint32_t hash =
        2166136261u ^ (uint32_t)((uint64_t)(uintptr_t)&here * 0x9e3779b97f4a7c15u >> 32);

    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.at[i]) * 16777619u;
    return hash ^ hash >> 15;
}

/* Open addressing: the next free slot behind the one of the hash. */
static void index_entry(struct dict *dict, uint32_t position)
{
    uint32_t mask = dict->slots - 1;
    uint32_t slot = dict->entries[position].hash & mask;

    while (dict->index[slot])
        slot = (slot + 1) & mask;
    dict->index[slot] = position + 1;
}

/* Builds the index anew. Small dicts have none: comparing a dozen hashes is faster. */
static void index_entries(struct dict *dict)
{
    uint32_t slots = 32;

    if (dict->len <= INDEX_FROM) {
        dict->index = NULL;
        return;
    }
    while (slots < dict->len * 3)
        slots *= 2;
    if (dict->index && slots == dict->slots) {
        memset(dict->index, 0, slots * sizeof *dict->index);
    } else {
        dict->index = arena_alloc(dict->heap->arena, slots * sizeof *dict->index);
        dict->slots = slots;
    }
    for (uint32_t i = 0; i < dict->len; i++)
        index_entry(dict, i);
}

/* By bytes, the shorter one first where one begins with the other. */
static int str_order(struct str a, struct str b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least ? memcmp(a.at, b.at, least) : 0;

    if (order)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

/* The key of a member as a text, which can hold NUL. */
static struct str copy_key(struct heap *heap, const char *key)
{
    scoped_text struct text out = {0};

    if (!strstr(key, NODE_KEY_NUL))
        return str_of(key);
    node_key_bytes(&out, key);
    return str_take(heap->arena, &out);
}

static int compare_dict_entries(const void *a, const void *b)
{
    const struct dict_entry *left = a, *right = b;

    return str_order((struct str){left->key, left->len}, (struct str){right->key, right->len});
}

/* Makes entries of the members of the node, whose values are loaded later in turn. */
void dict_load(struct dict *dict)
{
    const struct node *from = dict->from;

    dict->from = NULL;
    meter_spend(dict->heap->meter, from->len * 128);
    dict->room = dict->len = (uint32_t)from->len;
    dict->entries =
        arena_alloc(dict->heap->arena, (from->len ? from->len : 1) * sizeof *dict->entries);
    for (size_t i = 0; i < from->len; i++) {
        struct str key = copy_key(dict->heap, from->members[i].key);

        dict->entries[i] = (struct dict_entry){
            .key = key.at,
            .len = (uint32_t)key.len,
            .hash = str_hash(key),
            .value = value_from_node(dict->heap, from->members[i].value),
        };
    }
    dict->sorted = from->len < 2;
    index_entries(dict);
}

/* The hash is compared first, since it almost always differs where the keys do. */
static bool entry_is(const struct dict_entry *entry, struct str key, uint32_t hash)
{
    return entry->hash == hash && entry->len == key.len &&
           (!key.len || memcmp(entry->key, key.at, key.len) == 0);
}

struct value *dict_find(struct dict *dict, struct str key, uint32_t hash)
{
    if (dict->from)
        dict_load(dict);
    if (!dict->index) {
        for (uint32_t i = 0; i < dict->len; i++) {
            if (entry_is(&dict->entries[i], key, hash))
                return &dict->entries[i].value;
        }
        return NULL;
    }
    for (uint32_t slot = hash & (dict->slots - 1); dict->index[slot];
         slot = (slot + 1) & (dict->slots - 1)) {
        struct dict_entry *entry = &dict->entries[dict->index[slot] - 1];

        if (entry_is(entry, key, hash))
            return &entry->value;
    }
    return NULL;
}

struct value *dict_get(struct dict *dict, struct str key)
{
    return dict_find(dict, key, str_hash(key));
}

/* Notes whether the order is still sorted, so that a dict built in order is never sorted again. */
static void dict_append(struct dict *dict, struct str key, uint32_t hash, struct value v)
{
    if (dict->len == dict->room) {
        uint32_t room = dict->room ? dict->room * 2 : 4;
        struct dict_entry *wider = arena_alloc(dict->heap->arena, room * sizeof *wider);

        if (dict->len)
            memcpy(wider, dict->entries, dict->len * sizeof *wider);
        dict->entries = wider;
        dict->room = room;
    }
    dict->entries[dict->len] =
        (struct dict_entry){.key = key.at, .len = (uint32_t)key.len, .hash = hash, .value = v};
    dict->sorted =
        dict->sorted && (!dict->len || compare_dict_entries(&dict->entries[dict->len - 1],
                                                            &dict->entries[dict->len]) < 0);
    dict->len++;
    if (dict->index && dict->len * 2 < dict->slots)
        index_entry(dict, dict->len - 1);
    else
        index_entries(dict);
}

void dict_set(struct dict *dict, struct str key, struct value v)
{
    uint32_t hash = str_hash(key);
    struct value *old = dict_find(dict, key, hash);

    v.any = false;
    if (old)
        *old = v;
    else
        dict_append(dict, key, hash, v);
}

/* The entries behind move up, so the positions in the index are wrong and it is built anew. */
void dict_remove(struct dict *dict, struct str key)
{
    struct value *found = dict_get(dict, key);
    struct dict_entry *entry;
    size_t after;

    if (!found)
        return;
    entry = (struct dict_entry *)((char *)found - offsetof(struct dict_entry, value));
    after = (size_t)(dict->entries + dict->len - entry) - 1;
    meter_spend(dict->heap->meter, (uint64_t)dict->len * 16);
    memmove(entry, entry + 1, after * sizeof *entry);
    dict->len--;
    index_entries(dict);
}

/* Keys may be alike for long. */
static void pay_sort(const struct dict *dict)
{
    uint64_t bytes = 0, each;

    for (uint32_t i = 0; i < dict->len; i++)
        bytes += dict->entries[i].len;
    each = dict->len ? bytes / dict->len / 8 + 24 : 0;
    meter_spend(dict->heap->meter, meter_sort(dict->len) * each);
}

/* Sorts in place. Go ranges over maps in this order, and prints them in it. */
struct dict_entry *dict_sort(struct dict *dict)
{
    if (dict->from)
        dict_load(dict);
    if (!dict->sorted) {
        pay_sort(dict);
        qsort(dict->entries, dict->len, sizeof *dict->entries, compare_dict_entries);
        dict->sorted = true;
        index_entries(dict);
    }
    return dict->entries;
}

static struct node *list_value_to_node(struct arena *arena, struct list *list, unsigned depth)
{
    struct node *node = node_list(arena);

    for (uint32_t i = 0; i < list_len(list); i++) {
        struct node *item = value_to_node(arena, list->items[i], depth);

        if (!item)
            return NULL;
        node_add(arena, node, item);
    }
    return node;
}

static struct node *dict_value_to_node(struct arena *arena, struct dict *dict, unsigned depth)
{
    struct node *node = node_map(arena);

    dict_sort(dict);
    for (uint32_t i = 0; i < dict->len; i++) {
        struct dict_entry *entry = &dict->entries[i];
        struct node *value = value_to_node(arena, entry->value, depth);

        if (!value)
            return NULL;
        node_set(arena, node, arena_bytes(arena, entry->key, entry->len), value);
    }
    return node;
}

/* Times and versions are strings in JSON. */
static struct node *printed_to_node(struct arena *arena, struct value v)
{
    scoped_text struct text shown = {0};

    if (v.kind == KIND_TIME)
        print_time_rfc3339(&shown, v.time);
    else
        semver_print(&shown, v.semver);
    return node_bytes(arena, text_string(&shown), shown.len);
}

struct node *value_to_node(struct arena *arena, struct value v, unsigned depth)
{
    if (!depth)
        return NULL;
    switch (v.kind) {
    case KIND_BOOL:
        return node_bool(arena, v.truth);
    case KIND_INT:
    case KIND_INT64:
    case KIND_UINT8:
    case KIND_MONTH:
    case KIND_WEEKDAY:
    case KIND_DURATION:
        return node_int(arena, v.integer);
    case KIND_FLOAT:
        return node_float(arena, v.number);
    case KIND_STRING:
        return node_bytes(arena, v.string, v.len);
    case KIND_LIST:
        return v.list->nil ? node_null(arena) : list_value_to_node(arena, v.list, depth - 1);
    case KIND_DICT:
        return v.dict->nil ? node_null(arena) : dict_value_to_node(arena, v.dict, depth - 1);
    case KIND_TIME:
    case KIND_SEMVER:
        return printed_to_node(arena, v);
    default:
        return node_null(arena);
    }
}

static const struct {
    const char *type, *kind;
} names[KIND_COUNT] = {
    [KIND_NIL] = {"<nil>", "invalid"},
    [KIND_BOOL] = {"bool", "bool"},
    [KIND_INT] = {"int", "int"},
    [KIND_INT64] = {"int64", "int64"},
    [KIND_UINT8] = {"uint8", "uint8"},
    [KIND_FLOAT] = {"float64", "float64"},
    [KIND_COMPLEX] = {"complex128", "complex128"},
    [KIND_STRING] = {"string", "string"},
    [KIND_LIST] = {"[]interface {}", "slice"},
    [KIND_DICT] = {"map[string]interface {}", "map"},
    [KIND_TIME] = {"time.Time", "struct"},
    [KIND_MONTH] = {"time.Month", "int"},
    [KIND_WEEKDAY] = {"time.Weekday", "int"},
    [KIND_DURATION] = {"time.Duration", "int64"},
    [KIND_SEMVER] = {"*semver.Version", "ptr"},
};

static const char *const list_types[] = {
    [ELEMENT_ANY] = "[]interface {}",
    [ELEMENT_STRING] = "[]string",
    [ELEMENT_INT] = "[]int",
    [ELEMENT_LIST] = "[][]interface {}",
    [ELEMENT_DICT] = "[]map[string]interface {}",
};

const char *value_type(struct value v)
{
    if (v.kind == KIND_LIST)
        return list_types[v.list->element];
    if (v.kind == KIND_DICT && v.dict->element == ELEMENT_STRING)
        return "map[string]string";
    return names[v.kind].type;
}

const char *value_kind(struct value v)
{
    return names[v.kind].kind;
}

bool value_true(struct value v)
{
    switch (v.kind) {
    case KIND_NIL:
        return false;
    case KIND_BOOL:
        return v.truth;
    case KIND_FLOAT:
        return v.number != 0;
    case KIND_COMPLEX:
        return v.complex[0] != 0 || v.complex[1] != 0;
    case KIND_STRING:
        return v.len > 0;
    case KIND_LIST:
        return list_len(v.list) > 0;
    case KIND_DICT:
        return dict_len(v.dict) > 0;
    case KIND_TIME:
    case KIND_SEMVER:
        return true;
    default:
        return v.integer != 0;
    }
}

/* Stops soon after `most`: the answer is only compared with what is left to spend. */
static void add_size(struct value v, unsigned depth, uint64_t most, uint64_t *size)
{
    *size += 16 + depth;
    if (v.kind == KIND_STRING)
        *size += v.len;
    else if (v.kind == KIND_FLOAT || v.kind == KIND_COMPLEX)
        *size += 96; /* finding the shortest digits takes long */
    if (depth > PRINT_DEPTH)
        return;
    if (v.kind == KIND_LIST) {
        for (uint32_t i = 0; i < list_len(v.list) && *size <= most; i++)
            add_size(v.list->items[i], depth + 1, most, size);
    } else if (v.kind == KIND_DICT) {
        for (uint32_t i = 0; i < dict_len(v.dict) && *size <= most; i++) {
            *size += v.dict->entries[i].len + 16;
            add_size(v.dict->entries[i].value, depth + 1, most, size);
        }
    }
}

uint64_t value_size(struct value v, uint64_t most)
{
    uint64_t size = 0;

    add_size(v, 0, most, &size);
    return size;
}

/* reflect.DeepEqual: a nil list differs from an empty one. A list is equal to itself without a
   look. */
static bool lists_are_equal(struct list *a, struct list *b, unsigned depth)
{
    if (a->element != b->element || a->nil != b->nil || list_len(a) != list_len(b))
        return false;
    for (uint32_t i = 0; a != b && i < a->len; i++) {
        if (!meter_spend(a->heap->meter, 8) || !value_same(a->items[i], b->items[i], depth))
            return false;
    }
    return true;
}

/* The same for dicts, whose order does not count. */
static bool dicts_are_equal(struct dict *a, struct dict *b, unsigned depth)
{
    if (a->element != b->element || a->nil != b->nil || dict_len(a) != dict_len(b))
        return false;
    for (uint32_t i = 0; a != b && i < a->len; i++) {
        const struct dict_entry *entry = &a->entries[i];
        struct value *other = dict_find(b, (struct str){entry->key, entry->len}, entry->hash);

        if (!meter_spend(a->heap->meter, 32) || !other || !value_same(entry->value, *other, depth))
            return false;
    }
    return true;
}

bool value_same(struct value a, struct value b, unsigned depth)
{
    if (a.kind != b.kind || !depth)
        return false;
    switch (a.kind) {
    case KIND_NIL:
        return true;
    case KIND_BOOL:
        return a.truth == b.truth;
    case KIND_FLOAT:
        return a.number == b.number;
    case KIND_COMPLEX:
        return a.complex[0] == b.complex[0] && a.complex[1] == b.complex[1];
    case KIND_STRING:
        return str_same(value_str(a), value_str(b));
    case KIND_LIST:
        return lists_are_equal(a.list, b.list, depth - 1);
    case KIND_DICT:
        return dicts_are_equal(a.dict, b.dict, depth - 1);
    case KIND_TIME:
    case KIND_SEMVER:
        return a.time == b.time;
    default:
        return a.integer == b.integer;
    }
}

struct str str_copy(struct arena *arena, struct str s)
{
    return (struct str){arena_bytes(arena, s.at, s.len), s.len};
}

struct str str_take(struct arena *arena, struct text *text)
{
    struct str s = str_copy(arena, (struct str){text_string(text), text->len});

    text_free(text);
    return s;
}
