/* SPDX-License-Identifier: Apache-2.0 */
/* Probes over the network: HTTP with headers, HTTPS, gRPC, a bare port. */

#include "check.h"
#include "pki_fixture.h"

#include "document/document.h"
#include "loop/loop.h"
#include "probe/grpc_check.h"
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
static const char *reply;
static size_t reply_len;
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
    if (reply) {
        loop_stream_write(guest, reply, reply_len);
        reply = NULL;
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
    reply = bytes;
    reply_len = len;
}

/* ---- HTTP and HTTPS ------------------------------------------------------------------------ */

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define LOADING "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 13\r\n\r\nloading model"

static const struct {
    const char *name, *probe, *reply, *says, *hears;
    int ok;
    bool secret;
} talks[] = {
    {"httpGet with headers",
     "{httpGet: {port: PORT, path: /health, httpHeaders: [{name: X-Who, "
     "value: me}, {name: Host, value: app.example}]}}",
     OK, "HTTP 200: ok", "GET /health HTTP/1.1\r\nX-Who: me\r\nHost: app.example\r\n", 1, false},
    {"a status of 503", "{httpGet: {port: PORT}}", LOADING, "HTTP 503: loading model", "GET / ", 2,
     false},
    {"a redirect counts as well", "{httpGet: {port: PORT}}", "HTTP/1.1 302 Found\r\n\r\nx",
     "HTTP 302", "GET / ", 1, false},
    {"what is no HTTP", "{httpGet: {port: PORT}}", "220 mail\r\n\r\nx", "the response is not HTTP",
     "", 2, false},
    {"early hints before the answer", "{httpGet: {port: PORT}}",
     "HTTP/1.1 103 Early Hints\r\n"
     "Link: </a.css>; rel=preload\r\n\r\n" OK,
     "HTTP 200: ok", "GET / ", 1, false},
    {"several interim answers before a bad one", "{httpGet: {port: PORT}}",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: y\r\n\r\n" LOADING,
     "HTTP 503: loading model", "GET / ", 2, false},
    {"a change of protocol is final", "{httpGet: {port: PORT}}",
     "HTTP/1.1 101 Switching Protocols\r\n\r\nx", "HTTP 101: x", "GET / ", 2, false},
    {"a body with bytes that are no text", "{httpGet: {port: PORT}}",
     "HTTP/1.1 500 No\r\n\r\nbad \xff\x1b[2J here", "HTTP 500: bad \xef\xbf\xbd", "GET / ", 2,
     false},
    {"HTTPS with any certificate", "{httpGet: {port: PORT, scheme: HTTPS, path: /livez}}", OK,
     "HTTP 200: ok", "GET /livez ", 1, true},
    {"HTTPS where it loads", "{httpGet: {port: PORT, scheme: HTTPS}}", LOADING,
     "HTTP 503: loading model", "GET / ", 2, true},
    {"a bare port", "{tcpSocket: {port: PORT}}", "", "connected", "", 1, false},
};

static void test_talks(int plain, int secret)
{
    for (size_t i = 0; i < count_of(talks); i++) {
        struct response got;

        say(talks[i].reply, strlen(talks[i].reply));
        got = send_request(talks[i].probe, talks[i].secret ? secret : plain, 30 * CLOCK_SECOND);
        CHECK_INT(got.ok, talks[i].ok, "%s", talks[i].name);
        CHECK(text_starts(got.message, talks[i].says), "answers \"%s\": %s", talks[i].says,
              got.message);
        CHECK(strstr(heard, talks[i].hears), "and was asked as it should be");
    }
    CHECK_INT(send_request("{httpGet: {port: PORT, scheme: HTTPS}}", plain, 300 * CLOCK_MS).ok, 2,
              "HTTPS where nobody speaks TLS is no answer");
}

/* A process that answers one request with `bytes` and then resets the connection. */
static pid_t start_resetter(const char *bytes, int *ret_port)
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
        nanosleep(&moment, NULL);
        setsockopt(guest_of, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(guest_of);
        _exit(0);
    }
    close(server);
    return pid;
}

static void test_reset(void)
{
    static const struct {
        const char *name, *bytes, *says;
        int ok;
    } cases[] = {
        {"a good answer before a reset", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP 204", 1},
        {"a bad answer before a reset", "HTTP/1.1 503 No\r\n\r\n", "HTTP 503", 2},
        {"a reset without an answer", "", "", 2},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        struct response got;
        int port, status = -1;
        pid_t pid = start_resetter(cases[i].bytes, &port);

        got = send_request("{httpGet: {port: PORT}}", port, 30 * CLOCK_SECOND);
        waitpid(pid, &status, 0);
        CHECK_INT(status, 0, "the server has reset the connection");
        CHECK_INT(got.ok, cases[i].ok, "%s: %s", cases[i].name, got.message);
        CHECK(text_starts(got.message, cases[i].says), "it is told as \"%s\": %s", cases[i].says,
              got.message);
    }
}

/* ---- gRPC -------------------------------------------------------------------------- */

#define SETTINGS "\0\0\0\4\0\0\0\0\0"
#define HEADERS "\0\0\1\1\4\0\0\0\1\x88"
#define BYTES(text) text, sizeof text - 1

static const struct {
    const char *name, *bytes;
    size_t len;
    enum probe_grpc said;
    const char *why;
} responses[] = {
    {"serving", BYTES(SETTINGS HEADERS "\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x08\1"), PROBE_GRPC_GOOD,
     "SERVING"},
    {"serving, padded", BYTES(HEADERS "\0\0\xa\0\x08\0\0\0\1\2\0\0\0\0\2\x08\1zz"), PROBE_GRPC_GOOD,
     "SERVING"},
    {"serving, in two frames",
     BYTES(HEADERS "\0\0\3\0\0\0\0\0\1\0\0\0"
                   "\0\0\4\0\0\0\0\0\1\0\2\x08\1"),
     PROBE_GRPC_GOOD, "SERVING"},
    {"not serving", BYTES(HEADERS "\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x08\2"), PROBE_GRPC_BAD,
     "status NOT_SERVING"},
    {"nothing but a status of zero", BYTES(HEADERS "\0\0\5\0\0\0\0\0\1\0\0\0\0\0"), PROBE_GRPC_BAD,
     "status UNKNOWN"},
    {"trailers only", BYTES(SETTINGS "\0\0\1\1\5\0\0\0\1\x88"), PROBE_GRPC_BAD,
     "the server does not know this service, or no grpc.health.v1"},
    {"refused", BYTES(SETTINGS "\0\0\4\3\0\0\0\0\1\0\0\0\7"), PROBE_GRPC_BAD,
     "the server refused the call (RST_STREAM)"},
    {"going away", BYTES("\0\0\x8\7\0\0\0\0\0\0\0\0\0\0\0\0\0"), PROBE_GRPC_BAD,
     "the server closed the connection (GOAWAY)"},
    {"HTTP/1", BYTES("HTTP/1.1 400 Bad Request\r\n"), PROBE_GRPC_BAD,
     "the response is HTTP/1, not gRPC"},
    {"a message that is too long", BYTES(HEADERS "\0\0\6\0\0\0\0\0\1\0\0\0\0\xff\x08"),
     PROBE_GRPC_BAD, "the response is not a HealthCheckResponse"},
    {"half a frame", BYTES(SETTINGS HEADERS "\0\0\7\0\0\0\0\0\1\0\0"), PROBE_GRPC_MORE, ""},
    {"another stream's", BYTES("\0\0\7\0\0\0\0\0\3\0\0\0\0\2\x08\1"), PROBE_GRPC_MORE, ""},
};

static void test_grpc(int plain)
{
    static const char serving[] = SETTINGS HEADERS "\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x08\1";
    struct response got;

    for (size_t i = 0; i < count_of(responses); i++) {
        const char *why = "";

        CHECK_INT(probe_grpc_read(responses[i].bytes, responses[i].len, &why), responses[i].said,
                  "%s", responses[i].name);
        CHECK_TEXT(why, responses[i].why, "%s is told", responses[i].name);
    }
    say(serving, sizeof serving - 1);
    got = send_request("{grpc: {port: PORT, service: chat}}", plain, 30 * CLOCK_SECOND);
    CHECK(got.ok == 1 && !strcmp(got.message, "SERVING"), "a call is answered: %s", got.message);
    CHECK(text_starts(heard, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") &&
              strstr(heard, "/grpc.health.v1.Health/Check") &&
              strstr(heard, "\x0a\x04"
                            "chat"),
          "it names the service");
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
    test_reset();
    test_grpc(loop_listener_port(plain));
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
