/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_H
#define OBJECTS_H

#include "base/err.h"
#include "base/mem.h"
#include "kinds/kinds.h"

#include <stdbool.h>
#include <stdint.h>

struct node;
struct loop;
struct store;
struct selector; /* query.h: compiled label or field selector */

/*
 * The hub's objects, kept by Kubernetes' rules. The only writer to `store`.
 *
 * API handlers and controllers both come here and never call each other. An
 * object in memory is immutable counted bytes (its JSON, whole); lists and
 * watches hold references. Every write is judged against the newest staged
 * state, staged, and becomes visible to others only once it is on disk: then
 * cache, watches and answers see it in one step. An answer that must not be given
 * earlier waits for objects_when_durable().
 *
 * Objects whose owners are gone, namespaces that are deleted and old Events are not
 * dealt with here: `controllers` collects, empties and expires them through the
 * verbs below, as any other controller does its work.
 *
 * Kubernetes' API conventions are the specification: uid, resourceVersion,
 * generation, finalizers and deletionTimestamp, managedFields, status only
 * through its subresource, defaults, validation with causes, dry-run, field
 * validation. Who may do what is not known here; `auth` decides before.
 *
 * One thread. Nothing blocks except the commit inside the store.
 */
struct objects;

/* ---- An object ---------------------------------------------------------- */

/* An owner that an object names in metadata.ownerReferences. */
struct object_owner {
    const char *uid, *api_version, *kind, *name;
    bool blocks; /* blockOwnerDeletion */
};

struct object {
    unsigned references;     /* change through object_hold and object_drop only */
    const struct kind *kind; /* stored kind */
    const char *namespace;   /* "" for cluster scope */
    const char *name, *uid;
    int64_t revision;
    bool deleting; /* has a deletionTimestamp */
    const struct object_owner *owners;
    size_t owner_count, finalizer_count;
    size_t len;
    const char *body; /* JSON, resourceVersion included */
};

/* A list or a watch in flight keeps what it will still send. */
struct object *object_hold(const struct object *object);
void object_drop(struct object **object);
#define scoped_object SCOPED(object_drop)
/* Parses the body. It was checked when it was written, so it never fails. */
struct node *object_read(struct arena *arena, const struct object *object);

/* ---- Life --------------------------------------------------------------- */

/* Loads every object of the store. `loop` is where commits are gathered. */
struct objects *objects_open(struct loop *loop, struct store *store, const struct kinds *kinds,
                             struct err *err) MUST_CHECK;
/*
 * The same with the key that Secrets (kinds that say `sealed`) are sealed with
 * in the store; it must be kept outside the database. PKI_SEAL_KEY bytes,
 * copied. NULL leaves them open; what is sealed already cannot be read then.
 */
struct objects *objects_open_sealed(struct loop *loop, struct store *store,
                                    const struct kinds *kinds, const unsigned char *key,
                                    struct err *err) MUST_CHECK;
void objects_close(struct objects **objects);
const struct kinds *objects_kinds(const struct objects *objects);
/* The kinds whose objects are kept, each once and in the version in which it is
   stored; NULL after the last. */
const struct kind *objects_stored_kind(const struct objects *objects, size_t index);
struct store *objects_store(const struct objects *objects);
/* The newest published revision: what a list answers as its own. */
int64_t objects_revision(const struct objects *objects);
/* How many requests knew of a revision above it: a sign of a loss. */
int64_t objects_ahead(const struct objects *objects);

struct objects_who {
    const char *user;    /* "system:admin", "axle-placement", … */
    const char *manager; /* field manager, at most 128 bytes */
    bool trusted;        /* a controller of the hub itself */
    /* Whom `auth` found, for its own rules; opaque here. NULL: nobody. */
    const void *identity;
};

/*
 * One write as it would be staged, for a rule to judge. The trees are whole and
 * in the version that was asked for, defaults filled in; server-side apply and
 * patches have been carried out. So a rule sees what changes, whatever way it
 * was asked for, and what it allows is staged in the same step.
 */
struct objects_review {
    const struct objects_who *who;
    const struct kind *kind;
    const char *subresource; /* "" for the object itself */
    const char *namespace, *name;
    bool applied;  /* by server-side apply, which has counted up metadata.managedFields */
    bool by_apply; /* a create by server-side apply, not by POST */
    const struct node *before; /* NULL: a create */
    struct node *after;        /* NULL: a delete; a rule may change it */
    struct arena *arena;
};
typedef int objects_rule_fn(void *arg, const struct objects_review *review, struct err *err);
/*
 * Puts a rule before each write of a kind (NULL: of every kind): defaults to set,
 * and reasons to refuse. It sees writes of one subresource: "" is the object itself (creates
 * and deletes included), NULL is every one. Registered once at start, by the
 * roles that know; rules run in that order.
 */
void objects_rule(struct objects *objects, const struct kind *kind, const char *subresource,
                  objects_rule_fn *rule, void *arg);

/* ---- Reading ------------------------------------------------------------ */

/*
 * STAGED sees what this turn has written and is not durable yet: for
 * controllers, whose chain of writes shares one commit. Everybody else reads
 * PUBLISHED.
 */
enum objects_view { OBJECTS_PUBLISHED, OBJECTS_STAGED };

/* NULL and ERR_NOT_FOUND (in a kube-apiserver's words) if there is none. The
   reference is the caller's to drop. */
struct object *objects_get(struct objects *objects, enum objects_view view, const struct kind *kind,
                           const char *namespace, const char *name, struct err *err) MUST_CHECK;

struct objects_query {
    const struct kind *kind;
    const char *namespace;                  /* "" or NULL: all */
    const char *name;                       /* "" or NULL: all; else only the object of that name */
    const struct selector *labels, *fields; /* NULL: everything */
    int64_t limit;                          /* 0: no limit */
    const char *continue_token;             /* NULL or "": from the start */
    const char *revision;                   /* resourceVersion as sent; NULL or "": newest */
    const char *revision_match;             /* "", "Exact", "NotOlderThan" */
    enum objects_view view;
};

struct objects_page {
    struct object **items; /* each held */
    size_t count;
    int64_t revision;
    int64_t remaining;    /* -1: not known (a selector was given) */
    char *continue_token; /* owned; NULL: this was the last page */
};
void objects_page_free(struct objects_page *page);
#define scoped_page SCOPED(objects_page_free)

/* In order of namespace and name. ERR_GONE for a token that expired; the text
   and `page->continue_token` say how to go on. */
int objects_list(struct objects *objects, const struct objects_query *query,
                 struct objects_page *ret, struct err *err) MUST_CHECK;

/* Calls back for each object of a kind, without references: for controllers.
   Nothing may be written meanwhile. */
typedef void objects_each_fn(void *arg, const struct object *object);
void objects_each(struct objects *objects, enum objects_view view, const struct kind *kind,
                  const char *namespace, objects_each_fn *each, void *arg);
/* Whether nothing is in the namespace, neither published nor staged. */
bool objects_space_is_empty(const struct objects *objects, const char *namespace);

/* ---- Watching ----------------------------------------------------------- */

struct objects_watch;
enum objects_event_type {
    OBJECTS_ADDED,
    OBJECTS_MODIFIED,
    OBJECTS_DELETED,
    OBJECTS_BOOKMARK,    /* object is NULL; revision says up to where */
    OBJECTS_INITIAL_END, /* the bookmark after sendInitialEvents */
    OBJECTS_EXPIRED,     /* ERROR 410, and nothing after it */
};
struct objects_event {
    enum objects_event_type type;
    struct object *object; /* held; the last state when DELETED */
    int64_t revision;
};

struct objects_watch_options {
    struct objects_query query; /* kind, namespace, selectors, revision */
    bool initial;               /* begin with ADDED for what is there now */
    bool mark_end;              /* and INITIAL_END after it (sendInitialEvents) */
    bool bookmarks;             /* a BOOKMARK at least every minute of quiet */
};

/*
 * `ready` is called (from the loop, never from within a call) when there is
 * something to take; it is not called again before the watch was drained. So a
 * slow taker holds up nobody: it falls behind, and if what it missed left the
 * memory of recent changes it gets EXPIRED.
 * Fails with ERR_GONE when `query.revision` is too old.
 */
typedef void objects_ready_fn(void *arg);
struct objects_watch *objects_watch(struct objects *objects,
                                    const struct objects_watch_options *options,
                                    objects_ready_fn *ready, void *arg, struct err *err) MUST_CHECK;
/* False when there is nothing at the moment. Drop event->object after use. */
bool objects_watch_next(struct objects_watch *watch, struct objects_event *ret);
/* A BOOKMARK comes next, or after what is to be taken before it. */
void objects_watch_bookmark(struct objects_watch *watch);
void objects_unwatch(struct objects_watch **watch);

/* How much the memory of recent changes may hold (32 MiB, 100,000 changes). */
void objects_limit_memory(struct objects *objects, size_t bytes, size_t count);

/*
 * Calls back for each published change of a kind, with what was there before (NULL
 * when it is new) and after (NULL when it is gone), in order, when everything of that
 * commit can be seen. The renewal of a Lease, of which no watch is told, is among
 * them. What is written meanwhile is for the next commit.
 */
typedef void objects_change_fn(void *arg, const struct object *before, const struct object *after);
void objects_on_change(struct objects *objects, const struct kind *kind, objects_change_fn *change,
                       void *arg);

/*
 * For controllers that want a chain of writes in one commit. `changed` is called once
 * for each change, as soon as OBJECTS_STAGED shows it: for a write when it is staged,
 * when it is not yet published and may still be lost with its commit; for the renewal
 * of a Lease, which is never staged, when it is published (`published`). Nothing may be
 * written in it. `before_commit` is called before a commit that the loop has asked for;
 * what it writes joins that commit. There is one follower; NULL ends it.
 */
struct objects_follower {
    void (*changed)(void *arg, const struct object *before, const struct object *after,
                    bool published);
    void (*before_commit)(void *arg);
};
void objects_follow(struct objects *objects, const struct objects_follower *follower, void *arg);

/* ---- Writing ------------------------------------------------------------ */

enum objects_validation {
    OBJECTS_STRICT, /* unknown and duplicate fields are errors */
    OBJECTS_WARN,
    OBJECTS_IGNORE,
};
enum objects_patch {
    OBJECTS_PATCH_MERGE,
    OBJECTS_PATCH_JSON,
    OBJECTS_PATCH_STRATEGIC,
    OBJECTS_PATCH_APPLY,
};

struct objects_write {
    struct objects_who who;
    const struct kind *kind; /* in the version that was asked for */
    const char *namespace, *name;
    const char *subresource;       /* NULL, "status", "approval" */
    const struct node *body;       /* the object, or the patch */
    const struct node *duplicates; /* paths of duplicate keys in the body */
    enum objects_patch patch;
    bool force; /* apply: take fields from other managers */
    bool dry_run;
    enum objects_validation validation;
    /* Delete. */
    const char *propagation;    /* NULL, "Background", "Foreground", "Orphan" */
    const char *uid, *revision; /* preconditions; NULL: none */
    int64_t grace;              /* -1: not given */
};

struct objects_result {
    struct arena *arena;           /* the caller's, where all below lives */
    struct object *object;         /* held: the new state, or the last one if deleted */
    bool created, unchanged, gone; /* gone: removed now, not only marked */
    struct node *warnings;         /* list of strings for `Warning` headers, or NULL */
    struct node *causes;           /* list of {reason, message, field} on failure */
    struct node *details;          /* on failure: a Status' details, NULL: none */
};

/*
 * Each stages at most one write (a delete may remove finalized children later
 * through controllers). What changes nothing writes nothing and keeps its
 * resourceVersion. On failure `ret->causes` may say more than `err`, and the
 * message is a kube-apiserver's.
 *
 * With `ret->object` of a dry run, revision and body are what would be.
 */
int objects_create(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err) MUST_CHECK;
int objects_update(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err) MUST_CHECK;
int objects_patch(struct objects *objects, const struct objects_write *write,
                  struct objects_result *ret, struct err *err) MUST_CHECK;
int objects_delete(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err) MUST_CHECK;

/* Blobs and named values of the store join the same commit. */

/*
 * Calls `done` once everything staged so far is on disk and published (NULL), or
 * was dropped (the error). Commits of one turn of the loop are one commit. An
 * answer, refusals included, that was judged on staged state waits for this.
 * With nothing staged it calls back before it returns.
 */
typedef void objects_done_fn(void *arg, const struct err *err);
void objects_when_durable(struct objects *objects, objects_done_fn *done, void *arg);
/*
 * Commits everything that is staged now instead of in the next turn, and returns when
 * that has ended and those who wait were told: before the end, and where there is no loop
 * (objects_open with NULL: tests, tools). Blocks as long as the disk does.
 */
void objects_commit(struct objects *objects);

/* ---- Convenience for controllers ---------------------------------------- */

/*
 * Makes the object in `wanted` (apiVersion, kind, metadata, and whatever fields
 * the controller owns) so: created if it is missing, changed if the fields it
 * names differ, untouched otherwise. Server-side apply with force by `manager`.
 * `ret_changed` may be NULL.
 */
int objects_ensure(struct objects *objects, const char *manager, const struct node *wanted,
                   bool *ret_changed, struct err *err) MUST_CHECK;
/* Replaces the status (whole) if it differs. A missing object is no error. */
int objects_set_status(struct objects *objects, const char *manager, const struct object *object,
                       const struct node *status, bool *ret_changed, struct err *err) MUST_CHECK;
/* Adds or removes one finalizer; nothing if it is so already. */
int objects_set_finalizer(struct objects *objects, const char *manager, const struct object *object,
                          const char *finalizer, bool present, struct err *err) MUST_CHECK;
/* Deletes in the background; a missing object is no error. */
int objects_remove(struct objects *objects, const char *manager, const struct kind *kind,
                   const char *namespace, const char *name, struct err *err) MUST_CHECK;
/*
 * Records an Event about `object` (core v1): the same reason and message again
 * within ten minutes raises its count instead. Never fails the caller.
 */
void objects_event(struct objects *objects, const char *component, const struct object *about,
                   bool warning, const char *reason, const char *format, ...) PRINTF(6, 7);

#endif
