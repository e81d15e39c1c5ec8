/* SPDX-License-Identifier: Apache-2.0 */
/* Renders a WorkloadDeployment, sends it out, and says how it stands. */
#include "controllers/spokes.h"

#include "controllers/allowed.h"
#include "controllers/rendition.h"
#include "pki/pki.h"

#include <string.h>

struct deployment {
    struct pass *pass;
    struct seen seen;
    struct node *status;          /* to be written */
    const struct node *project, *environment;
    const char *tenant, *placement, *space; /* target namespace */
    struct rendition artifact;
    bool stop;                    /* the user must act first */
    bool denied;                  /* it may not be where it shall go */
};

/* ---- Conditions ------------------------------------------------------------- */

/* Sets a condition, and tells it as an Event when it is news. */
static void set(struct deployment *d, const char *type, const char *status,
                const char *reason, const char *message)
{
    const struct node *old = node_at(d->seen.node, "status", "conditions", NULL);
    const struct node *before = condition_find(old, type);
    struct condition condition = { type, status, reason, message };

    condition_set(d->pass->arena, d->status, old, &condition,
                  object_generation(d->seen.node), d->pass->now);
    /* What is merely under way is no news. */
    if (!strcmp(reason, "Progressing") ||
        (!strcmp(node_get_text(before, "status"), status) &&
         !strcmp(node_get_text(before, "reason"), reason)))
        return;
    pass_event(d->pass, &d->seen, strcmp(status, "True"), reason, "%s",
               *message ? message : type);
}

/* ---- Steps -------------------------------------------------------------------- */

/* What may not be there does not stay: it may hold what belongs to others. */
static int withdraw(struct deployment *d, const char *why, struct err *err)
{
    set(d, "Placed", "False", "NamespaceNotAllowed",
        arena_printf(d->pass->arena, "spec.targetNamespace of the Environment \"%s\": %s",
                     object_name(d->environment), why));
    set(d, "Distributed", "False", "NamespaceNotAllowed", "it is taken from every spoke");
    set(d, "Available", "False", "NamespaceNotAllowed", "it may not run there");
    d->stop = d->denied = true;
    d->placement = "";
    return pass_remove(d->pass, REPLICA_SET, d->pass->space, d->pass->name, err);
}

static int find_place(struct deployment *d, struct err *err)
{
    struct pass *pass = d->pass;
    const struct node *spec = node_get(d->seen.node, "spec");
    const char *name = node_get_text(node_get(spec, "environmentRef"), "name");
    const char *target, *why;

    d->project = pass_read(pass, PROJECT, "", pass->space);
    d->tenant = node_get_text(node_get(d->project, "spec"), "tenant");
    d->environment = pass_read(pass, ENVIRONMENT, pass->space, name);
    if (!d->environment) {
        set(d, "Placed", "False", "EnvironmentNotFound",
            arena_printf(pass->arena, "there is no Environment \"%s\"", name));
        d->stop = true;
        return 0;
    }
    d->placement = node_get_text(node_get(d->environment, "status"), "placement");
    target = node_get_text(node_get(d->environment, "spec"), "targetNamespace");
    d->space = *target ? target : pass->space;
    why = allowed_target_trouble(pass, pass->space, d->space);
    return why ? withdraw(d, why, err) : 0;
}

/* Renders if its inputs changed. A user's mistake leaves the last artifact. */
static int render(struct deployment *d, struct err *err)
{
    struct rendition_input input = {
        .deployment = d->seen.node, .tenant = d->tenant, .space = d->space,
        .cluster_kinds = node_at(d->project, "spec", "clusterScopedKinds", NULL),
    };
    struct err why = { 0 };
    const char *advice;

    if (rendition_make(d->pass, &input, &d->artifact, &why) < 0) {
        if (why.code != ERR_INVALID && why.code != ERR_TOO_LARGE &&
            why.code != ERR_NOT_FOUND) {
            *err = why;
            return -1;
        }
        if (d->artifact.failure)
            node_set(d->pass->arena, d->status, "renderFailure",
                     d->artifact.failure);
        set(d, "Rendered", "False", why.code == ERR_NOT_FOUND ?
            "ProfileNotFound" : "RenderFailed", why.text);
        d->stop = true;
        return 0;
    }
    node_remove(d->status, "renderFailure");
    if (d->artifact.cost)
        node_set_int(d->pass->arena, d->status, "renderCost",
                     (int64_t)d->artifact.cost);
    node_set(d->pass->arena, d->status, "artifact", d->artifact.facts);
    node_set_text(d->pass->arena, d->status, "inputs", d->artifact.inputs);
    advice = node_get_text(d->artifact.facts, "advice");
    set(d, "Rendered", "True", "Rendered",
        arena_printf(d->pass->arena, "artifact %s%s%s",
                     node_get_text(d->artifact.facts, "digest"), *advice ? "; " : "", advice));
    return 0;
}

static void judge_placement(struct deployment *d, const struct node *chosen)
{
    const struct node *placement = pass_read(d->pass, PLACEMENT, d->pass->space,
                                             d->placement);
    const struct node *list = node_at(placement, "status", "conditions", NULL);
    const struct node *satisfied = condition_find(list, "PlacementSatisfied");

    if (node_count(chosen))
        set(d, "Placed", "True", "Placed",
            arena_printf(d->pass->arena, "%zu %s chosen", node_count(chosen),
                         node_count(chosen) == 1 ? "spoke is" : "spokes are"));
    else
        set(d, "Placed", "False", satisfied ?
            node_get_text(satisfied, "reason") : "Placing", satisfied ?
            node_get_text(satisfied, "message") : "no spoke is chosen yet");
}

/* ---- The ReplicaSet --------------------------------------------------------------- */

static void add_labels(struct deployment *d, struct node *object)
{
    static const char *const labels[] = {
        "axle.dev/tenant", "axle.dev/project", "axle.dev/aiworkload",
        "axle.dev/workload-deployment",
    };

    for (size_t i = 0; i < count_of(labels); i++)
        object_set_label(d->pass->arena, object, labels[i],
                         object_label(d->seen.node, labels[i]));
}

static bool has_workload(struct deployment *d, const struct node *other, const char *name)
{
    return other && strcmp(object_uid(other), object_uid(d->seen.node)) != 0 &&
           !strcmp(node_get_text(node_get(other, "status"), "workload"), name);
}

/* Whether a deployment elsewhere has this name for its Workload: both may meet
   on a spoke, where they must not be taken for each other. */
static bool workload_is_taken(struct deployment *d, const char *name)
{
    struct pass *pass = d->pass;
    const struct node *all = pass_list(pass, DEPLOYMENT, NULL, "axle.dev/workload-deployment",
                                       name);
    const char *dot = strchr(name, '.');

    for (size_t i = 0; i < node_count(all); i++)
        if (has_workload(d, node_item(all, i), name))
            return true;
    /* Hubs of before 0.2 called a second one NAMESPACE.NAME. */
    return dot && has_workload(d, pass_read(pass, DEPLOYMENT,
                                            arena_bytes(pass->arena, name, (size_t)(dot - name)),
                                            dot + 1), name);
}

/*
 * The name of the Workload: ours, or where another deployment has it, ours and a
 * hash of namespace and name. That is longer than a deployment's name may be, so
 * no project can take it by calling something so.
 */
static const char *workload_name(struct deployment *d)
{
    struct pass *pass = d->pass;
    const char *kept = node_get_text(node_get(d->seen.node, "status"), "workload");
    char *whole = arena_printf(pass->arena, "%s/%s", pass->space, pass->name);
    size_t keep = strnlen(pass->name, 43);
    scoped_text struct text hex = { 0 };
    unsigned char sum[PKI_SHA256];

    if (*kept)
        return kept;
    if (!workload_is_taken(d, pass->name))
        return pass->name;
    pki_sha256(whole, strlen(whole), sum);
    text_add_hex(&hex, sum, sizeof sum);
    while (keep && strchr(".-", pass->name[keep - 1]))
        keep--;
    return arena_printf(pass->arena, "%.*s-%s", (int)keep, pass->name, text_string(&hex));
}

static struct node *make_namespace(struct deployment *d)
{
    struct node *space = pass_new(d->pass, NAMESPACE, "", d->space);

    /* One that is not the project's own may be of several. */
    if (strcmp(d->space, d->pass->space) != 0)
        return space;
    object_set_label(d->pass->arena, space, "axle.dev/tenant", d->tenant);
    object_set_label(d->pass->arena, space, "axle.dev/project", d->pass->space);
    return space;
}

static struct node *make_workload(struct deployment *d, const char *name)
{
    struct arena *arena = d->pass->arena;
    struct node *load = pass_new(d->pass, WORKLOAD, d->space, name);
    struct node *spec = node_make(arena, load, "spec"), *artifact;
    const struct node *facts = d->artifact.facts;

    add_labels(d, load);
    artifact = node_make(arena, spec, "artifact");
    node_set_text(arena, artifact, "reference",
                  node_get_text(facts, "reference"));
    node_set_text(arena, artifact, "digest", node_get_text(facts, "digest"));
    node_set_text(arena, artifact, "contentDigest",
                  node_get_text(facts, "contentDigest"));
    node_set_text(arena, spec, "targetNamespace", d->space);
    node_set_bool(arena, spec, "prune", true);
    if (node_count(node_get(facts, "secretRefs")))
        node_set(arena, spec, "secretRefs",
                 node_copy(arena, node_get(facts, "secretRefs")));
    return load;
}

/* The namespace stays on the spoke when the work goes: others may use it. */
static void orphan_namespace(struct deployment *d, struct node *template)
{
    struct arena *arena = d->pass->arena;
    struct node *option = node_make(arena, template, "deleteOption");
    struct node *rule = node_map(arena), *rules;

    node_set_text(arena, option, "propagationPolicy", "SelectivelyOrphan");
    rules = node_make_list(arena, node_make(arena, option, "selectivelyOrphans"),
                           "orphaningRules");
    node_set_text(arena, rule, "group", "");
    node_set_text(arena, rule, "resource", "namespaces");
    node_set_text(arena, rule, "name", d->space);
    node_add(arena, rules, rule);
}

static const char *delivery_of(const struct deployment *d)
{
    const char *delivery = node_get_text(node_get(d->environment, "spec"),
                                         "delivery");

    return *delivery ? delivery : "workload";
}

static int add_manifests(struct deployment *d, struct node *manifests,
                         struct err *err)
{
    const char *delivery = delivery_of(d);

    node_add(d->pass->arena, manifests, make_namespace(d));
    if (!strcmp(delivery, "workload")) {
        node_add(d->pass->arena, manifests,
                 make_workload(d, node_get_text(d->status, "workload")));
        return 0;
    }
    if (!strcmp(delivery, "manifests"))
        return rendition_manifests(d->pass, d->space, &d->artifact, manifests,
                                  err);
    return err_set(err, ERR_INVALID, "spec.delivery: \"%s\" is not built yet; "
                   "take workload or manifests", delivery);
}

static int make_replica_set(struct deployment *d, struct err *err)
{
    struct arena *arena = d->pass->arena;
    const struct node *strategy = node_at(d->environment, "spec", "topology",
                                          "properties", "manifestWorkReplicaSet",
                                          "rolloutStrategy", NULL);
    struct node *wanted = pass_new(d->pass, REPLICA_SET, d->pass->space,
                                   d->pass->name);
    struct node *spec = node_make(arena, wanted, "spec");
    struct node *template = node_make(arena, spec, "manifestWorkTemplate");
    struct node *ref = node_map(arena), *manifests;

    object_own(arena, wanted, d->seen.node);
    add_labels(d, wanted);
    object_set_annotation(arena, wanted, "axle.dev/workload",
                          node_get_text(d->status, "workload"));
    manifests = node_make_list(arena, node_make(arena, template, "workload"),
                               "manifests");
    if (add_manifests(d, manifests, err) < 0)
        return -1;
    orphan_namespace(d, template);
    node_set_text(arena, ref, "name", d->placement);
    if (strategy)
        node_set(arena, ref, "rolloutStrategy", node_copy(arena, strategy));
    node_add(arena, node_make_list(arena, spec, "placementRefs"), ref);
    return pass_ensure(d->pass, wanted, NULL, err);
}

/* A delivery that cannot be is the user's to change. */
static int distribute(struct deployment *d, struct err *err)
{
    struct err why = { 0 };

    if (!*d->placement)
        return 0;
    node_set_text(d->pass->arena, d->status, "workload", workload_name(d));
    if (!make_replica_set(d, &why))
        return 0;
    if (why.code != ERR_INVALID) {
        *err = why;
        return -1;
    }
    set(d, "Distributed", "False", "DeliveryFailed", why.text);
    d->stop = true;
    return 0;
}

/* ---- How it stands ------------------------------------------------------------------- */

static const char *phase_of(const struct deployment *d,
                            const struct spokes *spokes)
{
    if (d->stop)
        return "Failed";
    if (spokes->count[SPOKE_DEGRADED] || spokes->count[SPOKE_FAILED])
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

static void judge_spokes(struct deployment *d, const struct node *replica_set,
                         const struct spokes *spokes)
{
    struct arena *arena = d->pass->arena;
    const struct node *summary = node_at(replica_set, "status", "summary", NULL);
    int64_t wanted = node_get_int(summary, "desiredTotal", 0);
    int64_t updated = node_get_int(summary, "updated", 0);
    char *words = arena_printf(arena, "%lld of %lld spokes have it",
                               (long long)updated, (long long)wanted);
    char *ready = arena_printf(arena, "%zu of %zu spokes are ready%s%s",
                               spokes->ready, spokes->total,
                               *spokes->worst ? "; " : "", spokes->worst);

    if (wanted && updated == wanted)
        set(d, "Distributed", "True", "Distributed", words);
    else
        set(d, "Distributed", "False", "Progressing", words);
    if (spokes->total && spokes->ready == spokes->total)
        set(d, "Available", "True", "Available", ready);
    else if (spokes->count[SPOKE_UNKNOWN])
        set(d, "Available", "Unknown", "SpokeSilent", ready);
    else if (spokes->count[SPOKE_DEGRADED])
        set(d, "Available", "False", "Degraded", ready);
    else
        set(d, "Available", "False", "Progressing", ready);
}

static int report(struct deployment *d, struct err *err)
{
    struct arena *arena = d->pass->arena;
    struct node *chosen = *d->placement ?
        spokes_chosen(d->pass, d->pass->space, d->placement) : node_list(arena);
    const struct node *replica_set = pass_read(d->pass, REPLICA_SET,
                                               d->pass->space, d->pass->name);
    struct spokes spokes = { .rows = node_list(arena),
                             .endpoints = node_list(arena), .worst = "" };

    if (replica_set)
        spokes_gather(d->pass, replica_set, chosen, &spokes);
    if (d->environment && !d->denied)
        judge_placement(d, chosen);
    if (replica_set && !d->stop)
        judge_spokes(d, replica_set, &spokes);
    node_set(arena, d->status, "spokes", spokes.rows);
    node_set(arena, d->status, "endpoints", spokes.endpoints);
    node_set_int(arena, d->status, "readySpokes", (int64_t)spokes.ready);
    node_set_int(arena, d->status, "totalSpokes", (int64_t)spokes.total);
    node_set_text(arena, d->status, "phase", phase_of(d, &spokes));
    node_set_text(arena, d->status, "message", spokes.worst);
    node_set_int(arena, d->status, "observedGeneration",
                 object_generation(d->seen.node));
    return pass_status(d->pass, &d->seen, d->status, NULL, err);
}

/* ---- The controller --------------------------------------------------------------------- */

static int drain(struct pass *pass, const struct seen *seen, struct err *err)
{
    if (pass_remove(pass, REPLICA_SET, pass->space, pass->name, err) < 0)
        return -1;
    if (pass_read(pass, REPLICA_SET, pass->space, pass->name))
        return 0;
    rendition_drop(pass);
    return pass_finalizer(pass, seen, DRAIN, false, err);
}

static int run(struct pass *pass, struct err *err)
{
    struct deployment d = { .pass = pass, .placement = "", .tenant = "" };

    if (!pass_get(pass, DEPLOYMENT, pass->space, pass->name, &d.seen))
        return 0;
    if (object_deleting(d.seen.node))
        return drain(pass, &d.seen, err);
    if (pass_finalizer(pass, &d.seen, DRAIN, true, err) < 0)
        return -1;
    d.status = status_copy(pass->arena, d.seen.node);
    if (find_place(&d, err) < 0)
        return -1;
    if (!d.stop && render(&d, err) < 0)
        return -1;
    if (!d.stop && distribute(&d, err) < 0)
        return -1;
    return report(&d, err);
}

/* ---- What wakes it -------------------------------------------------------------------------- */

static void map_space(struct controllers *all, const struct controller *to,
                      const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, DEPLOYMENT, (after ? after : before)->space);
}

/* Namespaces that are listed, shared or taken back concern others too. */
static bool lists_other_targets(const struct object *before, const struct object *after)
{
    static const char *const fields[] = { "targetNamespaces", "sharedTargetNamespaces" };
    scoped_arena struct arena *arena = arena_new();
    const struct node *was = before ? object_read(arena, before) : NULL;
    const struct node *is = after ? object_read(arena, after) : NULL;

    for (size_t i = 0; i < count_of(fields); i++) {
        const struct node *old = node_at(was, "spec", fields[i], NULL);
        const struct node *now = node_at(is, "spec", fields[i], NULL);

        if (old && now ? !node_same(old, now) : old != now)
            return true;
    }
    return false;
}

static void map_project(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    bool all_of_them = lists_other_targets(before, after);

    controllers_wake_all(all, to, DEPLOYMENT, all_of_them ? "" : (after ? after : before)->name);
}

/* A definition of the whole cluster's, or a tenant's variables. */
static void map_everything(struct controllers *all, const struct controller *to,
                           const struct object *before,
                           const struct object *after)
{
    controllers_wake_all(all, to, DEPLOYMENT, "");
}

static void map_labels(struct controllers *all, const struct controller *to,
                       const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *node = object_read(arena, after ? after : before);

    controllers_wake(all, to, object_label(node, "axle.dev/project"),
                     object_label(node, "axle.dev/workload-deployment"));
}

/* A spoke fell silent or came back: only then do its deployments look. */
static void map_cluster(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    static const char available[] = "ManagedClusterConditionAvailable";
    scoped_arena struct arena *arena = arena_new();

    if (before && after &&
        !strcmp(condition_status(object_read(arena, before), available),
                condition_status(object_read(arena, after), available)))
        return;
    controllers_wake_all(all, to, DEPLOYMENT, "");
}

const struct controller controller_deployment = {
    .name = "deployment", .run = run,
    .sources = { { DEPLOYMENT, NULL }, { REPLICA_SET, map_owner_deployment },
                 { WORK, map_labels }, { WORKLOAD, map_labels },
                 { ENVIRONMENT, map_space }, { PLACEMENT, map_space },
                 { DECISION, map_space }, { COMPONENT, map_everything },
                 { TRAIT, map_everything }, { VARIABLE_SET, map_everything },
                 { PROJECT, map_project }, { CLUSTER, map_cluster },
                 { SECRET, map_space } },
    .source_count = 13,
};
