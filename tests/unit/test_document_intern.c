/* SPDX-License-Identifier: Apache-2.0 */
/* Trees that are kept: equal parts of all of them are one, and nothing is left of what is released.
 */
#include "base/text.h"
#include "check.h"
#include "document/document.h"

#include <string.h>

static const struct node *intern_text(const char *text)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    struct node *read = document_read_json(arena, text, strlen(text), &document_limits_own, &err);

    CHECK(read != NULL, "the test's own text is read: %s", err.text);
    return document_intern(read);
}

static size_t count_parts(void)
{
    size_t bytes;

    return document_interned(&bytes);
}

static const struct {
    const char *a, *b, *sentence;
    bool same;
} pairs[] = {
    {"{\"a\":1,\"b\":[true,null]}", "{\"a\":1,\"b\":[true,null]}", "equal trees", true},
    {"\"\"", "\"\"", "empty texts", true},
    {"[]", "[]", "empty lists", true},
    {"{}", "{}", "empty maps", true},
    {"{}", "[]", "an empty map and an empty list", false},
    {"\"\"", "null", "an empty text and null", false},
    {"1", "1.0", "an integer and a float", false},
    {"0", "false", "zero and false", false},
    {"0", "null", "zero and null", false},
    {"0.0", "-0.0", "zero and minus zero", false},
    {"true", "false", "true and false", false},
    {"[1,2]", "[2,1]", "lists in another order", false},
    {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "members in another order", false},
    {"{\"a\":\"b\"}", "{\"b\":\"a\"}", "keys and values exchanged", false},
    {"[[1]]", "[1]", "a list in a list", false},
    {"\"1\"", "1", "a text of a number and the number", false},
};

static void check_pairs(void)
{
    for (size_t i = 0; i < count_of(pairs); i++) {
        const struct node *a = intern_text(pairs[i].a), *b = intern_text(pairs[i].b);

        CHECK((a == b) == pairs[i].same, "%s are %s", pairs[i].sentence,
              pairs[i].same ? "one" : "two");
        document_release(&a);
        CHECK(a == NULL && b != NULL, "what is released is NULL");
        document_release(&b);
        CHECK_INT((int)count_parts(), 0, "%s: nothing is left", pairs[i].sentence);
    }
}

/* Each tree comes out as it went in, and a shared part outlives the tree that brought it. */
static void check_sharing(void)
{
    scoped_arena struct arena *arena = arena_new();
    const char *one = "{\"name\":\"a\",\"spec\":{\"port\":80,\"args\":[\"x\",\"y\"],\"half\":0.5}}";
    const char *two = "{\"name\":\"b\",\"spec\":{\"port\":80,\"args\":[\"x\",\"y\"],\"half\":0.5}}";
    const struct node *a = intern_text(one), *b;
    size_t parts = count_parts();

    b = intern_text(two);
    CHECK(node_get(a, "spec") == node_get(b, "spec"), "equal parts of two trees are one");
    CHECK_INT((int)(count_parts() - parts), 2, "only its root and its name are new");
    document_release(&a);
    CHECK_TEXT(document_json(arena, b), two, "the other is whole without the first");
    document_release(&b);
    document_release(&b);
    CHECK_INT((int)count_parts(), 0, "nothing is left, and NULL is accepted");
}

/* A copy that is changed and interned leaves the former as it was: how callers change one. */
static void check_change(void)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *a = intern_text("{\"ports\":{\"http\":1},\"kept\":[1,2,3]}"), *b;
    struct node *changed = node_share(arena, a), *ports = node_share(arena, node_get(a, "ports"));

    node_set_int(arena, ports, "metrics", 2);
    node_set(arena, changed, "ports", ports);
    b = document_intern(changed);
    CHECK_TEXT(document_json(arena, a), "{\"ports\":{\"http\":1},\"kept\":[1,2,3]}",
               "the former is as it was");
    document_release(&a);
    CHECK_TEXT(document_json(arena, b), "{\"ports\":{\"http\":1,\"metrics\":2},\"kept\":[1,2,3]}",
               "the new one has the change");
    document_release(&b);
}

static void check_large_map(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *map = node_map(arena);
    const struct node *kept;
    bool all = true;

    for (int i = 0; i < 3000; i++)
        node_set_int(arena, map, arena_printf(arena, "key-%d", i), i % 7);
    kept = document_intern(map);
    for (int i = 0; i < 3000; i++)
        all &= node_get_int(kept, arena_printf(arena, "key-%d", i), -1) == i % 7;
    CHECK(all && !node_get(kept, "key-3000"), "members of a large map are found");
    CHECK(count_parts() < 3000 + 7 + 2, "of equal values there is one each: %zu", count_parts());
    document_release(&kept);
    CHECK_INT((int)count_parts(), 0, "nothing is left of it");
}

static void check_texts(void)
{
    const struct node *tree = intern_text("{\"lab\":\"lab\"}");
    const char *a = document_intern_text("lab"), *none = document_intern_text(NULL);

    CHECK(a == node_get_text(tree, "lab"), "a text is one with those of trees");
    document_release(&tree);
    CHECK_TEXT(a, "lab", "and lives on without them");
    document_release_text(&a);
    document_release_text(&none);
    CHECK(!a && !count_parts(), "nothing is left");
}

int main(void)
{
    check_pairs();
    check_sharing();
    check_change();
    check_large_map();
    check_texts();
    return check_done();
}
