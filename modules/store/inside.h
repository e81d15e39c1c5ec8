/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include "store/store.h"

#include <sqlite3.h>

/* What the files of this module share. */

#define STORE_STATEMENTS(X)                                                    \
    X(BEGIN, "BEGIN IMMEDIATE")                                                \
    X(COMMIT, "COMMIT")                                                        \
    X(HISTORY_ADD, "INSERT INTO history VALUES(?,?,?,?,?,?,?,?)")              \
    X(HISTORY_DROP, "DELETE FROM history WHERE revision=?")                    \
    X(HISTORY_SINCE,                                                           \
      "SELECT revision,kind,space,name,what,wall,sum,body FROM history "    \
      "WHERE revision>? ORDER BY revision")                                    \
    X(HISTORY_SLICE,                                                           \
      "SELECT h.revision,h.wall,length(h.body),"                               \
      "coalesce(c.revision,0)=h.revision FROM history h LEFT JOIN current c "  \
      "USING(kind,space,name) WHERE h.revision>? ORDER BY h.revision "         \
      "LIMIT 256")                                                             \
    X(CURRENT_GET,                                                             \
      "SELECT c.revision,length(h.body) FROM current c JOIN history h "        \
      "ON h.revision=c.revision WHERE c.kind=? AND c.space=? AND c.name=?")    \
    X(CURRENT_PUT, "INSERT OR REPLACE INTO current VALUES(?,?,?,?)")           \
    X(CURRENT_DROP, "DELETE FROM current WHERE kind=? AND space=? AND name=?") \
    X(CURRENT_ALL,                                                             \
      "SELECT h.revision,h.kind,h.space,h.name,h.what,h.wall,h.sum,h.body " \
      "FROM current c JOIN history h ON h.revision=c.revision "                \
      "ORDER BY c.kind,c.space,c.name")                                        \
    X(VALUE_GET, "SELECT bytes FROM value WHERE name=?")                       \
    X(VALUE_PUT, "INSERT OR REPLACE INTO value VALUES(?,?)")                   \
    X(BLOB_FIND, "SELECT id,size FROM blob WHERE digest=?")                    \
    X(BLOB_ADD, "INSERT INTO blob(digest,size,wall) VALUES(?,?,?)")            \
    X(BLOB_DROP, "DELETE FROM blob WHERE id=?")                                \
    X(BLOB_ALL, "SELECT digest,size,wall FROM blob ORDER BY digest")           \
    X(PART_ADD, "INSERT INTO part VALUES(?,?,?)")                              \
    X(PART_GET, "SELECT bytes,sum FROM part WHERE id=?")                       \
    X(PART_DROP, "DELETE FROM part WHERE id BETWEEN ? AND ?")

/* What a row of the history did. */
enum store_what { STORE_CHANGED, STORE_DELETED, STORE_CREATED };

enum store_statement {
#define X(name, sql) STORE_##name,
    STORE_STATEMENTS(X)
#undef X
    STORE_STATEMENT_COUNT
};

struct store {
    sqlite3 *db; /* owned */
    sqlite3_stmt *statements[STORE_STATEMENT_COUNT]; /* owned */
    char *path;                                      /* owned */
    struct store_options options;
    bool staged, read_only;
    struct err failure; /* of the stage: kept until the commit tells it */
    int64_t revision, compacted; /* staged state */
    int64_t durable_revision, durable_compacted;
    int64_t log_bytes, durable_log_bytes; /* of superseded rows */
    int wal_pages;
    int64_t commits, fsyncs;
};

/* Turns SQLite's answer into ours; -1. */
int store_failed(struct store *store, int code, struct err *err);
/* A ready statement, reset and without bindings. */
sqlite3_stmt *store_statement(struct store *store, enum store_statement which);
/* Opens the stage; false if it has failed already. */
bool store_stage(struct store *store);
/* Runs a statement that gives no rows; a failure stays with the stage. */
bool store_run(struct store *store, sqlite3_stmt *statement);
void store_value_put_int(struct store *store, const char *name, int64_t value);
int64_t store_value_get_int(struct store *store, const char *name);
/* A checksum, carried on from `seed`; it finds accidents, not forgery. */
int64_t store_sum(int64_t seed, const void *bytes, size_t len);
void store_checkpoint(struct store *store);

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
