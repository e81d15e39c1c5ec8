/* SPDX-License-Identifier: Apache-2.0 */
/* Says what can be said of a pod: whether it is ready, what is wrong, what it waits for. */

#include "pods/pod.h"

#include "base/clock.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

/* ---- Out of its template and of its workload ------------------------------------------ */

struct pods_workload pod_workload(const struct pod *pod)
{
    const struct pods_callbacks *callbacks = &pod->pods->options.callbacks;
    struct pods_workload ret = {0};

    callbacks->workload(callbacks->arg, pod, &ret);
    return ret;
}

struct pods_viewer pod_viewer(const struct pod *pod)
{
    return (struct pods_viewer){pod->project, pod->owner, pod->namespace};
}

bool pods_restarts_always(const struct pod *pod)
{
    return !strcmp(pod_policy(pod), "Always");
}

int64_t pod_grace(const struct pod *pod)
{
    int64_t grace = number_get(node_get(pod->template, "spec"), "terminationGracePeriodSeconds",
                               NUMBER_SECONDS, 30);

    return (grace > 86400 ? 86400 : grace) * CLOCK_SECOND;
}

const char *pods_host(const struct pod *pod, struct arena *arena)
{
    struct pods_workload workload = pod_workload(pod);
    const char *given = node_get_text(node_get(pod->template, "spec"), "hostname");

    if (*given)
        return given;
    if (pod->index >= 0 && workload.name && workload.indexed)
        return arena_printf(arena, "%s-%d", workload.name, pod->index);
    return NULL;
}

const char *pod_own_host(const struct pod *pod, struct arena *arena)
{
    const char *host = pods_host(pod, arena);
    size_t len;

    if (!host)
        host = pod->name;
    len = strlen(host) < MANIFEST_HOST ? strlen(host) : MANIFEST_HOST;
    while (len > 1 && (host[len - 1] == '-' || host[len - 1] == '.'))
        len--;
    return arena_printf(arena, "%.*s", (int)len, host);
}

const char *pod_policy(const struct pod *pod)
{
    const char *policy = node_get_text(node_get(pod->template, "spec"), "restartPolicy");

    return *policy ? policy : "Always";
}

const struct manifest_why *container_why(const struct pod_container *c)
{
    static const struct manifest_why well;

    return c->why ? c->why : &well;
}

struct manifest_why *container_explain(struct pod_container *c)
{
    if (!c->why)
        c->why = mem_alloc(sizeof *c->why);
    return c->why;
}

void container_set_waits(struct pod_container *c, const char *waits)
{
    mem_free(&c->waits);
    if (waits)
        c->waits = mem_printf("%.299s", waits);
}

bool container_runs(const struct pod_container *c)
{
    return c->state == CONTAINER_RUNNING;
}

bool container_has_failed(const struct pod_container *c)
{
    return c->state == CONTAINER_FAILED || (c->state == CONTAINER_EXITED && (c->code || c->signal));
}

/* Init containers do not count, sidecars do. */
bool pods_is_ready(const struct pod *pod)
{
    if (pods_is_leaving(pod) || pod->finished || !pods_is_made(pod))
        return false;
    for (size_t i = 0; i < pod->count; i++)
        if ((!pod->containers[i].init || pod->containers[i].sidecar) && !pod->containers[i].ready)
            return false;
    return true;
}

/* The longest pause before the last start of one of its containers. */
static int64_t longest_trial(const struct pod *pod)
{
    int64_t most = 0;

    for (size_t i = 0; i < pod->count; i++) {
        int64_t pause = plan_trial(&pod->containers[i].ends);

        if (!pod->containers[i].init || pod->containers[i].sidecar)
            most = pause > most ? pause : most;
    }
    return most;
}

int64_t pods_available_from(const struct pod *pod, int64_t least, int64_t pause)
{
    int64_t trial = longest_trial(pod), wait = pause > trial ? pause : trial;

    if (!pods_is_ready(pod) || !pod->ready_since)
        return 0;
    return pod->ready_since + (wait > least ? wait : least);
}

bool pods_is_available(const struct pod *pod, int64_t least, int64_t pause)
{
    int64_t from = pods_available_from(pod, least, pause);

    return from && clock_wall() >= from;
}

bool pods_is_on_trial(const struct pod *pod, int64_t least, int64_t pause)
{
    return pods_is_ready(pod) && pod->ready_since && clock_wall() >= pod->ready_since + least &&
           !pods_is_available(pod, least, pause);
}

/* Rollouts replace broken pods first, and do not count them among the available ones. */
bool pods_is_broken(const struct pod *pod)
{
    if (pods_is_ready(pod))
        return false;
    for (size_t i = 0; i < pod->count; i++)
        if (pod->containers[i].backing_off)
            return true;
    return !pods_is_made(pod) || pod->lost ||
           (pod->unready_since && clock_wall() >= pod->unready_since + PLAN_BACKOFF_RESET);
}

/* Between the start of an agent and the first answers of its probes. */
bool pods_may_be_ready(const struct pod *pod)
{
    if (!pod->adopted || pods_is_broken(pod))
        return false;
    for (size_t i = 0; i < pod->count; i++)
        if ((!pod->containers[i].init || pod->containers[i].sidecar) &&
            !(container_runs(&pod->containers[i]) && pod->containers[i].began))
            return false;
    return true;
}

/* Kubernetes' phases. A sidecar that failed does not make its pod Failed. */
const char *pods_phase(const struct pod *pod)
{
    bool any = false;

    if (!pods_is_made(pod))
        return "Pending";
    if (pod->finished) {
        for (size_t i = 0; i < pod->count; i++)
            if (pod->lost ||
                (!pod->containers[i].sidecar && container_has_failed(&pod->containers[i])))
                return "Failed";
        return "Succeeded";
    }
    for (size_t i = 0; i < pod->count; i++)
        any |= !pod->containers[i].init && pod->containers[i].run > 0;
    return any ? "Running" : "Pending";
}

/* The failure of a readiness probe is final only once it has failed failureThreshold times. */
static bool probe_trouble(const struct pod_container *c, struct manifest_why *ret, bool *ret_final)
{
    static const struct {
        int kind;
        const char *name;
    } probes[] = {
        {PROBE_STARTUP, "startupProbe"},
        {PROBE_READINESS, "readinessProbe"},
        {PROBE_LIVENESS, "livenessProbe"},
    };

    for (size_t i = 0; i < count_of(probes); i++) {
        const struct pod_probe *probe = &c->probes[probes[i].kind];

        if (!probe->spec || !probe->response || (probes[i].kind == PROBE_STARTUP && c->started))
            continue;
        manifest_why_set(ret, "ProbeFailed", "container %.80s: %s: %.250s", c->name, probes[i].name,
                         probe->response);
        *ret_final = probes[i].kind == PROBE_READINESS &&
                     probe->bad >= number_get(probe->spec, "failureThreshold", NUMBER_COUNT, 3);
        return true;
    }
    return false;
}

/* The container runs again, but not yet for as long as it had to wait for its last start. */
static bool is_on_trial(const struct pod_container *c)
{
    int64_t now = clock_wall();

    return container_runs(c) && now >= c->began && now < c->began + plan_trial(&c->ends);
}

/* From the worst to the least: the pod cannot be made, a container crashes, a probe fails. */
bool pods_trouble(const struct pod *pod, struct manifest_why *ret, bool *ret_final)
{
    static const char *const waits[] = {"MissingConfigMap", "MissingSecret",
                                        "MissingPersistentVolumeClaim", "VolumeInUse"};

    *ret_final = true;
    if (*pod->why.reason) {
        *ret = pod->why;
        for (size_t i = 0; i < count_of(waits); i++)
            if (!strcmp(pod->why.reason, waits[i]))
                *ret_final = false;
        return true;
    }
    for (size_t i = 0; i < pod->count; i++) {
        const struct pod_container *c = &pod->containers[i];

        if (*container_why(c)->reason &&
            (c->backing_off || container_has_failed(c) || is_on_trial(c))) {
            *ret = *container_why(c);
            return true;
        }
    }
    for (size_t i = 0; i < pod->count; i++)
        if (container_runs(&pod->containers[i]) &&
            probe_trouble(&pod->containers[i], ret, ret_final))
            return true;
    return false;
}

/* What a container waits for, or what its pod waits for because of it. */
static bool container_wait(const struct pod_container *c, struct manifest_why *ret)
{
    bool first = c->init && !c->sidecar;

    if (c->state == CONTAINER_WAITING)
        manifest_why_set(ret, "ContainerCreating", "%s %.80s is being started",
                         c->init ? "init container" : "container", c->name);
    else if (container_runs(c) && c->waits)
        manifest_why_set(ret, "VolumeInPreparation", "container %.80s: %.280s", c->name, c->waits);
    else if (container_runs(c) && !c->began)
        manifest_why_set(ret, "ContainerCreating", "%s %.80s is being started",
                         c->init ? "init container" : "container", c->name);
    else if (first && container_runs(c))
        manifest_why_set(ret, "PodInitializing", "waits for the init container %.80s to end",
                         c->name);
    else if (!first && container_runs(c) && c->hook == HOOK_POST_START)
        manifest_why_set(ret, "PostStartHook",
                         "container %.80s: its postStart hook has not ended yet", c->name);
    else if (!first && container_runs(c) && !c->started && c->probes[PROBE_STARTUP].spec)
        manifest_why_set(ret, "StartupProbe",
                         "container %.80s: its startupProbe has not succeeded yet", c->name);
    else if (!first && container_runs(c) && !c->ready && c->probes[PROBE_READINESS].spec)
        manifest_why_set(ret, "ReadinessProbe",
                         "container %.80s: its readinessProbe has not succeeded yet", c->name);
    else
        return false;
    return true;
}

bool pods_waits(const struct pod *pod, struct manifest_why *ret)
{
    if (pods_is_leaving(pod) || pod->finished)
        return false;
    if (!pods_is_made(pod)) {
        manifest_why_set(ret, "ContainerCreating", "is being made");
        return true;
    }
    for (size_t i = 0; i < pod->count; i++)
        if (container_wait(&pod->containers[i], ret))
            return true;
    return false;
}

/* ---- Ends ---------------------------------------------------------------------------------- */

/* Every run but the present one has failed. Runs that lacked their image do not count. */
int pods_failures(const struct pod *pod)
{
    int64_t sum = 0;

    for (size_t i = 0; i < pod->count; i++) {
        const struct pod_container *c = &pod->containers[i];
        bool fine = !container_has_failed(c);

        if (!c->sidecar && c->run > (int64_t)c->unpulled + fine)
            sum += c->run - fine - c->unpulled;
    }
    return sum < MANIFEST_MOST_PODS * 1000 ? (int)sum : MANIFEST_MOST_PODS * 1000;
}

/* A container that could not be started counts as exit code 128. */
size_t pods_exits(const struct pod *pod, struct manifest_exit *ret, size_t room)
{
    size_t count = 0;

    for (size_t i = 0; i < pod->count && count < room; i++) {
        const struct pod_container *c = &pod->containers[i];

        if (c->state == CONTAINER_FAILED)
            ret[count++] = (struct manifest_exit){c->name, 128};
        else if (container_has_failed(c) && !pod->lost)
            ret[count++] = (struct manifest_exit){c->name, c->signal ? 128 + c->signal : c->code};
    }
    return count;
}
