/* SPDX-License-Identifier: Apache-2.0 */
/* Asks running containers whether they have started, are ready, are alive. */

#include "cluster/pod.h"

#include "base/clock.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

static const char *const probe_names[PROBE_KINDS] = {
    [PROBE_STARTUP] = "startupProbe",
    [PROBE_READINESS] = "readinessProbe",
    [PROBE_LIVENESS] = "livenessProbe",
};

/* A question on its way; what it was about may be gone when it is answered. */
struct question {
    struct cluster *cluster;
    char *pod, *uid; /* owned */
    size_t container;
    int kind;
    int64_t run;
};

static void schedule(struct local_probe *probe);

static int64_t seconds(const struct node *spec, const char *name, int64_t none)
{
    int64_t value = number_get(spec, name, NUMBER_SECONDS, none);

    return (value > 0 && value < 86400 * 365 ? value : none) * CLOCK_SECOND;
}

/* initialDelaySeconds count from the container's start, whichever agent saw it and however
   long its startupProbe took. */
static int64_t first_delay(const struct local_probe *probe)
{
    int64_t delay = clock_seconds(number_get(probe->spec, "initialDelaySeconds", NUMBER_SECONDS, 0));
    int64_t ran = clock_wall() - probe->container->began;

    if (!probe->container->began || ran < 0)
        return delay;
    return delay > ran ? delay - ran : 0;
}

static void begin_one(struct local_container *c, int kind)
{
    struct local_probe *probe = &c->probes[kind];
    int64_t first;

    if (!probe->spec)
        return;
    first = first_delay(probe);
    probe->tries = probe->good = probe->bad = 0;
    probe->asking = false;
    probe->answer[0] = '\0';
    loop_timer_set(probe->timer, first > 0 ? first : 5 * CLOCK_MS);
}

static void begin_rest(struct local_container *c)
{
    c->started = true;
    begin_one(c, PROBE_READINESS);
    begin_one(c, PROBE_LIVENESS);
    if (!c->probes[PROBE_READINESS].spec)
        c->ready = true;
    if (c->sidecar && !c->pod->adopting)
        pod_advance(c->pod); /* whoever comes after it waited for this */
}

static struct local_container *still_there(const struct question *q)
{
    struct local_pod *pod = q->cluster->closing ? NULL : map_get(q->cluster->pods, q->pod);
    struct local_container *c;

    if (!pod || strcmp(pod->uid, q->uid) != 0 || q->container >= pod->count)
        return NULL;
    c = &pod->containers[q->container];
    /* Whose probes have ended has no timer for them any more. */
    return c->run == q->run && c->state == CONTAINER_RUNNING && c->probes[q->kind].timer
               ? c : NULL;
}

/* What is asked sooner than its period says: what is waited for. */
static bool is_hurried(const struct local_probe *probe)
{
    return probe->tries < 20 && (probe->kind == PROBE_STARTUP || (probe->kind == PROBE_READINESS &&
                                                                  !probe->container->ready));
}

static int64_t hurry(const struct local_probe *probe)
{
    return (INT64_C(20) << probe->tries) * CLOCK_MS;
}

/* A failure of a question that came too soon proves nothing. */
static bool counts(const struct local_probe *probe)
{
    return !is_hurried(probe) || hurry(probe) >= seconds(probe->spec, "periodSeconds", 10);
}

static void passed(struct local_probe *probe)
{
    struct local_container *c = probe->container;

    probe->bad = 0;
    probe->answer[0] = '\0';
    if (++probe->good < number_get(probe->spec, "successThreshold", NUMBER_COUNT, 1))
        return;
    if (probe->kind == PROBE_STARTUP && !c->started)
        begin_rest(c);
    if (probe->kind == PROBE_READINESS)
        c->ready = true;
}

static void failed(struct local_probe *probe, const char *message)
{
    struct local_container *c = probe->container;
    char text[380];

    probe->good = 0;
    c->pod->adopted &= probe->kind != PROBE_READINESS;
    snprintf(probe->answer, sizeof probe->answer, "%s", message);
    if (!counts(probe) || ++probe->bad < number_get(probe->spec, "failureThreshold", NUMBER_COUNT, 3))
        return;
    if (probe->kind == PROBE_READINESS) {
        c->ready = false;
        return;
    }
    snprintf(text, sizeof text, "%s failed %d times: %.290s", probe_names[probe->kind], probe->bad,
             message);
    pod_restart_container(c, "ProbeFailed", text);
}

static void on_answer(void *arg, bool ok, const char *message)
{
    struct question *q = arg;
    struct local_container *c = still_there(q);
    struct local_probe *probe = c ? &c->probes[q->kind] : NULL;

    if (probe) {
        probe->asking = false;
        if (ok)
            passed(probe);
        else
            failed(probe, message);
        probe->tries++;
        if (c->state == CONTAINER_RUNNING && !c->killed_by_probe &&
            !(probe->kind == PROBE_STARTUP && c->started))
            schedule(probe);
        pod_changed(c->pod);
    }
    mem_free(&q->pod);
    mem_free(&q->uid);
    mem_free(&q);
}

/* Often at first, so that what is ready quickly is known to be quickly. */
static void schedule(struct local_probe *probe)
{
    int64_t period = seconds(probe->spec, "periodSeconds", 10), soon = period;

    if (is_hurried(probe))
        soon = hurry(probe);
    loop_timer_set(probe->timer, soon < period ? soon : period);
}

struct node *check_resolve(const struct local_container *c, const struct node *spec,
                           struct arena *arena)
{
    static const char *const kinds[] = { "httpGet", "tcpSocket", "grpc" };
    struct node *ask = node_share(arena, spec);

    for (size_t i = 0; i < count_of(kinds); i++) {
        struct node *where = node_get(ask, kinds[i]);

        if (!where)
            continue;
        where = node_share(arena, where);
        node_set_int(arena, where, "port", compile_port(c->pod, c, node_get(where, "port")));
        node_set(arena, ask, kinds[i], where);
    }
    return ask;
}

static void on_timer(void *arg)
{
    struct local_probe *probe = arg;
    struct local_container *c = probe->container;
    struct cluster *cluster = c->pod->cluster;
    scoped_arena struct arena *arena = arena_new();
    struct question *q;

    if (probe->asking || c->state != CONTAINER_RUNNING)
        return;
    probe->asking = true;
    q = mem_alloc(sizeof *q);
    *q = (struct question){ cluster, mem_copy_string(c->pod->id), mem_copy_string(c->pod->uid),
                            (size_t)(c - c->pod->containers), probe->kind, c->run };
    cluster->runtime_driver->probe(cluster->runtime, c->pod->id, c->name, check_resolve(c, probe->spec, arena),
                                   seconds(probe->spec, "timeoutSeconds", 1), on_answer, q);
}

/* It was when the agent before ended, and still runs: as long as no probe says otherwise
   it is, so that an agent's restart changes nothing for those that look at the workload. */
static bool was_ready(const struct local_container *c)
{
    return c->pod->adopting && c->pod->noted > 0 && c->began && c->began <= c->pod->noted;
}

void check_begin(struct local_container *c)
{
    check_end(c);
    c->started = c->ready = false;
    for (int kind = 0; kind < PROBE_KINDS; kind++) {
        const struct node *spec = node_get(c->spec, probe_names[kind]);
        struct local_probe *probe = &c->probes[kind];

        *probe = (struct local_probe){ .container = c, .kind = kind,
                                       .spec = node_is(spec, NODE_MAP) ? spec : NULL };
        if (probe->spec)
            probe->timer = loop_timer_new(c->pod->cluster->options.loop, on_timer, probe);
    }
    if (c->probes[PROBE_STARTUP].spec && !was_ready(c))
        begin_one(c, PROBE_STARTUP);
    else
        begin_rest(c);
    c->ready |= was_ready(c);
}

void check_end(struct local_container *c)
{
    c->ready = false;
    for (int kind = 0; kind < PROBE_KINDS; kind++)
        loop_timer_free(&c->probes[kind].timer);
}
