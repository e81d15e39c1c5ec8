/* SPDX-License-Identifier: Apache-2.0 */
/* Turns a join token into a certificate of this spoke's own. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/object.h"
#include "document/document.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "query/query.h"
#include "tls/tls.h"

#include <stdlib.h>
#include <string.h>

#define CSRS "/apis/" META_API_CERTIFICATES "/certificatesigningrequests"
#define CLUSTERS "/apis/" META_API_CLUSTER "/managedclusters"
/* Which key will speak for this cluster: nobody else finishes what is begun here. */
/* The id of the token of the last join: another one asks for another join. */
#define TOKEN_FILE "joined-with"

bool join_token_is_new(const struct spoke *spoke)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *last = identity_read(spoke, TOKEN_FILE, NULL, NULL);
    struct pki_join_token token;

    return spoke->token && pki_join_token_parse(arena, spoke->token, &token, NULL) == 0 &&
           !(last && strcmp(last, token.id) == 0);
}

static int read_pin(const struct spoke *spoke, struct text *ret, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct pki_join_token token;

    if (pki_join_token_parse(arena, spoke->token, &token, err) < 0)
        return -1;
    if (!text_add_unhex(ret, token.pin, strlen(token.pin)) || ret->len != PKI_SHA256)
        return err_set(err, ERR_INVALID,
                       "the join token is damaged; copy all of it, or make another "
                       "one on the hub: axle token create");
    return 0;
}

/* A hub that has lost its authority's key has another one, which only a token proves. */
static bool token_names_another_hub(const struct spoke *spoke)
{
    scoped_text struct text pin = {0};
    size_t len = 0;
    scoped_mem char *pem = identity_read(spoke, "pki/hub-ca.crt", &len, NULL);
    scoped_pki_cert struct pki_cert *authority = pem ? pki_cert_read(pem, len, NULL) : NULL;

    return authority && join_token_is_new(spoke) && read_pin(spoke, &pin, NULL) == 0 &&
           memcmp(authority->pin, pin.bytes, PKI_SHA256) != 0;
}

bool join_is_done(const struct spoke *spoke)
{
    static const char *const files[] = {"pki/client.crt", "pki/client.key",
                                        "pki/hub-ca.crt"};

    for (size_t i = 0; i < count_of(files); i++)
        if (!identity_has(spoke, files[i]))
            return false;
    /* After a long absence a token lets it in once more, with the same key. */
    return !spoke->token || !(spoke->rejoin || renew_is_over(spoke) ||
                              identity_is_broken(spoke) || token_names_another_hub(spoke));
}

static void fail(struct spoke *spoke, int status,
                 const struct http_answer *answer, const struct err *err)
{
    struct err why = {0};

    link_explain(status, answer, err, &why);
    spoke_lost(spoke, "joining", &why);
}

static void send(struct spoke *spoke, const char *method, const char *target,
                 const struct node *body,
                 void (*done)(const struct http_answer *answer,
                              const struct err *err, void *arg))
{
    scoped_mem char *bearer = mem_printf("Bearer %s", spoke->token);
    struct http_field headers[] = {{"Authorization", bearer},
                                   {"Content-Type", "application/json"}};
    scoped_text struct text json = {0};
    struct http_ask ask = {.method = method, .target = target,
                           .headers = headers, .header_count = 2,
                           .done = done, .arg = spoke};

    if (body) {
        document_write_json(&json, body);
        ask.body = json.bytes;
        ask.len = json.len;
    }
    http_client_send(spoke->http, &ask);
}

/* ---- Third: the certificate ----------------------------------------------- */

static void watch_request(struct spoke *spoke);

/* What would not let this spoke in is not kept: above all not in place of one that does. */
int join_check_certificate(const struct spoke *spoke, const char *authority, const char *base64,
                           struct text *ret_pem, struct err *err)
{
    scoped_mem char *key_pem = identity_read(spoke, "pki/client.key", NULL, err);
    scoped_pki_key struct pki_key *key = key_pem ? pki_key_read(key_pem, err) : NULL;
    scoped_mem char *name = mem_printf(META_USER_AGENT "%s:agent", spoke->name);
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

static int keep_files(struct spoke *spoke, const char *certificate, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text pem = {0};

    struct pki_join_token token;

    if (join_check_certificate(spoke, spoke->root, certificate, &pem, err) < 0)
        return -1;
    if (pki_join_token_parse(arena, spoke->token, &token, err) < 0 ||
        departure_joining(spoke, err) < 0 ||
        identity_write(spoke, TOKEN_FILE, token.id, strlen(token.id), err) < 0 ||
        identity_write(spoke, "pki/hub-ca.crt", spoke->root, strlen(spoke->root), err) < 0 ||
        identity_write(spoke, "name", spoke->name, strlen(spoke->name), err) < 0 ||
        identity_write(spoke, "hub", spoke->hub, strlen(spoke->hub), err) < 0)
        return -1;
    /* The certificate last: it is what says that joining is done. */
    return identity_write(spoke, "pki/client.crt", pem.bytes, pem.len, err);
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
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    struct decision decision = {arena, NULL, "", false};
    struct err err = {0};

    if (http_lines_feed(&spoke->lines, bytes, len, on_line, &decision, &err) < 0) {
        spoke_lost(spoke, "joining", &err);
    } else if (decision.gone) {
        err_set(&err, ERR_GONE, "the hub has lost the request for a certificate");
        spoke_lost(spoke, "joining", &err);
    } else if (decision.denied) {
        err_set(&err, ERR_FORBIDDEN, "the hub refused this spoke: %s", decision.denied);
        spoke_lost(spoke, "joining", &err);
    } else if (*decision.certificate) {
        sync_stop(spoke);
        if (keep_files(spoke, decision.certificate, &err) < 0) {
            spoke_lost(spoke, "joining", &err);
            return;
        }
        log_info("spoke", "joined %s as %s", spoke->hub, spoke->name);
        spoke_move(spoke, SPOKE_LISTING);
    }
}

/* It ended in order: nobody has decided for an hour. */
static void on_watch_done(const struct http_answer *answer,
                          const struct err *err, void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);

    struct err why = {0};

    spoke->watch = NULL;
    if (answer && answer->status == 200 && spoke_is_steady(spoke)) {
        watch_request(spoke);
    } else if (answer && answer->status == 200) {
        err_set(&why, ERR_UNREACHABLE, "the hub ends the watch as soon as it has begun");
        spoke_lost(spoke, "joining", &why);
    } else
        fail(spoke, answer ? answer->status : 0, answer, err);
}

/* The first event of the watch is the request as it is. */
static void watch_request(struct spoke *spoke)
{
    scoped_mem char *bearer = mem_printf("Bearer %s", spoke->token);
    scoped_mem char *target = mem_printf(
        CSRS "?watch=true&allowWatchBookmarks=true&fieldSelector=metadata.name%%3D%s",
        spoke->csr);
    struct http_field header = {"Authorization", bearer};
    struct http_ask ask = {.target = target, .headers = &header, .header_count = 1,
                           .data = on_data, .done = on_watch_done,
                           .silence = WATCH_SILENCE, .arg = spoke};

    http_lines_free(&spoke->lines);
    spoke->watching_since = clock_steady();
    spoke->watch = http_client_send(spoke->http, &ask);
}

/* ---- Second: the request -------------------------------------------------- */

static struct pki_key *own_key(struct spoke *spoke, struct err *err)
{
    scoped_mem char *path = spoke_path(spoke, "pki/client.key");
    scoped_text struct text pem = {0};
    struct pki_key *key;

    if (identity_has(spoke, "pki/client.key")) {
        scoped_mem char *old = identity_read(spoke, "pki/client.key", NULL, err);

        key = old ? pki_key_read(old, err) : NULL;
        if (key || !spoke->token)
            return key;
        log_error("spoke", "%s is damaged and put aside; this spoke joins with a new key", path);
        *err = (struct err){0};
        if (state_set_aside(spoke, "pki/client.key", NULL, err) < 0)
            return NULL;
    }
    key = pki_key_new();
    pki_key_write(key, &pem);
    if (identity_write(spoke, "pki/client.key", pem.bytes, pem.len, err) < 0)
        pki_key_free(&key);
    return key;
}

struct node *join_make_request(struct spoke *spoke, struct arena *arena,
                               struct err *err)
{
    const char *groups[] = {
        arena_printf(arena, META_USER_AGENT "%s", spoke->name),
        META_USERS_CLUSTERS};
    struct pki_subject subject = {
        arena_printf(arena, META_USER_AGENT "%s:agent", spoke->name), groups, 2};
    scoped_pki_key struct pki_key *key = own_key(spoke, err);
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
    node_set_text(arena, object, "apiVersion", META_API_CERTIFICATES);
    node_set_text(arena, object, "kind", "CertificateSigningRequest");
    node_set(arena, metadata, "generateName",
             node_format(arena, "%s-", spoke->name));
    node_set_text(arena, node_make(arena, metadata, "labels"),
                  META_LABEL_CLUSTER_NAME, spoke->name);
    node_set_text(arena, spec, "request", text_string(&base64));
    node_set_text(arena, spec, "signerName", META_SIGNER_CLIENT);
    for (size_t i = 0; i < count_of(usages); i++)
        node_add(arena, node_make_list(arena, spec, "usages"),
                 node_string(arena, usages[i]));
    return object;
}

static void on_request_made(const struct http_answer *answer,
                            const struct err *err, void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text root = {0};
    struct err why = {0};
    const struct node *made;
    char word[NAME_WHY];

    if (!answer || answer->status != 201) {
        fail(spoke, answer ? answer->status : 0, answer, err);
        return;
    }
    if (tls_pinned_root(answer->stream, &root, &why) < 0) {
        spoke_lost(spoke, "joining", &why);
        return;
    }
    mem_free(&spoke->root);
    spoke->root = text_take(&root);
    made = document_read_json(arena, answer->body, answer->len,
                              &document_limits_api, NULL);
    mem_free(&spoke->csr);
    spoke->csr =
        mem_copy_string(node_get_text(node_get(made, "metadata"), "name"));
    if (!name_is_dns_subdomain(spoke->csr, word)) {
        err_set(&why, ERR_INVALID, "the answer is no CertificateSigningRequest: is that the hub?");
        spoke_lost(spoke, "joining", &why);
        return;
    }
    log_info("spoke", "waiting for the hub to admit %s (request %s)", spoke->name,
             spoke->csr);
    watch_request(spoke);
}

/* ---- First: the cluster --------------------------------------------------- */

static void on_cluster_made(const struct http_answer *answer,
                            const struct err *err, void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    struct err why = {0};
    struct node *request;

    /* 409: it was made by an earlier attempt, or ahead by the pool. */
    if (!answer || (answer->status != 201 && answer->status != 409)) {
        fail(spoke, answer ? answer->status : 0, answer, err);
        return;
    }
    request = join_make_request(spoke, arena, &why);
    if (!request) {
        spoke_lost(spoke, "joining", &why);
        return;
    }
    send(spoke, "POST", CSRS, request, on_request_made);
}

int join_check_token(const struct spoke *spoke, struct err *err)
{
    scoped_text struct text pin = {0};

    return read_pin(spoke, &pin, err);
}

static int open_with_token(struct spoke *spoke, struct err *err)
{
    scoped_text struct text pin = {0};
    struct tls_client_settings settings = {0};
    struct http_client_settings client = {.address = strstr(spoke->hub, "://") + 3};

    if (read_pin(spoke, &pin, err) < 0)
        return -1;
    spoke->rejoin = false;
    settings.pin = (const unsigned char *)pin.bytes;
    settings.proxy = spoke->proxy;
    link_close(spoke);
    spoke->tls = tls_client_new(spoke->loop, &settings, err);
    if (!spoke->tls)
        return -1;
    client.tls = spoke->tls;
    spoke->http = http_client_new(spoke->loop, &client, err);
    return spoke->http ? 0 : -1;
}

static int name_key(struct spoke *spoke, struct arena *arena, struct node *metadata,
                    struct err *err)
{
    scoped_pki_key struct pki_key *key = own_key(spoke, err);
    unsigned char pin[PKI_SHA256];
    scoped_text struct text hex = {0};

    if (!key)
        return -1;
    pki_key_pin(key, pin);
    text_add_hex(&hex, pin, sizeof pin);
    node_set_text(arena, node_make(arena, metadata, "annotations"), META_ANNOTATION_JOIN_KEY,
                  text_string(&hex));
    return 0;
}

void join_start(struct spoke *spoke)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *object = node_map(arena), *metadata;
    struct err err = {0};

    metadata = node_make(arena, object, "metadata");
    if (open_with_token(spoke, &err) < 0 || name_key(spoke, arena, metadata, &err) < 0) {
        spoke_lost(spoke, "joining", &err);
        return;
    }
    node_set_text(arena, object, "apiVersion",
                  META_API_CLUSTER);
    node_set_text(arena, object, "kind", "ManagedCluster");
    node_set_text(arena, metadata, "name", spoke->name);
    node_make(arena, object, "spec");
    send(spoke, "POST", CLUSTERS, object, on_cluster_made);
}
