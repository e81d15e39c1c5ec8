/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_SPOKES_H
#define CONTROLLERS_SPOKES_H

#include "controllers/controller.h"

#define REPLICA_SET_LABEL                                                      \
    "work.open-cluster-management.io/manifestworkreplicaset"
#define PLACEMENT_NAME_LABEL "work.open-cluster-management.io/placementname"

/* How it stands on one spoke, from its ManifestWork, Workload and cluster. */
enum spoke_phase {
    SPOKE_FAILED, SPOKE_DEGRADED, SPOKE_UNKNOWN, SPOKE_DEPLOYING,
    SPOKE_PENDING, SPOKE_DELETING, SPOKE_RUNNING, SPOKE_COMPLETED,
};
extern const char *const spoke_phase_names[];

struct spokes {
    struct node *rows;      /* [{name, phase, revision, message}], worst first */
    struct node *endpoints; /* [{spoke, name, address, port, protocol, url}] */
    size_t total, ready, count[SPOKE_COMPLETED + 1];
    const char *worst;      /* message of the first row that is not well */
};

/* The names of the clusters that a Placement's decisions hold, as a list. */
struct node *spokes_chosen(struct pass *pass, const char *space,
                           const char *placement);
/*
 * NULL if the Placement has decided, even for no cluster at all; else why not, for
 * a person: it is gone, or has not chosen yet, or its decisions are. That is no
 * order to take anything away: what runs by it stays until it has decided.
 */
const char *spokes_undecided(struct pass *pass, const char *space, const char *placement);
/*
 * Every cluster in `chosen` or with a work of the ReplicaSet. `template_hash`
 * is that of the work wanted now (work_hash).
 */
void spokes_gather(struct pass *pass, const struct node *replica_set,
                   const struct node *chosen, struct spokes *ret);
/* The works of a ReplicaSet, wherever they are. */
struct node *spokes_works(struct pass *pass, const char *space,
                          const char *name);
char *spokes_replica_set_label(struct arena *arena, const char *space,
                               const char *name);
/* True when the work says of its current generation that this holds. */
bool spokes_work_is(const struct node *work, const char *condition);

#endif
