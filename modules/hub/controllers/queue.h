/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_QUEUE_H
#define CONTROLLERS_QUEUE_H

#include "controllers/controller.h"
#include "loop/loop.h"

/* A key that waits: for its turn (queued), or for a time (at). */
struct key {
    const struct controller *controller;
    char *space, *name; /* owned */
    bool queued;
    struct key *next;
    uint64_t round; /* in which it ran last */
    bool resting;   /* kept until the end of that round */
    struct key *next_resting;
    int64_t at; /* steady time; 0: none */
    struct loop_backoff backoff;
    char *said;     /* owned; the words of the failure of its last run, or NULL */
    int64_t ran_at; /* wall time of its last run */
};

struct key *queue_key(struct controllers *all, const struct controller *controller,
                      const char *space, const char *name);
/* Runs the key's controller as of a wall time; nothing is noted in the key. */
int queue_run(struct controllers *all, const struct key *key, int64_t now,
              int64_t *ret_wake_at, struct err *err) MUST_CHECK;
bool queue_is_waiting(const struct controllers *all);

/* ---- The proof of the tables of wake-ups (proof.c) ------------------------------ */

/*
 * Whether every change wakes whom it concerns: when the queue is empty after a
 * change, each key is run once more as of the time of its last run, so that only
 * what it reads can make a difference. What it then wants to write is refused,
 * logged as an error and counted: a wake-up is missing from the controller's
 * sources. For tests: it runs everything after every change.
 */
struct proof;
struct proof *proof_new(struct controllers *all);
void proof_free(struct proof **proof);
/* Something changed that controllers read. */
void proof_note_change(struct proof *proof);
/* The queue is empty: the proof begins soon, if anything changed since the last. */
void proof_plan(struct proof *proof);
/* A run of the proof is under way: it records no Events. */
bool proof_is_running(const struct proof *proof);
unsigned proof_missed(const struct proof *proof);

#endif
