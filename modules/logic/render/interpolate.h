/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RENDER_INTERPOLATE_H
#define RENDER_INTERPOLATE_H

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

struct meter;
struct node;
struct schema;

/*
 * Runs one template text. `what` names it in errors ("component \"server\"");
 * `where` is its path there. `optional`: what is not there is nothing, as for
 * Helm and `axle render`; else it is an error.
 */
int interpolate_text(const char *what, const char *where, const char *template, size_t len,
                     const struct node *dot, bool optional, struct meter *meter, struct text *out,
                     struct err *err) MUST_CHECK;
/* Parses a text as interpolate_text() with `optional` does, and runs nothing. */
int interpolate_parse(const char *where, const char *template, size_t len,
                      struct err *err) MUST_CHECK;
/* Pays for a look at a tree, `times` over; -1 when nothing is left. */
int interpolate_pay(const char *what, struct meter *meter, const struct node *tree, unsigned times,
                    struct err *err) MUST_CHECK;
/*
 * A copy of `tree` with every string run as a template, except below members
 * whose schema says `x-axle-verbatim`. A string that is one variable and
 * nothing else takes the variable's type; else the schema's type decides.
 */
struct node *interpolate_tree(struct arena *arena, const char *what, const struct node *tree,
                              const struct schema *schema, const struct node *dot,
                              struct meter *meter, struct err *err) MUST_CHECK;

#endif
