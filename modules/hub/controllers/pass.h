/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_PASS_H
#define CONTROLLERS_PASS_H

#include "controllers/controller.h"

/*
 * Private to controllers: one run of a controller for one key, and how it reads and
 * writes objects. Everything it reads lives in its arena, as long as the run.
 */
struct pass {
    struct controllers *all;
    const struct controller *self;
    struct objects *objects;
    struct arena *arena;
    const char *space, *name; /* the key */
    int64_t now;              /* wall time */
    int64_t wake_at;          /* run again then; 0: not by itself */
    const struct node *subject; /* the key's object, once claim.c has read it */
};

/* ---- Reading (pass.c) ------------------------------------------------------ */

/* The staged object, or NULL; it lives as long as the pass. */
struct seen {
    struct object *object;
    struct node *node;
};
bool pass_get(struct pass *pass, enum kind_id kind, const char *space,
              const char *name, struct seen *ret);
struct node *pass_read(struct pass *pass, enum kind_id kind, const char *space,
                       const char *name);
/* Every object of a kind in a namespace (NULL: all), as a list. With `label`
   only those that carry it with this value. */
struct node *pass_list(struct pass *pass, enum kind_id kind, const char *space,
                       const char *label, const char *value);
/* {apiVersion, kind, metadata {name, namespace}}, to be filled. */
struct node *pass_new(struct pass *pass, enum kind_id kind, const char *space,
                      const char *name);
/* Runs this key again at a wall time; the earliest one asked for counts. */
void pass_wake_at(struct pass *pass, int64_t wall);
void pass_event(struct pass *pass, const struct seen *about, bool warning,
                const char *reason, const char *format, ...) PRINTF(5, 6);

/* ---- Writing (pass_write.c) ------------------------------------------------ */

/*
 * What is written belongs to the object that the run is about, or no object has its
 * name: claim.h. pass_ensure() fails with ERR_TAKEN where the name is another's;
 * the other verbs then leave the object as it is, and pass_remove() as if there
 * were none.
 */
int pass_ensure(struct pass *pass, const struct node *wanted,
                bool *ret_changed, struct err *err) MUST_CHECK;
/* As pass_read and pass_list, but only what is the run's own. */
struct node *pass_read_own(struct pass *pass, enum kind_id kind, const char *space,
                           const char *name);
struct node *pass_list_own(struct pass *pass, enum kind_id kind, const char *space,
                           const char *label, const char *value);
int pass_status(struct pass *pass, const struct seen *seen,
                const struct node *status, bool *ret_changed,
                struct err *err) MUST_CHECK;
int pass_finalizer(struct pass *pass, const struct seen *seen,
                   const char *finalizer, bool present,
                   struct err *err) MUST_CHECK;
int pass_remove(struct pass *pass, enum kind_id kind, const char *space,
                const char *name, struct err *err) MUST_CHECK;
int pass_remove_kind(struct pass *pass, const struct kind *kind,
                     const char *space, const char *name,
                     struct err *err) MUST_CHECK;
/* A merge patch: for lists that a user may own as well. */
int pass_patch(struct pass *pass, const struct seen *seen,
               const struct node *patch, struct err *err) MUST_CHECK;

#endif
