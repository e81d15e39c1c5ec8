/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_PLAN_H
#define CLUSTER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Private to cluster: which pods a workload should start and stop now.
 *
 * Pure: wanted × there → steps. A pass that was cut short is simply planned
 * again. Each kind of workload has a function of its own; all of them look at
 * the same two structs.
 */
struct plan_pod {
    const char *name;
    int index;        /* StatefulSet ordinal, completion index; -1: none */
    bool current;     /* made from the template as it is now */
    bool ready;
    bool terminating;
    bool succeeded, failed; /* ended for good */
    int64_t created, finished;
};

struct plan_workload {
    int replicas;       /* completions of a Job; -1: not given */
    int surge, unavailable; /* counts, percentages already turned */
    bool recreate;      /* all old ones go before a new one comes */
    bool exclusive;     /* declares ports of the host: never two at once */
    bool parallel;      /* StatefulSet: does not wait for the one before */
    int partition;      /* StatefulSet: ordinals below keep the old template */
    bool on_delete;     /* StatefulSet: outdated pods are left alone */
    int parallelism;    /* Job */
    int backoff_limit;
    bool indexed, suspend;
    int64_t deadline;   /* Job: wall time at which it is over; 0: never */
    int64_t now;
};

enum plan_verb { PLAN_START, PLAN_STOP };
struct plan_step {
    enum plan_verb verb;
    int index; /* of the pod to start, -1: it has none */
    size_t pod; /* to stop */
};
#define PLAN_STEPS 256

size_t plan_deployment(const struct plan_workload *want, const struct plan_pod *pods,
                       size_t count, struct plan_step *steps);
size_t plan_stateful(const struct plan_workload *want, const struct plan_pod *pods,
                     size_t count, struct plan_step *steps);

struct plan_job_state {
    int active, succeeded, failed, ready;
    bool complete, over; /* over without success: reason says why */
    const char *reason;
    int64_t wait_until; /* back-off before the next try; 0: none */
};
size_t plan_job(const struct plan_workload *want, const struct plan_pod *pods, size_t count,
                struct plan_step *steps, struct plan_job_state *ret);

/* How long a container that ended for the nth time in a row waits: at once
   the first time, then 10 s doubling to 5 min, as a kubelet does. */
int64_t plan_backoff(unsigned crashes);
#define PLAN_BACKOFF_RESET (INT64_C(600) * 1000000000)

#endif
