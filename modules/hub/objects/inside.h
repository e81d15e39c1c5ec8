/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_INSIDE_H
#define OBJECTS_INSIDE_H

#include "base/map.h"
#include "base/text.h"
#include "objects/objects.h"
#include "pki/pki.h"

struct loop_timer;
struct store_row;
struct table;

/* What the files of this module share. */

/* An owner that an object names in metadata.ownerReferences. */
struct owner {
    const char *uid, *api_version, *kind, *name;
    bool blocks; /* blockOwnerDeletion */
};

/* An object as it is kept: what others see, and what the collector asks. One
   allocation holds it with its strings. */
struct held {
    struct object object;
    size_t owner_count;
    const struct owner *owners;
    size_t finalizers;
};

/* One published change; lives as long as the memory of recent changes has it. */
struct change {
    int64_t revision;
    struct object *before; /* owned; NULL: it is new, or `unknown` */
    struct object *after;  /* owned; NULL: it is gone */
    struct object *last;   /* owned; when gone: the last state, with revision */
    bool unknown;          /* it was there before, but not how */
    unsigned waiting;      /* watches whose next change this is */
    struct table *table;
    struct change *next_here, *next; /* of the table, of all */
};

struct rule {
    const char *subresource; /* that it sees; NULL: every one */
    objects_rule_fn *fn;
    void *arg;
    struct rule *next;
};

struct listener {
    objects_change_fn *fn;
    void *arg;
    struct listener *next;
};

/* All objects of one stored kind. */
struct table {
    const struct kind *kind; /* in the stored version */
    struct objects *objects;
    struct object **items; /* owned, published, by space and name */
    size_t count, room;
    struct map *staged;             /* "space/name" to struct pending */
    struct change *first, *last;    /* recent changes */
    struct objects_watch *watches;  /* owned by their takers */
    struct rule *rules;             /* owned */
    struct listener *listeners;     /* owned */
};

/* A staged write; an object without `after` is deleted. */
struct pending {
    struct table *table;
    char *key; /* owned */
    struct object *before, *after, *last; /* owned */
    int64_t revision;
    struct pending *next;
};

struct waiter {
    objects_done_fn *done;
    void *arg;
    struct waiter *next;
};

struct queue_of_pending {
    struct pending *first, **end;
};

/* The state of a paged list, kept for a minute. */
struct snapshot {
    struct table *table;
    int64_t revision, expires; /* steady */
    struct object **items;     /* owned */
    size_t count;
    struct snapshot *next;
};

struct objects {
    uint32_t tag;
    struct loop *loop;
    struct store *store;
    const struct kinds *kinds;
    struct loop_timer *commit_timer, *collect_timer, *quiet_timer;
    struct map *tables;         /* store_kind to struct table */
    struct table **all;         /* owned */
    size_t table_count;
    int64_t revision;           /* published */
    int64_t event_age;          /* Events older than this go */
    int64_t swept;              /* steady: when old Events were looked for */
    int64_t forgotten;          /* changes up to here left the memory */
    struct change *oldest, *newest;
    size_t recent_bytes, recent_count, most_bytes, most_count;
    struct queue_of_pending staged, flying;
    struct waiter *waiters, **waiters_end;
    bool committing;
    int64_t ahead, ahead_count; /* the newest revision that is not ours; how often */
    const struct objects_stage *stage; /* NULL: nobody follows it */
    void *stage_arg;
    struct snapshot *snapshots;
    struct map *dependents; /* owner uid to a map of uid to struct object */
    struct map *living;     /* uid to the published struct object */
    struct collector *collector;
    struct map *ensured; /* controller_writes.c: what was ensured last, and at which revision */
    struct map *alike; /* owned; of Events that differ in words only */
    bool has_key;
    unsigned char key[PKI_SEAL_KEY];
};
#define OBJECTS_TAG 0x6f626a73u

/* ---- controller_writes.c ------------------------------------------------------------- */

/* After staged writes were dropped: their revisions will mean something else. */
void ensured_forget(struct objects *objects);

/* ---- table.c ------------------------------------------------------------ */

void tables_make(struct objects *objects);
struct table *table_of(const struct objects *objects, const struct kind *kind);
/* The index of the first item not before (space, name). */
size_t table_seek(const struct table *table, const char *space,
                  const char *name);
/* Borrowed; NULL if there is none. */
struct object *table_find(const struct table *table, enum objects_view view,
                          const char *space, const char *name);
/* Borrowed, from what is published. */
struct object *table_published(const struct table *table, const char *space,
                               const char *name);
/* Puts `after` (taken) where the object of that name is; NULL takes it away. */
void table_set(struct table *table, const char *space, const char *name,
               struct object *after);

/* ---- object.c ----------------------------------------------------------- */

/* In one allocation with its strings; `tree` is what `body` says. */
struct object *object_lay_out(const struct kind *kind, const struct node *tree,
                              int64_t revision, const char *body, size_t len);
/* Makes an object from its tree; the tree gets the revision written in (0: it
   has none). */
struct object *object_make(struct arena *arena, const struct kind *kind,
                           struct node *tree, int64_t revision);
static inline const struct held *held_of(const struct object *object)
{
    return (const struct held *)object; /* its first member */
}

/* ---- stage.c ------------------------------------------------------------ */

void pending_queue_free(struct queue_of_pending *queue);
/* Stages. `tree` is changed: it gets its resourceVersion. Borrowed answer. */
struct object *stage_put(struct objects *objects, struct table *table,
                         struct arena *arena, struct node *tree);
/* Stages a delete; `tree` is the last state, in the stored version. */
struct object *stage_delete(struct objects *objects, struct table *table,
                            struct arena *arena, struct node *tree);
/* A client has seen a revision that is not there: told once for each new height.
   Always true. */
bool stage_saw_ahead(struct objects *objects, int64_t revision);
/* Replaces what is published without a write: a renewed lease. */
struct object *replace_now(struct objects *objects, struct table *table,
                           struct arena *arena, struct node *tree);

/* ---- load.c and changes.c ------------------------------------------------ */

int objects_load(struct objects *objects, struct err *err);
/* Keeps one change, until newer ones need its room. */
struct change *changes_remember(struct objects *objects, struct change value);
void changes_forget_oldest(struct objects *objects);
/* Whether a namespace of this name went after that revision: what was in it before
   belongs to who had it then. Forgotten changes have to be ruled out first. */
bool changes_space_went(const struct objects *objects, const char *space,
                        int64_t revision);

/* ---- encrypt.c ------------------------------------------------------------- */

/* The bytes that go to the store: the body, or `sealed` filled with it. */
const char *seal_body(const struct objects *objects, const struct object *object,
                      struct text *sealed, size_t *ret_len);
/* The body of a row: its bytes, or `open` filled with what was sealed. */
const char *unseal_row(const struct objects *objects,
                       const struct store_row *row, struct text *open,
                       size_t *ret_len, struct err *err);

/* ---- watch.c ------------------------------------------------------------ */

void watch_wake(struct table *table, struct change *change);
void watch_expire(struct change *change);
void watch_quiet(struct objects *objects);

/* ---- read.c ------------------------------------------------------------- */

void snapshots_free(struct objects *objects, int64_t now);
bool matches(struct arena *arena, const struct objects_query *query,
             const struct object *object);

/* ---- prepare.c ---------------------------------------------------------- */

/* Checks metadata as a kube-apiserver does; adds causes. */
void check_metadata(struct arena *arena, const struct kind *kind,
                    const struct node *object, const struct node *before,
                    struct node *causes);
/* What only the server writes, for a new object. */
void fill_metadata(struct arena *arena, const struct kind *kind,
                   struct node *object);
void generate_name(struct arena *arena, struct node *metadata);
/* Changes to fields that must not change; what only one kind knows. */
void check_kind(struct arena *arena, const struct kind *kind,
                const struct node *object, const struct node *before,
                struct node *causes);
/* Kinds whose API does more than a schema can say (stringData of Secrets). */
void settle_kind(struct arena *arena, const struct kind *kind,
                 struct node *object);

/* ---- remaining.c -------------------------------------------------------- */

/* Conditions of a namespace whose content is all going, but not gone. */
void tell_remaining(struct objects *objects, const struct object *space);

/* ---- approval.c --------------------------------------------------------- */

/* Times of conditions that come without. */
void stamp_conditions(struct arena *arena, struct node *object,
                      const struct node *before);
/* Decisions on a certificate request stay, and exclude each other. */
void check_approval(struct arena *arena, const struct node *object,
                    const struct node *before, bool may_decide,
                    struct node *causes);

/* ---- write.c ------------------------------------------------------------ */

int not_found(const struct kind *kind, const char *name, struct err *err);
bool is_core(const struct kind *kind, const char *plural);

/* ---- events.c ------------------------------------------------------------- */

/* Deletes Events that are older than an hour. */
void events_expire(struct objects *objects);
void events_close(struct objects *objects);

/* ---- collect.c ---------------------------------------------------------- */

void collect_open(struct objects *objects);
void collect_close(struct objects *objects);
void collect_change(struct objects *objects, const struct object *before,
                    const struct object *after);
void collect_run(struct objects *objects);
bool collect_space_is_empty(const struct objects *objects, const char *space);

#endif
