/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMA_INTERNAL_H
#define SCHEMA_INTERNAL_H

#include "base/meter.h"
#include "document/document.h"
#include "schema/schema.h"

#include <stdint.h>

/* Keywords that few schemas use; `limits` is NULL in all others. */
struct schema_limits {
    bool has_minimum, has_maximum, exclusive_minimum, exclusive_maximum;
    bool unique_items;
    double minimum, maximum, multiple_of;
    /* -1: none */
    int64_t min_length, max_length, min_items, max_items, min_properties, max_properties;
    const char *pattern, *format;
    const struct node *enums;
};

struct schema_member {
    const char *key;
    struct schema *schema;
    bool required;
};

struct schema_set {
    struct schema **items;
    size_t count;
};

struct schema {
    const struct node *source;
    /* A `$ref` with something beside it: all but default, nullable and source
       is said there. */
    struct schema *base;
    enum schema_type type;
    enum schema_list list;
    bool nullable, int_or_string, preserves, atomic_map, merges, retains;
    unsigned char color; /* while looking for cycles */
    struct schema_member *members;
    size_t member_count;
    uint32_t *sorted;      /* positions in members, by key */
    const char **required; /* of members that are not declared */
    size_t required_count;
    struct schema *items, *additional, *not ;
    struct schema_set all_of, any_of, one_of;
    const char **list_keys; /* NULL-terminated */
    const char *merge_key;
    const struct node *fallback; /* the default */
    const struct node *rules;
    struct schema_limits *limits;
};

static inline const struct schema *schema_real(const struct schema *schema)
{
    while (schema && schema->base)
        schema = schema->base;
    return schema;
}

struct schema_member *schema_member(const struct schema *schema, const char *key);

/* pattern.c: may a string be matched against it, and does it match. `known` keeps
   what was compiled, from NULL on until the check is over. */
struct map;
int schema_pattern_check(const char *text, struct err *err);
bool schema_pattern_matches(struct map **known, const char *text, const struct node *string,
                            struct meter *meter);
void schema_patterns_free(struct map **known);
/* format.c: true for an unknown format. */
bool schema_format_holds(const char *format, const struct node *value);

/* cause.c: Go's %v of a float. */
void schema_add_float(struct text *out, double value);

#endif
