/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP_WIRE_H
#define HTTP_WIRE_H

#include <llhttp.h>

#include "http/http.h"

/*
 * One direction of a connection as messages: feed it bytes, it stops at the
 * end of a head and at the end of a message, and hands over bodies.
 */
enum wire_event { WIRE_MORE, WIRE_HEAD, WIRE_END, WIRE_BAD };

typedef void wire_body_fn(const char *bytes, size_t len, void *arg);

struct wire {
    llhttp_t parser;
    struct text head; /* target or nothing, then NAME NUL VALUE NUL … */
    size_t field_count;
    size_t target_len;
    size_t most_fields, most_bytes;
    size_t line_bytes;      /* of the head so far, names and values */
    size_t extension_bytes; /* extensions of the chunks so far, which are ignored */
    bool in_value, in_message, too_large, stopped;
    bool is_unknown_method; /* a word, but none that HTTP has */
    wire_body_fn *body;
    void *arg;
};

void http_wire_start(struct wire *wire, bool request, size_t most_fields, size_t most_bytes,
                     wire_body_fn *body, void *arg);
/* Ready for the next message. */
void http_wire_again(struct wire *wire);
void http_wire_free(struct wire *wire);

/*
 * Parses on; `ret_used` is how far it came. After WIRE_HEAD and WIRE_END call
 * again (with what is left, perhaps nothing) to go on. Within `body`,
 * http_wire_stop() makes it return early with WIRE_MORE.
 */
enum wire_event http_wire_feed(struct wire *wire, const char *bytes, size_t len, size_t *ret_used);
void http_wire_stop(struct wire *wire);
/* The connection ended: WIRE_END if that is how the message was to end. */
enum wire_event http_wire_feed_end(struct wire *wire);
/* What was bad, in words for the client. */
const char *http_wire_problem(const struct wire *wire);
int http_wire_status(const struct wire *wire);

/* After WIRE_HEAD: the fields in the arena. ERR_BAD_REQUEST if they say
 * something that proxies read differently. */
int http_wire_fields(const struct wire *wire, struct arena *arena, const char **ret_target,
                     struct http_field **ret_fields, size_t *ret_count, struct err *err);
/* -1: chunked or until the end. */
int64_t http_wire_body_length(const struct wire *wire);

#endif
