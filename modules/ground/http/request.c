/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a request of a head, and feeds its body to whoever asked. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/object.h"
#include "http/server.h"
#include "pki/pki.h"
#include "tls/tls.h"

#define EXCHANGE_TAG 0x48455843u

static int read_expect(struct exchange *x, struct err *err)
{
    const char *expect = http_request_header(&x->request, "expect");

    if (expect && strcasecmp(expect, "100-continue"))
        return err_set(err, ERR_BAD_REQUEST, "expect \"%.100s\" is not understood",
                       expect);
    x->expects = expect && x->request.body_length != 0;
    return 0;
}

/* Methods that no route can have, TRACE and CONNECT among them. */
static int check_method(const char *method, struct err *err)
{
    static const char *const known[] = {"GET",   "HEAD",   "POST",   "PUT",
                                        "PATCH", "DELETE", "OPTIONS"};

    for (size_t i = 0; i < count_of(known); i++)
        if (!strcmp(known[i], method))
            return 0;
    return err_set(err, ERR_UNSUPPORTED, "the method %s is not implemented", method);
}

static void free_exchange(struct exchange *x)
{
    x->tag = 0;
    text_free(&x->body);
    text_free(&x->headers);
    arena_free(&x->request.arena);
    free(x);
}

struct exchange *exchange_new(struct connection *c, struct err *err)
{
    struct exchange *x = mem_alloc(sizeof *x);
    struct http_request *request = &x->request;
    struct http_field *fields;

    x->tag = EXCHANGE_TAG;
    x->connection = c;
    request->arena = arena_new();
    if (wire_fields(&c->wire, request->arena, &request->target, &fields,
                    &request->header_count, err) < 0) {
        free_exchange(x);
        return NULL;
    }
    request->headers = fields;
    request->method = llhttp_method_name(llhttp_get_method(&c->wire.parser));
    request->body_length = wire_body_length(&c->wire);
    request->peer = tls_peer(c->stream);
    request->secured = tls_is_secured(c->stream);
    request->remote = loop_stream_remote(c->stream);
    request->started = clock_steady();
    request->id = arena_printf(request->arena, "%s-%08llx", c->server->id_prefix,
                               (unsigned long long)++c->server->id_serial);
    x->length = -1;
    x->mode = request->body_length ? BODY_NOT_ASKED : BODY_DROPPED;
    if (check_method(request->method, err) < 0 || target_read(request, err) < 0 ||
        read_expect(x, err) < 0) {
        free_exchange(x);
        return NULL;
    }
    return x;
}

static void observe(struct exchange *x)
{
    struct http_server *server = x->connection->server;
    struct http_access access = {
        .request = &x->request, .code = x->began ? x->status : 0,
        .received = x->received, .sent = x->sent,
        .duration = clock_steady() - x->request.started,
    };

    server->counts.served++;
    if (server->access)
        server->access(&access, server->access_arg);
}

void exchange_free(struct exchange *x)
{
    if (x->connection)
        observe(x);
    free_exchange(x);
}

static void free_later(void *arg)
{
    free_exchange(arg);
}

void exchange_gone(struct exchange *x)
{
    bool nobody_will_answer = x->mode == BODY_WHOLE || x->mode == BODY_PIECES;
    struct loop *loop = x->connection->server->loop;

    observe(x);
    x->connection = NULL;
    x->request.peer = NULL;
    x->request.remote = "";
    if (x->gone)
        x->gone(&x->request, x->gone_arg);
    if (x->gone || x->ended || nobody_will_answer)
        loop_later(loop, free_later, x);
    else if (x->drained)
        x->drained(&x->request, x->drained_arg);
}

/* -------------------------------------------------------------------- body */

static struct exchange *check_exchange(struct http_request *request)
{
    struct exchange *x = exchange_of(request);

    assert(x->tag == EXCHANGE_TAG);
    return x;
}

static void ask_body(struct http_request *request, enum body_mode mode,
                     uint64_t limit, http_body_fn *fn, void *arg)
{
    struct exchange *x = check_exchange(request);
    struct connection *c = x->connection;
    bool was_complete = x->mode == BODY_COMPLETE;

    assert(!x->ended && x->mode != BODY_WHOLE && x->mode != BODY_PIECES);
    x->mode = mode;
    x->most = request->most_body && request->most_body < limit
                  ? request->most_body : limit;
    x->limit = x->most;
    x->body_fn = fn;
    x->body_arg = arg;
    if (!c)
        return;
    if (request->body_length > 0 && (uint64_t)request->body_length > x->limit) {
        x->limit = 0; /* the first byte of it is refused */
        x->expects = false;
    }
    x->late = was_complete;
    if (x->expects && !c->rest.len)
        connection_write(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    x->expects = false;
    if (c->purpose == FOR_NOTHING && !was_complete)
        connection_arm(c, FOR_BODY);
    connection_go_on(c);
}

void http_body_whole(struct http_request *request, size_t limit,
                     http_body_fn *fn, void *arg)
{
    ask_body(request, BODY_WHOLE, limit, fn, arg);
}

void http_body_pieces(struct http_request *request, uint64_t limit,
                      http_body_fn *fn, void *arg)
{
    ask_body(request, BODY_PIECES, limit, fn, arg);
}

void http_request_gone(struct http_request *request, http_handler_fn *fn,
                       void *arg)
{
    struct exchange *x = check_exchange(request);

    x->gone = fn;
    x->gone_arg = arg;
}
