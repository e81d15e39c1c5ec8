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
    ((struct store *)arg)->wal_pages = pages;
    return SQLITE_OK;
}

static int limit_cache(struct store *store, struct err *err)
{
    scoped_mem char *text = mem_printf("PRAGMA cache_size=-%" PRId64, store->options.cache / 1024);

    return store_run_text(store, text, err);
}

static int prepare_database(struct store *store, bool lost, struct err *err)
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
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    /* On a database that has pages this would be a write. */
    if (!store->read_only && store_side_size(store, "") <= 0 &&
        store_run_text(store, "PRAGMA auto_vacuum=INCREMENTAL", err) < 0)
        return -1;
    if (!store->read_only && store_run_text(store, settings, err) < 0)
        return -1;
    if (store->options.cache && limit_cache(store, err) < 0)
        return -1;
    if (!store->read_only)
        code = store_tables_open(store, lost, err);
    if (code != 0)
        return code;
    sqlite3_wal_hook(store->db, on_wal, store);
    for (int i = 0; i < STORE_STATEMENT_COUNT; i++) {
        code = sqlite3_prepare_v3(store->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &statement, NULL);
        if (code != SQLITE_OK)
            return store_failed(store, code, err);
        store->statements[i] = statement;
    }
    return 0;
}

static int check_stored_value(void *arg, sqlite3_stmt *rows, struct err *err)
{
    struct store *store = arg;
    const char *name = (const char *)sqlite3_column_text(rows, 0);

    if (!name ||
        store_value_sum(name, sqlite3_column_blob(rows, 1),
                        (size_t)sqlite3_column_bytes(rows, 1)) != sqlite3_column_int64(rows, 2))
        return err_set(err, ERR_INTERNAL,
                       "%s is damaged: the checksum of the value \"%.100s\" does not fit "
                       "its bytes; restore a backup",
                       store->path, name ? name : "");
    return 0;
}

static int check_values(struct store *store, struct err *err)
{
    scoped_rows sqlite3_stmt *rows = store_statement(store, STORE_VALUE_ALL);
    int code;

    while ((code = sqlite3_step(rows)) == SQLITE_ROW)
        if (check_stored_value(store, rows, err) < 0)
            return -1;
    return code == SQLITE_DONE ? 0 : store_failed(store, code, err);
}

/* A skipped revision is only in `value`, one that was written only here. */
static void load_counters(struct store *store)
{
    int64_t newest = store_number(store, "SELECT max(revision) FROM history");
    int64_t kept = store_value_get_int(store, "store.revision");

    store->revision = newest > kept ? newest : kept;
    store->compacted = store_value_get_int(store, "store.compacted");
    store->log_bytes =
        store_number(store, "SELECT sum(length(body)) FROM history WHERE revision NOT IN "
                            "(SELECT revision FROM current)");
    store->mark.epoch = store_value_get_int(store, "store.epoch");
    store->mark.serial = store_value_get_int(store, "store.serial");
    store_remember(store);
    store->mark.revision = store->revision;
}

/* A new database has no name yet, and one of an older program has none. */
static int open_identity(struct store *store, struct err *err)
{
    size_t len = 0;
    scoped_mem char *id = store_value_get(store, "store.id", &len);
    scoped_text struct text hex = {0};
    unsigned char random[(STORE_ID - 1) / 2];

    if (id && len == STORE_ID - 1) {
        memcpy(store->mark.id, id, len);
        return 0;
    }
    random_bytes(random, sizeof random);
    text_add_hex(&hex, random, sizeof random);
    store_value_put(store, "store.id", hex.bytes, hex.len);
    store_value_put_int(store, "store.epoch", 1);
    store->mark.epoch = 1;
    memcpy(store->mark.id, text_string(&hex), STORE_ID - 1);
    return store_commit_now(store, err);
}

/*
 * No client may have seen the numbers that come. Where no note says what was there,
 * the clock stands in: its seconds are above any epoch that was counted, and a
 * thousand revisions a second are above any that was given out.
 */
static int accept_loss(struct store *store, const struct store_mark *note, struct err *err)
{
    struct store_mark *mark = &store->mark;
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
    store->revision = revision + SKIP;
    store_drop_log(store); /* watchers list again */
    store_value_put_int(store, "store.revision", store->revision);
    store_value_put_int(store, "store.epoch", epoch + 1);
    store_value_put_int(store, "store.serial", serial + 1);
    if (store_commit_now(store, err) < 0)
        return -1;
    mark->epoch = epoch + 1;
    mark->serial = serial + 1;
    log_warn("store",
             "%s: a loss is accepted: revisions after %" PRId64 " are gone; "
             "epoch %" PRId64 " begins at revision %" PRId64,
             store->path, mark->revision, mark->epoch, store->revision);
    return 0;
}

/* Compares with what was noted; `note` is NULL where there is none. */
static int open_noted(struct store *store, const struct store_mark *note, bool empty,
                      struct err *err)
{
    bool lost = note ? store_note_compare(&store->mark, note) != STORE_LOSS_NONE : empty;
    int given_up = store->options.accept_loss ? store_rows_salvage(store, err) : 0;

    if (given_up < 0)
        return -1;
    lost |= given_up > 0;
    if (lost && !store->options.accept_loss)
        return store_note_refuse(store, note, err);
    if (lost && accept_loss(store, note, err) < 0)
        return -1;
    store_note_open(store);
    return 0;
}

/* The database is for its owner alone; SQLite gives its journals the same mode. */
static void keep_private(const struct store *store, const char *vfs)
{
    int fd = vfs || store->read_only ? -1 : open(store->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return; /* SQLite says what is wrong with it */
    if (fchmod(fd, 0600) < 0)
        log_warn("store", "%s: cannot be closed to others", store->path);
    close(fd);
}

static int open_checked(struct store *store, const char *vfs, struct err *err)
{
    const struct store_options *options = &store->options;
    struct store_mark note = {0};
    bool noted = options->noted && store_note_read(store, &note);
    bool expected = options->expected || noted;
    bool empty = expected && store_side_size(store, "") <= 0;
    bool refused = !options->accept_loss;
    int flags, code;

    if (empty && refused)
        return store_note_refuse_empty(store, noted ? &note : NULL, err);
    keep_private(store, vfs);
    flags = SQLITE_OPEN_NOMUTEX |
            (store->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    code = sqlite3_open_v2(store->path, &store->db, flags, vfs);
    if (code != SQLITE_OK)
        return store_failed(store, code, err);
    sqlite3_extended_result_codes(store->db, 1);
    code = prepare_database(store, expected && refused, err);
    if (code > 0)
        return store_note_refuse_empty(store, noted ? &note : NULL, err);
    if (code < 0 || check_values(store, err) < 0)
        return -1;
    load_counters(store);
    if (!store->read_only && open_identity(store, err) < 0)
        return -1;
    if (options->noted && open_noted(store, noted ? &note : NULL, empty, err) < 0)
        return -1;
    if (store->damaged.code) {
        *err = store->damaged;
        return -1;
    }
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    store->commits = store->fsyncs = 0;
    return 0;
}

struct store *store_open(const char *path, const struct store_options *options, struct err *err)
{
    scoped_store struct store *store = mem_alloc(sizeof(*store));
    const char *vfs = options ? options->vfs : NULL;

    if (options)
        store->options = *options;
    store->options.vfs = NULL; /* the caller's string need not live on */
    store->read_only = options && options->read_only;
    store->options.unwritable = NULL;
    store->path = mem_copy_string(path);
    store->vfs = sqlite3_vfs_find(vfs);
    if (options && options->unwritable) {
        if (store_copy_open(store, options->empty, err) < 0)
            return NULL;
        vfs = store->vfs->zName;
    }
    if (open_checked(store, vfs, err) < 0)
        return NULL;
    if (options && options->unwritable)
        store->unwritable = *options->unwritable;
    else
        store_reserve_open(store);
    return take(store);
}

void store_close(struct store **store)
{
    if (!*store)
        return;
    for (int i = 0; i < STORE_STATEMENT_COUNT; i++)
        sqlite3_finalize((*store)->statements[i]);
    if ((*store)->staged)
        sqlite3_exec((*store)->db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close((*store)->db);
    store_side_close(&(*store)->note);
    store_copy_close(*store);
    mem_free(&(*store)->path);
    mem_free(store);
}

bool store_accepts_loss(const struct store *store)
{
    return store->options.accept_loss;
}

int64_t store_epoch(const struct store *store)
{
    return store->mark.epoch;
}

const struct err *store_health(const struct store *store)
{
    return store->damaged.code ? &store->damaged : &store->last;
}

int64_t store_revision(const struct store *store)
{
    return store->revision;
}

int64_t store_compacted(const struct store *store)
{
    return store->compacted;
}

void store_facts(struct store *store, struct store_facts *ret)
{
    *ret = (struct store_facts){
        .revision = store->revision,
        .compacted = store->compacted,
        .epoch = store->mark.epoch,
        .bytes = store_number(store, "PRAGMA page_count") * store_number(store, "PRAGMA page_size"),
        .commits = store->commits,
        .fsyncs = store->fsyncs,
        .rows = store_number(store, "SELECT count(*) FROM current"),
        .blobs = store_number(store, "SELECT count(*) FROM blob"),
    };
}
