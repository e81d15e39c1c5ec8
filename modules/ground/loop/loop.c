/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps what all loops have: the queue of calls, the timers, back-off. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "loop/internal.h"

void loop_start(struct loop *loop, const struct loop_driver *driver)
{
    loop->driver = driver;
}

/* A queued call may queue another one, so this goes on until none is left. */
void loop_end(struct loop *loop)
{
    loop_part_all(loop);
    while (loop_has_calls(loop))
        loop_run_call(loop);
    assert(!loop->timer_count);
    mem_free(&loop->calls);
    mem_free(&loop->timers);
}

void loop_free(struct loop **at)
{
    struct loop *loop = take(*at);

    if (loop)
        loop->driver->free(loop);
}

void loop_run(struct loop *loop)
{
    loop->stopped = false;
    while (!loop->stopped)
        loop->driver->turn(loop, INT64_MAX);
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

void loop_turn(struct loop *loop, int64_t wait)
{
    loop->driver->turn(loop, wait);
}

/* ------------------------------------------------------------------- calls */

/* The array is a queue: what was called is cut off when it is more than half of it. */
void loop_later(struct loop *loop, loop_fn *fn, void *arg)
{
    if (loop->call_count == loop->call_room) {
        if (loop->call_first > loop->call_room / 2) {
            loop->call_count -= loop->call_first;
            memmove(loop->calls, loop->calls + loop->call_first,
                    loop->call_count * sizeof *loop->calls);
            loop->call_first = 0;
        } else {
            loop->call_room = loop->call_room ? loop->call_room * 2 : 32;
            loop->calls = mem_resize_array(loop->calls, loop->call_room, sizeof *loop->calls);
        }
    }
    loop->calls[loop->call_count++] = (struct loop_call){fn, arg};
}

bool loop_has_calls(const struct loop *loop)
{
    return loop->call_first < loop->call_count;
}

void loop_run_call(struct loop *loop)
{
    struct loop_call call = loop->calls[loop->call_first++];

    if (loop->call_first == loop->call_count)
        loop->call_first = loop->call_count = 0;
    call.fn(call.arg);
}

/* Those that are queued meanwhile wait for the next turn, so that events are not starved. */
void loop_run_calls(struct loop *loop)
{
    size_t left = loop->call_count - loop->call_first;

    while (left-- && loop_has_calls(loop))
        loop_run_call(loop);
}

/* ------------------------------------------------------------------ timers */

#define NOT_SET SIZE_MAX

struct loop_timer {
    struct loop *loop;
    loop_fn *fn;
    void *arg;
    int64_t when;
    uint64_t serial; /* among equals, the one set first comes first */
    size_t place;    /* in the heap */
};

static bool is_earlier_timer(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->when != b->when ? a->when < b->when : a->serial < b->serial;
}

static void put_timer(struct loop *loop, struct loop_timer *timer, size_t place)
{
    loop->timers[place] = timer;
    timer->place = place;
}

/* Moves a timer up or down from `place` until the heap is in order. */
static void settle_timer(struct loop *loop, struct loop_timer *timer, size_t place)
{
    while (place && is_earlier_timer(timer, loop->timers[(place - 1) / 2])) {
        put_timer(loop, loop->timers[(place - 1) / 2], place);
        place = (place - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * place + 1;

        if (child + 1 < loop->timer_count &&
            is_earlier_timer(loop->timers[child + 1], loop->timers[child]))
            child++;
        if (child >= loop->timer_count || is_earlier_timer(timer, loop->timers[child]))
            break;
        put_timer(loop, loop->timers[child], place);
        place = child;
    }
    put_timer(loop, timer, place);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg)
{
    struct loop_timer *timer = mem_alloc(sizeof *timer);

    *timer = (struct loop_timer){.loop = loop, .fn = fn, .arg = arg, .place = NOT_SET};
    return timer;
}

/* May be called from the timer's own callback: it is out of the heap then. */
void loop_timer_free(struct loop_timer **at)
{
    struct loop_timer *timer = take(*at);

    if (!timer)
        return;
    loop_timer_stop(timer);
    mem_free(&timer);
}

/* A timer that is set already moves within the heap. */
void loop_timer_set(struct loop_timer *timer, int64_t delay)
{
    struct loop *loop = timer->loop;
    int64_t now = clock_steady();

    if (delay < 0)
        delay = 0;
    timer->when = delay > INT64_MAX - now ? INT64_MAX : now + delay;
    timer->serial = ++loop->timer_serial;
    if (timer->place != NOT_SET) {
        settle_timer(loop, timer, timer->place);
        return;
    }
    if (loop->timer_count == loop->timer_room) {
        loop->timer_room = loop->timer_room ? loop->timer_room * 2 : 16;
        loop->timers = mem_resize_array(loop->timers, loop->timer_room, sizeof *loop->timers);
    }
    loop->timer_count++;
    settle_timer(loop, timer, loop->timer_count - 1);
}

void loop_timer_stop(struct loop_timer *timer)
{
    struct loop *loop = timer->loop;
    size_t place = timer->place;

    if (place == NOT_SET)
        return;
    timer->place = NOT_SET;
    loop->timer_count--;
    if (place < loop->timer_count)
        settle_timer(loop, loop->timers[loop->timer_count], place);
}

bool loop_timer_is_set(const struct loop_timer *timer)
{
    return timer->place != NOT_SET;
}

int64_t loop_next_timer(const struct loop *loop)
{
    return loop->timer_count ? loop->timers[0]->when : INT64_MAX;
}

void loop_run_timer(struct loop *loop)
{
    struct loop_timer *timer = loop->timers[0];

    loop_timer_stop(timer);
    timer->fn(timer->arg);
}

/* Those that are due now; one that is set anew by another waits its turn. */
void loop_run_timers(struct loop *loop)
{
    int64_t now;
    size_t most = loop->timer_count;

    if (!most)
        return;
    now = clock_steady();
    while (most-- && loop_next_timer(loop) <= now)
        loop_run_timer(loop);
}

/* ---------------------------------------------------------------- back-off */

int64_t loop_backoff_next(struct loop_backoff *backoff)
{
    int64_t ceiling = backoff->least;
    unsigned i;

    for (i = 0; i < backoff->tries && ceiling < backoff->most; i++)
        ceiling = ceiling > backoff->most / 2 ? backoff->most : ceiling * 2;
    backoff->tries += backoff->tries < 64;
    return (int64_t)random_below((uint64_t)ceiling + 1);
}

void loop_backoff_reset(struct loop_backoff *backoff)
{
    backoff->tries = 0;
}
