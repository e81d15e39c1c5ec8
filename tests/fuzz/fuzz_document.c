/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds JSON and YAML readers; what they accept must survive being written and read again. */
#include "document/document.h"

#include "base/mem.h"
#include "base/text.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/*
 * YAML that was written is read as the same tree, but for what go-yaml loses as
 * well: the breaks of Unicode that it takes for printable, and keys that are too
 * long to be told from values.
 */
static void read_back(struct arena *arena, const struct text *yaml, const struct text *json)
{
    scoped_text struct text again = {0};
    struct document_limits limits = document_limits_own;
    struct node *node;
    struct err err = {0};

    if (strstr(text_string(yaml), "\xe2\x80\xa8") || strstr(text_string(yaml), "\xe2\x80\xa9"))
        return;
    limits.depth = 2000;
    node = document_read_yaml(arena, text_string(yaml), yaml->len, true, &limits, &err);
    if (!node) {
        fprintf(stderr, "written but not read: %s\n%s\n", err.text, text_string(yaml));
        abort();
    }
    document_write_canonical(&again, node);
    if (!text_same(text_string(&again), text_string(json))) {
        fprintf(stderr, "changed: %s\n%s\n%s\n", text_string(json), text_string(&again),
                text_string(yaml));
        abort();
    }
}

/* The canonical text of a tree, read again, is a tree of the same text. */
static void write_and_read(struct arena *arena, const struct node *node)
{
    scoped_text struct text once = {0}, twice = {0}, yaml = {0};
    struct node *again;
    struct err err = {0};

    document_write_canonical(&once, node);
    again = document_read_json(arena, text_string(&once), once.len, &document_limits_own, &err);
    if (!again) {
        fprintf(stderr, "written but not read: %s\n%s\n", err.text, text_string(&once));
        abort();
    }
    document_write_canonical(&twice, again);
    if (!text_same(text_string(&once), text_string(&twice))) {
        fprintf(stderr, "changed: %s\n%s\n", text_string(&once), text_string(&twice));
        abort();
    }
    document_write_yaml(&yaml, node);
    read_back(arena, &yaml, &once);
    text_cut(&yaml, 0);
    document_write_yaml_pretty(&yaml, node);
    read_back(arena, &yaml, &once);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    scoped_arena struct arena *arena = arena_new();
    const char *text = (const char *)bytes;
    struct err err = {0};
    const char *complaint = document_complaint(arena, text, size);
    struct node *node;

    node = document_read_json(arena, text, size, &document_limits_api, &err);
    if (node && complaint) {
        fprintf(stderr, "read, but complained of: %s\n", complaint);
        abort();
    }
    if (node)
        write_and_read(arena, node);
    node = document_read_yaml(arena, text, size, true, &document_limits_api, &err);
    if (node)
        write_and_read(arena, node);
    node = document_read_all(arena, text, size, &document_limits_api, &err);
    if (node)
        write_and_read(arena, node);
    return 0;
}
