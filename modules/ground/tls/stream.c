/* SPDX-License-Identifier: Apache-2.0 */
/* A stream inside a stream: its states, the bytes that wait, and its callbacks. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "tls/internal.h"

/* A client waits longer: in a storm the hub has many before us. */
#define CONNECT_TIMEOUT (30 * CLOCK_SECOND)

static const struct loop_stream_kind tls_kind;
static const struct tls_engine *simulated_engine; /* NULL: no loop is simulated */

void tls_simulate(const struct tls_engine *engine)
{
    simulated_engine = engine;
}

static struct tls_stream *open_stream_of(const struct loop_stream *stream)
{
    struct tls_stream *t = (struct tls_stream *)stream;

    assert(stream->kind == &tls_kind && t->state != TLS_DEAD);
    return t;
}

/* ------------------------------------------------------------- the engine's */

void tls_advanced(struct tls_stream *t)
{
    t->last_look = false;
    if (t->server)
        loop_timer_set(t->timeout, TLS_HANDSHAKE_TIMEOUT * CLOCK_MS);
}

static void stop_waiting(struct tls_stream *t)
{
    if (t->waiting)
        TAILQ_REMOVE(&t->server->waiting, t, next_waiting);
    t->waiting = false;
}

/* Out of the server's lists and without a deadline: the handshake is over, however it ended. */
static void stop_handshaking(struct tls_stream *t)
{
    loop_timer_free(&t->timeout);
    if (!t->server)
        return;
    stop_waiting(t);
    TAILQ_REMOVE(&t->server->streams, t, link);
    t->server->pending--;
    t->server->silent -= t->silent;
    t->server = NULL;
}

/* Queued; the stream may be dead or told by then, or get its callbacks later (tls_handle). */
static void tell_stream_lost(void *arg)
{
    struct tls_stream *t = arg;

    if (t->state != TLS_LOST || t->told || !t->stream.events)
        return;
    t->told = true;
    t->stream.events->closed(t->stream.arg, t->lost);
}

/* May be called from within the engine, so callers look at `state` afterwards. A stream of a
   server that is still shaking hands is freed by this, in a later turn. */
void tls_lose(struct tls_stream *t, enum err_code code, const char *format, ...)
{
    struct tls_server *server = t->server;
    struct err err = {.code = code};
    va_list args;

    if (t->state == TLS_LOST || t->state == TLS_DEAD)
        return;
    va_start(args, format);
    vsnprintf(err.text, sizeof err.text, format, args);
    va_end(args);
    t->state = TLS_LOST;
    t->lost = mem_copy(&err, sizeof err);
    stop_handshaking(t);
    if (server) {
        /* The owner gets the stream only after the handshake, so it is closed here. */
        struct loop_stream *stream = &t->stream;

        server->counts.failed++;
        loop_stream_close_politely(&t->inner, CLOCK_SECOND);
        loop_stream_close(&stream);
        return;
    }
    loop_stream_close_politely(&t->inner, CLOCK_SECOND);
    loop_later(t->stream.loop, tell_stream_lost, t);
}

void tls_ended(struct tls_stream *t)
{
    if (t->ended || t->state != TLS_OPEN || !t->stream.events)
        return;
    t->ended = true;
    if (t->stream.events->ended)
        t->stream.events->ended(t->stream.arg);
    else
        tls_lose(t, ERR_NONE, "%s", "");
}

/* `out` is taken out first: the inner stream may call back, and that may flush again. */
void tls_flush(struct tls_stream *t)
{
    struct text out = t->out;

    t->out = (struct text){0};
    if (t->inner)
        loop_stream_write(t->inner, text_string(&out), out.len);
    text_free(&out);
}

/* `ready` and `opened` may close the stream or write to it. */
void tls_handshake_done(struct tls_stream *t)
{
    struct tls_server *server = t->server;

    t->state = TLS_OPEN;
    if (server) {
        server->counts.full += !t->resumed;
        server->counts.resumed += t->resumed;
    }
    stop_handshaking(t);
    if (t->ready) {
        t->ready(&t->stream, t->ready_arg);
        return;
    }
    if (t->early.len) {
        struct text early = t->early;

        t->early = (struct text){0};
        t->engine->write(t, early.bytes, early.len);
        text_free(&early);
    }
    if (t->finish)
        t->engine->finish(t);
    if (t->stream.events && t->stream.events->opened)
        t->stream.events->opened(t->stream.arg);
}

/* ----------------------------------------------------- from below, upwards */

/* Makes what has come into handshake steps and bytes. */
static void pump_bytes(struct tls_stream *t)
{
    if (t->state == TLS_HANDSHAKING)
        t->engine->shake(t);
    if (t->state == TLS_OPEN && t->stream.events && !t->paused && !t->ended)
        t->engine->read(t);
    if (t->state == TLS_OPEN && t->inner_ended && !t->in_len && !t->paused)
        tls_ended(t);
}

/* Queued. What the owner does not take stays in front of what comes later. */
static void pump_kept(void *arg)
{
    struct tls_stream *t = arg;
    struct text kept = t->kept;

    t->pump_queued = false;
    if (t->state != TLS_HANDSHAKING && t->state != TLS_OPEN)
        return;
    t->kept = (struct text){0};
    t->in = kept.bytes;
    t->in_len = kept.len;
    pump_bytes(t);
    if (t->in_len && t->state != TLS_DEAD)
        text_add_bytes(&t->kept, t->in, t->in_len);
    t->in_len = 0;
    text_free(&kept);
}

static void pump_soon(struct tls_stream *t)
{
    if (t->pump_queued)
        return;
    t->pump_queued = true;
    loop_later(t->stream.loop, pump_kept, t);
}

/*
 * A step of a full handshake takes half a millisecond, a request less. Of many who come at
 * once some wait for the next turns of the loop, first come, first served, so that those who
 * are in are served in each.
 */
#define TLS_STEPS_A_TURN 8

/* False: it waits. */
static bool has_turn(struct tls_stream *t)
{
    struct tls_server *server = t->server;

    if (!server || t->state != TLS_HANDSHAKING)
        return true;
    if (server->steps < TLS_STEPS_A_TURN) {
        if (!server->steps++)
            loop_timer_set(server->turn, 0);
        return true;
    }
    server->counts.waited++;
    t->waiting = true;
    TAILQ_INSERT_TAIL(&server->waiting, t, next_waiting);
    return false;
}

static void on_handshake_turn(void *arg)
{
    struct tls_server *server = arg;
    struct tls_stream *t;

    server->steps = 0;
    while (server->steps < TLS_STEPS_A_TURN && (t = TAILQ_FIRST(&server->waiting))) {
        stop_waiting(t);
        server->steps++;
        pump_kept(t);
    }
    if (server->steps)
        loop_timer_set(server->turn, 0);
}

/* Bytes are used where they lie if possible, and copied only when the stream is paused. */
static void on_inner_read(void *arg, const char *bytes, size_t len)
{
    struct tls_stream *t = arg;

    if (t->state != TLS_HANDSHAKING && t->state != TLS_OPEN)
        return;
    if (t->silent && t->server) {
        t->silent = false;
        t->server->silent--;
    }
    if (t->kept.len || t->pump_queued || t->waiting || !has_turn(t)) {
        text_add_bytes(&t->kept, bytes, len);
        if (!t->waiting)
            pump_soon(t);
        return;
    }
    t->in = bytes;
    t->in_len = len;
    pump_bytes(t);
    if (t->in_len && t->state != TLS_DEAD && t->state != TLS_LOST)
        text_add_bytes(&t->kept, t->in, t->in_len);
    t->in_len = 0;
}

/* An end within the handshake is a failure: no one has sent a close_notify. */
static void on_inner_ended(void *arg)
{
    struct tls_stream *t = arg;

    t->inner_ended = true;
    if (t->state == TLS_HANDSHAKING)
        tls_lose(t, ERR_UNREACHABLE, "%s: closed during the TLS handshake",
                 loop_stream_remote(t->inner));
    else if (!t->kept.len && !t->paused)
        tls_ended(t);
}

static void on_inner_drained(void *arg)
{
    struct tls_stream *t = arg;

    if (t->state == TLS_OPEN && t->stream.events && t->stream.events->drained)
        t->stream.events->drained(t->stream.arg);
}

static void on_inner_closed(void *arg, const struct err *why)
{
    struct tls_stream *t = arg;

    tls_lose(t, why->code, "%s", why->text);
}

static void on_inner_opened(void *arg)
{
    pump_bytes(arg);
}

static const struct loop_stream_events below = {
    .opened = on_inner_opened,
    .read = on_inner_read,
    .ended = on_inner_ended,
    .drained = on_inner_drained,
    .closed = on_inner_closed,
};

/* --------------------------------------------------- from above, downwards */

static void tls_handle(struct loop_stream *stream)
{
    struct tls_stream *t = open_stream_of(stream);

    pump_soon(t);
    if (t->state == TLS_LOST && !t->told)
        loop_later(stream->loop, tell_stream_lost, t);
}

static void tls_write(struct loop_stream *stream, const void *bytes, size_t len)
{
    struct tls_stream *t = open_stream_of(stream);

    if (t->state == TLS_HANDSHAKING)
        text_add_bytes(&t->early, bytes, len);
    else if (t->state == TLS_OPEN)
        t->engine->write(t, bytes, len);
}

static size_t tls_pending(const struct loop_stream *stream)
{
    const struct tls_stream *t = (const struct tls_stream *)stream;

    return t->early.len + (t->inner ? loop_stream_pending(t->inner) : 0);
}

/* While shaking hands reading goes on: the handshake is not the owner's. */
static void tls_pause(struct loop_stream *stream, bool paused)
{
    struct tls_stream *t = open_stream_of(stream);

    t->paused = paused;
    if (!t->inner || t->state == TLS_HANDSHAKING)
        return;
    if (paused) {
        loop_stream_pause(t->inner);
    } else {
        loop_stream_resume(t->inner);
        pump_soon(t);
    }
}

static void tls_finish(struct loop_stream *stream)
{
    struct tls_stream *t = open_stream_of(stream);

    if (t->finish)
        return;
    t->finish = true;
    if (t->state == TLS_OPEN)
        t->engine->finish(t);
}

static void free_stream(void *arg)
{
    struct tls_stream *t = arg;

    assert(t->state == TLS_DEAD);
    mbedtls_ssl_free(&t->ssl);
    tls_setup_drop(&t->setup);
    text_free(&t->kept);
    text_free(&t->out);
    text_free(&t->early);
    pki_cert_free(&t->peer);
    mem_free(&t->pinned_pem);
    mem_free(&t->name);
    mem_free(&t->lost);
    mem_free(&t);
}

/* The struct stays until queued calls have run: pump_kept() and tell_stream_lost(). */
static void tls_close(struct loop_stream *stream)
{
    struct tls_stream *t = open_stream_of(stream);

    stop_handshaking(t);
    t->state = TLS_DEAD;
    loop_stream_close(&t->inner);
    loop_later(stream->loop, free_stream, t);
}

static const char *tls_remote(const struct loop_stream *stream)
{
    const struct tls_stream *t = (const struct tls_stream *)stream;

    return t->inner ? loop_stream_remote(t->inner) : "";
}

static const struct loop_stream_kind tls_kind = {
    .name = "tls",
    .handle = tls_handle,
    .write = tls_write,
    .pending = tls_pending,
    .pause = tls_pause,
    .finish = tls_finish,
    .close = tls_close,
    .remote = tls_remote,
};

/*
 * Time that we ourselves are busy with others is not the other end's fault:
 * what has come meanwhile is looked at before the connection is given up.
 */
static void on_handshake_late(void *arg)
{
    struct tls_stream *t = arg;

    if (!t->last_look) {
        t->last_look = true;
        loop_timer_set(t->timeout, CLOCK_MS);
        return;
    }
    tls_lose(t, ERR_TIMEOUT, "%s: the TLS handshake took too long", loop_stream_remote(t->inner));
}

static struct tls_stream *stream_new(struct loop_stream *inner, struct tls_setup *setup)
{
    struct tls_stream *t = mem_alloc(sizeof *t);

    t->stream.kind = &tls_kind;
    t->stream.loop = loop_stream_loop(inner);
    t->inner = inner;
    t->setup = tls_setup_hold(setup);
    t->engine = loop_is_simulated(t->stream.loop) ? simulated_engine : &tls_real;
    mbedtls_ssl_init(&t->ssl);
    return t;
}

/* ------------------------------------------------------------------ server */

struct tls_server *tls_server_new(struct loop *loop, const struct tls_server_settings *settings,
                                  struct err *err)
{
    struct tls_server *server = mem_alloc(sizeof *server);

    server->loop = loop;
    TAILQ_INIT(&server->streams);
    TAILQ_INIT(&server->waiting);
    server->setup = tls_setup_server(server, settings, err);
    if (!server->setup) {
        mem_free(&server);
        return NULL;
    }
    server->turn = loop_timer_new(loop, on_handshake_turn, server);
    tls_tickets_start(server);
    return server;
}

/* Handshakes that have not ended go; open streams are their owners' and live on. */
void tls_server_free(struct tls_server **at)
{
    struct tls_server *server = take(*at);

    if (!server)
        return;
    while (!TAILQ_EMPTY(&server->streams)) {
        struct loop_stream *stream = &TAILQ_FIRST(&server->streams)->stream;

        loop_stream_close(&stream);
    }
    loop_timer_free(&server->turn);
    tls_setup_drop(&server->setup);
    explicit_bzero(server->tickets, sizeof server->tickets);
    mem_free(&server);
}

int tls_server_renew(struct tls_server *server, const struct tls_server_settings *settings,
                     struct err *err)
{
    struct tls_setup *setup = tls_setup_server(server, settings, err);

    if (!setup)
        return -1;
    tls_setup_drop(&server->setup);
    server->setup = setup;
    return 0;
}

/*
 * An honest client speaks first and at once; so of many that say nothing the
 * oldest goes when there are too many, of one address or of all. A client that has
 * begun its handshake is never dropped for others.
 */
static void drop_silent_peer(struct tls_server *server, const char *newcomer)
{
    struct tls_stream *t, *oldest = NULL, *oldest_of_address = NULL;
    size_t of_address = 0;

    TAILQ_FOREACH(t, &server->streams, link)
    {
        if (!t->silent)
            continue;
        oldest = oldest ? oldest : t;
        if (!loop_same_host(loop_stream_remote(t->inner), newcomer))
            continue;
        oldest_of_address = oldest_of_address ? oldest_of_address : t;
        of_address++;
    }
    if (of_address > TLS_MOST_SILENT_OF_ONE)
        tls_lose(oldest_of_address, ERR_TIMEOUT, "too many say nothing");
    else if (server->silent > TLS_MOST_SILENT)
        tls_lose(oldest, ERR_TIMEOUT, "too many say nothing");
}

void tls_server_accept(struct tls_server *server, struct loop_stream **stream,
                       loop_accept_fn *ready, void *arg)
{
    struct tls_stream *t = stream_new(take(*stream), server->setup);

    t->server = server;
    t->ready = ready;
    t->ready_arg = arg;
    t->silent = true;
    TAILQ_INSERT_TAIL(&server->streams, t, link);
    server->pending++;
    server->silent++;
    t->timeout = loop_timer_new(server->loop, on_handshake_late, t);
    loop_timer_set(t->timeout, TLS_HANDSHAKE_TIMEOUT * CLOCK_MS);
    loop_stream_handle(t->inner, &below, t);
    if (server->silent > TLS_MOST_SILENT_OF_ONE)
        drop_silent_peer(server, loop_stream_remote(t->inner));
}

size_t tls_server_pending(const struct tls_server *server)
{
    return server->pending;
}

struct tls_counts tls_server_counts(const struct tls_server *server)
{
    return server->counts;
}

/* ------------------------------------------------------------------ client */

struct tls_client *tls_client_new(struct loop *loop, const struct tls_client_settings *settings,
                                  struct err *err)
{
    struct tls_client *client = mem_alloc(sizeof *client);

    client->loop = loop;
    if (!settings->proxy || tls_proxy_read(settings->proxy, &client->proxy, err) == 0)
        client->setup = tls_setup_client(settings, err);
    if (!client->setup) {
        mem_free(&client);
        return NULL;
    }
    client->insecure = settings->insecure;
    client->pinned = settings->pin != NULL;
    if (settings->pin)
        memcpy(client->pin, settings->pin, sizeof client->pin);
    client->sessions = map_new();
    return client;
}

void tls_client_free(struct tls_client **at)
{
    struct tls_client *client = take(*at);
    mbedtls_ssl_session *session;
    size_t i = 0;

    if (!client)
        return;
    while ((session = map_next(client->sessions, &i, NULL))) {
        mbedtls_ssl_session_free(session);
        mem_free(&session);
    }
    map_free(&client->sessions);
    mem_free(&client->pinned_pem);
    tls_setup_drop(&client->setup);
    mem_free(&client);
}

struct loop_stream *tls_connect(struct tls_client *client, const char *address, const char *name,
                                struct err *err)
{
    struct loop_stream *inner;
    struct tls_stream *t;
    char host[LOOP_HOST];
    int port;

    if (!name) {
        if (loop_address_split(address, 443, host, &port, err) < 0)
            return NULL;
        name = host;
    }
    inner = *client->proxy.address ? tls_tunnel_connect(client->loop, &client->proxy, address, err)
                                   : loop_connect(client->loop, address, err);
    if (!inner)
        return NULL;
    t = stream_new(inner, client->setup);
    t->client = client;
    t->name = mem_copy_string(name);
    t->timeout = loop_timer_new(client->loop, on_handshake_late, t);
    loop_timer_set(t->timeout, CONNECT_TIMEOUT);
    loop_stream_handle(inner, &below, t);
    return &t->stream;
}

/* ------------------------------------------------------------- either side */

static const struct tls_stream *tls_or_null(const struct loop_stream *stream)
{
    if (!stream || stream->kind != &tls_kind)
        return NULL;
    return (const struct tls_stream *)stream;
}

const struct pki_cert *tls_peer(const struct loop_stream *stream)
{
    const struct tls_stream *t = tls_or_null(stream);

    return t ? t->peer : NULL;
}

bool tls_is_secured(const struct loop_stream *stream)
{
    return tls_or_null(stream) != NULL;
}

bool tls_was_resumed(const struct loop_stream *stream)
{
    const struct tls_stream *t = tls_or_null(stream);

    return t && t->resumed;
}

const char *tls_version(const struct loop_stream *stream)
{
    const struct tls_stream *t = tls_or_null(stream);

    return t ? t->engine->version(t) : "";
}

int tls_pinned_root(const struct loop_stream *stream, struct text *ret_pem, struct err *err)
{
    const struct tls_stream *t = tls_or_null(stream);

    if (!t || !t->pinned_pem)
        return err_set(err, ERR_NOT_FOUND, "no certificate was pinned");
    text_add(ret_pem, t->pinned_pem);
    return 0;
}
