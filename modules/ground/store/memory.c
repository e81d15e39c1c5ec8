/* SPDX-License-Identifier: Apache-2.0 */
/* Is a disk in memory: an SQLite VFS whose files live as long as it does. */

#include "store/memory.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define SECTOR 512

/* What SQLite holds open. */
struct memory_handle {
    sqlite3_file base; /* first, so that one is the other */
    struct store_memory *memory;
    struct store_memory_file *file;
    uint64_t life;
    int lock;
};

static struct memory_handle *handle_of(sqlite3_file *base)
{
    return (struct memory_handle *)base;
}

/* The disk has crashed since this handle was opened. */
static bool is_stale(const struct memory_handle *handle)
{
    return handle->life != handle->memory->life;
}

/* ---- Files */

struct store_memory_file *store_memory_find(const struct store_memory *memory, const char *name)
{
    struct store_memory_file *file = memory->files;

    while (file && !text_same(file->name, name))
        file = file->next;
    return file;
}

static struct store_memory_file *add_memory_file(struct store_memory *memory, const char *name)
{
    struct store_memory_file *file = mem_alloc(sizeof *file);

    file->name = name ? mem_copy_string(name) : NULL;
    file->next = memory->files;
    memory->files = file;
    return file;
}

void store_memory_resize(struct store_memory_file *file, size_t len)
{
    if (len > file->room) {
        file->room = len + len / 2 + 4096;
        file->bytes = mem_resize(file->bytes, file->room);
    }
    if (len > file->len)
        memset(file->bytes + file->len, 0, len - file->len);
    file->len = len;
}

struct store_memory_file *store_memory_put(struct store_memory *memory, const char *name,
                                           const void *bytes, size_t len)
{
    struct store_memory_file *file = store_memory_find(memory, name);

    if (!file)
        file = add_memory_file(memory, name);
    store_memory_resize(file, len);
    if (len)
        memcpy(file->bytes, bytes, len);
    file->exists = true;
    return file;
}

/* ---- What SQLite does with an open file */

static int begin_step(const struct memory_handle *handle, enum store_memory_step step, size_t end)
{
    static const int errors[] = {
        [STORE_MEMORY_WRITE] = SQLITE_IOERR_WRITE,
        [STORE_MEMORY_TRUNCATE] = SQLITE_IOERR_TRUNCATE,
        [STORE_MEMORY_SYNC] = SQLITE_IOERR_FSYNC,
    };
    const struct store_memory_faults *faults = handle->memory->faults;
    int code = SQLITE_OK;

    if (is_stale(handle))
        return errors[step];
    if (faults)
        code = faults->before(handle->memory->faults_arg, handle->file, step, end);
    return code == SQLITE_IOERR ? errors[step] : code;
}

static void note_change(const struct memory_handle *handle, size_t from, size_t to)
{
    const struct store_memory_faults *faults = handle->memory->faults;

    if (faults)
        faults->changed(handle->memory->faults_arg, handle->file, from, to);
}

static int memory_close(sqlite3_file *base)
{
    struct memory_handle *handle = handle_of(base);

    if (is_stale(handle))
        return SQLITE_OK;
    base->pMethods->xUnlock(base, SQLITE_LOCK_NONE);
    if (!handle->file->name)
        store_memory_resize(handle->file, 0);
    return SQLITE_OK;
}

static int memory_read(sqlite3_file *base, void *into, int count, sqlite3_int64 offset)
{
    const struct memory_handle *handle = handle_of(base);
    const struct store_memory_file *file = handle->file;
    size_t have, want = (size_t)count;

    if (is_stale(handle))
        return SQLITE_IOERR_READ;
    have = (size_t)offset < file->len ? file->len - (size_t)offset : 0;
    if (have > want)
        have = want;
    if (have)
        memcpy(into, file->bytes + offset, have);
    memset((char *)into + have, 0, want - have);
    return have == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int memory_write(sqlite3_file *base, const void *bytes, int count, sqlite3_int64 offset)
{
    const struct memory_handle *handle = handle_of(base);
    size_t end = (size_t)offset + (size_t)count;
    int code = begin_step(handle, STORE_MEMORY_WRITE, end);

    if (code != SQLITE_OK)
        return code;
    if (end > handle->file->len)
        store_memory_resize(handle->file, end);
    memcpy(handle->file->bytes + offset, bytes, (size_t)count);
    note_change(handle, (size_t)offset, end);
    return SQLITE_OK;
}

static int memory_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    const struct memory_handle *handle = handle_of(base);
    int code = begin_step(handle, STORE_MEMORY_TRUNCATE, (size_t)size);

    if (code != SQLITE_OK)
        return code;
    store_memory_resize(handle->file, (size_t)size);
    note_change(handle, (size_t)size, SIZE_MAX);
    return SQLITE_OK;
}

static int memory_sync(sqlite3_file *base, int flags)
{
    const struct memory_handle *handle = handle_of(base);
    const struct store_memory_faults *faults = handle->memory->faults;
    int code = begin_step(handle, STORE_MEMORY_SYNC, handle->file->len);

    if (code == SQLITE_OK && faults)
        faults->synced(handle->memory->faults_arg, handle->file);
    return code;
}

static int memory_size(sqlite3_file *base, sqlite3_int64 *ret)
{
    const struct memory_handle *handle = handle_of(base);

    if (is_stale(handle))
        return SQLITE_IOERR_FSTAT;
    *ret = (sqlite3_int64)handle->file->len;
    return SQLITE_OK;
}

/* A lock above a shared one excludes every other: enough for one hub. */
static int memory_lock(sqlite3_file *base, int level)
{
    struct memory_handle *handle = handle_of(base);
    struct store_memory_file *file = handle->file;
    bool held = handle->lock > SQLITE_LOCK_NONE;

    if (is_stale(handle))
        return SQLITE_IOERR_LOCK;
    if (level <= handle->lock)
        return SQLITE_OK;
    if (file->locked && handle->lock < SQLITE_LOCK_RESERVED)
        return SQLITE_BUSY;
    if (level >= SQLITE_LOCK_RESERVED) {
        if (file->readers > (held ? 1 : 0))
            return SQLITE_BUSY;
        file->locked = 1;
    }
    file->readers += held ? 0 : 1;
    handle->lock = level;
    return SQLITE_OK;
}

static int memory_unlock(sqlite3_file *base, int level)
{
    struct memory_handle *handle = handle_of(base);

    if (is_stale(handle) || level >= handle->lock)
        return SQLITE_OK;
    if (handle->lock >= SQLITE_LOCK_RESERVED)
        handle->file->locked = 0;
    if (level == SQLITE_LOCK_NONE)
        handle->file->readers--;
    handle->lock = level;
    return SQLITE_OK;
}

static int memory_is_reserved(sqlite3_file *base, int *ret)
{
    *ret = handle_of(base)->file->locked;
    return SQLITE_OK;
}

static int memory_control(sqlite3_file *base, int what, void *arg)
{
    return SQLITE_NOTFOUND;
}

static int memory_sector(sqlite3_file *base)
{
    return SECTOR;
}

static int memory_traits(sqlite3_file *base)
{
    return 0;
}

static const sqlite3_io_methods memory_methods = {
    .iVersion = 1,
    .xClose = memory_close,
    .xRead = memory_read,
    .xWrite = memory_write,
    .xTruncate = memory_truncate,
    .xSync = memory_sync,
    .xFileSize = memory_size,
    .xLock = memory_lock,
    .xUnlock = memory_unlock,
    .xCheckReservedLock = memory_is_reserved,
    .xFileControl = memory_control,
    .xSectorSize = memory_sector,
    .xDeviceCharacteristics = memory_traits,
};

/* ---- The VFS */

static struct store_memory *memory_of(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                    int *ret_flags)
{
    struct store_memory *memory = memory_of(vfs);
    struct store_memory_file *file = name ? store_memory_find(memory, name) : NULL;

    base->pMethods = NULL;
    if (!file || !file->exists) {
        if (!(flags & SQLITE_OPEN_CREATE))
            return SQLITE_CANTOPEN;
        file = file ? file : add_memory_file(memory, name);
        file->exists = true;
    }
    *handle_of(base) = (struct memory_handle){.memory = memory, .file = file, .life = memory->life};
    base->pMethods = &memory_methods;
    if (ret_flags)
        *ret_flags = flags;
    return SQLITE_OK;
}

/* SQLite syncs the folder when it matters, so a delete is durable at once. */
static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    struct store_memory *memory = memory_of(vfs);
    struct store_memory_file *file = store_memory_find(memory, name);

    if (!file || !file->exists)
        return SQLITE_IOERR_DELETE_NOENT;
    file->exists = false;
    store_memory_resize(file, 0);
    if (memory->faults)
        memory->faults->removed(memory->faults_arg, file);
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    const struct store_memory_file *file = store_memory_find(memory_of(vfs), name);

    *ret = file && file->exists;
    return SQLITE_OK;
}

static int vfs_full_name(sqlite3_vfs *vfs, const char *name, int room, char *out)
{
    sqlite3_snprintf(room, out, "%s", name);
    return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *vfs, int count, char *out)
{
    random_bytes(out, (size_t)count);
    return count;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    return microseconds;
}

static int vfs_time(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
    /* Milliseconds since the Julian day 0. */
    *ret = 210866760000000 + clock_wall() / CLOCK_MS;
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int room, char *out)
{
    return 0;
}

/* ---- Beginning and end */

struct store_memory *store_memory_new(const char *name)
{
    struct store_memory *memory = mem_alloc(sizeof *memory);

    memory->name = mem_copy_string(name);
    memory->vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = sizeof(struct memory_handle),
        .mxPathname = 512,
        .zName = memory->name,
        .pAppData = memory,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_name,
        .xRandomness = vfs_random,
        .xSleep = vfs_sleep,
        .xCurrentTimeInt64 = vfs_time,
        .xGetLastError = vfs_last_error,
    };
    sqlite3_vfs_register(&memory->vfs, 0);
    return memory;
}

void store_memory_free(struct store_memory **at)
{
    struct store_memory *memory = take(*at);
    struct store_memory_file *file;

    if (!memory)
        return;
    sqlite3_vfs_unregister(&memory->vfs);
    while ((file = memory->files)) {
        memory->files = file->next;
        mem_free(&file->name);
        mem_free(&file->bytes);
        mem_free(&file);
    }
    mem_free(&memory->name);
    mem_free(&memory);
}

void store_memory_remove(struct store_memory *memory, const char *name)
{
    vfs_delete(&memory->vfs, name, 0);
}
