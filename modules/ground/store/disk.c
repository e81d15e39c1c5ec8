/* SPDX-License-Identifier: Apache-2.0 */
/* Is a disk in memory that forgets what was not synced when it crashes. */

#include "store/store.h"

#include "base/clock.h"
#include "base/text.h"

#include <sqlite3.h>
#include <string.h>

#define SECTOR 512

struct image {
    char *bytes; /* owned */
    size_t len, room;
};

struct file {
    char *name; /* owned */
    struct image live, durable;
    size_t dirty_from, dirty_to; /* where live may differ */
    bool exists, exists_durably, temporary;
    int lock_holders, locked; /* readers; 1 when somebody writes */
    struct file *next;
};

struct store_disk {
    sqlite3_vfs vfs;
    char *name;         /* owned */
    struct file *files; /* owned list */
    uint64_t life;      /* grows with each crash */
    int64_t limit, fail_after, syncs;
};

/* What SQLite holds open. */
struct handle {
    sqlite3_file base;
    struct store_disk *disk;
    struct file *file;
    uint64_t life;
    int lock;
};

static void image_resize(struct image *image, size_t len)
{
    if (len > image->room) {
        size_t room = len + len / 2 + 4096;

        image->bytes = mem_resize(image->bytes, room);
        image->room = room;
    }
    if (len > image->len)
        memset(image->bytes + image->len, 0, len - image->len);
    image->len = len;
}

static void image_copy(struct image *to, const struct image *from)
{
    image_resize(to, from->len);
    if (from->len)
        memcpy(to->bytes, from->bytes, from->len);
}

static struct file *file_find(const struct store_disk *disk, const char *name)
{
    struct file *file = disk->files;

    while (file && !text_same(file->name, name))
        file = file->next;
    return file;
}

static struct file *file_make(struct store_disk *disk, const char *name)
{
    struct file *file = mem_alloc(sizeof(*file));

    file->name = name ? mem_copy_string(name) : NULL;
    file->temporary = !name;
    file->next = disk->files;
    disk->files = file;
    return file;
}

static void mark_dirty(struct file *file, size_t from, size_t to)
{
    if (file->dirty_to == 0 || from < file->dirty_from)
        file->dirty_from = from;
    if (to > file->dirty_to)
        file->dirty_to = to;
}

static void make_durable(struct file *file)
{
    size_t to = file->dirty_to < file->live.len ? file->dirty_to
                                                : file->live.len;

    image_resize(&file->durable, file->live.len);
    if (to > file->dirty_from)
        memcpy(file->durable.bytes + file->dirty_from,
               file->live.bytes + file->dirty_from, to - file->dirty_from);
    file->dirty_from = file->dirty_to = 0;
    file->exists_durably = true;
}

static bool is_dead(struct handle *handle)
{
    return handle->life != handle->disk->life;
}

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

/* ---- A file ------------------------------------------------------------- */

static int file_close(sqlite3_file *base)
{
    struct handle *handle = (struct handle *)base;

    if (!is_dead(handle)) {
        base->pMethods->xUnlock(base, SQLITE_LOCK_NONE);
        if (handle->file->temporary)
            image_resize(&handle->file->live, 0);
    }
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *into, int count,
                     sqlite3_int64 offset)
{
    struct handle *handle = (struct handle *)base;
    const struct image *live = &handle->file->live;
    size_t have;

    if (is_dead(handle))
        return SQLITE_IOERR_READ;
    have = (size_t)offset < live->len ? live->len - (size_t)offset : 0;
    if (have >= (size_t)count) {
        memcpy(into, live->bytes + offset, (size_t)count);
        return SQLITE_OK;
    }
    if (have)
        memcpy(into, live->bytes + offset, have);
    memset((char *)into + have, 0, (size_t)count - have);
    return SQLITE_IOERR_SHORT_READ;
}

static bool is_full(struct handle *handle, size_t end)
{
    int64_t sum = 0;

    if (handle->disk->limit < 0 || end <= handle->file->live.len)
        return false;
    for (struct file *file = handle->disk->files; file; file = file->next)
        sum += (int64_t)file->live.len;
    return sum + (int64_t)(end - handle->file->live.len) > handle->disk->limit;
}

static int file_write(sqlite3_file *base, const void *bytes, int count,
                      sqlite3_int64 offset)
{
    struct handle *handle = (struct handle *)base;
    size_t end = (size_t)offset + (size_t)count;

    if (is_dead(handle) || is_failing(handle->disk))
        return SQLITE_IOERR_WRITE;
    if (is_full(handle, end))
        return SQLITE_FULL;
    if (end > handle->file->live.len)
        image_resize(&handle->file->live, end);
    memcpy(handle->file->live.bytes + offset, bytes, (size_t)count);
    mark_dirty(handle->file, (size_t)offset, end);
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct handle *handle = (struct handle *)base;

    if (is_dead(handle) || is_failing(handle->disk))
        return SQLITE_IOERR_TRUNCATE;
    image_resize(&handle->file->live, (size_t)size);
    mark_dirty(handle->file, (size_t)size, SIZE_MAX);
    return SQLITE_OK;
}

static int file_sync(sqlite3_file *base, int flags)
{
    struct handle *handle = (struct handle *)base;

    if (is_dead(handle) || is_failing(handle->disk))
        return SQLITE_IOERR_FSYNC;
    handle->disk->syncs++;
    make_durable(handle->file);
    return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *ret)
{
    struct handle *handle = (struct handle *)base;

    if (is_dead(handle))
        return SQLITE_IOERR_FSTAT;
    *ret = (sqlite3_int64)handle->file->live.len;
    return SQLITE_OK;
}

/* Everything above a shared lock excludes everybody: enough for one hub. */
static int file_lock(sqlite3_file *base, int level)
{
    struct handle *handle = (struct handle *)base;
    struct file *file = handle->file;
    bool held = handle->lock > SQLITE_LOCK_NONE;

    if (is_dead(handle))
        return SQLITE_IOERR_LOCK;
    if (level <= handle->lock)
        return SQLITE_OK;
    if (file->locked && handle->lock < SQLITE_LOCK_RESERVED)
        return SQLITE_BUSY;
    if (level >= SQLITE_LOCK_RESERVED) {
        if (file->lock_holders > (held ? 1 : 0))
            return SQLITE_BUSY;
        file->locked = 1;
    }
    file->lock_holders += held ? 0 : 1;
    handle->lock = level;
    return SQLITE_OK;
}

static int file_unlock(sqlite3_file *base, int level)
{
    struct handle *handle = (struct handle *)base;

    if (is_dead(handle) || level >= handle->lock)
        return SQLITE_OK;
    if (handle->lock >= SQLITE_LOCK_RESERVED)
        handle->file->locked = 0;
    if (level == SQLITE_LOCK_NONE)
        handle->file->lock_holders--;
    handle->lock = level;
    return SQLITE_OK;
}

static int file_is_reserved(sqlite3_file *base, int *ret)
{
    *ret = ((struct handle *)base)->file->locked;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int what, void *arg)
{
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *base)
{
    return SECTOR;
}

static int file_traits(sqlite3_file *base)
{
    return 0;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_is_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
};

/* ---- The disk ----------------------------------------------------------- */

static struct store_disk *disk_of(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base,
                     int flags, int *ret_flags)
{
    struct store_disk *disk = disk_of(vfs);
    struct handle *handle = (struct handle *)base;
    struct file *file = name ? file_find(disk, name) : NULL;

    base->pMethods = NULL;
    if (!file || !file->exists) {
        if (!(flags & SQLITE_OPEN_CREATE))
            return SQLITE_CANTOPEN;
        file = file ? file : file_make(disk, name);
        file->exists = true;
    }
    *handle = (struct handle){.disk = disk, .file = file, .life = disk->life};
    base->pMethods = &methods;
    if (ret_flags)
        *ret_flags = flags;
    return SQLITE_OK;
}

/* SQLite syncs the folder when it matters, so a delete is durable at once. */
static int disk_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    struct file *file = file_find(disk_of(vfs), name);

    if (!file || !file->exists)
        return SQLITE_IOERR_DELETE_NOENT;
    file->exists = file->exists_durably = false;
    image_resize(&file->live, 0);
    image_resize(&file->durable, 0);
    return SQLITE_OK;
}

static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    struct file *file = file_find(disk_of(vfs), name);

    *ret = file && file->exists;
    return SQLITE_OK;
}

static int disk_full_name(sqlite3_vfs *vfs, const char *name, int room,
                          char *out)
{
    sqlite3_snprintf(room, out, "%s", name);
    return SQLITE_OK;
}

static int disk_random(sqlite3_vfs *vfs, int count, char *out)
{
    random_bytes(out, (size_t)count);
    return count;
}

static int disk_sleep(sqlite3_vfs *vfs, int microseconds)
{
    return microseconds;
}

static int disk_time(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
    /* Milliseconds since the Julian day 0. */
    *ret = 210866760000000 + clock_wall() / CLOCK_MS;
    return SQLITE_OK;
}

static int disk_last_error(sqlite3_vfs *vfs, int room, char *out)
{
    return 0;
}

struct store_disk *store_disk_new(const char *name)
{
    struct store_disk *disk = mem_alloc(sizeof(*disk));

    disk->name = mem_copy_string(name);
    disk->limit = disk->fail_after = -1;
    disk->vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = sizeof(struct handle),
        .mxPathname = 512,
        .zName = disk->name,
        .pAppData = disk,
        .xOpen = disk_open,
        .xDelete = disk_delete,
        .xAccess = disk_access,
        .xFullPathname = disk_full_name,
        .xRandomness = disk_random,
        .xSleep = disk_sleep,
        .xCurrentTimeInt64 = disk_time,
        .xGetLastError = disk_last_error,
    };
    sqlite3_vfs_register(&disk->vfs, 0);
    return disk;
}

void store_disk_free(struct store_disk **disk)
{
    struct file *file;

    if (!*disk)
        return;
    sqlite3_vfs_unregister(&(*disk)->vfs);
    while ((file = (*disk)->files)) {
        (*disk)->files = file->next;
        mem_free(&file->name);
        mem_free(&file->live.bytes);
        mem_free(&file->durable.bytes);
        mem_free(&file);
    }
    mem_free(&(*disk)->name);
    mem_free(disk);
}

/* A sector that was written and not synced may have reached the disk or not. */
static void crash_file(struct file *file, uint64_t seed)
{
    size_t common = file->live.len < file->durable.len ? file->live.len
                                                       : file->durable.len;

    file->locked = file->lock_holders = 0;
    /* Or the kernel has written a new file in its own time. */
    if (seed & 1 && file->exists && !file->exists_durably && !file->temporary)
        make_durable(file);
    file->exists = file->exists_durably;
    for (size_t at = 0; seed && at + SECTOR <= common; at += SECTOR) {
        if (!memcmp(file->live.bytes + at, file->durable.bytes + at, SECTOR))
            continue;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        if (seed >> 63)
            memcpy(file->durable.bytes + at, file->live.bytes + at, SECTOR);
    }
    image_copy(&file->live, &file->durable);
    file->dirty_from = file->dirty_to = 0;
}

void store_disk_crash(struct store_disk *disk, uint64_t seed)
{
    disk->life++;
    disk->fail_after = -1;
    for (struct file *file = disk->files; file; file = file->next) {
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

int64_t store_disk_syncs(const struct store_disk *disk)
{
    return disk->syncs;
}

void store_disk_put(struct store_disk *disk, const char *name, const void *bytes, size_t len)
{
    struct file *file = file_find(disk, name);

    if (!file)
        file = file_make(disk, name);
    image_resize(&file->live, len);
    if (len)
        memcpy(file->live.bytes, bytes, len);
    image_copy(&file->durable, &file->live);
    file->exists = file->exists_durably = true;
}

/* ---- Damage ------------------------------------------------------------- */

int64_t store_disk_size(const struct store_disk *disk, const char *name)
{
    struct file *file = file_find(disk, name);

    return file && file->exists ? (int64_t)file->live.len : -1;
}

void store_disk_flip(struct store_disk *disk, const char *name, int64_t bit)
{
    struct file *file = file_find(disk, name);
    size_t at = (size_t)(bit / 8);

    if (file && at < file->live.len)
        file->live.bytes[at] = (char)(file->live.bytes[at] ^ 1 << bit % 8);
}

void store_disk_cut(struct store_disk *disk, const char *name, int64_t size)
{
    struct file *file = file_find(disk, name);

    if (file && (size_t)size < file->live.len)
        image_resize(&file->live, (size_t)size);
}

void store_disk_remove(struct store_disk *disk, const char *name)
{
    disk_delete(&disk->vfs, name, 0);
}

void store_disk_copy(struct store_disk *disk, const struct store_disk *from,
                     const char *only)
{
    for (struct file *file = only ? NULL : disk->files; file; file = file->next) {
        file->exists = file->exists_durably = false;
        file->locked = file->lock_holders = 0;
    }
    for (struct file *file = from->files; file; file = file->next) {
        struct file *copy = file->temporary ? NULL : file_find(disk, file->name);

        if (file->temporary || (only && !text_same(file->name, only)))
            continue;
        if (!copy)
            copy = file_make(disk, file->name);
        image_copy(&copy->live, &file->live);
        image_copy(&copy->durable, &file->live);
        copy->exists = copy->exists_durably = file->exists;
    }
}
