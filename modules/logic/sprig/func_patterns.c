/* SPDX-License-Identifier: Apache-2.0 */
/* Sprig's functions on regular expressions, through pattern. */
#include "base/map.h"
#include "pattern/pattern.h"
#include "sprig/groups.h"

/* When the meter is over; the run fails with its own words later. */
static struct pattern *refuse_pattern_work(struct err *err)
{
    err_set(err, ERR_INVALID, "the template does too much");
    return NULL;
}

/* A pattern is made once in a run, however often it is used. */
static const struct pattern *pattern_of(struct call *call, struct str text, struct err *err)
{
    struct map *patterns = call_patterns(call);
    const char *key = arena_bytes(call->arena, text.at, text.len);
    struct pattern *pattern = strlen(key) == text.len ? map_get(patterns, key) : NULL;

    if (pattern)
        return pattern;
    if (memchr(text.at, 0, text.len)) {
        err_set(err, ERR_INVALID, "error parsing regexp: it holds a NUL");
        return NULL;
    }
    if (!call_spend(call, (uint64_t)text.len * 256 + 4096))
        return refuse_pattern_work(err);
    pattern = pattern_new(text.at, text.len, call_pattern_size(call), err);
    if (!pattern)
        return NULL;
    map_put(patterns, key, pattern);
    return call_spend(call, pattern_size(pattern) * 2) ? pattern : refuse_pattern_work(err);
}

/* `must`: the plain error; otherwise the words of Go's panic. */
static const struct pattern *pattern_arg(struct call *call)
{
    struct str text = call_arg_str(call, 0);
    bool must = memcmp(call->function->name, "must", 4) == 0;
    struct err err = {0};
    const struct pattern *pattern = pattern_of(call, text, &err);

    if (pattern)
        return pattern;
    if (must)
        call_fail(call, "%s", err.text);
    else
        call_fail(call, "regexp: Compile(`%.*s`): %s", (int)(text.len > 300 ? 300 : text.len),
                  text.at, err.text);
    return NULL;
}

/* A match; `ret_failed` when nothing is left for searching. */
static bool find_match(struct call *call, const struct pattern *pattern, struct str s, size_t from,
                       ptrdiff_t *ret, bool *ret_failed)
{
    bool found = pattern_find(pattern, s.at, s.len, from, ret, call->heap->meter);

    *ret_failed = !call_spend(call, 0);
    return found && !*ret_failed;
}

/* Two offsets for each group of the expression. */
static ptrdiff_t *alloc_offsets(struct call *call, const struct pattern *pattern)
{
    return arena_alloc(call->arena, pattern_groups(pattern) * 2 * sizeof(ptrdiff_t));
}

/* After an empty match the search goes on one rune later. */
static size_t step_at(struct str s, size_t at)
{
    unsigned rune;

    return at < s.len ? rune_next(s.at + at, s.len - at, &rune) : 1;
}

static bool run_match(struct call *call)
{
    struct err err = {0};
    const struct pattern *pattern = pattern_of(call, call_arg_str(call, 0), &err);
    bool failed = false, found;

    if (!pattern && call->function->name[0] == 'm')
        return call_fail(call, "%s", err.text);
    if (!pattern)
        return call_give(call, value_bool(false));
    found = find_match(call, pattern, call_arg_str(call, 1), 0, NULL, &failed);
    return !failed && call_give(call, value_bool(found));
}

static bool run_find(struct call *call)
{
    const struct pattern *pattern = pattern_arg(call);
    struct str s = call_arg_str(call, 1);
    ptrdiff_t *at;
    bool failed;

    if (!pattern)
        return false;
    at = alloc_offsets(call, pattern);
    if (find_match(call, pattern, s, 0, at, &failed))
        return call_give_str(call, (struct str){s.at + at[0], (size_t)(at[1] - at[0])});
    return !failed && call_give_str(call, STR(""));
}

/* Calls `each` for up to `most` matches, which do not overlap. */
typedef void match_fn(struct list *list, struct str s, const ptrdiff_t *at);

/* Matches from left to right that do not overlap, up to `most`. An empty one right behind
   another does not count, as in Go. */
static bool find_all_matches(struct call *call, const struct pattern *pattern, struct str s,
                             int64_t most, match_fn *each, struct list *list)
{
    ptrdiff_t *at = alloc_offsets(call, pattern), before = -1;
    size_t from = 0;
    bool failed = false;

    for (int64_t count = 0; (most < 0 || count < most) && from <= s.len;) {
        bool fine = true;

        if (!find_match(call, pattern, s, from, at, &failed))
            break;
        if (at[1] == (ptrdiff_t)from) {
            fine = at[0] != before;
            from += step_at(s, from);
        } else {
            from = (size_t)at[1];
        }
        before = at[1];
        if (!fine)
            continue;
        each(list, s, at);
        count++;
    }
    return !failed && call_room(call, 0);
}

/* The text of the match as an item. */
static void keep_text(struct list *list, struct str s, const ptrdiff_t *at)
{
    list_add(list, value_string(s.at + at[0], (size_t)(at[1] - at[0])));
}

/* Where the match begins and ends, as two items. */
static void keep_place(struct list *list, struct str s, const ptrdiff_t *at)
{
    list_add(list, value_int(at[0]));
    list_add(list, value_int(at[1]));
}

static bool run_find_all(struct call *call)
{
    const struct pattern *pattern = pattern_arg(call);
    struct list *list = list_new(call->heap, ELEMENT_STRING);

    if (!pattern || !find_all_matches(call, pattern, call_arg_str(call, 1), call->args[2].integer,
                                      keep_text, list))
        return false;
    list->nil = !list->len;
    return call_give(call, value_list(list));
}

static bool run_regex_split(struct call *call)
{
    const struct pattern *pattern = pattern_arg(call);
    struct list *list = list_new(call->heap, ELEMENT_STRING);
    struct list *at = list_new(call->heap, ELEMENT_INT);
    struct str s = call_arg_str(call, 1);
    int64_t most = call->args[2].integer;
    size_t begin = 0, end = 0;

    if (!pattern)
        return false;
    list->nil = most == 0;
    if (most == 0)
        return call_give(call, value_list(list));
    if (call->args[0].len && !s.len) {
        list_add(list, value_of_str(s));
        return call_give(call, value_list(list));
    }
    if (!find_all_matches(call, pattern, s, most, keep_place, at))
        return false;
    for (uint32_t i = 0; i < at->len; i += 2) {
        if (most > 0 && list->len == most - 1)
            break;
        end = (size_t)at->items[i].integer;
        if (at->items[i + 1].integer != 0)
            list_add(list, value_string(s.at + begin, end - begin));
        begin = (size_t)at->items[i + 1].integer;
    }
    if (end != s.len)
        list_add(list, value_string(s.at + begin, s.len - begin));
    return call_give(call, value_list(list));
}

/* ---- Replacing ---- */

/* Nothing for a group that took no part. */
static void add_group_text(struct text *out, struct str s, const ptrdiff_t *at, size_t group,
                           size_t groups)
{
    if (group < groups && at[group * 2] >= 0)
        text_add_bytes(out, s.at + at[group * 2], (size_t)(at[group * 2 + 1] - at[group * 2]));
}

/* The name after a dollar sign; its length with braces, 0 if there is none. */
static size_t name_after(struct str s, struct str *ret)
{
    bool braces = s.len && s.at[0] == '{';
    size_t start = braces, at = start;

    while (at < s.len) {
        unsigned rune;
        size_t step = rune_next(s.at + at, s.len - at, &rune);

        if (!unicode_is_letter(rune) && !unicode_is_digit(rune) && rune != '_')
            break;
        at += step;
    }
    *ret = (struct str){s.at + start, at - start};
    if (at == start || (braces && (at >= s.len || s.at[at] != '}')))
        return 0;
    return at + braces;
}

/* "${1}" or "${name}"; one that does not exist is empty. */
static void add_named_group(struct text *out, const struct pattern *pattern, struct str s,
                            const ptrdiff_t *at, struct str name)
{
    size_t group = 0;

    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] < '0' || name.at[i] > '9' || (name.at[0] == '0' && name.len > 1)) {
            group = pattern_group_named(pattern, name.at, name.len);
            if (group)
                add_group_text(out, s, at, group, pattern_groups(pattern));
            return;
        }
        group = group > 100000 ? group : group * 10 + (size_t)(name.at[i] - '0');
    }
    add_group_text(out, s, at, group, pattern_groups(pattern));
}

/* "$1", "${name}", "$$" in a replacement. */
static void expand_replacement(struct text *out, const struct pattern *pattern, struct str s,
                               const ptrdiff_t *at, struct str with)
{
    for (size_t i = 0; i < with.len;) {
        struct str rest = {with.at + i + 1, with.len - i - 1}, name;
        size_t len;

        if (with.at[i] != '$') {
            text_add_char(out, with.at[i++]);
        } else if (rest.len && rest.at[0] == '$') {
            text_add_char(out, '$');
            i += 2;
        } else if ((len = name_after(rest, &name))) {
            add_named_group(out, pattern, s, at, name);
            i += 1 + len;
        } else {
            text_add_char(out, '$');
            i++;
        }
    }
}

/* `literal`: the replacement has no $1 in it. */
static bool give_pattern_replaced(struct call *call, bool literal)
{
    const struct pattern *pattern = pattern_arg(call);
    struct str s = call_arg_str(call, 1), with = call_arg_str(call, 2);
    size_t done = 0, from = 0;
    struct text out = call_text(call);
    bool failed = false;
    ptrdiff_t *at;

    if (!pattern)
        return false;
    at = alloc_offsets(call, pattern);
    while (from <= s.len && find_match(call, pattern, s, from, at, &failed)) {
        size_t width = step_at(s, from);

        text_add_bytes(&out, s.at + done, (size_t)at[0] - done);
        if ((size_t)at[1] > done || at[0] == 0) {
            if (literal)
                text_add_bytes(&out, with.at, with.len);
            else
                expand_replacement(&out, pattern, s, at, with);
        }
        done = (size_t)at[1];
        from = from + width > done ? from + width : done;
        if (!call_room(call, out.len)) {
            failed = true;
            break;
        }
    }
    text_add_bytes(&out, s.at + done, s.len - done);
    if (!failed)
        return call_give_text(call, &out);
    text_free(&out);
    return false;
}

static bool run_regex_replace(struct call *call)
{
    return give_pattern_replaced(call, false);
}

static bool run_replace_literal(struct call *call)
{
    return give_pattern_replaced(call, true);
}

static bool run_quote_meta(struct call *call)
{
    struct str s = call_arg_str(call, 0);
    struct text out = call_text(call);

    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] && strchr("\\.+*?()|[]{}^$", s.at[i]))
            text_add_char(&out, '\\');
        text_add_char(&out, s.at[i]);
    }
    return call_give_text(call, &out);
}

const struct function functions_patterns[] = {
    {"regexMatch", "ss", 'b', run_match, COST_FLAT},
    {"mustRegexMatch", "ss", 'b', run_match, COST_FLAT},
    {"regexFind", "ss", 's', run_find, COST_FLAT},
    {"mustRegexFind", "ss", 's', run_find, COST_FLAT},
    {"regexFindAll", "ssi", 'L', run_find_all, COST_FLAT},
    {"mustRegexFindAll", "ssi", 'L', run_find_all, COST_FLAT},
    {"regexSplit", "ssi", 'L', run_regex_split, COST_FLAT},
    {"mustRegexSplit", "ssi", 'L', run_regex_split, COST_FLAT},
    {"regexReplaceAll", "sss", 's', run_regex_replace, COST_FLAT},
    {"mustRegexReplaceAll", "sss", 's', run_regex_replace, COST_FLAT},
    {"regexReplaceAllLiteral", "sss", 's', run_replace_literal, COST_FLAT},
    {"mustRegexReplaceAllLiteral", "sss", 's', run_replace_literal, COST_FLAT},
    {"regexQuoteMeta", "s", 's', run_quote_meta, 12},
    {0},
};
