/* SPDX-License-Identifier: Apache-2.0 */
/* Updates an object or its status by Kubernetes' rules, and renews leases. */

#include "objects/write_op.h"

#include "base/text.h"
#include "document/document.h"

#include <string.h>

/* Restores the metadata that an update can never change. */
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
    const char *namespace = node_get_text(metadata, "namespace");
    const char *uid = node_get_text(metadata, "uid");
    const char *revision = node_get_text(metadata, "resourceVersion");
    long long number;

    if (*name && strcmp(name, op->write->name))
        return err_set(op->err, ERR_BAD_REQUEST,
                       "the name of the object (%s) does not match the name "
                       "on the URL (%s)",
                       name, op->write->name);
    if (*namespace && strcmp(namespace, op->write->namespace ? op->write->namespace : ""))
        return err_set(op->err, ERR_BAD_REQUEST,
                       "the namespace of the object (%s) does not match the "
                       "namespace on the URL (%s)",
                       namespace, op->write->namespace ? op->write->namespace : "");
    if (*uid && strcmp(uid, op->live->uid))
        return write_op_conflict(op, arena_printf(op->arena,
                                                  "StorageError: invalid object, Code: 4, Key: "
                                                  "/registry/%s/%s/%s, ResourceVersion: 0, "
                                                  "AdditionalErrorMsg: Precondition failed: UID in "
                                                  "precondition: %s, UID in object meta: %s",
                                                  op->kind->plural, op->live->namespace,
                                                  op->live->name, uid, op->live->uid));
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

/* The subresource `approval` changes conditions only, and not the certificate. */
static struct node *with_conditions(struct write_op *op, struct node *whole,
                                    const struct node *sent)
{
    struct node *status = node_make(op->arena, whole, "status");
    struct node *conditions = node_get(sent, "conditions");

    if (conditions)
        node_set(op->arena, status, "conditions", conditions);
    else
        node_remove(status, "conditions");
    return status;
}

/* Takes the status from what was sent, and all else from the stored object. */
static void take_status(struct write_op *op)
{
    struct node *whole = node_copy(op->arena, op->before);
    struct node *status = node_get(op->after, "status");
    struct node *managers = node_at(op->after, "metadata", "managedFields", NULL);

    if (approval_is_csr(op->kind) && text_same(op->write->subresource, "approval"))
        status = with_conditions(op, whole, status);
    if (status)
        node_set(op->arena, whole, "status", status);
    else
        node_remove(whole, "status");
    if (approval_is_csr(op->kind))
        approval_stamp(op->arena, whole, op->before);
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

/* Whether the object changes beyond its metadata; the status is the stored one by now. */
static bool spec_differs(const struct write_op *op)
{
    struct node *a = node_share(op->arena, op->before);
    struct node *b = node_share(op->arena, op->after);

    node_remove(a, "metadata");
    node_remove(b, "metadata");
    return !node_same(a, b);
}

/* Whether only the renewTime of a lease changes. That is kept in memory and never
   written: thousands of spokes renew theirs every few seconds. */
static bool is_renewal(struct write_op *op)
{
    struct node *trees[2];

    if (!op->kind->is_volatile || op->write->dry_run ||
        table_find(op->table, OBJECTS_PUBLISHED, op->live->namespace, op->live->name) != op->live)
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
    op->ret->object =
        object_hold(stage_publish_now(&op->objects->keeper, op->table, op->arena, tree));
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
                            (!kind_is_core(op->kind, "namespaces") ||
                             objects_space_is_empty(op->objects, op->live->name)));
    return 0;
}
