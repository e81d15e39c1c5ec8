/* SPDX-License-Identifier: Apache-2.0 */
/* The categories and cases of runes are those of Unicode 15.0.0. */
#include "check.h"

#include "base/mem.h"
#include "base/unicode.h"

#include <string.h>

static void test_categories(void)
{
    CHECK(unicode_is_letter('a') && unicode_is_letter(0xe9) && unicode_is_letter(0x4e2d) &&
              unicode_is_letter(0x1c5),
          "capital, small, title-case and other letters are letters");
    CHECK(!unicode_is_letter('1') && !unicode_is_letter(0x301) && !unicode_is_letter(0x110000),
          "digits, marks and what is no rune are none");
    CHECK(unicode_is_letter(0x1123f), "a letter that came with 15.0");
    CHECK(!unicode_is_letter(0x2ebf0), "a letter that came with 15.1 is not assigned yet");
    CHECK(unicode_is_digit('0') && unicode_is_digit(0x0969) && !unicode_is_digit(0xb2),
          "decimal digits of any script are digits, a superscript is none");
    CHECK(unicode_is_printable(' ') && unicode_is_printable(0x1f600) &&
              !unicode_is_printable(0xa0) && !unicode_is_printable(0x200b) &&
              !unicode_is_printable(0xe000) && !unicode_is_printable(0x7f),
          "other spaces, formats, private use and controls do not print");
}

static void test_cases(void)
{
    static const struct {
        unsigned rune, upper, lower, title;
    } cases[] = {
        {'a', 'A', 'a', 'A'},
        {0xdf, 0xdf, 0xdf, 0xdf},
        {0x100, 0x100, 0x101, 0x100},
        {0x101, 0x100, 0x101, 0x100},
        {0x130, 0x130, 'i', 0x130},
        {0x17f, 'S', 0x17f, 'S'},
        {0x1c4, 0x1c4, 0x1c6, 0x1c5},
        {0x1c5, 0x1c4, 0x1c6, 0x1c5},
        {0x10d0, 0x1c90, 0x10d0, 0x10d0},
        {0x1e9e, 0x1e9e, 0xdf, 0x1e9e},
        {0x10400, 0x10400, 0x10428, 0x10400},
    };

    for (size_t i = 0; i < count_of(cases); i++)
        CHECK(unicode_upper(cases[i].rune) == cases[i].upper &&
                  unicode_lower(cases[i].rune) == cases[i].lower &&
                  unicode_title(cases[i].rune) == cases[i].title,
              "U+%04X in upper, lower and title case", cases[i].rune);
}

static void count_runes(void *arg, unsigned first, unsigned last)
{
    *(unsigned *)arg += last - first + 1;
}

/* How many runes there are of a name; 0 if it is not known. */
static unsigned runes_of(const char *name)
{
    unsigned count = 0;

    return unicode_each(name, strlen(name), count_runes, &count) ? count : 0;
}

static void test_names(void)
{
    CHECK_INT(runes_of("Lu"), 1831, "capital letters");
    CHECK_INT(runes_of("Ll"), 2233, "small letters");
    CHECK_INT(runes_of("L"), 136104, "letters");
    CHECK_INT(runes_of("Nd"), 680, "decimal digits");
    CHECK_INT(runes_of("Thai"), 86, "the letters and signs of Thai");
    CHECK_INT(runes_of("Any"), 0x110000, "every rune");
    CHECK(!runes_of("Cn") && !runes_of("LuLl") && !runes_of("") && !runes_of("lu") &&
              !runes_of("Klingon"),
          "other names are not known");
}

int main(void)
{
    test_categories();
    test_cases();
    test_names();
    return check_done();
}
