/* SPDX-License-Identifier: Apache-2.0 */
/* Deletes an object, or marks it as to be deleted. */

#include "objects/write_op.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"

#include <string.h>

static int check_preconditions(struct write_op *op)
{
    const char *uid = op->write->uid, *revision = op->write->revision;
    long long number;

    write_op_set_details(op, op->write->name, op->kind->group, op->kind->kind);
    if (uid && *uid && strcmp(uid, op->live->uid))
        return err_set(op->err, ERR_CONFLICT,
                       "Operation cannot be fulfilled on %s \"%s\": the UID in "
                       "the precondition (%s) does not match the UID in record "
                       "(%s). The object might have been deleted and then "
                       "recreated",
                       op->kind->kind, op->write->name, uid, op->live->uid);
    if (revision && *revision && (!text_to_int(revision, &number) || number != op->live->revision))
        return err_set(op->err, ERR_CONFLICT,
                       "Operation cannot be fulfilled on %s \"%s\": the "
                       "ResourceVersion in the precondition (%s) does not "
                       "match the ResourceVersion in record (%lld). The object "
                       "might have been modified",
                       op->kind->kind, op->write->name, revision, (long long)op->live->revision);
    op->ret->details = NULL;
    return 0;
}

static int check_propagation(struct write_op *op)
{
    static const char *const known[] = {"Foreground", "Background", "Orphan"};
    const char *how = op->write->propagation;

    for (size_t i = 0; i < count_of(known); i++)
        if (!how || !*how || !strcmp(how, known[i]))
            return 0;
    return write_op_bad_option(op, "DeleteOptions", "FieldValueNotSupported", "propagationPolicy",
                               node_string(op->arena, how),
                               "supported values: \"Foreground\", \"Background\", "
                               "\"Orphan\", \"nil\"");
}

static int check_namespace_may_go(struct write_op *op)
{
    static const char *const kept[] = {"default", "kube-system", "kube-public", "axle-system"};

    for (size_t i = 0; kind_is_core(op->kind, "namespaces") && i < count_of(kept); i++)
        if (!strcmp(op->write->name, kept[i]))
            return err_set(op->err, ERR_FORBIDDEN,
                           "namespaces \"%s\" is forbidden: this namespace may "
                           "not be deleted",
                           kept[i]);
    return 0;
}

static void set_finalizer(struct write_op *op, const char *name, bool present)
{
    if (present)
        meta_add_finalizer(op->arena, op->after, name);
    else
        meta_remove_finalizer(op->arena, op->after, name);
}

/* The two finalizers keep the object until the collector (controllers) has dealt with
   its dependents and removes them. */
static void set_propagation(struct write_op *op)
{
    const char *how = op->write->propagation ? op->write->propagation : "";

    if (!*how)
        return;
    set_finalizer(op, META_FINALIZER_FOREGROUND, !strcmp(how, "Foreground"));
    set_finalizer(op, META_FINALIZER_ORPHAN, !strcmp(how, "Orphan"));
}

static void mark_deleted(struct write_op *op)
{
    struct node *metadata = node_get(op->after, "metadata");
    char now[CLOCK_TEXT];

    if (node_get(metadata, "deletionTimestamp"))
        return;
    clock_format(clock_wall(), false, now);
    node_set_text(op->arena, metadata, "deletionTimestamp", now);
    node_set_int(op->arena, metadata, "deletionGracePeriodSeconds", 0);
    write_op_raise_generation(op);
    if (kind_is_core(op->kind, "namespaces"))
        node_set_text(op->arena, node_make(op->arena, op->after, "status"), "phase", "Terminating");
}

/* An object that no finalizer holds is deleted at once; a namespace only if it is empty,
   since its objects would be left without one. */
static bool may_go_now(const struct write_op *op, const struct node *metadata)
{
    return !node_get(metadata, "finalizers") &&
           (!kind_is_core(op->kind, "namespaces") ||
            objects_space_is_empty(op->objects, op->write->name));
}

int write_op_delete(struct write_op *op)
{
    struct node *metadata;

    if (check_propagation(op) < 0 || check_namespace_may_go(op) < 0)
        return -1;
    write_op_look_up(op, op->write->name);
    if (!op->live)
        return table_not_found(op->kind, op->write->name, op->err);
    if (check_preconditions(op) < 0 || write_op_review(op) < 0)
        return -1;
    op->after = node_copy(op->arena, op->before);
    metadata = node_get(op->after, "metadata");
    set_propagation(op);
    if (may_go_now(op, metadata)) {
        write_op_finish(op, true);
        return 0;
    }
    mark_deleted(op);
    if (write_op_is_unchanged(op))
        write_op_finish_unchanged(op);
    else
        write_op_finish(op, false);
    return 0;
}
