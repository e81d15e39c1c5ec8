/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes objects for the controller whose turn it is. */
#include "controllers/claim.h"
#include "controllers/queue.h"
#include "meta/meta.h"

#include <stdarg.h>
#include <string.h>

char *controller_manager(struct arena *arena, const struct controller *self)
{
    return arena_printf(arena, "axle-%s", self->name);
}

static char *manager_of(const struct pass *pass)
{
    return controller_manager(pass->arena, pass->self);
}

/* Keeps a reference as long as the pass; dropped with the others at its end. */
static struct object *get(struct pass *pass, const struct kind *kind,
                          const char *space, const char *name)
{
    return objects_get(pass->objects, OBJECTS_STAGED, kind, space, name, NULL);
}

bool pass_get(struct pass *pass, enum which kind, const char *space,
              const char *name, struct seen *ret)
{
    scoped_object struct object *found = NULL;
    struct object *copy;

    *ret = (struct seen) { 0 };
    found = get(pass, pass->all->kinds[kind], space, name);
    if (!found)
        return false;
    ret->node = object_read(pass->arena, found);
    /* A copy of the outside in the arena needs no dropping. */
    copy = arena_alloc(pass->arena, sizeof *copy);
    *copy = *found;
    copy->space = arena_string(pass->arena, found->space);
    copy->name = arena_string(pass->arena, found->name);
    copy->uid = arena_string(pass->arena, found->uid);
    copy->body = arena_bytes(pass->arena, found->body, found->len);
    ret->object = copy;
    return true;
}

struct node *pass_read(struct pass *pass, enum which kind, const char *space,
                       const char *name)
{
    scoped_object struct object *found = NULL;

    found = get(pass, pass->all->kinds[kind], space, name);
    return found ? object_read(pass->arena, found) : NULL;
}

struct listing {
    struct pass *pass;
    struct node *list;
    const char *space, *label, *value;
};

static void add_to_list(void *arg, const struct object *object)
{
    struct listing *listing = arg;
    struct node *node;

    /* Most objects are ruled out by a look at the bytes. */
    if (listing->value && !memmem(object->body, object->len, listing->value,
                                  strlen(listing->value)))
        return;
    if (*listing->space && strcmp(object->space, listing->space))
        return;
    node = object_read(listing->pass->arena, object);
    if (listing->label &&
        strcmp(meta_label(node, listing->label), listing->value))
        return;
    node_add(listing->pass->arena, listing->list, node);
}

struct node *pass_list(struct pass *pass, enum which kind, const char *space,
                       const char *label, const char *value)
{
    struct listing listing = { pass, node_list(pass->arena), space ? space : "",
                               label, value };

    if (!controllers_index_each(pass, kind, label, value, add_to_list, &listing))
        objects_each(pass->objects, OBJECTS_STAGED, pass->all->kinds[kind],
                     listing.space, add_to_list, &listing);
    return listing.list;
}

struct node *pass_new(struct pass *pass, enum which kind, const char *space,
                      const char *name)
{
    struct node *object = node_map(pass->arena), *metadata;

    node_set_text(pass->arena, object, "apiVersion",
                  which_rows[kind].api_version);
    node_set_text(pass->arena, object, "kind", which_rows[kind].kind);
    metadata = node_make(pass->arena, object, "metadata");
    node_set_text(pass->arena, metadata, "name", name);
    if (*space)
        node_set_text(pass->arena, metadata, "namespace", space);
    return object;
}

struct node *pass_read_own(struct pass *pass, enum which kind, const char *space,
                           const char *name)
{
    struct node *there = pass_read(pass, kind, space, name);

    return claim_is_own(pass, pass->all->kinds[kind], there) ? there : NULL;
}

struct node *pass_list_own(struct pass *pass, enum which kind, const char *space,
                           const char *label, const char *value)
{
    const struct node *all = pass_list(pass, kind, space, label, value);
    struct node *own = node_list(pass->arena);

    for (size_t i = 0; i < node_count(all); i++)
        if (claim_is_own(pass, pass->all->kinds[kind], node_item(all, i)))
            node_add(pass->arena, own, node_item(all, i));
    return own;
}

/* Another's is left alone: true, and there is nothing to do or `err` is set. */
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
    if (objects_ensure(pass->objects, manager_of(pass), wanted, ret_changed,
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
    if (objects_set_status(pass->objects, manager_of(pass), seen->object,
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
    if (objects_set_finalizer(pass->objects, manager_of(pass), seen->object,
                              finalizer, present, err) < 0)
        return err_wrap(err, "finalizer of %s", seen->object->name);
    return 0;
}

int pass_remove_kind(struct pass *pass, const struct kind *kind,
                     const char *space, const char *name, struct err *err)
{
    scoped_object struct object *before = get(pass, kind, space, name);
    int result;

    if (!before || before->deleting)
        return 0;
    if (may_not_change(pass, before, &result, err)) {
        if (result == 0 || err->code != ERR_TAKEN)
            return result;
        *err = (struct err) { 0 };
        return 0;
    }
    if (objects_remove(pass->objects, manager_of(pass), kind, space, name,
                       err) < 0)
        return err_wrap(err, "delete %s", name);
    return 0;
}

int pass_remove(struct pass *pass, enum which kind, const char *space,
                const char *name, struct err *err)
{
    return pass_remove_kind(pass, pass->all->kinds[kind], space, name, err);
}

void pass_event(struct pass *pass, const struct seen *about, bool warning,
                const char *reason, const char *format, ...)
{
    va_list args;
    char *words;

    if (pass->all->proof && proof_is_running(pass->all->proof))
        return;
    va_start(args, format);
    words = arena_vprintf(pass->arena, format, args);
    va_end(args);
    objects_event(pass->objects, manager_of(pass), about->object, warning,
                  reason, "%s", words);
}

void pass_wake_at(struct pass *pass, int64_t wall)
{
    if (wall && (!pass->wake_at || wall < pass->wake_at))
        pass->wake_at = wall;
}

int pass_patch(struct pass *pass, const struct seen *seen,
               const struct node *patch, struct err *err)
{
    struct objects_result result = { .arena = pass->arena };
    struct objects_write write = {
        .who = { manager_of(pass), manager_of(pass), true },
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
