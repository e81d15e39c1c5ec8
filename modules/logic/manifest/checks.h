/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MANIFEST_CHECKS_H
#define MANIFEST_CHECKS_H

#include "manifest/manifest.h"

/* Private to manifest: the checks that the public ones are made of. Each returns -1 with `why`. */

/* pod_spec.c: a pod's spec; `claims` are a StatefulSet's volumeClaimTemplates. */
int pod_spec_check(const struct manifest_bounds *bounds, const struct node *spec,
                   const struct node *claims, struct manifest_why *why);

/* security_context.c: a securityContext, of a pod or of a container. */
int rights_check(const struct manifest_bounds *bounds, const struct node *context, const char *path,
                 struct manifest_why *why);
/* Both together: what a container does not say is said by its pod. */
int rights_check_both(const struct node *pod, const struct node *own, const char *path,
                      struct manifest_why *why);

/* job_policy.c: podFailurePolicy, successPolicy and what goes with them in a Job's spec. */
int job_policy_check(const struct node *spec, struct manifest_why *why);

#endif
