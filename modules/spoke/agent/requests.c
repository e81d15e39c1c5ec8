/* SPDX-License-Identifier: Apache-2.0 */
/* Sends single requests to the hub, and tells each sender how its request ended. */
#include "agent/requests.h"
#include "agent/internal.h"
#include "agent/session.h"

#include "base/clock.h"
#include "document/document.h"
#include "pki/pki.h"
#include "tls/tls.h"

#include <string.h>

/* A connection beside the watch's costs the hub more at rest than to resume it when needed. */
#define UNUSED (3 * CLOCK_SECOND)

struct requests {
    struct tls_client *tls; /* owned; kept over connections, for it holds the session ticket */
    unsigned char tls_digest[PKI_SHA256]; /* of the settings that `tls` was made with */
    struct http_client *http;             /* owned; NULL: there is no connection */
    struct pending_request *sent;         /* owned: those under way */
    void (*on_response)(struct agent *agent, const struct http_response *response);
};

/* A request under way. Its sender is told in any case, also when the link is closed
   meanwhile, so that none waits for ever. */
struct pending_request {
    struct agent *agent;
    struct pending_request *next, **at; /* in requests->sent */
    struct loop_timer *late;            /* owned; set when there is no connection at all */
    request_fn *done;
    void *arg;
    /* Of a sender that takes the body in pieces. */
    void (*head)(struct http_call *call, const struct http_response *response, void *arg);
    void (*data)(struct http_call *call, const char *bytes, size_t len, void *arg);
};

void requests_open(struct agent *agent,
                   void (*on_response)(struct agent *agent, const struct http_response *response))
{
    agent->requests = mem_alloc(sizeof *agent->requests);
    agent->requests->on_response = on_response;
}

void requests_close(struct agent *agent)
{
    tls_client_free(&agent->requests->tls);
    mem_free(&agent->requests);
}

/* ---- The connection -------------------------------------------------------------- */

/* Each text with its length before it, so that none runs into the next. */
static void add_setting(struct pki_sha256 *hash, const void *bytes, size_t len)
{
    pki_sha256_add(hash, &len, sizeof len);
    if (len)
        pki_sha256_add(hash, bytes, len);
}

static void digest_settings(const struct agent *agent, const struct tls_client_settings *tls,
                            unsigned char ret[PKI_SHA256])
{
    const char *texts[] = {agent->hub, tls->roots, tls->cert, tls->key, tls->proxy};
    struct pki_sha256 hash;

    pki_sha256_start(&hash);
    for (size_t i = 0; i < count_of(texts); i++)
        add_setting(&hash, texts[i], texts[i] ? strlen(texts[i]) : 0);
    add_setting(&hash, tls->pin, tls->pin ? PKI_SHA256 : 0);
    pki_sha256_end(&hash, ret);
}

/* The ticket of the last connection makes the next one 100 times cheaper for the hub. It is
   of one certificate, so other settings begin without. */
static int use_tls_settings(struct agent *agent, const struct tls_client_settings *tls,
                            struct err *err)
{
    struct requests *requests = agent->requests;
    unsigned char digest[PKI_SHA256];

    digest_settings(agent, tls, digest);
    if (requests->tls && !memcmp(requests->tls_digest, digest, sizeof digest))
        return 0;
    tls_client_free(&requests->tls);
    requests->tls = tls_client_new(agent->loop, tls, err);
    memcpy(requests->tls_digest, digest, sizeof digest);
    return requests->tls ? 0 : -1;
}

int requests_connect(struct agent *agent, const struct tls_client_settings *tls, struct err *err)
{
    struct requests *requests = agent->requests;
    struct http_client_settings client = {.address = strstr(agent->hub, "://") + 3,
                                          .idle_deadline = UNUSED};

    if (use_tls_settings(agent, tls, err) < 0)
        return -1;
    client.tls = requests->tls;
    requests->http = http_client_new(agent->loop, &client, err);
    return requests->http ? 0 : -1;
}

void requests_disconnect(struct agent *agent)
{
    http_client_free(&agent->requests->http);
}

struct http_client *requests_client(const struct agent *agent)
{
    return agent->requests->http;
}

/* ---- How a request ends ---------------------------------------------------------- */

/* A success needs no words, so its body is not parsed for some. */
static bool is_success_status(const struct http_response *response)
{
    return response->status >= 200 && response->status < 300;
}

void requests_explain(const struct http_response *response, const struct err *err, struct err *ret)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *body = NULL;

    if (!response) {
        *ret = *err;
        return;
    }
    if (response->body && !is_success_status(response))
        body = document_read_json(arena, response->body, response->len, &document_limits_api, NULL);
    if (*node_get_text(body, "message"))
        err_set(ret, response->status == 404 ? ERR_NOT_FOUND : ERR_UNREACHABLE, "%s",
                node_get_text(body, "message"));
    else
        err_set(ret, response->status == 404 ? ERR_NOT_FOUND : ERR_UNREACHABLE, "HTTP %d %s",
                response->status, http_status_text(response->status));
}

/* Frees the request before `done`, which may send others or close the link. */
static void end_pending(struct pending_request *pending, const struct http_response *response,
                        const struct err *err)
{
    struct agent *agent = pending->agent;
    request_fn *done = pending->done;
    void *arg = pending->arg;
    struct err why = {0};

    if (response) {
        session_heard(agent);
        agent->requests->on_response(agent, response);
    }
    *pending->at = pending->next;
    if (pending->next)
        pending->next->at = pending->at;
    loop_timer_free(&pending->late);
    mem_free(&pending);
    if (!done)
        return;
    requests_explain(response, err, &why);
    done(arg, response ? response->status : 0, response, &why);
}

static void on_request_head(struct http_call *call, const struct http_response *response, void *arg)
{
    const struct pending_request *pending = arg;

    pending->head(call, response, pending->arg);
}

static void on_request_body(struct http_call *call, const char *bytes, size_t len, void *arg)
{
    const struct pending_request *pending = arg;

    pending->data(call, bytes, len, pending->arg);
}

static void on_request_done(const struct http_response *response, const struct err *err, void *arg)
{
    end_pending(arg, response, err);
}

/* It was sent while there was no connection: its sender is told in a later turn, as ever. */
static void on_no_connection(void *arg)
{
    struct err err = {0};

    err_set(&err, ERR_UNREACHABLE, "there is no connection to the hub");
    end_pending(arg, NULL, &err);
}

void requests_give_up(struct agent *agent, const struct err *err)
{
    while (agent->requests->sent)
        end_pending(agent->requests->sent, NULL, err);
}

/* ---- Sending --------------------------------------------------------------------- */

void requests_send(struct agent *agent, const struct http_client_request *request, request_fn *done,
                   void *arg)
{
    struct requests *requests = agent->requests;
    struct pending_request *pending = mem_alloc(sizeof *pending);
    struct http_client_request mine = *request;

    *pending = (struct pending_request){agent, requests->sent, &requests->sent, NULL, done,
                                        arg,   request->head,  request->data};
    if (pending->next)
        pending->next->at = &pending->next;
    requests->sent = pending;
    mine.done = on_request_done;
    mine.head = request->head ? on_request_head : NULL;
    mine.data = request->data ? on_request_body : NULL;
    mine.arg = pending;
    if (!requests->http) {
        pending->late = loop_timer_new(agent->loop, on_no_connection, pending);
        loop_timer_set(pending->late, 0);
        return;
    }
    http_client_send(requests->http, &mine);
}
