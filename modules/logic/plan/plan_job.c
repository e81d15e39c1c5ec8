/* SPDX-License-Identifier: Apache-2.0 */
/* Decides which pods of a Job to start and to stop, and when it is over. */

#include "plan/plan.h"

/* What the pods of a Job have come to, in sum and by completion index. */
struct job_tally {
    int failures, recent, leaving;
    int64_t last; /* when the last one failed */
    bool fail_job;
    int done[PLAN_INDEXES], active[PLAN_INDEXES], failed[PLAN_INDEXES], tries[PLAN_INDEXES];
    int64_t last_of[PLAN_INDEXES];
    bool given_up[PLAN_INDEXES];
};

static int completion_index_of(const struct plan_workload *want, const struct plan_pod *pod)
{
    bool known = want->indexed && pod->index >= 0 && pod->index < PLAN_INDEXES;

    return known ? pod->index : 0;
}

/* The pod has a completion index that the Job no longer has, since completions were lowered. */
static bool is_beyond(const struct plan_workload *want, const struct plan_pod *pod)
{
    return want->indexed && (pod->index < 0 || pod->index >= want->replicas);
}

/* A failure that a podFailurePolicy ignores still counts for the pauses, not for the limit. */
static void tally_failed(const struct plan_workload *want, const struct plan_pod *pod,
                         struct job_tally *t, struct plan_job_state *ret)
{
    int index = completion_index_of(want, pod), failures = pod->failures > 1 ? pod->failures : 1;

    t->recent++;
    t->tries[index]++;
    if (pod->finished > t->last)
        t->last = pod->finished;
    if (pod->finished > t->last_of[index])
        t->last_of[index] = pod->finished;
    if (pod->verdict == PLAN_IGNORE)
        return;
    ret->failed++;
    t->failures += failures;
    t->failed[index] += failures;
    t->fail_job |= pod->verdict == PLAN_FAIL_JOB;
    t->given_up[index] |= pod->verdict == PLAN_FAIL_INDEX;
}

static void tally_past(const struct plan_past *past, struct job_tally *t,
                       struct plan_job_state *ret)
{
    t->failures = past->failures;
    t->recent = ret->failed = past->pods;
    for (int i = 0; i < PLAN_INDEXES; i++)
        t->failed[i] = t->tries[i] = past->of[i];
}

static void tally_job(const struct plan_workload *want, const struct plan_pod *pods, size_t count,
                      struct job_tally *t, struct plan_job_state *ret)
{
    *t = (struct job_tally){0};
    if (want->past)
        tally_past(want->past, t, ret);
    for (size_t i = 0; i < count; i++) {
        const struct plan_pod *pod = &pods[i];
        int index = completion_index_of(want, pod);

        if (is_beyond(want, pod))
            continue;
        if (pod->succeeded) {
            ret->succeeded += !want->indexed || !t->done[index];
            t->done[index]++;
        } else if (pod->failed) {
            tally_failed(want, pod, t, ret);
        } else if (pod->terminating) {
            t->leaving++;
            t->active[index] += want->replace_ended;
        } else {
            ret->active++;
            ret->ready += pod->ready;
            t->active[index]++;
            t->failures += pod->failures;
            t->failed[index] += pod->failures;
        }
    }
}

/* ---- The end ---------------------------------------------------------------------- */

static bool is_given_up(const struct plan_workload *want, const struct job_tally *t, int index)
{
    return !t->done[index] &&
           (t->given_up[index] || (want->index_limit >= 0 && t->failed[index] > want->index_limit));
}

static bool has_success(const struct plan_workload *want, const struct job_tally *t)
{
    for (size_t r = 0; r < want->success_count; r++) {
        const struct plan_success *rule = &want->success[r];
        int of = 0, done = 0;

        for (int i = 0; i < want->replicas && i < PLAN_INDEXES; i++) {
            bool counts = !rule->indexes || rule->indexes[i];

            of += counts;
            done += counts && t->done[i];
        }
        if (of && done >= (rule->count < 0 ? of : rule->count))
            return true;
    }
    return false;
}

static void find_success(const struct plan_workload *want, const struct job_tally *t,
                         struct plan_job_state *ret)
{
    if (want->replicas >= 0 ? ret->succeeded >= want->replicas : ret->succeeded && !ret->active)
        ret->reason = "CompletionsReached";
    else if (has_success(want, t))
        ret->reason = "SuccessPolicy";
    ret->complete = ret->reason != NULL;
}

static void find_failure(const struct plan_workload *want, const struct job_tally *t,
                         struct plan_job_state *ret)
{
    for (int i = 0; want->indexed && i < want->replicas && i < PLAN_INDEXES; i++)
        ret->failed_indexes += is_given_up(want, t, i);
    if (t->fail_job)
        ret->reason = "PodFailurePolicy";
    else if (t->failures > want->backoff_limit)
        ret->reason = "BackoffLimitExceeded";
    else if (want->failed_indexes >= 0 && ret->failed_indexes > want->failed_indexes)
        ret->reason = "MaxFailedIndexesExceeded";
    else if (ret->failed_indexes && ret->succeeded + ret->failed_indexes >= want->replicas)
        ret->reason = "FailedIndexes";
    else if (want->deadline && want->now >= want->deadline)
        ret->reason = "DeadlineExceeded";
    ret->over = ret->reason != NULL;
}

bool plan_job_is_spent(const struct plan_workload *want, const struct plan_pod *pods, size_t count,
                       size_t at)
{
    struct plan_job_state state = {0};
    struct job_tally t;

    tally_job(want, pods, count, &t, &state);
    return t.failures > want->backoff_limit ||
           (want->indexed && is_given_up(want, &t, completion_index_of(want, &pods[at])));
}

/* ---- Going on --------------------------------------------------------------------- */

static bool is_active(const struct plan_pod *pod)
{
    return !pod->succeeded && !pod->failed && !pod->terminating;
}

/* Ends active pods beyond what is wanted: those that are not ready first, then the newest. */
static size_t stop_active(const struct plan_workload *want, const struct plan_pod *pods,
                          size_t count, int some, struct plan_step *steps, size_t n)
{
    bool gone[PLAN_PODS] = {false};

    for (size_t i = 0; i < count && i < PLAN_PODS; i++)
        if (is_active(&pods[i]) && is_beyond(want, &pods[i])) {
            gone[i] = true;
            n = plan_stop(steps, n, i, false);
        }
    while (some-- > 0) {
        size_t best = count;

        for (size_t i = 0; i < count && i < PLAN_PODS; i++)
            if (is_active(&pods[i]) && !gone[i] &&
                (best == count ||
                 (pods[i].ready != pods[best].ready ? !pods[i].ready
                                                    : pods[i].created > pods[best].created)))
                best = i;
        if (best == count)
            return n;
        gone[best] = true;
        n = plan_stop(steps, n, best, false);
    }
    return n;
}

/* How many pods may be active. A Job without completions starts nothing new after one success. */
static int wanted_active(const struct plan_workload *want, const struct plan_job_state *have)
{
    int left;

    if (want->suspend)
        return 0;
    if (want->replicas < 0)
        return have->succeeded && have->active < want->parallelism ? have->active
                                                                   : want->parallelism;
    left = want->replicas - have->succeeded - have->failed_indexes;
    return left < want->parallelism ? left : want->parallelism;
}

static void wait_for_time(const struct plan_workload *want, int tries, int64_t last,
                          struct plan_job_state *ret, bool *ret_waits)
{
    int64_t at = last + plan_backoff((unsigned)tries + 1);

    *ret_waits = tries && want->now < at && want->now >= last;
    if (*ret_waits && (!ret->wait_until || at < ret->wait_until))
        ret->wait_until = at;
}

/* Starts the missing indexes. With backoffLimitPerIndex each index has its own pauses. */
static size_t start_indexed(const struct plan_workload *want, const struct job_tally *t, int room,
                            struct plan_step *steps, size_t n, struct plan_job_state *ret)
{
    for (int i = 0; i < want->replicas && i < PLAN_INDEXES && room > 0; i++) {
        bool waits = false;

        if (t->done[i] || t->active[i] || is_given_up(want, t, i))
            continue;
        if (want->index_limit >= 0)
            wait_for_time(want, t->tries[i], t->last_of[i], ret, &waits);
        if (waits)
            continue;
        n = plan_start(steps, n, i, false);
        room--;
    }
    return n;
}

size_t plan_job(const struct plan_workload *want, const struct plan_pod *pods, size_t count,
                struct plan_step *steps, struct plan_job_state *ret)
{
    struct job_tally t;
    bool waits = false;
    int active, room;
    size_t n;

    *ret = (struct plan_job_state){0};
    tally_job(want, pods, count, &t, ret);
    find_success(want, &t, ret);
    if (!ret->complete)
        find_failure(want, &t, ret);
    if (ret->complete || ret->over)
        return stop_active(want, pods, count, ret->active, steps, 0);
    active = wanted_active(want, ret);
    n = stop_active(want, pods, count, ret->active - active, steps, 0);
    room = active - ret->active - (want->replace_ended ? t.leaving : 0);
    if (room > 0 && want->index_limit < 0)
        wait_for_time(want, t.recent, t.last, ret, &waits);
    if (waits)
        return n;
    if (want->indexed)
        return start_indexed(want, &t, room, steps, n, ret);
    while (room-- > 0)
        n = plan_start(steps, n, -1, false);
    return n;
}
