/* SPDX-License-Identifier: Apache-2.0 */
/* Decides which pods of a Deployment or StatefulSet to start and to stop. */

#include "plan/plan.h"

#include "base/mem.h"

#define SECOND INT64_C(1000000000)

int64_t plan_backoff(unsigned crashes)
{
    static const int seconds[] = {0, 0, 10, 20, 40, 80, 160, 300};
    const unsigned last = count_of(seconds) - 1;

    return seconds[crashes < last ? crashes : last] * SECOND;
}

#define EXCUSED_MOST 2

int64_t plan_end(struct plan_ends *ends, int64_t ran, bool well)
{
    if (ran >= PLAN_BACKOFF_RESET)
        *ends = (struct plan_ends){0};
    ends->crashes++;
    if (ends->crashes > 1 && ends->excused < EXCUSED_MOST && well && ran >= PLAN_CAME_UP) {
        ends->excused++;
        return 0;
    }
    return plan_backoff(ends->crashes - ends->excused);
}

int64_t plan_trial(const struct plan_ends *ends)
{
    unsigned counted = ends->crashes - ends->excused;

    return plan_backoff(ends->crashes > 1 && counted < 2 ? 2 : counted);
}

static size_t add_step(struct plan_step *steps, size_t count, struct plan_step step)
{
    if (count < PLAN_STEPS)
        steps[count++] = step;
    return count;
}

size_t plan_start(struct plan_step *steps, size_t count, int index, bool former)
{
    return add_step(steps, count,
                    (struct plan_step){.verb = PLAN_START, .index = index, .former = former});
}

size_t plan_stop(struct plan_step *steps, size_t count, size_t pod, bool taken)
{
    return add_step(steps, count,
                    (struct plan_step){.verb = PLAN_STOP, .pod = pod, .taken = taken});
}

static int least_of(int a, int b)
{
    return a < b ? a : b;
}

static int not_negative(int value)
{
    return value > 0 ? value : 0;
}

/* ---- Deployments ------------------------------------------------------------------ */

struct tally {
    int old, current, terminating, ready, current_ready;
    int unknown; /* new ones that an agent before may have seen ready */
    int kept;    /* old ones that are of the former template, or may be available */
};

/* Whether the pod is available is not known yet: right after an agent's start the next probe tells
   it, after crashes the time that it runs. Until then the pod is neither counted as available nor
   taken for one whose end costs nothing. */
static bool is_unknown(const struct plan_pod *pod)
{
    return (pod->unknown || pod->trial) && !pod->ready;
}

static struct tally tally_pods(const struct plan_pod *pods, size_t count)
{
    struct tally t = {0};

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
        t.unknown += pods[i].unknown && !pods[i].ready && pods[i].current;
        t.current_ready += pods[i].ready && pods[i].current;
        t.kept += !pods[i].current && (pods[i].former || pods[i].ready || is_unknown(&pods[i]));
    }
    return t;
}

/* Whether ending `a` costs less than ending `b`: pods that are not available go before those that
   may be, and these before available ones; broken ones before those that may recover; newest first.
 */
static bool goes_before(const struct plan_pod *a, const struct plan_pod *b)
{
    if (a->ready != b->ready)
        return !a->ready;
    if (is_unknown(a) != is_unknown(b))
        return !is_unknown(a);
    if (a->former != b->former)
        return !a->former;
    if (a->broken != b->broken)
        return a->broken;
    return a->created > b->created;
}

/* Ends up to `some` pods, those whose availability is unknown only if `unknown_may_go`. */
static size_t stop_some(const struct plan_pod *pods, size_t count, bool current, int some,
                        bool unknown_may_go, struct plan_step *steps, size_t n)
{
    bool gone[PLAN_PODS] = {false};

    while (some-- > 0) {
        size_t best = count;

        for (size_t i = 0; i < count && i < PLAN_PODS; i++)
            if (!gone[i] && !pods[i].terminating && pods[i].current == current &&
                (best == count || goes_before(&pods[i], &pods[best])))
                best = i;
        if (best == count || (is_unknown(&pods[best]) && !unknown_may_go))
            return n;
        gone[best] = true;
        n = plan_stop(steps, n, best, false);
    }
    return n;
}

static size_t start_some(int some, bool former, struct plan_step *steps, size_t n)
{
    while (some-- > 0)
        n = plan_start(steps, n, -1, former);
    return n;
}

/*
 * Old pods go as in Kubernetes: in all no more than the pods beyond the least
 * number that must be available, less the new ones that are not available yet.
 * So what is not available of the old ones takes part of the same budget: a pod
 * that crashed or blinked stays, and is restarted in place, while new ones fail.
 * Available ones go as far as others make up for them; no more than those are
 * ended, since pods that are not available go first.
 */
static size_t stop_old(const struct plan_workload *want, const struct plan_pod *pods, size_t count,
                       const struct tally *t, int least, int missing, struct plan_step *steps,
                       size_t n)
{
    int fresh = least_of(t->current, want->replicas);
    int fresh_ready = least_of(t->current_ready, fresh);
    int spare = t->old + missing + fresh - least - (fresh - fresh_ready);
    int unready = t->old - (t->ready - t->current_ready);
    int extra = t->ready - t->current_ready + fresh_ready - least;

    return stop_some(pods, count, false, least_of(spare, unready) + not_negative(extra), extra >= 0,
                     steps, n);
}

/* With neither surge nor maxUnavailable a rollout could never begin, so one pod may be missing. */
static int unavailable_of(const struct plan_workload *want)
{
    bool surges = want->surge && !want->exclusive;

    return want->unavailable || surges ? want->unavailable : 1;
}

int plan_fewest(const struct plan_workload *want)
{
    return want->recreate ? want->replicas : not_negative(want->replicas - unavailable_of(want));
}

size_t plan_deployment(const struct plan_workload *want, const struct plan_pod *pods, size_t count,
                       struct plan_step *steps)
{
    struct tally t = tally_pods(pods, count);
    int surge = want->exclusive ? 0 : want->surge;
    int least = plan_fewest(want), most = want->replicas + surge, missing = 0,
        window = want->replicas, fresh, room;
    int leaving = want->exclusive ? t.terminating : 0; /* they still hold their ports */
    size_t n = 0;

    n = stop_some(pods, count, true, t.current - want->replicas, t.ready >= least, steps, n);
    if (want->recreate) {
        n = stop_some(pods, count, false, t.old, true, steps, n);
        return t.old + t.terminating > 0 ? n
                                         : start_some(want->replicas - t.current, false, steps, n);
    }
    if (want->former) {
        missing = not_negative(least - t.current_ready - t.unknown - t.kept);
        window = least_of(want->replicas, t.current_ready + surge + unavailable_of(want));
    }
    n = stop_old(want, pods, count, &t, least, missing, steps, n);
    room = most - t.current - t.old - leaving;
    fresh = not_negative(least_of(window - t.current, room - missing));
    n = start_some(fresh, false, steps, n);
    return start_some(least_of(missing, room - fresh), true, steps, n);
}

/* ---- StatefulSets ----------------------------------------------------------------- */

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

static bool is_good(const struct plan_pod *pod)
{
    return pod && pod->ready && !pod->terminating;
}

/* Whether the pod of an ordinal is made from the former template: the rollout has not reached it.
 */
static bool is_former(const struct plan_workload *want, int ordinal)
{
    if (!want->former)
        return false;
    if (ordinal < want->partition)
        return true;
    if (ordinal >= want->former_replicas)
        return false;
    return want->on_delete || !want->taken || ordinal >= PLAN_INDEXES || !want->taken[ordinal];
}

/* Ends pods beyond the count, from the highest ordinal, one at a time unless parallel. */
static size_t shrink_stateful(const struct plan_workload *want, const struct plan_pod *pods,
                              size_t count, struct plan_step *steps, size_t n)
{
    size_t best = count;

    for (size_t i = 0; i < count; i++) {
        if (pods[i].index < want->replicas)
            continue;
        if (want->parallel && !pods[i].terminating)
            n = plan_stop(steps, n, i, false);
        else if (best == count || pods[i].index > pods[best].index)
            best = i;
    }
    if (best < count && !want->parallel && !pods[best].terminating)
        n = plan_stop(steps, n, best, false);
    return n;
}

static bool has_condemned(const struct plan_workload *want, const struct plan_pod *pods,
                          size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pods[i].index >= want->replicas)
            return true;
    return false;
}

static size_t fill_stateful(const struct plan_workload *want, const struct plan_pod *pods,
                            size_t count, struct plan_step *steps, size_t n)
{
    size_t at = 0;

    for (int i = 0; i < want->replicas; i++) {
        const struct plan_pod *pod = at_index(pods, count, i, &at);

        if (!pod)
            n = plan_start(steps, n, i, is_former(want, i));
        if (!is_good(pod) && !want->parallel)
            break;
    }
    return n;
}

/* The ordinal that all higher ones wait for before they are made; replicas: none. */
static int first_bad(const struct plan_workload *want, const struct plan_pod *pods, size_t count)
{
    size_t at = 0;
    int i = 0;

    while (i < want->replicas && (want->parallel || is_good(at_index(pods, count, i, &at))))
        i++;
    return i;
}

/*
 * The next ordinal that the rollout takes, from the highest down: it stops at a new
 * one that is not available, so a template that does not work takes no more than the
 * budget. One that was not available before costs nothing, but goes out of its turn
 * only if it will not get better by itself, or was never of a template that worked.
 * What is missing above is waited for, unless it waits for this one itself.
 */
static size_t take_stateful(const struct plan_workload *want, const struct plan_pod *pods,
                            size_t count, struct plan_step *steps, size_t n)
{
    int most = want->unavailable > 1 ? want->unavailable : 1, bad = 0, above = 0;
    int stuck = first_bad(want, pods, count);
    bool waits = false; /* a higher one that is available has to wait */
    size_t at = 0;

    for (int i = 0; i < want->replicas; i++)
        bad += !is_good(at_index(pods, count, i, &at));
    for (int i = want->replicas - 1; i >= want->partition && above < most; i--) {
        const struct plan_pod *pod = at_index(pods, count, i, &at);
        bool good = is_good(pod);

        if (!pod) {
            bool due = want->former && i < want->former_replicas;
            bool waiting = i > stuck && is_former(want, i); /* only what is due */

            above += due && !waiting;
            waits |= waiting;
        } else if (pod->terminating || (pod->current && !good)) {
            above++;
        } else if (!pod->current && is_unknown(pod)) {
            waits = true;
        } else if (!pod->current && (good ? bad < most : !waits || pod->broken || !pod->former)) {
            n = plan_stop(steps, n, at, true);
            bad += good;
            above++;
        } else if (!pod->current) {
            waits |= good;
        }
    }
    return n;
}

/* First what is missing, then what is beyond the count, then the rollout: one after the other
   unless parallel. Only a rollout that could be what mends the set does not wait for it. */
size_t plan_stateful(const struct plan_workload *want, const struct plan_pod *pods, size_t count,
                     struct plan_step *steps)
{
    bool whole = first_bad(want, pods, count) == want->replicas;
    size_t n = fill_stateful(want, pods, count, steps, 0);

    if (whole)
        n = shrink_stateful(want, pods, count, steps, n);
    if (want->on_delete || (whole && !want->parallel && has_condemned(want, pods, count)))
        return n;
    return take_stateful(want, pods, count, steps, n);
}
