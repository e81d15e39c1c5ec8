/* SPDX-License-Identifier: Apache-2.0 */
/* Operators, conversions and size(). */
#include "cel/internal.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FN(name)                                                                                   \
    static int name(struct cel_run *run, const struct cel_value *args, size_t count,               \
                    struct cel_value *ret)

/* ---- Equality and order ------------------------------------------------ */

/* cel-go's price of a comparison: the smaller of both lengths, a tenth of it for
   strings. */
static int pay_for_both(struct cel_run *run, const struct cel_value *args)
{
    size_t len = 0;

    for (int i = 0; i < 2; i++) {
        size_t one = args[i].type == CEL_STRING || args[i].type == CEL_BYTES ? args[i].len / 10
                     : args[i].type == CEL_LIST                              ? args[i].list->len
                     : args[i].type == CEL_MAP                               ? args[i].map->len
                                                                             : 0;

        if (i == 0 || one < len)
            len = one;
    }
    return cel_pay(run, len);
}

/* A comparison walks nested values. Lists and maps may share parts, so few bytes
   can stand for a long walk; its weight is charged before it starts. */
static uint64_t comparison_cost(const struct cel_run *run, const struct cel_value *value)
{
    uint64_t left = run->cost < run->limit ? run->limit - run->cost : 0;

    return value->type == CEL_LIST || value->type == CEL_MAP ? cel_weight(value, left) : 0;
}

FN(fn_equal)
{
    uint64_t left = comparison_cost(run, &args[0]), right = comparison_cost(run, &args[1]);

    if (pay_for_both(run, args) < 0 || cel_pay(run, left < right ? left : right) < 0)
        return -1;
    *ret = cel_bool(cel_same(run->arena, &args[0], &args[1]));
    return 0;
}

FN(fn_unequal)
{
    if (fn_equal(run, args, count, ret) < 0)
        return -1;
    ret->boolean = !ret->boolean;
    return 0;
}

/* Numbers without an order are NaN, and every comparison with NaN is false. All
   other pairs without an order are errors. */
static int compare_ordered(struct cel_run *run, const struct cel_value *args, int *ret)
{
    if (pay_for_both(run, args) < 0)
        return -1;
    *ret = cel_order(&args[0], &args[1]);
    return *ret == 2 && !(args[0].type == CEL_DOUBLE || args[1].type == CEL_DOUBLE)
               ? cel_fail(run, "no such overload")
               : 0;
}

FN(fn_less)
{
    int is;

    if (compare_ordered(run, args, &is) < 0)
        return -1;
    *ret = cel_bool(is == -1);
    return 0;
}

FN(fn_less_equal)
{
    int is;

    if (compare_ordered(run, args, &is) < 0)
        return -1;
    *ret = cel_bool(is == -1 || is == 0);
    return 0;
}

FN(fn_greater)
{
    int is;

    if (compare_ordered(run, args, &is) < 0)
        return -1;
    *ret = cel_bool(is == 1);
    return 0;
}

FN(fn_greater_equal)
{
    int is;

    if (compare_ordered(run, args, &is) < 0)
        return -1;
    *ret = cel_bool(is == 1 || is == 0);
    return 0;
}

FN(fn_in_list)
{
    const struct cel_list *list = args[1].list;
    uint64_t each = 1 + comparison_cost(run, &args[0]);

    *ret = cel_bool(false);
    for (size_t i = 0; i < list->len && !ret->boolean; i++) {
        struct cel_value item = cel_item(run->arena, list, i);

        if (cel_pay(run, each) < 0)
            return -1;
        *ret = cel_bool(cel_same(run->arena, &args[0], &item));
    }
    return 0;
}

FN(fn_in_map)
{
    struct cel_value found;

    *ret = cel_bool(cel_find(run->arena, args[1].map, &args[0], &found));
    return 0;
}

/* ---- Arithmetic -------------------------------------------------------- */

#define OVERFLOW "return error for overflow"

FN(fn_add_int)
{
    *ret = args[0];
    return __builtin_add_overflow(args[0].integer, args[1].integer, &ret->integer)
               ? cel_fail(run, OVERFLOW)
               : 0;
}

FN(fn_subtract_int)
{
    *ret = args[0];
    return __builtin_sub_overflow(args[0].integer, args[1].integer, &ret->integer)
               ? cel_fail(run, OVERFLOW)
               : 0;
}

FN(fn_multiply_int)
{
    *ret = args[0];
    return __builtin_mul_overflow(args[0].integer, args[1].integer, &ret->integer)
               ? cel_fail(run, OVERFLOW)
               : 0;
}

FN(fn_divide_int)
{
    if (!args[1].integer)
        return cel_fail(run, "division by zero");
    /* The quotient does not fit, and x86-64 stops the process for it. */
    if (args[0].integer == INT64_MIN && args[1].integer == -1)
        return cel_fail(run, OVERFLOW);
    *ret = cel_int(args[0].integer / args[1].integer);
    return 0;
}

FN(fn_modulo_int)
{
    if (!args[1].integer)
        return cel_fail(run, "modulus by zero");
    /* INT64_MIN % -1 stops the process on x86-64 as well; the remainder is 0. */
    *ret = cel_int(args[1].integer == -1 ? 0 : args[0].integer % args[1].integer);
    return 0;
}

FN(fn_add_uint)
{
    *ret = args[0];
    return __builtin_add_overflow(args[0].natural, args[1].natural, &ret->natural)
               ? cel_fail(run, OVERFLOW)
               : 0;
}

FN(fn_subtract_uint)
{
    *ret = args[0];
    return __builtin_sub_overflow(args[0].natural, args[1].natural, &ret->natural)
               ? cel_fail(run, OVERFLOW)
               : 0;
}

FN(fn_multiply_uint)
{
    *ret = args[0];
    return __builtin_mul_overflow(args[0].natural, args[1].natural, &ret->natural)
               ? cel_fail(run, OVERFLOW)
               : 0;
}

FN(fn_divide_uint)
{
    *ret = args[0];
    if (!args[1].natural)
        return cel_fail(run, "division by zero");
    ret->natural /= args[1].natural;
    return 0;
}

FN(fn_modulo_uint)
{
    *ret = args[0];
    if (!args[1].natural)
        return cel_fail(run, "modulus by zero");
    ret->natural %= args[1].natural;
    return 0;
}

FN(fn_add_double)
{
    *ret = cel_double(args[0].number + args[1].number);
    return 0;
}

FN(fn_subtract_double)
{
    *ret = cel_double(args[0].number - args[1].number);
    return 0;
}

FN(fn_multiply_double)
{
    *ret = cel_double(args[0].number * args[1].number);
    return 0;
}

FN(fn_divide_double)
{
    *ret = cel_double(args[0].number / args[1].number);
    return 0;
}

FN(fn_add_string)
{
    struct text both = {0};

    if (cel_pay_bytes(run, args[0].len + args[1].len) < 0)
        return -1;
    text_add_bytes(&both, args[0].bytes, args[0].len);
    text_add_bytes(&both, args[1].bytes, args[1].len);
    *ret = cel_string(run->arena, text_string(&both), both.len);
    ret->type = args[0].type;
    text_free(&both);
    return 0;
}

FN(fn_add_list)
{
    size_t len = args[0].list->len + args[1].list->len;
    struct cel_value *items;

    if (cel_pay(run, len) < 0)
        return -1;
    items = arena_alloc(run->arena, (len + 1) * sizeof *items);
    for (size_t i = 0; i < len; i++)
        items[i] = i < args[0].list->len
                       ? cel_item(run->arena, args[0].list, i)
                       : cel_item(run->arena, args[1].list, i - args[0].list->len);
    *ret = cel_list_of(run->arena, items, len);
    return 0;
}

FN(fn_negate_int)
{
    if (args[0].integer == INT64_MIN)
        return cel_fail(run, OVERFLOW);
    *ret = args[0];
    ret->integer = -args[0].integer;
    return 0;
}

FN(fn_negate_double)
{
    *ret = cel_double(-args[0].number);
    return 0;
}

FN(fn_not)
{
    *ret = cel_bool(!args[0].boolean);
    return 0;
}

/* Times and durations are both nanoseconds, so the arithmetic of ints serves
   them; only the type of the result differs. */
FN(fn_time_minus_time)
{
    if (fn_subtract_int(run, args, count, ret) < 0)
        return -1;
    ret->type = CEL_DURATION;
    return 0;
}

FN(fn_duration_plus_time)
{
    if (fn_add_int(run, args, count, ret) < 0)
        return -1;
    ret->type = CEL_TIME;
    return 0;
}

FN(fn_index)
{
    return cel_fail(run, "no such overload"); /* the evaluator does it */
}

static const struct cel_overload operators[] = {
    {"_==_", "dd", 'b', fn_equal},
    {"_!=_", "dd", 'b', fn_unequal},
/* CEL orders numbers of different types by their value, so int, uint and double mix. */
#define ORDERED(args)                                                                              \
    {"_<_", args, 'b', fn_less}, {"_<=_", args, 'b', fn_less_equal},                               \
        {"_>_", args, 'b', fn_greater},                                                            \
    {                                                                                              \
        "_>=_", args, 'b', fn_greater_equal                                                        \
    }
    ORDERED("ii"),
    ORDERED("uu"),
    ORDERED("ff"),
    ORDERED("iu"),
    ORDERED("ui"),
    ORDERED("if"),
    ORDERED("fi"),
    ORDERED("uf"),
    ORDERED("fu"),
    ORDERED("ss"),
    ORDERED("yy"),
    ORDERED("bb"),
    ORDERED("tt"),
    ORDERED("DD"),
    {"@in", "dl", 'b', fn_in_list},
    {"@in", "dm", 'b', fn_in_map},
    {"_[_]", "ld", 'd', fn_index},
    {"_[_]", "md", 'd', fn_index},
    {"_[_]", "od", 'o', fn_index},
    {"_+_", "ii", 'i', fn_add_int},
    {"_+_", "uu", 'u', fn_add_uint},
    {"_+_", "ff", 'f', fn_add_double},
    {"_+_", "ss", 's', fn_add_string},
    {"_+_", "yy", 'y', fn_add_string},
    {"_+_", "ll", 'l', fn_add_list},
    {"_+_", "DD", 'D', fn_add_int},
    {"_+_", "tD", 't', fn_add_int},
    {"_+_", "Dt", 't', fn_duration_plus_time},
    {"_-_", "ii", 'i', fn_subtract_int},
    {"_-_", "uu", 'u', fn_subtract_uint},
    {"_-_", "ff", 'f', fn_subtract_double},
    {"_-_", "DD", 'D', fn_subtract_int},
    {"_-_", "tD", 't', fn_subtract_int},
    {"_-_", "tt", 'D', fn_time_minus_time},
    {"_*_", "ii", 'i', fn_multiply_int},
    {"_*_", "uu", 'u', fn_multiply_uint},
    {"_*_", "ff", 'f', fn_multiply_double},
    {"_/_", "ii", 'i', fn_divide_int},
    {"_/_", "uu", 'u', fn_divide_uint},
    {"_/_", "ff", 'f', fn_divide_double},
    {"_%_", "ii", 'i', fn_modulo_int},
    {"_%_", "uu", 'u', fn_modulo_uint},
    {"-_", "i", 'i', fn_negate_int},
    {"-_", "D", 'D', fn_negate_int},
    {"-_", "f", 'f', fn_negate_double},
    {"!_", "b", 'b', fn_not},
};
const struct cel_table cel_operators = {operators, count_of(operators)};

/* ---- Conversions ------------------------------------------------------- */

FN(fn_same)
{
    *ret = args[0];
    return 0;
}

FN(fn_int_of)
{
    long long parsed;

    switch (args[0].type) {
    case CEL_UINT:
        if (args[0].natural > INT64_MAX)
            return cel_fail(run, OVERFLOW);
        *ret = cel_int((int64_t)args[0].natural);
        return 0;
    case CEL_DOUBLE:
        /* Both bounds are excluded, as in CEL: the conversion is undefined in C
           beyond them. */
        if (!(args[0].number > -9223372036854775808.0 && args[0].number < 9223372036854775808.0))
            return cel_fail(run, OVERFLOW);
        *ret = cel_int((int64_t)args[0].number);
        return 0;
    case CEL_TIME:
        *ret = cel_int(args[0].integer / CLOCK_SECOND);
        return 0;
    case CEL_DURATION:
        *ret = cel_int(args[0].integer);
        return 0;
    default:
        if (!text_to_int(args[0].bytes, &parsed))
            return cel_fail(run, "type conversion error from 'string' to 'int'");
        *ret = cel_int(parsed);
        return 0;
    }
}

FN(fn_uint_of)
{
    long long parsed;

    *ret = (struct cel_value){CEL_UINT, {.natural = 0}};
    if (args[0].type == CEL_INT && args[0].integer >= 0)
        ret->natural = (uint64_t)args[0].integer;
    else if (args[0].type == CEL_DOUBLE && args[0].number >= 0 &&
             args[0].number < 18446744073709551616.0)
        ret->natural = (uint64_t)args[0].number;
    else if (args[0].type == CEL_STRING && text_to_int(args[0].bytes, &parsed) && parsed >= 0)
        ret->natural = (uint64_t)parsed;
    else
        return cel_fail(run, "type conversion error from '%s' to 'uint'",
                        cel_type_name(args[0].type));
    return 0;
}

FN(fn_double_of)
{
    char *end;

    if (args[0].type == CEL_INT) {
        *ret = cel_double((double)args[0].integer);
    } else if (args[0].type == CEL_UINT) {
        *ret = cel_double((double)args[0].natural);
    } else {
        *ret = cel_double(strtod(args[0].bytes, &end));
        if (!args[0].len || *end)
            return cel_fail(run, "type conversion error from 'string' to 'double'");
    }
    return 0;
}

/* The words of Go's strconv.ParseBool(), which cel-go uses. */
FN(fn_bool_of)
{
    static const char *const yes[] = {"1", "t", "true", "T", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "false", "F", "FALSE", "False"};

    for (size_t i = 0; i < count_of(yes); i++)
        if (!strcmp(yes[i], args[0].bytes) || !strcmp(no[i], args[0].bytes)) {
            *ret = cel_bool(!strcmp(yes[i], args[0].bytes));
            return 0;
        }
    return cel_fail(run, "type conversion error from 'string' to 'bool'");
}

FN(fn_string_of)
{
    struct text out = {0};
    struct node *node;

    switch (args[0].type) {
    case CEL_BYTES:
        if (!text_is_utf8(args[0].bytes, args[0].len))
            return cel_fail(run, "invalid UTF-8 in bytes");
        *ret = args[0];
        ret->type = CEL_STRING;
        return 0;
    case CEL_UINT:
        text_addf(&out, "%llu", (unsigned long long)args[0].natural);
        break;
    case CEL_DOUBLE:
        if (isfinite(args[0].number))
            document_write_float(&out, args[0].number);
        else
            text_add(&out, isnan(args[0].number) ? "NaN" : args[0].number > 0 ? "+Inf" : "-Inf");
        break;
    case CEL_DURATION:
        document_write_float(&out, (double)args[0].integer / 1e9);
        text_add_char(&out, 's');
        break;
    default:
        node = cel_to_node(run, &args[0]);
        if (!node)
            return -1;
        if (node->type == NODE_STRING)
            text_add(&out, node->string);
        else
            document_write_json(&out, node);
    }
    *ret = cel_string(run->arena, text_string(&out), out.len);
    text_free(&out);
    return 0;
}

FN(fn_bytes_of)
{
    *ret = args[0];
    ret->type = CEL_BYTES;
    return 0;
}

FN(fn_type_of)
{
    *ret = (struct cel_value){CEL_TYPE, {.of = args[0].type}};
    return 0;
}

/* ---- Sizes ------------------------------------------------------------- */

FN(fn_size)
{
    size_t len = 0;

    switch (args[0].type) {
    case CEL_STRING:
        if (cel_pay_bytes(run, args[0].len) < 0)
            return -1;
        /* CEL counts code points; bytes 10xxxxxx continue one. */
        for (size_t i = 0; i < args[0].len; i++)
            len += ((unsigned char)args[0].bytes[i] & 0xc0) != 0x80;
        break;
    case CEL_BYTES:
        len = args[0].len;
        break;
    case CEL_LIST:
        len = args[0].list->len;
        break;
    default:
        len = args[0].map->len;
    }
    *ret = cel_int((int64_t)len);
    return 0;
}

static const struct cel_overload standard[] = {
    {"int", "i", 'i', fn_same},
    {"int", "u", 'i', fn_int_of},
    {"int", "f", 'i', fn_int_of},
    {"int", "s", 'i', fn_int_of},
    {"int", "t", 'i', fn_int_of},
    {"int", "D", 'i', fn_int_of},
    {"uint", "u", 'u', fn_same},
    {"uint", "i", 'u', fn_uint_of},
    {"uint", "f", 'u', fn_uint_of},
    {"uint", "s", 'u', fn_uint_of},
    {"double", "f", 'f', fn_same},
    {"double", "i", 'f', fn_double_of},
    {"double", "u", 'f', fn_double_of},
    {"double", "s", 'f', fn_double_of},
    {"bool", "b", 'b', fn_same},
    {"bool", "s", 'b', fn_bool_of},
    {"string", "s", 's', fn_same},
    {"string", "i", 's', fn_string_of},
    {"string", "u", 's', fn_string_of},
    {"string", "f", 's', fn_string_of},
    {"string", "b", 's', fn_string_of},
    {"string", "y", 's', fn_string_of},
    {"string", "t", 's', fn_string_of},
    {"string", "D", 's', fn_string_of},
    {"bytes", "y", 'y', fn_same},
    {"bytes", "s", 'y', fn_bytes_of},
    {"dyn", "d", 'd', fn_same},
    {"type", "d", 'T', fn_type_of},
#define SIZED(letter)                                                                              \
    {"size", letter, 'i', fn_size},                                                                \
    {                                                                                              \
        "size", letter ".", 'i', fn_size                                                           \
    }
    SIZED("s"),
    SIZED("y"),
    SIZED("l"),
    SIZED("m"),
};
const struct cel_table cel_standard = {standard, count_of(standard)};
