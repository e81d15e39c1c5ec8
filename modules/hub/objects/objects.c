/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes the objects of a hub, and says what they are. */

#include "objects/inside.h"

#include "base/clock.h"
#include "base/object.h"
#include "loop/loop.h"
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define RECENT_BYTES ((size_t)32 << 20)
#define RECENT_COUNT ((size_t)100000)
#define QUIET (25 * CLOCK_SECOND)
#define SLICE (20 * CLOCK_MS)
#define SWEEP (300 * CLOCK_SECOND)
#define EVENT_AGE (3600 * CLOCK_SECOND)

/* ---- Life --------------------------------------------------------------- */

static void on_commit_timer(void *arg)
{
    struct objects *objects = object_from(objects, OBJECTS_TAG, arg);

    if (objects->stage && !objects->committing)
        objects->stage->before_commit(objects->stage_arg);
    objects_commit(objects);
}

static void on_collect_timer(void *arg)
{
    collect_run(object_from(objects, OBJECTS_TAG, arg));
}

static void on_quiet_timer(void *arg)
{
    struct objects *objects = object_from(objects, OBJECTS_TAG, arg);

    watch_quiet(objects);
    snapshots_free(objects, clock_steady());
    if (clock_steady() - objects->swept > SWEEP) {
        objects->swept = clock_steady();
        events_expire(objects);
    }
    /* Trims the log a slice at a time, between requests. */
    loop_timer_set(objects->quiet_timer,
                   store_compact(objects->store) ? SLICE : QUIET);
}

struct objects *objects_open(struct loop *loop, struct store *store,
                             const struct kinds *kinds, struct err *err)
{
    return objects_open_sealed(loop, store, kinds, NULL, err);
}

struct objects *objects_open_sealed(struct loop *loop, struct store *store,
                                    const struct kinds *kinds,
                                    const unsigned char *key, struct err *err)
{
    struct objects *objects = mem_alloc(sizeof(*objects));

    objects->tag = OBJECTS_TAG;
    objects->loop = loop;
    objects->store = store;
    objects->kinds = kinds;
    objects->most_bytes = RECENT_BYTES;
    objects->most_count = RECENT_COUNT;
    objects->event_age = EVENT_AGE;
    objects->has_key = key != NULL;
    if (key)
        memcpy(objects->key, key, sizeof(objects->key));
    objects->tables = map_new();
    objects->staged.end = &objects->staged.first;
    objects->flying.end = &objects->flying.first;
    objects->waiters_end = &objects->waiters;
    tables_make(objects);
    if (loop) {
        objects->commit_timer = loop_timer_new(loop, on_commit_timer, objects);
        objects->collect_timer = loop_timer_new(loop, on_collect_timer, objects);
        objects->quiet_timer = loop_timer_new(loop, on_quiet_timer, objects);
        loop_timer_set(objects->quiet_timer, QUIET);
    }
    collect_open(objects);
    if (objects_load(objects, err) < 0)
        objects_close(&objects);
    return objects;
}

static void pending_free(struct pending *pending)
{
    object_drop(&pending->before);
    object_drop(&pending->after);
    object_drop(&pending->last);
    mem_free(&pending->key);
    mem_free(&pending);
}

void pending_queue_free(struct queue_of_pending *queue)
{
    struct pending *pending;

    while ((pending = queue->first)) {
        queue->first = pending->next;
        pending_free(pending);
    }
    queue->end = &queue->first;
}

static void table_free(struct table *table)
{
    struct rule *rule;
    struct listener *listener;

    assert(!table->watches);
    for (size_t i = 0; i < table->count; i++)
        object_drop(&table->items[i]);
    mem_free(&table->items);
    map_free(&table->staged);
    while ((rule = table->rules)) {
        table->rules = rule->next;
        mem_free(&rule);
    }
    while ((listener = table->listeners)) {
        table->listeners = listener->next;
        mem_free(&listener);
    }
    mem_free(&table);
}

void objects_close(struct objects **pointer)
{
    struct objects *objects = *pointer;
    struct waiter *waiter;

    if (!objects)
        return;
    if (objects->loop) {
        loop_timer_free(&objects->commit_timer);
        loop_timer_free(&objects->collect_timer);
        loop_timer_free(&objects->quiet_timer);
    }
    pending_queue_free(&objects->staged);
    pending_queue_free(&objects->flying);
    while ((waiter = objects->waiters)) {
        objects->waiters = waiter->next;
        mem_free(&waiter);
    }
    while (objects->oldest)
        changes_forget_oldest(objects);
    snapshots_free(objects, INT64_MAX);
    collect_close(objects);
    events_close(objects);
    for (size_t i = 0; i < objects->table_count; i++)
        table_free(objects->all[i]);
    mem_free(&objects->all);
    map_free(&objects->tables);
    ensured_forget(objects);
    explicit_bzero(objects->key, sizeof(objects->key));
    objects->tag = 0;
    mem_free(pointer);
}

const struct kinds *objects_kinds(const struct objects *objects)
{
    return objects->kinds;
}

struct store *objects_store(const struct objects *objects)
{
    return objects->store;
}

int64_t objects_revision(const struct objects *objects)
{
    return objects->revision;
}

static void add_rule(struct table *table, const char *subresource,
                     objects_rule_fn *fn, void *arg)
{
    struct rule **end = &table->rules;
    struct rule *rule = mem_alloc(sizeof(*rule));

    *rule = (struct rule){.fn = fn, .arg = arg, .subresource = subresource};
    while (*end)
        end = &(*end)->next;
    *end = rule;
}

void objects_rule(struct objects *objects, const struct kind *kind,
                  const char *subresource, objects_rule_fn *fn, void *arg)
{
    for (size_t i = 0; i < objects->table_count; i++)
        if (!kind || objects->all[i] == table_of(objects, kind))
            add_rule(objects->all[i], subresource, fn, arg);
}

void objects_on_change(struct objects *objects, const struct kind *kind,
                       objects_change_fn *fn, void *arg)
{
    struct listener **end = &table_of(objects, kind)->listeners;
    struct listener *listener = mem_alloc(sizeof(*listener));

    *listener = (struct listener){.fn = fn, .arg = arg};
    while (*end)
        end = &(*end)->next;
    *end = listener;
}
