/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what a hub makes at its start, puts back at the next, and knows of its objects. */
#include "site_fixture.h"

#include "base/file.h"
#include "registry/registry.h"

#include <sys/stat.h>

/* ---- Namespaces, roles and definitions ---------------------------------------------- */

static const char *as_text(struct site *site, const struct node *node)
{
    scoped_text struct text out = {0};

    document_write_canonical(&out, node);
    return arena_string(site->arena, text_string(&out));
}

/* What of a role is the hub's: all but the times and versions. */
static const char *role_text(struct site *site, const char *plural, const char *name)
{
    struct node *role = site_get(site, plural, "", name);
    struct node *kept = node_map(site->arena);

    if (!role)
        return "none";
    node_set(site->arena, kept, "labels", node_at(role, "metadata", "labels", NULL));
    node_set(site->arena, kept, "annotations", node_at(role, "metadata", "annotations", NULL));
    node_set(site->arena, kept, "rules", node_get(role, "rules"));
    node_set(site->arena, kept, "subjects", node_get(role, "subjects"));
    node_set(site->arena, kept, "aggregationRule", node_get(role, "aggregationRule"));
    return as_text(site, kept);
}

static int64_t revision_of(struct site *site, const char *plural, const char *name)
{
    struct node *object = site_get(site, plural, "", name);

    return strtoll(node_get_text(node_get(object, "metadata"), "resourceVersion"), NULL, 10);
}

static void again(struct site *site)
{
    site_stop(site);
    site_start(site);
}

/* A merge patch of an administrator. */
static void patch(struct site *site, const char *plural, const char *namespace, const char *name,
                  const char *json)
{
    struct err err = {0};
    struct objects_result result = {.arena = site->arena};
    struct objects_write write = {
        .who = {.user = "test", .manager = "test", .trusted = true},
        .kind = site_kind(site, plural),
        .namespace = namespace,
        .name = name,
        .patch = OBJECTS_PATCH_MERGE,
        .body = document_read_json(site->arena, json, strlen(json), &document_limits_own, &err),
        .grace = -1};

    site_must(objects_patch(site->hub->objects, &write, &result, &err), &err);
    object_drop(&result.object);
    site_settle(site);
}

static const struct {
    const char *name, *plural, *object, *json;
    bool restored;
} role_rows[] = {
    {"a rule that is gone", "clusterroles", "view", "{\"rules\":[]}", true},
    {"all rules", "clusterroles", "cluster-admin", "{\"rules\":null}", true},
    {"a subject that is gone", "clusterrolebindings", "cluster-admin", "{\"subjects\":[]}", true},
    {"the label", "clusterroles", "cluster-admin",
     "{\"metadata\":{\"labels\":{\"kubernetes.io/bootstrapping\":\"x\"}}}", true},
    {"the labels by which it is gathered", "clusterroles", "system:aggregate-to-view",
     "{\"metadata\":{\"labels\":null}}", true},
    {"the annotation", "clusterroles", "cluster-admin", "{\"metadata\":{\"annotations\":null}}",
     true},
    {"the rule by which it gathers", "clusterroles", "view", "{\"aggregationRule\":null}", true},
    {"what an administrator wants so", "clusterroles", "cluster-admin",
     "{\"rules\":[],\"metadata\":{\"annotations\":{\"rbac.authorization.kubernetes.io/"
     "autoupdate\":\"false\"}}}",
     false},
};

static void check_roles(struct site *site)
{
    int64_t before;

    for (size_t i = 0; i < count_of(role_rows); i++) {
        const char *as_made = role_text(site, role_rows[i].plural, role_rows[i].object);
        const char *changed;

        patch(site, role_rows[i].plural, "", role_rows[i].object, role_rows[i].json);
        changed = role_text(site, role_rows[i].plural, role_rows[i].object);
        again(site);
        CHECK_TEXT(role_text(site, role_rows[i].plural, role_rows[i].object),
                   role_rows[i].restored ? as_made : changed, "%s %s", role_rows[i].name,
                   role_rows[i].restored ? "is put back" : "stays");
    }
    patch(site, "clusterroles", "", "view",
          "{\"metadata\":{\"labels\":{\"mine\":\"too\"},\"annotations\":{\"mine\":\"too\"}}}");
    before = revision_of(site, "clusterroles", "view");
    again(site);
    CHECK_INT(revision_of(site, "clusterroles", "view"), before,
              "what lacks nothing is not written, whatever it has beside");
    CHECK_TEXT(
        node_text(node_at(site_get(site, "clusterroles", "", "edit"), "metadata", "annotations",
                          "rbac.authorization.kubernetes.io/autoupdate", NULL)),
        "true", "each role says that it is kept up to date");
}

static void check_namespaces(struct site *site)
{
    CHECK(site_get(site, "namespaces", "", "default"), "there is a namespace to begin with");
    CHECK(site_get(site, "namespaces", "", "axle-system"), "and one of the hub");
}

static void check_definitions(struct site *site)
{
    struct node *shown = site_get(site, "clustercomponentdefinitions", "", "webservice");
    const char *before = as_text(site, node_get(shown, "spec"));
    int64_t revision = revision_of(site, "clustercomponentdefinitions", "webservice");

    CHECK(shown && node_count(node_get(shown, "spec")), "built-in components are shown in full");
    CHECK(site_get(site, "clustertraitdefinitions", "", "scaler"), "so are traits");
    patch(site, "clustercomponentdefinitions", "", "webservice", "{\"spec\":{\"template\":\"y\"}}");
    site_apply(
        site, "{apiVersion: axle.dev/v1alpha1, kind: ClusterTraitDefinition, metadata: "
              "{name: of-before}, spec: {template: x}}\n---\n{apiVersion: axle.dev/v1alpha1, kind: "
              "ClusterComponentDefinition, metadata: {name: of-before}, spec: {template: x}}");
    again(site);
    CHECK_TEXT(
        as_text(site,
                node_get(site_get(site, "clustercomponentdefinitions", "", "webservice"), "spec")),
        before, "one that was changed is put back");
    CHECK(revision_of(site, "clustercomponentdefinitions", "webservice") > revision, "by a write");
    CHECK(!site_get(site, "clustertraitdefinitions", "", "of-before"),
          "a trait of an older program goes");
    CHECK(!site_get(site, "clustercomponentdefinitions", "", "of-before"), "and a component");
    CHECK(site_get(site, "clustertraitdefinitions", "", "scaler"), "and no other");
    revision = revision_of(site, "clustertraitdefinitions", "scaler");
    again(site);
    CHECK_INT(revision_of(site, "clustertraitdefinitions", "scaler"), revision,
              "what is as it should be is not written");
}

/* ---- Tokens to join with ------------------------------------------------------------- */

/* "axle1.PIN.ID.SECRET" */
static struct node *token_object(struct site *site, const char *token)
{
    const char *id = strchr(strchr(token, '.') + 1, '.') + 1;

    return site_get(site, "jointokens", "", arena_bytes(site->arena, id, strcspn(id, ".")));
}

static void check_tokens(struct site *site)
{
    struct err err = {0};
    scoped_mem char *named = hub_make_token(site->hub, "edge", 3600 * CLOCK_SECOND, &err);
    scoped_mem char *any = hub_make_token(site->hub, NULL, 60 * CLOCK_SECOND, &err);
    scoped_text struct text pin = {0};
    const struct node *spec;
    const char *secret;
    int64_t ends = 0;

    site_settle(site);
    text_add_hex(&pin, pki_authority_pin(site->hub->authority), PKI_SHA256);
    CHECK(text_starts(named, "axle1.") && text_starts(named + 6, text_string(&pin)),
          "a token names the hub's key");
    spec = node_get(token_object(site, named), "spec");
    CHECK_INT(node_get_int(spec, "uses", 0), 1, "it is good for one spoke");
    CHECK_TEXT(as_text(site, node_get(spec, "names")), "[\"edge\"]", "of this name");
    CHECK(clock_parse(node_get_text(spec, "expiresAt"), &ends) &&
              ends - clock_wall() <= 3600 * CLOCK_SECOND &&
              ends - clock_wall() > 3598 * CLOCK_SECOND,
          "for an hour");
    secret = strrchr(named, '.') + 1;
    CHECK_INT(strlen(secret), 32, "its secret has 128 bits");
    CHECK_INT(strlen(node_get_text(spec, "salt")), 32, "the salt too");
    CHECK_INT(strcspn(secret - 11, "."), 10, "and its name 40");
    CHECK_TEXT(node_get_text(spec, "hash"),
               pki_join_token_hash(site->arena, node_get_text(spec, "salt"), secret),
               "the hub keeps what it is checked by, not the secret");
    CHECK(!strstr(as_text(site, token_object(site, named)), secret), "nor anything with it");
    spec = node_get(token_object(site, any), "spec");
    CHECK(!node_get(spec, "names"), "one for any name names none");
    CHECK(strcmp(strrchr(any, '.'), strrchr(named, '.')) != 0, "and has another secret");
}

/* ---- Its own address and names ---------------------------------------------------------- */

static void check_addresses(struct site *site)
{
    static const char *const everywhere[] = {"0.0.0.0:6443", NULL};
    static const char *const all_of_six[] = {"[::]:7443", NULL};
    static const char *const two[] = {"hub:7443", "10.1.2.3:6443", NULL};
    static const char *const more[] = {"Axle.Example", "", "localhost", NULL};

    CHECK_TEXT(hub_url(site->hub), "https://hub:6443", "a hub is reached where it listens");
    CHECK_TEXT(hub_kubeconfig(site->hub),
               arena_printf(site->arena, "%s/admin.kubeconfig", site->directory),
               "its kubeconfig stands beside its state");
    CHECK(server_has_name(site->hub, "hub") && server_has_name(site->hub, "localhost") &&
              server_has_name(site->hub, "127.0.0.1") && server_has_name(site->hub, "::1"),
          "it has the names of this machine");
    CHECK(!server_has_name(site->hub, "axle.example") && !server_has_name(site->hub, "") &&
              !server_has_name(site->hub, "0.0.0.0"),
          "and no others");
    site_stop(site);
    site->listen = everywhere;
    site_start(site);
    CHECK(text_starts(hub_url(site->hub), "https://") && !strstr(hub_url(site->hub), "0.0.0.0") &&
              text_ends(hub_url(site->hub), ":6443"),
          "everywhere is no address: %s", hub_url(site->hub));
    CHECK(!server_has_name(site->hub, "0.0.0.0"), "nor a name");
    site_stop(site);
    site->listen = all_of_six;
    site_start(site);
    CHECK(!strstr(hub_url(site->hub), "[::]") && text_ends(hub_url(site->hub), ":7443"),
          "of IPv6 neither: %s", hub_url(site->hub));
    CHECK(!server_has_name(site->hub, "::"), "nor a name of it");
    site_stop(site);
    site->listen = two;
    site->names = more;
    site_start(site);
    CHECK_TEXT(hub_url(site->hub), "https://hub:7443", "of several the first is named");
    CHECK(server_has_name(site->hub, "10.1.2.3") && server_has_name(site->hub, "axle.example"),
          "each of them is a name, and what it was given");
    site_stop(site);
    site->listen = site->names = NULL;
    site_start(site);
}

/* Two thirds of three hours, after which certificates are renewed. */
#define RENEWAL (2 * 3600 * CLOCK_SECOND)

/* The certificate is the authority's, names what the hub is called, and is followed by
   the authority's own. */
static void check_certificate(struct site *site)
{
    scoped_mem char *first = NULL;
    scoped_mem char *kubeconfig = NULL;
    scoped_mem char *renewed = NULL;
    struct client nobody;

    site_set(site, "server-certificate-age", "3h");
    again(site);
    first = mem_copy_string(site->hub->server_cert);
    kubeconfig = file_read(site->hub->kubeconfig, 65536, NULL, NULL);

    CHECK(text_ends(first, pki_authority_cert(site->hub->authority)),
          "the authority's certificate follows");
    loop_world_run(site->world, RENEWAL - 60 * CLOCK_SECOND);
    CHECK(!strcmp(site->hub->server_cert, first), "until two thirds of its time it stays");
    loop_world_run(site->world, 60 * CLOCK_SECOND);
    CHECK(strcmp(site->hub->server_cert, first) != 0, "then there is another");
    renewed = file_read(site->hub->kubeconfig, 65536, NULL, NULL);
    CHECK(kubeconfig && renewed && strcmp(kubeconfig, renewed) != 0,
          "and another administrator's certificate");
    client_open(&nobody, site, NULL, "");
    CHECK_INT(client_ask(&nobody, "GET", "/livez", "").status, 200,
              "which those who come then are shown");
    client_close(&nobody);
    mem_free(&first);
    first = mem_copy_string(site->hub->server_cert);
    loop_world_run(site->world, RENEWAL);
    CHECK(strcmp(site->hub->server_cert, first) != 0, "and so on");
}

/* A folder in the place of the file: nothing can be written there. */
static void check_renewal_failure(struct site *site)
{
    scoped_mem char *first = NULL;
    struct err err = {0};

    again(site);
    first = mem_copy_string(site->hub->server_cert);
    remove(site->hub->kubeconfig);
    site_must(file_make_folder(site->hub->kubeconfig, &err), &err);
    loop_world_run(site->world, RENEWAL);
    CHECK(strcmp(site->hub->server_cert, first) != 0, "a renewal that fails in part");
    remove(site->hub->kubeconfig);
    loop_world_run(site->world, 61 * CLOCK_SECOND);
    CHECK(file_exists(site->hub->kubeconfig), "is tried again a minute later");
}

/* ---- The kubeconfig ------------------------------------------------------------------------ */

static struct node *read_kubeconfig(struct site *site)
{
    size_t len = 0;
    struct err err = {0};
    scoped_mem char *text = file_read(site->hub->kubeconfig, 65536, &len, &err);
    struct node *node = text ? document_read_yaml(site->arena, text, len, DOCUMENT_KEYS_ONCE,
                                                  &document_limits_own, &err)
                             : NULL;

    site_must(!node, &err);
    return node;
}

static const char *context_of(struct site *site)
{
    return as_text(site, node_get(read_kubeconfig(site), "contexts"));
}

/* Nobody else on the machine reads what it proves itself with. */
static void check_modes(struct site *site)
{
    static const char *const files[] = {
        "admin.kubeconfig",         "pki/ca.crt",      "pki/ca.key", "pki/sealing.key",
        "pki/service-accounts.key", "pki/tickets.keys"};

    for (size_t i = 0; i < count_of(files); i++) {
        struct stat about = {0};

        CHECK(stat(arena_printf(site->arena, "%s/%s", site->directory, files[i]), &about) == 0,
              "%s is there", files[i]);
        CHECK_INT(about.st_mode & 0777, 0600, "%s is its owner's alone", files[i]);
    }
}

static void check_kubeconfig(struct site *site)
{
    static const struct {
        const char *name, *contexts, *after;
    } cases[] = {
        {"its namespace stays",
         "[{name: axle, context: {cluster: axle, user: admin, namespace: h}}]",
         ",\"namespace\":\"h\""},
        {"one of another context does not", "[{name: other, context: {namespace: h}}]", ""},
        {"nor what is no namespace", "[{name: axle, context: {namespace: 'h/x'}}]", ""},
        {"what cannot be read is written anew", "[{", ""},
    };
    const struct node *config = read_kubeconfig(site);
    const struct node *cluster = node_get(node_item(node_get(config, "clusters"), 0), "cluster");
    struct err err = {0};

    CHECK_TEXT(node_get_text(cluster, "server"), "https://hub:6443",
               "the kubeconfig names the hub");
    CHECK_TEXT(node_get_text(config, "current-context"), "axle", "and its context");
    CHECK_TEXT(context_of(site),
               "[{\"context\":{\"cluster\":\"axle\",\"user\":\"admin\"},\"name\":"
               "\"axle\"}]",
               "which has both");
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_mem char *text = mem_printf("contexts: %s\n", cases[i].contexts);

        site_must(file_write(site->hub->kubeconfig, text, strlen(text), 0600, &err), &err);
        again(site);
        CHECK_TEXT(context_of(site),
                   arena_printf(site->arena,
                                "[{\"context\":{\"cluster\":\"axle\"%s,\"user\":\"admin\"},"
                                "\"name\":\"axle\"}]",
                                cases[i].after),
                   "%s", cases[i].name);
    }
}

/* ---- What only objects can tell ---------------------------------------------------------------
 */

#define WORK(name, manifests)                                                                      \
    "{apiVersion: work.open-cluster-management.io/v1, kind: ManifestWork, metadata: {name: " name  \
    ", namespace: edge}, spec: {workload: {manifests: [" manifests "]}}}"
#define WORKLOAD(spec)                                                                             \
    "{apiVersion: axle.dev/v1alpha1, kind: Workload, metadata: {name: w, namespace: h}, spec: "    \
    "{targetNamespace: h, " spec "}}"

static void check_secrets(struct site *site)
{
    struct auth_facts facts = hub_facts(site->hub);
    static const struct {
        const char *name, *cluster, *namespace, *secret;
        bool named;
    } cases[] = {
        {"a Secret that its work names", "edge", "h", "key", true},
        {"the second that it names", "edge", "h", "other", true},
        {"one of a namespace that the work names", "edge", "shared", "far", true},
        {"the same name in another namespace", "edge", "shared", "key", false},
        {"that name in the work's own", "edge", "h", "far", false},
        {"a part of a name", "edge", "h", "ke", false},
        {"one that no work names", "edge", "h", "none", false},
        {"one that another spoke's work names", "rack", "h", "key", false},
        {"no name", "edge", "h", "", false},
        {"one that another kind names", "edge", "h", "sly", false},
        {"one that another group's Workload names", "edge", "h", "foreign", false},
    };

    site_apply(site, "{apiVersion: cluster.open-cluster-management.io/v1, kind: ManagedCluster, "
                     "metadata: {name: edge}, spec: {hubAcceptsClient: true}}");
    site_apply(site, WORK("w1", WORKLOAD("secretRefs: [{name: key}, {name: other}, {name: far, "
                                         "namespace: shared}]")));
    site_apply(site, WORK("w2", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: "
                                "h}, spec: {targetNamespace: h, secretRefs: [{name: sly}]}}, "
                                "{apiVersion: example.org/v1, kind: Workload, metadata: {name: x, "
                                "namespace: h}, spec: {targetNamespace: h, secretRefs: [{name: "
                                "foreign}]}}"));
    for (size_t i = 0; i < count_of(cases); i++)
        CHECK_INT(
            facts.secret_is_named(facts.arg, cases[i].cluster, cases[i].namespace, cases[i].secret),
            cases[i].named, "%s", cases[i].name);
}

static void check_artifacts(struct site *site)
{
    struct auth_facts facts = hub_facts(site->hub);
    static const char layer[] = "layer", config[] = "{}";
    unsigned char digest[PKI_SHA256];
    char of_layer[PKI_DIGEST_TEXT], of_config[PKI_DIGEST_TEXT], of_manifest[PKI_DIGEST_TEXT];
    struct registry_blob blobs[2], manifest;
    const char *text;

    pki_sha256(layer, strlen(layer), digest);
    pki_digest_text(digest, of_layer);
    pki_sha256(config, strlen(config), digest);
    pki_digest_text(digest, of_config);
    text = arena_printf(site->arena,
                        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1"
                        "+json\",\"config\":{\"mediaType\":\"a/b\",\"digest\":\"%s\",\"size\":2},"
                        "\"layers\":[{\"mediaType\":\"a/b\",\"digest\":\"%s\",\"size\":5}]}",
                        of_config, of_layer);
    pki_sha256(text, strlen(text), digest);
    pki_digest_text(digest, of_manifest);
    blobs[0] = (struct registry_blob){of_config, "a/b", config, 2};
    blobs[1] = (struct registry_blob){of_layer, "a/b", layer, 5};
    manifest = (struct registry_blob){of_manifest, "application/vnd.oci.image.manifest.v1+json",
                                      text, strlen(text)};
    registry_keep(site->hub->store, "research/chat", "v1", &manifest, blobs, 2);
    site_settle(site);
    site_apply(site,
               arena_printf(site->arena,
                            WORK("w3", WORKLOAD("artifact: {reference: 'hub:6443/research/chat', "
                                                "digest: '%s'}")),
                            of_manifest));
    CHECK(facts.artifact_is_named(facts.arg, "edge", "research/chat", of_manifest),
          "a spoke's artifact is named by its work");
    CHECK(facts.artifact_is_named(facts.arg, "edge", "research/chat", of_layer),
          "and so is each part of it");
    CHECK(!facts.artifact_is_named(facts.arg, "edge", "research/chat", "sha256:00"),
          "another digest is not");
    CHECK(!facts.artifact_is_named(facts.arg, "edge", "search/chat", of_manifest),
          "nor a repository whose name is the end of one");
    CHECK(facts.artifact_is_named(facts.arg, "edge", "chat", of_manifest),
          "but whole names at the end are");
    CHECK(!facts.artifact_is_named(facts.arg, "edge", "", of_manifest), "no name is none");
    CHECK(!facts.artifact_is_named(facts.arg, "rack", "research/chat", of_manifest),
          "and another spoke has no such work");
    site_apply(site, arena_printf(site->arena,
                                  WORK("w3", WORKLOAD("artifact: {reference: 'other/name', "
                                                      "digest: '%s'}")),
                                  of_manifest));
    CHECK(facts.artifact_is_named(facts.arg, "edge", "other/name", of_manifest),
          "a reference without a host is whole");
    CHECK(!facts.artifact_is_named(facts.arg, "edge", "research/chat", of_manifest),
          "what the work names no more is not named");
}

static void check_joining(struct site *site)
{
    struct auth_facts facts = hub_facts(site->hub);

    site_apply(site, "{apiVersion: cluster.open-cluster-management.io/v1, kind: ManagedCluster, "
                     "metadata: {name: rack, annotations: {" META_ANNOTATION_JOIN_TOKEN
                     ": tok1}}, spec: {}}");
    site_apply(site, "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: tok2}, "
                     "spec: {names: [lab, rack], salt: x, hash: "
                     "'0000000000000000000000000000000000000000000000000000000000000000', "
                     "expiresAt: '2030-01-01T00:00:00Z'}}");
    CHECK(facts.cluster_is_joining(facts.arg, "tok3", "free"), "a name that nobody has is free");
    CHECK(facts.cluster_is_joining(facts.arg, "tok1", "rack"), "who joined with the token joins");
    CHECK(facts.cluster_is_joining(facts.arg, "tok2", "rack"), "and whom the token names");
    CHECK(!facts.cluster_is_joining(facts.arg, "tok3", "rack"), "nobody else takes the name");
    CHECK(!facts.cluster_is_joining(facts.arg, "tok2", "edge"), "not with a token for others");
    CHECK(!facts.request_is_own(facts.arg, "eve", "never"),
          "a request that is not there is nobody's");
}

static void check_requests(struct site *site)
{
    struct auth_facts facts = hub_facts(site->hub);
    struct pki_subject subject = {META_USER_AGENT "lab:one", NULL, 0};
    scoped_pki_key struct pki_key *key = pki_key_new();
    scoped_text struct text pem = {0};
    scoped_text struct text body = {0};
    struct err err = {0};
    struct objects_result result = {.arena = site->arena};
    struct objects_write write = {.who = {.user = "eve", .manager = "test", .trusted = true},
                                  .kind = site_kind(site, "certificatesigningrequests"),
                                  .namespace = "",
                                  .name = "r1",
                                  .grace = -1};

    site_must(pki_request_write(key, &subject, &pem, &err), &err);
    text_add(&body, "{\"apiVersion\":\"certificates.k8s.io/v1\",\"kind\":"
                    "\"CertificateSigningRequest\",\"metadata\":{\"name\":\"r1\"},\"spec\":{"
                    "\"signerName\":\"example.org/x\",\"usages\":[\"client auth\"],\"request\":\"");
    text_add_base64(&body, pem.bytes, pem.len, false);
    text_add(&body, "\"}}");
    write.body = document_read_json(site->arena, body.bytes, body.len, &document_limits_own, &err);
    site_must(objects_create(site->hub->objects, &write, &result, &err), &err);
    object_drop(&result.object);
    site_settle(site);
    CHECK(
        facts.request_is_own(
            facts.arg,
            node_get_text(node_get(site_get(site, "certificatesigningrequests", "", "r1"), "spec"),
                          "username"),
            "r1"),
        "a request is its maker's");
    CHECK(!facts.request_is_own(facts.arg, "adam", "r1"), "and nobody else's");
}

/* ---- How many connections
 * ------------------------------------------------------------------------ */

/* How many of so many clients of their own are let in at once. */
static size_t count_connected(struct site *site, size_t wanted)
{
    struct client *clients = arena_alloc(site->arena, wanted * sizeof *clients);
    struct reply *replies = arena_alloc(site->arena, wanted * sizeof *replies);
    struct http_call **calls = arena_alloc(site->arena, wanted * sizeof *calls);
    size_t open = 0;

    for (size_t i = 0; i < wanted; i++) {
        client_open(&clients[i], site, NULL, "");
        calls[i] = client_begin(&clients[i], &replies[i], "GET", "/livez", "");
        site_settle(site);
    }
    for (size_t i = 0; i < wanted; i++) {
        open += replies[i].done && replies[i].status == 200;
        if (!replies[i].done)
            http_call_cancel(&calls[i]);
    }
    for (size_t i = 0; i < wanted; i++)
        client_close(&clients[i]);
    return open;
}

static void check_connections(struct site *site)
{
    site_stop(site);
    site->files = 40;
    site_start(site);
    CHECK_INT(count_connected(site, 24), 20, "with few files half of them are for connections");
    site_stop(site);
    site->files = 140;
    site_start(site);
    CHECK_INT(count_connected(site, 80), 76, "with more, all but 64");
    site_stop(site);
    site_set(site, "connections", "16");
    site_start(site);
    CHECK_INT(count_connected(site, 20), 16, "and never more than the setting says");
    site_stop(site);
    site->files = 0;
    site_start(site);
    CHECK_INT(count_connected(site, 20), 16, "nor where files are no limit");
}

/* ---- What is lost ------------------------------------------------------------------------ */

static void remove_file(struct site *site, const char *file)
{
    remove(arena_printf(site->arena, "%s/pki/%s", site->directory, file));
}

static const char *start_failure(struct site *site)
{
    struct err err = {0};

    return site_try(site, &err) ? "" : arena_string(site->arena, err.text);
}

/* A folder in the place of the kubeconfig: no disk is full, so the hub says it and ends. */
static void check_blocked(struct site *site)
{
    struct err err = {0};
    const char *why;

    site_stop(site);
    remove(arena_printf(site->arena, "%s/admin.kubeconfig", site->directory));
    site_must(
        file_make_folder(arena_printf(site->arena, "%s/admin.kubeconfig", site->directory), &err),
        &err);
    why = start_failure(site);
    CHECK(strstr(why, "admin.kubeconfig"), "a kubeconfig that cannot be written is told: %s", why);
    remove(arena_printf(site->arena, "%s/admin.kubeconfig", site->directory));
    site_start(site);
    CHECK(file_exists(site->hub->kubeconfig), "and written when it can be");
}

static void check_loss(struct site *site)
{
    unsigned char pin[PKI_SHA256];
    const char *why;

    memcpy(pin, pki_authority_pin(site->hub->authority), sizeof pin);
    site_stop(site);
    remove_file(site, "ca.key");
    why = start_failure(site);
    CHECK(strstr(why, "pki/ca.key is missing: with a new authority every spoke"),
          "a hub does not start without its authority's key: %s", why);
    store_disk_remove(site->disk, arena_printf(site->arena, "%s/axle.db", site->directory));
    why = start_failure(site);
    CHECK(strstr(why, "axle.db is missing or empty"), "nor without its database: %s", why);
    remove_file(site, "ca.crt");
    why = start_failure(site);
    CHECK(strstr(why, "axle.db is missing or empty"), "whatever else is lost: %s", why);
    site_set(site, "accept-loss", "true");
    site_start(site);
    CHECK(memcmp(pin, pki_authority_pin(site->hub->authority), sizeof pin) != 0,
          "when that is accepted it has another authority");
    CHECK(site_get(site, "namespaces", "", "default"), "and begins anew");
    site_stop(site);
    site_set(site, "accept-loss", "false");
    site_start(site);
    CHECK(site->hub, "which it keeps");
}

/* ---- The end
 * ------------------------------------------------------------------------------------- */

static void on_drained(void *arg)
{
    *(bool *)arg = true;
}

static void check_drain(struct site *site)
{
    bool drained = false;
    struct client nobody;

    client_open(&nobody, site, NULL, "");
    CHECK_INT(client_ask(&nobody, "GET", "/livez", "").status, 200, "before its end it answers");
    hub_drain(site->hub, CLOCK_SECOND, on_drained, &drained);
    loop_world_run(site->world, 2 * CLOCK_SECOND);
    CHECK(drained, "it says when it has finished");
    CHECK_INT(client_ask(&nobody, "GET", "/livez", "").status, 0, "and takes nobody in any more");
    client_close(&nobody);
}

int main(void)
{
    struct site site;

    site_open(&site);
    site_start(&site);
    check_namespaces(&site);
    check_roles(&site);
    check_definitions(&site);
    check_tokens(&site);
    check_secrets(&site);
    check_artifacts(&site);
    check_joining(&site);
    check_requests(&site);
    check_modes(&site);
    check_kubeconfig(&site);
    check_addresses(&site);
    check_connections(&site);
    check_certificate(&site);
    check_renewal_failure(&site);
    check_blocked(&site);
    check_loss(&site);
    check_drain(&site);
    site_close(&site);
    return check_done();
}
