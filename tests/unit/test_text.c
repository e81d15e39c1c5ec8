/* SPDX-License-Identifier: Apache-2.0 */
/* Texts: what a stranger's program said, fit to be shown. */

#include "base/text.h"
#include "check.h"

#include <string.h>

static const struct {
    const char *name, *in, *out;
} cases[] = {
    {"plain words stay", "exit code 3: no such model", "exit code 3: no such model"},
    {"lines and tabs stay", "one\n\ttwo", "one\n\ttwo"},
    {"other languages stay", "gr\xc3\xbc\xc3\x9f \xe4\xbd\xa0", "gr\xc3\xbc\xc3\x9f \xe4\xbd\xa0"},
    {"an escape sequence cannot act", "\x1b[2Jgone\x1b]0;title\x07", "?[2Jgone?]0;title?"},
    {"a backspace cannot hide", "rm -rf\b\b\b\b\b\bls", "rm -rf??????ls"},
    {"carriage return and delete", "a\rb\x7f", "a?b?"},
    {"C1 controls",
     "\xc2\x9b"
     "31m",
     "?31m"},
    {"a change of direction",
     "a\xe2\x80\xae"
     "b\xe2\x81\xa6",
     "a?b?"},
    {"bytes that are no UTF-8", "\xff\xfe ok \xc3", "?? ok ?"},
    {"a sequence cut in the middle", "\xe4\xbd", "??"},
    {"overlong and surrogate", "\xc0\xaf \xed\xa0\x80", "?? ???"},
};

int main(void)
{
    for (size_t i = 0; i < count_of(cases); i++) {
        char text[100];

        snprintf(text, sizeof text, "%s", cases[i].in);
        text_make_printable(text);
        CHECK(!strcmp(text, cases[i].out), "%s", cases[i].name);
    }
    return check_done();
}
