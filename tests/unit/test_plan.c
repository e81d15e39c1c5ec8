/* SPDX-License-Identifier: Apache-2.0 */
/* Which pods of a workload start and stop, as sentences. */

#include "check.h"

#include "base/mem.h"
#include "base/text.h"
#include "plan/plan.h"

#define SECOND INT64_C(1000000000)

/*
 * Pods as words: a letter each, capital when available; "o" is made from an old
 * template, "n" from the one as it is now, "f" from the former one, "x" from an old one
 * and waiting before it is tried again; "u" is a new one that nobody has looked at, "v" one
 * of the former template, "w" of another; "t" is an old one and "m" a new one on trial;
 * "-" after it: on its way out.
 * Steps: "+" for each start, "<" for each from the former template, "-" and the position
 * of each that is stopped.
 */
struct deployment {
    const char *name, *pods, *steps;
    int replicas, surge, unavailable;
    bool recreate, exclusive, former;
};

static const struct deployment deployments[] = {
    {"a new one starts", "", "+++", 3, 1, 0, false, false, false},
    {"a full one is left alone", "NNN", "", 3, 1, 0, false, false, false},
    {"one that is missing is started", "NN", "+", 3, 1, 0, false, false, false},
    {"one too many goes, not a ready one", "NnN", "-1", 2, 1, 0, false, false, false},
    {"the newest goes first among equals", "NNN", "-2", 2, 1, 0, false, false, false},
    {"a change starts one beside the old", "OO", "+", 2, 1, 0, false, false, false},
    {"an old one stays until the new one is ready", "OOn", "", 2, 1, 0, false, false, false},
    {"then one old one goes", "OON", "-1", 2, 1, 0, false, false, false},
    {"of the old ones the one that is not ready goes", "OoN", "-1", 2, 1, 0, false, false, false},
    {"with room for one less, one goes first", "OO", "-1", 2, 0, 1, false, false, false},
    {"neither surge nor room counts as room for one", "O", "-0", 1, 0, 0, false, false, false},
    {"Recreate stops all old ones first", "OO", "-1-0", 2, 1, 0, true, false, false},
    {"and waits until they have gone", "O-O-", "", 2, 1, 0, true, false, false},
    {"and then starts", "", "++", 2, 1, 0, true, false, false},
    {"Recreate of one waits, too", "O", "-0", 1, 1, 0, true, false, false},
    {"Recreate makes nothing of the former template", "", "++", 2, 1, 0, true, false, true},
    {"a port of the host allows no second", "O", "-0", 1, 1, 0, false, true, false},
    {"not even while the old one is leaving", "O-", "", 1, 1, 0, false, true, false},
    {"scaled to nothing, all go", "NN", "-1-0", 0, 1, 0, false, false, false},
    {"scaled to nothing in mid-rollout, too", "FFn", "-2-1-0", 0, 1, 0, false, false, true},

    /* A template that does not work. */
    {"an old one that blinks stays while the new one fails", "Ffn", "", 2, 1, 0, false, false,
     true},
    {"all old ones may blink at once", "fffn", "", 3, 1, 0, false, false, true},
    {"with room for one less, one may go", "ffffn", "-3", 4, 1, 1, false, false, true},
    {"and no second one", "fffnn", "", 4, 1, 1, false, false, true},
    {"with room for one less the budget is spent", "fffn", "", 4, 0, 1, false, false, true},
    {"a lost old one is made of the former template", "FFn", "<", 3, 1, 0, false, false, true},
    {"none is where an agent has not looked yet at the new ones", "FFu", "", 3, 1, 0, false, false,
     true},
    {"nor where it has not looked yet at those of another template", "Fwww", "+", 4, 1, 0, false,
     false, true},
    {"none of those is stopped for what is not known", "FwwwN", "", 4, 1, 0, false, false, true},
    {"nor one of the former template", "vvvv", "", 4, 0, 1, false, false, true},
    {"but one that is known to be bad is", "FwwoN", "-3", 4, 1, 0, false, false, true},
    {"also one that is older than those", "FowwN", "-1", 4, 1, 0, false, false, true},
    {"with just enough that are known to be good one may go, too", "wN", "-0", 1, 1, 0, false,
     false, true},
    {"nor is one on trial", "FFtnn", "", 4, 1, 1, false, false, true},
    {"nor taken for a new one that is available", "FFFm", "", 3, 1, 0, false, false, true},
    {"but a new one on trial is not counted on", "FFm", "<", 3, 1, 0, false, false, true},
    {"fewer: not those that may be available", "uuuuu", "", 2, 1, 0, false, false, false},
    {"but those that are known to be bad", "uunnn", "-4-3-2", 2, 1, 0, false, false, false},
    {"and those that are too many when enough are available", "NNuuu", "-4-3-2", 2, 1, 0, false,
     false, false},
    {"with enough that are known to be good one may go", "wFN", "-0-1", 1, 1, 0, false, false,
     true},
    {"scaled to nothing, all go, known or not", "Fwvu", "-3-1-2-0", 0, 1, 0, false, false, true},
    {"all that were lost are", "n", "<<<", 3, 1, 0, false, false, true},
    {"no more new ones than the budget", "n", "+<<", 4, 0, 2, false, false, true},
    {"the budget grows with every new one that works", "NNff", "-3", 3, 1, 0, false, false, true},
    {"before the rollout began, both are made", "FF", "+<", 3, 1, 0, false, false, true},
    {"one that nobody will miss is not", "NNNn", "", 4, 1, 1, false, false, true},
    {"a third template takes the place of a stuck one", "FFFo", "-3", 3, 1, 0, false, false, true},
    {"and of one old one that is not ready first the stuck one goes", "FfFo", "-3", 3, 1, 0, false,
     false, true},
    {"a lost one comes before a third template", "FFo", "-2<", 3, 1, 0, false, false, true},
    {"back to the one that works, the stuck one goes", "NNNo", "-3", 3, 1, 0, false, false, false},
    {"what never worked is replaced", "oo", "+", 2, 1, 0, false, false, false},
    {"one by one, as new ones are ready", "ooN", "-1", 2, 1, 0, false, false, false},
    {"one in back-off goes before one that may get better", "oxoN", "-1", 3, 1, 0, false, false,
     false},

    /* Another number in mid-rollout. */
    {"fewer: the stuck new one stays within, old ones go", "FFFFFFn", "-5-4-3", 3, 1, 0, false,
     false, true},
    {"more: what is missing is made of the former one", "FFFn", "<<<", 6, 1, 0, false, false, true},
    {"fewer than the new ones: not the available", "FFNnNn", "-5-3-1-0", 2, 3, 0, false, false,
     true},
};

/* Pods in memory that is not a byte larger, so that a sanitizer sees who looks beyond them. */
static struct plan_pod *keep_pods(const struct plan_pod *pods, size_t count)
{
    return mem_copy(pods, count * sizeof *pods);
}

static size_t read_pods(const char *words, struct plan_pod **ret)
{
    struct plan_pod pods[16];
    size_t n = 0;
    int index = 0;

    for (const char *at = words; *at; at++) {
        if (*at == '.') {
            index++;
            continue;
        }
        if (*at == '-') {
            pods[n - 1].terminating = true;
            pods[n - 1].ready = false;
            continue;
        }
        pods[n] = (struct plan_pod){.index = index++,
                                    .created = (int64_t)n,
                                    .ready = *at < 'a',
                                    .current = strchr("nNum", *at) != NULL,
                                    .unknown = strchr("uvw", *at) != NULL,
                                    .trial = *at == 't' || *at == 'm',
                                    .former = *at == 'f' || *at == 'F' || *at == 'v',
                                    .broken = *at == 'x'};
        n++;
    }
    *ret = keep_pods(pods, n);
    return n;
}

static void write_steps(const struct plan_step *steps, size_t count, bool indexes, struct text *out)
{
    text_add(out, "");
    for (size_t i = 0; i < count; i++) {
        if (steps[i].verb == PLAN_STOP)
            text_addf(out, "-%zu", steps[i].pod);
        else if (indexes)
            text_addf(out, "%s%d", steps[i].former ? "<" : "+", steps[i].index);
        else
            text_addf(out, "%s%s", steps[i].former ? "<" : "+", steps[i].index == -1 ? "" : "?");
    }
}

static void test_deployments(void)
{
    for (size_t i = 0; i < count_of(deployments); i++) {
        const struct deployment *d = &deployments[i];
        struct plan_workload want = {.replicas = d->replicas,
                                     .surge = d->surge,
                                     .unavailable = d->unavailable,
                                     .recreate = d->recreate,
                                     .exclusive = d->exclusive,
                                     .former = d->former};
        scoped_mem struct plan_pod *pods = NULL;
        struct plan_step steps[PLAN_STEPS];
        scoped_text struct text out = {0};
        size_t count = read_pods(d->pods, &pods);

        write_steps(steps, plan_deployment(&want, pods, count, steps), false, &out);
        CHECK_TEXT(text_string(&out), d->steps, "%s", d->name);
    }
}

/* "." is an ordinal without a pod, and `taken` the ordinals that the rollout has reached. */
static const struct {
    const char *name, *pods, *steps;
    int replicas, partition;
    bool parallel, on_delete;
    int former; /* how many it had of the former template; 0: there is none */
    const char *taken;
    int unavailable;
} sets[] = {
    {"the first one comes alone", "", "+0", 3, 0, false, false, 0, "", 0},
    {"the second waits for the first", "n", "", 3, 0, false, false, 0, "", 0},
    {"and comes when that is ready", "N", "+1", 3, 0, false, false, 0, "", 0},
    {"in parallel all come", "", "+0+1+2", 3, 0, true, false, 0, "", 0},
    {"the highest goes first", "NNN", "-2", 1, 0, false, false, 0, "", 0},
    {"one at a time", "NNN-", "", 1, 0, false, false, 0, "", 0},
    {"and only while those that stay are available", "nNN", "", 2, 0, false, false, 0, "", 0},
    {"in parallel at once", "nNN", "-1-2", 1, 0, true, false, 0, "", 0},
    {"to nothing they go whatever they are", "nnN", "-2", 0, 0, false, false, 0, "", 0},
    {"an update begins at the top", "OOO", "-2", 3, 0, false, false, 0, "", 0},
    {"and waits for it", "OOn", "", 3, 0, false, false, 0, "", 0},
    {"then goes down", "OON", "-1", 3, 0, false, false, 0, "", 0},
    {"with maxUnavailable 2 it takes two", "OOO", "-2-1", 3, 0, true, false, 0, "", 2},
    {"and no third", "OOn", "-1", 3, 0, true, false, 0, "", 2},
    {"the partition keeps the old", "ONN", "", 3, 1, false, false, 0, "", 0},
    {"an outdated one that never got ready is replaced", "o", "-0", 3, 0, false, false, 0, "", 0},
    {"OnDelete leaves them alone", "OOO", "", 3, 0, false, true, 0, "", 0},
    {"also one that is not ready", "Oo", "", 2, 0, false, true, 0, "", 0},

    /* A template that does not work is stuck at the top. */
    {"an old ordinal that crashes stays", "fFn", "", 3, 0, false, false, 3, "2", 0},
    {"in parallel, too", "ffn", "", 3, 0, true, false, 3, "2", 0},
    {"also when it waits before it is tried again", "xFn", "", 3, 0, false, false, 3, "2", 0},
    {"one that was lost is made of the former template", ".Fn", "<0", 3, 0, false, false, 3, "2",
     0},
    {"one that the rollout reached is made of the new one", "FF.", "+2", 3, 0, false, false, 3, "2",
     0},
    {"one that it has not reached is not", "FF.", "<2", 3, 0, false, false, 3, "", 0},
    {"each by itself", "...", "<0+1<2", 3, 0, true, false, 3, "1", 0},
    {"below the partition it is the former one", ".NN", "<0", 3, 1, false, false, 3, "12", 0},
    {"at the partition itself it is the new one", "FF.", "+2", 3, 2, false, false, 3, "2", 0},
    {"below the partition, too, where there is no former one", ".NN", "+0", 3, 1, false, false, 0,
     "", 0},
    {"with OnDelete it is the former one", "F.F", "<1", 3, 0, false, true, 3, "", 0},
    {"beyond what there was it is the new one", "FF.", "+2", 3, 0, false, false, 2, "", 0},
    {"a third template replaces the stuck one at once", "FFo", "-2", 3, 0, false, false, 3, "", 0},
    {"also when a lower one is not ready", "xFo", "-2", 3, 0, false, false, 3, "", 0},
    {"before it began, one that blinks is waited for", "fFF", "", 3, 0, false, false, 3, "", 0},
    {"one that does not get better goes out of its turn", "xFF", "-0", 3, 0, false, false, 3, "",
     0},
    {"nor does one of a template that never worked keep its turn", "oFF", "-0", 3, 0, false, false,
     3, "", 0},
    {"one that nobody has looked at yet is not taken", "FFw", "", 3, 0, false, false, 3, "", 0},
    {"nor another one beside it", "FwF", "", 3, 0, true, false, 3, "", 0},
    {"nothing is taken while one is missing", "F.F", "<1", 3, 0, true, false, 3, "", 0},
    {"one on trial is not taken, either", "t", "", 2, 0, false, false, 2, "", 0},
    {"what is missing comes before fewer", "N.NN", "+1", 3, 0, false, false, 0, "", 0},
    {"also while one too many is on its way out", ".N-", "+0", 1, 0, false, false, 0, "", 0},
    {"fewer waits for what is missing", ".N", "+0", 1, 0, false, false, 0, "", 0},
    {"in parallel it does not", ".N", "+0-0", 1, 0, true, false, 0, "", 0},
    {"fewer waits for one that nobody has looked at", "uN", "", 1, 0, false, false, 0, "", 0},
    {"what waits for the stuck one does not keep it", "x..", "-0", 3, 0, false, false, 3, "", 0},
    {"nor where it was never of a template that worked", "o..", "-0", 3, 0, false, false, 3, "", 0},
    {"what the rollout reached does", "x..", "", 3, 0, false, false, 3, "2", 0},
    {"and one that may get better is waited for", "f..", "", 3, 0, false, false, 3, "", 0},
    {"in parallel with room for two, one that blinks goes beside one that is missing", "f.", "<1-0",
     2, 0, true, false, 2, "", 2},
    {"one beyond what there was is not waited for", "Fx.", "-1", 3, 0, false, false, 2, "", 0},
    {"in parallel, fewer and an update go together", "OOO", "-2-1", 2, 0, true, false, 0, "", 0},
    {"else one that is too many goes first", "OOO", "-2", 2, 0, false, false, 0, "", 0},
    {"fewer: the stuck one goes", "FFn", "-2", 2, 0, false, false, 2, "2", 0},
};

static void turn_pods(struct plan_pod *pods, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct plan_pod first = pods[i];

        pods[i] = pods[count - 1 - i];
        pods[count - 1 - i] = first;
    }
}

/* The order in which pods are handed over says nothing; in parallel it is that of the steps. */
static void check_turned(const struct plan_workload *want, struct plan_pod *pods, size_t count,
                         const char *steps_wanted, const char *name)
{
    struct plan_step steps[PLAN_STEPS];
    scoped_text struct text out = {0};
    size_t n;

    turn_pods(pods, count);
    n = plan_stateful(want, pods, count, steps);
    for (size_t s = 0; s < n; s++) {
        bool stays = steps[s].verb == PLAN_STOP && pods[steps[s].pod].index < want->replicas;

        CHECK(steps[s].taken == stays, "%s: an ordinal that is stopped and stays is taken", name);
        steps[s].pod = count - 1 - steps[s].pod;
    }
    write_steps(steps, n, true, &out);
    if (!want->parallel)
        CHECK_TEXT(text_string(&out), steps_wanted, "%s: the last pod first", name);
}

static void test_sets(void)
{
    for (size_t i = 0; i < count_of(sets); i++) {
        bool taken[PLAN_INDEXES] = {false};
        struct plan_workload want = {.replicas = sets[i].replicas,
                                     .partition = sets[i].partition,
                                     .parallel = sets[i].parallel,
                                     .on_delete = sets[i].on_delete,
                                     .former = sets[i].former > 0,
                                     .taken = taken,
                                     .former_replicas = sets[i].former,
                                     .unavailable = sets[i].unavailable};
        scoped_mem struct plan_pod *pods = NULL;
        struct plan_step steps[PLAN_STEPS];
        scoped_text struct text out = {0};
        size_t count = read_pods(sets[i].pods, &pods);

        for (const char *at = sets[i].taken; *at; at++)
            taken[*at - '0'] = true;
        write_steps(steps, plan_stateful(&want, pods, count, steps), true, &out);
        CHECK_TEXT(text_string(&out), sets[i].steps, "%s", sets[i].name);
        check_turned(&want, pods, count, sets[i].steps, sets[i].name);
    }
}

/*
 * Pods of a Job: "a" active, "r" active and ready, "s" succeeded, "f" failed, "i" failed but to be
 * ignored, "j" failed so that the Job does, "k" so that the index does, "." no pod of that index;
 * "-" after it: on its way out; a digit after it: runs of its containers that failed; each "^"
 * after it: it ended 3 s later. How it ends is the reason, or the second until which it waits.
 */
static const struct {
    const char *name, *pods, *steps, *end;
    int completions, parallelism, limit;
    bool indexed;
    int per_index, most_indexes; /* -1: no such limit */
    int64_t now;
} jobs[] = {
    {"one pod for a plain job", "", "+", "", 1, 1, 6, false, -1, -1, 0},
    {"as many as may run at once", "", "++", "", 5, 2, 6, false, -1, -1, 0},
    {"no more than are left", "ss", "+", "", 3, 5, 6, false, -1, -1, 0},
    {"done when all have succeeded", "sss", "", "Complete", 3, 2, 6, false, -1, -1, 0},
    {"each index once", "s", "+1+2", "", 3, 2, 6, true, -1, -1, 0},
    {"as many indexes as may run at once", "", "+0+1", "", 5, 2, 6, true, -1, -1, 0},
    {"a failed index again, after a while", "f", "", "10 s", 2, 2, 6, true, -1, -1, 0},
    {"which is ten seconds", "f", "+0+1", "", 2, 2, 6, true, -1, -1, 10},
    {"too many failures end it", "af", "-0", "BackoffLimitExceeded", 2, 2, 0, false, -1, -1, 0},
    {"without a count, one success is enough", "s", "", "Complete", -1, 2, 6, false, -1, -1, 0},
    {"but the others may end", "sa", "", "", -1, 2, 6, false, -1, -1, 0},
    {"without a count, as many as may run at once", "", "++", "", -1, 2, 6, false, -1, -1, 0},
    {"and no more of them after a success", "saaa", "-3", "", -1, 2, 6, false, -1, -1, 0},
    {"no completions are reached at once", "", "", "Complete", 0, 2, 6, false, -1, -1, 0},
    {"the pause is after the last failure", "f^^^f^", "", "29 s", 1, 1, 6, false, -1, -1, 9},
    {"whichever comes last", "f^f^^^", "", "29 s", 1, 1, 6, false, -1, -1, 28},
    {"until it is over", "f^f^^^", "+", "", 1, 1, 6, false, -1, -1, 29},
    {"what is full waits for nothing", "fa", "", "", 1, 1, 6, false, -1, -1, 0},

    {"restarts in place are failures", "a1", "", "", 1, 1, 1, false, -1, -1, 0},
    {"one more than backoffLimit is the end", "a2", "-0", "BackoffLimitExceeded", 1, 1, 1, false,
     -1, -1, 0},
    {"with backoffLimit 0 the first one is", "f1", "", "BackoffLimitExceeded", 1, 1, 0, false, -1,
     -1, 0},
    {"those of all pods together", "a1a1a1", "-2-1-0", "BackoffLimitExceeded", 3, 3, 2, false, -1,
     -1, 0},

    {"less parallelism: the newest that are not ready go", "rara", "-3-1", "", 9, 2, 6, false, -1,
     -1, 0},
    {"parallelism 0 stops all", "rr", "-1-0", "", 9, 0, 6, false, -1, -1, 0},
    {"fewer indexes: those beyond go", "saa", "-2", "", 2, 3, 6, true, -1, -1, 0},
    {"and do not count", "s.s", "+1", "", 2, 3, 6, true, -1, -1, 0},
    {"more indexes", "ss", "+2", "", 3, 3, 6, true, -1, -1, 0},

    {"an index has failures of its own", "f1a", "", "10 s", 2, 2, 1000, true, 1, -1, 0},
    {"one that has too many is given up", "f2a", "", "", 2, 2, 1000, true, 1, -1, 99},
    {"at the end the Job failed for it", "f2s", "", "FailedIndexes", 2, 2, 1000, true, 1, -1, 99},
    {"as many failures as an index may have are not too many", "f1a", "+0", "", 2, 2, 1000, true, 1,
     -1, 99},
    {"as many given up as the Job may have are not too many", "f1", "+1+2", "", 3, 3, 1000, true, 0,
     1, 0},
    {"of none that may be, one is too many", "f1a", "-1", "MaxFailedIndexesExceeded", 3, 3, 1000,
     true, 0, 0, 0},
    {"the first index that may be tried is waited for", "f^^^f^f^^", "", "13 s", 3, 3, 1000, true,
     3, -1, 9},
    {"after the last try of each", "f^.", "+1", "13 s", 2, 2, 1000, true, 3, -1, 9},
    {"one that may not fail waits after an ignored failure, and no other does", "i.", "+1", "10 s",
     2, 2, 1000, true, 0, -1, 1},
    {"an index beyond the completions is stopped wherever it is", "..a", "-0+0+1", "", 2, 3, 6,
     true, -1, -1, 0},
    {"too many given up end it at once", "f1f1a", "-2", "MaxFailedIndexesExceeded", 3, 3, 1000,
     true, 0, 1, 0},
    {"with pauses of its own", "f1.", "+1", "10 s", 2, 2, 1000, true, 3, -1, 5},
    {"a success of the same index is one", "s", "", "Complete", 1, 1, 1000, true, 0, -1, 0},

    {"an ignored failure counts for nothing", "iii", "+", "", 1, 1, 0, false, -1, -1, 99},
    {"but is waited for", "i", "", "10 s", 1, 1, 0, false, -1, -1, 1},
    {"FailJob ends it", "ja", "-1", "PodFailurePolicy", 3, 3, 6, false, -1, -1, 0},
    {"FailIndex gives one up", "ka", "", "", 2, 2, 6, true, 3, -1, 99},
};

static size_t read_job(const char *words, struct plan_pod **ret)
{
    struct plan_pod pods[16];
    size_t n = 0;
    int index = 0;

    for (const char *at = words; *at; at++) {
        if (*at == '-') {
            pods[n - 1].terminating = true;
        } else if (*at == '^') {
            pods[n - 1].finished += 3 * SECOND;
        } else if (*at >= '0' && *at <= '9') {
            pods[n - 1].failures = *at - '0';
        } else if (*at == '.') {
            index++;
        } else {
            pods[n] = (struct plan_pod){.index = index++,
                                        .created = (int64_t)n,
                                        .current = true,
                                        .succeeded = *at == 's',
                                        .ready = *at == 'r',
                                        .failed = strchr("fijk", *at) != NULL};
            pods[n++].verdict = *at == 'i'   ? PLAN_IGNORE
                                : *at == 'j' ? PLAN_FAIL_JOB
                                : *at == 'k' ? PLAN_FAIL_INDEX
                                             : PLAN_COUNT;
        }
    }
    mem_free(ret);
    *ret = keep_pods(pods, n);
    return n;
}

static void write_end(const struct plan_job_state *state, struct text *out)
{
    text_add(out, "");
    if (state->complete || state->over)
        text_add(out, state->complete ? "Complete" : state->reason);
    else if (state->wait_until)
        text_addf(out, "%g s", (double)state->wait_until / SECOND);
}

static void test_jobs(void)
{
    for (size_t i = 0; i < count_of(jobs); i++) {
        struct plan_workload want = {.replicas = jobs[i].completions,
                                     .parallelism = jobs[i].parallelism,
                                     .backoff_limit = jobs[i].limit,
                                     .indexed = jobs[i].indexed,
                                     .index_limit = jobs[i].per_index,
                                     .failed_indexes = jobs[i].most_indexes,
                                     .now = jobs[i].now * SECOND};
        scoped_mem struct plan_pod *pods = NULL;
        struct plan_step steps[PLAN_STEPS];
        struct plan_job_state state;
        scoped_text struct text out = {0}, end = {0};
        size_t count = read_job(jobs[i].pods, &pods);

        write_steps(steps, plan_job(&want, pods, count, steps, &state), jobs[i].indexed, &out);
        CHECK_TEXT(text_string(&out), jobs[i].steps, "%s", jobs[i].name);
        write_end(&state, &end);
        CHECK_TEXT(text_string(&end), jobs[i].end, "%s: how it stands", jobs[i].name);
    }
}

static struct plan_workload one_pod(void)
{
    return (struct plan_workload){.replicas = 1,
                                  .parallelism = 1,
                                  .backoff_limit = 6,
                                  .index_limit = -1,
                                  .failed_indexes = -1};
}

static void test_job_success(void)
{
    bool which[PLAN_INDEXES] = {[0] = true, [2] = true};
    struct plan_success rule = {which, -1}, any = {NULL, 2};
    struct plan_workload want = one_pod();
    scoped_mem struct plan_pod *pods = NULL;
    struct plan_step steps[PLAN_STEPS];
    struct plan_job_state state;
    size_t count;

    want.replicas = want.parallelism = 4;
    want.indexed = true;
    want.success = &rule;
    want.success_count = 1;
    count = read_job("saaa", &pods);
    plan_job(&want, pods, count, steps, &state);
    CHECK(!state.complete, "the first of two indexes of a successPolicy is not enough");
    count = read_job("aasa", &pods);
    plan_job(&want, pods, count, steps, &state);
    CHECK(!state.complete, "nor is the second");
    count = read_job("sasa", &pods);
    CHECK_INT((int64_t)plan_job(&want, pods, count, steps, &state), 2,
              "both are, and the others are stopped");
    CHECK(state.complete && !strcmp(state.reason, "SuccessPolicy"), "it is complete by its policy");
    which[4] = true;
    plan_job(&want, pods, count, steps, &state);
    CHECK(state.complete, "an index that the Job no longer has is not waited for");
    want.success = &any;
    count = read_job("asas", &pods);
    plan_job(&want, pods, count, steps, &state);
    CHECK(state.complete, "any two are enough, where a count is all that is said");
}

static void test_job_details(void)
{
    struct plan_workload want = one_pod();
    scoped_mem struct plan_pod *pods = NULL;
    struct plan_step steps[PLAN_STEPS];
    struct plan_job_state state;
    size_t count = read_job("a-", &pods);

    want.replace_ended = true;
    CHECK_INT((int64_t)plan_job(&want, pods, count, steps, &state), 0,
              "podReplacementPolicy Failed waits for one on its way out");
    want.replace_ended = false;
    CHECK_INT((int64_t)plan_job(&want, pods, count, steps, &state), 1,
              "otherwise it is replaced at once");
    want.suspend = true;
    count = read_job("a", &pods);
    CHECK_INT((int64_t)plan_job(&want, pods, count, steps, &state), 1,
              "suspended, what is active is stopped");
    CHECK(!state.over && !state.complete, "and it is not over");

    want = one_pod();
    want.deadline = 100;
    want.now = 99;
    plan_job(&want, pods, count, steps, &state);
    CHECK(!state.over, "before activeDeadlineSeconds have passed it goes on");
    want.now = 100;
    CHECK_INT((int64_t)plan_job(&want, pods, count, steps, &state), 1,
              "at the deadline its pod is stopped");
    CHECK(state.over && !strcmp(state.reason, "DeadlineExceeded"), "and it has failed for that");
}

static void test_job_spent(void)
{
    struct plan_workload want = one_pod();
    scoped_mem struct plan_pod *pods = NULL;
    size_t count = read_job("a1", &pods);

    want.backoff_limit = 1;
    CHECK(!plan_job_is_spent(&want, pods, count, 0), "backoffLimit 1 leaves one restart");
    want.indexed = true;
    want.index_limit = 1;
    CHECK(!plan_job_is_spent(&want, pods, count, 0), "so does backoffLimitPerIndex 1");
    want.backoff_limit = 9;
    want.index_limit = 0;
    CHECK(plan_job_is_spent(&want, pods, count, 0), "backoffLimitPerIndex 0 leaves none");
    count = read_job("a2", &pods);
    want = one_pod();
    want.backoff_limit = 1;
    CHECK(plan_job_is_spent(&want, pods, count, 0), "backoffLimit 1 leaves no second one");
}

/* What became of pods that are gone. */
static void test_job_past(void)
{
    struct plan_past past = {.pods = 1, .failures = 1, .of = {[0] = 1}};
    struct plan_workload want = one_pod();
    scoped_mem struct plan_pod *pods = NULL;
    struct plan_step steps[PLAN_STEPS];
    struct plan_job_state state;
    size_t count = read_job("", &pods);

    want.past = &past;
    want.indexed = true;
    want.index_limit = 0;
    plan_job(&want, pods, count, steps, &state);
    CHECK(state.failed == 1 && state.failed_indexes == 1 && state.over,
          "an index whose failed pod is gone is given up as well");
    past.of[0] = 0;
    past.of[1] = 1;
    plan_job(&want, pods, count, steps, &state);
    CHECK(state.failed_indexes == 0 && !state.over,
          "the failures of an index that the Job no longer has give up none");
    want = one_pod();
    want.past = &past;
    want.backoff_limit = 0;
    plan_job(&want, pods, count, steps, &state);
    CHECK(state.over && !strcmp(state.reason, "BackoffLimitExceeded"),
          "failures of pods that are gone count for backoffLimit");
}

/* More than there is room for; a sanitizer sees who writes or looks beyond it. */
static void test_bounds(void)
{
    bool taken[PLAN_INDEXES] = {false};
    struct plan_workload want = one_pod();
    scoped_mem struct plan_pod *pods = mem_alloc((PLAN_INDEXES + 1) * sizeof *pods);
    struct plan_step steps[PLAN_STEPS];
    struct plan_job_state state;
    struct plan_success all = {NULL, -1};

    want.surge = 1;
    want.replicas = PLAN_STEPS + 1;
    CHECK_INT((int64_t)plan_deployment(&want, pods, 0, steps), PLAN_STEPS,
              "no more steps at once than there is room for");
    want.replicas = PLAN_INDEXES + 1;
    want.former = want.parallel = true;
    want.former_replicas = want.replicas;
    want.taken = taken;
    CHECK_INT((int64_t)plan_stateful(&want, pods, 0, steps), PLAN_STEPS,
              "an ordinal beyond those that are remembered is of the former template");
    for (int i = 0; i <= PLAN_INDEXES; i++)
        pods[i] = (struct plan_pod){.index = i, .succeeded = i < PLAN_INDEXES, .failed = true};
    want = one_pod();
    want.replicas = want.parallelism = PLAN_INDEXES + 1;
    want.indexed = true;
    want.success = &all;
    want.success_count = 1;
    plan_job(&want, pods, PLAN_INDEXES, steps, &state);
    CHECK(state.complete, "completion indexes beyond those that are counted are not looked at");
    want.success_count = 0;
    CHECK_INT((int64_t)plan_job(&want, pods, PLAN_INDEXES, steps, &state), 0,
              "and none of them is started");
    plan_job(&want, pods, PLAN_INDEXES + 1, steps, &state);
    CHECK_INT(state.failed, 1, "a pod of such an index is counted");
}

static void test_backoff(void)
{
    static const int seconds[] = {0, 0, 10, 20, 40, 80, 160, 300, 300};

    for (unsigned i = 0; i < count_of(seconds); i++)
        CHECK_INT(plan_backoff(i), seconds[i] * SECOND, "after %u ends it waits %d s", i,
                  seconds[i]);
    CHECK_INT(plan_backoff(4000000000u), 300 * SECOND, "and never longer");
}

/* Each letter is an end: w ran well for a minute, s had come up for 2 s, u the same but was
   not ready, c for 1 s, L for ten minutes. What follows is each pause in seconds. */
static void test_ends(void)
{
    static const struct {
        const char *what, *ends, *pauses;
    } cases[] = {
        {"a program that cannot run", "cccccc", "0 10 20 40 80 160"},
        {"one that comes up and is never ready", "uuuu", "0 10 20 40"},
        {"one that is killed again and again", "sssss", "0 0 0 10 20"},
        {"also after a minute each", "wwwww", "0 0 0 10 20"},
        {"killed twice, and then it cannot run", "sscccc", "0 0 10 20 40 80"},
        {"one that could not run and then is killed", "cccss", "0 10 20 0 0"},
        {"ten minutes make it all forgotten", "sssssLs", "0 0 0 10 20 0 0"},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        struct plan_ends ends = {0};
        char got[100] = "";

        for (const char *at = cases[i].ends; *at; at++) {
            int seconds = *at == 'L' ? 600 : *at == 'w' ? 60 : *at == 'c' ? 1 : 2;
            int64_t wait = plan_end(&ends, seconds * SECOND, *at == 'w' || *at == 's');

            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%g", *got ? " " : "",
                     (double)wait / SECOND);
        }
        CHECK_TEXT(got, cases[i].pauses, "%s", cases[i].what);
    }
    CHECK_INT(plan_trial(&(struct plan_ends){1, 0}), 0,
              "after its first end it is available at once");
    CHECK_INT(plan_trial(&(struct plan_ends){2, 1}) / SECOND, 10,
              "after a second end in a while it is on trial");
    CHECK_INT(plan_trial(&(struct plan_ends){4, 2}) / SECOND, 10, "as long as it had to wait");
    CHECK_INT(plan_trial(&(struct plan_ends){4, 0}) / SECOND, 40, "or longer");
}

int main(void)
{
    test_ends();
    test_deployments();
    test_sets();
    test_jobs();
    test_job_success();
    test_job_details();
    test_job_spent();
    test_job_past();
    test_bounds();
    test_backoff();
    return check_done();
}
