/* SPDX-License-Identifier: Apache-2.0 */
/* Brings one ManifestWork from what the hub says to what the cluster has. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "store/store.h"
#include "work/work.h"

#include <stdlib.h>
#include <string.h>

#define KEPT "work"
#define MERGE "application/merge-patch+json"
#define PHASE "axle.dev/phase"
#define OWN "axle.dev/v1alpha1"

static struct work *work_new(struct spoke *spoke, const char *name)
{
    struct work *work = mem_alloc(sizeof *work);

    work->tag = WORK_TAG;
    work->spoke = spoke;
    work->name = mem_copy_string(name);
    work->arena = arena_new();
    work->gathered = arena_new();
    work->backoff = (struct loop_backoff){CLOCK_SECOND, 300 * CLOCK_SECOND, 0};
    map_put(spoke->works, name, work);
    return work;
}

static void work_free(struct work *work)
{
    work->tag = 0;
    loop_timer_free(&work->retry);
    arena_free(&work->arena);
    arena_free(&work->gathered);
    free(work->trouble_reason);
    free(work->trouble);
    free(work->sent_work);
    free(work->sent_workload);
    free(work->name);
    free(work);
}

void works_free(struct spoke *spoke)
{
    struct work *work;
    size_t at = 0;

    while (spoke->works && (work = map_next(spoke->works, &at, NULL)))
        work_free(work);
}

static struct store_key row_key(const struct work *work)
{
    return (struct store_key){KEPT, "", work->name};
}

/* ---- Facts of the object --------------------------------------------------- */

static void set_object(struct work *work, const struct node *object)
{
    struct arena *arena = arena_new();
    const struct node *metadata;

    work->object = node_copy(arena, object);
    arena_free(&work->arena);
    work->arena = arena;
    metadata = node_get(work->object, "metadata");
    work->generation = node_get_int(metadata, "generation", 0);
    work->deleting = node_get(metadata, "deletionTimestamp") != NULL;
}

static const struct node *manifests_of(const struct work *work)
{
    return node_at(work->object, "spec", "workload", "manifests", NULL);
}

static bool is_workload(const struct node *manifest)
{
    return strcmp(node_get_text(manifest, "kind"), "Workload") == 0 &&
           strcmp(node_get_text(manifest, "apiVersion"), OWN) == 0;
}

static void set_trouble(struct work *work, const char *reason,
                        const char *message)
{
    mem_free(&work->trouble_reason);
    mem_free(&work->trouble);
    if (!reason)
        return;
    work->trouble_reason = mem_copy_string(reason);
    work->trouble = mem_copy_string(message);
}

/* ---- Trying again ----------------------------------------------------------- */

static void work_begin(struct work *work);

static void on_retry(void *arg)
{
    work_begin(object_from(work, WORK_TAG, arg));
}

void work_retry_later(struct work *work, const char *reason, const char *message)
{
    set_trouble(work, reason, message);
    log_warn("spoke", "%s: %s", work->name, message);
    if (!work->retry)
        work->retry = loop_timer_new(work->spoke->loop, on_retry, work);
    loop_timer_set(work->retry,
                   CLOCK_SECOND + loop_backoff_next(&work->backoff));
    report_work(work);
}

/* ---- Secrets that the hub gives out ----------------------------------------- */

struct secret_ask {
    struct spoke *spoke;
    char *work; /* owned */
    unsigned turn;
};

static void on_secret(void *arg, int status, const struct http_answer *answer,
                      const struct err *err)
{
    struct secret_ask *ask = arg;
    struct work *work = map_get(ask->spoke->works, ask->work);
    bool wanted = work && work->turn == ask->turn;
    struct err why = {0};

    free(ask->work);
    free(ask);
    if (!wanted)
        return;
    work->waiting--;
    if (status != 200) {
        link_explain(status, answer, err, &why);
        work_retry_later(work, "SecretFetchFailed", why.text);
        return;
    }
    node_add(work->gathered, work->secrets,
             document_read_json(work->gathered, answer->body, answer->len,
                                &document_limits_own, &why));
    work_proceed(work);
}

static void fetch_secrets(struct work *work, const struct node *spec)
{
    const struct node *refs = node_get(spec, "secretRefs");

    for (size_t i = 0; i < node_count(refs); i++) {
        const struct node *ref = node_item(refs, i);
        const char *space = node_get_text(ref, "namespace");
        struct secret_ask *ask = mem_alloc(sizeof *ask);
        scoped_mem char *target = mem_printf(
            "/api/v1/namespaces/%s/secrets/%s",
            *space ? space : node_get_text(spec, "targetNamespace"),
            node_get_text(ref, "name"));

        *ask = (struct secret_ask){work->spoke, mem_copy_string(work->name),
                                   work->turn};
        work->waiting++;
        link_send(work->spoke, "GET", target, NULL, NULL, on_secret, ask);
    }
}

/* ---- Applying --------------------------------------------------------------- */

struct gathering {
    struct work *work;
    struct arena *arena;
    struct cluster_manifest *items;
    size_t count, room;
    const struct node *facts;
    struct err *err;
};

static int add_item(struct gathering *to, const struct node *object,
                    const char *space)
{
    struct node *used = node_map(to->arena);
    struct node *bound =
        work_bind(to->arena, object, to->facts, used, to->err);
    struct node *metadata;

    if (!bound)
        return -1;
    if (to->count == to->room) {
        to->room = to->room ? to->room * 2 : 16;
        to->items = mem_resize_array(to->items, to->room, sizeof *to->items);
    }
    metadata = node_get(bound, "metadata");
    if (*space && strcmp(node_get_text(bound, "kind"), "Namespace") != 0 &&
        !*node_get_text(metadata, "namespace")) {
        bound = node_copy(to->arena, bound);
        node_set_text(to->arena, node_make(to->arena, bound, "metadata"),
                      "namespace", space);
    }
    to->items[to->count++] = (struct cluster_manifest){
        .object = bound,
        .phase = (int)strtol(node_text(node_at(metadata, "annotations", PHASE,
                                               NULL)), NULL, 10)};
    return 0;
}

static int add_workload(struct gathering *to, const struct node *workload)
{
    const struct node *spec = node_get(workload, "spec");
    const char *space = node_get_text(spec, "targetNamespace");
    struct node *objects = bundle_manifests(
        to->work->spoke, to->arena,
        node_get_text(node_get(spec, "artifact"), "digest"), to->err);

    if (!objects)
        return -1;
    for (size_t i = 0; i < node_count(to->work->secrets); i++) {
        struct node *secret = node_copy(to->arena, node_item(to->work->secrets, i));

        node_set_text(to->arena, node_make(to->arena, secret, "metadata"),
                      "namespace", space);
        if (add_item(to, secret, space) < 0)
            return -1;
    }
    for (size_t i = 0; i < node_count(objects); i++) {
        if (add_item(to, node_item(objects, i), space) < 0)
            return -1;
    }
    return 0;
}

/* What `${spoke.NAME}` may name here. */
static const struct node *spoke_facts(struct work *work, struct arena *arena)
{
    struct node *facts = node_map(arena);

    node_set_text(arena, facts, "name", work->spoke->name);
    node_set_text(arena, facts, "address", work->spoke->address);
    return facts;
}

static int gather(struct gathering *to)
{
    const struct node *manifests = manifests_of(to->work);

    for (size_t i = 0; i < node_count(manifests); i++) {
        const struct node *manifest = node_item(manifests, i);

        if ((is_workload(manifest) ? add_workload(to, manifest)
                                   : add_item(to, manifest, "")) < 0)
            return -1;
    }
    return 0;
}

static void mark_orphans(struct gathering *to)
{
    const struct node *option = node_at(to->work->object, "spec", "deleteOption",
                                        NULL);

    for (size_t i = 0; i < to->count; i++) {
        const struct node *object = to->items[i].object;
        const struct node *metadata = node_get(object, "metadata");
        struct work_resource resource = {
            "", "", "", node_get_text(metadata, "namespace"),
            node_get_text(metadata, "name")};

        if (strcmp(node_get_text(object, "kind"), "Namespace") == 0)
            resource.resource = "namespaces";
        to->items[i].orphan = !work_owns(option, &resource);
    }
}

static void work_apply(struct work *work)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text json = {0};
    struct err err = {0};
    struct gathering to = {.work = work, .arena = arena, .err = &err};
    struct store_key key = row_key(work);

    to.facts = spoke_facts(work, arena);
    if (gather(&to) < 0) {
        free(to.items);
        work_retry_later(work, "ManifestInvalid", err.text);
        return;
    }
    mark_orphans(&to);
    document_write_json(&json, work->object);
    store_put(work->spoke->store, &key, json.bytes, json.len);
    cluster_apply(work->spoke->cluster,
                  &(struct cluster_set){.owner = work->name, .items = to.items,
                                        .count = to.count});
    free(to.items);
    set_trouble(work, NULL, NULL);
    loop_backoff_reset(&work->backoff);
    work->applied = true;
    report_work(work);
}

/* Fetches what is not here; with everything here it applies at once. */
static void work_begin(struct work *work)
{
    const struct node *manifests = manifests_of(work);

    work->turn++;
    work->waiting = 0;
    arena_free(&work->gathered);
    work->gathered = arena_new();
    work->secrets = node_list(work->gathered);
    for (size_t i = 0; i < node_count(manifests); i++) {
        const struct node *spec = node_get(node_item(manifests, i), "spec");
        const struct node *artifact = node_get(spec, "artifact");
        const char *digest = node_get_text(artifact, "digest");
        scoped_arena struct arena *arena = arena_new();
        struct err err = {0};

        if (!is_workload(node_item(manifests, i)))
            continue;
        if (!bundle_manifests(work->spoke, arena, digest, &err) &&
            err.code == ERR_NOT_FOUND)
            bundle_fetch(work, node_get_text(artifact, "reference"), digest);
        fetch_secrets(work, spec);
    }
    work_proceed(work);
}

/* ---- Leaving ----------------------------------------------------------------- */

static void on_finalized(void *arg, int status, const struct http_answer *answer,
                         const struct err *err)
{
    struct err why = {0};

    if (status == 200 || status == 404)
        return;
    link_explain(status, answer, err, &why);
    log_warn("spoke", "removing a finalizer: %s", why.text);
}

/* Everything of it is gone here: the hub may forget it. */
static void take_finalizer_off(struct work *work)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *target =
        mem_printf("/apis/" WORKS "/namespaces/%s/manifestworks/%s",
                   work->spoke->name, work->name);
    const struct node *old = node_at(work->object, "metadata", "finalizers", NULL);
    struct node *body = node_map(arena);
    struct node *left = node_list(arena);

    for (size_t i = 0; i < node_count(old); i++) {
        if (strcmp(node_text(node_item(old, i)), WORK_FINALIZER) != 0)
            node_add(arena, left, node_item(old, i));
    }
    node_set(arena, node_make(arena, body, "metadata"), "finalizers", left);
    if (work->spoke->http)
        link_send(work->spoke, "PATCH", target, MERGE, body, on_finalized, NULL);
}

static void on_forgotten(void *arg, const struct err *err)
{
    if (err)
        log_warn("spoke", "forgetting a work: %s", err->text);
}

static void finish_leaving(struct work *work)
{
    struct spoke *spoke = work->spoke;
    struct store_key key = row_key(work);

    if (work->object)
        take_finalizer_off(work);
    store_delete(spoke->store, &key, "", 0);
    store_commit(spoke->store, on_forgotten, NULL);
    map_remove(spoke->works, work->name);
    work_free(work);
}

static void leave(struct work *work)
{
    scoped_arena struct arena *arena = arena_new();

    work->turn++;
    work->deleting = true;
    if (!cluster_report(work->spoke->cluster, arena, work->name)) {
        finish_leaving(work);
        return;
    }
    cluster_remove(work->spoke->cluster, work->name);
    report_work(work);
}

/* ---- What may happen to a work ------------------------------------------------ */

/* An answer came, or the cluster has something new to say. */
void work_proceed(struct work *work)
{
    scoped_arena struct arena *arena = NULL;

    if (work->deleting) {
        arena = arena_new();
        if (!cluster_report(work->spoke->cluster, arena, work->name))
            finish_leaving(work);
        else
            report_work(work);
        return;
    }
    if (!work->applied && !work->waiting && !work->trouble)
        work_apply(work);
    else
        report_work(work);
}

void work_take(struct spoke *spoke, const char *name, const struct node *object)
{
    struct work *work = map_get(spoke->works, name);
    int64_t generation = work ? work->generation : -1;

    if (!object) {
        if (work) {
            work->object = NULL;
            leave(work);
        }
        return;
    }
    if (!work)
        work = work_new(spoke, name);
    set_object(work, object);
    if (work->deleting) {
        leave(work);
        return;
    }
    /* Our own status coming back is no news. */
    if (work->generation == generation && (work->applied || work->waiting))
        return;
    work->applied = false;
    set_trouble(work, NULL, NULL);
    work_begin(work);
}

static int on_row(void *arg, const struct store_row *row, struct err *err)
{
    struct spoke *spoke = arg;
    scoped_arena struct arena *arena = NULL;
    struct node *object;
    struct work *work;

    if (strcmp(row->key.kind, KEPT) != 0)
        return 0;
    arena = arena_new();
    object = document_read_json(arena, row->body, row->len, &document_limits_own,
                                err);
    if (!object)
        return -1;
    work = work_new(spoke, row->key.name);
    set_object(work, object);
    /* A row is written with what the cluster keeps, so it has this already. */
    work->applied = true;
    return 0;
}

int works_load(struct spoke *spoke, struct err *err)
{
    return store_each(spoke->store, on_row, spoke, err);
}
