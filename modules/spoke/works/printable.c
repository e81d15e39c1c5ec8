/* SPDX-License-Identifier: Apache-2.0 */
/* Makes texts of pods, artifacts and feedback rules fit to be read in a terminal. */
#include "works/report.h"

#include "document/document.h"

#define TEXT_MOST 4096

struct node *printable_copy(struct arena *arena, const struct node *from)
{
    struct node *made;
    char *text;

    if (node_is(from, NODE_STRING)) {
        text = arena_bytes(arena, from->string, from->len < TEXT_MOST ? from->len : TEXT_MOST);
        text_make_printable(text);
        return node_string(arena, text);
    }
    if (node_is(from, NODE_LIST)) {
        made = node_list(arena);
        for (size_t i = 0; i < node_count(from); i++)
            node_add(arena, made, printable_copy(arena, node_item(from, i)));
        return made;
    }
    if (!node_is(from, NODE_MAP))
        return node_copy(arena, from);
    made = node_map(arena);
    node_each(member, from)
        node_set(arena, made, member->key, printable_copy(arena, member->value));
    return made;
}
