/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KINDS_ROW_H
#define KINDS_ROW_H

#include "kinds/kinds.h"

struct jsonpath;

/* How the values that a column's paths find become one cell. */
enum cell_as {
    CELL_VALUE,      /* the first that is there, as it is */
    CELL_COUNT,      /* how many members they have, together */
    CELL_PAIR,       /* a/b of two paths, for each value of the first */
    CELL_LOWER_PAIR, /* the same with a in lower case */
    CELL_SECONDS,    /* a number of seconds as a duration */
    CELL_REQUEST,    /* Pending, Approved,Issued … of a signing request */
};

struct cell_rule {
    enum cell_as as;
    size_t count; /* of paths; 0: the name */
    const struct jsonpath **paths;
};

/* A kind with what only this module needs of it. */
struct kind_row {
    struct kind kind;        /* first, so that one pointer serves both */
    struct cell_rule *cells; /* per column */
};

/* Makes a kind of one file; `definitions` are the schemas it may refer to. */
struct kind *kind_row_read(struct arena *arena, const struct node *source,
                           const struct node *definitions, struct err *err) MUST_CHECK;

/* One of the definitions, with those that it refers to in their places. */
struct node *kind_definition(struct arena *arena, const struct node *definitions, const char *name,
                             struct err *err) MUST_CHECK;

#endif
