/* SPDX-License-Identifier: Apache-2.0 */
/* Goes on with a database whose disk cannot be written, from a copy in memory. */

#include "store/internal.h"
#include "store/memory.h"

#include "base/text.h"

#include <string.h>

/*
 * SQLite wants to write at each opening: a log that is to be recovered, a name for
 * a new database. On a disk that is full, read-only or failing that would keep the
 * owner from what it has. The files are small enough to be read whole; what is
 * staged can be read back, and each commit says why it is not kept.
 */

static int read_side(const struct store_db *db, const char *suffix, struct text *ret,
                     struct err *err)
{
    scoped_side sqlite3_file *file = NULL;
    int64_t size = store_side_size(db, suffix);
    int code;

    if (size < 0)
        return 0;
    file = store_side_open(db, suffix, SQLITE_OPEN_READONLY);
    if (!file)
        return err_set(err, ERR_UNREACHABLE, "%s%s cannot be read", db->path, suffix);
    if (size > INT32_MAX)
        return err_set(err, ERR_TOO_LARGE, "%s%s is too large for memory", db->path, suffix);
    text_reserve(ret, (size_t)size + 1);
    code = size ? file->pMethods->xRead(file, ret->bytes, (int)size, 0) : SQLITE_OK;
    if (code != SQLITE_OK)
        return err_set(err, ERR_UNREACHABLE, "%s%s cannot be read: %s", db->path, suffix,
                       sqlite3_errstr(code));
    ret->len = (size_t)size;
    return 0;
}

static int copy_files(const struct store_db *db, struct store_memory *into, struct err *err)
{
    static const char *const parts[] = {"", "-wal"};

    for (size_t i = 0; i < count_of(parts); i++) {
        scoped_text struct text bytes = {0};
        scoped_mem char *name = mem_printf("%s%s", db->path, parts[i]);

        if (read_side(db, parts[i], &bytes, err) < 0)
            return -1;
        if (bytes.len)
            store_memory_put(into, name, bytes.bytes, bytes.len);
    }
    return 0;
}

int store_copy_open(struct store_db *db, bool empty, struct err *err)
{
    static unsigned count;
    scoped_mem char *name = mem_printf("axle-memory-%u", ++count);

    db->memory = store_memory_new(name);
    if (!empty && copy_files(db, db->memory, err) < 0)
        return -1;
    db->vfs = sqlite3_vfs_find(name);
    return 0;
}

void store_copy_close(struct store_db *db)
{
    store_memory_free(&db->memory);
}
