/* SPDX-License-Identifier: Apache-2.0 */
/* Finds trees by name: those of a set, and before them those of a text inside tpl. */
#include "gotemplate/tree.h"

/* A tree of white space only is empty, and replaces no other. */
bool tree_empty(const struct part *list)
{
    for (uint32_t i = 0; list && i < list->parts.len; i++) {
        const struct part *part = list->parts.at[i];

        if (part->type != PART_TEXT)
            return false;
        for (size_t j = 0; j < part->text.len;) {
            unsigned rune;

            j += rune_next(part->text.at + j, part->text.len - j, &rune);
            if (!rune_is_space(rune))
                return false;
        }
    }
    return true;
}

struct scope *scope_new(struct arena *arena, struct scope *parent)
{
    struct scope *scope = arena_alloc(arena, sizeof *scope);

    scope->parent = parent;
    scope->arena = arena;
    scope->heap.arena = arena;
    scope->trees = dict_new(&scope->heap, ELEMENT_ANY);
    return scope;
}

/* A text inside tpl may define names anew; the outer scopes come after it. */
struct tree *scope_find(const struct scope *scope, struct str name)
{
    uint32_t hash = str_hash(name);

    for (; scope; scope = scope->parent) {
        struct value *found = dict_find(scope->trees, name, hash);

        if (found)
            return (struct tree *)(uintptr_t)found->string;
    }
    return NULL;
}

void scope_put(struct scope *scope, struct tree *tree)
{
    if (tree_empty(tree->root) && scope_find(scope, tree->name))
        return;
    dict_set(scope->trees, tree->name,
             (struct value){.kind = KIND_STRING, .string = (const char *)tree});
}
