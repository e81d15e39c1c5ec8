/* SPDX-License-Identifier: Apache-2.0 */
/* The network of a simulated world: links, latency, resets, listeners. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sim/hosts.h"

/* What the kernels on both sides take before a writer has to wait. */
#define WINDOW ((size_t)65536)
#define CONNECT_TIMEOUT (10 * CLOCK_SECOND)
/* A peer that crashed without a word is noticed after so long. */
#define SILENT_PEER (60 * CLOCK_SECOND)

struct world_listener {
    struct loop_listener listener; /* first */
    struct world_listener *next;
    char key[128];
    bool paused;
};

enum end_state { END_CONNECTING, END_OPEN, END_LOST, END_DEAD };

/* One end of a link: a stream of its host. */
struct end {
    struct loop_stream stream; /* first */
    struct world_host *host;
    struct world_link *link; /* counted */
    int side;
    enum end_state state;
    bool paused, ended, told, finish, finished, was_pending, inbox_ended;
    bool reading;
    struct loop_queue queue; /* waits for the window */
    struct loop_queue inbox; /* came while nobody read */
    struct err *lost;        /* owned */
};

struct world_link {
    struct world_link *next, **back;
    struct end *ends[2];
    char *names[2]; /* owned; of the hosts */
    char key[128];  /* what it was dialled for */
    unsigned holders;
    size_t flying[2]; /* bytes on their way to this end */
    int64_t last[2];  /* when the latest event for this end comes */
};

void world_link_drop(struct loop_world *world, struct world_link *link)
{
    (void)world;
    if (--link->holders)
        return;
    *link->back = link->next;
    if (link->next)
        link->next->back = link->back;
    mem_free(&link->names[0]);
    mem_free(&link->names[1]);
    mem_free(&link);
}

typedef void event_fn(struct loop_world *world, struct world_event *event);

/* Something for the end `to`, after what is on its way to it already. */
static struct world_event *send_event(struct loop_world *world, struct world_link *link, int to,
                                      event_fn *fn, int64_t delay)
{
    struct world_event *event = world_event_at(world, world->now + delay);

    if (event->when < link->last[to])
        event->when = link->last[to];
    link->last[to] = event->when;
    event->fn = fn;
    event->link = link;
    event->to = to;
    link->holders++;
    world_push(world, event);
    return event;
}

/* True if the event has to wait until the two hosts see each other again. */
static bool hold_event(struct loop_world *world, struct world_event *event)
{
    struct world_link *link = event->link;
    struct world_cut *cut = world_cut_between(world, link->names[0], link->names[1]);
    struct world_event *copy;

    if (!cut)
        return false;
    copy = mem_copy(event, sizeof *event);
    event->link = NULL;
    event->bytes = NULL;
    cut->held = mem_resize_array(cut->held, cut->held_count + 1, sizeof *cut->held);
    cut->held[cut->held_count++] = copy;
    return true;
}

/* --------------------------------------------------------------- being lost */

static void tell_end_lost(void *arg)
{
    struct end *end = arg;

    if (end->state != END_LOST || end->told || !end->stream.events)
        return;
    end->told = true;
    end->stream.events->closed(end->stream.arg, end->lost);
}

static void lose_end(struct end *end, enum err_code code, const char *words)
{
    struct err err = {0};

    if (!end || end->state == END_LOST || end->state == END_DEAD)
        return;
    if (code != ERR_NONE)
        err_set(&err, code, "%s: %s", end->link->names[!end->side], words);
    end->state = END_LOST;
    end->lost = mem_copy(&err, sizeof err);
    loop_queue_free(&end->queue);
    loop_queue_free(&end->inbox);
    loop_later(end->stream.loop, tell_end_lost, end);
}

static void on_reset(struct loop_world *world, struct world_event *event)
{
    if (!hold_event(world, event))
        lose_end(event->link->ends[event->to], ERR_UNREACHABLE, "connection reset");
}

static void reset_both(struct loop_world *world, struct world_link *link)
{
    (void)world;
    lose_end(link->ends[0], ERR_UNREACHABLE, "connection reset");
    lose_end(link->ends[1], ERR_UNREACHABLE, "connection reset");
}

/* ------------------------------------------------------------------- bytes */

static void fill_window(struct end *end);

static void tell_drained(void *arg)
{
    struct end *end = arg;

    if (end->state != END_OPEN || end->queue.len || !end->was_pending)
        return;
    end->was_pending = false;
    if (end->stream.events && end->stream.events->drained)
        end->stream.events->drained(end->stream.arg);
}

/* The reader has taken bytes: the writer may go on. */
static void take_bytes(struct end *reader, size_t len)
{
    struct end *writer = reader->link->ends[!reader->side];

    reader->link->flying[reader->side] -= len;
    if (writer && writer->state == END_OPEN)
        fill_window(writer);
}

static void end_reading(struct end *end)
{
    if (end->ended || end->state != END_OPEN)
        return;
    end->ended = true;
    if (end->stream.events->ended)
        end->stream.events->ended(end->stream.arg);
    else
        lose_end(end, ERR_NONE, "");
}

static void deliver_bytes(struct end *end, const char *bytes, size_t len)
{
    struct loop_world *world = end->host->world;
    size_t part = len;

    take_bytes(end, len);
    if (len > 1 && world_chance(world, world->faults.split_ppm))
        part = 1 + (size_t)loop_world_random(world, len - 1);
    end->stream.events->read(end->stream.arg, bytes, part);
    if (part == len)
        return;
    if (end->state == END_OPEN && !end->paused)
        end->stream.events->read(end->stream.arg, bytes + part, len - part);
    else if (end->state == END_OPEN) {
        loop_queue_add(&end->inbox, bytes + part, len - part);
        end->link->flying[end->side] += len - part;
    }
}

/* Gives on what has come, if anybody reads. */
static void read_inbox(void *arg)
{
    struct end *end = arg;
    struct loop_queue inbox;

    end->reading = false;
    if (end->state != END_OPEN || end->paused || !end->stream.events)
        return;
    inbox = end->inbox;
    end->inbox = (struct loop_queue){0};
    if (inbox.len)
        deliver_bytes(end, inbox.bytes + inbox.first, inbox.len);
    loop_queue_free(&inbox);
    if (end->state == END_OPEN && end->inbox_ended && !end->inbox.len && !end->paused)
        end_reading(end);
}

static void read_soon(struct end *end)
{
    if (end->reading || end->state != END_OPEN)
        return;
    end->reading = true;
    loop_later(end->stream.loop, read_inbox, end);
}

static void on_link_bytes(struct loop_world *world, struct world_event *event)
{
    struct world_link *link = event->link;
    struct end *end = link->ends[event->to];

    if (hold_event(world, event))
        return;
    if (world_chance(world, world->faults.cut_ppm)) {
        reset_both(world, link);
        return;
    }
    if (!end || end->state != END_OPEN) {
        /* Nobody is there: the other side hears of it. */
        if (!end && link->ends[!event->to])
            send_event(world, link, !event->to, on_reset, world_latency(world));
        return;
    }
    if (end->paused || !end->stream.events || end->inbox.len || end->reading) {
        loop_queue_add(&end->inbox, event->bytes, event->len);
        if (!end->paused && end->stream.events)
            read_soon(end);
        return;
    }
    WORLD_AS(world, end->host)
    deliver_bytes(end, event->bytes, event->len);
}

static void on_link_end(struct loop_world *world, struct world_event *event)
{
    struct end *end = event->link->ends[event->to];

    if (hold_event(world, event) || !end || end->state != END_OPEN)
        return;
    end->inbox_ended = true;
    read_soon(end);
}

static void send_bytes(struct end *end, const void *bytes, size_t len)
{
    struct loop_world *world = end->host->world;
    struct world_event *event =
        send_event(world, end->link, !end->side, on_link_bytes, world_latency(world));

    event->bytes = mem_copy(bytes, len);
    event->len = len;
    end->link->flying[!end->side] += len;
}

static void send_link_end(struct end *end)
{
    struct loop_world *world = end->host->world;

    if (!end->finish || end->finished || end->queue.len || end->state != END_OPEN)
        return;
    end->finished = true;
    send_event(world, end->link, !end->side, on_link_end, world_latency(world));
}

static void fill_window(struct end *end)
{
    size_t room = WINDOW - end->link->flying[!end->side];
    size_t part = end->queue.len < room ? end->queue.len : room;

    if (end->host->crashed || end->link->flying[!end->side] >= WINDOW)
        return;
    if (part) {
        send_bytes(end, end->queue.bytes + end->queue.first, part);
        loop_queue_drop(&end->queue, part);
    }
    if (end->queue.len)
        return;
    send_link_end(end);
    if (end->was_pending)
        loop_later(end->stream.loop, tell_drained, end);
}

/* ------------------------------------------------------------ the stream's */

static struct end *end_of(const struct loop_stream *stream)
{
    struct end *end = (struct end *)stream;

    assert(end->state != END_DEAD);
    return end;
}

static void end_handle(struct loop_stream *stream)
{
    struct end *end = end_of(stream);

    if (end->inbox.len || end->inbox_ended)
        read_soon(end);
    if (end->state == END_LOST && !end->told)
        loop_later(stream->loop, tell_end_lost, end);
}

static void write_end(struct loop_stream *stream, const void *bytes, size_t len)
{
    struct end *end = end_of(stream);
    size_t flying = end->link->flying[!end->side];

    assert(!end->finish);
    if (end->state == END_LOST || end->host->crashed)
        return;
    if (end->state == END_OPEN && !end->queue.len && flying + len <= WINDOW) {
        send_bytes(end, bytes, len);
        return;
    }
    loop_queue_add(&end->queue, bytes, len);
    end->was_pending = true;
    if (end->state == END_OPEN)
        fill_window(end);
}

static size_t end_pending(const struct loop_stream *stream)
{
    return ((const struct end *)stream)->queue.len;
}

static void end_pause(struct loop_stream *stream, bool paused)
{
    struct end *end = end_of(stream);

    end->paused = paused;
    if (!paused && (end->inbox.len || end->inbox_ended))
        read_soon(end);
}

static void end_finish(struct loop_stream *stream)
{
    struct end *end = end_of(stream);

    end->finish = true;
    if (!end->host->crashed)
        send_link_end(end);
}

static void free_end_later(void *arg)
{
    struct end *end = arg;

    loop_queue_free(&end->queue);
    loop_queue_free(&end->inbox);
    mem_free(&end->lost);
    mem_free(&end);
}

static void end_close(struct loop_stream *stream)
{
    struct end *end = end_of(stream);
    struct world_link *link = end->link;
    struct loop_world *world = end->host->world;

    if (end->state == END_OPEN && !end->finished && !end->host->crashed)
        send_event(world, link, !end->side, on_link_end, world_latency(world));
    end->state = END_DEAD;
    if (link->ends[end->side] == end)
        link->ends[end->side] = NULL;
    world_link_drop(world, link);
    loop_later(stream->loop, free_end_later, end);
}

static const char *end_remote(const struct loop_stream *stream)
{
    const struct end *end = (const struct end *)stream;

    return end->state == END_DEAD ? "" : end->link->names[!end->side];
}

static const struct loop_stream_kind end_kind = {
    .name = "simulated",
    .handle = end_handle,
    .write = write_end,
    .pending = end_pending,
    .pause = end_pause,
    .finish = end_finish,
    .close = end_close,
    .remote = end_remote,
};

static struct end *end_new(struct world_host *host, struct world_link *link, int side,
                           enum end_state state)
{
    struct end *end = mem_alloc(sizeof *end);

    end->stream.kind = &end_kind;
    end->stream.loop = &host->loop;
    end->host = host;
    end->link = link;
    end->side = side;
    end->state = state;
    link->ends[side] = end;
    link->holders++;
    return end;
}

/* -------------------------------------------------------------- connecting */

static void on_link_connected(struct loop_world *world, struct world_event *event)
{
    struct end *end = event->link->ends[0];

    if (hold_event(world, event) || !end || end->state != END_CONNECTING)
        return;
    end->state = END_OPEN;
    fill_window(end);
    if (end->stream.events && end->stream.events->opened)
        WORLD_AS(world, end->host)
    end->stream.events->opened(end->stream.arg);
}

static void on_link_refused(struct loop_world *world, struct world_event *event)
{
    if (!hold_event(world, event))
        lose_end(event->link->ends[0], ERR_UNREACHABLE, "connection refused");
}

static void on_connect_late(struct loop_world *world, struct world_event *event)
{
    struct end *end = event->link->ends[0];

    (void)world;
    if (end && end->state == END_CONNECTING)
        lose_end(end, ERR_TIMEOUT, "connection timed out");
}

static struct world_listener *find_listener(struct world_host *host, const char *key)
{
    struct world_listener *at;

    for (at = host ? host->listeners : NULL; at; at = at->next)
        if (!strcmp(at->key, key))
            return at;
    return NULL;
}

static void on_knock(struct loop_world *world, struct world_event *event)
{
    struct world_link *link = event->link;
    struct world_host *host = world_find(world, link->names[1]);
    struct world_listener *listener = find_listener(host, link->key);
    struct end *end;

    if (hold_event(world, event))
        return;
    if (!listener || world_chance(world, world->faults.refuse_ppm)) {
        send_event(world, link, 0, on_link_refused, world_latency(world));
        return;
    }
    if (listener->paused) {
        send_event(world, link, 1, on_knock, 10 * CLOCK_MS);
        return;
    }
    if (!link->ends[0])
        return;
    end = end_new(host, link, 1, END_OPEN);
    send_event(world, link, 0, on_link_connected, world_latency(world));
    WORLD_AS(world, host)
    listener->listener.fn(&end->stream, listener->listener.arg);
}

/* "HOST:PORT" or "unix:PATH", as a host's name and a listener's key. */
static int split_address(struct world_host *host, const char *address, char name[LOOP_HOST],
                         char key[128], struct err *err)
{
    int port;

    if (!strncmp(address, "unix:", 5)) {
        snprintf(name, LOOP_HOST, "%s", host->name);
        snprintf(key, 128, "%s", address);
        return 0;
    }
    if (loop_address_split(address, -1, name, &port, err) < 0)
        return -1;
    if (!*name || !strcmp(name, "localhost") || !strcmp(name, "127.0.0.1") ||
        !strcmp(name, "0.0.0.0") || !strcmp(name, "::") || !strcmp(name, "::1"))
        snprintf(name, LOOP_HOST, "%s", host->name);
    snprintf(key, 128, "%d", port);
    return 0;
}

struct loop_stream *world_connect(struct loop *loop, const char *address, struct err *err)
{
    struct world_host *host = host_of(loop);
    struct loop_world *world = host->world;
    char name[LOOP_HOST], key[128];
    struct world_link *link;
    struct world_event *timeout;
    struct end *end;

    if (split_address(host, address, name, key, err) < 0)
        return NULL;
    link = mem_alloc(sizeof *link);
    link->names[0] = mem_copy_string(host->name);
    link->names[1] = mem_copy_string(name);
    memcpy(link->key, key, sizeof link->key);
    link->back = &world->links;
    link->next = world->links;
    if (link->next)
        link->next->back = &link->next;
    world->links = link;
    end = end_new(host, link, 0, END_CONNECTING);
    if (host->crashed)
        return &end->stream;
    send_event(world, link, 1, on_knock, world_latency(world));
    timeout = world_event_at(world, world->now + CONNECT_TIMEOUT);
    timeout->fn = on_connect_late;
    timeout->link = link;
    link->holders++;
    world_push(world, timeout);
    return &end->stream;
}

/* --------------------------------------------------------------- listening */

static void free_sim_listener(void *arg)
{
    mem_free(&arg);
}

static void close_sim_listener(struct loop_listener *listener)
{
    struct world_listener *it = (struct world_listener *)listener;
    struct world_listener **at = &host_of(listener->loop)->listeners;

    while (*at != it)
        at = &(*at)->next;
    *at = it->next;
    loop_later(listener->loop, free_sim_listener, it);
}

static void pause_sim_listener(struct loop_listener *listener, bool paused)
{
    ((struct world_listener *)listener)->paused = paused;
}

static const struct loop_listener_kind listener_kind = {close_sim_listener, pause_sim_listener};

struct loop_listener *world_listen(struct loop *loop, const char *address, loop_accept_fn *fn,
                                   void *arg, struct err *err)
{
    struct world_host *host = host_of(loop);
    struct world_listener *it;
    char name[LOOP_HOST], key[128];

    if (split_address(host, address, name, key, err) < 0)
        return NULL;
    if (!strcmp(key, "0"))
        snprintf(key, sizeof key, "%d", host->next_port++);
    if (find_listener(host, key)) {
        err_set(err, ERR_UNREACHABLE, "cannot listen at %s: in use", address);
        return NULL;
    }
    it = mem_alloc(sizeof *it);
    it->listener =
        (struct loop_listener){.kind = &listener_kind, .loop = loop, .fn = fn, .arg = arg};
    memcpy(it->key, key, sizeof it->key);
    if (!strncmp(key, "unix:", 5)) {
        memcpy(it->listener.address, key, sizeof it->listener.address);
    } else {
        it->listener.port = (int)strtol(key, NULL, 10);
        snprintf(it->listener.address, sizeof it->listener.address, "%.100s:%d", host->name,
                 it->listener.port);
    }
    it->next = host->listeners;
    host->listeners = it;
    return &it->listener;
}

/* ---------------------------------------------------------------- disasters */

/* Half of the others learn at once; to the rest it is merely silent. */
void world_links_crash(struct world_host *host)
{
    struct loop_world *world = host->world;
    struct world_link *link;
    int side;

    for (link = world->links; link; link = link->next)
        for (side = 0; side < 2; side++) {
            if (!link->ends[side] || link->ends[side]->host != host)
                continue;
            link->ends[side] = NULL;
            if (link->ends[!side])
                send_event(world, link, !side, on_reset,
                           loop_world_random(world, 2) ? world_latency(world) : SILENT_PEER);
        }
}

void world_links_reset(struct loop_world *world, const char *one, const char *other)
{
    struct world_link *link;

    for (link = world->links; link; link = link->next)
        if ((!strcmp(link->names[0], one) && !strcmp(link->names[1], other)) ||
            (!strcmp(link->names[0], other) && !strcmp(link->names[1], one)))
            reset_both(world, link);
}
