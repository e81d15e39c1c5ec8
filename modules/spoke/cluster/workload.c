/* SPDX-License-Identifier: Apache-2.0 */
/* Turns Deployments, StatefulSets, Jobs and Pods into pods, and judges them. */

#include "cluster/local.h"

#include "base/clock.h"
#include "base/text.h"
#include "cluster/service.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

/* ---- Reading ------------------------------------------------------------------- */

/* Another template: a Job runs it once, and what was held back may do better. */
static void take_template(struct local_object *object, const char *hash)
{
    bool ran = object->run.started || object->run.ended || object->losses;

    object->losses = 0;
    object->run = (struct local_run){ 0 };
    mem_free(&object->past);
    object->job = (struct plan_job_state){ 0 };
    revision_change(object, hash);
    snprintf(object->hash, sizeof object->hash, "%s", hash);
    object->health = LOCAL_IN_PROGRESS;
    manifest_why_set(&object->why, "Progressing", "its new pods are not made yet");
    if (ran)
        state_keep(object, NULL, NULL);
}

void workload_read(struct local_object *object)
{
    char fresh[sizeof object->hash];
    uint64_t hash;

    if (!manifest_is_workload(object->row) || object->adopted)
        return;
    object->broken = (struct manifest_why){ 0 };
    object->template = manifest_template(object->row, object->object, object->arena);
    if (manifest_check_workload(&object->cluster->allowed, object->row, object->object,
                                object->template, &object->broken) < 0)
        return;
    hash = compile_hash(object);
    snprintf(fresh, sizeof fresh, "%016llx", (unsigned long long)hash);
    if (strcmp(fresh, object->hash) != 0)
        take_template(object, fresh);
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

static struct plan_workload want_of(const struct local_object *object)
{
    const struct node *spec = node_get(object->object, "spec");
    struct plan_workload want = manifest_want_replicas(object->row, spec);

    want.exclusive = ports_exclusive(object);
    want.now = clock_wall();
    if (object->former) {
        want.former = true;
        want.former_replicas = object->former->replicas;
        want.taken = object->former->taken;
    }
    return want;
}

int workload_fewest(const struct local_object *object)
{
    struct plan_workload want = want_of(object);

    return plan_fewest(&want);
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
    for (size_t i = 0; i < count; i++)
        ret[i] = (struct plan_pod){
            .name = pods[i]->name, .index = pods[i]->index,
            .current = !strcmp(pods[i]->hash, object->hash),
            .former = object->former && !strcmp(pods[i]->hash, object->former->hash),
            .ready = pod_is_available(pods[i], workload_least(object)),
            .broken = pod_is_broken(pods[i]), .terminating = pods[i]->terminating,
            .unknown = pod_may_be_ready(pods[i]), .trial = pod_is_on_trial(pods[i], workload_least(object)),
            .created = pods[i]->created,
        };
}

/* A lone Pod is run once; a new template replaces it. */
static size_t plan_pod(const struct local_object *object, const struct plan_pod *pods, size_t count,
                       struct plan_step *steps)
{
    if (count == 0 && object->run.ended)
        return 0; /* it was evicted, and stays ended */
    if (count > 0 && (pods[0].current || pods[0].terminating))
        return 0;
    steps[0] = (struct plan_step){ count ? PLAN_STOP : PLAN_START, -1, 0, false, false };
    return 1;
}

void workload_end_pods(struct local_pod *const *pods, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pod_end(pods[i]);
}

void workload_look_again(struct local_object *object, int64_t wall)
{
    int64_t wait = wall - clock_wall();

    loop_timer_set(object->timer, wait > 0 ? wait : 0);
}

/* Comes back when the next pod has been ready for long enough, or may be started. */
static void wait_for_next(struct local_object *object, struct local_pod *const *pods, size_t count,
                          int64_t next)
{
    int64_t now = clock_wall();

    for (size_t i = 0; i < count; i++) {
        int64_t at = pod_available_from(pods[i], workload_least(object));

        if (at > now && (!next || at < next))
            next = at;
    }
    if (next)
        workload_look_again(object, next);
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
    manifest_why_set(&object->lost_why, reason, "%.250s; next try %lld s after that", message,
            (long long)(plan_backoff(object->losses) / CLOCK_SECOND));
    state_keep(object, NULL, NULL);
}

int64_t workload_held_until(const struct local_object *object)
{
    int64_t wait = plan_backoff(object->losses), now = clock_wall();

    return wait && now >= object->lost && now < object->lost + wait ? object->lost + wait : 0;
}

static size_t plan_steps(struct local_object *object, const struct plan_pod *pods, size_t count,
                         struct plan_step *steps)
{
    struct plan_workload want = want_of(object);

    if (object->row->role == MANIFEST_POD)
        return plan_pod(object, pods, count, steps);
    object->replicas = want.replicas;
    return object->row->role == MANIFEST_DEPLOYMENT ? plan_deployment(&want, pods, count, steps)
                                                : plan_stateful(&want, pods, count, steps);
}

/* The ordinals that the rollout has reached, and no more than there are to be. */
static void note_taken(struct local_object *object, const struct plan_pod *pods, size_t count)
{
    struct local_revision *former = object->former;
    int replicas = manifest_count(node_get(object->object, "spec"), "replicas", 1, MANIFEST_MOST_PODS);

    if (!former || object->row->role != MANIFEST_STATEFUL)
        return;
    for (size_t i = 0; i < count; i++)
        if (pods[i].current && pods[i].index >= 0 && pods[i].index < PLAN_INDEXES)
            former->taken[pods[i].index] = true;
    if (former->replicas > replicas) {
        former->replicas = replicas;
        state_keep(object, NULL, NULL);
    }
}

/* Kept before the pod is stopped: an agent that dies in between would make the ordinal of
   the former template once more. */
static void keep_taken(struct local_object *object, struct local_pod *const *pods,
                       const struct plan_step *steps, size_t count)
{
    bool taken = false;

    for (size_t i = 0; i < count && object->former; i++) {
        int ordinal = steps[i].taken ? pods[steps[i].pod]->index : -1;

        if (ordinal >= 0 && ordinal < PLAN_INDEXES)
            taken = object->former->taken[ordinal] = true;
    }
    if (taken)
        state_keep(object, NULL, NULL);
}

static void take_steps(struct local_object *object, struct local_pod *const *pods,
                       const struct plan_step *steps, size_t count, int64_t *ret_next)
{
    int64_t held = workload_held_until(object);

    keep_taken(object, pods, steps, count);
    for (size_t i = 0; i < count; i++) {
        const struct plan_step *step = &steps[i];

        if (step->verb == PLAN_STOP)
            pod_end(pods[step->pod]);
        else if (held)
            *ret_next = held;
        else
            pod_start(object, step->index, step->former);
    }
}

static bool can_plan(const struct local_object *object)
{
    return !*object->broken.reason && !object->waiting && object->strategy != CLUSTER_READ_ONLY &&
           adopted_can_plan(object);
}

void workload_pass(struct local_object *object)
{
    struct local_pod **pods = mem_alloc(WORKLOAD_PODS * sizeof(struct local_pod *));
    size_t count = workload_pods(object, pods, WORKLOAD_PODS);
    struct plan_pod *described = mem_alloc((count + 1) * sizeof *described);
    struct plan_step steps[PLAN_STEPS];
    int64_t next = 0;

    if (object->removing) {
        workload_end_pods(pods, count);
    } else if (can_plan(object) && object->row->role == MANIFEST_JOB) {
        if (!object->adopted)
            job_pass(object, pods, count);
    } else if (can_plan(object)) {
        describe(object, pods, count, described);
        note_taken(object, described, count);
        take_steps(object, pods, steps, plan_steps(object, described, count, steps), &next);
    }
    if (!object->removing && object->row->role != MANIFEST_JOB) {
        /* Steps may have ended some of them, or made others. */
        count = workload_pods(object, pods, WORKLOAD_PODS);
        wait_for_next(object, pods, count, next);
    }
    mem_free(&described);
    mem_free(&pods);
}

/* ---- Health ----------------------------------------------------------------------------- */

struct sight {
    int wanted, total, updated, ready, good, old; /* good: of the present template */
    int64_t newest; /* of its pods */
    struct manifest_why trouble, wait; /* wait: what one of them waits for to be ready */
    bool troubled, final;
};

/* Pods of it were lost one soon after the other, and those there are have yet to show
   that they stay. */
static bool is_losing(const struct local_object *object, const struct sight *s)
{
    int64_t now = clock_wall();

    return workload_held_until(object) ||
           (object->losses > 1 && s->ready < s->wanted && now >= object->lost &&
            now < object->lost + 2 * plan_backoff(object->losses) + CLOCK_SECOND);
}

static void say_wait(const struct local_pod *pod, struct manifest_why *ret)
{
    struct manifest_why why = { 0 };

    if (pod_waits(pod, &why))
        manifest_why_set(ret, why.reason, "pod %.100s%s%.250s", pod->name,
                text_starts(why.message, "waits") || text_starts(why.message, "is ") ? " " : ": ",
                why.message);
}

static void look(const struct local_object *object, struct sight *ret)
{
    struct local_pod **pods = mem_alloc(WORKLOAD_PODS * sizeof(struct local_pod *));
    size_t count = workload_pods(object, pods, WORKLOAD_PODS);

    *ret = (struct sight){ .wanted = manifest_count(node_get(object->object, "spec"), "replicas", 1,
                                                    MANIFEST_MOST_PODS) };
    for (size_t i = 0; i < count; i++) {
        bool current = !strcmp(pods[i]->hash, object->hash), final = false, available;
        struct manifest_why trouble = { 0 };

        if (pods[i]->terminating)
            continue;
        ret->total++;
        ret->updated += current;
        ret->newest = current && pods[i]->created > ret->newest ? pods[i]->created : ret->newest;
        ret->old += !current;
        available = pod_is_available(pods[i], workload_least(object));
        ret->ready += available;
        ret->good += available && current;
        if (!available && !*ret->wait.message)
            say_wait(pods[i], &ret->wait);
        if (ret->final || !pod_trouble(pods[i], &trouble, &final))
            continue;
        ret->troubled = true;
        ret->trouble = trouble;
        ret->final = final;
    }
    if (!ret->troubled && is_losing(object, ret)) {
        ret->troubled = ret->final = true;
        ret->trouble = object->lost_why;
    }
    mem_free(&pods);
}

bool workload_trouble(const struct local_object *object, struct manifest_why *ret)
{
    struct sight s;

    look(object, &s);
    *ret = s.troubled ? s.trouble : s.wait;
    return s.troubled;
}

/* Progress is more pods that are available or fewer old ones than ever in this rollout:
   one that comes and goes is none. */
static void note_progress(struct local_object *object, const struct sight *s, bool done)
{
    if (object->progressed && object->progress_of == object->generation &&
        s->good <= object->most_ready && s->old >= object->fewest_old && !done)
        return;
    if (object->progress_of != object->generation || done) {
        object->most_ready = 0;
        object->fewest_old = INT32_MAX;
    }
    /* What an agent before saw is not known; it was no earlier than the newest pod. */
    object->progressed = !object->progressed && s->newest && !done ? s->newest : clock_wall();
    object->progress_of = object->generation;
    object->most_ready = s->good > object->most_ready ? s->good : object->most_ready;
    object->fewest_old = s->old < object->fewest_old ? s->old : object->fewest_old;
}

static void judge_progress(struct local_object *object, bool done)
{
    int64_t deadline = number_get(node_get(object->object, "spec"), "progressDeadlineSeconds",
                                  NUMBER_SECONDS, 600);
    int64_t end = object->progressed + clock_seconds(deadline);

    object->late = !done && clock_wall() >= end;
    if (object->late && object->health != LOCAL_FAILED) {
        object->health = LOCAL_FAILED;
        snprintf(object->why.reason, sizeof object->why.reason, "ProgressDeadlineExceeded");
    } else if (!done && !object->late && !loop_timer_is_set(object->timer)) {
        workload_look_again(object, end);
    }
}

/* All that is to be of the present template is: a partition and OnDelete leave the rest. */
static bool has_arrived(const struct local_object *object, const struct sight *s)
{
    struct plan_workload want = want_of(object);
    int due = want.on_delete || want.partition > s->wanted ? 0 : s->wanted - want.partition;

    if (object->row->role != MANIFEST_STATEFUL)
        return s->updated == s->wanted && s->ready >= s->wanted && !s->old;
    return s->updated >= due && s->ready >= s->wanted && s->total == s->wanted;
}

static void judge_replicas(struct local_object *object)
{
    struct sight s;
    bool done;

    look(object, &s);
    done = has_arrived(object, &s);
    if (done && !s.old && can_plan(object) && !object->adopted)
        revision_settle(object);
    note_progress(object, &s, done);
    object->health = done ? LOCAL_CURRENT : LOCAL_IN_PROGRESS;
    object->why = (struct manifest_why){ 0 };
    if (s.troubled && (s.final || !done)) {
        object->why = s.trouble;
        object->health = s.final ? LOCAL_FAILED : LOCAL_IN_PROGRESS;
    } else if (!done) {
        manifest_why_set(&object->why, "Progressing", "%d of %d pods are ready%s%s%.300s", s.ready, s.wanted,
                s.old ? ", old ones still run" : "", *s.wait.message ? "; " : "",
                s.wait.message);
    }
    judge_progress(object, done);
}

static void judge_pod(struct local_object *object)
{
    struct local_pod *pod = NULL;
    struct sight s;
    const char *phase;

    look(object, &s);
    workload_pods(object, &pod, 1);
    phase = pod ? pod_phase(pod) : "Pending";
    object->why = (struct manifest_why){ 0 };
    if (s.troubled)
        object->why = s.trouble;
    else
        object->why = s.wait;
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
        manifest_why_set(&object->why, "WaitsForPhase", "waits for what comes before it to be healthy");
        return;
    }
    switch (object->row->role) {
    case MANIFEST_DEPLOYMENT:
    case MANIFEST_STATEFUL:
        judge_replicas(object);
        break;
    case MANIFEST_JOB:
        job_health(object);
        break;
    case MANIFEST_POD:
        judge_pod(object);
        break;
    case MANIFEST_SERVICE:
        service_judge(object);
        break;
    default:
        object->health = LOCAL_CURRENT;
        object->why = (struct manifest_why){ 0 };
    }
}
