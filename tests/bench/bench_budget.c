/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what hostile templates cost, in units and by the clock: a unit of
   base/meter.h must not be dearer than METER_ANSWER units are 250 ms. */
#include "base/meter.h"
#include "cel/cel.h"
#include "document/document.h"
#include "query/query.h"
#include "schema/schema.h"
#include "sprig/sprig.h"
#include "unit/hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- The other languages that users write ------------------------------------ */

enum language { CEL, JSONPATH, SCHEMA, LABELS };

#define NINE(x) x x x x x x x x x
static const struct {
    enum language language;
    const char *name, *text;
} others[] = {
    {CEL, "CEL: lists in lists", "d.l.all(a, d.l.all(b, d.l.all(c, a + b + c >= 0)))"},
    {CEL, "CEL: strings made", "d.strings.all(a, d.strings.all(b, (a + b).size() > 0))"},
    {CEL, "CEL: a large string made", "d.l.all(a, (d.s + d.s).size() > 0)"},
    {CEL, "CEL: contains", "d.l.all(a, !d.as.contains(d.needle))"},
    {CEL, "CEL: matches", "d.l.all(a, !d.as.matches('(a?){900}(a?){900}b'))"},
    {CEL, "CEL: matches, small", "d.l.all(a, !'x'.matches('(\\\\PL|y){99}'))"},
    {CEL, "CEL: classes", "d.l.all(a, !'x'.matches('" NINE("[\\\\PL]") "'))"},
    {CEL, "CEL: maps equal", "d.l.all(a, d.m == d.m)"},
    {CEL, "CEL: trees of 2^60 equal",
     "[1]" NINE(NINE(".map(x,[x,x])")) " == [1]" NINE(NINE(".map(x,[x,x])"))},
    {CEL, "CEL: a tree of 2^60 given", "[1]" NINE(NINE(".map(x,[x,x])"))},
    {CEL, "CEL: in", "d.strings.all(a, a in d.strings)"},
    {CEL, "CEL: in a map", "d.strings.all(a, !(a in d.m))"},
    {CEL, "CEL: map and filter", "d.l.map(a, d.l.filter(b, b < a)).size() > 0"},
    {CEL, "CEL: replace and split", "d.l.all(a, d.s.replace('a', 'bbbb').split('b').size() > 0)"},
    {CEL, "CEL: join", "d.l.all(a, d.strings.join(',').size() > 0)"},
    {CEL, "CEL: sort", "d.l.all(a, d.strings.sort().size() > 0)"},
    {CEL, "CEL: upper", "d.l.all(a, d.s.upperAscii().size() > 0)"},
    {CEL, "CEL: quantity", "d.l.all(a, quantity('1000000000000000000000Mi').isInteger() || true)"},
    {JSONPATH, "JSONPath: every value, again and again",
     "{..a}{..a}{..a}{..a}{..a}{..a}{..a}{..a}{..a}"},
    {JSONPATH, "JSONPath: below everything", "{..[*]..[*]..[*]}"},
    {JSONPATH, "JSONPath: nothing, again and again",
     NINE(NINE("{..zz}{..zz}{..zz}{..zz}{..zz}{..zz}"))},
    {JSONPATH, "JSONPath: all of it, again and again",
     NINE(NINE("{.m}{.m}{.m}{.m}{.m}{.m}{.m}{.m}{.m}"))},
    {JSONPATH, "JSONPath: a filter over everything", "{..[?(@..a==1)]}"},
    {JSONPATH, "JSONPath: a list in a filter", "{.floats[?(@ == 3)]}{.m[?(@..b==\"y\")]}"},
    {SCHEMA, "a schema: a pattern",
     "{\"properties\":{\"as\":{\"pattern\":\"^(a?){900}(a?){90}b$\"}}}"},
    {SCHEMA, "a schema: unique items", "{\"properties\":{\"alike\":{\"uniqueItems\":true}}}"},
    {SCHEMA, "a schema: alternatives in alternatives",
     "{\"additionalProperties\":{\"anyOf\":[" NINE(NINE(
         "{\"type\":\"boolean\"},")) "{}],"
                                     "\"additionalProperties\":{\"anyOf\":[" NINE(NINE(
                                         "{\"type\":\"boolean\"},")) "{\"type\":\"string\"}]}}}"},
    {LABELS, "a selector of many terms", NINE(NINE("a in (b,c,d,e,f),!g,h!=i,")) "a"},
};

static int run_other(enum language language, const char *text, const struct node *data,
                     struct err *err)
{
    static const char *const variables[] = {"d", NULL};
    scoped_arena struct arena *arena = arena_new();
    struct cel_variable d = {"d", data};
    struct cel_input input = {.variables = &d, .variable_count = 1};
    struct node *causes = node_list(arena), *source;
    struct cel_program *program;
    struct selector *selector;
    struct jsonpath *path;
    struct schema *schema;
    scoped_text struct text out = {0};

    switch (language) {
    case CEL:
        program = cel_compile(arena, text, variables, err);
        return program && cel_eval(program, arena, &input, NULL, err) ? 0 : -1;
    case JSONPATH:
        path = jsonpath_parse(arena, text, err);
        return path ? jsonpath_print(path, arena, data, true, &out, err) : -1;
    case SCHEMA:
        source = document_read_json(arena, text, strlen(text), &document_limits_own, err);
        schema = source ? schema_compile(arena, source, NULL, false, err) : NULL;
        if (!schema)
            return -1;
        schema_validate(schema, arena, data, causes);
        if (node_count(causes))
            err_set(err, ERR_INVALID, "%.200s",
                    node_get_text(node_item(causes, node_count(causes) - 1), "message"));
        return 0;
    default:
        selector = selector_parse_labels(arena, text, err);
        return selector ? selector_matches_labels(selector, data) : -1;
    }
}

static double bench_others(const struct node *data, const char *only)
{
    double worst = 0;

    for (size_t i = 0; i < count_of(others); i++) {
        struct err err = {0};
        double start = cpu(), took;

        if (only && !strstr(others[i].name, only))
            continue;
        (void)!run_other(others[i].language, others[i].text, data, &err);
        took = cpu() - start;
        worst = took > worst ? took : worst;
        printf("%-40s %9.1f%s %.100s\n", others[i].name, took, took > 250 ? " OVER" : "", err.text);
    }
    return worst;
}

int main(int argc, char **argv)
{
    struct document_limits limits = document_limits_own;
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text json = {0};
    static struct template_error error;
    const struct node *data;
    struct err err = {0};
    double worst = 0;

    limits.bytes = 32 << 20;
    limits.nodes = 10000000;
    hostile_data(&json);
    data = document_read_json(arena, json.bytes, json.len, &limits, &err);
    if (!data) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("%-40s %9s %10s %8s\n", "a hostile template", "ms of CPU", "units/1000", "ns/unit");
    for (size_t i = 0; i < count_of(hostile_templates); i++) {
        struct meter meter = {.limit = METER_ANSWER};
        struct template_options options = sprig_options_helm;
        scoped_template_set struct template_set *set = NULL;
        const char *text = hostile_templates[i].template;
        scoped_text struct text out = {0};
        double start = cpu(), took, spent;
        int rc;

        if (argc > 1 && !strstr(hostile_templates[i].name, argv[1]))
            continue;
        options.meter = &meter;
        set = template_set_new(&options);
        rc = template_set_add(set, "main", text, strlen(text), &error) < 0
                 ? -1
                 : template_run(set, "main", data, &out, &error);
        took = cpu() - start;
        spent = (double)(meter.spent > meter.limit ? meter.limit : meter.spent);
        worst = took > worst ? took : worst;
        printf("%-40s %9.1f %10.0f %8.2f%s %s\n", hostile_templates[i].name, took, spent / 1e3,
               took * 1e6 / spent, took > 250 ? " OVER" : "",
               rc < 0 ? strlen(error.text) > 200 ? "" : error.text : "(ends)");
    }
    printf("%-40s %9.1f\n", "the worst template", worst);
    worst = bench_others(data, argc > 1 ? argv[1] : NULL);
    printf("%-40s %9.1f\n", "the worst of the others", worst);
    return 0;
}
