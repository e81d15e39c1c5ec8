/* SPDX-License-Identifier: Apache-2.0 */
/* Who joins as what, how often, with which key; and that whoever leaves, leaves. */
#include "auth_fixture.h"

#include "controllers/joining.h"
#include "sim/world.h"

static struct place place;

#define OCM "cluster.open-cluster-management.io"
#define CLUSTERS OCM, "managedclusters"
#define TOKENS "axle.dev", "jointokens"
#define REQUESTS "certificates.k8s.io", "certificatesigningrequests"

/* ---- Saying it -------------------------------------------------------------- */

#define YAML(...) arena_printf(place.arena, __VA_ARGS__)

static const struct node *get(const char *group, const char *plural, const char *namespace,
                              const char *name)
{
    scoped_object struct object *object = objects_get(
        place.objects, OBJECTS_PUBLISHED, kind_of(&place, group, plural), namespace, name, NULL);

    return object ? object_read(place.arena, object) : NULL;
}

static void make_token(const char *id, int uses, const char *more)
{
    apply(&place, YAML("{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: %s}, "
                       "spec: {uses: %d, salt: aa, hash: bb%s}}",
                       id, uses, more));
}

/* A create, staged and no more. */
static int stage_as(const struct auth_user *user, const char *yaml, struct err *err)
{
    struct objects_result result = {.arena = place.arena};
    struct node *body =
        document_read_yaml(place.arena, yaml, strlen(yaml), true, &document_limits_own, err);
    struct objects_write write = {
        .who = {user->name, "test", false, user},
        .kind = kinds_by_kind(place.kinds, node_get_text(body, "apiVersion"),
                              node_get_text(body, "kind")),
        .namespace = node_get_text(node_get(body, "metadata"), "namespace"),
        .body = body,
        .grace = -1};
    int failed;

    must(body, err);
    failed = objects_create(place.objects, &write, &result, err);
    object_drop(&result.object);
    return failed;
}

static int patch_as(const struct auth_user *user, const char *group, const char *plural,
                    const char *namespace, const char *name, const char *subresource,
                    const char *yaml, struct err *err)
{
    struct objects_result result = {.arena = place.arena};
    struct node *body =
        document_read_yaml(place.arena, yaml, strlen(yaml), true, &document_limits_own, err);
    struct objects_write write = {.who = {user->name, "test", false, user},
                                  .kind = kind_of(&place, group, plural),
                                  .namespace = namespace,
                                  .name = name,
                                  .subresource = subresource,
                                  .body = body,
                                  .patch = OBJECTS_PATCH_MERGE,
                                  .grace = -1};
    int failed = objects_patch(place.objects, &write, &result, err);

    object_drop(&result.object);
    settle(&place);
    return failed;
}

static int join_as(const char *token, const char *name, struct err *err)
{
    return stage_as(
        joiner(&place, token),
        YAML("{apiVersion: " OCM "/v1, kind: ManagedCluster, metadata: {name: %s}}", name), err);
}

#define SAYS(failed, words, ...)                                                                   \
    do {                                                                                           \
        bool failed_ = (failed) < 0;                                                               \
        CHECK(failed_ &&strstr(err.text, words), __VA_ARGS__);                                     \
        if (failed_ && !strstr(err.text, words))                                                   \
            printf("# it says: %s\n", err.text);                                                   \
        err = (struct err){0};                                                                     \
    } while (0)

/* ---- Uses --------------------------------------------------------------------- */

/* Fifty machines want in with a token of so many uses, one after the other or all
   before anything is on disk. */
static void check_uses(int uses, bool at_once)
{
    const char *id = YAML("t-%d-%s", uses, at_once ? "once" : "row");
    int in = 0, refused = 0;
    struct err err = {0};

    make_token(id, uses, "");
    for (int i = 0; i < 50; i++) {
        err = (struct err){0};
        if (join_as(id, YAML("%s-%d", id, i), &err) == 0)
            in++;
        else
            refused += strstr(err.text, "has been used") != NULL;
        if (!at_once)
            settle(&place);
    }
    settle(&place);
    CHECK_INT(in, uses, "of 50 machines as many join as the token has uses");
    CHECK_INT(refused, 50 - uses, "the others are told so");
    CHECK(join_as(id, YAML("%s-0", id), &err) < 0 && err.code == ERR_EXISTS,
          "who comes again hears that it is there");
    forget(&place, CLUSTERS, "", YAML("%s-0", id));
    CHECK(!get(CLUSTERS, "", YAML("%s-0", id)), "one leaves");
    SAYS(join_as(id, YAML("%s-new", id), &err), "has been used", "its use stays spent");
    CHECK_INT(node_get_int(node_get(get(TOKENS, "", id), "status"), "used", 0), uses,
              "and the token says how many used it");
}

/* ---- Keys ------------------------------------------------------------------------ */

static char *pin_of(const struct pki_key *key)
{
    unsigned char pin[PKI_SHA256];
    scoped_text struct text hex = {0};

    pki_key_pin(key, pin);
    text_add_hex(&hex, pin, sizeof pin);
    return arena_string(place.arena, text_string(&hex));
}

static int request_as(const struct auth_user *user, const char *name, const char *cluster,
                      const struct pki_key *key, const char *more, struct err *err)
{
    const char *organizations[] = {YAML("system:open-cluster-management:%s", cluster),
                                   "system:open-cluster-management:managed-clusters"};
    struct pki_subject subject = {YAML("system:open-cluster-management:%s:agent", cluster),
                                  organizations, 2};
    scoped_text struct text pem = {0};
    scoped_text struct text base64 = {0};
    int failed;

    must(pki_request_write(key, &subject, &pem, err) == 0, err);
    text_add_base64(&base64, pem.bytes, pem.len, false);
    failed = stage_as(
        user,
        YAML("{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, metadata: "
             "{name: "
             "%s, labels: {open-cluster-management.io/cluster-name: %s}}, spec: {signerName: "
             "kubernetes.io/kube-apiserver-client, request: %s, %s}}",
             name, cluster, text_string(&base64), *more ? more : "usages: [client auth]"),
        err);
    settle(&place);
    return failed;
}

static bool is_signed(const char *name)
{
    return *node_get_text(node_get(get(REQUESTS, "", name), "status"), "certificate");
}

static void check_keys(void)
{
    scoped_pki_key struct pki_key *key = pki_key_new();
    scoped_pki_key struct pki_key *other = pki_key_new();
    const struct auth_user *user = joiner(&place, "keys");
    struct err err = {0};

    make_token("keys", 3, "");
    must(join_as("keys", "k1", &err) == 0, &err);
    must(request_as(user, "k1-a", "k1", key, "", &err) == 0, &err);
    CHECK(is_signed("k1-a"), "the first key is signed for");
    SAYS(request_as(user, "k1-b", "k1", other, "", &err), "axle token create --name k1",
         "for another one this token signs nothing, and says the way");
    must(request_as(user, "k1-c", "k1", key, "", &err) == 0, &err);
    CHECK(is_signed("k1-c"), "for the same one it does, if the answer was lost");
    CHECK_TEXT(meta_annotation(get(CLUSTERS, "", "k1"), META_ANNOTATION_CLIENT_KEYS), pin_of(key),
               "and that is the only key");

    /* A lost key: a token for this name, and a person who approves. */
    make_token("lost", 1, ", names: [k1]");
    must(request_as(joiner(&place, "lost"), "k1-d", "k1", other, "", &err) == 0, &err);
    CHECK(!is_signed("k1-d"), "a token for this name alone does not do");
    must(patch_as(administrator(&place), REQUESTS, "", "k1-d", "approval",
                  "{status: {conditions: [{type: Approved, status: 'True', reason: x, message: "
                  "word}]}}",
                  &err) == 0,
         &err);
    CHECK(is_signed("k1-d"), "a person's word does");

    /* The machine says at once which key it has. */
    must(stage_as(user,
                  YAML("{apiVersion: " OCM "/v1, kind: ManagedCluster, metadata: {name: k2, "
                       "annotations: {axle.dev/join-key: %s}}}",
                       pin_of(key)),
                  &err) == 0,
         &err);
    settle(&place);
    SAYS(request_as(user, "k2-a", "k2", other, "", &err), "has a key of its own",
         "another machine with the same token does not take a name over");
    must(request_as(user, "k2-b", "k2", key, "", &err) == 0, &err);
    CHECK(is_signed("k2-b"), "the machine itself goes on");
    SAYS(stage_as(user,
                  "{apiVersion: " OCM "/v1, kind: ManagedCluster, metadata: {name: k3, "
                  "annotations: {axle.dev/join-key: ABC}}}",
                  &err),
         "metadata.annotations[axle.dev/join-key]", "what is no key is refused by name");
}

/* A name whose first holder has no certificate yet. */
static void check_adoption(void)
{
    scoped_pki_key struct pki_key *key = pki_key_new();
    struct err err = {0};

    make_token("first", 1, "");
    make_token("any", 5, "");
    make_token("named", 1, ", names: [cut]");
    must(join_as("first", "cut", &err) == 0, &err);
    settle(&place);
    SAYS(join_as("any", "cut", &err), "belongs to another machine",
         "a new token does not take it over");
    SAYS(request_as(joiner(&place, "any"), "cut-a", "cut", key, "", &err),
         "belongs to another machine", "nor is anything signed for it");
    CHECK(join_as("named", "cut", &err) < 0 && err.code == ERR_EXISTS, "one for this name goes on");
    must(request_as(joiner(&place, "named"), "cut-b", "cut", key, "", &err) == 0, &err);
    CHECK(is_signed("cut-b"), "and is signed for");
    CHECK_TEXT(meta_annotation(get(CLUSTERS, "", "cut"), META_ANNOTATION_JOIN_TOKEN), "named",
               "it takes the place of the first");
    SAYS(join_as("first", "cut-2", &err), "has been used", "which stays used all the same");
    SAYS(join_as("named", "cut", &err), "already exists", "a retry is free");
}

static void check_usages(void)
{
    static const struct {
        const char *more, *says; /* "": signed */
    } cases[] = {
        {"usages: [client auth, digital signature, key encipherment]", ""},
        {"usages: [client auth]", ""},
        {"usages: [digital signature]", "client auth is missing"},
        {"usages: [client auth, server auth]", "this signer knows"},
        {"usages: [client auth, cert sign]", "this signer knows"},
    };
    scoped_pki_key struct pki_key *key = pki_key_new();
    struct err err = {0};

    make_token("usages", 1, "");
    must(join_as("usages", "u1", &err) == 0, &err);
    for (size_t i = 0; i < count_of(cases); i++) {
        const char *name = YAML("u1-%zu", i);
        const struct node *conditions;

        must(request_as(joiner(&place, "usages"), name, "u1", key, cases[i].more, &err) == 0, &err);
        conditions = node_at(get(REQUESTS, "", name), "status", "conditions", NULL);
        CHECK(is_signed(name) == !*cases[i].says, "%s: %s", cases[i].more,
              *cases[i].says ? "is not signed" : "is signed");
        CHECK(!*cases[i].says ||
                  strstr(node_get_text(meta_condition_find(conditions, "Failed"), "message"),
                         cases[i].says),
              "%s", cases[i].says);
    }
    SAYS(stage_as(
             joiner(&place, "usages"),
             YAML("{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, metadata: "
                  "{name: large}, spec: {signerName: kubernetes.io/kube-apiserver-client, usages: "
                  "[client auth], request: '%020000d'}}",
                  0),
             &err),
         "spec.request: Too long", "what is too large is refused");
}

/* ---- Names ------------------------------------------------------------------------ */

static void check_names(void)
{
    static const struct {
        const char *name, *says;
    } cases[] = {
        {"default", "is reserved"},
        {"kube-system", "is reserved"},
        {"kube-x", "is reserved"},
        {"axle-system", "is reserved"},
        {"axle-x", "is reserved"},
        {"tenant-acme", "is reserved"},
        {"open-cluster-management-hub", "is reserved"},
        {"local-cluster", "reserved for the hub's own"},
        {"lab", "belongs to the Project \"lab\""},
        {"stray", "belongs to another owner"},
        {"a.b", "must not contain dots"},
        {"EDGE", "metadata.name"},
        {"a123456789012345678901234567890123456789012345678901234567890123", "metadata.name"},
    };
    struct err err = {0};

    make_token("names", 100, "");
    make_token("own", 1, ", names: [local-cluster]");
    apply(&place, "{apiVersion: axle.dev/v1alpha1, kind: Tenant, metadata: {name: acme}}\n---\n"
                  "{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: lab}, spec: "
                  "{tenant: acme}}\n---\n"
                  "{apiVersion: v1, kind: Namespace, metadata: {name: stray}}");
    for (size_t i = 0; i < count_of(cases); i++) {
        CHECK(join_as("names", cases[i].name, &err) < 0, "%s: no machine's name", cases[i].name);
        CHECK(strstr(err.text, cases[i].says) || !strcmp(cases[i].name, "a.b"), "%s: it says %s",
              err.text, cases[i].says);
        err = (struct err){0};
    }
    CHECK_INT(node_get_int(node_get(get(TOKENS, "", "names"), "status"), "used", 0), 0,
              "and none of them used the token");
    CHECK(join_as("own", "local-cluster", &err) == 0, "the hub's own machine has its name");
    SAYS(stage_as(administrator(&place),
                  "{apiVersion: " OCM "/v1, kind: ManagedCluster, metadata: "
                  "{name: lab}, spec: {hubAcceptsClient: true}}",
                  &err),
         "belongs to", "an administrator is told the same");
}

/* The namespace of a spoke is another's: its certificate counts for nothing. */
static void check_namespace(void)
{
    scoped_pki_key struct pki_key *key = pki_key_new();
    char name[] = "system:open-cluster-management:n1:agent";
    char all[] = "system:open-cluster-management:managed-clusters";
    char *organizations[] = {all};
    struct pki_cert cert = {.common_name = name,
                            .organizations = organizations,
                            .organization_count = 1,
                            .not_before = clock_wall(),
                            .not_after = clock_wall() + 3600 * CLOCK_SECOND};
    struct http_request request = {.peer = &cert, .arena = place.arena, .remote = ""};
    struct auth_user *user;
    struct err err = {0};

    make_token("space", 1, "");
    must(join_as("space", "n1", &err) == 0, &err);
    must(request_as(joiner(&place, "space"), "n1-a", "n1", key, "", &err) == 0, &err);
    pki_key_pin(key, cert.pin);
    must(auth_identify(place.auth, &request, place.arena, &user, &err) == 0, &err);
    CHECK(user->role == AUTH_SPOKE && user->expires == cert.not_after, "a spoke is known");
    apply(&place, "{apiVersion: v1, kind: Namespace, metadata: {name: n1, labels: "
                  "{axle.dev/owner-kind: Project}}}");
    SAYS(auth_identify(place.auth, &request, place.arena, &user, &err),
         "the namespace \"n1\" belongs to Project", "and is not, where the namespace is another's");
}

/* ---- What a joiner sends ----------------------------------------------------------- */

static void check_body(void)
{
    const struct node *made, *metadata;
    struct err err = {0};

    make_token("body", 1, "");
    must(
        stage_as(
            joiner(&place, "body"),
            "{apiVersion: " OCM "/v1, kind: ManagedCluster, metadata: {name: b1, labels: {"
            "cluster.open-cluster-management.io/clusterset: theirs, gpu: many}, annotations: {"
            "axle.dev/client-keys: x, facts.axle.dev/zone: west, "
            "open-cluster-management.io/automatically-accepted-on: z}, finalizers: [evil.io/stay], "
            "ownerReferences: [{apiVersion: v1, kind: Namespace, name: default, uid: u}]}, spec: {"
            "hubAcceptsClient: true, leaseDurationSeconds: 2147483647, taints: [{key: a, effect: "
            "NoSelect}], managedClusterClientConfigs: [{url: 'https://evil'}]}}",
            &err) == 0,
        &err);
    settle(&place);
    made = get(CLUSTERS, "", "b1");
    metadata = node_get(made, "metadata");
    CHECK_TEXT(document_json(place.arena, node_get(metadata, "labels")),
               "{\"cluster.open-cluster-management.io/clusterset\":\"default\"}",
               "its labels are the hub's");
    CHECK_TEXT(document_json(place.arena, node_get(metadata, "finalizers")),
               "[\"" META_FINALIZER_CLUSTER "\"]", "so are its finalizers");
    CHECK(!node_get(metadata, "ownerReferences") &&
              !*meta_annotation(made, "facts.axle.dev/zone") &&
              !*meta_annotation(made, META_ANNOTATION_CLIENT_KEYS),
          "owners, facts and keys");
    CHECK(!strstr(document_json(place.arena, node_get(made, "spec")), "\"key\":\"a\""),
          "and taints");
    CHECK_INT(node_get_int(node_get(made, "spec"), "leaseDurationSeconds", 0), 60,
              "and how often it reports");
    CHECK(!node_get(node_get(made, "spec"), "managedClusterClientConfigs"), "and where it is");
    SAYS(patch_as(administrator(&place), CLUSTERS, "", "b1", NULL,
                  "{spec: {leaseDurationSeconds: 2147483647}}", &err),
         "spec.leaseDurationSeconds: Invalid value: 2147483647", "68 years are no lease");
}

/* ---- Leaving -------------------------------------------------------------------------- */

static void come(const char *name)
{
    struct err err = {0};

    must(patch_as(spoke_of(&place, name), CLUSTERS, "", name, "status",
                  "{status: {conditions: [{type: ManagedClusterConditionAvailable, status: 'True', "
                  "reason: ManagedClusterAvailable, message: m, lastTransitionTime: "
                  "'2026-01-01T00:00:00Z'}]}}",
                  &err) == 0,
         &err);
}

/* Each second it makes something new, says that it is there, and holds on. */
static void be_hostile(int seconds)
{
    const struct auth_user *spoke = spoke_of(&place, "l1");

    for (int i = 0; i < seconds; i++) {
        struct err ignored = {0};

        (void)!create_as(
            &place, spoke,
            YAML("{apiVersion: v1, kind: Event, metadata: {name: e%d-%d, namespace: l1}, "
                 "involvedObject: "
                 "{kind: ManagedCluster, name: l1, namespace: l1}, reason: x, message: m}",
                 seconds, i),
            &ignored);
        (void)!patch_as(spoke, "coordination.k8s.io", "leases", "l1", "managed-cluster-lease", NULL,
                        "{spec: {holderIdentity: me}}", &ignored);
        (void)!patch_as(spoke, CLUSTERS, "", "l1", "status",
                        YAML("{status: {clusterClaims: [{name: a, value: '%d'}]}}", i), &ignored);
        (void)!patch_as(spoke, "", "configmaps", "l1", "c", NULL,
                        "{metadata: {finalizers: [evil.io/again]}}", &ignored);
        loop_world_run(place.world, CLOCK_SECOND - 50 * CLOCK_MS);
    }
}

/* Everything that a spoke can be thought to hold on to, held back by strangers. */
static void check_leaving(void)
{
    static const char held[] = "finalizers: [evil.io/stay, evil.io/more]";
    struct err err = {0};

    make_token("leave", 1, "");
    must(join_as("leave", "l1", &err) == 0, &err);
    settle(&place);
    come("l1");
    apply(
        &place,
        YAML("{apiVersion: work.open-cluster-management.io/v1, kind: ManifestWork, metadata: "
             "{name: w, "
             "namespace: l1, %s}, spec: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, "
             "metadata: {name: x, namespace: default}}]}}}\n---\n"
             "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: l1, %s}}\n---\n"
             "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: l1, %s}}\n---\n"
             "{apiVersion: axle.dev/v1alpha1, kind: Workload, metadata: {name: w, namespace: l1, "
             "%s}, "
             "spec: {}}\n",
             held, held, held, held));
    must(patch_as(administrator(&place), CLUSTERS, "", "l1", NULL,
                  "{metadata: {finalizers: [other.io/mine]}}", &err) == 0,
         &err);
    forget(&place, CLUSTERS, "", "l1");
    SAYS(patch_as(administrator(&place), CLUSTERS, "", "l1", NULL, "{metadata: {finalizers: null}}",
                  &err),
         "belongs to the hub", "the hub's finalizer is not to be taken away");
    be_hostile(50);
    CHECK(get(CLUSTERS, "", "l1"), "for a minute the spoke may clean up");
    be_hostile(14);
    CHECK(!get("", "namespaces", "", "l1"), "then nothing keeps the namespace");
    CHECK(!get("work.open-cluster-management.io", "manifestworks", "l1", "w") &&
              !get("", "configmaps", "l1", "c") && !get("", "secrets", "l1", "s"),
          "nor what is in it");
    CHECK(!node_get_bool(node_get(get(CLUSTERS, "", "l1"), "spec"), "hubAcceptsClient", false),
          "and the spoke is not let in, though somebody holds the object back");
    must(patch_as(administrator(&place), CLUSTERS, "", "l1", NULL, "{metadata: {finalizers: null}}",
                  &err) == 0,
         &err);
    CHECK(!get(CLUSTERS, "", "l1"), "who held it back lets it go");
    SAYS(join_as("leave", "l2", &err), "has been used", "its token stays used");
}

/* ---- What a spoke writes ------------------------------------------------------------ */

static void check_status(void)
{
    static const struct {
        const char *status, *says; /* "": taken */
    } cases[] = {
        {"capacity: {cpu: '8', memory: 16Gi, gpu: 2}, clusterClaims: [{name: a, value: b}]", ""},
        {"capacity: {cpu: many}", "status.capacity[cpu]: Invalid value"},
        {"allocatable: {cpu: '-1'}", "status.allocatable[cpu]: Invalid value"},
        {"version: {kubernetes: v1.33.0}", ""},
        {"version: {kubernetes: "
         "v11111111111111111111111111111111111111111111111111111111111111111111}",
         "status.version.kubernetes: Too long"},
        {"clusterClaims: [{name: '', value: b}]", "status.clusterClaims[0].name"},
        {"conditions: [{type: ManagedClusterConditionAvailable, status: Unknown, reason: x, "
         "message: m, lastTransitionTime: '2026-01-01T00:00:00Z'}]",
         "only the hub sets Unknown"},
        {"conditions: [{type: ManagedClusterConditionAvailable, status: 'True', reason: "
         "ManagedClusterLeaseUpdateStopped, message: m, lastTransitionTime: "
         "'2026-01-01T00:00:00Z'}]",
         "only the hub sets Unknown"},
        {"conditions: [{type: HubAcceptedManagedCluster, status: 'False', reason: Mine, message: "
         "m, lastTransitionTime: '2026-01-01T00:00:00Z'}, {type: My, status: 'True', reason: x, "
         "message: m, lastTransitionTime: '2026-01-01T00:00:00Z'}]",
         ""},
    };
    const struct node *conditions;
    struct err err = {0};

    make_token("status", 1, "");
    must(join_as("status", "s1", &err) == 0, &err);
    settle(&place);
    for (size_t i = 0; i < count_of(cases); i++) {
        int failed = patch_as(spoke_of(&place, "s1"), CLUSTERS, "", "s1", "status",
                              YAML("{status: {%s}}", cases[i].status), &err);

        CHECK(*cases[i].says ? failed && strstr(err.text, cases[i].says) : !failed, "%.60s: %s",
              cases[i].status, *err.text ? err.text : "is taken");
        err = (struct err){0};
    }
    conditions = node_at(get(CLUSTERS, "", "s1"), "status", "conditions", NULL);
    CHECK_TEXT(
        node_get_text(meta_condition_find(conditions, "HubAcceptedManagedCluster"), "status"),
        "True", "what the hub says of it stays");
    CHECK(meta_condition_find(conditions, "My"), "what it says itself is there");
    must(patch_as(spoke_of(&place, "s1"), "coordination.k8s.io", "leases", "s1",
                  "managed-cluster-lease", NULL,
                  "{spec: {renewTime: '2126-01-01T00:00:00.000000Z'}}", &err) == 0,
         &err);
    CHECK(!strstr(document_json(place.arena, get("coordination.k8s.io", "leases", "s1",
                                                 "managed-cluster-lease")),
                  "2126"),
          "a lease is not renewed for a hundred years");
    CHECK(patch_as(spoke_of(&place, "s1"), "coordination.k8s.io", "leases", "s1",
                   "managed-cluster-lease", NULL,
                   "{metadata: {annotations: {axle.dev/instance: a}}}", &err) == 0,
          "its agent names itself on it (%s)", err.text);
    SAYS(patch_as(spoke_of(&place, "s1"), "coordination.k8s.io", "leases", "s1",
                  "managed-cluster-lease", NULL, "{metadata: {annotations: {other: a}}}", &err),
         "would change metadata.annotations", "and notes nothing else there");
    SAYS(patch_as(spoke_of(&place, "s1"), "coordination.k8s.io", "leases", "s1",
                  "managed-cluster-lease", NULL, "{metadata: {finalizers: [evil.io/stay]}}", &err),
         "would change metadata.finalizers", "nor held back");
    SAYS(create_as(&place, spoke_of(&place, "s1"),
                   "{apiVersion: v1, kind: Event, metadata: {name: e, namespace: s1, "
                   "ownerReferences: [{apiVersion: v1, kind: Namespace, name: default, uid: u, "
                   "blockOwnerDeletion: true}]}, involvedObject: {kind: ManagedCluster, name: s1, "
                   "namespace: s1}, reason: x, message: m}",
                   &err),
         "may not set metadata.ownerReferences", "an event belongs to nobody else");
    SAYS(create_as(&place, spoke_of(&place, "s1"),
                   "{apiVersion: events.k8s.io/v1, kind: Event, metadata: {name: e, namespace: s1, "
                   "finalizers: [evil.io/stay]}, regarding: {kind: ManagedCluster, name: s1, "
                   "namespace: s1}, reason: x, action: y1, note: m, type: Normal, "
                   "reportingController: a, reportingInstance: b, eventTime: "
                   "'2026-01-01T00:00:00.000000Z'}",
                   &err),
         "may not set metadata.finalizers", "of either kind");
}

/* ---- Tokens of administrators ----------------------------------------------------------- */

static void check_administrators(void)
{
    static const struct {
        bool administrator;
        const char *spec, *ends, *says; /* "": made */
    } cases[] = {
        {true, "Administrator", "soon", ""},
        {false, "Administrator", "soon", "only administrators"},
        {true, "Administrator", "", "must expire in the future"},
        {true, "Administrator", "2001-01-01T00:00:00Z", "must expire in the future"},
        {true, "Administrator", "2099-01-01T00:00:00Z", "at most one year"},
        {true, "King", "soon", "spec.purpose"},
        {false, "Join", "", ""},
    };
    const struct auth_user *bob = user_of(&place, "bob", NULL);
    char ends[CLOCK_TEXT];
    struct err err = {0};

    clock_format(clock_wall() + 3600 * CLOCK_SECOND, false, ends);
    for (size_t i = 0; i < count_of(cases); i++) {
        const char *end = !strcmp(cases[i].ends, "soon") ? ends : cases[i].ends;
        char *spec = YAML("purpose: %s%s%s%s", cases[i].spec, *end ? ", expiresAt: '" : "", end,
                          *end ? "'" : "");
        int failed = create_as(&place, cases[i].administrator ? administrator(&place) : bob,
                               YAML("{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: "
                                    "{name: a%zu, annotations: {axle.dev/made-by: x}}, spec: "
                                    "{salt: a, hash: b, %s}}",
                                    i, spec),
                               &err);

        CHECK(*cases[i].says ? failed && strstr(err.text, cases[i].says) : !failed, "%s: %s", spec,
              *cases[i].says ? cases[i].says : "is made");
        err = (struct err){0};
    }
    CHECK_TEXT(meta_annotation(get(TOKENS, "", "a0"), "axle.dev/made-by"), "system:admin",
               "who made it is written down");
    SAYS(patch_as(bob, TOKENS, "", "a0", NULL, "{spec: {hash: mine}}", &err), "only administrators",
         "nobody else puts his own secret there");
    SAYS(patch_as(bob, TOKENS, "", "a6", NULL, "{spec: {purpose: Administrator}}", &err),
         "only administrators", "or makes one of another");
    SAYS(patch_as(administrator(&place), TOKENS, "", "a6", NULL,
                  YAML("{spec: {purpose: Administrator, expiresAt: '%s'}}", ends), &err),
         "purpose of a token cannot be changed", "not even an administrator");
}

int main(void)
{
    place_open(&place, NULL);
    for (int uses = 1; uses <= 10; uses += uses == 1 ? 1 : 8) {
        check_uses(uses, true);
        check_uses(uses, false);
    }
    check_keys();
    check_adoption();
    check_usages();
    check_names();
    check_namespace();
    check_body();
    check_leaving();
    check_status();
    check_administrators();
    place_close(&place);
    return check_done();
}
