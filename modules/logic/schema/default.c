/* SPDX-License-Identifier: Apache-2.0 */
/* Fills in defaults, and finds or removes unknown fields. */
#include "schema/internal.h"

#include <string.h>

/* A default may contain members with defaults of their own, so their number is limited. */
#define DEFAULTS_MAX 10000
#define DEPTH_MAX 512

struct filling {
    struct arena *arena;
    unsigned made, depth;
    bool keeps_nulls; /* those that no default replaces */
};

static bool fill_defaults(struct filling *f, const struct schema *schema, struct node *value);

/* A null where the schema allows none. A kube-apiserver drops it before defaulting. */
static bool is_stray_null(const struct schema *schema, const struct node *value)
{
    return schema && value->type == NODE_NULL && !schema->nullable &&
           !(schema->base && schema_real(schema)->nullable);
}

static const struct node *default_of(const struct schema *schema)
{
    for (; schema; schema = schema->base)
        if (schema->fallback)
            return schema->fallback;
    return NULL;
}

static struct node *make_default(struct filling *f, const struct schema *schema)
{
    const struct node *value = default_of(schema);

    if (!value || ++f->made > DEFAULTS_MAX)
        return NULL;
    return node_copy(f->arena, value);
}

static void fill_missing(struct filling *f, const struct schema *schema, struct node *map)
{
    for (size_t i = 0; i < schema->member_count; i++) {
        const struct schema_member *member = &schema->members[i];
        const struct node *now;
        struct node *value;

        if (!default_of(member->schema))
            continue;
        now = node_get(map, member->key);
        if (now && !is_stray_null(member->schema, now))
            continue;
        value = make_default(f, member->schema);
        if (value)
            node_set(f->arena, map, member->key, value);
    }
}

/* `i` advances only past members that stay, because node_remove() moves later ones down. */
static bool fill_map_defaults(struct filling *f, const struct schema *schema, struct node *map)
{
    fill_missing(f, schema, map);
    for (size_t i = 0; i < map->len;) {
        const struct schema *child = schema_field(schema, map->members[i].key);

        if (child && is_stray_null(child, map->members[i].value)) {
            struct node *value = make_default(f, child);

            if (!value && f->keeps_nulls) {
                i++;
                continue;
            }
            if (!value) {
                node_remove(map, map->members[i].key);
                continue;
            }
            map->members[i].value = value;
        }
        if (!fill_defaults(f, child, map->members[i].value))
            return false;
        i++;
    }
    return true;
}

static bool fill_defaults(struct filling *f, const struct schema *schema, struct node *value)
{
    bool good = true;

    schema = schema_real(schema);
    if (!schema)
        return true;
    if (f->made > DEFAULTS_MAX || ++f->depth > DEPTH_MAX)
        return false;
    if (value->type == NODE_MAP)
        good = fill_map_defaults(f, schema, value);
    for (size_t i = 0; value->type == NODE_LIST && good && i < value->len; i++) {
        if (is_stray_null(schema->items, value->items[i])) {
            struct node *item = make_default(f, schema->items);

            if (item)
                value->items[i] = item;
        }
        good = fill_defaults(f, schema->items, value->items[i]);
    }
    f->depth--;
    return good;
}

static int apply_defaults(struct filling *f, const struct schema *schema, struct node *object,
                          struct err *err)
{
    if (fill_defaults(f, schema, object))
        return 0;
    return err_set(err, ERR_INVALID, "defaults of the schema make more than %d defaults",
                   DEFAULTS_MAX);
}

int schema_apply_defaults(const struct schema *schema, struct arena *arena, struct node *object,
                          struct err *err)
{
    struct filling f = {.arena = arena};

    return apply_defaults(&f, schema, object, err);
}

int schema_apply_defaults_only(const struct schema *schema, struct arena *arena,
                               struct node *object, struct err *err)
{
    struct filling f = {.arena = arena};
    const struct schema *metadata = schema_field(schema, "metadata");
    struct node *own = node_get(object, "metadata");

    /* kube-apiserver reads metadata into Go structs for every kind, so nulls in
       it are dropped. */
    if (own && metadata && apply_defaults(&f, metadata, own, err) < 0)
        return -1;
    f.keeps_nulls = true;
    return apply_defaults(&f, schema, object, err);
}

/* ---- Unknown fields ----------------------------------------------------- */

#define UNKNOWN_MAX 1000

struct pruning {
    struct arena *arena;
    struct node *unknown; /* or NULL */
    bool remove;
    struct text path;
};

static void prune_value(struct pruning *p, const struct schema *schema, const struct node *value);

/* `i` stays where it is after a removal, because later members move down. */
static void prune_map(struct pruning *p, const struct schema *schema, const struct node *map)
{
    size_t len = p->path.len;

    for (size_t i = 0; i < map->len;) {
        const char *key = map->members[i].key;
        const struct schema *child = schema_field(schema, key);

        text_add(&p->path, len ? "." : "");
        text_add(&p->path, key);
        if (child) {
            prune_value(p, child, map->members[i].value);
        } else if (!schema->preserves) {
            if (p->unknown && p->unknown->len < UNKNOWN_MAX)
                node_add(p->arena, p->unknown, node_string(p->arena, text_string(&p->path)));
            /* With `remove` the caller owns the tree and allows changes. */
            if (p->remove && node_remove((struct node *)map, key))
                i--;
        }
        text_cut(&p->path, len);
        i++;
    }
}

/* A map is pruned only if its schema declares anything about members. */
static void prune_value(struct pruning *p, const struct schema *schema, const struct node *value)
{
    size_t len = p->path.len;

    schema = schema_real(schema);
    if (!schema)
        return;
    if (value->type == NODE_MAP &&
        (schema->type == SCHEMA_OBJECT || schema->member_count || schema->additional))
        prune_map(p, schema, value);
    for (size_t i = 0; value->type == NODE_LIST && i < value->len; i++) {
        text_addf(&p->path, "[%zu]", i);
        prune_value(p, schema->items, value->items[i]);
        text_cut(&p->path, len);
    }
}

void schema_prune(const struct schema *schema, struct arena *arena, struct node *object,
                  struct node *ret_unknown)
{
    struct pruning p = {.arena = arena, .unknown = ret_unknown, .remove = true};

    prune_value(&p, schema, object);
    text_free(&p.path);
}

void schema_find_unknown(const struct schema *schema, struct arena *arena,
                         const struct node *object, struct node *ret_unknown)
{
    struct pruning p = {.arena = arena, .unknown = ret_unknown};

    prune_value(&p, schema, object);
    text_free(&p.path);
}
