/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles an OpenAPI v3 schema into structs that point at each other. */
#include "schema/internal.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define SCHEMAS_MAX 100000
#define REF_HOPS_MAX 64
#define DEPTH_MAX 512

struct compile_schema {
    struct arena *arena;
    const struct node *definitions;
    struct map *shared;  /* definition name -> struct schema */
    struct schema **all; /* for the search for cycles */
    size_t count, room;
    unsigned depth;
    struct text path;
    struct err *err;
};

static struct schema *compile_schema(struct compile_schema *c, const struct node *source,
                                     const char *step);
static int fill_schema(struct compile_schema *c, struct schema *schema, const struct node *source);
static int add_object_members(struct compile_schema *c, struct schema *schema);

static int refuse_schema(struct compile_schema *c, const char *what, const char *word)
{
    return err_set(c->err, ERR_INVALID, "schema%s%s: %s \"%s\"", c->path.len ? " at " : "",
                   text_string(&c->path), what, word);
}

/* Every schema is also listed in `all`, for the search for cycles and the limit. */
static struct schema *make_schema(struct compile_schema *c, const struct node *source)
{
    struct schema *schema;

    if (c->count >= SCHEMAS_MAX) {
        refuse_schema(c, "has more parts than", "100000");
        return NULL;
    }
    if (c->count == c->room) {
        c->room = c->room ? c->room * 2 : 64;
        c->all = mem_resize_array(c->all, c->room, sizeof(void *));
    }
    schema = arena_alloc(c->arena, sizeof *schema);
    schema->source = source;
    c->all[c->count++] = schema;
    return schema;
}

/* ---- $ref --------------------------------------------------------------- */

/* References are looked up by their last part: "#/components/schemas/io.k8s.Pod"
   and a plain name are the same. */
static const char *last_part(const char *ref)
{
    const char *slash = strrchr(ref, '/');

    return slash ? slash + 1 : ref;
}

/* Follows definitions that are nothing but a reference to another one. */
static const char *final_name(struct compile_schema *c, const char *name)
{
    for (int hops = 0; hops < REF_HOPS_MAX; hops++) {
        const struct node *body = node_get(c->definitions, name);
        const char *next = node_get_text(body, "$ref");

        if (!node_is(body, NODE_MAP)) {
            refuse_schema(c, "refers to an unknown definition", name);
            return NULL;
        }
        if (!*next || node_count(body) > 1)
            return name;
        name = last_part(next);
    }
    refuse_schema(c, "refers only to itself:", name);
    return NULL;
}

static struct schema *compile_shared(struct compile_schema *c, const char *ref)
{
    const char *name = final_name(c, last_part(ref));
    const struct node *body;
    struct schema *schema;

    if (!name)
        return NULL;
    schema = map_get(c->shared, name);
    if (schema)
        return schema;
    body = node_get(c->definitions, name);
    schema = make_schema(c, body);
    if (!schema)
        return NULL;
    /* Stored before it is filled, so that a definition can refer to itself. */
    map_put(c->shared, name, schema);
    return fill_schema(c, schema, body) < 0 ? NULL : schema;
}

/* The `$ref` of a schema, or that of its only allOf if nothing else is declared.
   Generators of OpenAPI write a reference with a description in this form. */
static const char *schema_reference(const struct node *source)
{
    const char *ref = node_get_text(source, "$ref");
    const struct node *all = node_get(source, "allOf");

    if (*ref)
        return ref;
    if (node_count(all) == 1 && !node_get(source, "type") && !node_get(source, "properties"))
        return node_get_text(node_item(all, 0), "$ref");
    return "";
}

/* ---- Parts -------------------------------------------------------------- */

static int read_type(struct compile_schema *c, struct schema *schema, const struct node *source)
{
    static const struct {
        const char *name;
        enum schema_type type;
    } types[] = {
        {"object", SCHEMA_OBJECT},   {"array", SCHEMA_ARRAY},   {"string", SCHEMA_STRING},
        {"integer", SCHEMA_INTEGER}, {"number", SCHEMA_NUMBER}, {"boolean", SCHEMA_BOOLEAN},
    };
    const char *name = node_get_text(source, "type");

    for (size_t i = 0; i < count_of(types); i++)
        if (!strcmp(types[i].name, name))
            schema->type = types[i].type;
    if (*name && schema->type == SCHEMA_ANY)
        return refuse_schema(c, "has the unknown type", name);
    return 0;
}

static const char **read_word_list(struct compile_schema *c, const struct node *list)
{
    const char **words = arena_alloc(c->arena, (node_count(list) + 1) * sizeof *words);
    size_t n = 0;

    for (size_t i = 0; i < node_count(list); i++)
        if (node_is(node_item(list, i), NODE_STRING))
            words[n++] = node_text(node_item(list, i));
    return words;
}

static bool has_listed_word(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = words; (at = strstr(at, word)); at += len)
        if ((at == words || at[-1] == ',') && (!at[len] || at[len] == ','))
            return true;
    return false;
}

/* List types serve server-side apply, patch strategies strategic merge. A list
   type implies a strategy if none is given. */
static void read_merging(struct compile_schema *c, struct schema *schema, const struct node *source)
{
    const char *list = node_get_text(source, "x-kubernetes-list-type");
    const char *strategy = node_get_text(source, "x-kubernetes-patch-strategy");
    const char *key = node_get_text(source, "x-kubernetes-patch-merge-key");
    const struct node *keys = node_get(source, "x-kubernetes-list-map-keys");

    if (!strcmp(list, "set"))
        schema->list = SCHEMA_LIST_SET;
    if (!strcmp(list, "map") && node_count(keys)) {
        schema->list = SCHEMA_LIST_MAP;
        schema->list_keys = read_word_list(c, keys);
    }
    schema->merges =
        has_listed_word(strategy, "merge") || (!*strategy && schema->list != SCHEMA_LIST_ATOMIC);
    schema->retains = has_listed_word(strategy, "retainKeys");
    if (*key)
        schema->merge_key = key;
    else if (schema->list_keys && schema->list_keys[0])
        schema->merge_key = schema->list_keys[0];
}

/* -1 is "no limit", which a negative number means too. */
static int64_t read_count(const struct node *source, const char *key)
{
    int64_t count = node_get_int(source, key, -1);

    return count < 0 ? -1 : count;
}

static bool read_schema_number(const struct node *source, const char *key, double *ret)
{
    const struct node *number = node_get(source, key);

    if (node_is(number, NODE_INT))
        *ret = (double)number->integer;
    else if (node_is(number, NODE_FLOAT))
        *ret = number->number;
    else
        return false;
    return true;
}

/* Most schemas have none of these keywords and need no schema_limits. */
static bool has_limits(const struct node *source)
{
    static const char *const words[] = {
        "enum",       "pattern",       "format",        "minimum",   "maximum",
        "minItems",   "maxItems",      "minLength",     "maxLength", "uniqueItems",
        "multipleOf", "minProperties", "maxProperties",
    };

    for (size_t i = 0; i < count_of(words); i++)
        if (node_get(source, words[i]))
            return true;
    return false;
}

static int read_limits(struct compile_schema *c, struct schema *schema, const struct node *source)
{
    struct schema_limits *l;

    if (!has_limits(source))
        return 0;
    l = schema->limits = arena_alloc(c->arena, sizeof *l);
    l->has_minimum = read_schema_number(source, "minimum", &l->minimum);
    l->has_maximum = read_schema_number(source, "maximum", &l->maximum);
    l->exclusive_minimum = node_get_bool(source, "exclusiveMinimum", false);
    l->exclusive_maximum = node_get_bool(source, "exclusiveMaximum", false);
    read_schema_number(source, "multipleOf", &l->multiple_of);
    l->unique_items = node_get_bool(source, "uniqueItems", false);
    l->min_length = read_count(source, "minLength");
    l->max_length = read_count(source, "maxLength");
    l->min_items = read_count(source, "minItems");
    l->max_items = read_count(source, "maxItems");
    l->min_properties = read_count(source, "minProperties");
    l->max_properties = read_count(source, "maxProperties");
    if (node_is(node_get(source, "enum"), NODE_LIST))
        l->enums = node_get(source, "enum");
    if (*node_get_text(source, "format"))
        l->format = node_get_text(source, "format");
    if (*node_get_text(source, "pattern"))
        l->pattern = node_get_text(source, "pattern");
    if (l->pattern && schema_pattern_check(l->pattern, c->err) < 0) {
        err_wrap(c->err, "schema at %s: pattern", text_string(&c->path));
        return -1;
    }
    return 0;
}

/* Sorts positions, because members keep the order in which a schema declares them. */
static int compare_members(const void *a, const void *b, void *members)
{
    const struct schema_member *m = members;

    return strcmp(m[*(const uint32_t *)a].key, m[*(const uint32_t *)b].key);
}

static void sort_members(struct compile_schema *c, struct schema *schema)
{
    size_t n = schema->member_count;

    schema->sorted = arena_alloc(c->arena, (n + 1) * sizeof *schema->sorted);
    for (size_t i = 0; i < n; i++)
        schema->sorted[i] = (uint32_t)i;
    qsort_r(schema->sorted, n, sizeof *schema->sorted, compare_members, schema->members);
}

static int read_members(struct compile_schema *c, struct schema *schema, const struct node *source)
{
    const struct node *properties = node_get(source, "properties");
    const struct node *required = node_get(source, "required");
    size_t n = 0;

    /* Room for apiVersion, kind and metadata as well. */
    schema->members = arena_alloc(c->arena, (node_count(properties) + 3) * sizeof *schema->members);
    node_each(member, properties)
    {
        struct schema *child = compile_schema(c, member->value, member->key);

        if (!child)
            return -1;
        schema->members[n++] = (struct schema_member){member->key, child, false};
        schema->member_count = n;
    }
    sort_members(c, schema);
    schema->required = read_word_list(c, required);
    /* A declared member has its own flag; `required` keeps the names of all others. */
    for (size_t i = n = 0; schema->required[i]; i++) {
        struct schema_member *member = schema_member(schema, schema->required[i]);

        if (member)
            member->required = true;
        else
            schema->required[n++] = schema->required[i];
    }
    schema->required_count = n;
    return 0;
}

static int read_value_set(struct compile_schema *c, const struct node *source, const char *key,
                          struct schema_set *ret)
{
    const struct node *list = node_get(source, key);
    size_t n = node_is(list, NODE_LIST) ? list->len : 0;

    if (!n)
        return 0;
    ret->items = arena_alloc(c->arena, n * sizeof *ret->items);
    for (size_t i = 0; i < n; i++) {
        ret->items[i] = compile_schema(c, list->items[i], key);
        if (!ret->items[i])
            return -1;
    }
    ret->count = n;
    return 0;
}

/* A schema that is there: a map, or `true` for "anything". */
static int read_child(struct compile_schema *c, const struct node *source, const char *key,
                      struct schema **ret)
{
    const struct node *child = node_get(source, key);

    if (node_is(child, NODE_BOOL) && child->boolean) {
        *ret = make_schema(c, child);
        if (!*ret)
            return -1;
        (*ret)->preserves = (*ret)->nullable = true;
    } else if (node_is(child, NODE_MAP)) {
        *ret = compile_schema(c, child, key);
        if (!*ret)
            return -1;
    }
    return 0;
}

static int read_child_schemas(struct compile_schema *c, struct schema *schema,
                              const struct node *source)
{
    if (read_members(c, schema, source) < 0 ||
        read_child(c, source, "additionalProperties", &schema->additional) < 0 ||
        read_child(c, source, "items", &schema->items) < 0 ||
        read_child(c, source, "not", &schema->not ) < 0 ||
        read_value_set(c, source, "allOf", &schema->all_of) < 0 ||
        read_value_set(c, source, "anyOf", &schema->any_of) < 0 ||
        read_value_set(c, source, "oneOf", &schema->one_of) < 0)
        return -1;
    return 0;
}

static int fill_schema(struct compile_schema *c, struct schema *schema, const struct node *source)
{
    const char *ref = schema_reference(source);

    schema->nullable = node_get_bool(source, "nullable", false);
    schema->fallback = node_get(source, "default");
    if (*ref) {
        schema->base = compile_shared(c, ref);
        return schema->base ? 0 : -1;
    }
    if (!node_is(source, NODE_MAP))
        return refuse_schema(c, "must be an object, not",
                             source ? node_type_name(source->type) : "nothing");
    if (read_type(c, schema, source) < 0)
        return -1;
    schema->int_or_string = node_get_bool(source, "x-kubernetes-int-or-string", false) ||
                            !strcmp(node_get_text(source, "format"), "int-or-string");
    /* The flag is checked instead: there is no type for "either of two". */
    if (schema->int_or_string)
        schema->type = SCHEMA_ANY;
    schema->preserves = node_get_bool(source, "x-kubernetes-preserve-unknown-fields", false);
    schema->atomic_map = !strcmp(node_get_text(source, "x-kubernetes-map-type"), "atomic");
    if (node_is(node_get(source, "x-kubernetes-validations"), NODE_LIST))
        schema->rules = node_get(source, "x-kubernetes-validations");
    read_merging(c, schema, source);
    if (read_limits(c, schema, source) < 0 || read_child_schemas(c, schema, source) < 0)
        return -1;
    if (node_get_bool(source, "x-kubernetes-embedded-resource", false))
        return add_object_members(c, schema);
    return 0;
}

static struct schema *compile_schema(struct compile_schema *c, const struct node *source,
                                     const char *step)
{
    size_t len = c->path.len;
    struct schema *schema = NULL;

    if (++c->depth > DEPTH_MAX) {
        refuse_schema(c, "is nested deeper than", "512");
        return NULL;
    }
    if (step)
        text_addf(&c->path, "%s%.200s", len ? "." : "", step);
    /* A reference without anything beside it needs no schema of its own. */
    if (*node_get_text(source, "$ref") && node_count(source) == 1) {
        schema = compile_shared(c, node_get_text(source, "$ref"));
    } else {
        schema = make_schema(c, source);
        if (schema && fill_schema(c, schema, source) < 0)
            schema = NULL;
    }
    if (schema)
        text_cut(&c->path, len);
    c->depth--;
    return schema;
}

/* ---- Objects ------------------------------------------------------------ */

/* apiVersion, kind and Kubernetes' ObjectMeta, with their list types. */
static const char object_text[] =
    "{\"apiVersion\":{\"type\":\"string\"},\"kind\":{\"type\":\"string\"},"
    "\"metadata\":{\"type\":\"object\",\"properties\":{"
    "\"name\":{\"type\":\"string\"},\"generateName\":{\"type\":\"string\"},"
    "\"namespace\":{\"type\":\"string\"},\"selfLink\":{\"type\":\"string\"},"
    "\"uid\":{\"type\":\"string\"},\"resourceVersion\":{\"type\":\"string\"},"
    "\"generation\":{\"type\":\"integer\"},"
    "\"creationTimestamp\":{\"type\":\"string\",\"nullable\":true},"
    "\"deletionTimestamp\":{\"type\":\"string\",\"nullable\":true},"
    "\"deletionGracePeriodSeconds\":{\"type\":\"integer\",\"nullable\":true},"
    "\"labels\":{\"type\":\"object\","
    "\"additionalProperties\":{\"type\":\"string\"}},"
    "\"annotations\":{\"type\":\"object\","
    "\"additionalProperties\":{\"type\":\"string\"}},"
    "\"finalizers\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},"
    "\"x-kubernetes-list-type\":\"set\","
    "\"x-kubernetes-patch-strategy\":\"merge\"},"
    "\"ownerReferences\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\","
    "\"x-kubernetes-list-map-keys\":[\"uid\"],"
    "\"x-kubernetes-patch-merge-key\":\"uid\","
    "\"x-kubernetes-patch-strategy\":\"merge\","
    "\"items\":{\"type\":\"object\",\"x-kubernetes-map-type\":\"atomic\","
    "\"required\":[\"apiVersion\",\"kind\",\"name\",\"uid\"],\"properties\":{"
    "\"apiVersion\":{\"type\":\"string\"},\"kind\":{\"type\":\"string\"},"
    "\"name\":{\"type\":\"string\"},\"uid\":{\"type\":\"string\"},"
    "\"controller\":{\"type\":\"boolean\"},"
    "\"blockOwnerDeletion\":{\"type\":\"boolean\"}}}},"
    "\"managedFields\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
    "\"properties\":{\"manager\":{\"type\":\"string\"},"
    "\"operation\":{\"type\":\"string\"},\"apiVersion\":{\"type\":\"string\"},"
    "\"time\":{\"type\":\"string\",\"nullable\":true},"
    "\"fieldsType\":{\"type\":\"string\"},\"subresource\":{\"type\":\"string\"},"
    "\"fieldsV1\":{\"type\":\"object\","
    "\"x-kubernetes-preserve-unknown-fields\":true}}}}}}}";

static void put_member(struct schema *schema, const char *key, struct schema *child)
{
    struct schema_member *member = schema_member(schema, key);

    if (!member) {
        member = &schema->members[schema->member_count++];
        member->key = key;
    }
    member->schema = child;
}

/* Adds apiVersion, kind and metadata. If the source describes metadata, that
   schema is still used for validation, but the fields are Kubernetes'. */
static int add_object_members(struct compile_schema *c, struct schema *schema)
{
    const struct node *known =
        document_read_own(c->arena, object_text, strlen(object_text), c->err);

    if (!known)
        return -1;
    node_each(member, known)
    {
        struct schema *child = compile_schema(c, member->value, member->key);
        struct schema_member *old = schema_member(schema, member->key);

        if (!child)
            return -1;
        /* The source's own schema is checked as well, as one more allOf. */
        if (old && child->type == SCHEMA_OBJECT) {
            struct schema **beside = arena_alloc(c->arena, sizeof(void *));

            *beside = old->schema;
            child->all_of = (struct schema_set){beside, 1};
        }
        put_member(schema, member->key, child);
        sort_members(c, schema);
    }
    return 0;
}

/* ---- Cycles ------------------------------------------------------------ */

static bool has_cycle(struct schema *schema);

static bool set_has_cycle(const struct schema_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (has_cycle(set->items[i]))
            return true;
    return false;
}

/*
 * Whether a schema can be reached from itself without a step into the document;
 * validation with it would not end. `color` is 1 for schemas on the current path
 * and 2 for those that are done.
 */
static bool has_cycle(struct schema *schema)
{
    bool round;

    if (!schema || schema->color == 2)
        return false;
    if (schema->color == 1)
        return true;
    schema->color = 1;
    round = has_cycle(schema->base) || has_cycle(schema->not ) || set_has_cycle(&schema->all_of) ||
            set_has_cycle(&schema->any_of) || set_has_cycle(&schema->one_of);
    schema->color = 2;
    return round;
}

struct schema *schema_compile(struct arena *arena, const struct node *source,
                              const struct node *definitions, bool object, struct err *err)
{
    scoped_map struct map *shared = map_new();
    struct compile_schema c = {
        .arena = arena, .definitions = definitions, .shared = shared, .err = err};
    struct schema *schema = compile_schema(&c, source, NULL);

    if (schema && object) {
        if (schema->base) {
            err_set(err, ERR_INVALID, "schema: the root of an object must not be a reference");
            schema = NULL;
        } else if (add_object_members(&c, schema) < 0) {
            schema = NULL;
        }
    }
    for (size_t i = 0; schema && i < c.count; i++)
        if (has_cycle(c.all[i])) {
            err_set(err, ERR_INVALID, "schema: a definition refers to itself without a step down");
            schema = NULL;
        }
    mem_free(&c.all);
    text_free(&c.path);
    return schema;
}
