/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <sys/queue.h>

#include "http/wire.h"

struct connection;
struct map;

/* What becomes of a request's body; which may follow which is a table in exchange.c. */
enum body_mode {
    BODY_NOT_ASKED, /* what has come waits in the connection */
    BODY_WHOLE,
    BODY_PIECES,
    BODY_DROPPED, /* the response is there; read on to keep the connection */
    BODY_COMPLETE,
};

/* A request, and its response so far. */
struct exchange {
    struct http_request request; /* first, so that one is the other */
    uint32_t tag;
    struct connection *connection; /* NULL: the client has gone */
    enum body_mode mode;
    bool expects, began, chunked, ended, no_bytes;
    bool late;          /* the body was asked for after its end had come: go_on() gives it */
    bool cache_is_said; /* the handler set a Cache-Control of its own */
    uint64_t most;      /* of the body */
    uint64_t limit;     /* the same, or 0 when more is announced */
    uint64_t received, sent;
    int64_t length, length_left; /* of the response; -1: not known */
    int status;
    struct text body;    /* BODY_WHOLE */
    struct text headers; /* set before the response begins */
    http_body_fn *body_fn;
    void *body_arg;
    http_handler_fn *gone, *drained;
    void *gone_arg, *drained_arg;
};

static inline struct exchange *exchange_of(struct http_request *request)
{
    return (struct exchange *)request;
}

/*
 * Where a connection's parser is. A handler is called from within the parser, and
 * may answer, ask for the body or end the connection from there; so what it asks of
 * the parser is queued as a call of the loop, and never done at once. Which state may
 * follow which is a table in connection.c; only move() there changes it.
 */
enum connection_state {
    CONNECTION_READY,          /* bytes that come are parsed at once */
    CONNECTION_PARSING,        /* a handler may be running within the parser */
    CONNECTION_QUEUED,         /* go_on() is queued; bytes that come wait in `rest` */
    CONNECTION_PARSING_QUEUED, /* both */
    CONNECTION_DEAD,           /* ended; freed by a queued call, after all others */
};

/* What the deadline of a connection is for. */
enum purpose { FOR_NOTHING, FOR_HEAD, FOR_IDLE, FOR_BODY, FOR_WRITE };

struct connection {
    uint32_t tag;
    enum connection_state state;
    struct http_server *server;
    char *key; /* owned; as it counts in server->keys; NULL: it does not */
    struct connection *next, **back;
    TAILQ_ENTRY(connection) waiting; /* while `is_unauthenticated` */
    bool is_unauthenticated;     /* it has shown no certificate, and no request of it is served */
    struct loop_stream *stream;  /* owned */
    struct loop_timer *deadline; /* owned */
    enum purpose purpose;
    struct wire wire;
    struct text rest;   /* came, but cannot be parsed yet */
    const char *behind; /* while parsing: what came behind the head */
    size_t behind_len;
    struct exchange *now; /* owned; the request being answered */
    bool keep;            /* another request may follow on it */
    bool paused;          /* the stream is, since `rest` is long */
    uint64_t written, taken_before, body_before;
};

struct route {
    char *prefix;  /* owned */
    char *methods; /* owned; NULL: any */
    http_handler_fn *fn;
    void *arg;
};

/* A place to listen at, and whether what comes in speaks TLS. */
struct gate {
    struct http_server *server;
    struct loop_listener *listener; /* owned */
    struct tls_server *tls;
};

struct http_server {
    uint32_t tag;
    struct loop *loop;
    struct http_server_settings settings;
    struct route *routes; /* owned */
    size_t route_count;
    /* Finds the handler of a request and calls it: server.c's, called by connection.c. */
    void (*dispatch)(struct http_server *server, struct exchange *x);
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
    TAILQ_HEAD(, connection) unauthenticated; /* the one that has waited longest first */
    size_t unauthenticated_count;
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

/*
 * The files of the server from bottom to top; each calls only those before it. What
 * goes upwards is `dispatch` above and the handlers' own callbacks.
 */

/* Of every response: what the hub knows is for the client that asked, not for a disk. */
#define HTTP_NO_SNIFFING "X-Content-Type-Options: nosniff\r\n"
#define HTTP_NO_STORING "Cache-Control: no-store\r\n"

/* ---- target.c */

/* Host, path, segments and query of the request, from its target and headers. */
int http_target_read(struct http_request *request, struct err *err);

/* ---- exchange.c */

#define HTTP_EXCHANGE_TAG 0x48455843u
/* Makes the request that the wire has just read the head of; NULL and `err`
 * if it makes no sense. */
struct exchange *http_exchange_new(struct connection *c, struct err *err);
void http_exchange_move(struct exchange *x, enum body_mode next);
/* Tells the server's observer and frees it. */
void http_exchange_free(struct exchange *x);
/* The client has gone: calls `gone` or `drained`, and frees it in a later turn if
 * no answer is to come. */
void http_exchange_gone(struct exchange *x);

/* ---- admission.c */

/* Lists or unlists it as unauthenticated. Returns the connection that has to end
 * because there are too many now; NULL: none. */
struct connection *http_admission_set(struct connection *c, bool unauthenticated);
/* Counts a connection to its client's key; false if there are too many. */
bool http_admission_key_begin(struct connection *c);
void http_admission_key_end(struct connection *c);
/* Pauses the listeners when the server is full, and resumes them. */
void http_admission_update(struct http_server *server);
/* A connection is no more: counts it, and ends a drain with the last one. */
void http_admission_ended(struct http_server *server);
void http_admission_drained(struct http_server *server);
/* The Date header of this second. */
const char *http_server_date(struct http_server *server);

/* ---- connection.c */

void http_connection_take(struct http_server *server, struct loop_stream *stream);
/* Ends it; a request under way is told. `politely`: what is pending is sent. The
 * struct itself stays until the calls that are queued have run. */
void http_connection_end(struct connection *c, bool politely);
/* Parses on what is there, in a later turn unless it is parsing already. */
void http_connection_go_on(struct connection *c);
void http_connection_write(struct connection *c, const void *bytes, size_t len);
void http_connection_arm(struct connection *c, enum purpose purpose);
/* The response has ended, and the exchange with it unless its body is still to be
 * dropped: the next request, or the end. */
void http_connection_answered(struct connection *c);
/* Writes the bytes and gives the stream away, with what came behind. */
struct loop_stream *http_connection_hand_over(struct connection *c, const char *bytes, size_t len);

#endif
