/* SPDX-License-Identifier: Apache-2.0 */
/* Writes an event once for all watches that send it in the same form. */
#include "api/internal.h"

#include "base/object.h"
#include "base/text.h"
#include "loop/loop.h"

#include <stdlib.h>

/* A commit rarely changes more objects that others watch as a table. */
#define SHARED_AT_MOST 32

/* One event in one form. Its object is held, so that no other has its address. */
struct shared_event {
    struct object *object; /* owned */
    enum objects_event_type type;
    const struct kind *kind;
    enum api_form form, include;
    bool first;
    struct text line; /* owned */
};

/* What was written in this turn of the loop, a ring. */
struct shared_events {
    struct shared_event all[SHARED_AT_MOST];
    size_t count, next;
    struct loop_timer *forget; /* owned: ages in tables are true for one turn */
};

static void forget_shared_event(struct shared_event *event)
{
    object_drop(&event->object);
    text_free(&event->line);
}

static void on_forget_timer(void *arg)
{
    struct shared_events *shared = arg;

    for (size_t i = 0; i < shared->count; i++)
        forget_shared_event(&shared->all[i]);
    shared->count = shared->next = 0;
}

struct shared_events *shared_events_new(struct loop *loop)
{
    struct shared_events *shared = mem_alloc(sizeof *shared);

    shared->forget = loop_timer_new(loop, on_forget_timer, shared);
    return shared;
}

void shared_events_free(struct shared_events **at)
{
    struct shared_events *shared = take(*at);

    if (!shared)
        return;
    on_forget_timer(shared);
    loop_timer_free(&shared->forget);
    free(shared);
}

static bool is_same_event(const struct shared_event *shared, const struct api_request *request,
                          const struct objects_event *event, bool first)
{
    return shared->object == event->object && shared->type == event->type &&
           shared->kind == request->kind && shared->form == request->form &&
           shared->include == request->include && shared->first == first;
}

static void write_event_line(const struct api_request *request, const struct objects_event *event,
                             bool first, struct text *out)
{
    static const char *const names[] = {
        [OBJECTS_ADDED] = "ADDED",
        [OBJECTS_MODIFIED] = "MODIFIED",
        [OBJECTS_DELETED] = "DELETED",
    };
    scoped_arena struct arena *arena = arena_new();

    text_reserve(out, event->object->len + 64);
    text_addf(out, "{\"type\":\"%s\",\"object\":", names[event->type]);
    form_event(request, event->object, first, arena, out);
    text_add(out, "}\n");
}

static struct shared_event *new_shared_event(struct shared_events *shared)
{
    struct shared_event *event = &shared->all[shared->next];

    forget_shared_event(event);
    shared->next = (shared->next + 1) % SHARED_AT_MOST;
    if (shared->count < SHARED_AT_MOST)
        shared->count++;
    if (!loop_timer_is_set(shared->forget))
        loop_timer_set(shared->forget, 0);
    return event;
}

/* An event that is the stored bytes with a few words around is copied from there. */
void shared_event_write(const struct api_request *request, const struct objects_event *event,
                        bool first, struct text *out)
{
    struct shared_events *shared = request->api->shared_events;
    struct shared_event *made;

    if (form_is_stored(request, event->object)) {
        write_event_line(request, event, first, out);
        return;
    }
    first = first && request->form == API_TABLE;
    for (size_t i = 0; i < shared->count; i++)
        if (is_same_event(&shared->all[i], request, event, first)) {
            text_add_bytes(out, shared->all[i].line.bytes, shared->all[i].line.len);
            return;
        }
    made = new_shared_event(shared);
    *made = (struct shared_event){.object = object_hold(event->object),
                                  .type = event->type,
                                  .kind = request->kind,
                                  .form = request->form,
                                  .include = request->include,
                                  .first = first};
    write_event_line(request, event, first, &made->line);
    text_add_bytes(out, made->line.bytes, made->line.len);
}
