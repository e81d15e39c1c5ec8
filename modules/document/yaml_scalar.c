/* SPDX-License-Identifier: Apache-2.0 */
/* Decides what a YAML scalar means: null, bool, number or text. */
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
    {"", WORD_NULL},        {"~", WORD_NULL},       {"null", WORD_NULL},
    {"Null", WORD_NULL},    {"NULL", WORD_NULL},    {"true", WORD_TRUE},
    {"True", WORD_TRUE},    {"TRUE", WORD_TRUE},    {"y", WORD_TRUE},
    {"Y", WORD_TRUE},       {"yes", WORD_TRUE},     {"Yes", WORD_TRUE},
    {"YES", WORD_TRUE},     {"on", WORD_TRUE},      {"On", WORD_TRUE},
    {"ON", WORD_TRUE},      {"false", WORD_FALSE},  {"False", WORD_FALSE},
    {"FALSE", WORD_FALSE},  {"n", WORD_FALSE},      {"N", WORD_FALSE},
    {"no", WORD_FALSE},     {"No", WORD_FALSE},     {"NO", WORD_FALSE},
    {"off", WORD_FALSE},    {"Off", WORD_FALSE},    {"OFF", WORD_FALSE},
    {".nan", WORD_NAN},     {".NaN", WORD_NAN},     {".NAN", WORD_NAN},
    {".inf", WORD_INF},     {".Inf", WORD_INF},     {".INF", WORD_INF},
    {"+.inf", WORD_INF},    {"+.Inf", WORD_INF},    {"+.INF", WORD_INF},
    {"-.inf", WORD_MINUS_INF}, {"-.Inf", WORD_MINUS_INF}, {"-.INF", WORD_MINUS_INF},
};

static const struct {
    const char *tag;
    enum node_type type;
} tags[] = {
    {"tag:yaml.org,2002:null", NODE_NULL},
    {"tag:yaml.org,2002:bool", NODE_BOOL},
    {"tag:yaml.org,2002:int", NODE_INT},
    {"tag:yaml.org,2002:float", NODE_FLOAT},
    {"tag:yaml.org,2002:str", NODE_STRING},
};

static struct node *resolve_word(struct arena *arena, const char *value)
{
    for (size_t i = 0; i < count_of(words); i++) {
        if (strcmp(words[i].word, value) != 0)
            continue;
        switch (words[i].meaning) {
        case WORD_NULL:
            return node_null(arena);
        case WORD_TRUE:
        case WORD_FALSE:
            return node_bool(arena, words[i].meaning == WORD_TRUE);
        case WORD_NAN:
            return node_float(arena, NAN);
        default:
            return node_float(arena, words[i].meaning == WORD_INF ? INFINITY
                                                                  : -INFINITY);
        }
    }
    return NULL;
}

/* Digits of the base, and nothing else, as an int or, if larger, a float. */
static struct node *resolve_based(struct arena *arena, const char *digits,
                                  int base, bool negative)
{
    unsigned long long value;
    char *end;

    if (!*digits || strchr("+- \t", *digits))
        return NULL;
    errno = 0;
    value = strtoull(digits, &end, base);
    if (*end || errno)
        return NULL;
    if (negative)
        return value <= (unsigned long long)INT64_MAX + 1
                   ? node_int(arena, (int64_t)(0 - value))
                   : NULL;
    /* 64 bits without a sign fit JSON, not a node: the nearest float stands. */
    return value <= INT64_MAX ? node_int(arena, (int64_t)value)
                              : node_float(arena, (double)value);
}

static struct node *resolve_int(struct arena *arena, const char *value)
{
    bool negative = *value == '-';
    const char *digits = value + (*value == '-' || *value == '+');

    if (text_starts(digits, "0b"))
        return resolve_based(arena, digits + 2, 2, negative);
    if (text_starts(digits, "0x") || text_starts(digits, "0X"))
        return resolve_based(arena, digits + 2, 16, negative);
    if (text_starts(digits, "0o") || text_starts(digits, "0O"))
        return resolve_based(arena, digits + 2, 8, negative);
    if (digits[0] == '0' && digits[1])
        return resolve_based(arena, digits + 1, 8, negative);
    return resolve_based(arena, digits, 10, negative);
}

/* [-+]? (digits [. digits*] | . digits) ([eE] [-+]? digits)? */
static bool is_float(const char *at)
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

static struct node *resolve_number(struct arena *arena, const char *value)
{
    char *plain;
    struct node *node;
    size_t len = 0;

    if (!strchr("+-.0123456789", *value))
        return NULL;
    plain = arena_string(arena, value);
    for (const char *at = value; *at; at++) {
        if (*at != '_')
            plain[len++] = *at;
    }
    plain[len] = '\0';
    node = resolve_int(arena, plain);
    if (!node && is_float(plain))
        node = node_float(arena, strtod(plain, NULL));
    return node;
}

static struct node *tagged(struct arena *arena, const char *tag,
                           const char *value, size_t len, struct err *err)
{
    struct node *node;

    if (strcmp(tag, "!") == 0)
        return node_bytes(arena, value, len);
    if (strcmp(tag, "tag:yaml.org,2002:binary") == 0) {
        scoped_text struct text bytes = {0};

        if (text_add_unbase64(&bytes, value, len, false))
            return node_bytes(arena, text_string(&bytes), bytes.len);
        err_set(err, ERR_BAD_REQUEST,
                "yaml: !!binary value contains invalid base64 data");
        return NULL;
    }
    if (strcmp(tag, "tag:yaml.org,2002:timestamp") == 0) {
        if (strspn(value, "0123456789") == 4 && value[4] == '-')
            return node_bytes(arena, value, len);
        err_set(err, ERR_BAD_REQUEST, "yaml: cannot decode \"%s\" as a !!timestamp",
                value);
        return NULL;
    }
    for (size_t i = 0; i < count_of(tags); i++) {
        if (strcmp(tags[i].tag, tag) != 0)
            continue;
        if (tags[i].type == NODE_STRING)
            return node_bytes(arena, value, len);
        node = resolve_word(arena, value);
        if (!node)
            node = resolve_number(arena, value);
        if (node && node->type == NODE_INT && tags[i].type == NODE_FLOAT)
            return node_float(arena, (double)node->integer);
        if (node && node->type == tags[i].type)
            return node;
        err_set(err, ERR_BAD_REQUEST, "yaml: cannot decode \"%s\" as a %s", value,
                node_type_name(tags[i].type));
        return NULL;
    }
    /* Tags of somebody's own say nothing to JSON. */
    return node_bytes(arena, value, len);
}

struct node *yaml_scalar_resolve(struct arena *arena, const char *tag,
                                 const char *value, size_t len, bool plain,
                                 struct err *err)
{
    struct node *node;

    if (tag && *tag)
        return tagged(arena, tag, value, len, err);
    if (!plain)
        return node_bytes(arena, value, len);
    node = resolve_word(arena, value);
    if (!node)
        node = resolve_number(arena, value);
    return node ? node : node_bytes(arena, value, len);
}

/* YAML 1.1's base 60, as in 12:30:45. */
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

/* One or two digits; moves over them. */
static bool skip_two(const char **at)
{
    size_t digits = strspn(*at, "0123456789");

    *at += digits;
    return digits == 1 || digits == 2;
}

/* A date, alone or with a time: YAML would make a timestamp of it. */
static bool is_timestamp(const char *at)
{
    if (strspn(at, "0123456789") != 4 || at[4] != '-')
        return false;
    at += 5;
    if (!skip_two(&at) || *at++ != '-' || !skip_two(&at))
        return false;
    if (!*at)
        return true;
    return strchr("Tt ", *at) && at[1] &&
           strspn(at + 1, "0123456789:.Z+-") == strlen(at + 1);
}

bool yaml_scalar_is_ambiguous(const char *value, size_t len)
{
    scoped_arena struct arena *arena = arena_new();

    if (strlen(value) != len || is_sexagesimal(value) || is_timestamp(value))
        return true;
    return resolve_word(arena, value) || resolve_number(arena, value);
}
