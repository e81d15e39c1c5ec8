/* SPDX-License-Identifier: Apache-2.0 */
/* Parses kubectl's JSONPath templates into steps. */
#include "query/jsonpath.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define TEMPLATE_MAX 16384
#define LEVELS_MAX 64

struct reading {
    struct arena *arena;
    const char *at;
    unsigned level;
    struct err *err;
};

static int read_action(struct reading *r, struct step *into);

static int refuse_path(struct reading *r, const char *what, const char *word)
{
    return err_set(r->err, ERR_BAD_REQUEST, "%s%.200s", what, word);
}

static struct step *append_step(struct reading *r, struct step *into, enum step_kind kind)
{
    if (into->count == into->room) {
        size_t room = into->room ? into->room * 2 : 4;
        struct step *steps = arena_alloc(r->arena, room * sizeof *steps);

        if (into->count)
            memcpy(steps, into->steps, into->count * sizeof *steps);
        into->steps = steps;
        into->room = room;
    }
    into->steps[into->count] = (struct step){.kind = kind};
    return &into->steps[into->count++];
}

/* The characters that end a field name in client-go. */
static bool is_end(char c)
{
    return !c || strchr(" \t\r\n.,[]$@{}", c);
}

/* Letters outside of ASCII may begin a word as well. */
static bool begins_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c & 0x80;
}

/* ---- Steps -------------------------------------------------------------- */

/* Parses a nested path, such as one side of a filter, into a list. The brace that
   is added ends it, as it ends an action in a template. */
static int read_inner(struct reading *r, const char *text, size_t len, struct step *into)
{
    struct reading inner = {r->arena, NULL, r->level + 1, r->err};

    if (inner.level > LEVELS_MAX)
        return refuse_path(r, "JSONPath is nested too deeply", "");
    inner.at = arena_printf(r->arena, "%.*s}", (int)len, text);
    if (read_action(&inner, into) < 0)
        return -1;
    return 0;
}

static int parse_field_step(struct reading *r, struct step *into)
{
    const char *begin = r->at;
    char *name = arena_string(r->arena, begin), *to = name;
    struct step *step;

    while (!is_end(*r->at))
        r->at += *r->at == '\\' && r->at[1] ? 2 : 1;
    if (r->at - begin == 1 && *begin == '*') {
        append_step(r, into, STEP_WILDCARD);
        return 0;
    }
    /* A backslash keeps the next character from ending the name, and is dropped itself. */
    for (; begin < r->at; begin++)
        if (*begin != '\\')
            *to++ = *begin;
    *to = '\0';
    step = append_step(r, into, STEP_FIELD);
    step->text = name;
    return 0;
}

static int read_recursive(struct reading *r, struct step *into)
{
    if (into->count && into->steps[into->count - 1].kind == STEP_RECURSIVE)
        return refuse_path(r, "invalid multiple recursive descent", "");
    r->at += 2;
    append_step(r, into, STEP_RECURSIVE);
    if (begins_word(*r->at))
        return parse_field_step(r, into);
    return 0;
}

static int parse_number_step(struct reading *r, struct step *into)
{
    size_t len = (*r->at == '+' || *r->at == '-');
    struct step *step;
    char *text, *end;
    long long whole;
    double number;

    len += strspn(r->at + len, "0123456789.");
    text = arena_bytes(r->arena, r->at, len);
    r->at += len;
    step = append_step(r, into, STEP_NUMBER);
    if (text_to_int(*text == '+' ? text + 1 : text, &whole)) {
        step->value = node_int(r->arena, whole);
        return 0;
    }
    number = strtod(text, &end);
    if (*end || end == text)
        return refuse_path(r, "cannot parse number ", text);
    step->value = node_float(r->arena, number);
    return 0;
}

static int read_identifier(struct reading *r, struct step *into)
{
    size_t len = 0;
    char *word;
    struct step *step;

    while (!is_end(r->at[len]))
        len++;
    word = arena_bytes(r->arena, r->at, len);
    r->at += len;
    if (!strcmp(word, "true") || !strcmp(word, "false")) {
        step = append_step(r, into, STEP_NUMBER);
        step->value = node_bool(r->arena, *word == 't');
    } else {
        step = append_step(r, into, STEP_IDENTIFIER);
        step->text = word;
    }
    return 0;
}

/* The value of exactly `digits` digits of a base at `text`; -1 if there are fewer. */
static long parse_escape_digits(const char *text, size_t digits, int base)
{
    char copy[9];
    size_t len = strspn(text, base == 8 ? "01234567" : "0123456789abcdefABCDEF");

    if (len < digits)
        return -1;
    memcpy(copy, text, digits);
    copy[digits] = '\0';
    return strtol(copy, NULL, base);
}

/* Appends the character of an escape, as in a Go string literal. Returns the
   length after the backslash, 0 for an invalid escape. */
static size_t unescape_string(const char *at, char quote, struct text *out)
{
    static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
    static const struct {
        char letter;
        size_t digits;
    } codes[] = {{'x', 2}, {'u', 4}, {'U', 8}};
    const char *found = *at ? strchr(from, *at) : NULL;
    char bytes[4];
    long code;

    if (found || *at == quote) {
        text_add_char(out, found ? to[found - from] : quote);
        return 1;
    }
    code = parse_escape_digits(at, 3, 8);
    if (code >= 0 && code < 256) {
        text_add_char(out, (char)code);
        return 3;
    }
    for (size_t i = 0; i < count_of(codes); i++) {
        if (*at != codes[i].letter)
            continue;
        code = parse_escape_digits(at + 1, codes[i].digits, 16);
        if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return 0;
        if (*at == 'x')
            text_add_char(out, (char)code);
        else
            text_add_bytes(out, bytes, text_utf8_put((unsigned)code, bytes));
        return 1 + codes[i].digits;
    }
    return 0;
}

static int read_quote(struct reading *r, struct step *into)
{
    char quote = *r->at++;
    const char *end = r->at;
    scoped_text struct text word = {0};

    while (*end != quote || end[-1] == '\\') {
        if (!*end || *end == '\n')
            return refuse_path(r, "unterminated quoted string", "");
        end++;
    }
    while (r->at < end) {
        size_t len;

        if (*r->at != '\\') {
            text_add_char(&word, *r->at++);
            continue;
        }
        len = unescape_string(r->at + 1, quote, &word);
        if (!len || r->at + 1 + len > end)
            return refuse_path(r, "invalid escape in a quoted string: ", r->at);
        r->at += 1 + len;
    }
    r->at = end + 1;
    if (!text_is_utf8(word.bytes, word.len))
        return refuse_path(r, "a quoted string that is not UTF-8", "");
    append_step(r, into, STEP_TEXT)->text = arena_bytes(r->arena, text_string(&word), word.len);
    return 0;
}

/* ---- [...] -------------------------------------------------------------- */

/* "-1", "1:", ":2", "::2", "1:3:1" */
static bool read_slice(const char *text, struct slice_end slice[3])
{
    for (int i = 0; i < 3; i++) {
        size_t len = (*text == '-');
        char digits[24];

        len += strspn(text + len, "0123456789");
        if (len >= 18)
            return false;
        memcpy(digits, text, len);
        digits[len] = '\0';
        slice[i].known = len > 0;
        if (len && !text_to_int(digits, &slice[i].value))
            return false;
        text += len;
        if (!*text) {
            /* A single index is a slice of length one. */
            if (i == 0)
                slice[1] = (struct slice_end){true, true, slice[0].value + 1};
            return true;
        }
        if (*text++ != ':' || i == 2)
            return false;
    }
    return false;
}

/* Parses each part as an index in brackets of its own: [0,2] is [0] and [2]. */
static int read_union(struct reading *r, const char *text, struct step *into)
{
    struct step *step = append_step(r, into, STEP_UNION);

    while (1) {
        size_t len = strcspn(text, ",");
        const char *from = text;
        size_t inner = len;
        struct step *list = append_step(r, step, STEP_LIST);

        for (; inner && *from == ' '; from++)
            inner--;
        while (inner && from[inner - 1] == ' ')
            inner--;
        from = arena_printf(r->arena, "[%.*s]", (int)inner, from);
        if (read_inner(r, from, strlen(from), list) < 0)
            return -1;
        if (!text[len])
            return 0;
        text += len + 1;
    }
}

static int parse_array_step(struct reading *r, struct step *into)
{
    size_t len = strcspn(r->at + 1, "]\n");
    char *text = arena_bytes(r->arena, r->at + 1, len);
    struct slice_end slice[3] = {{0}};

    if (r->at[1 + len] != ']')
        return refuse_path(r, "unterminated array", "");
    r->at += len + 2;
    if (strchr(text, ','))
        return read_union(r, text, into);
    /* ['name'] becomes .name, as client-go rewrites it. */
    if (len >= 2 && *text == '\'' && text[len - 1] == '\'' &&
        strchr(text + 1, '\'') == text + len - 1) {
        text = arena_printf(r->arena, ".%.*s", (int)len - 2, text + 1);
        return read_inner(r, text, strlen(text), into);
    }
    if (!read_slice(!strcmp(text, "*") ? ":" : text, slice))
        return refuse_path(r, "invalid array index ", text);
    memcpy(append_step(r, into, STEP_SLICE)->slice, slice, sizeof slice);
    return 0;
}

/* The `)` that ends a filter. As in client-go, only the first quoted text of a
   filter may contain a `)`. */
static const char *filter_end(const char *at)
{
    char quote = '\0';
    bool closed = false;

    for (; *at && *at != '\n'; at++) {
        if (!quote && (*at == '"' || *at == '\''))
            quote = *at;
        else if (quote && *at == quote && at[-1] != '\\')
            closed = true;
        else if (*at == ')' && (!quote || closed))
            return at;
    }
    return NULL;
}

static int read_filter(struct reading *r, struct step *into)
{
    const char *begin = r->at + strlen("[?("), *end = filter_end(begin);
    size_t left, sign, len;
    struct step *step, sides = {.kind = STEP_LIST};

    if (!end)
        return refuse_path(r, "unterminated filter", "");
    if (end[1] != ']')
        return refuse_path(r, "unclosed array expect ]", "");
    r->at = end + 2;
    len = (size_t)(end - begin);
    left = strcspn(begin, "!<>=");
    sign = left < len ? strspn(begin + left, "!<>=") : 0;
    /* The operator leaves something for its right side: "a==" compares a with "=". */
    if (sign > 1 && left + sign == len)
        sign--;
    if (!left || left >= len || left + sign >= len) {
        left = len;
        sign = 0;
    }
    append_step(r, &sides, STEP_LIST);
    append_step(r, &sides, STEP_LIST);
    if (read_inner(r, begin, left, &sides.steps[0]) < 0 ||
        (sign && read_inner(r, begin + left + sign, len - left - sign, &sides.steps[1]) < 0))
        return -1;
    step = append_step(r, into, STEP_FILTER);
    step->text = sign ? arena_bytes(r->arena, begin + left, sign) : "exists";
    step->steps = sides.steps;
    step->count = sides.count;
    return 0;
}

/* ---- Templates ---------------------------------------------------------- */

static int read_step(struct reading *r, struct step *into)
{
    if (text_starts(r->at, "[?("))
        return read_filter(r, into);
    if (text_starts(r->at, ".."))
        return read_recursive(r, into);
    switch (*r->at) {
    case '\0':
    case '\n':
    case '\r':
        return refuse_path(r, "unclosed action", "");
    case ' ':
    case '@':
    case '$':
        r->at++;
        return 0;
    case '[':
        return parse_array_step(r, into);
    case '"':
    case '\'':
        return read_quote(r, into);
    case '.':
        r->at++;
        return parse_field_step(r, into);
    default:
        break;
    }
    if (strchr("+-0123456789", *r->at))
        return parse_number_step(r, into);
    if (begins_word(*r->at))
        return read_identifier(r, into);
    return refuse_path(r, "unrecognized character in action: ",
                       arena_printf(r->arena, "U+%04X '%c'", (unsigned char)*r->at, *r->at));
}

/* Parses the steps up to and including the closing brace. */
static int read_action(struct reading *r, struct step *into)
{
    while (*r->at != '}')
        if (read_step(r, into) < 0)
            return -1;
    r->at++;
    return 0;
}

static int read_template(struct reading *r, struct step *root)
{
    while (*r->at) {
        size_t len = strcspn(r->at, "{");
        struct step *step;

        if (len) {
            step = append_step(r, root, STEP_TEXT);
            step->text = arena_bytes(r->arena, r->at, len);
            r->at += len;
        }
        if (*r->at != '{')
            return 0;
        r->at++;
        step = append_step(r, root, STEP_LIST);
        if (read_action(r, step) < 0)
            return -1;
    }
    return 0;
}

struct jsonpath *jsonpath_parse(struct arena *arena, const char *text, struct err *err)
{
    struct reading r = {arena, text, 0, err};
    struct jsonpath *path = arena_alloc(arena, sizeof *path);

    if (strlen(text) > TEMPLATE_MAX) {
        err_set(err, ERR_BAD_REQUEST, "JSONPath must be no more than %d bytes", TEMPLATE_MAX);
        return NULL;
    }
    path->root.kind = STEP_LIST;
    return read_template(&r, &path->root) < 0 ? NULL : path;
}

struct jsonpath *jsonpath_parse_relaxed(struct arena *arena, const char *text, struct err *err)
{
    size_t len = strlen(text);
    bool braced = len > 1 && *text == '{' && text[len - 1] == '}';
    const char *from = braced ? text + 1 : text;
    size_t inner = braced ? len - 2 : len;

    if (inner && *from == '.' && inner > 1) {
        from++;
        inner--;
    }
    if (!inner || len > TEMPLATE_MAX || memchr(from, '{', inner) || memchr(from, '}', inner)) {
        err_set(err, ERR_BAD_REQUEST,
                "unexpected path string, expected a 'name1.name2' or "
                "'.name1.name2' or '{name1.name2}' or '{.name1.name2}'");
        return NULL;
    }
    return jsonpath_parse(
        arena, arena_printf(arena, "{%s%.*s}", *from == '[' ? "" : ".", (int)inner, from), err);
}
