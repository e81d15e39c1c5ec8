/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUTH_H
#define AUTH_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_request;
struct objects;
struct text;

/*
 * Who is asking, and whether they may.
 *
 * auth_identify() looks at what a connection or a token proves; auth_may() is
 * the one function that every request passes. It denies unless a row of its
 * table allows, and looks at nothing but its arguments; what only the objects
 * can tell (does a work of this spoke name that Secret?) is asked through
 * auth_facts.
 *
 * Nothing blocks. One thread.
 */
enum auth_role {
    AUTH_ANONYMOUS,
    AUTH_ADMIN, /* organisation system:masters, or the console's session */
    AUTH_SPOKE, /* a certificate that this hub signed for a cluster */
    AUTH_JOIN,  /* a join token, until the spoke has its certificate */
};

struct auth_user {
    enum auth_role role;
    const char *name;          /* "system:admin", … */
    const char *const *groups; /* ends with NULL */
    const char *cluster;       /* AUTH_SPOKE: whose; else "" */
    const char *token;         /* AUTH_JOIN: name of the JoinToken; else "" */
};

struct auth_ask {
    const char *verb; /* get, list, watch, create, update, patch, delete,
                         deletecollection; for paths the method's verb */
    const char *group, *resource, *subresource, *space, *name; /* or "" */
    const char *path; /* not about an object: "/version"; else NULL */
};

/* What a decision may have to look up. NULL functions answer no. */
struct auth_facts {
    void *arg;
    /* A Workload or ManifestWork in the cluster's namespace names it. */
    bool (*secret_is_named)(void *arg, const char *cluster, const char *space,
                            const char *name);
    bool (*artifact_is_named)(void *arg, const char *cluster,
                              const char *repository);
};

/* `ret_why` may be NULL; it is a reason for a person, allowed or not. */
bool auth_may(const struct auth_user *user, const struct auth_ask *ask,
              const struct auth_facts *facts, const char **ret_why);

/*
 * The classic sentence: `User "bob" cannot list resource "workloads" in API
 * group "axle.dev" in the namespace "x"`, as an ERR_FORBIDDEN.
 */
int auth_refuse(const struct auth_user *user, const struct auth_ask *ask,
                struct err *err);

/*
 * Who sent this request: by the certificate of its connection, else by its
 * bearer token (or the password of Basic, as registries' clients send it), else
 * nobody. A credential that is shown and is no good is ERR_UNAUTHORIZED, never
 * nobody. `console_secret` is the administrator's for the console; NULL: none.
 */
int auth_identify(const struct http_request *request, struct objects *objects,
                  const char *console_secret, struct arena *arena,
                  struct auth_user **ret, struct err *err) MUST_CHECK;

/* "system:open-cluster-management:CLUSTER:AGENT" in exactly four parts. */
bool auth_parse_agent(struct arena *arena, const char *common_name,
                      const char **ret_cluster, const char **ret_agent);

/* ---- Join tokens: axle1.<pin of the CA, hex>.<id>.<secret> -------------- */

struct auth_token {
    const char *pin, *id, *secret; /* in the arena */
};
/* ERR_INVALID if it has not this form. */
int auth_token_parse(struct arena *arena, const char *text,
                     struct auth_token *ret, struct err *err) MUST_CHECK;
/* hex(SHA-256(salt + secret)): what a JoinToken object keeps. */
char *auth_token_hash(struct arena *arena, const char *salt, const char *secret);

#endif
