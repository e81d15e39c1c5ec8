/* SPDX-License-Identifier: Apache-2.0 */
/* Commits what was staged as one transaction, and empties the write-ahead log. */

#include "store/internal.h"

#define WAL_PAGES_AT_MOST 16384 /* checkpoint even within a request */
#define WAL_PAGES_WORTHWHILE 256
#define PAGE 4096
#define WAL_PAGES_FULL 64 /* when the disk is */

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

/* Called after a successful commit, and when the database was read. */
void store_remember(struct store *store)
{
    store->durable_revision = store->revision;
    store->durable_compacted = store->compacted;
    store->durable_log_bytes = store->log_bytes;
}

/* Revisions that were handed out in this stage are taken back, and will be given again. */
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

/* Costs two fsyncs, so a short log is left for later. */
void store_checkpoint(struct store *store)
{
    if (store->staged || store->wal_pages < (store->full ? 1 : WAL_PAGES_WORTHWHILE))
        return;
    if (sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
        SQLITE_OK)
        store->wal_pages = 0;
    store->fsyncs += 2;
}

/* `done` is called before this returns, and may stage and commit again: all of the state is
   settled before. */
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
    store_remember(store);
    store->mark.serial += store->counted ? 1 : 0;
    store->counted = false;
    store_note_write(store);
    if (store->wal_pages > most_pages(store))
        store_checkpoint(store);
    done(arg, NULL);
}

static void keep_commit_failure(void *arg, const struct err *err)
{
    if (err)
        *(struct err *)arg = *err;
}

int store_commit_now(struct store *store, struct err *err)
{
    struct err failure = {0};

    store_commit(store, keep_commit_failure, &failure);
    if (!failure.code)
        return 0;
    *err = failure;
    return -1;
}
