/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http/wire.h"

/* A kept connection, and the call that is using it. */
struct line {
    uint32_t tag;
    struct http_client *client;
    struct line *next;
    struct loop_stream *stream; /* owned */
    struct wire wire;
    struct http_call *call;  /* NULL: idle */
    struct loop_timer *idle; /* owned */
    struct text rest;        /* came while the call was paused */
    struct err *ended;       /* owned; the end came then too */
    bool used;               /* a response has come on it: the server may close it between calls */
    bool dead;               /* ended; freed by a queued call */
    bool paused;             /* the stream is, since `rest` is long */
    bool again;              /* go_on_line() is queued; bytes that come wait in `rest` */
};

/* A call: waiting for a line, or on one. */
struct http_call {
    uint32_t tag;
    struct http_client *client;
    struct http_call *next;
    struct line *line;
    struct http_client_request options; /* strings not kept; callbacks and limits are */
    struct text request;                /* the bytes to send; kept for a second try */
    struct loop_timer *timer;           /* owned */
    struct arena *arena;                /* owned; the response's head */
    struct http_response response;
    struct text body;
    uint64_t received;
    bool headed, tried, paused, head_only;
    bool malformed; /* it would not be the request that is meant */
    bool once;      /* twice would be something else: it is not sent again by itself */
};

struct http_client {
    uint32_t tag;
    struct loop *loop;
    char *address, *host, *tls_name; /* owned */
    struct tls_client *tls;
    size_t most_lines;
    int64_t idle_deadline;
    struct line *lines; /* owned */
    size_t line_count;
    struct http_call *waiting, **last; /* owned */
    bool matching;
};

#endif
