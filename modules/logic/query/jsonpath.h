/* SPDX-License-Identifier: Apache-2.0 */
#ifndef QUERY_JSONPATH_H
#define QUERY_JSONPATH_H

#include "query/query.h"

#include "document/document.h"

enum step_kind {
    STEP_TEXT, /* literal text */
    STEP_LIST, /* {…}: steps one after the other */
    STEP_FIELD,
    STEP_IDENTIFIER, /* range, end */
    STEP_SLICE,      /* [0], [1:3], [::2], [*] */
    STEP_FILTER,
    STEP_UNION,
    STEP_WILDCARD,
    STEP_RECURSIVE,
    STEP_NUMBER, /* and true, false: `value` */
};

struct slice_end {
    bool known, derived; /* derived: [3] means [3:4] */
    long long value;
};

struct step {
    enum step_kind kind;
    const char *text; /* of a text, field, identifier; a filter's operator */
    struct node *value;
    struct slice_end slice[3];
    struct step *steps; /* of a list; a filter's left and right; a union's */
    size_t count, room;
};

struct jsonpath {
    struct step root; /* a list of texts and lists */
};

#endif
