/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the tables, brings older ones up to date, and checks their pages. */

#include "store/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <string.h>

#define FORMAT 2
#define CHECKED_WHOLE ((int64_t)1 << 30)

/*
 * `history` only grows at its end, which is what makes a write cheap; `current`
 * says which of its rows hold. A part's id is its blob's, shifted, plus its
 * number. `sum` covers all that a row says.
 */
static const char *const tables =
    "BEGIN;"
    "CREATE TABLE history(revision INTEGER PRIMARY KEY,kind TEXT NOT NULL,"
    "space TEXT NOT NULL,name TEXT NOT NULL,what INTEGER NOT NULL,"
    "wall INTEGER NOT NULL,sum INTEGER NOT NULL,body BLOB NOT NULL);"
    "CREATE TABLE current(kind TEXT NOT NULL,space TEXT NOT NULL,"
    "name TEXT NOT NULL,revision INTEGER NOT NULL,"
    "PRIMARY KEY(kind,space,name)) WITHOUT ROWID;"
    "CREATE TABLE value(name TEXT PRIMARY KEY,bytes BLOB NOT NULL,"
    "sum INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
    "CREATE TABLE blob(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "digest TEXT NOT NULL UNIQUE,size INTEGER NOT NULL,wall INTEGER NOT NULL);"
    "CREATE TABLE part(id INTEGER PRIMARY KEY,sum INTEGER NOT NULL,"
    "bytes BLOB NOT NULL);"
    "PRAGMA user_version=2;"
    "COMMIT;";

/* Format 1: values had no checksum, and those of rows left out `what` and `wall`. */
static const char *const from_1 = "BEGIN;"
                                  "ALTER TABLE value ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;"
                                  "UPDATE value SET sum=axle_value_sum(name,bytes);"
                                  "UPDATE history SET sum=axle_row_sum(sum,what,wall);"
                                  "PRAGMA user_version=2;"
                                  "COMMIT;";

static void value_sum(sqlite3_context *context, int count, sqlite3_value **args)
{
    sqlite3_result_int64(context, store_value_sum((const char *)sqlite3_value_text(args[0]),
                                                  sqlite3_value_blob(args[1]),
                                                  (size_t)sqlite3_value_bytes(args[1])));
}

static void sql_row_sum(sqlite3_context *context, int count, sqlite3_value **args)
{
    int64_t sum = sqlite3_value_int64(args[0]);

    sum = store_sum_number(sum, sqlite3_value_int64(args[1]));
    sqlite3_result_int64(context, store_sum_number(sum, sqlite3_value_int64(args[2])));
}

static int migrate_tables(struct store_db *db, struct err *err)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;

    sqlite3_create_function(db->sqlite, "axle_value_sum", 2, flags, NULL, value_sum, NULL, NULL);
    sqlite3_create_function(db->sqlite, "axle_row_sum", 3, flags, NULL, sql_row_sum, NULL, NULL);
    if (store_run_text(db, from_1, err) < 0) {
        sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
        return err_wrap(err, "bringing the database up to date");
    }
    log_info("store", "%s is now of format %d", db->path, FORMAT);
    return 0;
}

/* ---- Pages ------------------------------------------------------------------ */

/* The first thing that SQLite finds wrong, or "ok"; the caller frees. */
static char *check_with(struct store_db *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    char *found = NULL;
    int code = sqlite3_prepare_v2(db->sqlite, sql, -1, &statement, NULL);

    if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        found = mem_copy_string((const char *)sqlite3_column_text(statement, 0));
    else
        found = mem_copy_string(sqlite3_errmsg(db->sqlite));
    sqlite3_finalize(statement);
    return found;
}

/*
 * SQLite has no checksums of pages: what is wrong with their structure is found
 * here, what is wrong with their content by our own sums. 100 MB take a quarter
 * of a second. Of
 * a large database the parts of blobs, which are compared with their digests
 * before they are used, and free pages are left out.
 */
static int check_pages(struct store_db *db, bool has_tables, struct err *err)
{
    static const char *const whole[] = {"PRAGMA quick_check(1)", "PRAGMA integrity_check(blob)"};
    static const char *const partial[] = {
        "PRAGMA quick_check(history)", "PRAGMA quick_check(current)", "PRAGMA quick_check(value)",
        "PRAGMA integrity_check(blob)"};
    size_t count;
    int64_t began = clock_steady(),
            bytes = store_number(db, "PRAGMA page_count") * store_number(db, "PRAGMA page_size");
    bool small = bytes <= CHECKED_WHOLE;
    const char *const *checks = small ? whole : partial;

    count = !has_tables ? 1 : small ? count_of(whole) : count_of(partial);
    for (size_t i = 0; i < count; i++) {
        scoped_mem char *found = check_with(db, checks[i]);

        for (char *at = found; (at = strchr(at, '\n'));)
            *at = ' ';
        if (strcmp(found, "ok") != 0)
            return err_set(err, ERR_INTERNAL,
                           "%s is damaged (%.200s): restore a backup, or bring back a "
                           "whole copy of it. Nothing was changed",
                           db->path, found);
    }
    log_debug("store", "%s: %lld bytes checked in %lld ms", db->path, (long long)bytes,
              (long long)((clock_steady() - began) / CLOCK_MS));
    return 0;
}

/* A newer program's tables are not for us; `lost`: there must have been some. */
int store_tables_open(struct store_db *db, bool lost, struct err *err)
{
    int64_t format;

    if (store_run_text(db, "BEGIN IMMEDIATE; COMMIT", err) < 0)
        return -1;
    format = store_number(db, "PRAGMA user_version");
    if (format > FORMAT || format < 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s was written by a newer program (format %lld, this "
                       "one knows %d): start that one, or restore a backup",
                       db->path, (long long)format, FORMAT);
    if (check_pages(db, format > 0, err) < 0)
        return -1;
    if (format == 0 && store_number(db, "SELECT count(*) FROM sqlite_schema"))
        return err_set(err, ERR_UNSUPPORTED, "%s is a database, but not one of this program",
                       db->path);
    if (format == 0 && lost)
        return 1;
    if (format == 0)
        return store_run_text(db, tables, err);
    return format < FORMAT ? migrate_tables(db, err) : 0;
}
