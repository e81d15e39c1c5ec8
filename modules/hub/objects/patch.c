/* SPDX-License-Identifier: Apache-2.0 */
/* Patches an object in each of the four ways. */

#include "objects/job.h"

#include "base/clock.h"
#include "document/document.h"
#include "patch/patch.h"

#include <string.h>

/* ---- Patch -------------------------------------------------------------- */

static int wrong_patch(struct job *job, const char *want)
{
    return err_set(job->err, ERR_BAD_REQUEST,
                   "error decoding patch: json: cannot unmarshal %s into Go "
                   "value of type %s",
                   node_type_name(job->write->body->type), want);
}

static struct node *patched(struct job *job, const struct node *live)
{
    const struct node *patch = job->write->body;
    struct node *node = NULL;

    switch (job->write->patch) {
    case OBJECTS_PATCH_MERGE:
        if (!node_is(patch, NODE_MAP))
            wrong_patch(job, "map[string]interface {}");
        else
            node = patch_merge(job->arena, live, patch);
        return node;
    case OBJECTS_PATCH_STRATEGIC:
        if (!node_is(patch, NODE_MAP))
            wrong_patch(job, "map[string]interface {}");
        else
            node = patch_strategic(job->arena, job->kind->schema, live, patch, job->err);
        return node;
    case OBJECTS_PATCH_JSON:
        if (!node_is(patch, NODE_LIST)) {
            wrong_patch(job, "[]handlers.jsonPatchOp");
            return NULL;
        }
        node = patch_json(job->arena, live, patch, NULL, job->err);
        if (!node)
            job_set_details(job, "", "", "");
        return node;
    case OBJECTS_PATCH_APPLY:
        break;
    }
    return NULL;
}

static int apply(struct job *job)
{
    char time[CLOCK_TEXT];
    struct patch_writer writer = job_writer(job, time);
    struct node *causes = node_list(job->arena), *result;
    const struct node *metadata = node_get(job->write->body, "metadata");
    const char *name = node_get_text(metadata, "name");

    if (!job->write->who.manager || !*job->write->who.manager)
        return job_bad_option(job, "PatchOptions", "FieldValueRequired", "fieldManager", NULL,
                              "is required for apply patch");
    if (*name && strcmp(name, job->write->name))
        return err_set(job->err, ERR_BAD_REQUEST,
                       "the name of the object (%s) does not match the name "
                       "on the URL (%s)",
                       name, job->write->name);
    if (!job->live && job->write->subresource)
        return not_found(job->kind, job->write->name, job->err);
    result = patch_apply(job->arena, &writer, job->before, job->write->body, causes, job->err);
    if (!result) {
        job->ret->causes = causes;
        if (job->err && job->err->code == ERR_CONFLICT)
            job_set_details(job, "", "", "");
        else if (job->err && job->err->code == ERR_INTERNAL)
            job->err->code = ERR_OTHER; /* they give no reason */
        return -1;
    }
    job->after = node_copy(job->arena, result);
    job->tracked = true;
    if (job->live)
        return job_update(job);
    node_set_text(job->arena, node_make(job->arena, job->after, "metadata"), "name",
                  job->write->name);
    return job_create(job);
}

int job_run_patch(struct objects *objects, const struct objects_write *write,
                  struct objects_result *ret, struct job *job, struct err *err)
{
    struct node *next;

    if (job_start(job, objects, write, ret, err) < 0)
        return -1;
    job_look_up(job, write->name);
    if (write->patch == OBJECTS_PATCH_APPLY)
        return apply(job);
    if (!job->live)
        return not_found(job->kind, write->name, err);
    next = patched(job, job->before);
    if (!next)
        return -1;
    job->after = node_copy(job->arena, next);
    job->patched = true;
    return job_update(job);
}
