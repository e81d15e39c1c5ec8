/* SPDX-License-Identifier: Apache-2.0 */
/* Judges what was sent: its type, its fields, its rules. */

#include "objects/job.h"

#include "base/text.h"
#include "document/document.h"
#include "schema/schema.h"

#include <string.h>

/* ---- Reading what was sent ---------------------------------------------- */

/* apiVersion, kind and metadata come first, as people expect to read them. */
void job_arrange(struct job *job)
{
    struct node *tidy = node_map(job->arena);

    node_set_text(job->arena, tidy, "apiVersion", job->kind->api_version);
    node_set_text(job->arena, tidy, "kind", job->kind->kind);
    node_set(job->arena, tidy, "metadata", node_make(job->arena, job->after, "metadata"));
    node_each(member, job->after) if (!node_get(tidy, member->key))
        node_set(job->arena, tidy, member->key, member->value);
    job->after = tidy;
}

static void add_warning(struct job *job, struct node *words)
{
    if (!job->ret->warnings)
        job->ret->warnings = node_list(job->arena);
    node_add(job->arena, job->ret->warnings, words);
}

static const struct node *at_path(const struct job *job, const char *path)
{
    char *rest = arena_string(job->arena, path), *step;
    const struct node *at = job->after;

    while (at && (step = strsep(&rest, ".")))
        at = node_get(at, step);
    return at;
}

static bool says_something(const struct node *value)
{
    return value && !node_is(value, NODE_NULL) &&
           !((node_is(value, NODE_MAP) || node_is(value, NODE_LIST)) && !node_count(value)) &&
           !(node_is(value, NODE_STRING) && !value->len);
}

/* What is taken without effect is not taken without a word. */
static void warn_of_unused(struct job *job)
{
    for (const char *const *at = job->kind->unused_fields; at && *at; at++) {
        if (!strcmp(*at, "."))
            add_warning(job, node_format(job->arena, "%s: nothing acts on this kind yet; see kubectl explain %s",
                                         job->kind->kind, job->kind->plural));
        else if (says_something(at_path(job, *at)))
            add_warning(job, node_format(job->arena, "%s: nothing acts on this field yet; see kubectl explain %s.%s",
                                         *at, job->kind->plural, *at));
    }
}

/* Field validation: refuse, warn of, or drop what the schema does not know. */
int job_check_fields(struct job *job)
{
    struct node *unknown = node_list(job->arena), *warnings;
    const struct node *duplicates = job->write->duplicates;
    scoped_text struct text all = {0};

    schema_prune(job->kind->schema, job->arena, job->after, unknown);
    if (!job_is_status(job))
        warn_of_unused(job);
    if (job->write->validation == OBJECTS_IGNORE || !(node_count(unknown) + node_count(duplicates)))
        return 0;
    warnings = node_list(job->arena);
    for (size_t i = 0; i < node_count(duplicates); i++)
        node_add(
            job->arena, warnings,
            node_format(job->arena, "duplicate field \"%s\"", node_text(node_item(duplicates, i))));
    for (size_t i = 0; i < node_count(unknown); i++)
        node_add(job->arena, warnings,
                 node_format(job->arena, "unknown field \"%s\"", node_text(node_item(unknown, i))));
    if (job->write->validation == OBJECTS_WARN) {
        for (size_t i = 0; i < node_count(warnings); i++)
            add_warning(job, node_item(warnings, i));
        return 0;
    }
    text_add(&all, "strict decoding error: ");
    for (size_t i = 0; i < node_count(warnings); i++)
        text_addf(&all, "%s%s", i ? ", " : "", node_text(node_item(warnings, i)));
    return job_cannot_handle(job, text_string(&all));
}

/* ---- Judging ------------------------------------------------------------ */

/* Kinds that a kube-apiserver decodes into Go types refuse a wrong type while
   decoding; others while validating. */
static bool job_is_built_in(const struct kind *kind)
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
    return arena_printf(job->arena, "illegal base64 data at input byte %zu", good);
}

/* Another kind's object is read as what it says it is before it is refused. */
static const char *bad_stranger(struct job *job, const char *kind)
{
    const struct kind *its = kinds_by_kind(job->objects->kinds, job->kind->api_version, kind);
    struct node *causes = node_list(job->arena);

    if (its && job_is_built_in(its))
        schema_validate(its->schema, job->arena, job->after, causes);
    for (size_t i = 0; i < node_count(causes); i++)
        if (bad_bytes(job, node_item(causes, i)))
            return bad_bytes(job, node_item(causes, i));
    return arena_printf(job->arena, "converting (%s) to (%s): unknown conversion", kind,
                        job->kind->kind);
}

int job_check_type(struct job *job)
{
    const char *version = node_get_text(job->after, "apiVersion");
    const char *kind = node_get_text(job->after, "kind");

    if (*kind && strcmp(kind, job->kind->kind))
        return err_set(
            job->err, ERR_BAD_REQUEST, "%s in version \"%s\" cannot be handled as a %s: %s", kind,
            *version ? version : job->kind->api_version, job->kind->kind, bad_stranger(job, kind));
    if (*version && strcmp(version, job->kind->api_version))
        return err_set(job->err, ERR_BAD_REQUEST,
                       "%s in version \"%s\" cannot be handled as a %s: no "
                       "kind \"%s\" is registered for version \"%s\" in "
                       "scheme \"pkg/runtime/scheme.go:100\"",
                       job->kind->kind, version, job->kind->kind, job->kind->kind, version);
    return 0;
}

static int refuse(struct job *job, struct node *causes)
{
    const struct node *first = node_item(causes, 0);
    const struct node *metadata = node_get(job->after, "metadata");
    bool type = text_same(node_get_text(first, "reason"), "FieldValueTypeInvalid");

    if (job_is_built_in(job->kind) && bad_bytes(job, first))
        return job_cannot_handle(job, bad_bytes(job, first));
    if (type && job_is_built_in(job->kind))
        return job_cannot_handle(job, arena_printf(job->arena, "json: cannot unmarshal: %s: %s",
                                                   node_get_text(first, "field"),
                                                   node_get_text(first, "message")));
    job->ret->causes = causes;
    return err_set(job->err, ERR_INVALID, "%s",
                   schema_sentence(job->arena, job->kind->kind, job->kind->group,
                                   node_get_text(metadata, "name"), causes));
}

static bool is_said(const struct node *causes, size_t count, const char *field)
{
    for (size_t i = 0; i < count; i++) {
        const char *said = node_get_text(node_item(causes, i), "field");

        if (!strcmp(said, field) ||
            (text_starts(said, "metadata.") && text_starts(field, "metadata.")))
            return true;
    }
    return false;
}

static struct node *find_faults(struct job *job)
{
    struct node *found = node_list(job->arena);

    schema_validate(job->kind->schema, job->arena, job->after, found);
    return found;
}

/* What was said already was said in finer words than a schema has. */
static void add_faults(const struct node *found, struct job *job, struct node *causes)
{
    size_t said = node_count(causes);

    for (size_t i = 0; i < node_count(found); i++) {
        struct node *cause = node_item(found, i);

        if (!is_said(causes, said, node_get_text(cause, "field")))
            node_add(job->arena, causes, cause);
    }
}

/*
 * Rules are for objects of the right shape, so that none has to ask whether a
 * part is there or what type it has: kinds of others' making are validated
 * first, as before a webhook, and built-in ones decoded first.
 */
static bool is_for_rules(const struct job *job, const struct node *faults)
{
    if (!job_is_built_in(job->kind))
        return !node_count(faults);
    for (size_t i = 0; i < node_count(faults); i++)
        if (text_same(node_get_text(node_item(faults, i), "reason"), "FieldValueTypeInvalid"))
            return false;
    return true;
}

/* Decided in the subresource made for it, or by the hub itself. */
static bool may_decide(const struct job *job)
{
    return job->write->who.trusted || text_same(job->write->subresource, "approval");
}

/*
 * A rule says "KIND "NAME" is invalid: FIELD: WHY", as people read it. Clients print
 * the causes instead, and of a Status without any that it is invalid, and no more.
 */
static int refused_by_rule(struct job *job)
{
    static const char between[] = " is invalid: ";
    const char *words = strstr(job->err->text, between), *colon;
    struct node *cause;

    if (job->err->code != ERR_INVALID || job->ret->causes || !words)
        return -1;
    words += strlen(between);
    colon = strstr(words, ": ");
    if (!colon || memchr(words, ' ', (size_t)(colon - words)))
        return -1;
    cause = node_map(job->arena);
    node_set_text(job->arena, cause, "reason", "FieldValueInvalid");
    node_set_text(job->arena, cause, "message", colon + 2);
    node_set(job->arena, cause, "field",
             node_bytes(job->arena, words, (size_t)(colon - words)));
    job->ret->causes = node_list(job->arena);
    node_add(job->arena, job->ret->causes, cause);
    return -1;
}

int job_review(struct job *job)
{
    const struct objects_write *write = job->write;
    const struct objects_review review = {
        .who = &write->who,
        .kind = job->kind,
        .subresource = write->subresource ? write->subresource : "",
        .space = write->space ? write->space : "",
        .name = write->name ? write->name : "",
        .applied = job->tracked,
        .by_apply = job->tracked && !job->before,
        .before = job->before,
        .after = job->after,
        .arena = job->arena,
    };

    for (struct rule *rule = job->table->rules; rule; rule = rule->next)
        if ((!rule->subresource || !strcmp(rule->subresource, review.subresource)) &&
            rule->fn(rule->arg, &review, job->err) < 0)
            return refused_by_rule(job);
    return 0;
}

/* Rules compare these lists item by item, the old with the new: that is quick as
   long as they are short. What is there already can still be made shorter. */
static int check_lengths(struct job *job)
{
    static const struct {
        const char *field;
        size_t most;
    } lists[] = {{"finalizers", 256}, {"ownerReferences", 512}};
    struct node *causes = node_list(job->arena);

    for (size_t i = 0; i < count_of(lists); i++) {
        size_t was = node_count(node_at(job->before, "metadata", lists[i].field, NULL));
        size_t now = node_count(node_at(job->after, "metadata", lists[i].field, NULL));

        if (now > lists[i].most && now > was)
            schema_add_cause(job->arena, causes, "FieldValueTooMany",
                             arena_printf(job->arena, "metadata.%s", lists[i].field),
                             node_int(job->arena, (int64_t)now), "must have at most %zu items",
                             lists[i].most);
    }
    return node_count(causes) ? refuse(job, causes) : 0;
}

/* Only what was read lost its nulls; an apply is merged behind that. Built-in
   kinds have Go types there, to which null is nothing. */
static int fill_defaults(struct job *job)
{
    bool applied = job->write->patch == OBJECTS_PATCH_APPLY && job->tracked;

    return applied && !job_is_built_in(job->kind)
               ? schema_apply_defaults_only(job->kind->schema, job->arena,
                                            job->after, job->err)
               : schema_apply_defaults(job->kind->schema, job->arena, job->after,
                                       job->err);
}

int job_judge(struct job *job)
{
    struct node *causes = node_list(job->arena), *faults;

    if (check_lengths(job) < 0)
        return -1;
    if (fill_defaults(job) < 0)
        return -1;
    settle_kind(job->arena, job->kind, job->after);
    faults = find_faults(job);
    if (job->table->rules && is_for_rules(job, faults)) {
        if (job_review(job) < 0)
            return -1;
        faults = find_faults(job); /* of what they have changed */
    }
    check_metadata(job->arena, job->kind, job->after, job->before, causes);
    check_kind(job->arena, job->kind, job->after, job->before, causes);
    if (job_is_request(job->kind) && job->before)
        check_approval(job->arena, job->after, job->before, may_decide(job), causes);
    add_faults(faults, job, causes);
    return node_count(causes) ? refuse(job, causes) : 0;
}
