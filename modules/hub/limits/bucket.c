/* SPDX-License-Identifier: Apache-2.0 */
/* A token bucket: decides whether a request comes too early after earlier ones. */
#include "limits/limits.h"

#include "base/clock.h"

#define LONGEST_WAIT 60

bool limits_take(struct limits_bucket *bucket, double rate, double burst, double cost, int64_t now,
                 int *ret_wait)
{
    double wait;

    if (rate <= 0)
        return true;
    if (!bucket->at)
        bucket->level = burst;
    else
        bucket->level += rate * (double)(now - bucket->at) / (double)CLOCK_SECOND;
    if (bucket->level > burst)
        bucket->level = burst;
    bucket->at = now ? now : 1;
    /* A cost above the level is allowed and becomes a debt: a single large body
       passes, and the next request waits. */
    if (bucket->level > 0) {
        bucket->level -= cost;
        return true;
    }
    wait = 1 - bucket->level / rate;
    *ret_wait = wait > LONGEST_WAIT ? LONGEST_WAIT : (int)wait;
    return false;
}
