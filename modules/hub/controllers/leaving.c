/* SPDX-License-Identifier: Apache-2.0 */
/* Lets clusters go: their spokes clean up, for a minute; then the hub does. */
#include "controllers/joining.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "base/map.h"
#include "meta/meta.h"

#include <string.h>

#define DRAIN_TIME (60 * CLOCK_SECOND)
#define LOOK_AGAIN (2 * CLOCK_SECOND)

/* ---- Taking away what holds an object back ----------------------------------- */

/* All finalizers, whoever put them there. */
static int take_finalizers(struct reconcile_run *run, const struct kind *kind,
                           const char *namespace, const char *name, struct err *err)
{
    struct node *patch = node_map(run->arena);
    struct objects_result result = {.arena = run->arena};
    struct objects_write write = {
        .who = {"axle-managedcluster", "axle-managedcluster", true},
        .kind = kind,
        .namespace = namespace,
        .name = name,
        .body = patch,
        .patch = OBJECTS_PATCH_MERGE,
        .grace = -1,
    };

    node_set(run->arena, node_make(run->arena, patch, "metadata"), "finalizers",
             node_null(run->arena));
    if (objects_patch(run->objects, &write, &result, err) < 0)
        return err->code == ERR_NOT_FOUND ? 0 : err_wrap(err, "finalizers of %s", name);
    object_drop(&result.object);
    return 0;
}

struct held_back {
    struct arena *arena;
    struct node *names;
};

static void note_held_back(void *arg, const struct object *object)
{
    struct held_back *held = arg;

    if (memmem(object->body, object->len, "\"finalizers\":[", 14))
        node_add(held->arena, held->names, node_string(held->arena, object->name));
}

static int free_kind(struct reconcile_run *run, const struct kind *kind, struct err *err)
{
    struct held_back held = {run->arena, node_list(run->arena)};

    objects_each(run->objects, OBJECTS_STAGED, kind, run->name, note_held_back, &held);
    for (size_t i = 0; i < node_count(held.names); i++) {
        const char *name = node_text(node_item(held.names, i));

        if (reconcile_remove_kind(run, kind, run->name, name, err) < 0 ||
            take_finalizers(run, kind, run->name, name, err) < 0)
            return -1;
    }
    return 0;
}

/* Nothing in the namespace holds it back any more, of whatever kind. */
static int free_namespace(struct reconcile_run *run, struct err *err)
{
    const struct kinds *kinds = objects_kinds(run->objects);
    scoped_map struct map *done = map_new();

    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);

        /* One kind in several versions lies in one place. */
        if (!kind->namespaced || kind->is_question ||
            map_put(done, kind->store_kind, (void *)(uintptr_t)kind))
            continue;
        if (free_kind(run, kind, err) < 0)
            return -1;
    }
    return take_finalizers(run, run->all->kinds[KIND_ID_NAMESPACE], "", run->name, err);
}

/* ---- The steps ------------------------------------------------------------------ */

static int cut_works(struct reconcile_run *run, const struct node *works, bool force,
                     struct err *err)
{
    for (size_t i = 0; i < node_count(works); i++) {
        const char *name = meta_name(node_item(works, i));

        if (reconcile_remove(run, KIND_ID_WORK, run->name, name, err) < 0)
            return -1;
        if (force && reconcile_read(run, KIND_ID_WORK, run->name, name) &&
            take_finalizers(run, run->all->kinds[KIND_ID_WORK], run->name, name, err) < 0)
            return -1;
    }
    return 0;
}

static bool namespace_is_its(struct reconcile_run *run, bool *ret_there)
{
    const struct node *namespace = reconcile_read(run, KIND_ID_NAMESPACE, "", run->name);

    *ret_there = namespace;
    return namespace && !strcmp(meta_label(namespace, META_LABEL_OWNER_KIND), "ManagedCluster");
}

/* ---- The record ----------------------------------------------------------------- */

/* By then the last certificate of it has ended: they live a year at the most. */
#define RECORD_AGE (400 * 24 * 3600 * CLOCK_SECOND)

static int drop_old_records(struct reconcile_run *run, struct err *err)
{
    const struct node *list =
        reconcile_list(run, KIND_ID_CONFIG_MAP, AUTH_RECORDS, META_LABEL_REMOVED_SPOKE, "true");

    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *one = node_item(list, i);
        int64_t removed = 0;

        if (!clock_parse(node_get_text(node_get(one, "data"), "removedAt"), &removed) ||
            run->now - removed < RECORD_AGE)
            continue;
        if (reconcile_remove(run, KIND_ID_CONFIG_MAP, AUTH_RECORDS, meta_name(one), err) < 0)
            return -1;
    }
    return 0;
}

static bool is_lost(const struct node *cluster)
{
    return !strcmp(meta_annotation(cluster, META_ANNOTATION_LOST), "true");
}

/*
 * What the hub says to a spoke that comes back after its end (auth/standing.c). Of a
 * cluster that no certificate was ever signed for there is nothing to say.
 */
static int record_departure(struct reconcile_run *run, const struct node *cluster, struct err *err)
{
    const char *keys = meta_annotation(cluster, META_ANNOTATION_CLIENT_KEYS);
    bool requested = meta_condition_is_true(cluster, META_CONDITION_LEAVE_REQUESTED);
    struct node *record, *data;
    char now[CLOCK_TEXT];

    if (!*keys || !reconcile_read(run, KIND_ID_NAMESPACE, "", AUTH_RECORDS))
        return 0;
    if (drop_old_records(run, err) < 0)
        return -1;
    record = reconcile_new(run, KIND_ID_CONFIG_MAP, AUTH_RECORDS,
                           arena_printf(run->arena, AUTH_RECORD "%s", run->name));
    meta_set_label(run->arena, record, META_LABEL_REMOVED_SPOKE, "true");
    data = node_make(run->arena, record, "data");
    clock_format(run->now, true, now);
    node_set_text(run->arena, data, "cluster", run->name);
    node_set_text(run->arena, data, "uid", meta_uid(cluster));
    node_set_text(run->arena, data, "keys", keys);
    node_set_text(run->arena, data, "reason",
                  is_lost(cluster) ? "Lost"
                  : requested      ? "Left"
                                   : "Removed");
    node_set_text(run->arena, data, "removedAt", now);
    return reconcile_ensure(run, record, NULL, err);
}

/* Its certificate counts for nothing from now on, though others may still hold
   the object back; and the use of its token stays spent. */
static int end_membership(struct reconcile_run *run, struct err *err)
{
    struct node *patch = node_map(run->arena);
    struct seen now;

    if (!reconcile_get(run, KIND_ID_CLUSTER, "", run->name, &now))
        return 0;
    if (joining_note_left(run, now.node, err) < 0 || record_departure(run, now.node, err) < 0)
        return -1;
    if (node_count(node_at(now.node, "metadata", "finalizers", NULL)) > 1 &&
        node_get_bool(node_get(now.node, "spec"), "hubAcceptsClient", false)) {
        node_set_bool(run->arena, node_make(run->arena, patch, "spec"), "hubAcceptsClient", false);
        if (reconcile_patch(run, &now, patch, err) < 0 ||
            !reconcile_get(run, KIND_ID_CLUSTER, "", run->name, &now))
            return -1;
    }
    return reconcile_finalizer(run, &now, META_FINALIZER_CLUSTER, false, err);
}

/* When the deletion began. */
static int64_t leaving_since(const struct reconcile_run *run, const struct node *cluster)
{
    int64_t began = run->now;

    clock_parse(node_get_text(node_get(cluster, "metadata"), "deletionTimestamp"), &began);
    return began;
}

static int wait_for_works(struct reconcile_run *run, const struct seen *cluster, bool silent,
                          int64_t end, size_t *ret_left, struct err *err)
{
    const struct node *works = reconcile_list_own(run, KIND_ID_WORK, run->name, NULL, NULL);
    struct meta_condition condition = {"Deleting", "True", "ResourceRemaining", ""};

    if (node_count(works)) {
        if (cut_works(run, works, silent || run->now >= end, err) < 0)
            return -1;
        works = reconcile_list_own(run, KIND_ID_WORK, run->name, NULL, NULL);
    }
    *ret_left = node_count(works);
    if (!*ret_left)
        return 0;
    condition.message =
        arena_printf(run->arena, "%zu works are being removed by the spoke", *ret_left);
    return joining_set_condition(run, cluster, &condition, err);
}

/*
 * The spoke removes its works, unless it is silent, lost or takes over a minute. After
 * that minute nothing that anybody wrote into the namespace keeps it: nothing new
 * can be made in it, and what is there loses its finalizers, again and again until
 * it is empty.
 */
int leaving_run(struct reconcile_run *run, const struct seen *cluster, struct err *err)
{
    int64_t end = leaving_since(run, cluster->node) + DRAIN_TIME;
    bool silent =
        strcmp(meta_condition_status(cluster->node, META_CONDITION_CLUSTER_AVAILABLE), "True");
    size_t left = 0;
    bool there;

    if (!meta_has_finalizer(cluster->node, META_FINALIZER_CLUSTER))
        return 0;
    if (is_lost(cluster->node))
        end = run->now;
    if (wait_for_works(run, cluster, silent, end, &left, err) < 0)
        return -1;
    if (!left && namespace_is_its(run, &there)) {
        if (reconcile_remove(run, KIND_ID_NAMESPACE, "", run->name, err) < 0)
            return -1;
        if (run->now >= end && free_namespace(run, err) < 0)
            return -1;
    }
    if (left || namespace_is_its(run, &there)) {
        reconcile_wake_at(run, run->now >= end ? run->now + LOOK_AGAIN : end);
        return 0;
    }
    return end_membership(run, err);
}
