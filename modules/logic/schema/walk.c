/* SPDX-License-Identifier: Apache-2.0 */
/* Looks things up in a compiled schema: types, members, list types. */
#include "schema/internal.h"

#include <string.h>

/* Binary search: `sorted` has the positions in the order of the keys. */
struct schema_member *schema_member(const struct schema *schema, const char *key)
{
    size_t low = 0, high = schema->sorted ? schema->member_count : 0;

    while (low < high) {
        size_t middle = (low + high) / 2;
        struct schema_member *member = &schema->members[schema->sorted[middle]];
        int order = strcmp(key, member->key);

        if (!order)
            return member;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

enum schema_type schema_type_of(const struct schema *schema)
{
    schema = schema_real(schema);
    return schema ? schema->type : SCHEMA_ANY;
}

const char *schema_type_name(const struct schema *schema)
{
    static const char *const names[] = {
        [SCHEMA_ANY] = "",
        [SCHEMA_OBJECT] = "object",
        [SCHEMA_ARRAY] = "array",
        [SCHEMA_STRING] = "string",
        [SCHEMA_INTEGER] = "integer",
        [SCHEMA_NUMBER] = "number",
        [SCHEMA_BOOLEAN] = "boolean",
    };

    return names[schema_type_of(schema)];
}

const struct node *schema_source(const struct schema *schema)
{
    return schema ? schema->source : NULL;
}

const struct schema *schema_field(const struct schema *schema, const char *key)
{
    const struct schema_member *member;

    schema = schema_real(schema);
    if (!schema)
        return NULL;
    member = schema_member(schema, key);
    return member ? member->schema : schema->additional;
}

bool schema_declares(const struct schema *schema, const char *key)
{
    schema = schema_real(schema);
    return schema && schema_member(schema, key);
}

const struct schema *schema_items(const struct schema *schema)
{
    schema = schema_real(schema);
    return schema ? schema->items : NULL;
}

const struct schema *schema_additional(const struct schema *schema)
{
    schema = schema_real(schema);
    return schema ? schema->additional : NULL;
}

bool schema_is_free(const struct schema *schema)
{
    schema = schema_real(schema);
    if (!schema)
        return true;
    return !schema->member_count && !schema->additional && !schema->items &&
           (schema->preserves || (schema->type == SCHEMA_ANY && !schema->int_or_string));
}

bool schema_preserves(const struct schema *schema)
{
    schema = schema_real(schema);
    return !schema || schema->preserves;
}

bool schema_is_atomic(const struct schema *schema)
{
    schema = schema_real(schema);
    if (!schema)
        return false;
    return schema->atomic_map ||
           (schema->type == SCHEMA_ARRAY && schema->list == SCHEMA_LIST_ATOMIC);
}

enum schema_list schema_list_type(const struct schema *schema)
{
    schema = schema_real(schema);
    return schema ? schema->list : SCHEMA_LIST_ATOMIC;
}

const char *const *schema_list_keys(const struct schema *schema)
{
    schema = schema_real(schema);
    return schema ? (const char *const *)schema->list_keys : NULL;
}

const char *schema_merge_key(const struct schema *schema)
{
    schema = schema_real(schema);
    return schema ? schema->merge_key : NULL;
}

bool schema_merges(const struct schema *schema)
{
    schema = schema_real(schema);
    return schema && schema->merges;
}

const struct node *schema_default(const struct schema *schema)
{
    return schema ? schema->fallback : NULL;
}

/* An index such as [] or [3] stands for every item; its number is not looked at. */
const struct schema *schema_at(const struct schema *schema, const char *path)
{
    char key[256];

    while (*path && schema) {
        size_t len = strcspn(path, ".[");

        if (*path == '[') {
            schema = schema_items(schema);
            path += strcspn(path, "]");
            path += *path == ']';
        } else {
            if (len >= sizeof key)
                return NULL;
            memcpy(key, path, len);
            key[len] = '\0';
            schema = schema_field(schema, key);
            path += len;
        }
        path += *path == '.';
    }
    return schema;
}

void schema_each(const struct schema *schema, schema_each_fn *each, void *arg)
{
    schema = schema_real(schema);
    for (size_t i = 0; schema && i < schema->member_count; i++)
        each(arg, schema->members[i].key, schema->members[i].schema, schema->members[i].required);
}
