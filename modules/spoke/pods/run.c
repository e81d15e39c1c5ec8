/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the containers of a pod, restarts those that end, and sees when the pod has finished. */

#include "pods/life.h"

#include "base/clock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* A postStart hook is given up after this time. */
#define POST_START_MOST (600 * CLOCK_SECOND)

/* ---- Going on
 * -------------------------------------------------------------------------------------- */

/* The runtime refused to start the container: it waits and is tried again as one that crashed. */
static void on_start_refused(struct pod_container *c, const struct err *err)
{
    int64_t wait = plan_backoff(++c->ends.crashes - c->ends.excused + 1);

    c->state = CONTAINER_FAILED;
    c->ended = clock_wall();
    c->backing_off = true;
    manifest_why_set(container_explain(c), "CannotStart", "%.340s; next try %lld s after that",
                     err->text, (long long)(wait / CLOCK_SECOND));
    c->next_start = c->ended + wait;
    pod_note(c->pod, "Warning", "CannotStart", "%s", container_why(c)->message);
    loop_timer_set(c->timer, wait);
}

static void start_container(struct pod_container *c)
{
    struct pods *pods = c->pod->pods;
    struct err err = {0};

    c->backing_off = false;
    c->killed_by_probe = false;
    pod_tell(c->pod, PODS_LISTENS);
    if (pods->driver->start(pods->runtime, c->pod->id, c->name, &err) < 0) {
        on_start_refused(c, &err);
        return;
    }
    c->state = CONTAINER_RUNNING;
    c->pid = c->began = 0;
}

void pod_on_restart(void *arg)
{
    struct pod_container *c = arg;

    if (pods_is_leaving(c->pod) || container_runs(c))
        return;
    start_container(c);
    pod_tell_changed(c->pod);
}

/* A container whose image could not be pulled is started again whatever the restartPolicy says. */
static bool lacks_image(const struct pod_container *c)
{
    return c->state == CONTAINER_FAILED && text_starts(container_why(c)->reason, "ErrImage");
}

static bool may_restart(const struct pod *pod)
{
    const struct pods_callbacks *callbacks = &pod->pods->options.callbacks;

    return callbacks->may_restart(callbacks->arg, pod);
}

/* By restartPolicy. A sidecar restarts until its pod winds down. */
static bool will_restart(const struct pod_container *c)
{
    const char *policy = pod_policy(c->pod);

    if (c->sidecar)
        return c->pod->state == POD_RUNNING;
    if (lacks_image(c))
        return true;
    if (!strcmp(policy, "Never") || (c->init && !container_has_failed(c)))
        return false;
    if (!strcmp(policy, "Always"))
        return true;
    return container_has_failed(c) && may_restart(c->pod);
}

/* Safe to call at any time: a container that was started already is left alone. */
void pod_advance(struct pod *pod)
{
    for (size_t i = 0; i < pod->count && pod->containers[i].init; i++) {
        struct pod_container *c = &pod->containers[i];

        if (c->state == CONTAINER_WAITING)
            start_container(c);
        if (c->sidecar && c->started)
            continue;
        if (c->sidecar || c->state != CONTAINER_EXITED || container_has_failed(c))
            return;
    }
    for (size_t i = 0; i < pod->count; i++)
        if (!pod->containers[i].init && pod->containers[i].state == CONTAINER_WAITING)
            start_container(&pod->containers[i]);
}

/* The other containers have ended: sidecars are told to end once. True while one of them runs. */
static bool sidecars_run(struct pod *pod)
{
    struct pods *pods = pod->pods;
    bool any = false, first = pod->state == POD_RUNNING;

    if (first)
        pod_move(pod, POD_WINDING);
    for (size_t i = 0; i < pod->count; i++) {
        struct pod_container *c = &pod->containers[i];

        if (!c->sidecar)
            continue;
        loop_timer_stop(c->timer);
        c->backing_off = false;
        any |= container_runs(c);
        if (first && container_runs(c)) {
            probes_end(c);
            pods->driver->stop(pods->runtime, pod->id, c->name, pod_grace(pod));
        }
    }
    return any;
}

/* A pod has finished when no container runs, waits for a restart, or is still to be started. */
void pod_look_for_end(struct pod *pod)
{
    bool init_failed = false;

    for (size_t i = 0; i < pod->count; i++) {
        struct pod_container *c = &pod->containers[i];

        if (c->sidecar)
            continue;
        init_failed |= c->init && container_has_failed(c) && !will_restart(c);
        if (container_runs(c) || c->backing_off || loop_timer_is_set(c->timer))
            return;
        if (c->state == CONTAINER_WAITING && !init_failed)
            return;
    }
    if (sidecars_run(pod))
        return;
    if (pod->state != POD_FINISHED)
        pod_move(pod, POD_FINISHED);
    pod->finished = clock_wall();
    pod_wake_waiting(pod->pods);
}

static void explain_end(struct pod_container *c, const char *reason, const char *message)
{
    if (c->killed_by_probe)
        return; /* the message of the probe tells more than "ended by signal 15" */
    if (c->state == CONTAINER_FAILED)
        manifest_why_set(container_explain(c), *reason ? reason : "CannotRun", "%.390s", message);
    else if (c->oom && c->signal == SIGKILL)
        manifest_why_set(container_explain(c), "OOMKilled",
                         "container %.80s used more memory than its limit", c->name);
    else if (c->signal) /* the message is the last line of its stderr */
        manifest_why_set(container_explain(c), "Error",
                         "container %.80s was ended by signal %d%s%.200s", c->name, c->signal,
                         *message ? ": " : "", message);
    else
        manifest_why_set(container_explain(c), c->code ? "Error" : "Completed",
                         "container %.80s ended with exit code %d%s%.200s", c->name, c->code,
                         *message ? ": " : "", message);
}

/* A child process was killed for memory, and the main process ended otherwise: its exit code is
   what counts, and an Event tells a person of the child. */
static void tell_child_oom(const struct pod_container *c)
{
    if (c->oom && c->signal != SIGKILL && !c->pod->adopting)
        pod_note(c->pod, "Warning", "OOMKilling",
                 "a process of container %s was killed because the container used more memory than "
                 "its limit; its main process went on",
                 c->name);
}

/* What is left of a pause. The container may have ended while no agent ran. */
static int64_t pause_left(int64_t wait, int64_t ended)
{
    int64_t left = ended + wait - clock_wall();

    return left < 0 ? 0 : left > wait ? wait : left;
}

/* Whether the container had come up well before it ended, so that its end does not count as a
   crash (plan_end()). Never in a Job, which counts every failure. */
static bool was_well_before(const struct pod_container *c, bool ready)
{
    return ready && c->state == CONTAINER_EXITED && !c->killed_by_probe && !c->oom &&
           !pod_workload(c->pod).job && (!c->init || c->sidecar);
}

static void plan_restart(struct pod_container *c, bool ready)
{
    int64_t ran = c->state == CONTAINER_EXITED ? c->ended - c->began : 0;
    int64_t wait = plan_end(&c->ends, ran, was_well_before(c, ready));
    struct manifest_why last = *container_why(c);

    c->backing_off = wait > 0;
    c->next_start = c->ended + wait;
    if (wait > 0 && (!strcmp(last.reason, "Error") || !strcmp(last.reason, "Completed")))
        manifest_why_set(container_explain(c), "CrashLoopBackOff",
                         "%.250s; next try %lld s after that", last.message,
                         (long long)(wait / CLOCK_SECOND));
    pod_note(c->pod, "Warning", wait > 0 ? "BackOff" : "Restarted", "%s",
             container_why(c)->message);
    /* Without a pause it is started in this turn of the loop. */
    if (wait == 0)
        start_container(c);
    else
        loop_timer_set(c->timer, pause_left(wait, c->ended));
}

/* Ends a container that runs but is not well; pod_on_ended() starts it again. */
static void restart_container(struct pod_container *c, const char *reason, const char *message)
{
    if (!container_runs(c) || c->killed_by_probe)
        return;
    c->killed_by_probe = true;
    manifest_why_set(container_explain(c), reason, "container %.80s: %.300s", c->name, message);
    pod_note(c->pod, "Warning", reason, "%s", container_why(c)->message);
    probes_end(c);
    pod_stop_container(c);
}

static void on_probes(struct pod_container *c, enum probes_result result, const char *message)
{
    if (result == PROBES_FAILED)
        restart_container(c, "ProbeFailed", message);
    else if (c->sidecar && !c->pod->adopting)
        pod_advance(c->pod); /* the containers after a sidecar wait for its start */
}

/* Probes begin after the postStart hook, as in Kubernetes. */
static void on_post_start(struct pod_container *c, bool ok, const char *message)
{
    if (!ok) {
        restart_container(c, "FailedPostStartHook", message);
    } else if (container_runs(c) && !pods_is_leaving(c->pod)) {
        probes_begin(c, on_probes);
        pod_tell_changed(c->pod);
    }
}

void pod_on_started(struct pod_container *c, const struct runtime_event *event)
{
    c->state = CONTAINER_RUNNING;
    container_set_waits(c, NULL);
    c->run = event->run;
    c->pid = event->pid;
    c->began = event->started;
    c->started = c->ready = false;
    c->pod->ready_since = 0;
    /* A container that was found running had its postStart hook under the agent before. */
    if (c->pod->adopting || !hook_begin(c, HOOK_POST_START, POST_START_MOST, on_post_start)) {
        probes_begin(c, on_probes);
        pod_tell_changed(c->pod); /* without probes it is ready now */
    }
}

/* Re-entrant: what starts or ends containers below may tell the caller of the module, which only
   notes it. The pod itself is not freed here. */
void pod_on_ended(struct pod_container *c, const struct runtime_event *event)
{
    struct pod *pod = c->pod;
    bool ready = c->ready;

    pod->adopted &= pod->adopting; /* this agent has seen an end, so it was not only adopted */
    probes_end(c);
    c->started = false;
    container_set_waits(c, NULL);
    loop_timer_stop(c->hook_timer);
    c->state = event->kind == RUNTIME_FAILED ? CONTAINER_FAILED : CONTAINER_EXITED;
    c->run = event->run;
    c->pid = 0;
    c->code = event->code;
    c->signal = event->signal;
    c->oom = event->oom;
    c->began = event->started;
    c->ended = event->finished;
    explain_end(c, event->reason ? event->reason : "", event->message ? event->message : "");
    tell_child_oom(c);
    c->hook = HOOK_NONE;
    if (pods_is_leaving(pod)) {
        pod_go_on_ending(pod);
        return;
    }
    c->unpulled += lacks_image(c);
    if (will_restart(c))
        plan_restart(c, ready);
    else
        pod_advance(pod);
    pod_look_for_end(pod);
}
