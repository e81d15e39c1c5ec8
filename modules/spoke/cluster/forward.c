/* SPDX-License-Identifier: Apache-2.0 */
/* Carries TCP connections from a Service's port to the pods behind it. */

#include "cluster/forward.h"

#include "base/clock.h"
#include "base/object.h"
#include "loop/loop.h"

#include <stdio.h>
#include <string.h>

/* With more bytes than this still to be written to one end, the other end is not read. */
#define MOST_PENDING ((size_t)256 * 1024)
/* More connections than this at a time are refused, so that the spoke keeps descriptors. */
#define MOST_LINKS ((size_t)4096)
#define CLOSE_TIMEOUT (10 * CLOCK_SECOND)
#define FORWARD_TAG 0x666f7277u
#define LINK_TAG 0x6c696e6bu

/* A connection has two ends, the client and the pod; a link is both of them. */
struct link;
struct end {
    uint32_t tag;
    struct link *link;
    struct loop_stream *stream; /* owned */
    bool ended;
};

struct link {
    struct forward_pool *pool;
    struct link *next, **from;
    struct end client, server;
    int ports[FORWARD_PORTS]; /* still to be tried */
    size_t count, at;
};

struct forward_pool {
    struct loop *loop;
    struct link *links;
    size_t count;
};

struct forward {
    uint32_t tag;
    struct forward_pool *pool;
    struct loop_listener *listener; /* owned */
    int ports[FORWARD_PORTS];
    size_t count, turn;
};

/* The tags are cleared, so a callback of either end that comes late is found out by object_from().
 */
static void link_free(struct link *link)
{
    *link->from = link->next;
    if (link->next)
        link->next->from = link->from;
    link->pool->count--;
    link->client.tag = link->server.tag = 0;
    loop_stream_close(&link->client.stream);
    loop_stream_close(&link->server.stream);
    mem_free(&link);
}

static struct end *other_of(struct end *end)
{
    return end == &end->link->client ? &end->link->server : &end->link->client;
}

/* The sender is paused when the other end does not keep up, so memory stays bounded. */
static void on_link_read(void *arg, const char *bytes, size_t len)
{
    struct end *end = object_from(end, LINK_TAG, arg), *other = other_of(end);

    loop_stream_write(other->stream, bytes, len);
    if (loop_stream_pending(other->stream) > MOST_PENDING)
        loop_stream_pause(end->stream);
}

/* The other end has taken what was pending: this one may send again. */
static void on_link_drained(void *arg)
{
    struct end *end = object_from(end, LINK_TAG, arg);

    loop_stream_resume(other_of(end)->stream);
}

/* One end has ended: what was read from it is still written to the other end, then both close. */
static void part_link(struct link *link)
{
    loop_stream_close_politely(&link->client.stream, CLOSE_TIMEOUT);
    loop_stream_close_politely(&link->server.stream, CLOSE_TIMEOUT);
    link_free(link);
}

/* TCP has two directions: the end of one is passed on, and the link goes when both have ended. */
static void on_link_ended(void *arg)
{
    struct end *end = object_from(end, LINK_TAG, arg), *other = other_of(end);

    end->ended = true;
    if (other->ended)
        part_link(end->link);
    else
        loop_stream_finish(other->stream);
}

/* Frees the link: the stream layer uses nothing of it after this callback. */
static void on_link_closed(void *arg, const struct err *why)
{
    struct end *end = object_from(end, LINK_TAG, arg);

    if (why->code)
        link_free(end->link);
    else
        part_link(end->link);
}

static void try_next_port(struct link *link);

static const struct loop_stream_events client_events = {
    .read = on_link_read,
    .ended = on_link_ended,
    .drained = on_link_drained,
    .closed = on_link_closed,
};

/* The pod has accepted: only now is the client read, since there is now an end to write to. */
static void on_server_opened(void *arg)
{
    struct end *server = object_from(end, LINK_TAG, arg);
    struct link *link = server->link;

    link->count = 0;
    loop_stream_handle(link->client.stream, &client_events, &link->client);
}

/* While ports are left to be tried (count), a close is a pod that refused. */
static void on_server_closed(void *arg, const struct err *why)
{
    struct end *server = object_from(end, LINK_TAG, arg);

    if (!server->link->count) {
        on_link_closed(arg, why);
        return;
    }
    loop_stream_close(&server->stream);
    try_next_port(server->link);
}

static const struct loop_stream_events server_events = {
    .opened = on_server_opened,
    .read = on_link_read,
    .ended = on_link_ended,
    .drained = on_link_drained,
    .closed = on_server_closed,
};

static void try_next_port(struct link *link)
{
    char address[40];
    struct err err = {0};

    while (link->at < link->count && !link->server.stream) {
        snprintf(address, sizeof address, "127.0.0.1:%d", link->ports[link->at++]);
        link->server.stream = loop_connect(link->pool->loop, address, &err);
    }
    if (link->server.stream)
        loop_stream_handle(link->server.stream, &server_events, &link->server);
    else
        link_free(link);
}

/* Round robin: each connection begins with the next port, and has the others as a reserve. */
static void on_accept(struct loop_stream *stream, void *arg)
{
    struct forward *forward = object_from(forward, FORWARD_TAG, arg);
    struct forward_pool *pool = forward->pool;
    struct link *link;

    if (!forward->count || pool->count >= MOST_LINKS) {
        loop_stream_close(&stream);
        return;
    }
    link = mem_alloc(sizeof *link);
    link->pool = pool;
    link->next = pool->links;
    link->from = &pool->links;
    if (link->next)
        link->next->from = &link->next;
    pool->links = link;
    pool->count++;
    link->client = (struct end){LINK_TAG, link, stream, false};
    link->server = (struct end){LINK_TAG, link, NULL, false};
    link->count = forward->count;
    for (size_t i = 0; i < link->count; i++)
        link->ports[i] = forward->ports[(forward->turn + i) % forward->count];
    forward->turn = (forward->turn + 1) % forward->count;
    try_next_port(link);
}

struct forward_pool *forward_pool_new(struct loop *loop)
{
    struct forward_pool *pool = mem_alloc(sizeof *pool);

    pool->loop = loop;
    return pool;
}

void forward_pool_free(struct forward_pool **pool)
{
    if (!*pool)
        return;
    while ((*pool)->links)
        link_free((*pool)->links);
    mem_free(pool);
}

struct forward *forward_open(struct forward_pool *pool, const char *address, struct err *err)
{
    struct forward *forward = mem_alloc(sizeof *forward);

    forward->tag = FORWARD_TAG;
    forward->pool = pool;
    forward->listener = loop_listen(pool->loop, address, on_accept, forward, err);
    if (!forward->listener)
        mem_free(&forward);
    return forward;
}

/* Links that are open go on: they belong to the pool. */
void forward_close(struct forward **forward)
{
    if (!*forward)
        return;
    loop_listener_close(&(*forward)->listener);
    (*forward)->tag = 0;
    mem_free(forward);
}

void forward_lead(struct forward *forward, const int *ports, size_t count)
{
    forward->count = count < FORWARD_PORTS ? count : FORWARD_PORTS;
    memcpy(forward->ports, ports, forward->count * sizeof *ports);
}
