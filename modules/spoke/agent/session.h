/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent;

/*
 * The state of the agent's session with its hub: joining, listing, watching, or waiting
 * for the next attempt. A watch of the works that has begun makes it watching; any failure
 * of the connection makes it waiting, for longer each time.
 */
enum session_state {
    SESSION_JOINING,
    SESSION_LISTING,
    SESSION_WATCHING,
    SESSION_WAITING,
    SESSION_STATES, /* how many there are */
};

struct session_hooks {
    /* What the agent does in a state that it has just entered. Such a function may fail and
       so enter SESSION_WAITING from within itself. */
    void (*enter[SESSION_STATES])(struct agent *agent);
    /* The status of this spoke has changed while the hub is watched. */
    void (*status_changed)(struct agent *agent);
};

/* It begins as waiting. `hooks` is borrowed. */
void session_open(struct agent *agent, const struct session_hooks *hooks);
/* No attempt follows, whatever happens from now on: the agent is being closed. */
void session_stop(struct agent *agent);
void session_close(struct agent *agent);

enum session_state session_state(const struct agent *agent);
bool session_is_watching(const struct agent *agent);
/* A move that the table of states does not allow is passed over. */
void session_move(struct agent *agent, enum session_state state);
/* Something with the hub failed: it is logged unless it is the same again, and tried again
   later. Ends in SESSION_WAITING. */
void session_lost(struct agent *agent, const char *doing, const struct err *err);
/* How long to wait before the next attempt. */
int64_t session_next_delay(struct agent *agent);
/* The last trouble with the hub; "": none. */
const char *session_trouble(const struct agent *agent);

/* A watch has begun; and whether it has lasted, as at a hub that is well. */
void session_watch_begun(struct agent *agent);
bool session_is_steady(const struct agent *agent);

/* While the link is being closed, the requests that this ends say nothing of the session. */
void session_set_closing(struct agent *agent, bool closing);
bool session_is_closing(const struct agent *agent);

/* The hub has said something; and when it last did, in wall time. */
void session_heard(struct agent *agent);
int64_t session_last_contact(const struct agent *agent);

/* Tells the hub the status of this spoke again, if it is watched. */
void session_status_changed(struct agent *agent);

/* Logs `words` unless they are what `said` holds, which holds them from then on. */
void session_warn_once(char *said, size_t room, const char *doing, const char *words);

#endif
