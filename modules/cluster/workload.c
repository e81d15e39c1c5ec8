/* SPDX-License-Identifier: Apache-2.0 */
/* Turns Deployments, StatefulSets, Jobs and Pods into pods, and judges them. */

#include "cluster/local.h"

#include "base/clock.h"
#include "cluster/fields.h"
#include "cluster/service.h"
#include "number/number.h"
#include "query/query.h"

#include <stdio.h>
#include <string.h>

/* ---- Reading ------------------------------------------------------------------- */

static struct node *pod_template(struct local_object *object)
{
    struct arena *arena = object->arena;
    struct node *template, *meta, *from;

    if (object->row->role != ROLE_POD)
        return node_at(object->object, "spec", "template", NULL);
    template = node_map(arena);
    meta = node_make(arena, template, "metadata");
    from = node_get(object->object, "metadata");
    if (node_get(from, "labels"))
        node_set(arena, meta, "labels", node_get(from, "labels"));
    if (node_get(from, "annotations"))
        node_set(arena, meta, "annotations", node_get(from, "annotations"));
    if (node_get(object->object, "spec"))
        node_set(arena, template, "spec", node_get(object->object, "spec"));
    return template;
}

static int check_strategy(struct local_object *object, const struct node *strategy,
                          const char *path, const char *one, const char *other)
{
    const char *type = node_get_text(strategy, "type");

    if (*type && strcmp(type, one) != 0 && strcmp(type, other) != 0)
        return why_set(&object->broken, "Invalid", "%s.type is %s or %s, not \"%.40s\"", path, one,
                       other, type);
    return 0;
}

/* A Deployment that does not know its own pods would make them without end. */
static int check_selector(struct local_object *object)
{
    const struct node *selector = node_at(object->object, "spec", "selector", "matchLabels", NULL);
    const struct node *labels = node_at(object->template, "metadata", "labels", NULL);

    node_each(label, selector)
        if (strcmp(node_text(label->value), node_get_text(labels, label->key)) != 0)
            return why_set(&object->broken, "Invalid", "spec.selector.matchLabels[%.80s] is not among "
                           "the labels of spec.template", label->key);
    return 0;
}

static int check_spec(struct local_object *object)
{
    const struct node *spec = node_get(object->object, "spec");
    const struct node *retention = node_get(spec, "persistentVolumeClaimRetentionPolicy");
    struct local_why *why = &object->broken;

    switch (object->row->role) {
    case ROLE_DEPLOYMENT:
        if (fields_check(spec, FIELDS_DEPLOYMENT, "spec", why) < 0 ||
            fields_check(node_get(spec, "strategy"), FIELDS_STRATEGY, "spec.strategy", why) < 0 ||
            check_strategy(object, node_get(spec, "strategy"), "spec.strategy", "RollingUpdate",
                           "Recreate") < 0)
            return -1;
        return check_selector(object);
    case ROLE_STATEFUL:
        if (fields_check(spec, FIELDS_STATEFUL, "spec", why) < 0 ||
            check_strategy(object, node_get(spec, "updateStrategy"), "spec.updateStrategy",
                           "RollingUpdate", "OnDelete") < 0)
            return -1;
        node_each(when, retention)
            if (!strcmp(node_text(when->value), "Delete"))
                return why_set(why, "UnsupportedField", "spec.persistentVolumeClaimRetentionPolicy."
                               "%.40s Delete: claims are only deleted by a person", when->key);
        return check_selector(object);
    case ROLE_JOB:
        return fields_check(spec, FIELDS_JOB, "spec", why);
    default:
        return 0;
    }
}

static int check_policy(struct local_object *object)
{
    const char *policy = node_get_text(node_get(object->template, "spec"), "restartPolicy");
    bool job = object->row->role == ROLE_JOB;

    if (object->row->role == ROLE_POD)
        return 0;
    if (job && strcmp(policy, "Never") != 0 && strcmp(policy, "OnFailure") != 0)
        return why_set(&object->broken, "Invalid",
                       "spec.template.spec.restartPolicy of a Job is Never or OnFailure, not \"%.40s\"",
                       *policy ? policy : "Always");
    if (!job && *policy && strcmp(policy, "Always") != 0)
        return why_set(&object->broken, "Invalid",
                       "spec.template.spec.restartPolicy is Always here, not \"%.40s\"", policy);
    return 0;
}

void workload_read(struct local_object *object)
{
    char fresh[sizeof object->hash];
    uint64_t hash;

    if (!object->row || object->row->role < ROLE_DEPLOYMENT || object->row->role > ROLE_POD ||
        object->adopted)
        return;
    object->broken = (struct local_why){ 0 };
    object->template = pod_template(object);
    if (shape_check(object->row, object->object, &object->broken) < 0 ||
        refuse_pod(object->cluster, node_get(object->template, "spec"),
                      node_at(object->object, "spec", "volumeClaimTemplates", NULL),
                      &object->broken) < 0 ||
        check_policy(object) < 0 || check_spec(object) < 0)
        return;
    hash = compile_hash(object);
    if (object->done && strcmp(node_get_text(object->done, "hash"), object->hash) != 0)
        object->done = NULL;
    snprintf(fresh, sizeof fresh, "%016llx", (unsigned long long)hash);
    if (strcmp(fresh, object->hash) != 0)
        object->losses = 0; /* another template may do better */
    memcpy(object->hash, fresh, sizeof object->hash);
}

/* As Kubernetes labels them, so that Services can select one of them. */
struct node *workload_labelled(const struct local_object *object, struct arena *arena,
                               const char *pod, int index)
{
    struct node *template = node_share(arena, object->template), *meta, *labels;
    const char *name = object->name;

    if (object->row->role != ROLE_JOB && object->row->role != ROLE_STATEFUL)
        return template;
    meta = node_share(arena, node_make(arena, template, "metadata"));
    labels = node_share(arena, node_make(arena, meta, "labels"));
    node_set(arena, template, "metadata", meta);
    node_set(arena, meta, "labels", labels);
    if (object->row->role == ROLE_JOB) {
        node_set_text(arena, labels, "job-name", name);
        node_set_text(arena, labels, "batch.kubernetes.io/job-name", name);
    } else {
        node_set_text(arena, labels, "statefulset.kubernetes.io/pod-name", pod);
    }
    if (index >= 0)
        node_set(arena, labels, object->row->role == ROLE_JOB
                                    ? "batch.kubernetes.io/job-completion-index"
                                    : "apps.kubernetes.io/pod-index",
                 node_format(arena, "%d", index));
    return template;
}

size_t workload_pods(const struct local_object *object, struct local_pod **ret, size_t room)
{
    struct local_pod *pod;
    size_t at = 0, count = 0;

    while ((pod = map_next(object->cluster->pods, &at, NULL)))
        if (count < room && !object->second && !strcmp(pod->workload, object->plain) &&
            !strcmp(pod->project, object->project))
            ret[count++] = pod;
    return count;
}

/* ---- What is wanted --------------------------------------------------------------- */

static int bounded(int64_t value, int most)
{
    return value < 0 ? 0 : value > most ? most : (int)value;
}

static int scaled(const struct node *value, int total, bool up, int none)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *usual = node_string(arena, "25%");
    int64_t ret = none;

    if (percent_scale(value ? value : usual, total, up, &ret, NULL) < 0)
        ret = none;
    return bounded(ret, 10000);
}

static struct plan_workload want_of(const struct local_object *object)
{
    const struct node *spec = node_get(object->object, "spec");
    const struct node *strategy = node_get(spec, "strategy");
    const struct node *rolling = node_get(strategy, "rollingUpdate");
    const struct node *update = node_get(spec, "updateStrategy");
    struct plan_workload want = { .replicas = bounded(number_get(spec, "replicas", NUMBER_COUNT, 1), 1000) };

    want.exclusive = ports_exclusive(object);
    want.recreate = !strcmp(node_get_text(strategy, "type"), "Recreate");
    want.surge = scaled(node_get(rolling, "maxSurge"), want.replicas, true, 1);
    want.unavailable = scaled(node_get(rolling, "maxUnavailable"), want.replicas, false, 0);
    want.parallel = !strcmp(node_get_text(spec, "podManagementPolicy"), "Parallel");
    want.on_delete = !strcmp(node_get_text(update, "type"), "OnDelete");
    want.partition = bounded(number_get(node_get(update, "rollingUpdate"), "partition", NUMBER_COUNT, 0), 1000);
    want.now = clock_wall();
    if (object->row->role == ROLE_POD)
        want.replicas = 1;
    if (object->row->role != ROLE_JOB)
        return want;
    want.parallelism = bounded(number_get(spec, "parallelism", NUMBER_COUNT, 1), 1000);
    want.backoff_limit = bounded(number_get(spec, "backoffLimit", NUMBER_COUNT, 6), 1000000);
    want.indexed = !strcmp(node_get_text(spec, "completionMode"), "Indexed");
    want.suspend = node_get_bool(spec, "suspend", false);
    want.replicas = node_get(spec, "completions") ? bounded(number_get(spec, "completions", NUMBER_COUNT, 1), 1000)
                    : node_get(spec, "parallelism") && !want.indexed ? -1 : 1;
    if (number_get(spec, "activeDeadlineSeconds", NUMBER_SECONDS, 0) > 0)
        want.deadline = object->created +
                        clock_seconds(number_get(spec, "activeDeadlineSeconds", NUMBER_SECONDS, 0));
    return want;
}

int64_t workload_least(const struct local_object *object)
{
    int64_t least = number_get(node_get(object->object, "spec"), "minReadySeconds",
                               NUMBER_SECONDS, 0);

    return least > 0 && least < 86400 * 365 ? least * CLOCK_SECOND : 0;
}

/* ---- One pass ----------------------------------------------------------------------- */

static void describe(const struct local_object *object, struct local_pod *const *pods,
                     size_t count, struct plan_pod *ret)
{
    for (size_t i = 0; i < count; i++) {
        const char *phase = pod_phase(pods[i]);

        ret[i] = (struct plan_pod){
            .name = pods[i]->name, .index = pods[i]->index,
            .current = !strcmp(pods[i]->hash, object->hash),
            .ready = pod_is_available(pods[i], workload_least(object)), .terminating = pods[i]->terminating,
            .succeeded = !strcmp(phase, "Succeeded"), .failed = !strcmp(phase, "Failed"),
            .created = pods[i]->created, .finished = pods[i]->finished,
        };
    }
}

/* A lone Pod is run once; a new template replaces it. */
static size_t plan_pod(const struct plan_pod *pods, size_t count, struct plan_step *steps)
{
    if (count == 0) {
        steps[0] = (struct plan_step){ PLAN_START, -1, 0 };
        return 1;
    }
    if (pods[0].current || pods[0].terminating)
        return 0;
    steps[0] = (struct plan_step){ PLAN_STOP, -1, 0 };
    return 1;
}

static void end_pods(struct local_pod *const *pods, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pod_end(pods[i]);
}

static void look_again(struct local_object *object, int64_t wall)
{
    int64_t wait = wall - clock_wall();

    loop_timer_set(object->timer, wait > 0 ? wait : 0);
}

/* Comes back when the next pod has been ready for long enough, or may be started. */
static void wait_for_least(struct local_object *object, struct local_pod *const *pods, size_t count,
                           int64_t next)
{
    int64_t least = workload_least(object);

    for (size_t i = 0; least && i < count; i++) {
        int64_t at = pods[i]->ready_since + least;

        if (pod_is_ready(pods[i]) && !pod_is_available(pods[i], least) && (!next || at < next))
            next = at;
    }
    if (next)
        look_again(object, next);
}

/* ---- Pods that were lost ------------------------------------------------------------- */

void workload_on_loss(struct local_object *object, const struct local_pod *pod,
                      const char *reason, const char *message)
{
    int64_t now = clock_wall();

    if (object->losses && pod->created <= object->lost && now >= object->lost)
        return; /* what took the last one took this one too */
    if (now - pod->created >= PLAN_BACKOFF_RESET || now < pod->created)
        object->losses = 0;
    object->losses++;
    object->lost = now;
    why_set(&object->lost_why, reason, "%.250s; next try %lld s after that", message,
            (long long)(plan_backoff(object->losses) / CLOCK_SECOND));
}

/* Wall time at which a pod may be started; 0: now. */
static int64_t held_back_until(const struct local_object *object)
{
    int64_t wait = plan_backoff(object->losses), now = clock_wall();

    return wait && now >= object->lost && now < object->lost + wait ? object->lost + wait : 0;
}

static void keep_done(struct local_object *object)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *status = node_get(report_object(object, arena), "status");

    object->done = node_map(object->arena);
    node_set_text(object->arena, object->done, "hash", object->hash);
    node_set(object->arena, object->done, "status", node_copy(object->arena, status));
    local_keep_state(object);
}

/* ttlSecondsAfterFinished: the pods go, what came of it is remembered. */
static void look_at_ttl(struct local_object *object, struct local_pod *const *pods, size_t count)
{
    int64_t ttl = number_get(node_get(object->object, "spec"), "ttlSecondsAfterFinished",
                             NUMBER_SECONDS, -1);

    if (!object->finished) {
        object->finished = clock_wall();
        local_event(object->cluster, object, object->job.complete ? "Normal" : "Warning",
                    object->job.complete ? "Completed" : object->job.reason,
                    object->job.complete ? "Job completed" : "Job failed: %d pods failed",
                    object->job.failed);
    }
    if (ttl < 0)
        return;
    if (clock_wall() < object->finished + clock_seconds(ttl)) {
        look_again(object, object->finished + clock_seconds(ttl));
        return;
    }
    keep_done(object);
    end_pods(pods, count);
}

static size_t plan_steps(struct local_object *object, const struct plan_pod *pods, size_t count,
                         struct plan_step *steps)
{
    struct plan_workload want = want_of(object);

    switch (object->row->role) {
    case ROLE_DEPLOYMENT:
        return plan_deployment(&want, pods, count, steps);
    case ROLE_STATEFUL:
        return plan_stateful(&want, pods, count, steps);
    case ROLE_JOB: {
        size_t n = plan_job(&want, pods, count, steps, &object->job);

        if (object->job.wait_until)
            look_again(object, object->job.wait_until);
        else if (want.deadline && !object->job.over && !object->job.complete)
            look_again(object, want.deadline);
        return n;
    }
    default:
        return plan_pod(pods, count, steps);
    }
}

/* Pods of an earlier template of a Job or Pod are no part of its count. */
static bool drop_outdated(struct local_object *object, struct local_pod *const *pods, size_t count)
{
    bool any = false;

    if (object->row->role != ROLE_JOB)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(pods[i]->hash, object->hash) != 0) {
            any = true;
            pod_end(pods[i]);
        }
    if (any)
        object->finished = 0;
    return any;
}

void workload_pass(struct local_object *object)
{
    struct local_pod **pods = mem_alloc(WORKLOAD_PODS * sizeof(struct local_pod *));
    struct plan_pod *described = mem_alloc(WORKLOAD_PODS * sizeof *described);
    struct plan_step steps[PLAN_STEPS];
    size_t count = workload_pods(object, pods, WORKLOAD_PODS), n = 0;
    int64_t held = held_back_until(object), next = 0;

    if (object->removing) {
        end_pods(pods, count);
    } else if (!*object->broken.reason && !object->waiting && !object->done &&
               object->strategy != CLUSTER_READ_ONLY && adopted_can_plan(object) && !drop_outdated(object, pods, count)) {
        describe(object, pods, count, described);
        n = plan_steps(object, described, count, steps);
    }
    for (size_t i = 0; i < n; i++) {
        if (steps[i].verb == PLAN_STOP)
            pod_end(pods[steps[i].pod]);
        else if (held)
            next = held;
        else
            pod_start(object, steps[i].index);
    }
    if (!object->removing)
        wait_for_least(object, pods, count, next);
    if (!object->removing && !object->adopted && object->row->role == ROLE_JOB &&
        !object->done && n == 0 &&
        (object->job.complete || object->job.over))
        look_at_ttl(object, pods, count);
    mem_free(&described);
    mem_free(&pods);
}

/* ---- Health ----------------------------------------------------------------------------- */

struct sight {
    int wanted, total, updated, ready, old;
    struct local_why trouble;
    bool troubled, final;
};

static void look(const struct local_object *object, struct sight *ret)
{
    struct local_pod **pods = mem_alloc(WORKLOAD_PODS * sizeof(struct local_pod *));
    size_t count = workload_pods(object, pods, WORKLOAD_PODS);

    *ret = (struct sight){ .wanted = bounded(number_get(node_get(object->object, "spec"),
                                                        "replicas", NUMBER_COUNT, 1), 1000) };
    for (size_t i = 0; i < count; i++) {
        bool current = !strcmp(pods[i]->hash, object->hash), final = false;
        struct local_why trouble = { 0 };

        if (pods[i]->terminating)
            continue;
        ret->total++;
        ret->updated += current;
        ret->old += !current;
        ret->ready += pod_is_available(pods[i], workload_least(object));
        if (ret->final || !pod_trouble(pods[i], &trouble, &final))
            continue;
        ret->troubled = true;
        ret->trouble = trouble;
        ret->final = final;
    }
    if (!ret->troubled && held_back_until(object)) {
        ret->troubled = ret->final = true;
        ret->trouble = object->lost_why;
    }
    mem_free(&pods);
}

static void judge_replicas(struct local_object *object)
{
    int64_t deadline = number_get(node_get(object->object, "spec"), "progressDeadlineSeconds",
                                  NUMBER_SECONDS, 600);
    struct sight s;
    bool done;

    look(object, &s);
    done = s.updated == s.wanted && s.ready >= s.wanted && !s.old;
    if (done || !object->progressed || object->generation != object->job.active ||
        s.ready != object->job.ready) {
        /* job.active and job.ready are spare here: what was seen last. */
        object->progressed = clock_wall();
        object->job.active = (int)object->generation;
        object->job.ready = s.ready;
    }
    object->health = done ? LOCAL_CURRENT : LOCAL_IN_PROGRESS;
    object->why = (struct local_why){ 0 };
    if (s.troubled && (s.final || !done)) {
        object->why = s.trouble;
        object->health = s.final ? LOCAL_FAILED : LOCAL_IN_PROGRESS;
    } else if (!done) {
        why_set(&object->why, "Progressing", "%d of %d pods are ready%s", s.ready, s.wanted,
                s.old ? ", old ones still run" : "");
    }
    if (!done && object->health != LOCAL_FAILED) {
        if (clock_wall() >= object->progressed + clock_seconds(deadline)) {
            object->health = LOCAL_FAILED;
            snprintf(object->why.reason, sizeof object->why.reason, "ProgressDeadlineExceeded");
        } else if (!loop_timer_is_set(object->timer)) {
            look_again(object, object->progressed + clock_seconds(deadline));
        }
    }
}

static void judge_job(struct local_object *object)
{
    const struct node *kept = node_get(object->done, "status");
    struct sight s;

    if (kept) {
        bool good = !strcmp(node_get_text(node_item(node_get(kept, "conditions"), 0), "type"),
                            "Complete");

        object->health = good ? LOCAL_CURRENT : LOCAL_FAILED;
        why_set(&object->why, good ? "Completed" : "JobFailed", "ended; its pods were removed after "
                "ttlSecondsAfterFinished");
        return;
    }
    look(object, &s);
    if (object->job.complete) {
        object->health = LOCAL_CURRENT;
        why_set(&object->why, "Completed", "%d pods succeeded", object->job.succeeded);
    } else if (object->job.over) {
        object->health = LOCAL_FAILED;
        why_set(&object->why, object->job.reason, "%d pods failed%s%.300s", object->job.failed,
                s.troubled ? "; last: " : "", s.trouble.message);
    } else {
        object->health = LOCAL_IN_PROGRESS;
        why_set(&object->why, s.troubled ? s.trouble.reason : "Running", "%d active, %d succeeded, "
                "%d failed%s%.280s", object->job.active, object->job.succeeded, object->job.failed,
                s.troubled ? "; " : "", s.trouble.message);
    }
}

static void judge_pod(struct local_object *object)
{
    struct local_pod *pod = NULL;
    struct sight s;
    const char *phase;

    look(object, &s);
    workload_pods(object, &pod, 1);
    phase = pod ? pod_phase(pod) : "Pending";
    object->why = (struct local_why){ 0 };
    if (s.troubled)
        object->why = s.trouble;
    /* kstatus calls a failed pod current; a person would not. */
    if (!strcmp(phase, "Failed") || (s.troubled && s.final))
        object->health = LOCAL_FAILED;
    else if (!strcmp(phase, "Succeeded") || s.ready)
        object->health = LOCAL_CURRENT;
    else
        object->health = LOCAL_IN_PROGRESS;
}

void workload_judge(struct local_object *object)
{
    if (object->removing) {
        object->health = LOCAL_TERMINATING;
        return;
    }
    if (*object->broken.reason) {
        object->health = LOCAL_FAILED;
        object->why = object->broken;
        return;
    }
    if (object->waiting) {
        object->health = LOCAL_IN_PROGRESS;
        why_set(&object->why, "WaitsForPhase", "waits for what comes before it to be healthy");
        return;
    }
    switch (object->row->role) {
    case ROLE_DEPLOYMENT:
    case ROLE_STATEFUL:
        judge_replicas(object);
        break;
    case ROLE_JOB:
        judge_job(object);
        break;
    case ROLE_POD:
        judge_pod(object);
        break;
    case ROLE_SERVICE:
        service_judge(object);
        break;
    default:
        object->health = LOCAL_CURRENT;
        object->why = (struct local_why){ 0 };
    }
}
