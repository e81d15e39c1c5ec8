/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOLANG_FLOAT_H
#define GOLANG_FLOAT_H

#include "golang/value.h"

/* strconv.FormatFloat: verb b, e, E, f, g, G, x, X; -1: shortest digits. */
void float_print(struct text *out, double number, char verb, int precision);
/* strconv.ParseFloat; 0 and false if it is not a number. */
double float_parse(struct str s, bool *ret_fine);

#endif
