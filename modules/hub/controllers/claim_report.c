/* SPDX-License-Identifier: Apache-2.0 */
/* Publishes that a name is taken, where the controller itself does not. */
#include "controllers/claim_report.h"

#include "controllers/claim.h"
#include "meta/meta.h"

/* The condition of each kind that says so, and whether the kind has a phase. */
static const struct {
    enum kind_id kind;
    const char *condition;
    bool phase;
} conditions[] = {
    {KIND_ID_TENANT, "Ready", true},
    {KIND_ID_PROJECT, "Ready", true},
    {KIND_ID_POOL, "Ready", true},
    {KIND_ID_ENVIRONMENT, "Ready", true},
    {KIND_ID_PROFILE, NULL, true},
    {KIND_ID_BUNDLE, NULL, true},
    {KIND_ID_AIWORKLOAD, "Resolved", true},
    {KIND_ID_DEPLOYMENT, "Distributed", true},
    {KIND_ID_PLACEMENT, "PlacementSatisfied", false},
    {KIND_ID_REPLICA_SET, "PlacementRolledOut", false},
    {KIND_ID_CLUSTER, META_CONDITION_CLUSTER_ACCEPTED, false},
};

static int set_taken_status(struct reconcile_run *run, const struct seen *seen,
                            const char *condition_type, bool phase, const char *words,
                            struct err *err)
{
    struct node *status = meta_copy_status(run->arena, seen->node);
    const struct meta_condition condition = {condition_type, "False", "NameTaken", words};
    int64_t generation = meta_generation(seen->node);

    if (condition_type)
        meta_condition_set(run->arena, status, meta_conditions(seen->node), &condition, generation,
                           run->now);
    if (phase) {
        node_set_text(run->arena, status, "phase", "Failed");
        node_set_text(run->arena, status, "message", words);
        node_set_int(run->arena, status, "observedGeneration", generation);
    }
    return reconcile_status(run, seen, status, NULL, err);
}

int claim_report(struct reconcile_run *run, struct err *err)
{
    const char *words = claim_words(run, err);
    struct seen seen;

    if (!words)
        return -1;
    for (size_t i = 0; i < count_of(conditions); i++)
        if (conditions[i].kind == run->self->about &&
            reconcile_get(run, conditions[i].kind, run->namespace, run->name, &seen))
            return set_taken_status(run, &seen, conditions[i].condition, conditions[i].phase, words,
                                    err);
    return -1;
}
