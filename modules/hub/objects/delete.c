/* SPDX-License-Identifier: Apache-2.0 */
/* Deletes an object, or marks it as to be deleted. */

#include "objects/job.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"

#include <string.h>

/* ---- Delete ------------------------------------------------------------- */

static int check_preconditions(struct job *job)
{
    const char *uid = job->write->uid, *revision = job->write->revision;
    long long number;

    job_set_details(job, job->write->name, job->kind->group, job->kind->kind);
    if (uid && *uid && strcmp(uid, job->live->uid))
        return err_set(job->err, ERR_CONFLICT,
                       "Operation cannot be fulfilled on %s \"%s\": the UID in "
                       "the precondition (%s) does not match the UID in record "
                       "(%s). The object might have been deleted and then "
                       "recreated",
                       job->kind->kind, job->write->name, uid, job->live->uid);
    if (revision && *revision && (!text_to_int(revision, &number) || number != job->live->revision))
        return err_set(job->err, ERR_CONFLICT,
                       "Operation cannot be fulfilled on %s \"%s\": the "
                       "ResourceVersion in the precondition (%s) does not "
                       "match the ResourceVersion in record (%lld). The object "
                       "might have been modified",
                       job->kind->kind, job->write->name, revision, (long long)job->live->revision);
    job->ret->details = NULL;
    return 0;
}

static int check_propagation(struct job *job)
{
    static const char *const known[] = {"Foreground", "Background", "Orphan"};
    const char *how = job->write->propagation;

    for (size_t i = 0; i < count_of(known); i++)
        if (!how || !*how || !strcmp(how, known[i]))
            return 0;
    return job_bad_option(job, "DeleteOptions", "FieldValueNotSupported", "propagationPolicy",
                          node_string(job->arena, how),
                          "supported values: \"Foreground\", \"Background\", "
                          "\"Orphan\", \"nil\"");
}

static int check_space_may_go(struct job *job)
{
    static const char *const kept[] = {"default", "kube-system", "kube-public",
                                       "axle-system"};

    for (size_t i = 0; is_core(job->kind, "namespaces") && i < count_of(kept); i++)
        if (!strcmp(job->write->name, kept[i]))
            return err_set(job->err, ERR_FORBIDDEN,
                           "namespaces \"%s\" is forbidden: this namespace may "
                           "not be deleted",
                           kept[i]);
    return 0;
}

static void set_finalizer(struct job *job, const char *name, bool present)
{
    if (present)
        meta_add_finalizer(job->arena, job->after, name);
    else
        meta_remove_finalizer(job->arena, job->after, name);
}

/* The collector works on what these two finalizers hold. */
static void set_propagation(struct job *job)
{
    const char *how = job->write->propagation ? job->write->propagation : "";

    if (!*how)
        return;
    set_finalizer(job, META_FINALIZER_FOREGROUND, !strcmp(how, "Foreground"));
    set_finalizer(job, META_FINALIZER_ORPHAN, !strcmp(how, "Orphan"));
}

static void mark_deleted(struct job *job)
{
    struct node *metadata = node_get(job->after, "metadata");
    char now[CLOCK_TEXT];

    if (node_get(metadata, "deletionTimestamp"))
        return;
    clock_format(clock_wall(), false, now);
    node_set_text(job->arena, metadata, "deletionTimestamp", now);
    node_set_int(job->arena, metadata, "deletionGracePeriodSeconds", 0);
    job_raise_generation(job);
    if (is_core(job->kind, "namespaces"))
        node_set_text(job->arena, node_make(job->arena, job->after, "status"), "phase",
                      "Terminating");
}

int job_run_delete(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct job *job, struct err *err)
{
    struct node *metadata;

    if (job_start(job, objects, write, ret, err) < 0)
        return -1;
    if (check_propagation(job) < 0 || check_space_may_go(job) < 0)
        return -1;
    job_look_up(job, write->name);
    if (!job->live)
        return not_found(job->kind, write->name, err);
    if (check_preconditions(job) < 0)
        return -1;
    if (job_review(job) < 0)
        return -1;
    job->after = node_copy(job->arena, job->before);
    metadata = node_get(job->after, "metadata");
    set_propagation(job);
    if (!node_get(metadata, "finalizers") &&
        (!is_core(job->kind, "namespaces") || collect_space_is_empty(objects, write->name))) {
        job_finish(job, true);
        return 0;
    }
    mark_deleted(job);
    if (job_is_unchanged(job))
        job_finish_unchanged(job);
    else
        job_finish(job, false);
    return 0;
}
