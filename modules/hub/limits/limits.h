/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIMITS_H
#define LIMITS_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_access;
struct http_request;
struct node;
struct objects;

/*
 * Limits on what clients may send to the hub: how much, how often, and which
 * contents.
 *
 * Every client but an administrator has an account, by identity: a cluster, a
 * join token at an address, a user, an address. It counts requests in flight, and
 * for machines requests, writes and bytes over time, so that a compromised
 * machine cannot fill the hub or delay others. The size of a body is checked
 * before it is read; the size of the resulting object is checked by rules before
 * the write is staged.
 *
 * A spoke is not trusted in what it writes: names must be printable, messages are
 * made printable, endpoints must lead to the spoke itself, Events must be about
 * its own objects.
 *
 * It decides nothing about rights; `auth` has done so. One thread.
 */
struct limits;

struct limits_settings {
    struct objects *objects;
    int64_t spoke_rate;      /* bytes a second */
    int64_t spoke_writes;    /* a second */
    int64_t spoke_requests;  /* a second, writes too */
    int64_t spoke_in_flight; /* watches too */
    int64_t spoke_objects;   /* made by it: events */
    int64_t spoke_objects_size;
    int64_t user_in_flight;
    int64_t namespace_objects; /* made by users */
    int64_t namespace_size;
    /* Whether the hub is called so: a spoke beside it is reached by these names
       and addresses. NULL: there is none beside it. */
    bool (*is_own_name)(void *arg, const char *host);
    void *arg;
};

/* Puts its rules before writes; must outlive them. The settings are copied. */
struct limits *limits_open(const struct limits_settings *settings) __attribute__((returns_nonnull));
void limits_close(struct limits **limits);
#define scoped_limits SCOPED(limits_close)

/*
 * For the guard, when `request->user` is known: takes the request onto an
 * account and bounds its body. ERR_TOO_MANY with the seconds to wait, or
 * ERR_TOO_LARGE, in words that name limit and setting.
 */
int limits_begin(struct limits *limits, struct http_request *request, int *ret_wait,
                 struct err *err) MUST_CHECK;
/* For the observer, once for each request. */
void limits_end(struct limits *limits, const struct http_access *access);

/* ---- Pure parts, for tests ------------------------------------------------ */

/* Tokens that come back with time. `level` may fall below 0: a debt. */
struct limits_bucket {
    double level;
    int64_t at; /* steady; 0: full */
};
/* Whether there was something left; else `ret_wait` is the seconds to wait. */
bool limits_take(struct limits_bucket *bucket, double rate, double burst, double cost, int64_t now,
                 int *ret_wait);

/*
 * Whether an endpoint of a workload is well formed: `url`, if there is one, is
 * http(s)://HOST[:PORT][/PATH] without user, and `address` and `port` are such.
 * `ret_host` is where it leads, "" if nowhere. ERR_INVALID names the field.
 */
int limits_check_endpoint(struct arena *arena, const struct node *endpoint, const char *field,
                          const char **ret_host, struct err *err) MUST_CHECK;

/*
 * Checks every text in a tree that a machine wrote: messages are made printable
 * and cut, all else must be printable and short. ERR_INVALID names the field,
 * which begins with `field` (NULL: the tree is the object).
 */
int limits_check_texts(struct arena *arena, struct node *tree, const char *field,
                       struct err *err) MUST_CHECK;

#endif
