/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_KEPT_H
#define BASE_KEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * Small files that must not be believed when they are damaged, and must not be
 * lost by it either.
 *
 * Beside PATH, which holds the bytes as they are, lies PATH.copy: a checksum and
 * the bytes once more. Whatever one of the two suffers, the other tells which is
 * right. A file without its copy, as older programs wrote it, is taken as it is.
 */

/* `durable`: synced when it returns; otherwise only whole or not there. */
int kept_write(const char *path, const void *bytes, size_t len, unsigned mode, bool durable,
               struct err *err) MUST_CHECK;
/*
 * The caller frees; a NUL follows. ERR_NOT_FOUND if there is neither, ERR_INVALID
 * if both are damaged. `ret_damaged` (may be NULL) tells that one was, and that
 * the answer is the other's.
 */
char *kept_read(const char *path, size_t limit, size_t *ret_len, bool *ret_damaged,
                struct err *err) MUST_CHECK;
void kept_remove(const char *path);

#endif
