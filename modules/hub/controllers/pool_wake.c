/* SPDX-License-Identifier: Apache-2.0 */
/* Wakes the pools that a change of what they read concerns. */
#include "controllers/pool_spokes.h"
#include "controllers/expected.h"
#include "controllers/maps.h"
#include "controllers/parse.h"

#include "meta/meta.h"

#include <string.h>

/* ---- Which pools ------------------------------------------------------------------- */

struct pool_waking {
    struct controllers *all;
    const struct controller *to;
};

static void wake_expecting(void *arg, const char *namespace, const char *name)
{
    struct pool_waking *waking = arg;

    controllers_wake(waking->all, waking->to, namespace, name);
}

/* Pools that expect a spoke of this name, and those that select too. */
static void wake_naming(struct controllers *all, const struct controller *to, const char *name,
                        bool selectors)
{
    struct pool_waking waking = {all, to};

    expected_each_pool(all, name, wake_expecting, &waking);
    if (selectors)
        expected_each_selecting(all, wake_expecting, &waking);
}

static void wake_key(struct controllers *all, const struct controller *to, const char *whole,
                     char separator)
{
    const char *at = strchr(whole, separator);
    scoped_mem char *namespace = at ? mem_printf("%.*s", (int)(at - whole), whole) : NULL;

    if (namespace)
        controllers_wake(all, to, namespace, at + 1);
}

/* NAMESPACE.POOL, or where that was cut and hashed, what the set says. */
static void wake_pool_of_set(struct controllers *all, const struct controller *to, const char *name,
                             const struct object *set)
{
    scoped_arena struct arena *arena = NULL;

    wake_key(all, to, name, '.');
    if (!set)
        return;
    arena = arena_new();
    wake_key(all, to, meta_annotation(controllers_parse(all, arena, set), META_ANNOTATION_OWNER),
             '/');
}

static void wake_pool_of_label(struct controllers *all, const struct controller *to,
                               const struct object *object, const char *label)
{
    scoped_object struct object *set = NULL;
    const char *name;

    if (!object)
        return;
    name = meta_label(controllers_read(all, object), label);
    if (!*name)
        return;
    set =
        objects_get(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_CLUSTER_SET], "", name, NULL);
    wake_pool_of_set(all, to, name, set);
}

/* ---- By what changed ------------------------------------------------------------------ */

void pool_map_environment(struct controllers *all, const struct controller *to,
                          const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;

    /* Another's of the pool's name may have made room, or taken it. */
    controllers_wake(all, to, any->namespace, any->name);
}

/* Another's of the name that is needed may have come or gone; those made here are put back. */
void pool_map_namespaced(struct controllers *all, const struct controller *to,
                         const struct object *before, const struct object *after)
{
    if (!before || !after || before->deleting != after->deleting)
        controllers_wake_all(all, to, KIND_ID_POOL, (after ? after : before)->namespace);
    map_owner_pool(all, to, before, after);
}

static bool part_is_same(const struct node *a, const struct node *b, const char *part)
{
    const struct node *old = node_at(a, "metadata", part, NULL);
    const struct node *new = node_at(b, "metadata", part, NULL);

    return old && new ? node_same(old, new) : old == new;
}

/* Whether it counts where it is neither made nor accepted: where it is, and that it
   is there, with a certificate, and heard of. */
static bool cluster_counts_as_before(struct controllers *all, const struct object *before,
                                     const struct object *after)
{
    static const char *const conditions[] = {META_CONDITION_CLUSTER_AVAILABLE,
                                             META_CONDITION_CLUSTER_JOINED};
    const struct node *a, *b;

    if (!before || !after || before->deleting != after->deleting)
        return false;
    a = controllers_read(all, before);
    b = controllers_read(all, after);
    for (size_t i = 0; i < count_of(conditions); i++)
        if (strcmp(meta_condition_status(a, conditions[i]),
                   meta_condition_status(b, conditions[i])) != 0)
            return false;
    return part_is_same(a, b, "labels") && part_is_same(a, b, "annotations");
}

void pool_map_cluster(struct controllers *all, const struct controller *to,
                      const struct object *before, const struct object *after)
{
    wake_pool_of_label(all, to, before, META_LABEL_CLUSTERSET);
    wake_pool_of_label(all, to, after, META_LABEL_CLUSTERSET);
    wake_pool_of_label(all, to, before, META_LABEL_POOL);
    wake_pool_of_label(all, to, after, META_LABEL_POOL);
    if (!cluster_counts_as_before(all, before, after))
        wake_naming(all, to, (after ? after : before)->name, true);
}

void pool_map_set(struct controllers *all, const struct controller *to, const struct object *before,
                  const struct object *after)
{
    wake_pool_of_set(all, to, (after ? after : before)->name, before);
    if (after)
        wake_pool_of_set(all, to, after->name, after);
}

void pool_map_token(struct controllers *all, const struct controller *to,
                    const struct object *before, const struct object *after)
{
    wake_pool_of_label(all, to, after ? after : before, META_LABEL_POOL);
}

/* Who has a name that a spoke is to have. */
void pool_map_name(struct controllers *all, const struct controller *to,
                   const struct object *before, const struct object *after)
{
    if (!before || !after || before->deleting != after->deleting)
        wake_naming(all, to, (after ? after : before)->name, false);
}
