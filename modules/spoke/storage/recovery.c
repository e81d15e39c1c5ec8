/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the store, and puts it aside for a new one when it is lost or damaged. */
#include "storage/internal.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/kept.h"
#include "base/log.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Everything in the store can be read again from elsewhere: works from the hub, and what
 * runs from the pods' folders. So a store with a damaged part is put aside as a whole,
 * under a name with the date; a new one begins, and what runs is taken up as it is. A
 * store that is older than it was, because its WAL is gone, counts as damaged, since it
 * would bring back what was replaced meanwhile. To notice that, the newest revision is
 * noted in a file beside the store after each commit, without a sync.
 */

#define NOTE "newest"
/* Kept free by the store, so that works can be removed on a full disk: that makes room. */
#define RESERVE ((int64_t)1024 * 1024)
/* Rows are read at the start only, and a commit changes few. */
#define CACHE ((int64_t)256 * 1024)

/* ---- The newest revision --------------------------------------------------------- */

void recovery_note(const struct storage *storage)
{
    scoped_mem char *path = mem_printf("%s/" NOTE, storage->settings.directory);
    char text[32];
    struct err err = {0};

    snprintf(text, sizeof text, "%" PRId64 "\n", store_revision(storage->store));
    if (kept_write(path, text, strlen(text), 0600, false, &err) < 0)
        log_debug("spoke", "%s", err.text);
}

static int64_t noted_revision(const struct storage *storage)
{
    scoped_mem char *path = mem_printf("%s/" NOTE, storage->settings.directory);
    size_t len = 0;
    scoped_mem char *text = kept_read(path, 64, &len, NULL, NULL);

    return text ? strtoll(text, NULL, 10) : 0;
}

/* ---- Whether it can be believed -------------------------------------------------- */

static int check_row(void *arg, const struct store_row *row, struct err *err)
{
    scoped_text struct text plain = {0};

    return rows_is_encrypted(row) ? storage_read(arg, row, &plain, err) : 0;
}

struct blob_check {
    struct store *store;
    struct err *err;
};

static void check_blob(void *arg, const char *name, int64_t size, int64_t wall)
{
    struct blob_check *check = arg;
    scoped_mem char *bytes = mem_alloc((size_t)(size > 0 ? size : 0) + 1);

    if (!check->err->code &&
        store_blob_read(check->store, name, 0, bytes, (size_t)size, check->err) != size &&
        !check->err->code)
        err_set(check->err, ERR_INTERNAL, "a part of %s is missing", name);
}

static int check_store(struct storage *storage, struct err *err)
{
    struct blob_check check = {storage->store, err};
    int64_t noted = noted_revision(storage);

    if (store_revision(storage->store) < noted)
        return err_set(err, ERR_INTERNAL,
                       "it has lost its newest changes (%" PRId64 " of %" PRId64 " are there)",
                       store_revision(storage->store), noted);
    if (store_each(storage->store, check_row, storage, err) < 0)
        return -1;
    store_blob_each(storage->store, check_blob, &check);
    return err->code ? -1 : 0;
}

/* ---- Damaged --------------------------------------------------------------------- */

static void remember_damage(struct storage *storage, const char *words)
{
    free(storage->damage);
    storage->damage = mem_copy_string(words);
    log_error("spoke", "%s", words);
}

static int open_new_store(struct storage *storage, const char *path,
                          const struct store_options *options, const struct err *why,
                          struct err *err)
{
    scoped_mem char *aside = NULL, *words = NULL;

    store_close(&storage->store);
    if (storage_file_put_aside(storage->settings.directory, "axle.db", &aside, err) < 0) {
        if (err->code == ERR_INTERNAL)
            err->code = ERR_UNREACHABLE; /* it is the disk that cannot be written */
        return -1;
    }
    words = mem_printf("the spoke's store cannot be believed: %.400s. It is put aside as %s; what "
                       "runs stays as it is, and works are read from the hub again",
                       why->text, aside);
    remember_damage(storage, words);
    storage->store = store_open(path, options, err);
    return storage->store ? 0 : err_wrap(err, "%s", path);
}

/* Only what another start or another disk would not mend. */
static bool is_store_damage(const struct err *err)
{
    return err->code == ERR_INTERNAL || err->code == ERR_UNSUPPORTED || err->code == ERR_INVALID;
}

/* The store as it is on its disk, or a new one in the place of one that is damaged. */
static int open_store_file(struct storage *storage, struct err *err)
{
    scoped_mem char *path = mem_printf("%s/axle.db", storage->settings.directory);
    const char *vfs = storage->settings.vfs;
    struct store_options options = {.vfs = vfs,
                                    .history_age = 60 * CLOCK_SECOND,
                                    .history_bytes = 1024 * 1024,
                                    .cache = CACHE,
                                    .reserve = vfs ? 0 : RESERVE};
    bool gone = !vfs && !file_exists(path) && noted_revision(storage) > 0;
    struct err why = {0};

    storage->store = store_open(path, &options, &why);
    if (gone && storage->store) {
        remember_damage(storage,
                        "the spoke's store, axle.db, is gone; what runs stays as it is, and "
                        "works are read from the hub again");
        return 0;
    }
    if (storage->store && check_store(storage, &why) == 0)
        return 0;
    if (!vfs && is_store_damage(&why))
        return open_new_store(storage, path, &options, &why, err);
    *err = why;
    return err_wrap(err, "%s", path);
}

/* A store in memory: a copy of the one on the disk if that can be read, else empty. */
static int open_memory_copy(struct storage *storage, const struct err *why, struct err *err)
{
    scoped_mem char *path = mem_printf("%s/axle.db", storage->settings.directory), *words = NULL;
    struct store_options options = {.vfs = storage->settings.vfs,
                                    .history_age = 60 * CLOCK_SECOND,
                                    .history_bytes = 1024 * 1024,
                                    .unwritable = why};
    struct err copy = {0};

    store_close(&storage->store);
    storage->copied = true;
    storage->store = store_open(path, &options, &copy);
    if (storage->store && check_store(storage, &copy) == 0)
        return 0;
    store_close(&storage->store);
    words = mem_printf("the spoke's store cannot be read: %.400s. What runs stays as it is, and "
                       "works are read from the hub again",
                       copy.text);
    remember_damage(storage, words);
    options.empty = true;
    storage->store = store_open(path, &options, err);
    return storage->store ? 0 : -1;
}

/* SQLite locks its file too, but not while the store is a copy in memory. */
static int lock_folder(struct storage *storage, struct err *err)
{
    storage->lock = file_lock_folder(storage->settings.directory, err);
    return storage->lock < 0 && err->code == ERR_CONFLICT ? -1 : 0;
}

/* The disk cannot be written now, and nothing is lost. */
static bool is_unwritable(const struct err *err)
{
    return err->code == ERR_FULL || err->code == ERR_FORBIDDEN || err->code == ERR_UNREACHABLE;
}

int recovery_open(struct storage *storage, struct err *ret_unwritable, struct err *err)
{
    struct err why = {0};

    if (!storage->settings.vfs && lock_folder(storage, err) < 0)
        return -1;
    if (open_store_file(storage, &why) == 0)
        return 0;
    if (!is_unwritable(&why) || open_memory_copy(storage, &why, err) < 0) {
        *err = why;
        return -1;
    }
    *ret_unwritable = why;
    return 0;
}

int recovery_reopen(struct storage *storage, struct err *err)
{
    struct store *copy = take(storage->store);

    if (open_store_file(storage, err) < 0) {
        store_close(&storage->store);
        storage->store = copy;
        return -1;
    }
    store_close(&copy);
    storage->copied = false;
    return 0;
}
