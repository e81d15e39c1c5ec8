/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TLS_INTERNAL_H
#define TLS_INTERNAL_H

#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <sys/queue.h>

#include "base/text.h"
#include "pki/pki.h"
#include "tls/tls.h"

/* tunnel.c: a plain stream through a proxy, `opened` once the server is reached. */
struct loop_stream *tls_tunnel_connect(struct loop *loop, const struct tls_proxy *proxy,
                                       const char *address, struct err *err) MUST_CHECK;
/* The status of a proxy's whole response; 0: more must come; -1: it is no HTTP. */
int tls_tunnel_status(const char *bytes, size_t len, size_t *ret_used);

#define TLS_HANDSHAKE_TIMEOUT 5000 /* ms */
/* Connections that have sent nothing yet: of one address, and of all. */
#define TLS_MOST_SILENT_OF_ONE 512
#define TLS_MOST_SILENT 4096

/* records.c: room for one record, which no connection uses at the moment. */
struct tls_room {
    unsigned char *bytes; /* owned; mbedTLS' allocation; NULL: none */
    size_t len;
};
#define TLS_SPARE_ROOMS 8
/* Where mbedTLS has its places in a room: what begins a record, and its sequence number. */
#define TLS_RECORD_START 32

/*
 * What many connections share. Counted, so that those that began under an old
 * certificate end under it.
 */
struct tls_setup {
    unsigned holders;
    mbedtls_ssl_config config;
    mbedtls_x509_crt own, roots;
    mbedtls_pk_context key;
    char *cert_pem, *roots_pem; /* owned; for simulated handshakes */
    bool client_required, has_roots;
    struct tls_room spare[TLS_SPARE_ROOMS];
    unsigned next_spare;
};
struct tls_setup *tls_setup_hold(struct tls_setup *setup);
void tls_setup_drop(struct tls_setup **setup);
struct tls_setup *tls_setup_server(struct tls_server *server,
                                   const struct tls_server_settings *settings, struct err *err);
struct tls_setup *tls_setup_client(const struct tls_client_settings *settings, struct err *err);

struct ticket_key {
    unsigned char name[16], key[PKI_SEAL_KEY];
    int64_t made; /* wall time */
};

struct tls_server {
    struct loop *loop;
    struct tls_setup *setup;      /* held */
    struct ticket_key tickets[2]; /* the newest first */
    loop_fn *keys_changed;
    void *keys_changed_arg;
    TAILQ_HEAD(, tls_stream) streams; /* that still shake hands; oldest first */
    size_t pending, silent;           /* silent: of which nothing has come yet */
    TAILQ_HEAD(, tls_stream) waiting; /* for a turn of the loop in which to take a step */
    struct loop_timer *turn;          /* owned; begins the next one */
    size_t steps;                     /* of handshakes in this turn */
    struct tls_counts counts;
    struct tls_stream *stepping; /* whose handshake is taking a step */
};
void tls_tickets_start(struct tls_server *server);
int tls_ticket_write(void *arg, const mbedtls_ssl_session *session, unsigned char *start,
                     const unsigned char *end, size_t *len, uint32_t *lifetime);
int tls_ticket_parse(void *arg, mbedtls_ssl_session *session, unsigned char *bytes, size_t len);

struct tls_client {
    struct loop *loop;
    struct tls_setup *setup; /* held */
    bool pinned, insecure;
    unsigned char pin[PKI_SHA256];
    struct tls_proxy proxy; /* address "": none */
    struct map *sessions;   /* owned; mbedtls_ssl_session by server name */
    char *pinned_pem;       /* owned; of the last full handshake: a resumed one shows none */
};

enum tls_state { TLS_HANDSHAKING, TLS_OPEN, TLS_LOST, TLS_DEAD };

struct tls_stream {
    struct loop_stream stream;
    struct loop_stream *inner; /* owned */
    enum tls_state state;
    const struct tls_engine *engine;
    struct tls_setup *setup;      /* held */
    struct tls_server *server;    /* NULL on a client, and once shaken */
    struct tls_client *client;    /* NULL on a server */
    TAILQ_ENTRY(tls_stream) link; /* in the server's list */
    TAILQ_ENTRY(tls_stream) next_waiting;
    bool waiting; /* in the server's list of those that do */
    loop_accept_fn *ready;
    void *ready_arg;
    struct loop_timer *timeout; /* owned; while shaking */
    char *name;                 /* owned; the server's, on a client */
    mbedtls_ssl_context ssl;
    bool roomless; /* its rooms for records are given up: see records.c */
    unsigned char in_start[TLS_RECORD_START], out_start[TLS_RECORD_START]; /* while it is */
    const char *in; /* what came and is not yet read */
    size_t in_len;
    struct text kept;      /* the same, while the stream is paused or has no callbacks */
    struct text out;       /* records made, not yet given on */
    struct text early;     /* written before the handshake was over */
    struct pki_cert *peer; /* owned */
    char *pinned_pem;      /* owned */
    bool resumed;          /* the session was; no certificate was shown */
    bool verified;         /* mbedTLS has looked at a certificate; simulated: hello was sent */
    bool paused, finish;
    bool inner_ended; /* the inner stream has; what came before may still be in `kept` */
    bool ended;       /* and the owner was told */
    bool told;        /* `closed` was called */
    bool pump_queued; /* pump_kept() is: bytes that come go behind those in `kept` */
    bool last_look;   /* the deadline has passed once: see on_handshake_late() */
    bool silent;      /* accepted, and nothing has come yet */
    struct err *lost; /* owned */
};

/*
 * How bytes are protected: by mbedTLS (tls_real), or in a simulated loop by what
 * the simulation brings. This is all of tls that a simulation replaces: the
 * stream, the checks' results and the setups are the product's own.
 */
struct tls_engine {
    void (*shake)(struct tls_stream *t); /* a step; ends in tls_handshake_done or lost */
    void (*read)(struct tls_stream *t);  /* gives on what can be read */
    void (*write)(struct tls_stream *t, const void *bytes, size_t len);
    void (*finish)(struct tls_stream *t);
    const char *(*version)(const struct tls_stream *t);
};
extern const struct tls_engine tls_real;
/* The engine of streams on simulated loops; the simulation sets it. */
void tls_simulate(const struct tls_engine *engine);

/* records.c: a connection at rest has no rooms for records. */
void tls_rooms_take(struct tls_stream *t);
void tls_rooms_give_up(struct tls_stream *t);
void tls_rooms_free(struct tls_setup *setup);

/* A whole message of the handshake has come: its deadline begins anew. */
void tls_advanced(struct tls_stream *t);
void tls_handshake_done(struct tls_stream *t);
void tls_lose(struct tls_stream *t, enum err_code code, const char *format, ...) PRINTF(3, 4);
/* The other side will send no more. */
void tls_ended(struct tls_stream *t);
void tls_flush(struct tls_stream *t);

#endif
