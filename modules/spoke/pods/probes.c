/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the startup, readiness and liveness probes of running containers, and counts the answers. */

#include "pods/compile.h"
#include "pods/life.h"

#include "base/clock.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

static const char *const probe_names[PROBE_KINDS] = {
    [PROBE_STARTUP] = "startupProbe",
    [PROBE_READINESS] = "readinessProbe",
    [PROBE_LIVENESS] = "livenessProbe",
};

/* A probe that is being asked. Its pod may be freed or its container restarted before the answer
   comes, so it is found again by pod id, uid and run. */
struct question {
    struct pods *pods;
    char *pod, *uid; /* owned */
    size_t container;
    int kind;
    int64_t run;
};

static void schedule_probe(struct pod_probe *probe);

static int64_t read_seconds(const struct node *spec, const char *name, int64_t none)
{
    int64_t value = number_get(spec, name, NUMBER_SECONDS, none);

    return (value > 0 && value < 86400 * 365 ? value : none) * CLOCK_SECOND;
}

/* initialDelaySeconds count from the container's start, also where an agent before saw that, and
   however long the startupProbe took. */
static int64_t first_probe_delay(const struct pod_probe *probe)
{
    int64_t delay =
        clock_seconds(number_get(probe->spec, "initialDelaySeconds", NUMBER_SECONDS, 0));
    int64_t ran = clock_wall() - probe->container->began;

    if (!probe->container->began || ran < 0)
        return delay;
    return delay > ran ? delay - ran : 0;
}

static void begin_probe(struct pod_container *c, int kind)
{
    struct pod_probe *probe = &c->probes[kind];
    int64_t first;

    if (!probe->spec)
        return;
    first = first_probe_delay(probe);
    probe->tries = probe->good = probe->bad = 0;
    probe->in_flight = false;
    mem_free(&probe->response);
    loop_timer_set(probe->timer, first > 0 ? first : 5 * CLOCK_MS);
}

/* Readiness and liveness are asked from the moment that the startup probe has passed. */
static void begin_later_probes(struct pod_container *c)
{
    c->started = true;
    begin_probe(c, PROBE_READINESS);
    begin_probe(c, PROBE_LIVENESS);
    if (!c->probes[PROBE_READINESS].spec)
        c->ready = true;
    c->on_probes(c, PROBES_STARTED, "");
}

static struct pod_container *find_asked_container(const struct question *q)
{
    struct pod *pod = q->pods->closing ? NULL : map_get(q->pods->all, q->pod);
    struct pod_container *c;

    if (!pod || strcmp(pod->uid, q->uid) != 0 || q->container >= pod->count)
        return NULL;
    c = &pod->containers[q->container];
    /* A probe that was ended meanwhile has no timer any more. */
    return c->run == q->run && c->state == CONTAINER_RUNNING && c->probes[q->kind].timer ? c : NULL;
}

/* The startup probe, and the readiness probe of a container that is not ready yet, are asked more
   often than periodSeconds at first, since the rollout waits for them. */
static bool is_hurried(const struct pod_probe *probe)
{
    return probe->tries < 20 && (probe->kind == PROBE_STARTUP ||
                                 (probe->kind == PROBE_READINESS && !probe->container->ready));
}

static int64_t hurried_pause(const struct pod_probe *probe)
{
    return (INT64_C(20) << probe->tries) * CLOCK_MS;
}

/* A probe that was asked sooner than periodSeconds may fail: Kubernetes would not have asked. */
static bool is_failure_counted(const struct pod_probe *probe)
{
    return !is_hurried(probe) ||
           hurried_pause(probe) >= read_seconds(probe->spec, "periodSeconds", 10);
}

static void note_probe_success(struct pod_probe *probe)
{
    struct pod_container *c = probe->container;

    probe->bad = 0;
    mem_free(&probe->response);
    if (++probe->good < number_get(probe->spec, "successThreshold", NUMBER_COUNT, 1))
        return;
    if (probe->kind == PROBE_STARTUP && !c->started)
        begin_later_probes(c);
    if (probe->kind == PROBE_READINESS)
        c->ready = true;
}

static void note_probe_failure(struct pod_probe *probe, const char *message)
{
    struct pod_container *c = probe->container;
    char text[380];

    probe->good = 0;
    c->pod->adopted &= probe->kind != PROBE_READINESS;
    mem_free(&probe->response);
    probe->response = mem_printf("%.299s", message);
    if (!is_failure_counted(probe) ||
        ++probe->bad < number_get(probe->spec, "failureThreshold", NUMBER_COUNT, 3))
        return;
    if (probe->kind == PROBE_READINESS) {
        c->ready = false;
        return;
    }
    snprintf(text, sizeof text, "%s failed %d times: %.290s", probe_names[probe->kind], probe->bad,
             message);
    c->on_probes(c, PROBES_FAILED, text);
}

/* The callbacks below may restart the container, which frees its timers: state is checked again
   before the next question. */
static void on_probe_answer(void *arg, bool ok, const char *message)
{
    struct question *q = arg;
    struct pod_container *c = find_asked_container(q);
    struct pod_probe *probe = c ? &c->probes[q->kind] : NULL;

    if (probe) {
        probe->in_flight = false;
        if (ok)
            note_probe_success(probe);
        else
            note_probe_failure(probe, message);
        probe->tries++;
        if (c->state == CONTAINER_RUNNING && !c->killed_by_probe &&
            !(probe->kind == PROBE_STARTUP && c->started))
            schedule_probe(probe);
        pod_tell_changed(c->pod);
    }
    mem_free(&q->pod);
    mem_free(&q->uid);
    mem_free(&q);
}

/* 20 ms, doubled with each try, until periodSeconds are reached. */
static void schedule_probe(struct pod_probe *probe)
{
    int64_t period = read_seconds(probe->spec, "periodSeconds", 10), soon = period;

    if (is_hurried(probe))
        soon = hurried_pause(probe);
    loop_timer_set(probe->timer, soon < period ? soon : period);
}

static void on_probe_timer(void *arg)
{
    struct pod_probe *probe = arg;
    struct pod_container *c = probe->container;
    struct pods *pods = c->pod->pods;
    scoped_arena struct arena *arena = arena_new();
    struct question *q;

    if (probe->in_flight || c->state != CONTAINER_RUNNING)
        return;
    probe->in_flight = true;
    q = mem_alloc(sizeof *q);
    *q = (struct question){pods,
                           mem_copy_string(c->pod->id),
                           mem_copy_string(c->pod->uid),
                           (size_t)(c - c->pod->containers),
                           probe->kind,
                           c->run};
    pods->driver->probe(pods->runtime, c->pod->id, c->name,
                        ports_resolve_probe(c, probe->spec, arena),
                        read_seconds(probe->spec, "timeoutSeconds", 1), on_probe_answer, q);
}

/* The container was ready when the agent before ended, and has run since: it counts as ready until
   a probe fails, so that a restart of the agent changes no workload's status. */
static bool was_ready(const struct pod_container *c)
{
    return c->pod->adopting && c->pod->noted > 0 && c->began && c->began <= c->pod->noted;
}

void probes_begin(struct pod_container *c, probes_fn *on_result)
{
    probes_end(c);
    c->on_probes = on_result;
    c->started = c->ready = false;
    for (int kind = 0; kind < PROBE_KINDS; kind++) {
        const struct node *spec = node_get(c->spec, probe_names[kind]);
        struct pod_probe *probe = &c->probes[kind];

        mem_free(&probe->response);
        *probe = (struct pod_probe){
            .container = c, .kind = kind, .spec = node_is(spec, NODE_MAP) ? spec : NULL};
        if (probe->spec)
            probe->timer = loop_timer_new(c->pod->pods->options.loop, on_probe_timer, probe);
    }
    if (c->probes[PROBE_STARTUP].spec && !was_ready(c))
        begin_probe(c, PROBE_STARTUP);
    else
        begin_later_probes(c);
    c->ready |= was_ready(c);
}

void probes_end(struct pod_container *c)
{
    c->ready = false;
    for (int kind = 0; kind < PROBE_KINDS; kind++)
        loop_timer_free(&c->probes[kind].timer);
}
