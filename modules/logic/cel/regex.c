/* SPDX-License-Identifier: Apache-2.0 */
/* matches(), find() and findAll(). */
#include "cel/internal.h"

#include "pattern/pattern.h"

#include <string.h>

#define MOST_INSTRUCTIONS 4096

/* cel-go's price of one search: a tenth of the text's bytes times a quarter of
   the expression's bytes. */
static int pay_for(struct cel_run *run, size_t len, const struct cel_value *expression)
{
    return cel_pay(run, (len / 10 + 1) * (expression->len / 4 + 1));
}

/*
 * cel-go's price depends on the length of an expression, not on its program:
 * `a{999}` is six bytes long. Therefore the work itself is charged too; the
 * default cost limit stands for METER_ANSWER units of base/meter.h.
 */
#define UNITS_A_COST (METER_ANSWER / CEL_COST_LIMIT)

/* A meter that stops a search when the rest of the cost is used up. It saturates,
   because a caller may set a very high limit. */
static struct meter meter_of(const struct cel_run *run)
{
    uint64_t left = run->cost < run->limit ? run->limit - run->cost : 0;

    return (struct meter){.limit =
                              left < UINT64_MAX / UNITS_A_COST ? left * UNITS_A_COST : UINT64_MAX};
}

static int pay_meter(struct cel_run *run, const struct meter *meter)
{
    return cel_pay(run, meter_over(meter) ? UINT64_MAX : meter->spent / UNITS_A_COST);
}

/* Returns 1 if found, 0 if not, -1 over the cost limit. */
static int search_pattern(struct cel_run *run, const struct pattern *pattern,
                          const struct cel_value *text, size_t from, ptrdiff_t *at)
{
    struct meter meter = meter_of(run);
    bool found = pattern_find(pattern, text->bytes, text->len, from, at, &meter);

    return pay_meter(run, &meter) < 0 ? -1 : found;
}

/* Also charges for compiling; a text that is no expression costs as much as a
   program of 2,048 instructions, so that failing is not free. */
static struct pattern *compile_pattern(struct cel_run *run, const struct cel_value *args)
{
    struct pattern *pattern;
    struct meter meter = {.limit = UINT64_MAX};
    struct err err = {0};

    if (cel_pay(run, args[1].len) < 0 || pay_for(run, args[0].len, &args[1]) < 0)
        return NULL;
    pattern = pattern_new(args[1].bytes, args[1].len, MOST_INSTRUCTIONS, &err);
    if (!pattern)
        cel_fail(run, "%s", err.text);
    meter_spend(&meter, pattern ? pattern_size(pattern) * 2 : 4096);
    if (pay_meter(run, &meter) < 0)
        pattern_free(&pattern);
    return pattern;
}

#define FN(name)                                                                                   \
    static int name(struct cel_run *run, const struct cel_value *args, size_t count,               \
                    struct cel_value *ret)

FN(fn_matches)
{
    scoped_pattern struct pattern *pattern = compile_pattern(run, args);
    int found = pattern ? search_pattern(run, pattern, &args[0], 0, NULL) : -1;

    *ret = cel_bool(found > 0);
    return found < 0 ? -1 : 0;
}

static ptrdiff_t *room_for(struct cel_run *run, const struct pattern *pattern)
{
    return arena_alloc(run->arena, pattern_groups(pattern) * 2 * sizeof(ptrdiff_t));
}

FN(fn_find)
{
    scoped_pattern struct pattern *pattern = compile_pattern(run, args);
    ptrdiff_t *at;
    int found;

    if (!pattern)
        return -1;
    at = room_for(run, pattern);
    found = search_pattern(run, pattern, &args[0], 0, at);
    if (found < 0)
        return -1;
    if (found)
        *ret = cel_string(run->arena, args[0].bytes + at[0], (size_t)(at[1] - at[0]));
    else
        *ret = cel_string(run->arena, "", 0);
    return 0;
}

FN(fn_find_all)
{
    int64_t most = count == 3 ? args[2].integer : -1;
    size_t from = 0, len = 0;
    ptrdiff_t *at;
    scoped_pattern struct pattern *pattern = NULL;
    struct cel_value *items;
    int found = 0, state = cel_pay_bytes(run, args[0].len * 8);

    if (state < 0)
        return -1;
    pattern = compile_pattern(run, args);
    if (!pattern)
        return -1;
    items = arena_alloc(run->arena, (args[0].len + 2) * sizeof *items);
    at = room_for(run, pattern);
    while (state == 0 && from <= args[0].len && (int64_t)len != most &&
           (found = search_pattern(run, pattern, &args[0], from, at)) > 0) {
        size_t start = (size_t)at[0], end = (size_t)at[1];

        items[len++] = cel_string(run->arena, args[0].bytes + start, end - start);
        state = pay_for(run, end - from, &args[1]);
        /* A match of length 0 advances by one byte, so that the loop ends. */
        from = end > start ? end : end + 1;
    }
    *ret = cel_list_of(run->arena, items, len);
    return found < 0 ? -1 : state;
}

static const struct cel_overload rows[] = {
    {"matches", "s.s", 'b', fn_matches},   {"matches", "ss", 'b', fn_matches},
    {"find", "s.s", 's', fn_find},         {"findAll", "s.s", 'l', fn_find_all},
    {"findAll", "s.si", 'l', fn_find_all},
};
const struct cel_table cel_regex = {rows, count_of(rows)};
