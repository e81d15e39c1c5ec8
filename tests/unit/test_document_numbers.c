/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that a number written is the number read, in the form Go gives it. */
#include "document/document.h"

#include "base/mem.h"
#include "base/text.h"

#include "check.h"

static const struct {
    double value;
    const char *text;
} floats[] = {
    { 0.5, "0.5" },     { 0.001, "0.001" },   { 2.5, "2.5" },     { 1, "1" },
    { 10, "10" },       { 1e-6, "0.000001" }, { 1e-7, "1e-07" },  { 123.456, "123.456" },
    { 1e20, "100000000000000000000" },        { 1e21, "1e+21" },  { -0.0, "0" },
    { -0.25, "-0.25" }, { 1.5e300, "1.5e+300" },                  { 0.1, "0.1" },
};

int main(void)
{
    scoped_arena struct arena *arena = arena_new();

    for (size_t i = 0; i < count_of(floats); i++) {
        scoped_text struct text out = { 0 }, again = { 0 };
        struct err err = { 0 };
        struct node *node;

        document_write_float(&out, floats[i].value);
        CHECK_TEXT(text_string(&out), floats[i].text, "%g is written as Go does", floats[i].value);
        node = document_read_json(arena, text_string(&out), out.len, &document_limits_own, &err);
        if (!CHECK(node != NULL, "%s is read again", floats[i].text))
            continue;
        document_write_canonical(&again, node);
        CHECK_TEXT(text_string(&again), floats[i].text, "%s is the same then", floats[i].text);
    }
    return check_done();
}
