/* SPDX-License-Identifier: Apache-2.0 */
/* Signs certificates (RFC 5280): for servers, for clients, for requests. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "pki/internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <mbedtls/oid.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* A peer whose clock is a little behind accepts a new certificate too. */
#define BACKDATED (5 * 60 * CLOCK_SECOND)
#define MOST_NAMES 64

struct pki_authority {
    mbedtls_x509_crt crt;
    struct pki_key *key; /* owned */
    char *pem;           /* owned */
    unsigned char pin[PKI_SHA256];
};

/* The contents of a certificate to be signed. */
struct order {
    mbedtls_asn1_named_data *subject; /* taken over */
    mbedtls_pk_context *key;
    int64_t lifetime;
    bool authority, server, client;
    unsigned usages; /* enum pki_usage; a server's and an own key's: signatures */
    const char *const *names;
    size_t name_count;
};

/* mbedTLS wants YYYYMMDDhhmmss. */
static void time_text(int64_t wall, char ret[16])
{
    char text[CLOCK_TEXT];
    const char *from;
    char *to = ret;

    clock_format(wall, false, text);
    for (from = text; *from && to < ret + 14; from++)
        if (*from >= '0' && *from <= '9')
            *to++ = *from;
    *to = '\0';
}

static int set_times(mbedtls_x509write_cert *crt, int64_t lifetime)
{
    char from[16], to[16];
    int64_t now = clock_wall();

    time_text(now - BACKDATED, from);
    time_text(now + lifetime, to);
    return mbedtls_x509write_crt_set_validity(crt, from, to);
}

static int set_serial(mbedtls_x509write_cert *crt)
{
    unsigned char serial[16];

    random_bytes(serial, sizeof serial);
    /* RFC 5280 section 4.1.2.2: a positive number of at most 20 bytes. These two
       bits keep it positive and its length the same. */
    serial[0] = (serial[0] & 0x3f) | 0x40;
    return mbedtls_x509write_crt_set_serial_raw(crt, serial, sizeof serial);
}

/* Converts DNS names and IP addresses to mbedTLS' list; mbedTLS encodes it at
   once, so the list may live on the stack. */
static int set_names(mbedtls_x509write_cert *crt, const struct order *order, struct err *err)
{
    mbedtls_x509_san_list list[MOST_NAMES];
    unsigned char addresses[MOST_NAMES][16];
    size_t i;

    if (order->name_count > MOST_NAMES)
        return err_set(err, ERR_INVALID, "a certificate takes at most %d names", MOST_NAMES);
    memset(list, 0, sizeof list);
    for (i = 0; i < order->name_count; i++) {
        mbedtls_x509_subject_alternative_name *san = &list[i].node;
        const char *name = order->names[i];
        size_t len = inet_pton(AF_INET, name, addresses[i]) == 1    ? 4
                     : inet_pton(AF_INET6, name, addresses[i]) == 1 ? 16
                                                                    : 0;

        if (!len && (!*name || strlen(name) > 253))
            return err_set(err, ERR_INVALID, "\"%.100s\" is no name for a server", name);
        san->type = len ? MBEDTLS_X509_SAN_IP_ADDRESS : MBEDTLS_X509_SAN_DNS_NAME;
        san->san.unstructured_name.p = len ? addresses[i] : (unsigned char *)name;
        san->san.unstructured_name.len = len ? len : strlen(name);
        list[i].next = i + 1 < order->name_count ? &list[i + 1] : NULL;
    }
    if (order->name_count && mbedtls_x509write_crt_set_subject_alternative_name(crt, list))
        return err_set(err, ERR_INVALID, "the server's names cannot be encoded");
    return 0;
}

/* RFC 5280 sections 4.2.1.3 (key usage) and 4.2.1.12 (extended key usage). */
static int set_uses(mbedtls_x509write_cert *crt, const struct order *order)
{
    mbedtls_asn1_sequence uses[2] = {0};
    unsigned bits = 0;
    size_t count = 0;

    if (order->authority)
        return mbedtls_x509write_crt_set_key_usage(crt, MBEDTLS_X509_KU_KEY_CERT_SIGN |
                                                            MBEDTLS_X509_KU_CRL_SIGN |
                                                            MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
    if (order->server)
        uses[count++].buf = (mbedtls_asn1_buf){MBEDTLS_ASN1_OID, sizeof MBEDTLS_OID_SERVER_AUTH - 1,
                                               (unsigned char *)MBEDTLS_OID_SERVER_AUTH};
    if (order->client)
        uses[count++].buf = (mbedtls_asn1_buf){MBEDTLS_ASN1_OID, sizeof MBEDTLS_OID_CLIENT_AUTH - 1,
                                               (unsigned char *)MBEDTLS_OID_CLIENT_AUTH};
    if (count == 2)
        uses[0].next = &uses[1];
    if (order->usages & PKI_DIGITAL_SIGNATURE)
        bits |= MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
    if (order->usages & PKI_KEY_ENCIPHERMENT)
        bits |= MBEDTLS_X509_KU_KEY_ENCIPHERMENT;
    return (bits && mbedtls_x509write_crt_set_key_usage(crt, bits)) ||
           mbedtls_x509write_crt_set_ext_key_usage(crt, uses);
}

/* The issuer's name, byte for byte as in its certificate: verifiers compare the
   encoded bytes. */
static mbedtls_asn1_named_data *copy_name(const mbedtls_x509_name *from)
{
    mbedtls_asn1_named_data *list = NULL;

    for (; from; from = from->next)
        pki_name_put(&list, from->val.tag, from->oid.p, from->oid.len, from->val.p, from->val.len);
    return list;
}

/*
 * A new authority has no certificate yet and signs itself.
 * mbedtls_x509write_crt_free() also frees subject and issuer. mbedTLS writes DER
 * from the end of the buffer.
 */
static int sign_certificate(const struct pki_authority *authority, const struct order *order,
                            struct text *ret_pem, struct err *err)
{
    mbedtls_x509write_cert crt;
    unsigned char der[16384];
    int len = 0;

    mbedtls_x509write_crt_init(&crt);
    mbedtls_x509write_crt_set_version(&crt, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&crt, MBEDTLS_MD_SHA256);
    crt.subject = order->subject;
    mbedtls_x509write_crt_set_subject_key(&crt, order->key);
    mbedtls_x509write_crt_set_issuer_key(&crt, &authority->key->pk);
    crt.issuer = copy_name(authority->pem ? &authority->crt.subject : NULL);
    if (!crt.issuer)
        crt.issuer = copy_name(order->subject);
    if (set_names(&crt, order, err) < 0)
        len = -1;
    else if (set_serial(&crt) || set_times(&crt, order->lifetime) ||
             mbedtls_x509write_crt_set_basic_constraints(&crt, order->authority, -1) ||
             set_uses(&crt, order) || mbedtls_x509write_crt_set_subject_key_identifier(&crt) ||
             mbedtls_x509write_crt_set_authority_key_identifier(&crt) ||
             (len = mbedtls_x509write_crt_der(&crt, der, sizeof der, pki_random, NULL)) < 0)
        len = pki_error(err, ERR_INVALID, "the certificate cannot be written", len);
    mbedtls_x509write_crt_free(&crt);
    if (len < 0)
        return -1;
    pki_add_pem(ret_pem, "CERTIFICATE", der + sizeof der - len, (size_t)len);
    return 0;
}

/* ---------------------------------------------------------------- authority */

static int load_authority(struct pki_authority *authority, const char *pem, struct err *err)
{
    int failed =
        mbedtls_x509_crt_parse(&authority->crt, (const unsigned char *)pem, strlen(pem) + 1);

    if (failed)
        return pki_error(err, ERR_INVALID, "this is not an authority's certificate", failed);
    if (!authority->crt.ca_istrue)
        return err_set(err, ERR_INVALID, "the certificate is not an authority's");
    pki_sha256(authority->crt.pk_raw.p, authority->crt.pk_raw.len, authority->pin);
    authority->pem = mem_copy_string(pem);
    return 0;
}

struct pki_authority *pki_authority_new(const char *common_name, int64_t lifetime, struct err *err)
{
    scoped_pki_authority struct pki_authority *authority = mem_alloc(sizeof *authority);
    struct pki_subject subject = {.common_name = common_name};
    struct order order = {.lifetime = lifetime, .authority = true};
    scoped_text struct text pem = {0};

    mbedtls_x509_crt_init(&authority->crt);
    authority->key = pki_key_new();
    order.key = &authority->key->pk;
    if (pki_name_make(&subject, &order.subject, err) < 0 ||
        sign_certificate(authority, &order, &pem, err) < 0 ||
        load_authority(authority, text_string(&pem), err) < 0)
        return NULL;
    return take(authority);
}

struct pki_authority *pki_authority_read(const char *cert_pem, const char *key_pem, struct err *err)
{
    scoped_pki_authority struct pki_authority *authority = mem_alloc(sizeof *authority);
    unsigned char pin[PKI_SHA256];

    mbedtls_x509_crt_init(&authority->crt);
    authority->key = pki_key_read(key_pem, err);
    if (!authority->key || load_authority(authority, cert_pem, err) < 0)
        return NULL;
    pki_key_pin(authority->key, pin);
    if (!pki_same(pin, authority->pin, sizeof pin)) {
        err_set(err, ERR_INVALID,
                "the authority's certificate and key do not"
                " belong together");
        return NULL;
    }
    return take(authority);
}

void pki_authority_free(struct pki_authority **at)
{
    struct pki_authority *authority = take(*at);

    if (!authority)
        return;
    mbedtls_x509_crt_free(&authority->crt);
    pki_key_free(&authority->key);
    mem_free(&authority->pem);
    mem_free(&authority);
}

const char *pki_authority_cert(const struct pki_authority *authority)
{
    return authority->pem;
}

void pki_authority_key(const struct pki_authority *authority, struct text *ret_pem)
{
    pki_key_write(authority->key, ret_pem);
}

const unsigned char *pki_authority_pin(const struct pki_authority *authority)
{
    return authority->pin;
}

int pki_issue_server(struct pki_authority *authority, const struct pki_key *key,
                     const struct pki_subject *subject, const char *const *names, size_t name_count,
                     int64_t lifetime, struct text *ret_pem, struct err *err)
{
    struct order order = {.key = (mbedtls_pk_context *)&key->pk,
                          .lifetime = lifetime,
                          .server = true,
                          .usages = PKI_DIGITAL_SIGNATURE,
                          .names = names,
                          .name_count = name_count};

    if (pki_name_make(subject, &order.subject, err) < 0)
        return -1;
    return sign_certificate(authority, &order, ret_pem, err);
}

int pki_issue_client(struct pki_authority *authority, const struct pki_key *key,
                     const struct pki_subject *subject, int64_t lifetime, struct text *ret_pem,
                     struct err *err)
{
    struct order order = {.key = (mbedtls_pk_context *)&key->pk,
                          .lifetime = lifetime,
                          .client = true,
                          .usages = PKI_DIGITAL_SIGNATURE};

    if (pki_name_make(subject, &order.subject, err) < 0)
        return -1;
    return sign_certificate(authority, &order, ret_pem, err);
}

int pki_issue_request(struct pki_authority *authority, const struct pki_request *request,
                      const struct pki_subject *subject, unsigned usages, int64_t lifetime,
                      struct text *ret_pem, struct err *err)
{
    mbedtls_x509_csr *csr = request->parsed;
    struct order order = {.key = &csr->pk, .lifetime = lifetime, .client = true, .usages = usages};

    if (pki_name_make(subject, &order.subject, err) < 0)
        return -1;
    return sign_certificate(authority, &order, ret_pem, err);
}

/* Checks validity by the clock of base. mbedTLS uses the kernel's, which tests
   cannot move. */
static int check_now(const struct pki_cert *cert, struct err *err)
{
    int64_t now = clock_wall();
    char text[CLOCK_TEXT];

    if (now < cert->not_before) {
        clock_format(cert->not_before, false, text);
        return err_set(err, ERR_UNAUTHORIZED, "the certificate is valid only from %s on", text);
    }
    if (now > cert->not_after) {
        clock_format(cert->not_after, false, text);
        return err_set(err, ERR_UNAUTHORIZED, "the certificate expired at %s", text);
    }
    return 0;
}

int pki_authority_check(const struct pki_authority *authority, const void *cert, size_t len,
                        bool client, struct err *err)
{
    struct pki_cert *seen = pki_cert_read(cert, len, err);
    scoped_mem char *copy = mem_alloc(len + 1);
    mbedtls_x509_crt crt;
    uint32_t flags = 0;
    int result;

    if (!seen)
        return -1;
    memcpy(copy, cert, len);
    mbedtls_x509_crt_init(&crt);
    mbedtls_x509_crt_parse(&crt, (unsigned char *)copy, *copy == 0x30 ? len : len + 1);
    mbedtls_x509_crt_verify(&crt, (mbedtls_x509_crt *)&authority->crt, NULL, NULL, &flags, NULL,
                            NULL);
    /* check_now() decides about the dates. */
    flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
    if (client && mbedtls_x509_crt_check_extended_key_usage(&crt, MBEDTLS_OID_CLIENT_AUTH,
                                                            sizeof MBEDTLS_OID_CLIENT_AUTH - 1))
        flags |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
    mbedtls_x509_crt_free(&crt);
    result = flags ? err_set(err, ERR_UNAUTHORIZED,
                             "the certificate of \"%s\" is"
                             " not one that this authority signed%s",
                             seen->common_name, client ? " for clients" : "")
                   : check_now(seen, err);
    pki_cert_free(&seen);
    return result;
}
