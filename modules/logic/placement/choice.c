/* SPDX-License-Identifier: Apache-2.0 */
/* What every stage of a decision uses: complaints about the objects, and selectors. */
#include "placement/world.h"

#include <stdarg.h>

int choice_complain(struct choice *choice, enum placement_outcome outcome, const char *plugin,
                    const char *format, ...)
{
    struct placement_result *result = choice->result;
    va_list args;

    if (outcome == PLACEMENT_WARNED && result->outcome == PLACEMENT_WARNED)
        return -1;
    result->outcome = outcome;
    result->plugin = plugin;
    va_start(args, format);
    result->message = arena_vprintf(choice->arena, format, args);
    va_end(args);
    return -1;
}

int choice_selector(struct choice *choice, const struct node *node, struct selector **ret,
                    struct err *err)
{
    *ret = NULL;
    if (!node_count(node_get(node, "matchLabels")) &&
        !node_count(node_get(node, "matchExpressions")))
        return 0;
    *ret = selector_from_node(choice->arena, node, err);
    return *ret ? 0 : -1;
}
