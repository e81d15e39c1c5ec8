/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the local driver, knows its kinds and answers questions. */

#include "cluster/local.h"

#include "base/clock.h"
#include "base/log.h"
#include "cluster/service.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


const char *const local_health_names[] = {
    [LOCAL_CURRENT] = "Current",
    [LOCAL_IN_PROGRESS] = "InProgress",
    [LOCAL_FAILED] = "Failed",
    [LOCAL_TERMINATING] = "Terminating",
};

/* ---- Looking up ------------------------------------------------------------------ */

struct local_object *local_workload_of(const struct local_pod *pod)
{
    scoped_mem char *key = local_key(pod->project, pod->workload, NULL);

    return map_get(pod->cluster->objects, key);
}

void local_event(struct cluster *cluster, const struct local_object *object, const char *type,
                 const char *reason, const char *format, ...)
{
    char text[600];
    struct cluster_event event = { .type = type, .reason = reason, .message = text };
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text_make_printable(text);
    if (!object || !cluster->options.on_event)
        return;
    event.owner = object->owner->name;
    event.api_version = object->api_version;
    event.kind = object->kind;
    event.space = object->space;
    event.name = object->name;
    cluster->options.on_event(cluster->options.arg, &event);
}

void local_wake(struct cluster *cluster)
{
    if (!cluster->closing)
        loop_timer_set(cluster->pass, 0);
}

void local_touch(struct local_object *object)
{
    object->dirty = true;
    object->owner->dirty = true;
    local_wake(object->cluster);
}

/* A ConfigMap or Secret has changed: files are updated, environments roll. */
void local_touch_namespace(struct cluster *cluster, const char *project, const char *space)
{
    struct local_object *object;
    struct local_pod *pod;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (object->row && !strcmp(object->space, space) && !strcmp(object->project, project) &&
            object->row->role >= MANIFEST_DEPLOYMENT && object->row->role <= MANIFEST_POD) {
            workload_read(object);
            local_touch(object);
        }
    at = 0;
    while ((pod = map_next(cluster->pods, &at, NULL)))
        if (!strcmp(pod->space, space) && !strcmp(pod->project, project) && !pod->terminating)
            pod_refresh_files(pod);
}

/* ---- Opening and closing -------------------------------------------------------------------- */

static void on_event(void *arg, const struct runtime_event *event)
{
    struct cluster *cluster = arg;

    local_mind_clock(cluster);
    if (!cluster->closing)
        pod_on_event(cluster, event);
}

static void take_over(struct cluster *cluster)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *found = cluster->runtime_driver->observe(cluster->runtime, arena);
    struct local_object *object;
    struct local_pod *pod;
    size_t at = 0;

    for (size_t i = 0; i < node_count(found); i++)
        pod_adopt(cluster, node_item(found, i));
    adopted_take_over(cluster);
    while ((pod = map_next(cluster->pods, &at, NULL)))
        pod_refresh_files(pod);
    at = 0;
    while ((object = map_next(cluster->objects, &at, NULL)))
        local_touch(object);
}

static void local_close(struct cluster **cluster)
{
    struct cluster *c = *cluster;
    struct local_pod *pod;
    struct local_object *object;
    struct local_owner *owner;
    size_t at = 0;

    if (!c)
        return;
    c->closing = true;
    /* First, so that every question on its way is answered while we are here. */
    c->runtime_driver->close(&c->runtime);
    while ((pod = map_next(c->pods, &at, NULL)))
        pod_free(&pod);
    at = 0;
    while ((object = map_next(c->objects, &at, NULL)))
        object_free(object);
    at = 0;
    while ((owner = map_next(c->owners, &at, NULL)))
        owner_free(owner);
    services_free(&c->services);
    places_free(&c->places);
    loop_timer_free(&c->pass);
    loop_timer_free(&c->retry);
    map_free(&c->pods);
    map_free(&c->objects);
    map_free(&c->owners);
    mem_free(cluster);
}

/* Without a mount namespace there is one /etc/hosts for all. */
static bool has_own_hosts(struct cluster *cluster)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *facts = cluster->runtime_driver->facts(cluster->runtime, arena);
    const struct node *names = node_get(facts, "namespaces");

    for (size_t i = 0; i < node_count(names); i++)
        if (!strcmp(node_text(node_item(names, i)), "mount"))
            return true;
    return loop_is_simulated(cluster->options.loop);
}

static int check_id(const void *arg, uint32_t id, bool group, struct err *err)
{
    return runtime_bounds_id(arg, id, group, err);
}

static void take_bounds(struct cluster *cluster)
{
    const struct runtime_bounds *bounds = &cluster->options.bounds;

    cluster->allowed = (struct manifest_bounds){
        .host_paths = bounds->host_paths,
        .allow_privileged = bounds->allow_privileged,
        .engine = text_same(cluster->runtime_driver->name, "engine"),
        .host_ports = { bounds->host_ports.first, bounds->host_ports.last },
        .node_ports = { bounds->node_ports.first, bounds->node_ports.last },
        .disk = bounds->disk,
        .check_id = check_id,
        .capability = runtime_capability,
        .arg = bounds,
    };
}

static int local_open(const struct cluster_options *options, struct cluster **ret, struct err *err)
{
    struct cluster *cluster = mem_alloc(sizeof *cluster);
    struct runtime_options runtime = options->runtime_options;

    cluster->driver = &cluster_local;
    cluster->options = *options;
    cluster->runtime_driver = options->runtime;
    if (runtime.directory)
        cluster->place = local_hash(0, runtime.directory, strlen(runtime.directory));
    if (runtime_bounds_settle(&cluster->options.bounds, err) < 0) {
        mem_free(&cluster);
        return -1;
    }
    take_bounds(cluster);
    runtime.bounds = cluster->options.bounds;
    runtime.loop = options->loop;
    runtime.on_event = on_event;
    runtime.arg = cluster;
    if (options->runtime->open(&runtime, &cluster->runtime, err) < 0) {
        mem_free(&cluster);
        return -1;
    }
    cluster->owners = map_new();
    cluster->objects = map_new();
    cluster->pods = map_new();
    cluster->places = places_open(options);
    cluster->services = services_new(cluster);
    cluster->clock = clock_wall() - clock_steady();
    cluster->names_in_env_only = !has_own_hosts(cluster);
    cluster->pass = loop_timer_new(options->loop, local_pass, cluster);
    cluster->retry = loop_timer_new(options->loop, owner_retry, cluster);
    options->keep.each(options->keep.arg, owner_load, cluster);
    options->keep.each(options->keep.arg, owner_load_state, cluster);
    take_over(cluster);
    *ret = cluster;
    return 0;
}

/* ---- Questions ------------------------------------------------------------------------------- */

static struct node *local_report(struct cluster *cluster, struct arena *arena, const char *name)
{
    struct local_owner *owner = map_get(cluster->owners, name);

    return owner ? report_owner(owner, arena) : NULL;
}

static struct node *local_objects(struct cluster *cluster, struct arena *arena, const char *name)
{
    struct local_owner *owner = map_get(cluster->owners, name);

    return owner ? report_objects(owner, arena) : NULL;
}

static struct node *local_read(struct cluster *cluster, struct arena *arena, const char *reader,
                               const char *api_version, const char *kind, const char *space,
                               const char *name)
{
    const struct manifest_kind *row = manifest_kind_find(api_version, kind);
    const struct local_owner *owner = map_get(cluster->owners, reader);
    struct local_viewer viewer = { owner ? owner->project : "", reader };
    const char *usual = row && row->cluster_wide ? "" : "default";
    struct local_object *object;
    struct local_pod *pod;
    char group[128];
    size_t at = 0;

    object = local_find(cluster, viewer, manifest_group(api_version, group, sizeof group), kind,
                        *space ? space : usual, name);
    if (object)
        return report_object(object, arena);
    while (row && row->role == MANIFEST_POD && (pod = map_next(cluster->pods, &at, NULL)))
        if (!strcmp(pod->space, space) && !strcmp(pod->name, name) &&
            !strcmp(pod->project, viewer.project))
            return report_pod_object(pod, arena);
    return NULL;
}

static struct node *local_owners(struct cluster *cluster, struct arena *arena)
{
    struct node *list = node_list(arena);
    struct local_owner *owner;
    size_t at = 0;

    while ((owner = map_next(cluster->owners, &at, NULL)))
        if (strcmp(owner->name, ORPHANS) != 0)
            node_add(arena, list, node_string(arena, owner->name));
    return list;
}

static struct node *local_facts(struct cluster *cluster, struct arena *arena)
{
    struct node *facts = node_map(arena);

    node_set_text(arena, facts, "cluster", "local");
    node_set(arena, facts, "runtime",
             cluster->runtime_driver->facts(cluster->runtime, arena));
    return facts;
}

static void local_sweep(struct cluster *cluster)
{
    struct local_object *object;
    struct local_pod *pod;
    size_t at = 0;

    /* What is not made yet has pauses of its own. */
    while ((pod = map_next(cluster->pods, &at, NULL)))
        if (pod->made && !pod->terminating)
            pod_refresh_files(pod);
    at = 0;
    while ((object = map_next(cluster->objects, &at, NULL)))
        local_touch(object);
    services_touch(cluster);
}

static bool local_is_empty(const struct cluster *cluster)
{
    return !map_count(cluster->pods) && !map_count(cluster->objects);
}

const struct cluster_driver cluster_local = {
    .name = "local",
    .open = local_open,
    .close = local_close,
    .apply = owner_apply,
    .remove = owner_remove,
    .report = local_report,
    .objects = local_objects,
    .read = local_read,
    .owners = local_owners,
    .facts = local_facts,
    .sweep = local_sweep,
    .end = owner_remove_all,
    .is_empty = local_is_empty,
    .has = owner_has,
    .keep_again = owner_keep_again,
};
