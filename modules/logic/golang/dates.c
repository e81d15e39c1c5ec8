/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and reads moments by layouts as Go's time package does. */
#include "golang/dates.h"
#include "golang/runes.h"

#include <inttypes.h>
#include <stddef.h>

enum piece {
    PIECE_NONE,
    PIECE_LONG_MONTH,
    PIECE_MONTH,
    PIECE_NUMBER_MONTH,
    PIECE_ZERO_MONTH,
    PIECE_LONG_WEEKDAY,
    PIECE_WEEKDAY,
    PIECE_DAY,
    PIECE_SPACE_DAY,
    PIECE_ZERO_DAY,
    PIECE_SPACE_YEAR_DAY,
    PIECE_ZERO_YEAR_DAY,
    PIECE_HOUR,
    PIECE_HOUR12,
    PIECE_ZERO_HOUR12,
    PIECE_MINUTE,
    PIECE_ZERO_MINUTE,
    PIECE_SECOND,
    PIECE_ZERO_SECOND,
    PIECE_LONG_YEAR,
    PIECE_YEAR,
    PIECE_UPPER_PM,
    PIECE_LOWER_PM,
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

/* "Jan" in "January" or "Janet" is no month of a layout: a lower-case letter follows. */
static bool lower_follows(struct str s, size_t at)
{
    return at < s.len && s.at[at] >= 'a' && s.at[at] <= 'z';
}

/* ".000" or ",999": a run of one digit that no other digit follows. */
static size_t fraction_len(struct str s)
{
    size_t len = 1;

    if (s.len < 2 || (s.at[0] != '.' && s.at[0] != ',') || (s.at[1] != '0' && s.at[1] != '9'))
        return 0;
    while (len < s.len && s.at[len] == s.at[1])
        len++;
    return len < s.len && s.at[len] >= '0' && s.at[len] <= '9' ? 0 : len;
}

/* The piece of a layout that begins here. "_2006" is an underscore and a year, not a day. */
static bool piece_at(struct str s, struct found *ret)
{
    size_t fraction = fraction_len(s);

    if (fraction) {
        *ret = (struct found){PIECE_FRACTION, {s.at, fraction}};
        return true;
    }
    for (size_t i = 0; i < count_of(pieces); i++) {
        size_t len = strlen(pieces[i].text);

        if (!str_starts(s, str_of(pieces[i].text)))
            continue;
        if ((pieces[i].piece == PIECE_MONTH || pieces[i].piece == PIECE_WEEKDAY) &&
            lower_follows(s, len))
            continue;
        if (pieces[i].piece == PIECE_SPACE_DAY && str_starts(s, str_of("_2006")))
            continue;
        *ret = (struct found){pieces[i].piece, {s.at, len}};
        return true;
    }
    return false;
}

/* The next piece of a layout; what stands before it is given too. */
static bool next_piece(struct str *layout, struct str *ret_before, struct found *ret)
{
    for (size_t i = 0; i < layout->len; i++) {
        struct str rest = {layout->at + i, layout->len - i};

        if (!piece_at(rest, ret))
            continue;
        *ret_before = (struct str){layout->at, i};
        *layout = (struct str){rest.at + ret->text.len, rest.len - ret->text.len};
        return true;
    }
    *ret_before = *layout;
    *layout = (struct str){layout->at + layout->len, 0};
    return false;
}

/* An offset in the form that the layout shows: Z for none, with minutes, colons and seconds. */
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
        text_addf(out, "%s%02d", colons ? ":" : "", (offset < 0 ? -offset : offset) % 60);
}

/* Nines drop trailing zeros, and the point with them; zeros keep all places. */
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

/* A moment without the name of a zone shows its offset instead. */
static void add_zone_name(struct text *out, const struct instant *instant)
{
    if (instant->zone[0]) {
        text_add(out, instant->zone);
        return;
    }
    add_zone(out, instant->offset, STR("-0700"));
}

/* Pieces that are a number of the calendar: where it stands, and how it is filled up. */
static const struct number_piece {
    size_t at; /* of an int of struct calendar */
    int width; /* 0: the piece is no such number */
    char fill;
} number_pieces[PIECE_FRACTION + 1] = {
    [PIECE_NUMBER_MONTH] = {offsetof(struct calendar, month), 1, ' '},
    [PIECE_ZERO_MONTH] = {offsetof(struct calendar, month), 2, '0'},
    [PIECE_DAY] = {offsetof(struct calendar, day), 1, ' '},
    [PIECE_SPACE_DAY] = {offsetof(struct calendar, day), 2, ' '},
    [PIECE_ZERO_DAY] = {offsetof(struct calendar, day), 2, '0'},
    [PIECE_SPACE_YEAR_DAY] = {offsetof(struct calendar, day_of_year), 3, ' '},
    [PIECE_ZERO_YEAR_DAY] = {offsetof(struct calendar, day_of_year), 3, '0'},
    [PIECE_HOUR] = {offsetof(struct calendar, hour), 2, '0'},
    [PIECE_MINUTE] = {offsetof(struct calendar, minute), 1, ' '},
    [PIECE_ZERO_MINUTE] = {offsetof(struct calendar, minute), 2, '0'},
    [PIECE_SECOND] = {offsetof(struct calendar, second), 1, ' '},
    [PIECE_ZERO_SECOND] = {offsetof(struct calendar, second), 2, '0'},
};

static void add_number(struct text *out, int number, int width, char fill)
{
    if (fill == '0')
        text_addf(out, "%0*d", width, number);
    else
        text_addf(out, "%*d", width, number);
}

/* One piece of a layout that is no number of the calendar as it stands there. */
static void add_other_piece(struct text *out, const struct instant *instant,
                            const struct calendar *at, struct found found)
{
    int hour12 = at->hour % 12 ? at->hour % 12 : 12;

    switch (found.piece) {
    case PIECE_LONG_MONTH:
        text_add(out, calendar_months[at->month - 1]);
        break;
    case PIECE_MONTH:
        text_addf(out, "%.3s", calendar_months[at->month - 1]);
        break;
    case PIECE_LONG_WEEKDAY:
        text_add(out, calendar_weekdays[at->weekday]);
        break;
    case PIECE_WEEKDAY:
        text_addf(out, "%.3s", calendar_weekdays[at->weekday]);
        break;
    case PIECE_HOUR12:
    case PIECE_ZERO_HOUR12:
        add_number(out, hour12, 2 - (found.piece == PIECE_HOUR12), '0');
        break;
    case PIECE_LONG_YEAR:
        text_addf(out, "%04" PRId64, at->year);
        break;
    case PIECE_YEAR:
        text_addf(out, "%02d", (int)((at->year % 100 + 100) % 100));
        break;
    case PIECE_UPPER_PM:
        text_add(out, at->hour >= 12 ? "PM" : "AM");
        break;
    case PIECE_LOWER_PM:
        text_add(out, at->hour >= 12 ? "pm" : "am");
        break;
    case PIECE_ZONE_NAME:
        add_zone_name(out, instant);
        break;
    case PIECE_ZONE:
        add_zone(out, instant->offset, found.text);
        break;
    case PIECE_FRACTION:
        add_fraction(out, instant->nanosecond, found.text);
        break;
    default: /* number_pieces has it */
        break;
    }
}

/* One piece of a layout in the numbers of the moment. */
static void add_layout_piece(struct text *out, const struct instant *instant,
                             const struct calendar *at, struct found found)
{
    const struct number_piece *row = &number_pieces[found.piece];

    if (row->width)
        add_number(out, *(const int *)((const char *)at + row->at), row->width, row->fill);
    else
        add_other_piece(out, instant, at, found);
}

/* Goes over the layout piece by piece; what is no piece is copied. */
void date_format(struct text *out, const struct instant *instant, struct str layout)
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

/* As time.Time.String() without the reading of a monotonic clock. */
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

/* From `least` to `most` digits, of which layouts allow one or two. */
static bool read_layout_number(struct reading *reading, size_t least, size_t most, int *ret)
{
    size_t len = 0;

    *ret = 0;
    while (len < most && str_digit_at(reading->rest, len))
        *ret = *ret * 10 + (reading->rest.at[len++] - '0');
    if (len < least)
        return false;
    reading->rest = (struct str){reading->rest.at + len, reading->rest.len - len};
    return true;
}

/* A word of a table, whole or its first three letters. */
static bool read_layout_word(struct reading *reading, const char *const *table, size_t count,
                             bool whole, int *ret)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = whole ? strlen(table[i]) : 3;

        if (reading->rest.len < len || strncasecmp(reading->rest.at, table[i], len) != 0)
            continue;
        reading->rest = (struct str){reading->rest.at + len, reading->rest.len - len};
        *ret = (int)i;
        return true;
    }
    return false;
}

static void skip_bytes(struct reading *reading, size_t len)
{
    reading->rest = (struct str){reading->rest.at + len, reading->rest.len - len};
}

/* An offset in the form of the layout. A Z in the layout takes a Z for no offset. */
static bool read_zone(struct reading *reading, struct str form)
{
    bool colons = memchr(form.at, ':', form.len), minus;
    int hours, minutes = 0, seconds = 0;

    if (form.at[0] == 'Z' && str_starts(reading->rest, str_of("Z"))) {
        skip_bytes(reading, 1);
        reading->has_offset = true;
        return true;
    }
    minus = str_starts(reading->rest, str_of("-"));
    if (!minus && !str_starts(reading->rest, str_of("+")))
        return false;
    skip_bytes(reading, 1);
    if (!read_layout_number(reading, 2, 2, &hours))
        return false;
    for (int i = 0; i < 2 && form.len > (i ? 6u : 3u); i++) {
        if (colons && !str_starts(reading->rest, str_of(":")))
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

/* An abbreviation of three to five capitals. It says no offset: Go invents one as well. */
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

/* Digits behind the point as nanoseconds; `wanted` makes exactly `most` of them a must. */
static bool take_fraction(struct reading *reading, size_t most, bool wanted)
{
    int scale = 100000000;
    size_t len = 1;

    if (!reading->rest.len || (reading->rest.at[0] != '.' && reading->rest.at[0] != ','))
        return !wanted;
    if (!str_digit_at(reading->rest, 1))
        return !wanted;
    reading->nanosecond = 0;
    for (; str_digit_at(reading->rest, len) && len <= most; len++, scale /= 10)
        reading->nanosecond += (reading->rest.at[len] - '0') * scale;
    skip_bytes(reading, len);
    return !wanted || len - 1 == most;
}

static bool read_seconds(struct reading *reading, struct str layout, size_t least)
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
    reading->pm = reading->rest.len >= 2 && strncasecmp(reading->rest.at, "pm", 2) == 0;
    reading->am = reading->rest.len >= 2 && strncasecmp(reading->rest.at, "am", 2) == 0;
    if (!reading->pm && !reading->am)
        return false;
    skip_bytes(reading, 2);
    return true;
}

/* Years of two digits from 69 on are in the last century, as in Go. */
static bool read_year(struct reading *reading, bool whole)
{
    int year;

    if (!read_layout_number(reading, whole ? 4 : 2, whole ? 4 : 2, &year))
        return false;
    reading->year = whole ? year : year >= 69 ? year + 1900 : year + 2000;
    return true;
}

/* Reads what one piece of the layout stands for. Values out of range are refused at once, but
   for the day, whose month may come later. */
static bool read_piece(struct reading *reading, struct found found, struct str layout)
{
    int value;
    bool fine;

    switch (found.piece) {
    case PIECE_LONG_MONTH:
    case PIECE_MONTH:
        fine =
            read_layout_word(reading, calendar_months, 12, found.piece == PIECE_LONG_MONTH, &value);
        reading->month = fine ? value + 1 : 0;
        return fine;
    case PIECE_NUMBER_MONTH:
    case PIECE_ZERO_MONTH:
        return read_layout_number(reading, found.piece == PIECE_ZERO_MONTH ? 2 : 1, 2,
                                  &reading->month) &&
               reading->month >= 1 && reading->month <= 12;
    case PIECE_LONG_WEEKDAY:
    case PIECE_WEEKDAY:
        return read_layout_word(reading, calendar_weekdays, 7, found.piece == PIECE_LONG_WEEKDAY,
                                &value);
    case PIECE_SPACE_DAY:
        skip_bytes(reading, str_starts(reading->rest, str_of(" ")));
        return read_layout_number(reading, 1, 2, &reading->day);
    case PIECE_DAY:
    case PIECE_ZERO_DAY:
        return read_layout_number(reading, found.piece == PIECE_ZERO_DAY ? 2 : 1, 2, &reading->day);
    case PIECE_SPACE_YEAR_DAY:
    case PIECE_ZERO_YEAR_DAY:
        while (str_starts(reading->rest, str_of(" ")))
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
        return read_seconds(reading, layout, found.piece == PIECE_ZERO_SECOND ? 2 : 1);
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
        return take_fraction(reading, found.text.at[1] == '0' ? found.text.len - 1 : 9,
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
            while (str_starts(reading->rest, str_of(" ")))
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

/* Whole days between two midnights. */
static int64_t days_between(int64_t seconds, int64_t later)
{
    return (later - seconds) / 86400;
}

static int64_t days_in_month(int64_t year, int month)
{
    return days_between(calendar_seconds(year, month, 1), calendar_seconds(year, month + 1, 1));
}

/* Puts the pieces together. Noon and midnight come out of am and pm; the day is checked here
   because its month and year are known only now. */
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
    if (by_year_day && day > days_between(calendar_seconds(reading->year, 1, 1),
                                          calendar_seconds(reading->year + 1, 1, 1)))
        return false;
    *ret = (struct instant){
        .second = calendar_seconds(reading->year, month, day) + reading->hour * 3600 +
                  reading->minute * 60 + reading->second - reading->offset,
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
        day_zero = day_zero ||
                   ((found.piece == PIECE_DAY || found.piece == PIECE_ZERO_DAY) && !reading.day);
    }
    return !reading.rest.len && !day_zero && finish_reading(&reading, ret);
}
