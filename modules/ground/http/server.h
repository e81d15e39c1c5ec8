/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <sys/queue.h>

#include "http/wire.h"

struct connection;
struct map;

/* What becomes of a request's body. */
enum body_mode {
    BODY_NOT_ASKED, /* what has come waits in the connection */
    BODY_WHOLE,
    BODY_PIECES,
    BODY_DROPPED,   /* the answer is there; read on to keep the connection */
    BODY_COMPLETE,
};

/* A request, and its answer so far. */
struct exchange {
    struct http_request request; /* first, so that one is the other */
    uint32_t tag;
    struct connection *connection; /* NULL: the client has gone */
    enum body_mode mode;
    bool expects, began, chunked, ended, no_bytes;
    bool late; /* the body was asked for after its end had come */
    bool cache_is_said; /* the handler set a Cache-Control of its own */
    uint64_t most;  /* of the body */
    uint64_t limit; /* the same, or 0 when more is announced */
    uint64_t received, sent;
    int64_t length, length_left; /* of the answer; -1: not known */
    int status;
    struct text body;    /* BODY_WHOLE */
    struct text headers; /* set before the answer begins */
    http_body_fn *body_fn;
    void *body_arg;
    http_handler_fn *gone, *drained;
    void *gone_arg, *drained_arg;
};

static inline struct exchange *exchange_of(struct http_request *request)
{
    return (struct exchange *)request;
}

enum purpose { FOR_NOTHING, FOR_HEAD, FOR_IDLE, FOR_BODY, FOR_WRITE };

struct connection {
    uint32_t tag;
    struct http_server *server;
    char *key; /* owned; as it counts in server->keys; NULL: it does not */
    struct connection *next, **back;
    TAILQ_ENTRY(connection) waiting; /* while `is_stranger` */
    bool is_stranger; /* nobody knows who it is, and it asks for nothing */
    struct loop_stream *stream;  /* owned */
    struct loop_timer *deadline; /* owned */
    enum purpose purpose;
    struct wire wire;
    struct text rest;            /* came, but cannot be parsed yet */
    const char *behind;          /* while feeding: what came behind the head */
    size_t behind_len;
    struct exchange *now;        /* owned; the request being answered */
    bool keep, paused, feeding, again, dead;
    uint64_t written, taken_before, body_before;
};

struct route {
    char *prefix; /* owned */
    char *methods; /* owned; NULL: any */
    http_handler_fn *fn;
    void *arg;
};

struct gate;

struct http_server {
    uint32_t tag;
    struct loop *loop;
    struct http_server_settings settings;
    struct route *routes; /* owned */
    size_t route_count;
    http_guard_fn *guard;
    void *guard_arg;
    http_most_fn *most;
    void *most_arg;
    struct map *keys; /* owned: key to how many connections have it */
    http_access_fn *access;
    void *access_arg;
    struct gate **gates; /* owned */
    size_t gate_count;
    struct connection *connections;
    TAILQ_HEAD(, connection) strangers; /* who has waited longest first */
    size_t stranger_count;
    struct http_server_counts counts;
    bool full, draining;
    struct loop_timer *drain_timer; /* owned */
    loop_fn *drained;
    void *drained_arg;
    uint64_t id_serial;
    char id_prefix[12];
    int64_t date_second;
    char date[32];
};

/* connection.c */
void connection_take(struct http_server *server, struct loop_stream *stream);
/* Ends it; a request under way is told. `politely`: what is pending is sent. */
void connection_end(struct connection *c, bool politely);
/* Parses on what is there, in a later turn unless it is parsing already. */
void connection_go_on(struct connection *c);
void connection_write(struct connection *c, const void *bytes, size_t len);
void connection_arm(struct connection *c, enum purpose purpose);
/* The answer has ended: the next request, or the end. */
void connection_answered(struct connection *c);
/* Writes the bytes and gives the stream away, with what came behind. */
struct loop_stream *connection_hand_over(struct connection *c, const char *bytes,
                                         size_t len);

/* request.c */
/* Makes the request that the wire has just read the head of; NULL and `err`
 * if it makes no sense. */
struct exchange *exchange_new(struct connection *c, struct err *err);
/* Tells the server's observer and frees it. */
void exchange_free(struct exchange *x);
/* The client has gone: tells who wants to know. */
void exchange_gone(struct exchange *x);

/* target.c */
/* Host, path, segments and query of the request, from its target and headers. */
int target_read(struct http_request *request, struct err *err);

/* answer.c */
void answer_error(struct connection *c, int status, const char *words);

/* server.c */
/* Joins or leaves those that may be sent away when there are too many. */
void server_stranger(struct connection *c, bool is);
/* Counts a connection to its client's key; false if there are too many. */
bool server_key_begin(struct connection *c);
void server_key_end(struct connection *c);
void server_dispatch(struct http_server *server, struct exchange *x);
void server_connection_ended(struct http_server *server);
const char *server_date(struct http_server *server);

#endif
