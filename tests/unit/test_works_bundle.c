/* SPDX-License-Identifier: Apache-2.0 */
/* What a Workload needs of the hub: its artifact, layer by layer, and its Secrets. */
#include "works_fixture.h"

#include "archive/archive.h"
#include "pki/pki.h"

/* ---- An artifact ----------------------------------------------------------------- */

struct artifact {
    char digest[PKI_DIGEST_MOST], layer_digest[PKI_DIGEST_MOST];
    struct text manifest, layer; /* owned */
};

static void digest_of(const struct text *bytes, char ret[PKI_DIGEST_MOST])
{
    pki_digest_of("sha256:", text_string(bytes), bytes->len, ret);
}

static void make_manifest(struct artifact *to, const char *type, const char *digest)
{
    text_cut(&to->manifest, 0);
    text_addf(&to->manifest, "{\"layers\": [{\"mediaType\": \"%s\", \"digest\": \"%s\"}]}", type,
              digest);
    digest_of(&to->manifest, to->digest);
}

/* A bundle of one ConfigMap of that name, without a namespace, and a Namespace. */
static void make_artifact(struct artifact *to, const char *name)
{
    scoped_mem char *yaml = mem_printf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"
                                       "data: {site: '${spoke.site}'}\n---\n"
                                       "apiVersion: v1\nkind: Namespace\nmetadata: {name: lab}\n",
                                       name);
    struct archive_file file = {"all.yaml", yaml, strlen(yaml)};
    scoped_text struct text tar = {0};
    struct err err = {0};

    text_cut(&to->layer, 0);
    CHECK(archive_tar(&tar, &file, 1, &err) == 0, "the test's archive is made: %s", err.text);
    archive_gzip(&to->layer, tar.bytes, tar.len);
    digest_of(&to->layer, to->layer_digest);
    make_manifest(to, "application/vnd.oci.image.layer.v1.tar+gzip", to->layer_digest);
}

static void free_artifact(struct artifact *artifact)
{
    text_free(&artifact->manifest);
    text_free(&artifact->layer);
}
#define scoped_artifact SCOPED(free_artifact)

/* `more` goes into the Workload's spec. */
static void take_workload(const char *name, int generation, const char *digest, const char *more)
{
    scoped_mem char *spec = mem_printf(
        "workload: {manifests: [{apiVersion: axle.dev/v1alpha1, kind: Workload, metadata: {name: "
        "%s, namespace: edge-1}, spec: {targetNamespace: lab, artifact: {reference: "
        "'oci://hub:6443/lab/%s:v1@%s', digest: '%s'}%s}}]}",
        name, name, digest, digest, more);

    take_spec(name, generation, spec);
}

static bool give_manifest(const struct artifact *of)
{
    return respond_with(of->digest, 200, text_string(&of->manifest), of->manifest.len);
}

static bool give_layer(const struct artifact *of)
{
    return respond_with(of->layer_digest, 200, text_string(&of->layer), of->layer.len);
}

static bool has_object(const char *work, const char *words)
{
    scoped_arena struct arena *arena = arena_new();
    const char *json = document_json(arena, cluster_objects(works_cluster(works), arena, work));

    return strstr(json, words) != NULL;
}

/* ---- Cases ------------------------------------------------------------------------- */

static void check_fetch(void)
{
    scoped_artifact struct artifact of = {0};
    scoped_mem char *manifest = NULL, *layer = NULL;
    const char *status;

    make_artifact(&of, "chat");
    manifest = mem_printf("/v2/lab/chat/manifests/%s", of.digest);
    layer = mem_printf("/v2/lab/chat/blobs/%s", of.layer_digest);
    fact = "berlin";
    take_workload("chat", 1, of.digest, "");
    CHECK(find_sent(of.digest) && !strcmp(find_sent(of.digest)->target, manifest),
          "the artifact's manifest is asked for by its digest");
    CHECK(!find_sent(of.digest)->head && !find_sent(of.digest)->range, "as a whole");
    CHECK(give_manifest(&of), "the hub gives it");
    CHECK(find_sent(of.layer_digest) && !strcmp(find_sent(of.layer_digest)->target, layer),
          "then its first layer is");
    CHECK(!find_sent(of.layer_digest)->range, "from its beginning");
    CHECK(give_layer(&of), "the hub gives it");
    run(CLOCK_SECOND);
    CHECK(has_object("chat", "\"ConfigMap\"") && has_object("chat", "\"namespace\":\"lab\""),
          "its manifests are applied in the Workload's namespace");
    status = find_body("/workloads/chat/status");
    CHECK(strstr(status, "\"phase\":\"Running\"") && strstr(status, of.digest) &&
              strstr(status, "\"work\":{\"uid\":\"chat-uid\",\"generation\":1}") &&
              strstr(status, "\"valuesHash\":\"sha256:"),
          "its status says what runs, of which artifact, work and values (%s)", status);
    CHECK(!strstr(status, "resourceVersion"), "whoever has changed it meanwhile");
    respond_to_all();
    CHECK(works_use_facts(works), "it uses a fact");
    works_facts_changed(works);
    run(CLOCK_SECOND);
    CHECK_INT((int64_t)sent_count, 0, "that is the same changes nothing, and asks for nothing");
    fact = "paris";
    works_facts_changed(works);
    run(CLOCK_SECOND);
    CHECK(!find_sent(of.digest) && strstr(find_body("/workloads/chat/status"), "valuesHash"),
          "with another value the bundle that is here is applied again");
    respond_to_all();
    take_workload("chat", 2, of.digest, "");
    run(CLOCK_SECOND);
    CHECK(!find_sent(of.digest), "a bundle that is here is not fetched for a new version");
    CHECK(strstr(find_body("/workloads/chat/status"), "\"generation\":2"),
          "whose status is of that version");
    respond_to_all();
}

/* Each of these is the end of the attempt, told in the status; a later one succeeds. */
static void check_failed_fetch(const char *name, const struct artifact *of, const char *reason,
                               const char *words)
{
    scoped_mem char *quoted = mem_printf("\"reason\":\"%s\"", reason);

    CHECK(strstr(status_of(name), reason) && strstr(status_of(name), words),
          "%s: the status says %s: %s (%s)", name, reason, words, status_of(name));
    CHECK(strstr(find_body("/status"), "\"phase\":\"Degraded\"") &&
              strstr(find_body("/status"), quoted),
          "%s: so does the Workload's", name);
    CHECK(!is_in_cluster(name), "%s: nothing is applied", name);
    take_statuses();
    CHECK(!find_sent(of->digest), "%s: it is not tried again at once", name);
    run(10 * CLOCK_SECOND);
    CHECK(give_manifest(of) && give_layer(of), "%s: but a while later", name);
    run(CLOCK_SECOND);
    CHECK(is_in_cluster(name), "%s: and is applied then", name);
    respond_to_all();
}

static void check_failures(void)
{
    scoped_artifact struct artifact of = {0}, odd = {0};

    make_artifact(&of, "m1");
    take_workload("refused", 1, of.digest, "");
    respond(of.digest, 500);
    check_failed_fetch("refused", &of, "ArtifactFetchFailed", "from lab/refused: the hub says 500");

    make_artifact(&of, "m2");
    take_workload("wrong", 1, of.digest, "");
    respond_with(of.digest, 200, "{}", 2);
    check_failed_fetch("wrong", &of, "ArtifactFetchFailed", "has another digest");

    make_artifact(&of, "m3");
    take_workload("corrupt", 1, of.digest, "");
    give_manifest(&of);
    respond_with(of.layer_digest, 200, "x", 1);
    check_failed_fetch("corrupt", &of, "ArtifactFetchFailed", "has another digest");

    make_artifact(&of, "m4");
    take_workload("gone", 1, of.digest, "");
    respond(of.digest, 404);
    CHECK(find_sent("/manifestworks/gone") &&
              !strcmp(find_sent("/manifestworks/gone")->method, "GET"),
          "a work whose artifact the hub has collected is read again");
    respond("/manifestworks/gone", 404);
    check_failed_fetch("gone", &of, "ArtifactGone", "was deleted before this spoke pulled it");

    make_artifact(&odd, "m5");
    make_manifest(&odd, "application/zip", odd.layer_digest);
    take_workload("zip", 1, odd.digest, "");
    give_manifest(&odd);
    CHECK(strstr(status_of("zip"), "its first layer is \\\"application/zip\\\" sha256:"),
          "a layer that is no archive is refused (%s)", status_of("zip"));
    make_manifest(&odd, "application/vnd.oci.image.layer.v1.tar+gzip", "sha256:12");
    take_workload("short", 1, odd.digest, "");
    give_manifest(&odd);
    CHECK(strstr(status_of("short"), "its first layer is \\\"application/vnd.oci"),
          "so is one without a digest (%s)", status_of("short"));
    text_cut(&odd.manifest, 0);
    text_add(&odd.manifest, "no JSON");
    digest_of(&odd.manifest, odd.digest);
    take_workload("nojson", 1, odd.digest, "");
    give_manifest(&odd);
    CHECK(strstr(status_of("nojson"), "ArtifactFetchFailed"), "and a manifest that is no JSON");
    text_cut(&odd.layer, 0);
    text_add(&odd.layer, "no archive");
    digest_of(&odd.layer, odd.layer_digest);
    make_manifest(&odd, "application/vnd.oci.image.layer.v1.tar+gzip", odd.layer_digest);
    take_workload("notar", 1, odd.digest, "");
    give_manifest(&odd);
    give_layer(&odd);
    run(CLOCK_SECOND / 10);
    CHECK(strstr(status_of("notar"), odd.digest) && strstr(status_of("notar"), "of lab/notar: "),
          "and an archive that is none (%s)", status_of("notar"));
    respond_to_all();
}

/* The hub has a newer version of the work, which names another artifact. */
static void check_read_again(void)
{
    scoped_artifact struct artifact of = {0}, next = {0};
    scoped_mem char *object = NULL;

    make_artifact(&of, "old");
    make_artifact(&next, "new");
    object = mem_printf(
        "{\"metadata\": {\"name\": \"moved\", \"namespace\": \"edge-1\", \"uid\": \"moved-uid\", "
        "\"generation\": 2, \"resourceVersion\": \"102\", \"finalizers\": [\"" FINALIZER "\"]}, "
        "\"spec\": {\"workload\": {\"manifests\": [{\"apiVersion\": \"axle.dev/v1alpha1\", "
        "\"kind\": \"Workload\", \"metadata\": {\"name\": \"moved\"}, \"spec\": {\"artifact\": "
        "{\"reference\": \"lab/moved\", \"digest\": \"%s\"}}}]}}}",
        next.digest);
    take_workload("moved", 1, of.digest, "");
    respond(of.digest, 404);
    respond_with("/manifestworks/moved", 200, object, strlen(object));
    CHECK(find_sent(next.digest) != NULL, "its newer version is taken at once");
    CHECK(text_starts(find_sent(next.digest)->target, "/v2/lab/moved/manifests/"),
          "a reference may be without the hub's address (%s)", find_sent(next.digest)->target);
    CHECK(give_manifest(&next) && give_layer(&next), "the hub has that artifact");
    run(CLOCK_SECOND);
    CHECK(has_object("moved", "\"new\""), "which is applied");
    respond_to_all();
}

/* A layer that is cut goes on where it was. */
static void check_cut(void)
{
    scoped_artifact struct artifact of = {0};
    size_t half;

    make_artifact(&of, "cut");
    half = of.layer.len / 2;
    take_workload("cut", 1, of.digest, "");
    give_manifest(&of);
    find_sent(of.layer_digest)
        ->data(NULL, text_string(&of.layer), half, find_sent(of.layer_digest)->call_arg);
    respond(of.layer_digest, 0);
    CHECK(strstr(status_of("cut"),
                 "; 0 KiB of it have arrived, and the download continues from there"),
          "a status says how much has come (%s)", status_of("cut"));
    run(10 * CLOCK_SECOND);
    give_manifest(&of);
    {
        scoped_mem char *range = mem_printf("bytes=%zu-", half), *told = NULL;

        CHECK_TEXT(find_sent(of.layer_digest)->range, range, "the rest is asked for");
        told = mem_printf("bytes %zu-9/10", half);
        content_range = told;
        respond_with(of.layer_digest, 206, text_string(&of.layer) + half, of.layer.len - half);
    }
    run(CLOCK_SECOND);
    CHECK(is_in_cluster("cut"), "and the whole has its digest");
    respond_to_all();

    make_artifact(&of, "anew");
    take_workload("anew", 1, of.digest, "");
    give_manifest(&of);
    find_sent(of.layer_digest)->data(NULL, "wrong", 5, find_sent(of.layer_digest)->call_arg);
    respond(of.layer_digest, 0);
    run(10 * CLOCK_SECOND);
    give_manifest(&of);
    CHECK_TEXT(find_sent(of.layer_digest)->range, "bytes=5-", "a hub that is asked for the rest");
    give_layer(&of);
    run(CLOCK_SECOND);
    CHECK(is_in_cluster("anew"), "may begin anew");
    respond_to_all();

    make_artifact(&of, "other");
    take_workload("other", 1, of.digest, "");
    give_manifest(&of);
    find_sent(of.layer_digest)->data(NULL, "wrong", 5, find_sent(of.layer_digest)->call_arg);
    respond(of.layer_digest, 0);
    run(10 * CLOCK_SECOND);
    give_manifest(&of);
    content_range = "bytes 0-9/10";
    respond_with(of.layer_digest, 206, text_string(&of.layer), of.layer.len);
    run(CLOCK_SECOND);
    CHECK(is_in_cluster("other"), "or go on from another place, which it names");
    respond_to_all();

    make_artifact(&of, "less");
    take_workload("less", 1, of.digest, "");
    give_manifest(&of);
    find_sent(of.layer_digest)
        ->data(NULL, "more than there is", 18, find_sent(of.layer_digest)->call_arg);
    respond(of.layer_digest, 0);
    take_statuses();
    run(10 * CLOCK_SECOND);
    give_manifest(&of);
    respond(of.layer_digest, 416);
    CHECK(!strstr(status_of("less"), "goes on from there"), "which is then worth nothing (%s)",
          status_of("less"));
    run(20 * CLOCK_SECOND);
    give_manifest(&of);
    CHECK(find_sent(of.layer_digest) && !find_sent(of.layer_digest)->range,
          "and all of it is asked for");
    give_layer(&of);
    run(CLOCK_SECOND);
    CHECK(is_in_cluster("less"), "and comes");
    respond_to_all();
}

static bool give_secret(const char *name, int revision)
{
    scoped_mem char *target = mem_printf("/secrets/%s", name);
    scoped_mem char *json =
        mem_printf("{\"metadata\": {\"name\": \"%s\", \"resourceVersion\": \"%d\", \"uid\": \"u\"},"
                   " \"type\": \"Opaque\", \"data\": {\"key\": \"dmFsdWU=\"}}",
                   name, revision);

    return respond_with(target, 200, json, strlen(json));
}

static const struct node *read_secret(struct arena *arena, const char *work, const char *name)
{
    return cluster_read(works_cluster(works), arena, work, "v1", "Secret", "lab", name);
}

static void check_secrets(void)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_artifact struct artifact of = {0};
    const struct node *secret;

    make_artifact(&of, "safe");
    take_workload("safe", 1, of.digest,
                  ", secretRefs: [{name: a, resourceVersion: '7'}, {name: b, namespace: keys, "
                  "resourceVersion: '8'}]");
    CHECK(find_sent("/api/v1/namespaces/lab/secrets/a") != NULL,
          "a Secret is asked for in the Workload's namespace");
    CHECK(find_sent("/api/v1/namespaces/keys/secrets/b") != NULL, "or in the one that is named");
    give_manifest(&of);
    give_layer(&of);
    give_secret("a", 7);
    run(CLOCK_SECOND);
    CHECK(!is_in_cluster("safe"), "nothing is applied before all of them are there");
    respond("/secrets/b", 403);
    CHECK(strstr(status_of("safe"), "SecretFetchFailed") &&
              strstr(status_of("safe"), "the hub says 403"),
          "the status says which failed and why");
    take_statuses();
    run(10 * CLOCK_SECOND);
    CHECK(!find_sent("/secrets/a"), "one that is here in its version is not fetched again");
    respond_with("/secrets/b", 200, "no JSON", 7);
    CHECK(strstr(status_of("safe"), "SecretFetchFailed"),
          "a response that is no JSON is a failure");
    run(20 * CLOCK_SECOND);
    give_secret("b", 8);
    run(CLOCK_SECOND);
    secret = read_secret(arena, "safe", "a");
    CHECK(secret && !strcmp(node_get_text(secret, "type"), "Opaque") &&
              !strcmp(node_get_text(node_get(secret, "data"), "key"), "dmFsdWU="),
          "then they are Secrets of the namespace, with their type and data");
    CHECK(read_secret(arena, "safe", "b") != NULL, "from wherever they came");
    respond_to_all();

    close_works();
    if (!open_works())
        return;
    take_workload("safe", 2, of.digest, ", secretRefs: [{name: a, resourceVersion: '7'}]");
    run(CLOCK_SECOND);
    CHECK(!find_sent("/secrets/a") && !find_sent(of.digest),
          "after a restart the bundle and its Secrets are here");
    CHECK(!read_secret(arena, "safe", "b"), "and one that is not named any more is gone");
    respond_to_all();
    take_workload("safe", 3, of.digest, ", secretRefs: [{name: a, resourceVersion: '9'}]");
    CHECK(give_secret("a", 9), "another version of it is fetched");
    run(CLOCK_SECOND);
    respond_to_all();
    take_workload("safe", 4, of.digest, ", secretRefs: [{name: a}]");
    CHECK(give_secret("a", 10), "so is one whose version is not said");
    run(CLOCK_SECOND);
    respond_to_all();
}

/* What no work names any more is not kept. */
static void check_sweep(void)
{
    scoped_artifact struct artifact of = {0}, next = {0};

    make_artifact(&of, "first");
    make_artifact(&next, "second");
    take_workload("swept", 1, of.digest, "");
    give_manifest(&of);
    give_layer(&of);
    run(CLOCK_SECOND);
    respond_to_all();
    take_workload("swept", 2, next.digest, "");
    CHECK(give_manifest(&next) && give_layer(&next), "another artifact is fetched");
    run(CLOCK_SECOND);
    CHECK(has_object("swept", "\"second\"") && !has_object("swept", "\"first\""),
          "its objects take the place of the former ones");
    respond_to_all();
    take_workload("swept", 3, of.digest, "");
    CHECK(give_manifest(&of) && give_layer(&of), "the former one is not here any more");
    run(CLOCK_SECOND);
    respond_to_all();
}

static const struct {
    const char *spec, *reason, *words;
} refused[] = {
    {"executor: {subject: {type: ServiceAccount}}, workload: {manifests: []}",
     "ExecutorNotSupported", "remove spec.executor"},
    {"workload: {manifests: [{apiVersion: axle.dev/v1alpha1, kind: Workload, metadata: {name: w}, "
     "spec: {artifact: {digest: 'sha256:1'}}}]}",
     "ArtifactInvalid", "spec.artifact.digest of a Workload is \\\"sha256:1\\\""},
};

static void check_refusals(void)
{
    scoped_text struct text spec = {0};

    for (size_t i = 0; i < count_of(refused); i++) {
        respond_to_all();
        take_spec("unfit", (int)i + 1, refused[i].spec);
        CHECK(strstr(status_of("unfit"), refused[i].reason) &&
                  strstr(status_of("unfit"), refused[i].words),
              "%s is never applied (%s)", refused[i].reason, status_of("unfit"));
        CHECK(strstr(find_body("/events"), refused[i].reason), "an Event says so, too");
        run(600 * CLOCK_SECOND);
        CHECK(!is_in_cluster("unfit"), "however long it waits");
    }
    respond_to_all();
    for (int over = 0; over <= 1; over++) {
        scoped_artifact struct artifact of = {0};

        make_artifact(&of, "many");
        text_cut(&spec, 0);
        text_add(&spec, ", secretRefs: [");
        for (int i = 0; i < 256 + over; i++)
            text_addf(&spec, "%s{name: s%d}", i ? ", " : "", i);
        text_add(&spec, "]");
        take_workload("many", over + 1, of.digest, text_string(&spec));
        CHECK((strstr(status_of("many"),
                      "name 257 Secrets in spec.secretRefs; a spoke accepts at most 256") !=
               NULL) == over,
              "%s", over ? "257 Secrets are too many" : "256 Secrets are not");
        respond_to_all();
    }
}

static void check_many_manifests(void)
{
    for (int over = 0; over <= 1; over++) {
        scoped_text struct text spec = {0};

        text_add(&spec, "workload: {manifests: [");
        for (int i = 0; i < 2000 + over; i++)
            text_addf(&spec, "%s{apiVersion: v1, kind: Namespace, metadata: {name: n%d}}",
                      i ? ", " : "", i);
        text_add(&spec, "]}");
        take_spec("wide", over + 1, text_string(&spec));
        CHECK((strstr(status_of("wide"),
                      "spec.workload.manifests has 2001 items; a spoke accepts at most 2000") !=
               NULL) == over,
              "%s", over ? "2,001 manifests are too many" : "2,000 manifests are not");
        respond_to_all();
    }
}

/* A layer that is cut is forgotten with the works. */
static void check_close(void)
{
    scoped_artifact struct artifact of = {0}, next = {0};

    make_artifact(&of, "last");
    take_workload("last", 1, of.digest, "");
    give_manifest(&of);
    find_sent(of.layer_digest)->data(NULL, "part", 4, find_sent(of.layer_digest)->call_arg);
    respond(of.layer_digest, 0);
    make_artifact(&next, "unpacked");
    take_workload("unpacked", 1, next.digest, "");
    CHECK(give_manifest(&next) && give_layer(&next), "the works end while a layer is unpacked");
}

int main(void)
{
    if (make_spoke() && open_works()) {
        check_fetch();
        check_failures();
        check_read_again();
        check_cut();
        check_secrets();
        check_sweep();
        check_refusals();
        check_many_manifests();
        check_close();
        close_works();
    }
    drop_spoke();
    return check_done();
}
