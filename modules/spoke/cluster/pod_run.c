/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a pod through its life: containers started, restarted, ended. */

#include "cluster/pod.h"
#include "cluster/service.h"

#include "base/clock.h"
#include "base/log.h"
#include "number/number.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* A postStart hook may take its time, but not for ever. */
#define HOOK_PATIENCE (600 * CLOCK_SECOND)

static void finish_end(struct local_pod *pod);
static void stop_now(struct local_pod *pod);
static bool hooks_run(const struct local_pod *pod);

int64_t pod_grace(const struct local_pod *pod)
{
    int64_t grace = number_get(node_get(pod->template, "spec"), "terminationGracePeriodSeconds",
                               NUMBER_SECONDS, 30);

    return (grace > 86400 ? 86400 : grace) * CLOCK_SECOND;
}

/* ---- Going on -------------------------------------------------------------------------------------- */

/* The runtime would not even begin: it waits and tries again as one that crashed. */
static void on_refused(struct local_container *c, const struct err *err)
{
    int64_t wait = plan_backoff(++c->ends.crashes - c->ends.excused + 1);

    c->state = CONTAINER_FAILED;
    c->ended = clock_wall();
    c->backing_off = true;
    manifest_why_set(&c->why, "CannotStart", "%.340s; next try %lld s after that", err->text,
            (long long)(wait / CLOCK_SECOND));
    c->next_start = c->ended + wait;
    local_event(c->pod->cluster, local_workload_of(c->pod), "Warning", "CannotStart", "pod %s: %s",
                c->pod->name, c->why.message);
    loop_timer_set(c->timer, wait);
}

static void start_container(struct local_container *c)
{
    struct cluster *cluster = c->pod->cluster;
    struct err err = { 0 };

    c->backing_off = false;
    c->killed_by_probe = false;
    services_yield(c->pod);
    if (cluster->runtime_driver->start(cluster->runtime, c->pod->id, c->name, &err) < 0) {
        on_refused(c, &err);
        return;
    }
    c->state = CONTAINER_RUNNING;
    c->pid = c->began = 0;
}

void pod_on_restart(void *arg)
{
    struct local_container *c = arg;

    if (c->pod->terminating || pod_runs(c))
        return;
    start_container(c);
    pod_changed(c->pod);
}

/* An image that cannot be had now is waited for, whatever the restartPolicy says. */
static bool lacks_image(const struct local_container *c)
{
    return c->state == CONTAINER_FAILED && text_starts(c->why.reason, "ErrImage");
}

static bool will_restart(const struct local_container *c)
{
    const char *policy = pod_policy(c->pod);

    if (c->sidecar)
        return !c->pod->winding;
    if (lacks_image(c))
        return true;
    if (!strcmp(policy, "Never") || (c->init && !pod_has_failed(c)))
        return false;
    if (!strcmp(policy, "Always"))
        return true;
    return pod_has_failed(c) && job_may_restart(c->pod);
}

/* Init containers one after the other, then all the rest at once. */
void pod_advance(struct local_pod *pod)
{
    for (size_t i = 0; i < pod->count && pod->containers[i].init; i++) {
        struct local_container *c = &pod->containers[i];

        if (c->state == CONTAINER_WAITING)
            start_container(c);
        if (c->sidecar && c->started)
            continue;
        if (c->sidecar || c->state != CONTAINER_EXITED || pod_has_failed(c))
            return;
    }
    for (size_t i = 0; i < pod->count; i++)
        if (!pod->containers[i].init && pod->containers[i].state == CONTAINER_WAITING)
            start_container(&pod->containers[i]);
}

/* Sidecars end when the work is done. */
static bool sidecars_run(struct local_pod *pod)
{
    struct cluster *cluster = pod->cluster;
    bool any = false, first = !pod->winding;

    pod->winding = true;
    for (size_t i = 0; i < pod->count; i++) {
        struct local_container *c = &pod->containers[i];

        if (!c->sidecar)
            continue;
        loop_timer_stop(c->timer);
        c->backing_off = false;
        any |= pod_runs(c);
        if (first && pod_runs(c)) {
            check_end(c);
            cluster->runtime_driver->stop(cluster->runtime, pod->id, c->name, pod_grace(pod));
        }
    }
    return any;
}

void pod_look_for_end(struct local_pod *pod)
{
    bool init_failed = false;

    for (size_t i = 0; i < pod->count; i++) {
        struct local_container *c = &pod->containers[i];

        if (c->sidecar)
            continue;
        init_failed |= c->init && pod_has_failed(c) && !will_restart(c);
        if (pod_runs(c) || c->backing_off || loop_timer_is_set(c->timer))
            return;
        if (c->state == CONTAINER_WAITING && !init_failed)
            return;
    }
    if (sidecars_run(pod))
        return;
    pod->finished = clock_wall();
    pod_wake_waiting(pod->cluster);
}

static void say_why(struct local_container *c, const char *reason, const char *message)
{
    if (c->killed_by_probe)
        return; /* the probe's words say more than its SIGTERM */
    if (c->state == CONTAINER_FAILED)
        manifest_why_set(&c->why, *reason ? reason : "CannotRun", "%.390s", message);
    else if (c->oom && c->signal == SIGKILL)
        manifest_why_set(&c->why, "OOMKilled", "container %.80s used more memory than its limit", c->name);
    else if (c->signal) /* the message is the last line of what it said on stderr */
        manifest_why_set(&c->why, "Error", "container %.80s was ended by signal %d%s%.200s", c->name,
                c->signal, *message ? ": " : "", message);
    else
        manifest_why_set(&c->why, c->code ? "Error" : "Completed",
                "container %.80s ended with exit code %d%s%.200s", c->name, c->code,
                *message ? ": " : "", message);
}

/* That a child was killed for memory is the main process' affair: it decides by its
   exit code what that means, and a person can read that it happened. */
static void tell_child_oom(const struct local_container *c)
{
    if (c->oom && c->signal != SIGKILL && !c->pod->adopting)
        local_event(c->pod->cluster, local_workload_of(c->pod), "Warning", "OOMKilling",
                    "pod %s: a process of container %s was killed because the container used more "
                    "memory than its limit; its main process went on", c->pod->name, c->name);
}

/* It may have ended while no agent was there to hear of it. */
static int64_t left_of(int64_t wait, int64_t ended)
{
    int64_t left = ended + wait - clock_wall();

    return left < 0 ? 0 : left > wait ? wait : left;
}

/* A Job counts its failures, and what ends after an init container has begun nothing. */
static bool was_well(const struct local_container *c, bool ready)
{
    const struct local_object *object = local_workload_of(c->pod);
    bool is_job = object && object->row && object->row->role == MANIFEST_JOB;

    return ready && c->state == CONTAINER_EXITED && !c->killed_by_probe && !c->oom && !is_job &&
           (!c->init || c->sidecar);
}

static void plan_restart(struct local_container *c, bool ready)
{
    int64_t ran = c->state == CONTAINER_EXITED ? c->ended - c->began : 0;
    int64_t wait = plan_end(&c->ends, ran, was_well(c, ready));
    struct manifest_why last = c->why;

    c->backing_off = wait > 0;
    c->next_start = c->ended + wait;
    if (wait > 0 && (!strcmp(last.reason, "Error") || !strcmp(last.reason, "Completed")))
        manifest_why_set(&c->why, "CrashLoopBackOff", "%.250s; next try %lld s after that", last.message,
                (long long)(wait / CLOCK_SECOND));
    local_event(c->pod->cluster, local_workload_of(c->pod), "Warning",
                wait > 0 ? "BackOff" : "Restarted", "pod %s: %s", c->pod->name, c->why.message);
    /* The first restart does not even wait for the loop's next turn. */
    if (wait == 0)
        start_container(c);
    else
        loop_timer_set(c->timer, left_of(wait, c->ended));
}

void pod_on_started(struct local_container *c, const struct runtime_event *event)
{
    c->state = CONTAINER_RUNNING;
    c->waits[0] = '\0';
    c->run = event->run;
    c->pid = event->pid;
    c->began = event->started;
    c->started = c->ready = false;
    c->pod->ready_since = 0;
    /* An agent that comes later finds it started already. */
    if (c->pod->adopting || !hook_begin(c, HOOK_POST_START, HOOK_PATIENCE)) {
        check_begin(c);
        pod_changed(c->pod); /* without probes it is ready now */
    }
}

void pod_on_ended(struct local_container *c, const struct runtime_event *event)
{
    struct local_pod *pod = c->pod;
    bool ready = c->ready;

    pod->adopted &= pod->adopting; /* an end that this agent has seen */
    check_end(c);
    c->started = false;
    c->waits[0] = '\0';
    loop_timer_stop(c->hook_timer);
    c->state = event->kind == RUNTIME_FAILED ? CONTAINER_FAILED : CONTAINER_EXITED;
    c->run = event->run;
    c->pid = 0;
    c->code = event->code;
    c->signal = event->signal;
    c->oom = event->oom;
    c->began = event->started;
    c->ended = event->finished;
    say_why(c, event->reason ? event->reason : "", event->message ? event->message : "");
    tell_child_oom(c);
    c->hook = HOOK_NONE;
    if (pod->terminating) {
        if (pod->stopping || pod->removing || hooks_run(pod))
            finish_end(pod);
        else
            stop_now(pod); /* nobody is waited for any more */
        return;
    }
    c->unpulled += lacks_image(c);
    if (will_restart(c))
        plan_restart(c, ready);
    else
        pod_advance(pod);
    pod_look_for_end(pod);
}

void pod_restart_container(struct local_container *c, const char *reason, const char *message)
{
    struct cluster *cluster = c->pod->cluster;

    if (!pod_runs(c) || c->killed_by_probe)
        return;
    c->killed_by_probe = true;
    manifest_why_set(&c->why, reason, "container %.80s: %.300s", c->name, message);
    local_event(cluster, local_workload_of(c->pod), "Warning", reason, "pod %s: %s", c->pod->name,
                c->why.message);
    check_end(c);
    if (!hook_begin(c, HOOK_PRE_STOP, pod_grace(c->pod)))
        cluster->runtime_driver->stop(cluster->runtime, c->pod->id, c->name, pod_grace(c->pod));
}

/* ---- Ending --------------------------------------------------------------------------------------------- */

static void finish_end(struct local_pod *pod)
{
    struct cluster *cluster = pod->cluster;

    for (size_t i = 0; i < pod->count; i++)
        if (pod_runs(&pod->containers[i]))
            return;
    if (pod->removing)
        return;
    pod->removing = true;
    cluster->runtime_driver->remove(cluster->runtime, pod->id);
}

static void stop_now(struct local_pod *pod)
{
    struct cluster *cluster = pod->cluster;
    int64_t grace = pod_grace(pod), used = clock_steady() - pod->ending;

    if (pod->stopping)
        return;
    pod->stopping = true;
    /* What hooks took is taken from the rest, but for two seconds. */
    if (used > 0 && used < grace)
        grace = grace - used > 2 * CLOCK_SECOND ? grace - used : 2 * CLOCK_SECOND;
    else if (used >= grace && grace > 2 * CLOCK_SECOND)
        grace = 2 * CLOCK_SECOND;
    cluster->runtime_driver->stop(cluster->runtime, pod->id, NULL, grace);
    finish_end(pod);
}

/* Those whose hook is not over yet are told when it is. */
static bool hooks_run(const struct local_pod *pod)
{
    for (size_t i = 0; i < pod->count; i++)
        if (pod->containers[i].hook == HOOK_PRE_STOP && pod_runs(&pod->containers[i]))
            return true;
    return false;
}

void pod_hook_over(struct local_container *c)
{
    struct local_pod *pod = c->pod;
    struct cluster *cluster = pod->cluster;

    if (!pod->terminating && pod_runs(c))
        cluster->runtime_driver->stop(cluster->runtime, pod->id, c->name, pod_grace(pod));
    else if (pod->terminating && !pod->removing && !hooks_run(pod))
        stop_now(pod);
}

static void begin_hooks(struct local_pod *pod)
{
    for (size_t i = 0; i < pod->count; i++)
        if (pod_runs(&pod->containers[i]) && pod->containers[i].hook != HOOK_PRE_STOP)
            hook_begin(&pod->containers[i], HOOK_PRE_STOP, pod_grace(pod));
}

void pod_end(struct local_pod *pod)
{
    if (pod->terminating)
        return;
    pod->terminating = true;
    if (!pod->adopting)
        pod->ending = clock_steady();
    loop_timer_stop(pod->timer);
    for (size_t i = 0; i < pod->count; i++) {
        check_end(&pod->containers[i]);
        loop_timer_stop(pod->containers[i].timer);
    }
    if (!pod->made) {
        pod_changed(pod);
        pod_free(&pod);
        return;
    }
    if (!pod->lost && !pod->adopting)
        begin_hooks(pod);
    if (!hooks_run(pod))
        stop_now(pod);
    pod_changed(pod);
}

/* ---- Events --------------------------------------------------------------------------------------------------- */

/* A lone Pod that was evicted is not made again, as in Kubernetes, also not by the
   next agent. One whose machine was restarted is. */
static bool stays_ended(const struct local_object *object, const struct local_pod *pod,
                        const char *reason)
{
    return object && object->row && object->row->role == MANIFEST_POD &&
           !strcmp(object->hash, pod->hash) && (object->run.ended || !strcmp(reason, "Evicted"));
}

/* Its shim is gone or it was evicted: it cannot be started again, only replaced. */
void pod_on_lost(struct local_pod *pod, const char *reason, const char *message)
{
    struct local_object *object = local_workload_of(pod);

    bool again = pod->lost && !strcmp(reason, "Evicted"); /* an agent before told of it */

    if (pod->lost && pod->finished && !pod->terminating)
        return;
    pod->lost = true;
    manifest_why_set(&pod->why, reason, "%.380s", message);
    for (size_t i = 0; i < pod->count; i++) {
        struct local_container *c = &pod->containers[i];

        check_end(c);
        loop_timer_stop(c->timer);
        c->backing_off = false;
        if (pod_runs(c)) {
            c->state = CONTAINER_EXITED;
            c->signal = 9;
            c->pid = 0;
            manifest_why_set(&c->why, reason, "%.380s", message);
        }
    }
    if (!again)
        local_event(pod->cluster, object, "Warning", reason, "pod %s: %s", pod->name, message);
    manifest_why_set(&pod->why, reason, "%.390s", message);
    pod->finished = clock_wall();
    if (pod->terminating) {
        finish_end(pod);
    } else if (!strcmp(pod_policy(pod), "Always") && stays_ended(object, pod, reason)) {
        if (!object->run.ended)
            job_end_pod(object, reason, message);
    } else if (!strcmp(pod_policy(pod), "Always")) {
        if (object)
            workload_on_loss(object, pod, reason, message);
        pod_end(pod);
    }
}

void pod_on_event(struct cluster *cluster, const struct runtime_event *event)
{
    struct local_pod *pod = map_get(cluster->pods, event->pod);
    struct local_container *c = NULL;

    if (!pod)
        return;
    for (size_t i = 0; event->container && i < pod->count && !c; i++)
        if (!strcmp(pod->containers[i].name, event->container))
            c = &pod->containers[i];
    pod_changed(pod);
    if (event->kind == RUNTIME_REMOVED)
        pod_free(&pod);
    else if (event->kind == RUNTIME_LOST)
        pod_on_lost(pod, text_same(event->reason, "Evicted") ? "Evicted" : "Lost",
                    event->message ? event->message : "");
    else if (event->kind == RUNTIME_DRIFT)
        local_event(cluster, local_workload_of(pod), "Normal", "DriftCorrected",
                    "pod %s: %s was changed and has been put back", pod->name, event->message);
    else if (event->kind == RUNTIME_NOTE)
        local_event(cluster, local_workload_of(pod), "Warning", event->reason, "pod %s: %s",
                    pod->name, event->message);
    else if (c && event->kind == RUNTIME_WAITS)
        snprintf(c->waits, sizeof c->waits, "%s", event->message);
    else if (c && event->kind == RUNTIME_STARTED && !pod->lost)
        pod_on_started(c, event);
    else if (c && !pod->lost)
        pod_on_ended(c, event);
}
