/* SPDX-License-Identifier: Apache-2.0 */
/* Starts and ends the pods of Deployments, StatefulSets and lone Pods as planned. */

#include "cluster/workload.h"

#include "base/clock.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

static void describe_pods(const struct cluster_object *object, struct pod *const *pods,
                          size_t count, struct plan_pod *ret)
{
    for (size_t i = 0; i < count; i++)
        ret[i] = (struct plan_pod){
            .name = pods[i]->name,
            .index = pods[i]->index,
            .current = !strcmp(pods[i]->hash, object->hash),
            .former = object->former && !strcmp(pods[i]->hash, object->former->hash),
            .ready = workload_is_available(object, pods[i]),
            .broken = pods_is_broken(pods[i]),
            .terminating = pods_is_leaving(pods[i]),
            .unknown = pods_may_be_ready(pods[i]),
            .trial =
                pods_is_on_trial(pods[i], workload_least(object), workload_pause(object, pods[i])),
            .created = pods[i]->created,
        };
}

/* A lone Pod is run once; a new template replaces it. */
static size_t plan_pod(const struct cluster_object *object, const struct plan_pod *pods,
                       size_t count, struct plan_step *steps)
{
    if (count == 0 && object->run.ended)
        return 0; /* the Pod was evicted, and stays ended */
    if (count > 0 && (pods[0].current || pods[0].terminating))
        return 0;
    return count ? plan_stop(steps, 0, 0, false) : plan_start(steps, 0, -1, false);
}

/* Has the object looked at again when the next pod becomes available, or may be started. */
static void wait_for_next(struct cluster_object *object, struct pod *const *pods, size_t count,
                          int64_t next)
{
    int64_t now = clock_wall();

    for (size_t i = 0; i < count; i++) {
        int64_t at =
            pods_available_from(pods[i], workload_least(object), workload_pause(object, pods[i]));

        if (at > now && (!next || at < next))
            next = at;
    }
    if (next)
        object_look_again(object, next);
}

static size_t plan_steps(struct cluster_object *object, const struct plan_pod *pods, size_t count,
                         struct plan_step *steps)
{
    struct plan_workload want = workload_want(object);

    if (object->row->role == MANIFEST_POD)
        return plan_pod(object, pods, count, steps);
    object->replicas = want.replicas;
    return object->row->role == MANIFEST_DEPLOYMENT ? plan_deployment(&want, pods, count, steps)
                                                    : plan_stateful(&want, pods, count, steps);
}

/* Remembers the ordinals that the rollout has reached, and forgets those beyond the new count. */
static void note_taken(struct cluster_object *object, const struct plan_pod *pods, size_t count)
{
    struct object_revision *former = object->former;
    int replicas =
        manifest_count(node_get(object->object, "spec"), "replicas", 1, MANIFEST_MOST_PODS);

    if (!former || object->row->role != MANIFEST_STATEFUL)
        return;
    for (size_t i = 0; i < count; i++)
        if (pods[i].current && pods[i].index >= 0 && pods[i].index < PLAN_INDEXES)
            former->taken[pods[i].index] = true;
    if (former->replicas > replicas) {
        former->replicas = replicas;
        state_keep(object, NULL, NULL);
    }
}

/* On disk before the pod is stopped: an agent that dies in between would make that ordinal from the
   former template once more. */
static void keep_taken(struct cluster_object *object, struct pod *const *pods,
                       const struct plan_step *steps, size_t count)
{
    bool taken = false;

    for (size_t i = 0; i < count && object->former; i++) {
        int ordinal = steps[i].taken ? pods[steps[i].pod]->index : -1;

        if (ordinal >= 0 && ordinal < PLAN_INDEXES)
            taken = object->former->taken[ordinal] = true;
    }
    if (taken)
        state_keep(object, NULL, NULL);
}

static void take_plan_steps(struct cluster_object *object, struct pod *const *pods,
                            const struct plan_step *steps, size_t count, int64_t *ret_next)
{
    int64_t held = workload_held_until(object);

    keep_taken(object, pods, steps, count);
    for (size_t i = 0; i < count; i++) {
        const struct plan_step *step = &steps[i];

        if (step->verb == PLAN_STOP)
            pods_end(pods[step->pod]);
        else if (held)
            *ret_next = held;
        else
            workload_start_pod(object, step->index, step->former);
    }
}

void replicas_pass(struct cluster_object *object)
{
    struct pod **pods = mem_alloc(OBJECT_PODS * sizeof(struct pod *));
    size_t count = object_pods(object, pods, OBJECT_PODS);
    struct plan_pod *described = mem_alloc((count + 1) * sizeof *described);
    struct plan_step steps[PLAN_STEPS];
    int64_t next = 0;

    if (object->removing) {
        for (size_t i = 0; i < count; i++)
            pods_end(pods[i]);
    } else if (workload_can_plan(object) && object->row->role == MANIFEST_JOB) {
        if (!object->adopted)
            job_reconcile(object, pods, count);
    } else if (workload_can_plan(object)) {
        describe_pods(object, pods, count, described);
        note_taken(object, described, count);
        take_plan_steps(object, pods, steps, plan_steps(object, described, count, steps), &next);
    }
    if (!object->removing && object->row->role != MANIFEST_JOB) {
        /* Steps may have ended some of them, or made others. */
        count = object_pods(object, pods, OBJECT_PODS);
        wait_for_next(object, pods, count, next);
    }
    mem_free(&described);
    mem_free(&pods);
}
