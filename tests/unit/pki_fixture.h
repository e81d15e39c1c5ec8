/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PKI_FIXTURE_H
#define PKI_FIXTURE_H

#include "base/clock.h"
#include "base/text.h"
#include "pki/pki.h"

/* A hub's authority and certificate, and one spoke's: for tests of TLS. */
struct fixture {
    struct pki_authority *ca;
    struct text hub_cert, hub_key, spoke_cert, spoke_key;
};

__attribute__((unused)) static void fixture_make(struct fixture *f)
{
    static const char *const names[] = {"hub", "localhost", "127.0.0.1", "::1"};
    static const char *const groups[] = {"system:open-cluster-management:edge-1"};
    struct pki_subject hub = {.common_name = "axle-hub"};
    struct pki_subject spoke = {"system:open-cluster-management:edge-1:a", groups, 1};
    struct pki_key *hub_key = pki_key_new(), *spoke_key = pki_key_new();
    int64_t hour = 3600 * CLOCK_SECOND;
    struct err err;

    *f = (struct fixture){.ca = pki_authority_new("axle-ca", 100 * hour, &err)};
    if (pki_issue_server(f->ca, hub_key, &hub, names, 4, hour, &f->hub_cert, &err) < 0 ||
        pki_issue_client(f->ca, spoke_key, &spoke, hour, &f->spoke_cert, &err) < 0)
        printf("Bail out! %s\n", err.text);
    text_add(&f->hub_cert, pki_authority_cert(f->ca));
    pki_key_write(hub_key, &f->hub_key);
    pki_key_write(spoke_key, &f->spoke_key);
    pki_key_free(&hub_key);
    pki_key_free(&spoke_key);
}

__attribute__((unused)) static void fixture_free(struct fixture *f)
{
    pki_authority_free(&f->ca);
    text_free(&f->hub_cert);
    text_free(&f->hub_key);
    text_free(&f->spoke_cert);
    text_free(&f->spoke_key);
}

#endif
