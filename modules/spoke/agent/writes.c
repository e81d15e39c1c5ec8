/* SPDX-License-Identifier: Apache-2.0 */
/* Sends writes to the hub no faster than the hub takes them. */
#include "agent/internal.h"
#include "agent/requests.h"
#include "agent/session.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/object.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/*
 * After a restart of the agent, or of its hub, every work has a status to send at once,
 * and a hub lets a spoke write only so much. So few writes are under way at a time. One
 * that the hub refuses with 429 has not been done: it goes to the front of the queue and is
 * sent again when the hub said, and its sender is told only of the response that it gets
 * then. One warning is logged for the whole time.
 */
#define UNDER_WAY 32
/* A write that is refused this often is not refused for its rate alone. */
#define TRIES 100
/* Writes without a sender that waits, as Events: beyond so many the newer ones are dropped. */
#define EVENTS 1000
#define PAUSE_MOST 60

struct writes {
    struct write_op *first, *last;   /* owned: those that wait */
    size_t waiting, under_way, most; /* most: that may be under way */
    struct loop_timer *pause;        /* owned; while it is set the hub takes no more */
    bool throttled;
};

struct write_op {
    struct agent *agent;
    struct write_op *next;
    char *method, *target, *type, *body; /* owned; body NULL: none */
    size_t len;
    int tries;
    request_fn *done;
    void *arg;
};

void writes_open(struct agent *agent)
{
    agent->writes = mem_alloc(sizeof *agent->writes);
    agent->writes->most = UNDER_WAY;
}

static void write_free(struct write_op *write)
{
    mem_free(&write->method);
    mem_free(&write->target);
    mem_free(&write->type);
    mem_free(&write->body);
    mem_free(&write);
}

/* Frees the write before its sender is told, who may send others or close the link. */
static void end_write_op(struct write_op *write, int status, const struct http_response *response,
                         const struct err *err)
{
    request_fn *done = write->done;
    void *arg = write->arg;

    write_free(write);
    if (done)
        done(arg, status, response, err);
}

static void send_waiting(struct agent *agent);

static void on_pause_over(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    send_waiting(agent);
}

/* The hub's own words name the setting that limits it; they are logged once. */
static void pause_writes(struct agent *agent, const struct http_response *response,
                         const struct err *why)
{
    struct writes *writes = agent->writes;
    const char *after = http_response_get(response, "retry-after");
    long seconds = after ? strtol(after, NULL, 10) : 1;

    seconds = seconds < 1 ? 1 : seconds > PAUSE_MOST ? PAUSE_MOST : seconds;
    writes->most = 1;
    if (!writes->throttled) {
        log_warn(
            "spoke",
            "the hub accepts no more writes for the moment (%s): %zu statuses and Events wait, "
            "and are sent when it does",
            why->text, writes->waiting);
    }
    writes->throttled = true;
    if (!writes->pause)
        writes->pause = loop_timer_new(agent->loop, on_pause_over, agent);
    if (!loop_timer_is_set(writes->pause))
        loop_timer_set(writes->pause, clock_seconds(seconds));
}

static void put_write_back(struct write_op *write)
{
    struct writes *writes = write->agent->writes;

    write->next = writes->first;
    writes->first = write;
    if (!write->next)
        writes->last = write;
    writes->waiting++;
}

static void on_written(void *arg, int status, const struct http_response *response,
                       const struct err *why)
{
    struct write_op *write = arg;
    struct agent *agent = write->agent;
    struct writes *writes = agent->writes;

    writes->under_way--;
    if (status == 429 && write->tries < TRIES && !session_is_closing(agent)) {
        put_write_back(write);
        pause_writes(agent, response, why);
        return;
    }
    if (status && writes->most < UNDER_WAY)
        writes->most++;
    end_write_op(write, status, response, why); /* which may close the link */
    send_waiting(agent);
}

static void send_write(struct write_op *write)
{
    struct http_field header = {"Content-Type", write->type};
    struct http_client_request request = {.method = write->method, .target = write->target};

    if (write->body) {
        request.body = write->body;
        request.len = write->len;
        request.headers = &header;
        request.header_count = 1;
    }
    write->tries++;
    write->agent->writes->under_way++;
    requests_send(write->agent, &request, on_written, write);
}

static void send_waiting(struct agent *agent)
{
    struct writes *writes = agent->writes;

    while (writes->first && writes->under_way < writes->most && !session_is_closing(agent) &&
           !(writes->pause && loop_timer_is_set(writes->pause))) {
        struct write_op *write = writes->first;

        writes->first = write->next;
        writes->waiting--;
        send_write(write);
    }
    if (!writes->first && !writes->under_way && writes->throttled) {
        writes->throttled = false;
        log_info("spoke", "the hub has accepted all statuses and Events that waited");
    }
}

void writes_send(struct agent *agent, const char *method, const char *target, const char *type,
                 const struct text *body, request_fn *done, void *arg)
{
    struct writes *writes = agent->writes;
    struct write_op *write;

    if (!done && writes->waiting >= EVENTS)
        return;
    write = mem_alloc(sizeof *write);
    *write = (struct write_op){.agent = agent,
                               .method = mem_copy_string(method),
                               .target = mem_copy_string(target),
                               .type = mem_copy_string(type),
                               .done = done,
                               .arg = arg};
    if (body) {
        write->body = mem_copy(body->bytes, body->len);
        write->len = body->len;
    }
    if (writes->first)
        writes->last->next = write;
    else
        writes->first = write;
    writes->last = write;
    writes->waiting++;
    send_waiting(agent);
}

void writes_give_up(struct agent *agent, const struct err *err)
{
    struct writes *writes = agent->writes;
    struct write_op *write;

    loop_timer_free(&writes->pause);
    writes->throttled = false;
    writes->most = UNDER_WAY;
    while ((write = writes->first)) {
        writes->first = write->next;
        writes->waiting--;
        end_write_op(write, 0, NULL, err);
    }
}

/* The link is closed by now, so none waits. */
void writes_close(struct agent *agent)
{
    loop_timer_free(&agent->writes->pause);
    mem_free(&agent->writes);
}
