/* SPDX-License-Identifier: Apache-2.0 */
/* Says which sets of clusters and which namespaces a project may use. */
#include "controllers/allowed.h"

#include "base/map.h"
#include "meta/meta.h"
#include "query/query.h"
#include "render/render.h"

#include <string.h>

#define MOST_NAMED 20
/* Of a Tenant that says nothing. Each is several objects, and a name on the hub. */
#define MOST_SPOKES_EXPECTED 1000

/* `known` holds what the list has, which may be long. */
static void add_namespace_once(struct arena *arena, struct node *list, struct map *known,
                               const char *name)
{
    if (*name && !map_put(known, name, list))
        node_add(arena, list, node_string(arena, name));
}

/* "a, b, c", for the end of a sentence. */
static const char *names_of(struct arena *arena, const struct node *list)
{
    scoped_text struct text out = {0};

    for (size_t i = 0; i < node_count(list) && i < MOST_NAMED; i++)
        text_addf(&out, "%s%s", i ? ", " : "", node_text(node_item(list, i)));
    if (node_count(list) > MOST_NAMED)
        text_addf(&out, " and %zu more", node_count(list) - MOST_NAMED);
    return out.len ? arena_string(arena, text_string(&out)) : "none";
}

/* Of a project's namespace, and of the tenant's own. */
static const char *tenant_of(struct reconcile_run *run, const char *namespace)
{
    const struct node *project = reconcile_read(run, KIND_ID_PROJECT, "", namespace);

    if (project)
        return node_get_text(node_get(project, "spec"), "tenant");
    return text_starts(namespace, "tenant-") ? namespace + strlen("tenant-") : "";
}

/* ---- Sets of clusters ------------------------------------------------------------ */

char *allowed_pool_set(struct arena *arena, const char *namespace, const char *pool)
{
    return render_label(arena, arena_printf(arena, "%s.%s", namespace, pool));
}

static bool is_dedicated(const struct node *pool)
{
    return !strcmp(node_get_text(node_get(pool, "spec"), "variant"), "Dedicated");
}

static bool is_shared_with(struct reconcile_run *run, const struct node *pool, const char *project,
                           const char *tenant)
{
    return !is_dedicated(pool) &&
           meta_list_has(node_at(pool, "spec", "sharedWith", NULL), project) &&
           !strcmp(tenant_of(run, meta_namespace(pool)), tenant);
}

static void add_pools(struct reconcile_run *run, struct node *list, struct map *known,
                      const char *project, const char *tenant)
{
    const struct node *own = reconcile_list(run, KIND_ID_POOL, project, NULL, NULL);
    const struct node *sharing = reconcile_list(run, KIND_ID_POOL, NULL, NULL, "sharedWith");

    /* One that is being deleted waits for its users, who keep what they have. */
    for (size_t i = 0; i < node_count(own); i++)
        add_namespace_once(run->arena, list, known,
                           allowed_pool_set(run->arena, project, meta_name(node_item(own, i))));
    for (size_t i = 0; i < node_count(sharing); i++) {
        const struct node *pool = node_item(sharing, i);

        if (is_shared_with(run, pool, project, tenant))
            add_namespace_once(run->arena, list, known,
                               allowed_pool_set(run->arena, meta_namespace(pool), meta_name(pool)));
    }
}

struct node *allowed_sets(struct reconcile_run *run, const char *project)
{
    const char *name = tenant_of(run, project);
    const struct node *tenant = *name ? reconcile_read(run, KIND_ID_TENANT, "", name) : NULL;
    const struct node *listed = node_at(tenant, "spec", "clusterSets", NULL);
    scoped_map struct map *known = map_new();
    struct node *list = node_list(run->arena);

    if (!tenant)
        return list;
    if (!node_is(listed, NODE_LIST))
        add_namespace_once(run->arena, list, known, "default");
    for (size_t i = 0; i < node_count(listed); i++)
        add_namespace_once(run->arena, list, known, node_text(node_item(listed, i)));
    add_pools(run, list, known, project, name);
    return list;
}

const char *allowed_set_trouble(struct reconcile_run *run, const char *project, const char *set)
{
    struct node *sets;

    if (!reconcile_read(run, KIND_ID_PROJECT, "", project))
        return NULL;
    sets = allowed_sets(run, project);
    /* A pool of its own may come later. */
    if (meta_list_has(sets, set) || text_starts(set, arena_printf(run->arena, "%s.", project)))
        return NULL;
    return arena_printf(run->arena,
                        "\"%s\" is not a set of spokes that the project \"%s\" may place on; "
                        "it has: %s. An administrator adds one to spec.clusterSets of the "
                        "Tenant; a pool's owner shares it by spec.sharedWith",
                        set, project, names_of(run->arena, sets));
}

const char *allowed_share_trouble(struct reconcile_run *run, const char *owner, const char *with)
{
    const char *tenant = tenant_of(run, owner);

    if (!strcmp(owner, with))
        return arena_printf(run->arena, "\"%s\" is the project that the pool belongs to", with);
    /* Whether a project of another tenant is there is not told. */
    if (!*tenant || !reconcile_read(run, KIND_ID_PROJECT, "", with) ||
        strcmp(tenant_of(run, with), tenant) != 0)
        return arena_printf(run->arena,
                            "there is no project \"%s\" in the tenant \"%s\"; to share with "
                            "another tenant, an administrator adds the pool's set to "
                            "spec.clusterSets of that Tenant",
                            with, tenant);
    return NULL;
}

const char *allowed_spokes_trouble(struct reconcile_run *run, const char *owner, const char *pool,
                                   size_t count)
{
    const char *name = tenant_of(run, owner);
    const struct node *limits = node_at(
        *name ? reconcile_read(run, KIND_ID_TENANT, "", name) : NULL, "spec", "limits", NULL);
    int64_t limit = node_get_int(limits, "spokes", MOST_SPOKES_EXPECTED);
    const struct node *all = reconcile_list(run, KIND_ID_POOL, NULL, NULL, "spokes");
    int64_t total = (int64_t)count;

    for (size_t i = 0; i < node_count(all); i++) {
        const struct node *one = node_item(all, i);
        bool same = !strcmp(meta_namespace(one), owner) && !strcmp(meta_name(one), pool);

        if (!same && !strcmp(tenant_of(run, meta_namespace(one)), name))
            total += (int64_t)node_count(node_at(one, "spec", "spokes", NULL));
    }
    return total <= limit
               ? NULL
               : arena_printf(run->arena,
                              "the pools of the tenant \"%s\" would expect %lld spokes, and "
                              "spec.limits.spokes of the Tenant is %lld%s",
                              name, (long long)total, (long long)limit,
                              node_get(limits, "spokes") ? "" : ", its default");
}

/* ---- Namespaces on spokes ----------------------------------------------------------- */

static const struct node *targets_of(const struct node *project)
{
    return node_at(project, "spec", "targetNamespaces", NULL);
}

static bool shares_target(const struct node *project, const char *target)
{
    return meta_list_has(node_at(project, "spec", "sharedTargetNamespaces", NULL), target);
}

static bool is_younger(const struct node *one, const struct node *other)
{
    const char *a = node_get_text(node_get(one, "metadata"), "creationTimestamp");
    const char *b = node_get_text(node_get(other, "metadata"), "creationTimestamp");
    int order = strcmp(a, b);

    /* One that is being made has no time yet. */
    return !*a || (*b && (order ? order > 0 : strcmp(meta_uid(one), meta_uid(other)) > 0));
}

/* Another project that lists it, unless both say that it is shared. `all`: also
   one that came later. */
static const char *find_other_lister(struct reconcile_run *run, const struct node *project,
                                     const char *target, bool all)
{
    const struct node *others = reconcile_list(run, KIND_ID_PROJECT, NULL, NULL, target);

    for (size_t i = 0; i < node_count(others); i++) {
        const struct node *other = node_item(others, i);

        if (strcmp(meta_name(other), meta_name(project)) != 0 &&
            meta_list_has(targets_of(other), target) &&
            !(shares_target(other, target) && shares_target(project, target)) &&
            (all || is_younger(project, other)))
            return meta_name(other);
    }
    return NULL;
}

static const char *foreign_trouble(struct reconcile_run *run, const char *project,
                                   const char *target)
{
    char why[NAME_WHY];

    if (!name_is_dns_label(target, why))
        return arena_printf(run->arena, "\"%.80s\" is not a valid name of a namespace: %s", target,
                            why);
    if (namespace_is_reserved(target))
        return arena_printf(run->arena, "\"%s\" is reserved", target);
    if (strcmp(target, project) != 0 && reconcile_read(run, KIND_ID_PROJECT, "", target))
        return arena_printf(run->arena, "\"%s\" is the namespace of another project", target);
    return NULL;
}

const char *allowed_listing_trouble(struct reconcile_run *run, const struct node *project,
                                    const char *target)
{
    const char *trouble = foreign_trouble(run, meta_name(project), target), *other;

    if (trouble)
        return trouble;
    /* Not asked again later: whoever names a spoke so takes nothing from others. */
    if (reconcile_read(run, KIND_ID_CLUSTER, "", target))
        return arena_printf(run->arena, "\"%s\" is the name of a spoke", target);
    other = find_other_lister(run, project, target, true);
    return other ? arena_printf(run->arena,
                                "\"%s\" is listed by the project \"%s\" already; to share it, "
                                "both list it in spec.sharedTargetNamespaces too",
                                target, other)
                 : NULL;
}

const char *allowed_target_trouble(struct reconcile_run *run, const char *project,
                                   const char *target)
{
    const struct node *owner = reconcile_read(run, KIND_ID_PROJECT, "", project);
    const char *trouble, *other;

    if (!*target || !strcmp(target, project))
        return NULL;
    if (!meta_list_has(targets_of(owner), target))
        return arena_printf(run->arena,
                            "\"%.80s\" is neither the project's own namespace nor one that the "
                            "Project \"%s\" lists; it may use: %s%s%s. An administrator adds one "
                            "to spec.targetNamespaces of the Project",
                            target, project, project, node_count(targets_of(owner)) ? ", " : "",
                            node_count(targets_of(owner)) ? names_of(run->arena, targets_of(owner))
                                                          : "");
    trouble = foreign_trouble(run, project, target);
    if (trouble)
        return trouble;
    other = find_other_lister(run, owner, target, false);
    return other ? arena_printf(run->arena,
                                "\"%s\" is the project \"%s\"'s, which listed it "
                                "before",
                                target, other)
                 : NULL;
}
