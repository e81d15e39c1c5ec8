/* SPDX-License-Identifier: Apache-2.0 */
/* Admits clusters, gives each its namespace and lease, and lets them go. */
#include "controllers/joining.h"
#include "controllers/joins.h"
#include "controllers/namespaces.h"
#include "controllers/table.h"

#include "base/clock.h"
#include "meta/meta.h"
#include "render/render.h"

#include <string.h>

/* ---- Admission ------------------------------------------------------------------ */

/* A token's policy accepts once; who denies later is not overruled. */
static int accept_by_token(struct reconcile_run *run, struct seen *cluster, struct err *err)
{
    const char *id = meta_annotation(cluster->node, META_ANNOTATION_JOIN_TOKEN);
    const struct node *token = *id ? reconcile_read(run, KIND_ID_JOIN_TOKEN, "", id) : NULL;
    struct node *patch = node_map(run->arena);
    char time[CLOCK_TEXT], *set;

    if (!token || *meta_annotation(cluster->node, META_ANNOTATION_ACCEPTED_ON))
        return 0;
    clock_format(run->now, false, time);
    set = joining_set_of_token(run, token);
    node_set_bool(run->arena, node_make(run->arena, patch, "spec"), "hubAcceptsClient", true);
    meta_set_annotation(run->arena, patch, META_ANNOTATION_ACCEPTED_ON, time);
    meta_set_label(run->arena, patch, META_LABEL_CLUSTERSET, set);
    if (reconcile_patch(run, cluster, patch, err) < 0)
        return -1;
    reconcile_event(run, cluster, false, "Accepted", "the join token %s lets it into the set %s",
                    id, set);
    reconcile_get(run, KIND_ID_CLUSTER, "", run->name, cluster);
    return 0;
}

static int make_cluster_namespace(struct reconcile_run *run, struct err *err)
{
    struct node *namespace = reconcile_new(run, KIND_ID_NAMESPACE, "", run->name);

    meta_set_label(run->arena, namespace, META_LABEL_OWNER_KIND, "ManagedCluster");
    meta_set_label(run->arena, namespace, META_LABEL_OWNER, render_label(run->arena, run->name));
    meta_set_label(run->arena, namespace, META_LABEL_CLUSTER_NAME,
                   render_label(run->arena, run->name));
    return reconcile_ensure(run, namespace, NULL, err);
}

/* The agent renews it; here it only comes into being. */
static int make_lease(struct reconcile_run *run, const struct node *cluster, struct err *err)
{
    struct node *lease, *spec;
    char time[CLOCK_TEXT];

    if (reconcile_read(run, KIND_ID_LEASE, run->name, META_LEASE_CLUSTER))
        return 0;
    lease = reconcile_new(run, KIND_ID_LEASE, run->name, META_LEASE_CLUSTER);
    meta_set_label(run->arena, lease, META_LABEL_CLUSTER_NAME, render_label(run->arena, run->name));
    clock_format(run->now, true, time);
    spec = node_make(run->arena, lease, "spec");
    node_set_text(run->arena, spec, "holderIdentity", META_LEASE_CLUSTER);
    node_set_int(
        run->arena, spec, "leaseDurationSeconds",
        node_get_within(node_get(cluster, "spec"), "leaseDurationSeconds", 0, INT32_MAX, 60) ?: 60);
    node_set_text(run->arena, spec, "renewTime", time);
    return reconcile_ensure(run, lease, NULL, err);
}

/* It may not delete itself, so it says that it wants to go: axle leave. */
static int delete_if_leaving(struct reconcile_run *run, const struct seen *cluster, struct err *err)
{
    reconcile_event(run, cluster, false, "Leaving", "the spoke asked to leave; it is removed");
    return reconcile_remove(run, KIND_ID_CLUSTER, "", run->name, err);
}

/* ---- The controller -------------------------------------------------------------------- */

static int reconcile_managedcluster(struct reconcile_run *run, struct err *err)
{
    struct meta_condition accepted = {
        META_CONDITION_CLUSTER_ACCEPTED,
        "True",
        "HubClusterAdminAccepted",
        "accepted by the hub",
    };
    struct seen cluster;
    const char *trouble;

    if (!reconcile_get(run, KIND_ID_CLUSTER, "", run->name, &cluster))
        return 0;
    if (meta_is_deleting(cluster.node))
        return leaving_run(run, &cluster, err);
    if (meta_condition_is_true(cluster.node, META_CONDITION_LEAVE_REQUESTED))
        return delete_if_leaving(run, &cluster, err);
    trouble = namespace_trouble(run->all, run->arena, run->name, "ManagedCluster");
    if (reconcile_finalizer(run, &cluster, META_FINALIZER_CLUSTER, true, err) < 0 ||
        (!trouble && accept_by_token(run, &cluster, err) < 0))
        return -1;
    if (trouble)
        accepted =
            (struct meta_condition){META_CONDITION_CLUSTER_ACCEPTED, "False", "NameTaken", trouble};
    else if (!node_get_bool(node_get(cluster.node, "spec"), "hubAcceptsClient", false))
        accepted = (struct meta_condition){
            META_CONDITION_CLUSTER_ACCEPTED,
            "False",
            "HubClusterAdminDenied",
            "not accepted: set spec.hubAcceptsClient",
        };
    else if (make_cluster_namespace(run, err) < 0 || make_lease(run, cluster.node, err) < 0)
        return -1;
    return joining_set_condition(run, &cluster, &accepted, err);
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
        controllers_wake(all, to, "", before->namespace);
}

struct user_wake {
    struct controllers *all;
    const struct controller *to;
};

static void wake_token_user(void *arg, const char *name)
{
    struct user_wake *wake = arg;

    controllers_wake(wake->all, wake->to, "", name);
}

/* Clusters may be there before the token by which they joined: those of a backup. */
static void map_token(struct controllers *all, const struct controller *to,
                      const struct object *before, const struct object *after)
{
    struct user_wake wake = {all, to};

    if (!before)
        joins_each_cluster(all, after->name, wake_token_user, &wake);
}

/* Whose the name is; and a Lease that is taken away is made again. */
static void map_lost_namespace_to_clusters(struct controllers *all, const struct controller *to,
                                           const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;

    if (!before || !after)
        controllers_wake(all, to, "", *any->namespace ? any->namespace : any->name);
}

const struct controller controller_managedcluster = {
    .name = "managedcluster",
    .run = reconcile_managedcluster,
    .about = KIND_ID_CLUSTER,
    .condition = RECONCILED,
    .sources = {{KIND_ID_CLUSTER, NULL},
                {KIND_ID_NAMESPACE, map_namespace_to_clusters},
                {KIND_ID_WORK, map_work_to_clusters},
                {KIND_ID_JOIN_TOKEN, map_token},
                {KIND_ID_LEASE, map_lost_namespace_to_clusters},
                {KIND_ID_PROJECT, map_lost_namespace_to_clusters},
                {KIND_ID_TENANT, map_lost_namespace_to_clusters}},
    .source_count = 7,
};
