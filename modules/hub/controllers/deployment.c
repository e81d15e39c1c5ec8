/* SPDX-License-Identifier: Apache-2.0 */
/* Renders a WorkloadDeployment, sends it out, and says how it stands. */
#include "controllers/spokes.h"
#include "controllers/maps.h"
#include "controllers/table.h"
#include "controllers/parse.h"

#include "base/text.h"
#include "controllers/allowed.h"
#include "controllers/claim.h"
#include "controllers/failure.h"
#include "controllers/rendition.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "work/work.h"

#include <string.h>

struct deployment {
    struct reconcile_run *run;
    struct seen seen;
    struct node *status; /* to be written */
    const struct node *project, *environment;
    const char *tenant, *placement, *namespace; /* target namespace */
    struct rendition artifact;
    bool stop;     /* the user must act first */
    bool denied;   /* it may not be where it shall go */
    bool gone;     /* what says where it goes is not there */
    bool exceeded; /* more spokes failed than maxFailures allows */
    unsigned told; /* which of `conditions` this run has set */
    bool failing;  /* an object that it depends on fails … */
    bool act;      /* … until the user acts */
};

static const char *const conditions[] = {"Rendered", "Placed", "Distributed", "Available"};

/* ---- Conditions ------------------------------------------------------------- */

/* Reasons of what is merely under way, or follows from another condition. */
static bool is_eventless(const char *reason)
{
    static const char *const quiet[] = {"Progressing", "Placing", "FormerVersion", "Deleting",
                                        "NotJudged"};

    for (size_t i = 0; i < count_of(quiet); i++)
        if (!strcmp(reason, quiet[i]))
            return true;
    return false;
}

/* Sets a condition, and tells it as an Event when it is news. */
static void set_deployment_condition(struct deployment *d, const char *type, const char *status,
                                     const char *reason, const char *message)
{
    const struct node *old = meta_conditions(d->seen.node);
    const struct node *before = meta_condition_find(old, type);
    struct meta_condition condition = {type, status, reason, message};

    meta_condition_set(d->run->arena, d->status, old, &condition, meta_generation(d->seen.node),
                       d->run->now);
    for (size_t i = 0; i < count_of(conditions); i++)
        if (!strcmp(conditions[i], type))
            d->told |= 1u << i;
    if (is_eventless(reason) || (!strcmp(node_get_text(before, "status"), status) &&
                                 !strcmp(node_get_text(before, "reason"), reason)))
        return;
    reconcile_event(d->run, &d->seen, strcmp(status, "True"), reason, "%s",
                    *message ? message : type);
}

/* What no step of this run has said: nothing stays from an earlier run. */
static void set_rest(struct deployment *d, const char *status, const char *reason,
                     const char *message)
{
    for (size_t i = 0; i < count_of(conditions); i++)
        if (!(d->told & 1u << i))
            set_deployment_condition(d, conditions[i], status, reason, message);
}

static void set_once(struct deployment *d, const char *type, const char *status, const char *reason,
                     const char *message)
{
    for (size_t i = 0; i < count_of(conditions); i++)
        if (!strcmp(conditions[i], type) && !(d->told & 1u << i))
            set_deployment_condition(d, type, status, reason, message);
}

/* ---- Steps -------------------------------------------------------------------- */

/* What may not be there does not stay: it may hold what belongs to others. */
static int withdraw_works(struct deployment *d, const char *why, struct err *err)
{
    set_deployment_condition(d, "Placed", "False", "NamespaceNotAllowed",
                             arena_printf(d->run->arena,
                                          "spec.targetNamespace of the Environment \"%s\": %s",
                                          meta_name(d->environment), why));
    set_deployment_condition(d, "Distributed", "False", "NamespaceNotAllowed",
                             "it is being removed from every spoke");
    set_deployment_condition(d, "Available", "False", "NamespaceNotAllowed",
                             "it may not run there");
    d->stop = d->denied = true;
    d->placement = "";
    return reconcile_remove(d->run, KIND_ID_REPLICA_SET, d->run->namespace, d->run->name, err);
}

/* Nothing says where it belongs any more. Deleting that is not deleting what
   runs, so it stays where it is, as it is, until it is placed again. */
static int keep_in_place(struct deployment *d, const char *reason, const char *why)
{
    struct reconcile_run *run = d->run;
    size_t there = spokes_works(run, run->namespace, run->name).count;

    set_deployment_condition(
        d, "Placed", "False", reason,
        !there ? arena_printf(run->arena, "%s; create it", why)
               : arena_printf(run->arena,
                              "%s: what runs on %zu %s stays as it is; create it again, or "
                              "choose another place",
                              why, there, there == 1 ? "spoke" : "spokes"));
    d->stop = d->gone = true;
    return 0;
}

/* One of the user's own; the Environment makes its own again at once. */
static bool is_without_placement(const struct deployment *d)
{
    const char *type = node_get_text(node_at(d->environment, "spec", "topology", NULL), "type");

    return *d->placement && !strcmp(type, "topology-ocm-byop") &&
           !reconcile_read(d->run, KIND_ID_PLACEMENT, d->run->namespace, d->placement);
}

static int check_environment(struct deployment *d, struct err *err)
{
    struct reconcile_run *run = d->run;
    const struct node *spec = node_get(d->seen.node, "spec");
    const char *name = node_get_text(node_get(spec, "environmentRef"), "name");
    const char *target, *why;

    d->project = reconcile_read(run, KIND_ID_PROJECT, "", run->namespace);
    d->tenant = node_get_text(node_get(d->project, "spec"), "tenant");
    d->environment = reconcile_read(run, KIND_ID_ENVIRONMENT, run->namespace, name);
    if (!d->environment)
        return keep_in_place(d, "EnvironmentNotFound",
                             arena_printf(run->arena,
                                          "there is no Environment "
                                          "\"%s\"",
                                          name));
    d->placement = node_get_text(node_get(d->environment, "status"), "placement");
    if (is_without_placement(d))
        return keep_in_place(d, "PlacementNotFound",
                             arena_printf(run->arena,
                                          "the Environment \"%s\" "
                                          "uses the Placement \"%s\", which does not exist",
                                          name, d->placement));
    target = node_get_text(node_get(d->environment, "spec"), "targetNamespace");
    d->namespace = *target ? target : run->namespace;
    why = allowed_target_trouble(run, run->namespace, d->namespace);
    return why ? withdraw_works(d, why, err) : 0;
}

/* Renders if its inputs changed. A user's mistake leaves the last artifact. */
static int render_deployment(struct deployment *d, struct err *err)
{
    struct rendition_input input = {
        .deployment = d->seen.node,
        .tenant = d->tenant,
        .namespace = d->namespace,
        .cluster_kinds = node_at(d->project, "spec", "clusterScopedKinds", NULL),
    };
    struct err why = {0};
    const char *advice;

    if (rendition_make(d->run, &input, &d->artifact, &why) < 0) {
        if (failure_retry(why.code) != FAILURE_ON_CHANGE && why.code != ERR_NOT_FOUND) {
            *err = why;
            return -1;
        }
        if (d->artifact.failure)
            node_set(d->run->arena, d->status, "renderFailure", d->artifact.failure);
        set_deployment_condition(d, "Rendered", "False",
                                 why.code == ERR_NOT_FOUND ? "ProfileNotFound"
                                 : why.code == ERR_TAKEN   ? "NameTaken"
                                                           : "RenderFailed",
                                 why.text);
        d->stop = true;
        return 0;
    }
    node_remove(d->status, "renderFailure");
    if (d->artifact.cost)
        node_set_int(d->run->arena, d->status, "renderCost", (int64_t)d->artifact.cost);
    node_set(d->run->arena, d->status, "artifact", d->artifact.facts);
    node_set_text(d->run->arena, d->status, "inputs", d->artifact.inputs);
    advice = node_get_text(d->artifact.facts, "advice");
    set_deployment_condition(
        d, "Rendered", "True", "Rendered",
        arena_printf(d->run->arena, "artifact %s%s%s%s%s",
                     node_get_text(d->artifact.facts, "digest"), d->artifact.gone ? "; " : "",
                     d->artifact.gone ? d->artifact.gone : "", *advice ? "; " : "", advice));
    return 0;
}

static void set_render_failure(struct deployment *d, const struct failure *failure)
{
    d->failing |= failure->reason != NULL;
    d->act |= failure->on_change;
}

static void judge_placement(struct deployment *d, const struct node *chosen)
{
    const struct node *placement =
        reconcile_read(d->run, KIND_ID_PLACEMENT, d->run->namespace, d->placement);
    const struct node *list = meta_conditions(placement);
    const struct node *satisfied = meta_condition_find(list, "PlacementSatisfied");
    struct failure failure = failure_of(placement);

    set_render_failure(d, &failure);
    if (failure.reason)
        set_deployment_condition(
            d, "Placed", "False", failure.reason,
            arena_printf(d->run->arena, "the Placement \"%s\": %s", d->placement, failure.message));
    else if (node_count(chosen))
        set_deployment_condition(d, "Placed", "True", "Placed",
                                 arena_printf(d->run->arena, "%zu %s chosen", node_count(chosen),
                                              node_count(chosen) == 1 ? "spoke is" : "spokes are"));
    else if (!placement && *d->placement)
        set_deployment_condition(
            d, "Placed", "False", "PlacementNotFound",
            arena_printf(d->run->arena,
                         "there is no Placement \"%s\"; what runs stays where it "
                         "is",
                         d->placement));
    else
        set_deployment_condition(
            d, "Placed", "False", satisfied ? node_get_text(satisfied, "reason") : "Placing",
            satisfied ? node_get_text(satisfied, "message") : "no spoke is chosen yet");
}

/* ---- The ReplicaSet --------------------------------------------------------------- */

static void add_replica_set_labels(struct deployment *d, struct node *object)
{
    static const char *const labels[] = {
        META_LABEL_TENANT,
        META_LABEL_PROJECT,
        META_LABEL_AIWORKLOAD,
        META_LABEL_DEPLOYMENT,
    };

    for (size_t i = 0; i < count_of(labels); i++)
        meta_set_label(d->run->arena, object, labels[i], meta_label(d->seen.node, labels[i]));
}

static bool has_workload(struct deployment *d, const struct node *other, const char *name)
{
    return other && strcmp(meta_uid(other), meta_uid(d->seen.node)) != 0 &&
           !strcmp(node_get_text(node_get(other, "status"), "workload"), name);
}

/* Whether a deployment elsewhere has this name for its Workload: both may meet
   on a spoke, where they must not be taken for each other. */
static bool workload_is_taken(struct deployment *d, const char *name)
{
    struct reconcile_run *run = d->run;
    const struct node *all =
        reconcile_list(run, KIND_ID_DEPLOYMENT, NULL, META_LABEL_DEPLOYMENT, name);
    const char *dot = strchr(name, '.');

    for (size_t i = 0; i < node_count(all); i++)
        if (has_workload(d, node_item(all, i), name))
            return true;
    /* Hubs of before 0.2 called a second one NAMESPACE.NAME. */
    return dot && has_workload(d,
                               reconcile_read(run, KIND_ID_DEPLOYMENT,
                                              arena_bytes(run->arena, name, (size_t)(dot - name)),
                                              dot + 1),
                               name);
}

/*
 * The name of the Workload: ours, or where another deployment has it, ours and a
 * hash of namespace and name. That is longer than a deployment's name may be, so
 * no project can take it by calling something so.
 */
static const char *workload_name(struct deployment *d)
{
    struct reconcile_run *run = d->run;
    const char *kept = node_get_text(node_get(d->seen.node, "status"), "workload");
    char *whole = arena_printf(run->arena, "%s/%s", run->namespace, run->name);
    size_t keep = strnlen(run->name, 43);
    scoped_text struct text hex = {0};
    unsigned char sum[PKI_SHA256];

    if (*kept)
        return kept;
    if (!workload_is_taken(d, run->name))
        return run->name;
    pki_sha256(whole, strlen(whole), sum);
    text_add_hex(&hex, sum, sizeof sum);
    while (keep && strchr(".-", run->name[keep - 1]))
        keep--;
    return arena_printf(run->arena, "%.*s-%s", (int)keep, run->name, text_string(&hex));
}

static struct node *make_namespace(struct deployment *d)
{
    struct node *namespace = reconcile_new(d->run, KIND_ID_NAMESPACE, "", d->namespace);

    /* One that is not the project's own may be of several. */
    if (strcmp(d->namespace, d->run->namespace) != 0)
        return namespace;
    meta_set_label(d->run->arena, namespace, META_LABEL_TENANT, d->tenant);
    meta_set_label(d->run->arena, namespace, META_LABEL_PROJECT, d->run->namespace);
    return namespace;
}

static struct node *make_workload(struct deployment *d, const char *name)
{
    struct arena *arena = d->run->arena;
    struct node *load = reconcile_new(d->run, KIND_ID_WORKLOAD, d->namespace, name);
    struct node *spec = node_make(arena, load, "spec"), *artifact;
    const struct node *facts = d->artifact.facts;

    add_replica_set_labels(d, load);
    artifact = node_make(arena, spec, "artifact");
    node_set_text(arena, artifact, "reference", node_get_text(facts, "reference"));
    node_set_text(arena, artifact, "digest", node_get_text(facts, "digest"));
    node_set_text(arena, artifact, "contentDigest", node_get_text(facts, "contentDigest"));
    node_set_text(arena, spec, "targetNamespace", d->namespace);
    node_set_bool(arena, spec, "prune", true);
    if (node_count(node_get(facts, "secretRefs")))
        node_set(arena, spec, "secretRefs", node_copy(arena, node_get(facts, "secretRefs")));
    return load;
}

/* The namespace stays on the spoke when the work goes: others may use it. */
static void orphan_namespace(struct deployment *d, struct node *template)
{
    struct arena *arena = d->run->arena;
    struct node *option = node_make(arena, template, "deleteOption");
    struct node *rule = node_map(arena), *rules;

    node_set_text(arena, option, "propagationPolicy", "SelectivelyOrphan");
    rules = node_make_list(arena, node_make(arena, option, "selectivelyOrphans"), "orphaningRules");
    node_set_text(arena, rule, "group", "");
    node_set_text(arena, rule, "resource", "namespaces");
    node_set_text(arena, rule, "name", d->namespace);
    node_add(arena, rules, rule);
}

static const char *delivery_of(const struct deployment *d)
{
    const char *delivery = node_get_text(node_get(d->environment, "spec"), "delivery");

    return *delivery ? delivery : "workload";
}

static int add_manifests(struct deployment *d, struct node *manifests, struct err *err)
{
    const char *delivery = delivery_of(d);

    node_add(d->run->arena, manifests, make_namespace(d));
    if (!strcmp(delivery, "workload")) {
        node_add(d->run->arena, manifests, make_workload(d, node_get_text(d->status, "workload")));
        return 0;
    }
    if (!strcmp(delivery, "manifests"))
        return rendition_manifests(d->run, d->namespace, &d->artifact, manifests, err);
    return err_set(err, ERR_INVALID,
                   "spec.delivery: \"%s\" is not implemented yet; use workload or manifests",
                   delivery);
}

static int make_replica_set(struct deployment *d, struct err *err)
{
    struct arena *arena = d->run->arena;
    const struct node *strategy = node_at(d->environment, "spec", "topology", "properties",
                                          "manifestWorkReplicaSet", "rolloutStrategy", NULL);
    struct node *wanted =
        reconcile_new(d->run, KIND_ID_REPLICA_SET, d->run->namespace, d->run->name);
    struct node *spec = node_make(arena, wanted, "spec");
    struct node *template = node_make(arena, spec, "manifestWorkTemplate");
    struct node *ref = node_map(arena), *manifests;

    meta_add_controller(arena, wanted, d->seen.node);
    add_replica_set_labels(d, wanted);
    meta_set_annotation(arena, wanted, META_ANNOTATION_WORKLOAD,
                        node_get_text(d->status, "workload"));
    manifests = node_make_list(arena, node_make(arena, template, "workload"), "manifests");
    /* The limits of a work hold for what is rendered as for what is written by hand. */
    if (add_manifests(d, manifests, err) < 0 || work_check_manifests(manifests, err) < 0)
        return -1;
    orphan_namespace(d, template);
    node_set_text(arena, ref, "name", d->placement);
    if (strategy)
        node_set(arena, ref, "rolloutStrategy", node_copy(arena, strategy));
    node_add(arena, node_make_list(arena, spec, "placementRefs"), ref);
    return reconcile_ensure(d->run, wanted, NULL, err);
}

/* A delivery that cannot be is the user's to change. */
static int write_replica_set(struct deployment *d, struct err *err)
{
    struct err why = {0};

    if (!*d->placement)
        return 0;
    node_set_text(d->run->arena, d->status, "workload", workload_name(d));
    if (!make_replica_set(d, &why)) {
        node_set_int(d->run->arena, d->status, "distributedGeneration",
                     meta_generation(d->seen.node));
        return 0;
    }
    if (failure_retry(why.code) != FAILURE_ON_CHANGE) {
        *err = why;
        return -1;
    }
    set_deployment_condition(d, "Distributed", "False",
                             why.code == ERR_TAKEN ? "NameTaken" : "DeliveryFailed", why.text);
    d->stop = true;
    return 0;
}

/* ---- How it stands ------------------------------------------------------------------- */

static const char *choose_phase(const struct deployment *d, const struct spokes *spokes)
{
    if (meta_is_deleting(d->seen.node))
        return "Deleting";
    if (d->stop || d->exceeded || d->act)
        return "Failed";
    if (d->failing || spokes->count[SPOKE_DEGRADED] || spokes->count[SPOKE_FAILED])
        return "Degraded";
    if (!d->artifact.facts)
        return "Rendering";
    if (!spokes->total)
        return "Placing";
    if (spokes->count[SPOKE_DEPLOYING] || spokes->count[SPOKE_PENDING] ||
        spokes->count[SPOKE_DELETING])
        return "Deploying";
    if (spokes->count[SPOKE_UNKNOWN])
        return "Unknown";
    if (spokes->count[SPOKE_COMPLETED] == spokes->total)
        return "Completed";
    return "Running";
}

/* What the ReplicaSet says of its rollout as it is wanted now; NULL: nothing yet. */
static const struct node *rolled_out(const struct node *replica_set)
{
    const struct node *list = meta_conditions(replica_set);
    const struct node *found = meta_condition_find(list, "PlacementRolledOut");

    return node_get_int(found, "observedGeneration", 0) == meta_generation(replica_set) ? found
                                                                                        : NULL;
}

/* What it says after its numbers: who holds it up, until when. */
static const char *find_hindrance(const struct node *replica_set)
{
    const char *words = strchr(node_get_text(rolled_out(replica_set), "message"), ';');

    return words ? words : "";
}

static bool has_stopped(const struct node *replica_set)
{
    return !strcmp(node_get_text(rolled_out(replica_set), "reason"), "TooManyFailures");
}

/* Whether what was sent out last is of this generation. */
static bool is_sent(const struct deployment *d)
{
    return node_get_int(d->status, "distributedGeneration", 0) == meta_generation(d->seen.node);
}

/* The place is gone, or it never was rendered for it: what was rendered stays so. */
static void judge_rendered(struct deployment *d)
{
    const char *digest = node_get_text(node_get(d->status, "artifact"), "digest");

    if (*digest && is_sent(d))
        set_once(d, "Rendered", "True", "Rendered",
                 arena_printf(d->run->arena, "artifact %s", digest));
}

/* Nothing counts as ready of this generation while the spokes have the one before. */
static void judge_former_generation(struct deployment *d, struct spokes *spokes)
{
    char *words = arena_printf(d->run->arena,
                               "what was there before stays as it was; %zu of "
                               "%zu spokes run it",
                               spokes->ready, spokes->total);

    spokes_hold_back(d->run->arena, spokes);
    set_once(d, "Distributed", "False", "FormerVersion", words);
    set_once(d, "Available", "False", "FormerVersion", words);
}

/* Where a step does not succeed, its words; else those of the worst spoke. */
static const char *choose_message(const struct deployment *d, const struct spokes *spokes)
{
    static const char *const steps[] = {"Rendered", "Placed", "Distributed"};
    const struct node *list = node_get(d->status, "conditions");

    for (size_t i = 0; i < count_of(steps) && (d->stop || d->failing); i++) {
        const struct node *step = meta_condition_find(list, steps[i]);

        if (!strcmp(node_get_text(step, "status"), "False"))
            return node_get_text(step, "message");
    }
    return spokes->worst;
}

static void judge_spokes(struct deployment *d, const struct node *replica_set,
                         const struct spokes *spokes)
{
    struct arena *arena = d->run->arena;
    const struct node *rolled = rolled_out(replica_set);
    char *words = arena_printf(arena, "%zu of %zu spokes have it%s", spokes->updated,
                               spokes->chosen, find_hindrance(replica_set));
    char *ready = arena_printf(arena, "%zu of %zu spokes are ready%s%s", spokes->ready,
                               spokes->total, *spokes->worst ? "; " : "", spokes->worst);
    /* With its place gone nothing is chosen, and what runs is what there is. */
    bool all = d->gone ? spokes->total && spokes->ready == spokes->total
                       : spokes->chosen && spokes->chosen_ready == spokes->chosen;

    struct failure failure = failure_of(replica_set);

    set_render_failure(d, &failure);
    d->exceeded = has_stopped(replica_set);
    if (failure.reason)
        set_once(d, "Distributed", "False", failure.reason,
                 arena_printf(arena, "the ManifestWorkReplicaSet \"%s\": %s", d->run->name,
                              failure.message));
    else if (d->exceeded)
        set_once(d, "Distributed", "False", "TooManyFailures", words);
    else if (!strcmp(node_get_text(rolled, "reason"), "NameTaken"))
        set_once(d, "Distributed", "False", "NameTaken", node_get_text(rolled, "message"));
    else if (spokes->chosen && spokes->updated == spokes->chosen)
        set_once(d, "Distributed", "True", "Distributed", words);
    else
        set_once(d, "Distributed", "False", "Progressing", words);
    if (all)
        set_once(d, "Available", "True", "Available", ready);
    else if (spokes->count[SPOKE_UNKNOWN])
        set_once(d, "Available", "Unknown", "SpokeSilent", ready);
    else if (spokes->count[SPOKE_DEGRADED])
        set_once(d, "Available", "False", "Degraded", ready);
    else
        set_once(d, "Available", "False", "Progressing", ready);
}

static void judge_available(struct deployment *d, const struct node *replica_set,
                            const struct node *chosen, struct spokes *spokes)
{
    if (meta_is_deleting(d->seen.node)) {
        set_deployment_condition(d, "Distributed", "False", "Deleting",
                                 "it is being removed from every spoke");
        set_deployment_condition(d, "Available", "False", "Deleting", "it is being removed");
    } else if (!d->gone && !d->denied) {
        judge_placement(d, chosen);
    }
    judge_rendered(d);
    if (replica_set && !is_sent(d))
        judge_former_generation(d, spokes);
    else if (replica_set)
        judge_spokes(d, replica_set, spokes);
    set_once(d, "Distributed", "False", "Progressing", "no spoke has it yet");
    set_once(d, "Available", "False", "Progressing", "no spoke has it yet");
    set_rest(d, "Unknown", "NotJudged", "another step must succeed first");
}

static void write_counts(struct deployment *d, const struct spokes *spokes)
{
    struct arena *arena = d->run->arena;

    node_set(arena, d->status, "spokes", spokes->rows);
    node_set(arena, d->status, "endpoints", spokes->endpoints);
    node_set_int(arena, d->status, "readySpokes", (int64_t)spokes->ready);
    node_set_int(arena, d->status, "totalSpokes", (int64_t)spokes->total);
    node_set_int(arena, d->status, "readyCopies", spokes->copies_ready);
    node_set_int(arena, d->status, "copies", spokes->copies);
    node_set_text(arena, d->status, "message", choose_message(d, spokes));
}

static int write_deployment_status(struct deployment *d, struct err *err)
{
    struct arena *arena = d->run->arena;
    struct node *chosen = *d->placement && !d->gone
                              ? spokes_chosen(d->run, d->run->namespace, d->placement)
                              : node_list(arena);
    const struct node *replica_set =
        reconcile_read_own(d->run, KIND_ID_REPLICA_SET, d->run->namespace, d->run->name);
    struct spokes spokes = {.rows = node_list(arena), .endpoints = node_list(arena), .worst = ""};

    if (replica_set)
        spokes_gather(d->run, replica_set, chosen, &spokes);
    judge_available(d, replica_set, chosen, &spokes);
    write_counts(d, &spokes);
    node_set_text(arena, d->status, "phase", choose_phase(d, &spokes));
    node_set_int(arena, d->status, "observedGeneration", meta_generation(d->seen.node));
    return reconcile_status(d->run, &d->seen, d->status, NULL, err);
}

/* ---- The controller --------------------------------------------------------------------- */

/* Until the last spoke has let go of it, its status says who has it. */
static int drain_deployment(struct deployment *d, struct err *err)
{
    struct reconcile_run *run = d->run;

    if (reconcile_remove(run, KIND_ID_REPLICA_SET, run->namespace, run->name, err) < 0)
        return -1;
    if (reconcile_read_own(run, KIND_ID_REPLICA_SET, run->namespace, run->name))
        return write_deployment_status(d, err);
    rendition_drop(run, d->seen.node);
    return reconcile_finalizer(run, &d->seen, META_FINALIZER_DRAIN, false, err);
}

static int reconcile_deployment(struct reconcile_run *run, struct err *err)
{
    struct deployment d = {.run = run, .placement = "", .tenant = ""};

    if (!reconcile_get(run, KIND_ID_DEPLOYMENT, run->namespace, run->name, &d.seen))
        return 0;
    d.status = meta_copy_status(run->arena, d.seen.node);
    if (meta_is_deleting(d.seen.node))
        return drain_deployment(&d, err);
    if (reconcile_finalizer(run, &d.seen, META_FINALIZER_DRAIN, true, err) < 0)
        return -1;
    if (check_environment(&d, err) < 0)
        return -1;
    if (!d.stop && render_deployment(&d, err) < 0)
        return -1;
    if (!d.stop && write_replica_set(&d, err) < 0)
        return -1;
    return write_deployment_status(&d, err);
}

/* ---- What wakes it -------------------------------------------------------------------------- */

static void map_namespace_to_deployments(struct controllers *all, const struct controller *to,
                                         const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, KIND_ID_DEPLOYMENT, (after ? after : before)->namespace);
}

static void map_project_to_deployments(struct controllers *all, const struct controller *to,
                                       const struct object *before, const struct object *after)
{
    controllers_wake_all(
        all, to, KIND_ID_DEPLOYMENT,
        project_concerns_others(all, before, after) ? "" : (after ? after : before)->name);
}

/* A definition of the whole cluster's, or a tenant's variables. */
static void map_any_to_deployments(struct controllers *all, const struct controller *to,
                                   const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, KIND_ID_DEPLOYMENT, "");
}

/* One that comes may be what a deployment waits for; one that goes, its content. */
static void map_revision_to_deployments(struct controllers *all, const struct controller *to,
                                        const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;

    /* A tenant's definitions are its projects' to use. */
    if (!before || !after)
        controllers_wake_all(all, to, KIND_ID_DEPLOYMENT,
                             text_starts(any->namespace, "tenant-") ? "" : any->namespace);
}

static void map_labels(struct controllers *all, const struct controller *to,
                       const struct object *before, const struct object *after)
{
    const struct node *node = controllers_read(all, after ? after : before);

    controllers_wake(all, to, meta_label(node, META_LABEL_PROJECT),
                     meta_label(node, META_LABEL_DEPLOYMENT));
}

/* A spoke fell silent or came back: only then do its deployments look. */
static void map_cluster_to_deployments(struct controllers *all, const struct controller *to,
                                       const struct object *before, const struct object *after)
{
    static const char available[] = META_CONDITION_CLUSTER_AVAILABLE;

    if (before && after &&
        !strcmp(meta_condition_status(controllers_read(all, before), available),
                meta_condition_status(controllers_read(all, after), available)))
        return;
    controllers_wake_all(all, to, KIND_ID_DEPLOYMENT, "");
}

const struct controller controller_deployment = {
    .name = "deployment",
    .run = reconcile_deployment,
    .about = KIND_ID_DEPLOYMENT,
    .condition = RECONCILED,
    .pause = CONTROLLER_PAUSE,
    .sources = {{KIND_ID_DEPLOYMENT, NULL, WAKE_AFTER_PAUSE},
                {KIND_ID_REPLICA_SET, map_owner_deployment, WAKE_AFTER_PAUSE},
                {KIND_ID_WORK, map_work_to_owner, WAKE_AFTER_PAUSE},
                {KIND_ID_WORKLOAD, map_labels, WAKE_AFTER_PAUSE},
                {KIND_ID_ENVIRONMENT, map_namespace_to_deployments},
                {KIND_ID_PLACEMENT, map_namespace_to_deployments},
                {KIND_ID_DECISION, map_namespace_to_deployments},
                {KIND_ID_COMPONENT, map_any_to_deployments},
                {KIND_ID_TRAIT, map_any_to_deployments},
                {KIND_ID_VARIABLE_SET, map_any_to_deployments},
                {KIND_ID_PROJECT, map_project_to_deployments},
                {KIND_ID_CLUSTER, map_cluster_to_deployments, WAKE_AFTER_PAUSE},
                {KIND_ID_SECRET, map_namespace_to_deployments},
                {KIND_ID_REVISION, map_revision_to_deployments}},
    .source_count = 14,
};
