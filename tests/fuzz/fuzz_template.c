/* SPDX-License-Identifier: Apache-2.0 */
/* Parses noise as a template and runs it with a small budget; what parses must
   print, and what was printed must parse again. */
#include "base/meter.h"
#include "sprig/sprig.h"

#include "document/document.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char data[] =
    "{\"a\":1,\"s\":\"hello\",\"l\":[1,\"x\",null,2.5],\"m\":{\"k\":{\"v\":true}},"
    "\"date\":\"2024-02-29\",\"version\":\"1.2.3-rc.1\"}";

static void print_and_parse(struct template_set *set, const struct template_options *options,
                            struct template_error *error)
{
    scoped_template_set struct template_set *again = template_set_new(options);
    scoped_text struct text printed = {0};

    template_set_print(set, "f", &printed);
    /* Text that a marker trimmed may join to a delimiter that was none. */
    if (strstr(text_string(&printed), "{{{"))
        return;
    (void)!template_set_add(again, "f", text_string(&printed), printed.len, error);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct template_options options = sprig_options_helm;
    struct meter meter = {.limit = 1500000};
    scoped_template_set struct template_set *set = NULL;
    static struct template_error error;
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text out = {0};
    struct err err = {0};

    if (size > 4096)
        return 0;
    options.bounds = (struct template_bounds){.output = 1 << 16,
                                              .memory = 8 << 20,
                                              .include = 20,
                                              .tpl = 5,
                                              .depth = 200,
                                              .nesting = 200};
    options.meter = &meter;
    set = template_set_new(&options);
    if (template_set_add(set, "f", (const char *)bytes, size, &error) < 0)
        return 0;
    print_and_parse(set, &options, &error);
    (void)!template_run(
        set, "f", document_read_json(arena, data, sizeof data - 1, &document_limits_own, &err),
        &out, &error);
    /* What comes out was paid for, so it cannot be more than the limit. */
    assert(meter_over(&meter) || out.len <= meter.spent);
    assert(out.len <= meter.limit + (1 << 16));
    return 0;
}
