/* SPDX-License-Identifier: Apache-2.0 */
/* Decides which pods of a workload to start and to stop. */

#include "cluster/plan.h"

#define SECOND INT64_C(1000000000)

int64_t plan_backoff(unsigned crashes)
{
    int64_t wait = 10 * SECOND;

    if (crashes <= 1)
        return 0;
    for (unsigned i = 2; i < crashes && wait < 300 * SECOND; i++)
        wait *= 2;
    return wait < 300 * SECOND ? wait : 300 * SECOND;
}

struct tally {
    int old, current, terminating, ready;
};

static struct tally count_pods(const struct plan_pod *pods, size_t count)
{
    struct tally t = { 0 };

    for (size_t i = 0; i < count; i++) {
        if (pods[i].terminating) {
            t.terminating++;
            continue;
        }
        if (pods[i].current)
            t.current++;
        else
            t.old++;
        t.ready += pods[i].ready;
    }
    return t;
}

static size_t add(struct plan_step *steps, size_t n, enum plan_verb verb, int index, size_t pod)
{
    if (n < PLAN_STEPS)
        steps[n++] = (struct plan_step){ verb, index, pod };
    return n;
}

/* The one whose end costs least: not ready before ready, newest first. */
static bool goes_before(const struct plan_pod *a, const struct plan_pod *b)
{
    if (a->ready != b->ready)
        return !a->ready;
    return a->created > b->created;
}

static size_t stop_some(const struct plan_pod *pods, size_t count, bool current, int some,
                        int ready_may_go, struct plan_step *steps, size_t n)
{
    bool gone[1024] = { false };

    while (some-- > 0) {
        size_t best = count;

        for (size_t i = 0; i < count && i < 1024; i++)
            if (!gone[i] && !pods[i].terminating && pods[i].current == current &&
                (best == count || goes_before(&pods[i], &pods[best])))
                best = i;
        if (best == count || (pods[best].ready && ready_may_go-- <= 0))
            return n;
        gone[best] = true;
        n = add(steps, n, PLAN_STOP, -1, best);
    }
    return n;
}

static size_t start_some(int some, struct plan_step *steps, size_t n)
{
    while (some-- > 0)
        n = add(steps, n, PLAN_START, -1, 0);
    return n;
}

size_t plan_deployment(const struct plan_workload *want, const struct plan_pod *pods,
                       size_t count, struct plan_step *steps)
{
    struct tally t = count_pods(pods, count);
    int surge = want->exclusive ? 0 : want->surge;
    int unavailable = want->unavailable, room, missing;
    size_t n = 0;

    if (surge == 0 && unavailable == 0)
        unavailable = 1; /* otherwise nothing could ever move */
    if (t.current > want->replicas)
        n = stop_some(pods, count, true, t.current - want->replicas, t.current, steps, n);
    if (want->recreate) {
        n = stop_some(pods, count, false, t.old, t.old, steps, n);
        if (t.old + t.terminating > 0)
            return n;
    } else if (t.old) {
        /* Ready ones may go as far as enough stay; others at once. */
        n = stop_some(pods, count, false, t.old,
                      t.ready - (want->replicas - unavailable), steps, n);
    }
    /* Those on their way out still hold their ports. */
    room = want->replicas + surge - t.current - t.old -
           (want->exclusive ? t.terminating : 0);
    missing = want->replicas - t.current;
    return start_some(missing < room ? missing : room, steps, n);
}

static const struct plan_pod *at_index(const struct plan_pod *pods, size_t count, int index,
                                       size_t *ret)
{
    for (size_t i = 0; i < count; i++)
        if (pods[i].index == index) {
            *ret = i;
            return &pods[i];
        }
    return NULL;
}

static bool all_ready(const struct plan_pod *pods, size_t count, int replicas)
{
    size_t at = 0;

    for (int i = 0; i < replicas; i++) {
        const struct plan_pod *pod = at_index(pods, count, i, &at);

        if (!pod || !pod->ready || pod->terminating)
            return false;
    }
    return true;
}

/* Beyond the count: from the highest ordinal, one at a time unless parallel. */
static size_t shrink_stateful(const struct plan_workload *want, const struct plan_pod *pods,
                              size_t count, struct plan_step *steps, bool *ret_wait)
{
    size_t n = 0, best = count;

    for (size_t i = 0; i < count; i++) {
        if (pods[i].index < want->replicas)
            continue;
        *ret_wait = true;
        if (want->parallel && !pods[i].terminating)
            n = add(steps, n, PLAN_STOP, -1, i);
        else if (best == count || pods[i].index > pods[best].index)
            best = i;
    }
    if (best < count && !want->parallel && !pods[best].terminating)
        n = add(steps, n, PLAN_STOP, -1, best);
    return n;
}

size_t plan_stateful(const struct plan_workload *want, const struct plan_pod *pods,
                     size_t count, struct plan_step *steps)
{
    bool wait = false;
    size_t n = shrink_stateful(want, pods, count, steps, &wait), at = 0;

    if (wait && !want->parallel)
        return n;
    for (int i = 0; i < want->replicas; i++) {
        const struct plan_pod *pod = at_index(pods, count, i, &at);

        if (!pod)
            n = add(steps, n, PLAN_START, i, 0);
        /* One that cannot become ready and is outdated may be replaced. */
        if (pod && !pod->ready && !pod->terminating && !pod->current &&
            !want->on_delete && i >= want->partition)
            return add(steps, n, PLAN_STOP, -1, at);
        if ((!pod || !pod->ready || pod->terminating) && !want->parallel)
            return n;
    }
    if (want->on_delete || !all_ready(pods, count, want->replicas))
        return n;
    for (int i = want->replicas - 1; i >= want->partition; i--) {
        const struct plan_pod *pod = at_index(pods, count, i, &at);

        if (pod && !pod->current)
            return add(steps, n, PLAN_STOP, -1, at);
    }
    return n;
}

/* ---- Jobs ------------------------------------------------------------------------ */

static void tally_job(const struct plan_pod *pods, size_t count, struct plan_job_state *ret,
                      int64_t *ret_last)
{
    for (size_t i = 0; i < count; i++) {
        if (pods[i].succeeded)
            ret->succeeded++;
        else if (pods[i].failed)
            ret->failed++;
        else if (!pods[i].terminating)
            ret->active++;
        ret->ready += pods[i].ready && !pods[i].terminating;
        if (pods[i].failed && pods[i].finished > *ret_last)
            *ret_last = pods[i].finished;
    }
}

static size_t stop_active(const struct plan_pod *pods, size_t count, struct plan_step *steps)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (!pods[i].succeeded && !pods[i].failed && !pods[i].terminating)
            n = add(steps, n, PLAN_STOP, -1, i);
    return n;
}

static bool index_is_taken(const struct plan_pod *pods, size_t count, int index)
{
    for (size_t i = 0; i < count; i++)
        if (pods[i].index == index && !pods[i].failed)
            return true;
    return false;
}

static size_t start_job(const struct plan_workload *want, const struct plan_pod *pods,
                        size_t count, int room, struct plan_step *steps)
{
    size_t n = 0;

    for (int i = 0; want->indexed && i < want->replicas && room > 0; i++)
        if (!index_is_taken(pods, count, i)) {
            n = add(steps, n, PLAN_START, i, 0);
            room--;
        }
    return want->indexed ? n : start_some(room, steps, n);
}

static int completions(const struct plan_workload *want, const struct plan_job_state *have)
{
    /* Without a number, one success ends it and nothing new begins. */
    if (want->replicas < 0)
        return have->succeeded ? have->succeeded + have->active : want->parallelism;
    return want->replicas;
}

size_t plan_job(const struct plan_workload *want, const struct plan_pod *pods, size_t count,
                struct plan_step *steps, struct plan_job_state *ret)
{
    int64_t last = 0;
    int room, left;

    *ret = (struct plan_job_state){ 0 };
    tally_job(pods, count, ret, &last);
    if (want->replicas >= 0 ? ret->succeeded >= want->replicas
                            : ret->succeeded && !ret->active) {
        ret->complete = true;
        return stop_active(pods, count, steps);
    }
    if (ret->failed > want->backoff_limit)
        ret->reason = "BackoffLimitExceeded";
    else if (want->deadline && want->now >= want->deadline)
        ret->reason = "DeadlineExceeded";
    if (ret->reason) {
        ret->over = true;
        return stop_active(pods, count, steps);
    }
    if (want->suspend)
        return stop_active(pods, count, steps);
    if (ret->failed && want->now < last + plan_backoff((unsigned)ret->failed + 1)) {
        ret->wait_until = last + plan_backoff((unsigned)ret->failed + 1);
        return 0;
    }
    left = completions(want, ret) - ret->succeeded - ret->active;
    room = want->parallelism - ret->active;
    return start_job(want, pods, count, left < room ? left : room, steps);
}
