/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what controllers refuse before it is written, and people's certificate requests. */
#include "auth_fixture.h"

#include "meta/meta.h"

static struct place place;

#define LONG_64 "a234567890123456789012345678901234567890123456789012345678901234"
#define LONG_60 "a23456789012345678901234567890123456789012345678901234567890"

enum who { ADMIN, PERSON };

/* "": it is written. */
static const char *create(enum who who, const char *yaml)
{
    struct err err = {0};
    const struct auth_user *user =
        who == ADMIN ? administrator(&place) : user_of(&place, "adam", NULL);

    return create_as(&place, user, yaml, &err) < 0 ? arena_string(place.arena, err.text) : "";
}

static const struct {
    const char *name;
    enum who who;
    const char *yaml, *refusal; /* a part of it */
} rows[] = {
    {"a set of works whose works' names would be too long", ADMIN,
     "{apiVersion: work.open-cluster-management.io/v1alpha1, kind: ManifestWorkReplicaSet, "
     "metadata: {namespace: h, name: " LONG_60 "." LONG_60 "." LONG_60 "." LONG_60 ".abcdefgh}, "
     "spec: {manifestWorkTemplate: {workload: {manifests: []}}, placementRefs: [{name: p}]}}",
     "metadata.name: Invalid value: \"" LONG_60 "." LONG_60 "." LONG_60 "." LONG_60
     ".abcdefgh\": must be no more than 251 characters in the namespace \"h\""},
    {"one that just fits", ADMIN,
     "{apiVersion: work.open-cluster-management.io/v1alpha1, kind: ManifestWorkReplicaSet, "
     "metadata: {namespace: h, name: " LONG_60 "." LONG_60 "." LONG_60 "." LONG_60 ".abcdefg}, "
     "spec: {manifestWorkTemplate: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, "
     "metadata: {name: c, namespace: d}}]}}, placementRefs: [{name: p}]}}",
     ""},
    {"a set of clusters whose name is no label", ADMIN,
     "{apiVersion: cluster.open-cluster-management.io/v1beta2, kind: ManagedClusterSet, metadata: "
     "{name: " LONG_64 "}, spec: {}}",
     "must be no more than 63 characters: clusters name their set in a label"},
    {"one that no label names", ADMIN,
     "{apiVersion: cluster.open-cluster-management.io/v1beta2, kind: ManagedClusterSet, metadata: "
     "{name: " LONG_64 "}, spec: {clusterSelector: {selectorType: LabelSelector, labelSelector: "
     "{}}}}",
     ""},
    {"a role by a name of the hub's", ADMIN,
     "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: 'axle:mine'}}",
     "clusterroles.rbac.authorization.k8s.io \"axle:mine\" is forbidden: metadata.name: names that "
     "begin with \"axle:\" are reserved for the hub"},
    {"a binding by one", ADMIN,
     "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {namespace: h, name: "
     "'axle:mine'}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}",
     "names that begin with \"axle:\" are reserved for the hub"},
    {"a binding of all by one", ADMIN,
     "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: "
     "'axle:mine'}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}",
     "names that begin with \"axle:\" are reserved for the hub"},
    {"a role whose name only has it inside", ADMIN,
     "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: "
     "'my-axle:mine'}}",
     ""},
    {"a work without manifests that can be read", ADMIN,
     "{apiVersion: work.open-cluster-management.io/v1, kind: ManifestWork, metadata: {namespace: "
     "h, name: w}, spec: {workload: {manifests: [{kind: ConfigMap}]}}}",
     "?"},
    {"a binding of a set by another name", ADMIN,
     "{apiVersion: cluster.open-cluster-management.io/v1beta2, kind: ManagedClusterSetBinding, "
     "metadata: {namespace: h, name: one}, spec: {clusterSet: other}}",
     "?"},
    {"a token for what is no name", ADMIN,
     "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: t1}, spec: {names: [good, "
     "'Not good'], salt: x, hash: x, expiresAt: '2099-01-01T00:00:00Z'}}",
     "JoinToken.axle.dev \"t1\" is invalid: spec.names: Invalid value: \"Not good\": "},
    {"a token for a pool without a namespace", ADMIN,
     "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: t1}, spec: {pool: gpu, "
     "salt: x, hash: x, expiresAt: '2099-01-01T00:00:00Z'}}",
     "spec.pool: Invalid value: \"gpu\": write it as NAMESPACE/POOL"},
    {"for one without a name", ADMIN,
     "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: t1}, spec: {pool: h/, "
     "salt: x, hash: x, expiresAt: '2099-01-01T00:00:00Z'}}",
     "spec.pool: Invalid value: \"h/\": write it as NAMESPACE/POOL"},
    {"for one with nothing before it", ADMIN,
     "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: t1}, spec: {pool: /gpu, "
     "salt: x, hash: x, expiresAt: '2099-01-01T00:00:00Z'}}",
     "spec.pool: Invalid value: \"/gpu\": write it as NAMESPACE/POOL"},
    {"an administrator's token by who is none", PERSON,
     "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: t1}, spec: {purpose: "
     "Administrator, salt: x, hash: x, expiresAt: '2026-03-01T00:00:00Z'}}",
     "only administrators (group system:masters) may create a token that makes its bearer "
     "an administrator"},
    {"one that ends never", ADMIN,
     "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: t1}, spec: {purpose: "
     "Administrator, salt: x, hash: x, expiresAt: '2099-01-01T00:00:00Z'}}",
     "an administrator's token is valid for at most one year"},
    {"one that has ended", ADMIN,
     "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: t1}, spec: {purpose: "
     "Administrator, salt: x, hash: x, expiresAt: '2001-01-01T00:00:00Z'}}",
     "an administrator's token must expire in the future"},
};

static void check_rows(void)
{
    for (size_t i = 0; i < count_of(rows); i++) {
        const char *why = create(rows[i].who, rows[i].yaml);

        if (!*rows[i].refusal)
            CHECK_TEXT(why, "", "%s is taken", rows[i].name);
        else if (*rows[i].refusal == '?')
            CHECK(*why, "%s is refused: %s", rows[i].name, why);
        else
            CHECK(strstr(why, rows[i].refusal), "%s is refused: %s", rows[i].name, why);
    }
}

/* ---- Certificate requests --------------------------------------------------------- */

static const struct node *csr_now(const char *name)
{
    scoped_object struct object *object = objects_get(
        place.objects, OBJECTS_STAGED,
        kind_of(&place, "certificates.k8s.io", "certificatesigningrequests"), "", name, NULL);

    return object ? object_read(place.arena, object) : NULL;
}

static char *csr_yaml(const char *name, const char *common_name, const char *group,
                      const char *usages, const char *more)
{
    struct pki_subject subject = {common_name, &group, *group ? 1 : 0};
    scoped_pki_key struct pki_key *key = pki_key_new();
    scoped_text struct text pem = {0};
    scoped_text struct text coded = {0};
    struct err err = {0};

    must(pki_request_write(key, &subject, &pem, &err) == 0, &err);
    text_add_base64(&coded, pem.bytes, pem.len, false);
    return arena_printf(place.arena,
                        "{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, "
                        "metadata: {name: %s}, spec: {signerName: "
                        "kubernetes.io/kube-apiserver-client, usages: [%s], request: '%s'%s}}",
                        name, usages, text_string(&coded), more);
}

/* kubectl certificate approve, by an administrator. */
static void decide(const char *name, const char *type)
{
    char *text = arena_printf(place.arena,
                              "{\"status\":{\"conditions\":[{\"type\":\"%s\",\"status\":\"True\","
                              "\"reason\":\"Test\",\"message\":\"\"}]}}",
                              type);
    struct err err = {0};
    struct objects_result result = {.arena = place.arena};
    struct objects_write write = {
        .who = {.user = "system:admin", .manager = "test", .identity = administrator(&place)},
        .kind = kind_of(&place, "certificates.k8s.io", "certificatesigningrequests"),
        .namespace = "",
        .name = name,
        .subresource = "approval",
        .patch = OBJECTS_PATCH_MERGE,
        .body = document_read_json(place.arena, text, strlen(text), &document_limits_own, &err),
        .grace = -1};

    must(objects_patch(place.objects, &write, &result, &err) == 0, &err);
    object_drop(&result.object);
    settle(&place);
}

static const struct {
    const char *name, *common_name, *group, *usages;
    const char *failure; /* a part of it; "": it is signed */
} people[] = {
    {"a person's request", "eve", "team", "client auth", ""},
    {"one with all usages", "eve", "", "client auth, digital signature, key encipherment", ""},
    {"one in the name of the system", "system:eve", "", "client auth",
     "names that begin with system: are reserved"},
    {"one for a group of the system", "eve", "system:nodes", "client auth",
     "groups that begin with system: are reserved"},
    {"one for servers", "eve", "", "server auth, client auth", "usages did not match: this signer"},
    {"one not for clients", "eve", "", "digital signature", "client auth is missing"},
};

static void check_people(void)
{
    for (size_t i = 0; i < count_of(people); i++) {
        const char *name = arena_printf(place.arena, "r%zu", i);
        const char *why = create(
            PERSON, csr_yaml(name, people[i].common_name, people[i].group, people[i].usages, ""));
        const struct node *status, *failed;

        if (!CHECK_TEXT(why, "", "%s is taken", people[i].name))
            continue;
        CHECK(!node_get(node_get(csr_now(name), "status"), "certificate"),
              "%s waits for an administrator", people[i].name);
        decide(name, "Approved");
        status = node_get(csr_now(name), "status");
        failed = meta_condition(csr_now(name), "Failed");
        if (*people[i].failure) {
            CHECK(strstr(node_get_text(failed, "message"), people[i].failure), "%s fails: %s",
                  people[i].name, node_get_text(failed, "message"));
            CHECK_TEXT(node_get_text(failed, "reason"), "SignerValidationFailure", "%s: the reason",
                       people[i].name);
        }
        CHECK(!*node_get_text(status, "certificate") == (*people[i].failure != 0),
              "%s: whether it is signed", people[i].name);
    }
    CHECK(strstr(create(PERSON, csr_yaml("boss", "eve", "system:masters", "client auth", "")),
                 "signer with system:masters group is not allowed"),
          "an administrator's certificate cannot be asked for");
}

static int64_t lifetime_of_signed(const char *name)
{
    const char *coded = node_get_text(node_get(csr_now(name), "status"), "certificate");
    scoped_text struct text pem = {0};
    struct pki_cert *cert;
    int64_t life;

    text_add_unbase64(&pem, coded, strlen(coded), false);
    cert = pki_cert_read(text_string(&pem), pem.len, NULL);
    life = cert ? cert->not_after - clock_wall() : -1;
    pki_cert_free(&cert);
    return life / CLOCK_SECOND;
}

/* The authority of this place itself ends after thirty days. */
static void check_lifetimes(void)
{
    create(PERSON, csr_yaml("short", "eve", "", "client auth", ", expirationSeconds: 3600"));
    decide("short", "Approved");
    CHECK(lifetime_of_signed("short") > 3590 && lifetime_of_signed("short") <= 3600,
          "a certificate lives as long as it was asked for");
    CHECK(lifetime_of_signed("r0") > 29 * 86400, "or as long as may be");
}

static void check_clearing(void)
{
    create(PERSON, csr_yaml("denied", "eve", "", "client auth", ""));
    decide("denied", "Denied");
    create(PERSON, csr_yaml("open", "eve", "", "client auth", ""));
    CHECK(!*node_get_text(node_get(csr_now("denied"), "status"), "certificate"),
          "what is denied is not signed");
    loop_world_run(place.world, 3590 * CLOCK_SECOND);
    CHECK(csr_now("denied") && csr_now("short") && csr_now("r2") && csr_now("open"),
          "for an hour what is decided can be read");
    loop_world_run(place.world, 20 * CLOCK_SECOND);
    CHECK(!csr_now("denied") && !csr_now("short") && !csr_now("r2"), "then it goes");
    loop_world_run(place.world, (24 * 3600 - 3620) * CLOCK_SECOND);
    CHECK(csr_now("open"), "what waits is kept for a day");
    loop_world_run(place.world, 30 * CLOCK_SECOND);
    CHECK(!csr_now("open"), "and no longer");
}

/* ---- Spokes' requests ---------------------------------------------------------------- */

static const char *spoke_asks(const char *name, const char *common_name, const char *labels)
{
    struct err err = {0};
    char *yaml = csr_yaml(name, common_name, "", "client auth", "");
    char *labelled = arena_printf(place.arena, "%.*s, labels: {%s}%s",
                                  (int)(strchr(yaml, '}') - yaml), yaml, labels, strchr(yaml, '}'));

    return create_as(&place, spoke_of(&place, "edge"), labelled, &err) < 0
               ? arena_string(place.arena, err.text)
               : "";
}

static void check_spokes(void)
{
    struct err err = {0};
    char *huge = arena_alloc(place.arena, 16386);

    CHECK_TEXT(spoke_asks("s1", "system:open-cluster-management:edge:agent", ""), "",
               "a spoke asks in its own name");
    CHECK_TEXT(spoke_asks("s2", "system:open-cluster-management:cluster:edge:addon:x", ""), "",
               "or of its addons");
    CHECK(
        strstr(spoke_asks("s3", "system:open-cluster-management:rack:agent", ""),
               "the request is for the name \"system:open-cluster-management:rack:agent\", but the "
               "spoke \"edge\" may request system:open-cluster-management:edge:AGENT only"),
        "not in another's");
    CHECK(*spoke_asks("s3", "system:open-cluster-management:edges:agent", ""),
          "nor in one that begins as its own does");
    CHECK_TEXT(spoke_asks("s4", "system:open-cluster-management:edge:agent",
                          "open-cluster-management.io/cluster-name: edge"),
               "", "under its own label");
    CHECK(strstr(spoke_asks("s5", "system:open-cluster-management:edge:agent",
                            "open-cluster-management.io/cluster-name: rack"),
                 "the label open-cluster-management.io/cluster-name must be \"edge\""),
          "and not under another's");
    CHECK_TEXT(node_get_text(node_get(csr_now("s1"), "spec"), "username"),
               "system:open-cluster-management:edge:agent", "who asked is written down");
    memset(huge, 'A', 16385);
    huge[16385] = '\0';
    CHECK(create_as(&place, administrator(&place),
                    arena_printf(place.arena,
                                 "{apiVersion: certificates.k8s.io/v1, kind: "
                                 "CertificateSigningRequest, metadata: {name: big}, spec: "
                                 "{signerName: x.example/y, usages: [client auth], request: %s}}",
                                 huge),
                    &err) < 0 &&
              strstr(err.text, "spec.request: Too long: may not be more than 16384 bytes"),
          "a request has its limit: %s", err.text);
}

/* ---- Large components ------------------------------------------------------------------- */

#define MEBIBYTE ((size_t)1 << 20)

static const char *profile_of(const char *name, const char *type, const char *properties,
                              size_t bytes)
{
    char *large = arena_alloc(place.arena, bytes + 1);
    struct err err = {0};
    char *text;

    memset(large, 'x', bytes);
    text = arena_printf(place.arena,
                        "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"WorkloadProfile\","
                        "\"metadata\":{\"namespace\":\"h\",\"name\":\"%s\"},\"spec\":{"
                        "\"components\":[{\"name\":\"c\",\"type\":\"%s\",\"properties\":{%s%s"
                        "\"}}]}}",
                        name, type, properties, large);
    if (strstr(properties, "files"))
        text = arena_printf(place.arena,
                            "{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"WorkloadProfile\","
                            "\"metadata\":{\"namespace\":\"h\",\"name\":\"%s\"},\"spec\":{"
                            "\"components\":[{\"name\":\"c\",\"type\":\"%s\",\"properties\":{"
                            "%s%s\"}}}]}}",
                            name, type, properties, large);
    return create_as(&place, administrator(&place), text, &err) < 0
               ? arena_string(place.arena, err.text)
               : "";
}

static void check_sizes(void)
{
    apply(&place,
          "{apiVersion: axle.dev/v1alpha1, kind: ComponentDefinition, metadata: {namespace: "
          "h, name: mine}, spec: {template: x}}");
    CHECK_TEXT(profile_of("p1", "webservice", "\"image\":\"", MEBIBYTE), "",
               "a component may have as much text as a file of an artifact");
    CHECK(strstr(profile_of("p2", "webservice", "\"image\":\"", MEBIBYTE + 1),
                 "WorkloadProfile.axle.dev \"p2\" is invalid: spec.components[0].properties: Too "
                 "long: has 1048577 bytes of text, and what a component delivers in one object may "
                 "have 1048576"),
          "and no more");
    CHECK(
        strstr(profile_of("p3", "webservice", "\"image\":\"i\",\"files\":{\"a\":\"", MEBIBYTE + 1),
               "spec.components[0].properties.files: Too long"),
        "of its files it is said so");
    CHECK_TEXT(profile_of("p4", "webservice", "\"image\":\"{{ x }}", MEBIBYTE + 1), "",
               "how long a template makes a text is not known");
    CHECK(
        *profile_of("p5", "webservice", "\"image\":\"i\",\"files\":{\"a\":\"{{ x }}", MEBIBYTE + 1),
        "but files are taken as they are");
    CHECK_TEXT(profile_of("p6", "mine", "\"image\":\"", MEBIBYTE + 1), "",
               "nor what another definition makes of it");
}

int main(void)
{
    place_open(&place, NULL);
    apply(&place, "{apiVersion: v1, kind: Namespace, metadata: {name: h}}\n---\n"
                  "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: "
                  "{name: adam}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, "
                  "name: cluster-admin}, subjects: [{kind: User, name: adam, apiGroup: "
                  "rbac.authorization.k8s.io}]}");
    apply(&place, "{apiVersion: cluster.open-cluster-management.io/v1, kind: ManagedCluster, "
                  "metadata: {name: edge}, spec: {hubAcceptsClient: true}}");
    check_rows();
    check_people();
    check_lifetimes();
    check_clearing();
    check_spokes();
    check_sizes();
    place_close(&place);
    return check_done();
}
