/* SPDX-License-Identifier: Apache-2.0 */
/* Finds who uses an Environment or a pool, which then waits to be deleted. */
#include "controllers/in_use.h"

#include "base/text.h"
#include "meta/meta.h"

#include <string.h>

#define MOST_NAMED 5

/* ---- Who ------------------------------------------------------------------------- */

static void add_user_once(struct arena *arena, struct node *names, const char *name)
{
    for (size_t i = 0; i < node_count(names); i++)
        if (!strcmp(node_text(node_item(names, i)), name))
            return;
    if (*name)
        node_add(arena, names, node_string(arena, name));
}

static const char *placement_of_deployment(const struct node *deployment)
{
    return node_get_text(node_at(deployment, "spec", "environmentRef", NULL), "name");
}

/* The AIWorkloads of which something is placed there; a pool's Environment has the
   pool's name. One that only names the place, and was not taken, holds up nothing. */
static struct node *users_of(struct reconcile_run *run, const char *namespace,
                             const char *environment)
{
    struct node *names = node_list(run->arena);
    const struct node *placed =
        reconcile_list(run, KIND_ID_DEPLOYMENT, namespace, NULL, environment);

    for (size_t i = 0; i < node_count(placed); i++) {
        const struct node *one = node_item(placed, i);

        if (!strcmp(placement_of_deployment(one), environment))
            add_user_once(run->arena, names, node_get_text(node_get(one, "spec"), "aiWorkload"));
    }
    return names;
}

static const char *list_users(struct reconcile_run *run, const struct node *names, const char *what)
{
    scoped_text struct text out = {0};
    size_t count = node_count(names);

    if (!count)
        return NULL;
    text_addf(&out, "used by %s ", what);
    for (size_t i = 0; i < count && i < MOST_NAMED; i++)
        text_addf(&out, "%s\"%s\"", i ? ", " : "", node_text(node_item(names, i)));
    if (count > MOST_NAMED)
        text_addf(&out, " and %zu more", count - MOST_NAMED);
    return arena_string(run->arena, text_string(&out));
}

const char *in_use_environment(struct reconcile_run *run, const char *namespace, const char *name)
{
    return list_users(run, users_of(run, namespace, name), "AIWorkload");
}

/* Environments of any project that name the set, if something is to run there. */
static void add_environments(struct reconcile_run *run, struct node *names, const char *set)
{
    const struct node *all = reconcile_list(run, KIND_ID_ENVIRONMENT, NULL, NULL, set);

    for (size_t i = 0; i < node_count(all); i++) {
        const struct node *one = node_item(all, i);
        const struct node *sets =
            node_at(one, "spec", "topology", "properties", "placement", "clusterSets", NULL);

        for (size_t k = 0; k < node_count(sets); k++)
            if (!strcmp(node_text(node_item(sets, k)), set) &&
                node_count(users_of(run, meta_namespace(one), meta_name(one))))
                add_user_once(run->arena, names, meta_namespace(one));
    }
}

/* What runs on a pool's spokes is there by the pool's set alone (placement/reach.c),
   also when it was placed on all spokes that there are. */
static void add_tenants_of_spokes(struct reconcile_run *run, const char *namespace, const char *set,
                                  struct node *own, struct node *projects)
{
    const struct node *spokes =
        reconcile_list(run, KIND_ID_CLUSTER, NULL, META_LABEL_CLUSTERSET, set);

    for (size_t i = 0; i < node_count(spokes); i++) {
        const struct node *works = reconcile_list(
            run, KIND_ID_WORK, meta_name(node_item(spokes, i)), NULL, META_LABEL_PROJECT);

        for (size_t k = 0; k < node_count(works); k++) {
            const struct node *work = node_item(works, k);
            const char *project = meta_label(work, META_LABEL_PROJECT);

            if (meta_is_deleting(work))
                continue;
            if (!strcmp(project, namespace))
                add_user_once(run->arena, own, meta_label(work, META_LABEL_AIWORKLOAD));
            else
                add_user_once(run->arena, projects, project);
        }
    }
}

const char *in_use_pool(struct reconcile_run *run, const char *namespace, const char *name,
                        const char *set)
{
    struct node *own = users_of(run, namespace, name), *projects = node_list(run->arena);

    if (*set) {
        add_environments(run, projects, set);
        add_tenants_of_spokes(run, namespace, set, own, projects);
    }
    return node_count(own) ? list_users(run, own, "AIWorkload")
                           : list_users(run, projects, "workloads of project");
}

/* ---- Waiting ----------------------------------------------------------------------- */

int in_use_wait(struct reconcile_run *run, const struct seen *seen, const char *users,
                struct err *err)
{
    struct node *status = meta_copy_status(run->arena, seen->node);
    const struct node *old = meta_conditions(seen->node);
    struct meta_condition ready = {
        "Ready", "False", "InUse",
        arena_printf(
            run->arena,
            "it is deleted when it is no longer used; it is %s: delete them, or place them "
            "elsewhere",
            users)};
    bool changed = false;

    node_set_text(run->arena, status, "phase", "Deleting");
    node_set_text(run->arena, status, "message", ready.message);
    node_set_int(run->arena, status, "observedGeneration", meta_generation(seen->node));
    meta_condition_set(run->arena, status, old, &ready, meta_generation(seen->node), run->now);
    if (reconcile_status(run, seen, status, &changed, err) < 0)
        return -1;
    if (changed)
        reconcile_event(run, seen, true, "InUse", "%s", ready.message);
    return 0;
}

void map_left_place(struct controllers *all, const struct controller *to,
                    const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const char *was = before ? placement_of_deployment(object_read(arena, before)) : "";

    if (*was && (!after || strcmp(placement_of_deployment(object_read(arena, after)), was) != 0))
        controllers_wake(all, to, before->namespace, was);
}
