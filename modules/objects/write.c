/* SPDX-License-Identifier: Apache-2.0 */
/* Creates, updates, patches and deletes by Kubernetes' rules. */

#include "objects/inside.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "patch/patch.h"
#include "query/query.h"
#include "schema/schema.h"

#include <assert.h>
#include <string.h>

#define MANAGER_AT_MOST 128

/* One write on its way: trees are in the version that was asked for. */
struct job {
    struct objects *objects;
    struct table *table;
    const struct objects_write *write;
    const struct kind *kind;
    struct arena *arena;
    struct objects_result *ret;
    struct err *err;
    const struct object *live;  /* borrowed from the stage; NULL: none */
    const struct node *before;  /* its tree */
    struct node *after;         /* what is to be */
    bool tracked;               /* managedFields are up to date (apply) */
    bool patched;               /* `after` is what a patch made */
};

bool is_core(const struct kind *kind, const char *plural)
{
    return !*kind->group && !strcmp(kind->plural, plural);
}

int not_found(const struct kind *kind, const char *name, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "%s \"%s\" not found", kind->resource,
                   name);
}

static bool is_request(const struct kind *kind)
{
    return !strcmp(kind->resource,
                   "certificatesigningrequests.certificates.k8s.io");
}

static bool is_status(const struct job *job)
{
    return text_same(job->write->subresource, "status") ||
           text_same(job->write->subresource, "approval");
}

/* What the failure is about, for whoever reads it by program. */
static void set_details(struct job *job, const char *name, const char *group,
                        const char *kind)
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
static int fail(struct job *job)
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
        set_details(job, name, job->kind->group, job->kind->plural);
        break;
    case ERR_INVALID:
        set_details(job, name, job->kind->group, job->kind->kind);
        break;
    default:
        break;
    }
    return -1;
}

/* An option of the request that is not right. */
static int bad_option(struct job *job, const char *options, const char *reason,
                      const char *field, const struct node *value,
                      const char *why)
{
    job->ret->causes = node_list(job->arena);
    schema_add_cause(job->arena, job->ret->causes, reason, field, value, "%s",
                     why);
    err_set(job->err, ERR_INVALID, "%s",
            schema_sentence(job->arena, options, "meta.k8s.io", "",
                            job->ret->causes));
    set_details(job, "", "meta.k8s.io", options);
    return -1;
}

static int conflict(const struct job *job, const char *why)
{
    return err_set(job->err, ERR_CONFLICT,
                   "Operation cannot be fulfilled on %s \"%s\": %s",
                   job->kind->resource, job->write->name, why);
}

/*
 * What a kube-apiserver says when bytes do not become an object of the kind. It
 * shows the whole patched object; here enough of it that the reason still fits.
 */
static int cannot_handle(struct job *job, const char *why)
{
    const char *shown;

    if (!job->patched)
        return err_set(job->err, ERR_BAD_REQUEST,
                       "%s in version \"%s\" cannot be handled as a %s: %s",
                       job->kind->kind, job->kind->version, job->kind->kind,
                       why);
    shown = arena_printf(job->arena, "%.300s",
                         document_json(job->arena, job->after));
    job->ret->causes = node_list(job->arena);
    schema_add_cause(job->arena, job->ret->causes, "FieldValueInvalid", "patch",
                     text_is_utf8(shown, strlen(shown))
                         ? node_string(job->arena, shown)
                         : NULL,
                     "%s", why);
    set_details(job, "", "", "");
    return err_set(job->err, ERR_INVALID, "%s",
                   schema_sentence(job->arena, "", "", "", job->ret->causes));
}

static int start(struct job *job, struct objects *objects,
                 const struct objects_write *write, struct objects_result *ret,
                 struct err *err)
{
    assert(ret->arena);
    *ret = (struct objects_result){.arena = ret->arena};
    *job = (struct job){
        .objects = objects,
        .table = table_of(objects, write->kind),
        .write = write,
        .kind = write->kind,
        .arena = ret->arena,
        .ret = ret,
        .err = err,
    };
    if (!job->table)
        return err_set(err, ERR_METHOD, "%s are answered, not kept",
                       write->kind->resource);
    if (write->who.manager && strlen(write->who.manager) > MANAGER_AT_MOST)
        return bad_option(job, write->name ? "PatchOptions" : "CreateOptions",
                          "FieldValueTooLong", "fieldManager", NULL,
                          "may not be more than 128 bytes");
    return 0;
}

static void look_up(struct job *job, const char *name)
{
    const char *space = job->write->space ? job->write->space : "";

    job->live = table_find(job->table, OBJECTS_STAGED, space, name);
    if (job->live)
        job->before = kind_convert(job->arena, job->kind,
                                   object_read(job->arena, job->live));
}

/* ---- Reading what was sent ---------------------------------------------- */

/* apiVersion, kind and metadata come first, as people expect to read them. */
static void arrange(struct job *job)
{
    struct node *tidy = node_map(job->arena);

    node_set_text(job->arena, tidy, "apiVersion", job->kind->api_version);
    node_set_text(job->arena, tidy, "kind", job->kind->kind);
    node_set(job->arena, tidy, "metadata",
             node_make(job->arena, job->after, "metadata"));
    node_each (member, job->after)
        if (!node_get(tidy, member->key))
            node_set(job->arena, tidy, member->key, member->value);
    job->after = tidy;
}

/* Field validation: refuse, warn of, or drop what the schema does not know. */
static int check_fields(struct job *job)
{
    struct node *unknown = node_list(job->arena), *warnings;
    const struct node *duplicates = job->write->duplicates;
    scoped_text struct text all = {0};

    schema_prune(job->kind->schema, job->arena, job->after, unknown);
    if (job->write->validation == OBJECTS_IGNORE ||
        !(node_count(unknown) + node_count(duplicates)))
        return 0;
    warnings = node_list(job->arena);
    for (size_t i = 0; i < node_count(duplicates); i++)
        node_add(job->arena, warnings,
                 node_format(job->arena, "duplicate field \"%s\"",
                             node_text(node_item(duplicates, i))));
    for (size_t i = 0; i < node_count(unknown); i++)
        node_add(job->arena, warnings,
                 node_format(job->arena, "unknown field \"%s\"",
                             node_text(node_item(unknown, i))));
    if (job->write->validation == OBJECTS_WARN) {
        job->ret->warnings = warnings;
        return 0;
    }
    text_add(&all, "strict decoding error: ");
    for (size_t i = 0; i < node_count(warnings); i++)
        text_addf(&all, "%s%s", i ? ", " : "",
                  node_text(node_item(warnings, i)));
    return cannot_handle(job, text_string(&all));
}

/* ---- Judging ------------------------------------------------------------ */

/* Kinds that a kube-apiserver decodes into Go types refuse a wrong type while
   decoding; others while validating. */
static bool is_built_in(const struct kind *kind)
{
    return !strchr(kind->group, '.') || text_ends(kind->group, ".k8s.io");
}

/* Go's words for bytes that are no base64; NULL if it is something else. It
   counts to what does not fit, or to where an incomplete group of four began. */
static const char *bad_bytes(struct job *job, const struct node *cause)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"
                                   "rstuvwxyz0123456789+/";
    const char *message = node_get_text(cause, "message");
    const char *value = strchr(message, '"');
    size_t good;

    if (!value || !strstr(message, "in body must be of type byte"))
        return NULL;
    good = strspn(value + 1, alphabet);
    if (value[1 + good] == '"')
        good -= good % 4;
    return arena_printf(job->arena, "illegal base64 data at input byte %zu",
                        good);
}

/* Another kind's object is read as what it says it is before it is refused. */
static const char *bad_stranger(struct job *job, const char *kind)
{
    const struct kind *its = kinds_by_kind(job->objects->kinds,
                                           job->kind->api_version, kind);
    struct node *causes = node_list(job->arena);

    if (its && is_built_in(its))
        schema_validate(its->schema, job->arena, job->after, causes);
    for (size_t i = 0; i < node_count(causes); i++)
        if (bad_bytes(job, node_item(causes, i)))
            return bad_bytes(job, node_item(causes, i));
    return arena_printf(job->arena,
                        "converting (%s) to (%s): unknown conversion", kind,
                        job->kind->kind);
}

static int check_type(struct job *job)
{
    const char *version = node_get_text(job->after, "apiVersion");
    const char *kind = node_get_text(job->after, "kind");

    if (*kind && strcmp(kind, job->kind->kind))
        return err_set(job->err, ERR_BAD_REQUEST,
                       "%s in version \"%s\" cannot be handled as a %s: %s",
                       kind, *version ? version : job->kind->api_version,
                       job->kind->kind, bad_stranger(job, kind));
    if (*version && strcmp(version, job->kind->api_version))
        return err_set(job->err, ERR_BAD_REQUEST,
                       "%s in version \"%s\" cannot be handled as a %s: no "
                       "kind \"%s\" is registered for version \"%s\" in "
                       "scheme \"pkg/runtime/scheme.go:100\"",
                       job->kind->kind, version, job->kind->kind,
                       job->kind->kind, version);
    return 0;
}

static int refuse(struct job *job, struct node *causes)
{
    const struct node *first = node_item(causes, 0);
    const struct node *metadata = node_get(job->after, "metadata");
    bool type = text_same(node_get_text(first, "reason"),
                          "FieldValueTypeInvalid");

    if (is_built_in(job->kind) && bad_bytes(job, first))
        return cannot_handle(job, bad_bytes(job, first));
    if (type && is_built_in(job->kind))
        return cannot_handle(
            job, arena_printf(job->arena, "json: cannot unmarshal: %s: %s",
                              node_get_text(first, "field"),
                              node_get_text(first, "message")));
    job->ret->causes = causes;
    return err_set(job->err, ERR_INVALID, "%s",
                   schema_sentence(job->arena, job->kind->kind,
                                   job->kind->group,
                                   node_get_text(metadata, "name"), causes));
}

static bool is_said(const struct node *causes, size_t count, const char *field)
{
    for (size_t i = 0; i < count; i++) {
        const char *said = node_get_text(node_item(causes, i), "field");

        if (!strcmp(said, field) || (text_starts(said, "metadata.") &&
                                     text_starts(field, "metadata.")))
            return true;
    }
    return false;
}

/* What was said already was said in finer words than a schema has. */
static void check_schema(struct job *job, struct node *causes)
{
    struct node *found = node_list(job->arena);
    size_t said = node_count(causes);

    schema_validate(job->kind->schema, job->arena, job->after, found);
    for (size_t i = 0; i < node_count(found); i++) {
        struct node *cause = node_item(found, i);

        if (!is_said(causes, said, node_get_text(cause, "field")))
            node_add(job->arena, causes, cause);
    }
}

/* Decided in the subresource made for it, or by the hub itself. */
static bool may_decide(const struct job *job)
{
    return job->write->who.trusted ||
           text_same(job->write->subresource, "approval");
}

static int judge(struct job *job)
{
    struct node *causes = node_list(job->arena);

    if (schema_apply_defaults(job->kind->schema, job->arena, job->after,
                              job->err) < 0)
        return -1;
    settle_kind(job->arena, job->kind, job->after);
    for (struct rule *rule = is_status(job) ? NULL : job->table->rules; rule;
         rule = rule->next)
        if (rule->fn(rule->arg, &job->write->who, job->kind, job->before,
                     job->arena, job->after, job->err) < 0)
            return -1;
    check_metadata(job->arena, job->kind, job->after, job->before, causes);
    check_kind(job->arena, job->kind, job->after, job->before, causes);
    if (is_request(job->kind) && job->before)
        check_approval(job->arena, job->after, job->before, may_decide(job),
                       causes);
    check_schema(job, causes);
    return node_count(causes) ? refuse(job, causes) : 0;
}

/* ---- Field managers ----------------------------------------------------- */

static struct patch_writer writer_of(const struct job *job, char time[CLOCK_TEXT])
{
    static const char *const main_resets[] = {"status", NULL};
    static const char *const status_resets[] = {"spec", "metadata", NULL};

    clock_format(clock_wall(), false, time);
    return (struct patch_writer){
        .schema = job->kind->schema,
        .manager = job->write->who.manager && *job->write->who.manager
                       ? job->write->who.manager
                       : "unknown",
        .api_version = job->kind->api_version,
        .subresource = job->write->subresource,
        .time = time,
        .force = job->write->force,
        .reset = is_status(job) ? status_resets
                 : kind_has_status(job->kind) && !job->write->subresource
                     ? main_resets
                     : NULL,
    };
}

static void track(struct job *job)
{
    char time[CLOCK_TEXT];
    struct patch_writer writer = writer_of(job, time);

    if (job->tracked)
        return;
    job->after = node_copy(job->arena, patch_track(job->arena, &writer,
                                                   job->before, job->after));
    job->tracked = true;
}

/* A copy without what a mere retry may change. */
static struct node *bare(struct arena *arena, const struct node *object,
                         bool without_managers)
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

static bool is_unchanged(struct job *job)
{
    return node_same(bare(job->arena, job->before, false),
                     bare(job->arena, job->after, false));
}

/* ---- Staging ------------------------------------------------------------ */

static struct node *stored_tree(struct job *job)
{
    return node_copy(job->arena,
                     kind_convert(job->arena, job->table->kind, job->after));
}

static void finish(struct job *job, bool gone)
{
    int64_t revision = job->live ? job->live->revision : 0;
    struct node *tree = stored_tree(job);

    job->ret->gone = gone;
    if (job->write->dry_run)
        job->ret->object =
            object_make(job->arena, job->table->kind, tree, revision);
    else if (gone)
        job->ret->object = object_hold(
            stage_delete(job->objects, job->table, job->arena, tree));
    else
        job->ret->object = object_hold(
            stage_put(job->objects, job->table, job->arena, tree));
}

static void finish_unchanged(struct job *job)
{
    job->ret->unchanged = true;
    job->ret->object = object_hold(job->live);
}

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
    object = kind ? table_find(table_of(job->objects, kind), OBJECTS_STAGED, "",
                               asked)
                  : NULL;
    if (kind && !object) {
        set_details(job, asked, "", "namespaces");
        return not_found(kind, asked, job->err);
    }
    if (object && object->deleting)
        return err_set(job->err, ERR_FORBIDDEN,
                       "%s \"%s\" is forbidden: unable to create new content "
                       "in namespace %s because it is being terminated",
                       job->kind->resource, node_get_text(metadata, "name"),
                       asked);
    return 0;
}

static int create(struct job *job)
{
    struct node *metadata;
    const char *name;

    if (!node_is(job->after, NODE_MAP))
        return cannot_handle(job, "json: cannot unmarshal: not an object");
    if (check_type(job) < 0 || check_fields(job) < 0)
        return -1;
    arrange(job);
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
    if (judge(job) < 0)
        return -1;
    name = node_get_text(node_get(job->after, "metadata"), "name");
    look_up(job, name);
    if (job->live)
        return err_set(job->err, ERR_EXISTS, "%s \"%s\" already exists",
                       job->kind->resource, name);
    track(job);
    finish(job, false);
    job->ret->created = true;
    return 0;
}

static int run_create(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct job *job, struct err *err)
{
    if (start(job, objects, write, ret, err) < 0)
        return -1;
    job->after = node_copy(job->arena, write->body);
    return create(job);
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
    if (node_get(metadata, "finalizers") &&
        !node_count(node_get(metadata, "finalizers")))
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
        return conflict(
            job,
            arena_printf(job->arena,
                         "StorageError: invalid object, Code: 4, Key: "
                         "/registry/%s/%s/%s, ResourceVersion: 0, "
                         "AdditionalErrorMsg: Precondition failed: UID in "
                         "precondition: %s, UID in object meta: %s",
                         job->kind->plural, job->live->space, job->live->name,
                         uid, job->live->uid));
    if (!*revision || text_same(revision, "0"))
        return 0;
    if (!text_to_int(revision, &number) || number < 0)
        return err_set(job->err, ERR_OTHER,
                       "strconv.ParseUint: parsing \"%s\": invalid syntax",
                       revision);
    if (number != job->live->revision)
        return conflict(job, "the object has been modified; please apply your "
                             "changes to the latest version and try again");
    return 0;
}

/* An approval decides, and changes nothing else: not the certificate. */
static struct node *with_conditions(struct job *job, struct node *whole,
                                    const struct node *sent)
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
    struct node *managers =
        node_at(job->after, "metadata", "managedFields", NULL);

    if (is_request(job->kind) && text_same(job->write->subresource, "approval"))
        status = with_conditions(job, whole, status);
    if (status)
        node_set(job->arena, whole, "status", status);
    else
        node_remove(whole, "status");
    if (is_request(job->kind))
        stamp_conditions(job->arena, whole, job->before);
    if (managers)
        node_set(job->arena, node_get(whole, "metadata"), "managedFields",
                 managers);
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

static void raise_generation(struct job *job)
{
    struct node *metadata = node_get(job->after, "metadata");
    int64_t generation =
        node_get_int(node_get(job->before, "metadata"), "generation", 0);

    if (!job->kind->no_generation)
        node_set_int(job->arena, metadata, "generation", generation + 1);
}

/* A lease that was only renewed: memory changes, nothing else. */
static bool is_renewal(struct job *job)
{
    struct node *trees[2];

    if (!job->kind->is_volatile || job->write->dry_run ||
        table_find(job->table, OBJECTS_PUBLISHED, job->live->space,
                   job->live->name) != job->live)
        return false;
    for (size_t i = 0; i < count_of(trees); i++) {
        trees[i] = node_copy(job->arena, bare(job->arena,
                                              i ? job->after : job->before,
                                              true));
        node_remove(node_get(trees[i], "spec"), "renewTime");
    }
    return node_same(trees[0], trees[1]);
}

static void put_renewal(struct job *job)
{
    struct node *tree = stored_tree(job);
    struct node *managers =
        node_at(job->before, "metadata", "managedFields", NULL);

    if (managers)
        node_set(job->arena, node_get(tree, "metadata"), "managedFields",
                 managers);
    job->ret->object = object_hold(
        replace_now(job->objects, job->table, job->arena, tree));
}

static int update(struct job *job)
{
    bool managers_given;

    if (!node_is(job->after, NODE_MAP))
        return cannot_handle(job, "json: cannot unmarshal: not an object");
    if (check_type(job) < 0 || check_fields(job) < 0)
        return -1;
    arrange(job);
    if (check_identity(job) < 0)
        return -1;
    node_set_text(job->arena, node_get(job->after, "metadata"), "name",
                  job->write->name);
    if (is_status(job))
        take_status(job);
    else
        keep_status(job);
    keep_metadata(job);
    managers_given = node_at(job->after, "metadata", "managedFields", NULL);
    if (!managers_given &&
        node_at(job->before, "metadata", "managedFields", NULL))
        node_set(job->arena, node_get(job->after, "metadata"), "managedFields",
                 node_at(job->before, "metadata", "managedFields", NULL));
    if (judge(job) < 0)
        return -1;
    if (!is_status(job) && spec_differs(job))
        raise_generation(job);
    if (is_renewal(job)) {
        put_renewal(job);
        return 0;
    }
    track(job);
    if (is_unchanged(job)) {
        finish_unchanged(job);
        return 0;
    }
    finish(job, job->live->deleting &&
                    !node_at(job->after, "metadata", "finalizers", NULL) &&
                    (!is_core(job->kind, "namespaces") ||
                     collect_space_is_empty(job->objects, job->live->name)));
    return 0;
}

/* ---- Scale -------------------------------------------------------------- */

/* autoscaling/v1 Scale of an object with spec.replicas. */
static struct node *scale_of(struct job *job)
{
    struct node *scale = node_map(job->arena), *metadata;
    static const char *const kept[] = {"name", "namespace", "uid",
                                       "resourceVersion", "creationTimestamp"};
    const struct node *old = node_get(job->before, "metadata");

    node_set_text(job->arena, scale, "apiVersion", "autoscaling/v1");
    node_set_text(job->arena, scale, "kind", "Scale");
    metadata = node_make(job->arena, scale, "metadata");
    for (size_t i = 0; i < count_of(kept); i++)
        if (node_get(old, kept[i]))
            node_set(job->arena, metadata, kept[i], node_get(old, kept[i]));
    node_set_int(job->arena, node_make(job->arena, scale, "spec"), "replicas",
                 node_get_int(node_get(job->before, "spec"), "replicas", 0));
    return scale;
}

/* Turns the Scale in `after` into the object with that many replicas. */
static int take_scale(struct job *job)
{
    const struct node *scale = job->after;
    const struct node *replicas = node_at(scale, "spec", "replicas", NULL);
    const char *revision =
        node_get_text(node_get(scale, "metadata"), "resourceVersion");
    struct node *metadata;

    if (replicas && (!node_is(replicas, NODE_INT) || replicas->integer < 0))
        return err_set(job->err, ERR_INVALID,
                       "Scale.autoscaling \"%s\" is invalid: spec.replicas: "
                       "Invalid value: %s: must be greater than or equal to 0",
                       job->write->name, document_json(job->arena, replicas));
    job->after = node_copy(job->arena, job->before);
    metadata = node_get(job->after, "metadata");
    node_set_text(job->arena, metadata, "resourceVersion", revision);
    node_set_int(job->arena, node_make(job->arena, job->after, "spec"),
                 "replicas", replicas ? replicas->integer : 0);
    return 0;
}

static int run_update(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct job *job, struct err *err)
{
    if (start(job, objects, write, ret, err) < 0)
        return -1;
    look_up(job, write->name);
    if (!job->live)
        return not_found(job->kind, write->name, err);
    job->after = node_copy(job->arena, write->body);
    if (text_same(write->subresource, "scale") && take_scale(job) < 0)
        return -1;
    return update(job);
}

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
            node = patch_strategic(job->arena, job->kind->schema, live, patch,
                                   job->err);
        return node;
    case OBJECTS_PATCH_JSON:
        if (!node_is(patch, NODE_LIST)) {
            wrong_patch(job, "[]handlers.jsonPatchOp");
            return NULL;
        }
        node = patch_json(job->arena, live, patch, NULL, job->err);
        if (!node)
            set_details(job, "", "", "");
        return node;
    case OBJECTS_PATCH_APPLY:
        break;
    }
    return NULL;
}

static int apply(struct job *job)
{
    char time[CLOCK_TEXT];
    struct patch_writer writer = writer_of(job, time);
    struct node *causes = node_list(job->arena), *result;
    const struct node *metadata = node_get(job->write->body, "metadata");
    const char *name = node_get_text(metadata, "name");

    if (!job->write->who.manager || !*job->write->who.manager)
        return bad_option(job, "PatchOptions", "FieldValueRequired",
                          "fieldManager", NULL, "is required for apply patch");
    if (*name && strcmp(name, job->write->name))
        return err_set(job->err, ERR_BAD_REQUEST,
                       "the name of the object (%s) does not match the name "
                       "on the URL (%s)",
                       name, job->write->name);
    if (!job->live && job->write->subresource)
        return not_found(job->kind, job->write->name, job->err);
    result = patch_apply(job->arena, &writer, job->before, job->write->body,
                         causes, job->err);
    if (!result) {
        job->ret->causes = causes;
        if (job->err && job->err->code == ERR_CONFLICT)
            set_details(job, "", "", "");
        else if (job->err && job->err->code == ERR_INTERNAL)
            job->err->code = ERR_OTHER; /* they give no reason */
        return -1;
    }
    job->after = node_copy(job->arena, result);
    job->tracked = true;
    if (job->live)
        return update(job);
    node_set_text(job->arena, node_make(job->arena, job->after, "metadata"),
                  "name", job->write->name);
    return create(job);
}

static int run_patch(struct objects *objects, const struct objects_write *write,
                  struct objects_result *ret, struct job *job, struct err *err)
{
    bool scale = text_same(write->subresource, "scale");
    const struct node *live;
    struct node *next;

    if (start(job, objects, write, ret, err) < 0)
        return -1;
    look_up(job, write->name);
    if (write->patch == OBJECTS_PATCH_APPLY && !scale)
        return apply(job);
    if (!job->live)
        return not_found(job->kind, write->name, err);
    live = scale ? scale_of(job) : job->before;
    next = write->patch == OBJECTS_PATCH_APPLY
               ? patch_merge(job->arena, live, write->body)
               : patched(job, live);
    if (!next)
        return -1;
    job->after = node_copy(job->arena, next);
    job->patched = true;
    if (scale && take_scale(job) < 0)
        return -1;
    return update(job);
}

/* ---- Delete ------------------------------------------------------------- */

static int check_preconditions(struct job *job)
{
    const char *uid = job->write->uid, *revision = job->write->revision;
    long long number;

    set_details(job, job->write->name, job->kind->group, job->kind->kind);
    if (uid && *uid && strcmp(uid, job->live->uid))
        return err_set(job->err, ERR_CONFLICT,
                       "Operation cannot be fulfilled on %s \"%s\": the UID in "
                       "the precondition (%s) does not match the UID in record "
                       "(%s). The object might have been deleted and then "
                       "recreated",
                       job->kind->kind, job->write->name, uid, job->live->uid);
    if (revision && *revision &&
        (!text_to_int(revision, &number) || number != job->live->revision))
        return err_set(job->err, ERR_CONFLICT,
                       "Operation cannot be fulfilled on %s \"%s\": the "
                       "ResourceVersion in the precondition (%s) does not "
                       "match the ResourceVersion in record (%lld). The object "
                       "might have been modified",
                       job->kind->kind, job->write->name, revision,
                       (long long)job->live->revision);
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
    return bad_option(job, "DeleteOptions", "FieldValueNotSupported",
                      "propagationPolicy", node_string(job->arena, how),
                      "supported values: \"Foreground\", \"Background\", "
                      "\"Orphan\", \"nil\"");
}

static int check_space_may_go(struct job *job)
{
    static const char *const kept[] = {"default", "kube-system", "kube-public"};

    for (size_t i = 0; is_core(job->kind, "namespaces") && i < count_of(kept);
         i++)
        if (!strcmp(job->write->name, kept[i]))
            return err_set(job->err, ERR_FORBIDDEN,
                           "namespaces \"%s\" is forbidden: this namespace may "
                           "not be deleted",
                           kept[i]);
    return 0;
}

static void set_finalizer(struct arena *arena, struct node *metadata,
                          const char *name, bool present)
{
    struct node *old = node_get(metadata, "finalizers");
    struct node *list = node_list(arena);

    for (size_t i = 0; i < node_count(old); i++)
        if (strcmp(node_text(node_item(old, i)), name))
            node_add(arena, list, node_item(old, i));
    if (present)
        node_add(arena, list, node_string(arena, name));
    if (node_count(list))
        node_set(arena, metadata, "finalizers", list);
    else
        node_remove(metadata, "finalizers");
}

/* The collector works on what these two finalizers hold. */
static void set_propagation(struct job *job, struct node *metadata)
{
    const char *how = job->write->propagation ? job->write->propagation : "";

    if (!*how)
        return;
    set_finalizer(job->arena, metadata, "foregroundDeletion",
                  !strcmp(how, "Foreground"));
    set_finalizer(job->arena, metadata, "orphan", !strcmp(how, "Orphan"));
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
    raise_generation(job);
    if (is_core(job->kind, "namespaces"))
        node_set_text(job->arena, node_make(job->arena, job->after, "status"),
                      "phase", "Terminating");
}

static int run_delete(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct job *job, struct err *err)
{
    struct node *metadata;

    if (start(job, objects, write, ret, err) < 0)
        return -1;
    if (check_propagation(job) < 0 || check_space_may_go(job) < 0)
        return -1;
    look_up(job, write->name);
    if (!job->live)
        return not_found(job->kind, write->name, err);
    if (check_preconditions(job) < 0)
        return -1;
    for (struct rule *rule = job->table->rules; rule; rule = rule->next)
        if (rule->fn(rule->arg, &write->who, job->kind, job->before, job->arena,
                     NULL, err) < 0)
            return -1;
    job->after = node_copy(job->arena, job->before);
    metadata = node_get(job->after, "metadata");
    set_propagation(job, metadata);
    if (!node_get(metadata, "finalizers") &&
        (!is_core(job->kind, "namespaces") ||
         collect_space_is_empty(objects, write->name))) {
        finish(job, true);
        return 0;
    }
    mark_deleted(job);
    if (is_unchanged(job))
        finish_unchanged(job);
    else
        finish(job, false);
    return 0;
}

/* ---- The doors ---------------------------------------------------------- */

typedef int run_fn(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct job *job,
                   struct err *err);

static int run(run_fn *fn, struct objects *objects,
               const struct objects_write *write, struct objects_result *ret,
               struct err *err)
{
    struct err unwanted = {0}; /* a caller may not want to know why */
    struct job job;

    return fn(objects, write, ret, &job, err ? err : &unwanted) < 0 ? fail(&job)
                                                                    : 0;
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
    return run(run_patch, objects, write, ret, err);
}

int objects_delete(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct err *err)
{
    return run(run_delete, objects, write, ret, err);
}
