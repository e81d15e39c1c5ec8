/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_KEEPER_H
#define OBJECTS_KEEPER_H

#include "base/map.h"
#include "base/text.h"
#include "objects/objects.h"
#include "pki/pki.h"

#include <string.h>
#include <sys/queue.h>

struct loop_timer;
struct store_row;
struct table;

/*
 * Private to objects: the keeper, its lower half. It loads objects from the store
 * and keeps them in memory, stages writes, commits and publishes them, remembers
 * recent changes, and answers gets, lists and watches. It knows nothing of what a
 * write may contain: the rules (rules.h, write_op.h) are the upper half, and no
 * file of the keeper calls one of theirs.
 *
 * Its files call downwards in this order: keeper.c; read.c, load.c, stage.c;
 * changes.c; watch.c; revisions.c; table.c, encrypt.c; object.c.
 */

/* One published change; lives as long as the memory of recent changes has it. */
struct change {
    int64_t revision;
    struct object *before; /* owned; NULL: it is new, or `unknown` */
    struct object *after;  /* owned; NULL: it is gone */
    struct object *last;   /* owned; when gone: the last state, with revision */
    bool unknown;          /* there was a state before, but it left the log */
    unsigned waiting;      /* how many watches have it as their next change */
    struct table *table;
    struct change *next_here, *next; /* of the table, of all */
};

struct listener {
    objects_change_fn *fn;
    void *arg;
    struct listener *next;
};

/* All objects of one stored kind. */
struct table {
    const struct kind *kind; /* in the stored version */
    struct object **items;   /* owned, published, by namespace and name */
    size_t count, room;
    struct map *staged;            /* "namespace/name" to struct pending */
    struct change *first, *last;   /* recent changes */
    struct objects_watch *watches; /* owned by their takers */
    struct listener *listeners;    /* owned */
};

/* A staged write; an object without `after` is deleted. */
struct pending {
    struct table *table;
    char *key;                            /* owned */
    struct object *before, *after, *last; /* owned */
    int64_t revision;
    struct pending *next;
};

struct pending_queue {
    struct pending *first, **end;
};

/* A caller of objects_when_durable(). */
struct waiter {
    objects_done_fn *done;
    void *arg;
    struct waiter *next;
};

struct waiters {
    struct waiter *first, **end;
};

/* What is written and not published yet (stage.c). */
struct stage {
    struct pending_queue staged; /* since the last commit began */
    struct pending_queue flying; /* what the commit under way writes */
    struct waiters waiting;      /* for the next commit */
    struct waiters asking;       /* for the commit under way */
    bool committing;
    uint64_t dropped; /* how many commits failed: staged revisions of before mean nothing */
    const struct objects_follower *follower; /* NULL: none */
    void *follower_arg;
};

/* The memory of recent changes (changes.c). */
struct changes {
    struct change *oldest, *newest;
    size_t bytes, count, most_bytes, most_count;
};

/* The state of a paged list, kept for a minute (read.c). */
struct snapshot {
    struct table *table;
    int64_t revision, expires; /* steady */
    struct object **items;     /* owned */
    size_t count;
    struct snapshot *next;
};

struct keeper {
    uint32_t tag;
    struct loop *loop; /* NULL: commits are asked for by objects_commit() only */
    struct store *store;
    const struct kinds *kinds;
    struct loop_timer *commit_timer, *quiet_timer, *ready_timer; /* NULL without a loop */
    TAILQ_HEAD(, objects_watch) due_watches; /* whose `ready` is due, the first first */
    struct map *tables;                      /* store_kind to struct table */
    struct table **all;                      /* owned: the same tables */
    size_t table_count;
    int64_t revision;  /* the newest that is published */
    int64_t forgotten; /* changes up to here have left the memory */
    int64_t ahead,
        ahead_count; /* the newest revision that a client made up or we lost; how often */
    struct changes changes;
    struct stage stage;
    struct snapshot *snapshots;
    bool has_key;
    unsigned char key[PKI_SEAL_KEY];
};
#define KEEPER_TAG 0x6b656570u

/* The two halves behind the public handle. */
struct objects {
    struct keeper keeper;
    struct rules *rules; /* owned; rules.h */
};

/* ---- keeper.c ----------------------------------------------------------- */

void keeper_open(struct keeper *keeper, struct loop *loop, struct store *store,
                 const struct kinds *kinds, const unsigned char *key);
void keeper_close(struct keeper *keeper);

/* ---- load.c ------------------------------------------------------------- */

int keeper_load(struct keeper *keeper, struct err *err);

/* ---- object.c ----------------------------------------------------------- */

/* In one allocation with its strings; `metadata` is what `body` says. */
struct object *object_lay_out(const struct kind *kind, const struct node *metadata,
                              int64_t revision, const char *body, size_t len);
/* Makes an object from its tree; the tree gets the revision written in (0: it
   has none). */
struct object *object_make(struct arena *arena, const struct kind *kind, struct node *tree,
                           int64_t revision);

/* ---- table.c ------------------------------------------------------------ */

/* One table for each stored kind. */
void tables_make(struct keeper *keeper);
void tables_free(struct keeper *keeper);
struct table *table_of(const struct keeper *keeper, const struct kind *kind);
/* The index of the first item not before (namespace, name). */
size_t table_seek(const struct table *table, const char *namespace, const char *name);
/* Borrowed; NULL if there is none. */
struct object *table_find(const struct table *table, enum objects_view view, const char *namespace,
                          const char *name);
/* Borrowed, from what is published. */
struct object *table_published(const struct table *table, const char *namespace, const char *name);
/* Puts `after` (taken) where the object of that name is; NULL takes it away. */
void table_set(struct table *table, const char *namespace, const char *name, struct object *after);
/* Puts an object (taken) behind all others of the table: its name is greater. */
void table_append(struct table *table, struct object *object);
/* Sets ERR_NOT_FOUND in a kube-apiserver's words. */
int table_not_found(const struct kind *kind, const char *name, struct err *err);
/* Whether the kind is this one of the core group. */
static inline bool kind_is_core(const struct kind *kind, const char *plural)
{
    return !*kind->group && !strcmp(kind->plural, plural);
}

/* ---- encrypt.c ---------------------------------------------------------- */

/* The bytes that go to the store: the body, or `sealed` filled with it. */
const char *encrypt_body(const struct keeper *keeper, const struct object *object,
                         struct text *sealed, size_t *ret_len);
/* The body of a row: its bytes, or `open` filled with the decrypted ones. */
const char *decrypt_row(const struct keeper *keeper, const struct store_row *row, struct text *open,
                        size_t *ret_len, struct err *err);

/* ---- revisions.c -------------------------------------------------------- */

/* A client has seen a revision that is not here: logged once for each new height.
   Always true. */
bool revisions_saw_ahead(struct keeper *keeper, int64_t revision);
/* Whether a namespace of this name was deleted after that revision: what was in it
   before belongs to its former owner. Forgotten changes have to be ruled out first. */
bool revisions_space_went(const struct keeper *keeper, const char *namespace, int64_t revision);

/* ---- watch.c ------------------------------------------------------------ */

/* Calls `ready` of watches that are due: for keeper->ready_timer. */
void watches_call_ready(void *arg);
/* Tells the watches of a table of a change. */
void watches_wake(struct table *table, struct change *change);
/* The change leaves the memory: watches that have not taken it yet get EXPIRED. */
void watches_expire(struct change *change);
/* Gives watches that had nothing for a while a bookmark. */
void watches_bookmark(struct keeper *keeper);

/* ---- changes.c ---------------------------------------------------------- */

/* Keeps one change until newer ones need its room. Takes its objects over. */
struct change *changes_remember(struct keeper *keeper, struct change value);
void changes_free(struct keeper *keeper);

/* ---- stage.c ------------------------------------------------------------ */

void stage_open(struct stage *stage);
void stage_close(struct stage *stage);
/* Calls the follower, which may still write, and commits. */
void stage_commit_with_follower(struct keeper *keeper);
/* Stages. `tree` is changed: it gets its resourceVersion. Borrowed answer. */
struct object *stage_put(struct keeper *keeper, struct table *table, struct arena *arena,
                         struct node *tree);
/* Stages a delete; `tree` is the last state, in the stored version. */
struct object *stage_delete(struct keeper *keeper, struct table *table, struct arena *arena,
                            struct node *tree);
/* Replaces what is published without a write: a renewed lease. */
struct object *stage_publish_now(struct keeper *keeper, struct table *table, struct arena *arena,
                                 struct node *tree);

/* ---- read.c ------------------------------------------------------------- */

/* Frees the snapshots that have expired by then. */
void snapshots_free(struct keeper *keeper, int64_t now);
/* Whether a query selects the object. */
bool read_matches(struct arena *arena, const struct objects_query *query,
                  const struct object *object);

#endif
