/* SPDX-License-Identifier: Apache-2.0 */
/* Counts connections against their limits, and chooses which must go. */
#include "http/server.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "pki/pki.h"
#include "tls/tls.h"

/* ---- Unauthenticated peers */

/*
 * A connection without a certificate that is not being served is cheap to have
 * and cheap to make, so of these the one that has waited longest goes when they
 * are too many, of one address or of all. Its client may come back; those being
 * served and those known by certificate never notice.
 */
static struct connection *choose_oldest(struct http_server *server, const struct connection *newest)
{
    const struct http_server_settings *s = &server->settings;
    const char *remote = loop_stream_remote(newest->stream);
    struct connection *c, *oldest = NULL;
    size_t of_address = 0;

    TAILQ_FOREACH(c, &server->unauthenticated, waiting)
    {
        if (!loop_same_host(loop_stream_remote(c->stream), remote))
            continue;
        oldest = oldest ? oldest : c;
        of_address++;
    }
    if (of_address <= s->most_unauthenticated_of_one) {
        if (server->unauthenticated_count <= s->most_unauthenticated)
            return NULL;
        oldest = TAILQ_FIRST(&server->unauthenticated);
    }
    server->counts.refused++;
    return oldest;
}

struct connection *http_admission_set(struct connection *c, bool unauthenticated)
{
    struct http_server *server = c->server;

    if (c->is_unauthenticated) {
        TAILQ_REMOVE(&server->unauthenticated, c, waiting);
        server->unauthenticated_count--;
    }
    c->is_unauthenticated = unauthenticated;
    if (!unauthenticated)
        return NULL;
    TAILQ_INSERT_TAIL(&server->unauthenticated, c, waiting);
    if (++server->unauthenticated_count <= server->settings.most_unauthenticated_of_one)
        return NULL;
    return choose_oldest(server, c);
}

/* ---- Certificates */

/* A certificate's key identifies the client: one machine may have many addresses. */
bool http_admission_key_begin(struct connection *c)
{
    struct http_server *server = c->server;
    const struct pki_cert *peer = tls_peer(c->stream);
    size_t most = peer && server->most ? server->most(peer, server->most_arg) : 0;
    scoped_text struct text key = {0};
    uintptr_t count;

    if (!most)
        return true;
    text_add_hex(&key, peer->pin, sizeof peer->pin);
    count = (uintptr_t)map_get(server->keys, text_string(&key));
    if (count >= most)
        return false;
    map_put(server->keys, text_string(&key), (void *)(count + 1));
    c->key = text_take(&key);
    return true;
}

void http_admission_key_end(struct connection *c)
{
    uintptr_t count;

    if (!c->key)
        return;
    count = (uintptr_t)map_get(c->server->keys, c->key);
    if (count > 1)
        map_put(c->server->keys, c->key, (void *)(count - 1));
    else
        map_remove(c->server->keys, c->key);
    mem_free(&c->key);
}

/* ---- All of them */

/* TLS handshakes that have not ended count too: an unauthenticated peer can raise
   their number without ever becoming a connection of the server. */
void http_admission_update(struct http_server *server)
{
    size_t busy = server->counts.connections, i;
    bool full;

    for (i = 0; i < server->gate_count; i++)
        if (server->gates[i]->tls)
            busy += tls_server_pending(server->gates[i]->tls);
    full = busy >= server->settings.most_connections;
    if (full == server->full)
        return;
    server->full = full;
    for (i = 0; i < server->gate_count; i++)
        if (server->gates[i]->listener)
            loop_listener_pause(server->gates[i]->listener, full);
}

/* The callback may free the server, so it is called in a turn of its own. */
void http_admission_drained(struct http_server *server)
{
    loop_timer_free(&server->drain_timer);
    if (server->drained)
        loop_later(server->loop, server->drained, server->drained_arg);
    server->drained = NULL;
}

void http_admission_ended(struct http_server *server)
{
    server->counts.connections--;
    if (server->draining && !server->connections)
        http_admission_drained(server);
    http_admission_update(server);
}

/* The text changes once a second, and thousands of responses a second need it. */
const char *http_server_date(struct http_server *server)
{
    time_t now = (time_t)(clock_wall() / CLOCK_SECOND);
    struct tm tm;

    if (server->date_second != now || !*server->date) {
        gmtime_r(&now, &tm);
        strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        server->date_second = now;
    }
    return server->date;
}
