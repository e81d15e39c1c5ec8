/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_BELOW_H
#define RUNTIME_BELOW_H

#include <sys/types.h>

/*
 * Private to runtime: a path below a folder that workloads may write to.
 *
 * A workload may put a link there that leads anywhere, so the kernel is asked
 * to stay below (openat2). Folders that are missing are made, as a kubelet
 * makes them for subPath, and given to `owner`; (uid_t)-1: none is made.
 * Returns a descriptor (O_PATH), or -1 with errno.
 */
int below_open(const char *folder, const char *path, uid_t owner);

#endif
