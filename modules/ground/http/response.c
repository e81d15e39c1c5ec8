/* SPDX-License-Identifier: Apache-2.0 */
/* Writes answers: whole, in pieces, broken off, or as another protocol. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/server.h"
#include "base/clock.h"

/* A body that the handler did not ask for is read and dropped up to this much, so that
 * the connection can go on; a larger one ends it. */
#define MOST_DROPPED 262144
/* Smaller pieces are copied behind their frame and sent in one call, which costs less than
   two more TLS records and calls of the kernel. */
#define MOST_JOINED ((size_t)65536)

void http_response_header(struct http_request *request, const char *name, const char *value)
{
    struct exchange *x = exchange_of(request);

    assert(!x->began && !strpbrk(name, "\r\n: "));
    if (!strcasecmp(name, "X-Content-Type-Options"))
        return; /* every response has it */
    x->cache_is_said = x->cache_is_said || !strcasecmp(name, "Cache-Control");
    text_addf(&x->headers, "%s: ", name);
    for (; *value; value++)
        text_add_char(&x->headers, (unsigned char)*value < ' ' && *value != '\t' ? ' ' : *value);
    text_add(&x->headers, "\r\n");
}

static bool forbids_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

/* Whether the connection can be used again after this response. */
static void decide_keeping(struct exchange *x)
{
    struct connection *c = x->connection;

    if (x->mode == BODY_COMPLETE || x->mode == BODY_DROPPED)
        return;
    if (x->mode != BODY_NOT_ASKED || x->expects || x->request.body_length < 0 ||
        x->request.body_length > MOST_DROPPED)
        c->keep = false;
}

/* Puts the head of the response into `head`. */
static void write_head(struct exchange *x, const char *type, struct text *head)
{
    struct connection *c = x->connection;
    bool http10 = c->wire.parser.http_minor == 0;

    x->chunked = x->length < 0 && !http10 && !forbids_body(x->status);
    x->no_bytes = forbids_body(x->status) || !strcmp(x->request.method, "HEAD");
    if (x->length < 0 && http10)
        c->keep = false;
    decide_keeping(x);
    text_addf(head, "HTTP/1.1 %d %s\r\nDate: %s\r\nX-Request-Id: %s\r\n%s%s", x->status,
              http_status_text(x->status), http_server_date(c->server), x->request.id,
              HTTP_NO_SNIFFING, x->cache_is_said ? "" : HTTP_NO_STORING);
    if (type)
        text_addf(head, "Content-Type: %s\r\n", type);
    if (x->chunked)
        text_add(head, "Transfer-Encoding: chunked\r\n");
    else if (x->length >= 0 && !forbids_body(x->status))
        text_addf(head, "Content-Length: %lld\r\n", (long long)x->length);
    if (!c->keep)
        text_add(head, "Connection: close\r\n");
    else if (http10)
        text_add(head, "Connection: keep-alive\r\n");
    text_add_bytes(head, text_string(&x->headers), x->headers.len);
    text_add(head, "\r\n");
    text_free(&x->headers);
}

static void end_response(struct exchange *x)
{
    struct connection *c = x->connection;

    /* A body that the handler did not ask for may still come, or the client may go
       meanwhile: a handler that has responded is called for neither. */
    x->ended = true;
    x->gone = NULL;
    x->drained = NULL;
    if (!c) {
        http_exchange_free(x);
        return;
    }
    if (x->mode == BODY_NOT_ASKED && c->keep) {
        http_exchange_move(x, BODY_DROPPED);
        x->limit = MOST_DROPPED;
    }
    http_connection_answered(c);
}

/* An exchange whose client has gone has no connection: its handler responds into the void,
   and end_answer() frees it. */
void http_respond(struct http_request *request, int status, const char *type, const void *bytes,
                  size_t len)
{
    struct exchange *x = exchange_of(request);
    scoped_text struct text head = {0};

    assert(!x->began && !x->ended);
    x->began = true;
    x->status = status;
    x->length = (int64_t)len;
    if (x->connection) {
        write_head(x, type, &head);
        x->sent = x->no_bytes ? 0 : len;
        if (!x->no_bytes && len && len <= MOST_JOINED)
            text_add_bytes(&head, bytes, len);
        http_connection_write(x->connection, head.bytes, head.len);
        if (!x->no_bytes && len > MOST_JOINED)
            http_connection_write(x->connection, bytes, len);
    }
    end_response(x);
}

void http_respond_text(struct http_request *request, int status, const char *format, ...)
{
    scoped_text struct text text = {0};
    va_list args;

    va_start(args, format);
    text_addv(&text, format, args);
    va_end(args);
    http_respond(request, status, "text/plain; charset=utf-8", text_string(&text), text.len);
}

void http_response_begin(struct http_request *request, int status, const char *type, int64_t length)
{
    struct exchange *x = exchange_of(request);
    scoped_text struct text head = {0};

    assert(!x->began && !x->ended);
    x->began = true;
    x->status = status;
    x->length = x->length_left = length;
    if (!x->connection)
        return;
    write_head(x, type, &head);
    http_connection_write(x->connection, head.bytes, head.len);
}

/* Small chunks go out in one call with their frame, large ones are not copied. */
static void write_chunk(struct connection *c, const void *bytes, size_t len)
{
    scoped_text struct text frame = {0};
    bool joined = len <= MOST_JOINED;

    text_reserve(&frame, joined ? len + 24 : 24);
    text_addf(&frame, "%zx\r\n", len);
    if (joined) {
        text_add_bytes(&frame, bytes, len);
        text_add(&frame, "\r\n");
    }
    http_connection_write(c, frame.bytes, frame.len);
    if (joined)
        return;
    http_connection_write(c, bytes, len);
    http_connection_write(c, "\r\n", 2);
}

/* Queued, so that `gone` is not called from within http_response_write(). */
static void cut_connection(void *arg)
{
    struct connection *c = arg;

    if (c->state != CONNECTION_DEAD)
        http_connection_end(c, false);
}

/* Never fails: the client may have gone, and a client that does not read is cut. */
void http_response_write(struct http_request *request, const void *bytes, size_t len)
{
    struct exchange *x = exchange_of(request);
    struct connection *c = x->connection;

    assert(x->began && !x->ended);
    if (!c || !len)
        return;
    if (x->length >= 0) {
        assert((int64_t)len <= x->length_left);
        x->length_left -= (int64_t)len;
    }
    if (x->no_bytes)
        return;
    if (loop_stream_pending(c->stream) > c->server->settings.most_pending) {
        c->server->counts.refused++;
        loop_later(c->server->loop, cut_connection, c);
        return;
    }
    x->sent += len;
    if (x->chunked)
        write_chunk(c, bytes, len);
    else
        http_connection_write(c, bytes, len);
}

size_t http_response_pending(const struct http_request *request)
{
    const struct exchange *x = (const struct exchange *)request;

    return x->connection ? loop_stream_pending(x->connection->stream) : 0;
}

void http_response_drained(struct http_request *request, http_handler_fn *fn, void *arg)
{
    struct exchange *x = exchange_of(request);

    x->drained = fn;
    x->drained_arg = arg;
}

void http_response_end(struct http_request *request)
{
    struct exchange *x = exchange_of(request);

    assert(x->began && !x->ended);
    if (x->connection && x->chunked && !x->no_bytes)
        http_connection_write(x->connection, "0\r\n\r\n", 5);
    if (x->connection && x->length > 0 && !x->no_bytes)
        assert(!x->length_left);
    end_response(x);
}

/* With a connection, http_connection_end() frees the exchange; without one it is freed here. */
void http_response_break(struct http_request *request)
{
    struct exchange *x = exchange_of(request);

    x->ended = true;
    x->gone = NULL;
    if (x->connection)
        http_connection_end(x->connection, false);
    else
        http_exchange_free(x);
}

struct loop_stream *http_response_upgrade(struct http_request *request, const char *protocol)
{
    struct exchange *x = exchange_of(request);
    scoped_text struct text head = {0};

    assert(!x->began);
    if (!x->connection) {
        x->ended = true;
        http_exchange_free(x);
        return NULL;
    }
    text_addf(&head,
              "HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\n"
              "Connection: Upgrade\r\n%s\r\n",
              protocol, text_string(&x->headers));
    x->began = x->ended = true;
    x->gone = NULL;
    x->status = 101;
    return http_connection_hand_over(x->connection, head.bytes, head.len);
}
