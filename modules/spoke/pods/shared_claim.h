/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PODS_SHARED_CLAIM_H
#define PODS_SHARED_CLAIM_H

#include "manifest/manifest.h"

/*
 * Private to pods: who may have a PersistentVolumeClaim at the same time.
 *
 * Pods of one machine may share a claim, as in Kubernetes, but no start may
 * change what a pod has that runs: not the user, and not the group of the files.
 */

struct claim_user {
    const char *pod, *workload;
    bool same_workload;   /* pods of its own workload are replaced by it */
    uint32_t user, group; /* runAsUser and fsGroup; NUMBER_NO_ID: not said */
    bool writes;
};
#define CLAIM_USERS 256

/* Pure. -1 with why: reason VolumeInUse, to be tried again. */
int shared_claim_check_users(const char *claim, const struct node *modes,
                             const struct claim_user *me, const struct claim_user *others,
                             size_t count, struct manifest_why *why);
#endif
