/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FUZZ_ASK_H
#define FUZZ_ASK_H

#include "document/document.h"
#include "sprig/sprig.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/*
 * Noise as the arguments of functions: cut at its zeros it becomes .a, .b, .c
 * and .d of a template, which runs with a small budget. Twice, and the second
 * time must give the same bytes.
 */
static inline int fuzz_ask(const char *template, const uint8_t *bytes, size_t size)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    struct template_options options = sprig_options_helm;
    scoped_arena struct arena *arena = arena_new();
    scoped_template_set struct template_set *set = NULL;
    struct text out[2] = {{0}, {0}};
    static struct template_error error;
    struct node *data = node_map(arena);
    const char *at = (const char *)bytes, *end = at + size;

    if (size > 4096)
        return 0;
    for (size_t i = 0; i < count_of(names); i++) {
        const char *zero = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
        size_t len = (size_t)((zero ? zero : end) - at);

        node_set(arena, data, names[i], node_bytes(arena, at, len));
        at = zero ? zero + 1 : end;
    }
    options.bounds = (struct template_bounds){.work = 20 * 1000 * 1000,
                                              .output = 1 << 20,
                                              .memory = 32 << 20,
                                              .include = 20,
                                              .tpl = 5,
                                              .depth = 200,
                                              .nesting = 200};
    set = template_set_new(&options);
    if (template_set_add(set, "f", template, strlen(template), &error) < 0)
        abort();
    for (int i = 0; i < 2; i++)
        (void)!template_run(set, "f", data, &out[i], &error);
    if (!text_same(text_string(&out[0]), text_string(&out[1]))) {
        fprintf(stderr, "twice, and not the same:\n%s\n%s\n", text_string(&out[0]),
                text_string(&out[1]));
        abort();
    }
    text_free(&out[0]);
    text_free(&out[1]);
    return 0;
}

#endif
