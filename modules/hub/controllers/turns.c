/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the controllers of the keys in the queue, and decides when a failed run is tried again. */
#include "controllers/turns.h"

#include "base/clock.h"
#include "base/log.h"
#include "controllers/claim_report.h"
#include "controllers/decisions.h"
#include "controllers/failure.h"
#include "controllers/pass.h"
#include "controllers/queue.h"
#include "controllers/rows.h"

#include <assert.h>
#include <string.h>

#define TURN (8 * CLOCK_MS)
#define CLOCK_JUMP (30 * CLOCK_SECOND)
/* How often a conflict is tried again at once. */
#define CONFLICTS 3

#ifdef __SANITIZE_ADDRESS__
#define LINT true
#else
#define LINT false
#endif

/* ---- After a run ---------------------------------------------------------------- */

/*
 * Publishes at the object that its run failed. That write does not wake the key: nothing
 * of what it reads has changed. -1 if it could not be published.
 */
static int publish_failure(struct controllers *all, struct key *key, const struct err *why)
{
    struct err err = {0};
    int published = 0;

    queue_mute(all, key);
    if (key->controller->condition || !key->published || strcmp(key->published, why->text))
        published = failure_publish(all, key->controller, key->namespace, key->name, why, &err);
    queue_mute(all, NULL);
    if (published < 0) {
        all->counts.unpublished++;
        log_warn("controllers", "%s %s%s%s: its failure cannot be written to its status: %s",
                 key->controller->name, key->namespace, *key->namespace ? "/" : "", key->name,
                 err.text);
        return -1;
    }
    assert(!LINT || failure_is_published(all, key->controller, key->namespace, key->name, why));
    mem_free(&key->published);
    key->published = mem_copy_string(why->text);
    return 0;
}

/* A user's error waits for a change, unless it could not be published. */
static void after_failure(struct controllers *all, struct key *key, int64_t wake_at,
                          const struct err *err)
{
    enum failure_retry retry = failure_retry(err->code);
    bool at_once = retry == FAILURE_AT_ONCE && key->backoff.tries < CONFLICTS;
    bool published = at_once || publish_failure(all, key, err) == 0;
    int64_t wait = 0;

    all->counts.failures++;
    if (retry == FAILURE_ON_CHANGE && published) {
        loop_backoff_reset(&key->backoff);
        queue_set_time(all, key, wake_at);
    } else {
        if (at_once)
            key->backoff.tries++;
        else
            wait = loop_backoff_next(&key->backoff);
        queue_set_time(all, key, clock_steady() + wait);
    }
    log_write(key->backoff.tries == 2 ? LOG_WARN : LOG_DEBUG, "controllers", "%s %s%s%s: %s; %s",
              key->controller->name, key->namespace, *key->namespace ? "/" : "", key->name,
              err->text, retry == FAILURE_ON_CHANGE ? "until something changes" : "tried again");
}

static void after_success(struct controllers *all, struct key *key, int64_t wake_at)
{
    struct err err = {0};

    loop_backoff_reset(&key->backoff);
    mem_free(&key->published);
    queue_set_time(all, key, wake_at);
    if (failure_clear(all, key->controller, key->namespace, key->name, &err) < 0) {
        queue_set_time(all, key, clock_steady() + loop_backoff_next(&key->backoff));
        all->counts.unpublished++;
        log_warn("controllers", "%s %s%s%s: its recovery cannot be written to its status: %s",
                 key->controller->name, key->namespace, *key->namespace ? "/" : "", key->name,
                 err.text);
    }
}

/* ---- A run ------------------------------------------------------------------------ */

int turns_run_controller(struct controllers *all, const struct key *key, int64_t now,
                         struct turn_result *ret, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct reconcile_run run = {
        .all = all,
        .self = key->controller,
        .objects = all->objects,
        .arena = arena,
        .namespace = key->namespace,
        .name = key->name,
        .now = now,
    };
    int result = key->controller->run(&run, err);

    /* A name that is taken is published and waited for: trying again would not help. */
    if (result < 0 && claim_report(&run, err) == 0)
        result = 0;
    *ret = (struct turn_result){.places = run.places};
    if (run.wake_at) {
        int64_t wait = run.wake_at - run.now;

        ret->wake_at = clock_steady() + (wait > CLOCK_MS ? wait : CLOCK_MS);
    }
    rows_retire(all);
    decisions_retire(all);
    return result;
}

/* The hub's clock was set forward: that is not silence of the spokes. */
static void detect_clock_jump(struct controllers *all)
{
    int64_t now = clock_wall() - clock_steady();

    if (now - all->clock > CLOCK_JUMP)
        all->started = clock_wall();
    all->clock = now;
}

static void run_key(struct controllers *all, struct key *key)
{
    struct err err = {0};
    struct turn_result result;

    detect_clock_jump(all);
    all->counts.runs++;
    queue_set_time(all, key, 0);
    key->ran_at = clock_wall();
    if (turns_run_controller(all, key, key->ran_at, &result, &err) < 0)
        after_failure(all, key, result.wake_at, &err);
    else
        after_success(all, key, result.wake_at);
    queue_note_run(all, key, result.places);
    queue_settle(all, key);
}

void turns_run(struct controllers *all)
{
    int64_t until;
    struct key *key;

    queue_begin_turn(all);
    until = clock_steady() + (all->settings.turn ? all->settings.turn : TURN);
    while ((key = queue_take(all))) {
        run_key(all, key);
        if (clock_steady() >= until)
            break;
    }
    queue_end_turn(all);
}
