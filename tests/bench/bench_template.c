/* SPDX-License-Identifier: Apache-2.0 */
/* Prints how fast templates are parsed and run: a profile of six objects, and a
   set as large as a big chart. */
#include "base/file.h"
#include "document/document.h"
#include "sprig/sprig.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define FOLDER "tests/bench/template/"
#define CHART_COPIES 60 /* about 200 kB */

static void read_file(const char *name, struct text *ret)
{
    struct err err = {0};
    size_t len = 0;
    scoped_mem char *bytes = file_read(name, (size_t)1 << 20, &len, &err);

    if (!bytes) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    text_add_bytes(ret, bytes, len);
}

static void die(const struct template_error *error)
{
    fprintf(stderr, "%s\n", error->text);
    exit(1);
}

static void add(struct template_set *set, const char *name, const struct text *text)
{
    static struct template_error error;

    if (template_set_add(set, name, text->bytes, text->len, &error) < 0)
        die(&error);
}

static size_t run(struct template_set *set, const char *name, const struct node *values)
{
    static struct template_error error;
    scoped_text struct text out = {0};

    if (template_run(set, name, values, &out, &error) < 0)
        die(&error);
    return out.len;
}

static void say(const char *what, const char *unit, double per_second)
{
    printf("%-42s %12.0f %s\n", what, per_second, unit);
}

/* Of the processor, so that busy neighbours do not count. */
static double now(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double seconds_since(double start)
{
    return now() - start;
}

static void bench_profile(const struct text *profile, const struct node *values)
{
    scoped_template_set struct template_set *set = template_set_new(&sprig_options_helm);
    double start = now();
    size_t times = 0, bytes = 0;

    for (; seconds_since(start) < 0.3; times++) {
        struct template_set *one = template_set_new(&sprig_options_helm);

        add(one, "profile", profile);
        template_set_free(&one);
    }
    say("template: parse the profile", "a CPU second", (double)times / seconds_since(start));
    add(set, "profile", profile);
    start = now();
    for (times = 0; seconds_since(start) < 0.5; times++)
        bytes = run(set, "profile", values);
    say("template: render the profile (goal 5000)", "a CPU second",
        (double)times / seconds_since(start));
    printf("%-42s %12zu bytes from %zu\n", "template: what comes out", bytes, profile->len);
}

static void bench_chart(const struct text *profile, const struct node *values)
{
    scoped_template_set struct template_set *set = template_set_new(&sprig_options_helm);
    size_t before = mallinfo2().uordblks, times = 0, bytes = 0;
    double start = now();
    char name[64];

    for (int i = 0; i < CHART_COPIES; i++) {
        snprintf(name, sizeof name, "chart/templates/part-%02d.yaml", i);
        add(set, name, profile);
    }
    printf("%-42s %12.2f ms for %zu kB, %zu kB of memory\n", "template: parse a chart",
           seconds_since(start) * 1000, CHART_COPIES * profile->len / 1000,
           (mallinfo2().uordblks - before) / 1000);
    start = now();
    for (; seconds_since(start) < 0.5; times++) {
        bytes = 0;
        for (int i = 0; i < CHART_COPIES; i++) {
            snprintf(name, sizeof name, "chart/templates/part-%02d.yaml", i);
            bytes += run(set, name, values);
        }
    }
    printf("%-42s %12.2f ms for %zu kB of output\n", "template: render a chart",
           seconds_since(start) * 1000 / (double)times, bytes / 1000);
}

int main(void)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text profile = {0}, json = {0};
    const struct node *values;
    struct err err = {0};

    read_file(FOLDER "profile.tpl", &profile);
    read_file(FOLDER "values.json", &json);
    values = document_read_json(arena, json.bytes, json.len, &document_limits_own, &err);
    if (!values) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    bench_profile(&profile, values);
    bench_chart(&profile, values);
    return 0;
}
