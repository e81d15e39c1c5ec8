/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_JOINING_H
#define CONTROLLERS_JOINING_H

#include "controllers/pass.h"
#include "meta/meta.h"

/*
 * How a machine becomes a cluster (DESIGN 5.1).
 *
 * A use of a token is spent by the write that makes the ManagedCluster: the rule
 * before that write counts the clusters that are staged, so two machines cannot
 * both be the last. A cluster that leaves is noted in the token's status before
 * it goes. The key that a machine says it has when it joins, or that first asks
 * for a certificate, is the only one that the token signs for.
 */

/* The staged JoinToken, or NULL. */
const struct node *joining_token(struct controllers *all, struct arena *arena, const char *id);
/* The token is for this name by name. */
bool joining_token_names(const struct node *token, const char *cluster);
/* How many machines used it. */
int64_t joining_count(struct controllers *all, const struct node *token);
/* Before the cluster goes, or changes its token. */
int joining_note_left(struct reconcile_run *run, const struct node *cluster,
                      struct err *err) MUST_CHECK;
/* ERR_FORBIDDEN in words for a name that the token is not for, or one use too
   many. */
int joining_check_token(struct controllers *all, struct arena *arena, const char *id,
                        const char *cluster, struct err *err) MUST_CHECK;
/* NULL if this token may go on with this cluster, else why not. */
const char *joining_trouble(struct controllers *all, struct arena *arena, const char *id,
                            const struct node *cluster);
bool joining_key_is_own(const struct node *cluster, const char *pin);

/* The set that a token puts a cluster into. */
char *joining_set_of_token(struct reconcile_run *run, const struct node *token);
/* Writes a condition of a cluster, with an Event when its status or reason changes. */
int joining_set_condition(struct reconcile_run *run, const struct seen *cluster,
                          const struct meta_condition *condition, struct err *err) MUST_CHECK;

/* Who comes with a join token is this user; `auth` names them so. */
#define TOKEN_USER "system:bootstrap:"
#define ADMIN_TOKEN_USER "system:admin:"

/* leaving.c: one step of the end of a cluster that is being deleted. */
int leaving_run(struct reconcile_run *run, const struct seen *cluster, struct err *err) MUST_CHECK;

#endif
