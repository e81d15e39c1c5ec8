/* SPDX-License-Identifier: Apache-2.0 */
/* The methods that Go's time.Time has, and finding a value's method. */
#include "gotemplate/exec.h"

/* Most methods of a time ask for one number of its calendar. */
static struct calendar receiver_calendar(struct call *call)
{
    struct calendar at;

    calendar_of(call->args[0].time, &at);
    return at;
}

static bool run_year(struct call *call)
{
    return call_give(call, value_int(receiver_calendar(call).year));
}

static bool run_month(struct call *call)
{
    return call_give(call,
                     (struct value){.kind = KIND_MONTH, .integer = receiver_calendar(call).month});
}

static bool run_weekday(struct call *call)
{
    return call_give(
        call, (struct value){.kind = KIND_WEEKDAY, .integer = receiver_calendar(call).weekday});
}

static bool run_day(struct call *call)
{
    return call_give(call, value_int(receiver_calendar(call).day));
}

static bool run_year_day(struct call *call)
{
    return call_give(call, value_int(receiver_calendar(call).day_of_year));
}

static bool run_hour(struct call *call)
{
    return call_give(call, value_int(receiver_calendar(call).hour));
}

static bool run_minute(struct call *call)
{
    return call_give(call, value_int(receiver_calendar(call).minute));
}

static bool run_second(struct call *call)
{
    return call_give(call, value_int(receiver_calendar(call).second));
}

static bool run_nanosecond(struct call *call)
{
    return call_give(call, value_int(call->args[0].time->nanosecond));
}

static bool run_unix(struct call *call)
{
    return call_give(call, value_int64(call->args[0].time->second));
}

static bool run_format(struct call *call)
{
    struct text out = call_text(call);

    date_format(&out, call->args[0].time, call_arg_str(call, 1));
    return call_give_text(call, &out);
}

static bool run_time_string(struct call *call)
{
    struct text out = call_text(call);

    print_time(&out, call->args[0].time);
    return call_give_text(call, &out);
}

static bool run_utc(struct call *call)
{
    struct instant instant = *call->args[0].time;

    zone_apply(&instant, STR("UTC"));
    return call_give(call, value_time(call->arena, instant));
}

/* Bounded so that the sums of days cannot overflow. */
static bool run_add_date(struct call *call)
{
    struct instant instant = *call->args[0].time;
    struct calendar at = receiver_calendar(call);
    int64_t years = call->args[1].integer, months = call->args[2].integer,
            days = call->args[3].integer, most = 10000000;

    if (years > most || years < -most || months > most || months < -most || days > most ||
        days < -most)
        return call_fail(call, "the date is out of range");
    instant.second = calendar_seconds(at.year + years, at.month + months, 1) +
                     (at.day - 1 + days) * 86400 + at.hour * 3600 + at.minute * 60 + at.second -
                     instant.offset;
    return call_give(call, value_time(call->arena, instant));
}

/* By the moment; the zones do not count. */
static int compare_times(struct call *call)
{
    const struct instant *a = call->args[0].time, *b = call->args[1].time;

    if (a->second != b->second)
        return a->second < b->second ? -1 : 1;
    return (a->nanosecond > b->nanosecond) - (a->nanosecond < b->nanosecond);
}

static bool run_before(struct call *call)
{
    return call_give(call, value_bool(compare_times(call) < 0));
}

static bool run_after(struct call *call)
{
    return call_give(call, value_bool(compare_times(call) > 0));
}

static bool run_time_equal(struct call *call)
{
    return call_give(call, value_bool(compare_times(call) == 0));
}

static bool run_is_zero(struct call *call)
{
    return call_give(call, value_bool(call->args[0].time->second == calendar_seconds(1, 1, 1) &&
                                      !call->args[0].time->nanosecond));
}

static const struct function methods_time[] = {
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
    {"String", "t", 's', run_time_string, 40},
    {"UTC", "t", 't', run_utc, 40},
    {"AddDate", "tiii", 't', run_add_date, 40},
    {"Before", "tt", 'b', run_before, 40},
    {"After", "tt", 'b', run_after, 40},
    {"Equal", "tt", 'b', run_time_equal, 40},
    {"IsZero", "t", 'b', run_is_zero, 40},
    {0},
};

/* Times are Go's own and always have methods; versions have those of the library. */
const struct function *method_find(const struct template_library *library, struct value receiver,
                                   struct str name)
{
    const struct function *method = NULL;

    if (receiver.kind == KIND_TIME)
        method = methods_time;
    else if (receiver.kind == KIND_SEMVER && library)
        method = library->semver_methods;
    for (; method && method->name; method++) {
        if (str_same(name, str_of(method->name)))
            return method;
    }
    return NULL;
}
