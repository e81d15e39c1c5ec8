/* SPDX-License-Identifier: Apache-2.0 */
/* Asks for a new certificate well before the old one ends. */
#include "agent/identity.h"
#include "agent/internal.h"
#include "agent/link.h"
#include "agent/session.h"
#include "agent/sync.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/object.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "query/query.h"
#include "storage/storage.h"

#include <string.h>

/* The hub decides at once; where a person does, there are days left. */
#define SOONEST CLOCK_SECOND
#define LATEST (600 * CLOCK_SECOND)

/* The timer makes a request, or looks at the one under way, whose name is `csr`. */
struct renewal {
    struct loop_timer *timer; /* owned; NULL until the hub was watched once */
    struct loop_backoff backoff;
    char said[512]; /* the last trouble that was logged */
    char *csr;      /* owned; NULL: no request is under way */
};

static void on_renewal_timer(void *arg);

/* After two thirds of what is left, and not for all spokes of a hub at the same moment. */
static void set_renew_timer(struct agent *agent)
{
    int64_t left = certificate_time_left(agent);

    if (left <= 0)
        return; /* what the hub says of it is in the log already */
    left = left / 3 * 2;
    loop_timer_set(agent->renewal->timer, left - (int64_t)random_below((uint64_t)left / 8 + 1));
}

static void renew_later(struct agent *agent)
{
    struct renewal *renewal = agent->renewal;

    loop_timer_set(renewal->timer, SOONEST + loop_backoff_next(&renewal->backoff));
}

static void on_renewal_failed(struct agent *agent, const struct err *why)
{
    struct renewal *renewal = agent->renewal;

    session_warn_once(renewal->said, sizeof renewal->said, "renewing the certificate", why->text);
    mem_free(&renewal->csr);
    renew_later(agent);
}

/* The present certificate has not ended, else the hub would not have taken the request: so
   one that has ended already is a matter of clocks. */
static int check_certificate_dates(const struct text *pem, struct err *err)
{
    scoped_pki_cert struct pki_cert *cert = pki_cert_read(pem->bytes, pem->len, err);
    char ends[CLOCK_TEXT], now[CLOCK_TEXT];

    if (!cert)
        return -1;
    clock_format(cert->not_after, false, ends);
    clock_format(clock_wall(), false, now);
    if (cert->not_after <= clock_wall())
        return err_set(
            err, ERR_INVALID,
            "the certificate that the hub has sent ended at %s; this machine's clock is at %s: "
            "check it and the hub's",
            ends, now);
    return 0;
}

/*
 * The key stays, so that one file is exchanged and a crash leaves a pair that fits. The
 * session lists anew over a connection with the new certificate, and the watch goes on
 * from there.
 */
static void take_next_certificate(struct agent *agent, const char *certificate)
{
    struct renewal *renewal = agent->renewal;
    scoped_text struct text pem = {0};
    scoped_mem char *authority = NULL;
    struct err err = {0};

    mem_free(&renewal->csr);
    authority = storage_file_read(agent->directory, "pki/hub-ca.crt", NULL, &err);
    if (!authority || certificate_check(agent, authority, certificate, &pem, &err) < 0 ||
        check_certificate_dates(&pem, &err) < 0 ||
        storage_file_write(agent->directory, "pki/client.crt", pem.bytes, pem.len, &err) < 0) {
        on_renewal_failed(agent, &err);
        return;
    }
    log_info("spoke", "the certificate was renewed");
    renewal->said[0] = '\0';
    loop_backoff_reset(&renewal->backoff);
    session_move(agent, SESSION_LISTING);
}

static void on_renewal_request(void *arg, int status, const struct http_response *response,
                               const struct err *why)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    const struct node *request;
    const char *certificate, *denied;
    struct err err = {0};

    if (!agent->renewal->timer)
        return;
    if (status != 200) {
        on_renewal_failed(agent, why);
        return;
    }
    request = document_read_json(arena, response->body, response->len, &document_limits_api, NULL);
    certificate = node_get_text(node_get(request, "status"), "certificate");
    denied = certificate_denial(node_get(request, "status"));
    if (*certificate) {
        take_next_certificate(agent, certificate);
    } else if (denied) {
        err_set(&err, ERR_FORBIDDEN, "the hub refused it: %s", denied);
        on_renewal_failed(agent, &err);
    } else {
        renew_later(agent);
    }
}

static void on_renewal_request_made(void *arg, int status, const struct http_response *response,
                                    const struct err *why)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    struct renewal *renewal = agent->renewal;
    scoped_arena struct arena *arena = arena_new();
    const struct node *made;
    char word[NAME_WHY];
    struct err err = {0};

    if (!renewal->timer)
        return;
    if (status != 201) {
        on_renewal_failed(agent, why);
        return;
    }
    made = document_read_json(arena, response->body, response->len, &document_limits_api, NULL);
    mem_free(&renewal->csr);
    renewal->csr = mem_copy_string(meta_name(made));
    if (name_is_dns_subdomain(renewal->csr, word)) {
        on_renewal_timer(agent);
        return;
    }
    err_set(&err, ERR_INVALID, "the response is not a CertificateSigningRequest");
    on_renewal_failed(agent, &err);
}

static void on_renewal_timer(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    struct renewal *renewal = agent->renewal;
    scoped_arena struct arena *arena = arena_new();
    struct node *request;
    struct err err = {0};

    if (renewal->csr) {
        scoped_mem char *target = mem_printf(AGENT_CSRS "/%s", renewal->csr);

        link_send(agent, "GET", target, NULL, NULL, on_renewal_request, agent);
        return;
    }
    request = certificate_make_request(agent, arena, &err);
    if (!request)
        on_renewal_failed(agent, &err);
    else
        link_send(agent, "POST", AGENT_CSRS, NULL, request, on_renewal_request_made, agent);
}

void renew_open(struct agent *agent)
{
    agent->renewal = mem_alloc(sizeof *agent->renewal);
}

void renew_start(struct agent *agent)
{
    struct renewal *renewal = agent->renewal;

    renewal->backoff = (struct loop_backoff){SOONEST, LATEST, 0};
    mem_free(&renewal->csr);
    if (!renewal->timer)
        renewal->timer = loop_timer_new(agent->loop, on_renewal_timer, agent);
    set_renew_timer(agent);
}

/* The timer is freed before the link is closed, which ends the requests of this file. */
void renew_stop(struct agent *agent)
{
    loop_timer_free(&agent->renewal->timer);
}

void renew_close(struct agent *agent)
{
    renew_stop(agent);
    mem_free(&agent->renewal->csr);
    mem_free(&agent->renewal);
}
