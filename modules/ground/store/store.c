/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the database, and commits what was staged as one transaction. */

#include "store/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAL_PAGES_AT_MOST 16384       /* checkpoint even within a request */
#define WAL_PAGES_WORTHWHILE 256
#define PAGE 4096
#define WAL_PAGES_FULL 64 /* when the disk is */

static const char *const statement_texts[] = {
#define X(name, sql) [STORE_##name] = sql,
    STORE_STATEMENTS(X)
#undef X
};

int store_failed(struct store *store, int code, struct err *err)
{
    const char *why = store->db ? sqlite3_errmsg(store->db)
                                : sqlite3_errstr(code);

    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, ERR_CONFLICT,
                       "%s is in use by another process: stop that one, or "
                       "give this one a --data-dir of its own",
                       store->path);
    case SQLITE_FULL:
        return err_set(err, ERR_FULL,
                       "%s cannot grow: the disk is full; nothing was written",
                       store->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(err, ERR_INTERNAL,
                       "%s is damaged or no database (%s): restore a backup",
                       store->path, why);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return err_set(err, ERR_FORBIDDEN, "%s cannot be written: %s",
                       store->path, why);
    default:
        return err_set(err, ERR_UNREACHABLE, "%s: the disk failed: %s (%d)",
                       store->path, why, code);
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
    int64_t answer = 0;

    struct err err;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        answer = sqlite3_column_int64(statement, 0);
    else if (code != SQLITE_DONE && store_failed(store, code, &err) < 0)
        store_found_damage(store, &err);
    sqlite3_finalize(statement);
    return answer;
}

void store_found_damage(struct store *store, const struct err *err)
{
    log_error("store", "%s", err->text);
    if (!store->damaged.code && err->code == ERR_INTERNAL)
        store->damaged = *err;
    store_tell_trouble(store);
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
    ((struct store *)arg)->wal_pages = pages;
    return SQLITE_OK;
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
    if (!store->read_only)
        code = store_tables_open(store, lost, err);
    if (code != 0)
        return code;
    sqlite3_wal_hook(store->db, on_wal, store);
    for (int i = 0; i < STORE_STATEMENT_COUNT; i++) {
        code = sqlite3_prepare_v3(store->db, statement_texts[i], -1,
                                      SQLITE_PREPARE_PERSISTENT, &statement,
                                      NULL);
        if (code != SQLITE_OK)
            return store_failed(store, code, err);
        store->statements[i] = statement;
    }
    return 0;
}

static int check_value(void *arg, sqlite3_stmt *rows, struct err *err)
{
    struct store *store = arg;
    const char *name = (const char *)sqlite3_column_text(rows, 0);

    if (!name || store_value_sum(name, sqlite3_column_blob(rows, 1),
                                 (size_t)sqlite3_column_bytes(rows, 1)) !=
                     sqlite3_column_int64(rows, 2))
        return err_set(err, ERR_INTERNAL,
                       "%s is damaged: the checksum of the value \"%.100s\" does not fit "
                       "its bytes; restore a backup", store->path, name ? name : "");
    return 0;
}

static int check_values(struct store *store, struct err *err)
{
    scoped_rows sqlite3_stmt *rows = store_statement(store, STORE_VALUE_ALL);
    int code;

    while ((code = sqlite3_step(rows)) == SQLITE_ROW)
        if (check_value(store, rows, err) < 0)
            return -1;
    return code == SQLITE_DONE ? 0 : store_failed(store, code, err);
}

static void remember(struct store *store)
{
    store->durable_revision = store->revision;
    store->durable_compacted = store->compacted;
    store->durable_log_bytes = store->log_bytes;
}

/* A skipped revision is only in `value`, one that was written only here. */
static void load_counters(struct store *store)
{
    int64_t newest = store_number(store, "SELECT max(revision) FROM history");
    int64_t kept = store_value_get_int(store, "store.revision");

    store->revision = newest > kept ? newest : kept;
    store->compacted = store_value_get_int(store, "store.compacted");
    store->log_bytes = store_number(
        store, "SELECT sum(length(body)) FROM history WHERE revision NOT IN "
               "(SELECT revision FROM current)");
    store->mark.epoch = store_value_get_int(store, "store.epoch");
    store->mark.serial = store_value_get_int(store, "store.serial");
    remember(store);
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
    if (lost && store_note_accept(store, note, err) < 0)
        return -1;
    store_note_open(store);
    return 0;
}

/* The database is for its owner alone; SQLite gives its journals the same mode. */
static void keep_private(const struct store *store, const char *vfs)
{
    int fd = vfs || store->read_only
                 ? -1
                 : open(store->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

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
    flags = SQLITE_OPEN_NOMUTEX | (store->read_only ? SQLITE_OPEN_READONLY
                                                    : SQLITE_OPEN_READWRITE |
                                                          SQLITE_OPEN_CREATE);
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
    if (options->noted &&
        open_noted(store, noted ? &note : NULL, empty, err) < 0)
        return -1;
    if (store->damaged.code) {
        *err = store->damaged;
        return -1;
    }
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    store->commits = store->fsyncs = 0;
    return 0;
}

struct store *store_open(const char *path, const struct store_options *options,
                         struct err *err)
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

sqlite3_stmt *store_statement(struct store *store, enum store_statement which)
{
    sqlite3_stmt *statement = store->statements[which];

    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return statement;
}

/* Each step can be undone, so two bodies that differ in one word differ here. */
static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 32;
}

int64_t store_sum_number(int64_t seed, int64_t number)
{
    return (int64_t)mix((uint64_t)seed, (uint64_t)number);
}

int64_t store_sum(int64_t seed, const void *bytes, size_t len)
{
    uint64_t sum = mix((uint64_t)seed, len), word;
    const char *at = bytes;

    for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        sum = mix(sum, word);
    }
    word = 0;
    if (len)
        memcpy(&word, at, len);
    return (int64_t)mix(sum, word);
}

/* ---- The stage ---------------------------------------------------------- */

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

bool store_run(struct store *store, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);

    if (code != SQLITE_DONE && code != SQLITE_ROW && !store->failure.code)
        store_failed(store, code, &store->failure);
    sqlite3_reset(statement);
    return !store->failure.code;
}

bool store_is_staged(const struct store *store)
{
    return store->staged;
}

int store_check_stage(const struct store *store, struct err *err)
{
    if (!store->failure.code)
        return 0;
    *err = store->failure;
    return -1;
}

static void drop_stage(struct store *store)
{
    sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    store->revision = store->durable_revision;
    store->compacted = store->durable_compacted;
    store->log_bytes = store->durable_log_bytes;
    store->counted = false;
}

/* A commit that no revision tells of has a number of its own, so that its loss is
   noticed as well. */
static void count_commit(struct store *store)
{
    if (store->counted && store->revision == store->durable_revision)
        store_value_put_int(store, "store.serial", store->mark.serial + 1);
    else
        store->counted = false;
}

/* What is in the log needs its room a second time when it goes to the database,
   so the reserve must hold it. */
static int most_pages(const struct store *store)
{
    int64_t half = store->options.reserve / 2 / PAGE;

    if (store->full)
        return WAL_PAGES_FULL;
    return half > 0 && half < WAL_PAGES_AT_MOST ? (int)half : WAL_PAGES_AT_MOST;
}

void store_commit(struct store *store, store_done_fn *done, void *arg)
{
    struct err failure = {0};

    if (!store->staged) {
        done(arg, NULL);
        return;
    }
    count_commit(store);
    if (!store->failure.code)
        store->failure = store->unwritable;
    if (!store->failure.code)
        store_run(store, store_statement(store, STORE_COMMIT));
    store->staged = false;
    store->staged_bytes = 0;
    store->last = store->failure;
    if (store->failure.code) {
        failure = store->failure;
        store->failure = (struct err){0};
        drop_stage(store);
        store_tell_trouble(store);
        done(arg, &failure);
        return;
    }
    store->commits++;
    store->fsyncs++;
    remember(store);
    store->mark.serial += store->counted ? 1 : 0;
    store->counted = false;
    store_note_write(store);
    if (store->wal_pages > most_pages(store))
        store_checkpoint(store);
    done(arg, NULL);
}

void store_checkpoint(struct store *store)
{
    if (store->staged ||
        store->wal_pages < (store->full ? 1 : WAL_PAGES_WORTHWHILE))
        return;
    if (sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE,
                                  NULL, NULL) == SQLITE_OK)
        store->wal_pages = 0;
    store->fsyncs += 2;
}

static void keep_failure(void *arg, const struct err *err)
{
    if (err)
        *(struct err *)arg = *err;
}

int store_commit_now(struct store *store, struct err *err)
{
    struct err failure = {0};

    store_commit(store, keep_failure, &failure);
    if (!failure.code)
        return 0;
    *err = failure;
    return -1;
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
        .bytes = store_number(store, "PRAGMA page_count") *
                 store_number(store, "PRAGMA page_size"),
        .commits = store->commits,
        .fsyncs = store->fsyncs,
        .rows = store_number(store, "SELECT count(*) FROM current"),
        .blobs = store_number(store, "SELECT count(*) FROM blob"),
    };
}
