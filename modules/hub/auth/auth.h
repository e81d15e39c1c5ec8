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
 * Authentication and authorisation. auth_identify() finds the user of a request by its
 * certificate or token; auth_check() authorises, and every request goes through it. The
 * default is to deny. In this order a request is allowed by: membership in system:masters;
 * a row of the table of the rights of spokes and join tokens (access.def); a role that a
 * binding grants, by the rules of rbac.authorization.k8s.io/v1. Spokes and join tokens get
 * no rights from the group system:authenticated, so a role for all people is none for
 * machines. Roles and bindings are compiled when they change and indexed by subject, so a
 * decision takes a few look-ups and no parsing. Facts about other objects (does a work of
 * this spoke name that Secret?) come from auth_facts. Nothing blocks. One thread. It knows
 * no routes and sends no responses.
 */
struct auth;

/* Look-ups of other objects for a decision. A NULL function means false. */
struct auth_facts {
    void *arg;
    /* A Workload or ManifestWork in the cluster's namespace names it. */
    bool (*secret_is_named)(void *arg, const char *cluster, const char *namespace,
                            const char *name);
    /*
     * A work of the cluster names the manifest with this digest, or one that contains this
     * blob.
     */
    bool (*artifact_is_named)(void *arg, const char *cluster, const char *repository,
                              const char *digest);
    /* The CertificateSigningRequest was made by this user. */
    bool (*request_is_own)(void *arg, const char *user, const char *name);
    /* The cluster does not exist, or was created with this token, or the token names it. */
    bool (*cluster_is_joining)(void *arg, const char *token, const char *cluster);
};

struct auth_settings {
    struct objects *objects;         /* NULL: no roles, no tokens (tests) */
    const struct pki_key *token_key; /* signs ServiceAccounts' tokens */
    int64_t token_age;               /* the most they may live; 0: a year */
    struct auth_facts facts;
};
/*
 * Reads all roles and bindings, watches their changes, and registers the admission rules
 * (for example, nobody grants rights that they lack). The settings' strings and key must
 * outlive it, and it must outlive `objects`.
 */
struct auth *auth_open(const struct auth_settings *settings) __attribute__((returns_nonnull));
void auth_close(struct auth **auth);
#define scoped_auth SCOPED(auth_close)

/* ---- Who ---------------------------------------------------------------- */

enum auth_role {
    AUTH_ANONYMOUS,
    AUTH_USER,  /* a person or ServiceAccount; rights come from bindings */
    AUTH_ADMIN, /* in system:masters */
    AUTH_SPOKE, /* a certificate that this hub signed for a cluster */
    AUTH_JOIN,  /* a join token, until the spoke has its certificate */
};

struct auth_user {
    enum auth_role role;
    const char *name, *uid;    /* uid "" if there is none */
    const char *const *groups; /* ends with NULL */
    const struct node *extra;  /* map of lists of strings, or NULL */
    const char *cluster;       /* AUTH_SPOKE: the cluster's name; else "" */
    const char *token;         /* AUTH_JOIN: name of the JoinToken; else "" */
    int64_t expires;           /* wall nanoseconds at which the credential ends; 0: never */
};

/*
 * Finds the user of a request: by the certificate of the connection, else by the bearer
 * token (or the password of Basic, as clients of registries send it), else anonymous; then
 * applies Impersonate-User and the like. An invalid or expired credential is
 * ERR_UNAUTHORIZED, never anonymous; certificates are checked again at each request.
 * ERR_TOO_MANY: the token is wrong, and too many wrong ones came from this address.
 */
int auth_identify(struct auth *auth, const struct http_request *request, struct arena *arena,
                  struct auth_user **ret, struct err *err) MUST_CHECK;

/*
 * The reason why the certificate of a spoke is refused, in one word: "unknown", "not-
 * accepted", "removed", "lost" or "left"; NULL if it is valid or no spoke's. The last
 * three need a record: the ConfigMap AUTH_RECORD + NAME in AUTH_RECORDS, {removedAt,
 * reason, keys}, for a certificate with one of these keys that was issued before that
 * time.
 */
const char *auth_refusal(const struct auth *auth, const struct http_request *request,
                         struct arena *arena);
#define AUTH_RECORDS "axle-system"
#define AUTH_RECORD "removed-spoke."

/* A user with this name and groups, for reviews and impersonation. */
struct auth_user *auth_user_named(struct arena *arena, const char *name, const char *const *groups)
    __attribute__((returns_nonnull));
/* {username, uid, groups, extra}, as in the status of reviews. */
struct node *auth_user_info(struct arena *arena, const struct auth_user *user);

/* "system:open-cluster-management:CLUSTER:AGENT" in exactly four parts. */
bool auth_parse_agent(struct arena *arena, const char *common_name, const char **ret_cluster,
                      const char **ret_agent);

/* ---- Whether ------------------------------------------------------------ */

struct auth_request {
    const char *verb; /* get, list, watch, create, update, patch, delete,
                         deletecollection; for paths the method's verb */
    const char *group, *resource, *subresource, *namespace, *name; /* or "" */
    const char *path;   /* not about an object: "/version"; else NULL */
    const char *digest; /* the requested digest below /v2; NULL: a tag or a list */
    const char *labels; /* labelSelector of a list or watch; may be NULL */
};

/* Whether the user may do this. `why` gets a reason for people in both cases; may be NULL. */
bool auth_may(const struct auth *auth, const struct auth_user *user,
              const struct auth_request *request, struct text *why);
/*
 * The same as a call that fails with ERR_FORBIDDEN and Kubernetes' sentence: `User "bob"
 * cannot list resource "workloads" in API group "axle.dev" in the namespace "x"`.
 */
int auth_check(const struct auth *auth, const struct auth_user *user,
               const struct auth_request *request, struct err *err) MUST_CHECK;
/* The status of a SelfSubjectRulesReview: all rules that hold for the user in the namespace. */
struct node *auth_rules(const struct auth *auth, const struct auth_user *user,
                        const char *namespace, struct arena *arena);

/* The built-in ClusterRoles and bindings, as a list. */
const struct node *auth_built_in_roles(struct arena *arena, struct err *err) MUST_CHECK;

/*
 * Calls back inside the commit when roles, bindings, accounts, tokens or clusters changed
 * so that a user may have lost a right or a credential; open requests are then checked
 * again. There is one listener; NULL removes it.
 */
typedef void auth_change_fn(void *arg);
void auth_on_change(struct auth *auth, auth_change_fn *changed, void *arg);

/* ---- ServiceAccounts' tokens (account.c) -------------------------------- */

/*
 * Issues the token of a TokenRequest for this ServiceAccount: a JWT signed with the hub's
 * key, valid for an audience, a time, and as long as the account (and the bound object)
 * exists. Returns NULL with a kube-apiserver's message; adds to the list `causes`.
 */
struct node *auth_token_make(const struct auth *auth, struct arena *arena, const char *namespace,
                             const char *name, const struct node *request, struct node *causes,
                             struct err *err) MUST_CHECK;
/* The status of a TokenReview. */
struct node *auth_token_review(struct auth *auth, struct arena *arena, const struct node *spec);
/* The bodies of /openid/v1/jwks and /.well-known/openid-configuration. */
struct node *auth_token_keys(const struct auth *auth, struct arena *arena);
struct node *auth_token_issuer(struct arena *arena, const char *url);

/* ---- JoinTokens; their text is pki.h's ---------------------------------- */

/* spec.purpose of a JoinToken that identifies an administrator. */
#define AUTH_TOKEN_ADMINISTRATOR "Administrator"
/* The maximum lifetime of any token of the hub, in nanoseconds. */
#define AUTH_TOKEN_MOST ((int64_t)365 * 86400 * INT64_C(1000000000))

#endif
