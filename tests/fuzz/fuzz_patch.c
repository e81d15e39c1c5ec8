/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds a live document and a patch, two lines of JSON, to all kinds of patch. */
#include "patch/patch.h"

#include "document/document.h"
#include "schema/schema.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char source[] =
    "{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true,"
    "\"properties\":{\"a\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\","
    "\"x-kubernetes-list-map-keys\":[\"k\"],\"items\":{\"type\":\"object\","
    "\"x-kubernetes-preserve-unknown-fields\":true}},\"s\":{\"type\":\"array\","
    "\"x-kubernetes-list-type\":\"set\",\"items\":{\"type\":\"string\"}}}}";

static void check_same(const char *what, const struct node *a, const struct node *b)
{
    if (node_same(a, b))
        return;
    fprintf(stderr, "%s changed its argument or its mind\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    scoped_arena struct arena *arena = arena_new();
    const uint8_t *line = memchr(bytes, '\n', size);
    size_t first = line ? (size_t)(line - bytes) : size;
    struct node *live, *patch, *copy, *merged;
    struct schema *schema;
    struct err err = {0};

    live = document_read_json(arena, (const char *)bytes, first, &document_limits_api, NULL);
    patch = line ? document_read_json(arena, (const char *)line + 1, size - first - 1,
                                      &document_limits_api, NULL)
                 : live;
    if (!live || !patch)
        return 0;
    copy = node_copy(arena, live);
    /* A list in the place of a map comes with its nulls; the second time it comes in
       the place of a list, and without them. From then on nothing changes. */
    merged = patch_merge(arena, patch_merge(arena, live, patch), patch);
    check_same("merge", patch_merge(arena, merged, patch), merged);
    if (!patch_json(arena, live, patch, NULL, &err) && !*err.text)
        abort();
    schema = schema_compile(
        arena, document_read_json(arena, source, strlen(source), &document_limits_own, NULL), NULL,
        true, &err);
    if (!schema || (!patch_strategic(arena, schema, live, patch, &err) && !*err.text))
        abort();
    check_same("a patch", live, copy);
    return 0;
}
