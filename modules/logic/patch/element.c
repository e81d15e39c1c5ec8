/* SPDX-License-Identifier: Apache-2.0 */
/* The elements of a field path: fields, keys of list items, values, indexes. */
#include "patch/internal.h"

#include <stdlib.h>
#include <string.h>

struct element element_field(const char *name)
{
    return (struct element){.kind = ELEMENT_FIELD, .text = name};
}

bool element_same(const struct element *a, const struct element *b)
{
    return a->kind == b->kind && !strcmp(a->text, b->text);
}

/* structured-merge-diff's order of values: numbers, strings, booleans, … */
static int value_rank(const struct node *value)
{
    static const int ranks[] = {
        [NODE_FLOAT] = 0, [NODE_INT] = 0, [NODE_STRING] = 1, [NODE_BOOL] = 2,
        [NODE_LIST] = 3,  [NODE_MAP] = 4, [NODE_NULL] = 5,
    };

    return ranks[value->type];
}

static double number_of_value(const struct node *value)
{
    return value->type == NODE_INT ? (double)value->integer : value->number;
}

static int compare_values(const struct node *a, const struct node *b);

static int compare_map_values(const struct node *a, const struct node *b)
{
    for (size_t i = 0; i < a->len && i < b->len; i++) {
        int order = strcmp(a->members[i].key, b->members[i].key);

        if (!order)
            order = compare_values(a->members[i].value, b->members[i].value);
        if (order)
            return order;
    }
    return a->len < b->len ? -1 : a->len > b->len;
}

static int compare_values(const struct node *a, const struct node *b)
{
    if (value_rank(a) != value_rank(b))
        return value_rank(a) - value_rank(b);
    switch (a->type) {
    case NODE_INT:
    case NODE_FLOAT:
        return number_of_value(a) < number_of_value(b) ? -1
                                                       : number_of_value(a) > number_of_value(b);
    case NODE_STRING:
        return strcmp(a->string, b->string);
    case NODE_BOOL:
        return (int)a->boolean - (int)b->boolean;
    case NODE_MAP:
        return compare_map_values(a, b);
    default:
        return 0;
    }
}

int element_compare(const struct element *a, const struct element *b)
{
    int order;

    if (a->kind != b->kind)
        return (int)a->kind - (int)b->kind;
    if (a->kind == ELEMENT_FIELD)
        return strcmp(a->text, b->text);
    order = compare_values(a->value, b->value);
    return order ? order : strcmp(a->text, b->text);
}

static void set_json(struct arena *arena, struct element *element)
{
    scoped_text struct text json = {0};

    document_write_canonical(&json, element->value);
    element->text = arena_string(arena, text_string(&json));
}

/* Keys are compared member by member, so their members must be sorted. */
static const struct node *sort_map_members(struct arena *arena, const struct node *map)
{
    struct node *copy = node_share(arena, map);

    node_sort(copy);
    return copy;
}

bool element_read(struct arena *arena, const char *key, struct element *ret)
{
    /* The letters of fieldsV1, in the order of enum element_kind. */
    static const char kinds[] = "fkvi";
    const char *kind = *key ? strchr(kinds, *key) : NULL;

    if (!kind || key[1] != ':')
        return false;
    ret->kind = (enum element_kind)(kind - kinds);
    if (ret->kind == ELEMENT_FIELD) {
        ret->text = key + 2;
        return true;
    }
    ret->value = document_read_json(arena, key + 2, strlen(key + 2), &document_limits_api, NULL);
    if (!ret->value || (ret->kind == ELEMENT_KEY && !node_is(ret->value, NODE_MAP)) ||
        (ret->kind == ELEMENT_INDEX && !node_is(ret->value, NODE_INT)))
        return false;
    if (ret->kind == ELEMENT_KEY)
        ret->value = sort_map_members(arena, ret->value);
    set_json(arena, ret);
    return true;
}

char *element_key(struct arena *arena, const struct element *element)
{
    size_t len = strlen(element->text);
    char *key = arena_alloc(arena, len + 3);

    key[0] = "fkvi"[element->kind];
    key[1] = ':';
    memcpy(key + 2, element->text, len);
    return key;
}

void element_print(struct text *out, const struct element *element)
{
    switch (element->kind) {
    case ELEMENT_FIELD:
        text_addf(out, ".%s", element->text);
        break;
    case ELEMENT_KEY:
        text_add_char(out, '[');
        for (size_t i = 0; i < element->value->len; i++) {
            text_addf(out, "%s%s=", i ? "," : "", element->value->members[i].key);
            document_write_json(out, element->value->members[i].value);
        }
        text_add_char(out, ']');
        break;
    case ELEMENT_VALUE:
        text_addf(out, "[=%s]", element->text);
        break;
    case ELEMENT_INDEX:
        text_addf(out, "[%s]", element->text);
        break;
    }
}

/* A key field may be left out if it has a default, such as a port's protocol. */
static const struct node *key_value(const struct schema *list, const struct node *item,
                                    const char *key)
{
    const struct node *value = node_get(item, key);

    return value ? value : schema_default(schema_field(schema_items(list), key));
}

bool element_of_item(struct arena *arena, const struct schema *list, const struct node *item,
                     struct element *ret, const char **ret_why)
{
    const char *const *keys = schema_list_keys(list);
    struct node *map;

    if (schema_list_type(list) == SCHEMA_LIST_SET) {
        *ret = (struct element){.kind = ELEMENT_VALUE, .value = item};
        set_json(arena, ret);
        return true;
    }
    if (!node_is(item, NODE_MAP)) {
        *ret_why = "associative list with keys may not have null element";
        return false;
    }
    map = node_map(arena);
    for (size_t i = 0; keys[i]; i++) {
        const struct node *value = key_value(list, item, keys[i]);

        if (!value) {
            *ret_why = arena_printf(arena,
                                    "associative list with keys has an element "
                                    "that omits key field \"%s\" (and doesn't "
                                    "have default value)",
                                    keys[i]);
            return false;
        }
        node_set(arena, map, keys[i], (struct node *)value);
    }
    node_sort(map);
    *ret = (struct element){.kind = ELEMENT_KEY, .value = map};
    set_json(arena, ret);
    return true;
}
