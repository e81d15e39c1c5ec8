/* SPDX-License-Identifier: Apache-2.0 */
/* Puts bytes that were read too early back in front of a stream. */
#include "http/buffered.h"

#include <stdlib.h>

struct buffered {
    struct loop_stream stream;
    struct loop_stream *inner; /* owned */
    struct text bytes;
    bool paused;
    bool closed; /* give_bytes() frees it, if that is queued */
    bool queued; /* give_bytes() is */
};

static struct buffered *buffered_of(const struct loop_stream *stream)
{
    return (struct buffered *)stream;
}

/* Queued. The inner stream is handled before the bytes are given: the reader may close this
   stream from its callback. */
static void give_bytes(void *arg)
{
    struct buffered *b = arg;
    struct text bytes = b->bytes;

    b->queued = false;
    if (b->closed) {
        text_free(&b->bytes);
        mem_free(&b);
        return;
    }
    if (b->paused || !b->stream.events)
        return;
    b->bytes = (struct text){0};
    loop_stream_handle(b->inner, b->stream.events, b->stream.arg);
    b->stream.events->read(b->stream.arg, text_string(&bytes), bytes.len);
    text_free(&bytes);
}

static void give_soon(struct buffered *b)
{
    if (b->queued || !b->bytes.len)
        return;
    b->queued = true;
    loop_later(b->stream.loop, give_bytes, b);
}

static void buffered_handle(struct loop_stream *stream)
{
    struct buffered *b = buffered_of(stream);

    if (b->bytes.len)
        give_soon(b);
    else
        loop_stream_handle(b->inner, stream->events, stream->arg);
}

static void buffered_write(struct loop_stream *stream, const void *bytes, size_t len)
{
    loop_stream_write(buffered_of(stream)->inner, bytes, len);
}

static size_t buffered_pending(const struct loop_stream *stream)
{
    return loop_stream_pending(buffered_of(stream)->inner);
}

static void buffered_pause(struct loop_stream *stream, bool paused)
{
    struct buffered *b = buffered_of(stream);

    b->paused = paused;
    if (paused)
        loop_stream_pause(b->inner);
    else
        loop_stream_resume(b->inner);
    if (!paused)
        give_soon(b);
}

static void buffered_finish(struct loop_stream *stream)
{
    loop_stream_finish(buffered_of(stream)->inner);
}

static void free_buffered_later(void *arg)
{
    struct buffered *b = arg;

    text_free(&b->bytes);
    mem_free(&b);
}

static void buffered_close(struct loop_stream *stream)
{
    struct buffered *b = buffered_of(stream);

    loop_stream_close(&b->inner);
    b->closed = true;
    if (!b->queued)
        loop_later(stream->loop, free_buffered_later, b);
}

static const char *buffered_remote(const struct loop_stream *stream)
{
    return loop_stream_remote(buffered_of(stream)->inner);
}

static const struct loop_stream_kind buffered_kind = {
    .name = "buffered",
    .handle = buffered_handle,
    .write = buffered_write,
    .pending = buffered_pending,
    .pause = buffered_pause,
    .finish = buffered_finish,
    .close = buffered_close,
    .remote = buffered_remote,
};

struct loop_stream *http_buffered_new(struct loop_stream *stream, struct text *bytes)
{
    struct buffered *b;

    if (!bytes->len) {
        text_free(bytes);
        return stream;
    }
    b = mem_alloc(sizeof *b);
    b->stream.kind = &buffered_kind;
    b->stream.loop = loop_stream_loop(stream);
    b->inner = stream;
    b->bytes = *bytes;
    *bytes = (struct text){0};
    return &b->stream;
}
