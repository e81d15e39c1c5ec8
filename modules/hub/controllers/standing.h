/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_STANDING_H
#define CONTROLLERS_STANDING_H

#include "controllers/controller.h"
#include "controllers/row.h"

/*
 * Pure: how an application stands on one spoke, from the objects that the hub
 * has of it. What is said here of the wanted version is never ahead of the spoke: a
 * work counts only if its spec is the wanted one, compared by content, and its
 * status speaks of that generation.
 */
enum spoke_phase {
    SPOKE_FAILED,
    SPOKE_DEGRADED,
    SPOKE_UNKNOWN,
    SPOKE_DEPLOYING,
    SPOKE_PENDING,
    SPOKE_DELETING,
    SPOKE_RUNNING,
    SPOKE_COMPLETED,
};
#define SPOKE_PHASES (SPOKE_COMPLETED + 1)
extern const char *const spoke_phase_names[];

struct standing_input {
    const struct node *cluster; /* NULL: it is not there */
    const struct work_row *work;
    const struct load_row *load; /* the Workload in the spoke's namespace */
    bool wanted;                 /* the work's spec is the one that is wanted now */
    bool taken;                  /* another's work has its name there */
};

struct standing {
    enum spoke_phase phase;
    const char *message;
    bool updated;                 /* the spoke has taken the wanted version */
    bool ready;                   /* and it runs, or has ended well */
    const struct load_row *now;   /* the Workload, if its status speaks of this; or NULL */
    int64_t copies, copies_ready; /* pods of this version, wanted and ready */
};

struct standing standing_judge(struct arena *arena, const struct standing_input *input);
/* Whether the work's spec is what the template says, in every field that it names or that
   the controller set for a former one. */
bool standing_is_wanted(const struct node *work, const struct node *template);

/*
 * The counts of a ManifestWorkReplicaSet: a condition counts where it is True of
 * the wanted version.
 */
struct standing_summary {
    size_t total, updated, applied, available, progressing, degraded;
};
void standing_add(struct standing_summary *sum, const struct work_row *work, bool wanted);

#endif
