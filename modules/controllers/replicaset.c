/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps one ManifestWork per chosen cluster, as fast as the rollout allows. */
#include "controllers/spokes.h"

#include "base/clock.h"
#include "placement/placement.h"
#include "render/render.h"

#include <string.h>

#define SET_FINALIZER "work.open-cluster-management.io/manifest-work-cleanup"

struct rollout {
    struct pass *pass;
    const struct node *set;      /* the ManifestWorkReplicaSet */
    const struct node *works;    /* there now */
    const char *work_name;
    const struct placement_reach *reach; /* of the project; NULL: it is none */
    const char *placement;       /* the placementRef in hand */
    size_t chosen;
    int64_t recheck_at;
};

/* ---- What a work should be -------------------------------------------------- */

static struct node *make_work(struct rollout *r, const char *cluster)
{
    struct arena *arena = r->pass->arena;
    struct node *work = pass_new(r->pass, WORK, cluster, r->work_name);
    struct node *metadata = node_get(work, "metadata");

    node_each(label, node_at(r->set, "metadata", "labels", NULL))
        object_set_label(arena, work, label->key, node_text(label->value));
    object_set_label(arena, work, REPLICA_SET_LABEL,
                     spokes_replica_set_label(arena, r->pass->space,
                                              r->pass->name));
    object_set_label(arena, work, PLACEMENT_NAME_LABEL,
                     render_label(arena, r->placement));
    node_add(arena, node_make_list(arena, metadata, "finalizers"),
             node_string(arena, WORK_FINALIZER));
    node_set(arena, work, "spec",
             node_copy(arena, node_at(r->set, "spec", "manifestWorkTemplate",
                                      NULL)));
    return work;
}

/* Every field that the template names is in the work as it says. */
static bool contains(const struct node *have, const struct node *want)
{
    if (node_is(want, NODE_MAP)) {
        node_each(member, want)
            if (!contains(node_get(have, member->key), member->value))
                return false;
        return node_is(have, NODE_MAP);
    }
    if (node_is(want, NODE_LIST)) {
        if (node_count(have) != node_count(want))
            return false;
        for (size_t i = 0; i < node_count(want); i++)
            if (!node_same(node_item(have, i), node_item(want, i)))
                return false;
        return true;
    }
    return node_same(have, want);
}

static bool is_current(const struct rollout *r, const struct node *work)
{
    return contains(node_get(work, "spec"),
                    node_at(r->set, "spec", "manifestWorkTemplate", NULL));
}

/*
 * OCM's rule, and two more: what is Degraded has failed, whether it is still
 * trying or not; and a work whose agent never writes Progressing counts as
 * done when it is Available, else no rollout would get past its first step.
 */
static enum placement_rollout_status status_of(const struct rollout *r,
                                               const struct node *work,
                                               int64_t *since)
{
    const struct node *conditions = node_at(work, "status", "conditions", NULL);

    *since = 0;
    if (!is_current(r, work))
        return ROLLOUT_TO_APPLY;
    if (spokes_work_is(work, "Degraded") && spokes_work_is(work, "Applied")) {
        const struct node *degraded = condition_find(conditions, "Degraded");

        clock_parse(node_get_text(degraded, "lastTransitionTime"), since);
        return ROLLOUT_FAILED;
    }
    if (!condition_find(conditions, "Progressing") &&
        spokes_work_is(work, "Applied"))
        return spokes_work_is(work, "Available") ? ROLLOUT_SUCCEEDED
                                                 : ROLLOUT_PROGRESSING;
    return placement_rollout_of_work(work, since);
}

/* ---- Objects on the spoke's side of the hub ------------------------------------ */

static const struct node *workload_in(const struct rollout *r)
{
    const struct node *list = node_at(r->set, "spec", "manifestWorkTemplate",
                                      "workload", "manifests", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "kind"), "Workload"))
            return node_item(list, i);
    return NULL;
}

/* One that says whose it is must be this one's; labels are the hub's words. */
static bool is_own_mirror(const struct rollout *r, const struct node *there)
{
    const char *project = object_label(there, "axle.dev/project");
    const char *label = object_label(there, REPLICA_SET_LABEL);

    return (!*project || !strcmp(project, r->pass->space)) &&
           (!*label || !strcmp(label, spokes_replica_set_label(r->pass->arena, r->pass->space,
                                                               r->pass->name)));
}

/* Where the spoke writes how the application stands. */
static int mirror_workload(struct rollout *r, const struct seen *set,
                           const char *cluster, struct err *err)
{
    const struct node *inside = workload_in(r);
    struct arena *arena = r->pass->arena;
    const struct node *there;
    struct node *wanted;

    if (!inside)
        return 0;
    there = pass_read(r->pass, WORKLOAD, cluster, object_name(inside));
    if (there && !is_own_mirror(r, there)) {
        pass_event(r->pass, set, true, "NameTaken", "%s: the Workload \"%s\" there is not of "
                   "%s/%s, so its status cannot be told", cluster, object_name(inside),
                   r->pass->space, r->pass->name);
        return 0;
    }
    wanted = pass_new(r->pass, WORKLOAD, cluster, object_name(inside));
    node_each(label, node_at(inside, "metadata", "labels", NULL))
        object_set_label(arena, wanted, label->key, node_text(label->value));
    object_set_label(arena, wanted, REPLICA_SET_LABEL,
                     spokes_replica_set_label(arena, r->pass->space,
                                              r->pass->name));
    node_set(arena, wanted, "spec", node_copy(arena, node_get(inside, "spec")));
    return pass_ensure(r->pass, wanted, NULL, err);
}

/* A decision may be older than what decides whose the cluster is: that is looked
   at in the step that writes. Namespaces of no project are the administrator's. */
static bool may_use(const struct rollout *r, const char *cluster)
{
    return !r->reach || placement_reach_has(r->reach, cluster);
}

/* A cluster that the project has lost keeps nothing of it, whatever the decision
   that put it there: one that cannot be made anew stays as it was. */
static int withdraw_lost(struct rollout *r, const struct seen *set, struct err *err)
{
    for (size_t i = 0; i < node_count(r->works); i++) {
        const struct node *work = node_item(r->works, i);

        if (object_deleting(work) || may_use(r, object_space(work)))
            continue;
        pass_event(r->pass, set, true, "OutOfReach", "%s is in no set that the project may "
                   "place on any more: its work goes", object_space(work));
        if (pass_remove(r->pass, WORK, object_space(work), r->work_name, err) < 0)
            return -1;
    }
    return 0;
}

static int apply(struct rollout *r, const struct seen *set, const char *cluster,
                 struct err *err)
{
    const struct node *space = pass_read(r->pass, NAMESPACE, "", cluster);
    const struct node *old = pass_read(r->pass, WORK, cluster, r->work_name);
    bool changed = false;

    /* Before it is accepted a cluster has no namespace; that will wake us. */
    if (!space || object_deleting(space) || (old && object_deleting(old)))
        return 0;
    if (!may_use(r, cluster)) {
        pass_event(r->pass, set, true, "OutOfReach", "%s is in no set that the project may "
                   "place on", cluster);
        return 0;
    }
    if (mirror_workload(r, set, cluster, err) < 0 ||
        pass_ensure(r->pass, make_work(r, cluster), &changed, err) < 0)
        return -1;
    if (changed)
        pass_event(r->pass, set, false, old ? "WorkUpdated" : "WorkCreated",
                   "%s has the work %s", cluster, r->work_name);
    return 0;
}

/* ---- Groups and clusters for the rollout ---------------------------------------- */

static const struct node *decisions_of(struct pass *pass, const char *placement)
{
    return pass_list(pass, DECISION, pass->space,
                     "cluster.open-cluster-management.io/placement", placement);
}

static size_t existing(struct rollout *r, struct placement_rollout_cluster **ret)
{
    size_t count = node_count(r->works), n = 0;
    struct placement_rollout_cluster *list;

    list = arena_alloc(r->pass->arena, (count + 1) * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        const struct node *work = node_item(r->works, i);

        if (object_deleting(work) ||
            strcmp(object_label(work, PLACEMENT_NAME_LABEL),
                   render_label(r->pass->arena, r->placement)))
            continue;
        list[n] = (struct placement_rollout_cluster) {
            .name = object_space(work), .group_name = "",
        };
        list[n].status = status_of(r, work, &list[n].since);
        n++;
    }
    *ret = list;
    return n;
}

static int roll_out(struct rollout *r, const struct seen *set,
                    const struct node *ref, struct err *err)
{
    struct pass *pass = r->pass;
    struct placement_rollout_group *groups;
    struct placement_rollout_cluster *clusters;
    struct placement_rollout rollout = { 0 };
    struct placement_rollout_input input = {
        .strategy = node_get(ref, "rolloutStrategy"), .now = pass->now,
    };

    placement_rollout_groups(pass->arena,
                             decisions_of(pass, r->placement), &groups, &input.group_count);
    input.groups = groups;
    for (size_t i = 0; i < input.group_count; i++)
        r->chosen += groups[i].count;
    input.existing_count = existing(r, &clusters);
    input.existing = clusters;
    if (placement_rollout(&input, pass->arena, &rollout, err) < 0)
        return -1;
    for (size_t i = 0; i < rollout.count; i++)
        if (rollout.clusters[i].status == ROLLOUT_TO_APPLY &&
            apply(r, set, rollout.clusters[i].name, err) < 0)
            return -1;
    for (size_t i = 0; i < rollout.removed_count; i++)
        if (pass_remove(pass, WORK, rollout.removed[i].name, r->work_name,
                        err) < 0)
            return -1;
    if (rollout.recheck_after)
        pass_wake_at(pass, pass->now + rollout.recheck_after);
    return 0;
}

/* A Workload object whose work is gone has nothing to tell any more. */
static int sweep_mirrors(struct rollout *r, struct err *err)
{
    const struct node *list;

    list = pass_list(r->pass, WORKLOAD, NULL, REPLICA_SET_LABEL,
                     spokes_replica_set_label(r->pass->arena, r->pass->space,
                                              r->pass->name));
    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *one = node_item(list, i);

        if (is_own_mirror(r, one) &&
            !pass_read(r->pass, WORK, object_space(one), r->work_name) &&
            pass_remove(r->pass, WORKLOAD, object_space(one), object_name(one),
                        err) < 0)
            return -1;
    }
    return 0;
}

/* ---- Status ------------------------------------------------------------------------ */

static struct node *summarise(struct rollout *r, size_t *ret_done)
{
    static const char *const counted[] = { "Applied", "Available", "Progressing",
                                           "Degraded" };
    static const char *const names[] = { "applied", "available", "progressing",
                                         "degraded" };
    struct node *summary = node_map(r->pass->arena);
    size_t counts[count_of(counted)] = { 0 }, updated = 0;

    *ret_done = 0;
    for (size_t i = 0; i < node_count(r->works); i++) {
        const struct node *work = node_item(r->works, i);
        int64_t since;

        for (size_t k = 0; k < count_of(counted); k++)
            counts[k] += spokes_work_is(work, counted[k]);
        updated += is_current(r, work);
        *ret_done += status_of(r, work, &since) == ROLLOUT_SUCCEEDED;
    }
    node_set_int(r->pass->arena, summary, "total", (int64_t)node_count(r->works));
    node_set_int(r->pass->arena, summary, "desiredTotal", (int64_t)r->chosen);
    node_set_int(r->pass->arena, summary, "updated", (int64_t)updated);
    for (size_t k = 0; k < count_of(names); k++)
        node_set_int(r->pass->arena, summary, names[k], (int64_t)counts[k]);
    return summary;
}

static void set_conditions(struct rollout *r, struct node *status,
                           const struct node *summary, size_t done)
{
    const struct node *old = node_at(r->set, "status", "conditions", NULL);
    size_t total = node_count(r->works);
    bool found = r->chosen > 0;
    bool rolled = found && done == r->chosen && total == r->chosen;
    bool well = rolled && !node_get_int(summary, "degraded", 0) &&
                node_get_int(summary, "available", 0) == (int64_t)total;
    char *words = arena_printf(r->pass->arena, "%zu of %zu clusters have it",
                               done, r->chosen);
    const struct condition conditions[] = {
        { "PlacementVerified", found ? "True" : "False",
          found ? "AsExpected" : "PlacementDecisionEmpty",
          found ? "" : "no cluster is chosen" },
        { "PlacementRolledOut", rolled ? "True" : "False",
          rolled ? "Complete" : "Progressing", words },
        { "ManifestworkApplied", well ? "True" : "False",
          well ? "AsExpected" : found ? "Processing" : "PlacementDecisionEmpty",
          words },
    };

    for (size_t i = 0; i < count_of(conditions); i++)
        condition_set(r->pass->arena, status, old, &conditions[i],
                      object_generation(r->set), r->pass->now);
}

static int report(struct rollout *r, const struct seen *set, struct err *err)
{
    struct arena *arena = r->pass->arena;
    struct node *status = status_copy(arena, set->node);
    struct node *list = node_list(arena), *one = node_map(arena), *summary;
    size_t done;

    r->works = spokes_works(r->pass, r->pass->space, r->pass->name);
    summary = summarise(r, &done);
    node_set(arena, status, "summary", summary);
    node_set_text(arena, one, "name", r->placement);
    node_set(arena, one, "summary", summary);
    node_add(arena, list, one);
    node_set(arena, status, "placementSummary", list);
    set_conditions(r, status, summary, done);
    return pass_status(r->pass, set, status, NULL, err);
}

/* ---- The controller ------------------------------------------------------------------ */

static int drain(struct rollout *r, const struct seen *set, struct err *err)
{
    for (size_t i = 0; i < node_count(r->works); i++)
        if (pass_remove(r->pass, WORK, object_space(node_item(r->works, i)),
                        object_name(node_item(r->works, i)), err) < 0)
            return -1;
    if (sweep_mirrors(r, err) < 0)
        return -1;
    if (node_count(spokes_works(r->pass, r->pass->space, r->pass->name)))
        return 0;
    return pass_finalizer(r->pass, set, SET_FINALIZER, false, err);
}

static int run(struct pass *pass, struct err *err)
{
    const struct node *refs;
    struct rollout r = { .pass = pass };
    struct seen set;

    if (!pass_get(pass, REPLICA_SET, pass->space, pass->name, &set))
        return 0;
    r.set = set.node;
    r.works = spokes_works(pass, pass->space, pass->name);
    r.work_name = arena_printf(pass->arena, "%s.%s", pass->space, pass->name);
    if (object_deleting(set.node))
        return drain(&r, &set, err);
    if (pass_finalizer(pass, &set, SET_FINALIZER, true, err) < 0)
        return -1;
    if (pass_read(pass, PROJECT, "", pass->space))
        r.reach = placement_reach_read(pass->all->world, pass->space, pass->arena);
    refs = node_at(set.node, "spec", "placementRefs", NULL);
    for (size_t i = 0; i < node_count(refs); i++) {
        r.placement = node_get_text(node_item(refs, i), "name");
        if (roll_out(&r, &set, node_item(refs, i), err) < 0)
            return -1;
    }
    if (withdraw_lost(&r, &set, err) < 0 || sweep_mirrors(&r, err) < 0)
        return -1;
    return report(&r, &set, err);
}

/* ---- What wakes it --------------------------------------------------------------------- */

/* A work's name is NAMESPACE.NAME, whole. */
static void map_work(struct controllers *all, const struct controller *to,
                     const struct object *before, const struct object *after)
{
    const char *name = (after ? after : before)->name, *dot = strchr(name, '.');
    scoped_mem char *space = dot ? mem_printf("%.*s", (int)(dot - name), name) : NULL;

    if (space)
        controllers_wake(all, to, space, dot + 1);
}

/* Workloads carry NAMESPACE.NAME, or a hash of it and then the deployment's labels
   say which. */
static void map_label(struct controllers *all, const struct controller *to,
                      const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *node = object_read(arena, after ? after : before);
    const char *label = object_label(node, REPLICA_SET_LABEL);
    const char *project = object_label(node, "axle.dev/project");
    const char *deployment = object_label(node, "axle.dev/workload-deployment");
    const char *dot = strchr(label, '.');

    if (*project && *deployment)
        controllers_wake(all, to, project, deployment);
    else if (dot)
        controllers_wake(all, to,
                         arena_bytes(arena, label, (size_t)(dot - label)),
                         dot + 1);
}

static void map_decision(struct controllers *all, const struct controller *to,
                         const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, REPLICA_SET, (after ? after : before)->space);
}

/* A set that is bound no more, or a cluster that is in another one. */
static void map_binding(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    if (!after)
        controllers_wake_all(all, to, REPLICA_SET, before->space);
}

/* The same part of both; arrival and departure are the decisions' to follow. */
static bool part_differs(const struct object *before, const struct object *after,
                         const char *first, const char *second)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *old, *now;

    if (!before || !after)
        return false;
    old = node_at(object_read(arena, before), first, second, NULL);
    now = node_at(object_read(arena, after), first, second, NULL);
    return old && now ? !node_same(old, now) : old != now;
}

static void map_cluster(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    if (part_differs(before, after, "metadata", "labels"))
        controllers_wake_all(all, to, REPLICA_SET, "");
}

static void map_set(struct controllers *all, const struct controller *to,
                    const struct object *before, const struct object *after)
{
    if (!after || part_differs(before, after, "spec", NULL))
        controllers_wake_all(all, to, REPLICA_SET, "");
}

/* A cluster's namespace came into being: works may be waiting for it. */
static void map_namespace(struct controllers *all, const struct controller *to,
                          const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();

    if (!before && after &&
        !strcmp(object_label(object_read(arena, after), "axle.dev/owner-kind"),
                "ManagedCluster"))
        controllers_wake_all(all, to, REPLICA_SET, "");
}

const struct controller controller_replicaset = {
    .name = "replicaset", .run = run, .about = REPLICA_SET, .condition = RECONCILED,
    .sources = { { REPLICA_SET, NULL }, { WORK, map_work },
                 { WORKLOAD, map_label }, { DECISION, map_decision },
                 { NAMESPACE, map_namespace }, { BINDING, map_binding },
                 { CLUSTER, map_cluster }, { CLUSTER_SET, map_set } },
    .source_count = 8,
};
