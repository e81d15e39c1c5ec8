/* SPDX-License-Identifier: Apache-2.0 */
/* Stages writes, commits them together, and then publishes them. */

#include "objects/keeper.h"

#include "base/log.h"
#include "base/object.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>

static void free_pending(struct pending_queue *queue)
{
    struct pending *pending;

    while ((pending = queue->first)) {
        queue->first = pending->next;
        object_drop(&pending->before);
        object_drop(&pending->after);
        object_drop(&pending->last);
        mem_free(&pending->key);
        mem_free(&pending);
    }
    queue->end = &queue->first;
}

/* Moves a queue; an empty one's end points into the queue itself. */
static struct pending_queue take_pending(struct pending_queue *queue)
{
    struct pending_queue taken = *queue;

    queue->first = NULL;
    queue->end = &queue->first;
    return taken;
}

void stage_open(struct stage *stage)
{
    stage->staged.end = &stage->staged.first;
    stage->flying.end = &stage->flying.first;
    stage->waiting.end = &stage->waiting.first;
    stage->asking.end = &stage->asking.first;
}

static struct waiter *take_waiters(struct waiters *waiters)
{
    struct waiter *first = waiters->first;

    waiters->first = NULL;
    waiters->end = &waiters->first;
    return first;
}

static void free_waiters(struct waiters *waiters)
{
    struct waiter *waiter, *next = take_waiters(waiters);

    while ((waiter = next)) {
        next = waiter->next;
        mem_free(&waiter);
    }
}

void stage_close(struct stage *stage)
{
    free_pending(&stage->staged);
    free_pending(&stage->flying);
    free_waiters(&stage->waiting);
    free_waiters(&stage->asking);
}

/* ---- Staging ------------------------------------------------------------- */

void objects_follow(struct objects *objects, const struct objects_follower *follower, void *arg)
{
    objects->keeper.stage.follower = follower;
    objects->keeper.stage.follower_arg = arg;
}

static void tell_follower(const struct stage *stage, const struct object *before,
                          const struct object *after, bool published)
{
    if (stage->follower)
        stage->follower->changed(stage->follower_arg, before, after, published);
}

/* While one is under way, its end asks for the next. */
static void want_commit(struct keeper *keeper)
{
    if (keeper->loop && !keeper->stage.committing && !loop_timer_is_set(keeper->commit_timer))
        loop_timer_set(keeper->commit_timer, 0);
}

static void add_pending(struct keeper *keeper, struct table *table, const struct object *subject,
                        struct object *after, struct object *last, int64_t revision)
{
    struct stage *stage = &keeper->stage;
    struct pending *pending = mem_alloc(sizeof(*pending));
    const struct object *before =
        table_find(table, OBJECTS_STAGED, subject->namespace, subject->name);

    pending->table = table;
    pending->key = mem_printf("%s/%s", subject->namespace, subject->name);
    pending->before = before ? object_hold(before) : NULL;
    pending->after = after;
    pending->last = last;
    pending->revision = revision;
    *stage->staged.end = pending;
    stage->staged.end = &pending->next;
    map_put(table->staged, pending->key, pending);
    want_commit(keeper);
    if (pending->before || after)
        tell_follower(stage, pending->before, after, false);
}

struct object *stage_put(struct keeper *keeper, struct table *table, struct arena *arena,
                         struct node *tree)
{
    int64_t revision = store_revision(keeper->store) + 1;
    struct object *after = object_make(arena, table->kind, tree, revision);
    struct store_key key = {table->kind->store_kind, after->namespace, after->name};
    scoped_text struct text sealed = {0};
    size_t len;
    const char *body = encrypt_body(keeper, after, &sealed, &len);
    int64_t given = store_put(keeper->store, &key, body, len);

    assert(given == revision);
    add_pending(keeper, table, after, after, NULL, revision);
    return after;
}

struct object *stage_delete(struct keeper *keeper, struct table *table, struct arena *arena,
                            struct node *tree)
{
    int64_t revision = store_revision(keeper->store) + 1;
    struct object *last = object_make(arena, table->kind, tree, revision);
    struct store_key key = {table->kind->store_kind, last->namespace, last->name};
    scoped_text struct text sealed = {0};
    size_t len;
    const char *body = encrypt_body(keeper, last, &sealed, &len);
    int64_t given = store_delete(keeper->store, &key, body, len);

    assert(given == revision);
    add_pending(keeper, table, last, NULL, last, revision);
    return last;
}

/* ---- Publishing --------------------------------------------------------- */

void objects_on_change(struct objects *objects, const struct kind *kind, objects_change_fn *fn,
                       void *arg)
{
    struct listener **end = &table_of(&objects->keeper, kind)->listeners;
    struct listener *listener = mem_alloc(sizeof(*listener));

    *listener = (struct listener){.fn = fn, .arg = arg};
    while (*end)
        end = &(*end)->next;
    *end = listener;
}

static void tell_listeners(struct table *table, const struct object *before,
                           const struct object *after)
{
    for (struct listener *l = table->listeners; l; l = l->next)
        l->fn(l->arg, before, after);
}

struct object *stage_publish_now(struct keeper *keeper, struct table *table, struct arena *arena,
                                 struct node *tree)
{
    const struct node *metadata = node_get(tree, "metadata");
    const char *namespace = node_get_text(metadata, "namespace");
    const char *name = node_get_text(metadata, "name");
    struct object *old = table_published(table, namespace, name);
    scoped_object struct object *before = object_hold(old);
    struct object *after = object_make(arena, table->kind, tree, before->revision);

    table_set(table, namespace, name, after);
    tell_follower(&keeper->stage, before, after, true);
    tell_listeners(table, before, after);
    return after;
}

static void publish_one(struct pending *pending)
{
    struct table *table = pending->table;
    const struct object *subject = pending->after ? pending->after : pending->last;

    table_set(table, subject->namespace, subject->name,
              pending->after ? object_hold(pending->after) : NULL);
    if (map_get(table->staged, pending->key) == pending)
        map_remove(table->staged, pending->key);
}

static void tell_watches(struct keeper *keeper, struct pending *pending)
{
    struct change *change = changes_remember(
        keeper, (struct change){
                    .table = pending->table,
                    .revision = pending->revision,
                    .before = pending->before ? object_hold(pending->before) : NULL,
                    .after = pending->after ? object_hold(pending->after) : NULL,
                    .last = pending->last ? object_hold(pending->last) : NULL,
                });

    watches_wake(pending->table, change);
}

/*
 * Every change is published before the first watch or listener hears of one, so
 * that all of them see the commit as one step. What a listener writes is staged
 * for the next commit.
 */
static void publish_all(struct keeper *keeper, const struct pending_queue *done)
{
    for (struct pending *p = done->first; p; p = p->next) {
        keeper->revision = p->revision;
        publish_one(p);
    }
    for (struct pending *p = done->first; p; p = p->next)
        tell_watches(keeper, p);
    for (struct pending *p = done->first; p; p = p->next)
        tell_listeners(p->table, p->before, p->after);
}

/* The store drops everything staged when a commit fails, also what was staged since
   the commit began: its revisions will be given to other writes. */
static void drop_staged(struct keeper *keeper)
{
    keeper->stage.dropped++;
    for (size_t i = 0; i < keeper->table_count; i++) {
        map_free(&keeper->all[i]->staged);
        keeper->all[i]->staged = map_new();
    }
    free_pending(&keeper->stage.staged);
}

static void tell_waiters(struct waiter *waiter, const struct err *err)
{
    while (waiter) {
        struct waiter *next = waiter->next;

        waiter->done(waiter->arg, err);
        mem_free(&waiter);
        waiter = next;
    }
}

/*
 * Re-entrant: listeners and waiters may stage, wait and commit. So the queues are
 * taken, and the state is that of no commit, before the first of them is called.
 * What was staged meanwhile is the next commit, or went with this one.
 */
static void on_stage_committed(void *arg, const struct err *err)
{
    struct keeper *keeper = object_from(keeper, KEEPER_TAG, arg);
    struct stage *stage = &keeper->stage;
    struct pending_queue done = take_pending(&stage->flying);
    struct waiter *asking = take_waiters(&stage->asking);
    struct waiter *waiting = err ? take_waiters(&stage->waiting) : NULL;

    stage->committing = false;
    if (err)
        drop_staged(keeper);
    else
        publish_all(keeper, &done);
    free_pending(&done);
    tell_waiters(asking, err);
    tell_waiters(waiting, err);
    if (stage->staged.first || stage->waiting.first)
        want_commit(keeper);
}

/* ---- Committing --------------------------------------------------------- */

static void begin_commit(struct keeper *keeper)
{
    struct stage *stage = &keeper->stage;

    if (stage->committing)
        return;
    if (keeper->commit_timer)
        loop_timer_stop(keeper->commit_timer);
    stage->committing = true;
    stage->flying = take_pending(&stage->staged);
    if (!stage->flying.first)
        stage->flying.end = &stage->flying.first;
    stage->asking = stage->waiting;
    if (!stage->asking.first)
        stage->asking.end = &stage->asking.first;
    take_waiters(&stage->waiting);
    store_commit(keeper->store, on_stage_committed, keeper);
}

void stage_commit_with_follower(struct keeper *keeper)
{
    struct stage *stage = &keeper->stage;

    if (stage->follower && !stage->committing)
        stage->follower->before_commit(stage->follower_arg);
    begin_commit(keeper);
}

/* A commit that is under way has writes of before: what is staged since is another one. */
void objects_commit(struct objects *objects)
{
    struct keeper *keeper = &objects->keeper;

    do {
        begin_commit(keeper);
        store_finish(keeper->store);
    } while (keeper->stage.committing || store_is_staged(keeper->store));
}

void objects_when_durable(struct objects *objects, objects_done_fn *done, void *arg)
{
    struct keeper *keeper = &objects->keeper;
    struct stage *stage = &keeper->stage;
    bool staged = store_is_staged(keeper->store);
    struct waiters *waiters = staged ? &stage->waiting : &stage->asking;
    struct waiter *waiter;

    if (!stage->committing && !staged) {
        done(arg, NULL);
        return;
    }
    waiter = mem_alloc(sizeof(*waiter));
    *waiter = (struct waiter){.done = done, .arg = arg};
    *waiters->end = waiter;
    waiters->end = &waiter->next;
    if (staged)
        want_commit(keeper);
}
