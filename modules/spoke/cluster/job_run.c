/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a Job: one run for each template, an end that is decided once and remembered. */

#include "cluster/workload.h"

#include "base/clock.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

/* ---- What is wanted ------------------------------------------------------------------- */

static struct plan_workload read_job_wants(const struct cluster_object *object, struct arena *arena)
{
    const struct node *spec = node_get(object->object, "spec");
    int64_t deadline = number_get(spec, "activeDeadlineSeconds", NUMBER_SECONDS, 0);
    struct plan_workload want = manifest_want_job(spec, arena);

    want.now = clock_wall();
    want.past = object->past ? &object->past->sum : NULL;
    /* 0 is a deadline too, as in Kubernetes: it has passed when the run begins. */
    if (manifest_has(spec, "activeDeadlineSeconds") && object->run.started)
        want.deadline = object->run.started + clock_seconds(deadline);
    return want;
}

/* ---- What its pods say ----------------------------------------------------------------- */

/* Without a podFailurePolicy every failure counts. */
static enum plan_verdict judge_failed_pod(const struct cluster_object *object,
                                          const struct pod *pod, struct manifest_why *ret_why)
{
    const struct node *policy = node_at(object->object, "spec", "podFailurePolicy", NULL);
    struct manifest_exit exits[64];
    struct manifest_failure failure = {.exits = exits, .disrupted = pod->lost};

    if (!policy)
        return PLAN_COUNT;
    failure.count = pods_exits(pod, exits, count_of(exits));
    return manifest_job_verdict(policy, &failure, ret_why);
}

/* The failure is in the sum of past failures already: the pod is being removed. */
static bool is_counted_failure_of(const struct cluster_object *object, const struct pod *pod)
{
    return object->past && pod->finished && pod->finished <= object->past->until &&
           !strcmp(pods_phase(pod), "Failed");
}

/* Wall time from which on the pod counts as ready: after failures of the Job, once it has run for
   as long as it had to wait. 0: it is not ready. */
static int64_t find_ready_time(const struct cluster_object *object, const struct pod *pod,
                               unsigned failed)
{
    return pods_available_from(pod, plan_backoff(failed), workload_pause(object, pod));
}

static unsigned count_failed(struct pod *const *pods, size_t count)
{
    unsigned failed = 0;

    for (size_t i = 0; i < count; i++)
        failed += !strcmp(pods_phase(pods[i]), "Failed");
    return failed;
}

static int64_t find_next_ready(const struct cluster_object *object, struct pod *const *pods,
                               size_t count, int64_t next)
{
    unsigned failed = count_failed(pods, count);

    for (size_t i = 0; i < count; i++) {
        int64_t at = find_ready_time(object, pods[i], failed);

        if (at > clock_wall() && (!next || at < next))
            next = at;
    }
    return next;
}

static void describe_job_pods(const struct cluster_object *object, struct pod *const *pods,
                              size_t count, struct plan_pod *ret, struct manifest_why *ret_why)
{
    unsigned failed = count_failed(pods, count);
    int64_t now = clock_wall();

    for (size_t i = 0; i < count; i++) {
        const char *phase = pods_phase(pods[i]);
        struct manifest_why why = {0};

        ret[i] = (struct plan_pod){
            .name = pods[i]->name,
            .index = pods[i]->index,
            .current = true,
            .ready = find_ready_time(object, pods[i], failed) &&
                     find_ready_time(object, pods[i], failed) <= now,
            .terminating = pods_is_leaving(pods[i]),
            .succeeded = !strcmp(phase, "Succeeded"),
            .failed = !strcmp(phase, "Failed"),
            .failures = pods_failures(pods[i]),
            .created = pods[i]->created,
            .finished = pods[i]->finished,
        };
        if (is_counted_failure_of(object, pods[i])) {
            ret[i].failed = false;
            ret[i].terminating = true;
        }
        if (ret[i].failed)
            ret[i].verdict = judge_failed_pod(object, pods[i], &why);
        if (ret[i].verdict == PLAN_FAIL_JOB)
            *ret_why = why;
    }
}

/* Asked by the pod itself before it restarts a container, so the Job's count is taken anew here. */
bool job_may_restart(const struct cluster_object *object, const struct pod *pod)
{
    scoped_arena struct arena *arena = arena_new();
    struct pod **pods;
    struct plan_pod *described;
    struct plan_workload want;
    struct manifest_why ignored = {0};
    size_t count, at = 0;
    bool spent;

    if (!object || !object->row || object->row->role != MANIFEST_JOB || !object->object ||
        object->adopted || strcmp(pod->hash, object->hash) != 0)
        return true;
    if (object->run.ended)
        return false;
    pods = arena_alloc(arena, OBJECT_PODS * sizeof(struct pod *));
    described = arena_alloc(arena, OBJECT_PODS * sizeof *described);
    count = object_pods(object, pods, OBJECT_PODS);
    describe_job_pods(object, pods, count, described, &ignored);
    while (at < count && pods[at] != pod)
        at++;
    want = read_job_wants(object, arena);
    spent = at < count && plan_job_is_spent(&want, described, count, at);
    return !spent;
}

/* ---- Failed pods that were counted ------------------------------------------------------- */

/* At most so many failed pods are kept, with their logs; the rest of the failures is a sum. */
#define FAILED_KEPT 100

static void count_past_failure(struct cluster_object *object, const struct pod *pod)
{
    struct plan_past *sum = &object->past->sum;
    int failures = pods_failures(pod) > 1 ? pods_failures(pod) : 1;
    struct manifest_why ignored = {0};
    enum plan_verdict verdict = judge_failed_pod(object, pod, &ignored);

    if (verdict == PLAN_IGNORE)
        return;
    sum->pods++;
    sum->failures = sum->failures < INT32_MAX / 4 ? sum->failures + failures : sum->failures;
    if (pod->index < 0 || pod->index >= PLAN_INDEXES)
        return;
    sum->of[pod->index] =
        verdict == PLAN_FAIL_INDEX ? INT32_MAX / 2 : sum->of[pod->index] + failures;
}

/* The oldest half of the failed pods goes into the sum. Those that ended at one moment go together,
   since the sum remembers only until when it counts. */
static void forget_oldest_failures(struct cluster_object *object, struct pod *const *pods,
                                   size_t count)
{
    int64_t until = 0, last = 0;
    size_t gone = 0;

    while (gone < FAILED_KEPT / 2) {
        until = 0;
        for (size_t i = 0; i < count; i++)
            if (pods[i]->finished > last && !is_counted_failure_of(object, pods[i]) &&
                !strcmp(pods_phase(pods[i]), "Failed") && (!until || pods[i]->finished < until))
                until = pods[i]->finished;
        if (!until)
            break;
        for (size_t i = 0; i < count; i++)
            gone += pods[i]->finished == until && !strcmp(pods_phase(pods[i]), "Failed");
        last = until;
    }
    last = last / 1000 * 1000 + 999; /* rounded as on disk */
    if (!object->past)
        object->past = mem_alloc(sizeof *object->past);
    for (size_t i = 0; i < count; i++)
        if (!is_counted_failure_of(object, pods[i]) && pods[i]->finished &&
            pods[i]->finished <= last && !strcmp(pods_phase(pods[i]), "Failed"))
            count_past_failure(object, pods[i]);
    object->past->until = last;
    state_keep(object, NULL, NULL);
}

static void drop_counted_pods(struct cluster_object *object, struct pod *const *pods, size_t count)
{
    unsigned failed = 0;

    for (size_t i = 0; i < count; i++)
        failed += !is_counted_failure_of(object, pods[i]) && !strcmp(pods_phase(pods[i]), "Failed");
    if (failed > FAILED_KEPT)
        forget_oldest_failures(object, pods, count);
    for (size_t i = 0; i < count; i++)
        if (is_counted_failure_of(object, pods[i]))
            pods_end(pods[i]);
}

/* ---- The end ---------------------------------------------------------------------------- */

struct keeping {
    struct cluster *cluster;
    char *key;     /* owned */
    char hash[24]; /* of the template whose run has ended */
};

/* The Job may be gone or have another template when the commit is answered: found again by key and
   hash. */
static void on_end_kept(void *arg, const struct err *err)
{
    struct keeping *keeping = arg;
    struct cluster *cluster = keeping->cluster;
    struct cluster_object *object =
        cluster->closing ? NULL : map_get(cluster->objects, keeping->key);

    if (object && object->run.ended && !strcmp(object->hash, keeping->hash)) {
        object->run.keeping = false;
        object->run.kept = !err || !err->code;
        if (object->run.kept)
            object_touch(object);
        else /* the disk is full, and may have room again later */
            object_look_again(object, clock_wall() + CLOCK_SECOND);
    }
    mem_free(&keeping->key);
    mem_free(&keeping);
}

/* No pod of the Job is removed before its end is on disk: an agent that dies in between would run
   the Job once more. */
static void keep_job_end(struct cluster_object *object)
{
    struct keeping *keeping = mem_alloc(sizeof *keeping);

    object->run.keeping = true;
    keeping->cluster = object->cluster;
    keeping->key = mem_copy_string(object->key);
    snprintf(keeping->hash, sizeof keeping->hash, "%s", object->hash);
    state_keep(object, on_end_kept, keeping);
}

static void explain_job_failure(const struct cluster_object *object,
                                const struct manifest_why *policy, struct manifest_why *ret)
{
    const struct plan_job_state *job = &object->job;
    struct manifest_why last = {0};
    bool troubled = sight_trouble(object, &last);
    const char *before = troubled ? "; last: " : "";

    if (!troubled)
        last = (struct manifest_why){0};
    if (!strcmp(job->reason, "PodFailurePolicy") && *policy->message)
        manifest_why_set(ret, job->reason, "%s", policy->message);
    else if (!strcmp(job->reason, "DeadlineExceeded"))
        manifest_why_set(ret, job->reason,
                         "it was active for longer than activeDeadlineSeconds, %lld s%s%.300s",
                         (long long)number_get(node_get(object->object, "spec"),
                                               "activeDeadlineSeconds", NUMBER_SECONDS, 0),
                         before, last.message);
    else if (job->failed_indexes)
        manifest_why_set(ret, job->reason, "%d indexes failed%s%.300s", job->failed_indexes, before,
                         last.message);
    else
        manifest_why_set(ret, job->reason, "%d pods failed%s%.300s", job->failed, before,
                         last.message);
}

/* Pods that are stopped because of the failure count as failed, as in Kubernetes. */
static void decide_job_end(struct cluster_object *object, const struct manifest_why *policy)
{
    struct object_run *run = &object->run;

    run->ended = true;
    run->complete = object->job.complete;
    run->finished = clock_wall();
    run->succeeded = object->job.succeeded;
    run->failed = object->job.failed + (run->complete ? 0 : object->job.active);
    if (run->complete) {
        manifest_why_set(&run->why, object->job.reason, "%d pods succeeded", run->succeeded);
    } else {
        object->job.failed = run->failed;
        explain_job_failure(object, policy, &run->why);
    }
    object_note(object, run->complete ? "Normal" : "Warning",
                run->complete ? "Completed" : run->why.reason,
                run->complete ? "Job completed: %s" : "Job failed: %s", run->why.message);
    keep_job_end(object);
}

/* After the end: pods that still run are ended, and after ttlSecondsAfterFinished all of them. The
   result stays. */
static void wind_up_job(struct cluster_object *object, struct pod *const *pods, size_t count)
{
    struct object_run *run = &object->run;
    int64_t ttl =
        number_get(node_get(object->object, "spec"), "ttlSecondsAfterFinished", NUMBER_SECONDS, -1);

    object->job.active = object->job.ready = 0;
    object->job.complete = run->complete;
    object->job.over = !run->complete;
    object->job.reason = run->why.reason;
    if (!run->kept && !run->keeping)
        keep_job_end(object);
    if (!run->kept)
        return;
    if (!run->tidied && ttl >= 0 && clock_wall() >= run->finished + clock_seconds(ttl)) {
        run->tidied = true;
        state_keep(object, NULL, NULL);
    }
    for (size_t i = 0; i < count; i++)
        if (!pods[i]->finished || run->tidied)
            pods_end(pods[i]);
    if (!run->tidied && ttl >= 0)
        object_look_again(object, run->finished + clock_seconds(ttl));
}

void job_end_pod(struct cluster_object *object, const char *reason, const char *message)
{
    object->run = (struct object_run){.ended = true, .finished = clock_wall()};
    manifest_why_set(&object->run.why, reason, "%.390s", message);
    keep_job_end(object);
}

/* ---- One run --------------------------------------------------------------------------- */

/* Ends the pods of an earlier template. While there are any, none of the present one is started. */
static bool drop_outdated(struct cluster_object *object, struct pod *const *pods, size_t count)
{
    bool any = false;

    for (size_t i = 0; i < count; i++)
        if (strcmp(pods[i]->hash, object->hash) != 0) {
            any = true;
            pods_end(pods[i]);
        }
    return any;
}

/* activeDeadlineSeconds count from the start, and anew after a suspension. */
static void note_job_start(struct cluster_object *object)
{
    bool suspended = node_get_bool(node_get(object->object, "spec"), "suspend", false);

    if (suspended == !object->run.started)
        return;
    object->run.started = suspended ? 0 : clock_wall();
    state_keep(object, NULL, NULL);
}

/* The Job is looked at again at the end of a pause, at its deadline, or when a pod has run for long
   enough to count as ready. */
static void plan_next_look(struct cluster_object *object, const struct plan_workload *want)
{
    struct pod **pods = mem_alloc(OBJECT_PODS * sizeof(struct pod *));
    size_t count = object_pods(object, pods, OBJECT_PODS);
    int64_t next = find_next_ready(object, pods, count, object->job.wait_until);

    if (want->deadline && (!next || want->deadline < next))
        next = want->deadline;
    if (next)
        object_look_again(object, next);
    mem_free(&pods);
}

void job_reconcile(struct cluster_object *object, struct pod *const *pods, size_t count)
{
    scoped_arena struct arena *arena = arena_new();
    struct plan_pod *described = arena_alloc(arena, (count + 1) * sizeof *described);
    struct plan_step steps[PLAN_STEPS];
    struct manifest_why policy = {0};
    struct plan_workload want;
    size_t n;

    if (drop_outdated(object, pods, count))
        return;
    if (object->run.ended) {
        wind_up_job(object, pods, count);
        return;
    }
    note_job_start(object);
    drop_counted_pods(object, pods, count);
    describe_job_pods(object, pods, count, described, &policy);
    want = read_job_wants(object, arena);
    n = plan_job(&want, described, count, steps, &object->job);
    if (object->job.complete || object->job.over) {
        decide_job_end(object, &policy);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (steps[i].verb == PLAN_STOP)
            pods_end(pods[steps[i].pod]);
        else
            workload_start_pod(object, steps[i].index, false);
    }
    plan_next_look(object, &want);
}

/* ---- Health ------------------------------------------------------------------------------- */

void job_set_health(struct cluster_object *object)
{
    const struct object_run *run = &object->run;
    struct manifest_why trouble = {0};
    bool troubled;

    if (run->ended) {
        object->health = run->complete ? CLUSTER_CURRENT : CLUSTER_FAILED;
        if (run->tidied)
            manifest_why_set(&object->why, run->complete ? "Completed" : "JobFailed",
                             "ended; its pods were "
                             "removed after ttlSecondsAfterFinished: %.280s",
                             run->why.message);
        else
            manifest_why_set(&object->why, run->complete ? "Completed" : run->why.reason, "%s",
                             run->why.message);
        return;
    }
    object->health = CLUSTER_IN_PROGRESS;
    if (node_get_bool(node_get(object->object, "spec"), "suspend", false)) {
        manifest_why_set(&object->why, "Suspended",
                         "spec.suspend is true: no pod runs until it is false");
        return;
    }
    troubled = sight_trouble(object, &trouble);
    manifest_why_set(&object->why, troubled ? trouble.reason : "Running",
                     "%d active, %d succeeded, %d failed"
                     "%s%.280s",
                     object->job.active, object->job.succeeded, object->job.failed,
                     *trouble.message ? "; " : "", trouble.message);
}
