/* SPDX-License-Identifier: Apache-2.0 */
/* Makes users from names and groups, and writes a user as reviews show it. */
#include "auth/internal.h"

#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"

#include <string.h>

struct auth_user *auth_user_new(struct arena *arena, enum auth_role role, const char *name,
                                const char *const *groups)
{
    struct auth_user *user = arena_alloc(arena, sizeof *user);

    user->role = role;
    user->name = name;
    user->groups = groups;
    user->uid = user->cluster = user->token = "";
    return user;
}

static bool is_in(const char *const *groups, const char *group)
{
    for (; *groups; groups++)
        if (strcmp(*groups, group) == 0)
            return true;
    return false;
}

struct auth_user *auth_user_named(struct arena *arena, const char *name, const char *const *groups)
{
    struct auth_user *user = auth_user_new(arena, AUTH_USER, name, groups);
    const char *cluster, *agent;

    if (is_in(groups, MASTERS)) {
        user->role = AUTH_ADMIN;
    } else if (is_in(groups, META_USERS_CLUSTERS) &&
               auth_parse_agent(arena, name, &cluster, &agent)) {
        user->role = AUTH_SPOKE;
        user->cluster = cluster;
    } else if (is_in(groups, BOOTSTRAPPERS) && text_starts(name, BOOTSTRAP_USER)) {
        user->role = AUTH_JOIN;
        user->token = arena_string(arena, name + strlen(BOOTSTRAP_USER));
    } else if (strcmp(name, "system:anonymous") == 0) {
        user->role = AUTH_ANONYMOUS;
    }
    return user;
}

struct node *auth_user_info(struct arena *arena, const struct auth_user *user)
{
    struct node *info = node_map(arena);
    struct node *groups = node_list(arena);

    node_set_text(arena, info, "username", user->name);
    if (*user->uid)
        node_set_text(arena, info, "uid", user->uid);
    for (size_t i = 0; user->groups[i]; i++)
        node_add(arena, groups, node_string(arena, user->groups[i]));
    if (node_count(groups))
        node_set(arena, info, "groups", groups);
    if (node_count(user->extra))
        node_set(arena, info, "extra", node_copy(arena, user->extra));
    return info;
}

bool auth_parse_agent(struct arena *arena, const char *common_name, const char **ret_cluster,
                      const char **ret_agent)
{
    const char *cluster, *colon;

    if (!text_starts(common_name, META_USER_AGENT))
        return false;
    cluster = common_name + strlen(META_USER_AGENT);
    colon = strchr(cluster, ':');
    if (!colon || colon == cluster || !colon[1] || strchr(colon + 1, ':'))
        return false;
    *ret_cluster = arena_bytes(arena, cluster, (size_t)(colon - cluster));
    *ret_agent = colon + 1;
    return true;
}
