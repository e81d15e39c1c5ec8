/* SPDX-License-Identifier: Apache-2.0 */
/* Says what each identity may have of a turn of the loop, and who has to wait or to go. */
#include "limits/limits.h"

/*
 * Everybody may ask for so much in one turn of the loop together; a unit is what a small
 * request costs, a tenth of a millisecond. 64 connections that each create one object have
 * their commit together.
 */
#define UNITS_OF_TURN 64
#define LEAST_SHARE 4
/* How many requests of one identity wait, when turns are short and when they are long. */
#define MOST_WAITING ((size_t)1024)
#define LEAST_WAITING ((size_t)8)
#define BODY_OF_UNIT 8192
/* Of a body whose length is not announced. */
#define UNITS_UNKNOWN 8
#define LONGEST_RETRY 8
#define REFUSALS_OF_SECOND 32

/* In the order in which they are served when not all can be. */
static const struct limits_class classes[LIMITS_CLASSES] = {
    [LIMITS_EXEMPT] = {"exempt", 0}, /* leases and status of spokes, an administrator's few */
    [LIMITS_USERS] = {"users", 8},   /* people, ServiceAccounts, administrators */
    [LIMITS_SPOKES] = {"spokes", 6}, /* all else that spokes ask */
    [LIMITS_JOINING] = {"joining", 2}, [LIMITS_ANONYMOUS] = {"anonymous", 1},
};

const struct limits_class *limits_class(enum limits_class_id id)
{
    return &classes[id];
}

int64_t limits_cost(int64_t body_length)
{
    return body_length < 0 ? UNITS_UNKNOWN : 1 + body_length / BODY_OF_UNIT;
}

/* Classes of which nobody has asked lately leave their part to the others. */
int64_t limits_class_share(enum limits_class_id id, const size_t active[LIMITS_CLASSES])
{
    int64_t weights = 0;

    for (size_t i = 0; i < LIMITS_CLASSES; i++)
        if (active[i] || i == id)
            weights += classes[i].weight;
    return weights ? UNITS_OF_TURN * classes[id].weight / weights : UNITS_OF_TURN;
}

int64_t limits_share(enum limits_class_id id, const size_t active[LIMITS_CLASSES])
{
    size_t many = active[id] ? active[id] : 1;
    int64_t share = limits_class_share(id, active) / (int64_t)many;

    return share < LEAST_SHARE ? LEAST_SHARE : share;
}

bool limits_turn_is_full(int64_t used)
{
    return used >= UNITS_OF_TURN;
}

/* Who is alone waits as long as it likes: refusing it would serve nobody. */
static size_t room_of(const struct limits_load *load)
{
    size_t half = (size_t)load->share / 2;

    if (!load->late || !load->others)
        return MOST_WAITING;
    return half < LEAST_WAITING ? LEAST_WAITING : half;
}

enum limits_verdict limits_judge(enum limits_class_id id, const struct limits_load *load)
{
    if (id == LIMITS_EXEMPT)
        return LIMITS_RUN;
    if (!load->bodies_are_full && !load->waiting && load->used < load->share &&
        !limits_turn_is_full(load->turn))
        return LIMITS_RUN;
    return load->waiting < room_of(load) ? LIMITS_WAIT : LIMITS_REFUSE;
}

int limits_retry_after(size_t refusals)
{
    size_t wait = 1 + refusals / REFUSALS_OF_SECOND;

    return wait > LONGEST_RETRY ? LONGEST_RETRY : (int)wait;
}
