/* SPDX-License-Identifier: Apache-2.0 */
/* Parses classes and escapes: [a-z], [[:alpha:]], \d, \pL, \x{1F600}. */
#include "base/unicode.h"
#include "pattern/syntax.h"

#include <string.h>

void syntax_add_range(struct syntax *reader, struct class *class, unsigned first, unsigned last)
{
    class_add(reader->pattern->arena, class, first, last);
}

/* Adds the other case of the runes that the range shares with first to last. */
static void add_other_case(struct syntax *reader, struct class *class, struct range range,
                           unsigned first, unsigned last, int delta)
{
    unsigned from = range.first > first ? range.first : first;
    unsigned to = range.last < last ? range.last : last;

    if (from <= to)
        syntax_add_range(reader, class, (unsigned)((int)from + delta), (unsigned)((int)to + delta));
}

/* The other cases for the flag i: Latin-1, Greek and Cyrillic. */
void syntax_add_other_cases(struct syntax *reader, struct class *class)
{
    static const struct {
        unsigned first, last;
        int delta;
    } cases[] = {
        {'A', 'Z', 32},     {'a', 'z', -32},     {0xc0, 0xd6, 32},   {0xe0, 0xf6, -32},
        {0xd8, 0xde, 32},   {0xf8, 0xfe, -32},   {0x391, 0x3a9, 32}, {0x3b1, 0x3c9, -32},
        {0x410, 0x42f, 32}, {0x430, 0x44f, -32}, {0x400, 0x40f, 80}, {0x450, 0x45f, -80},
    };
    size_t count = class->count;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count_of(cases); j++)
            add_other_case(reader, class, class->ranges[i], cases[j].first, cases[j].last,
                           cases[j].delta);
    }
}

static const struct {
    const char *name;
    const char *ranges; /* pairs of bytes */
} ascii_sets[] = {
    {"alnum", "09AZaz"},
    {"alpha", "AZaz"},
    {"ascii", "\x01\x7f"},
    {"blank", "\t\t  "},
    {"cntrl", "\x01\x1f\x7f\x7f"},
    {"digit", "09"},
    {"graph", "!~"},
    {"lower", "az"},
    {"print", " ~"},
    {"punct", "!/:@[`{~"},
    {"space", "\t\r  "},
    {"upper", "AZ"},
    {"word", "09AZaz__"},
    {"xdigit", "09AFaf"},
    {"d", "09"},
    {"s", "\t\n\f\r  "},
    {"w", "09AZaz__"},
};

/* Adds a named class, or its complement. False if there is no such name. */
static bool add_ascii(struct syntax *reader, struct class *into, const char *name, size_t len,
                      bool negated)
{
    struct class class = {0};

    for (size_t i = 0; i < count_of(ascii_sets); i++) {
        if (strlen(ascii_sets[i].name) != len || memcmp(ascii_sets[i].name, name, len) != 0)
            continue;
        for (const char *at = ascii_sets[i].ranges; *at; at += 2)
            syntax_add_range(reader, &class, (unsigned char)at[0], (unsigned char)at[1]);
        if (len > 1 && (ascii_sets[i].ranges[0] == 1))
            syntax_add_range(reader, &class, 0, 0);
        if (reader->flags.fold)
            syntax_add_other_cases(reader, &class);
        if (negated)
            class_negate(reader->pattern->arena, &class);
        for (size_t j = 0; j < class.count; j++)
            syntax_add_range(reader, into, class.ranges[j].first, class.ranges[j].last);
        return true;
    }
    return false;
}

/* Parses \d, \s, \w, \p{…} or their complements at a backslash. Returns 0 if none
   stands here, -1 for an error. */
int syntax_read_set(struct syntax *reader, struct class *into)
{
    size_t start = reader->at, name, len = 1, used;
    char c = reader->len - start > 1 ? reader->text[start + 1] : '\0';
    char low = (char)(c | 0x20);
    bool negated = c >= 'A' && c <= 'Z';
    struct class class = {0};

    if (low == 'd' || low == 's' || low == 'w') {
        reader->at += 2;
        add_ascii(reader, into, &low, 1, negated);
        return 1;
    }
    if (low != 'p')
        return 0;
    name = start + 2;
    if (name < reader->len && reader->text[name] == '{') {
        const char *end = memchr(reader->text + name, '}', reader->len - name);

        if (!end) {
            syntax_refuse(reader, "invalid character class range", start, reader->len);
            return -1;
        }
        len = (size_t)(end - reader->text) - ++name;
        reader->at = name + len + 1;
    } else {
        reader->at = name + 1;
    }
    if (len && name < reader->len && reader->text[name] == '^') {
        negated = !negated;
        name++;
        len--;
    }
    if (name + len > reader->len ||
        !class_add_named(reader->pattern->arena, &class, reader->text + name, len)) {
        syntax_refuse(reader, "invalid character class range", start, reader->at);
        return -1;
    }
    if (negated)
        class_negate(reader->pattern->arena, &class);
    for (size_t i = 0; i < class.count; i++)
        syntax_add_range(reader, into, class.ranges[i].first, class.ranges[i].last);
    used = arena_used(reader->pattern->arena);
    if (used <= READ_BYTES)
        return 1;
    syntax_refuse(reader, "expression too large", 0, reader->len);
    return -1;
}

/* The value of a digit in a base, or -1. */
static int digit_value(char c, int base)
{
    int digit = c >= '0' && c <= '9'                     ? c - '0'
                : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                         : 99;

    return digit < base ? digit : -1;
}

static bool bad_escape(struct syntax *reader, size_t start)
{
    return syntax_refuse(reader, "invalid escape sequence", start, reader->at) != NULL;
}

/* \x7F or \x{10FFFF}. */
static bool read_hex(struct syntax *reader, size_t start, unsigned *ret)
{
    bool braces = syntax_more(reader) && reader->text[reader->at] == '{';
    unsigned count = 0;

    reader->at += braces;
    *ret = 0;
    while (syntax_more(reader) && (braces || count < 2)) {
        int digit = digit_value(reader->text[reader->at], 16);

        if (digit < 0)
            break;
        *ret = *ret * 16 + (unsigned)digit;
        if (*ret > UNICODE_LAST)
            return bad_escape(reader, start);
        reader->at++;
        count++;
    }
    if (!count || (!braces && count != 2) ||
        (braces && (!syntax_more(reader) || reader->text[reader->at] != '}'))) {
        reader->at += syntax_more(reader);
        return bad_escape(reader, start);
    }
    reader->at += braces;
    return true;
}

/* An escaped rune, the backslash included. */
bool syntax_read_escape(struct syntax *reader, unsigned *ret)
{
    static const char shorts[] = "a\af\fn\nr\rt\tv\v";
    size_t start = reader->at++;
    unsigned rune;

    if (!syntax_more(reader)) {
        syntax_refuse(reader, "trailing backslash at end of expression", reader->len, reader->len);
        return false;
    }
    rune = syntax_next_rune(reader);
    if (rune == 'x')
        return read_hex(reader, start, ret);
    if ((rune == '0' || (rune >= '1' && rune <= '7' && syntax_more(reader) &&
                         digit_value(reader->text[reader->at], 8) >= 0))) {
        *ret = rune - '0';
        for (int i = 0; i < 2 && syntax_more(reader); i++) {
            int digit = digit_value(reader->text[reader->at], 8);

            if (digit < 0)
                break;
            *ret = *ret * 8 + (unsigned)digit;
            reader->at++;
        }
        return true;
    }
    for (size_t i = 0; i + 1 < sizeof shorts; i += 2) {
        if (rune == (unsigned char)shorts[i]) {
            *ret = (unsigned char)shorts[i + 1];
            return true;
        }
    }
    *ret = rune;
    if (rune < 0x80 && rune > ' ' && digit_value((char)rune, 10) < 0 &&
        !((rune | 0x20) >= 'a' && (rune | 0x20) <= 'z'))
        return true;
    return bad_escape(reader, start);
}

static bool read_class_rune(struct syntax *reader, size_t open, unsigned *ret)
{
    if (!syntax_more(reader)) {
        syntax_refuse(reader, "missing closing ]", open, reader->len);
        return false;
    }
    if (reader->text[reader->at] == '\\')
        return syntax_read_escape(reader, ret);
    *ret = syntax_next_rune(reader);
    return true;
}

/* Parses "[:alpha:]". Returns 0 if none stands here, -1 for an unknown name. */
static int read_posix(struct syntax *reader, struct class *into)
{
    size_t start = reader->at, name = start + 2;
    const char *end;
    bool negated;

    if (!syntax_ahead(reader, "[:"))
        return 0;
    end = memmem(reader->text + name, reader->len - name, ":]", 2);
    if (!end)
        return 0;
    reader->at = (size_t)(end - reader->text) + 2;
    negated = reader->text[name] == '^';
    name += negated;
    if (end >= reader->text + name && end - reader->text - (ptrdiff_t)name > 1 &&
        add_ascii(reader, into, reader->text + name, (size_t)(end - reader->text) - name, negated))
        return 1;
    syntax_refuse(reader, "invalid character class range", start, reader->at);
    return -1;
}

/* "a-z" or a single rune. */
static bool read_class_range(struct syntax *reader, struct class *class, size_t open)
{
    size_t start = reader->at;
    unsigned first, last;
    struct class one = {0};

    if (!read_class_rune(reader, open, &first))
        return false;
    last = first;
    if (reader->len - reader->at > 1 && reader->text[reader->at] == '-' &&
        reader->text[reader->at + 1] != ']') {
        reader->at++;
        if (!read_class_rune(reader, open, &last))
            return false;
        if (last < first) {
            syntax_refuse(reader, "invalid character class range", start, reader->at);
            return false;
        }
    }
    syntax_add_range(reader, &one, first, last);
    if (reader->flags.fold)
        syntax_add_other_cases(reader, &one);
    for (size_t i = 0; i < one.count; i++)
        syntax_add_range(reader, class, one.ranges[i].first, one.ranges[i].last);
    return true;
}

/* A "]" that stands first is a member of the class, as in POSIX. */
struct shape_node *syntax_read_class(struct syntax *reader)
{
    struct shape_node *node = syntax_node(reader, SHAPE_CLASS);
    size_t open = reader->at++;
    bool negated = syntax_more(reader) && reader->text[reader->at] == '^';
    bool first = true;

    reader->at += negated;
    for (; !syntax_more(reader) || reader->text[reader->at] != ']' || first; first = false) {
        int found;

        if (!syntax_more(reader))
            return syntax_refuse(reader, "missing closing ]", open, reader->len);
        found = read_posix(reader, &node->class);
        if (!found && reader->text[reader->at] == '\\')
            found = syntax_read_set(reader, &node->class);
        if (found < 0 || (!found && !read_class_range(reader, &node->class, open)))
            return NULL;
    }
    reader->at++;
    if (negated)
        class_negate(reader->pattern->arena, &node->class);
    class_tidy(&node->class);
    return node;
}
