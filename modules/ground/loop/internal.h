/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOOP_INTERNAL_H
#define LOOP_INTERNAL_H

#include "loop/loop.h"

/*
 * What a real and a simulated loop have in common: the queue of calls, the
 * heap of timers, and a table of what each does its own way. The table is what
 * a simulation replaces (tests/sim/world.c); its clock and chance go through
 * clock_set_platform() of base.
 */
struct loop_driver {
    struct loop_stream *(*connect)(struct loop *loop, const char *address, struct err *err);
    struct loop_listener *(*listen)(struct loop *loop, const char *address, loop_accept_fn *fn,
                                    void *arg, struct err *err);
    void (*turn)(struct loop *loop, int64_t wait);
    void (*free)(struct loop *loop);
};

struct loop_call {
    loop_fn *fn;
    void *arg;
};

struct loop {
    const struct loop_driver *driver;
    struct loop_call *calls; /* owned; a queue from `call_first` on */
    size_t call_first, call_count, call_room;
    struct loop_timer **timers; /* owned array of borrowed; a binary heap */
    size_t timer_count, timer_room;
    uint64_t timer_serial;
    struct loop_parting *partings; /* owned; streams being closed politely */
    bool stopped;
};

/* Closes at once what was being closed politely. */
void loop_part_all(struct loop *loop);

struct loop_listener_kind {
    void (*close)(struct loop_listener *listener);
    void (*pause)(struct loop_listener *listener, bool paused);
};

struct loop_listener {
    const struct loop_listener_kind *kind;
    struct loop *loop;
    loop_accept_fn *fn;
    void *arg;
    char address[128];
    int port;
};

void loop_start(struct loop *loop, const struct loop_driver *driver);
/* Runs what is queued until nothing is, and frees the queues. */
void loop_end(struct loop *loop);
/* Calls what was queued when it began. */
void loop_run_calls(struct loop *loop);
void loop_run_timers(struct loop *loop);
/* Calls the first one only: a world's step. */
void loop_run_call(struct loop *loop);
void loop_run_timer(struct loop *loop);
bool loop_has_calls(const struct loop *loop);
/* The steady time of the next timer, INT64_MAX if there is none. */
int64_t loop_next_timer(const struct loop *loop);

/* Bytes that wait to be sent. */
struct loop_queue {
    char *bytes; /* owned; NULL when empty */
    size_t first, len, room;
};
void loop_queue_add(struct loop_queue *queue, const void *bytes, size_t len);
void loop_queue_drop(struct loop_queue *queue, size_t len);
void loop_queue_free(struct loop_queue *queue);

#endif
