/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKS_INTERNAL_H
#define WORKS_INTERNAL_H

#include "base/text.h"
#include "loop/loop.h"
#include "works/works.h"

struct events;
struct fetch;
struct work;

#define WORKS_DISK_PRESSURE "DiskPressure" /* the reason of what waits for the disk */

#define WORKS_TAG 0x776f726bu
struct works {
    uint32_t tag;
    struct works_hub hub;
    struct loop *loop;
    struct storage *storage;
    struct cluster *cluster; /* owned */
    char *name;              /* owned; of the spoke */
    char *hub_address;       /* owned */
    int64_t eviction;
    struct map *by_name; /* owned, with its works */
    unsigned turns;      /* the number of the newest attempt of any work */
    /* need.c calls it: one thing that a work waits for is there, or (`reason` not NULL)
       cannot be had. It may end in any change of the work, its end included. */
    void (*need_ended)(struct work *work, const char *reason, const char *message);
    struct fetch *fetches; /* owned: artifacts on their way; bundle.c */
    struct map *partials;  /* owned: of those that were cut, by digest; NULL: none yet */
    struct events *events; /* owned; events.c */
};

/* What a work is at. work.c has the table of moves; lifecycle.c makes them. */
enum work_phase {
    WORK_FOUND,     /* its pods were found running, and the hub has not said anything of it */
    WORK_GATHERING, /* what its version needs is being fetched */
    WORK_TROUBLED,  /* it cannot be applied: `trouble` says why */
    WORK_APPLIED,   /* the cluster has its version */
    WORK_LEAVING,   /* what it runs is being removed */
};

/* What the status of a work on the hub is at. */
enum report_phase {
    REPORT_IDLE,
    REPORT_SENDING,
    REPORT_OUTDATED, /* sending, and the work has changed meanwhile */
};

/* One ManifestWork as this spoke knows it. */
#define WORK_TAG 0x574f524bu
struct work {
    uint32_t tag;
    struct works *works;
    char *name; /* owned */

    enum work_phase phase;
    bool left_applied; /* it was applied when it began to leave */

    /* What the hub has. */
    const struct node *object; /* interned; NULL: not known, or nothing more is said to the hub */
    int64_t generation;
    int64_t revision; /* newest resourceVersion that the hub is known to have */
    int64_t evicting; /* wall time since when the hub has it no more; 0: it has */
    bool foreign;     /* what the hub has is not what runs here, and that is kept */
    bool finalized;   /* our finalizer is on it */

    /* What is here. */
    char *trouble_reason, *trouble;   /* owned: why it cannot be applied; NULL: no trouble */
    char *warned;                     /* owned: as was logged, since it was applied last */
    struct loop_timer *retry, *evict; /* owned */
    struct loop_backoff backoff;

    /* The present attempt to gather what it needs. */
    int waiting;                /* responses that it still needs */
    unsigned turn;              /* no other attempt has this number, of a former work of this
                                   name neither: a late response is of a former one */
    const struct node *secrets; /* interned: a list of what was fetched for this version */
    const struct node *bound;   /* interned: a list by ordinal */
    const struct node *failed;  /* interned: {ordinal: {reason, message}}; NULL: none */
    char *values;               /* owned: hash of the facts used; NULL: none */

    /* report.c */
    struct map *events;                           /* owned: what an Event was sent about */
    const struct node *sent_work, *sent_workload; /* interned: the last status sent */
    char *untold; /* owned: why the hub did not take it, as was logged */
    struct loop_backoff tell_backoff;
    struct loop_timer *timeout; /* owned: a status that can wait a moment, or is sent again */
    bool waited;                /* `timeout` is over: the next status is sent at once */
    enum report_phase report;
};

/* ---- work.c: a work's own facts -------------------------------------------------- */

struct work *work_new(struct works *works, const char *name);
/* Takes it out of the works. */
void work_free(struct work *work);
/* NULL: there is none of this name (any more). */
struct work *work_find(const struct works *works, const char *name);
/* Assigns the phase, and nothing else does. A move that the table does not have is a bug. */
void work_move(struct work *work, enum work_phase phase);
/* Whether the cluster has its version, also while it leaves. */
bool work_is_applied(const struct work *work);
/* The object as the hub has it now. It is leaving if that says so. */
void work_set_object(struct work *work, const struct node *object);
/* NULL, NULL: none. */
void work_set_trouble(struct work *work, const char *reason, const char *message);
/* resourceVersion of the object as it was heard of last. */
int64_t work_revision(const struct work *work);
/* By uid: not another object of the same name. */
bool work_is_same_object(const struct work *work, const struct node *object);
bool work_is_same_generation(const struct work *work, const struct node *object);
const struct node *work_manifests(const struct work *work);
/* "": of no project. */
const char *work_project(const struct work *work);
/* The path of the object on the hub; the caller frees. */
char *work_path(const struct work *work);

/* ---- kept_work.c: its row in the store ------------------------------------------- */

void kept_work_put(struct work *work);
void kept_work_delete(struct work *work);
/* Makes the works of all rows. */
int kept_work_load_all(struct works *works, struct err *err) MUST_CHECK;
/* Deletes the rows of works that are not known any more. */
void kept_work_delete_stale(struct works *works);
void kept_work_commit(struct works *works);

/* ---- lifecycle.c: from what the hub says to what the cluster has ----------------- */

void lifecycle_take(struct works *works, const char *name, const struct node *object);
/* Gathers what it needs, and applies it when all is there. */
void lifecycle_begin(struct work *work);
/* The cluster has something new to say of it, or a response has come. */
void lifecycle_proceed(struct work *work);
/* `works.need_ended` */
void lifecycle_need_ended(struct work *work, const char *reason, const char *message);
/* Removes it when the hub has not had it for long enough. */
void lifecycle_evict_later(struct work *work);
/* Ends what it runs, and says nothing to the hub. */
void lifecycle_end(struct work *work);

#endif
