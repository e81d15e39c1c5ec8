/* SPDX-License-Identifier: Apache-2.0 */
/* Wakes the owner of what changed, by its ownerReference, and who was it before. */
#include "controllers/controller.h"
#include "controllers/maps.h"
#include "controllers/parse.h"

#include "meta/meta.h"

#include <string.h>

static void wake_owner(struct controllers *all, const struct controller *to,
                       const struct object *before, const struct object *after, const char *kind)
{
    const char *was = before ? meta_owner_name(controllers_read(all, before), kind) : "";
    const char *is = after ? meta_owner_name(controllers_read(all, after), kind) : "";

    if (*was && strcmp(was, is) != 0)
        controllers_wake(all, to, before->namespace, was);
    if (*is)
        controllers_wake(all, to, after->namespace, is);
}

#define OWNER_MAP(name, kind)                                                                      \
    void name(struct controllers *all, const struct controller *to, const struct object *before,   \
              const struct object *after)                                                          \
    {                                                                                              \
        wake_owner(all, to, before, after, kind);                                                  \
    }

bool object_spec_is_same(struct controllers *all, const struct object *before,
                         const struct object *after)
{
    const struct node *old, *new;

    if (!before || !after)
        return before == after;
    old = node_get(controllers_read(all, before), "spec");
    new = node_get(controllers_read(all, after), "spec");
    return old && new ? node_same(old, new) : old == new;
}

bool project_concerns_others(struct controllers *all, const struct object *before,
                             const struct object *after)
{
    static const char *const fields[] = {"targetNamespaces", "sharedTargetNamespaces"};

    if (!before || !after)
        return true;
    for (size_t i = 0; i < count_of(fields); i++) {
        const struct node *old = node_at(controllers_read(all, before), "spec", fields[i], NULL);
        const struct node *now = node_at(controllers_read(all, after), "spec", fields[i], NULL);

        if (old && now ? !node_same(old, now) : old != now)
            return true;
    }
    return false;
}

/* What every write changes is no difference. */
static bool metadata_is_same(const struct node *a, const struct node *b)
{
    static const char *const parts[] = {"generation",  "deletionTimestamp", "labels",
                                        "annotations", "finalizers",        "ownerReferences"};

    for (size_t i = 0; i < count_of(parts); i++) {
        const struct node *old = node_get(a, parts[i]), *now = node_get(b, parts[i]);

        if (old && now ? !node_same(old, now) : old != now)
            return false;
    }
    return true;
}

bool object_only_status_differs(struct controllers *all, const struct object *before,
                                const struct object *after)
{
    return before && after && before->deleting == after->deleting &&
           metadata_is_same(node_get(controllers_read(all, before), "metadata"),
                            node_get(controllers_read(all, after), "metadata")) &&
           object_spec_is_same(all, before, after);
}

void map_work_to_owner(struct controllers *all, const struct controller *to,
                       const struct object *before, const struct object *after)
{
    const char *name = (after ? after : before)->name, *dot = strchr(name, '.');
    scoped_mem char *namespace = dot ? mem_printf("%.*s", (int)(dot - name), name) : NULL;

    if (namespace)
        controllers_wake(all, to, namespace, dot + 1);
}

OWNER_MAP(map_owner_aiworkload, "AIWorkload")
OWNER_MAP(map_owner_deployment, "WorkloadDeployment")
OWNER_MAP(map_owner_environment, "Environment")
OWNER_MAP(map_owner_pool, "ComputePool")
OWNER_MAP(map_owner_placement, "Placement")
OWNER_MAP(map_owner_replicaset, "ManifestWorkReplicaSet")
