/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the characters and scalars of TOML. */
#include "sprig/toml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* ---- Characters --------------------------------------------------------- */

/* At the end of the text the decoder has counted the last line break, which the mistake is
   before. */
long toml_line(const struct toml_reader *reader)
{
    long line = reader->line;

    if (reader->ended && reader->at && reader->text.at[reader->at - 1] == '\n')
        line--;
    return line;
}

/* Go's fmt words a character in an error. */
static const char *format_rune(struct toml_reader *reader, const char *format, struct value v)
{
    scoped_text struct text out = {0};

    print_format(&out, str_of(format), &v, 1);
    return arena_bytes(reader->call->arena, text_string(&out), out.len);
}

const char *toml_quote(struct toml_reader *reader, int rune)
{
    return format_rune(reader, "%q", value_int(rune));
}

const char *toml_show(struct toml_reader *reader, int rune)
{
    return rune ? format_rune(reader, "'%c'", value_int(rune)) : "end of file";
}

static const char *quote_str(struct toml_reader *reader, struct str s)
{
    return format_rune(reader, "%q", value_of_str(s));
}

/* Control characters and bad UTF-8 are errors wherever they stand; -1 is told up at once. */
int toml_next(struct toml_reader *reader)
{
    const char *at = reader->text.at + reader->at;
    size_t left = reader->text.len - reader->at, width;
    unsigned rune;

    if (!left) {
        reader->ended = true;
        return 0;
    }
    if (*at == '\n')
        reader->line++;
    width = rune_next(at, left, &rune);
    if (rune == 0xfffd && width == 1) {
        toml_fail(reader, reader->line, "invalid UTF-8 byte: 0x%02x", (unsigned char)*at);
        return -1;
    }
    if ((rune < ' ' && rune != '\t' && rune != '\n' && rune != '\r') || rune == 0x7f ||
        (rune == '\r' && (left < 2 || at[1] != '\n'))) {
        toml_fail(reader, reader->line, "TOML files cannot contain control characters: '0x%02x'",
                  rune);
        return -1;
    }
    reader->at += width;
    return (int)rune;
}

/* Over the bytes of one rune; at the end of the text there is none to go back over. */
void toml_back(struct toml_reader *reader)
{
    if (reader->ended) {
        reader->ended = false;
        return;
    }
    do
        reader->at--;
    while (((unsigned char)reader->text.at[reader->at] & 0xc0) == 0x80);
    if (reader->text.at[reader->at] == '\n')
        reader->line--;
}

int toml_peek(struct toml_reader *reader)
{
    int c = toml_next(reader);

    if (c >= 0)
        toml_back(reader);
    return c;
}

bool toml_skip_spaces(struct toml_reader *reader)
{
    int c;

    do
        c = toml_next(reader);
    while (toml_is_space(c));
    if (c >= 0)
        toml_back(reader);
    return c >= 0;
}

bool toml_skip_comment(struct toml_reader *reader)
{
    int c;

    do
        c = toml_next(reader);
    while (c > 0 && !toml_is_newline(c));
    if (c >= 0)
        toml_back(reader);
    return c >= 0;
}

/* Takes the character if it is the wanted one. */
static bool accept_character(struct toml_reader *reader, int wanted)
{
    int c = toml_next(reader);

    if (c == wanted)
        return true;
    if (c >= 0)
        toml_back(reader);
    return false;
}

static struct str text_since(const struct toml_reader *reader, size_t start)
{
    return (struct str){reader->text.at + start, reader->at - start};
}

/* ---- Strings ------------------------------------------------------------ */

static bool is_hex_digit(int c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* What follows a backslash, read over; it is made sense of later. */
static bool skip_toml_escape(struct toml_reader *reader, size_t start)
{
    int c = toml_next(reader), digits = c == 'u' ? 4 : 8;

    if (c < 0)
        return false;
    if (c && c < 0x80 && strchr("btnfr\" \t\\", c))
        return true;
    if (c != 'u' && c != 'U')
        return toml_fail(reader, (long)reader->line - reader->ended,
                         "invalid escape in string '\\%s'",
                         format_rune(reader, "%c", value_int(c)));
    for (int i = 0; i < digits; i++) {
        int digit = toml_next(reader);

        if (digit < 0)
            return false;
        if (!is_hex_digit(digit))
            return toml_fail(reader, toml_line(reader),
                             "expected %s hexadecimal digits after '\\%c', but "
                             "got %s instead",
                             digits == 4 ? "four" : "eight", c,
                             quote_str(reader, text_since(reader, start)));
    }
    return true;
}

/* \u and \U must name a code point that is no surrogate. */
static bool add_escaped_rune(struct toml_reader *reader, struct text *out, const char *digits,
                             int count)
{
    unsigned long rune = 0;
    char copy[9] = "";

    memcpy(copy, digits, (size_t)count);
    rune = strtoul(copy, NULL, 16);
    if (rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
        return toml_fail(reader, reader->line, "Escaped character '\\u%s' is not valid UTF-8.",
                         copy);
    rune_put(out, (unsigned)rune);
    return true;
}

/* A backslash that ends a line takes the white space behind it along. */
static size_t line_ending(struct str raw, size_t at)
{
    size_t end = at + 1;

    while (end < raw.len && strchr(" \t\r\n", raw.at[end]))
        end++;
    return memchr(raw.at + at, '\n', end - at) ? end : 0;
}

/* The escapes have been checked by skip_toml_escape(); only values can be wrong here. */
static bool unescape_string(struct toml_reader *reader, struct str raw, bool many, struct str *ret)
{
    static const char letters[] = "b\bt\tn\nf\fr\r\"\"\\\\";
    scoped_text struct text out = {0};

    for (size_t i = 0; i < raw.len;) {
        size_t end = many && raw.at[i] == '\\' ? line_ending(raw, i) : 0;
        char c;

        if (end) {
            i = end;
            continue;
        }
        if (raw.at[i] != '\\') {
            text_add_char(&out, raw.at[i++]);
            continue;
        }
        c = raw.at[i + 1];
        if (c == ' ' || c == '\t')
            return toml_fail(reader, reader->line, "invalid escape: '\\%c'", c);
        if (c == 'u' || c == 'U') {
            int digits = c == 'u' ? 4 : 8;

            if (!add_escaped_rune(reader, &out, raw.at + i + 2, digits))
                return false;
            i += (size_t)digits + 2;
            continue;
        }
        for (size_t j = 0; j + 1 < sizeof letters; j += 2) {
            if (letters[j] == c)
                text_add_char(&out, letters[j + 1]);
        }
        i += 2;
    }
    *ret = str_take(reader->call->arena, &out);
    return true;
}

/* Up to its quote on the same line. */
static bool read_line_string(struct toml_reader *reader, char quote, struct str *ret)
{
    size_t start = reader->at;
    bool escaped = false;

    for (;;) {
        int c = toml_next(reader);

        if (c < 0)
            return false;
        if (!c)
            return toml_fail(reader, toml_line(reader),
                             quote == '"' ? "unexpected EOF; expected '\"'"
                                          : "unexpected EOF; expected \"'\"");
        if (toml_is_newline(c))
            return toml_fail(reader, (long)reader->line - 1, "strings cannot contain newlines");
        if (c == quote)
            break;
        if (c == '\\' && quote == '"') {
            escaped = true;
            if (!skip_toml_escape(reader, start))
                return false;
        }
    }
    *ret = text_since(reader, start);
    ret->len--;
    return !escaped || unescape_string(reader, *ret, false, ret);
}

/* Three quotes have come, and more may: up to two of them are text. */
static bool is_at_end(struct toml_reader *reader, char quote, size_t start, bool *ret_wrong)
{
    struct str had = text_since(reader, start);
    size_t quotes = 0;

    if (toml_peek(reader) != quote)
        return true;
    while (quotes < had.len && had.at[had.len - 1 - quotes] == quote)
        quotes++;
    *ret_wrong =
        quotes >= 5 && !(quote == '"' && quotes == 5 && had.len > 5 && had.at[had.len - 6] == '\\');
    toml_back(reader);
    toml_back(reader);
    return false;
}

/* Up to three quotes. A line break right behind the first three does not belong to it. */
static bool read_long_string(struct toml_reader *reader, char quote, struct str *ret)
{
    size_t start = reader->at;
    bool wrong = false;
    int c;

    for (;;) {
        c = toml_next(reader);
        if (c < 0)
            return false;
        if (!c)
            return toml_fail(reader, toml_line(reader),
                             quote == '"' ? "unexpected EOF; expected '\"\"\"'"
                                          : "unexpected EOF; expected \"'''\"");
        if (c == '\\' && quote == '"') {
            c = toml_peek(reader);
            if (c < 0)
                return false;
            if (toml_is_newline(c))
                toml_next(reader);
            else if (!skip_toml_escape(reader, start))
                return false;
            continue;
        }
        if (c != quote || !accept_character(reader, quote))
            continue;
        if (!accept_character(reader, quote))
            toml_back(reader);
        else if (is_at_end(reader, quote, start, &wrong))
            break;
        if (wrong) {
            toml_next(reader);
            toml_next(reader);
            return toml_fail(reader, reader->line,
                             quote == '"' ? "unexpected '\"\"\"\"\"\"'" : "unexpected \"''''''\"");
        }
    }
    if (reader->why->len)
        return false;
    *ret = text_since(reader, start);
    ret->len -= 3;
    if (ret->len && ret->at[0] == '\n')
        *ret = (struct str){ret->at + 1, ret->len - 1};
    else if (ret->len > 1 && ret->at[0] == '\r' && ret->at[1] == '\n')
        *ret = (struct str){ret->at + 2, ret->len - 2};
    return quote == '\'' || unescape_string(reader, *ret, true, ret);
}

bool toml_read_string(struct toml_reader *reader, char quote, bool many, struct str *ret)
{
    if (many && accept_character(reader, quote)) {
        if (accept_character(reader, quote))
            return read_long_string(reader, quote, ret);
        toml_back(reader);
    }
    if (reader->why->len)
        return false;
    return read_line_string(reader, quote, ret);
}

/* What a key may consist of without quotes. */
static bool is_bare(int c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

bool toml_read_name(struct toml_reader *reader, struct str *ret)
{
    size_t start = reader->at;
    int c = toml_next(reader);

    if (c == '"' || c == '\'')
        return toml_read_string(reader, (char)c, false, ret);
    while (is_bare(c))
        c = toml_next(reader);
    if (c < 0)
        return false;
    toml_back(reader);
    *ret = text_since(reader, start);
    return true;
}

/* ---- Numbers ------------------------------------------------------------ */

/* Each underscore stands between two digits; the words inf and nan have none. */
static bool underscores_fit(struct str s)
{
    bool fits = false;

    if (s.len >= 3 &&
        (memcmp(s.at + s.len - 3, "inf", 3) == 0 || memcmp(s.at + s.len - 3, "nan", 3) == 0) &&
        (s.len == 3 || (s.len == 4 && strchr("+-", *s.at))))
        return true;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '_' && !fits)
            return false;
        fits = is_hex_digit((unsigned char)s.at[i]);
    }
    return fits;
}

/* "0x10" has none, "010" and "-01" have. */
static bool has_leading_zero(struct str s)
{
    if (s.len > 1 && s.at[0] == '0' && !strchr("box", s.at[1]))
        return true;
    return s.len > 2 && strchr("+-", s.at[0]) && s.at[1] == '0';
}

/* A copy for strtoll() and strtod(), which know none. */
static char *without_underscores(struct toml_reader *reader, struct str s)
{
    char *plain = arena_bytes(reader->call->arena, s.at, s.len);
    size_t len = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] != '_')
            plain[len++] = s.at[i];
    }
    plain[len] = '\0';
    return plain;
}

/* Whole numbers are int64 and must fit. */
static bool give_integer(struct toml_reader *reader, struct str s, struct value *ret)
{
    const char *plain;
    int base = 10;

    if (!underscores_fit(s))
        return toml_fail(reader, reader->line,
                         "Invalid integer %s: underscores must be surrounded by "
                         "digits",
                         quote_str(reader, s));
    if (has_leading_zero(s))
        return toml_fail(reader, reader->line, "Invalid integer %s: cannot have leading zeroes",
                         quote_str(reader, s));
    plain = without_underscores(reader, s);
    if (plain[0] == '0' && plain[1]) {
        base = plain[1] == 'x' ? 16 : plain[1] == 'o' ? 8 : 2;
        plain += 2;
    }
    errno = 0;
    *ret = value_int64(strtoll(plain, NULL, base));
    if (errno)
        return toml_fail(reader, reader->line, "%.*s is out of range for int64", (int)s.len, s.at);
    return true;
}

/* The parts between point and exponent must each be whole. */
static bool parts_fit(struct str s)
{
    size_t start = 0;

    for (size_t i = 0; i <= s.len; i++) {
        if (i < s.len && s.at[i] != '.' && (s.at[i] | 0x20) != 'e')
            continue;
        if (i > start && !underscores_fit((struct str){s.at + start, i - start}))
            return false;
        start = i + 1;
    }
    return true;
}

/* A digit follows each point. */
static bool points_fit(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '.' && (i + 1 == s.len || s.at[i + 1] < '0' || s.at[i + 1] > '9'))
            return false;
    }
    return true;
}

/* The checks come in the order of the decoder, which decides what the error says. */
static bool give_float(struct toml_reader *reader, struct str s, struct value *ret)
{
    struct str whole = {s.at, 0};
    const char *why = NULL, *plain;
    double number;
    char *end;

    while (whole.len < s.len && s.at[whole.len] != '.' && (s.at[whole.len] | 0x20) != 'e')
        whole.len++;
    if (!parts_fit(s))
        why = "underscores must be surrounded by digits";
    else if (has_leading_zero(whole))
        why = "cannot have leading zeroes";
    else if (!points_fit(s))
        why = "'.' must be followed by one or more digits";
    if (why)
        return toml_fail(reader, reader->line, "Invalid float %s: %s", quote_str(reader, s), why);
    plain = without_underscores(reader, s);
    number = strtod(plain, &end);
    if (*end || end == plain)
        return toml_fail(reader, reader->line, "Invalid float value: %s", quote_str(reader, s));
    if (isinf(number) && !memchr(s.at, 'n', s.len))
        return toml_fail(reader, reader->line, "%.*s is out of range for float64", (int)s.len,
                         s.at);
    *ret = value_float(number);
    return true;
}

static bool give_date(struct toml_reader *reader, struct str s, struct value *ret)
{
    static const struct {
        const char *layout, *zone;
    } forms[] = {
        {"2006-01-02T15:04:05.999999999Z07:00", NULL},
        {"2006-01-02T15:04:05.999999999", "datetime-local"},
        {"2006-01-02", "date-local"},
        {"15:04:05.999999999", "time-local"},
    };
    struct instant *when = arena_alloc(reader->call->arena, sizeof *when);
    char *text;

    while (s.len && s.at[s.len - 1] == ' ')
        s.len--;
    text = arena_bytes(reader->call->arena, s.at, s.len);
    for (size_t i = 0; i < s.len; i++)
        text[i] = text[i] == 'z' ? 'Z' : strchr("t ", text[i]) ? 'T' : text[i];
    s.at = text;
    for (size_t i = 0; i < count_of(forms); i++) {
        const char *layout = forms[i].layout;

        if (!date_parse(str_of(layout), s, when))
            continue;
        /* Go takes one digit where two are wanted; TOML does not. */
        for (size_t j = 0; layout[j] && layout[j] != '.' && layout[j] != 'Z'; j++) {
            if ((layout[j] < '0' || layout[j] > '9') && text[j] != layout[j])
                return toml_fail(reader, reader->line, "invalid datetime: %s",
                                 quote_str(reader, s));
        }
        if (forms[i].zone)
            snprintf(when->zone, sizeof when->zone, "%s", forms[i].zone);
        *ret = (struct value){.kind = KIND_TIME, .time = when};
        return true;
    }
    return toml_fail(reader, reader->line, "invalid datetime: %s", quote_str(reader, s));
}

enum toml_number { INTEGER, FLOAT, DATE };

/* All characters of a set, and digits; false only for a bad character. */
static bool skip_set(struct toml_reader *reader, const char *set, int *ret)
{
    do
        *ret = toml_next(reader);
    while (*ret > 0 && *ret < 0x80 && strchr(set, *ret));
    return *ret >= 0;
}

#define DIGITS "0123456789"

/* Takes the characters of an integer, a float or a date, as the first that is no digit says. */
static bool skip_decimal(struct toml_reader *reader, int c, enum toml_number *ret)
{
    static const char *const sets[] = {
        [INTEGER] = DIGITS "_", [FLOAT] = DIGITS "_.-+eE", [DATE] = DIGITS "-:Tt .Zz+"};

    /* What comes behind the first digits decides. */
    if (c == '.' || c == 'e' || c == 'E') {
        *ret = FLOAT;
    } else if (c == '-' || c == ':') {
        *ret = DATE;
    } else if (c != '_') {
        *ret = INTEGER;
        toml_back(reader);
        return true;
    }
    if (c == '_') {
        *ret = INTEGER;
        if (!skip_set(reader, sets[INTEGER], &c))
            return false;
        if (c == '.' || c == 'e' || c == 'E')
            return skip_decimal(reader, c, ret);
    } else if (!skip_set(reader, sets[*ret], &c)) {
        return false;
    }
    toml_back(reader);
    return true;
}

/* 0b, 0o and 0x take no sign and no point. */
static bool read_based_number(struct toml_reader *reader, size_t start, int letter,
                              struct value *ret)
{
    const char *set = letter == 'b' ? "01_" : letter == 'o' ? "01234567_" : DIGITS "abcdefABCDEF_";
    int c = toml_peek(reader);

    if (c < 0)
        return false;
    if (!c || c == '_' || c >= 0x80 || !strchr(set, c))
        return toml_fail(reader, reader->line, "not a%s number: '%.*s%s'",
                         letter == 'b'   ? " binary"
                         : letter == 'o' ? "n octal"
                                         : " hexadecimal",
                         (int)(reader->at - start), reader->text.at + start,
                         c ? format_rune(reader, "%c", value_int(c)) : "");
    if (!skip_set(reader, set, &c))
        return false;
    toml_back(reader);
    return give_integer(reader, text_since(reader, start), ret);
}

/* A number or a date; both begin with digits. */
static bool read_unsigned(struct toml_reader *reader, int first, struct value *ret)
{
    size_t start = reader->at - 1;
    enum toml_number number;
    int c = toml_next(reader);

    if (first == '0' && (c == 'b' || c == 'o' || c == 'x'))
        return read_based_number(reader, start, c, ret);
    if (c >= '0' && c <= '9' && !skip_set(reader, DIGITS, &c))
        return false;
    if (c < 0)
        return false;
    /* A zero alone starts no date. */
    if (reader->at - start == 2 && first == '0' && (c == '-' || c == ':')) {
        toml_back(reader);
        number = INTEGER;
    } else if (!skip_decimal(reader, c, &number)) {
        return false;
    }
    return (number == DATE    ? give_date
            : number == FLOAT ? give_float
                              : give_integer)(reader, text_since(reader, start), ret);
}

/* A sign makes it a number: dates have none. */
static bool read_signed(struct toml_reader *reader, struct value *ret)
{
    size_t start = reader->at - 1;
    enum toml_number number = INTEGER;
    int c = toml_next(reader);

    if (c == 'i' || c == 'n') {
        bool whole = c == 'i' ? accept_character(reader, 'n') && accept_character(reader, 'f')
                              : accept_character(reader, 'a') && accept_character(reader, 'n');

        if (!whole)
            return toml_fail(reader, reader->line, "invalid float: '%.*s'",
                             (int)(reader->at - start), reader->text.at + start);
        return give_float(reader, text_since(reader, start), ret);
    }
    if (c == '.')
        return toml_fail(reader, reader->line, "floats must start with a digit, not '.'");
    if (c < 0)
        return false;
    if (c < '0' || c > '9')
        return toml_fail(reader, toml_line(reader), "expected a digit but got %s",
                         toml_quote(reader, c));
    if (c == '0') {
        int base = toml_peek(reader);

        if (base == 'b' || base == 'o' || base == 'x')
            return toml_fail(reader, reader->line,
                             "cannot use sign with non-decimal numbers: "
                             "'%.*s%c'",
                             (int)(reader->at - start), reader->text.at + start, base);
    }
    if (!skip_set(reader, DIGITS "_", &c))
        return false;
    if (c == '.' || c == 'e' || c == 'E') {
        number = FLOAT;
        if (!skip_set(reader, DIGITS "_.-+eE", &c))
            return false;
    }
    toml_back(reader);
    return (number == FLOAT ? give_float : give_integer)(reader, text_since(reader, start), ret);
}

/* true or false; any other word is named in the error. */
static bool read_float_word(struct toml_reader *reader, struct value *ret)
{
    size_t start = reader->at;
    struct str word;
    int c;

    do
        c = toml_next(reader);
    while (c > 0 && unicode_is_letter((unsigned)c));
    if (c < 0)
        return false;
    toml_back(reader);
    word = text_since(reader, start);
    if (!str_same(word, STR("true")) && !str_same(word, STR("false")))
        return toml_fail(reader, reader->line, "expected value but found %s instead",
                         quote_str(reader, word));
    *ret = value_bool(word.len == 4);
    return true;
}

bool toml_read_scalar(struct toml_reader *reader, int first, struct value *ret)
{
    size_t start = reader->at - 1;

    if (first >= '0' && first <= '9')
        return read_unsigned(reader, first, ret);
    if (first == '-' || first == '+')
        return read_signed(reader, ret);
    if (first == '.')
        return toml_fail(reader, reader->line, "floats must start with a digit, not '.'");
    if (first == 'i' || first == 'n') {
        if ((accept_character(reader, 'n') && accept_character(reader, 'f')) ||
            (accept_character(reader, 'a') && accept_character(reader, 'n')))
            return give_float(reader, text_since(reader, start), ret);
        if (reader->why->len)
            return false;
    }
    if (first && unicode_is_letter((unsigned)first)) {
        toml_back(reader);
        return read_float_word(reader, ret);
    }
    if (!first)
        return toml_fail(reader, toml_line(reader), "unexpected EOF; expected value");
    return toml_fail(reader, (long)reader->line - (first == '\n'),
                     "expected value but found %s instead", toml_quote(reader, first));
}
