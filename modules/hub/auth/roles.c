/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps roles and bindings compiled, and finds the rules of a user. */
#include "auth/internal.h"

#include "base/map.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "objects/objects.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A role, compiled. */
struct role {
    struct arena *arena; /* owned */
    struct rules rules;
};

/* One subject of one binding. Each key "NAMESPACE\nSUBJECT" has a list of grants. */
struct grant {
    const char *role;    /* key of its role: "NAMESPACE/NAME" or "/NAME" */
    const char *binding; /* "NAMESPACE/NAME" of the binding */
    const char *told;    /* `RoleBinding "b/x" of Role "r" to User "u"` */
    const char *missing; /* `role.rbac.authorization.k8s.io "r"` */
    struct grant *next;
};

struct roles {
    struct map *roles;  /* key to struct role */
    struct map *grants; /* "NAMESPACE\nSUBJECT" to struct grant */
};

/* ---- Rules ---------------------------------------------------------------- */

static struct words words_read(struct arena *arena, const struct node *rule, const char *key)
{
    const struct node *list = node_get(rule, key);
    size_t count = node_count(list);
    const char **words = arena_alloc(arena, (count + 1) * sizeof *words);

    for (size_t i = 0; i < count; i++)
        words[i] = arena_string(arena, node_text(node_item(list, i)));
    return (struct words){words, count};
}

struct rules rules_read(struct arena *arena, const struct node *list)
{
    size_t count = node_count(list);
    struct rule *rules = arena_alloc(arena, (count + 1) * sizeof *rules);

    for (size_t i = 0; i < count; i++) {
        const struct node *rule = node_item(list, i);

        rules[i] = (struct rule){
            words_read(arena, rule, "verbs"), words_read(arena, rule, "apiGroups"),
            words_read(arena, rule, "resources"), words_read(arena, rule, "resourceNames"),
            words_read(arena, rule, "nonResourceURLs")};
    }
    return (struct rules){rules, count};
}

bool words_have(const struct words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++)
        if (strcmp(words->list[i], word) == 0)
            return true;
    return false;
}

static bool has_or_all(const struct words *words, const char *word)
{
    return words_have(words, "*") || words_have(words, word);
}

/* "pods/log" matches the words "pods/log" and "*", and a star before "/log". */
static bool resource_matches(const struct words *words, const struct auth_request *request)
{
    size_t len = strlen(request->resource);

    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->list[i];

        if (strcmp(word, "*") == 0)
            return true;
        if (!*request->subresource) {
            if (strcmp(word, request->resource) == 0)
                return true;
            continue;
        }
        if (text_starts(word, "*/") && strcmp(word + 2, request->subresource) == 0)
            return true;
        if (strncmp(word, request->resource, len) == 0 && word[len] == '/' &&
            strcmp(word + len + 1, request->subresource) == 0)
            return true;
    }
    return false;
}

static bool path_matches(const struct words *words, const char *path)
{
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->list[i];
        size_t len = strlen(word);

        if (strcmp(word, path) == 0)
            return true;
        if (!len || word[len - 1] != '*')
            continue;
        while (len && word[len - 1] == '*')
            len--;
        if (strncmp(word, path, len) == 0)
            return true;
    }
    return false;
}

static bool rule_allows(const struct rule *rule, const struct auth_request *request)
{
    if (!has_or_all(&rule->verbs, request->verb))
        return false;
    if (request->path)
        return path_matches(&rule->urls, request->path);
    return has_or_all(&rule->groups, request->group) &&
           resource_matches(&rule->resources, request) &&
           (!rule->names.count || words_have(&rule->names, request->name));
}

static bool rules_allow(const struct rules *rules, const struct auth_request *request)
{
    for (size_t i = 0; i < rules->count; i++)
        if (rule_allows(&rules->list[i], request))
            return true;
    return false;
}

/* ---- The index ------------------------------------------------------------- */

static void role_free(struct role **at)
{
    struct role *role = take(*at);

    if (!role)
        return;
    arena_free(&role->arena);
    free(role);
}

static void note_role(void *arg, const struct object *before, const struct object *after)
{
    struct roles *roles = arg;
    const struct object *any = after ? after : before;
    scoped_mem char *key = NULL;
    struct role *old, *role;

    assert(any); /* a change has the object before or after */
    key = mem_printf("%s/%s", any->namespace, any->name);
    /* A role or binding in deletion grants nothing, even if a finalizer keeps it. */
    if (!after || after->deleting) {
        old = map_remove(roles->roles, key);
    } else {
        scoped_arena struct arena *scratch = arena_new();

        role = mem_alloc(sizeof *role);
        role->arena = arena_new();
        role->rules = rules_read(role->arena, node_get(object_read(scratch, after), "rules"));
        old = map_put(roles->roles, key, role);
    }
    role_free(&old);
}

static void grant_free(struct grant **at)
{
    struct grant *grant = take(*at);

    if (!grant)
        return;
    mem_free(&grant->role);
    mem_free(&grant->binding);
    mem_free(&grant->told);
    mem_free(&grant->missing);
    free(grant);
}

/* The key of a ServiceAccount is the user name of its tokens. */
static char *subject_key(const struct object *binding, const struct node *subject)
{
    const char *kind = node_get_text(subject, "kind");
    const char *name = node_get_text(subject, "name");
    const char *namespace = node_get_text(subject, "namespace");

    assert(binding);
    if (strcmp(kind, "ServiceAccount") == 0) {
        if (!*namespace)
        namespace = binding->namespace;
        return mem_printf("%s\nU%s%s:%s", binding->namespace, ACCOUNT_USER, namespace, name);
    }
    return mem_printf("%s\n%c%s", binding->namespace, strcmp(kind, "Group") == 0 ? 'G' : 'U', name);
}

/*
 * The reason in Kubernetes' words: `ClusterRoleBinding "b" of ClusterRole "r" to User
 * "u"`; namespaced names as NAME/NAMESPACE.
 */
static char *binding_reason(const struct object *binding, const struct node *role,
                            const struct node *subject)
{
    const char *namespace = node_get_text(subject, "namespace");

    return mem_printf("%s \"%s%s%s\" of %s \"%s\" to %s \"%s%s%s\"", binding->kind->kind,
                      binding->name, *binding->namespace ? "/" : "", binding->namespace,
                      node_get_text(role, "kind"), node_get_text(role, "name"),
                      node_get_text(subject, "kind"), node_get_text(subject, "name"),
                      *namespace ? "/" : "", namespace);
}

static void add_grant(struct roles *roles, const struct object *binding, const struct node *role,
                      const struct node *subject)
{
    scoped_mem char *key = subject_key(binding, subject);
    bool local = strcmp(node_get_text(role, "kind"), "Role") == 0;
    struct grant *grant = mem_alloc(sizeof *grant);

    grant->role = mem_printf("%s/%s", local ? binding->namespace : "", node_get_text(role, "name"));
    grant->binding = mem_printf("%s/%s", binding->namespace, binding->name);
    grant->told = binding_reason(binding, role, subject);
    grant->missing = mem_printf("%s.%s \"%s\"", local ? "role" : "clusterrole", META_GROUP_RBAC,
                                node_get_text(role, "name"));
    grant->next = map_get(roles->grants, key);
    map_put(roles->grants, key, grant);
}

static void drop_grants(struct roles *roles, const struct object *binding,
                        const struct node *subject)
{
    scoped_mem char *key = subject_key(binding, subject);
    scoped_mem char *name = mem_printf("%s/%s", binding->namespace, binding->name);
    struct grant *kept = NULL, *next;

    for (struct grant *at = map_get(roles->grants, key); at; at = next) {
        next = at->next;
        if (strcmp(at->binding, name) == 0) {
            grant_free(&at);
        } else {
            at->next = kept;
            kept = at;
        }
    }
    if (kept)
        map_put(roles->grants, key, kept);
    else
        map_remove(roles->grants, key);
}

static void note_binding(void *arg, const struct object *before, const struct object *after)
{
    struct roles *roles = arg;
    scoped_arena struct arena *arena = arena_new();
    const struct node *old = before ? object_read(arena, before) : NULL;
    const struct node *now = after && !after->deleting ? object_read(arena, after) : NULL;
    const struct node *subjects = node_get(old, "subjects");

    for (size_t i = 0; i < node_count(subjects); i++)
        drop_grants(roles, before, node_item(subjects, i));
    subjects = node_get(now, "subjects");
    for (size_t i = 0; i < node_count(subjects); i++)
        add_grant(roles, after, node_get(now, "roleRef"), node_item(subjects, i));
}

static void first_role(void *arg, const struct object *object)
{
    note_role(arg, NULL, object);
}

static void first_binding(void *arg, const struct object *object)
{
    note_binding(arg, NULL, object);
}

struct roles *roles_open(struct objects *objects)
{
    static const struct {
        const char *plural;
        objects_each_fn *first;
        objects_change_fn *change;
    } sources[] = {
        {"clusterroles", first_role, note_role},
        {"roles", first_role, note_role},
        {"clusterrolebindings", first_binding, note_binding},
        {"rolebindings", first_binding, note_binding},
    };
    struct roles *roles = mem_alloc(sizeof *roles);

    roles->roles = map_new();
    roles->grants = map_new();
    for (size_t i = 0; i < count_of(sources); i++) {
        const struct kind *kind =
            kinds_find(objects_kinds(objects), META_GROUP_RBAC, sources[i].plural);

        objects_each(objects, OBJECTS_PUBLISHED, kind, "", sources[i].first, roles);
        objects_on_change(objects, kind, sources[i].change, roles);
    }
    return roles;
}

void roles_close(struct roles **at)
{
    struct roles *roles = take(*at);
    struct role *role;
    struct grant *grant, *next;
    size_t i = 0;

    if (!roles)
        return;
    while ((role = map_next(roles->roles, &i, NULL)))
        role_free(&role);
    i = 0;
    while ((grant = map_next(roles->grants, &i, NULL)))
        for (; grant; grant = next) {
            next = grant->next;
            grant_free(&grant);
        }
    map_free(&roles->roles);
    map_free(&roles->grants);
    free(roles);
}

/* ---- Asking ------------------------------------------------------------------- */

/* Calls `fn` for each grant of the user in exactly this namespace, until it returns true. */
typedef bool grant_fn(void *arg, const struct grant *grant, const struct role *role);

static bool each_under(const struct roles *roles, const char *namespace, char sort,
                       const char *subject, grant_fn *fn, void *arg)
{
    scoped_mem char *key = mem_printf("%s\n%c%s", namespace, sort, subject);

    for (const struct grant *grant = map_get(roles->grants, key); grant; grant = grant->next)
        if (fn(arg, grant, map_get(roles->roles, grant->role)))
            return true;
    return false;
}

/* A binding to system:authenticated does not count for spokes and join tokens. */
static bool group_counts(const struct auth_user *user, const char *group)
{
    return (user->role != AUTH_SPOKE && user->role != AUTH_JOIN) ||
           strcmp(group, AUTHENTICATED) != 0;
}

static bool each_grant(const struct roles *roles, const struct auth_user *user,
                       const char *namespace, grant_fn *fn, void *arg)
{
    if (each_under(roles, namespace, 'U', user->name, fn, arg))
        return true;
    for (size_t i = 0; user->groups[i]; i++)
        if (group_counts(user, user->groups[i]) &&
            each_under(roles, namespace, 'G', user->groups[i], fn, arg))
            return true;
    return false;
}

struct asking {
    const struct auth_request *request;
    struct text *why;
    bool trouble; /* the role of a binding is missing */
};

static bool try_grant(void *arg, const struct grant *grant, const struct role *role)
{
    struct asking *asking = arg;

    if (!role) {
        if (asking->why)
            text_addf(asking->why, "%s%s not found",
                      asking->trouble ? ", " : "RBAC: ", grant->missing);
        asking->trouble = true;
        return false;
    }
    if (!rules_allow(&role->rules, asking->request))
        return false;
    if (asking->why) {
        text_cut(asking->why, 0);
        text_addf(asking->why, "RBAC: allowed by %s", grant->told);
    }
    return true;
}

bool roles_allow(const struct roles *roles, const struct auth_user *user,
                 const struct auth_request *request, struct text *why)
{
    struct asking asking = {.request = request, .why = why};

    if (!roles)
        return false;
    return each_grant(roles, user, "", try_grant, &asking) ||
           (!request->path && *request->namespace &&
            each_grant(roles, user, request->namespace, try_grant, &asking));
}

struct gathering {
    struct rule *list;
    size_t count, room;
};

static bool gather_rules(void *arg, const struct grant *grant, const struct role *role)
{
    struct gathering *all = arg;

    for (size_t i = 0; role && i < role->rules.count; i++) {
        if (all->count == all->room) {
            all->room = all->room ? all->room * 2 : 32;
            all->list = mem_resize_array(all->list, all->room, sizeof *all->list);
        }
        all->list[all->count++] = role->rules.list[i];
    }
    return false;
}

struct rules roles_of(const struct roles *roles, const struct auth_user *user,
                      const char *namespace, struct arena *arena)
{
    struct gathering all = {0};
    struct rule *list;

    if (roles) {
        each_grant(roles, user, "", gather_rules, &all);
        if (*namespace)
            each_grant(roles, user, namespace, gather_rules, &all);
    }
    list = arena_alloc(arena, (all.count + 1) * sizeof *list);
    if (all.count)
        memcpy(list, all.list, all.count * sizeof *list);
    free(all.list);
    return (struct rules){list, all.count};
}
