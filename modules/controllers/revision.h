/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_REVISION_H
#define CONTROLLERS_REVISION_H

#include "controllers/controller.h"

/* The DefinitionRevision of a profile or bundle: its snapshot, or NULL.
   `revision` is "v3". */
struct node *revision_snapshot(struct pass *pass, enum which kind,
                               const char *space, const char *name,
                               const char *revision);
/* The newest revision of an object, "" until its controller has seen it as it
   is now. */
const char *revision_latest(const struct node *definition);
/* What its variables are declared as: profile, VariableSets, bundle. */
struct node *revision_variables(struct pass *pass, const char *space,
                                const char *tenant, const struct node *profile,
                                const struct node *bundle);

#endif
