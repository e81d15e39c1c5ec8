/* SPDX-License-Identifier: Apache-2.0 */
/* Marks what has changed, and finds objects for those who may see them. */

#include "cluster/object.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const cluster_health_names[] = {
    [CLUSTER_CURRENT] = "Current",
    [CLUSTER_IN_PROGRESS] = "InProgress",
    [CLUSTER_FAILED] = "Failed",
    [CLUSTER_TERMINATING] = "Terminating",
};

/* ---- What has changed ------------------------------------------------------------------ */

void cluster_wake(struct cluster *cluster)
{
    if (!cluster->closing)
        loop_timer_set(cluster->reconcile_timer, 0);
}

void cluster_touch_services(struct cluster *cluster)
{
    cluster->services_dirty = true;
    cluster_wake(cluster);
}

void object_touch(struct cluster_object *object)
{
    object->dirty = true;
    object->owner->dirty = true;
    cluster_wake(object->cluster);
}

void object_look_again(struct cluster_object *object, int64_t wall)
{
    int64_t wait = wall - clock_wall();

    loop_timer_set(object->timer, wait > 0 ? wait : 0);
}

void object_note(const struct cluster_object *object, const char *type, const char *reason,
                 const char *format, ...)
{
    const struct cluster_options *options = object ? &object->cluster->options : NULL;
    char text[600];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text_make_printable(text);
    if (!options || !options->on_event)
        return;
    options->on_event(options->arg, &(struct cluster_event){.owner = object->owner->name,
                                                            .api_version = object->api_version,
                                                            .kind = object->kind,
                                                            .namespace = object->namespace,
                                                            .name = object->name,
                                                            .type = type,
                                                            .reason = reason,
                                                            .message = text});
}

/* ---- Whose an object is ------------------------------------------------------------------ */

/*
 * An object's key is "PROJECT|group/kind/namespace/name". Kinds that works of one
 * project have side by side, and an object that another work has already, end in
 * "|OWNER". No part of it can hold a '|'.
 */

char *object_key(const char *project, const char *plain, const char *owner)
{
    return owner ? mem_printf("%s|%s|%s", project, plain, owner)
                 : mem_printf("%s|%s", project, plain);
}

/* A Namespace may be named by many. A Secret of a project is the same one for all
   its works, but each has the version that it was given. */
bool object_is_shared(const char *project, const struct manifest_kind *kind)
{
    return kind && (kind->cluster_wide ||
                    (*project && (kind->role == MANIFEST_CONFIG || kind->role == MANIFEST_RECORD)));
}

bool object_is_workload(const struct cluster_object *object)
{
    return manifest_is_workload(object->row) && !object->row->refused;
}

/* Of several copies always the same one, also after a restart. */
static struct cluster_object *find_sibling(const struct cluster *cluster, const char *project,
                                           const char *plain)
{
    struct cluster_object *object, *found = NULL;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (!object->removing && !object->second && !strcmp(object->project, project) &&
            !strcmp(object->plain, plain) &&
            (!found || strcmp(object->owner->name, found->owner->name) < 0))
            found = object;
    return found;
}

struct cluster_object *object_find(const struct cluster *cluster, const struct pods_viewer *viewer,
                                   const char *group, const char *kind, const char *name)
{
    scoped_mem char *plain = mem_printf("%s/%s/%s/%s", group, kind, viewer->namespace, name);
    scoped_mem char *shared = object_key(viewer->project, plain, viewer->owner);
    scoped_mem char *alone = object_key(viewer->project, plain, NULL);
    struct cluster_object *object = map_get(cluster->objects, shared);

    if (object && !object->second && !object->removing)
        return object;
    object = map_get(cluster->objects, alone);
    if (object && object->row && object->row->role == MANIFEST_CONFIG && !*viewer->project &&
        strcmp(object->owner->name, viewer->owner) != 0)
        return NULL; /* of another work that has no project either */
    if (object || !*viewer->project)
        return object;
    return find_sibling(cluster, viewer->project, plain);
}

struct cluster_object *object_of_pod(const struct cluster *cluster, const struct pod *pod)
{
    scoped_mem char *key = object_key(pod->project, pod->workload, NULL);

    return map_get(cluster->objects, key);
}

bool object_has_pod(const struct cluster_object *object, const struct pod *pod)
{
    return pod->workload == object->plain && pod->project == object->project && !object->second;
}

size_t object_pods(const struct cluster_object *object, struct pod **ret, size_t room)
{
    struct pod *pod;
    size_t at = 0, count = 0;

    while ((pod = pods_next(object->cluster->pods, &at)))
        if (count < room && object_has_pod(object, pod))
            ret[count++] = pod;
    return count;
}
