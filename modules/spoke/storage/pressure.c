/* SPDX-License-Identifier: Apache-2.0 */
/* Notices that the disk is full, read-only or failing, and when it can be written again. */
#include "storage/internal.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/object.h"
#include "loop/loop.h"
#include "store/store.h"

#include <string.h>

/*
 * What runs goes on and is restarted; nothing new begins that could not be kept. Only
 * under pressure a timer looks at the disk; otherwise the spoke does so with each lease,
 * sweep and change of a work (storage_check_disk).
 */
#define CHECK_EVERY (300 * CLOCK_MS)
/* A commit needs some pages of the log; the store's reserve comes on top. */
#define ROOM_LEAST ((uint64_t)64 * 1024)
#define ROOM_WELL ((uint64_t)256 * 1024)
#define ROOM_RESERVE ((uint64_t)1280 * 1024)
#define PROBE "disk-probe"

struct pressure {
    struct loop_timer *check; /* owned */
    char *words;              /* owned */
    uint64_t room;            /* bytes that must be free, so that what failed may succeed */
};

const char *storage_pressure(const struct storage *storage)
{
    return storage->pressure ? storage->pressure->words : NULL;
}

/* ---- What the file system says --------------------------------------------------- */

static bool find_room(const struct storage *storage, struct file_room *ret)
{
    return !storage->settings.vfs && file_room(storage->settings.directory, ret);
}

/* Why the file system says that it cannot be written; NULL: it does not say so. */
static char *explain_room(const struct storage *storage, const struct file_room *room,
                          uint64_t least)
{
    if (room->read_only)
        return mem_printf("the disk of %s is read-only, as after an I/O error: look at the "
                          "kernel's log, repair it and mount it read-write",
                          storage->settings.directory);
    if (room->no_names)
        return mem_printf("the disk of %s has no room for another file (all its inodes are in "
                          "use): delete files there",
                          storage->settings.directory);
    if (room->free < least && room->all)
        return mem_printf("the disk of %s is full: %llu KiB of %llu MiB are free; make room there",
                          storage->settings.directory, (unsigned long long)room->free / 1024,
                          (unsigned long long)room->all / 1024 / 1024);
    return NULL;
}

/* ---- The end of pressure --------------------------------------------------------- */

static bool can_write_file(const struct storage *storage)
{
    scoped_mem char *path = mem_printf("%s/" PROBE, storage->settings.directory);

    return storage->settings.vfs || file_can_write(path, ROOM_LEAST);
}

static bool is_store_well(struct storage *storage)
{
    struct err err = {0};

    if (storage->copied) {
        if (recovery_reopen(storage, &err) < 0) {
            log_debug("spoke", "%s", err.text);
            return false;
        }
        pressure_follow(storage);
    }
    store_make_room(storage->store);
    return !store_is_full(storage->store);
}

static bool is_disk_well(struct storage *storage)
{
    uint64_t least = storage->pressure->room;
    struct file_room room;

    if (store_is_full(storage->store) && least < ROOM_RESERVE)
        least = ROOM_RESERVE;
    if (find_room(storage, &room)) {
        scoped_mem char *words = explain_room(storage, &room, least);

        if (words)
            return false;
    }
    return can_write_file(storage) && is_store_well(storage);
}

static void check_again(struct storage *storage)
{
    loop_timer_set(storage->pressure->check, CHECK_EVERY);
}

/* The pressure is gone before the callback comes, which may begin another one. */
static void end_pressure(struct storage *storage)
{
    pressure_close(storage);
    storage->settings.pressure_changed(storage->settings.arg);
}

static void on_kept_again(void *arg, const struct err *err)
{
    struct storage *storage = object_from(storage, STORAGE_TAG, arg);

    if (!storage->pressure)
        return;
    if (err && err->code)
        check_again(storage);
    else
        end_pressure(storage);
}

/* Everything known is kept once more, since some of it could not be kept meanwhile. */
static void on_check(void *arg)
{
    struct storage *storage = object_from(storage, STORAGE_TAG, arg);

    if (!is_disk_well(storage)) {
        check_again(storage);
        return;
    }
    storage->settings.keep_again(storage->settings.arg);
    storage_commit(storage, on_kept_again, storage);
}

/* ---- The beginning --------------------------------------------------------------- */

static void set_pressure(struct storage *storage, const char *words, uint64_t room)
{
    struct pressure *pressure = mem_alloc(sizeof *pressure);

    pressure->words = mem_printf(
        "%s. What runs keeps running and is restarted if it ends; new and changed works wait",
        words);
    pressure->room = room;
    pressure->check = loop_timer_new(storage->settings.loop, on_check, storage);
    storage->pressure = pressure;
    log_error("spoke", "%s", pressure->words);
    check_again(storage);
    storage->settings.pressure_changed(storage->settings.arg);
}

static bool is_of_disk(const struct storage *storage, const struct err *why)
{
    return why->code == ERR_FULL || why->code == ERR_FORBIDDEN || why->code == ERR_UNREACHABLE ||
           (storage->store && store_is_full(storage->store));
}

void pressure_begin(struct storage *storage, const struct err *why)
{
    struct file_room room = {0};
    uint64_t least = ROOM_WELL;
    scoped_mem char *words = NULL;

    if (storage->pressure || !is_of_disk(storage, why))
        return;
    if (find_room(storage, &room)) {
        words = explain_room(storage, &room, ROOM_WELL);
        /* What failed was larger than what was free. */
        if (why->code == ERR_FULL)
            least = room.free + ROOM_WELL;
    }
    if (!words && why->code)
        words = mem_copy_string(why->text);
    set_pressure(storage, words ? words : "the disk is full", least);
}

static void on_store_trouble(void *arg)
{
    struct storage *storage = object_from(storage, STORAGE_TAG, arg);

    pressure_begin(storage, store_health(storage->store));
}

void pressure_follow(struct storage *storage)
{
    store_on_trouble(storage->store, on_store_trouble, storage);
}

void storage_check_disk(struct storage *storage)
{
    struct file_room room;
    scoped_mem char *words = NULL;

    if (storage->pressure || !find_room(storage, &room))
        return;
    words = explain_room(storage, &room, ROOM_LEAST);
    if (words)
        set_pressure(storage, words, ROOM_WELL);
    else if (store_is_full(storage->store))
        set_pressure(storage, "the disk has no room for the reserve of this spoke", ROOM_WELL);
}

void pressure_close(struct storage *storage)
{
    struct pressure *pressure = take(storage->pressure);

    if (!pressure)
        return;
    loop_timer_free(&pressure->check);
    mem_free(&pressure->words);
    mem_free(&pressure);
}
