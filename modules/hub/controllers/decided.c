/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a Placement's decision from the absence of one. */
#include "controllers/spokes.h"

#include "meta/meta.h"
#include "render/render.h"

#include <string.h>

/* A Placement that chooses no cluster has a PlacementDecision too, an empty one. */
const char *spokes_undecided(struct pass *pass, const char *space, const char *placement)
{
    const struct node *there = pass_read(pass, KIND_ID_PLACEMENT, space, placement), *decisions;
    int64_t selected = node_get_int(node_get(there, "status"), "numberOfSelectedClusters", 0);
    int64_t rows = 0;

    if (!there)
        return arena_printf(pass->arena, "there is no Placement \"%s\"", placement);
    decisions = spokes_decisions(pass, space, placement);
    for (size_t i = 0; i < node_count(decisions); i++)
        rows += (int64_t)node_count(node_at(node_item(decisions, i), "status", "decisions", NULL));
    if (!node_count(decisions))
        return arena_printf(pass->arena, "the Placement \"%s\" has not decided yet", placement);
    if (rows < selected)
        return arena_printf(pass->arena, "PlacementDecisions of the Placement \"%s\" are missing",
                            placement);
    return NULL;
}

static void add_clusters(struct pass *pass, const char *set, const char *placement,
                         const struct node *chosen, struct node *rows)
{
    const struct node *works = spokes_works(pass, pass->space, set);
    char *label = render_label(pass->arena, placement);

    for (size_t i = 0; i < node_count(works); i++) {
        const struct node *work = node_item(works, i);
        struct node *row = node_map(pass->arena);
        bool known = meta_is_deleting(work) || strcmp(meta_label(work, META_LABEL_PLACEMENT_NAME), label);

        for (size_t k = 0; k < node_count(chosen) && !known; k++)
            known = !strcmp(node_text(node_item(chosen, k)), meta_namespace(work));
        if (known)
            continue;
        node_set_text(pass->arena, row, "clusterName", meta_namespace(work));
        node_add(pass->arena, rows, row);
    }
}

struct node *spokes_decision_before(struct pass *pass, const char *placement)
{
    const struct node *sets = pass_list(pass, KIND_ID_REPLICA_SET, pass->space, NULL, placement);
    const struct node *chosen = spokes_chosen(pass, pass->space, placement);
    struct node *decision = pass_new(pass, KIND_ID_DECISION, pass->space,
                                     arena_printf(pass->arena, "%s/before", placement));
    struct node *owner = node_map(pass->arena), *rows;

    node_set_text(pass->arena, owner, "kind", "Placement");
    node_set_text(pass->arena, owner, "name", placement);
    node_add(pass->arena, node_make_list(pass->arena, node_get(decision, "metadata"),
                                         "ownerReferences"), owner);
    meta_set_label(pass->arena, decision, META_LABEL_PLACEMENT,
                     placement);
    rows = node_make_list(pass->arena, node_make(pass->arena, decision, "status"), "decisions");
    for (size_t i = 0; i < node_count(sets); i++)
        add_clusters(pass, meta_name(node_item(sets, i)), placement, chosen, rows);
    return decision;
}
