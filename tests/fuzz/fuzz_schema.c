/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds a schema and a document, two lines of JSON, to the interpreter. */
#include "schema/schema.h"

#include "document/document.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    scoped_arena struct arena *arena = arena_new();
    const uint8_t *line = memchr(bytes, '\n', size);
    size_t first = line ? (size_t)(line - bytes) : size;
    struct node *source, *object, *causes = node_list(arena);
    struct schema *schema;
    struct err err = {0};

    source = document_read_json(arena, (const char *)bytes, first, &document_limits_api, NULL);
    if (!source)
        return 0;
    schema = schema_compile(arena, source, node_get(source, "definitions"), false, &err);
    object = line && schema ? document_read_json(arena, (const char *)line + 1, size - first - 1,
                                                 &document_limits_api, NULL)
                            : NULL;
    if (!object)
        return 0;
    schema_find_unknown(schema, arena, object, node_list(arena));
    if (schema_apply_defaults(schema, arena, object, &err) < 0)
        return 0;
    schema_prune(schema, arena, object, NULL);
    schema_validate(schema, arena, object, causes);
    schema_sentence(arena, "Kind", "group", "name", causes);
    return 0;
}
