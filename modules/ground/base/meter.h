/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_METER_H
#define BASE_METER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a program of a user's (a template, an expression, a schema) may cost.
 *
 * Code that runs one spends units before or while it works, and stops when
 * meter_spend() says no. A unit is about a nanosecond of CPU, but
 * it is counted, never measured: the same input ends at the same place on
 * every machine, in a simulation and in a test with sanitizers. `./build.sh
 * bench budget` compares the weights with a clock: the dearest unit that a
 * user can find is two nanoseconds.
 *
 * One meter belongs to one response (a render, a validation) and is handed to
 * each part of the work, so that many small parts have no more than one
 * large one. NULL: nothing is counted.
 */
struct meter {
    uint64_t limit, spent; /* `spent` stays above `limit` once over it */
};

/* What one response may cost on the hub, where all other requests wait for it. */
#define METER_ANSWER ((uint64_t)125 * 1000 * 1000)
/* As people say it. */
#define METER_ANSWER_WORDS "250 ms of CPU"

/* Is there still something left after that? */
static inline bool meter_spend(struct meter *meter, uint64_t units)
{
    if (!meter)
        return true;
    if (__builtin_add_overflow(meter->spent, units, &meter->spent))
        meter->spent = UINT64_MAX;
    return meter->spent <= meter->limit;
}

static inline bool meter_over(const struct meter *meter)
{
    return meter && meter->spent > meter->limit;
}

static inline uint64_t meter_left(const struct meter *meter)
{
    if (!meter)
        return UINT64_MAX;
    return meter_over(meter) ? 0 : meter->limit - meter->spent;
}

/* `count` × ⌈log₂ count⌉: how many comparisons sorting takes. */
static inline uint64_t meter_sort(uint64_t count)
{
    return count < 2 ? count : count * (64 - (uint64_t)__builtin_clzll(count - 1));
}

#endif
