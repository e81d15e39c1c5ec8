/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * Small files that a person may look at: keys, kubeconfigs, tokens, settings.
 *
 * Whole files at a time, written so that a reader sees the old or the new one
 * and a crash leaves one of them. Blocks for as long as the disk takes, so it
 * is for start-up and rare changes; what happens often goes into the store.
 */

/* The caller frees. A NUL follows that `ret_len` (may be NULL) does not count.
   ERR_NOT_FOUND, ERR_TOO_LARGE beyond `limit`. */
char *file_read(const char *path, size_t limit, size_t *ret_len, struct err *err) MUST_CHECK;
/* Durable when it returns: written aside, synced, renamed. */
int file_write(const char *path, const void *bytes, size_t len, unsigned mode,
               struct err *err) MUST_CHECK;
/* Makes the folder and those above it, if they are missing, with mode 0700. */
int file_make_folder(const char *path, struct err *err) MUST_CHECK;
/*
 * Lets other users pass through a folder of this process' own without seeing
 * what is in it (0711). A folder of another user is left as it is.
 */
int file_let_pass(const char *folder, struct err *err) MUST_CHECK;
/* The first folder on the way to `path` that other users cannot pass, or NULL;
   the caller frees. */
char *file_barrier(const char *path);
bool file_exists(const char *path);
/* Durable when it returns; what `to` named before is gone. */
int file_move(const char *from, const char *to, struct err *err) MUST_CHECK;
/*
 * Raises this process' soft limit of open files to the hard one, up to `most`, and
 * says what it then is. Children inherit it, so code that starts other programs
 * sets theirs.
 */
size_t file_raise_limit(size_t most);
void file_remove(const char *path); /* a missing file is no error */

/* What the file system of a path says of itself. */
struct file_room {
    uint64_t free, all; /* bytes for this user */
    bool read_only;
    bool no_names; /* it has no inode for another file */
};
bool file_room(const char *path, struct file_room *ret);
/* Whether so many bytes can be made durable at `path`, which is gone then: a file
   system may say that there is room and refuse it all the same. */
bool file_can_write(const char *path, size_t bytes);
/* Holds a folder for this process, until the descriptor is closed. -1 and ERR_NONE:
   the file system knows no locks. ERR_CONFLICT: another process holds it. */
int file_lock_folder(const char *path, struct err *err);

#endif
