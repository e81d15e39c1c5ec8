/* SPDX-License-Identifier: Apache-2.0 */
/* Sends requests to the hub of a kubeconfig, and waits for each response. */
#include "cli/internal.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "document/document.h"
#include "http/http.h"
#include "loop/loop.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "tls/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cli_client {
    struct arena *arena;
    struct loop *loop;
    struct tls_client *tls;
    struct http_client *http;
    struct http_url url;
    const char *server;
    char *roots;
};

/* $KUBECONFIG may be a list, as for kubectl; the first file that exists is used. */
static char *first_existing_path(const char *list)
{
    scoped_mem char *copy = mem_copy_string(list);
    char *rest = copy;

    for (char *one; (one = strsep(&rest, ":"));)
        if (*one && file_exists(one))
            return mem_copy_string(one);
    return mem_copy_string(list);
}

char *cli_kubeconfig_path(const struct cli_flags *flags)
{
    if (flags->kubeconfig)
        return file_exists(flags->kubeconfig) ? mem_copy_string(flags->kubeconfig)
                                              : first_existing_path(flags->kubeconfig);
    {
        scoped_mem char *hub = mode_folder(flags, "hub");

        return mem_printf("%s/admin.kubeconfig", hub);
    }
}

char *cli_kubeconfig_read(const char *path, size_t *ret_len, struct err *err)
{
    char *text = file_read(path, 1024 * 1024, ret_len, err);

    if (text)
        return text;
    if (err->code == ERR_NOT_FOUND)
        err_set(err, ERR_NOT_FOUND,
                "%.400s: there is no such kubeconfig; a hub makes it at its "
                "first start (axle --mode=hub, with the same --data-dir); on another machine "
                "--kubeconfig=FILE names a copy of it",
                path);
    else if (err->code == ERR_FORBIDDEN)
        err_set(
            err, ERR_FORBIDDEN,
            "%.400s: this user may not read the kubeconfig (Permission denied); run this as root "
            "or as the hub's user, or name a copy with --kubeconfig=FILE",
            path);
    else
        err->code = ERR_INVALID; /* the path is a folder, or the file is no kubeconfig */
    return NULL;
}

static const struct node *find_named_entry(const struct node *list, const char *name)
{
    for (size_t i = 0; i < node_count(list); i++) {
        if (strcmp(node_get_text(node_item(list, i), "name"), name) == 0)
            return node_item(list, i);
    }
    return NULL;
}

/* The value of KEY-data in base64, or the content of the file that KEY names. */
static char *read_credential(struct arena *arena, const struct node *from, const char *key,
                             struct err *err)
{
    const char *data = node_get_text(from, arena_printf(arena, "%s-data", key));
    const char *path = node_get_text(from, key);
    scoped_text struct text bytes = {0};
    scoped_mem char *file = NULL;

    if (*data) {
        if (text_add_unbase64(&bytes, data, strlen(data), false))
            return arena_string(arena, text_string(&bytes));
        err_set(err, ERR_INVALID, "%s-data is not base64", key);
        return NULL;
    }
    if (!*path) {
        err_set(err, ERR_INVALID,
                "has neither %s-data nor %s: axle accepts certificates only, as in the hub's "
                "admin.kubeconfig; only kubectl can use tokens and plugins",
                key, key);
        return NULL;
    }
    file = file_read(path, 65536, NULL, err);
    return file ? arena_string(arena, file) : NULL;
}

static int read_kubeconfig(struct cli_client *client, const struct node *config,
                           struct tls_client_settings *tls, struct err *err)
{
    const struct node *context = node_get(
        find_named_entry(node_get(config, "contexts"), node_get_text(config, "current-context")),
        "context");
    const struct node *cluster =
        node_get(find_named_entry(node_get(config, "clusters"), node_get_text(context, "cluster")),
                 "cluster");
    const struct node *user = node_get(
        find_named_entry(node_get(config, "users"), node_get_text(context, "user")), "user");

    client->server = node_get_text(cluster, "server");
    if (!*client->server)
        return err_set(err, ERR_INVALID, "current-context names no server");
    client->roots = read_credential(client->arena, cluster, "certificate-authority", err);
    tls->roots = client->roots;
    tls->cert = tls->roots ? read_credential(client->arena, user, "client-certificate", err) : NULL;
    tls->key = tls->cert ? read_credential(client->arena, user, "client-key", err) : NULL;
    return tls->key ? http_url_read(client->server, &client->url, err) : -1;
}

/* As for kubectl, the proxy-url of the cluster goes before the environment. */
static const char *proxy_of(const struct node *config, const char *address)
{
    const struct node *context = node_get(
        find_named_entry(node_get(config, "contexts"), node_get_text(config, "current-context")),
        "context");
    const char *url = node_get_text(
        node_get(find_named_entry(node_get(config, "clusters"), node_get_text(context, "cluster")),
                 "cluster"),
        "proxy-url");

    return *url ? url
                : http_proxy_choose(http_proxy_of_environment(), http_no_proxy_of_environment(),
                                    address);
}

static int open_client(struct cli_client *client, const char *path, struct err *err)
{
    struct tls_client_settings tls = {0};
    struct http_client_settings http = {0};
    size_t len;
    scoped_mem char *text = cli_kubeconfig_read(path, &len, err);
    const struct node *config;

    if (!text)
        return -1;
    config =
        document_read_yaml(client->arena, text, len, DOCUMENT_KEYS_ONCE, &document_limits_own, err);
    if (!config || read_kubeconfig(client, config, &tls, err) < 0) {
        err->code = ERR_INVALID;
        return err_wrap(err, "%s", path);
    }
    client->loop = loop_new(err);
    if (!client->loop)
        return -1;
    tls.proxy = proxy_of(config, client->url.address);
    client->tls = tls_client_new(client->loop, &tls, err);
    if (!client->tls)
        return err_wrap(err, "%s", path);
    http.address = client->url.address;
    http.tls = client->tls;
    client->http = http_client_new(client->loop, &http, err);
    return client->http ? 0 : -1;
}

struct cli_client *client_open(const struct cli_flags *flags, struct err *err)
{
    scoped_mem char *path = cli_kubeconfig_path(flags);
    struct cli_client *client = mem_alloc(sizeof *client);

    client->arena = arena_new();
    if (open_client(client, path, err) < 0)
        client_close(&client);
    return client;
}

void client_close(struct cli_client **at)
{
    struct cli_client *client = take(*at);

    if (!client)
        return;
    http_client_free(&client->http);
    tls_client_free(&client->tls);
    loop_free(&client->loop);
    http_url_free(&client->url);
    arena_free(&client->arena);
    free(client);
}

const char *client_server(const struct cli_client *client)
{
    return client->server;
}

int client_pin(const struct cli_client *client, unsigned char ret[32], struct err *err)
{
    scoped_pki_cert struct pki_cert *cert =
        pki_cert_read(client->roots, strlen(client->roots), err);

    if (!cert)
        return -1;
    memcpy(ret, cert->pin, PKI_SHA256);
    return 0;
}

struct waiting {
    struct cli_client *client;
    struct arena *arena;
    struct node *response;
    struct err *err;
    bool done;
};

/* 5xx and 429 are failures of the hub; other codes are mistakes of the request. */
static enum err_code error_code_of_status(int status)
{
    if (status == 404)
        return ERR_NOT_FOUND;
    if (status == 401 || status == 403)
        return ERR_FORBIDDEN;
    return status >= 500 || status == 429 ? ERR_OTHER : ERR_INVALID;
}

#define NOT_RUNNING                                                                                \
    "; is it running (axle --mode=hub, systemctl status axle-hub), and reachable \
from here?"

static void on_response(const struct http_response *response, const struct err *err, void *arg)
{
    struct waiting *waiting = arg;
    struct node *body = NULL;

    waiting->done = true;
    loop_stop(waiting->client->loop);
    if (!response) {
        *waiting->err = *err;
        err_wrap(waiting->err, "the hub at %.200s does not respond", waiting->client->server);
        if (strlen(waiting->err->text) < sizeof waiting->err->text - sizeof NOT_RUNNING)
            memcpy(waiting->err->text + strlen(waiting->err->text), NOT_RUNNING,
                   sizeof NOT_RUNNING);
        return;
    }
    body = document_read_json(waiting->arena, response->body, response->len, &document_limits_own,
                              waiting->err);
    if (response->status < 300) {
        waiting->response = body;
        return;
    }
    err_set(waiting->err, error_code_of_status(response->status), "%s",
            *node_get_text(body, "message") ? node_get_text(body, "message")
                                            : http_status_text(response->status));
}

struct node *client_request(struct cli_client *client, struct arena *arena, const char *method,
                            const char *target, const struct node *body, struct err *err)
{
    struct waiting waiting = {client, arena, NULL, err, false};
    scoped_text struct text json = {0};
    struct http_field type = {"Content-Type",
                              strcmp(method, "PATCH") ? "application/json" : META_PATCH_MERGE};
    struct http_client_request request = {
        .method = method, .target = target, .done = on_response, .arg = &waiting};

    if (body) {
        document_write_json(&json, body);
        request.body = json.bytes;
        request.len = json.len;
        request.headers = &type;
        request.header_count = 1;
    }
    http_client_send(client->http, &request);
    while (!waiting.done)
        loop_run(client->loop);
    return waiting.response;
}

static void on_slept(void *arg)
{
    struct cli_client *client = arg;

    loop_stop(client->loop);
}

void client_sleep(struct cli_client *client, int64_t time)
{
    struct loop_timer *timer = loop_timer_new(client->loop, on_slept, client);

    loop_timer_set(timer, time);
    loop_run(client->loop);
    loop_timer_free(&timer);
}

static void make_printable(struct arena *arena, struct node *tree)
{
    for (size_t i = 0; node_is(tree, NODE_LIST) && i < node_count(tree); i++) {
        struct node *item = node_item(tree, i);
        scoped_text struct text out = {0};

        make_printable(arena, item);
        if (!node_is(item, NODE_STRING) || text_is_printable(node_text(item), item->len, false))
            continue;
        text_add_printable(&out, node_text(item), item->len, false);
        node_remove_item(tree, i);
        node_insert(arena, tree, i, node_bytes(arena, text_string(&out), out.len));
    }
    node_each(member, tree)
    {
        scoped_text struct text out = {0};

        make_printable(arena, member->value);
        if (!node_is(member->value, NODE_STRING))
            continue;
        text_add_printable(&out, node_text(member->value), member->value->len, false);
        member->value = node_bytes(arena, text_string(&out), out.len);
    }
}

struct node *cli_printable(struct arena *arena, const struct node *tree)
{
    struct node *copy = tree ? node_copy(arena, tree) : NULL;

    make_printable(arena, copy);
    return copy;
}
