/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUTH_INTERNAL_H
#define AUTH_INTERNAL_H

#include "auth/auth.h"
#include "pki/pki.h"

struct map;
struct kind;
struct object;

/* What the files of this module share. */

#define AUTHENTICATED "system:authenticated"
#define UNAUTHENTICATED "system:unauthenticated"
#define MASTERS "system:masters"
#define ACCOUNT_USER "system:serviceaccount:"
#define BOOTSTRAP_USER "system:bootstrap:"
#define BOOTSTRAPPERS "system:bootstrappers"
/* The issuer (iss) and the default audience of ServiceAccounts' tokens. */
#define ISSUER "https://axle.internal"

/*
 * The administrator's user name; also the prefix of the user name of an administrator's
 * token.
 */
#define ADMIN_USER "system:admin"

/* How many tokens' signatures are remembered, by their digests; 16 kB. */
#define AUTH_SIGNED_TOKENS 512

struct auth {
    struct auth_settings settings;
    unsigned char (*signed_tokens)[PKI_SHA256]; /* owned: digests of tokens the key signed */
    struct roles *roles;                        /* owned; NULL without objects */
    struct attempts *wrong;                     /* owned */
    auth_change_fn *changed;                    /* NULL: no listener */
    void *changed_arg;
};

struct pki_cert;

/* ---- standing.c: whether a spoke's certificate counts ------------------------- */

enum standing {
    STANDING_GOOD,
    STANDING_UNKNOWN, /* the cluster does not exist or is another one, or the key is unknown */
    STANDING_NOT_ACCEPTED,
    STANDING_REMOVED,
    STANDING_LOST, /* removed with reason Lost */
    STANDING_LEFT, /* removed with reason Left */
};
/* `err` gets the reason if it is not STANDING_GOOD. */
enum standing standing_of(struct objects *objects, struct arena *arena, const struct pki_cert *cert,
                          const char *cluster, struct err *err);

/* ---- roles.c: roles and bindings, compiled ------------------------------- */

struct words {
    const char *const *list;
    size_t count;
};
/* A PolicyRule. */
struct rule {
    struct words verbs, groups, resources, names, urls;
};
struct rules {
    const struct rule *list;
    size_t count;
};

struct roles *roles_open(struct objects *objects);
void roles_close(struct roles **roles);
/* Whether a binding allows it; `why` names the binding, or the missing role. */
bool roles_allow(const struct roles *roles, const struct auth_user *user,
                 const struct auth_request *request, struct text *why);
/* All rules of the user in the namespace ("": of ClusterRoleBindings only), in the arena. */
struct rules roles_of(const struct roles *roles, const struct auth_user *user,
                      const char *namespace, struct arena *arena);
/* Compiles the `rules` of a role. */
struct rules rules_read(struct arena *arena, const struct node *list);
bool words_have(const struct words *words, const char *word);

/* ---- access.c: the table of who may do what ------------------------------- */

/* The condition on the object for a cell of the table. */
enum access_where {
    ACCESS_ANYWHERE,
    ACCESS_OWN_NAMESPACE, /* in the namespace of the cluster */
    ACCESS_OWN_NAME,      /* has the name of the cluster */
    ACCESS_NAMED_SECRET,  /* a work of the cluster names it */
    ACCESS_OWN_REQUEST,   /* made by the user itself; a list: labelled with the cluster */
    ACCESS_JOINING,       /* the cluster does not exist, or was created with the token */
};
/* The fields that an update may change. */
enum access_fields {
    ACCESS_FIELDS_NONE,
    ACCESS_FIELDS_ALL,
    ACCESS_FIELDS_SPEC,
    ACCESS_FIELDS_NO_METADATA, /* everything beside metadata */
    ACCESS_FIELDS_FINALIZER,   /* the agent's own finalizer */
};
struct access_cell {
    const char *verbs; /* letters */
    enum access_where where;
    enum access_fields fields;
};
#define ACCESS_ROLES 3 /* view, edit, admin */
struct access_row {
    const char *group, *resource, *subresource;
    struct access_cell join, spoke;
    const char *roles[ACCESS_ROLES]; /* letters, the roles below included */
};
extern const struct access_row access_rows[];
extern const size_t access_row_count;

bool access_has_verb(const char *letters, const char *verb);
struct words access_verbs(struct arena *arena, const char *letters);
/* NULL for people: their rights come from roles. */
const struct access_cell *access_cell(const struct access_row *row, enum auth_role role);
/* "pods/log" */
const char *access_resource(struct arena *arena, const struct access_row *row);

/* ---- rules.c: rules compared and shown ------------------------------------ */

/*
 * Whether the owner's rules cover all of `wanted`. If not, `missing` gets the rules that
 * are not covered, one a line, sorted, in the format of kube-apiserver.
 */
bool rules_cover(struct arena *arena, const struct rules *owner, const struct rules *wanted,
                 struct text *missing);

/* ---- escalate.c: nobody gives what they have not --------------------------- */

void escalate_open(struct auth *auth);

/* ---- changes.c: rights and credentials that may have become fewer ------------ */

void changes_open(struct auth *auth);

/* ---- admit.c: the second permission that some writes need -------------------- */

void admit_open(struct auth *auth);

/* ---- fields.c: which fields of an object a machine may change ---------------- */

void fields_open(struct auth *auth);

/* ---- signers.c ---------------------------------------------------------------- */

/* Approving and signing also need a right on the signer. */
int signers_check(const struct auth *auth, const struct auth_user *user,
                  const struct auth_request *request, struct err *err) MUST_CHECK;

/* ---- account.c --------------------------------------------------------------- */

bool account_is_token(const char *text);
/*
 * Whether the unverified claims are those of an existing account and not expired. Costs no
 * signature check, so it is used for addresses over the limit of wrong tokens.
 */
bool account_is_plausible(const struct auth *auth, struct arena *arena, const char *text);
int account_identify(const struct auth *auth, struct arena *arena, const char *text,
                     const char *const *audiences, struct node *ret_audiences,
                     struct auth_user **ret, struct err *err) MUST_CHECK;
/* The groups of a ServiceAccount of this namespace. */
const char *const *account_groups(struct arena *arena, const char *namespace);
/* Splits "system:serviceaccount:NAMESPACE:NAME". */
bool account_parse(struct arena *arena, const char *user, const char **ret_namespace,
                   const char **ret_name);

/* ---- user.c -------------------------------------------------------------------- */

/* A user of this role. Borrows name and groups. */
struct auth_user *auth_user_new(struct arena *arena, enum auth_role role, const char *name,
                                const char *const *groups);

/* ---- token.c ------------------------------------------------------------------- */

/* The user of a join token or of a ServiceAccount's token. Does not count wrong
   tokens; auth_identify() does. */
int auth_identify_token(const struct auth *auth, struct arena *arena, const char *token,
                        struct auth_user **ret, struct err *err) MUST_CHECK;

/* ---- impersonate.c --------------------------------------------------------------- */

/* Replaces *user by the user of the Impersonate headers, if the user may impersonate it. */
int auth_impersonate(const struct auth *auth, const struct http_request *request,
                     struct arena *arena, struct auth_user **user, struct err *err) MUST_CHECK;

/* ---- attempts.c: wrong tokens by address -------------------------------------------- */

struct attempts *attempts_new(void);
void attempts_free(struct attempts **attempts);
/* The key of the bucket for this remote address. */
#define ATTEMPTS_SOURCE 64
void attempts_source(const char *remote, char ret[ATTEMPTS_SOURCE]);
/* False: the limit of wrong tokens of this address is reached. */
bool attempts_allow(struct attempts *attempts, const char *remote);
void attempts_note(struct attempts *attempts, const char *remote);

#endif
