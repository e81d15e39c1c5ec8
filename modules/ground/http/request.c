/* SPDX-License-Identifier: Apache-2.0 */
/* Gives a request's body to the handler that asks for it. */
#include <assert.h>

#include "http/server.h"

static struct exchange *check_exchange(struct http_request *request)
{
    struct exchange *x = exchange_of(request);

    assert(x->tag == HTTP_EXCHANGE_TAG);
    return x;
}

/* A body that is announced too large is refused at its first byte, so that a client which
   waits for "100 Continue" need not send it. After its end has come (`late`), the body is
   given in a later turn, never from within this call. */
static void request_body(struct http_request *request, enum body_mode mode, uint64_t limit,
                         http_body_fn *fn, void *arg)
{
    struct exchange *x = check_exchange(request);
    struct connection *c = x->connection;
    bool was_complete = x->mode == BODY_COMPLETE;

    assert(!x->ended && x->mode != BODY_WHOLE && x->mode != BODY_PIECES);
    http_exchange_move(x, mode);
    x->most = request->most_body && request->most_body < limit ? request->most_body : limit;
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
        http_connection_write(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    x->expects = false;
    if (c->purpose == FOR_NOTHING && !was_complete)
        http_connection_arm(c, FOR_BODY);
    http_connection_go_on(c);
}

void http_body_whole(struct http_request *request, size_t limit, http_body_fn *fn, void *arg)
{
    request_body(request, BODY_WHOLE, limit, fn, arg);
}

void http_body_pieces(struct http_request *request, uint64_t limit, http_body_fn *fn, void *arg)
{
    request_body(request, BODY_PIECES, limit, fn, arg);
}

void http_request_gone(struct http_request *request, http_handler_fn *fn, void *arg)
{
    struct exchange *x = check_exchange(request);

    x->gone = fn;
    x->gone_arg = arg;
}
