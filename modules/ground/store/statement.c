/* SPDX-License-Identifier: Apache-2.0 */
/* Runs statements, and says in words what their failures mean. */

#include "store/internal.h"

#include "base/log.h"

#include <assert.h>
#include <string.h>

int store_failed(struct store_db *db, int code, struct err *err)
{
    const char *why = db->sqlite ? sqlite3_errmsg(db->sqlite) : sqlite3_errstr(code);

    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, ERR_CONFLICT,
                       "%s is in use by another process: stop that one, or "
                       "give this one a --data-dir of its own",
                       db->path);
    case SQLITE_FULL:
        return err_set(err, ERR_FULL, "%s cannot grow: the disk is full; nothing was written",
                       db->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(err, ERR_INTERNAL, "%s is damaged or no database (%s): restore a backup",
                       db->path, why);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return err_set(err, ERR_FORBIDDEN, "%s cannot be written: %s", db->path, why);
    default:
        return err_set(err, ERR_UNREACHABLE, "%s: the disk failed: %s (%d)", db->path, why, code);
    }
}

int store_run_text(struct store_db *db, const char *sql, struct err *err)
{
    int code = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? 0 : store_failed(db, code, err);
}

int64_t store_number(struct store_db *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t result = 0;

    struct err err;
    int code = sqlite3_prepare_v2(db->sqlite, sql, -1, &statement, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        result = sqlite3_column_int64(statement, 0);
    else if (code != SQLITE_DONE && store_failed(db, code, &err) < 0)
        store_db_damaged(db, &err);
    sqlite3_finalize(statement);
    return result;
}

void store_db_trouble(struct store_db *db)
{
    if (db->trouble)
        db->trouble(db->trouble_arg);
}

/* Only what SQLite or a checksum calls damage stops writing; a disk that fails to read may
   work again. */
void store_db_damaged(struct store_db *db, const struct err *err)
{
    log_error("store", "%s", err->text);
    if (!db->damaged.code && err->code == ERR_INTERNAL)
        db->damaged = *err;
    store_db_trouble(db);
}

sqlite3_stmt *store_statement(struct store_db *db, enum store_statement which)
{
    sqlite3_stmt *statement = db->statements[which];

    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return statement;
}

/* The first failure is kept and every later write of the stage does nothing: the commit
   reports it, and callers need not look after each write. */
bool store_run(struct store_db *db, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);

    if (code != SQLITE_DONE && code != SQLITE_ROW && !db->failure.code)
        store_failed(db, code, &db->failure);
    sqlite3_reset(statement);
    return !db->failure.code;
}

/* BEGIN IMMEDIATE comes with the first write, so that reads need no transaction. */
bool store_db_begin(struct store_db *db)
{
    assert(!db->read_only);
    if (db->failure.code)
        return false;
    if (db->staged)
        return true;
    db->staged = true;
    if (db->damaged.code) {
        db->failure = db->damaged;
        return false;
    }
    return store_run(db, store_statement(db, STORE_BEGIN));
}

/* ---- Checksums */

/* Each step can be undone, so two bodies that differ in one word differ here. */
static uint64_t mix_sum(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 32;
}

int64_t store_sum_number(int64_t seed, int64_t number)
{
    return (int64_t)mix_sum((uint64_t)seed, (uint64_t)number);
}

int64_t store_sum(int64_t seed, const void *bytes, size_t len)
{
    uint64_t sum = mix_sum((uint64_t)seed, len), word;
    const char *at = bytes;

    for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        sum = mix_sum(sum, word);
    }
    word = 0;
    if (len)
        memcpy(&word, at, len);
    return (int64_t)mix_sum(sum, word);
}
