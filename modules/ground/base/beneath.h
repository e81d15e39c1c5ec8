/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BENEATH_H
#define BASE_BENEATH_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Paths below folders that others, such as workloads, may write to.
 *
 * A workload may put a link there that leads anywhere, or exchange a folder
 * for one between a check and a use. So root walks such a path by descriptors,
 * follows no link, and uses what it has opened, never the path again.
 *
 * All return a descriptor or 0, or -1 with errno: ELOOP for a link, EXDEV for
 * a path that is absolute or steps back.
 */

/* What is there (O_PATH); `path` "" is the folder itself. */
int beneath_open(int folder, const char *path);
/*
 * The same, and what is missing is made: folders, and at the end a file if
 * `file`. What was made belongs to `owner`, (uid_t)-1: to us.
 */
int beneath_make(int folder, const char *path, bool file, mode_t mode, uid_t owner);
/* The folder that holds the last part of the path, made if it is missing
   (0755, ours), and that part; "." and "" have none: EINVAL. */
int beneath_parent(int folder, const char *path, const char **ret_name);
/*
 * Whether only root could exchange what the path leads to: for those that we
 * can tell nothing but the path. EPERM: workloads could.
 */
int beneath_is_steady(int folder, const char *path);

/*
 * Deletes whatever is there. `at` is a folder that workloads cannot exchange,
 * or AT_FDCWD and a path through such ones. However deep the tree is, few
 * descriptors are open at a time.
 */
void beneath_delete(int at, const char *name);
/* The same, but gives up after so many entries. False: there is more. */
bool beneath_delete_some(int at, const char *name, int most);

#endif
