/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds JSONPath templates, read and evaluated on a small object. */
#include "query/query.h"

#include "document/document.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char text_of_object[] =
    "{\"kind\":\"List\",\"n\":3,\"none\":null,\"items\":[{\"name\":\"a\",\"v\":1,"
    "\"tags\":[\"x\",\"y\"]},{\"name\":\"b\",\"ok\":true},[[1,2],[3]]],"
    "\"labels\":{\"a.b/c\":\"web\"}}";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text out = {0};
    const char *text = arena_bytes(arena, bytes, size);
    struct err err = {0};
    struct node *object = document_read_json(arena, text_of_object, strlen(text_of_object),
                                             &document_limits_own, NULL);
    struct jsonpath *path = jsonpath_parse(arena, text, &err);

    assert(path || *err.text);
    for (int allow = 0; path && allow < 2; allow++) {
        err = (struct err){0};
        if (jsonpath_print(path, arena, object, allow, &out, &err) < 0)
            assert(*err.text);
    }
    path = jsonpath_parse_relaxed(arena, text, &err);
    err = (struct err){0};
    if (path && !jsonpath_find(path, arena, object, true, &err))
        assert(*err.text);
    return 0;
}
