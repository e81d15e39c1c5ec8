/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CEL_H
#define CEL_H

#include "base/err.h"
#include "base/mem.h"
#include "document/document.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The Common Expression Language over documents, with a cost limit.
 *
 * An expression is compiled once (names, macros and operand types are checked
 * then) and evaluated as often as wanted. Offered are CEL's standard functions
 * and macros, the strings extension, optionals, and Kubernetes' and OCM's own:
 * lists, regex, urls, quantity, ip, cidr, format, semver, parseJSON(),
 * scores(), hasConditions().
 *
 * It knows no kinds and no cluster: variables are trees handed in by name.
 * Nothing blocks; cost, depth and length bound every evaluation, since each
 * step, each byte touched and each byte made is paid for.
 */
struct cel_program;

#define CEL_LENGTH_LIMIT 65536
#define CEL_COST_LIMIT 1000000

/* `variables` ends with NULL. ERR_INVALID; the text is cel-go's:
   "ERROR: <input>:1:1: undeclared reference to 'x' (in container '')\n | x\n | ^" */
struct cel_program *cel_compile(struct arena *arena, const char *text, const char *const *variables,
                                struct err *err) MUST_CHECK;

struct cel_variable {
    const char *name;
    const struct node *value; /* NULL is null */
};

/* The scores of an AddOnPlacementScore of a cluster: a list of {name, value};
   NULL if there is none. */
typedef const struct node *cel_scores_fn(void *arg, const struct node *cluster, const char *name);

struct cel_input {
    const struct cel_variable *variables;
    size_t variable_count;
    cel_scores_fn *scores; /* NULL: scores() fails */
    void *scores_arg;
    uint64_t limit; /* 0: CEL_COST_LIMIT */
    uint64_t *cost; /* added to; NULL: not wanted. The limit is for the sum. */
};

/*
 * The value as a tree; lists and maps may share parts with the variables.
 * `ret_type` (may be NULL) is CEL's name of its type: "bool", "string", "int".
 * ERR_INVALID, or ERR_TOO_MANY when the cost limit is reached.
 */
struct node *cel_eval(const struct cel_program *program, struct arena *arena,
                      const struct cel_input *input, const char **ret_type,
                      struct err *err) MUST_CHECK;
/* ERR_INVALID "expected bool result, got string" too. */
int cel_eval_bool(const struct cel_program *program, struct arena *arena,
                  const struct cel_input *input, bool *ret, struct err *err) MUST_CHECK;

#endif
