/* SPDX-License-Identifier: Apache-2.0 */
/* Sprig's functions on dates, and the methods that a time has. */
#include "template/dates.h"
#include "template/function.h"

#include <inttypes.h>

static bool give_time(struct call *call, struct instant instant)
{
    struct instant *copy = arena_alloc(call->arena, sizeof *copy);

    *copy = instant;
    return give(call, (struct value){.kind = KIND_TIME, .time = copy});
}

static struct instant at_second(int64_t second)
{
    return (struct instant){.second = second, .zone = "UTC"};
}

static bool now(struct call *call, struct instant *ret)
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

static bool moment(struct call *call, struct value v, struct instant *ret)
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
    return now(call, ret);
}

static bool in_zone(struct call *call, struct str layout, struct value v,
                    struct str zone)
{
    struct instant instant = {0};
    struct text out = call_text(call);

    if (!moment(call, v, &instant))
        return false;
    if (!zone_apply(&instant, zone))
        zone_apply(&instant, STR("UTC"));
    date_format(&out, &instant, layout);
    return give_text(call, &out);
}

static bool run_date(struct call *call)
{
    return in_zone(call, arg_str(call, 0), call->args[1], STR("UTC"));
}

static bool run_date_in_zone(struct call *call)
{
    return in_zone(call, arg_str(call, 0), call->args[1], arg_str(call, 2));
}

static bool run_html_date(struct call *call)
{
    return in_zone(call, STR("2006-01-02"), call->args[0], STR("UTC"));
}

static bool run_html_date_in_zone(struct call *call)
{
    return in_zone(call, STR("2006-01-02"), call->args[0], arg_str(call, 1));
}

static bool parsed(struct call *call, bool strict)
{
    struct instant instant = {0};

    if (date_parse(arg_str(call, 0), arg_str(call, 1), &instant))
        return give_time(call, instant);
    if (!strict)
        return give_time(call, at_second(calendar_seconds(1, 1, 1)));
    return call_fail(call,
                     "parsing time \"%.*s\" as \"%.*s\": cannot parse it",
                     (int)call->args[1].len, call->args[1].string,
                     (int)call->args[0].len, call->args[0].string);
}

static bool run_to_date(struct call *call)
{
    return parsed(call, false);
}

static bool run_must_to_date(struct call *call)
{
    return parsed(call, true);
}

static struct instant later(struct instant instant, int64_t nanoseconds)
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

static bool modified(struct call *call, bool strict)
{
    int64_t by = 0;

    if (!date_read_duration(arg_str(call, 0), &by) && strict)
        return call_fail(call, "time: invalid duration \"%.*s\"",
                         (int)call->args[0].len, call->args[0].string);
    return give_time(call, later(*call->args[1].time, by));
}

static bool run_date_modify(struct call *call)
{
    return modified(call, false);
}

static bool run_must_date_modify(struct call *call)
{
    return modified(call, true);
}

static bool run_unix_epoch(struct call *call)
{
    struct text out = call_text(call);

    text_addf(&out, "%" PRId64, call->args[0].time->second);
    return give_text(call, &out);
}

/* A string of digits with a sign; anything else is 0. */
static int64_t whole_number(struct str s)
{
    int64_t value = 0;
    bool minus = s.len && s.at[0] == '-';

    for (size_t i = minus || (s.len && s.at[0] == '+'); i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9' ||
            __builtin_mul_overflow(value, 10, &value) ||
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
    return give_text(call, &out);
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

        if (!now(call, &present))
            return false;
        duration = (int64_t)((uint64_t)(present.second - v.time->second) *
                             1000000000u);
    }
    size = duration < 0 ? 0 - (uint64_t)duration : (uint64_t)duration;
    for (size_t i = 0; i < count_of(units); i++) {
        uint64_t unit = units[i].seconds * 1000000000u;

        if (size > unit) {
            text_addf(&out, "%" PRIu64 "%s", size / unit, units[i].name);
            return give_text(call, &out);
        }
    }
    return give_str(call, STR("0s"));
}

static bool run_now(struct call *call)
{
    struct instant instant = {0};

    return now(call, &instant) && give_time(call, instant);
}

static bool run_ago(struct call *call)
{
    struct instant instant = {0}, present = {0};
    struct text out = call_text(call);

    if (!moment(call, call->args[0], &instant) || !now(call, &present))
        return false;
    print_duration(&out,
                   (int64_t)((uint64_t)(present.second - instant.second) *
                             1000000000u));
    return give_text(call, &out);
}

/* ---- Methods ---- */

static struct calendar calendar(struct call *call)
{
    struct calendar at;

    calendar_of(call->args[0].time, &at);
    return at;
}

static bool run_year(struct call *call)
{
    return give(call, value_int(calendar(call).year));
}

static bool run_month(struct call *call)
{
    return give(call, (struct value){.kind = KIND_MONTH,
                                     .integer = calendar(call).month});
}

static bool run_weekday(struct call *call)
{
    return give(call, (struct value){.kind = KIND_WEEKDAY,
                                     .integer = calendar(call).weekday});
}

static bool run_day(struct call *call)
{
    return give(call, value_int(calendar(call).day));
}

static bool run_year_day(struct call *call)
{
    return give(call, value_int(calendar(call).day_of_year));
}

static bool run_hour(struct call *call)
{
    return give(call, value_int(calendar(call).hour));
}

static bool run_minute(struct call *call)
{
    return give(call, value_int(calendar(call).minute));
}

static bool run_second(struct call *call)
{
    return give(call, value_int(calendar(call).second));
}

static bool run_nanosecond(struct call *call)
{
    return give(call, value_int(call->args[0].time->nanosecond));
}

static bool run_unix(struct call *call)
{
    return give(call, value_int64(call->args[0].time->second));
}

static bool run_format(struct call *call)
{
    struct text out = call_text(call);

    date_format(&out, call->args[0].time, arg_str(call, 1));
    return give_text(call, &out);
}

static bool run_string(struct call *call)
{
    struct text out = call_text(call);

    print_time(&out, call->args[0].time);
    return give_text(call, &out);
}

static bool run_utc(struct call *call)
{
    struct instant instant = *call->args[0].time;

    zone_apply(&instant, STR("UTC"));
    return give_time(call, instant);
}

static bool run_add_date(struct call *call)
{
    struct instant instant = *call->args[0].time;
    struct calendar at = calendar(call);
    int64_t years = call->args[1].integer, months = call->args[2].integer,
            days = call->args[3].integer, most = 10000000;

    if (years > most || years < -most || months > most || months < -most ||
        days > most || days < -most)
        return call_fail(call, "the date is out of range");
    instant.second =
        calendar_seconds(at.year + years, at.month + months, 1) +
        (at.day - 1 + days) * 86400 + at.hour * 3600 + at.minute * 60 +
        at.second - instant.offset;
    return give_time(call, instant);
}

static int compare(struct call *call)
{
    const struct instant *a = call->args[0].time, *b = call->args[1].time;

    if (a->second != b->second)
        return a->second < b->second ? -1 : 1;
    return (a->nanosecond > b->nanosecond) - (a->nanosecond < b->nanosecond);
}

static bool run_before(struct call *call)
{
    return give(call, value_bool(compare(call) < 0));
}

static bool run_after(struct call *call)
{
    return give(call, value_bool(compare(call) > 0));
}

static bool run_equal(struct call *call)
{
    return give(call, value_bool(compare(call) == 0));
}

static bool run_is_zero(struct call *call)
{
    return give(call, value_bool(call->args[0].time->second ==
                                     calendar_seconds(1, 1, 1) &&
                                 !call->args[0].time->nanosecond));
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

const struct function methods_time[] = {
    {"Year", "t", 'i', run_year, 40},
    {"Month", "t", 'i', run_month, 40},
    {"Weekday", "t", 'i', run_weekday, 40},
    {"Day", "t", 'i', run_day, 40},
    {"YearDay", "t", 'i', run_year_day, 40},
    {"Hour", "t", 'i', run_hour, 40},
    {"Minute", "t", 'i', run_minute, 40},
    {"Second", "t", 'i', run_second, 40},
    {"Nanosecond", "t", 'i', run_nanosecond, 40},
    {"Unix", "t", 'I', run_unix, 40},
    {"Format", "ts", 's', run_format, 40},
    {"String", "t", 's', run_string, 40},
    {"UTC", "t", 't', run_utc, 40},
    {"AddDate", "tiii", 't', run_add_date, 40},
    {"Before", "tt", 'b', run_before, 40},
    {"After", "tt", 'b', run_after, 40},
    {"Equal", "tt", 'b', run_equal, 40},
    {"IsZero", "t", 'b', run_is_zero, 40},
    {0},
};
