/* SPDX-License-Identifier: Apache-2.0 */
/* Commits what was staged as one transaction, and empties the write-ahead log. */

#include "store/internal.h"

#define WAL_PAGES_AT_MOST 16384 /* checkpoint even within a request */
#define WAL_PAGES_WORTHWHILE 256
#define PAGE 4096
#define WAL_PAGES_FULL 64 /* when the disk is */

/* Called after a successful commit, and when the database was read. */
void store_db_remember(struct store_db *db)
{
    db->durable_revision = db->revision;
    db->durable_compacted = db->compacted;
    db->durable_log_bytes = db->log_bytes;
    db->durable_rows = db->rows;
    db->durable_blobs = db->blobs;
}

/* Revisions that were handed out in this stage are taken back, and will be given again. */
void store_db_rollback(struct store_db *db)
{
    sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
    db->revision = db->durable_revision;
    db->compacted = db->durable_compacted;
    db->log_bytes = db->durable_log_bytes;
    db->rows = db->durable_rows;
    db->blobs = db->durable_blobs;
    db->failure = (struct err){0};
    db->staged_bytes = 0;
    db->staged = db->counted = false;
}

void store_db_count_log(struct store_db *db, int64_t bytes)
{
    db->durable_log_bytes = bytes - (db->log_bytes - db->durable_log_bytes);
    db->log_bytes = bytes;
    db->log_counted = true;
}

/* A commit that no revision tells of has a number of its own, so that its loss is
   noticed as well. */
static void count_commit(struct store_db *db)
{
    if (db->counted && db->revision == db->durable_revision)
        store_db_value_put_int(db, "store.serial", db->mark.serial + 1);
    else
        db->counted = false;
}

/* What is in the log needs its room a second time when it goes to the database,
   so the reserve must hold it. */
static int most_pages(const struct store_db *db)
{
    int64_t half = db->options.reserve / 2 / PAGE;

    if (db->full)
        return WAL_PAGES_FULL;
    return half > 0 && half < WAL_PAGES_AT_MOST ? (int)half : WAL_PAGES_AT_MOST;
}

/* Costs two fsyncs, so a short log is left for later. */
void store_db_checkpoint(struct store_db *db)
{
    if (db->staged || db->wal_pages < (db->full ? 1 : WAL_PAGES_WORTHWHILE))
        return;
    if (sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
        SQLITE_OK)
        db->wal_pages = 0;
    db->fsyncs += 2;
}

int store_db_commit(struct store_db *db, struct err *err)
{
    struct err failure;

    if (!db->staged)
        return 0;
    count_commit(db);
    if (!db->failure.code)
        db->failure = db->unwritable;
    if (!db->failure.code)
        store_run(db, store_statement(db, STORE_COMMIT));
    failure = db->last = db->failure;
    if (failure.code) {
        store_db_rollback(db);
        store_db_trouble(db);
        *err = failure;
        return -1;
    }
    db->staged = false;
    db->staged_bytes = 0;
    db->commits++;
    db->fsyncs++;
    store_db_remember(db);
    db->mark.serial += db->counted ? 1 : 0;
    db->counted = false;
    store_note_write(db);
    return 0;
}

void store_db_relieve(struct store_db *db)
{
    if (db->wal_pages > most_pages(db))
        store_db_checkpoint(db);
}
