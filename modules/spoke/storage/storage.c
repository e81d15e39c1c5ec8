/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes the storage of a spoke, and commits what was staged. */
#include "storage/internal.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/store.h"

#include <string.h>
#include <unistd.h>

#define KEY_FILE "pki/sealing.key"

/* ---- The key of the rows --------------------------------------------------------- */

static int make_row_key(struct storage *storage, struct err *err)
{
    random_bytes(storage->key, PKI_SEAL_KEY);
    return storage_file_write(storage->settings.directory, KEY_FILE, storage->key, PKI_SEAL_KEY,
                              err);
}

/* What it encrypted cannot be read any more, and need not be: see recovery.c. */
static int replace_row_key(struct storage *storage, struct err *err)
{
    const char *directory = storage->settings.directory;

    log_error("spoke",
              "%s/" KEY_FILE
              " is damaged and was renamed: it does not have the %d bytes of an encryption key",
              directory, PKI_SEAL_KEY);
    if (storage_file_put_aside(directory, KEY_FILE, NULL, err) < 0)
        return -1;
    return make_row_key(storage, err);
}

/* The key lies outside the database, so that a copy of the database alone holds no secrets. */
static int open_row_key(struct storage *storage, struct err *err)
{
    scoped_mem char *stored = NULL;
    size_t len = 0;

    if (!storage_file_exists(storage->settings.directory, KEY_FILE))
        return make_row_key(storage, err);
    stored = storage_file_read(storage->settings.directory, KEY_FILE, &len, err);
    if (!stored && err->code != ERR_INVALID)
        return -1;
    if (!stored || len != PKI_SEAL_KEY) {
        *err = (struct err){0};
        return replace_row_key(storage, err);
    }
    memcpy(storage->key, stored, PKI_SEAL_KEY);
    explicit_bzero(stored, len);
    return 0;
}

/* ---- Life ------------------------------------------------------------------------ */

static int open_storage_parts(struct storage *storage, struct err *err)
{
    struct err unwritable = {0};

    if (open_row_key(storage, err) < 0 || recovery_open(storage, &unwritable, err) < 0)
        return -1;
    if (unwritable.code)
        pressure_begin(storage, &unwritable);
    pressure_follow(storage);
    return 0;
}

int storage_open(const struct storage_settings *settings, struct storage **ret, struct err *err)
{
    struct storage *storage = mem_alloc(sizeof *storage);

    storage->tag = STORAGE_TAG;
    storage->settings = *settings;
    storage->settings.directory = mem_copy_string(settings->directory);
    storage->settings.vfs = settings->vfs ? mem_copy_string(settings->vfs) : NULL;
    storage->lock = -1;
    if (open_storage_parts(storage, err) < 0) {
        storage_close(&storage);
        return -1;
    }
    *ret = storage;
    return 0;
}

void storage_close(struct storage **at)
{
    struct storage *storage = take(*at);

    if (!storage)
        return;
    pressure_close(storage);
    store_close(&storage->store);
    if (storage->lock >= 0)
        close(storage->lock);
    explicit_bzero(storage->key, sizeof storage->key);
    mem_free(&storage->damage);
    mem_free((char **)&storage->settings.directory);
    mem_free((char **)&storage->settings.vfs);
    storage->tag = 0;
    mem_free(&storage);
}

struct store *storage_store(const struct storage *storage)
{
    return storage->store;
}

const char *storage_damage(const struct storage *storage)
{
    return storage->damage;
}
