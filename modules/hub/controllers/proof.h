/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_PROOF_H
#define CONTROLLERS_PROOF_H

#include <stdbool.h>

struct controllers;

/*
 * Private to controllers: the proof of the tables of wake-ups. Whether every change
 * wakes the keys that it concerns: when the queue is empty after a
 * change, each key is run once more as of the time of its last run, so that only
 * what it reads can make a difference. What it then wants to write is refused,
 * logged as an error and counted: a wake-up is missing from the controller's
 * sources. For tests: it runs everything after every change. Before each round the rows
 * that are kept (rows.h, joins.h) are compared with a full recount.
 */
struct proof;
struct proof *proof_new(struct controllers *all);
void proof_free(struct proof **proof);
/* Something changed that controllers read. */
void proof_note_change(struct proof *proof);
/* The queue is empty: the proof begins soon, if anything changed since the last. */
void proof_plan(struct proof *proof);
unsigned proof_missed(const struct proof *proof);

#endif
