/* SPDX-License-Identifier: Apache-2.0 */
/* Goes over what has changed: workloads, phases, what may go; and tells of it. */

#include "cluster/service.h"

#include "base/clock.h"
#include "base/log.h"

#include <string.h>

bool local_is_workload(const struct local_object *object)
{
    return object->row && !object->row->refused && object->row->role >= MANIFEST_DEPLOYMENT &&
           object->row->role <= MANIFEST_POD;
}

/* The lowest phase in which something is not healthy yet. */
static int open_phase(const struct local_owner *owner)
{
    struct local_object *object;
    int lowest = INT32_MAX;
    size_t at = 0;

    while ((object = map_next(owner->cluster->objects, &at, NULL)))
        if (object->owner == owner && !object->removing && object->health != LOCAL_CURRENT &&
            object->phase < lowest)
            lowest = object->phase;
    return lowest;
}

static bool try_free(struct local_object *object)
{
    struct cluster *cluster = object->cluster;
    scoped_mem char *project = NULL, *plain = NULL;
    struct local_object *other;
    struct local_pod *pod = NULL;
    size_t at = 0;

    if (local_is_workload(object)) {
        if (workload_pods(object, &pod, 1))
            return false;
    } else {
        /* Reverse order: what workloads stand on goes after them. */
        while ((other = map_next(object->cluster->objects, &at, NULL)))
            if (other->owner == object->owner && other->removing && local_is_workload(other))
                return false;
    }
    state_forget(object);
    project = mem_copy_string(object->project);
    plain = object->second ? NULL : mem_copy_string(object->plain);
    object_free(object);
    if (plain)
        owner_promote(cluster, project, plain);
    return true;
}

static void pass_object(struct local_object *object, int phase)
{
    bool waits = object->phase > phase;

    if (waits != object->waiting)
        object->dirty = true;
    object->waiting = waits;
    if (!object->dirty)
        return;
    object->dirty = false;
    /* What starts must be kept first; what ends may give the disk room again. */
    if (local_is_workload(object) && (object->owner->committed || object->owner->removing))
        workload_pass(object);
    workload_judge(object);
}

static void pass_owner(struct local_owner *owner)
{
    struct cluster *cluster = owner->cluster;
    int before = open_phase(owner);
    struct local_object *object;
    size_t at = 0;
    bool freed;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (object->owner == owner)
            pass_object(object, before);
    do {
        freed = false;
        at = 0;
        while ((object = map_next(cluster->objects, &at, NULL)))
            if (object->owner == owner && object->removing && owner->committed)
                freed |= try_free(object);
    } while (freed);
    if (open_phase(owner) != before) {
        owner->dirty = true;
        local_wake(cluster);
    }
}

static bool has_objects(const struct local_owner *owner)
{
    struct local_object *object;
    size_t at = 0;

    while ((object = map_next(owner->cluster->objects, &at, NULL)))
        if (object->owner == owner)
            return true;
    return false;
}

static void tell_change(struct local_owner *owner)
{
    struct cluster *cluster = owner->cluster;
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text out = { 0 };
    scoped_mem char *name = mem_copy_string(owner->name);
    struct node *report;
    uint64_t hash;

    if (owner->removing && owner->committed && !has_objects(owner)) {
        owner_free(owner);
    } else {
        report = report_owner(owner, arena);
        document_write_json(&out, report);
        hash = local_hash(0, out.bytes, out.len);
        if (hash == owner->told)
            return;
        owner->told = hash;
    }
    if (strcmp(name, ORPHANS) != 0 && cluster->options.on_change)
        cluster->options.on_change(cluster->options.arg, name);
}

/* ---- A clock that was set ------------------------------------------------------------- */

static void move(int64_t *wall, int64_t by)
{
    if (*wall)
        *wall += by;
}

static void move_pod(struct local_pod *pod, int64_t by)
{
    move(&pod->created, by);
    move(&pod->finished, by);
    move(&pod->ready_since, by);
    move(&pod->unready_since, by);
    pod_note_ready(pod);
    for (size_t i = 0; i < pod->count; i++) {
        struct local_container *c = &pod->containers[i];

        move(&c->began, by);
        move(&c->ended, by);
        for (int kind = 0; kind < PROBE_KINDS; kind++)
            move(&c->probes[kind].began, by);
    }
}

/*
 * Times are remembered as the wall clock had them, so that they mean something after
 * a restart of the agent, and to people. When the clock is set by hours or years,
 * nothing has become older by that: all of it moves along, and deadlines, pauses and
 * minReadySeconds take as long as they were to. What drifts is left to the drift.
 */
void local_mind_clock(struct cluster *cluster)
{
    int64_t now = clock_wall() - clock_steady(), by = now - cluster->clock;
    struct local_object *object;
    struct local_pod *pod;
    size_t at = 0;

    cluster->clock = now; /* what drifts slowly is let be */
    if (by > -2 * CLOCK_SECOND && by < 2 * CLOCK_SECOND)
        return;
    log_warn("cluster", "the clock of this machine was set %s by %lld s: what waits goes on for as "
             "long as it was to", by > 0 ? "forward" : "back", (long long)((by > 0 ? by : -by) / CLOCK_SECOND));
    while ((pod = map_next(cluster->pods, &at, NULL)))
        move_pod(pod, by);
    at = 0;
    while ((object = map_next(cluster->objects, &at, NULL))) {
        move(&object->created, by);
        move(&object->run.started, by);
        move(&object->run.finished, by);
        move(&object->progressed, by);
        move(&object->lost, by);
    }
}

/* By name: whoever is told of a change may apply and remove at once. */
void local_pass(void *arg)
{
    struct cluster *cluster = arg;
    scoped_arena struct arena *arena = arena_new();
    struct node *names = node_list(arena);
    struct local_owner *owner;
    size_t at = 0;

    local_mind_clock(cluster);
    services_pass(cluster);
    while ((owner = map_next(cluster->owners, &at, NULL)))
        if (owner->dirty)
            node_add(arena, names, node_string(arena, owner->name));
    for (size_t i = 0; i < node_count(names); i++) {
        owner = map_get(cluster->owners, node_text(node_item(names, i)));
        if (!owner)
            continue;
        owner->dirty = false;
        pass_owner(owner);
        tell_change(owner);
    }
}
