/* SPDX-License-Identifier: Apache-2.0 */
/* Gives each watch the changes that it asked for, in order, from its revision on. */

#include "objects/keeper.h"

#include "base/clock.h"
#include "base/object.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "query/query.h"

#include <string.h>

#define WATCH_TAG 0x77617463u
#define QUIET_ENOUGH (25 * CLOCK_SECOND)
/* How many watches are told in one turn of the loop: 5 to 10 ms with TLS. */
#define READY_AT_ONCE 512

struct objects_watch {
    uint32_t tag;
    struct keeper *keeper;
    struct table *table;
    struct objects_query query; /* strings and selectors owned by `arena` */
    struct arena *arena;
    objects_ready_fn *ready;
    void *arg;
    struct object **initial; /* owned */
    size_t initial_count, initial_at;
    bool mark_end, bookmarks;
    struct change *upcoming; /* NULL: everything has been taken */
    bool expired, ended, called, bookmark_due;
    int64_t revision;  /* of the last event that was taken */
    int64_t last_told; /* steady */
    bool queued;       /* in the keeper's queue of those whose `ready` is due */
    TAILQ_ENTRY(objects_watch) due;
    struct objects_watch *next, **back;
};

static void leave_queue(struct objects_watch *watch)
{
    if (watch->queued)
        TAILQ_REMOVE(&watch->keeper->due_watches, watch, due);
    watch->queued = false;
}

/* A change that thousands watch is told to some of them in each turn of the loop, so
   that requests are answered in between. `ready` may end any watch. */
void watches_call_ready(void *arg)
{
    struct keeper *keeper = object_from(keeper, KEEPER_TAG, arg);
    struct objects_watch *watch;

    for (int i = 0; i < READY_AT_ONCE && (watch = TAILQ_FIRST(&keeper->due_watches)); i++) {
        leave_queue(watch);
        watch->ready(watch->arg);
    }
    if (!TAILQ_EMPTY(&keeper->due_watches))
        loop_timer_set(keeper->ready_timer, 0);
}

/* Calls `ready` once until the watch is drained, from a timer: watches are told of a
   change in the middle of a commit, where no caller may run. */
static void call_ready(struct objects_watch *watch)
{
    struct keeper *keeper = watch->keeper;

    if (watch->called || !watch->ready || !keeper->ready_timer)
        return;
    watch->called = true;
    /* A watch may be drained before its turn comes: then it has its place already. */
    if (watch->queued)
        return;
    watch->queued = true;
    TAILQ_INSERT_TAIL(&keeper->due_watches, watch, due);
    if (!loop_timer_is_set(keeper->ready_timer))
        loop_timer_set(keeper->ready_timer, 0);
}

static bool is_for(const struct objects_watch *watch, const struct change *change)
{
    const char *namespace = watch->query.namespace;
    const struct object *object = change->after ? change->after : change->last;

    return !*namespace || !strcmp(namespace, object->namespace);
}

static void wait_for_change(struct objects_watch *watch, struct change *change)
{
    watch->upcoming = change;
    if (change)
        change->waiting++;
}

void watches_wake(struct table *table, struct change *change)
{
    for (struct objects_watch *watch = table->watches; watch; watch = watch->next) {
        if (watch->upcoming || watch->expired || !is_for(watch, change))
            continue;
        wait_for_change(watch, change);
        call_ready(watch);
    }
}

void watches_expire(struct change *change)
{
    for (struct objects_watch *watch = change->table->watches; watch; watch = watch->next) {
        if (watch->upcoming != change)
            continue;
        watch->upcoming = NULL;
        watch->expired = true;
        call_ready(watch);
    }
}

void objects_watch_bookmark(struct objects_watch *watch)
{
    watch->bookmark_due = true;
    call_ready(watch);
}

void watches_bookmark(struct keeper *keeper)
{
    int64_t now = clock_steady();

    for (size_t i = 0; i < keeper->table_count; i++)
        for (struct objects_watch *watch = keeper->all[i]->watches; watch; watch = watch->next) {
            if (!watch->bookmarks || watch->upcoming || watch->expired ||
                now - watch->last_told < QUIET_ENOUGH)
                continue;
            watch->bookmark_due = true;
            call_ready(watch);
        }
}

/* ---- Opening ------------------------------------------------------------ */

static void copy_query(struct objects_watch *watch, const struct objects_query *query)
{
    watch->arena = arena_new();
    watch->query = (struct objects_query){
        .kind = query->kind,
        .namespace = arena_string(watch->arena, query->namespace ? query->namespace : ""),
        .name = arena_string(watch->arena, query->name ? query->name : ""),
    };
    if (query->labels)
        watch->query.labels = selector_copy(watch->arena, query->labels);
    if (query->fields)
        watch->query.fields = selector_copy(watch->arena, query->fields);
}

static void take_initial(struct objects_watch *watch)
{
    const struct table *table = watch->table;
    const char *namespace = watch->query.namespace;
    scoped_arena struct arena *arena = arena_new();
    size_t at = table_seek(table, namespace, ""), room = 0;

    for (; at < table->count; at++) {
        struct object *object = table->items[at];

        if (*namespace && strcmp(object->namespace, namespace))
            break;
        if (!read_matches(arena, &watch->query, object))
            continue;
        if (watch->initial_count == room) {
            room = room ? room * 2 : 16;
            watch->initial = mem_resize_array(watch->initial, room, sizeof(*watch->initial));
        }
        watch->initial[watch->initial_count++] = object_hold(object);
    }
}

static int start_at(struct objects_watch *watch, const char *text, struct err *err)
{
    struct keeper *keeper = watch->keeper;
    struct change *change = watch->table->first;
    long long since = 0;

    if (!text_to_int(text, &since) || since < 0)
        return err_set(err, ERR_OTHER,
                       "resourceVersion: Invalid value: \"%s\": "
                       "strconv.ParseUint: parsing \"%s\": invalid syntax",
                       text, text);
    if (since > keeper->revision && revisions_saw_ahead(keeper, since))
        return err_set(err, ERR_TIMEOUT, "Too large resource version: %lld, current: %lld", since,
                       (long long)keeper->revision);
    if (since < keeper->forgotten || revisions_space_went(keeper, watch->query.namespace, since))
        return err_set(err, ERR_GONE, "too old resource version: %lld (%lld)", since,
                       (long long)keeper->forgotten);
    /* Most of those who come back have seen everything, and the window is long. */
    if (change && watch->table->last->revision <= since)
        change = NULL;
    while (change && (change->revision <= since || !is_for(watch, change)))
        change = change->next_here;
    wait_for_change(watch, change);
    watch->revision = since;
    return 0;
}

struct objects_watch *objects_watch(struct objects *objects,
                                    const struct objects_watch_options *options,
                                    objects_ready_fn *ready, void *arg, struct err *err)
{
    struct keeper *keeper = &objects->keeper;
    struct table *table = table_of(keeper, options->query.kind);
    struct objects_watch *watch = mem_alloc(sizeof(*watch));
    const char *since = options->query.revision;
    bool initial = options->initial || !since || !*since || text_same(since, "0");

    *watch = (struct objects_watch){
        .tag = WATCH_TAG,
        .keeper = keeper,
        .table = table,
        .ready = ready,
        .arg = arg,
        .mark_end = options->mark_end,
        .bookmarks = options->bookmarks,
        .revision = keeper->revision,
        .last_told = clock_steady(),
    };
    copy_query(watch, &options->query);
    watch->next = table->watches;
    watch->back = &table->watches;
    if (watch->next)
        watch->next->back = &watch->next;
    table->watches = watch;
    if (initial) {
        take_initial(watch);
    } else if (start_at(watch, since, err) < 0) {
        objects_unwatch(&watch);
        return NULL;
    }
    if (watch->initial_count || watch->mark_end || watch->upcoming)
        call_ready(watch);
    return watch;
}

void objects_unwatch(struct objects_watch **pointer)
{
    struct objects_watch *watch = *pointer;

    if (!watch)
        return;
    if (watch->upcoming)
        watch->upcoming->waiting--;
    *watch->back = watch->next;
    if (watch->next)
        watch->next->back = watch->back;
    for (; watch->initial_at < watch->initial_count; watch->initial_at++)
        object_drop(&watch->initial[watch->initial_at]);
    mem_free(&watch->initial);
    leave_queue(watch);
    arena_free(&watch->arena);
    watch->tag = 0;
    mem_free(pointer);
}

/* ---- Taking ------------------------------------------------------------- */

static bool has_selector(const struct objects_watch *watch)
{
    return watch->query.labels || watch->query.fields;
}

/* The object of a DELETED event for an object that left the selection: its last state
   in the selection, since the new state may be one that the watch must not see. */
static struct object *last_selected(const struct change *change, struct arena *arena)
{
    const struct object *before = change->before;

    return object_make(arena, before->kind, object_read(arena, before), change->revision);
}

/*
 * Makes the event of a change: whether the object was in the selection and is in it
 * now decides its type. False if there is none. `ret_lost`: the state before the
 * change has left the log, so whether it was in the selection is not known.
 */
static bool judge_change(const struct objects_watch *watch, const struct change *change,
                         struct objects_event *ret, bool *ret_lost)
{
    scoped_arena struct arena *arena = arena_new();
    const struct object *subject = change->after ? change->after : change->last;
    bool is = change->after && read_matches(arena, &watch->query, change->after);
    bool was;

    if (!change->unknown)
        was = change->before && read_matches(arena, &watch->query, change->before);
    else if (!change->after || is)
        was = read_matches(arena, &watch->query, subject);
    else
        was = has_selector(watch) &&
              (!*watch->query.name || !strcmp(watch->query.name, subject->name));
    if (!is && !was)
        return false;
    *ret_lost = !is && change->after && change->unknown;
    if (*ret_lost)
        return false;
    ret->type = !was ? OBJECTS_ADDED : is ? OBJECTS_MODIFIED : OBJECTS_DELETED;
    ret->object = ret->type == OBJECTS_DELETED && change->after ? last_selected(change, arena)
                                                                : object_hold(subject);
    ret->revision = change->revision;
    return true;
}

/* Advances to the next change that the watch selects by namespace. */
static void step_watch(struct objects_watch *watch)
{
    struct change *change = watch->upcoming;

    change->waiting--;
    watch->revision = change->revision;
    change = change->next_here;
    while (change && !is_for(watch, change))
        change = change->next_here;
    watch->upcoming = NULL;
    wait_for_change(watch, change);
}

static bool give_event(struct objects_watch *watch, enum objects_event_type type,
                       struct objects_event *ret)
{
    *ret = (struct objects_event){.type = type, .revision = watch->revision};
    return true;
}

/* An event was lost: the client has to list again. */
static bool expire_watch(struct objects_watch *watch, struct objects_event *ret)
{
    if (watch->upcoming)
        watch->upcoming->waiting--;
    watch->upcoming = NULL;
    watch->expired = watch->ended = true;
    return give_event(watch, OBJECTS_EXPIRED, ret);
}

static bool take_next_event(struct objects_watch *watch, struct objects_event *ret)
{
    if (watch->initial_at < watch->initial_count) {
        struct object *object = watch->initial[watch->initial_at++];

        *ret = (struct objects_event){OBJECTS_ADDED, object, object->revision};
        return true;
    }
    if (watch->mark_end) {
        watch->mark_end = false;
        return give_event(watch, OBJECTS_INITIAL_END, ret);
    }
    if (watch->expired) {
        if (watch->ended)
            return false;
        watch->ended = true;
        return give_event(watch, OBJECTS_EXPIRED, ret);
    }
    while (watch->upcoming) {
        struct objects_event event = {0};
        bool lost = false, found = judge_change(watch, watch->upcoming, &event, &lost);

        step_watch(watch);
        if (lost)
            return expire_watch(watch, ret);
        if (!found)
            continue;
        *ret = event;
        return true;
    }
    /* All changes up to the published revision have been taken or were not selected. */
    if (watch->keeper->revision > watch->revision)
        watch->revision = watch->keeper->revision;
    if (watch->bookmark_due) {
        watch->bookmark_due = false;
        return give_event(watch, OBJECTS_BOOKMARK, ret);
    }
    return false;
}

bool objects_watch_next(struct objects_watch *watch, struct objects_event *ret)
{
    if (take_next_event(watch, ret)) {
        watch->last_told = clock_steady();
        return true;
    }
    watch->called = false;
    return false;
}
