/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what hostile bodies of 3 MiB cost: time of the processor and memory at
   the peak, of reading JSON and YAML and of checking what came out. */
#include "document/document.h"
#include "schema/schema.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SIZE ((size_t)3 << 20)

/* A body is a start, a middle as often as it fits, and an end. In the middle a
   number takes the place of `#`. */
static const struct body {
    const char *name, *start, *middle, *end;
    bool yaml;
} bodies[] = {
    {"json: zeros", "[0", ",0", "]", false},
    {"json: nulls", "[0", ",null", "]", false},
    {"json: empty strings", "[\"\"", ",\"\"", "]", false},
    {"json: empty lists", "[[]", ",[]", "]", false},
    {"json: empty maps", "[{}", ",{}", "]", false},
    {"json: small maps", "[{}", ",{\"a\":1}", "]", false},
    {"json: pairs", "[0", ",[0,0]", "]", false},
    {"json: keys", "{\"a\":0", ",\"k#\":0", "}", false},
    {"json: equal keys", "{\"a\":0", ",\"a\":0", "}", false},
    {"json: long equal keys", "{\"a\":0",
     ",\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":0", "}", false},
    {"json: brackets", "", "[", "", false},
    {"json: braces", "", "{\"a\":", "", false},
    {"json: one string", "\"", "a", "\"", false},
    {"json: escapes", "\"", "\\u0041", "\"", false},
    {"json: quotes", "\"", "\\\"", "\"", false},
    {"json: floats", "[0", ",1.7976931348623157e308", "]", false},
    {"json: digits", "[1", "1", "]", false},
    {"json: spaces", "[", " ", "]", false},
    {"json: labels", "{\"metadata\":{\"labels\":{\"a\":\"\"", ",\"l#\":\"v\"", "}}}", false},
    {"json: 2 kB pieces", "[\"\"",
     ",{\"name\":\"container\",\"image\":\"registry/a:1\",\"args\":[\"a\",\"b\"]}", "]", false},
    {"yaml: dashes", "", "- a\n", "", true},
    {"yaml: nested dashes", "", "- ", "a", true},
    {"yaml: keys", "", "k#: v\n", "", true},
    {"yaml: equal keys", "", "k: v\n", "", true},
    {"yaml: flow", "[a", ",a", "]", true},
    {"yaml: flow maps", "[a", ",{a: b}", "]", true},
    {"yaml: brackets", "", "[", "", true},
    {"yaml: braces", "", "{", "", true},
    {"yaml: brackets and quotes", "", "[\"", "", true},
    {"yaml: open pairs", "", "{a: ", "", true},
    {"yaml: aliases",
     "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n"
     "d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d",
     ",*d", "]", true},
    {"yaml: anchors", "", "- &a#x x\n", "", true},
    {"yaml: anchors, the first used", "- &a x\n", "- &a#x x\n- *a\n", "", true},
    {"yaml: anchors and aliases", "- &a x\n", "- *a\n", "", true},
    {"yaml: merges", "a: &a {x: 1, y: 2}\nb:\n", "  - <<: *a\n", "", true},
    {"yaml: comments", "", "# a\n", "", true},
    {"yaml: documents", "", "---\n", "", true},
    {"yaml: one text", "\"", "a ", "\"", true},
    {"yaml: folded", "\"", "a\n ", "\"", true},
    {"yaml: block", "a: |\n", "  x\n", "", true},
    {"yaml: plain lines", "", "a\n", "", true},
    {"yaml: colons", "", ":", "", true},
    {"yaml: question marks", "", "? ", "", true},
    {"yaml: question lines", "", "? a\n", "", true},
    {"yaml: tags", "", "- !!str a\n", "", true},
    {"yaml: tag directives", "", "%TAG !a#! tag:x\n", "", true},
    {"yaml: tabs", "a:", "\t", "b", true},
    {"yaml: commas", "[", ",", "]", true},
    {"yaml: long key", "", "a", ": b", true},
    {"yaml: quotes", "", "'", "", true},
    {"yaml: numbers", "", "- 0x1F\n", "", true},
    {"yaml: underscores", "- 1", "_", "1", true},
};

static double cpu_ms(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* Begins to watch the peak anew. */
static void forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "we");

    malloc_trim(0);
    if (file) {
        fputs("5", file);
        fclose(file);
    }
}

static long status_kb(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[200];
    long kb = 0;

    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, strlen(name)) == 0)
            kb = strtol(line + strlen(name), NULL, 10);
    }
    if (file)
        fclose(file);
    return kb;
}

static void make(const struct body *body, struct text *out)
{
    const char *mark = strchr(body->middle, '#');
    size_t end = strlen(body->end);

    if (mark && mark[1] == ' ')
        mark = NULL;
    text_add(out, body->start);
    for (unsigned i = 0; out->len + strlen(body->middle) + 8 + end < SIZE; i++) {
        if (mark)
            text_addf(out, "%.*s%u%s", (int)(mark - body->middle), body->middle, i, mark + 1);
        else
            text_add(out, body->middle);
    }
    text_add(out, body->end);
}

static const char schema_text[] =
    "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\",\"additionalProperties\":"
    "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\",\"pattern\":"
    "\"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$\"}}}}";

int main(void)
{
    scoped_arena struct arena *for_ever = arena_new();
    struct err err = {0};
    struct schema *schema =
        schema_compile(for_ever,
                       document_read_json(for_ever, schema_text, sizeof schema_text - 1,
                                          &document_limits_own, &err),
                       NULL, false, &err);
    double worst_ms = 0, worst_ratio = 0;

    printf("%-28s %9s %9s  %s\n", "body of 3 MiB", "CPU ms", "memory", "answer");
    for (size_t i = 0; i < count_of(bodies); i++) {
        scoped_text struct text text = {0};
        struct arena *arena;
        struct node *node;
        double ms, ratio;
        long before;

        make(&bodies[i], &text);
        forget_peak();
        before = status_kb("VmRSS:");
        ms = cpu_ms();
        arena = arena_new();
        err = (struct err){0};
        node =
            bodies[i].yaml
                ? document_read_yaml(arena, text.bytes, text.len, true, &document_limits_api, &err)
                : document_read_json(arena, text.bytes, text.len, &document_limits_api, &err);
        if (node && schema)
            schema_validate(schema, arena, node, node_list(arena));
        ms = cpu_ms() - ms;
        ratio = (double)(status_kb("VmHWM:") - before) / (double)(text.len / 1024);
        arena_free(&arena);
        printf("%-28s %9.1f %8.1fx  %.60s\n", bodies[i].name, ms, ratio, node ? "read" : err.text);
        worst_ms = ms > worst_ms ? ms : worst_ms;
        worst_ratio = ratio > worst_ratio ? ratio : worst_ratio;
    }
    printf("%-28s %9.1f %8.1fx  (goal 100 ms, 8.3x)\n", "worst", worst_ms, worst_ratio);
    return 0;
}
