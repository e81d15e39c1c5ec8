/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the definitions that are compiled in, and what they have in common. */
#include "render/builtin.h"

#include "base/asset.h"
#include "document/document.h"
#include "render/render.h"

#include <assert.h>
#include <string.h>

#define LIBRARY "library/component.yaml"
/* References in references; the asset has three. */
#define DEPTH_LIMIT 8

static struct node *read_library(struct arena *arena, struct err *err)
{
    const struct asset *asset = asset_find(LIBRARY);
    struct node *documents = document_read_all(arena, (const char *)asset->bytes, asset->size,
                                               &document_limits_own, err);

    if (!documents) {
        err_wrap(err, "assets/" LIBRARY);
        return NULL;
    }
    return node_item(documents, 0);
}

/* An asset that cannot be read is an error of the program, which every unit test meets. */
const char *builtin_template(void)
{
    static char *template;
    scoped_arena struct arena *arena = NULL;
    struct err err = {0};
    const struct node *library;

    if (template)
        return template;
    arena = arena_new();
    library = read_library(arena, &err);
    assert(library);
    template = mem_copy_string(node_get_text(library, "template"));
    return template;
}

/* ---- {$ref: NAME} ---------------------------------------------------------------- */

struct expansion {
    struct arena *arena;
    const struct node *schemas;
    unsigned depth;
    struct err *err;
};

static struct node *expand_node(struct expansion *expansion, const struct node *node);

/* Adds the members of a shared schema, except those that the map has itself. */
static int add_shared_schema(struct expansion *expansion, const struct node *node, struct node *map,
                             const char *name)
{
    const struct node *shared = node_get(expansion->schemas, name);
    struct node *expanded;

    if (!shared || expansion->depth == DEPTH_LIMIT)
        return err_set(expansion->err, ERR_INTERNAL, "$ref: \"%s\" is no schema of assets/" LIBRARY,
                       name);
    expansion->depth++;
    expanded = expand_node(expansion, shared);
    expansion->depth--;
    if (!expanded)
        return -1;
    node_each(member, expanded) if (!node_get(node, member->key))
        node_set(expansion->arena, map, member->key, member->value);
    return 0;
}

static int add_shared_schemas(struct expansion *expansion, const struct node *node,
                              struct node *map, const struct node *names)
{
    if (node_is(names, NODE_STRING))
        return add_shared_schema(expansion, node, map, node_text(names));
    for (size_t i = 0; i < node_count(names); i++)
        if (add_shared_schema(expansion, node, map, node_text(node_item(names, i))) < 0)
            return -1;
    return 0;
}

static struct node *expand_map(struct expansion *expansion, const struct node *node)
{
    struct node *map = node_map(expansion->arena);

    node_each(member, node)
    {
        struct node *value;

        if (!strcmp(member->key, "$ref")) {
            if (add_shared_schemas(expansion, node, map, member->value) < 0)
                return NULL;
            continue;
        }
        value = expand_node(expansion, member->value);
        if (!value)
            return NULL;
        node_set(expansion->arena, map, member->key, value);
    }
    return map;
}

static struct node *expand_list(struct expansion *expansion, const struct node *node)
{
    struct node *list = node_list(expansion->arena);

    for (size_t i = 0; i < node_count(node); i++) {
        struct node *value = expand_node(expansion, node_item(node, i));

        if (!value)
            return NULL;
        node_add(expansion->arena, list, value);
    }
    return list;
}

/* A copy in which each {$ref: NAME} is replaced, so that it is read as a schema by
   itself. */
static struct node *expand_node(struct expansion *expansion, const struct node *node)
{
    if (node_is(node, NODE_MAP))
        return expand_map(expansion, node);
    return node_is(node, NODE_LIST) ? expand_list(expansion, node)
                                    : node_copy(expansion->arena, node);
}

static int expand_definition(struct arena *arena, const struct node *library,
                             struct node *definition, struct err *err)
{
    struct expansion expansion = {arena, node_get(library, "schemas"), 0, err};
    struct node *spec = node_get(definition, "spec");
    struct node *schema = expand_node(&expansion, node_get(spec, "schema"));

    if (!schema)
        return -1;
    node_set(arena, spec, "schema", schema);
    return 0;
}

/* ---- The definitions --------------------------------------------------------------- */

struct builtin {
    struct arena *arena;
    const struct node *library;
    struct node *list;
    struct err *err;
};

static int read_builtin_asset(const struct asset *asset, void *arg)
{
    struct builtin *builtin = arg;
    struct node *documents;

    documents = document_read_all(builtin->arena, (const char *)asset->bytes, asset->size,
                                  &document_limits_own, builtin->err);
    if (!documents)
        return err_wrap(builtin->err, "assets/%s", asset->path);
    for (size_t i = 0; i < node_count(documents); i++) {
        struct node *one = node_item(documents, i);

        if (expand_definition(builtin->arena, builtin->library, one, builtin->err) < 0)
            return err_wrap(builtin->err, "assets/%s", asset->path);
        node_add(builtin->arena, builtin->list, one);
    }
    return 0;
}

/* The definitions are read and expanded once, because every rendering needs them; each
   caller gets a copy. */
struct node *render_builtin(struct arena *arena, struct err *err)
{
    static struct node *kept;

    if (!kept) {
        static struct arena *forever;
        struct builtin builtin = {.err = err};

        if (!forever)
            forever = arena_new();
        builtin.arena = forever;
        builtin.list = node_list(forever);
        builtin.library = read_library(forever, err);
        if (!builtin.library || asset_each("definitions/", read_builtin_asset, &builtin) < 0)
            return NULL;
        kept = builtin.list;
    }
    return node_copy(arena, kept);
}
