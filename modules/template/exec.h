/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEMPLATE_EXEC_H
#define TEMPLATE_EXEC_H

#include "base/map.h"
#include "template/function.h"
#include "template/tree.h"

/*
 * A run in progress. Lists of parts are walked with frames of our own, so
 * that templates may nest as deep as Go lets them; expressions use the C
 * stack, whose use is bounded.
 */
struct variable {
    struct str name;
    uint32_t hash;
    struct value value;
};

enum frame_type { FRAME_BODY, FRAME_RANGE, FRAME_TEMPLATE };

struct frame {
    enum frame_type type;
    uint32_t at;   /* the next part of the list */
    uint32_t mark; /* variables to keep when it ends */
    const struct part *list;
    struct value dot;
    union {
        struct {
            const struct part *range;
            const struct entry *entries; /* of a dict, as it was */
            struct value over;
            int64_t next, count;
            uint32_t inner; /* variables to keep between iterations */
        };
        struct {
            const struct tree *tree; /* to go back to */
            const struct part *node;
            uint32_t base;
        };
    };
};

struct exec {
    struct template_set *set;
    const struct template_options *options;
    struct arena *arena;
    struct space space;
    struct scope *scope;
    struct text *out;
    size_t out_limit;

    const struct tree *tree; /* being run, and the part that errors are of */
    const struct part *node;

    struct frame *frames; /* owned */
    size_t frame_count, frame_room;
    struct variable *variables; /* owned */
    uint32_t variable_count, variable_room, base;

    unsigned depth, tpl_depth;
    uint64_t steps;
    const char *stack;
    struct dict *included; /* how often each name is being included */
    struct map *patterns;  /* compiled regular expressions */

    struct text words; /* owned: why the run failed */
    struct template_error *err;
};

/* Fills the error with the place of the present node. Always false. */
bool exec_fail(struct exec *exec, const char *format, ...) PRINTF(2, 3);
/* The same with the words that are in exec->words already. */
bool exec_fail_here(struct exec *exec);
bool exec_spend(struct exec *exec, uint64_t steps);
bool exec_stack_fine(struct exec *exec);

void variable_push(struct exec *exec, const struct name *name, struct value v);
bool variable_set(struct exec *exec, const struct name *name, struct value v);
bool variable_get(struct exec *exec, const struct name *name,
                  struct value *ret);

/* Runs a tree with a dot from its beginning to its end. */
bool exec_tree(struct exec *exec, const struct tree *tree, struct value dot);

/* The value of a pipeline; its variables are declared. */
bool eval_pipeline(struct exec *exec, struct value dot,
                   const struct part *pipe, struct value *ret);

#endif
