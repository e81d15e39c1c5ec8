/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_REPLICASET_H
#define CONTROLLERS_REPLICASET_H

#include "controllers/spokes.h"
#include "placement/placement.h"

struct map;

/* As which controller_replicaset writes works. */
#define REPLICASET_MANAGER "axle-replicaset"

/* Private to the controller `replicaset`: one run for one ManifestWorkReplicaSet. */
struct rollout {
    struct reconcile_run *run;
    struct seen seen;
    const struct node *set; /* the ManifestWorkReplicaSet */
    struct work_rows works; /* there at the beginning of the run */
    const char *work_name;
    const struct placement_reach *reach; /* of the project; NULL: it is none */
    const char *taken;      /* a cluster where the work's name is another's; NULL: none */
    const char **undecided; /* by placementRef: why it has not decided; NULL: it has */
    struct placement_advance advance;
};

/* Fills in `advance`: what is wanted, what is there, and what is known of it. */
void replicaset_gather(struct rollout *r);
/* Whether the project may have works on this cluster at all. */
bool replicaset_may_use(const struct rollout *r, const char *cluster);
/* Writes the status, after the steps of `advance` were taken. */
int replicaset_report(struct rollout *r, struct err *err) MUST_CHECK;
/* The set is being deleted: who still has `works`. After replicaset_gather(). */
int replicaset_report_removal(struct rollout *r, const struct work_rows *works,
                              struct err *err) MUST_CHECK;

#endif
