/* SPDX-License-Identifier: Apache-2.0 */
/* Turns a join token into a certificate of this spoke's own. */
#include "agent/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/object.h"
#include "document/document.h"
#include "pki/pki.h"
#include "query/query.h"
#include "tls/tls.h"

#include <stdlib.h>
#include <string.h>

#define CSRS "/apis/certificates.k8s.io/v1/certificatesigningrequests"
#define CLUSTERS "/apis/cluster.open-cluster-management.io/v1/managedclusters"
#define SIGNER "kubernetes.io/kube-apiserver-client"
#define GROUP "system:open-cluster-management"
/* Which key will speak for this cluster: nobody else finishes what is begun here. */
#define JOIN_KEY "axle.dev/join-key"
/* The id of the token of the last join: another one asks for another join. */
#define TOKEN_FILE "joined-with"

bool join_token_is_new(const struct agent *agent)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *last = identity_read(agent, TOKEN_FILE, NULL, NULL);
    struct pki_join_token token;

    return agent->token && pki_join_token_parse(arena, agent->token, &token, NULL) == 0 &&
           !(last && strcmp(last, token.id) == 0);
}

static int read_pin(const struct agent *agent, struct text *ret, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct pki_join_token token;

    if (pki_join_token_parse(arena, agent->token, &token, err) < 0)
        return -1;
    if (!text_add_unhex(ret, token.pin, strlen(token.pin)) || ret->len != PKI_SHA256)
        return err_set(err, ERR_INVALID,
                       "the join token is damaged; copy all of it, or make another "
                       "one on the hub: axle token create");
    return 0;
}

/* A hub that has lost its authority's key has another one, which only a token proves. */
static bool token_names_another_hub(const struct agent *agent)
{
    scoped_text struct text pin = {0};
    size_t len = 0;
    scoped_mem char *pem = identity_read(agent, "pki/hub-ca.crt", &len, NULL);
    scoped_pki_cert struct pki_cert *authority = pem ? pki_cert_read(pem, len, NULL) : NULL;

    return authority && join_token_is_new(agent) && read_pin(agent, &pin, NULL) == 0 &&
           memcmp(authority->pin, pin.bytes, PKI_SHA256) != 0;
}

bool join_is_done(const struct agent *agent)
{
    static const char *const files[] = {"pki/client.crt", "pki/client.key",
                                        "pki/hub-ca.crt"};

    for (size_t i = 0; i < count_of(files); i++)
        if (!identity_has(agent, files[i]))
            return false;
    /* After a long absence a token lets it in once more, with the same key. */
    return !agent->token || !(agent->rejoin || renew_is_over(agent) ||
                              identity_is_broken(agent) || token_names_another_hub(agent));
}

static void fail(struct agent *agent, int status,
                 const struct http_answer *answer, const struct err *err)
{
    struct err why = {0};

    link_explain(status, answer, err, &why);
    agent_lost(agent, "joining", &why);
}

static void send(struct agent *agent, const char *method, const char *target,
                 const struct node *body,
                 void (*done)(const struct http_answer *answer,
                              const struct err *err, void *arg))
{
    scoped_mem char *bearer = mem_printf("Bearer %s", agent->token);
    struct http_field headers[] = {{"Authorization", bearer},
                                   {"Content-Type", "application/json"}};
    scoped_text struct text json = {0};
    struct http_ask ask = {.method = method, .target = target,
                           .headers = headers, .header_count = 2,
                           .done = done, .arg = agent};

    if (body) {
        document_write_json(&json, body);
        ask.body = json.bytes;
        ask.len = json.len;
    }
    http_client_send(agent->http, &ask);
}

/* ---- Third: the certificate ----------------------------------------------- */

static void watch_request(struct agent *agent);

/* What would not let this spoke in is not kept: above all not in place of one that does. */
int join_check_certificate(const struct agent *agent, const char *authority, const char *base64,
                           struct text *ret_pem, struct err *err)
{
    scoped_mem char *key_pem = identity_read(agent, "pki/client.key", NULL, err);
    scoped_pki_key struct pki_key *key = key_pem ? pki_key_read(key_pem, err) : NULL;
    scoped_mem char *name = mem_printf(GROUP ":%s:agent", agent->name);
    scoped_pki_cert struct pki_cert *cert = NULL;
    unsigned char pin[PKI_SHA256];

    if (!key)
        return -1;
    pki_key_pin(key, pin);
    if (text_add_unbase64(ret_pem, base64, strlen(base64), false))
        cert = pki_cert_read(text_string(ret_pem), ret_pem->len, NULL);
    if (!cert)
        return err_set(err, ERR_INVALID, "the certificate that the hub has sent is damaged");
    if (memcmp(cert->pin, pin, sizeof pin) != 0)
        return err_set(err, ERR_INVALID, "the certificate that the hub has sent is for another key");
    if (strcmp(cert->common_name, name) != 0)
        return err_set(err, ERR_INVALID, "the certificate that the hub has sent is for \"%.100s\", "
                       "not for \"%s\"", cert->common_name, name);
    if (!pki_cert_is_issued_by(text_string(ret_pem), authority))
        return err_set(err, ERR_INVALID, "the certificate that the hub has sent is not signed by "
                       "the hub's authority");
    return 0;
}

static int keep_files(struct agent *agent, const char *certificate, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text pem = {0};

    struct pki_join_token token;

    if (join_check_certificate(agent, agent->root, certificate, &pem, err) < 0)
        return -1;
    if (pki_join_token_parse(arena, agent->token, &token, err) < 0 ||
        departure_joining(agent, err) < 0 ||
        identity_write(agent, TOKEN_FILE, token.id, strlen(token.id), err) < 0 ||
        identity_write(agent, "pki/hub-ca.crt", agent->root, strlen(agent->root), err) < 0 ||
        identity_write(agent, "name", agent->name, strlen(agent->name), err) < 0 ||
        identity_write(agent, "hub", agent->hub, strlen(agent->hub), err) < 0)
        return -1;
    /* The certificate last: it is what says that joining is done. */
    return identity_write(agent, "pki/client.crt", pem.bytes, pem.len, err);
}

const char *join_denial(const struct node *status)
{
    const struct node *conditions = node_get(status, "conditions");

    for (size_t i = 0; i < node_count(conditions); i++) {
        const struct node *condition = node_item(conditions, i);
        const char *type = node_get_text(condition, "type");

        if (strcmp(type, "Denied") == 0 || strcmp(type, "Failed") == 0)
            return node_get_text(condition, "message");
    }
    return NULL;
}

/* What the lines of the watch that came at once say. */
struct decision {
    struct arena *arena;
    const char *denied, *certificate;
    bool gone;
};

static bool on_line(const char *line, size_t len, void *arg)
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
    decision->denied = join_denial(status);
    decision->certificate = node_get_text(status, "certificate");
    return !decision->gone && !decision->denied && !*decision->certificate;
}

static void on_data(struct http_call *call, const char *bytes, size_t len,
                    void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    struct decision decision = {arena, NULL, "", false};
    struct err err = {0};

    if (http_lines_feed(&agent->lines, bytes, len, on_line, &decision, &err) < 0) {
        agent_lost(agent, "joining", &err);
    } else if (decision.gone) {
        err_set(&err, ERR_GONE, "the hub has lost the request for a certificate");
        agent_lost(agent, "joining", &err);
    } else if (decision.denied) {
        err_set(&err, ERR_FORBIDDEN, "the hub refused this spoke: %s", decision.denied);
        agent_lost(agent, "joining", &err);
    } else if (*decision.certificate) {
        sync_stop(agent);
        if (keep_files(agent, decision.certificate, &err) < 0) {
            agent_lost(agent, "joining", &err);
            return;
        }
        log_info("spoke", "joined %s as %s", agent->hub, agent->name);
        agent_move(agent, AGENT_LISTING);
    }
}

/* It ended in order: nobody has decided for an hour. */
static void on_watch_done(const struct http_answer *answer,
                          const struct err *err, void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    struct err why = {0};

    agent->watch = NULL;
    if (answer && answer->status == 200 && agent_is_steady(agent)) {
        watch_request(agent);
    } else if (answer && answer->status == 200) {
        err_set(&why, ERR_UNREACHABLE, "the hub ends the watch as soon as it has begun");
        agent_lost(agent, "joining", &why);
    } else
        fail(agent, answer ? answer->status : 0, answer, err);
}

/* The first event of the watch is the request as it is. */
static void watch_request(struct agent *agent)
{
    scoped_mem char *bearer = mem_printf("Bearer %s", agent->token);
    scoped_mem char *target = mem_printf(
        CSRS "?watch=true&allowWatchBookmarks=true&fieldSelector=metadata.name%%3D%s",
        agent->csr);
    struct http_field header = {"Authorization", bearer};
    struct http_ask ask = {.target = target, .headers = &header, .header_count = 1,
                           .data = on_data, .done = on_watch_done,
                           .silence = WATCH_SILENCE, .arg = agent};

    http_lines_free(&agent->lines);
    agent->watching_since = clock_steady();
    agent->watch = http_client_send(agent->http, &ask);
}

/* ---- Second: the request -------------------------------------------------- */

static struct pki_key *own_key(struct agent *agent, struct err *err)
{
    scoped_mem char *path = agent_path(agent, "pki/client.key");
    scoped_text struct text pem = {0};
    struct pki_key *key;

    if (identity_has(agent, "pki/client.key")) {
        scoped_mem char *old = identity_read(agent, "pki/client.key", NULL, err);

        key = old ? pki_key_read(old, err) : NULL;
        if (key || !agent->token)
            return key;
        log_error("spoke", "%s is damaged and put aside; this spoke joins with a new key", path);
        *err = (struct err){0};
        if (state_set_aside(agent, "pki/client.key", NULL, err) < 0)
            return NULL;
    }
    key = pki_key_new();
    pki_key_write(key, &pem);
    if (identity_write(agent, "pki/client.key", pem.bytes, pem.len, err) < 0)
        pki_key_free(&key);
    return key;
}

struct node *join_make_request(struct agent *agent, struct arena *arena,
                               struct err *err)
{
    const char *groups[] = {
        arena_printf(arena, GROUP ":%s", agent->name),
        GROUP ":managed-clusters"};
    struct pki_subject subject = {
        arena_printf(arena, GROUP ":%s:agent", agent->name), groups, 2};
    scoped_pki_key struct pki_key *key = own_key(agent, err);
    static const char *const usages[] = {"digital signature", "key encipherment",
                                         "client auth"};
    struct node *object = node_map(arena);
    struct node *metadata = node_make(arena, object, "metadata");
    struct node *spec = node_make(arena, object, "spec");
    scoped_text struct text pem = {0};
    scoped_text struct text base64 = {0};

    if (!key || pki_request_write(key, &subject, &pem, err) < 0)
        return NULL;
    text_add_base64(&base64, pem.bytes, pem.len, false);
    node_set_text(arena, object, "apiVersion", "certificates.k8s.io/v1");
    node_set_text(arena, object, "kind", "CertificateSigningRequest");
    node_set(arena, metadata, "generateName",
             node_format(arena, "%s-", agent->name));
    node_set_text(arena, node_make(arena, metadata, "labels"),
                  "open-cluster-management.io/cluster-name", agent->name);
    node_set_text(arena, spec, "request", text_string(&base64));
    node_set_text(arena, spec, "signerName", SIGNER);
    for (size_t i = 0; i < count_of(usages); i++)
        node_add(arena, node_make_list(arena, spec, "usages"),
                 node_string(arena, usages[i]));
    return object;
}

static void on_request_made(const struct http_answer *answer,
                            const struct err *err, void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text root = {0};
    struct err why = {0};
    const struct node *made;
    char word[NAME_WHY];

    if (!answer || answer->status != 201) {
        fail(agent, answer ? answer->status : 0, answer, err);
        return;
    }
    if (tls_pinned_root(answer->stream, &root, &why) < 0) {
        agent_lost(agent, "joining", &why);
        return;
    }
    mem_free(&agent->root);
    agent->root = text_take(&root);
    made = document_read_json(arena, answer->body, answer->len,
                              &document_limits_api, NULL);
    mem_free(&agent->csr);
    agent->csr =
        mem_copy_string(node_get_text(node_get(made, "metadata"), "name"));
    if (!name_is_dns_subdomain(agent->csr, word)) {
        err_set(&why, ERR_INVALID, "the answer is no CertificateSigningRequest: is that the hub?");
        agent_lost(agent, "joining", &why);
        return;
    }
    log_info("spoke", "waiting for the hub to admit %s (request %s)", agent->name,
             agent->csr);
    watch_request(agent);
}

/* ---- First: the cluster --------------------------------------------------- */

static void on_cluster_made(const struct http_answer *answer,
                            const struct err *err, void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    struct err why = {0};
    struct node *request;

    /* 409: it was made by an earlier attempt, or ahead by the pool. */
    if (!answer || (answer->status != 201 && answer->status != 409)) {
        fail(agent, answer ? answer->status : 0, answer, err);
        return;
    }
    request = join_make_request(agent, arena, &why);
    if (!request) {
        agent_lost(agent, "joining", &why);
        return;
    }
    send(agent, "POST", CSRS, request, on_request_made);
}

int join_check_token(const struct agent *agent, struct err *err)
{
    scoped_text struct text pin = {0};

    return read_pin(agent, &pin, err);
}

static int open_with_token(struct agent *agent, struct err *err)
{
    scoped_text struct text pin = {0};
    struct tls_client_settings settings = {0};
    struct http_client_settings client = {.address = strstr(agent->hub, "://") + 3};

    if (read_pin(agent, &pin, err) < 0)
        return -1;
    agent->rejoin = false;
    settings.pin = (const unsigned char *)pin.bytes;
    settings.proxy = agent->proxy;
    link_close(agent);
    agent->tls = tls_client_new(agent->loop, &settings, err);
    if (!agent->tls)
        return -1;
    client.tls = agent->tls;
    agent->http = http_client_new(agent->loop, &client, err);
    return agent->http ? 0 : -1;
}

static int name_key(struct agent *agent, struct arena *arena, struct node *metadata,
                    struct err *err)
{
    scoped_pki_key struct pki_key *key = own_key(agent, err);
    unsigned char pin[PKI_SHA256];
    scoped_text struct text hex = {0};

    if (!key)
        return -1;
    pki_key_pin(key, pin);
    text_add_hex(&hex, pin, sizeof pin);
    node_set_text(arena, node_make(arena, metadata, "annotations"), JOIN_KEY,
                  text_string(&hex));
    return 0;
}

void join_start(struct agent *agent)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *object = node_map(arena), *metadata;
    struct err err = {0};

    metadata = node_make(arena, object, "metadata");
    if (open_with_token(agent, &err) < 0 || name_key(agent, arena, metadata, &err) < 0) {
        agent_lost(agent, "joining", &err);
        return;
    }
    node_set_text(arena, object, "apiVersion",
                  "cluster.open-cluster-management.io/v1");
    node_set_text(arena, object, "kind", "ManagedCluster");
    node_set_text(arena, metadata, "name", agent->name);
    node_make(arena, object, "spec");
    send(agent, "POST", CLUSTERS, object, on_cluster_made);
}
