/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the server: one request after the other, with deadlines. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/object.h"
#include "http/buffered.h"
#include "http/server.h"
#include "pki/pki.h"
#include "tls/tls.h"

#define CONNECTION_TAG 0x48434f4eu
/* What a client may send ahead of its turn before it is made to wait. */
#define MOST_REST ((size_t)16384)
#define POLITE (2 * CLOCK_SECOND)
/* What must come of a body in each `body_deadline`: a client that sends a byte now and then
   would hold a handler for ever. */
#define LEAST_OF_BODY 1024

static struct connection *connection_of(void *arg)
{
    return object_from(connection, CONNECTION_TAG, arg);
}

static const struct {
    const char *name;
    unsigned may_become;
} states[] = {
#define TO(state) (1u << CONNECTION_##state)
    [CONNECTION_READY] = {"ready", TO(PARSING) | TO(QUEUED) | TO(DEAD)},
    [CONNECTION_PARSING] = {"parsing", TO(READY) | TO(PARSING_QUEUED) | TO(DEAD)},
    /* When go_on_parsing() runs it is ready first: a body that was asked for late is given
       to its handler, which may queue go_on_parsing() once more, and then it parses. */
    [CONNECTION_QUEUED] = {"queued", TO(READY) | TO(PARSING_QUEUED) | TO(DEAD)},
    [CONNECTION_PARSING_QUEUED] = {"parsing, queued", TO(QUEUED) | TO(DEAD)},
    [CONNECTION_DEAD] = {"dead", 0},
#undef TO
};

static void move_connection(struct connection *c, enum connection_state next)
{
    assert(states[c->state].may_become & 1u << next);
    c->state = next;
}

static bool is_dead(const struct connection *c)
{
    return c->state == CONNECTION_DEAD;
}

static bool is_parsing(const struct connection *c)
{
    return c->state == CONNECTION_PARSING || c->state == CONNECTION_PARSING_QUEUED;
}

/* --------------------------------------------------------------- deadlines */

/* One timer serves all deadlines; `purpose` says which one it is for. */
void http_connection_arm(struct connection *c, enum purpose purpose)
{
    const struct http_server_settings *s = &c->server->settings;
    const int64_t delays[] = {
        [FOR_HEAD] = s->header_deadline,
        [FOR_IDLE] = s->idle_deadline,
        [FOR_BODY] = s->body_deadline,
        [FOR_WRITE] = s->write_deadline,
    };
    struct connection *excess;

    c->purpose = purpose;
    if (purpose == FOR_BODY)
        c->body_before = c->now ? c->now->received : 0;
    excess =
        http_admission_set(c, (purpose == FOR_HEAD || purpose == FOR_IDLE) && !tls_peer(c->stream));
    if (excess)
        http_connection_end(excess, false); /* another one, which has waited longest */
    if (purpose == FOR_NOTHING)
        loop_timer_stop(c->deadline);
    else
        loop_timer_set(c->deadline, delays[purpose]);
}

/* A slow reader is no dead one: it may go on if it took anything since the last look. */
static bool reader_moved(struct connection *c)
{
    uint64_t taken = c->written - loop_stream_pending(c->stream);
    bool moved = taken != c->taken_before;

    c->taken_before = taken;
    return moved;
}

static void refuse_request(struct connection *c, int status, const char *words);

/* A request whose response has begun cannot be answered 408 any more: it is cut. */
static void on_deadline(void *arg)
{
    struct connection *c = connection_of(arg);

    if (c->purpose == FOR_WRITE && reader_moved(c)) {
        http_connection_arm(c, FOR_WRITE);
        return;
    }
    if (c->purpose == FOR_IDLE || c->purpose == FOR_WRITE) {
        http_connection_end(c, false);
        return;
    }
    if (c->purpose == FOR_BODY && c->now && c->now->received - c->body_before >= LEAST_OF_BODY) {
        http_connection_arm(c, FOR_BODY);
        return;
    }
    c->server->counts.refused++;
    if (c->now && c->now->began)
        http_connection_end(c, false);
    else
        refuse_request(c, 408, "the request did not come in time");
}

/* ------------------------------------------------------------- life, death */

/* Queued last, so that every other queued call has found the connection dead. */
static void free_connection_later(void *arg)
{
    struct connection *c = connection_of(arg);

    c->tag = 0;
    mem_free(&c);
}

/* May be called from anywhere, also from within the parser and from handlers. `now` is taken
   out first, because `gone` of its handler may come back here. */
void http_connection_end(struct connection *c, bool politely)
{
    struct http_server *server = c->server;
    struct exchange *x = take(c->now);

    if (is_dead(c))
        return;
    move_connection(c, CONNECTION_DEAD);
    http_admission_set(c, false);
    http_admission_key_end(c);
    *c->back = c->next;
    if (c->next)
        c->next->back = c->back;
    loop_timer_free(&c->deadline);
    if (politely)
        loop_stream_close_politely(&c->stream, POLITE);
    else
        loop_stream_close(&c->stream);
    text_free(&c->rest);
    http_wire_free(&c->wire);
    if (x) {
        server->counts.requests--;
        http_exchange_gone(x);
    }
    http_admission_ended(server);
    loop_later(server->loop, free_connection_later, c);
}

/* While bytes are pending the deadline is the reader's, whatever it was for before;
   on_connection_drained() sets it back. */
void http_connection_write(struct connection *c, const void *bytes, size_t len)
{
    c->written += len;
    loop_stream_write(c->stream, bytes, len);
    if (loop_stream_pending(c->stream) && c->purpose != FOR_WRITE) {
        c->taken_before = c->written - loop_stream_pending(c->stream);
        http_connection_arm(c, FOR_WRITE);
    }
}

/* `drained` may write again, or end the exchange. */
static void on_connection_drained(void *arg)
{
    struct connection *c = connection_of(arg);
    struct exchange *x = c->now;

    if (c->purpose == FOR_WRITE) {
        if (!x)
            http_connection_arm(c, FOR_IDLE);
        else
            http_connection_arm(c, x->mode == BODY_WHOLE || x->mode == BODY_PIECES ? FOR_BODY
                                                                                   : FOR_NOTHING);
    }
    if (x && x->drained)
        x->drained(&x->request, x->drained_arg);
}

/* A response to what is no request, or to one that is not wanted any further. */
/* Answers bytes that are no request, or a request that is not wanted any further, and ends it. */
static void refuse_request(struct connection *c, int status, const char *words)
{
    scoped_text struct text response = {0};

    if (!c->now || !c->now->began) {
        text_addf(&response,
                  "HTTP/1.1 %d %s\r\nDate: %s\r\n"
                  "Content-Type: text/plain; charset=utf-8\r\n" HTTP_NO_SNIFFING HTTP_NO_STORING
                  "Content-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
                  status, http_status_text(status), http_server_date(c->server), strlen(words) + 1,
                  words);
        loop_stream_write(c->stream, response.bytes, response.len);
        if (c->now) {
            c->now->began = true;
            c->now->status = status;
        }
    }
    http_connection_end(c, true);
}

/* ---- Parsing: every step may call a handler, and so end the connection */

static void refuse_body(struct connection *c, uint64_t limit)
{
    char words[128];

    snprintf(words, sizeof words,
             "the body is larger than the %llu bytes that are "
             "taken here",
             (unsigned long long)limit);
    refuse_request(c, 413, words);
}

/* Called by the parser. The handler of BODY_PIECES may end the connection. */
static void on_request_body(const char *bytes, size_t len, void *arg)
{
    struct connection *c = connection_of(arg);
    struct exchange *x = c->now;

    if (!x || is_dead(c)) {
        http_wire_stop(&c->wire);
        return;
    }
    x->received += len;
    if (x->received > x->limit) {
        http_wire_stop(&c->wire);
        c->server->counts.refused++;
        if (x->mode == BODY_DROPPED)
            http_connection_end(c, true);
        else
            refuse_body(c, x->most);
        return;
    }
    if (x->mode == BODY_WHOLE)
        text_add_bytes(&x->body, bytes, len);
    else if (x->mode == BODY_PIECES)
        x->body_fn(&x->request, bytes, len, x->body_arg);
    if (is_dead(c) || !c->now) /* the handler has ended it */
        http_wire_stop(&c->wire);
}

/* The handler runs within dispatch(): it may respond, and so free `now`. */
static void on_request_head(struct connection *c)
{
    struct err err = {0};

    c->now = http_exchange_new(c, &err);
    if (!c->now) {
        c->server->counts.refused++;
        refuse_request(c, err_http(err.code), err.text);
        return;
    }
    text_free(&c->wire.head);
    c->server->counts.requests++;
    c->keep = llhttp_should_keep_alive(&c->wire.parser) && !c->server->draining;
    http_connection_arm(c, FOR_NOTHING);
    c->server->dispatch(c->server, c->now);
}

/* The body has come to its end. The handler may answer from here. */
static void on_request_end(struct connection *c)
{
    struct exchange *x = c->now;
    enum body_mode mode = x->mode;

    http_exchange_move(x, BODY_COMPLETE);
    if (c->purpose == FOR_BODY)
        http_connection_arm(c, FOR_NOTHING);
    if (mode == BODY_WHOLE)
        x->body_fn(&x->request, text_string(&x->body), x->body.len, x->body_arg);
    else if (mode == BODY_PIECES)
        x->body_fn(&x->request, "", 0, x->body_arg);
    else if (x->ended)
        http_connection_answered(c);
}

/* Whether there is anything that the parser may do now. */
static bool may_parse(const struct connection *c)
{
    const struct exchange *x = c->now;

    if (is_dead(c))
        return false;
    if (!x)
        return true;
    return x->mode != BODY_COMPLETE && x->mode != BODY_NOT_ASKED;
}

/* Parses as far as it may; how much of the bytes is used. */
static size_t parse_requests(struct connection *c, const char *bytes, size_t len)
{
    size_t at = 0, used;
    /* After a head, the parser must be asked again even with nothing left. */
    bool again = c->now != NULL;

    while (may_parse(c) && (at < len || again)) {
        enum wire_event event;

        if (!c->now && c->purpose == FOR_IDLE)
            http_connection_arm(c, FOR_HEAD);
        event = http_wire_feed(&c->wire, bytes + at, len - at, &used);
        at += used;
        if (is_dead(c))
            break;
        again = event == WIRE_HEAD;
        if (event == WIRE_HEAD) {
            c->behind = bytes + at;
            c->behind_len = len - at;
            on_request_head(c);
            again = true;
        } else if (event == WIRE_END) {
            on_request_end(c);
            again = false;
        } else if (event == WIRE_BAD) {
            c->server->counts.refused++;
            refuse_request(c, http_wire_status(&c->wire), http_wire_problem(&c->wire));
        }
    }
    return at;
}

/* Parses, telling handlers; how much of the bytes is used. The connection may be dead
   afterwards, but not freed. */
static size_t parse_guarded(struct connection *c, const char *bytes, size_t len)
{
    size_t used;

    move_connection(c,
                    c->state == CONNECTION_QUEUED ? CONNECTION_PARSING_QUEUED : CONNECTION_PARSING);
    used = parse_requests(c, bytes, len);
    if (!is_dead(c))
        move_connection(c, c->state == CONNECTION_PARSING_QUEUED ? CONNECTION_QUEUED
                                                                 : CONNECTION_READY);
    return used;
}

/* The queued call. It runs once more for a connection that ended meanwhile, which is
   freed by a call that was queued after this one. */
static void go_on_parsing(void *arg)
{
    struct connection *c = connection_of(arg);
    scoped_text struct text rest = {0};
    size_t used;

    if (is_dead(c))
        return;
    move_connection(c, CONNECTION_READY);
    if (c->now && c->now->late) {
        c->now->late = false;
        on_request_end(c);
        if (is_dead(c))
            return;
    }
    rest = c->rest;
    c->rest = (struct text){0};
    used = parse_guarded(c, text_string(&rest), rest.len);
    if (is_dead(c))
        return;
    if (used < rest.len)
        text_add_bytes(&c->rest, rest.bytes + used, rest.len - used);
    if (c->paused && c->rest.len < MOST_REST) {
        c->paused = false;
        loop_stream_resume(c->stream);
    }
}

void http_connection_go_on(struct connection *c)
{
    if (c->state != CONNECTION_READY && c->state != CONNECTION_PARSING)
        return; /* it is queued already, or dead */
    move_connection(c, is_parsing(c) ? CONNECTION_PARSING_QUEUED : CONNECTION_QUEUED);
    loop_later(c->server->loop, go_on_parsing, c);
}

static void on_connection_read(void *arg, const char *bytes, size_t len)
{
    struct connection *c = connection_of(arg);
    size_t used = 0;

    /* Bytes never overtake those that wait. */
    if (!c->rest.len && c->state == CONNECTION_READY)
        used = parse_guarded(c, bytes, len);
    if (is_dead(c) || used == len)
        return;
    text_add_bytes(&c->rest, bytes + used, len - used);
    if (may_parse(c))
        http_connection_go_on(c);
    if (c->rest.len >= MOST_REST) {
        c->paused = true;
        loop_stream_pause(c->stream);
    }
}

/* Called when the response has ended. The exchange lives on only while its body is dropped,
   so that the next request can be read; on_request_end() then comes back here. */
void http_connection_answered(struct connection *c)
{
    struct exchange *x = c->now;

    if (x->mode != BODY_COMPLETE) {
        if (x->mode != BODY_DROPPED && !c->keep) {
            c->now = NULL;
            c->server->counts.requests--;
            http_exchange_free(x);
            http_connection_end(c, true);
            return;
        }
        if (x->mode != BODY_DROPPED)
            http_exchange_move(x, BODY_DROPPED);
        http_connection_arm(c, FOR_BODY);
        http_connection_go_on(c);
        return;
    }
    c->now = NULL;
    c->server->counts.requests--;
    http_exchange_free(x);
    if (!c->keep) {
        http_connection_end(c, true);
        return;
    }
    http_wire_again(&c->wire);
    if (!loop_stream_pending(c->stream))
        http_connection_arm(c, FOR_IDLE);
    if (c->rest.len || c->paused)
        http_connection_go_on(c);
}

static void on_connection_closed(void *arg, const struct err *why)
{
    (void)why;
    http_connection_end(connection_of(arg), false);
}

static const struct loop_stream_events events = {
    .read = on_connection_read,
    .drained = on_connection_drained,
    .closed = on_connection_closed,
};

/* The stream is this connection's from here on; it may end at once if its client has too many. */
void http_connection_take(struct http_server *server, struct loop_stream *stream)
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
    http_wire_start(&c->wire, true, s->most_headers, s->most_header_bytes, on_request_body, c);
    http_connection_arm(c, FOR_HEAD);
    loop_stream_handle(stream, &events, c);
    if (!http_admission_key_begin(c)) {
        server->counts.refused++;
        http_connection_end(c, false);
    }
}

/* The exchange ends with the connection; its stream lives on as the caller's. */
struct loop_stream *http_connection_hand_over(struct connection *c, const char *bytes, size_t len)
{
    struct loop_stream *stream = c->stream;
    struct text rest = c->rest;

    c->rest = (struct text){0};
    if (is_parsing(c))
        text_add_bytes(&rest, c->behind, c->behind_len);
    if (c->paused)
        loop_stream_resume(stream);
    loop_stream_write(stream, bytes, len);
    stream = http_buffered_new(stream, &rest);
    c->stream = NULL;
    http_connection_end(c, false);
    return stream;
}
