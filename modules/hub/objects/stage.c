/* SPDX-License-Identifier: Apache-2.0 */
/* Stages writes, commits them together, and then publishes them. */

#include "objects/inside.h"

#include "base/log.h"
#include "base/object.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>

/* ---- The stage ---------------------------------------------------------- */

void objects_follow_stage(struct objects *objects,
                          const struct objects_stage *stage, void *arg)
{
    objects->stage = stage;
    objects->stage_arg = arg;
}

static void tell_stage(struct objects *objects, const struct object *before,
                       const struct object *after)
{
    if (objects->stage)
        objects->stage->staged(objects->stage_arg, before, after);
}

static void stage_want_commit(struct objects *objects)
{
    if (objects->loop && !loop_timer_is_set(objects->commit_timer))
        loop_timer_set(objects->commit_timer, 0);
}

static void add_pending(struct objects *objects, struct table *table,
                        const struct object *subject, struct object *after,
                        struct object *last, int64_t revision)
{
    struct pending *pending = mem_alloc(sizeof(*pending));
    const struct object *before =
        table_find(table, OBJECTS_STAGED, subject->space, subject->name);

    pending->table = table;
    pending->key = mem_printf("%s/%s", subject->space, subject->name);
    pending->before = before ? object_hold(before) : NULL;
    pending->after = after;
    pending->last = last;
    pending->revision = revision;
    *objects->staged.end = pending;
    objects->staged.end = &pending->next;
    map_put(table->staged, pending->key, pending);
    stage_want_commit(objects);
    if (pending->before || after)
        tell_stage(objects, pending->before, after);
}

struct object *stage_put(struct objects *objects, struct table *table,
                         struct arena *arena, struct node *tree)
{
    int64_t revision = store_revision(objects->store) + 1;
    struct object *after = object_make(arena, table->kind, tree, revision);
    struct store_key key = {table->kind->store_kind, after->space, after->name};
    scoped_text struct text sealed = {0};
    size_t len;
    const char *body = seal_body(objects, after, &sealed, &len);
    int64_t given = store_put(objects->store, &key, body, len);

    assert(given == revision);
    add_pending(objects, table, after, after, NULL, revision);
    return after;
}

struct object *stage_delete(struct objects *objects, struct table *table,
                            struct arena *arena, struct node *tree)
{
    int64_t revision = store_revision(objects->store) + 1;
    struct object *last = object_make(arena, table->kind, tree, revision);
    struct store_key key = {table->kind->store_kind, last->space, last->name};
    scoped_text struct text sealed = {0};
    size_t len;
    const char *body = seal_body(objects, last, &sealed, &len);
    int64_t given = store_delete(objects->store, &key, body, len);

    assert(given == revision);
    add_pending(objects, table, last, NULL, last, revision);
    return last;
}

bool stage_saw_ahead(struct objects *objects, int64_t revision)
{
    objects->ahead_count++;
    if (revision <= objects->ahead)
        return true;
    objects->ahead = revision;
    log_error("objects", "a client has seen revision %lld, and the newest here is %lld: if "
              "it did not make that up, acknowledged writes are lost, as when an older copy "
              "of the database was put in place", (long long)revision,
              (long long)objects->revision);
    return true;
}

int64_t objects_ahead(const struct objects *objects)
{
    return objects->ahead_count;
}

static void tell_listeners(struct table *table, const struct object *before,
                           const struct object *after)
{
    for (struct listener *l = table->listeners; l; l = l->next)
        l->fn(l->arg, before, after);
}

struct object *replace_now(struct objects *objects, struct table *table,
                           struct arena *arena, struct node *tree)
{
    const struct node *metadata = node_get(tree, "metadata");
    const char *space = node_get_text(metadata, "namespace");
    const char *name = node_get_text(metadata, "name");
    struct object *old = table_published(table, space, name);
    scoped_object struct object *before = object_hold(old);
    struct object *after =
        object_make(arena, table->kind, tree, before->revision);

    table_set(table, space, name, after);
    collect_change(objects, before, after);
    tell_listeners(table, before, after);
    return after;
}

/* ---- Publishing --------------------------------------------------------- */

static void publish_one(struct objects *objects, struct pending *pending)
{
    struct table *table = pending->table;
    const struct object *subject = pending->after ? pending->after
                                                  : pending->last;

    table_set(table, subject->space, subject->name,
              pending->after ? object_hold(pending->after) : NULL);
    if (map_get(table->staged, pending->key) == pending)
        map_remove(table->staged, pending->key);
    collect_change(objects, pending->before, pending->after);
}

static void tell_watches(struct objects *objects, struct pending *pending)
{
    struct change *change = changes_remember(
        objects,
        (struct change){
            .table = pending->table,
            .revision = pending->revision,
            .before = pending->before ? object_hold(pending->before) : NULL,
            .after = pending->after ? object_hold(pending->after) : NULL,
            .last = pending->last ? object_hold(pending->last) : NULL,
        });

    watch_wake(pending->table, change);
}

static void stage_tell_waiters(struct objects *objects, struct waiter *waiter,
                         const struct err *err)
{
    while (waiter) {
        struct waiter *next = waiter->next;

        waiter->done(waiter->arg, err);
        mem_free(&waiter);
        waiter = next;
    }
}

static void stage_drop(struct objects *objects)
{
    for (size_t i = 0; i < objects->table_count; i++) {
        map_free(&objects->all[i]->staged);
        objects->all[i]->staged = map_new();
    }
    pending_queue_free(&objects->staged);
}

/*
 * First everything is published, then everybody is told, so that whoever looks
 * sees one step. What they write in turn is staged for the next commit.
 */
static void on_committed(void *arg, const struct err *err)
{
    struct objects *objects = object_from(objects, OBJECTS_TAG, arg);
    struct queue_of_pending done = objects->flying;
    struct waiter *waiters = objects->waiters;

    objects->waiters = NULL;
    objects->waiters_end = &objects->waiters;
    objects->flying.first = NULL;
    objects->flying.end = &objects->flying.first;
    objects->committing = false;
    if (err) {
        ensured_forget(objects);
        stage_drop(objects);
    } else {
        for (struct pending *p = done.first; p; p = p->next) {
            objects->revision = p->revision;
            publish_one(objects, p);
        }
        for (struct pending *p = done.first; p; p = p->next)
            tell_watches(objects, p);
        for (struct pending *p = done.first; p; p = p->next)
            tell_listeners(p->table, p->before, p->after);
    }
    pending_queue_free(&done);
    stage_tell_waiters(objects, waiters, err);
}

void objects_commit(struct objects *objects)
{
    if (objects->committing)
        return;
    if (objects->commit_timer)
        loop_timer_stop(objects->commit_timer);
    objects->committing = true;
    objects->flying = objects->staged;
    if (!objects->flying.first)
        objects->flying.end = &objects->flying.first;
    objects->staged.first = NULL;
    objects->staged.end = &objects->staged.first;
    store_commit(objects->store, on_committed, objects);
    if (objects->loop)
        return;
    collect_run(objects);
    if (store_is_staged(objects->store))
        objects_commit(objects);
}

void objects_when_durable(struct objects *objects, objects_done_fn *done,
                          void *arg)
{
    struct waiter *waiter;

    if (!objects->committing && !store_is_staged(objects->store)) {
        done(arg, NULL);
        return;
    }
    waiter = mem_alloc(sizeof(*waiter));
    *waiter = (struct waiter){.done = done, .arg = arg};
    *objects->waiters_end = waiter;
    objects->waiters_end = &waiter->next;
    stage_want_commit(objects);
}
