/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_DEPARTURE_H
#define AGENT_DEPARTURE_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct agent;
struct agent_settings;
struct http_response;
struct node;

/* ---- departure.c: leaving, being removed, being reset ---------------------------- */

int departure_open(struct agent *agent, const struct agent_settings *settings,
                   struct err *err) MUST_CHECK;
/* Goes on with a departure that was cut short. */
void departure_resume(struct agent *agent);
void departure_close(struct agent *agent);
/* The hub refused the certificate with 401. */
void departure_refused(struct agent *agent, const struct http_response *response,
                       const struct err *why);
/* The hub accepts the certificate. */
void departure_accepted(struct agent *agent);
/* A new certificate is about to be kept. */
int departure_joining(struct agent *agent, struct err *err) MUST_CHECK;
/* Removed, and no works listed since. */
bool departure_is_removed(const struct agent *agent);
bool departure_is_left(const struct agent *agent);
/* It was asked to leave, and may have left: no token has it join again in this run. */
bool departure_is_leaving(const struct agent *agent);
/* The first list of works after joining again was taken in. */
void departure_listed(struct agent *agent);
/* Asks the hub to let this spoke go. */
int departure_begin(struct agent *agent, struct err *err) MUST_CHECK;
void departure_add_condition(const struct agent *agent, struct arena *arena, struct node *news);
/* A work is gone: it may have been the last one. */
void departure_proceed(struct agent *agent);
int departure_reset(struct agent *agent, struct err *err) MUST_CHECK;
/* For `axle status`. */
void departure_describe(struct agent *agent, struct arena *arena, struct node *made);

/* ---- epoch.c: the hub may have lost writes --------------------------------------- */

void epoch_open(struct agent *agent);
void epoch_load(struct agent *agent);
/* The next hub has epochs of its own. */
void epoch_forget(struct agent *agent);
void epoch_close(struct agent *agent);
void epoch_keep_again(struct agent *agent);
/* True: what is here stays as it is, whatever the hub says. */
bool epoch_is_withheld(const struct agent *agent);
/* Whether only a list of the works says what holds: revisions that this spoke has seen may
   be of another epoch. */
bool epoch_needs_list(const struct agent *agent);
/* Whether the response names the epoch that this spoke has confirmed. */
bool epoch_is_confirmed(const struct agent *agent, const struct http_response *response);
/* What each response of the hub says of its epoch. */
void epoch_take_answer(struct agent *agent, const struct http_response *response);
/* The revision of a list, which never goes back while the hub loses nothing. */
void epoch_take_list(struct agent *agent, int64_t revision);
/* The revision of an event of the watch. */
void epoch_take_event(struct agent *agent, int64_t revision);
/* This spoke's ManagedCluster, which may confirm an epoch. */
void epoch_take_cluster(struct agent *agent, const struct node *cluster);
/* Adds the condition that says so, and sends the Event once. */
void epoch_add_condition(struct agent *agent, struct arena *arena, struct node *news);

#endif
