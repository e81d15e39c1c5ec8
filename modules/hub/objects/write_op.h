/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_WRITE_OP_H
#define OBJECTS_WRITE_OP_H

#include "base/clock.h"
#include "objects/keeper.h"
#include "objects/rules.h"

struct patch_writer;

/*
 * Private to objects: one write on its way from what was sent to what is staged.
 * Trees are in the version that was asked for.
 *
 * The files call downwards in this order: write.c; patch.c, delete.c; create.c,
 * update.c; judge.c; write_op.c; rules.c, metadata.c, kind_rules.c, approval.c; and
 * below them the keeper.
 */
struct write_op {
    struct objects *objects;
    struct table *table;
    const struct objects_write *write;
    const struct kind *kind;
    struct arena *arena;
    struct objects_result *ret;
    struct err *err;
    const struct object *live; /* borrowed from the stage; NULL: none */
    const struct node *before; /* its tree */
    struct node *after;        /* what is to be */
    bool tracked;              /* managedFields are up to date (apply) */
    bool patched;              /* `after` is what a patch made */
};

/* ---- write_op.c --------------------------------------------------------- */

bool write_op_is_status(const struct write_op *op);

/* Failures: each fills op->err, and answers -1. */
void write_op_set_details(struct write_op *op, const char *name, const char *group,
                          const char *kind);
int write_op_fail(struct write_op *op);
int write_op_bad_option(struct write_op *op, const char *options, const char *reason,
                        const char *field, const struct node *value, const char *why);
int write_op_conflict(const struct write_op *op, const char *why);
int write_op_cannot_handle(struct write_op *op, const char *why);

/* Begins: fills `op`, also when it fails. */
int write_op_start(struct write_op *op, struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err);
/* Sets op->live and op->before to what is staged under that name. */
void write_op_look_up(struct write_op *op, const char *name);

/* Who set which field: metadata.managedFields. */
struct patch_writer write_op_writer(const struct write_op *op, char time[CLOCK_TEXT]);
void write_op_track(struct write_op *op);
/* A copy without what a mere retry may change. */
struct node *write_op_bare(struct arena *arena, const struct node *object, bool without_managers);
bool write_op_is_unchanged(struct write_op *op);
/* Counts up metadata.generation: the spec has changed. */
void write_op_raise_generation(struct write_op *op);

/* Staging the result. */
struct node *write_op_stored_tree(struct write_op *op);
void write_op_finish(struct write_op *op, bool gone);
void write_op_finish_unchanged(struct write_op *op);

/* ---- judge.c: what was sent, in the order in which it is looked at ------- */

int write_op_check_type(struct write_op *op);
int write_op_check_fields(struct write_op *op);
void write_op_arrange(struct write_op *op);
int write_op_judge(struct write_op *op);
/* Asks the rules of the kind; `after` is NULL for a delete. */
int write_op_review(struct write_op *op);

/* ---- create.c, update.c, patch.c, delete.c ------------------------------- */

int write_op_create(struct write_op *op);
int write_op_update(struct write_op *op);
int write_op_patch(struct write_op *op);
int write_op_delete(struct write_op *op);

#endif
