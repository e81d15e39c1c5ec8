/* SPDX-License-Identifier: Apache-2.0 */
/* Takes over pods that an earlier agent left running. */

#include "pods/life.h"

#include "base/clock.h"
#include "number/number.h"

#include <string.h>

/* Tells the container's last known state to run.c, as if it happened now; `adopting` keeps that
   from being told and acted on a second time. */
static void adopt_container(struct pod *pod, const struct node *found)
{
    struct pod_container *c = NULL;
    const char *state = node_get_text(found, "state");
    struct runtime_event event = {
        .run = number_get(found, "run", NUMBER_COUNT, 0),
        .pid = number_get(found, "pid", NUMBER_COUNT, 0),
        .code = number_as_int(found, "code", NUMBER_SMALL, 0),
        .signal = number_as_int(found, "signal", NUMBER_COUNT, 0),
        .oom = node_get_bool(found, "oom", false),
        .started = number_get(found, "started", NUMBER_MICROS, 0) * 1000,
        .finished = number_get(found, "finished", NUMBER_MICROS, 0) * 1000,
        .reason = node_get_text(found, "reason"),
        .message = node_get_text(found, "message"),
    };

    for (size_t i = 0; i < pod->count; i++)
        if (!strcmp(pod->containers[i].name, node_get_text(found, "name")))
            c = &pod->containers[i];
    if (!c)
        return;
    /* pod_on_ended() below counts the last end once more. */
    c->ends = (struct plan_ends){0};
    c->ends.crashes = (unsigned)number_as_int(found, "crashes", NUMBER_COUNT, 0);
    if (c->ends.crashes && strcmp(state, "running") != 0)
        c->ends.crashes--;
    event.kind = !strcmp(state, "failed") ? RUNTIME_FAILED : RUNTIME_EXITED;
    if (!strcmp(state, "running") && !pod->lost && node_get_bool(found, "starting", false)) {
        c->state = CONTAINER_RUNNING; /* the shim is starting it, and RUNTIME_STARTED follows */
        c->run = event.run;
        container_set_waits(c, event.message);
    } else if (!strcmp(state, "running") && (event.pid || !pod->lost))
        pod_on_started(c, &event);
    else if (!strcmp(state, "exited") || !strcmp(state, "failed"))
        pod_on_ended(c, &event);
}

/* An older record has no project; and a work may have been given to another one since. */
static const char *find_pod_project(struct pod *pod, const struct node *record)
{
    const struct pods_callbacks *callbacks = &pod->pods->options.callbacks;
    const char *project = callbacks->project(callbacks->arg, pod->owner);

    return project ? project : node_get_text(record, "project");
}

/* Why the pod was evicted, maybe while no agent ran; NULL: it was not. */
static const char *find_eviction(const struct node *states)
{
    for (size_t i = 0; i < node_count(states); i++)
        if (!strcmp(node_get_text(node_item(states, i), "reason"), "Evicted"))
            return node_get_text(node_item(states, i), "message");
    return NULL;
}

/* When its last container ended, not when this agent learned of it: else a Job's pause and its
   ttlSecondsAfterFinished would begin anew with every agent. */
static int64_t find_last_end(const struct pod *pod)
{
    int64_t last = 0;

    for (size_t i = 0; i < pod->count; i++)
        if (pod->containers[i].ended > last)
            last = pod->containers[i].ended;
    return last && last < clock_wall() ? last : clock_wall();
}

/* The pod's shim is gone: the machine was restarted, or the shim was killed. */
static void adopt_dead(struct pod *pod)
{
    bool ended = pod->count > 0;

    for (size_t i = 0; i < pod->count; i++)
        ended &= pod->containers[i].state == CONTAINER_EXITED;
    if (ended && strcmp(pod_policy(pod), "Always") != 0) {
        pod->lost = false; /* its containers had ended before that */
        pod->finished = find_last_end(pod);
        pod_move(pod, POD_FINISHED);
    } else {
        pod_on_lost(pod, "Lost", "the machine was restarted");
    }
}

/* Whether the container ended before the pod was told to end. Steady times are compared where
   both are known, since the wall clock may have been set between the two. */
static bool ended_before(const struct pod_container *c, const struct node *found)
{
    const struct node *states = node_get(found, "containers");
    int64_t since = number_get(found, "endingSteady", NUMBER_MICROS, 0), over = 0;

    for (size_t i = 0; i < node_count(states); i++)
        if (!strcmp(node_get_text(node_item(states, i), "name"), c->name))
            over = number_get(node_item(states, i), "over", NUMBER_MICROS, 0);
    return since && over
               ? over < since
               : !c->ended || c->ended < number_get(found, "ending", NUMBER_MICROS, 0) * 1000;
}

/* The steady time at which the pod was told to end. Where that is not known it is now: the pod
   gets its grace period once more, and no longer. */
static int64_t read_ending_time(const struct node *found)
{
    int64_t since = number_get(found, "endingSteady", NUMBER_MICROS, 0) * 1000,
            now = clock_steady();

    return since && since < now ? since : now;
}

/* Whether an agent before told the pod to end and it had not ended by itself until then. An end
   by itself is a result, which a Job may not have counted yet; an end on command is none. */
static bool was_told_to_end(const struct pod *pod, const struct node *found)
{
    bool by_itself = pod->count > 0 && strcmp(pod_policy(pod), "Always") != 0;

    for (size_t i = 0; i < pod->count; i++)
        by_itself &=
            !container_runs(&pod->containers[i]) &&
            (!container_has_failed(&pod->containers[i]) || !strcmp(pod_policy(pod), "Never")) &&
            ended_before(&pod->containers[i], found);
    return number_get(found, "ending", NUMBER_MICROS, 0) && !by_itself;
}

/* Microseconds were cut when it was kept: rounded up, the pod is never taken to have been ready
   for longer than it was. */
static int64_t read_ready_since(const struct node *found)
{
    int64_t since = number_get(found, "ready", NUMBER_MICROS, 0);

    if (!node_get(found, "ready"))
        return -1;
    return since ? since * 1000 + 999 : 0;
}

void pod_adopt(struct pods *pods, const struct node *found)
{
    const struct node *record = node_get(found, "record");
    const struct node *states = node_get(found, "containers");
    struct pod *pod = pod_new(pods, node_get_text(found, "id"));
    const char *evicted = find_eviction(states);
    bool alive = node_get_bool(found, "alive", false) && !evicted;

    pod->namespace = document_intern_text(node_get_text(record, "namespace"));
    pod->name = document_intern_text(node_get_text(record, "name"));
    pod->workload = document_intern_text(node_get_text(record, "workload"));
    pod->owner = document_intern_text(node_get_text(record, "owner"));
    pod->project = document_intern_text(find_pod_project(pod, record));
    pod->uid = document_intern_text(node_get_text(record, "uid"));
    pod->hash = document_intern_text(node_get_text(record, "hash"));
    pod->index = number_as_int(record, "index", NUMBER_SMALL, -1);
    pod->created = number_get(record, "created", NUMBER_MICROS, 0) * 1000;
    pod->template = document_intern(node_get(record, "template"));
    pod->ports = document_intern(node_get(record, "ports"));
    pod->lost = !alive;
    pod_take_containers(pod);
    /* While it is FOUND nothing is restarted: a dead shim starts nothing, and a pod that
       was told to end is not begun again. */
    pod_move(pod, !alive || node_get(found, "ending") ? POD_FOUND : POD_RUNNING);
    pod->adopting = true;
    pod->adopted = alive;
    pod->noted = read_ready_since(found);
    for (size_t i = 0; i < node_count(states); i++)
        adopt_container(pod, node_item(states, i));
    if (pod->state == POD_FOUND)
        pod_move(pod, POD_RUNNING);
    if (was_told_to_end(pod, found)) {
        pod->ending = read_ending_time(found);
        pods_end(pod); /* while `adopting`, so that its hooks do not run again */
        pod->adopting = false;
        return;
    }
    pod->adopting = false;
    if (evicted) {
        pod_on_lost(pod, "Evicted", evicted);
        return;
    }
    if (!alive) {
        adopt_dead(pod);
        return;
    }
    pod_advance(pod);
    pod_look_for_end(pod);
    if (pod->finished)
        pod->finished = find_last_end(pod);
    pod_tell_changed(pod);
}
