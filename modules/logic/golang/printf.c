/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the format string of fmt.Sprintf, its flags, indexes and mistakes. */
#include "golang/format.h"
#include "golang/print.h"
#include "golang/runes.h"

#define LARGEST 1000000 /* width or precision */

/* A number at *at before `end`; false if none is there. Too large a one
   swallows the rest, as in Go. */
static bool read_verb_number(struct str s, size_t *at, size_t end, int *ret)
{
    bool any = false;

    *ret = 0;
    for (; *at < end && s.at[*at] >= '0' && s.at[*at] <= '9'; (*at)++) {
        if (*ret > LARGEST) {
            *ret = 0;
            *at = end;
            return false;
        }
        *ret = *ret * 10 + (s.at[*at] - '0');
        any = true;
    }
    return any;
}

/* "[3]": which argument comes next. True if an index was found. */
static bool read_argument_index(struct format *format, struct str s, size_t *at)
{
    const char *close;
    size_t end, inner;
    int index;
    bool fine;

    if (*at >= s.len || s.at[*at] != '[')
        return false;
    format->reordered = true;
    close = s.len - *at < 3 ? NULL : memchr(s.at + *at, ']', s.len - *at);
    if (!close) {
        format->good_index = false;
        *at += 1;
        return false;
    }
    end = (size_t)(close - s.at);
    inner = *at + 1;
    fine = read_verb_number(s, &inner, end, &index) && inner == end;
    *at = end + 1;
    if (fine && index >= 1 && (size_t)index <= format->count)
        format->next = (size_t)index - 1;
    else
        format->good_index = false;
    return fine;
}

/* The value of a '*'. */
static bool take_star(struct format *format, int *ret)
{
    struct value v;

    *ret = 0;
    if (format->next >= format->count)
        return false;
    v = format->args[format->next++];
    if (v.kind != KIND_INT && v.kind != KIND_INT64 && v.kind != KIND_UINT8)
        return false;
    if (v.integer > LARGEST || v.integer < -LARGEST)
        return false;
    *ret = (int)v.integer;
    return true;
}

static void read_width(struct format *format, struct str s, size_t *at, bool *after_index)
{
    struct format_flags *flags = &format->flags;

    if (*at < s.len && s.at[*at] == '*') {
        *at += 1;
        flags->has_width = take_star(format, &flags->width);
        if (!flags->has_width)
            text_add(format->out, "%!(BADWIDTH)");
        if (flags->width < 0) {
            flags->width = -flags->width;
            flags->minus = true;
            flags->zero = false;
        }
        *after_index = false;
        return;
    }
    flags->has_width = read_verb_number(s, at, s.len, &flags->width);
    if (*after_index && flags->has_width)
        format->good_index = false;
}

static void read_precision(struct format *format, struct str s, size_t *at, bool *after_index)
{
    struct format_flags *flags = &format->flags;

    if (*at >= s.len || s.at[*at] != '.')
        return;
    *at += 1;
    if (*after_index)
        format->good_index = false;
    *after_index = read_argument_index(format, s, at);
    if (*at < s.len && s.at[*at] == '*') {
        *at += 1;
        flags->has_precision = take_star(format, &flags->precision);
        if (flags->precision < 0) {
            flags->precision = 0;
            flags->has_precision = false;
        }
        if (!flags->has_precision)
            text_add(format->out, "%!(BADPREC)");
        *after_index = false;
        return;
    }
    if (!read_verb_number(s, at, s.len, &flags->precision))
        flags->precision = 0;
    flags->has_precision = true;
}

static void read_verb_flags(struct format_flags *flags, struct str s, size_t *at)
{
    for (; *at < s.len; (*at)++) {
        switch (s.at[*at]) {
        case '#':
            flags->sharp = true;
            break;
        case '0':
            flags->zero = true;
            break;
        case '+':
            flags->plus = true;
            break;
        case '-':
            flags->minus = true;
            break;
        case ' ':
            flags->blank = true;
            break;
        default:
            return;
        }
    }
}

/* "%!d(MISSING)": the verb and what is wrong with its argument. */
static void mark_mistake(struct format *format, unsigned verb, const char *what)
{
    text_add(format->out, "%!");
    rune_put(format->out, verb);
    text_add(format->out, what);
}

/* Writes the next argument, or marks that there is none. */
static void format_verb(struct format *format, unsigned verb)
{
    struct format_flags *flags = &format->flags;

    if (verb == '%') {
        text_add_char(format->out, '%');
    } else if (!format->good_index) {
        mark_mistake(format, verb, "(BADINDEX)");
    } else if (format->next >= format->count) {
        mark_mistake(format, verb, "(MISSING)");
    } else {
        /* "w" wraps an error in Errorf, and is as "v" until it finds none. */
        if (verb == 'v' || verb == 'w') {
            flags->sharp_v = flags->sharp;
            flags->plus_v = flags->plus;
            flags->sharp = flags->plus = false;
        }
        format_argument(format, format->args[format->next++], verb);
    }
}

/* One "%…" whose percent sign has been read; false at the end. */
static bool format_directive(struct format *format, struct str s, size_t *at)
{
    bool after_index;
    unsigned verb;

    format->flags = (struct format_flags){0};
    format->good_index = true;
    read_verb_flags(&format->flags, s, at);
    after_index = read_argument_index(format, s, at);
    read_width(format, s, at, &after_index);
    read_precision(format, s, at, &after_index);
    if (!after_index)
        read_argument_index(format, s, at);
    if (*at >= s.len) {
        text_add(format->out, "%!(NOVERB)");
        return false;
    }
    *at += rune_next(s.at + *at, s.len - *at, &verb);
    format_verb(format, verb);
    return true;
}

/* Arguments that no verb took are listed behind the text; not after an index, which may pass
   some over. */
static void format_extra(struct format *format)
{
    if (format->reordered || format->next >= format->count)
        return;
    format->flags = (struct format_flags){0};
    text_add(format->out, "%!(EXTRA ");
    for (size_t i = format->next; i < format->count; i++) {
        struct value v = format->args[i];

        if (i > format->next)
            text_add(format->out, ", ");
        if (v.kind == KIND_NIL) {
            text_add(format->out, "<nil>");
            continue;
        }
        text_add(format->out, value_type(v));
        text_add_char(format->out, '=');
        format_argument(format, v, 'v');
    }
    text_add_char(format->out, ')');
}

/* Plain bytes are copied up to the next percent sign; a limit of the text ends the whole. */
bool print_format(struct text *out, struct str s, const struct value *args, size_t count)
{
    struct format format = {.out = out, .args = args, .count = count};

    for (size_t at = 0; at < s.len && !format.failed;) {
        const char *percent = memchr(s.at + at, '%', s.len - at);
        size_t end = percent ? (size_t)(percent - s.at) : s.len;

        text_add_bytes(out, s.at + at, end - at);
        at = end + 1;
        if (out->over)
            return false;
        if (!percent || !format_directive(&format, s, &at))
            break;
    }
    format_extra(&format);
    return !format.failed;
}
