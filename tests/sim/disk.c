/* SPDX-License-Identifier: Apache-2.0 */
/* Is a simulated disk: it forgets what was not synced when it crashes, fills up and fails. */

#include "sim/disk.h"

#include "base/mem.h"
#include "base/text.h"
#include "store/memory.h"

#include <string.h>

#define SECTOR 512

struct store_disk {
    struct store_memory *memory; /* owned */
    int64_t limit, fail_after;
};

/* What of a file is durable. */
struct shadow {
    char *bytes; /* owned */
    size_t len, room;
    size_t dirty_from, dirty_to; /* where the file may differ */
    bool exists;
};

static struct shadow *shadow_of(struct store_memory_file *file)
{
    if (!file->shadow)
        file->shadow = mem_alloc(sizeof(struct shadow));
    return file->shadow;
}

static void resize_shadow(struct shadow *shadow, size_t len)
{
    if (len > shadow->room) {
        shadow->room = len + len / 2 + 4096;
        shadow->bytes = mem_resize(shadow->bytes, shadow->room);
    }
    if (len > shadow->len)
        memset(shadow->bytes + shadow->len, 0, len - shadow->len);
    shadow->len = len;
}

static void sync_shadow(struct store_memory_file *file)
{
    struct shadow *shadow = shadow_of(file);
    size_t to = shadow->dirty_to < file->len ? shadow->dirty_to : file->len;

    resize_shadow(shadow, file->len);
    if (to > shadow->dirty_from)
        memcpy(shadow->bytes + shadow->dirty_from, file->bytes + shadow->dirty_from,
               to - shadow->dirty_from);
    shadow->dirty_from = shadow->dirty_to = 0;
    shadow->exists = true;
}

/* Durable is what is there, all of it. */
static void make_all_durable(struct store_memory_file *file)
{
    struct shadow *shadow = shadow_of(file);

    shadow->dirty_from = 0;
    shadow->dirty_to = file->len;
    sync_shadow(file);
}

/* ---- What goes wrong by itself */

/* One more operation that a failing disk may refuse. */
static bool is_failing(struct store_disk *disk)
{
    if (disk->fail_after < 0)
        return false;
    if (disk->fail_after == 0)
        return true;
    disk->fail_after--;
    return false;
}

static bool is_full(const struct store_disk *disk, const struct store_memory_file *file, size_t end)
{
    int64_t sum = 0;

    if (disk->limit < 0 || end <= file->len)
        return false;
    for (struct store_memory_file *one = disk->memory->files; one; one = one->next)
        sum += (int64_t)one->len;
    return sum + (int64_t)(end - file->len) > disk->limit;
}

static int disk_before(void *arg, struct store_memory_file *file, enum store_memory_step step,
                       size_t end)
{
    struct store_disk *disk = arg;

    if (is_failing(disk))
        return SQLITE_IOERR;
    return step == STORE_MEMORY_WRITE && is_full(disk, file, end) ? SQLITE_FULL : SQLITE_OK;
}

static void disk_changed(void *arg, struct store_memory_file *file, size_t from, size_t to)
{
    struct shadow *shadow = shadow_of(file);

    if (shadow->dirty_to == 0 || from < shadow->dirty_from)
        shadow->dirty_from = from;
    if (to > shadow->dirty_to)
        shadow->dirty_to = to;
}

static void disk_synced(void *arg, struct store_memory_file *file)
{
    sync_shadow(file);
}

static void disk_removed(void *arg, struct store_memory_file *file)
{
    struct shadow *shadow = shadow_of(file);

    shadow->exists = false;
    resize_shadow(shadow, 0);
}

static const struct store_memory_faults disk_faults = {
    .before = disk_before,
    .changed = disk_changed,
    .synced = disk_synced,
    .removed = disk_removed,
};

/* ---- The disk */

struct store_disk *store_disk_new(const char *name)
{
    struct store_disk *disk = mem_alloc(sizeof *disk);

    disk->memory = store_memory_new(name);
    disk->memory->faults = &disk_faults;
    disk->memory->faults_arg = disk;
    disk->limit = disk->fail_after = -1;
    return disk;
}

void store_disk_free(struct store_disk **disk)
{
    if (!*disk)
        return;
    for (struct store_memory_file *file = (*disk)->memory->files; file; file = file->next) {
        struct shadow *shadow = take(file->shadow);

        if (shadow)
            mem_free(&shadow->bytes);
        mem_free(&shadow);
    }
    store_memory_free(&(*disk)->memory);
    mem_free(disk);
}

/* A sector that was written and not synced may have reached the disk or not. */
static void crash_file(struct store_memory_file *file, uint64_t seed)
{
    struct shadow *shadow = shadow_of(file);
    size_t common = file->len < shadow->len ? file->len : shadow->len;

    file->locked = file->readers = 0;
    /* Or the kernel has written a new file in its own time. */
    if (seed & 1 && file->exists && !shadow->exists && file->name)
        sync_shadow(file);
    file->exists = shadow->exists;
    for (size_t at = 0; seed && at + SECTOR <= common; at += SECTOR) {
        if (!memcmp(file->bytes + at, shadow->bytes + at, SECTOR))
            continue;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        if (seed >> 63)
            memcpy(shadow->bytes + at, file->bytes + at, SECTOR);
    }
    store_memory_resize(file, shadow->len);
    if (shadow->len)
        memcpy(file->bytes, shadow->bytes, shadow->len);
    shadow->dirty_from = shadow->dirty_to = 0;
}

void store_disk_crash(struct store_disk *disk, uint64_t seed)
{
    disk->memory->life++;
    disk->fail_after = -1;
    for (struct store_memory_file *file = disk->memory->files; file; file = file->next) {
        crash_file(file, seed);
        seed = seed ? seed * 2862933555777941757u + 3037000493u : 0;
    }
}

void store_disk_limit(struct store_disk *disk, int64_t bytes)
{
    disk->limit = bytes;
}

void store_disk_fail_after(struct store_disk *disk, int64_t count)
{
    disk->fail_after = count;
}

void store_disk_put(struct store_disk *disk, const char *name, const void *bytes, size_t len)
{
    make_all_durable(store_memory_put(disk->memory, name, bytes, len));
}

/* ---- Damage */

int64_t store_disk_size(const struct store_disk *disk, const char *name)
{
    const struct store_memory_file *file = store_memory_find(disk->memory, name);

    return file && file->exists ? (int64_t)file->len : -1;
}

void store_disk_flip(struct store_disk *disk, const char *name, int64_t bit)
{
    struct store_memory_file *file = store_memory_find(disk->memory, name);
    size_t at = (size_t)(bit / 8);

    if (file && at < file->len)
        file->bytes[at] = (char)(file->bytes[at] ^ 1 << bit % 8);
}

void store_disk_cut(struct store_disk *disk, const char *name, int64_t size)
{
    struct store_memory_file *file = store_memory_find(disk->memory, name);

    if (file && (size_t)size < file->len)
        store_memory_resize(file, (size_t)size);
}

void store_disk_remove(struct store_disk *disk, const char *name)
{
    store_memory_remove(disk->memory, name);
}

void store_disk_copy(struct store_disk *disk, const struct store_disk *from, const char *only)
{
    for (struct store_memory_file *file = only ? NULL : disk->memory->files; file;
         file = file->next) {
        file->exists = shadow_of(file)->exists = false;
        file->locked = file->readers = 0;
    }
    for (struct store_memory_file *file = from->memory->files; file; file = file->next) {
        struct store_memory_file *copy;

        if (!file->name || (only && !text_same(file->name, only)))
            continue;
        copy = store_memory_put(disk->memory, file->name, file->bytes, file->len);
        make_all_durable(copy);
        copy->exists = shadow_of(copy)->exists = file->exists;
    }
}
