/* SPDX-License-Identifier: Apache-2.0 */
/* Takes over pods that an earlier agent left running. */

#include "pods/life.h"

#include "base/clock.h"
#include "number/number.h"

#include <string.h>

static void adopt_container(struct pod *pod, const struct node *found)
{
    struct pod_container *c = NULL;
    const char *state = node_get_text(found, "state");
    struct runtime_event event = {
        .run = number_get(found, "run", NUMBER_COUNT, 0), .pid = number_get(found, "pid", NUMBER_COUNT, 0),
        .code = number_as_int(found, "code", NUMBER_SMALL, 0),
        .signal = number_as_int(found, "signal", NUMBER_COUNT, 0),
        .oom = node_get_bool(found, "oom", false),
        .started = number_get(found, "started", NUMBER_MICROS, 0) * 1000,
        .finished = number_get(found, "finished", NUMBER_MICROS, 0) * 1000,
        .reason = node_get_text(found, "reason"), .message = node_get_text(found, "message"),
    };

    for (size_t i = 0; i < pod->count; i++)
        if (!strcmp(pod->containers[i].name, node_get_text(found, "name")))
            c = &pod->containers[i];
    if (!c)
        return;
    /* The end that is about to be told counts once more. */
    c->ends = (struct plan_ends){ 0 };
    c->ends.crashes = (unsigned)number_as_int(found, "crashes", NUMBER_COUNT, 0);
    if (c->ends.crashes && strcmp(state, "running") != 0)
        c->ends.crashes--;
    event.kind = !strcmp(state, "failed") ? RUNTIME_FAILED : RUNTIME_EXITED;
    if (!strcmp(state, "running") && !pod->lost && node_get_bool(found, "starting", false)) {
        c->state = CONTAINER_RUNNING; /* its shim tells when it has started */
        c->run = event.run;
        snprintf(c->waits, sizeof c->waits, "%s", event.message);
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

    return project ? arena_string(pod->arena, project) : node_get_text(record, "project");
}

/* What it was evicted for, if it was, maybe while no agent looked; NULL. */
static const char *find_eviction(const struct node *states)
{
    for (size_t i = 0; i < node_count(states); i++)
        if (!strcmp(node_get_text(node_item(states, i), "reason"), "Evicted"))
            return node_get_text(node_item(states, i), "message");
    return NULL;
}

/* Not when an agent learned of it: what is waited for after an end, a Job's pause or its
   ttlSecondsAfterFinished, would begin anew with every agent. */
static int64_t find_last_end(const struct pod *pod)
{
    int64_t last = 0;

    for (size_t i = 0; i < pod->count; i++)
        if (pod->containers[i].ended > last)
            last = pod->containers[i].ended;
    return last && last < clock_wall() ? last : clock_wall();
}

/* Its shim is gone, with the machine or alone. */
static void adopt_dead(struct pod *pod)
{
    bool ended = pod->count > 0;

    for (size_t i = 0; i < pod->count; i++)
        ended &= pod->containers[i].state == CONTAINER_EXITED;
    if (ended && strcmp(pod_policy(pod), "Always") != 0) {
        pod->lost = false; /* it had ended before the machine did */
        pod->finished = find_last_end(pod);
        pod_move(pod, POD_FINISHED);
    } else {
        pod_on_lost(pod, "Lost", "the machine was restarted");
    }
}

/* By steady time where both are known: a clock that was set between the two makes neither
   the one nor the other earlier. */
static bool ended_before(const struct pod_container *c, const struct node *found)
{
    const struct node *states = node_get(found, "containers");
    int64_t since = number_get(found, "endingSteady", NUMBER_MICROS, 0), over = 0;

    for (size_t i = 0; i < node_count(states); i++)
        if (!strcmp(node_get_text(node_item(states, i), "name"), c->name))
            over = number_get(node_item(states, i), "over", NUMBER_MICROS, 0);
    return since && over ? over < since
                         : !c->ended || c->ended < number_get(found, "ending", NUMBER_MICROS, 0) * 1000;
}

/* How long ago it was told, by a clock that nobody can set. One that is not known is now:
   what goes on then is its grace period, and no more than that. */
static int64_t read_ending_time(const struct node *found)
{
    int64_t since = number_get(found, "endingSteady", NUMBER_MICROS, 0) * 1000, now = clock_steady();

    return since && since < now ? since : now;
}

/* An agent before told it to end. What had ended by itself until then is a result that
   may not be counted yet, and counts; the rest is none. */
static bool was_told_to_end(const struct pod *pod, const struct node *found)
{
    bool by_itself = pod->count > 0 && strcmp(pod_policy(pod), "Always") != 0;

    for (size_t i = 0; i < pod->count; i++)
        by_itself &= !container_runs(&pod->containers[i]) &&
                     (!container_has_failed(&pod->containers[i]) || !strcmp(pod_policy(pod), "Never")) &&
                     ended_before(&pod->containers[i], found);
    return number_get(found, "ending", NUMBER_MICROS, 0) && !by_itself;
}

/* Kept in microseconds, of which the last may have been cut: never longer than it was. */
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

    record = node_copy(pod->arena, record);
    pod->space = node_get_text(record, "namespace");
    pod->name = node_get_text(record, "name");
    pod->workload = node_get_text(record, "workload");
    pod->owner = node_get_text(record, "owner");
    pod->project = find_pod_project(pod, record);
    pod->uid = node_get_text(record, "uid");
    pod->hash = node_get_text(record, "hash");
    pod->index = number_as_int(record, "index", NUMBER_SMALL, -1);
    pod->created = number_get(record, "created", NUMBER_MICROS, 0) * 1000;
    pod->template = node_get(record, "template");
    if (node_get(record, "ports"))
        pod->ports = node_get(record, "ports");
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
        pods_end(pod); /* still `adopting`: its hooks have run */
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
