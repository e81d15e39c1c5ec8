/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKS_GATHER_H
#define WORKS_GATHER_H

#include "base/err.h"
#include "base/mem.h"
#include "works/internal.h"

struct cluster_manifest;
struct work_resource;

/* ---- work_manifest.c: facts of one manifest ------------------------------------------- */

bool works_manifest_is_workload(const struct node *manifest);
struct work_resource works_manifest_resource(struct arena *arena, const struct node *manifest);
/* NULL: spec.manifestConfigs says nothing of it. */
struct node *works_manifest_option(struct arena *arena, const struct work *work,
                                   const struct node *manifest);

/* ---- gather.c: a work as the set of objects that it asks for --------------------- */

/* Fills `bound` and `failed`. */
void gather_bind(struct work *work);
/* {reason, message} of a manifest that could not be made out; NULL: it could. */
const struct node *gather_failure(const struct work *work, size_t ordinal);
/* All of it; the items are the caller's to free, what they point to lives in the
   arena. Fails when a Workload cannot be had as a whole. */
int gather_set(struct work *work, struct arena *arena, struct cluster_manifest **ret,
               size_t *ret_count, struct err *err) MUST_CHECK;

/* ---- need.c: what the present attempt of a work waits for ------------------------ */

struct need;
/* The work waits for one thing more. */
struct need *need_new(struct work *work);
/* The work, if it is still at this attempt; else NULL. */
struct work *need_work(const struct need *need);
/* Each ends the need, and tells the work if it is still at this attempt. */
void need_met(struct need *need);
void need_failed(struct need *need, const char *reason, const char *message);
void need_free(struct need *need);

/* ---- bundle.c: the manifests of a Workload --------------------------------------- */

/* NULL and ERR_NOT_FOUND if it is not here yet. */
struct node *bundle_manifests(struct works *works, struct arena *arena, const char *digest,
                              struct err *err);
bool bundle_is_here(struct works *works, const char *digest);
#define BUNDLE_GONE "ArtifactGone" /* the reason of one that the hub has no more */
void bundle_fetch(struct work *work, const char *reference, const char *digest);
/* Forgets what no work names any more. Staged. */
void bundle_sweep(struct works *works);
void bundle_close(struct works *works);

/* ---- partial.c: what has come of a bundle's layer that was cut ------------------- */

/* Moves the bytes in, unless there are too many of them. */
void partial_put(struct works *works, const char *digest, const char *layer, struct text *bytes);
/* Moves them out, if they are of this layer. */
void partial_take(struct works *works, const char *digest, const char *layer, struct text *ret);
/* Forgets those for which `is_wanted` says no. */
void partial_sweep(struct works *works, bool (*is_wanted)(void *arg, const char *digest),
                   void *arg);
void partial_close(struct works *works);

/* ---- secrets.c ------------------------------------------------------------------- */

/* Fills work->secrets with what `spec` names, from `had` where the version is the same,
   else from the hub. */
void secrets_gather(struct work *work, const struct node *spec, const struct node *had);

/* ---- finalizer.c ----------------------------------------------------------------- */

void finalizer_add(struct work *work);
void finalizer_remove(struct work *work);

/* ---- refusal.c ------------------------------------------------------------------- */

/* Why this spoke applies the work never, however often it tries; NULL: it may.
   `ret_message` is the caller's to free. */
const char *refusal_of(const struct work *work, char **ret_message);

#endif
