/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPOKE_INSIDE_H
#define SPOKE_INSIDE_H

#include "base/text.h"
#include "http/http.h"
#include "loop/loop.h"
#include "pki/pki.h"
#include "spoke/spoke.h"

#include <stdint.h>

struct cluster;
struct cluster_event;
struct cluster_keep;
struct cluster_manifest;
struct map;
struct node;
struct object;
struct store;
struct tls_client;
struct work_resource;

#define SPOKE_TAG 0x53504f4bu

/* departure.c: which end of its life at a hub it is at, as the disk says. */
enum departure {
    DEPARTURE_NONE,
    DEPARTURE_LEAVING,   /* asked to; the hub has not let it go yet */
    DEPARTURE_REMOVED,   /* the hub said so: what ran is ended */
    DEPARTURE_LEFT,      /* nothing runs, its identity is put aside */
    DEPARTURE_RESETTING, /* `axle reset` has begun */
};
/* What the hub said of this spoke when it refused its certificate last. */
enum refusal {
    REFUSAL_NONE, REFUSAL_OTHER, REFUSAL_UNKNOWN, REFUSAL_NOT_ACCEPTED,
    REFUSAL_REMOVED, REFUSAL_LOST, REFUSAL_LEFT,
};

enum spoke_state { SPOKE_JOINING, SPOKE_LISTING, SPOKE_WATCHING, SPOKE_WAITING };

struct spoke {
    uint32_t tag;
    struct loop *loop;
    const struct config *config;
    struct config *own_config; /* owned; NULL when one was given */
    char *directory, *name, *hub, *address, *addresses; /* owned */
    char *proxy;                            /* owned; on the way to the hub; NULL: none */
    char *token;                            /* owned; NULL once joined */
    struct store *store;
    char *damage; /* owned; what was wrong with the store at this start; NULL: nothing */
    bool damage_told;

    /* pressure.c */
    struct pressure *pressure; /* owned; NULL: the disk can be written */
    bool pressure_said;        /* the hub has heard of one since this start */
    char *store_vfs;           /* owned; NULL: the real disk */
    bool copied;               /* the store is a copy in memory, and keeps nothing */
    int lock;                  /* of the folder; -1: none */
    unsigned char seal[PKI_SEAL_KEY]; /* keep.c */
    int64_t eviction;
    struct cluster *cluster;
    struct map *works;  /* struct work by name */

    enum spoke_state state;
    struct tls_client *tls;
    struct http_client *http;
    struct fetch *fetches;  /* owned: artifacts on their way */
    struct map *partials;   /* owned; bundle.c: of those that were cut; NULL: none yet */
    struct link_sent *sent; /* owned: requests under way */
    bool closing;           /* link_close() is telling those whose requests it ends */
    struct writes {
        struct link_write *first, *last; /* owned: what waits */
        size_t waiting, under_way, most; /* most: that may be under way */
        struct loop_timer *pause;        /* owned; while it is set the hub takes no more */
        bool throttled;
    } writes; /* writes.c */
    struct loop_timer *sweep; /* owned */
    struct loop_timer *again; /* when waiting: the next attempt */
    struct loop_backoff backoff;
    int64_t contact; /* wall time of the hub's last word */
    struct loop_listener *look; /* owned; look.c */
    char said[1024]; /* the last trouble with the hub that was logged */
    int64_t watching_since; /* steady time; 0: the hub's works are not watched */

    /* join.c */
    char *csr;  /* name of the request under way, renewals too; owned */
    bool rejoin, rejoin_told; /* the hub takes the certificate no more; there is a new token */
    char *root; /* the hub's authority, proven by the token's pin; owned */

    /* renew.c */
    struct loop_timer *renew; /* owned */
    struct loop_backoff renew_backoff;
    char renew_said[512]; /* the last trouble that was logged */

    /* sync.c */
    struct http_call *watch; /* borrowed while it runs */
    struct http_lines lines;
    int64_t revision; /* resourceVersion to go on from */
    struct loop_timer *list_again; /* owned; a list that does not wait for the watch's end */
    struct loop_backoff list_backoff;
    char list_said[256]; /* why, as was logged */
    struct map *strange; /* owned: what was passed over, each said once */

    /* facts.c */
    struct arena *facts_arena, *own_arena; /* owned */
    const struct node *facts;     /* {labels, claims, annotations} */
    struct node *own_facts;       /* from the command line */

    struct http_call *own_watch;  /* borrowed while it runs */
    struct http_lines own_lines;
    struct loop_timer *own_again; /* owned */

    /* epoch.c */
    int64_t epoch, epoch_new;       /* confirmed; one that is not yet, or 0 */
    bool epoch_told;                /* by an Event, since this start */
    int64_t seen, went_back;        /* newest revision; the one that the hub lost, or 0 */
    struct loop_timer *epoch_again; /* owned */

    struct events *events; /* owned; events.c */
    /* departure.c, control.c */
    enum departure departure;
    enum refusal refusal;
    bool disbelief_told;
    int64_t removed_since; /* steady time of the first word of it in this run; 0: none */
    struct loop_timer *departing; /* owned */
    struct loop_listener *control; /* owned */
    struct control *controls;      /* owned: who asked something */
    void (*left)(void *arg);
    void *left_arg;
    struct loop_timer *ending; /* owned; spoke_end(): looks whether all is gone */
    void (*ended)(void *arg);
    void *ended_arg;

    /* twin.c */
    char instance[40];    /* this start's name */
    bool claims, parked;  /* parked: a later start of this identity goes on */
    bool started;         /* the hub was told that this one is here */

    /* alive.c */
    struct loop_timer *lease, *status; /* owned */
    int64_t lease_seconds;
    struct loop_backoff lease_backoff, status_backoff;
    char lease_said[256], status_said[256]; /* the last trouble that was logged */
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
    int64_t revision; /* newest resourceVersion that the hub is known to have */
    bool foreign;     /* what the hub has is not what runs here, and that is kept */
    bool deleting, finalized; /* finalized: our finalizer is on it */
    /* `object` may be NULL: its pods were found running, the hub has not told yet. */
    int64_t evicting; /* wall time since when the hub has it no more; 0: it has */
    int waiting;   /* answers that the present attempt still needs */
    unsigned turn; /* raised by each new version: late answers are told apart */
    struct arena *gathered;   /* owned: what was fetched for this version */
    struct node *secrets;     /* list, in `gathered` */
    struct node *bound;       /* list by ordinal, in `gathered` */
    struct node *failed;      /* map by ordinal: {reason, message}; there too */
    char *values;             /* owned: hash of the facts used; NULL: none */
    struct map *said;         /* owned: what an Event was sent about */
    char *trouble_reason, *trouble; /* owned: why it cannot be applied */
    char *warned;                   /* owned: as was logged, since it was applied last */
    bool applied;
    struct loop_timer *retry, *evict; /* owned */
    struct loop_backoff backoff;
    char *sent_work, *sent_workload; /* owned: the last status sent, as JSON */
    char *untold;                    /* owned: why the hub did not take it, as was logged */
    struct loop_backoff tell_backoff;
    bool sending, dirty;
    struct loop_timer *patience; /* owned: a status that can wait a moment */
    bool waited;
};

/* spoke.c */
void spoke_move(struct spoke *spoke, enum spoke_state state);
/* Something with the hub failed: say so once, try again later. */
void spoke_lost(struct spoke *spoke, const char *doing, const struct err *err);
/* How long a watch lasts at a hub that is well: what ends sooner is tried again with
   pauses, and the same trouble as before is no news. */
#define WATCH_STEADY (10 * CLOCK_SECOND)
bool spoke_is_steady(const struct spoke *spoke);
/* Logs `words` unless they are what `said` holds, which holds them from then on. */
void spoke_say_once(char *said, size_t room, const char *doing, const char *words);
char *spoke_path(const struct spoke *spoke, const char *file);

/* Bookmarks come every minute; three missed ones mean a dead connection. */
#define WATCH_SILENCE (200 * CLOCK_SECOND)

/* join.c */
bool join_is_done(const struct spoke *spoke);
void join_start(struct spoke *spoke);
/* Whether it was given a token other than that of the last join. */
bool join_token_is_new(const struct spoke *spoke);
/* ERR_INVALID for what was never a token: no hub could make it one. */
int join_check_token(const struct spoke *spoke, struct err *err) MUST_CHECK;
/* The message of a condition Denied or Failed; NULL: there is none. */
const char *join_denial(const struct node *status);
/* Whether it may take the place of the certificate that is there: for this spoke, its
   key, by its hub's authority. `ret_pem`: what `base64` holds. */
int join_check_certificate(const struct spoke *spoke, const char *authority, const char *base64,
                           struct text *ret_pem, struct err *err) MUST_CHECK;

/* The request for a certificate for this spoke's key, made at need. */
struct node *join_make_request(struct spoke *spoke, struct arena *arena,
                               struct err *err) MUST_CHECK;

/* renew.c: a certificate of the same key before the old one ends, while the hub
   is there. */
void renew_start(struct spoke *spoke);
void renew_stop(struct spoke *spoke);
/* Whether the certificate has ended: then only a token helps. */
bool renew_is_over(const struct spoke *spoke);

/* twin.c: two agents with one identity. */
void twin_open(struct spoke *spoke);
/* The lease says whose it is, where that must be said. */
void twin_claim(struct spoke *spoke, struct arena *arena, struct node *lease);
/* True if the lease is another's, who started later: this one is parked. */
bool twin_look(struct spoke *spoke, const struct http_answer *answer);
/* Adds the condition that takes DuplicateIdentity back, if it is there. */
void twin_clear(struct arena *arena, const struct node *cluster, struct node *news);

/* departure.c: leaving, being removed, being reset. */
int departure_open(struct spoke *spoke, const struct spoke_settings *settings,
                   struct err *err) MUST_CHECK;
void departure_resume(struct spoke *spoke);
void departure_close(struct spoke *spoke);
/* The hub refused the certificate with 401. */
void departure_refused(struct spoke *spoke, const struct http_answer *answer,
                       const struct err *why);
/* A new certificate is about to be kept. */
int departure_joining(struct spoke *spoke, struct err *err) MUST_CHECK;
/* Removed, and not listed anew since. */
bool departure_is_over(const struct spoke *spoke);
/* How much of the time that vanished works stay has passed already. */
int64_t departure_head_start(const struct spoke *spoke);
/* The first list of a new life was taken in. */
void departure_listed(struct spoke *spoke);
/* Asks the hub to let this spoke go. */
int departure_ask(struct spoke *spoke, struct err *err) MUST_CHECK;
void departure_condition(const struct spoke *spoke, struct arena *arena, struct node *news);
/* A work is gone: it may have been the last one. */
void departure_proceed(struct spoke *spoke);
int departure_reset(struct spoke *spoke, struct err *err) MUST_CHECK;
void departure_describe(struct spoke *spoke, struct arena *arena, struct node *made);

/* control.c: the socket of who administers this machine. */
void control_open(struct spoke *spoke);
void control_close(struct spoke *spoke);

/* epoch.c: the hub may have lost writes. */
void epoch_load(struct spoke *spoke);
/* The next hub has epochs of its own. */
void epoch_forget(struct spoke *spoke);
void epoch_close(struct spoke *spoke);
void epoch_keep_again(struct spoke *spoke);
/* True: what is here stays as it is, whatever the hub says. */
bool epoch_withholds(const struct spoke *spoke);
/* Whether the answer names the epoch that this spoke has confirmed. */
bool epoch_is_confirmed(const struct spoke *spoke, const struct http_answer *answer);
/* What each answer of the hub says of its epoch. */
void epoch_see(struct spoke *spoke, const struct http_answer *answer);
/* The revision of a list, which never goes back while the hub loses nothing. */
void epoch_see_revision(struct spoke *spoke, int64_t revision);
/* This spoke's ManagedCluster, which may confirm an epoch. */
void epoch_look(struct spoke *spoke, const struct node *cluster);
/* Adds the condition that says so, and sends the Event once. */
void epoch_condition(struct spoke *spoke, struct arena *arena, struct node *news);

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
/* writes.c: link_send() of what may wait: statuses and Events. `body` NULL: none. */
void writes_send(struct spoke *spoke, const char *method, const char *target, const char *type,
                 const struct text *body, link_fn *done, void *arg);
/* The link is closed: whoever waits is told `err`. */
void writes_give_up(struct spoke *spoke, const struct err *err);
/* The same for an ask of one's own; its `done` and `arg` are not used. */
void link_ask(struct spoke *spoke, const struct http_ask *ask, link_fn *done,
              void *arg);
/* The message of a Status object, or the HTTP status: for logs. */
void link_explain(int status, const struct http_answer *answer,
                  const struct err *why, struct err *ret);

/* sync.c */
void sync_start(struct spoke *spoke);
void sync_stop(struct spoke *spoke);
/* Lists once more in a while: something of one work failed, and the link is well. */
void sync_list_later(struct spoke *spoke, const char *doing, const struct err *err);

/* work.c */
int works_load(struct spoke *spoke, struct err *err) MUST_CHECK;
/* Works of which only pods are known, and those whose end was under way. */
void works_adopt(struct spoke *spoke);
void works_free(struct spoke *spoke);
/* A work as the hub has it now; NULL: the hub has it no more. */
void work_take(struct spoke *spoke, const char *name, const struct node *object);
/* Ends all that runs, without the hub. */
void works_end(struct spoke *spoke);
void work_retry_later(struct work *work, const char *reason, const char *message);
void work_proceed(struct work *work);
/* resourceVersion of the object as it was heard of last. */
int64_t work_revision(const struct work *work);
/* Asks the hub for it, since what it names is not there any more. */
void work_read_again(struct work *work);
/* "": of no project. */
const char *work_project(const struct work *work);
/* Works that use what has changed are made anew. */
void works_facts_changed(struct spoke *spoke);
/* The disk can be written again: stages all rows, and begins what waited for it. */
void works_keep_again(struct spoke *spoke);
void works_disk_well(struct spoke *spoke);

/* gather.c: a work as the set of objects that it asks for. */
bool gather_is_workload(const struct node *manifest);
struct work_resource gather_resource(struct arena *arena,
                                     const struct node *manifest);
/* NULL: spec.manifestConfigs says nothing of it. */
struct node *gather_option(struct arena *arena, const struct work *work,
                           const struct node *manifest);
/* Fills `bound` and `failed`. */
void gather_bind(struct work *work);
void gather_fail(struct work *work, size_t ordinal, const char *reason,
                 const char *message);
/* {reason, message} of a manifest that could not be made out; NULL: it could. */
const struct node *gather_failure(const struct work *work, size_t ordinal);
/* All of it; the items are the caller's to free, what they point to lives in the
   arena. Fails when a Workload cannot be had as a whole. */
int gather_set(struct work *work, struct arena *arena,
               struct cluster_manifest **ret, size_t *ret_count,
               struct err *err) MUST_CHECK;

/* rows.c: status.resourceStatus.manifests, one row each. */
struct node *rows_of(const struct work *work, struct arena *arena,
                     const struct node *report, const struct node *objects);

/* keep.c: rows of the store that may hold secrets are sealed. */
struct store_key;
struct store_row;
int keep_open(struct spoke *spoke, struct err *err) MUST_CHECK;
void keep_put(struct spoke *spoke, const struct store_key *key, const void *bytes,
              size_t len);
int keep_read(struct spoke *spoke, const struct store_row *row, struct text *ret,
              struct err *err) MUST_CHECK;
bool keep_is_sealed(const struct store_row *row);
/* Commits, and notes what is there now. */
void keep_commit(struct spoke *spoke, void (*done)(void *arg, const struct err *err), void *arg);
struct cluster_keep keep_for_cluster(struct spoke *spoke);

/* identity.c: name, hub and pki/, kept twice so that damage is undone. */
int identity_open(struct spoke *spoke, const struct spoke_settings *settings,
                  struct err *err) MUST_CHECK;
/* As far as it is known: nothing is asked of a hub. */
int identity_open_offline(struct spoke *spoke);
/* The hub was reached: that is where it is. */
void identity_remember(const struct spoke *spoke);
bool identity_is_broken(const struct spoke *spoke);
bool identity_has(const struct spoke *spoke, const char *file);
/* Says why a token is needed: never joined, or the key or certificate is lost. */
int identity_needs_token(const struct spoke *spoke, struct err *err);
/* The caller frees; says the way out where both copies are damaged. */
char *identity_read(const struct spoke *spoke, const char *file, size_t *ret_len,
                    struct err *err) MUST_CHECK;
int identity_write(const struct spoke *spoke, const char *file, const void *bytes, size_t len,
                   struct err *err) MUST_CHECK;

/* state.c: the store, which may be lost or damaged. */
int state_open(struct spoke *spoke, const char *vfs, struct err *err) MUST_CHECK;
void state_note(struct spoke *spoke);
/* "20261129T120618Z": for the names of files that are put aside. */
void state_date(char ret[]);
/* Renames FILE, and what lies beside it, to FILE.damaged-DATE. */
int state_set_aside(struct spoke *spoke, const char *file, char **ret,
                    struct err *err) MUST_CHECK;
/* An Event, once. */
void state_tell(struct spoke *spoke);
void state_condition(const struct spoke *spoke, struct arena *arena,
                     const struct node *cluster, struct node *news);

/* The same again with a disk that can be written now. */
int state_reopen(struct spoke *spoke, struct err *err) MUST_CHECK;

/* pressure.c: a disk that is full, read-only or failing. */
/* A write failed with this; what does not speak of the disk is passed over. */
void pressure_begin(struct spoke *spoke, const struct err *why);
/* Asks the file system whether there is room; costs one call. */
void pressure_look(struct spoke *spoke);
/* NULL, or the sentence: new works wait, and what runs goes on. */
const char *pressure_words(const struct spoke *spoke);
/* The Event, once the hub can be spoken to. */
void pressure_tell(struct spoke *spoke);
void pressure_condition(struct spoke *spoke, struct arena *arena,
                        const struct node *cluster, struct node *news);
void pressure_close(struct spoke *spoke);

/* secrets.c: fills work->secrets with what `spec` names, from `had` where the
   version is the same, else from the hub. */
void secrets_gather(struct work *work, const struct node *spec,
                    const struct node *had);

/* sum.c: a ManifestWork's status, from the cluster's report and all its objects. */
struct node *sum_work(const struct work *work, struct arena *arena,
                      const struct node *report, const struct node *objects);

/* facts.c: what ${spoke.NAME} may name here, on disk for days without a hub. */
int facts_load(struct spoke *spoke, const char *const *own,
               struct err *err) MUST_CHECK;
void facts_free(struct spoke *spoke);
void facts_keep_again(struct spoke *spoke);
/* This spoke's ManagedCluster, as the hub has it. */
void facts_take(struct spoke *spoke, const struct node *object);
/* Watches it from now on, if a work uses what it says. */
void facts_follow(struct spoke *spoke);
void facts_stop(struct spoke *spoke);
struct node *spoke_facts(struct spoke *spoke, struct arena *arena);

/* bundle.c: the manifests of a Workload. */
/* NULL and ERR_NOT_FOUND if it is not here yet. */
struct node *bundle_manifests(struct spoke *spoke, struct arena *arena,
                                const char *digest, struct err *err);
bool bundle_is_here(struct spoke *spoke, const char *digest);
/* Forgets what no work names any more. */
void bundle_sweep(struct spoke *spoke);
void bundle_close(struct spoke *spoke);
void bundle_fetch(struct work *work, const char *reference,
                    const char *digest);

/* report.c */
void report_work(struct work *work);
/* What was told last is not there any more; report_if_lost() tells it again. */
void report_forget(struct work *work);
void report_if_lost(struct work *work);
/* An Event about the work's trouble, once for each. */
void report_trouble(struct work *work);
/* The same tree with nothing in its texts that a terminal would obey. */
struct node *report_printable(struct arena *arena, const struct node *from);

/* events.c: what happened, told once and then counted. */
void report_event(struct spoke *spoke, const struct cluster_event *event);
void events_free(struct events **events);

/* look.c: the agent's own status, for who is on this machine. */
void look_open(struct spoke *spoke);
void look_close(struct spoke *spoke);

/* alive.c */
void alive_start(struct spoke *spoke);
void alive_stop(struct spoke *spoke);
/* The status of this spoke again, as it has changed. */
void alive_tell(struct spoke *spoke);

#endif
