/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of documents: within the range of what they are used as, or none. */

#include "check.h"

#include "document/document.h"
#include "number/number.h"

#include <string.h>

static const struct {
    const char *name, *json;
    enum number kind;
    int64_t got; /* -7: refused */
    const char *says;
} cases[] = {
    {"a user", "{\"n\": 700000}", NUMBER_USER, 700000, ""},
    {"the largest user", "{\"n\": 4294967294}", NUMBER_USER, 4294967294, ""},
    {"what the kernel takes for none", "{\"n\": 4294967295}", NUMBER_USER, -7, "n is 4294967295"},
    {"what would be uid 0", "{\"n\": 4294967296}", NUMBER_USER, -7,
     "a user id from 0 to 4294967294"},
    {"what would be uid 0, below", "{\"n\": -4294967296}", NUMBER_GROUP, -7, "a group id"},
    {"one that is negative", "{\"n\": -1}", NUMBER_USER, -7, "n is -1"},
    {"a text", "{\"n\": \"0\"}", NUMBER_USER, -7, "n must be a user id"},
    {"a fraction", "{\"n\": 0.0}", NUMBER_USER, -7, "n must be a user id"},
    {"more than 64 bits", "{\"n\": 18446744073709551616}", NUMBER_USER, -7, "n must be a user id"},
    {"a port", "{\"n\": 65535}", NUMBER_PORT, 65535, ""},
    {"one too many", "{\"n\": 65536}", NUMBER_PORT, -7, "a port from 1 to 65535"},
    {"what would be port 22", "{\"n\": 65558}", NUMBER_PORT, -7, "n is 65558"},
    {"no port", "{\"n\": 0}", NUMBER_PORT, -7, "n is 0"},
    {"any port", "{\"n\": 0}", NUMBER_PORT_OR_ANY, 0, ""},
    {"a mode", "{\"n\": 511}", NUMBER_MODE, 0777, ""},
    {"a mode with set-user-id", "{\"n\": 2541}", NUMBER_MODE, -7, "0777 (511)"},
    {"a century", "{\"n\": 3162240000}", NUMBER_SECONDS, 3162240000, ""},
    {"longer than nanoseconds count", "{\"n\": 9223372036854775807}", NUMBER_SECONDS, -7,
     "100 years"},
    {"nothing", "{}", NUMBER_USER, -8, ""},
    {"null", "{\"n\": null}", NUMBER_USER, -8, ""},
};

int main(void)
{
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct node *map = document_read_json(arena, cases[i].json, strlen(cases[i].json),
                                              &document_limits_own, NULL);
        struct err err = {0};
        bool refused = number_check(map, "n", cases[i].kind, &err) < 0;
        int64_t got = number_get(map, "n", cases[i].kind, refused ? -7 : -8);

        CHECK(map != NULL && got == cases[i].got && refused == (got == -7), "%s", cases[i].name);
        CHECK(strstr(err.text, cases[i].says), "says \"%s\": %s", cases[i].says, err.text);
    }
    return check_done();
}
