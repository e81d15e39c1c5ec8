/* SPDX-License-Identifier: Apache-2.0 */
/* Describes an owner and its objects as trees: the report, and the status of each kind. */

#include "cluster/inventory.h"

#include "base/clock.h"
#include "number/number.h"
#include "cluster/service.h"
#include "cluster/workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_status_time(struct arena *arena, struct node *map, const char *key, int64_t wall)
{
    char when[CLOCK_TEXT];

    if (wall <= 0)
        return;
    clock_format(wall, false, when);
    node_set_text(arena, map, key, when);
}

/* ---- The status that a kind has in Kubernetes -------------------------------------- */

/* How many pods of a Deployment must be available at the least. */
static int count_fewest(const struct cluster_object *object)
{
    struct plan_workload want = workload_want(object);

    return plan_fewest(&want);
}

struct counts {
    int total, updated, former, ready, available;
};

static struct counts count_object_pods(const struct cluster_object *object)
{
    struct pod **pods = mem_alloc(OBJECT_PODS * sizeof(struct pod *));
    size_t n = object_pods(object, pods, OBJECT_PODS);
    struct counts c = {0};

    for (size_t i = 0; i < n; i++) {
        if (pods_is_leaving(pods[i]))
            continue;
        c.total++;
        c.updated += !strcmp(pods[i]->hash, object->hash);
        c.former += object->former && !strcmp(pods[i]->hash, object->former->hash);
        c.ready += pods_is_ready(pods[i]);
        c.available += workload_is_available(object, pods[i]);
    }
    mem_free(&pods);
    return c;
}

/*
 * How many copies an object wants, and how many of them are ready with what is
 * wanted now: those of a former template do not count. A task counts those that
 * have ended well, too.
 */
static void count_copies(const struct cluster_object *object, int64_t *wanted, int64_t *ready)
{
    const struct node *spec = node_get(object->object, "spec");
    struct pod **pods = mem_alloc(OBJECT_PODS * sizeof(struct pod *));
    size_t n = object_pods(object, pods, OBJECT_PODS);
    bool task = object->row->role == MANIFEST_JOB;
    int64_t most = task ? number_get(spec, "completions", NUMBER_COUNT, 1)
                   : object->row->role == MANIFEST_POD
                       ? 1
                       : number_get(spec, "replicas", NUMBER_COUNT, 1);
    int64_t here = 0;

    for (size_t i = 0; i < n; i++)
        here += !pods_is_leaving(pods[i]) && !strcmp(pods[i]->hash, object->hash) &&
                (pods_is_ready(pods[i]) || (object->row->role != MANIFEST_DEPLOYMENT &&
                                            !strcmp(pods_phase(pods[i]), "Succeeded")));
    if (task && object->health == CLUSTER_CURRENT)
        here = most;
    mem_free(&pods);
    *wanted += most;
    *ready += here < most ? here : most;
}

/* The fields that `kubectl rollout status` and kstatus look at. */
static void set_replica_status(struct cluster_object *object, struct arena *arena,
                               struct node *status)
{
    struct node *conditions = node_make_list(arena, status, "conditions");
    struct counts c = count_object_pods(object);
    bool good = object->health == CLUSTER_CURRENT;
    bool late = object->late, enough = c.available >= count_fewest(object);

    node_set_int(arena, status, "observedGeneration", object->generation);
    node_set_int(arena, status, "replicas", c.total);
    node_set_int(arena, status, "updatedReplicas", c.updated);
    node_set_int(arena, status, "readyReplicas", c.ready);
    node_set_int(arena, status, "availableReplicas", c.available);
    if (object->row->role == MANIFEST_STATEFUL) {
        node_set_int(arena, status, "currentReplicas", object->former ? c.former : c.updated);
        node_set_text(arena, status, "updateRevision", object->hash);
        node_set_text(arena, status, "currentRevision",
                      object->former ? object->former->hash : object->hash);
        return;
    }
    manifest_add_condition(arena, conditions, "Available", enough,
                           enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                           object->why.message);
    manifest_add_condition(arena, conditions, "Progressing", !late,
                           good   ? "NewReplicaSetAvailable"
                           : late ? "ProgressDeadlineExceeded"
                                  : "ReplicaSetUpdated",
                           "");
}

static void set_job_status(struct cluster_object *object, struct arena *arena, struct node *status)
{
    const struct object_run *run = &object->run;
    struct node *conditions;

    node_set_int(arena, status, "active", object->job.active);
    node_set_int(arena, status, "ready", object->job.ready);
    node_set_int(arena, status, "succeeded", run->ended ? run->succeeded : object->job.succeeded);
    node_set_int(arena, status, "failed", run->ended ? run->failed : object->job.failed);
    set_status_time(arena, status, "startTime", run->started);
    conditions = node_make_list(arena, status, "conditions");
    if (!run->ended) {
        if (node_get_bool(node_get(object->object, "spec"), "suspend", false))
            manifest_add_condition(arena, conditions, "Suspended", true, "JobSuspended", "");
        return;
    }
    if (run->complete)
        set_status_time(arena, status, "completionTime", run->finished);
    manifest_add_condition(arena, conditions, run->complete ? "Complete" : "Failed", true,
                           run->why.reason, run->complete ? "" : run->why.message);
}

/* A lone Pod that was evicted, once nothing of it is left. */
static void set_ended_status(const struct cluster_object *object, struct arena *arena,
                             struct node *status)
{
    node_set_text(arena, status, "phase", "Failed");
    manifest_write_why(arena, status, &object->run.why);
}

static void set_object_meta(struct arena *arena, struct node *object, int64_t created)
{
    struct node *meta = node_share(arena, node_get(object, "metadata"));

    set_status_time(arena, meta, "creationTimestamp", created);
    node_set(arena, object, "metadata", meta);
}

/* What a GET of the object would answer in Kubernetes, as far as feedback rules need it. */
struct node *report_object(struct cluster_object *object, struct arena *arena)
{
    struct node *ret = node_share(arena, node_copy(arena, object->object)), *status;
    struct pod *pod = NULL;

    set_object_meta(arena, ret, object->created);
    node_set_int(arena, node_get(ret, "metadata"), "generation", object->generation);
    node_set(arena, node_get(ret, "metadata"), "uid",
             node_format(arena, "%016llx", (unsigned long long)object->uid));
    if (!object->row || *object->broken.reason)
        return ret;
    status = node_map(arena);
    switch (object->row->role) {
    case MANIFEST_DEPLOYMENT:
    case MANIFEST_STATEFUL:
        set_replica_status(object, arena, status);
        break;
    case MANIFEST_JOB:
        set_job_status(object, arena, status);
        break;
    case MANIFEST_POD:
        if (object_pods(object, &pod, 1))
            pods_write_status(pod, arena, status);
        else if (object->run.ended)
            set_ended_status(object, arena, status);
        break;
    case MANIFEST_SERVICE:
        service_describe(object, arena, ret);
        return ret;
    case MANIFEST_CLAIM:
        node_set_text(arena, status, "phase", "Bound");
        break;
    case MANIFEST_RECORD:
        if (!strcmp(object->kind, "Namespace"))
            node_set_text(arena, status, "phase", "Active");
        break;
    default:
        return ret;
    }
    if (node_count(status))
        node_set(arena, ret, "status", status);
    return ret;
}

/* ---- An owner ------------------------------------------------------------------------- */

struct summary {
    struct cluster_owner *owner;
    struct arena *arena;
    struct node *report, *objects, *pods, *endpoints, *served, *inventory;
    int64_t restarts, copies, copies_ready;
    int ready, total, failed, progressing, tasks, tasks_done, services, running_tasks;
    const struct cluster_object *worst;
    struct cluster_object **mine; /* owned; of the owner */
    size_t count;
};

#define WORST 4

/* Of two objects in progress, the one that waits for the other's phase is not the reason. */
static int rate_badness(const struct cluster_object *object)
{
    static const int order[] = {[CLUSTER_CURRENT] = 0,
                                [CLUSTER_TERMINATING] = 1,
                                [CLUSTER_IN_PROGRESS] = 3,
                                [CLUSTER_FAILED] = WORST};

    return order[object->health] - (object->waiting && object->health == CLUSTER_IN_PROGRESS);
}

/* A set that cannot be kept on disk is not begun, and its report says why. */
static void set_unkept_reason(struct arena *arena, struct node *row,
                              const struct cluster_owner *owner)
{
    if (!owner->unkept)
        return;
    node_set_text(arena, row, "reason", "DiskPressure");
    node_set(arena, row, "message",
             node_format(arena, "waits until it can be kept: %s", owner->unkept));
}

static void add_object_row(struct summary *s, const struct cluster_object *object)
{
    struct arena *arena = s->arena;
    struct node *row = node_map(arena);
    char group[128];
    const char *slash = strchr(object->api_version, '/');

    snprintf(group, sizeof group, "%.*s", slash ? (int)(slash - object->api_version) : 0,
             object->api_version);
    node_set_text(arena, row, "apiVersion", object->api_version);
    node_set_text(arena, row, "kind", object->kind);
    if (*object->namespace)
        node_set_text(arena, row, "namespace", object->namespace);
    node_set_text(arena, row, "name", object->name);
    node_set_bool(arena, row, "applied", !*object->broken.reason && !object->owner->unkept);
    node_set_text(arena, row, "health", cluster_health_names[object->health]);
    manifest_write_why(arena, row, &object->why);
    if (!*object->broken.reason)
        set_unkept_reason(arena, row, object->owner);
    node_add(arena, s->objects, row);

    row = node_map(arena);
    node_set(
        arena, row, "id",
        node_format(arena, "%s_%s_%s_%s", object->namespace, object->name, group, object->kind));
    node_set_text(arena, row, "v", slash ? slash + 1 : object->api_version);
    node_add(arena, s->inventory, row);
}

static void tally_object(struct summary *s, const struct cluster_object *object)
{
    bool task = object->row && object->row->role == MANIFEST_JOB;

    if (object_is_workload(object) && !object->removing && !*object->broken.reason)
        count_copies(object, &s->copies, &s->copies_ready);
    s->failed += object->health == CLUSTER_FAILED;
    s->progressing += object->health == CLUSTER_IN_PROGRESS;
    if (task) {
        s->tasks++;
        s->tasks_done += object->health == CLUSTER_CURRENT;
        s->running_tasks += object->health == CLUSTER_IN_PROGRESS && object->job.ready > 0;
    } else if (object->row && object->row->role >= MANIFEST_DEPLOYMENT &&
               object->row->role <= MANIFEST_POD) {
        s->services++;
    }
    if (!s->worst || rate_badness(object) > rate_badness(s->worst))
        s->worst = object;
}

/* The worst goes first; a Job that runs as it should is no progress to wait for. */
static const char *choose_phase(const struct summary *s)
{
    if (s->owner->removing)
        return "Deleting";
    if (s->failed)
        return "Degraded";
    if (!s->owner->committed)
        return "Pending";
    if (s->progressing > s->running_tasks)
        return "Progressing";
    if (s->tasks && s->tasks == s->tasks_done && !s->services)
        return "Completed";
    return "Running";
}

static void find_objects(struct summary *s)
{
    struct cluster_object *object;
    size_t at = 0;

    while ((object = map_next(s->owner->cluster->objects, &at, NULL)))
        if (object->owner == s->owner) {
            if ((s->count & (s->count - 1)) == 0)
                s->mine = mem_resize_array(s->mine, s->count ? s->count * 2 : 1, sizeof *s->mine);
            s->mine[s->count++] = object;
        }
}

/* Rows in the order of badness, so that those that fail come first. */
static void take_objects(struct summary *s)
{
    find_objects(s);
    for (int bad = WORST; bad >= 0; bad--) {
        for (size_t i = 0; i < s->count; i++) {
            struct cluster_object *object = s->mine[i];

            if (rate_badness(object) == bad) {
                add_object_row(s, object);
                tally_object(s, object);
                if (s->served && service_status(object) && !object->removing) {
                    node_add(s->arena, s->served, node_copy(s->arena, service_status(object)));
                    service_endpoints(object, s->arena, s->endpoints);
                }
            }
        }
    }
}

static bool is_pod_of_owner(const struct summary *s, const struct pod *pod)
{
    for (size_t i = 0; i < s->count; i++)
        if (object_has_pod(s->mine[i], pod))
            return true;
    return pod->owner == s->owner->name && !object_of_pod(s->owner->cluster, pod);
}

/* Pods that are not ready come first. */
static void take_pods(struct summary *s)
{
    struct cluster *cluster = s->owner->cluster;
    struct pod *pod;

    for (int pass = 0; pass < 2; pass++) {
        size_t at = 0;

        while ((pod = pods_next(cluster->pods, &at))) {
            bool ready = pods_is_ready(pod);

            if (ready != (pass == 1) || !is_pod_of_owner(s, pod))
                continue;
            node_add(s->arena, s->pods, pods_describe(pod, s->arena, &s->restarts));
            s->total += !pods_is_leaving(pod);
            s->ready += ready;
            if (ready)
                pods_add_endpoints(pod, s->arena, s->endpoints);
        }
    }
}

/* Rows are cut from the end of each list, where those that are well stand. */
static void cut_rows(struct summary *s)
{
    struct node *const lists[] = {s->pods, s->served, s->inventory, s->endpoints, s->objects};
    int missing = 0;

    for (size_t i = 0; i < count_of(lists); i++)
        for (;;) {
            scoped_text struct text out = {0};

            document_write_json(&out, s->report);
            if (out.len <= CLUSTER_REPORT_BYTES - 64)
                break;
            if (lists[i]->len <= 8)
                break;
            /* an eighth at a time, so that the report is written a few times only */
            for (size_t n = lists[i]->len / 8 + 1; n-- > 0; missing++)
                node_remove_item(lists[i], lists[i]->len - 1);
        }
    if (missing)
        node_set_int(s->arena, s->report, "truncated", missing);
}

struct node *report_objects(struct cluster_owner *owner, struct arena *arena)
{
    struct summary s = {
        .owner = owner, .arena = arena, .objects = node_list(arena), .inventory = node_list(arena)};

    take_objects(&s);
    mem_free(&s.mine);
    return s.objects;
}

/* A refusal names a field; in the report of an owner it must name the object, too. */
static void set_worst_reason(struct summary *s)
{
    const struct cluster_object *object = s->worst;
    const char *message = object->why.message;

    manifest_write_why(s->arena, s->report, &object->why);
    if (*object->broken.reason && *message && !text_starts(message, object->kind))
        node_set(s->arena, s->report, "message",
                 node_format(s->arena, "%.63s %.253s: %s", object->kind, object->name, message));
}

struct node *report_owner(struct cluster_owner *owner, struct arena *arena)
{
    struct summary s = {.owner = owner,
                        .arena = arena,
                        .report = node_map(arena),
                        .objects = node_list(arena),
                        .pods = node_list(arena),
                        .endpoints = node_list(arena),
                        .served = node_list(arena),
                        .inventory = node_list(arena)};
    struct node *copies;

    take_objects(&s);
    take_pods(&s);
    node_set_text(arena, s.report, "phase", choose_phase(&s));
    if (s.worst && s.worst->health != CLUSTER_CURRENT)
        set_worst_reason(&s);
    if (!s.failed)
        set_unkept_reason(arena, s.report, owner);
    node_set_int(arena, s.report, "ready", s.ready);
    node_set_int(arena, s.report, "total", s.total);
    copies = node_make(arena, s.report, "copies");
    node_set_int(arena, copies, "wanted", s.copies);
    node_set_int(arena, copies, "ready", s.copies_ready);
    node_set_int(arena, s.report, "restarts", s.restarts);
    node_set(arena, s.report, "objects", s.objects);
    node_set(arena, s.report, "pods", s.pods);
    node_set(arena, s.report, "endpoints", s.endpoints);
    if (node_count(s.served))
        node_set(arena, s.report, "services", s.served);
    node_set(arena, s.report, "inventory", s.inventory);
    cut_rows(&s);
    mem_free(&s.mine);
    return s.report;
}
