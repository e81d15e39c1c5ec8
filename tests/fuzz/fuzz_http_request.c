/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes to the HTTP server, in one piece and torn into many: nothing
 * breaks, and the answers are the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "http/http.h"
#include "sim/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void echo_body(struct http_request *r, const char *body, size_t len, void *arg)
{
    http_respond(r, 200, "text/plain", body, len);
}

static void response(struct http_request *r, void *arg)
{
    scoped_text struct text words = {0};
    size_t i;

    if (r->body_length && r->segment_count) {
        http_body_whole(r, 1000, echo_body, NULL);
        return;
    }
    text_addf(&words, "%s", r->method);
    for (i = 0; i < r->segment_count; i++)
        text_addf(&words, " %s", r->segments[i]);
    for (i = 0; i < r->query_count; i++)
        text_addf(&words, " %s=%s", r->query[i].name, r->query[i].value);
    for (i = 0; i < r->header_count; i++)
        text_addf(&words, " %s:%s", r->headers[i].name, r->headers[i].value);
    http_respond(r, 200, "text/plain", words.bytes, words.len);
}

struct peer {
    struct loop_stream *stream;
    struct text got;
};

static void on_read(void *arg, const char *bytes, size_t len)
{
    text_add_bytes(&((struct peer *)arg)->got, bytes, len);
}

static void on_closed(void *arg, const struct err *why)
{
    (void)arg, (void)why;
}

static const struct loop_stream_events events = {.read = on_read, .closed = on_closed};

/* What the server answers when the bytes come `step` at a time. */
static void send_request(const uint8_t *bytes, size_t len, size_t step, struct text *ret)
{
    struct loop_world *world = loop_world_new(1);
    struct loop *hub = loop_world_host(world, "hub"), *other = loop_world_host(world, "other");
    struct http_server *server = http_server_new(hub, NULL);
    struct peer peer = {0};
    struct err err;
    size_t at, part;

    http_server_route(server, "/", NULL, response, NULL);
    if (http_server_listen(server, ":80", NULL, &err) < 0)
        abort();
    peer.stream = loop_connect(other, "hub:80", &err);
    loop_stream_handle(peer.stream, &events, &peer);
    for (at = 0; at < len; at += part) {
        part = len - at < step ? len - at : step;
        loop_stream_write(peer.stream, bytes + at, part);
        if (step < len)
            loop_world_run(world, 5 * CLOCK_MS);
    }
    loop_world_run(world, CLOCK_SECOND / 2);
    *ret = peer.got;
    loop_stream_close(&peer.stream);
    http_server_free(&server);
    loop_free(&hub);
    loop_free(&other);
    loop_world_free(&world);
}

/* The date moves on while bytes trickle in. */
static void blur_dates(struct text *text)
{
    char *at = text->bytes;

    while (at && (at = strstr(at, "\r\nDate: "))) {
        memset(at + 8, '-', strcspn(at + 8, "\r"));
        at += 8;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    scoped_text struct text whole = {0};
    scoped_text struct text torn = {0};
    size_t step;

    if (len < 2 || len > 4096)
        return 0;
    step = 1 + bytes[0] % 61;
    if (len / step > 500)
        step = len / 500 + 1;
    send_request(bytes + 1, len - 1, len, &whole);
    send_request(bytes + 1, len - 1, step, &torn);
    blur_dates(&whole);
    blur_dates(&torn);
    if (strcmp(text_string(&whole), text_string(&torn))) {
        fprintf(stderr, "whole: %s\ntorn: %s\n", text_string(&whole), text_string(&torn));
        abort();
    }
    return 0;
}
