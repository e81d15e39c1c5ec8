/* SPDX-License-Identifier: Apache-2.0 */
/* Prepares what connections share: certificates, versions, ciphers, curves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <psa/crypto.h>

#include "base/clock.h"
#include "tls/internal.h"

/* ChaCha20-Poly1305 first: measured faster here than AES-GCM. AEAD only. */
static const int suites[] = {MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
                             MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                             MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                             0};
static const uint16_t groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
static const char *protocols[] = {"http/1.1", NULL};

static const char *const system_roots[] = {"/etc/ssl/certs/ca-certificates.crt",
                                           "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
                                           "/etc/ssl/ca-bundle.pem"};

static int random_for_tls(void *unused, unsigned char *bytes, size_t len)
{
    (void)unused;
    random_bytes(bytes, len);
    return 0;
}

struct tls_setup *tls_setup_hold(struct tls_setup *setup)
{
    setup->holders++;
    return setup;
}

void tls_setup_drop(struct tls_setup **at)
{
    struct tls_setup *setup = take(*at);

    if (!setup || --setup->holders)
        return;
    mbedtls_ssl_config_free(&setup->config);
    mbedtls_x509_crt_free(&setup->own);
    mbedtls_x509_crt_free(&setup->roots);
    mbedtls_pk_free(&setup->key);
    tls_rooms_free(setup);
    mem_free(&setup->cert_pem);
    mem_free(&setup->roots_pem);
    mem_free(&setup);
}

static struct tls_setup *setup_new(bool server)
{
    struct tls_setup *setup = mem_alloc(sizeof *setup);
    int endpoint = server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT;

    psa_crypto_init(); /* TLS 1.3 needs it; a second call does nothing */
    setup->holders = 1;
    mbedtls_ssl_config_init(&setup->config);
    mbedtls_x509_crt_init(&setup->own);
    mbedtls_x509_crt_init(&setup->roots);
    mbedtls_pk_init(&setup->key);
    mbedtls_ssl_config_defaults(&setup->config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(&setup->config, random_for_tls, NULL);
    mbedtls_ssl_conf_ciphersuites(&setup->config, suites);
    mbedtls_ssl_conf_groups(&setup->config, groups);
    mbedtls_ssl_conf_alpn_protocols(&setup->config, protocols);
    mbedtls_ssl_conf_min_tls_version(&setup->config, MBEDTLS_SSL_VERSION_TLS1_2);
    return setup;
}

#define PUBLIC_MOST 2048 /* RSA of 8192 bits is not half of it */

/* Compares the public halves; mbedtls_pk_check_pair() would sign or multiply. */
static bool same_public(mbedtls_pk_context *cert, mbedtls_pk_context *key)
{
    unsigned char one[PUBLIC_MOST];
    unsigned char other[PUBLIC_MOST];
    int len = mbedtls_pk_write_pubkey_der(cert, one, sizeof one);

    /* Both are written at the end of their room. */
    return len > 0 && mbedtls_pk_write_pubkey_der(key, other, sizeof other) == len &&
           !memcmp(one + sizeof one - len, other + sizeof other - len, (size_t)len);
}

static int use_own(struct tls_setup *setup, const char *cert, const char *key, struct err *err)
{
    if (mbedtls_x509_crt_parse(&setup->own, (const unsigned char *)cert, strlen(cert) + 1))
        return err_set(err, ERR_INVALID, "the TLS certificate is not in PEM");
    if (mbedtls_pk_parse_key(&setup->key, (const unsigned char *)key, strlen(key) + 1, NULL, 0,
                             random_for_tls, NULL))
        return err_set(err, ERR_INVALID, "the TLS key is not in PEM");
    if (!same_public(&setup->own.pk, &setup->key))
        return err_set(err, ERR_INVALID, "the TLS certificate and key do not belong together");
    mbedtls_ssl_conf_own_cert(&setup->config, &setup->own, &setup->key);
    setup->cert_pem = mem_copy_string(cert);
    return 0;
}

static int use_roots(struct tls_setup *setup, const char *roots, struct err *err)
{
    if (mbedtls_x509_crt_parse(&setup->roots, (const unsigned char *)roots, strlen(roots) + 1) < 0)
        return err_set(err, ERR_INVALID, "the trusted roots are not in PEM");
    mbedtls_ssl_conf_ca_chain(&setup->config, &setup->roots, NULL);
    setup->roots_pem = mem_copy_string(roots);
    setup->has_roots = true;
    return 0;
}

static int use_system_roots(struct tls_setup *setup, struct err *err)
{
    size_t i;

    /* Some system's roots are of kinds not known here; they are left out. */
    for (i = 0; i < count_of(system_roots); i++)
        if (mbedtls_x509_crt_parse_file(&setup->roots, system_roots[i]) >= 0 ||
            setup->roots.raw.len) {
            mbedtls_ssl_conf_ca_chain(&setup->config, &setup->roots, NULL);
            setup->has_roots = true;
            return 0;
        }
    return err_set(err, ERR_NOT_FOUND,
                   "this system has no file of trusted roots"
                   " (%s); install ca-certificates",
                   system_roots[0]);
}

struct tls_setup *tls_setup_server(struct tls_server *server,
                                   const struct tls_server_settings *settings, struct err *err)
{
    struct tls_setup *setup = setup_new(true);
    mbedtls_ssl_config *config = &setup->config;

    if (use_own(setup, settings->cert, settings->key, err) < 0 ||
        (settings->client_roots && use_roots(setup, settings->client_roots, err) < 0)) {
        tls_setup_drop(&setup);
        return NULL;
    }
    setup->client_required = settings->client_required;
    mbedtls_ssl_conf_authmode(config, !settings->client_roots     ? MBEDTLS_SSL_VERIFY_NONE
                                      : settings->client_required ? MBEDTLS_SSL_VERIFY_REQUIRED
                                                                  : MBEDTLS_SSL_VERIFY_OPTIONAL);
    mbedtls_ssl_conf_session_tickets_cb(config, tls_ticket_write, tls_ticket_parse, server);
    /* Its tickets would not hold the client's certificate. */
    mbedtls_ssl_conf_new_session_tickets(config, 0);
    return setup;
}

struct tls_setup *tls_setup_client(const struct tls_client_settings *settings, struct err *err)
{
    struct tls_setup *setup = setup_new(false);
    mbedtls_ssl_config *config = &setup->config;
    bool strict = !settings->pin && !settings->insecure;
    int failed = 0;

    if (settings->cert)
        failed = use_own(setup, settings->cert, settings->key, err);
    if (!failed && settings->roots)
        failed = use_roots(setup, settings->roots, err);
    else if (!failed && strict && settings->system_roots)
        failed = use_system_roots(setup, err);
    else if (!failed && strict)
        failed = err_set(err, ERR_INVALID, "a TLS client needs roots or a pin");
    if (failed) {
        tls_setup_drop(&setup);
        return NULL;
    }
    mbedtls_ssl_conf_authmode(config,
                              strict ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_OPTIONAL);
    if (!settings->tls13) {
        mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
        mbedtls_ssl_conf_max_frag_len(config, MBEDTLS_SSL_MAX_FRAG_LEN_4096);
    }
    return setup;
}
