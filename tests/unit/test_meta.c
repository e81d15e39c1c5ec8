/* SPDX-License-Identifier: Apache-2.0 */
/* What every object has: metadata, finalizers, owners, conditions, lists of words. */

#include "check.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"

#include <string.h>

static struct node *read_object(struct arena *arena, const char *json)
{
    return document_read_json(arena, json, strlen(json), &document_limits_own, NULL);
}

static const char full[] =
    "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"s\",\"namespace\":\"n\","
    "\"uid\":\"u-1\",\"generation\":3,\"deletionTimestamp\":\"2026-01-01T00:00:00Z\","
    "\"labels\":{\"a\":\"b\"},\"annotations\":{\"c\":\"d\"},\"finalizers\":[\"x\",\"y\",7],"
    "\"ownerReferences\":[{\"kind\":\"Tenant\",\"name\":\"t\"},{\"kind\":\"Pool\",\"name\":\"p\"},"
    "{\"kind\":\"Pool\",\"name\":\"q\"}],"
    "\"managedFields\":[{\"manager\":\"m\",\"operation\":\"Update\",\"fieldsV1\":{\"f:a\":{}}},"
    "{\"manager\":\"m\",\"operation\":\"Apply\",\"subresource\":\"status\",\"fieldsV1\":{\"f:b\":{}}},"
    "{\"manager\":\"m\",\"operation\":\"Apply\",\"fieldsV1\":{\"f:c\":{}}}]}}";

static void check_readers(void)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *object = read_object(arena, full);

    CHECK_TEXT(meta_name(object), "s", "an object's name");
    CHECK_TEXT(meta_namespace(object), "n", "an object's namespace");
    CHECK_TEXT(meta_uid(object), "u-1", "an object's uid");
    CHECK_INT(meta_generation(object), 3, "an object's generation");
    CHECK(meta_is_deleting(object), "an object with a deletionTimestamp is being deleted");
    CHECK_TEXT(meta_label(object, "a"), "b", "an object's label");
    CHECK_TEXT(meta_label(object, "c"), "", "an object's annotation is no label");
    CHECK_TEXT(meta_annotation(object, "c"), "d", "an object's annotation");
    CHECK_TEXT(meta_owner_name(object, "Pool"), "p", "the first owner of a kind");
    CHECK_TEXT(meta_owner_name(object, "Node"), "", "no owner of a kind");
    CHECK(node_get(meta_applied_fields(object, "m"), "f:c") != NULL,
          "applied fields are those of the object, not of its status and not updated ones");
    CHECK(!meta_applied_fields(object, "other"), "a manager that applied nothing");
}

/* Bytes from outside are read before anything has judged their types. */
static void check_nothing(void)
{
    static const char *const nothings[] = {
        "null",
        "7",
        "[]",
        "{}",
        "{\"metadata\":null,\"status\":null}",
        "{\"metadata\":\"a\",\"status\":[]}",
        "{\"metadata\":{\"name\":7,\"labels\":[],\"annotations\":\"a\",\"finalizers\":{\"x\":1},"
        "\"ownerReferences\":[null,7],\"managedFields\":[[]],\"generation\":\"3\"},"
        "\"status\":{\"conditions\":[null,7,{\"type\":7}]}}",
    };

    for (size_t i = 0; i <= count_of(nothings); i++) {
        scoped_arena struct arena *arena = arena_new();
        const char *said = i < count_of(nothings) ? nothings[i] : "no object";
        const struct node *object = i < count_of(nothings) ? read_object(arena, nothings[i]) : NULL;

        CHECK(!*meta_name(object) && !*meta_namespace(object) && !*meta_uid(object) &&
                  !meta_generation(object) && !meta_is_deleting(object),
              "no identity: %s", said);
        CHECK(!*meta_label(object, "a") && !*meta_annotation(object, "a") &&
                  !*meta_owner_name(object, "Pool") && !meta_applied_fields(object, "m") &&
                  !meta_has_finalizer(object, "x"),
              "no labels, owners or finalizers: %s", said);
        CHECK(!meta_condition(object, "Ready") && !*meta_condition_status(object, "Ready") &&
                  !meta_condition_is_true(object, "Ready"),
              "no conditions: %s", said);
        CHECK(node_is(meta_copy_status(arena, object), NODE_MAP), "a status is a map: %s", said);
    }
}

static void check_writers(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *object = node_map(arena);

    meta_set_label(arena, object, "a", "");
    meta_set_label(arena, object, "a", NULL);
    CHECK(!node_at(object, "metadata", "labels", NULL), "an empty label is not set");
    meta_set_label(arena, object, "a", "b");
    meta_set_annotation(arena, object, "c", "");
    CHECK_TEXT(document_json(arena, object),
               "{\"metadata\":{\"labels\":{\"a\":\"b\"},\"annotations\":{\"c\":\"\"}}}",
               "a label and an annotation, which may be empty");
    object = node_map(arena);
    meta_add_controller(arena, object, read_object(arena, full));
    CHECK_TEXT(document_json(arena, object),
               "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Secret\","
               "\"name\":\"s\",\"uid\":\"u-1\",\"controller\":true,"
               "\"blockOwnerDeletion\":true}]}}",
               "a controller blocks its own deletion");
}

static const char *finalizers_of(struct arena *arena, const struct node *object)
{
    return document_json(arena, node_get(object, "metadata"));
}

static void check_finalizers(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *object = node_map(arena);

    meta_add_finalizer(arena, object, "x");
    meta_add_finalizer(arena, object, "y");
    CHECK(meta_has_finalizer(object, "x") && meta_has_finalizer(object, "y") &&
              !meta_has_finalizer(object, "z"),
          "finalizers are found by name");
    meta_add_finalizer(arena, object, "x");
    CHECK_TEXT(finalizers_of(arena, object), "{\"finalizers\":[\"y\",\"x\"]}",
               "a finalizer is there once, and last");
    meta_remove_finalizer(arena, object, "z");
    meta_remove_finalizer(arena, object, "y");
    CHECK_TEXT(finalizers_of(arena, object), "{\"finalizers\":[\"x\"]}",
               "only the finalizer that is named is removed");
    meta_remove_finalizer(arena, object, "x");
    CHECK_TEXT(finalizers_of(arena, object), "{}", "the member goes with the last finalizer");
}

static void check_words(void)
{
    static const struct {
        const char *list, *word;
        char between;
        bool has;
    } cases[] = {
        {"cpu,memory,pids", "cpu", ',', true},
        {"cpu,memory,pids", "pids", ',', true},
        {"cpu,memory,pids", "memory", ',', true},
        {"cpu,memory,pids", "mem", ',', false},
        {"cpuset,cpu", "cpu", ',', true},
        {"cpuset", "cpu", ',', false},
        {"cpu", "cpuset", ',', false},
        {"a b", "b", ' ', true},
        {"a b", "a b", ' ', false},
        {"a,,b", "", ',', false},
        {"", "", ',', false},
        {"", "a", ',', false},
        {"a,", "a", ',', true},
        {",a", "a", ',', true},
    };
    scoped_arena struct arena *arena = arena_new();
    struct node *list = read_object(arena, "[\"a\",7,null,\"b\",\"a\"]");

    for (size_t i = 0; i < count_of(cases); i++)
        CHECK(text_has_word(cases[i].list, cases[i].word, cases[i].between) == cases[i].has,
              "\"%s\" in \"%s\"", cases[i].word, cases[i].list);
    CHECK(meta_list_has(list, "b") && !meta_list_has(list, "c") && !meta_list_has(NULL, "a"),
          "words of a list are found");
    CHECK_TEXT(document_json(arena, meta_list_without(arena, list, "a")), "[7,null,\"b\"]",
               "every item that is the word is left out");
    CHECK_TEXT(document_json(arena, list), "[\"a\",7,null,\"b\",\"a\"]",
               "and the list itself stays as it was");
}

static void check_conditions(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *object = read_object(
        arena, "{\"metadata\":{\"generation\":2},\"status\":{\"phase\":\"Up\",\"conditions\":["
               "{\"type\":\"Ready\",\"status\":\"False\",\"observedGeneration\":1,"
               "\"lastTransitionTime\":\"2026-01-01T00:00:00Z\",\"other\":1},"
               "{\"type\":\"Placed\",\"status\":\"True\",\"observedGeneration\":1}]}}");
    const struct node *before = meta_conditions(object);
    struct node *status = meta_copy_status(arena, object);
    struct meta_condition ready = {"Ready", "False", "Waits", "for a spoke"};
    int64_t now = 0;

    CHECK(clock_parse("2026-02-02T00:00:00Z", &now), "a time is read");
    CHECK_TEXT(meta_condition_status(object, "Ready"), "False", "a condition's status");
    CHECK(meta_condition_is_true(object, "Placed") && !meta_condition_is_true(object, "Ready"),
          "True is true");

    meta_condition_set(arena, status, before, &ready, 2, now);
    CHECK_TEXT(document_json(arena, node_item(node_get(status, "conditions"), 0)),
               "{\"type\":\"Ready\",\"status\":\"False\",\"reason\":\"Waits\","
               "\"message\":\"for a spoke\",\"observedGeneration\":2,"
               "\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}",
               "the time stays while the status does, and so does the place");
    ready.status = "True";
    meta_condition_set(arena, status, before, &ready, 0, now);
    CHECK_TEXT(document_json(arena, node_item(node_get(status, "conditions"), 0)),
               "{\"type\":\"Ready\",\"status\":\"True\",\"reason\":\"Waits\","
               "\"message\":\"for a spoke\",\"lastTransitionTime\":\"2026-02-02T00:00:00Z\"}",
               "another status has another time");
    CHECK_TEXT(meta_condition_status(object, "Ready"), "False", "the object itself is unchanged");
    meta_condition_set(arena, status, NULL, &(struct meta_condition){"New", "True", "", ""}, 0,
                       now);
    CHECK_INT((long long)node_count(node_get(status, "conditions")), 3, "a new one comes last");
    CHECK_TEXT(node_get_text(status, "phase"), "Up", "the rest of the status is copied");
}

int main(void)
{
    check_readers();
    check_nothing();
    check_writers();
    check_finalizers();
    check_words();
    check_conditions();
    return check_done();
}
