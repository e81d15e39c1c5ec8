/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes the connection to the hub, and sends documents over it. */
#include "agent/link.h"
#include "agent/internal.h"
#include "agent/session.h"

#include "document/document.h"
#include "storage/storage.h"
#include "tls/tls.h"

#include <string.h>

int link_open(struct agent *agent, struct err *err)
{
    const char *directory = agent->directory;
    scoped_mem char *roots = storage_file_read(directory, "pki/hub-ca.crt", NULL, err);
    scoped_mem char *cert =
        roots ? storage_file_read(directory, "pki/client.crt", NULL, err) : NULL;
    scoped_mem char *key = cert ? storage_file_read(directory, "pki/client.key", NULL, err) : NULL;
    struct tls_client_settings settings = {
        .roots = roots, .cert = cert, .key = key, .proxy = agent->proxy};

    if (!key)
        return -1;
    link_close(agent);
    return requests_connect(agent, &settings, err);
}

int link_open_with_pin(struct agent *agent, const unsigned char *pin, struct err *err)
{
    struct tls_client_settings settings = {.pin = pin, .proxy = agent->proxy};

    link_close(agent);
    return requests_connect(agent, &settings, err);
}

/* The senders are told only after the connection is gone: what they send now fails at
   once. Those that report a loss are not heard, since it is this end that closes. */
void link_close(struct agent *agent)
{
    struct err err = {0};

    requests_disconnect(agent);
    err_set(&err, ERR_UNREACHABLE, "the connection to the hub was closed");
    session_set_closing(agent, true);
    requests_give_up(agent, &err);
    writes_give_up(agent, &err);
    session_set_closing(agent, false);
}

/* The lease, the cluster's status and certificates keep this spoke in: they go first, and
   their senders try again. */
static bool may_wait(const char *method, const char *target)
{
    return strcmp(method, "GET") != 0 && !strstr(target, "/leases/") &&
           !strstr(target, "/managedclusters/") && !strstr(target, "/certificatesigningrequests");
}

void link_send(struct agent *agent, const char *method, const char *target, const char *type,
               const struct node *body, request_fn *done, void *arg)
{
    scoped_text struct text json = {0};
    struct http_field header = {"Content-Type", type ? type : "application/json"};
    struct http_client_request request = {.method = method, .target = target};

    if (body)
        document_write_json(&json, body);
    if (may_wait(method, target)) {
        writes_send(agent, method, target, header.value, body ? &json : NULL, done, arg);
        return;
    }
    if (body) {
        request.body = json.bytes;
        request.len = json.len;
        request.headers = &header;
        request.header_count = 1;
    }
    requests_send(agent, &request, done, arg);
}
