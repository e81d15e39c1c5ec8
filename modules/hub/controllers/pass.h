/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_PASS_H
#define CONTROLLERS_PASS_H

#include "controllers/controller.h"

/*
 * Private to controllers: one run of a controller for one key, and how it reads and
 * writes objects. Everything it reads lives in its arena, as long as the run.
 */
struct reconcile_run {
    struct controllers *all;
    const struct controller *self;
    struct objects *objects;
    struct arena *arena;
    const char *namespace, *name; /* the key */
    int64_t now;                  /* wall time */
    int64_t wake_at;              /* run again then; 0: not by itself */
    const struct node *subject;   /* the key's object, once claim.c has read it */
    size_t places;                /* over so many it went: what it costs to run again */
};

/* ---- Reading (reconcile.c) ------------------------------------------------------ */

/* The staged object, or NULL; it lives as long as the run. */
struct seen {
    struct object *object;
    struct node *node;
};
bool reconcile_get(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                   const char *name, struct seen *ret);
struct node *reconcile_read(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                            const char *name);
/* Every object of a kind in a namespace (NULL: all), as a list. With `label`
   only those that carry it with this value. */
struct node *reconcile_list(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                            const char *label, const char *value);
/* {apiVersion, kind, metadata {name, namespace}}, to be filled. */
struct node *reconcile_new(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                           const char *name);
/* Runs this key again at a wall time; the earliest one asked for counts. */
void reconcile_wake_at(struct reconcile_run *run, int64_t wall);
/* It goes over so many rows. */
void reconcile_walk(struct reconcile_run *run, size_t rows);
/* What it sums up is of so many places, whether or not it goes over them: that takes up its
   pause (queue.h). */
void reconcile_sums_up(struct reconcile_run *run, size_t places);
void reconcile_event(struct reconcile_run *run, const struct seen *about, bool warning,
                     const char *reason, const char *format, ...) PRINTF(5, 6);

/* ---- Writing (pass_write.c) ------------------------------------------------ */

/*
 * What is written belongs to the object that the run is about, or no object has its
 * name: claim.h. reconcile_ensure() fails with ERR_TAKEN where the name is another's;
 * the other verbs then leave the object as it is, and reconcile_remove() as if there
 * were none.
 */
int reconcile_ensure(struct reconcile_run *run, const struct node *wanted, bool *ret_changed,
                     struct err *err) MUST_CHECK;
/* As reconcile_read and reconcile_list, but only what is the run's own. */
struct node *reconcile_read_own(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                                const char *name);
struct node *reconcile_list_own(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                                const char *label, const char *value);
int reconcile_status(struct reconcile_run *run, const struct seen *seen, const struct node *status,
                     bool *ret_changed, struct err *err) MUST_CHECK;
int reconcile_finalizer(struct reconcile_run *run, const struct seen *seen, const char *finalizer,
                        bool present, struct err *err) MUST_CHECK;
int reconcile_remove(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                     const char *name, struct err *err) MUST_CHECK;
int reconcile_remove_kind(struct reconcile_run *run, const struct kind *kind, const char *namespace,
                          const char *name, struct err *err) MUST_CHECK;
/* A merge patch: for lists that a user may own as well. */
int reconcile_patch(struct reconcile_run *run, const struct seen *seen, const struct node *patch,
                    struct err *err) MUST_CHECK;

#endif
