/* SPDX-License-Identifier: Apache-2.0 */
/* Gives time and chance, from the kernel or from a simulation. */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * CLOCK_SECOND + now.tv_nsec;
}

static int64_t real_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}

static int64_t real_steady(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static void real_random(void *bytes, size_t len)
{
    unsigned char *at = bytes;

    while (len) {
        ssize_t got = getrandom(at, len, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            abort();
        at += got;
        len -= (size_t)got;
    }
}

static const struct clock_platform real = {real_wall, real_steady, real_random};
static const struct clock_platform *platform = &real;

void clock_set_platform(const struct clock_platform *to)
{
    platform = to ? to : &real;
}

int64_t clock_wall(void)
{
    return platform->wall();
}

int64_t clock_steady(void)
{
    return platform->steady();
}

void random_bytes(void *bytes, size_t len)
{
    platform->random(bytes, len);
}

uint64_t random_number(void)
{
    uint64_t number;

    random_bytes(&number, sizeof number);
    return number;
}

uint64_t random_below(uint64_t below)
{
    uint64_t number;

    if (below < 2)
        return 0;
    do {
        number = random_number();
    } while (number >= UINT64_MAX - UINT64_MAX % below);
    return number % below;
}

void random_uuid(char ret[RANDOM_UUID])
{
    unsigned char b[16];

    random_bytes(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(ret, RANDOM_UUID,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}

/* Days since 1970-01-01 of a date in the Gregorian calendar. */
static int64_t days_of_date(int64_t year, unsigned month, unsigned day)
{
    int64_t era;
    unsigned year_of_era, day_of_year;

    year -= month <= 2;
    era = (year >= 0 ? year : year - 399) / 400;
    year_of_era = (unsigned)(year - era * 400);
    day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 +
           (int64_t)(year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year) -
           719468;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

void clock_format(int64_t wall, bool micro, char out[CLOCK_TEXT])
{
    int64_t seconds = floor_div(wall, CLOCK_SECOND);
    time_t when = (time_t)seconds;
    struct tm tm;
    size_t len;

    gmtime_r(&when, &tm);
    len = strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    if (micro)
        snprintf(out + len, CLOCK_TEXT - len, ".%06dZ",
                 (int)((wall - seconds * CLOCK_SECOND) / 1000));
    else
        snprintf(out + len, CLOCK_TEXT - len, "Z");
}

/* Reads exactly `digits` digits. */
static bool read_time_digits(const char **at, int digits, int *ret)
{
    int value = 0;

    for (; digits; digits--, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        value = value * 10 + (**at - '0');
    }
    *ret = value;
    return true;
}

static bool read_time_char(const char **at, const char *any)
{
    if (!**at || !strchr(any, **at))
        return false;
    (*at)++;
    return true;
}

static bool read_time_fraction(const char **at, int64_t *ret_nanoseconds)
{
    int64_t scale = CLOCK_SECOND / 10;

    *ret_nanoseconds = 0;
    if (**at != '.')
        return true;
    (*at)++;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; (*at)++, scale /= 10)
        *ret_nanoseconds += scale * (**at - '0');
    return true;
}

static bool read_offset(const char **at, int *ret_minutes)
{
    int hours, minutes, sign;

    *ret_minutes = 0;
    if (read_time_char(at, "Zz"))
        return true;
    sign = **at == '-' ? -1 : 1;
    if (!read_time_char(at, "+-") || !read_time_digits(at, 2, &hours) || !read_time_char(at, ":") ||
        !read_time_digits(at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

bool clock_parse_exact(const char *text, int64_t *ret_wall)
{
    int year, month, day, hour, minute, second, offset;
    int64_t fraction;

    if (!read_time_digits(&text, 4, &year) || !read_time_char(&text, "-") ||
        !read_time_digits(&text, 2, &month) || !read_time_char(&text, "-") ||
        !read_time_digits(&text, 2, &day) || !read_time_char(&text, "Tt") ||
        !read_time_digits(&text, 2, &hour) || !read_time_char(&text, ":") ||
        !read_time_digits(&text, 2, &minute) || !read_time_char(&text, ":") ||
        !read_time_digits(&text, 2, &second) || !read_time_fraction(&text, &fraction) ||
        !read_offset(&text, &offset) || *text)
        return false;
    if (month < 1 || month > 12 || day < 1 || day > month_days(year, month) || hour > 23 ||
        minute > 59 || second > 59 || year > 2261 || year < 1678)
        return false;
    *ret_wall = ((days_of_date(year, (unsigned)month, (unsigned)day) * 24 + hour) * 3600 +
                 minute * 60 + second - offset * 60) *
                    CLOCK_SECOND +
                fraction;
    return true;
}

static int64_t near_enough(int64_t nanoseconds)
{
    return nanoseconds > CLOCK_FAR    ? CLOCK_FAR
           : nanoseconds < -CLOCK_FAR ? -CLOCK_FAR
                                      : nanoseconds;
}

bool clock_parse(const char *text, int64_t *ret_wall)
{
    int64_t wall;

    if (!clock_parse_exact(text, &wall))
        return false;
    *ret_wall = near_enough(wall);
    return true;
}

int64_t clock_seconds(int64_t seconds)
{
    int64_t nanoseconds;

    if (__builtin_mul_overflow(seconds, CLOCK_SECOND, &nanoseconds))
        return seconds < 0 ? -CLOCK_FAR : CLOCK_FAR;
    return near_enough(nanoseconds);
}
