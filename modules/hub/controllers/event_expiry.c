/* SPDX-License-Identifier: Apache-2.0 */
/* Deletes Events that are old, and of too many those that nothing was added to for longest. */
#include "controllers/pass.h"
#include "controllers/table.h"

#include "base/clock.h"
#include "objects/objects.h"

#include <stdlib.h>
#include <string.h>

#define EVENT_AGE (3600 * CLOCK_SECOND)
#define PERIOD (300 * CLOCK_SECOND)
/* Events that expired while the hub was down need not delay its start. */
#define FIRST (25 * CLOCK_SECOND)
#define EVENTS_AT_ONCE 2000
#define EVENTS_AT_MOST 20000

/* When the Event happened last, by the first of these fields that says so. */
static int64_t read_last_seen(const struct object *object)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *event = object_read(arena, object);
    const char *const times[] = {node_get_text(node_get(event, "series"), "lastObservedTime"),
                                 node_get_text(event, "lastTimestamp"),
                                 node_get_text(event, "eventTime"),
                                 node_get_text(node_get(event, "metadata"), "creationTimestamp")};
    int64_t when = 0;

    for (size_t i = 0; i < count_of(times); i++)
        if (*times[i] && clock_parse(times[i], &when))
            return when;
    return 0;
}

/* All Events, held, in order of namespace. */
struct all_events {
    struct object **items; /* owned */
    size_t count, room;
};

static void add_event(void *arg, const struct object *object)
{
    struct all_events *all = arg;

    if (all->count == all->room) {
        all->room = all->room ? 2 * all->room : 1024;
        all->items = mem_resize_array(all->items, all->room, sizeof *all->items);
    }
    all->items[all->count++] = object_hold(object);
}

static void free_events(struct all_events *all)
{
    for (size_t i = 0; i < all->count; i++)
        object_drop(&all->items[i]);
    mem_free(&all->items);
}

/* Deletes up to EVENTS_AT_ONCE; where one cannot be deleted, the rest waits as well. */
static void delete_events(struct objects *objects, struct object *const *old, size_t count)
{
    struct err err;

    for (size_t i = 0; i < count && i < EVENTS_AT_ONCE; i++)
        if (objects_remove(objects, "axle-events", old[i]->kind, old[i]->namespace, old[i]->name,
                           &err) < 0)
            return;
}

static int by_revision(const void *a, const void *b)
{
    const struct object *x = *(struct object *const *)a;
    const struct object *y = *(struct object *const *)b;

    return (x->revision > y->revision) - (x->revision < y->revision);
}

/* The namespace with most Events, as a range of the list. */
static void find_fullest(const struct all_events *all, size_t *ret_from, size_t *ret_count)
{
    *ret_from = *ret_count = 0;
    for (size_t from = 0, end; from < all->count; from = end) {
        for (end = from + 1; end < all->count; end++)
            if (strcmp(all->items[end]->namespace, all->items[from]->namespace))
                break;
        if (end - from <= *ret_count)
            continue;
        *ret_from = from;
        *ret_count = end - from;
    }
}

/*
 * Of a flood the newest Events stay, and only Events of the fullest namespace go: a
 * user cannot have the Events of other users deleted.
 */
static bool delete_surplus(struct objects *objects, const struct all_events *all)
{
    size_t surplus = all->count > EVENTS_AT_MOST ? all->count - EVENTS_AT_MOST : 0;
    size_t from, count;

    if (!surplus)
        return false;
    find_fullest(all, &from, &count);
    qsort(all->items + from, count, sizeof *all->items, by_revision);
    delete_events(objects, all->items + from, surplus < count ? surplus : count);
    return true;
}

static void delete_expired(struct objects *objects, const struct all_events *all, int64_t before)
{
    struct object *old[EVENTS_AT_ONCE];
    size_t count = 0;

    for (size_t i = 0; i < all->count && count < EVENTS_AT_ONCE; i++)
        if (read_last_seen(all->items[i]) < before)
            old[count++] = all->items[i];
    delete_events(objects, old, count);
}

static int reconcile_event_expiry(struct reconcile_run *run, struct err *err)
{
    const struct kind *kind = kinds_find(objects_kinds(run->objects), "", "events");
    int64_t age = run->all->settings.event_age, first = run->all->started + FIRST;
    struct all_events all = {0};
    bool early = run->now >= run->all->started && run->now < first; /* not: a clock set back */

    (void)err;
    reconcile_wake_at(run, early ? first : run->now + PERIOD);
    if (early || !kind)
        return 0;
    objects_each(run->objects, OBJECTS_PUBLISHED, kind, "", add_event, &all);
    if (!delete_surplus(run->objects, &all))
        delete_expired(run->objects, &all, run->now - (age ? age : EVENT_AGE));
    free_events(&all);
    return 0;
}

const struct controller controller_event_expiry = {
    .name = "event-expiry",
    .run = reconcile_event_expiry,
    .about = ABOUT_NOTHING,
};
