/* SPDX-License-Identifier: Apache-2.0 */
/* Shakes hands in a simulated world: certificates shown and checked, bytes plain. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sim/hosts.h"
#include "tls/internal.h"

/* "AXLE" and four digits of hexadecimal: a hello's length, then PEM. */
#define HELLO 12

static void say_hello(struct tls_stream *t)
{
    scoped_text struct text hello = {0};
    const char *pem = t->setup->cert_pem ? t->setup->cert_pem : "";

    text_addf(&hello, "AXLE%08zx%s", strlen(pem), pem);
    loop_stream_write(t->inner, hello.bytes, hello.len);
}

static bool verify_chain(const struct tls_stream *t, const char *pem, size_t len)
{
    mbedtls_x509_crt chain;
    const uint32_t dates = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;
    uint32_t flags = 0;

    mbedtls_x509_crt_init(&chain);
    if (mbedtls_x509_crt_parse(&chain, (const unsigned char *)pem, len + 1))
        flags = 1;
    else
        mbedtls_x509_crt_verify(&chain, &t->setup->roots, NULL, t->name, &flags, NULL, NULL);
    mbedtls_x509_crt_free(&chain);
    return !(flags & ~dates);
}

/*
 * One of the roots must have signed it. The same question has the same answer,
 * and a verification costs more than all the rest of a simulated connection,
 * so answers are remembered.
 */
#define REMEMBERED 256
static bool is_signed(const struct tls_stream *t, const char *pem, size_t len)
{
    /* No map: its chance would make the first seed of a process differ. */
    static struct {
        unsigned char digest[PKI_SHA256];
        bool verdict;
    } remembered[REMEMBERED];
    unsigned char digest[PKI_SHA256];
    struct pki_sha256 hash;
    size_t at;

    pki_sha256_start(&hash);
    pki_sha256_add(&hash, pem, len + 1);
    pki_sha256_add(&hash, t->setup->roots_pem, strlen(t->setup->roots_pem) + 1);
    pki_sha256_add(&hash, t->name ? t->name : "", t->name ? strlen(t->name) : 0);
    pki_sha256_end(&hash, digest);
    at = digest[0] % REMEMBERED;
    if (memcmp(remembered[at].digest, digest, sizeof digest) != 0) {
        memcpy(remembered[at].digest, digest, sizeof digest);
        remembered[at].verdict = verify_chain(t, pem, len);
    }
    return remembered[at].verdict && clock_wall() <= t->peer->not_after &&
           clock_wall() >= t->peer->not_before;
}

/* A certificate of the chain has the pinned key. */
static bool is_pinned(struct tls_stream *t, const char *pem, size_t len)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    const char *at = pem;

    while (at && (size_t)(at - pem) < len) {
        struct pki_cert *cert = pki_cert_read(at, len - (size_t)(at - pem), NULL);
        bool is_it = cert && pki_same(cert->pin, t->client->pin, PKI_SHA256);

        pki_cert_free(&cert);
        if (is_it) {
            t->pinned_pem = mem_printf("%.*s", (int)(len - (size_t)(at - pem)), at);
            return true;
        }
        at = strstr(at + 1, begin);
    }
    return false;
}

static bool is_trusted(struct tls_stream *t, const char *pem, size_t len)
{
    if (t->client && t->client->insecure)
        return true;
    if (t->client && t->client->pinned)
        return is_pinned(t, pem, len);
    if (!t->peer)
        return !t->client && !t->setup->client_required;
    return t->setup->roots_pem && is_signed(t, pem, len);
}

static void hello_came(struct tls_stream *t, const char *pem, size_t len)
{
    scoped_mem char *copy = mem_printf("%.*s", (int)len, pem);

    if (len && (t->client || t->setup->has_roots))
        t->peer = pki_cert_read(copy, len, NULL);
    if (!is_trusted(t, copy, len)) {
        tls_lose(t, ERR_UNAUTHORIZED, "%s: its certificate is not trusted",
                 loop_stream_remote(t->inner));
        return;
    }
    if (!t->client)
        say_hello(t);
    tls_handshake_done(t);
}

/* Gathers the hello in `out`; what came behind it goes back to be read. */
static void simulated_shake(struct tls_stream *t)
{
    char digits[9] = {0};
    struct text hello;
    size_t len, more;

    if (t->client && !t->verified) {
        t->verified = true; /* has said hello */
        say_hello(t);
    }
    if (t->out.len < HELLO) {
        more = t->in_len < HELLO - t->out.len ? t->in_len : HELLO - t->out.len;
        text_add_bytes(&t->out, t->in, more);
        t->in += more;
        t->in_len -= more;
        if (t->out.len < HELLO)
            return;
    }
    memcpy(digits, t->out.bytes + 4, 8);
    len = strtoul(digits, NULL, 16);
    if (memcmp(t->out.bytes, "AXLE", 4) || len > 65536) {
        tls_lose(t, ERR_UNREACHABLE, "the other end does not speak TLS");
        return;
    }
    more = HELLO + len - t->out.len;
    if (more > t->in_len)
        more = t->in_len;
    text_add_bytes(&t->out, t->in, more);
    t->in += more;
    t->in_len -= more;
    if (t->out.len < HELLO + len)
        return;
    hello = t->out;
    t->out = (struct text){0};
    hello_came(t, hello.bytes + HELLO, len);
    text_free(&hello);
}

static void simulated_read(struct tls_stream *t)
{
    size_t len = t->in_len;

    t->in_len = 0;
    if (len)
        t->stream.events->read(t->stream.arg, t->in, len);
}

static void simulated_write(struct tls_stream *t, const void *bytes, size_t len)
{
    loop_stream_write(t->inner, bytes, len);
}

static void simulated_finish(struct tls_stream *t)
{
    loop_stream_finish(t->inner);
}

static const char *simulated_version(const struct tls_stream *t)
{
    (void)t;
    return "simulated";
}

const struct tls_engine sim_plain_tls = {
    .shake = simulated_shake,
    .read = simulated_read,
    .write = simulated_write,
    .finish = simulated_finish,
    .version = simulated_version,
};
