/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPOKE_INSIDE_H
#define SPOKE_INSIDE_H

#include "base/text.h"
#include "http/http.h"
#include "loop/loop.h"
#include "spoke/spoke.h"

#include <stdint.h>

struct cluster;
struct cluster_event;
struct map;
struct node;
struct object;
struct store;
struct tls_client;

#define WORKS "work.open-cluster-management.io/v1"
#define WORK_FINALIZER "cluster.open-cluster-management.io/manifest-work-cleanup"

#define SPOKE_TAG 0x53504f4bu

enum spoke_state { SPOKE_JOINING, SPOKE_LISTING, SPOKE_WATCHING, SPOKE_WAITING };

struct spoke {
    uint32_t tag;
    struct loop *loop;
    char *directory, *name, *hub, *address; /* owned */
    char *token;                            /* owned; NULL once joined */
    struct store *store;
    struct cluster *cluster;
    struct map *works;  /* struct work by name */

    enum spoke_state state;
    struct tls_client *tls;
    struct http_client *http;
    struct link_sent *sent; /* owned: requests under way */
    struct loop_timer *sweep; /* owned */
    struct loop_timer *again; /* when waiting: the next attempt */
    struct loop_backoff backoff;
    char said[1024]; /* the last trouble with the hub that was logged */

    /* join.c */
    char *csr; /* name of the request made in this attempt; owned */

    /* sync.c */
    struct http_call *watch; /* borrowed while it runs */
    struct http_lines lines;
    int64_t revision; /* resourceVersion to go on from */
    bool told; /* the cluster's status was sent since the last start */

    /* alive.c */
    struct loop_timer *lease;
    int64_t lease_seconds;
};

/* One ManifestWork as this spoke knows it. */
#define WORK_TAG 0x574f524bu
struct work {
    uint32_t tag;
    struct spoke *spoke;
    char *name; /* owned */
    struct arena *arena;     /* owned: of `object` */
    const struct node *object;
    int64_t generation;
    bool deleting;
    int waiting;   /* answers that the present attempt still needs */
    unsigned turn; /* raised by each new version: late answers are told apart */
    struct arena *gathered;   /* owned: what was fetched for this version */
    struct node *secrets;     /* list, in `gathered` */
    char *trouble_reason, *trouble; /* owned: why it cannot be applied */
    bool applied;
    struct loop_timer *retry; /* owned */
    struct loop_backoff backoff;
    char *sent_work, *sent_workload; /* owned: the last status sent, as JSON */
    bool sending, dirty;
};

/* spoke.c */
void spoke_move(struct spoke *spoke, enum spoke_state state);
/* Something with the hub failed: say so once, try again later. */
void spoke_lost(struct spoke *spoke, const char *doing, const struct err *err);
char *spoke_path(const struct spoke *spoke, const char *file);

/* join.c */
bool join_is_done(const struct spoke *spoke);
void join_start(struct spoke *spoke);

/* link.c: requests to the hub with this spoke's identity. */
int link_open(struct spoke *spoke, struct err *err) MUST_CHECK;
/* Gives up what is under way; whoever asked is told so. */
void link_close(struct spoke *spoke);
typedef void link_fn(void *arg, int status, const struct http_answer *answer,
                     const struct err *err);
/* `body` may be NULL. `done` is told the status, or 0 and what went wrong. */
void link_send(struct spoke *spoke, const char *method, const char *target,
               const char *type, const struct node *body, link_fn *done,
               void *arg);
/* The same for an ask of one's own; its `done` and `arg` are not used. */
void link_ask(struct spoke *spoke, const struct http_ask *ask, link_fn *done,
              void *arg);
/* The message of a Status object, or the HTTP status: for logs. */
void link_explain(int status, const struct http_answer *answer,
                  const struct err *why, struct err *ret);

/* sync.c */
void sync_start(struct spoke *spoke);
void sync_stop(struct spoke *spoke);

/* work.c */
int works_load(struct spoke *spoke, struct err *err) MUST_CHECK;
void works_free(struct spoke *spoke);
/* A work as the hub has it now; NULL: the hub has it no more. */
void work_take(struct spoke *spoke, const char *name, const struct node *object);
void work_retry_later(struct work *work, const char *reason, const char *message);
void work_proceed(struct work *work);

/* bundle.c: the manifests of a Workload. */
/* NULL and ERR_NOT_FOUND if it is not here yet. */
struct node *bundle_manifests(struct spoke *spoke, struct arena *arena,
                                const char *digest, struct err *err);
void bundle_fetch(struct work *work, const char *reference,
                    const char *digest);

/* report.c */
void report_work(struct work *work);
void report_event(struct spoke *spoke, const struct cluster_event *event);

/* alive.c */
void alive_start(struct spoke *spoke);
void alive_stop(struct spoke *spoke);

#endif
