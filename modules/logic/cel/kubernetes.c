/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes' libraries: quantity, semver, ip, cidr, url, format. */
#include "cel/internal.h"

#include "base/clock.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FN(name)                                                                                   \
    static int name(struct cel_run *run, const struct cel_value *args, size_t count,               \
                    struct cel_value *ret)

/* ---- quantity ---------------------------------------------------------- */

/* A quantity of usual length is free; a longer text pays for its bytes. */
FN(fn_is_quantity)
{
    struct quantity quantity;

    *ret = cel_bool(quantity_parse(run->arena, args[0].bytes, &quantity, NULL) == 0);
    return cel_pay_bytes(run, args[0].len > 40 ? args[0].len : 0);
}

FN(fn_quantity)
{
    struct quantity *quantity = arena_alloc(run->arena, sizeof *quantity);
    struct err err;

    if (quantity_parse(run->arena, args[0].bytes, quantity, &err) < 0)
        return cel_fail(run, "%s", err.text);
    *ret = (struct cel_value){CEL_QUANTITY, {.quantity = quantity}};
    return cel_pay_bytes(run, args[0].len > 40 ? args[0].len : 0);
}

FN(fn_quantity_compare)
{
    *ret = cel_int(quantity_compare(args[0].quantity, args[1].quantity));
    return 0;
}

FN(fn_quantity_less)
{
    *ret = cel_bool(quantity_compare(args[0].quantity, args[1].quantity) < 0);
    return 0;
}

FN(fn_quantity_greater)
{
    *ret = cel_bool(quantity_compare(args[0].quantity, args[1].quantity) > 0);
    return 0;
}

static int quantity_sign(struct cel_run *run, const struct quantity *of)
{
    struct quantity zero = {.small = 0};

    return quantity_compare(of, &zero);
}

FN(fn_quantity_sign)
{
    *ret = cel_int(quantity_sign(run, args[0].quantity));
    return 0;
}

/* quantity_value() rounds up and wraps beyond 64 bits, so the value differs from
   the quantity unless that is a whole number that fits. */
static bool is_whole_quantity(const struct quantity *quantity)
{
    struct quantity whole = {.small = quantity_value(quantity)};

    return quantity_compare(quantity, &whole) == 0;
}

FN(fn_quantity_is_integer)
{
    *ret = cel_bool(is_whole_quantity(args[0].quantity));
    return 0;
}

FN(fn_quantity_as_integer)
{
    if (!is_whole_quantity(args[0].quantity))
        return cel_fail(run, "cannot convert value to integer");
    *ret = cel_int(quantity_value(args[0].quantity));
    return 0;
}

FN(fn_quantity_as_float)
{
    *ret = cel_double(quantity_float(args[0].quantity));
    return 0;
}

/* Works on a copy, because quantity_add() changes its first operand. */
static int sum_quantities(struct cel_run *run, const struct cel_value *args, bool minus,
                          struct cel_value *ret)
{
    struct quantity *total = arena_alloc(run->arena, sizeof *total), other;

    *total = *args[0].quantity;
    if (args[1].type == CEL_INT)
        other = (struct quantity){.small = args[1].integer};
    else
        other = *args[1].quantity;
    if (minus)
        quantity_subtract(run->arena, total, &other);
    else
        quantity_add(run->arena, total, &other);
    *ret = (struct cel_value){CEL_QUANTITY, {.quantity = total}};
    return 0;
}

FN(fn_quantity_add)
{
    return sum_quantities(run, args, false, ret);
}

FN(fn_quantity_subtract)
{
    return sum_quantities(run, args, true, ret);
}

/* ---- semver: Semantic Versioning 2.0.0 ---------------------------------- */

/* Rule 2: no leading zeros. Numbers of 18 digits fit into an int64_t. */
static bool read_semver_number(const char **at, int64_t *ret)
{
    size_t digits = strspn(*at, "0123456789");

    if (!digits || digits > 18 || ((*at)[0] == '0' && digits > 1))
        return false;
    *ret = strtoll(*at, NULL, 10);
    *at += digits;
    return true;
}

/*
 * Checks identifiers separated by dots. `numbers` is set for a pre-release, where
 * rule 9 forbids leading zeros of numeric identifiers; build metadata (rule 10)
 * may have them.
 */
static bool read_tail(const char *at, bool numbers, size_t len)
{
    size_t start = 0;

    for (size_t i = 0; i <= len; i++) {
        if (i < len && (isalnum((unsigned char)at[i]) || at[i] == '-'))
            continue;
        if ((i < len && at[i] != '.') || i == start)
            return false;
        if (numbers && at[start] == '0' && i - start > 1 &&
            strspn(at + start, "0123456789") >= i - start)
            return false;
        start = i + 1;
    }
    return true;
}

static struct cel_semver *read_semver(struct arena *arena, const char *text)
{
    struct cel_semver *ret = arena_alloc(arena, sizeof *ret);
    const char *at = text, *plus;
    size_t len;

    ret->text = arena_string(arena, text);
    ret->pre = "";
    if (!read_semver_number(&at, &ret->major) || *at++ != '.' ||
        !read_semver_number(&at, &ret->minor) || *at++ != '.' ||
        !read_semver_number(&at, &ret->patch))
        return NULL;
    plus = strchr(at, '+');
    if (plus && !read_tail(plus + 1, false, strlen(plus + 1)))
        return NULL;
    len = plus ? (size_t)(plus - at) : strlen(at);
    if (!len)
        return ret;
    if (*at != '-' || !read_tail(at + 1, true, len - 1))
        return NULL;
    ret->pre = arena_bytes(arena, at + 1, len - 1);
    return ret;
}

/* As Kubernetes' semver(text, true): "v01.2" becomes "1.2.0". A leading v and
   leading zeros are removed, missing parts are 0. */
static char *normalized_semver(struct arena *arena, const char *text)
{
    const char *tail;
    size_t dots = 0;
    scoped_text struct text out = {0};

    text += *text == 'v' || *text == 'V';
    tail = text + strcspn(text, "-+");
    for (const char *p = text; p < tail;) {
        const char *digits = p;

        while (p < tail && *p != '.')
            p++;
        while (digits + 1 < p && *digits == '0')
            digits++;
        text_add_bytes(&out, digits, (size_t)(p - digits));
        if (p < tail) {
            text_add_char(&out, *p++);
            dots++;
        }
    }
    for (; dots < 2; dots++)
        text_add(&out, ".0");
    text_add(&out, tail);
    return arena_string(arena, text_string(&out));
}

static struct cel_semver *semver_of(struct cel_run *run, const struct cel_value *args, size_t count)
{
    const char *text = args[0].bytes;

    if (count == 2 && args[1].boolean)
        text = normalized_semver(run->arena, text);
    return read_semver(run->arena, text);
}

FN(fn_is_semver)
{
    *ret = cel_bool(semver_of(run, args, count) != NULL);
    return cel_pay_bytes(run, args[0].len > 40 ? args[0].len : 0);
}

FN(fn_semver)
{
    struct cel_semver *semver = semver_of(run, args, count);

    if (!semver)
        return cel_fail(run, "No Major.Minor.Patch elements found: \"%.100s\"", args[0].bytes);
    *ret = (struct cel_value){CEL_SEMVER, {.semver = semver}};
    return cel_pay_bytes(run, args[0].len > 40 ? args[0].len : 0);
}

static int order_int(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

/* Rule 11: numeric identifiers come before others and compare by value. They have
   no leading zeros, so the longer one is the larger one. */
static int order_identifier(const char *a, size_t a_len, const char *b, size_t b_len)
{
    bool a_number = strspn(a, "0123456789") >= a_len;
    bool b_number = strspn(b, "0123456789") >= b_len;
    int order;

    if (a_number != b_number)
        return a_number ? -1 : 1;
    if (a_number && a_len != b_len)
        return a_len < b_len ? -1 : 1;
    order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order ? (order < 0 ? -1 : 1) : order_int((int64_t)a_len, (int64_t)b_len);
}

/* Rule 11: a pre-release comes before its release, and the one with more
   identifiers is higher if all earlier identifiers are equal. */
static int order_pre(const char *a, const char *b)
{
    if (!*a || !*b)
        return (*a == 0) - (*b == 0);
    for (;;) {
        size_t a_len = strcspn(a, "."), b_len = strcspn(b, ".");
        int order = order_identifier(a, a_len, b, b_len);

        if (order)
            return order;
        a += a_len;
        b += b_len;
        if (!*a || !*b)
            return (*a != 0) - (*b != 0);
        a++;
        b++;
    }
}

static int order_semver(const struct cel_semver *a, const struct cel_semver *b)
{
    int order = order_int(a->major, b->major);

    if (!order)
        order = order_int(a->minor, b->minor);
    if (!order)
        order = order_int(a->patch, b->patch);
    return order ? order : order_pre(a->pre, b->pre);
}

FN(fn_semver_compare)
{
    *ret = cel_int(order_semver(args[0].semver, args[1].semver));
    return 0;
}

FN(fn_semver_less)
{
    *ret = cel_bool(order_semver(args[0].semver, args[1].semver) < 0);
    return 0;
}

FN(fn_semver_greater)
{
    *ret = cel_bool(order_semver(args[0].semver, args[1].semver) > 0);
    return 0;
}

FN(fn_major)
{
    *ret = cel_int(args[0].semver->major);
    return 0;
}

FN(fn_minor)
{
    *ret = cel_int(args[0].semver->minor);
    return 0;
}

FN(fn_patch)
{
    *ret = cel_int(args[0].semver->patch);
    return 0;
}

/* ---- format ------------------------------------------------------------ */

static bool check_uuid(const char *text, char why[NAME_WHY])
{
    static const char form[] = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
    bool good = strlen(text) == strlen(form);

    for (size_t i = 0; good && form[i]; i++)
        good = form[i] == '-' ? text[i] == '-' : isxdigit((unsigned char)text[i]) != 0;
    if (!good)
        snprintf(why, NAME_WHY, "does not match the UUID format");
    return good;
}

static bool check_byte(const char *text, char why[NAME_WHY])
{
    scoped_text struct text out = {0};

    if (text_add_unbase64(&out, text, strlen(text), false))
        return true;
    snprintf(why, NAME_WHY, "invalid base64");
    return false;
}

static bool check_datetime(const char *text, char why[NAME_WHY])
{
    int64_t at;

    if (clock_parse_exact(text, &at))
        return true;
    snprintf(why, NAME_WHY, "invalid datetime");
    return false;
}

/* Parsed as the start of that day, so that months and leap years are checked. */
static bool check_date(const char *text, char why[NAME_WHY])
{
    scoped_mem char *whole = mem_printf("%sT00:00:00Z", text);
    int64_t at;

    if (clock_parse_exact(whole, &at))
        return true;
    snprintf(why, NAME_WHY, "invalid date");
    return false;
}

/* Kubernetes accepts what Go's url.ParseRequestURI() does, an absolute URI or an
   absolute path. Only that distinction is checked here. */
static bool check_uri(const char *text, char why[NAME_WHY])
{
    if (strstr(text, "://") || *text == '/')
        return true;
    snprintf(why, NAME_WHY, "parse \"%.100s\": invalid URI for request", text);
    return false;
}

/* FORMAT() below refers to rows by their position: add new ones at the end. */
static const struct cel_format formats[] = {
    {"dns1123Label", name_is_dns_label, false},
    {"dns1123Subdomain", name_is_dns_subdomain, false},
    {"dns1035Label", name_is_dns1035_label, false},
    {"qualifiedName", name_is_qualified, false},
    {"labelValue", name_is_label_value, false},
    {"dns1123LabelPrefix", name_is_dns_label, true},
    {"dns1123SubdomainPrefix", name_is_dns_subdomain, true},
    {"dns1035LabelPrefix", name_is_dns1035_label, true},
    {"uuid", check_uuid, false},
    {"byte", check_byte, false},
    {"date", check_date, false},
    {"datetime", check_datetime, false},
    {"uri", check_uri, false},
};

FN(fn_format_named)
{
    *ret = cel_some(run->arena, NULL);
    for (size_t i = 0; i < count_of(formats); i++)
        if (!strcmp(formats[i].name, args[0].bytes)) {
            struct cel_value one = {CEL_FORMAT, {.format = &formats[i]}};

            *ret = cel_some(run->arena, &one);
        }
    return 0;
}

#define FORMAT(fn, index)                                                                          \
    FN(fn)                                                                                         \
    {                                                                                              \
        *ret = (struct cel_value){CEL_FORMAT, {.format = &formats[index]}};                        \
        return 0;                                                                                  \
    }
FORMAT(fn_format_0, 0)
FORMAT(fn_format_1, 1)
FORMAT(fn_format_2, 2)
FORMAT(fn_format_3, 3)
FORMAT(fn_format_4, 4)
FORMAT(fn_format_5, 5)
FORMAT(fn_format_6, 6)
FORMAT(fn_format_7, 7)
FORMAT(fn_format_8, 8)
FORMAT(fn_format_9, 9)
FORMAT(fn_format_10, 10)
FORMAT(fn_format_11, 11)
FORMAT(fn_format_12, 12)

/*
 * optional.none() for a valid text, otherwise an optional list with the message.
 * A prefix format is checked as Kubernetes checks generateName: with a letter in
 * place of the final "-".
 */
FN(fn_validate)
{
    const struct cel_format *format = args[0].format;
    char *text = arena_bytes(run->arena, args[1].bytes, args[1].len);
    struct cel_value *item = arena_alloc(run->arena, sizeof *item), list;
    char why[NAME_WHY] = "";

    if (cel_pay_bytes(run, args[1].len) < 0)
        return -1;
    if (format->prefix && args[1].len && text[args[1].len - 1] == '-')
        text[args[1].len - 1] = 'a';
    if (format->check(text, why)) {
        *ret = cel_some(run->arena, NULL);
        return 0;
    }
    *item = cel_string(run->arena, why, strlen(why));
    list = cel_list_of(run->arena, item, 1);
    *ret = cel_some(run->arena, &list);
    return 0;
}

static const struct cel_overload kubernetes[] = {
    {"isQuantity", "s", 'b', fn_is_quantity},
    {"quantity", "s", 'q', fn_quantity},
    {"compareTo", "q.q", 'i', fn_quantity_compare},
    {"isLessThan", "q.q", 'b', fn_quantity_less},
    {"isGreaterThan", "q.q", 'b', fn_quantity_greater},
    {"sign", "q.", 'i', fn_quantity_sign},
    {"isInteger", "q.", 'b', fn_quantity_is_integer},
    {"asInteger", "q.", 'i', fn_quantity_as_integer},
    {"asApproximateFloat", "q.", 'f', fn_quantity_as_float},
    {"add", "q.q", 'q', fn_quantity_add},
    {"add", "q.i", 'q', fn_quantity_add},
    {"sub", "q.q", 'q', fn_quantity_subtract},
    {"sub", "q.i", 'q', fn_quantity_subtract},
    {"isSemver", "s", 'b', fn_is_semver},
    {"isSemver", "sb", 'b', fn_is_semver},
    {"semver", "s", 'v', fn_semver},
    {"semver", "sb", 'v', fn_semver},
    {"compareTo", "v.v", 'i', fn_semver_compare},
    {"isLessThan", "v.v", 'b', fn_semver_less},
    {"isGreaterThan", "v.v", 'b', fn_semver_greater},
    {"major", "v.", 'i', fn_major},
    {"minor", "v.", 'i', fn_minor},
    {"patch", "v.", 'i', fn_patch},
    {"format.named", "s", 'o', fn_format_named},
    {"format.dns1123Label", "", 'F', fn_format_0},
    {"format.dns1123Subdomain", "", 'F', fn_format_1},
    {"format.dns1035Label", "", 'F', fn_format_2},
    {"format.qualifiedName", "", 'F', fn_format_3},
    {"format.labelValue", "", 'F', fn_format_4},
    {"format.dns1123LabelPrefix", "", 'F', fn_format_5},
    {"format.dns1123SubdomainPrefix", "", 'F', fn_format_6},
    {"format.dns1035LabelPrefix", "", 'F', fn_format_7},
    {"format.uuid", "", 'F', fn_format_8},
    {"format.byte", "", 'F', fn_format_9},
    {"format.date", "", 'F', fn_format_10},
    {"format.datetime", "", 'F', fn_format_11},
    {"format.uri", "", 'F', fn_format_12},
    {"validate", "F.s", 'o', fn_validate},
};
const struct cel_table cel_kubernetes = {kubernetes, count_of(kubernetes)};
