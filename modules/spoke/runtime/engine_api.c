/* SPDX-License-Identifier: Apache-2.0 */
/* Speaks Docker's API with an engine on this machine. */

#include "runtime/engine.h"

#include "base/clock.h"
#include "document/document.h"
#include "http/http.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES ((size_t)4 * 1024 * 1024)

static void describe_failure(struct engine_response *response, const struct err *err, char *room,
                             size_t len)
{
    if (!response->status)
        snprintf(room, len, "%.380s", err->text);
    else if (response->status >= 400)
        snprintf(room, len, "%.380s",
                 *node_get_text(response->json, "message")
                     ? node_get_text(response->json, "message")
                     : "the engine refuses");
    response->why = room;
}

static void on_engine_answer(const struct http_response *from, const struct err *err, void *arg)
{
    struct engine_call *call = arg;
    scoped_arena struct arena *arena = arena_new();
    struct engine_response response = {0};
    char why[400] = "";

    if (from) {
        response.status = from->status;
        response.bytes = from->body;
        response.len = from->len;
        if (from->len && (from->body[0] == '{' || from->body[0] == '['))
            response.json = document_read_foreign(arena, from->body, from->len, NULL);
    }
    describe_failure(&response, err, why, sizeof why);
    *call->from = call->next;
    if (call->next)
        call->next->from = call->from;
    call->done(call, &response);
    mem_free(&call);
}

struct engine_call *engine_send(struct runtime *runtime, const char *method, const char *target,
                                const struct node *body, int64_t deadline, engine_fn *done)
{
    static const struct http_field json = {"content-type", "application/json"};
    struct engine *engine = runtime->engine;
    struct engine_call *call = mem_alloc(sizeof *call);
    scoped_text struct text text = {0};
    struct http_client_request request = {.method = method,
                                          .target = target,
                                          .limit = ANSWER_BYTES,
                                          .deadline = deadline,
                                          .done = on_engine_answer,
                                          .arg = call};

    *call = (struct engine_call){
        .runtime = runtime, .next = engine->calls, .from = &engine->calls, .done = done};
    if (engine->calls)
        engine->calls->from = &call->next;
    engine->calls = call;
    if (body) {
        document_write_json(&text, body);
        request.headers = &json;
        request.header_count = 1;
        request.body = text.bytes;
        request.len = text.len;
    }
    http_client_send(engine->client, &request);
    return call;
}

/* ---- At once ---------------------------------------------------------------------- */

struct now {
    bool over;
    int status;
    struct text body;
    char why[300];
};

static void on_now(const struct http_response *response, const struct err *err, void *arg)
{
    struct now *now = arg;

    now->over = true;
    if (!response) {
        snprintf(now->why, sizeof now->why, "%.280s", err->text);
        return;
    }
    now->status = response->status;
    text_add_bytes(&now->body, response->body ? response->body : "", response->len);
}

/* On a loop of its own, because nothing else may happen meanwhile. */
char *engine_request_now(const char *address, const char *target, struct arena *arena,
                         size_t *ret_len, struct err *err)
{
    struct http_client_settings settings = {.address = address, .host = "localhost"};
    struct http_client_request request = {
        .target = target, .limit = ANSWER_BYTES, .deadline = 10 * CLOCK_SECOND, .done = on_now};
    struct now now = {0};
    struct loop *loop = loop_new(err);
    struct http_client *client = loop ? http_client_new(loop, &settings, err) : NULL;
    char *bytes = NULL;

    request.arg = &now;
    if (client)
        http_client_send(client, &request);
    while (client && !now.over)
        loop_turn(loop, CLOCK_SECOND);
    if (client && now.status == 200) {
        *ret_len = now.body.len;
        bytes = arena_alloc(arena, now.body.len + 1);
        memcpy(bytes, text_string(&now.body), now.body.len);
        bytes[now.body.len] = '\0';
    } else if (client) {
        err_set(err, now.status == 404 ? ERR_NOT_FOUND : ERR_UNREACHABLE, "%s answers %d %s",
                address, now.status, now.why);
    }
    text_free(&now.body);
    http_client_free(&client);
    loop_free(&loop);
    return bytes;
}

/* ---- Streams ------------------------------------------------------------------------ */

/* "2026-11-25T15:11:51.1Z words" becomes "2026-11-25T15:11:51.1Z stdout F words". */
static void mark_lines(const char *bytes, size_t len, const char *stream, struct text *ret)
{
    while (len) {
        const char *end = memchr(bytes, '\n', len), *space = memchr(bytes, ' ', len);
        size_t line = end ? (size_t)(end - bytes) : len;
        size_t stamp = space && (size_t)(space - bytes) < line ? (size_t)(space - bytes) : 0;

        text_add_bytes(ret, bytes, stamp);
        text_addf(ret, " %s F", stream);
        text_add_bytes(ret, bytes + stamp, line - stamp);
        text_add_char(ret, '\n');
        bytes += line + (end != NULL);
        len -= line + (end != NULL);
    }
}

void engine_unmix(const char *bytes, size_t len, bool lines, struct text *ret)
{
    const unsigned char *at = (const unsigned char *)bytes;

    while (len >= 8) {
        size_t size = (size_t)at[4] << 24 | (size_t)at[5] << 16 | (size_t)at[6] << 8 | at[7];
        const char *stream = at[0] == 2 ? "stderr" : "stdout";

        at += 8;
        len -= 8;
        size = size < len ? size : len;
        if (lines)
            mark_lines((const char *)at, size, stream, ret);
        else
            text_add_bytes(ret, at, size);
        at += size;
        len -= size;
    }
}

char *engine_name(struct arena *arena, const char *pod, const char *container)
{
    return arena_printf(arena, "axle-%s-%s", pod, container);
}
