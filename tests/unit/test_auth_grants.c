/* SPDX-License-Identifier: Apache-2.0 */
/* Writes that give rights by another name: members, tenants, owners, applies, and nobody's. */
#include "auth_fixture.h"

#define RBAC "rbac.authorization.k8s.io"

static struct place place;
static struct err err;

/* ---- Writing as somebody ---------------------------------------------------------- */

/* A patch as `user` (NULL: a write of no user): "" or the refusal. */
static const char *write_as(const struct auth_user *user, const char *api, const char *kind,
                            const char *namespace, const char *name, const char *body,
                            enum objects_patch how)
{
    struct objects_result result = {.arena = place.arena};
    struct objects_write write = {.who = {user ? user->name : "", "test", false, user},
                                  .kind = kinds_by_kind(place.kinds, api, kind),
                                  .namespace = namespace,
                                  .name = name,
                                  .patch = how,
                                  .grace = -1,
                                  .body = document_read_yaml(place.arena, body, strlen(body), true,
                                                             &document_limits_own, &err)};
    int failed;

    err = (struct err){0};
    failed = objects_patch(place.objects, &write, &result, &err);
    object_drop(&result.object);
    settle(&place);
    return !failed ? "" : *err.text ? arena_string(place.arena, err.text) : "refused without words";
}

static const char *merge_as(const struct auth_user *user, const char *api, const char *kind,
                            const char *namespace, const char *name, const char *body)
{
    return write_as(user, api, kind, namespace, name, body, OBJECTS_PATCH_MERGE);
}

static const char *create_refusal(const struct auth_user *user, const char *yaml)
{
    err = (struct err){0};
    return create_as(&place, user, yaml, &err) == 0 ? "" : *err.text ? err.text : "no words";
}

static void grant(const char *user, const char *namespace, const char *name, const char *rules)
{
    apply(&place, arena_printf(place.arena,
                               "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: %s}, "
                               "rules: [%s]}",
                               name, rules));
    apply(&place,
          arena_printf(place.arena,
                       "{apiVersion: " RBAC "/v1, kind: %s, metadata: {name: %s, namespace: "
                       "'%s'}, roleRef: {apiGroup: " RBAC ", kind: ClusterRole, name: %s}, "
                       "subjects: [{kind: User, name: %s, apiGroup: " RBAC "}]}",
                       *namespace ? "RoleBinding" : "ClusterRoleBinding", name, namespace, name,
                       user));
}

#define REFUSED(what, part, ...)                                                                   \
    do {                                                                                           \
        const char *said_ = (what);                                                                \
                                                                                                   \
        if (!CHECK(strstr(said_, part), __VA_ARGS__))                                              \
            printf("#  got: %s\n# part: %s\n", said_, part);                                       \
    } while (0)

/* ---- Roles of a namespace and of the cluster --------------------------------------- */

#define BIND(kind, name)                                                                           \
    "{apiVersion: " RBAC "/v1, kind: RoleBinding, metadata: {name: try-" name                      \
    ", namespace: lab}, roleRef: {apiGroup: " RBAC ", kind: " kind ", name: " name                 \
    "}, subjects: [{kind: User, name: z, apiGroup: " RBAC "}]}"

static void check_local_roles(void)
{
    const struct auth_user *gil = user_of(&place, "gil", NULL);

    grant("gil", "", "gil", "{verbs: [get], apiGroups: [''], resources: [configmaps]}");
    apply(&place, "{apiVersion: " RBAC "/v1, kind: Role, metadata: {name: small, namespace: lab}, "
                  "rules: [{verbs: [get], apiGroups: [''], resources: [configmaps]}]}\n---\n"
                  "{apiVersion: " RBAC "/v1, kind: Role, metadata: {name: big, namespace: lab}, "
                  "rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]}\n---\n"
                  "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: big}, rules: "
                  "[{verbs: [get], apiGroups: [''], resources: [configmaps]}]}\n---\n"
                  "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: small}, rules: "
                  "[{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]}");
    CHECK_TEXT(create_refusal(gil, BIND("Role", "small")), "",
               "a Role that gives what one has is bound");
    REFUSED(create_refusal(gil, BIND("Role", "big")), "attempting to grant",
            "one that gives more is not");
    forget(&place, RBAC, "rolebindings", "lab", "try-small");
    REFUSED(create_refusal(gil, BIND("ClusterRole", "small")), "attempting to grant",
            "nor the ClusterRole of the same name that gives more");
    CHECK_TEXT(create_refusal(gil, BIND("ClusterRole", "big")), "",
               "but the one that gives as little is");
    REFUSED(create_refusal(gil, BIND("Role", "nothing")), "roles." RBAC " \"nothing\" not found",
            "a Role that is not there cannot be judged");
    REFUSED(create_refusal(NULL, BIND("Role", "small")), "attempting to grant",
            "a write of no user has no rights");
    REFUSED(create_refusal(gil, "{apiVersion: " RBAC "/v1, kind: RoleBinding, metadata: {name: "
                                "noname, namespace: lab}, roleRef: {apiGroup: " RBAC
                                ", kind: Role, name: ''}, subjects: []}"),
            "roleRef.name: Required value", "a binding without a role is invalid");
}

/* ---- Tenants --------------------------------------------------------------------- */

static const struct auth_user *ted(void)
{
    return user_of(&place, "ted", NULL);
}

#define BIND_ADMIN                                                                                 \
    "{verbs: [bind], apiGroups: [" RBAC "], resources: [clusterroles], resourceNames: [admin]}"

static const char *name_admin(const char *who)
{
    return merge_as(ted(), "axle.dev/v1alpha1", "Tenant", "", "acme",
                    arena_printf(place.arena, "{spec: {admins: [%s]}}", who));
}

/* Ted may bind `admin` in the tenant's namespace and in those of its projects. */
static void check_tenant(void)
{
    apply(&place,
          "{apiVersion: axle.dev/v1alpha1, kind: Tenant, metadata: {name: acme}, spec: {}}\n---\n"
          "{apiVersion: axle.dev/v1alpha1, kind: Tenant, metadata: {name: zeta}, spec: {}}\n---\n"
          "{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: ours}, "
          "spec: {tenant: acme}}\n---\n"
          "{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: theirs, labels: "
          "{friend: acme}}, spec: {tenant: zeta}}");
    settle(&place);
    grant("ted", "", "ted", "{verbs: [patch], apiGroups: [axle.dev], resources: [tenants]}");
    REFUSED(name_admin("ann"), "attempting to grant", "without rights nobody is made an admin");
    grant("ted", "tenant-acme", "ted-tenant", BIND_ADMIN);
    REFUSED(name_admin("ann"), "attempting to grant",
            "an admin of the tenant is one of its projects, so that takes rights there too");
    grant("ted", "ours", "ted-project", BIND_ADMIN);
    CHECK_TEXT(name_admin("ann"), "", "with both somebody is, whatever other tenants have");
    forget(&place, RBAC, "rolebindings", "tenant-acme", "ted-tenant");
    REFUSED(name_admin("bob"), "attempting to grant", "rights in the projects are not enough");
    CHECK_TEXT(
        merge_as(ted(), "axle.dev/v1alpha1", "Tenant", "", "acme", "{metadata: {labels: {a: b}}}"),
        "", "admins that stay are not judged again");
    CHECK_TEXT(merge_as(ted(), "axle.dev/v1alpha1", "Tenant", "", "acme", "{spec: {admins: []}}"),
               "", "to take rights away takes none");
}

/* Pru may change projects, but not the tenant whose rights they have. */
static void check_project_fields(void)
{
    static const struct {
        const char *change, *field;
    } cases[] = {
        {"{spec: {tenant: zeta}}", "tenant"},
        {"{spec: {targetNamespaces: [two]}}", "targetNamespaces"},
        {"{spec: {sharedTargetNamespaces: [shared]}}", "sharedTargetNamespaces"},
        {"{spec: {clusterScopedKinds: [Namespace]}}", "clusterScopedKinds"},
        {"{spec: {limits: {cpu: 4}}}", "limits"},
        {"{spec: {limits: {memory: 1Gi}}}", "limits"},
        {"{spec: {targetNamespaces: null}}", "targetNamespaces"},
        {"{metadata: {labels: {a: b}}}", NULL},
        {"{spec: {tenant: acme}}", NULL},
    };
    const struct auth_user *pru = user_of(&place, "pru", NULL);

    grant("pru", "", "pru",
          "{verbs: [patch, create], apiGroups: [axle.dev], resources: [projects]}");
    apply(&place, "{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: ours}, spec: "
                  "{tenant: acme, targetNamespaces: [one]}}");
    for (size_t i = 0; i < count_of(cases); i++) {
        const char *said =
            merge_as(pru, "axle.dev/v1alpha1", "Project", "", "ours", cases[i].change);

        if (!cases[i].field) {
            CHECK_TEXT(said, "", "%s takes no right on the tenant", cases[i].change);
            continue;
        }
        CHECK_TEXT(
            said,
            arena_printf(
                place.arena,
                "projects.axle.dev \"ours\" is forbidden: spec.%s: user \"pru\" may not update "
                "the Tenant \"%s\", which is needed for this",
                cases[i].field, i ? "acme" : "zeta"),
            "%s takes one", cases[i].change);
    }
    REFUSED(create_refusal(NULL, "{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: "
                                 "none}, spec: {tenant: acme}}"),
            "may not update the Tenant", "a write of no user takes a right as well");
}

/* ---- Apply -------------------------------------------------------------------------- */

#define MAP(value)                                                                                  \
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: applied, namespace: lab}, data: {a: " value \
    "}}"

static const char *apply_as(const struct auth_user *user, const char *body)
{
    return write_as(user, "v1", "ConfigMap", "lab", "applied", body, OBJECTS_PATCH_APPLY);
}

/* An apply is a patch, and needs the right to create when it creates. */
static void check_apply(void)
{
    const struct auth_user *abe = user_of(&place, "abe", NULL);
    const struct auth_user *cat = user_of(&place, "cat", NULL);

    grant("abe", "lab", "abe", "{verbs: [patch], apiGroups: [''], resources: [configmaps]}");
    grant("cat", "lab", "cat", "{verbs: [create], apiGroups: [''], resources: [configmaps]}");
    CHECK_TEXT(apply_as(abe, MAP("'1'")),
               "configmaps \"applied\" is forbidden: User \"abe\" cannot create resource "
               "\"configmaps\" in API group \"\" in the namespace \"lab\"",
               "who may only patch applies nothing new");
    REFUSED(apply_as(NULL, MAP("'1'")), "cannot create resource", "nor does a write of no user");
    CHECK_TEXT(apply_as(cat, MAP("'1'")), "", "who may create does");
    CHECK_TEXT(apply_as(abe, MAP("'1'")), "", "what is there is applied by who may patch");
}

/* ---- Owners ---------------------------------------------------------------------------- */

#define OWNER(kind, name, block)                                                                   \
    "{apiVersion: v1, kind: " kind ", name: " name ", uid: '@" kind "/" name                       \
    "', blockOwnerDeletion: " block "}"
#define OWNED_BY(list) "{metadata: {ownerReferences: [" list "]}}"

/* The owners are there, so that what they own is not collected: '@KIND/NAME' is their uid. */
static const char *with_uids(const char *change)
{
    static const struct {
        const char *mark, *plural, *namespace, *name;
    } owners[] = {
        {"@Secret/s", "secrets", "lab", "s"},
        {"@Secret/t", "secrets", "lab", "t"},
        {"@Namespace/lab", "namespaces", "", "lab"},
    };
    scoped_text struct text out = {0};

    while (*change) {
        size_t len = 1;
        const char *put = NULL;

        for (size_t i = 0; i < count_of(owners) && !put; i++)
            if (text_starts(change, owners[i].mark)) {
                scoped_object struct object *owner = objects_get(
                    place.objects, OBJECTS_PUBLISHED, kind_of(&place, "", owners[i].plural),
                    owners[i].namespace, owners[i].name, &err);

                must(owner, &err);
                put = arena_string(place.arena, owner->uid);
                len = strlen(owners[i].mark);
            }
        text_add_bytes(&out, put ? put : change, put ? strlen(put) : 1);
        change += len;
    }
    return arena_string(place.arena, text_string(&out));
}

static const char *own(const struct auth_user *user, const char *change)
{
    return merge_as(user, "v1", "ConfigMap", "lab", "owned", with_uids(change));
}

/* Each row changes what the ones above left. */
static void check_owners(void)
{
    static const struct {
        const char *user, *change, *refusal;
    } cases[] = {
        {"oda", OWNED_BY(OWNER("Secret", "s", "false")),
         "cannot set an ownerRef on a resource you can't delete"},
        {"odo", OWNED_BY(OWNER("Secret", "s", "false")), ""},
        {"odo", OWNED_BY(OWNER("Secret", "s", "true")), "cannot set blockOwnerDeletion"},
        {"own", OWNED_BY(OWNER("Secret", "s", "true")), ""},
        {"odo", OWNED_BY(OWNER("Secret", "s", "true") ", " OWNER("Secret", "t", "false")), ""},
        {"odo", OWNED_BY(OWNER("Secret", "s", "true") ", " OWNER("Secret", "t", "true")),
         "cannot set blockOwnerDeletion"},
        {"own", OWNED_BY(OWNER("Widget", "t", "true")), "cannot set blockOwnerDeletion"},
        {"own", OWNED_BY(OWNER("Namespace", "lab", "true")), "cannot set blockOwnerDeletion"},
        {"all", OWNED_BY(OWNER("Namespace", "lab", "true")), ""},
        {"oda", "{metadata: {labels: {a: b}}}", ""},
        {"oda", "{metadata: {ownerReferences: null}}",
         "cannot set an ownerRef on a resource you can't delete"},
        {NULL, "{metadata: {ownerReferences: null}}",
         "cannot set an ownerRef on a resource you can't delete"},
        {"odo", "{metadata: {ownerReferences: null}}", ""},
        {"oda", "{metadata: {labels: {a: c}}}", ""},
    };

    apply(&place,
          "{apiVersion: v1, kind: ConfigMap, metadata: {name: owned, namespace: lab}}\n---\n"
          "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: lab}}\n---\n"
          "{apiVersion: v1, kind: Secret, metadata: {name: t, namespace: lab}}");
    grant("oda", "lab", "oda", "{verbs: [patch], apiGroups: [''], resources: [configmaps]}");
    grant("odo", "lab", "odo",
          "{verbs: [delete], apiGroups: [''], resources: [configmaps], "
          "resourceNames: [owned]}");
    grant("own", "lab", "own",
          "{verbs: [delete], apiGroups: [''], resources: [configmaps]}, "
          "{verbs: [update], apiGroups: [''], resources: [secrets, "
          "namespaces], resourceNames: [s, lab]}");
    grant("all", "", "all",
          "{verbs: [delete, update], apiGroups: [''], resources: [configmaps, "
          "namespaces/finalizers]}");
    for (size_t i = 0; i < count_of(cases); i++) {
        const struct auth_user *user = cases[i].user ? user_of(&place, cases[i].user, NULL) : NULL;
        const char *said = own(user, cases[i].change);

        if (*cases[i].refusal)
            REFUSED(said, cases[i].refusal, "%s: %s", cases[i].user ?: "nobody", cases[i].change);
        else
            CHECK_TEXT(said, "", "%s: %s", cases[i].user ?: "nobody", cases[i].change);
    }
    REFUSED(create_refusal(NULL,
                           "{apiVersion: v1, kind: ConfigMap, metadata: {name: by-none, "
                           "namespace: lab, ownerReferences: [" OWNER("Secret", "s", "true") "]}}"),
            "cannot set blockOwnerDeletion", "a write of no user blocks nothing");
}

int main(void)
{
    place_open(&place, NULL);
    apply(&place, "{apiVersion: v1, kind: Namespace, metadata: {name: lab}}");
    check_local_roles();
    check_tenant();
    check_project_fields();
    check_apply();
    check_owners();
    place_close(&place);
    return check_done();
}
