/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the shortest decimal digits of a double, and writes it as JSON. */
#include "document/document.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads the digits of C's "d.ddde±xx", without zeros at the end. */
static int take_digits(const char *text, char *digits, int *ret_point)
{
    const char *at = text;
    int len = 0;

    for (; *at != 'e'; at++) {
        if (*at != '.')
            digits[len++] = *at;
    }
    *ret_point = (int)strtol(at + 1, NULL, 10) + 1;
    while (len && digits[len - 1] == '0')
        len--;
    digits[len] = '\0';
    return len;
}

/*
 * Tries the next larger number of 16 digits. Doubles above a power of two lie
 * further apart than below, so the nearest 16 digits may read back as a neighbour
 * while the next ones do not.
 */
static bool try_precision(char *text, double value)
{
    for (char *at = strchr(text, 'e') - 1; at >= text; at--) {
        if (*at == '.')
            continue;
        if (*at != '9') {
            ++*at;
            return strtod(text, NULL) == value;
        }
        *at = '0';
    }
    return false;
}

static int whole_digits(uint64_t whole, char *digits, int *ret_point)
{
    int len = snprintf(digits, 20, "%" PRIu64, whole);

    *ret_point = len;
    while (len && digits[len - 1] == '0')
        len--;
    digits[len] = '\0';
    return len;
}

int document_float_digits(double value, char digits[20], int *ret_point)
{
    char text[40];
    /* 15 digits always read back as the same double, except for the smallest ones. */
    int places = value < 1e-300 ? 0 : 14;

    if (value < 1e15 && value == (double)(uint64_t)value)
        return whole_digits((uint64_t)value, digits, ret_point);
    for (; places < 16; places++) {
        snprintf(text, sizeof text, "%.*e", places, value);
        if (strtod(text, NULL) == value || (places == 15 && try_precision(text, value)))
            return take_digits(text, digits, ret_point);
    }
    snprintf(text, sizeof text, "%.16e", value);
    return take_digits(text, digits, ret_point);
}

void document_write_float(struct text *out, double value)
{
    char digits[20];
    int len, point;

    if (!isfinite(value)) {
        text_add(out, "null");
        return;
    }
    len = document_float_digits(fabs(value), digits, &point);
    /* -0 loses its sign: it would be read as an integer, and an integer zero has none. */
    if (value < 0)
        text_add_char(out, '-');
    if (!len) {
        text_add_char(out, '0');
    } else if (point < -5 || point > 21) {
        text_addf(out, "%c%s%se%c%d", digits[0], len > 1 ? "." : "", digits + 1,
                  point - 1 < 0 ? '-' : '+', abs(point - 1));
    } else if (point <= 0) {
        text_addf(out, "0.%.*s%s", -point, "000000", digits);
    } else if (len > point) {
        text_addf(out, "%.*s.%s", point, digits, digits + point);
    } else {
        text_addf(out, "%s%.*s", digits, point - len, "00000000000000000000000");
    }
}
