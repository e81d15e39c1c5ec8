/* SPDX-License-Identifier: Apache-2.0 */
/* Begins a write, keeps account of who set which field, and stages the result. */

#include "objects/job.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "patch/patch.h"
#include "schema/schema.h"

#include <assert.h>
#include <string.h>

#define MANAGER_AT_MOST 128

bool is_core(const struct kind *kind, const char *plural)
{
    return !*kind->group && !strcmp(kind->plural, plural);
}

int not_found(const struct kind *kind, const char *name, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "%s \"%s\" not found", kind->resource, name);
}

bool job_is_request(const struct kind *kind)
{
    return !strcmp(kind->resource, "certificatesigningrequests.certificates.k8s.io");
}

bool job_is_status(const struct job *job)
{
    return text_same(job->write->subresource, "status") ||
           text_same(job->write->subresource, "approval");
}

/* What the failure is about, for whoever reads it by program. */
void job_set_details(struct job *job, const char *name, const char *group, const char *kind)
{
    struct node *details = node_map(job->arena);

    if (name && *name)
        node_set_text(job->arena, details, "name", name);
    if (*group)
        node_set_text(job->arena, details, "group", group);
    if (*kind)
        node_set_text(job->arena, details, "kind", kind);
    if (node_count(job->ret->causes))
        node_set(job->arena, details, "causes", job->ret->causes);
    job->ret->details = details;
}

/* The usual details, unless somebody knew better; always -1. */
int job_fail(struct job *job)
{
    const char *name = job->write->name;

    if (!name || !*name)
        name = node_get_text(node_get(job->after, "metadata"), "name");
    if (job->ret->details || !job->err)
        return -1;
    switch (job->err->code) {
    case ERR_NOT_FOUND:
    case ERR_EXISTS:
    case ERR_CONFLICT:
    case ERR_FORBIDDEN:
        job_set_details(job, name, job->kind->group, job->kind->plural);
        break;
    case ERR_INVALID:
        job_set_details(job, name, job->kind->group, job->kind->kind);
        break;
    default:
        break;
    }
    return -1;
}

/* An option of the request that is not right. */
int job_bad_option(struct job *job, const char *options, const char *reason, const char *field,
                   const struct node *value, const char *why)
{
    job->ret->causes = node_list(job->arena);
    schema_add_cause(job->arena, job->ret->causes, reason, field, value, "%s", why);
    err_set(job->err, ERR_INVALID, "%s",
            schema_sentence(job->arena, options, META_GROUP_META, "", job->ret->causes));
    job_set_details(job, "", META_GROUP_META, options);
    return -1;
}

int job_conflict(const struct job *job, const char *why)
{
    return err_set(job->err, ERR_CONFLICT, "Operation cannot be fulfilled on %s \"%s\": %s",
                   job->kind->resource, job->write->name, why);
}

/*
 * What a kube-apiserver says when bytes do not become an object of the kind. It
 * shows the whole patched object; here enough of it that the reason still fits.
 */
int job_cannot_handle(struct job *job, const char *why)
{
    const char *shown;

    if (!job->patched)
        return err_set(job->err, ERR_BAD_REQUEST,
                       "%s in version \"%s\" cannot be handled as a %s: %s", job->kind->kind,
                       job->kind->version, job->kind->kind, why);
    shown = arena_printf(job->arena, "%.300s", document_json(job->arena, job->after));
    job->ret->causes = node_list(job->arena);
    schema_add_cause(job->arena, job->ret->causes, "FieldValueInvalid", "patch",
                     text_is_utf8(shown, strlen(shown)) ? node_string(job->arena, shown) : NULL,
                     "%s", why);
    job_set_details(job, "", "", "");
    return err_set(job->err, ERR_INVALID, "%s",
                   schema_sentence(job->arena, "", "", "", job->ret->causes));
}

int job_start(struct job *job, struct objects *objects, const struct objects_write *write,
              struct objects_result *ret, struct err *err)
{
    assert(ret->arena);
    *ret = (struct objects_result) {.arena = ret->arena};
    *job = (struct job) {
        .objects = objects,
        .table = table_of(objects, write->kind),
        .write = write,
        .kind = write->kind,
        .arena = ret->arena,
        .ret = ret,
        .err = err,
    };
    if (!job->table)
        return err_set(err, ERR_METHOD, "%s are answered, not kept", write->kind->resource);
    if (write->who.manager && strlen(write->who.manager) > MANAGER_AT_MOST)
        return job_bad_option(job, write->name ? "PatchOptions" : "CreateOptions",
                              "FieldValueTooLong", "fieldManager", NULL,
                              "may not be more than 128 bytes");
    return 0;
}

void job_look_up(struct job *job, const char *name)
{
    const char *space = job->write->space ? job->write->space : "";

    job->live = table_find(job->table, OBJECTS_STAGED, space, name);
    if (job->live)
        job->before = kind_convert(job->arena, job->kind, object_read(job->arena, job->live));
}

/* ---- Field managers ----------------------------------------------------- */

struct patch_writer job_writer(const struct job *job, char time[CLOCK_TEXT])
{
    static const char *const main_resets[] = {"status", NULL};
    static const char *const status_resets[] = {"spec", "metadata", NULL};

    clock_format(clock_wall(), false, time);
    return (struct patch_writer) {
        .schema = job->kind->schema,
        .manager = job->write->who.manager && *job->write->who.manager ? job->write->who.manager
                                                                       : "unknown",
        .api_version = job->kind->api_version,
        .subresource = job->write->subresource,
        .time = time,
        .force = job->write->force,
        .reset = job_is_status(job)                                       ? status_resets
                 : kind_has_status(job->kind) && !job->write->subresource ? main_resets
                                                                          : NULL,
    };
}

void job_track(struct job *job)
{
    char time[CLOCK_TEXT];
    struct patch_writer writer = job_writer(job, time);

    if (job->tracked)
        return;
    job->after = node_copy(job->arena, patch_track(job->arena, &writer, job->before, job->after));
    job->tracked = true;
}

/* A copy without what a mere retry may change. */
struct node *job_bare(struct arena *arena, const struct node *object, bool without_managers)
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

bool job_is_unchanged(struct job *job)
{
    return node_same(job_bare(job->arena, job->before, false),
                     job_bare(job->arena, job->after, false));
}

/* ---- Staging ------------------------------------------------------------ */

struct node *job_stored_tree(struct job *job)
{
    return node_copy(job->arena, kind_convert(job->arena, job->table->kind, job->after));
}

void job_finish(struct job *job, bool gone)
{
    int64_t revision = job->live ? job->live->revision : 0;
    struct node *tree = job_stored_tree(job);

    job->ret->gone = gone;
    if (job->write->dry_run)
        job->ret->object = object_make(job->arena, job->table->kind, tree, revision);
    else if (gone)
        job->ret->object = object_hold(stage_delete(job->objects, job->table, job->arena, tree));
    else
        job->ret->object = object_hold(stage_put(job->objects, job->table, job->arena, tree));
}

void job_finish_unchanged(struct job *job)
{
    job->ret->unchanged = true;
    job->ret->object = object_hold(job->live);
}
