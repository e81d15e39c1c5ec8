/* SPDX-License-Identifier: Apache-2.0 */
/* Moves the agent's session with its hub from state to state. */
#include "agent/session.h"
#include "agent/internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

/* How long a watch lasts at a hub that is well: what ends sooner is tried again with
   pauses, and the same trouble as before is not logged again. */
#define WATCH_STEADY (10 * CLOCK_SECOND)

struct session {
    enum session_state state;
    const struct session_hooks *hooks; /* borrowed */
    struct loop_backoff backoff;
    char said[1024];        /* the last trouble with the hub that was logged */
    int64_t watching_since; /* steady time; 0: nothing is watched */
    int64_t contact;        /* wall time of the hub's last word */
    bool closing;
};

static const struct {
    const char *name;
    unsigned may_become;
} states[] = {
    [SESSION_JOINING] = {"joining", 1u << SESSION_LISTING | 1u << SESSION_WAITING},
    [SESSION_LISTING] = {"listing", 1u << SESSION_WATCHING | 1u << SESSION_WAITING},
    [SESSION_WATCHING] = {"watching", 1u << SESSION_LISTING | 1u << SESSION_WAITING},
    [SESSION_WAITING] = {"waiting", 1u << SESSION_LISTING | 1u << SESSION_JOINING},
};

void session_open(struct agent *agent, const struct session_hooks *hooks)
{
    struct session *session = mem_alloc(sizeof *session);

    session->state = SESSION_WAITING;
    session->hooks = hooks;
    session->backoff = (struct loop_backoff){200 * CLOCK_MS, 30 * CLOCK_SECOND, 0};
    agent->session = session;
}

void session_stop(struct agent *agent)
{
    agent->session->state = SESSION_WAITING;
}

void session_close(struct agent *agent)
{
    mem_free(&agent->session);
}

enum session_state session_state(const struct agent *agent)
{
    return agent->session->state;
}

bool session_is_watching(const struct agent *agent)
{
    return agent->session->state == SESSION_WATCHING;
}

/* ---- Watching -------------------------------------------------------------------- */

void session_watch_begun(struct agent *agent)
{
    agent->session->watching_since = clock_steady();
}

bool session_is_steady(const struct agent *agent)
{
    const struct session *session = agent->session;

    return session->watching_since && clock_steady() - session->watching_since >= WATCH_STEADY;
}

/* A hub that can be watched and then fails is not well because of that: only a watch that
   has lasted makes the pauses short again, and the same trouble worth a log line. */
static void leave_watching(struct agent *agent)
{
    struct session *session = agent->session;

    if (session_is_steady(agent)) {
        loop_backoff_reset(&session->backoff);
        session->said[0] = '\0';
    }
    session->watching_since = 0;
}

/* ---- Moves ----------------------------------------------------------------------- */

void session_move(struct agent *agent, enum session_state state)
{
    struct session *session = agent->session;

    if (!(states[session->state].may_become & 1u << state))
        return;
    log_debug("spoke", "%s: %s -> %s", agent->name, states[session->state].name,
              states[state].name);
    if (session->state == SESSION_WATCHING)
        leave_watching(agent);
    session->state = state;
    session->hooks->enter[state](agent);
}

void session_lost(struct agent *agent, const char *doing, const struct err *err)
{
    struct session *session = agent->session;

    /* Requests of the link before, which ends where the next one is opened, say nothing
       about the next one: the list and watch that follow bring everything again. */
    if (session->state == SESSION_WAITING || session->closing)
        return;
    if (session->state == SESSION_WATCHING)
        leave_watching(agent);
    /* The same trouble comes every few seconds of a long silence: it is logged once. */
    if (strcmp(session->said, err->text) != 0)
        log_warn("spoke", "%s: %s: %s", agent->hub, doing, err->text);
    snprintf(session->said, sizeof session->said, "%s", err->text);
    session_move(agent, SESSION_WAITING);
}

int64_t session_next_delay(struct agent *agent)
{
    return loop_backoff_next(&agent->session->backoff);
}

const char *session_trouble(const struct agent *agent)
{
    return agent->session->said;
}

/* ---- What others are told -------------------------------------------------------- */

void session_set_closing(struct agent *agent, bool closing)
{
    agent->session->closing = closing;
}

bool session_is_closing(const struct agent *agent)
{
    return agent->session->closing;
}

void session_heard(struct agent *agent)
{
    agent->session->contact = clock_wall();
}

int64_t session_last_contact(const struct agent *agent)
{
    return agent->session->contact;
}

void session_status_changed(struct agent *agent)
{
    if (session_is_watching(agent))
        agent->session->hooks->status_changed(agent);
}

void session_warn_once(char *said, size_t room, const char *doing, const char *words)
{
    scoped_mem char *cut = mem_printf("%.*s", (int)room - 1, words);

    if (strcmp(said, cut) != 0)
        log_warn("spoke", "%s: %s", doing, words);
    snprintf(said, room, "%s", cut);
}
