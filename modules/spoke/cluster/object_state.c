/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers what a manifest does not say: the template before a rollout, and a Job's end. */

#include "cluster/object.h"

#include "base/log.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

/* ---- Revisions in memory ---------------------------------------------------------- */

static struct object_revision *revision_new(const char *hash, const struct node *template)
{
    struct object_revision *revision = mem_alloc(sizeof *revision);

    revision->template = document_intern(template);
    snprintf(revision->hash, sizeof revision->hash, "%s", hash);
    return revision;
}

static void revision_drop(struct object_revision **revision)
{
    if (!*revision)
        return;
    document_release(&(*revision)->template);
    mem_free(&(*revision)->taken);
    mem_free(revision);
}

void revision_free(struct cluster_object *object)
{
    revision_drop(&object->now);
    revision_drop(&object->former);
    mem_free(&object->past);
}

static void forget_taken(struct object_revision *former)
{
    mem_free(&former->taken);
    former->taken = mem_alloc(PLAN_INDEXES * sizeof *former->taken);
}

static bool has_revisions(const struct cluster_object *object)
{
    return object->row &&
           (object->row->role == MANIFEST_DEPLOYMENT || object->row->role == MANIFEST_STATEFUL);
}

/* All of the object's pods are of the present template, and as many as were wanted: that template
   was rolled out, whether or not each pod is well at this moment. */
static bool is_rolled_out(const struct cluster_object *object)
{
    struct pod **pods = mem_alloc(OBJECT_PODS * sizeof(struct pod *));
    size_t count = object_pods(object, pods, OBJECT_PODS);
    int there = 0;
    bool all = true;

    for (size_t i = 0; i < count; i++) {
        all &= pods_is_leaving(pods[i]) || !strcmp(pods[i]->hash, object->hash);
        there += !pods_is_leaving(pods[i]);
    }
    mem_free(&pods);
    return object->replicas > 0 && (object->settled || (all && there >= object->replicas));
}

/* The template that was rolled out last becomes the former one, from which lost pods are made anew
   until the rollout of the new template is over. */
void revision_change(struct cluster_object *object, const char *hash)
{
    bool before = object->former != NULL;

    if (has_revisions(object) && object->now && is_rolled_out(object)) {
        revision_drop(&object->former);
        object->former = take(object->now);
        object->former->replicas = object->replicas;
    }
    if (object->former) {
        forget_taken(object->former);
        if (!strcmp(object->former->hash, hash))
            revision_drop(&object->former); /* a rollback: it is the present one again */
    }
    revision_drop(&object->now);
    if (has_revisions(object))
        object->now = revision_new(hash, object->template);
    object->settled = false;
    if (before || object->former)
        state_keep(object, NULL, NULL);
}

void revision_settle(struct cluster_object *object)
{
    object->settled = true;
    if (!object->former)
        return;
    revision_drop(&object->former);
    state_keep(object, NULL, NULL);
}

/* ---- On the disk -------------------------------------------------------------------- */

static void write_run(struct arena *arena, struct node *row, const struct object_run *run)
{
    struct node *node = node_make(arena, row, "run");

    node_set_int(arena, node, "started", run->started / 1000);
    if (!run->ended)
        return;
    node_set_bool(arena, node, "ended", true);
    node_set_bool(arena, node, "complete", run->complete);
    node_set_bool(arena, node, "tidied", run->tidied);
    node_set_int(arena, node, "finished", run->finished / 1000);
    node_set_int(arena, node, "succeeded", run->succeeded);
    node_set_int(arena, node, "failed", run->failed);
    node_set_text(arena, node, "reason", run->why.reason);
    node_set_text(arena, node, "message", run->why.message);
}

static void write_former(struct arena *arena, struct node *row,
                         const struct object_revision *former)
{
    struct node *node = node_make(arena, row, "former"), *taken;

    node_set_text(arena, node, "hash", former->hash);
    node_set_int(arena, node, "replicas", former->replicas);
    node_set(arena, node, "template", (struct node *)former->template);
    taken = node_make_list(arena, node, "taken");
    for (int i = 0; i < PLAN_INDEXES; i++)
        if (former->taken[i])
            node_add(arena, taken, node_int(arena, i));
}

static void write_losses(struct arena *arena, struct node *row, const struct cluster_object *object)
{
    struct node *node = node_make(arena, row, "losses");

    node_set_int(arena, node, "count", object->losses);
    node_set_int(arena, node, "last", object->lost / 1000);
    node_set_text(arena, node, "reason", object->lost_why->reason);
    node_set_text(arena, node, "message", object->lost_why->message);
}

/* Failures by index as {"INDEX": failures}, since most indexes have none. */
static void write_past(struct arena *arena, struct node *row, const struct object_past *past)
{
    struct node *node = node_make(arena, row, "past"), *of = node_make(arena, node, "of");

    node_set_int(arena, node, "pods", past->sum.pods);
    node_set_int(arena, node, "failures", past->sum.failures);
    node_set_int(arena, node, "until", past->until / 1000);
    for (int i = 0; i < PLAN_INDEXES; i++)
        if (past->sum.of[i])
            node_set_int(arena, of, arena_printf(arena, "%d", i), past->sum.of[i]);
}

static void on_state_kept(void *arg, const struct err *err)
{
    if (err && err->code)
        log_warn("cluster", "what is known of a workload cannot be kept: %s", err->text);
}

/* An object with nothing to remember has no row. */
void state_keep(struct cluster_object *object, cluster_kept_fn *done, void *arg)
{
    const struct cluster_keep *keep = &object->cluster->options.keep;
    scoped_mem char *name = mem_printf(STATE_ROW "%s", object->key);
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text out = {0};
    struct node *row = node_map(arena);

    if (object->run.started || object->run.ended || object->former || object->losses) {
        node_set_text(arena, row, "hash", object->hash);
        if (object->run.started || object->run.ended)
            write_run(arena, row, &object->run);
        if (object->past)
            write_past(arena, row, object->past);
        if (object->losses)
            write_losses(arena, row, object);
        if (object->former)
            write_former(arena, row, object->former);
        document_write_json(&out, row);
        keep->put(keep->arg, name, out.bytes, out.len);
        object->stateful = true;
    } else if (object->stateful) {
        keep->remove(keep->arg, name);
        object->stateful = false;
    } else if (!done) {
        return;
    }
    keep->commit(keep->arg, done ? done : on_state_kept, arg);
}

/* Only staged and committed: nothing waits for a removal. */
void state_forget(struct cluster_object *object)
{
    const struct cluster_keep *keep = &object->cluster->options.keep;
    scoped_mem char *name = mem_printf(STATE_ROW "%s", object->key);

    if (!object->stateful)
        return;
    object->stateful = false;
    keep->remove(keep->arg, name);
    keep->commit(keep->arg, on_state_kept, NULL);
}

/* ---- And back ------------------------------------------------------------------------- */

static void load_run(struct object_run *run, const struct node *node)
{
    *run = (struct object_run){
        .started = number_get(node, "started", NUMBER_MICROS, 0) * 1000,
        .finished = number_get(node, "finished", NUMBER_MICROS, 0) * 1000,
        .ended = node_get_bool(node, "ended", false),
        .complete = node_get_bool(node, "complete", false),
        .tidied = node_get_bool(node, "tidied", false),
        .succeeded = number_as_int(node, "succeeded", NUMBER_COUNT, 0),
        .failed = number_as_int(node, "failed", NUMBER_COUNT, 0),
    };
    run->kept = run->ended;
    manifest_why_set(&run->why, node_get_text(node, "reason"), "%.390s",
                     node_get_text(node, "message"));
}

/* A program before kept the status of a Job whose pods it had removed. */
static void load_status(struct object_run *run, const struct node *status)
{
    const struct node *condition = node_item(node_get(status, "conditions"), 0);

    *run = (struct object_run){
        .ended = true,
        .kept = true,
        .tidied = true,
        .complete = !strcmp(node_get_text(condition, "type"), "Complete"),
        .succeeded = number_as_int(status, "succeeded", NUMBER_COUNT, 0),
        .failed = number_as_int(status, "failed", NUMBER_COUNT, 0),
    };
    manifest_why_set(&run->why, node_get_text(condition, "reason"), "%.390s",
                     node_get_text(condition, "message"));
}

static void load_former(struct cluster_object *object, const struct node *node)
{
    const struct node *taken = node_get(node, "taken");

    revision_drop(&object->former);
    object->former = revision_new(node_get_text(node, "hash"), node_get(node, "template"));
    object->former->replicas = number_as_int(node, "replicas", NUMBER_COUNT, 0);
    forget_taken(object->former);
    for (size_t i = 0; i < node_count(taken); i++) {
        int64_t ordinal = number_value(node_item(taken, i), NUMBER_COUNT, PLAN_INDEXES);

        if (ordinal < PLAN_INDEXES)
            object->former->taken[ordinal] = true;
    }
}

static void load_losses(struct cluster_object *object, const struct node *node)
{
    object->losses = (unsigned)number_as_int(node, "count", NUMBER_COUNT, 0);
    object->lost = number_get(node, "last", NUMBER_MICROS, 0) * 1000;
    if (!object->lost_why)
        object->lost_why = mem_alloc(sizeof *object->lost_why);
    manifest_why_set(object->lost_why, node_get_text(node, "reason"), "%.390s",
                     node_get_text(node, "message"));
}

static struct object_past *load_past(const struct node *node)
{
    struct object_past *past = mem_alloc(sizeof *past);
    const struct node *of = node_get(node, "of");
    long long index;

    past->sum.pods = number_as_int(node, "pods", NUMBER_COUNT, 0);
    past->sum.failures = number_as_int(node, "failures", NUMBER_COUNT, 0);
    past->until = number_get(node, "until", NUMBER_MICROS, 0) * 1000 + 999;
    node_each(each, of) if (text_to_int(each->key, &index) && index >= 0 && index < PLAN_INDEXES)
        past->sum.of[index] = number_as_int(of, each->key, NUMBER_COUNT, 0);
    return past;
}

/* What was kept of another template than the present one means nothing now, except as the former.
 */
void state_load(struct cluster_object *object, const struct node *kept)
{
    const struct node *former = node_get(kept, "former");

    object->stateful = true;
    if (former && has_revisions(object) && node_get(former, "template") &&
        strcmp(node_get_text(former, "hash"), object->hash) != 0)
        load_former(object, former);
    if (strcmp(node_get_text(kept, "hash"), object->hash) != 0)
        return;
    if (node_get(kept, "losses"))
        load_losses(object, node_get(kept, "losses"));
    if (node_get(kept, "past"))
        object->past = load_past(node_get(kept, "past"));
    if (node_get(kept, "run"))
        load_run(&object->run, node_get(kept, "run"));
    else if (node_get(kept, "status"))
        load_status(&object->run, node_get(kept, "status"));
}
