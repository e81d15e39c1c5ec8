/* SPDX-License-Identifier: Apache-2.0 */
/* Creates an object by Kubernetes' rules. */

#include "objects/write_op.h"

#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "store/store.h"

#include <string.h>

static int check_target_namespace(struct write_op *op)
{
    const struct node *metadata = node_get(op->after, "metadata");
    const char *namespace = node_get_text(metadata, "namespace");
    const char *requested = op->write->namespace ? op->write->namespace : "";
    const struct kind *kind;
    const struct object *object;

    if (*namespace && strcmp(namespace, requested))
        return err_set(op->err, ERR_BAD_REQUEST,
                       "the namespace of the provided object does not match "
                       "the namespace sent on the request");
    if (!op->kind->namespaced)
        return 0;
    kind = kinds_find(op->objects->keeper.kinds, "", "namespaces");
    object = kind ? table_find(table_of(&op->objects->keeper, kind), OBJECTS_STAGED, "", requested)
                  : NULL;
    if (kind && !object) {
        write_op_set_details(op, requested, "", "namespaces");
        return table_not_found(kind, requested, op->err);
    }
    if (object && object->deleting)
        return err_set(op->err, ERR_FORBIDDEN,
                       "%s \"%s\" is forbidden: unable to create new content "
                       "in namespace %s because it is being terminated",
                       op->kind->resource, node_get_text(metadata, "name"), requested);
    return 0;
}

int write_op_create(struct write_op *op)
{
    struct node *metadata;
    const char *name;

    if (!node_is(op->after, NODE_MAP))
        return write_op_cannot_handle(op, "json: cannot unmarshal: not an object");
    if (store_check_room(op->objects->keeper.store, op->err) < 0 || write_op_check_type(op) < 0 ||
        write_op_check_fields(op) < 0)
        return -1;
    write_op_arrange(op);
    metadata = node_get(op->after, "metadata");
    if (*node_get_text(metadata, "resourceVersion"))
        return err_set(op->err, ERR_OTHER,
                       "resourceVersion should not be set on objects to be "
                       "created");
    metadata_generate_name(op->arena, metadata);
    if (check_target_namespace(op) < 0)
        return -1;
    if (op->kind->namespaced)
        node_set_text(op->arena, metadata, "namespace", op->write->namespace);
    else
        node_remove(metadata, "namespace");
    metadata_fill(op->arena, op->kind, op->after);
    if (kind_has_status(op->kind) && !op->write->who.trusted)
        node_remove(op->after, "status");
    if (write_op_judge(op) < 0)
        return -1;
    name = meta_name(op->after);
    write_op_look_up(op, name);
    if (op->live)
        return err_set(op->err, ERR_EXISTS, "%s \"%s\" already exists", op->kind->resource, name);
    write_op_track(op);
    write_op_finish(op, false);
    op->ret->created = true;
    return 0;
}
