/* SPDX-License-Identifier: Apache-2.0 */
/* Judges what spokes write of themselves: their status and their leases. */
#include "controllers/joining.h"
#include "controllers/rules.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "meta/meta.h"
#include "query/query.h"

#include <string.h>

#define STOPPED "ManagedClusterLeaseUpdateStopped"
#define MOST_CONDITIONS 32
#define MOST_CLAIMS 256
#define MOST_RESOURCES 64
#define MOST_NAMESPACES 256
#define CLAIM_NAME 253
#define CLAIM_VALUE 1024
#define VERSION_BYTES 64

static bool is_spoke_write(const struct objects_review *review)
{
    const struct auth_user *user = review->who->identity;

    return !review->who->trusted && user && user->role == AUTH_SPOKE;
}

/* ---- The status of its cluster -------------------------------------------------- */

static int refuse_spoke_write(const struct objects_review *review, const char *field,
                              const char *why, struct err *err)
{
    return err_set(err, ERR_INVALID, "%s%s%s \"%s\" is invalid: status.%s: %s", review->kind->kind,
                   *review->kind->group ? "." : "", review->kind->group, review->name, field, why);
}

static int check_count(const struct objects_review *review, const char *field,
                       const struct node *list, size_t most, struct err *err)
{
    if (node_count(list) <= most)
        return 0;
    return refuse_spoke_write(review, field,
                              arena_printf(review->arena,
                                           "Too many: %zu: must have at most %zu "
                                           "items",
                                           node_count(list), most),
                              err);
}

static int check_amounts(const struct objects_review *review, const char *field,
                         const struct node *amounts, struct err *err)
{
    if (check_count(review, field, amounts, MOST_RESOURCES, err) < 0)
        return -1;
    node_each(one, amounts)
    {
        struct quantity amount;
        struct err why = {0};

        if (quantity_from_node(review->arena, one->value, &amount, &why) == 0 &&
            quantity_float(&amount) >= 0)
            continue;
        return refuse_spoke_write(
            review, arena_printf(review->arena, "%s[%.100s]", field, one->key),
            arena_printf(review->arena,
                         "Invalid value: \"%.100s\": must be a quantity that is not negative",
                         node_text(one->value)),
            err);
    }
    return 0;
}

static int check_claims(const struct objects_review *review, const struct node *claims,
                        struct err *err)
{
    if (check_count(review, "clusterClaims", claims, MOST_CLAIMS, err) < 0)
        return -1;
    for (size_t i = 0; i < node_count(claims); i++) {
        const struct node *claim = node_item(claims, i);
        const char *name = node_get_text(claim, "name");

        if (!*name || strlen(name) > CLAIM_NAME)
            return refuse_spoke_write(review,
                                      arena_printf(review->arena, "clusterClaims[%zu].name", i),
                                      "Invalid value: a claim's name has 1 to 253 bytes", err);
        if (strlen(node_get_text(claim, "value")) > CLAIM_VALUE)
            return refuse_spoke_write(review,
                                      arena_printf(review->arena, "clusterClaims[%zu].value", i),
                                      "Too long: may not be more than 1024 bytes", err);
    }
    return 0;
}

/* What the hub says of a cluster, and nobody else. */
static bool is_hub_condition(const char *type)
{
    static const char *const types[] = {META_CONDITION_CLUSTER_ACCEPTED, "HubDeniedManagedCluster",
                                        "Deleting"};

    for (size_t i = 0; i < count_of(types); i++)
        if (!strcmp(type, types[i]))
            return true;
    return false;
}

/* A spoke sends the whole list, as it read it: of that the hub's own stay as they
   are now. */
static void keep_hubs(const struct objects_review *review, struct node *status)
{
    const struct node *old = meta_conditions(review->before);
    const struct node *sent = node_get(status, "conditions");
    struct node *list = node_list(review->arena);

    for (size_t i = 0; i < node_count(old); i++)
        if (is_hub_condition(node_get_text(node_item(old, i), "type")))
            node_add(review->arena, list, node_item(old, i));
    for (size_t i = 0; i < node_count(sent); i++)
        if (!is_hub_condition(node_get_text(node_item(sent, i), "type")))
            node_add(review->arena, list, node_item(sent, i));
    if (node_count(list) || sent)
        node_set(review->arena, status, "conditions", list);
}

/* That a spoke is silent is noticed by the hub; a spoke that says so is not. */
static int check_available(const struct objects_review *review, const struct node *status,
                           struct err *err)
{
    const struct node *old = meta_condition(review->before, META_CONDITION_CLUSTER_AVAILABLE);
    const struct node *now =
        meta_condition_find(node_get(status, "conditions"), META_CONDITION_CLUSTER_AVAILABLE);
    const char *says = node_get_text(now, "status");

    if (!now || (old && node_same(old, now)))
        return 0;
    if ((!strcmp(says, "True") || !strcmp(says, "False")) &&
        strcmp(node_get_text(now, "reason"), STOPPED) != 0)
        return 0;
    return refuse_spoke_write(
        review, "conditions[" META_CONDITION_CLUSTER_AVAILABLE "]",
        "Forbidden: a spoke may set True or False; only the hub sets Unknown, when the spoke is "
        "silent",
        err);
}

static bool asks_to_leave(const struct node *cluster)
{
    const struct node *list = meta_conditions(cluster);

    return !strcmp(
        node_get_text(meta_condition_find(list, META_CONDITION_LEAVE_REQUESTED), "status"), "True");
}

/* It ends in the deletion of the cluster, for which others need the right to delete. */
static int check_leaving(const struct objects_review *review, struct err *err)
{
    const struct auth_user *user = review->who->identity;

    if (review->who->trusted || !user || user->role == AUTH_SPOKE ||
        !asks_to_leave(review->after) || asks_to_leave(review->before))
        return 0;
    return refuse_spoke_write(
        review, "conditions[" META_CONDITION_LEAVE_REQUESTED "]",
        "Forbidden: only the spoke itself may request to leave; others delete the ManagedCluster "
        "(axle remove spoke)",
        err);
}

static int before_cluster_status(void *arg, const struct objects_review *review, struct err *err)
{
    struct node *status = node_get(review->after, "status");

    (void)arg;
    if (review->after && check_leaving(review, err) < 0)
        return -1;
    if (!is_spoke_write(review) || !node_is(status, NODE_MAP))
        return 0;
    keep_hubs(review, status);
    if (check_available(review, status, err) < 0 ||
        check_count(review, "conditions", node_get(status, "conditions"), MOST_CONDITIONS, err) <
            0 ||
        check_count(review, "managedNamespaces", node_get(status, "managedNamespaces"),
                    MOST_NAMESPACES, err) < 0 ||
        check_amounts(review, "capacity", node_get(status, "capacity"), err) < 0 ||
        check_amounts(review, "allocatable", node_get(status, "allocatable"), err) < 0)
        return -1;
    if (strlen(node_get_text(node_get(status, "version"), "kubernetes")) > VERSION_BYTES)
        return refuse_spoke_write(review, "version.kubernetes",
                                  "Too long: may not be more than 64 bytes", err);
    return check_claims(review, node_get(status, "clusterClaims"), err);
}

/* ---- Its works --------------------------------------------------------------------- */

/* A rollout's deadline counts from a condition's last transition, so a spoke does not
   move that while the condition says the same. */
static int before_work_status(void *arg, const struct objects_review *review, struct err *err)
{
    const struct node *old = meta_conditions(review->before);
    const struct node *now = meta_conditions(review->after);

    (void)arg;
    (void)err;
    if (!is_spoke_write(review))
        return 0;
    for (size_t i = 0; i < node_count(now); i++) {
        struct node *one = node_item(now, i);
        const struct node *was = meta_condition_find(old, node_get_text(one, "type"));
        const char *since = node_get_text(was, "lastTransitionTime");

        if (*since && !strcmp(node_get_text(was, "status"), node_get_text(one, "status")))
            node_set_text(review->arena, one, "lastTransitionTime", since);
    }
    return 0;
}

/* ---- Its lease -------------------------------------------------------------------- */

/* A lease counts from when it was renewed, by the clock that judges it: a spoke's may be
   wrong by hours, either way, and the spoke is there all the same. (Which fields of
   it a spoke may change is `auth`'s to say.) */
static int before_lease(void *arg, const struct objects_review *review, struct err *err)
{
    struct node *spec = node_get(review->after, "spec");
    int64_t renewed = 0, now = clock_wall();
    char time[CLOCK_TEXT];

    (void)arg;
    (void)err;
    if (!review->after || !is_spoke_write(review) ||
        !clock_parse(node_get_text(spec, "renewTime"), &renewed) ||
        !strcmp(node_get_text(spec, "renewTime"),
                node_get_text(node_get(review->before, "spec"), "renewTime")))
        return 0;
    clock_format(now, true, time);
    node_set_text(review->arena, spec, "renewTime", time);
    return 0;
}

void spoke_write_rules(struct controllers *all)
{
    objects_rule(all->objects, all->kinds[KIND_ID_CLUSTER], "status", before_cluster_status, all);
    objects_rule(all->objects, all->kinds[KIND_ID_WORK], "status", before_work_status, all);
    objects_rule(all->objects, all->kinds[KIND_ID_LEASE], "", before_lease, all);
}
