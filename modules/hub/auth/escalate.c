/* SPDX-License-Identifier: Apache-2.0 */
/* Prevents privilege escalation: a user can grant only rights that the user has. */
#include "auth/internal.h"

#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "objects/objects.h"

#include <string.h>

/* The user of one write of a role or binding. */
struct grantor {
    const struct auth *auth;
    const struct auth_user *user;
    const struct kind *kind;
    struct arena *arena;
    const char *namespace, *name;
};

/* A write without a user has no rights here; it does not count as the hub's own. */
static struct grantor grantor_of(const struct auth *auth, const struct objects_review *review)
{
    static const char *const none[] = {NULL};
    static const struct auth_user nobody = {
        .name = "", .uid = "", .groups = none, .cluster = "", .token = ""};
    const struct node *metadata = node_get(review->after, "metadata");

    return (struct grantor){.auth = auth,
                            .kind = review->kind,
                            .arena = review->arena,
                            .user = review->who->identity ? review->who->identity : &nobody,
                            .namespace = node_get_text(metadata, "namespace"),
                            .name = node_get_text(metadata, "name")};
}

static bool grantor_may(const struct grantor *by, const char *verb, const char *resource,
                        const char *name)
{
    struct auth_request request = {.verb = verb,
                                   .group = META_GROUP_RBAC,
                                   .resource = resource,
                                   .subresource = "",
                                   .namespace = by->namespace,
                                   .name = name};

    return auth_may(by->auth, by->user, &request, NULL);
}

static char *groups_text(const struct grantor *by)
{
    scoped_text struct text out = {0};

    for (size_t i = 0; by->user->groups[i]; i++)
        text_addf(&out, "%s\"%s\"", i ? " " : "", by->user->groups[i]);
    return arena_string(by->arena, text_string(&out));
}

/* The user's rules in the namespace must cover these rules. */
static int check_cover(const struct grantor *by, const struct node *list, struct err *err)
{
    struct rules own = roles_of(by->auth->roles, by->user, by->namespace, by->arena);
    struct rules wanted = rules_read(by->arena, list);
    scoped_text struct text missing = {0};

    if (rules_cover(by->arena, &own, &wanted, &missing))
        return 0;
    return err_set(err, ERR_FORBIDDEN,
                   "%s \"%s\" is forbidden: user \"%s\" (groups=[%s]) is "
                   "attempting to grant RBAC permissions not currently held:\n%s",
                   by->kind->resource, by->name, by->user->name, groups_text(by),
                   text_string(&missing));
}

/* An aggregated role collects any rules, so creating one needs all rights. */
static int check_aggregation(const struct grantor *by, const struct node *before,
                             const struct node *after, struct err *err)
{
    struct rules own = roles_of(by->auth->roles, by->user, "", by->arena);
    static const char *const star[] = {"*", NULL};
    struct words all = {star, 1};
    struct rule every[] = {{.verbs = all, .groups = all, .resources = all},
                           {.verbs = all, .urls = all}};
    struct rules wanted = {every, count_of(every)};
    scoped_text struct text missing = {0};
    const struct node *wish = node_get(after, "aggregationRule");

    if (!wish || node_same(node_get(before, "aggregationRule"), wish))
        return 0;
    if (rules_cover(by->arena, &own, &wanted, &missing))
        return 0;
    return err_set(err, ERR_FORBIDDEN,
                   "%s \"%s\" is forbidden: must have cluster-admin privileges "
                   "to use an aggregationRule",
                   by->kind->resource, by->name);
}

static int check_role_grant(const struct grantor *by, const struct node *before,
                            const struct node *after, struct err *err)
{
    const struct node *rules = node_get(after, "rules");

    if (grantor_may(by, "escalate", by->kind->plural, by->name))
        return 0;
    if (check_aggregation(by, before, after, err) < 0)
        return -1;
    if (before && node_same(node_get(before, "rules"), rules))
        return 0;
    return check_cover(by, rules, err);
}

/*
 * Only an administrator may bind the system's users and groups. A project's admin may bind
 * named people and the ServiceAccounts of a namespace.
 */
static int check_bound_subjects(const struct grantor *by, const struct node *after, struct err *err)
{
    static const char accounts[] = "system:serviceaccounts:";
    const struct node *subjects = node_get(after, "subjects");

    for (size_t i = 0; i < node_count(subjects); i++) {
        const struct node *subject = node_item(subjects, i);
        const char *name = node_get_text(subject, "name");

        if (!strcmp(node_get_text(subject, "kind"), "ServiceAccount") ||
            !text_starts(name, "system:") || text_starts(name, ACCOUNT_USER) ||
            (text_starts(name, accounts) && name[strlen(accounts)]))
            continue;
        return err_set(err, ERR_FORBIDDEN,
                       "%s \"%s\" is forbidden: subjects[%zu].name: \"%.100s\" may be bound by "
                       "administrators only; use users, groups of your own or ServiceAccounts",
                       by->kind->resource, by->name, i, name);
    }
    return 0;
}

static int check_binding_grant(const struct grantor *by, const struct node *before,
                               const struct node *after, struct err *err)
{
    struct objects *objects = by->auth->settings.objects;
    const struct node *role = node_get(after, "roleRef");
    const char *name = node_get_text(role, "name");
    bool local = strcmp(node_get_text(role, "kind"), "Role") == 0;
    const char *plural = local ? "roles" : "clusterroles";
    scoped_object struct object *found = NULL;

    if (before && node_same(node_get(before, "subjects"), node_get(after, "subjects")))
        return 0;
    if (check_bound_subjects(by, after, err) < 0)
        return -1;
    if (!*name || grantor_may(by, "bind", plural, name))
        return 0; /* invalid without a name; validation reports that */
    found = objects_get(objects, OBJECTS_STAGED,
                        kinds_find(objects_kinds(objects), META_GROUP_RBAC, plural),
                        local ? by->namespace : "", name, err);
    if (!found)
        return -1;
    return check_cover(by, node_get(object_read(by->arena, found), "rules"), err);
}

/* ---- Members of projects and tenants are bindings by another name ------------ */

static int check_member_list(const struct grantor *by, const struct node *before,
                             const struct node *after, const char *list, const char *role,
                             struct err *err)
{
    struct objects *objects = by->auth->settings.objects;
    const struct node *was = node_at(before, "spec", list, NULL);
    const struct node *now = node_at(after, "spec", list, NULL);
    scoped_object struct object *found = NULL;

    if (!node_count(now) || node_same(was, now) || grantor_may(by, "bind", "clusterroles", role))
        return 0;
    found = objects_get(objects, OBJECTS_STAGED,
                        kinds_find(objects_kinds(objects), META_GROUP_RBAC, "clusterroles"), "",
                        role, err);
    if (!found)
        return -1;
    return check_cover(by, node_get(object_read(by->arena, found), "rules"), err);
}

static int check_lists(const struct grantor *by, const struct node *before,
                       const struct node *after, struct err *err)
{
    static const char *const ranks[][2] = {
        {"viewers", "view"}, {"editors", "edit"}, {"admins", "admin"}};

    for (size_t i = 0; i < count_of(ranks); i++)
        if (check_member_list(by, before, after, ranks[i][0], ranks[i][1], err) < 0)
            return -1;
    return 0;
}

/* The admins of a Tenant are also admins of each of its projects. */
struct tenant_projects {
    const struct grantor *by;
    const struct node *before, *after;
    struct err *err;
    bool refused;
};

static void check_project_of(void *arg, const struct object *object)
{
    struct tenant_projects *all = arg;
    struct grantor by = *all->by;
    const struct node *project;

    if (all->refused || !memmem(object->body, object->len, by.name, strlen(by.name)))
        return;
    project = object_read(by.arena, object);
    by.namespace = object->name;
    if (strcmp(node_get_text(node_get(project, "spec"), "tenant"), by.name) == 0 &&
        check_member_list(&by, all->before, all->after, "admins", "admin", all->err) < 0)
        all->refused = true;
}

static int check_tenant_admins(const struct grantor *by, const struct node *before,
                               const struct node *after, struct err *err)
{
    struct objects *objects = by->auth->settings.objects;
    struct tenant_projects all = {by, before, after, err, false};

    objects_each(objects, OBJECTS_STAGED,
                 kinds_find(objects_kinds(objects), META_GROUP_AXLE, "projects"), "",
                 check_project_of, &all);
    return all.refused ? -1 : 0;
}

static bool same_field(const struct node *before, const struct node *after, const char *field)
{
    return node_same(node_at(before, "spec", field, NULL), node_at(after, "spec", field, NULL));
}

/*
 * A Project has the rights of its Tenant, and its rights on spokes affect others too. So
 * creating a Project, or changing these fields, needs the right to change the Tenant.
 */
static int check_tenant_of(const struct grantor *by, const struct node *before,
                           const struct node *after, struct err *err)
{
    static const char *const fields[] = {"tenant", "targetNamespaces", "sharedTargetNamespaces",
                                         "clusterScopedKinds", "limits"};
    struct auth_request request = {.verb = "update",
                                   .group = META_GROUP_AXLE,
                                   .resource = "tenants",
                                   .subresource = "",
                                   .namespace = "",
                                   .name = node_get_text(node_get(after, "spec"), "tenant")};
    const char *changed = NULL;

    for (size_t i = 0; i < count_of(fields) && !changed; i++)
        if (!same_field(before, after, fields[i]))
            changed = fields[i];
    if (!changed || auth_may(by->auth, by->user, &request, NULL))
        return 0;
    return err_set(
        err, ERR_FORBIDDEN,
        "%s \"%s\" is forbidden: spec.%s: user \"%s\" may not update the Tenant \"%s\", which is "
        "needed for this",
        by->kind->resource, by->name, changed, by->user->name, request.name);
}

static int before_members(void *arg, const struct objects_review *review, struct err *err)
{
    const struct node *before = review->before;
    struct grantor by = grantor_of(arg, review);
    struct node *after = review->after;
    bool project = strcmp(review->kind->plural, "projects") == 0;

    if (!after || review->who->trusted || by.user->role == AUTH_ADMIN)
        return 0;
    by.namespace = project ? by.name : arena_printf(review->arena, "tenant-%s", by.name);
    if (check_lists(&by, before, after, err) < 0)
        return -1;
    return project ? check_tenant_of(&by, before, after, err)
                   : check_tenant_admins(&by, before, after, err);
}

/* ---- Whose a namespace is --------------------------------------------------------- */

static const struct node *label_of(const struct node *object, const char *name)
{
    return node_get(node_at(object, "metadata", "labels", NULL), name);
}

/*
 * These labels say who owns a namespace: a spoke's rights in it and what a Project adopts
 * or deletes depend on them. So writing them needs the right to change the Tenant.
 */
static int before_namespace(void *arg, const struct objects_review *review, struct err *err)
{
    static const char *const labels[] = {META_LABEL_OWNER_KIND, META_LABEL_OWNER,
                                         META_LABEL_TENANT};
    const struct auth_request request = {.verb = "update",
                                         .group = META_GROUP_AXLE,
                                         .resource = "tenants",
                                         .subresource = "",
                                         .namespace = "",
                                         .name = ""};
    struct grantor by = grantor_of(arg, review);

    if (!review->after || review->who->trusted || by.user->role == AUTH_ADMIN)
        return 0;
    for (size_t i = 0; i < count_of(labels); i++) {
        const struct node *was = label_of(review->before, labels[i]);
        const struct node *now = label_of(review->after, labels[i]);

        if (node_same(was, now) || auth_may(by.auth, by.user, &request, NULL))
            continue;
        return err_set(
            err, ERR_FORBIDDEN,
            "namespaces \"%s\" is forbidden: metadata.labels[%s]: names the owner of the "
            "namespace: user \"%s\" may not update tenants.axle.dev, which is needed to write it",
            by.name, labels[i], by.user->name);
    }
    return 0;
}

/* ---- Rules --------------------------------------------------------------------- */

static int check_role_write(void *arg, const struct objects_review *review, struct err *err)
{
    const struct node *before = review->before;
    struct grantor by = grantor_of(arg, review);
    struct node *after = review->after;

    if (!after || review->who->trusted || by.user->role == AUTH_ADMIN)
        return 0;
    if (text_ends(review->kind->plural, "bindings"))
        return check_binding_grant(&by, before, after, err);
    return check_role_grant(&by, before, after, err);
}

void escalate_open(struct auth *auth)
{
    static const char *const plurals[] = {"roles", "clusterroles", "rolebindings",
                                          "clusterrolebindings"};
    struct objects *objects = auth->settings.objects;

    for (size_t i = 0; i < count_of(plurals); i++)
        objects_rule(objects, kinds_find(objects_kinds(objects), META_GROUP_RBAC, plurals[i]), "",
                     check_role_write, auth);
    objects_rule(objects, kinds_find(objects_kinds(objects), "", "namespaces"), NULL,
                 before_namespace, auth);
    objects_rule(objects, kinds_find(objects_kinds(objects), META_GROUP_AXLE, "projects"), "",
                 before_members, auth);
    objects_rule(objects, kinds_find(objects_kinds(objects), META_GROUP_AXLE, "tenants"), "",
                 before_members, auth);
}
