/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server and client: what is refused, bodies, pieces, deadlines. */
#include <stdlib.h>
#include <unistd.h>

#include "base/map.h"
#include "check.h"
#include "http/http.h"
#include "pki_fixture.h"
#include "tls/tls.h"

static struct loop *loop;
static struct http_server *server;
static struct http_request *held; /* by a handler that does not answer yet */
static int gone;
static struct text accessed;

static void turn_until(const bool *so)
{
    int64_t until = clock_steady() + 5 * CLOCK_SECOND;

    while (!*so && clock_steady() < until)
        loop_turn(loop, 10 * CLOCK_MS);
}

/* ---- handlers */

static void say(struct http_request *r, void *arg)
{
    const char *q = http_request_query(r, "q");
    scoped_text struct text words = {0};
    size_t i;

    text_addf(&words, "%s", r->method);
    for (i = 0; i < r->segment_count; i++)
        text_addf(&words, " [%s]", r->segments[i]);
    text_addf(&words, " q=%s peer=%s", q ? q : "(none)", r->peer ? r->peer->common_name : "-");
    r->label = "say";
    http_response_header(r, "X-Test", "yes");
    http_respond(r, 200, "text/plain", words.bytes, words.len);
}

static void echo_body(struct http_request *r, const char *bytes, size_t len, void *arg)
{
    http_respond(r, 200, NULL, bytes, len);
}
static void echo(struct http_request *r, void *arg)
{
    http_body_whole(r, 1000000, echo_body, NULL);
}
static void echo_later_now(void *arg)
{
    http_body_whole(arg, 1000000, echo_body, NULL);
}
static void echo_later(struct http_request *r, void *arg)
{
    loop_later(loop, echo_later_now, r);
}

static void count_piece(struct http_request *r, const char *bytes, size_t len, void *arg)
{
    size_t *count = arg;

    *count += len;
    if (!len)
        http_respond_text(r, 200, "%zu", *count);
}
static void count(struct http_request *r, void *arg)
{
    http_body_pieces(r, 10000000, count_piece, arena_alloc(r->arena, sizeof(size_t)));
}

static void on_gone(struct http_request *r, void *arg)
{
    gone++;
    held = NULL;
}
static void hold(struct http_request *r, void *arg)
{
    held = r;
    http_request_gone(r, on_gone, NULL);
}
static void watch(struct http_request *r, void *arg)
{
    hold(r, arg);
    http_response_begin(r, 200, "application/json", -1);
    http_response_write(r, "{\"a\":1}\n", 8);
}

static size_t big_left;
static void more(struct http_request *r, void *arg)
{
    static char piece[50000];

    while (big_left && http_response_pending(r) < 100000) {
        http_response_write(r, piece, sizeof piece);
        big_left -= sizeof piece;
    }
    if (!big_left)
        http_response_end(r);
}
static void big(struct http_request *r, void *arg)
{
    big_left = 20000000;
    http_response_begin(r, 200, NULL, (int64_t)big_left);
    http_response_drained(r, more, NULL);
    more(r, NULL);
}

static void pong(void *arg, const char *bytes, size_t len);
static struct loop_stream *upgraded;
static void up_closed(void *arg, const struct err *why)
{
    loop_stream_close(&upgraded);
}
static const struct loop_stream_events up_events = {.read = pong, .closed = up_closed};
static void pong(void *arg, const char *bytes, size_t len)
{
    loop_stream_write(upgraded, bytes, len);
}
static void upgrade(struct http_request *r, void *arg)
{
    upgraded = http_response_upgrade(r, "echo");
    loop_stream_handle(upgraded, &up_events, NULL);
}

static bool guard(struct http_request *r, void *arg)
{
    const char *most = http_request_header(r, "x-most");

    r->most_body = most ? strtoul(most, NULL, 10) : 0;
    if (http_request_header(r, "x-wait")) {
        hold(r, arg);
        return false;
    }
    if (!http_request_header(r, "x-forbidden"))
        return true;
    http_respond_text(r, 403, "no\n");
    return false;
}
static void observe(const struct http_access *a, void *arg)
{
    text_addf(&accessed, "%s %s %d;", a->request->method, a->request->path, a->code);
}

static void start_server(const struct http_server_settings *settings)
{
    server = http_server_new(loop, settings);
    http_server_route(server, "/", NULL, say, NULL);
    http_server_route(server, "/echo", NULL, echo, NULL);
    http_server_route(server, "/echo/later", NULL, echo_later, NULL);
    http_server_route(server, "/count", NULL, count, NULL);
    http_server_route(server, "/hold", NULL, hold, NULL);
    http_server_route(server, "/watch", NULL, watch, NULL);
    http_server_route(server, "/big", NULL, big, NULL);
    http_server_route(server, "/up", NULL, upgrade, NULL);
    http_server_route(server, "/read", "GET, HEAD", say, NULL);
    http_server_guard(server, guard, NULL);
    http_server_observe(server, observe, NULL);
}

/* ---- a client that says exactly what it is told */

static struct raw {
    struct loop_stream *stream;
    struct text got;
    bool closed;
} raw;

static void raw_read(void *arg, const char *bytes, size_t len)
{
    text_add_bytes(&raw.got, bytes, len);
}
static void raw_closed(void *arg, const struct err *why)
{
    raw.closed = true;
}
static const struct loop_stream_events raw_events = {.read = raw_read, .closed = raw_closed};

static void raw_open(void)
{
    struct err err = {0};

    text_free(&raw.got);
    raw.closed = false;
    raw.stream = loop_connect(loop, http_server_address(server, 0), &err);
    loop_stream_handle(raw.stream, &raw_events, NULL);
}
static void raw_say(const char *words)
{
    loop_stream_write(raw.stream, words, strlen(words));
}
static bool raw_wait(const char *words)
{
    int64_t until = clock_steady() + 3 * CLOCK_SECOND;

    while (!strstr(text_string(&raw.got), words) && !raw.closed && clock_steady() < until)
        loop_turn(loop, 10 * CLOCK_MS);
    return strstr(text_string(&raw.got), words) != NULL;
}
static void raw_close(void)
{
    int i;

    loop_stream_close(&raw.stream);
    for (i = 0; i < 4; i++)
        loop_turn(loop, CLOCK_MS);
}

#define H "Host: a\r\n"
static const struct {
    const char *name, *say, *want;
    bool closes;
} cases[] = {
    {"a plain request", "GET /a/b%20c?q=1 HTTP/1.1\r\n" H "\r\n", "GET [a] [b c] q=1 peer=-",
     false},
    {"a plus in a query is a blank", "GET /?q=a+b%2B HTTP/1.1\r\n" H "\r\n", "q=a b+ ", false},
    {"a query without a value", "GET /?q HTTP/1.1\r\n" H "\r\n", "q= ", false},
    {"two in one packet, in order", "GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n",
     "GET [2]", false},
    {"HEAD has a length and no body",
     "HEAD / HTTP/1.1\r\n" H "\r\nGET /after HTTP/1.1\r\n" H "\r\n", "GET [after]", false},
    {"a body by length", "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
     "\r\n\r\nhello", false},
    {"a body in chunks",
     "POST /echo HTTP/1.1\r\n" H
     "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
     "\r\n\r\nhello", false},
    {"a body that is asked for later",
     "POST /echo/later HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", "\r\n\r\nhello", false},
    {"no body, asked for later",
     "POST /echo/later HTTP/1.1\r\n" H "\r\nGET /x HTTP/1.1\r\n" H "\r\n", "GET [x]", false},
    {"a body that nobody wants is dropped",
     "POST /x HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcGET /y HTTP/1.1\r\n" H "\r\n", "GET [y]",
     false},
    {"100 is said before a body",
     "POST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
     "HTTP/1.1 100 Continue", false},
    {"the guard answers", "GET / HTTP/1.1\r\n" H "X-Forbidden: 1\r\n\r\n", "403 Forbidden", false},
    {"close is obeyed", "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "GET q=", true},
    {"HTTP/1.0 closes", "GET / HTTP/1.0\r\n\r\n", "GET q=", true},
    {"length and chunks",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "400 Bad Request", true},
    {"two lengths",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
     "400 Bad Request", true},
    {"two equal lengths",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
     "400 Bad Request", true},
    {"a list of lengths", "POST /echo HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\nhello",
     "400 Bad Request", true},
    {"a length with a sign", "POST /echo HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\nhello",
     "400 Bad Request", true},
    {"a huge length", "POST /echo HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999\r\n\r\n",
     "400 Bad Request", true},
    {"another encoding",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
     "400 Bad Request", true},
    {"chunked, in disguise", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n",
     "400 Bad Request", true},
    {"a chunk size with a sign",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n",
     "400 Bad Request", true},
    {"lines that end in LF", "GET / HTTP/1.1\nHost: a\n\n", "400 Bad Request", true},
    {"a blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400 Bad Request", true},
    {"a folded line", "GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", "400 Bad Request", true},
    {"a NUL in a value", "GET / HTTP/1.1\r\n" H "X: \x01\r\n\r\n", "400 Bad Request", true},
    {"no host", "GET / HTTP/1.1\r\n\r\n", "400 Bad Request", true},
    {"two hosts", "GET / HTTP/1.1\r\n" H "Host: b\r\n\r\n", "400 Bad Request", true},
    {"an absolute target of another host", "GET http://b/ HTTP/1.1\r\n" H "\r\n", "400 Bad Request",
     true},
    {"a bad escape", "GET /%zz HTTP/1.1\r\n" H "\r\n", "400 Bad Request", true},
    {"an escaped NUL", "GET /a%00 HTTP/1.1\r\n" H "\r\n", "400 Bad Request", true},
    {"another version", "GET / HTTP/2.0\r\n" H "\r\n", "400 Bad Request", true},
    {"no HTTP at all", "\x16\x03\x01\x02", "400 Bad Request", true},
    {"an absolute target of the same host", "GET http://A:80/x?q=2 HTTP/1.1\r\n" H "\r\n",
     "GET [x] q=2 peer", false},
    {"an absolute target with a user", "GET http://u@a/ HTTP/1.1\r\n" H "\r\n", "400 Bad Request",
     true},
    {"an absolute target of another port", "GET http://a:81/ HTTP/1.1\r\n" H "\r\n",
     "400 Bad Request", true},
    {"a host with a blank in it", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400 Bad Request", true},
    {"a list of hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400 Bad Request", true},
    {"an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400 Bad Request", true},
    {"a host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "400 Bad Request", true},
    {"a host with a port that is none", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
     "400 Bad Request", true},
    {"an address in brackets", "GET /v6 HTTP/1.1\r\nHost: [::1]:6443\r\n\r\n", "GET [v6]", false},
    {"brackets that do not end", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "400 Bad Request", true},
    {"an escaped slash", "GET /a%2Fb HTTP/1.1\r\n" H "\r\n", "400 Bad Request", true},
    {"an escaped backslash", "GET /a%5cb HTTP/1.1\r\n" H "\r\n", "400 Bad Request", true},
    {"the segment above", "GET /a/../b HTTP/1.1\r\n" H "\r\n", "400 Bad Request", true},
    {"the segment above, escaped", "GET /a/%2e%2E/b HTTP/1.1\r\n" H "\r\n", "400 Bad Request",
     true},
    {"the segment itself", "GET /a/./b HTTP/1.1\r\n" H "\r\n", "400 Bad Request", true},
    {"two slashes", "GET /a//b HTTP/1.1\r\n" H "\r\n", "400 Bad Request", true},
    {"two slashes first", "GET //a HTTP/1.1\r\n" H "\r\n", "400 Bad Request", true},
    {"a slash at the end", "GET /a/ HTTP/1.1\r\n" H "\r\n", "GET [a] q=", false},
    {"an escaped line end", "GET /a%0d%0ab HTTP/1.1\r\n" H "\r\n", "400 Bad Request", true},
    {"a path that is not UTF-8", "GET /a%ff HTTP/1.1\r\n" H "\r\n", "400 Bad Request", true},
    {"a query that is not UTF-8", "GET /?q=%ff HTTP/1.1\r\n" H "\r\n", "400 Bad Request", true},
    {"an escaped NUL in a query", "GET /?q=%00 HTTP/1.1\r\n" H "\r\n", "400 Bad Request", true},
    {"a header that is not UTF-8", "GET / HTTP/1.1\r\n" H "User-Agent: \xff\r\n\r\n",
     "400 Bad Request", true},
    {"a parameter twice", "GET /?q=1&a=2&q=3 HTTP/1.1\r\n" H "\r\n", "400 Bad Request", true},
    {"a parameter twice, in disguise", "GET /?q=1&%71=3 HTTP/1.1\r\n" H "\r\n", "400 Bad Request",
     true},
    {"words of a list", "GET /?command=a&command=b&q=4 HTTP/1.1\r\n" H "\r\n", "q=4 ", false},
    {"two content types", "GET / HTTP/1.1\r\n" H "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n",
     "400 Bad Request", true},
    {"two users to be taken for",
     "GET / HTTP/1.1\r\n" H "Impersonate-User: a\r\nImpersonate-User: b\r\n\r\n", "400 Bad Request",
     true},
    {"a method that nobody has", "FROB / HTTP/1.1\r\n" H "\r\n", "501 Not Implemented", true},
    {"TRACE", "TRACE / HTTP/1.1\r\n" H "\r\n", "501 Not Implemented", true},
    {"CONNECT", "CONNECT a:80 HTTP/1.1\r\n" H "\r\n", "501 Not Implemented", true},
    {"a method of another protocol", "PROPFIND / HTTP/1.1\r\n" H "\r\n", "501 Not Implemented",
     true},
    {"HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 ", true},
    {"a method that the route has not", "DELETE /read/only HTTP/1.1\r\n" H "\r\n",
     "Allow: GET, HEAD\r\n", false},
    {"a method that it has", "HEAD /read/only HTTP/1.1\r\n" H "\r\n", "200 OK", false},
    {"a star for OPTIONS alone", "GET * HTTP/1.1\r\n" H "\r\n", "400 Bad Request", true},
    {"an upgrade that is not for us is passed over",
     "GET /u HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\nGET /v HTTP/1.1\r\n" H
     "\r\n",
     "GET [v]", false},
    {"trailers add nothing",
     "POST /echo HTTP/1.1\r\n" H
     "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Forbidden: 1\r\nHost: b\r\n\r\nGET /t HTTP/1.1\r\n" H
     "\r\n",
     "GET [t]", false},
    {"a chunk's extension",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n",
     "\r\n\r\nabc", false},
    {"answers are not to be kept", "GET /x HTTP/1.1\r\n" H "\r\n", "Cache-Control: no-store\r\n",
     false},
    {"nor guessed at", "GET /x HTTP/1.1\r\n" H "\r\n", "X-Content-Type-Options: nosniff\r\n",
     false},
    {"refusals are not to be kept either", "GET / HTTP/1.1\r\n\r\n",
     "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n", true},
    {"a body beyond what the guard takes",
     "POST /echo HTTP/1.1\r\n" H "X-Most: 4\r\nContent-Length: 5\r\n\r\nhello",
     "larger than the 4 bytes", true},
    {"an unknown expectation",
     "POST /echo HTTP/1.1\r\n" H "Expect: wonders\r\nContent-Length: 5\r\n\r\n", "400 Bad Request",
     true},
    {"a body that is too long", "POST /echo HTTP/1.1\r\n" H "Content-Length: 1000001\r\n\r\nx",
     "413 Content Too Large", true},
};

static void table(void)
{
    size_t i, at;

    for (i = 0; i < count_of(cases); i++) {
        raw_open();
        raw_say(cases[i].say);
        if (!CHECK(raw_wait(cases[i].want), "%s", cases[i].name))
            printf("# got: %s\n", text_string(&raw.got));
        if (cases[i].closes)
            turn_until(&raw.closed);
        CHECK_INT(raw.closed, cases[i].closes, "%s: the connection %s", cases[i].name,
                  cases[i].closes ? "ends" : "goes on");
        raw_close();
    }
    for (i = 0; i < count_of(cases); i++) { /* byte by byte it is the same */
        if (cases[i].closes)
            continue;
        raw_open();
        for (at = 0; cases[i].say[at]; at++) {
            loop_stream_write(raw.stream, cases[i].say + at, 1);
            loop_turn(loop, CLOCK_MS / 2);
        }
        CHECK(raw_wait(cases[i].want), "%s, byte by byte", cases[i].name);
        raw_close();
    }
}

static void extensions_are_bounded(void)
{
    scoped_text struct text much = {0};

    text_add(&much, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1;a=");
    for (int i = 0; i < 5000; i++)
        text_add_char(&much, 'x');
    raw_open();
    raw_say(much.bytes);
    CHECK(raw_wait("431 "), "a chunk's extension without end is refused");
    raw_close();
}

static void heads_are_bounded(void)
{
    scoped_text struct text much = {0};
    int i;

    text_add(&much, "GET / HTTP/1.1\r\n" H);
    for (i = 0; i < 70; i++)
        text_addf(&much, "X-%d: y\r\n", i);
    text_add(&much, "\r\n");
    raw_open();
    raw_say(much.bytes);
    CHECK(raw_wait("431 "), "70 fields are too many");
    raw_close();
    text_cut(&much, 0);
    text_add(&much, "GET / HTTP/1.1\r\n" H "X: ");
    for (i = 0; i < 66000; i++)
        text_add_char(&much, 'x');
    raw_open();
    raw_say(much.bytes);
    CHECK(raw_wait("431 "), "66 kB of head are too much, before it has ended");
    raw_close();
}

static void the_slow_are_cut(void)
{
    struct http_server_settings quick = {.header_deadline = 30 * CLOCK_MS,
                                         .body_deadline = 30 * CLOCK_MS,
                                         .idle_deadline = 30 * CLOCK_MS,
                                         .most_connections = 3};
    struct http_server *before = server;
    struct err err = {0};

    start_server(&quick);
    CHECK(!http_server_listen(server, "127.0.0.1:0", NULL, &err), "a second server listens");
    raw_open();
    raw_say("GET / HT");
    CHECK(raw_wait("408 "), "half a head is not waited for");
    raw_close();
    raw_open();
    raw_say("POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhe");
    CHECK(raw_wait("408 "), "half a body neither");
    raw_close();
    raw_open();
    raw_say("GET / HTTP/1.1\r\n" H "\r\n");
    CHECK(raw_wait("200 OK"), "an idle connection");
    turn_until(&raw.closed);
    CHECK(raw.closed, "is closed after a while");
    raw_close();
    http_server_free(&server);
    server = before;
}

static void crowd_read(void *arg, const char *bytes, size_t len)
{
    (void)arg, (void)bytes, (void)len;
}
static void crowd_closed(void *arg, const struct err *why)
{
    (void)arg, (void)why;
}
static const struct loop_stream_events deaf = {.read = crowd_read, .closed = crowd_closed};

/* Of those who ask for nothing, the one that has waited longest goes. */
static void the_silent_make_room(void)
{
    struct http_server_settings few = {.most_unauthenticated = 6,
                                       .most_unauthenticated_of_one = 4,
                                       .idle_deadline = 3600 * CLOCK_SECOND,
                                       .header_deadline = 3600 * CLOCK_SECOND};
    struct http_server *before = server;
    struct loop_stream *crowd[20];
    struct err err = {0};
    size_t i;

    start_server(&few);
    CHECK(!http_server_listen(server, "127.0.0.1:0", NULL, &err), "a server for few listens");
    for (i = 0; i < count_of(crowd); i++) {
        crowd[i] = loop_connect(loop, http_server_address(server, 0), &err);
        loop_stream_handle(crowd[i], &deaf, NULL);
    }
    for (i = 0; i < 3000 && http_server_counts(server).accepted < count_of(crowd); i++)
        loop_turn(loop, CLOCK_MS);
    CHECK_INT((int)http_server_counts(server).accepted, (int)count_of(crowd), "all are let in");
    CHECK_INT((int)http_server_counts(server).connections, 4, "four of them stay");
    raw_open();
    raw_say("GET / HTTP/1.1\r\n" H "\r\n");
    CHECK(raw_wait("200 OK"), "who asks is answered");
    CHECK_INT((int)http_server_counts(server).connections, 4, "and one more has gone");
    raw_close();
    for (i = 0; i < count_of(crowd); i++)
        loop_stream_close(&crowd[i]);
    http_server_free(&server);
    server = before;
}

static void the_gone_are_told(void)
{
    bool so = false;
    int i;

    gone = 0;
    raw_open();
    raw_say("GET /hold HTTP/1.1\r\n" H "\r\n");
    for (i = 0; i < 100 && !held; i++)
        loop_turn(loop, CLOCK_MS);
    CHECK(held != NULL, "a request is held");
    http_respond_text(held, 200, "at last");
    CHECK(raw_wait("at last"), "and answered later");
    CHECK(!gone, "without `gone`");
    raw_say("GET /watch HTTP/1.1\r\n" H "\r\n");
    CHECK(raw_wait("8\r\n{\"a\":1}\n\r\n"), "a watch sends pieces");
    raw_close();
    for (i = 0; i < 100 && !gone; i++)
        loop_turn(loop, CLOCK_MS);
    CHECK_INT(gone, 1, "a watcher who leaves is told of");
    CHECK(!so && strstr(text_string(&accessed), "GET /hold 200;GET /watch 200;") != NULL,
          "accesses are observed");
}

/* What the guard lets wait is not read, and goes to its handler when it says so. */
static void the_guard_may_wait(void)
{
    int i;

    gone = 0;
    held = NULL;
    raw_open();
    raw_say("POST /echo HTTP/1.1\r\n" H "X-Wait: 1\r\nContent-Length: 5\r\n\r\nhello"
            "GET /x HTTP/1.1\r\n" H "\r\n");
    for (i = 0; i < 100 && !held; i++)
        loop_turn(loop, CLOCK_MS);
    for (i = 0; i < 10; i++)
        loop_turn(loop, CLOCK_MS);
    CHECK(held && !raw.got.len, "the guard lets a request wait, and what follows with it");
    http_server_go_on(server, held);
    CHECK(raw_wait("hello") && raw_wait("GET [x]"),
          "then its body is read, and the next is answered");
    raw_close();
    held = NULL;
    raw_open();
    raw_say("GET /hold HTTP/1.1\r\n" H "X-Wait: 1\r\n\r\n");
    for (i = 0; i < 100 && !held; i++)
        loop_turn(loop, CLOCK_MS);
    raw_close();
    for (i = 0; i < 100 && !gone; i++)
        loop_turn(loop, CLOCK_MS);
    CHECK_INT(gone, 1, "the guard is told when the client of such a one goes");
}

/* Whose body was still on its way when it was answered, and never came. */
static void the_answered_are_not_told(void)
{
    int i;

    gone = 0;
    held = NULL;
    raw_open();
    raw_say("POST /hold HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nab");
    for (i = 0; i < 100 && !held; i++)
        loop_turn(loop, CLOCK_MS);
    http_respond_text(held, 200, "enough");
    CHECK(raw_wait("enough"), "a request may be answered before its body is there");
    raw_close();
    for (i = 0; i < 50; i++)
        loop_turn(loop, CLOCK_MS);
    CHECK_INT(gone, 0, "and that it goes then is told to nobody");
}

static void upgrades_hand_over(void)
{
    int i;

    raw_open();
    raw_say("GET /up HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: echo\r\n\r\nearly");
    CHECK(raw_wait("101 Switching Protocols"), "101");
    CHECK(raw_wait("\r\n\r\nearly"), "bytes behind the head are not lost");
    raw_say(" late");
    CHECK(raw_wait("early late"), "and more come");
    raw_close();
    for (i = 0; i < 5 && upgraded; i++)
        loop_turn(loop, CLOCK_MS);
    loop_stream_close(&upgraded);
}

/* ---- the client */

static struct reply {
    int status, heads;
    struct err err;
    struct text body;
    size_t bytes;
    bool done;
    char x_test[16];
} reply;

static void on_done(const struct http_response *a, const struct err *err, void *arg)
{
    reply.done = true;
    if (err)
        reply.err = *err;
    else {
        const char *x = http_response_get(a, "x-test");

        reply.status = a->status;
        text_add_bytes(&reply.body, a->body, a->len);
        snprintf(reply.x_test, sizeof reply.x_test, "%s", x ? x : "");
    }
}
static void on_head(struct http_call *call, const struct http_response *a, void *arg)
{
    reply.heads++;
}
static void on_data(struct http_call *call, const char *bytes, size_t len, void *arg)
{
    reply.bytes += len;
    if (len == 8)
        text_add_bytes(&reply.body, bytes, len);
}

static void on_head_pause(struct http_call *call, const struct http_response *a, void *arg)
{
    reply.heads++;
    http_call_pause(call, true);
}

static struct http_call *send_request(struct http_client *client,
                                      struct http_client_request request)
{
    text_free(&reply.body);
    memset(&reply, 0, sizeof reply);
    request.done = on_done;
    return http_client_send(client, &request);
}

static bool request_all(struct http_client *client, struct http_client_request request)
{
    send_request(client, request);
    turn_until(&reply.done);
    return reply.done && reply.err.code == ERR_NONE;
}

static void client_talks(struct http_client *client, const char *how)
{
    scoped_mem char *much = mem_alloc(900000);
    struct http_call *call;
    uint64_t before = http_server_counts(server).accepted;
    int i;

    memset(much, 'm', 900000);
    CHECK(request_all(client, (struct http_client_request){.target = "/a?q=7"}), "%s: GET (%s)",
          how, reply.err.text);
    CHECK(strstr(text_string(&reply.body), "GET [a] q=7") != NULL && reply.status == 200,
          "%s: is answered", how);
    CHECK_TEXT(reply.x_test, "yes", "%s: with headers", how);
    CHECK(request_all(client,
                      (struct http_client_request){
                          .method = "POST", .target = "/echo", .body = much, .len = 900000}) &&
              reply.body.len == 900000,
          "%s: a large body comes back", how);
    CHECK(request_all(client,
                      (struct http_client_request){
                          .method = "PUT", .target = "/count", .body = much, .len = 900000}),
          "%s: in pieces", how);
    CHECK_TEXT(text_string(&reply.body), "900000", "%s: all of them", how);
    CHECK(request_all(client, (struct http_client_request){.method = "HEAD", .target = "/a"}) &&
              reply.status == 200 && !reply.body.len,
          "%s: HEAD is answered without a body (%s)", how, reply.err.text);
    CHECK_INT((long long)(http_server_counts(server).accepted - before) <= 2, 1,
              "%s: the connection is kept", how);
    CHECK(request_all(
              client,
              (struct http_client_request){.target = "/big", .data = on_data, .head = on_head}) &&
              reply.bytes == 20000000 && reply.heads == 1,
          "%s: 20 MB in pieces", how);
    CHECK(!request_all(client, (struct http_client_request){.target = "/big", .limit = 1000}) &&
              reply.err.code == ERR_TOO_LARGE,
          "%s: a limit holds", how);
    CHECK(request_all(
              client,
              (struct http_client_request){.target = "/a",
                                           .data = on_data,
                                           .header_count = 1,
                                           .headers = &(struct http_field){"x-forbidden", "1"}}) &&
              reply.status == 403 && !reply.bytes && reply.body.len,
          "%s: what is no success is no data, it explains", how);
    CHECK(!request_all(client, (struct http_client_request){.target = "/a b"}) &&
              reply.err.code == ERR_INVALID,
          "%s: a target that would be another request is refused", how);
    CHECK(!request_all(
              client,
              (struct http_client_request){.target = "/a",
                                           .header_count = 1,
                                           .headers = &(struct http_field){"x", "y\r\nHost: z"}}) &&
              reply.err.code == ERR_INVALID,
          "%s: so is such a header", how);
    CHECK(!request_all(
              client, (struct http_client_request){.target = "/hold", .deadline = 30 * CLOCK_MS}) &&
              reply.err.code == ERR_TIMEOUT,
          "%s: a deadline too", how);
    call = send_request(client, (struct http_client_request){.target = "/watch", .data = on_data});
    for (i = 0; i < 100 && !reply.bytes; i++)
        loop_turn(loop, 5 * CLOCK_MS);
    CHECK_TEXT(text_string(&reply.body), "{\"a\":1}\n", "%s: a watch is read as it comes", how);
    http_call_cancel(&call);
    call = send_request(
        client, (struct http_client_request){.target = "/last",
                                             .data = on_data,
                                             .head = on_head_pause,
                                             .headers = &(struct http_field){"connection", "close"},
                                             .header_count = 1});
    for (i = 0; i < 20; i++)
        loop_turn(loop, 2 * CLOCK_MS);
    CHECK(reply.heads == 1 && !reply.bytes && !reply.done, "%s: a paused call hears nothing", how);
    http_call_pause(call, false);
    turn_until(&reply.done);
    CHECK(reply.bytes > 0 && reply.err.code == ERR_NONE,
          "%s: then all of it, though the line has ended", how);
    call = send_request(client, (struct http_client_request){.target = "/watch", .data = on_data});
    for (i = 0; i < 100 && !reply.bytes; i++)
        loop_turn(loop, 5 * CLOCK_MS);
    gone = 0;
    http_call_cancel(&call);
    for (i = 0; i < 100 && !gone; i++)
        loop_turn(loop, 5 * CLOCK_MS);
    CHECK(gone == 1 && !reply.done, "%s: cancelling hangs up", how);
}

static void clients_talk(void)
{
    struct http_client_settings settings = {.address = http_server_address(server, 0)};
    struct err err = {0};
    scoped_http_client struct http_client *client = http_client_new(loop, &settings, &err);
    struct http_client *nowhere;

    client_talks(client, "plain");
    settings.address = "127.0.0.1:1";
    nowhere = http_client_new(loop, &settings, &err);
    CHECK(!request_all(nowhere, (struct http_client_request){.target = "/"}) &&
              reply.err.code == ERR_UNREACHABLE,
          "nobody there: %s", reply.err.text);
    http_client_free(&nowhere);
}

/* ---- a server that closes a kept connection when it is used */

static struct fickle {
    struct loop_stream *stream;
    int asked, on_this;
} fickle;

static void fickle_read(void *arg, const char *bytes, size_t len)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    fickle.asked++;
    if (!fickle.on_this++)
        loop_stream_write(fickle.stream, answer, sizeof answer - 1);
    else
        loop_stream_close(&fickle.stream);
}

static void fickle_closed(void *arg, const struct err *why)
{
    loop_stream_close(&fickle.stream);
}

static void on_fickle_accept(struct loop_stream *stream, void *arg)
{
    static const struct loop_stream_events events = {.read = fickle_read, .closed = fickle_closed};

    fickle.stream = stream;
    fickle.on_this = 0;
    loop_stream_handle(stream, &events, NULL);
}

static void only_what_may_be_is_sent_again(void)
{
    static const struct {
        const char *method;
        bool again;
    } rows[] = {{"GET", true}, {"PUT", true}, {"PATCH", true}, {"DELETE", true}, {"POST", false}};

    for (size_t i = 0; i < count_of(rows); i++) {
        struct err err = {0};
        struct loop_listener *listener =
            loop_listen(loop, "127.0.0.1:0", on_fickle_accept, NULL, &err);
        struct http_client_settings settings = {.address = loop_listener_address(listener)};
        struct http_client *client = http_client_new(loop, &settings, &err);
        struct http_client_request request = {.target = "/", .method = rows[i].method};

        fickle.asked = 0;
        CHECK(request_all(client, request), "%s: the first one is answered", rows[i].method);
        CHECK_INT(request_all(client, request), rows[i].again,
                  "%s: the second one, too, or not: %s", rows[i].method, reply.err.text);
        CHECK_INT(fickle.asked, 2 + rows[i].again, "%s: so often it was sent", rows[i].method);
        http_client_free(&client);
        loop_stream_close(&fickle.stream);
        loop_listener_close(&listener);
        loop_turn(loop, 0);
    }
}

/* ---- a client that others wrote */

static int curl_status;
static bool curl_exited;
static void on_curl_exit(pid_t pid, int status, void *arg)
{
    curl_status = status;
    curl_exited = true;
}

static void write_file(const char *name, const struct text *text)
{
    FILE *file = fopen(name, "w");

    fwrite(text->bytes, 1, text->len, file);
    fclose(file);
}

/* The path of curl's answer is `out` in the test's own folder. */
static void curl_talks(const struct fixture *f, const char *version)
{
    struct text ca = {0};
    char url[200],
        words[11][32] = {"curl",  "-sS",       "--cacert", "ca.pem", "--cert", "spoke.pem",
                         "--key", "spoke.key", "-o",       "out",    ""};
    char *run[13];
    struct loop_spawn spawn = {.path = "curl", .arguments = run, .in = -1, .out = -1, .error = 2};
    struct err err = {0};
    struct loop_child *curl;
    char got[300] = "";
    FILE *file;
    int i;

    text_add(&ca, pki_authority_cert(f->ca));
    write_file("ca.pem", &ca);
    write_file("spoke.pem", &f->spoke_cert);
    write_file("spoke.key", &f->spoke_key);
    text_free(&ca);
    snprintf(url, sizeof url, "https://localhost%s/curl?q=1",
             strrchr(http_server_address(server, 1), ':'));
    snprintf(words[10], sizeof words[10], "%s", version);
    for (i = 0; i < 11; i++)
        run[i] = words[i];
    run[11] = url;
    run[12] = NULL;
    curl_exited = false;
    curl = loop_spawn(loop, &spawn, on_curl_exit, NULL, &err);
    if (!curl) {
        CHECK_SKIP("curl is not installed");
        return;
    }
    turn_until(&curl_exited);
    CHECK_INT(curl_status, 0, "curl %s is content", version);
    file = fopen("out", "r");
    if (file && fgets(got, sizeof got, file))
        CHECK_TEXT(got, "GET [curl] q=1 peer=system:open-cluster-management:edge-1:a",
                   "curl %s is known and answered", version);
    if (file)
        fclose(file);
    loop_child_free(&curl);
}

static void clients_talk_in_private(void)
{
    struct fixture f;
    struct tls_server *tls;
    struct tls_client *own;
    struct http_client *client;
    struct http_client_settings settings = {0};
    struct err err = {0};

    fixture_make(&f);
    tls = tls_server_new(loop,
                         &(struct tls_server_settings){text_string(&f.hub_cert),
                                                       text_string(&f.hub_key),
                                                       pki_authority_cert(f.ca), false},
                         &err);
    own = tls_client_new(loop,
                         &(struct tls_client_settings){.roots = pki_authority_cert(f.ca),
                                                       .cert = text_string(&f.spoke_cert),
                                                       .key = text_string(&f.spoke_key)},
                         &err);
    CHECK(!http_server_listen(server, "127.0.0.1:0", tls, &err), "TLS on a second port");
    settings.address = http_server_address(server, 1);
    settings.tls = own;
    client = http_client_new(loop, &settings, &err);
    client_talks(client, "TLS");
    CHECK(request_all(client, (struct http_client_request){.target = "/me"}) &&
              strstr(text_string(&reply.body), "peer=system:open-cluster-management:edge-1:a"),
          "the peer is known");
    curl_talks(&f, "--tlsv1.2");
    curl_talks(&f, "--tlsv1.3");
    http_client_free(&client);
    http_server_free(&server);
    tls_server_free(&tls);
    tls_client_free(&own);
    fixture_free(&f);
}

static bool drained;
static void on_drain(void *arg)
{
    drained = true;
}

static void draining_ends_in_order(void)
{
    struct err err = {0};

    start_server(NULL);
    CHECK(!http_server_listen(server, "127.0.0.1:0", NULL, &err), "a third server");
    gone = 0;
    raw_open();
    raw_say("GET /watch HTTP/1.1\r\n" H "\r\n");
    CHECK(raw_wait("{\"a\":1}"), "a watch is open");
    http_server_drain(server, 2 * CLOCK_SECOND, on_drain, NULL);
    turn_until(&drained);
    CHECK(drained && gone == 1, "draining ends it");
    CHECK(raw_wait("\r\n0\r\n\r\n"), "in order");
    raw_close();
    http_server_free(&server);
}

static void words_are_read(void)
{
    scoped_http_url struct http_url url = {0};
    struct err err = {0};

    CHECK(!http_url_read("https://[::1]:8443/a?b=c", &url, &err), "a URL (%s)", err.text);
    CHECK(url.secured && url.port == 8443 && !strcmp(url.address, "[::1]:8443") &&
              !strcmp(url.target, "/a?b=c"),
          "its parts");
    CHECK(http_url_read("ftp://x/", &url, &err) < 0 &&
              http_url_read("http://u:p@h/", &url, &err) < 0 &&
              http_url_read("http:///x", &url, &err) < 0,
          "others are refused");
}

static void proxies_are_chosen(void)
{
    static const struct {
        const char *no_proxy, *address;
        bool proxied;
    } hosts[] = {
        {NULL, "hub.example.org:6443", true},
        {"", "10.0.0.1:6443", true},
        {"", "localhost:6443", false},
        {"", "127.9.9.9:6443", false},
        {"", "[::1]:6443", false},
        {"", "[fd00::1]:6443", true},
        {"*", "hub.example.org:6443", false},
        {"example.org", "hub.example.org:6443", false},
        {"example.org", "example.org:6443", false},
        {".example.org", "example.org:6443", true},
        {".example.org, other", "hub.example.org:6443", false},
        {"*.example.org", "a.b.example.org:6443", false},
        {"example.org", "badexample.org:6443", true},
        {"EXAMPLE.org", "hub.Example.ORG:6443", false},
        {"example.org:443", "hub.example.org:6443", true},
        {"example.org:6443", "hub.example.org:6443", false},
        {"10.0.0.0/8", "10.20.30.40:6443", false},
        {"10.0.0.0/8", "11.0.0.1:6443", true},
        {"10.20.30.40", "10.20.30.40:6443", false},
        {"fd00::/8", "[fd00::1]:6443", false},
        {"fd00::1", "[fd00::1]:6443", false},
        {"[fd00::1]:6443", "[fd00::1]:6443", false},
        {"10.0.0.0/33,10.0.0.0/-1,/,:,::::,[,]", "10.0.0.1:6443", true},
        {",, ,example.org,", "example.org:1", false},
    };

    for (size_t i = 0; i < count_of(hosts); i++)
        CHECK(!!http_proxy_choose("http://p:1", hosts[i].no_proxy, hosts[i].address) ==
                  hosts[i].proxied,
              "NO_PROXY=\"%s\" and %s: %s", hosts[i].no_proxy ?: "(none)", hosts[i].address,
              hosts[i].proxied ? "by proxy" : "directly");
    CHECK(!http_proxy_choose(NULL, "", "a:1") && !http_proxy_choose("", "", "a:1"),
          "no proxy is none");
}

int main(void)
{
    struct err err = {0};

    /* What curl reads and writes lies in the folder of the test. */
    if (getenv("TEST_DIR") && chdir(getenv("TEST_DIR")) < 0)
        return 1;

    loop = loop_new(&err);
    start_server(NULL);
    CHECK(!http_server_listen(server, "127.0.0.1:0", NULL, &err), "listens (%s)", err.text);
    table();
    heads_are_bounded();
    extensions_are_bounded();
    the_slow_are_cut();
    the_silent_make_room();
    the_gone_are_told();
    the_guard_may_wait();
    the_answered_are_not_told();
    upgrades_hand_over();
    clients_talk();
    only_what_may_be_is_sent_again();
    clients_talk_in_private();
    draining_ends_in_order();
    words_are_read();
    proxies_are_chosen();
    text_free(&raw.got);
    text_free(&reply.body);
    text_free(&accessed);
    loop_free(&loop);
    return check_done();
}
