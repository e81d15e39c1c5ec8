/* SPDX-License-Identifier: Apache-2.0 */
/* Reports what is wrong with JSON in the words of Go's encoding/json. */
#include "base/unicode.h"
#include "document/document.h"

#include <stdbool.h>
#include <string.h>

#define DEEPEST 10000

/* The state of the scanner, which reads byte by byte by the grammar of RFC 8259. */
struct scan {
    struct arena *arena;
    const unsigned char *text;
    size_t len, at;
    struct text open; /* '{' or '[' for each that is not closed */
};

/* A byte as Go prints it: quoted, as the character of Latin-1 with that number. */
static const char *quote_byte(struct arena *arena, unsigned char c)
{
    static const char escapes[] = "\aa\bb\ff\nn\rr\tt\vv\\\\''";
    const char *found = c ? strchr(escapes, c) : NULL;

    if (found && (found - escapes) % 2 == 0)
        return arena_printf(arena, "'\\%c'", found[1]);
    if (!unicode_is_printable(c))
        return arena_printf(arena, c < 0x80 ? "'\\x%02x'" : "'\\u%04x'", c);
    if (c < 0x80)
        return arena_printf(arena, "'%c'", c);
    return arena_printf(arena, "'%c%c'", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
}

static const char *complain_of(struct scan *scan, unsigned char c, const char *where)
{
    return arena_printf(scan->arena, "invalid character %s %s", quote_byte(scan->arena, c), where);
}

/* For places where the end of the text means that something is missing. */
static const char *complain_byte(struct scan *scan, const char *where)
{
    if (scan->at >= scan->len)
        return "unexpected end of JSON input";
    return complain_of(scan, scan->text[scan->at], where);
}

/* For places inside a literal or an escape. At the end of the text Go's scanner
   reads a space, which is not allowed there, and reports that space. */
static const char *complain_inside(struct scan *scan, const char *where)
{
    return complain_of(scan, scan->at < scan->len ? scan->text[scan->at] : ' ', where);
}

static int peek_byte(const struct scan *scan)
{
    return scan->at < scan->len ? scan->text[scan->at] : -1;
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->len && strchr(" \t\r\n", scan->text[scan->at]) && scan->text[scan->at])
        scan->at++;
}

static bool is_json_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_json_hex(int c)
{
    return is_json_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static const char *take_string(struct scan *scan)
{
    for (scan->at++; peek_byte(scan) != '"'; scan->at++) {
        if (peek_byte(scan) < 0x20)
            return complain_byte(scan, "in string literal");
        if (peek_byte(scan) != '\\')
            continue;
        scan->at++;
        if (peek_byte(scan) <= 0 || !strchr("bfnrt\\/\"u", peek_byte(scan)))
            return complain_inside(scan, "in string escape code");
        if (peek_byte(scan) != 'u')
            continue;
        for (int digit = 0; digit < 4; digit++) {
            scan->at++;
            if (!is_json_hex(peek_byte(scan)))
                return complain_inside(scan, "in \\u hexadecimal character escape");
        }
    }
    scan->at++;
    return NULL;
}

static const char *take_number(struct scan *scan)
{
    if (peek_byte(scan) == '-') {
        scan->at++;
        if (!is_json_digit(peek_byte(scan)))
            return complain_inside(scan, "in numeric literal");
    }
    if (peek_byte(scan) == '0')
        scan->at++;
    else
        while (is_json_digit(peek_byte(scan)))
            scan->at++;
    if (peek_byte(scan) == '.') {
        scan->at++;
        if (!is_json_digit(peek_byte(scan)))
            return complain_inside(scan, "after decimal point in numeric literal");
        while (is_json_digit(peek_byte(scan)))
            scan->at++;
    }
    if (peek_byte(scan) == 'e' || peek_byte(scan) == 'E') {
        scan->at++;
        if (peek_byte(scan) == '+' || peek_byte(scan) == '-')
            scan->at++;
        if (!is_json_digit(peek_byte(scan)))
            return complain_inside(scan, "in exponent of numeric literal");
        while (is_json_digit(peek_byte(scan)))
            scan->at++;
    }
    return NULL;
}

static const char *take_word(struct scan *scan, const char *word)
{
    for (size_t i = 0; word[i]; i++, scan->at++)
        if (peek_byte(scan) != word[i])
            return complain_inside(
                scan, arena_printf(scan->arena, "in literal %s (expecting '%c')", word, word[i]));
    return NULL;
}

static const char *take_scalar(struct scan *scan)
{
    int c = peek_byte(scan);

    if (c == '"')
        return take_string(scan);
    if (c == '-' || is_json_digit(c))
        return take_number(scan);
    if (c == 't' || c == 'f' || c == 'n')
        return take_word(scan, c == 't' ? "true" : c == 'f' ? "false" : "null");
    return complain_byte(scan, "looking for beginning of value");
}

static const char *take_key(struct scan *scan)
{
    const char *bad;

    skip_space(scan);
    if (peek_byte(scan) != '"')
        return complain_byte(scan, "looking for beginning of object key string");
    bad = take_string(scan);
    if (bad)
        return bad;
    skip_space(scan);
    if (peek_byte(scan) != ':')
        return complain_byte(scan, "after object key");
    scan->at++;
    return NULL;
}

/* Opens a list or map, or reads a scalar. `ret_ended` is set when a value is complete. */
static const char *begin_value(struct scan *scan, bool *ret_ended)
{
    int c;

    skip_space(scan);
    c = peek_byte(scan);
    *ret_ended = false;
    if (c != '{' && c != '[') {
        *ret_ended = true;
        return take_scalar(scan);
    }
    scan->at++;
    skip_space(scan);
    if (peek_byte(scan) == (c == '{' ? '}' : ']')) {
        scan->at++;
        *ret_ended = true;
        return NULL;
    }
    if (scan->open.len >= DEEPEST)
        return "exceeded max depth";
    text_add_char(&scan->open, (char)c);
    return c == '{' ? take_key(scan) : NULL;
}

/* After a value: a comma and the next one, or the end of the list or map. */
static const char *end_value(struct scan *scan, bool *ret_ended)
{
    bool map = scan->open.bytes[scan->open.len - 1] == '{';

    skip_space(scan);
    *ret_ended = peek_byte(scan) == (map ? '}' : ']');
    if (*ret_ended) {
        scan->at++;
        text_cut(&scan->open, scan->open.len - 1);
        return NULL;
    }
    if (peek_byte(scan) != ',')
        return complain_byte(scan, map ? "after object key:value pair" : "after array element");
    scan->at++;
    return map ? take_key(scan) : NULL;
}

const char *document_complaint(struct arena *arena, const char *text, size_t len)
{
    struct scan scan = {.arena = arena, .text = (const unsigned char *)text, .len = len};
    bool ended = false;
    const char *bad = begin_value(&scan, &ended);

    /* A loop instead of recursion: Go accepts 10,000 levels. */
    while (!bad && (!ended || scan.open.len))
        bad = ended ? end_value(&scan, &ended) : begin_value(&scan, &ended);
    text_free(&scan.open);
    if (bad)
        return bad;
    skip_space(&scan);
    return scan.at < scan.len ? complain_byte(&scan, "after top-level value") : NULL;
}
