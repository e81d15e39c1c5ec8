/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes durations and percentages as Go and Kubernetes do. */
#include "query/query.h"

#include "document/document.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *unit;
    int64_t nanoseconds;
} units[] = {
    /* The micro sign (U+00B5) and the Greek letter mu (U+03BC), as in Go. */
    {"ns", 1},
    {"us", 1000},
    {"µs", 1000},
    {"μs", 1000},
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", 60 * (int64_t)1000000000},
    {"h", 3600 * (int64_t)1000000000},
};

static int64_t read_unit(const char **at)
{
    size_t len = strcspn(*at, "0123456789.");

    for (size_t i = 0; i < count_of(units); i++)
        if (strlen(units[i].unit) == len && !strncmp(units[i].unit, *at, len)) {
            *at += len;
            return units[i].nanoseconds;
        }
    return 0;
}

/* Reads one number with its unit and adds it to *sum. False if it is malformed or
   too large. */
static bool read_number_with_unit(const char **at, int64_t *sum, bool *ret_no_unit)
{
    __int128 value = 0, fraction = 0, scale = 1;
    bool digits = false;
    int64_t unit;

    for (; isdigit((unsigned char)**at); (*at)++, digits = true)
        if ((value = value * 10 + (**at - '0')) > INT64_MAX)
            return false;
    if (**at == '.') {
        for ((*at)++; isdigit((unsigned char)**at); (*at)++, digits = true)
            /* Further digits are below a nanosecond even for hours. */
            if (scale < (__int128)1000000000000000) {
                fraction = fraction * 10 + (**at - '0');
                scale *= 10;
            }
    }
    if (!digits)
        return false;
    unit = read_unit(at);
    if (!unit) {
        *ret_no_unit = true;
        return false;
    }
    value = value * unit + fraction * unit / scale + *sum;
    if (value > INT64_MAX)
        return false;
    *sum = (int64_t)value;
    return true;
}

int duration_parse(const char *text, int64_t *ret, struct err *err)
{
    const char *at = text;
    bool negative = *at == '-', no_unit = false;
    int64_t sum = 0;

    if (*at == '-' || *at == '+')
        at++;
    /* As in Go, only 0 needs no unit. */
    if (!strcmp(at, "0")) {
        *ret = 0;
        return 0;
    }
    if (!*at)
        return err_set(err, ERR_INVALID, "time: invalid duration \"%.100s\"", text);
    while (*at)
        if (!read_number_with_unit(&at, &sum, &no_unit))
            return err_set(err, ERR_INVALID, "time: %s duration \"%.100s\"",
                           no_unit ? "missing or unknown unit in" : "invalid", text);
    *ret = negative ? -sum : sum;
    return 0;
}

/* OCM's rollout timeouts: a whole number with one unit, which OCM's CRDs check by
   a pattern. Digits are limited so that hours fit into 64 bits. */
int duration_parse_single(const char *text, int64_t *ret, struct err *err)
{
    size_t digits = strspn(text, "0123456789");
    int64_t sum = 0;
    bool no_unit;
    const char *at = text;

    if (!*text || !strcmp(text, "None")) {
        *ret = INT64_MAX;
        return 0;
    }
    if (digits && digits < 16 && strchr("hms", text[digits]) && text[digits] && !text[digits + 1] &&
        read_number_with_unit(&at, &sum, &no_unit)) {
        *ret = sum;
        return 0;
    }
    return err_set(err, ERR_INVALID,
                   "invalid timeout value: \"%.100s\" (a whole "
                   "number and one of h, m, s, or None)",
                   text);
}

/* A fraction without its trailing zeros: "1.5s". */
static void add_seconds(char *out, size_t room, uint64_t whole, uint64_t part, int places,
                        const char *unit)
{
    char fraction[16];
    size_t len;

    snprintf(fraction, sizeof fraction, ".%0*llu", places, (unsigned long long)part);
    for (len = strlen(fraction); len && fraction[len - 1] == '0'; len--)
        fraction[len - 1] = '\0';
    snprintf(out, room, "%llu%s%s", (unsigned long long)whole, len > 1 ? fraction : "", unit);
}

void duration_format(int64_t nanoseconds, char out[DURATION_TEXT])
{
    /* Unsigned, because the negation of INT64_MIN overflows. */
    uint64_t left = nanoseconds < 0 ? 0 - (uint64_t)nanoseconds : (uint64_t)nanoseconds;
    uint64_t seconds = left / 1000000000u;
    char *at = out;
    size_t room = DURATION_TEXT;

    if (nanoseconds < 0) {
        *at++ = '-';
        room--;
    }
    if (!left) {
        snprintf(at, room, "0s");
    } else if (left < 1000u) {
        snprintf(at, room, "%lluns", (unsigned long long)left);
    } else if (left < 1000000u) {
        add_seconds(at, room, left / 1000u, left % 1000u, 3, "µs");
    } else if (left < 1000000000u) {
        add_seconds(at, room, left / 1000000u, left % 1000000u, 6, "ms");
    } else {
        if (seconds >= 3600)
            snprintf(at, room, "%lluh%llum", (unsigned long long)seconds / 3600,
                     (unsigned long long)seconds / 60 % 60);
        else if (seconds >= 60)
            snprintf(at, room, "%llum", (unsigned long long)seconds / 60);
        else
            *at = '\0';
        room -= strlen(at);
        at += strlen(at);
        add_seconds(at, room, seconds % 60, left % 1000000000u, 9, "s");
    }
}

int percent_scale(const struct node *value, int64_t total, bool round_up, int64_t *ret,
                  struct err *err)
{
    const char *text = node_text(value);
    size_t len = strlen(text);
    long long percent;
    char *digits;
    scoped_mem char *copy = NULL;
    __int128 scaled;

    if (node_is(value, NODE_INT)) {
        *ret = value->integer;
        return 0;
    }
    digits = copy = mem_copy_string(text);
    if (!len || text[len - 1] != '%')
        return err_set(err, ERR_INVALID,
                       "invalid value for IntOrString: invalid "
                       "type: string is not a percentage");
    digits[len - 1] = '\0';
    if (!text_to_int(digits, &percent) || percent > INT32_MAX || percent < INT32_MIN)
        return err_set(err, ERR_INVALID,
                       "invalid value for IntOrString: invalid "
                       "value \"%.100s\"",
                       text);
    /* The product of a percentage and a total may exceed 64 bits. */
    scaled = (__int128)percent * total;
    *ret = (int64_t)(scaled / 100);
    if (round_up && scaled % 100 > 0)
        ++*ret;
    else if (!round_up && scaled % 100 < 0)
        --*ret;
    return 0;
}
