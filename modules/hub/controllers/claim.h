/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_CLAIM_H
#define CONTROLLERS_CLAIM_H

#include "controllers/pass.h"

/*
 * Private to controllers: whose an object is, before a controller writes to it.
 *
 * Most of what controllers make has a name derived from others' names, and two
 * derived names can be the same, or an object of that name was made
 * by hand. Every write of a run (reconcile.c) therefore goes through a claim: what is
 * there is written to, patched or removed only if it belongs to the object that
 * the run is about, its subject. The table in claim.c says for each controller
 * and kind how that is seen: by the controller ownerReference (uid, kind and
 * name), or where an ownerReference cannot reach, by labels that only
 * controllers and administrators write. A write without a row fails.
 *
 * A name that is another's makes reconcile_ensure() fail with ERR_TAKEN and a
 * sentence that names the owner, and an Event says the same. The controller turns that
 * into the condition that fits; if it does not, claim_report() sets one. The key runs
 * again when the object in the way is deleted or changes its owner.
 */

/* Whether the object is the subject's of this run. NULL: no. */
bool claim_is_own(struct reconcile_run *run, const struct kind *kind, const struct node *there);

/*
 * Before a write of `kind` namespace/name: 0 if it may be done (nothing is there, or
 * what is there is the subject's). ERR_TAKEN if it is another's, with words for a
 * person; `*ret_leave` is true where that is as good as one's own (a binding).
 * `wanted` is what will be written; NULL for a change of what is there.
 */
int claim_check(struct reconcile_run *run, const struct kind *kind, const char *namespace,
                const char *name, const struct node *wanted, bool *ret_leave,
                struct err *err) MUST_CHECK;

/* The words of an ERR_TAKEN, kept as long as the run; NULL for any other error. */
const char *claim_words(struct reconcile_run *run, const struct err *err);

/* Runs this key again when the object that has this name now is deleted or changes hands. */
void claim_wait(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                const char *name);
/* How many names are waited for. */
size_t claim_names(const struct controllers *all);
/* A change was staged: wakes the keys that wait for that name. */
void claim_note(struct controllers *all, const struct object *before, const struct object *after);
void claim_free(struct controllers *all);

#endif
