/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys on P-256, their signatures, and encryption of stored bytes. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "pki/internal.h"

#include <assert.h>
#include <mbedtls/ecp.h>
#include <mbedtls/gcm.h>
#include <mbedtls/platform.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"

int pki_random(void *unused, unsigned char *bytes, size_t len)
{
    (void)unused;
    random_bytes(bytes, len);
    return 0;
}

int pki_error(struct err *err, enum err_code code, const char *what, int number)
{
    return err_set(err, code, "%s (code -0x%04x)", what, (unsigned)-number);
}

void pki_add_pem(struct text *text, const char *label, const unsigned char *der, size_t len)
{
    scoped_text struct text body = {0};
    size_t at;

    text_add_base64(&body, der, len, false);
    text_addf(text, "-----BEGIN %s-----\n", label);
    for (at = 0; at < body.len; at += 64) {
        text_add_bytes(text, body.bytes + at, body.len - at < 64 ? body.len - at : 64);
        text_add_char(text, '\n');
    }
    text_addf(text, "-----END %s-----\n", label);
}

struct pki_key *pki_key_new(void)
{
    struct pki_key *key = mem_alloc(sizeof *key);
    int failed;

    mbedtls_pk_init(&key->pk);
    failed =
        mbedtls_pk_setup(&key->pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) ||
        mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key->pk), pki_random, NULL);
    assert(!failed);
    return key;
}

static bool is_p256(const mbedtls_pk_context *pk)
{
    return mbedtls_pk_get_type(pk) == MBEDTLS_PK_ECKEY &&
           mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*pk)) == MBEDTLS_ECP_DP_SECP256R1;
}

struct pki_key *pki_key_read(const char *pem, struct err *err)
{
    scoped_pki_key struct pki_key *key = mem_alloc(sizeof *key);
    int failed;

    mbedtls_pk_init(&key->pk);
    failed = mbedtls_pk_parse_key(&key->pk, (const unsigned char *)pem, strlen(pem) + 1, NULL, 0,
                                  pki_random, NULL);
    if (failed) {
        pki_error(err, ERR_INVALID, "this is not a private key in PEM", failed);
        return NULL;
    }
    if (!is_p256(&key->pk)) {
        err_set(err, ERR_INVALID, "the private key is not on P-256");
        return NULL;
    }
    /* A damaged private part would make signatures that do not verify. */
    if (mbedtls_pk_check_pair(&key->pk, &key->pk, pki_random, NULL)) {
        err_set(err, ERR_INVALID,
                "the key's private and public parts do not belong "
                "together");
        return NULL;
    }
    return take(key);
}

void pki_key_free(struct pki_key **at)
{
    struct pki_key *key = take(*at);

    if (!key)
        return;
    mbedtls_pk_free(&key->pk);
    mem_free(&key);
}

void pki_key_write(const struct pki_key *key, struct text *ret_pem)
{
    unsigned char der[512];
    int len = mbedtls_pk_write_key_der(&key->pk, der, sizeof der);

    assert(len > 0);
    pki_add_pem(ret_pem, "EC PRIVATE KEY", der + sizeof der - len, (size_t)len);
    explicit_bzero(der, sizeof der);
}

void pki_pin_of(const mbedtls_pk_context *pk, unsigned char ret[PKI_SHA256])
{
    unsigned char der[2048];
    int len = mbedtls_pk_write_pubkey_der(pk, der, sizeof der);

    assert(len > 0);
    pki_sha256(der + sizeof der - len, (size_t)len, ret);
}

void pki_key_pin(const struct pki_key *key, unsigned char ret[PKI_SHA256])
{
    pki_pin_of(&key->pk, ret);
}

void pki_key_point(const struct pki_key *key, unsigned char ret[64])
{
    const mbedtls_ecp_keypair *pair = mbedtls_pk_ec(key->pk);
    unsigned char point[65];
    size_t len;
    int failed = mbedtls_ecp_point_write_binary(&pair->grp, &pair->Q, MBEDTLS_ECP_PF_UNCOMPRESSED,
                                                &len, point, sizeof point);

    assert(!failed && len == sizeof point);
    memcpy(ret, point + 1, 64);
}

/* -------------------------------------------------------------- signatures */

/* Copies one INTEGER of a DER signature as 32 bytes. mbedTLS wrote the signature,
   so its lengths are right. */
static const unsigned char *read_signature_half(const unsigned char *at, unsigned char *ret)
{
    size_t len = at[1];
    const unsigned char *bytes = at + 2;

    while (len > 32) {
        bytes++;
        len--;
    }
    memset(ret, 0, 32 - len);
    memcpy(ret + 32 - len, bytes, len);
    return bytes + len;
}

/* Writes 32 bytes as an INTEGER of DER: without leading zeros, but with one
   before a byte whose top bit is set, as the number would be negative otherwise. */
static size_t write_half(unsigned char *at, const unsigned char *half)
{
    size_t skip = 0, len, lead;

    while (skip < 31 && !half[skip])
        skip++;
    len = 32 - skip;
    lead = half[skip] >> 7;
    at[0] = 2;
    at[1] = (unsigned char)(len + lead);
    at[2] = 0;
    memcpy(at + 2 + lead, half + skip, len);
    return 2 + lead + len;
}

void pki_sign_es256(const struct pki_key *key, const void *bytes, size_t len,
                    unsigned char ret[PKI_ES256])
{
    unsigned char digest[PKI_SHA256], der[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    size_t der_len;
    int failed;

    pki_sha256(bytes, len, digest);
    failed = mbedtls_pk_sign((mbedtls_pk_context *)&key->pk, MBEDTLS_MD_SHA256, digest,
                             sizeof digest, der, sizeof der, &der_len, pki_random, NULL);
    assert(!failed);
    read_signature_half(read_signature_half(der + 2, ret), ret + 32);
}

bool pki_verify_es256(const struct pki_key *key, const void *bytes, size_t len,
                      const unsigned char signature[PKI_ES256])
{
    unsigned char digest[PKI_SHA256], der[80];
    size_t der_len = 2;

    der_len += write_half(der + der_len, signature);
    der_len += write_half(der + der_len, signature + 32);
    der[0] = 0x30;
    der[1] = (unsigned char)(der_len - 2);
    pki_sha256(bytes, len, digest);
    return !mbedtls_pk_verify((mbedtls_pk_context *)&key->pk, MBEDTLS_MD_SHA256, digest,
                              sizeof digest, der, der_len);
}

/* ----------------------------------------------------------------- sealing */

/* NIST SP 800-38D: a nonce of 96 bits, a tag of 128 bits. */
#define NONCE 12
#define MARK 16

static void gcm_start(mbedtls_gcm_context *gcm, const unsigned char key[PKI_SEAL_KEY])
{
    int failed;

    mbedtls_gcm_init(gcm);
    failed = mbedtls_gcm_setkey(gcm, MBEDTLS_CIPHER_ID_AES, key, 256);
    assert(!failed);
}

/* Writes nonce, encrypted bytes and tag. */
void pki_seal(const unsigned char key[PKI_SEAL_KEY], const char *about, const void *bytes,
              size_t len, struct text *ret)
{
    unsigned char *at = (unsigned char *)text_reserve(ret, NONCE + len + MARK);
    mbedtls_gcm_context gcm;
    int failed;

    gcm_start(&gcm, key);
    random_bytes(at, NONCE);
    failed = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, len, at, NONCE,
                                       (const unsigned char *)about, strlen(about),
                                       len ? bytes : at, at + NONCE, MARK, at + NONCE + len);
    assert(!failed);
    mbedtls_gcm_free(&gcm);
    ret->len += NONCE + len + MARK;
    ret->bytes[ret->len] = '\0';
}

int pki_unseal(const unsigned char key[PKI_SEAL_KEY], const char *about, const void *bytes,
               size_t len, struct text *ret, struct err *err)
{
    const unsigned char *at = bytes;
    mbedtls_gcm_context gcm;
    size_t plain;
    char *to;
    int failed;

    if (len < NONCE + MARK)
        return err_set(err, ERR_INVALID, "encrypted bytes are cut short");
    plain = len - NONCE - MARK;
    to = text_reserve(ret, plain + 1);
    gcm_start(&gcm, key);
    failed = mbedtls_gcm_auth_decrypt(&gcm, plain, at, NONCE, (const unsigned char *)about,
                                      strlen(about), at + NONCE + plain, MARK, at + NONCE,
                                      (unsigned char *)to);
    mbedtls_gcm_free(&gcm);
    if (failed)
        return err_set(
            err, ERR_INVALID,
            "encrypted bytes of %s cannot be decrypted: they belong to another key or another "
            "place, or are damaged",
            about);
    ret->len += plain;
    ret->bytes[ret->len] = '\0';
    return 0;
}

/* ------------------------------------------------------------------ memory */

/*
 * mbedTLS allocates two record buffers of 17 kB per connection, and an idle
 * connection uses little of them. With mmap(), pages that were never touched need
 * no memory: measured, 12 kB per connection instead of 37. All such blocks have
 * one size, and no other block starts on a page boundary, so an address shows how
 * its block is freed.
 */
#define PAGE ((uintptr_t)4096)
#define MAPPED_LEAST ((size_t)12288)
#define MAPPED_SIZE ((size_t)20480)

static void *mbedtls_memory(size_t count, size_t size)
{
    void *memory, *other;
    size_t whole;

    if (__builtin_mul_overflow(count, size, &whole))
        return NULL;
    if (whole >= MAPPED_LEAST && whole <= MAPPED_SIZE) {
        memory =
            mmap(NULL, MAPPED_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return memory == MAP_FAILED ? NULL : memory;
    }
    memory = calloc(1, whole ? whole : 1);
    if ((uintptr_t)memory % PAGE || !memory)
        return memory;
    /*
     * calloc() has returned a page boundary, which would be taken for a mapped
     * block. The second call comes before the first block is freed, so it cannot
     * return the same one.
     */
    other = mbedtls_memory(1, whole ? whole : 1);
    mem_free(&memory);
    return other;
}

static void mbedtls_memory_free(void *memory)
{
    if (memory && (uintptr_t)memory % PAGE == 0)
        munmap(memory, MAPPED_SIZE);
    else
        mem_free(&memory);
}

/* Runs before main(), so that mbedTLS never frees with one function what it got
   from another. */
__attribute__((constructor)) static void set_memory(void)
{
    mbedtls_platform_set_calloc_free(mbedtls_memory, mbedtls_memory_free);
}

void pki_take_back(void *memory)
{
    mbedtls_memory_free(memory);
}

void *pki_lend(size_t len)
{
    void *memory = mbedtls_memory(1, len);

    assert(memory);
    return memory;
}
