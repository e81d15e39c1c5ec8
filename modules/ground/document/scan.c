/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the syntax, size and depth of a JSON text (RFC 8259) before a tree is
   made from it. */
#include "document/scan.h"
#include "document/node.h"

#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST 1024
#define SAFE_INTEGER 9007199254740992LL /* 2^53 */

struct walk {
    const char *text;
    size_t len;
    const struct document_limits *limits;
    struct err *err;
    size_t at;
    size_t nodes, most_nodes;
    unsigned depth;
    char open[DEEPEST]; /* '{' or '[' for each level we are in */
};

static int fail_at(struct walk *walk, size_t at, enum err_code code, const char *what)
{
    size_t line = 1, column = 1;

    for (size_t i = 0; i < at && i < walk->len; i++) {
        column = walk->text[i] == '\n' ? 1 : column + 1;
        line += walk->text[i] == '\n';
    }
    return err_set(walk->err, code, "line %zu, column %zu: %s", line, column, what);
}

static int fail_scan(struct walk *walk, const char *what)
{
    return fail_at(walk, walk->at, ERR_BAD_REQUEST, what);
}

static int peek_scan(const struct walk *walk)
{
    return walk->at < walk->len ? (unsigned char)walk->text[walk->at] : -1;
}

static void scan_space(struct walk *walk)
{
    int c;

    while ((c = peek_scan(walk)) == ' ' || c == '\t' || c == '\n' || c == '\r')
        walk->at++;
}

/* The four digits of \uXXXX, or -1. */
static int unicode_escape(const struct walk *walk, size_t at)
{
    int value = 0;

    if (at + 4 > walk->len)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        int digit = text_hex_value(walk->text[i]);

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static int scan_escape(struct walk *walk)
{
    int c, low, rune;

    walk->at++;
    c = peek_scan(walk);
    if (c < 0 || !strchr("\"\\/bfnrtu", c))
        return fail_scan(walk, "invalid escape in a string");
    walk->at++;
    if (c != 'u')
        return 0;
    rune = unicode_escape(walk, walk->at);
    if (rune < 0)
        return fail_scan(walk, "\\u needs four hexadecimal digits");
    if (rune == 0)
        return fail_scan(walk, "\\u0000 is not allowed in a string");
    walk->at += 4;
    if (rune >= 0xdc00 && rune <= 0xdfff)
        return fail_scan(walk, "half a surrogate pair in a string");
    if (rune < 0xd800 || rune > 0xdbff)
        return 0;
    low = peek_scan(walk) == '\\' && walk->at + 1 < walk->len && walk->text[walk->at + 1] == 'u'
              ? unicode_escape(walk, walk->at + 2)
              : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return fail_scan(walk, "half a surrogate pair in a string");
    walk->at += 6;
    return 0;
}

static int skip_string(struct walk *walk)
{
    size_t start = walk->at++;

    for (;;) {
        int c = peek_scan(walk);
        size_t step = 1;

        if (c < 0)
            return fail_at(walk, start, ERR_BAD_REQUEST, "a string that does not end");
        if (c == '"') {
            walk->at++;
            return 0;
        }
        if (c < 0x20)
            return fail_scan(walk, "a control character in a string");
        if (c == '\\') {
            if (scan_escape(walk) < 0)
                return -1;
            continue;
        }
        if (c >= 0x80)
            step = text_utf8_next((const unsigned char *)walk->text + walk->at,
                                  walk->len - walk->at, NULL);
        if (!step)
            return fail_scan(walk, "bytes that are not UTF-8");
        walk->at += step;
    }
}

static size_t skip_digits(struct walk *walk)
{
    size_t start = walk->at;

    while (peek_scan(walk) >= '0' && peek_scan(walk) <= '9')
        walk->at++;
    return walk->at - start;
}

/* The store's own texts may contain whole floats of up to 22 digits, so only
   texts from outside are held to 2^53. */
static int scan_json_number(struct walk *walk, size_t start, bool whole)
{
    size_t len = walk->at - start;
    char small[32], *copy = small;
    scoped_mem char *large = NULL;

    if (len >= sizeof small)
        copy = large = mem_alloc(len + 1);
    memcpy(copy, walk->text + start, len);
    copy[len] = '\0';
    errno = 0;
    if (whole && !walk->limits->any_integer) {
        long long value = strtoll(copy, NULL, 10);

        if (errno || value > SAFE_INTEGER || value < -SAFE_INTEGER)
            return fail_at(walk, start, ERR_BAD_REQUEST,
                           "an integer beyond 2^53 would lose digits; "
                           "write it as a string");
    } else if (isinf(strtod(copy, NULL))) {
        return fail_at(walk, start, ERR_BAD_REQUEST, "a number larger than a double can hold");
    }
    return 0;
}

static int skip_number(struct walk *walk)
{
    size_t start = walk->at;
    bool whole = true;
    size_t digits;

    if (peek_scan(walk) == '-')
        walk->at++;
    digits = skip_digits(walk);
    if (!digits || (digits > 1 && walk->text[walk->at - digits] == '0'))
        return fail_at(walk, start, ERR_BAD_REQUEST, "not a number");
    if (peek_scan(walk) == '.') {
        whole = false;
        walk->at++;
        if (!skip_digits(walk))
            return fail_at(walk, start, ERR_BAD_REQUEST, "not a number");
    }
    if (peek_scan(walk) == 'e' || peek_scan(walk) == 'E') {
        whole = false;
        walk->at++;
        if (peek_scan(walk) == '+' || peek_scan(walk) == '-')
            walk->at++;
        if (!skip_digits(walk))
            return fail_at(walk, start, ERR_BAD_REQUEST, "not a number");
    }
    return scan_json_number(walk, start, whole);
}

static int skip_word(struct walk *walk)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < count_of(words); i++) {
        size_t len = strlen(words[i]);

        if (walk->len - walk->at >= len && memcmp(walk->text + walk->at, words[i], len) == 0) {
            walk->at += len;
            return 0;
        }
    }
    return fail_scan(walk,
                     peek_scan(walk) < 0 ? "the text ends too early" : "a value was expected here");
}

/* Open levels are a stack of brackets instead of recursion, so a level costs one byte. */
static int open_level(struct walk *walk, int c)
{
    if (walk->depth >= walk->limits->depth || walk->depth >= DEEPEST)
        return fail_at(walk, walk->at, ERR_BAD_REQUEST, "nested too deeply");
    walk->open[walk->depth++] = (char)c;
    walk->at++;
    return 0;
}

/* Reads a key and its colon. walk_values() calls it before each value of a map. */
static int skip_key(struct walk *walk)
{
    if (peek_scan(walk) != '"')
        return fail_scan(walk, "a key in double quotes was expected here");
    if (skip_string(walk) < 0)
        return -1;
    scan_space(walk);
    if (peek_scan(walk) != ':')
        return fail_scan(walk, "':' was expected here");
    walk->at++;
    return 0;
}

/* Reads a scalar, or opens a list or map. */
static int scan_value(struct walk *walk, bool *ret_opened)
{
    int c;

    scan_space(walk);
    c = peek_scan(walk);
    *ret_opened = false;
    if (++walk->nodes > walk->most_nodes)
        return fail_at(walk, walk->at, ERR_TOO_LARGE, "too many values");
    if (c == '{' || c == '[') {
        *ret_opened = true;
        return open_level(walk, c);
    }
    if (c == '"')
        return skip_string(walk);
    if (c == '-' || (c >= '0' && c <= '9'))
        return skip_number(walk);
    return skip_word(walk);
}

/* Closes levels and reads a comma. *ret_done is set at the end of the outermost value. */
static int scan_value_end(struct walk *walk, bool *ret_done)
{
    *ret_done = false;
    while (walk->depth) {
        char open = walk->open[walk->depth - 1];
        int c;

        scan_space(walk);
        c = peek_scan(walk);
        if (c == (open == '{' ? '}' : ']')) {
            walk->depth--;
            walk->at++;
            continue;
        }
        if (c != ',')
            return fail_scan(walk, c < 0         ? "the text ends too early"
                                   : open == '{' ? "',' or '}' was expected here"
                                                 : "',' or ']' was expected here");
        walk->at++;
        return 0;
    }
    *ret_done = true;
    return 0;
}

static int walk_values(struct walk *walk)
{
    bool done = false;

    while (!done) {
        bool opened;

        scan_space(walk);
        if (walk->depth && walk->open[walk->depth - 1] == '{' && skip_key(walk) < 0)
            return -1;
        if (scan_value(walk, &opened) < 0)
            return -1;
        scan_space(walk);
        /* An empty list or map is closed below; otherwise its first value is next. */
        if (opened && peek_scan(walk) != (walk->open[walk->depth - 1] == '{' ? '}' : ']'))
            continue;
        if (scan_value_end(walk, &done) < 0)
            return -1;
    }
    scan_space(walk);
    if (peek_scan(walk) >= 0)
        return fail_scan(walk, "something follows the value");
    return 0;
}

int document_scan_json(const char *text, size_t len, const struct document_limits *limits,
                       struct err *err)
{
    struct walk walk = {.text = text, .len = len, .limits = limits, .err = err};

    walk.most_nodes = document_most_nodes(limits, len);
    if (len > limits->bytes)
        return err_set(err, ERR_TOO_LARGE, "%zu bytes, the limit is %zu", len, limits->bytes);
    return walk_values(&walk);
}
