/* SPDX-License-Identifier: Apache-2.0 */
/* Calendars, layouts and durations as Go's time package has them. */
#include "golang/dates.h"
#include "golang/runes.h"

#include <inttypes.h>

static const char *const months[] = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
static const char *const weekdays[] = {"Sunday",    "Monday",   "Tuesday",
                                       "Wednesday", "Thursday", "Friday",
                                       "Saturday"};

const char *month_name(int64_t month)
{
    return month >= 1 && month <= 12 ? months[month - 1] : "%!Month";
}

const char *weekday_name(int64_t weekday)
{
    return weekday >= 0 && weekday < 7 ? weekdays[weekday] : "%!Weekday";
}

/* ---- Calendar ---- */

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
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + of_year -
           719468 + day - 1;
}

int64_t calendar_seconds(int64_t year, int64_t month, int64_t day)
{
    return days_since_1970(year, month, day) * 86400;
}

void calendar_of(const struct instant *instant, struct calendar *ret)
{
    int64_t local = instant->second + instant->offset;
    int64_t days = floor_divide(local, 86400), rest = local - days * 86400;
    int64_t shifted = days + 719468;
    int64_t era = floor_divide(shifted, 146097);
    int64_t in_era = shifted - era * 146097;
    int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) /
                   365;
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

/* ---- Layouts ---- */

enum piece {
    PIECE_NONE,
    PIECE_LONG_MONTH, PIECE_MONTH, PIECE_NUMBER_MONTH, PIECE_ZERO_MONTH,
    PIECE_LONG_WEEKDAY, PIECE_WEEKDAY,
    PIECE_DAY, PIECE_SPACE_DAY, PIECE_ZERO_DAY,
    PIECE_SPACE_YEAR_DAY, PIECE_ZERO_YEAR_DAY,
    PIECE_HOUR, PIECE_HOUR12, PIECE_ZERO_HOUR12,
    PIECE_MINUTE, PIECE_ZERO_MINUTE, PIECE_SECOND, PIECE_ZERO_SECOND,
    PIECE_LONG_YEAR, PIECE_YEAR, PIECE_UPPER_PM, PIECE_LOWER_PM,
    PIECE_ZONE_NAME,
    PIECE_ZONE, /* Z and - forms: see struct found */
    PIECE_FRACTION,
};

/* clang-format off */
/* The longest that fits stands first. */
static const struct { const char *text; enum piece piece; } pieces[] = {
    {"January", PIECE_LONG_MONTH}, {"Jan", PIECE_MONTH},
    {"Monday", PIECE_LONG_WEEKDAY}, {"Mon", PIECE_WEEKDAY},
    {"MST", PIECE_ZONE_NAME},
    {"002", PIECE_ZERO_YEAR_DAY},
    {"01", PIECE_ZERO_MONTH}, {"02", PIECE_ZERO_DAY},
    {"03", PIECE_ZERO_HOUR12}, {"04", PIECE_ZERO_MINUTE},
    {"05", PIECE_ZERO_SECOND}, {"06", PIECE_YEAR},
    {"15", PIECE_HOUR}, {"1", PIECE_NUMBER_MONTH},
    {"2006", PIECE_LONG_YEAR}, {"2", PIECE_DAY},
    {"__2", PIECE_SPACE_YEAR_DAY}, {"_2", PIECE_SPACE_DAY},
    {"3", PIECE_HOUR12}, {"4", PIECE_MINUTE}, {"5", PIECE_SECOND},
    {"PM", PIECE_UPPER_PM}, {"pm", PIECE_LOWER_PM},
    {"-07:00:00", PIECE_ZONE}, {"-070000", PIECE_ZONE}, {"-07:00", PIECE_ZONE},
    {"-0700", PIECE_ZONE}, {"-07", PIECE_ZONE},
    {"Z07:00:00", PIECE_ZONE}, {"Z070000", PIECE_ZONE}, {"Z07:00", PIECE_ZONE},
    {"Z0700", PIECE_ZONE}, {"Z07", PIECE_ZONE},
};
/* clang-format on */

struct found {
    enum piece piece;
    struct str text; /* as it stands in the layout */
};

static bool starts_with(struct str s, const char *with)
{
    size_t len = strlen(with);

    return s.len >= len && memcmp(s.at, with, len) == 0;
}

static bool lower_follows(struct str s, size_t at)
{
    return at < s.len && s.at[at] >= 'a' && s.at[at] <= 'z';
}

/* ".000" or ",999": a run of one digit that no other digit follows. */
static size_t fraction_len(struct str s)
{
    size_t len = 1;

    if (s.len < 2 || (s.at[0] != '.' && s.at[0] != ',') ||
        (s.at[1] != '0' && s.at[1] != '9'))
        return 0;
    while (len < s.len && s.at[len] == s.at[1])
        len++;
    return len < s.len && s.at[len] >= '0' && s.at[len] <= '9' ? 0 : len;
}

static bool piece_at(struct str s, struct found *ret)
{
    size_t fraction = fraction_len(s);

    if (fraction) {
        *ret = (struct found){PIECE_FRACTION, {s.at, fraction}};
        return true;
    }
    for (size_t i = 0; i < count_of(pieces); i++) {
        size_t len = strlen(pieces[i].text);

        if (!starts_with(s, pieces[i].text))
            continue;
        if ((pieces[i].piece == PIECE_MONTH ||
             pieces[i].piece == PIECE_WEEKDAY) &&
            lower_follows(s, len))
            continue;
        if (pieces[i].piece == PIECE_SPACE_DAY && starts_with(s, "_2006"))
            continue;
        *ret = (struct found){pieces[i].piece, {s.at, len}};
        return true;
    }
    return false;
}

/* The next piece of a layout; what stands before it is given too. */
static bool next_piece(struct str *layout, struct str *ret_before,
                       struct found *ret)
{
    for (size_t i = 0; i < layout->len; i++) {
        struct str rest = {layout->at + i, layout->len - i};

        if (!piece_at(rest, ret))
            continue;
        *ret_before = (struct str){layout->at, i};
        *layout = (struct str){rest.at + ret->text.len,
                               rest.len - ret->text.len};
        return true;
    }
    *ret_before = *layout;
    *layout = (struct str){layout->at + layout->len, 0};
    return false;
}

static void add_zone(struct text *out, int offset, struct str form)
{
    bool seconds = form.len > 6 && form.len != 6;
    bool colons = memchr(form.at, ':', form.len);
    int minutes = offset / 60;

    if (form.at[0] == 'Z' && !offset) {
        text_add_char(out, 'Z');
        return;
    }
    text_add_char(out, offset < 0 ? '-' : '+');
    minutes = minutes < 0 ? -minutes : minutes;
    text_addf(out, "%02d", minutes / 60);
    if (form.len > 3)
        text_addf(out, "%s%02d", colons ? ":" : "", minutes % 60);
    if (seconds)
        text_addf(out, "%s%02d", colons ? ":" : "",
                  (offset < 0 ? -offset : offset) % 60);
}

static void add_fraction(struct text *out, int nanosecond, struct str form)
{
    char digits[16];
    size_t len = form.len - 1 < 9 ? form.len - 1 : 9;

    snprintf(digits, sizeof digits, "%09d", nanosecond);
    if (form.at[1] == '9') {
        while (len && digits[len - 1] == '0')
            len--;
        if (!len)
            return;
    }
    text_add_char(out, form.at[0]);
    text_add_bytes(out, digits, len);
    for (size_t i = 9; form.at[1] == '0' && i < form.len - 1; i++)
        text_add_char(out, '0');
}

static void add_zone_name(struct text *out, const struct instant *instant)
{
    if (instant->zone[0]) {
        text_add(out, instant->zone);
        return;
    }
    add_zone(out, instant->offset, STR("-0700"));
}

static void add_layout_piece(struct text *out, const struct instant *instant,
                      const struct calendar *at, struct found found)
{
    int hour12 = at->hour % 12 ? at->hour % 12 : 12;

    switch (found.piece) {
    case PIECE_LONG_MONTH: text_add(out, months[at->month - 1]); break;
    case PIECE_MONTH: text_addf(out, "%.3s", months[at->month - 1]); break;
    case PIECE_NUMBER_MONTH: text_addf(out, "%d", at->month); break;
    case PIECE_ZERO_MONTH: text_addf(out, "%02d", at->month); break;
    case PIECE_LONG_WEEKDAY: text_add(out, weekdays[at->weekday]); break;
    case PIECE_WEEKDAY: text_addf(out, "%.3s", weekdays[at->weekday]); break;
    case PIECE_DAY: text_addf(out, "%d", at->day); break;
    case PIECE_SPACE_DAY: text_addf(out, "%2d", at->day); break;
    case PIECE_ZERO_DAY: text_addf(out, "%02d", at->day); break;
    case PIECE_SPACE_YEAR_DAY: text_addf(out, "%3d", at->day_of_year); break;
    case PIECE_ZERO_YEAR_DAY: text_addf(out, "%03d", at->day_of_year); break;
    case PIECE_HOUR: text_addf(out, "%02d", at->hour); break;
    case PIECE_HOUR12: text_addf(out, "%d", hour12); break;
    case PIECE_ZERO_HOUR12: text_addf(out, "%02d", hour12); break;
    case PIECE_MINUTE: text_addf(out, "%d", at->minute); break;
    case PIECE_ZERO_MINUTE: text_addf(out, "%02d", at->minute); break;
    case PIECE_SECOND: text_addf(out, "%d", at->second); break;
    case PIECE_ZERO_SECOND: text_addf(out, "%02d", at->second); break;
    case PIECE_LONG_YEAR: text_addf(out, "%04" PRId64, at->year); break;
    case PIECE_YEAR:
        text_addf(out, "%02d",
                  (int)(at->year - floor_divide(at->year, 100) * 100));
        break;
    case PIECE_UPPER_PM: text_add(out, at->hour >= 12 ? "PM" : "AM"); break;
    case PIECE_LOWER_PM: text_add(out, at->hour >= 12 ? "pm" : "am"); break;
    case PIECE_ZONE_NAME: add_zone_name(out, instant); break;
    case PIECE_ZONE: add_zone(out, instant->offset, found.text); break;
    case PIECE_FRACTION:
        add_fraction(out, instant->nanosecond, found.text);
        break;
    case PIECE_NONE: break;
    }
}

void date_format(struct text *out, const struct instant *instant,
                 struct str layout)
{
    struct calendar at;
    struct found found;
    struct str before;
    bool more = true;

    calendar_of(instant, &at);
    while (more) {
        more = next_piece(&layout, &before, &found);
        text_add_bytes(out, before.at, before.len);
        if (more)
            add_layout_piece(out, instant, &at, found);
    }
}

void print_time(struct text *out, const struct instant *time)
{
    date_format(out, time, STR("2006-01-02 15:04:05.999999999 -0700 MST"));
}

void print_time_rfc3339(struct text *out, const struct instant *time)
{
    date_format(out, time, STR("2006-01-02T15:04:05.999999999Z07:00"));
}

/* ---- Reading ---- */

struct reading {
    struct str rest;
    int64_t year;
    int month, day, year_day, hour, minute, second, nanosecond, offset;
    bool pm, am, has_offset;
    char zone[16];
};

static bool is_digit_at(struct str s, size_t at)
{
    return at < s.len && s.at[at] >= '0' && s.at[at] <= '9';
}

static bool read_layout_number(struct reading *reading, size_t least, size_t most, int *ret)
{
    size_t len = 0;

    *ret = 0;
    while (len < most && is_digit_at(reading->rest, len))
        *ret = *ret * 10 + (reading->rest.at[len++] - '0');
    if (len < least)
        return false;
    reading->rest = (struct str){reading->rest.at + len,
                                 reading->rest.len - len};
    return true;
}

/* A word of a table, whole or its first three letters. */
static bool read_layout_word(struct reading *reading, const char *const *table,
                 size_t count, bool whole, int *ret)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = whole ? strlen(table[i]) : 3;

        if (reading->rest.len < len ||
            strncasecmp(reading->rest.at, table[i], len) != 0)
            continue;
        reading->rest = (struct str){reading->rest.at + len,
                                     reading->rest.len - len};
        *ret = (int)i;
        return true;
    }
    return false;
}

static void skip_bytes(struct reading *reading, size_t len)
{
    reading->rest =
        (struct str){reading->rest.at + len, reading->rest.len - len};
}

static bool read_zone(struct reading *reading, struct str form)
{
    bool colons = memchr(form.at, ':', form.len), minus;
    int hours, minutes = 0, seconds = 0;

    if (form.at[0] == 'Z' && starts_with(reading->rest, "Z")) {
        skip_bytes(reading, 1);
        reading->has_offset = true;
        return true;
    }
    minus = starts_with(reading->rest, "-");
    if (!minus && !starts_with(reading->rest, "+"))
        return false;
    skip_bytes(reading, 1);
    if (!read_layout_number(reading, 2, 2, &hours))
        return false;
    for (int i = 0; i < 2 && form.len > (i ? 6u : 3u); i++) {
        if (colons && !starts_with(reading->rest, ":"))
            return false;
        skip_bytes(reading, colons);
        if (!read_layout_number(reading, 2, 2, i ? &seconds : &minutes))
            return false;
    }
    if (hours > 24 || minutes >= 60 || seconds >= 60)
        return false;
    reading->has_offset = true;
    reading->offset = (hours * 3600 + minutes * 60 + seconds) * (minus ? -1 : 1);
    return true;
}

static bool read_zone_name(struct reading *reading)
{
    size_t len = 0;

    while (len < 5 && len < reading->rest.len && reading->rest.at[len] >= 'A' &&
           reading->rest.at[len] <= 'Z')
        len++;
    if (len < 3)
        return false;
    memcpy(reading->zone, reading->rest.at, len);
    reading->zone[len] = '\0';
    skip_bytes(reading, len);
    return true;
}

static bool take_fraction(struct reading *reading, size_t most, bool wanted)
{
    int scale = 100000000;
    size_t len = 1;

    if (!reading->rest.len ||
        (reading->rest.at[0] != '.' && reading->rest.at[0] != ','))
        return !wanted;
    if (!is_digit_at(reading->rest, 1))
        return !wanted;
    reading->nanosecond = 0;
    for (; is_digit_at(reading->rest, len) && len <= most; len++, scale /= 10)
        reading->nanosecond += (reading->rest.at[len] - '0') * scale;
    skip_bytes(reading, len);
    return !wanted || len - 1 == most;
}

static bool read_seconds(struct reading *reading, struct str layout,
                         size_t least)
{
    struct found next;

    if (!read_layout_number(reading, least, 2, &reading->second) || reading->second >= 60)
        return false;
    /* A fraction is taken even where the layout names none. */
    if (piece_at(layout, &next) && next.piece == PIECE_FRACTION)
        return true;
    return take_fraction(reading, 9, false);
}

static bool take_am_or_pm(struct reading *reading)
{
    reading->pm = reading->rest.len >= 2 &&
                  strncasecmp(reading->rest.at, "pm", 2) == 0;
    reading->am = reading->rest.len >= 2 &&
                  strncasecmp(reading->rest.at, "am", 2) == 0;
    if (!reading->pm && !reading->am)
        return false;
    skip_bytes(reading, 2);
    return true;
}

static bool read_year(struct reading *reading, bool whole)
{
    int year;

    if (!read_layout_number(reading, whole ? 4 : 2, whole ? 4 : 2, &year))
        return false;
    reading->year = whole ? year : year >= 69 ? year + 1900 : year + 2000;
    return true;
}

static bool read_piece(struct reading *reading, struct found found,
                       struct str layout)
{
    int value;
    bool fine;

    switch (found.piece) {
    case PIECE_LONG_MONTH:
    case PIECE_MONTH:
        fine = read_layout_word(reading, months, 12, found.piece == PIECE_LONG_MONTH,
                    &value);
        reading->month = fine ? value + 1 : 0;
        return fine;
    case PIECE_NUMBER_MONTH:
    case PIECE_ZERO_MONTH:
        return read_layout_number(reading, found.piece == PIECE_ZERO_MONTH ? 2 : 1, 2,
                      &reading->month) &&
               reading->month >= 1 && reading->month <= 12;
    case PIECE_LONG_WEEKDAY:
    case PIECE_WEEKDAY:
        return read_layout_word(reading, weekdays, 7, found.piece == PIECE_LONG_WEEKDAY,
                    &value);
    case PIECE_SPACE_DAY:
        skip_bytes(reading, starts_with(reading->rest, " "));
        return read_layout_number(reading, 1, 2, &reading->day);
    case PIECE_DAY:
    case PIECE_ZERO_DAY:
        return read_layout_number(reading, found.piece == PIECE_ZERO_DAY ? 2 : 1, 2,
                      &reading->day);
    case PIECE_SPACE_YEAR_DAY:
    case PIECE_ZERO_YEAR_DAY:
        while (starts_with(reading->rest, " "))
            skip_bytes(reading, 1);
        return read_layout_number(reading, 1, 3, &reading->year_day);
    case PIECE_HOUR:
        return read_layout_number(reading, 2, 2, &reading->hour) && reading->hour < 24;
    case PIECE_HOUR12:
    case PIECE_ZERO_HOUR12:
        return read_layout_number(reading, found.piece == PIECE_ZERO_HOUR12 ? 2 : 1, 2,
                      &reading->hour) &&
               reading->hour <= 12;
    case PIECE_MINUTE:
    case PIECE_ZERO_MINUTE:
        return read_layout_number(reading, found.piece == PIECE_ZERO_MINUTE ? 2 : 1, 2,
                      &reading->minute) &&
               reading->minute < 60;
    case PIECE_SECOND:
    case PIECE_ZERO_SECOND:
        return read_seconds(reading, layout,
                            found.piece == PIECE_ZERO_SECOND ? 2 : 1);
    case PIECE_LONG_YEAR:
    case PIECE_YEAR:
        return read_year(reading, found.piece == PIECE_LONG_YEAR);
    case PIECE_UPPER_PM:
    case PIECE_LOWER_PM:
        return take_am_or_pm(reading);
    case PIECE_ZONE_NAME:
        return read_zone_name(reading);
    case PIECE_ZONE:
        return read_zone(reading, found.text);
    case PIECE_FRACTION:
        return take_fraction(reading, found.text.at[1] == '0'
                                          ? found.text.len - 1
                                          : 9,
                             found.text.at[1] == '0');
    case PIECE_NONE:
        break;
    }
    return false;
}

/* Literal text of a layout; a run of spaces fits any run of them. */
static bool read_literal(struct reading *reading, struct str literal)
{
    size_t i = 0;

    while (i < literal.len) {
        if (literal.at[i] == ' ') {
            if (reading->rest.len && reading->rest.at[0] != ' ')
                return false;
            while (i < literal.len && literal.at[i] == ' ')
                i++;
            while (starts_with(reading->rest, " "))
                skip_bytes(reading, 1);
            continue;
        }
        if (!reading->rest.len || reading->rest.at[0] != literal.at[i])
            return false;
        skip_bytes(reading, 1);
        i++;
    }
    return true;
}

static int days_in_month(int64_t year, int month)
{
    return (int)(days_since_1970(year, month + 1, 1) - days_since_1970(year, month, 1));
}

static bool finish_reading(struct reading *reading, struct instant *ret)
{
    int month = reading->month ? reading->month : 1;
    int day = reading->day ? reading->day : 1;
    bool by_year_day = reading->year_day && !reading->month;

    if (reading->pm && reading->hour < 12)
        reading->hour += 12;
    else if (reading->am && reading->hour == 12)
        reading->hour = 0;
    if (by_year_day)
        month = 1, day = reading->year_day;
    if (!by_year_day && (day < 1 || day > days_in_month(reading->year, month)))
        return false;
    if (by_year_day && day > days_since_1970(reading->year + 1, 1, 1) -
                                 days_since_1970(reading->year, 1, 1))
        return false;
    *ret = (struct instant){
        .second = calendar_seconds(reading->year, month, day) +
                  reading->hour * 3600 + reading->minute * 60 +
                  reading->second - reading->offset,
        .nanosecond = reading->nanosecond,
        .offset = reading->offset,
    };
    if (!reading->has_offset || !reading->offset)
        memcpy(ret->zone, "UTC", 4);
    if (reading->zone[0])
        memcpy(ret->zone, reading->zone, sizeof ret->zone);
    return true;
}

bool date_parse(struct str layout, struct str text, struct instant *ret)
{
    struct reading reading = {.rest = text};
    struct found found;
    struct str before;
    bool day_zero = false;

    for (;;) {
        bool more = next_piece(&layout, &before, &found);

        if (!read_literal(&reading, before))
            return false;
        if (!more)
            break;
        if (!read_piece(&reading, found, layout))
            return false;
        day_zero = day_zero || ((found.piece == PIECE_DAY ||
                                 found.piece == PIECE_ZERO_DAY) &&
                                !reading.day);
    }
    return !reading.rest.len && !day_zero && finish_reading(&reading, ret);
}

/* ---- Durations ---- */

static const struct {
    const char *name;
    double nanoseconds;
} units[] = {{"ns", 1},   {"us", 1e3}, {"\xc2\xb5s", 1e3}, {"\xce\xbcs", 1e3},
             {"ms", 1e6}, {"s", 1e9},  {"m", 60e9},        {"h", 3600e9}};

bool date_read_duration(struct str s, int64_t *ret)
{
    bool minus = starts_with(s, "-");
    long double total = 0;
    size_t at = minus || starts_with(s, "+");

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

        for (; at < s.len && (is_digit_at(s, at) || s.at[at] == '.'); at++) {
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

            if (starts_with(rest, units[unit].name) &&
                (best == count_of(units) ||
                 strlen(units[unit].name) > strlen(units[best].name)))
                best = unit;
        }
        if (!digits || best == count_of(units))
            return false;
        at += strlen(units[best].name);
        if (at < s.len && !is_digit_at(s, at) && s.at[at] != '.')
            return false;
        total += number_read * (long double)units[best].nanoseconds / scale;
        if (total > 9.2233720368547758e18L)
            return false;
    }
    *ret = (int64_t)(minus ? -total : total);
    return true;
}

/* A fraction without trailing zeros. */
static void add_decimal(struct text *out, uint64_t value, uint64_t unit,
                        int places)
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

void print_duration(struct text *out, int64_t nanoseconds)
{
    uint64_t rest = nanoseconds < 0 ? 0 - (uint64_t)nanoseconds
                                    : (uint64_t)nanoseconds;
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
