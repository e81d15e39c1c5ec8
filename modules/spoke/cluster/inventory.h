/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_INVENTORY_H
#define CLUSTER_INVENTORY_H

#include "cluster/object.h"

/*
 * Private to cluster: owners and what belongs to them, in memory and on disk. Each
 * file calls only those above it in this list.
 */

/* ---- inventory.c: owners and objects in memory ---------------------------------------- */

struct cluster_owner *owner_get(struct cluster *cluster, const char *name);
void owner_free(struct cluster_owner *owner);
/* Marks it and all of its objects. */
void owner_touch(struct cluster_owner *owner);
void owner_set_project(struct cluster_owner *owner, const char *project);
/* Gives it with all it has to a project: objects and pods move as they are. */
void owner_give(struct cluster_owner *owner, const char *project);
/* The keys of its objects. */
struct node *owner_keys(const struct cluster_owner *owner, struct arena *arena);

/* How an object is found; the texts live in an arena. */
struct naming {
    const char *plain, *key;
    bool second; /* the name is another work's */
};
struct naming naming_of(struct arena *arena, const struct cluster_owner *owner,
                        const struct node *object, size_t ordinal);

/* The reason of an object whose name another work has here already. */
#define OBJECT_OWNED_BY_OTHER "OwnedByOther"

struct cluster_object *object_new(struct cluster_owner *owner, const struct naming *naming);
void object_free(struct cluster_object *object);
/* Takes the manifest: copies, checks and reads it. */
/* Its manifest, and the facts that are read out of it. */
void object_set(struct cluster_object *object, const struct node *made);
void object_fill(struct cluster_object *object, const struct cluster_manifest *item);
/* Gives it another key. */
void object_rename(struct cluster_object *object, const struct naming *naming, const char *project);

/* ---- owner_rows.c: owners on disk ------------------------------------------------------------ */

#define OWNER_ROW "cluster/owner/"
/* Adds what is kept of one item; returns its row. */
struct node *owner_add_row_item(struct arena *arena, struct node *items,
                                const struct cluster_manifest *item);
/* Stages the owner's row, or with NULL its removal. */
void owner_stage(struct cluster_owner *owner, const struct node *set);
void owner_stage_orphans(struct cluster *cluster);
/* Makes what is staged durable; the owner is `committed` after that. */
void owner_commit(struct cluster_owner *owner);
/* Stages again what could not be kept. */
void owner_retry(void *cluster);

/* ---- apply_set.c: sets --------------------------------------------------------------------- */

/* Takes one item up; its key is put into `seen`. */
void apply_item(struct cluster_owner *owner, const struct cluster_manifest *item, size_t ordinal,
                struct map *seen);
void apply_items(struct cluster_owner *owner, const struct cluster_set *set, struct map *seen);
/* An object went: the next work that has one of that name gets its turn. */
void apply_promote(struct cluster *cluster, const char *project, const char *plain);

/* ---- load_rows.c, adopted.c: after a start ----------------------------------------- */

/* What was kept: first all owners, then what is remembered of their objects. */
void load_owner_row(void *cluster, const char *name, const void *bytes, size_t len);
void load_state_row(void *cluster, const char *name, const void *bytes, size_t len);
/* Takes up every pod whose owner is not known; those of a known owner that does
   not want them any more end. */
void adopted_take_over(struct cluster *cluster);

/* ---- owner_report.c
 * ------------------------------------------------------------------------------- */

struct node *report_owner(struct cluster_owner *owner, struct arena *arena);
struct node *report_objects(struct cluster_owner *owner, struct arena *arena);
struct node *report_object(struct cluster_object *object, struct arena *arena);

/* ---- reconcile.c: all that has changed
 * ------------------------------------------------------------- */

void pass_run(void *cluster);

/* ---- pod_events.c: what pods say and ask
 * -------------------------------------------------------------- */

struct pods_callbacks pod_event_callbacks(struct cluster *cluster);

#endif
