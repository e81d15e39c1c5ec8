/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of other programs: read whole, its numbers as doubles, and refused where cJSON would not. */
#include "check.h"

#include "base/text.h"
#include "document/document.h"

#include <string.h>

static const struct {
    const char *name, *text, *tree; /* tree NULL: it is refused */
} cases[] = {
    {"an inspected container", "{\"State\":{\"Running\":true,\"Pid\":4711,\"ExitCode\":-1}}",
     "{\"State\":{\"Running\":true,\"Pid\":4711,\"ExitCode\":-1}}"},
    {"a list", "[{\"Id\":\"a\"},null,1.5]", "[{\"Id\":\"a\"},null,1.5]"},
    {"a whole number that is written as a float is an integer", "{\"a\":1e3}", "{\"a\":1000}"},
    {"of a key that stands twice the last value stays", "{\"a\":1,\"b\":2,\"a\":3}",
     "{\"a\":3,\"b\":2}"},
    {"escapes", "[\"\\u00e4\\n\\ud83d\\ude00\"]", "[\"\xc3\xa4\\n\xf0\x9f\x98\x80\"]"},
    {"a string that holds NUL would be cut", "[\"a\\u0000b\"]", NULL},
    {"bytes that are no UTF-8", "[\"\xff\"]", NULL},
    {"half a text", "{\"a\":", NULL},
    {"something behind the value", "{} x", NULL},
};

static void deep_texts_are_refused(void)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text text = {0};
    struct err err = {0};

    for (int i = 0; i < 600; i++)
        text_add_char(&text, '[');
    for (int i = 0; i < 600; i++)
        text_add_char(&text, ']');
    CHECK(!document_read_foreign(arena, text_string(&text), text.len, &err),
          "a text of 600 levels is refused");
    CHECK(strstr(err.text, "nested too deeply"), "and the message says so: %s", err.text);
}

int main(void)
{
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct err err = {0};
        struct node *tree =
            document_read_foreign(arena, cases[i].text, strlen(cases[i].text), &err);

        if (cases[i].tree)
            CHECK_TEXT(tree ? document_json(arena, tree) : err.text, cases[i].tree, "%s",
                       cases[i].name);
        else
            CHECK(!tree && err.code == ERR_BAD_REQUEST, "%s is refused: %s", cases[i].name,
                  err.text);
    }
    deep_texts_are_refused();
    return check_done();
}
