/* SPDX-License-Identifier: Apache-2.0 */
/* Records Events: one that happens again is counted, many of a series become one. */

#include "objects/keeper.h"
#include "objects/rules.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"

#include <stdlib.h>
#include <string.h>

#define SAME_EVENT (600 * CLOCK_SECOND)
/* After so many Events that differ in their message only, further ones share one Event. */
#define SERIES_WORDS 10
#define SERIES_KEPT 4096
#define COMBINED "(combined from similar events): "

/* ---- Series ------------------------------------------------------------------ */

/* A series: Events that differ in their message only. Counts them since a time. */
struct event_series {
    int64_t since;
    unsigned messages;
};

static void forget_event_series(struct map *all, int64_t before)
{
    struct event_series *series;
    const char *key;
    size_t at = 0;

    while ((series = map_next(all, &at, &key)))
        if (series->since <= before) {
            map_remove(all, key);
            free(series);
        }
}

void event_series_free(struct rules *rules)
{
    if (rules->event_series)
        forget_event_series(rules->event_series, INT64_MAX);
    map_free(&rules->event_series);
}

/* Counts one more Event of a series; true if the series has too many already. */
static bool count_in_series(struct rules *rules, const char *key)
{
    int64_t now = clock_wall();
    struct event_series *series;

    if (!rules->event_series)
        rules->event_series = map_new();
    series = map_get(rules->event_series, key);
    if (!series) {
        if (map_count(rules->event_series) >= SERIES_KEPT)
            forget_event_series(rules->event_series, now - SAME_EVENT);
        if (map_count(rules->event_series) >= SERIES_KEPT)
            forget_event_series(rules->event_series, INT64_MAX);
        series = mem_alloc(sizeof *series);
        map_put(rules->event_series, key, series);
    }
    if (now - series->since > SAME_EVENT || series->since > now)
        *series = (struct event_series){.since = now};
    return ++series->messages > SERIES_WORDS;
}

/* ---- Recording ------------------------------------------------------------- */

/* The name of an Event hashes what it says, so one that happens again is found by its
   name, without an index. */
static void event_name(const struct object *about, const char *component, bool warning,
                       const char *reason, const char *message, char out[320])
{
    uint64_t sum = 0xcbf29ce484222325u;
    const char *const parts[] = {about->uid, component, warning ? "W" : "N", reason, message};

    for (size_t i = 0; i < count_of(parts); i++)
        for (const char *c = parts[i];; c++) {
            sum = (sum ^ (unsigned char)*c) * 0x100000001b3u;
            if (!*c)
                break;
        }
    snprintf(out, 320, "%.200s.%016llx", about->name, (unsigned long long)sum);
}

/* Type and namespace are filled in by the write. */
static struct node *new_event(struct arena *arena, const struct object *about, const char *name)
{
    struct node *event = node_map(arena), *object;

    node_set_text(arena, node_make(arena, event, "metadata"), "name", name);
    object = node_make(arena, event, "involvedObject");
    node_set_text(arena, object, "apiVersion", about->kind->api_version);
    node_set_text(arena, object, "kind", about->kind->kind);
    node_set_text(arena, object, "name", about->name);
    if (*about->namespace)
        node_set_text(arena, object, "namespace", about->namespace);
    node_set_text(arena, object, "uid", about->uid);
    node_set(arena, object, "resourceVersion",
             node_format(arena, "%lld", (long long)about->revision));
    return event;
}

/* Raises the count of a stored Event; after ten quiet minutes it counts from one again. */
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

/* One Event on its way: by which component, about which object. */
struct recording {
    struct objects *objects;
    struct arena *arena;
    const struct kind *kind;
    const struct object *about;
    const char *component, *reason, *namespace;
    bool warning;
    char name[320], now[CLOCK_TEXT];
};

static struct object *find_event(const struct recording *recording)
{
    return table_find(table_of(&recording->objects->keeper, recording->kind), OBJECTS_STAGED,
                      recording->namespace, recording->name);
}

static struct node *first_event(const struct recording *recording, const char *message)
{
    struct arena *arena = recording->arena;
    struct node *event = new_event(arena, recording->about, recording->name);

    node_set_text(arena, event, "type", recording->warning ? "Warning" : "Normal");
    node_set_text(arena, event, "reason", recording->reason);
    node_set_text(arena, event, "message", message);
    node_set_text(arena, event, "firstTimestamp", recording->now);
    node_set_text(arena, event, "lastTimestamp", recording->now);
    node_set_int(arena, event, "count", 1);
    node_set_text(arena, node_make(arena, event, "source"), "component", recording->component);
    node_set_text(arena, event, "reportingComponent", recording->component);
    return event;
}

static void record_event(const struct recording *recording, const char *message)
{
    const struct object *live = find_event(recording);
    struct objects_result result = {.arena = recording->arena};
    struct objects_write write = {
        .who = {.user = recording->component, .manager = recording->component, .trusted = true},
        .kind = recording->kind,
        .namespace = recording->namespace,
        .name = recording->name,
        .validation = OBJECTS_IGNORE,
        .grace = -1};
    struct node *event;
    struct err err;
    int failed;

    if (live) {
        event = object_read(recording->arena, live);
        count_up(recording->arena, event, recording->now);
        node_set_text(recording->arena, event, "message", message);
        write.body = event;
        failed = objects_update(recording->objects, &write, &result, &err);
    } else {
        write.body = first_event(recording, message);
        failed = objects_create(recording->objects, &write, &result, &err);
    }
    if (!failed)
        object_drop(&result.object);
}

void objects_event(struct objects *objects, const char *component, const struct object *about,
                   bool warning, const char *reason, const char *format, ...)
{
    scoped_arena struct arena *arena = arena_new();
    struct recording recording = {.objects = objects,
                                  .arena = arena,
                                  .about = about,
                                  .kind = kinds_find(objects->keeper.kinds, "", "events"),
                                  .component = component,
                                  .reason = reason,
                                  .warning = warning,
                                  .namespace = *about->namespace ? about->namespace : "default"};
    char *message;
    char all[320];
    va_list args;

    if (!recording.kind)
        return;
    va_start(args, format);
    message = arena_vprintf(arena, format, args);
    va_end(args);
    event_name(about, component, warning, reason, message, recording.name);
    clock_format(clock_wall(), false, recording.now);
    if (!find_event(&recording)) {
        event_name(about, component, warning, reason, COMBINED, all);
        if (count_in_series(objects->rules, all)) {
            memcpy(recording.name, all, sizeof all);
            message = arena_printf(arena, COMBINED "%s", message);
        }
    }
    record_event(&recording, message);
}
