/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles reviews of identity and access (SubjectAccessReview, TokenReview …); stores
 * nothing.
 */
#include "api/internal.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "schema/schema.h"

#include <string.h>

struct review {
    struct api_request *request;
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
                                .namespace = node_get_text(object, "namespace"),
                                .name = node_get_text(object, "name")};
    struct arena *arena = review->request->arena;
    scoped_text struct text why = {0};
    bool may;

    if (node_is(path, NODE_MAP)) {
        what.path = node_get_text(path, "path");
        what.verb = node_get_text(path, "verb");
    }
    may = auth_may(review->request->api->auth, user, &what, &why);
    node_set_bool(arena, review->status, "allowed", may);
    if (why.len)
        node_set_text(arena, review->status, "reason", text_string(&why));
}

static void add_cause(const struct review *review, const char *field, const struct node *value,
                      const char *why)
{
    schema_add_cause(review->request->arena, review->causes, "FieldValueInvalid", field,
                     value ? value : node_null(review->request->arena), "%s", why);
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

static void request_self(const struct review *review)
{
    check_attributes(review);
    if (!node_count(review->causes))
        review_access(review, review->request->user);
}

static const struct auth_user *named_user(const struct review *review)
{
    const struct node *list = node_get(review->spec, "groups");
    struct arena *arena = review->request->arena;
    size_t count = node_count(list);
    const char **groups = arena_alloc(arena, (count + 1) * sizeof *groups);

    for (size_t i = 0; i < count; i++)
        groups[i] = node_text(node_item(list, i));
    return auth_user_named(arena, node_get_text(review->spec, "user"), groups);
}

static void request_about(const struct review *review)
{
    struct arena *arena = review->request->arena;

    check_attributes(review);
    if (!*node_get_text(review->spec, "user") && !node_count(node_get(review->spec, "groups")))
        add_cause(review, "spec.user", node_string(arena, ""),
                  "at least one of user or group must be specified");
    if (!node_count(review->causes))
        review_access(review, named_user(review));
}

static void ask_locally(const struct review *review)
{
    const struct node *object = node_get(review->spec, "resourceAttributes");
    const struct node *namespace = node_get(object, "namespace");
    const struct node *path = node_get(review->spec, "nonResourceAttributes");

    if (node_is(path, NODE_MAP))
        add_cause(review, "spec.nonResourceAttributes", path, "disallowed on this kind of request");
    else if (strcmp(node_text(namespace), review->request->what.namespace) != 0)
        add_cause(review, "spec.resourceAttributes.namespace",
                  namespace ? namespace : node_string(review->request->arena, ""),
                  "must match metadata.namespace");
    request_about(review);
}

/* ---- Who, and everything ----------------------------------------------------- */

static void ask_who(const struct review *review)
{
    node_set(review->request->arena, review->status, "userInfo",
             auth_user_info(review->request->arena, review->request->user));
}

static void copy_members(const struct review *review, const struct node *from)
{
    node_each(member, from)
        node_set(review->request->arena, review->status, member->key, member->value);
}

static void request_rules(const struct review *review)
{
    const struct api_request *request = review->request;

    copy_members(review, auth_rules(request->api->auth, request->user,
                                    node_get_text(review->spec, "namespace"), request->arena));
}

static void request_token(const struct review *review)
{
    copy_members(review, auth_token_review(review->request->api->auth, review->request->arena,
                                           review->spec));
}

static const struct {
    const char *kind;
    void (*response)(const struct review *review);
} reviews[] = {
    {"SelfSubjectAccessReview", request_self},
    {"SubjectAccessReview", request_about},
    {"LocalSubjectAccessReview", ask_locally},
    {"SelfSubjectRulesReview", request_rules},
    {"SelfSubjectReview", ask_who},
    {"TokenReview", request_token},
};

/* ---- Answers -------------------------------------------------------------------- */

static void reply_review_failure(struct api_request *request, const struct err *err,
                                 const char *group, const char *kind, struct node *causes)
{
    struct node *details = node_map(request->arena);

    if (err->code != ERR_INVALID) {
        reply_err(request, err, NULL);
        return;
    }
    node_set_text(request->arena, details, "group", group);
    if (*kind)
        node_set_text(request->arena, details, "kind", kind);
    node_set(request->arena, details, "causes", causes);
    reply_failure(request, err, details);
}

/* The token is for the account of the path; names in the body are ignored. */
static void respond_token(struct api_request *request, const struct node *body)
{
    struct node *causes = node_list(request->arena);
    struct err err = {0};
    struct node *token =
        auth_token_make(request->api->auth, request->arena, request->what.namespace,
                        request->what.name, body, causes, &err);

    if (token)
        reply_node(request->http, 201, token);
    else
        reply_review_failure(request, &err, META_GROUP_AUTHENTICATION, "TokenRequest", causes);
}

static void send_review(const struct review *review, const struct node *body)
{
    struct api_request *request = review->request;
    struct node *response = node_map(request->arena), *metadata;
    char now[CLOCK_TEXT];

    node_set_text(request->arena, response, "kind", request->kind->kind);
    node_set_text(request->arena, response, "apiVersion", request->kind->api_version);
    metadata = node_get(body, "metadata") ? node_copy(request->arena, node_get(body, "metadata"))
                                          : node_map(request->arena);
    clock_format(clock_wall(), false, now);
    if (strcmp(request->kind->kind, "SelfSubjectReview") == 0)
        node_set_text(request->arena, metadata, "creationTimestamp", now);
    else
        node_remove(metadata, "creationTimestamp");
    node_set(request->arena, response, "metadata", metadata);
    if (review->spec)
        node_set(request->arena, response, "spec", node_copy(request->arena, review->spec));
    node_set(request->arena, response, "status", review->status);
    reply_node(request->http, 201, response);
}

void review_handle(struct api_request *request, struct node *body)
{
    struct review review = {.request = request,
                            .spec = node_get(body, "spec"),
                            .status = node_map(request->arena),
                            .causes = node_list(request->arena)};
    const char *kind = request->kind->kind;
    struct err err = {0};

    if (*request->what.subresource) {
        respond_token(request, body);
        return;
    }
    for (size_t i = 0; i < count_of(reviews); i++)
        if (strcmp(reviews[i].kind, kind) == 0)
            reviews[i].response(&review);
    if (node_count(review.causes)) {
        /* A kube-apiserver's error has no kind at this point, so neither has this one. */
        err_set(&err, ERR_INVALID, "%s",
                schema_sentence(request->arena, "", request->kind->group, "", review.causes));
        reply_review_failure(request, &err, request->kind->group, "", review.causes);
        return;
    }
    send_review(&review, body);
}
