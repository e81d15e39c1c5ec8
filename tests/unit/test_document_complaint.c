/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that broken JSON is complained of in the words that clients know. */
#include "document/document.h"

#include "base/mem.h"
#include "base/text.h"

#include "check.h"

#include <string.h>

#define BAD(c) "invalid character " c

static const struct {
    const char *text, *why; /* NULL: nothing */
} rows[] = {
    {"", "unexpected end of JSON input"},
    {"  ", "unexpected end of JSON input"},
    {"{", "unexpected end of JSON input"},
    {"[1", "unexpected end of JSON input"},
    {"\"a", "unexpected end of JSON input"},
    /* Go's scanner tries a space behind the text, and these cannot take it. */
    {"tru", BAD("' ' in literal true (expecting 'e')")},
    {"-", BAD("' ' in numeric literal")},
    {"1.", BAD("' ' after decimal point in numeric literal")},
    {"1e", BAD("' ' in exponent of numeric literal")},
    {"\"\\", BAD("' ' in string escape code")},
    {"\"\\u12", BAD("' ' in \\u hexadecimal character escape")},
    {"\a", BAD("'\\a' looking for beginning of value")},
    {"\xa0", BAD("'\\u00a0' looking for beginning of value")},
    {"{nope", BAD("'n' looking for beginning of object key string")},
    {"nope", BAD("'o' in literal null (expecting 'u')")},
    {"\xcf<", BAD("'\xc3\x8f' looking for beginning of value")},
    {"'a'", BAD("'\\'' looking for beginning of value")},
    {"{\"a\" 1}", BAD("'1' after object key")},
    {"{\"a\":1 \"b\":2}", BAD("'\"' after object key:value pair")},
    {"{\"a\":1,}", BAD("'}' looking for beginning of object key string")},
    {"[1 2]", BAD("'2' after array element")},
    {"[1,]", BAD("']' looking for beginning of value")},
    {"{} x", BAD("'x' after top-level value")},
    {"01", BAD("'1' after top-level value")},
    {"-x", BAD("'x' in numeric literal")},
    {"1.x", BAD("'x' after decimal point in numeric literal")},
    {"1e+x", BAD("'x' in exponent of numeric literal")},
    {"\"a\nb\"", BAD("'\\n' in string literal")},
    {"\"\\q\"", BAD("'q' in string escape code")},
    {"\"\\u12g4\"", BAD("'g' in \\u hexadecimal character escape")},
    {"{\"a\":[{},[],{\"b\":[null,true,false,-0.5e-3,\"\\u00e9\\n\"]}]} ", NULL},
};

int main(void)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text deep = {0};

    for (size_t i = 0; i < count_of(rows); i++) {
        const char *why = document_complaint(arena, rows[i].text, strlen(rows[i].text));

        CHECK_TEXT(why ? why : "nothing", rows[i].why ? rows[i].why : "nothing", "of %s",
                   rows[i].text);
    }
    for (int i = 0; i < 20000; i++)
        text_add_char(&deep, '[');
    CHECK_TEXT(document_complaint(arena, deep.bytes, deep.len), "exceeded max depth",
               "of a list that has no end");
    return check_done();
}
