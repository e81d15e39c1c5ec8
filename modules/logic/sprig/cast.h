/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPRIG_CAST_H
#define SPRIG_CAST_H

#include "golang/golang.h"

/* What Sprig makes of any value where it wants a number; 0 if it is none. */
int64_t cast_int(struct value v);
double cast_float(struct value v);

#endif
