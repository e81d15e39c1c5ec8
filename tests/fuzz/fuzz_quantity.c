/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds quantities and durations; what is written is read as the same amount. */
#include "query/query.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_again(struct arena *arena, const struct quantity *quantity)
{
    const char *text = quantity_text(arena, quantity);
    struct quantity again, zero;
    struct err err = {0};

    if (quantity_parse(arena, text, &again, &err) < 0) {
        /* A number with very many zeros is longer when it is written out. */
        if (err.code == ERR_BAD_REQUEST)
            return;
        abort();
    }
    /* Binary amounts beyond 64 bits are capped when they are read. */
    if (again.format != QUANTITY_BINARY_SI && quantity_compare(quantity, &again)) {
        fprintf(stderr, "%s is another amount\n", text);
        abort();
    }
    zero = again;
    quantity_subtract(arena, &zero, &again);
    if (quantity_value(&zero) || quantity_milli_value(&zero)) {
        fprintf(stderr, "%s - %s is not 0\n", text, text);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    scoped_arena struct arena *arena = arena_new();
    const char *text = arena_bytes(arena, bytes, size);
    struct quantity quantity;
    char again[DURATION_TEXT], why[NAME_WHY];
    int64_t nanoseconds, same;

    if (!quantity_parse(arena, text, &quantity, NULL)) {
        quantity_value(&quantity);
        quantity_float(&quantity);
        read_again(arena, &quantity);
    }
    if (!duration_parse(text, &nanoseconds, NULL)) {
        duration_format(nanoseconds, again);
        if (duration_parse(again, &same, NULL) || same != nanoseconds) {
            fprintf(stderr, "%s is not %s\n", again, text);
            abort();
        }
    }
    if (!duration_parse_single(text, &nanoseconds, NULL) && nanoseconds < 0)
        abort();
    name_is_qualified(text, why);
    name_is_dns_label(text, why);
    return 0;
}
