/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the rules of a ManifestWork: options, order of applying, ownership, time to live. */
#include "work/work.h"

#include "base/clock.h"
#include "meta/meta.h"

#include <stdlib.h>
#include <string.h>

struct work_resource work_resource_read(const struct node *map)
{
    return (struct work_resource){
        node_get_text(map, "group"),    node_get_text(map, "version"),
        node_get_text(map, "resource"), node_get_text(map, "namespace"),
        node_get_text(map, "name"),
    };
}

/* Matches greedily, and on a mismatch goes back to the last star only: the time grows
   with the product of the lengths at most, and not exponentially. */
bool work_wildcard(const char *pattern, const char *value)
{
    const char *star = NULL, *resume = value;

    while (*value) {
        if (*pattern == '*') {
            star = pattern++;
            resume = value;
        } else if (*pattern == *value) {
            pattern++;
            value++;
        } else if (star) {
            pattern = star + 1;
            value = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

/* ---- manifestConfigs --------------------------------------------------- */

/* Group and resource must be equal; name and namespace may be patterns. */
static bool matches_identifier(const struct node *identifier, const struct work_resource *resource)
{
    return text_same(node_get_text(identifier, "group"), resource->group) &&
           text_same(node_get_text(identifier, "resource"), resource->resource) &&
           work_wildcard(node_get_text(identifier, "name"), resource->name) &&
           work_wildcard(node_get_text(identifier, "namespace"), resource->namespace);
}

/* An empty part of an option counts as absent, so that the next matching entry gives it. */
static bool is_empty_option(const struct node *value)
{
    return !value || value->type == NODE_NULL ||
           ((value->type == NODE_LIST || value->type == NODE_MAP || value->type == NODE_STRING) &&
            value->len == 0);
}

static struct node *make_identifier(struct arena *arena, const struct work_resource *resource)
{
    struct node *node = node_map(arena);

    node_set_text(arena, node, "group", resource->group);
    node_set_text(arena, node, "resource", resource->resource);
    node_set_text(arena, node, "name", resource->name);
    node_set_text(arena, node, "namespace", resource->namespace);
    return node;
}

struct node *work_option(struct arena *arena, const struct node *configs,
                         const struct work_resource *resource)
{
    static const char *const parts[] = {"feedbackRules", "feedbackScrapeType", "updateStrategy",
                                        "conditionRules"};
    struct node *option = node_map(arena);

    for (size_t i = 0; i < node_count(configs); i++) {
        const struct node *config = node_item(configs, i);

        if (!matches_identifier(node_get(config, "resourceIdentifier"), resource))
            continue;
        for (size_t k = 0; k < count_of(parts); k++) {
            struct node *part = node_get(config, parts[k]);

            if (!is_empty_option(part) && !node_get(option, parts[k]))
                node_set(arena, option, parts[k], part);
        }
    }
    if (!node_count(option))
        return NULL;
    node_set(arena, option, "resourceIdentifier", make_identifier(arena, resource));
    return option;
}

/* ---- Order ------------------------------------------------------------- */

#define RANK_OTHER 1000
#define RANK_UNREADABLE 1001

/* What others stand on comes first, what intercepts requests last. */
static const char *const ranks[][12] = {
    {"PriorityClass", "Namespace", "CustomResourceDefinition", "StorageClass", "PersistentVolume",
     "PodSecurityPolicy"},
    {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"},
    {"NetworkPolicy", "ResourceQuota", "LimitRange", "PodDisruptionBudget", "ServiceAccount"},
    {"Secret", "ConfigMap", "PersistentVolumeClaim"},
    {"Service"},
    {"DaemonSet", "Pod", "ReplicationController", "ReplicaSet", "Deployment",
     "HorizontalPodAutoscaler", "StatefulSet", "Job", "CronJob"},
    {"APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
     "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"},
};

int work_kind_rank(const char *kind)
{
    if (!kind || !*kind)
        return RANK_UNREADABLE;
    for (size_t rank = 0; rank < count_of(ranks); rank++)
        for (size_t i = 0; i < count_of(ranks[rank]) && ranks[rank][i]; i++)
            if (!strcmp(ranks[rank][i], kind))
                return (int)rank;
    return RANK_OTHER;
}

struct ranked_manifest {
    int rank;
    size_t index;
};

/* By rank; manifests of equal rank stay in their order, because an apply has to be
   repeatable. */
static int compare_ranks(const void *a, const void *b)
{
    const struct ranked_manifest *one = a, *two = b;

    if (one->rank != two->rank)
        return one->rank < two->rank ? -1 : 1;
    return one->index < two->index ? -1 : one->index > two->index;
}

void work_apply_order(const struct node *manifests, size_t *order)
{
    size_t count = node_count(manifests);
    scoped_mem struct ranked_manifest *places = mem_alloc((count + 1) * sizeof *places);

    for (size_t i = 0; i < count; i++)
        places[i] = (struct ranked_manifest){
            work_kind_rank(node_get_text(node_item(manifests, i), "kind")), i};
    qsort(places, count, sizeof *places, compare_ranks);
    for (size_t i = 0; i < count; i++)
        order[i] = places[i].index;
}

/* ---- Ownership ---- */

bool work_owns(const struct node *delete_option, const struct work_resource *resource)
{
    const char *policy = node_get_text(delete_option, "propagationPolicy");
    const struct node *rules = node_at(delete_option, "selectivelyOrphans", "orphaningRules", NULL);

    if (text_same(policy, "Orphan"))
        return false;
    if (!text_same(policy, "SelectivelyOrphan"))
        return true;
    for (size_t i = 0; i < node_count(rules); i++) {
        const struct node *rule = node_item(rules, i);

        if (text_same(node_get_text(rule, "group"), resource->group) &&
            text_same(node_get_text(rule, "resource"), resource->resource) &&
            text_same(node_get_text(rule, "name"), resource->name) &&
            text_same(node_get_text(rule, "namespace"), resource->namespace))
            return false;
    }
    return true;
}

/* The version does not count: an object is the same one in each version of its API. */
static bool same_resource(const struct node *a, const struct node *b)
{
    struct work_resource one = work_resource_read(a);
    struct work_resource two = work_resource_read(b);

    return text_same(one.group, two.group) && text_same(one.resource, two.resource) &&
           text_same(one.namespace, two.namespace) && text_same(one.name, two.name);
}

struct node *work_untracked(struct arena *arena, const struct node *applied,
                            const struct node *wanted)
{
    struct node *left = node_list(arena);

    for (size_t i = 0; i < node_count(applied); i++) {
        bool found = false;

        for (size_t k = 0; k < node_count(wanted) && !found; k++)
            found = same_resource(node_item(applied, i), node_item(wanted, k));
        if (!found)
            node_add(arena, left, node_item(applied, i));
    }
    return left;
}

/* ---- ttlSecondsAfterFinished ------------------------------------------- */

/* A work that a replica set made is kept: deleted, it would be made again at once. */
enum work_ttl work_ttl(const struct node *work, int64_t now, int64_t *ret_at)
{
    const struct node *ttl = node_at(work, "spec", "deleteOption", "ttlSecondsAfterFinished", NULL);
    const struct node *done = meta_condition(work, "Complete");
    int64_t since, wait;

    if (!node_is(ttl, NODE_INT) || !meta_condition_is_true(work, "Complete") ||
        meta_is_deleting(work) || node_at(work, "metadata", "labels", META_LABEL_REPLICASET, NULL))
        return WORK_KEEP;
    if (!clock_parse(node_get_text(done, "lastTransitionTime"), &since))
        since = now;
    if (__builtin_mul_overflow(ttl->integer, CLOCK_SECOND, &wait) ||
        __builtin_add_overflow(since, wait, ret_at))
        return WORK_KEEP;
    return now >= *ret_at ? WORK_DELETE : WORK_WAIT;
}
