/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the four writes: create, update, patch and delete. */

#include "objects/write_op.h"

#include "document/document.h"

typedef int write_step_fn(struct write_op *op);

static int create_sent(struct write_op *op)
{
    op->after = node_copy(op->arena, op->write->body);
    return write_op_create(op);
}

static int update_sent(struct write_op *op)
{
    write_op_look_up(op, op->write->name);
    if (!op->live)
        return table_not_found(op->kind, op->write->name, op->err);
    op->after = node_copy(op->arena, op->write->body);
    return write_op_update(op);
}

static int run_write(write_step_fn *step, struct objects *objects,
                     const struct objects_write *write, struct objects_result *ret, struct err *err)
{
    struct err unwanted = {0}; /* a caller may not want to know why */
    struct write_op op;

    if (write_op_start(&op, objects, write, ret, err ? err : &unwanted) < 0 || step(&op) < 0)
        return write_op_fail(&op);
    return 0;
}

int objects_create(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err)
{
    return run_write(create_sent, objects, write, ret, err);
}

int objects_update(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err)
{
    return run_write(update_sent, objects, write, ret, err);
}

int objects_patch(struct objects *objects, const struct objects_write *write,
                  struct objects_result *ret, struct err *err)
{
    return run_write(write_op_patch, objects, write, ret, err);
}

int objects_delete(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err)
{
    return run_write(write_op_delete, objects, write, ret, err);
}
