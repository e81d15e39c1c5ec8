/* SPDX-License-Identifier: Apache-2.0 */
/* Writes rows at the end of the history, walks it, and trims its beginning. */

#include "store/internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int64_t sum_of_row(const struct store_key *key, int64_t revision, int64_t what, int64_t wall,
                          const void *body, size_t len)
{
    int64_t sum = store_sum(revision, key->kind, strlen(key->kind) + 1);

    sum = store_sum(sum, key->namespace, strlen(key->namespace) + 1);
    sum = store_sum(sum, key->name, strlen(key->name) + 1);
    sum = store_sum(sum, body, len);
    return store_sum_number(store_sum_number(sum, what), wall);
}

static void bind_key(sqlite3_stmt *statement, int first, const struct store_key *key)
{
    sqlite3_bind_text(statement, first, key->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, first + 1, key->namespace, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, first + 2, key->name, -1, SQLITE_STATIC);
}

/* The row that the next write replaces becomes log, or goes if the log has
   passed it. False if there is none. */
static bool supersede_row(struct store_db *db, const struct store_key *key)
{
    sqlite3_stmt *get = store_statement(db, STORE_CURRENT_GET);
    int64_t revision = 0, bytes = 0;
    int code;

    bind_key(get, 1, key);
    code = sqlite3_step(get);
    if (code == SQLITE_ROW) {
        revision = sqlite3_column_int64(get, 0);
        bytes = sqlite3_column_int64(get, 1);
    } else if (code != SQLITE_DONE) {
        store_failed(db, code, &db->failure);
    }
    sqlite3_reset(get);
    if (!revision)
        return false;
    if (revision > db->compacted) {
        db->log_bytes += bytes;
        return true;
    }
    get = store_statement(db, STORE_HISTORY_DROP);
    sqlite3_bind_int64(get, 1, revision);
    store_run(db, get);
    return true;
}

static bool add_history(struct store_db *db, const struct store_key *key, enum store_what what,
                        const void *body, size_t len)
{
    sqlite3_stmt *add = store_statement(db, STORE_HISTORY_ADD);
    int64_t wall = clock_wall();

    db->staged_bytes += (int64_t)len;
    sqlite3_bind_int64(add, 1, db->revision);
    bind_key(add, 2, key);
    sqlite3_bind_int(add, 5, (int)what);
    sqlite3_bind_int64(add, 6, wall);
    sqlite3_bind_int64(add, 7, sum_of_row(key, db->revision, what, wall, body, len));
    sqlite3_bind_blob64(add, 8, body ? body : "", len, SQLITE_STATIC);
    return store_run(db, add);
}

/* Only when they were counted once (store_db_facts). */
static void count_row(struct store_db *db, int64_t more)
{
    if (db->rows >= 0)
        db->rows += more;
}

int64_t store_db_put(struct store_db *db, const struct store_key *key, const void *body, size_t len)
{
    enum store_what what;
    sqlite3_stmt *put;

    db->revision++;
    if (!store_db_begin(db))
        return db->revision;
    what = supersede_row(db, key) ? STORE_CHANGED : STORE_CREATED;
    count_row(db, what == STORE_CREATED ? 1 : 0);
    if (!add_history(db, key, what, body, len))
        return db->revision;
    put = store_statement(db, STORE_CURRENT_PUT);
    bind_key(put, 1, key);
    sqlite3_bind_int64(put, 4, db->revision);
    store_run(db, put);
    return db->revision;
}

int64_t store_db_delete(struct store_db *db, const struct store_key *key, const void *body,
                        size_t len)
{
    sqlite3_stmt *drop;

    db->revision++;
    if (!store_db_begin(db))
        return db->revision;
    count_row(db, supersede_row(db, key) ? -1 : 0);
    if (!add_history(db, key, STORE_DELETED, body, len))
        return db->revision;
    db->log_bytes += (int64_t)len;
    drop = store_statement(db, STORE_CURRENT_DROP);
    bind_key(drop, 1, key);
    store_run(db, drop);
    return db->revision;
}

void store_db_skip_revisions(struct store_db *db, int64_t count)
{
    assert(count >= 0);
    db->revision += count;
    store_db_value_put_int(db, "store.revision", db->revision);
}

/* ---- Walking ------------------------------------------------------------ */

/* Reads a row, and fails for one that is not as it was written. */
static int read_store_row(struct store_db *db, sqlite3_stmt *rows, struct store_row *ret,
                          struct err *err)
{
    struct store_row row = {
        .key = {.kind = (const char *)sqlite3_column_text(rows, 1),
                .namespace = (const char *)sqlite3_column_text(rows, 2),
                .name = (const char *)sqlite3_column_text(rows, 3)},
        .revision = sqlite3_column_int64(rows, 0),
        .created = sqlite3_column_int(rows, 4) == STORE_CREATED,
        .deleted = sqlite3_column_int(rows, 4) == STORE_DELETED,
        .wall = sqlite3_column_int64(rows, 5),
        .body = sqlite3_column_blob(rows, 7),
        .len = (size_t)sqlite3_column_bytes(rows, 7),
    };
    const struct store_key *key = &row.key;

    *ret = row;
    if (key->kind && key->namespace && key->name &&
        sum_of_row(key, row.revision, sqlite3_column_int64(rows, 4), row.wall, row.body, row.len) ==
            sqlite3_column_int64(rows, 6))
        return 0;
    return err_set(err, ERR_INTERNAL,
                   "%s is damaged: the checksum of %s %s/%s at revision "
                   "%lld does not fit its bytes; restore a backup",
                   db->path, key->kind ? key->kind : "", key->namespace ? key->namespace : "",
                   key->name ? key->name : "", (long long)row.revision);
}

static int give_row(struct store_db *db, sqlite3_stmt *rows, store_each_fn *each, void *arg,
                    struct err *err)
{
    struct store_row row;

    return read_store_row(db, rows, &row, err) < 0 ? -1 : each(arg, &row, err);
}

/* Returns how many there are. */
static int64_t walk_rows(struct store_db *db, sqlite3_stmt *rows, store_each_fn *each, void *arg,
                         struct err *err)
{
    int64_t count = 0;
    int code;

    for (; (code = sqlite3_step(rows)) == SQLITE_ROW; count++)
        if (give_row(db, rows, each, arg, err) < 0)
            return -1;
    return code == SQLITE_DONE ? count : store_failed(db, code, err);
}

static void note_row_count(struct store_db *db, int64_t count)
{
    db->rows = count;
    if (!db->staged)
        db->durable_rows = count;
}

int store_db_each(struct store_db *db, store_each_fn *each, void *arg, struct err *err)
{
    scoped_rows sqlite3_stmt *rows = store_statement(db, STORE_CURRENT_ALL);
    int64_t count = walk_rows(db, rows, each, arg, err);

    if (count < 0)
        return -1;
    note_row_count(db, count);
    return 0;
}

int store_db_changes(struct store_db *db, int64_t since, store_each_fn *each, void *arg,
                     struct err *err)
{
    scoped_rows sqlite3_stmt *rows = store_statement(db, STORE_HISTORY_SINCE);

    if (since < db->compacted)
        return err_set(err, ERR_GONE, "too old resource version: %lld (%lld)", (long long)since,
                       (long long)db->compacted);
    sqlite3_bind_int64(rows, 1, since);
    return walk_rows(db, rows, each, arg, err) < 0 ? -1 : 0;
}

/* ---- Loading -------------------------------------------------------------- */

/* One of the rows as they are now, as its key is read from `current`. */
struct current_row {
    int64_t revision, place, sum; /* `sum` is of the key */
};

struct current_rows {
    struct current_row *rows; /* owned; in order of revision */
    size_t count, room, at;
};

static int64_t sum_of_key(const struct store_key *key)
{
    int64_t sum = store_sum(1, key->kind, strlen(key->kind));

    sum = store_sum(sum, key->namespace, strlen(key->namespace));
    return store_sum(sum, key->name, strlen(key->name));
}

static int by_revision(const void *a, const void *b)
{
    const struct current_row *left = a, *right = b;

    return left->revision < right->revision ? -1 : left->revision > right->revision;
}

static int read_current_rows(struct store_db *db, struct current_rows *ret, struct err *err)
{
    scoped_rows sqlite3_stmt *keys = store_statement(db, STORE_CURRENT_KEYS);
    int code;

    while ((code = sqlite3_step(keys)) == SQLITE_ROW) {
        struct store_key key = {(const char *)sqlite3_column_text(keys, 1),
                                (const char *)sqlite3_column_text(keys, 2),
                                (const char *)sqlite3_column_text(keys, 3)};
        bool whole = key.kind && key.namespace && key.name;

        if (ret->count == ret->room) {
            ret->room = ret->room ? ret->room * 2 : 256;
            ret->rows = mem_resize_array(ret->rows, ret->room, sizeof *ret->rows);
        }
        ret->rows[ret->count] = (struct current_row){
            sqlite3_column_int64(keys, 0), (int64_t)ret->count, whole ? sum_of_key(&key) : 0};
        ret->count++;
    }
    if (code != SQLITE_DONE)
        return store_failed(db, code, err);
    if (ret->count)
        qsort(ret->rows, ret->count, sizeof *ret->rows, by_revision);
    return 0;
}

static int miss_row(const struct store_db *db, int64_t revision, struct err *err)
{
    return err_set(err, ERR_INTERNAL,
                   "%s is damaged: the row of revision %lld, which should be there, is missing or "
                   "another one; restore a backup",
                   db->path, (long long)revision);
}

/* Sets the place of a row of the history; 0 if it is neither current nor of the log. */
static int find_place(const struct store_db *db, struct current_rows *current,
                      struct store_row *row, struct err *err)
{
    const struct current_row *next = current->rows + current->at;
    bool more = current->at < current->count;

    row->place = -1;
    if (more && next->revision < row->revision)
        return miss_row(db, next->revision, err);
    if (!more || next->revision > row->revision)
        return row->revision > db->compacted;
    if (row->deleted || next->sum != sum_of_key(&row->key))
        return miss_row(db, row->revision, err);
    row->place = next->place;
    current->at++;
    return 1;
}

static int load_history_row(struct store_db *db, sqlite3_stmt *history,
                            struct current_rows *current, store_each_fn *each, void *arg,
                            struct err *err)
{
    struct store_row row;
    int wanted;

    if (read_store_row(db, history, &row, err) < 0)
        return -1;
    wanted = find_place(db, current, &row, err);
    return wanted > 0 ? each(arg, &row, err) : wanted;
}

/* One walk in order of revision reads each page once; one in order of key, as store_each(),
   reads a page for each row. */
static int load_history(struct store_db *db, struct current_rows *current, store_each_fn *each,
                        void *arg, struct err *err)
{
    scoped_rows sqlite3_stmt *history = store_statement(db, STORE_HISTORY_SINCE);
    int64_t log_bytes = 0;
    size_t found;
    int code;

    sqlite3_bind_int64(history, 1, INT64_MIN);
    while ((code = sqlite3_step(history)) == SQLITE_ROW) {
        int64_t bytes = sqlite3_column_bytes(history, 7);

        found = current->at;
        if (load_history_row(db, history, current, each, arg, err) < 0)
            return -1;
        log_bytes += current->at == found ? bytes : 0;
    }
    if (code != SQLITE_DONE)
        return store_failed(db, code, err);
    if (current->at < current->count)
        return miss_row(db, current->rows[current->at].revision, err);
    store_db_count_log(db, log_bytes);
    return 0;
}

int store_db_load(struct store_db *db, store_each_fn *each, void *arg, struct err *err)
{
    struct current_rows current = {0};
    int failed =
        read_current_rows(db, &current, err) < 0 || load_history(db, &current, each, arg, err) < 0;

    if (!failed)
        note_row_count(db, (int64_t)current.count);
    mem_free(&current.rows);
    return failed ? -1 : 0;
}

/* ---- Giving up ---------------------------------------------------------- */

void store_db_drop_log(struct store_db *db)
{
    struct err err = {0};

    if (!store_db_begin(db))
        return;
    db->compacted = db->revision;
    db->log_bytes = 0;
    db->log_counted = true;
    store_db_value_put_int(db, "store.compacted", db->compacted);
    if (store_run_text(db,
                       "DELETE FROM history WHERE revision NOT IN "
                       "(SELECT revision FROM current)",
                       &err) < 0)
        db->failure = err;
}

void store_db_forget(struct store_db *db, const struct store_key *key)
{
    sqlite3_stmt *drop;

    if (!store_db_begin(db))
        return;
    drop = store_statement(db, STORE_CURRENT_DROP);
    bind_key(drop, 1, key);
    store_run(db, drop);
    db->rows = -1;
    store_db_drop_log(db);
    /* Nothing in the log says any more which revision was the newest. */
    store_db_skip_revisions(db, 0);
}

/* Each statement reads rows whose key is its own. */
static int salvage_from(struct store_db *db, enum store_statement which, bool current,
                        struct err *err)
{
    sqlite3_stmt *rows = store_statement(db, which);
    int found = 0, code;

    if (!current)
        sqlite3_bind_int64(rows, 1, db->compacted);
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        struct store_row row;
        struct err why = {0};
        sqlite3_stmt *drop = store_statement(db, STORE_CURRENT_DROP);

        if (read_store_row(db, rows, &row, &why) == 0)
            continue;
        log_error("store", "%s; it is given up, as its loss is accepted", why.text);
        found++;
        if (!current || !store_db_begin(db) || !row.key.name)
            continue;
        bind_key(drop, 1, &row.key);
        store_run(db, drop);
    }
    sqlite3_reset(rows);
    return code == SQLITE_DONE ? found : store_failed(db, code, err);
}

int store_rows_salvage(struct store_db *db, struct err *err)
{
    int found = salvage_from(db, STORE_CURRENT_ALL, true, err);
    int more = found < 0 ? -1 : salvage_from(db, STORE_HISTORY_SINCE, false, err);

    return more < 0 ? -1 : found + more;
}

/* ---- Trimming ----------------------------------------------------------- */

/* Moves the log's beginning over at most one slice of rows; true if it moved
   as far as it could see. */
static bool trim_slice(struct store_db *db, int64_t before_wall)
{
    int64_t drop[256], count = 0, seen = 0;
    sqlite3_stmt *rows = store_statement(db, STORE_HISTORY_SLICE);

    sqlite3_bind_int64(rows, 1, db->compacted);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        int64_t revision = sqlite3_column_int64(rows, 0);
        int64_t bytes = sqlite3_column_int64(rows, 2);
        bool current = sqlite3_column_int(rows, 3) != 0;
        bool old = sqlite3_column_int64(rows, 1) < before_wall;
        bool large = db->full ||
                     (db->options.history_bytes > 0 && db->log_bytes > db->options.history_bytes);

        /* The newest row stays, so that the counter can be read from it. */
        if ((!old && !large) || revision >= db->durable_revision)
            break;
        seen++;
        db->compacted = revision;
        if (current)
            continue;
        drop[count++] = revision;
        db->log_bytes -= bytes;
    }
    sqlite3_reset(rows);
    for (int64_t i = 0; i < count; i++) {
        rows = store_statement(db, STORE_HISTORY_DROP);
        sqlite3_bind_int64(rows, 1, drop[i]);
        store_run(db, rows);
    }
    return seen == 256;
}

bool store_db_compact(struct store_db *db)
{
    int64_t age = db->options.history_age;
    int64_t before = age > 0 ? clock_wall() - age : INT64_MIN;
    struct err unwanted;
    bool more, failed = false;

    if (db->staged)
        return true;
    if (!db->log_counted)
        store_db_count_log(
            db, store_number(db, "SELECT sum(length(body)) FROM history WHERE revision NOT IN "
                                 "(SELECT revision FROM current)"));
    if (!store_db_begin(db))
        return false;
    more = trim_slice(db, before);
    if (db->compacted == db->durable_compacted) {
        store_db_rollback(db);
    } else {
        store_db_value_put_int(db, "store.compacted", db->compacted);
        db->counted = false; /* no client was told of it */
        failed = store_db_commit(db, &unwanted) < 0;
        if (!failed)
            sqlite3_exec(db->sqlite, "PRAGMA incremental_vacuum(512)", NULL, NULL, NULL);
    }
    store_db_checkpoint(db);
    return more && !failed;
}
