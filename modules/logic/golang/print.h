/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOLANG_PRINT_H
#define GOLANG_PRINT_H

#include "golang/value.h"

/*
 * Printers stop and answer false when a value is nested deeper than
 * PRINT_DEPTH (it may hold itself) or the text has a limit and is over it.
 */
#define PRINT_DEPTH 500
/* What of a value stands in an error. */
#define PRINT_SHORT ((size_t)8 * 1024)

/* fmt's %v of a value; nil is "<nil>". */
bool print_value(struct text *out, struct value v);
/* fmt.Sprint: a space between operands when neither is a string. */
bool print_values(struct text *out, const struct value *args, size_t count);
/* fmt.Sprintf. */
bool print_format(struct text *out, struct str format, const struct value *args, size_t count);

#endif
