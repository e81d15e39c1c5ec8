/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the server: one request after the other, with deadlines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/object.h"
#include "http/behind.h"
#include "http/server.h"
#include "pki/pki.h"
#include "tls/tls.h"

#define CONNECTION_TAG 0x48434f4eu
/* What a client may send ahead of its turn before it is made to wait. */
#define MOST_REST ((size_t)16384)
#define POLITE (2 * CLOCK_SECOND)
/* What must come of a body in each `body_deadline`, so that nobody trickles. */
#define LEAST_OF_BODY 1024

static struct connection *connection_of(void *arg)
{
    return object_from(connection, CONNECTION_TAG, arg);
}

/* --------------------------------------------------------------- deadlines */

void connection_arm(struct connection *c, enum purpose purpose)
{
    const struct http_server_settings *s = &c->server->settings;
    const int64_t delays[] = {
        [FOR_HEAD] = s->header_deadline, [FOR_IDLE] = s->idle_deadline,
        [FOR_BODY] = s->body_deadline, [FOR_WRITE] = s->write_deadline,
    };

    c->purpose = purpose;
    if (purpose == FOR_BODY)
        c->body_before = c->now ? c->now->received : 0;
    server_stranger(c, (purpose == FOR_HEAD || purpose == FOR_IDLE) &&
                           !tls_peer(c->stream));
    if (purpose == FOR_NOTHING)
        loop_timer_stop(c->deadline);
    else
        loop_timer_set(c->deadline, delays[purpose]);
}

/* A reader that took something since the last look may go on. */
static bool reader_moved(struct connection *c)
{
    uint64_t taken = c->written - loop_stream_pending(c->stream);
    bool moved = taken != c->taken_before;

    c->taken_before = taken;
    return moved;
}

static void on_deadline(void *arg)
{
    struct connection *c = connection_of(arg);

    if (c->purpose == FOR_WRITE && reader_moved(c)) {
        connection_arm(c, FOR_WRITE);
        return;
    }
    if (c->purpose == FOR_IDLE || c->purpose == FOR_WRITE) {
        connection_end(c, false);
        return;
    }
    if (c->purpose == FOR_BODY && c->now &&
        c->now->received - c->body_before >= LEAST_OF_BODY) {
        connection_arm(c, FOR_BODY);
        return;
    }
    c->server->counts.refused++;
    if (c->now && c->now->began)
        connection_end(c, false);
    else
        answer_error(c, 408, "the request did not come in time");
}

/* ------------------------------------------------------------- life, death */

static void connection_bury(void *arg)
{
    struct connection *c = connection_of(arg);

    c->tag = 0;
    free(c);
}

void connection_end(struct connection *c, bool politely)
{
    struct http_server *server = c->server;
    struct exchange *x = take(c->now);

    if (c->dead)
        return;
    c->dead = true;
    server_stranger(c, false);
    server_key_end(c);
    *c->back = c->next;
    if (c->next)
        c->next->back = c->back;
    loop_timer_free(&c->deadline);
    if (politely)
        loop_stream_close_politely(&c->stream, POLITE);
    else
        loop_stream_close(&c->stream);
    text_free(&c->rest);
    wire_free(&c->wire);
    if (x) {
        server->counts.requests--;
        exchange_gone(x);
    }
    server_connection_ended(server);
    loop_later(server->loop, connection_bury, c);
}

void connection_write(struct connection *c, const void *bytes, size_t len)
{
    c->written += len;
    loop_stream_write(c->stream, bytes, len);
    if (loop_stream_pending(c->stream) && c->purpose != FOR_WRITE) {
        c->taken_before = c->written - loop_stream_pending(c->stream);
        connection_arm(c, FOR_WRITE);
    }
}

static void on_drained(void *arg)
{
    struct connection *c = connection_of(arg);
    struct exchange *x = c->now;

    if (c->purpose == FOR_WRITE) {
        if (!x)
            connection_arm(c, FOR_IDLE);
        else
            connection_arm(c, x->mode == BODY_WHOLE || x->mode == BODY_PIECES
                                  ? FOR_BODY : FOR_NOTHING);
    }
    if (x && x->drained)
        x->drained(&x->request, x->drained_arg);
}

/* ----------------------------------------------------------------- parsing */

static void refuse_body(struct connection *c, uint64_t limit)
{
    char words[128];

    snprintf(words, sizeof words, "the body is larger than the %llu bytes that are "
             "taken here", (unsigned long long)limit);
    answer_error(c, 413, words);
}

static void on_body(const char *bytes, size_t len, void *arg)
{
    struct connection *c = connection_of(arg);
    struct exchange *x = c->now;

    if (!x || c->dead) {
        wire_stop(&c->wire);
        return;
    }
    x->received += len;
    if (x->received > x->limit) {
        wire_stop(&c->wire);
        c->server->counts.refused++;
        if (x->mode == BODY_DROPPED)
            connection_end(c, true);
        else
            refuse_body(c, x->most);
        return;
    }
    if (x->mode == BODY_WHOLE)
        text_add_bytes(&x->body, bytes, len);
    else if (x->mode == BODY_PIECES)
        x->body_fn(&x->request, bytes, len, x->body_arg);
    if (c->dead || !c->now)
        wire_stop(&c->wire);
}

static void head_came(struct connection *c)
{
    struct err err = {0};

    c->now = exchange_new(c, &err);
    if (!c->now) {
        c->server->counts.refused++;
        answer_error(c, err_http(err.code), err.text);
        return;
    }
    text_free(&c->wire.head);
    c->server->counts.requests++;
    c->keep = llhttp_should_keep_alive(&c->wire.parser) && !c->server->draining;
    connection_arm(c, FOR_NOTHING);
    server_dispatch(c->server, c->now);
}

/* The body has come to its end. The handler may answer from here. */
static void message_came(struct connection *c)
{
    struct exchange *x = c->now;
    enum body_mode mode = x->mode;

    x->mode = BODY_COMPLETE;
    if (c->purpose == FOR_BODY)
        connection_arm(c, FOR_NOTHING);
    if (mode == BODY_WHOLE)
        x->body_fn(&x->request, text_string(&x->body), x->body.len, x->body_arg);
    else if (mode == BODY_PIECES)
        x->body_fn(&x->request, "", 0, x->body_arg);
    else if (x->ended)
        connection_answered(c);
}

/* Whether there is anything that the parser may do now. */
static bool may_parse(const struct connection *c)
{
    const struct exchange *x = c->now;

    if (c->dead)
        return false;
    if (!x)
        return true;
    return x->mode != BODY_COMPLETE && x->mode != BODY_NOT_ASKED;
}

/* Parses as far as it may; how much of the bytes is used. */
static size_t parse(struct connection *c, const char *bytes, size_t len)
{
    size_t at = 0, used;
    /* After a head, the parser must be asked again even with nothing left. */
    bool ask = c->now != NULL;

    while (may_parse(c) && (at < len || ask)) {
        enum wire_event event;

        if (!c->now && c->purpose == FOR_IDLE)
            connection_arm(c, FOR_HEAD);
        event = wire_feed(&c->wire, bytes + at, len - at, &used);
        at += used;
        if (c->dead)
            break;
        ask = event == WIRE_HEAD;
        if (event == WIRE_HEAD) {
            c->behind = bytes + at;
            c->behind_len = len - at;
            head_came(c);
            ask = true;
        } else if (event == WIRE_END) {
            message_came(c);
            ask = false;
        } else if (event == WIRE_BAD) {
            c->server->counts.refused++;
            answer_error(c, wire_status(&c->wire), wire_problem(&c->wire));
        }
    }
    return at;
}

static void go_on(void *arg)
{
    struct connection *c = connection_of(arg);
    scoped_text struct text rest = {0};
    size_t used;

    c->again = false;
    if (c->dead || c->feeding)
        return;
    if (c->now && c->now->late) {
        c->now->late = false;
        message_came(c);
        if (c->dead)
            return;
    }
    rest = c->rest;
    c->rest = (struct text){0};
    c->feeding = true;
    used = parse(c, text_string(&rest), rest.len);
    c->feeding = false;
    if (c->dead)
        return;
    if (used < rest.len)
        text_add_bytes(&c->rest, rest.bytes + used, rest.len - used);
    if (c->paused && c->rest.len < MOST_REST) {
        c->paused = false;
        loop_stream_resume(c->stream);
    }
}

void connection_go_on(struct connection *c)
{
    if (c->again || c->dead)
        return;
    c->again = true;
    loop_later(c->server->loop, go_on, c);
}

static void on_read(void *arg, const char *bytes, size_t len)
{
    struct connection *c = connection_of(arg);
    size_t used = 0;

    if (!c->rest.len && !c->again) {
        c->feeding = true;
        used = parse(c, bytes, len);
        c->feeding = false;
    }
    if (c->dead || used == len)
        return;
    text_add_bytes(&c->rest, bytes + used, len - used);
    if (may_parse(c))
        connection_go_on(c);
    if (c->rest.len >= MOST_REST) {
        c->paused = true;
        loop_stream_pause(c->stream);
    }
}

void connection_answered(struct connection *c)
{
    struct exchange *x = c->now;

    if (x->mode != BODY_COMPLETE) {
        if (x->mode != BODY_DROPPED && !c->keep) {
            c->now = NULL;
            c->server->counts.requests--;
            exchange_free(x);
            connection_end(c, true);
            return;
        }
        x->mode = BODY_DROPPED;
        connection_arm(c, FOR_BODY);
        connection_go_on(c);
        return;
    }
    c->now = NULL;
    c->server->counts.requests--;
    exchange_free(x);
    if (!c->keep) {
        connection_end(c, true);
        return;
    }
    wire_again(&c->wire);
    if (!loop_stream_pending(c->stream))
        connection_arm(c, FOR_IDLE);
    if (c->rest.len || c->paused)
        connection_go_on(c);
}

static void on_closed(void *arg, const struct err *why)
{
    (void)why;
    connection_end(connection_of(arg), false);
}

static const struct loop_stream_events events = {
    .read = on_read,
    .drained = on_drained,
    .closed = on_closed,
};

void connection_take(struct http_server *server, struct loop_stream *stream)
{
    const struct http_server_settings *s = &server->settings;
    struct connection *c = mem_alloc(sizeof *c);

    c->tag = CONNECTION_TAG;
    c->server = server;
    c->stream = stream;
    c->deadline = loop_timer_new(server->loop, on_deadline, c);
    c->back = &server->connections;
    c->next = server->connections;
    if (c->next)
        c->next->back = &c->next;
    server->connections = c;
    wire_start(&c->wire, true, s->most_headers, s->most_header_bytes, on_body, c);
    connection_arm(c, FOR_HEAD);
    loop_stream_handle(stream, &events, c);
    if (!server_key_begin(c)) {
        server->counts.refused++;
        connection_end(c, false);
    }
}

struct loop_stream *connection_hand_over(struct connection *c, const char *bytes,
                                         size_t len)
{
    struct loop_stream *stream = c->stream;
    struct text rest = c->rest;

    c->rest = (struct text){0};
    if (c->feeding)
        text_add_bytes(&rest, c->behind, c->behind_len);
    if (c->paused)
        loop_stream_resume(stream);
    loop_stream_write(stream, bytes, len);
    stream = behind_new(stream, &rest);
    c->stream = NULL;
    connection_end(c, false);
    return stream;
}
