/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKS_H
#define WORKS_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cluster;
struct cluster_event;
struct cluster_options;
struct http_response;
struct http_client_request;
struct loop;
struct map;
struct node;
struct storage;

/*
 * The ManifestWorks of one spoke, as a work agent has them: each is fetched as a whole
 * (bundle, Secrets), kept on disk, applied to the cluster and reported.
 *
 * A work is on disk before it is acted on, so what runs goes on over a restart without the
 * hub. Everything that is said to the hub is a difference: what did not change is not sent.
 *
 * It does not know how the hub is reached. All that it needs of the connection is in
 * `struct works_hub`, which the agent fills; the agent calls the functions below.
 *
 * One thread. Nothing blocks beyond the store's commits.
 */
struct works;

/* How far the connection to the hub is. */
enum works_contact {
    WORKS_NO_LINK,  /* nothing can be sent */
    WORKS_LINK,     /* there is a connection, and the works on the hub are not known */
    WORKS_LISTING,  /* from here on statuses and Events are sent */
    WORKS_WATCHING, /* every change on the hub arrives */
};

/* `status`: of HTTP; 0, and no `answer`, without a response. `why`: what that means in words,
   never NULL. */
typedef void works_reply_fn(void *arg, int status, const struct http_response *response,
                            const struct err *why);

/*
 * What the works need of the hub. `send` and `fetch` call `done` exactly once and never
 * from within themselves: in a later turn of the loop, or from within the agent when it
 * closes its connection. `done` may free the work that it was for, never the works.
 */
struct works_hub {
    void *arg;
    enum works_contact (*contact)(void *arg);
    /* The hub may have lost writes: what runs is neither changed nor removed. */
    bool (*is_withheld)(void *arg);
    /* The hub has removed this spoke, which has not listed its works anew since. */
    bool (*is_removed)(void *arg);
    /* What ${spoke.NAME} may name. */
    struct node *(*facts)(void *arg, struct arena *arena);
    /* `body` may be NULL; `type`: its Content-Type, NULL for JSON. */
    void (*send)(void *arg, const char *method, const char *target, const char *type,
                 const struct node *body, works_reply_fn *done, void *done_arg);
    /* The same for any request; its own `done` is not used. */
    void (*fetch)(void *arg, const struct http_client_request *request, works_reply_fn *done,
                  void *done_arg);
    /* A request had no response: the connection is of no use any more. */
    void (*lost)(void *arg, const char *doing, const struct err *why);
    /* The response to the removal of our finalizer, the last word on a work. */
    void (*finalizer_removed)(void *arg, int status, const struct err *why);
    /* A work was applied: it may use facts that none used before. */
    void (*applied)(void *arg);
    /* A work is gone from here: it may have been the last one. */
    void (*removed)(void *arg);
};

struct works_settings {
    struct loop *loop;
    struct storage *storage; /* borrowed */
    const char *name;        /* of the spoke, which is its namespace on the hub */
    const char *hub_address; /* for the name of an AppliedManifestWork */
    int64_t eviction;        /* how long a work that vanished from the hub stays */
    struct works_hub hub;
    const char *cluster; /* "local" or "kubernetes" */
    /* For that; `keep`, the callbacks and `arg` are set by works_open(). */
    const struct cluster_options *cluster_options;
};

/* Loads the works that are kept and opens the cluster; nothing is asked of the hub yet. */
int works_open(const struct works_settings *settings, struct works **ret,
               struct err *err) MUST_CHECK;
/* What runs keeps running. The connection must be closed before, which ends requests. */
void works_close(struct works **works);

/* Where the works are applied; the works' own. */
struct cluster *works_cluster(struct works *works);

/* A work as the hub has it now; NULL: the hub has it no more. */
void works_take(struct works *works, const char *name, const struct node *object);
/* Takes leave of the works whose names are not in `listed`. */
void works_take_missing(struct works *works, const struct map *listed);
/* The hub was away, and each change since then comes by the watch: what failed for want of
   it is tried again at once. */
void works_hub_back(struct works *works);
/* Sends each status that the hub does not have. */
void works_report(struct works *works);
/* Sends an Event, or counts it with the ones like it; nothing while the hub is away. */
void works_event(struct works *works, const struct cluster_event *event);

/* Works that use what has changed are gathered anew. */
void works_facts_changed(struct works *works);
/* Whether one of them uses facts, or waits for one. */
bool works_use_facts(const struct works *works);
/* The disk can be written again: stages all rows once more; begins what waited for it. */
void works_keep_again(struct works *works);
void works_disk_well(struct works *works);

/* Ends all that runs, and says nothing of it to the hub. */
void works_end(struct works *works);
/* Whether no work is known and nothing is left in the cluster. */
bool works_are_gone(struct works *works);
size_t works_count(const struct works *works);

/* Generations of another epoch mean nothing: each work is taken as new. */
void works_forget_generations(struct works *works);
/* Newest resourceVersion among the works that the hub has. */
int64_t works_newest_revision(const struct works *works);
/* How long what ran before the spoke was removed waits for the hub to want it again. */
int64_t works_grace(const struct works *works);

/* For `axle status`: a list with how each work stands and what it has brought. */
struct node *works_describe(struct works *works, struct arena *arena);

#endif
