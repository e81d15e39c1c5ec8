/* SPDX-License-Identifier: Apache-2.0 */
/* Writes rows at the end of the history, walks it, and trims its beginning. */

#include "store/internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
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
static bool supersede_row(struct store *store, const struct store_key *key)
{
    sqlite3_stmt *get = store_statement(store, STORE_CURRENT_GET);
    int64_t revision = 0, bytes = 0;
    int code;

    bind_key(get, 1, key);
    code = sqlite3_step(get);
    if (code == SQLITE_ROW) {
        revision = sqlite3_column_int64(get, 0);
        bytes = sqlite3_column_int64(get, 1);
    } else if (code != SQLITE_DONE) {
        store_failed(store, code, &store->failure);
    }
    sqlite3_reset(get);
    if (!revision)
        return false;
    if (revision > store->compacted) {
        store->log_bytes += bytes;
        return true;
    }
    get = store_statement(store, STORE_HISTORY_DROP);
    sqlite3_bind_int64(get, 1, revision);
    store_run(store, get);
    return true;
}

static bool add_history(struct store *store, const struct store_key *key, enum store_what what,
                        const void *body, size_t len)
{
    sqlite3_stmt *add = store_statement(store, STORE_HISTORY_ADD);
    int64_t wall = clock_wall();

    store->staged_bytes += (int64_t)len;
    sqlite3_bind_int64(add, 1, store->revision);
    bind_key(add, 2, key);
    sqlite3_bind_int(add, 5, (int)what);
    sqlite3_bind_int64(add, 6, wall);
    sqlite3_bind_int64(add, 7, sum_of_row(key, store->revision, what, wall, body, len));
    sqlite3_bind_blob64(add, 8, body ? body : "", len, SQLITE_STATIC);
    return store_run(store, add);
}

int64_t store_put(struct store *store, const struct store_key *key, const void *body, size_t len)
{
    enum store_what what;
    sqlite3_stmt *put;

    store->revision++;
    if (!store_stage(store))
        return store->revision;
    what = supersede_row(store, key) ? STORE_CHANGED : STORE_CREATED;
    if (!add_history(store, key, what, body, len))
        return store->revision;
    put = store_statement(store, STORE_CURRENT_PUT);
    bind_key(put, 1, key);
    sqlite3_bind_int64(put, 4, store->revision);
    store_run(store, put);
    return store->revision;
}

int64_t store_delete(struct store *store, const struct store_key *key, const void *body, size_t len)
{
    sqlite3_stmt *drop;

    store->revision++;
    if (!store_stage(store))
        return store->revision;
    supersede_row(store, key);
    if (!add_history(store, key, STORE_DELETED, body, len))
        return store->revision;
    store->log_bytes += (int64_t)len;
    drop = store_statement(store, STORE_CURRENT_DROP);
    bind_key(drop, 1, key);
    store_run(store, drop);
    return store->revision;
}

void store_skip_revisions(struct store *store, int64_t count)
{
    assert(count >= 0);
    store->revision += count;
    store_value_put_int(store, "store.revision", store->revision);
}

/* ---- Walking ------------------------------------------------------------ */

/* Reads a row, and fails for one that is not as it was written. */
static int read_store_row(struct store *store, sqlite3_stmt *rows, struct store_row *ret,
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
                   store->path, key->kind ? key->kind : "", key->namespace ? key->namespace : "",
                   key->name ? key->name : "", (long long)row.revision);
}

static int give_row(struct store *store, sqlite3_stmt *rows, store_each_fn *each, void *arg,
                    struct err *err)
{
    struct store_row row;

    return read_store_row(store, rows, &row, err) < 0 ? -1 : each(arg, &row, err);
}

static int walk_rows(struct store *store, sqlite3_stmt *rows, store_each_fn *each, void *arg,
                     struct err *err)
{
    int code;

    while ((code = sqlite3_step(rows)) == SQLITE_ROW)
        if (give_row(store, rows, each, arg, err) < 0)
            return -1;
    return code == SQLITE_DONE ? 0 : store_failed(store, code, err);
}

int store_each(struct store *store, store_each_fn *each, void *arg, struct err *err)
{
    scoped_rows sqlite3_stmt *rows = store_statement(store, STORE_CURRENT_ALL);

    return walk_rows(store, rows, each, arg, err);
}

int store_changes(struct store *store, int64_t since, store_each_fn *each, void *arg,
                  struct err *err)
{
    scoped_rows sqlite3_stmt *rows = store_statement(store, STORE_HISTORY_SINCE);

    if (since < store->compacted)
        return err_set(err, ERR_GONE, "too old resource version: %lld (%lld)", (long long)since,
                       (long long)store->compacted);
    sqlite3_bind_int64(rows, 1, since);
    return walk_rows(store, rows, each, arg, err);
}

/* ---- Giving up ---------------------------------------------------------- */

void store_drop_log(struct store *store)
{
    struct err err = {0};

    if (!store_stage(store))
        return;
    store->compacted = store->revision;
    store->log_bytes = 0;
    store_value_put_int(store, "store.compacted", store->compacted);
    if (store_run_text(store,
                       "DELETE FROM history WHERE revision NOT IN "
                       "(SELECT revision FROM current)",
                       &err) < 0)
        store->failure = err;
}

void store_forget(struct store *store, const struct store_key *key)
{
    sqlite3_stmt *drop;

    if (!store_stage(store))
        return;
    drop = store_statement(store, STORE_CURRENT_DROP);
    bind_key(drop, 1, key);
    store_run(store, drop);
    store_drop_log(store);
}

/* Each statement reads rows whose key is its own. */
static int salvage_from(struct store *store, enum store_statement which, bool current,
                        struct err *err)
{
    sqlite3_stmt *rows = store_statement(store, which);
    int found = 0, code;

    if (!current)
        sqlite3_bind_int64(rows, 1, store->compacted);
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        struct store_row row;
        struct err why = {0};
        sqlite3_stmt *drop = store_statement(store, STORE_CURRENT_DROP);

        if (read_store_row(store, rows, &row, &why) == 0)
            continue;
        log_error("store", "%s; it is given up, as its loss is accepted", why.text);
        found++;
        if (!current || !store_stage(store) || !row.key.name)
            continue;
        bind_key(drop, 1, &row.key);
        store_run(store, drop);
    }
    sqlite3_reset(rows);
    return code == SQLITE_DONE ? found : store_failed(store, code, err);
}

int store_rows_salvage(struct store *store, struct err *err)
{
    int found = salvage_from(store, STORE_CURRENT_ALL, true, err);
    int more = found < 0 ? -1 : salvage_from(store, STORE_HISTORY_SINCE, false, err);

    return more < 0 ? -1 : found + more;
}

/* ---- Trimming ----------------------------------------------------------- */

/* Moves the log's beginning over at most one slice of rows; true if it moved
   as far as it could see. */
static bool trim_slice(struct store *store, int64_t before_wall)
{
    int64_t drop[256], count = 0, seen = 0;
    sqlite3_stmt *rows = store_statement(store, STORE_HISTORY_SLICE);

    sqlite3_bind_int64(rows, 1, store->compacted);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        int64_t revision = sqlite3_column_int64(rows, 0);
        int64_t bytes = sqlite3_column_int64(rows, 2);
        bool current = sqlite3_column_int(rows, 3) != 0;
        bool old = sqlite3_column_int64(rows, 1) < before_wall;
        bool large = store->full || (store->options.history_bytes > 0 &&
                                     store->log_bytes > store->options.history_bytes);

        /* The newest row stays, so that the counter can be read from it. */
        if ((!old && !large) || revision >= store->durable_revision)
            break;
        seen++;
        store->compacted = revision;
        if (current)
            continue;
        drop[count++] = revision;
        store->log_bytes -= bytes;
    }
    sqlite3_reset(rows);
    for (int64_t i = 0; i < count; i++) {
        rows = store_statement(store, STORE_HISTORY_DROP);
        sqlite3_bind_int64(rows, 1, drop[i]);
        store_run(store, rows);
    }
    return seen == 256;
}

static void ignore_done(void *arg, const struct err *err)
{
    *(bool *)arg = err != NULL;
}

bool store_compact(struct store *store)
{
    int64_t age = store->options.history_age;
    int64_t before = age > 0 ? clock_wall() - age : INT64_MIN;
    bool more, failed = false;

    if (store->staged)
        return true;
    if (!store_stage(store))
        return false;
    more = trim_slice(store, before);
    if (store->compacted == store->durable_compacted) {
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
        store->staged = false;
        store->failure = (struct err){0};
        store->log_bytes = store->durable_log_bytes;
    } else {
        store_value_put_int(store, "store.compacted", store->compacted);
        store->counted = false; /* no client was told of it */
        store_commit(store, ignore_done, &failed);
        if (!failed)
            sqlite3_exec(store->db, "PRAGMA incremental_vacuum(512)", NULL, NULL, NULL);
    }
    store_checkpoint(store);
    return more && !failed;
}
