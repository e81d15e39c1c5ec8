/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a cluster that a project has lost from one whose set or binding is missing. */
#include "controllers/allowed.h"
#include "controllers/maps.h"

#include "base/text.h"
#include "meta/meta.h"
#include "query/query.h"

#include <string.h>

static bool is_bound(struct reconcile_run *run, const char *project, const char *set)
{
    return reconcile_read(run, KIND_ID_BINDING, project, set) != NULL;
}

/* Whether the set has the cluster, by what is known of it. `global` has all but the
   spokes of pools, whose sets are called NAMESPACE.POOL (placement/reach.c). */
static bool has_member(struct reconcile_run *run, const struct node *set, const char *name,
                       const struct node *cluster)
{
    const char *in = meta_label(cluster, META_LABEL_CLUSTERSET);
    const struct node *selector = node_at(set, "spec", "clusterSelector", NULL);
    struct selector *labels;
    struct err err;

    if (!strcmp(in, name))
        return true;
    if (strchr(in, '.'))
        return false;
    if (!set)
        return !strcmp(name, "global");
    if (strcmp(node_get_text(selector, "selectorType"), "LabelSelector"))
        return false;
    labels = selector_from_node(run->arena, node_get(selector, "labelSelector"), &err);
    return labels && selector_matches_labels(labels, node_at(cluster, "metadata", "labels", NULL));
}

/* It may have the set, and would, were it there and bound. */
static bool would_have(struct reconcile_run *run, const char *project, const char *name,
                       const struct node *cluster)
{
    const struct node *set = reconcile_read(run, KIND_ID_CLUSTER_SET, "", name);

    return !(set && is_bound(run, project, name)) && has_member(run, set, name, cluster);
}

/* A pool of the project's that has gone without letting its spokes go. */
static bool is_of_lost_pool(struct reconcile_run *run, const char *project,
                            const struct node *cluster)
{
    const struct node *sets = reconcile_list(run, KIND_ID_CLUSTER_SET, NULL, NULL, project);
    const char *in = meta_label(cluster, META_LABEL_CLUSTERSET);
    char *own = arena_printf(run->arena, "%s/", project);

    if (text_starts(in, arena_printf(run->arena, "%s.", project)) &&
        would_have(run, project, in, cluster))
        return true;
    for (size_t i = 0; i < node_count(sets); i++) {
        const struct node *set = node_item(sets, i);

        if (text_starts(meta_annotation(set, META_ANNOTATION_OWNER), own) &&
            would_have(run, project, meta_name(set), cluster))
            return true;
    }
    return false;
}

bool allowed_keeps(struct reconcile_run *run, const char *project, const char *cluster)
{
    const struct node *there = reconcile_read(run, KIND_ID_CLUSTER, "", cluster), *sets;

    if (!there || meta_is_deleting(there) || !reconcile_read(run, KIND_ID_PROJECT, "", project))
        return false;
    sets = allowed_sets(run, project);
    for (size_t i = 0; i < node_count(sets); i++)
        if (would_have(run, project, node_text(node_item(sets, i)), there))
            return true;
    return is_of_lost_pool(run, project, there);
}

static bool is_of_own_pool(struct reconcile_run *run, const char *project, const char *name)
{
    const char *owner =
        meta_annotation(reconcile_read(run, KIND_ID_CLUSTER_SET, "", name), META_ANNOTATION_OWNER);

    return text_starts(name, arena_printf(run->arena, "%s.", project)) ||
           text_starts(owner, arena_printf(run->arena, "%s/", project));
}

bool allowed_keeps_of(struct reconcile_run *run, const char *project, const struct node *requested,
                      const char *cluster)
{
    const struct node *there = reconcile_read(run, KIND_ID_CLUSTER, "", cluster), *sets;

    if (!there || meta_is_deleting(there) || !reconcile_read(run, KIND_ID_PROJECT, "", project))
        return false;
    sets = allowed_sets(run, project);
    for (size_t i = 0; i < node_count(requested); i++) {
        const char *name = node_text(node_item(requested, i));
        bool has = is_of_own_pool(run, project, name);

        for (size_t k = 0; k < node_count(sets) && !has; k++)
            has = !strcmp(node_text(node_item(sets, k)), name);
        if (has && would_have(run, project, name, there))
            return true;
    }
    return false;
}

void map_rights_to_sets(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    if (!object_spec_is_same(all, before, after))
        controllers_wake_all(all, to, to->about, "");
}
