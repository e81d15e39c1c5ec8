/* SPDX-License-Identifier: Apache-2.0 */
/* Turns Deployments, StatefulSets, Jobs and Pods into pods, and judges them. */

#include "cluster/local.h"

#include "base/clock.h"
#include "base/text.h"
#include "cluster/fields.h"
#include "cluster/service.h"
#include "meta/meta.h"
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

/* One machine: what asks for more than it will ever run is told so. */
static int check_counts(struct local_object *object)
{
    static const char *const counts[] = { "replicas", "completions", "parallelism" };
    const struct node *spec = node_get(object->object, "spec");

    for (size_t i = 0; i < count_of(counts); i++)
        if (number_get(spec, counts[i], NUMBER_COUNT, 0) > WORKLOAD_MOST)
            return why_set(&object->broken, "Invalid", "spec.%s is %lld: a spoke runs at most %d pods "
                           "of one workload", counts[i],
                           (long long)number_get(spec, counts[i], NUMBER_COUNT, 0), WORKLOAD_MOST);
    return 0;
}

static int check_spec(struct local_object *object)
{
    const struct node *spec = node_get(object->object, "spec");
    const struct node *retention = node_get(spec, "persistentVolumeClaimRetentionPolicy");
    struct local_why *why = &object->broken;

    if (check_counts(object) < 0)
        return -1;
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
        return fields_check(spec, FIELDS_JOB, "spec", why) < 0 ? -1 : job_check(object);
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
    why_set(&object->why, "Progressing", "its new pods are not made yet");
    if (ran)
        state_keep(object, NULL, NULL);
}

/* What is refused of a pod is told by its path in the object that has the pod's template. */
static void place_refusal(struct local_object *object)
{
    const char *said = object->broken.message;
    struct local_why why = object->broken;

    if (object->row->role != ROLE_POD && text_starts(said, "spec."))
        why_set(&object->broken, why.reason, "spec.template.%s", why.message);
    else if (!text_starts(said, "spec."))
        why_set(&object->broken, why.reason, "spec.%s%s",
                object->row->role != ROLE_POD ? "template.spec." : "", why.message);
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
    if (shape_check(object->row, object->object, &object->broken) < 0)
        return;
    if (refuse_pod(object->cluster, node_get(object->template, "spec"),
                   node_at(object->object, "spec", "volumeClaimTemplates", NULL),
                   &object->broken) < 0) {
        place_refusal(object);
        return;
    }
    if (check_policy(object) < 0 || check_spec(object) < 0)
        return;
    hash = compile_hash(object);
    snprintf(fresh, sizeof fresh, "%016llx", (unsigned long long)hash);
    if (strcmp(fresh, object->hash) != 0)
        take_template(object, fresh);
}

/* As Kubernetes labels them, so that Services can select one of them. */
struct node *workload_labelled(const struct local_object *object, const struct node *from,
                               struct arena *arena, const char *pod, int index)
{
    struct node *template = node_share(arena, from), *meta, *labels;
    const char *name = object->name;

    if (object->row->role != ROLE_JOB && object->row->role != ROLE_STATEFUL)
        return template;
    meta = node_share(arena, node_make(arena, template, "metadata"));
    labels = node_share(arena, node_make(arena, meta, "labels"));
    node_set(arena, template, "metadata", meta);
    node_set(arena, meta, "labels", labels);
    if (object->row->role == ROLE_JOB) {
        node_set_text(arena, labels, "job-name", name);
        node_set_text(arena, labels, META_LABEL_JOB_NAME, name);
    } else {
        node_set_text(arena, labels, META_LABEL_POD_NAME, pod);
    }
    if (index >= 0)
        node_set(arena, labels, object->row->role == ROLE_JOB
                                    ? META_LABEL_JOB_INDEX
                                    : META_LABEL_POD_INDEX,
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

int workload_count(const struct node *spec, const char *name, int none, int most)
{
    int64_t value = number_get(spec, name, NUMBER_COUNT, none);

    return value > most ? most : (int)value;
}

static int scaled(const struct node *value, const char *usually, int total, bool up, int none)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *usual = node_string(arena, usually);
    int64_t ret = none;

    if (percent_scale(value ? value : usual, total, up, &ret, NULL) < 0)
        ret = none;
    return bounded(ret, 10000);
}

static struct plan_workload want_of(const struct local_object *object)
{
    const struct node *spec = node_get(object->object, "spec");
    const struct node *strategy = node_get(spec, "strategy");
    const struct node *update = node_get(spec, "updateStrategy");
    bool stateful = object->row->role == ROLE_STATEFUL;
    const struct node *rolling = node_get(stateful ? update : strategy, "rollingUpdate");
    struct plan_workload want = { .replicas = workload_count(spec, "replicas", 1, WORKLOAD_MOST) };

    want.exclusive = ports_exclusive(object);
    want.recreate = !strcmp(node_get_text(strategy, "type"), "Recreate");
    want.surge = scaled(node_get(rolling, "maxSurge"), "25%", want.replicas, true, 1);
    want.unavailable = scaled(node_get(rolling, "maxUnavailable"), stateful ? "1" : "25%",
                              want.replicas, stateful, stateful);
    want.parallel = !strcmp(node_get_text(spec, "podManagementPolicy"), "Parallel");
    want.on_delete = !strcmp(node_get_text(update, "type"), "OnDelete");
    want.partition = workload_count(rolling, "partition", 0, WORKLOAD_MOST);
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
    why_set(&object->lost_why, reason, "%.250s; next try %lld s after that", message,
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

    if (object->row->role == ROLE_POD)
        return plan_pod(object, pods, count, steps);
    object->replicas = want.replicas;
    return object->row->role == ROLE_DEPLOYMENT ? plan_deployment(&want, pods, count, steps)
                                                : plan_stateful(&want, pods, count, steps);
}

/* The ordinals that the rollout has reached, and no more than there are to be. */
static void note_taken(struct local_object *object, const struct plan_pod *pods, size_t count)
{
    struct local_revision *former = object->former;
    int replicas = workload_count(node_get(object->object, "spec"), "replicas", 1, WORKLOAD_MOST);

    if (!former || object->row->role != ROLE_STATEFUL)
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
    } else if (can_plan(object) && object->row->role == ROLE_JOB) {
        if (!object->adopted)
            job_pass(object, pods, count);
    } else if (can_plan(object)) {
        describe(object, pods, count, described);
        note_taken(object, described, count);
        take_steps(object, pods, steps, plan_steps(object, described, count, steps), &next);
    }
    if (!object->removing && object->row->role != ROLE_JOB) {
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
    struct local_why trouble, wait; /* wait: what one of them waits for to be ready */
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

static void say_wait(const struct local_pod *pod, struct local_why *ret)
{
    struct local_why why = { 0 };

    if (pod_waits(pod, &why))
        why_set(ret, why.reason, "pod %.100s%s%.250s", pod->name,
                text_starts(why.message, "waits") || text_starts(why.message, "is ") ? " " : ": ",
                why.message);
}

static void look(const struct local_object *object, struct sight *ret)
{
    struct local_pod **pods = mem_alloc(WORKLOAD_PODS * sizeof(struct local_pod *));
    size_t count = workload_pods(object, pods, WORKLOAD_PODS);

    *ret = (struct sight){ .wanted = workload_count(node_get(object->object, "spec"), "replicas", 1,
                                                    WORKLOAD_MOST) };
    for (size_t i = 0; i < count; i++) {
        bool current = !strcmp(pods[i]->hash, object->hash), final = false, available;
        struct local_why trouble = { 0 };

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

bool workload_trouble(const struct local_object *object, struct local_why *ret)
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

    if (object->row->role != ROLE_STATEFUL)
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
    object->why = (struct local_why){ 0 };
    if (s.troubled && (s.final || !done)) {
        object->why = s.trouble;
        object->health = s.final ? LOCAL_FAILED : LOCAL_IN_PROGRESS;
    } else if (!done) {
        why_set(&object->why, "Progressing", "%d of %d pods are ready%s%s%.300s", s.ready, s.wanted,
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
    object->why = (struct local_why){ 0 };
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
        why_set(&object->why, "WaitsForPhase", "waits for what comes before it to be healthy");
        return;
    }
    switch (object->row->role) {
    case ROLE_DEPLOYMENT:
    case ROLE_STATEFUL:
        judge_replicas(object);
        break;
    case ROLE_JOB:
        job_health(object);
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
