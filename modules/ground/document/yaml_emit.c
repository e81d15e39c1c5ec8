/* SPDX-License-Identifier: Apache-2.0 */
/* Writes YAML scalars: quotes, escapes, folds and blocks as go-yaml does. */
#include "document/yaml_emit.h"

#include <string.h>

#define BEST_INDENT 2
#define BEST_WIDTH 80

/* ---- What a text is made of --------------------------------------------- */

static size_t width_of_rune(const char *at, size_t left)
{
    unsigned char c = (unsigned char)*at;
    size_t width = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    return width < left ? width : left;
}

static unsigned read_rune(const char *at, size_t left)
{
    unsigned rune = 0xfffd;

    text_utf8_next((const unsigned char *)at, left, &rune);
    return rune;
}

static bool is_break(unsigned rune)
{
    return rune == '\n' || rune == '\r' || rune == 0x85 || rune == 0x2028 || rune == 0x2029;
}

static bool is_yaml_blank(unsigned rune)
{
    return rune == ' ' || rune == '\t';
}

/* The characters that go-yaml does not escape; it escapes all beyond the basic plane. */
static bool is_printable(unsigned rune)
{
    return rune == '\n' || (rune >= 0x20 && rune <= 0x7e) || (rune >= 0xa0 && rune < 0xd800) ||
           (rune >= 0xe000 && rune <= 0xfffd && rune != 0xfeff);
}

/* The styles that a text can be written in. */
struct scan {
    bool plain, single, block, multiline;
};

static bool begins_something(unsigned rune, bool blank_follows)
{
    if (rune == '?' || rune == ':' || rune == '-')
        return blank_follows;
    return rune < 0x80 && rune && strchr("#,[]{}&*!|>'\"%@`", (int)rune);
}

/* go-yaml's analysis of a scalar (yaml_emitter_analyze_scalar): one pass that
   finds what each style cannot represent. */
static struct scan scan_text(const char *bytes, size_t len, bool modern)
{
    bool indicators = len >= 3 && (memcmp(bytes, "---", 3) == 0 || memcmp(bytes, "...", 3) == 0);
    bool special = false, tab = false, breaks = false, space_break = false;
    bool break_space = false, outer = false, last_space = false;
    bool was_space = false, was_break = false, after_blank = true;
    size_t width;

    if (!len)
        return (struct scan){.plain = true, .single = true};
    for (size_t i = 0; i < len; i += width) {
        unsigned rune = read_rune(bytes + i, len - i);
        bool last, blank_follows;

        width = width_of_rune(bytes + i, len - i);
        last = i + width >= len;
        blank_follows = last || is_yaml_blank((unsigned char)bytes[i + width]);
        if (i == 0)
            indicators |= begins_something(rune, blank_follows);
        else
            indicators |= (rune == ':' && blank_follows) || (rune == '#' && after_blank);
        if (modern && rune == '\t')
            tab = true;
        else
            special |= !is_printable(rune);
        if (rune == ' ') {
            outer |= i == 0 || last;
            last_space |= last;
            break_space |= was_break;
        } else if (is_break(rune)) {
            breaks = true;
            outer |= i == 0 || last;
            space_break |= was_space;
        }
        was_space = rune == ' ';
        was_break = is_break(rune);
        after_blank = is_yaml_blank(rune) || is_break(rune) || !rune;
    }
    return (struct scan){
        .plain = !(outer || break_space || space_break || tab || special || breaks || indicators),
        .single = !(break_space || space_break || tab || special),
        .block = !(last_space || space_break || special),
        .multiline = breaks,
    };
}

bool yaml_pen_is_simple(const char *bytes, size_t len, bool modern)
{
    return len <= 128 && !scan_text(bytes, len, modern).multiline;
}

/* ---- The pen ------------------------------------------------------------ */

static void emit_byte(struct yaml_pen *pen, char c)
{
    text_add_char(pen->out, c);
    pen->column++;
}

static void emit_new_line(struct yaml_pen *pen)
{
    text_add_char(pen->out, '\n');
    pen->column = 0;
    pen->indention |= pen->modern;
}

void yaml_pen_indent(struct yaml_pen *pen)
{
    size_t indent = pen->indent < 0 ? 0 : (size_t)pen->indent;

    if (!pen->indention || pen->column > indent || (pen->column == indent && !pen->whitespace))
        emit_new_line(pen);
    while (pen->column < indent)
        emit_byte(pen, ' ');
    pen->whitespace = true;
    pen->indention = true;
}

void yaml_pen_mark(struct yaml_pen *pen, const char *mark, bool apart, bool opens)
{
    if (apart && !pen->whitespace)
        emit_byte(pen, ' ');
    for (; *mark; mark++)
        emit_byte(pen, *mark);
    pen->whitespace = false;
    pen->indention = pen->indention && opens;
}

/* Copies one character. */
static size_t copy_run(struct yaml_pen *pen, const char *at, size_t left)
{
    size_t width = width_of_rune(at, left);

    text_add_bytes(pen->out, at, width);
    pen->column++;
    return width;
}

static size_t copy_break(struct yaml_pen *pen, const char *at, size_t left)
{
    size_t width = 1;

    if (*at == '\n')
        text_add_char(pen->out, '\n');
    else
        width = copy_run(pen, at, left);
    pen->column = 0;
    pen->indention |= pen->modern;
    return width;
}

static bool is_too_wide(const struct yaml_pen *pen)
{
    return !pen->modern && pen->column > BEST_WIDTH;
}

/* Writes the text of a plain or single-quoted scalar, and folds it at spaces
   beyond column 80. */
static void write_flow(struct yaml_pen *pen, const char *bytes, size_t len, bool quoted,
                       bool may_fold)
{
    bool spaces = false, breaks = false;

    for (size_t i = 0; i < len;) {
        const char *at = bytes + i;
        unsigned rune = read_rune(at, len - i);

        if (rune == ' ') {
            bool inside = !quoted || (i > 0 && i + 1 < len);

            if (may_fold && !spaces && is_too_wide(pen) && inside &&
                !(i + 1 < len && at[1] == ' ')) {
                yaml_pen_indent(pen);
                i++;
            } else {
                i += copy_run(pen, at, len - i);
            }
            spaces = true;
        } else if (is_break(rune)) {
            if (!breaks && rune == '\n')
                emit_new_line(pen);
            i += copy_break(pen, at, len - i);
            pen->indention = true;
            breaks = true;
        } else {
            if (breaks)
                yaml_pen_indent(pen);
            if (quoted && rune == '\'')
                emit_byte(pen, '\'');
            i += copy_run(pen, at, len - i);
            pen->indention = false;
            spaces = breaks = false;
        }
    }
}

static void write_plain(struct yaml_pen *pen, const char *bytes, size_t len, bool may_fold)
{
    if ((len || !pen->modern) && !pen->whitespace)
        emit_byte(pen, ' ');
    write_flow(pen, bytes, len, false, may_fold);
    pen->whitespace = false;
    pen->indention = false;
}

static void write_single(struct yaml_pen *pen, const char *bytes, size_t len, bool may_fold)
{
    yaml_pen_mark(pen, "'", true, false);
    write_flow(pen, bytes, len, true, may_fold);
    yaml_pen_mark(pen, "'", false, false);
    pen->whitespace = false;
    pen->indention = false;
}

static void emit_escape(struct yaml_pen *pen, unsigned rune)
{
    static const struct {
        unsigned rune;
        char letter;
    } shorts[] = {
        {0, '0'},     {7, 'a'},    {8, 'b'},    {9, 't'},      {10, 'n'},
        {11, 'v'},    {12, 'f'},   {13, 'r'},   {27, 'e'},     {'"', '"'},
        {'\\', '\\'}, {0x85, 'N'}, {0xa0, '_'}, {0x2028, 'L'}, {0x2029, 'P'},
    };
    size_t from;

    emit_byte(pen, '\\');
    for (size_t i = 0; i < count_of(shorts); i++) {
        if (shorts[i].rune == rune) {
            emit_byte(pen, shorts[i].letter);
            return;
        }
    }
    from = pen->out->len;
    text_addf(pen->out, rune <= 0xff ? "x%02X" : rune <= 0xffff ? "u%04X" : "U%08X", rune);
    pen->column += pen->out->len - from;
}

static void write_double(struct yaml_pen *pen, const char *bytes, size_t len, bool may_fold)
{
    /* go-yaml looks for a byte order mark at the start of the text only, and if
       there is one escapes the rest of the text as well. */
    bool marked = len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0;
    bool spaces = false;

    yaml_pen_mark(pen, "\"", true, false);
    for (size_t i = 0; i < len;) {
        const char *at = bytes + i;
        unsigned rune = read_rune(at, len - i);

        if (marked || !is_printable(rune) || is_break(rune) || rune == '"' || rune == '\\') {
            emit_escape(pen, rune);
            i += width_of_rune(at, len - i);
            spaces = false;
        } else if (rune == ' ') {
            if (may_fold && !spaces && is_too_wide(pen) && i > 0 && i + 1 < len) {
                yaml_pen_indent(pen);
                if (at[1] == ' ')
                    emit_byte(pen, '\\');
                i++;
            } else {
                i += copy_run(pen, at, len - i);
            }
            spaces = true;
        } else {
            i += copy_run(pen, at, len - i);
            spaces = false;
        }
    }
    yaml_pen_mark(pen, "\"", false, false);
    pen->whitespace = false;
    pen->indention = false;
}

/* The chomping indicator of YAML 1.1: "-" if no line break ends the text, "+" if
   several do. */
static const char *chomping_mark(const char *bytes, size_t len)
{
    size_t last = len - 1;

    while (((unsigned char)bytes[last] & 0xc0) == 0x80)
        last--;
    if (!is_break(read_rune(bytes + last, len - last)))
        return "-";
    if (last == 0)
        return "+";
    for (last--; ((unsigned char)bytes[last] & 0xc0) == 0x80;)
        last--;
    return is_break(read_rune(bytes + last, len - last)) ? "+" : "";
}

static void write_literal(struct yaml_pen *pen, const char *bytes, size_t len)
{
    unsigned first = read_rune(bytes, len);
    bool breaks = true;

    yaml_pen_mark(pen, "|", true, false);
    /* A block that starts with a space needs an explicit indentation. */
    if (first == ' ' || is_break(first))
        yaml_pen_mark(pen, "2", false, false);
    yaml_pen_mark(pen, chomping_mark(bytes, len), false, false);
    emit_new_line(pen);
    pen->indention = true;
    pen->whitespace = true;
    for (size_t i = 0; i < len;) {
        if (is_break(read_rune(bytes + i, len - i))) {
            i += copy_break(pen, bytes + i, len - i);
            pen->indention = true;
            breaks = true;
        } else {
            if (breaks)
                yaml_pen_indent(pen);
            i += copy_run(pen, bytes + i, len - i);
            pen->indention = false;
            breaks = false;
        }
    }
}

/* Takes the next style that can hold the text: plain, single-quoted, double-quoted. */
void yaml_pen_scalar(struct yaml_pen *pen, const char *bytes, size_t len, enum yaml_style style,
                     bool simple_key)
{
    struct scan scan = scan_text(bytes, len, pen->modern);
    int indent = pen->indent;

    if (simple_key && scan.multiline)
        style = YAML_DOUBLE;
    if (style == YAML_PLAIN && (!scan.plain || (!len && simple_key)))
        style = YAML_SINGLE;
    if (style == YAML_SINGLE && !scan.single)
        style = YAML_DOUBLE;
    if (style == YAML_LITERAL && (!scan.block || simple_key))
        style = YAML_DOUBLE;
    pen->indent = indent < 0 ? BEST_INDENT : indent + BEST_INDENT;
    switch (style) {
    case YAML_PLAIN:
        write_plain(pen, bytes, len, !simple_key);
        break;
    case YAML_SINGLE:
        write_single(pen, bytes, len, !simple_key);
        break;
    case YAML_DOUBLE:
        write_double(pen, bytes, len, !simple_key);
        break;
    case YAML_LITERAL:
        write_literal(pen, bytes, len);
        break;
    }
    pen->indent = indent;
}
