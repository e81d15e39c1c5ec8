/* SPDX-License-Identifier: Apache-2.0 */
/* Merges a patch into a document as RFC 7386 says. */
#include "patch/inside.h"

struct node *patch_merge(struct arena *arena, const struct node *live,
                         const struct node *patch)
{
    struct node *merged;

    if (!node_is(patch, NODE_MAP))
        return (struct node *)patch;
    merged = node_is(live, NODE_MAP) ? node_share(arena, live) : node_map(arena);
    node_each (member, patch) {
        if (member->value->type == NODE_NULL)
            node_remove(merged, member->key);
        else
            node_set(arena, merged, member->key,
                     patch_merge(arena, node_get(merged, member->key),
                                 member->value));
    }
    return merged;
}
