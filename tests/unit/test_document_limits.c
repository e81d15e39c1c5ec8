/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that hostile JSON and YAML is refused at once, in words. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "document/document.h"

#include "check.h"

enum { MANY = 64 * 1024 };

static const struct {
    const char *name, *text, *says;
} refused[] = {
    {"an unfinished text", "{\"a\":", "line 1, column 6"},
    {"two values", "{} {}", "column 4"},
    {"a duplicate key", "{\"a\":1,\"a\":2}", "a"},
    {"a zero byte in a string", "{\"a\":\"x\\u0000\"}", "u0000"},
    {"bytes that are not UTF-8", "{\"a\":\"\xff\"}", "UTF-8"},
    {"half a surrogate pair", "{\"a\":\"\\ud800\"}", "line 1"},
    {"an integer beyond 2^53", "{\"a\":9007199254740993}", "2^53"},
    {"a number beyond a double", "{\"a\":1e999}", "larger"},
    {"a leading zero", "{\"a\":01}", "line 1"},
    {"a trailing comma", "{\"a\":1,}", "line 1"},
    {"a bare word", "{a:1}", "line 1"},
    {"a control character in a string", "{\"a\":\"\x01\"}", "line 1"},
};

static struct node *read_json(struct arena *arena, const char *text, size_t len, struct err *err)
{
    *err = (struct err){0};
    return document_read_json(arena, text, len, &document_limits_api, err);
}

static void check_refused(void)
{
    for (size_t i = 0; i < count_of(refused); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct err err;

        if (CHECK(!read_json(arena, refused[i].text, strlen(refused[i].text), &err),
                  "%s is refused", refused[i].name))
            CHECK(strstr(err.text, refused[i].says) != NULL, "and says so: %s", err.text);
    }
}

/* Refused, and in a time that nobody notices even with sanitizers. */
static void check_quick(const char *name, const char *text, size_t len, bool yaml)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    int64_t start = clock_steady();
    struct node *got = yaml ? document_read_yaml(arena, text, len, true, &document_limits_api, &err)
                            : read_json(arena, text, len, &err);

    CHECK(!got, "%s is refused as %s", name, yaml ? "YAML" : "JSON");
    CHECK(clock_steady() - start < CLOCK_SECOND, "at once: %s", err.text);
}

static void check_many(const char *name, const char *piece)
{
    scoped_text struct text text = {0};

    while (text.len < MANY)
        text_add(&text, piece);
    check_quick(name, text_string(&text), text.len, false);
    check_quick(name, text_string(&text), text.len, true);
}

/* Nine lists of nine references each to the one before: 9^9 items. */
static void check_bomb(void)
{
    scoped_text struct text text = {0};

    text_add(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        text_addf(&text, "a%d: &a%d [", i, i);
        for (int n = 0; n < 9; n++)
            text_addf(&text, "%s*a%d", n ? ", " : "", i - 1);
        text_add(&text, "]\n");
    }
    check_quick("a bomb of aliases", text_string(&text), text.len, true);
}

/* What would cost the square of its length, or more memory than it has. */
static const struct {
    const char *name, *start, *middle, *says;
    unsigned times;
    bool yaml;
} dear[] = {
    {"many values", "[0", ",0", "too many values", 200000, false},
    {"many equal keys", "{\"a\":0", ",\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":0", "duplicate key",
     20000, false},
    {"many values", "", "- a\n", "too many values", 200000, true},
    {"many anchors", "", "- &a%u x\n", "too many values", 20000, true},
    {"many directives", "", "%TAG !a%u! tag:x\n", "directives", 2000, true},
    {"one deep line", "", "- ", "nested too deeply", 100000, true},
    {"a key twice, and much behind it", "a: 1\na: 2\n", "b%u: 1\n", "already set", 20000, true},
};

static void check_dear(void)
{
    for (size_t i = 0; i < count_of(dear); i++) {
        scoped_arena struct arena *arena = arena_new();
        scoped_text struct text text = {0};
        const char *mark = strstr(dear[i].middle, "%u");
        struct err err = {0};
        struct node *got;

        text_add(&text, dear[i].start);
        for (unsigned j = 0; j < dear[i].times; j++) {
            if (mark)
                text_addf(&text, "%.*s%u%s", (int)(mark - dear[i].middle), dear[i].middle, j,
                          mark + 2);
            else
                text_add(&text, dear[i].middle);
        }
        if (!dear[i].yaml)
            text_add(&text, *dear[i].start == '[' ? "]" : "}");
        got = dear[i].yaml ? document_read_yaml(arena, text.bytes, text.len, true,
                                                &document_limits_api, &err)
                           : read_json(arena, text.bytes, text.len, &err);
        CHECK(!got && strstr(err.text, dear[i].says), "%s: %s", dear[i].name, err.text);
        CHECK(arena_used(arena) < text.len * 8 + (1 << 20), "%s take %zu bytes of memory, %zu long",
              dear[i].name, arena_used(arena), text.len);
    }
}

static void check_size(void)
{
    scoped_arena struct arena *arena = arena_new();
    size_t len = document_limits_api.bytes + 1;
    scoped_mem char *text = mem_alloc(len);
    struct err err;

    memset(text, ' ', len);
    memcpy(text, "{}", 2);
    CHECK(!read_json(arena, text, len, &err), "a text over the limit is refused");
    CHECK_INT(err.code, ERR_TOO_LARGE, "as too large");
}

int main(void)
{
    check_refused();
    check_many("64 kB of [", "[");
    check_many("64 kB of {\"a\":", "{\"a\":");
    check_many("64 kB of [{", "[{");
    check_bomb();
    check_dear();
    check_size();
    return check_done();
}
