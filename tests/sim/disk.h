/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <stddef.h>
#include <stdint.h>

/*
 * Files in memory, for a simulation: an SQLite VFS under `name`, which goes into
 * store_options.vfs. What was written and not synced is lost at a crash, or part
 * of it is, as `seed` has it. After a crash whoever still holds the store gets
 * failures until it closes it; store_open() then finds what was durable.
 */
struct store_disk;
struct store_disk *store_disk_new(const char *name);
void store_disk_free(struct store_disk **disk);
void store_disk_crash(struct store_disk *disk, uint64_t seed);
/* No file grows beyond `bytes` in all: the disk is full. -1: no limit. */
void store_disk_limit(struct store_disk *disk, int64_t bytes);
/* The disk dies after `count` more writes and syncs, until the next crash puts
   it right. -1: never. */
void store_disk_fail_after(struct store_disk *disk, int64_t count);
/* A file with these bytes, durable at once. */
void store_disk_put(struct store_disk *disk, const char *file, const void *bytes, size_t len);
/* Damage, for tests; the file must not be open. -1: there is no such file. */
int64_t store_disk_size(const struct store_disk *disk, const char *file);
void store_disk_flip(struct store_disk *disk, const char *file, int64_t bit);
void store_disk_cut(struct store_disk *disk, const char *file, int64_t size);
void store_disk_remove(struct store_disk *disk, const char *file);
/* One file of another disk as it is now; NULL: all of them and no others. */
void store_disk_copy(struct store_disk *disk, const struct store_disk *from, const char *file);

#endif
