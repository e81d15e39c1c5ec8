/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_JOB_POLICY_H
#define CLUSTER_JOB_POLICY_H

#include "cluster/local.h"

/*
 * Private to cluster: what a Job's podFailurePolicy and successPolicy say.
 * Pure: checked once by name, then read.
 */

/* Null is as good as absent. */
bool job_policy_has(const struct node *map, const char *key);

/* Refuses by its path what cannot be, and what never happens on a spoke. */
int job_policy_check(const struct node *spec, struct local_why *why);

/* What a failed pod ended with. */
struct job_exit {
    const char *container;
    int code; /* 128 + N: by signal N */
};
struct job_failure {
    const struct job_exit *exits; /* of those that failed */
    size_t count;
    bool disrupted; /* it was evicted or lost: condition DisruptionTarget */
};
/* Of the first rule that matches, and in words; PLAN_COUNT when none does. */
enum plan_verdict job_policy_verdict(const struct node *policy, const struct job_failure *failure,
                                     struct local_why *ret_why);

/* The rules of a successPolicy that was checked; they live in the arena. */
const struct plan_success *job_policy_success(const struct node *spec, struct arena *arena,
                                              size_t *ret_count);

#endif
