/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "store/store.h"

#include <sqlite3.h>

/* What the files of this module share. */

#define STORE_ID 33 /* bytes of a database's name, in hex */

#define STORE_STATEMENTS(X)                                                                        \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(COMMIT, "COMMIT")                                                                            \
    X(HISTORY_ADD, "INSERT INTO history VALUES(?,?,?,?,?,?,?,?)")                                  \
    X(HISTORY_DROP, "DELETE FROM history WHERE revision=?")                                        \
    X(HISTORY_SINCE, "SELECT revision,kind,space,name,what,wall,sum,body FROM history "            \
                     "WHERE revision>? ORDER BY revision")                                         \
    X(HISTORY_SLICE, "SELECT h.revision,h.wall,length(h.body),"                                    \
                     "coalesce(c.revision,0)=h.revision FROM history h LEFT JOIN current c "       \
                     "USING(kind,space,name) WHERE h.revision>? ORDER BY h.revision "              \
                     "LIMIT 256")                                                                  \
    X(CURRENT_GET, "SELECT c.revision,length(h.body) FROM current c JOIN history h "               \
                   "ON h.revision=c.revision WHERE c.kind=? AND c.space=? AND c.name=?")           \
    X(CURRENT_PUT, "INSERT OR REPLACE INTO current VALUES(?,?,?,?)")                               \
    X(CURRENT_DROP, "DELETE FROM current WHERE kind=? AND space=? AND name=?")                     \
    X(CURRENT_ALL, "SELECT c.revision,c.kind,c.space,c.name,h.what,h.wall,h.sum,h.body "           \
                   "FROM current c LEFT JOIN history h ON h.revision=c.revision "                  \
                   "ORDER BY c.kind,c.space,c.name")                                               \
    X(VALUE_GET, "SELECT bytes,sum FROM value WHERE name=?")                                       \
    X(VALUE_ALL, "SELECT name,bytes,sum FROM value")                                               \
    X(VALUE_PUT, "INSERT OR REPLACE INTO value VALUES(?,?,?)")                                     \
    X(VALUE_DROP, "DELETE FROM value WHERE name=?")                                                \
    X(VALUE_FROM, "SELECT name,bytes FROM value WHERE name>=? ORDER BY name")                      \
    X(BLOB_FIND, "SELECT id,size FROM blob WHERE digest=?")                                        \
    X(BLOB_ADD, "INSERT INTO blob(digest,size,wall) VALUES(?,?,?)")                                \
    X(BLOB_DROP, "DELETE FROM blob WHERE id=?")                                                    \
    X(BLOB_ALL, "SELECT digest,size,wall FROM blob ORDER BY digest")                               \
    X(PART_ADD, "INSERT INTO part VALUES(?,?,?)")                                                  \
    X(PART_GET, "SELECT bytes,sum FROM part WHERE id=?")                                           \
    X(PART_DROP, "DELETE FROM part WHERE id BETWEEN ? AND ?")

/* What a row of the history did. */
enum store_what { STORE_CHANGED, STORE_DELETED, STORE_CREATED };

enum store_statement {
#define X(name, sql) STORE_##name,
    STORE_STATEMENTS(X)
#undef X
        STORE_STATEMENT_COUNT
};

/* What PATH-note says, or what the database says of itself. */
struct store_mark {
    char id[STORE_ID];
    int64_t epoch, revision, serial;
};

/* The functions that SQLite calls for a file, of which `xWrite` is ours. */
struct store_spare {
    sqlite3_io_methods methods; /* first: a file points here */
    const sqlite3_io_methods *plain;
    struct store *store;
};

struct store_memory;

struct store {
    sqlite3_vfs *vfs;
    sqlite3 *db;                                     /* owned */
    sqlite3_stmt *statements[STORE_STATEMENT_COUNT]; /* owned */
    char *path;                                      /* owned */
    struct store_options options;
    bool staged, read_only;
    struct err failure;          /* of the stage: kept until the commit tells it */
    int64_t revision, compacted; /* staged state */
    int64_t durable_revision, durable_compacted;
    int64_t log_bytes, durable_log_bytes; /* of superseded rows */
    int wal_pages;
    int64_t commits, fsyncs;
    struct err last;    /* what the last commit ended with */
    struct err damaged; /* found while reading: nothing is written any more */
    store_trouble_fn *trouble;
    void *trouble_arg;
    bool counted; /* the stage has a write that has no revision */

    /* note.c */
    struct store_mark mark; /* of the database, as it is on disk */
    sqlite3_file *note;     /* owned; NULL: nothing is noted */
    bool note_failed;

    /* copy.c */
    struct store_memory *memory; /* owned; NULL: the database is on its disk */
    struct err unwritable;       /* what each commit fails with, then */

    /* reserve.c */
    bool full; /* the reserve was given up */
    int64_t staged_bytes;
    struct store_spare spare[2];
};

/*
 * The files of the module from bottom to top; each calls only those before it.
 */

/* ---- statement.c */

/* Turns SQLite's answer into ours; -1. */
int store_failed(struct store *store, int code, struct err *err);
/* A ready statement, reset and without bindings. */
sqlite3_stmt *store_statement(struct store *store, enum store_statement which);
/* Opens the stage; false if it has failed already. */
bool store_stage(struct store *store);
/* Runs a statement that gives no rows; a failure stays with the stage. */
bool store_run(struct store *store, sqlite3_stmt *statement);
int64_t store_number(struct store *store, const char *sql);
int store_run_text(struct store *store, const char *sql, struct err *err);
/* What was read is damaged: told, and kept so that nothing is built on it. */
void store_found_damage(struct store *store, const struct err *err);
void store_tell_trouble(struct store *store);
/* A checksum, carried on from `seed`; it finds accidents, not forgery. */
int64_t store_sum(int64_t seed, const void *bytes, size_t len);
int64_t store_sum_number(int64_t seed, int64_t number);

/* ---- values.c: named values */

void store_value_put_int(struct store *store, const char *name, int64_t value);
int64_t store_value_get_int(struct store *store, const char *name);
int64_t store_value_sum(const char *name, const void *bytes, size_t len);

/* ---- side.c: files beside the database, by the same VFS */

sqlite3_file *store_side_open(const struct store *store, const char *suffix, int flags);
void store_side_close(sqlite3_file **file);
#define scoped_side SCOPED(store_side_close)
/* -1: there is none. 0 also for one that cannot be read. */
int64_t store_side_size(const struct store *store, const char *suffix);
void store_side_remove(const struct store *store, const char *suffix);

/* ---- note.c: what was acknowledged, beside the database */

/* False if there is no note, or none that can be read (told). */
bool store_note_read(const struct store *store, struct store_mark *ret);
/* Why `mark` of the database falls short of `note`; NONE: it does not. */
enum store_loss { STORE_LOSS_NONE, STORE_LOSS_OTHER, STORE_LOSS_OLDER };
enum store_loss store_note_compare(const struct store_mark *mark, const struct store_mark *note);
int store_note_refuse(const struct store *store, const struct store_mark *note, struct err *err);
int store_note_refuse_empty(const struct store *store, const struct store_mark *note,
                            struct err *err);
void store_note_open(struct store *store);
void store_note_write(struct store *store);

/* ---- commit.c */

/* Commits what is staged, now; -1 when it failed. */
int store_commit_now(struct store *store, struct err *err) MUST_CHECK;
/* Empties the write-ahead log into the database, if that is worth while. */
void store_checkpoint(struct store *store);
/* What is staged now counts as durable. */
void store_remember(struct store *store);

/* ---- tables.c: the schema, older forms of it, and whether its pages are whole */

int store_tables_open(struct store *store, bool lost, struct err *err) MUST_CHECK;

/* ---- rows.c */

/* Gives up rows that are damaged (told); how many. */
int store_rows_salvage(struct store *store, struct err *err) MUST_CHECK;
/* Stages that the log of changes begins at the newest revision. */
void store_drop_log(struct store *store);

/* ---- copy.c: a database whose disk cannot be written */

/* Reads the files into memory, from where the store goes on; `empty`: none of them. */
int store_copy_open(struct store *store, bool empty, struct err *err) MUST_CHECK;
void store_copy_close(struct store *store);

/* ---- reserve.c: room for the time when the disk is full */

void store_reserve_open(struct store *store);

/* A statement that is being read; reset when the scope ends. */
static inline void store_reset(sqlite3_stmt **statement)
{
    if (*statement)
        sqlite3_reset(*statement);
}
#define scoped_rows SCOPED(store_reset)

#define STORE_PART ((size_t)1 << 20) /* bytes of a blob in one row */
#define STORE_PARTS 20               /* bits of a part's number in its id */

#endif
