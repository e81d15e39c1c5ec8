/* SPDX-License-Identifier: Apache-2.0 */
/* Talks to the hub with the spoke's own certificate. */
#include "spoke/inside.h"

#include "base/file.h"
#include "base/text.h"
#include "document/document.h"
#include "tls/tls.h"

#include <stdlib.h>
#include <string.h>

#define PEM_LIMIT ((size_t)64 * 1024)

static char *read_pem(struct spoke *spoke, const char *file, struct err *err)
{
    scoped_mem char *path = spoke_path(spoke, file);

    return file_read(path, PEM_LIMIT, NULL, err);
}

int link_open(struct spoke *spoke, struct err *err)
{
    scoped_mem char *roots = read_pem(spoke, "pki/hub-ca.crt", err);
    scoped_mem char *cert = roots ? read_pem(spoke, "pki/client.crt", err) : NULL;
    scoped_mem char *key = cert ? read_pem(spoke, "pki/client.key", err) : NULL;
    struct tls_client_settings settings = {
        .roots = roots, .cert = cert, .key = key};
    struct http_client_settings client = {.address = strstr(spoke->hub, "://") + 3};

    if (!key)
        return -1;
    http_client_free(&spoke->http);
    tls_client_free(&spoke->tls);
    spoke->tls = tls_client_new(spoke->loop, &settings, err);
    if (!spoke->tls)
        return -1;
    client.tls = spoke->tls;
    spoke->http = http_client_new(spoke->loop, &client, err);
    return spoke->http ? 0 : -1;
}

#define SENT_TAG 0x53454e54u
struct sent {
    uint32_t tag;
    link_fn *done;
    void *arg;
};

static void on_done(const struct http_answer *answer, const struct err *err,
                    void *arg)
{
    struct sent *sent = arg;

    if (sent->done)
        sent->done(sent->arg, answer ? answer->status : 0, answer, err);
    free(sent);
}

void link_send(struct spoke *spoke, const char *method, const char *target,
               const char *type, const struct node *body, link_fn *done,
               void *arg)
{
    struct sent *sent = mem_alloc(sizeof *sent);
    scoped_text struct text json = {0};
    struct http_field header = {"Content-Type", type ? type : "application/json"};
    struct http_ask ask = {.method = method, .target = target, .done = on_done,
                           .arg = sent};

    *sent = (struct sent){SENT_TAG, done, arg};
    if (body) {
        document_write_json(&json, body);
        ask.body = json.bytes;
        ask.len = json.len;
        ask.headers = &header;
        ask.header_count = 1;
    }
    http_client_send(spoke->http, &ask);
}

void link_explain(int status, const struct http_answer *answer,
                  const struct err *why, struct err *ret)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *body = NULL;
    enum err_code code = status == 404 ? ERR_NOT_FOUND : ERR_UNREACHABLE;

    if (!answer) {
        *ret = *why;
        return;
    }
    if (answer->body)
        body = document_read_json(arena, answer->body, answer->len,
                                  &document_limits_api, NULL);
    if (*node_get_text(body, "message"))
        err_set(ret, code, "%s", node_get_text(body, "message"));
    else
        err_set(ret, code, "HTTP %d %s", status, http_status_text(status));
}
