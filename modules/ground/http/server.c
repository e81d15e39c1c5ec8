/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server: listeners, routes, limits on how many, draining. */
#include "http/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/object.h"
#include "pki/pki.h"
#include "tls/tls.h"

#define SERVER_TAG 0x48535256u

static size_t or_size(size_t value, size_t other)
{
    return value ? value : other;
}

static int64_t or_time(int64_t value, int64_t other)
{
    return value ? value : other;
}

static void close_gates(struct http_server *server)
{
    size_t i;

    for (i = 0; i < server->gate_count; i++)
        if (server->gates[i]->listener)
            loop_listener_close(&server->gates[i]->listener);
}

/* Ending a connection calls `gone` of its handler, which still finds the server. */
void http_server_free(struct http_server **at)
{
    struct http_server *server = take(*at);
    size_t i;

    if (!server)
        return;
    server->draining = false;
    close_gates(server);
    while (server->connections)
        http_connection_end(server->connections, false);
    for (i = 0; i < server->gate_count; i++)
        mem_free(&server->gates[i]);
    for (i = 0; i < server->route_count; i++) {
        mem_free(&server->routes[i].prefix);
        mem_free(&server->routes[i].methods);
    }
    loop_timer_free(&server->drain_timer);
    map_free(&server->keys);
    mem_free(&server->gates);
    mem_free(&server->routes);
    server->tag = 0;
    mem_free(&server);
}

/* ------------------------------------------------------------------ routes */

void http_server_route(struct http_server *server, const char *prefix, const char *methods,
                       http_handler_fn *fn, void *arg)
{
    server->routes =
        mem_resize_array(server->routes, server->route_count + 1, sizeof *server->routes);
    server->routes[server->route_count++] =
        (struct route){mem_copy_string(prefix), methods ? mem_copy_string(methods) : NULL, fn, arg};
}

void http_server_guard(struct http_server *server, http_guard_fn *fn, void *arg)
{
    server->guard = fn;
    server->guard_arg = arg;
}

void http_server_observe(struct http_server *server, http_access_fn *fn, void *arg)
{
    server->access = fn;
    server->access_arg = arg;
}

static bool is_under(const char *path, const char *prefix)
{
    size_t len = strlen(prefix);

    if (len && prefix[len - 1] == '/')
        len--;
    return !strncmp(path, prefix, len) && (!path[len] || path[len] == '/');
}

/* The longest prefix wins; there are some twenty routes. */
static const struct route *find_route(const struct http_server *server, const char *path)
{
    const struct route *best = NULL;
    size_t i;

    for (i = 0; i < server->route_count; i++)
        if (is_under(path, server->routes[i].prefix) &&
            (!best || strlen(server->routes[i].prefix) > strlen(best->prefix)))
            best = &server->routes[i];
    return best;
}

/* Whether "GET, HEAD" names it; a method is no part of another's word. */
static bool has_method(const char *methods, const char *method)
{
    size_t len = strlen(method);

    for (const char *at = methods; (at = strstr(at, method)); at += len)
        if ((at == methods || at[-1] == ' ') && (!at[len] || at[len] == ','))
            return true;
    return false;
}

static void refuse_method(struct http_request *request, const char *methods)
{
    http_response_header(request, "Allow", methods);
    http_respond_text(request, 405, "%s is not possible here; these are: %s\n", request->method,
                      methods);
}

static void call_handler(struct http_request *request, const struct route *route)
{
    if (route)
        route->fn(request, route->arg);
    else
        http_respond_text(request, 404, "404 page not found\n");
}

void http_server_go_on(struct http_server *server, struct http_request *request)
{
    http_request_gone(request, NULL, NULL);
    call_handler(request, find_route(server, request->path));
}

/* The guard, and then the handler: either may respond at once, which frees the exchange. */
static void dispatch_request(struct http_server *server, struct exchange *x)
{
    struct http_request *request = &x->request;
    const struct route *route = find_route(server, request->path);

    if (route && route->methods && !has_method(route->methods, request->method)) {
        refuse_method(request, route->methods);
        return;
    }
    if (server->guard && !server->guard(request, server->guard_arg))
        return;
    call_handler(request, route);
}

void http_server_most(struct http_server *server, http_most_fn *fn, void *arg)
{
    server->most = fn;
    server->most_arg = arg;
}

/* While draining there are no listeners, but a handshake may have ended late. */
static void take_stream(struct http_server *server, struct loop_stream **stream)
{
    if (server->draining) {
        loop_stream_close(stream);
        return;
    }
    server->counts.connections++;
    server->counts.accepted++;
    http_connection_take(server, take(*stream));
}

struct http_server *http_server_new(struct loop *loop, const struct http_server_settings *settings)
{
    static const struct http_server_settings none;
    const struct http_server_settings *s = settings ? settings : &none;
    struct http_server *server = mem_alloc(sizeof *server);

    server->tag = SERVER_TAG;
    server->loop = loop;
    server->settings = (struct http_server_settings){
        .most_connections = or_size(s->most_connections, 20000),
        .most_unauthenticated = or_size(s->most_unauthenticated, 4096),
        .most_unauthenticated_of_one = or_size(s->most_unauthenticated_of_one, 1024),
        .most_headers = or_size(s->most_headers, 64),
        .most_header_bytes = or_size(s->most_header_bytes, 65536),
        .header_deadline = or_time(s->header_deadline, 10 * CLOCK_SECOND),
        .idle_deadline = or_time(s->idle_deadline, 120 * CLOCK_SECOND),
        .body_deadline = or_time(s->body_deadline, 30 * CLOCK_SECOND),
        .write_deadline = or_time(s->write_deadline, 60 * CLOCK_SECOND),
        .most_pending = or_size(s->most_pending, (size_t)1 << 20),
    };
    TAILQ_INIT(&server->unauthenticated);
    server->keys = map_new();
    server->dispatch = dispatch_request;
    snprintf(server->id_prefix, sizeof server->id_prefix, "%08x", (unsigned)random_number());
    return server;
}

static void on_tls_ready(struct loop_stream *stream, void *arg)
{
    struct http_server *server = object_from(http_server, SERVER_TAG, arg);

    take_stream(server, &stream);
    http_admission_update(server);
}

static void on_gate_accept(struct loop_stream *stream, void *arg)
{
    struct gate *gate = arg;

    if (gate->tls)
        tls_server_accept(gate->tls, &stream, on_tls_ready, gate->server);
    else
        take_stream(gate->server, &stream);
    http_admission_update(gate->server);
}

int http_server_listen(struct http_server *server, const char *address, struct tls_server *tls,
                       struct err *err)
{
    struct gate *gate = mem_alloc(sizeof *gate);

    *gate = (struct gate){.server = server, .tls = tls};
    gate->listener = loop_listen(server->loop, address, on_gate_accept, gate, err);
    if (!gate->listener) {
        mem_free(&gate);
        return -1;
    }
    server->gates = mem_resize_array(server->gates, server->gate_count + 1, sizeof(struct gate *));
    server->gates[server->gate_count++] = gate;
    return 0;
}

const char *http_server_address(const struct http_server *server, size_t n)
{
    if (n >= server->gate_count || !server->gates[n]->listener)
        return NULL;
    return loop_listener_address(server->gates[n]->listener);
}

struct http_server_counts http_server_counts(const struct http_server *server)
{
    return server->counts;
}

/* Each end removes the first of the list. */
static void on_drain_timeout(void *arg)
{
    struct http_server *server = object_from(http_server, SERVER_TAG, arg);

    while (server->connections)
        http_connection_end(server->connections, false);
}

/* True if its response will end by itself. */
static bool will_finish(const struct connection *c)
{
    return c->now && (!c->now->began || c->now->length >= 0);
}

/* A response of unknown length (a watch) is ended in order, since it would never end by itself. */
void http_server_drain(struct http_server *server, int64_t timeout, loop_fn *done, void *arg)
{
    struct connection *c, *next;

    server->draining = true;
    server->drained = done;
    server->drained_arg = arg;
    close_gates(server);
    if (!server->connections) {
        http_admission_drained(server);
        return;
    }
    server->drain_timer = loop_timer_new(server->loop, on_drain_timeout, server);
    loop_timer_set(server->drain_timer, timeout);
    for (c = server->connections; c; c = next) {
        next = c->next;
        c->keep = false;
        if (will_finish(c))
            continue;
        if (c->now && c->now->chunked)
            http_connection_write(c, "0\r\n\r\n", 5);
        http_connection_end(c, true);
    }
}

/* `next` is taken before a connection ends, which removes it from the list. */
size_t http_server_cut(struct http_server *server,
                       bool (*is_one)(const struct pki_cert *peer, void *arg), void *arg)
{
    struct connection *c, *next;
    size_t count = 0;

    for (c = server->connections; c; c = next) {
        const struct pki_cert *peer = tls_peer(c->stream);

        next = c->next;
        if (!peer || !is_one(peer, arg))
            continue;
        count++;
        http_connection_end(c, false);
    }
    return count;
}
