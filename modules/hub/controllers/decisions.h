/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_DECISIONS_H
#define CONTROLLERS_DECISIONS_H

#include "controllers/pass.h"

/*
 * Private to controllers: the PlacementDecisions of each Placement, parsed once and kept
 * until a decision of that namespace changes, so that a run which asks where its works
 * belong parses none of them.
 */
void decisions_open(struct controllers *all);
void decisions_free(struct controllers *all);
void decisions_note(struct controllers *all, const struct object *before,
                    const struct object *after);
/* Frees what is kept no more; what was given out during a run is there until it has ended. */
void decisions_retire(struct controllers *all);
/* The PlacementDecisions of a Placement, as a list. */
const struct node *decisions_of(struct reconcile_run *run, const char *namespace,
                                const char *placement);

#endif
