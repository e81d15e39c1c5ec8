/* SPDX-License-Identifier: Apache-2.0 */
/* String functions of standard CEL and of cel-go's strings extension. */
#include "cel/internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FN(name)                                                                                   \
    static int name(struct cel_run *run, const struct cel_value *args, size_t count,               \
                    struct cel_value *ret)

/* cel-go's price of a search: a tenth of the text's bytes times a tenth of the
   searched bytes. */
static int pay_search(struct cel_run *run, const struct cel_value *args)
{
    uint64_t a = args[0].len / 10 + 1, b = args[1].len / 10 + 1;

    return cel_pay(run, a * b - 1);
}

static const char *find_text(const char *in, size_t len, const struct cel_value *what)
{
    return what->len ? memmem(in, len, what->bytes, what->len) : in;
}

FN(fn_contains)
{
    if (pay_search(run, args) < 0)
        return -1;
    *ret = cel_bool(find_text(args[0].bytes, args[0].len, &args[1]) != NULL);
    return 0;
}

FN(fn_starts_with)
{
    *ret =
        cel_bool(args[0].len >= args[1].len && !memcmp(args[0].bytes, args[1].bytes, args[1].len));
    return cel_pay(run, args[1].len / 10);
}

FN(fn_ends_with)
{
    *ret = cel_bool(args[0].len >= args[1].len &&
                    !memcmp(args[0].bytes + args[0].len - args[1].len, args[1].bytes, args[1].len));
    return cel_pay(run, args[1].len / 10);
}

/* ---- Positions are counted in code points ------------------------------- */

static size_t runes_in(const char *bytes, size_t len)
{
    size_t runes = 0;

    for (size_t i = 0; i < len; i++)
        runes += ((unsigned char)bytes[i] & 0xc0) != 0x80;
    return runes;
}

/* The byte where code point `index` begins; the end of the string is a position
   too. -1 if it is outside. */
static int64_t byte_at(const struct cel_value *string, int64_t index)
{
    int64_t seen = -1;

    for (size_t i = 0; i < string->len; i++) {
        seen += ((unsigned char)string->bytes[i] & 0xc0) != 0x80;
        if (seen == index)
            return (int64_t)i;
    }
    return index == seen + 1 ? (int64_t)string->len : -1;
}

static int out_of_range(struct cel_run *run, int64_t index)
{
    return cel_fail(run, "index out of range: %lld", (long long)index);
}

FN(fn_char_at)
{
    int64_t at = byte_at(&args[0], args[1].integer), next;

    if (cel_pay_bytes(run, args[0].len) < 0)
        return -1;
    if (at < 0)
        return out_of_range(run, args[1].integer);
    next = byte_at(&args[0], args[1].integer + 1);
    *ret = cel_string(run->arena, args[0].bytes + at, next < 0 ? 0 : (size_t)(next - at));
    return 0;
}

FN(fn_substring)
{
    int64_t total = (int64_t)runes_in(args[0].bytes, args[0].len);
    int64_t from = args[1].integer, to = count == 3 ? args[2].integer : total;
    int64_t start, end;

    if (cel_pay_bytes(run, args[0].len) < 0)
        return -1;
    if (from < 0 || from > total)
        return out_of_range(run, from);
    if (to < 0 || to > total)
        return out_of_range(run, to);
    if (to < from)
        return cel_fail(run, "invalid substring range. start: %lld, end: %lld", (long long)from,
                        (long long)to);
    start = byte_at(&args[0], from);
    end = byte_at(&args[0], to);
    *ret = cel_string(run->arena, args[0].bytes + start, (size_t)(end - start));
    return 0;
}

FN(fn_index_of)
{
    int64_t start = count == 3 ? byte_at(&args[0], args[2].integer) : 0;
    const char *found;

    if (pay_search(run, args) < 0)
        return -1;
    if (start < 0)
        return out_of_range(run, args[2].integer);
    found = find_text(args[0].bytes + start, args[0].len - (size_t)start, &args[1]);
    *ret = cel_int(found ? (int64_t)runes_in(args[0].bytes, (size_t)(found - args[0].bytes)) : -1);
    return 0;
}

FN(fn_last_index_of)
{
    int64_t last = count == 3 ? byte_at(&args[0], args[2].integer) : (int64_t)args[0].len;

    if (cel_pay(run, (args[0].len + 1) * (args[1].len / 10 + 1) / 10) < 0)
        return -1;
    if (last < 0)
        return out_of_range(run, args[2].integer);
    *ret = cel_int(-1);
    for (; last >= 0; last--)
        if ((size_t)last + args[1].len <= args[0].len &&
            !memcmp(args[0].bytes + last, args[1].bytes, args[1].len)) {
            *ret = cel_int((int64_t)runes_in(args[0].bytes, (size_t)last));
            break;
        }
    return 0;
}

/* ---- Rewriting --------------------------------------------------------- */

/* Changes ASCII letters only; bytes of longer code points have the top bit set. */
static int map_bytes(struct cel_run *run, const struct cel_value *from, int (*change)(int),
                     struct cel_value *ret)
{
    char *copy;

    if (cel_pay_bytes(run, from->len) < 0)
        return -1;
    copy = arena_bytes(run->arena, from->bytes, from->len);
    for (size_t i = 0; i < from->len; i++)
        if (!((unsigned char)copy[i] & 0x80))
            copy[i] = (char)change((unsigned char)copy[i]);
    *ret = *from;
    ret->bytes = copy;
    return 0;
}

FN(fn_lower)
{
    return map_bytes(run, &args[0], tolower, ret);
}

FN(fn_upper)
{
    return map_bytes(run, &args[0], toupper, ret);
}

FN(fn_trim)
{
    const char *start = args[0].bytes, *end = start + args[0].len;

    while (start < end && isspace((unsigned char)*start))
        start++;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    *ret = cel_string(run->arena, start, (size_t)(end - start));
    return cel_pay_bytes(run, args[0].len);
}

/* Copies whole code points from the front to the back, so that their bytes keep
   their order. */
FN(fn_reverse)
{
    char *out = arena_bytes(run->arena, args[0].bytes, args[0].len);
    size_t at = 0;

    if (cel_pay_bytes(run, args[0].len) < 0)
        return -1;
    while (at < args[0].len) {
        size_t size = 1;

        while (at + size < args[0].len && ((unsigned char)args[0].bytes[at + size] & 0xc0) == 0x80)
            size++;
        memcpy(out + args[0].len - at - size, args[0].bytes + at, size);
        at += size;
    }
    *ret = args[0];
    ret->bytes = out;
    return 0;
}

/* Takes over `out`: its bytes become the result, or are dropped after an error. */
static int finish_text(struct cel_run *run, struct text *out, int state, struct cel_value *ret)
{
    if (!state)
        *ret = cel_string(run->arena, text_string(out), out->len);
    text_free(out);
    return state;
}

FN(fn_replace)
{
    int64_t times = count == 4 ? args[3].integer : -1;
    const char *at = args[0].bytes, *end = at + args[0].len;
    struct text out = {0};
    int state = pay_search(run, args);

    while (!state && times != 0) {
        const char *found = find_text(at, (size_t)(end - at), &args[1]);

        if (!found || (!args[1].len && at >= end))
            break;
        text_add_bytes(&out, at, (size_t)(found - at));
        text_add_bytes(&out, args[2].bytes, args[2].len);
        state = cel_pay_bytes(run, args[2].len);
        at = found + args[1].len;
        if (!args[1].len)
            text_add_char(&out, *at++);
        times -= times > 0;
    }
    text_add_bytes(&out, at, (size_t)(end - at));
    if (!args[1].len && times != 0)
        text_add_bytes(&out, args[2].bytes, args[2].len);
    return finish_text(run, &out, state, ret);
}

FN(fn_split)
{
    int64_t most = count == 3 ? args[2].integer : -1;
    const char *at = args[0].bytes, *end = at + args[0].len;
    size_t room = args[0].len + 2, len = 0;
    struct cel_value *items;

    if (cel_pay_bytes(run, args[0].len * 8) < 0)
        return -1;
    items = arena_alloc(run->arena, room * sizeof *items);
    while (most != 0 && !(most > 0 && (int64_t)len == most - 1)) {
        const char *found = find_text(at, (size_t)(end - at), &args[1]);

        /* An empty separator separates code points. */
        if (!args[1].len) {
            if (at >= end)
                break;
            for (found = at + 1; found < end && ((unsigned char)*found & 0xc0) == 0x80;)
                found++;
            if (found == end)
                break;
        }
        if (!found)
            break;
        items[len++] = cel_string(run->arena, at, (size_t)(found - at));
        at = found + args[1].len;
    }
    if (most != 0 && (args[1].len || at < end))
        items[len++] = cel_string(run->arena, at, (size_t)(end - at));
    *ret = cel_list_of(run->arena, items, len);
    return 0;
}

FN(fn_join)
{
    struct text out = {0};
    int state = 0;

    for (size_t i = 0; i < args[0].list->len && !state; i++) {
        struct cel_value item = cel_item(run->arena, args[0].list, i);

        if (item.type != CEL_STRING) {
            state = cel_fail(run, "no such overload");
            break;
        }
        if (i && count == 2)
            text_add_bytes(&out, args[1].bytes, args[1].len);
        text_add_bytes(&out, item.bytes, item.len);
        state = cel_pay_bytes(run, item.len + 1);
    }
    return finish_text(run, &out, state, ret);
}

FN(fn_quote)
{
    /* Three bytes each: the character, and the escape that stands for it. */
    static const char plain[] = "\a\\a\b\\b\f\\f\n\\n\r\\r\t\\t\v\\v";
    struct text out = {0};

    text_add_char(&out, '"');
    for (size_t i = 0; i < args[0].len; i++) {
        char c = args[0].bytes[i];
        const char *escape = NULL;

        for (size_t k = 0; k + 3 < sizeof plain; k += 3)
            if (plain[k] == c)
                escape = &plain[k + 1];
        if (escape)
            text_add_bytes(&out, escape, 2);
        else if (c == '"' || c == '\\')
            text_addf(&out, "\\%c", c);
        else
            text_add_char(&out, c);
    }
    text_add_char(&out, '"');
    return finish_text(run, &out, cel_pay_bytes(run, args[0].len), ret);
}

/* ---- "%s %d".format([…]) ------------------------------------------------ */

static int add_plain(struct cel_run *run, const struct cel_value *value, struct text *out)
{
    struct node *node = cel_to_node(run, value);

    if (!node)
        return -1;
    if (node->type == NODE_STRING)
        text_add_bytes(out, node->string, node->len);
    else
        document_write_json(out, node);
    return 0;
}

static int add_number(struct cel_run *run, const struct cel_value *value, char verb, int precision,
                      struct text *out)
{
    double number = value->type == CEL_DOUBLE ? value->number
                    : value->type == CEL_UINT ? (double)value->natural
                                              : (double)value->integer;

    if (value->type != CEL_INT && value->type != CEL_UINT && value->type != CEL_DOUBLE)
        return cel_fail(run, "error during formatting: %%%c wants a number, not a %s", verb,
                        cel_type_name(value->type));
    switch (verb) {
    case 'd':
        return add_plain(run, value, out);
    case 'f':
        text_addf(out, "%.*f", precision, number);
        return 0;
    case 'e':
        text_addf(out, "%.*e", precision, number);
        return 0;
    default:
        break;
    }
    if (value->type == CEL_DOUBLE)
        return cel_fail(run, "error during formatting: %%%c wants an integer", verb);
    if (value->type == CEL_INT && value->integer < 0)
        text_add_char(out, '-');
    {
        /* Unsigned, because the negation of INT64_MIN overflows. */
        unsigned long long bits = value->type == CEL_INT && value->integer < 0
                                      ? 0 - (unsigned long long)value->integer
                                      : (unsigned long long)value->natural;
        char digits[65];
        size_t at = sizeof digits - 1;

        if (verb == 'x')
            text_addf(out, "%llx", bits);
        else if (verb == 'X')
            text_addf(out, "%llX", bits);
        else if (verb == 'o')
            text_addf(out, "%llo", bits);
        digits[at] = 0;
        do
            digits[--at] = (char)('0' + bits % 2);
        while (bits /= 2);
        if (verb == 'b')
            text_add(out, digits + at);
    }
    return 0;
}

static int add_verb(struct cel_run *run, const char **at, const struct cel_value *value,
                    struct text *out)
{
    int precision = 6;
    char verb;

    if (**at == '.') {
        precision = 0;
        for ((*at)++; isdigit((unsigned char)**at) && precision < 100; (*at)++)
            precision = precision * 10 + (**at - '0');
        if (precision > 99)
            return cel_fail(run, "error during formatting: precision too large");
    }
    verb = *(*at)++;
    if (verb == 's' || (verb == 'b' && value->type == CEL_BOOL))
        return add_plain(run, value, out);
    if (verb && strchr("dfexXob", verb))
        return add_number(run, value, verb, precision, out);
    return cel_fail(run,
                    "could not parse formatting clause: unrecognized "
                    "formatting clause \"%c\"",
                    verb);
}

FN(fn_format)
{
    const char *at = args[0].bytes, *end = at + args[0].len;
    struct text out = {0};
    size_t next = 0;
    int state = cel_pay_bytes(run, args[0].len);

    while (at < end && !state) {
        if (*at != '%') {
            text_add_char(&out, *at++);
        } else if (at[1] == '%') {
            text_add_char(&out, '%');
            at += 2;
        } else if (next >= args[1].list->len) {
            state = cel_fail(run, "index %zu out of range", next);
        } else {
            struct cel_value value = cel_item(run->arena, args[1].list, next++);

            at++;
            state = add_verb(run, &at, &value, &out);
            if (!state)
                state = cel_pay_bytes(run, out.len);
        }
    }
    return finish_text(run, &out, state, ret);
}

static const struct cel_overload strings[] = {
    {"contains", "s.s", 'b', fn_contains},
    {"startsWith", "s.s", 'b', fn_starts_with},
    {"endsWith", "s.s", 'b', fn_ends_with},
    {"charAt", "s.i", 's', fn_char_at},
    {"substring", "s.i", 's', fn_substring},
    {"substring", "s.ii", 's', fn_substring},
    {"indexOf", "s.s", 'i', fn_index_of},
    {"indexOf", "s.si", 'i', fn_index_of},
    {"lastIndexOf", "s.s", 'i', fn_last_index_of},
    {"lastIndexOf", "s.si", 'i', fn_last_index_of},
    {"lowerAscii", "s.", 's', fn_lower},
    {"upperAscii", "s.", 's', fn_upper},
    {"trim", "s.", 's', fn_trim},
    {"reverse", "s.", 's', fn_reverse},
    {"replace", "s.ss", 's', fn_replace},
    {"replace", "s.ssi", 's', fn_replace},
    {"split", "s.s", 'l', fn_split},
    {"split", "s.si", 'l', fn_split},
    {"join", "l.", 's', fn_join},
    {"join", "l.s", 's', fn_join},
    {"strings.quote", "s", 's', fn_quote},
    {"format", "s.l", 's', fn_format},
};
const struct cel_table cel_strings = {strings, count_of(strings)};
