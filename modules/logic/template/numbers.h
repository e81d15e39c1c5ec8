/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEMPLATE_NUMBERS_H
#define TEMPLATE_NUMBERS_H

#include "template/value.h"

struct number;

/* What Sprig makes of any value where it wants a number; 0 if it is none. */
int64_t number_int(struct value v);
double number_float(struct value v);
int64_t number_truncate(double number);
/* strconv.ParseFloat; 0 and false if it is not a number. */
double number_parse(struct str s, bool *ret_fine);
bool number_plain_int(struct str s, const struct number *number);

#endif
