/* SPDX-License-Identifier: Apache-2.0 */
/* Sends what the hub is to write no faster than it takes it. */
#include "agent/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/object.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/*
 * After a restart of the agent, or of its hub, every work has a status to tell at once,
 * and a hub lets a spoke write only so much. So few are under way at a time; what the hub
 * refuses with 429 has not been done, goes to the front again and is sent when the hub
 * said. Whoever asked is told of the answer that it gets then. One warning tells of the
 * whole time.
 */
#define UNDER_WAY 32
/* Nothing is refused that often for its rate alone. */
#define TRIES 100
/* Events that nobody waits for: beyond so many the newer ones are not worth the memory. */
#define EVENTS 1000
#define PAUSE_MOST 60

struct link_write {
    struct agent *agent;
    struct link_write *next;
    char *method, *target, *type, *body; /* owned; body NULL: none */
    size_t len;
    int tries;
    link_fn *done;
    void *arg;
};

static void write_free(struct link_write *write)
{
    mem_free(&write->method);
    mem_free(&write->target);
    mem_free(&write->type);
    mem_free(&write->body);
    mem_free(&write);
}

static void end_write(struct link_write *write, int status, const struct http_answer *answer,
                      const struct err *err)
{
    link_fn *done = write->done;
    void *arg = write->arg;

    write_free(write);
    if (done)
        done(arg, status, answer, err);
}

static void send_waiting(struct agent *agent);

static void on_pause_over(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    send_waiting(agent);
}

/* The hub's own words tell the setting; here they are told once. */
static void pause_writes(struct agent *agent, const struct http_answer *answer)
{
    struct writes *writes = &agent->writes;
    const char *after = http_answer_get(answer, "retry-after");
    long seconds = after ? strtol(after, NULL, 10) : 1;
    struct err why = {0};

    seconds = seconds < 1 ? 1 : seconds > PAUSE_MOST ? PAUSE_MOST : seconds;
    writes->most = 1;
    if (!writes->throttled) {
        link_explain(answer->status, answer, NULL, &why);
        log_warn("spoke", "the hub takes no more for the moment (%s): %zu statuses and Events wait, and "
                 "are sent as it takes them", why.text, writes->waiting);
    }
    writes->throttled = true;
    if (!writes->pause)
        writes->pause = loop_timer_new(agent->loop, on_pause_over, agent);
    if (!loop_timer_is_set(writes->pause))
        loop_timer_set(writes->pause, clock_seconds(seconds));
}

static void put_back(struct link_write *write)
{
    struct writes *writes = &write->agent->writes;

    write->next = writes->first;
    writes->first = write;
    if (!write->next)
        writes->last = write;
    writes->waiting++;
}

static void on_written(void *arg, int status, const struct http_answer *answer,
                       const struct err *err)
{
    struct link_write *write = arg;
    struct agent *agent = write->agent;
    struct writes *writes = &agent->writes;

    writes->under_way--;
    if (status == 429 && write->tries < TRIES && !agent->closing) {
        put_back(write);
        pause_writes(agent, answer);
        return;
    }
    if (status && writes->most < UNDER_WAY)
        writes->most++;
    end_write(write, status, answer, err); /* which may close the link */
    send_waiting(agent);
}

static void send_one(struct link_write *write)
{
    struct http_field header = {"Content-Type", write->type};
    struct http_ask ask = {.method = write->method, .target = write->target};

    if (write->body) {
        ask.body = write->body;
        ask.len = write->len;
        ask.headers = &header;
        ask.header_count = 1;
    }
    write->tries++;
    write->agent->writes.under_way++;
    link_ask(write->agent, &ask, on_written, write);
}

static void send_waiting(struct agent *agent)
{
    struct writes *writes = &agent->writes;

    while (writes->first && writes->under_way < writes->most && !agent->closing &&
           !(writes->pause && loop_timer_is_set(writes->pause))) {
        struct link_write *write = writes->first;

        writes->first = write->next;
        writes->waiting--;
        send_one(write);
    }
    if (!writes->first && !writes->under_way && writes->throttled) {
        writes->throttled = false;
        log_info("spoke", "the hub has taken all statuses and Events that waited");
    }
}

void writes_send(struct agent *agent, const char *method, const char *target, const char *type,
                 const struct text *body, link_fn *done, void *arg)
{
    struct writes *writes = &agent->writes;
    struct link_write *write;

    if (!done && writes->waiting >= EVENTS)
        return;
    write = mem_alloc(sizeof *write);
    *write = (struct link_write){.agent = agent, .method = mem_copy_string(method),
                                 .target = mem_copy_string(target), .type = mem_copy_string(type),
                                 .done = done, .arg = arg};
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
    if (!writes->most)
        writes->most = UNDER_WAY;
    send_waiting(agent);
}

void writes_give_up(struct agent *agent, const struct err *err)
{
    struct writes *writes = &agent->writes;
    struct link_write *write;

    loop_timer_free(&writes->pause);
    writes->throttled = false;
    writes->most = UNDER_WAY;
    while ((write = writes->first)) {
        writes->first = write->next;
        writes->waiting--;
        end_write(write, 0, NULL, err);
    }
}
