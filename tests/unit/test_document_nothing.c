/* SPDX-License-Identifier: Apache-2.0 */
/* Nobody who reads or writes a tree has to ask whether a part is there. */
#include "document/document.h"

#include "unit/check.h"

/* What may stand where a map or a list is expected. */
static const char *const others[] = {"null", "true", "1", "1.5", "\"x\"", "[]", "[null]", "{}"};

static struct node *read_one(struct arena *arena, const char *json)
{
    return document_read_json(arena, json, strlen(json), &document_limits_own, NULL);
}

static void check_readers(struct arena *arena, const struct node *node, const char *what)
{
    bool none = true;

    node_each(member, node) none = false;
    CHECK(none && !node_get(node, "a") && !node_at(node, "a", "b", NULL) &&
              !*node_get_text(node, "a") && node_get_int(node, "a", 7) == 7 &&
              node_get_bool(node, "a", true) && node_get_within(node, "a", 0, 5, 3) == 3,
          "%s has no members", what);
    CHECK(!node_item(node, 1) && (node_is(node, NODE_STRING) || !*node_text(node)),
          "%s has no second item, and text only if it is one", what);
    CHECK(node_same(node, node_copy(arena, node)), "%s is as its copy", what);
}

static void check_writers(struct arena *arena, const char *json)
{
    struct node *node = read_one(arena, json);

    CHECK(!node_remove(node, "a"), "nothing is removed from %s", json);
    node_remove_item(node, 5);
    node_sort(node);
    node_set_text(arena, node_make(arena, node, "a"), "b", "c");
    CHECK_TEXT(node_get_text(node_get(node, "a"), "b"), "c",
               "%s becomes a map when a member is set", json);
    node = read_one(arena, json);
    node_add(arena, node, node_int(arena, 1));
    CHECK(node_is(node, NODE_LIST) && node_item(node, node_count(node) - 1)->integer == 1,
          "%s becomes a list when an item is added", json);
    node = node_share(arena, read_one(arena, json));
    node_set_int(arena, node, "a", 1);
    CHECK_INT(node_get_int(node, "a", 0), 1, "what is shared of %s too", json);
}

/* Writing to what is not there, or what is not there, changes nothing. */
static void check_null(struct arena *arena)
{
    struct node *map = node_map(arena), *list = node_list(arena);

    check_readers(arena, NULL, "NULL");
    CHECK(node_count(node_share(arena, NULL)) == 0 && node_is(node_share(arena, NULL), NODE_MAP),
          "a copy of nothing to write to is an empty map");
    node_set(arena, NULL, "a", map);
    node_add(arena, NULL, map);
    node_remove(NULL, "a");
    node_remove_item(NULL, 0);
    node_sort(NULL);
    CHECK(node_is(node_make(arena, NULL, "a"), NODE_MAP) &&
              node_is(node_make_list(arena, NULL, "a"), NODE_LIST),
          "a part of nothing can be written to");
    node_set(arena, map, "a", NULL);
    node_add(arena, list, NULL);
    node_insert(arena, list, 3, node_int(arena, 1));
    CHECK(!node_count(map) && node_count(list) == 1, "nothing is not put anywhere");
    CHECK_TEXT(document_json(arena, NULL), "null", "and is written as null");
}

static void check_bounds(struct arena *arena)
{
    static const struct {
        const char *json;
        int64_t is;
    } cases[] = {
        {"{}", 60},
        {"{\"a\":null}", 60},
        {"{\"a\":\"9\"}", 60},
        {"{\"a\":9}", 9},
        {"{\"a\":9.0}", 9},
        {"{\"a\":-1}", 1},
        {"{\"a\":101}", 100},
        {"{\"a\":9007199254740991}", 100},
        {"{\"a\":1e308}", 60},
        {"{\"a\":-9007199254740991}", 1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_INT(node_get_within(read_one(arena, cases[i].json), "a", 1, 100, 60), cases[i].is,
                  "%s between 1 and 100", cases[i].json);
}

int main(void)
{
    scoped_arena struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        check_readers(arena, read_one(arena, others[i]), others[i]);
        check_writers(arena, others[i]);
    }
    check_null(arena);
    check_bounds(arena);
    return check_done();
}
