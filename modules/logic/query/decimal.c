/* SPDX-License-Identifier: Apache-2.0 */
/* Computes with decimal numbers of any length, digit by digit. */
#include "query/decimal.h"

#include <string.h>

static const char *strip_leading_zeros(const char *digits)
{
    while (*digits == '0' && digits[1])
        digits++;
    return digits;
}

bool decimal_is_zero(const struct decimal *value)
{
    return !value->digits[strspn(value->digits, "0")];
}

struct decimal decimal_rescale(struct arena *arena, const struct decimal *value, int scale)
{
    size_t len = strlen(value->digits);
    size_t zeros = scale < value->scale ? (size_t)(value->scale - scale) : 0;
    char *digits = arena_alloc(arena, len + zeros + 1);

    memcpy(digits, value->digits, len);
    memset(digits + len, '0', zeros);
    return (struct decimal){value->negative, strip_leading_zeros(digits),
                            value->scale - (int)zeros};
}

static int compare_digits(const char *a, const char *b)
{
    size_t x, y;

    a = strip_leading_zeros(a);
    b = strip_leading_zeros(b);
    x = strlen(a);
    y = strlen(b);
    return x != y ? (x < y ? -1 : 1) : strcmp(a, b);
}

/* Brings both numbers to the finer one of their scales. */
static void align_scales(struct arena *arena, const struct decimal *a, const struct decimal *b,
                         struct decimal *x, struct decimal *y)
{
    int scale = a->scale < b->scale ? a->scale : b->scale;

    *x = decimal_rescale(arena, a, scale);
    *y = decimal_rescale(arena, b, scale);
}

int decimal_compare(struct arena *arena, const struct decimal *a, const struct decimal *b)
{
    bool zero = decimal_is_zero(a) && decimal_is_zero(b);
    struct decimal x, y;
    int order;

    if (zero)
        return 0;
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    align_scales(arena, a, b, &x, &y);
    order = compare_digits(x.digits, y.digits);
    return a->negative ? -order : order;
}

/* Adds (`sign` 1) or subtracts (-1, for a >= b only) texts of digits, from the
   last digit on. */
static char *add_digits(struct arena *arena, const char *a, const char *b, int sign)
{
    size_t x = strlen(a), y = strlen(b), len = (x > y ? x : y) + 1;
    char *out = arena_alloc(arena, len + 1);
    int carry = 0;

    for (size_t i = 0; i < len; i++) {
        int digit =
            carry + (i < x ? a[x - 1 - i] - '0' : 0) + sign * (i < y ? b[y - 1 - i] - '0' : 0);

        carry = digit > 9 ? 1 : digit < 0 ? -1 : 0;
        out[len - 1 - i] = (char)('0' + digit - 10 * carry);
    }
    return out;
}

struct decimal decimal_add(struct arena *arena, const struct decimal *a, const struct decimal *b)
{
    struct decimal x, y, sum;

    align_scales(arena, a, b, &x, &y);
    sum = x;
    if (x.negative == y.negative) {
        sum.digits = strip_leading_zeros(add_digits(arena, x.digits, y.digits, 1));
    } else if (compare_digits(x.digits, y.digits) >= 0) {
        sum.digits = strip_leading_zeros(add_digits(arena, x.digits, y.digits, -1));
    } else {
        sum.digits = strip_leading_zeros(add_digits(arena, y.digits, x.digits, -1));
        sum.negative = y.negative;
    }
    sum.negative &= !decimal_is_zero(&sum);
    return sum;
}

/* A factor of 32 bits adds at most ten digits. */
struct decimal decimal_multiply(struct arena *arena, const struct decimal *value, unsigned by)
{
    size_t len = strlen(value->digits), room = len + 10;
    char *digits = arena_alloc(arena, room + 1);
    uint64_t carry = 0;

    for (size_t i = 0; i < room; i++) {
        if (i < len)
            carry += (uint64_t)(value->digits[len - 1 - i] - '0') * by;
        digits[room - 1 - i] = (char)('0' + carry % 10);
        carry /= 10;
    }
    return (struct decimal){value->negative, strip_leading_zeros(digits), value->scale};
}

/* Long division, from the first digit on. */
struct decimal decimal_divide(struct arena *arena, const struct decimal *value, unsigned by,
                              unsigned *ret_rest)
{
    char *digits = arena_string(arena, value->digits);
    uint64_t rest = 0;

    for (char *at = digits; *at; at++) {
        rest = rest * 10 + (uint64_t)(*at - '0');
        *at = (char)('0' + rest / by);
        rest %= by;
    }
    *ret_rest = (unsigned)rest;
    return (struct decimal){value->negative, strip_leading_zeros(digits), value->scale};
}

/* Any digit other than 0 that is cut off rounds away from zero, as in Kubernetes. */
struct decimal decimal_round_up(struct arena *arena, const struct decimal *value, int scale)
{
    size_t len = strlen(value->digits), cut;
    const char *kept;

    if (value->scale >= scale)
        return *value;
    cut = (size_t)(scale - value->scale);
    kept = cut < len ? arena_bytes(arena, value->digits, len - cut) : "0";
    if (cut > len)
        cut = len;
    if (value->digits[len - cut + strspn(value->digits + len - cut, "0")])
        kept = add_digits(arena, kept, "1", 1);
    return (struct decimal){value->negative, strip_leading_zeros(kept), scale};
}

struct decimal decimal_trim(struct arena *arena, const struct decimal *value)
{
    size_t len = strlen(value->digits), kept = len;

    if (decimal_is_zero(value))
        return (struct decimal){false, "0", 0};
    while (kept > 1 && value->digits[kept - 1] == '0')
        kept--;
    return (struct decimal){value->negative,
                            strip_leading_zeros(arena_bytes(arena, value->digits, kept)),
                            value->scale + (int)(len - kept)};
}

/* Unsigned arithmetic wraps, which is what Go's conversion of a big number does. */
uint64_t decimal_low(const struct decimal *value)
{
    uint64_t low = 0;

    for (const char *at = value->digits; *at; at++)
        low = low * 10 + (uint64_t)(*at - '0');
    return low;
}
