/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the parsed PlacementDecisions of each Placement. */
#include "controllers/decisions.h"

#include "base/map.h"
#include "meta/meta.h"
#include "render/render.h"

#include <string.h>

struct decision_list {
    struct arena *arena; /* owned; everything of it lives there */
    const struct node *list;
    struct decision_list *next; /* of the same namespace, or retired */
};

struct decisions {
    struct map *lists;      /* struct decision_list by "namespace/placement" */
    struct map *namespaces; /* the first of those of a namespace */
    struct decision_list *retired;
};

/* ---- Keeping --------------------------------------------------------------------- */

/* The owner's name is whole; what another scheduler wrote has a label only. */
static const struct node *list_decisions(struct reconcile_run *run, const char *namespace,
                                         const char *placement)
{
    const struct node *labelled =
        reconcile_list(run, KIND_ID_DECISION, namespace, META_LABEL_PLACEMENT,
                       render_label(run->arena, placement));
    struct node *list = node_list(run->arena);

    for (size_t i = 0; i < node_count(labelled); i++) {
        const char *owner = meta_owner_name(node_item(labelled, i), "Placement");

        if (!*owner || !strcmp(owner, placement))
            node_add(run->arena, list, node_item(labelled, i));
    }
    return list;
}

const struct node *decisions_of(struct reconcile_run *run, const char *namespace,
                                const char *placement)
{
    struct decisions *decisions = run->all->decisions;
    scoped_mem char *key = mem_printf("%s/%s", namespace, placement);
    struct decision_list *kept = map_get(decisions->lists, key);
    struct reconcile_run reading = *run;

    if (kept)
        return kept->list;
    kept = mem_alloc(sizeof *kept);
    reading.arena = kept->arena = arena_new();
    kept->list = list_decisions(&reading, namespace, placement);
    kept->next = map_put(decisions->namespaces, namespace, kept);
    map_put(decisions->lists, key, kept);
    return kept->list;
}

/* ---- Forgetting ------------------------------------------------------------------- */

static void retire_lists(struct decisions *decisions, const char *namespace)
{
    struct decision_list *list = map_remove(decisions->namespaces, namespace);
    scoped_mem char *prefix = mem_printf("%s/", namespace);
    const char *key;
    size_t at = 0;

    if (!list)
        return;
    while (map_next(decisions->lists, &at, &key))
        if (text_starts(key, prefix)) {
            scoped_mem char *copy = mem_copy_string(key);

            map_remove(decisions->lists, copy);
        }
    for (struct decision_list *next; list; list = next) {
        next = list->next;
        list->next = decisions->retired;
        decisions->retired = list;
    }
}

void decisions_note(struct controllers *all, const struct object *before,
                    const struct object *after)
{
    const struct object *any = after ? after : before;

    if (any->kind == all->kinds[KIND_ID_DECISION])
        retire_lists(all->decisions, any->namespace);
}

static void free_lists(struct decision_list *list)
{
    for (struct decision_list *next; list; list = next) {
        next = list->next;
        arena_free(&list->arena);
        mem_free(&list);
    }
}

void decisions_retire(struct controllers *all)
{
    free_lists(all->decisions->retired);
    all->decisions->retired = NULL;
}

void decisions_open(struct controllers *all)
{
    decisions_free(all);
    all->decisions = mem_alloc(sizeof *all->decisions);
    all->decisions->lists = map_new();
    all->decisions->namespaces = map_new();
}

void decisions_free(struct controllers *all)
{
    struct decision_list *list;
    size_t at = 0;

    if (!all->decisions)
        return;
    decisions_retire(all);
    while ((list = map_next(all->decisions->namespaces, &at, NULL)))
        free_lists(list);
    map_free(&all->decisions->lists);
    map_free(&all->decisions->namespaces);
    mem_free(&all->decisions);
}
