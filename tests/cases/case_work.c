/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of OCM's work agent and of registration. */
#include "cases.h"

#include "base/clock.h"
#include "work/work.h"

#include <string.h>

static const struct node *begin(struct case_run *run)
{
    run->expected = node_copy(run->arena, node_get(run->one, "expect"));
    run->got = node_map(run->arena);
    return node_get(run->one, "input");
}

static void run_feedback(struct case_run *run)
{
    const struct node *in = begin(run);
    struct err err = {0};

    node_set(run->arena, run->got, "values",
             work_feedback(run->arena, node_get(in, "object"), node_get(in, "rule"),
                           node_get_bool(in, "rawFeedbackJsonString", false),
                           (size_t)node_get_int(in, "maxJsonRawLength", WORK_RAW_LIMIT), &err));
    node_set_bool(run->arena, run->got, "error", err.code != ERR_NONE);
}
CASE_ROW(work_feedback, "work", "cases", "feedback", run_feedback)

static void run_condition(struct case_run *run)
{
    const struct node *in = begin(run);
    struct err err = {0};

    node_set(run->arena, run->got, "condition",
             work_condition(run->arena, node_get(in, "object"), node_get(in, "rule"),
                            (uint64_t)node_get_int(in, "celCostBudget", 0), &err));
    node_set_bool(run->arena, run->got, "error", err.code != ERR_NONE);
}
CASE_ROW(work_condition, "work", "cases", "conditionRule", run_condition)

static void run_merge_conditions(struct case_run *run)
{
    const struct node *in = begin(run);

    node_set(run->arena, run->got, "merged",
             work_merge_conditions(run->arena, node_get(in, "existing"), node_get(in, "new"), 0));
}
CASE_ROW(work_merge_conditions, "work", "cases", "mergeConditions", run_merge_conditions)

static void run_merge_manifests(struct case_run *run)
{
    const struct node *in = begin(run);

    node_set(run->arena, run->got, "merged",
             work_merge_manifests(run->arena, node_get(in, "existing"), node_get(in, "new"), 0));
}
CASE_ROW(work_merge_manifests, "work", "cases", "mergeManifestConditions", run_merge_manifests)

static void run_option(struct case_run *run)
{
    const struct node *in = begin(run);
    struct work_resource resource = work_resource_read(node_get(in, "resource"));
    struct node *option = work_option(run->arena, node_get(in, "manifestConfigs"), &resource);

    node_set(run->arena, run->got, "option", option ? option : node_null(run->arena));
}
CASE_ROW(work_option, "work", "cases", "manifestConfig", run_option)

static void run_owned(struct case_run *run)
{
    const struct node *in = begin(run);
    struct work_resource resource = work_resource_read(node_get(in, "resource"));

    node_set_bool(run->arena, run->got, "owned",
                  work_owns(node_get(in, "deleteOption"), &resource));
}
CASE_ROW(work_owned, "work", "cases", "ownedByWork", run_owned)

static void run_untracked(struct case_run *run)
{
    const struct node *in = begin(run);

    node_set(run->arena, run->got, "untracked",
             work_untracked(run->arena, node_get(in, "applied"), node_get(in, "newApplied")));
}
CASE_ROW(work_untracked, "work", "cases", "untracked", run_untracked)

static void run_wildcard(struct case_run *run)
{
    const struct node *in = begin(run);

    node_set_bool(run->arena, run->got, "match",
                  work_wildcard(node_get_text(in, "pattern"), node_get_text(in, "value")));
}
CASE_ROW(work_wildcard, "work", "cases", "wildcard", run_wildcard)

static void run_ignore(struct case_run *run)
{
    const struct node *in = begin(run);
    struct node *left =
        work_ignore_fields(run->arena, node_get(in, "object"), node_get(in, "jsonPaths"), NULL);

    if (left)
        node_set(run->arena, run->got, "object", left);
}
CASE_ROW(work_ignore, "work", "cases", "ignoreField", run_ignore)

static void run_all_in(struct case_run *run)
{
    const struct node *in = begin(run);
    bool exists;

    node_set_bool(run->arena, run->got, "inCondition",
                  work_all_in_condition(node_get_text(in, "conditionType"),
                                        node_get(in, "manifests"), &exists));
    node_set_bool(run->arena, run->got, "exists", exists);
}
CASE_ROW(work_all_in, "work", "cases", "allInCondition", run_all_in)

static void run_rank(struct case_run *run)
{
    const struct node *kind = node_get(begin(run), "kind");

    node_set_int(run->arena, run->got, "rank",
                 work_kind_rank(node_is(kind, NODE_STRING) ? kind->string : NULL));
}
CASE_ROW(work_rank, "work", "cases", "kindRank", run_rank)

static void run_order(struct case_run *run)
{
    const struct node *list = node_get(begin(run), "manifests");
    size_t count = node_count(list);
    size_t *order = arena_alloc(run->arena, (count + 1) * sizeof *order);
    struct node *indexes = node_make_list(run->arena, run->got, "order");
    struct node *kinds = node_make_list(run->arena, run->got, "kinds");

    work_apply_order(list, order);
    for (size_t i = 0; i < count; i++) {
        node_add(run->arena, indexes, node_int(run->arena, (int64_t)order[i]));
        node_add(run->arena, kinds,
                 node_string(run->arena, node_get_text(node_item(list, order[i]), "kind")));
    }
}
CASE_ROW(work_order, "work", "cases", "applyOrder", run_order)

/* ---- The end of finished works ------------------------------------------- */

#define NOW (1640995200 * CLOCK_SECOND)

static struct node *work_like(struct arena *arena, const struct node *from)
{
    const struct node *list = node_get(from, "conditions");
    struct node *work = node_map(arena);
    struct node *meta = node_make(arena, work, "metadata");
    struct node *conditions;

    if (node_is(node_get(from, "labels"), NODE_MAP))
        node_set(arena, meta, "labels", node_get(from, "labels"));
    if (node_get_bool(from, "deleting", false))
        node_set_text(arena, meta, "deletionTimestamp", "2022-01-01T00:00:00Z");
    node_set(arena, node_make(arena, work, "spec"), "deleteOption", node_get(from, "deleteOption"));
    conditions = node_make_list(arena, node_make(arena, work, "status"), "conditions");
    for (size_t i = 0; i < node_count(list); i++) {
        struct node *one = node_share(arena, node_item(list, i));
        char since[CLOCK_TEXT];

        clock_format(NOW - node_get_int(one, "transitionedSecondsAgo", 0) * CLOCK_SECOND, false,
                     since);
        node_set_text(arena, one, "lastTransitionTime", since);
        node_add(arena, conditions, one);
    }
    return work;
}

/* Upstream's queue is told of later ends by time, not by a requeue count. */
static void run_ttl(struct case_run *run)
{
    const struct node *list = node_get(begin(run), "works");
    int64_t deletes = 0, overdue = 0, at;

    for (size_t i = 0; i < node_count(list); i++)
        switch (work_ttl(work_like(run->arena, node_item(list, i)), NOW, &at)) {
        case WORK_DELETE:
            deletes++;
            break;
        case WORK_WAIT:
            overdue += at <= NOW;
            break;
        case WORK_KEEP:
            break;
        }
    node_set_int(run->arena, run->got, "deletes", deletes);
    node_set_int(run->arena, run->got, "requeues", overdue);
}
CASE_ROW(work_ttl, "work", "cases", "ttlGc", run_ttl)

/* ---- Registration --------------------------------------------------------- */

static void run_defaulting(struct case_run *run)
{
    const struct node *in = begin(run);
    const struct node *old = node_get(in, "oldObject");
    int64_t now = 0;
    struct node *object;

    (void)clock_parse(node_get_text(run->one, "now"), &now);
    object = work_default_cluster(run->arena, node_get(in, "object"),
                                  node_is(old, NODE_MAP) ? old : NULL, now, NULL);
    node_set(run->arena, run->got, "object", object ? object : node_null(run->arena));
    node_set_bool(run->arena, run->got, "error", !object);
}
CASE_ROW(work_defaulting, "work", "cases", "managedClusterDefaulting", run_defaulting)

static void run_csr(struct case_run *run)
{
    const struct node *from = node_get(begin(run), "csr");
    const struct node *orgs = node_get(from, "Orgs");
    const char **names = arena_alloc(run->arena, (node_count(orgs) + 1) * sizeof *names);
    struct work_csr csr = {
        node_get_text(from, "SignerName"),
        node_get_text(node_get(from, "Labels"), "open-cluster-management.io/cluster-name"),
        node_get_text(from, "CN"),
        names,
        node_count(orgs),
        node_get_text(from, "ReqBlockType"),
    };
    const char *cluster, *agent;
    bool ours;

    for (size_t i = 0; i < node_count(orgs); i++)
        names[i] = node_text(node_item(orgs, i));
    ours = work_csr_recognize(run->arena, &csr, &cluster, &agent);
    node_set_bool(run->arena, run->got, "recognized", ours);
    node_set_text(run->arena, run->got, "clusterName", cluster);
    node_set(run->arena, run->got, "commonName",
             ours ? node_format(run->arena, "system:open-cluster-management:%s:%s", cluster, agent)
                  : node_string(run->arena, ""));
}
CASE_ROW(work_csr, "work", "cases", "csrRecognition", run_csr)
