/* SPDX-License-Identifier: Apache-2.0 */
/* Reads an expression and writes the instructions that look for it. */
#include "base/text.h"
#include "pattern/inside.h"

#include <stdlib.h>
#include <string.h>

#define LAST_RUNE 0x10ffffu
#define NESTING 500
#define REPEATS 1000
/* Two lists of threads with their captures must fit into this. */
#define FIND_BYTES ((size_t)16 * 1024 * 1024)
/* What an expression may take while it is read: \PL alone has a thousand
   ranges, and it is three bytes long. */
#define READ_BYTES ((size_t)4 * 1024 * 1024)

enum shape {
    SHAPE_EMPTY,
    SHAPE_CLASS,
    SHAPE_ASSERT,
    SHAPE_CONCAT,
    SHAPE_EITHER,
    SHAPE_REPEAT,
    SHAPE_GROUP,
};

/* An expression as a tree; children are a list through `next`. */
struct shape_node {
    enum shape shape;
    struct shape_node *child, *last, *next;
    struct class class;
    enum step assert;
    int least, most; /* -1: without end */
    bool lazy;
    size_t group;
};

struct flags {
    bool fold, many_lines, dot_all, lazy;
};

struct reader {
    struct pattern *pattern;
    const char *text;
    size_t len, at;
    struct flags flags;
    unsigned depth;
    size_t most, name_room;
    struct err *err;
};

static struct shape_node *read_either(struct reader *reader);

static void *refuse(struct reader *reader, const char *why, size_t from,
                    size_t to)
{
    to = to > reader->len ? reader->len : to;
    from = from > to ? to : from;
    err_set(reader->err, ERR_INVALID, "error parsing regexp: %s: `%.*s`", why,
            (int)(to - from > 300 ? 300 : to - from), reader->text + from);
    return NULL;
}

static struct shape_node *node_new(struct reader *reader, enum shape shape)
{
    struct shape_node *node =
        arena_alloc(reader->pattern->arena, sizeof *node);

    node->shape = shape;
    return node;
}

static void node_append(struct shape_node *parent, struct shape_node *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->child = child;
    parent->last = child;
}

static bool more(const struct reader *reader)
{
    return reader->at < reader->len;
}

static bool ahead(const struct reader *reader, const char *what)
{
    size_t len = strlen(what);

    return reader->len - reader->at >= len &&
           memcmp(reader->text + reader->at, what, len) == 0;
}

static unsigned next_rune(struct reader *reader)
{
    unsigned rune = 0;
    size_t step =
        text_utf8_next((const unsigned char *)reader->text + reader->at,
                       reader->len - reader->at, &rune);

    reader->at += step ? step : 1;
    return step ? rune : 0xfffd;
}

/* ---- Classes ---- */

static void add(struct reader *reader, struct class *class, unsigned first,
                unsigned last)
{
    class_add(reader->pattern->arena, class, first, last);
}

/* Adds the other case of every rune: Latin, Greek and Cyrillic. */
static void fold_part(struct reader *reader, struct class *class,
                      struct range range, unsigned first, unsigned last,
                      int delta)
{
    unsigned from = range.first > first ? range.first : first;
    unsigned to = range.last < last ? range.last : last;

    if (from <= to)
        add(reader, class, (unsigned)((int)from + delta),
            (unsigned)((int)to + delta));
}

static void fold(struct reader *reader, struct class *class)
{
    static const struct {
        unsigned first, last;
        int delta;
    } cases[] = {
        {'A', 'Z', 32},        {'a', 'z', -32},       {0xc0, 0xd6, 32},
        {0xe0, 0xf6, -32},     {0xd8, 0xde, 32},      {0xf8, 0xfe, -32},
        {0x391, 0x3a9, 32},    {0x3b1, 0x3c9, -32},   {0x410, 0x42f, 32},
        {0x430, 0x44f, -32},   {0x400, 0x40f, 80},    {0x450, 0x45f, -80},
    };
    size_t count = class->count;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count_of(cases); j++)
            fold_part(reader, class, class->ranges[i], cases[j].first,
                      cases[j].last, cases[j].delta);
    }
}

static const struct {
    const char *name;
    const char *ranges; /* pairs of bytes */
} ascii_sets[] = {
    {"alnum", "09AZaz"}, {"alpha", "AZaz"},   {"ascii", "\x01\x7f"},
    {"blank", "\t\t  "}, {"cntrl", "\x01\x1f\x7f\x7f"},
    {"digit", "09"},     {"graph", "!~"},     {"lower", "az"},
    {"print", " ~"},     {"punct", "!/:@[`{~"}, {"space", "\t\r  "},
    {"upper", "AZ"},     {"word", "09AZaz__"}, {"xdigit", "09AFaf"},
    {"d", "09"},         {"s", "\t\n\f\r  "}, {"w", "09AZaz__"},
};

static bool add_ascii(struct reader *reader, struct class *into,
                      const char *name, size_t len, bool negated)
{
    struct class class = {0};

    for (size_t i = 0; i < count_of(ascii_sets); i++) {
        if (strlen(ascii_sets[i].name) != len ||
            memcmp(ascii_sets[i].name, name, len) != 0)
            continue;
        for (const char *at = ascii_sets[i].ranges; *at; at += 2)
            add(reader, &class, (unsigned char)at[0], (unsigned char)at[1]);
        if (len > 1 && (ascii_sets[i].ranges[0] == 1))
            add(reader, &class, 0, 0);
        if (reader->flags.fold)
            fold(reader, &class);
        if (negated)
            class_negate(reader->pattern->arena, &class);
        for (size_t j = 0; j < class.count; j++)
            add(reader, into, class.ranges[j].first, class.ranges[j].last);
        return true;
    }
    return false;
}

/* \d \s \w \p{…} and their opposites at the backslash; 0 if there is none
   here, -1 if it is wrong. */
static int read_set(struct reader *reader, struct class *into)
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
        const char *end =
            memchr(reader->text + name, '}', reader->len - name);

        if (!end) {
            refuse(reader, "invalid character class range", start, reader->len);
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
        !class_add_named(reader->pattern->arena, &class, reader->text + name,
                         len)) {
        refuse(reader, "invalid character class range", start, reader->at);
        return -1;
    }
    if (negated)
        class_negate(reader->pattern->arena, &class);
    for (size_t i = 0; i < class.count; i++)
        add(reader, into, class.ranges[i].first, class.ranges[i].last);
    used = arena_used(reader->pattern->arena);
    if (used <= READ_BYTES)
        return 1;
    refuse(reader, "expression too large", 0, reader->len);
    return -1;
}

static int digit_of(char c, int base)
{
    int digit = c >= '0' && c <= '9' ? c - '0'
                : (c | 0x20) >= 'a' && (c | 0x20) <= 'f'
                    ? (c | 0x20) - 'a' + 10
                    : 99;

    return digit < base ? digit : -1;
}

static bool bad_escape(struct reader *reader, size_t start)
{
    return refuse(reader, "invalid escape sequence", start, reader->at) != NULL;
}

static bool read_hex(struct reader *reader, size_t start, unsigned *ret)
{
    bool braces = more(reader) && reader->text[reader->at] == '{';
    unsigned count = 0;

    reader->at += braces;
    *ret = 0;
    while (more(reader) && (braces || count < 2)) {
        int digit = digit_of(reader->text[reader->at], 16);

        if (digit < 0)
            break;
        *ret = *ret * 16 + (unsigned)digit;
        if (*ret > LAST_RUNE)
            return bad_escape(reader, start);
        reader->at++;
        count++;
    }
    if (!count || (!braces && count != 2) ||
        (braces && (!more(reader) || reader->text[reader->at] != '}'))) {
        reader->at += more(reader);
        return bad_escape(reader, start);
    }
    reader->at += braces;
    return true;
}

/* An escaped rune, the backslash included. */
static bool read_escape(struct reader *reader, unsigned *ret)
{
    static const char shorts[] = "a\af\fn\nr\rt\tv\v";
    size_t start = reader->at++;
    unsigned rune;

    if (!more(reader)) {
        refuse(reader, "trailing backslash at end of expression", reader->len,
               reader->len);
        return false;
    }
    rune = next_rune(reader);
    if (rune == 'x')
        return read_hex(reader, start, ret);
    if ((rune == '0' || (rune >= '1' && rune <= '7' && more(reader) &&
                         digit_of(reader->text[reader->at], 8) >= 0))) {
        *ret = rune - '0';
        for (int i = 0; i < 2 && more(reader); i++) {
            int digit = digit_of(reader->text[reader->at], 8);

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
    if (rune < 0x80 && rune > ' ' && digit_of((char)rune, 10) < 0 &&
        !((rune | 0x20) >= 'a' && (rune | 0x20) <= 'z'))
        return true;
    return bad_escape(reader, start);
}

static bool read_class_rune(struct reader *reader, size_t open, unsigned *ret)
{
    if (!more(reader)) {
        refuse(reader, "missing closing ]", open, reader->len);
        return false;
    }
    if (reader->text[reader->at] == '\\')
        return read_escape(reader, ret);
    *ret = next_rune(reader);
    return true;
}

/* "[:alpha:]"; 0 if none is here, -1 if its name is not known. */
static int read_posix(struct reader *reader, struct class *into)
{
    size_t start = reader->at, name = start + 2;
    const char *end;
    bool negated;

    if (!ahead(reader, "[:"))
        return 0;
    end = memmem(reader->text + name, reader->len - name, ":]", 2);
    if (!end)
        return 0;
    reader->at = (size_t)(end - reader->text) + 2;
    negated = reader->text[name] == '^';
    name += negated;
    if (end >= reader->text + name && end - reader->text - (ptrdiff_t)name > 1 &&
        add_ascii(reader, into, reader->text + name,
                  (size_t)(end - reader->text) - name, negated))
        return 1;
    refuse(reader, "invalid character class range", start, reader->at);
    return -1;
}

static bool read_class_range(struct reader *reader, struct class *class,
                             size_t open)
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
            refuse(reader, "invalid character class range", start, reader->at);
            return false;
        }
    }
    add(reader, &one, first, last);
    if (reader->flags.fold)
        fold(reader, &one);
    for (size_t i = 0; i < one.count; i++)
        add(reader, class, one.ranges[i].first, one.ranges[i].last);
    return true;
}

static struct shape_node *read_class(struct reader *reader)
{
    struct shape_node *node = node_new(reader, SHAPE_CLASS);
    size_t open = reader->at++;
    bool negated = more(reader) && reader->text[reader->at] == '^';
    bool first = true;

    reader->at += negated;
    for (; !more(reader) || reader->text[reader->at] != ']' || first;
         first = false) {
        int found;

        if (!more(reader))
            return refuse(reader, "missing closing ]", open, reader->len);
        found = read_posix(reader, &node->class);
        if (!found && reader->text[reader->at] == '\\')
            found = read_set(reader, &node->class);
        if (found < 0 ||
            (!found && !read_class_range(reader, &node->class, open)))
            return NULL;
    }
    reader->at++;
    if (negated)
        class_negate(reader->pattern->arena, &node->class);
    class_tidy(&node->class);
    return node;
}

/* ---- Atoms ---- */

static struct shape_node *rune_node(struct reader *reader, unsigned rune)
{
    struct shape_node *node = node_new(reader, SHAPE_CLASS);

    add(reader, &node->class, rune, rune);
    if (reader->flags.fold)
        fold(reader, &node->class);
    class_tidy(&node->class);
    return node;
}

static struct shape_node *assert_node(struct reader *reader, enum step assert)
{
    struct shape_node *node = node_new(reader, SHAPE_ASSERT);

    node->assert = assert;
    return node;
}

static struct shape_node *dot_node(struct reader *reader)
{
    struct shape_node *node = node_new(reader, SHAPE_CLASS);

    if (reader->flags.dot_all) {
        add(reader, &node->class, 0, LAST_RUNE);
    } else {
        add(reader, &node->class, 0, '\n' - 1);
        add(reader, &node->class, '\n' + 1, LAST_RUNE);
    }
    return node;
}

static struct shape_node *read_quoted(struct reader *reader)
{
    struct shape_node *node = node_new(reader, SHAPE_CONCAT);

    reader->at += 2;
    while (more(reader) && !ahead(reader, "\\E"))
        node_append(node, rune_node(reader, next_rune(reader)));
    reader->at += more(reader) ? 2 : 0;
    return node;
}

static struct shape_node *read_backslash(struct reader *reader)
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
    node = node_new(reader, SHAPE_CLASS);
    found = read_set(reader, &node->class);
    if (found) {
        class_tidy(&node->class);
        return found < 0 ? NULL : node;
    }
    return read_escape(reader, &rune) ? rune_node(reader, rune) : NULL;
}

static bool word_rune(char c)
{
    return (c >= '0' && c <= '9') || c == '_' ||
           ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool read_name(struct reader *reader, size_t start, size_t group)
{
    struct pattern *pattern = reader->pattern;
    size_t name = reader->at;

    while (more(reader) && word_rune(reader->text[reader->at]))
        reader->at++;
    if (reader->at == name || !ahead(reader, ">")) {
        refuse(reader, "invalid named capture", start,
               reader->at + more(reader));
        return false;
    }
    if (pattern->name_count == reader->name_room) {
        size_t room = reader->name_room ? reader->name_room * 2 : 4;
        struct group_name *wider =
            arena_alloc(pattern->arena, room * sizeof *wider);

        if (pattern->name_count)
            memcpy(wider, pattern->names, pattern->name_count * sizeof *wider);
        pattern->names = wider;
        reader->name_room = room;
    }
    pattern->names[pattern->name_count++] = (struct group_name){
        arena_bytes(pattern->arena, reader->text + name, reader->at - name),
        reader->at - name, group};
    reader->at++;
    return true;
}

/* "(?i)", "(?i:…": true with `ret_opens` if a group follows. */
static bool read_flags(struct reader *reader, size_t start, bool *ret_opens)
{
    struct flags flags = reader->flags;
    bool on = true, any = false;

    for (; more(reader); reader->at++, any = true) {
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
    refuse(reader, "invalid or unsupported Perl syntax", start,
           reader->at + more(reader));
    return false;
}

static struct shape_node *read_group(struct reader *reader)
{
    size_t start = reader->at++;
    struct flags flags = reader->flags;
    struct shape_node *node = node_new(reader, SHAPE_GROUP), *inner;
    bool opens = true;

    if (ahead(reader, "?P<") || ahead(reader, "?<")) {
        reader->at += ahead(reader, "?P<") ? 3 : 2;
        if (ahead(reader, "=") || ahead(reader, "!"))
            return refuse(reader, "invalid or unsupported Perl syntax", start,
                          reader->at);
        node->group = reader->pattern->groups++;
        if (!read_name(reader, start, node->group))
            return NULL;
    } else if (ahead(reader, "?")) {
        reader->at++;
        if (!read_flags(reader, start, &opens))
            return NULL;
        if (!opens)
            return node_new(reader, SHAPE_EMPTY);
    } else {
        node->group = reader->pattern->groups++;
    }
    if (++reader->depth > NESTING)
        return refuse(reader, "expression nests too deeply", 0, reader->len);
    inner = read_either(reader);
    if (!inner)
        return NULL;
    if (!more(reader))
        return refuse(reader, "missing closing )", 0, reader->len);
    reader->at++;
    reader->depth--;
    reader->flags = flags;
    node_append(node, inner);
    return node;
}

static struct shape_node *read_atom(struct reader *reader)
{
    bool lines = reader->flags.many_lines;

    switch (reader->text[reader->at]) {
    case '(':
        return read_group(reader);
    case '[':
        return read_class(reader);
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
        return rune_node(reader, next_rune(reader));
    }
}

/* ---- Repetition ---- */

static bool read_number(struct reader *reader, int *ret)
{
    size_t start = reader->at;

    *ret = 0;
    while (more(reader) && reader->text[reader->at] >= '0' &&
           reader->text[reader->at] <= '9') {
        if (*ret <= REPEATS)
            *ret = *ret * 10 + (reader->text[reader->at] - '0');
        reader->at++;
    }
    return reader->at > start;
}

/* "{2}", "{2,}", "{2,5}"; anything else in braces is text. */
static bool read_braces(struct reader *reader, int *least, int *most)
{
    size_t start = reader->at++;

    if (read_number(reader, least)) {
        *most = *least;
        if (ahead(reader, ",")) {
            reader->at++;
            if (!read_number(reader, most))
                *most = -1;
        }
        if (ahead(reader, "}")) {
            reader->at++;
            return true;
        }
    }
    reader->at = start;
    return false;
}

/* A repetition operator here: 1, none: 0. */
static int read_operator(struct reader *reader, int *least, int *most)
{
    char c = more(reader) ? reader->text[reader->at] : '\0';

    if (c == '{')
        return read_braces(reader, least, most);
    if (c != '*' && c != '+' && c != '?')
        return 0;
    reader->at++;
    *least = c == '+';
    *most = c == '?' ? 1 : -1;
    return 1;
}

static struct shape_node *read_repeated(struct reader *reader)
{
    size_t start = reader->at;
    struct shape_node *atom, *node;
    int least, most;

    if (read_operator(reader, &least, &most))
        return refuse(reader, "missing argument to repetition operator", start,
                      reader->at);
    atom = read_atom(reader);
    if (!atom)
        return NULL;
    start = reader->at;
    if (!read_operator(reader, &least, &most))
        return atom;
    if (least > REPEATS || most > REPEATS || (most >= 0 && most < least))
        return refuse(reader, "invalid repeat count", start, reader->at);
    node = node_new(reader, SHAPE_REPEAT);
    node->least = least;
    node->most = most;
    node->lazy = reader->flags.lazy;
    if (ahead(reader, "?")) {
        reader->at++;
        node->lazy = !node->lazy;
    }
    node_append(node, atom);
    if (read_operator(reader, &least, &most))
        return refuse(reader, "invalid nested repetition operator", start,
                      reader->at);
    return node;
}

static struct shape_node *read_concat(struct reader *reader)
{
    struct shape_node *node = node_new(reader, SHAPE_CONCAT);

    while (more(reader) && reader->text[reader->at] != '|' &&
           reader->text[reader->at] != ')') {
        struct shape_node *child = read_repeated(reader);

        if (!child)
            return NULL;
        node_append(node, child);
    }
    return node;
}

static struct shape_node *read_either(struct reader *reader)
{
    struct shape_node *node = node_new(reader, SHAPE_EITHER);

    for (;;) {
        struct shape_node *child = read_concat(reader);

        if (!child)
            return NULL;
        node_append(node, child);
        if (!more(reader) || reader->text[reader->at] != '|')
            return node->child->next ? node : node->child;
        reader->at++;
    }
}

/* ---- Instructions ---- */

struct writer {
    struct pattern *pattern;
    size_t room, most;
    bool full;
};

static unsigned emit(struct writer *writer, struct instruction one)
{
    struct pattern *pattern = writer->pattern;

    if (pattern->count >= writer->most) {
        writer->full = true;
        return 0;
    }
    if (pattern->count == writer->room) {
        writer->room = writer->room ? writer->room * 2 : 16;
        pattern->code =
            mem_resize_array(pattern->code, writer->room, sizeof one);
    }
    pattern->code[pattern->count] = one;
    return (unsigned)pattern->count++;
}

static unsigned here(const struct writer *writer)
{
    return (unsigned)writer->pattern->count;
}

static void write_node(struct writer *writer, const struct shape_node *node);

/* A split whose way in or out is filled in later. */
static unsigned open_split(struct writer *writer)
{
    return emit(writer, (struct instruction){.step = STEP_SPLIT});
}

static void close_split(struct writer *writer, unsigned at, unsigned in,
                        unsigned out, bool lazy)
{
    struct instruction *split;

    if (writer->full)
        return;
    split = &writer->pattern->code[at];
    split->to = lazy ? out : in;
    split->other = lazy ? in : out;
}

static void write_star(struct writer *writer, const struct shape_node *node)
{
    unsigned split = open_split(writer);

    write_node(writer, node->child);
    emit(writer, (struct instruction){.step = STEP_JUMP, .to = split});
    close_split(writer, split, split + 1, here(writer), node->lazy);
}

static void write_repeat(struct writer *writer, const struct shape_node *node)
{
    int optional = node->most < 0 ? 0 : node->most - node->least;
    unsigned last = 0; /* split + 1; each holds the one before it for now */

    for (int i = 0; i < node->least && !writer->full; i++)
        write_node(writer, node->child);
    if (node->most < 0)
        write_star(writer, node);
    for (int i = 0; i < optional && !writer->full; i++) {
        unsigned split = open_split(writer);

        if (!writer->full)
            writer->pattern->code[split].other = last;
        last = split + 1;
        write_node(writer, node->child);
    }
    while (last && !writer->full) {
        unsigned split = last - 1;

        last = writer->pattern->code[split].other;
        close_split(writer, split, split + 1, here(writer), node->lazy);
    }
}

static void write_either(struct writer *writer, const struct shape_node *child)
{
    unsigned split, jump;

    if (!child->next || writer->full) {
        write_node(writer, child);
        return;
    }
    /* Alternatives are many in generated expressions: no recursion. */
    split = open_split(writer);
    write_node(writer, child);
    jump = emit(writer, (struct instruction){.step = STEP_JUMP});
    close_split(writer, split, split + 1, here(writer), false);
    write_either(writer, child->next);
    if (!writer->full)
        writer->pattern->code[jump].to = here(writer);
}

static void write_group(struct writer *writer, const struct shape_node *node)
{
    unsigned slot = (unsigned)node->group * 2;

    if (node->group)
        emit(writer, (struct instruction){.step = STEP_SAVE, .other = slot});
    write_node(writer, node->child);
    if (node->group)
        emit(writer,
             (struct instruction){.step = STEP_SAVE, .other = slot + 1});
}

static void write_node(struct writer *writer, const struct shape_node *node)
{
    if (writer->full)
        return;
    switch (node->shape) {
    case SHAPE_EMPTY:
        break;
    case SHAPE_CLASS:
        emit(writer, (struct instruction){.step = STEP_CLASS,
                                          .class = &node->class});
        break;
    case SHAPE_ASSERT:
        emit(writer, (struct instruction){.step = node->assert});
        break;
    case SHAPE_CONCAT:
        for (const struct shape_node *child = node->child; child;
             child = child->next)
            write_node(writer, child);
        break;
    case SHAPE_EITHER:
        write_either(writer, node->child);
        break;
    case SHAPE_REPEAT:
        write_repeat(writer, node);
        break;
    case SHAPE_GROUP:
        write_group(writer, node);
        break;
    }
}

static bool fits(const struct pattern *pattern)
{
    return pattern->groups <
           FIND_BYTES / 2 / sizeof(ptrdiff_t) / 2 / (pattern->count + 1);
}

static int compile(struct pattern *pattern, const char *text, size_t len,
                   size_t most, struct err *err)
{
    struct reader reader = {
        .pattern = pattern, .text = text, .len = len, .err = err};
    struct writer writer = {.pattern = pattern, .most = most ? most : 10000};
    struct shape_node *root;

    if (!text_is_utf8(text, len))
        return err_set(err, ERR_INVALID,
                       "error parsing regexp: invalid UTF-8");
    root = read_either(&reader);
    if (!root)
        return -1;
    if (reader.at < reader.len) {
        refuse(&reader, "unexpected )", 0, reader.len);
        return -1;
    }
    write_node(&writer, root);
    emit(&writer, (struct instruction){.step = STEP_MATCH});
    if (!writer.full && fits(pattern))
        return 0;
    refuse(&reader, "expression too large", 0, reader.len);
    return -1;
}

struct pattern *pattern_new(const char *text, size_t len, size_t most,
                            struct err *err)
{
    scoped_pattern struct pattern *pattern = mem_alloc(sizeof *pattern);

    pattern->arena = arena_new();
    pattern->groups = 1;
    /* Every rune costs a hundred bytes or two of tree. */
    if (len > 64 * 1024) {
        err_set(err, ERR_INVALID,
                "error parsing regexp: expression too large: %zu bytes", len);
        return NULL;
    }
    if (compile(pattern, text, len, most, err) < 0)
        return NULL;
    return take(pattern);
}

void pattern_free(struct pattern **at)
{
    struct pattern *pattern = take(*at);

    if (!pattern)
        return;
    free(pattern->code);
    arena_free(&pattern->arena);
    free(pattern);
}

size_t pattern_size(const struct pattern *pattern)
{
    return arena_used(pattern->arena) +
           pattern->count * sizeof *pattern->code;
}

size_t pattern_groups(const struct pattern *pattern)
{
    return pattern->groups;
}

size_t pattern_group_named(const struct pattern *pattern, const char *name,
                           size_t len)
{
    for (size_t i = 0; i < pattern->name_count; i++) {
        if (pattern->names[i].len == len &&
            memcmp(pattern->names[i].name, name, len) == 0)
            return pattern->names[i].group;
    }
    return 0;
}
