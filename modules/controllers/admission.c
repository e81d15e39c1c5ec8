/* SPDX-License-Identifier: Apache-2.0 */
/* Puts OCM's admission rules before the writes of whoever is not the hub. */
#include "controllers/controller.h"

#include "document/document.h"
#include "work/work.h"

static int before_work(void *arg, const struct objects_review *review,
           struct err *err)
{
    const struct node *now = node_at(review->after, "spec", "workload", "manifests", NULL);
    const struct node *old = node_at(review->before, "spec", "workload", "manifests", NULL);

    /* What was taken once does not keep a finalizer from being removed. */
    if (!review->after || review->who->trusted || (review->before && old && now && node_same(old, now)))
        return 0;
    return work_check_manifests(now, err);
}

static int before_set(void *arg, const struct objects_review *review,
           struct err *err)
{
    const struct node *now = node_at(review->after, "spec", "manifestWorkTemplate",
                                     "workload", "manifests", NULL);
    const struct node *old = node_at(review->before, "spec", "manifestWorkTemplate",
                                     "workload", "manifests", NULL);

    if (!review->after || review->who->trusted || (review->before && old && now && node_same(old, now)))
        return 0;
    return work_check_manifests(now, err);
}

static int before_binding(void *arg, const struct objects_review *review,
           struct err *err)
{
    return !review->after || review->who->trusted ? 0 : work_check_binding(review->after, err);
}

static int before_cluster(void *arg, const struct objects_review *review,
           struct err *err)
{
    return !review->after || review->who->trusted ? 0 : work_check_cluster(review->after, err);
}

void admission_rules(struct controllers *all)
{
    static const struct {
        enum which which;
        objects_rule_fn *rule;
    } rules[] = {
        {WORK, before_work},
        {REPLICA_SET, before_set},
        {BINDING, before_binding},
        {CLUSTER, before_cluster},
    };

    for (size_t i = 0; i < count_of(rules); i++)
        objects_rule(all->objects, all->kinds[rules[i].which], "", rules[i].rule, all);
}
