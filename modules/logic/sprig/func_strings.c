/* SPDX-License-Identifier: Apache-2.0 */
/* Sprig's functions on strings: trimming, cutting, quoting, joining. */
#include "sprig/groups.h"

#include <stdlib.h>

/* Does the string end with the other? */
static bool str_ends(struct str s, struct str with)
{
    return s.len >= with.len && memcmp(s.at + s.len - with.len, with.at, with.len) == 0;
}

/* The first place of `what`, at the beginning if it is empty. */
static const char *str_find(struct str s, struct str what)
{
    return what.len ? memmem(s.at, s.len, what.at, what.len) : s.at;
}

/* ---- Trimming ---- */

/* The rune that ends before `end`, and its length. */
static size_t rune_ending_at(const char *at, size_t end, unsigned *ret)
{
    for (size_t back = 1; back <= 4 && back <= end; back++) {
        if (rune_next(at + end - back, back, ret) == back && (back > 1 || *ret < 0x80))
            return back;
    }
    *ret = 0xfffd;
    return 1;
}

/* Is the rune one of those to cut, or a space where no set is given? */
static bool in_cut_set(unsigned rune, struct str set)
{
    for (size_t i = 0; i < set.len;) {
        unsigned other;

        i += rune_next(set.at + i, set.len - i, &other);
        if (other == rune)
            return true;
    }
    return false;
}

/* Without the runes of `set` at both ends; spaces when it is NULL. */
static struct str trim_runes(struct str s, const struct str *set)
{
    unsigned rune;

    while (s.len) {
        size_t step = rune_next(s.at, s.len, &rune);

        if (!(set ? in_cut_set(rune, *set) : rune_is_space(rune)))
            break;
        s = (struct str){s.at + step, s.len - step};
    }
    while (s.len) {
        size_t step = rune_ending_at(s.at, s.len, &rune);

        if (!(set ? in_cut_set(rune, *set) : rune_is_space(rune)))
            break;
        s.len -= step;
    }
    return s;
}

static bool run_trim(struct call *call)
{
    return call_give_str(call, trim_runes(call_arg_str(call, 0), NULL));
}

static bool run_trim_all(struct call *call)
{
    struct str set = call_arg_str(call, 0);

    return call_give_str(call, trim_runes(call_arg_str(call, 1), &set));
}

static bool run_trim_suffix(struct call *call)
{
    struct str with = call_arg_str(call, 0), s = call_arg_str(call, 1);

    s.len -= str_ends(s, with) ? with.len : 0;
    return call_give_str(call, s);
}

static bool run_trim_prefix(struct call *call)
{
    struct str with = call_arg_str(call, 0), s = call_arg_str(call, 1);
    size_t cut = str_starts(s, with) ? with.len : 0;

    return call_give_str(call, (struct str){s.at + cut, s.len - cut});
}

/* goutils takes each byte for a rune: a text with white space comes out with
   its bytes as Latin-1, one without as it was. */
static bool run_nospace(struct call *call)
{
    struct str s = call_arg_str(call, 0);
    struct text out = call_text(call);
    size_t kept = 0;

    for (size_t i = 0; i < s.len; i++) {
        unsigned rune = (unsigned char)s.at[i];

        if (rune_is_space(rune))
            continue;
        rune_put(&out, rune);
        kept++;
    }
    if (kept < s.len)
        return call_give_text(call, &out);
    text_free(&out);
    return call_give_str(call, s);
}

/* ---- Cutting ---- */

static bool run_trunc(struct call *call)
{
    int64_t count = call->args[0].integer;
    struct str s = call_arg_str(call, 1);

    if (count < 0 && (int64_t)s.len + count > 0)
        s = (struct str){s.at + s.len + count, (size_t)-count};
    else if (count >= 0 && (int64_t)s.len > count)
        s.len = (size_t)count;
    return call_give_str(call, s);
}

/* The words of Go's panic for s[start:end]. */
static bool check_slice_bounds(struct call *call, int64_t start, int64_t end)
{
    return call_fail(call, "runtime error: slice bounds out of range [%lld:%lld]", (long long)start,
                     (long long)end);
}

static bool run_substr(struct call *call)
{
    int64_t start = call->args[0].integer, end = call->args[1].integer;
    struct str s = call_arg_str(call, 2);
    int64_t len = (int64_t)s.len;

    if (start < 0) {
        if (end < 0)
            return call_fail(call, "runtime error: slice bounds out of range [:%lld]",
                             (long long)end);
        if (end > len)
            return call_fail(call,
                             "runtime error: slice bounds out of range [:%lld] "
                             "with length %lld",
                             (long long)end, (long long)len);
        start = 0;
    } else if (end < 0 || end > len) {
        end = len;
    }
    if (start > end)
        return check_slice_bounds(call, start, end);
    return call_give_str(call, (struct str){s.at + start, (size_t)(end - start)});
}

/* Keeps `width` bytes with "..." for what is left out, from `offset` on. */
static void add_abbreviated(struct text *out, struct str s, int64_t offset, int64_t width)
{
    int64_t len = (int64_t)s.len;

    if (len <= width) {
        text_add_bytes(out, s.at, s.len);
        return;
    }
    if (offset > len)
        offset = len;
    if (len - offset < width - 3)
        offset = len - (width - 3);
    if (offset <= 4) {
        text_add_bytes(out, s.at, (size_t)width - 3);
        text_add(out, "...");
        return;
    }
    if (width < 7)
        return;
    text_add(out, "...");
    if (offset + width - 3 < len)
        add_abbreviated(out, (struct str){s.at + offset, (size_t)(len - offset)}, 0, width - 3);
    else
        text_add_bytes(out, s.at + len - (width - 3), (size_t)width - 3);
}

static bool run_abbrev(struct call *call)
{
    int64_t width = call->args[0].integer;
    struct text out = call_text(call);

    if (width < 4)
        return call_give(call, call->args[1]);
    add_abbreviated(&out, call_arg_str(call, 1), 0, width);
    return call_give_text(call, &out);
}

static bool run_abbrevboth(struct call *call)
{
    int64_t left = call->args[0].integer, right = call->args[1].integer;
    struct text out = call_text(call);

    if (right < 4 || (left > 0 && right < 7))
        return call_give(call, call->args[2]);
    add_abbreviated(&out, call_arg_str(call, 2), left, right);
    return call_give_text(call, &out);
}

/* ---- Asking ---- */

static bool run_contains(struct call *call)
{
    return call_give(call, value_bool(str_find(call_arg_str(call, 1), call_arg_str(call, 0))));
}

static bool run_has_prefix(struct call *call)
{
    return call_give(call, value_bool(str_starts(call_arg_str(call, 1), call_arg_str(call, 0))));
}

static bool run_has_suffix(struct call *call)
{
    return call_give(call, value_bool(str_ends(call_arg_str(call, 1), call_arg_str(call, 0))));
}

/* ---- Repeating, replacing, indenting ---- */

static bool run_repeat(struct call *call)
{
    int64_t count = call->args[0].integer;
    struct str s = call_arg_str(call, 1);
    uint64_t size;
    char *out;

    if (count < 0)
        return call_fail(call, "strings: negative Repeat count");
    if (__builtin_mul_overflow((uint64_t)count, s.len, &size))
        size = UINT64_MAX / 2;
    if (!call_room(call, size) || size > UINT32_MAX || !(out = call_alloc(call, size + 1)))
        return call_room(call, UINT64_MAX);
    /* What is there is doubled, so that short strings are not copied one by one. */
    if (size)
        memcpy(out, s.at, s.len);
    for (uint64_t done = s.len; done < size; done *= 2)
        memcpy(out + done, out, done < size - done ? done : size - done);
    return call_give(call, value_string(out, size));
}

/* Room for a text that grows while it is made; checked as it grows. */
static bool has_room_to_grow(struct call *call, struct text *out)
{
    if (call_room(call, out->len))
        return true;
    text_free(out);
    return false;
}

/* Every occurrence. The size is checked in between, for a short text may become a long one. */
static bool give_replaced(struct call *call, struct str s, struct str old, struct str with)
{
    struct text out = call_text(call);
    size_t at = 0;

    while (at < s.len || !old.len) {
        const char *found = str_find((struct str){s.at + at, s.len - at}, old);
        size_t end = found ? (size_t)(found - s.at) : s.len;
        unsigned rune;

        text_add_bytes(&out, s.at + at, end - at);
        if (!found)
            break;
        text_add_bytes(&out, with.at, with.len);
        at = end + old.len;
        if (!has_room_to_grow(call, &out))
            return false;
        if (old.len)
            continue;
        /* The empty string stands before every rune and at the end. */
        if (at >= s.len)
            break;
        at += rune_next(s.at + at, s.len - at, &rune);
        text_add_bytes(&out, s.at + end, at - end);
    }
    return call_give_text(call, &out);
}

static bool run_string_replace(struct call *call)
{
    return give_replaced(call, call_arg_str(call, 2), call_arg_str(call, 0), call_arg_str(call, 1));
}

/* The size is known beforehand, so one allocation does; indent and nindent are the most used
   functions of charts. */
static bool give_indented(struct call *call, bool new_line)
{
    int64_t spaces = call->args[0].integer;
    struct str s = call_arg_str(call, 1);
    uint64_t lines = 1, size;
    char *out, *at;

    if (spaces < 0)
        return call_fail(call, "strings: negative Repeat count");
    for (size_t i = 0; i < s.len; i++)
        lines += s.at[i] == '\n';
    if (__builtin_mul_overflow((uint64_t)spaces, lines, &size) || size > UINT32_MAX / 2)
        return call_room(call, UINT64_MAX);
    size += s.len + new_line;
    out = at = call_alloc(call, size + 1);
    if (!out)
        return false;
    if (new_line)
        *at++ = '\n';
    memset(at, ' ', (size_t)spaces);
    at += spaces;
    for (size_t i = 0; i < s.len; i++) {
        *at++ = s.at[i];
        if (s.at[i] == '\n') {
            memset(at, ' ', (size_t)spaces);
            at += spaces;
        }
    }
    return call_give(call, value_string(out, size));
}

static bool run_indent(struct call *call)
{
    return give_indented(call, false);
}

static bool run_nindent(struct call *call)
{
    return give_indented(call, true);
}

/* ---- Quoting and joining ---- */

static bool run_quote(struct call *call)
{
    struct text out = call_text(call);

    for (size_t i = 0; i < call->count; i++) {
        struct str s;

        if (call->args[i].kind == KIND_NIL)
            continue;
        if (!call_string(call, call->args[i], &s)) {
            text_free(&out);
            return false;
        }
        if (out.len)
            text_add_char(&out, ' ');
        literal_quote(&out, s, '"', false);
    }
    return call_give_text(call, &out);
}

/* The non-nil arguments with spaces between and `around` them. */
static bool give_spaced(struct call *call, const char *around)
{
    struct text out = call_text(call);
    bool first = true;

    for (size_t i = 0; i < call->count; i++) {
        struct str s;

        if (call->args[i].kind == KIND_NIL)
            continue;
        if (!call_string(call, call->args[i], &s)) {
            text_free(&out);
            return false;
        }
        text_add(&out, first ? "" : " ");
        text_add(&out, around);
        text_add_bytes(&out, s.at, s.len);
        text_add(&out, around);
        first = false;
    }
    return call_give_text(call, &out);
}

static bool run_squote(struct call *call)
{
    return give_spaced(call, "'");
}

static bool run_cat(struct call *call)
{
    return give_spaced(call, "");
}

/* A value as strings: its items, or itself; nil is left out. */
static bool strings_of(struct call *call, struct value v, struct list **ret)
{
    struct list *list = list_new(call->heap, ELEMENT_STRING);
    struct str s;

    if (v.kind == KIND_LIST) {
        for (uint32_t i = 0; i < list_len(v.list); i++) {
            struct value item = v.list->items[i];

            if (item.kind == KIND_NIL)
                continue;
            if (!call_string(call, item, &s))
                return false;
            list_add(list, value_of_str(s));
        }
    } else if (v.kind != KIND_NIL) {
        if (!call_string(call, v, &s))
            return false;
        list_add(list, value_of_str(s));
    }
    *ret = list;
    return call_spend(call, list->len * sizeof(struct value));
}

static bool run_to_strings(struct call *call)
{
    struct list *list;

    return strings_of(call, call->args[0], &list) && call_give(call, value_list(list));
}

static bool run_join(struct call *call)
{
    struct str by = call_arg_str(call, 0);
    struct text out = call_text(call);
    struct list *list;

    if (!strings_of(call, call->args[1], &list))
        return false;
    for (uint32_t i = 0; i < list->len; i++) {
        if (i)
            text_add_bytes(&out, by.at, by.len);
        text_add_bytes(&out, list->items[i].string, list->items[i].len);
        if (!has_room_to_grow(call, &out))
            return false;
    }
    return call_give_text(call, &out);
}

/* For qsort: the order of bytes, as Go sorts strings. */
static int by_bytes(const void *a, const void *b)
{
    const struct value *left = a, *right = b;
    uint32_t least = left->len < right->len ? left->len : right->len;
    int order = least ? memcmp(left->string, right->string, least) : 0;

    return order ? order : (left->len > right->len) - (left->len < right->len);
}

static bool run_sort_alpha(struct call *call)
{
    struct list *list;
    struct str s;

    if (call->args[0].kind != KIND_LIST) {
        list = list_new(call->heap, ELEMENT_STRING);
        if (!call_string(call, call->args[0], &s))
            return false;
        list_add(list, value_of_str(s));
    } else if (!strings_of(call, call->args[0], &list)) {
        return false;
    }
    if (list->len)
        qsort(list->items, list->len, sizeof *list->items, by_bytes);
    return call_give(call, value_list(list));
}

static bool run_to_string(struct call *call)
{
    struct str s;

    return call_string(call, call->args[0], &s) && call_give_str(call, s);
}

/* ---- Splitting ---- */

/* strings.SplitN: at most `most` parts, all of them if it is negative. */
static bool split_string(struct call *call, struct str s, struct str by, int64_t most,
                         struct list **ret)
{
    struct list *list = list_new(call->heap, ELEMENT_STRING);

    *ret = list;
    if (most == 0 || (!by.len && !s.len))
        return true;
    while (most < 0 || list->len + 1 < (uint64_t)most) {
        const char *found;
        size_t len;
        unsigned rune;

        if (by.len) {
            found = str_find(s, by);
            if (!found)
                break;
            len = (size_t)(found - s.at);
        } else {
            len = rune_next(s.at, s.len, &rune);
            if (len >= s.len)
                break;
        }
        list_add(list, value_string(s.at, len));
        s = (struct str){s.at + len + by.len, s.len - len - by.len};
        if (!(list->len & 1023) && !call_spend(call, 65536))
            return false;
    }
    list_add(list, value_of_str(s));
    return call_room(call, 0);
}

static bool run_split_list(struct call *call)
{
    struct list *list;

    return split_string(call, call_arg_str(call, 1), call_arg_str(call, 0), -1, &list) &&
           call_give(call, value_list(list));
}

/* A dict with the keys _0, _1, and so on, as Sprig gives instead of a list. */
static bool give_numbered(struct call *call, struct list *list)
{
    struct dict *dict = dict_new(call->heap, ELEMENT_STRING);

    for (uint32_t i = 0; i < list->len; i++) {
        char key[16];
        int len = snprintf(key, sizeof key, "_%u", i);

        dict_set(dict, str_copy(call->arena, (struct str){key, (size_t)len}), list->items[i]);
    }
    return call_give(call, value_dict(dict));
}

static bool run_string_split(struct call *call)
{
    struct list *list;

    return split_string(call, call_arg_str(call, 1), call_arg_str(call, 0), -1, &list) &&
           give_numbered(call, list);
}

static bool run_splitn(struct call *call)
{
    struct list *list;

    return split_string(call, call_arg_str(call, 2), call_arg_str(call, 0), call->args[1].integer,
                        &list) &&
           give_numbered(call, list);
}

static bool run_plural(struct call *call)
{
    return call_give(call, call->args[call->args[2].integer == 1 ? 0 : 1]);
}

static bool run_hello(struct call *call)
{
    return call_give_str(call, STR("Hello!"));
}

const struct function functions_strings[] = {
    {"hello", "", 's', run_hello, COST_NONE},
    {"abbrev", "is", 's', run_abbrev, 2},
    {"abbrevboth", "iis", 's', run_abbrevboth, 2},
    {"trunc", "is", 's', run_trunc, COST_FLAT},
    {"trim", "s", 's', run_trim, 30},
    {"trimAll", "ss", 's', run_trim_all, 30},
    {"trimall", "ss", 's', run_trim_all, 30},
    {"trimSuffix", "ss", 's', run_trim_suffix, COST_FLAT},
    {"trimPrefix", "ss", 's', run_trim_prefix, COST_FLAT},
    {"nospace", "s", 's', run_nospace, 30},
    {"substr", "iis", 's', run_substr, COST_FLAT},
    {"repeat", "is", 's', run_repeat, COST_FLAT},
    {"contains", "ss", 'b', run_contains, 12},
    {"hasPrefix", "ss", 'b', run_has_prefix, COST_FLAT},
    {"hasSuffix", "ss", 'b', run_has_suffix, COST_FLAT},
    {"quote", "a*", 's', run_quote, 60},
    {"squote", "a*", 's', run_squote, 8},
    {"cat", "a*", 's', run_cat, 8},
    {"indent", "is", 's', run_indent, 4},
    {"nindent", "is", 's', run_nindent, 4},
    {"replace", "sss", 's', run_string_replace, 16},
    {"plural", "ssi", 's', run_plural, COST_NONE},
    {"toString", "a", 's', run_to_string, 8},
    {"toStrings", "a", 'L', run_to_strings, 8},
    {"join", "sa", 's', run_join, 8},
    {"sortAlpha", "a", 'L', run_sort_alpha, 8},
    {"split", "ss", 'm', run_string_split, 16},
    {"splitList", "ss", 'L', run_split_list, 16},
    {"splitn", "sis", 'm', run_splitn, 16},
    {0},
};
