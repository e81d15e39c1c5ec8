/* SPDX-License-Identifier: Apache-2.0 */
/* Shares each turn of the loop among the long lists that are being sent. */
#include "api/internal.h"

#include "base/clock.h"
#include "base/object.h"
#include "loop/loop.h"

#include <stdlib.h>
#include <sys/queue.h>

#define LIST_TURNS_TAG 0x4c545552u
/*
 * What all long lists together may take of one turn, about 3 ms of encryption; other
 * requests are answered in between. The time bounds tables, whose rows are computed.
 */
#define BYTES_OF_TURN ((size_t)1 << 20)
#define TIME_OF_TURN (4 * CLOCK_MS)

struct list_turns {
    uint32_t tag;
    TAILQ_HEAD(, list_turn) queue;
    const void *last_flow; /* whose list was written last; only compared */
    struct loop_timer *timer;
};

/*
 * The first of the queue that is not of the one who was served last: so whoever asks
 * for one list is served in between those of somebody who asks for many.
 */
static struct list_turn *choose_list_turn(const struct list_turns *turns)
{
    struct list_turn *turn;

    TAILQ_FOREACH(turn, &turns->queue, link)
    {
        if (turn->flow != turns->last_flow)
            return turn;
    }
    return TAILQ_FIRST(&turns->queue);
}

static void on_list_turn(void *arg)
{
    struct list_turns *turns = object_from(list_turns, LIST_TURNS_TAG, arg);
    int64_t start = clock_steady();
    size_t bytes = 0;

    while (!TAILQ_EMPTY(&turns->queue) && bytes < BYTES_OF_TURN &&
           clock_steady() - start < TIME_OF_TURN) {
        struct list_turn *turn = choose_list_turn(turns);

        turns->last_flow = turn->flow;
        list_turn_leave(turns, turn);
        bytes += turn->write(turn->arg);
    }
    if (!TAILQ_EMPTY(&turns->queue))
        loop_timer_set(turns->timer, 0);
}

void list_turn_wait(struct list_turns *turns, struct list_turn *turn)
{
    if (turn->queued)
        return;
    turn->queued = true;
    TAILQ_INSERT_TAIL(&turns->queue, turn, link);
    if (!loop_timer_is_set(turns->timer))
        loop_timer_set(turns->timer, 0);
}

void list_turn_leave(struct list_turns *turns, struct list_turn *turn)
{
    if (turn->queued)
        TAILQ_REMOVE(&turns->queue, turn, link);
    turn->queued = false;
}

struct list_turns *list_turns_new(struct loop *loop)
{
    struct list_turns *turns = mem_alloc(sizeof *turns);

    turns->tag = LIST_TURNS_TAG;
    TAILQ_INIT(&turns->queue);
    turns->timer = loop_timer_new(loop, on_list_turn, turns);
    return turns;
}

void list_turns_free(struct list_turns **at)
{
    struct list_turns *turns = take(*at);

    if (!turns)
        return;
    turns->tag = 0;
    loop_timer_free(&turns->timer);
    free(turns);
}
