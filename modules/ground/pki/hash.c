/* SPDX-License-Identifier: Apache-2.0 */
/* Computes SHA-1 and SHA-512, and digests as OCI writes them, by the algorithm that they name. */
#include <mbedtls/sha1.h>
#include <mbedtls/sha512.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pki/internal.h"

enum algorithm { HASH_SHA256, HASH_SHA512 };

static const struct {
    const char *name;
    size_t size; /* of the digest, in bytes */
} algorithms[] = {
    [HASH_SHA256] = {"sha256", PKI_SHA256},
    [HASH_SHA512] = {"sha512", PKI_SHA512},
};

struct pki_hash {
    enum algorithm algorithm;
    struct pki_sha256 sha256;
    mbedtls_sha512_context sha512;
};

/* -1: an algorithm that is not in the table. */
static int find_algorithm(const char *name, size_t len)
{
    for (size_t i = 0; i < count_of(algorithms); i++)
        if (strlen(algorithms[i].name) == len && !strncmp(algorithms[i].name, name, len))
            return (int)i;
    return -1;
}

static int algorithm_of(const char *digest)
{
    return find_algorithm(digest, strcspn(digest, ":"));
}

bool pki_digest_is_algorithm(const char *name)
{
    return find_algorithm(name, strlen(name)) >= 0;
}

bool pki_digest_is_valid(const char *digest)
{
    int algorithm = algorithm_of(digest);
    const char *hex = strchr(digest, ':');

    return algorithm >= 0 && hex && strlen(hex + 1) == 2 * algorithms[algorithm].size &&
           strspn(hex + 1, "0123456789abcdef") == strlen(hex + 1);
}

struct pki_hash *pki_hash_new(const char *digest)
{
    struct pki_hash *hash = mem_alloc(sizeof *hash);
    int algorithm = algorithm_of(digest);

    hash->algorithm = algorithm < 0 ? HASH_SHA256 : (enum algorithm)algorithm;
    pki_sha256_start(&hash->sha256);
    mbedtls_sha512_init(&hash->sha512);
    /* These fail only where mbedTLS hands the work to hardware. */
    if (mbedtls_sha512_starts(&hash->sha512, 0))
        abort();
    return hash;
}

void pki_hash_add(struct pki_hash *hash, const void *bytes, size_t len)
{
    if (hash->algorithm == HASH_SHA256)
        pki_sha256_add(&hash->sha256, bytes, len);
    else if (mbedtls_sha512_update(&hash->sha512, bytes, len))
        abort();
}

void pki_hash_end(struct pki_hash **hash, char ret[PKI_DIGEST_MOST])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[PKI_SHA512];
    enum algorithm algorithm = (*hash)->algorithm;
    size_t at = strlen(algorithms[algorithm].name);

    if (algorithm == HASH_SHA256)
        pki_sha256_end(&(*hash)->sha256, sum);
    else if (mbedtls_sha512_finish(&(*hash)->sha512, sum))
        abort();
    memcpy(ret, algorithms[algorithm].name, at);
    ret[at++] = ':';
    for (size_t i = 0; i < algorithms[algorithm].size; i++) {
        ret[at++] = digits[sum[i] >> 4];
        ret[at++] = digits[sum[i] & 15];
    }
    ret[at] = '\0';
    pki_hash_free(hash);
}

void pki_hash_free(struct pki_hash **hash)
{
    if (*hash)
        mbedtls_sha512_free(&(*hash)->sha512);
    mem_free(hash);
}

void pki_digest_of(const char *like, const void *bytes, size_t len, char ret[PKI_DIGEST_MOST])
{
    struct pki_hash *hash = pki_hash_new(like);

    pki_hash_add(hash, bytes, len);
    pki_hash_end(&hash, ret);
}

void pki_sha1(const void *bytes, size_t len, unsigned char ret[PKI_SHA1])
{
    if (mbedtls_sha1(bytes, len, ret))
        abort();
}

void pki_sha512(const void *bytes, size_t len, unsigned char ret[PKI_SHA512])
{
    if (mbedtls_sha512(bytes, len, ret, 0))
        abort();
}
