/* SPDX-License-Identifier: Apache-2.0 */
/* What sigs.k8s.io/yaml makes of a text, read loosely and strictly. */
#include "cases.h"

#include "base/text.h"

#include <string.h>

/* The answer as a tree, since members are sorted there and `<>&` escaped. */
static void expect_one(struct case_run *run, const char *json_key,
                       const char *error_key, const char *name)
{
    const struct node *json = node_get(run->one, json_key);
    struct node *tree = NULL;

    if (json)
        tree = document_read_json(run->arena, json->string, json->len,
                                  &document_limits_own, NULL);
    if (tree)
        node_set(run->arena, run->expected, name, tree);
    else
        node_set_bool(run->arena, run->expected, name,
                      !node_get(run->one, error_key));
}

static void answer_one(struct case_run *run, bool strict, const char *name)
{
    const struct node *yaml = node_get(run->one, "yaml");
    struct err err = {0};
    struct node *tree =
        document_read_yaml(run->arena, node_text(yaml), yaml ? yaml->len : 0,
                           strict, &document_limits_own, &err);

    if (tree)
        node_set(run->arena, run->got, name, tree);
    else
        node_set_bool(run->arena, run->got, name, false);
}

static void run_yaml(struct case_run *run)
{
    run->expected = node_map(run->arena);
    run->got = node_map(run->arena);
    expect_one(run, "json", "error", "loose");
    answer_one(run, false, "loose");
    expect_one(run, "strict_json", "strict_error", "strict");
    answer_one(run, true, "strict");
}

CASE_ROW(yaml, "yaml", "cases", NULL, run_yaml)
