/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOLANG_FORMAT_H
#define GOLANG_FORMAT_H

#include "golang/value.h"

/* The flags of one verb of fmt.Sprintf: "%+-#0 8.3f". */
struct format_flags {
    bool sharp, zero, plus, minus, blank;
    bool sharp_v, plus_v; /* %#v and %+v */
    bool has_width, has_precision;
    int width, precision;
};

/* A call of fmt.Sprintf. */
struct format {
    struct text *out;
    struct format_flags flags;
    const struct value *args;
    size_t count, next;
    bool reordered;  /* an index such as "[3]" chose an argument */
    bool good_index; /* and there is one */
    bool failed;     /* a value is nested too deep */
};

/* Writes an argument by a verb and the flags. */
void format_argument(struct format *format, struct value v, unsigned verb);

#endif
