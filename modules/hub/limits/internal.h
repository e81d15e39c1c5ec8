/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIMITS_INTERNAL_H
#define LIMITS_INTERNAL_H

#include "auth/auth.h"
#include "limits/limits.h"
#include "objects/objects.h"

#include <sys/queue.h>

struct loop_timer;
struct map;
struct text;

#define REMOTES 4

/* The requests of one identity are counted here. */
struct account {
    char *key; /* owned: `cluster "edge-1"`, as it is named to people */
    struct limits_bucket requests, writes, bytes;
    size_t in_flight;
    int64_t coming;            /* bytes of bodies in flight */
    int64_t used;              /* steady */
    char remotes[REMOTES][64]; /* where it came from last, a ring */
    size_t next_remote;
    /* turns.c */
    enum limits_class_id class;
    int64_t units;   /* of this turn, and owed of former ones */
    int64_t ran;     /* steady: when the last one ran */
    uint64_t turn;   /* to which `units` is settled */
    int64_t window;  /* in which it asked last */
    size_t refusals; /* in that window */
    TAILQ_HEAD(, waiting_request) queue;
    size_t waiting;
    TAILQ_ENTRY(account) link; /* in its class, while something waits */
};

/* What is known of a class of identities. */
struct class_turns {
    TAILQ_HEAD(, account) queue; /* those with requests that wait; the next to serve first */
    size_t waiting;
    size_t active, active_before; /* identities in this window, and in the one before */
    int64_t used;                 /* units of this turn */
    uint64_t refused, waited;
};

/* What has been done of one turn of the loop, and who waits for the next. */
struct turns {
    uint32_t tag;
    struct loop_timer *timer; /* owned: ends the turn */
    bool open, somebody_owes;
    bool waits_for_room; /* for bodies: all that wait could run otherwise */
    uint64_t serial;
    int64_t started, used;
    int64_t late_until; /* steady */
    uint64_t late;      /* how many turns were */
    int64_t window;
    int64_t bodies; /* bytes of bodies in flight, of all */
    struct class_turns classes[LIMITS_CLASSES];
    void (*go_on)(void *arg, struct http_request *request);
    void (*refuse)(void *arg, struct http_request *request, int wait, const struct err *err);
    void *arg;
};

struct limits {
    struct limits_settings settings;
    struct map *accounts; /* owned */
    struct turns turns;
    struct map *namespaces; /* owned: namespace to struct space_use */
    const struct kind *events, *clusters;
};

/* Files call downwards: accounts.c; turns.c; share.c, bucket.c. */

/* turns.c */
void turns_start(struct turns *turns, const struct limits_settings *settings);
void turns_stop(struct turns *turns);
enum limits_verdict turns_begin(struct turns *turns, struct account *account,
                                enum limits_class_id id, struct http_request *request,
                                int *ret_wait, struct err *err) MUST_CHECK;
/* What the handler of a request took beyond what it was expected to is charged. */
void turns_spent(struct turns *turns, struct account *account, int64_t time);
void turns_metrics(const struct turns *turns, struct text *out);
/* How much of a body may wait in memory. */
int64_t turns_body_of(const struct http_request *request);
void turns_let_go(struct turns *turns, const struct http_request *request);

/* accounts.c */
/* Counts what a write makes of its object. */
void limits_charge(struct limits *limits, const struct auth_user *user, size_t bytes);
/* The user, if the write is by a machine: a spoke, or one that joins. Otherwise NULL. */
const struct auth_user *limits_machine(const struct objects_review *review);

/* machine.c: rules before what spokes and joining machines write. */
void limits_rule_machines(struct limits *limits);

/* namespaces.c: how much users may keep in a namespace. */
void limits_rule_namespaces(struct limits *limits);
void limits_close_namespaces(struct limits *limits);

#endif
