/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client: calls wait for lines, lines are kept between calls. */
#include "http/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/object.h"
#include "tls/tls.h"

#define CLIENT_TAG 0x48434c49u
#define LINE_TAG 0x484c494eu
#define CALL_TAG 0x4843414cu
#define MOST_FIELDS 128
#define MOST_HEAD 131072
#define MOST_BODY ((size_t)64 << 20)
#define MOST_REST ((size_t)65536)
#define MOST_EXPLANATION ((size_t)65536)
#define MOST_EXPLAINED ((size_t)1 << 20) /* what is read of it; the rest is dropped */

static void match_soon(struct http_client *client);

/* ------------------------------------------------------------------- calls */

static void free_call_later(void *arg)
{
    struct http_call *call = object_from(http_call, CALL_TAG, arg);

    call->tag = 0;
    mem_free(&call);
}

/* Queued callbacks may still hold the call: it is freed after them. */
static void call_free(struct http_call *call)
{
    loop_timer_free(&call->timer);
    text_free(&call->request);
    text_free(&call->body);
    arena_free(&call->arena);
    call->line = NULL;
    loop_later(call->client->loop, free_call_later, call);
}

/* The list is short: a call waits only while all lines are busy. */
static void unqueue_call(struct http_call *call)
{
    struct http_client *client = call->client;
    struct http_call **at;

    for (at = &client->waiting; *at; at = &(*at)->next)
        if (*at == call) {
            *at = call->next;
            break;
        }
    for (client->last = &client->waiting; *client->last;)
        client->last = &(*client->last)->next;
}

static void line_end(struct line *line);
static void line_release(struct line *line, bool keep);

/* Tells the outcome; the call is gone afterwards. */
static void conclude_call(struct http_call *call, const struct err *err)
{
    struct http_response response = call->response;
    struct line *line = call->line;

    if (line && err) {
        line->call = NULL;
        line_end(line);
        response.stream = NULL;
    } else if (!line) {
        unqueue_call(call);
    }
    call->line = NULL;
    response.body = text_string(&call->body);
    response.len = call->body.len;
    if (call->options.done)
        call->options.done(err ? NULL : &response, err, call->options.arg);
    call_free(call);
}

/* Ends the call, and its line with it: what was sent may still be answered on it. */
static void fail_call(struct http_call *call, enum err_code code, const char *words)
{
    struct err err = {0};

    err_set(&err, code, "%s: %s", call->client->address, words);
    conclude_call(call, &err);
}

static void on_call_timer(void *arg)
{
    struct http_call *call = object_from(http_call, CALL_TAG, arg);

    if (call->paused) {
        loop_timer_set(call->timer, call->options.silence);
        return;
    }
    fail_call(call, ERR_TIMEOUT, call->headed ? "the answer stopped coming" : "no answer in time");
}

/* ------------------------------------------------------------------- lines */

static void free_line_later(void *arg)
{
    struct line *line = object_from(line, LINE_TAG, arg);

    line->tag = 0;
    mem_free(&line);
}

/* A line may end from within its own parser, through a callback of its call: `dead` tells
   the parser to stop, and the struct is freed by a call that is queued after all others. */
static void line_end(struct line *line)
{
    struct http_client *client = line->client;
    struct line **at;

    if (line->dead)
        return;
    line->dead = true;
    for (at = &client->lines; *at != line; at = &(*at)->next)
        ;
    *at = line->next;
    client->line_count--;
    loop_timer_free(&line->idle);
    loop_stream_close(&line->stream);
    text_free(&line->rest);
    mem_free(&line->ended);
    http_wire_free(&line->wire);
    loop_later(client->loop, free_line_later, line);
    match_soon(client);
}

static void on_line_idle(void *arg)
{
    line_end(object_from(line, LINE_TAG, arg));
}

/* The call is over; the line waits for the next one, or ends. */
static void line_release(struct line *line, bool keep)
{
    line->call = NULL;
    line->used = true;
    if (!keep || line->rest.len || line->ended) {
        line_end(line);
        return;
    }
    http_wire_again(&line->wire);
    loop_timer_set(line->idle, line->client->idle_deadline);
    match_soon(line->client);
}

static void send_request(struct line *line)
{
    struct http_call *call = line->call;

    loop_stream_write(line->stream, call->request.bytes, call->request.len);
}

static bool is_success(const struct http_call *call)
{
    return call->response.status >= 200 && call->response.status < 300;
}

/* The body of a response that is no success explains it: it is collected, and not given
   to `data`, whose pieces the caller takes for what it asked for. */
static void take_piece(struct http_call *call, const char *bytes, size_t len)
{
    size_t room = MOST_EXPLANATION - call->body.len;

    if (!call->options.data) {
        text_add_bytes(&call->body, bytes, len);
        return;
    }
    if (!is_success(call)) {
        text_add_bytes(&call->body, bytes, len < room ? len : room);
        return;
    }
    if (call->options.silence)
        loop_timer_set(call->timer, call->options.silence);
    call->options.data(call, bytes, len, call->options.arg);
}

/* Called by the parser. The callbacks may cancel or pause the call, or end the line, so the
   parser is stopped when anything but "go on" is true afterwards. */
static void take_answer_body(const char *bytes, size_t len, void *arg)
{
    struct line *line = object_from(line, LINE_TAG, arg);
    struct http_call *call = line->call;
    size_t limit;

    if (!call) {
        http_wire_stop(&line->wire);
        return;
    }
    limit = call->options.data && !is_success(call) ? MOST_EXPLAINED : call->options.limit;
    call->received += len;
    if (limit && call->received > limit) {
        http_wire_stop(&line->wire);
        fail_call(call, ERR_TOO_LARGE, "the answer is larger than is allowed");
        return;
    }
    take_piece(call, bytes, len);
    if (line->dead || line->call != call || call->paused)
        http_wire_stop(&line->wire);
}

/* Answers of the 1xx kind but 101 come before the real one. */
static bool is_interim(int status)
{
    return status >= 100 && status < 200 && status != 101;
}

static bool has_no_body(const struct http_call *call)
{
    int status = call->response.status;

    return call->head_only || status < 200 || status == 204 || status == 304;
}

/* `done` may send the next call, cancel others or free the client: the line has let go of
   its call before. */
static void on_answer_end(struct line *line)
{
    struct http_call *call = line->call;
    bool keep = llhttp_should_keep_alive(&line->wire.parser) && call->response.status != 101 &&
                !call->paused;

    call->response.stream = line->stream;
    loop_timer_stop(call->timer);
    line->call = NULL;
    conclude_call(call, NULL);
    if (!line->dead)
        line_release(line, keep);
}

/* False if there is nothing more to parse for this call. */
static bool on_answer_head(struct line *line)
{
    struct http_call *call = line->call;
    const char *unused;
    struct http_field *fields;
    struct err err = {0};

    call->response.status = (int)line->wire.parser.status_code;
    if (is_interim(call->response.status)) {
        http_wire_again(&line->wire);
        return true;
    }
    if (!call->arena)
        call->arena = arena_new();
    if (http_wire_fields(&line->wire, call->arena, &unused, &fields, &call->response.header_count,
                         &err) < 0) {
        fail_call(call, ERR_INVALID, err.text);
        return false;
    }
    call->response.headers = fields;
    call->response.stream = line->stream;
    call->headed = true;
    /* An explanation has the time that is left, and no more. */
    if (call->options.data && is_success(call)) {
        if (call->options.silence)
            loop_timer_set(call->timer, call->options.silence);
        else
            loop_timer_stop(call->timer);
    }
    if (call->options.head)
        call->options.head(call, &call->response, call->options.arg);
    if (line->dead || line->call != call)
        return false;
    if (has_no_body(call)) {
        on_answer_end(line);
        return false;
    }
    return true;
}

/* How much of the bytes is used. After each event the line may be dead or without a call. */
static size_t parse_answer(struct line *line, const char *bytes, size_t len)
{
    size_t at = 0, used;
    bool again = false;

    while (!line->dead && line->call && !line->call->paused && (at < len || again)) {
        enum wire_event event = http_wire_feed(&line->wire, bytes + at, len - at, &used);

        at += used;
        again = false;
        if (line->dead)
            break;
        if (event == WIRE_HEAD) {
            again = on_answer_head(line);
            if (again && is_interim(line->call->response.status))
                again = false;
            if (!line->dead && !line->call)
                break;
        } else if (event == WIRE_END) {
            on_answer_end(line);
            break;
        } else if (event == WIRE_BAD) {
            fail_call(line->call, ERR_INVALID, http_wire_problem(&line->wire));
        }
    }
    return at;
}

/* A paused call keeps at most MOST_REST bytes here; then TCP slows the server down. */
static void keep_rest(struct line *line, const char *bytes, size_t len)
{
    text_add_bytes(&line->rest, bytes, len);
    if (line->rest.len >= MOST_REST && !line->paused) {
        line->paused = true;
        loop_stream_pause(line->stream);
    }
}

static void on_line_closed(void *arg, const struct err *why);

/* The queued call after a pause. `ended` is told only now, behind the bytes that came before. */
static void go_on_line(void *arg)
{
    struct line *line = object_from(line, LINE_TAG, arg);
    scoped_text struct text rest = {0};
    size_t used;

    line->again = false;
    if (line->dead || !line->call)
        return;
    rest = line->rest;
    line->rest = (struct text){0};
    used = parse_answer(line, text_string(&rest), rest.len);
    if (line->dead)
        return;
    if (used < rest.len && line->call) {
        text_add_bytes(&line->rest, rest.bytes + used, rest.len - used);
    } else if (used < rest.len) {
        line_end(line);
        return;
    }
    if (line->ended && !line->call->paused) {
        struct err why = *line->ended;

        on_line_closed(line, &why);
        return;
    }
    if (line->paused && line->rest.len < MOST_REST && !line->ended) {
        line->paused = false;
        loop_stream_resume(line->stream);
    }
}

/* Bytes never overtake those in `rest`, nor a queued go_on_line(). */
static void on_line_read(void *arg, const char *bytes, size_t len)
{
    struct line *line = object_from(line, LINE_TAG, arg);
    size_t used = 0;

    if (!line->call) { /* bytes without a request: the server is confused */
        line_end(line);
        return;
    }
    if (!line->rest.len && !line->again)
        used = parse_answer(line, bytes, len);
    if (line->dead || used == len)
        return;
    if (line->call)
        keep_rest(line, bytes + used, len - used);
    else
        line_end(line);
}

/* A server may close a kept line just when it is used; then the request is sent once more,
   on another line. It may also have died of it, or after it: so a POST is not. */
static bool send_once_more(struct line *line)
{
    struct http_call *call = line->call;

    if (!line->used || call->once || call->tried || call->headed || line->wire.in_message)
        return false;
    call->tried = true;
    line->call = NULL;
    call->line = NULL;
    call->next = call->client->waiting;
    call->client->waiting = call;
    if (!call->next)
        call->client->last = &call->next;
    line_end(line);
    return true;
}

/* The end of a paused call's connection waits until the call is resumed. A server that
   closes an idle line while a request is on its way to it is no failure: send_once_more(). */
static void on_line_closed(void *arg, const struct err *why)
{
    struct line *line = object_from(line, LINE_TAG, arg);
    struct http_call *call = line->call;

    if (!call) {
        line_end(line);
        return;
    }
    if (call->paused) {
        line->ended = mem_copy(why, sizeof *why);
        return;
    }
    if (why->code == ERR_NONE && call->headed && !call->paused &&
        http_wire_feed_end(&line->wire) == WIRE_END) {
        on_answer_end(line);
        return;
    }
    if (send_once_more(line))
        return;
    if (why->code == ERR_NONE)
        fail_call(call, ERR_UNREACHABLE,
                  call->headed ? "the answer was cut off" : "closed without an answer");
    else
        conclude_call(call, why);
}

static const struct loop_stream_events events = {
    .read = on_line_read,
    .closed = on_line_closed,
};

static struct line *line_new(struct http_client *client, struct err *err)
{
    struct loop_stream *stream =
        client->tls ? tls_connect(client->tls, client->address, client->tls_name, err)
                    : loop_connect(client->loop, client->address, err);
    struct line *line;

    if (!stream)
        return NULL;
    line = mem_alloc(sizeof *line);
    line->tag = LINE_TAG;
    line->client = client;
    line->stream = stream;
    line->idle = loop_timer_new(client->loop, on_line_idle, line);
    line->next = client->lines;
    client->lines = line;
    client->line_count++;
    http_wire_start(&line->wire, false, MOST_FIELDS, MOST_HEAD, take_answer_body, line);
    loop_stream_handle(stream, &events, line);
    return line;
}

/* --------------------------------------------------------- calls meet lines */

static struct line *free_line(struct http_client *client)
{
    struct line *line;

    for (line = client->lines; line; line = line->next)
        if (!line->call && !line->dead)
            return line;
    return NULL;
}

/* Gives waiting calls to free lines, in their order. A call that fails is removed from the
   queue by that; its callback may add others at the end. */
static void match_now(void *arg)
{
    struct http_client *client = object_from(http_client, CLIENT_TAG, arg);
    struct err err = {0};

    client->matching = false;
    while (client->waiting) {
        struct http_call *call = client->waiting;
        struct line *line = free_line(client);

        if (call->malformed) {
            fail_call(call, ERR_INVALID, "the request would hold blanks or control characters");
            continue;
        }
        if (!line && client->line_count >= client->most_lines)
            return;
        if (!line && !(line = line_new(client, &err))) {
            conclude_call(call, &err);
            continue;
        }
        unqueue_call(call);
        loop_timer_stop(line->idle);
        line->call = call;
        call->line = line;
        send_request(line);
    }
}

/* Queued, so that no callback is called from within http_client_send(). */
static void match_soon(struct http_client *client)
{
    if (client->matching || !client->waiting)
        return;
    client->matching = true;
    loop_later(client->loop, match_now, client);
}

/* Some of a target and of headers is what others have named. */
static bool is_well_formed(const struct http_client_request *request)
{
    for (const char *at = request->target; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return false;
    for (size_t i = 0; i < request->header_count; i++)
        if (strpbrk(request->headers[i].name, "\r\n: ") ||
            strpbrk(request->headers[i].value, "\r\n"))
            return false;
    return *request->target == '/';
}

static void write_call(struct http_call *call, const struct http_client_request *request)
{
    const char *method = request->method ? request->method : "GET";
    struct text *to = &call->request;
    size_t i;
    bool has_host = http_field_get(request->headers, request->header_count, "host") != NULL;

    text_addf(to, "%s %s HTTP/1.1\r\n", method, request->target);
    if (!has_host)
        text_addf(to, "Host: %s\r\n", call->client->host);
    for (i = 0; i < request->header_count; i++)
        text_addf(to, "%s: %s\r\n", request->headers[i].name, request->headers[i].value);
    if (request->len || (strcmp(method, "GET") && strcmp(method, "HEAD")))
        text_addf(to, "Content-Length: %zu\r\n", request->len);
    text_add(to, "\r\n");
    if (request->len)
        text_add_bytes(to, request->body, request->len);
    call->head_only = !strcmp(method, "HEAD");
    call->once = !strcmp(method, "POST");
}

struct http_call *http_client_send(struct http_client *client,
                                   const struct http_client_request *request)
{
    struct http_call *call = mem_alloc(sizeof *call);

    call->tag = CALL_TAG;
    call->client = client;
    call->options = *request;
    if (!call->options.limit && !call->options.data)
        call->options.limit = MOST_BODY;
    call->malformed = !is_well_formed(request);
    if (!call->malformed)
        write_call(call, request);
    call->timer = loop_timer_new(client->loop, on_call_timer, call);
    loop_timer_set(call->timer, request->deadline ? request->deadline : 30 * CLOCK_SECOND);
    *client->last = call;
    client->last = &call->next;
    match_soon(client);
    return call;
}

/* A line whose request was sent cannot be used for another call: its response is to come. */
void http_call_cancel(struct http_call **at)
{
    struct http_call *call = take(*at);
    struct line *line;

    if (!call)
        return;
    line = call->line;
    if (line) {
        line->call = NULL;
        line_end(line);
    } else {
        unqueue_call(call);
    }
    call_free(call);
}

void http_call_pause(struct http_call *call, bool paused)
{
    call->paused = paused;
    if (paused || !call->line || call->line->again)
        return;
    call->line->again = true;
    loop_later(call->client->loop, go_on_line, call->line);
}

/* ------------------------------------------------------------ begin and end */

struct http_client *http_client_new(struct loop *loop, const struct http_client_settings *settings,
                                    struct err *err)
{
    struct http_client *client;
    char host[LOOP_HOST];
    int port;

    if (!text_starts(settings->address, "unix:") &&
        loop_address_split(settings->address, -1, host, &port, err) < 0)
        return NULL;
    client = mem_alloc(sizeof *client);
    client->tag = CLIENT_TAG;
    client->loop = loop;
    client->address = mem_copy_string(settings->address);
    client->host = mem_copy_string(settings->host                            ? settings->host
                                   : text_starts(settings->address, "unix:") ? "localhost"
                                                                             : settings->address);
    client->tls_name = settings->tls_name ? mem_copy_string(settings->tls_name) : NULL;
    client->tls = settings->tls;
    client->most_lines = settings->most_connections ? settings->most_connections : 8;
    client->idle_deadline = settings->idle_deadline ? settings->idle_deadline : 60 * CLOCK_SECOND;
    client->last = &client->waiting;
    return client;
}

/* After the queued calls of lines and calls, which still look at it. */
static void free_client_later(void *arg)
{
    struct http_client *client = object_from(http_client, CLIENT_TAG, arg);

    client->tag = 0;
    mem_free(&client->address);
    mem_free(&client->host);
    mem_free(&client->tls_name);
    mem_free(&client);
}

void http_client_free(struct http_client **at)
{
    struct http_client *client = take(*at);

    if (!client)
        return;
    while (client->waiting) {
        struct http_call *call = client->waiting;

        http_call_cancel(&call);
    }
    client->matching = true;
    while (client->lines) {
        struct line *line = client->lines;
        struct http_call *call = take(line->call);

        if (call)
            call_free(call);
        line_end(line);
    }
    loop_later(client->loop, free_client_later, client);
}
