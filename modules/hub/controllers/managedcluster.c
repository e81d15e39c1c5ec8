/* SPDX-License-Identifier: Apache-2.0 */
/* Admits clusters, gives each its namespace and lease, and lets them go. */
#include "controllers/joining.h"

#include "base/clock.h"
#include "meta/meta.h"
#include "render/render.h"

#include <string.h>

/* ---- Admission ------------------------------------------------------------------ */

/* The set of the pool that a token is for: NAMESPACE/POOL. */
char *managedcluster_set(struct pass *pass, const struct node *token)
{
    const char *pool = node_get_text(node_get(token, "spec"), "pool");
    const char *slash = strchr(pool, '/');

    if (!slash)
        return arena_string(pass->arena, "default");
    return render_label(pass->arena, arena_printf(pass->arena, "%.*s.%s",
                        (int)(slash - pool), pool, slash + 1));
}

/* A token's policy accepts once; who denies later is not overruled. */
static int accept_by_token(struct pass *pass, struct seen *cluster,
                           struct err *err)
{
    const char *id = meta_annotation(cluster->node, META_ANNOTATION_JOIN_TOKEN);
    const struct node *token = *id ? pass_read(pass, JOIN_TOKEN, "", id) : NULL;
    struct node *patch = node_map(pass->arena);
    char time[CLOCK_TEXT], *set;

    if (!token || *meta_annotation(cluster->node, META_ANNOTATION_ACCEPTED_ON))
        return 0;
    clock_format(pass->now, false, time);
    set = managedcluster_set(pass, token);
    node_set_bool(pass->arena, node_make(pass->arena, patch, "spec"),
                  "hubAcceptsClient", true);
    meta_set_annotation(pass->arena, patch, META_ANNOTATION_ACCEPTED_ON, time);
    meta_set_label(pass->arena, patch, META_LABEL_CLUSTERSET, set);
    if (pass_patch(pass, cluster, patch, err) < 0)
        return -1;
    pass_event(pass, cluster, false, "Accepted",
               "the join token %s lets it into the set %s", id, set);
    pass_get(pass, CLUSTER, "", pass->name, cluster);
    return 0;
}

static int make_space(struct pass *pass, struct err *err)
{
    struct node *space = pass_new(pass, NAMESPACE, "", pass->name);

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

    if (pass_read(pass, LEASE, pass->name, META_LEASE_CLUSTER))
        return 0;
    lease = pass_new(pass, LEASE, pass->name, META_LEASE_CLUSTER);
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

int managedcluster_say(struct pass *pass, const struct seen *cluster,
                       const struct meta_condition *condition, struct err *err)
{
    struct node *status = meta_copy_status(pass->arena, cluster->node);
    const struct node *old = meta_conditions(cluster->node);
    const struct node *before = meta_condition_find(old, condition->type);
    bool news = strcmp(node_get_text(before, "status"), condition->status) ||
                strcmp(node_get_text(before, "reason"), condition->reason);

    meta_condition_set(pass->arena, status, old, condition, 0, pass->now);
    if (pass_status(pass, cluster, status, NULL, err) < 0)
        return -1;
    if (news)
        pass_event(pass, cluster, !strcmp(condition->status, "False"),
                   condition->reason, "%s", condition->message);
    return 0;
}

/* It may not delete itself, so it says that it wants to go: axle leave. */
static int let_go(struct pass *pass, const struct seen *cluster, struct err *err)
{
    pass_event(pass, cluster, false, "Leaving", "the spoke asked to leave; it is removed");
    return pass_remove(pass, CLUSTER, "", pass->name, err);
}

/* ---- The controller -------------------------------------------------------------------- */

static int run(struct pass *pass, struct err *err)
{
    struct meta_condition accepted = {
        META_CONDITION_CLUSTER_ACCEPTED, "True", "HubClusterAdminAccepted",
        "accepted by the hub",
    };
    struct seen cluster;
    const char *trouble;

    if (!pass_get(pass, CLUSTER, "", pass->name, &cluster))
        return 0;
    if (meta_is_deleting(cluster.node))
        return leaving_run(pass, &cluster, err);
    if (meta_condition_is_true(cluster.node, META_CONDITION_LEAVE_REQUESTED))
        return let_go(pass, &cluster, err);
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
    else if (make_space(pass, err) < 0 ||
             make_lease(pass, cluster.node, err) < 0)
        return -1;
    return managedcluster_say(pass, &cluster, &accepted, err);
}

static void map_space(struct controllers *all, const struct controller *to,
                      const struct object *before, const struct object *after)
{
    controllers_wake(all, to, "", (after ? after : before)->name);
}

/* A work that is gone may be the last that a leaving cluster waits for. */
static void map_work(struct controllers *all, const struct controller *to,
                     const struct object *before, const struct object *after)
{
    if (!after)
        controllers_wake(all, to, "", before->space);
}

static void map_token(struct controllers *all, const struct controller *to,
                      const struct object *before, const struct object *after)
{
    if (!before)
        controllers_wake_all(all, to, CLUSTER, "");
}

/* Whose the name is; and a Lease that is taken away is made again. */
static void map_presence(struct controllers *all, const struct controller *to,
                         const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;

    if (!before || !after)
        controllers_wake(all, to, "", *any->space ? any->space : any->name);
}

const struct controller controller_managedcluster = {
    .name = "managedcluster", .run = run, .about = CLUSTER, .condition = RECONCILED,
    .sources = { { CLUSTER, NULL }, { NAMESPACE, map_space },
                 { WORK, map_work }, { JOIN_TOKEN, map_token },
                 { LEASE, map_presence }, { PROJECT, map_presence },
                 { TENANT, map_presence } },
    .source_count = 7,
};
