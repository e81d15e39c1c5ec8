/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas: defaults, unknown fields, causes, list types, references. */
#include "check.h"

#include "document/document.h"
#include "schema/schema.h"

static struct node *read(struct arena *arena, const char *text)
{
    struct err err = {0};
    struct node *node = document_read_json(arena, text, strlen(text), &document_limits_own, &err);

    if (!node)
        printf("# %s: %s\n", text, err.text);
    return node;
}

static const char widget[] =
    "{\"type\":\"object\",\"required\":[\"spec\"],\"properties\":{\"spec\":{"
    "\"type\":\"object\",\"properties\":{"
    "\"n\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9,\"default\":3},"
    "\"s\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"]},"
    "\"id\":{\"type\":\"string\",\"pattern\":\"^[a-z]+\\\\d$\",\"maxLength\":5},"
    "\"any\":{\"x-kubernetes-int-or-string\":true},"
    "\"when\":{\"type\":\"string\",\"format\":\"date-time\"},"
    "\"map\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}},"
    "\"free\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true},"
    "\"tags\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"set\",\"maxItems\":3,"
    "\"items\":{\"type\":\"string\"}},"
    "\"ports\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\","
    "\"x-kubernetes-list-map-keys\":[\"port\",\"protocol\"],\"items\":{"
    "\"type\":\"object\",\"required\":[\"port\"],\"properties\":{"
    "\"port\":{\"type\":\"integer\"},"
    "\"protocol\":{\"type\":\"string\",\"default\":\"TCP\"}}}},"
    "\"pick\":{\"type\":\"object\",\"oneOf\":[{\"required\":[\"x\"]},"
    "{\"required\":[\"y\"]}],\"properties\":{\"x\":{\"type\":\"integer\"},"
    "\"y\":{\"type\":\"integer\"}}}}}}}";

static const struct {
    const char *name, *object, *cause, *field;
} wrong[] = {
    {"type", "{\"spec\":{\"n\":\"x\"}}",
     "Invalid value: \"string\": spec.n in body must be of type integer: "
     "\"string\"",
     "spec.n"},
    {"minimum", "{\"spec\":{\"n\":0}}",
     "Invalid value: 0: spec.n in body should be greater than or equal to 1", "spec.n"},
    {"enum", "{\"spec\":{\"s\":\"c\"}}", "Unsupported value: \"c\": supported values: \"a\", \"b\"",
     "spec.s"},
    {"pattern", "{\"spec\":{\"id\":\"Ab1\"}}",
     "Invalid value: \"Ab1\": spec.id in body should match '^[a-z]+\\d$'", "spec.id"},
    {"length", "{\"spec\":{\"id\":\"abcdef1\"}}", "Too long: may not be more than 5 bytes",
     "spec.id"},
    {"int or string", "{\"spec\":{\"any\":true}}",
     "Invalid value: \"boolean\": spec.any in body must be of type "
     "integer,string: \"boolean\"",
     "spec.any"},
    {"date", "{\"spec\":{\"when\":\"soon\"}}",
     "Invalid value: \"soon\": spec.when in body must be of type date-time: "
     "\"soon\"",
     "spec.when"},
    {"map value", "{\"spec\":{\"map\":{\"k\":1}}}",
     "Invalid value: \"integer\": spec.map.k in body must be of type string: "
     "\"integer\"",
     "spec.map.k"},
    {"set", "{\"spec\":{\"tags\":[\"a\",\"b\",\"a\"]}}", "Duplicate value: \"a\"", "spec.tags[2]"},
    {"map list",
     "{\"spec\":{\"ports\":[{\"port\":1,\"protocol\":\"TCP\"},"
     "{\"port\":1,\"protocol\":\"TCP\"}]}}",
     "Duplicate value: map[string]interface {}{\"port\":1, "
     "\"protocol\":\"TCP\"}",
     "spec.ports[1]"},
    {"required", "{}", "Required value", "spec"},
    {"required below", "{\"spec\":{\"ports\":[{}]}}", "Required value", "spec.ports[0].port"},
    {"too many", "{\"spec\":{\"tags\":[\"a\",\"b\",\"c\",\"d\"]}}",
     "Too many: 4: must have at most 3 items", "spec.tags"},
    {"two of one", "{\"spec\":{\"pick\":{\"x\":1,\"y\":1}}}",
     "Invalid value: \"\": \"spec.pick\" must validate one and only one schema "
     "(oneOf). Found 2 valid alternatives",
     "spec.pick"},
    {"null", "{\"spec\":{\"s\":null}}",
     "Invalid value: \"null\": spec.s in body must be of type string: \"null\"", "spec.s"},
};

static void test_causes(struct arena *arena, const struct schema *schema)
{
    for (size_t i = 0; i < count_of(wrong); i++) {
        struct node *causes = node_list(arena);
        struct node *object = read(arena, wrong[i].object);

        CHECK(!schema_validate(schema, arena, object, causes), "%s: refused", wrong[i].name);
        CHECK_TEXT(node_get_text(node_item(causes, 0), "message"), wrong[i].cause,
                   "%s: what the user reads", wrong[i].name);
        CHECK_TEXT(node_get_text(node_item(causes, 0), "field"), wrong[i].field, "%s: where",
                   wrong[i].name);
    }
}

static void test_defaults(struct arena *arena, const struct schema *schema)
{
    struct err err = {0};
    struct node *object = read(arena, "{\"spec\":{\"n\":null,\"s\":null,"
                                      "\"ports\":[{\"port\":1}]}}");

    CHECK(!schema_apply_defaults(schema, arena, object, &err), "defaults: %s", err.text);
    CHECK_TEXT(document_json(arena, object),
               "{\"spec\":{\"n\":3,\"ports\":[{\"port\":1,\"protocol\":\"TCP\"}]}}",
               "defaults come in, nulls that may not be go");
    CHECK(schema_validate(schema, arena, object, NULL), "and all is well");
}

static void test_unknown(struct arena *arena, const struct schema *schema)
{
    struct node *unknown = node_list(arena);
    struct node *object = read(arena, "{\"kind\":\"W\",\"metadata\":{\"name\":\"w\",\"bad\":1},"
                                      "\"spec\":{\"bogus\":1,\"free\":{\"x\":1},"
                                      "\"ports\":[{\"port\":1,\"odd\":2}],\"map\":{\"k\":\"v\"}}}");

    schema_prune(schema, arena, object, unknown);
    CHECK_TEXT(document_json(arena, unknown),
               "[\"metadata.bad\",\"spec.bogus\",\"spec.ports[0].odd\"]",
               "unknown fields are named");
    CHECK_TEXT(document_json(arena, object),
               "{\"kind\":\"W\",\"metadata\":{\"name\":\"w\"},\"spec\":{"
               "\"free\":{\"x\":1},\"ports\":[{\"port\":1}],"
               "\"map\":{\"k\":\"v\"}}}",
               "and removed");
}

static void test_walk(const struct schema *schema)
{
    const struct schema *ports = schema_at(schema, "spec.ports");

    CHECK(schema_list_type(ports) == SCHEMA_LIST_MAP, "ports is a map list");
    CHECK_TEXT(schema_list_keys(ports)[1], "protocol", "with two keys");
    CHECK_TEXT(schema_merge_key(ports), "port", "merged by the first");
    CHECK(schema_type_of(schema_at(schema, "spec.ports[].port")) == SCHEMA_INTEGER,
          "a path goes through lists");
    CHECK(!schema_at(schema, "spec.nothing"), "and ends where nothing is");
    CHECK(schema_merges(schema_at(schema, "metadata.finalizers")), "finalizers are merged");
    CHECK(schema_is_free(schema_at(schema, "spec.free")), "free is free");
}

static void test_references(struct arena *arena)
{
    struct err err = {0};
    struct node *definitions =
        read(arena, "{\"tree\":{\"type\":\"object\",\"properties\":{"
                    "\"left\":{\"$ref\":\"#/definitions/tree\"},"
                    "\"right\":{\"allOf\":[{\"$ref\":\"#/definitions/tree\"}],\"default\":{}},"
                    "\"n\":{\"type\":\"integer\"}}},"
                    "\"a\":{\"$ref\":\"b\"},\"b\":{\"$ref\":\"a\"},"
                    "\"c\":{\"type\":\"object\",\"anyOf\":[{\"$ref\":\"c\"}]}}");
    struct node *causes = node_list(arena);
    struct node *tree = read(arena, "{\"left\":{\"left\":{\"n\":\"x\"}}}");
    struct schema *schema = schema_compile(arena, read(arena, "{\"$ref\":\"#/definitions/tree\"}"),
                                           definitions, false, &err);

    CHECK(schema != NULL, "a schema may contain itself: %s", err.text);
    CHECK(!schema_validate(schema, arena, tree, causes), "and is used below");
    CHECK_TEXT(node_get_text(node_item(causes, 0), "field"), "left.left.n", "at any depth");
    CHECK(schema_apply_defaults(schema, arena, tree, &err) < 0, "defaults without end are refused");
    CHECK(!schema_compile(arena, read(arena, "{\"$ref\":\"a\"}"), definitions, false, &err),
          "a circle of references is refused");
    CHECK(!schema_compile(arena, read(arena, "{\"$ref\":\"c\"}"), definitions, false, &err),
          "so is one through anyOf");
    CHECK(!schema_compile(arena, read(arena, "{\"$ref\":\"zz\"}"), definitions, false, &err),
          "and an unknown one");
    CHECK_TEXT(err.text, "schema: refers to an unknown definition \"zz\"", "by name");
}

static void test_sentence(struct arena *arena)
{
    struct node *causes = node_list(arena);

    schema_add_cause(arena, causes, "FieldValueRequired", "spec.n", NULL, "%s", "");
    CHECK_TEXT(schema_sentence(arena, "Widget", "test.dev", "w", causes),
               "Widget.test.dev \"w\" is invalid: spec.n: Required value", "one");
    schema_add_cause(arena, causes, "FieldValueInvalid", "spec.s", node_string(arena, "X"),
                     "must be %s", "lower case");
    CHECK_TEXT(schema_sentence(arena, "ConfigMap", "", "w", causes),
               "ConfigMap \"w\" is invalid: [spec.n: Required value, spec.s: "
               "Invalid value: \"X\": must be lower case]",
               "two");
}

int main(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    struct schema *schema = schema_compile(arena, read(arena, widget), NULL, true, &err);

    if (!CHECK(schema != NULL, "compiles: %s", err.text))
        return check_done();
    test_causes(arena, schema);
    test_defaults(arena, schema);
    test_unknown(arena, schema);
    test_walk(schema);
    test_references(arena);
    test_sentence(arena);
    return check_done();
}
