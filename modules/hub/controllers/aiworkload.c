/* SPDX-License-Identifier: Apache-2.0 */
/* Resolves an AIWorkload into one deployment per profile, and sums them up. */
#include "controllers/claim.h"
#include "controllers/maps.h"
#include "controllers/rules.h"
#include "controllers/table.h"

#include "base/map.h"
#include "controllers/failure.h"
#include "controllers/revision.h"
#include "controllers/sums.h"
#include "meta/meta.h"
#include "render/render.h"

#include <string.h>

struct intent {
    struct reconcile_run *run;
    struct seen seen;
    const char *bundle, *bundle_revision, *environment, *tenant;
    struct node *snapshot; /* of the bundle */
    const char *remark;    /* what it was made from and is gone; "" */
    struct node *wanted;   /* names of deployments */
    struct node *status;
    struct {
        const char *reason, *message;
    } refused; /* why it cannot be resolved; NULL: it can, or the world is at fault */
};

/* The user must change something: the condition Resolved will say what. Returns -1 and
   leaves `err` of the caller alone, which is for errors of the world. */
static int refuse_intent(struct intent *in, const char *reason, const char *message)
{
    in->refused.reason = reason;
    in->refused.message = message;
    return -1;
}

/* The label may be a hash of a long name, and any administrator can set it. */
static struct node *deployments_of(struct reconcile_run *run)
{
    return reconcile_list_own(run, KIND_ID_DEPLOYMENT, run->namespace, META_LABEL_AIWORKLOAD,
                              render_label(run->arena, run->name));
}

/* ---- Resolving -------------------------------------------------------------------- */

/* A number is given once, so what had it cannot be had again by making the bundle anew. */
static const char *missing_revision(struct intent *in, const struct node *bundle)
{
    const char *latest = revision_latest(bundle);

    return arena_printf(
        in->run->arena,
        "spec.profileBundleRef.revision: there is no %s of "
        "\"%s\"%s%s; name an existing one (kubectl get definitionrevisions), or leave it out for "
        "the newest",
        in->bundle_revision, in->bundle, *latest ? ", the newest is " : "", latest);
}

static int find_bundle(struct intent *in, struct err *err)
{
    struct reconcile_run *run = in->run;
    const struct node *ref = node_at(in->seen.node, "spec", "profileBundleRef", NULL);
    const struct node *bundle;

    in->bundle = node_get_text(ref, "name");
    in->bundle_revision = node_get_text(ref, "revision");
    bundle = reconcile_read(run, KIND_ID_BUNDLE, run->namespace, in->bundle);
    in->remark =
        !bundle
            ? "the ProfileBundle is deleted; this revision of it is kept as long as it is named "
              "here"
        : *in->bundle_revision ? ""
                               : node_get_text(node_get(bundle, "status"), "message");
    if (!bundle && !*in->bundle_revision)
        return refuse_intent(in, "BundleNotFound",
                             arena_printf(run->arena,
                                          "spec.profileBundleRef.name: there is no ProfileBundle "
                                          "\"%s\" in this namespace; create it",
                                          in->bundle));
    if (!*in->bundle_revision)
        in->bundle_revision = revision_latest(bundle);
    if (!*in->bundle_revision) {
        const char *why = node_get_text(node_get(bundle, "status"), "message");

        return refuse_intent(in, "BundleNotReady", *why ? why : "the bundle has no revision yet");
    }
    in->snapshot =
        revision_snapshot(run, KIND_ID_BUNDLE, run->namespace, in->bundle, in->bundle_revision);
    return in->snapshot ? 0 : refuse_intent(in, "RevisionNotFound", missing_revision(in, bundle));
}

static bool is_older(const struct node *a, const struct node *b)
{
    int order = strcmp(node_get_text(node_get(a, "metadata"), "creationTimestamp"),
                       node_get_text(node_get(b, "metadata"), "creationTimestamp"));

    return order ? order < 0 : strcmp(meta_uid(a), meta_uid(b)) < 0;
}

/* A Dedicated pool is its first workload's alone. */
static int check_dedicated_pool(struct intent *in, const char *pool, struct err *err)
{
    struct reconcile_run *run = in->run;
    const struct node *there = reconcile_read(run, KIND_ID_POOL, run->namespace, pool), *all;

    if (strcmp(node_get_text(node_get(there, "spec"), "variant"), "Dedicated"))
        return 0;
    all = reconcile_list(run, KIND_ID_AIWORKLOAD, run->namespace, NULL, pool);
    for (size_t i = 0; i < node_count(all); i++) {
        const struct node *one = node_item(all, i);

        if (!strcmp(node_get_text(node_at(one, "spec", "computePoolRef", NULL), "name"), pool) &&
            strcmp(meta_name(one), run->name) && is_older(one, in->seen.node))
            return refuse_intent(
                in, "PoolTaken",
                arena_printf(
                    run->arena,
                    "spec.computePoolRef.name: the pool \"%s\" is Dedicated and runs \"%s\"; use "
                    "another one",
                    pool, meta_name(one)));
    }
    return 0;
}

/* Whether it waits to be deleted: for those who are there, not for others to come. */
static bool is_closing(struct intent *in, const struct node *environment, const char *pool)
{
    return meta_is_deleting(environment) ||
           (*pool &&
            meta_is_deleting(reconcile_read(in->run, KIND_ID_POOL, in->run->namespace, pool)));
}

static bool is_placed_there(struct intent *in)
{
    const struct node *all = deployments_of(in->run);

    for (size_t i = 0; i < node_count(all); i++)
        if (!strcmp(
                node_get_text(node_at(node_item(all, i), "spec", "environmentRef", NULL), "name"),
                in->environment))
            return true;
    return false;
}

static int find_environment(struct intent *in, struct err *err)
{
    struct reconcile_run *run = in->run;
    const struct node *spec = node_get(in->seen.node, "spec");
    const char *pool = node_get_text(node_get(spec, "computePoolRef"), "name");
    const char *own = node_get_text(node_get(spec, "environmentRef"), "name");
    const struct node *there;

    if (*pool && *own)
        return refuse_intent(in, "TwoPlaces",
                             "give computePoolRef or environmentRef, "
                             "not both");
    if (!*pool && !*own)
        return refuse_intent(
            in, "NoPlace",
            "give computePoolRef or environmentRef, which says where the application runs");
    in->environment = *pool ? pool : own;
    there = reconcile_read(run, KIND_ID_ENVIRONMENT, run->namespace, in->environment);
    if (there && is_closing(in, there, pool) && !is_placed_there(in))
        return refuse_intent(
            in, "PlaceDeleting",
            arena_printf(run->arena, "spec.%s.name: \"%s\" is being deleted; use another one",
                         *pool ? "computePoolRef" : "environmentRef", in->environment));
    if (there)
        return *pool ? check_dedicated_pool(in, pool, err) : 0;
    return refuse_intent(in, *pool ? "PoolNotFound" : "EnvironmentNotFound",
                         arena_printf(run->arena,
                                      "spec.%s.name: there is no %s \"%s\" "
                                      "in this namespace",
                                      *pool ? "computePoolRef" : "environmentRef",
                                      *pool ? "ComputePool" : "Environment", in->environment));
}

/* What a component gives is named AIWORKLOAD-COMPONENT on the spoke, whichever profile
   it is of. `seen` has the profile of each component that came before. */
static int check_components(struct intent *in, struct map *seen, const struct node *profile,
                            const char *name, struct err *err)
{
    const struct node *components = node_get(profile, "components");

    for (size_t i = 0; i < node_count(components); i++) {
        const char *component = node_get_text(node_item(components, i), "name");
        const char *other = map_put(seen, component, (void *)name);

        if (other && strcmp(other, name))
            return refuse_intent(
                in, "ComponentNameTaken",
                arena_printf(in->run->arena,
                             "the WorkloadProfiles \"%s\" and \"%s\" of the bundle \"%s\" both "
                             "have a component \"%s\", and their objects would have one name, "
                             "\"%s\": rename one of them",
                             other, name, in->bundle, component,
                             render_name(in->run->arena, in->run->name, component, RENDER_NAME)));
    }
    return 0;
}

/* Every value that the user gave must be known to one of the profiles. */
static int check_variables(struct intent *in, struct err *err)
{
    struct reconcile_run *run = in->run;
    const struct node *values = node_at(in->seen.node, "spec", "variables", NULL);
    const struct node *refs = node_get(in->snapshot, "workloadProfileRefs");
    struct node *all = node_list(run->arena);
    scoped_map struct map *components = map_new();
    const char *unknown;

    for (size_t i = 0; i < node_count(refs); i++) {
        const struct node *ref = node_item(refs, i);
        const char *name = node_get_text(ref, "name");
        const struct node *profile, *declared;
        struct err why = {0};

        profile = revision_snapshot(run, KIND_ID_PROFILE, run->namespace, name,
                                    node_get_text(ref, "revision"));
        if (!profile)
            return refuse_intent(in, "ProfileNotFound",
                                 arena_printf(run->arena,
                                              "there is no revision %s of the WorkloadProfile "
                                              "\"%s\"",
                                              node_get_text(ref, "revision"), name));
        if (check_components(in, components, profile, name, err) < 0)
            return -1;
        declared = revision_variables(run, run->namespace, in->tenant, profile, in->snapshot);
        if (!render_variables(run->arena, declared, values, &why))
            return refuse_intent(in, "VariableInvalid", arena_string(run->arena, why.text));
        for (size_t k = 0; k < node_count(declared); k++)
            node_add(run->arena, all, node_item(declared, k));
    }
    unknown = render_variables_unknown(all, values);
    if (unknown)
        return refuse_intent(in, "VariableUnknown",
                             arena_printf(run->arena,
                                          "spec.variables.%s: no profile of \"%s\" has this "
                                          "variable",
                                          unknown, in->bundle));
    return 0;
}

static int resolve_intent(struct intent *in, struct err *err)
{
    const struct node *project = reconcile_read(in->run, KIND_ID_PROJECT, "", in->run->namespace);

    in->tenant = node_get_text(node_get(project, "spec"), "tenant");
    if (!project)
        return refuse_intent(
            in, "NotAProject",
            "no Project owns this namespace; create a Project with its name, or use a project's "
            "namespace");
    if (find_bundle(in, err) < 0 || find_environment(in, err) < 0)
        return -1;
    return check_variables(in, err);
}

/* ---- Deployments -------------------------------------------------------------------- */

static struct node *make_deployment(struct intent *in, const struct node *ref, const char *name)
{
    struct reconcile_run *run = in->run;
    struct arena *arena = run->arena;
    const struct node *values = node_at(in->seen.node, "spec", "variables", NULL);
    struct node *wanted = reconcile_new(run, KIND_ID_DEPLOYMENT, run->namespace, name);
    struct node *spec = node_make(arena, wanted, "spec"), *part;

    meta_add_controller(arena, wanted, in->seen.node);
    meta_set_label(arena, wanted, META_LABEL_TENANT, in->tenant);
    meta_set_label(arena, wanted, META_LABEL_PROJECT, run->namespace);
    meta_set_label(arena, wanted, META_LABEL_AIWORKLOAD, render_label(arena, run->name));
    meta_set_label(arena, wanted, META_LABEL_DEPLOYMENT, name);
    meta_set_label(arena, wanted, META_LABEL_REVISION, node_get_text(ref, "revision"));
    node_set_text(arena, spec, "aiWorkload", run->name);
    part = node_make(arena, spec, "workloadProfileRef");
    node_set_text(arena, part, "name", node_get_text(ref, "name"));
    node_set_text(arena, part, "revision", node_get_text(ref, "revision"));
    part = node_make(arena, spec, "profileBundleRef");
    node_set_text(arena, part, "name", in->bundle);
    node_set_text(arena, part, "revision", in->bundle_revision);
    node_set_text(arena, node_make(arena, spec, "environmentRef"), "name", in->environment);
    node_set(arena, spec, "variables", values ? node_copy(arena, values) : node_map(arena));
    return wanted;
}

/* Whether the name belongs to another AIWorkload or to an object made by hand. An earlier one
   of this name that is being deleted is waited for. */
static bool is_others(struct intent *in, const char *name)
{
    const struct node *there =
        reconcile_read(in->run, KIND_ID_DEPLOYMENT, in->run->namespace, name);

    return meta_list_has(in->wanted, name) ||
           (there && !reconcile_read_own(in->run, KIND_ID_DEPLOYMENT, in->run->namespace, name) &&
            strcmp(meta_owner_name(there, "AIWorkload"), in->run->name) != 0);
}

/* "chat" with the profile "api-server" and "chat-api" with "server" want the same
   name: the second one's is told apart by a hash, and stays so for good. */
static char *deployment_name(struct intent *in, const char *profile)
{
    struct reconcile_run *run = in->run;
    char *name = render_name(run->arena, run->name, profile, RENDER_NAME);
    char *apart = render_name_apart(run->arena, run->name, profile, RENDER_NAME);

    if (!reconcile_read_own(run, KIND_ID_DEPLOYMENT, run->namespace, apart) && !is_others(in, name))
        return name;
    return apart;
}

static int write_deployments(struct intent *in, struct err *err)
{
    struct reconcile_run *run = in->run;
    const struct node *refs = node_get(in->snapshot, "workloadProfileRefs");
    const struct node *old;

    for (size_t i = 0; i < node_count(refs); i++) {
        const struct node *ref = node_item(refs, i);
        char *name = deployment_name(in, node_get_text(ref, "name"));
        bool changed = false;

        node_add(run->arena, in->wanted, node_string(run->arena, name));
        if (reconcile_ensure(run, make_deployment(in, ref, name), &changed, err) < 0)
            return -1;
        if (changed)
            reconcile_event(run, &in->seen, false, "DeploymentWritten", "deployment %s of %s %s",
                            name, node_get_text(ref, "name"), node_get_text(ref, "revision"));
    }
    old = deployments_of(run);
    for (size_t i = 0; i < node_count(old); i++) {
        const char *name = meta_name(node_item(old, i));

        if (!meta_list_has(in->wanted, name) &&
            reconcile_remove(run, KIND_ID_DEPLOYMENT, run->namespace, name, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- Status --------------------------------------------------------------------------- */

/* Reasons of what is merely under way, or follows from another condition. */
static bool has_no_event(const char *reason)
{
    static const char *const quiet[] = {"Progressing", "Placing",   "FormerVersion",
                                        "Deleting",    "NotJudged", "NotResolved"};

    for (size_t i = 0; i < count_of(quiet); i++)
        if (!strcmp(reason, quiet[i]))
            return true;
    return false;
}

static void set_aiworkload_condition(struct intent *in, const struct meta_condition *condition)
{
    const struct node *old = meta_conditions(in->seen.node);
    const struct node *before = meta_condition_find(old, condition->type);

    meta_condition_set(in->run->arena, in->status, old, condition, meta_generation(in->seen.node),
                       in->run->now);
    if (has_no_event(condition->reason) ||
        (!strcmp(node_get_text(before, "status"), condition->status) &&
         !strcmp(node_get_text(before, "reason"), condition->reason)))
        return;
    reconcile_event(in->run, &in->seen, strcmp(condition->status, "True"), condition->reason, "%s",
                    *condition->message ? condition->message : condition->type);
}

static void write_sums(struct intent *in, const struct sums *sums)
{
    struct arena *arena = in->run->arena;

    node_set(arena, in->status, "spokes", sums->spokes);
    node_set(arena, in->status, "endpoints", sums->endpoints);
    node_set_int(arena, in->status, "readySpokes", sums->ready);
    node_set_int(arena, in->status, "totalSpokes", sums->total);
    node_set(arena, in->status, "ready",
             node_format(arena, "%lld/%lld", (long long)sums->ready, (long long)sums->total));
    node_set(
        arena, in->status, "copies",
        node_format(arena, "%lld/%lld", (long long)sums->copies_ready, (long long)sums->copies));
    node_set_text(arena, in->status, "message", sums->message);
}

/* Where no spoke has anything to say, the step that did not succeed has. */
static void set_failed_step_message(struct intent *in)
{
    const struct node *list = node_get(in->status, "conditions");

    if (*node_get_text(in->status, "message"))
        return;
    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *one = node_item(list, i);

        if (strcmp(node_get_text(one, "status"), "False"))
            continue;
        node_set_text(in->run->arena, in->status, "message", node_get_text(one, "message"));
        return;
    }
}

/* A spoke that is away keeps what was deleted, and with it the object, until it is back. */
static void say_who_still_has_it(struct intent *in)
{
    const struct node *rows = node_get(in->status, "spokes");
    scoped_text struct text names = {0};
    size_t count = node_count(rows), told = count < 3 ? count : 3;

    for (size_t i = 0; i < told; i++)
        text_addf(&names, "%s%s", i ? ", " : "", node_get_text(node_item(rows, i), "name"));
    if (count)
        node_set(
            in->run->arena, in->status, "message",
            node_format(
                in->run->arena,
                "waiting for %zu %s to remove it: %s%s; an administrator removes a machine that "
                "will not come back (kubectl delete managedcluster NAME)",
                count, count == 1 ? "spoke" : "spokes", text_string(&names),
                told < count ? ", …" : ""));
}

/* Deployments of what could be resolved last: they stay as they were, and say
   nothing of a generation that they are not of. */
static bool is_of_this_generation(const struct intent *in)
{
    return node_get_int(in->status, "resolvedGeneration", 0) == meta_generation(in->seen.node);
}

static void judge_deployments(struct intent *in, const struct node *deployments)
{
    static const char *const types[] = {"Rendered", "Placed", "Distributed", "Available"};

    for (size_t i = 0; i < count_of(types); i++) {
        struct meta_condition condition = sums_condition(deployments, types[i]);

        if (meta_is_deleting(in->seen.node))
            condition =
                (struct meta_condition){types[i], "Unknown", "Deleting", "it is being removed"};
        else if (!is_of_this_generation(in))
            condition = (struct meta_condition){
                types[i], "Unknown", "NotResolved",
                "unknown until Resolved is True; what ran before keeps running"};
        set_aiworkload_condition(in, &condition);
    }
}

/* `phase` "": by how its deployments stand. */
static void set_summary(struct intent *in, const char *phase)
{
    const struct node *resolved =
        meta_condition_find(node_get(in->status, "conditions"), "Resolved");
    const char *now = *phase ? phase : node_get_text(in->status, "phase");

    if (!strcmp(phase, "Failed"))
        node_set_text(in->run->arena, in->status, "message", node_get_text(resolved, "message"));
    else if (!strcmp(phase, "Deleting"))
        say_who_still_has_it(in);
    else if (strcmp(now, "Running") && strcmp(now, "Completed"))
        set_failed_step_message(in);
}

static int write_aiworkload_status(struct intent *in, const char *phase, struct err *err)
{
    struct arena *arena = in->run->arena;
    const struct node *deployments = deployments_of(in->run);
    struct sums sums = sums_of(arena, deployments);

    reconcile_walk(in->run, node_count(sums.spokes));
    judge_deployments(in, deployments);
    if (!is_of_this_generation(in))
        sums.ready = sums.copies_ready = 0;
    write_sums(in, &sums);
    node_set_text(arena, in->status, "phase", *phase ? phase : sums.phase);
    set_summary(in, phase);
    node_set_int(arena, in->status, "observedGeneration", meta_generation(in->seen.node));
    return reconcile_status(in->run, &in->seen, in->status, NULL, err);
}

/* ---- The controller -------------------------------------------------------------------- */

static int drain_aiworkload(struct intent *in, struct err *err)
{
    const struct node *all = deployments_of(in->run);

    for (size_t i = 0; i < node_count(all); i++)
        if (reconcile_remove(in->run, KIND_ID_DEPLOYMENT, in->run->namespace,
                             meta_name(node_item(all, i)), err) < 0)
            return -1;
    if (!node_count(deployments_of(in->run)))
        return reconcile_finalizer(in->run, &in->seen, META_FINALIZER_DRAIN, false, err);
    set_aiworkload_condition(
        in, &(struct meta_condition){"Resolved", "Unknown", "Deleting", "it is being removed"});
    return write_aiworkload_status(in, "Deleting", err);
}

static int reconcile_aiworkload(struct reconcile_run *run, struct err *err)
{
    struct intent in = {.run = run, .tenant = "", .wanted = node_list(run->arena)};
    struct meta_condition resolved = {"Resolved", "True", "Resolved", ""};
    struct err why = {0};

    if (!reconcile_get(run, KIND_ID_AIWORKLOAD, run->namespace, run->name, &in.seen))
        return 0;
    in.status = meta_copy_status(run->arena, in.seen.node);
    if (meta_is_deleting(in.seen.node))
        return drain_aiworkload(&in, err);
    if (reconcile_finalizer(run, &in.seen, META_FINALIZER_DRAIN, true, err) < 0)
        return -1;
    if (resolve_intent(&in, err) < 0) {
        if (!in.refused.reason)
            return -1;
        set_aiworkload_condition(
            &in,
            &(struct meta_condition){"Resolved", "False", in.refused.reason, in.refused.message});
        return write_aiworkload_status(&in, "Failed", err);
    }
    if (write_deployments(&in, &why) < 0) {
        if (!claim_words(run, &why)) {
            *err = why;
            return -1;
        }
        resolved =
            (struct meta_condition){"Resolved", "False", "NameTaken", claim_words(run, &why)};
        set_aiworkload_condition(&in, &resolved);
        return write_aiworkload_status(&in, "Failed", err);
    }
    resolved.message = arena_printf(run->arena, "%s %s in %s%s%s", in.bundle, in.bundle_revision,
                                    in.environment, *in.remark ? "; " : "", in.remark);
    set_aiworkload_condition(&in, &resolved);
    node_set_int(run->arena, in.status, "resolvedGeneration", meta_generation(in.seen.node));
    return write_aiworkload_status(&in, "", err);
}

/* ---- At the write itself -------------------------------------------------------------------- */

/*
 * A phase has no generation beside it, and people wait for it. So the write that
 * changes what is wanted takes back what was said of the former version; the
 * controller says anew how it stands.
 */
static int before_change(void *arg, const struct objects_review *review, struct err *err)
{
    const struct node *old = node_get(review->before, "spec");
    const struct node *now = node_get(review->after, "spec");
    const struct node *had = node_get(review->after, "status");
    struct node *status;

    (void)arg;
    (void)err;
    if (!old || !now || !*node_get_text(had, "phase") || node_same(old, now))
        return 0;
    status = node_copy(review->arena, had);
    node_set_text(review->arena, status, "phase", "Rendering");
    node_set_text(review->arena, status, "message", "");
    node_remove(status, "copies");
    node_set_int(review->arena, status, "readySpokes", 0);
    node_set(
        review->arena, status, "ready",
        node_format(review->arena, "0/%lld", (long long)node_get_int(status, "totalSpokes", 0)));
    node_set(review->arena, review->after, "status", status);
    return 0;
}

void aiworkload_rules(struct controllers *all)
{
    objects_rule(all->objects, all->kinds[KIND_ID_AIWORKLOAD], "", before_change, all);
}

/* ---- What wakes it ----------------------------------------------------------------------- */

static void map_namespace_to_aiworkloads(struct controllers *all, const struct controller *to,
                                         const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, KIND_ID_AIWORKLOAD, (after ? after : before)->namespace);
}

static void map_project_to_aiworkloads(struct controllers *all, const struct controller *to,
                                       const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, KIND_ID_AIWORKLOAD, (after ? after : before)->name);
}

static void map_any_to_aiworkloads(struct controllers *all, const struct controller *to,
                                   const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, KIND_ID_AIWORKLOAD, "");
}

/* A workload that goes, or takes another place, may leave a Dedicated pool to another;
   one that comes in the same second may be the first in order. */
static void map_sibling(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    static const char pool[] = "\"computePoolRef\"";
    const struct object *any = after ? after : before;
    bool pooled = (before && memmem(before->body, before->len, pool, strlen(pool))) ||
                  (after && memmem(after->body, after->len, pool, strlen(pool)));

    controllers_wake(all, to, any->namespace, any->name);
    if (pooled && !object_spec_is_same(all, before, after))
        controllers_wake_all(all, to, KIND_ID_AIWORKLOAD, any->namespace);
}

static bool begins_to_go(const struct object *before, const struct object *after)
{
    return before && after && before->deleting != after->deleting;
}

/* A place that comes, begins to go, goes or is another one; its status changes nothing here. */
static void map_place(struct controllers *all, const struct controller *to,
                      const struct object *before, const struct object *after)
{
    if (!object_spec_is_same(all, before, after) || begins_to_go(before, after))
        controllers_wake_all(all, to, KIND_ID_AIWORKLOAD, (after ? after : before)->namespace);
}

const struct controller controller_aiworkload = {
    .name = "aiworkload",
    .run = reconcile_aiworkload,
    .about = KIND_ID_AIWORKLOAD,
    .condition = RECONCILED,
    .pause = CONTROLLER_PAUSE,
    .sources = {{KIND_ID_AIWORKLOAD, map_sibling, WAKE_AFTER_PAUSE},
                {KIND_ID_DEPLOYMENT, map_owner_aiworkload, WAKE_AFTER_PAUSE},
                {KIND_ID_POOL, map_place},
                {KIND_ID_REVISION, map_place},
                {KIND_ID_BUNDLE, map_namespace_to_aiworkloads},
                {KIND_ID_ENVIRONMENT, map_place},
                {KIND_ID_VARIABLE_SET, map_any_to_aiworkloads},
                {KIND_ID_PROJECT, map_project_to_aiworkloads}},
    .source_count = 8,
};
