/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts an expression into tokens, by the lexical grammar of the CEL specification. */
#include "cel/internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool starts_name(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static size_t skip_blanks(const char *text, size_t at)
{
    for (;;) {
        at += strspn(text + at, " \t\r\n\f");
        if (text[at] != '/' || text[at + 1] != '/')
            return at;
        at += strcspn(text + at, "\n");
    }
}

/* ---- Numbers ----------------------------------------------------------- */

/* A point needs a digit after it: `1.size()` is an int and a call. */
static bool is_float_literal(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return (text[digits] == '.' && isdigit((unsigned char)text[digits + 1])) ||
           ((text[digits] == 'e' || text[digits] == 'E') &&
            (isdigit((unsigned char)text[digits + 1]) ||
             ((text[digits + 1] == '+' || text[digits + 1] == '-') &&
              isdigit((unsigned char)text[digits + 2]))));
}

static int read_number_token(const char *text, struct cel_token *token, struct err *err)
{
    const char *start = text + token->at;
    bool hex = start[0] == '0' && (start[1] == 'x' || start[1] == 'X');
    unsigned long long value;
    char *end;

    errno = 0;
    if (!hex && is_float_literal(start)) {
        token->literal = cel_double(strtod(start, &end));
        token->end = (size_t)(end - text);
        return 0;
    }
    value = strtoull(start, &end, hex ? 16 : 10);
    if (errno || (hex && end == start + 1))
        return cel_report_at(err, text, token->at, "invalid int literal");
    if (*end == 'u' || *end == 'U') {
        token->literal = (struct cel_value){CEL_UINT, {.natural = value}};
        token->end = (size_t)(end + 1 - text);
        return 0;
    }
    /* A literal has no sign, so 2^63 is accepted here. parse_unary() refuses it
       unless a minus stands before it. */
    if (value > (uint64_t)INT64_MAX + 1)
        return cel_report_at(err, text, token->at, "invalid int literal");
    token->literal = cel_int((int64_t)value);
    token->end = (size_t)(end - text);
    return 0;
}

/* ---- Strings ----------------------------------------------------------- */

struct quoted {
    const char *text;
    size_t at;
    bool raw, bytes;
    char quote;
    bool triple;
    struct text out;
};

/* Needs exactly `count` digits, as CEL does. strtoul() stops at a digit that is
   wrong for the base, such as 8 in an octal escape. */
static int read_escape_digits(struct quoted *in, unsigned count, int base, unsigned *ret)
{
    char digits[9] = "";
    char *end;

    for (unsigned i = 0; i < count; i++) {
        if (!in->text[in->at])
            return -1;
        digits[i] = in->text[in->at++];
        if (!isxdigit((unsigned char)digits[i]))
            return -1;
    }
    *ret = (unsigned)strtoul(digits, &end, base);
    return *end ? -1 : 0;
}

/* In a bytes literal \x and octal escapes are single bytes, in a string they are
   code points. Surrogates are no code points, and strings end at NUL here. */
static int add_escaped_rune(struct quoted *in, unsigned rune, bool as_byte)
{
    char utf8[4];

    if (as_byte) {
        text_add_char(&in->out, (char)rune);
        return 0;
    }
    if (!rune || rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
        return -1;
    text_add_bytes(&in->out, utf8, text_utf8_put(rune, utf8));
    return 0;
}

static int read_quoted_escape(struct quoted *in)
{
    /* Pairs: the letter after the backslash, the character that it stands for. */
    static const char plain[] = "\\\\\"\"''``??a\ab\bf\fn\nr\rt\tv\v";
    char c = in->text[in->at++];
    unsigned rune;

    for (size_t i = 0; i + 1 < sizeof plain; i += 2)
        if (plain[i] == c) {
            text_add_char(&in->out, plain[i + 1]);
            return 0;
        }
    if (c == 'x' || c == 'X')
        return read_escape_digits(in, 2, 16, &rune) < 0 ? -1
                                                        : add_escaped_rune(in, rune, in->bytes);
    if (c == 'u' && !in->bytes)
        return read_escape_digits(in, 4, 16, &rune) < 0 ? -1 : add_escaped_rune(in, rune, false);
    if (c == 'U' && !in->bytes)
        return read_escape_digits(in, 8, 16, &rune) < 0 ? -1 : add_escaped_rune(in, rune, false);
    if (c < '0' || c > '3')
        return -1;
    in->at--;
    return read_escape_digits(in, 3, 8, &rune) < 0 ? -1 : add_escaped_rune(in, rune, in->bytes);
}

/* Returns 1 at the closing quote, 0 to continue, -1 for an error. Only strings in
   triple quotes may contain a line break. */
static int read_quoted_char(struct quoted *in)
{
    const char *here = in->text + in->at;

    if (!*here || (!in->triple && *here == '\n'))
        return -1;
    if (*here == in->quote && (!in->triple || (here[1] == in->quote && here[2] == in->quote))) {
        in->at += in->triple ? 3 : 1;
        return 1;
    }
    in->at++;
    if (*here == '\\' && !in->raw)
        return read_quoted_escape(in);
    text_add_char(&in->out, *here);
    return 0;
}

static int read_string_token(struct arena *arena, struct quoted *in, struct cel_token *token,
                             struct err *err)
{
    int state;

    in->quote = in->text[in->at];
    in->triple = in->text[in->at + 1] == in->quote && in->text[in->at + 2] == in->quote;
    in->at += in->triple ? 3 : 1;
    while ((state = read_quoted_char(in)) == 0)
        ;
    if (state > 0) {
        token->literal = cel_string(arena, text_string(&in->out), in->out.len);
        token->literal.type = in->bytes ? CEL_BYTES : CEL_STRING;
        token->end = in->at;
    }
    text_free(&in->out);
    if (state < 0)
        return cel_report_at(err, in->text, token->at,
                             "Syntax error: the string is not closed, or an escape in "
                             "it is wrong");
    return 0;
}

/* Prefixes r, b, rb, br in either case, before a quote. */
static bool is_string(const char *text, size_t at, struct quoted *ret)
{
    *ret = (struct quoted){.text = text, .at = at};
    for (int i = 0; i < 2; i++) {
        char c = text[ret->at];

        if ((c == 'r' || c == 'R') && !ret->raw)
            ret->raw = true;
        else if ((c == 'b' || c == 'B') && !ret->bytes)
            ret->bytes = true;
        else
            break;
        ret->at++;
    }
    return text[ret->at] == '"' || text[ret->at] == '\'';
}

/* ---- All tokens -------------------------------------------------------- */

static int read_mark(const char *text, struct cel_token *token, struct err *err)
{
    static const char *const pairs[] = {"==", "!=", "<=", ">=", "&&", "||"};
    const char *here = text + token->at;

    token->kind = TOKEN_MARK;
    for (size_t i = 0; i < count_of(pairs); i++)
        if (here[0] == pairs[i][0] && here[1] == pairs[i][1]) {
            memcpy(token->mark, pairs[i], 3);
            token->end = token->at + 2;
            return 0;
        }
    if (!strchr("+-*/%<>!?:.,()[]{}", *here))
        return cel_report_at(err, text, token->at, "Syntax error: token recognition error at: '%c'",
                             *here);
    token->mark[0] = *here;
    token->end = token->at + 1;
    return 0;
}

int cel_next_token(struct arena *arena, const char *text, size_t at, struct cel_token *ret,
                   struct err *err)
{
    struct quoted quoted;
    size_t len;

    at = skip_blanks(text, at);
    *ret = (struct cel_token){.kind = TOKEN_END, .at = at, .end = at};
    if (!text[at])
        return 0;
    if (is_string(text, at, &quoted)) {
        ret->kind = TOKEN_LITERAL;
        return read_string_token(arena, &quoted, ret, err);
    }
    if (isdigit((unsigned char)text[at]) ||
        (text[at] == '.' && isdigit((unsigned char)text[at + 1]))) {
        ret->kind = TOKEN_LITERAL;
        return read_number_token(text, ret, err);
    }
    if (!starts_name(text[at]))
        return read_mark(text, ret, err);
    for (len = 1; starts_name(text[at + len]) || isdigit((unsigned char)text[at + len]);)
        len++;
    ret->kind = TOKEN_NAME;
    ret->name = arena_bytes(arena, text + at, len);
    ret->end = at + len;
    return 0;
}
