/* SPDX-License-Identifier: Apache-2.0 */
/* Reaches a server through an HTTP proxy: CONNECT, and then its bytes as they are. */
#include "tls/internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MOST 16384
/* A proxy that asks another one, or a name server, takes a moment. */
#define TUNNEL_TIMEOUT (20 * CLOCK_SECOND)
#define SCHEME "http://"
#define PORT_USUAL 80
#define NO_ANSWER "it ended the connection without an answer: is that an HTTP proxy?"

struct tunnel {
    struct loop_stream stream;
    struct loop_stream *inner; /* owned; to the proxy */
    char *proxy, *target;      /* owned; HOST:PORT each */
    char *waiting, *through;   /* owned; the other end in words: before and behind the response */
    char *authorization;       /* owned; NULL: none was given */
    struct text early;         /* written before the server is reached */
    struct text head;          /* of the proxy's answer, as far as it has come */
    size_t interim;            /* bytes of 1xx answers before it */
    struct loop_timer *late;   /* owned */
    bool open, dead;
};

/* ---- The proxy's address ----------------------------------------------------------- */

/* "USER:PASSWORD@HOST:PORT" in its parts; both as they are in the URL. */
int tls_proxy_read(const char *url, struct tls_proxy *ret, struct err *err)
{
    const char *rest = url + strlen(SCHEME), *at, *end;
    char host[LOOP_HOST];
    int port;

    *ret = (struct tls_proxy){0};
    if (strncmp(url, SCHEME, strlen(SCHEME)) != 0)
        return err_set(err, ERR_INVALID,
                       "a proxy is http://[USER:PASSWORD@]HOST:PORT; another "
                       "scheme than http (TLS to the proxy itself, SOCKS) is not supported: the "
                       "connection through it is encrypted to the hub in any case");
    end = rest + strcspn(rest, "/?#");
    if (*end && strcmp(end, "/") != 0)
        return err_set(err, ERR_INVALID,
                       "a proxy is http://[USER:PASSWORD@]HOST:PORT, without a "
                       "path (a / in a password is written %%2F)");
    at = memrchr(rest, '@', (size_t)(end - rest));
    if (at && (size_t)(at - rest) < sizeof ret->user)
        memcpy(ret->user, rest, (size_t)(at - rest));
    else if (at)
        return err_set(err, ERR_INVALID, "the proxy's user and password are too long");
    rest = at ? at + 1 : rest;
    if ((size_t)(end - rest) >= sizeof ret->address)
        return err_set(err, ERR_INVALID, "the proxy's host is too long");
    snprintf(ret->address, sizeof ret->address, "%.*s", (int)(end - rest), rest);
    if (loop_address_split(ret->address, PORT_USUAL, host, &port, err) < 0 || !*host)
        return err->code ? err_wrap(err, "proxy")
                         : err_set(err, ERR_INVALID, "the proxy's URL names no host");
    snprintf(ret->address, sizeof ret->address, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host,
             port);
    return 0;
}

static int hex_of_digit(char c)
{
    const char *digits = "0123456789abcdef",
               *at = strchr(digits, c | ('A' <= c && c <= 'F' ? 32 : 0));

    return c && at ? (int)(at - digits) : -1;
}

/* RFC 7617, of what the URL says with %XX. */
static char *write_authorization(const char *user)
{
    scoped_text struct text plain = {0}, out = {0};

    if (!*user)
        return NULL;
    for (const char *at = user; *at; at++) {
        int high = *at == '%' ? hex_of_digit(at[1]) : -1;
        int low = high >= 0 ? hex_of_digit(at[2]) : -1;

        text_add_char(&plain, low >= 0 ? (char)(high * 16 + low) : *at);
        at += low >= 0 ? 2 : 0;
    }
    if (!strchr(user, ':'))
        text_add_char(&plain, ':');
    text_add_base64(&out, plain.bytes, plain.len, false);
    return text_take(&out);
}

/* ---- The proxy's answer -------------------------------------------------------------- */

/* The status of a whole head; 0: more must come; -1: that is no HTTP. */
int tls_tunnel_status(const char *bytes, size_t len, size_t *ret_used)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    int major = 0, minor = 0, status = 0;
    char line[64];

    if (len >= 5 && memcmp(bytes, "HTTP/", 5) != 0)
        return -1;
    if (!end)
        return len > HEAD_MOST ? -1 : 0;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(bytes, "\r\n"), bytes);
    if (sscanf(line, "HTTP/%1d.%1d %3d", &major, &minor, &status) != 3 || major != 1 ||
        status < 100 || status > 599)
        return -1;
    *ret_used = (size_t)(end - bytes) + 4;
    return status;
}

/* `closed` is the last event: the owner closes the stream, perhaps within it. */
static void lose_tunnel(struct tunnel *t, enum err_code code, const char *words)
{
    struct err err = {0};

    if (t->dead)
        return;
    err_set(&err, code, "through the proxy %s to %s: %s", t->proxy, t->target, words);
    loop_timer_free(&t->late);
    loop_stream_close(&t->inner);
    t->stream.events->closed(t->stream.arg, &err);
}

/* A proxy may accept the connection and then be silent. */
static void on_tunnel_late(void *arg)
{
    lose_tunnel(arg, ERR_TIMEOUT, "it does not answer in time");
}

/* The words say which of the two, proxy or hub, is to be mended, and where. */
static void refuse_proxy(struct tunnel *t, int status)
{
    scoped_mem char *words = NULL;

    if (status == 407)
        words = mem_printf(t->authorization
                               ? "it refuses the user and password of its URL (407)"
                               : "it asks for a user and a password (407): http://USER:PASSWORD@%s",
                           t->proxy);
    else
        words = mem_printf(
            "it refuses the connection (%d%s)", status,
            status == 403                   ? ": its rules forbid this host or port"
            : status >= 300 && status < 400 ? ": it sends elsewhere, as to a page for logging in"
            : status == 502 || status == 503 || status == 504 ? ": it cannot reach the hub"
                                                              : "");
    lose_tunnel(t, ERR_UNREACHABLE, words);
}

/* Interim responses (1xx) may come first. Bytes behind the head are the server's already;
   `opened` may close the stream, so `dead` is looked at before they are given. */
static void take_head(struct tunnel *t)
{
    scoped_text struct text rest = {0};
    size_t used = 0;
    int status = tls_tunnel_status(text_string(&t->head), t->head.len, &used);

    while (status >= 100 && status < 200) {
        t->interim += used;
        text_add_bytes(&rest, t->head.bytes + used, t->head.len - used);
        text_free(&t->head);
        t->head = rest;
        rest = (struct text){0};
        status = tls_tunnel_status(text_string(&t->head), t->head.len, &used);
    }
    if (status == 0 && t->interim <= HEAD_MOST)
        return;
    if (status <= 0) {
        lose_tunnel(t, ERR_INVALID, "its answer is no HTTP: is that an HTTP proxy?");
        return;
    }
    if (status > 299) {
        refuse_proxy(t, status);
        return;
    }
    text_add_bytes(&rest, t->head.bytes + used, t->head.len - used);
    text_free(&t->head);
    t->open = true;
    loop_timer_free(&t->late);
    loop_stream_write(t->inner, text_string(&t->early), t->early.len);
    text_free(&t->early);
    t->stream.events->opened(t->stream.arg);
    if (rest.len && !t->dead)
        t->stream.events->read(t->stream.arg, rest.bytes, rest.len);
}

/* ---- Below: the stream to the proxy --------------------------------------------------- */

/* The request goes out before anything of the owner's, which waits in `early`. */
static void on_proxy_opened(void *arg)
{
    struct tunnel *t = arg;
    scoped_text struct text request = {0};

    text_addf(&request, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", t->target, t->target);
    if (t->authorization)
        text_addf(&request, "Proxy-Authorization: Basic %s\r\n", t->authorization);
    text_add(&request, "\r\n");
    loop_stream_write(t->inner, request.bytes, request.len);
}

/* After the proxy's response all bytes are the server's. */
static void on_proxy_read(void *arg, const char *bytes, size_t len)
{
    struct tunnel *t = arg;

    if (t->open) {
        t->stream.events->read(t->stream.arg, bytes, len);
        return;
    }
    text_add_bytes(&t->head, bytes, len);
    take_head(t);
}

/* An end before the response is a failure, whatever the owner thinks of half-closed streams. */
static void on_proxy_ended(void *arg)
{
    struct tunnel *t = arg;
    struct err none = {0};

    if (!t->open)
        lose_tunnel(t, ERR_UNREACHABLE, NO_ANSWER);
    else if (t->stream.events->ended)
        t->stream.events->ended(t->stream.arg);
    else
        t->stream.events->closed(t->stream.arg, &none);
}

static void on_proxy_drained(void *arg)
{
    struct tunnel *t = arg;

    if (t->open && t->stream.events->drained)
        t->stream.events->drained(t->stream.arg);
}

static void on_proxy_closed(void *arg, const struct err *why)
{
    struct tunnel *t = arg;

    if (!t->open)
        lose_tunnel(t, ERR_UNREACHABLE, why->code ? why->text : NO_ANSWER);
    else
        t->stream.events->closed(t->stream.arg, why);
}

static const struct loop_stream_events below = {
    .opened = on_proxy_opened,
    .read = on_proxy_read,
    .ended = on_proxy_ended,
    .drained = on_proxy_drained,
    .closed = on_proxy_closed,
};

/* ---- Above: a stream as any ------------------------------------------------------------- */

static struct tunnel *tunnel_of(struct loop_stream *stream)
{
    return (struct tunnel *)stream;
}

static void tunnel_handle(struct loop_stream *stream)
{
    struct tunnel *t = tunnel_of(stream);

    if (t->inner)
        loop_stream_handle(t->inner, &below, t);
}

/* What is written before the tunnel is open is sent by take_head(). */
static void tunnel_write(struct loop_stream *stream, const void *bytes, size_t len)
{
    struct tunnel *t = tunnel_of(stream);

    if (!t->open)
        text_add_bytes(&t->early, bytes, len);
    else if (t->inner)
        loop_stream_write(t->inner, bytes, len);
}

static size_t tunnel_pending(const struct loop_stream *stream)
{
    const struct tunnel *t = (const struct tunnel *)stream;

    return t->early.len + (t->inner ? loop_stream_pending(t->inner) : 0);
}

static void tunnel_pause(struct loop_stream *stream, bool paused)
{
    struct tunnel *t = tunnel_of(stream);

    if (t->inner && paused)
        loop_stream_pause(t->inner);
    else if (t->inner)
        loop_stream_resume(t->inner);
}

static void tunnel_finish(struct loop_stream *stream)
{
    struct tunnel *t = tunnel_of(stream);

    if (t->inner)
        loop_stream_finish(t->inner);
}

static void free_tunnel_later(void *arg)
{
    struct tunnel *t = arg;

    text_free(&t->head);
    text_free(&t->early);
    mem_free(&t->proxy);
    mem_free(&t->target);
    mem_free(&t->waiting);
    mem_free(&t->through);
    if (t->authorization)
        explicit_bzero(t->authorization, strlen(t->authorization));
    mem_free(&t->authorization);
    mem_free(&t);
}

/* It may be closed from within one of its own events. */
static void tunnel_close(struct loop_stream *stream)
{
    struct tunnel *t = tunnel_of(stream);

    t->dead = true;
    loop_timer_free(&t->late);
    loop_stream_close(&t->inner);
    loop_later(stream->loop, free_tunnel_later, t);
}

static const char *tunnel_remote(const struct loop_stream *stream)
{
    const struct tunnel *t = (const struct tunnel *)stream;

    return t->open ? t->through : t->waiting;
}

static const struct loop_stream_kind tunnel_kind = {
    .name = "tunnel",
    .handle = tunnel_handle,
    .write = tunnel_write,
    .pending = tunnel_pending,
    .pause = tunnel_pause,
    .finish = tunnel_finish,
    .close = tunnel_close,
    .remote = tunnel_remote,
};

struct loop_stream *tls_tunnel_connect(struct loop *loop, const struct tls_proxy *proxy,
                                       const char *address, struct err *err)
{
    struct loop_stream *inner;
    struct tunnel *t;
    char host[LOOP_HOST];
    int port;

    if (loop_address_split(address, 443, host, &port, err) < 0)
        return NULL;
    inner = loop_connect(loop, proxy->address, err);
    if (!inner)
        return NULL;
    t = mem_alloc(sizeof *t);
    t->stream = (struct loop_stream){.kind = &tunnel_kind, .loop = loop};
    t->inner = inner;
    t->proxy = mem_copy_string(proxy->address);
    t->target = mem_printf(strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);
    t->waiting = mem_printf("%s: the proxy %s has not answered", t->target, t->proxy);
    t->through = mem_printf("%s through the proxy %s", t->target, t->proxy);
    t->authorization = write_authorization(proxy->user);
    t->late = loop_timer_new(loop, on_tunnel_late, t);
    loop_timer_set(t->late, TUNNEL_TIMEOUT);
    return &t->stream;
}
