/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_NAMESPACES_H
#define CONTROLLERS_NAMESPACES_H

#include "controllers/pass.h"

/*
 * Private to controllers: namespaces have one owner.
 *
 * NULL if the namespace may belong to the object of this kind ("ManagedCluster",
 * "Project", "Tenant") that has a right to its name; else why not, for a person.
 * Looks at what is staged: reserved names, the namespace's owner, and which other
 * object of that name has no namespace yet.
 */
const char *namespace_trouble(struct controllers *all, struct arena *arena, const char *name,
                              const char *kind);
/* The same for a run of a controller; a Project also stays away from a namespace
   that another one lists as its target on spokes (tenancy.c). */
const char *tenancy_namespace_trouble(struct reconcile_run *run, const char *namespace,
                                      const char *kind);

#endif
