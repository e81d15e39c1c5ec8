/* SPDX-License-Identifier: Apache-2.0 */
/* Opens files beside the database through the database's own VFS. */

#include "store/internal.h"

#include <string.h>

/* SQLite's VFS wants names that it has made itself. */
static sqlite3_filename side_name(const struct store_db *db, const char *suffix)
{
    scoped_mem char *path = mem_printf("%s%s", db->path, suffix);

    return sqlite3_create_filename(path, "", "", 0, NULL);
}

/* The name must outlive the open file, so it stands before it. */
struct side {
    sqlite3_filename name;
    sqlite3_file file; /* and what the VFS adds */
};

static struct side *side_of(sqlite3_file *file)
{
    return (struct side *)((char *)file - offsetof(struct side, file));
}

sqlite3_file *store_side_open(const struct store_db *db, const char *suffix, int flags)
{
    sqlite3_vfs *vfs = db->vfs;
    struct side *side = mem_alloc(offsetof(struct side, file) + (size_t)vfs->szOsFile);
    int type = *suffix ? SQLITE_OPEN_WAL : SQLITE_OPEN_MAIN_DB;

    side->name = side_name(db, suffix);
    if (vfs->xOpen(vfs, side->name, &side->file, flags | type, NULL) != SQLITE_OK) {
        sqlite3_free_filename(side->name);
        mem_free(&side);
        return NULL;
    }
    return &side->file;
}

void store_side_close(sqlite3_file **file)
{
    struct side *side;

    if (!*file)
        return;
    side = side_of(*file);
    side->file.pMethods->xClose(&side->file);
    sqlite3_free_filename(side->name);
    mem_free(&side);
    *file = NULL;
}

int64_t store_side_size(const struct store_db *db, const char *suffix)
{
    scoped_side sqlite3_file *file = NULL;
    sqlite3_filename name = side_name(db, suffix);
    sqlite3_int64 size = 0;
    int there = 0;

    db->vfs->xAccess(db->vfs, name, SQLITE_ACCESS_EXISTS, &there);
    sqlite3_free_filename(name);
    if (!there)
        return -1;
    file = store_side_open(db, suffix, SQLITE_OPEN_READONLY);
    if (file)
        file->pMethods->xFileSize(file, &size);
    return size;
}

void store_side_remove(const struct store_db *db, const char *suffix)
{
    sqlite3_filename name = side_name(db, suffix);

    db->vfs->xDelete(db->vfs, name, 0);
    sqlite3_free_filename(name);
}
