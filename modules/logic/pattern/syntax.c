/* SPDX-License-Identifier: Apache-2.0 */
/* Parses an expression of RE2's syntax into a tree. */
#include "base/unicode.h"
#include "pattern/syntax.h"

#include <string.h>

#define NESTING 500
#define REPEATS 1000

/* ---- Atoms ---- */

static struct shape_node *rune_node(struct syntax *reader, unsigned rune)
{
    struct shape_node *node = syntax_node(reader, SHAPE_CLASS);

    syntax_add_range(reader, &node->class, rune, rune);
    if (reader->flags.fold)
        syntax_add_other_cases(reader, &node->class);
    class_tidy(&node->class);
    return node;
}

static struct shape_node *assert_node(struct syntax *reader, enum step assert)
{
    struct shape_node *node = syntax_node(reader, SHAPE_ASSERT);

    node->assert = assert;
    return node;
}

/* Every rune; without the flag s, every rune but the line break. */
static struct shape_node *dot_node(struct syntax *reader)
{
    struct shape_node *node = syntax_node(reader, SHAPE_CLASS);

    if (reader->flags.dot_all) {
        syntax_add_range(reader, &node->class, 0, UNICODE_LAST);
    } else {
        syntax_add_range(reader, &node->class, 0, '\n' - 1);
        syntax_add_range(reader, &node->class, '\n' + 1, UNICODE_LAST);
    }
    return node;
}

/* \Q…\E: everything between is literal. */
static struct shape_node *read_quoted(struct syntax *reader)
{
    struct shape_node *node = syntax_node(reader, SHAPE_CONCAT);

    reader->at += 2;
    while (syntax_more(reader) && !syntax_ahead(reader, "\\E"))
        syntax_append(node, rune_node(reader, syntax_next_rune(reader)));
    reader->at += syntax_more(reader) ? 2 : 0;
    return node;
}

/* Parses an escape outside of a class. */
static struct shape_node *read_backslash(struct syntax *reader)
{
    char c = reader->len - reader->at > 1 ? reader->text[reader->at + 1] : '\0';
    struct shape_node *node;
    unsigned rune;
    int found;

    if (c == 'Q')
        return read_quoted(reader);
    if (c == 'A' || c == 'z' || c == 'b' || c == 'B') {
        reader->at += 2;
        return assert_node(reader, c == 'A'   ? STEP_BEGIN_TEXT
                                   : c == 'z' ? STEP_END_TEXT
                                   : c == 'b' ? STEP_WORD_EDGE
                                              : STEP_NO_WORD_EDGE);
    }
    node = syntax_node(reader, SHAPE_CLASS);
    found = syntax_read_set(reader, &node->class);
    if (found) {
        class_tidy(&node->class);
        return found < 0 ? NULL : node;
    }
    return syntax_read_escape(reader, &rune) ? rune_node(reader, rune) : NULL;
}

static bool is_name_byte(char c)
{
    return (c >= '0' && c <= '9') || c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Names consist of letters, digits and underscores, and are given once. */
static bool read_group_name(struct syntax *reader, size_t start, size_t group)
{
    struct pattern *pattern = reader->pattern;
    size_t name = reader->at;

    while (syntax_more(reader) && is_name_byte(reader->text[reader->at]))
        reader->at++;
    if (reader->at == name || !syntax_ahead(reader, ">")) {
        syntax_refuse(reader, "invalid named capture", start, reader->at + syntax_more(reader));
        return false;
    }
    if (pattern->name_count == reader->name_room) {
        size_t room = reader->name_room ? reader->name_room * 2 : 4;
        struct group_name *wider = arena_alloc(pattern->arena, room * sizeof *wider);

        if (pattern->name_count)
            memcpy(wider, pattern->names, pattern->name_count * sizeof *wider);
        pattern->names = wider;
        reader->name_room = room;
    }
    pattern->names[pattern->name_count++] =
        (struct group_name){arena_bytes(pattern->arena, reader->text + name, reader->at - name),
                            reader->at - name, group};
    reader->at++;
    return true;
}

/* "(?i)", "(?i:…": true with `ret_opens` if a group follows. */
static bool read_group_flags(struct syntax *reader, size_t start, bool *ret_opens)
{
    struct syntax_flags flags = reader->flags;
    bool on = true, any = false;

    for (; syntax_more(reader); reader->at++, any = true) {
        char c = reader->text[reader->at];

        if (c == 'i')
            flags.fold = on;
        else if (c == 'm')
            flags.many_lines = on;
        else if (c == 's')
            flags.dot_all = on;
        else if (c == 'U')
            flags.lazy = on;
        else if (c == '-' && on)
            on = false;
        else if ((c == ':' || c == ')') && (any || c == ':')) {
            reader->at++;
            reader->flags = flags;
            *ret_opens = c == ':';
            return true;
        } else
            break;
    }
    syntax_refuse(reader, "invalid or unsupported Perl syntax", start,
                  reader->at + syntax_more(reader));
    return false;
}

/* The flags that a group sets end with the group. */
static struct shape_node *read_group(struct syntax *reader)
{
    size_t start = reader->at++;
    struct syntax_flags flags = reader->flags;
    struct shape_node *node = syntax_node(reader, SHAPE_GROUP), *inner;
    bool opens = true;

    if (syntax_ahead(reader, "?P<") || syntax_ahead(reader, "?<")) {
        reader->at += syntax_ahead(reader, "?P<") ? 3 : 2;
        if (syntax_ahead(reader, "=") || syntax_ahead(reader, "!"))
            return syntax_refuse(reader, "invalid or unsupported Perl syntax", start, reader->at);
        node->group = reader->pattern->groups++;
        if (!read_group_name(reader, start, node->group))
            return NULL;
    } else if (syntax_ahead(reader, "?")) {
        reader->at++;
        if (!read_group_flags(reader, start, &opens))
            return NULL;
        if (!opens)
            return syntax_node(reader, SHAPE_EMPTY);
    } else {
        node->group = reader->pattern->groups++;
    }
    if (++reader->depth > NESTING)
        return syntax_refuse(reader, "expression nests too deeply", 0, reader->len);
    inner = syntax_read(reader);
    if (!inner)
        return NULL;
    if (!syntax_more(reader))
        return syntax_refuse(reader, "missing closing )", 0, reader->len);
    reader->at++;
    reader->depth--;
    reader->flags = flags;
    syntax_append(node, inner);
    return node;
}

/* Parses what a repetition operator can follow. */
static struct shape_node *read_atom(struct syntax *reader)
{
    bool lines = reader->flags.many_lines;

    switch (reader->text[reader->at]) {
    case '(':
        return read_group(reader);
    case '[':
        return syntax_read_class(reader);
    case '\\':
        return read_backslash(reader);
    case '.':
        reader->at++;
        return dot_node(reader);
    case '^':
        reader->at++;
        return assert_node(reader, lines ? STEP_BEGIN_LINE : STEP_BEGIN_TEXT);
    case '$':
        reader->at++;
        return assert_node(reader, lines ? STEP_END_LINE : STEP_END_TEXT);
    default:
        return rune_node(reader, syntax_next_rune(reader));
    }
}

/* ---- Repetition ---- */

static bool read_repeat_count(struct syntax *reader, int *ret)
{
    size_t start = reader->at;

    *ret = 0;
    while (syntax_more(reader) && reader->text[reader->at] >= '0' &&
           reader->text[reader->at] <= '9') {
        if (*ret <= REPEATS)
            *ret = *ret * 10 + (reader->text[reader->at] - '0');
        reader->at++;
    }
    return reader->at > start;
}

/* "{2}", "{2,}", "{2,5}"; anything else in braces is text. */
static bool read_braces(struct syntax *reader, int *least, int *most)
{
    size_t start = reader->at++;

    if (read_repeat_count(reader, least)) {
        *most = *least;
        if (syntax_ahead(reader, ",")) {
            reader->at++;
            if (!read_repeat_count(reader, most))
                *most = -1;
        }
        if (syntax_ahead(reader, "}")) {
            reader->at++;
            return true;
        }
    }
    reader->at = start;
    return false;
}

/* Returns 1 if a repetition operator stands here, 0 if not. */
static int read_repeat_operator(struct syntax *reader, int *least, int *most)
{
    char c = syntax_more(reader) ? reader->text[reader->at] : '\0';

    if (c == '{')
        return read_braces(reader, least, most);
    if (c != '*' && c != '+' && c != '?')
        return 0;
    reader->at++;
    *least = c == '+';
    *most = c == '?' ? 1 : -1;
    return 1;
}

/* As Go's regexp, refuses two repetition operators in a row, and more than 1,000
   repetitions. */
static struct shape_node *read_repeated(struct syntax *reader)
{
    size_t start = reader->at;
    struct shape_node *atom, *node;
    int least, most;

    if (read_repeat_operator(reader, &least, &most))
        return syntax_refuse(reader, "missing argument to repetition operator", start, reader->at);
    atom = read_atom(reader);
    if (!atom)
        return NULL;
    start = reader->at;
    if (!read_repeat_operator(reader, &least, &most))
        return atom;
    if (least > REPEATS || most > REPEATS || (most >= 0 && most < least))
        return syntax_refuse(reader, "invalid repeat count", start, reader->at);
    node = syntax_node(reader, SHAPE_REPEAT);
    node->least = least;
    node->most = most;
    node->lazy = reader->flags.lazy;
    if (syntax_ahead(reader, "?")) {
        reader->at++;
        node->lazy = !node->lazy;
    }
    syntax_append(node, atom);
    if (read_repeat_operator(reader, &least, &most))
        return syntax_refuse(reader, "invalid nested repetition operator", start, reader->at);
    return node;
}

/* Atoms up to a bar, a parenthesis or the end. */
static struct shape_node *read_concat(struct syntax *reader)
{
    struct shape_node *node = syntax_node(reader, SHAPE_CONCAT);

    while (syntax_more(reader) && reader->text[reader->at] != '|' &&
           reader->text[reader->at] != ')') {
        struct shape_node *child = read_repeated(reader);

        if (!child)
            return NULL;
        syntax_append(node, child);
    }
    return node;
}

/* Recursion through groups is bounded by NESTING. */
struct shape_node *syntax_read(struct syntax *reader)
{
    struct shape_node *node = syntax_node(reader, SHAPE_EITHER);

    for (;;) {
        struct shape_node *child = read_concat(reader);

        if (!child)
            return NULL;
        syntax_append(node, child);
        if (!syntax_more(reader) || reader->text[reader->at] != '|')
            return node->child->next ? node : node->child;
        reader->at++;
    }
}
