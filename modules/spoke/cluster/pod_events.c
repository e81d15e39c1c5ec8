/* SPDX-License-Identifier: Apache-2.0 */
/* Takes note of what happens to pods, and answers what they ask about their workloads. */

#include "cluster/inventory.h"
#include "cluster/service.h"
#include "cluster/workload.h"

#include <string.h>

/* ---- What happens to pods --------------------------------------------------------------- */

/* The pod's owner is marked by name, too: the workload may be unknown while its owner is not. */
static void on_changed(struct cluster *cluster, const struct pod *pod)
{
    struct cluster_object *object = object_of_pod(cluster, pod);
    struct cluster_owner *owner = map_get(cluster->owners, pod->owner);

    if (object)
        object_touch(object);
    if (owner)
        owner->dirty = true;
    cluster_touch_services(cluster);
}

/* A lone Pod that was evicted is not made again, as in Kubernetes, also not by the
   next agent. A Pod whose machine was restarted is. */
static bool stays_ended(const struct cluster_object *object, const struct pod *pod,
                        const char *reason)
{
    return object && object->row && object->row->role == MANIFEST_POD &&
           !strcmp(object->hash, pod->hash) && (object->run.ended || !strcmp(reason, "Evicted"));
}

/* The only event that is acted on at once: the pod is ended from inside the callback, which pods
   allows as the last thing that it does with a lost pod. */
static void on_lost(struct cluster *cluster, struct pod *pod, const char *reason,
                    const char *message)
{
    struct cluster_object *object = object_of_pod(cluster, pod);

    if (stays_ended(object, pod, reason)) {
        if (!object->run.ended)
            job_end_pod(object, reason, message);
        return;
    }
    if (object)
        workload_on_loss(object, pod, reason, message);
    pods_end(pod);
}

static void move_wall(int64_t *wall, int64_t by)
{
    if (*wall)
        *wall += by;
}

/* Pods have moved their own times already; see pods_mind_clock(). */
static void on_clock(struct cluster *cluster, int64_t by)
{
    struct cluster_object *object;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL))) {
        move_wall(&object->created, by);
        move_wall(&object->run.started, by);
        move_wall(&object->run.finished, by);
        move_wall(&object->progressed, by);
        move_wall(&object->lost, by);
    }
}

/* Re-entrant: comes from inside pods_start() and pods_end() as well as from the loop. All but
   PODS_LOST only mark what is to be looked at. */
static void on_pods_event(void *arg, const struct pods_event *event)
{
    struct cluster *cluster = arg;

    switch (event->kind) {
    case PODS_CHANGED:
        on_changed(cluster, event->pod);
        break;
    case PODS_GONE:
        cluster_touch_services(cluster);
        break;
    case PODS_LISTENS:
        services_yield(cluster->services, event->pod);
        break;
    case PODS_LOST:
        on_lost(cluster, event->pod, event->reason, event->message);
        break;
    case PODS_NOTE:
        object_note(object_of_pod(cluster, event->pod), event->type, event->reason, "%s",
                    event->message);
        break;
    case PODS_CLOCK:
        on_clock(cluster, event->moved);
        break;
    }
}

/* ---- What pods ask ------------------------------------------------------------------------ */

/* Looked up at each question: objects are renamed, freed and made anew while their pods run. */
static void tell_workload(void *arg, const struct pod *pod, struct pods_workload *ret)
{
    const struct cluster_object *object = object_of_pod(arg, pod);

    *ret = (struct pods_workload){0};
    if (!object)
        return;
    ret->name = object->name;
    ret->adopted = object->adopted;
    ret->current = !strcmp(object->hash, pod->hash);
    if (!object->row)
        return;
    ret->job = object->row->role == MANIFEST_JOB;
    ret->indexed = manifest_is_indexed(object->row, node_get(object->object, "spec"));
}

static bool allow_restart(void *arg, const struct pod *pod)
{
    return job_may_restart(object_of_pod(arg, pod), pod);
}

static const char *project_of_owner(void *arg, const char *name)
{
    const struct cluster *cluster = arg;
    const struct cluster_owner *owner = map_get(cluster->owners, name);

    return owner ? owner->project : NULL;
}

/* A claim that is being removed is still there; its pods end first. */
static const struct node *find_for_pod(void *arg, const struct pods_viewer *viewer,
                                       const char *kind, const char *name)
{
    const struct cluster_object *object = object_find(arg, viewer, "", kind, name);

    if (!object || (object->removing && strcmp(kind, "PersistentVolumeClaim") != 0))
        return NULL;
    return object->object;
}

static struct node *write_hosts(void *arg, const struct pod *pod, struct arena *arena)
{
    return names_hosts(arg, arena, pod->project, pod->namespace);
}

static void write_service_env(void *arg, const struct pod *pod, struct arena *arena,
                              struct node *values)
{
    names_env(arg, arena, pod->project, pod->namespace, values);
}

struct pods_callbacks pod_event_callbacks(struct cluster *cluster)
{
    return (struct pods_callbacks){
        .arg = cluster,
        .on_event = on_pods_event,
        .workload = tell_workload,
        .may_restart = allow_restart,
        .project = project_of_owner,
        .find = find_for_pod,
        .hosts = write_hosts,
        .service_env = write_service_env,
    };
}
