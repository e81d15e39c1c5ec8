/* SPDX-License-Identifier: Apache-2.0 */
/* The states of an agent's session with its hub: which moves there are, and what a loss does. */
#include "agent/internal.h"
#include "agent/session.h"

#include "base/clock.h"
#include "base/log.h"
#include "check.h"

static int entered[SESSION_STATES], statuses;

static void enter_joining(struct agent *agent)
{
    entered[SESSION_JOINING]++;
}

static void enter_listing(struct agent *agent)
{
    entered[SESSION_LISTING]++;
}

static void enter_watching(struct agent *agent)
{
    entered[SESSION_WATCHING]++;
}

static void enter_waiting(struct agent *agent)
{
    entered[SESSION_WAITING]++;
}

static void count_status(struct agent *agent)
{
    statuses++;
}

static const struct session_hooks hooks = {
    .enter = {[SESSION_JOINING] = enter_joining,
              [SESSION_LISTING] = enter_listing,
              [SESSION_WATCHING] = enter_watching,
              [SESSION_WAITING] = enter_waiting},
    .status_changed = count_status,
};

static void lose(struct agent *agent, const char *words)
{
    struct err err = {0};

    err_set(&err, ERR_UNREACHABLE, "%s", words);
    session_lost(agent, "testing", &err);
}

static const struct {
    enum session_state from[3]; /* the way to the state, from waiting on */
    size_t steps;
    enum session_state to;
    bool is_allowed;
    const char *sentence;
} moves[] = {
    {{0}, 0, SESSION_JOINING, true, "an agent that waits joins"},
    {{0}, 0, SESSION_WATCHING, false, "it does not watch without a list"},
    {{SESSION_JOINING}, 1, SESSION_LISTING, true, "one that has joined lists"},
    {{SESSION_JOINING}, 1, SESSION_WATCHING, false, "and does not watch before that"},
    {{SESSION_LISTING}, 1, SESSION_WATCHING, true, "one that has listed watches"},
    {{SESSION_LISTING}, 1, SESSION_LISTING, false, "a list under way is not begun twice"},
    {{SESSION_LISTING, SESSION_WATCHING},
     2,
     SESSION_LISTING,
     true,
     "a watch that ends is followed by a list"},
    {{SESSION_LISTING, SESSION_WATCHING},
     2,
     SESSION_JOINING,
     false,
     "one that watches does not join"},
};

static void check_moves(void)
{
    for (size_t i = 0; i < count_of(moves); i++) {
        static char name[] = "edge-1";
        struct agent agent = {.tag = AGENT_TAG, .name = name};
        int before;

        session_open(&agent, &hooks);
        for (size_t step = 0; step < moves[i].steps; step++)
            session_move(&agent, moves[i].from[step]);
        before = entered[moves[i].to];
        session_move(&agent, moves[i].to);
        CHECK_INT(entered[moves[i].to] - before, moves[i].is_allowed, "%s", moves[i].sentence);
        session_close(&agent);
    }
}

static void check_loss(void)
{
    static char hub[] = "https://hub:6443", name[] = "edge-1";
    struct agent agent = {.tag = AGENT_TAG, .hub = hub, .name = name};
    int64_t first, second;

    session_open(&agent, &hooks);
    session_status_changed(&agent);
    CHECK_INT(statuses, 0, "a status that changes while the hub is not watched is not sent");
    session_move(&agent, SESSION_LISTING);
    session_move(&agent, SESSION_WATCHING);
    session_status_changed(&agent);
    CHECK_INT(statuses, 1, "while the hub is watched it is");
    session_set_closing(&agent, true);
    lose(&agent, "given up");
    CHECK(session_is_watching(&agent), "what ends because the link is closed is no loss");
    session_set_closing(&agent, false);
    lose(&agent, "no route");
    CHECK_INT(session_state(&agent), SESSION_WAITING, "after a loss the session waits");
    CHECK_TEXT(session_trouble(&agent), "no route", "and knows why");
    lose(&agent, "another");
    CHECK_TEXT(session_trouble(&agent), "no route",
               "while it waits, further losses say nothing new");
    first = session_next_delay(&agent);
    for (int i = 0; i < 12; i++)
        second = session_next_delay(&agent);
    CHECK(second > first, "it waits longer each time");
    session_stop(&agent);
    CHECK_INT(session_state(&agent), SESSION_WAITING,
              "an agent that is closed waits for nothing more");
    session_close(&agent);
    CHECK(!agent.session, "and its session is gone");
}

int main(void)
{
    log_setup(LOG_ERROR, false);
    check_moves();
    check_loss();
    return check_done();
}
