/* SPDX-License-Identifier: Apache-2.0 */
/* Patches an object: merge, JSON and strategic patches, and server-side apply. */

#include "objects/write_op.h"

#include "base/clock.h"
#include "document/document.h"
#include "patch/patch.h"

#include <string.h>

static void refuse_patch(struct write_op *op, const char *want)
{
    err_set(op->err, ERR_BAD_REQUEST,
            "error decoding patch: json: cannot unmarshal %s into Go "
            "value of type %s",
            node_type_name(op->write->body->type), want);
}

static struct node *make_patched(struct write_op *op, const struct node *live)
{
    const struct node *patch = op->write->body;
    struct node *node = NULL;

    switch (op->write->patch) {
    case OBJECTS_PATCH_MERGE:
        if (!node_is(patch, NODE_MAP))
            refuse_patch(op, "map[string]interface {}");
        else
            node = patch_merge(op->arena, live, patch);
        return node;
    case OBJECTS_PATCH_STRATEGIC:
        if (!node_is(patch, NODE_MAP))
            refuse_patch(op, "map[string]interface {}");
        else
            node = patch_strategic(op->arena, op->kind->schema, live, patch, op->err);
        return node;
    case OBJECTS_PATCH_JSON:
        if (!node_is(patch, NODE_LIST)) {
            refuse_patch(op, "[]handlers.jsonPatchOp");
            return NULL;
        }
        node = patch_json(op->arena, live, patch, NULL, op->err);
        if (!node)
            write_op_set_details(op, "", "", "");
        return node;
    case OBJECTS_PATCH_APPLY:
        break;
    }
    return NULL;
}

static int apply_sent(struct write_op *op)
{
    char time[CLOCK_TEXT];
    struct patch_writer writer = write_op_writer(op, time);
    struct node *causes = node_list(op->arena), *result;
    const struct node *metadata = node_get(op->write->body, "metadata");
    const char *name = node_get_text(metadata, "name");

    if (!op->write->who.manager || !*op->write->who.manager)
        return write_op_bad_option(op, "PatchOptions", "FieldValueRequired", "fieldManager", NULL,
                                   "is required for apply patch");
    if (*name && strcmp(name, op->write->name))
        return err_set(op->err, ERR_BAD_REQUEST,
                       "the name of the object (%s) does not match the name "
                       "on the URL (%s)",
                       name, op->write->name);
    if (!op->live && op->write->subresource)
        return table_not_found(op->kind, op->write->name, op->err);
    result = patch_apply(op->arena, &writer, op->before, op->write->body, causes, op->err);
    if (!result) {
        op->ret->causes = causes;
        if (op->err && op->err->code == ERR_CONFLICT)
            write_op_set_details(op, "", "", "");
        else if (op->err && op->err->code == ERR_INTERNAL)
            op->err->code = ERR_OTHER; /* a kube-apiserver gives no reason either */
        return -1;
    }
    op->after = node_copy(op->arena, result);
    op->tracked = true;
    if (op->live)
        return write_op_update(op);
    node_set_text(op->arena, node_make(op->arena, op->after, "metadata"), "name", op->write->name);
    return write_op_create(op);
}

int write_op_patch(struct write_op *op)
{
    struct node *next;

    write_op_look_up(op, op->write->name);
    if (op->write->patch == OBJECTS_PATCH_APPLY)
        return apply_sent(op);
    if (!op->live)
        return table_not_found(op->kind, op->write->name, op->err);
    next = make_patched(op, op->before);
    if (!next)
        return -1;
    op->after = node_copy(op->arena, next);
    op->patched = true;
    return write_op_update(op);
}
