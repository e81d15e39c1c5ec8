/* SPDX-License-Identifier: Apache-2.0 */
/* Makes an exchange of a request's head, and ends it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "http/server.h"
#include "pki/pki.h"
#include "tls/tls.h"

static const struct {
    const char *name;
    unsigned may_become;
} body_modes[] = {
#define TO(mode) (1u << BODY_##mode)
    /* A request without a body begins as dropped: its end is still to come. */
    [BODY_NOT_ASKED] = {"not asked", TO(WHOLE) | TO(PIECES) | TO(DROPPED)},
    [BODY_WHOLE] = {"whole", TO(COMPLETE) | TO(DROPPED)},
    [BODY_PIECES] = {"pieces", TO(COMPLETE) | TO(DROPPED)},
    [BODY_DROPPED] = {"dropped", TO(COMPLETE) | TO(WHOLE) | TO(PIECES)},
    /* A handler may ask after the end has come: `late`. */
    [BODY_COMPLETE] = {"complete", TO(WHOLE) | TO(PIECES)},
#undef TO
};

void http_exchange_move(struct exchange *x, enum body_mode next)
{
    assert(x->mode == next || body_modes[x->mode].may_become & 1u << next);
    x->mode = next;
}

static int read_expect(struct exchange *x, struct err *err)
{
    const char *expect = http_request_header(&x->request, "expect");

    if (expect && strcasecmp(expect, "100-continue"))
        return err_set(err, ERR_BAD_REQUEST, "expect \"%.100s\" is not understood", expect);
    x->expects = expect && x->request.body_length != 0;
    return 0;
}

/* Methods that no route can have, TRACE and CONNECT among them. */
static int check_known_method(const char *method, struct err *err)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

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
    mem_free(&x);
}

struct exchange *http_exchange_new(struct connection *c, struct err *err)
{
    struct exchange *x = mem_alloc(sizeof *x);
    struct http_request *request = &x->request;
    struct http_field *fields;

    x->tag = HTTP_EXCHANGE_TAG;
    x->connection = c;
    request->arena = arena_new();
    if (http_wire_fields(&c->wire, request->arena, &request->target, &fields,
                         &request->header_count, err) < 0) {
        free_exchange(x);
        return NULL;
    }
    request->headers = fields;
    request->method = llhttp_method_name(llhttp_get_method(&c->wire.parser));
    request->body_length = http_wire_body_length(&c->wire);
    request->peer = tls_peer(c->stream);
    request->secured = tls_is_secured(c->stream);
    request->remote = loop_stream_remote(c->stream);
    request->started = clock_steady();
    request->id = arena_printf(request->arena, "%s-%08llx", c->server->id_prefix,
                               (unsigned long long)++c->server->id_serial);
    x->length = -1;
    x->mode = request->body_length ? BODY_NOT_ASKED : BODY_DROPPED;
    if (check_known_method(request->method, err) < 0 || http_target_read(request, err) < 0 ||
        read_expect(x, err) < 0) {
        free_exchange(x);
        return NULL;
    }
    return x;
}

/* The access log and metrics: once for each exchange, while its connection is there. */
static void observe_exchange(struct exchange *x)
{
    struct http_server *server = x->connection->server;
    struct http_access access = {
        .request = &x->request,
        .code = x->began ? x->status : 0,
        .received = x->received,
        .sent = x->sent,
        .duration = clock_steady() - x->request.started,
    };

    server->counts.served++;
    if (server->access)
        server->access(&access, server->access_arg);
}

void http_exchange_free(struct exchange *x)
{
    if (x->connection)
        observe_exchange(x);
    free_exchange(x);
}

/* A handler that is running holds the exchange: it is freed in a later turn. */
static void free_later(void *arg)
{
    free_exchange(arg);
}

/* After `gone` the handler has forgotten the exchange. Without `gone` it goes on to respond,
   unless it waits for a body that will not come. */
void http_exchange_gone(struct exchange *x)
{
    bool waits_for_body = x->mode == BODY_WHOLE || x->mode == BODY_PIECES;
    struct loop *loop = x->connection->server->loop;

    observe_exchange(x);
    x->connection = NULL;
    x->request.peer = NULL;
    x->request.remote = "";
    if (x->gone)
        x->gone(&x->request, x->gone_arg);
    if (x->gone || x->ended || waits_for_body)
        loop_later(loop, free_later, x);
    else if (x->drained)
        x->drained(&x->request, x->drained_arg);
}
