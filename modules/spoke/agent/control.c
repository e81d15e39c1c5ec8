/* SPDX-License-Identifier: Apache-2.0 */
/* Takes requests of this machine's administrator, one line each: "leave". */
#include "agent/departure.h"
#include "agent/internal.h"
#include "agent/session.h"
#include "agent/sync.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/object.h"
#include "works/works.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * A client that asked to leave stays connected and gets a line for each change, until the
 * agent ends. `axle leave` decides by the file `departure` in the end, not by these lines.
 */
#define PATIENCE (5 * CLOCK_SECOND)
#define LOOK_EVERY (200 * CLOCK_MS)
#define LINE 64
#define MOST 8

#define CONTROL_TAG 0x4374726cu
struct control {
    uint32_t tag;
    struct agent *agent;
    struct control *next;       /* in agent->controls->first */
    struct loop_stream *stream; /* owned */
    struct loop_timer *timer;   /* owned; NULL until its line has come */
    char line[LINE];
    size_t len;
    char said[512];
};

struct controls {
    struct loop_listener *listener; /* owned; NULL: none can connect */
    struct control *first;          /* owned */
};

/* A callback of the stream or the timer that frees it does nothing after that. */
static void control_free(struct control *control)
{
    struct control **at = &control->agent->controls->first;

    while (*at && *at != control)
        at = &(*at)->next;
    if (*at)
        *at = control->next;
    loop_timer_free(&control->timer);
    loop_stream_close(&control->stream);
    control->tag = 0;
    free(control);
}

static void write_line(struct control *control, const char *text)
{
    loop_stream_write(control->stream, text, strlen(text));
    loop_stream_write(control->stream, "\n", 1);
}

static void end_control(struct control *control, const char *text)
{
    write_line(control, text);
    loop_stream_close_politely(&control->stream, PATIENCE);
    control_free(control);
}

static char *describe_progress(const struct agent *agent)
{
    const char *trouble = session_is_watching(agent) ? "" : session_trouble(agent);
    size_t works = works_count(agent->works);

    if (departure_is_left(agent))
        return mem_copy_string("left");
    if (*trouble && !works)
        return mem_printf("waiting for the hub: %.300s", trouble);
    if (*trouble)
        return mem_printf("%zu works are not removed yet; the hub: %.300s", works, trouble);
    return mem_printf("%zu works are not removed yet", works);
}

static void write_progress(void *arg)
{
    struct control *control = object_from(control, CONTROL_TAG, arg);
    scoped_mem char *now = describe_progress(control->agent);

    if (strcmp(now, control->said) != 0)
        write_line(control, now);
    snprintf(control->said, sizeof control->said, "%s", now);
    loop_timer_set(control->timer, LOOK_EVERY);
}

static void obey_line(struct control *control)
{
    struct err err = {0};
    scoped_mem char *refused = NULL;

    if (strcmp(control->line, "leave") != 0)
        err_set(&err, ERR_INVALID, "the only request that is possible here is \"leave\"");
    else if (departure_begin(control->agent, &err) == 0) {
        control->timer = loop_timer_new(control->agent->loop, write_progress, control);
        loop_timer_set(control->timer, 0);
        return;
    }
    refused = mem_printf("refused: %s", err.text);
    end_control(control, refused);
}

/* One line is read; what comes after it is not. */
static void on_control_read(void *arg, const char *bytes, size_t len)
{
    struct control *control = object_from(control, CONTROL_TAG, arg);

    for (size_t i = 0; i < len && !control->timer; i++) {
        if (bytes[i] == '\n') {
            control->line[control->len] = '\0';
            obey_line(control);
            return;
        }
        if (control->len + 1 == sizeof control->line) {
            end_control(control, "refused: the line is too long");
            return;
        }
        control->line[control->len++] = bytes[i];
    }
}

static void on_control_closed(void *arg, const struct err *why)
{
    control_free(object_from(control, CONTROL_TAG, arg));
}

static const struct loop_stream_events events = {.read = on_control_read,
                                                 .closed = on_control_closed};

static void on_control_connection(struct loop_stream *stream, void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    struct control *control;
    size_t count = 0;

    for (control = agent->controls->first; control; control = control->next)
        count++;
    if (count >= MOST) {
        loop_stream_close(&stream);
        return;
    }
    control = mem_alloc(sizeof *control);
    *control = (struct control){
        .tag = CONTROL_TAG, .agent = agent, .next = agent->controls->first, .stream = stream};
    agent->controls->first = control;
    loop_stream_handle(stream, &events, control);
}

/* Only for the owner of the agent: a pod that runs as another user cannot connect. */
void control_open(struct agent *agent)
{
    scoped_mem char *path = agent_path(agent, AGENT_CONTROL);
    scoped_mem char *address = mem_printf("unix:%s", path);
    struct controls *controls = mem_alloc(sizeof *controls);
    struct err err = {0};

    agent->controls = controls;
    if (loop_is_simulated(agent->loop))
        return;
    controls->listener = loop_listen(agent->loop, address, on_control_connection, agent, &err);
    if (!controls->listener)
        log_warn("spoke", "axle leave will not work here: %s", err.text);
    else if (chmod(path, 0600) < 0)
        log_warn("spoke", "%s cannot be closed to others", path);
}

void control_close(struct agent *agent)
{
    if (!agent->controls)
        return;
    loop_listener_close(&agent->controls->listener);
    while (agent->controls->first)
        control_free(agent->controls->first);
    mem_free(&agent->controls);
}
