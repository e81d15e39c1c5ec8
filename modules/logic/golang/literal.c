/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes Go's literals: strings, characters and numbers. */
#include "golang/literal.h"
#include "golang/runes.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static const char escapes[] = "a\ab\bf\fn\nr\rt\tv\v";

static void quote_rune(struct text *out, unsigned rune, char quote, bool ascii)
{
    if (rune == (unsigned char)quote || rune == '\\') {
        text_addf(out, "\\%c", (int)rune);
        return;
    }
    if (rune < 0x80 ? unicode_is_printable(rune) : !ascii && unicode_is_printable(rune)) {
        rune_put(out, rune);
        return;
    }
    for (size_t i = 1; i < sizeof escapes; i += 2) {
        if (rune == (unsigned char)escapes[i]) {
            text_addf(out, "\\%c", escapes[i - 1]);
            return;
        }
    }
    if (rune < ' ' || rune == 0x7f)
        text_addf(out, "\\x%02x", rune);
    else
        text_addf(out, rune < 0x10000 ? "\\u%04x" : "\\U%08x", rune);
}

void literal_quote(struct text *out, struct str s, char quote, bool ascii)
{
    text_add_char(out, quote);
    for (size_t i = 0; i < s.len;) {
        unsigned rune;
        size_t step = rune_next(s.at + i, s.len - i, &rune);

        if (step == 1 && rune == 0xfffd)
            text_addf(out, "\\x%02x", (unsigned char)s.at[i]);
        else
            quote_rune(out, rune, quote, ascii);
        i += step;
    }
    text_add_char(out, quote);
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return 99;
}

/* `count` digits of a base after `at`; false if they are not there. */
static bool read_escape_digits(struct str s, size_t *at, unsigned count, int base, unsigned *ret)
{
    *ret = 0;
    for (unsigned i = 0; i < count; i++, (*at)++) {
        if (*at >= s.len || digit_value(s.at[*at]) >= base)
            return false;
        *ret = *ret * (unsigned)base + (unsigned)digit_value(s.at[*at]);
    }
    return true;
}

/* An escape after its backslash; `ret_byte` if it names a byte, not a rune. */
static bool unquote_escape(struct str s, size_t *at, char quote, unsigned *ret, bool *ret_byte)
{
    char c = *at < s.len ? s.at[(*at)++] : '\0';

    *ret_byte = false;
    for (size_t i = 0; i + 1 < sizeof escapes; i += 2) {
        if (c == escapes[i]) {
            *ret = (unsigned char)escapes[i + 1];
            return true;
        }
    }
    *ret = (unsigned char)c;
    if (c == '\\' || (c == quote && c))
        return true;
    if (c == 'x' || (c >= '0' && c <= '7')) {
        *ret_byte = true;
        *at -= c != 'x';
        return read_escape_digits(s, at, c == 'x' ? 2 : 3, c == 'x' ? 16 : 8, ret) && *ret <= 255;
    }
    if (c != 'u' && c != 'U')
        return false;
    return read_escape_digits(s, at, c == 'u' ? 4 : 8, 16, ret) && *ret <= 0x10ffff &&
           (*ret < 0xd800 || *ret > 0xdfff);
}

static bool unquote_escaped(struct text *out, struct str s)
{
    for (size_t i = 0; i < s.len;) {
        unsigned rune;
        bool byte;

        if (s.at[i] != '\\') {
            text_add_char(out, s.at[i++]);
            continue;
        }
        i++;
        if (!unquote_escape(s, &i, '"', &rune, &byte))
            return false;
        if (byte)
            text_add_char(out, (char)rune);
        else
            rune_put(out, rune);
    }
    return true;
}

bool literal_unquote(struct arena *arena, struct str spelt, struct str *ret)
{
    scoped_text struct text out = {0};
    struct str inner;

    if (spelt.len < 2)
        return false;
    inner = (struct str){spelt.at + 1, spelt.len - 2};
    if (spelt.at[0] == '`') {
        for (size_t i = 0; i < inner.len; i++) {
            if (inner.at[i] != '\r')
                text_add_char(&out, inner.at[i]);
        }
    } else if (!memchr(inner.at, '\\', inner.len)) {
        *ret = inner;
        return true;
    } else if (!unquote_escaped(&out, inner)) {
        return false;
    }
    *ret = str_take(arena, &out);
    return true;
}

/* Underscores must stand between digits; one may follow a base prefix. */
static bool underscores_fine(struct str s)
{
    char before = '^';
    size_t i = s.len && (s.at[0] == '-' || s.at[0] == '+') ? 1 : 0;
    bool hex = false;

    if (s.len - i >= 2 && s.at[i] == '0' && strchr("bBoOxX", s.at[i + 1])) {
        before = '0';
        hex = (s.at[i + 1] | 0x20) == 'x';
        i += 2;
    }
    for (; i < s.len; i++) {
        if (digit_value(s.at[i]) < (hex ? 16 : 10)) {
            before = '0';
        } else if (s.at[i] == '_') {
            if (before != '0')
                return false;
            before = '_';
        } else {
            if (before == '_')
                return false;
            before = '!';
        }
    }
    return before != '_';
}

/* The digits without underscores; false if one stands where it must not. */
static bool plain_digits(struct str s, char *out, size_t size)
{
    size_t len = 0;

    if (s.len >= size || !underscores_fine(s))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] != '_')
            out[len++] = s.at[i];
    }
    out[len] = '\0';
    return len > 0;
}

/* strconv.ParseUint with base 0; `ret_negative` only if a sign may stand. */
static bool parse_whole(struct str s, uint64_t *ret, bool *ret_negative)
{
    char digits[512];
    const char *at = digits;
    uint64_t value = 0;
    int base = 10;

    if (!plain_digits(s, digits, sizeof digits))
        return false;
    if (ret_negative) {
        *ret_negative = *at == '-';
        at += *at == '-' || *at == '+';
    }
    if (at[0] == '0' && at[1]) {
        char mark = (char)(at[1] | 0x20);

        base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
        at += mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1;
    }
    if (!*at)
        return false;
    for (; *at; at++) {
        int digit = digit_value(*at);

        if (digit >= base || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    *ret = value;
    return true;
}

/* The least int64 has no positive counterpart, so the bound depends on the sign. */
static bool parse_signed(struct str s, int64_t *ret)
{
    uint64_t value;
    bool negative;

    if (!parse_whole(s, &value, &negative) || value > (uint64_t)INT64_MAX + negative)
        return false;
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* strtod() takes more than Go does: hexadecimal needs its exponent, and infinity is none. */
static bool parse_float(struct str s, double *ret)
{
    char digits[512];
    char *end;

    if (!plain_digits(s, digits, sizeof digits))
        return false;
    if (strpbrk(digits, "xX") && !strpbrk(digits, "pP"))
        return false;
    errno = 0;
    *ret = strtod(digits, &end);
    return end != digits && !*end && isfinite(*ret);
}

/* Is it whole and within the range of an integer type? */
static bool whole_double(double number, double least, double beyond)
{
    return number >= least && number < beyond && trunc(number) == number;
}

/* A whole float can be used as an integer constant, as in Go. */
static void from_float(struct literal_number *ret, double number)
{
    ret->is_float = true;
    ret->number = number;
    if (!ret->is_int && whole_double(number, -0x1p63, 0x1p63)) {
        ret->is_int = true;
        ret->integer = (int64_t)number;
    }
    if (!ret->is_uint && whole_double(number, 0, 0x1p64)) {
        ret->is_uint = true;
        ret->whole = (uint64_t)number;
    }
}

/* A complex constant without an imaginary part can be used as a float. */
static void from_complex(struct literal_number *ret, double real, double imaginary)
{
    ret->is_complex = true;
    ret->complex[0] = real;
    ret->complex[1] = imaginary;
    if (imaginary == 0)
        from_float(ret, real);
}

/* A character constant is an integer, and in Go's words a wrong one is malformed or has invalid
   syntax. */
static bool read_character(struct str s, struct literal_number *ret, char *words, size_t size)
{
    unsigned rune = 0;
    size_t at = 1;
    bool byte, fine;

    if (s.len > 1 && s.at[1] == '\\') {
        at = 2;
        fine = unquote_escape(s, &at, '\'', &rune, &byte);
    } else {
        fine = s.len > 2 && s.at[1] != '\'';
        if (fine)
            at += rune_next(s.at + 1, s.len - 1, &rune);
    }
    if (!fine) {
        snprintf(words, size, "invalid syntax");
        return false;
    }
    if (at != s.len - 1) {
        snprintf(words, size, "malformed character constant: %.*s", (int)(s.len > 60 ? 60 : s.len),
                 s.at);
        return false;
    }
    ret->is_int = ret->is_uint = ret->is_float = true;
    ret->integer = rune;
    ret->whole = rune;
    ret->number = rune;
    return true;
}

/* "1+2i", whose second sign the lexer has seen. */
static bool read_complex(struct str s, struct literal_number *ret)
{
    double real, imaginary;
    size_t split = 1;

    while (split < s.len - 1 &&
           ((s.at[split] != '+' && s.at[split] != '-') || strchr("eEpP", s.at[split - 1])))
        split++;
    if (!parse_float((struct str){s.at, split}, &real) ||
        !parse_float((struct str){s.at + split, s.len - 1 - split}, &imaginary))
        return false;
    from_complex(ret, real, imaginary);
    return true;
}

/* The words, and the literal as it is spelt. */
static bool refuse_literal(const char *why, struct str s, char *words, size_t size)
{
    scoped_text struct text quoted = {0};

    literal_quote(&quoted, s, '"', false);
    snprintf(words, size, "%s: %s", why, text_string(&quoted));
    return false;
}

/* Tries the types in the order of Go's parser, which decides what a constant can be used as. */
bool literal_number(struct str s, enum literal_type type, struct literal_number *ret, char *words,
                    size_t size)
{
    double number;

    *ret = (struct literal_number){0};
    if (type == LITERAL_CHARACTER)
        return read_character(s, ret, words, size);
    if (type == LITERAL_COMPLEX)
        return read_complex(s, ret) || refuse_literal("illegal number syntax", s, words, size);
    if (s.len && s.at[s.len - 1] == 'i' && parse_float((struct str){s.at, s.len - 1}, &number)) {
        from_complex(ret, 0, number);
        return true;
    }
    ret->is_uint = parse_whole(s, &ret->whole, NULL);
    ret->is_int = parse_signed(s, &ret->integer);
    if (ret->is_int && ret->integer == 0)
        ret->is_uint = true;
    if (ret->is_int || ret->is_uint) {
        ret->is_float = true;
        ret->number = ret->is_int ? (double)ret->integer : (double)ret->whole;
        return true;
    }
    if (!parse_float(s, &number))
        return refuse_literal("illegal number syntax", s, words, size);
    if (!memchr(s.at, '.', s.len) && !memchr(s.at, 'e', s.len) && !memchr(s.at, 'E', s.len) &&
        !memchr(s.at, 'p', s.len) && !memchr(s.at, 'P', s.len))
        return refuse_literal("integer overflow", s, words, size);
    from_float(ret, number);
    return true;
}

/* ParseInt's answer, and not one that came by way of a float. */
bool literal_is_int(struct str s, const struct literal_number *number)
{
    bool hex = s.len > 2 && (s.at[1] | 0x20) == 'x';
    bool hex_signed = s.len > 3 && (s.at[2] | 0x20) == 'x';

    if (!number->is_int || number->is_complex)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (strchr(".pP", s.at[i]) || (!hex && !hex_signed && strchr("eE", s.at[i])))
            return false;
    }
    return true;
}
