/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KINDS_ROW_H
#define KINDS_ROW_H

#include "kinds/kinds.h"

struct jsonpath;

/* A kind with what only this module needs of it. */
struct kind_row {
    struct kind kind; /* first, so that one pointer serves both */
    const struct jsonpath **paths; /* per column; NULL for built-in cells */
};

/* Makes a kind of one file; `definitions` are the schemas it may refer to. */
struct kind *kind_row_read(struct arena *arena, const struct node *source,
                           const struct node *definitions,
                           struct err *err) MUST_CHECK;

#endif
