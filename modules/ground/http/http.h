/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/loop.h"

struct pki_cert;
struct tls_client;
struct tls_server;

/*
 * HTTP/1.1 (RFC 9112) over streams: a server, a client, upgrade.
 *
 * Its one idea: a handler is told of a request when its headers are there, and
 * answers whenever it likes: at once, later, or in pieces for hours. The body
 * is taken only as far as the handler asked for it.
 *
 * The parser is strict where proxies disagree: one Content-Length, never with
 * Transfer-Encoding, CRLF only, no folded lines, no NUL, fields in UTF-8; a
 * target whose segments, names or host can be read in two ways is refused. What
 * is not understood is answered with 400 (a method that no route can have: 501)
 * and the connection ends. Slow clients meet
 * deadlines, silent ones are bounded in number.
 *
 * It knows no routes but prefixes, no users but the stream's peer, no JSON.
 * One thread: the loop's. No call blocks; callbacks never come from within
 * the call that asked for them, but a handler itself may answer at once.
 */

struct http_field {
    const char *name, *value; /* header names are in lower case */
};

/* The value of the first field of this (lower-case) name, or NULL. */
const char *http_field_get(const struct http_field *fields, size_t count, const char *name);

/* ------------------------------------------------------------------ server */

struct http_server;

/* 0 means the default, which stands behind each. */
struct http_server_settings {
    size_t most_connections; /* 20,000; further ones then wait in the kernel */
    /* Open without a certificate and without a request: of all and of one
       address. Beyond that the one that has waited longest goes. */
    size_t most_unauthenticated;        /* 4,096 */
    size_t most_unauthenticated_of_one; /* 1,024 */
    size_t most_headers;                /* 64 fields */
    size_t most_header_bytes;           /* 65,536: request line and fields together */
    int64_t header_deadline;            /* 10 s for the whole head */
    int64_t idle_deadline;              /* 120 s between requests */
    int64_t body_deadline;              /* 30 s in which 1 kB of the body must come */
    int64_t write_deadline;             /* 60 s in which a reader must take something */
    size_t most_pending;                /* 1 MiB: see http_response_write() */
};

/* What a handler gets. Read-only but for what the guard and it set (below). */
struct http_request {
    const char *method;
    const char *target; /* as it came: "/a%20b?x=1" */
    /* Before the "?", unescaped: "/a b". No escape can hide a separator, an
       empty segment or "..", so path and segments say the same to everybody:
       who chooses the route, who authorises, who serves. */
    const char *path;
    const char *const *segments;    /* of the path: "a b" */
    size_t segment_count;           /* a final "/" makes no empty segment */
    const struct http_field *query; /* unescaped, in order, each name once */
    size_t query_count;
    const char *host;      /* by which it calls this server, in lower case and
                            * without brackets; "" (HTTP/1.0): none was said */
    const char *authority; /* the same with the port: "[::1]:443" */
    const struct http_field *headers;
    size_t header_count;
    int64_t body_length;         /* 0: none; -1: chunked, not known */
    const struct pki_cert *peer; /* proven by TLS, or NULL */
    bool secured;                /* came over TLS */
    const char *remote;          /* "10.1.2.3:40112" */
    const char *id;              /* for logs; sent back as X-Request-Id */
    struct arena *arena;         /* lives as long as the request */
    int64_t started;             /* steady time */

    void *user;        /* the guard's: who is asking */
    void *account;     /* the guard's: on whose account it counts */
    size_t most_body;  /* the guard's: the body is refused beyond; 0: the
                        * handler's limit alone */
    const char *label; /* the handler's: route name for metrics; may be NULL */
};

/*
 * Called when the headers are there. It must see to it that the request is
 * answered in the end. The request lives until its response has ended, or until
 * `gone` was called; after http_respond(), http_response_end() or `gone` the
 * pointer must not be used.
 */
typedef void http_handler_fn(struct http_request *request, void *arg);
/* Before the handler. False if it has answered itself (401, 403, 429), or will later. */
typedef bool http_guard_fn(struct http_request *request, void *arg);
/* For a guard that has let a request wait (it returned false without a response, and set
 * http_request_gone()): the request goes to its handler now. Nothing of its body was read
 * meanwhile but what fits into the connection's buffer. */
void http_server_go_on(struct http_server *server, struct http_request *request);

struct http_server *http_server_new(struct loop *loop, const struct http_server_settings *settings)
    __attribute__((returns_nonnull));
/* Cuts what is open. */
void http_server_free(struct http_server **server);
#define scoped_http_server SCOPED(http_server_free)

/* The longest prefix of whole segments wins: "/v2" takes "/v2" and "/v2/x".
 * "/" takes the rest. Without any the response is 404. `methods`, such as
 * "GET, HEAD", are what it takes; others are answered 405 with these as Allow,
 * before guard and handler. NULL: any. */
void http_server_route(struct http_server *server, const char *prefix, const char *methods,
                       http_handler_fn *fn, void *arg);
void http_server_guard(struct http_server *server, http_guard_fn *fn, void *arg);

/* `tls` NULL: plain. It must outlive the server. May be called repeatedly. */
int http_server_listen(struct http_server *server, const char *address, struct tls_server *tls,
                       struct err *err) MUST_CHECK;
/* Of the n-th listener: "127.0.0.1:41873"; NULL after the last. */
const char *http_server_address(const struct http_server *server, size_t n);

/*
 * How many connections one client may have, told by the key of its certificate;
 * the newest beyond is closed. 0: any number. It is asked when one comes.
 */
typedef size_t http_most_fn(const struct pki_cert *peer, void *arg);
void http_server_most(struct http_server *server, http_most_fn *fn, void *arg);

/* Facts about each response, when it has ended. */
struct http_access {
    const struct http_request *request;
    int code;                /* 0: gone before a response began */
    uint64_t received, sent; /* bytes of bodies */
    int64_t duration;
};
typedef void http_access_fn(const struct http_access *access, void *arg);
void http_server_observe(struct http_server *server, http_access_fn *fn, void *arg);

struct http_server_counts {
    size_t connections, requests; /* now */
    uint64_t accepted, served, refused;
};
struct http_server_counts http_server_counts(const struct http_server *server);

/* Cuts connections whose peer `is_one` says yes to: revocation. How many. */
size_t http_server_cut(struct http_server *server,
                       bool (*is_one)(const struct pki_cert *peer, void *arg), void *arg);
/*
 * Stops accepting, lets answers of known length finish, tells the others
 * through `gone` after ending their streams in order, and calls `done` when
 * nothing is open or `timeout` is over.
 */
void http_server_drain(struct http_server *server, int64_t timeout, loop_fn *done, void *arg);

/* ---- reading the request */

const char *http_request_header(const struct http_request *request, const char *lower_case_name);
/* The value, "" for "?name" and "?name=", NULL if absent. There is one answer:
 * a request that says a name twice was refused. */
const char *http_request_query(const struct http_request *request, const char *name);

/*
 * Asks for the whole body; `fn` is called with it (after this has returned),
 * and has to answer. One longer than `limit` is answered 413 here and a
 * cut-off one not at all; then only `gone` is called. The bytes live as long
 * as the request.
 */
typedef void http_body_fn(struct http_request *request, const char *bytes, size_t len, void *arg);
void http_body_whole(struct http_request *request, size_t limit, http_body_fn *fn, void *arg);
/* Asks for it in pieces; the last call has len 0. Limit as above, in all. */
void http_body_pieces(struct http_request *request, uint64_t limit, http_body_fn *fn, void *arg);

/*
 * Called if the client goes away (or the server drains, or a limit answers in
 * the handler's place) before the response has ended. Last use of the pointer.
 * Without it, a request whose client has gone stays until it is answered, into
 * the void; `drained` is called once more so that the response can go on to its
 * end. So answers without end (watches) must set this.
 */
void http_request_gone(struct http_request *request, http_handler_fn *fn, void *arg);

/* ---- answering */

/* Before the response begins. Name and value are copied. Every response
 * bears `X-Content-Type-Options: nosniff`, and `Cache-Control:
 * no-store` unless a Cache-Control was set here. */
void http_response_header(struct http_request *request, const char *name, const char *value);
/* The whole response; `type` may be NULL when there are no bytes. */
void http_respond(struct http_request *request, int status, const char *type, const void *bytes,
                  size_t len);
void http_respond_text(struct http_request *request, int status, const char *format, ...)
    PRINTF(3, 4);

/* Begins a response in pieces. `length` -1: not known, so chunked. */
void http_response_begin(struct http_request *request, int status, const char *type,
                         int64_t length);
/*
 * Sends a piece; it is never refused. Writers of much look at
 * http_response_pending() and go on when `drained` is called. A client that
 * takes nothing for `write_deadline`, or lets more than `most_pending` pile
 * up behind a single piece, is cut (and `gone` is called, in a later turn).
 */
void http_response_write(struct http_request *request, const void *bytes, size_t len);
size_t http_response_pending(const struct http_request *request);
/* Whenever nothing is pending any more after something was. */
void http_response_drained(struct http_request *request, http_handler_fn *fn, void *arg);
void http_response_end(struct http_request *request);
/* Breaks a response that has begun and cannot be finished: the client sees it
 * cut, not complete. */
void http_response_break(struct http_request *request);

/*
 * Answers 101 with the headers set before, and hands the stream over; bytes
 * that came behind the request are read from it first. Ends the request.
 */
struct loop_stream *http_response_upgrade(struct http_request *request, const char *protocol);

/* ------------------------------------------------------------------ client */

/*
 * Talks to one server, over as many kept connections as calls need at the
 * same time. A call that fails is told so; only one that met a connection
 * which the server had closed in the meantime is sent again, once.
 */
struct http_client;

/*
 * Which proxy leads to an address ("HOST:PORT"), as curl, Go and kubectl have it:
 * none for this machine itself (localhost, 127.0.0.0/8, ::1), none for what
 * `no_proxy` names, else `url`. `no_proxy` is a list with commas (or spaces) of
 * names, which stand for names below them too, addresses, networks (10.0.0.0/8),
 * any of these with ":PORT", and "*" for all. Returns `url` or NULL.
 */
const char *http_proxy_choose(const char *url, const char *no_proxy, const char *address);
/* The same by $HTTPS_PROXY, $https_proxy, $NO_PROXY and $no_proxy. */
const char *http_proxy_of_environment(void);
const char *http_no_proxy_of_environment(void);

struct http_client_settings {
    const char *address;     /* "HOST:PORT" or "unix:PATH" */
    const char *host;        /* Host header; NULL: the address */
    struct tls_client *tls;  /* NULL: plain; must outlive the client */
    const char *tls_name;    /* NULL: the address's host */
    size_t most_connections; /* 0: 8; further calls wait their turn */
    int64_t idle_deadline;   /* 0: 60 s; an unused connection is closed */
};
struct http_client *http_client_new(struct loop *loop, const struct http_client_settings *settings,
                                    struct err *err) MUST_CHECK;
/* Calls under way are dropped without a word. */
void http_client_free(struct http_client **client);
#define scoped_http_client SCOPED(http_client_free)

struct http_response {
    int status;
    const struct http_field *headers;
    size_t header_count;
    const char *body; /* the whole, when there was no `data`; ends with NUL */
    size_t len;
    const struct loop_stream *stream; /* for tls_pinned_root() and the like */
};
const char *http_response_get(const struct http_response *response, const char *lower_case_name);

struct http_call;

/* What is asked. Everything is copied but `body`, which is too. */
struct http_client_request {
    const char *method; /* NULL: GET */
    /* "/path?query", escaped. One with blanks or control characters, and a header
     * with line ends, could say another request than is meant: ERR_INVALID. */
    const char *target;
    const struct http_field *headers;
    size_t header_count;
    const void *body;
    size_t len;
    size_t limit;     /* of the response's body; 0: 64 MiB, none with `data` */
    int64_t deadline; /* for the head of the response, and without `data` for
                       * all of it; 0: 30 s */
    int64_t silence;  /* with `data`: the longest wait between pieces; 0: any */

    /* Optional: the head is there. */
    void (*head)(struct http_call *call, const struct http_response *response, void *arg);
    /* Optional: the body of a success (2xx) in pieces as they come, instead of in
     * one. That of another status explains it, and comes in `answer` (64 KiB of it). */
    void (*data)(struct http_call *call, const char *bytes, size_t len, void *arg);
    /* Always, once, last: `answer` or, if there is none or it was cut, `err`
     * (ERR_UNREACHABLE, ERR_TIMEOUT, ERR_TOO_LARGE, ERR_INVALID). A status
     * such as 404 is a response. The call is gone when it returns. */
    void (*done)(const struct http_response *response, const struct err *err, void *arg);
    void *arg;
};
/* The outcome is told in a later turn. */
struct http_call *http_client_send(struct http_client *client,
                                   const struct http_client_request *request)
    __attribute__((returns_nonnull));
/* Nothing more is told. */
void http_call_cancel(struct http_call **call);
void http_call_pause(struct http_call *call, bool paused);

/* ----------------------------------------------------------------- helpers */

/* Cuts a stream of bytes into lines (without their end), as a watch needs. */
struct http_lines {
    struct text rest;
    size_t limit; /* of one line; 0: 4 MiB */
};
typedef bool http_line_fn(const char *line, size_t len, void *arg);
/* ERR_TOO_LARGE. A `fn` that returns false stops it; the struct may be gone
 * by then, and the result is 0. */
int http_lines_feed(struct http_lines *lines, const char *bytes, size_t len, http_line_fn *fn,
                    void *arg, struct err *err) MUST_CHECK;
void http_lines_free(struct http_lines *lines);

struct http_url {
    bool secured;  /* https */
    char *host;    /* without brackets; owned */
    int port;      /* 80 or 443 if not given */
    char *address; /* "HOST:PORT" for connecting; owned */
    char *target;  /* "/path?query", at least "/"; owned */
};
/* http:// and https:// only; user and fragment are refused. ERR_INVALID. */
int http_url_read(const char *url, struct http_url *ret, struct err *err) MUST_CHECK;
void http_url_free(struct http_url *url);
#define scoped_http_url SCOPED(http_url_free)

/* Escapes what may not stand in a path segment or query value. */
void http_escape(struct text *text, const char *string);
/* False for a bad escape or a NUL. */
bool http_unescape(struct text *text, const char *string, size_t len, bool plus);

/*
 * "HOST[:PORT]" as in a Host header: letters, digits, "-._", IPv4 or [IPv6].
 * `ret_host` is in lower case, without brackets and final dot; `ret_authority`
 * has the port, or `port` where none was said. False if it is none.
 */
bool http_authority_read(struct arena *arena, const char *text, int port, const char **ret_host,
                         const char **ret_authority);

/* "Not Found"; "" for a status that has no name. */
const char *http_status_text(int status);

#endif
