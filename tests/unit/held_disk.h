/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HELD_DISK_H
#define HELD_DISK_H

#include "store/memory.h"

#include <pthread.h>

/*
 * A disk in memory, named "held", whose syncs wait until they are let go, or fail:
 * for tests of what goes on while a commit is under way in the store's thread.
 */
static struct {
    struct store_memory *memory;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool hold;
    int waiting; /* syncs that are held now */
    int fail;    /* what a sync ends with; SQLITE_OK: well */
    int64_t room;
    int full; /* so many writes, the next ones, find the disk full */
} held = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .room = -1};

static inline int held_before(void *arg, struct store_memory_file *file,
                              enum store_memory_step step, size_t end)
{
    int code = SQLITE_OK;

    pthread_mutex_lock(&held.mutex);
    if (step == STORE_MEMORY_SYNC) {
        held.waiting++;
        pthread_cond_broadcast(&held.changed);
        while (held.hold)
            pthread_cond_wait(&held.changed, &held.mutex);
        held.waiting--;
        code = held.fail;
    } else if (step == STORE_MEMORY_WRITE && held.room >= 0 && end > file->len &&
               (int64_t)end > held.room) {
        code = SQLITE_FULL;
    } else if (step == STORE_MEMORY_WRITE && held.full > 0) {
        held.full--;
        code = SQLITE_FULL;
    }
    pthread_mutex_unlock(&held.mutex);
    return code;
}

static inline void held_changed(void *arg, struct store_memory_file *file, size_t from, size_t to)
{
}

static inline void held_quiet(void *arg, struct store_memory_file *file)
{
}

static inline void held_open(void)
{
    static const struct store_memory_faults faults = {held_before, held_changed, held_quiet,
                                                      held_quiet};

    held.memory = store_memory_new("held");
    held.memory->faults = &faults;
}

static inline void held_close(void)
{
    store_memory_free(&held.memory);
}

static inline void held_set(bool hold, int fail)
{
    pthread_mutex_lock(&held.mutex);
    held.hold = hold;
    held.fail = fail;
    pthread_cond_broadcast(&held.changed);
    pthread_mutex_unlock(&held.mutex);
}

/* No file grows beyond so many bytes; -1: as large as it likes. */
static inline void held_room(int64_t bytes)
{
    pthread_mutex_lock(&held.mutex);
    held.room = bytes;
    pthread_mutex_unlock(&held.mutex);
}

static inline void held_full(int writes)
{
    pthread_mutex_lock(&held.mutex);
    held.full = writes;
    pthread_mutex_unlock(&held.mutex);
}

static inline bool held_is_waiting(void)
{
    bool waiting;

    pthread_mutex_lock(&held.mutex);
    waiting = held.waiting > 0;
    pthread_mutex_unlock(&held.mutex);
    return waiting;
}

/* Returns when a sync is being held. */
static inline void held_wait(void)
{
    pthread_mutex_lock(&held.mutex);
    while (!held.waiting)
        pthread_cond_wait(&held.changed, &held.mutex);
    pthread_mutex_unlock(&held.mutex);
}

/* In a thread of its own: lets the sync go that somebody waits for. */
static inline void *held_release(void *arg)
{
    held_wait();
    held_set(false, SQLITE_OK);
    return NULL;
}

#endif
