/* SPDX-License-Identifier: Apache-2.0 */
/* Reads, adds and writes resource quantities exactly. */
#include "query/decimal.h"
#include "query/query.h"

#include "document/document.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 1024
#define EXPONENT_MAX 1000
#define NANO (-9)
/* Amounts of up to 18 digits fit into 64 bits. */
#define FAST_DIGITS 18

static const struct suffix {
    const char *text;
    bool binary;
    int exponent; /* of ten, or of two */
} suffixes[] = {
    {"n", false, -9}, {"u", false, -6}, {"m", false, -3}, {"", false, 0},
    {"k", false, 3},  {"M", false, 6},  {"G", false, 9},  {"T", false, 12},
    {"P", false, 15}, {"E", false, 18}, {"Ki", true, 10}, {"Mi", true, 20},
    {"Gi", true, 30}, {"Ti", true, 40}, {"Pi", true, 50}, {"Ei", true, 60},
};

/* The parts of a quantity's text. */
struct parts {
    bool negative;
    size_t whole, whole_len; /* positions in the text */
    size_t fraction, fraction_len;
    const char *suffix;
    enum quantity_format format;
    bool binary;
    int exponent;
};

static int refuse_format(struct err *err)
{
    return err_set(err, ERR_BAD_REQUEST,
                   "quantities must match the regular expression "
                   "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
}

/* The table comes first, so "E" alone is 10^18, while "E3" and "e3" are exponents. */
static int read_suffix(struct parts *parts, struct err *err)
{
    const char *text = parts->suffix;
    char *end;
    long exponent;

    for (size_t i = 0; i < count_of(suffixes); i++)
        if (!strcmp(suffixes[i].text, text)) {
            parts->binary = suffixes[i].binary;
            parts->exponent = suffixes[i].exponent;
            parts->format = parts->binary ? QUANTITY_BINARY_SI : QUANTITY_DECIMAL_SI;
            return 0;
        }
    exponent = (*text == 'e' || *text == 'E') && text[1] && !isspace((unsigned char)text[1])
                   ? strtol(text + 1, &end, 10)
                   : (end = (char *)"x", 0);
    if (*end)
        return err_set(err, ERR_BAD_REQUEST, "unable to parse quantity's suffix");
    if (exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX)
        return err_set(err, ERR_BAD_REQUEST, "a quantity's exponent must be within %d",
                       EXPONENT_MAX);
    parts->format = QUANTITY_DECIMAL_EXPONENT;
    parts->exponent = (int)exponent;
    return 0;
}

/* Leading zeros are skipped: the digits that are counted decide about read_small(). */
static int split_number_suffix(const char *text, struct parts *ret, struct err *err)
{
    size_t at = 0, end;

    *ret = (struct parts){0};
    if (strlen(text) > TEXT_MAX)
        return err_set(err, ERR_BAD_REQUEST, "a quantity must be no more than %d bytes", TEXT_MAX);
    if (!*text)
        return refuse_format(err);
    ret->negative = *text == '-';
    at += *text == '-' || *text == '+';
    at += strspn(text + at, "0");
    ret->whole = at;
    ret->whole_len = strspn(text + at, "0123456789");
    at += ret->whole_len;
    if (text[at] == '.') {
        ret->fraction = ++at;
        ret->fraction_len = strspn(text + at, "0123456789");
        at += ret->fraction_len;
    }
    ret->suffix = text + at;
    end = at + strspn(text + at, "eEinumkKMGTP");
    end += text[end] == '-' || text[end] == '+';
    end += strspn(text + end, "0123456789");
    return text[end] ? refuse_format(err) : read_suffix(ret, err);
}

/* ---- Small and big ------------------------------------------------------ */

static struct decimal quantity_to_decimal(struct arena *arena, const struct quantity *q)
{
    if (q->big)
        return (struct decimal){*q->big == '-', q->big + (*q->big == '-'), q->scale};
    return (struct decimal){
        q->small < 0,
        arena_printf(arena, "%llu",
                     q->small < 0 ? 0 - (unsigned long long)q->small
                                  : (unsigned long long)q->small),
        q->scale,
    };
}

static void set_big(struct arena *arena, struct quantity *q, const struct decimal *value)
{
    q->small = 0;
    q->scale = value->scale;
    q->big = arena_printf(arena, "%s%s", value->negative ? "-" : "", value->digits);
}

static bool is_zero_quantity(const struct quantity *q)
{
    const char *at;

    if (!q->big)
        return !q->small;
    for (at = q->big; *at == '-' || *at == '0'; at++)
        ;
    return !*at;
}

/*
 * resource.Quantity keeps amounts of few digits in 64 bits and larger ones as big
 * numbers. The two differ in overflow and rounding, so the border between them is
 * the same here.
 */
static bool read_small(struct quantity *q, const struct parts *parts, const char *text,
                       const char *digits)
{
    size_t whole = parts->whole_len ? parts->whole_len : 1;
    int room, scale = parts->binary ? 0 : parts->exponent;
    long long value;

    if (!parts->binary)
        room = FAST_DIGITS - (int)(whole + parts->fraction_len);
    else if (parts->fraction_len)
        room = -1;
    else
        room = 15 - (int)whole - (int)((float)parts->exponent * 3 / 10) - 1;
    scale -= (int)parts->fraction_len;
    if (room < 0 || scale < NANO || !text_to_int(digits, &value))
        return false;
    if (parts->binary)
        value *= (long long)1 << parts->exponent;
    q->small = parts->negative ? -value : value;
    q->scale = scale;
    /* Kubernetes keeps a canonical text as it was written. */
    if (!parts->binary && scale % 3 == 0 && !text_ends(digits, "000") && *digits != '0')
        q->text = text;
    return true;
}

/* Powers of two are multiplied in steps of at most 30 bits. As upstream, a binary
   amount is at most 2^63-1, and one below 1 is printed as a decimal. */
static void read_big(struct arena *arena, struct quantity *q, const struct parts *parts,
                     const char *digits)
{
    static const struct decimal most = {false, "9223372036854775807", 0};
    static const struct decimal one = {false, "1", 0};
    struct decimal value = {false, digits, -(int)parts->fraction_len};

    if (!parts->binary)
        value.scale += parts->exponent;
    for (int bits = parts->binary ? parts->exponent : 0; bits > 0; bits -= 30)
        value = decimal_multiply(arena, &value, 1u << (bits < 30 ? bits : 30));
    value = decimal_round_up(arena, &value, NANO);
    if (q->format == QUANTITY_BINARY_SI) {
        if (decimal_compare(arena, &value, &most) > 0)
            value = most;
        if (decimal_compare(arena, &value, &one) < 0 && !decimal_is_zero(&value))
            q->format = QUANTITY_DECIMAL_SI;
    }
    value.negative = parts->negative && !decimal_is_zero(&value);
    set_big(arena, q, &value);
}

int quantity_parse(struct arena *arena, const char *text, struct quantity *ret, struct err *err)
{
    struct parts parts;
    struct quantity q = {0};
    char *digits;

    if (split_number_suffix(text, &parts, err) < 0)
        return -1;
    digits = arena_printf(arena, "%.*s%.*s", parts.whole_len ? (int)parts.whole_len : 1,
                          parts.whole_len ? text + parts.whole : "0", (int)parts.fraction_len,
                          text + parts.fraction);
    q.format = parts.format;
    if (!read_small(&q, &parts, arena_string(arena, text), digits))
        read_big(arena, &q, &parts, digits);
    *ret = q;
    return 0;
}

int quantity_from_node(struct arena *arena, const struct node *node, struct quantity *ret,
                       struct err *err)
{
    if (node_is(node, NODE_STRING))
        return quantity_parse(arena, node->string, ret, err);
    if (node_is(node, NODE_INT) || node_is(node, NODE_FLOAT))
        return quantity_parse(arena, document_json(arena, node), ret, err);
    return refuse_format(err);
}

/* ---- Text --------------------------------------------------------------- */

static const char *suffix_of(bool binary, int exponent)
{
    for (size_t i = 0; i < count_of(suffixes); i++)
        if (suffixes[i].binary == binary && suffixes[i].exponent == exponent)
            return suffixes[i].text;
    return NULL;
}

static char *write_binary_suffix(struct arena *arena, struct decimal value)
{
    int thousands = 0;

    while (thousands < 6) {
        unsigned rest;
        struct decimal less = decimal_divide(arena, &value, 1024, &rest);

        if (rest)
            break;
        value = less;
        thousands++;
    }
    return arena_printf(arena, "%s%s%s", value.negative ? "-" : "", value.digits,
                        thousands ? suffix_of(true, thousands * 10) : "");
}

static char *write_decimal(struct arena *arena, struct decimal value, enum quantity_format format)
{
    const char *suffix;
    int over;

    value = decimal_trim(arena, &value);
    /* The exponent must be a multiple of three, and the suffixes end with E (18). */
    over = ((value.scale % 3) + 3) % 3;
    if (format == QUANTITY_DECIMAL_SI && value.scale - over > 18)
        over = value.scale - 18;
    value = decimal_rescale(arena, &value, value.scale - over);
    if (format == QUANTITY_DECIMAL_EXPONENT)
        suffix = value.scale ? arena_printf(arena, "e%d", value.scale) : "";
    else
        suffix = suffix_of(false, value.scale);
    return arena_printf(arena, "%s%s%s", value.negative ? "-" : "", value.digits,
                        suffix ? suffix : "");
}

char *quantity_text(struct arena *arena, const struct quantity *quantity)
{
    static const struct decimal kibi = {false, "1024", 0};
    struct decimal value = quantity_to_decimal(arena, quantity), size = value;
    bool whole;

    if (quantity->text)
        return arena_string(arena, quantity->text);
    if (is_zero_quantity(quantity))
        return arena_string(arena, "0");
    if (quantity->format != QUANTITY_BINARY_SI)
        return write_decimal(arena, value, quantity->format);
    size.negative = false;
    value = decimal_trim(arena, &value);
    whole = value.scale >= 0;
    if (!whole || decimal_compare(arena, &size, &kibi) < 0)
        return write_decimal(arena, value, QUANTITY_DECIMAL_SI);
    return write_binary_suffix(arena, decimal_rescale(arena, &value, 0));
}

/* ---- Numbers ------------------------------------------------------------ */

/* Converts to another scale, rounding away from zero. */
static int64_t small_at(int64_t value, int scale, int wanted)
{
    __int128 wide = value;

    for (; scale > wanted; scale--) {
        wide *= 10;
        /* As upstream: 0 if the value does not fit. */
        if (wide > INT64_MAX || wide < INT64_MIN)
            return 0;
    }
    if (wanted - scale > 18)
        return value > 0 ? 1 : value < 0 ? -1 : 0;
    for (int64_t divisor = 1;; divisor *= 10) {
        if (scale++ < wanted)
            continue;
        value = (int64_t)wide;
        if (value % divisor)
            return value / divisor + (value > 0 ? 1 : -1);
        return value / divisor;
    }
}

static int64_t quantity_at_scale(const struct quantity *q, int wanted)
{
    scoped_arena struct arena *arena = NULL;
    struct decimal value;
    uint64_t low;

    if (!q->big)
        return small_at(q->small, q->scale, wanted);
    arena = arena_new();
    value = quantity_to_decimal(arena, q);
    if (value.scale < wanted)
        value = decimal_round_up(arena, &value, wanted);
    low = decimal_low(&value);
    for (int scale = value.scale; scale > wanted; scale--)
        low *= 10;
    return (int64_t)(value.negative ? 0 - low : low);
}

int64_t quantity_value(const struct quantity *quantity)
{
    return quantity_at_scale(quantity, 0);
}

int64_t quantity_milli_value(const struct quantity *quantity)
{
    return quantity_at_scale(quantity, -3);
}

static double power_of_ten(int exponent)
{
    double power = 1;

    /* Exact up to 10^22. A negative power is a division, as in Go. */
    for (int i = 0; i < abs(exponent); i++)
        power *= 10;
    return exponent < 0 ? 1 / power : power;
}

double quantity_float(const struct quantity *quantity)
{
    double base = quantity->big ? strtod(quantity->big, NULL) : (double)quantity->small;

    return quantity->scale ? base * power_of_ten(quantity->scale) : base;
}

int quantity_compare(const struct quantity *a, const struct quantity *b)
{
    scoped_arena struct arena *arena = arena_new();
    struct decimal x = quantity_to_decimal(arena, a), y = quantity_to_decimal(arena, b);

    return decimal_compare(arena, &x, &y);
}

/* ---- Sums --------------------------------------------------------------- */

/* Adds at the finer one of both scales. False on overflow; quantity_add()
   continues with big numbers then. */
static bool add_small(struct quantity *a, const struct quantity *b)
{
    struct quantity fine = *a, coarse = *b;
    __int128 sum;

    if (!b->small)
        return true;
    if (!a->small) {
        a->small = b->small;
        a->scale = b->scale;
        return true;
    }
    if (fine.scale > coarse.scale) {
        fine = *b;
        coarse = *a;
    }
    sum = coarse.small;
    for (int scale = coarse.scale; scale > fine.scale; scale--)
        if ((sum *= 10) > INT64_MAX || sum < INT64_MIN)
            return false;
    sum += fine.small;
    if (sum > INT64_MAX || sum < INT64_MIN)
        return false;
    a->small = (int64_t)sum;
    a->scale = fine.scale;
    return true;
}

void quantity_add(struct arena *arena, struct quantity *a, const struct quantity *b)
{
    struct decimal x, y;

    a->text = NULL;
    if (is_zero_quantity(a))
        a->format = b->format;
    if (!a->big && !b->big && add_small(a, b))
        return;
    x = quantity_to_decimal(arena, a);
    y = quantity_to_decimal(arena, b);
    x = decimal_add(arena, &x, &y);
    set_big(arena, a, &x);
}

void quantity_subtract(struct arena *arena, struct quantity *a, const struct quantity *b)
{
    struct quantity minus = *b;

    minus.text = NULL;
    if (minus.big)
        minus.big = *minus.big == '-' ? minus.big + 1 : arena_printf(arena, "-%s", minus.big);
    else
        minus.small = -minus.small;
    quantity_add(arena, a, &minus);
}
