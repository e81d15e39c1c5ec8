/* SPDX-License-Identifier: Apache-2.0 */
/* Turns moments into dates and times of the day and back, in the time zones that we know. */
#include "golang/dates.h"

#include <stdio.h>

const char *const calendar_months[] = {"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};
const char *const calendar_weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday"};

const char *calendar_month_name(int64_t month)
{
    return month >= 1 && month <= 12 ? calendar_months[month - 1] : "%!Month";
}

const char *calendar_weekday_name(int64_t weekday)
{
    return weekday >= 0 && weekday < 7 ? calendar_weekdays[weekday] : "%!Weekday";
}

/* Rounds down, where C rounds towards zero: moments before 1970 are negative. */
static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970 of a date; years are counted from March. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    int64_t era, in_era, of_year;

    year += floor_divide(month - 1, 12);
    month -= floor_divide(month - 1, 12) * 12;
    year -= month <= 2;
    era = floor_divide(year, 400);
    in_era = year - era * 400;
    of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + of_year - 719468 + day - 1;
}

int64_t calendar_seconds(int64_t year, int64_t month, int64_t day)
{
    return days_since_1970(year, month, day) * 86400;
}

/* The inverse of days_since_1970(), in years that begin in March, so that the leap day is the
   last one of its year. */
void calendar_of(const struct instant *instant, struct calendar *ret)
{
    int64_t local = instant->second + instant->offset;
    int64_t days = floor_divide(local, 86400), rest = local - days * 86400;
    int64_t shifted = days + 719468;
    int64_t era = floor_divide(shifted, 146097);
    int64_t in_era = shifted - era * 146097;
    int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t of_year = in_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;

    ret->day = (int)(of_year - (153 * month + 2) / 5 + 1);
    ret->month = (int)(month < 10 ? month + 3 : month - 9);
    ret->year = year + era * 400 + (ret->month <= 2);
    ret->hour = (int)(rest / 3600);
    ret->minute = (int)(rest / 60 % 60);
    ret->second = (int)(rest % 60);
    ret->weekday = (int)(days + 4 - floor_divide(days + 4, 7) * 7);
    ret->day_of_year = (int)(days - days_since_1970(ret->year, 1, 1)) + 1;
}

/* ---- Zones ---- */

enum summer { SUMMER_NONE, SUMMER_AMERICA, SUMMER_EUROPE };

/* clang-format off */
/* Today's rules; what they were long ago is not kept. */
static const struct {
    const char *name, *winter, *summer;
    int minutes;
    enum summer rule;
} zones[] = {
    {"", "UTC", "", 0, SUMMER_NONE},
    {"UTC", "UTC", "", 0, SUMMER_NONE},
    {"Local", "UTC", "", 0, SUMMER_NONE},
    {"GMT", "GMT", "", 0, SUMMER_NONE},
    {"Etc/UTC", "UTC", "", 0, SUMMER_NONE},
    {"Etc/GMT", "GMT", "", 0, SUMMER_NONE},
    {"America/New_York", "EST", "EDT", -300, SUMMER_AMERICA},
    {"America/Toronto", "EST", "EDT", -300, SUMMER_AMERICA},
    {"America/Chicago", "CST", "CDT", -360, SUMMER_AMERICA},
    {"America/Denver", "MST", "MDT", -420, SUMMER_AMERICA},
    {"America/Phoenix", "MST", "", -420, SUMMER_NONE},
    {"America/Los_Angeles", "PST", "PDT", -480, SUMMER_AMERICA},
    {"America/Anchorage", "AKST", "AKDT", -540, SUMMER_AMERICA},
    {"America/Sao_Paulo", "-03", "", -180, SUMMER_NONE},
    {"Europe/London", "GMT", "BST", 0, SUMMER_EUROPE},
    {"Europe/Dublin", "GMT", "IST", 0, SUMMER_EUROPE},
    {"Europe/Lisbon", "WET", "WEST", 0, SUMMER_EUROPE},
    {"Europe/Paris", "CET", "CEST", 60, SUMMER_EUROPE},
    {"Europe/Berlin", "CET", "CEST", 60, SUMMER_EUROPE},
    {"Europe/Madrid", "CET", "CEST", 60, SUMMER_EUROPE},
    {"Europe/Rome", "CET", "CEST", 60, SUMMER_EUROPE},
    {"Europe/Amsterdam", "CET", "CEST", 60, SUMMER_EUROPE},
    {"Europe/Brussels", "CET", "CEST", 60, SUMMER_EUROPE},
    {"Europe/Vienna", "CET", "CEST", 60, SUMMER_EUROPE},
    {"Europe/Zurich", "CET", "CEST", 60, SUMMER_EUROPE},
    {"Europe/Stockholm", "CET", "CEST", 60, SUMMER_EUROPE},
    {"Europe/Oslo", "CET", "CEST", 60, SUMMER_EUROPE},
    {"Europe/Copenhagen", "CET", "CEST", 60, SUMMER_EUROPE},
    {"Europe/Prague", "CET", "CEST", 60, SUMMER_EUROPE},
    {"Europe/Warsaw", "CET", "CEST", 60, SUMMER_EUROPE},
    {"Europe/Helsinki", "EET", "EEST", 120, SUMMER_EUROPE},
    {"Europe/Athens", "EET", "EEST", 120, SUMMER_EUROPE},
    {"Europe/Kyiv", "EET", "EEST", 120, SUMMER_EUROPE},
    {"Europe/Istanbul", "+03", "", 180, SUMMER_NONE},
    {"Europe/Moscow", "MSK", "", 180, SUMMER_NONE},
    {"Africa/Johannesburg", "SAST", "", 120, SUMMER_NONE},
    {"Africa/Lagos", "WAT", "", 60, SUMMER_NONE},
    {"Asia/Dubai", "+04", "", 240, SUMMER_NONE},
    {"Asia/Kolkata", "IST", "", 330, SUMMER_NONE},
    {"Asia/Bangkok", "+07", "", 420, SUMMER_NONE},
    {"Asia/Singapore", "+08", "", 480, SUMMER_NONE},
    {"Asia/Shanghai", "CST", "", 480, SUMMER_NONE},
    {"Asia/Hong_Kong", "HKT", "", 480, SUMMER_NONE},
    {"Asia/Tokyo", "JST", "", 540, SUMMER_NONE},
    {"Asia/Seoul", "KST", "", 540, SUMMER_NONE},
    {"Australia/Brisbane", "AEST", "", 600, SUMMER_NONE},
};
/* clang-format on */

/* The Sunday `nth` of a month (5: the last one), in seconds since 1970. */
static int64_t find_sunday(int64_t year, int month, int nth)
{
    int64_t first = days_since_1970(year, nth == 5 ? month + 1 : month, 1);
    int64_t weekday = (first + 4) - floor_divide(first + 4, 7) * 7;
    int64_t day = first + (7 - weekday) % 7;

    return (nth == 5 ? day - 7 : day + (nth - 1) * 7) * 86400;
}

/* The European rule changes at one moment everywhere, the American one at two o'clock local
   time. */
static bool is_summer(enum summer rule, int64_t second, int minutes)
{
    struct instant local = {.second = second, .offset = minutes * 60};
    struct calendar at;

    calendar_of(&local, &at);
    if (rule == SUMMER_EUROPE)
        return second >= find_sunday(at.year, 3, 5) + 3600 &&
               second < find_sunday(at.year, 10, 5) + 3600;
    if (rule != SUMMER_AMERICA)
        return false;
    second += (int64_t)minutes * 60;
    return second >= find_sunday(at.year, 3, 2) + 7200 &&
           second < find_sunday(at.year, 11, 1) + 3600;
}

/* Sets offset and name; false leaves the moment alone. */
bool zone_apply(struct instant *instant, struct str name)
{
    for (size_t i = 0; i < count_of(zones); i++) {
        bool summer;

        if (!str_same(name, str_of(zones[i].name)))
            continue;
        summer = is_summer(zones[i].rule, instant->second, zones[i].minutes);
        instant->offset = zones[i].minutes * 60 + (summer ? 3600 : 0);
        snprintf(instant->zone, sizeof instant->zone, "%s",
                 summer ? zones[i].summer : zones[i].winter);
        return true;
    }
    return false;
}

struct value value_time(struct arena *arena, struct instant instant)
{
    struct instant *copy = arena_alloc(arena, sizeof *copy);

    *copy = instant;
    return (struct value){.kind = KIND_TIME, .time = copy};
}
