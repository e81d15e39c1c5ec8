/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PKI_H
#define PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct text;

/*
 * Keys, certificates, requests for them, digests and sealed bytes.
 *
 * Its one idea: the signer writes the names in a certificate and never
 * copies them from a request (CVE-2026-4740 is what happens otherwise). A request is
 * evidence that its sender holds a key, and says which names it would like.
 *
 * It knows no files, no clock but the one in base, and no rules on which client may have which
 * name. PEM text in and out. Calls compute and do not block; making or verifying a P-256 signature
 * takes about a millisecond. Any thread may call, on objects that no other thread is using.
 */

/* ----------------------------------------------------------------- digests */

#define PKI_SHA256 32
void pki_sha256(const void *bytes, size_t len, unsigned char ret[PKI_SHA256]);
#define PKI_SHA512 64
void pki_sha512(const void *bytes, size_t len, unsigned char ret[PKI_SHA512]);
/* For templates, whose sha1sum is a checksum: no protection against anyone. */
#define PKI_SHA1 20
void pki_sha1(const void *bytes, size_t len, unsigned char ret[PKI_SHA1]);
/* "sha256:<64 hex digits>", as OCI writes it. */
#define PKI_DIGEST_TEXT 72
void pki_digest_text(const unsigned char digest[PKI_SHA256], char ret[PKI_DIGEST_TEXT]);

/* For bytes that come in pieces. A plain struct: copy it, forget it. */
struct pki_sha256 {
    uint32_t state[8];
    uint64_t len;
    unsigned char block[64];
};
void pki_sha256_start(struct pki_sha256 *hash);
void pki_sha256_add(struct pki_sha256 *hash, const void *bytes, size_t len);
void pki_sha256_end(const struct pki_sha256 *hash, unsigned char ret[PKI_SHA256]);

/*
 * Digests by the algorithm that they name, sha256 or sha512: what registries
 * and artifacts use. "sha512:<128 hex digits>" is the longest.
 */
#define PKI_DIGEST_MOST 136
/* A known algorithm, and as many lower-case hex digits as it has. */
bool pki_digest_is_valid(const char *digest);
/* "sha256", "sha512". */
bool pki_digest_is_algorithm(const char *name);
/* The digest of bytes by the algorithm of `like`, which is a digest or the name of
   an algorithm; sha256 where it names none that is known. */
void pki_digest_of(const char *like, const void *bytes, size_t len, char ret[PKI_DIGEST_MOST]);
/* The same for bytes that come in pieces. */
struct pki_hash;
struct pki_hash *pki_hash_new(const char *like) __attribute__((returns_nonnull));
void pki_hash_add(struct pki_hash *hash, const void *bytes, size_t len);
/* Writes the digest and frees the hash. */
void pki_hash_end(struct pki_hash **hash, char ret[PKI_DIGEST_MOST]);
void pki_hash_free(struct pki_hash **hash);
#define scoped_pki_hash SCOPED(pki_hash_free)

void pki_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                     unsigned char ret[PKI_SHA256]);
/* Takes the same time wherever they differ. */
bool pki_same(const void *a, const void *b, size_t len);

/* -------------------------------------------------------------------- keys */

/* A private key on P-256; there is no other kind. */
struct pki_key;
struct pki_key *pki_key_new(void) __attribute__((returns_nonnull));
/* PEM, PKCS#8 or SEC1. ERR_INVALID for anything else. */
struct pki_key *pki_key_read(const char *pem, struct err *err) MUST_CHECK;
void pki_key_free(struct pki_key **key);
#define scoped_pki_key SCOPED(pki_key_free)
/* SEC1 PEM ("EC PRIVATE KEY"). */
void pki_key_write(const struct pki_key *key, struct text *ret_pem);
/* SHA-256 of the public half (SubjectPublicKeyInfo, DER). */
void pki_key_pin(const struct pki_key *key, unsigned char ret[PKI_SHA256]);
/* The public point, X then Y: what a JWK holds. */
void pki_key_point(const struct pki_key *key, unsigned char ret[64]);

/* ES256 of RFC 7518: r then s over the SHA-256 of the bytes. */
#define PKI_ES256 64
void pki_sign_es256(const struct pki_key *key, const void *bytes, size_t len,
                    unsigned char ret[PKI_ES256]);
bool pki_verify_es256(const struct pki_key *key, const void *bytes, size_t len,
                      const unsigned char signature[PKI_ES256]);

/* ------------------------------------------------------------ certificates */

/* What a certificate says. Strings are the struct's own. */
struct pki_cert {
    char *common_name;    /* "" if it has none */
    char **organizations; /* in the order they stand */
    size_t organization_count;
    char *serial;                     /* upper-case hex */
    int64_t not_before, not_after;    /* wall time */
    unsigned char pin[PKI_SHA256];    /* SHA-256 of its SubjectPublicKeyInfo */
    unsigned char digest[PKI_SHA256]; /* SHA-256 of the whole, DER */
    bool is_authority;
};
/* The first certificate of a PEM text, or one in DER. Checks no signature. */
struct pki_cert *pki_cert_read(const void *bytes, size_t len, struct err *err) MUST_CHECK;
/* Whether the first certificate of a PEM text is signed by `authority`'s, PEM too;
   dates do not count. */
bool pki_cert_is_issued_by(const char *pem, const char *authority);
void pki_cert_free(struct pki_cert **cert);
#define scoped_pki_cert SCOPED(pki_cert_free)
bool pki_cert_in(const struct pki_cert *cert, const char *organization);

/* Whose name is written into a certificate or a request. */
struct pki_subject {
    const char *common_name;
    const char *const *organizations;
    size_t organization_count;
};

/* A certificate request (PKCS#10). Strings are the struct's own. */
struct pki_request {
    char *common_name;
    char **organizations;
    size_t organization_count;
    bool has_names; /* asks for subject alternative names */
    bool has_other; /* its subject has more than CN and O, one of them twice, or
                       several in one part */
    unsigned char pin[PKI_SHA256];
    void *parsed; /* pki's own */
};
/*
 * PEM. ERR_INVALID if it is damaged, not signed by its own key, or the key is
 * neither P-256 nor RSA of 2048 to 4096 bits.
 */
struct pki_request *pki_request_read(const char *pem, size_t len, struct err *err) MUST_CHECK;
void pki_request_free(struct pki_request **request);
#define scoped_pki_request SCOPED(pki_request_free)
/* Makes one, as a spoke does. ERR_INVALID if the subject cannot be encoded. */
int pki_request_write(const struct pki_key *key, const struct pki_subject *subject,
                      struct text *ret_pem, struct err *err) MUST_CHECK;

/* --------------------------------------------------------------- authority */

/* A certificate authority: its certificate and its key. */
struct pki_authority;
struct pki_authority *pki_authority_new(const char *common_name, int64_t lifetime,
                                        struct err *err) MUST_CHECK;
/* ERR_INVALID if the two do not belong together. */
struct pki_authority *pki_authority_read(const char *cert_pem, const char *key_pem,
                                         struct err *err) MUST_CHECK;
void pki_authority_free(struct pki_authority **authority);
#define scoped_pki_authority SCOPED(pki_authority_free)
const char *pki_authority_cert(const struct pki_authority *authority); /* PEM */
void pki_authority_key(const struct pki_authority *authority, struct text *ret_pem);
/* SHA-256 of its SubjectPublicKeyInfo: what a join token carries. */
const unsigned char *pki_authority_pin(const struct pki_authority *authority);

/*
 * Certificates count from 5 minutes ago, so that a clock which is a little
 * behind still takes them. `names` are DNS names and IP addresses.
 */
int pki_issue_server(struct pki_authority *authority, const struct pki_key *key,
                     const struct pki_subject *subject, const char *const *names, size_t name_count,
                     int64_t lifetime, struct text *ret_pem, struct err *err) MUST_CHECK;
/* For a key this side made itself, as the administrator's. */
int pki_issue_client(struct pki_authority *authority, const struct pki_key *key,
                     const struct pki_subject *subject, int64_t lifetime, struct text *ret_pem,
                     struct err *err) MUST_CHECK;
/* What a client's certificate allows its key beside client authentication. */
enum pki_usage {
    PKI_DIGITAL_SIGNATURE = 1 << 0,
    PKI_KEY_ENCIPHERMENT = 1 << 1,
};
/* For the key in a request; of its subject nothing is used. */
int pki_issue_request(struct pki_authority *authority, const struct pki_request *request,
                      const struct pki_subject *subject, unsigned usages, int64_t lifetime,
                      struct text *ret_pem, struct err *err) MUST_CHECK;
/*
 * Whether `cert` (PEM or DER) was signed by this authority and is valid now.
 * `client`: must also be meant for clients.
 */
int pki_authority_check(const struct pki_authority *authority, const void *cert, size_t len,
                        bool client, struct err *err) MUST_CHECK;

/* ------------------------------------------------------------- join tokens */

/*
 * What a machine shows to join, as text: axle1.<pin>.<id>.<secret>. The pin, in hex, tells
 * the machine which authority its hub must have; the id names the hub's JoinToken object,
 * which keeps a salted hash of the secret.
 */
struct pki_join_token {
    const char *pin, *id, *secret; /* in the arena */
};
/* ERR_INVALID if it has not this form. */
int pki_join_token_parse(struct arena *arena, const char *text, struct pki_join_token *ret,
                         struct err *err) MUST_CHECK;
void pki_join_token_add(struct text *text, const unsigned char pin[PKI_SHA256], const char *id,
                        const char *secret);
/* hex(SHA-256(salt + secret)), in the arena. */
char *pki_join_token_hash(struct arena *arena, const char *salt, const char *secret);

/* ----------------------------------------------------------------- sealing */

/*
 * AES-256-GCM under a key kept elsewhere. `about` is bound to the bytes but
 * not kept with them: give the same to open, so that a sealed value cannot be
 * moved to another place.
 */
#define PKI_SEAL_KEY 32
void pki_seal(const unsigned char key[PKI_SEAL_KEY], const char *about, const void *bytes,
              size_t len, struct text *ret);
/* ERR_INVALID if the key, the place or the bytes are wrong. */
int pki_unseal(const unsigned char key[PKI_SEAL_KEY], const char *about, const void *bytes,
               size_t len, struct text *ret, struct err *err) MUST_CHECK;

/* ------------------------------------------------------------------ memory */

/* Zeroed memory as mbedTLS takes it: mbedTLS may free it, or pki_take_back() does, which
   takes what mbedTLS has allocated as well. NULL is nothing. */
void *pki_lend(size_t len);
void pki_take_back(void *memory);

#endif
