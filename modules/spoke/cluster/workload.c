/* SPDX-License-Identifier: Apache-2.0 */
/* Says what a workload wants of its pods, and how long it waits after losses. */

#include "cluster/workload.h"

#include "base/clock.h"
#include "cluster/service.h"
#include "meta/meta.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

/* ---- Reading ------------------------------------------------------------------- */

/* Another template begins anew: a Job runs it once, and pauses after losses are forgotten. */
static void take_template(struct cluster_object *object, const char *hash)
{
    bool ran = object->run.started || object->run.ended || object->losses;

    object->losses = 0;
    object->run = (struct object_run){0};
    mem_free(&object->past);
    object->job = (struct plan_job_state){0};
    revision_change(object, hash);
    snprintf(object->hash, sizeof object->hash, "%s", hash);
    object->health = CLUSTER_IN_PROGRESS;
    manifest_why_set(&object->why, "Progressing", "its new pods are not made yet");
    if (ran)
        state_keep(object, NULL, NULL);
}

/* An adopted object has no manifest to read. */
void workload_read(struct cluster_object *object)
{
    struct pods_viewer viewer = {object->project, object->owner->name, object->namespace};
    scoped_interned const struct node *former = NULL;
    scoped_arena struct arena *arena = NULL;
    char fresh[sizeof object->hash];
    uint64_t hash;

    if (!manifest_is_workload(object->row) || object->adopted)
        return;
    object->broken = (struct manifest_why){0};
    arena = arena_new();
    former = object->template;
    object->template = document_intern(manifest_template(object->row, object->object, arena));
    if (manifest_check_workload(pods_bounds(object->cluster->pods), object->row, object->object,
                                object->template, &object->broken) < 0)
        return;
    hash = pods_hash_template(object->cluster->pods, &viewer, object->template);
    snprintf(fresh, sizeof fresh, "%016llx", (unsigned long long)hash);
    if (strcmp(fresh, object->hash) != 0)
        take_template(object, fresh);
}

/* ---- How it is updated --------------------------------------------------------------- */

/* Clients find pods behind a Service whatever their ports. */
static bool is_behind_service(const struct cluster_object *object)
{
    const struct cluster_object *other;
    size_t at = 0;

    while ((other = map_next(object->cluster->objects, &at, NULL)))
        if (other->row && other->row->role == MANIFEST_SERVICE && !other->removing &&
            !strcmp(other->namespace, object->namespace) &&
            !strcmp(other->project, object->project) && names_select(other, object->template))
            return true;
    return false;
}

/* Whether an update must end a pod before the next one begins, since both want the same port: it is
   declared, or is the spoke's choice and clients know the pod by it. */
static bool is_exclusive(const struct cluster_object *object)
{
    const struct node *containers = node_at(object->template, "spec", "containers", NULL);
    const struct node *rolling = node_at(object->object, "spec", "strategy", "rollingUpdate", NULL);
    bool chosen = false;

    for (size_t i = 0; i < node_count(containers); i++) {
        const struct node *ports = node_get(node_item(containers, i), "ports");

        for (size_t j = 0; j < node_count(ports); j++) {
            if (number_get(node_item(ports, j), "containerPort", NUMBER_PORT, 0) > 0)
                return true;
            chosen = true;
        }
    }
    /* Who sets maxSurge wants new pods beside the old ones, and they get other port numbers. */
    return chosen && !node_get(rolling, "maxSurge") && !is_behind_service(object);
}

struct plan_workload workload_want(const struct cluster_object *object)
{
    const struct node *spec = node_get(object->object, "spec");
    struct plan_workload want = manifest_want_replicas(object->row, spec);

    want.exclusive = is_exclusive(object);
    want.now = clock_wall();
    if (object->former) {
        want.former = true;
        want.former_replicas = object->former->replicas;
        want.taken = object->former->taken;
    }
    return want;
}

int64_t workload_least(const struct cluster_object *object)
{
    int64_t least =
        number_get(node_get(object->object, "spec"), "minReadySeconds", NUMBER_SECONDS, 0);

    return least > 0 && least < 86400 * 365 ? least * CLOCK_SECOND : 0;
}

/* An object that was made out of found pods can make pods anew where only one template is known,
   and its kind needs no more than that: a Deployment or a lone Pod. */
static bool can_plan_adopted(const struct cluster_object *object)
{
    struct pod *pod;
    size_t at = 0;

    if (!object->adopted)
        return true;
    if (object->row->role != MANIFEST_DEPLOYMENT && object->row->role != MANIFEST_POD)
        return false;
    while ((pod = pods_next(object->cluster->pods, &at)))
        if (!strcmp(pod->workload, object->plain) && !strcmp(pod->project, object->project) &&
            strcmp(pod->hash, object->hash) != 0)
            return false;
    return true;
}

bool workload_can_plan(const struct cluster_object *object)
{
    return !*object->broken.reason && !object->waiting && object->strategy != CLUSTER_READ_ONLY &&
           can_plan_adopted(object);
}

/* ---- Pods that were lost ------------------------------------------------------------- */

void workload_on_loss(struct cluster_object *object, const struct pod *pod, const char *reason,
                      const char *message)
{
    int64_t now = clock_wall();

    if (object->losses && pod->created <= object->lost && now >= object->lost)
        return; /* the same cause took the pod that was lost before */
    if (now - pod->created >= PLAN_BACKOFF_RESET || now < pod->created)
        object->losses = 0;
    object->losses++;
    object->lost = now;
    if (!object->lost_why)
        object->lost_why = mem_alloc(sizeof *object->lost_why);
    manifest_why_set(object->lost_why, reason, "%.250s; next try %lld s after that", message,
                     (long long)(plan_backoff(object->losses) / CLOCK_SECOND));
    state_keep(object, NULL, NULL);
}

int64_t workload_held_until(const struct cluster_object *object)
{
    int64_t wait = plan_backoff(object->losses), now = clock_wall();

    return wait && now >= object->lost && now < object->lost + wait ? object->lost + wait : 0;
}

int64_t workload_pause(const struct cluster_object *object, const struct pod *pod)
{
    bool replaces = object->losses && pod->created >= object->lost;

    return replaces ? plan_backoff(object->losses) : 0;
}

bool workload_is_available(const struct cluster_object *object, const struct pod *pod)
{
    return pods_is_available(pod, workload_least(object), workload_pause(object, pod));
}

/* ---- A new pod ------------------------------------------------------------------------ */

/* Names as Kubernetes makes them; random letters are those that make no words. */
static const char *name_pod(const struct cluster_object *object, const char *hash, int index,
                            struct arena *arena)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    char random[6] = {0};

    for (int i = 0; i < 5; i++)
        random[i] = letters[random_below(sizeof letters - 1)];
    switch (object->row->role) {
    case MANIFEST_POD:
        return object->name;
    case MANIFEST_STATEFUL:
        return arena_printf(arena, "%s-%d", object->name, index);
    case MANIFEST_JOB:
        if (index >= 0)
            return arena_printf(arena, "%s-%d-%s", object->name, index, random);
        return arena_printf(arena, "%s-%s", object->name, random);
    default:
        return arena_printf(arena, "%s-%.8s-%s", object->name, hash, random);
    }
}

void workload_start_pod(struct cluster_object *object, int index, bool former)
{
    scoped_arena struct arena *arena = arena_new();
    const char *hash = former ? object->former->hash : object->hash;
    const char *name = name_pod(object, hash, index, arena);
    const struct node *template = former ? object->former->template : object->template;

    pods_start(object->cluster->pods,
               &(struct pods_new){
                   .project = object->project,
                   .namespace = object->namespace,
                   .name = name,
                   .workload = object->plain,
                   .owner = object->owner->name,
                   .hash = hash,
                   .index = index,
                   .template = manifest_label_template(object->row, object->name, template, arena,
                                                       name, index),
                   .claims = node_at(object->object, "spec", "volumeClaimTemplates", NULL),
               });
}
