/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the database, and closes it. */

#include "store/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Revisions that are left out after a loss, so that none is given out twice. */
#define SKIP ((int64_t)1000000000)

static const char *const statement_texts[] = {
#define X(name, sql) [STORE_##name] = sql,
    STORE_STATEMENTS(X)
#undef X
};

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
    ((struct store_db *)arg)->wal_pages = pages;
    return SQLITE_OK;
}

static int limit_cache(struct store_db *db, struct err *err)
{
    scoped_mem char *text = mem_printf("PRAGMA cache_size=-%" PRId64, db->options.cache / 1024);

    return store_run_text(db, text, err);
}

static int prepare_database(struct store_db *db, bool lost, struct err *err)
{
    static const char *const settings =
        "PRAGMA locking_mode=EXCLUSIVE;" /* before WAL: no shared memory */
        "PRAGMA journal_mode=WAL;"
        "PRAGMA synchronous=FULL;"
        "PRAGMA wal_autocheckpoint=0;"
        "PRAGMA mmap_size=0;"
        "PRAGMA trusted_schema=OFF;"
        "PRAGMA temp_store=MEMORY;"
        "PRAGMA cache_size=-2048;";
    sqlite3_stmt *statement;
    int code = 0;

    /* Until all was compared, nothing is changed, not even by closing. */
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    /* On a database that has pages this would be a write. */
    if (!db->read_only && store_side_size(db, "") <= 0 &&
        store_run_text(db, "PRAGMA auto_vacuum=INCREMENTAL", err) < 0)
        return -1;
    if (!db->read_only && store_run_text(db, settings, err) < 0)
        return -1;
    if (db->options.cache && limit_cache(db, err) < 0)
        return -1;
    if (!db->read_only)
        code = store_tables_open(db, lost, err);
    if (code != 0)
        return code;
    sqlite3_wal_hook(db->sqlite, on_wal, db);
    for (int i = 0; i < STORE_STATEMENT_COUNT; i++) {
        code = sqlite3_prepare_v3(db->sqlite, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &statement, NULL);
        if (code != SQLITE_OK)
            return store_failed(db, code, err);
        db->statements[i] = statement;
    }
    return 0;
}

static int check_stored_value(void *arg, sqlite3_stmt *rows, struct err *err)
{
    struct store_db *db = arg;
    const char *name = (const char *)sqlite3_column_text(rows, 0);

    if (!name ||
        store_value_sum(name, sqlite3_column_blob(rows, 1),
                        (size_t)sqlite3_column_bytes(rows, 1)) != sqlite3_column_int64(rows, 2))
        return err_set(err, ERR_INTERNAL,
                       "%s is damaged: the checksum of the value \"%.100s\" does not fit "
                       "its bytes; restore a backup",
                       db->path, name ? name : "");
    return 0;
}

static int check_values(struct store_db *db, struct err *err)
{
    scoped_rows sqlite3_stmt *rows = store_statement(db, STORE_VALUE_ALL);
    int code;

    while ((code = sqlite3_step(rows)) == SQLITE_ROW)
        if (check_stored_value(db, rows, err) < 0)
            return -1;
    return code == SQLITE_DONE ? 0 : store_failed(db, code, err);
}

/* A skipped revision is only in `value`, one that was written only here. */
static void load_counters(struct store_db *db)
{
    int64_t newest = store_number(db, "SELECT max(revision) FROM history");
    int64_t kept = store_db_value_get_int(db, "store.revision");

    db->revision = newest > kept ? newest : kept;
    db->compacted = store_db_value_get_int(db, "store.compacted");
    db->mark.epoch = store_db_value_get_int(db, "store.epoch");
    db->mark.serial = store_db_value_get_int(db, "store.serial");
    store_db_remember(db);
    db->mark.revision = db->revision;
}

/* A new database has no name yet, and one of an older program has none. */
static int open_identity(struct store_db *db, struct err *err)
{
    size_t len = 0;
    scoped_mem char *id = store_db_value_get(db, "store.id", &len);
    scoped_text struct text hex = {0};
    unsigned char random[(STORE_ID - 1) / 2];

    if (id && len == STORE_ID - 1) {
        memcpy(db->mark.id, id, len);
        return 0;
    }
    random_bytes(random, sizeof random);
    text_add_hex(&hex, random, sizeof random);
    store_db_value_put(db, "store.id", hex.bytes, hex.len);
    store_db_value_put_int(db, "store.epoch", 1);
    db->mark.epoch = 1;
    memcpy(db->mark.id, text_string(&hex), STORE_ID - 1);
    return store_db_commit(db, err);
}

/*
 * No client may have seen the numbers that come. Where no note says what was there,
 * the clock stands in: its seconds are above any epoch that was counted, and a
 * thousand revisions a second are above any that was given out.
 */
static int accept_loss(struct store_db *db, const struct store_mark *note, struct err *err)
{
    struct store_mark *mark = &db->mark;
    int64_t now = clock_wall() / CLOCK_SECOND;
    int64_t revision = mark->revision, epoch = mark->epoch, serial = mark->serial;

    if (note) {
        revision = note->revision > revision ? note->revision : revision;
        epoch = note->epoch > epoch ? note->epoch : epoch;
        serial = note->serial > serial ? note->serial : serial;
    } else {
        epoch = now > epoch ? now : epoch;
        revision = now * 1000 > revision ? now * 1000 : revision;
    }
    db->revision = revision + SKIP;
    store_db_drop_log(db); /* watchers list again */
    store_db_value_put_int(db, "store.revision", db->revision);
    store_db_value_put_int(db, "store.epoch", epoch + 1);
    store_db_value_put_int(db, "store.serial", serial + 1);
    if (store_db_commit(db, err) < 0)
        return -1;
    mark->epoch = epoch + 1;
    mark->serial = serial + 1;
    log_warn("store",
             "%s: a loss is accepted: revisions after %" PRId64 " are gone; "
             "epoch %" PRId64 " begins at revision %" PRId64,
             db->path, mark->revision, mark->epoch, db->revision);
    return 0;
}

/* Compares with what was noted; `note` is NULL where there is none. */
static int open_noted(struct store_db *db, const struct store_mark *note, bool empty,
                      struct err *err)
{
    bool lost = note ? store_note_compare(&db->mark, note) != STORE_LOSS_NONE : empty;
    int given_up = db->options.accept_loss ? store_rows_salvage(db, err) : 0;

    if (given_up < 0)
        return -1;
    lost |= given_up > 0;
    if (lost && !db->options.accept_loss)
        return store_note_refuse(db, note, err);
    if (lost && accept_loss(db, note, err) < 0)
        return -1;
    store_note_open(db);
    return 0;
}

/* The database is for its owner alone; SQLite gives its journals the same mode. */
static void keep_private(const struct store_db *db, const char *vfs)
{
    int fd = vfs || db->read_only ? -1 : open(db->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return; /* SQLite says what is wrong with it */
    if (fchmod(fd, 0600) < 0)
        log_warn("store", "%s: cannot be closed to others", db->path);
    close(fd);
}

static int open_checked(struct store_db *db, const char *vfs, struct err *err)
{
    const struct store_options *options = &db->options;
    struct store_mark note = {0};
    bool noted = options->noted && store_note_read(db, &note);
    bool expected = options->expected || noted;
    bool empty = expected && store_side_size(db, "") <= 0;
    bool refused = !options->accept_loss;
    int flags, code;

    if (empty && refused)
        return store_note_refuse_empty(db, noted ? &note : NULL, err);
    keep_private(db, vfs);
    flags = SQLITE_OPEN_NOMUTEX |
            (db->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    code = sqlite3_open_v2(db->path, &db->sqlite, flags, vfs);
    if (code != SQLITE_OK)
        return store_failed(db, code, err);
    sqlite3_extended_result_codes(db->sqlite, 1);
    code = prepare_database(db, expected && refused, err);
    if (code > 0)
        return store_note_refuse_empty(db, noted ? &note : NULL, err);
    if (code < 0 || check_values(db, err) < 0)
        return -1;
    load_counters(db);
    if (!db->read_only && open_identity(db, err) < 0)
        return -1;
    if (options->noted && open_noted(db, noted ? &note : NULL, empty, err) < 0)
        return -1;
    if (db->damaged.code) {
        *err = db->damaged;
        return -1;
    }
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    db->commits = db->fsyncs = 0;
    return 0;
}

int store_db_open(struct store_db *db, const char *path, const struct store_options *options,
                  struct err *err)
{
    const char *vfs = options ? options->vfs : NULL;

    if (options)
        db->options = *options;
    db->options.vfs = NULL; /* the caller's string need not live on */
    db->read_only = options && options->read_only;
    db->options.unwritable = NULL;
    db->rows = db->blobs = -1;
    db->path = mem_copy_string(path);
    db->vfs = sqlite3_vfs_find(vfs);
    if (options && options->unwritable) {
        if (store_copy_open(db, options->empty, err) < 0)
            return -1;
        vfs = db->vfs->zName;
    }
    if (open_checked(db, vfs, err) < 0)
        return -1;
    if (options && options->unwritable)
        db->unwritable = *options->unwritable;
    else
        store_reserve_open(db);
    return 0;
}

void store_db_close(struct store_db *db)
{
    for (int i = 0; i < STORE_STATEMENT_COUNT; i++)
        sqlite3_finalize(db->statements[i]);
    if (db->staged)
        sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db->sqlite);
    store_side_close(&db->note);
    store_copy_close(db);
    mem_free(&db->path);
}

/* ---- What is known of it ---------------------------------------------------- */

static int64_t count_pages(struct store_db *db)
{
    scoped_rows sqlite3_stmt *count = store_statement(db, STORE_PAGES);

    return sqlite3_step(count) == SQLITE_ROW ? sqlite3_column_int64(count, 0) : 0;
}

/* They are counted once; from then on each write counts along. */
void store_db_count(struct store_db *db)
{
    if (db->rows < 0)
        db->rows = store_number(db, "SELECT count(*) FROM current");
    if (db->blobs < 0)
        db->blobs = store_number(db, "SELECT count(*) FROM blob");
    if (db->staged)
        return;
    db->durable_rows = db->rows;
    db->durable_blobs = db->blobs;
}

void store_db_facts(struct store_db *db, struct store_facts *ret)
{
    if (!db->page_size)
        db->page_size = store_number(db, "PRAGMA page_size");
    *ret = (struct store_facts){
        .revision = db->revision,
        .compacted = db->compacted,
        .epoch = db->mark.epoch,
        .bytes = count_pages(db) * db->page_size,
        .commits = db->commits,
        .fsyncs = db->fsyncs,
        .rows = db->rows,
        .blobs = db->blobs,
    };
}
