/* SPDX-License-Identifier: Apache-2.0 */
/* Puts bytes that were read too early back in front of a stream. */
#include "http/behind.h"

#include <stdlib.h>

struct behind {
    struct loop_stream stream;
    struct loop_stream *inner; /* owned */
    struct text bytes;
    bool paused, closed, telling;
};

static struct behind *behind_of(const struct loop_stream *stream)
{
    return (struct behind *)stream;
}

static void tell(void *arg)
{
    struct behind *b = arg;
    struct text bytes = b->bytes;

    b->telling = false;
    if (b->closed) {
        text_free(&b->bytes);
        free(b);
        return;
    }
    if (b->paused || !b->stream.events)
        return;
    b->bytes = (struct text){0};
    loop_stream_handle(b->inner, b->stream.events, b->stream.arg);
    b->stream.events->read(b->stream.arg, text_string(&bytes), bytes.len);
    text_free(&bytes);
}

static void tell_soon(struct behind *b)
{
    if (b->telling || !b->bytes.len)
        return;
    b->telling = true;
    loop_later(b->stream.loop, tell, b);
}

static void behind_handle(struct loop_stream *stream)
{
    struct behind *b = behind_of(stream);

    if (b->bytes.len)
        tell_soon(b);
    else
        loop_stream_handle(b->inner, stream->events, stream->arg);
}

static void behind_write(struct loop_stream *stream, const void *bytes, size_t len)
{
    loop_stream_write(behind_of(stream)->inner, bytes, len);
}

static size_t behind_pending(const struct loop_stream *stream)
{
    return loop_stream_pending(behind_of(stream)->inner);
}

static void behind_pause(struct loop_stream *stream, bool paused)
{
    struct behind *b = behind_of(stream);

    b->paused = paused;
    if (paused)
        loop_stream_pause(b->inner);
    else
        loop_stream_resume(b->inner);
    if (!paused)
        tell_soon(b);
}

static void behind_finish(struct loop_stream *stream)
{
    loop_stream_finish(behind_of(stream)->inner);
}

static void behind_bury(void *arg)
{
    struct behind *b = arg;

    text_free(&b->bytes);
    free(b);
}

static void behind_close(struct loop_stream *stream)
{
    struct behind *b = behind_of(stream);

    loop_stream_close(&b->inner);
    b->closed = true;
    if (!b->telling)
        loop_later(stream->loop, behind_bury, b);
}

static const char *behind_remote(const struct loop_stream *stream)
{
    return loop_stream_remote(behind_of(stream)->inner);
}

static const struct loop_stream_kind behind_kind = {
    .name = "behind",
    .handle = behind_handle,
    .write = behind_write,
    .pending = behind_pending,
    .pause = behind_pause,
    .finish = behind_finish,
    .close = behind_close,
    .remote = behind_remote,
};

struct loop_stream *behind_new(struct loop_stream *stream, struct text *bytes)
{
    struct behind *b;

    if (!bytes->len) {
        text_free(bytes);
        return stream;
    }
    b = mem_alloc(sizeof *b);
    b->stream.kind = &behind_kind;
    b->stream.loop = loop_stream_loop(stream);
    b->inner = stream;
    b->bytes = *bytes;
    *bytes = (struct text){0};
    return &b->stream;
}
