/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that pushes are kept whole, pulls are exact, and mistakes are told. */
#include "registry/registry.h"

#include "base/clock.h"
#include "document/document.h"
#include "http/http.h"
#include "loop/loop.h"
#include "pki/pki.h"
#include "sim/disk.h"
#include "sim/world.h"
#include "store/internal.h"

#include "check.h"

#include <stdlib.h>

static struct loop_world *world;
static struct store *store;
static struct http_client *client;
static bool may_push = true;

/* What the last answer was. */
static int status;
static char body[4096], location[256], range[64], said[160], more[512];

static bool authorise(void *arg, const struct http_request *request, enum registry_want want,
                      const char *repository, const char *digest)
{
    return want == REGISTRY_PULL ? strncmp(repository, "secret/", 7) != 0 : may_push;
}

static void commit(void *arg, void (*done)(void *done_arg, const struct err *err), void *done_arg)
{
    store_commit(store, done, done_arg);
}

static void copy(char *into, size_t room, const char *text)
{
    snprintf(into, room, "%s", text ? text : "");
}

static void on_response(const struct http_response *response, const struct err *err, void *arg)
{
    *(bool *)arg = true;
    status = response ? response->status : 0;
    copy(body, sizeof body, response ? response->body : err->text);
    copy(location, sizeof location, response ? http_response_get(response, "location") : "");
    copy(range, sizeof range, response ? http_response_get(response, "range") : "");
    copy(said, sizeof said, response ? http_response_get(response, "docker-content-digest") : "");
    copy(more, sizeof more, response ? http_response_get(response, "link") : "");
}

static int send_request(const char *method, const char *target, const char *name, const char *value,
                        const char *bytes)
{
    const struct http_field field = {name, value};
    bool done = false;
    struct http_client_request what = {
        .method = method,
        .target = target,
        .headers = &field,
        .header_count = name ? 1 : 0,
        .body = bytes,
        .len = bytes ? strlen(bytes) : 0,
        .done = on_response,
        .arg = &done,
    };

    http_client_send(client, &what);
    for (int i = 0; i < 20000 && !done; i++)
        if (!loop_world_step(world))
            break;
    return done ? status : -1;
}

static const char *digest_of(const char *bytes, char text[PKI_DIGEST_TEXT])
{
    unsigned char sum[PKI_SHA256];

    pki_sha256(bytes, strlen(bytes), sum);
    pki_digest_text(sum, text);
    return text;
}

static char target[2048];
static const char *at(const char *format, ...) PRINTF(1, 2);
static const char *at(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(target, sizeof target, format, args);
    va_end(args);
    return target;
}

/* ---- The ways in ---------------------------------------------------------------- */

static void check_pushes(void)
{
    char one[PKI_DIGEST_TEXT], two[PKI_DIGEST_TEXT], three[PKI_DIGEST_TEXT];

    digest_of("{}", one);
    digest_of("layer", two);
    digest_of("whole", three);
    CHECK_INT(send_request("GET", "/v2/", NULL, NULL, NULL), 200, "the registry answers");
    CHECK_INT(send_request("HEAD", at("/v2/lab/app/blobs/%s", one), NULL, NULL, NULL), 404,
              "a blob is not there");
    CHECK_INT(send_request("POST", "/v2/lab/app/blobs/uploads/", NULL, NULL, NULL), 202,
              "as skopeo: an upload begins");
    CHECK_INT(send_request("PATCH", at("%s", location), NULL, NULL, "{}"), 202, "in pieces");
    CHECK_TEXT(range, "0-1", "whose progress is told");
    CHECK_INT(
        send_request("PUT", at("%s?digest=sha256%%3A%s", location, one + 7), NULL, NULL, NULL), 201,
        "and ends with its digest");
    CHECK_TEXT(said, one, "which is confirmed");
    send_request("POST", "/v2/lab/app/blobs/uploads/", NULL, NULL, NULL);
    CHECK_INT(send_request("PUT", at("%s?digest=%s", location, two), NULL, NULL, "layer"), 201,
              "as oras: one piece with the end");
    CHECK_INT(send_request("POST", at("/v2/lab/app/blobs/uploads/?digest=%s", three), NULL, NULL,
                           "whole"),
              201, "all at once");
    CHECK_INT(send_request("POST", at("/v2/lab/other/blobs/uploads/?mount=%s&from=lab/app", two),
                           NULL, NULL, NULL),
              201, "mounted from elsewhere");
    CHECK_INT(send_request("GET", at("/v2/lab/other/blobs/%s", two), NULL, NULL, NULL), 200,
              "and there it is");
    CHECK_TEXT(body, "layer", "with its bytes");
    CHECK_INT(send_request("GET", at("/v2/lab/app/blobs/%s", two), "range", "bytes=1-3", NULL), 206,
              "a part of it");
    CHECK_TEXT(body, "aye", "is that part");
    CHECK_INT(send_request("GET", at("/v2/lab/app/blobs/%s", two), "range", "bytes=9-", NULL), 416,
              "a part beyond its end is not");
}

static void check_manifests(void)
{
    char config[PKI_DIGEST_TEXT], layer[PKI_DIGEST_TEXT], digest[PKI_DIGEST_TEXT];
    char manifest[1024];

    digest_of("{}", config);
    digest_of("layer", layer);
    snprintf(manifest, sizeof manifest,
             "{ \"schemaVersion\":2, \"config\":"
             "{\"mediaType\":\"a/b\",\"digest\":\"%s\",\"size\":2},\"layers\":"
             "[{\"digest\":\"%s\",\"size\":5}]}",
             config, layer);
    digest_of(manifest, digest);
    CHECK_INT(
        send_request("PUT", "/v2/lab/app/manifests/v1", "content-type", "text/html", manifest), 400,
        "of a type that a browser would show it is refused");
    CHECK_INT(send_request("PUT", "/v2/lab/app/manifests/v1", "content-type", "application/y+json",
                           manifest),
              201, "a manifest is pushed by tag");
    CHECK_INT(send_request("GET", "/v2/lab/app/manifests/v1", NULL, NULL, NULL), 200,
              "and pulled by tag");
    CHECK_TEXT(body, manifest, "byte for byte");
    CHECK_INT(send_request("HEAD", at("/v2/lab/app/manifests/%s", digest), NULL, NULL, NULL), 200,
              "it is there by digest too");
    CHECK_TEXT(said, digest, "which HEAD tells");
    CHECK_INT(send_request("PUT", "/v2/lab/empty/manifests/v1", NULL, NULL, manifest), 400,
              "one whose blobs are not there is refused");
    CHECK(strstr(body, "MANIFEST_BLOB_UNKNOWN") != NULL, "by that name");
    send_request("PUT", "/v2/lab/app/manifests/v2", NULL, NULL, manifest);
    send_request("PUT", "/v2/lab/app/manifests/a", NULL, NULL, manifest);
    CHECK_INT(send_request("GET", "/v2/lab/app/tags/list?n=2", NULL, NULL, NULL), 200,
              "tags are listed");
    CHECK_TEXT(body, "{\"name\":\"lab/app\",\"tags\":[\"a\",\"v1\"]}",
               "in order, as many as asked for");
    CHECK_INT(send_request("GET", at("/v2/lab/app/referrers/%s", digest), NULL, NULL, NULL), 200,
              "referrers are never 404");
    CHECK_INT(send_request("DELETE", at("/v2/lab/app/manifests/%s", digest), NULL, NULL, NULL), 202,
              "it can be deleted");
    CHECK_INT(send_request("GET", "/v2/lab/app/manifests/v1", NULL, NULL, NULL), 404,
              "and its tags go with it");
}

static void check_mistakes(void)
{
    static const struct {
        const char *what, *method, *target, *body;
        int status;
        const char *code;
    } cases[] = {
        {"a name that is none", "GET", "/v2/UPPER/manifests/v1", NULL, 400, "NAME_INVALID"},
        {"a name that climbs", "GET", "/v2/a/..%2fb/manifests/v1", NULL, 400, "is not understood"},
        {"a tag that is not there", "GET", "/v2/lab/app/manifests/no", NULL, 404,
         "MANIFEST_UNKNOWN"},
        {"a digest that is none", "GET", "/v2/lab/app/blobs/sha256:xyz", NULL, 400,
         "DIGEST_INVALID"},
        {"a repository that is not there", "GET", "/v2/no/such/tags/list", NULL, 404,
         "NAME_UNKNOWN"},
        {"an upload that is not there", "PATCH", "/v2/lab/app/blobs/uploads/0", "x", 404,
         "BLOB_UPLOAD_UNKNOWN"},
        {"bytes of another digest", "POST",
         "/v2/lab/app/blobs/uploads/?digest=sha256:"
         "0000000000000000000000000000000000000000000000000000000000000000",
         "x", 400, "DIGEST_INVALID"},
        {"a manifest that is no JSON", "PUT", "/v2/lab/app/manifests/x", "[", 400,
         "MANIFEST_INVALID"},
        {"a tag that is none", "PUT", "/v2/lab/app/manifests/.x", "{}", 400, "MANIFEST_INVALID"},
        {"a method that is none", "POST", "/v2/lab/app/manifests/x", "{}", 405, "UNSUPPORTED"},
    };

    for (size_t i = 0; i < count_of(cases); i++)
        CHECK(send_request(cases[i].method, cases[i].target, NULL, NULL, cases[i].body) ==
                      cases[i].status &&
                  strstr(body, cases[i].code),
              "%s: %d %s", cases[i].what, status, cases[i].code);
    may_push = false;
    CHECK_INT(send_request("POST", "/v2/lab/app/blobs/uploads/", NULL, NULL, NULL), 401,
              "who may not push is asked who they are");
    may_push = true;
}

/* ---- Digests, ranges, lists ---------------------------------------------------- */

static void push_blob(const char *repository, const char *bytes, const char *algorithm,
                      char digest[PKI_DIGEST_MOST])
{
    pki_digest_of(algorithm, bytes, strlen(bytes), digest);
    CHECK_INT(send_request("POST", at("/v2/%s/blobs/uploads/?digest=%s", repository, digest), NULL,
                           NULL, bytes),
              201, "%s has the blob \"%.20s\"", repository, bytes);
}

static void check_sha512(void)
{
    char layer[PKI_DIGEST_MOST], digest[PKI_DIGEST_MOST];
    char manifest[2048];

    push_blob("lab/long", "layer", "sha512", layer);
    CHECK_INT(send_request("GET", at("/v2/lab/long/blobs/%s", layer), NULL, NULL, NULL), 200,
              "a blob is named by sha512");
    CHECK_TEXT(said, layer, "and says so");
    CHECK_INT(send_request("POST", "/v2/lab/long/blobs/uploads/?digest-algorithm=sha512", NULL,
                           NULL, NULL),
              202, "an upload says that it will be");
    CHECK_INT(
        send_request("POST", "/v2/lab/long/blobs/uploads/?digest-algorithm=md5", NULL, NULL, NULL),
        400, "not by an unknown algorithm");
    CHECK(strstr(body, "sha256 and sha512") != NULL, "which is told: %s", body);
    snprintf(manifest, sizeof manifest, "{\"layers\":[{\"digest\":\"%s\"}]}", layer);
    pki_digest_of("sha512", manifest, strlen(manifest), digest);
    CHECK_INT(send_request("PUT", at("/v2/lab/long/manifests/%s", digest), NULL, NULL, manifest),
              201, "a manifest too");
    CHECK_INT(send_request("GET", at("/v2/lab/long/manifests/%s", digest), NULL, NULL, NULL), 200,
              "by which it is pulled");
    CHECK_TEXT(body, manifest, "byte for byte");
    digest[10] = digest[10] == '0' ? '1' : '0';
    CHECK_INT(send_request("PUT", at("/v2/lab/long/manifests/%s", digest), NULL, NULL, manifest),
              400, "another digest is refused");
}

static void check_ranges(void)
{
    static const struct {
        const char *range;
        int status;
        const char *body;
    } cases[] = {
        {"bytes=0-0", 206, "0"},
        {"bytes=-3", 206, "789"},
        {"bytes=-99", 206, "0123456789"},
        {"bytes=7-", 206, "789"},
        {"bytes=8-99999999999999999999", 206, "89"},
        {"bytes=-99999999999999999999", 206, "0123456789"},
        {"BYTES=1-2", 206, "12"},
        {"bytes=-0", 416, NULL},
        {"bytes=5-4", 416, NULL},
        {"bytes=10-", 416, NULL},
        {"bytes=99999999999999999999-", 416, NULL},
        {"bytes=1-2,4-5", 200, "0123456789"},
        {"lines=1-2", 200, "0123456789"},
        {"bytes=", 200, "0123456789"},
        {"bytes=-", 200, "0123456789"},
        {"bytes= 1-2", 200, "0123456789"},
        {"bytes=+1-2", 200, "0123456789"},
        {"bytes=--1", 200, "0123456789"},
    };
    char digest[PKI_DIGEST_MOST];

    push_blob("lab/parts", "0123456789", "sha256", digest);
    for (size_t i = 0; i < count_of(cases); i++) {
        int got = send_request("GET", at("/v2/lab/parts/blobs/%s", digest), "range", cases[i].range,
                               NULL);

        CHECK(got == cases[i].status && (!cases[i].body || !strcmp(body, cases[i].body)),
              "%s: %d %s", cases[i].range, got, body);
    }
    push_blob("lab/parts", "", "sha256", digest);
    CHECK_INT(send_request("GET", at("/v2/lab/parts/blobs/%s", digest), "range", "bytes=-1", NULL),
              416, "nothing has no part");
}

static void check_pieces(void)
{
    static const struct {
        const char *range;
        int status;
        const char *words;
    } cases[] = {
        {"1-2", 416, "continues at byte 0"},
        {"0-1", 400, "says 2 bytes, but the body has 3"},
        {"0-2", 202, ""},
        {"0-2", 416, "continues at byte 3"},
        {"5-3", 400, "not START-END"},
        {"bytes 3-5/6", 400, "not START-END"},
        {"3", 400, "not START-END"},
        {"3-99999999999999999999", 400, "not START-END"},
        {"3-5", 202, ""},
    };
    char upload[256];

    send_request("POST", "/v2/lab/app/blobs/uploads/", NULL, NULL, NULL);
    copy(upload, sizeof upload, location);
    for (size_t i = 0; i < count_of(cases); i++) {
        int got = send_request("PATCH", upload, "content-range", cases[i].range, "abc");

        CHECK(got == cases[i].status && strstr(body, cases[i].words), "%s: %d %s", cases[i].range,
              got, body);
    }
    CHECK_INT(send_request("DELETE", upload, NULL, NULL, NULL), 204, "it can be given up");
}

static void check_large(void)
{
    size_t most = 4u << 20;
    scoped_mem char *bytes = mem_alloc(most + 2);

    memset(bytes, 'x', most + 1);
    memcpy(bytes, "{\"a\":\"", 6);
    memcpy(bytes + most - 2, "\"}", 3);
    CHECK_INT(send_request("PUT", "/v2/lab/app/manifests/large", NULL, NULL, bytes), 201,
              "a manifest of 4 MiB is taken");
    CHECK_INT(send_request("GET", "/v2/lab/app/manifests/large", NULL, NULL, NULL), 200,
              "and given");
    bytes[most - 2] = 'x';
    memcpy(bytes + most - 1, "\"}", 3);
    CHECK_INT(send_request("PUT", "/v2/lab/app/manifests/larger", NULL, NULL, bytes), 413,
              "one byte more is too many");
    CHECK(strstr(body, "may have 4194304 bytes") != NULL, "in words: %s", body);
}

static void check_foreign(void)
{
    static const char format[] =
        "{\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.%sv1.tar\",\"digest\":"
        "\"sha256:%064d\"}]}";
    char manifest[512];

    snprintf(manifest, sizeof manifest, format, "nondistributable.", 7);
    CHECK_INT(send_request("PUT", "/v2/lab/app/manifests/foreign", NULL, NULL, manifest), 201,
              "a layer that must not be pushed need not be there");
    snprintf(manifest, sizeof manifest, format, "", 7);
    CHECK_INT(send_request("PUT", "/v2/lab/app/manifests/own", NULL, NULL, manifest), 400,
              "any other must");
}

static void push_referrer(const char *subject, const char *type, int number)
{
    char manifest[1024];

    snprintf(manifest, sizeof manifest,
             "{\"artifactType\":\"%s\",\"subject\":{\"digest\":\"%s\"},"
             "\"annotations\":{\"number\":\"%d\"}}",
             type, subject, number);
    CHECK_INT(send_request("PUT", at("/v2/lab/ref/manifests/r%d", number), NULL, NULL, manifest),
              201, "referrer %d", number);
}

static void check_referrers(void)
{
    static const char subject[] =
        "sha256:"
        "1111111111111111111111111111111111111111111111111111111111111111";
    static char large[3 << 20];

    push_referrer(subject, "text/a", 1);
    push_referrer(subject, "text/b+c", 2);
    send_request("GET", at("/v2/lab/ref/referrers/%s?artifactType=text/b%%2Bc", subject), NULL,
                 NULL, NULL);
    CHECK(strstr(body, "\"number\":\"2\"") && !strstr(body, "\"number\":\"1\""),
          "referrers are filtered by type: %s", body);
    send_request("GET", at("/v2/lab/ref/referrers/%s", subject), NULL, NULL, NULL);
    CHECK(strstr(body, "\"number\":\"2\"") && strstr(body, "\"number\":\"1\"") && !*more,
          "or come all at once");
    for (int i = 0; i < 2; i++) {
        snprintf(large, sizeof large, "{\"subject\":{\"digest\":\"%s\"},\"a\":\"%*d\"}", subject,
                 3000000, i);
        CHECK_INT(send_request("PUT", at("/v2/lab/ref/manifests/large%d", i), NULL, NULL, large),
                  201, "a large one");
    }
    send_request("GET", at("/v2/lab/ref/referrers/%s", subject), NULL, NULL, NULL);
    CHECK(strstr(more, "/v2/lab/ref/referrers/") && strstr(more, "rel=\"next\""),
          "many come in pages: %s", more);
    *strchr(more, '>') = '\0';
    CHECK_INT(send_request("GET", more + 1, NULL, NULL, NULL), 200, "the next page is there");
    CHECK(!*more, "and is the last");
    send_request("DELETE", "/v2/lab/ref/manifests/sha256:x", NULL, NULL, NULL);
    CHECK_INT(send_request("PUT", "/v2/lab/ref/manifests/bad", NULL, NULL,
                           "{\"subject\":{\"digest\":\"a\\r\\nb: c\"}}"),
              400, "a subject that is no digest is refused");
}

static void check_catalog(void)
{
    char digest[PKI_DIGEST_MOST];

    push_blob("secret/a", "x", "sha256", digest);
    CHECK_INT(send_request("GET", "/v2/_catalog?n=2", NULL, NULL, NULL), 200,
              "repositories are listed");
    CHECK_TEXT(body, "{\"repositories\":[\"lab/app\",\"lab/hurt\"]}", "so many at once");
    CHECK_TEXT(more, "</v2/_catalog?n=2&last=lab/hurt>; rel=\"next\"", "with the way to more");
    CHECK_INT(send_request("GET", "/v2/_catalog", NULL, NULL, NULL), 200, "or all");
    CHECK(!*more && strstr(body, "lab/parts") && !strstr(body, "secret/a"),
          "but none that the reader may not pull from: %s", body);
    CHECK_INT(send_request("GET", "/v2/_catalog?n=-1", NULL, NULL, NULL), 400, "n is a number");
    CHECK_INT(send_request("DELETE", "/v2/_catalog", NULL, NULL, NULL), 405, "it is only read");
    CHECK_INT(send_request("POST", at("/v2/lab/app/blobs/uploads/?mount=%s&from=secret/a", digest),
                           NULL, NULL, NULL),
              202, "nothing is mounted from there");
    CHECK_INT(
        send_request("POST", at("/v2/lab/app/blobs/uploads/?mount=%s", digest), NULL, NULL, NULL),
        202, "nor found there");
    push_blob("lab/parts", "y", "sha256", digest);
    CHECK_INT(
        send_request("POST", at("/v2/lab/app/blobs/uploads/?mount=%s", digest), NULL, NULL, NULL),
        201, "what the project has is found without saying where");
}

static char woken[64];

static void on_damage(void *arg, const char *repository)
{
    copy(woken, sizeof woken, repository);
}

/* As a bit that flipped on the disk. */
static void damage(const char *digest)
{
    scoped_mem char *sql = mem_printf("UPDATE part SET bytes=substr(bytes,2)||'X' WHERE id>>20="
                                      "(SELECT id FROM blob WHERE digest='%s')",
                                      digest);

    CHECK_INT(sqlite3_exec(store->db.sqlite, sql, NULL, NULL, NULL), SQLITE_OK, "damaged");
}

static void check_damage(void)
{
    char digest[PKI_DIGEST_TEXT], kept[PKI_DIGEST_TEXT];

    digest_of("fragile", digest);
    digest_of("{ }", kept);
    send_request("POST", at("/v2/lab/hurt/blobs/uploads/?digest=%s", digest), NULL, NULL,
                 "fragile");
    damage(digest);
    CHECK_INT(send_request("GET", at("/v2/lab/hurt/blobs/%s", digest), NULL, NULL, NULL), 500,
              "a damaged blob is not sent");
    CHECK(strstr(body, "\"errors\"") && strstr(body, "damaged on the hub's disk"),
          "in the specification's form and in words: %s", body);
    CHECK_TEXT(woken, "lab/hurt", "whoever made it is told");
    woken[0] = '\0';
    CHECK_INT(send_request("HEAD", at("/v2/lab/hurt/blobs/%s", digest), NULL, NULL, NULL), 404,
              "then it is missing, so that it is pushed again");
    CHECK_TEXT(woken, "lab/hurt", "which is told as well");
    send_request("POST", at("/v2/lab/hurt/blobs/uploads/?digest=%s", digest), NULL, NULL,
                 "fragile");
    CHECK_INT(send_request("GET", at("/v2/lab/hurt/blobs/%s", digest), NULL, NULL, NULL), 200,
              "a push heals it");
    CHECK_TEXT(body, "fragile", "byte for byte");
    send_request("POST", at("/v2/lab/hurt/blobs/uploads/?digest=%s", kept), NULL, NULL, "{ }");
    damage(kept);
    CHECK_INT(
        send_request("POST", at("/v2/lab/hurt/blobs/uploads/?digest=%s", kept), NULL, NULL, "{ }"),
        201, "a push over a damaged one is taken");
    CHECK_INT(send_request("GET", at("/v2/lab/hurt/blobs/%s", kept), NULL, NULL, NULL), 200,
              "and heals it too");
}

static void committed(void *arg, const struct err *err)
{
    CHECK(!err, "a commit");
}

static void check_keeping(void)
{
    scoped_arena struct arena *arena = arena_new();
    char digest[PKI_DIGEST_TEXT], config[PKI_DIGEST_TEXT];
    struct registry_blob manifest = {digest_of("m", digest), "t", "m", 1};
    struct registry_blob blob = {digest_of("c", config), "t", "c", 1};

    registry_keep(store, "a/b", "v1", &manifest, &blob, 1);
    store_commit(store, committed, NULL);
    CHECK(registry_has(store, "a/b", digest) && registry_has(store, "a/b", config),
          "what the hub rendered is kept");
    CHECK_TEXT(registry_tag(arena, store, "a/b", "v1"), digest, "under its tag");
    CHECK(!registry_has(store, "a/c", digest), "in its repository only");
    registry_keep(store, "a/b", "v1", &manifest, &blob, 1);
    CHECK(!store_is_staged(store), "the same again writes nothing");
    CHECK_INT(send_request("DELETE", at("/v2/a/b/manifests/%s", digest), NULL, NULL, NULL), 403,
              "no request deletes it");
    CHECK_INT(send_request("DELETE", "/v2/a/b/manifests/v1", NULL, NULL, NULL), 403, "nor its tag");
    CHECK_INT(send_request("PUT", "/v2/a/b/manifests/v1", NULL, NULL, "{}"), 403, "nor moves that");
    CHECK(strstr(body, "use another tag") != NULL, "in words: %s", body);
    CHECK_INT(send_request("PUT", "/v2/a/b/manifests/mine", NULL, NULL, "{}"), 201,
              "another is free");
    registry_keep(store, "a/b", "v2", &blob, NULL, 0);
    registry_trim(store, "a/b", 1);
    CHECK(registry_tag(arena, store, "a/b", "v2") && !registry_tag(arena, store, "a/b", "v1"),
          "old revisions are let go");
    CHECK(registry_tag(arena, store, "a/b", "mine") != NULL, "not for what others pushed");
    registry_drop(store, "a/b");
    registry_sweep(store, INT64_MAX);
    CHECK(store_blob_size(store, digest) < 0, "what nobody names is swept");
}

static void must(const void *made, const struct err *err)
{
    if (!made) {
        printf("Bail out! %s\n", err->text);
        exit(1);
    }
}

int main(void)
{
    struct store_disk *disk = store_disk_new("sim");
    struct store_options options = {.vfs = "sim"};
    struct registry_settings settings = {
        .authorise = authorise, .commit = commit, .damaged = on_damage};
    struct http_client_settings to = {.address = "hub:80"};
    struct registry *registry;
    struct http_server *server;
    struct loop *hub, *other;
    struct err err = {0};

    world = loop_world_new(1);
    hub = loop_world_host(world, "hub");
    other = loop_world_host(world, "other");
    store = store_open("r.db", &options, &err);
    must(store, &err);
    registry = registry_new(store, &settings);
    server = http_server_new(hub, NULL);
    http_server_route(server, "/v2", NULL, registry_handle, registry);
    must(http_server_listen(server, "hub:80", NULL, &err) < 0 ? NULL : server, &err);
    client = http_client_new(other, &to, &err);
    must(client, &err);
    check_pushes();
    check_manifests();
    check_mistakes();
    check_damage();
    check_sha512();
    check_ranges();
    check_pieces();
    check_foreign();
    check_catalog();
    check_referrers();
    check_large();
    check_keeping();
    http_client_free(&client);
    http_server_free(&server);
    registry_free(&registry);
    store_close(&store);
    loop_free(&other);
    loop_free(&hub);
    loop_world_free(&world);
    store_disk_free(&disk);
    return check_done();
}
