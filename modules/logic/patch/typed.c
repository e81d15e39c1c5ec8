/* SPDX-License-Identifier: Apache-2.0 */
/* Compares, merges and cuts objects by the ownership that their schema declares,
   as structured-merge-diff's package typed does. */
#include "patch/internal.h"

#include "base/map.h"

#include <string.h>

/* Without a declared type the value decides: a list is owned as a whole, a map by
   its members. */
static enum shape shape_of(const struct schema *schema, const struct node *value)
{
    enum schema_type type = schema_type_of(schema);

    if (schema_is_free(schema) || type == SCHEMA_ANY) {
        if (node_is(value, NODE_LIST))
            return SHAPE_ATOMIC;
        return node_is(value, NODE_MAP) ? SHAPE_MAP : SHAPE_SCALAR;
    }
    if (type == SCHEMA_OBJECT)
        return schema_is_atomic(schema) ? SHAPE_ATOMIC : SHAPE_MAP;
    if (type == SCHEMA_ARRAY)
        return schema_is_atomic(schema) ? SHAPE_ATOMIC : SHAPE_LIST;
    return SHAPE_SCALAR;
}

/* The common shape of two values. If one is absent, it is the shape of the other. */
static enum shape shape_of_both(const struct schema *schema, const struct node *a,
                                const struct node *b)
{
    enum shape x, y;

    if (!a || !b)
        return shape_of(schema, a ? a : b);
    x = shape_of(schema, a);
    y = shape_of(schema, b);
    /* Values of different shapes are owned as a whole. */
    return x == y ? x : SHAPE_ATOMIC;
}

static bool is_empty_collection(const struct node *value)
{
    return !node_is(value, NODE_MAP) && !node_is(value, NODE_LIST) ? true : !value->len;
}

/* ---- The items of a list, by what they are known by --------------------- */

struct roll {
    struct element *elements;
    size_t count;
    struct map *places; /* text -> position + 1; only in long lists */
};

/* Shorter lists are searched faster than a hash table is built. */
#define ROLL_LONG 12

static void roll_free(struct roll *roll)
{
    map_free(&roll->places);
}

static size_t roll_find(const struct roll *roll, const struct element *element)
{
    if (roll->places)
        return (size_t)(uintptr_t)map_get(roll->places, element->text);
    for (size_t i = 0; i < roll->count; i++)
        if (element_same(&roll->elements[i], element))
            return i + 1;
    return 0;
}

/* Identifies each item of a list. One without a key is identified by its
   position, which no key equals. */
static void roll_fill(struct arena *arena, const struct schema *schema, const struct node *list,
                      struct roll *ret)
{
    size_t count = node_is(list, NODE_LIST) ? list->len : 0;
    const char *why;

    *ret = (struct roll){.count = count};
    ret->elements = arena_alloc(arena, (count + 1) * sizeof *ret->elements);
    if (count > ROLL_LONG)
        ret->places = map_new();
    for (size_t i = 0; i < count; i++) {
        struct element *element = &ret->elements[i];

        if (!element_of_item(arena, schema, list->items[i], element, &why))
            *element = (struct element){
                .kind = ELEMENT_INDEX,
                .text = arena_printf(arena, "%zu", i),
                .value = node_int(arena, (int64_t)i),
            };
        if (ret->places && !map_get(ret->places, element->text))
            map_put(ret->places, element->text, (void *)(uintptr_t)(i + 1));
    }
}

/* ---- The fields of an object -------------------------------------------- */

static void add_map_fields(struct arena *arena, const struct schema *schema, const struct node *map,
                           struct field_set **set)
{
    node_each(member, map)
    {
        const struct node *value = member->value;
        struct field_entry entry = {.element = element_field(member->key)};
        const struct schema *child = schema_field(schema, member->key);

        switch (shape_of(child, value)) {
        case SHAPE_MAP:
        case SHAPE_LIST:
            entry.below = typed_fields(arena, child, value);
            entry.member = value->type == NODE_NULL || (value->type == NODE_MAP && !value->len) ||
                           !schema_declares(schema, member->key);
            break;
        default:
            entry.member = true;
        }
        field_set_append(arena, set, &entry);
    }
}

static void add_list_fields(struct arena *arena, const struct schema *schema,
                            const struct node *list, struct field_set **set)
{
    __attribute__((cleanup(roll_free))) struct roll roll;

    roll_fill(arena, schema, list, &roll);
    for (size_t i = 0; i < roll.count; i++) {
        struct field_entry entry = {roll.elements[i], true, NULL};

        if (roll_find(&roll, &entry.element) != i + 1)
            continue;
        entry.below = typed_fields(arena, schema_items(schema), list->items[i]);
        field_set_append(arena, set, &entry);
    }
}

struct field_set *typed_fields(struct arena *arena, const struct schema *schema,
                               const struct node *object)
{
    struct field_set *set = NULL;

    switch (shape_of(schema, object)) {
    case SHAPE_MAP:
        add_map_fields(arena, schema, object, &set);
        break;
    case SHAPE_LIST:
        add_list_fields(arena, schema, object, &set);
        break;
    default:
        break;
    }
    field_set_settle(set);
    return set;
}

/* ---- Comparing ---------------------------------------------------------- */

/* What changed at one place and below it. */
struct change {
    bool added, removed, modified;
    struct typed_change below;
};

static void compare_values(struct arena *arena, const struct schema *schema,
                           const struct node *before, const struct node *after, struct change *ret);

static void append_change(struct arena *arena, struct typed_change *to,
                          const struct element *element, const struct change *change)
{
    field_set_append(arena, &to->added,
                     &(struct field_entry){*element, change->added, change->below.added});
    field_set_append(arena, &to->removed,
                     &(struct field_entry){*element, change->removed, change->below.removed});
    field_set_append(arena, &to->modified,
                     &(struct field_entry){*element, change->modified, change->below.modified});
}

static void settle_change(struct typed_change *change)
{
    field_set_settle(change->added);
    field_set_settle(change->removed);
    field_set_settle(change->modified);
}

static void compare_typed_maps(struct arena *arena, const struct schema *schema,
                               const struct node *before, const struct node *after,
                               struct typed_change *ret)
{
    node_each(member, before)
    {
        struct element element = element_field(member->key);
        struct change change = {0};

        compare_values(arena, schema_field(schema, member->key), member->value,
                       node_get(after, member->key), &change);
        append_change(arena, ret, &element, &change);
    }
    node_each(member, after)
    {
        struct element element = element_field(member->key);
        struct change change = {0};

        if (node_get(before, member->key))
            continue;
        compare_values(arena, schema_field(schema, member->key), NULL, member->value, &change);
        append_change(arena, ret, &element, &change);
    }
}

static void compare_lists(struct arena *arena, const struct schema *schema,
                          const struct node *before, const struct node *after,
                          struct typed_change *ret)
{
    __attribute__((cleanup(roll_free))) struct roll old, new;

    roll_fill(arena, schema, before, &old);
    roll_fill(arena, schema, after, &new);
    for (size_t i = 0; i < old.count; i++) {
        size_t at = roll_find(&new, &old.elements[i]);
        struct change change = {0};

        if (roll_find(&old, &old.elements[i]) != i + 1)
            continue;
        compare_values(arena, schema_items(schema), before->items[i],
                       at ? after->items[at - 1] : NULL, &change);
        append_change(arena, ret, &old.elements[i], &change);
    }
    for (size_t i = 0; i < new.count; i++) {
        struct change change = {0};

        if (roll_find(&old, &new.elements[i]) || roll_find(&new, &new.elements[i]) != i + 1)
            continue;
        compare_values(arena, schema_items(schema), NULL, after->items[i], &change);
        append_change(arena, ret, &new.elements[i], &change);
    }
}

static void compare_values(struct arena *arena, const struct schema *schema,
                           const struct node *before, const struct node *after, struct change *ret)
{
    enum shape shape = shape_of_both(schema, before, after);

    /* Two empty collections are compared as whole values: {} differs from null. */
    if ((shape == SHAPE_MAP || shape == SHAPE_LIST) &&
        (!is_empty_collection(before) || !is_empty_collection(after))) {
        if (shape == SHAPE_MAP)
            compare_typed_maps(arena, schema, before, after, &ret->below);
        else
            compare_lists(arena, schema, before, after, &ret->below);
        settle_change(&ret->below);
    } else if (before && after)
        ret->modified = !node_same(before, after);
    ret->added = !before;
    ret->removed = !after;
}

struct typed_change typed_compare(struct arena *arena, const struct schema *schema,
                                  const struct node *before, const struct node *after)
{
    struct change change = {0};

    compare_values(arena, schema, before, after, &change);
    return change.below;
}

/* ---- Merging ------------------------------------------------------------ */

static struct node *merge_maps(struct arena *arena, const struct schema *schema,
                               const struct node *live, const struct node *config)
{
    struct node *map = node_map(arena);

    node_each(member, live) node_set(arena, map, member->key,
                                     typed_merge(arena, schema_field(schema, member->key),
                                                 member->value, node_get(config, member->key)));
    node_each(member, config) if (!node_get(map, member->key))
        node_set(arena, map, member->key, member->value);
    return map;
}

/* The state of merging two associative lists. */
struct zipper {
    struct arena *arena;
    const struct schema *schema;
    const struct node *live, *config;
    struct roll lefts, rights;
    bool *taken; /* of the rights */
    size_t left, right;
    size_t shared; /* of the rights: the next that is in both, or the end */
    struct node *out;
};

static void zipper_free(struct zipper *z)
{
    roll_free(&z->lefts);
    roll_free(&z->rights);
}

static void seek_shared(struct zipper *z, size_t from)
{
    for (z->shared = from; z->shared < z->rights.count; z->shared++)
        if (roll_find(&z->lefts, &z->rights.elements[z->shared]))
            return;
}

static void take_right(struct zipper *z)
{
    size_t right = z->right++;
    size_t left = roll_find(&z->lefts, &z->rights.elements[right]);

    z->taken[right] = true;
    node_add(z->arena, z->out,
             typed_merge(z->arena, schema_items(z->schema), left ? z->live->items[left - 1] : NULL,
                         z->config->items[right]));
    if (z->shared == right)
        seek_shared(z, right + 1);
}

/*
 * Items that only the live list has keep their place, items of the config keep
 * the config's order. A live item that the config has further on is skipped here;
 * take_right() adds it when its turn comes.
 */
static void merge_item_orders(struct zipper *z)
{
    while (z->left < z->lefts.count || z->right < z->rights.count) {
        size_t match = 0;

        if (z->left < z->lefts.count) {
            match = roll_find(&z->rights, &z->lefts.elements[z->left]);
            if (!match) {
                node_add(z->arena, z->out, z->live->items[z->left++]);
                continue;
            }
            if (match == z->right + 1) {
                z->left++;
                take_right(z);
                continue;
            }
            if (z->taken[match - 1] || (z->right < z->rights.count && z->shared < z->rights.count &&
                                        z->shared != match - 1)) {
                z->left++;
                continue;
            }
        }
        if (z->right < z->rights.count)
            take_right(z);
    }
}

static struct node *merge_lists(struct arena *arena, const struct schema *schema,
                                const struct node *live, const struct node *config)
{
    __attribute__((cleanup(zipper_free))) struct zipper z = {
        .arena = arena,
        .schema = schema,
        .live = live,
        .config = config,
    };

    roll_fill(arena, schema, live, &z.lefts);
    roll_fill(arena, schema, config, &z.rights);
    z.taken = arena_alloc(arena, z.rights.count + 1);
    z.out = node_list(arena);
    seek_shared(&z, 0);
    merge_item_orders(&z);
    return z.out;
}

struct node *typed_merge(struct arena *arena, const struct schema *schema, const struct node *live,
                         const struct node *config)
{
    enum shape shape = shape_of_both(schema, live, config);

    if (!live || !config)
        return (struct node *)(config ? config : live);
    if (shape == SHAPE_SCALAR || shape == SHAPE_ATOMIC ||
        (is_empty_collection(live) && is_empty_collection(config)))
        return (struct node *)config;
    if (shape == SHAPE_MAP)
        return merge_maps(arena, schema, live, config);
    return merge_lists(arena, schema, live, config);
}

/* ---- Cutting ------------------------------------------------------------ */

static struct node *remove_members(struct arena *arena, const struct schema *schema,
                                   const struct node *map, const struct field_set *set,
                                   struct node *hole)
{
    struct node *rest = node_map(arena);

    node_each(member, map)
    {
        struct element element = element_field(member->key);
        const struct field_entry *entry = field_set_find(set, &element);
        struct node *value = member->value;

        if (entry && entry->member)
            continue;
        if (entry)
            value =
                typed_remove(arena, schema_field(schema, member->key), value, entry->below, hole);
        node_set(arena, rest, member->key, value);
    }
    return rest->len ? rest : hole;
}

static struct node *remove_items(struct arena *arena, const struct schema *schema,
                                 const struct node *list, const struct field_set *set,
                                 struct node *hole)
{
    __attribute__((cleanup(roll_free))) struct roll roll;
    struct node *rest = node_list(arena);

    roll_fill(arena, schema, list, &roll);
    for (size_t i = 0; i < roll.count; i++) {
        const struct field_entry *entry = field_set_find(set, &roll.elements[i]);
        struct node *value = list->items[i];

        if (entry && entry->member)
            continue;
        if (entry)
            value = typed_remove(arena, schema_items(schema), value, entry->below, hole);
        node_add(arena, rest, value);
    }
    return rest->len ? rest : hole;
}

struct node *typed_remove(struct arena *arena, const struct schema *schema,
                          const struct node *object, const struct field_set *set, struct node *hole)
{
    enum shape shape = shape_of(schema, object);

    if (field_set_empty(set) || (shape != SHAPE_MAP && shape != SHAPE_LIST))
        return (struct node *)object;
    if (node_is(object, NODE_MAP))
        return remove_members(arena, schema, object, set, hole);
    if (node_is(object, NODE_LIST))
        return remove_items(arena, schema, object, set, hole);
    return (struct node *)object;
}

static struct node *extract_items(struct arena *arena, const struct schema *schema,
                                  const struct node *list, const struct field_set *set)
{
    __attribute__((cleanup(roll_free))) struct roll roll;
    struct node *some = node_list(arena);

    roll_fill(arena, schema, list, &roll);
    for (size_t i = 0; i < roll.count; i++) {
        const struct field_entry *entry = field_set_find(set, &roll.elements[i]);

        if (entry)
            node_add(arena, some,
                     typed_extract(arena, schema_items(schema), list->items[i], entry->below));
    }
    return some;
}

struct node *typed_extract(struct arena *arena, const struct schema *schema,
                           const struct node *object, const struct field_set *set)
{
    enum shape shape = shape_of(schema, object);
    struct node *some;

    if (shape == SHAPE_LIST && node_is(object, NODE_LIST))
        return extract_items(arena, schema, object, set);
    if (shape != SHAPE_MAP || !node_is(object, NODE_MAP))
        return (struct node *)object;
    some = node_map(arena);
    node_each(member, object)
    {
        struct element element = element_field(member->key);
        const struct field_entry *entry = field_set_find(set, &element);

        if (entry)
            node_set(arena, some, member->key,
                     typed_extract(arena, schema_field(schema, member->key), member->value,
                                   entry->below));
    }
    return some;
}
