/* SPDX-License-Identifier: Apache-2.0 */
/* A hub whose disk hangs answers everything that needs no write. */

#include "check.h"
#include "held_disk.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "document/document.h"
#include "http/http.h"
#include "hub/internal.h"
#include "loop/loop.h"
#include "store/store.h"
#include "tls/tls.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct arena *arena;
static struct loop *loop;
static struct hub *hub;
static struct tls_client *tls;
static struct http_client *http;
static char folder[] = "/tmp/axle-hung-XXXXXX";
static struct err err;

/* ---- A client ---------------------------------------------------------------- */

/* The value of `key`-data, of the kubeconfig's only cluster and user. */
static const char *credential(const struct node *config, const char *list, const char *one,
                              const char *key)
{
    const struct node *from = node_get(node_item(node_get(config, list), 0), one);
    const char *data = node_get_text(from, key);
    scoped_text struct text bytes = {0};

    if (!text_add_unbase64(&bytes, data, strlen(data), false))
        return "";
    return arena_string(arena, text_string(&bytes));
}

static bool open_client(void)
{
    size_t len;
    scoped_mem char *text = file_read(hub_kubeconfig(hub), 1 << 20, &len, &err);
    const struct node *config =
        text ? document_read_yaml(arena, text, len, true, &document_limits_own, &err) : NULL;
    struct tls_client_settings settings = {
        .roots = credential(config, "clusters", "cluster", "certificate-authority-data"),
        .cert = credential(config, "users", "user", "client-certificate-data"),
        .key = credential(config, "users", "user", "client-key-data"),
    };
    struct http_client_settings client = {.address = hub_url(hub) + strlen("https://"),
                                          .most_connections = 8};

    tls = config ? tls_client_new(loop, &settings, &err) : NULL;
    client.tls = tls;
    http = tls ? http_client_new(loop, &client, &err) : NULL;
    return http != NULL;
}

struct answer {
    int status; /* 0: none yet; -1: it failed */
    char body[4096];
};

static void on_response(const struct http_response *response, const struct err *why, void *arg)
{
    struct answer *answer = arg;

    answer->status = why ? -1 : response->status;
    snprintf(answer->body, sizeof answer->body, "%s", why ? why->text : response->body);
}

static void ask(const char *method, const char *target, const char *body, struct answer *answer)
{
    static const struct http_field header = {"Content-Type", "application/json"};

    *answer = (struct answer){0};
    http_client_send(http, &(struct http_client_request){
                               .method = method,
                               .target = target,
                               .headers = &header,
                               .header_count = *body ? 1 : 0,
                               .body = body,
                               .len = strlen(body),
                               .deadline = 60 * CLOCK_SECOND,
                               .done = on_response,
                               .arg = answer,
                           });
}

static const struct answer *await(const struct answer *answer)
{
    while (!answer->status)
        loop_turn(loop, CLOCK_SECOND);
    return answer;
}

/* ---- The hub ------------------------------------------------------------------ */

static bool open_all(void)
{
    static const char *const listen[] = {"127.0.0.1:0", NULL};
    struct hub_settings settings = {.directory = folder, .listen = listen, .store_vfs = "held"};

    arena = arena_new();
    loop = mkdtemp(folder) ? loop_new(&err) : NULL;
    hub = loop ? hub_open(loop, &settings, &err) : NULL;
    return hub && open_client();
}

static int remove_one(const char *path, const struct stat *about, int flag, struct FTW *where)
{
    return remove(path);
}

static void close_all(void)
{
    http_client_free(&http);
    tls_client_free(&tls);
    hub_close(&hub);
    loop_free(&loop);
    arena_free(&arena);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The commit of what was asked for has reached the disk. */
static void turn_until_held(void)
{
    while (!held_is_waiting())
        loop_turn(loop, 10 * CLOCK_MS);
}

#define MAPS "/api/v1/namespaces/default/configmaps"
#define MAP(name)                                                                                  \
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"" name "\"}}"

static void test_hung_disk(void)
{
    static const char *const reads[] = {MAPS "/before", MAPS,    "/metrics", "/readyz",
                                        "/livez",       "/apis", "/v2/"};
    struct answer before, write, second, read;

    ask("POST", MAPS, MAP("before"), &before);
    CHECK_INT(await(&before)->status, 201, "a write succeeds (%s)", before.body);
    held_set(true, SQLITE_OK);
    ask("POST", MAPS, MAP("during"), &write);
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        ask("GET", reads[i], "", &read);
        CHECK_INT(await(&read)->status, 200, "%s is answered while the disk hangs", reads[i]);
    }
    turn_until_held();
    ask("POST", MAPS, MAP("second"), &second);
    ask("GET", MAPS "/during", "", &read);
    CHECK_INT(await(&read)->status, 404, "what is not durable is not shown");
    CHECK_INT(write.status, 0, "nor is it acknowledged");
    held_set(false, SQLITE_OK);
    CHECK_INT(await(&write)->status, 201, "it is when the disk has it");
    CHECK_INT(await(&second)->status, 201, "as is the next");
    ask("GET", MAPS "/second", "", &read);
    CHECK_INT(await(&read)->status, 200, "and then both are shown");
}

/* What came while a commit was on its way is lost with it, and told to each. */
static void test_failing_disk(void)
{
    struct answer write, second, read;

    held_set(true, SQLITE_IOERR_FSYNC);
    ask("POST", MAPS, MAP("lost"), &write);
    turn_until_held();
    ask("POST", MAPS, MAP("after"), &second);
    ask("GET", MAPS "/lost", "", &read);
    CHECK_INT(await(&read)->status, 404, "not shown");
    held_set(false, SQLITE_IOERR_FSYNC);
    CHECK_INT(await(&write)->status, 503, "a write that failed is told");
    CHECK_INT(await(&second)->status, 503, "as is what was staged on top of it");
    ask("GET", "/readyz", "", &read);
    CHECK_INT(await(&read)->status, 503, "the hub is not ready");
    held_set(false, SQLITE_OK);
    do {
        ask("GET", "/readyz", "", &read);
    } while (await(&read)->status != 200);
    ask("POST", MAPS, MAP("lost"), &write);
    CHECK_INT(await(&write)->status, 201, "and then it is, and the name is free");
}

#define EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define THINGS "/v2/axle-system/things/"

/* What can be read from the disk only is refused, after a moment, and nothing else waits. */
static void test_pull(void)
{
    static const char *const pulls[] = {THINGS "blobs/" EMPTY, THINGS "referrers/" EMPTY,
                                        "/v2/_catalog"};
    struct answer write, pull;

    ask("POST", THINGS "blobs/uploads/?digest=" EMPTY, "", &pull);
    CHECK_INT(await(&pull)->status, 201, "a push succeeds (%s)", pull.body);
    ask("GET", THINGS "blobs/" EMPTY, "", &pull);
    CHECK_INT(await(&pull)->status, 200, "and a pull");
    held_set(true, SQLITE_OK);
    ask("POST", MAPS, MAP("pulled"), &write);
    turn_until_held();
    for (size_t i = 0; i < sizeof pulls / sizeof *pulls; i++) {
        ask("GET", pulls[i], "", &pull);
        CHECK_INT(await(&pull)->status, 503, "%s is refused (%s)", pulls[i], pull.body);
    }
    ask("GET", THINGS "manifests/none", "", &pull);
    CHECK_INT(await(&pull)->status, 404, "the index is in memory since the push");
    ask("GET", "/livez", "", &pull);
    CHECK_INT(await(&pull)->status, 200, "and the rest is answered");
    held_set(false, SQLITE_OK);
    CHECK_INT(await(&write)->status, 201, "the disk goes on");
    ask("GET", THINGS "blobs/" EMPTY, "", &pull);
    CHECK_INT(await(&pull)->status, 200, "and a pull succeeds again");
}

/* A disk that hangs must not fill the memory, and who is refused must not wait for it. */
static void test_backlog(void)
{
    const size_t many = (size_t)33 << 20;
    scoped_mem char *filler = mem_alloc(many);
    struct answer write, refused;
    int64_t end;

    held_set(true, SQLITE_OK);
    ask("POST", MAPS, MAP("slow"), &write);
    turn_until_held();
    end = clock_steady() + CLOCK_SECOND + CLOCK_SECOND / 10;
    store_value_put(hub->store, "filler", filler, many);
    while (clock_steady() < end)
        loop_turn(loop, CLOCK_SECOND / 10);
    ask("POST", MAPS, MAP("refused"), &refused);
    CHECK_INT(await(&refused)->status, 429, "a create is refused at once (%s)", refused.body);
    ask("DELETE", MAPS "/before", "", &refused);
    CHECK_INT(await(&refused)->status, 429, "as is a delete");
    ask("POST", MAPS "?dryRun=All", MAP("tried"), &refused);
    CHECK_INT(await(&refused)->status, 201, "what writes nothing is not");
    ask("POST", THINGS "blobs/uploads/?digest=" EMPTY, "", &refused);
    CHECK_INT(await(&refused)->status, 503, "a push is refused (%s)", refused.body);
    held_set(false, SQLITE_OK);
    CHECK_INT(await(&write)->status, 201, "what was asked for before is written");
    do {
        ask("POST", MAPS, MAP("refused"), &refused);
    } while (await(&refused)->status == 429);
    CHECK_INT(refused.status, 201, "and then the rest (%s)", refused.body);
}

int main(void)
{
    bool opened;

    held_open();
    opened = open_all();
    CHECK(opened, "a hub opens: %s", opened ? "" : err.text);
    if (opened) {
        test_hung_disk();
        test_failing_disk();
        test_pull();
        test_backlog();
    }
    close_all();
    held_close();
    return check_done();
}
