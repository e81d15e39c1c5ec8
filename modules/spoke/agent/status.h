/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_STATUS_H
#define AGENT_STATUS_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>

struct agent;
struct http_response;
struct node;

/* ---- status.c: the status of this spoke's ManagedCluster ------------------------- */

void status_open(struct agent *agent);
void status_close(struct agent *agent);
/* Sends it; what fails is sent again later. Only while the hub is watched. */
void status_send(struct agent *agent);

/* ---- lease.c: says that this spoke is alive -------------------------------------- */

void lease_open(struct agent *agent);
void lease_close(struct agent *agent);
void lease_start(struct agent *agent);
/* How often the hub wants to hear of it, as the ManagedCluster says. */
void lease_take_cluster(struct agent *agent, const struct node *cluster);

/* ---- duplicate.c: two agents with one identity ----------------------------------- */

void duplicate_open(struct agent *agent);
void duplicate_close(struct agent *agent);
/* A later start of this identity goes on, and this agent follows the hub no more. */
bool duplicate_is_parked(const struct agent *agent);
/* The lease says whose it is, where that must be said. */
void duplicate_claim(struct agent *agent, struct arena *arena, struct node *lease);
/* True if the lease is another's, who started later: this one is parked. */
bool duplicate_check(struct agent *agent, const struct http_response *response);
/* With the first status of this start: takes the condition DuplicateIdentity back. */
void duplicate_add_condition(struct agent *agent, struct arena *arena, const struct node *cluster,
                             struct node *news);

/* ---- disk_status.c: a store that was replaced, a disk that cannot be written ----- */

void disk_status_open(struct agent *agent);
void disk_status_close(struct agent *agent);
/* The hub is watched: sends the Events that it has not had since this start. */
void disk_status_send(struct agent *agent);
/* The pressure has begun or ended. */
void disk_status_changed(struct agent *agent);
void disk_status_add_conditions(struct agent *agent, struct arena *arena,
                                const struct node *cluster, struct node *news);

/* ---- facts.c: what ${spoke.NAME} may name here, on disk for days without a hub ---- */

void facts_open(struct agent *agent);
void facts_close(struct agent *agent);
/* `own`: "NAME=VALUE" of the command line; NULL: none. */
int facts_load(struct agent *agent, const char *const *own, struct err *err) MUST_CHECK;
void facts_keep_again(struct agent *agent);
/* This spoke's ManagedCluster, as the hub has it. */
void facts_take_cluster(struct agent *agent, const struct node *object);
/*
 * Follows it from now on, if a work uses what it says. A hub that is asked by this header, of
 * the request that watches works, tells on that watch when the ManagedCluster has changed: in
 * the response's head and in bookmarks. It is read then. Others are watched on a second
 * connection.
 */
#define FACTS_OWN_CLUSTER "axle-own-cluster"
void facts_hub_tells(struct agent *agent, const struct http_response *response);
void facts_take_bookmark(struct agent *agent, const struct node *bookmark);
void facts_follow(struct agent *agent);
void facts_stop(struct agent *agent);
struct node *facts_values(struct agent *agent, struct arena *arena);

#endif
