/* SPDX-License-Identifier: Apache-2.0 */
/* Says in one call what controllers do most: ensure, status, finalizer, event. */

#include "objects/inside.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"

#include <assert.h>
#include <string.h>

#define SAME_EVENT (600 * CLOCK_SECOND)
#define EVENTS_AT_ONCE 500

static struct objects_write write_by(const char *manager,
                                     const struct kind *kind, const char *space,
                                     const char *name)
{
    return (struct objects_write){
        .who = {.user = manager, .manager = manager, .trusted = true},
        .kind = kind,
        .space = space,
        .name = name,
        .validation = OBJECTS_STRICT,
        .grace = -1,
    };
}

static void set_changed(bool *ret_changed, bool changed)
{
    if (ret_changed)
        *ret_changed = changed;
}

int objects_ensure(struct objects *objects, const char *manager,
                   const struct node *wanted, bool *ret_changed,
                   struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *metadata = node_get(wanted, "metadata");
    const struct kind *kind =
        kinds_by_kind(objects->kinds, node_get_text(wanted, "apiVersion"),
                      node_get_text(wanted, "kind"));
    struct objects_result result = {.arena = arena};
    struct objects_write write;

    if (!kind)
        return err_set(err, ERR_NOT_FOUND, "no matches for kind \"%s\" in "
                                           "version \"%s\"",
                       node_get_text(wanted, "kind"),
                       node_get_text(wanted, "apiVersion"));
    write = write_by(manager, kind, node_get_text(metadata, "namespace"),
                     node_get_text(metadata, "name"));
    write.body = wanted;
    write.patch = OBJECTS_PATCH_APPLY;
    write.force = true;
    if (objects_patch(objects, &write, &result, err) < 0)
        return -1;
    set_changed(ret_changed, !result.unchanged);
    object_drop(&result.object);
    return 0;
}

/* The newest state of the very object that the caller means; NULL if gone. */
static struct object *newest(struct objects *objects,
                             const struct object *object)
{
    struct object *live =
        table_find(table_of(objects, object->kind), OBJECTS_STAGED,
                   object->space, object->name);

    return live && text_same(live->uid, object->uid) ? live : NULL;
}

int objects_set_status(struct objects *objects, const char *manager,
                       const struct object *object, const struct node *status,
                       bool *ret_changed, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    const struct object *live = newest(objects, object);
    struct objects_result result = {.arena = arena};
    struct objects_write write;
    struct node *body;

    set_changed(ret_changed, false);
    if (!live)
        return 0;
    body = object_read(arena, live);
    if (node_get(body, "status") && node_same(node_get(body, "status"), status))
        return 0;
    node_set(arena, body, "status", node_copy(arena, status));
    node_remove(node_get(body, "metadata"), "resourceVersion");
    node_remove(node_get(body, "metadata"), "managedFields");
    write = write_by(manager, live->kind, live->space, live->name);
    write.subresource = "status";
    write.body = body;
    if (objects_update(objects, &write, &result, err) < 0)
        return -1;
    set_changed(ret_changed, !result.unchanged);
    object_drop(&result.object);
    return 0;
}

int objects_set_finalizer(struct objects *objects, const char *manager,
                          const struct object *object, const char *finalizer,
                          bool present, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    const struct object *live = newest(objects, object);
    struct objects_result result = {.arena = arena};
    struct node *list = node_list(arena), *patch = node_map(arena), *old;
    struct objects_write write;
    bool there = false;

    if (!live)
        return 0;
    old = node_at(object_read(arena, live), "metadata", "finalizers", NULL);
    for (size_t i = 0; i < node_count(old); i++) {
        if (!strcmp(node_text(node_item(old, i)), finalizer))
            there = true;
        else
            node_add(arena, list, node_item(old, i));
    }
    if (there == present || (present && live->deleting))
        return 0;
    if (present)
        node_add(arena, list, node_string(arena, finalizer));
    node_set(arena, node_make(arena, patch, "metadata"), "finalizers", list);
    write = write_by(manager, live->kind, live->space, live->name);
    write.body = patch;
    write.patch = OBJECTS_PATCH_MERGE;
    if (objects_patch(objects, &write, &result, err) < 0)
        return -1;
    object_drop(&result.object);
    return 0;
}

int objects_remove(struct objects *objects, const char *manager,
                   const struct kind *kind, const char *space, const char *name,
                   struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct objects_result result = {.arena = arena};
    struct objects_write write = write_by(manager, kind, space, name);
    struct err why = {0};

    write.propagation = "Background";
    if (objects_delete(objects, &write, &result, &why) < 0) {
        if (why.code == ERR_NOT_FOUND)
            return 0;
        if (err)
            *err = why;
        return -1;
    }
    object_drop(&result.object);
    return 0;
}

/* ---- Events ------------------------------------------------------------- */

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

/* Raises the count of an event that is there; false if it is too old, when
   it counts from one again. */
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

void objects_event(struct objects *objects, const char *component,
                   const struct object *about, bool warning, const char *reason,
                   const char *format, ...)
{
    scoped_arena struct arena *arena = arena_new();
    const struct kind *kind = kinds_find(objects->kinds, "", "events");
    const char *space = *about->space ? about->space : "default";
    struct objects_result result = {.arena = arena};
    const struct object *live;
    struct objects_write write;
    struct node *event;
    char name[320], now[CLOCK_TEXT], *message;
    struct err err;
    va_list args;
    int failed;

    if (!kind)
        return;
    va_start(args, format);
    message = arena_vprintf(arena, format, args);
    va_end(args);
    event_name(about, component, warning, reason, message, name);
    clock_format(clock_wall(), false, now);
    live = table_find(table_of(objects, kind), OBJECTS_STAGED, space, name);
    write = write_by(component, kind, space, name);
    write.validation = OBJECTS_IGNORE;
    if (live) {
        event = object_read(arena, live);
        count_up(arena, event, now);
        write.body = event;
        failed = objects_update(objects, &write, &result, &err);
    } else {
        event = new_event(arena, about, space, name);
        node_set_text(arena, event, "type", warning ? "Warning" : "Normal");
        node_set_text(arena, event, "reason", reason);
        node_set_text(arena, event, "message", message);
        node_set_text(arena, event, "firstTimestamp", now);
        node_set_text(arena, event, "lastTimestamp", now);
        node_set_int(arena, event, "count", 1);
        node_set_text(arena, node_make(arena, event, "source"), "component",
                      component);
        node_set_text(arena, event, "reportingComponent", component);
        write.body = event;
        failed = objects_create(objects, &write, &result, &err);
    }
    if (!failed)
        object_drop(&result.object);
}

static bool is_over(struct arena *arena, const struct object *object, int64_t life)
{
    const struct node *event = object_read(arena, object);
    const char *last = node_get_text(event, "lastTimestamp");
    int64_t when;

    if (!*last)
        last = node_get_text(event, "eventTime");
    if (!*last)
        last = node_get_text(node_get(event, "metadata"), "creationTimestamp");
    return clock_parse(last, &when) && clock_wall() - when > life;
}

void objects_set_event_age(struct objects *objects, int64_t age)
{
    objects->event_age = age;
}

void events_expire(struct objects *objects)
{
    const struct kind *kind = kinds_find(objects->kinds, "", "events");
    scoped_arena struct arena *arena = arena_new();
    struct table *table = kind ? table_of(objects, kind) : NULL;
    struct object *old[EVENTS_AT_ONCE];
    size_t count = 0;
    struct err err;

    for (size_t i = 0; table && i < table->count && count < EVENTS_AT_ONCE; i++)
        if (is_over(arena, table->items[i], objects->event_age))
            old[count++] = object_hold(table->items[i]);
    for (size_t i = 0; i < count; i++) {
        if (objects_remove(objects, "axle-events", kind, old[i]->space,
                           old[i]->name, &err) < 0)
            break;
    }
    for (size_t i = 0; i < count; i++)
        object_drop(&old[i]);
}
