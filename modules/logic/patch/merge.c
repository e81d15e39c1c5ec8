/* SPDX-License-Identifier: Apache-2.0 */
/* Merges a patch by RFC 7386, with the differences of kube-apiserver's library,
   evanphx/json-patch. */
#include "patch/internal.h"

/* Removes nulls from the maps of a new value, also inside lists, as the library
   does. RFC 7386 would keep them there. */
static struct node *without_nulls(struct arena *arena, struct node *value)
{
    struct node *copy;

    if (value->type == NODE_LIST) {
        copy = node_list(arena);
        for (size_t i = 0; i < value->len; i++)
            node_add(arena, copy, without_nulls(arena, value->items[i]));
        return copy;
    }
    if (value->type != NODE_MAP)
        return value;
    copy = node_map(arena);
    node_each(member, value) if (member->value->type != NODE_NULL)
        node_set(arena, copy, member->key, without_nulls(arena, member->value));
    return copy;
}

struct node *patch_merge(struct arena *arena, const struct node *live, const struct node *patch)
{
    struct node *merged;

    if (!node_is(live, NODE_MAP))
        return without_nulls(arena, (struct node *)patch);
    /* The library accepts a list in the place of a map. */
    if (!node_is(patch, NODE_MAP))
        return (struct node *)patch;
    merged = node_share(arena, live);
    node_each(member, patch)
    {
        if (member->value->type == NODE_NULL)
            node_remove(merged, member->key);
        else
            node_set(arena, merged, member->key,
                     patch_merge(arena, node_get(merged, member->key), member->value));
    }
    return merged;
}
