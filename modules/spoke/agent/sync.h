/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_SYNC_H
#define AGENT_SYNC_H

#include "base/err.h"

struct agent;

/* ---- sync.c: follows the ManifestWorks of this spoke ----------------------------- */

void sync_open(struct agent *agent);
void sync_close(struct agent *agent);
/* Lists them, and then watches. */
void sync_start(struct agent *agent);
void sync_stop(struct agent *agent);
/* The response to the removal of a finalizer: on a failure the works are listed once more
   in a while, which brings the work back to be left again. */
void sync_finalizer_removed(struct agent *agent, int status, const struct err *why);

/* ---- join.c: turns the token into a certificate ---------------------------------- */

void join_open(struct agent *agent);
void join_close(struct agent *agent);
void join_start(struct agent *agent);
void join_stop(struct agent *agent);

/* ---- renew.c: a certificate of the same key before the old one ends -------------- */

void renew_open(struct agent *agent);
void renew_close(struct agent *agent);
/* While the hub is watched. */
void renew_start(struct agent *agent);
void renew_stop(struct agent *agent);

/* ---- control.c: the socket of this machine's administrator ----------------------- */

void control_open(struct agent *agent);
void control_close(struct agent *agent);

/* ---- status_socket.c: the agent's own status, for those who are on this machine ---- */

void status_socket_open(struct agent *agent);
void status_socket_close(struct agent *agent);

/* ---- works_hub.c: what the works need of the hub --------------------------------- */

struct works_hub works_hub_of(struct agent *agent);

#endif
