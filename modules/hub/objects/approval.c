/* SPDX-License-Identifier: Apache-2.0 */
/* Judges the conditions of certificate requests as kube-apiserver does. */

#include "objects/rules.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "schema/schema.h"

#include <string.h>

/* Condition types that are decisions: no update removes one, and the first two may be
   added only through the subresource `approval`. */
static const char *const decisions[] = {"Approved", "Denied", "Failed"};

static bool is_decision(const char *type, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(decisions[i], type))
            return true;
    return false;
}

bool approval_is_csr(const struct kind *kind)
{
    return !strcmp(kind->resource, "certificatesigningrequests." META_GROUP_CERTIFICATES);
}

void approval_stamp(struct arena *arena, struct node *object, const struct node *before)
{
    const struct node *list = meta_conditions(object);
    char now[CLOCK_TEXT];

    clock_format(clock_wall(), false, now);
    for (size_t i = 0; i < node_count(list); i++) {
        struct node *one = node_item(list, i);
        const struct node *old = meta_condition(before, node_get_text(one, "type"));
        const char *since = node_get_text(old, "lastTransitionTime");

        if (!node_is(one, NODE_MAP))
            continue;
        if (!*node_get_text(one, "lastUpdateTime"))
            node_set_text(arena, one, "lastUpdateTime", now);
        if (!*node_get_text(one, "lastTransitionTime"))
            node_set_text(
                arena, one, "lastTransitionTime",
                *since && !strcmp(node_get_text(old, "status"), node_get_text(one, "status"))
                    ? since
                    : now);
    }
}

static void check_decision(struct arena *arena, const struct node *condition, size_t index,
                           struct node *causes)
{
    const char *type = node_get_text(condition, "type");
    const char *status = node_get_text(condition, "status");

    if (is_decision(type, count_of(decisions)) && *status && strcmp(status, "True"))
        schema_add_cause(arena, causes, "FieldValueNotSupported",
                         arena_printf(arena, "status.conditions[%zu].status", index),
                         node_string(arena, status), "supported values: \"True\"");
}

static void check_exclusive(struct arena *arena, const struct node *object, struct node *causes)
{
    const struct node *list = meta_conditions(object);

    if (!meta_condition(object, "Approved") || !meta_condition(object, "Denied"))
        return;
    for (size_t i = node_count(list); i > 0; i--) {
        const struct node *type = node_get(node_item(list, i - 1), "type");

        if (!is_decision(node_text(type), 2))
            continue;
        schema_add_cause(arena, causes, "FieldValueInvalid",
                         arena_printf(arena, "status.conditions[%zu].type", i - 1), type,
                         "Approved and Denied conditions are mutually exclusive");
        return;
    }
}

void approval_check(struct arena *arena, const struct node *object, const struct node *before,
                    bool may_decide, struct node *causes)
{
    const struct node *list = meta_conditions(object);

    for (size_t i = 0; i < node_count(list); i++)
        check_decision(arena, node_item(list, i), i, causes);
    check_exclusive(arena, object, causes);
    for (size_t i = 0; i < count_of(decisions); i++) {
        bool was = meta_condition(before, decisions[i]);
        bool is = meta_condition(object, decisions[i]);

        if (was && !is)
            schema_add_cause(arena, causes, "FieldValueForbidden", "status.conditions", NULL,
                             "updates may not remove a condition of type \"%s\"", decisions[i]);
        if (!was && is && i < 2 && !may_decide)
            schema_add_cause(arena, causes, "FieldValueForbidden", "status.conditions", NULL,
                             "updates may not add a condition of type \"%s\"", decisions[i]);
    }
}
