/* SPDX-License-Identifier: Apache-2.0 */
/* Formats values as Go's fmt.Sprintf does: verbs, flags and error marks. */
#include "golang/format.h"
#include "golang/float.h"
#include "golang/literal.h"
#include "golang/print.h"
#include "golang/runes.h"

#include <math.h>

static void format_value(struct format *format, struct value v, unsigned verb, unsigned depth);

/* ---- Padding ---- */

/* Widths count runes, not bytes, as Go does. */
static size_t rune_count(struct str s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.len; count++) {
        unsigned rune;

        i += rune_next(s.at + i, s.len - i, &rune);
    }
    return count;
}

/* Fills with zeros or spaces. Zeros never stand behind a value, so the flag - turns 0 off. */
static void format_padding(struct format *format, int count)
{
    char c = format->flags.zero && !format->flags.minus ? '0' : ' ';

    if (count <= 0 || format->out->over)
        return;
    memset(text_reserve(format->out, (size_t)count), c, (size_t)count);
    format->out->bytes[format->out->len + (size_t)count] = '\0';
    format->out->len += (size_t)count;
}

/* A text with what is missing to the width before it, or behind it after the flag -. */
static void add_padded(struct format *format, struct str s)
{
    int missing = 0;

    if (format->flags.has_width && format->flags.width)
        missing = format->flags.width - (int)rune_count(s);
    if (!format->flags.minus)
        format_padding(format, missing);
    text_add_bytes(format->out, s.at, s.len);
    if (format->flags.minus)
        format_padding(format, missing);
}

/* The same, but always with spaces: the zeros of a number are part of its text already. */
static void add_spaced(struct format *format, struct str s)
{
    bool zero = format->flags.zero;

    format->flags.zero = false;
    add_padded(format, s);
    format->flags.zero = zero;
}

static void add_padded_text(struct format *format, const struct text *text)
{
    add_padded(format, (struct str){text_string(text), text->len});
}

/* ---- Error marks ---- */

/* Go writes a mistake into the text instead of failing: "%!d(string=x)". */
static void bad_verb(struct format *format, unsigned verb, struct value v, unsigned depth)
{
    text_add(format->out, "%!");
    rune_put(format->out, verb);
    text_add_char(format->out, '(');
    if (v.kind == KIND_NIL) {
        text_add(format->out, "<nil>");
    } else {
        text_add(format->out, value_type(v));
        text_add_char(format->out, '=');
        format_value(format, v, 'v', depth + 1);
    }
    text_add_char(format->out, ')');
}

/* ---- Integers ---- */

/* The precision is the least count of digits. Without one, the flag 0 makes it the width less
   the sign; a precision of 0 prints nothing of a zero. */
static void add_integer(struct format *format, int64_t value, unsigned base, unsigned verb)
{
    struct format_flags *flags = &format->flags;
    const char *digits = verb == 'X' ? "0123456789ABCDEFX" : "0123456789abcdefx";
    bool negative = value < 0;
    uint64_t rest = negative ? 0 - (uint64_t)value : (uint64_t)value;
    char buffer[80];
    size_t at = sizeof buffer;
    int least = 0, zeros;
    scoped_text struct text made = {0};

    if (flags->has_precision) {
        least = flags->precision;
        if (least == 0 && rest == 0) {
            bool zero = flags->zero;

            flags->zero = false;
            format_padding(format, flags->has_width ? flags->width : 0);
            flags->zero = zero;
            return;
        }
    } else if (flags->zero && !flags->minus && flags->has_width) {
        least = flags->width - (negative || flags->plus || flags->blank);
    }
    do
        buffer[--at] = digits[rest % base];
    while (rest /= base);
    zeros = least - (int)(sizeof buffer - at);
    if (negative || flags->plus || flags->blank)
        text_add_char(&made, negative ? '-' : flags->plus ? '+' : ' ');
    if (verb == 'O')
        text_add(&made, "0o");
    if (flags->sharp && base == 16)
        text_addf(&made, "0%c", digits[16]);
    else if (flags->sharp && base == 2)
        text_add(&made, "0b");
    else if (flags->sharp && base == 8 && zeros <= 0 && buffer[at] != '0')
        text_add_char(&made, '0');
    for (; zeros > 0; zeros--)
        text_add_char(&made, '0');
    text_add_bytes(&made, buffer + at, sizeof buffer - at);
    add_spaced(format, (struct str){text_string(&made), made.len});
}

/* What is no code point, or a surrogate, prints as the replacement character. */
static unsigned to_rune(int64_t value)
{
    return value < 0 || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff) ? 0xfffd
                                                                                 : (unsigned)value;
}

static void add_unicode(struct format *format, int64_t value)
{
    scoped_text struct text made = {0};
    int places =
        format->flags.has_precision && format->flags.precision > 4 ? format->flags.precision : 4;

    text_addf(&made, "U+%0*llX", places, (unsigned long long)value);
    if (format->flags.sharp && value >= 0 && value <= 0x10ffff &&
        unicode_is_printable((unsigned)value)) {
        text_add(&made, " '");
        rune_put(&made, (unsigned)value);
        text_add(&made, "'");
    }
    add_spaced(format, (struct str){text_string(&made), made.len});
}

static void format_integer(struct format *format, struct value v, unsigned verb, unsigned depth)
{
    scoped_text struct text made = {0};
    scoped_text struct text quoted = {0};

    switch (verb) {
    case 'v':
        if (format->flags.sharp_v && v.kind == KIND_UINT8) {
            format->flags.sharp = true;
            add_integer(format, v.integer, 16, 'v');
            format->flags.sharp = false;
            break;
        }
        add_integer(format, v.integer, 10, verb);
        break;
    case 'd':
        add_integer(format, v.integer, 10, verb);
        break;
    case 'b':
        add_integer(format, v.integer, 2, verb);
        break;
    case 'o':
    case 'O':
        add_integer(format, v.integer, 8, verb);
        break;
    case 'x':
    case 'X':
        add_integer(format, v.integer, 16, verb);
        break;
    case 'c':
        rune_put(&made, to_rune(v.integer));
        add_padded_text(format, &made);
        break;
    case 'q':
        rune_put(&made, to_rune(v.integer));
        literal_quote(&quoted, (struct str){made.bytes, made.len}, '\'', format->flags.plus);
        add_padded_text(format, &quoted);
        break;
    case 'U':
        add_unicode(format, v.integer);
        break;
    default:
        bad_verb(format, verb, v, depth);
        break;
    }
}

/* ---- Floats ---- */

/* %#g keeps the point and the zeros that %g drops. */
static void keep_point_and_zeros(struct text *number, unsigned verb, int precision)
{
    scoped_text struct text tail = {0};
    int digits = 0;
    bool point = false, solid = false;
    size_t i;

    if (verb == 'v' || verb == 'g' || verb == 'G' || verb == 'x')
        digits = precision < 0 ? 6 : precision;
    for (i = 1; i < number->len; i++) {
        char c = number->bytes[i];

        if (c == '.') {
            point = true;
            continue;
        }
        if (c == 'p' || c == 'P' || ((c == 'e' || c == 'E') && verb != 'x' && verb != 'X'))
            break;
        solid = solid || c != '0';
        digits -= solid;
    }
    text_add(&tail, number->bytes + i);
    text_cut(number, i);
    if (!point) {
        digits -= number->len == 2 && number->bytes[1] == '0';
        text_add_char(number, '.');
    }
    for (; digits > 0; digits--)
        text_add_char(number, '0');
    text_add(number, text_string(&tail));
}

/* Go's fmt formats with a sign, always, and takes the plus away again; the order of the steps
   decides where zeros go. */
static void format_double(struct format *format, double value, unsigned verb, int precision)
{
    struct format_flags *flags = &format->flags;
    scoped_text struct text number = {0};
    const char *from;
    size_t len;

    if (flags->has_precision)
        precision = flags->precision;
    float_print(&number, value, verb == 'v' ? 'g' : (char)verb, precision);
    if (number.bytes[0] != '-' && number.bytes[0] != '+') {
        scoped_text struct text signless = number;

        number = (struct text){0};
        text_add_char(&number, '+');
        text_add(&number, text_string(&signless));
    }
    if (flags->blank && number.bytes[0] == '+' && !flags->plus)
        number.bytes[0] = ' ';
    if (isnan(value) || isinf(value)) {
        size_t skip = isnan(value) && !flags->blank && !flags->plus;

        add_spaced(format, (struct str){number.bytes + skip, number.len - skip});
        return;
    }
    if (flags->sharp && verb != 'b')
        keep_point_and_zeros(&number, verb, precision);
    from = number.bytes;
    len = number.len;
    if (!flags->plus && from[0] == '+') {
        add_padded(format, (struct str){from + 1, len - 1});
    } else if (flags->zero && !flags->minus && flags->has_width && flags->width > (int)len) {
        text_add_char(format->out, from[0]);
        format_padding(format, flags->width - (int)len);
        text_add_bytes(format->out, from + 1, len - 1);
    } else {
        add_padded(format, (struct str){from, len});
    }
}

/* The verb that strconv knows and its precision where none is given; -1 is the shortest. */
static bool float_verb(unsigned verb, unsigned *ret_verb, int *ret_precision)
{
    if (verb > 0x7f || !verb || !strchr("vbgGxXfeEF", (int)verb))
        return false;
    *ret_verb = verb == 'F' ? 'f' : verb;
    *ret_precision = strchr("feEF", (int)verb) ? 6 : -1;
    return true;
}

/* A float by any of the float verbs; the others mark a mistake. */
static void format_float(struct format *format, struct value v, unsigned verb, unsigned depth)
{
    unsigned how;
    int precision;

    if (float_verb(verb, &how, &precision))
        format_double(format, v.number, how, precision);
    else
        bad_verb(format, verb, v, depth);
}

/* "(1+2i)": the imaginary part always has a sign. */
static void format_complex(struct format *format, struct value v, unsigned verb, unsigned depth)
{
    bool plus = format->flags.plus;
    unsigned how;
    int precision;

    if (!float_verb(verb, &how, &precision)) {
        bad_verb(format, verb, v, depth);
        return;
    }
    text_add_char(format->out, '(');
    format_double(format, v.complex[0], how, precision);
    format->flags.plus = true;
    format_double(format, v.complex[1], how, precision);
    text_add(format->out, "i)");
    format->flags.plus = plus;
}

/* ---- Strings ---- */

/* The precision of a string counts runes. */
static struct str cut_to_precision(const struct format *format, struct str s)
{
    size_t at = 0;

    if (!format->flags.has_precision)
        return s;
    for (int runes = 0; at < s.len && runes < format->flags.precision; runes++) {
        unsigned rune;

        at += rune_next(s.at + at, s.len - at, &rune);
    }
    return (struct str){s.at, at};
}

/* The bytes of a string in hexadecimal. With the flag of a space, bytes stand apart. */
static void add_hex_string(struct format *format, struct str s, unsigned verb)
{
    const struct format_flags *flags = &format->flags;
    const char *digits = verb == 'x' ? "0123456789abcdefx" : "0123456789ABCDEFX";
    scoped_text struct text made = {0};
    size_t len = s.len;
    int missing;

    if (flags->has_precision && (size_t)flags->precision < len)
        len = (size_t)flags->precision;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s.at[i];

        if (flags->blank && i)
            text_add_char(&made, ' ');
        if (flags->sharp && (flags->blank || !i))
            text_addf(&made, "0%c", digits[16]);
        text_add_char(&made, digits[c >> 4]);
        text_add_char(&made, digits[c & 15]);
    }
    missing = flags->has_width ? flags->width - (int)made.len : 0;
    if (!flags->minus || !len)
        format_padding(format, missing);
    text_add(format->out, text_string(&made));
    if (flags->minus && len)
        format_padding(format, missing);
}

/* Can a string stand between back quotes? */
static bool plain_enough(struct str s)
{
    for (size_t i = 0; i < s.len;) {
        unsigned rune;
        size_t step = rune_next(s.at + i, s.len - i, &rune);

        if ((step == 1 && rune == 0xfffd) || rune == 0xfeff || rune == '`' || rune == 0x7f ||
            (rune < ' ' && rune != '\t'))
            return false;
        i += step;
    }
    return true;
}

/* %q: between back quotes after the flag # where that can be read again. */
static void format_quoted(struct format *format, struct str s)
{
    scoped_text struct text made = {0};

    s = cut_to_precision(format, s);
    if (format->flags.sharp && plain_enough(s)) {
        text_add_char(&made, '`');
        text_add_bytes(&made, s.at, s.len);
        text_add_char(&made, '`');
    } else {
        literal_quote(&made, s, '"', format->flags.plus);
    }
    add_padded_text(format, &made);
}

/* False where no string is printed by the verb, which is for the caller to mark. */
static bool format_str(struct format *format, struct str s, unsigned verb)
{
    switch (verb) {
    case 'v':
        if (format->flags.sharp_v) {
            format_quoted(format, s);
            return true;
        }
        add_padded(format, cut_to_precision(format, s));
        return true;
    case 's':
        add_padded(format, cut_to_precision(format, s));
        return true;
    case 'x':
    case 'X':
        add_hex_string(format, s, verb);
        return true;
    case 'q':
        format_quoted(format, s);
        return true;
    default:
        return false;
    }
}

/* ---- Lists, dicts and what prints itself ---- */

/* An interface that holds nothing has words of its own inside a list or a map. */
static void format_item(struct format *format, struct value v, bool any, unsigned verb,
                        unsigned depth)
{
    if (v.kind != KIND_NIL || !any)
        format_value(format, v, verb, depth);
    else
        text_add(format->out, format->flags.sharp_v ? "interface {}(nil)" : "<nil>");
}

/* After %#v a list looks like its literal in Go, otherwise like [a b]. */
static void format_list(struct format *format, struct list *list, unsigned verb, unsigned depth)
{
    bool sharp = format->flags.sharp_v;

    if (sharp)
        text_add(format->out, value_type(value_list(list)));
    if (sharp && list->nil) {
        text_add(format->out, "(nil)");
        return;
    }
    text_add_char(format->out, sharp ? '{' : '[');
    for (uint32_t i = 0; i < list_len(list) && !format->failed; i++) {
        if (i)
            text_add(format->out, sharp ? ", " : " ");
        format_item(format, list->items[i], list->element == ELEMENT_ANY, verb, depth + 1);
    }
    text_add_char(format->out, sharp ? '}' : ']');
}

/* Keys are sorted, as Go's fmt does, so the text is the same each time. */
static void format_dict(struct format *format, struct dict *dict, unsigned verb, unsigned depth)
{
    bool sharp = format->flags.sharp_v;
    struct dict_entry *entries = dict_sort(dict);

    if (sharp)
        text_add(format->out, value_type(value_dict(dict)));
    if (sharp && dict->nil) {
        text_add(format->out, "(nil)");
        return;
    }
    text_add(format->out, sharp ? "{" : "map[");
    for (uint32_t i = 0; i < dict->len && !format->failed; i++) {
        if (i)
            text_add(format->out, sharp ? ", " : " ");
        format_value(format, value_string(entries[i].key, entries[i].len), verb, depth + 1);
        text_add_char(format->out, ':');
        format_item(format, entries[i].value, dict->element == ELEMENT_ANY, verb, depth + 1);
    }
    text_add_char(format->out, sharp ? '}' : ']');
}

/* Times, durations and versions print themselves where a string would do. */
static void format_stringer(struct format *format, struct value v, unsigned verb, unsigned depth)
{
    scoped_text struct text made = {0};
    bool number = v.kind != KIND_TIME && v.kind != KIND_SEMVER;

    print_value(&made, v);
    if (number && (verb >= 0x80 || !verb || !strchr("vsxXq", (int)verb)))
        format_integer(format, v, verb, depth);
    else if (!format_str(format, (struct str){text_string(&made), made.len}, verb))
        bad_verb(format, verb, v, depth);
}

/* A nil that is an argument itself; the width counts for it. */
static void format_nil(struct format *format, unsigned verb)
{
    if (verb == 'v' || verb == 'T')
        add_padded(format, STR("<nil>"));
    else
        bad_verb(format, verb, value_nil(), 0);
}

/* Any value by any verb. The depth is bounded because a list may hold itself. */
static void format_value(struct format *format, struct value v, unsigned verb, unsigned depth)
{
    if (depth > PRINT_DEPTH || format->out->over) {
        format->failed = true;
        return;
    }
    switch (v.kind) {
    case KIND_NIL:
        format_nil(format, verb);
        break;
    case KIND_BOOL:
        if (verb == 't' || verb == 'v')
            add_padded(format, str_of(v.truth ? "true" : "false"));
        else
            bad_verb(format, verb, v, depth);
        break;
    case KIND_FLOAT:
        format_float(format, v, verb, depth);
        break;
    case KIND_COMPLEX:
        format_complex(format, v, verb, depth);
        break;
    case KIND_STRING:
        if (!format_str(format, value_str(v), verb))
            bad_verb(format, verb, v, depth);
        break;
    case KIND_LIST:
        format_list(format, v.list, verb, depth);
        break;
    case KIND_DICT:
        format_dict(format, v.dict, verb, depth);
        break;
    case KIND_INT:
    case KIND_INT64:
    case KIND_UINT8:
        format_integer(format, v, verb, depth);
        break;
    default:
        format_stringer(format, v, verb, depth);
        break;
    }
}

void format_argument(struct format *format, struct value v, unsigned verb)
{
    if (v.kind == KIND_NIL)
        format_nil(format, verb);
    else if (verb == 'T')
        add_padded(format, cut_to_precision(format, str_of(value_type(v))));
    else if (verb == 'p')
        bad_verb(format, verb, v, 0); /* an address would differ from run to run */
    else if (verb == 'w' && (v.kind == KIND_LIST || v.kind == KIND_DICT))
        bad_verb(format, verb, v, 0); /* as a whole, for it is no error */
    else
        format_value(format, v, verb, 0);
}
