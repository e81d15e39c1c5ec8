/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a Placement's decision from the absence of one. */
#include "controllers/spokes.h"

/* A Placement that chooses no cluster has a PlacementDecision too, an empty one. */
const char *spokes_undecided(struct pass *pass, const char *space, const char *placement)
{
    const struct node *there = pass_read(pass, PLACEMENT, space, placement), *decisions;
    int64_t selected = node_get_int(node_get(there, "status"), "numberOfSelectedClusters", 0);
    int64_t rows = 0;

    if (!there)
        return arena_printf(pass->arena, "there is no Placement \"%s\"", placement);
    decisions = pass_list(pass, DECISION, space, "cluster.open-cluster-management.io/placement",
                          placement);
    for (size_t i = 0; i < node_count(decisions); i++)
        rows += (int64_t)node_count(node_at(node_item(decisions, i), "status", "decisions", NULL));
    if (!node_count(decisions))
        return arena_printf(pass->arena, "the Placement \"%s\" has not decided yet", placement);
    if (rows < selected)
        return arena_printf(pass->arena, "PlacementDecisions of the Placement \"%s\" are missing",
                            placement);
    return NULL;
}
