/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and prints durations as Go's time package does. */
#include "golang/dates.h"

#include <inttypes.h>

static const struct {
    const char *name;
    double nanoseconds;
} units[] = {{"ns", 1},   {"us", 1e3}, {"\xc2\xb5s", 1e3}, {"\xce\xbcs", 1e3},
             {"ms", 1e6}, {"s", 1e9},  {"m", 60e9},        {"h", 3600e9}};

/* Sums numbers with units. Of two units that fit, the longer name counts: "ms" is not "m". */
bool date_read_duration(struct str s, int64_t *ret)
{
    bool minus = str_starts(s, str_of("-"));
    long double total = 0;
    size_t at = minus || str_starts(s, str_of("+"));

    if (s.len - at == 1 && s.at[at] == '0') {
        *ret = 0;
        return true;
    }
    if (at == s.len)
        return false;
    while (at < s.len) {
        long double number_read = 0, scale = 1;
        bool digits = false, point = false;
        size_t unit, best = count_of(units);

        for (; at < s.len && (str_digit_at(s, at) || s.at[at] == '.'); at++) {
            if (s.at[at] == '.') {
                if (point)
                    return false;
                point = true;
                continue;
            }
            digits = true;
            number_read = number_read * 10 + (s.at[at] - '0');
            scale *= point ? 10 : 1;
        }
        for (unit = 0; unit < count_of(units); unit++) {
            struct str rest = {s.at + at, s.len - at};

            if (str_starts(rest, str_of(units[unit].name)) &&
                (best == count_of(units) || strlen(units[unit].name) > strlen(units[best].name)))
                best = unit;
        }
        if (!digits || best == count_of(units))
            return false;
        at += strlen(units[best].name);
        if (at < s.len && !str_digit_at(s, at) && s.at[at] != '.')
            return false;
        total += number_read * (long double)units[best].nanoseconds / scale;
        if (total > 9.2233720368547758e18L)
            return false;
    }
    *ret = (int64_t)(minus ? -total : total);
    return true;
}

/* A fraction without trailing zeros. */
static void add_decimal(struct text *out, uint64_t value, uint64_t unit, int places)
{
    char digits[24];
    int len = places;

    text_addf(out, "%" PRIu64, value / unit);
    if (!(value % unit))
        return;
    snprintf(digits, sizeof digits, "%0*" PRIu64, places, value % unit);
    while (len && digits[len - 1] == '0')
        len--;
    text_addf(out, ".%.*s", len, digits);
}

/* Hours, minutes and seconds; below a second the largest unit that gives a whole part. */
void print_duration(struct text *out, int64_t nanoseconds)
{
    uint64_t rest = nanoseconds < 0 ? 0 - (uint64_t)nanoseconds : (uint64_t)nanoseconds;
    uint64_t minutes = rest / 60000000000u;

    if (nanoseconds < 0)
        text_add_char(out, '-');
    if (!rest) {
        text_add(out, "0s");
    } else if (rest < 1000) {
        text_addf(out, "%" PRIu64 "ns", rest);
    } else if (rest < 1000000) {
        add_decimal(out, rest, 1000, 3);
        text_add(out, "\xc2\xb5s");
    } else if (rest < 1000000000) {
        add_decimal(out, rest, 1000000, 6);
        text_add(out, "ms");
    } else {
        if (minutes >= 60)
            text_addf(out, "%" PRIu64 "h", minutes / 60);
        if (minutes)
            text_addf(out, "%" PRIu64 "m", minutes % 60);
        add_decimal(out, rest % 60000000000u, 1000000000, 9);
        text_add_char(out, 's');
    }
}
