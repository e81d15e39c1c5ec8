/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps blobs in rows of one mebibyte, and named values; copies the whole. */

#include "store/internal.h"

#include "base/clock.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int64_t find_blob(struct store_db *db, const char *digest, int64_t *ret_size)
{
    scoped_rows sqlite3_stmt *find = store_statement(db, STORE_BLOB_FIND);

    struct err err;
    int code;

    sqlite3_bind_text(find, 1, digest, -1, SQLITE_STATIC);
    code = sqlite3_step(find);
    if (code != SQLITE_ROW && code != SQLITE_DONE && store_failed(db, code, &err) < 0)
        store_db_damaged(db, &err);
    if (code != SQLITE_ROW)
        return -1;
    *ret_size = sqlite3_column_int64(find, 1);
    return sqlite3_column_int64(find, 0);
}

static void add_parts(struct store_db *db, int64_t id, const char *bytes, size_t len)
{
    for (size_t at = 0, number = 0; at < len; at += STORE_PART, number++) {
        size_t size = len - at < STORE_PART ? len - at : STORE_PART;
        int64_t part = (id << STORE_PARTS) + (int64_t)number;
        sqlite3_stmt *add = store_statement(db, STORE_PART_ADD);

        sqlite3_bind_int64(add, 1, part);
        sqlite3_bind_int64(add, 2, store_sum(part, bytes + at, size));
        sqlite3_bind_blob64(add, 3, bytes + at, size, SQLITE_STATIC);
        if (!store_run(db, add))
            return;
    }
}

void store_db_blob_put(struct store_db *db, const char *digest, const void *bytes, size_t len)
{
    int64_t size;
    sqlite3_stmt *add;

    if (find_blob(db, digest, &size) >= 0 || !store_db_begin(db))
        return;
    add = store_statement(db, STORE_BLOB_ADD);
    sqlite3_bind_text(add, 1, digest, -1, SQLITE_STATIC);
    sqlite3_bind_int64(add, 2, (int64_t)len);
    sqlite3_bind_int64(add, 3, clock_wall());
    db->counted = true;
    db->staged_bytes += (int64_t)len;
    if (db->blobs >= 0)
        db->blobs++;
    if (store_run(db, add))
        add_parts(db, sqlite3_last_insert_rowid(db->sqlite), bytes, len);
}

int64_t store_db_blob_size(struct store_db *db, const char *digest)
{
    int64_t size;

    return find_blob(db, digest, &size) < 0 ? -1 : size;
}

/* Copies from one part and returns how many bytes, -1 on failure. */
static int64_t read_blob_part(struct store_db *db, int64_t part, size_t skip, void *into,
                              size_t len, struct err *err)
{
    scoped_rows sqlite3_stmt *get = store_statement(db, STORE_PART_GET);
    const char *bytes;
    size_t size;
    int code;

    sqlite3_bind_int64(get, 1, part);
    code = sqlite3_step(get);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return store_failed(db, code, err);
    bytes = code == SQLITE_ROW ? sqlite3_column_blob(get, 0) : NULL;
    size = code == SQLITE_ROW ? (size_t)sqlite3_column_bytes(get, 0) : 0;
    if (size <= skip || store_sum(part, bytes, size) != sqlite3_column_int64(get, 1))
        return err_set(err, ERR_INTERNAL,
                       "%s is damaged: part %lld of a blob does not fit its "
                       "checksum",
                       db->path, (long long)part);
    if (len > size - skip)
        len = size - skip;
    memcpy(into, bytes + skip, len);
    return (int64_t)len;
}

int64_t store_db_blob_read(struct store_db *db, const char *digest, int64_t offset, void *into,
                           size_t len, struct err *err)
{
    int64_t size, id = find_blob(db, digest, &size), done = 0;

    if (id < 0)
        return err_set(err, ERR_NOT_FOUND, "blob %s is not here", digest);
    if (offset < 0 || offset >= size)
        return 0;
    if ((int64_t)len > size - offset)
        len = (size_t)(size - offset);
    while (done < (int64_t)len) {
        int64_t at = offset + done;
        int64_t got =
            read_blob_part(db, (id << STORE_PARTS) + at / (int64_t)STORE_PART,
                           (size_t)at % STORE_PART, (char *)into + done, len - (size_t)done, err);
        if (got < 0)
            return -1;
        done += got;
    }
    return done;
}

void store_db_blob_delete(struct store_db *db, const char *digest)
{
    int64_t size, id = find_blob(db, digest, &size);
    sqlite3_stmt *drop;

    if (id < 0 || !store_db_begin(db))
        return;
    db->counted = true;
    if (db->blobs >= 0)
        db->blobs--;
    drop = store_statement(db, STORE_PART_DROP);
    sqlite3_bind_int64(drop, 1, id << STORE_PARTS);
    sqlite3_bind_int64(drop, 2, ((id + 1) << STORE_PARTS) - 1);
    store_run(db, drop);
    drop = store_statement(db, STORE_BLOB_DROP);
    sqlite3_bind_int64(drop, 1, id);
    store_run(db, drop);
}

void store_db_blob_each(struct store_db *db, store_blob_fn *each, void *arg)
{
    scoped_rows sqlite3_stmt *rows = store_statement(db, STORE_BLOB_ALL);

    while (sqlite3_step(rows) == SQLITE_ROW)
        each(arg, (const char *)sqlite3_column_text(rows, 0), sqlite3_column_int64(rows, 1),
             sqlite3_column_int64(rows, 2));
}
