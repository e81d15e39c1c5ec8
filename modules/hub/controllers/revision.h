/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_REVISION_H
#define CONTROLLERS_REVISION_H

#include "controllers/pass.h"

/* On a DefinitionRevision: of which object, "wp.NAME", cut and hashed over 63. */

/* How many of an object's unused revisions are kept. */
#define REVISIONS_KEPT 20

/* The DefinitionRevision of a profile, bundle or definition: its snapshot, or NULL.
   `revision` is "v3". */
struct node *revision_snapshot(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                               const char *name, const char *revision);
/* The name of that object, and the value of its label. */
char *revision_object_name(struct arena *arena, enum kind_id kind, const char *name,
                           const char *revision);
char *revision_object_label(struct arena *arena, enum kind_id kind, const char *name);
/* The kind that there are revisions of and that is called so, or KIND_ID_COUNT. */
enum kind_id revision_kind(const char *kind);
/* The number of "v3", 0 if it is none. */
int64_t revision_number(const char *revision);
/* The newest revision of an object, "" until its controller has seen it as it
   is now. */
const char *revision_latest(const struct node *definition);
/* What its variables are declared as: profile, VariableSets, bundle. */
struct node *revision_variables(struct reconcile_run *run, const char *namespace,
                                const char *tenant, const struct node *profile,
                                const struct node *bundle);
/*
 * The definitions that a profile's snapshot names, as they were then. NULL with
 * `err` if one is not there; a snapshot of before 0.2 names none: `ret_live`.
 */
struct node *revision_definitions(struct reconcile_run *run, const struct node *profile,
                                  bool *ret_live, struct err *err);

/* A rule: a revision that is used is not deleted by hand (retention.c). */
int retention_before(void *arg, const struct objects_review *review, struct err *err);

#endif
