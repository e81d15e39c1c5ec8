/* SPDX-License-Identifier: Apache-2.0 */
/* Sends Events to the hub: an object the first time, a higher count after that. */
#include "works/report.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"

#include <stdio.h>
#include <string.h>

/*
 * As client-go does: an Event that is like a former one but for numbers raises the count of
 * that one, and more than a few different messages of one reason about one object become one
 * Event. So what happens again and again costs the hub one object and a few patches.
 */
#define WINDOW (600 * CLOCK_SECOND) /* after so long without it, the next one is a new object */
#define PATCHES (10 * CLOCK_SECOND) /* an Event is changed no more often */
#define DIFFERENT 10   /* messages of one reason about one object that are told apart */
#define REMEMBERED 500 /* series */

struct event_series {
    char name[320];            /* of the Event object */
    int64_t first, last, sent; /* wall time */
    int count;
    int different; /* in the entry of a reason: messages it has had */
};

struct events {
    struct map *series; /* owned; by object and reason, and by those and message */
};

void events_free(struct events **events)
{
    struct event_series *one;
    size_t at = 0;

    if (!*events)
        return;
    while ((one = map_next((*events)->series, &at, NULL)))
        mem_free(&one);
    map_free(&(*events)->series);
    mem_free(events);
}

/* Forgets the series whose last Event is long ago, or all of them if there are too many. */
static void forget_series(struct events *events, int64_t now)
{
    bool all = map_count(events->series) > REMEMBERED;
    struct event_series *one;
    const char *key;
    size_t at = 0;

    while ((one = map_next(events->series, &at, &key)))
        if (all || now < one->last || now >= one->last + WINDOW) {
            map_remove(events->series, key);
            mem_free(&one);
        }
}

static struct event_series *take_series(struct events *events, const char *key, int64_t now)
{
    struct event_series *one = map_get(events->series, key);

    if (!one) {
        one = mem_alloc(sizeof *one);
        one->first = now;
        map_put(events->series, key, one);
    }
    one->last = now;
    return one;
}

/* So that "volume a holds 9 bytes" and "volume a holds 10 bytes" have one key. */
static void add_without_numbers(const char *from, struct text *into)
{
    while (*from) {
        size_t digits = strspn(from, "0123456789");

        text_add_char(into, digits ? '#' : *from);
        from += digits ? digits : 1;
    }
}

static struct event_series *find_series(struct works *works, const struct cluster_event *event,
                                        int64_t now)
{
    scoped_mem char *reason = mem_printf("%s/%s/%s/%s/%s", event->kind, event->namespace,
                                         event->name, event->type, event->reason);
    scoped_text struct text key = {0};
    struct event_series *all, *one;

    if (!works->events) {
        works->events = mem_alloc(sizeof *works->events);
        works->events->series = map_new();
    }
    forget_series(works->events, now);
    all = take_series(works->events, reason, now);
    text_addf(&key, "%s: ", reason);
    add_without_numbers(event->message, &key);
    one = map_get(works->events->series, text_string(&key));
    if (!one && all->different >= DIFFERENT)
        return all;
    all->different += !one;
    return take_series(works->events, text_string(&key), now);
}

static const char *event_message(struct arena *arena, const struct works *works,
                                 const struct cluster_event *event)
{
    return *event->namespace && strcmp(event->namespace, works->name) != 0
               ? arena_printf(arena, "%s (in namespace %s)", event->message, event->namespace)
               : event->message;
}

static void send_first(struct works *works, struct arena *arena, const struct cluster_event *event,
                       struct event_series *series, const char *now)
{
    scoped_mem char *target = mem_printf("/api/v1/namespaces/%s/events", works->name);
    struct node *body = node_map(arena);
    struct node *metadata = node_make(arena, body, "metadata");
    struct node *about = node_make(arena, body, "involvedObject");

    snprintf(series->name, sizeof series->name, "%.230s.%016llx", event->name,
             (unsigned long long)random_number());
    node_set_text(arena, body, "apiVersion", "v1");
    node_set_text(arena, body, "kind", "Event");
    node_set_text(arena, metadata, "name", series->name);
    node_set_text(arena, metadata, "namespace", works->name);
    node_set_text(arena, about, "apiVersion", event->api_version);
    node_set_text(arena, about, "kind", event->kind);
    /* An Event must be in the namespace of its object, and on the hub there is only the
       spoke's: so the namespace of the object is in the message. */
    node_set_text(arena, about, "namespace", works->name);
    node_set_text(arena, about, "name", event->name);
    node_set_text(arena, body, "type", event->type);
    node_set_text(arena, body, "reason", event->reason);
    node_set_text(arena, body, "message", event_message(arena, works, event));
    node_set_text(arena, body, "firstTimestamp", now);
    node_set_text(arena, body, "lastTimestamp", now);
    node_set_int(arena, body, "count", 1);
    node_set_text(arena, node_make(arena, body, "source"), "component", "axle-spoke");
    node_set_text(arena, body, "reportingComponent", "axle-spoke");
    works->hub.send(works->hub.arg, "POST", target, NULL, printable_copy(arena, body), NULL, NULL);
}

static void send_count(struct works *works, struct arena *arena, const struct cluster_event *event,
                       const struct event_series *series, const char *now)
{
    scoped_mem char *target =
        mem_printf("/api/v1/namespaces/%s/events/%s", works->name, series->name);
    struct node *body = node_map(arena);

    node_set_text(arena, body, "message", event_message(arena, works, event));
    node_set_text(arena, body, "lastTimestamp", now);
    node_set_int(arena, body, "count", series->count);
    works->hub.send(works->hub.arg, "PATCH", target, META_PATCH_MERGE, printable_copy(arena, body),
                    NULL, NULL);
}

void works_event(struct works *works, const struct cluster_event *event)
{
    scoped_arena struct arena *arena = arena_new();
    struct event_series *series;
    int64_t now = clock_wall();
    char words[CLOCK_TEXT];

    log_info("spoke", "%s %s/%s: %s: %s", event->kind, event->namespace, event->name, event->reason,
             event->message);
    if (works->hub.contact(works->hub.arg) < WORKS_LISTING)
        return;
    clock_format(now, false, words);
    series = find_series(works, event, now);
    series->count++;
    if (!*series->name)
        send_first(works, arena, event, series, words);
    else if (now >= series->sent + PATCHES || now < series->sent)
        send_count(works, arena, event, series, words);
    else
        return;
    series->sent = now;
}
