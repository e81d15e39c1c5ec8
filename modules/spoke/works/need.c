/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what the present attempt of a work waits for: responses of the hub. */
#include "works/gather.h"

/*
 * A work may be freed, or be at another attempt, when a response comes. So a need holds
 * the name of the work and the number of the attempt, not a pointer.
 */
struct need {
    struct works *works;
    char *work; /* owned */
    unsigned turn;
};

struct need *need_new(struct work *work)
{
    struct need *need = mem_alloc(sizeof *need);

    *need = (struct need){work->works, mem_copy_string(work->name), work->turn};
    work->waiting++;
    return need;
}

void need_free(struct need *need)
{
    mem_free(&need->work);
    mem_free(&need);
}

struct work *need_work(const struct need *need)
{
    struct work *work = work_find(need->works, need->work);

    return work && work->turn == need->turn ? work : NULL;
}

/* The need is freed first, since the work may go on to another attempt, or end. */
static void end_need(struct need *need, const char *reason, const char *message)
{
    struct work *work = need_work(need);

    need_free(need);
    if (!work)
        return;
    work->waiting--;
    work->works->need_ended(work, reason, message);
}

void need_met(struct need *need)
{
    end_need(need, NULL, NULL);
}

void need_failed(struct need *need, const char *reason, const char *message)
{
    end_need(need, reason, message);
}
