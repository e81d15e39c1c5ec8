/* SPDX-License-Identifier: Apache-2.0 */
/* Records Events: the same again is counted, many alike are put together. */

#include "objects/inside.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"

#include <stdlib.h>
#include <string.h>

#define SAME_EVENT (600 * CLOCK_SECOND)
/* More than so many that differ in their words only are one from then on. */
#define MOST_ALIKE 10
#define ALIKE_KEPT 4096
#define COMBINED "(combined from similar events): "
#define EVENTS_AT_ONCE 2000
#define EVENTS_AT_MOST 20000

/* ---- Many alike ------------------------------------------------------------ */

/* How many different messages were recorded of one thing, since when. */
struct alike {
    int64_t since;
    unsigned messages;
};

static void forget_alike(struct map *all, int64_t before)
{
    struct alike *alike;
    const char *key;
    size_t at = 0;

    while ((alike = map_next(all, &at, &key)))
        if (alike->since <= before) {
            map_remove(all, key);
            free(alike);
        }
}

void events_close(struct objects *objects)
{
    if (objects->alike)
        forget_alike(objects->alike, INT64_MAX);
    map_free(&objects->alike);
}

/* Counts one more message; true if there were too many already. */
static bool is_too_much(struct objects *objects, const char *key)
{
    int64_t now = clock_wall();
    struct alike *alike;

    if (!objects->alike)
        objects->alike = map_new();
    alike = map_get(objects->alike, key);
    if (!alike) {
        if (map_count(objects->alike) >= ALIKE_KEPT)
            forget_alike(objects->alike, now - SAME_EVENT);
        if (map_count(objects->alike) >= ALIKE_KEPT)
            forget_alike(objects->alike, INT64_MAX);
        alike = mem_alloc(sizeof *alike);
        map_put(objects->alike, key, alike);
    }
    if (now - alike->since > SAME_EVENT || alike->since > now)
        *alike = (struct alike){.since = now};
    return ++alike->messages > MOST_ALIKE;
}

/* ---- Recording ------------------------------------------------------------- */

/* The same thing said again has the same name, so no index is needed. */
static void event_name(const struct object *about, const char *component,
                       bool warning, const char *reason, const char *message,
                       char out[320])
{
    uint64_t sum = 0xcbf29ce484222325u;
    const char *const parts[] = {about->uid, component, warning ? "W" : "N",
                                 reason, message};

    for (size_t i = 0; i < count_of(parts); i++)
        for (const char *c = parts[i];; c++) {
            sum = (sum ^ (unsigned char)*c) * 0x100000001b3u;
            if (!*c)
                break;
        }
    snprintf(out, 320, "%.200s.%016llx", about->name, (unsigned long long)sum);
}

static struct node *new_event(struct arena *arena, const struct object *about,
                              const char *space, const char *name)
{
    struct node *event = node_map(arena), *metadata, *object;

    node_set_text(arena, event, "apiVersion", "v1");
    node_set_text(arena, event, "kind", "Event");
    metadata = node_make(arena, event, "metadata");
    node_set_text(arena, metadata, "name", name);
    node_set_text(arena, metadata, "namespace", space);
    object = node_make(arena, event, "involvedObject");
    node_set_text(arena, object, "apiVersion", about->kind->api_version);
    node_set_text(arena, object, "kind", about->kind->kind);
    node_set_text(arena, object, "name", about->name);
    if (*about->space)
        node_set_text(arena, object, "namespace", about->space);
    node_set_text(arena, object, "uid", about->uid);
    node_set(arena, object, "resourceVersion",
             node_format(arena, "%lld", (long long)about->revision));
    return event;
}

/* Raises the count of an event that is there; after a pause it counts from one
   again. */
static void count_up(struct arena *arena, struct node *event, const char *now)
{
    int64_t last = 0, count = node_get_int(event, "count", 1);

    clock_parse(node_get_text(event, "lastTimestamp"), &last);
    if (clock_wall() - last > SAME_EVENT) {
        node_set_text(arena, event, "firstTimestamp", now);
        count = 0;
    }
    node_set_int(arena, event, "count", count + 1);
    node_set_text(arena, event, "lastTimestamp", now);
}

/* What is said, by whom, about what. */
struct saying {
    struct objects *objects;
    struct arena *arena;
    const struct kind *kind;
    const struct object *about;
    const char *component, *reason, *space;
    bool warning;
    char name[320], now[CLOCK_TEXT];
};

static struct object *find_event(const struct saying *saying)
{
    return table_find(table_of(saying->objects, saying->kind), OBJECTS_STAGED,
                      saying->space, saying->name);
}

static struct node *first_event(const struct saying *saying,
                                const char *message)
{
    struct arena *arena = saying->arena;
    struct node *event =
        new_event(arena, saying->about, saying->space, saying->name);

    node_set_text(arena, event, "type", saying->warning ? "Warning" : "Normal");
    node_set_text(arena, event, "reason", saying->reason);
    node_set_text(arena, event, "message", message);
    node_set_text(arena, event, "firstTimestamp", saying->now);
    node_set_text(arena, event, "lastTimestamp", saying->now);
    node_set_int(arena, event, "count", 1);
    node_set_text(arena, node_make(arena, event, "source"), "component",
                  saying->component);
    node_set_text(arena, event, "reportingComponent", saying->component);
    return event;
}

static void record(const struct saying *saying, const char *message)
{
    const struct object *live = find_event(saying);
    struct objects_result result = {.arena = saying->arena};
    struct objects_write write = {
        .who = {.user = saying->component, .manager = saying->component,
                .trusted = true},
        .kind = saying->kind, .space = saying->space, .name = saying->name,
        .validation = OBJECTS_IGNORE, .grace = -1};
    struct node *event;
    struct err err;
    int failed;

    if (live) {
        event = object_read(saying->arena, live);
        count_up(saying->arena, event, saying->now);
        node_set_text(saying->arena, event, "message", message);
        write.body = event;
        failed = objects_update(saying->objects, &write, &result, &err);
    } else {
        write.body = first_event(saying, message);
        failed = objects_create(saying->objects, &write, &result, &err);
    }
    if (!failed)
        object_drop(&result.object);
}

void objects_event(struct objects *objects, const char *component,
                   const struct object *about, bool warning, const char *reason,
                   const char *format, ...)
{
    scoped_arena struct arena *arena = arena_new();
    struct saying saying = {
        .objects = objects, .arena = arena, .about = about,
        .kind = kinds_find(objects->kinds, "", "events"),
        .component = component, .reason = reason, .warning = warning,
        .space = *about->space ? about->space : "default"};
    char *message;
    char all[320];
    va_list args;

    if (!saying.kind)
        return;
    va_start(args, format);
    message = arena_vprintf(arena, format, args);
    va_end(args);
    event_name(about, component, warning, reason, message, saying.name);
    clock_format(clock_wall(), false, saying.now);
    if (!find_event(&saying)) {
        event_name(about, component, warning, reason, COMBINED, all);
        if (is_too_much(objects, all)) {
            memcpy(saying.name, all, sizeof all);
            message = arena_printf(arena, COMBINED "%s", message);
        }
    }
    record(&saying, message);
}

/* ---- Forgetting ------------------------------------------------------------- */

/* When it happened last, by whichever field says so. */
static int64_t last_seen(const struct object *object)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *event = object_read(arena, object);
    const char *const times[] = {
        node_get_text(node_get(event, "series"), "lastObservedTime"),
        node_get_text(event, "lastTimestamp"),
        node_get_text(event, "eventTime"),
        node_get_text(node_get(event, "metadata"), "creationTimestamp")};
    int64_t when = 0;

    for (size_t i = 0; i < count_of(times); i++)
        if (*times[i] && clock_parse(times[i], &when))
            return when;
    return 0;
}

void objects_set_event_age(struct objects *objects, int64_t age)
{
    objects->event_age = age;
}

static void remove_events(struct objects *objects, struct object **old,
                          size_t count)
{
    struct err err;

    for (size_t i = 0; i < count; i++)
        if (objects_remove(objects, "axle-events", old[i]->kind, old[i]->space,
                           old[i]->name, &err) < 0)
            break;
    for (size_t i = 0; i < count; i++)
        object_drop(&old[i]);
}

static int by_revision(const void *a, const void *b)
{
    const struct object *x = *(struct object *const *)a;
    const struct object *y = *(struct object *const *)b;

    return (x->revision > y->revision) - (x->revision < y->revision);
}

/* Where most of them lie: objects of a namespace stand together in a table. */
static void find_fullest(const struct table *table, size_t *ret_from, size_t *ret_count)
{
    *ret_from = *ret_count = 0;
    for (size_t from = 0, end; from < table->count; from = end) {
        for (end = from + 1; end < table->count; end++)
            if (strcmp(table->items[end]->space, table->items[from]->space))
                break;
        if (end - from <= *ret_count)
            continue;
        *ret_from = from;
        *ret_count = end - from;
    }
}

/* A flood leaves the newest, and pushes out only what lies in the namespace that it
   fills: nobody can have others' Events forgotten. */
static size_t find_surplus(const struct table *table, struct object **ret)
{
    size_t surplus = table->count > EVENTS_AT_MOST
                         ? table->count - EVENTS_AT_MOST
                         : 0;
    size_t from, count;
    struct object **all;

    if (!surplus)
        return 0;
    if (surplus > EVENTS_AT_ONCE)
        surplus = EVENTS_AT_ONCE;
    find_fullest(table, &from, &count);
    if (surplus > count)
        surplus = count;
    all = mem_copy(table->items + from, count * sizeof *all);
    qsort(all, count, sizeof *all, by_revision);
    for (size_t i = 0; i < surplus; i++)
        ret[i] = object_hold(all[i]);
    mem_free(&all);
    return surplus;
}

void events_expire(struct objects *objects)
{
    const struct kind *kind = kinds_find(objects->kinds, "", "events");
    struct table *table = kind ? table_of(objects, kind) : NULL;
    int64_t before = clock_wall() - objects->event_age;
    struct object *old[EVENTS_AT_ONCE];
    size_t count = 0;

    if (!table)
        return;
    count = find_surplus(table, old);
    remove_events(objects, old, count);
    if (count)
        return; /* the rest in the next sweep */
    for (size_t i = 0; i < table->count && count < EVENTS_AT_ONCE; i++)
        if (last_seen(table->items[i]) < before)
            old[count++] = object_hold(table->items[i]);
    remove_events(objects, old, count);
}
