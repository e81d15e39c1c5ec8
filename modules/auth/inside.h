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
#define RBAC "rbac.authorization.k8s.io"

struct auth {
    struct auth_settings settings;
    struct roles *roles;    /* owned; NULL without objects */
    struct attempts *wrong; /* owned */
};

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

/* ---- rules.c: rules compared and shown ------------------------------------ */

/*
 * Whether the owner's rules cover all of `wanted`. If not, `missing` gets what
 * is not covered, each as kube-apiserver prints it, a line each, sorted.
 */
bool rules_cover(struct arena *arena, const struct rules *owner,
                 const struct rules *wanted, struct text *missing);

/* ---- escalate.c: nobody gives what they have not --------------------------- */

void escalate_open(struct auth *auth);

/* ---- signers.c ---------------------------------------------------------------- */

/* Approving and signing takes a right on the signer as well. */
int signers_check(const struct auth *auth, const struct auth_user *user,
                  const struct auth_request *ask, struct err *err) MUST_CHECK;

/* ---- account.c --------------------------------------------------------------- */

bool account_is_token(const char *text);
int account_identify(const struct auth *auth, struct arena *arena,
                     const char *text, const char *const *audiences,
                     struct node *ret_audiences, struct auth_user **ret,
                     struct err *err) MUST_CHECK;
/* The groups of a ServiceAccount in this namespace. */
const char *const *account_groups(struct arena *arena, const char *space);
/* "system:serviceaccount:SPACE:NAME" in its parts. */
bool account_parse(struct arena *arena, const char *user,
                   const char **ret_space, const char **ret_name);

/* ---- identify.c ---------------------------------------------------------------- */

struct auth_user *user_new(struct arena *arena, enum auth_role role,
                           const char *name, const char *const *groups);
/* Whose token this is; wrong ones are not counted here. */
int identify_token(const struct auth *auth, struct arena *arena,
                   const char *token, struct auth_user **ret,
                   struct err *err) MUST_CHECK;

/* ---- impersonate.c --------------------------------------------------------------- */

/* Puts the user that the headers ask for into *user, if its rights allow. */
int impersonate(const struct auth *auth, const struct http_request *request,
                struct arena *arena, struct auth_user **user,
                struct err *err) MUST_CHECK;

/* ---- attempts.c: wrong tokens by address -------------------------------------------- */

struct attempts *attempts_new(void);
void attempts_free(struct attempts **attempts);
/* False: the address must wait; nothing that it shows is looked at. */
bool attempts_allow(struct attempts *attempts, const char *remote);
void attempts_note(struct attempts *attempts, const char *remote);

#endif
