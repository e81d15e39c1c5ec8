/* SPDX-License-Identifier: Apache-2.0 */
/* Writes objects for the controller that runs, if they belong to its subject. */
#include "controllers/pass.h"

#include "controllers/claim.h"
#include "meta/meta.h"

#include <string.h>

static char *manager_of_run(const struct pass *pass)
{
    return controller_manager(pass->arena, pass->self);
}

struct node *pass_read_own(struct pass *pass, enum kind_id kind, const char *space,
                           const char *name)
{
    struct node *there = pass_read(pass, kind, space, name);

    return claim_is_own(pass, pass->all->kinds[kind], there) ? there : NULL;
}

struct node *pass_list_own(struct pass *pass, enum kind_id kind, const char *space,
                           const char *label, const char *value)
{
    const struct node *all = pass_list(pass, kind, space, label, value);
    struct node *own = node_list(pass->arena);

    for (size_t i = 0; i < node_count(all); i++)
        if (claim_is_own(pass, pass->all->kinds[kind], node_item(all, i)))
            node_add(pass->arena, own, node_item(all, i));
    return own;
}

/* True if the object is not the subject's: it is left as it is, and `*ret` is the
   answer (-1: `err` says why). */
static bool may_not_change(struct pass *pass, const struct object *object, int *ret,
                           struct err *err)
{
    bool leave;

    *ret = claim_check(pass, object->kind, object->space, object->name, NULL, &leave, err);
    return *ret < 0 || leave;
}

int pass_ensure(struct pass *pass, const struct node *wanted,
                bool *ret_changed, struct err *err)
{
    const struct kind *kind = kinds_by_kind(objects_kinds(pass->objects),
                                            node_get_text(wanted, "apiVersion"),
                                            node_get_text(wanted, "kind"));
    bool leave = false;

    if (ret_changed)
        *ret_changed = false;
    if (kind && claim_check(pass, kind, meta_namespace(wanted), meta_name(wanted), wanted,
                            &leave, err) < 0)
        return -1;
    if (leave)
        return 0;
    if (objects_ensure(pass->objects, manager_of_run(pass), wanted, ret_changed,
                       err) < 0)
        return err_wrap(err, "%s %s", node_get_text(wanted, "kind"),
                        meta_name(wanted));
    return 0;
}

int pass_status(struct pass *pass, const struct seen *seen,
                const struct node *status, bool *ret_changed, struct err *err)
{
    int result;

    if (ret_changed)
        *ret_changed = false;
    if (may_not_change(pass, seen->object, &result, err))
        return result;
    if (objects_set_status(pass->objects, manager_of_run(pass), seen->object,
                           status, ret_changed, err) < 0)
        return err_wrap(err, "status of %s", seen->object->name);
    return 0;
}

int pass_finalizer(struct pass *pass, const struct seen *seen,
                   const char *finalizer, bool present, struct err *err)
{
    int result;

    if (meta_has_finalizer(seen->node, finalizer) == present)
        return 0;
    if (may_not_change(pass, seen->object, &result, err))
        return result;
    if (objects_set_finalizer(pass->objects, manager_of_run(pass), seen->object,
                              finalizer, present, err) < 0)
        return err_wrap(err, "finalizer of %s", seen->object->name);
    return 0;
}

int pass_remove_kind(struct pass *pass, const struct kind *kind,
                     const char *space, const char *name, struct err *err)
{
    scoped_object struct object *before = 
        objects_get(pass->objects, OBJECTS_STAGED, kind, space, name, NULL);
    int result;

    if (!before || before->deleting)
        return 0;
    if (may_not_change(pass, before, &result, err)) {
        if (result == 0 || err->code != ERR_TAKEN)
            return result;
        *err = (struct err) { 0 };
        return 0;
    }
    if (objects_remove(pass->objects, manager_of_run(pass), kind, space, name,
                       err) < 0)
        return err_wrap(err, "delete %s", name);
    return 0;
}

int pass_remove(struct pass *pass, enum kind_id kind, const char *space,
                const char *name, struct err *err)
{
    return pass_remove_kind(pass, pass->all->kinds[kind], space, name, err);
}

int pass_patch(struct pass *pass, const struct seen *seen,
               const struct node *patch, struct err *err)
{
    struct objects_result result = { .arena = pass->arena };
    struct objects_write write = {
        .who = { manager_of_run(pass), manager_of_run(pass), true },
        .kind = seen->object->kind, .space = seen->object->space,
        .name = seen->object->name, .body = patch,
        .patch = OBJECTS_PATCH_MERGE, .grace = -1,
    };
    int changeable;

    if (may_not_change(pass, seen->object, &changeable, err))
        return changeable;
    if (objects_patch(pass->objects, &write, &result, err) < 0)
        return err_wrap(err, "patch %s", seen->object->name);
    object_drop(&result.object);
    return 0;
}
