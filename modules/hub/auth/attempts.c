/* SPDX-License-Identifier: Apache-2.0 */
/* Limits the rate of wrong tokens by address. */
#include "auth/internal.h"

#include "base/clock.h"
#include "base/map.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A token bucket for each address: 30 wrong tokens at once, then one a second. Guessing
 * 128 bits is hopeless anyway; the limit keeps it from costing the hub CPU time. Valid
 * tokens and certificates are not counted and not delayed, so others behind the same
 * address notice nothing.
 */
#define MOST 30
#define REFILL CLOCK_SECOND
#define ADDRESSES 4096

struct attempts {
    struct map *by_address; /* to struct bucket */
};

struct bucket {
    int64_t full; /* steady time at which the bucket is full again */
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

/*
 * The bucket of a remote address: "10.1.2.3:40112" counts for 10.1.2.3. An IPv6 address
 * counts by its first 64 bits, because one client has the whole /64. Text that is no
 * address (a unix socket) is a bucket of its own.
 */
void attempts_source(const char *remote, char ret[ATTEMPTS_SOURCE])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    char host[ATTEMPTS_SOURCE];
    unsigned char bytes[16];
    const char *colon;

    remote = remote ? remote : "";
    if (*remote == '[') {
        snprintf(host, sizeof host, "%.*s", (int)strcspn(remote + 1, "]"), remote + 1);
    } else {
        colon = strchr(remote, ':');
        /* Two colons: an IPv6 address without a port. */
        snprintf(host, sizeof host, "%.*s",
                 colon && !strchr(colon + 1, ':') ? (int)(colon - remote) : (int)strlen(remote),
                 remote);
    }
    host[strcspn(host, "%")] = '\0'; /* a zone: fe80::1%eth0 */
    if (inet_pton(AF_INET6, host, bytes) != 1)
        snprintf(ret, ATTEMPTS_SOURCE, "%s", host);
    else if (!memcmp(bytes, mapped, sizeof mapped))
        snprintf(ret, ATTEMPTS_SOURCE, "%d.%d.%d.%d", bytes[12], bytes[13], bytes[14], bytes[15]);
    else
        snprintf(ret, ATTEMPTS_SOURCE, "%02x%02x:%02x%02x:%02x%02x:%02x%02x::/64", bytes[0],
                 bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]);
}

bool attempts_allow(struct attempts *attempts, const char *remote)
{
    const struct bucket *bucket;
    char address[ATTEMPTS_SOURCE];

    attempts_source(remote, address);
    bucket = map_get(attempts->by_address, address);
    return !bucket || bucket->full - clock_steady() <= (MOST - 1) * REFILL;
}

void attempts_note(struct attempts *attempts, const char *remote)
{
    char address[ATTEMPTS_SOURCE];
    struct bucket *bucket;
    int64_t now = clock_steady();

    attempts_source(remote, address);
    bucket = map_get(attempts->by_address, address);
    if (!bucket) {
        if (map_count(attempts->by_address) >= ADDRESSES)
            forget_old(attempts, now);
        /* The table is full: new addresses are not limited, known ones stay limited. */
        if (map_count(attempts->by_address) >= ADDRESSES)
            return;
        bucket = mem_alloc(sizeof *bucket);
        map_put(attempts->by_address, address, bucket);
    }
    if (bucket->full < now)
        bucket->full = now;
    bucket->full += REFILL;
}
