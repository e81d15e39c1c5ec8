/* SPDX-License-Identifier: Apache-2.0 */
/* Which pods of a workload start and stop, as sentences. */

#include "check.h"

#include "base/text.h"
#include "cluster/plan.h"

/*
 * Pods as words: a letter each, capital when ready; "o" is made from an old
 * template, "n" from the one as it is now; "-" after it: on its way out.
 * Steps: "+" for each start, "-" and the position of each that is stopped.
 */
struct deployment {
    const char *name, *pods, *steps;
    int replicas, surge, unavailable;
    bool recreate, exclusive;
};

static const struct deployment deployments[] = {
    { "a new one starts", "", "+++", 3, 1, 0, false, false },
    { "a full one is left alone", "NNN", "", 3, 1, 0, false, false },
    { "one that is missing is started", "NN", "+", 3, 1, 0, false, false },
    { "one too many goes, not a ready one", "NnN", "-1", 2, 1, 0, false, false },
    { "the newest goes first among equals", "NNN", "-2", 2, 1, 0, false, false },
    { "a change starts one beside the old", "OO", "+", 2, 1, 0, false, false },
    { "an old one stays until the new one is ready", "OOn", "", 2, 1, 0, false, false },
    { "then one old one goes", "OON", "-1", 2, 1, 0, false, false },
    { "what is not ready goes at once", "OoN", "-1", 2, 1, 0, false, false },
    { "with room for one less, one goes first", "OO", "-1", 2, 0, 1, false, false },
    { "neither surge nor room counts as room for one", "O", "-0", 1, 0, 0, false, false },
    { "Recreate stops all old ones first", "OO", "-1-0", 2, 1, 0, true, false },
    { "and waits until they have gone", "O-O-", "", 2, 1, 0, true, false },
    { "and then starts", "", "++", 2, 1, 0, true, false },
    { "a port of the host allows no second", "O", "-0", 1, 1, 0, false, true },
    { "not even while the old one is leaving", "O-", "", 1, 1, 0, false, true },
    { "scaled to nothing, all go", "NN", "-1-0", 0, 1, 0, false, false },
};

static size_t read_pods(const char *words, struct plan_pod *pods)
{
    size_t n = 0;

    for (const char *at = words; *at; at++) {
        if (*at == '-') {
            pods[n - 1].terminating = true;
            pods[n - 1].ready = false;
            continue;
        }
        pods[n] = (struct plan_pod){ .index = (int)n, .created = (int64_t)n,
                                     .ready = *at < 'a', .current = *at == 'n' || *at == 'N' };
        n++;
    }
    return n;
}

static void write_steps(const struct plan_step *steps, size_t count, bool indexes, struct text *out)
{
    text_add(out, "");
    for (size_t i = 0; i < count; i++) {
        if (steps[i].verb == PLAN_STOP)
            text_addf(out, "-%zu", steps[i].pod);
        else if (indexes)
            text_addf(out, "+%d", steps[i].index);
        else
            text_add(out, "+");
    }
}

static void test_deployments(void)
{
    for (size_t i = 0; i < count_of(deployments); i++) {
        const struct deployment *d = &deployments[i];
        struct plan_workload want = { .replicas = d->replicas, .surge = d->surge,
                                      .unavailable = d->unavailable, .recreate = d->recreate,
                                      .exclusive = d->exclusive };
        struct plan_pod pods[16];
        struct plan_step steps[PLAN_STEPS];
        scoped_text struct text out = { 0 };
        size_t count = read_pods(d->pods, pods);

        write_steps(steps, plan_deployment(&want, pods, count, steps), false, &out);
        CHECK_TEXT(text_string(&out), d->steps, "%s", d->name);
    }
}

static const struct {
    const char *name, *pods, *steps;
    int replicas, partition;
    bool parallel, on_delete;
} sets[] = {
    { "the first one comes alone", "", "+0", 3, 0, false, false },
    { "the second waits for the first", "n", "", 3, 0, false, false },
    { "and comes when that is ready", "N", "+1", 3, 0, false, false },
    { "in parallel all come", "", "+0+1+2", 3, 0, true, false },
    { "the highest goes first", "NNN", "-2", 1, 0, false, false },
    { "one at a time", "NNN-", "", 1, 0, false, false },
    { "an update begins at the top", "OOO", "-2", 3, 0, false, false },
    { "and waits for it", "OOn", "", 3, 0, false, false },
    { "then goes down", "OON", "-1", 3, 0, false, false },
    { "the partition keeps the old", "ONN", "", 3, 1, false, false },
    { "an outdated one that never got ready is replaced", "o", "-0", 3, 0, false, false },
    { "OnDelete leaves them alone", "OOO", "", 3, 0, false, true },
};

static void test_sets(void)
{
    for (size_t i = 0; i < count_of(sets); i++) {
        struct plan_workload want = { .replicas = sets[i].replicas, .partition = sets[i].partition,
                                      .parallel = sets[i].parallel, .on_delete = sets[i].on_delete };
        struct plan_pod pods[16];
        struct plan_step steps[PLAN_STEPS];
        scoped_text struct text out = { 0 };
        size_t count = read_pods(sets[i].pods, pods);

        write_steps(steps, plan_stateful(&want, pods, count, steps), true, &out);
        CHECK_TEXT(text_string(&out), sets[i].steps, "%s", sets[i].name);
    }
}

/* Pods of a Job: "a" active, "s" succeeded, "f" failed. */
static const struct {
    const char *name, *pods, *steps, *end;
    int completions, parallelism, limit;
    bool indexed;
} jobs[] = {
    { "one pod for a plain job", "", "+", "", 1, 1, 6, false },
    { "as many as may run at once", "", "++", "", 5, 2, 6, false },
    { "no more than are left", "ss", "+", "", 3, 5, 6, false },
    { "done when all have succeeded", "sss", "", "Complete", 3, 2, 6, false },
    { "each index once", "s", "+1+2", "", 3, 2, 6, true },
    { "a failed index again, after a while", "f", "", "", 2, 2, 6, true },
    { "too many failures end it", "af", "-0", "BackoffLimitExceeded", 2, 2, 0, false },
    { "without a count, one success is enough", "s", "", "Complete", -1, 2, 6, false },
    { "but the others may end", "sa", "", "", -1, 2, 6, false },
};

static void test_jobs(void)
{
    for (size_t i = 0; i < count_of(jobs); i++) {
        struct plan_workload want = { .replicas = jobs[i].completions,
                                      .parallelism = jobs[i].parallelism,
                                      .backoff_limit = jobs[i].limit, .indexed = jobs[i].indexed };
        struct plan_pod pods[16];
        struct plan_step steps[PLAN_STEPS];
        struct plan_job_state state;
        scoped_text struct text out = { 0 };
        size_t count = 0;

        for (const char *at = jobs[i].pods; *at; at++, count++)
            pods[count] = (struct plan_pod){ .index = (int)count, .current = true,
                                             .succeeded = *at == 's', .failed = *at == 'f' };
        write_steps(steps, plan_job(&want, pods, count, steps, &state), jobs[i].indexed, &out);
        CHECK_TEXT(text_string(&out), jobs[i].steps, "%s", jobs[i].name);
        CHECK_TEXT(state.complete ? "Complete" : state.over ? state.reason : "", jobs[i].end,
                   "%s: how it stands", jobs[i].name);
    }
}

static void test_backoff(void)
{
    static const int seconds[] = { 0, 0, 10, 20, 40, 80, 160, 300, 300 };

    for (unsigned i = 0; i < count_of(seconds); i++)
        CHECK_INT(plan_backoff(i) / 1000000000, seconds[i], "after %u ends it waits %d s", i,
                  seconds[i]);
    CHECK_INT(plan_backoff(4000000000u) / 1000000000, 300, "and never longer");
}

int main(void)
{
    test_deployments();
    test_sets();
    test_jobs();
    test_backoff();
    return check_done();
}
