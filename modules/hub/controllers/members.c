/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the members of projects and tenants into roles and bindings. */
#include "controllers/members.h"

#include "controllers/allowed.h"

#include "base/map.h"
#include "meta/meta.h"

#include <string.h>

#define ACCOUNT_PREFIX "system:serviceaccount:"
#define GROUP_PREFIX "group:"

static bool is_account(const char *member)
{
    const char *namespace = member + strlen(ACCOUNT_PREFIX), *colon;

    if (!text_starts(member, ACCOUNT_PREFIX))
        return false;
    colon = strchr(namespace, ':');
    return colon && colon > namespace && colon[1] && !strchr(colon + 1, ':');
}

/*
 * Names with "system:" are the hub's to give: to its administrators, to spokes,
 * to everybody who is known. A list of members is not the place to meet them.
 */
const char *allowed_member_trouble(struct arena *arena, const char *member)
{
    const char *name = text_starts(member, GROUP_PREFIX) ? member + strlen(GROUP_PREFIX) : member;

    if (!*name)
        return arena_printf(arena,
                            "\"%s\" is not a member; write a user, group:NAME or " ACCOUNT_PREFIX
                            "NAMESPACE:NAME",
                            member);
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            return "a name of a member has no control characters";
    if (!text_starts(name, "system:") || (name == member && is_account(member)))
        return NULL;
    return arena_printf(arena,
                        "\"%.120s\" cannot be a member: names that begin with \"system:\" "
                        "are reserved for the hub, except " ACCOUNT_PREFIX "NAMESPACE:NAME",
                        member);
}

/* "group:NAME" is a group, a ServiceAccount has the name that its tokens give
   it, and everything else is a user. */
static struct node *make_subject(struct arena *arena, const char *member)
{
    struct node *subject = node_map(arena);

    if (is_account(member)) {
        const char *namespace = member + strlen(ACCOUNT_PREFIX);
        const char *colon = strchr(namespace, ':');

        node_set_text(arena, subject, "kind", "ServiceAccount");
        node_set_text(arena, subject, "name", colon + 1);
        node_set_text(arena, subject, "namespace",
                      arena_bytes(arena, namespace, (size_t)(colon - namespace)));
        return subject;
    }
    node_set_text(arena, subject, "apiGroup", META_GROUP_RBAC);
    node_set_text(arena, subject, "kind", text_starts(member, GROUP_PREFIX) ? "Group" : "User");
    node_set_text(arena, subject, "name",
                  text_starts(member, GROUP_PREFIX) ? member + strlen(GROUP_PREFIX) : member);
    return subject;
}

/* Each once: `known` holds the keys of those that are there, so that a list of
   any length takes time in proportion to it. */
static void add_new_subjects(struct arena *arena, struct node *subjects, struct map *known,
                             const struct node *object, const char *list)
{
    const struct node *members = node_at(object, "spec", list, NULL);

    for (size_t i = 0; i < node_count(members); i++) {
        const char *member = node_text(node_item(members, i));

        if (map_get(known, member) || allowed_member_trouble(arena, member))
            continue;
        map_put(known, member, subjects);
        node_add(arena, subjects, make_subject(arena, member));
    }
}

const char *members_refused(struct reconcile_run *run, const struct node *object)
{
    static const char *const lists[] = {"viewers", "editors", "admins"};

    for (size_t i = 0; i < count_of(lists); i++) {
        const struct node *members = node_at(object, "spec", lists[i], NULL);

        for (size_t k = 0; k < node_count(members); k++) {
            const char *why = allowed_member_trouble(run->arena, node_text(node_item(members, k)));

            if (why)
                return arena_printf(run->arena, "spec.%s[%zu]: %s", lists[i], k, why);
        }
    }
    return NULL;
}

/* A binding of the hub's goes when the hub says so: nobody else's finalizer keeps it,
   or keeps a new one from taking its place. */
static int free_binding(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                        const char *name, struct err *err)
{
    struct node *patch = node_map(run->arena);
    struct seen binding;

    if (!reconcile_get(run, kind, namespace, name, &binding) ||
        !node_count(node_at(binding.node, "metadata", "finalizers", NULL)))
        return 0;
    node_set(run->arena, node_make(run->arena, patch, "metadata"), "finalizers",
             node_null(run->arena));
    return reconcile_patch(run, &binding, patch, err);
}

/* The binding exists as long as it has somebody to bind. */
static int write_binding(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                         const char *name, const char *role, struct node *subjects,
                         const struct node *owner, struct err *err)
{
    const struct node *there;
    struct node *binding, *ref;

    if (free_binding(run, kind, namespace, name, err) < 0)
        return -1;
    if (!node_count(subjects))
        return reconcile_remove(run, kind, namespace, name, err);
    /* A binding's role cannot be changed, so one of this name that somebody made
       for another role goes first. */
    there = node_get(reconcile_read(run, kind, namespace, name), "roleRef");
    if (there &&
        (strcmp(node_get_text(there, "name"), role) != 0 ||
         strcmp(node_get_text(there, "kind"), "ClusterRole") != 0) &&
        reconcile_remove(run, kind, namespace, name, err) < 0)
        return -1;
    binding = reconcile_new(run, kind, namespace, name);
    meta_set_label(run->arena, binding, META_LABEL_MADE_BY, run->self->name);
    if (owner)
        meta_add_controller(run->arena, binding, owner);
    ref = node_make(run->arena, binding, "roleRef");
    node_set_text(run->arena, ref, "apiGroup", META_GROUP_RBAC);
    node_set_text(run->arena, ref, "kind", "ClusterRole");
    node_set_text(run->arena, ref, "name", role);
    node_set(run->arena, binding, "subjects", subjects);
    return reconcile_ensure(run, binding, NULL, err);
}

/* Who is in it may look at the Project (or Tenant) itself. */
static int let_look(struct reconcile_run *run, const struct node *owner, const char *plural,
                    struct node *subjects, struct err *err)
{
    struct arena *arena = run->arena;
    char *name = arena_printf(arena, "axle:%s:%s", run->self->name, run->name);
    struct node *role = reconcile_new(run, KIND_ID_CLUSTER_ROLE, "", name);
    struct node *rule = node_map(arena);
    static const char *const verbs[] = {"get", "list", "watch"};

    if (!node_count(subjects))
        return reconcile_remove(run, KIND_ID_CLUSTER_ROLE_BINDING, "", name, err) < 0
                   ? -1
                   : reconcile_remove(run, KIND_ID_CLUSTER_ROLE, "", name, err);
    meta_set_label(arena, role, META_LABEL_MADE_BY, run->self->name);
    meta_add_controller(arena, role, owner);
    node_add(arena, node_make_list(arena, rule, "apiGroups"), node_string(arena, META_GROUP_AXLE));
    node_add(arena, node_make_list(arena, rule, "resources"), node_string(arena, plural));
    node_add(arena, node_make_list(arena, rule, "resourceNames"), node_string(arena, run->name));
    for (size_t i = 0; i < count_of(verbs); i++)
        node_add(arena, node_make_list(arena, rule, "verbs"), node_string(arena, verbs[i]));
    node_add(arena, node_make_list(arena, role, "rules"), rule);
    if (reconcile_ensure(run, role, NULL, err) < 0)
        return -1;
    return write_binding(run, KIND_ID_CLUSTER_ROLE_BINDING, "", name, name, subjects, owner, err);
}

int members_of_project(struct reconcile_run *run, const struct node *project,
                       const struct node *tenant, struct err *err)
{
    static const struct {
        const char *list, *binding, *role;
    } ranks[] = {{"viewers", "axle:viewers", "view"},
                 {"editors", "axle:editors", "edit"},
                 {"admins", "axle:admins", "admin"}};
    scoped_map struct map *known_all = map_new();
    struct node *all = node_list(run->arena);

    for (size_t i = 0; i < count_of(ranks); i++) {
        scoped_map struct map *known = map_new();
        struct node *subjects = node_list(run->arena);

        add_new_subjects(run->arena, subjects, known, project, ranks[i].list);
        if (strcmp(ranks[i].list, "admins") == 0)
            add_new_subjects(run->arena, subjects, known, tenant, "admins");
        add_new_subjects(run->arena, all, known_all, project, ranks[i].list);
        if (write_binding(run, KIND_ID_ROLE_BINDING, run->name, ranks[i].binding, ranks[i].role,
                          subjects, NULL, err) < 0)
            return -1;
    }
    add_new_subjects(run->arena, all, known_all, tenant, "admins");
    return let_look(run, project, "projects", all, err);
}

int members_of_tenant(struct reconcile_run *run, const struct node *tenant, const char *namespace,
                      struct err *err)
{
    scoped_map struct map *known = map_new();
    struct node *subjects = node_list(run->arena);

    add_new_subjects(run->arena, subjects, known, tenant, "admins");
    if (write_binding(run, KIND_ID_ROLE_BINDING, namespace, "axle:admins", "admin", subjects, NULL,
                      err) < 0)
        return -1;
    return let_look(run, tenant, "tenants", subjects, err);
}
