/* SPDX-License-Identifier: Apache-2.0 */
/* What everything stands on: errors, maps, arenas and texts. */
#include "check.h"

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- Errors ---------------------------------------------------------------------- */

static void check_err(void)
{
    struct err err = {0};
    char cause[sizeof err.text], prefix[sizeof err.text + 100];

    CHECK_INT(err_set(&err, ERR_CONFLICT, "revision is %d", 7), -1, "err_set returns -1");
    CHECK(err.code == ERR_CONFLICT, "with the code that it was given");
    CHECK_TEXT(err.text, "revision is 7", "and the words");
    CHECK_INT(err_wrap(&err, "apply %s", "chat"), -1, "err_wrap returns -1");
    CHECK_TEXT(err.text, "apply chat: revision is 7", "it puts its words in front");
    CHECK(err.code == ERR_CONFLICT, "and keeps the code");
    CHECK_INT(err_set(NULL, ERR_INVALID, "x"), -1, "nobody has to want to know why");
    CHECK_INT(err_wrap(NULL, "x"), -1, "nor what was being done");

    memset(cause, 'c', sizeof cause);
    memset(prefix, 'p', sizeof prefix - 1);
    prefix[sizeof prefix - 1] = '\0';
    for (size_t len = 1; len < sizeof err.text; len *= 2) {
        err_set(&err, ERR_INVALID, "%.*s", (int)len, cause);
        err_wrap(&err, "%s", prefix);
        CHECK(strlen(err.text) < sizeof err.text && strlen(err.text) >= len &&
                  !strncmp(err.text + strlen(err.text) - len, cause, len),
              "a cause of %zu bytes is whole behind words that are too long", len);
    }
    err_set(&err, ERR_INVALID, "%s", prefix);
    CHECK_INT(strlen(err.text), sizeof err.text - 1, "a cause that is too long is cut");
    err_wrap(&err, "more");
    CHECK(text_ends(err.text, "pppp") && strlen(err.text) < sizeof err.text,
          "and leaves no room for more");
    CHECK_INT(err_http(ERR_NOT_FOUND), 404, "a code has a status of HTTP");
    CHECK_TEXT(err_reason(ERR_NOT_FOUND), "NotFound", "and Kubernetes' reason");
    CHECK_INT(err_http(ERR_NONE), 200, "no error is 200");
    CHECK_TEXT(err_reason(ERR_NONE), "", "without a reason");
}

/* ---- Maps -------------------------------------------------------------------------- */

#define KEYS 600

static int values[KEYS];

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Whether the map says what the array says, each key once. */
static bool is_as(const struct map *map, const bool *there)
{
    bool seen[KEYS] = {0};
    size_t at = 0, count = 0, walked = 0;
    const char *key;
    int *value;

    for (int i = 0; i < KEYS; i++) {
        char name[20];

        snprintf(name, sizeof name, "key-%d", i);
        if (map_get(map, name) != (there[i] ? &values[i] : NULL))
            return false;
        count += there[i];
    }
    while ((value = map_next(map, &at, &key))) {
        if (seen[value - values] || strtol(key + 4, NULL, 10) != value - values)
            return false;
        seen[value - values] = true;
        walked++;
    }
    return walked == count && map_count(map) == count;
}

static void change_map(struct map *map, bool *there, int i, bool put)
{
    void *before = there[i] ? &values[i] : NULL;
    char name[20];

    snprintf(name, sizeof name, "key-%d", i);
    if ((put ? map_put(map, name, &values[i]) : map_remove(map, name)) != before)
        CHECK(false, "%s of %s gives back what stood there", put ? "a put" : "a removal", name);
    there[i] = put;
}

static void check_map(void)
{
    scoped_map struct map *map = map_new();
    bool there[KEYS] = {0};
    uint32_t seed = 4711;
    size_t at = 0;
    bool good = true;
    const char *key;
    int *value;

    CHECK(!map_get(map, "") && !map_get(map, "a") && map_count(map) == 0, "a new map is empty");
    CHECK(!map_next(map, &at, NULL), "and there is nothing to walk over");
    CHECK(!map_remove(map, "a"), "nor to remove");
    for (int round = 0; round < 6; round++) {
        /* It grows, shrinks, and is full of what was removed. */
        for (int i = 0; i < 2000; i++)
            change_map(map, there, (int)(next_random(&seed) % KEYS),
                       next_random(&seed) % 10 < (round % 2 ? 2u : 8u));
        good = good && is_as(map, there);
    }
    CHECK(good, "12,000 random changes leave what was put and not removed");
    at = 0;
    while ((value = map_next(map, &at, &key))) {
        CHECK(map_remove(map, key) == value, "what a walk has just given may be removed");
        there[value - values] = false;
    }
    CHECK(map_count(map) == 0 && is_as(map, there), "such a walk empties the map");
    map_put(map, "", &values[0]);
    CHECK(map_get(map, "") == &values[0], "a key may be empty");
    CHECK(map_put(map, "", NULL) == &values[0] && map_count(map) == 0, "a value of NULL is none");
    CHECK(map_put(map, "kept", &values[1]) == NULL, "a key");
    {
        char word[] = "gone";

        map_put(map, word, &values[2]);
        word[0] = 'x';
        CHECK(map_get(map, "gone") == &values[2], "is copied");
    }
}

/* ---- Memory --------------------------------------------------------------------------- */

static void check_arena(void)
{
    static const size_t sizes[] = {0, 1, 3, 8, 15, 16, 17, 100, 4095, 4096, 4097, 100000, 5000000};
    struct arena *arena = arena_new();
    unsigned char *blocks[count_of(sizes) * 3];
    size_t n = 0, wrong = 0, unaligned = 0, used = 0;
    char *word;

    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < count_of(sizes); i++) {
            unsigned char *block = arena_alloc(arena, sizes[i]);

            unaligned += (uintptr_t)block % _Alignof(max_align_t) != 0;
            for (size_t k = 0; k < sizes[i]; k++)
                wrong += block[k] != 0;
            memset(block, (int)n + 1, sizes[i]);
            blocks[n++] = block;
            used += sizes[i];
        }
    CHECK_INT(wrong, 0, "what an arena gives is zero");
    CHECK_INT(unaligned, 0, "and aligned for anything");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizes[i % count_of(sizes)]; k++)
            wrong += blocks[i][k] != i + 1;
    CHECK_INT(wrong, 0, "no two pieces lie on each other");
    CHECK(arena_used(arena) >= used, "and it knows how much it gave: %zu of %zu", arena_used(arena),
          used);
    word = arena_bytes(arena, "abcdef", 3);
    CHECK_TEXT(word, "abc", "bytes get a NUL behind them");
    CHECK_TEXT(arena_printf(arena, "%s-%05d", "n", 42), "n-00042", "words are put together");
    CHECK_INT(strlen(arena_printf(arena, "%070000d", 1)), 70000, "long ones as well");
    CHECK(arena_string(arena, word) != word, "a string is a copy");
    arena_free(&arena);
    CHECK(!arena, "what is freed leaves NULL");
    arena_free(&arena);
    CHECK(!arena, "and may be freed again");
}

static void check_mem(void)
{
    char *first = mem_copy_string("one"), *second = take(first);
    scoped_mem int *numbers = NULL;

    CHECK(!first && !strcmp(second, "one"), "take() hands on, and leaves NULL");
    mem_free(&second);
    CHECK(!second, "mem_free leaves NULL");
    numbers = mem_resize_array(numbers, 3, sizeof *numbers);
    numbers[2] = 7;
    numbers = mem_resize_array(numbers, 100000, sizeof *numbers);
    CHECK_INT(numbers[2], 7, "what is resized keeps what it held");
}

/* ---- Texts ------------------------------------------------------------------------------- */

static void check_text(void)
{
    scoped_text struct text text = {0}, small = {.limit = 5};
    char *taken;

    CHECK_TEXT(text_string(&text), "", "a text without anything is empty");
    text_add(&text, "ab");
    text_add_char(&text, 'c');
    text_addf(&text, "-%d", 5);
    text_add_bytes(&text, "xyz", 2);
    CHECK_TEXT(text_string(&text), "abc-5xy", "texts are added");
    text_cut(&text, 3);
    CHECK_TEXT(text_string(&text), "abc", "and cut");
    for (int i = 0; i < 20000; i++)
        text_addf(&text, "%d,", i % 10);
    CHECK(text.len == 40003 && text.bytes[text.len] == '\0', "they grow, and end with NUL");
    taken = text_take(&text);
    CHECK(strlen(taken) == 40003 && text.len == 0, "take gives the bytes away");
    mem_free(&taken);
    taken = text_take(&text);
    CHECK_TEXT(taken, "", "even if there are none");
    mem_free(&taken);
    text_add(&small, "123");
    CHECK(!small.over, "below its limit nothing is dropped");
    text_add(&small, "4567");
    CHECK_TEXT(text_string(&small), "12345", "what goes beyond the limit is dropped");
    CHECK(small.over, "which is known");
}

static void check_words(void)
{
    static const struct {
        const char *string;
        bool good;
        long long number;
    } numbers[] = {
        {"0", true, 0},
        {"-7", true, -7},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"0x1", false, 0},
        {"-", false, 0},
        {"1.5", false, 0},
    };

    CHECK(text_same(NULL, NULL) && !text_same(NULL, "") && !text_same("", NULL) &&
              text_same("a", "a") && !text_same("a", "b"),
          "NULL is like NULL only");
    CHECK(text_starts("abc", "ab") && text_starts("abc", "") && !text_starts("ab", "abc"),
          "beginnings");
    CHECK(text_ends("abc", "bc") && text_ends("abc", "") && !text_ends("bc", "abc") &&
              !text_ends("abc", "ab"),
          "ends");
    for (size_t i = 0; i < count_of(numbers); i++) {
        long long number = 0;
        bool good = text_to_int(numbers[i].string, &number);

        CHECK(good == numbers[i].good && (!good || number == numbers[i].number),
              "\"%s\" is %sa number", numbers[i].string, numbers[i].good ? "" : "not ");
    }
}

/* ---- Codes --------------------------------------------------------------------------------- */

static void check_codes(void)
{
    static const char *const bad_base64[] = {
        "A",     "AAAAA",  "AA A", "AA=A",  "A===",   "AA!A", "AA-_", "=",
        "AAAA=", "AAAA==", "AA=",  "AAA==", "AA====", "==",   "====", "AAAAAA=",
    };
    static const struct {
        const char *code;
        size_t bytes;
    } zeros[] = {{"", 0}, {"AA==", 1}, {"AAA=", 2}, {"AAAA", 3}, {"AAAAAA==", 4}, {"AA", 1}};
    unsigned char bytes[64];
    size_t wrong = 0;

    for (size_t len = 0; len <= sizeof bytes; len++)
        for (int url = 0; url < 2; url++) {
            scoped_text struct text code = {0}, back = {0}, hex = {0};

            for (size_t i = 0; i < len; i++)
                bytes[i] = (unsigned char)(i * 37 + len + 250);
            text_add_base64(&code, bytes, len, url);
            wrong += strpbrk(text_string(&code), url ? "+/=" : "-_") != NULL;
            wrong += !text_add_unbase64(&back, text_string(&code), code.len, url);
            wrong += back.len != len || (len && memcmp(back.bytes, bytes, len) != 0);
            text_add_hex(&hex, bytes, len);
            text_cut(&back, 0);
            wrong += hex.len != 2 * len || !text_add_unhex(&back, text_string(&hex), hex.len);
            wrong += back.len != len || (len && memcmp(back.bytes, bytes, len) != 0);
        }
    CHECK_INT(wrong, 0, "base64 and hex give back what was put in, at every length");
    for (size_t i = 0; i < count_of(bad_base64); i++) {
        scoped_text struct text back = {0};

        CHECK(!text_add_unbase64(&back, bad_base64[i], strlen(bad_base64[i]), false),
              "\"%s\" is no base64", bad_base64[i]);
    }
    for (size_t i = 0; i < count_of(zeros); i++) {
        scoped_text struct text back = {0}, other = {0};
        bool padded = strchr(zeros[i].code, '=') != NULL;

        CHECK(text_add_unbase64(&back, zeros[i].code, strlen(zeros[i].code), false) &&
                  back.len == zeros[i].bytes,
              "\"%s\" is base64 of %zu bytes", zeros[i].code, zeros[i].bytes);
        CHECK_INT(text_add_unbase64(&other, zeros[i].code, strlen(zeros[i].code), true), !padded,
                  "in the URL alphabet \"%s\" is %s", zeros[i].code,
                  padded ? "refused, since it has no padding" : "taken");
    }
    {
        scoped_text struct text back = {0};

        CHECK(!text_add_unhex(&back, "abc", 3) && !text_add_unhex(&back, "0g", 2),
              "nor is all hex");
    }
}

static void check_utf8(void)
{
    static const unsigned runes[] = {0,      0x7f,   0x80,   0x7ff,   0x800,
                                     0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};
    size_t wrong = 0;

    for (size_t i = 0; i < count_of(runes); i++) {
        unsigned back = 1;
        char bytes[4];
        size_t len = text_utf8_put(runes[i], bytes);

        wrong +=
            text_utf8_next((const unsigned char *)bytes, len, &back) != len || back != runes[i];
        wrong += len > 1 && text_utf8_next((const unsigned char *)bytes, len - 1, &back) != 0;
        wrong += !text_is_utf8(bytes, len);
    }
    CHECK_INT(wrong, 0, "runes at every border are written and read, whole or not at all");
    CHECK(!text_is_utf8("\xed\xa0\x80", 3) && !text_is_utf8("\xf4\x90\x80\x80", 4) &&
              !text_is_utf8("\xc0\x80", 2),
          "surrogates, what is beyond, and long forms are none");
}

int main(void)
{
    check_err();
    check_map();
    check_arena();
    check_mem();
    check_text();
    check_words();
    check_codes();
    check_utf8();
    return check_done();
}
