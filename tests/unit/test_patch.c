/* SPDX-License-Identifier: Apache-2.0 */
/* Patches: what each kind does, the laws that they keep, and hostile ones. */
#include "check.h"

#include "document/document.h"
#include "patch/patch.h"
#include "schema/schema.h"

#include <stdint.h>
#include <stdlib.h>

static struct node *read(struct arena *arena, const char *text)
{
    struct err err = {0};
    struct node *node = document_read_json(arena, text, strlen(text), &document_limits_own, &err);

    if (!node)
        printf("# %s: %s\n", text, err.text);
    return node;
}

static const char widget[] =
    "{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\","
    "\"properties\":{\"n\":{\"type\":\"integer\"},\"s\":{\"type\":\"string\"},"
    "\"map\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}},"
    "\"tags\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"set\","
    "\"items\":{\"type\":\"string\"}},"
    "\"list\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
    "\"parts\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\","
    "\"x-kubernetes-list-map-keys\":[\"name\"],\"items\":{\"type\":\"object\","
    "\"required\":[\"name\"],\"properties\":{\"name\":{\"type\":\"string\"},"
    "\"image\":{\"type\":\"string\"}}}}}},"
    "\"status\":{\"type\":\"object\",\"properties\":{"
    "\"ready\":{\"type\":\"boolean\"}}}}}";

static struct schema *schema_of_widget(struct arena *arena)
{
    struct err err = {0};

    return schema_compile(arena, read(arena, widget), NULL, true, &err);
}

/* ---- JSON patch --------------------------------------------------------- */

static const struct {
    const char *live, *patch, *after; /* NULL: refused */
} json_patches[] = {
    {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\",\"value\":2}]", "{\"a\":1,\"b\":2}"},
    {"{\"a\":[1,2]}", "[{\"op\":\"add\",\"path\":\"/a/-\",\"value\":3}]", "{\"a\":[1,2,3]}"},
    {"{\"a\":[1,2]}", "[{\"op\":\"add\",\"path\":\"/a/3\",\"value\":3}]", NULL},
    {"{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/c\"}]",
     "{\"a\":{},\"c\":1}"},
    {"{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", NULL},
    {"{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", NULL},
    {"{\"a\":1}", "[{\"op\":\"explode\",\"path\":\"/a\"}]", NULL},
    {"{\"a\":1}", "{\"op\":\"add\"}", NULL},
    {"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":{\"b\":2}}]", "{\"b\":2}"},
    {"{\"~/\":1}", "[{\"op\":\"remove\",\"path\":\"/~0~1\"}]", "{}"},
};

static void test_json(struct arena *arena)
{
    for (size_t i = 0; i < count_of(json_patches); i++) {
        struct node *live = read(arena, json_patches[i].live);
        struct node *copy = node_copy(arena, live);
        struct err err = {0};
        struct node *after =
            patch_json(arena, live, read(arena, json_patches[i].patch), NULL, &err);

        CHECK_TEXT(after ? document_json(arena, after) : NULL, json_patches[i].after, "%s",
                   json_patches[i].patch);
        CHECK(node_same(live, copy), "the live one is as it was");
    }
}

/* Each copy doubles: 2^60 bytes if nobody counted. */
static void test_json_bomb(struct arena *arena)
{
    struct node *patch = node_list(arena);
    struct err err = {0};

    for (int i = 0; i < 60; i++) {
        struct node *op = node_map(arena);

        node_set_text(arena, op, "op", "copy");
        node_set_text(arena, op, "from", "/a");
        node_set(arena, op, "path", node_format(arena, "/a/k%d", i));
        node_add(arena, patch, op);
    }
    CHECK(!patch_json(arena, read(arena, "{\"a\":{}}"), patch, NULL, &err) &&
              err.code == ERR_TOO_LARGE,
          "a bomb of copies is refused: %s", err.text);
}

/* ---- Laws, over random documents ---------------------------------------- */

static uint64_t random_state = 88172645463325252u;

static unsigned roll(unsigned below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state % below);
}

static struct node *random_value(struct arena *arena, int depth)
{
    struct node *map;

    if (!depth || roll(3))
        return roll(8) ? node_int(arena, roll(4)) : node_null(arena);
    map = node_map(arena);
    for (unsigned i = roll(4); i; i--)
        node_set(arena, map, (const char *[]){"a", "b", "c"}[roll(3)],
                 random_value(arena, depth - 1));
    return map;
}

static struct node *random_map(struct arena *arena)
{
    struct node *map = node_map(arena);

    for (unsigned i = roll(4); i; i--)
        node_set(arena, map, (const char *[]){"a", "b", "c"}[roll(3)], random_value(arena, 3));
    return map;
}

static void test_merge_laws(void)
{
    unsigned twice = 0, empty = 0, kept = 0;

    for (int i = 0; i < 2000; i++) {
        scoped_arena struct arena *arena = arena_new();
        struct node *live = random_map(arena), *patch = random_map(arena);
        struct node *copy = node_copy(arena, live);
        struct node *once = patch_merge(arena, live, patch);

        twice += !node_same(patch_merge(arena, once, patch), once);
        empty += !node_same(patch_merge(arena, live, node_map(arena)), live);
        kept += !node_same(live, copy);
    }
    CHECK_INT(twice, 0, "a merge patch applied twice is applied once");
    CHECK_INT(empty, 0, "an empty one changes nothing");
    CHECK_INT(kept, 0, "and none changes its arguments");
}

/*
 * Nobody owns an empty list of items, there as here: sent where there were some,
 * it takes them away, and sent again it is put there empty. So it is not sent.
 */
static void drop_empty(struct node *spec, const char *key)
{
    if (node_get(spec, key) && !node_count(node_get(spec, key)))
        node_remove(spec, key);
}

static struct node *random_widget(struct arena *arena)
{
    static const char *const words[] = {"x", "y", "z"};
    struct node *object = read(arena, "{\"apiVersion\":\"t/v1\",\"kind\":\"W\","
                                      "\"metadata\":{\"name\":\"w\"}}");
    struct node *spec = node_make(arena, object, "spec"), *list;

    if (roll(2))
        node_set_int(arena, spec, "n", roll(3));
    if (roll(2))
        node_set_text(arena, spec, "s", words[roll(3)]);
    if (roll(2)) {
        node_set_text(arena, node_make(arena, spec, "map"), words[roll(3)], words[roll(3)]);
    }
    list = roll(2) ? node_make_list(arena, spec, "parts") : NULL;
    for (unsigned i = 0; list && i < 3; i++) {
        struct node *part = node_map(arena);

        if (roll(2))
            continue;
        node_set_text(arena, part, "name", words[i]);
        if (roll(2))
            node_set_text(arena, part, "image", words[roll(3)]);
        node_add(arena, list, part);
    }
    list = roll(2) ? node_make_list(arena, spec, "tags") : NULL;
    for (unsigned i = 0; list && i < 3; i++)
        if (roll(2))
            node_add(arena, list, node_string(arena, words[i]));
    drop_empty(spec, "parts");
    drop_empty(spec, "tags");
    return object;
}

/* Three managers write at random; after each apply the same one again. */
static void test_apply_laws(void)
{
    static const char *const managers[] = {"ann", "bob", "kit"};
    scoped_arena struct arena *keep = arena_new();
    struct schema *schema = schema_of_widget(keep);
    unsigned refused = 0, moved = 0, lost = 0;
    struct node *live = NULL;

    for (int i = 0; i < 600; i++) {
        struct patch_writer writer = {
            .schema = schema, .api_version = "t/v1", .manager = managers[roll(3)], .force = true};
        struct node *body = random_widget(keep), *once, *twice;
        struct err err = {0};

        if (live && !roll(3)) {
            live = patch_track(keep, &writer, live, patch_merge(keep, live, body));
            continue;
        }
        once = patch_apply(keep, &writer, live, body, NULL, &err);
        if (!once) {
            refused++;
            continue;
        }
        writer.force = false;
        twice = patch_apply(keep, &writer, once, body, NULL, &err);
        lost += !twice;
        moved += twice && !node_same(once, twice);
        live = roll(40) ? once : NULL;
    }
    CHECK_INT(refused, 0, "a forced apply is never refused");
    CHECK_INT(moved, 0, "applied again by the same manager, nothing changes");
    CHECK_INT(lost, 0, "and there is no conflict with oneself");
}

/* ---- Server-side apply -------------------------------------------------- */

static struct node *apply(struct arena *arena, struct schema *schema, const char *manager,
                          struct node *live, const char *body, struct err *err)
{
    struct patch_writer writer = {.schema = schema,
                                  .manager = manager,
                                  .api_version = "t/v1",
                                  .time = "2026-01-02T03:04:05Z"};

    return patch_apply(arena, &writer, live, read(arena, body), NULL, err);
}

#define HEAD "{\"apiVersion\":\"t/v1\",\"kind\":\"W\",\"metadata\":{\"name\":\"w\"},"

static void test_apply_refuses(struct arena *arena, struct schema *schema)
{
    struct err err = {0};

    CHECK(!apply(arena, schema, "m", NULL, HEAD "\"bogus\":1}", &err) && err.code == ERR_INTERNAL,
          "an unknown field");
    CHECK_TEXT(err.text,
               "failed to create typed patch object (/w; t/v1, "
               "Kind=W): .bogus: field not declared in schema",
               "is named");
    CHECK(!apply(arena, schema, "m", NULL, HEAD "\"spec\":{\"n\":\"x\"}}", &err),
          "a wrong type: %s", err.text);
    CHECK(!apply(arena, schema, "m", NULL, HEAD "\"spec\":{\"tags\":[\"a\",\"a\"]}}", &err),
          "twins in a set: %s", err.text);
    CHECK(!apply(arena, schema, "m", NULL, HEAD "\"spec\":{\"parts\":[{\"image\":\"x\"}]}}", &err),
          "an item without its key: %s", err.text);
    CHECK(!apply(arena, schema, "m", NULL, "{\"apiVersion\":\"t/v2\"}", &err) &&
              err.code == ERR_BAD_REQUEST,
          "another version: %s", err.text);
    CHECK(!apply(arena, schema, "m", NULL, "{\"metadata\":{\"managedFields\":[]}}", &err),
          "managedFields: %s", err.text);
}

static void test_takeover(struct arena *arena, struct schema *schema)
{
    struct err err = {0};
    struct node *live = read(arena, HEAD "\"spec\":{\"n\":1}}");
    struct node *metadata = node_get(live, "metadata");

    node_set_text(arena, node_make(arena, metadata, "annotations"),
                  "kubectl.kubernetes.io/last-applied-configuration", HEAD "\"spec\":{\"n\":1}}");
    CHECK(!apply(arena, schema, "other", live, HEAD "\"spec\":{\"n\":2}}", &err),
          "whoever comes new to an object has conflicts: %s", err.text);
    live = apply(arena, schema, "kubectl", live, HEAD "\"spec\":{\"n\":2}}", &err);
    CHECK(live != NULL, "but not kubectl with what it applied itself: %s", live ? "" : err.text);
}

static void test_time(struct arena *arena, struct schema *schema)
{
    struct err err = {0};
    struct node *live = apply(arena, schema, "m", NULL, HEAD "\"spec\":{\"n\":1}}", &err), *again;
    struct patch_writer later = {
        .schema = schema, .manager = "m", .api_version = "t/v1", .time = "2027-01-02T03:04:05Z"};

    again = patch_apply(arena, &later, live, read(arena, HEAD "\"spec\":{\"n\":1}}"), NULL, &err);
    CHECK(again && node_same(live, again), "no change keeps the old time");
}

static void test_many_updaters(struct arena *arena, struct schema *schema)
{
    struct node *live = read(arena, HEAD "\"spec\":{\"map\":{}}}"), *next;
    const struct node *list;
    struct patch_writer writer = {.schema = schema, .api_version = "t/v1"};

    live = patch_track(
        arena, &(struct patch_writer){.schema = schema, .api_version = "t/v1", .manager = "first"},
        NULL, live);
    for (int i = 0; i < 30; i++) {
        writer.manager = arena_printf(arena, "m%02d", i);
        next = node_copy(arena, live);
        node_set_text(arena, node_at(next, "spec", "map", NULL), writer.manager, "x");
        live = patch_track(arena, &writer, live, next);
    }
    list = node_at(live, "metadata", "managedFields", NULL);
    CHECK_INT((long long)node_count(list), 10, "at most ten updaters are kept");
}

static void test_bad_managed(struct arena *arena, struct schema *schema)
{
    static const char *const lists[] = {
        "[{}]",
        "[{\"manager\":\"x\"}]",
        "[1,2]",
        "\"x\"",
        "{}",
        "[{\"manager\":\"x\",\"operation\":\"Apply\",\"fieldsType\":\"FieldsV1\","
        "\"fieldsV1\":{\"k:{\":{}}}]",
        "[{\"manager\":\"x\",\"operation\":\"Apply\",\"fieldsType\":\"FieldsV1\","
        "\"fieldsV1\":{\"q:a\":1,\"f:a\":[]}}]",
    };
    struct err err = {0};

    for (size_t i = 0; i < count_of(lists); i++) {
        struct node *live = read(arena, HEAD "\"spec\":{\"n\":1}}");
        struct patch_writer writer = {
            .schema = schema, .manager = "m", .api_version = "t/v1", .force = true};

        node_set(arena, node_get(live, "metadata"), "managedFields", read(arena, lists[i]));
        CHECK(
            patch_apply(arena, &writer, live, read(arena, HEAD "\"spec\":{\"n\":2}}"), NULL, &err),
            "what nobody can read is nobody's: %s", lists[i]);
        CHECK(patch_track(arena, &writer, live, read(arena, HEAD "\"spec\":{\"n\":3}}")) != NULL,
              "nor in an update");
    }
}

static void test_strategic(struct arena *arena, struct schema *schema)
{
    struct err err = {0};
    struct node *live = read(arena, "{\"spec\":{\"parts\":[{\"name\":\"a\",\"image\":\"1\"},"
                                    "{\"name\":\"b\"}],\"list\":[\"x\"],\"tags\":[\"t\"]}}");
    struct node *after = patch_strategic(
        arena, schema, live,
        read(arena, "{\"spec\":{\"parts\":[{\"name\":\"a\",\"image\":\"2\"},{\"name\":\"b\","
                    "\"$patch\":\"delete\"}],\"list\":[\"y\"],\"tags\":[\"u\"]}}"),
        &err);

    CHECK_TEXT(after ? document_json(arena, after) : err.text,
               "{\"spec\":{\"parts\":[{\"name\":\"a\",\"image\":\"2\"}],"
               "\"list\":[\"y\"],\"tags\":[\"u\",\"t\"]}}",
               "a custom kind's lists are merged by their list types");
    CHECK(!patch_strategic(arena, schema, live,
                           read(arena, "{\"spec\":{\"parts\":[{\"image\":\"2\"}]}}"), &err),
          "an item needs its key: %s", err.text);
    CHECK(!patch_strategic(arena, schema, live, read(arena, "{\"spec\":{\"$patch\":\"explode\"}}"),
                           &err),
          "and a directive a meaning: %s", err.text);
}

int main(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct schema *schema = schema_of_widget(arena);

    if (!CHECK(schema != NULL, "the schema compiles"))
        return check_done();
    test_json(arena);
    test_json_bomb(arena);
    test_merge_laws();
    test_apply_laws();
    test_apply_refuses(arena, schema);
    test_takeover(arena, schema);
    test_time(arena, schema);
    test_many_updaters(arena, schema);
    test_bad_managed(arena, schema);
    test_strategic(arena, schema);
    return check_done();
}
