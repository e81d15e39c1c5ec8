/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles reviews of identity and access (SubjectAccessReview, TokenReview …); stores
 * nothing.
 */
#include "api/inside.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "schema/schema.h"

#include <string.h>

struct review {
    struct api_request *ask;
    const struct node *spec;
    struct node *status, *causes;
};

/* ---- May I, may they ------------------------------------------------------ */

static void review_access(const struct review *review, const struct auth_user *user)
{
    const struct node *object = node_get(review->spec, "resourceAttributes");
    const struct node *path = node_get(review->spec, "nonResourceAttributes");
    struct auth_request what = {.verb = node_get_text(object, "verb"),
                            .group = node_get_text(object, "group"),
                            .resource = node_get_text(object, "resource"),
                            .subresource = node_get_text(object, "subresource"),
                            .space = node_get_text(object, "namespace"),
                            .name = node_get_text(object, "name")};
    struct arena *arena = review->ask->arena;
    scoped_text struct text why = {0};
    bool may;

    if (node_is(path, NODE_MAP)) {
        what.path = node_get_text(path, "path");
        what.verb = node_get_text(path, "verb");
    }
    may = auth_may(review->ask->api->auth, user, &what, &why);
    node_set_bool(arena, review->status, "allowed", may);
    if (why.len)
        node_set_text(arena, review->status, "reason", text_string(&why));
}

static void add_cause(const struct review *review, const char *field,
                      const struct node *value, const char *why)
{
    schema_add_cause(review->ask->arena, review->causes,
                     "FieldValueInvalid", field,
                     value ? value : node_null(review->ask->arena), "%s", why);
}

static void check_attributes(const struct review *review)
{
    const struct node *object = node_get(review->spec, "resourceAttributes");
    const struct node *path = node_get(review->spec, "nonResourceAttributes");

    if (node_is(object, NODE_MAP) && node_is(path, NODE_MAP))
        add_cause(review, "spec.nonResourceAttributes", path,
                  "cannot be specified in combination with resourceAttributes");
    else if (!node_is(object, NODE_MAP) && !node_is(path, NODE_MAP))
        add_cause(review, "spec.resourceAttributes", object,
                  "exactly one of nonResourceAttributes or resourceAttributes "
                  "must be specified");
}

static void ask_self(const struct review *review)
{
    check_attributes(review);
    if (!node_count(review->causes))
        review_access(review, review->ask->user);
}

static const struct auth_user *named_user(const struct review *review)
{
    const struct node *list = node_get(review->spec, "groups");
    struct arena *arena = review->ask->arena;
    size_t count = node_count(list);
    const char **groups = arena_alloc(arena, (count + 1) * sizeof *groups);

    for (size_t i = 0; i < count; i++)
        groups[i] = node_text(node_item(list, i));
    return auth_user_named(arena, node_get_text(review->spec, "user"), groups);
}

static void ask_about(const struct review *review)
{
    struct arena *arena = review->ask->arena;

    check_attributes(review);
    if (!*node_get_text(review->spec, "user") &&
        !node_count(node_get(review->spec, "groups")))
        add_cause(review, "spec.user", node_string(arena, ""),
                  "at least one of user or group must be specified");
    if (!node_count(review->causes))
        review_access(review, named_user(review));
}

static void ask_locally(const struct review *review)
{
    const struct node *object = node_get(review->spec, "resourceAttributes");
    const struct node *space = node_get(object, "namespace");
    const struct node *path = node_get(review->spec, "nonResourceAttributes");

    if (node_is(path, NODE_MAP))
        add_cause(review, "spec.nonResourceAttributes", path,
                  "disallowed on this kind of request");
    else if (strcmp(node_text(space), review->ask->what.space) != 0)
        add_cause(review, "spec.resourceAttributes.namespace",
                  space ? space : node_string(review->ask->arena, ""),
                  "must match metadata.namespace");
    ask_about(review);
}

/* ---- Who, and everything ----------------------------------------------------- */

static void ask_who(const struct review *review)
{
    node_set(review->ask->arena, review->status, "userInfo",
             auth_user_info(review->ask->arena, review->ask->user));
}

static void copy_members(const struct review *review,
                         const struct node *from)
{
    node_each (member, from)
        node_set(review->ask->arena, review->status, member->key,
                 member->value);
}

static void ask_rules(const struct review *review)
{
    const struct api_request *ask = review->ask;

    copy_members(review,
                 auth_rules(ask->api->auth, ask->user,
                            node_get_text(review->spec, "namespace"),
                            ask->arena));
}

static void ask_token(const struct review *review)
{
    copy_members(review,
                 auth_token_review(review->ask->api->auth,
                                   review->ask->arena, review->spec));
}

static const struct {
    const char *kind;
    void (*answer)(const struct review *review);
} reviews[] = {
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

/* The token is for the account of the path; names in the body are ignored. */
static void answer_token(struct api_request *ask, const struct node *body)
{
    struct node *causes = node_list(ask->arena);
    struct err err = {0};
    struct node *token = auth_token_make(ask->api->auth, ask->arena, ask->what.space,
                                         ask->what.name, body, causes, &err);

    if (token)
        reply_node(ask->http, 201, token);
    else
        reply_review_failure(ask, &err, META_GROUP_AUTHENTICATION, "TokenRequest", causes);
}

static void send_review(const struct review *review, const struct node *body)
{
    struct api_request *ask = review->ask;
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
    if (review->spec)
        node_set(ask->arena, answer, "spec",
                 node_copy(ask->arena, review->spec));
    node_set(ask->arena, answer, "status", review->status);
    reply_node(ask->http, 201, answer);
}

void review_handle(struct api_request *ask, struct node *body)
{
    struct review review = {.ask = ask, .spec = node_get(body, "spec"),
                                .status = node_map(ask->arena),
                                .causes = node_list(ask->arena)};
    const char *kind = ask->kind->kind;
    struct err err = {0};

    if (*ask->what.subresource) {
        answer_token(ask, body);
        return;
    }
    for (size_t i = 0; i < count_of(reviews); i++)
        if (strcmp(reviews[i].kind, kind) == 0)
            reviews[i].answer(&review);
    if (node_count(review.causes)) {
        /* A kube-apiserver's error has no kind at this point, so neither has this one. */
        err_set(&err, ERR_INVALID, "%s",
                schema_sentence(ask->arena, "", ask->kind->group, "",
                                review.causes));
        reply_review_failure(ask, &err, ask->kind->group, "", review.causes);
        return;
    }
    send_review(&review, body);
}
