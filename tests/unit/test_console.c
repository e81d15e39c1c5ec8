/* SPDX-License-Identifier: Apache-2.0 */
/* The console of a program that was built with CONSOLE=no, and of one with files. */
#include "base/asset.h"
#include "base/clock.h"
#include "base/text.h"
#include "check.h"
#include "console/console.h"
#include "http/http.h"
#include "loop/loop.h"

#include <stdint.h>

/* These take the place of the table that build.sh makes. */
const struct asset asset_table[] = {
    {"console/app.js", (const unsigned char *)"let a", 5},
    {"console/index.html", (const unsigned char *)"<p>index", 8},
};
uint64_t asset_count;

static const struct {
    const char *name, *path;
    uint64_t files;
    const char *head, *body;
} cases[] = {
    {"a page says that there is no console, and how to get it", "/console/", 0, "200 OK",
     "CONSOLE=no"},
    {"so does each place in it", "/console/spokes/edge-1", 0, "200 OK", "<code>./build.sh</code>"},
    {"and each file, which a bookmark may name", "/console/app.js", 0, "200 OK", "CONSOLE=no"},
    {"that page is HTML", "/console/", 0, "text/html", "<!doctype html>"},
    {"and runs nothing", "/console/", 0, "default-src 'none'", "</html>"},
    {"the index where there is one", "/console/", 2, "200 OK", "<p>index"},
    {"a file", "/console/app.js", 2, "text/javascript", "let a"},
    {"no such file", "/console/other.js", 2, "404 Not Found", "no such file"},
};

static struct text got;
static bool closed;

static void on_read(void *arg, const char *bytes, size_t len)
{
    text_add_bytes(&got, bytes, len);
}

static void on_closed(void *arg, const struct err *why)
{
    closed = true;
}

static void get(struct loop *loop, const struct http_server *server, const char *path)
{
    static const struct loop_stream_events events = {.read = on_read, .closed = on_closed};
    scoped_text struct text request = {0};
    int64_t until = clock_steady() + 5 * CLOCK_SECOND;
    struct err err = {0};
    struct loop_stream *stream = loop_connect(loop, http_server_address(server, 0), &err);

    text_free(&got);
    closed = false;
    loop_stream_handle(stream, &events, NULL);
    text_addf(&request, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
    loop_stream_write(stream, request.bytes, request.len);
    while (!closed && clock_steady() < until)
        loop_turn(loop, 10 * CLOCK_MS);
    loop_stream_close(&stream);
}

int main(void)
{
    struct err err = {0};
    struct loop *loop = loop_new(&err);
    struct http_server *server = http_server_new(loop, NULL);

    http_server_route(server, "/console", NULL, console_handle, NULL);
    CHECK(!http_server_listen(server, "127.0.0.1:0", NULL, &err), "a server listens");
    for (size_t i = 0; i < count_of(cases); i++) {
        asset_count = cases[i].files;
        CHECK(console_is_built() == (cases[i].files > 0), "%s: whether it is built", cases[i].name);
        get(loop, server, cases[i].path);
        CHECK(strstr(text_string(&got), cases[i].head) != NULL, "%s: '%s'", cases[i].name,
              cases[i].head);
        CHECK(strstr(text_string(&got), cases[i].body) != NULL, "%s: '%s'", cases[i].name,
              cases[i].body);
    }
    text_free(&got);
    http_server_free(&server);
    loop_free(&loop);
    return check_done();
}
