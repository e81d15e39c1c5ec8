/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the spokes of a fleet and follows what they are at. */
#include "fleet/fleet.h"

#include "agent/agent.h"
#include "base/clock.h"
#include "base/file.h"
#include "config/config.h"
#include "loop/loop.h"
#include "pki/pki.h"
#include "sim/runtime.h"
#include "storage/storage.h"
#include "store/memory.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* The spokes are looked at after something has happened, and no more often than this: it
   is how exact the times of "joined" and "watching" are. */
#define LOOK_EVERY (2 * CLOCK_MS)

/* A disk looks for a file among all that it has, so there is one for so many spokes. */
#define OF_ONE_DISK 64

/* ---- Preparing ------------------------------------------------------------------- */

/* Its disk is a new one each time, so it must not look for what was on a former one. */
static void forget_disk(const struct fleet_spoke *spoke)
{
    static const char *const notes[] = {"newest", "newest.copy"};

    for (size_t i = 0; i < count_of(notes); i++) {
        scoped_mem char *path = mem_printf("%s/%s", spoke->directory, notes[i]);

        file_remove(path);
    }
}

/* Its key is made before anything is measured; the agent takes one that is there. */
static int prepare_spoke(const struct fleet_spoke *spoke, struct err *err)
{
    scoped_mem char *pki = mem_printf("%s/pki", spoke->directory);
    scoped_pki_key struct pki_key *key = NULL;
    scoped_text struct text pem = {0};

    if (file_make_folder(pki, err) < 0)
        return -1;
    forget_disk(spoke);
    if (storage_file_exists(spoke->directory, "pki/client.key"))
        return 0;
    key = pki_key_new();
    pki_key_write(key, &pem);
    return storage_file_write(spoke->directory, "pki/client.key", pem.bytes, pem.len, err);
}

static void make_disks(struct fleet *fleet)
{
    int64_t count = (fleet->settings.count + OF_ONE_DISK - 1) / OF_ONE_DISK;

    fleet->disks = mem_alloc((size_t)(count + 1) * sizeof(struct store_memory *));
    for (int64_t i = 0; i < count; i++) {
        scoped_mem char *name = mem_printf("fleet-%" PRId64, i);

        fleet->disks[i] = store_memory_new(name);
    }
}

int fleet_prepare(struct fleet *fleet, struct err *err)
{
    const struct fleet_settings *settings = &fleet->settings;

    fleet->config = config_new();
    make_disks(fleet);
    fleet->spokes = mem_alloc((size_t)settings->count * sizeof *fleet->spokes);
    for (int64_t i = 0; i < settings->count; i++) {
        struct fleet_spoke *spoke = &fleet->spokes[i];

        spoke->name = mem_printf("%s%05" PRId64, settings->prefix, settings->first + i);
        spoke->directory = mem_printf("%s/%s", settings->directory, spoke->name);
        spoke->state = SESSION_JOINING;
        if (prepare_spoke(spoke, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- Opening --------------------------------------------------------------------- */

static void tell_spoke(const struct fleet_spoke *spoke, const char *event, const char *why)
{
    scoped_text struct text line = {0};

    fleet_tell(&line, event);
    fleet_tell_word(&line, "spoke", spoke->name);
    if (spoke->since)
        fleet_tell_number(&line, "took", clock_steady() - spoke->since);
    if (why)
        fleet_tell_word(&line, "why", why);
    fleet_tell_end(&line);
}

static void open_fleet_spoke(struct fleet *fleet, struct fleet_spoke *spoke)
{
    const struct fleet_settings *settings = &fleet->settings;
    struct agent_settings agent = {
        .directory = spoke->directory,
        .name = spoke->name,
        .hub = settings->hub,
        .token = settings->tokens[(size_t)fleet->opened % settings->token_count],
        .cluster = "local",
        .runtime = &runtime_simulated,
        .store_vfs = fleet->disks[fleet->opened / OF_ONE_DISK]->name,
        .address = settings->address,
        .config = fleet->config};
    struct err err = {0};

    spoke->since = clock_steady();
    spoke->agent = agent_open(fleet->loop, &agent, &err);
    fleet->opened++;
    if (spoke->agent) {
        fleet->joining++;
        return;
    }
    fleet->failed++;
    tell_spoke(spoke, "failed", err.text);
}

static bool can_open_next(const struct fleet *fleet)
{
    if (!fleet->is_joining || fleet->opened == fleet->settings.count)
        return false;
    if (fleet->settings.join_rate)
        return clock_steady() >= fleet->next_join;
    return fleet->joining < fleet->settings.at_once;
}

static void open_more(struct fleet *fleet)
{
    while (can_open_next(fleet)) {
        if (!fleet->next_join)
            fleet->next_join = clock_steady();
        if (fleet->settings.join_rate)
            fleet->next_join += CLOCK_SECOND / fleet->settings.join_rate;
        open_fleet_spoke(fleet, &fleet->spokes[fleet->opened]);
    }
}

/* ---- Following ------------------------------------------------------------------- */

static void note_spoke_watching(struct fleet *fleet, struct fleet_spoke *spoke)
{
    tell_spoke(spoke, "watching", NULL);
    spoke->since = 0;
    fleet->watching++;
}

static void note_spoke_lost(struct fleet *fleet, struct fleet_spoke *spoke)
{
    if (!spoke->since) {
        spoke->since = clock_steady();
        fleet->watching--;
    }
    tell_spoke(spoke, "lost", session_trouble(spoke->agent));
}

/* A state that came and went between two looks is not seen; those that last are. */
static void look_at_spoke(struct fleet *fleet, struct fleet_spoke *spoke)
{
    enum session_state state = session_state(spoke->agent);

    if (state == spoke->state)
        return;
    spoke->state = state;
    if (!spoke->joined && (state == SESSION_LISTING || state == SESSION_WATCHING)) {
        spoke->joined = true;
        fleet->joining--;
        fleet->joined++;
        tell_spoke(spoke, "joined", NULL);
    }
    if (state == SESSION_WATCHING && spoke->since)
        note_spoke_watching(fleet, spoke);
    else if (state == SESSION_WAITING)
        note_spoke_lost(fleet, spoke);
}

int64_t fleet_step(struct fleet *fleet)
{
    static int64_t looked, took;
    int64_t began = clock_steady(), pause = took * 20 > LOOK_EVERY ? took * 20 : LOOK_EVERY;

    if (began - looked < pause)
        return pause - (began - looked);
    for (int64_t i = 0; i < fleet->opened; i++)
        if (fleet->spokes[i].agent)
            look_at_spoke(fleet, &fleet->spokes[i]);
    open_more(fleet);
    looked = clock_steady();
    took = looked - began;
    return fleet->settings.join_rate && fleet->opened < fleet->settings.count
               ? CLOCK_SECOND / fleet->settings.join_rate
               : CLOCK_SECOND;
}

/* ---- Connections ----------------------------------------------------------------- */

/* The TCP connections of this process: all are to the hub. */
static size_t count_connections(bool cut)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    size_t count = 0;

    while (folder && (entry = readdir(folder))) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        struct sockaddr_storage peer = {0};
        socklen_t len = sizeof peer;

        if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0 ||
            (peer.ss_family != AF_INET && peer.ss_family != AF_INET6))
            continue;
        count++;
        if (cut)
            shutdown(fd, SHUT_RDWR);
    }
    if (folder)
        closedir(folder);
    return count;
}

size_t fleet_drop(struct fleet *fleet)
{
    return count_connections(true);
}

/* ---- Figures --------------------------------------------------------------------- */

static int64_t read_memory(void)
{
    scoped_mem char *text = file_read("/proc/self/smaps_rollup", 1 << 16, NULL, NULL);
    const char *at = text ? strstr(text, "\nPss:") : NULL;

    return at ? strtoll(at + 5, NULL, 10) : 0;
}

static int64_t cpu_time(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

void fleet_tell_status(struct fleet *fleet)
{
    static const char *const names[] = {"lists", "leases", "statuses", "others"};
    size_t running = 0, pods = 0, of_spoke;
    scoped_text struct text line = {0};

    for (int64_t i = 0; i < fleet->opened; i++) {
        scoped_mem char *machine = mem_printf("%s/workloads", fleet->spokes[i].directory);

        running += runtime_simulated_running(machine, &of_spoke);
        pods += of_spoke;
    }
    fleet_tell(&line, "status");
    fleet_tell_number(&line, "opened", fleet->opened);
    fleet_tell_number(&line, "joined", fleet->joined);
    fleet_tell_number(&line, "watching", fleet->watching);
    fleet_tell_number(&line, "pods", (int64_t)pods);
    fleet_tell_number(&line, "running", (int64_t)running);
    fleet_tell_number(&line, "connections", (int64_t)count_connections(false));
    for (int i = 0; i < FLEET_REQUESTS; i++)
        fleet_tell_number(&line, names[i], (int64_t)fleet->requests[i]);
    fleet_tell_number(&line, "refused", (int64_t)fleet->refused);
    fleet_tell_number(&line, "pss_kb", read_memory());
    fleet_tell_number(&line, "cpu_ms", cpu_time());
    fleet_tell_end(&line);
}

void fleet_close(struct fleet *fleet)
{
    for (int64_t i = 0; fleet->spokes && i < fleet->settings.count; i++) {
        agent_close(&fleet->spokes[i].agent);
        mem_free(&fleet->spokes[i].name);
        mem_free(&fleet->spokes[i].directory);
    }
    mem_free(&fleet->spokes);
    for (size_t i = 0; fleet->disks && fleet->disks[i]; i++)
        store_memory_free(&fleet->disks[i]);
    mem_free(&fleet->disks);
    config_free(&fleet->config);
    runtime_simulated_reset();
}
