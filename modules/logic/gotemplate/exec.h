/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOTEMPLATE_EXEC_H
#define GOTEMPLATE_EXEC_H

#include "base/map.h"
#include "gotemplate/function.h"
#include "gotemplate/tree.h"

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

/* Units of base/meter.h, measured by `./build.sh bench budget`. */
#define COST_PART 32      /* a piece of text, an action, a branch */
#define COST_ITERATION 16 /* of a range */
#define COST_COMMAND 32   /* a word or field of an expression */
#define COST_CALL 64
#define COST_ARGUMENT 16
#define COST_PRINT 8   /* a byte of a value that is printed */
#define COST_PARSE 48  /* a byte of a template */
#define COST_SET 40000 /* a set: its table of functions */

/* The sentence for one who wrote a template that does too much. */
#define OVER_WORK                                                                                  \
    "the template does too much: more than %llu units of work, which are up "                      \
    "to " METER_ANSWER_WORDS "; loop less, or work on shorter texts"

#define OVER_MEMORY "the template makes too much: more than %zu bytes of memory"

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
            const struct dict_entry *entries; /* of a dict, as it was */
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
    const struct map *functions; /* of the set, for texts that tpl parses */
    const struct template_options *options;
    struct arena *arena;
    struct heap heap;
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
    struct meter own, *meter; /* the one that counts: its own or the caller's */
    const char *stack;
    struct positions {
        const struct source *source;
        uint32_t *ends; /* owned: where its lines end */
        uint32_t count, room;
    } positions;
    struct dict *included; /* how often each name is being included */
    struct map *patterns;  /* compiled regular expressions */

    struct text words; /* owned: why the run failed */
    struct template_error *err;
};

/* Fills the error with the place of the present node. Always false. */
bool exec_fail(struct exec *exec, const char *format, ...) PRINTF(2, 3);
/* The same with the words that are in exec->words already. */
bool exec_fail_here(struct exec *exec);
bool exec_spend(struct exec *exec, uint64_t units);
/* Fails the run because nothing is left of work or memory. */
bool exec_over(struct exec *exec);
/* Pays `cost` units for each byte of everything in a value. */
bool exec_weigh(struct exec *exec, struct value v, uint64_t cost);
/* Of a long error, the head and the end. */
void exec_shorten(struct text *words);
bool exec_stack_fine(struct exec *exec);

void variable_push(struct exec *exec, const struct name *name, struct value v);
bool variable_set(struct exec *exec, const struct name *name, struct value v);
bool variable_get(struct exec *exec, const struct name *name, struct value *ret);

/* Drops every "<no value>" from `from` on. */
void exec_strip(struct text *out, size_t from);
/* Runs the template of a name with a dot; fails where there is none. */
bool exec_named(struct exec *exec, struct str name, struct value dot);
/* Runs a tree with a dot from its beginning to its end. */
bool exec_tree(struct exec *exec, const struct tree *tree, struct value dot);

extern const struct function functions_go[];
/* The method of a value; its `takes` begins with the receiver. NULL: none. */
const struct function *method_find(const struct template_library *library, struct value receiver,
                                   struct str name);

/* The value of a pipeline; its variables are declared. */
bool eval_pipeline(struct exec *exec, struct value dot, const struct part *pipe, struct value *ret);

#endif
