/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds CEL: whatever compiles is evaluated, twice with the same answer. */
#include "cel/cel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char object[] = "{\"a\":{\"b\":[1,2.5,\"x\",null,true]},\"name\":\"edge\",\"n\":3}";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const variables[] = {"object", NULL};
    scoped_arena struct arena *arena = arena_new();
    char *text = arena_bytes(arena, bytes, size);
    struct cel_variable variable = {
        "object", document_read_json(arena, object, strlen(object), &document_limits_own, NULL)};
    struct cel_input input = {.variables = &variable, .variable_count = 1, .limit = 20000};
    struct cel_program *program;
    struct node *first, *second;

    if (size > 4096 || !(program = cel_compile(arena, text, variables, NULL)))
        return 0;
    first = cel_eval(program, arena, &input, NULL, NULL);
    second = cel_eval(program, arena, &input, NULL, NULL);
    if (!first != !second ||
        (first && strcmp(document_json(arena, first), document_json(arena, second)))) {
        fprintf(stderr, "two answers for %s\n", text);
        abort();
    }
    return 0;
}
