/* SPDX-License-Identifier: Apache-2.0 */
/* Timestamps and durations. */
#include "cel/internal.h"

#include "base/clock.h"

#define FN(name)                                                                                   \
    static int name(struct cel_run *run, const struct cel_value *args, size_t count,               \
                    struct cel_value *ret)

FN(fn_same)
{
    *ret = args[0];
    return 0;
}

FN(fn_time_of)
{
    *ret = (struct cel_value){CEL_TIME, {.integer = 0}};
    if (args[0].type == CEL_INT)
        return __builtin_mul_overflow(args[0].integer, CLOCK_SECOND, &ret->integer)
                   ? cel_fail(run, "timestamp out of range")
                   : 0;
    if (!clock_parse_exact(args[0].bytes, &ret->integer))
        return cel_fail(run, "cannot parse \"%.100s\" as an RFC 3339 time", args[0].bytes);
    return 0;
}

FN(fn_duration_of)
{
    struct err err;

    *ret = (struct cel_value){CEL_DURATION, {.integer = 0}};
    if (args[0].type == CEL_INT)
        ret->integer = args[0].integer;
    else if (duration_parse(args[0].bytes, &ret->integer, &err) < 0)
        return cel_fail(run, "%s", err.text);
    return 0;
}

/* ---- The calendar, in UTC ---------------------------------------------- */

struct moment {
    int64_t days, second;     /* since 1970; of the day */
    int64_t year, month, day; /* month from 1 */
};

/*
 * Converts days since 1970 to a date of the Gregorian calendar. Years start on
 * the first of March here, so that a leap day is the last day of its year. An era
 * is 400 years, 146,097 days; 1970 starts 719,468 days after the first of March
 * of year 0.
 */
static struct moment moment_of(int64_t at)
{
    struct moment moment;
    int64_t seconds = at / CLOCK_SECOND - (at % CLOCK_SECOND < 0);
    int64_t shifted, era, of_era, year, of_year, month;

    moment.days = seconds / 86400 - (seconds % 86400 < 0);
    moment.second = seconds - moment.days * 86400;
    shifted = moment.days + 719468;
    era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    of_era = shifted - era * 146097;
    year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    of_year = of_era - (365 * year + year / 4 - year / 100);
    month = (5 * of_year + 2) / 153;
    moment.day = of_year - (153 * month + 2) / 5 + 1;
    moment.month = month < 10 ? month + 3 : month - 9;
    moment.year = year + era * 400 + (moment.month <= 2);
    return moment;
}

static int64_t day_of_year(const struct moment *moment)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    bool leap = (moment->year % 4 == 0 && moment->year % 100 != 0) || moment->year % 400 == 0;

    return before[moment->month - 1] + moment->day - 1 + (leap && moment->month > 2);
}

#define PART(name, what)                                                                           \
    FN(name)                                                                                       \
    {                                                                                              \
        struct moment m = moment_of(args[0].integer);                                              \
        *ret = cel_int(what);                                                                      \
        return 0;                                                                                  \
    }

/* CEL counts months, days of a month and days of a year from 0, only getDate()
   from 1. 1970-01-01 was a Thursday, which is day 4. */
PART(fn_year, m.year)
PART(fn_month, m.month - 1)
PART(fn_date, m.day)
PART(fn_day_of_month, m.day - 1)
PART(fn_day_of_week, ((m.days + 4) % 7 + 7) % 7)
PART(fn_day_of_year, day_of_year(&m))
PART(fn_hours, m.second / 3600)
PART(fn_minutes, m.second / 60 % 60)
PART(fn_seconds, m.second % 60)

/* The remainder of a time before 1970 is negative. */
FN(fn_milliseconds)
{
    int64_t rest = args[0].integer % CLOCK_SECOND;

    *ret = cel_int((rest < 0 ? rest + CLOCK_SECOND : rest) / CLOCK_MS);
    return 0;
}

/* getHours() and the like convert the whole duration, while getMilliseconds()
   gives only the part below one second. */
#define WHOLE(name, unit)                                                                          \
    FN(name)                                                                                       \
    {                                                                                              \
        *ret = cel_int(args[0].integer / (unit));                                                  \
        return 0;                                                                                  \
    }

WHOLE(fn_whole_hours, 3600 * CLOCK_SECOND)
WHOLE(fn_whole_minutes, 60 * CLOCK_SECOND)
WHOLE(fn_whole_seconds, CLOCK_SECOND)

FN(fn_duration_milliseconds)
{
    *ret = cel_int(args[0].integer % CLOCK_SECOND / CLOCK_MS);
    return 0;
}

static const struct cel_overload times[] = {
    {"timestamp", "t", 't', fn_same},
    {"timestamp", "s", 't', fn_time_of},
    {"timestamp", "i", 't', fn_time_of},
    {"duration", "D", 'D', fn_same},
    {"duration", "s", 'D', fn_duration_of},
    {"duration", "i", 'D', fn_duration_of},
    {"getFullYear", "t.", 'i', fn_year},
    {"getMonth", "t.", 'i', fn_month},
    {"getDate", "t.", 'i', fn_date},
    {"getDayOfMonth", "t.", 'i', fn_day_of_month},
    {"getDayOfWeek", "t.", 'i', fn_day_of_week},
    {"getDayOfYear", "t.", 'i', fn_day_of_year},
    {"getHours", "t.", 'i', fn_hours},
    {"getMinutes", "t.", 'i', fn_minutes},
    {"getSeconds", "t.", 'i', fn_seconds},
    {"getMilliseconds", "t.", 'i', fn_milliseconds},
    {"getHours", "D.", 'i', fn_whole_hours},
    {"getMinutes", "D.", 'i', fn_whole_minutes},
    {"getSeconds", "D.", 'i', fn_whole_seconds},
    {"getMilliseconds", "D.", 'i', fn_duration_milliseconds},
};
const struct cel_table cel_times = {times, count_of(times)};
