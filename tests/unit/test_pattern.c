/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions: what they find, what is refused, and how long it takes. */
#include "check.h"

#include "pattern/pattern.h"

#include "base/text.h"

#include <stdio.h>

/* "2-5 3-4" for the groups of the leftmost match, "none", or the refusal. */
static void find(const char *expression, const char *text, char out[300])
{
    struct err err = {0};
    scoped_pattern struct pattern *pattern = pattern_new(expression, strlen(expression), 0, &err);
    ptrdiff_t at[40];
    size_t len = 0;

    if (!pattern) {
        snprintf(out, 300, "%.200s", err.text);
        return;
    }
    snprintf(out, 300, "none");
    if (!pattern_find(pattern, text, strlen(text), 0, at, NULL))
        return;
    for (size_t i = 0; i < pattern_groups(pattern); i++)
        len += (size_t)snprintf(out + len, 300 - len, "%s%td-%td", i ? " " : "", at[i * 2],
                                at[i * 2 + 1]);
}

static const struct {
    const char *expression, *text, *want;
} finds[] = {
    {"b+", "abbc", "1-3"},
    {"b+?", "abbc", "1-2"},
    {"(a|ab)(c|bcd)", "abcd", "0-4 0-1 1-4"},
    {"x*", "abc", "0-0"},
    {"(x)?b", "ab", "1-2 -1--1"},
    {"^abc$", "abc", "0-3"},
    {"^b", "ab", "none"},
    {"(?m)^b$", "a\nb\nc", "2-3"},
    {"a.c", "a\nc", "none"},
    {"(?s)a.c", "a\nc", "0-3"},
    {"(?i)straSSe", "STRASSE", "0-7"},
    {"a{2,3}", "aaaa", "0-3"},
    {"a{2,3}?", "aaaa", "0-2"},
    {"a{,2}", "a{,2}", "0-5"},
    {"[^a-c]+", "abcdef", "3-6"},
    {"[[:digit:]-]+", "a1-2", "1-4"},
    {"\\p{Greek}", "a\xce\xb1", "1-3"},
    {"\\bfoo\\b", "a foo b", "2-5"},
    {"(?P<y>\\d+)-(?<m>\\d+)", "on 2024-05", "3-10 3-7 8-10"},
    {"(", "", "error parsing regexp: missing closing ): `(`"},
    {"a)", "", "error parsing regexp: unexpected ): `a)`"},
    {"a**", "", "error parsing regexp: invalid nested repetition operator: `**`"},
    {"[b-a]", "", "error parsing regexp: invalid character class range: `b-a`"},
    {"\\", "", "error parsing regexp: trailing backslash at end of expression: ``"},
    {"(?<=a)", "", "error parsing regexp: invalid or unsupported Perl syntax: `(?<`"},
    {"\\p{Nope}", "", "error parsing regexp: invalid character class range: `\\p{Nope}`"},
};

static void test_finds(void)
{
    for (size_t i = 0; i < count_of(finds); i++) {
        char got[300];

        find(finds[i].expression, finds[i].text, got);
        CHECK_TEXT(got, finds[i].want, "%s in %s", finds[i].expression, finds[i].text);
    }
}

/* What makes a back-tracker run for years costs a bounded number of steps per
   byte here. */
static void test_linear(void)
{
    static const char *const bombs[] = {"(a*)*b", "(a|a)*b", "(a|aa)+$b", "(a?){50}a{50}b",
                                        "(.*)(.*)(.*)(.*)b"};
    char text[5001];

    memset(text, 'a', 5000);
    text[5000] = '\0';
    for (size_t i = 0; i < count_of(bombs); i++) {
        struct err err = {0};
        scoped_pattern struct pattern *pattern = pattern_new(bombs[i], strlen(bombs[i]), 0, &err);
        struct meter meter = {.limit = METER_ANSWER};

        CHECK(pattern && !pattern_find(pattern, text, 5000, 0, NULL, &meter) && !meter_over(&meter),
              "%s over 5,000 bytes", bombs[i]);
    }
}

static void test_large(void)
{
    scoped_text struct text deep = {0};
    struct err err = {0};

    for (int i = 0; i < 60000; i++)
        text_add_char(&deep, '(');
    CHECK(!pattern_new(text_string(&deep), deep.len, 0, &err) &&
              strstr(err.text, "nests too deeply"),
          "60 kB of parentheses");
    CHECK(!pattern_new("((a{1000}){1000}){1000}", 23, 0, &err) && strstr(err.text, "too large"),
          "a billion repetitions");
    CHECK(!pattern_new("[[", 2, 0, &err) && strstr(err.text, "missing closing ]"),
          "a class that does not end");
}

int main(void)
{
    test_finds();
    test_linear();
    test_large();
    return check_done();
}
