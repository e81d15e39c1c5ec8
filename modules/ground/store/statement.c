/* SPDX-License-Identifier: Apache-2.0 */
/* Runs statements, and says in words what their failures mean. */

#include "store/internal.h"

#include "base/log.h"

#include <assert.h>
#include <string.h>

int store_failed(struct store *store, int code, struct err *err)
{
    const char *why = store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(code);

    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, ERR_CONFLICT,
                       "%s is in use by another process: stop that one, or "
                       "give this one a --data-dir of its own",
                       store->path);
    case SQLITE_FULL:
        return err_set(err, ERR_FULL, "%s cannot grow: the disk is full; nothing was written",
                       store->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(err, ERR_INTERNAL, "%s is damaged or no database (%s): restore a backup",
                       store->path, why);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return err_set(err, ERR_FORBIDDEN, "%s cannot be written: %s", store->path, why);
    default:
        return err_set(err, ERR_UNREACHABLE, "%s: the disk failed: %s (%d)", store->path, why,
                       code);
    }
}

int store_run_text(struct store *store, const char *sql, struct err *err)
{
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? 0 : store_failed(store, code, err);
}

int64_t store_number(struct store *store, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t result = 0;

    struct err err;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        result = sqlite3_column_int64(statement, 0);
    else if (code != SQLITE_DONE && store_failed(store, code, &err) < 0)
        store_found_damage(store, &err);
    sqlite3_finalize(statement);
    return result;
}

void store_on_trouble(struct store *store, store_trouble_fn *trouble, void *arg)
{
    store->trouble = trouble;
    store->trouble_arg = arg;
}

void store_tell_trouble(struct store *store)
{
    if (store->trouble)
        store->trouble(store->trouble_arg);
}

/* Only what SQLite or a checksum calls damage stops writing; a disk that fails to read may
   work again. */
void store_found_damage(struct store *store, const struct err *err)
{
    log_error("store", "%s", err->text);
    if (!store->damaged.code && err->code == ERR_INTERNAL)
        store->damaged = *err;
    store_tell_trouble(store);
}

sqlite3_stmt *store_statement(struct store *store, enum store_statement which)
{
    sqlite3_stmt *statement = store->statements[which];

    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return statement;
}

/* The first failure is kept and every later write of the stage does nothing: the commit
   reports it, and callers need not look after each write. */
bool store_run(struct store *store, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);

    if (code != SQLITE_DONE && code != SQLITE_ROW && !store->failure.code)
        store_failed(store, code, &store->failure);
    sqlite3_reset(statement);
    return !store->failure.code;
}

/* BEGIN IMMEDIATE comes with the first write, so that reads need no transaction. */
bool store_stage(struct store *store)
{
    assert(!store->read_only);
    if (store->failure.code)
        return false;
    if (store->staged)
        return true;
    store->staged = true;
    if (store->damaged.code) {
        store->failure = store->damaged;
        return false;
    }
    return store_run(store, store_statement(store, STORE_BEGIN));
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
