/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that a number written is the number read, in the form Go gives it. */
#include "document/document.h"

#include "base/mem.h"
#include "base/text.h"

#include "check.h"

#include <string.h>

static const struct {
    double value;
    const char *text;
} floats[] = {
    {0.5, "0.5"},
    {0.001, "0.001"},
    {2.5, "2.5"},
    {1, "1"},
    {10, "10"},
    {1e-6, "0.000001"},
    {1e-7, "1e-7"},
    {123.456, "123.456"},
    {1e20, "100000000000000000000"},
    {1e21, "1e+21"},
    {-0.0, "0"},
    {-0.25, "-0.25"},
    {1.5e300, "1.5e+300"},
    {0.1, "0.1"},
};

/* Both readers make the same tree; the quick one leaves the unusual to the other. */
static void reads_own(void)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "\"\"",
        "0",
        "-0",
        "-17",
        "123456789012345678",
        "1234567890123456789",
        "9223372036854775807",
        "1.5",
        "-2.5e-3",
        "1e+21",
        "true",
        "false",
        "null",
        "{\"a\":{\"b\":[1,2,{\"c\":\"d\"}]},\"e\":[],\"f\":{}}",
        " { \"a\" : [ 1 , 2 ] , \"b\" : null }\n",
        "\"a\\\"b\\\\c\\/d\\be\\ff\\ng\\rh\\ti\\u0001\\u001f\"",
        "\"\xc3\xa4 \\u00e4 \\ud83d\\ude00\"",
        "{\"a\\nb\":\"\\u0041\"}",
        "[[[[[[[[1]]]]]]],[2.0]]",
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,"
        "\"j\":1,\"k\":2,\"l\":3,\"m\":4,\"n\":5,\"o\":6,\"p\":7,\"q\":8,\"r\":9,"
        "\"s\":1,\"t\":2,\"u\":3,\"v\":4,\"w\":5,\"x\":6,\"y\":7,\"z\":26}",
    };
    static const char *const wrong[] = {
        "",      "{",    "[1,",   "[1 2]", "{\"a\"}", "{\"a\":}",  "\"a",         "tru",
        "01",    "-",    "1x",    "[1]]",  "\"\\x\"", "\"\\u00\"", "\"\\u0000\"", "\"\n\"",
        "{a:1}", "[1,]", "\"a\\",
    };
    const char *last = texts[count_of(texts) - 1];
    scoped_arena struct arena *arena = arena_new();

    for (size_t i = 0; i < count_of(texts); i++) {
        size_t len = strlen(texts[i]);
        struct node *quick = document_read_own(arena, texts[i], len, NULL);
        struct node *careful = document_read_json(arena, texts[i], len, &document_limits_own, NULL);

        if (CHECK(quick && careful, "%s is read", texts[i]))
            CHECK_TEXT(document_json(arena, quick), document_json(arena, careful),
                       "%s is the same by both readers", texts[i]);
    }
    CHECK_INT(node_get_int(document_read_own(arena, last, strlen(last), NULL), "z", 0), 26,
              "a large map has its index");
    for (size_t i = 0; i < count_of(wrong); i++)
        CHECK(!document_read_own(arena, wrong[i], strlen(wrong[i]), NULL), "%s is refused",
              wrong[i]);
}

int main(void)
{
    scoped_arena struct arena *arena = arena_new();

    for (size_t i = 0; i < count_of(floats); i++) {
        scoped_text struct text out = {0}, again = {0};
        struct err err = {0};
        struct node *node;

        document_write_float(&out, floats[i].value);
        CHECK_TEXT(text_string(&out), floats[i].text, "%g is written as Go does", floats[i].value);
        node = document_read_json(arena, text_string(&out), out.len, &document_limits_own, &err);
        if (!CHECK(node != NULL, "%s is read again", floats[i].text))
            continue;
        document_write_canonical(&again, node);
        CHECK_TEXT(text_string(&again), floats[i].text, "%s is the same then", floats[i].text);
    }
    reads_own();
    return check_done();
}
