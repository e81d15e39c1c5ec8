/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes the keeper, and runs its periodic work. */

#include "objects/keeper.h"

#include "base/clock.h"
#include "base/object.h"
#include "loop/loop.h"
#include "store/store.h"

#define RECENT_BYTES ((size_t)32 << 20)
#define RECENT_COUNT ((size_t)100000)
#define QUIET (25 * CLOCK_SECOND)
#define SLICE (20 * CLOCK_MS)

static void on_commit_timer(void *arg)
{
    stage_commit_with_follower(object_from(keeper, KEEPER_TAG, arg));
}

static void on_quiet_timer(void *arg)
{
    struct keeper *keeper = object_from(keeper, KEEPER_TAG, arg);

    watches_bookmark(keeper);
    snapshots_free(keeper, clock_steady());
    /* The store's log is trimmed a slice at a time, so that requests run between. */
    loop_timer_set(keeper->quiet_timer, store_compact(keeper->store) ? SLICE : QUIET);
}

void keeper_open(struct keeper *keeper, struct loop *loop, struct store *store,
                 const struct kinds *kinds, const unsigned char *key)
{
    *keeper = (struct keeper){
        .tag = KEEPER_TAG,
        .loop = loop,
        .store = store,
        .kinds = kinds,
        .tables = map_new(),
        .changes = {.most_bytes = RECENT_BYTES, .most_count = RECENT_COUNT},
        .has_key = key != NULL,
    };
    if (key)
        memcpy(keeper->key, key, sizeof(keeper->key));
    TAILQ_INIT(&keeper->due_watches);
    stage_open(&keeper->stage);
    tables_make(keeper);
    if (!loop)
        return;
    keeper->commit_timer = loop_timer_new(loop, on_commit_timer, keeper);
    keeper->quiet_timer = loop_timer_new(loop, on_quiet_timer, keeper);
    keeper->ready_timer = loop_timer_new(loop, watches_call_ready, keeper);
    loop_timer_set(keeper->quiet_timer, QUIET);
}

void keeper_close(struct keeper *keeper)
{
    if (keeper->loop) {
        loop_timer_free(&keeper->commit_timer);
        loop_timer_free(&keeper->quiet_timer);
        loop_timer_free(&keeper->ready_timer);
    }
    stage_close(&keeper->stage);
    changes_free(keeper);
    snapshots_free(keeper, INT64_MAX);
    tables_free(keeper);
    explicit_bzero(keeper->key, sizeof(keeper->key));
    keeper->tag = 0;
}
