/* SPDX-License-Identifier: Apache-2.0 */
/* Creates and updates by Kubernetes' rules; the doors to all writes. */

#include "objects/job.h"

#include "base/text.h"
#include "document/document.h"
#include "store/store.h"

#include <string.h>

/* ---- Create ------------------------------------------------------------- */

static int check_space(struct job *job)
{
    const struct node *metadata = node_get(job->after, "metadata");
    const char *space = node_get_text(metadata, "namespace");
    const char *asked = job->write->space ? job->write->space : "";
    const struct kind *kind;
    const struct object *object;

    if (*space && strcmp(space, asked))
        return err_set(job->err, ERR_BAD_REQUEST,
                       "the namespace of the provided object does not match "
                       "the namespace sent on the request");
    if (!job->kind->namespaced)
        return 0;
    kind = kinds_find(job->objects->kinds, "", "namespaces");
    object = kind ? table_find(table_of(job->objects, kind), OBJECTS_STAGED, "", asked) : NULL;
    if (kind && !object) {
        job_set_details(job, asked, "", "namespaces");
        return not_found(kind, asked, job->err);
    }
    if (object && object->deleting)
        return err_set(job->err, ERR_FORBIDDEN,
                       "%s \"%s\" is forbidden: unable to create new content "
                       "in namespace %s because it is being terminated",
                       job->kind->resource, node_get_text(metadata, "name"), asked);
    return 0;
}

int job_create(struct job *job)
{
    struct node *metadata;
    const char *name;

    if (!node_is(job->after, NODE_MAP))
        return job_cannot_handle(job, "json: cannot unmarshal: not an object");
    if (store_check_room(job->objects->store, job->err) < 0 ||
        job_check_type(job) < 0 || job_check_fields(job) < 0)
        return -1;
    job_arrange(job);
    metadata = node_get(job->after, "metadata");
    if (*node_get_text(metadata, "resourceVersion"))
        return err_set(job->err, ERR_OTHER,
                       "resourceVersion should not be set on objects to be "
                       "created");
    generate_name(job->arena, metadata);
    if (check_space(job) < 0)
        return -1;
    if (job->kind->namespaced)
        node_set_text(job->arena, metadata, "namespace", job->write->space);
    else
        node_remove(metadata, "namespace");
    fill_metadata(job->arena, job->kind, job->after);
    if (kind_has_status(job->kind) && !job->write->who.trusted)
        node_remove(job->after, "status");
    if (job_judge(job) < 0)
        return -1;
    name = node_get_text(node_get(job->after, "metadata"), "name");
    job_look_up(job, name);
    if (job->live)
        return err_set(job->err, ERR_EXISTS, "%s \"%s\" already exists", job->kind->resource, name);
    job_track(job);
    job_finish(job, false);
    job->ret->created = true;
    return 0;
}

static int job_run_create(struct objects *objects, const struct objects_write *write,
                          struct objects_result *ret, struct job *job, struct err *err)
{
    if (job_start(job, objects, write, ret, err) < 0)
        return -1;
    job->after = node_copy(job->arena, write->body);
    return job_create(job);
}

/* ---- Update ------------------------------------------------------------- */

/* What an update can never change. */
static void keep_metadata(struct job *job)
{
    static const char *const kept[] = {
        "namespace",         "uid",
        "generation",        "creationTimestamp",
        "deletionTimestamp", "deletionGracePeriodSeconds",
        "generateName",      "selfLink",
        "resourceVersion",
    };
    struct node *metadata = node_get(job->after, "metadata");
    const struct node *old = node_get(job->before, "metadata");

    for (size_t i = 0; i < count_of(kept); i++) {
        struct node *value = node_get(old, kept[i]);

        if (value)
            node_set(job->arena, metadata, kept[i], value);
        else
            node_remove(metadata, kept[i]);
    }
    if (node_get(metadata, "finalizers") && !node_count(node_get(metadata, "finalizers")))
        node_remove(metadata, "finalizers");
}

static int check_identity(struct job *job)
{
    const struct node *metadata = node_get(job->after, "metadata");
    const char *name = node_get_text(metadata, "name");
    const char *space = node_get_text(metadata, "namespace");
    const char *uid = node_get_text(metadata, "uid");
    const char *revision = node_get_text(metadata, "resourceVersion");
    long long number;

    if (*name && strcmp(name, job->write->name))
        return err_set(job->err, ERR_BAD_REQUEST,
                       "the name of the object (%s) does not match the name "
                       "on the URL (%s)",
                       name, job->write->name);
    if (*space && strcmp(space, job->write->space ? job->write->space : ""))
        return err_set(job->err, ERR_BAD_REQUEST,
                       "the namespace of the object (%s) does not match the "
                       "namespace on the URL (%s)",
                       space, job->write->space ? job->write->space : "");
    if (*uid && strcmp(uid, job->live->uid))
        return job_conflict(job, arena_printf(job->arena,
                                              "StorageError: invalid object, Code: 4, Key: "
                                              "/registry/%s/%s/%s, ResourceVersion: 0, "
                                              "AdditionalErrorMsg: Precondition failed: UID in "
                                              "precondition: %s, UID in object meta: %s",
                                              job->kind->plural, job->live->space, job->live->name,
                                              uid, job->live->uid));
    if (!*revision || text_same(revision, "0"))
        return 0;
    if (!text_to_int(revision, &number) || number < 0)
        return err_set(job->err, ERR_OTHER, "strconv.ParseUint: parsing \"%s\": invalid syntax",
                       revision);
    if (number != job->live->revision)
        return job_conflict(job, "the object has been modified; please apply your "
                                 "changes to the latest version and try again");
    return 0;
}

/* An approval decides, and changes nothing else: not the certificate. */
static struct node *with_conditions(struct job *job, struct node *whole, const struct node *sent)
{
    struct node *status = node_make(job->arena, whole, "status");
    struct node *conditions = node_get(sent, "conditions");

    if (conditions)
        node_set(job->arena, status, "conditions", conditions);
    else
        node_remove(status, "conditions");
    return status;
}

/* Only the status comes from what was sent; all else stays. */
static void take_status(struct job *job)
{
    struct node *whole = node_copy(job->arena, job->before);
    struct node *status = node_get(job->after, "status");
    struct node *managers = node_at(job->after, "metadata", "managedFields", NULL);

    if (job_is_request(job->kind) && text_same(job->write->subresource, "approval"))
        status = with_conditions(job, whole, status);
    if (status)
        node_set(job->arena, whole, "status", status);
    else
        node_remove(whole, "status");
    if (job_is_request(job->kind))
        stamp_conditions(job->arena, whole, job->before);
    if (managers)
        node_set(job->arena, node_get(whole, "metadata"), "managedFields", managers);
    job->after = whole;
}

static void keep_status(struct job *job)
{
    struct node *status = node_get(job->before, "status");

    if (!kind_has_status(job->kind))
        return;
    if (status)
        node_set(job->arena, job->after, "status", status);
    else
        node_remove(job->after, "status");
}

static bool spec_differs(const struct job *job)
{
    struct node *a = node_share(job->arena, job->before);
    struct node *b = node_share(job->arena, job->after);

    node_remove(a, "metadata");
    node_remove(b, "metadata");
    if (kind_has_status(job->kind)) {
        node_remove(a, "status");
        node_remove(b, "status");
    }
    return !node_same(a, b);
}

void job_raise_generation(struct job *job)
{
    struct node *metadata = node_get(job->after, "metadata");
    int64_t generation = node_get_int(node_get(job->before, "metadata"), "generation", 0);

    if (!job->kind->no_generation)
        node_set_int(job->arena, metadata, "generation", generation + 1);
}

/* A lease that was only renewed: memory changes, nothing else. */
static bool is_renewal(struct job *job)
{
    struct node *trees[2];

    if (!job->kind->is_volatile || job->write->dry_run ||
        table_find(job->table, OBJECTS_PUBLISHED, job->live->space, job->live->name) != job->live)
        return false;
    for (size_t i = 0; i < count_of(trees); i++) {
        trees[i] = node_copy(job->arena, job_bare(job->arena, i ? job->after : job->before, true));
        node_remove(node_get(trees[i], "spec"), "renewTime");
    }
    return node_same(trees[0], trees[1]);
}

static void put_renewal(struct job *job)
{
    struct node *tree = job_stored_tree(job);
    struct node *managers = node_at(job->before, "metadata", "managedFields", NULL);

    if (managers)
        node_set(job->arena, node_get(tree, "metadata"), "managedFields", managers);
    job->ret->object = object_hold(replace_now(job->objects, job->table, job->arena, tree));
}

int job_update(struct job *job)
{
    bool managers_given;

    if (!node_is(job->after, NODE_MAP))
        return job_cannot_handle(job, "json: cannot unmarshal: not an object");
    if (job_check_type(job) < 0 || job_check_fields(job) < 0)
        return -1;
    job_arrange(job);
    if (check_identity(job) < 0)
        return -1;
    node_set_text(job->arena, node_get(job->after, "metadata"), "name", job->write->name);
    if (job_is_status(job))
        take_status(job);
    else
        keep_status(job);
    keep_metadata(job);
    managers_given = node_at(job->after, "metadata", "managedFields", NULL);
    if (!managers_given && node_at(job->before, "metadata", "managedFields", NULL))
        node_set(job->arena, node_get(job->after, "metadata"), "managedFields",
                 node_at(job->before, "metadata", "managedFields", NULL));
    if (job_judge(job) < 0)
        return -1;
    if (!job_is_status(job) && spec_differs(job))
        job_raise_generation(job);
    if (is_renewal(job)) {
        put_renewal(job);
        return 0;
    }
    job_track(job);
    if (job_is_unchanged(job)) {
        job_finish_unchanged(job);
        return 0;
    }
    job_finish(job, job->live->deleting && !node_at(job->after, "metadata", "finalizers", NULL) &&
                        (!is_core(job->kind, "namespaces") ||
                         collect_space_is_empty(job->objects, job->live->name)));
    return 0;
}

static int job_run_update(struct objects *objects, const struct objects_write *write,
                          struct objects_result *ret, struct job *job, struct err *err)
{
    if (job_start(job, objects, write, ret, err) < 0)
        return -1;
    job_look_up(job, write->name);
    if (!job->live)
        return not_found(job->kind, write->name, err);
    job->after = node_copy(job->arena, write->body);
    return job_update(job);
}

/* ---- The doors ---------------------------------------------------------- */

typedef int run_fn(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct job *job, struct err *err);

static int run(run_fn *fn, struct objects *objects, const struct objects_write *write,
               struct objects_result *ret, struct err *err)
{
    struct err unwanted = {0}; /* a caller may not want to know why */
    struct job job;

    return fn(objects, write, ret, &job, err ? err : &unwanted) < 0 ? job_fail(&job) : 0;
}

int objects_create(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err)
{
    return run(job_run_create, objects, write, ret, err);
}

int objects_update(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err)
{
    return run(job_run_update, objects, write, ret, err);
}

int objects_patch(struct objects *objects, const struct objects_write *write,
                  struct objects_result *ret, struct err *err)
{
    return run(job_run_patch, objects, write, ret, err);
}

int objects_delete(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err)
{
    return run(job_run_delete, objects, write, ret, err);
}
