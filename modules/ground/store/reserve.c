/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps room aside for the time when the disk is full. */

#include "store/internal.h"

#include "base/log.h"

#include <string.h>

/*
 * A delete needs room too: a row in the log that says so. So bytes are kept in
 * a file, PATH-reserve. When a write of the write-ahead log or of the database
 * finds the disk full, the file goes and the write is tried again, so that the
 * commit under way succeeds; from then on the callers refuse what makes the
 * database larger (store_is_full) until there is room for the reserve again.
 * In that time the write-ahead log is emptied often and the log of changes is
 * cut, so that deletes do not use the reserve up.
 */
#define RESERVE "-reserve"
#define SLICES 16

static bool give_up_reserve(struct store_db *db)
{
    /* A large write would use all of it and leave nothing for deletes. */
    if (db->full || db->staged_bytes > db->options.reserve / 4 || store_side_size(db, RESERVE) <= 0)
        return false;
    db->full = true;
    store_side_remove(db, RESERVE);
    log_error("store",
              "%s: the disk is full; %lld bytes that were kept for this are "
              "free now: deletes and changes of what is there go on, new objects are "
              "refused until there is room",
              db->path, (long long)db->options.reserve);
    store_db_trouble(db);
    return true;
}

static int spare_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset)
{
    const struct store_spare *spare = (const struct store_spare *)file->pMethods;
    int code = spare->plain->xWrite(file, bytes, count, offset);

    if (code == SQLITE_FULL && give_up_reserve(spare->db))
        code = spare->plain->xWrite(file, bytes, count, offset);
    return code;
}

/* SQLite calls our write, and otherwise what it called before. */
static void spare_put(struct store_db *db, struct store_spare *spare, int which)
{
    sqlite3_file *file = NULL;

    if (sqlite3_file_control(db->sqlite, "main", which, &file) != SQLITE_OK || !file ||
        !file->pMethods)
        return;
    spare->db = db;
    spare->plain = file->pMethods;
    spare->methods = *spare->plain;
    spare->methods.xWrite = spare_write;
    file->pMethods = &spare->methods;
}

/* Bytes that no file system makes smaller than they are. */
static bool reserve_write(const struct store_db *db, sqlite3_file *file)
{
    char block[4096];
    uint64_t state = 88172645463325252u;

    for (int64_t at = 0; at < db->options.reserve; at += (int64_t)sizeof block) {
        for (size_t i = 0; i < sizeof block; i += sizeof state) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            memcpy(block + i, &state, sizeof state);
        }
        if (file->pMethods->xWrite(file, block, sizeof block, at) != SQLITE_OK)
            return false;
    }
    return true;
}

static bool reserve_make(struct store_db *db)
{
    scoped_side sqlite3_file *file = NULL;
    bool made;

    if (store_side_size(db, RESERVE) >= db->options.reserve)
        return true;
    file = store_side_open(db, RESERVE, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    made = file && reserve_write(db, file);
    store_side_close(&file);
    if (!made)
        store_side_remove(db, RESERVE);
    return made;
}

void store_reserve_open(struct store_db *db)
{
    if (db->options.reserve <= 0)
        return;
    spare_put(db, &db->spare[0], SQLITE_FCNTL_FILE_POINTER);
    spare_put(db, &db->spare[1], SQLITE_FCNTL_JOURNAL_POINTER);
    db->full = !reserve_make(db);
    if (db->full)
        log_error("store",
                  "%s: there is no room for %lld bytes beside it: the disk is "
                  "full; new objects are refused until there is room",
                  db->path, (long long)db->options.reserve);
}

void store_db_make_room(struct store_db *db)
{
    if (!db->full || db->staged)
        return;
    for (int i = 0; i < SLICES && store_db_compact(db); i++)
        ;
    store_db_checkpoint(db);
    if (!reserve_make(db))
        return;
    db->full = false;
    log_info("store", "%s: the disk has room again", db->path);
}
