/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_QUEUE_H
#define CONTROLLERS_QUEUE_H

#include "controllers/controller.h"
#include "controllers/key_heap.h"
#include "loop/loop.h"

struct lane;

/*
 * Private to controllers: the queue of keys. It holds each key once, in rounds, and
 * knows when a key wants to run at a time; what a run is it does not know. Each namespace
 * has a lane of its own, and lanes take turns.
 *
 * Where a controller has a pause, a wake that may wait runs the key at once if it has been
 * at rest, else when the pause that its last runs took up is over. Any other wake runs it
 * at once, and forgets the pause.
 */

/* A key that waits: for its turn (queued), or for a time (at). */
struct key {
    const struct controller *controller;
    char *namespace, *name; /* owned */
    bool queued;
    struct key *next;
    uint64_t round; /* in which it ran last */
    bool resting;   /* kept until the end of that round */
    struct key *next_resting;
    int64_t at;        /* steady time; 0: none; queue_set_time */
    size_t heap_place; /* in the heap of those that wait for a time, from 1; 0: not there */
    int64_t free_at;   /* steady time; until then its last runs take up its pause … */
    int64_t slack;     /* … of which it may run so much ahead */
    bool paused;       /* a wake waits for the end of the pause */
    bool woken;        /* by its own run, and may wait */
    bool leaving;      /* nothing waits: it is forgotten at that time */
    struct lane *lane;
    struct loop_backoff backoff;
    char *published; /* owned; the words of the failure of its last run, or NULL */
    int64_t ran_at;  /* wall time of its last run */
};

/* `turn` is called, with `all`, from the loop whenever a key waits for its turn. */
void queue_open(struct controllers *all, void (*turn)(void *arg));
void queue_close(struct controllers *all);
/* Nothing is put into the queue any more. */
void queue_stop(struct controllers *all);
bool queue_is_stopped(const struct controllers *all);

/* The key of that name, made if it is not there. */
struct key *queue_key(struct controllers *all, const struct controller *controller,
                      const char *namespace, const char *name);
/* Every key, one by one; NULL after the last. `*at` begins at 0. */
struct key *queue_each(struct controllers *all, size_t *at);

/* When the key wants to run; 0: at no time. */
void queue_set_time(struct controllers *all, struct key *key, int64_t at);

bool queue_is_waiting(const struct controllers *all);
/* Nothing waits for its turn or for the end of a pause: what there is to do is done. */
bool queue_is_quiet(const struct controllers *all);
/* It is quiet, and no turn is planned. */
bool queue_is_idle(const struct controllers *all);
size_t queue_length(const struct controllers *all);

/* A turn: begin, take keys and settle each after its run, end. */
bool queue_is_turning(const struct controllers *all);
void queue_begin_turn(struct controllers *all);
struct key *queue_take(struct controllers *all);
void queue_settle(struct controllers *all, struct key *key);
void queue_end_turn(struct controllers *all);
/* What is woken from now on may wait for the end of its pause, or may not. */
void queue_let_wait(struct controllers *all, bool patient);
/* The key has run, over so many places: that takes up its pause. */
void queue_note_run(struct controllers *all, struct key *key, size_t places);
/* Wakes of this key are ignored, until NULL is given: its failure is being published,
   and nothing of what it reads changes by that. */
void queue_mute(struct controllers *all, const struct key *key);

#endif
