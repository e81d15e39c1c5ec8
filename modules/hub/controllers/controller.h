/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_CONTROLLER_H
#define CONTROLLERS_CONTROLLER_H

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "controllers/controllers.h"
#include "controllers/kind_ids.h"
#include "document/document.h"
#include "objects/objects.h"

#include <stdbool.h>
#include <stdint.h>

struct collector;
struct decisions;
struct expected_index;
struct joins;
struct map;
struct reconcile_run;
struct placement_world;
struct proof;
struct queue;
struct rows;

/*
 * Private to controllers: what a controller is, and what all of them share.
 *
 * The files call downwards in this order: controllers.c (start, stop, changes), which
 * alone knows the table of controllers (table.c); proof.c; turns.c; the controllers
 * themselves with their parts (rights: allowed.c, boundaries.c, namespaces.c, …;
 * rendering: rendition.c; rollout: replicaset*.c; joining: joining.c, csr.c, …);
 * pass_write.c; claim.c; reconcile.c (one run's reading); decisions.c; index.c, joins.c,
 * expected.c, rows.c, queue.c; key_heap.c; parse.c; kind_ids.c.
 */

/* ---- What a controller is ------------------------------------------------ */

struct controller;

/* 0, or -1: tried again later. A user's mistake is a condition and 0. */
typedef int controller_run_fn(struct reconcile_run *run, struct err *err);
/* Wakes the keys that a change concerns. `before` or `after` may be NULL. */
typedef void controller_map_fn(struct controllers *all, const struct controller *to,
                               const struct object *before, const struct object *after);

/* Whether what a source wakes may wait for the end of the controller's pause. What changes
   more of the key's own object than its status never waits. */
enum controller_haste { WAKE_AT_ONCE, WAKE_AFTER_PAUSE };
struct controller_source {
    enum kind_id kind;
    controller_map_fn *map; /* NULL: the key is the object itself */
    enum controller_haste haste;
};
/* Of controllers that sum up what many report. */
#define CONTROLLER_PAUSE (100 * CLOCK_MS)
/* Of a controller whose keys name no object: it works on the hub itself. */
#define ABOUT_NOTHING KIND_ID_COUNT
/* The condition that says that a run failed; only there while it does. */
#define RECONCILED "Reconciled"
struct controller {
    const char *name;
    controller_run_fn *run;
    enum kind_id about;                   /* the kind of the object that its key names */
    const char *condition;                /* where a failed run is published, besides an Event;
                                             NULL: the kind's conditions are another writer's */
    struct controller_source sources[16]; /* up to a row of zeros after one */
    size_t source_count;
    int64_t pause; /* between two runs of a key for what many report; 0: none (queue.h) */
};
/* "axle-NAME": its field manager, and the source of its Events. */
char *controller_manager(struct arena *arena, const struct controller *self);

/* ---- What they share ------------------------------------------------------ */

struct controllers {
    uint32_t tag;
    struct objects *objects;
    struct loop *loop;
    struct controllers_settings settings;
    const struct kind *kinds[KIND_ID_COUNT];
    struct placement_world *world; /* owned; world.c */
    int64_t started;               /* wall time: silence of spokes is counted from here */
    unsigned numbered;             /* numbers.c: how many were written since the start */
    bool proving;                  /* the proof runs a key, which must have no effect */
    struct turn_counts {
        uint64_t runs, failures, unpublished;
        uint64_t parsed; /* objects, by parse.c */
        uint64_t walked; /* rows, by runs */
    } counts;            /* turns.c */
    struct told_change { /* parse.c: what was parsed of the change that is being told */
        struct arena *arena;
        const struct object *objects[2];
        struct node *nodes[2];
        size_t count;
    } change;
    int64_t clock;                   /* turns.c: wall time minus steady time, when last looked at */
    struct queue *queue;             /* owned; queue.c */
    struct rows *rows;               /* owned; rows.c: what is known of works and Workloads */
    struct decisions *decisions;     /* owned; decisions.c */
    struct joins *joins;             /* owned; joins.c */
    struct expected_index *expected; /* owned; expected.c */
    struct map *index;               /* owned; index.c: maps of names by label and value */
    struct map *waits;               /* owned; claim.c: keys by the name that is in their way */
    struct proof *proof;             /* owned; of the wake-ups; NULL: not asked for */
    struct collector *collector;     /* owned */
    struct commits *commits;         /* owned; controllers.c */
};
#define CONTROLLERS_TAG 0x43744c72u

/* Puts a key into the queue, once; a waiting retry runs at once (queue.c). */
void controllers_wake(struct controllers *all, const struct controller *to, const char *namespace,
                      const char *name);
/* Wakes a key for each object of a kind ("" for all namespaces). */
void controllers_wake_all(struct controllers *all, const struct controller *to, enum kind_id kind,
                          const char *namespace);

#endif
