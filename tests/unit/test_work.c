/* SPDX-License-Identifier: Apache-2.0 */
/* Late binding, aggregation and merging on the spoke. */
#include "check.h"

#include "base/clock.h"
#include "work/work.h"

static struct node *read_json(struct arena *arena, const char *text)
{
    return document_read_json(arena, text, strlen(text), &document_limits_own, NULL);
}

static const struct {
    const char *text, *gives; /* NULL: refused with `why` */
    const char *why;
} bindings[] = {
    {"on ${spoke.name}", "on edge-1"},
    {"${spoke.name}${spoke.zone}", "edge-1eu"},
    {"${spoke.gone:=none}", "none"},
    {"${spoke.gone=none}", "none"},
    {"${spoke.gone:-none}", "none"},
    {"${spoke.empty:=filled}", "filled"},
    {"${spoke.empty}", ""},
    {"${spoke.name:=other}", "edge-1"},
    {"${spoke.gone:=${spoke.zone}-x}", "eu-x"},
    {"${spoke.gone:=a ${other} b}", "a ${other} b"},
    {"${spoke.label.k8s.io/zone-1}", "z1"},
    {"n=${spoke.gpus}", "n=4"},
    {"$HOME ${HOME} $(x) $$ ${spokes.x} ${spoke} $spoke.name $", NULL, NULL},
    {"$${spoke.name}", "$edge-1"},
    {"${spoke.gone}", NULL, "has no value of that name"},
    {"${spoke.gone:?no}", NULL, "can follow a name"},
    {"${spoke.gone:+x}", NULL, "can follow a name"},
    {"${spoke.name", NULL, "closing brace"},
    {"${spoke.gone:=${spoke.name}", NULL, "closing brace"},
    {"${spoke.}", NULL, "a name must follow"},
};

static void check_bindings(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *values =
        read_json(arena, "{\"name\":\"edge-1\",\"zone\":\"eu\",\"empty\":\"\",\"gpus\":4,"
                         "\"label.k8s.io/zone-1\":\"z1\"}");

    for (size_t i = 0; i < count_of(bindings); i++) {
        const char *gives = bindings[i].gives;
        scoped_text struct text out = {0};
        struct err err = {0};
        int done = work_bind_text(arena, bindings[i].text, strlen(bindings[i].text), values,
                                  node_map(arena), &out, &err);

        if (!gives && !bindings[i].why)
            gives = bindings[i].text; /* byte for byte */
        if (gives)
            CHECK_TEXT(done < 0 ? err.text : text_string(&out), gives, "%s", bindings[i].text);
        else
            CHECK(done < 0 && strstr(err.text, bindings[i].why), "%s is refused: %s",
                  bindings[i].text, err.text);
    }
}

static void check_tree(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *tree =
        read_json(arena, "{\"spec\":{\"replicas\":\"${spoke.gpus}\",\"env\":[\"$A\","
                         "\"x${spoke.zone:=none}\"],\"same\":{\"a\":1}}}");
    struct node *values = read_json(arena, "{\"gpus\":4}");
    struct node *used = node_map(arena);
    scoped_text struct text input = {0};
    struct node *bound = work_bind(arena, tree, values, used, NULL);

    CHECK_TEXT(bound ? document_json(arena, bound) : "",
               "{\"spec\":{\"replicas\":4,\"env\":[\"$A\",\"xnone\"],\"same\":"
               "{\"a\":1}}}",
               "a whole tree; one expression alone takes over the value's type");
    CHECK(node_at(bound, "spec", "same", NULL) == node_at(tree, "spec", "same", NULL),
          "what needs no value is shared");
    work_bind_hash_input(used, &input);
    CHECK_TEXT(text_string(&input), "{\"gpus\":4,\"zone\":null}",
               "what was used, missing names too, is there to be hashed");
    CHECK(!work_bind(arena, tree, NULL, NULL, NULL), "a missing value is an error");
}

static void check_aggregate(void)
{
    static const struct {
        const char *type, *a, *b, *sum;
    } sums[] = {
        {"Available", "True", "False", "False"},        {"Available", "True", "Unknown", "Unknown"},
        {"Available", "True", "True", "True"},          {"Progressing", "True", "False", "True"},
        {"Progressing", "False", "Unknown", "Unknown"}, {"Degraded", "False", "True", "True"},
    };
    scoped_arena struct arena *arena = arena_new();

    for (size_t i = 0; i < count_of(sums); i++) {
        char *text = arena_printf(arena,
                                  "[{\"conditions\":[{\"type\":\"%s\",\"status\":\"%s\"}]},"
                                  "{\"conditions\":[{\"type\":\"%s\",\"status\":\"%s\"}]},{}]",
                                  sums[i].type, sums[i].a, sums[i].type, sums[i].b);
        struct node *sum = work_aggregate(arena, sums[i].type, read_json(arena, text), 3);

        CHECK_TEXT(node_get_text(sum, "status"), sums[i].sum, "%s: %s and %s", sums[i].type,
                   sums[i].a, sums[i].b);
    }
    CHECK(!work_aggregate(arena, "Other", NULL, 1), "nothing to sum up");
}

static void check_times(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *old =
        read_json(arena, "[{\"type\":\"A\",\"status\":\"True\",\"lastTransitionTime\":"
                         "\"2022-01-01T00:00:00Z\"}]");
    struct node *same =
        read_json(arena, "[{\"type\":\"A\",\"status\":\"True\",\"message\":\"new\"}]");
    struct node *other = read_json(arena, "[{\"type\":\"A\",\"status\":\"False\"}]");
    int64_t now = 1700000000 * CLOCK_SECOND;

    CHECK_TEXT(node_get_text(node_item(work_merge_conditions(arena, old, same, now), 0),
                             "lastTransitionTime"),
               "2022-01-01T00:00:00Z", "a status that stays keeps its time");
    CHECK_TEXT(node_get_text(node_item(work_merge_conditions(arena, old, other, now), 0),
                             "lastTransitionTime"),
               "2023-11-14T22:13:20Z", "one that changes has a new one");
}

/* ---- ignoreFields ------------------------------------------------------- */

static void check_ignored(void)
{
    scoped_arena struct arena *arena = arena_new();
    static const struct {
        const char *wanted, *live, *ignore, *gives;
    } rows[] = {
        {"{spec: {replicas: 3, image: b}}", "{spec: {replicas: 5, image: a}}",
         "{jsonPaths: [.spec.replicas]}", "{\"spec\":{\"image\":\"b\",\"replicas\":5}}"},
        {"{spec: {replicas: 3}}", "{spec: {other: 1}}", "{jsonPointers: [/spec/replicas]}",
         "{\"spec\":{}}"},
        {"{a: [{x: 1, z: 1}]}", "{a: [{x: 2, z: 2}]}", "{jsonPointers: [/a/0/z]}",
         "{\"a\":[{\"x\":1,\"z\":2}]}"},
        {"{data: {a/b: 1, c: 1}}", "{data: {a/b: 2, c: 2}}", "{jsonPointers: [/data/a~1b]}",
         "{\"data\":{\"c\":1,\"a/b\":2}}"},
    };
    struct node *jq = document_read_yaml(arena, "{jqPathExpressions: [.a]}", 25, true,
                                         &document_limits_own, NULL);

    for (size_t i = 0; i < count_of(rows); i++) {
        struct node *trees[3];
        const char *const texts[] = {rows[i].wanted, rows[i].live, rows[i].ignore};
        struct err err = {0};
        struct node *paths, *kept;

        for (size_t k = 0; k < 3; k++)
            trees[k] = document_read_yaml(arena, texts[k], strlen(texts[k]), true,
                                          &document_limits_own, &err);
        paths = work_ignore_paths(arena, trees[2], &err);
        kept = paths ? work_keep_ignored(arena, trees[0], trees[1], paths, &err) : NULL;
        CHECK_TEXT(kept ? document_json(arena, kept) : err.text, rows[i].gives, "%s over %s",
                   rows[i].wanted, rows[i].live);
    }
    CHECK(!work_ignore_paths(arena, jq, NULL), "jq is refused");
}

int main(void)
{
    check_bindings();
    check_tree();
    check_aggregate();
    check_times();
    check_ignored();
    return check_done();
}
