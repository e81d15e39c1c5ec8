/* SPDX-License-Identifier: Apache-2.0 */
/* Sprig's arithmetic, and what it makes a number of. */
#include "sprig/groups.h"
#include "sprig/cast.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* ---- Whole numbers, which wrap around ---- */

/* int64 wraps around in Go; in C the overflow of signed numbers is undefined. */
static int64_t wrap_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static bool run_add(struct call *call)
{
    int64_t sum = 0;

    for (size_t i = 0; i < call->count; i++)
        sum = wrap_add(sum, cast_int(call->args[i]));
    return call_give(call, value_int64(sum));
}

static bool run_add1(struct call *call)
{
    return call_give(call, value_int64(wrap_add(cast_int(call->args[0]), 1)));
}

static bool run_sub(struct call *call)
{
    uint64_t a = (uint64_t)cast_int(call->args[0]);
    uint64_t b = (uint64_t)cast_int(call->args[1]);

    return call_give(call, value_int64((int64_t)(a - b)));
}

static bool run_mul(struct call *call)
{
    uint64_t product = (uint64_t)cast_int(call->args[0]);

    for (size_t i = 1; i < call->count; i++)
        product *= (uint64_t)cast_int(call->args[i]);
    return call_give(call, value_int64((int64_t)product));
}

/* Division by zero is a panic in Go, whose words are the error. */
static bool give_quotient(struct call *call, bool rest)
{
    int64_t a = cast_int(call->args[0]), b = cast_int(call->args[1]);

    if (b == 0)
        return call_fail(call, "runtime error: integer divide by zero");
    if (b == -1) /* the one quotient that does not fit wraps around */
        return call_give(call, value_int64(rest ? 0 : (int64_t)(0 - (uint64_t)a)));
    return call_give(call, value_int64(rest ? a % b : a / b));
}

static bool run_div(struct call *call)
{
    return give_quotient(call, false);
}

static bool run_mod(struct call *call)
{
    return give_quotient(call, true);
}

/* max and min of whole numbers. */
static bool give_extreme(struct call *call, bool largest)
{
    int64_t best = cast_int(call->args[0]);

    for (size_t i = 1; i < call->count; i++) {
        int64_t other = cast_int(call->args[i]);

        if (largest ? other > best : other < best)
            best = other;
    }
    return call_give(call, value_int64(best));
}

static bool run_max(struct call *call)
{
    return give_extreme(call, true);
}

static bool run_min(struct call *call)
{
    return give_extreme(call, false);
}

/* NaN wins, as in Go. */
static bool give_extreme_float(struct call *call, bool largest)
{
    double best = cast_float(call->args[0]);

    for (size_t i = 1; i < call->count; i++) {
        double other = cast_float(call->args[i]);

        if (isnan(other))
            best = other;
        else if (largest ? other > best : other < best)
            best = other;
    }
    return call_give(call, value_float(best));
}

static bool run_maxf(struct call *call)
{
    return give_extreme_float(call, true);
}

static bool run_minf(struct call *call)
{
    return give_extreme_float(call, false);
}

/* ---- Decimal arithmetic ---- */

/* The decimal number that a float stands for: 0.1, not what is nearest. */
static long double decimal_of(double number)
{
    scoped_text struct text digits = {0};

    float_print(&digits, number, 'e', -1);
    return strtold(text_string(&digits), NULL);
}

/* Quotients keep sixteen places after the point. */
static long double sixteen_places(long double number)
{
    return fabsl(number) < 900 ? roundl(number * 1e16L) / 1e16L : number;
}

/* One operation of the decimal library that Sprig uses for addf and its like. */
static bool decimal_step(struct call *call, char sign, double next, long double *result)
{
    long double other;

    if (!isfinite(next))
        return call_fail(call, "Cannot create a Decimal from %s",
                         isnan(next) ? "NaN"
                         : next < 0  ? "-Inf"
                                     : "+Inf");
    other = decimal_of(next);
    if (sign == '/' && other == 0)
        return call_fail(call, "decimal division by 0");
    *result = sign == '+'   ? *result + other
              : sign == '-' ? *result - other
              : sign == '*' ? *result * other
                            : sixteen_places(*result / other);
    return true;
}

/* From left to right through the arguments. */
static bool give_decimal(struct call *call, char sign, double first, size_t from)
{
    long double result = 0;

    if (!decimal_step(call, '+', first, &result))
        return false;
    for (size_t i = from; i < call->count; i++) {
        if (!decimal_step(call, sign, cast_float(call->args[i]), &result))
            return false;
    }
    /* A decimal has no sign at zero. */
    return call_give(call, value_float(result == 0 ? 0 : (double)result));
}

static bool run_add1f(struct call *call)
{
    long double result = 1;

    return decimal_step(call, '+', cast_float(call->args[0]), &result) &&
           call_give(call, value_float((double)result));
}

static bool run_addf(struct call *call)
{
    return give_decimal(call, '+', 0, 0);
}

static bool run_subf(struct call *call)
{
    return give_decimal(call, '-', cast_float(call->args[0]), 1);
}

static bool run_mulf(struct call *call)
{
    return give_decimal(call, '*', cast_float(call->args[0]), 1);
}

static bool run_divf(struct call *call)
{
    return give_decimal(call, '/', cast_float(call->args[0]), 1);
}

/* ---- Rounding and converting ---- */

static bool run_ceil(struct call *call)
{
    return call_give(call, value_float(ceil(cast_float(call->args[0]))));
}

static bool run_floor(struct call *call)
{
    return call_give(call, value_float(floor(cast_float(call->args[0]))));
}

static bool run_round(struct call *call)
{
    double on = call->count > 2 ? call->args[2].number : 0.5;
    double power = pow(10, (double)call->args[1].integer);
    double digits = power * cast_float(call->args[0]), whole;
    double rest = modf(digits, &whole);

    return call_give(call, value_float((rest >= on ? ceil(digits) : floor(digits)) / power));
}

static bool run_int(struct call *call)
{
    return call_give(call, value_int(cast_int(call->args[0])));
}

static bool run_int64(struct call *call)
{
    return call_give(call, value_int64(cast_int(call->args[0])));
}

static bool run_float64(struct call *call)
{
    return call_give(call, value_float(cast_float(call->args[0])));
}

/* Digits of a base with a sign; 0 if it is anything else or too large. */
static int64_t whole_of_base(struct str s, unsigned base)
{
    bool negative = s.len && s.at[0] == '-';
    size_t i = negative || (s.len && s.at[0] == '+');
    uint64_t value = 0;

    if (i == s.len)
        return 0;
    for (; i < s.len; i++) {
        unsigned digit = (unsigned)(s.at[i] - '0');

        if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return 0;
    }
    if (value > (uint64_t)INT64_MAX + negative)
        return 0;
    return negative ? (int64_t)(0 - value) : (int64_t)value;
}

/* Out of range, strconv.Atoi still says which end it went over. */
static bool run_atoi(struct call *call)
{
    struct str s = call_arg_str(call, 0);
    int64_t value = whole_of_base(s, 10);
    bool negative = s.len && s.at[0] == '-';
    size_t digits = negative || (s.len && s.at[0] == '+');
    bool plain = digits < s.len;
    size_t zeros = digits;

    for (size_t i = digits; i < s.len; i++)
        plain = plain && s.at[i] >= '0' && s.at[i] <= '9';
    while (zeros < s.len && s.at[zeros] == '0')
        zeros++;
    if (!value && plain && zeros < s.len)
        value = negative ? INT64_MIN : INT64_MAX;
    return call_give(call, value_int(value));
}

static bool run_to_decimal(struct call *call)
{
    struct str s;

    return call_string(call, call->args[0], &s) &&
           call_give(call, value_int64(whole_of_base(s, 8)));
}

/* ---- Sequences ---- */

/* An empty list when the step leads away from the end. */
static bool until_step(struct call *call, int64_t start, int64_t stop, int64_t step,
                       struct list **ret)
{
    struct list *list = list_new(call->heap, ELEMENT_INT);
    uint64_t distance, count;

    *ret = list;
    if (start == stop || (stop < start ? step >= 0 : step <= 0))
        return true;
    distance = stop < start ? (uint64_t)start - (uint64_t)stop : (uint64_t)stop - (uint64_t)start;
    count = (distance - 1) / (step < 0 ? 0 - (uint64_t)step : (uint64_t)step) + 1;
    if (count > UINT32_MAX / 64)
        return call_room(call, UINT64_MAX);
    if (!call_room(call, count * 2 * sizeof(struct value)) || !call_spend(call, count * 64))
        return false;
    for (uint64_t i = 0; i < count; i++, start = wrap_add(start, step))
        list_add(list, value_int(start));
    return true;
}

static bool run_until(struct call *call)
{
    int64_t count = call->args[0].integer;
    struct list *list;

    return until_step(call, 0, count, count < 0 ? -1 : 1, &list) &&
           call_give(call, value_list(list));
}

static bool run_until_step(struct call *call)
{
    struct list *list;

    return until_step(call, call->args[0].integer, call->args[1].integer, call->args[2].integer,
                      &list) &&
           call_give(call, value_list(list));
}

/* A list of ints, paid for before it is made. */
static bool give_numbers(struct call *call, int64_t start, int64_t end, int64_t step)
{
    struct text out = call_text(call);
    struct list *list;

    if (!until_step(call, start, end, step, &list) || !call_spend(call, (uint64_t)list->len * 128))
        return false;
    for (uint32_t i = 0; i < list->len; i++)
        text_addf(&out, "%s%lld", i ? " " : "", (long long)list->items[i].integer);
    return call_give_text(call, &out);
}

static bool run_seq(struct call *call)
{
    const struct value *args = call->args;
    int64_t start = 1, end, step = 1;

    if (call->count < 1 || call->count > 3)
        return call_give_str(call, STR(""));
    end = args[call->count - 1].integer;
    if (call->count > 1)
        start = args[0].integer;
    if (end < start)
        step = -1;
    end = wrap_add(end, step);
    if (call->count == 3) {
        if (step < 0 && args[1].integer > 0)
            return call_give_str(call, STR(""));
        step = args[1].integer;
    }
    return give_numbers(call, start, end, step);
}

const struct function functions_math[] = {
    {"add", "a*", 'I', run_add, 12},       {"add1", "a", 'I', run_add1, 12},
    {"sub", "aa", 'I', run_sub, 12},       {"mul", "aa*", 'I', run_mul, 12},
    {"div", "aa", 'I', run_div, 12},       {"mod", "aa", 'I', run_mod, 12},
    {"max", "aa*", 'I', run_max, 12},      {"biggest", "aa*", 'I', run_max, 12},
    {"min", "aa*", 'I', run_min, 12},      {"maxf", "aa*", 'f', run_maxf, 12},
    {"minf", "aa*", 'f', run_minf, 12},    {"add1f", "a", 'f', run_add1f, 12},
    {"addf", "a*", 'f', run_addf, 12},     {"subf", "aa*", 'f', run_subf, 12},
    {"mulf", "aa*", 'f', run_mulf, 12},    {"divf", "aa*", 'f', run_divf, 12},
    {"ceil", "a", 'f', run_ceil, 12},      {"floor", "a", 'f', run_floor, 12},
    {"round", "aif*", 'f', run_round, 12}, {"int", "a", 'i', run_int, 12},
    {"int64", "a", 'I', run_int64, 12},    {"float64", "a", 'f', run_float64, 12},
    {"atoi", "s", 'i', run_atoi, 12},      {"toDecimal", "a", 'I', run_to_decimal, 12},
    {"until", "i", 'N', run_until, 4},     {"untilStep", "iii", 'N', run_until_step, 4},
    {"seq", "i*", 's', run_seq, 4},        {0},
};
