/* SPDX-License-Identifier: Apache-2.0 */
/* Commits what was staged, and notes how new the store is then. */
#include "storage/internal.h"

#include "store/store.h"

struct commit {
    struct storage *storage;
    void (*done)(void *arg, const struct err *err);
    void *arg;
};

/* `done` first: the note is only for the next start. It must not close the storage. */
static void on_storage_committed(void *arg, const struct err *err)
{
    struct commit *commit = arg;
    struct storage *storage = commit->storage;

    commit->done(commit->arg, err);
    mem_free(&commit);
    if (!err || !err->code)
        recovery_note(storage);
}

void storage_commit(struct storage *storage, void (*done)(void *arg, const struct err *err),
                    void *arg)
{
    struct commit *commit = mem_alloc(sizeof *commit);

    *commit = (struct commit){storage, done, arg};
    store_commit(storage->store, on_storage_committed, commit);
}
