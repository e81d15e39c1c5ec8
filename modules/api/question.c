/* SPDX-License-Identifier: Apache-2.0 */
/* Answers questions about who one is and what one may; nothing is kept. */
#include "api/inside.h"

#include "document/document.h"

#include <string.h>

static const char *text_at(const struct node *map, const char *key)
{
    return node_get_text(map, key);
}

static void answer_access(struct api_ask *ask, const struct node *spec,
                          struct node *status)
{
    const struct node *object = node_get(spec, "resourceAttributes");
    const struct node *path = node_get(spec, "nonResourceAttributes");
    struct auth_ask what = {.verb = text_at(object, "verb"),
                            .group = text_at(object, "group"),
                            .resource = text_at(object, "resource"),
                            .subresource = text_at(object, "subresource"),
                            .space = text_at(object, "namespace"),
                            .name = text_at(object, "name")};
    const char *why;
    bool may;

    if (path) {
        what.path = text_at(path, "path");
        what.verb = text_at(path, "verb");
    }
    may = auth_may(ask->user, &what, &ask->api->facts, &why);
    node_set_bool(ask->arena, status, "allowed", may);
    if (*why)
        node_set_text(ask->arena, status, "reason", why);
}

static void answer_self(struct api_ask *ask, struct node *status)
{
    struct node *info = node_make(ask->arena, status, "userInfo");
    struct node *groups = node_make_list(ask->arena, info, "groups");

    node_set_text(ask->arena, info, "username", ask->user->name);
    for (size_t i = 0; ask->user->groups[i]; i++)
        node_add(ask->arena, groups, node_string(ask->arena, ask->user->groups[i]));
}

static const char *const verb_words[] = {
    "create", "delete", "deletecollection", "get", "list", "patch", "update",
    "watch",
};

/* Which verbs hold for each kind, by asking the same function as requests do. */
static void answer_rules(struct api_ask *ask, const char *space,
                         struct node *status)
{
    struct arena *arena = ask->arena;
    struct node *rules = node_make_list(arena, status, "resourceRules");
    const struct kinds *kinds = ask->api->kinds;

    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);
        struct node *verbs = node_list(arena);
        struct node *rule = node_map(arena);

        for (size_t v = 0; v < count_of(verb_words); v++) {
            struct auth_ask what = {.verb = verb_words[v], .group = kind->group,
                                    .resource = kind->plural, .subresource = "",
                                    .space = kind->namespaced ? space : "",
                                    .name = ask->user->cluster};

            if (auth_may(ask->user, &what, &ask->api->facts, NULL))
                node_add(arena, verbs, node_string(arena, verb_words[v]));
        }
        if (!node_count(verbs))
            continue;
        node_set(arena, rule, "verbs", verbs);
        node_add(arena, node_make_list(arena, rule, "apiGroups"),
                 node_string(arena, kind->group));
        node_add(arena, node_make_list(arena, rule, "resources"),
                 node_string(arena, kind->plural));
        node_add(arena, rules, rule);
    }
    node_set(arena, status, "nonResourceRules", node_list(arena));
    node_set_bool(arena, status, "incomplete", false);
}

void question_answer(struct api_ask *ask, struct node *body)
{
    struct arena *arena = ask->arena;
    struct node *answer =
        node_is(body, NODE_MAP) ? node_share(arena, body) : node_map(arena);
    struct node *status = node_map(arena);
    const struct node *spec = node_get(answer, "spec");
    const char *kind = ask->kind->kind;
    struct err err = {0};

    if (strcmp(kind, "SelfSubjectAccessReview") == 0) {
        answer_access(ask, spec, status);
    } else if (strcmp(kind, "SelfSubjectReview") == 0) {
        answer_self(ask, status);
    } else if (strcmp(kind, "SelfSubjectRulesReview") == 0) {
        answer_rules(ask, text_at(spec, "namespace"), status);
    } else {
        err_set(&err, ERR_UNSUPPORTED,
                "%s is not answered yet: it needs roles, which this hub does not "
                "enforce; ask about yourself with SelfSubjectAccessReview",
                kind);
        reply_err(ask, &err, NULL);
        return;
    }
    node_set_text(arena, answer, "kind", kind);
    node_set_text(arena, answer, "apiVersion", ask->kind->api_version);
    if (!node_get(answer, "metadata"))
        node_set(arena, answer, "metadata", node_map(arena));
    node_set(arena, answer, "status", status);
    reply_node(ask->request, 201, answer);
}
