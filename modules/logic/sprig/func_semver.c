/* SPDX-License-Identifier: Apache-2.0 */
/* Constraints on semantic versions as Sprig's library reads them; the methods of a version. */
#include "sprig/groups.h"

/* A version, or a range's bound: "1.x", ">=2". */
struct bound {
    struct str operator;
    struct semver version;
    bool dirty, minor_dirty, patch_dirty;
};

/* ---- Constraints ---- */

static bool is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_blanks(struct str s, size_t *at)
{
    while (*at < s.len && is_white(s.at[*at]))
        *at += 1;
}

static const char *const operators[] = {"!=", ">=", "=>", "<=", "=<", "~>",
                                        "=",  ">",  "<",  "~",  "^"};

/* The longer operators stand first in the table: ">=" is not ">". */
static struct str read_comparison(struct str s, size_t *at)
{
    for (size_t i = 0; i < count_of(operators); i++) {
        struct str one = str_of(operators[i]);

        if (s.len - *at >= one.len && memcmp(s.at + *at, one.at, one.len) == 0) {
            *at += one.len;
            return one;
        }
    }
    return STR("");
}

/* "1.x", "1.X" and "1.*" mean the same. */
static bool is_wild(char c)
{
    return c == 'x' || c == 'X' || c == '*';
}

/* "1", "1.2", "1.x", "*" and their pre-release; false if none is here. */
static bool read_bound(struct str s, size_t *at, struct bound *ret)
{
    size_t start = *at;
    bool open = false;
    unsigned count = 0;

    *at += *at < s.len && s.at[*at] == 'v';
    for (; count < 3; count++) {
        uint64_t part = 0;

        if (count && (*at >= s.len || s.at[*at] != '.'))
            break;
        *at += count > 0;
        if (*at < s.len && is_wild(s.at[*at])) {
            *at += 1;
            if (!open) {
                ret->dirty = true;
                ret->minor_dirty = count == 1;
                ret->patch_dirty = count == 2;
            }
            open = true;
        } else if (!semver_read_whole(s, at, &part)) {
            return false;
        }
        if (!open)
            ret->version.parts[count] = part;
    }
    if (!open && count < 3) {
        ret->dirty = true;
        ret->minor_dirty = count == 1;
        ret->patch_dirty = count == 2;
    }
    if (!semver_read_tails(s, at, &ret->version))
        return false;
    ret->version.original = (struct str){s.at + start, *at - start};
    return true;
}

/* ~1.2.3: at least that, within the same minor. */
static bool within_tilde(const struct semver *v, const struct bound *bound)
{
    const struct semver *c = &bound->version;

    if (semver_compare(v, c) < 0)
        return false;
    if (!c->parts[0] && !c->parts[1] && !c->parts[2] && !bound->minor_dirty && !bound->patch_dirty)
        return true;
    return v->parts[0] == c->parts[0] && (v->parts[1] == c->parts[1] || bound->minor_dirty);
}

/* ^1.2.3: at least that, up to the next change of the leftmost number that is not 0. */
static bool within_caret(const struct semver *v, const struct bound *bound)
{
    const struct semver *c = &bound->version;

    if (semver_compare(v, c) < 0)
        return false;
    if (c->parts[0] > 0 || bound->minor_dirty)
        return v->parts[0] == c->parts[0];
    if (v->parts[0] > 0)
        return false;
    if (c->parts[1] > 0 || bound->patch_dirty)
        return v->parts[1] == c->parts[1];
    return v->parts[1] == 0 && c->parts[2] == v->parts[2];
}

/* >1.2 means 1.3 and later: what is missing stands for all of its kind. */
static bool is_above(const struct semver *v, const struct bound *bound)
{
    const struct semver *c = &bound->version;

    if (!bound->dirty || v->parts[0] != c->parts[0])
        return bound->dirty ? v->parts[0] > c->parts[0] : semver_compare(v, c) > 0;
    if (bound->minor_dirty)
        return false;
    if (bound->patch_dirty)
        return v->parts[1] > c->parts[1];
    return semver_compare(v, c) > 0;
}

/* <=1.2 includes every 1.2.x. */
static bool is_not_above(const struct semver *v, const struct bound *bound)
{
    const struct semver *c = &bound->version;

    if (!bound->dirty)
        return semver_compare(v, c) <= 0;
    if (v->parts[0] > c->parts[0])
        return false;
    return v->parts[0] != c->parts[0] || v->parts[1] <= c->parts[1] || bound->minor_dirty;
}

/* !=1.2 excludes every 1.2.x. */
static bool is_different(const struct semver *v, const struct bound *bound)
{
    const struct semver *c = &bound->version;

    if (!bound->dirty)
        return semver_compare(v, c) != 0;
    if (v->parts[0] != c->parts[0])
        return true;
    if (bound->minor_dirty)
        return false;
    if (v->parts[1] != c->parts[1])
        return true;
    if (bound->patch_dirty)
        return (v->before.len || c->before.len) && !str_same(v->before, c->before);
    return semver_compare(v, c) != 0;
}

/* Pre-releases count only where the constraint names one itself. */
static bool satisfies_bound(const struct semver *v, const struct bound *bound, bool with_before)
{
    struct str operator= bound->operator;
    char first = operator.len     ? operator.at[0] : '\0';
    char second = operator.len> 1 ? operator.at[1] : '\0';

    if (v->before.len && !with_before)
        return false;
    if (first == '!')
        return is_different(v, bound);
    if (first == '~')
        return within_tilde(v, bound);
    if (first == '^')
        return within_caret(v, bound);
    if ((first == '>' && second) || (first == '=' && second == '>'))
        return semver_compare(v, &bound->version) >= 0;
    if ((first == '<' && second) || (first == '=' && second == '<'))
        return is_not_above(v, bound);
    if (first == '>')
        return is_above(v, bound);
    if (first == '<')
        return semver_compare(v, &bound->version) < 0;
    return bound->dirty ? within_tilde(v, bound) : semver_compare(v, &bound->version) == 0;
}

#define BOUNDS 64

/* All bounds of one alternative; false if it is no constraint. */
static bool read_version_bounds(struct str s, struct bound bounds[BOUNDS], size_t *count)
{
    size_t at = 0;

    *count = 0;
    skip_blanks(s, &at);
    while (at < s.len) {
        struct bound *bound = &bounds[*count];

        if (*count + 1 >= BOUNDS)
            return false;
        *bound = (struct bound){.operator= read_comparison(s, &at)};
        skip_blanks(s, &at);
        if (!read_bound(s, &at, bound))
            return false;
        *count += 1;
        skip_blanks(s, &at);
        /* "1.2 - 2.0" is a range. */
        if (at + 1 < s.len && s.at[at] == '-' && is_white(s.at[at + 1]) && !bound->operator.len) {
            bound->operator= STR(">=");
            at++;
            skip_blanks(s, &at);
            bounds[*count] = (struct bound){.operator= STR("<=")};
            if (!read_bound(s, &at, &bounds[*count]))
                return false;
            *count += 1;
            skip_blanks(s, &at);
        }
        if (at < s.len && s.at[at] == ',') {
            at++;
            skip_blanks(s, &at);
            if (at >= s.len)
                return true;
        }
    }
    return *count > 0;
}

/* All bounds of one alternative. */
static bool group_holds(const struct semver *v, const struct bound *bounds, size_t count)
{
    bool with_before = false;

    for (size_t i = 0; i < count; i++)
        with_before = with_before || bounds[i].version.before.len;
    for (size_t i = 0; i < count; i++) {
        if (!satisfies_bound(v, &bounds[i], with_before))
            return false;
    }
    return true;
}

/* Alternatives are all read even when one holds, so that a wrong one is an error. */
static bool run_semver_compare(struct call *call)
{
    struct str all = call_arg_str(call, 0), rest = all;
    struct bound bounds[BOUNDS];
    struct semver version;
    const char *why = semver_read(call_arg_str(call, 1), &version);
    bool holds = false;
    bool more = true;

    while (more) {
        const char *bars = rest.len ? memmem(rest.at, rest.len, "||", 2) : NULL;
        struct str group = {rest.at, bars ? (size_t)(bars - rest.at) : rest.len};
        size_t count;

        if (!read_version_bounds(group, bounds, &count))
            return call_fail(call, "improper constraint: %.*s", (int)all.len, all.at);
        holds = holds || (!why && group_holds(&version, bounds, count));
        more = bars;
        if (bars)
            rest = (struct str){bars + 2, rest.len - group.len - 2};
    }
    if (why)
        return call_fail(call, "%s", why);
    return call_give(call, value_bool(holds));
}

/* ---- Values and their methods ---- */

static bool run_semver(struct call *call)
{
    struct semver version;
    const char *why = semver_read(call_arg_str(call, 0), &version);

    if (why)
        return call_fail(call, "%s", why);
    return call_give(call, value_semver(call->arena, version));
}

static bool give_version_part(struct call *call, size_t which)
{
    return call_give(call, value_int((int64_t)call->args[0].semver->parts[which]));
}

static bool run_major(struct call *call)
{
    return give_version_part(call, 0);
}

static bool run_minor(struct call *call)
{
    return give_version_part(call, 1);
}

static bool run_patch(struct call *call)
{
    return give_version_part(call, 2);
}

static bool run_prerelease(struct call *call)
{
    return call_give_str(call, call->args[0].semver->before);
}

static bool run_metadata(struct call *call)
{
    return call_give_str(call, call->args[0].semver->meta);
}

static bool run_original(struct call *call)
{
    return call_give_str(call, call->args[0].semver->original);
}

static bool run_version_string(struct call *call)
{
    struct text out = {0};

    semver_print(&out, call->args[0].semver);
    return call_give_text(call, &out);
}

static bool run_compare(struct call *call)
{
    return call_give(call, value_int(semver_compare(call->args[0].semver, call->args[1].semver)));
}

static bool run_less_than(struct call *call)
{
    return call_give(call,
                     value_bool(semver_compare(call->args[0].semver, call->args[1].semver) < 0));
}

static bool run_greater_than(struct call *call)
{
    return call_give(call,
                     value_bool(semver_compare(call->args[0].semver, call->args[1].semver) > 0));
}

static bool run_version_equal(struct call *call)
{
    return call_give(call,
                     value_bool(semver_compare(call->args[0].semver, call->args[1].semver) == 0));
}

/* A new version; the original stays as it is. */
static bool give_increased(struct call *call, size_t which)
{
    struct semver version = *call->args[0].semver;

    version.meta = STR("");
    /* A pre-release of the next patch becomes that patch. */
    if (which == 2 && version.before.len)
        which = 3;
    version.before = STR("");
    if (which < 3)
        version.parts[which]++;
    for (size_t i = which + 1; i < 3; i++)
        version.parts[i] = 0;
    return call_give(call, value_semver(call->arena, version));
}

static bool run_inc_major(struct call *call)
{
    return give_increased(call, 0);
}

static bool run_inc_minor(struct call *call)
{
    return give_increased(call, 1);
}

static bool run_inc_patch(struct call *call)
{
    return give_increased(call, 2);
}

const struct function functions_semver[] = {
    {"semver", "s", 'V', run_semver, 24},
    {"semverCompare", "ss", 'b', run_semver_compare, 24},
    {0},
};

const struct function methods_semver[] = {
    {"Major", "V", 'i', run_major, 40},
    {"Minor", "V", 'i', run_minor, 40},
    {"Patch", "V", 'i', run_patch, 40},
    {"Prerelease", "V", 's', run_prerelease, 40},
    {"Metadata", "V", 's', run_metadata, 40},
    {"Original", "V", 's', run_original, 40},
    {"String", "V", 's', run_version_string, 40},
    {"Compare", "VV", 'i', run_compare, 40},
    {"LessThan", "VV", 'b', run_less_than, 40},
    {"GreaterThan", "VV", 'b', run_greater_than, 40},
    {"Equal", "VV", 'b', run_version_equal, 40},
    {"IncMajor", "V", 'V', run_inc_major, 40},
    {"IncMinor", "V", 'V', run_inc_minor, 40},
    {"IncPatch", "V", 'V', run_inc_patch, 40},
    {0},
};
