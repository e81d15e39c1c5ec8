/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a number of any value, as Sprig's library for casts does. */
#include "sprig/cast.h"
#include "golang/golang.h"

#include <string.h>

/* On amd64 a float that no int64 holds becomes the least one. */
static int64_t truncate_number(double number)
{
    if (number >= -0x1p63 && number < 0x1p63)
        return (int64_t)number;
    return INT64_MIN;
}

/* "5.00" counts as "5". */
static struct str without_zero_decimals(struct str s)
{
    size_t end = s.len;

    while (end && s.at[end - 1] == '0')
        end--;
    if (end && s.at[end - 1] == '.')
        s.len = end - 1;
    return s;
}

/* Strings are read with base 0, so "0x1f" is 31 and "010" is 8, as in Sprig's library. */
int64_t cast_int(struct value v)
{
    struct literal_number number;
    char words[8];
    struct str s;

    switch (v.kind) {
    case KIND_BOOL:
        return v.truth;
    case KIND_INT:
    case KIND_INT64:
    case KIND_UINT8:
    case KIND_MONTH:
    case KIND_WEEKDAY:
        return v.integer;
    case KIND_FLOAT:
        return truncate_number(v.number);
    case KIND_STRING:
        s = without_zero_decimals(value_str(v));
        return literal_number(s, LITERAL_NUMBER, &number, words, sizeof words) &&
                       literal_is_int(s, &number)
                   ? number.integer
                   : 0;
    default:
        return 0;
    }
}

/* Anything but a float or a string goes by way of an integer. */
double cast_float(struct value v)
{
    bool fine;

    switch (v.kind) {
    case KIND_FLOAT:
        return v.number;
    case KIND_STRING:
        return float_parse(value_str(v), &fine);
    default:
        return (double)cast_int(v);
    }
}
