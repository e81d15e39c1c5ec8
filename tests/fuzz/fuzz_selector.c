/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds selectors; the canonical text of one that is read selects the same. */
#include "query/query.h"

#include "document/document.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_again(struct arena *arena, const struct selector *selector,
                       const struct node *labels)
{
    const char *text = selector_text(arena, selector);
    struct err err = {0};
    struct selector *again = selector_parse_labels(arena, text, &err);

    if (again &&
        selector_matches_labels(selector, labels) == selector_matches_labels(again, labels))
        return;
    /* Empty values among others cannot all be written down. */
    if (strstr(text, "(") || strstr(text, ",,"))
        return;
    fprintf(stderr, "\"%s\": %s\n", text, again ? "selects others" : err.text);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    scoped_arena struct arena *arena = arena_new();
    const char *text = arena_bytes(arena, bytes, size);
    struct node *labels = node_map(arena), *object = node_map(arena);
    struct selector *selector;

    node_set_text(arena, labels, "app", "web");
    node_set_text(arena, labels, "v", "10");
    node_set(arena, node_make(arena, object, "metadata"), "labels", labels);
    selector = selector_parse_labels(arena, text, NULL);
    if (selector)
        read_again(arena, selector, labels);
    selector = selector_parse_fields(arena, text, NULL, NULL);
    if (selector)
        selector_matches(selector, object);
    return 0;
}
