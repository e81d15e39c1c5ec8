/* SPDX-License-Identifier: Apache-2.0 */
/* Admits clusters, gives each its namespace and lease, and lets them go. */
#include "controllers/controller.h"

#include "base/clock.h"
#include "render/render.h"
#include "work/work.h"

#include <string.h>

#define CLEANUP "cluster.open-cluster-management.io/api-resource-cleanup"
#define ACCEPTED_ON "open-cluster-management.io/automatically-accepted-on"
#define LEASE_NAME "managed-cluster-lease"
#define DRAIN_TIME (60 * CLOCK_SECOND)

/* ---- Rules before each write ------------------------------------------------- */

static void keep_annotation(struct arena *arena, struct node *after,
                            const struct node *before, const char *name)
{
    const char *was = object_annotation(before, name);
    struct node *annotations = node_at(after, "metadata", "annotations", NULL);

    if (*was)
        object_set_annotation(arena, after, name, was);
    else if (annotations)
        node_remove(annotations, name);
}

/* A token may be for certain names, and for so many spokes. */
int managedcluster_check_token(struct controllers *all, struct arena *arena,
                               const char *id, const char *cluster, struct err *err)
{
    scoped_object struct object *token = objects_get(
        all->objects, OBJECTS_STAGED, all->kinds[JOIN_TOKEN], "", id, err);
    const struct node *body, *names;
    int64_t used, uses;
    bool named;

    if (!token)
        return -1;
    body = object_read(arena, token);
    names = node_at(body, "spec", "names", NULL);
    named = !node_count(names);
    for (size_t i = 0; i < node_count(names); i++)
        named = named || !strcmp(node_text(node_item(names, i)), cluster);
    if (!named)
        return err_set(err, ERR_FORBIDDEN,
                       "the join token is not for a spoke named \"%s\"", cluster);
    uses = node_get_int(node_get(body, "spec"), "uses", 1);
    used = node_get_int(node_get(body, "status"), "used", 0);
    if (used >= uses)
        return err_set(err, ERR_FORBIDDEN,
                       "the join token has been used %lld times, which is all it "
                       "was for: make a new one with `axle token create`",
                       (long long)used);
    return 0;
}

/* A spoke that did not hear the answer asks again: it is told that the cluster
   is there, which costs no further use of its token. */
static bool is_there(struct controllers *all, const char *cluster)
{
    scoped_object struct object *found = objects_get(
        all->objects, OBJECTS_STAGED, all->kinds[CLUSTER], "", cluster, NULL);

    return found != NULL;
}

/* Defaults as in OCM; who joined how is the hub's to say. */
static int before_write(void *arg, const struct objects_review *review,
                        struct err *err)
{
    struct controllers *all = arg;
    const struct objects_who *who = review->who;
    const struct node *before = review->before, *settled;
    struct node *after = review->after;
    struct arena *arena = review->arena;

    /* The hub's own controllers own timeAdded, and leave labels alone. */
    if (!after || (before && who->trusted))
        return 0;
    settled = work_default_cluster(arena, after, before, clock_wall(), err);
    if (!settled)
        return -1;
    if (settled != after)
        node_each(member, settled)
            node_set(arena, after, member->key, member->value);
    if (who->trusted)
        return 0;
    keep_annotation(arena, after, before, JOINED_WITH);
    keep_annotation(arena, after, before, CLIENT_KEYS);
    keep_annotation(arena, after, before, ACCEPTED_ON);
    if (!text_starts(who->user ? who->user : "", TOKEN_USER))
        return 0;
    if (!before && !is_there(all, object_name(after))) {
        if (managedcluster_check_token(all, arena, who->user + strlen(TOKEN_USER),
                        object_name(after), err) < 0)
            return -1;
        object_set_annotation(arena, after, JOINED_WITH,
                              who->user + strlen(TOKEN_USER));
        node_set_bool(arena, node_make(arena, after, "spec"), "hubAcceptsClient",
                      false);
    }
    return 0;
}

void managedcluster_rules(struct controllers *all)
{
    objects_rule(all->objects, all->kinds[CLUSTER], "", before_write, all);
}

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
    const char *id = object_annotation(cluster->node, JOINED_WITH);
    const struct node *token = *id ? pass_read(pass, JOIN_TOKEN, "", id) : NULL;
    struct node *patch = node_map(pass->arena);
    char time[CLOCK_TEXT], *set;

    if (!token || *object_annotation(cluster->node, ACCEPTED_ON))
        return 0;
    clock_format(pass->now, false, time);
    set = managedcluster_set(pass, token);
    node_set_bool(pass->arena, node_make(pass->arena, patch, "spec"),
                  "hubAcceptsClient", true);
    object_set_annotation(pass->arena, patch, ACCEPTED_ON, time);
    object_set_label(pass->arena, patch, SET_LABEL, set);
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

    object_set_label(pass->arena, space, "axle.dev/owner-kind", "ManagedCluster");
    object_set_label(pass->arena, space, "axle.dev/owner",
                     render_label(pass->arena, pass->name));
    object_set_label(pass->arena, space, "open-cluster-management.io/cluster-name",
                     render_label(pass->arena, pass->name));
    return pass_ensure(pass, space, NULL, err);
}

/* The agent renews it; here it only comes into being. */
static int make_lease(struct pass *pass, const struct node *cluster,
                      struct err *err)
{
    struct node *lease, *spec;
    char time[CLOCK_TEXT];

    if (pass_read(pass, LEASE, pass->name, LEASE_NAME))
        return 0;
    lease = pass_new(pass, LEASE, pass->name, LEASE_NAME);
    object_set_label(pass->arena, lease,
                     "open-cluster-management.io/cluster-name",
                     render_label(pass->arena, pass->name));
    clock_format(pass->now, true, time);
    spec = node_make(pass->arena, lease, "spec");
    node_set_text(pass->arena, spec, "holderIdentity", LEASE_NAME);
    node_set_int(pass->arena, spec, "leaseDurationSeconds",
                 node_get_int(node_get(cluster, "spec"), "leaseDurationSeconds",
                              60));
    node_set_text(pass->arena, spec, "renewTime", time);
    return pass_ensure(pass, lease, NULL, err);
}

static const char *space_owner(struct pass *pass)
{
    const struct node *space = pass_read(pass, NAMESPACE, "", pass->name);
    const char *owner = object_label(space, "axle.dev/owner-kind");

    if (!space || !strcmp(owner, "ManagedCluster"))
        return NULL;
    return *owner ? owner : "somebody else";
}

static int say(struct pass *pass, const struct seen *cluster,
               const struct condition *condition, struct err *err)
{
    struct node *status = status_copy(pass->arena, cluster->node);
    const struct node *old = node_at(cluster->node, "status", "conditions", NULL);
    const struct node *before = condition_find(old, condition->type);
    bool news = strcmp(node_get_text(before, "status"), condition->status) ||
                strcmp(node_get_text(before, "reason"), condition->reason);

    condition_set(pass->arena, status, old, condition, 0, pass->now);
    if (pass_status(pass, cluster, status, NULL, err) < 0)
        return -1;
    if (news)
        pass_event(pass, cluster, !strcmp(condition->status, "False"),
                   condition->reason, "%s", condition->message);
    return 0;
}

/* ---- Leaving ------------------------------------------------------------------------ */

static int cut_works(struct pass *pass, const struct node *works, bool force,
                     struct err *err)
{
    for (size_t i = 0; i < node_count(works); i++) {
        const char *name = object_name(node_item(works, i));
        struct seen work;

        if (pass_remove(pass, WORK, pass->name, name, err) < 0)
            return -1;
        if (force && pass_get(pass, WORK, pass->name, name, &work) &&
            pass_finalizer(pass, &work, WORK_FINALIZER, false, err) < 0)
            return -1;
    }
    return 0;
}

/* The spoke removes its works, unless it is silent or takes over a minute. */
static int leave(struct pass *pass, const struct seen *cluster, struct err *err)
{
    const struct node *works = pass_list(pass, WORK, pass->name, NULL, NULL);
    struct condition condition = { "Deleting", "True", "ResourceRemaining", "" };
    const char *since = node_get_text(node_get(cluster->node, "metadata"),
                                      "deletionTimestamp");
    bool silent = strcmp(condition_status(cluster->node,
                         "ManagedClusterConditionAvailable"), "True");
    int64_t began = pass->now;
    struct seen now;

    if (!object_has_finalizer(cluster->node, CLEANUP))
        return 0;
    clock_parse(since, &began);
    if (node_count(works)) {
        bool force = silent || pass->now >= began + DRAIN_TIME;

        if (cut_works(pass, works, force, err) < 0)
            return -1;
        works = pass_list(pass, WORK, pass->name, NULL, NULL);
    }
    if (node_count(works)) {
        pass_wake_at(pass, began + DRAIN_TIME);
        condition.message = arena_printf(pass->arena, "%zu works are being "
                                         "removed by the spoke",
                                         node_count(works));
        return say(pass, cluster, &condition, err);
    }
    if (!space_owner(pass) && pass_remove(pass, NAMESPACE, "", pass->name, err) < 0)
        return -1;
    if (!space_owner(pass) && pass_read(pass, NAMESPACE, "", pass->name))
        return 0;
    return pass_get(pass, CLUSTER, "", pass->name, &now) ?
           pass_finalizer(pass, &now, CLEANUP, false, err) : 0;
}

/* ---- The controller -------------------------------------------------------------------- */

static int run(struct pass *pass, struct err *err)
{
    struct condition accepted = {
        "HubAcceptedManagedCluster", "True", "HubClusterAdminAccepted",
        "accepted by the hub",
    };
    struct seen cluster;
    const char *owner;

    if (!pass_get(pass, CLUSTER, "", pass->name, &cluster))
        return 0;
    if (object_deleting(cluster.node))
        return leave(pass, &cluster, err);
    if (pass_finalizer(pass, &cluster, CLEANUP, true, err) < 0 ||
        accept_by_token(pass, &cluster, err) < 0)
        return -1;
    owner = space_owner(pass);
    if (owner)
        accepted = (struct condition) {
            "HubAcceptedManagedCluster", "False", "NameTaken",
            arena_printf(pass->arena, "the namespace \"%s\" belongs to %s; join "
                         "with another name", pass->name, owner),
        };
    else if (!node_get_bool(node_get(cluster.node, "spec"), "hubAcceptsClient",
                            false))
        accepted = (struct condition) {
            "HubAcceptedManagedCluster", "False", "HubClusterAdminDenied",
            "not accepted: set spec.hubAcceptsClient",
        };
    else if (make_space(pass, err) < 0 ||
             make_lease(pass, cluster.node, err) < 0)
        return -1;
    return say(pass, &cluster, &accepted, err);
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

const struct controller controller_managedcluster = {
    .name = "managedcluster", .run = run,
    .sources = { { CLUSTER, NULL }, { NAMESPACE, map_space },
                 { WORK, map_work }, { JOIN_TOKEN, map_token } },
    .source_count = 4,
};
