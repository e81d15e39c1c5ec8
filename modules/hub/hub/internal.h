/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HUB_INTERNAL_H
#define HUB_INTERNAL_H

#include "auth/auth.h"
#include "base/clock.h"
#include "hub/hub.h"
#include "pki/pki.h"
#include "registry/registry.h"
#include "tls/tls.h"

struct api;
struct config;
struct controllers;
struct http_request;
struct http_server;
struct kinds;
struct limits;
struct objects;
struct pki_authority;
struct store;
struct text;
struct tls_server;

struct hub {
    struct loop *loop;
    const struct config *config;
    struct config *own_config; /* owned, as all below; NULL when one was given */
    char *directory;
    struct pki_authority *authority;
    char *server_cert, *server_key; /* PEM */
    char *names[48];                /* that it was told to have, owned each */
    size_t given_names;
    struct names *all_names; /* owned: what the certificate names */
    int64_t names_gathered;  /* steady */
    bool addresses_missing;  /* and that was logged */
    struct loop_timer *renew;
    struct pki_key *token_key; /* signs ServiceAccounts' tokens */
    bool seal_is_new;          /* another sealing key than before, which is accepted */
    struct kinds *kinds;
    struct store *store;
    struct objects *objects;
    struct auth *auth;
    struct limits *limits;
    struct controllers *controllers;
    struct api *api;
    struct registry *registry;
    struct tls_server *tls;
    struct http_server *server;
    struct loop_timer *revoke, *health;
    bool unwell; /* the last commit failed, or the disk is full (health.c) */
    char *url, *kubeconfig;
    int64_t started; /* steady */
    struct {
        uint64_t by_class[6], total;
    } responses;
};

/* keys.c: what the hub proves itself with. */
/* Whether an authority has been made here. */
bool keys_exist(const struct hub *hub);
int keys_open(struct hub *hub, const struct hub_settings *settings, struct err *err) MUST_CHECK;
/* Session tickets stay good over a restart: 100 times cheaper reconnects. */
/* The key that Secrets are sealed with in the store. */
int keys_open_seal(struct hub *hub, unsigned char key[PKI_SEAL_KEY], struct err *err) MUST_CHECK;
void keys_keep_tickets(struct hub *hub);
/* The administrator's kubeconfig, with credentials inside. */
int keys_write_kubeconfig(struct hub *hub, struct err *err) MUST_CHECK;

/* The key that ServiceAccounts' tokens are signed with. */
int keys_open_tokens(struct hub *hub, const unsigned char seal[PKI_SEAL_KEY],
                     struct err *err) MUST_CHECK;

/* health.c: names the hub's epoch on a response (Axle-Epoch). */
void health_tell_epoch(const struct hub *hub, struct http_request *request);

/*
 * pins.c: the store remembers which keys this hub has used, so that one that is
 * lost or another one is told instead of replaced.
 */
/* Whether the file may be made: it never was, or its loss is accepted. */
int pins_may_make(struct hub *hub, const char *file, const char *why, struct err *err) MUST_CHECK;
/* Whether the hub has used another key so far. */
bool pins_differ(const struct hub *hub, const char *file, const unsigned char digest[PKI_SHA256]);
/* Compares the digest of a key with what is remembered, or remembers it. */
int pins_keep(struct hub *hub, const char *file, const unsigned char digest[PKI_SHA256],
              const char *why, struct err *err) MUST_CHECK;
/* Adds the way out to what is wrong with the file. */
int pins_damaged(const struct hub *hub, const char *file, const char *why, struct err *err);

/* health.c: /livez, /readyz, /healthz: whether commits succeed. */
void health_start(struct hub *hub);
void health_handle(struct http_request *request, void *arg);

/* facts.c: what only objects can tell about somebody's rights. */
struct auth_facts hub_facts(struct hub *hub);

/* roles.c: the roles that are there from the start. */
int roles_keep(struct hub *hub, struct err *err) MUST_CHECK;

/* definitions.c: shows the built-in types of components and traits as objects. */
int definitions_keep(struct hub *hub, struct err *err) MUST_CHECK;

/* The administrator's certificate. */
#define KEYS_ADMIN_LIFETIME ((int64_t)365 * 24 * 3600 * CLOCK_SECOND)

/* server.c: the hub's own certificate; a new one when two thirds of its time are
   over, for connections that come then. */
int server_open(struct hub *hub, const struct hub_settings *settings, struct err *err) MUST_CHECK;
struct tls_server_settings server_settings(const struct hub *hub);
void server_keep_fresh(struct hub *hub);
/* Whether the certificate has this name or address: in lower case, without
   brackets. An address that this machine got since then counts too. */
bool server_has_name(struct hub *hub, const char *host);
void server_close(struct hub *hub);

/* revoke.c: within a second of losing its place, a cluster is cut off. */
void revoke_start(struct hub *hub);

/* origin.c: ERR_MISDIRECTED for a name that the hub has not, ERR_FORBIDDEN for
   what a page of another site wants to change. */
int origin_check(struct hub *hub, const struct http_request *request, struct err *err) MUST_CHECK;

/* routes.c: who may come in, and where requests go. */
void routes_add(struct hub *hub);
/* For limits: a request whose turn has come, or that is refused after all. */
void routes_go_on(void *hub, struct http_request *request);
void routes_refuse(void *hub, struct http_request *request, int wait, const struct err *err);
struct registry_settings routes_registry(struct hub *hub);

#endif
