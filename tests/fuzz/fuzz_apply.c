/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets three managers write to one object, the bytes saying who, how and what;
 * what was applied is there, and applied again it changes nothing.
 */
#include "patch/patch.h"

#include "document/document.h"
#include "schema/schema.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char source[] =
    "{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\","
    "\"properties\":{\"n\":{\"type\":\"integer\"},"
    "\"atom\":{\"type\":\"object\",\"x-kubernetes-map-type\":\"atomic\","
    "\"additionalProperties\":{\"type\":\"integer\"}},"
    "\"map\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}},"
    "\"parts\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\","
    "\"x-kubernetes-list-map-keys\":[\"k\"],\"items\":{\"type\":\"object\","
    "\"properties\":{\"k\":{\"type\":\"integer\"},\"v\":{\"type\":\"integer\"}}}},"
    "\"tags\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"set\","
    "\"items\":{\"type\":\"integer\"}}}}}}";

struct input {
    const uint8_t *bytes;
    size_t size;
};

static unsigned next(struct input *in, unsigned below)
{
    if (!in->size)
        return 0;
    in->size--;
    return *in->bytes++ % below;
}

static const char *letter(struct input *in)
{
    return (const char *[]){"a", "b", "c"}[next(in, 3)];
}

/*
 * Lists never hold twins, and nothing sent is empty: there as here, what a sent
 * {} or [] empties is gone, and comes back empty when it is sent again.
 */
static void put_list(struct arena *arena, struct input *in, struct node *spec, bool parts)
{
    unsigned mask = 1 + next(in, 7);
    struct node *list = node_list(arena);

    node_set(arena, spec, parts ? "parts" : "tags", list);
    for (unsigned i = 0; i < 3; i++) {
        struct node *item = node_int(arena, i);

        if (!(mask & 1u << i))
            continue;
        if (parts) {
            item = node_map(arena);
            node_set_int(arena, item, "k", i);
            if (next(in, 2))
                node_set_int(arena, item, "v", next(in, 3));
        }
        if (next(in, 2))
            node_add(arena, list, item);
        else
            node_insert(arena, list, 0, item);
    }
}

static struct node *body(struct arena *arena, struct input *in)
{
    struct node *object = node_map(arena), *spec;

    node_set_text(arena, object, "apiVersion", "t/v1");
    node_set_text(arena, object, "kind", "W");
    spec = node_make(arena, object, "spec");
    for (unsigned fields = 1 + next(in, 4); fields; fields--)
        switch (next(in, 5)) {
        case 0:
            node_set_int(arena, spec, "n", next(in, 3));
            break;
        case 1:
            node_set_int(arena, node_make(arena, spec, "map"), letter(in), next(in, 3));
            break;
        case 2:
            node_set_int(arena, node_make(arena, spec, "atom"), letter(in), next(in, 3));
            break;
        default:
            put_list(arena, in, spec, next(in, 2));
        }
    return object;
}

static void fail(const char *what, const struct node *live, const struct node *sent,
                 const struct node *got)
{
    scoped_arena struct arena *arena = arena_new();

    fprintf(stderr, "%s\nlive %s\nsent %s\ngot  %s\n", what,
            live ? document_json(arena, live) : "none", document_json(arena, sent),
            got ? document_json(arena, got) : "none");
    abort();
}

static struct node *apply(struct arena *arena, struct patch_writer *writer, struct node *live,
                          const struct node *sent)
{
    struct err err = {0};
    struct node *causes = node_list(arena), *again;
    struct node *after = patch_apply(arena, writer, live, sent, causes, &err);

    if (!after) {
        if (writer->force || err.code != ERR_CONFLICT || !causes->len)
            fail(err.text, live, sent, NULL);
        return live;
    }
    again = patch_apply(arena, writer, after, sent, causes, &err);
    if (!again || !node_same(after, again))
        fail("applied again it changes something", after, sent, again);
    /* A patch that takes what was sent finds nothing to do. */
    if (!node_same(node_at(after, "spec", "n", NULL),
                   node_at(patch_merge(arena, after, sent), "spec", "n", NULL)))
        fail("what was sent is not there", live, sent, after);
    return after;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    scoped_arena struct arena *arena = arena_new();
    struct input in = {bytes, size};
    struct err err = {0};
    struct node *live = NULL;
    struct schema *schema = schema_compile(
        arena, document_read_json(arena, source, strlen(source), &document_limits_own, NULL), NULL,
        true, &err);

    for (int i = 0; i < 40 && in.size; i++) {
        struct patch_writer writer = {
            .schema = schema, .manager = letter(&in), .api_version = "t/v1", .force = next(&in, 2)};
        bool update = next(&in, 3) == 0;
        struct node *sent = body(arena, &in);

        if (!update)
            live = apply(arena, &writer, live, sent);
        else
            live = patch_track(arena, &writer, live, live ? patch_merge(arena, live, sent) : sent);
    }
    return 0;
}
