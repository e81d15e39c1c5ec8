/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_LINK_H
#define AGENT_LINK_H

#include "agent/requests.h"

struct node;

/* link.c: the connection to the hub. */

/* With this spoke's certificate. A former connection is closed. */
int link_open(struct agent *agent, struct err *err) MUST_CHECK;
/* Without: the hub is the one whose key has this pin. */
int link_open_with_pin(struct agent *agent, const unsigned char *pin, struct err *err) MUST_CHECK;
/* Each `done` of a request under way is called, from within this. Watches must be stopped
   before. */
void link_close(struct agent *agent);
/* `body` may be NULL; `type`: its Content-Type, NULL for JSON. Writes that may wait are sent
   by writes_send(). */
void link_send(struct agent *agent, const char *method, const char *target, const char *type,
               const struct node *body, request_fn *done, void *arg);

#endif
