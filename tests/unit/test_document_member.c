/* SPDX-License-Identifier: Apache-2.0 */
/* One member of a map is read without the others. */

#include "check.h"

#include "document/document.h"

#include <string.h>

static const struct {
    const char *json, *want; /* NULL: not found */
} cases[] = {
    {"{\"m\":{\"a\":1}}", "{\"a\":1}"},
    {"{\"a\":1,\"m\":[1,{\"m\":2}],\"z\":3}", "[1,{\"m\":2}]"},
    {" { \"a\" : { \"m\" : 1 } , \"m\" : \"x\" } ", "\"x\""},
    {"{\"a\":\"}\",\"m\":true}", "true"},
    {"{\"a\":\"\\\"m\\\":1,\",\"m\":2}", "2"},
    {"{\"a\":\"\\\\\",\"m\":3}", "3"},
    {"{\"a\":\"\\\\\\\"\",\"m\":4}", "4"},
    {"{\"a\":[[],{}, \"]\"],\"m\":null}", "null"},
    {"{\"mm\":1,\"m\":5}", "5"},
    {"{\"m\":\"\\u00e4\\n\"}", "\"\303\244\\n\""},
    {"{\"a\":{\"m\":1}}", NULL},
    {"{\"a\":\"m\"}", NULL},
    {"{}", NULL},
    {"[\"m\",1]", NULL},
    {"\"m\"", NULL},
    {"", NULL},
    {"{", NULL},
    {"{\"", NULL},
    {"{\"m", NULL},
    {"{\"m\"", NULL},
    {"{\"m\":", NULL},
    {"{\"m\":1", NULL},
    {"{\"m\":\"", NULL},
    {"{\"m\":{", NULL},
    {"{\"a\":\"\\", NULL},
    {"{\"m\":tru}", NULL},
};

int main(void)
{
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        size_t len = strlen(cases[i].json);
        scoped_mem char *exact = mem_copy(cases[i].json, len); /* no byte behind it */
        const struct node *got = document_read_own_member(arena, exact, len, "m");

        CHECK_TEXT(got ? document_json(arena, got) : NULL, cases[i].want, "m of %s", cases[i].json);
    }
    return check_done();
}
