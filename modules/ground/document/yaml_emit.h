/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCUMENT_YAML_EMIT_H
#define DOCUMENT_YAML_EMIT_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Writes YAML scalars: chooses their quotes, folds long lines, indents blocks.
   Knows nothing of trees; yaml_write.c walks those. */
enum yaml_style { YAML_PLAIN, YAML_SINGLE, YAML_DOUBLE, YAML_LITERAL };

struct yaml_pen {
    struct text *out;
    bool modern;     /* as go-yaml v3 writes, unfolded; else as v2 does, at 80 */
    int indent;      /* -1 before the first collection */
    size_t column;   /* in characters */
    bool whitespace; /* the last character was a space, or opens a line */
    bool indention;  /* only indentation stands on this line so far */
};

/* Starts a line at the current indentation, unless the pen stands there already. */
void yaml_pen_indent(struct yaml_pen *pen);
/* `-`, `?`, `:`: with a space before it if `apart`; `opens` a nested block. */
void yaml_pen_mark(struct yaml_pen *pen, const char *mark, bool apart, bool opens);
/* May it be a key followed by `:` on one line? */
bool yaml_pen_is_simple(const char *bytes, size_t len, bool modern);
/* A scalar in the style wanted, or in the next one that can hold it. */
void yaml_pen_scalar(struct yaml_pen *pen, const char *bytes, size_t len, enum yaml_style style,
                     bool simple_key);

#endif
