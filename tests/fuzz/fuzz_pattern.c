/* SPDX-License-Identifier: Apache-2.0 */
/* Reads noise as an expression, up to the first zero, and looks for it in the rest. */
#include "pattern/pattern.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *text = (const char *)bytes;
    const char *end = size ? memchr(bytes, 0, size) : NULL;
    size_t len = end ? (size_t)(end - text) : size;
    struct err err = {0};
    scoped_pattern struct pattern *pattern = NULL;
    ptrdiff_t *at;
    struct meter meter = {.limit = UINT64_MAX};

    if (size > 2000)
        return 0;
    pattern = pattern_new(text, len, 2000, &err);
    if (!pattern)
        return 0;
    at = calloc(pattern_groups(pattern) * 2, sizeof *at);
    if (at && pattern_find(pattern, text + len, size - len, 0, at, &meter))
        assert(at[0] >= 0 && at[0] <= at[1] && (size_t)at[1] <= size - len);
    assert(pattern_size(pattern) <= (size_t)8 << 20);
    assert(meter.spent <= (size - len + 2) * 6100 * (24 + pattern_groups(pattern)));
    free(at);
    return 0;
}
