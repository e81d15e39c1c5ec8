/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes the module, and hands on what the runtime says of pods. */

#include "pods/compile.h"
#include "pods/life.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

/* ---- A clock that was set ------------------------------------------------------------- */

static void move_time(int64_t *wall, int64_t by)
{
    if (*wall)
        *wall += by;
}

static void move_pod(struct pod *pod, int64_t by)
{
    move_time(&pod->created, by);
    move_time(&pod->finished, by);
    move_time(&pod->ready_since, by);
    move_time(&pod->unready_since, by);
    pod_keep_ready(pod);
    for (size_t i = 0; i < pod->count; i++) {
        struct pod_container *c = &pod->containers[i];

        move_time(&c->began, by);
        move_time(&c->ended, by);
        for (int kind = 0; kind < PROBE_KINDS; kind++)
            move_time(&c->probes[kind].began, by);
    }
}

/*
 * Times are remembered as the wall clock had them, so that they mean something after
 * a restart of the agent, and to people. When the clock is set by hours or years,
 * nothing has become older by that: all of it moves along, and deadlines, pauses and
 * minReadySeconds take as long as they were to. A drift of less than two seconds from
 * one look to the next is not corrected.
 */
void pods_mind_clock(struct pods *pods)
{
    const struct pods_callbacks *callbacks = &pods->options.callbacks;
    int64_t now = clock_wall() - clock_steady(), by = now - pods->clock;
    struct pod *pod;
    size_t at = 0;

    pods->clock = now;
    if (by > -2 * CLOCK_SECOND && by < 2 * CLOCK_SECOND)
        return;
    log_warn("cluster",
             "the clock of this machine was set %s by %lld s: what waits goes on for as "
             "long as it was to",
             by > 0 ? "forward" : "back", (long long)((by > 0 ? by : -by) / CLOCK_SECOND));
    while ((pod = pods_next(pods, &at)))
        move_pod(pod, by);
    callbacks->on_event(callbacks->arg, &(struct pods_event){.kind = PODS_CLOCK, .moved = by});
}

/* ---- What the runtime says -------------------------------------------------------------- */

static struct pod_container *find_container(struct pod *pod, const char *name)
{
    for (size_t i = 0; name && i < pod->count; i++)
        if (!strcmp(pod->containers[i].name, name))
            return &pod->containers[i];
    return NULL;
}

static void on_container_event(struct pod_container *c, const struct runtime_event *event)
{
    if (c->pod->state == POD_PENDING)
        return; /* a failed try to make it left something, which is removed */
    if (event->kind == RUNTIME_WAITS)
        container_set_waits(c, event->message);
    else if (c->pod->lost)
        return; /* its end is known already */
    else if (event->kind == RUNTIME_STARTED)
        pod_on_started(c, event);
    else
        pod_on_ended(c, event);
}

/* The caller is told first, since the pod may be freed below. It only notes that and looks at the
   pod in a later turn, when it has changed. */
static void on_pod_event(struct pods *pods, const struct runtime_event *event)
{
    struct pod *pod = pods_find(pods, event->pod);
    struct pod_container *c = pod ? find_container(pod, event->container) : NULL;

    if (!pod)
        return;
    pod_tell_changed(pod);
    if (event->kind == RUNTIME_REMOVED)
        pod_free(&pod);
    else if (event->kind == RUNTIME_LOST)
        pod_on_lost(pod, text_same(event->reason, "Evicted") ? "Evicted" : "Lost",
                    event->message ? event->message : "");
    else if (event->kind == RUNTIME_DRIFT)
        pod_note(pod, "Normal", "DriftCorrected", "%s was changed and has been put back",
                 event->message);
    else if (event->kind == RUNTIME_NOTE)
        pod_note(pod, "Warning", event->reason, "%s", event->message);
    else if (c)
        on_container_event(c, event);
}

static void on_runtime_event(void *arg, const struct runtime_event *event)
{
    struct pods *pods = arg;

    if (pods->closing)
        return;
    pods_mind_clock(pods);
    on_pod_event(pods, event);
}

/* ---- Opening and closing ------------------------------------------------------------------- */

static int check_bounds_id(const void *arg, uint32_t id, bool group, struct err *err)
{
    return runtime_bounds_id(arg, id, group, err);
}

/* The bounds as the pure checks take them: the runtime's questions become functions. */
static struct manifest_bounds allowed_by(const struct runtime_bounds *bounds, bool engine)
{
    return (struct manifest_bounds){
        .host_paths = bounds->host_paths,
        .allow_privileged = bounds->allow_privileged,
        .engine = engine,
        .host_ports = {bounds->host_ports.first, bounds->host_ports.last},
        .node_ports = {bounds->node_ports.first, bounds->node_ports.last},
        .disk = bounds->disk,
        .check_id = check_bounds_id,
        .capability = runtime_capability,
        .arg = bounds,
    };
}

int pods_open(const struct pods_options *options, struct pods **ret, struct err *err)
{
    struct pods *pods = mem_alloc(sizeof *pods);
    struct runtime_options runtime = options->runtime_options;

    pods->options = *options;
    pods->driver = options->runtime;
    if (runtime.directory)
        pods->place = pods_hash(0, runtime.directory, strlen(runtime.directory));
    pods->allowed = allowed_by(&pods->options.bounds, text_same(pods->driver->name, "engine"));
    runtime.bounds = pods->options.bounds;
    runtime.loop = options->loop;
    runtime.on_event = on_runtime_event;
    runtime.arg = pods;
    if (pods->driver->open(&runtime, &pods->runtime, err) < 0) {
        mem_free(&pods);
        return -1;
    }
    pods->all = map_new();
    pods->places = places_open(runtime.directory);
    pods->clock = clock_wall() - clock_steady();
    *ret = pods;
    return 0;
}

void pods_close(struct pods **pods)
{
    struct pods *p = *pods;
    struct pod *pod;
    size_t at = 0;

    if (!p)
        return;
    p->closing = true;
    /* First, so that every question on its way is answered while the pods are here. */
    p->driver->close(&p->runtime);
    while ((pod = pods_next(p, &at)))
        pod_free(&pod);
    places_free(&p->places);
    map_free(&p->all);
    mem_free(pods);
}

void pods_take_over(struct pods *pods)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *found = pods->driver->observe(pods->runtime, arena);

    for (size_t i = 0; i < node_count(found); i++)
        pod_adopt(pods, node_item(found, i));
}

/* ---- All of them --------------------------------------------------------------------------- */

size_t pods_count(const struct pods *pods)
{
    return map_count(pods->all);
}

struct pod *pods_next(const struct pods *pods, size_t *at)
{
    return map_next(pods->all, at, NULL);
}

struct pod *pods_find(const struct pods *pods, const char *id)
{
    return map_get(pods->all, id);
}

const struct manifest_bounds *pods_bounds(const struct pods *pods)
{
    return &pods->allowed;
}

struct node *pods_facts(const struct pods *pods, struct arena *arena)
{
    return pods->driver->facts(pods->runtime, arena);
}

bool pods_have_own_hosts(const struct pods *pods)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *names = node_get(pods_facts(pods, arena), "namespaces");

    for (size_t i = 0; i < node_count(names); i++)
        if (!strcmp(node_text(node_item(names, i)), "mount"))
            return true;
    return loop_is_simulated(pods->options.loop);
}

void pods_keep_again(struct pods *pods)
{
    places_keep_again(pods->places);
}

const char *pods_place(struct pods *pods, const char *project, const char *namespace)
{
    return places_name(pods->places, project, namespace);
}

void pods_give(struct pod *pod, const char *project)
{
    const char *former = pod->project;

    pod->project = document_intern_text(project);
    document_release_text(&former);
}

/* ---- What is delivered to them ----------------------------------------------------- */

/* A volume of another type has no files; one that lacks its ConfigMap keeps what it has. */
static void deliver_files(struct pod *pod, const struct node *volume)
{
    scoped_arena struct arena *arena = arena_new();
    struct pods *pods = pod->pods;
    struct manifest_why why = {0};
    struct err err = {0};
    struct node *files = compile_files(pod, volume, arena, &why);

    if (files && pods->driver->set_files(pods->runtime, pod->id, node_get_text(volume, "name"),
                                         files, &err) < 0)
        log_warn("cluster", "pod %s: %s", pod->name, err.text);
}

void pods_refresh_files(struct pod *pod)
{
    const struct node *volumes = node_at(pod->template, "spec", "volumes", NULL);
    struct pods_workload workload = pod_workload(pod);

    if (workload.adopted)
        return; /* what its volumes should hold is not known: they keep what they have */
    /* A pod of an outdated template that was never made is only replaced. A pod that waits
       for something else than a missing object has its own pauses. */
    if (pod->state == POD_PENDING && workload.name && workload.current &&
        (text_starts(pod->why.reason, "Missing") || !*pod->why.reason))
        pod_try_make(pod);
    if (!pods_is_made(pod) || pods_is_leaving(pod) || pod->lost)
        return;
    for (size_t i = 0; i < node_count(volumes); i++)
        deliver_files(pod, node_item(volumes, i));
}

/* A pod that is not made yet has pauses of its own. */
void pods_sweep(struct pods *pods)
{
    struct pod *pod;
    size_t at = 0;

    while ((pod = pods_next(pods, &at)))
        if (pods_is_made(pod) && !pods_is_leaving(pod))
            pods_refresh_files(pod);
}

void pods_tell_hosts(struct pod *pod, const struct node *names, uint64_t hash)
{
    struct pods *pods = pod->pods;
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};

    if (hash == pod->hosts)
        return;
    pod->hosts = hash;
    if (pods->driver->set_hosts(pods->runtime, pod->id, compile_hosts(pod, arena, names), &err) < 0)
        log_warn("cluster", "pod %s: %s", pod->name, err.text);
}
