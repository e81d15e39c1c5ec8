/* SPDX-License-Identifier: Apache-2.0 */
/* Probes over the network: HTTP with headers, HTTPS, gRPC, a bare port. */

#include "check.h"
#include "pki_fixture.h"

#include "document/document.h"
#include "loop/loop.h"
#include "probe/grpc_check.h"
#include "probe/probe.h"
#include "runtime/runtime.h"
#include "tls/tls.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct loop *loop;
static struct runtime *runtime;
static struct tls_server *tls;
static char folder[] = "/tmp/axle-test-probe-XXXXXX";
struct bytes {
    const char *bytes;
    size_t len;
};
static struct bytes replies[2]; /* what the server says, one at each read */
static size_t replied;
static char heard[4096];
static struct loop_stream *guest;

static void on_event(void *arg, const struct runtime_event *event)
{
}

/* ---- A server that says what it is told to say ----------------------------------------- */

static void on_read(void *arg, const char *bytes, size_t len)
{
    size_t have = strlen(heard);

    for (size_t i = 0; i < len && have < sizeof heard - 1; i++)
        heard[have++] = bytes[i] ? bytes[i] : '.';
    heard[have] = '\0';
    if (replied < count_of(replies) && replies[replied].len) {
        loop_stream_write(guest, replies[replied].bytes, replies[replied].len);
        replied++;
    }
}

static void on_closed(void *arg, const struct err *why)
{
    loop_stream_close(&guest);
}

static const struct loop_stream_events guest_events = {.read = on_read, .closed = on_closed};

static void on_ready(struct loop_stream *stream, void *arg)
{
    loop_stream_close(&guest);
    guest = stream;
    heard[0] = '\0';
    loop_stream_handle(guest, &guest_events, NULL);
}

static void on_secret_guest(struct loop_stream *stream, void *arg)
{
    tls_server_accept(tls, &stream, on_ready, NULL);
}

struct response {
    int ok; /* 0: none yet, 1: well, 2: not */
    char message[400];
};

static void on_response(void *arg, bool ok, const char *message)
{
    struct response *response = arg;

    response->ok = ok ? 1 : 2;
    snprintf(response->message, sizeof response->message, "%s", message);
}

static struct response send_request(const char *yaml, int port, int64_t timeout)
{
    scoped_arena struct arena *arena = arena_new();
    const char *at = strstr(yaml, "PORT");
    scoped_mem char *text = mem_printf("%.*s%d%s", (int)(at - yaml), yaml, port, at + 4);
    struct err err = {0};
    struct node *probe =
        document_read_yaml(arena, text, strlen(text), true, &document_limits_api, &err);
    struct response response = {0};
    int64_t end = clock_steady() + 60 * CLOCK_SECOND;

    if (!probe)
        printf("Bail out! %s\n", err.text);
    runtime_process.probe(runtime, "none", "c", probe, timeout, on_response, &response);
    while (!response.ok && clock_steady() < end)
        loop_turn(loop, 20 * CLOCK_MS);
    return response;
}

static void say(const char *bytes, size_t len)
{
    replies[0] = (struct bytes){bytes, len};
    replies[1] = (struct bytes){NULL, 0};
    replied = 0;
}

/* ---- HTTP and HTTPS ------------------------------------------------------------------------ */

#define RESET "127.0.0.1:PORT: Connection reset by peer"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define LOADING "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 13\r\n\r\nloading model"

/* Ten heads of more than the probe keeps in all, then the response. */
#define LINE_200                                                                                   \
    "X-Hint: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901"   \
    "234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901\r\n"
#define TENFOLD(text) text text text text text text text text text text
#define HINTS "HTTP/1.1 103 Early Hints\r\n" TENFOLD(LINE_200) "\r\n"
#define LONG_HEAD TENFOLD(TENFOLD(LINE_200))
#define END "User-Agent: axle-probe\r\nConnection: close\r\n\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n"
#define PLAIN GET("/") "Host: 127.0.0.1:PORT\r\n" END

static const struct {
    const char *name, *probe, *reply, *says, *hears;
    int ok;
    bool secret;
} talks[] = {
    {"httpGet with headers",
     "{httpGet: {port: PORT, path: /health, httpHeaders: [{name: X-Who, "
     "value: me}, {name: hOST, value: app.example}]}}",
     OK, "HTTP 200: ok", GET("/health") "X-Who: me\r\nhOST: app.example\r\n" END, 1, false},
    {"a path without a slash, headers without a host",
     "{httpGet: {port: PORT, path: health, httpHeaders: [{name: X-Who, value: me}]}}", OK,
     "HTTP 200: ok", GET("/health") "X-Who: me\r\nHost: 127.0.0.1:PORT\r\n" END, 1, false},
    {"what would be a header of its own is left out",
     "{httpGet: {port: PORT, path: \"/a\\r\\nX: y\", httpHeaders: [{name: \"A\\nB\", value: c}, "
     "{name: D, value: \"e\\rF\"}, {name: G, value: h}]}}",
     OK, "HTTP 200: ok", "GET  HTTP/1.1\r\nG: h\r\nHost: 127.0.0.1:PORT\r\n" END, 1, false},
    {"a host of its own", "{httpGet: {port: PORT, host: localhost}}", OK, "HTTP 200: ok",
     GET("/") "Host: localhost:PORT\r\n" END, 1, false},
    {"a status of 503", "{httpGet: {port: PORT}}", LOADING, "HTTP 503: loading model", PLAIN, 2,
     false},
    {"a redirect counts as well", "{httpGet: {port: PORT}}", "HTTP/1.1 302 Found\r\n\r\nx",
     "HTTP 302: x", PLAIN, 1, false},
    {"the last status that is well", "{httpGet: {port: PORT}}", "HTTP/1.1 399 ?\r\n\r\nx",
     "HTTP 399: x", PLAIN, 1, false},
    {"the first one that is not", "{httpGet: {port: PORT}}", "HTTP/1.1 400 No\r\n\r\nx",
     "HTTP 400: x", PLAIN, 2, false},
    {"what is no HTTP", "{httpGet: {port: PORT}}", "220 mail\r\n\r\nx", "the response is not HTTP",
     PLAIN, 2, false},
    {"a status that is no number", "{httpGet: {port: PORT}}", "HTTP/1.1 fine\r\n\r\nx",
     "the response is not HTTP", PLAIN, 2, false},
    {"a number that is not HTTP's", "{httpGet: {port: PORT}}", "HTTQ/1.1 200 OK\r\n\r\nx",
     "the response is not HTTP", PLAIN, 2, false},
    {"early hints before the answer", "{httpGet: {port: PORT}}",
     "HTTP/1.1 103 Early Hints\r\n"
     "Link: </a.css>; rel=preload\r\n\r\n" OK,
     "HTTP 200: ok", PLAIN, 1, false},
    {"early hints longer than what is kept", "{httpGet: {port: PORT}}", TENFOLD(TENFOLD(HINTS)) OK,
     "HTTP 200: ok", PLAIN, 1, false},
    {"nothing but one endless hint", "{httpGet: {port: PORT}}",
     "HTTP/1.1 103 Early Hints\r\n" LONG_HEAD, "only interim responses (1xx) came, no final one",
     PLAIN, 2, false},
    {"a head that does not end", "{httpGet: {port: PORT}}", "HTTP/1.1 200 OK\r\n" LONG_HEAD,
     "HTTP 200", PLAIN, 1, false},
    {"several interim answers before a bad one", "{httpGet: {port: PORT}}",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: y\r\n\r\n" LOADING,
     "HTTP 503: loading model", PLAIN, 2, false},
    {"a change of protocol is final", "{httpGet: {port: PORT}}",
     "HTTP/1.1 101 Switching Protocols\r\n\r\nx", "HTTP 101: x", PLAIN, 2, false},
    {"a body with bytes that are no text", "{httpGet: {port: PORT}}",
     "HTTP/1.1 500 No\r\n\r\nbad \xff\x1b[2J here",
     "HTTP 500: bad \xef\xbf\xbd\xef\xbf\xbd[2J here", PLAIN, 2, false},
    {"the first line of a body", "{httpGet: {port: PORT}}", "HTTP/1.1 500 No\r\n\r\none\r\ntwo\r\n",
     "HTTP 500: one", PLAIN, 2, false},
    {"a body of line ends", "{httpGet: {port: PORT}}", "HTTP/1.1 500 No\r\n\r\n\r\n\n", "HTTP 500",
     PLAIN, 2, false},
    {"a long line", "{httpGet: {port: PORT}}", "HTTP/1.1 500 No\r\n\r\n" LINE_200,
     "HTTP 500: X-Hint: 01234567890123456789012345678901234567890123456789012345678901"
     "23456789012345678901234567890123456789012345678901234567890123456789012345678901"
     "234567890123456789012345678901",
     PLAIN, 2, false},
    {"HTTPS with any certificate", "{httpGet: {port: PORT, scheme: HTTPS, path: /livez}}", OK,
     "HTTP 200: ok", GET("/livez") "Host: 127.0.0.1:PORT\r\n" END, 1, true},
    {"HTTPS where it loads", "{httpGet: {port: PORT, scheme: HTTPS}}", LOADING,
     "HTTP 503: loading model", PLAIN, 2, true},
    {"a bare port", "{tcpSocket: {port: PORT}}", "", "connected", "", 1, false},
    {"a kind that there is not", "{udpSocket: {port: PORT}}", "",
     "this kind of probe is not supported here", "", 2, false},
};

/* The text with the port where it says PORT. */
static char *with_port(const char *text, int port)
{
    scoped_text struct text out = {0};

    while (*text)
        if (text_starts(text, "PORT")) {
            text_addf(&out, "%d", port);
            text += strlen("PORT");
        } else {
            text_add_char(&out, *text++);
        }
    return mem_copy_string(text_string(&out));
}

static void test_talks(int plain, int secret)
{
    for (size_t i = 0; i < count_of(talks); i++) {
        int port = talks[i].secret ? secret : plain;
        scoped_mem char *hears = with_port(talks[i].hears, port);
        scoped_mem char *says = with_port(talks[i].says, port);
        struct response got;

        heard[0] = '\0';
        say(talks[i].reply, strlen(talks[i].reply));
        got = send_request(talks[i].probe, port, 30 * CLOCK_SECOND);
        CHECK_INT(got.ok, talks[i].ok, "%s", talks[i].name);
        CHECK_TEXT(got.message, says, "%s: what it tells", talks[i].name);
        CHECK_TEXT(heard, hears, "%s: what the server is asked", talks[i].name);
    }
    CHECK_INT(send_request("{httpGet: {port: PORT, scheme: HTTPS}}", plain, 300 * CLOCK_MS).ok, 2,
              "HTTPS where nobody speaks TLS is no answer");
    CHECK(text_starts(
              send_request("{tcpSocket: {port: PORT, host: \"[1\"}}", plain, CLOCK_SECOND).message,
              "address \"[1:"),
          "an address that is none is told");
}

/* What has come when the time is over decides. */
static void test_late(int plain)
{
    static const struct {
        const char *name, *probe, *reply, *says;
        int ok;
    } cases[] = {
        {"a whole head without a body", "{httpGet: {port: PORT}}", "HTTP/1.1 200 OK\r\n\r\n",
         "HTTP 200", 1},
        {"half a head", "{httpGet: {port: PORT}}", "HTTP/1.1 200 OK\r\n",
         "no response from 127.0.0.1:PORT in time", 2},
        {"no answer", "{httpGet: {port: PORT}}", "", "no response from 127.0.0.1:PORT in time", 2},
        {"a whole head of HTTP to gRPC", "{grpc: {port: PORT}}", "\r\n\r\n",
         "no response from 127.0.0.1:PORT in time", 2},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_mem char *says = with_port(cases[i].says, plain);
        struct response got;

        say(cases[i].reply, strlen(cases[i].reply));
        got = send_request(cases[i].probe, plain, 300 * CLOCK_MS);
        CHECK_INT(got.ok, cases[i].ok, "late: %s", cases[i].name);
        CHECK_TEXT(got.message, says, "late: %s is told", cases[i].name);
    }
}

static const struct node *read_probe(struct arena *arena, const char *yaml, int port)
{
    scoped_mem char *text = with_port(yaml, port);

    return document_read_yaml(arena, text, strlen(text), true, &document_limits_api, NULL);
}

static struct loop_stream *silent[9];
static size_t silent_count;

static void on_silent_guest(struct loop_stream *stream, void *arg)
{
    silent[silent_count++ % count_of(silent)] = stream;
}

/* Each of several leaves the list of those that run, whichever place it had. */
static void test_several(void)
{
    static const int64_t times[][3] = {{50, 5000, 5000}, {5000, 50, 5000}, {5000, 5000, 50}};
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    struct loop_listener *listener = loop_listen(loop, "127.0.0.1:0", on_silent_guest, NULL, &err);
    const struct node *probe =
        read_probe(arena, "{httpGet: {port: PORT}}", loop_listener_port(listener));

    for (size_t i = 0; i < count_of(times); i++) {
        struct probe_client *client = probe_client_new(loop);
        struct response got[3] = {{0}};
        int64_t end = clock_steady() + 60 * CLOCK_SECOND;

        for (size_t k = 0; k < 3; k++)
            probe_network(client, probe, times[i][k] * CLOCK_MS, on_response, &got[k]);
        CHECK(!got[0].ok && !got[1].ok && !got[2].ok, "three run, and none is answered at once");
        while (!got[i].ok && clock_steady() < end)
            loop_turn(loop, 20 * CLOCK_MS);
        CHECK(strstr(got[i].message, "in time"), "number %zu is late", i);
        probe_client_free(&client);
        for (size_t k = 0; k < 3; k++)
            if (k != i)
                CHECK_TEXT(got[k].message, "the agent ends", "number %zu ends with the client", k);
    }
    loop_listener_close(&listener);
    for (size_t i = 0; i < count_of(silent); i++)
        loop_stream_close(&silent[i]);
}

/* A process that answers one request with `bytes` and then ends the connection, in order
   or by a reset. */
static pid_t start_closer(const char *bytes, bool reset, int *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct linger at_once = {.l_onoff = 1};
    struct timespec moment = {.tv_nsec = 200 * CLOCK_MS};
    int server = socket(AF_INET, SOCK_STREAM, 0), guest_of = -1;
    socklen_t size = sizeof at;
    char request[1024];
    pid_t pid;

    if (server < 0 || bind(server, (struct sockaddr *)&at, sizeof at) < 0 ||
        listen(server, 1) < 0 || getsockname(server, (struct sockaddr *)&at, &size) < 0) {
        printf("Bail out! no socket\n");
        exit(1);
    }
    *ret_port = ntohs(at.sin_port);
    pid = fork();
    if (pid == 0) {
        guest_of = accept(server, NULL, NULL);
        if (read(guest_of, request, sizeof request) > 0 && *bytes &&
            write(guest_of, bytes, strlen(bytes)) < 0)
            _exit(1);
        if (reset) {
            nanosleep(&moment, NULL);
            setsockopt(guest_of, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        }
        close(guest_of);
        _exit(0);
    }
    close(server);
    return pid;
}

static void test_closed(void)
{
    static const struct {
        const char *name, *probe, *bytes, *says;
        bool reset;
        int ok;
    } cases[] = {
        {"a good answer before a reset", "{httpGet: {port: PORT}}",
         "HTTP/1.1 204 No Content\r\n\r\n", "HTTP 204", true, 1},
        {"a bad answer before a reset", "{httpGet: {port: PORT}}", "HTTP/1.1 503 No\r\n\r\n",
         "HTTP 503", true, 2},
        {"a reset without an answer", "{httpGet: {port: PORT}}", "", RESET, true, 2},
        {"a reset of gRPC", "{grpc: {port: PORT}}", "x", RESET, true, 2},
        {"a good answer before an end", "{httpGet: {port: PORT}}",
         "HTTP/1.1 204 No Content\r\n\r\n", "HTTP 204", false, 1},
        {"an end within the first line", "{httpGet: {port: PORT}}", "HTTP/1.1 200\r", "HTTP 200",
         false, 1},
        {"an end before the status is whole", "{httpGet: {port: PORT}}", "HTTP/1.1 200",
         "the response is not HTTP", false, 2},
        {"an end after interim responses", "{httpGet: {port: PORT}}",
         "HTTP/1.1 100 Continue\r\n\r\n", "only interim responses (1xx) came, no final one", false,
         2},
        {"an end within an interim head", "{httpGet: {port: PORT}}", "HTTP/1.1 100\r",
         "only interim responses (1xx) came, no final one", false, 2},
        {"an end within what may be interim", "{httpGet: {port: PORT}}", "HTTP/1.1 100",
         "the response is not HTTP", false, 2},
        {"an end without an answer", "{httpGet: {port: PORT}}", "",
         "the connection was closed without a response", false, 2},
        {"an end of gRPC", "{grpc: {port: PORT}}", "x",
         "the connection was closed without a response", false, 2},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_mem char *says = NULL;
        struct response got;
        int port, status = -1;
        pid_t pid = start_closer(cases[i].bytes, cases[i].reset, &port);

        got = send_request(cases[i].probe, port, 30 * CLOCK_SECOND);
        waitpid(pid, &status, 0);
        CHECK_INT(status, 0, "the server has closed the connection");
        CHECK_INT(got.ok, cases[i].ok, "%s: %s", cases[i].name, got.message);
        says = with_port(cases[i].says, port);
        CHECK_TEXT(got.message, says, "%s: what it tells", cases[i].name);
    }
}

/* ---- gRPC -------------------------------------------------------------------------- */

#define SETTINGS "\0\0\0\4\0\0\0\0\0"
#define HEADERS "\0\0\1\1\4\0\0\0\1\x88"
#define SERVING "\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x08\1"
#define BYTES(text) text, sizeof text - 1
#define ZEROS_10 "\0\0\0\0\0\0\0\0\0\0"
#define ZEROS_50 ZEROS_10 ZEROS_10 ZEROS_10 ZEROS_10 ZEROS_10
#define NO_RESPONSE "the response is not a HealthCheckResponse"
#define NO_SERVICE "the server does not know this service, or no grpc.health.v1"

static const struct {
    const char *name, *bytes;
    size_t len;
    enum probe_grpc said;
    const char *why;
} responses[] = {
    {"serving", BYTES(SETTINGS HEADERS SERVING), PROBE_GRPC_GOOD, "SERVING"},
    {"serving, padded", BYTES(HEADERS "\0\0\xa\0\x08\0\0\0\1\2\0\0\0\0\2\x08\1zz"), PROBE_GRPC_GOOD,
     "SERVING"},
    {"padding that is all there is", BYTES("\0\0\3\0\x08\0\0\0\1\2zz" HEADERS SERVING),
     PROBE_GRPC_GOOD, "SERVING"},
    {"more padding than there is", BYTES("\0\0\2\0\x08\0\0\0\1\xffz" HEADERS SERVING),
     PROBE_GRPC_GOOD, "SERVING"},
    {"padding without a length", BYTES("\0\0\0\0\x08\0\0\0\1"), PROBE_GRPC_MORE, ""},
    {"serving, in two frames",
     BYTES(HEADERS "\0\0\3\0\0\0\0\0\1\0\0\0"
                   "\0\0\4\0\0\0\0\0\1\0\2\x08\1"),
     PROBE_GRPC_GOOD, "SERVING"},
    {"serving, on a stream with the reserved bit", BYTES("\0\0\7\0\0\x80\0\0\1\0\0\0\0\2\x08\1"),
     PROBE_GRPC_GOOD, "SERVING"},
    {"not serving", BYTES(HEADERS "\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x08\2"), PROBE_GRPC_BAD,
     "status NOT_SERVING"},
    {"an unknown service", BYTES(HEADERS "\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x08\3"), PROBE_GRPC_BAD,
     "status SERVICE_UNKNOWN"},
    {"a status beyond", BYTES(HEADERS "\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x08\4"), PROBE_GRPC_BAD,
     "an unknown status"},
    {"another field", BYTES(HEADERS "\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x10\1"), PROBE_GRPC_BAD,
     "status UNKNOWN"},
    {"nothing but a status of zero", BYTES(HEADERS "\0\0\5\0\0\0\0\0\1\0\0\0\0\0"), PROBE_GRPC_BAD,
     "status UNKNOWN"},
    {"half a field, and what is beyond the message",
     BYTES(HEADERS "\0\0\7\0\0\0\0\0\1\0\0\0\0\1\x08\1"), PROBE_GRPC_BAD, "status UNKNOWN"},
    {"trailers only", BYTES(SETTINGS "\0\0\1\1\5\0\0\0\1\x88"), PROBE_GRPC_BAD, NO_SERVICE},
    {"an end within the message", BYTES("\0\0\4\0\1\0\0\0\1\0\0\0\0"), PROBE_GRPC_BAD, NO_SERVICE},
    {"the same flag of another frame", BYTES("\0\0\0\4\1\0\0\0\1"), PROBE_GRPC_MORE, ""},
    {"refused", BYTES(SETTINGS "\0\0\4\3\0\0\0\0\1\0\0\0\7"), PROBE_GRPC_BAD,
     "the server refused the call (RST_STREAM)"},
    {"another call refused", BYTES(SETTINGS "\0\0\4\3\0\0\0\0\3\0\0\0\7"), PROBE_GRPC_MORE, ""},
    {"going away", BYTES("\0\0\x8\7\0\0\0\0\0\0\0\0\0\0\0\0\0"), PROBE_GRPC_BAD,
     "the server closed the connection (GOAWAY)"},
    {"HTTP/1", BYTES("HTTP/1.1 400 Bad Request\r\n"), PROBE_GRPC_BAD,
     "the response is HTTP/1, not gRPC"},
    {"the start of HTTP/1", BYTES("HTTP"), PROBE_GRPC_BAD, "the response is HTTP/1, not gRPC"},
    {"what may become HTTP/1", BYTES("HTT"), PROBE_GRPC_MORE, ""},
    {"a message that is too long", BYTES(HEADERS "\0\0\6\0\0\0\0\0\1\0\0\0\0\xff\x08"),
     PROBE_GRPC_BAD, NO_RESPONSE},
    {"the longest message", BYTES("\0\0\x43\0\0\0\0\0\1\0\0\0\0\x3b\x08\1" ZEROS_50 ZEROS_10),
     PROBE_GRPC_GOOD, "SERVING"},
    {"one byte more", BYTES("\0\0\x43\0\0\0\0\0\1\0\0\0\0\x3c\x08\1" ZEROS_50 ZEROS_10),
     PROBE_GRPC_BAD, NO_RESPONSE},
    {"a compressed message", BYTES("\0\0\7\0\0\0\0\0\1\1\0\0\0\2\x08\1"), PROBE_GRPC_BAD,
     NO_RESPONSE},
    {"16 MiB of message", BYTES("\0\0\7\0\0\0\0\0\1\0\1\0\0\2\x08\1"), PROBE_GRPC_BAD, NO_RESPONSE},
    {"64 KiB of message", BYTES("\0\0\7\0\0\0\0\0\1\0\0\1\0\2\x08\1"), PROBE_GRPC_BAD, NO_RESPONSE},
    {"256 bytes of message", BYTES("\0\0\7\0\0\0\0\0\1\0\0\0\1\2\x08\1"), PROBE_GRPC_BAD,
     NO_RESPONSE},
    {"four bytes of the message's head", BYTES("\0\0\4\0\0\0\0\0\1\0\0\0\0"), PROBE_GRPC_MORE, ""},
    {"half a frame", BYTES(SETTINGS HEADERS "\0\0\7\0\0\0\0\0\1\0\0"), PROBE_GRPC_MORE, ""},
    {"half a frame's head", BYTES("\0\0\0\4\0\0\0\0"), PROBE_GRPC_MORE, ""},
    {"a frame of 256 bytes that is not whole", BYTES("\0\1\0\4\0\0\0\0\0" SERVING), PROBE_GRPC_MORE,
     ""},
    {"another stream's", BYTES("\0\0\7\0\0\0\0\0\3\0\0\0\0\2\x08\1"), PROBE_GRPC_MORE, ""},
    {"stream 257's", BYTES("\0\0\7\0\0\0\0\1\1\0\0\0\0\2\x08\1"), PROBE_GRPC_MORE, ""},
    {"stream 65537's", BYTES("\0\0\7\0\0\0\1\0\1\0\0\0\0\2\x08\1"), PROBE_GRPC_MORE, ""},
    {"stream 16777217's", BYTES("\0\0\7\0\0\1\0\0\1\0\0\0\0\2\x08\1"), PROBE_GRPC_MORE, ""},
};

/* From memory of exactly its length, so that a byte read beyond it is noticed. */
static enum probe_grpc read_exact(const char *bytes, size_t len, const char **ret_why)
{
    scoped_mem char *copy = mem_alloc(len);

    memcpy(copy, bytes, len);
    return probe_grpc_read(copy, len, ret_why);
}

static void test_grpc_responses(void)
{
    scoped_text struct text large = {0};
    const char *why = "";

    for (size_t i = 0; i < count_of(responses); i++) {
        why = "";
        CHECK_INT(read_exact(responses[i].bytes, responses[i].len, &why), responses[i].said, "%s",
                  responses[i].name);
        CHECK_TEXT(why, responses[i].why, "%s is told", responses[i].name);
    }
    text_add_bytes(&large, "\1\1\0\x0a\0\0\0\0\0", 9);
    for (int i = 0; i < 0x10100; i++)
        text_add_char(&large, '\0');
    text_add_bytes(&large, BYTES(SERVING));
    CHECK_INT(read_exact(large.bytes, large.len, &why), PROBE_GRPC_GOOD,
              "a frame of 65,792 bytes is passed over");
    CHECK(probe_grpc_has_settings(BYTES(HEADERS SETTINGS)), "settings are found");
    CHECK(!probe_grpc_has_settings(BYTES("\0\0\0\4\1\0\0\0\0")), "an acknowledgement is none");
    CHECK(!probe_grpc_has_settings(BYTES(HEADERS)), "nor is another frame");
}

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" SETTINGS
#define HEAD_OF_HEADERS "\x83\x86\x04\x1c/grpc.health.v1.Health/Check\x01"
#define TAIL_OF_HEADERS                                                                            \
    "\x0f\x10\x10"                                                                                 \
    "application/grpc\0\2te\x8"                                                                    \
    "trailers\x0f\x2b\xa"                                                                          \
    "axle-probe"

static void check_bytes(const struct text *got, const char *want, size_t len, const char *sentence)
{
    CHECK(got->len == len && !memcmp(got->bytes, want, len), "%s", sentence);
}

/* The bytes of a request; RFC 9113 and 7541 say what they mean. */
static void test_grpc_request(void)
{
    scoped_text struct text out = {0}, long_one = {0}, acknowledgement = {0};
    char authority[200], service[200];

    probe_grpc_request(&out, "me:1", "");
    check_bytes(&out,
                BYTES(PREFACE "\0\0\x53\1\4\0\0\0\1" HEAD_OF_HEADERS "\4me:1" TAIL_OF_HEADERS
                              "\0\0\5\0\1\0\0\0\1\0\0\0\0\0"),
                "a request for the whole server");
    text_cut(&out, 0);
    probe_grpc_request(&out, "me:1", "chat");
    check_bytes(&out,
                BYTES(PREFACE "\0\0\x53\1\4\0\0\0\1" HEAD_OF_HEADERS "\4me:1" TAIL_OF_HEADERS
                              "\0\0\xb\0\1\0\0\0\1\0\0\0\0\6\x0a\4"
                              "chat"),
                "a request for a service");
    memset(authority, 'a', sizeof authority);
    memset(service, 's', sizeof service);
    authority[126] = service[100] = '\0';
    probe_grpc_request(&out, authority, service);
    authority[126] = 'a';
    service[100] = 's';
    authority[199] = service[199] = '\0';
    text_cut(&out, 0);
    probe_grpc_request(&long_one, authority, service);
    authority[126] = service[100] = '\0';
    probe_grpc_request(&out, authority, service);
    check_bytes(&long_one, out.bytes, out.len, "what is too long is cut to 126 and 100 bytes");
    CHECK_INT((int)out.len, 33 + 9 + 79 + 126 + 9 + 5 + 102, "which is all of it");
    probe_grpc_acknowledge(&acknowledgement);
    check_bytes(&acknowledgement, BYTES("\0\0\0\4\1\0\0\0\0"), "settings are acknowledged");
}

static void test_grpc_calls(int plain)
{
    static const char settings[] = SETTINGS SETTINGS, serving[] = SETTINGS HEADERS SERVING;
    scoped_text struct text noise = {0};
    struct response got;

    say(serving, sizeof serving - 1);
    got = send_request("{grpc: {port: PORT, service: chat}}", plain, 30 * CLOCK_SECOND);
    CHECK(got.ok == 1 && !strcmp(got.message, "SERVING"), "a call is answered: %s", got.message);
    CHECK(text_starts(heard, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") &&
              strstr(heard, "/grpc.health.v1.Health/Check") &&
              strstr(heard, "\x0a\x04"
                            "chat"),
          "it names the service");
    say(settings, sizeof settings - 1);
    replies[1] = (struct bytes){serving, sizeof serving - 1};
    got = send_request("{grpc: {port: PORT, service: chat}}", plain, 30 * CLOCK_SECOND);
    CHECK_TEXT(got.message, "SERVING", "a server that waits for its settings' acknowledgement");
    CHECK(text_ends(heard, "chat...\4\1...."), "gets one");
    say(settings, sizeof settings - 1);
    replies[1] = (struct bytes){settings, sizeof settings - 1};
    got = send_request("{grpc: {port: PORT, service: chat}}", plain, 300 * CLOCK_MS);
    CHECK(strstr(got.message, "in time"), "one that says no more is late: %s", got.message);
    CHECK(text_ends(heard, "chat...\4\1...."), "and gets no second one");
    while (noise.len < 16 * 1024 - 9)
        text_add_bytes(&noise, BYTES(SETTINGS));
    say(noise.bytes, noise.len);
    got = send_request("{grpc: {port: PORT}}", plain, 300 * CLOCK_MS);
    CHECK(strstr(got.message, "in time"), "less than 16 KiB may become an answer: %s", got.message);
    text_add_bytes(&noise, BYTES(SETTINGS));
    say(noise.bytes, noise.len);
    got = send_request("{grpc: {port: PORT}}", plain, 30 * CLOCK_SECOND);
    CHECK_TEXT(got.message, "the response is too long to be a HealthCheckResponse",
               "more than that is none");
}

/* A real server, for a person: AXLE_GRPC_PORT=PORT. */
static void test_real_server(void)
{
    const char *port = getenv("AXLE_GRPC_PORT");

    if (!port)
        return;
    for (int i = 0; i < 3; i++) {
        static const char *const probes[] = {"{grpc: {port: PORT}}",
                                             "{grpc: {port: PORT, service: bad}}",
                                             "{grpc: {port: PORT, service: none}}"};
        struct response got =
            send_request(probes[i], (int)strtol(port, NULL, 10), 5 * CLOCK_SECOND);

        printf("# %s: %d %s\n", probes[i], got.ok, got.message);
    }
}

int main(int argc, char **argv)
{
    struct runtime_options options = {.directory = folder, .on_event = on_event};
    struct loop_listener *plain, *secret;
    struct err err = {0};
    struct fixture f;

    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    loop = loop_new(&err);
    fixture_make(&f);
    struct tls_server_settings settings = {text_string(&f.hub_cert), text_string(&f.hub_key), NULL,
                                           false};

    options.loop = loop;
    tls = tls_server_new(loop, &settings, &err);
    plain = loop_listen(loop, "127.0.0.1:0", on_ready, NULL, &err);
    secret = loop_listen(loop, "127.0.0.1:0", on_secret_guest, NULL, &err);
    if (!tls || !plain || !secret || !mkdtemp(folder) ||
        runtime_process.open(&options, &runtime, &err) < 0) {
        printf("Bail out! %s\n", err.text);
        return 1;
    }
    test_talks(loop_listener_port(plain), loop_listener_port(secret));
    test_late(loop_listener_port(plain));
    test_several();
    test_closed();
    test_grpc_responses();
    test_grpc_request();
    test_grpc_calls(loop_listener_port(plain));
    test_real_server();
    runtime_process.close(&runtime);
    loop_stream_close(&guest);
    loop_listener_close(&plain);
    loop_listener_close(&secret);
    loop_turn(loop, 10 * CLOCK_MS);
    tls_server_free(&tls);
    fixture_free(&f);
    loop_free(&loop);
    scoped_mem char *command = mem_printf("rm -rf %s", folder);

    CHECK(system(command) == 0, "cleaned up");
    return check_done();
}
