/* SPDX-License-Identifier: Apache-2.0 */
/* The real loop: timers in order, streams both ways, children. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "check.h"
#include "loop/loop.h"

static struct text order;
static struct loop *loop;

static void add_a(void *arg)
{
    text_add(&order, arg);
}
static void stop(void *arg)
{
    loop_stop(arg);
}

static void turn_until(bool *so)
{
    int64_t until = clock_steady() + 5 * CLOCK_SECOND;

    while (!*so && clock_steady() < until)
        loop_turn(loop, 100 * CLOCK_MS);
}

static void timers_fire_in_order(void)
{
    struct loop_timer *a = loop_timer_new(loop, add_a, (char[]){"a"});
    struct loop_timer *b = loop_timer_new(loop, add_a, (char[]){"b"});
    struct loop_timer *c = loop_timer_new(loop, add_a, (char[]){"c"});
    struct loop_timer *end = loop_timer_new(loop, stop, loop);

    loop_timer_set(c, 3 * CLOCK_MS);
    loop_timer_set(a, 5 * CLOCK_MS);
    loop_timer_set(b, 2 * CLOCK_MS);
    loop_timer_set(a, 1 * CLOCK_MS);
    loop_timer_set(end, 4 * CLOCK_MS);
    loop_later(loop, add_a, (char[]){"0"});
    loop_run(loop);
    CHECK_TEXT(text_string(&order), "0abc", "timers fire in order of time");
    CHECK(!loop_timer_is_set(a), "a timer fires once");
    loop_timer_free(&a);
    loop_timer_free(&b);
    loop_timer_free(&c);
    loop_timer_free(&end);
}

/* A server that echoes; a client that sends much and half-closes. */
struct side {
    struct loop_stream *stream;
    size_t got, drained;
    bool opened, ended, closed;
    enum err_code why;
    char last[64];
};
static struct side server, client;

static void on_opened(void *arg)
{
    ((struct side *)arg)->opened = true;
}
static void on_ended(void *arg)
{
    ((struct side *)arg)->ended = true;
}
static void on_drained(void *arg)
{
    ((struct side *)arg)->drained++;
}
static void on_read(void *arg, const char *bytes, size_t len)
{
    struct side *side = arg;

    side->got += len;
    if (side == &server)
        loop_stream_write(server.stream, bytes, len);
}
static void on_server_ended(void *arg)
{
    ((struct side *)arg)->ended = true;
    loop_stream_finish(server.stream);
}
static void on_closed(void *arg, const struct err *why)
{
    struct side *side = arg;

    side->closed = true;
    side->why = why->code;
}
static const struct loop_stream_events echo = {
    .read = on_read, .ended = on_server_ended, .drained = on_drained, .closed = on_closed};
static const struct loop_stream_events talk = {.opened = on_opened,
                                               .read = on_read,
                                               .ended = on_ended,
                                               .drained = on_drained,
                                               .closed = on_closed};

static void accept_one(struct loop_stream *stream, void *arg)
{
    server.stream = stream;
    loop_stream_handle(stream, &echo, &server);
}

static void bytes_go_both_ways(const char *at, const char *what)
{
    scoped_mem char *much = mem_alloc(3000000);
    struct err err = {0};
    struct loop_listener *listener;

    memset(&server, 0, sizeof server);
    memset(&client, 0, sizeof client);
    listener = loop_listen(loop, at, accept_one, NULL, &err);
    if (!CHECK(listener != NULL, "%s: listens (%s)", what, err.text))
        return;
    client.stream = loop_connect(loop, loop_listener_address(listener), &err);
    CHECK(client.stream != NULL, "%s: dials", what);
    loop_stream_handle(client.stream, &talk, &client);
    loop_stream_write(client.stream, much, 3000000);
    CHECK(loop_stream_pending(client.stream) == 3000000, "%s: waits for the connection", what);
    loop_stream_finish(client.stream);
    turn_until(&client.ended);
    CHECK(client.opened, "%s: opened is told", what);
    CHECK_INT((long long)client.got, 3000000, "%s: all comes back", what);
    CHECK(server.ended && client.ended, "%s: both ends are told", what);
    CHECK_INT((long long)client.drained, 1, "%s: drained is told once", what);
    loop_stream_close(&client.stream);
    loop_stream_close(&server.stream);
    loop_listener_close(&listener);
}

static void refused_is_told(void)
{
    struct err err = {0};
    struct loop_listener *listener = loop_listen(loop, "127.0.0.1:0", accept_one, NULL, &err);
    char address[64];

    snprintf(address, sizeof address, "%s", loop_listener_address(listener));
    loop_listener_close(&listener);
    memset(&client, 0, sizeof client);
    client.stream = loop_connect(loop, address, &err);
    loop_stream_handle(client.stream, &talk, &client);
    turn_until(&client.closed);
    CHECK_INT(client.why, ERR_UNREACHABLE, "a refused connection says so");
    loop_stream_close(&client.stream);
    CHECK(!loop_connect(loop, "host-without-port", &err), "an address needs a port");
    CHECK(!loop_connect(loop, "::1:80", &err), "IPv6 needs brackets");
    CHECK(!loop_listen(loop, "not.an.address:1", accept_one, NULL, &err),
          "one listens at addresses only");
}

static void paused_stream_is_silent(void)
{
    struct err err = {0};
    struct loop_listener *listener = loop_listen(loop, "127.0.0.1:0", accept_one, NULL, &err);
    bool never = false;
    int i;

    memset(&server, 0, sizeof server);
    memset(&client, 0, sizeof client);
    client.stream = loop_connect(loop, loop_listener_address(listener), &err);
    loop_stream_handle(client.stream, &talk, &client);
    turn_until(&client.opened);
    loop_stream_pause(client.stream);
    loop_stream_write(client.stream, "hello", 5);
    for (i = 0; i < 5; i++)
        loop_turn(loop, 5 * CLOCK_MS);
    CHECK(!never && client.got == 0, "a paused reader is told nothing");
    loop_stream_resume(client.stream);
    for (i = 0; i < 50 && !client.got; i++)
        loop_turn(loop, 5 * CLOCK_MS);
    CHECK(client.got == 5, "and everything once it goes on");
    loop_stream_close_politely(&server.stream, CLOCK_SECOND);
    turn_until(&client.ended);
    CHECK(client.ended, "a polite close is seen as an end");
    loop_stream_close(&client.stream);
    loop_listener_close(&listener);
}

static int exit_status;
static bool exited;
static void on_exit_status(pid_t pid, int status, void *arg)
{
    exit_status = status;
    exited = true;
}

static void children_are_followed(void)
{
    char words[][8] = {"sh", "-c", "exit 7", "sleep", "100"};
    char *run[] = {words[0], words[1], words[2], NULL};
    char *wait[] = {words[3], words[4], NULL};
    struct loop_spawn spawn = {.path = "sh", .arguments = run, .in = -1, .out = -1, .error = -1};
    struct err err = {0};
    struct loop_child *child = loop_spawn(loop, &spawn, on_exit_status, NULL, &err);

    if (!CHECK(child != NULL, "a child starts (%s)", err.text))
        return;
    turn_until(&exited);
    CHECK_INT(WEXITSTATUS(exit_status), 7, "its exit status is told");
    CHECK(!loop_child_signal(child, SIGKILL), "a child that has ended gets no signal");
    loop_child_free(&child);
    exited = false;
    spawn.path = "sleep";
    spawn.arguments = wait;
    spawn.dies_with_parent = spawn.own_session = true;
    child = loop_spawn(loop, &spawn, on_exit_status, NULL, &err);
    CHECK(child && loop_child_signal(child, SIGTERM), "a running one does");
    turn_until(&exited);
    CHECK_INT(WTERMSIG(exit_status), SIGTERM, "and dies of it");
    loop_child_free(&child);
    spawn.path = "/no/such/program";
    CHECK(!loop_spawn(loop, &spawn, on_exit_status, NULL, &err), "a missing program is an error");
    CHECK_INT(err.code, ERR_NOT_FOUND, "and says which");
}

static void backoff_grows(void)
{
    struct loop_backoff backoff = {.least = CLOCK_SECOND, .most = 60 * CLOCK_SECOND};
    int64_t most = 0;
    int i;

    for (i = 0; i < 200; i++) {
        int64_t next = loop_backoff_next(&backoff);

        most = next > most ? next : most;
        if (!i)
            CHECK(next <= CLOCK_SECOND, "the first wait is short");
    }
    CHECK(most > 30 * CLOCK_SECOND && most <= 60 * CLOCK_SECOND, "later ones long, but bounded");
}

int main(void)
{
    struct err err = {0};
    char path[64];

    loop = loop_new(&err);
    timers_fire_in_order();
    bytes_go_both_ways("127.0.0.1:0", "tcp");
    bytes_go_both_ways("[::1]:0", "tcp6");
    bytes_go_both_ways(":0", "any");
    snprintf(path, sizeof path, "unix:/tmp/test_loop.%d", (int)getpid());
    bytes_go_both_ways(path, "unix");
    refused_is_told();
    paused_stream_is_silent();
    children_are_followed();
    backoff_grows();
    loop_free(&loop);
    text_free(&order);
    return check_done();
}
