/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_H
#define STORE_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Bytes by key, each write with the next revision of the whole store, in one
 * SQLite database (WAL, synchronous FULL, one connection, exclusive).
 *
 * Writes are staged and then committed together: what was staged before
 * store_commit() is on disk, all or nothing, when its callback says so. The
 * store hands out revisions when a write is staged, and takes them back when
 * the commit fails. It does not look inside the bytes, except that each body
 * carries a checksum that is compared when it is read.
 *
 * Beside the current rows it keeps the change log (what each revision was) to
 * a given age and size, blobs by digest, and a few named values.
 *
 * One store belongs to one loop thread. Today a commit runs inline and calls
 * back before it returns; callers must not rely on that.
 */
struct store;

struct store_key {
    const char *kind;      /* "group/plural", "/configmaps" for the core group */
    const char *namespace; /* namespace, "" for kinds that have none */
    const char *name;
};

struct store_row {
    struct store_key key;
    int64_t revision; /* of the write that made it so */
    bool created;     /* there was none of this key before */
    bool deleted;     /* in the change log: the row is gone since */
    const void *body; /* when deleted: the last body, with that revision */
    size_t len;
    int64_t wall; /* when, nanoseconds since 1970 */
};

struct store_options {
    const char *vfs;       /* SQLite VFS; NULL for the real disk */
    int64_t history_age;   /* nanoseconds a change stays in the log */
    int64_t history_bytes; /* and how large the log may grow */
    bool read_only;        /* for a look at a copy */
    /*
     * Notes the newest revision in PATH-note after each commit (not synced: it
     * can only be older than what is durable) and compares it at the next start,
     * so that a database that lost acknowledged writes is refused (ERR_INTERNAL, in words).
     */
    bool noted;
    bool expected;    /* there was one before: an empty one is a lost one */
    bool accept_loss; /* go on anyway, with a new epoch (logged) */
    int64_t cache;    /* bytes of pages kept in memory; 0: 2 MiB */
    int64_t reserve;  /* bytes kept aside, for deletes when the disk is full */
    /*
     * The disk cannot be written: the database is read into memory as it is, or
     * begun there where it cannot be read (`empty`), and each commit fails with this.
     */
    const struct err *unwritable;
    bool empty;
};

/*
 * Opens or creates the database and brings its tables up to date. A database
 * that another process holds is refused (ERR_CONFLICT, says so in words), and
 * so is one written by a newer program (ERR_UNSUPPORTED).
 */
struct store *store_open(const char *path, const struct store_options *options,
                         struct err *err) MUST_CHECK;
/* Commits nothing that is still staged. */
void store_close(struct store **store);
#define scoped_store SCOPED(store_close)

/* Grows whenever acknowledged writes were lost, or a backup was restored. */
int64_t store_epoch(const struct store *store);
/* What the last commit ended with (ERR_NONE: well), or damage found since. */
const struct err *store_health(const struct store *store);
/* Called when a commit fails or the disk is found full; it may not write. */
typedef void store_trouble_fn(void *arg);
void store_on_trouble(struct store *store, store_trouble_fn *trouble, void *arg);
/* Whether a loss is accepted (store_options), so that what cannot be read goes. */
bool store_accepts_loss(const struct store *store);
/* Takes a row out as if it had never been, and the log of changes with it. */
void store_forget(struct store *store, const struct store_key *key);
/* The disk is full, and the store lives on its reserve: what makes the database
   larger should be refused, so that deletes can be committed. */
bool store_is_full(const struct store *store);
/* ERR_FULL in words while it is so. */
int store_check_room(const struct store *store, struct err *err) MUST_CHECK;
/* While the disk is full: gives back room and looks whether there is enough. */
void store_make_room(struct store *store);

/* The revision of the newest write, staged ones included. */
int64_t store_revision(const struct store *store);
/* Changes up to and including this revision have left the log. */
int64_t store_compacted(const struct store *store);

/* Stages a write and returns its revision, which is store_revision() + 1, so
   that a body can hold it. Bytes are copied. */
int64_t store_put(struct store *store, const struct store_key *key, const void *body, size_t len);
/* Stages a delete; `body` is the last state, kept in the log for watchers. */
int64_t store_delete(struct store *store, const struct store_key *key, const void *body,
                     size_t len);

/*
 * Makes everything staged so far durable and then calls `done`: with NULL, or
 * with what went wrong (ERR_FULL, ERR_UNREACHABLE), when all that was staged
 * since the last commit is dropped. With nothing staged it calls back too.
 */
typedef void store_done_fn(void *arg, const struct err *err);
void store_commit(struct store *store, store_done_fn *done, void *arg);
bool store_is_staged(const struct store *store);
/* Fails with what has gone wrong since the last commit, which will tell it. */
int store_check_stage(const struct store *store, struct err *err) MUST_CHECK;

/* Each row as it is now, in order of kind, namespace, name. A negative answer of
   `each` ends the walk and becomes the result. */
typedef int store_each_fn(void *arg, const struct store_row *row, struct err *err);
int store_each(struct store *store, store_each_fn *each, void *arg, struct err *err) MUST_CHECK;
/* Each change after `since`, oldest first. ERR_GONE if some left the log. */
int store_changes(struct store *store, int64_t since, store_each_fn *each, void *arg,
                  struct err *err) MUST_CHECK;
/* Trims the log to its limits and gives space back, a slice per call; true
   when there is more to do. Never inside a request. */
bool store_compact(struct store *store);

/* ---- Blobs: bytes named by their digest ("sha256:…", "sha512:…") ------- */

/* Staged like everything else; a blob that exists already is no write. */
void store_blob_put(struct store *store, const char *digest, const void *bytes, size_t len);
/* -1 if it is not there. */
int64_t store_blob_size(struct store *store, const char *digest);
/* Reads up to `len` bytes at `offset` and returns how many, -1 on failure. */
int64_t store_blob_read(struct store *store, const char *digest, int64_t offset, void *into,
                        size_t len, struct err *err);
void store_blob_delete(struct store *store, const char *digest);
typedef void store_blob_fn(void *arg, const char *digest, int64_t size, int64_t wall);
void store_blob_each(struct store *store, store_blob_fn *each, void *arg);

/* ---- Named values: epoch, ticket keys, counters ------------------------- */

void store_value_put(struct store *store, const char *name, const void *bytes, size_t len);
/* NULL if it is not there; the caller frees. */
void *store_value_get(struct store *store, const char *name, size_t *ret_len);
void store_value_delete(struct store *store, const char *name);
/* Those whose names begin so, in order of name. Nothing may be written meanwhile. */
typedef void store_value_fn(void *arg, const char *name, const void *bytes, size_t len);
void store_value_each(struct store *store, const char *prefix, store_value_fn *each, void *arg);

/* ---- Whole -------------------------------------------------------------- */

/* Copies the database to a new file while it is in use. */
int store_backup(struct store *store, const char *path, struct err *err) MUST_CHECK;
/* Moves the revision counter ahead, as after a restore (staged). */
void store_skip_revisions(struct store *store, int64_t count);

struct store_facts {
    int64_t revision, compacted, epoch, bytes, commits, fsyncs, rows, blobs;
};
void store_facts(struct store *store, struct store_facts *ret);

#endif
