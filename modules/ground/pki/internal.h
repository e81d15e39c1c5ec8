/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PKI_INTERNAL_H
#define PKI_INTERNAL_H

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>

#include "base/text.h"
#include "pki/pki.h"

struct pki_key {
    mbedtls_pk_context pk;
};

/* mbedTLS' source of random bytes: random_bytes() of base. */
int pki_random(void *unused, unsigned char *bytes, size_t len);
/* SHA-256 of the SubjectPublicKeyInfo. */
void pki_pin_of(const mbedtls_pk_context *pk, unsigned char ret[PKI_SHA256]);
/* An error with our words and mbedTLS' number. */
int pki_error(struct err *err, enum err_code code, const char *what, int number);
/* DER into PEM. */
void pki_add_pem(struct text *text, const char *label, const unsigned char *der, size_t len);

/* CN and O of a name, and whether it has anything else. */
struct pki_name {
    char *common_name;
    char **organizations;
    size_t organization_count;
    bool has_other;
};
/* Builds a subject in mbedTLS' form; free it with mbedtls_asn1_free_named_data_list(). */
int pki_name_make(const struct pki_subject *subject, mbedtls_asn1_named_data **ret,
                  struct err *err);

/* Adds a part at the front of the list; mbedTLS writes the list from its end. */
void pki_name_put(mbedtls_asn1_named_data **list, int tag, const void *oid, size_t oid_len,
                  const void *value, size_t len);

/* For tests: as pki_sha256, without the processor's instructions. */
void pki_sha256_plain(const void *bytes, size_t len, unsigned char ret[PKI_SHA256]);

#endif
