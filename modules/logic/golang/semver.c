/* SPDX-License-Identifier: Apache-2.0 */
/* Reads, compares and prints semantic versions. */
#include "golang/semver.h"

#include <inttypes.h>

static bool is_semver_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Labels are ASCII letters, digits and dashes. */
static bool is_semver_label(char c)
{
    return is_semver_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-';
}

static bool read_labels(struct str s, size_t *at, struct str *ret)
{
    size_t start = *at;

    for (;;) {
        size_t label = *at;

        while (*at < s.len && is_semver_label(s.at[*at]))
            *at += 1;
        if (*at == label)
            return false;
        if (*at >= s.len || s.at[*at] != '.')
            break;
        *at += 1;
    }
    *ret = (struct str){s.at + start, *at - start};
    return true;
}

/* A dash begins the pre-release, a plus the build; the order is fixed. */
bool semver_read_tails(struct str s, size_t *at, struct semver *ret)
{
    if (*at < s.len && s.at[*at] == '-') {
        *at += 1;
        if (!read_labels(s, at, &ret->before))
            return false;
    }
    if (*at < s.len && s.at[*at] == '+') {
        *at += 1;
        return read_labels(s, at, &ret->meta);
    }
    return true;
}

bool semver_read_whole(struct str s, size_t *at, uint64_t *ret)
{
    size_t start = *at;

    *ret = 0;
    for (; *at < s.len && is_semver_digit(s.at[*at]); *at += 1) {
        if (__builtin_mul_overflow(*ret, 10u, ret) ||
            __builtin_add_overflow(*ret, (uint64_t)(s.at[*at] - '0'), ret))
            return false;
    }
    return *at > start;
}

/* A numeric label of a pre-release may not have a leading zero; a build may. */
static bool leads_with_zero(struct str labels)
{
    for (size_t i = 0; i < labels.len;) {
        size_t len = 0;
        bool digits = true;

        while (i + len < labels.len && labels.at[i + len] != '.') {
            digits = digits && is_semver_digit(labels.at[i + len]);
            len++;
        }
        if (digits && len > 1 && labels.at[i] == '0')
            return true;
        i += len + 1;
    }
    return false;
}

/* A "v" before the number is allowed, and minor and patch may be missing: Sprig reads
   leniently. */
const char *semver_read(struct str s, struct semver *ret)
{
    static const char invalid[] = "invalid semantic version";
    size_t at = s.len && s.at[0] == 'v';

    *ret = (struct semver){.original = s};
    for (size_t i = 0; i < 3; i++) {
        if (i && (at >= s.len || s.at[at] != '.'))
            break;
        at += i > 0;
        if (!semver_read_whole(s, &at, &ret->parts[i]))
            return invalid;
    }
    if (!semver_read_tails(s, &at, ret) || at != s.len)
        return invalid;
    if (leads_with_zero(ret->before))
        return "version segment starts with 0";
    return NULL;
}

void semver_print(struct text *out, const struct semver *version)
{
    text_addf(out, "%" PRIu64 ".%" PRIu64 ".%" PRIu64, version->parts[0], version->parts[1],
              version->parts[2]);
    if (version->before.len)
        text_addf(out, "-%.*s", (int)version->before.len, version->before.at);
    if (version->meta.len)
        text_addf(out, "+%.*s", (int)version->meta.len, version->meta.at);
}

/* Takes the first label off; `rest` is what stands behind its dot. */
static struct str cut_label(struct str *rest)
{
    const char *dot = rest->len ? memchr(rest->at, '.', rest->len) : NULL;
    size_t len = dot ? (size_t)(dot - rest->at) : rest->len;
    struct str label = {rest->at, len};

    *rest = (struct str){rest->at + len + (dot != NULL), rest->len - len - (dot != NULL)};
    return label;
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_semver_digit(s.at[i]))
            return false;
    }
    return s.len;
}

/* Numeric labels count as numbers and come before the others. */
static int compare_labels(struct str a, struct str b)
{
    bool left = all_digits(a), right = all_digits(b);
    size_t least = a.len < b.len ? a.len : b.len;
    int order;

    if (left != right)
        return left ? -1 : 1;
    if (left && a.len != b.len) /* no leading zeros: longer is larger */
        return a.len < b.len ? -1 : 1;
    order = memcmp(a.at, b.at, least);
    return order ? (order < 0 ? -1 : 1) : (a.len > b.len) - (a.len < b.len);
}

/* A pre-release comes before its version; with the same beginning the longer one is later. */
int semver_compare(const struct semver *a, const struct semver *b)
{
    struct str left = a->before, right = b->before;

    for (size_t i = 0; i < 3; i++) {
        if (a->parts[i] != b->parts[i])
            return a->parts[i] < b->parts[i] ? -1 : 1;
    }
    if (!left.len || !right.len)
        return (right.len > 0) - (left.len > 0);
    while (left.len && right.len) {
        struct str one = cut_label(&left), two = cut_label(&right);
        int order = compare_labels(one, two);

        if (order)
            return order;
    }
    return (left.len > 0) - (right.len > 0);
}

struct value value_semver(struct arena *arena, struct semver version)
{
    struct semver *copy = arena_alloc(arena, sizeof *copy);

    *copy = version;
    return (struct value){.kind = KIND_SEMVER, .semver = copy};
}
