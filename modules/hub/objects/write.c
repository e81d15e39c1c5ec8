/* SPDX-License-Identifier: Apache-2.0 */
/* Creates and updates by Kubernetes' rules; the doors to all writes. */

#include "objects/write_op.h"

#include "base/text.h"
#include "document/document.h"
#include "store/store.h"

#include <string.h>

/* ---- Create ------------------------------------------------------------- */

static int check_space(struct write_op *op)
{
    const struct node *metadata = node_get(op->after, "metadata");
    const char *space = node_get_text(metadata, "namespace");
    const char *asked = op->write->space ? op->write->space : "";
    const struct kind *kind;
    const struct object *object;

    if (*space && strcmp(space, asked))
        return err_set(op->err, ERR_BAD_REQUEST,
                       "the namespace of the provided object does not match "
                       "the namespace sent on the request");
    if (!op->kind->namespaced)
        return 0;
    kind = kinds_find(op->objects->kinds, "", "namespaces");
    object = kind ? table_find(table_of(op->objects, kind), OBJECTS_STAGED, "", asked) : NULL;
    if (kind && !object) {
        write_op_set_details(op, asked, "", "namespaces");
        return not_found(kind, asked, op->err);
    }
    if (object && object->deleting)
        return err_set(op->err, ERR_FORBIDDEN,
                       "%s \"%s\" is forbidden: unable to create new content "
                       "in namespace %s because it is being terminated",
                       op->kind->resource, node_get_text(metadata, "name"), asked);
    return 0;
}

int write_op_create(struct write_op *op)
{
    struct node *metadata;
    const char *name;

    if (!node_is(op->after, NODE_MAP))
        return write_op_cannot_handle(op, "json: cannot unmarshal: not an object");
    if (store_check_room(op->objects->store, op->err) < 0 ||
        write_op_check_type(op) < 0 || write_op_check_fields(op) < 0)
        return -1;
    write_op_arrange(op);
    metadata = node_get(op->after, "metadata");
    if (*node_get_text(metadata, "resourceVersion"))
        return err_set(op->err, ERR_OTHER,
                       "resourceVersion should not be set on objects to be "
                       "created");
    generate_name(op->arena, metadata);
    if (check_space(op) < 0)
        return -1;
    if (op->kind->namespaced)
        node_set_text(op->arena, metadata, "namespace", op->write->space);
    else
        node_remove(metadata, "namespace");
    fill_metadata(op->arena, op->kind, op->after);
    if (kind_has_status(op->kind) && !op->write->who.trusted)
        node_remove(op->after, "status");
    if (write_op_judge(op) < 0)
        return -1;
    name = node_get_text(node_get(op->after, "metadata"), "name");
    write_op_look_up(op, name);
    if (op->live)
        return err_set(op->err, ERR_EXISTS, "%s \"%s\" already exists", op->kind->resource, name);
    write_op_track(op);
    write_op_finish(op, false);
    op->ret->created = true;
    return 0;
}

static int run_create(struct objects *objects, const struct objects_write *write,
                          struct objects_result *ret, struct write_op *op, struct err *err)
{
    if (write_op_start(op, objects, write, ret, err) < 0)
        return -1;
    op->after = node_copy(op->arena, write->body);
    return write_op_create(op);
}

/* ---- Update ------------------------------------------------------------- */

/* What an update can never change. */
static void keep_metadata(struct write_op *op)
{
    static const char *const kept[] = {
        "namespace",         "uid",
        "generation",        "creationTimestamp",
        "deletionTimestamp", "deletionGracePeriodSeconds",
        "generateName",      "selfLink",
        "resourceVersion",
    };
    struct node *metadata = node_get(op->after, "metadata");
    const struct node *old = node_get(op->before, "metadata");

    for (size_t i = 0; i < count_of(kept); i++) {
        struct node *value = node_get(old, kept[i]);

        if (value)
            node_set(op->arena, metadata, kept[i], value);
        else
            node_remove(metadata, kept[i]);
    }
    if (node_get(metadata, "finalizers") && !node_count(node_get(metadata, "finalizers")))
        node_remove(metadata, "finalizers");
}

static int check_identity(struct write_op *op)
{
    const struct node *metadata = node_get(op->after, "metadata");
    const char *name = node_get_text(metadata, "name");
    const char *space = node_get_text(metadata, "namespace");
    const char *uid = node_get_text(metadata, "uid");
    const char *revision = node_get_text(metadata, "resourceVersion");
    long long number;

    if (*name && strcmp(name, op->write->name))
        return err_set(op->err, ERR_BAD_REQUEST,
                       "the name of the object (%s) does not match the name "
                       "on the URL (%s)",
                       name, op->write->name);
    if (*space && strcmp(space, op->write->space ? op->write->space : ""))
        return err_set(op->err, ERR_BAD_REQUEST,
                       "the namespace of the object (%s) does not match the "
                       "namespace on the URL (%s)",
                       space, op->write->space ? op->write->space : "");
    if (*uid && strcmp(uid, op->live->uid))
        return write_op_conflict(op, arena_printf(op->arena,
                                              "StorageError: invalid object, Code: 4, Key: "
                                              "/registry/%s/%s/%s, ResourceVersion: 0, "
                                              "AdditionalErrorMsg: Precondition failed: UID in "
                                              "precondition: %s, UID in object meta: %s",
                                              op->kind->plural, op->live->space, op->live->name,
                                              uid, op->live->uid));
    if (!*revision || text_same(revision, "0"))
        return 0;
    if (!text_to_int(revision, &number) || number < 0)
        return err_set(op->err, ERR_OTHER, "strconv.ParseUint: parsing \"%s\": invalid syntax",
                       revision);
    if (number != op->live->revision)
        return write_op_conflict(op, "the object has been modified; please apply your "
                                 "changes to the latest version and try again");
    return 0;
}

/* An approval decides, and changes nothing else: not the certificate. */
static struct node *with_conditions(struct write_op *op, struct node *whole, const struct node *sent)
{
    struct node *status = node_make(op->arena, whole, "status");
    struct node *conditions = node_get(sent, "conditions");

    if (conditions)
        node_set(op->arena, status, "conditions", conditions);
    else
        node_remove(status, "conditions");
    return status;
}

/* Only the status comes from what was sent; all else stays. */
static void take_status(struct write_op *op)
{
    struct node *whole = node_copy(op->arena, op->before);
    struct node *status = node_get(op->after, "status");
    struct node *managers = node_at(op->after, "metadata", "managedFields", NULL);

    if (write_op_is_csr(op->kind) && text_same(op->write->subresource, "approval"))
        status = with_conditions(op, whole, status);
    if (status)
        node_set(op->arena, whole, "status", status);
    else
        node_remove(whole, "status");
    if (write_op_is_csr(op->kind))
        stamp_conditions(op->arena, whole, op->before);
    if (managers)
        node_set(op->arena, node_get(whole, "metadata"), "managedFields", managers);
    op->after = whole;
}

static void keep_status(struct write_op *op)
{
    struct node *status = node_get(op->before, "status");

    if (!kind_has_status(op->kind))
        return;
    if (status)
        node_set(op->arena, op->after, "status", status);
    else
        node_remove(op->after, "status");
}

static bool spec_differs(const struct write_op *op)
{
    struct node *a = node_share(op->arena, op->before);
    struct node *b = node_share(op->arena, op->after);

    node_remove(a, "metadata");
    node_remove(b, "metadata");
    if (kind_has_status(op->kind)) {
        node_remove(a, "status");
        node_remove(b, "status");
    }
    return !node_same(a, b);
}

void write_op_raise_generation(struct write_op *op)
{
    struct node *metadata = node_get(op->after, "metadata");
    int64_t generation = node_get_int(node_get(op->before, "metadata"), "generation", 0);

    if (!op->kind->no_generation)
        node_set_int(op->arena, metadata, "generation", generation + 1);
}

/* A lease that was only renewed: memory changes, nothing else. */
static bool is_renewal(struct write_op *op)
{
    struct node *trees[2];

    if (!op->kind->is_volatile || op->write->dry_run ||
        table_find(op->table, OBJECTS_PUBLISHED, op->live->space, op->live->name) != op->live)
        return false;
    for (size_t i = 0; i < count_of(trees); i++) {
        trees[i] = node_copy(op->arena, write_op_bare(op->arena, i ? op->after : op->before, true));
        node_remove(node_get(trees[i], "spec"), "renewTime");
    }
    return node_same(trees[0], trees[1]);
}

static void put_renewal(struct write_op *op)
{
    struct node *tree = write_op_stored_tree(op);
    struct node *managers = node_at(op->before, "metadata", "managedFields", NULL);

    if (managers)
        node_set(op->arena, node_get(tree, "metadata"), "managedFields", managers);
    op->ret->object = object_hold(replace_now(op->objects, op->table, op->arena, tree));
}

int write_op_update(struct write_op *op)
{
    bool managers_given;

    if (!node_is(op->after, NODE_MAP))
        return write_op_cannot_handle(op, "json: cannot unmarshal: not an object");
    if (write_op_check_type(op) < 0 || write_op_check_fields(op) < 0)
        return -1;
    write_op_arrange(op);
    if (check_identity(op) < 0)
        return -1;
    node_set_text(op->arena, node_get(op->after, "metadata"), "name", op->write->name);
    if (write_op_is_status(op))
        take_status(op);
    else
        keep_status(op);
    keep_metadata(op);
    managers_given = node_at(op->after, "metadata", "managedFields", NULL);
    if (!managers_given && node_at(op->before, "metadata", "managedFields", NULL))
        node_set(op->arena, node_get(op->after, "metadata"), "managedFields",
                 node_at(op->before, "metadata", "managedFields", NULL));
    if (write_op_judge(op) < 0)
        return -1;
    if (!write_op_is_status(op) && spec_differs(op))
        write_op_raise_generation(op);
    if (is_renewal(op)) {
        put_renewal(op);
        return 0;
    }
    write_op_track(op);
    if (write_op_is_unchanged(op)) {
        write_op_finish_unchanged(op);
        return 0;
    }
    write_op_finish(op, op->live->deleting && !node_at(op->after, "metadata", "finalizers", NULL) &&
                        (!is_core(op->kind, "namespaces") ||
                         collect_space_is_empty(op->objects, op->live->name)));
    return 0;
}

static int run_update(struct objects *objects, const struct objects_write *write,
                          struct objects_result *ret, struct write_op *op, struct err *err)
{
    if (write_op_start(op, objects, write, ret, err) < 0)
        return -1;
    write_op_look_up(op, write->name);
    if (!op->live)
        return not_found(op->kind, write->name, err);
    op->after = node_copy(op->arena, write->body);
    return write_op_update(op);
}

/* ---- The doors ---------------------------------------------------------- */

typedef int run_fn(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct write_op *op, struct err *err);

static int run(run_fn *fn, struct objects *objects, const struct objects_write *write,
               struct objects_result *ret, struct err *err)
{
    struct err unwanted = {0}; /* a caller may not want to know why */
    struct write_op op;

    return fn(objects, write, ret, &op, err ? err : &unwanted) < 0 ? write_op_fail(&op) : 0;
}

int objects_create(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err)
{
    return run(run_create, objects, write, ret, err);
}

int objects_update(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err)
{
    return run(run_update, objects, write, ret, err);
}

int objects_patch(struct objects *objects, const struct objects_write *write,
                  struct objects_result *ret, struct err *err)
{
    return run(write_op_run_patch, objects, write, ret, err);
}

int objects_delete(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err)
{
    return run(write_op_run_delete, objects, write, ret, err);
}
