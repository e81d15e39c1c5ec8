/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_ROWS_H
#define CONTROLLERS_ROWS_H

#include "controllers/standing.h"

struct text;

/*
 * Private to controllers: a row for each ManifestWork and each Workload, with what
 * controllers need of it.
 *
 * An object is parsed once, when it changes, whether that was staged or published. A
 * report of a spoke so costs one row, and a run that sums a replica set up goes over rows
 * and parses nothing. Works of one name, and Workloads of one name, are kept together, in
 * order of their cluster: those of one replica set are there at once. Everything follows
 * from the objects and is read again at the start, and when a commit has failed.
 */
void rows_open(struct controllers *all);
void rows_free(struct controllers *all);
void rows_note(struct controllers *all, const struct object *before, const struct object *after);
/* Rows that were given out during a run are there until it has ended: frees those that
   have been replaced. */
void rows_retire(struct controllers *all);

/* The rows of works of this name that are labelled as a replica set's, by cluster; the
   list lives in the arena, the rows as long as the run. */
struct work_rows {
    const struct work_row **rows;
    size_t count;
};
struct work_rows rows_works(struct controllers *all, struct arena *arena, const char *name);
/* NULL: there is none. */
const struct work_row *rows_work(struct controllers *all, const char *name, const char *cluster);
const struct load_row *rows_load(struct controllers *all, const char *name, const char *cluster);

/*
 * Whether a work's spec is the one that a replica set wants: judged once for all works
 * that have the same spec, until the set's generation changes. `set` is the
 * ManifestWorkReplicaSet.
 */
bool rows_is_wanted(struct controllers *all, const struct node *set, const struct work_row *work);

/* A full recount, for proofs: false if a row is not what its object says; `why` tells
   which, and what of it. */
bool rows_are_true(struct controllers *all, struct text *why);

#endif
