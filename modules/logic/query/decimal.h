/* SPDX-License-Identifier: Apache-2.0 */
#ifndef QUERY_DECIMAL_H
#define QUERY_DECIMAL_H

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

/* A decimal number of any length: ±digits × 10^scale. Never changed. */
struct decimal {
    bool negative;
    const char *digits; /* at least one */
    int scale;
};

bool decimal_is_zero(const struct decimal *value);
int decimal_compare(struct arena *arena, const struct decimal *a, const struct decimal *b);
struct decimal decimal_add(struct arena *arena, const struct decimal *a, const struct decimal *b);
struct decimal decimal_multiply(struct arena *arena, const struct decimal *value, unsigned by);
struct decimal decimal_divide(struct arena *arena, const struct decimal *value, unsigned by,
                              unsigned *ret_rest);
/* To a finer scale, exactly. */
struct decimal decimal_rescale(struct arena *arena, const struct decimal *value, int scale);
/* To a coarser scale if it is finer, away from zero. */
struct decimal decimal_round_up(struct arena *arena, const struct decimal *value, int scale);
/* Without trailing zeros, which go into the scale. */
struct decimal decimal_trim(struct arena *arena, const struct decimal *value);
/* The digits modulo 2^64. */
uint64_t decimal_low(const struct decimal *value);

#endif
