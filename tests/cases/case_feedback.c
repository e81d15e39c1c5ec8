/* SPDX-License-Identifier: Apache-2.0 */
/* Status feedback, as OCM's reader finds it by JSONPath. */
#include "cases.h"

#include "work/work.h"

static void run_feedback(struct case_run *run)
{
    const struct node *object = node_get(run->one, "object");
    const struct node *observed = node_get(run->one, "observed");
    struct err err = {0};

    if (node_is(object, NODE_STRING))
        object = node_get(run->file, object->string);
    run->expected = node_map(run->arena);
    run->got = node_map(run->arena);
    node_set(run->arena, run->expected, "values", node_get(observed, "values"));
    node_set_bool(run->arena, run->expected, "error",
                  node_is(node_get(observed, "error"), NODE_STRING));
    node_set(run->arena, run->got, "values",
             work_feedback(run->arena, object, node_get(run->one, "rule"),
                           node_get_bool(run->one, "rawFeedbackJsonString", false), WORK_RAW_LIMIT,
                           &err));
    node_set_bool(run->arena, run->got, "error", err.code != ERR_NONE);
}
CASE_ROW(feedback, "feedback", "cases", NULL, run_feedback)
