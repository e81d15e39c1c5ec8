/* SPDX-License-Identifier: Apache-2.0 */
/* Ends pods: preStop hooks, SIGTERM, removal; and takes note of pods that are lost. */

#include "pods/life.h"

#include "base/clock.h"

#include <string.h>

/* ---- Freeing ------------------------------------------------------------------------- */

/* A pod that could not be made because another one has its port. */
static bool waits_for_port(const struct pod *pod)
{
    return pod->state == POD_PENDING && !strcmp(pod->why.reason, "PortConflict");
}

/* The ports of a pod that ended are free, so pods that wait for a port try again at once. */
void pod_wake_waiting(struct pods *pods)
{
    struct pod *pod;
    size_t at = 0;

    while (!pods->closing && (pod = map_next(pods->all, &at, NULL)))
        if (waits_for_port(pod))
            loop_timer_set(pod->timer, 0);
}

/* Questions on their way find no pod of this uid any more when they are answered. */
static void release_pod_texts(struct pod *pod)
{
    const char **const texts[] = {&pod->id,    &pod->namespace, &pod->name, &pod->uid,
                                  &pod->owner, &pod->workload,  &pod->hash, &pod->project};

    for (size_t i = 0; i < count_of(texts); i++)
        document_release_text(texts[i]);
    document_release(&pod->template);
    document_release(&pod->ports);
}

void pod_free(struct pod **pod)
{
    struct pod *p = *pod;

    if (!p)
        return;
    map_remove(p->pods->all, p->id);
    pod_wake_waiting(p->pods);
    pod_tell(p, PODS_GONE);
    for (size_t i = 0; i < p->count; i++) {
        probes_end(&p->containers[i]);
        loop_timer_free(&p->containers[i].timer);
        loop_timer_free(&p->containers[i].hook_timer);
        mem_free(&p->containers[i].waits);
        mem_free(&p->containers[i].why);
        for (int kind = 0; kind < PROBE_KINDS; kind++)
            mem_free(&p->containers[i].probes[kind].response);
    }
    loop_timer_free(&p->timer);
    mem_free(&p->containers);
    release_pod_texts(p);
    p->tag = 0;
    mem_free(pod);
}

/* ---- Ending --------------------------------------------------------------------------------- */

/* The last step. Called after each end of a container, acts once nothing runs. The answer is
   RUNTIME_REMOVED, and then the pod is freed. */
static void remove_ended(struct pod *pod)
{
    struct pods *pods = pod->pods;

    for (size_t i = 0; i < pod->count; i++)
        if (container_runs(&pod->containers[i]))
            return;
    if (pod->state == POD_REMOVING)
        return;
    pod_move(pod, POD_REMOVING);
    pods->driver->remove(pods->runtime, pod->id);
}

/* SIGTERM to all containers, and SIGKILL to what is left after the grace period. */
static void stop_all(struct pod *pod)
{
    struct pods *pods = pod->pods;
    int64_t grace = pod_grace(pod), used = clock_steady() - pod->ending;

    pod_move(pod, POD_STOPPING);
    /* The grace period began with the hooks; two seconds of it are left in any case. */
    if (used > 0 && used < grace)
        grace = grace - used > 2 * CLOCK_SECOND ? grace - used : 2 * CLOCK_SECOND;
    else if (used >= grace && grace > 2 * CLOCK_SECOND)
        grace = 2 * CLOCK_SECOND;
    pods->driver->stop(pods->runtime, pod->id, NULL, grace);
    remove_ended(pod);
}

/* Whether a container is still in its preStop hook; SIGTERM waits for the end of that. */
static bool hooks_run(const struct pod *pod)
{
    for (size_t i = 0; i < pod->count; i++)
        if (pod->containers[i].hook == HOOK_PRE_STOP && container_runs(&pod->containers[i]))
            return true;
    return false;
}

/* A preStop hook is over, well or not: of one container that is restarted, or of a pod that ends.
 */
static void on_pre_stop(struct pod_container *c, bool ok, const char *message)
{
    struct pod *pod = c->pod;
    struct pods *pods = pod->pods;

    if (!pods_is_leaving(pod) && container_runs(c))
        pods->driver->stop(pods->runtime, pod->id, c->name, pod_grace(pod));
    else if (pod->state == POD_HOOKS && !hooks_run(pod))
        stop_all(pod);
}

static void begin_hooks(struct pod *pod)
{
    for (size_t i = 0; i < pod->count; i++)
        if (container_runs(&pod->containers[i]) && pod->containers[i].hook != HOOK_PRE_STOP)
            hook_begin(&pod->containers[i], HOOK_PRE_STOP, pod_grace(pod), on_pre_stop);
}

/* Re-entrant: the caller may call this from PODS_LOST. A pod that was never made has nothing
   to stop and is freed at once. */
void pods_end(struct pod *pod)
{
    if (pods_is_leaving(pod))
        return;
    if (!pod->adopting)
        pod->ending = clock_steady();
    loop_timer_stop(pod->timer);
    for (size_t i = 0; i < pod->count; i++) {
        probes_end(&pod->containers[i]);
        loop_timer_stop(pod->containers[i].timer);
    }
    if (!pods_is_made(pod)) {
        pod_tell_changed(pod);
        pod_free(&pod);
        return;
    }
    pod_move(pod, POD_HOOKS);
    if (!pod->lost && !pod->adopting)
        begin_hooks(pod);
    if (pod->state == POD_HOOKS && !hooks_run(pod)) /* the last hook may have ended already */
        stop_all(pod);
    pod_tell_changed(pod);
}

void pod_go_on_ending(struct pod *pod)
{
    if (pod->state == POD_FOUND)
        return; /* pod_adopt() decides how it goes on when all of its ends are read */
    if (pod->state != POD_HOOKS || hooks_run(pod))
        remove_ended(pod);
    else
        stop_all(pod); /* the last container whose hook was waited for */
}

void pod_stop_container(struct pod_container *c)
{
    struct pods *pods = c->pod->pods;

    if (!hook_begin(c, HOOK_PRE_STOP, pod_grace(c->pod), on_pre_stop))
        pods->driver->stop(pods->runtime, c->pod->id, c->name, pod_grace(c->pod));
}

/* ---- Lost -------------------------------------------------------------------------- */

/* No event will tell the end of a container whose shim is gone: it ended now, by SIGKILL. */
static void lose_container(struct pod_container *c, const char *reason, const char *message)
{
    probes_end(c);
    loop_timer_stop(c->timer);
    c->backing_off = false;
    if (!container_runs(c))
        return;
    c->state = CONTAINER_EXITED;
    c->signal = 9;
    c->pid = 0;
    manifest_why_set(container_explain(c), reason, "%.380s", message);
}

/* May be told twice of one pod: by the agent before, and again after a restart. */
void pod_on_lost(struct pod *pod, const char *reason, const char *message)
{
    bool again = pod->lost && !strcmp(reason, "Evicted"); /* the agent before has noted it */

    if (pod->lost && pod->finished && !pods_is_leaving(pod))
        return;
    pod->lost = true;
    manifest_why_set(&pod->why, reason, "%.380s", message);
    for (size_t i = 0; i < pod->count; i++)
        lose_container(&pod->containers[i], reason, message);
    if (!again)
        pod_note(pod, "Warning", reason, "%s", message);
    manifest_why_set(&pod->why, reason, "%.390s", message);
    pod->finished = clock_wall();
    if (pod->state == POD_RUNNING || pod->state == POD_WINDING)
        pod_move(pod, POD_FINISHED);
    if (pods_is_leaving(pod))
        remove_ended(pod);
    else if (pods_restarts_always(pod))
        pod_tell_lost(pod, reason, message); /* the pod may be freed by that */
}
