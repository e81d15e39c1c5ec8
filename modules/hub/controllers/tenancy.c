/* SPDX-License-Identifier: Apache-2.0 */
/* Gives tenants and projects their namespaces, and projects their clusters. */
#include "controllers/allowed.h"
#include "controllers/namespaces.h"
#include "controllers/table.h"
#include "controllers/members.h"

#include "base/map.h"
#include "meta/meta.h"
#include "registry/registry.h"

#include <string.h>

/* ---- Namespaces have one owner ------------------------------------------- */

/* The project whose workloads go into a namespace of this name on spokes. */
static const char *find_target_lister(struct reconcile_run *run, const char *namespace)
{
    const struct node *listing = reconcile_list(run, KIND_ID_PROJECT, NULL, NULL, namespace);

    for (size_t i = 0; i < node_count(listing); i++)
        if (strcmp(meta_name(node_item(listing, i)), namespace) &&
            meta_list_has(node_at(node_item(listing, i), "spec", "targetNamespaces", NULL),
                          namespace))
            return meta_name(node_item(listing, i));
    return NULL;
}

const char *tenancy_namespace_trouble(struct reconcile_run *run, const char *namespace,
                                      const char *kind)
{
    const char *trouble = namespace_trouble(run->all, run->arena, namespace, kind);
    const char *project;

    if (trouble || strcmp(kind, "Project") || reconcile_read(run, KIND_ID_NAMESPACE, "", namespace))
        return trouble;
    project = find_target_lister(run, namespace);
    return project ? arena_printf(run->arena,
                                  "the name \"%s\" belongs to the project \"%s\", "
                                  "which lists it in spec.targetNamespaces; use another name",
                                  namespace, project)
                   : NULL;
}

static int make_owned_namespace(struct reconcile_run *run, const char *namespace, const char *kind,
                                const char *owner, const char *tenant, struct err *err)
{
    struct node *wanted = reconcile_new(run, KIND_ID_NAMESPACE, "", namespace);

    meta_set_label(run->arena, wanted, META_LABEL_OWNER_KIND, kind);
    meta_set_label(run->arena, wanted, META_LABEL_OWNER, owner);
    meta_set_label(run->arena, wanted, META_LABEL_TENANT, tenant);
    return reconcile_ensure(run, wanted, NULL, err);
}

/* Members that were written before they were refused have no rights; it is said. */
static void say_members(struct reconcile_run *run, const struct seen *seen, struct node *status)
{
    const struct node *old = meta_conditions(seen->node);
    const char *refused = members_refused(run, seen->node);
    struct meta_condition taken = {"MembersAccepted", refused ? "False" : "True",
                                   refused ? "NameRefused" : "AllAccepted", refused ? refused : ""};

    if (refused || meta_condition_find(old, taken.type))
        meta_condition_set(run->arena, status, old, &taken, meta_generation(seen->node), run->now);
}

static int set_tenancy_status(struct reconcile_run *run, const struct seen *seen, const char *phase,
                              const struct meta_condition *ready, struct err *err)
{
    struct node *status = meta_copy_status(run->arena, seen->node);
    int64_t generation = meta_generation(seen->node);
    bool changed = false;

    node_set_text(run->arena, status, "phase", phase);
    node_set_text(run->arena, status, "message", ready->message);
    node_set_int(run->arena, status, "observedGeneration", generation);
    meta_condition_set(run->arena, status, meta_conditions(seen->node), ready, generation,
                       run->now);
    say_members(run, seen, status);
    if (reconcile_status(run, seen, status, &changed, err) < 0)
        return -1;
    if (changed)
        reconcile_event(run, seen, strcmp(ready->status, "True"), ready->reason, "%s",
                        ready->message);
    return 0;
}

/* Removes the namespace; true when it is gone. -1 on failure. */
static int drop_namespace(struct reconcile_run *run, const char *namespace, const char *kind,
                          struct err *err)
{
    const struct node *there = reconcile_read(run, KIND_ID_NAMESPACE, "", namespace);

    if (!there || strcmp(meta_label(there, META_LABEL_OWNER_KIND), kind))
        return 1;
    if (reconcile_remove(run, KIND_ID_NAMESPACE, "", namespace, err) < 0)
        return -1;
    return !reconcile_read(run, KIND_ID_NAMESPACE, "", namespace);
}

/* What keeps a namespace, as the collector says it there. */
static const char *find_emptying_message(struct reconcile_run *run, const char *namespace)
{
    const struct node *there = reconcile_read(run, KIND_ID_NAMESPACE, "", namespace);
    const struct node *conditions = meta_conditions(there);
    const struct node *content = meta_condition_find(conditions, "NamespaceContentRemaining");
    const struct node *held = meta_condition_find(conditions, "NamespaceFinalizersRemaining");

    return arena_printf(run->arena, "the namespace \"%s\" is being emptied%s%s%s%s", namespace,
                        content ? ": " : "", node_get_text(content, "message"), held ? "; " : "",
                        node_get_text(held, "message"));
}

/* ---- Tenant ----------------------------------------------------------------- */

static const char *a_project_of(struct reconcile_run *run, const char *tenant)
{
    const struct node *all = reconcile_list(run, KIND_ID_PROJECT, NULL, NULL, NULL);

    for (size_t i = 0; i < node_count(all); i++) {
        const struct node *one = node_item(all, i);

        if (!strcmp(node_get_text(node_get(one, "spec"), "tenant"), tenant))
            return meta_name(one);
    }
    return NULL;
}

static int drain_tenant(struct reconcile_run *run, const struct seen *tenant, const char *namespace,
                        struct err *err)
{
    const char *project = a_project_of(run, run->name);
    int gone;

    if (project) {
        struct meta_condition ready = {
            "Ready",
            "False",
            "ProjectsRemain",
            arena_printf(run->arena, "the project \"%s\" still exists; delete it first", project),
        };

        return set_tenancy_status(run, tenant, "Deleting", &ready, err);
    }
    gone = drop_namespace(run, namespace, "Tenant", err);
    if (!gone) {
        struct meta_condition ready = {"Ready", "False", "Draining",
                                       find_emptying_message(run, namespace)};

        return set_tenancy_status(run, tenant, "Deleting", &ready, err);
    }
    return gone > 0 ? reconcile_finalizer(run, tenant, META_FINALIZER_DRAIN, false, err) : gone;
}

static int reconcile_tenant(struct reconcile_run *run, struct err *err)
{
    char *namespace = arena_printf(run->arena, "tenant-%s", run->name);
    struct meta_condition ready = {"Ready", "True", "NamespaceReady", ""};
    struct seen tenant;
    const char *trouble;

    if (!reconcile_get(run, KIND_ID_TENANT, "", run->name, &tenant))
        return 0;
    if (meta_is_deleting(tenant.node))
        return drain_tenant(run, &tenant, namespace, err);
    if (reconcile_finalizer(run, &tenant, META_FINALIZER_DRAIN, true, err) < 0)
        return -1;
    trouble = tenancy_namespace_trouble(run, namespace, "Tenant");
    if (trouble) {
        ready = (struct meta_condition){"Ready", "False", "NameTaken", trouble};
        return set_tenancy_status(run, &tenant, "Failed", &ready, err);
    }
    if (make_owned_namespace(run, namespace, "Tenant", run->name, run->name, err) < 0 ||
        members_of_tenant(run, tenant.node, namespace, err) < 0)
        return -1;
    ready.message = arena_printf(run->arena, "the namespace is %s", namespace);
    return set_tenancy_status(run, &tenant, "Ready", &ready, err);
}

/* ---- Project ------------------------------------------------------------------ */

/* A pool binds its own set, in its own name. */
static bool is_own_pool(struct reconcile_run *run, const char *set)
{
    const struct node *pools = reconcile_list(run, KIND_ID_POOL, run->name, NULL, NULL);

    for (size_t i = 0; i < node_count(pools); i++)
        if (!strcmp(set, allowed_pool_set(run->arena, run->name, meta_name(node_item(pools, i)))))
            return true;
    return false;
}

/* The bindings that the tenant allows, and no others of ours. */
static int bind_sets(struct reconcile_run *run, const struct node *sets, struct err *err)
{
    const struct node *bound =
        reconcile_list_own(run, KIND_ID_BINDING, run->name, META_LABEL_MADE_BY, "project");
    scoped_map struct map *allowed = map_new();

    for (size_t i = 0; i < node_count(sets); i++) {
        const char *set = node_text(node_item(sets, i));
        struct node *wanted = reconcile_new(run, KIND_ID_BINDING, run->name, set);

        map_put(allowed, set, wanted);
        if (is_own_pool(run, set))
            continue;
        meta_set_label(run->arena, wanted, META_LABEL_MADE_BY, "project");
        node_set_text(run->arena, node_make(run->arena, wanted, "spec"), "clusterSet", set);
        if (reconcile_ensure(run, wanted, NULL, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < node_count(bound); i++) {
        const char *name = meta_name(node_item(bound, i));

        if (!map_get(allowed, name) &&
            reconcile_remove(run, KIND_ID_BINDING, run->name, name, err) < 0)
            return -1;
    }
    return 0;
}

/* Workloads go first, while spokes' works can still be told. */
static int drain_project(struct reconcile_run *run, const struct seen *project, struct err *err)
{
    static const enum kind_id first[] = {KIND_ID_AIWORKLOAD, KIND_ID_DEPLOYMENT,
                                         KIND_ID_REPLICA_SET};
    struct meta_condition ready = {"Ready", "False", "Draining", "its workloads are being removed"};
    int left = 0, gone;

    for (size_t k = 0; k < count_of(first); k++) {
        const struct node *all = reconcile_list_own(run, first[k], run->name, NULL, NULL);

        for (size_t i = 0; i < node_count(all); i++, left++)
            if (reconcile_remove(run, first[k], run->name, meta_name(node_item(all, i)), err) < 0)
                return -1;
    }
    if (left)
        return set_tenancy_status(run, project, "Deleting", &ready, err);
    gone = drop_namespace(run, run->name, "Project", err);
    if (!gone) {
        ready.message = find_emptying_message(run, run->name);
        return set_tenancy_status(run, project, "Deleting", &ready, err);
    }
    if (gone > 0 && !reconcile_read(run, KIND_ID_NAMESPACE, "", run->name))
        registry_drop_project(objects_store(run->objects), run->name);
    return gone > 0 ? reconcile_finalizer(run, project, META_FINALIZER_DRAIN, false, err) : gone;
}

static int reconcile_project(struct reconcile_run *run, struct err *err)
{
    struct meta_condition ready = {"Ready", "True", "NamespaceReady", "the namespace exists"};
    const struct node *tenant;
    const char *trouble;
    struct seen project;

    if (!reconcile_get(run, KIND_ID_PROJECT, "", run->name, &project))
        return 0;
    if (meta_is_deleting(project.node))
        return drain_project(run, &project, err);
    if (reconcile_finalizer(run, &project, META_FINALIZER_DRAIN, true, err) < 0)
        return -1;
    tenant = reconcile_read(run, KIND_ID_TENANT, "",
                            node_get_text(node_get(project.node, "spec"), "tenant"));
    if (!tenant || meta_is_deleting(tenant)) {
        ready = (struct meta_condition){
            "Ready",
            "False",
            tenant ? "TenantDeleting" : "TenantNotFound",
            arena_printf(run->arena,
                         tenant ? "the tenant \"%s\" is being deleted; it waits for "
                                  "this project to be deleted, too"
                                : "there is no tenant \"%s\"; create it",
                         node_get_text(node_get(project.node, "spec"), "tenant")),
        };
        return set_tenancy_status(run, &project, "Pending", &ready, err);
    }
    trouble = tenancy_namespace_trouble(run, run->name, "Project");
    if (trouble) {
        ready = (struct meta_condition){"Ready", "False", "NameTaken", trouble};
        return set_tenancy_status(run, &project, "Failed", &ready, err);
    }
    if (make_owned_namespace(run, run->name, "Project", run->name, meta_name(tenant), err) < 0 ||
        bind_sets(run, allowed_sets(run, run->name), err) < 0 ||
        members_of_project(run, project.node, tenant, err) < 0)
        return -1;
    return set_tenancy_status(run, &project, "Ready", &ready, err);
}

/* ---- What wakes them ------------------------------------------------------------ */

static void map_namespace_owner(struct controllers *all, const struct controller *to,
                                const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;

    if (to == &controller_tenant && text_starts(any->name, "tenant-"))
        controllers_wake(all, to, "", any->name + strlen("tenant-"));
    if (to == &controller_project)
        controllers_wake(all, to, "", any->name);
}

static void map_project_tenant(struct controllers *all, const struct controller *to,
                               const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *node = object_read(arena, after ? after : before);

    controllers_wake(all, to, "", node_get_text(node_get(node, "spec"), "tenant"));
}

static void map_tenant_projects(struct controllers *all, const struct controller *to,
                                const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, KIND_ID_PROJECT, "");
}

/* A pool came, went, or is shared with others than before. */
static void map_pool(struct controllers *all, const struct controller *to,
                     const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;
    scoped_arena struct arena *arena = arena_new();
    const struct node *was = before ? object_read(arena, before) : NULL;
    const struct node *is = after ? object_read(arena, after) : NULL;
    const struct node *old = node_at(was, "spec", "sharedWith", NULL);
    const struct node *now = node_at(is, "spec", "sharedWith", NULL);

    if (!any || (before && after && before->deleting == after->deleting &&
                 !strcmp(node_get_text(node_get(was, "spec"), "variant"),
                         node_get_text(node_get(is, "spec"), "variant")) &&
                 (old && now ? node_same(old, now) : !old && !now)))
        return;
    controllers_wake(all, to, "", any->namespace);
    for (size_t i = 0; i < node_count(old); i++)
        controllers_wake(all, to, "", node_text(node_item(old, i)));
    for (size_t i = 0; i < node_count(now); i++)
        controllers_wake(all, to, "", node_text(node_item(now, i)));
}

/* What was made here and is changed by hand is put back. */
static void map_tenant_binding(struct controllers *all, const struct controller *to,
                               const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;

    if (text_starts(any->namespace, "tenant-") && text_starts(any->name, "axle:"))
        controllers_wake(all, to, "", any->namespace + strlen("tenant-"));
}

static void map_project_binding(struct controllers *all, const struct controller *to,
                                const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;

    if (text_starts(any->name, "axle:"))
        controllers_wake(all, to, "", any->namespace);
}

/* A spoke's name is taken, or free; so is one that another project listed. */
static void map_lost_namespace_to_owners(struct controllers *all, const struct controller *to,
                                         const struct object *before, const struct object *after)
{
    if (!before || !after)
        controllers_wake(all, to, "", (after ? after : before)->name);
}

static void map_self_and_listed(struct controllers *all, const struct controller *to,
                                const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *listed =
        before ? node_at(object_read(arena, before), "spec", "targetNamespaces", NULL) : NULL;

    controllers_wake(all, to, "", (after ? after : before)->name);
    for (size_t i = 0; i < node_count(listed); i++)
        controllers_wake(all, to, "", node_text(node_item(listed, i)));
}

/* "axle:project:NAME" or "axle:tenant:NAME": who may look at it. */
static void map_look(struct controllers *all, const struct controller *to,
                     const struct object *before, const struct object *after)
{
    const char *name = (after ? after : before)->name;
    const char *kind = to->name;

    if (text_starts(name, "axle:") && text_starts(name + 5, kind) && name[5 + strlen(kind)] == ':')
        controllers_wake(all, to, "", name + 5 + strlen(kind) + 1);
}

static void map_bindings(struct controllers *all, const struct controller *to,
                         const struct object *before, const struct object *after)
{
    controllers_wake(all, to, "", (after ? after : before)->namespace);
}

static void map_project_content(struct controllers *all, const struct controller *to,
                                const struct object *before, const struct object *after)
{
    /* Whether it is there counts, not how it is. */
    if (!before || !after)
        controllers_wake(all, to, "", (after ? after : before)->namespace);
}

const struct controller controller_tenant = {
    .name = "tenant",
    .run = reconcile_tenant,
    .about = KIND_ID_TENANT,
    .condition = RECONCILED,
    .sources = {{KIND_ID_TENANT, NULL},
                {KIND_ID_NAMESPACE, map_namespace_owner},
                {KIND_ID_PROJECT, map_project_tenant},
                {KIND_ID_ROLE_BINDING, map_tenant_binding},
                {KIND_ID_CLUSTER_ROLE, map_look},
                {KIND_ID_CLUSTER_ROLE_BINDING, map_look}},
    .source_count = 6,
};

const struct controller controller_project = {
    .name = "project",
    .run = reconcile_project,
    .about = KIND_ID_PROJECT,
    .condition = RECONCILED,
    .sources = {{KIND_ID_PROJECT, map_self_and_listed},
                {KIND_ID_NAMESPACE, map_namespace_owner},
                {KIND_ID_TENANT, map_tenant_projects},
                {KIND_ID_BINDING, map_bindings},
                {KIND_ID_CLUSTER, map_lost_namespace_to_owners},
                {KIND_ID_CLUSTER_ROLE, map_look},
                {KIND_ID_CLUSTER_ROLE_BINDING, map_look},
                {KIND_ID_AIWORKLOAD, map_project_content},
                {KIND_ID_DEPLOYMENT, map_project_content},
                {KIND_ID_REPLICA_SET, map_project_content},
                {KIND_ID_ROLE_BINDING, map_project_binding},
                {KIND_ID_POOL, map_pool}},
    .source_count = 12,
};
