/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what hostile templates cost, in units and by the clock: a unit of
   base/meter.h must not be dearer than METER_ANSWER units are 250 ms. */
#include "base/meter.h"
#include "document/document.h"
#include "template/template.h"
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
    printf("%-40s %9s %10s %8s\n", "a hostile template", "ms of CPU", "units/1000",
           "ns/unit");
    for (size_t i = 0; i < count_of(hostile_templates); i++) {
        struct meter meter = {.limit = METER_ANSWER};
        struct template_options options = template_options_helm;
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
        printf("%-40s %9.1f %10.0f %8.2f%s %s\n", hostile_templates[i].name, took,
               spent / 1e3, took * 1e6 / spent, took > 250 ? " OVER" : "",
               rc < 0 ? strlen(error.text) > 200 ? "" : error.text : "(ends)");
    }
    printf("%-40s %9.1f\n", "the worst", worst);
    return 0;
}
