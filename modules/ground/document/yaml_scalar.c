/* SPDX-License-Identifier: Apache-2.0 */
/* Resolves a YAML 1.1 scalar: null, bool, number or text. */
#include "document/yaml_scalar.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum word_meaning { WORD_NULL, WORD_TRUE, WORD_FALSE, WORD_NAN, WORD_INF, WORD_MINUS_INF };

static const struct {
    const char *word;
    enum word_meaning meaning;
} words[] = {
    {"", WORD_NULL},           {"~", WORD_NULL},          {"null", WORD_NULL},
    {"Null", WORD_NULL},       {"NULL", WORD_NULL},       {"true", WORD_TRUE},
    {"True", WORD_TRUE},       {"TRUE", WORD_TRUE},       {"y", WORD_TRUE},
    {"Y", WORD_TRUE},          {"yes", WORD_TRUE},        {"Yes", WORD_TRUE},
    {"YES", WORD_TRUE},        {"on", WORD_TRUE},         {"On", WORD_TRUE},
    {"ON", WORD_TRUE},         {"false", WORD_FALSE},     {"False", WORD_FALSE},
    {"FALSE", WORD_FALSE},     {"n", WORD_FALSE},         {"N", WORD_FALSE},
    {"no", WORD_FALSE},        {"No", WORD_FALSE},        {"NO", WORD_FALSE},
    {"off", WORD_FALSE},       {"Off", WORD_FALSE},       {"OFF", WORD_FALSE},
    {".nan", WORD_NAN},        {".NaN", WORD_NAN},        {".NAN", WORD_NAN},
    {".inf", WORD_INF},        {".Inf", WORD_INF},        {".INF", WORD_INF},
    {"+.inf", WORD_INF},       {"+.Inf", WORD_INF},       {"+.INF", WORD_INF},
    {"-.inf", WORD_MINUS_INF}, {"-.Inf", WORD_MINUS_INF}, {"-.INF", WORD_MINUS_INF},
};

static const struct {
    const char *tag;
    enum node_type type;
} tags[] = {
    {"tag:yaml.org,2002:null", NODE_NULL},  {"tag:yaml.org,2002:bool", NODE_BOOL},
    {"tag:yaml.org,2002:int", NODE_INT},    {"tag:yaml.org,2002:float", NODE_FLOAT},
    {"tag:yaml.org,2002:str", NODE_STRING},
};

static bool find_word(const char *value, enum word_meaning *ret)
{
    if (*value && !strchr("~nNtTyYoOfF.+-", *value))
        return false;
    for (size_t i = 0; i < count_of(words); i++) {
        if (strcmp(words[i].word, value) == 0) {
            *ret = words[i].meaning;
            return true;
        }
    }
    return false;
}

static struct node *resolve_word(struct arena *arena, const char *value)
{
    enum word_meaning meaning;

    if (!find_word(value, &meaning))
        return NULL;
    switch (meaning) {
    case WORD_NULL:
        return node_null(arena);
    case WORD_TRUE:
    case WORD_FALSE:
        return node_bool(arena, meaning == WORD_TRUE);
    case WORD_NAN:
        return node_float(arena, NAN);
    default:
        return node_float(arena, meaning == WORD_INF ? INFINITY : -INFINITY);
    }
}

/* A number: an integer if it fits, otherwise a float. */
struct number {
    bool is_int;
    int64_t integer;
    double real;
};

/* Reads digits of a base up to the end: as an integer or, if larger, as a float. */
static bool read_based_integer(const char *digits, int base, bool negative, struct number *ret)
{
    unsigned long long value;
    char *end;

    if (!*digits || strchr("+- \t", *digits))
        return false;
    errno = 0;
    value = strtoull(digits, &end, base);
    if (*end || errno)
        return false;
    if (negative && value > (unsigned long long)INT64_MAX + 1)
        return false;
    /* An unsigned integer beyond int64 does not fit into a node and becomes the
       nearest float. */
    *ret = (struct number){
        .is_int = negative || value <= INT64_MAX,
        .integer = (int64_t)(negative ? 0 - value : value),
        .real = (double)value,
    };
    return true;
}

static bool read_int(const char *value, struct number *ret)
{
    bool negative = *value == '-';
    const char *digits = value + (*value == '-' || *value == '+');

    if (text_starts(digits, "0b") || text_starts(digits, "0B")) {
        /* go-yaml accepts a sign after the prefix 0b. */
        if (digits == value && (digits[2] == '-' || digits[2] == '+') && digits[1] == 'b')
            return read_based_integer(digits + 3, 2, digits[2] == '-', ret);
        return read_based_integer(digits + 2, 2, negative, ret);
    }
    if (text_starts(digits, "0x") || text_starts(digits, "0X"))
        return read_based_integer(digits + 2, 16, negative, ret);
    if (text_starts(digits, "0o") || text_starts(digits, "0O"))
        return read_based_integer(digits + 2, 8, negative, ret);
    if (digits[0] == '0' && digits[1])
        return read_based_integer(digits + 1, 8, negative, ret);
    return read_based_integer(digits, 10, negative, ret);
}

/* [-+]? (digits [. digits*] | . digits) ([eE] [-+]? digits)? */
static bool is_yaml_float(const char *at)
{
    size_t before, after = 0;

    at += *at == '-' || *at == '+';
    before = strspn(at, "0123456789");
    at += before;
    if (*at == '.') {
        after = strspn(++at, "0123456789");
        at += after;
    }
    if (!before && !after)
        return false;
    if (*at == 'e' || *at == 'E') {
        size_t digits;

        at++;
        at += *at == '-' || *at == '+';
        digits = strspn(at, "0123456789");
        if (!digits)
            return false;
        at += digits;
    }
    return !*at;
}

/* A number that is too large for a double stays a text. */
static bool read_float(const char *value, struct number *ret)
{
    if (!is_yaml_float(value))
        return false;
    *ret = (struct number){.real = strtod(value, NULL)};
    return isfinite(ret->real);
}

static bool read_yaml_number(const char *value, struct number *ret)
{
    scoped_mem char *plain = NULL;
    size_t len = 0;

    if (!*value || !strchr("+-.0123456789", *value))
        return false;
    if (!strchr(value, '_'))
        return read_int(value, ret) || read_float(value, ret);
    plain = mem_alloc(strlen(value) + 1);
    for (const char *at = value; *at; at++) {
        if (*at != '_')
            plain[len++] = *at;
    }
    plain[len] = '\0';
    return read_int(plain, ret) || read_float(plain, ret);
}

static struct node *resolve_number(struct arena *arena, const char *value)
{
    struct number number;

    if (!read_yaml_number(value, &number))
        return NULL;
    return number.is_int ? node_int(arena, number.integer) : node_float(arena, number.real);
}

/* Go writes bytes that are not UTF-8 into JSON as U+FFFD. */
static struct node *node_as_text(struct arena *arena, const char *bytes, size_t len)
{
    scoped_text struct text out = {0};
    unsigned rune;

    for (size_t i = 0; i < len;) {
        size_t width = text_utf8_next((const unsigned char *)bytes + i, len - i, &rune);

        if (width)
            text_add_bytes(&out, bytes + i, width);
        else
            text_add(&out, "\xef\xbf\xbd");
        i += width ? width : 1;
    }
    return node_bytes(arena, text_string(&out), out.len);
}

static bool is_timestamp(const char *at);

/* NULL if the scalar is a text. */
static struct node *meaning_of(struct arena *arena, const char *value)
{
    struct node *node = resolve_word(arena, value);

    return node ? node : resolve_number(arena, value);
}

static struct node *fail_undecodable(const char *tag, const char *value, const struct node *is,
                                     struct err *err)
{
    const char *name = "str";

    for (size_t i = 0; i < count_of(tags); i++) {
        if (is && tags[i].type == is->type)
            name = strrchr(tags[i].tag, ':') + 1;
    }
    err_set(err, ERR_BAD_REQUEST, "yaml: cannot decode !!%s `%s` as a !!%s", name, value,
            strrchr(tag, ':') + 1);
    return NULL;
}

/* Base64 as Go decodes it: with padding, and with line breaks anywhere. */
static bool add_yaml_binary(struct text *bytes, const char *value, size_t len)
{
    scoped_text struct text line = {0};

    for (size_t i = 0; i < len; i++)
        if (value[i] != '\n' && value[i] != '\r')
            text_add_char(&line, value[i]);
    return line.len % 4 == 0 && text_add_unbase64(bytes, text_string(&line), line.len, false);
}

static struct node *read_tagged(struct arena *arena, const char *tag, const char *value, size_t len,
                                struct err *err)
{
    struct node *node;

    if (strcmp(tag, "!") == 0)
        return node_bytes(arena, value, len);
    if (strcmp(tag, "tag:yaml.org,2002:binary") == 0) {
        scoped_text struct text bytes = {0};

        if (add_yaml_binary(&bytes, value, len))
            return node_as_text(arena, text_string(&bytes), bytes.len);
        err_set(err, ERR_BAD_REQUEST, "yaml: !!binary value contains invalid base64 data");
        return NULL;
    }
    if (strcmp(tag, "tag:yaml.org,2002:timestamp") == 0) {
        if (is_timestamp(value))
            return node_bytes(arena, value, len);
        return fail_undecodable(tag, value, meaning_of(arena, value), err);
    }
    for (size_t i = 0; i < count_of(tags); i++) {
        if (strcmp(tags[i].tag, tag) != 0)
            continue;
        if (tags[i].type == NODE_STRING)
            return node_bytes(arena, value, len);
        node = meaning_of(arena, value);
        if (node && node->type == NODE_INT && tags[i].type == NODE_FLOAT)
            return node_float(arena, (double)node->integer);
        if (node && node->type == tags[i].type)
            return node;
        return fail_undecodable(tag, value, node, err);
    }
    /* JSON has no place for an application's own tags. */
    return node_bytes(arena, value, len);
}

struct node *yaml_scalar_resolve(struct arena *arena, const char *tag, const char *value,
                                 size_t len, bool plain, struct err *err)
{
    struct node *node;

    if (tag && *tag)
        return read_tagged(arena, tag, value, len, err);
    if (!plain)
        return node_bytes(arena, value, len);
    node = meaning_of(arena, value);
    return node ? node : node_bytes(arena, value, len);
}

/* A number in YAML 1.1's base 60, such as 12:30:45. Other readers take it for a
   number, so it is quoted. */
static bool is_sexagesimal(const char *at)
{
    size_t parts = 0;

    at += *at == '-' || *at == '+';
    if (*at < '0' || *at > '9')
        return false;
    at += strspn(at, "0123456789_");
    for (; *at == ':'; parts++) {
        size_t digits = strspn(++at, "0123456789");

        if (digits < 1 || digits > 2 || (digits == 2 && *at > '5'))
            return false;
        at += digits;
    }
    if (*at == '.')
        at += 1 + strspn(at + 1, "0123456789_");
    return parts && !*at;
}

/* Reads a number of one or two digits, or of exactly two, and advances. */
static bool take_two(const char **at, bool exactly, int *ret)
{
    size_t digits = strspn(*at, "0123456789");

    if (!digits || (exactly && digits < 2))
        return false;
    digits = digits > 2 ? 2 : digits;
    *ret = 0;
    for (size_t i = 0; i < digits; i++)
        *ret = *ret * 10 + (*at)[i] - '0';
    *at += digits;
    return true;
}

static bool take_sign(const char **at, char c)
{
    if (**at != c)
        return false;
    ++*at;
    return true;
}

static int days_in_month(int year, int month)
{
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    if (month == 2)
        return leap ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* Z or +hh:mm */
static bool take_zone(const char **at)
{
    int hours, minutes;

    if (take_sign(at, 'Z'))
        return true;
    return (take_sign(at, '+') || take_sign(at, '-')) && take_two(at, true, &hours) &&
           take_sign(at, ':') && take_two(at, true, &minutes) && hours <= 24 && minutes < 60;
}

/* Reads h:m:s with an optional fraction. A time after T has a zone, one after a
   space has none. */
static bool take_time(const char **at)
{
    bool zoned = **at == 'T' || **at == 't';
    int hours, minutes, seconds;

    if (!zoned && **at != ' ')
        return false;
    ++*at;
    while (!zoned && **at == ' ')
        ++*at;
    if (!take_two(at, false, &hours) || !take_sign(at, ':') || !take_two(at, false, &minutes) ||
        !take_sign(at, ':') || !take_two(at, false, &seconds) || hours > 23 || minutes > 59 ||
        seconds > 59)
        return false;
    if ((**at == '.' || **at == ',') && (*at)[1] >= '0' && (*at)[1] <= '9')
        *at += 1 + strspn(*at + 1, "0123456789");
    return !zoned || take_zone(at);
}

/* A date, alone or with a time, which YAML 1.1 reads as a timestamp. */
static bool is_timestamp(const char *at)
{
    int year, month, day;

    if (strspn(at, "0123456789") != 4 || at[4] != '-')
        return false;
    year = (int)strtol(at, NULL, 10);
    at += 5;
    if (!take_two(&at, false, &month) || !take_sign(&at, '-') || !take_two(&at, false, &day) ||
        month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    return !*at || (take_time(&at) && !*at);
}

bool yaml_scalar_is_ambiguous(const char *value, size_t len)
{
    enum word_meaning meaning;
    struct number number;

    if (strlen(value) != len)
        return false;
    return find_word(value, &meaning) || read_yaml_number(value, &number) ||
           is_sexagesimal(value) || is_timestamp(value);
}
