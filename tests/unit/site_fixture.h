/* SPDX-License-Identifier: Apache-2.0 */
/* A whole hub in a simulated world, and clients that send it requests. */
#ifndef SITE_FIXTURE_H
#define SITE_FIXTURE_H

#include "hub/internal.h"

#include "base/clock.h"
#include "base/text.h"
#include "config/config.h"
#include "document/document.h"
#include "http/http.h"
#include "kinds/kinds.h"
#include "loop/loop.h"
#include "meta/meta.h"
#include "objects/objects.h"
#include "pki/pki.h"
#include "sim/disk.h"
#include "sim/world.h"
#include "store/store.h"
#include "tls/tls.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

struct site {
    struct loop_world *world;
    struct store_disk *disk;
    struct loop *loop, *clients;
    struct hub *hub;
    struct arena *arena;
    char *directory;
    struct config *config;
    /* Each may be NULL or 0 before site_start(). */
    const char *const *listen, *const *names;
    size_t files;
};

static void site_must(int failed, const struct err *err)
{
    if (failed) {
        printf("Bail out! %s\n", err->text);
        exit(1);
    }
}

static void site_settle(struct site *site)
{
    loop_world_run(site->world, 100 * CLOCK_MS);
}

static void site_open(struct site *site)
{
    const char *folder = getenv("TEST_DIR");

    *site = (struct site){.world = loop_world_new(1),
                          .disk = store_disk_new("site"),
                          .arena = arena_new(),
                          .config = config_new()};
    site->directory = mem_printf("%s/hub", folder ? folder : "/tmp");
}

static void site_set(struct site *site, const char *key, const char *value)
{
    struct err err = {0};

    site_must(config_set_flag(site->config, config_find(key, strlen(key)), value, &err), &err);
}

/* NULL, and why, if it does not start. */
static struct hub *site_try(struct site *site, struct err *err)
{
    static const char *const listen[] = {"hub:6443", NULL};
    struct hub_settings settings = {.directory = site->directory,
                                    .listen = site->listen ? site->listen : listen,
                                    .names = site->names,
                                    .store_vfs = "site",
                                    .config = site->config,
                                    .files = site->files};

    site->loop = loop_world_host(site->world, "hub");
    site->hub = hub_open(site->loop, &settings, err);
    if (site->hub)
        site_settle(site);
    else
        loop_free(&site->loop);
    return site->hub;
}

static void site_start(struct site *site)
{
    struct err err = {0};

    site_must(!site_try(site, &err), &err);
    if (!site->clients)
        site->clients = loop_world_host(site->world, "client");
}

static void site_stop(struct site *site)
{
    hub_close(&site->hub);
    loop_free(&site->loop);
}

static void site_close(struct site *site)
{
    if (site->hub)
        site_stop(site);
    loop_free(&site->clients);
    loop_world_free(&site->world);
    store_disk_free(&site->disk);
    arena_free(&site->arena);
    config_free(&site->config);
    free(site->directory);
}

/* ---- Objects ------------------------------------------------------------------- */

static const struct kind *site_kind(struct site *site, const char *plural)
{
    static const char *const groups[] = {"",
                                         META_GROUP_CLUSTER,
                                         META_GROUP_WORK,
                                         META_GROUP_AXLE,
                                         META_GROUP_CERTIFICATES,
                                         META_GROUP_RBAC};

    for (size_t i = 0; i < count_of(groups); i++)
        if (kinds_find(site->hub->kinds, groups[i], plural))
            return kinds_find(site->hub->kinds, groups[i], plural);
    abort();
}

/* NULL if there is none. */
__attribute__((unused)) static struct node *site_get(struct site *site, const char *plural,
                                                     const char *namespace, const char *name)
{
    scoped_object struct object *object = objects_get(
        site->hub->objects, OBJECTS_PUBLISHED, site_kind(site, plural), namespace, name, NULL);

    return object ? object_read(site->arena, object) : NULL;
}

/* As the hub itself: no rule holds it up. */
__attribute__((unused)) static void site_apply(struct site *site, const char *yaml)
{
    struct err err = {0};
    struct node *all =
        document_read_all(site->arena, yaml, strlen(yaml), &document_limits_own, &err);

    site_must(!all, &err);
    for (size_t i = 0; i < node_count(all); i++)
        site_must(objects_ensure(site->hub->objects, "test", node_item(all, i), NULL, &err), &err);
    site_settle(site);
}

__attribute__((unused)) static void site_remove(struct site *site, const char *plural,
                                                const char *namespace, const char *name)
{
    struct err err = {0};

    site_must(
        objects_remove(site->hub->objects, "test", site_kind(site, plural), namespace, name, &err),
        &err);
    site_settle(site);
}

/* ---- Clients ----------------------------------------------------------------------- */

struct client {
    struct site *site;
    struct tls_client *tls;
    struct http_client *http;
    char pin[PKI_DIGEST_TEXT]; /* of the certificate's key */
};

static struct http_client *open_http(struct site *site, struct tls_client *tls, const char *host)
{
    struct http_client_settings settings = {
        .address = "hub:6443", .host = host, .tls = tls, .most_connections = 40};
    struct err err = {0};
    struct http_client *http = http_client_new(site->clients, &settings, &err);

    site_must(!http, &err);
    return http;
}

/* `user` NULL: anonymous. With `organization` "" in none. */
static void client_open(struct client *client, struct site *site, const char *user,
                        const char *organization)
{
    scoped_text struct text cert = {0};
    scoped_text struct text key = {0};
    struct tls_client_settings tls = {.roots = pki_authority_cert(site->hub->authority)};
    struct err err = {0};

    if (user) {
        struct pki_subject subject = {user, &organization, *organization ? 1 : 0};
        scoped_pki_key struct pki_key *pair = pki_key_new();

        unsigned char digest[PKI_SHA256];

        pki_key_pin(pair, digest);
        pki_digest_text(digest, client->pin);
        pki_key_write(pair, &key);
        site_must(pki_issue_client(site->hub->authority, pair, &subject, 3600 * CLOCK_SECOND, &cert,
                                   &err),
                  &err);
        tls.cert = text_string(&cert);
        tls.key = text_string(&key);
    }
    client->site = site;
    client->tls = tls_client_new(site->clients, &tls, &err);
    site_must(!client->tls, &err);
    client->http = open_http(site, client->tls, NULL);
}

static void client_close(struct client *client)
{
    http_client_free(&client->http);
    site_settle(client->site);
    tls_client_free(&client->tls);
}

__attribute__((unused)) static void client_open_spoke(struct client *client, struct site *site,
                                                      const char *cluster)
{
    client_open(client, site, arena_printf(site->arena, META_USER_AGENT "%s:one", cluster),
                META_USERS_CLUSTERS);
}

struct reply {
    struct site *site;
    int status;                 /* 0: none came, and `body` says why */
    const char *body, *headers; /* "name: value\n" of each */
    bool done;
};

static void on_reply(const struct http_response *response, const struct err *err, void *arg)
{
    struct reply *reply = arg;
    scoped_text struct text headers = {0};

    reply->done = true;
    reply->status = response ? response->status : 0;
    reply->body = arena_string(reply->site->arena,
                               response ? response->body ? response->body : "" : err->text);
    for (size_t i = 0; response && i < response->header_count; i++)
        text_addf(&headers, "%s: %s\n", response->headers[i].name, response->headers[i].value);
    reply->headers = arena_string(reply->site->arena, text_string(&headers));
}

static bool is_reply_done(void *arg)
{
    return ((struct reply *)arg)->done;
}

/* Headers: "Name: value", one a line, or "". */
static struct http_call *client_begin(struct client *client, struct reply *reply,
                                      const char *method, const char *target, const char *headers)
{
    struct http_field fields[8];
    size_t count = 0;

    *reply = (struct reply){.site = client->site, .body = "", .headers = ""};
    for (const char *at = headers; *at; at += *at == '\n') {
        size_t name = strcspn(at, ":"), value = strcspn(at, "\n");

        fields[count++] =
            (struct http_field){arena_bytes(client->site->arena, at, name),
                                arena_bytes(client->site->arena, at + name + 2, value - name - 2)};
        at += value;
    }
    return http_client_send(client->http, &(struct http_client_request){.method = method,
                                                                        .target = target,
                                                                        .headers = fields,
                                                                        .header_count = count,
                                                                        .done = on_reply,
                                                                        .arg = reply});
}

static struct reply client_ask(struct client *client, const char *method, const char *target,
                               const char *headers)
{
    struct reply reply;

    client_begin(client, &reply, method, target, headers);
    loop_world_run_until(client->site->world, is_reply_done, &reply, 60 * CLOCK_SECOND);
    return reply;
}

/* The same request to a server of another name, at the hub's address. */
__attribute__((unused)) static struct reply client_ask_host(struct client *client, const char *host,
                                                            const char *method, const char *target,
                                                            const char *headers)
{
    struct client other = {.site = client->site,
                           .tls = client->tls,
                           .http = open_http(client->site, client->tls, host)};
    struct reply reply = client_ask(&other, method, target, headers);

    http_client_free(&other.http);
    site_settle(client->site);
    return reply;
}

/* The value of a header of the response; "" if it is not there. */
__attribute__((unused)) static const char *reply_header(const struct reply *reply, const char *name)
{
    const char *at = strstr(reply->headers, arena_printf(reply->site->arena, "%s: ", name));

    if (!at || (at != reply->headers && at[-1] != '\n'))
        return "";
    at += strlen(name) + 2;
    return arena_bytes(reply->site->arena, at, strcspn(at, "\n"));
}

#endif
