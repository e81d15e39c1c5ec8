/* SPDX-License-Identifier: Apache-2.0 */
/* Sprig's functions on dates. */
#include "sprig/groups.h"

#include <inttypes.h>

/* A moment in UTC. */
static struct instant at_second(int64_t second)
{
    return (struct instant){.second = second, .zone = "UTC"};
}

/* The clock is the time that the caller gave the set, so the same inputs give the same text. */
static bool read_run_clock(struct call *call, struct instant *ret)
{
    int64_t wall;

    if (!call_now(call, &wall))
        return false;
    *ret = at_second(wall / 1000000000);
    ret->nanosecond = (int32_t)(wall % 1000000000);
    return true;
}

/* Beyond this the calendar's numbers overflow. */
#define FARTHEST ((int64_t)1 << 55)

/* A time, seconds since 1970, or the present for anything else, as Sprig does. */
static bool read_moment(struct call *call, struct value v, struct instant *ret)
{
    if (v.kind == KIND_TIME) {
        *ret = *v.time;
        return true;
    }
    if (v.kind == KIND_INT || v.kind == KIND_INT64) {
        if (v.integer > FARTHEST || v.integer < -FARTHEST)
            return call_fail(call, "the time is out of range");
        *ret = at_second(v.integer);
        return true;
    }
    return read_run_clock(call, ret);
}

/* A zone that is not known counts as UTC. */
static bool in_zone(struct call *call, struct str layout, struct value v, struct str zone)
{
    struct instant instant = {0};
    struct text out = call_text(call);

    if (!read_moment(call, v, &instant))
        return false;
    if (!zone_apply(&instant, zone))
        zone_apply(&instant, STR("UTC"));
    date_format(&out, &instant, layout);
    return call_give_text(call, &out);
}

static bool run_date(struct call *call)
{
    return in_zone(call, call_arg_str(call, 0), call->args[1], STR("UTC"));
}

static bool run_date_in_zone(struct call *call)
{
    return in_zone(call, call_arg_str(call, 0), call->args[1], call_arg_str(call, 2));
}

static bool run_html_date(struct call *call)
{
    return in_zone(call, STR("2006-01-02"), call->args[0], STR("UTC"));
}

static bool run_html_date_in_zone(struct call *call)
{
    return in_zone(call, STR("2006-01-02"), call->args[0], call_arg_str(call, 1));
}

/* Without `must` a wrong date is Go's zero time. */
static bool give_parsed(struct call *call, bool strict)
{
    struct instant instant = {0};

    if (date_parse(call_arg_str(call, 0), call_arg_str(call, 1), &instant))
        return call_give(call, value_time(call->arena, instant));
    if (!strict)
        return call_give(call, value_time(call->arena, at_second(calendar_seconds(1, 1, 1))));
    return call_fail(call, "parsing time \"%.*s\" as \"%.*s\": cannot parse it",
                     (int)call->args[1].len, call->args[1].string, (int)call->args[0].len,
                     call->args[0].string);
}

static bool run_to_date(struct call *call)
{
    return give_parsed(call, false);
}

static bool run_must_to_date(struct call *call)
{
    return give_parsed(call, true);
}

/* Nanoseconds stay between 0 and a second, also when the duration is negative. */
static struct instant add_duration(struct instant instant, int64_t nanoseconds)
{
    int64_t rest = instant.nanosecond + nanoseconds % 1000000000;

    instant.second += nanoseconds / 1000000000 + rest / 1000000000;
    rest %= 1000000000;
    if (rest < 0) {
        rest += 1000000000;
        instant.second--;
    }
    instant.nanosecond = (int32_t)rest;
    return instant;
}

/* Without `must` a wrong duration is none. */
static bool give_modified(struct call *call, bool strict)
{
    int64_t by = 0;

    if (!date_read_duration(call_arg_str(call, 0), &by) && strict)
        return call_fail(call, "time: invalid duration \"%.*s\"", (int)call->args[0].len,
                         call->args[0].string);
    return call_give(call, value_time(call->arena, add_duration(*call->args[1].time, by)));
}

static bool run_date_modify(struct call *call)
{
    return give_modified(call, false);
}

static bool run_must_date_modify(struct call *call)
{
    return give_modified(call, true);
}

static bool run_unix_epoch(struct call *call)
{
    struct text out = call_text(call);

    text_addf(&out, "%" PRId64, call->args[0].time->second);
    return call_give_text(call, &out);
}

/* A string of digits with a sign; anything else is 0. */
static int64_t whole_number(struct str s)
{
    int64_t value = 0;
    bool minus = s.len && s.at[0] == '-';

    for (size_t i = minus || (s.len && s.at[0] == '+'); i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, s.at[i] - '0', &value))
            return 0;
    }
    return minus ? -value : value;
}

static bool run_duration(struct call *call)
{
    struct value v = call->args[0];
    int64_t seconds = v.kind == KIND_INT64    ? v.integer
                      : v.kind == KIND_STRING ? whole_number(value_str(v))
                                              : 0;
    struct text out = call_text(call);

    print_duration(&out, (int64_t)((uint64_t)seconds * 1000000000u));
    return call_give_text(call, &out);
}

static bool run_duration_round(struct call *call)
{
    static const struct {
        const char *name;
        uint64_t seconds;
    } units[] = {{"y", 365 * 86400}, {"mo", 30 * 86400}, {"d", 86400},
                 {"h", 3600},        {"m", 60},          {"s", 1}};
    struct value v = call->args[0];
    int64_t duration = v.kind == KIND_INT64 ? v.integer : 0;
    struct text out = call_text(call);
    uint64_t size;

    if (v.kind == KIND_STRING && !date_read_duration(value_str(v), &duration))
        duration = 0;
    if (v.kind == KIND_TIME) {
        struct instant present = {0};

        if (!read_run_clock(call, &present))
            return false;
        duration = (int64_t)((uint64_t)(present.second - v.time->second) * 1000000000u);
    }
    size = duration < 0 ? 0 - (uint64_t)duration : (uint64_t)duration;
    for (size_t i = 0; i < count_of(units); i++) {
        uint64_t unit = units[i].seconds * 1000000000u;

        if (size > unit) {
            text_addf(&out, "%" PRIu64 "%s", size / unit, units[i].name);
            return call_give_text(call, &out);
        }
    }
    return call_give_str(call, STR("0s"));
}

static bool run_now(struct call *call)
{
    struct instant instant = {0};

    return read_run_clock(call, &instant) && call_give(call, value_time(call->arena, instant));
}

/* Whole seconds, as in Sprig. */
static bool run_ago(struct call *call)
{
    struct instant instant = {0}, present = {0};
    struct text out = call_text(call);

    if (!read_moment(call, call->args[0], &instant) || !read_run_clock(call, &present))
        return false;
    print_duration(&out, (int64_t)((uint64_t)(present.second - instant.second) * 1000000000u));
    return call_give_text(call, &out);
}

const struct function functions_dates[] = {
    {"date", "sa", 's', run_date, 40},
    {"dateInZone", "sas", 's', run_date_in_zone, 40},
    {"date_in_zone", "sas", 's', run_date_in_zone, 40},
    {"htmlDate", "a", 's', run_html_date, 40},
    {"htmlDateInZone", "as", 's', run_html_date_in_zone, 40},
    {"toDate", "ss", 't', run_to_date, 40},
    {"mustToDate", "ss", 't', run_must_to_date, 40},
    {"dateModify", "st", 't', run_date_modify, 40},
    {"date_modify", "st", 't', run_date_modify, 40},
    {"mustDateModify", "st", 't', run_must_date_modify, 40},
    {"must_date_modify", "st", 't', run_must_date_modify, 40},
    {"unixEpoch", "t", 's', run_unix_epoch, 40},
    {"duration", "a", 's', run_duration, 40},
    {"durationRound", "a", 's', run_duration_round, 40},
    {0},
};

const struct function functions_clock[] = {
    {"now", "", 't', run_now, COST_FLAT},
    {"ago", "a", 's', run_ago, 2},
    {0},
};
