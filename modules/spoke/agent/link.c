/* SPDX-License-Identifier: Apache-2.0 */
/* Talks to the hub with the spoke's own certificate. */
#include "agent/inside.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "tls/tls.h"

#include <stdlib.h>
#include <string.h>

static char *read_pem(struct agent *agent, const char *file, struct err *err)
{
    return identity_read(agent, file, NULL, err);
}

int link_open(struct agent *agent, struct err *err)
{
    scoped_mem char *roots = read_pem(agent, "pki/hub-ca.crt", err);
    scoped_mem char *cert = roots ? read_pem(agent, "pki/client.crt", err) : NULL;
    scoped_mem char *key = cert ? read_pem(agent, "pki/client.key", err) : NULL;
    struct tls_client_settings settings = {
        .roots = roots, .cert = cert, .key = key, .proxy = agent->proxy};
    struct http_client_settings client = {.address = strstr(agent->hub, "://") + 3};

    if (!key)
        return -1;
    link_close(agent);
    agent->tls = tls_client_new(agent->loop, &settings, err);
    if (!agent->tls)
        return -1;
    client.tls = agent->tls;
    agent->http = http_client_new(agent->loop, &client, err);
    return agent->http ? 0 : -1;
}

/* A request under way. Whoever asked is told in any case, also when the link is
   closed meanwhile, so nobody waits for ever. */
struct link_sent {
    struct agent *agent;
    struct link_sent *next, **at; /* in agent->sent */
    struct loop_timer *late; /* owned; when there is no link at all */
    link_fn *done;
    void *arg;
    /* Of the handler that takes the body in pieces. */
    void (*head)(struct http_call *call, const struct http_answer *answer, void *arg);
    void (*data)(struct http_call *call, const char *bytes, size_t len, void *arg);
};

static void on_head(struct http_call *call, const struct http_answer *answer, void *arg)
{
    const struct link_sent *sent = arg;

    sent->head(call, answer, sent->arg);
}

static void on_data(struct http_call *call, const char *bytes, size_t len, void *arg)
{
    const struct link_sent *sent = arg;

    sent->data(call, bytes, len, sent->arg);
}

static void sent_end(struct link_sent *sent, const struct http_answer *answer,
                     const struct err *err)
{
    link_fn *done = sent->done;
    void *arg = sent->arg;

    if (answer) {
        sent->agent->contact = clock_wall();
        epoch_see(sent->agent, answer);
    }
    *sent->at = sent->next;
    if (sent->next)
        sent->next->at = sent->at;
    loop_timer_free(&sent->late);
    free(sent);
    if (done)
        done(arg, answer ? answer->status : 0, answer, err);
}

static void on_done(const struct http_answer *answer, const struct err *err,
                    void *arg)
{
    sent_end(arg, answer, err);
}

/* Asked for while the hub is away: told so, later as ever. */
static void on_no_link(void *arg)
{
    struct err err = {0};

    err_set(&err, ERR_UNREACHABLE, "there is no connection to the hub");
    sent_end(arg, NULL, &err);
}

void link_close(struct agent *agent)
{
    struct err err = {0};

    facts_stop(agent);
    http_client_free(&agent->http);
    tls_client_free(&agent->tls);
    err_set(&err, ERR_UNREACHABLE, "the connection to the hub was given up");
    agent->closing = true;
    while (agent->sent)
        sent_end(agent->sent, NULL, &err);
    writes_give_up(agent, &err);
    agent->closing = false;
}

void link_ask(struct agent *agent, const struct http_ask *ask, link_fn *done,
              void *arg)
{
    struct link_sent *sent = mem_alloc(sizeof *sent);
    struct http_ask mine = *ask;

    *sent = (struct link_sent){agent, agent->sent, &agent->sent, NULL, done, arg,
                               ask->head, ask->data};
    if (sent->next)
        sent->next->at = &sent->next;
    agent->sent = sent;
    mine.done = on_done;
    mine.head = ask->head ? on_head : NULL;
    mine.data = ask->data ? on_data : NULL;
    mine.arg = sent;
    if (!agent->http) {
        sent->late = loop_timer_new(agent->loop, on_no_link, sent);
        loop_timer_set(sent->late, 0);
        return;
    }
    http_client_send(agent->http, &mine);
}

/* The lease, the cluster's status and certificates keep this spoke in: they go first, and
   who sends them tries again. */
static bool may_wait(const char *method, const char *target)
{
    return strcmp(method, "GET") != 0 && !strstr(target, "/leases/") &&
           !strstr(target, "/managedclusters/") && !strstr(target, "/certificatesigningrequests");
}

void link_send(struct agent *agent, const char *method, const char *target,
               const char *type, const struct node *body, link_fn *done,
               void *arg)
{
    scoped_text struct text json = {0};
    struct http_field header = {"Content-Type", type ? type : "application/json"};
    struct http_ask ask = {.method = method, .target = target};

    if (body)
        document_write_json(&json, body);
    if (may_wait(method, target)) {
        writes_send(agent, method, target, header.value, body ? &json : NULL, done, arg);
        return;
    }
    if (body) {
        ask.body = json.bytes;
        ask.len = json.len;
        ask.headers = &header;
        ask.header_count = 1;
    }
    link_ask(agent, &ask, done, arg);
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
