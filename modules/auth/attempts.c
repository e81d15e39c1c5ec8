/* SPDX-License-Identifier: Apache-2.0 */
/* Slows down whoever shows wrong tokens, by address. */
#include "auth/inside.h"

#include "base/clock.h"
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

/*
 * A bucket of wrong tokens for each address: 30 at once, then one a second. A
 * guess at 128 bits is hopeless without it; with it, it costs the hub nothing.
 * Good tokens and certificates are never counted.
 */
#define MOST 30
#define REFILL CLOCK_SECOND
#define ADDRESSES 4096

struct attempts {
    struct map *by_address; /* to struct bucket */
};

struct bucket {
    int64_t full; /* steady time at which it is full again */
};

struct attempts *attempts_new(void)
{
    struct attempts *attempts = mem_alloc(sizeof *attempts);

    attempts->by_address = map_new();
    return attempts;
}

static void forget_old(struct attempts *attempts, int64_t now)
{
    struct bucket *bucket;
    const char *address;
    size_t at = 0;

    while ((bucket = map_next(attempts->by_address, &at, &address)))
        if (bucket->full <= now) {
            map_remove(attempts->by_address, address);
            free(bucket);
        }
}

void attempts_free(struct attempts **at)
{
    struct attempts *attempts = take(*at);

    if (!attempts)
        return;
    forget_old(attempts, INT64_MAX);
    map_free(&attempts->by_address);
    free(attempts);
}

/* "10.1.2.3:40112" without its port. */
static char *address_of(const char *remote)
{
    const char *colon = remote ? strrchr(remote, ':') : NULL;

    return colon ? mem_printf("%.*s", (int)(colon - remote), remote)
                 : mem_copy_string(remote ? remote : "");
}

bool attempts_allow(struct attempts *attempts, const char *remote)
{
    scoped_mem char *address = address_of(remote);
    const struct bucket *bucket = map_get(attempts->by_address, address);

    return !bucket || bucket->full - clock_steady() <= (MOST - 1) * REFILL;
}

void attempts_note(struct attempts *attempts, const char *remote)
{
    scoped_mem char *address = address_of(remote);
    struct bucket *bucket = map_get(attempts->by_address, address);
    int64_t now = clock_steady();

    if (!bucket) {
        if (map_count(attempts->by_address) >= ADDRESSES)
            forget_old(attempts, now);
        /* A flood from everywhere: those who are there stay slowed. */
        if (map_count(attempts->by_address) >= ADDRESSES)
            return;
        bucket = mem_alloc(sizeof *bucket);
        map_put(attempts->by_address, address, bucket);
    }
    if (bucket->full < now)
        bucket->full = now;
    bucket->full += REFILL;
}
