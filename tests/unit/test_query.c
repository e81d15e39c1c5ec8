/* SPDX-License-Identifier: Apache-2.0 */
/* Selectors, names, durations, percentages, quantities, JSONPath. */
#include "check.h"

#include "document/document.h"
#include "query/query.h"

static struct node *read(struct arena *arena, const char *text)
{
    return document_read_json(arena, text, strlen(text), &document_limits_own, NULL);
}

/* ---- JSONPath ----------------------------------------------------------- */

static const char things[] = "{\"kind\":\"List\",\"n\":3,\"f\":0.5,\"none\":null,\"yes\":true,"
                             "\"items\":[{\"name\":\"a\",\"v\":1,\"tags\":[\"x\",\"y\"]},"
                             "{\"name\":\"b\",\"v\":2,\"ok\":true},{\"name\":\"c\",\"v\":3}],"
                             "\"labels\":{\"app.io/name\":\"web\",\"tier\":\"gold\"}}";

static const struct {
    const char *path, *text; /* NULL: an error, allow_missing off */
} paths[] = {
    {"{.kind}", "List"},
    {"kind is {.kind}!", "kind is List!"},
    {"{.n} {.f} {.yes}", "3 0.5 true"},
    {"{.items[*].name}", "a b c"},
    {"{.items[0].name}", "a"},
    {"{.items[-1].name}", "c"},
    {"{.items[0:2].name}", "a b"},
    {"{.items[::2].name}", "a c"},
    {"{.items[1:].v}", "2 3"},
    {"{.items[0,2].name}", "a c"},
    {"{.items[?(@.v>1)].name}", "b c"},
    {"{.items[?(@.name==\"b\")].v}", "2"},
    {"{.items[?(@.name!='b')].v}", "1 3"},
    {"{.items[?(@.ok)].name}", "b"},
    {"{.items[?(@.ok==true)].name}", NULL}, /* a has no ok */
    {"{.labels.app\\.io/name}", "web"},
    {"{.labels['tier']}", "gold"},
    {"{.labels['app\\.io/name']}", "web"},
    {"{['kind']}", "List"},
    {"{..name}", "a b c"},
    {"{.items[0].tags}", "[\"x\",\"y\"]"},
    {"{.labels.*}", "web gold"},
    {"{range .items[*]}{.name}={.v}{\"\\n\"}{end}", "a=1\nb=2\nc=3\n"},
    {"{range .items[*]}[{range .tags[*]}{@},{end}]{end}", NULL},
    {"{range .items[0:1]}[{range .tags[*]}{@},{end}]{end}.", "[x,y,]."},
    {"{.missing}", NULL},
    {"{.items[9]}", NULL},
    {"{.kind[0]}", NULL},
    {"{.items[?(@.v>\"x\")]}", NULL},
    {"{.kind", NULL},
    {"{.items[1", NULL},
    {"{.items[x]}", NULL},
    {"{nonsense}", NULL},
    {"{end}", NULL},
    {"{.items[?(@.v]}", NULL},
    {"{....}", NULL},
};

static void test_jsonpath(struct arena *arena)
{
    struct node *object = read(arena, things);

    for (size_t i = 0; i < count_of(paths); i++) {
        scoped_text struct text out = {0};
        struct err err = {0};
        struct jsonpath *path = jsonpath_parse(arena, paths[i].path, &err);
        int got = path ? jsonpath_print(path, arena, object, false, &out, &err) : -1;

        if (paths[i].text)
            CHECK_TEXT(got ? err.text : text_string(&out), paths[i].text, "%s", paths[i].path);
        else
            CHECK(got < 0 && *err.text, "%s: refused: %s", paths[i].path, err.text);
    }
}

static void test_relaxed(struct arena *arena)
{
    static const char *const same[] = {"kind", ".kind", "{kind}", "{.kind}"};
    struct node *object = read(arena, things);

    for (size_t i = 0; i < count_of(same); i++) {
        struct jsonpath *path = jsonpath_parse_relaxed(arena, same[i], NULL);
        struct node *found = path ? jsonpath_find(path, arena, object, true, NULL) : NULL;

        CHECK_TEXT(node_text(node_item(node_item(found, 0), 0)), "List", "%s", same[i]);
    }
    CHECK(!jsonpath_parse_relaxed(arena, "{a}{b}", NULL), "two are refused");
    CHECK(!jsonpath_parse_relaxed(arena, "", NULL), "nothing is refused");
}

static void test_missing(struct arena *arena)
{
    struct jsonpath *path = jsonpath_parse(arena, "{.a.b.c}", NULL);
    struct node *found = jsonpath_find(path, arena, read(arena, things), true, NULL);

    CHECK(node_count(found) == 1 && !node_count(node_item(found, 0)),
          "what is missing may be allowed");
}

/* ---- Names -------------------------------------------------------------- */

static const struct {
    bool (*judge)(const char *name, char why[NAME_WHY]);
    const char *name, *why; /* how the reason begins; NULL: fine */
} names[] = {
    {name_is_dns_label, "a-1", NULL},
    {name_is_dns_label, "a.b", "must not contain dots"},
    {name_is_dns_label, "A", "a lowercase RFC 1123 label"},
    {name_is_dns_label, "", "a lowercase RFC 1123 label"},
    {name_is_dns_subdomain, "a.b-c.d", NULL},
    {name_is_dns_subdomain, "a..b", "a lowercase RFC 1123 subdomain"},
    {name_is_dns1035_label, "1a", "a DNS-1035 label"},
    {name_is_dns1035_label, "a1", NULL},
    {name_is_path_segment, "system:x", NULL},
    {name_is_path_segment, "a/b", "may not contain '/'"},
    {name_is_path_segment, "..", "may not be '..'"},
    {name_is_qualified, "a.io/B_c", NULL},
    {name_is_qualified, "/x", "prefix part must be non-empty"},
    {name_is_qualified, "a.io/", "name part must be non-empty; name part must"},
    {name_is_label_value, "", NULL},
    {name_is_label_value, "-", "a valid label must be"},
    {name_is_config_key, "a.b_C-1", NULL},
    {name_is_config_key, "..x", "must not start with '..'"},
    {name_is_config_key, "a/b", "a valid config key"},
};

static void test_names(void)
{
    for (size_t i = 0; i < count_of(names); i++) {
        char why[NAME_WHY];
        bool good = names[i].judge(names[i].name, why);

        CHECK(good == !names[i].why, "%s: %s", names[i].name, good ? "good" : why);
        CHECK(good ? !*why : text_starts(why, names[i].why), "%s: why", names[i].name);
    }
}

/* ---- Durations ---------------------------------------------------------- */

static const struct {
    const char *text;
    int64_t nanoseconds;
    const char *again; /* NULL: refused */
} durations[] = {
    {"1h30m", 5400 * (int64_t)1000000000, "1h30m0s"},
    {"-1.5s", -1500000000, "-1.5s"},
    {"100ms", 100000000, "100ms"},
    {"1us", 1000, "1µs"},
    {"0", 0, "0s"},
    {"90s", 90 * (int64_t)1000000000, "1m30s"},
    {"1", 0, NULL},
    {"s", 0, NULL},
    {"1d", 0, NULL},
    {"", 0, NULL},
    {"9999999999h", 0, NULL},
};

static void test_durations(struct arena *arena)
{
    int64_t got;
    char again[DURATION_TEXT];

    for (size_t i = 0; i < count_of(durations); i++) {
        int result = duration_parse(durations[i].text, &got, NULL);

        CHECK((result == 0) == (durations[i].again != NULL), "%s: read", durations[i].text);
        if (result)
            continue;
        CHECK_INT(got, durations[i].nanoseconds, "%s", durations[i].text);
        duration_format(got, again);
        CHECK_TEXT(again, durations[i].again, "%s: written", durations[i].text);
    }
    CHECK(!duration_parse_single("10m", &got, NULL) && got == 600000000000, "OCM's own");
    CHECK(duration_parse_single("1h30m", &got, NULL) < 0, "has one unit");
    CHECK(!duration_parse_single("None", &got, NULL) && got == INT64_MAX, "None");
    CHECK(!percent_scale(node_string(arena, "25%"), 10, true, &got, NULL) && got == 3,
          "25%% of 10, rounded up");
    CHECK(!percent_scale(node_string(arena, "25%"), 10, false, &got, NULL) && got == 2, "and down");
    CHECK(percent_scale(node_string(arena, "25"), 10, false, &got, NULL) < 0,
          "a bare string is no percentage");
}

/* ---- Selectors and quantities ------------------------------------------- */

static void test_selectors(struct arena *arena)
{
    struct node *none = read(arena, "{}");
    struct node *some = read(arena, "{\"matchExpressions\":[{\"key\":\"tier\","
                                    "\"operator\":\"NotIn\",\"values\":[\"x\"]}]}");
    struct node *labels = read(arena, "{\"tier\":\"gold\"}");
    struct selector *fields = selector_parse_fields(arena, "metadata.name=a,spec.x!=1", NULL, NULL);
    struct selector *key;
    char *long_one = arena_alloc(arena, 300001);

    CHECK(selector_matches_labels(selector_from_node(arena, none, NULL), labels),
          "an empty LabelSelector selects everything");
    CHECK(!selector_matches_labels(selector_from_node(arena, NULL, NULL), labels),
          "none selects nothing");
    CHECK(selector_matches_labels(selector_from_node(arena, some, NULL), labels), "NotIn");
    CHECK_TEXT(selector_requires(fields, "metadata.name"), "a", "a field that must be so is known");
    CHECK(selector_matches_key(fields, "lab", "a") && !selector_matches_key(fields, "lab", "b"),
          "a name is compared without its object");
    CHECK(!selector_is_of_key(fields), "which does not decide where other fields are asked for");
    key = selector_parse_fields(arena, "metadata.namespace!=lab,metadata.name=a", NULL, NULL);
    CHECK(selector_is_of_key(key) && selector_matches_key(key, "b", "a") &&
              !selector_matches_key(key, "lab", "a"),
          "name and namespace alone are decided by the key");
    CHECK_TEXT(selector_text(arena, fields), "metadata.name=a,spec.x!=1", "text");
    CHECK(selector_matches(fields, read(arena, "{\"metadata\":{\"name\":\"a\"},"
                                               "\"spec\":{\"x\":2}}")),
          "fields are found at their paths");
    for (size_t i = 0; i < 300000; i++)
        long_one[i] = "a=,"[i % 3];
    CHECK(!selector_parse_labels(arena, long_one, NULL), "100,000 terms are too many");
}

static void test_quantities(struct arena *arena)
{
    char *digits = arena_alloc(arena, 1000001);
    struct quantity a, b;

    memset(digits, '9', 1000000);
    CHECK(quantity_parse(arena, digits, &a, NULL) < 0, "a million digits");
    CHECK(quantity_parse(arena, "1e999999999", &a, NULL) < 0, "huge exponents");
    digits[1000] = '\0';
    CHECK(!quantity_parse(arena, digits, &a, NULL), "a thousand digits");
    CHECK(!quantity_parse(arena, "1e-1000", &b, NULL), "and next to nothing");
    quantity_subtract(arena, &a, &a);
    CHECK_TEXT(quantity_text(arena, &a), "0", "a - a");
    CHECK(quantity_compare(&a, &b) < 0, "what is nearly nothing is more");
    CHECK(!quantity_parse(arena, "1Gi", &a, NULL) && !quantity_parse(arena, "1G", &b, NULL) &&
              quantity_compare(&a, &b) > 0,
          "1Gi > 1G");
}

int main(void)
{
    scoped_arena struct arena *arena = arena_new();

    test_jsonpath(arena);
    test_relaxed(arena);
    test_missing(arena);
    test_names();
    test_durations(arena);
    test_selectors(arena);
    test_quantities(arena);
    return check_done();
}
