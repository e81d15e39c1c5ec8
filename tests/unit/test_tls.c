/* SPDX-License-Identifier: Apache-2.0 */
/* TLS between our own two sides: identity, resumption, pins, refusals. */
#include <stdlib.h>

#include "check.h"
#include "pki_fixture.h"
#include "tls/internal.h"

static struct loop *loop;
static struct fixture f;
static struct tls_server *server;
static struct loop_listener *listener;

static struct side {
    struct loop_stream *stream;
    size_t got;
    bool opened, ended, closed;
    struct err why;
} hub, spoke;

static void on_opened(void *arg)
{
    ((struct side *)arg)->opened = true;
}
static void on_ended(void *arg)
{
    ((struct side *)arg)->ended = true;
}
static void on_read(void *arg, const char *bytes, size_t len)
{
    struct side *side = arg;

    side->got += len;
    if (side == &hub)
        loop_stream_write(hub.stream, bytes, len);
}
static void on_closed(void *arg, const struct err *why)
{
    ((struct side *)arg)->closed = true;
    ((struct side *)arg)->why = *why;
}
static const struct loop_stream_events events = {
    .opened = on_opened, .read = on_read, .ended = on_ended, .closed = on_closed};

static void on_ready(struct loop_stream *stream, void *arg)
{
    hub.stream = stream;
    hub.opened = true;
    loop_stream_handle(stream, &events, &hub);
}

static loop_accept_fn *ready_now = on_ready;

static void on_newcomer(struct loop_stream *stream, void *arg)
{
    tls_server_accept(server, &stream, ready_now, NULL);
}

static bool turn_until(const bool *a, const bool *b)
{
    int64_t until = clock_steady() + 5 * CLOCK_SECOND;

    while (!*a && !*b && clock_steady() < until)
        loop_turn(loop, 20 * CLOCK_MS);
    return *a;
}

static void hang_up(void)
{
    int i;

    loop_stream_close(&spoke.stream);
    loop_stream_close(&hub.stream);
    for (i = 0; i < 3; i++)
        loop_turn(loop, 0);
    memset(&hub, 0, sizeof hub);
    memset(&spoke, 0, sizeof spoke);
}

static bool dial(struct tls_client *client, const char *name)
{
    struct err err = {0};

    spoke.stream = tls_connect(client, loop_listener_address(listener), name, &err);
    loop_stream_handle(spoke.stream, &events, &spoke);
    loop_stream_write(spoke.stream, "hello", 5);
    if (!turn_until(&spoke.opened, &spoke.closed))
        return false;
    while (!spoke.got && !spoke.closed)
        loop_turn(loop, 20 * CLOCK_MS);
    return spoke.got > 0;
}

static struct tls_client *client_of(struct tls_client_settings settings)
{
    struct err err = {0};
    struct tls_client *client = tls_client_new(loop, &settings, &err);

    CHECK(client != NULL, "a client is made (%s)", err.text);
    return client;
}

static void identity_is_known(bool tls13)
{
    const char *version = tls13 ? "TLSv1.3" : "TLSv1.2";
    scoped_tls_client struct tls_client *client =
        client_of((struct tls_client_settings){.roots = pki_authority_cert(f.ca),
                                               .cert = text_string(&f.spoke_cert),
                                               .key = text_string(&f.spoke_key),
                                               .tls13 = tls13});
    struct tls_counts before = tls_server_counts(server), after;
    unsigned char keys[TLS_TICKET_KEYS];
    char first[100] = "";
    int i;

    for (i = 0; i < 2; i++) {
        if (!CHECK(dial(client, NULL), "%s: bytes go both ways (%s)", version, spoke.why.text))
            return;
        CHECK_TEXT(tls_version(spoke.stream), version, "%s is spoken", version);
        if (CHECK(tls_peer(hub.stream) != NULL, "the hub sees a certificate"))
            CHECK_TEXT(tls_peer(hub.stream)->common_name, "system:open-cluster-management:edge-1:a",
                       "the spoke's");
        CHECK(pki_cert_in(tls_peer(hub.stream), "system:open-cluster-management:edge-1"),
              "with its group");
        CHECK_TEXT(tls_peer(spoke.stream)->common_name, "axle-hub", "the spoke sees the hub's");
        CHECK_INT(tls_was_resumed(hub.stream), i && !tls13, "%s, time %d: resumed or not", version,
                  i + 1);
        if (i)
            CHECK_TEXT(tls_peer(hub.stream)->serial, first, "the same certificate again");
        snprintf(first, sizeof first, "%s", tls_peer(hub.stream)->serial);
        hang_up();
    }
    after = tls_server_counts(server);
    CHECK_INT((long long)(after.full + after.resumed - before.full - before.resumed), 2,
              "both are counted");
    if (tls13)
        return;
    /* As after a restart with and without the kept keys. */
    tls_server_ticket_keys(server, keys);
    {
        struct tls_server_settings settings = {text_string(&f.hub_cert), text_string(&f.hub_key),
                                               pki_authority_cert(f.ca), false};
        struct err err = {0};

        tls_server_free(&server);
        server = tls_server_new(loop, &settings, &err);
        CHECK(dial(client, NULL) && !tls_was_resumed(hub.stream),
              "new ticket keys: a full handshake");
        hang_up();
        CHECK(!tls_server_set_ticket_keys(server, keys, &err), "kept keys are taken");
    }
}

static void tickets_survive(void)
{
    struct tls_server_settings settings = {text_string(&f.hub_cert), text_string(&f.hub_key),
                                           pki_authority_cert(f.ca), false};
    scoped_tls_client struct tls_client *client =
        client_of((struct tls_client_settings){.roots = pki_authority_cert(f.ca),
                                               .cert = text_string(&f.spoke_cert),
                                               .key = text_string(&f.spoke_key)});
    unsigned char keys[TLS_TICKET_KEYS];
    struct err err = {0};

    CHECK(dial(client, NULL), "a first time");
    hang_up();
    tls_server_ticket_keys(server, keys);
    tls_server_free(&server);
    server = tls_server_new(loop, &settings, &err);
    CHECK(!tls_server_set_ticket_keys(server, keys, &err), "keys are kept over a restart");
    CHECK(dial(client, NULL) && tls_was_resumed(hub.stream), "the session resumes");
    CHECK(tls_peer(hub.stream) != NULL, "with its identity");
    hang_up();
}

static void strangers_are_refused(void)
{
    struct fixture other;
    struct tls_client *client;
    unsigned char pin[PKI_SHA256];
    scoped_text struct text root = {0};
    struct err err = {0};

    fixture_make(&other);
    client = client_of((struct tls_client_settings){.roots = pki_authority_cert(other.ca)});
    CHECK(!dial(client, NULL) && spoke.closed, "a server of another authority is refused");
    CHECK_INT(spoke.why.code, ERR_UNAUTHORIZED, "and why is told");
    hang_up();
    tls_client_free(&client);

    client = client_of((struct tls_client_settings){.roots = pki_authority_cert(f.ca)});
    CHECK(!dial(client, "elsewhere.example"), "a server of another name is refused");
    hang_up();
    CHECK(dial(client, NULL) && !tls_peer(hub.stream), "one may come without a certificate");
    hang_up();
    tls_client_free(&client);

    client = client_of((struct tls_client_settings){.roots = pki_authority_cert(f.ca),
                                                    .cert = text_string(&other.spoke_cert),
                                                    .key = text_string(&other.spoke_key)});
    CHECK(!dial(client, NULL), "but not with one that another authority signed");
    hang_up();
    tls_client_free(&client);

    client = client_of((struct tls_client_settings){.pin = pki_authority_pin(f.ca)});
    CHECK(dial(client, "whatever"), "under a pin the key is the name");
    CHECK(!tls_pinned_root(spoke.stream, &root, &err), "and the CA is handed on");
    CHECK_TEXT(text_string(&root), pki_authority_cert(f.ca), "byte for byte");
    hang_up();
    CHECK(dial(client, "whatever") && tls_was_resumed(spoke.stream), "and the session resumes");
    hang_up();
    tls_client_free(&client);

    memcpy(pin, pki_authority_pin(other.ca), sizeof pin);
    client = client_of((struct tls_client_settings){.pin = pin});
    CHECK(!dial(client, NULL), "another pin is another hub");
    hang_up();
    tls_client_free(&client);
    fixture_free(&other);
}

static void much_goes_through(void)
{
    scoped_tls_client struct tls_client *client =
        client_of((struct tls_client_settings){.roots = pki_authority_cert(f.ca)});
    scoped_mem char *much = mem_alloc(2000000);
    int64_t until = clock_steady() + 10 * CLOCK_SECOND;

    CHECK(dial(client, NULL), "connected");
    loop_stream_write(spoke.stream, much, 2000000);
    loop_stream_finish(spoke.stream);
    while (spoke.got < 2000005 && clock_steady() < until)
        loop_turn(loop, 20 * CLOCK_MS);
    CHECK_INT((long long)spoke.got, 2000005, "2 MB go and come back");
    CHECK(hub.ended, "and the end is told");
    hang_up();
}

static const mbedtls_ssl_context *ssl_of(const struct loop_stream *stream)
{
    return &((const struct tls_stream *)stream)->ssl;
}

/* Nothing is under way on either side. */
static bool has_no_rooms(const struct loop_stream *stream)
{
    return !ssl_of(stream)->MBEDTLS_PRIVATE(in_buf) && !ssl_of(stream)->MBEDTLS_PRIVATE(out_buf);
}

/* Many times, and with records that are cut in the middle, since sequence numbers and places
   are kept beside while a connection has no rooms. */
static void a_connection_at_rest_has_no_rooms(bool tls13)
{
    static char words[20000];
    scoped_tls_client struct tls_client *client =
        client_of((struct tls_client_settings){.roots = pki_authority_cert(f.ca), .tls13 = tls13});
    int64_t until = clock_steady() + 20 * CLOCK_SECOND;
    size_t sent = 5;

    CHECK(dial(client, NULL), "connected");
    for (size_t i = 1; i <= 40; i++) {
        size_t len = i * i * 12;

        loop_stream_write(spoke.stream, words, len);
        sent += len;
        while (spoke.got < sent && !spoke.closed && clock_steady() < until)
            loop_turn(loop, 20 * CLOCK_MS);
        if (!CHECK(has_no_rooms(spoke.stream) && has_no_rooms(hub.stream),
                   "after %zu bytes neither side has rooms for records", sent))
            break;
    }
    CHECK_INT((long long)spoke.got, (long long)sent, "and all bytes came back");
    CHECK(!ssl_of(hub.stream)->MBEDTLS_PRIVATE(session)->MBEDTLS_PRIVATE(peer_cert),
          "nor does the server keep a certificate twice");
    hang_up();
}

static size_t let_in;

static void on_one_of_many(struct loop_stream *stream, void *arg)
{
    let_in++;
    loop_stream_close(&stream);
}

/* In no turn of the loop more handshakes go on than it may take, and all come to their end. */
static void storms_wait(void)
{
    scoped_tls_client struct tls_client *client =
        client_of((struct tls_client_settings){.roots = pki_authority_cert(f.ca)});
    struct tls_counts before = tls_server_counts(server), after;
    struct loop_stream *streams[40];
    struct side sides[count_of(streams)] = {0};
    int64_t until = clock_steady() + 60 * CLOCK_SECOND;
    struct err err = {0};

    ready_now = on_one_of_many;
    for (size_t i = 0; i < count_of(streams); i++) {
        streams[i] = tls_connect(client, loop_listener_address(listener), NULL, &err);
        loop_stream_handle(streams[i], &events, &sides[i]);
    }
    while (let_in < count_of(streams) && clock_steady() < until)
        loop_turn(loop, 20 * CLOCK_MS);
    after = tls_server_counts(server);
    CHECK_INT(let_in, count_of(streams), "of 40 clients at once all are let in");
    CHECK_INT(after.full - before.full, count_of(streams), "by full handshakes");
    CHECK(after.waited > before.waited, "and some of their steps waited for their turn: %lld",
          (long long)(after.waited - before.waited));
    for (size_t i = 0; i < count_of(streams); i++)
        loop_stream_close(&streams[i]);
    ready_now = on_ready;
    hang_up();
}

int main(void)
{
    struct err err = {0};
    struct tls_server_settings settings;

    loop = loop_new(&err);
    fixture_make(&f);
    settings = (struct tls_server_settings){text_string(&f.hub_cert), text_string(&f.hub_key),
                                            pki_authority_cert(f.ca), false};
    server = tls_server_new(loop, &settings, &err);
    listener = loop_listen(loop, "127.0.0.1:0", on_newcomer, NULL, &err);
    identity_is_known(false);
    identity_is_known(true);
    tickets_survive();
    strangers_are_refused();
    much_goes_through();
    a_connection_at_rest_has_no_rooms(false);
    a_connection_at_rest_has_no_rooms(true);
    storms_wait();
    loop_listener_close(&listener);
    tls_server_free(&server);
    fixture_free(&f);
    loop_free(&loop);
    return check_done();
}
