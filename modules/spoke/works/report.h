/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKS_REPORT_H
#define WORKS_REPORT_H

#include "works/internal.h"

/* ---- report.c: the statuses of a work on the hub --------------------------------- */

/* Sends what the hub does not have yet. */
void report_work(struct work *work);
/* The status that was sent last is not on the hub any more: it is sent again. */
void report_if_lost(struct work *work);

/* ---- work_events.c: Events about its troubles, each sent once -------------------- */

/* What the cluster's rows and the manifests say. */
void work_events_send(struct work *work, const struct node *objects);
/* `work->trouble` */
void work_events_send_trouble(struct work *work);

/* ---- work_status.c: a ManifestWork's status, from the cluster's report ----------- */

struct node *work_status(const struct work *work, struct arena *arena, const struct node *report,
                         const struct node *objects);

/* ---- manifest_status.c: status.resourceStatus.manifests, one row each ------------ */

struct node *works_status_rows(const struct work *work, struct arena *arena,
                               const struct node *report, const struct node *objects);

/* ---- events.c -------------------------------------------------------------------- */

void events_free(struct events **events);

/* ---- printable.c ----------------------------------------------------------------- */

/* The same tree with nothing in its texts that a terminal would obey. */
struct node *printable_copy(struct arena *arena, const struct node *from);

/* ---- inventory.c ----------------------------------------------------------------- */

/* One work for `axle status`, with its AppliedManifestWork. */
struct node *inventory_work(struct work *work, struct arena *arena);

#endif
