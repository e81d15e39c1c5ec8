/* SPDX-License-Identifier: Apache-2.0 */
/* Turns a join token into a certificate of this spoke's own, in three requests. */
#include "agent/departure.h"
#include "agent/identity.h"
#include "agent/internal.h"
#include "agent/link.h"
#include "agent/session.h"
#include "agent/sync.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/object.h"
#include "document/document.h"
#include "meta/meta.h"
#include "query/query.h"
#include "storage/storage.h"
#include "tls/tls.h"

#include <string.h>

/*
 * First the ManagedCluster is made, then a request for a certificate; then a watch of the
 * request brings the decision. Each response begins the next step; any failure ends in
 * session_lost(), and the next attempt begins anew.
 */
struct join {
    char *csr;               /* owned; name of the request */
    char *root;              /* owned; the hub's authority, proven by the token's pin */
    struct http_call *watch; /* borrowed while it runs */
    struct http_lines lines;
};

void join_open(struct agent *agent)
{
    agent->join = mem_alloc(sizeof *agent->join);
}

void join_stop(struct agent *agent)
{
    if (agent->join->watch)
        http_call_cancel(&agent->join->watch);
    http_lines_free(&agent->join->lines);
}

void join_close(struct agent *agent)
{
    join_stop(agent);
    mem_free(&agent->join->csr);
    mem_free(&agent->join->root);
    mem_free(&agent->join);
}

static void fail_join(struct agent *agent, const struct http_response *response,
                      const struct err *err)
{
    struct err why = {0};

    requests_explain(response, err, &why);
    session_lost(agent, "joining", &why);
}

/* With the token: there is no certificate yet. */
static void post_with_token(struct agent *agent, const char *target, const struct node *body,
                            void (*done)(const struct http_response *response,
                                         const struct err *err, void *arg))
{
    scoped_mem char *bearer = mem_printf("Bearer %s", agent->token);
    struct http_field headers[] = {{"Authorization", bearer}, {"Content-Type", "application/json"}};
    scoped_text struct text json = {0};
    struct http_client_request request = {.method = "POST",
                                          .target = target,
                                          .headers = headers,
                                          .header_count = 2,
                                          .done = done,
                                          .arg = agent};

    document_write_json(&json, body);
    request.body = json.bytes;
    request.len = json.len;
    http_client_send(requests_client(agent), &request);
}

/* ---- Third: the certificate ------------------------------------------------------ */

static void watch_decision(struct agent *agent);

/* Each file is written whole; a crash between two leaves a join that is not done. */
static int keep_identity(struct agent *agent, const char *certificate, struct err *err)
{
    const char *directory = agent->directory, *root = agent->join->root;
    scoped_text struct text pem = {0};

    if (certificate_check(agent, root, certificate, &pem, err) < 0 ||
        departure_joining(agent, err) < 0 || token_remember(agent, err) < 0 ||
        storage_file_write(directory, "pki/hub-ca.crt", root, strlen(root), err) < 0 ||
        storage_file_write(directory, "name", agent->name, strlen(agent->name), err) < 0 ||
        storage_file_write(directory, "hub", agent->hub, strlen(agent->hub), err) < 0)
        return -1;
    /* The certificate last: with it the join is done. */
    return storage_file_write(directory, "pki/client.crt", pem.bytes, pem.len, err);
}

/* What the lines of the watch say that came at once. */
struct decision {
    struct arena *arena;
    const char *denied, *certificate;
    bool gone;
};

static bool read_decision(const char *line, size_t len, void *arg)
{
    struct decision *decision = arg;
    const struct node *event, *status;
    const char *type;

    if (!len)
        return true;
    event = document_read_json(decision->arena, line, len, &document_limits_api, NULL);
    type = node_get_text(event, "type");
    if (strcmp(type, "BOOKMARK") == 0)
        return true;
    decision->gone = strcmp(type, "ADDED") != 0 && strcmp(type, "MODIFIED") != 0;
    status = node_get(node_get(event, "object"), "status");
    decision->denied = certificate_denial(status);
    decision->certificate = node_get_text(status, "certificate");
    return !decision->gone && !decision->denied && !*decision->certificate;
}

static void take_first_certificate(struct agent *agent, const char *certificate)
{
    struct err err = {0};

    join_stop(agent);
    if (keep_identity(agent, certificate, &err) < 0) {
        session_lost(agent, "joining", &err);
        return;
    }
    log_info("spoke", "joined %s as %s", agent->hub, agent->name);
    session_move(agent, SESSION_LISTING);
}

static void on_decision_data(struct http_call *call, const char *bytes, size_t len, void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    struct decision decision = {arena, NULL, "", false};
    struct err err = {0};

    if (http_lines_feed(&agent->join->lines, bytes, len, read_decision, &decision, &err) == 0) {
        if (decision.gone)
            err_set(&err, ERR_GONE, "the hub has lost the request for a certificate");
        else if (decision.denied)
            err_set(&err, ERR_FORBIDDEN, "the hub refused this spoke: %s", decision.denied);
    }
    if (err.code)
        session_lost(agent, "joining", &err);
    else if (*decision.certificate)
        take_first_certificate(agent, decision.certificate);
}

/* One that ends in order is begun again: there was no decision for an hour. */
static void on_decision_watch_done(const struct http_response *response, const struct err *err,
                                   void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    struct err why = {0};

    agent->join->watch = NULL;
    if (response && response->status == 200 && session_is_steady(agent)) {
        watch_decision(agent);
    } else if (response && response->status == 200) {
        err_set(&why, ERR_UNREACHABLE, "the hub closes each watch right after it starts");
        session_lost(agent, "joining", &why);
    } else
        fail_join(agent, response, err);
}

/* The first event of the watch is the request as it is. */
static void watch_decision(struct agent *agent)
{
    scoped_mem char *bearer = mem_printf("Bearer %s", agent->token);
    scoped_mem char *target = mem_printf(
        AGENT_CSRS "?watch=true&allowWatchBookmarks=true&fieldSelector=metadata.name%%3D%s",
        agent->join->csr);
    struct http_field header = {"Authorization", bearer};
    struct http_client_request request = {.target = target,
                                          .headers = &header,
                                          .header_count = 1,
                                          .data = on_decision_data,
                                          .done = on_decision_watch_done,
                                          .silence = AGENT_WATCH_SILENCE,
                                          .arg = agent};

    http_lines_free(&agent->join->lines);
    session_watch_begun(agent);
    agent->join->watch = http_client_send(requests_client(agent), &request);
}

/* ---- Second: the request --------------------------------------------------------- */

static void on_join_request_made(const struct http_response *response, const struct err *err,
                                 void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text root = {0};
    struct err why = {0};
    const struct node *made;
    char word[NAME_WHY];

    if (!response || response->status != 201) {
        fail_join(agent, response, err);
        return;
    }
    if (tls_pinned_root(response->stream, &root, &why) < 0) {
        session_lost(agent, "joining", &why);
        return;
    }
    mem_free(&agent->join->root);
    agent->join->root = text_take(&root);
    made = document_read_json(arena, response->body, response->len, &document_limits_api, NULL);
    mem_free(&agent->join->csr);
    agent->join->csr = mem_copy_string(meta_name(made));
    if (!name_is_dns_subdomain(agent->join->csr, word)) {
        err_set(&why, ERR_INVALID,
                "the response is not a CertificateSigningRequest: check that the URL is the hub's");
        session_lost(agent, "joining", &why);
        return;
    }
    log_info("spoke", "waiting for the hub to admit %s (request %s)", agent->name,
             agent->join->csr);
    watch_decision(agent);
}

/* ---- First: the cluster ---------------------------------------------------------- */

static void on_cluster_made(const struct http_response *response, const struct err *err, void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    struct err why = {0};
    struct node *request;

    /* 409: it was made by an earlier attempt, or ahead by the pool. */
    if (!response || (response->status != 201 && response->status != 409)) {
        fail_join(agent, response, err);
        return;
    }
    request = certificate_make_request(agent, arena, &why);
    if (!request) {
        session_lost(agent, "joining", &why);
        return;
    }
    post_with_token(agent, AGENT_CSRS, request, on_join_request_made);
}

static int open_with_token(struct agent *agent, struct err *err)
{
    scoped_text struct text pin = {0};

    if (token_add_pin(agent, &pin, err) < 0)
        return -1;
    agent->rejoin = false;
    return link_open_with_pin(agent, (const unsigned char *)pin.bytes, err);
}

void join_start(struct agent *agent)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *object = node_map(arena), *metadata = node_make(arena, object, "metadata");
    scoped_text struct text pin = {0};
    struct err err = {0};

    if (open_with_token(agent, &err) < 0 || certificate_add_key_pin(agent, &pin, &err) < 0) {
        session_lost(agent, "joining", &err);
        return;
    }
    node_set_text(arena, object, "apiVersion", META_API_CLUSTER);
    node_set_text(arena, object, "kind", "ManagedCluster");
    node_set_text(arena, metadata, "name", agent->name);
    node_set_text(arena, node_make(arena, metadata, "annotations"), META_ANNOTATION_JOIN_KEY,
                  text_string(&pin));
    node_make(arena, object, "spec");
    post_with_token(agent, AGENT_CLUSTERS, object, on_cluster_made);
}
