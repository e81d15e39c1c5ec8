/* SPDX-License-Identifier: Apache-2.0 */
/* Decides whether a user may do something: by the table of machines' rights, then by roles. */
#include "auth/internal.h"

#include <string.h>

#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"

#define CLUSTER_LABEL META_LABEL_CLUSTER_NAME "="

/* Paths that need no authentication. */
static const char *const open_paths[] = {"/livez", "/readyz", "/healthz", "/version"};
/* Discovery paths for spokes and join tokens; people get them by a role. */
static const char *const machine_paths[] = {"/api", "/apis", "/openapi"};

static bool path_is_under(const char *path, const char *const *roots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(roots[i]);

        if (strncmp(path, roots[i], len) == 0 && (!path[len] || path[len] == '/'))
            return true;
    }
    return false;
}

static bool is_joining(const struct auth_user *user, const char *cluster,
                       const struct auth_facts *facts)
{
    return *cluster && facts->cluster_is_joining &&
           facts->cluster_is_joining(facts->arg, user->token, cluster);
}

/* The object's user must be the requester; a list needs a selector for the requester's own. */
static bool is_own_request(const struct auth_user *user, const struct auth_request *request,
                           const struct auth_facts *facts)
{
    const char *cluster;

    if (*request->name)
        return facts->request_is_own &&
               facts->request_is_own(facts->arg, user->name, request->name);
    if (!request->labels || !text_starts(request->labels, CLUSTER_LABEL))
        return false;
    cluster = request->labels + strlen(CLUSTER_LABEL);
    cluster += *cluster == '=';
    return user->role == AUTH_SPOKE ? strcmp(cluster, user->cluster) == 0
                                    : is_joining(user, cluster, facts);
}

static bool is_in_place(const struct auth_user *user, const struct auth_request *request,
                        enum access_where where, const struct auth_facts *facts)
{
    switch (where) {
    case ACCESS_ANYWHERE:
        return true;
    case ACCESS_OWN_NAMESPACE:
        return *user->cluster && strcmp(request->namespace, user->cluster) == 0;
    case ACCESS_OWN_NAME:
        return *user->cluster && strcmp(request->name, user->cluster) == 0;
    case ACCESS_NAMED_SECRET:
        return *request->name && facts->secret_is_named &&
               facts->secret_is_named(facts->arg, user->cluster, request->namespace, request->name);
    case ACCESS_OWN_REQUEST:
        return is_own_request(user, request, facts);
    case ACCESS_JOINING:
        return is_joining(user, request->name, facts);
    }
    return false;
}

static bool is_about(const struct access_row *row, const struct auth_request *request)
{
    return !strcmp(row->resource, request->resource) && !strcmp(row->group, request->group) &&
           !strcmp(row->subresource, request->subresource);
}

static bool may_by_row(const struct auth_user *user, const struct auth_request *request,
                       const struct auth_facts *facts, struct text *why)
{
    for (size_t i = 0; i < access_row_count; i++) {
        const struct access_cell *cell = access_cell(&access_rows[i], user->role);

        if (!cell)
            return false;
        if (!is_about(&access_rows[i], request) || !access_has_verb(cell->verbs, request->verb) ||
            !is_in_place(user, request, cell->where, facts))
            continue;
        if (why)
            text_addf(why, "%s of a %s", request->resource,
                      user->role == AUTH_SPOKE ? "spoke" : "join token");
        return true;
    }
    return false;
}

/*
 * A spoke may pull, by digest, the artifacts that its works name. A tag or the whole
 * repository is not allowed, because other revisions may belong to other spokes. "/v2"
 * alone is the login and the catalogue; each has a right of its own.
 */
static bool may_pull(const struct auth_user *user, const struct auth_request *request,
                     const struct auth_facts *facts)
{
    if (strcmp(request->verb, "get") != 0)
        return false;
    if (strcmp(request->path, "/v2") == 0 || strcmp(request->path, "/v2/") == 0)
        return user->role == AUTH_SPOKE || user->role == AUTH_USER;
    return user->role == AUTH_SPOKE && text_starts(request->path, "/v2/") && request->digest &&
           facts->artifact_is_named &&
           facts->artifact_is_named(facts->arg, user->cluster, request->path + strlen("/v2/"),
                                    request->digest);
}

static bool may_path(const struct auth_user *user, const struct auth_request *request,
                     const struct auth_facts *facts)
{
    if (strcmp(request->verb, "get") == 0 &&
        path_is_under(request->path, open_paths, count_of(open_paths)))
        return true;
    if (may_pull(user, request, facts))
        return true;
    if (user->role != AUTH_SPOKE && user->role != AUTH_JOIN)
        return false;
    return (strcmp(request->verb, "get") == 0 &&
            path_is_under(request->path, machine_paths, count_of(machine_paths)));
}

bool auth_may(const struct auth *auth, const struct auth_user *user,
              const struct auth_request *request, struct text *why)
{
    const struct auth_facts *facts = &auth->settings.facts;

    if (user->role == AUTH_ADMIN) {
        if (why)
            text_add(why, "administrator");
        return true;
    }
    if (request->path ? may_path(user, request, facts) : may_by_row(user, request, facts, why))
        return true;
    return roles_allow(auth->roles, user, request, why);
}

/* ---- Refusing ------------------------------------------------------------------ */

static int refuse_request(const struct auth_user *user, const struct auth_request *request,
                          const char *why, struct err *err)
{
    scoped_text struct text where = {0};
    const char *slash = *request->subresource ? "/" : "", *colon;

    if (user->role == AUTH_JOIN)
        why = "this is a join token: it lets a machine join (axle --mode=spoke) and nothing else; "
              "`axle token create --admin` makes one for the console and the API";
    colon = *why ? ": " : "";

    if (request->path)
        return err_set(err, ERR_FORBIDDEN, "forbidden: User \"%s\" cannot %s path \"%s\"%s%s",
                       user->name, request->verb, request->path, colon, why);
    if (*request->namespace)
        text_addf(&where, " in the namespace \"%s\"", request->namespace);
    else
        text_add(&where, " at the cluster scope");
    return err_set(err, ERR_FORBIDDEN,
                   "%s%s%s%s%s%s is forbidden: User \"%s\" cannot %s resource "
                   "\"%s%s%s\" in API group \"%s\"%s%s%s",
                   request->resource, *request->group ? "." : "", request->group,
                   *request->name ? " \"" : "", request->name, *request->name ? "\"" : "",
                   user->name, request->verb, request->resource, slash, request->subresource,
                   request->group, text_string(&where), colon, why);
}

int auth_check(const struct auth *auth, const struct auth_user *user,
               const struct auth_request *request, struct err *err)
{
    scoped_text struct text why = {0};

    if (auth_may(auth, user, request, &why))
        return signers_check(auth, user, request, err);
    return refuse_request(user, request, text_string(&why), err);
}

/* ---- Everything that is allowed ----------------------------------------------- */

static void add_words(struct arena *arena, struct node *rule, const char *key,
                      const struct words *words)
{
    struct node *list;

    if (!words->count)
        return;
    list = node_make_list(arena, rule, key);
    for (size_t i = 0; i < words->count; i++)
        node_add(arena, list, node_string(arena, words->list[i]));
}

static void add_rule_node(struct arena *arena, struct node *status, const struct rule *rule)
{
    struct node *shown = node_map(arena);

    add_words(arena, shown, "verbs", &rule->verbs);
    if (rule->urls.count) {
        add_words(arena, shown, "nonResourceURLs", &rule->urls);
        node_add(arena, node_make_list(arena, status, "nonResourceRules"), shown);
        return;
    }
    add_words(arena, shown, "apiGroups", &rule->groups);
    add_words(arena, shown, "resources", &rule->resources);
    add_words(arena, shown, "resourceNames", &rule->names);
    node_add(arena, node_make_list(arena, status, "resourceRules"), shown);
}

static struct words split_words(struct arena *arena, const char *words)
{
    const char **list = arena_alloc(arena, (strlen(words) + 2) * sizeof *list);
    size_t count = 0;

    while (*words) {
        size_t len = strcspn(words, " ");

        list[count++] = arena_bytes(arena, words, len);
        words += len + (words[len] == ' ');
    }
    return (struct words){list, count};
}

static struct words one_word(struct arena *arena, const char *word)
{
    const char **list = arena_alloc(arena, sizeof *list);

    *list = word;
    return (struct words){list, 1};
}

/* Adds the rows of the table for this namespace. Conditions on other objects are left out. */
static bool add_table_rules(struct arena *arena, struct node *status, const struct auth_user *user,
                            const char *namespace)
{
    bool whole = true;

    for (size_t i = 0; i < access_row_count; i++) {
        const struct access_row *row = &access_rows[i];
        const struct access_cell *cell = access_cell(row, user->role);
        struct rule rule;

        if (!cell || !*cell->verbs ||
            (cell->where == ACCESS_OWN_NAMESPACE && strcmp(namespace, user->cluster) != 0))
            continue;
        if (cell->where > ACCESS_OWN_NAME) {
            whole = false;
            continue;
        }
        rule = (struct rule){.verbs = access_verbs(arena, cell->verbs),
                             .groups = one_word(arena, row->group),
                             .resources = one_word(arena, access_resource(arena, row))};
        if (cell->where == ACCESS_OWN_NAME)
            rule.names = one_word(arena, user->cluster);
        add_rule_node(arena, status, &rule);
    }
    return whole;
}

static void add_path_rows(struct arena *arena, struct node *status, const struct auth_user *user)
{
    struct rule rule = {.verbs = one_word(arena, "get")};

    if (user->role != AUTH_SPOKE && user->role != AUTH_JOIN)
        return;
    for (size_t i = 0; i < count_of(open_paths); i++) {
        rule.urls = one_word(arena, open_paths[i]);
        add_rule_node(arena, status, &rule);
    }
    for (size_t i = 0; i < count_of(machine_paths); i++) {
        rule.urls =
            split_words(arena, arena_printf(arena, "%s %s/*", machine_paths[i], machine_paths[i]));
        add_rule_node(arena, status, &rule);
    }
}

struct node *auth_rules(const struct auth *auth, const struct auth_user *user,
                        const char *namespace, struct arena *arena)
{
    struct node *status = node_map(arena);
    struct rules rules = roles_of(auth->roles, user, namespace, arena);
    const struct rule all[] = {
        {.verbs = one_word(arena, "*"),
         .groups = one_word(arena, "*"),
         .resources = one_word(arena, "*")},
        {.verbs = one_word(arena, "*"), .urls = one_word(arena, "*")},
    };
    bool whole;

    node_make_list(arena, status, "resourceRules");
    node_make_list(arena, status, "nonResourceRules");
    whole = add_table_rules(arena, status, user, namespace);
    for (size_t i = 0; user->role == AUTH_ADMIN && i < count_of(all); i++)
        add_rule_node(arena, status, &all[i]);
    for (size_t i = 0; i < rules.count; i++)
        add_rule_node(arena, status, &rules.list[i]);
    add_path_rows(arena, status, user);
    node_set_bool(arena, status, "incomplete", !whole);
    if (!whole)
        node_set_text(
            arena, status, "evaluationError",
            "rights on single objects that depend on their contents (a Secret that a work names, "
            "a request of one's own) are not listed");
    return status;
}
