/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/mem.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Hosts, a network between them, and a clock that jumps from event to event.
 * The same seed and the same calls give the same events in the same order.
 * While a world exists it is behind base/clock.h, so there is one at a time.
 *
 * An address "NAME:PORT" reaches what the host NAME listens at. "localhost",
 * "127.0.0.1" and "" mean the host itself.
 */
struct loop_world;

struct loop_faults {
    int64_t latency_least, latency_most; /* per delivery; order is kept */
    unsigned cut_ppm;                    /* chance per delivery that the connection is reset */
    unsigned split_ppm;                  /* chance per delivery that it comes in two pieces */
    unsigned refuse_ppm;                 /* chance that a connection attempt fails */
};

struct loop_world *loop_world_new(uint64_t seed) __attribute__((returns_nonnull));
/* Every host's loop must have been freed. */
void loop_world_free(struct loop_world **world);
#define scoped_world SCOPED(loop_world_free)

void loop_world_set_faults(struct loop_world *world, const struct loop_faults *faults);
/* A new host, or a crashed one started again. Freed with loop_free(). */
struct loop *loop_world_host(struct loop_world *world, const char *name)
    __attribute__((returns_nonnull));
/* One event. False if nothing will ever happen. */
bool loop_world_step(struct loop_world *world);
/* Runs for so long of the world's time, or until nothing is left to do. */
void loop_world_run(struct loop_world *world, int64_t duration);
/* Runs until `is_so`, at most `duration`; false if it did not become so. */
bool loop_world_run_until(struct loop_world *world, bool (*is_so)(void *arg), void *arg,
                          int64_t duration);
int64_t loop_world_now(const struct loop_world *world);
uint64_t loop_world_events(const struct loop_world *world);
/* A number from the world's own chance, below `below`. */
uint64_t loop_world_random(struct loop_world *world, uint64_t below);

/*
 * From now on nothing that this host does is seen by any other, and nothing
 * is told to it. The owner then frees what stood on its loop, and the loop.
 */
void loop_world_crash(struct loop_world *world, const char *name);
/* While cut, bytes between the two wait; `reset` ends their connections too. */
void loop_world_cut(struct loop_world *world, const char *one, const char *other, bool cut,
                    bool reset);
/* How far this host's wall clock is off. */
void loop_world_skew(struct loop_world *world, const char *name, int64_t skew);

#endif
