/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUTH_H
#define AUTH_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_request;
struct node;
struct objects;
struct pki_key;
struct text;

/*
 * Who is asking, and whether they may.
 *
 * auth_identify() looks at what a connection or a token proves; auth_check() is
 * the one function that every request passes. It denies by default. What allows
 * is, in this order: being the administrator; a row of the table of what spokes
 * and join tokens may (DESIGN 5.3); a role that a binding gives, by the rules of
 * rbac.authorization.k8s.io/v1. Spokes and join tokens get nothing through the
 * group system:authenticated, so a role for all people is none for machines.
 *
 * Roles and bindings are compiled when they change and looked up by subject, so
 * a decision costs a few table look-ups, no parsing. What only other objects can
 * tell (does a work of this spoke name that Secret?) is asked of auth_facts.
 *
 * Nothing blocks. One thread. It knows no routes and makes no answers.
 */
struct auth;

/* What a decision may have to look up. NULL functions answer no. */
struct auth_facts {
    void *arg;
    /* A Workload or ManifestWork in the cluster's namespace names it. */
    bool (*secret_is_named)(void *arg, const char *cluster, const char *space,
                            const char *name);
    /* So is the manifest of this digest, or the blob is part of one that is. */
    bool (*artifact_is_named)(void *arg, const char *cluster,
                              const char *repository, const char *digest);
    /* The CertificateSigningRequest was made by this user. */
    bool (*request_is_own)(void *arg, const char *user, const char *name);
    /* No such cluster yet, or it came with this token, or the token names it. */
    bool (*cluster_is_joining)(void *arg, const char *token,
                               const char *cluster);
};

struct auth_settings {
    struct objects *objects;         /* NULL: no roles, no tokens (tests) */
    const struct pki_key *token_key; /* signs ServiceAccounts' tokens */
    int64_t token_age;               /* the most they may live; 0: a year */
    struct auth_facts facts;
};
/* Reads every role and binding, follows them from then on, and puts the rule
   before their writes that nobody gives what they have not. The settings' strings
   and key must outlive it, and it must outlive `objects`. */
struct auth *auth_open(const struct auth_settings *settings)
    __attribute__((returns_nonnull));
void auth_close(struct auth **auth);
#define scoped_auth SCOPED(auth_close)

/* ---- Who ---------------------------------------------------------------- */

enum auth_role {
    AUTH_ANONYMOUS,
    AUTH_USER,  /* a person or a ServiceAccount: what bindings give */
    AUTH_ADMIN, /* in system:masters */
    AUTH_SPOKE, /* a certificate that this hub signed for a cluster */
    AUTH_JOIN,  /* a join token, until the spoke has its certificate */
};

struct auth_user {
    enum auth_role role;
    const char *name, *uid;    /* uid "" if there is none */
    const char *const *groups; /* ends with NULL */
    const struct node *extra;  /* map of lists of strings, or NULL */
    const char *cluster;       /* AUTH_SPOKE: whose; else "" */
    const char *token;         /* AUTH_JOIN: name of the JoinToken; else "" */
    int64_t expires; /* wall nanoseconds at which the credential ends; 0: never */
};

/*
 * Who sent this request: by the certificate of its connection, else by its
 * bearer token (or the password of Basic, as registries' clients send it), else
 * nobody; then whom it asks to be taken for (Impersonate-User and the like).
 * A credential that is shown and is no good is ERR_UNAUTHORIZED, never nobody,
 * and so is one whose time is over: certificates are looked at again at each
 * request. ERR_TOO_MANY: this token is wrong as well, and too many came from that
 * address lately.
 */
int auth_identify(struct auth *auth, const struct http_request *request,
                  struct arena *arena, struct auth_user **ret,
                  struct err *err) MUST_CHECK;

/*
 * One word for why the certificate of a spoke is refused: "unknown", "not-accepted",
 * "removed", "lost" or "left"; NULL if it is not, or is no spoke's. The last three are
 * said only on the word of a record: the ConfigMap AUTH_RECORD + NAME in AUTH_RECORDS,
 * {removedAt, reason, keys}, of a certificate of one of these keys that was issued
 * before that time.
 */
const char *auth_refusal(const struct auth *auth, const struct http_request *request,
                         struct arena *arena);
#define AUTH_RECORDS "axle-system"
#define AUTH_RECORD "removed-spoke."

/* The user of this name in these groups: for questions about others. */
struct auth_user *auth_user_named(struct arena *arena, const char *name,
                                  const char *const *groups)
    __attribute__((returns_nonnull));
/* {username, uid, groups, extra}, as reviews show a user. */
struct node *auth_user_info(struct arena *arena, const struct auth_user *user);

/* "system:open-cluster-management:CLUSTER:AGENT" in exactly four parts. */
bool auth_parse_agent(struct arena *arena, const char *common_name,
                      const char **ret_cluster, const char **ret_agent);

/* ---- Whether ------------------------------------------------------------ */

struct auth_request {
    const char *verb; /* get, list, watch, create, update, patch, delete,
                         deletecollection; for paths the method's verb */
    const char *group, *resource, *subresource, *space, *name; /* or "" */
    const char *path;   /* not about an object: "/version"; else NULL */
    const char *digest; /* of what is asked for below /v2; NULL: a tag, a list */
    const char *labels; /* labelSelector of a list or watch; may be NULL */
};

/* `why` may be NULL; it gets a reason for a person, allowed or not. */
bool auth_may(const struct auth *auth, const struct auth_user *user,
              const struct auth_request *ask, struct text *why);
/*
 * The same as a call that fails, with ERR_FORBIDDEN and the classic sentence:
 * `User "bob" cannot list resource "workloads" in API group "axle.dev" in the
 * namespace "x"`.
 */
int auth_check(const struct auth *auth, const struct auth_user *user,
               const struct auth_request *ask, struct err *err) MUST_CHECK;
/* status of a SelfSubjectRulesReview: everything that is allowed in a space. */
struct node *auth_rules(const struct auth *auth, const struct auth_user *user,
                        const char *space, struct arena *arena);

/* The ClusterRoles and bindings that are there from the start, as a list. */
const struct node *auth_built_in_roles(struct arena *arena, struct err *err) MUST_CHECK;

/*
 * Calls back, from within the commit, whenever roles, bindings, accounts, tokens
 * or clusters changed so that somebody may have lost a right or a credential:
 * what is held open on the strength of either is judged again then. There is one
 * listener; NULL ends it.
 */
typedef void auth_change_fn(void *arg);
void auth_on_change(struct auth *auth, auth_change_fn *changed, void *arg);

/* ---- ServiceAccounts' tokens (account.c) -------------------------------- */

/*
 * Answers a TokenRequest for this ServiceAccount: a JWT signed with the hub's
 * key, for an audience, a time, and as long as the account (and the object that
 * it is bound to) is there. NULL with a kube-apiserver's words; `causes` is a
 * list to add to.
 */
struct node *auth_token_make(const struct auth *auth, struct arena *arena,
                             const char *space, const char *name,
                             const struct node *request, struct node *causes,
                             struct err *err) MUST_CHECK;
/* status of a TokenReview. */
struct node *auth_token_review(struct auth *auth, struct arena *arena,
                               const struct node *spec);
/* What /openid/v1/jwks and /.well-known/openid-configuration answer. */
struct node *auth_token_keys(const struct auth *auth, struct arena *arena);
struct node *auth_token_issuer(struct arena *arena, const char *url);

/* ---- JoinTokens; their text is pki.h's ---------------------------------- */

/* spec.purpose of a JoinToken whose bearer is an administrator. */
#define AUTH_TOKEN_ADMINISTRATOR "Administrator"
/* No token of the hub's own making lives longer: nanoseconds. */
#define AUTH_TOKEN_MOST ((int64_t)365 * 86400 * INT64_C(1000000000))

#endif
