/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps named values: the epoch, ticket keys, counters. */

#include "store/internal.h"

#include <string.h>

int64_t store_value_sum(const char *name, const void *bytes, size_t len)
{
    return store_sum(store_sum(1, name, strlen(name) + 1), bytes, len);
}

void store_db_value_put(struct store_db *db, const char *name, const void *bytes, size_t len)
{
    sqlite3_stmt *put;

    if (!store_db_begin(db))
        return;
    put = store_statement(db, STORE_VALUE_PUT);
    sqlite3_bind_text(put, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(put, 2, bytes ? bytes : "", len, SQLITE_STATIC);
    sqlite3_bind_int64(put, 3, store_value_sum(name, bytes, len));
    store_run(db, put);
    db->counted = true;
}

/* The copy is the caller's, ended with a NUL that does not count. */
void *store_db_value_get(struct store_db *db, const char *name, size_t *ret_len)
{
    scoped_rows sqlite3_stmt *get = store_statement(db, STORE_VALUE_GET);
    size_t len;
    char *copy;

    struct err err;
    int code;

    sqlite3_bind_text(get, 1, name, -1, SQLITE_STATIC);
    code = sqlite3_step(get);
    if (code != SQLITE_ROW) {
        if (code != SQLITE_DONE && store_failed(db, code, &err) < 0)
            store_db_damaged(db, &err);
        return NULL;
    }
    len = (size_t)sqlite3_column_bytes(get, 0);
    if (store_value_sum(name, sqlite3_column_blob(get, 0), len) != sqlite3_column_int64(get, 1)) {
        err_set(&err, ERR_INTERNAL,
                "%s is damaged: the checksum of the value \"%s\" "
                "does not fit its bytes; restore a backup",
                db->path, name);
        store_db_damaged(db, &err);
        return NULL;
    }
    copy = mem_alloc(len + 1);
    if (len)
        memcpy(copy, sqlite3_column_blob(get, 0), len);
    if (ret_len)
        *ret_len = len;
    return copy;
}

void store_db_value_delete(struct store_db *db, const char *name)
{
    sqlite3_stmt *drop;

    if (!store_db_begin(db))
        return;
    drop = store_statement(db, STORE_VALUE_DROP);
    sqlite3_bind_text(drop, 1, name, -1, SQLITE_STATIC);
    store_run(db, drop);
    db->counted = true;
}

void store_db_value_each(struct store_db *db, const char *prefix, store_value_fn *each, void *arg)
{
    scoped_rows sqlite3_stmt *rows = store_statement(db, STORE_VALUE_FROM);
    size_t len = strlen(prefix);

    sqlite3_bind_text(rows, 1, prefix, -1, SQLITE_STATIC);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(rows, 0);

        if (!name || strncmp(name, prefix, len))
            return;
        each(arg, name, sqlite3_column_blob(rows, 1), (size_t)sqlite3_column_bytes(rows, 1));
    }
}

void store_db_value_put_int(struct store_db *db, const char *name, int64_t value)
{
    store_db_value_put(db, name, &value, sizeof(value));
}

int64_t store_db_value_get_int(struct store_db *db, const char *name)
{
    size_t len = 0;
    scoped_mem void *bytes = store_db_value_get(db, name, &len);
    int64_t value = 0;

    if (bytes && len == sizeof(value))
        memcpy(&value, bytes, sizeof(value));
    return value;
}
