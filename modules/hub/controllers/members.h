/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_MEMBERS_H
#define CONTROLLERS_MEMBERS_H

#include "controllers/pass.h"

/*
 * viewers, editors and admins of a Project, and admins of its Tenant, become
 * the RoleBindings axle:viewers, axle:editors and axle:admins in its namespace,
 * and may look at the Project itself.
 */
int members_of_project(struct reconcile_run *run, const struct node *project,
                       const struct node *tenant, struct err *err) MUST_CHECK;
/* The first member of a Project or Tenant that is passed over, with the reason;
   NULL if all are taken. */
const char *members_refused(struct reconcile_run *run, const struct node *object);
/* admins of a Tenant: the same in its namespace. */
int members_of_tenant(struct reconcile_run *run, const struct node *tenant, const char *namespace,
                      struct err *err) MUST_CHECK;

#endif
