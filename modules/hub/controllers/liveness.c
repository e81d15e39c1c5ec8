/* SPDX-License-Identifier: Apache-2.0 */
/* Notices spokes that fell silent: Available=Unknown and a taint, no more. */
#include "controllers/pass.h"
#include "controllers/table.h"

#include "base/clock.h"
#include "meta/meta.h"

#include <stdlib.h>
#include <string.h>

#define STOPPED "ManagedClusterLeaseUpdateStopped"
#define GRACE 5
#define MOST_SECONDS 86400

static const char *taint_for(const struct node *cluster)
{
    const char *status = meta_condition_status(cluster, META_CONDITION_CLUSTER_AVAILABLE);

    if (!strcmp(status, "True"))
        return "";
    return strcmp(status, "False") ? META_TAINT_UNREACHABLE : META_TAINT_UNAVAILABLE;
}

static bool is_liveness_taint(const char *key)
{
    return !strcmp(key, META_TAINT_UNAVAILABLE) || !strcmp(key, META_TAINT_UNREACHABLE);
}

/* The list as it should be; NULL if it is so already. */
static struct node *settle_taints(struct reconcile_run *run, const struct node *cluster)
{
    const struct node *old = node_at(cluster, "spec", "taints", NULL);
    struct node *list = node_list(run->arena), *taint;
    const char *wanted = taint_for(cluster);
    bool there = false, changed = false;
    char time[CLOCK_TEXT];

    for (size_t i = 0; i < node_count(old); i++) {
        struct node *one = node_item(old, i);
        const char *key = node_get_text(one, "key");

        if (is_liveness_taint(key) && (strcmp(key, wanted) || there)) {
            changed = true;
            continue;
        }
        there |= is_liveness_taint(key);
        node_add(run->arena, list, one);
    }
    if (*wanted && !there) {
        taint = node_map(run->arena);
        clock_format(run->now, false, time);
        node_set_text(run->arena, taint, "key", wanted);
        node_set_text(run->arena, taint, "effect", "NoSelect");
        node_set_text(run->arena, taint, "timeAdded", time);
        node_add(run->arena, list, taint);
        changed = true;
    }
    return changed ? list : NULL;
}

static int set_taints(struct reconcile_run *run, const struct seen *cluster, struct err *err)
{
    struct node *list = settle_taints(run, cluster->node);
    struct node *patch = node_map(run->arena);

    if (!list)
        return 0;
    node_set(run->arena, node_make(run->arena, patch, "spec"), "taints", list);
    return reconcile_patch(run, cluster, patch, err);
}

static int set_available(struct reconcile_run *run, struct seen *cluster,
                         const struct meta_condition *condition, struct err *err)
{
    struct node *status = meta_copy_status(run->arena, cluster->node);
    bool changed = false;

    meta_condition_set(run->arena, status, meta_conditions(cluster->node), condition, 0, run->now);
    if (reconcile_status(run, cluster, status, &changed, err) < 0)
        return -1;
    if (changed)
        reconcile_event(run, cluster, !strcmp(condition->status, "Unknown"),
                        !strcmp(condition->status, "Unknown") ? "AvailableUnknown"
                                                              : "AvailableAgain",
                        "%s", condition->message);
    reconcile_get(run, KIND_ID_CLUSTER, "", run->name, cluster);
    return 0;
}

/* When the spoke was heard last. Nobody is silent before the hub listens. */
static int64_t find_last_heard(struct reconcile_run *run)
{
    const struct node *lease = reconcile_read(run, KIND_ID_LEASE, run->name, META_LEASE_CLUSTER);
    int64_t renewed = 0;

    clock_parse(node_get_text(node_get(lease, "spec"), "renewTime"), &renewed);
    if (renewed > run->now)
        renewed = run->now;
    return renewed > run->all->started ? renewed : run->all->started;
}

/* ---- How long is long -------------------------------------------------------------- */

/* "SECONDS TIME": renewals up to that time were promised for so long. */

static int64_t read_former_duration(const struct node *lease, int64_t renewed)
{
    const char *text = meta_annotation(lease, META_ANNOTATION_RENEWED_EVERY_BEFORE),
               *blank = strchr(text, ' ');
    int64_t until = 0;

    if (!blank || !clock_parse(blank + 1, &until) || renewed > until)
        return 0;
    return strtoll(text, NULL, 10);
}

static int64_t lease_seconds(const struct node *object)
{
    /* More was possible before there was a limit. */
    return node_get_within(node_get(object, "spec"), "leaseDurationSeconds", 0, MOST_SECONDS, 60)
               ?: 60;
}

static int64_t renewed_at(const struct node *lease)
{
    int64_t renewed = 0;

    clock_parse(node_get_text(node_get(lease, "spec"), "renewTime"), &renewed);
    return renewed;
}

/*
 * A spoke reads in the answer to each renewal how often it shall renew, so the last
 * one that it made before the duration was changed was promised for the former
 * one, and is judged by that.
 */
static int64_t judged_seconds(const struct node *cluster, const struct node *lease)
{
    int64_t now = lease_seconds(cluster);
    int64_t before = read_former_duration(lease, renewed_at(lease));

    return before > now ? before : now;
}

/* The lease says what the cluster says, and until when it said something else. */
static int settle_lease(struct reconcile_run *run, const struct node *cluster, struct err *err)
{
    struct node *patch = node_map(run->arena);
    int64_t wanted = lease_seconds(cluster), before;
    char time[CLOCK_TEXT];
    struct seen lease;

    if (!reconcile_get(run, KIND_ID_LEASE, run->name, META_LEASE_CLUSTER, &lease) ||
        lease_seconds(lease.node) == wanted)
        return 0;
    before = read_former_duration(lease.node, renewed_at(lease.node));
    if (before < lease_seconds(lease.node))
        before = lease_seconds(lease.node);
    clock_format(run->now, true, time);
    node_set_int(run->arena, node_make(run->arena, patch, "spec"), "leaseDurationSeconds", wanted);
    meta_set_annotation(run->arena, patch, META_ANNOTATION_RENEWED_EVERY_BEFORE,
                        arena_printf(run->arena, "%lld %s", (long long)before, time));
    return reconcile_patch(run, &lease, patch, err);
}

/* ---- The controller ------------------------------------------------------------------ */

static int reconcile_liveness(struct reconcile_run *run, struct err *err)
{
    const struct node *list, *available;
    struct seen cluster;
    int64_t seconds, until;

    if (!reconcile_get(run, KIND_ID_CLUSTER, "", run->name, &cluster) ||
        meta_is_deleting(cluster.node))
        return 0;
    list = meta_conditions(cluster.node);
    available = meta_condition_find(list, META_CONDITION_CLUSTER_AVAILABLE);
    if (settle_lease(run, cluster.node, err) < 0)
        return -1;
    seconds = judged_seconds(cluster.node,
                             reconcile_read(run, KIND_ID_LEASE, run->name, META_LEASE_CLUSTER));
    until = find_last_heard(run) + clock_seconds(GRACE * seconds);
    if (available && run->now >= until) {
        struct meta_condition silent = {
            META_CONDITION_CLUSTER_AVAILABLE,
            "Unknown",
            STOPPED,
            arena_printf(run->arena,
                         "the spoke has not renewed its lease for "
                         "%lld s; what runs there is not changed",
                         (long long)(GRACE * seconds)),
        };

        if (set_available(run, &cluster, &silent, err) < 0)
            return -1;
    } else if (available) {
        if (!strcmp(node_get_text(available, "reason"), STOPPED)) {
            struct meta_condition back = {META_CONDITION_CLUSTER_AVAILABLE, "True",
                                          "ManagedClusterAvailable",
                                          "the spoke renews its lease again"};

            if (set_available(run, &cluster, &back, err) < 0)
                return -1;
        }
        reconcile_wake_at(run, until + CLOCK_MS);
        /* Renewals wake no controller: the next one may be judged by a shorter duration. */
        reconcile_wake_at(run,
                          run->now + clock_seconds(GRACE * lease_seconds(cluster.node)) + CLOCK_MS);
    }
    return set_taints(run, &cluster, err);
}

/* A renewal matters only to a cluster that was given up; the others' timers
   look for themselves. */
static void map_lease(struct controllers *all, const struct controller *to,
                      const struct object *before, const struct object *after)
{
    scoped_object struct object *cluster = NULL;

    if (!after || strcmp(after->name, META_LEASE_CLUSTER))
        return;
    cluster = objects_get(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_CLUSTER], "",
                          after->namespace, NULL);
    if (cluster && memmem(cluster->body, cluster->len, STOPPED, strlen(STOPPED)))
        controllers_wake(all, to, "", after->namespace);
}

const struct controller controller_liveness = {
    .name = "liveness",
    .run = reconcile_liveness,
    .about = KIND_ID_CLUSTER,
    .condition = "LivenessReconciled",
    .sources = {{KIND_ID_CLUSTER, NULL}, {KIND_ID_LEASE, map_lease}},
    .source_count = 2,
};
