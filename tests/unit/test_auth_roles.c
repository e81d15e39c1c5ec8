/* SPDX-License-Identifier: Apache-2.0 */
/* Roles mean what they mean in Kubernetes, and nobody gives what they lack. */
#include "auth_fixture.h"

#define RBAC "rbac.authorization.k8s.io"

static struct place place;

/* ---- Rules ------------------------------------------------------------------- */

static const struct {
    const char *rule; /* one PolicyRule */
    const char *verb, *group, *resource, *subresource, *name, *path;
    bool may;
} rules[] = {
    {"{verbs: [get], apiGroups: [''], resources: [pods]}", "get", "", "pods", "", "a", NULL, true},
    {"{verbs: [get], apiGroups: [''], resources: [pods]}", "list", "", "pods", "", "", NULL, false},
    {"{verbs: [get], apiGroups: [''], resources: [pods]}", "get", "apps", "pods", "", "a", NULL,
     false},
    {"{verbs: [get], apiGroups: [''], resources: [pods]}", "get", "", "pods", "log", "a", NULL,
     false},
    {"{verbs: [get], apiGroups: [''], resources: [pods/log]}", "get", "", "pods", "log", "a", NULL,
     true},
    {"{verbs: [get], apiGroups: [''], resources: [pods/log]}", "get", "", "pods", "", "a", NULL,
     false},
    {"{verbs: [get], apiGroups: [''], resources: ['pods/*']}", "get", "", "pods", "log", "a", NULL,
     false},
    {"{verbs: [get], apiGroups: ['*'], resources: ['*/scale']}", "get", "apps", "deployments",
     "scale", "a", NULL, true},
    {"{verbs: [get], apiGroups: ['*'], resources: ['*/scale']}", "get", "apps", "deployments", "",
     "a", NULL, false},
    {"{verbs: [get], apiGroups: ['*'], resources: ['*/scale']}", "get", "apps", "deployments",
     "status", "a", NULL, false},
    {"{verbs: ['*'], apiGroups: ['*'], resources: ['*']}", "delete", "apps", "x", "y", "a", NULL,
     true},
    {"{verbs: ['*'], apiGroups: ['*'], resources: ['*']}", "get", "", "", "", "", "/metrics",
     false},
    {"{verbs: [get], apiGroups: [''], resources: [pods], resourceNames: [a, b]}", "get", "", "pods",
     "", "b", NULL, true},
    {"{verbs: [get], apiGroups: [''], resources: [pods], resourceNames: [a, b]}", "get", "", "pods",
     "", "c", NULL, false},
    {"{verbs: [list], apiGroups: [''], resources: [pods], resourceNames: [a]}", "list", "", "pods",
     "", "", NULL, false},
    {"{verbs: [create], apiGroups: [''], resources: [pods], resourceNames: ['']}", "create", "",
     "pods", "", "", NULL, true},
    {"{verbs: [get], apiGroups: [''], resources: []}", "get", "", "pods", "", "", NULL, false},
    {"{verbs: [get], resources: [pods]}", "get", "", "pods", "", "", NULL, false},
    {"{verbs: [get], nonResourceURLs: [/metrics]}", "get", "", "", "", "", "/metrics", true},
    {"{verbs: [get], nonResourceURLs: [/metrics]}", "get", "", "", "", "", "/metrics/x", false},
    {"{verbs: [get], nonResourceURLs: ['/v2/lab/*']}", "get", "", "", "", "", "/v2/lab/chat", true},
    {"{verbs: [get], nonResourceURLs: ['/v2/lab/*']}", "get", "", "", "", "", "/v2/lab", false},
    {"{verbs: [get], nonResourceURLs: ['/v2/lab/*']}", "get", "", "", "", "", "/v2/labour/chat",
     false},
    {"{verbs: [get], nonResourceURLs: ['/v2/lab/*']}", "create", "", "", "", "", "/v2/lab/chat",
     false},
    {"{verbs: [get], nonResourceURLs: ['/v2/lab/*']}", "get", "", "", "", "", "/v2", true},
    {"{verbs: [get], nonResourceURLs: ['/v2/lab/*']}", "create", "", "", "", "", "/v2", false},
    {"{verbs: ['*'], nonResourceURLs: ['*']}", "post", "", "", "", "", "/anything", true},
    {"{verbs: ['*'], nonResourceURLs: ['*']}", "get", "", "pods", "", "a", NULL, false},
};

static void check_rules(void)
{
    for (size_t i = 0; i < count_of(rules); i++) {
        char *name = arena_printf(place.arena, "r%zu", i);
        struct auth_request request = {.verb = rules[i].verb,
                                       .group = rules[i].group,
                                       .resource = rules[i].resource,
                                       .subresource = rules[i].subresource,
                                       .namespace = "",
                                       .name = rules[i].name,
                                       .path = rules[i].path};

        apply(&place,
              arena_printf(place.arena,
                           "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: %s}, "
                           "rules: [%s]}\n---\n"
                           "{apiVersion: " RBAC
                           "/v1, kind: ClusterRoleBinding, metadata: {name: %s},\n"
                           " roleRef: {apiGroup: " RBAC ", kind: ClusterRole, name: %s},\n"
                           " subjects: [{kind: User, apiGroup: " RBAC ", name: %s}]}\n",
                           name, rules[i].rule, name, name, name));
        CHECK_INT(auth_may(place.auth, user_of(&place, name, NULL), &request, NULL), rules[i].may,
                  "%s %s: %s%s%s%s %s", rules[i].rule, rules[i].verb,
                  rules[i].path ? rules[i].path : rules[i].resource,
                  *rules[i].subresource ? "/" : "", rules[i].subresource,
                  *rules[i].name ? " named" : "", rules[i].name);
    }
}

/* ---- Subjects ------------------------------------------------------------------ */

static bool may_list(const struct auth_user *user, const char *namespace)
{
    struct auth_request request = {.verb = "list",
                                   .group = "",
                                   .resource = "configmaps",
                                   .subresource = "",
                                   .namespace = namespace,
                                   .name = ""};

    return auth_may(place.auth, user, &request, NULL);
}

static void bind(const char *name, const char *namespace, const char *subject)
{
    apply(&place, arena_printf(place.arena,
                               "{apiVersion: " RBAC "/v1, kind: RoleBinding,\n"
                               " metadata: {name: %s, namespace: %s},\n"
                               " roleRef: {apiGroup: " RBAC ", kind: ClusterRole, name: view},\n"
                               " subjects: [%s]}\n",
                               name, namespace, subject));
}

static void check_subjects(void)
{
    const struct auth_user *bob = user_of(&place, "bob", NULL);
    const struct auth_user *ann = user_of(&place, "ann", "devs");
    const struct auth_user *bot = user_of(&place, "system:serviceaccount:lab:bot", NULL);
    struct auth_request request = {.verb = "list",
                                   .group = "",
                                   .resource = "configmaps",
                                   .subresource = "",
                                   .namespace = "lab",
                                   .name = ""};
    scoped_text struct text why = {0};

    apply(&place, "{apiVersion: v1, kind: Namespace, metadata: {name: lab}}\n---\n"
                  "{apiVersion: v1, kind: Namespace, metadata: {name: lob}}\n");
    CHECK(!may_list(bob, "lab"), "without a binding nothing is allowed");
    bind("b", "lab", "{kind: User, name: bob, apiGroup: " RBAC "}");
    CHECK(may_list(bob, "lab"), "a user is bound");
    CHECK(!may_list(bob, "lob"), "in that namespace only");
    CHECK(!may_list(bob, ""), "and not everywhere");
    CHECK(!may_list(ann, "lab"), "nobody else is");
    auth_may(place.auth, bob, &request, &why);
    CHECK_TEXT(text_string(&why),
               "RBAC: allowed by RoleBinding \"b/lab\" of "
               "ClusterRole \"view\" to User \"bob\"",
               "the reason names the binding");
    bind("b", "lab", "{kind: Group, name: devs, apiGroup: " RBAC "}");
    CHECK(!may_list(bob, "lab") && may_list(ann, "lab"), "a binding that changes takes and gives");
    bind("b", "lab", "{kind: ServiceAccount, name: bot}");
    CHECK(may_list(bot, "lab") && !may_list(ann, "lab"),
          "an account without namespace is of the binding's");
    bind("c", "lob", "{kind: ServiceAccount, name: bot, namespace: lab}");
    CHECK(may_list(bot, "lob"), "an account of another namespace can be bound");
    CHECK(!may_list(user_of(&place, "system:serviceaccount:lob:bot", NULL), "lob"),
          "one of the same name elsewhere is another");
    forget(&place, RBAC, "rolebindings", "lab", "b");
    CHECK(!may_list(bot, "lab") && may_list(bot, "lob"),
          "a binding that is deleted gives nothing more");
    bind("d", "lab", "{kind: Group, name: 'system:authenticated', apiGroup: " RBAC "}");
    CHECK(may_list(bob, "lab"), "who is known is in that group");
    CHECK(!may_list(nobody(&place), "lab"), "who is not, is not");
    CHECK(!may_list(spoke_of(&place, "lab"), "lab") && !may_list(joiner(&place, "t1"), "lab"),
          "and machines are not meant");
    bind("d", "lab",
         "{kind: Group, apiGroup: " RBAC ", name: "
         "'system:open-cluster-management:managed-clusters'}");
    CHECK(may_list(spoke_of(&place, "lab"), "lab"), "unless they are named");
    forget(&place, RBAC, "rolebindings", "lab", "d");
}

/* ---- Refusals --------------------------------------------------------------------- */

static void check_sentences(void)
{
    static const struct {
        struct auth_request request;
        const char *text;
    } cases[] = {
        {{"list", "", "pods", "", "y", "", NULL, NULL},
         "pods is forbidden: User \"x\" cannot list resource \"pods\" in API group "
         "\"\" in the namespace \"y\""},
        {{"get", "", "pods", "log", "y", "p", NULL, NULL},
         "pods \"p\" is forbidden: User \"x\" cannot get resource \"pods/log\" in "
         "API group \"\" in the namespace \"y\""},
        {{"watch", "axle.dev", "tenants", "", "", "", NULL, NULL},
         "tenants.axle.dev is forbidden: User \"x\" cannot watch resource "
         "\"tenants\" in API group \"axle.dev\" at the cluster scope"},
        {{"get", "", "", "", "", "", "/metrics", NULL},
         "forbidden: User \"x\" cannot get path \"/metrics\""},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        struct err err = {0};

        CHECK(auth_check(place.auth, user_of(&place, "x", NULL), &cases[i].request, &err) < 0 &&
                  err.code == ERR_FORBIDDEN,
              "is refused");
        CHECK_TEXT(err.text, cases[i].text, "in kube-apiserver's words");
    }
}

/* ---- Escalation ---------------------------------------------------------------------- */

#define ROLE(rules)                                                                                \
    "{apiVersion: " RBAC "/v1, kind: Role, metadata: {name: nn, "                                  \
    "namespace: lab}, rules: " rules "}"
#define TO_SYSTEM(kind, name)                                                                      \
    "{apiVersion: " RBAC "/v1, kind: RoleBinding, metadata: {name: nn, namespace: lab}, "          \
    "roleRef: {apiGroup: " RBAC ", kind: ClusterRole, name: view}, subjects: [{kind: " kind        \
    ", apiGroup: " RBAC ", name: '" name "'}]}"
#define BINDING(kind, name)                                                                        \
    "{apiVersion: " RBAC "/v1, kind: RoleBinding, metadata: "                                      \
    "{name: nn, namespace: lab}, roleRef: {apiGroup: " RBAC ", kind: " kind ", name: " name        \
    "}, subjects: [{kind: User, name: z, apiGroup: " RBAC "}]}"
#define LACKS                                                                                      \
    "user \"eve\" (groups=[\"system:authenticated\"]) is attempting to grant "                     \
    "RBAC permissions not currently held:\n"

/* Eve is admin in lab, and may read the Secret "s" of everybody. */
static const struct {
    const char *yaml, *refusal; /* NULL: allowed */
} writes[] = {
    {ROLE("[{verbs: [get, list], apiGroups: [''], resources: [configmaps]}]"), NULL},
    {ROLE("[{verbs: [get], apiGroups: [''], resources: [secrets], resourceNames: [s]}]"), NULL},
    {ROLE("[]"), NULL},
    {ROLE("[{verbs: [get, list], apiGroups: ['', work.open-cluster-management.io], "
          "resources: [manifestworks, configmaps]}]"),
     "roles.rbac.authorization.k8s.io \"nn\" is forbidden: " LACKS
     "{APIGroups:[\"\"], Resources:[\"manifestworks\"], Verbs:[\"get\" \"list\"]}\n"
     "{APIGroups:[\"work.open-cluster-management.io\"], Resources:[\"configmaps\"], "
     "Verbs:[\"get\" \"list\"]}\n"
     "{APIGroups:[\"work.open-cluster-management.io\"], Resources:[\"manifestworks\"], "
     "Verbs:[\"get\" \"list\"]}"},
    {ROLE("[{verbs: ['*'], apiGroups: [''], resources: [configmaps]}]"),
     "roles.rbac.authorization.k8s.io \"nn\" is forbidden: " LACKS
     "{APIGroups:[\"\"], Resources:[\"configmaps\"], Verbs:[\"*\"]}"},
    {ROLE("[{verbs: [get], apiGroups: [''], resources: ['*']}]"),
     "roles.rbac.authorization.k8s.io \"nn\" is forbidden: " LACKS
     "{APIGroups:[\"\"], Resources:[\"*\"], Verbs:[\"get\"]}"},
    {ROLE("[{verbs: [get], apiGroups: [x], resources: [yy], resourceNames: [a, b]}]"),
     "roles.rbac.authorization.k8s.io \"nn\" is forbidden: " LACKS
     "{APIGroups:[\"x\"], Resources:[\"yy\"], ResourceNames:[\"a\"], Verbs:[\"get\"]}\n"
     "{APIGroups:[\"x\"], Resources:[\"yy\"], ResourceNames:[\"b\"], Verbs:[\"get\"]}"},
    {BINDING("ClusterRole", "view"), NULL},
    {BINDING("ClusterRole", "admin"), NULL},
    {TO_SYSTEM("Group", "system:unauthenticated"), "may be bound by administrators only"},
    {TO_SYSTEM("Group", "system:authenticated"), "may be bound by administrators only"},
    {TO_SYSTEM("Group", "system:serviceaccounts"), "may be bound by administrators only"},
    {TO_SYSTEM("User", "system:anonymous"), "may be bound by administrators only"},
    {TO_SYSTEM("Group", "system:serviceaccounts:lab"), NULL},
    {BINDING("ClusterRole", "cluster-admin"),
     "rolebindings.rbac.authorization.k8s.io \"nn\" is forbidden: " LACKS
     "{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}\n"
     "{NonResourceURLs:[\"*\"], Verbs:[\"*\"]}"},
    {BINDING("ClusterRole", "nothing"),
     "clusterroles.rbac.authorization.k8s.io \"nothing\" not found"},
    {"{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: nn}, "
     "aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}}",
     "clusterroles.rbac.authorization.k8s.io \"nn\" is forbidden: must have "
     "cluster-admin privileges to use an aggregationRule"},
    {"{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: other}, "
     "spec: {tenant: acme, admins: [eve]}}",
     "is attempting to grant"},
    {"{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: other}, "
     "spec: {tenant: acme}}",
     "may not update the Tenant \"acme\", which is needed"},
};

static void drop_written(const char *yaml)
{
    if (strstr(yaml, "kind: RoleBinding"))
        forget(&place, RBAC, "rolebindings", "lab", "nn");
    else if (strstr(yaml, "kind: Role,"))
        forget(&place, RBAC, "roles", "lab", "nn");
}

static void check_escalation(void)
{
    const struct auth_user *eve = user_of(&place, "eve", NULL);
    struct err err = {0};

    apply(&place,
          "{apiVersion: " RBAC "/v1, kind: RoleBinding, metadata: {name: eve, namespace: lab},\n"
          " roleRef: {apiGroup: " RBAC ", kind: ClusterRole, name: admin},\n"
          " subjects: [{kind: User, name: eve, apiGroup: " RBAC "}]}\n---\n"
          "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: eves},\n"
          " rules: [{verbs: [get], apiGroups: [''], resources: [secrets], resourceNames: "
          "[s]}]}\n---\n"
          "{apiVersion: " RBAC "/v1, kind: ClusterRoleBinding, metadata: {name: eve},\n"
          " roleRef: {apiGroup: " RBAC ", kind: ClusterRole, name: eves},\n"
          " subjects: [{kind: User, name: eve, apiGroup: " RBAC "}]}\n");
    for (size_t i = 0; i < count_of(writes); i++) {
        bool good;

        err = (struct err){0};
        good = create_as(&place, eve, writes[i].yaml, &err) == 0;
        if (good)
            drop_written(writes[i].yaml);
        CHECK_INT(good, !writes[i].refusal, "%s", writes[i].yaml);
        if (writes[i].refusal && strstr(writes[i].refusal, LACKS))
            CHECK_TEXT(err.text, writes[i].refusal, "the refusal is theirs");
        else if (writes[i].refusal)
            CHECK(strstr(err.text, writes[i].refusal), "%s", err.text);
    }
    CHECK(create_as(&place, administrator(&place), BINDING("ClusterRole", "cluster-admin"), &err) ==
              0,
          "the administrator binds what there is");
    drop_written(BINDING("ClusterRole", "view"));
}

/* `escalate` and `bind` are rights of their own. */
static void check_verbs(void)
{
    const struct auth_user *eve = user_of(&place, "eve", NULL);
    struct err err = {0};

    apply(&place,
          "{apiVersion: " RBAC "/v1, kind: Role, metadata: {name: giver, namespace: lab},\n"
          " rules: [{verbs: [bind], apiGroups: [" RBAC "], resources: [clusterroles], "
          "resourceNames: [cluster-admin]},\n"
          "         {verbs: [escalate], apiGroups: [" RBAC "], resources: [roles]}]}\n---\n"
          "{apiVersion: " RBAC "/v1, kind: RoleBinding, metadata: {name: giver, namespace: lab},\n"
          " roleRef: {apiGroup: " RBAC ", kind: Role, name: giver},\n"
          " subjects: [{kind: User, name: eve, apiGroup: " RBAC "}]}\n");
    CHECK(create_as(&place, eve, BINDING("ClusterRole", "cluster-admin"), &err) == 0,
          "who may bind a role binds it: %s", err.text);
    forget(&place, RBAC, "rolebindings", "lab", "nn");
    CHECK(create_as(&place, eve, ROLE("[{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]"),
                    &err) == 0,
          "who may escalate writes any role: %s", err.text);
    forget(&place, RBAC, "roles", "lab", "nn");
}

/* ---- What is listed ---------------------------------------------------------------- */

static void check_lists(void)
{
    static const char *const no_groups[] = {NULL};
    struct node *status = auth_rules(place.auth, spoke_of(&place, "edge-1"), "edge-1", place.arena);
    const char *json = document_json(place.arena, status);

    CHECK(strstr(json, "{\"verbs\":[\"get\",\"list\",\"watch\",\"update\",\"patch\"],"
                       "\"apiGroups\":[\"work.open-cluster-management.io\"],"
                       "\"resources\":[\"manifestworks\"]}"),
          "a spoke's rules are listed");
    CHECK(strstr(json, "\"resourceNames\":[\"edge-1\"]"), "its own name too");
    CHECK(node_get_bool(status, "incomplete", false), "and it says what is not");
    status = auth_rules(place.auth, spoke_of(&place, "edge-1"), "edge-2", place.arena);
    CHECK(!strstr(document_json(place.arena, status), "manifestworks"), "elsewhere it has none");
    CHECK(
        strstr(json, "{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/version\"]}") &&
            strstr(json, "{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/openapi\",\"/openapi/*\"]}"),
        "the paths that it may get as well");
    json = document_json(place.arena,
                         auth_rules(place.auth, joiner(&place, "t1"), "lab", place.arena));
    CHECK(strstr(json, "\"/livez\"") && strstr(json, "\"selfsubjectreviews\"") &&
              !strstr(json, "manifestworks"),
          "a join token has its own");
    json =
        document_json(place.arena, auth_rules(place.auth, administrator(&place), "", place.arena));
    CHECK(text_starts(json, "{\"resourceRules\":[{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],"
                            "\"resources\":[\"*\"]},") &&
              strstr(json,
                     "\"nonResourceRules\":[{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"*\"]},") &&
              text_ends(json, "\"incomplete\":false}"),
          "an administrator has all: %s", json);
    CHECK_TEXT(document_json(place.arena,
                             auth_rules(place.auth, auth_user_named(place.arena, "x", no_groups),
                                        "lab", place.arena)),
               "{\"resourceRules\":[],\"nonResourceRules\":[],\"incomplete\":false}",
               "who is bound to nothing has nothing, as lists");
}

/* ---- Several bindings of one user --------------------------------------------------- */

static void bind_everywhere(const char *name, const char *role)
{
    apply(&place,
          arena_printf(place.arena,
                       "{apiVersion: " RBAC "/v1, kind: ClusterRoleBinding, metadata: "
                       "{name: %s}, roleRef: {apiGroup: " RBAC ", kind: ClusterRole, "
                       "name: %s}, subjects: [{kind: User, apiGroup: " RBAC ", name: sam}]}",
                       name, role));
}

static void check_several(void)
{
    const struct auth_user *sam = user_of(&place, "sam", NULL);
    struct auth_request request = {.verb = "list",
                                   .group = "",
                                   .resource = "configmaps",
                                   .subresource = "",
                                   .namespace = "lab",
                                   .name = ""};
    scoped_text struct text why = {0};
    const char *json;

    bind_everywhere("sam1", "gone");
    CHECK(!auth_may(place.auth, sam, &request, &why), "a role that is not there gives nothing");
    CHECK_TEXT(text_string(&why), "RBAC: clusterrole." RBAC " \"gone\" not found", "and is named");
    bind_everywhere("sam2", "lost");
    text_cut(&why, 0);
    CHECK(!auth_may(place.auth, sam, &request, &why) &&
              text_starts(text_string(&why), "RBAC: clusterrole.") &&
              strstr(text_string(&why), "\"gone\" not found") &&
              strstr(text_string(&why), "\"lost\" not found") &&
              strstr(text_string(&why), ", clusterrole."),
          "two are both named");
    apply(&place,
          "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: lists}, rules: [{verbs: "
          "[list], apiGroups: [''], resources: [configmaps]}]}\n---\n"
          "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: gets}, rules: [{verbs: "
          "[get], apiGroups: [''], resources: [secrets]}, {verbs: [get], nonResourceURLs: "
          "[/metrics]}]}");
    bind_everywhere("sam0", "lists");
    bind_everywhere("sam3", "gets");
    bind_everywhere("sam4", "gone");
    text_cut(&why, 0);
    CHECK(auth_may(place.auth, sam, &request, &why), "beside them another role counts");
    CHECK_TEXT(text_string(&why),
               "RBAC: allowed by ClusterRoleBinding \"sam0\" of ClusterRole \"lists\" to User "
               "\"sam\"",
               "and is the whole reason");
    json = document_json(place.arena, auth_rules(place.auth, sam, "", place.arena));
    CHECK(strstr(json, "configmaps") && strstr(json, "secrets") && strstr(json, "/metrics"),
          "the rules of all bindings are listed: %s", json);
    forget(&place, RBAC, "clusterrolebindings", "", "sam0");
    CHECK(!auth_may(place.auth, sam, &request, NULL), "one binding less takes its rights");
    request.verb = "get";
    request.resource = "secrets";
    CHECK(auth_may(place.auth, sam, &request, NULL), "and leaves those of the others");
    for (const char *const *name = (const char *const[]){"sam1", "sam2", "sam3", "sam4", NULL};
         *name; name++)
        forget(&place, RBAC, "clusterrolebindings", "", *name);
    CHECK(!auth_may(place.auth, sam, &request, NULL), "until there is none");
}

/* A role or binding in deletion gives nothing, even if a finalizer keeps it. */
static void check_deletion(void)
{
    const struct auth_user *del = user_of(&place, "del", NULL);
    struct auth_request request = {.verb = "get",
                                   .group = "",
                                   .resource = "configmaps",
                                   .subresource = "",
                                   .namespace = "",
                                   .name = "x"};

    apply(&place,
          "{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: kept, finalizers: "
          "[t.example/hold]}, rules: [{verbs: [get], apiGroups: [''], resources: "
          "[configmaps]}]}\n---\n"
          "{apiVersion: " RBAC "/v1, kind: ClusterRoleBinding, metadata: {name: kept, finalizers: "
          "[t.example/hold]}, roleRef: {apiGroup: " RBAC ", kind: ClusterRole, name: kept}, "
          "subjects: [{kind: User, apiGroup: " RBAC ", name: del}]}");
    CHECK(auth_may(place.auth, del, &request, NULL), "a role with a finalizer counts");
    forget(&place, RBAC, "clusterrolebindings", "", "kept");
    CHECK(!auth_may(place.auth, del, &request, NULL), "its binding in deletion does not");
    bind_everywhere("other", "kept");
    CHECK(auth_may(place.auth, user_of(&place, "sam", NULL), &request, NULL),
          "another binding gives it");
    forget(&place, RBAC, "clusterroles", "", "kept");
    CHECK(!auth_may(place.auth, user_of(&place, "sam", NULL), &request, NULL),
          "until the role is in deletion");
}

/* ---- Reasons of machines, and a hub that starts again ------------------------------- */

static void check_reasons(void)
{
    struct auth_request request = {.verb = "create",
                                   .group = "cluster.open-cluster-management.io",
                                   .resource = "managedclusters",
                                   .subresource = "",
                                   .namespace = "",
                                   .name = ""};
    scoped_text struct text why = {0};

    CHECK(auth_may(place.auth, joiner(&place, "t1"), &request, &why), "a join token may join");
    CHECK_TEXT(text_string(&why), "managedclusters of a join token", "for this reason");
    text_cut(&why, 0);
    request.verb = "get";
    request.name = "edge-1";
    CHECK(auth_may(place.auth, spoke_of(&place, "edge-1"), &request, &why),
          "a spoke may get its cluster");
    CHECK_TEXT(text_string(&why), "managedclusters of a spoke", "for this reason");
    text_cut(&why, 0);
    CHECK(auth_may(place.auth, administrator(&place), &request, &why), "an administrator as well");
    CHECK_TEXT(text_string(&why), "administrator", "for being one");
}

static void check_start(void)
{
    struct auth_settings settings = {.objects = place.objects, .token_key = place.key};
    struct auth *again;
    struct auth_request request = {.verb = "list",
                                   .group = "",
                                   .resource = "configmaps",
                                   .subresource = "",
                                   .namespace = "lab",
                                   .name = ""};

    bind("again", "lab", "{kind: User, name: bob, apiGroup: " RBAC "}");
    apply(&place,
          "{apiVersion: " RBAC "/v1, kind: Role, metadata: {name: looks, namespace: lab}, rules: "
          "[{verbs: [list], apiGroups: [''], resources: [configmaps]}]}\n---\n"
          "{apiVersion: " RBAC "/v1, kind: RoleBinding, metadata: {name: looks, namespace: lab}, "
          "roleRef: {apiGroup: " RBAC ", kind: Role, name: looks}, subjects: [{kind: User, "
          "apiGroup: " RBAC ", name: lee}]}");
    again = auth_open(&settings);
    CHECK(auth_may(again, user_of(&place, "bob", NULL), &request, NULL),
          "what is stored gives rights from the start on");
    CHECK(auth_may(again, user_of(&place, "lee", NULL), &request, NULL), "by Roles too");
    request.namespace = "lob";
    CHECK(!auth_may(again, user_of(&place, "lee", NULL), &request, NULL),
          "which count in their namespace only");
    place_close(&place);
    auth_close(&again);
    CHECK(!again, "what is closed is gone");
}

int main(void)
{
    place_open(&place, NULL);
    check_rules();
    check_subjects();
    check_sentences();
    check_escalation();
    check_verbs();
    check_lists();
    check_several();
    check_deletion();
    check_reasons();
    check_start();
    return check_done();
}
