/* SPDX-License-Identifier: Apache-2.0 */
/* Goes on while the disk is full, read-only or failing, and notices when it is well. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

/*
 * What runs goes on, is restarted and reported; nothing new is begun that could not
 * be kept. The hub is told by a condition and an Event. Only in this time the disk
 * is looked at by a timer; otherwise with each lease, sweep and change of a work.
 */
#define CONDITION "DiskPressure"
#define LOOK_EVERY (300 * CLOCK_MS)
/* A commit needs some pages of the log; the store's reserve comes on top. */
#define ROOM_LEAST ((uint64_t)64 * 1024)
#define ROOM_WELL ((uint64_t)256 * 1024)
#define ROOM_RESERVE ((uint64_t)1280 * 1024)
#define PROBE "disk-probe"

struct pressure {
    struct loop_timer *look; /* owned */
    char *words;             /* owned */
    uint64_t room;           /* bytes that must be free, so that what failed may succeed */
    bool told;               /* by an Event */
};

const char *pressure_words(const struct spoke *spoke)
{
    return spoke->pressure ? spoke->pressure->words : NULL;
}

/* ---- What the file system says -------------------------------------------------------- */

static bool find_room(const struct spoke *spoke, struct file_room *ret)
{
    return !spoke->store_vfs && file_room(spoke->directory, ret);
}

/* The sentence of a disk that says itself that it cannot be written; NULL: it does not. */
static char *explain(const struct spoke *spoke, const struct file_room *room, uint64_t least)
{
    if (room->read_only)
        return mem_printf("the disk of %s is read-only, as after an I/O error: look at the "
                          "kernel's log, repair it and mount it read-write", spoke->directory);
    if (room->no_names)
        return mem_printf("the disk of %s has no room for another file (all its inodes are in "
                          "use): delete files there", spoke->directory);
    if (room->free < least && room->all)
        return mem_printf("the disk of %s is full: %llu KiB of %llu MiB are free; make room there",
                          spoke->directory, (unsigned long long)room->free / 1024,
                          (unsigned long long)room->all / 1024 / 1024);
    return NULL;
}

/* ---- Well again ------------------------------------------------------------------------- */

static bool can_write(const struct spoke *spoke)
{
    scoped_mem char *path = spoke_path(spoke, PROBE);

    return spoke->store_vfs || file_can_write(path, ROOM_LEAST);
}

static bool is_store_well(struct spoke *spoke)
{
    struct err err = {0};

    if (spoke->copied && state_reopen(spoke, &err) < 0) {
        log_debug("spoke", "%s", err.text);
        return false;
    }
    store_make_room(spoke->store);
    return !store_is_full(spoke->store);
}

static bool is_well(struct spoke *spoke)
{
    uint64_t least = spoke->pressure->room;
    struct file_room room;

    if (store_is_full(spoke->store) && least < ROOM_RESERVE)
        least = ROOM_RESERVE;
    if (find_room(spoke, &room)) {
        scoped_mem char *words = explain(spoke, &room, least);

        if (words)
            return false;
    }
    return can_write(spoke) && is_store_well(spoke);
}

static void look_again(struct spoke *spoke)
{
    loop_timer_set(spoke->pressure->look, LOOK_EVERY);
}

static void pressure_end(struct spoke *spoke)
{
    struct pressure *pressure = take(spoke->pressure);
    struct cluster_event event = {
        .owner = "", .api_version = META_API_CLUSTER,
        .kind = "ManagedCluster", .space = "", .name = spoke->name, .type = "Normal",
        .reason = "DiskHasRoom", .message = "the disk can be written again; what waited goes on"};

    loop_timer_free(&pressure->look);
    free(pressure->words);
    free(pressure);
    report_event(spoke, &event);
    alive_tell(spoke);
    works_disk_well(spoke);
}

static void on_kept(void *arg, const struct err *err)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);

    if (!spoke->pressure)
        return;
    if (err && err->code)
        look_again(spoke);
    else
        pressure_end(spoke);
}

/* All that is known is kept once more: some of it could not be, meanwhile. */
static void on_look(void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);

    if (!is_well(spoke)) {
        look_again(spoke);
        return;
    }
    epoch_keep_again(spoke);
    facts_keep_again(spoke);
    works_keep_again(spoke);
    cluster_keep_again(spoke->cluster);
    keep_commit(spoke, on_kept, spoke);
}

/* ---- Begun --------------------------------------------------------------------------------- */

void pressure_tell(struct spoke *spoke)
{
    struct cluster_event event = {
        .owner = "", .api_version = META_API_CLUSTER,
        .kind = "ManagedCluster", .space = "", .name = spoke->name, .type = "Warning",
        .reason = CONDITION};

    if (!spoke->pressure || spoke->pressure->told || spoke->state != SPOKE_WATCHING)
        return;
    spoke->pressure->told = true;
    event.message = spoke->pressure->words;
    report_event(spoke, &event);
}

static void begin(struct spoke *spoke, const char *words, uint64_t room)
{
    struct pressure *pressure = mem_alloc(sizeof *pressure);

    pressure->words = mem_printf("%s. What runs goes on and is restarted; new and changed works "
                                 "wait", words);
    pressure->room = room;
    pressure->look = loop_timer_new(spoke->loop, on_look, spoke);
    spoke->pressure = pressure;
    log_error("spoke", "%s", pressure->words);
    look_again(spoke);
    pressure_tell(spoke);
    alive_tell(spoke);
}

void pressure_begin(struct spoke *spoke, const struct err *why)
{
    struct file_room room = {0};
    uint64_t least = ROOM_WELL;
    scoped_mem char *words = NULL;

    if (spoke->pressure ||
        (why->code != ERR_FULL && why->code != ERR_FORBIDDEN && why->code != ERR_UNREACHABLE &&
         !(spoke->store && store_is_full(spoke->store))))
        return;
    if (find_room(spoke, &room)) {
        words = explain(spoke, &room, ROOM_WELL);
        /* What failed was larger than what was free. */
        if (why->code == ERR_FULL && room.free + ROOM_WELL > least)
            least = room.free + ROOM_WELL;
    }
    if (!words && why->code)
        words = mem_copy_string(why->text);
    begin(spoke, words ? words : "the disk is full", least);
}

void pressure_look(struct spoke *spoke)
{
    struct file_room room;
    scoped_mem char *words = NULL;

    if (spoke->pressure || !find_room(spoke, &room))
        return;
    words = explain(spoke, &room, ROOM_LEAST);
    if (words)
        begin(spoke, words, ROOM_WELL);
    else if (store_is_full(spoke->store))
        begin(spoke, "the disk has no room for what this spoke keeps aside", ROOM_WELL);
}

void pressure_close(struct spoke *spoke)
{
    struct pressure *pressure = take(spoke->pressure);

    if (!pressure)
        return;
    loop_timer_free(&pressure->look);
    free(pressure->words);
    free(pressure);
}

/* ---- Told ------------------------------------------------------------------------------------ */

/* False again when it is over, and never said where it never was. */
void pressure_condition(struct spoke *spoke, struct arena *arena, const struct node *cluster,
                        struct node *news)
{
    struct node *made = node_map(arena);
    const char *words = pressure_words(spoke);

    spoke->pressure_said |= words != NULL || meta_condition(cluster, CONDITION);
    if (!spoke->pressure_said)
        return;
    node_set_text(arena, made, "type", CONDITION);
    node_set_text(arena, made, "status", words ? "True" : "False");
    node_set_text(arena, made, "reason", words ? "DiskUnwritable" : "DiskHasRoom");
    node_set_text(arena, made, "message", words ? words : "the disk can be written");
    node_add(arena, news, made);
}
