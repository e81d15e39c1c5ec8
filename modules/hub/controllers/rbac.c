/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers the rules of aggregated roles, and gives each namespace an account. */
#include "controllers/pass.h"
#include "controllers/table.h"

#include "meta/meta.h"
#include "query/query.h"

#include <string.h>

/* ---- Aggregated ClusterRoles ------------------------------------------------ */

static bool has_rule(const struct node *rules, const struct node *rule)
{
    for (size_t i = 0; i < node_count(rules); i++)
        if (node_same(node_item(rules, i), rule))
            return true;
    return false;
}

static void add_role_rules(struct arena *arena, struct node *rules, const struct node *role)
{
    const struct node *list = node_get(role, "rules");

    for (size_t i = 0; i < node_count(list); i++)
        if (!has_rule(rules, node_item(list, i)))
            node_add(arena, rules, node_item(list, i));
}

/* The rules of every role that a selector of this one chooses, by name. */
static int gather_role_rules(struct reconcile_run *run, const struct node *role, struct node *rules,
                             struct err *err)
{
    const struct node *selectors = node_at(role, "aggregationRule", "clusterRoleSelectors", NULL);
    const struct node *all = reconcile_list(run, KIND_ID_CLUSTER_ROLE, NULL, NULL, NULL);

    for (size_t i = 0; i < node_count(selectors); i++) {
        const struct selector *chooses =
            selector_from_node(run->arena, node_item(selectors, i), err);

        if (!chooses)
            return -1;
        for (size_t j = 0; j < node_count(all); j++) {
            const struct node *one = node_item(all, j);

            if (strcmp(meta_name(one), run->name) != 0 &&
                selector_matches_labels(chooses, node_at(one, "metadata", "labels", NULL)))
                add_role_rules(run->arena, rules, one);
        }
    }
    return 0;
}

static int reconcile_aggregation(struct reconcile_run *run, struct err *err)
{
    struct node *rules = node_list(run->arena), *patch;
    const struct node *rule;
    struct err why = {0};
    struct seen role;

    if (!reconcile_get(run, KIND_ID_CLUSTER_ROLE, "", run->name, &role))
        return 0;
    rule = node_get(role.node, "aggregationRule");
    if (!node_is(rule, NODE_MAP))
        return 0;
    if (gather_role_rules(run, role.node, rules, &why) < 0) {
        reconcile_event(run, &role, true, "InvalidSelector", "%s", why.text);
        return 0;
    }
    if (node_get(role.node, "rules") && node_same(node_get(role.node, "rules"), rules))
        return 0;
    patch = node_map(run->arena);
    node_set(run->arena, patch, "rules", rules);
    return reconcile_patch(run, &role, patch, err);
}

/* Any role may be gathered by any that aggregates; there are few of those. */
struct waking {
    struct controllers *all;
    const struct controller *to;
};

static void wake_aggregated(void *arg, const struct object *object)
{
    struct waking *waking = arg;

    if (memmem(object->body, object->len, "\"aggregationRule\"", 17))
        controllers_wake(waking->all, waking->to, "", object->name);
}

static void map_role(struct controllers *all, const struct controller *to,
                     const struct object *before, const struct object *after)
{
    struct waking waking = {all, to};

    objects_each(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_CLUSTER_ROLE], "",
                 wake_aggregated, &waking);
}

const struct controller controller_aggregation = {
    .name = "clusterrole-aggregation",
    .run = reconcile_aggregation,
    .about = KIND_ID_CLUSTER_ROLE,
    .sources = {{KIND_ID_CLUSTER_ROLE, map_role}},
    .source_count = 1,
};

/* ---- The account "default" of each namespace ---------------------------------- */

static int reconcile_account(struct reconcile_run *run, struct err *err)
{
    struct seen namespace;

    if (!reconcile_get(run, KIND_ID_NAMESPACE, "", run->name, &namespace) ||
        meta_is_deleting(namespace.node) ||
        reconcile_read(run, KIND_ID_ACCOUNT, run->name, "default"))
        return 0;
    return reconcile_ensure(run, reconcile_new(run, KIND_ID_ACCOUNT, run->name, "default"), NULL,
                            err);
}

static void map_account(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    if (!after)
        controllers_wake(all, to, "", before->namespace);
}

const struct controller controller_account = {
    .name = "serviceaccount",
    .run = reconcile_account,
    .about = KIND_ID_NAMESPACE,
    .sources = {{KIND_ID_NAMESPACE, NULL}, {KIND_ID_ACCOUNT, map_account}},
    .source_count = 2,
};
