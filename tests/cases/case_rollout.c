/* SPDX-License-Identifier: Apache-2.0 */
/* Rollouts, as OCM's library goes about them. */
#include "cases.h"

#include "base/clock.h"
#include "placement/placement.h"

#include <stdlib.h>
#include <string.h>

static int64_t time_of(const struct node *map, const char *key)
{
    int64_t at = 0;

    return clock_parse(node_get_text(map, key), &at) ? at : 0;
}

static void set_time(struct arena *arena, struct node *map, const char *key, int64_t at)
{
    char text[CLOCK_TEXT];

    if (!at)
        return;
    clock_format(at, false, text);
    node_set_text(arena, map, key, text);
}

/* Every unit's answer is its `expect` (or `observed`), whole. */
static const struct node *begin(struct case_run *run)
{
    struct node *expect = node_get(run->one, "expect");

    if (!expect)
        expect = node_get(run->one, "observed");
    run->expected = node_copy(run->arena, expect);
    run->got = node_map(run->arena);
    return node_get(run->one, "input");
}

/* ---- The whole rollout --------------------------------------------------- */

static int by_cluster(const void *a, const void *b)
{
    return strcmp(node_get_text(*(struct node *const *)a, "cluster"),
                  node_get_text(*(struct node *const *)b, "cluster"));
}

/* The originals walk maps in any order. */
static void sort_clusters(struct node *list)
{
    if (node_count(list) > 1)
        qsort(list->items, list->len, sizeof *list->items, by_cluster);
}

static struct node *clusters(struct arena *arena, const struct placement_rollout_cluster *from,
                             size_t count)
{
    struct node *list = node_list(arena);

    for (size_t i = 0; i < count; i++) {
        struct node *one = node_map(arena);

        node_set_text(arena, one, "cluster", from[i].name);
        node_set_text(arena, one, "status", placement_rollout_name(from[i].status));
        node_set_text(arena, one, "groupName", from[i].group_name);
        node_set_int(arena, one, "groupIndex", from[i].group_index);
        set_time(arena, one, "lastTransitionTime", from[i].since);
        set_time(arena, one, "recheckTime", from[i].recheck_at);
        node_add(arena, list, one);
    }
    sort_clusters(list);
    return list;
}

static struct node *seconds(struct arena *arena, int64_t time, bool none)
{
    return none ? node_null(arena) : node_int(arena, time / CLOCK_SECOND);
}

static struct placement_rollout_group *read_groups(struct arena *arena, const struct node *list)
{
    struct placement_rollout_group *groups =
        arena_alloc(arena, (node_count(list) + 1) * sizeof *groups);

    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *from = node_item(list, i);
        const struct node *names = node_get(from, "clusters");
        const char **copy = arena_alloc(arena, (node_count(names) + 1) * sizeof *copy);

        for (size_t k = 0; k < node_count(names); k++)
            copy[k] = node_text(node_item(names, k));
        groups[i] = (struct placement_rollout_group){node_get_text(from, "groupName"),
                                                     node_get_int(from, "groupIndex", 0), copy,
                                                     node_count(names)};
    }
    return groups;
}

static struct placement_rollout_cluster *read_existing(struct arena *arena, const struct node *list)
{
    struct placement_rollout_cluster *all =
        arena_alloc(arena, (node_count(list) + 1) * sizeof *all);

    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *from = node_item(list, i);

        all[i] = (struct placement_rollout_cluster){
            node_get_text(from, "cluster"),
            placement_rollout_parse(node_get_text(from, "status")),
            node_get_text(from, "groupName"),
            node_get_int(from, "groupIndex", 0),
            time_of(from, "lastTransitionTime"),
        };
    }
    return all;
}

static void run_rollout(struct case_run *run)
{
    const struct node *in = begin(run);
    struct placement_rollout_input input = {
        node_get(in, "strategy"),
        read_groups(run->arena, node_get(in, "groups")),
        node_count(node_get(in, "groups")),
        read_existing(run->arena, node_get(in, "existing")),
        node_count(node_get(in, "existing")),
        time_of(run->one, "now"),
    };
    struct placement_rollout out;
    struct err err;

    sort_clusters(node_get(run->expected, "clustersToRollout"));
    sort_clusters(node_get(run->expected, "clustersTimeOut"));
    sort_clusters(node_get(run->expected, "clustersRemoved"));
    if (placement_rollout(&input, run->arena, &out, &err) < 0) {
        node_set_text(run->arena, run->got, "error", err.text);
        memset(&out, 0, sizeof out);
    }
    node_set(run->arena, run->got, "clustersToRollout",
             clusters(run->arena, out.clusters, out.count));
    node_set(run->arena, run->got, "clustersTimeOut",
             clusters(run->arena, out.timed_out, out.timed_out_count));
    node_set(run->arena, run->got, "clustersRemoved",
             clusters(run->arena, out.removed, out.removed_count));
    node_set_bool(run->arena, run->got, "maxFailureBreach", out.breached);
    node_set(run->arena, run->got, "recheckAfterSeconds",
             seconds(run->arena, out.recheck_after, !out.recheck_after));
}
CASE_ROW(rollout, "rollout", "cases", "getRolloutCluster", run_rollout)

/* ---- Its parts ----------------------------------------------------------- */

static void run_classify(struct case_run *run)
{
    static const char *const names[] = {"rollout", "done", "timeout"};
    const struct node *in = begin(run);
    struct placement_rollout_cluster cluster = {
        .status = placement_rollout_parse(node_get_text(in, "status")),
        .since = time_of(in, "lastTransitionTime"),
    };
    enum placement_rollout_class is = placement_rollout_classify(
        &cluster, node_get_int(in, "minSuccessTimeSeconds", 0) * CLOCK_SECOND,
        node_get_int(in, "timeoutSeconds", 0) * CLOCK_SECOND, time_of(run->one, "now"));

    node_set_text(run->arena, run->got, "classification", names[is]);
    if (is == ROLLOUT_DONE)
        return;
    node_set_text(run->arena, run->got, "status", placement_rollout_name(cluster.status));
    set_time(run->arena, run->got, "recheckTime", cluster.recheck_at);
}
CASE_ROW(rollout_classify, "rollout", "cases", "determineRolloutStatus", run_classify)

static void run_recheck(struct case_run *run)
{
    const struct node *list = node_get(begin(run), "recheckTimes");
    size_t count = node_count(list);
    int64_t *times = arena_alloc(run->arena, (count + 1) * sizeof *times);
    int64_t wait;

    for (size_t i = 0; i < count; i++)
        if (!clock_parse(node_text(node_item(list, i)), &times[i]))
            times[i] = 0;
    wait = placement_rollout_recheck(times, count, time_of(run->one, "now"));
    node_set(run->arena, run->got, "recheckAfterSeconds", seconds(run->arena, wait, !wait));
}
CASE_ROW(rollout_recheck, "rollout", "cases", "minRecheckAfter", run_recheck)

static void set_error(struct case_run *run, bool failed, const struct err *err)
{
    node_set(run->arena, run->got, "error",
             failed ? node_string(run->arena, err->text) : node_null(run->arena));
}

static void run_size(struct case_run *run)
{
    const struct node *in = begin(run);
    struct err err;
    int64_t size;
    bool failed = placement_rollout_size(node_get(in, "value"), node_get_int(in, "total", 0),
                                         node_get_int(in, "default", 0), &size, &err) < 0;

    node_set_int(run->arena, run->got, "size", size);
    set_error(run, failed, &err);
}
CASE_ROW(rollout_size, "rollout", "cases", "calculateRolloutSize", run_size)

static void run_deadline(struct case_run *run)
{
    struct err err;
    int64_t deadline;
    bool failed =
        placement_rollout_deadline(node_get_text(begin(run), "value"), &deadline, &err) < 0;

    node_set(run->arena, run->got, "seconds",
             seconds(run->arena, deadline, failed || deadline == INT64_MAX));
    set_error(run, failed, &err);
}
CASE_ROW(rollout_deadline, "rollout", "cases", "parseTimeout", run_deadline)

static void run_keys(struct case_run *run)
{
    const struct node *list = node_get(begin(run), "mandatoryDecisionGroups");
    struct node *keys = node_make_list(run->arena, run->got, "groupKeys");

    for (size_t i = 0; i < node_count(list); i++) {
        struct node *key = node_map(run->arena);
        const char *name;
        int64_t index;

        placement_rollout_group_key(node_item(list, i), &name, &index);
        node_set_text(run->arena, key, "groupName", name);
        node_set_int(run->arena, key, "groupIndex", index);
        node_add(run->arena, keys, key);
    }
}
CASE_ROW(rollout_keys, "rollout", "cases", "decisionGroupsToGroupKeys", run_keys)

/* ---- From a ManifestWork -------------------------------------------------- */

static void run_of_work(struct case_run *run)
{
    const struct node *in = begin(run);
    struct node *work = node_map(run->arena);
    int64_t since;

    node_set_int(run->arena, node_make(run->arena, work, "metadata"), "generation",
                 node_get_int(in, "generation", 0));
    node_set(run->arena, node_make(run->arena, work, "status"), "conditions",
             node_get(in, "conditions"));
    node_set_text(run->arena, run->got, "status",
                  placement_rollout_name(placement_rollout_of_work(work, &since)));
}
CASE_ROW(rollout_of_work, "rollout", "cases", "manifestWorkRolloutStatus", run_of_work)

static void run_to_apply(struct case_run *run)
{
    const struct node *in = begin(run);

    node_set_bool(run->arena, run->got, "toApply",
                  placement_rollout_is_to_apply(node_get_int(in, "generation", 0),
                                                node_get(in, "conditions")));
}
CASE_ROW(rollout_to_apply, "rollout", "cases", "manifestWorkShouldBeToApply", run_to_apply)
