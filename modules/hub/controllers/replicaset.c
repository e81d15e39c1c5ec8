/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps one ManifestWork per chosen cluster, as fast as the rollout allows. */
#include "controllers/replicaset.h"
#include "controllers/table.h"

#include "controllers/allowed.h"
#include "controllers/claim.h"
#include "controllers/index.h"
#include "controllers/maps.h"
#include "controllers/parse.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "meta/meta.h"
#include "render/render.h"

#include <string.h>

/* ---- What a work should be -------------------------------------------------- */

static void add_work_labels(const struct rollout *r, struct node *work, size_t ref)
{
    struct arena *arena = r->run->arena;

    node_each(label, node_at(r->set, "metadata", "labels", NULL))
        meta_set_label(arena, work, label->key, node_text(label->value));
    meta_set_label(arena, work, META_LABEL_REPLICASET,
                   spokes_replica_set_label(arena, r->run->namespace, r->run->name));
    meta_set_label(arena, work, META_LABEL_PLACEMENT_NAME,
                   render_label(arena, r->advance.refs[ref].name));
}

/* Only a rollout that goes step by step asks later whether a place was done before. */
static bool is_first_done(const struct rollout *r, const struct placement_place *place)
{
    const char *type = place->ref == PLACEMENT_NO_REF
                           ? ""
                           : node_get_text(r->advance.refs[place->ref].strategy, "type");

    return place->current && place->state == PLACE_DONE && !place->settled &&
           text_starts(type, "Progressive");
}

static struct node *make_work(const struct rollout *r, const struct placement_place *place)
{
    struct arena *arena = r->run->arena;
    struct node *work = reconcile_new(r->run, KIND_ID_WORK, place->cluster, r->work_name);
    char revised[CLOCK_TEXT];

    /* The deadline counts from the change of the content, whatever else is written. */
    clock_format(place->current ? place->written : r->run->now, true, revised);
    meta_set_annotation(arena, work, META_ANNOTATION_REVISED_AT, revised);
    if (place->settled || is_first_done(r, place)) {
        clock_format(place->settled ? place->settled : r->run->now, true, revised);
        meta_set_annotation(arena, work, META_ANNOTATION_DONE_AT, revised);
    }
    add_work_labels(r, work, place->ref);
    meta_add_finalizer(arena, work, META_FINALIZER_WORK);
    node_set(arena, work, "spec",
             node_copy(arena, node_at(r->set, "spec", "manifestWorkTemplate", NULL)));
    return work;
}

/* ---- Objects on the spoke's side of the hub ------------------------------------ */

static const struct node *find_workload(const struct rollout *r)
{
    const struct node *list =
        node_at(r->set, "spec", "manifestWorkTemplate", "workload", "manifests", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "kind"), "Workload"))
            return node_item(list, i);
    return NULL;
}

/* Where the spoke writes how the application stands. */
static int mirror_workload(struct rollout *r, const struct seen *set, const char *cluster,
                           struct err *err)
{
    const struct node *inside = find_workload(r);
    struct arena *arena = r->run->arena;
    struct err why = {0};
    struct node *wanted;

    if (!inside)
        return 0;
    wanted = reconcile_new(r->run, KIND_ID_WORKLOAD, cluster, meta_name(inside));
    node_each(label, node_at(inside, "metadata", "labels", NULL))
        meta_set_label(arena, wanted, label->key, node_text(label->value));
    meta_set_label(arena, wanted, META_LABEL_REPLICASET,
                   spokes_replica_set_label(arena, r->run->namespace, r->run->name));
    node_set(arena, wanted, "spec", node_copy(arena, node_get(inside, "spec")));
    if (reconcile_ensure(r->run, wanted, NULL, &why) < 0 && !claim_words(r->run, &why)) {
        *err = why;
        return -1;
    }
    if (claim_words(r->run, &why))
        reconcile_event(r->run, set, true, "NameTaken", "%s: its status cannot be computed: %s",
                        cluster, why.text);
    return 0;
}

/* ---- Steps ---------------------------------------------------------------------- */

static int write_work(struct rollout *r, const struct placement_place *place, struct err *err)
{
    bool changed = false;

    /* The work comes last: once it is current nothing looks at the place again. */
    if (mirror_workload(r, &r->seen, place->cluster, err) < 0 ||
        reconcile_ensure(r->run, make_work(r, place), &changed, err) < 0)
        return -1;
    if (changed)
        reconcile_event(r->run, &r->seen, false, place->has_work ? "WorkUpdated" : "WorkCreated",
                        "%s has the work %s", place->cluster, r->work_name);
    return 0;
}

static int remove_work(struct rollout *r, const struct placement_place *place, struct err *err)
{
    if (place->lost && !replicaset_may_use(r, place->cluster))
        reconcile_event(
            r->run, &r->seen, true, "OutOfReach",
            "%s is no longer in a set that the project may place on: its work is being removed",
            place->cluster);
    return reconcile_remove(r->run, KIND_ID_WORK, place->cluster, r->work_name, err);
}

static bool labels_differ(const struct node *work, const struct node *wanted)
{
    const struct node *labels = node_at(wanted, "metadata", "labels", NULL);

    node_each(label, labels) if (strcmp(meta_label(work, label->key), node_text(label->value)) !=
                                 0) return true;
    /* One that the set had, and has no more. */
    node_each(field, node_at(meta_applied_fields(work, REPLICASET_MANAGER), "f:metadata",
                             "f:labels", NULL)) if (text_starts(field->key, "f:") &&
                                                    !node_get(labels, field->key + 2)) return true;
    return false;
}

/* How the works of a ref should be labelled, and what was found out of those seen last:
   most works of a ref have the same labels, so that few are parsed. */
struct ref_labels {
    struct node *wanted;
    struct row_digest seen;
    bool known, differ;
};

static bool is_labelled_otherwise(struct rollout *r, struct ref_labels *ref, const char *cluster)
{
    const struct work_row *work = rows_work(r->run->all, r->work_name, cluster);

    if (!work)
        return true;
    if (!ref->known || !row_digest_same(&ref->seen, &work->labels)) {
        ref->differ =
            labels_differ(reconcile_read(r->run, KIND_ID_WORK, cluster, r->work_name), ref->wanted);
        ref->seen = work->labels;
        ref->known = true;
    }
    return ref->differ;
}

/* As the works of each ref should be labelled. */
static struct ref_labels *labels_by_ref(const struct rollout *r)
{
    struct arena *arena = r->run->arena;
    struct ref_labels *ret = arena_alloc(arena, (r->advance.ref_count + 1) * sizeof *ret);

    for (size_t i = 0; i < r->advance.ref_count; i++) {
        ret[i] = (struct ref_labels){.wanted = node_map(arena)};
        add_work_labels(r, ret[i].wanted, i);
    }
    return ret;
}

/* Another ref has it now, the set's labels changed, or it is done for the first time:
   nothing restarts for that. */
static int relabel_works(struct rollout *r, struct err *err)
{
    struct ref_labels *wanted = labels_by_ref(r);

    for (size_t i = 0; i < r->advance.place_count; i++) {
        const struct placement_place *place = &r->advance.places[i];

        if (place->ref == PLACEMENT_NO_REF || place->step != STEP_NONE || !place->current ||
            place->blocked ||
            (!is_first_done(r, place) &&
             !is_labelled_otherwise(r, &wanted[place->ref], place->cluster)))
            continue;
        if (reconcile_ensure(r->run, make_work(r, place), NULL, err) < 0)
            return -1;
    }
    return 0;
}

/* One place that cannot be written to does not hold up the others: the first
   failure is told after all have had their turn. */
static int take_rollout_steps(struct rollout *r, struct err *err)
{
    int result = 0;

    for (size_t i = 0; i < r->advance.place_count; i++) {
        const struct placement_place *place = &r->advance.places[i];
        struct err why = {0};
        int done = place->step == STEP_WRITE    ? write_work(r, place, &why)
                   : place->step == STEP_REMOVE ? remove_work(r, place, &why)
                                                : 0;

        if (done < 0 && !result) {
            *err = why;
            result = -1;
        }
    }
    return result;
}

/* ---- Workload objects whose work is gone have nothing to tell any more ---------- */

struct mirrors {
    struct rollout *r;
    struct node *left; /* {cluster, name} of those to look at */
    size_t count;
};

/* The replica set's own work, in this cluster. */
static bool has_own_work(const struct rollout *r, const char *cluster)
{
    const struct work_row *work = rows_work(r->run->all, r->work_name, cluster);

    return work && work->labelled && (!*work->project || !strcmp(work->project, r->run->namespace));
}

static void look_at_mirror(void *arg, const char *namespace, const char *name)
{
    struct mirrors *mirrors = arg;
    struct arena *arena = mirrors->r->run->arena;
    struct node *one;

    mirrors->count++;
    if (has_own_work(mirrors->r, namespace))
        return;
    one = node_map(arena);
    node_set_text(arena, one, "cluster", namespace);
    node_set_text(arena, one, "name", name);
    node_add(arena, mirrors->left, one);
}

static int sweep_mirrors(struct rollout *r, struct err *err)
{
    char *label = spokes_replica_set_label(r->run->arena, r->run->namespace, r->run->name);
    struct mirrors mirrors = {r, node_list(r->run->arena), 0};

    index_each_name(r->run->all, KIND_ID_WORKLOAD, META_LABEL_REPLICASET, label, look_at_mirror,
                    &mirrors);
    reconcile_walk(r->run, mirrors.count);
    for (size_t i = 0; i < node_count(mirrors.left); i++) {
        const char *cluster = node_get_text(node_item(mirrors.left, i), "cluster");
        const char *name = node_get_text(node_item(mirrors.left, i), "name");
        const struct load_row *load = rows_load(r->run->all, name, cluster);

        if (load && !strcmp(load->replica_set, label) &&
            reconcile_remove(r->run, KIND_ID_WORKLOAD, cluster, name, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- The controller ------------------------------------------------------------------ */

static int drain_replicaset(struct rollout *r, struct err *err)
{
    struct work_rows left;

    for (size_t i = 0; i < r->works.count; i++)
        if (reconcile_remove(r->run, KIND_ID_WORK, r->works.rows[i]->head.cluster,
                             r->works.rows[i]->name, err) < 0)
            return -1;
    if (sweep_mirrors(r, err) < 0)
        return -1;
    left = spokes_works(r->run, r->run->namespace, r->run->name);
    if (left.count) {
        replicaset_gather(r);
        placement_advance(&r->advance, r->run->arena);
        return replicaset_report_removal(r, &left, err);
    }
    return reconcile_finalizer(r->run, &r->seen, META_FINALIZER_REPLICASET, false, err);
}

static int advance_rollout(struct rollout *r, struct err *err)
{
    struct err later = {0};
    int result = 0;

    if (reconcile_read(r->run, KIND_ID_PROJECT, "", r->run->namespace))
        r->reach = placement_reach_read(r->run->all->world, r->run->namespace, r->run->arena);
    replicaset_gather(r);
    placement_advance(&r->advance, r->run->arena);
    reconcile_wake_at(r->run, r->advance.recheck_at);
    if (take_rollout_steps(r, err) < 0 || relabel_works(r, err) < 0 || sweep_mirrors(r, err) < 0)
        result = -1;
    if (replicaset_report(r, result < 0 ? &later : err) < 0)
        result = -1;
    return result;
}

static int reconcile_replicaset(struct reconcile_run *run, struct err *err)
{
    struct rollout r = {.run = run};

    if (!reconcile_get(run, KIND_ID_REPLICA_SET, run->namespace, run->name, &r.seen))
        return 0;
    r.set = r.seen.node;
    r.works = spokes_works(run, run->namespace, run->name);
    r.work_name = arena_printf(run->arena, "%s.%s", run->namespace, run->name);
    if (meta_is_deleting(r.set))
        return drain_replicaset(&r, err);
    if (reconcile_finalizer(run, &r.seen, META_FINALIZER_REPLICASET, true, err) < 0)
        return -1;
    return advance_rollout(&r, err);
}

/* ---- What wakes it --------------------------------------------------------------------- */

/* Workloads carry NAMESPACE.NAME, or a hash of it and then the deployment's labels
   say which. */
static void map_label(struct controllers *all, const struct controller *to,
                      const struct object *before, const struct object *after)
{
    const struct node *node = controllers_read(all, after ? after : before);
    const char *label = meta_label(node, META_LABEL_REPLICASET);
    const char *project = meta_label(node, META_LABEL_PROJECT);
    const char *deployment = meta_label(node, META_LABEL_DEPLOYMENT);
    const char *dot = strchr(label, '.');
    scoped_mem char *namespace = dot ? mem_printf("%.*s", (int)(dot - label), label) : NULL;

    if (*project && *deployment)
        controllers_wake(all, to, project, deployment);
    else if (dot)
        controllers_wake(all, to, namespace, dot + 1);
}

static void map_decision(struct controllers *all, const struct controller *to,
                         const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, KIND_ID_REPLICA_SET, (after ? after : before)->namespace);
}

/* A set that is bound, or bound no more: what the project may have. */
static void map_binding_to_replicasets(struct controllers *all, const struct controller *to,
                                       const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;

    if (any && (!before || !after))
        controllers_wake_all(all, to, KIND_ID_REPLICA_SET, any->namespace);
}

/* Whether the namespace is a project's, and so bounded by what it may have. */
static void map_project_to_replicasets(struct controllers *all, const struct controller *to,
                                       const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;

    if (any && (!before || !after))
        controllers_wake_all(all, to, KIND_ID_REPLICA_SET, any->name);
}

/* The same part of both; arrival and departure are the decisions' to follow. */
static bool part_differs(struct controllers *all, const struct object *before,
                         const struct object *after, const char *first, const char *second)
{
    const struct node *old, *now;

    if (!before || !after)
        return false;
    old = node_at(controllers_read(all, before), first, second, NULL);
    now = node_at(controllers_read(all, after), first, second, NULL);
    return old && now ? !node_same(old, now) : old != now;
}

/* A spoke fell silent, or is heard again. */
static bool availability_differs(struct controllers *all, const struct object *before,
                                 const struct object *after)
{
    static const char available[] = META_CONDITION_CLUSTER_AVAILABLE;

    return strcmp(meta_condition_status(controllers_read(all, before), available),
                  meta_condition_status(controllers_read(all, after), available)) != 0;
}

static void map_cluster_to_replicasets(struct controllers *all, const struct controller *to,
                                       const struct object *before, const struct object *after)
{
    if (!before || !after || before->deleting != after->deleting ||
        part_differs(all, before, after, "metadata", "labels") ||
        availability_differs(all, before, after))
        controllers_wake_all(all, to, KIND_ID_REPLICA_SET, "");
}

static void map_clusterset_to_replicasets(struct controllers *all, const struct controller *to,
                                          const struct object *before, const struct object *after)
{
    if (!before || !after || part_differs(all, before, after, "spec", NULL))
        controllers_wake_all(all, to, KIND_ID_REPLICA_SET, "");
}

/* One that a set waits for came into being or went, or has decided. */
static void map_placement_to_replicasets(struct controllers *all, const struct controller *to,
                                         const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;

    if (any && (!before || !after ||
                part_differs(all, before, after, "status", "numberOfSelectedClusters")))
        controllers_wake_all(all, to, KIND_ID_REPLICA_SET, any->namespace);
}

/* A cluster's namespace came into being, where works may wait for it, or goes. */
static void map_namespace(struct controllers *all, const struct controller *to,
                          const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;

    if (any && (!before || !after || before->deleting != after->deleting) &&
        !strcmp(meta_label(controllers_read(all, any), META_LABEL_OWNER_KIND), "ManagedCluster"))
        controllers_wake_all(all, to, KIND_ID_REPLICA_SET, "");
}

const struct controller controller_replicaset = {
    .name = "replicaset",
    .run = reconcile_replicaset,
    .about = KIND_ID_REPLICA_SET,
    .condition = RECONCILED,
    .pause = CONTROLLER_PAUSE,
    .sources = {{KIND_ID_REPLICA_SET, NULL, WAKE_AFTER_PAUSE},
                {KIND_ID_WORK, map_work_to_owner, WAKE_AFTER_PAUSE},
                {KIND_ID_WORKLOAD, map_label, WAKE_AFTER_PAUSE},
                {KIND_ID_DECISION, map_decision},
                {KIND_ID_NAMESPACE, map_namespace, WAKE_AFTER_PAUSE},
                {KIND_ID_BINDING, map_binding_to_replicasets},
                {KIND_ID_CLUSTER, map_cluster_to_replicasets, WAKE_AFTER_PAUSE},
                {KIND_ID_CLUSTER_SET, map_clusterset_to_replicasets},
                {KIND_ID_PLACEMENT, map_placement_to_replicasets},
                {KIND_ID_PROJECT, map_project_to_replicasets},
                {KIND_ID_TENANT, map_rights_to_sets},
                {KIND_ID_PROJECT, map_rights_to_sets},
                {KIND_ID_POOL, map_rights_to_sets}},
    .source_count = 13,
};
