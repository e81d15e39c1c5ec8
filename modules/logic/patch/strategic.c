/* SPDX-License-Identifier: Apache-2.0 */
/* Merges a patch by Kubernetes' strategic merge, with its directives. */
#include "patch/internal.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define DIRECTIVE "$patch"
#define RETAIN "$retainKeys"
#define ORDER "$setElementOrder/"
#define DELETE "$deleteFromPrimitiveList/"

struct merging {
    struct arena *arena;
    struct err *err;
    const char *field; /* whose list is merged, for words of our own */
};

static struct node *merge_map(struct merging *m, const struct schema *schema,
                              const struct node *live, const struct node *patch);
static struct node *merge_list(struct merging *m, const struct schema *schema,
                               const struct node *live, const struct node *patch, bool deleting);

static void *refuse_patch(struct merging *m, const char *what, const struct node *at)
{
    const char *json = at ? document_json(m->arena, at) : "";

    err_set(m->err, ERR_BAD_REQUEST, "%s%s%.300s", what, at ? ": " : "", json);
    return NULL;
}

static void *refuse_keyless(struct merging *m, const char *key, const struct node *item)
{
    err_set(m->err, ERR_BAD_REQUEST, "map: %.300s does not contain declared merge key: %s",
            document_json(m->arena, item), key);
    return NULL;
}

/* ---- What items are known by -------------------------------------------- */

/* The identity of an item as a text: the value of its merge key, or the item
   itself. NULL if it has no key. */
static const char *name_item(struct merging *m, const char *key, const struct node *item)
{
    const struct node *value = key ? node_get(item, key) : item;
    scoped_text struct text json = {0};

    if (!value)
        return NULL;
    document_write_canonical(&json, value);
    return arena_string(m->arena, text_string(&json));
}

/* Maps identities to positions + 1. The first one of equal items counts. */
static struct map *index_items(struct merging *m, const char *key, const struct node *list)
{
    struct map *places = map_new();

    for (size_t i = 0; i < node_count(list); i++) {
        const char *name = name_item(m, key, list->items[i]);

        if (name && !map_get(places, name))
            map_put(places, name, (void *)(uintptr_t)(i + 1));
    }
    return places;
}

static size_t merge_place_of(struct merging *m, const struct map *places, const char *key,
                             const struct node *item)
{
    const char *name = name_item(m, key, item);

    return name ? (size_t)(uintptr_t)map_get(places, name) : 0;
}

/* ---- Order -------------------------------------------------------------- */

struct ranked {
    struct node *item;
    size_t rank, server; /* in the wanted order and the live one; 0: nowhere */
    size_t at;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Sorts a merged list. Items named by the patch come in its order, others in the
   live order; both sequences are then merged by their live positions. */
static struct node *order_items(struct merging *m, const char *key, const struct node *merged,
                                const struct node *wanted, const struct node *live)
{
    scoped_map struct map *ranks = index_items(m, key, wanted);
    scoped_map struct map *places = index_items(m, key, live);
    size_t bytes = (merged->len + 1) * sizeof(struct ranked);
    struct ranked *named = arena_alloc(m->arena, bytes);
    struct ranked *others = arena_alloc(m->arena, bytes);
    size_t named_count = 0, other_count = 0, i = 0, j = 0;
    struct node *out = node_list(m->arena);

    for (size_t at = 0; at < merged->len; at++) {
        struct node *item = merged->items[at];
        size_t server = merge_place_of(m, places, key, item);
        size_t rank = merge_place_of(m, ranks, key, item);

        if (rank)
            named[named_count++] = (struct ranked){item, rank, server, at};
        else
            others[other_count++] = (struct ranked){item, server, server, at};
    }
    qsort(named, named_count, sizeof *named, compare_ranked);
    qsort(others, other_count, sizeof *others, compare_ranked);
    while (i < other_count || j < named_count) {
        bool other = j == named_count || (i < other_count && others[i].server && named[j].server &&
                                          others[i].server < named[j].server);

        node_add(m->arena, out, other ? others[i++].item : named[j++].item);
    }
    return out;
}

/* ---- Lists -------------------------------------------------------------- */

static struct node *drop_items(struct merging *m, const char *key, const struct node *list,
                               const struct node *gone)
{
    scoped_map struct map *places = index_items(m, key, gone);
    struct node *rest = node_list(m->arena);

    for (size_t i = 0; i < node_count(list); i++)
        if (!merge_place_of(m, places, key, list->items[i]))
            node_add(m->arena, rest, list->items[i]);
    return rest;
}

/* Whether both have the same Go type. All numbers count as one here, as JSON has one. */
static bool are_alike(const struct node *a, const struct node *b)
{
    bool numbers = (a->type == NODE_INT || a->type == NODE_FLOAT) &&
                   (b->type == NODE_INT || b->type == NODE_FLOAT);

    return a->type == b->type || numbers;
}

static struct node *join_scalars(struct merging *m, const struct node *live,
                                 const struct node *patch)
{
    const struct node *lists[] = {live, patch};
    scoped_map struct map *seen = map_new();
    const struct node *first = node_item(node_count(live) ? live : patch, 0);
    struct node *all = node_list(m->arena);

    for (size_t l = 0; l < count_of(lists); l++)
        for (size_t i = 0; i < node_count(lists[l]); i++) {
            struct node *item = lists[l]->items[i];

            if (!are_alike(first, item))
                return refuse_patch(m, "list element types are not identical", patch);
            if (!map_put(seen, name_item(m, NULL, item), item))
                node_add(m->arena, all, item);
        }
    return all;
}

/* Separates items to merge from items with a directive. Items to delete leave
 *live; `$patch: replace` empties it. */
static struct node *take_directives(struct merging *m, const char *key, struct node **live,
                                    const struct node *patch)
{
    struct node *plain = node_list(m->arena), *gone = node_list(m->arena);
    bool replace = false;

    for (size_t i = 0; i < patch->len; i++) {
        const struct node *item = patch->items[i];
        const struct node *directive = node_get(item, DIRECTIVE);
        const char *word = node_text(directive);

        if (!node_is(item, NODE_MAP))
            return refuse_patch(
                m, arena_printf(m->arena, "%s: a list of objects holds something else", m->field),
                item);
        if (!directive)
            node_add(m->arena, plain, patch->items[i]);
        else if (!strcmp(word, "replace"))
            replace = true;
        else if (strcmp(word, "delete") != 0)
            return refuse_patch(m, "unknown patch type in", item);
        else if (!node_get(item, key))
            return refuse_keyless(m, key, item);
        else
            node_add(m->arena, gone, patch->items[i]);
    }
    *live = replace ? node_list(m->arena) : drop_items(m, key, *live, gone);
    return plain;
}

/* New items are indexed as well, so that a second one with the same key is merged
   with the first. */
static struct node *merge_items(struct merging *m, const struct schema *schema, const char *key,
                                const struct node *live, const struct node *patch)
{
    scoped_map struct map *places = index_items(m, key, live);
    struct node *all = node_share(m->arena, live);

    for (size_t i = 0; i < patch->len; i++) {
        struct node *item = patch->items[i];
        size_t place = merge_place_of(m, places, key, item);

        if (!node_get(item, key))
            return refuse_keyless(m, key, item);
        if (!place) {
            node_add(m->arena, all, item);
            map_put(places, name_item(m, key, item), (void *)(uintptr_t)all->len);
            continue;
        }
        item = merge_map(m, schema_items(schema), all->items[place - 1], item);
        if (!item)
            return NULL;
        all->items[place - 1] = item;
    }
    return all;
}

static bool holds_maps(const struct node *live, const struct node *patch)
{
    const struct node *first = node_item(live, 0);

    return node_is(first ? first : node_item(patch, 0), NODE_MAP);
}

static struct node *merge_list(struct merging *m, const struct schema *schema,
                               const struct node *live, const struct node *patch, bool deleting)
{
    const char *key = schema_merge_key(schema);
    struct node *kept = (struct node *)live, *merged;

    if (!schema_merges(schema) && !deleting)
        return (struct node *)patch;
    if (!live->len && !patch->len)
        return kept;
    if (!holds_maps(live, patch)) {
        if (deleting)
            return drop_items(m, NULL, live, patch);
        merged = join_scalars(m, live, patch);
        if (!merged)
            return NULL;
        return order_items(m, NULL, merged, patch, live);
    }
    if (!key)
        return refuse_patch(m, "cannot merge lists without merge key", patch);
    patch = take_directives(m, key, &kept, patch);
    if (!patch)
        return NULL;
    merged = merge_items(m, schema, key, kept, patch);
    return merged ? order_items(m, key, merged, patch, kept) : NULL;
}

/* ---- Maps --------------------------------------------------------------- */

/* Removes directives and nulls from a new value: there is nothing that they could
   apply to. */
static struct node *strip_directives(struct merging *m, struct node *value)
{
    struct node *copy;

    if (value->type == NODE_LIST) {
        copy = node_list(m->arena);
        for (size_t i = 0; i < value->len; i++)
            if (!node_get(value->items[i], DIRECTIVE))
                node_add(m->arena, copy, strip_directives(m, value->items[i]));
        return copy;
    }
    if (value->type != NODE_MAP)
        return value;
    copy = node_map(m->arena);
    node_each(member, value) if (member->value->type != NODE_NULL && *member->key != '$' &&
                                 !node_get(member->value, DIRECTIVE))
        node_set(m->arena, copy, member->key, strip_directives(m, member->value));
    return copy;
}

static bool retain_keys(struct merging *m, struct node *live, const struct node *patch,
                        const struct node *keys)
{
    struct node *set = node_map(m->arena);

    if (!node_is(keys, NODE_LIST))
        return refuse_patch(m, "invalid patch format of retainKeys", keys);
    for (size_t i = 0; i < keys->len; i++)
        if (node_is(keys->items[i], NODE_STRING))
            node_set(m->arena, set, keys->items[i]->string, keys->items[i]);
    node_each(
        member,
        patch) if (member->value->type != NODE_NULL && *member->key != '$' &&
                   !node_get(set,
                             member->key)) return refuse_patch(m,
                                                               "invalid patch format of retainKeys",
                                                               keys);
    for (size_t i = live->len; i-- > 0;)
        if (!node_get(set, live->members[i].key))
            node_remove(live, live->members[i].key);
    return true;
}

/* Whether the items of the patch come in the order that $setElementOrder states. */
static bool follows_order(struct merging *m, const char *key, const struct node *patch,
                          const struct node *order)
{
    size_t at = 0;

    for (size_t i = 0; i < node_count(patch); i++) {
        const char *name, *next;

        if (node_get(patch->items[i], DIRECTIVE))
            continue;
        name = name_item(m, key, patch->items[i]);
        for (; name && at < order->len; at++) {
            next = name_item(m, key, order->items[at]);
            if (next && !strcmp(next, name))
                break;
        }
        if (at == order->len)
            return false;
        at++;
    }
    return true;
}

/* Applies `$setElementOrder/KEY` together with the patch of KEY. */
static bool set_order(struct merging *m, const struct schema *schema, struct node *live,
                      const struct node *patch, const char *name, const struct node *order)
{
    struct node *now = node_get(live, name), *more = node_get(patch, name);
    const struct schema *list = schema_field(schema, name);
    const char *key = schema_merge_key(list);
    struct node *merged = now;

    if (!node_is(order, NODE_LIST) || (now && now->type != NODE_LIST) ||
        (more && more->type != NODE_LIST))
        return refuse_patch(m, "$setElementOrder needs lists", order);
    if (!follows_order(m, key, more, order))
        return refuse_patch(m, "the patch's order does not match its $setElementOrder", order);
    if (!now && !more)
        return true;
    m->field = name;
    if (!now)
        merged = strip_directives(m, more);
    else if (more)
        merged = merge_list(m, list, now, more, false);
    if (!merged)
        return false;
    node_set(m->arena, live, name,
             order_items(m, holds_maps(merged, more) ? key : NULL, merged, order,
                         now ? now : node_list(m->arena)));
    return true;
}

static bool merge_patch_member(struct merging *m, const struct schema *schema, struct node *live,
                               const char *key, struct node *value, bool deleting)
{
    const struct schema *child = schema_field(schema, key);
    struct node *now = node_get(live, key);

    if (deleting && !node_is(value, NODE_LIST))
        return refuse_patch(m, "$deleteFromPrimitiveList needs a list", value);
    if (value->type == NODE_NULL) {
        node_remove(live, key);
        return true;
    }
    if (!now || now->type != value->type) {
        if (deleting || node_get(value, DIRECTIVE))
            return true;
        value = strip_directives(m, value);
    } else if (value->type == NODE_MAP) {
        value = merge_map(m, child, now, value);
    } else if (value->type == NODE_LIST) {
        m->field = key;
        value = merge_list(m, child, now, value, deleting);
    }
    if (value)
        node_set(m->arena, live, key, value);
    return value != NULL;
}

static struct node *apply_directives(struct merging *m, const struct node *patch)
{
    const char *word = node_get_text(patch, DIRECTIVE);
    struct node *rest;

    if (!strcmp(word, "delete"))
        return node_map(m->arena);
    if (strcmp(word, "replace") != 0)
        return refuse_patch(m, "unknown patch type in map", patch);
    rest = node_share(m->arena, patch);
    node_remove(rest, DIRECTIVE);
    return rest;
}

/* Directives about lists come first: $setElementOrder merges its list itself, and
   deletions must not remove what the patch adds. */
static bool merge_members(struct merging *m, const struct schema *schema, struct node *merged,
                          const struct node *patch)
{
    node_each(member, patch) if (text_starts(member->key, ORDER) &&
                                 !set_order(m, schema, merged, patch, member->key + strlen(ORDER),
                                            member->value)) return false;
    node_each(member,
              patch) if (text_starts(member->key, DELETE) &&
                         !merge_patch_member(m, schema, merged, member->key + strlen(DELETE),
                                             member->value, true)) return false;
    node_each(member, patch)
    {
        const char *order = arena_printf(m->arena, ORDER "%s", member->key);

        /* Lists with an order were merged with it. */
        if (*member->key == '$' || node_get(patch, order))
            continue;
        if (!merge_patch_member(m, schema, merged, member->key, member->value, false))
            return false;
    }
    return true;
}

static struct node *merge_map(struct merging *m, const struct schema *schema,
                              const struct node *live, const struct node *patch)
{
    const struct node *keys = node_get(patch, RETAIN);
    struct node *merged;

    if (node_get(patch, DIRECTIVE))
        return apply_directives(m, patch);
    merged = node_is(live, NODE_MAP) ? node_share(m->arena, live) : node_map(m->arena);
    if (keys && !retain_keys(m, merged, patch, keys))
        return NULL;
    return merge_members(m, schema, merged, patch) ? merged : NULL;
}

struct node *patch_strategic(struct arena *arena, const struct schema *schema,
                             const struct node *live, const struct node *patch, struct err *err)
{
    struct merging m = {arena, err, ""};

    if (node_is(patch, NODE_NULL))
        return (struct node *)live;
    if (!node_is(patch, NODE_MAP))
        return refuse_patch(&m, "a strategic merge patch must be an object", patch);
    return merge_map(&m, schema, live, patch);
}
