/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which pods a workload should start and stop now.
 *
 * Pure: wanted × there → steps. A run that was cut short is simply planned
 * again. Each kind of workload has a function of its own; all of them look at
 * the same two structs. Jobs are planned in plan_job.c.
 *
 * While a rollout is under way there is a former template: the one that the
 * workload ran before. What is lost of it meanwhile is made from it again, so
 * that a template that does not work never takes more than its budget.
 */
enum plan_verdict { PLAN_COUNT, PLAN_IGNORE, PLAN_FAIL_JOB, PLAN_FAIL_INDEX };
struct plan_pod {
    const char *name;
    int index;    /* StatefulSet ordinal, completion index; -1: none */
    bool current; /* made from the template as it is now */
    bool former;  /* made from the former template */
    bool ready;   /* available: ready for as long as is asked */
    bool broken;  /* not ready, and waits before it is tried again */
    bool terminating;
    bool unknown;              /* this agent has not looked yet whether it is ready */
    bool trial;                /* it is ready, but ended too often to be called available yet */
    bool succeeded, failed;    /* ended for good */
    int failures;              /* Job: runs of its containers that failed */
    enum plan_verdict verdict; /* Job: what its podFailurePolicy makes of a failed one */
    int64_t created, finished;
};

/* A Job's spec.successPolicy: any of these is enough. */
struct plan_success {
    const bool *indexes; /* which count, PLAN_INDEXES of them; NULL: all */
    int count;           /* how many of them; -1: all of those that count */
};
#define PLAN_INDEXES 1024 /* ordinals and completion indexes, from 0 */
#define PLAN_PODS 4096

/* What a Job's failed pods came to that are not there any more. */
struct plan_past {
    int pods, failures;
    int of[PLAN_INDEXES]; /* failures of each index */
};

struct plan_workload {
    int replicas;           /* completions of a Job; -1: not given */
    int surge, unavailable; /* counts, percentages already turned */
    bool recreate;          /* all old ones go before a new one comes */
    bool exclusive;         /* declares ports of the host: never two at once */
    bool parallel;          /* StatefulSet: does not wait for the one before */
    int partition;          /* StatefulSet: ordinals below keep the old template */
    bool on_delete;         /* StatefulSet: outdated pods are left alone */
    bool former;            /* there is a former template to make pods from */
    int former_replicas;
    const bool *taken; /* StatefulSet: ordinals that the rollout has reached, PLAN_INDEXES of
                          them; NULL: none */
    int parallelism;   /* Job */
    int backoff_limit;
    int index_limit;    /* Job: failures that one index may have; -1: no such limit */
    int failed_indexes; /* Job: indexes that may fail; -1: any */
    bool indexed, suspend;
    bool replace_ended;                 /* Job: a pod on its way out still has its place */
    const struct plan_success *success; /* Job */
    size_t success_count;
    const struct plan_past *past; /* Job; NULL: nothing */
    int64_t deadline;             /* Job: wall time at which it is over; 0: never */
    int64_t now;
};

enum plan_verb { PLAN_START, PLAN_STOP };
struct plan_step {
    enum plan_verb verb;
    int index;   /* of the pod to start, -1: it has none */
    size_t pod;  /* to stop */
    bool former; /* START: from the former template */
    bool taken;  /* STOP: the rollout has reached this ordinal */
};
#define PLAN_STEPS 256

/* Add a step where there is room, and return how many there are now. */
size_t plan_start(struct plan_step *steps, size_t count, int index, bool former);
size_t plan_stop(struct plan_step *steps, size_t count, size_t pod, bool taken);

/* How many pods of a Deployment must be available while it changes. */
int plan_fewest(const struct plan_workload *want);
size_t plan_deployment(const struct plan_workload *want, const struct plan_pod *pods, size_t count,
                       struct plan_step *steps);
size_t plan_stateful(const struct plan_workload *want, const struct plan_pod *pods, size_t count,
                     struct plan_step *steps);

struct plan_job_state {
    int active, succeeded, failed, ready, failed_indexes;
    bool complete, over; /* over without success */
    const char *reason;  /* of either, as Kubernetes calls it */
    int64_t wait_until;  /* back-off before the next try; 0: none */
};
size_t plan_job(const struct plan_workload *want, const struct plan_pod *pods, size_t count,
                struct plan_step *steps, struct plan_job_state *ret);
/* Whether the failures so far leave none for a container of pod `at` to be started again. */
bool plan_job_is_spent(const struct plan_workload *want, const struct plan_pod *pods, size_t count,
                       size_t at);

/* How long a container that ended for the nth time in a row waits: at once
   the first time, then 10 s doubling to 5 min, as a kubelet does. */
int64_t plan_backoff(unsigned crashes);
#define PLAN_BACKOFF_RESET (INT64_C(600) * 1000000000)

/*
 * Ends in a row of one container, and those of them after which it was started at once.
 * What had come up, and ends for the first times in a while, was most likely ended from
 * outside; a program that cannot run does not get that far, and has its pauses from the
 * second end on.
 */
struct plan_ends {
    unsigned crashes, excused;
};
#define PLAN_CAME_UP (INT64_C(2) * 1000000000)
/* Counts one more end and says how long the next start waits. `well`: it was ready when
   it ended, and what ended it was none of its own probes. */
int64_t plan_end(struct plan_ends *ends, int64_t ran, bool well);
/* How long it must run until it counts as available: as long as it had to wait. */
int64_t plan_trial(const struct plan_ends *ends);

#endif
