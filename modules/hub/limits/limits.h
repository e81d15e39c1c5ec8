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
struct loop;
struct node;
struct objects;
struct text;

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
 * When more comes than can be done, identities share each turn of the loop: what goes
 * beyond a share waits for a later turn, unread, and of what waits too much is refused.
 * So one client that floods the hub delays only itself.
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
    struct loop *loop;
    /* A request that waited goes on to its handler, or is refused after all. */
    void (*go_on)(void *arg, struct http_request *request);
    void (*refuse)(void *arg, struct http_request *request, int wait, const struct err *err);
    void *arg;
};

/* Puts its rules before writes; must outlive them. The settings are copied. */
struct limits *limits_open(const struct limits_settings *settings) __attribute__((returns_nonnull));
void limits_close(struct limits **limits);
#define scoped_limits SCOPED(limits_close)

enum limits_verdict { LIMITS_RUN, LIMITS_WAIT, LIMITS_REFUSE };

/*
 * For the guard, when `request->user` is known: takes the request onto an account and
 * bounds its body. LIMITS_WAIT: `go_on` or `refuse` is called later, unless the client
 * goes before. LIMITS_REFUSE: ERR_TOO_MANY with the seconds to wait, or ERR_TOO_LARGE,
 * in words that name limit and setting.
 */
enum limits_verdict limits_begin(struct limits *limits, struct http_request *request, int *ret_wait,
                                 struct err *err) MUST_CHECK;
/* After a handler has returned: how long it took. `account` is the request's, which may be
   gone by now; NULL: nothing is done. */
void limits_spent(struct limits *limits, void *account, int64_t time);
/* For the observer, once for each request. */
void limits_end(struct limits *limits, const struct http_access *access);
/* What was refused and what had to wait, by class, in Prometheus' text form. */
void limits_metrics(const struct limits *limits, struct text *out);

/* ---- Pure parts, for tests ------------------------------------------------ */

/* Tokens that come back with time. `level` may fall below 0: a debt. */
struct limits_bucket {
    double level;
    int64_t at; /* steady; 0: full */
};
/* Whether there was something left; else `ret_wait` is the seconds to wait. */
bool limits_take(struct limits_bucket *bucket, double rate, double burst, double cost, int64_t now,
                 int *ret_wait);

/* ---- Shares of a turn (share.c) */

enum limits_class_id {
    LIMITS_EXEMPT,
    LIMITS_USERS,
    LIMITS_SPOKES,
    LIMITS_JOINING,
    LIMITS_ANONYMOUS,
    LIMITS_CLASSES,
};
struct limits_class {
    const char *name;
    int64_t weight;
};
const struct limits_class *limits_class(enum limits_class_id id);
/* What a request costs, in units; `body_length` as in http_request. */
int64_t limits_cost(int64_t body_length);
/* How many units of a turn are a class', and an identity's of it; `active`: how many
   identities of each class have asked lately. */
int64_t limits_class_share(enum limits_class_id id, const size_t active[LIMITS_CLASSES]);
int64_t limits_share(enum limits_class_id id, const size_t active[LIMITS_CLASSES]);
bool limits_turn_is_full(int64_t used);

struct limits_load {
    int64_t used, share;  /* units of this turn: what the identity has had, and may have */
    int64_t turn;         /* what all have had */
    size_t waiting;       /* requests of the identity that wait */
    bool others;          /* somebody else has asked lately */
    bool late;            /* turns have been long lately */
    bool bodies_are_full; /* no more bodies fit into memory */
};
enum limits_verdict limits_judge(enum limits_class_id id, const struct limits_load *load);
/* Seconds, by how often the identity was refused in this second. */
int limits_retry_after(size_t refusals);

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
