/* SPDX-License-Identifier: Apache-2.0 */
/* Every way in × every verb × everybody, against a table that people wrote. */
#include "auth_fixture.h"

#include "hub/hub.h"

/*
 * What each may, on each route, a letter a verb. A new kind, subresource or path
 * that has no row here fails the test: whoever adds one says who may come.
 */
static const struct expected {
    const char *route;
    const char *nobody, *join, *spoke, *other, *none, *view, *edit, *admin;
} table[] = {
#define ROW(...) {__VA_ARGS__},
#include "access.def"
#undef ROW
};

enum who { NOBODY, JOIN, SPOKE, OTHER, NONE, VIEW, EDIT, ADMIN, WHO_COUNT };
static const char *const who_names[] = {
    "nobody", "a join token", "the spoke", "another spoke", "no role", "view", "edit", "admin",
};

static const struct {
    char letter;
    const char *verb;
    enum kind_verb bit;
    bool named;
} verbs[] = {
    {'g', "get", KIND_GET, true},       {'l', "list", KIND_LIST, false},
    {'w', "watch", KIND_WATCH, false},  {'c', "create", KIND_CREATE, false},
    {'u', "update", KIND_UPDATE, true}, {'p', "patch", KIND_PATCH, true},
    {'d', "delete", KIND_DELETE, true}, {'D', "deletecollection", KIND_DELETECOLLECTION, false},
};

/* The spoke, its namespace, its cluster: all are called so. */
#define HERE "edge-1"

static bool yes_for_here(void *arg, const char *cluster, const char *namespace, const char *name)
{
    return !strcmp(cluster, HERE) && !strcmp(namespace, HERE);
}
static bool artifact_here(void *arg, const char *cluster, const char *repository,
                          const char *digest)
{
    return !strcmp(cluster, HERE) && !strcmp(repository, HERE);
}
static bool request_here(void *arg, const char *user, const char *name)
{
    return strstr(user, HERE) != NULL;
}
static bool joining_here(void *arg, const char *token, const char *cluster)
{
    return !strcmp(token, "t1") && !strcmp(cluster, HERE);
}
static const struct auth_facts facts = {.secret_is_named = yes_for_here,
                                        .artifact_is_named = artifact_here,
                                        .request_is_own = request_here,
                                        .cluster_is_joining = joining_here};

static const char people[] =
    "{apiVersion: v1, kind: Namespace, metadata: {name: edge-1}}\n---\n"
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding,\n"
    " metadata: {name: v, namespace: edge-1},\n"
    " roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view},\n"
    " subjects: [{kind: User, name: view, apiGroup: rbac.authorization.k8s.io}]}\n---\n"
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding,\n"
    " metadata: {name: e, namespace: edge-1},\n"
    " roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit},\n"
    " subjects: [{kind: ServiceAccount, name: edit, namespace: lab}]}\n---\n"
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding,\n"
    " metadata: {name: a, namespace: edge-1},\n"
    " roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin},\n"
    " subjects: [{kind: Group, name: bosses, apiGroup: rbac.authorization.k8s.io}]}\n";

static void make_users(struct place *place, const struct auth_user *users[])
{
    apply(place, people);
    users[NOBODY] = nobody(place);
    users[JOIN] = joiner(place, "t1");
    users[SPOKE] = spoke_of(place, HERE);
    users[OTHER] = spoke_of(place, "edge-2");
    users[NONE] = user_of(place, "nobody-special", NULL);
    users[VIEW] = user_of(place, "view", NULL);
    users[EDIT] = user_of(place, "system:serviceaccount:lab:edit", NULL);
    users[ADMIN] = user_of(place, "alice", "bosses");
}

static const struct expected *find(const char *route)
{
    for (size_t i = 0; i < count_of(table); i++)
        if (!strcmp(table[i].route, route))
            return &table[i];
    return NULL;
}

static const char *wanted(const struct expected *row, enum who who)
{
    const char *const all[] = {row->nobody, row->join, row->spoke, row->other,
                               row->none,   row->view, row->edit,  row->admin};

    return all[who];
}

/* Compares a row, or prints one to be thought about. */
static void compare(const char *route, char got[WHO_COUNT][12])
{
    const struct expected *row = find(route);

    if (!CHECK(row != NULL, "%s: has a row in tests/unit/access.def", route)) {
        printf("# ROW(\"%s\"", route);
        for (int who = 0; who < WHO_COUNT; who++)
            printf(", \"%s\"", got[who]);
        printf(")\n");
        return;
    }
    for (int who = 0; who < WHO_COUNT; who++)
        CHECK_TEXT(got[who], wanted(row, who), "%s: %s", route, who_names[who]);
}

static void check_object(struct place *place, const struct auth_user *users[],
                         const struct kind *kind, const char *subresource, unsigned has)
{
    bool is_namespace = !*kind->group && !strcmp(kind->plural, "namespaces");
    char *route = arena_printf(place->arena, "%s/%s%s%s", kind->api_version, kind->plural,
                               *subresource ? "/" : "", subresource);
    char got[WHO_COUNT][12] = {{0}};
    bool all = true;

    for (int who = 0; who < WHO_COUNT; who++)
        for (size_t v = 0; v < count_of(verbs); v++) {
            bool named = verbs[v].named || *subresource;
            struct auth_request request = {
                .verb = verbs[v].verb,
                .group = kind->group,
                .resource = kind->plural,
                .subresource = subresource,
                .namespace = kind->namespaced || (is_namespace && named) ? HERE : "",
                .name = named ? HERE : ""};

            if (!(has & verbs[v].bit))
                continue;
            all = all && auth_may(place->auth, administrator(place), &request, NULL);
            if (auth_may(place->auth, users[who], &request, NULL))
                got[who][strlen(got[who])] = verbs[v].letter;
        }
    CHECK(all, "%s: the administrator may all", route);
    compare(route, got);
}

static void check_kinds(struct place *place, const struct auth_user *users[])
{
    for (size_t i = 0; i < kinds_count(place->kinds); i++) {
        const struct kind *kind = kinds_at(place->kinds, i);

        check_object(place, users, kind, "", kind->verbs);
        for (size_t s = 0; s < kind->subresource_count; s++)
            check_object(place, users, kind, kind->subresources[s].name,
                         kind->subresources[s].verbs);
    }
}

static void check_path(struct place *place, const struct auth_user *users[], const char *path)
{
    char got[WHO_COUNT][12] = {{0}};

    for (int who = 0; who < WHO_COUNT; who++)
        for (size_t v = 0; v < 4; v += 3) { /* get, create */
            struct auth_request request = {.verb = verbs[v].verb,
                                           .group = "",
                                           .resource = "",
                                           .subresource = "",
                                           .namespace = "",
                                           .name = "",
                                           .path = path,
                                           .digest = "sha256:named"};

            if (auth_may(place->auth, users[who], &request, NULL))
                got[who][strlen(got[who])] = verbs[v].letter;
        }
    compare(path, got);
}

/* What the hub serves beside objects: whatever row it has, its rule is tried. */
static void check_paths(struct place *place, const struct auth_user *users[])
{
    const struct hub_route *route;

    for (size_t i = 0; (route = hub_route(i)); i++) {
        if (route->rule == HUB_OPEN) {
            const struct expected *row = find(route->prefix);

            CHECK(row && !strcmp(row->nobody, "open"), "%s: is open, and the table says so",
                  route->prefix);
            continue;
        }
        check_path(place, users, route->prefix);
        check_path(place, users, arena_printf(place->arena, "%s/" HERE, route->prefix));
    }
}

/* Rows of what is no more would hide that something is missing. */
static void check_rows(struct place *place)
{
    for (size_t i = 0; i < count_of(table); i++) {
        const char *route = table[i].route;
        bool there = *route == '/';

        for (size_t k = 0; k < kinds_count(place->kinds) && !there; k++) {
            const struct kind *kind = kinds_at(place->kinds, k);
            char *name = arena_printf(place->arena, "%s/%s", kind->api_version, kind->plural);
            size_t len = strlen(name);

            there = !strncmp(route, name, len) &&
                    (!route[len] || (route[len] == '/' && kind_subresource(kind, route + len + 1)));
        }
        CHECK(there, "%s: is still served", route);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(table[j].route, route))
                CHECK(false, "%s: has one row", route);
    }
}

int main(void)
{
    const struct auth_user *users[WHO_COUNT];
    struct place place;

    place_open(&place, &facts);
    make_users(&place, users);
    check_kinds(&place, users);
    check_paths(&place, users);
    check_rows(&place);
    place_close(&place);
    return check_done();
}
