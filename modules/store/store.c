/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the database, and commits what was staged as one transaction. */

#include "store/inside.h"

#include "base/log.h"
#include "base/text.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT 1
#define APPLICATION 0x41584c45        /* "AXLE" */
#define WAL_PAGES_AT_MOST 16384       /* checkpoint even within a request */
#define WAL_PAGES_WORTHWHILE 256

/*
 * `history` only grows at its end, which is what makes a write cheap; `current`
 * says which of its rows hold. A part's id is its blob's, shifted, plus its
 * number. `sum` covers key, revision and bytes.
 */
static const char *const tables =
    "CREATE TABLE history(revision INTEGER PRIMARY KEY,kind TEXT NOT NULL,"
    "space TEXT NOT NULL,name TEXT NOT NULL,what INTEGER NOT NULL,"
    "wall INTEGER NOT NULL,sum INTEGER NOT NULL,body BLOB NOT NULL);"
    "CREATE TABLE current(kind TEXT NOT NULL,space TEXT NOT NULL,"
    "name TEXT NOT NULL,revision INTEGER NOT NULL,"
    "PRIMARY KEY(kind,space,name)) WITHOUT ROWID;"
    "CREATE TABLE value(name TEXT PRIMARY KEY,bytes BLOB NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE blob(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "digest TEXT NOT NULL UNIQUE,size INTEGER NOT NULL,wall INTEGER NOT NULL);"
    "CREATE TABLE part(id INTEGER PRIMARY KEY,sum INTEGER NOT NULL,"
    "bytes BLOB NOT NULL);"
    "PRAGMA user_version=1;";

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

static int run_text(struct store *store, const char *sql, struct err *err)
{
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? 0 : store_failed(store, code, err);
}

static int64_t ask_number(struct store *store, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t answer = 0;

    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return answer;
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
    ((struct store *)arg)->wal_pages = pages;
    return SQLITE_OK;
}

/* Brings the tables up to date; a newer program's are not for us. */
static int prepare_tables(struct store *store, struct err *err)
{
    int64_t format;

    if (run_text(store, "BEGIN IMMEDIATE; COMMIT", err) < 0)
        return -1;
    format = ask_number(store, "PRAGMA user_version");
    if (format > FORMAT)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s was written by a newer program (format %lld, this "
                       "one knows %d): start that one, or restore a backup",
                       store->path, (long long)format, FORMAT);
    if (format == 0 && ask_number(store, "SELECT count(*) FROM sqlite_schema"))
        return err_set(err, ERR_UNSUPPORTED,
                       "%s is a database, but not one of this program",
                       store->path);
    if (format == 0)
        return run_text(store, tables, err);
    return 0;
}

static int prepare_database(struct store *store, struct err *err)
{
    static const char *const settings =
        "PRAGMA locking_mode=EXCLUSIVE;" /* before WAL: no shared memory */
        "PRAGMA auto_vacuum=INCREMENTAL;"
        "PRAGMA journal_mode=WAL;"
        "PRAGMA synchronous=FULL;"
        "PRAGMA wal_autocheckpoint=0;"
        "PRAGMA mmap_size=0;"
        "PRAGMA trusted_schema=OFF;"
        "PRAGMA temp_store=MEMORY;"
        "PRAGMA cache_size=-2048;";
    sqlite3_stmt *statement;

    if (!store->read_only && (run_text(store, settings, err) < 0 ||
                              prepare_tables(store, err) < 0))
        return -1;
    sqlite3_wal_hook(store->db, on_wal, store);
    for (int i = 0; i < STORE_STATEMENT_COUNT; i++) {
        int code = sqlite3_prepare_v3(store->db, statement_texts[i], -1,
                                      SQLITE_PREPARE_PERSISTENT, &statement,
                                      NULL);
        if (code != SQLITE_OK)
            return store_failed(store, code, err);
        store->statements[i] = statement;
    }
    return 0;
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
    int64_t newest = ask_number(store, "SELECT max(revision) FROM history");
    int64_t kept = store_value_get_int(store, "store.revision");

    store->revision = newest > kept ? newest : kept;
    store->compacted = store_value_get_int(store, "store.compacted");
    store->log_bytes = ask_number(
        store, "SELECT sum(length(body)) FROM history WHERE revision NOT IN "
               "(SELECT revision FROM current)");
    remember(store);
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

struct store *store_open(const char *path, const struct store_options *options,
                         struct err *err)
{
    scoped_store struct store *store = mem_alloc(sizeof(*store));
    int flags, code;

    if (options)
        store->options = *options;
    store->options.vfs = NULL; /* the caller's string need not live on */
    store->read_only = options && options->read_only;
    store->path = mem_copy_string(path);
    keep_private(store, options ? options->vfs : NULL);
    flags = SQLITE_OPEN_NOMUTEX | (store->read_only ? SQLITE_OPEN_READONLY
                                                    : SQLITE_OPEN_READWRITE |
                                                          SQLITE_OPEN_CREATE);
    code = sqlite3_open_v2(path, &store->db, flags,
                           options ? options->vfs : NULL);
    if (code != SQLITE_OK) {
        store_failed(store, code, err);
        return NULL;
    }
    sqlite3_extended_result_codes(store->db, 1);
    if (prepare_database(store, err) < 0)
        return NULL;
    load_counters(store);
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

static void drop_stage(struct store *store)
{
    sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    store->revision = store->durable_revision;
    store->compacted = store->durable_compacted;
    store->log_bytes = store->durable_log_bytes;
}

void store_commit(struct store *store, store_done_fn *done, void *arg)
{
    struct err failure = {0};

    if (!store->staged) {
        done(arg, NULL);
        return;
    }
    if (!store->failure.code)
        store_run(store, store_statement(store, STORE_COMMIT));
    store->staged = false;
    if (store->failure.code) {
        failure = store->failure;
        store->failure = (struct err){0};
        drop_stage(store);
        done(arg, &failure);
        return;
    }
    store->commits++;
    store->fsyncs++;
    remember(store);
    if (store->wal_pages > WAL_PAGES_AT_MOST)
        store_checkpoint(store);
    done(arg, NULL);
}

void store_checkpoint(struct store *store)
{
    if (store->staged || store->wal_pages < WAL_PAGES_WORTHWHILE)
        return;
    if (sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE,
                                  NULL, NULL) == SQLITE_OK)
        store->wal_pages = 0;
    store->fsyncs += 2;
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
        .bytes = ask_number(store, "PRAGMA page_count") *
                 ask_number(store, "PRAGMA page_size"),
        .commits = store->commits,
        .fsyncs = store->fsyncs,
        .rows = ask_number(store, "SELECT count(*) FROM current"),
        .blobs = ask_number(store, "SELECT count(*) FROM blob"),
    };
}
