/* SPDX-License-Identifier: Apache-2.0 */
/* Seals sessions into tickets, and opens only those that are whole and fresh. */
#include <string.h>

#include "base/clock.h"
#include "tls/internal.h"

#define TURNOVER (12 * 3600 * CLOCK_SECOND)
#define LIFETIME (24 * 3600 * CLOCK_SECOND)
#define TICKET_FORMAT 1
#define MOST_SESSION 8192

/* The key before it stays for tickets that are still valid. */
static void new_key(struct tls_server *server)
{
    server->tickets[1] = server->tickets[0];
    random_bytes(server->tickets[0].name, sizeof server->tickets[0].name);
    random_bytes(server->tickets[0].key, sizeof server->tickets[0].key);
    server->tickets[0].made = clock_wall();
}

void tls_tickets_start(struct tls_server *server)
{
    new_key(server);
    memset(&server->tickets[1], 0, sizeof server->tickets[1]);
}

/* Looked at when a ticket is written; a clock that was set back makes a new key, too. */
static void turn_over(struct tls_server *server)
{
    int64_t age = clock_wall() - server->tickets[0].made;

    if (age >= 0 && age < TURNOVER)
        return;
    new_key(server);
    if (server->keys_changed)
        loop_later(server->loop, server->keys_changed, server->keys_changed_arg);
}

/* Version, then two of name, key, time: 8 + 2 * 56 bytes, the rest zero. */
void tls_server_ticket_keys(struct tls_server *server, unsigned char ret[TLS_TICKET_KEYS])
{
    unsigned char *at = ret + 8;
    size_t i;

    memset(ret, 0, TLS_TICKET_KEYS);
    ret[0] = TICKET_FORMAT;
    for (i = 0; i < 2; i++, at += 56) {
        memcpy(at, server->tickets[i].name, 16);
        memcpy(at + 16, server->tickets[i].key, PKI_SEAL_KEY);
        memcpy(at + 48, &server->tickets[i].made, 8);
    }
}

/* An old newest key turns over at once. */
int tls_server_set_ticket_keys(struct tls_server *server, const unsigned char keys[TLS_TICKET_KEYS],
                               struct err *err)
{
    const unsigned char *at = keys + 8;
    size_t i;

    if (keys[0] != TICKET_FORMAT)
        return err_set(err, ERR_INVALID, "the file of ticket keys is of another kind");
    for (i = 0; i < 2; i++, at += 56) {
        memcpy(server->tickets[i].name, at, 16);
        memcpy(server->tickets[i].key, at + 16, PKI_SEAL_KEY);
        memcpy(&server->tickets[i].made, at + 48, 8);
    }
    turn_over(server);
    return 0;
}

void tls_server_on_ticket_keys(struct tls_server *server, loop_fn *changed, void *arg)
{
    server->keys_changed = changed;
    server->keys_changed_arg = arg;
}

/* A ticket: name of the key, then sealed: when it was made, the session. */
int tls_ticket_write(void *arg, const mbedtls_ssl_session *session, unsigned char *start,
                     const unsigned char *end, size_t *len, uint32_t *lifetime)
{
    struct tls_server *server = arg;
    unsigned char plain[MOST_SESSION];
    scoped_text struct text sealed = {0};
    size_t session_len;
    int64_t now = clock_wall();
    int failed;

    turn_over(server);
    failed = mbedtls_ssl_session_save(session, plain + 8, sizeof plain - 8, &session_len);
    if (failed)
        return failed;
    memcpy(plain, &now, 8);
    pki_seal(server->tickets[0].key, "tls ticket", plain, session_len + 8, &sealed);
    if ((size_t)(end - start) < 16 + sealed.len)
        return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
    memcpy(start, server->tickets[0].name, 16);
    memcpy(start + 16, sealed.bytes, sealed.len);
    *len = 16 + sealed.len;
    *lifetime = (uint32_t)(LIFETIME / CLOCK_SECOND);
    explicit_bzero(plain, sizeof plain);
    return 0;
}

/* A key that was never made has no time. */
static const struct ticket_key *find_key(const struct tls_server *server, const unsigned char *name)
{
    size_t i;

    for (i = 0; i < 2; i++)
        if (server->tickets[i].made && !memcmp(server->tickets[i].name, name, 16))
            return &server->tickets[i];
    return NULL;
}

/* mbedTLS does a full handshake when this fails, so a ticket of an unknown key costs a client
   no more than that. */
int tls_ticket_parse(void *arg, mbedtls_ssl_session *session, unsigned char *bytes, size_t len)
{
    struct tls_server *server = arg;
    const struct ticket_key *key = len > 16 ? find_key(server, bytes) : NULL;
    scoped_text struct text plain = {0};
    int64_t made, age;
    int failed;

    if (!key || pki_unseal(key->key, "tls ticket", bytes + 16, len - 16, &plain, NULL) < 0 ||
        plain.len < 8)
        return MBEDTLS_ERR_SSL_INVALID_MAC;
    memcpy(&made, plain.bytes, 8);
    age = clock_wall() - made;
    if (age < 0 || age > LIFETIME)
        return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
    failed = mbedtls_ssl_session_load(session, (unsigned char *)plain.bytes + 8, plain.len - 8);
    explicit_bzero(plain.bytes, plain.len);
    if (!failed && server->stepping)
        server->stepping->resumed = true;
    return failed;
}
