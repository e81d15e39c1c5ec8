/* SPDX-License-Identifier: Apache-2.0 */
/* The face that all streams share: calls go on to the kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/internal.h"

struct loop_stream *loop_connect(struct loop *loop, const char *address, struct err *err)
{
    return loop->driver->connect(loop, address, err);
}

void loop_stream_handle(struct loop_stream *stream, const struct loop_stream_events *events,
                        void *arg)
{
    stream->events = events;
    stream->arg = arg;
    stream->kind->handle(stream);
}

void loop_stream_write(struct loop_stream *stream, const void *bytes, size_t len)
{
    if (len)
        stream->kind->write(stream, bytes, len);
}

size_t loop_stream_pending(const struct loop_stream *stream)
{
    return stream->kind->pending(stream);
}

void loop_stream_pause(struct loop_stream *stream)
{
    stream->kind->pause(stream, true);
}

void loop_stream_resume(struct loop_stream *stream)
{
    stream->kind->pause(stream, false);
}

void loop_stream_finish(struct loop_stream *stream)
{
    stream->kind->finish(stream);
}

void loop_stream_close(struct loop_stream **at)
{
    struct loop_stream *stream = take(*at);

    if (stream)
        stream->kind->close(stream);
}

const char *loop_stream_remote(const struct loop_stream *stream)
{
    return stream->kind->remote(stream);
}

struct loop *loop_stream_loop(const struct loop_stream *stream)
{
    return stream->loop;
}

/* ------------------------------------------------------------ polite close */

/*
 * A stream on its way out. Closing a socket that has unread bytes resets the
 * connection, and the other side may lose our last words; so what still comes
 * is read and dropped until the other side ends too.
 */
struct loop_parting {
    struct loop_stream *stream; /* owned */
    struct loop_timer *timeout; /* owned */
    struct loop_parting *next, **back;
};

/* Called by the timer, by the other side's end and by loop_part_all(). */
static void end_parting(void *arg)
{
    struct loop_parting *parting = arg;

    *parting->back = parting->next;
    if (parting->next)
        parting->next->back = parting->back;
    loop_stream_close(&parting->stream);
    loop_timer_free(&parting->timeout);
    mem_free(&parting);
}

void loop_part_all(struct loop *loop)
{
    while (loop->partings)
        end_parting(loop->partings);
}

static void part_read(void *arg, const char *bytes, size_t len)
{
    (void)arg, (void)bytes, (void)len;
}

static void part_closed(void *arg, const struct err *why)
{
    (void)why;
    end_parting(arg);
}

static const struct loop_stream_events part_events = {
    .read = part_read,
    .ended = end_parting,
    .closed = part_closed,
};

/* The stream gets callbacks of its own here, so its former owner is not called again. */
void loop_stream_close_politely(struct loop_stream **at, int64_t timeout)
{
    struct loop_stream *stream = take(*at);
    struct loop_parting *parting;

    if (!stream)
        return;
    parting = mem_alloc(sizeof *parting);
    parting->stream = stream;
    parting->back = &stream->loop->partings;
    parting->next = stream->loop->partings;
    if (parting->next)
        parting->next->back = &parting->next;
    stream->loop->partings = parting;
    parting->timeout = loop_timer_new(stream->loop, end_parting, parting);
    loop_timer_set(parting->timeout, timeout);
    loop_stream_finish(stream);
    loop_stream_handle(stream, &part_events, parting);
    loop_stream_resume(stream);
}

/* --------------------------------------------------------------- listeners */

struct loop_listener *loop_listen(struct loop *loop, const char *address, loop_accept_fn *fn,
                                  void *arg, struct err *err)
{
    return loop->driver->listen(loop, address, fn, arg, err);
}

void loop_listener_close(struct loop_listener **at)
{
    struct loop_listener *listener = take(*at);

    if (listener)
        listener->kind->close(listener);
}

void loop_listener_pause(struct loop_listener *listener, bool paused)
{
    listener->kind->pause(listener, paused);
}

const char *loop_listener_address(const struct loop_listener *listener)
{
    return listener->address;
}

int loop_listener_port(const struct loop_listener *listener)
{
    return listener->port;
}

static int read_port(const char *address, const char *text, int *ret, struct err *err)
{
    int port = 0;
    const char *at;

    for (at = text; *at >= '0' && *at <= '9' && port < 65536; at++)
        port = port * 10 + (*at - '0');
    if (at == text || *at || port > 65535)
        return err_set(err, ERR_INVALID, "address \"%.300s\": \"%.20s\" is no port (0 to 65535)",
                       address, text);
    *ret = port;
    return 0;
}

bool loop_same_host(const char *one, const char *other)
{
    const char *end = strrchr(one, ':');
    size_t len = end ? (size_t)(end - one) : strlen(one);

    return strncmp(one, other, len) == 0 &&
           (!other[len] || (other[len] == ':' && !strchr(other + len + 1, ':')));
}

int loop_address_split(const char *address, int other_port, char host[LOOP_HOST], int *ret_port,
                       struct err *err)
{
    const char *start = address, *end, *port = NULL;

    if (*address == '[') {
        start++;
        end = strchr(start, ']');
        if (!end || (end[1] && end[1] != ':'))
            return err_set(err, ERR_INVALID, "address \"%.300s\": expected [IPV6]:PORT", address);
        port = end[1] ? end + 2 : NULL;
    } else {
        end = strrchr(address, ':');
        if (end && strchr(address, ':') != end)
            return err_set(err, ERR_INVALID,
                           "address \"%.300s\": an IPv6 address needs brackets,"
                           " as in [::1]:6443",
                           address);
        port = end ? end + 1 : NULL;
        end = end ? end : address + strlen(address);
    }
    if (end - start >= LOOP_HOST)
        return err_set(err, ERR_INVALID, "address \"%.80s…\": host is too long", address);
    if (!port && other_port < 0)
        return err_set(err, ERR_INVALID, "address \"%.300s\" needs a :PORT", address);
    if (!port)
        *ret_port = other_port;
    else if (read_port(address, port, ret_port, err) < 0)
        return -1;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    return 0;
}

/* ------------------------------------------------------------------- queue */

void loop_queue_add(struct loop_queue *queue, const void *bytes, size_t len)
{
    if (queue->first + queue->len + len > queue->room) {
        if (queue->first) {
            memmove(queue->bytes, queue->bytes + queue->first, queue->len);
            queue->first = 0;
        }
        if (queue->len + len > queue->room) {
            queue->room = queue->room * 2 > queue->len + len ? queue->room * 2 : queue->len + len;
            queue->bytes = mem_resize(queue->bytes, queue->room);
        }
    }
    memcpy(queue->bytes + queue->first + queue->len, bytes, len);
    queue->len += len;
}

void loop_queue_drop(struct loop_queue *queue, size_t len)
{
    queue->first += len;
    queue->len -= len;
    if (!queue->len)
        loop_queue_free(queue);
}

void loop_queue_free(struct loop_queue *queue)
{
    mem_free(&queue->bytes);
    *queue = (struct loop_queue){0};
}
