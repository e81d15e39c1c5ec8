/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, certificates, requests, digests and seals. */
#include "base/clock.h"
#include "base/text.h"
#include "check.h"
#include "pki/internal.h"

static void digests_are_right(void)
{
    static const struct {
        const char *words, *digest;
    } cases[] = {
        {"", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    unsigned char digest[PKI_SHA256], plain[PKI_SHA256], bytes[1000];
    char text[PKI_DIGEST_TEXT];
    struct pki_sha256 hash;
    size_t i, at;
    bool same = true;

    for (i = 0; i < count_of(cases); i++) {
        pki_sha256(cases[i].words, strlen(cases[i].words), digest);
        pki_digest_text(digest, text);
        CHECK_TEXT(text, cases[i].digest, "SHA-256 of \"%s\"", cases[i].words);
    }
    random_bytes(bytes, sizeof bytes);
    for (i = 0; i < sizeof bytes && same; i += 7) {
        pki_sha256(bytes, i, digest);
        pki_sha256_plain(bytes, i, plain);
        same = !memcmp(digest, plain, sizeof digest);
        pki_sha256_start(&hash);
        for (at = 0; at < i; at += 37)
            pki_sha256_add(&hash, bytes + at, i - at < 37 ? i - at : 37);
        pki_sha256_end(&hash, plain);
        same = same && !memcmp(digest, plain, sizeof digest);
    }
    CHECK(same, "in pieces, at once, with and without instructions: the same");
    pki_sha1("abc", 3, digest);
    CHECK(memcmp(digest,
                 "\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e\x25\x71\x78\x50\xc2\x6c\x9c\xd0\xd8\x9d",
                 PKI_SHA1) == 0,
          "SHA-1 as in FIPS 180");
    pki_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, digest);
    pki_digest_text(digest, text);
    CHECK_TEXT(text, "sha256:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
               "HMAC as in RFC 4231");
}

static void digests_go_by_their_algorithm(void)
{
    static const char abc[] =
        "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
    static const struct {
        const char *what, *digest;
        bool valid;
    } cases[] = {
        {"sha256", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", true},
        {"sha512", abc, true},
        {"upper-case digits",
         "sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", false},
        {"a digit less", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
         false},
        {"sha512 with the digits of sha256",
         "sha512:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", false},
        {"another algorithm",
         "sha384:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", false},
        {"the algorithm alone", "sha256", false},
        {"the colon alone", ":", false},
        {"nothing", "", false},
    };
    struct pki_hash *hash = pki_hash_new("sha512:");
    char text[PKI_DIGEST_MOST];

    for (size_t i = 0; i < count_of(cases); i++)
        CHECK(pki_digest_is_valid(cases[i].digest) == cases[i].valid, "%s: %s", cases[i].what,
              cases[i].valid ? "a digest" : "none");
    pki_digest_of("sha512", "abc", 3, text);
    CHECK_TEXT(text, abc, "SHA-512 as in FIPS 180");
    pki_hash_add(hash, "a", 1);
    pki_hash_add(hash, "bc", 2);
    pki_hash_end(&hash, text);
    CHECK_TEXT(text, abc, "in pieces as well");
    pki_digest_of("v1", "abc", 3, text);
    CHECK_TEXT(text, cases[0].digest, "what names no algorithm gets SHA-256");
}

static void seals_hold(void)
{
    unsigned char key[PKI_SEAL_KEY], other[PKI_SEAL_KEY];
    scoped_text struct text sealed = {0};
    scoped_text struct text opened = {0};
    struct err err = {0};

    random_bytes(key, sizeof key);
    random_bytes(other, sizeof other);
    pki_seal(key, "secrets/a", "swordfish", 9, &sealed);
    CHECK(!pki_unseal(key, "secrets/a", sealed.bytes, sealed.len, &opened, &err),
          "a sealed value opens");
    CHECK_TEXT(text_string(&opened), "swordfish", "and is what it was");
    CHECK(pki_unseal(key, "secrets/b", sealed.bytes, sealed.len, &opened, &err) < 0,
          "it cannot be moved elsewhere");
    CHECK(pki_unseal(other, "secrets/a", sealed.bytes, sealed.len, &opened, &err) < 0,
          "nor opened with another key");
    sealed.bytes[14] ^= 1;
    CHECK(pki_unseal(key, "secrets/a", sealed.bytes, sealed.len, &opened, &err) < 0, "nor changed");
    CHECK(pki_unseal(key, "secrets/a", sealed.bytes, 5, &opened, &err) < 0, "nor cut");
}

static void signatures_hold(void)
{
    scoped_pki_key struct pki_key *key = pki_key_new();
    scoped_pki_key struct pki_key *again = NULL;
    scoped_text struct text pem = {0};
    unsigned char signature[PKI_ES256], pin[2][PKI_SHA256];
    struct err err = {0};
    int i, good = 0;

    pki_key_write(key, &pem);
    again = pki_key_read(text_string(&pem), &err);
    CHECK(again != NULL, "a key reads back (%s)", err.text);
    pki_key_pin(key, pin[0]);
    pki_key_pin(again, pin[1]);
    CHECK(!memcmp(pin[0], pin[1], sizeof pin[0]), "and is the same");
    for (i = 0; i < 50; i++) {
        pki_sign_es256(key, &i, sizeof i, signature);
        good += pki_verify_es256(again, &i, sizeof i, signature);
    }
    CHECK_INT(good, 50, "signatures verify");
    signature[40] ^= 4;
    i--;
    CHECK(!pki_verify_es256(again, &i, sizeof i, signature), "a changed one does not");
    CHECK(!pki_key_read("nonsense", &err), "nonsense is no key");
}

static const char *const groups[] = {"system:open-cluster-management:edge-1",
                                     "system:open-cluster-management:managed-clusters"};

static void names_are_the_signers(void)
{
    struct err err = {0};
    scoped_pki_authority struct pki_authority *ca =
        pki_authority_new("axle-ca", 3600 * CLOCK_SECOND, &err);
    scoped_pki_authority struct pki_authority *other =
        pki_authority_new("axle-ca", 3600 * CLOCK_SECOND, &err);
    scoped_pki_authority struct pki_authority *again = NULL;
    scoped_pki_key struct pki_key *key = pki_key_new();
    scoped_pki_request struct pki_request *request = NULL;
    scoped_pki_cert struct pki_cert *cert = NULL;
    scoped_text struct text csr = {0};
    scoped_text struct text pem = {0};
    scoped_text struct text server = {0};
    scoped_text struct text ca_key = {0};
    const char *wish[] = {"system:masters"};
    struct pki_subject wanted = {"admin", wish, 1};
    struct pki_subject given = {"system:open-cluster-management:edge-1:agent", groups, 2};
    struct pki_subject hub = {.common_name = "axle-hub"};
    const char *names[] = {"hub.example", "10.0.0.1", "::1"};
    unsigned char pin[PKI_SHA256];

    CHECK(ca && other, "authorities are made (%s)", err.text);
    CHECK(!pki_request_write(key, &wanted, &csr, &err), "a request is written");
    request = pki_request_read(csr.bytes, csr.len, &err);
    if (!CHECK(request != NULL, "and read (%s)", err.text))
        return;
    CHECK_TEXT(request->common_name, "admin", "it wishes to be admin");
    CHECK(request->organization_count == 1 && !request->has_names && !request->has_other,
          "and nothing else");
    pki_key_pin(key, pin);
    CHECK(!memcmp(pin, request->pin, sizeof pin), "its key is known by hash");
    CHECK(!pki_issue_request(ca, request, &given, PKI_DIGITAL_SIGNATURE, 60 * CLOCK_SECOND, &pem,
                             &err),
          "a certificate is issued (%s)", err.text);
    cert = pki_cert_read(pem.bytes, pem.len, &err);
    CHECK_TEXT(cert->common_name, given.common_name, "the name is the signer's");
    CHECK(cert->organization_count == 2 && pki_cert_in(cert, groups[0]) &&
              !pki_cert_in(cert, "system:masters"),
          "so are the groups");
    CHECK(!memcmp(pin, cert->pin, sizeof pin), "the key is the asker's");
    CHECK(cert->not_before <= clock_wall() - 4 * 60 * CLOCK_SECOND, "it is backdated");
    CHECK(!pki_authority_check(ca, pem.bytes, pem.len, true, &err), "its authority knows it");
    CHECK(pki_authority_check(other, pem.bytes, pem.len, true, &err) < 0,
          "another one of the same name does not");
    CHECK(!pki_issue_server(ca, key, &hub, names, 3, 60 * CLOCK_SECOND, &server, &err),
          "a server's is issued (%s)", err.text);
    CHECK(pki_authority_check(ca, server.bytes, server.len, true, &err) < 0,
          "and does not do for a client");
    pki_authority_key(ca, &ca_key);
    again = pki_authority_read(pki_authority_cert(ca), text_string(&ca_key), &err);
    CHECK(again != NULL, "an authority reads back");
    CHECK(!pki_authority_read(pki_authority_cert(other), text_string(&ca_key), &err),
          "but not with another's key");
    csr.bytes[csr.len / 2] ^= 2;
    pki_request_free(&request);
    request = pki_request_read(csr.bytes, csr.len, &err);
    CHECK(!request, "a damaged request is refused");
}

/* Requests that say one thing to one reader and another to the next. */
static void subjects_are_plain(void)
{
    static const struct {
        const char *what, *pem;
        bool read, has_other, has_names;
    } cases[] = {
        {"a CN in UTF-16",
         "-----BEGIN CERTIFICATE REQUEST-----\n"
         "MIH2MIGeAgEAMDwxEzARBgNVBAMeCgBhAGQAbQBpAG4xJTAjBgNVBAoeHABzAHkA\n"
         "cwB0AGUAbQA6AG0AYQBzAHQAZQByAHMwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
         "AAT7dXSsmf7k+PSUeiK2WRC2sapU505VklnsBoSKm89vDUOWRQJ26KZeoLTm9g3o\n"
         "lyWfp3V8ppiW+28cCHDZQOSXoAAwCgYIKoZIzj0EAwIDRwAwRAIgTDj/RmXM1nCX\n"
         "jdYumtjazuN5M3vM4bmWRwIPjxM8HbkCIF6PK872YMcpXTfVoWcjObyu9Klzt54m\n"
         "tI4VhRCQZvev\n"
         "-----END CERTIFICATE REQUEST-----\n",
         false, false, false},
        {"a CN with a NUL in it",
         "-----BEGIN CERTIFICATE REQUEST-----\n"
         "MIHTMHsCAQAwGTEXMBUGA1UEAwwOYWRtaW4ALmV4YW1wbGUwWTATBgcqhkjOPQIB\n"
         "BggqhkjOPQMBBwNCAAT7dXSsmf7k+PSUeiK2WRC2sapU505VklnsBoSKm89vDUOW\n"
         "RQJ26KZeoLTm9g3olyWfp3V8ppiW+28cCHDZQOSXoAAwCgYIKoZIzj0EAwIDSAAw\n"
         "RQIhAK1gYjBfQVOi3I3iCTu6JTzm/23wV9HjGTzbTJkPlznaAiB6UfKujPS0J1I+\n"
         "UOXHAIv7KZ2qvHzaNpCTUMjd4YtmBQ==\n"
         "-----END CERTIFICATE REQUEST-----\n",
         false, false, false},
        {"CN and O in one part",
         "-----BEGIN CERTIFICATE REQUEST-----\n"
         "MIHWMH8CAQAwHTEbMAsGA1UECgwEZGV2czAMBgNVBAMMBWFsaWNlMFkwEwYHKoZI\n"
         "zj0CAQYIKoZIzj0DAQcDQgAE+3V0rJn+5Pj0lHoitlkQtrGqVOdOVZJZ7AaEipvP\n"
         "bw1DlkUCduimXqC05vYN6Jcln6d1fKaYlvtvHAhw2UDkl6AAMAoGCCqGSM49BAMC\n"
         "A0cAMEQCIBwwjnm/p5vTXRkUbG5auCel+uYV/5VlMM47h7Mu7btqAiBPAGCQD8SD\n"
         "jCz9K89LZU68pVmWDHXx2O/WPm66h9X2YA==\n"
         "-----END CERTIFICATE REQUEST-----\n",
         true, true, false},
        {"the same O twice",
         "-----BEGIN CERTIFICATE REQUEST-----\n"
         "MIHqMIGQAgEAMC4xDjAMBgNVBAMMBWFsaWNlMQ0wCwYDVQQKDARkZXZzMQ0wCwYD\n"
         "VQQKDARkZXZzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE+3V0rJn+5Pj0lHoi\n"
         "tlkQtrGqVOdOVZJZ7AaEipvPbw1DlkUCduimXqC05vYN6Jcln6d1fKaYlvtvHAhw\n"
         "2UDkl6AAMAoGCCqGSM49BAMCA0kAMEYCIQDeasZ5qTi4lsB3R2GDCGjf2ZmQjgfe\n"
         "yF7PNU9EUQo/GwIhAItl5U7tjG1TB0qtJUJ7WjtPcx9xrlO8acH9apZy45J8\n"
         "-----END CERTIFICATE REQUEST-----\n",
         true, true, false},
        {"alternative names",
         "-----BEGIN CERTIFICATE REQUEST-----\n"
         "MIHtMIGTAgEAMBAxDjAMBgNVBAMMBWFsaWNlMFkwEwYHKoZIzj0CAQYIKoZIzj0D\n"
         "AQcDQgAE+3V0rJn+5Pj0lHoitlkQtrGqVOdOVZJZ7AaEipvPbw1DlkUCduimXqC0\n"
         "5vYN6Jcln6d1fKaYlvtvHAhw2UDkl6AhMB8GCSqGSIb3DQEJDjESMBAwDgYDVR0R\n"
         "BAcwBYIDaHViMAoGCCqGSM49BAMCA0kAMEYCIQCCXEh04+y404Cl47CLeTqgGC1o\n"
         "BisdZJ3UxHGlzMxK0AIhAMkLe8P81BPFR+DmX40qrCVHGW2zPLEuqmSHYaAD21Bd\n"
         "-----END CERTIFICATE REQUEST-----\n",
         true, false, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        scoped_pki_request struct pki_request *request =
            pki_request_read(cases[i].pem, strlen(cases[i].pem), &err);

        CHECK((request != NULL) == cases[i].read, "%s: %s", cases[i].what,
              request ? "is read" : err.text);
        if (request)
            CHECK(request->has_other == cases[i].has_other &&
                      request->has_names == cases[i].has_names,
                  "%s: is told", cases[i].what);
    }
}

int main(void)
{
    digests_are_right();
    digests_go_by_their_algorithm();
    seals_hold();
    signatures_hold();
    names_are_the_signers();
    subjects_are_plain();
    return check_done();
}
