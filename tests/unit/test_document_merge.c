/* SPDX-License-Identifier: Apache-2.0 */
/* YAML's merge keys: what overrides them, and which keys are written twice. */
#include "check.h"

#include "base/clock.h"
#include "document/document.h"

#include <string.h>

static const struct {
    const char *sentence, *yaml, *json; /* NULL: refused */
} merges[] = {
    {"a key after a merge overrides it", "b: &b {tier: web, app: x}\nl:\n  <<: *b\n  tier: db\n",
     "{\"b\":{\"tier\":\"web\",\"app\":\"x\"},\"l\":{\"tier\":\"db\",\"app\":\"x\"}}"},
    {"a merge after a key wins, as in go-yaml", "{tier: db, <<: {tier: web}}",
     "{\"tier\":\"web\"}"},
    {"of two merges the later wins", "{<<: {a: 1, b: 1}, <<: {a: 2}}", "{\"a\":2,\"b\":1}"},
    {"of a list of merges the first wins", "{<<: [{a: 1}, {a: 2, b: 3}], b: 4}",
     "{\"a\":1,\"b\":4}"},
    {"a merge inside of a merge", "{<<: {<<: {a: 1}, a: 2}, a: 3}", "{\"a\":3}"},
    {"a number overrides its text", "{<<: {1: a}, '1': b}", "{\"1\":\"b\"}"},
    {"quoted, it is a key as others", "{\"<<\": {a: 1}, a: 2}", "{\"<<\":{\"a\":1},\"a\":2}"},
    {"a key written twice is refused", "{a: 1, a: 2}", NULL},
    {"and beside a merge too", "{<<: {b: 1}, a: 1, a: 2}", NULL},
    {"an override written twice is refused", "{<<: {a: 1}, a: 2, a: 3}", NULL},
    {"also with the merge between", "{a: 1, <<: {a: 2}, a: 3}", NULL},
    {"a merge of a text is refused", "{<<: a}", NULL},
};

static struct node *read_yaml(struct arena *arena, const char *yaml, enum document_keys keys,
                              struct err *err)
{
    *err = (struct err){0};
    return document_read_yaml(arena, yaml, strlen(yaml), keys, &document_limits_api, err);
}

static void check_merges(void)
{
    for (size_t i = 0; i < count_of(merges); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct err err;
        const struct node *got = read_yaml(arena, merges[i].yaml, DOCUMENT_KEYS_ONCE, &err);
        const char *json = got ? document_json(arena, got) : "refused";

        CHECK(!strcmp(json, merges[i].json ? merges[i].json : "refused"), "%s: %s %s",
              merges[i].sentence, json, err.text);
    }
}

static void check_modes(void)
{
    static const char merged[] = "{<<: {a: 1}, a: 2}", written[] = "{a: 1, a: 2}";
    scoped_arena struct arena *arena = arena_new();
    struct err err;

    CHECK(read_yaml(arena, written, DOCUMENT_KEYS_LAST_WINS, &err),
          "a template's fromYaml takes the last of equal keys");
    CHECK(!read_yaml(arena, merged, DOCUMENT_KEYS_ONCE_EVEN_MERGED, &err),
          "UnmarshalStrict's answer is there as well");
    CHECK(strstr(err.text, "key \"a\" already set in map") != NULL, "in its words: %s", err.text);
}

/* Overriding each key of a large merge costs in proportion to it. */
static void check_cost(void)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text yaml = {0};
    struct err err = {0};
    int64_t start = clock_steady();

    text_add(&yaml, "<<: {");
    for (int i = 0; i < 20000; i++)
        text_addf(&yaml, "k%d: 1, ", i);
    text_add(&yaml, "}\n");
    for (int i = 0; i < 20000; i++)
        text_addf(&yaml, "k%d: 2\n", i);
    CHECK(document_read_yaml(arena, text_string(&yaml), yaml.len, DOCUMENT_KEYS_ONCE,
                             &document_limits_own, &err),
          "20,000 overrides: %s", err.text);
    CHECK(clock_steady() - start < 3 * CLOCK_SECOND, "in little time");
}

static const struct {
    const char *sentence, *yaml, *json;
} quotings[] = {
    {"an escaped apostrophe", "\"it\\'s\": \"\\'\"", "{\"it's\":\"'\"}"},
    {"a backslash before an apostrophe that ends a text", "{a: 'b\\', c: \"\\'\"}",
     "{\"a\":\"b\\\\\",\"c\":\"'\"}"},
    {"a shell's quoting in a block", "|\n  echo 'it'\\''s' \"\\'\"\n",
     "\"echo 'it'\\\\''s' \\\"\\\\'\\\"\\n\""},
    {"an escaped slash is none", "\"a\\/b\"", "refused"},
    {"but two characters elsewhere", "{a: a\\/b, b: 'c\\/d'}",
     "{\"a\":\"a\\\\/b\",\"b\":\"c\\\\/d\"}"},
    {"bytes with line breaks", "!!binary |\n  aGVs\n  bG8=\n", "\"hello\""},
    {"bytes without padding", "!!binary aGVsbG8", "refused"},
    {"bytes with a space", "!!binary aGVs bG8=", "refused"},
};

static void check_quoting(void)
{
    for (size_t i = 0; i < count_of(quotings); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct err err;
        const struct node *got = read_yaml(arena, quotings[i].yaml, DOCUMENT_KEYS_ONCE, &err);
        const char *json = got ? document_json(arena, got) : "refused";

        CHECK(!strcmp(json, quotings[i].json), "%s: %s %s", quotings[i].sentence, json, err.text);
    }
}

/* Escapes are found one after the other: many of them end in a refusal. */
static void check_many_escapes(void)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text yaml = {0};
    struct err err;
    int64_t start = clock_steady();

    for (int i = 0; i < 200000; i++)
        text_add(&yaml, "- \"\\'\"\n");
    CHECK(!read_yaml(arena, text_string(&yaml), DOCUMENT_KEYS_ONCE, &err),
          "too many escaped apostrophes are refused");
    CHECK(clock_steady() - start < 3 * CLOCK_SECOND, "in little time");
}

int main(void)
{
    check_merges();
    check_modes();
    check_cost();
    check_quoting();
    check_many_escapes();
    return check_done();
}
