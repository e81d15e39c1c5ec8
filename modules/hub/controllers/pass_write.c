/* SPDX-License-Identifier: Apache-2.0 */
/* Writes objects for the controller that runs, if they belong to its subject. */
#include "controllers/pass.h"

#include "controllers/claim.h"
#include "meta/meta.h"

#include <string.h>

static char *manager_of_run(const struct reconcile_run *run)
{
    return controller_manager(run->arena, run->self);
}

struct node *reconcile_read_own(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                                const char *name)
{
    struct node *there = reconcile_read(run, kind, namespace, name);

    return claim_is_own(run, run->all->kinds[kind], there) ? there : NULL;
}

struct node *reconcile_list_own(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                                const char *label, const char *value)
{
    const struct node *all = reconcile_list(run, kind, namespace, label, value);
    struct node *own = node_list(run->arena);

    for (size_t i = 0; i < node_count(all); i++)
        if (claim_is_own(run, run->all->kinds[kind], node_item(all, i)))
            node_add(run->arena, own, node_item(all, i));
    return own;
}

/* True if the object is not the subject's: it is left as it is, and `*ret` is the
   answer (-1: `err` says why). */
static bool may_not_change(struct reconcile_run *run, const struct object *object, int *ret,
                           struct err *err)
{
    bool leave;

    *ret = claim_check(run, object->kind, object->namespace, object->name, NULL, &leave, err);
    return *ret < 0 || leave;
}

int reconcile_ensure(struct reconcile_run *run, const struct node *wanted, bool *ret_changed,
                     struct err *err)
{
    const struct kind *kind =
        kinds_by_kind(objects_kinds(run->objects), node_get_text(wanted, "apiVersion"),
                      node_get_text(wanted, "kind"));
    bool leave = false;

    if (ret_changed)
        *ret_changed = false;
    if (kind &&
        claim_check(run, kind, meta_namespace(wanted), meta_name(wanted), wanted, &leave, err) < 0)
        return -1;
    if (leave)
        return 0;
    if (objects_ensure(run->objects, manager_of_run(run), wanted, ret_changed, err) < 0)
        return err_wrap(err, "%s %s", node_get_text(wanted, "kind"), meta_name(wanted));
    return 0;
}

int reconcile_status(struct reconcile_run *run, const struct seen *seen, const struct node *status,
                     bool *ret_changed, struct err *err)
{
    int result;

    if (ret_changed)
        *ret_changed = false;
    if (may_not_change(run, seen->object, &result, err))
        return result;
    if (objects_set_status(run->objects, manager_of_run(run), seen->object, status, ret_changed,
                           err) < 0)
        return err_wrap(err, "status of %s", seen->object->name);
    return 0;
}

int reconcile_finalizer(struct reconcile_run *run, const struct seen *seen, const char *finalizer,
                        bool present, struct err *err)
{
    int result;

    if (meta_has_finalizer(seen->node, finalizer) == present)
        return 0;
    if (may_not_change(run, seen->object, &result, err))
        return result;
    if (objects_set_finalizer(run->objects, manager_of_run(run), seen->object, finalizer, present,
                              err) < 0)
        return err_wrap(err, "finalizer of %s", seen->object->name);
    return 0;
}

int reconcile_remove_kind(struct reconcile_run *run, const struct kind *kind, const char *namespace,
                          const char *name, struct err *err)
{
    scoped_object struct object *before =
        objects_get(run->objects, OBJECTS_STAGED, kind, namespace, name, NULL);
    int result;

    if (!before || before->deleting)
        return 0;
    if (may_not_change(run, before, &result, err)) {
        if (result == 0 || err->code != ERR_TAKEN)
            return result;
        *err = (struct err){0};
        return 0;
    }
    if (objects_remove(run->objects, manager_of_run(run), kind, namespace, name, err) < 0)
        return err_wrap(err, "delete %s", name);
    return 0;
}

int reconcile_remove(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                     const char *name, struct err *err)
{
    return reconcile_remove_kind(run, run->all->kinds[kind], namespace, name, err);
}

int reconcile_patch(struct reconcile_run *run, const struct seen *seen, const struct node *patch,
                    struct err *err)
{
    struct objects_result result = {.arena = run->arena};
    struct objects_write write = {
        .who = {manager_of_run(run), manager_of_run(run), true},
        .kind = seen->object->kind,
        .namespace = seen->object->namespace,
        .name = seen->object->name,
        .body = patch,
        .patch = OBJECTS_PATCH_MERGE,
        .grace = -1,
    };
    int changeable;

    if (may_not_change(run, seen->object, &changeable, err))
        return changeable;
    if (objects_patch(run->objects, &write, &result, err) < 0)
        return err_wrap(err, "patch %s", seen->object->name);
    object_drop(&result.object);
    return 0;
}
