/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_HOSTS_H
#define SIM_HOSTS_H

#include "loop/internal.h"
#include "sim/world.h"

struct world_host {
    struct loop loop; /* first, so that one is the other */
    struct loop_world *world;
    struct world_host *next;
    char *name; /* owned */
    int64_t skew;
    bool crashed;
    int next_port;
    struct world_listener *listeners;
};

/* What happens at a time: a call, or bytes on a link. */
struct world_event {
    int64_t when;
    uint64_t serial;
    void (*fn)(struct loop_world *world, struct world_event *event);
    struct world_link *link; /* counted */
    int to;                  /* the end of the link that it is for */
    char *bytes;             /* owned */
    size_t len;
};

struct world_cut {
    char *one, *other; /* owned */
    struct world_cut *next;
    struct world_event **held; /* owned: came while cut */
    size_t held_count;
};

struct loop_world {
    uint64_t random_state;
    int64_t now, wall_start;
    uint64_t serial, count;
    struct loop_faults faults;
    struct world_host *hosts, *current;
    struct world_event **events; /* owned; a binary heap */
    size_t event_count, event_room;
    struct world_link *links;
    struct world_cut *cuts; /* owned */
};

/* plain_tls.c: what takes the place of mbedTLS between hosts. */
extern const struct tls_engine sim_plain_tls;

static inline struct world_host *host_of(struct loop *loop)
{
    return (struct world_host *)loop;
}

struct world_host *world_find(const struct loop_world *world, const char *name);
bool world_chance(struct loop_world *world, unsigned ppm);
int64_t world_latency(struct loop_world *world);
struct world_event *world_event_at(struct loop_world *world, int64_t when);
/* Calls something on a host, with its clock. */
#define WORLD_AS(world, host)                                                                      \
    for (bool once_ = ((world)->current = (host), true); once_; once_ = false)

struct loop_stream *world_connect(struct loop *loop, const char *address, struct err *err);
struct loop_listener *world_listen(struct loop *loop, const char *address, loop_accept_fn *fn,
                                   void *arg, struct err *err);
/* The cut that lies between two hosts, or NULL. */
struct world_cut *world_cut_between(const struct loop_world *world, const char *one,
                                    const char *other);
void world_links_crash(struct world_host *host);
void world_links_reset(struct loop_world *world, const char *one, const char *other);
void world_link_drop(struct loop_world *world, struct world_link *link);
void world_push(struct loop_world *world, struct world_event *event);

#endif
