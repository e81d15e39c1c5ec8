/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a pod in memory and says what can be said of it. */

#include "cluster/pod.h"

#include "base/clock.h"
#include "base/log.h"
#include "number/number.h"
#include "cluster/service.h"

#include <stdio.h>
#include <string.h>

/* ---- In memory ----------------------------------------------------------------- */

static void on_timer(void *arg)
{
    struct local_pod *pod = object_from(local_pod, LOCAL_POD_TAG, arg);

    if (!pod->made && !pod->terminating)
        pod_try_make(pod);
}

void pod_take_containers(struct local_pod *pod)
{
    const struct node *spec = node_get(pod->template, "spec");
    const struct node *lists[] = { node_get(spec, "initContainers"), node_get(spec, "containers") };
    size_t count = node_count(lists[0]) + node_count(lists[1]);

    pod->containers = mem_alloc(count * sizeof *pod->containers + 1);
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < node_count(lists[l]); i++) {
            struct local_container *c = &pod->containers[pod->count++];

            c->pod = pod;
            c->spec = node_item(lists[l], i);
            c->name = node_get_text(c->spec, "name");
            c->init = l == 0;
            c->sidecar = c->init && !strcmp(node_get_text(c->spec, "restartPolicy"), "Always");
            c->hook_timer = loop_timer_new(pod->cluster->options.loop, hook_slept, c);
            c->timer = loop_timer_new(pod->cluster->options.loop, pod_on_restart, c);
        }
}

struct local_pod *pod_new(struct cluster *cluster, const char *id)
{
    struct local_pod *pod = mem_alloc(sizeof *pod);

    pod->tag = LOCAL_POD_TAG;
    pod->cluster = cluster;
    pod->arena = arena_new();
    pod->id = arena_string(pod->arena, id);
    pod->ports = node_map(pod->arena);
    pod->timer = loop_timer_new(cluster->options.loop, on_timer, pod);
    pod->noted = -1;
    map_put(cluster->pods, id, pod);
    return pod;
}

static bool waits_for_port(const struct local_pod *pod)
{
    return !pod->made && !pod->terminating && !strcmp(pod->why.reason, "PortConflict");
}

/* What it held is free: who waits for a port need not wait any longer. */
void pod_wake_waiting(struct cluster *cluster)
{
    struct local_pod *pod;
    size_t at = 0;

    while (!cluster->closing && (pod = map_next(cluster->pods, &at, NULL)))
        if (waits_for_port(pod))
            loop_timer_set(pod->timer, 0);
}

void pod_free(struct local_pod **pod)
{
    struct local_pod *p = *pod;

    if (!p)
        return;
    map_remove(p->cluster->pods, p->id);
    pod_wake_waiting(p->cluster);
    if (!p->cluster->closing)
        services_touch(p->cluster);
    for (size_t i = 0; i < p->count; i++) {
        check_end(&p->containers[i]);
        loop_timer_free(&p->containers[i].timer);
        loop_timer_free(&p->containers[i].hook_timer);
    }
    loop_timer_free(&p->timer);
    mem_free(&p->containers);
    arena_free(&p->arena);
    p->tag = 0;
    mem_free(pod);
}

/* Since when one has been ready that is so at the first look of a new agent. What no probe
   is asked of was as soon as its last container began. */
static int64_t ready_before(const struct local_pod *pod)
{
    int64_t last = 0, now = clock_wall();
    bool asked = false;

    for (size_t i = 0; i < pod->count; i++) {
        const struct local_container *c = &pod->containers[i];

        if (c->state == CONTAINER_RUNNING && c->began > last)
            last = c->began;
        asked |= c->probes[PROBE_READINESS].spec || c->probes[PROBE_STARTUP].spec;
    }
    if (asked && pod->noted >= 0)
        last = pod->noted >= last ? pod->noted : now;
    return last && last < now ? last : now;
}

void pod_note_ready(struct local_pod *pod)
{
    struct cluster *cluster = pod->cluster;

    if (!pod->made || pod->adopting || pod->terminating || pod->noted == pod->ready_since)
        return;
    pod->noted = pod->ready_since;
    cluster->runtime_driver->note_ready(cluster->runtime, pod->id, pod->noted);
}

void pod_changed(struct local_pod *pod)
{
    struct local_object *object = local_workload_of(pod);
    struct local_owner *owner = map_get(pod->cluster->owners, pod->owner);
    bool ready = pod_is_ready(pod);

    if (ready != (pod->ready_since > 0))
        pod->ready_since = !ready ? 0 : pod->adopted ? ready_before(pod) : clock_wall();
    pod->adopted &= !ready;
    if (ready == (pod->unready_since > 0))
        pod->unready_since = ready ? 0 : clock_wall();
    pod_note_ready(pod);
    if (object)
        local_touch(object);
    if (owner)
        owner->dirty = true;
    services_touch(pod->cluster);
}

void pod_tell_hosts(struct local_pod *pod, const struct node *names, uint64_t hash)
{
    struct cluster *cluster = pod->cluster;
    scoped_arena struct arena *arena = arena_new();
    struct node *lines;
    struct err err = { 0 };

    if (hash == pod->hosts)
        return;
    pod->hosts = hash;
    lines = compile_hosts(pod, arena, names);
    if (cluster->runtime_driver->set_hosts(cluster->runtime, pod->id, lines, &err) < 0)
        log_warn("cluster", "pod %s: %s", pod->name, err.text);
}

/* ---- What can be said of it ------------------------------------------------------------- */

const char *pod_policy(const struct local_pod *pod)
{
    const char *policy = node_get_text(node_get(pod->template, "spec"), "restartPolicy");

    return *policy ? policy : "Always";
}

bool pod_runs(const struct local_container *c)
{
    return c->state == CONTAINER_RUNNING;
}

/* By how its main process ended: what became of a child is that one's own affair. */
bool pod_has_failed(const struct local_container *c)
{
    return c->state == CONTAINER_FAILED ||
           (c->state == CONTAINER_EXITED && (c->code || c->signal));
}

bool pod_is_ready(const struct local_pod *pod)
{
    if (pod->terminating || pod->finished || !pod->made)
        return false;
    for (size_t i = 0; i < pod->count; i++)
        if ((!pod->containers[i].init || pod->containers[i].sidecar) && !pod->containers[i].ready)
            return false;
    return true;
}

/* The pause before its last start: containers that crashed, pods that were lost. */
static int64_t last_pause(const struct local_pod *pod)
{
    const struct local_object *object = local_workload_of(pod);
    bool replaces = object && object->losses && pod->created >= object->lost;
    int64_t most = replaces ? plan_backoff(object->losses) : 0;

    for (size_t i = 0; i < pod->count; i++) {
        int64_t pause = plan_trial(&pod->containers[i].ends);

        if (!pod->containers[i].init || pod->containers[i].sidecar)
            most = pause > most ? pause : most;
    }
    return most;
}

int64_t pod_available_from(const struct local_pod *pod, int64_t least)
{
    int64_t pause;

    if (!pod_is_ready(pod) || !pod->ready_since)
        return 0;
    pause = last_pause(pod);
    return pod->ready_since + (pause > least ? pause : least);
}

bool pod_is_available(const struct local_pod *pod, int64_t least)
{
    int64_t from = pod_available_from(pod, least);

    return from && clock_wall() >= from;
}

bool pod_is_on_trial(const struct local_pod *pod, int64_t least)
{
    return pod_is_ready(pod) && pod->ready_since && clock_wall() >= pod->ready_since + least &&
           !pod_is_available(pod, least);
}

bool pod_is_broken(const struct local_pod *pod)
{
    if (pod_is_ready(pod))
        return false;
    for (size_t i = 0; i < pod->count; i++)
        if (pod->containers[i].backing_off)
            return true;
    return !pod->made || pod->lost ||
           (pod->unready_since && clock_wall() >= pod->unready_since + PLAN_BACKOFF_RESET);
}

bool pod_may_be_ready(const struct local_pod *pod)
{
    if (!pod->adopted || pod_is_broken(pod))
        return false;
    for (size_t i = 0; i < pod->count; i++)
        if ((!pod->containers[i].init || pod->containers[i].sidecar) &&
            !(pod_runs(&pod->containers[i]) && pod->containers[i].began))
            return false;
    return true;
}

const char *pod_phase(const struct local_pod *pod)
{
    bool any = false;

    if (!pod->made)
        return "Pending";
    if (pod->finished) {
        for (size_t i = 0; i < pod->count; i++)
            if (pod->lost ||
                (!pod->containers[i].sidecar && pod_has_failed(&pod->containers[i])))
                return "Failed";
        return "Succeeded";
    }
    for (size_t i = 0; i < pod->count; i++)
        any |= !pod->containers[i].init && pod->containers[i].run > 0;
    return any ? "Running" : "Pending";
}

static bool probe_trouble(const struct local_container *c, struct manifest_why *ret, bool *ret_final)
{
    static const struct {
        int kind;
        const char *name;
    } probes[] = {
        { PROBE_STARTUP, "startupProbe" },
        { PROBE_READINESS, "readinessProbe" },
        { PROBE_LIVENESS, "livenessProbe" },
    };

    for (size_t i = 0; i < count_of(probes); i++) {
        const struct local_probe *probe = &c->probes[probes[i].kind];

        if (!probe->spec || !*probe->answer || (probes[i].kind == PROBE_STARTUP && c->started))
            continue;
        manifest_why_set(ret, "ProbeFailed", "container %.80s: %s: %.250s", c->name, probes[i].name,
                probe->answer);
        *ret_final = probes[i].kind == PROBE_READINESS &&
                     probe->bad >= number_get(probe->spec, "failureThreshold", NUMBER_COUNT, 3);
        return true;
    }
    return false;
}

/* It runs again, but not yet for as long as it had to wait for that. */
static bool is_on_trial(const struct local_container *c)
{
    int64_t now = clock_wall();

    return pod_runs(c) && now >= c->began && now < c->began + plan_trial(&c->ends);
}

bool pod_trouble(const struct local_pod *pod, struct manifest_why *ret, bool *ret_final)
{
    static const char *const waits[] = { "MissingConfigMap", "MissingSecret",
                                         "MissingPersistentVolumeClaim", "VolumeInUse" };

    *ret_final = true;
    if (*pod->why.reason) {
        *ret = pod->why;
        for (size_t i = 0; i < count_of(waits); i++)
            if (!strcmp(pod->why.reason, waits[i]))
                *ret_final = false;
        return true;
    }
    for (size_t i = 0; i < pod->count; i++) {
        const struct local_container *c = &pod->containers[i];

        if (*c->why.reason && (c->backing_off || pod_has_failed(c) || is_on_trial(c))) {
            *ret = c->why;
            return true;
        }
    }
    for (size_t i = 0; i < pod->count; i++)
        if (pod_runs(&pod->containers[i]) &&
            probe_trouble(&pod->containers[i], ret, ret_final))
            return true;
    return false;
}

/* What a container is waiting for, or what the pod waits for in it. */
static bool container_wait(const struct local_container *c, struct manifest_why *ret)
{
    bool first = c->init && !c->sidecar;

    if (c->state == CONTAINER_WAITING)
        manifest_why_set(ret, "ContainerCreating", "%s %.80s is being started",
                c->init ? "init container" : "container", c->name);
    else if (pod_runs(c) && *c->waits)
        manifest_why_set(ret, "VolumeInPreparation", "container %.80s: %.280s", c->name, c->waits);
    else if (pod_runs(c) && !c->began)
        manifest_why_set(ret, "ContainerCreating", "%s %.80s is being started",
                c->init ? "init container" : "container", c->name);
    else if (first && pod_runs(c))
        manifest_why_set(ret, "PodInitializing", "waits for the init container %.80s to end", c->name);
    else if (!first && pod_runs(c) && c->hook == HOOK_POST_START)
        manifest_why_set(ret, "PostStartHook", "container %.80s: its postStart hook has not ended yet",
                c->name);
    else if (!first && pod_runs(c) && !c->started && c->probes[PROBE_STARTUP].spec)
        manifest_why_set(ret, "StartupProbe", "container %.80s: its startupProbe has not succeeded yet",
                c->name);
    else if (!first && pod_runs(c) && !c->ready && c->probes[PROBE_READINESS].spec)
        manifest_why_set(ret, "ReadinessProbe", "container %.80s: its readinessProbe has not succeeded yet",
                c->name);
    else
        return false;
    return true;
}

bool pod_waits(const struct local_pod *pod, struct manifest_why *ret)
{
    if (pod->terminating || pod->finished)
        return false;
    if (!pod->made) {
        manifest_why_set(ret, "ContainerCreating", "is being made");
        return true;
    }
    for (size_t i = 0; i < pod->count; i++)
        if (container_wait(&pod->containers[i], ret))
            return true;
    return false;
}

/* ---- What it is told ----------------------------------------------------------------- */

void pod_refresh_files(struct local_pod *pod)
{
    struct cluster *cluster = pod->cluster;
    const struct node *volumes = node_at(pod->template, "spec", "volumes", NULL);
    const struct local_object *object = local_workload_of(pod);

    if (object && object->adopted)
        return; /* what they hold now is not known: they keep what they have */
    /* One that is outdated before it was made is only replaced; what waits for something
       else has its pauses. */
    if (!pod->made && !pod->terminating && object && !strcmp(object->hash, pod->hash) &&
        (text_starts(pod->why.reason, "Missing") || !*pod->why.reason))
        pod_try_make(pod);
    for (size_t i = 0; pod->made && !pod->terminating && !pod->lost && i < node_count(volumes); i++) {
        scoped_arena struct arena *arena = arena_new();
        const struct node *volume = node_item(volumes, i);
        struct manifest_why why = { 0 };
        struct err err = { 0 };
        struct node *files = compile_files(pod, volume, arena, &why);

        if (files && cluster->runtime_driver->set_files(cluster->runtime, pod->id,
                                                        node_get_text(volume, "name"), files,
                                                        &err) < 0)
            log_warn("cluster", "pod %s: %s", pod->name, err.text);
    }
}
