/* SPDX-License-Identifier: Apache-2.0 */
/* Drives mbedTLS over a stream that never blocks. */
#include <stdlib.h>
#include <string.h>

#include <mbedtls/error.h>

#include "base/clock.h"
#include "base/map.h"
#include "tls/internal.h"

#define READ_ROOM ((size_t)16384)

static int below_read(void *arg, unsigned char *bytes, size_t len)
{
    struct tls_stream *t = arg;

    if (!t->in_len)
        return MBEDTLS_ERR_SSL_WANT_READ;
    if (len > t->in_len)
        len = t->in_len;
    memcpy(bytes, t->in, len);
    t->in += len;
    t->in_len -= len;
    return (int)len;
}

/* Records are gathered and sent in one call. */
static int below_write(void *arg, const unsigned char *bytes, size_t len)
{
    struct tls_stream *t = arg;

    text_add_bytes(&t->out, bytes, len);
    return (int)len;
}

static int on_verified(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    struct tls_stream *t = arg;

    (void)crt, (void)depth, (void)flags;
    t->verified = true;
    return 0;
}

static void offer_session(struct tls_stream *t)
{
    mbedtls_ssl_session *session = map_get(t->client->sessions, t->name);

    if (session)
        mbedtls_ssl_set_session(&t->ssl, session);
}

static void keep_session(struct tls_stream *t)
{
    mbedtls_ssl_session *session = mem_alloc(sizeof *session), *old;

    mbedtls_ssl_session_init(session);
    if (mbedtls_ssl_get_session(&t->ssl, session)) {
        mbedtls_ssl_session_free(session);
        mem_free(&session);
        return;
    }
    old = map_put(t->client->sessions, t->name, session);
    if (old) {
        mbedtls_ssl_session_free(old);
        mem_free(&old);
    }
}

static int start_handshake(struct tls_stream *t)
{
    int failed = mbedtls_ssl_setup(&t->ssl, &t->setup->config);

    if (failed)
        return failed;
    mbedtls_ssl_set_bio(&t->ssl, t, below_write, below_read, NULL);
    mbedtls_ssl_set_verify(&t->ssl, on_verified, t);
    if (!t->client)
        return 0;
    failed = mbedtls_ssl_set_hostname(&t->ssl, t->name);
    offer_session(t);
    return failed;
}

/* ------------------------------------------------------- whom we talked to */

static bool has_pin(const struct tls_stream *t, const mbedtls_x509_crt *crt)
{
    unsigned char pin[PKI_SHA256];

    pki_sha256(crt->pk_raw.p, crt->pk_raw.len, pin);
    return pki_same(pin, t->client->pin, sizeof pin);
}

static char *pem_of(const mbedtls_x509_crt *crt)
{
    struct text pem = {0}, body = {0};
    size_t at;

    text_add_base64(&body, crt->raw.p, crt->raw.len, false);
    text_add(&pem, "-----BEGIN CERTIFICATE-----\n");
    for (at = 0; at < body.len; at += 64)
        text_addf(&pem, "%.64s\n", body.bytes + at);
    text_add(&pem, "-----END CERTIFICATE-----\n");
    text_free(&body);
    return text_take(&pem);
}

/*
 * The pinned key must be the server's own or that of a certificate in its
 * chain which signs it. Dates do not count: a machine that is about to join
 * may have no clock yet, and the key is what is trusted.
 */
static bool check_pin(struct tls_stream *t, const mbedtls_x509_crt *chain)
{
    const mbedtls_x509_crt *one;
    uint32_t flags = 0;
    const uint32_t dates = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;

    for (one = chain; one && !has_pin(t, one); one = one->next)
        ;
    if (!one)
        return false;
    if (one != chain) {
        mbedtls_x509_crt root;

        mbedtls_x509_crt_init(&root);
        mbedtls_x509_crt_parse_der(&root, one->raw.p, one->raw.len);
        mbedtls_x509_crt_verify((mbedtls_x509_crt *)chain, &root, NULL, NULL, &flags, NULL, NULL);
        mbedtls_x509_crt_free(&root);
    }
    if (flags & ~dates)
        return false;
    t->pinned_pem = pem_of(one);
    mem_free(&t->client->pinned_pem);
    t->client->pinned_pem = mem_copy_string(t->pinned_pem);
    return true;
}

/* A proxy that inspects TLS shows a certificate of its own. */
static const char *suspect_proxy(const struct tls_stream *t)
{
    return t->client && *t->client->proxy.address
               ? "; if the proxy opens TLS itself (\"inspection\"), have it let this hub through as "
                 "it is"
               : "";
}

static void refuse_peer(struct tls_stream *t, const char *why)
{
    mbedtls_ssl_send_alert_message(&t->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                   MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
    tls_flush(t);
    tls_lose(t, ERR_UNAUTHORIZED, "%s: %s%s", loop_stream_remote(t->inner), why, suspect_proxy(t));
}

/* Whether the other end has the identity that it should have; reads its certificate. */
static bool check_peer(struct tls_stream *t)
{
    const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(&t->ssl);
    uint32_t flags = mbedtls_ssl_get_verify_result(&t->ssl);

    if (t->client)
        t->resumed = !t->verified;
    if (crt) {
        t->peer = pki_cert_read(crt->raw.p, crt->raw.len, NULL);
        if (!t->peer) {
            refuse_peer(t, "its certificate cannot be read");
            return false;
        }
    }
    if (t->client && t->client->insecure)
        return true;
    if (t->client && t->client->pinned) {
        if (t->resumed && t->client->pinned_pem)
            t->pinned_pem = mem_copy_string(t->client->pinned_pem);
        if (t->resumed || (crt && check_pin(t, crt)))
            return true;
        refuse_peer(t, "the server does not hold the key that is expected;"
                       " is this the right hub?");
        return false;
    }
    if (crt && (flags || (!t->client && clock_wall() > t->peer->not_after))) {
        refuse_peer(t, "its certificate is not trusted or has expired");
        return false;
    }
    return true;
}

static const char *words_of_error(int number, char *text, size_t room)
{
    mbedtls_strerror(number, text, room);
    return text;
}

static bool are_dates(uint32_t flags)
{
    const uint32_t dates = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;

    return flags && !(flags & ~dates);
}

/* Of a certificate that is right in all but its dates: more often it is the clock. */
static void add_clock(char *why, size_t room, uint32_t flags)
{
    size_t len = strlen(why);
    char now[CLOCK_TEXT];

    if (!are_dates(flags))
        return;
    clock_format(clock_wall(), false, now);
    snprintf(why + len, room - len,
             "; this machine's clock says %s: if that is wrong, set it, and "
             "the connection is made by itself",
             now);
}

/* A verification that failed says why. */
static void lose_handshake(struct tls_stream *t, int failed)
{
    char text[200], why[500] = "";
    uint32_t flags = mbedtls_ssl_get_verify_result(&t->ssl);

    if (failed == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED && flags != (uint32_t)-1)
        mbedtls_x509_crt_verify_info(why, sizeof why, " ", flags);
    why[strcspn(why, "\n")] = '\0';
    if (*why)
        add_clock(why, sizeof why, flags);
    tls_lose(t, failed == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED ? ERR_UNAUTHORIZED : ERR_UNREACHABLE,
             "%s: TLS handshake: %s%s%s", loop_stream_remote(t->inner),
             words_of_error(failed, text, sizeof text), why,
             flags && flags != (uint32_t)-1 && !are_dates(flags) ? suspect_proxy(t) : "");
}

/* `peer` and the ticket, which the client has got, say all of it that is asked later. */
static void forget_peer_certificate(struct tls_stream *t)
{
    mbedtls_ssl_session *session = t->ssl.MBEDTLS_PRIVATE(session);

    if (!session || !session->MBEDTLS_PRIVATE(peer_cert))
        return;
    mbedtls_x509_crt_free(session->MBEDTLS_PRIVATE(peer_cert));
    pki_take_back(session->MBEDTLS_PRIVATE(peer_cert));
    session->MBEDTLS_PRIVATE(peer_cert) = NULL;
}

static void real_shake(struct tls_stream *t)
{
    int result = 0, before = t->ssl.MBEDTLS_PRIVATE(state);

    if (!t->ssl.MBEDTLS_PRIVATE(conf))
        result = start_handshake(t);
    if (t->server)
        t->server->stepping = t;
    if (!result)
        result = mbedtls_ssl_handshake(&t->ssl);
    if (t->server)
        t->server->stepping = NULL;
    tls_flush(t);
    if (result == MBEDTLS_ERR_SSL_WANT_READ) {
        if (t->ssl.MBEDTLS_PRIVATE(state) != before)
            tls_advanced(t);
        return;
    }
    if (result) {
        lose_handshake(t, result);
        return;
    }
    if (!check_peer(t))
        return;
    if (t->client)
        keep_session(t);
    else
        forget_peer_certificate(t);
    tls_handshake_done(t);
}

/* ------------------------------------------------------------------- bytes */

static void real_read(struct tls_stream *t)
{
    unsigned char bytes[READ_ROOM];
    char text[200];
    int got;

    while (t->state == TLS_OPEN && !t->paused && !t->ended) {
        tls_rooms_take(t); /* again each time: `read` may have written, and given them up */
        got = mbedtls_ssl_read(&t->ssl, bytes, sizeof bytes);
        if (got > 0) {
            t->stream.events->read(t->stream.arg, (char *)bytes, (size_t)got);
        } else if (got == MBEDTLS_ERR_SSL_WANT_READ) {
            tls_rooms_give_up(t);
            return;
        } else if (got == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            if (t->client)
                keep_session(t);
        } else if (!got || got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
            tls_ended(t);
            return;
        } else {
            tls_lose(t, ERR_UNREACHABLE, "%s: TLS: %s", loop_stream_remote(t->inner),
                     words_of_error(got, text, sizeof text));
            return;
        }
    }
}

static void real_write(struct tls_stream *t, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    int sent;

    tls_rooms_take(t);
    while (len) {
        sent = mbedtls_ssl_write(&t->ssl, at, len);
        if (sent <= 0) {
            tls_lose(t, ERR_UNREACHABLE, "TLS: cannot encrypt (code -0x%04x)", (unsigned)-sent);
            return;
        }
        at += sent;
        len -= (size_t)sent;
    }
    tls_rooms_give_up(t);
    tls_flush(t);
}

static void real_finish(struct tls_stream *t)
{
    tls_rooms_take(t);
    mbedtls_ssl_close_notify(&t->ssl);
    tls_rooms_give_up(t);
    tls_flush(t);
    loop_stream_finish(t->inner);
}

static const char *real_version(const struct tls_stream *t)
{
    return mbedtls_ssl_get_version(&t->ssl);
}

const struct tls_engine tls_real = {
    .shake = real_shake,
    .read = real_read,
    .write = real_write,
    .finish = real_finish,
    .version = real_version,
};
