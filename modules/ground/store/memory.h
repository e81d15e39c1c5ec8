/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

#include <sqlite3.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Files in memory, as an SQLite VFS: where the store goes on when its disk cannot
 * be written (copy.c).
 *
 * What a simulation replaces: nothing of the store itself. A simulated disk
 * (tests/sim/disk.c) is one of these with `faults`, which decide what of the bytes
 * is durable and which operation fails. In the product `faults` is NULL.
 */
struct store_memory_file {
    char *name;  /* owned; NULL: a temporary file */
    char *bytes; /* owned */
    size_t len, room;
    bool exists;
    int readers, locked; /* handles with a lock; 1 when one of them writes */
    void *shadow;        /* owned by the faults: what of it is durable */
    struct store_memory_file *next;
};

enum store_memory_step { STORE_MEMORY_WRITE, STORE_MEMORY_TRUNCATE, STORE_MEMORY_SYNC };

struct store_memory_faults {
    /* Before a step after which the file ends at `end`: SQLITE_OK, SQLITE_IOERR or SQLITE_FULL. */
    int (*before)(void *arg, struct store_memory_file *file, enum store_memory_step step,
                  size_t end);
    /* Bytes between the two places are other ones now. */
    void (*changed)(void *arg, struct store_memory_file *file, size_t from, size_t to);
    void (*synced)(void *arg, struct store_memory_file *file);
    void (*removed)(void *arg, struct store_memory_file *file);
};

struct store_memory {
    sqlite3_vfs vfs;
    char *name;                      /* owned; of the VFS */
    struct store_memory_file *files; /* owned list */
    uint64_t life; /* a file that was opened in an earlier one gives errors only */
    const struct store_memory_faults *faults;
    void *faults_arg;
};

/* Registers a VFS under `name`, which goes into store_options.vfs. */
struct store_memory *store_memory_new(const char *name);
void store_memory_free(struct store_memory **memory);
/* A file with these bytes, made if need be. */
struct store_memory_file *store_memory_put(struct store_memory *memory, const char *name,
                                           const void *bytes, size_t len);
/* NULL: there is none of this name. It may be one that does not exist any more. */
struct store_memory_file *store_memory_find(const struct store_memory *memory, const char *name);
void store_memory_resize(struct store_memory_file *file, size_t len);
void store_memory_remove(struct store_memory *memory, const char *name);

#endif
