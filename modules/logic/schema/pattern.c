/* SPDX-License-Identifier: Apache-2.0 */
/* Matches strings against the patterns of a schema. */
#include "schema/internal.h"

#include "base/map.h"
#include "pattern/pattern.h"

#include <string.h>

/* The largest program of a pattern: it runs once for each string of a request. */
#define MOST_INSTRUCTIONS 2000

static struct pattern *compile_schema_pattern(const char *text, struct err *err)
{
    return pattern_new(text, strlen(text), MOST_INSTRUCTIONS, err);
}

int schema_pattern_check(const char *text, struct err *err)
{
    scoped_pattern struct pattern *pattern = compile_schema_pattern(text, err);

    return pattern ? 0 : -1;
}

bool schema_pattern_matches(struct map **known, const char *text, const struct node *string,
                            struct meter *meter)
{
    struct pattern *pattern;
    struct err err = {0};

    if (!*known)
        *known = map_new();
    pattern = map_get(*known, text);
    /* schema_compile() has refused patterns that do not compile. */
    if (!pattern) {
        pattern = compile_schema_pattern(text, &err);
        if (!pattern)
            return true;
        map_put(*known, text, pattern);
        meter_spend(meter, pattern_size(pattern) * 2 + 4096);
    }
    return pattern_find(pattern, string->string, string->len, 0, NULL, meter);
}

void schema_patterns_free(struct map **known)
{
    struct pattern *pattern;
    size_t at = 0;

    while (*known && (pattern = map_next(*known, &at, NULL)))
        pattern_free(&pattern);
    if (*known)
        map_free(known);
}
