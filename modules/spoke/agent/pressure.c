/* SPDX-License-Identifier: Apache-2.0 */
/* Goes on while the disk is full, read-only or failing, and notices when it is well. */
#include "agent/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
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

const char *pressure_words(const struct agent *agent)
{
    return agent->pressure ? agent->pressure->words : NULL;
}

/* ---- What the file system says -------------------------------------------------------- */

static bool find_room(const struct agent *agent, struct file_room *ret)
{
    return !agent->store_vfs && file_room(agent->directory, ret);
}

/* The sentence of a disk that says itself that it cannot be written; NULL: it does not. */
static char *explain(const struct agent *agent, const struct file_room *room, uint64_t least)
{
    if (room->read_only)
        return mem_printf("the disk of %s is read-only, as after an I/O error: look at the "
                          "kernel's log, repair it and mount it read-write", agent->directory);
    if (room->no_names)
        return mem_printf("the disk of %s has no room for another file (all its inodes are in "
                          "use): delete files there", agent->directory);
    if (room->free < least && room->all)
        return mem_printf("the disk of %s is full: %llu KiB of %llu MiB are free; make room there",
                          agent->directory, (unsigned long long)room->free / 1024,
                          (unsigned long long)room->all / 1024 / 1024);
    return NULL;
}

/* ---- Well again ------------------------------------------------------------------------- */

static bool can_write(const struct agent *agent)
{
    scoped_mem char *path = agent_path(agent, PROBE);

    return agent->store_vfs || file_can_write(path, ROOM_LEAST);
}

static bool is_store_well(struct agent *agent)
{
    struct err err = {0};

    if (agent->copied && state_reopen(agent, &err) < 0) {
        log_debug("spoke", "%s", err.text);
        return false;
    }
    store_make_room(agent->store);
    return !store_is_full(agent->store);
}

static bool is_well(struct agent *agent)
{
    uint64_t least = agent->pressure->room;
    struct file_room room;

    if (store_is_full(agent->store) && least < ROOM_RESERVE)
        least = ROOM_RESERVE;
    if (find_room(agent, &room)) {
        scoped_mem char *words = explain(agent, &room, least);

        if (words)
            return false;
    }
    return can_write(agent) && is_store_well(agent);
}

static void look_again(struct agent *agent)
{
    loop_timer_set(agent->pressure->look, LOOK_EVERY);
}

static void pressure_end(struct agent *agent)
{
    struct pressure *pressure = take(agent->pressure);
    struct cluster_event event = {
        .owner = "", .api_version = "cluster.open-cluster-management.io/v1",
        .kind = "ManagedCluster", .space = "", .name = agent->name, .type = "Normal",
        .reason = "DiskHasRoom", .message = "the disk can be written again; what waited goes on"};

    loop_timer_free(&pressure->look);
    free(pressure->words);
    free(pressure);
    events_send(agent, &event);
    lease_tell_status(agent);
    works_disk_well(agent);
}

static void on_kept(void *arg, const struct err *err)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    if (!agent->pressure)
        return;
    if (err && err->code)
        look_again(agent);
    else
        pressure_end(agent);
}

/* All that is known is kept once more: some of it could not be, meanwhile. */
static void on_look(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    if (!is_well(agent)) {
        look_again(agent);
        return;
    }
    epoch_keep_again(agent);
    facts_keep_again(agent);
    works_keep_again(agent);
    cluster_keep_again(agent->cluster);
    persistence_commit(agent, on_kept, agent);
}

/* ---- Begun --------------------------------------------------------------------------------- */

void pressure_tell(struct agent *agent)
{
    struct cluster_event event = {
        .owner = "", .api_version = "cluster.open-cluster-management.io/v1",
        .kind = "ManagedCluster", .space = "", .name = agent->name, .type = "Warning",
        .reason = CONDITION};

    if (!agent->pressure || agent->pressure->told || agent->state != AGENT_WATCHING)
        return;
    agent->pressure->told = true;
    event.message = agent->pressure->words;
    events_send(agent, &event);
}

static void begin(struct agent *agent, const char *words, uint64_t room)
{
    struct pressure *pressure = mem_alloc(sizeof *pressure);

    pressure->words = mem_printf("%s. What runs goes on and is restarted; new and changed works "
                                 "wait", words);
    pressure->room = room;
    pressure->look = loop_timer_new(agent->loop, on_look, agent);
    agent->pressure = pressure;
    log_error("spoke", "%s", pressure->words);
    look_again(agent);
    pressure_tell(agent);
    lease_tell_status(agent);
}

void pressure_begin(struct agent *agent, const struct err *why)
{
    struct file_room room = {0};
    uint64_t least = ROOM_WELL;
    scoped_mem char *words = NULL;

    if (agent->pressure ||
        (why->code != ERR_FULL && why->code != ERR_FORBIDDEN && why->code != ERR_UNREACHABLE &&
         !(agent->store && store_is_full(agent->store))))
        return;
    if (find_room(agent, &room)) {
        words = explain(agent, &room, ROOM_WELL);
        /* What failed was larger than what was free. */
        if (why->code == ERR_FULL && room.free + ROOM_WELL > least)
            least = room.free + ROOM_WELL;
    }
    if (!words && why->code)
        words = mem_copy_string(why->text);
    begin(agent, words ? words : "the disk is full", least);
}

void pressure_look(struct agent *agent)
{
    struct file_room room;
    scoped_mem char *words = NULL;

    if (agent->pressure || !find_room(agent, &room))
        return;
    words = explain(agent, &room, ROOM_LEAST);
    if (words)
        begin(agent, words, ROOM_WELL);
    else if (store_is_full(agent->store))
        begin(agent, "the disk has no room for what this spoke keeps aside", ROOM_WELL);
}

void pressure_close(struct agent *agent)
{
    struct pressure *pressure = take(agent->pressure);

    if (!pressure)
        return;
    loop_timer_free(&pressure->look);
    free(pressure->words);
    free(pressure);
}

/* ---- Told ------------------------------------------------------------------------------------ */

/* False again when it is over, and never said where it never was. */
void pressure_condition(struct agent *agent, struct arena *arena, const struct node *cluster,
                        struct node *news)
{
    const struct node *list = node_at(cluster, "status", "conditions", NULL);
    struct node *made = node_map(arena);
    const char *words = pressure_words(agent);

    agent->pressure_said |= words != NULL;
    for (size_t i = 0; i < node_count(list); i++)
        agent->pressure_said |= !strcmp(node_get_text(node_item(list, i), "type"), CONDITION);
    if (!agent->pressure_said)
        return;
    node_set_text(arena, made, "type", CONDITION);
    node_set_text(arena, made, "status", words ? "True" : "False");
    node_set_text(arena, made, "reason", words ? "DiskUnwritable" : "DiskHasRoom");
    node_set_text(arena, made, "message", words ? words : "the disk can be written");
    node_add(arena, news, made);
}
