/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the category, the script and the other cases of a code point. */
#include "base/unicode.h"
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

/* LuLl is a run of capital and small letters in turn, which are many. */
// clang-format off
#define CATEGORIES(X)                                                          \
    X(Cc) X(Cf) X(Co) X(Cs) X(Ll) X(Lm) X(Lo) X(Lt) X(Lu) X(LuLl) X(Mc) X(Me)  \
    X(Mn) X(Nd) X(Nl) X(No) X(Pc) X(Pd) X(Pe) X(Pf) X(Pi) X(Po) X(Ps) X(Sc)    \
    X(Sk) X(Sm) X(So) X(Zl) X(Zp) X(Zs)
#define SCRIPTS(X)                                                             \
    X(Arabic) X(Cyrillic) X(Devanagari) X(Greek) X(Han) X(Hangul) X(Hebrew)    \
    X(Hiragana) X(Katakana) X(Latin) X(Thai)
// clang-format on

#define AS_ENUM(name) UNICODE_##name,
#define AS_TEXT(name) #name,
enum { CATEGORIES(AS_ENUM) UNICODE_NONE };
enum { SCRIPTS(AS_ENUM) UNICODE_SCRIPTS };
static const char *const category_names[] = {CATEGORIES(AS_TEXT)};
static const char *const script_names[] = {SCRIPTS(AS_TEXT)};

/* Runes from the first to the one that is `more` behind it. */
struct unicode_run {
    uint32_t first;
    uint16_t more;
    uint8_t is; /* a category or a script */
};

static const struct unicode_run runs[] = {
#define RUN(first, last, category) {first, last - first, UNICODE_##category},
#include "base/unicode.def"
#undef RUN
};

static const struct unicode_run script_runs[] = {
#define SCRIPT(first, last, script) {first, last - first, UNICODE_##script},
#include "base/unicode.def"
#undef SCRIPT
};

/* Every `step`th rune from the first to the last changes by `delta`. */
struct unicode_change {
    uint32_t first, last;
    int32_t delta;
    uint32_t step;
};

static const struct unicode_change uppers[] = {
#define UPPER(...) {__VA_ARGS__},
#include "base/unicode.def"
#undef UPPER
};

static const struct unicode_change lowers[] = {
#define LOWER(...) {__VA_ARGS__},
#include "base/unicode.def"
#undef LOWER
};

static const struct unicode_change titles[] = {
#define TITLE(...) {__VA_ARGS__},
#include "base/unicode.def"
#undef TITLE
};

static int find_category(unsigned rune)
{
    size_t low = 0, high = count_of(runs);

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (rune > runs[middle].first + runs[middle].more)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count_of(runs) && rune >= runs[low].first ? runs[low].is : UNICODE_NONE;
}

bool unicode_is_letter(unsigned rune)
{
    int category;

    if (rune < 0x80)
        return (rune | 0x20) >= 'a' && (rune | 0x20) <= 'z';
    category = find_category(rune);
    return category >= UNICODE_Ll && category <= UNICODE_LuLl;
}

bool unicode_is_digit(unsigned rune)
{
    if (rune < 0x80)
        return rune >= '0' && rune <= '9';
    return find_category(rune) == UNICODE_Nd;
}

bool unicode_is_printable(unsigned rune)
{
    int category;

    if (rune < 0x80)
        return rune >= 0x20 && rune < 0x7f;
    category = find_category(rune);
    return category >= UNICODE_Ll && category <= UNICODE_So;
}

/* The change of a rune, or NULL if the table has none for it. */
static const struct unicode_change *find_change(unsigned rune, const struct unicode_change *table,
                                                size_t count)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (rune > table[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == count || rune < table[low].first || (rune - table[low].first) % table[low].step)
        return NULL;
    return &table[low];
}

static unsigned change_case(unsigned rune, const struct unicode_change *change)
{
    return change ? (unsigned)((int)rune + change->delta) : rune;
}

unsigned unicode_upper(unsigned rune)
{
    if (rune < 0x80)
        return rune >= 'a' && rune <= 'z' ? rune - 0x20 : rune;
    return change_case(rune, find_change(rune, uppers, count_of(uppers)));
}

unsigned unicode_lower(unsigned rune)
{
    if (rune < 0x80)
        return rune >= 'A' && rune <= 'Z' ? rune + 0x20 : rune;
    return change_case(rune, find_change(rune, lowers, count_of(lowers)));
}

unsigned unicode_title(unsigned rune)
{
    const struct unicode_change *change = find_change(rune, titles, count_of(titles));

    return change ? change_case(rune, change) : unicode_upper(rune);
}

/* Calls back for a run; of capitals and small letters in turn, for each that is meant. */
static void each_of_run(const struct unicode_run *run, const char *name, size_t len,
                        unicode_range_fn *each, void *arg)
{
    if (run->is != UNICODE_LuLl || len < 2) {
        each(arg, run->first, run->first + run->more);
        return;
    }
    for (unsigned i = memcmp(name, "Ll", 2) == 0; i <= run->more; i += 2)
        each(arg, run->first + i, run->first + i);
}

static bool each_of_category(const char *name, size_t len, unicode_range_fn *each, void *arg)
{
    bool wanted[UNICODE_NONE] = {false};
    bool known = false;

    for (size_t i = 0; i < UNICODE_NONE; i++) {
        wanted[i] = i != UNICODE_LuLl && len <= 2 && strncmp(category_names[i], name, len) == 0;
        known |= wanted[i];
    }
    wanted[UNICODE_LuLl] = wanted[UNICODE_Lu] || wanted[UNICODE_Ll];
    for (size_t i = 0; known && i < count_of(runs); i++)
        if (wanted[runs[i].is])
            each_of_run(&runs[i], name, len, each, arg);
    return known;
}

bool unicode_each(const char *name, size_t len, unicode_range_fn *each, void *arg)
{
    if (len == 3 && memcmp(name, "Any", 3) == 0) {
        each(arg, 0, UNICODE_LAST);
        return true;
    }
    for (size_t i = 0; i < UNICODE_SCRIPTS; i++) {
        if (strlen(script_names[i]) != len || memcmp(script_names[i], name, len) != 0)
            continue;
        for (size_t j = 0; j < count_of(script_runs); j++)
            if (script_runs[j].is == i)
                each(arg, script_runs[j].first, script_runs[j].first + script_runs[j].more);
        return true;
    }
    return len > 0 && each_of_category(name, len, each, arg);
}
