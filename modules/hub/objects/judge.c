/* SPDX-License-Identifier: Apache-2.0 */
/* Judges an object that was sent: its type, its fields, the rules of its kind. */

#include "objects/write_op.h"

#include "base/text.h"
#include "document/document.h"
#include "schema/schema.h"

#include <string.h>

/* ---- Reading what was sent ---------------------------------------------- */

/* Puts apiVersion, kind and metadata first, where readers expect them. */
void write_op_arrange(struct write_op *op)
{
    struct node *tidy = node_map(op->arena);

    node_set_text(op->arena, tidy, "apiVersion", op->kind->api_version);
    node_set_text(op->arena, tidy, "kind", op->kind->kind);
    node_set(op->arena, tidy, "metadata", node_make(op->arena, op->after, "metadata"));
    node_each(member, op->after) if (!node_get(tidy, member->key))
        node_set(op->arena, tidy, member->key, member->value);
    op->after = tidy;
}

static void add_warning(struct write_op *op, struct node *words)
{
    if (!op->ret->warnings)
        op->ret->warnings = node_list(op->arena);
    node_add(op->arena, op->ret->warnings, words);
}

static const struct node *find_field(const struct write_op *op, const char *path)
{
    char *rest = arena_string(op->arena, path), *step;
    const struct node *at = op->after;

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

/* Fields that are accepted but have no effect yet get a warning. */
static void warn_of_unused(struct write_op *op)
{
    for (const char *const *at = op->kind->unused_fields; at && *at; at++) {
        if (!strcmp(*at, "."))
            add_warning(op, node_format(op->arena,
                                        "%s: this kind has no effect yet; see kubectl explain %s",
                                        op->kind->kind, op->kind->plural));
        else if (says_something(find_field(op, *at)))
            add_warning(op,
                        node_format(op->arena,
                                    "%s: this field has no effect yet; see kubectl explain %s.%s",
                                    *at, op->kind->plural, *at));
    }
}

/* Field validation: refuses, warns of, or drops fields that the schema does not know. */
int write_op_check_fields(struct write_op *op)
{
    struct node *unknown = node_list(op->arena), *warnings;
    const struct node *duplicates = op->write->duplicates;
    scoped_text struct text all = {0};

    schema_prune(op->kind->schema, op->arena, op->after, unknown);
    if (!write_op_is_status(op))
        warn_of_unused(op);
    if (op->write->validation == OBJECTS_IGNORE || !(node_count(unknown) + node_count(duplicates)))
        return 0;
    warnings = node_list(op->arena);
    for (size_t i = 0; i < node_count(duplicates); i++)
        node_add(
            op->arena, warnings,
            node_format(op->arena, "duplicate field \"%s\"", node_text(node_item(duplicates, i))));
    for (size_t i = 0; i < node_count(unknown); i++)
        node_add(op->arena, warnings,
                 node_format(op->arena, "unknown field \"%s\"", node_text(node_item(unknown, i))));
    if (op->write->validation == OBJECTS_WARN) {
        for (size_t i = 0; i < node_count(warnings); i++)
            add_warning(op, node_item(warnings, i));
        return 0;
    }
    text_add(&all, "strict decoding error: ");
    for (size_t i = 0; i < node_count(warnings); i++)
        text_addf(&all, "%s%s", i ? ", " : "", node_text(node_item(warnings, i)));
    return write_op_cannot_handle(op, text_string(&all));
}

/* ---- Judging ------------------------------------------------------------ */

/* A kube-apiserver decodes built-in kinds into Go types, and refuses a wrong type with
   the decoder's words; of custom resources it refuses it while validating. */
static bool has_go_type(const struct kind *kind)
{
    return !strchr(kind->group, '.') || text_ends(kind->group, ".k8s.io");
}

/* The words of Go's decoder if the cause is invalid base64, else NULL. Go names the
   offset of the first invalid byte, or of an incomplete last group of four. */
static const char *bad_bytes(struct write_op *op, const struct node *cause)
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
    return arena_printf(op->arena, "illegal base64 data at input byte %zu", good);
}

/* An object of another kind is decoded as that kind before it is refused: a fault of
   its bytes is the error that a kube-apiserver reports first. */
static const char *unknown_field_reason(struct write_op *op, const char *kind)
{
    const struct kind *its = kinds_by_kind(op->objects->keeper.kinds, op->kind->api_version, kind);
    struct node *causes = node_list(op->arena);

    if (its && has_go_type(its))
        schema_validate(its->schema, op->arena, op->after, causes);
    for (size_t i = 0; i < node_count(causes); i++)
        if (bad_bytes(op, node_item(causes, i)))
            return bad_bytes(op, node_item(causes, i));
    return arena_printf(op->arena, "converting (%s) to (%s): unknown conversion", kind,
                        op->kind->kind);
}

int write_op_check_type(struct write_op *op)
{
    const char *version = node_get_text(op->after, "apiVersion");
    const char *kind = node_get_text(op->after, "kind");

    if (*kind && strcmp(kind, op->kind->kind))
        return err_set(op->err, ERR_BAD_REQUEST,
                       "%s in version \"%s\" cannot be handled as a %s: %s", kind,
                       *version ? version : op->kind->api_version, op->kind->kind,
                       unknown_field_reason(op, kind));
    if (*version && strcmp(version, op->kind->api_version))
        return err_set(op->err, ERR_BAD_REQUEST,
                       "%s in version \"%s\" cannot be handled as a %s: no "
                       "kind \"%s\" is registered for version \"%s\" in "
                       "scheme \"pkg/runtime/scheme.go:100\"",
                       op->kind->kind, version, op->kind->kind, op->kind->kind, version);
    return 0;
}

static int refuse_causes(struct write_op *op, struct node *causes)
{
    const struct node *first = node_item(causes, 0);
    const struct node *metadata = node_get(op->after, "metadata");
    bool type = text_same(node_get_text(first, "reason"), "FieldValueTypeInvalid");

    if (has_go_type(op->kind) && bad_bytes(op, first))
        return write_op_cannot_handle(op, bad_bytes(op, first));
    if (type && has_go_type(op->kind))
        return write_op_cannot_handle(op, arena_printf(op->arena, "json: cannot unmarshal: %s: %s",
                                                       node_get_text(first, "field"),
                                                       node_get_text(first, "message")));
    op->ret->causes = causes;
    return err_set(op->err, ERR_INVALID, "%s",
                   schema_sentence(op->arena, op->kind->kind, op->kind->group,
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

static struct node *find_faults(struct write_op *op)
{
    struct node *found = node_list(op->arena);

    schema_validate(op->kind->schema, op->arena, op->after, found);
    return found;
}

/* Adds the schema's faults except those of fields that already have a cause: the
   checks of metadata and kinds word theirs better. */
static void add_faults(const struct node *found, struct write_op *op, struct node *causes)
{
    size_t said = node_count(causes);

    for (size_t i = 0; i < node_count(found); i++) {
        struct node *cause = node_item(found, i);

        if (!is_said(causes, said, node_get_text(cause, "field")))
            node_add(op->arena, causes, cause);
    }
}

/*
 * Rules see only objects of the right shape, so that no rule has to check types:
 * custom resources must be valid first, as before a webhook; built-in kinds must
 * only be decodable.
 */
static bool is_for_rules(const struct write_op *op, const struct node *faults)
{
    if (!has_go_type(op->kind))
        return !node_count(faults);
    for (size_t i = 0; i < node_count(faults); i++)
        if (text_same(node_get_text(node_item(faults, i), "reason"), "FieldValueTypeInvalid"))
            return false;
    return true;
}

/* Approval and denial come through their subresource, or from the hub itself. */
static bool may_decide(const struct write_op *op)
{
    return op->write->who.trusted || text_same(op->write->subresource, "approval");
}

/*
 * Turns a rule's sentence, `KIND "NAME" is invalid: FIELD: WHY`, into a cause as well:
 * kubectl prints the causes of a Status and not its message.
 */
static int refused_by_rule(struct write_op *op)
{
    static const char between[] = " is invalid: ";
    const char *words = strstr(op->err->text, between), *colon;
    struct node *cause;

    if (op->err->code != ERR_INVALID || op->ret->causes || !words)
        return -1;
    words += strlen(between);
    colon = strstr(words, ": ");
    if (!colon || memchr(words, ' ', (size_t)(colon - words)))
        return -1;
    cause = node_map(op->arena);
    node_set_text(op->arena, cause, "reason", "FieldValueInvalid");
    node_set_text(op->arena, cause, "message", colon + 2);
    node_set(op->arena, cause, "field", node_bytes(op->arena, words, (size_t)(colon - words)));
    op->ret->causes = node_list(op->arena);
    node_add(op->arena, op->ret->causes, cause);
    return -1;
}

int write_op_review(struct write_op *op)
{
    const struct objects_write *write = op->write;
    const struct objects_review review = {
        .who = &write->who,
        .kind = op->kind,
        .subresource = write->subresource ? write->subresource : "",
        .namespace = write->namespace ? write->namespace : "",
        .name = write->name ? write->name : "",
        .applied = op->tracked,
        .by_apply = op->tracked && !op->before,
        .before = op->before,
        .after = op->after,
        .arena = op->arena,
    };

    for (const struct rule *rule = rules_of(op->objects->rules, op->table->kind); rule;
         rule = rule->next)
        if ((!rule->subresource || !strcmp(rule->subresource, review.subresource)) &&
            rule->fn(rule->arg, &review, op->err) < 0)
            return refused_by_rule(op);
    return 0;
}

/* Limits the lists that rules compare item by item, which takes quadratic time. A
   stored list over the limit may still be made shorter. */
static int check_lengths(struct write_op *op)
{
    static const struct {
        const char *field;
        size_t most;
    } lists[] = {{"finalizers", 256}, {"ownerReferences", 512}};
    struct node *causes = node_list(op->arena);

    for (size_t i = 0; i < count_of(lists); i++) {
        size_t was = node_count(node_at(op->before, "metadata", lists[i].field, NULL));
        size_t now = node_count(node_at(op->after, "metadata", lists[i].field, NULL));

        if (now > lists[i].most && now > was)
            schema_add_cause(op->arena, causes, "FieldValueTooMany",
                             arena_printf(op->arena, "metadata.%s", lists[i].field),
                             node_int(op->arena, (int64_t)now), "must have at most %zu items",
                             lists[i].most);
    }
    return node_count(causes) ? refuse_causes(op, causes) : 0;
}

/* Nulls are dropped from a body as it is read, but an apply is merged later and can
   bring some in. For custom resources they count as values; built-in kinds have Go
   types, which do not know null. */
static int fill_defaults(struct write_op *op)
{
    bool applied = op->write->patch == OBJECTS_PATCH_APPLY && op->tracked;

    return applied && !has_go_type(op->kind)
               ? schema_apply_defaults_only(op->kind->schema, op->arena, op->after, op->err)
               : schema_apply_defaults(op->kind->schema, op->arena, op->after, op->err);
}

int write_op_judge(struct write_op *op)
{
    struct node *causes = node_list(op->arena), *faults;

    if (check_lengths(op) < 0)
        return -1;
    if (fill_defaults(op) < 0)
        return -1;
    kind_rules_settle(op->arena, op->kind, op->after);
    faults = find_faults(op);
    if (rules_of(op->objects->rules, op->table->kind) && is_for_rules(op, faults)) {
        if (write_op_review(op) < 0)
            return -1;
        faults = find_faults(op); /* the rules may have changed the object */
    }
    metadata_check(op->arena, op->kind, op->after, op->before, causes);
    kind_rules_check(op->arena, op->kind, op->after, op->before, causes);
    if (approval_is_csr(op->kind) && op->before)
        approval_check(op->arena, op->after, op->before, may_decide(op), causes);
    add_faults(faults, op, causes);
    return node_count(causes) ? refuse_causes(op, causes) : 0;
}
