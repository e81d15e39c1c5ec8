/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a certificate request and as a certificate. From a request that
 * is taken, the certificate issued has the signer's subject, whatever it asks.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "pki/pki.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void issue(const struct pki_request *request)
{
    static struct pki_authority *ca;
    static const char *const groups[] = {"group"};
    struct pki_subject subject = {"the-name", groups, 1};
    scoped_text struct text pem = {0};
    struct pki_cert *cert;
    struct err err;

    if (!ca)
        ca = pki_authority_new("ca", 3600 * CLOCK_SECOND, &err);
    if (pki_issue_request(ca, request, &subject, PKI_DIGITAL_SIGNATURE, 60 * CLOCK_SECOND, &pem,
                          &err) < 0)
        abort();
    cert = pki_cert_read(pem.bytes, pem.len, &err);
    if (!cert || strcmp(cert->common_name, "the-name") || cert->organization_count != 1 ||
        strcmp(cert->organizations[0], "group") || cert->is_authority ||
        memcmp(cert->pin, request->pin, PKI_SHA256))
        abort();
    pki_cert_free(&cert);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct err err;
    struct pki_request *request = pki_request_read((const char *)bytes, len, &err);
    struct pki_cert *cert = pki_cert_read(bytes, len, &err);

    /* Names go on as C strings into groups and users: nothing is hidden in them. */
    if (request && (strlen(request->common_name) > 512 ||
                    !text_is_utf8(request->common_name, strlen(request->common_name))))
        abort();
    for (size_t i = 0; request && !request->has_other && i < request->organization_count; i++)
        for (size_t j = 0; j < i; j++)
            if (!strcmp(request->organizations[i], request->organizations[j]))
                abort();
    if (request)
        issue(request);
    pki_request_free(&request);
    pki_cert_free(&cert);
    return 0;
}
