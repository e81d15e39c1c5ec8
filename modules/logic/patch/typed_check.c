/* SPDX-License-Identifier: Apache-2.0 */
/* Says whether an object has the types and fields that its schema declares. */
#include "patch/internal.h"

#include "base/map.h"

#include <string.h>

struct checking {
    struct arena *arena;
    bool strict;
    struct text path;
    struct text *why;
};

static bool check_typed_value(struct checking *c, const struct schema *schema,
                              const struct node *value);

/* Only the first mistake is reported. */
static bool report_type_mistake(struct checking *c, const char *expected, const struct node *got)
{
    text_addf(c->why, "%s: expected %s, got ", text_string(&c->path), expected);
    document_write_json(c->why, got);
    return false;
}

static const char *go_type(const struct node *value)
{
    static const char *const names[] = {
        [NODE_NULL] = "<nil>",
        [NODE_BOOL] = "bool",
        [NODE_INT] = "int64",
        [NODE_FLOAT] = "float64",
        [NODE_STRING] = "string",
        [NODE_LIST] = "[]interface {}",
        [NODE_MAP] = "map[string]interface {}",
    };

    return names[value->type];
}

static bool check_scalar(struct checking *c, const struct schema *schema, const struct node *value)
{
    bool is_number = value->type == NODE_INT || value->type == NODE_FLOAT;

    switch (schema_type_of(schema)) {
    case SCHEMA_STRING:
        return value->type == NODE_STRING || report_type_mistake(c, "string", value);
    case SCHEMA_BOOLEAN:
        return value->type == NODE_BOOL || report_type_mistake(c, "boolean", value);
    case SCHEMA_INTEGER:
    case SCHEMA_NUMBER:
        if (is_number)
            return true;
        text_addf(c->why, "%s: expected numeric (int or float), got %s", text_string(&c->path),
                  go_type(value));
        return false;
    default:
        return true;
    }
}

static bool check_typed_map(struct checking *c, const struct schema *schema, const struct node *map)
{
    size_t len = c->path.len;

    if (!node_is(map, NODE_MAP))
        return report_type_mistake(c, "map", map);
    node_each(member, map)
    {
        const struct schema *child = schema_field(schema, member->key);

        text_add_char(&c->path, '.');
        text_add(&c->path, member->key);
        if (!child && !schema_preserves(schema) && !schema_is_free(schema)) {
            text_addf(c->why, "%s: field not declared in schema", text_string(&c->path));
            return false;
        }
        if (child && !check_typed_value(c, child, member->value))
            return false;
        text_cut(&c->path, len);
    }
    return true;
}

static bool check_keys(struct checking *c, const struct schema *schema, const struct node *list)
{
    scoped_map struct map *seen = map_new();
    struct element element;
    const char *why = "";

    for (size_t i = 0; i < list->len; i++) {
        if (!element_of_item(c->arena, schema, list->items[i], &element, &why)) {
            text_addf(c->why, "%s: element %zu: %s", text_string(&c->path), i, why);
            return false;
        }
        /* Duplicates are refused in what a client applies; a live object may have them. */
        if (map_put(seen, element.text, (void *)list) && c->strict) {
            text_addf(c->why, "%s: duplicate entries for key ", text_string(&c->path));
            element_print(c->why, &element);
            return false;
        }
    }
    return true;
}

static bool check_typed_list(struct checking *c, const struct schema *schema,
                             const struct node *list)
{
    size_t len = c->path.len;

    if (!node_is(list, NODE_LIST))
        return report_type_mistake(c, "list", list);
    for (size_t i = 0; schema_items(schema) && i < list->len; i++) {
        text_addf(&c->path, "[%zu]", i);
        if (!check_typed_value(c, schema_items(schema), list->items[i]))
            return false;
        text_cut(&c->path, len);
    }
    return schema_list_type(schema) == SCHEMA_LIST_ATOMIC || check_keys(c, schema, list);
}

static bool check_typed_value(struct checking *c, const struct schema *schema,
                              const struct node *value)
{
    if (!schema || value->type == NODE_NULL || schema_is_free(schema))
        return true;
    switch (schema_type_of(schema)) {
    case SCHEMA_OBJECT:
        return check_typed_map(c, schema, value);
    case SCHEMA_ARRAY:
        return check_typed_list(c, schema, value);
    default:
        return check_scalar(c, schema, value);
    }
}

bool typed_check(struct arena *arena, const struct schema *schema, const struct node *object,
                 bool strict, struct text *ret_why)
{
    struct checking c = {.arena = arena, .strict = strict, .why = ret_why};
    bool good = check_typed_value(&c, schema, object);

    text_free(&c.path);
    return good;
}
