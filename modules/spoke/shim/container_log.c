/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a container's output down, one line each with time and stream. */

#include "shim/launch.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A workload that floods its log gets as much per second as is kept of it at
   all, within these bounds, and a note. */
#define FLOOD_MOST ((int64_t)8 * 1024 * 1024)
#define FLOOD_LEAST ((int64_t)256 * 1024)

static void open_file(struct shim_log *log)
{
    struct stat st;

    log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    log->size = log->fd >= 0 && fstat(log->fd, &st) == 0 ? st.st_size : 0;
}

void shim_log_open(struct shim_log *log, const char *path, int64_t limit, int files)
{
    *log =
        (struct shim_log){.path = mem_copy_string(path), .fd = -1, .limit = limit, .files = files};
    log->rate = limit * files;
    log->rate = log->rate < FLOOD_LEAST  ? FLOOD_LEAST
                : log->rate > FLOOD_MOST ? FLOOD_MOST
                                         : log->rate;
    log->budget = log->rate;
    log->budget_at = clock_steady();
    open_file(log);
}

/* chat.log becomes chat.log.1, that one chat.log.2, and the last one goes. */
static void rotate_log(struct shim_log *log)
{
    for (int i = log->files - 1; i > 0; i--) {
        scoped_mem char *to = mem_printf("%s.%d", log->path, i);
        scoped_mem char *from =
            i == 1 ? mem_copy_string(log->path) : mem_printf("%s.%d", log->path, i - 1);

        rename(from, to);
    }
    if (log->files <= 1)
        unlink(log->path);
    if (log->fd >= 0)
        close(log->fd);
    open_file(log);
}

static void refill_budget(struct shim_log *log)
{
    int64_t now = clock_steady();
    int64_t gain = (now - log->budget_at) / 1000 * log->rate / 1000000;

    if (gain <= 0)
        return;
    log->budget = log->budget + gain > log->rate ? log->rate : log->budget + gain;
    log->budget_at = now;
}

/* Whole lines or nothing: returns how many bytes of them are in the file. */
static size_t put_lines(struct shim_log *log, const char *bytes, size_t len)
{
    ssize_t wrote = log->fd >= 0 ? write(log->fd, bytes, len) : -1;
    size_t whole = wrote > 0 ? (size_t)wrote : 0;

    while (whole && whole < len && bytes[whole - 1] != '\n')
        whole--;
    if (wrote > 0 && whole < (size_t)wrote && ftruncate(log->fd, log->size + (off_t)whole) < 0)
        whole = (size_t)wrote;
    log->size += (int64_t)whole;
    return whole;
}

static void add_log_line(struct text *out, const char *stream, const char *mark, const char *line,
                         size_t len)
{
    char when[CLOCK_TEXT];

    clock_format(clock_wall(), true, when);
    text_addf(out, "%s %s %s ", when, stream, mark);
    text_add_bytes(out, line, len);
    text_add_char(out, '\n');
}

/* What a full disk cost is said where it is missing. */
static bool note_lost(struct shim_log *log)
{
    scoped_text struct text out = {0};
    scoped_mem char *note = NULL;

    if (!log->lost)
        return true;
    note = mem_printf("[axle: %lld bytes of output were lost, the disk did not take them]",
                      (long long)log->lost);
    add_log_line(&out, "stderr", "F", note, strlen(note));
    if (put_lines(log, out.bytes, out.len) < out.len)
        return false;
    log->lost = 0;
    return true;
}

static void write_log(struct shim_log *log, const char *bytes, size_t len)
{
    if (log->size + (int64_t)len > log->limit && log->size > 0)
        rotate_log(log);
    if (log->fd < 0)
        open_file(log);
    /* A full disk costs the lines, never the workload. */
    if (note_lost(log))
        log->lost += (int64_t)(len - put_lines(log, bytes, len));
    else
        log->lost += (int64_t)len;
}

static void note_dropped(struct shim_log *log, struct text *out)
{
    scoped_mem char *note = NULL;

    if (!log->dropped)
        return;
    note = mem_printf("[axle: %lld bytes of output were dropped, more than %lld KiB per second]",
                      (long long)log->dropped, (long long)log->rate / 1024);
    add_log_line(out, "stderr", "F", note, strlen(note));
    log->dropped = 0;
}

static void flush_line(struct shim_log *log, struct text *out)
{
    if (out->len)
        write_log(log, out->bytes, out->len);
    log->budget -= (int64_t)out->len; /* an empty line costs its time stamp, too */
    text_cut(out, 0);
}

static void remember_line(struct shim_stream *stream, const char *line, size_t len)
{
    static const char blank[] = " \t\r";

    while (len && strchr(blank, line[len - 1]))
        len--;
    while (len && strchr(blank, *line)) {
        line++;
        len--;
    }
    if (len)
        snprintf(stream->last, sizeof stream->last, "%.*s", (int)len, line);
}

static void split_lines(struct shim_log *log, struct shim_stream *stream, struct text *out)
{
    char *from = stream->line, *end;

    while ((end = memchr(from, '\n', stream->len))) {
        add_log_line(out, stream->name, "F", from, (size_t)(end - from));
        remember_line(stream, from, (size_t)(end - from));
        if (out->len >= 4096) /* short lines grow by their time stamps */
            flush_line(log, out);
        stream->len -= (size_t)(end - from) + 1;
        from = end + 1;
    }
    if (stream->len && from != stream->line)
        memmove(stream->line, from, stream->len);
    if (stream->len == SHIM_LINE) {
        add_log_line(out, stream->name, "P", stream->line, stream->len);
        stream->len = 0;
    }
}

/* After a flood: how much is missing, then the lines that were kept of its end. */
static void take_up(struct shim_log *log, struct shim_stream *stream, struct text *out)
{
    char *end = stream->cut && stream->len ? memchr(stream->line, '\n', stream->len) : NULL;

    if (end) { /* the rest of a line whose beginning was dropped */
        size_t rest = (size_t)(end - stream->line) + 1;

        log->dropped += (int64_t)rest;
        stream->len -= rest;
        memmove(stream->line, end + 1, stream->len);
    }
    stream->cut = false;
    note_dropped(log, out);
    if (stream->len)
        split_lines(log, stream, out);
    flush_line(log, out); /* a file is never longer than its limit by more than one line */
}

static void end_line(struct shim_log *log, struct shim_stream *stream)
{
    scoped_text struct text out = {0};

    take_up(log, stream, &out);
    if (stream->len) {
        add_log_line(&out, stream->name, "F", stream->line, stream->len);
        remember_line(stream, stream->line, stream->len);
    }
    flush_line(log, &out);
    stream->len = 0;
}

static void end_stream(struct shim_log *log, struct shim_stream *stream)
{
    end_line(log, stream);
    mem_free(&stream->line);
    close(stream->fd);
    stream->fd = -1;
}

#define FLOOD_PIPE (1024 * 1024)

/* Keeps the newest bytes in `line`; returns how many it lost of what it had. */
static size_t shift_in(struct shim_stream *stream, const char *bytes, size_t len)
{
    size_t over = stream->len + len > SHIM_LINE ? stream->len + len - SHIM_LINE : 0;
    size_t old = over < stream->len ? over : stream->len;

    memmove(stream->line, stream->line + old, stream->len - old);
    stream->len -= old;
    memcpy(stream->line + stream->len, bytes + (over - old), len - (over - old));
    stream->len += len - (over - old);
    return over;
}

/*
 * What may not be written is not even copied, so that a flood costs little and
 * its writer is not held up: all but the newest bytes, which are kept in case
 * they are its last, because those say why it ended.
 */
static ssize_t drop_bytes(struct shim_log *log, struct shim_stream *stream)
{
    static char newest[SHIM_LINE];
    static int nowhere = -1;
    int ready = 0;
    ssize_t got = 0, lost;

    if (nowhere < 0)
        nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (!log->dropped)
        fcntl(stream->fd, F_SETPIPE_SZ, FLOOD_PIPE);
    if (ioctl(stream->fd, FIONREAD, &ready) == 0 && ready > (int)SHIM_LINE)
        got = splice(stream->fd, NULL, nowhere, NULL, (size_t)ready - SHIM_LINE, SPLICE_F_NONBLOCK);
    lost = got > 0 ? got + (ssize_t)stream->len : 0;
    if (lost)
        stream->len = 0;
    got = read(stream->fd, newest, sizeof newest);
    if (got > 0)
        lost += (ssize_t)shift_in(stream, newest, (size_t)got);
    stream->cut |= lost > 0;
    log->dropped += lost;
    return got;
}

static ssize_t write_down(struct shim_log *log, struct shim_stream *stream)
{
    scoped_text struct text out = {0};
    ssize_t got;

    take_up(log, stream, &out);
    got = read(stream->fd, stream->line + stream->len, SHIM_LINE - stream->len);
    if (got > 0) {
        stream->len += (size_t)got;
        split_lines(log, stream, &out);
    }
    flush_line(log, &out);
    return got;
}

void shim_log_read(struct shim_log *log, struct shim_stream *stream)
{
    ssize_t got;

    if (!stream->line)
        stream->line = mem_alloc(SHIM_LINE);
    refill_budget(log);
    got = log->budget <= (log->dropped ? log->rate / 8 : 0) ? drop_bytes(log, stream)
                                                            : write_down(log, stream);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        end_stream(log, stream);
}

void shim_log_drain(struct shim_log *log, struct shim_stream *stream)
{
    /* What is in the pipe when everyone has gone; bounded by its size. */
    for (int i = 0; i < 256 && stream->fd >= 0; i++) {
        struct pollfd ready = {.fd = stream->fd, .events = POLLIN};

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
