/* SPDX-License-Identifier: Apache-2.0 */
/* Admits clusters, gives each its namespace and lease, and lets them go. */
#include "controllers/joining.h"
#include "controllers/namespaces.h"
#include "controllers/table.h"

#include "base/clock.h"
#include "meta/meta.h"
#include "render/render.h"

#include <string.h>

/* ---- Admission ------------------------------------------------------------------ */

/* A token's policy accepts once; who denies later is not overruled. */
static int accept_by_token(struct pass *pass, struct seen *cluster,
                           struct err *err)
{
    const char *id = meta_annotation(cluster->node, META_ANNOTATION_JOIN_TOKEN);
    const struct node *token = *id ? pass_read(pass, KIND_ID_JOIN_TOKEN, "", id) : NULL;
    struct node *patch = node_map(pass->arena);
    char time[CLOCK_TEXT], *set;

    if (!token || *meta_annotation(cluster->node, META_ANNOTATION_ACCEPTED_ON))
        return 0;
    clock_format(pass->now, false, time);
    set = joining_set_of_token(pass, token);
    node_set_bool(pass->arena, node_make(pass->arena, patch, "spec"),
                  "hubAcceptsClient", true);
    meta_set_annotation(pass->arena, patch, META_ANNOTATION_ACCEPTED_ON, time);
    meta_set_label(pass->arena, patch, META_LABEL_CLUSTERSET, set);
    if (pass_patch(pass, cluster, patch, err) < 0)
        return -1;
    pass_event(pass, cluster, false, "Accepted",
               "the join token %s lets it into the set %s", id, set);
    pass_get(pass, KIND_ID_CLUSTER, "", pass->name, cluster);
    return 0;
}

static int make_cluster_namespace(struct pass *pass, struct err *err)
{
    struct node *space = pass_new(pass, KIND_ID_NAMESPACE, "", pass->name);

    meta_set_label(pass->arena, space, META_LABEL_OWNER_KIND, "ManagedCluster");
    meta_set_label(pass->arena, space, META_LABEL_OWNER,
                     render_label(pass->arena, pass->name));
    meta_set_label(pass->arena, space, META_LABEL_CLUSTER_NAME,
                     render_label(pass->arena, pass->name));
    return pass_ensure(pass, space, NULL, err);
}

/* The agent renews it; here it only comes into being. */
static int make_lease(struct pass *pass, const struct node *cluster,
                      struct err *err)
{
    struct node *lease, *spec;
    char time[CLOCK_TEXT];

    if (pass_read(pass, KIND_ID_LEASE, pass->name, META_LEASE_CLUSTER))
        return 0;
    lease = pass_new(pass, KIND_ID_LEASE, pass->name, META_LEASE_CLUSTER);
    meta_set_label(pass->arena, lease,
                     META_LABEL_CLUSTER_NAME,
                     render_label(pass->arena, pass->name));
    clock_format(pass->now, true, time);
    spec = node_make(pass->arena, lease, "spec");
    node_set_text(pass->arena, spec, "holderIdentity", META_LEASE_CLUSTER);
    node_set_int(pass->arena, spec, "leaseDurationSeconds",
                 node_get_within(node_get(cluster, "spec"), "leaseDurationSeconds",
                                 0, INT32_MAX, 60) ?: 60);
    node_set_text(pass->arena, spec, "renewTime", time);
    return pass_ensure(pass, lease, NULL, err);
}

/* It may not delete itself, so it says that it wants to go: axle leave. */
static int delete_if_leaving(struct pass *pass, const struct seen *cluster, struct err *err)
{
    pass_event(pass, cluster, false, "Leaving", "the spoke asked to leave; it is removed");
    return pass_remove(pass, KIND_ID_CLUSTER, "", pass->name, err);
}

/* ---- The controller -------------------------------------------------------------------- */

static int reconcile_managedcluster(struct pass *pass, struct err *err)
{
    struct meta_condition accepted = {
        META_CONDITION_CLUSTER_ACCEPTED, "True", "HubClusterAdminAccepted",
        "accepted by the hub",
    };
    struct seen cluster;
    const char *trouble;

    if (!pass_get(pass, KIND_ID_CLUSTER, "", pass->name, &cluster))
        return 0;
    if (meta_is_deleting(cluster.node))
        return leaving_run(pass, &cluster, err);
    if (meta_condition_is_true(cluster.node, META_CONDITION_LEAVE_REQUESTED))
        return delete_if_leaving(pass, &cluster, err);
    trouble = namespace_trouble(pass->all, pass->arena, pass->name, "ManagedCluster");
    if (pass_finalizer(pass, &cluster, META_FINALIZER_CLUSTER, true, err) < 0 ||
        (!trouble && accept_by_token(pass, &cluster, err) < 0))
        return -1;
    if (trouble)
        accepted = (struct meta_condition) { META_CONDITION_CLUSTER_ACCEPTED, "False", "NameTaken",
                                        trouble };
    else if (!node_get_bool(node_get(cluster.node, "spec"), "hubAcceptsClient",
                            false))
        accepted = (struct meta_condition) {
            META_CONDITION_CLUSTER_ACCEPTED, "False", "HubClusterAdminDenied",
            "not accepted: set spec.hubAcceptsClient",
        };
    else if (make_cluster_namespace(pass, err) < 0 ||
             make_lease(pass, cluster.node, err) < 0)
        return -1;
    return joining_set_condition(pass, &cluster, &accepted, err);
}

static void map_namespace_to_clusters(struct controllers *all, const struct controller *to,
                      const struct object *before, const struct object *after)
{
    controllers_wake(all, to, "", (after ? after : before)->name);
}

/* A work that is gone may be the last that a leaving cluster waits for. */
static void map_work_to_clusters(struct controllers *all, const struct controller *to,
                     const struct object *before, const struct object *after)
{
    if (!after)
        controllers_wake(all, to, "", before->space);
}

static void map_token(struct controllers *all, const struct controller *to,
                      const struct object *before, const struct object *after)
{
    if (!before)
        controllers_wake_all(all, to, KIND_ID_CLUSTER, "");
}

/* Whose the name is; and a Lease that is taken away is made again. */
static void map_lost_namespace_to_clusters(struct controllers *all, const struct controller *to,
                         const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;

    if (!before || !after)
        controllers_wake(all, to, "", *any->space ? any->space : any->name);
}

const struct controller controller_managedcluster = {
    .name = "managedcluster", .run = reconcile_managedcluster, .about = KIND_ID_CLUSTER, .condition = RECONCILED,
    .sources = { { KIND_ID_CLUSTER, NULL }, { KIND_ID_NAMESPACE, map_namespace_to_clusters },
                 { KIND_ID_WORK, map_work_to_clusters }, { KIND_ID_JOIN_TOKEN, map_token },
                 { KIND_ID_LEASE, map_lost_namespace_to_clusters }, { KIND_ID_PROJECT, map_lost_namespace_to_clusters },
                 { KIND_ID_TENANT, map_lost_namespace_to_clusters } },
    .source_count = 7,
};
