/* SPDX-License-Identifier: Apache-2.0 */
/* Begins a write, tracks which manager set which field, and stages the result. */

#include "objects/write_op.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "patch/patch.h"
#include "schema/schema.h"
#include "store/store.h"

#include <assert.h>
#include <string.h>

#define MANAGER_AT_MOST 128

bool write_op_is_status(const struct write_op *op)
{
    return text_same(op->write->subresource, "status") ||
           text_same(op->write->subresource, "approval");
}

/* Fills the details of the Status, which programs read. */
void write_op_set_details(struct write_op *op, const char *name, const char *group,
                          const char *kind)
{
    struct node *details = node_map(op->arena);

    if (name && *name)
        node_set_text(op->arena, details, "name", name);
    if (*group)
        node_set_text(op->arena, details, "group", group);
    if (*kind)
        node_set_text(op->arena, details, "kind", kind);
    if (node_count(op->ret->causes))
        node_set(op->arena, details, "causes", op->ret->causes);
    op->ret->details = details;
}

/* Adds the usual details unless the failing step has set its own; always -1. */
int write_op_fail(struct write_op *op)
{
    const char *name = op->write->name;

    if (!name || !*name)
        name = meta_name(op->after);
    if (op->ret->details || !op->err)
        return -1;
    switch (op->err->code) {
    case ERR_NOT_FOUND:
    case ERR_EXISTS:
    case ERR_CONFLICT:
    case ERR_FORBIDDEN:
        write_op_set_details(op, name, op->kind->group, op->kind->plural);
        break;
    case ERR_INVALID:
        write_op_set_details(op, name, op->kind->group, op->kind->kind);
        break;
    default:
        break;
    }
    return -1;
}

/* Refuses an option of the request. */
int write_op_bad_option(struct write_op *op, const char *options, const char *reason,
                        const char *field, const struct node *value, const char *why)
{
    op->ret->causes = node_list(op->arena);
    schema_add_cause(op->arena, op->ret->causes, reason, field, value, "%s", why);
    err_set(op->err, ERR_INVALID, "%s",
            schema_sentence(op->arena, options, META_GROUP_META, "", op->ret->causes));
    write_op_set_details(op, "", META_GROUP_META, options);
    return -1;
}

int write_op_conflict(const struct write_op *op, const char *why)
{
    return err_set(op->err, ERR_CONFLICT, "Operation cannot be fulfilled on %s \"%s\": %s",
                   op->kind->resource, op->write->name, why);
}

/*
 * Refuses bytes that do not become an object of the kind, in a kube-apiserver's words.
 * A kube-apiserver shows the whole patched object; here it is cut, so that the reason
 * still fits into the error.
 */
int write_op_cannot_handle(struct write_op *op, const char *why)
{
    const char *shown;

    if (!op->patched)
        return err_set(op->err, ERR_BAD_REQUEST,
                       "%s in version \"%s\" cannot be handled as a %s: %s", op->kind->kind,
                       op->kind->version, op->kind->kind, why);
    shown = arena_printf(op->arena, "%.300s", document_json(op->arena, op->after));
    op->ret->causes = node_list(op->arena);
    schema_add_cause(op->arena, op->ret->causes, "FieldValueInvalid", "patch",
                     text_is_utf8(shown, strlen(shown)) ? node_string(op->arena, shown) : NULL,
                     "%s", why);
    write_op_set_details(op, "", "", "");
    return err_set(op->err, ERR_INVALID, "%s",
                   schema_sentence(op->arena, "", "", "", op->ret->causes));
}

int write_op_start(struct write_op *op, struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err)
{
    assert(ret->arena);
    *ret = (struct objects_result){.arena = ret->arena};
    *op = (struct write_op){
        .objects = objects,
        .table = table_of(&objects->keeper, write->kind),
        .write = write,
        .kind = write->kind,
        .arena = ret->arena,
        .ret = ret,
        .err = err,
    };
    if (!op->table)
        return err_set(err, ERR_METHOD, "%s are answered, not kept", write->kind->resource);
    if (write->who.manager && strlen(write->who.manager) > MANAGER_AT_MOST)
        return write_op_bad_option(op, write->name ? "PatchOptions" : "CreateOptions",
                                   "FieldValueTooLong", "fieldManager", NULL,
                                   "may not be more than 128 bytes");
    /* A lease that is renewed is not written, so it must be possible while the disk hangs. */
    if (write->dry_run || write->kind->is_volatile)
        return 0;
    return store_check_backlog(objects->keeper.store, err);
}

void write_op_look_up(struct write_op *op, const char *name)
{
    const char *namespace = op->write->namespace ? op->write->namespace : "";

    op->live = table_find(op->table, OBJECTS_STAGED, namespace, name);
    if (op->live)
        op->before = kind_convert(op->arena, op->kind, object_read(op->arena, op->live));
}

/* ---- Field managers ----------------------------------------------------- */

struct patch_writer write_op_writer(const struct write_op *op, char time[CLOCK_TEXT])
{
    static const char *const main_resets[] = {"status", NULL};
    static const char *const status_resets[] = {"spec", "metadata", NULL};

    clock_format(clock_wall(), false, time);
    return (struct patch_writer){
        .schema = op->kind->schema,
        .manager =
            op->write->who.manager && *op->write->who.manager ? op->write->who.manager : "unknown",
        .api_version = op->kind->api_version,
        .subresource = op->write->subresource,
        .time = time,
        .force = op->write->force,
        .reset = write_op_is_status(op)                                 ? status_resets
                 : kind_has_status(op->kind) && !op->write->subresource ? main_resets
                                                                        : NULL,
    };
}

void write_op_track(struct write_op *op)
{
    char time[CLOCK_TEXT];
    struct patch_writer writer = write_op_writer(op, time);

    if (op->tracked)
        return;
    op->after = node_copy(op->arena, patch_track(op->arena, &writer, op->before, op->after));
    op->tracked = true;
}

struct node *write_op_bare(struct arena *arena, const struct node *object, bool without_managers)
{
    struct node *copy = node_share(arena, object);
    struct node *metadata = node_share(arena, node_get(object, "metadata"));
    struct node *managers, *list = node_get(metadata, "managedFields");

    node_set(arena, copy, "metadata", metadata);
    node_remove(metadata, "resourceVersion");
    if (without_managers || !list) {
        node_remove(metadata, "managedFields");
        return copy;
    }
    managers = node_list(arena);
    for (size_t i = 0; i < node_count(list); i++) {
        struct node *entry = node_share(arena, node_item(list, i));

        node_remove(entry, "time");
        node_add(arena, managers, entry);
    }
    node_set(arena, metadata, "managedFields", managers);
    return copy;
}

bool write_op_is_unchanged(struct write_op *op)
{
    return node_same(write_op_bare(op->arena, op->before, false),
                     write_op_bare(op->arena, op->after, false));
}

void write_op_raise_generation(struct write_op *op)
{
    struct node *metadata = node_get(op->after, "metadata");
    int64_t generation = meta_generation(op->before);

    if (!op->kind->no_generation)
        node_set_int(op->arena, metadata, "generation", generation + 1);
}

/* ---- Staging ------------------------------------------------------------ */

struct node *write_op_stored_tree(struct write_op *op)
{
    return node_copy(op->arena, kind_convert(op->arena, op->table->kind, op->after));
}

void write_op_finish(struct write_op *op, bool gone)
{
    int64_t revision = op->live ? op->live->revision : 0;
    struct node *tree = write_op_stored_tree(op);

    op->ret->gone = gone;
    if (op->write->dry_run)
        op->ret->object = object_make(op->arena, op->table->kind, tree, revision);
    else if (gone)
        op->ret->object =
            object_hold(stage_delete(&op->objects->keeper, op->table, op->arena, tree));
    else
        op->ret->object = object_hold(stage_put(&op->objects->keeper, op->table, op->arena, tree));
}

void write_op_finish_unchanged(struct write_op *op)
{
    op->ret->unchanged = true;
    op->ret->object = object_hold(op->live);
}
