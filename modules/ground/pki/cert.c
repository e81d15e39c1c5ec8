/* SPDX-License-Identifier: Apache-2.0 */
/* Reads certificates and requests, and encodes names exactly as given. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "pki/internal.h"

#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/oid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define MOST_CERT 65536
#define MOST_NAME 512
#define MOST_ORGANIZATIONS 32

/* ------------------------------------------------------------------- names */

static bool is_oid(const mbedtls_asn1_named_data *at, const char *oid, size_t len)
{
    return at->oid.len == len && !memcmp(at->oid.p, oid, len);
}
#define IS(at, oid) is_oid(at, oid, sizeof(oid) - 1)

static void free_subject(struct pki_name *name)
{
    size_t i;

    for (i = 0; i < name->organization_count; i++)
        mem_free(&name->organizations[i]);
    mem_free(&name->organizations);
    mem_free(&name->common_name);
    name->organization_count = 0;
}

/* A value as a C string. A value with a NUL is refused: "admin\0.example" would
   be read as "admin". */
static char *name_value(const mbedtls_asn1_named_data *at, struct err *err)
{
    if (at->val.len > MOST_NAME || memchr(at->val.p, 0, at->val.len) ||
        !text_is_utf8(at->val.p, at->val.len) ||
        (at->val.tag != MBEDTLS_ASN1_UTF8_STRING && at->val.tag != MBEDTLS_ASN1_PRINTABLE_STRING &&
         at->val.tag != MBEDTLS_ASN1_IA5_STRING)) {
        err_set(err, ERR_INVALID,
                "a name in the certificate or request is not"
                " plain text of at most %d bytes",
                MOST_NAME);
        return NULL;
    }
    return mem_printf("%.*s", (int)at->val.len, (const char *)at->val.p);
}

/* Whatever the struct cannot hold, a repeated name as well, sets has_other: the
   caller refuses such a request. */
static int add_name_part(struct pki_name *name, const mbedtls_asn1_named_data *at, struct err *err)
{
    char *value;

    if (!at->oid.len)
        return 0;
    /* Readers disagree on a part with several values, some take one of them and
       some all. */
    name->has_other |= at->next_merged != 0;
    if (!IS(at, MBEDTLS_OID_AT_CN) && !IS(at, MBEDTLS_OID_AT_ORGANIZATION)) {
        name->has_other = true;
        return 0;
    }
    value = name_value(at, err);
    if (!value)
        return -1;
    if (IS(at, MBEDTLS_OID_AT_CN)) {
        name->has_other |= name->common_name != NULL;
        mem_free(&name->common_name);
        name->common_name = value;
        return 0;
    }
    for (size_t i = 0; i < name->organization_count; i++)
        name->has_other |= !strcmp(name->organizations[i], value);
    name->organizations = mem_resize_array(name->organizations, name->organization_count + 1,
                                           sizeof *name->organizations);
    name->organizations[name->organization_count++] = value;
    if (name->organization_count > MOST_ORGANIZATIONS)
        return err_set(err, ERR_INVALID, "more than %d organizations in a name",
                       MOST_ORGANIZATIONS);
    return 0;
}

static int read_subject(const mbedtls_x509_name *from, struct pki_name *ret, struct err *err)
{
    struct pki_name name = {0};

    for (; from; from = from->next)
        if (add_name_part(&name, from, err) < 0) {
            free_subject(&name);
            return -1;
        }
    if (!name.common_name)
        name.common_name = mem_copy_string("");
    *ret = name;
    return 0;
}

static unsigned char *lend_bytes(const void *bytes, size_t len)
{
    unsigned char *copy = pki_lend(len);

    memcpy(copy, bytes, len);
    return copy;
}

void pki_name_put(mbedtls_asn1_named_data **list, int tag, const void *oid, size_t oid_len,
                  const void *value, size_t len)
{
    mbedtls_asn1_named_data *part = pki_lend(sizeof *part);

    part->oid.tag = MBEDTLS_ASN1_OID;
    part->oid.p = lend_bytes(oid, oid_len);
    part->oid.len = oid_len;
    part->val.tag = tag;
    part->val.p = lend_bytes(value, len);
    part->val.len = len;
    part->next = *list;
    *list = part;
}

static int put_part(mbedtls_asn1_named_data **list, const char *oid, size_t oid_len,
                    const char *value, struct err *err)
{
    size_t len = strlen(value);

    if (!len || len > MOST_NAME || !text_is_utf8(value, len))
        return err_set(err, ERR_INVALID,
                       "\"%.100s\" cannot stand in a"
                       " certificate: 1 to %d bytes of UTF-8",
                       value, MOST_NAME);
    pki_name_put(list, MBEDTLS_ASN1_UTF8_STRING, oid, oid_len, value, len);
    return 0;
}

int pki_name_make(const struct pki_subject *subject, mbedtls_asn1_named_data **ret, struct err *err)
{
    mbedtls_asn1_named_data *list = NULL;
    size_t i;
    int failed = 0;

    for (i = 0; i < subject->organization_count && !failed; i++)
        failed = put_part(&list, MBEDTLS_OID_AT_ORGANIZATION,
                          sizeof MBEDTLS_OID_AT_ORGANIZATION - 1, subject->organizations[i], err);
    if (!failed)
        failed = put_part(&list, MBEDTLS_OID_AT_CN, sizeof MBEDTLS_OID_AT_CN - 1,
                          subject->common_name, err);
    if (failed) {
        mbedtls_asn1_free_named_data_list(&list);
        return -1;
    }
    *ret = list;
    return 0;
}

/* ------------------------------------------------------------ certificates */

static int64_t wall_of(const mbedtls_x509_time *time)
{
    char text[64];
    int64_t wall = 0;

    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", time->year, time->mon, time->day,
             time->hour, time->min, time->sec);
    return clock_parse_exact(text, &wall) ? wall : 0;
}

static int parse_cert(mbedtls_x509_crt *crt, const void *bytes, size_t len, struct err *err)
{
    int failed;

    if (!len || len > MOST_CERT)
        return err_set(err, ERR_INVALID, "a certificate has 1 to %d bytes, not %zu", MOST_CERT,
                       len);
    /* DER begins with the tag of a SEQUENCE. For PEM, mbedTLS wants the NUL at the end. */
    if (*(const unsigned char *)bytes == 0x30) {
        failed = mbedtls_x509_crt_parse_der(crt, bytes, len);
    } else {
        scoped_mem char *copy = mem_alloc(len + 1);

        memcpy(copy, bytes, len);
        failed = mbedtls_x509_crt_parse(crt, (unsigned char *)copy, len + 1);
    }
    if (failed)
        return pki_error(err, ERR_INVALID, "this is not a certificate", failed);
    return 0;
}

static struct pki_cert *describe_cert(const mbedtls_x509_crt *crt, struct err *err)
{
    struct pki_name name;
    scoped_text struct text serial = {0};
    struct pki_cert *cert;
    char *c;

    if (read_subject(&crt->subject, &name, err) < 0)
        return NULL;
    cert = mem_alloc(sizeof *cert);
    cert->common_name = name.common_name;
    cert->organizations = name.organizations;
    cert->organization_count = name.organization_count;
    text_add_hex(&serial, crt->serial.p, crt->serial.len);
    cert->serial = mem_copy_string(text_string(&serial));
    for (c = cert->serial; *c; c++)
        if (*c >= 'a' && *c <= 'f')
            *c = (char)(*c - 'a' + 'A');
    cert->not_before = wall_of(&crt->valid_from);
    cert->not_after = wall_of(&crt->valid_to);
    pki_sha256(crt->pk_raw.p, crt->pk_raw.len, cert->pin);
    pki_sha256(crt->raw.p, crt->raw.len, cert->digest);
    cert->is_authority = crt->ca_istrue;
    return cert;
}

struct pki_cert *pki_cert_read(const void *bytes, size_t len, struct err *err)
{
    mbedtls_x509_crt crt;
    struct pki_cert *cert = NULL;

    mbedtls_x509_crt_init(&crt);
    if (!parse_cert(&crt, bytes, len, err))
        cert = describe_cert(&crt, err);
    mbedtls_x509_crt_free(&crt);
    return cert;
}

/* Flags about dates are ignored: an expired certificate is still its issuer's. */
bool pki_cert_is_issued_by(const char *pem, const char *authority)
{
    const uint32_t dates = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;
    mbedtls_x509_crt crt, root;
    uint32_t flags = 0;
    bool is;

    mbedtls_x509_crt_init(&crt);
    mbedtls_x509_crt_init(&root);
    is = !parse_cert(&crt, pem, strlen(pem), NULL) &&
         !parse_cert(&root, authority, strlen(authority), NULL);
    if (is)
        mbedtls_x509_crt_verify(&crt, &root, NULL, NULL, &flags, NULL, NULL);
    mbedtls_x509_crt_free(&crt);
    mbedtls_x509_crt_free(&root);
    return is && !(flags & ~dates);
}

void pki_cert_free(struct pki_cert **at)
{
    struct pki_cert *cert = take(*at);
    size_t i;

    if (!cert)
        return;
    for (i = 0; i < cert->organization_count; i++)
        mem_free(&cert->organizations[i]);
    mem_free(&cert->organizations);
    mem_free(&cert->common_name);
    mem_free(&cert->serial);
    mem_free(&cert);
}

bool pki_cert_in(const struct pki_cert *cert, const char *organization)
{
    size_t i;

    for (i = 0; i < cert->organization_count; i++)
        if (!strcmp(cert->organizations[i], organization))
            return true;
    return false;
}

/* ---------------------------------------------------------------- requests */

static int check_request_key(const mbedtls_pk_context *pk, struct err *err)
{
    size_t bits = mbedtls_pk_get_bitlen(pk);

    if (mbedtls_pk_get_type(pk) == MBEDTLS_PK_ECKEY &&
        mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*pk)) == MBEDTLS_ECP_DP_SECP256R1)
        return 0;
    if (mbedtls_pk_get_type(pk) == MBEDTLS_PK_RSA && bits >= 2048 && bits <= 4096)
        return 0;
    return err_set(err, ERR_INVALID,
                   "the request's key is %s of %zu bits;"
                   " P-256 and RSA of 2048 to 4096 bits are taken",
                   mbedtls_pk_get_name(pk), bits);
}

/*
 * Digests of the last requests whose signature was valid. The hub reads a request
 * several times, and verifying is the most expensive step of that. Each thread
 * has its own.
 */
#define REMEMBERED 16
static __thread unsigned char remembered[REMEMBERED][PKI_SHA256];

static unsigned char *remembered_slot(const unsigned char digest[PKI_SHA256])
{
    return remembered[digest[0] % REMEMBERED];
}

/* The signature proves that the sender of the request holds the key in it. */
static int check_own_signature(mbedtls_x509_csr *csr, struct err *err)
{
    unsigned char digest[MBEDTLS_MD_MAX_SIZE];
    const mbedtls_md_info_t *md = mbedtls_md_info_from_type(csr->sig_md);
    unsigned char whole[PKI_SHA256];

    pki_sha256(csr->raw.p, csr->raw.len, whole);
    if (memcmp(remembered_slot(whole), whole, sizeof whole) == 0)
        return 0;
    if (!md || (csr->sig_md != MBEDTLS_MD_SHA256 && csr->sig_md != MBEDTLS_MD_SHA384 &&
                csr->sig_md != MBEDTLS_MD_SHA512))
        return err_set(err, ERR_INVALID, "the request is not signed with SHA-2");
    if (mbedtls_md(md, csr->cri.p, csr->cri.len, digest) ||
        mbedtls_pk_verify_ext(csr->sig_pk, csr->sig_opts, &csr->pk, csr->sig_md, digest,
                              mbedtls_md_get_size(md), csr->sig.p, csr->sig.len))
        return err_set(err, ERR_INVALID, "the request is not signed by its own key");
    memcpy(remembered_slot(whole), whole, sizeof whole);
    return 0;
}

/*
 * A request is read by a rule before it is written, and by the controller that signs it: its
 * signature, which takes most of the time, is checked once. What is remembered is a digest of
 * the whole request, signature included.
 */
#define MOST_SOUND 64

static int check_signature_once(mbedtls_x509_csr *csr, struct err *err)
{
    static unsigned char sound[MOST_SOUND][PKI_SHA256];
    static size_t count;
    unsigned char digest[PKI_SHA256];

    pki_sha256(csr->raw.p, csr->raw.len, digest);
    for (size_t i = 0; i < count && i < MOST_SOUND; i++)
        if (!memcmp(sound[i], digest, sizeof digest))
            return 0;
    if (check_own_signature(csr, err) < 0)
        return -1;
    memcpy(sound[count++ % MOST_SOUND], digest, sizeof digest);
    return 0;
}

static int parse_request(mbedtls_x509_csr *csr, const char *pem, size_t len, struct err *err)
{
    scoped_mem char *copy = NULL;
    int failed;

    if (!len || len > MOST_CERT)
        return err_set(err, ERR_INVALID, "a request has 1 to %d bytes, not %zu", MOST_CERT, len);
    copy = mem_alloc(len + 1);
    memcpy(copy, pem, len);
    failed = mbedtls_x509_csr_parse(csr, (unsigned char *)copy, len + 1);
    if (failed)
        return pki_error(err, ERR_INVALID, "this is not a certificate request in PEM", failed);
    if (check_request_key(&csr->pk, err) < 0)
        return -1;
    return check_signature_once(csr, err);
}

void pki_request_free(struct pki_request **at)
{
    struct pki_request *request = take(*at);
    size_t i;

    if (!request)
        return;
    for (i = 0; i < request->organization_count; i++)
        mem_free(&request->organizations[i]);
    mem_free(&request->organizations);
    mem_free(&request->common_name);
    mbedtls_x509_csr_free(request->parsed);
    mem_free(&request->parsed);
    mem_free(&request);
}

struct pki_request *pki_request_read(const char *pem, size_t len, struct err *err)
{
    scoped_pki_request struct pki_request *request = mem_alloc(sizeof *request);
    mbedtls_x509_csr *csr = mem_alloc(sizeof *csr);
    struct pki_name name;

    request->parsed = csr;
    mbedtls_x509_csr_init(csr);
    if (parse_request(csr, pem, len, err) < 0)
        return NULL;
    if (read_subject(&csr->subject, &name, err) < 0)
        return NULL;
    request->common_name = name.common_name;
    request->organizations = name.organizations;
    request->organization_count = name.organization_count;
    request->has_other = name.has_other;
    request->has_names = csr->ext_types & MBEDTLS_X509_EXT_SUBJECT_ALT_NAME;
    pki_pin_of(&csr->pk, request->pin);
    return take(request);
}

int pki_request_write(const struct pki_key *key, const struct pki_subject *subject,
                      struct text *ret_pem, struct err *err)
{
    mbedtls_x509write_csr csr;
    unsigned char der[8192];
    int len;

    mbedtls_x509write_csr_init(&csr);
    if (pki_name_make(subject, &csr.subject, err) < 0)
        return -1;
    mbedtls_x509write_csr_set_md_alg(&csr, MBEDTLS_MD_SHA256);
    mbedtls_x509write_csr_set_key(&csr, (mbedtls_pk_context *)&key->pk);
    len = mbedtls_x509write_csr_der(&csr, der, sizeof der, pki_random, NULL);
    mbedtls_x509write_csr_free(&csr);
    if (len < 0)
        return pki_error(err, ERR_INVALID, "the request cannot be written", len);
    pki_add_pem(ret_pem, "CERTIFICATE REQUEST", der + sizeof der - len, (size_t)len);
    return 0;
}
