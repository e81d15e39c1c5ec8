/* SPDX-License-Identifier: Apache-2.0 */
/* Answers questions about who one is and what one may; nothing is kept. */
#include "api/inside.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "schema/schema.h"

#include <string.h>

struct question {
    struct api_request *ask;
    const struct node *spec;
    struct node *status, *causes;
};

/* ---- May I, may they ------------------------------------------------------ */

static void review_access(const struct question *question, const struct auth_user *user)
{
    const struct node *object = node_get(question->spec, "resourceAttributes");
    const struct node *path = node_get(question->spec, "nonResourceAttributes");
    struct auth_request what = {.verb = node_get_text(object, "verb"),
                            .group = node_get_text(object, "group"),
                            .resource = node_get_text(object, "resource"),
                            .subresource = node_get_text(object, "subresource"),
                            .space = node_get_text(object, "namespace"),
                            .name = node_get_text(object, "name")};
    struct arena *arena = question->ask->arena;
    scoped_text struct text why = {0};
    bool may;

    if (node_is(path, NODE_MAP)) {
        what.path = node_get_text(path, "path");
        what.verb = node_get_text(path, "verb");
    }
    may = auth_may(question->ask->api->auth, user, &what, &why);
    node_set_bool(arena, question->status, "allowed", may);
    if (why.len)
        node_set_text(arena, question->status, "reason", text_string(&why));
}

static void add_cause(const struct question *question, const char *field,
                      const struct node *value, const char *why)
{
    schema_add_cause(question->ask->arena, question->causes,
                     "FieldValueInvalid", field,
                     value ? value : node_null(question->ask->arena), "%s", why);
}

static void check_attributes(const struct question *question)
{
    const struct node *object = node_get(question->spec, "resourceAttributes");
    const struct node *path = node_get(question->spec, "nonResourceAttributes");

    if (node_is(object, NODE_MAP) && node_is(path, NODE_MAP))
        add_cause(question, "spec.nonResourceAttributes", path,
                  "cannot be specified in combination with resourceAttributes");
    else if (!node_is(object, NODE_MAP) && !node_is(path, NODE_MAP))
        add_cause(question, "spec.resourceAttributes", object,
                  "exactly one of nonResourceAttributes or resourceAttributes "
                  "must be specified");
}

static void ask_self(const struct question *question)
{
    check_attributes(question);
    if (!node_count(question->causes))
        review_access(question, question->ask->user);
}

static const struct auth_user *named_user(const struct question *question)
{
    const struct node *list = node_get(question->spec, "groups");
    struct arena *arena = question->ask->arena;
    size_t count = node_count(list);
    const char **groups = arena_alloc(arena, (count + 1) * sizeof *groups);

    for (size_t i = 0; i < count; i++)
        groups[i] = node_text(node_item(list, i));
    return auth_user_named(arena, node_get_text(question->spec, "user"), groups);
}

static void ask_about(const struct question *question)
{
    struct arena *arena = question->ask->arena;

    check_attributes(question);
    if (!*node_get_text(question->spec, "user") &&
        !node_count(node_get(question->spec, "groups")))
        add_cause(question, "spec.user", node_string(arena, ""),
                  "at least one of user or group must be specified");
    if (!node_count(question->causes))
        review_access(question, named_user(question));
}

static void ask_locally(const struct question *question)
{
    const struct node *object = node_get(question->spec, "resourceAttributes");
    const struct node *space = node_get(object, "namespace");
    const struct node *path = node_get(question->spec, "nonResourceAttributes");

    if (node_is(path, NODE_MAP))
        add_cause(question, "spec.nonResourceAttributes", path,
                  "disallowed on this kind of request");
    else if (strcmp(node_text(space), question->ask->what.space) != 0)
        add_cause(question, "spec.resourceAttributes.namespace",
                  space ? space : node_string(question->ask->arena, ""),
                  "must match metadata.namespace");
    ask_about(question);
}

/* ---- Who, and everything ----------------------------------------------------- */

static void ask_who(const struct question *question)
{
    node_set(question->ask->arena, question->status, "userInfo",
             auth_user_info(question->ask->arena, question->ask->user));
}

static void copy_members(const struct question *question,
                         const struct node *from)
{
    node_each (member, from)
        node_set(question->ask->arena, question->status, member->key,
                 member->value);
}

static void ask_rules(const struct question *question)
{
    const struct api_request *ask = question->ask;

    copy_members(question,
                 auth_rules(ask->api->auth, ask->user,
                            node_get_text(question->spec, "namespace"),
                            ask->arena));
}

static void ask_token(const struct question *question)
{
    copy_members(question,
                 auth_token_review(question->ask->api->auth,
                                   question->ask->arena, question->spec));
}

static const struct {
    const char *kind;
    void (*answer)(const struct question *question);
} questions[] = {
    {"SelfSubjectAccessReview", ask_self},
    {"SubjectAccessReview", ask_about},
    {"LocalSubjectAccessReview", ask_locally},
    {"SelfSubjectRulesReview", ask_rules},
    {"SelfSubjectReview", ask_who},
    {"TokenReview", ask_token},
};

/* ---- Answers -------------------------------------------------------------------- */

static void reply_review_failure(struct api_request *ask, const struct err *err, const char *group,
                 const char *kind, struct node *causes)
{
    struct node *details = node_map(ask->arena);

    if (err->code != ERR_INVALID) {
        reply_err(ask, err, NULL);
        return;
    }
    node_set_text(ask->arena, details, "group", group);
    if (*kind)
        node_set_text(ask->arena, details, "kind", kind);
    node_set(ask->arena, details, "causes", causes);
    reply_failure(ask, err, details);
}

/* A token is for the account in the path, whatever the body says. */
static void answer_token(struct api_request *ask, const struct node *body)
{
    struct node *causes = node_list(ask->arena);
    struct err err = {0};
    struct node *token = auth_token_make(ask->api->auth, ask->arena, ask->what.space,
                                         ask->what.name, body, causes, &err);

    if (token)
        reply_node(ask->http, 201, token);
    else
        reply_review_failure(ask, &err, "authentication.k8s.io", "TokenRequest", causes);
}

static void send_review(const struct question *question, const struct node *body)
{
    struct api_request *ask = question->ask;
    struct node *answer = node_map(ask->arena), *metadata;
    char now[CLOCK_TEXT];

    node_set_text(ask->arena, answer, "kind", ask->kind->kind);
    node_set_text(ask->arena, answer, "apiVersion", ask->kind->api_version);
    metadata = node_get(body, "metadata")
                   ? node_copy(ask->arena, node_get(body, "metadata"))
                   : node_map(ask->arena);
    clock_format(clock_wall(), false, now);
    if (strcmp(ask->kind->kind, "SelfSubjectReview") == 0)
        node_set_text(ask->arena, metadata, "creationTimestamp", now);
    else
        node_remove(metadata, "creationTimestamp");
    node_set(ask->arena, answer, "metadata", metadata);
    if (question->spec)
        node_set(ask->arena, answer, "spec",
                 node_copy(ask->arena, question->spec));
    node_set(ask->arena, answer, "status", question->status);
    reply_node(ask->http, 201, answer);
}

void question_answer(struct api_request *ask, struct node *body)
{
    struct question question = {.ask = ask, .spec = node_get(body, "spec"),
                                .status = node_map(ask->arena),
                                .causes = node_list(ask->arena)};
    const char *kind = ask->kind->kind;
    struct err err = {0};

    if (*ask->what.subresource) {
        answer_token(ask, body);
        return;
    }
    for (size_t i = 0; i < count_of(questions); i++)
        if (strcmp(questions[i].kind, kind) == 0)
            questions[i].answer(&question);
    if (node_count(question.causes)) {
        /* A kube-apiserver has forgotten the kind by then; so it says none. */
        err_set(&err, ERR_INVALID, "%s",
                schema_sentence(ask->arena, "", ask->kind->group, "",
                                question.causes));
        reply_review_failure(ask, &err, ask->kind->group, "", question.causes);
        return;
    }
    send_review(&question, body);
}
