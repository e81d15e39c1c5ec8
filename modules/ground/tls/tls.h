/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "loop/loop.h"

struct pki_cert;
struct text;

/*
 * A byte stream whose other end is known by name.
 *
 * A `struct loop_stream` is put inside TLS and comes out as another
 * `struct loop_stream`, so its owner need not know. The one thing
 * more is tls_peer(): the certificate that the other end proved to hold.
 *
 * Resumed sessions are 100 times cheaper than full handshakes, so both sides
 * keep them; a ticket carries the whole peer identity and a session without
 * it is refused. A client that lets 5 s pass between the messages of a
 * handshake is cut, and of clients that have sent nothing at most 512 of one
 * address and 4,096 of all are kept; beyond that the oldest goes. In a simulated loop the bytes are
 * plain, after a hello that carries both certificates: the same checks of names and pins, no
 * cryptography.
 *
 * It does not decide who may do what. One thread: the loop's.
 */

/* ------------------------------------------------------------------ server */

struct tls_server;

struct tls_server_settings {
    const char *cert, *key;   /* PEM; the certificate may be a chain */
    const char *client_roots; /* PEM, one or more; NULL: never ask clients */
    bool client_required;     /* refuse clients without a certificate */
};

struct tls_server *tls_server_new(struct loop *loop, const struct tls_server_settings *settings,
                                  struct err *err) MUST_CHECK;
void tls_server_free(struct tls_server **server);
#define scoped_tls_server SCOPED(tls_server_free)
/* New connections use the new ones; those that are open go on. */
int tls_server_renew(struct tls_server *server, const struct tls_server_settings *settings,
                     struct err *err) MUST_CHECK;

/*
 * The keys that tickets are sealed with: kept across restarts by the owner of
 * the files (mode 0600), so that ten thousand spokes need no full handshake.
 * They turn over by themselves every 12 hours; `changed` then says so.
 */
#define TLS_TICKET_KEYS 160
void tls_server_ticket_keys(struct tls_server *server, unsigned char ret[TLS_TICKET_KEYS]);
int tls_server_set_ticket_keys(struct tls_server *server, const unsigned char keys[TLS_TICKET_KEYS],
                               struct err *err) MUST_CHECK;
void tls_server_on_ticket_keys(struct tls_server *server, loop_fn *changed, void *arg);

/*
 * Takes a stream over and calls `ready` when the handshake is done; a failed
 * handshake is closed without a callback. The stream given to `ready` is the
 * callee's, as from loop_listen().
 */
void tls_server_accept(struct tls_server *server, struct loop_stream **stream,
                       loop_accept_fn *ready, void *arg);
/* Handshakes that have begun and not ended: what an attacker can raise. */
size_t tls_server_pending(const struct tls_server *server);

struct tls_counts {
    uint64_t full, resumed, failed;
    uint64_t waited; /* steps of handshakes that were put off to a later turn of the loop */
};
struct tls_counts tls_server_counts(const struct tls_server *server);

/* ------------------------------------------------------------------ client */

/*
 * Whom to trust and who to be. Keeps the last session with each server name,
 * so that the next connection resumes.
 */
struct tls_client;

struct tls_client_settings {
    /* One of three: these roots (PEM); the key with this hash somewhere in
     * the chain the server shows (a join token's pin); the system's roots. */
    const char *roots;
    const unsigned char *pin; /* PKI_SHA256 bytes */
    bool system_roots;
    bool insecure;          /* any server: only where a person said so */
    const char *cert, *key; /* PEM, or both NULL */
    bool tls13;             /* also offer 1.3; our own hub is spoken to in 1.2 */
    const char *proxy;      /* URL; servers are reached through it. NULL: directly */
};

/* An HTTP proxy that is asked to CONNECT: "http://[USER:PASSWORD@]HOST:PORT". */
struct tls_proxy {
    char address[LOOP_HOST + 8]; /* HOST:PORT */
    char user[512];              /* USER:PASSWORD as in the URL; "": none */
};
/* Refuses other URLs in words, which do not repeat it: it may hold a password. */
int tls_proxy_read(const char *url, struct tls_proxy *ret, struct err *err) MUST_CHECK;

struct tls_client *tls_client_new(struct loop *loop, const struct tls_client_settings *settings,
                                  struct err *err) MUST_CHECK;
void tls_client_free(struct tls_client **client);
#define scoped_tls_client SCOPED(tls_client_free)

/*
 * Connects and shakes hands; `opened` or `closed` tells the outcome. The
 * server's certificate must be for `name` (NULL: the address's host), except
 * under a pin, where the key is the name. The client must outlive the stream.
 */
struct loop_stream *tls_connect(struct tls_client *client, const char *address, const char *name,
                                struct err *err) MUST_CHECK;

/* ------------------------------------------------------------- either side */

/*
 * The other end's certificate, checked, as long as the stream lives. NULL if
 * it showed none, or the stream is not TLS.
 */
const struct pki_cert *tls_peer(const struct loop_stream *stream);
bool tls_is_secured(const struct loop_stream *stream);
bool tls_was_resumed(const struct loop_stream *stream);
/* "TLSv1.2", "TLSv1.3", "simulated"; "" for a plain stream. */
const char *tls_version(const struct loop_stream *stream);
/*
 * The certificate that the client's pin named, in PEM: what a spoke keeps as
 * its hub's CA once it has joined. ERR_NOT_FOUND before `opened` or without a
 * pin. (So a server's `cert` holds its CA's certificate after its own.)
 */
int tls_pinned_root(const struct loop_stream *stream, struct text *ret_pem,
                    struct err *err) MUST_CHECK;

#endif
