/* SPDX-License-Identifier: Apache-2.0 */
/* Says to whom a namespace belongs, made or not yet: it has one owner. */
#include "controllers/controller.h"
#include "controllers/namespaces.h"

#include "meta/meta.h"

#include <string.h>

bool namespace_is_reserved(const char *name)
{
    static const char *const starts[] = {"kube-", "axle-", "tenant-", "open-cluster-management"};

    if (!strcmp(name, "default"))
        return true;
    for (size_t i = 0; i < count_of(starts); i++)
        if (text_starts(name, starts[i]))
            return true;
    return false;
}

static bool is_staged(struct controllers *all, enum kind_id kind, const char *name)
{
    scoped_object struct object *found =
        objects_get(all->objects, OBJECTS_STAGED, all->kinds[kind], "", name, NULL);

    return found != NULL;
}

/* Who has a right to the name by being there, whether or not the namespace is. */
static const char *namespace_claimant(struct controllers *all, struct arena *arena,
                                      const char *name, const char *kind)
{
    static const struct {
        enum kind_id which;
        const char *kind, *prefix;
    } owners[] = {{KIND_ID_PROJECT, "Project", ""},
                  {KIND_ID_CLUSTER, "ManagedCluster", ""},
                  {KIND_ID_TENANT, "Tenant", "tenant-"}};

    for (size_t i = 0; i < count_of(owners); i++) {
        const char *own = name + strlen(owners[i].prefix);

        if (strcmp(kind, owners[i].kind) && text_starts(name, owners[i].prefix) && *own &&
            is_staged(all, owners[i].which, own))
            return arena_printf(arena, "the %s \"%s\"", owners[i].kind, own);
    }
    return NULL;
}

const char *namespace_trouble(struct controllers *all, struct arena *arena, const char *name,
                              const char *kind)
{
    scoped_object struct object *there =
        objects_get(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_NAMESPACE], "", name, NULL);
    const char *claimant, *owner;

    if (namespace_is_reserved(name) && strcmp(kind, "Tenant"))
        return arena_printf(arena, "the name \"%s\" is reserved; use another one", name);
    /* A Tenant's own namespace has another name, so nothing would be shared; but who reads
       the name of a spoke there takes it for the organisation's. One that had it first stays. */
    if (!there && !strcmp(kind, "ManagedCluster") && is_staged(all, KIND_ID_TENANT, name))
        return arena_printf(arena, "the name \"%s\" belongs to a Tenant; use another one", name);
    claimant = namespace_claimant(all, arena, name, kind);
    if (!there)
        return claimant
                   ? arena_printf(arena, "the namespace \"%s\" belongs to %s; use another name",
                                  name, claimant)
                   : NULL;
    owner = meta_label(object_read(arena, there), META_LABEL_OWNER_KIND);
    if (strcmp(owner, kind))
        return arena_printf(arena, "the namespace \"%s\" belongs to %s; use another name", name,
                            claimant ? claimant
                            : *owner ? owner
                                     : "another owner");
    if (there->deleting)
        return arena_printf(arena, "the namespace \"%s\" is being deleted; wait for it", name);
    return NULL;
}
