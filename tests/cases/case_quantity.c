/* SPDX-License-Identifier: Apache-2.0 */
/* Resource quantities: read, written, as numbers, and summed up. */
#include "cases.h"

#include "query/query.h"

#include <string.h>

static const char *const formats[] = {
    [QUANTITY_DECIMAL_SI] = "DecimalSI",
    [QUANTITY_BINARY_SI] = "BinarySI",
    [QUANTITY_DECIMAL_EXPONENT] = "DecimalExponent",
};

/* The file's answer is everything but the question; "float" is one even where
   it is written without a point. */
static void expect_rest(struct case_run *run)
{
    const struct node *number = node_get(run->one, "float");

    run->expected = node_share(run->arena, run->one);
    node_remove(run->expected, "in");
    if (node_is(number, NODE_INT))
        node_set(run->arena, run->expected, "float",
                 node_float(run->arena, (double)number->integer));
    run->got = node_map(run->arena);
}

static void run_parse(struct case_run *run)
{
    struct quantity quantity;
    struct err err = {0};

    expect_rest(run);
    if (quantity_parse(run->arena, node_get_text(run->one, "in"), &quantity, &err) < 0) {
        node_set_text(run->arena, run->got, "error", err.text);
        return;
    }
    node_set_text(run->arena, run->got, "canonical", quantity_text(run->arena, &quantity));
    node_set(run->arena, run->got, "float", node_float(run->arena, quantity_float(&quantity)));
    node_set_text(run->arena, run->got, "format", formats[quantity.format]);
    node_set_int(run->arena, run->got, "value", quantity_value(&quantity));
    node_set_int(run->arena, run->got, "milliValue", quantity_milli_value(&quantity));
}

static void run_sum(struct case_run *run)
{
    const struct node *list = node_get(run->one, "in");
    struct quantity sum = {0}, next;
    struct err err = {0};

    expect_rest(run);
    for (size_t i = 0; i < node_count(list); i++) {
        if (quantity_parse(run->arena, node_text(node_item(list, i)), &next, &err) < 0) {
            node_set_text(run->arena, run->got, "error", err.text);
            return;
        }
        quantity_add(run->arena, &sum, &next);
    }
    node_set_text(run->arena, run->got, "canonical", quantity_text(run->arena, &sum));
    node_set(run->arena, run->got, "float", node_float(run->arena, quantity_float(&sum)));
}

CASE_ROW(quantity_parse, "quantity", "parse", NULL, run_parse)
CASE_ROW(quantity_sum, "quantity", "sum", NULL, run_sum)
