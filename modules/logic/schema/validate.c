/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a value against a schema and reports what is wrong, field by field. */
#include "schema/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CAUSES_MAX 100
/* The price of checking one value by one schema, in units of base/meter.h. */
#define COST_CHECK 100
#define DEPTH_MAX 512

struct checking {
    struct arena *arena;
    struct node *causes;
    struct text path;
    struct meter *meter; /* a schema can make checking exponential (anyOf of
                            anyOf …), or dear for each value; this ends it */
    unsigned depth;
    struct map *patterns; /* compiled, by text */
};

/* `nullable` counts on every reference that leads to the schema. */
static void validate_value(struct checking *c, const struct schema *schema,
                           const struct node *value);

static bool has_enough_causes(const struct checking *c)
{
    return meter_over(c->meter) || c->causes->len >= CAUSES_MAX;
}

/* "spec.n in body" starts most sentences. */
#define ADD_CAUSE(c, reason, value, format, ...)                                                   \
    schema_add_cause((c)->arena, (c)->causes, reason, text_string(&(c)->path), value,              \
                     "%s in body " format, text_string(&(c)->path), ##__VA_ARGS__)

/* ---- Types -------------------------------------------------------------- */

static const char *type_name_of(const struct node *value)
{
    switch (value->type) {
    case NODE_NULL:
        return "null";
    case NODE_BOOL:
        return "boolean";
    case NODE_INT:
        return "integer";
    case NODE_FLOAT:
        return "number";
    case NODE_STRING:
        return "string";
    case NODE_LIST:
        return "array";
    case NODE_MAP:
        break;
    }
    return "object";
}

/* JSON has one type of numbers: 3.0 is an integer. */
static bool is_whole_number(const struct node *value)
{
    return value->type == NODE_INT ||
           (value->type == NODE_FLOAT && value->number == floor(value->number));
}

static bool type_fits(const struct schema *schema, const struct node *value)
{
    if (schema->int_or_string)
        return value->type == NODE_STRING || is_whole_number(value);
    switch (schema->type) {
    case SCHEMA_ANY:
        return true;
    case SCHEMA_OBJECT:
        return value->type == NODE_MAP;
    case SCHEMA_ARRAY:
        return value->type == NODE_LIST;
    case SCHEMA_STRING:
        return value->type == NODE_STRING;
    case SCHEMA_INTEGER:
        return is_whole_number(value);
    case SCHEMA_NUMBER:
        return value->type == NODE_INT || value->type == NODE_FLOAT;
    case SCHEMA_BOOLEAN:
        break;
    }
    return value->type == NODE_BOOL;
}

static bool validate_type(struct checking *c, const struct schema *schema, const struct node *value)
{
    const char *got = type_name_of(value);

    if (type_fits(schema, value))
        return true;
    ADD_CAUSE(c, "FieldValueTypeInvalid", node_string(c->arena, got), "must be of type %s: \"%s\"",
              schema->int_or_string ? "integer,string" : schema_type_name(schema), got);
    return false;
}

/* ---- Limits ------------------------------------------------------------- */

/* The meter is charged first, because an enum may hold large values. */
static void check_enum(struct checking *c, const struct node *enums, const struct node *value)
{
    scoped_text struct text all = {0};

    if (!meter_spend(c->meter, node_weight(enums, meter_left(c->meter))))
        return;
    for (size_t i = 0; i < enums->len; i++) {
        const struct node *word = enums->items[i];

        if (node_same(word, value))
            return;
        text_addf(&all, "%s\"%s\"", i ? ", " : "",
                  word->type == NODE_STRING ? word->string : document_json(c->arena, word));
    }
    schema_add_cause(c->arena, c->causes, "FieldValueNotSupported", text_string(&c->path), value,
                     "supported values: %s", text_string(&all));
}

/* kube-apiserver counts code points, although its message says bytes. */
static size_t count_runes(const struct node *string)
{
    size_t runes = 0;

    for (size_t i = 0; i < string->len; i++)
        runes += ((unsigned char)string->string[i] & 0xc0) != 0x80;
    return runes;
}

static void check_string(struct checking *c, const struct schema_limits *l,
                         const struct node *value)
{
    int64_t runes = (int64_t)count_runes(value);

    meter_spend(c->meter, value->len);
    if (l->max_length >= 0 && runes > l->max_length)
        schema_add_cause(c->arena, c->causes, "FieldValueTooLong", text_string(&c->path), NULL,
                         "may not be more than %lld bytes", (long long)l->max_length);
    if (runes < l->min_length)
        ADD_CAUSE(c, "FieldValueInvalid", value, "should be at least %lld chars long",
                  (long long)l->min_length);
    if (l->pattern && !schema_pattern_matches(&c->patterns, l->pattern, value, c->meter))
        ADD_CAUSE(c, "FieldValueInvalid", value, "should match '%s'", l->pattern);
}

static void validate_number(struct checking *c, const struct schema_limits *l,
                            const struct node *value)
{
    double number = value->type == NODE_INT ? (double)value->integer : value->number;
    scoped_text struct text limit = {0};

    if (l->has_maximum && (l->exclusive_maximum ? number >= l->maximum : number > l->maximum)) {
        schema_add_float(&limit, l->maximum);
        ADD_CAUSE(c, "FieldValueInvalid", value, "should be less than %s%s",
                  l->exclusive_maximum ? "" : "or equal to ", text_string(&limit));
    }
    if (l->has_minimum && (l->exclusive_minimum ? number <= l->minimum : number < l->minimum)) {
        text_cut(&limit, 0);
        schema_add_float(&limit, l->minimum);
        ADD_CAUSE(c, "FieldValueInvalid", value, "should be greater than %s%s",
                  l->exclusive_minimum ? "" : "or equal to ", text_string(&limit));
    }
    if (l->multiple_of > 0 && fmod(number, l->multiple_of) != 0) {
        text_cut(&limit, 0);
        schema_add_float(&limit, l->multiple_of);
        ADD_CAUSE(c, "FieldValueInvalid", value, "should be a multiple of %s", text_string(&limit));
    }
}

static void report_too_many(struct checking *c, size_t len, int64_t most)
{
    schema_add_cause(c->arena, c->causes, "FieldValueTooMany", text_string(&c->path),
                     node_int(c->arena, (int64_t)len), "must have at most %lld items",
                     (long long)most);
}

/* Compares each item with all before it, and charges for that before it starts. */
static bool has_duplicates(struct checking *c, const struct node *list)
{
    for (size_t i = 1; i < list->len; i++) {
        uint64_t weight = node_weight(list->items[i], meter_left(c->meter));

        if (!meter_spend(c->meter, i * (8 + weight / 2)))
            return false;
        for (size_t j = 0; j < i; j++)
            if (node_same(list->items[i], list->items[j]))
                return true;
    }
    return false;
}

static void validate_size(struct checking *c, const struct schema_limits *l,
                          const struct node *value)
{
    bool list = value->type == NODE_LIST;
    int64_t most = list ? l->max_items : l->max_properties;
    int64_t least = list ? l->min_items : l->min_properties;

    if (most >= 0 && (int64_t)value->len > most)
        report_too_many(c, value->len, most);
    if ((int64_t)value->len < least)
        ADD_CAUSE(c, "FieldValueInvalid", list ? node_int(c->arena, (int64_t)value->len) : value,
                  "should have at least %lld %s", (long long)least, list ? "items" : "properties");
    if (list && l->unique_items && has_duplicates(c, value))
        ADD_CAUSE(c, "FieldValueInvalid", value, "shouldn't contain duplicates");
}

static void validate_limits(struct checking *c, const struct schema_limits *l,
                            const struct node *value)
{
    if (value->type == NODE_STRING)
        check_string(c, l, value);
    if (value->type == NODE_INT || value->type == NODE_FLOAT)
        validate_number(c, l, value);
    if (value->type == NODE_LIST || value->type == NODE_MAP)
        validate_size(c, l, value);
    if (l->format && !schema_format_holds(l->format, value))
        ADD_CAUSE(c, "FieldValueInvalid", value, "must be of type %s: \"%s\"", l->format,
                  value->type == NODE_STRING ? value->string : document_json(c->arena, value));
    if (l->enums)
        check_enum(c, l->enums, value);
}

/* ---- Combinations ------------------------------------------------------- */

/* The causes that one alternative finds, kept apart from those of the others: one
   valid alternative makes all of them irrelevant. */
static struct node *validate_alternative(struct checking *c, const struct schema *schema,
                                         const struct node *value)
{
    struct node *outer = c->causes, *found = node_list(c->arena);

    c->causes = found;
    validate_value(c, schema, value);
    c->causes = outer;
    return found;
}

static void report_whole(struct checking *c, const char *format, const char *more)
{
    schema_add_cause(c->arena, c->causes, "FieldValueInvalid", text_string(&c->path),
                     node_string(c->arena, ""), "\"%s\" must %s%s", text_string(&c->path), format,
                     more);
}

static void add_causes(struct checking *c, const struct node *more)
{
    for (size_t i = 0; i < node_count(more) && !has_enough_causes(c); i++)
        node_add(c->arena, c->causes, node_item(more, i));
}

/* Counts the alternatives that are valid. `ret_best` gets the causes of the one
   with the fewest. */
static size_t count_valid(struct checking *c, const struct schema_set *set,
                          const struct node *value, struct node **ret_best)
{
    size_t valid = 0;

    *ret_best = NULL;
    for (size_t i = 0; i < set->count && !has_enough_causes(c); i++) {
        struct node *found = validate_alternative(c, set->items[i], value);

        if (!found->len)
            valid++;
        else if (!*ret_best || found->len < (*ret_best)->len)
            *ret_best = found;
    }
    return valid;
}

/* For anyOf and oneOf the causes of the best alternative are shown, which is most
   likely the one that was meant. */
static void check_combinations(struct checking *c, const struct schema *schema,
                               const struct node *value)
{
    struct node *best;
    size_t valid;

    if (schema->any_of.count && !count_valid(c, &schema->any_of, value, &best)) {
        report_whole(c, "validate at least one schema (anyOf)", "");
        add_causes(c, best);
    }
    if (schema->one_of.count) {
        valid = count_valid(c, &schema->one_of, value, &best);
        if (!valid) {
            report_whole(c, "validate one and only one schema (oneOf). ", "Found none valid");
            add_causes(c, best);
        } else if (valid > 1) {
            report_whole(c, "validate one and only one schema (oneOf). ",
                         arena_printf(c->arena, "Found %zu valid alternatives", valid));
        }
    }
    for (size_t i = 0; i < schema->all_of.count; i++)
        validate_value(c, schema->all_of.items[i], value);
    if (schema->not &&!validate_alternative(c, schema->not, value)->len)
        report_whole(c, "not validate the schema (not)", "");
}

/* ---- Members and items -------------------------------------------------- */

static void report_required(struct checking *c, const char *key)
{
    size_t len = c->path.len;

    text_addf(&c->path, "%s%s", len ? "." : "", key);
    schema_add_cause(c->arena, c->causes, "FieldValueRequired", text_string(&c->path), NULL, "%s",
                     "");
    text_cut(&c->path, len);
}

/* Undeclared members are forbidden if additionalProperties is false, unless
   x-kubernetes-preserve-unknown-fields keeps them. */
static void validate_map(struct checking *c, const struct schema *schema, const struct node *map)
{
    const struct node *closed = node_get(schema->source, "additionalProperties");
    size_t len = c->path.len;

    meter_spend(c->meter, (schema->member_count + schema->required_count) * 40);
    for (size_t i = 0; i < map->len && !has_enough_causes(c); i++) {
        const char *key = map->members[i].key;
        const struct schema *child = schema_field(schema, key);

        text_add(&c->path, len ? "." : "");
        text_add(&c->path, key);
        if (child)
            validate_value(c, child, map->members[i].value);
        else if (node_is(closed, NODE_BOOL) && !schema->preserves)
            schema_add_cause(c->arena, c->causes, "FieldValueInvalid", text_string(&c->path),
                             map->members[i].value, "%s in body is a forbidden property",
                             text_string(&c->path));
        text_cut(&c->path, len);
    }
    for (size_t i = 0; i < schema->member_count; i++)
        if (schema->members[i].required && !node_get(map, schema->members[i].key))
            report_required(c, schema->members[i].key);
    for (size_t i = 0; i < schema->required_count; i++)
        if (!node_get(map, schema->required[i]))
            report_required(c, schema->required[i]);
}

static void validate_list(struct checking *c, const struct schema *schema, const struct node *list)
{
    size_t len = c->path.len;

    for (size_t i = 0; schema->items && i < list->len && !has_enough_causes(c); i++) {
        text_addf(&c->path, "[%zu]", i);
        validate_value(c, schema->items, list->items[i]);
        text_cut(&c->path, len);
    }
}

/* ---- List types --------------------------------------------------------- */

/* The identity of an item: itself in a set, its key fields in a map. */
static struct node *list_map_keys_of(struct checking *c, const struct schema *schema,
                                     const struct node *item)
{
    struct node *keys;

    if (schema->list == SCHEMA_LIST_SET || !node_is(item, NODE_MAP))
        return (struct node *)item;
    keys = node_map(c->arena);
    for (size_t i = 0; schema->list_keys[i]; i++) {
        struct node *value = node_get(item, schema->list_keys[i]);

        if (value)
            node_set(c->arena, keys, schema->list_keys[i], value);
    }
    return keys;
}

/* Finds duplicates in a list of type set or map. Items are equal if their
   canonical JSON is, so one hash table finds them all. */
static void check_list_type(struct checking *c, const struct schema *schema,
                            const struct node *list)
{
    struct node *seen = node_map(c->arena);
    size_t len = c->path.len;

    meter_spend(c->meter, node_weight(list, meter_left(c->meter)) * 3);
    for (size_t i = 0; i < list->len && !has_enough_causes(c); i++) {
        scoped_text struct text text = {0};
        struct node *keys = list_map_keys_of(c, schema, list->items[i]);

        document_write_canonical(&text, keys);
        if (node_get(seen, text_string(&text))) {
            text_addf(&c->path, "[%zu]", i);
            schema_add_cause(c->arena, c->causes, "FieldValueDuplicate", text_string(&c->path),
                             keys, "%s", "");
            text_cut(&c->path, len);
        }
        node_set(c->arena, seen, text_string(&text), keys);
    }
}

/* ---- All together ------------------------------------------------------- */

static void validate_value(struct checking *c, const struct schema *schema,
                           const struct node *value)
{
    bool nullable = false;

    for (; schema && schema->base; schema = schema->base)
        nullable |= schema->nullable;
    if (!schema || has_enough_causes(c) || !meter_spend(c->meter, COST_CHECK + c->path.len / 8))
        return;
    if (value->type == NODE_NULL &&
        (nullable || schema->nullable || (schema->type == SCHEMA_ANY && !schema->int_or_string)))
        return;
    if (++c->depth > DEPTH_MAX) {
        ADD_CAUSE(c, "FieldValueInvalid", NULL, "is nested too deeply");
        c->depth--;
        return;
    }
    if (validate_type(c, schema, value)) {
        check_combinations(c, schema, value);
        if (schema->limits)
            validate_limits(c, schema->limits, value);
        if (value->type == NODE_MAP)
            validate_map(c, schema, value);
        if (value->type == NODE_LIST)
            validate_list(c, schema, value);
        if (value->type == NODE_LIST && schema->list != SCHEMA_LIST_ATOMIC)
            check_list_type(c, schema, value);
    }
    c->depth--;
}

bool schema_validate_at(const struct schema *schema, struct arena *arena, const char *path,
                        const struct node *value, struct meter *meter, struct node *causes)
{
    struct meter own = {.limit = METER_ANSWER};
    struct checking c = {.arena = arena, .causes = node_list(arena), .meter = meter ? meter : &own};

    text_add(&c.path, path);
    validate_value(&c, schema, value);
    if (meter_over(c.meter))
        schema_add_cause(arena, c.causes, "InternalError", path, NULL,
                         "the schema takes too long to check: more than %llu "
                         "units of work, which are up to " METER_ANSWER_WORDS,
                         (unsigned long long)c.meter->limit);
    for (size_t i = 0; i < c.causes->len && causes; i++)
        node_add(arena, causes, c.causes->items[i]);
    text_free(&c.path);
    schema_patterns_free(&c.patterns);
    return !c.causes->len;
}

bool schema_validate(const struct schema *schema, struct arena *arena, const struct node *object,
                     struct node *causes)
{
    return schema_validate_at(schema, arena, "", object, NULL, causes);
}
