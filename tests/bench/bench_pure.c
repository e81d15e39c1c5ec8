/* SPDX-License-Identifier: Apache-2.0 */
/* Prints how many applies, patches and checks a second, on an object of 2 kB. */
#include "base/clock.h"
#include "document/document.h"
#include "patch/patch.h"
#include "query/query.h"
#include "schema/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char source[] =
    "{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\","
    "\"properties\":{\"replicas\":{\"type\":\"integer\",\"default\":1},"
    "\"containers\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\","
    "\"x-kubernetes-list-map-keys\":[\"name\"],\"items\":{\"type\":\"object\","
    "\"properties\":{\"name\":{\"type\":\"string\"},\"image\":{\"type\":\"string\"},"
    "\"args\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
    "\"env\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\","
    "\"x-kubernetes-list-map-keys\":[\"name\"],\"items\":{\"type\":\"object\","
    "\"properties\":{\"name\":{\"type\":\"string\"},"
    "\"value\":{\"type\":\"string\"}}}}}}}}}}}";

struct bench {
    struct schema *schema;
    struct node *body, *live, *merge, *json, *strategic;
    struct selector *selector;
    struct jsonpath *path;
};

static struct node *read(struct arena *arena, const char *text)
{
    return document_read_json(arena, text, strlen(text), &document_limits_own, NULL);
}

static struct node *make_body(struct arena *arena)
{
    struct node *object = read(arena, "{\"apiVersion\":\"t/v1\",\"kind\":\"W\",\"metadata\":{"
                                      "\"name\":\"w\",\"labels\":{\"app\":\"web\"}},"
                                      "\"spec\":{\"replicas\":3,\"containers\":[]}}");
    struct node *list = node_at(object, "spec", "containers", NULL);

    for (int i = 0; i < 6; i++) {
        struct node *one = node_map(arena), *env;

        node_set(arena, one, "name", node_format(arena, "container-%d", i));
        node_set_text(arena, one, "image", "registry.example.com/team/app:1.2.3");
        env = node_make_list(arena, one, "env");
        for (int j = 0; j < 5; j++) {
            struct node *pair = node_map(arena);

            node_set(arena, pair, "name", node_format(arena, "NAME_%d", j));
            node_set_text(arena, pair, "value", "some value");
            node_add(arena, env, pair);
        }
        node_add(arena, list, one);
    }
    return object;
}

static void do_apply(struct bench *b, struct arena *arena)
{
    struct patch_writer writer = {
        .schema = b->schema, .manager = "bench", .api_version = "t/v1", .force = true};
    struct err err = {0};

    if (!patch_apply(arena, &writer, b->live, b->body, NULL, &err))
        abort();
}

static void do_track(struct bench *b, struct arena *arena)
{
    struct patch_writer writer = {.schema = b->schema, .manager = "other", .api_version = "t/v1"};

    patch_track(arena, &writer, b->live, patch_merge(arena, b->live, b->merge));
}

static void do_merge(struct bench *b, struct arena *arena)
{
    patch_merge(arena, b->live, b->merge);
}

static void do_json(struct bench *b, struct arena *arena)
{
    struct err err = {0};

    if (!patch_json(arena, b->live, b->json, NULL, &err))
        abort();
}

static void do_strategic(struct bench *b, struct arena *arena)
{
    struct err err = {0};

    if (!patch_strategic(arena, b->schema, b->live, b->strategic, &err))
        abort();
}

static void do_validate(struct bench *b, struct arena *arena)
{
    if (!schema_validate(b->schema, arena, b->body, NULL))
        abort();
}

static void do_selector(struct bench *b, struct arena *arena)
{
    if (!selector_matches(b->selector, b->live))
        abort();
}

static void do_jsonpath(struct bench *b, struct arena *arena)
{
    struct err err = {0};

    if (!jsonpath_find(b->path, arena, b->live, true, &err))
        abort();
}

static const struct {
    const char *name;
    void (*run)(struct bench *b, struct arena *arena);
} rows[] = {
    {"server-side apply", do_apply}, {"merge and track", do_track},     {"merge patch", do_merge},
    {"JSON patch", do_json},         {"strategic merge", do_strategic}, {"validate", do_validate},
    {"label selector", do_selector}, {"JSONPath", do_jsonpath},
};

static void measure(struct bench *b, size_t row)
{
    int64_t begin = clock_steady(), spent;
    size_t memory = 0;
    long rounds = 0;

    do {
        for (int i = 0; i < 100; i++, rounds++) {
            scoped_arena struct arena *arena = arena_new();

            rows[row].run(b, arena);
            memory = arena_used(arena);
        }
        spent = clock_steady() - begin;
    } while (spent < CLOCK_SECOND / 3);
    printf("%-20s %9.0f /s %9zu bytes each\n", rows[row].name,
           (double)rounds * CLOCK_SECOND / (double)spent, memory);
}

int main(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    struct bench b = {0};
    struct patch_writer writer = {.manager = "bench", .api_version = "t/v1"};

    b.schema = schema_compile(arena, read(arena, source), NULL, true, &err);
    b.body = make_body(arena);
    writer.schema = b.schema;
    b.live = patch_apply(arena, &writer, NULL, b.body, NULL, &err);
    b.merge = read(arena, "{\"spec\":{\"replicas\":4}}");
    b.json = read(arena, "[{\"op\":\"replace\",\"path\":\"/spec/replicas\","
                         "\"value\":4}]");
    b.strategic = read(arena, "{\"spec\":{\"containers\":[{\"name\":"
                              "\"container-3\",\"image\":\"x\"}]}}");
    b.selector = selector_parse_labels(arena, "app=web,!gone", &err);
    b.path = jsonpath_parse(arena, "{.spec.containers[*].name}", &err);
    printf("object %zu bytes of JSON, with managedFields %zu\n",
           strlen(document_json(arena, b.body)), strlen(document_json(arena, b.live)));
    for (size_t i = 0; i < count_of(rows); i++)
        measure(&b, i);
    return 0;
}
