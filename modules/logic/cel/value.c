/* SPDX-License-Identifier: Apache-2.0 */
/* Values: made from trees, compared, and made into trees again. */
#include "cel/internal.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *cel_type_name(enum cel_type type)
{
    static const char *const names[] = {
        [CEL_DYN] = "dyn",
        [CEL_NULL] = "null_type",
        [CEL_BOOL] = "bool",
        [CEL_INT] = "int",
        [CEL_UINT] = "uint",
        [CEL_DOUBLE] = "double",
        [CEL_STRING] = "string",
        [CEL_BYTES] = "bytes",
        [CEL_LIST] = "list",
        [CEL_MAP] = "map",
        [CEL_TIME] = "google.protobuf.Timestamp",
        [CEL_DURATION] = "google.protobuf.Duration",
        [CEL_TYPE] = "type",
        [CEL_OPTIONAL] = "optional_type",
        [CEL_QUANTITY] = "kubernetes.Quantity",
        [CEL_SEMVER] = "kubernetes.Semver",
        [CEL_IP] = "net.IP",
        [CEL_CIDR] = "net.CIDR",
        [CEL_URL] = "kubernetes.URL",
        [CEL_FORMAT] = "kubernetes.NamedFormat",
    };

    return names[type];
}

/* ---- Makers ------------------------------------------------------------ */

struct cel_value cel_bool(bool value)
{
    return (struct cel_value){CEL_BOOL, {.boolean = value}};
}

struct cel_value cel_int(int64_t value)
{
    return (struct cel_value){CEL_INT, {.integer = value}};
}

struct cel_value cel_double(double value)
{
    return (struct cel_value){CEL_DOUBLE, {.number = value}};
}

struct cel_value cel_string(struct arena *arena, const char *bytes, size_t len)
{
    struct cel_value value = {.type = CEL_STRING};

    value.bytes = arena_bytes(arena, bytes, len);
    value.len = len;
    return value;
}

struct cel_value cel_list_of(struct arena *arena, const struct cel_value *items, size_t len)
{
    struct cel_list *list = arena_alloc(arena, sizeof *list);

    list->items = items;
    list->len = len;
    return (struct cel_value){CEL_LIST, {.list = list}};
}

struct cel_value cel_some(struct arena *arena, const struct cel_value *inner)
{
    struct cel_value *copy = NULL;

    if (inner) {
        copy = arena_alloc(arena, sizeof *copy);
        *copy = *inner;
    }
    return (struct cel_value){CEL_OPTIONAL, {.inner = copy}};
}

/* Copies no contents: strings, lists and maps borrow from the tree. */
struct cel_value cel_from_node(struct arena *arena, const struct node *node)
{
    struct cel_value value = {.type = CEL_NULL};
    struct cel_list *list;
    struct cel_map *map;

    if (!node)
        return value;
    switch (node->type) {
    case NODE_NULL:
        break;
    case NODE_BOOL:
        return cel_bool(node->boolean);
    case NODE_INT:
        return cel_int(node->integer);
    case NODE_FLOAT:
        return cel_double(node->number);
    case NODE_STRING:
        value.type = CEL_STRING;
        value.bytes = node->string;
        value.len = node->len;
        break;
    case NODE_LIST:
        list = arena_alloc(arena, sizeof *list);
        *list = (struct cel_list){.node = node, .len = node->len};
        return (struct cel_value){CEL_LIST, {.list = list}};
    case NODE_MAP:
        map = arena_alloc(arena, sizeof *map);
        *map = (struct cel_map){.node = node, .len = node->len};
        return (struct cel_value){CEL_MAP, {.map = map}};
    }
    return value;
}

/* ---- Lists and maps ---------------------------------------------------- */

struct cel_value cel_item(struct arena *arena, const struct cel_list *list, size_t index)
{
    return list->node ? cel_from_node(arena, list->node->items[index]) : list->items[index];
}

struct cel_value cel_key(struct arena *arena, const struct cel_map *map, size_t index)
{
    struct cel_value key = {.type = CEL_STRING};

    if (!map->node)
        return map->keys[index];
    key.bytes = map->node->members[index].key;
    key.len = strlen(key.bytes);
    return key;
}

/* Keys of documents are strings without NUL; no other key can be in one. */
bool cel_find(struct arena *arena, const struct cel_map *map, const struct cel_value *key,
              struct cel_value *ret)
{
    if (map->node) {
        const struct node *found = key->type == CEL_STRING && strlen(key->bytes) == key->len
                                       ? node_get(map->node, key->bytes)
                                       : NULL;

        if (found)
            *ret = cel_from_node(arena, found);
        return found != NULL;
    }
    for (size_t i = 0; i < map->len; i++)
        if (cel_same(arena, &map->keys[i], key)) {
            *ret = map->values[i];
            return true;
        }
    return false;
}

/* ---- Comparing --------------------------------------------------------- */

static bool is_numeric_value(const struct cel_value *value)
{
    return value->type == CEL_INT || value->type == CEL_UINT || value->type == CEL_DOUBLE;
}

static int order_of(double a, double b)
{
    return a < b ? -1 : a > b;
}

/* Compares exactly. As a double, an int above 2^53 would lose digits, so the
   integer parts are compared first and then the fraction. */
static int order_int_double(int64_t a, double b)
{
    if (b >= 9223372036854775808.0)
        return -1;
    if (b < -9223372036854775808.0)
        return 1;
    if (a != (int64_t)b)
        return a < (int64_t)b ? -1 : 1;
    return order_of(0, b - trunc(b));
}

/* CEL compares numbers of different types by their mathematical value. */
static int order_numbers(const struct cel_value *a, const struct cel_value *b)
{
    if ((a->type == CEL_DOUBLE && isnan(a->number)) || (b->type == CEL_DOUBLE && isnan(b->number)))
        return 2;
    if (a->type == CEL_DOUBLE && b->type == CEL_DOUBLE)
        return order_of(a->number, b->number);
    if (a->type == CEL_INT && b->type == CEL_INT)
        return a->integer < b->integer ? -1 : a->integer > b->integer;
    if (a->type == CEL_UINT && b->type == CEL_UINT)
        return a->natural < b->natural ? -1 : a->natural > b->natural;
    if (a->type == CEL_INT && b->type == CEL_UINT)
        return a->integer < 0 || (uint64_t)a->integer < b->natural
                   ? -1
                   : (uint64_t)a->integer > b->natural;
    if (a->type == CEL_INT)
        return order_int_double(a->integer, b->number);
    if (a->type == CEL_UINT && b->type == CEL_DOUBLE)
        return order_of((double)a->natural, b->number);
    /* NaN has returned 2 above, so the result can be negated. */
    return -order_numbers(b, a);
}

static int order_bytes(const struct cel_value *a, const struct cel_value *b)
{
    int order = memcmp(a->bytes, b->bytes, a->len < b->len ? a->len : b->len);

    if (order)
        return order < 0 ? -1 : 1;
    return a->len < b->len ? -1 : a->len > b->len;
}

int cel_order(const struct cel_value *a, const struct cel_value *b)
{
    if (is_numeric_value(a) && is_numeric_value(b))
        return order_numbers(a, b);
    if (a->type != b->type)
        return 2;
    switch (a->type) {
    case CEL_BOOL:
        return (int)a->boolean - (int)b->boolean;
    case CEL_STRING:
    case CEL_BYTES:
        return order_bytes(a, b);
    case CEL_TIME:
    case CEL_DURATION:
        return a->integer < b->integer ? -1 : a->integer > b->integer;
    default:
        return 2;
    }
}

/* Counts values. node_weight() counts 64 and more for each node of a document. */
static void add_value_weight(const struct cel_value *value, uint64_t most, uint64_t *weight)
{
    *weight += 1;
    if (value->type == CEL_LIST && value->list->node) {
        *weight += node_weight(value->list->node, most * 64) / 64;
    } else if (value->type == CEL_LIST) {
        for (size_t i = 0; i < value->list->len && *weight <= most; i++)
            add_value_weight(&value->list->items[i], most, weight);
    } else if (value->type == CEL_MAP && value->map->node) {
        *weight += node_weight(value->map->node, most * 64) / 64;
    } else if (value->type == CEL_MAP) {
        /* equal_maps() searches for each key among all keys of the other map. */
        *weight += value->map->len * value->map->len / 8;
        for (size_t i = 0; i < value->map->len && *weight <= most; i++)
            add_value_weight(&value->map->values[i], most, weight);
    }
}

uint64_t cel_weight(const struct cel_value *value, uint64_t most)
{
    uint64_t weight = 0;

    add_value_weight(value, most, &weight);
    return weight;
}

static bool equal_lists(struct arena *arena, const struct cel_list *a, const struct cel_list *b)
{
    if (a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++) {
        struct cel_value one = cel_item(arena, a, i), two = cel_item(arena, b, i);

        if (!cel_same(arena, &one, &two))
            return false;
    }
    return true;
}

static struct cel_value value_at(struct arena *arena, const struct cel_map *map, size_t index)
{
    return map->node ? cel_from_node(arena, map->node->members[index].value) : map->values[index];
}

static bool equal_maps(struct arena *arena, const struct cel_map *a, const struct cel_map *b)
{
    if (a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++) {
        struct cel_value key = cel_key(arena, a, i), other;
        struct cel_value value = value_at(arena, a, i);

        if (!cel_find(arena, b, &key, &other) || !cel_same(arena, &value, &other))
            return false;
    }
    return true;
}

bool cel_same(struct arena *arena, const struct cel_value *a, const struct cel_value *b)
{
    if (is_numeric_value(a) && is_numeric_value(b))
        return order_numbers(a, b) == 0;
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case CEL_NULL:
        return true;
    case CEL_LIST:
        return equal_lists(arena, a->list, b->list);
    case CEL_MAP:
        return equal_maps(arena, a->map, b->map);
    case CEL_TYPE:
        return a->of == b->of;
    case CEL_OPTIONAL:
        return a->inner && b->inner ? cel_same(arena, a->inner, b->inner) : a->inner == b->inner;
    case CEL_QUANTITY:
        return quantity_compare(a->quantity, b->quantity) == 0;
    case CEL_SEMVER:
        return text_same(a->semver->text, b->semver->text);
    case CEL_URL:
        return text_same(a->url->text, b->url->text);
    case CEL_IP:
    case CEL_CIDR:
        return a->address->six == b->address->six && a->address->bits == b->address->bits &&
               !memcmp(a->address->bytes, b->address->bytes, 16);
    case CEL_FORMAT:
        return a->format == b->format;
    default:
        return cel_order(a, b) == 0;
    }
}

/* ---- Into a tree ------------------------------------------------------- */

static struct node *cel_list_to_node(struct cel_run *run, const struct cel_list *list)
{
    struct node *node = node_list(run->arena);

    if (list->node)
        return (struct node *)list->node;
    for (size_t i = 0; i < list->len; i++) {
        struct node *item = cel_pay(run, 1) < 0 ? NULL : cel_to_node(run, &list->items[i]);

        if (!item)
            return NULL;
        node_add(run->arena, node, item);
    }
    return node;
}

/* JSON has only strings as keys, so other keys are written as JSON texts. */
static struct node *map_to_node(struct cel_run *run, const struct cel_map *map)
{
    struct node *node = node_map(run->arena);

    if (map->node)
        return (struct node *)map->node;
    for (size_t i = 0; i < map->len; i++) {
        struct node *key = cel_pay(run, 1) < 0 ? NULL : cel_to_node(run, &map->keys[i]);
        struct node *value = key ? cel_to_node(run, &map->values[i]) : NULL;

        if (!key || !value)
            return NULL;
        node_set(run->arena, node,
                 key->type == NODE_STRING ? key->string : document_json(run->arena, key), value);
    }
    return node;
}

static struct node *time_to_node(struct arena *arena, int64_t at)
{
    char text[CLOCK_TEXT];

    clock_format(at, at % CLOCK_SECOND != 0, text);
    return node_string(arena, text);
}

/* Documents that came in are returned as they are, without a copy. An uint beyond
   int64 becomes a float, as JSON has no unsigned integers. */
struct node *cel_to_node(struct cel_run *run, const struct cel_value *value)
{
    struct arena *arena = run->arena;
    char duration[DURATION_TEXT];

    switch (value->type) {
    case CEL_NULL:
        return node_null(arena);
    case CEL_BOOL:
        return node_bool(arena, value->boolean);
    case CEL_INT:
        return node_int(arena, value->integer);
    case CEL_UINT:
        return value->natural <= INT64_MAX ? node_int(arena, (int64_t)value->natural)
                                           : node_float(arena, (double)value->natural);
    case CEL_DOUBLE:
        return node_float(arena, value->number);
    case CEL_STRING:
        return node_bytes(arena, value->bytes, value->len);
    case CEL_LIST:
        return cel_list_to_node(run, value->list);
    case CEL_MAP:
        return map_to_node(run, value->map);
    case CEL_TIME:
        return time_to_node(arena, value->integer);
    case CEL_DURATION:
        duration_format(value->integer, duration);
        return node_string(arena, duration);
    case CEL_OPTIONAL:
        return value->inner ? cel_to_node(run, value->inner) : node_null(arena);
    default:
        cel_fail(run, "a %s cannot be given out", cel_type_name(value->type));
        return NULL;
    }
}
