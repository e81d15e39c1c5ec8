/* SPDX-License-Identifier: Apache-2.0 */
/* Puts OCM's admission rules before the writes of whoever is not the hub. */
#include "controllers/controller.h"
#include "controllers/rules.h"

#include "document/document.h"
#include "meta/meta.h"
#include "work/work.h"

#include <string.h>

#define NAME_MOST 253
#define LABEL_MOST 63

static int before_work(void *arg, const struct objects_review *review, struct err *err)
{
    const struct node *now = node_at(review->after, "spec", "workload", "manifests", NULL);
    const struct node *old = node_at(review->before, "spec", "workload", "manifests", NULL);

    /* What was taken once does not keep a finalizer from being removed. */
    if (!review->after || review->who->trusted ||
        (review->before && old && now && node_same(old, now)))
        return 0;
    return work_check_manifests(now, err);
}

/* Each work is called NAMESPACE.NAME, whole, so that it is never another set's. */
static int check_work_name(const struct objects_review *review, struct err *err)
{
    const char *name = meta_name(review->after);
    size_t most = NAME_MOST - strlen(review->namespace) - 1;

    if (review->before || strlen(name) <= most)
        return 0;
    return err_set(
        err, ERR_INVALID,
        "ManifestWorkReplicaSet.work.open-cluster-management.io "
        "\"%s\" is invalid: metadata.name: Invalid value: \"%s\": must be no more than "
        "%zu characters in the namespace \"%s\": its works are called NAMESPACE.NAME, and "
        "a name has %d",
        name, name, most, review->namespace, NAME_MOST);
}

static int before_set(void *arg, const struct objects_review *review, struct err *err)
{
    const struct node *now =
        node_at(review->after, "spec", "manifestWorkTemplate", "workload", "manifests", NULL);
    const struct node *old =
        node_at(review->before, "spec", "manifestWorkTemplate", "workload", "manifests", NULL);

    if (!review->after || review->who->trusted)
        return 0;
    if (check_work_name(review, err) < 0)
        return -1;
    return review->before && old && now && node_same(old, now) ? 0 : work_check_manifests(now, err);
}

/* A cluster names its set in a label. */
static int before_cluster_set(void *arg, const struct objects_review *review, struct err *err)
{
    const struct node *selector = node_at(review->after, "spec", "clusterSelector", NULL);
    const char *name = meta_name(review->after);

    if (!review->after || review->who->trusted || review->before || strlen(name) <= LABEL_MOST ||
        !strcmp(node_get_text(selector, "selectorType"), "LabelSelector"))
        return 0;
    return err_set(
        err, ERR_INVALID,
        "ManagedClusterSet.cluster.open-cluster-management.io \"%s\" is "
        "invalid: metadata.name: Invalid value: \"%s\": must be no more than %d characters: "
        "clusters name their set in a label",
        name, name, LABEL_MOST);
}

/* Roles and bindings that the hub makes of members (members.c). */
static int before_role(void *arg, const struct objects_review *review, struct err *err)
{
    if (!review->after || review->who->trusted || review->before ||
        !text_starts(meta_name(review->after), "axle:"))
        return 0;
    return err_set(
        err, ERR_FORBIDDEN,
        "%s \"%s\" is forbidden: metadata.name: names that begin with \"axle:\" are reserved for "
        "the hub; use another one",
        review->kind->resource, meta_name(review->after));
}

static int before_binding(void *arg, const struct objects_review *review, struct err *err)
{
    return !review->after || review->who->trusted ? 0 : work_check_binding(review->after, err);
}

static int before_cluster(void *arg, const struct objects_review *review, struct err *err)
{
    return !review->after || review->who->trusted ? 0 : work_check_cluster(review->after, err);
}

void admission_rules(struct controllers *all)
{
    static const struct {
        enum kind_id which;
        objects_rule_fn *rule;
    } rules[] = {
        {KIND_ID_WORK, before_work},
        {KIND_ID_REPLICA_SET, before_set},
        {KIND_ID_BINDING, before_binding},
        {KIND_ID_CLUSTER_SET, before_cluster_set},
        {KIND_ID_ROLE_BINDING, before_role},
        {KIND_ID_CLUSTER_ROLE, before_role},
        {KIND_ID_CLUSTER_ROLE_BINDING, before_role},
        {KIND_ID_CLUSTER, before_cluster},
    };

    for (size_t i = 0; i < count_of(rules); i++)
        objects_rule(all->objects, all->kinds[rules[i].which], "", rules[i].rule, all);
}
