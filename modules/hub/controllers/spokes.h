/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_SPOKES_H
#define CONTROLLERS_SPOKES_H

#include "controllers/pass.h"
#include "controllers/rows.h"

struct spokes {
    struct node *rows;                        /* [{name, phase, message}], worst first */
    struct node *endpoints;                   /* [{spoke, name, address, port, protocol, url}] */
    size_t total, ready, count[SPOKE_PHASES]; /* chosen ones, and those that still have it */
    size_t chosen, updated; /* of the chosen ones, how many have the wanted version */
    size_t chosen_ready;
    int64_t copies, copies_ready; /* pods of the wanted version, on all of them */
    const char *worst;            /* message of the first row that is not well */
};

/* The names of the clusters that a Placement's decisions hold, as a list. */
struct node *spokes_chosen(struct reconcile_run *run, const char *namespace, const char *placement);
/*
 * NULL if the Placement has decided, even for no cluster at all; else why not, for
 * a person: it is gone, or has not chosen yet, or its decisions are. That is no
 * order to take anything away: what runs by it stays until it has decided.
 */
const char *spokes_undecided(struct reconcile_run *run, const char *namespace,
                             const char *placement);
/* What a Placement here whose decisions are gone had chosen, by the works that are there
   for it: a PlacementDecision for the world to know, which is not stored. */
struct node *spokes_decision_before(struct reconcile_run *run, const char *placement);
/* Every cluster in `chosen` or with a work of the ReplicaSet, judged by what its
   template wants now. */
void spokes_gather(struct reconcile_run *run, const struct node *replica_set,
                   const struct node *chosen, struct spokes *ret);
/* What runs there is of a former version: it counts as ready of none. */
void spokes_hold_back(struct arena *arena, struct spokes *spokes);
/* The works of a ReplicaSet, wherever they are, by cluster. */
struct work_rows spokes_works(struct reconcile_run *run, const char *namespace, const char *name);
char *spokes_replica_set_label(struct arena *arena, const char *namespace, const char *name);

#endif
