/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_UNINSTALL_H
#define CLI_UNINSTALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * What removes things from this machine: uninstall.c and leave.c use it. It knows no
 * verb and no hub.
 */

/*
 * uninstall_erase.c: deletes `name` in `folder` with everything inside. It follows no
 * link and enters no mount. A name that does not exist is no error.
 */
int erase_tree(const char *folder, const char *name, struct err *err) MUST_CHECK;
struct erase_size {
    uint64_t bytes, files;
};
struct erase_size erase_measure(const char *path);
void erase_write_size(struct erase_size size, char ret[48]);

/* uninstall_holders.c: the processes that hold a lock of a file or folder. */
struct holders {
    struct holder {
        int pid, fd;            /* a pidfd; -1: the process has ended */
        char *command, *groups; /* owned: its arguments; its control groups */
    } * list;
    size_t count;
};
void holders_find(struct holders *holders, const char *path); /* adds to the list */
void holders_free(struct holders *holders);
#define scoped_holders SCOPED(holders_free)
/* The text of /proc/PID/cgroup. The caller frees. */
char *holders_groups(int pid);
/* Removes the control groups that an agent made below the groups of this text. */
void holders_delete_groups(const char *groups);
/* Moves this process back from the control group that a spoke's runtime moved it to. */
void holders_leave_group(void);
/* Sends SIGTERM to each, and SIGKILL to those that still run after a timeout. */
int holders_end(const struct holders *holders, struct err *err) MUST_CHECK;

/* leave.c: moves the data of claims out of a spoke's folder, to DATA/claims-DATE. */
int claims_keep(const char *folder, struct err *err) MUST_CHECK;

#endif
