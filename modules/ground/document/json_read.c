/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a tree from a checked JSON text. */
#include "document/document.h"
#include "document/node.h"
#include "document/scan.h"

const struct document_limits document_limits_api = {
    .bytes = 3 * 1024 * 1024,
    .depth = 128,
};
const struct document_limits document_limits_own = {
    .bytes = SIZE_MAX / 2,
    .depth = 512,
    .nodes = SIZE_MAX,
    .any_integer = true,
};

/* The position of a value in the tree, from the inside out; write_path() prints it. */
struct place {
    const struct place *outer;
    const char *key; /* NULL: an item of a list */
    size_t index;
};

/* Makes a tree without equal keys from one with such keys. */
struct unique {
    struct arena *arena;
    bool keep_last;
    struct node *duplicates; /* list of paths, or NULL */
    struct err *err;
};

static void write_path(struct text *out, const struct place *place)
{
    if (!place)
        return;
    write_path(out, place->outer);
    if (place->key)
        text_addf(out, "%s%s", out->len ? "." : "", place->key);
    else
        text_addf(out, "[%zu]", place->index);
}

static int note_duplicate(struct unique *unique, const struct place *place)
{
    scoped_text struct text path = {0};

    write_path(&path, place);
    if (unique->duplicates)
        node_add(unique->arena, unique->duplicates, node_string(unique->arena, text_string(&path)));
    if (unique->keep_last)
        return 0;
    return err_set(unique->err, ERR_BAD_REQUEST, "duplicate key \"%s\"", text_string(&path));
}

static struct node *make_unique(struct unique *unique, struct node *from,
                                const struct place *place);

static struct node *make_unique_list(struct unique *unique, const struct node *from,
                                     const struct place *outer)
{
    struct node *list = node_list(unique->arena);
    struct place place = {.outer = outer};

    for (; place.index < from->len; place.index++) {
        struct node *value = make_unique(unique, from->items[place.index], &place);

        if (!value)
            return NULL;
        node_add(unique->arena, list, value);
    }
    return list;
}

static struct node *make_unique_map(struct unique *unique, const struct node *from,
                                    const struct place *outer)
{
    struct node *map = node_map(unique->arena);
    struct place place = {.outer = outer};

    node_each(member, from)
    {
        struct node *value;

        place.key = member->key;
        if (node_get(map, member->key) && note_duplicate(unique, &place) < 0)
            return NULL;
        value = make_unique(unique, member->value, &place);
        if (!value)
            return NULL;
        node_set(unique->arena, map, member->key, value);
    }
    return map;
}

static struct node *make_unique(struct unique *unique, struct node *from, const struct place *place)
{
    if (from->type == NODE_MAP)
        return make_unique_map(unique, from, place);
    if (from->type == NODE_LIST)
        return make_unique_list(unique, from, place);
    return from;
}

/* node_get() finds the first of equal keys, so a member that it does not find is
   a later one. */
static bool has_equal_keys(const struct node *node)
{
    for (size_t i = 0; node->type == NODE_LIST && i < node->len; i++) {
        if (has_equal_keys(node->items[i]))
            return true;
    }
    node_each(member, node)
    {
        if (node_get(node, member->key) != member->value || has_equal_keys(member->value))
            return true;
    }
    return false;
}

static struct node *read_checked(struct arena *arena, const char *text, size_t len,
                                 const struct document_limits *limits, struct node *duplicates,
                                 struct err *err)
{
    struct unique unique = {.arena = arena,
                            .keep_last = limits->duplicates || duplicates,
                            .duplicates = duplicates,
                            .err = err};
    struct node *plain;

    if (document_scan_json(text, len, limits, err) < 0)
        return NULL;
    plain = document_read_plain(arena, text, len);
    if (!plain) {
        err_set(err, ERR_BAD_REQUEST, "not JSON");
        return NULL;
    }
    /* Few texts contain equal keys, so the tree is normally used without a copy. */
    return has_equal_keys(plain) ? make_unique(&unique, plain, NULL) : plain;
}

struct node *document_read_json(struct arena *arena, const char *text, size_t len,
                                const struct document_limits *limits, struct err *err)
{
    return read_checked(arena, text, len, limits, NULL, err);
}

struct node *document_read_json_leniently(struct arena *arena, const char *text, size_t len,
                                          const struct document_limits *limits,
                                          struct node *duplicates, struct err *err)
{
    return read_checked(arena, text, len, limits, duplicates, err);
}
