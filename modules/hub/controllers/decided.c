/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a Placement's decision from the absence of one. */
#include "controllers/decisions.h"
#include "controllers/spokes.h"

#include "base/map.h"
#include "meta/meta.h"
#include "render/render.h"

#include <string.h>

/* A Placement that chooses no cluster has a PlacementDecision too, an empty one. */
const char *spokes_undecided(struct reconcile_run *run, const char *namespace,
                             const char *placement)
{
    const struct node *there = reconcile_read(run, KIND_ID_PLACEMENT, namespace, placement),
                      *decisions;
    int64_t selected = node_get_int(node_get(there, "status"), "numberOfSelectedClusters", 0);
    int64_t rows = 0;

    if (!there)
        return arena_printf(run->arena, "there is no Placement \"%s\"", placement);
    decisions = decisions_of(run, namespace, placement);
    for (size_t i = 0; i < node_count(decisions); i++)
        rows += (int64_t)node_count(node_at(node_item(decisions, i), "status", "decisions", NULL));
    if (!node_count(decisions))
        return arena_printf(run->arena, "the Placement \"%s\" has no decision yet", placement);
    if (rows < selected)
        return arena_printf(run->arena, "PlacementDecisions of the Placement \"%s\" are missing",
                            placement);
    return NULL;
}

static void add_clusters(struct reconcile_run *run, const char *set, const char *placement,
                         const struct node *chosen, struct node *rows)
{
    struct work_rows works = spokes_works(run, run->namespace, set);
    char *label = render_label(run->arena, placement);
    scoped_map struct map *known = map_new();

    for (size_t i = 0; i < node_count(chosen); i++)
        map_put(known, node_text(node_item(chosen, i)), known);
    for (size_t i = 0; i < works.count; i++) {
        const struct work_row *work = works.rows[i];
        struct node *row;

        if (work->deleting || strcmp(work->placement, label) || map_get(known, work->head.cluster))
            continue;
        row = node_map(run->arena);
        node_set_text(run->arena, row, "clusterName", work->head.cluster);
        node_add(run->arena, rows, row);
    }
}

struct node *spokes_decision_before(struct reconcile_run *run, const char *placement)
{
    const struct node *sets =
        reconcile_list(run, KIND_ID_REPLICA_SET, run->namespace, NULL, placement);
    const struct node *chosen = spokes_chosen(run, run->namespace, placement);
    struct node *decision = reconcile_new(run, KIND_ID_DECISION, run->namespace,
                                          arena_printf(run->arena, "%s/before", placement));
    struct node *owner = node_map(run->arena), *rows;

    node_set_text(run->arena, owner, "kind", "Placement");
    node_set_text(run->arena, owner, "name", placement);
    node_add(run->arena,
             node_make_list(run->arena, node_get(decision, "metadata"), "ownerReferences"), owner);
    meta_set_label(run->arena, decision, META_LABEL_PLACEMENT, placement);
    rows = node_make_list(run->arena, node_make(run->arena, decision, "status"), "decisions");
    for (size_t i = 0; i < node_count(sets); i++)
        add_clusters(run, meta_name(node_item(sets, i)), placement, chosen, rows);
    return decision;
}
