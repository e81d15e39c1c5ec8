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
    X(CURRENT_KEYS, "SELECT revision,kind,space,name FROM current ORDER BY kind,space,name")       \
    X(VALUE_GET, "SELECT bytes,sum FROM value WHERE name=?")                                       \
    X(VALUE_ALL, "SELECT name,bytes,sum FROM value")                                               \
    X(VALUE_PUT, "INSERT OR REPLACE INTO value VALUES(?,?,?)")                                     \
    X(VALUE_DROP, "DELETE FROM value WHERE name=?")                                                \
    X(VALUE_FROM, "SELECT name,bytes FROM value WHERE name>=? ORDER BY name")                      \
    X(BLOB_FIND, "SELECT id,size FROM blob WHERE digest=?")                                        \
    X(BLOB_ADD, "INSERT INTO blob(digest,size,wall) VALUES(?,?,?)")                                \
    X(BLOB_DROP, "DELETE FROM blob WHERE id=?")                                                    \
    X(BLOB_ALL, "SELECT digest,size,wall FROM blob ORDER BY digest")                               \
    X(PAGES, "PRAGMA page_count")                                                                  \
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
    struct store_db *db;
};

struct store_memory;

/*
 * The connection to the database and what belongs to it. One thread uses it at a time:
 * the store's own while it works, the loop's otherwise (worker.c).
 */
struct store_db {
    sqlite3_vfs *vfs;
    sqlite3 *sqlite;                                 /* owned */
    sqlite3_stmt *statements[STORE_STATEMENT_COUNT]; /* owned */
    char *path;                                      /* owned */
    struct store_options options;
    bool staged, read_only;      /* `staged`: a transaction is open */
    struct err failure;          /* of the transaction: kept until the commit tells it */
    int64_t revision, compacted; /* with what is staged */
    int64_t durable_revision, durable_compacted;
    int64_t log_bytes, durable_log_bytes; /* of superseded rows; since the start, until */
    bool log_counted;                     /* those of before are counted */
    int64_t rows, durable_rows;           /* -1: not counted yet */
    int64_t blobs, durable_blobs;
    int64_t page_size;
    int wal_pages;
    int64_t commits, fsyncs;
    struct err last;    /* what the last commit ended with */
    struct err damaged; /* found while reading: nothing is written any more */
    store_trouble_fn *trouble;
    void *trouble_arg;
    bool counted; /* the transaction has a write that has no revision */

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

struct store_worker;

struct store {
    struct store_db db;
    struct store_worker *worker; /* owned; NULL: everything runs inline */
    store_trouble_fn *trouble;
    void *trouble_arg;
};

/*
 * The files of the module from bottom to top; each calls only those before it.
 */

/* ---- statement.c */

/* Turns SQLite's answer into ours; -1. */
int store_failed(struct store_db *db, int code, struct err *err);
/* A ready statement, reset and without bindings. */
sqlite3_stmt *store_statement(struct store_db *db, enum store_statement which);
/* Begins the transaction if there is none; false if it has failed already. */
bool store_db_begin(struct store_db *db);
/* Runs a statement that gives no rows; a failure stays with the transaction. */
bool store_run(struct store_db *db, sqlite3_stmt *statement);
int64_t store_number(struct store_db *db, const char *sql);
int store_run_text(struct store_db *db, const char *sql, struct err *err);
/* What was read is damaged: told, and kept so that nothing is built on it. */
void store_db_damaged(struct store_db *db, const struct err *err);
void store_db_trouble(struct store_db *db);
/* A checksum, carried on from `seed`; it finds accidents, not forgery. */
int64_t store_sum(int64_t seed, const void *bytes, size_t len);
int64_t store_sum_number(int64_t seed, int64_t number);

/* ---- values.c: named values; each as the verb of store.h without `_db` */

void store_db_value_put(struct store_db *db, const char *name, const void *bytes, size_t len);
void *store_db_value_get(struct store_db *db, const char *name, size_t *ret_len);
void store_db_value_delete(struct store_db *db, const char *name);
void store_db_value_each(struct store_db *db, const char *prefix, store_value_fn *each, void *arg);
void store_db_value_put_int(struct store_db *db, const char *name, int64_t value);
int64_t store_db_value_get_int(struct store_db *db, const char *name);
int64_t store_value_sum(const char *name, const void *bytes, size_t len);

/* ---- side.c: files beside the database, by the same VFS */

sqlite3_file *store_side_open(const struct store_db *db, const char *suffix, int flags);
void store_side_close(sqlite3_file **file);
#define scoped_side SCOPED(store_side_close)
/* -1: there is none. 0 also for one that cannot be read. */
int64_t store_side_size(const struct store_db *db, const char *suffix);
void store_side_remove(const struct store_db *db, const char *suffix);

/* ---- note.c: what was acknowledged, beside the database */

/* False if there is no note, or none that can be read (told). */
bool store_note_read(const struct store_db *db, struct store_mark *ret);
/* Why `mark` of the database falls short of `note`; NONE: it does not. */
enum store_loss { STORE_LOSS_NONE, STORE_LOSS_OTHER, STORE_LOSS_OLDER };
enum store_loss store_note_compare(const struct store_mark *mark, const struct store_mark *note);
int store_note_refuse(const struct store_db *db, const struct store_mark *note, struct err *err);
int store_note_refuse_empty(const struct store_db *db, const struct store_mark *note,
                            struct err *err);
void store_note_open(struct store_db *db);
void store_note_write(struct store_db *db);

/* ---- commit.c */

/* Makes the transaction durable, or drops it and fails. Nothing to do is well. */
int store_db_commit(struct store_db *db, struct err *err) MUST_CHECK;
/* Empties the write-ahead log into the database, if that is worth while. */
void store_db_checkpoint(struct store_db *db);
/* The same if the log has become so long that it cannot wait for a quiet moment. */
void store_db_relieve(struct store_db *db);
/* Forgets the transaction; what it staged is as if it had never been. */
void store_db_rollback(struct store_db *db);
/* So many bytes of superseded rows are there, staged ones included. */
void store_db_count_log(struct store_db *db, int64_t bytes);
/* What is staged now counts as durable. */
void store_db_remember(struct store_db *db);

/* ---- tables.c: the schema, older forms of it, and whether its pages are whole */

int store_tables_open(struct store_db *db, bool lost, struct err *err) MUST_CHECK;

/* ---- rows.c */

int64_t store_db_put(struct store_db *db, const struct store_key *key, const void *body,
                     size_t len);
int64_t store_db_delete(struct store_db *db, const struct store_key *key, const void *body,
                        size_t len);
void store_db_forget(struct store_db *db, const struct store_key *key);
void store_db_skip_revisions(struct store_db *db, int64_t count);
int store_db_each(struct store_db *db, store_each_fn *each, void *arg, struct err *err) MUST_CHECK;
int store_db_changes(struct store_db *db, int64_t since, store_each_fn *each, void *arg,
                     struct err *err) MUST_CHECK;
int store_db_load(struct store_db *db, store_each_fn *each, void *arg, struct err *err) MUST_CHECK;
bool store_db_compact(struct store_db *db);
/* Gives up rows that are damaged (told); how many. */
int store_rows_salvage(struct store_db *db, struct err *err) MUST_CHECK;
/* Stages that the log of changes begins at the newest revision. */
void store_db_drop_log(struct store_db *db);

/* ---- blobs.c */

void store_db_blob_put(struct store_db *db, const char *digest, const void *bytes, size_t len);
int64_t store_db_blob_size(struct store_db *db, const char *digest);
int64_t store_db_blob_read(struct store_db *db, const char *digest, int64_t offset, void *into,
                           size_t len, struct err *err);
void store_db_blob_delete(struct store_db *db, const char *digest);
void store_db_blob_each(struct store_db *db, store_blob_fn *each, void *arg);

/* ---- backup.c */

int store_db_backup(struct store_db *db, const char *path, struct err *err) MUST_CHECK;

/* ---- copy.c: a database whose disk cannot be written */

/* Reads the files into memory, from where the store goes on; `empty`: none of them. */
int store_copy_open(struct store_db *db, bool empty, struct err *err) MUST_CHECK;
void store_copy_close(struct store_db *db);

/* ---- reserve.c: room for the time when the disk is full */

void store_reserve_open(struct store_db *db);
void store_db_make_room(struct store_db *db);

/* ---- open.c */

/* `db` is zeroed; closed by the caller in any case. */
int store_db_open(struct store_db *db, const char *path, const struct store_options *options,
                  struct err *err) MUST_CHECK;
void store_db_close(struct store_db *db);
/* `rows` and `blobs` are -1 until they are counted. */
void store_db_facts(struct store_db *db, struct store_facts *ret);
void store_db_count(struct store_db *db);

/* ---- op.c: one write that waits for the store's thread */

enum store_op_kind {
    STORE_OP_PUT,
    STORE_OP_DELETE,
    STORE_OP_VALUE_PUT,
    STORE_OP_VALUE_DELETE,
    STORE_OP_BLOB_PUT,
    STORE_OP_BLOB_DELETE,
};

/* In one allocation with its strings and bytes. */
struct store_op {
    struct store_op *next;
    enum store_op_kind kind;
    int64_t revision;     /* that a row was given; 0: of a value or blob */
    struct store_key key; /* of a row; of a value or blob, `name` only */
    const char *bytes;
    size_t len;
    bool applied;     /* it is in the open transaction already */
    bool was_there;   /* the name, before this was staged, */
    int64_t was_size; /* and of which size */
};

struct store_ops {
    struct store_op *first, **end;
};

struct store_op *store_op_new(enum store_op_kind kind, int64_t revision,
                              const struct store_key *key, const void *bytes, size_t len)
    __attribute__((returns_nonnull));
void store_op_apply(struct store_db *db, const struct store_op *op);
void store_ops_add(struct store_ops *ops, struct store_op *op);
/* Moves all of `from` to the end of `ops`. */
void store_ops_join(struct store_ops *ops, struct store_ops *from);
/* Takes the first one out; NULL: there is none. */
struct store_op *store_ops_take(struct store_ops *ops);

/* ---- names.c: the values and blobs that there are, staged ones included */

/* What is known of one of them without asking the database. */
struct store_name {
    int64_t size;        /* of a blob */
    struct store_op *op; /* NULL: its bytes are in the database */
    bool kept;           /* the operation is done; it is kept for its bytes (owned) */
};

struct store_names {
    struct map *values, *blobs;
    size_t kept; /* bytes of values that are in the database as well */
};

/* Reads all names from the database, in which nothing is staged; what was known before is
   dropped. */
void store_names_read(struct store_names *names, struct store_db *db);
void store_names_free(struct store_names *names);
const struct store_name *store_names_value(const struct store_names *names, const char *name);
const struct store_name *store_names_blob(const struct store_names *names, const char *digest);
/* The operation is staged. */
void store_names_stage(struct store_names *names, struct store_op *op);
/* Its commit has failed: the name is what it was before. The newest one comes first. Frees it. */
void store_names_undo(struct store_names *names, struct store_op *op);
/* It is in the database. Frees it, or keeps it. */
void store_names_finish(struct store_names *names, struct store_op *op);

/* ---- worker.c: the thread that commits */

/* What the thread has told last. */
struct store_seen {
    struct store_facts facts;
    struct err health;
    bool full;
};

/* The store is open already, and nothing is staged. */
int store_worker_start(struct store *store, struct loop *loop, struct err *err) MUST_CHECK;
/* Commits what was asked for, drops what is only staged; no callback follows. */
void store_worker_stop(struct store *store);
/* Stages an operation; returns its revision, 0 for a value or blob. */
int64_t store_worker_stage(struct store *store, enum store_op_kind kind,
                           const struct store_key *key, const void *bytes, size_t len);
bool store_worker_is_staged(const struct store *store);
void store_worker_commit(struct store *store, store_done_fn *done, void *arg);
bool store_worker_compact(struct store *store);
void store_worker_make_room(struct store *store);
/* Waits until the thread is at nothing, so that the database can be read. */
void store_worker_wait(struct store *store);
/* Waits for all that was asked for, and calls back. */
void store_worker_finish(struct store *store);
/* As store_worker_wait(), but not for long; false if the thread is still at work. */
bool store_worker_wait_briefly(struct store *store);
/*
 * As store_worker_wait(), and what is staged is in the open transaction, so that all of it can be
 * walked. What the caller writes there itself is told by store_worker_wrote().
 */
void store_worker_settle(struct store *store);
void store_worker_wrote(struct store *store);
const struct store_names *store_worker_names(const struct store *store);
const struct store_seen *store_worker_seen(const struct store *store);
int64_t store_worker_revision(const struct store *store);
/* How many bytes wait for a slow commit, if that is too many; otherwise 0. */
int64_t store_worker_backlog(const struct store *store);
/* The database is in trouble, in whichever thread that was noticed. */
void store_worker_trouble(void *store);

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
