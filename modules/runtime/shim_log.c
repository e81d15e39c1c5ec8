/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a container's output down, one line each with time and stream. */

#include "runtime/shim.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A workload that floods its log gets this much per second, and a note. */
#define FLOOD_BYTES ((int64_t)8 * 1024 * 1024)

static void open_file(struct shim_log *log)
{
    struct stat st;

    log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    log->size = log->fd >= 0 && fstat(log->fd, &st) == 0 ? st.st_size : 0;
}

void shim_log_open(struct shim_log *log, const char *path, int64_t limit,
                   int files)
{
    *log = (struct shim_log){ .path = mem_copy_string(path), .fd = -1,
                              .limit = limit, .files = files };
    log->budget = FLOOD_BYTES;
    log->budget_at = clock_steady();
    open_file(log);
}

/* chat.log becomes chat.log.1, that one chat.log.2, and the last one goes. */
static void rotate(struct shim_log *log)
{
    for (int i = log->files - 1; i > 0; i--) {
        scoped_mem char *to = mem_printf("%s.%d", log->path, i);
        scoped_mem char *from = i == 1 ? mem_copy_string(log->path)
                                       : mem_printf("%s.%d", log->path, i - 1);

        rename(from, to);
    }
    if (log->files <= 1)
        unlink(log->path);
    if (log->fd >= 0)
        close(log->fd);
    open_file(log);
}

static void refill(struct shim_log *log)
{
    int64_t now = clock_steady();
    int64_t gain = (now - log->budget_at) / 1000 * FLOOD_BYTES / 1000000;

    if (gain <= 0)
        return;
    log->budget = log->budget + gain > FLOOD_BYTES ? FLOOD_BYTES
                                                   : log->budget + gain;
    log->budget_at = now;
}

static void put(struct shim_log *log, const char *bytes, size_t len)
{
    ssize_t wrote;

    if (log->size + (int64_t)len > log->limit && log->size > 0)
        rotate(log);
    if (log->fd < 0)
        open_file(log);
    /* A full disk costs the lines, never the workload. */
    wrote = log->fd >= 0 ? write(log->fd, bytes, len) : -1;
    if (wrote > 0)
        log->size += wrote;
}

static void add_line(struct text *out, const char *stream, const char *mark,
                     const char *line, size_t len)
{
    char when[CLOCK_TEXT];

    clock_format(clock_wall(), true, when);
    text_addf(out, "%s %s %s ", when, stream, mark);
    text_add_bytes(out, line, len);
    text_add_char(out, '\n');
}

static void note_dropped(struct shim_log *log, struct text *out)
{
    scoped_mem char *note = NULL;

    if (!log->dropped)
        return;
    note = mem_printf("[axle: %lld bytes of output were dropped, more than "
                      "8 MiB per second]", (long long)log->dropped);
    add_line(out, "stderr", "F", note, strlen(note));
    log->dropped = 0;
}

static void flush(struct shim_log *log, struct text *out)
{
    if (out->len)
        put(log, out->bytes, out->len);
    text_cut(out, 0);
}

static void split_lines(struct shim_log *log, struct shim_stream *stream,
                        struct text *out)
{
    char *from = stream->line, *end;

    while ((end = memchr(from, '\n', stream->len))) {
        add_line(out, stream->name, "F", from, (size_t)(end - from));
        if (out->len >= 4096) /* short lines grow by their time stamps */
            flush(log, out);
        stream->len -= (size_t)(end - from) + 1;
        from = end + 1;
    }
    if (stream->len && from != stream->line)
        memmove(stream->line, from, stream->len);
    if (stream->len == SHIM_LINE) {
        add_line(out, stream->name, "P", stream->line, stream->len);
        stream->len = 0;
    }
}

static void end_line(struct shim_log *log, struct shim_stream *stream)
{
    scoped_text struct text out = { 0 };

    if (stream->len)
        add_line(&out, stream->name, "F", stream->line, stream->len);
    note_dropped(log, &out);
    flush(log, &out);
    stream->len = 0;
}

static void end_stream(struct shim_log *log, struct shim_stream *stream)
{
    end_line(log, stream);
    mem_free(&stream->line);
    close(stream->fd);
    stream->fd = -1;
}

void shim_log_read(struct shim_log *log, struct shim_stream *stream)
{
    scoped_text struct text out = { 0 };
    ssize_t got;

    if (!stream->line)
        stream->line = mem_alloc(SHIM_LINE);
    got = read(stream->fd, stream->line + stream->len, SHIM_LINE - stream->len);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        end_stream(log, stream);
    if (got <= 0)
        return;
    refill(log);
    if (log->budget < got) {
        log->dropped += got + (int64_t)stream->len;
        stream->len = 0;
        return;
    }
    log->budget -= got;
    stream->len += (size_t)got;
    note_dropped(log, &out);
    split_lines(log, stream, &out);
    flush(log, &out);
}

void shim_log_drain(struct shim_log *log, struct shim_stream *stream)
{
    /* What is in the pipe when everyone has gone; bounded by its size. */
    for (int i = 0; i < 256 && stream->fd >= 0; i++) {
        struct pollfd ready = { .fd = stream->fd, .events = POLLIN };

        if (poll(&ready, 1, 0) <= 0)
            break;
        shim_log_read(log, stream);
    }
    if (stream->fd >= 0)
        end_line(log, stream);
}

void shim_log_finish(struct shim_log *log, struct shim_stream *stream)
{
    shim_log_drain(log, stream);
    if (stream->fd >= 0)
        end_stream(log, stream);
}
