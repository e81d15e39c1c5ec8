/* SPDX-License-Identifier: Apache-2.0 */
/* Asks for a new certificate well before the old one ends. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/object.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "query/query.h"

#include <string.h>

#define CSRS "/apis/" META_API_CERTIFICATES "/certificatesigningrequests"
#define JSON "application/json"
/* The hub decides at once; where a person does, there are days left. */
#define SOONEST CLOCK_SECOND
#define LATEST (600 * CLOCK_SECOND)

static void on_renew(void *arg);

static struct pki_cert *own_certificate(const struct spoke *spoke, struct err *err)
{
    size_t len = 0;
    scoped_mem char *pem = identity_read(spoke, "pki/client.crt", &len, err);

    return pem ? pki_cert_read(pem, len, err) : NULL;
}

bool renew_is_over(const struct spoke *spoke)
{
    scoped_pki_cert struct pki_cert *cert = own_certificate(spoke, NULL);

    return cert && cert->not_after <= clock_wall();
}

/* Two thirds of what is left, not all spokes of a hub at the same moment. */
static void set_timer(struct spoke *spoke)
{
    struct err err = {0};
    scoped_pki_cert struct pki_cert *cert = own_certificate(spoke, &err);
    int64_t left = cert ? cert->not_after - clock_wall() : 0;

    if (left <= 0)
        return; /* what the hub says of it is in the log already */
    left = left / 3 * 2;
    loop_timer_set(spoke->renew,
                   left - (int64_t)random_below((uint64_t)left / 8 + 1));
}

static void try_again(struct spoke *spoke)
{
    loop_timer_set(spoke->renew, SOONEST + loop_backoff_next(&spoke->renew_backoff));
}

static void failed(struct spoke *spoke, int status, const struct http_answer *answer,
                   const struct err *err)
{
    struct err why = {0};

    link_explain(status, answer, err, &why);
    spoke_say_once(spoke->renew_said, sizeof spoke->renew_said, "renewing the certificate", why.text);
    mem_free(&spoke->csr);
    try_again(spoke);
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
static void keep(struct spoke *spoke, const char *certificate)
{
    scoped_text struct text pem = {0};
    scoped_mem char *authority = NULL;
    struct err err = {0};

    mem_free(&spoke->csr);
    authority = identity_read(spoke, "pki/hub-ca.crt", NULL, &err);
    if (!authority || join_check_certificate(spoke, authority, certificate, &pem, &err) < 0 ||
        check_dates(&pem, &err) < 0 ||
        identity_write(spoke, "pki/client.crt", pem.bytes, pem.len, &err) < 0) {
        failed(spoke, 0, NULL, &err);
        return;
    }
    log_info("spoke", "the certificate is renewed");
    spoke->renew_said[0] = '\0';
    loop_backoff_reset(&spoke->renew_backoff);
    sync_stop(spoke);
    spoke_move(spoke, SPOKE_LISTING);
}

static void on_looked(void *arg, int status, const struct http_answer *answer,
                      const struct err *err)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    const struct node *request;
    const char *certificate, *denied;
    struct err why = {0};

    if (!spoke->renew)
        return;
    if (status != 200) {
        failed(spoke, status, answer, err);
        return;
    }
    request = document_read_json(arena, answer->body, answer->len,
                                 &document_limits_api, NULL);
    certificate = node_get_text(node_get(request, "status"), "certificate");
    denied = join_denial(node_get(request, "status"));
    if (*certificate) {
        keep(spoke, certificate);
    } else if (denied) {
        err_set(&why, ERR_FORBIDDEN, "the hub refused it: %s", denied);
        failed(spoke, 0, NULL, &why);
    } else
        try_again(spoke);
}

static void on_made(void *arg, int status, const struct http_answer *answer,
                    const struct err *err)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    const struct node *made;
    char word[NAME_WHY];
    struct err why = {0};

    if (!spoke->renew)
        return;
    if (status != 201) {
        failed(spoke, status, answer, err);
        return;
    }
    made = document_read_json(arena, answer->body, answer->len,
                              &document_limits_api, NULL);
    mem_free(&spoke->csr);
    spoke->csr = mem_copy_string(node_get_text(node_get(made, "metadata"), "name"));
    if (name_is_dns_subdomain(spoke->csr, word)) {
        on_renew(spoke);
        return;
    }
    err_set(&why, ERR_INVALID, "the answer is no CertificateSigningRequest");
    failed(spoke, 0, NULL, &why);
}

/* A request that is under way is looked at; else one is made. */
static void on_renew(void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    struct node *request;
    struct err err = {0};

    if (spoke->csr) {
        scoped_mem char *target = mem_printf(CSRS "/%s", spoke->csr);

        link_send(spoke, "GET", target, NULL, NULL, on_looked, spoke);
        return;
    }
    request = join_make_request(spoke, arena, &err);
    if (!request)
        failed(spoke, 0, NULL, &err);
    else
        link_send(spoke, "POST", CSRS, JSON, request, on_made, spoke);
}

void renew_start(struct spoke *spoke)
{
    spoke->renew_backoff = (struct loop_backoff){SOONEST, LATEST, 0};
    mem_free(&spoke->csr);
    if (!spoke->renew)
        spoke->renew = loop_timer_new(spoke->loop, on_renew, spoke);
    set_timer(spoke);
}

void renew_stop(struct spoke *spoke)
{
    loop_timer_free(&spoke->renew);
}
