/* SPDX-License-Identifier: Apache-2.0 */
/* Reads JSON as Go does, with Go's words for what is wrong. */
#include "golang/float.h"
#include "golang/json.h"
#include "golang/literal.h"
#include "golang/runes.h"

#include <math.h>

#define DEPTH 500

struct reader {
    struct space *space;
    const char *text;
    size_t len, at;
    struct text *why;
    struct text saved; /* why a number was refused; the reading goes on */
};

static bool read_any(struct reader *reader, struct value *ret, unsigned depth);

static bool refuse(struct reader *reader, const char *context)
{
    char c = reader->at < reader->len ? reader->text[reader->at] : '\0';
    scoped_text struct text quoted = {0};

    /* Go asks what a space would do at the end. */
    if (reader->at >= reader->len) {
        if (!strstr(context, "escape") && (!strstr(context, "literal") ||
                                           strstr(context, "string literal"))) {
            text_add(reader->why, "unexpected end of JSON input");
            return false;
        }
        c = ' ';
    }
    if (c == '"')
        text_add(&quoted, "'\"'");
    else if ((unsigned char)c < 0x80)
        literal_quote(&quoted, (struct str){&c, 1}, '\'', false);
    if ((unsigned char)c >= 0x80) {
        /* Go shows the byte as if it were a rune. */
        scoped_text struct text rune = {0};

        rune_put(&rune, (unsigned char)c);
        literal_quote(&quoted, (struct str){rune.bytes, rune.len}, '\'', false);
    }
    text_addf(reader->why, "invalid character %s %s", text_string(&quoted),
              context);
    return false;
}

static void skip_spaces(struct reader *reader)
{
    while (reader->at < reader->len &&
           strchr(" \t\r\n", reader->text[reader->at]) &&
           reader->text[reader->at])
        reader->at++;
}

static char peek(struct reader *reader)
{
    return reader->at < reader->len ? reader->text[reader->at] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool digits(struct reader *reader, const char *context)
{
    if (!is_digit(peek(reader)))
        return refuse(reader, context);
    while (is_digit(peek(reader)))
        reader->at++;
    return true;
}

static bool read_number(struct reader *reader, struct value *ret)
{
    size_t start = reader->at;
    struct str spelt;
    bool fine;

    if (peek(reader) == '-') {
        reader->at++;
        if (!is_digit(peek(reader)))
            return refuse(reader, "in numeric literal");
    }
    if (peek(reader) == '0')
        reader->at++;
    else if (!digits(reader, "in numeric literal"))
        return false;
    if (peek(reader) == '.') {
        reader->at++;
        if (!digits(reader, "after decimal point in numeric literal"))
            return false;
    }
    if (peek(reader) == 'e' || peek(reader) == 'E') {
        reader->at++;
        if (peek(reader) == '+' || peek(reader) == '-')
            reader->at++;
        if (!digits(reader, "in exponent of numeric literal"))
            return false;
    }
    spelt = (struct str){reader->text + start, reader->at - start};
    *ret = value_float(float_parse(spelt, &fine));
    if (fine)
        return true;
    *ret = value_nil();
    if (!reader->saved.len)
        text_addf(&reader->saved,
                  "json: cannot unmarshal number %.*s into Go value of type "
                  "float64",
                  (int)(spelt.len > 400 ? 400 : spelt.len), spelt.at);
    return true;
}

static int hex_of(char c)
{
    if (is_digit(c))
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

static bool read_hex(struct reader *reader, unsigned *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++, reader->at++) {
        int digit = hex_of(peek(reader));

        if (digit < 0)
            return refuse(reader, "in \\u hexadecimal character escape");
        *ret = *ret << 4 | (unsigned)digit;
    }
    return true;
}

/* The second half of a pair, if one follows. */
static unsigned low_half(struct reader *reader)
{
    unsigned rune = 0;

    if (reader->len - reader->at < 6 ||
        memcmp(reader->text + reader->at, "\\u", 2) != 0)
        return 0;
    for (size_t i = 2; i < 6; i++) {
        int digit = hex_of(reader->text[reader->at + i]);

        if (digit < 0)
            return 0;
        rune = rune << 4 | (unsigned)digit;
    }
    return rune >= 0xdc00 && rune <= 0xdfff ? rune : 0;
}

static bool read_escape(struct reader *reader, struct text *out)
{
    static const char pairs[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    char c = peek(reader);
    unsigned rune, low;

    for (size_t i = 0; i + 1 < sizeof pairs; i += 2) {
        if (c == pairs[i] && reader->at < reader->len) {
            reader->at++;
            text_add_char(out, pairs[i + 1]);
            return true;
        }
    }
    if (c != 'u')
        return refuse(reader, "in string escape code");
    reader->at++;
    if (!read_hex(reader, &rune))
        return false;
    if (rune >= 0xd800 && rune <= 0xdfff) {
        low = rune < 0xdc00 ? low_half(reader) : 0;
        if (low)
            reader->at += 6;
        rune = low ? 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00)
                   : 0xfffd;
    }
    rune_put(out, rune);
    return true;
}

static bool read_string(struct reader *reader, struct str *ret)
{
    scoped_text struct text out = {0};

    for (reader->at++; reader->at < reader->len;) {
        char c = peek(reader);
        unsigned rune;

        if (c == '"') {
            reader->at++;
            *ret = str_take(reader->space->arena, &out);
            return true;
        }
        if ((unsigned char)c < ' ')
            return refuse(reader, "in string literal");
        if (c == '\\') {
            reader->at++;
            if (!read_escape(reader, &out))
                return false;
            continue;
        }
        reader->at += rune_next(reader->text + reader->at,
                                reader->len - reader->at, &rune);
        rune_put(&out, rune);
    }
    return refuse(reader, "");
}

static bool read_word(struct reader *reader, const char *word, struct value v,
                      struct value *ret)
{
    char context[60];

    for (size_t i = 0; word[i]; i++, reader->at++) {
        if (peek(reader) == word[i])
            continue;
        snprintf(context, sizeof context, "in literal %s (expecting '%c')",
                 word, word[i]);
        return refuse(reader, context);
    }
    *ret = v;
    return true;
}

static bool read_list(struct reader *reader, struct value *ret, unsigned depth)
{
    struct list *list = list_new(reader->space, ELEMENT_ANY);

    *ret = value_list(list);
    reader->at++;
    skip_spaces(reader);
    if (peek(reader) == ']') {
        reader->at++;
        return true;
    }
    for (;;) {
        struct value item;

        if (!read_any(reader, &item, depth + 1))
            return false;
        list_add(list, item);
        skip_spaces(reader);
        if (peek(reader) == ']') {
            reader->at++;
            return true;
        }
        if (peek(reader) != ',')
            return refuse(reader, "after array element");
        reader->at++;
    }
}

static bool read_member(struct reader *reader, struct dict *dict,
                        unsigned depth)
{
    struct value v;
    struct str key;

    if (peek(reader) != '"')
        return refuse(reader, "looking for beginning of object key string");
    if (!read_string(reader, &key))
        return false;
    skip_spaces(reader);
    if (peek(reader) != ':')
        return refuse(reader, "after object key");
    reader->at++;
    if (!read_any(reader, &v, depth + 1))
        return false;
    dict_set(dict, key, v);
    return true;
}

static bool read_dict(struct reader *reader, struct value *ret, unsigned depth)
{
    struct dict *dict = dict_new(reader->space, ELEMENT_ANY);

    *ret = value_dict(dict);
    reader->at++;
    skip_spaces(reader);
    if (peek(reader) == '}') {
        reader->at++;
        return true;
    }
    for (;;) {
        skip_spaces(reader);
        if (!read_member(reader, dict, depth))
            return false;
        skip_spaces(reader);
        if (peek(reader) == '}') {
            reader->at++;
            return true;
        }
        if (peek(reader) != ',')
            return refuse(reader, "after object key:value pair");
        reader->at++;
    }
}

static bool read_any(struct reader *reader, struct value *ret, unsigned depth)
{
    struct str s;

    if (depth > DEPTH) {
        text_add(reader->why, "exceeded max depth");
        return false;
    }
    skip_spaces(reader);
    switch (peek(reader)) {
    case '{':
        return read_dict(reader, ret, depth);
    case '[':
        return read_list(reader, ret, depth);
    case '"':
        if (!read_string(reader, &s))
            return false;
        *ret = value_of_str(s);
        return true;
    case 't':
        return read_word(reader, "true", value_bool(true), ret);
    case 'f':
        return read_word(reader, "false", value_bool(false), ret);
    case 'n':
        return read_word(reader, "null", value_nil(), ret);
    default:
        if (peek(reader) == '-' || is_digit(peek(reader)))
            return read_number(reader, ret);
        return refuse(reader, "looking for beginning of value");
    }
}

bool json_read(struct space *space, struct str text, struct value *ret,
               struct text *why)
{
    struct reader reader = {
        .space = space, .text = text.at, .len = text.len, .why = why};
    bool fine = read_any(&reader, ret, 0);

    if (fine) {
        skip_spaces(&reader);
        if (reader.at < reader.len)
            fine = refuse(&reader, "after top-level value");
    }
    if (!fine)
        *ret = value_nil();
    else if (reader.saved.len)
        text_add(why, text_string(&reader.saved));
    fine = fine && !reader.saved.len;
    text_free(&reader.saved);
    return fine;
}
