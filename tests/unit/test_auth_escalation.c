/* SPDX-License-Identifier: Apache-2.0 */
/* What a user may give away, and what a write may do to others, rule by rule. */
#include "auth_fixture.h"

#define RBAC "rbac.authorization.k8s.io"

static struct place place;

static void grant_everywhere(const char *user, const char *rules)
{
    apply(&place,
          arena_printf(place.arena,
                       "{apiVersion: " RBAC
                       "/v1, kind: ClusterRole, metadata: {name: of-%s}, rules: [%s]}\n---\n"
                       "{apiVersion: " RBAC
                       "/v1, kind: ClusterRoleBinding, metadata: {name: of-%s},\n"
                       " roleRef: {apiGroup: " RBAC ", kind: ClusterRole, name: of-%s},\n"
                       " subjects: [{kind: User, name: %s, apiGroup: " RBAC "}]}\n",
                       user, rules, user, user, user));
}

/* ---- What covers a rule -------------------------------------------------------- */

/* Gil has these rights by a ClusterRoleBinding only. */
#define GILS                                                                                       \
    "{verbs: [create, update, patch], apiGroups: [" RBAC                                           \
    "], resources: [clusterroles, roles, rolebindings]},\n"                                        \
    "{verbs: [get], nonResourceURLs: [/metrics, '/v2/lab/*']},\n"                                  \
    "{verbs: [get], apiGroups: [''], resources: [configmaps]},\n"                                  \
    "{verbs: [update], apiGroups: [apps], resources: ['*/scale']},\n"                              \
    "{verbs: [get], apiGroups: [''], resources: [secrets], resourceNames: [mine]}"

static const struct {
    const char *rule;
    bool given;
    const char *missing; /* the form in which the refusal names it */
} rules[] = {
    {"{verbs: [get], nonResourceURLs: [/metrics]}", true, NULL},
    {"{verbs: [get], nonResourceURLs: [/metrics/x]}", false,
     "{NonResourceURLs:[\"/metrics/x\"], Verbs:[\"get\"]}"},
    {"{verbs: [get], nonResourceURLs: [/metric]}", false,
     "{NonResourceURLs:[\"/metric\"], Verbs:[\"get\"]}"},
    {"{verbs: [post], nonResourceURLs: [/metrics]}", false,
     "{NonResourceURLs:[\"/metrics\"], Verbs:[\"post\"]}"},
    {"{verbs: [get], nonResourceURLs: [/v2/lab/chat]}", true, NULL},
    {"{verbs: [get], nonResourceURLs: ['/v2/lab/*']}", true, NULL},
    {"{verbs: [get], nonResourceURLs: ['/v2/lab/chat/*']}", true, NULL},
    {"{verbs: [get], nonResourceURLs: [/v2/lab]}", false,
     "{NonResourceURLs:[\"/v2/lab\"], Verbs:[\"get\"]}"},
    {"{verbs: [get], nonResourceURLs: [/v2/labour/chat]}", false,
     "{NonResourceURLs:[\"/v2/labour/chat\"], Verbs:[\"get\"]}"},
    {"{verbs: [get], nonResourceURLs: ['/v2/*']}", false,
     "{NonResourceURLs:[\"/v2/*\"], Verbs:[\"get\"]}"},
    {"{verbs: [get], nonResourceURLs: ['*']}", false, "{NonResourceURLs:[\"*\"], Verbs:[\"get\"]}"},
    {"{verbs: [get], apiGroups: [''], resources: [configmaps]}", true, NULL},
    {"{verbs: [get], apiGroups: [apps], resources: [configmaps]}", false,
     "{APIGroups:[\"apps\"], Resources:[\"configmaps\"], Verbs:[\"get\"]}"},
    {"{verbs: [update], apiGroups: [apps], resources: [deployments/scale]}", true, NULL},
    {"{verbs: [update], apiGroups: [apps], resources: ['*/scale']}", true, NULL},
    {"{verbs: [update], apiGroups: [apps], resources: [deployments]}", false,
     "{APIGroups:[\"apps\"], Resources:[\"deployments\"], Verbs:[\"update\"]}"},
    {"{verbs: [update], apiGroups: [apps], resources: [deployments/status]}", false,
     "{APIGroups:[\"apps\"], Resources:[\"deployments/status\"], Verbs:[\"update\"]}"},
    {"{verbs: [update], apiGroups: [apps], resources: [deployments/scales]}", false,
     "{APIGroups:[\"apps\"], Resources:[\"deployments/scales\"], Verbs:[\"update\"]}"},
    {"{verbs: [get], apiGroups: [''], resources: [secrets], resourceNames: [mine]}", true, NULL},
    {"{verbs: [get], apiGroups: [''], resources: [secrets], resourceNames: [other]}", false,
     "{APIGroups:[\"\"], Resources:[\"secrets\"], ResourceNames:[\"other\"], Verbs:[\"get\"]}"},
    {"{verbs: [get], apiGroups: [''], resources: [secrets]}", false,
     "{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}"},
    {"{verbs: [get, list], apiGroups: [''], resources: [configmaps]}", false,
     ":\n{APIGroups:[\"\"], Resources:[\"configmaps\"], Verbs:[\"list\"]}"},
};

static void check_rules(void)
{
    const struct auth_user *gil = user_of(&place, "gil", NULL);
    struct err err = {0};

    grant_everywhere("gil", GILS);
    for (size_t i = 0; i < count_of(rules); i++) {
        const char *yaml =
            arena_printf(place.arena,
                         "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: given%zu}, "
                         "rules: [%s]}",
                         i, rules[i].rule);

        err = (struct err){0};
        CHECK_INT(create_as(&place, gil, yaml, &err) == 0, rules[i].given,
                  "a ClusterRole of %s by who has %s", rules[i].rule,
                  rules[i].given ? "that" : "less");
        if (rules[i].missing)
            CHECK(err.code == ERR_FORBIDDEN && text_ends(err.text, rules[i].missing),
                  "the refusal ends with %s: %s", rules[i].missing, err.text);
    }
    err = (struct err){0};
    CHECK(create_as(&place, gil,
                    "{apiVersion: " RBAC "/v1, kind: Role, metadata: {name: given, "
                    "namespace: lab}, rules: [{verbs: [get], apiGroups: [''], resources: "
                    "[configmaps]}]}",
                    &err) == 0,
          "what a ClusterRoleBinding gives counts in a namespace: %s", err.text);
    err = (struct err){0};
    CHECK(create_as(&place, gil,
                    "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: "
                    "gathers}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}}",
                    &err) < 0 &&
              err.code == ERR_FORBIDDEN,
          "whoever lacks cluster-admin makes no aggregated role: %s", err.text);
    err = (struct err){0};
    CHECK(create_as(&place, gil,
                    "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: gathers-not}, "
                    "aggregationRule: null, rules: []}",
                    &err) == 0,
          "null is no aggregationRule: %s", err.text);
}

/* `kubectl auth can-i --list` */
static void check_list(void)
{
    static const char *const namespaces[] = {"lab", ""};

    for (size_t i = 0; i < count_of(namespaces); i++) {
        const char *json =
            document_json(place.arena, auth_rules(place.auth, user_of(&place, "gil", NULL),
                                                  namespaces[i], place.arena));

        CHECK(strstr(json,
                     "{\"verbs\":[\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"configmaps\"]}"),
              "in \"%s\" the rules of a ClusterRoleBinding are listed", namespaces[i]);
        CHECK(strstr(json, "\"resources\":[\"secrets\"],\"resourceNames\":[\"mine\"]"),
              "in \"%s\" with their names", namespaces[i]);
        CHECK(strstr(json, "\"nonResourceURLs\":[\"/metrics\",\"/v2/lab/*\"]"),
              "in \"%s\" with their URLs", namespaces[i]);
    }
}

/* ---- Writes that give nothing ------------------------------------------------------- */

/* An update as this user, of an object that `change` has been put into. */
static int change_as(const struct auth_user *user, const char *group, const char *plural,
                     const char *namespace, const char *name, const char *change, struct err *err)
{
    struct objects_result result = {.arena = place.arena};
    struct objects_write write = {.who = {user->name, "test", false, user},
                                  .kind = kind_of(&place, group, plural),
                                  .namespace = namespace,
                                  .name = name,
                                  .patch = OBJECTS_PATCH_MERGE,
                                  .grace = -1,
                                  .body = document_read_yaml(place.arena, change, strlen(change),
                                                             true, &document_limits_own, err)};
    int failed;

    *err = (struct err){0};
    failed = objects_patch(place.objects, &write, &result, err);
    object_drop(&result.object);
    settle(&place);
    return failed;
}

/* Gil may change roles, and what they already give stays what it is. */
static void check_unchanged(void)
{
    const struct auth_user *gil = user_of(&place, "gil", NULL);
    struct err err = {0};

    apply(&place,
          "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: strong}, rules: "
          "[{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]}\n---\n"
          "{apiVersion: " RBAC "/v1, kind: RoleBinding, metadata: {name: strong, namespace: lab}, "
          "roleRef: {apiGroup: " RBAC ", kind: ClusterRole, name: strong}, subjects: "
          "[{kind: User, apiGroup: " RBAC ", name: root}]}\n---\n"
          "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: gathering}, "
          "aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}}");
    CHECK(change_as(gil, RBAC, "clusterroles", "", "strong", "{metadata: {labels: {a: c}}}",
                    &err) == 0,
          "a label of a role that gives more may be changed: %s", err.text);
    CHECK(change_as(gil, RBAC, "clusterroles", "", "strong",
                    "{rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*/x']}]}", &err) < 0 &&
              err.code == ERR_FORBIDDEN,
          "its rules may not: %s", err.text);
    CHECK(change_as(gil, RBAC, "rolebindings", "lab", "strong", "{metadata: {labels: {a: c}}}",
                    &err) == 0,
          "a label of a binding as well: %s", err.text);
    CHECK(change_as(gil, RBAC, "rolebindings", "lab", "strong",
                    "{subjects: [{kind: User, apiGroup: " RBAC ", name: gil}]}", &err) < 0 &&
              err.code == ERR_FORBIDDEN && strstr(err.text, "attempting to grant"),
          "its subjects may not: %s", err.text);
    CHECK(change_as(gil, RBAC, "clusterroles", "", "gathering", "{metadata: {labels: {a: c}}}",
                    &err) == 0,
          "a label of an aggregated role too: %s", err.text);
    CHECK(change_as(gil, RBAC, "clusterroles", "", "gathering",
                    "{aggregationRule: {clusterRoleSelectors: "
                    "[{matchLabels: {a: d}}]}}",
                    &err) < 0 &&
              strstr(err.text, "must have cluster-admin privileges"),
          "what it gathers may not: %s", err.text);
}

/* By its labels a namespace is a tenant's, so that whoever writes them could write the Tenant. */
static void check_namespaces(void)
{
    static const char *const labels[] = {"axle.dev/owner-kind", "axle.dev/owner",
                                         "axle.dev/tenant"};
    const struct auth_user *nat = user_of(&place, "nat", NULL);
    const struct auth_user *ten = user_of(&place, "ten", NULL);
    struct err err = {0};

    grant_everywhere("nat", "{verbs: [create, patch], apiGroups: [''], resources: [namespaces]}");
    grant_everywhere("ten", "{verbs: [create, patch], apiGroups: [''], resources: [namespaces]},\n"
                            "{verbs: [update], apiGroups: [axle.dev], resources: [tenants]}");
    apply(&place, "{apiVersion: v1, kind: Namespace, metadata: {name: whose}}");
    CHECK(change_as(nat, "", "namespaces", "", "whose", "{metadata: {labels: {a: b}}}", &err) == 0,
          "a label of a namespace is changed by who may change namespaces: %s", err.text);
    for (size_t i = 0; i < count_of(labels); i++) {
        const char *change =
            arena_printf(place.arena, "{metadata: {labels: {%s: acme}}}", labels[i]);

        CHECK(change_as(nat, "", "namespaces", "", "whose", change, &err) < 0 &&
                  err.code == ERR_FORBIDDEN && strstr(err.text, labels[i]) &&
                  strstr(err.text, "names the owner of the namespace"),
              "but not %s: %s", labels[i], err.text);
    }
    CHECK(change_as(ten, "", "namespaces", "", "whose",
                    "{metadata: {labels: {axle.dev/tenant: acme}}}", &err) == 0,
          "that is for who may update Tenants: %s", err.text);
    CHECK(change_as(nat, "", "namespaces", "", "whose", "{metadata: {labels: {a: c}}}", &err) == 0,
          "a label that stays as it is does not count: %s", err.text);
    CHECK(change_as(nat, "", "namespaces", "", "whose",
                    "{metadata: {labels: {axle.dev/tenant: null}}}", &err) < 0,
          "taking one away does: %s", err.text);
}

/* ---- Members --------------------------------------------------------------------- */

#define PROJECT(name, members)                                                                     \
    "{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: " name "}, "                  \
    "spec: {tenant: acme" members "}}"

/* Pat may make projects of the Tenant and has the rights of view, and no others. */
static void check_members(void)
{
    const struct auth_user *pat = user_of(&place, "pat", NULL);
    struct err err = {0};

    apply(&place,
          "{apiVersion: axle.dev/v1alpha1, kind: Tenant, metadata: {name: acme}, spec: {}}");
    grant_everywhere("pat", "{verbs: [create], apiGroups: [axle.dev], resources: [projects]},\n"
                            "{verbs: [update], apiGroups: [axle.dev], resources: [tenants]}");
    apply(&place, "{apiVersion: " RBAC "/v1, kind: ClusterRoleBinding, metadata: {name: pats},\n"
                  " roleRef: {apiGroup: " RBAC ", kind: ClusterRole, name: view},\n"
                  " subjects: [{kind: User, name: pat, apiGroup: " RBAC "}]}\n");
    CHECK(create_as(&place, pat, PROJECT("p1", ", viewers: [ann]"), &err) == 0,
          "whoever has the rights of view names viewers: %s", err.text);
    CHECK(create_as(&place, pat, PROJECT("p2", ", editors: [ann]"), &err) < 0 &&
              err.code == ERR_FORBIDDEN && strstr(err.text, "attempting to grant"),
          "but no editors: %s", err.text);
    err = (struct err){0};
    CHECK(create_as(&place, pat, PROJECT("p3", ", admins: [ann]"), &err) < 0 &&
              err.code == ERR_FORBIDDEN && strstr(err.text, "attempting to grant"),
          "and no admins: %s", err.text);

    forget(&place, RBAC, "clusterroles", "", "view");
    err = (struct err){0};
    CHECK(create_as(&place, pat, PROJECT("p4", ", viewers: [ann]"), &err) < 0,
          "without the ClusterRole view nobody can be named a viewer");
    CHECK_TEXT(err.text, "clusterroles." RBAC " \"view\" not found", "and the refusal says why");
    err = (struct err){0};
    CHECK(create_as(&place, pat, PROJECT("p5", ""), &err) == 0,
          "a project without members can still be made: %s", err.text);
    CHECK(change_as(pat, "axle.dev", "projects", "", "p1", "{metadata: {labels: {a: b}}}", &err) ==
              0,
          "members that stay as they are are not looked at: %s", err.text);
    CHECK(change_as(pat, "axle.dev", "tenants", "", "acme", "{spec: {admins: [ann]}}", &err) < 0 &&
              err.code == ERR_FORBIDDEN,
          "a Tenant's admins are admins of its projects: %s", err.text);
}

/* ---- Owners ------------------------------------------------------------------------ */

#define OWNED(name, block)                                                                         \
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: " name ", namespace: lab, "                \
    "ownerReferences: [{apiVersion: v1, kind: Secret, name: owner, uid: "                          \
    "00000000-0000-4000-8000-000000000001, blockOwnerDeletion: " block "}]}}"

static void check_owners(void)
{
    const struct auth_user *oda = user_of(&place, "oda", NULL);
    const struct auth_user *una = user_of(&place, "una", NULL);
    struct err err = {0};

    grant_everywhere("oda", "{verbs: [create], apiGroups: [''], resources: [configmaps]}");
    grant_everywhere("una", "{verbs: [create], apiGroups: [''], resources: [configmaps]},\n"
                            "{verbs: [update], apiGroups: [''], resources: [secrets/finalizers]}");
    CHECK(create_as(&place, oda, OWNED("o1", "false"), &err) == 0,
          "anybody who creates an object names its owner: %s", err.text);
    CHECK(create_as(&place, oda, OWNED("o2", "true"), &err) < 0 && err.code == ERR_FORBIDDEN &&
              strstr(err.text, "cannot set blockOwnerDeletion"),
          "but blocks the owner's deletion only with rights on the owner: %s", err.text);
    err = (struct err){0};
    CHECK(create_as(&place, una, OWNED("o3", "true"), &err) == 0,
          "such as update of its finalizers: %s", err.text);
    CHECK(create_as(&place, administrator(&place), OWNED("o4", "true"), &err) == 0,
          "an administrator has them: %s", err.text);
}

/* ---- Signers ------------------------------------------------------------------------ */

static int approve_as(const struct auth_user *user, const char *csr, const char *subresource)
{
    struct auth_request request = {.verb = "update",
                                   .group = "certificates.k8s.io",
                                   .resource = "certificatesigningrequests",
                                   .subresource = subresource,
                                   .namespace = "",
                                   .name = csr};
    struct err err = {0};

    return auth_check(place.auth, user, &request, &err);
}

static void make_request(const char *name, const char *signer)
{
    struct pki_subject subject = {"r", NULL, 0};
    scoped_text struct text pem = {0}, base64 = {0};
    struct err err = {0};

    must(pki_request_write(place.key, &subject, &pem, &err) == 0, &err);
    text_add_base64(&base64, pem.bytes, pem.len, false);
    must(create_as(
             &place, administrator(&place),
             arena_printf(
                 place.arena,
                 "{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, metadata: "
                 "{name: %s}, spec: {request: %s, signerName: %s, usages: [digital signature]}}",
                 name, text_string(&base64), signer),
             &err) == 0,
         &err);
}

/* Whoever may change requests decides on those of the signers that they are given only. */
static void check_signers(void)
{
    const struct auth_user *none = user_of(&place, "sig-none", NULL);
    const struct auth_user *one = user_of(&place, "sig-one", NULL);
    const struct auth_user *all = user_of(&place, "sig-all", NULL);
    static const char requests[] =
        "{verbs: [update], apiGroups: [certificates.k8s.io], resources: "
        "[certificatesigningrequests/approval, certificatesigningrequests/status]}";

    make_request("s1", "example.org/one");
    make_request("s2", "example.org/two");
    grant_everywhere("sig-none", requests);
    grant_everywhere(
        "sig-one",
        arena_printf(
            place.arena,
            "%s,\n{verbs: [approve], apiGroups: "
            "[certificates.k8s.io], resources: [signers], resourceNames: [example.org/one]}",
            requests));
    grant_everywhere(
        "sig-all",
        arena_printf(
            place.arena,
            "%s,\n{verbs: [sign], apiGroups: "
            "[certificates.k8s.io], resources: [signers], resourceNames: ['example.org/*']}",
            requests));
    CHECK(approve_as(none, "s1", "approval") < 0,
          "without a right on its signer nobody approves a request");
    CHECK(approve_as(one, "s1", "approval") == 0, "with one a request of that signer is approved");
    CHECK(approve_as(one, "s2", "approval") < 0, "one of another signer is not");
    CHECK(approve_as(one, "s1", "status") < 0, "to approve is not to sign");
    CHECK(approve_as(all, "s1", "status") == 0 && approve_as(all, "s2", "status") == 0,
          "a right on all signers of a domain counts for each of them");
    CHECK(approve_as(all, "s1", "approval") < 0, "to sign is not to approve");
    CHECK(approve_as(administrator(&place), "s2", "approval") == 0,
          "an administrator decides on all");
    CHECK(approve_as(none, "nothing", "approval") == 0,
          "a request that is not there is for the write to miss");
}

/* What looks like a decision, but is none, takes no right on a signer. */
static void check_no_decisions(void)
{
    static const struct {
        const char *verb, *group, *resource, *subresource;
        int answer;
    } cases[] = {
        {"patch", "certificates.k8s.io", "certificatesigningrequests", "approval", -1},
        {"get", "certificates.k8s.io", "certificatesigningrequests", "approval", 0},
        {"update", "certificates.k8s.io", "certificatesigningrequests", "", 0},
        {"update", "certificates.k8s.io", "signers", "status", 0},
        {"update", "axle.dev", "certificatesigningrequests", "status", 0},
        {"patch", "axle.dev", "tenants", "approval", 0},
    };
    const struct auth_user *any = user_of(&place, "sig-any", NULL);

    grant_everywhere("sig-any", "{verbs: [get, update, patch], apiGroups: ['*'], resources: "
                                "[certificatesigningrequests, '*/approval', '*/status']}");
    for (size_t i = 0; i < count_of(cases); i++) {
        struct auth_request request = {.verb = cases[i].verb,
                                       .group = cases[i].group,
                                       .resource = cases[i].resource,
                                       .subresource = cases[i].subresource,
                                       .namespace = "",
                                       .name = "s1"};
        struct err err = {0};

        CHECK_INT(auth_check(place.auth, any, &request, &err), cases[i].answer, "%s %s/%s/%s",
                  cases[i].verb, cases[i].group, cases[i].resource, cases[i].subresource);
        if (cases[i].answer)
            CHECK_TEXT(err.text,
                       "certificatesigningrequests.certificates.k8s.io \"s1\" is forbidden: user "
                       "not permitted to approve requests with signerName \"example.org/one\"",
                       "and the refusal names the signer");
    }
}

/* ---- What is told when rights are lost --------------------------------------------------- */

static void count_change(void *arg)
{
    (*(int *)arg)++;
}

static void put_cluster(bool accepted)
{
    apply(&place,
          arena_printf(place.arena,
                       "{apiVersion: cluster.open-cluster-management.io/v1, kind: "
                       "ManagedCluster, metadata: {name: edge-9}, spec: {hubAcceptsClient: %s}}",
                       accepted ? "true" : "false"));
}

/* Connections are judged again when a spoke loses something, not when it gains it. */
static void check_losses(void)
{
    int told = 0, before;

    auth_on_change(place.auth, count_change, &told);
    put_cluster(false);
    put_cluster(true);
    CHECK_INT(told, 0, "that a spoke is made and accepted takes nothing away");
    put_cluster(false);
    CHECK(told > 0, "that it is no longer accepted does");
    put_cluster(true);
    before = told;
    forget(&place, "cluster.open-cluster-management.io", "managedclusters", "", "edge-9");
    CHECK(told > before, "and so does its deletion");
    auth_on_change(place.auth, NULL, NULL);
    before = told;
    put_cluster(true);
    put_cluster(false);
    CHECK_INT(told, before, "who listens no longer is not told");
}

#define KEYS(keys)                                                                                 \
    "{apiVersion: cluster.open-cluster-management.io/v1, kind: ManagedCluster, metadata: {name: "  \
    "edge-8, annotations: {axle.dev/client-keys: '" keys "'}}, spec: {hubAcceptsClient: true}}"
#define TOKEN(name, hash, labels)                                                                  \
    "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: " name                      \
    ", labels: {a: '" labels "'}}, spec: {salt: a, hash: " hash                                    \
    ", expiresAt: '2099-01-01T00:00:00Z'}}"
#define GIVEN(verb)                                                                                \
    "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: loser}, rules: [{verbs: [" verb \
    "], apiGroups: [''], resources: [configmaps]}]}"
#define SECRET(value)                                                                              \
    "{apiVersion: v1, kind: Secret, metadata: {name: x, namespace: lab}, stringData: {a: " value   \
    "}}"

/* Each row writes what the ones above left: does it take something from somebody? */
static void check_each_loss(void)
{
    static const struct {
        const char *yaml, *what;
        bool told;
    } cases[] = {
        {KEYS("aa"), "a new cluster", false},
        {KEYS("aa,bb"), "one more key", false},
        {KEYS("bb,aa"), "keys in another order", false},
        {KEYS("bb"), "a key less", true},
        {KEYS("cc"), "another key", true},
        {KEYS(""), "no key", true},
        {KEYS("cc"), "a first key", false},
        {TOKEN("loser", "h", "1"), "a new token", false},
        {TOKEN("loser", "h", "2"), "a label of a token", false},
        {TOKEN("loser", "i", "2"), "another hash of a token", true},
        {GIVEN("get"), "a new role", false},
        {GIVEN("list"), "another rule", true},
        {SECRET("b"), "a new Secret", false},
        {SECRET("c"), "another value of a Secret", false},
    };
    static const struct {
        const char *group, *plural, *namespace, *name;
    } gone[] = {
        {"axle.dev", "jointokens", "", "loser"},
        {RBAC, "clusterroles", "", "loser"},
        {"", "secrets", "lab", "x"},
        {"", "serviceaccounts", "lab", "default"},
        {"cluster.open-cluster-management.io", "managedclusters", "", "edge-8"},
    };
    int told = 0;

    auth_on_change(place.auth, count_change, &told);
    for (size_t i = 0; i < count_of(cases); i++) {
        told = 0;
        apply(&place, cases[i].yaml);
        CHECK_INT(told > 0, cases[i].told, "%s %s", cases[i].what,
                  cases[i].told ? "takes something" : "takes nothing");
    }
    for (size_t i = 0; i < count_of(gone); i++) {
        told = 0;
        forget(&place, gone[i].group, gone[i].plural, gone[i].namespace, gone[i].name);
        CHECK(told > 0, "the end of %s/%s takes something", gone[i].plural, gone[i].name);
    }
    auth_on_change(place.auth, NULL, NULL);
}

int main(void)
{
    place_open(&place, NULL);
    apply(&place, "{apiVersion: v1, kind: Namespace, metadata: {name: lab}}");
    check_rules();
    check_list();
    check_unchanged();
    check_namespaces();
    check_owners();
    check_members();
    check_signers();
    check_no_decisions();
    check_losses();
    check_each_loss();
    place_close(&place);
    return check_done();
}
