/* SPDX-License-Identifier: Apache-2.0 */
/* Copies the database to a new file while it is in use. */

#include "store/internal.h"

#include <fcntl.h>
#include <unistd.h>

/* VACUUM INTO leaves the new file to the kernel; a backup is one only when the
   disk has it. */
static int sync_backup(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) < 0;

    if (fd >= 0)
        close(fd);
    return failed ? err_set(err, ERR_UNREACHABLE, "backup: %s cannot be made durable", path) : 0;
}

int store_db_backup(struct store_db *db, const char *path, struct err *err)
{
    sqlite3_stmt *copy = NULL;
    int code;

    code = sqlite3_prepare_v2(db->sqlite, "VACUUM INTO ?", -1, &copy, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_text(copy, 1, path, -1, SQLITE_STATIC);
        code = sqlite3_step(copy);
    }
    sqlite3_finalize(copy);
    if (code != SQLITE_DONE)
        return err_set(err, code == SQLITE_FULL ? ERR_FULL : ERR_UNREACHABLE, "backup to %s: %s",
                       path, sqlite3_errmsg(db->sqlite));
    return sync_backup(path, err);
}
