/* SPDX-License-Identifier: Apache-2.0 */
/* Asks for a new certificate well before the old one ends. */
#include "agent/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/object.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "pki/pki.h"
#include "query/query.h"

#include <string.h>

#define CSRS "/apis/certificates.k8s.io/v1/certificatesigningrequests"
#define JSON "application/json"
/* The hub decides at once; where a person does, there are days left. */
#define SOONEST CLOCK_SECOND
#define LATEST (600 * CLOCK_SECOND)

static void on_renew(void *arg);

static struct pki_cert *own_certificate(const struct agent *agent, struct err *err)
{
    size_t len = 0;
    scoped_mem char *pem = identity_read(agent, "pki/client.crt", &len, err);

    return pem ? pki_cert_read(pem, len, err) : NULL;
}

bool renew_is_over(const struct agent *agent)
{
    scoped_pki_cert struct pki_cert *cert = own_certificate(agent, NULL);

    return cert && cert->not_after <= clock_wall();
}

/* Two thirds of what is left, not all spokes of a hub at the same moment. */
static void set_timer(struct agent *agent)
{
    struct err err = {0};
    scoped_pki_cert struct pki_cert *cert = own_certificate(agent, &err);
    int64_t left = cert ? cert->not_after - clock_wall() : 0;

    if (left <= 0)
        return; /* what the hub says of it is in the log already */
    left = left / 3 * 2;
    loop_timer_set(agent->renew,
                   left - (int64_t)random_below((uint64_t)left / 8 + 1));
}

static void try_again(struct agent *agent)
{
    loop_timer_set(agent->renew, SOONEST + loop_backoff_next(&agent->renew_backoff));
}

static void failed(struct agent *agent, int status, const struct http_answer *answer,
                   const struct err *err)
{
    struct err why = {0};

    link_explain(status, answer, err, &why);
    agent_say_once(agent->renew_said, sizeof agent->renew_said, "renewing the certificate", why.text);
    mem_free(&agent->csr);
    try_again(agent);
}

/* The one that is there has not ended: else nobody would be asked. */
static int check_dates(const struct text *pem, struct err *err)
{
    scoped_pki_cert struct pki_cert *cert = pki_cert_read(pem->bytes, pem->len, err);
    char ends[CLOCK_TEXT], now[CLOCK_TEXT];

    if (!cert)
        return -1;
    clock_format(cert->not_after, false, ends);
    clock_format(clock_wall(), false, now);
    if (cert->not_after <= clock_wall())
        return err_set(err, ERR_INVALID, "the certificate that the hub has sent ended at %s; this "
                       "machine's clock says %s: is it right, and the hub's?", ends, now);
    return 0;
}

/*
 * The key stays, so that one file is exchanged and a crash leaves a pair that
 * fits. New connections use the new certificate; the watch goes on from where it
 * was.
 */
static void keep(struct agent *agent, const char *certificate)
{
    scoped_text struct text pem = {0};
    scoped_mem char *authority = NULL;
    struct err err = {0};

    mem_free(&agent->csr);
    authority = identity_read(agent, "pki/hub-ca.crt", NULL, &err);
    if (!authority || join_check_certificate(agent, authority, certificate, &pem, &err) < 0 ||
        check_dates(&pem, &err) < 0 ||
        identity_write(agent, "pki/client.crt", pem.bytes, pem.len, &err) < 0) {
        failed(agent, 0, NULL, &err);
        return;
    }
    log_info("spoke", "the certificate is renewed");
    agent->renew_said[0] = '\0';
    loop_backoff_reset(&agent->renew_backoff);
    sync_stop(agent);
    agent_move(agent, AGENT_LISTING);
}

static void on_looked(void *arg, int status, const struct http_answer *answer,
                      const struct err *err)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    const struct node *request;
    const char *certificate, *denied;
    struct err why = {0};

    if (!agent->renew)
        return;
    if (status != 200) {
        failed(agent, status, answer, err);
        return;
    }
    request = document_read_json(arena, answer->body, answer->len,
                                 &document_limits_api, NULL);
    certificate = node_get_text(node_get(request, "status"), "certificate");
    denied = join_denial(node_get(request, "status"));
    if (*certificate) {
        keep(agent, certificate);
    } else if (denied) {
        err_set(&why, ERR_FORBIDDEN, "the hub refused it: %s", denied);
        failed(agent, 0, NULL, &why);
    } else
        try_again(agent);
}

static void on_made(void *arg, int status, const struct http_answer *answer,
                    const struct err *err)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    const struct node *made;
    char word[NAME_WHY];
    struct err why = {0};

    if (!agent->renew)
        return;
    if (status != 201) {
        failed(agent, status, answer, err);
        return;
    }
    made = document_read_json(arena, answer->body, answer->len,
                              &document_limits_api, NULL);
    mem_free(&agent->csr);
    agent->csr = mem_copy_string(node_get_text(node_get(made, "metadata"), "name"));
    if (name_is_dns_subdomain(agent->csr, word)) {
        on_renew(agent);
        return;
    }
    err_set(&why, ERR_INVALID, "the answer is no CertificateSigningRequest");
    failed(agent, 0, NULL, &why);
}

/* A request that is under way is looked at; else one is made. */
static void on_renew(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    struct node *request;
    struct err err = {0};

    if (agent->csr) {
        scoped_mem char *target = mem_printf(CSRS "/%s", agent->csr);

        link_send(agent, "GET", target, NULL, NULL, on_looked, agent);
        return;
    }
    request = join_make_request(agent, arena, &err);
    if (!request)
        failed(agent, 0, NULL, &err);
    else
        link_send(agent, "POST", CSRS, JSON, request, on_made, agent);
}

void renew_start(struct agent *agent)
{
    agent->renew_backoff = (struct loop_backoff){SOONEST, LATEST, 0};
    mem_free(&agent->csr);
    if (!agent->renew)
        agent->renew = loop_timer_new(agent->loop, on_renew, agent);
    set_timer(agent);
}

void renew_stop(struct agent *agent)
{
    loop_timer_free(&agent->renew);
}
