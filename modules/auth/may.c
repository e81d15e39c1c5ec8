/* SPDX-License-Identifier: Apache-2.0 */
/* Decides whether somebody may do something, by one table. */
#include "auth/auth.h"

#include <string.h>

#include "base/text.h"

/* Where an object must lie for a rule to hold. */
enum place {
    ANYWHERE,
    OWN_SPACE,  /* in the namespace of the cluster */
    OWN_NAME,   /* has the name of the cluster */
    NAMED_SECRET, /* a work of the cluster names it */
};

#define CLUSTERS "cluster.open-cluster-management.io"
#define WORK "work.open-cluster-management.io"
#define ADDON "addon.open-cluster-management.io"
#define CERTIFICATES "certificates.k8s.io"

static const struct rule {
    enum auth_role role;
    const char *group, *resource, *subresource;
    const char *verbs;
    enum place place;
    const char *why;
} rules[] = {
    /* DESIGN 5.3: what a spoke may. Nothing else, not even to know of others. */
    {AUTH_SPOKE, WORK, "manifestworks", "", "get list watch update patch", OWN_SPACE, "its works"},
    {AUTH_SPOKE, WORK, "manifestworks", "status", "get update patch", OWN_SPACE, "status of its works"},
    {AUTH_SPOKE, "axle.dev", "workloads", "", "get list watch", OWN_SPACE, "its workloads"},
    {AUTH_SPOKE, "axle.dev", "workloads", "status", "get update patch", OWN_SPACE, "status of its workloads"},
    {AUTH_SPOKE, "", "secrets", "", "get", NAMED_SECRET, "a secret that its work names"},
    {AUTH_SPOKE, CLUSTERS, "managedclusters", "", "get list watch", OWN_NAME, "itself"},
    {AUTH_SPOKE, CLUSTERS, "managedclusters", "status", "get update patch", OWN_NAME, "its own status"},
    {AUTH_SPOKE, "coordination.k8s.io", "leases", "", "get update patch", OWN_SPACE, "its lease"},
    {AUTH_SPOKE, "", "events", "", "create patch", OWN_SPACE, "events of its own"},
    {AUTH_SPOKE, "events.k8s.io", "events", "", "create patch", OWN_SPACE, "events of its own"},
    {AUTH_SPOKE, CERTIFICATES, "certificatesigningrequests", "", "create get list watch", ANYWHERE, "its certificate requests"},
    {AUTH_SPOKE, ADDON, "managedclusteraddons", "", "get list watch", OWN_SPACE, "add-ons"},
    /* A join token brings a spoke to its certificate, and no further. */
    {AUTH_JOIN, CLUSTERS, "managedclusters", "", "create get", ANYWHERE, "joining"},
    {AUTH_JOIN, CERTIFICATES, "certificatesigningrequests", "", "create get list watch", ANYWHERE, "joining"},
};

/* What everybody may ask for, known or not. */
static const char *const open_paths[] = {
    "/livez", "/readyz", "/healthz", "/version",
};
/* What everybody with a name may: discovery, and questions about oneself. */
static const char *const known_paths[] = {"/api", "/apis", "/openapi"};
static const char *const self_questions[] = {
    "selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews",
};

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = words; (at = strstr(at, word)); at += len) {
        if ((at == words || at[-1] == ' ') && (!at[len] || at[len] == ' '))
            return true;
    }
    return false;
}

static bool path_is_under(const char *path, const char *const *roots,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(roots[i]);

        if (strncmp(path, roots[i], len) == 0 && (!path[len] || path[len] == '/'))
            return true;
    }
    return false;
}

static bool is_in_place(const struct auth_user *user,
                        const struct auth_ask *ask, enum place place,
                        const struct auth_facts *facts)
{
    switch (place) {
    case ANYWHERE:
        return true;
    case OWN_SPACE:
        return *user->cluster && strcmp(ask->space, user->cluster) == 0;
    case OWN_NAME:
        return *user->cluster && strcmp(ask->name, user->cluster) == 0;
    case NAMED_SECRET:
        return facts && facts->secret_is_named &&
               facts->secret_is_named(facts->arg, user->cluster, ask->space,
                                      ask->name);
    }
    return false;
}

static bool may_object(const struct auth_user *user, const struct auth_ask *ask,
                       const struct auth_facts *facts, const char **ret_why)
{
    for (size_t i = 0; i < count_of(rules); i++) {
        const struct rule *rule = &rules[i];

        if (rule->role != user->role || strcmp(rule->group, ask->group) != 0 ||
            strcmp(rule->resource, ask->resource) != 0 ||
            strcmp(rule->subresource, ask->subresource) != 0 ||
            !has_word(rule->verbs, ask->verb) ||
            !is_in_place(user, ask, rule->place, facts))
            continue;
        *ret_why = rule->why;
        return true;
    }
    return false;
}

static bool may_path(const struct auth_user *user, const struct auth_ask *ask,
                     const struct auth_facts *facts)
{
    if (path_is_under(ask->path, open_paths, count_of(open_paths)))
        return true;
    if (user->role == AUTH_ANONYMOUS)
        return false;
    if (text_starts(ask->path, "/v2"))
        return user->role == AUTH_SPOKE && strcmp(ask->verb, "get") == 0 &&
               (!*ask->name ||
                (facts && facts->artifact_is_named &&
                 facts->artifact_is_named(facts->arg, user->cluster, ask->name)));
    return path_is_under(ask->path, known_paths, count_of(known_paths));
}

bool auth_may(const struct auth_user *user, const struct auth_ask *ask,
              const struct auth_facts *facts, const char **ret_why)
{
    const char *why = "";
    bool may = false;

    if (user->role == AUTH_ADMIN) {
        why = "administrator";
        may = true;
    } else if (ask->path) {
        may = may_path(user, ask, facts);
    } else if (user->role != AUTH_ANONYMOUS) {
        for (size_t i = 0; i < count_of(self_questions); i++)
            may = may || (strcmp(ask->resource, self_questions[i]) == 0 &&
                          strcmp(ask->verb, "create") == 0);
        may = may || may_object(user, ask, facts, &why);
    }
    if (ret_why)
        *ret_why = why;
    return may;
}

int auth_refuse(const struct auth_user *user, const struct auth_ask *ask,
                struct err *err)
{
    scoped_text struct text where = {0};
    const char *slash = *ask->subresource ? "/" : "";

    if (ask->path)
        return err_set(err, ERR_FORBIDDEN,
                       "forbidden: User \"%s\" cannot %s path \"%s\"",
                       user->name, ask->verb, ask->path);
    if (*ask->space)
        text_addf(&where, " in the namespace \"%s\"", ask->space);
    else
        text_add(&where, " at the cluster scope");
    return err_set(err, ERR_FORBIDDEN,
                   "%s%s%s%s%s%s%s is forbidden: User \"%s\" cannot %s resource "
                   "\"%s%s%s\" in API group \"%s\"%s",
                   ask->resource, *ask->group ? "." : "", ask->group,
                   *ask->name ? " \"" : "", ask->name, *ask->name ? "\"" : "", "",
                   user->name, ask->verb, ask->resource, slash, ask->subresource,
                   ask->group, text_string(&where));
}
