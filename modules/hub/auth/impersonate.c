/* SPDX-License-Identifier: Apache-2.0 */
/* Replaces the user of a request by the impersonated one, if the user has that right. */
#include "auth/internal.h"

#include "base/text.h"
#include "document/document.h"
#include "http/http.h"
#include "meta/meta.h"

#include <string.h>

#define PREFIX "impersonate-"
#define EXTRA "impersonate-extra-"

struct wish {
    const struct auth *auth;
    const struct auth_user *by;
    struct arena *arena;
    const char *user, *uid;
    const char **groups;
    size_t group_count;
    struct node *extra;
};

static void read_impersonation_header(struct wish *wish, const struct http_field *field)
{
    scoped_text struct text key = {0};

    if (strcmp(field->name, PREFIX "user") == 0)
        wish->user = field->value;
    else if (strcmp(field->name, PREFIX "uid") == 0)
        wish->uid = field->value;
    else if (strcmp(field->name, PREFIX "group") == 0)
        wish->groups[wish->group_count++] = field->value;
    else if (text_starts(field->name, EXTRA) &&
             http_unescape(&key, field->name + strlen(EXTRA), strlen(field->name) - strlen(EXTRA),
                           false))
        node_add(wish->arena, node_make_list(wish->arena, wish->extra, text_string(&key)),
                 node_string(wish->arena, field->value));
}

static int check_may_impersonate(const struct wish *wish, const char *group, const char *resource,
                                 const char *subresource, const char *namespace, const char *name,
                                 struct err *err)
{
    struct auth_request request = {.verb = "impersonate",
                                   .group = group,
                                   .resource = resource,
                                   .subresource = subresource,
                                   .namespace = namespace,
                                   .name = name};

    return auth_check(wish->auth, wish->by, &request, err);
}

static int check_user(const struct wish *wish, struct err *err)
{
    const char *namespace, *name;

    if (account_parse(wish->arena, wish->user, &namespace, &name))
        return check_may_impersonate(wish, "", "serviceaccounts", "", namespace, name, err);
    return check_may_impersonate(wish, "", "users", "", "", wish->user, err);
}

static int check_wish(const struct wish *wish, struct err *err)
{
    if (check_user(wish, err) < 0)
        return -1;
    for (size_t i = 0; i < wish->group_count; i++)
        if (check_may_impersonate(wish, "", "groups", "", "", wish->groups[i], err) < 0)
            return -1;
    if (*wish->uid &&
        check_may_impersonate(wish, META_GROUP_AUTHENTICATION, "uids", "", "", wish->uid, err) < 0)
        return -1;
    node_each(
        member,
        wish->extra) for (size_t i = 0; i < node_count(member->value);
                          i++) if (check_may_impersonate(wish, META_GROUP_AUTHENTICATION,
                                                         "userextras", member->key, "",
                                                         node_text(node_item(member->value, i)),
                                                         err) < 0) return -1;
    return 0;
}

/*
 * As in Kubernetes: a ServiceAccount also has the groups of its namespace, and every user
 * but anonymous is in system:authenticated.
 */
static const char *const *all_groups(struct wish *wish)
{
    const char *namespace, *name;
    const char *last =
        strcmp(wish->user, "system:anonymous") == 0 ? UNAUTHENTICATED : AUTHENTICATED;

    if (!wish->group_count && account_parse(wish->arena, wish->user, &namespace, &name))
        return account_groups(wish->arena, namespace);
    for (size_t i = 0; i < wish->group_count; i++)
        if (strcmp(wish->groups[i], AUTHENTICATED) == 0 ||
            strcmp(wish->groups[i], UNAUTHENTICATED) == 0)
            return wish->groups;
    wish->groups[wish->group_count] = last;
    return wish->groups;
}

int auth_impersonate(const struct auth *auth, const struct http_request *request,
                     struct arena *arena, struct auth_user **user, struct err *err)
{
    struct wish wish = {.auth = auth, .by = *user, .arena = arena, .user = "", .uid = ""};
    bool any = false;

    for (size_t i = 0; i < request->header_count; i++)
        any = any || text_starts(request->headers[i].name, PREFIX);
    if (!any)
        return 0;
    wish.groups = arena_alloc(arena, (request->header_count + 2) * sizeof *wish.groups);
    wish.extra = node_map(arena);
    for (size_t i = 0; i < request->header_count; i++)
        read_impersonation_header(&wish, &request->headers[i]);
    if (!*wish.user)
        return err_set(err, ERR_BAD_REQUEST,
                       "requested groups, uid or extra without impersonating a "
                       "user (Impersonate-User)");
    if (check_wish(&wish, err) < 0)
        return -1;
    *user = auth_user_named(arena, wish.user, all_groups(&wish));
    (*user)->uid = wish.uid;
    (*user)->extra = node_count(wish.extra) ? wish.extra : NULL;
    return 0;
}
