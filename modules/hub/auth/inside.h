/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUTH_INSIDE_H
#define AUTH_INSIDE_H

#include "auth/auth.h"

struct map;
struct kind;
struct object;

/* What the files of this module share. */

#define AGENT_PREFIX "system:open-cluster-management:"
#define MANAGED "system:open-cluster-management:managed-clusters"
#define AUTHENTICATED "system:authenticated"
#define UNAUTHENTICATED "system:unauthenticated"
#define MASTERS "system:masters"
#define ACCOUNT_USER "system:serviceaccount:"
#define BOOTSTRAP_USER "system:bootstrap:"
#define BOOTSTRAPPERS "system:bootstrappers"
/* The issuer (iss) and the default audience of ServiceAccounts' tokens. */
#define ISSUER "https://axle.internal"
#define RBAC "rbac.authorization.k8s.io"
/* The public keys that speak for a cluster; set by the csr controller. */
#define CLIENT_KEYS "axle.dev/client-keys"

/* User, group, and what a token of an administrator makes of its name. */
#define ADMIN_USER "system:admin"

struct auth {
    struct auth_settings settings;
    struct roles *roles;    /* owned; NULL without objects */
    struct attempts *wrong; /* owned */
    auth_change_fn *changed; /* NULL: nobody is told */
    void *changed_arg;
};

struct pki_cert;

/* ---- standing.c: whether a spoke's certificate counts ------------------------- */

enum standing {
    STANDING_GOOD,
    STANDING_UNKNOWN, /* no such cluster, an earlier one, or a key of none */
    STANDING_NOT_ACCEPTED,
    STANDING_REMOVED,
    STANDING_LOST, /* removed because its machine is gone */
    STANDING_LEFT, /* removed because it asked for that */
};
/* `err` says why it is not good. */
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
/* Whether a binding allows it; `why` says which, or what went wrong. */
bool roles_allow(const struct roles *roles, const struct auth_user *user,
                 const struct auth_request *ask, struct text *why);
/* Every rule that holds for the user in the space ("": cluster bindings only),
   in the arena. */
struct rules roles_of(const struct roles *roles, const struct auth_user *user,
                      const char *space, struct arena *arena);
/* Compiles the `rules` of a role. */
struct rules rules_read(struct arena *arena, const struct node *list);
bool words_have(const struct words *words, const char *word);

/* ---- access.c: the table of who may do what ------------------------------- */

/* Where an object must lie for a cell to hold. */
enum access_where {
    ACCESS_ANYWHERE,
    ACCESS_OWN_NAMESPACE, /* in the namespace of the cluster */
    ACCESS_OWN_NAME,      /* has the name of the cluster */
    ACCESS_NAMED_SECRET,  /* a work of the cluster names it */
    ACCESS_OWN_REQUEST,   /* made by the user itself; a list: labelled with the cluster */
    ACCESS_JOINING,       /* a cluster that is not there yet, or came with the token */
};
/* What of an object an update may change. */
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
/* NULL for people, whose rights come from roles. */
const struct access_cell *access_cell(const struct access_row *row, enum auth_role role);
/* "pods/log" */
const char *access_resource(struct arena *arena, const struct access_row *row);

/* ---- rules.c: rules compared and shown ------------------------------------ */

/*
 * Whether the owner's rules cover all of `wanted`. If not, `missing` gets what
 * is not covered, each as kube-apiserver prints it, a line each, sorted.
 */
bool rules_cover(struct arena *arena, const struct rules *owner,
                 const struct rules *wanted, struct text *missing);

/* ---- escalate.c: nobody gives what they have not --------------------------- */

void escalate_open(struct auth *auth);

/* ---- changes.c: rights and credentials that may have become fewer ------------ */

void changes_open(struct auth *auth);

/* ---- admit.c: the second permission that some writes need -------------------- */

void admit_open(struct auth *auth);

/* ---- fields.c: which fields of an object a machine may change ---------------- */

void fields_open(struct auth *auth);

/* ---- signers.c ---------------------------------------------------------------- */

/* Approving and signing takes a right on the signer as well. */
int signers_check(const struct auth *auth, const struct auth_user *user,
                  const struct auth_request *ask, struct err *err) MUST_CHECK;

/* ---- account.c --------------------------------------------------------------- */

bool account_is_token(const char *text);
/*
 * Whether the claims, unproven, are those of an account that is there, at a time
 * that is now: costs no signature, so it is what a guesser's tokens are asked.
 */
bool account_is_plausible(const struct auth *auth, struct arena *arena,
                          const char *text);
int account_identify(const struct auth *auth, struct arena *arena,
                     const char *text, const char *const *audiences,
                     struct node *ret_audiences, struct auth_user **ret,
                     struct err *err) MUST_CHECK;
/* The groups of a ServiceAccount in this namespace. */
const char *const *account_groups(struct arena *arena, const char *space);
/* "system:serviceaccount:SPACE:NAME" in its parts. */
bool account_parse(struct arena *arena, const char *user,
                   const char **ret_space, const char **ret_name);

/* ---- user.c -------------------------------------------------------------------- */

/* A user of this role. Borrows name and groups. */
struct auth_user *auth_user_new(struct arena *arena, enum auth_role role,
                                const char *name, const char *const *groups);

/* ---- token.c ------------------------------------------------------------------- */

/* The user of a join token or of a ServiceAccount's token. Does not count wrong
   tokens; auth_identify() does. */
int auth_identify_token(const struct auth *auth, struct arena *arena,
                   const char *token, struct auth_user **ret,
                   struct err *err) MUST_CHECK;

/* ---- impersonate.c --------------------------------------------------------------- */

/* Puts the user that the headers ask for into *user, if its rights allow. */
int auth_impersonate(const struct auth *auth, const struct http_request *request,
                struct arena *arena, struct auth_user **user,
                struct err *err) MUST_CHECK;

/* ---- attempts.c: wrong tokens by address -------------------------------------------- */

struct attempts *attempts_new(void);
void attempts_free(struct attempts **attempts);
/* The address that wrong tokens of this remote end are counted for. */
#define ATTEMPTS_SOURCE 64
void attempts_source(const char *remote, char ret[ATTEMPTS_SOURCE]);
/* False: too many wrong ones came from there lately. */
bool attempts_allow(struct attempts *attempts, const char *remote);
void attempts_note(struct attempts *attempts, const char *remote);

#endif
