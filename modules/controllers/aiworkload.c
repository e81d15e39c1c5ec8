/* SPDX-License-Identifier: Apache-2.0 */
/* Resolves an AIWorkload into one deployment per profile, and sums them up. */
#include "controllers/controller.h"

#include "controllers/failure.h"
#include "controllers/revision.h"
#include "render/render.h"

#include <string.h>

#define NAME_MOST 52

struct intent {
    struct pass *pass;
    struct seen seen;
    const char *bundle, *bundle_revision, *environment, *tenant;
    struct node *snapshot; /* of the bundle */
    struct node *wanted;   /* names of deployments */
    struct node *status;
};

/* What the user must change. `err` carries it up to one place. */
static int refuse(struct err *err, const char *reason, const char *words)
{
    return err_set(err, ERR_INVALID, "%s|%s", reason, words);
}

/* ---- Resolving -------------------------------------------------------------------- */

static int find_bundle(struct intent *in, struct err *err)
{
    struct pass *pass = in->pass;
    const struct node *ref = node_at(in->seen.node, "spec", "profileBundleRef",
                                     NULL);
    const struct node *bundle;

    in->bundle = node_get_text(ref, "name");
    in->bundle_revision = node_get_text(ref, "revision");
    bundle = pass_read(pass, BUNDLE, pass->space, in->bundle);
    if (!bundle)
        return refuse(err, "BundleNotFound", arena_printf(pass->arena,
                      "spec.profileBundleRef.name: there is no ProfileBundle "
                      "\"%s\" in this namespace; create it", in->bundle));
    if (!*in->bundle_revision)
        in->bundle_revision = revision_latest(bundle);
    if (!*in->bundle_revision) {
        const char *why = node_get_text(node_get(bundle, "status"), "message");

        return refuse(err, "BundleNotReady", *why ? why :
                      "the bundle has no revision yet");
    }
    in->snapshot = revision_snapshot(pass, BUNDLE, pass->space, in->bundle,
                                     in->bundle_revision);
    if (!in->snapshot)
        return refuse(err, "RevisionNotFound", arena_printf(pass->arena,
                      "spec.profileBundleRef.revision: there is no %s of \"%s\"",
                      in->bundle_revision, in->bundle));
    return 0;
}

static bool is_older(const struct node *a, const struct node *b)
{
    int order = strcmp(node_get_text(node_get(a, "metadata"), "creationTimestamp"),
                       node_get_text(node_get(b, "metadata"), "creationTimestamp"));

    return order ? order < 0 : strcmp(object_uid(a), object_uid(b)) < 0;
}

/* A Dedicated pool is its first workload's alone. */
static int check_pool(struct intent *in, const char *pool, struct err *err)
{
    struct pass *pass = in->pass;
    const struct node *there = pass_read(pass, POOL, pass->space, pool), *all;

    if (strcmp(node_get_text(node_get(there, "spec"), "variant"), "Dedicated"))
        return 0;
    all = pass_list(pass, AIWORKLOAD, pass->space, NULL, pool);
    for (size_t i = 0; i < node_count(all); i++) {
        const struct node *one = node_item(all, i);

        if (!strcmp(node_get_text(node_at(one, "spec", "computePoolRef", NULL),
                                  "name"), pool) &&
            strcmp(object_name(one), pass->name) && is_older(one, in->seen.node))
            return refuse(err, "PoolTaken", arena_printf(pass->arena,
                          "spec.computePoolRef.name: the pool \"%s\" is "
                          "Dedicated and runs \"%s\"; take another one", pool,
                          object_name(one)));
    }
    return 0;
}

static int find_environment(struct intent *in, struct err *err)
{
    struct pass *pass = in->pass;
    const struct node *spec = node_get(in->seen.node, "spec");
    const char *pool = node_get_text(node_get(spec, "computePoolRef"), "name");
    const char *own = node_get_text(node_get(spec, "environmentRef"), "name");

    if (*pool && *own)
        return refuse(err, "TwoPlaces", "give computePoolRef or environmentRef, "
                      "not both");
    if (!*pool && !*own)
        return refuse(err, "NoPlace", "give computePoolRef or environmentRef: "
                      "where shall it run?");
    in->environment = *pool ? pool : own;
    if (pass_read(pass, ENVIRONMENT, pass->space, in->environment))
        return *pool ? check_pool(in, pool, err) : 0;
    return refuse(err, *pool ? "PoolNotFound" : "EnvironmentNotFound",
                  arena_printf(pass->arena, "spec.%s.name: there is no %s \"%s\" "
                               "in this namespace", *pool ? "computePoolRef" :
                               "environmentRef", *pool ? "ComputePool" :
                               "Environment", in->environment));
}

/* Every value that the user gave must be known to one of the profiles. */
static int check_variables(struct intent *in, struct err *err)
{
    struct pass *pass = in->pass;
    const struct node *values = node_at(in->seen.node, "spec", "variables", NULL);
    const struct node *refs = node_get(in->snapshot, "workloadProfileRefs");
    struct node *all = node_list(pass->arena);
    const char *unknown;

    for (size_t i = 0; i < node_count(refs); i++) {
        const struct node *ref = node_item(refs, i);
        const char *name = node_get_text(ref, "name");
        const struct node *profile, *declared;
        struct err why = { 0 };

        profile = revision_snapshot(pass, PROFILE, pass->space, name,
                                    node_get_text(ref, "revision"));
        if (!profile)
            return refuse(err, "ProfileNotFound", arena_printf(pass->arena,
                          "there is no revision %s of the WorkloadProfile "
                          "\"%s\"", node_get_text(ref, "revision"), name));
        declared = revision_variables(pass, pass->space, in->tenant, profile,
                                      in->snapshot);
        if (!render_variables(pass->arena, declared, values, &why))
            return refuse(err, "VariableInvalid", arena_string(pass->arena,
                                                               why.text));
        for (size_t k = 0; k < node_count(declared); k++)
            node_add(pass->arena, all, node_item(declared, k));
    }
    unknown = render_variables_unknown(all, values);
    if (unknown)
        return refuse(err, "VariableUnknown", arena_printf(pass->arena,
                      "spec.variables.%s: no profile of \"%s\" has this "
                      "variable", unknown, in->bundle));
    return 0;
}

static int resolve(struct intent *in, struct err *err)
{
    const struct node *project = pass_read(in->pass, PROJECT, "",
                                           in->pass->space);

    in->tenant = node_get_text(node_get(project, "spec"), "tenant");
    if (!project)
        return refuse(err, "NotAProject", "this namespace is no project's; "
                      "create a Project of its name, or use one");
    if (find_bundle(in, err) < 0 || find_environment(in, err) < 0)
        return -1;
    return check_variables(in, err);
}

/* ---- Deployments -------------------------------------------------------------------- */

static struct node *make_deployment(struct intent *in, const struct node *ref,
                                    const char *name)
{
    struct pass *pass = in->pass;
    struct arena *arena = pass->arena;
    const struct node *values = node_at(in->seen.node, "spec", "variables", NULL);
    struct node *wanted = pass_new(pass, DEPLOYMENT, pass->space, name);
    struct node *spec = node_make(arena, wanted, "spec"), *part;

    object_own(arena, wanted, in->seen.node);
    object_set_label(arena, wanted, "axle.dev/tenant", in->tenant);
    object_set_label(arena, wanted, "axle.dev/project", pass->space);
    object_set_label(arena, wanted, "axle.dev/aiworkload",
                     render_label(arena, pass->name));
    object_set_label(arena, wanted, "axle.dev/workload-deployment", name);
    object_set_label(arena, wanted, "axle.dev/revision",
                     node_get_text(ref, "revision"));
    node_set_text(arena, spec, "aiWorkload", pass->name);
    part = node_make(arena, spec, "workloadProfileRef");
    node_set_text(arena, part, "name", node_get_text(ref, "name"));
    node_set_text(arena, part, "revision", node_get_text(ref, "revision"));
    part = node_make(arena, spec, "profileBundleRef");
    node_set_text(arena, part, "name", in->bundle);
    node_set_text(arena, part, "revision", in->bundle_revision);
    node_set_text(arena, node_make(arena, spec, "environmentRef"), "name",
                  in->environment);
    node_set(arena, spec, "variables", values ? node_copy(arena, values)
                                              : node_map(arena));
    return wanted;
}

static bool list_has(const struct node *list, const char *name)
{
    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_text(node_item(list, i)), name))
            return true;
    return false;
}

static struct node *deployments_of(struct pass *pass)
{
    return pass_list(pass, DEPLOYMENT, pass->space, "axle.dev/aiworkload",
                     render_label(pass->arena, pass->name));
}

static int deploy(struct intent *in, struct err *err)
{
    struct pass *pass = in->pass;
    const struct node *refs = node_get(in->snapshot, "workloadProfileRefs");
    const struct node *old;

    for (size_t i = 0; i < node_count(refs); i++) {
        const struct node *ref = node_item(refs, i);
        char *name = render_name(pass->arena, pass->name,
                                 node_get_text(ref, "name"), NAME_MOST);
        bool changed = false;

        node_add(pass->arena, in->wanted, node_string(pass->arena, name));
        if (pass_ensure(pass, make_deployment(in, ref, name), &changed, err) < 0)
            return -1;
        if (changed)
            pass_event(pass, &in->seen, false, "DeploymentWritten",
                       "deployment %s of %s %s", name, node_get_text(ref, "name"),
                       node_get_text(ref, "revision"));
    }
    old = deployments_of(pass);
    for (size_t i = 0; i < node_count(old); i++) {
        const char *name = object_name(node_item(old, i));

        if (!list_has(in->wanted, name) &&
            pass_remove(pass, DEPLOYMENT, pass->space, name, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- Status --------------------------------------------------------------------------- */

static void set(struct intent *in, const char *type, const char *status,
                const char *reason, const char *message)
{
    const struct node *old = node_at(in->seen.node, "status", "conditions", NULL);
    const struct node *before = condition_find(old, type);
    struct condition condition = { type, status, reason, message };

    condition_set(in->pass->arena, in->status, old, &condition,
                  object_generation(in->seen.node), in->pass->now);
    /* What is merely under way is no news. */
    if (!strcmp(reason, "Progressing") || !strcmp(reason, "Placing") ||
        (!strcmp(node_get_text(before, "status"), status) &&
         !strcmp(node_get_text(before, "reason"), reason)))
        return;
    pass_event(in->pass, &in->seen, strcmp(status, "True"), reason, "%s",
               *message ? message : type);
}

/* A condition of all deployments: the first that is not True decides. */
static void sum_condition(struct intent *in, const struct node *deployments,
                          const char *type)
{
    const struct node *decisive = NULL, *good = NULL;

    for (size_t i = 0; i < node_count(deployments); i++) {
        const struct node *one = node_item(deployments, i);
        const struct node *list = node_at(one, "status", "conditions", NULL);
        const struct node *found = condition_find(list, type);
        bool now = node_get_int(found, "observedGeneration", 0) ==
                   object_generation(one);

        if (!found || !now) {
            struct failure failure = failure_of(one);

            set(in, type, "Unknown", failure.reason ? failure.reason : "Progressing",
                failure.reason ? failure.message : "not known yet");
            return;
        }
        if (strcmp(node_get_text(found, "status"), "True") && !decisive)
            decisive = found;
        good = found;
    }
    if (!decisive)
        decisive = good;
    if (decisive)
        set(in, type, node_get_text(decisive, "status"),
            node_get_text(decisive, "reason"),
            node_get_text(decisive, "message"));
}

/* Phases by how much they matter; the first that a deployment has holds. */
static const char *const phases[] = { "Failed", "Degraded", "Rendering",
                                      "Placing", "Deploying", "Unknown" };

/* How a deployment stood before its spec changed says nothing of what it says now. */
static const char *phase_of_deployment(const struct node *deployment)
{
    const struct node *status = node_get(deployment, "status");
    const char *phase = node_get_text(status, "phase");

    if (node_get_int(status, "observedGeneration", 0) != object_generation(deployment) &&
        (!strcmp(phase, "Running") || !strcmp(phase, "Completed")))
        return "Rendering";
    return phase;
}

static const char *sum_phase(const struct node *deployments)
{
    size_t completed = 0, running = 0, count = node_count(deployments);

    for (size_t p = 0; p < count_of(phases); p++)
        for (size_t i = 0; i < count; i++)
            if (!strcmp(phase_of_deployment(node_item(deployments, i)), phases[p]))
                return phases[p];
    for (size_t i = 0; i < count; i++) {
        const char *phase = phase_of_deployment(node_item(deployments, i));

        completed += !strcmp(phase, "Completed");
        running += !strcmp(phase, "Running");
    }
    if (count && completed == count)
        return "Completed";
    return count && completed + running == count ? "Running" : "Pending";
}

static size_t spoke_rank(const struct node *row)
{
    static const char *const order[] = { "Failed", "Degraded", "Unknown",
        "Deploying", "Pending", "Deleting", "Running", "Completed" };
    size_t i = 0;

    while (i < count_of(order) && strcmp(node_get_text(row, "phase"), order[i]))
        i++;
    return i;
}

/* One row per spoke: where two deployments differ, the worse one. */
static void sum_spokes(struct intent *in, const struct node *deployments)
{
    struct arena *arena = in->pass->arena;
    struct node *rows = node_list(arena), *endpoints = node_list(arena);
    struct node *by_name = node_map(arena);
    int64_t ready = 0, total = 0;
    const char *message = "";

    for (size_t i = 0; i < node_count(deployments); i++) {
        const struct node *status = node_get(node_item(deployments, i), "status");
        const struct node *list = node_get(status, "spokes");
        const struct node *more = node_get(status, "endpoints");

        for (size_t k = 0; k < node_count(list); k++) {
            struct node *row = node_item(list, k);
            struct node *old = node_get(by_name, node_get_text(row, "name"));

            if (!old || spoke_rank(row) < spoke_rank(old))
                node_set(arena, by_name, node_get_text(row, "name"), row);
        }
        for (size_t k = 0; k < node_count(more); k++)
            node_add(arena, endpoints, node_item(more, k));
        if (!*message)
            message = node_get_text(status, "message");
        if (i == 0 || node_get_int(status, "readySpokes", 0) < ready)
            ready = node_get_int(status, "readySpokes", 0);
        if (node_get_int(status, "totalSpokes", 0) > total)
            total = node_get_int(status, "totalSpokes", 0);
    }
    for (size_t rank = 0; rank < 9; rank++)
        node_each(member, by_name)
            if (spoke_rank(member->value) == rank)
                node_add(arena, rows, node_copy(arena, member->value));
    node_set(arena, in->status, "spokes", rows);
    node_set(arena, in->status, "endpoints", node_copy(arena, endpoints));
    node_set_int(arena, in->status, "readySpokes", ready);
    node_set_int(arena, in->status, "totalSpokes", total);
    node_set(arena, in->status, "ready", node_format(arena, "%lld/%lld",
             (long long)ready, (long long)total));
    node_set_text(arena, in->status, "message", message);
}

/* Where no spoke has anything to say, the step that did not succeed has. */
static void say_why(struct intent *in)
{
    const struct node *list = node_get(in->status, "conditions");

    if (*node_get_text(in->status, "message"))
        return;
    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *one = node_item(list, i);

        if (strcmp(node_get_text(one, "status"), "False"))
            continue;
        node_set_text(in->pass->arena, in->status, "message",
                      node_get_text(one, "message"));
        return;
    }
}

/* A spoke that is away keeps what was deleted, and with it the object, until it is back. */
static void say_who_still_has_it(struct intent *in)
{
    const struct node *rows = node_get(in->status, "spokes");
    scoped_text struct text names = { 0 };
    size_t count = node_count(rows), told = count < 3 ? count : 3;

    for (size_t i = 0; i < told; i++)
        text_addf(&names, "%s%s", i ? ", " : "", node_get_text(node_item(rows, i), "name"));
    if (count)
        node_set(in->pass->arena, in->status, "message", node_format(in->pass->arena,
                 "waiting for %zu %s to remove it: %s%s; one that is gone for good is taken away by "
                 "an administrator (kubectl delete managedcluster NAME)", count,
                 count == 1 ? "spoke" : "spokes", text_string(&names), told < count ? ", …" : ""));
}

static int report(struct intent *in, const char *phase, struct err *err)
{
    const struct node *deployments = deployments_of(in->pass);
    static const char *const types[] = { "Rendered", "Placed", "Distributed",
                                         "Available" };

    for (size_t i = 0; i < count_of(types) && !phase; i++)
        sum_condition(in, deployments, types[i]);
    sum_spokes(in, deployments);
    if (phase) {
        const struct node *resolved = condition_find(node_get(in->status,
                                      "conditions"), "Resolved");

        if (!strcmp(phase, "Failed"))
            node_set_text(in->pass->arena, in->status, "message",
                          node_get_text(resolved, "message"));
        else if (!strcmp(phase, "Deleting"))
            say_who_still_has_it(in);
    } else {
        phase = sum_phase(deployments);
        if (strcmp(phase, "Running") && strcmp(phase, "Completed"))
            say_why(in);
    }
    node_set_text(in->pass->arena, in->status, "phase", phase);
    node_set_int(in->pass->arena, in->status, "observedGeneration",
                 object_generation(in->seen.node));
    return pass_status(in->pass, &in->seen, in->status, NULL, err);
}

/* ---- The controller -------------------------------------------------------------------- */

static int drain(struct intent *in, struct err *err)
{
    const struct node *all = deployments_of(in->pass);

    for (size_t i = 0; i < node_count(all); i++)
        if (pass_remove(in->pass, DEPLOYMENT, in->pass->space,
                        object_name(node_item(all, i)), err) < 0)
            return -1;
    if (!node_count(deployments_of(in->pass)))
        return pass_finalizer(in->pass, &in->seen, DRAIN, false, err);
    return report(in, "Deleting", err);
}

static int run(struct pass *pass, struct err *err)
{
    struct intent in = { .pass = pass, .tenant = "",
                         .wanted = node_list(pass->arena) };
    struct err why = { 0 };
    char *words;

    if (!pass_get(pass, AIWORKLOAD, pass->space, pass->name, &in.seen))
        return 0;
    in.status = status_copy(pass->arena, in.seen.node);
    if (object_deleting(in.seen.node))
        return drain(&in, err);
    if (pass_finalizer(pass, &in.seen, DRAIN, true, err) < 0)
        return -1;
    if (resolve(&in, &why) < 0) {
        words = strchr(why.text, '|');
        if (!words) {
            *err = why;
            return -1;
        }
        *words++ = '\0';
        set(&in, "Resolved", "False", why.text, words);
        return report(&in, "Failed", err);
    }
    if (deploy(&in, err) < 0)
        return -1;
    set(&in, "Resolved", "True", "Resolved",
        arena_printf(pass->arena, "%s %s in %s", in.bundle, in.bundle_revision,
                     in.environment));
    return report(&in, NULL, err);
}

/* ---- What wakes it ----------------------------------------------------------------------- */

static void map_space(struct controllers *all, const struct controller *to,
                      const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, AIWORKLOAD, (after ? after : before)->space);
}

static void map_project(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, AIWORKLOAD, (after ? after : before)->name);
}

static void map_everything(struct controllers *all, const struct controller *to,
                           const struct object *before,
                           const struct object *after)
{
    controllers_wake_all(all, to, AIWORKLOAD, "");
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

    controllers_wake(all, to, any->space, any->name);
    if (pooled && !object_spec_is_same(before, after))
        controllers_wake_all(all, to, AIWORKLOAD, any->space);
}

/* A place that comes, goes or is another one; its status concerns nobody here. */
static void map_place(struct controllers *all, const struct controller *to,
                      const struct object *before, const struct object *after)
{
    if (!object_spec_is_same(before, after))
        controllers_wake_all(all, to, AIWORKLOAD, (after ? after : before)->space);
}

const struct controller controller_aiworkload = {
    .name = "aiworkload", .run = run, .about = AIWORKLOAD, .condition = RECONCILED,
    .sources = { { AIWORKLOAD, map_sibling }, { DEPLOYMENT, map_owner_aiworkload },
                 { POOL, map_place }, { REVISION, map_place },
                 { BUNDLE, map_space }, { ENVIRONMENT, map_place },
                 { VARIABLE_SET, map_everything }, { PROJECT, map_project } },
    .source_count = 8,
};
